//! Flows of which a frame was chosen. What is told of a flow may come long after its end: a delivery that its session resumes
//! in another one, a finding about a whole broker.

use std::collections::BTreeSet;

use mqttsniff::capture::FrameNo;

/// How many flows are remembered beyond their end, in each of two generations: at 16 bytes or so it is 16 MiB for both,
/// and hours of a busy broker.
const ENDED: usize = 1 << 19;

/// Whether a frame of a flow was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// One was.
    Chosen,
    /// None was so far.
    NotChosen,
    /// It may be one of those that were forgotten.
    Forgotten,
}

/// Flows of which a frame was chosen.
#[derive(Debug)]
pub(super) struct ChosenFlows {
    open: BTreeSet<FrameNo>,
    /// The last of them: most frames belong to the flow of the one before.
    latest: Option<FrameNo>,
    /// Those that have ended, the older generation behind. When the first is full, it becomes the older one, and that is
    /// forgotten.
    ended: [BTreeSet<FrameNo>; 2],
    /// How many are in a generation at most.
    room: usize,
    /// The one that was opened last of those that are forgotten.
    forgotten: Option<FrameNo>,
}

impl Default for ChosenFlows {
    fn default() -> Self {
        Self::with_room(ENDED)
    }
}

impl ChosenFlows {
    const fn with_room(room: usize) -> Self {
        let ended = [BTreeSet::new(), BTreeSet::new()];
        Self { open: BTreeSet::new(), latest: None, ended, room, forgotten: None }
    }

    /// A frame of this flow is chosen.
    pub(super) fn note(&mut self, flow: FrameNo) {
        if self.latest.replace(flow) != Some(flow) {
            self.open.insert(flow);
        }
    }

    /// A flow has ended; whether a frame of it was chosen.
    pub(super) fn end(&mut self, flow: FrameNo) -> bool {
        self.latest = None;
        let chosen = self.open.remove(&flow);
        if chosen {
            let [young, old] = &mut self.ended;
            if young.len() >= self.room {
                self.forgotten = self.forgotten.max(old.last().copied());
                *old = std::mem::take(young);
            }
            young.insert(flow);
        }
        chosen
    }

    /// What is known of a flow, be it over or not.
    pub(super) fn know(&self, flow: FrameNo) -> Known {
        if self.open.contains(&flow) || self.ended.iter().any(|ended| ended.contains(&flow)) {
            Known::Chosen
        } else if self.forgotten.is_some_and(|forgotten| flow <= forgotten) {
            Known::Forgotten
        } else {
            Known::NotChosen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_known_beyond_its_end() {
        let mut flows = ChosenFlows::default();
        flows.note(FrameNo(1));
        assert_eq!([1, 2].map(|flow| flows.know(FrameNo(flow))), [Known::Chosen, Known::NotChosen]);
        assert_eq!([1, 2].map(|flow| flows.end(FrameNo(flow))), [true, false]);
        assert_eq!([1, 2].map(|flow| flows.know(FrameNo(flow))), [Known::Chosen, Known::NotChosen]);
    }

    #[test]
    fn as_many_are_remembered_as_there_is_room_for_and_that_others_were_is_not_denied() {
        let mut flows = ChosenFlows::with_room(10);
        for flow in (2..=100).step_by(2) {
            flows.note(FrameNo(flow));
            flows.end(FrameNo(flow));
        }
        let chosen: Vec<u64> = (1..200).filter(|flow| flows.know(FrameNo(*flow)) == Known::Chosen).collect();
        assert!((10..=20).contains(&chosen.len()) && chosen.last() == Some(&100), "{chosen:?}");
        let forgotten: Vec<u64> = (1..200).filter(|flow| flows.know(FrameNo(*flow)) == Known::Forgotten).collect();
        let first = chosen[0];
        assert_eq!(forgotten, (1..first - 1).collect::<Vec<_>>(), "all that were opened before the last of those");
    }
}
