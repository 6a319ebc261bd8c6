//! When a flow is let go: because it is over, or idle, or because there are too many.

use std::collections::VecDeque;

use super::datagrams::Slot;
use super::state::TcpState;
use super::table::{Ended, EndedFlows, FlowTable, Found, LINGER, TIME_WAIT};
use super::waiting::Conversing;
use crate::capture::{FrameNo, Origin};
use crate::time::{Span, Timestamp};

/// Every so many packets one flow is looked at whether it is idle.
const SWEEP_EVERY: u32 = 8;

/// How many flows are compared when one must go.
const EVICTION_SAMPLE: usize = 16;

impl<A: Conversing> FlowTable<A> {
    /// Tells the table that the connection may have come to its end with this segment.
    pub fn note_progress(&mut self, found: Found) {
        let Some(flow) = self.slots.get_mut(found.slot).and_then(Slot::tcp_mut) else { return };
        if flow.quiet_since.is_some() || found.challenger || !flow.connection.is_over() {
            return;
        }
        let now = self.clock.now();
        flow.quiet_since = Some(now);
        let sides = &flow.connection.sides;
        let waits = sides.to_server.state() == TcpState::TimeWait || sides.to_client.state() == TcpState::TimeWait;
        let (queue, after) = if waits { (1, TIME_WAIT) } else { (0, LINGER) };
        let id = flow.id;
        self.goes_later(queue, now + after, found.slot, id);
    }

    /// A flow that is over may be let go when it is `due`.
    pub(super) fn goes_later(&mut self, queue: usize, due: Timestamp, slot: usize, id: FrameNo) {
        self.over[queue].push_back((due, slot, id));
        self.forget_gone(queue);
        self.note_due();
    }

    /// Lets go what is over or idle at this time.
    #[inline]
    pub(super) fn let_go(&mut self, origin: Origin, ended: &mut EndedFlows<A>) {
        let now = self.clock.tick(origin.time);
        if self.next_due.is_some_and(|due| due <= now) {
            self.let_go_over(now, origin.time, ended);
        }
        self.packets = self.packets.wrapping_add(1);
        if self.packets.is_multiple_of(SWEEP_EVERY) {
            self.let_go_idle(origin.time, ended);
        }
    }

    /// Lets go what is over and was silent for long enough, though no frame has come for so long since the last one, of
    /// `last`.
    pub fn time_passes(&mut self, last: Timestamp, silence: Span, ended: &mut EndedFlows<A>) {
        // Whether the time of that frame is to be believed is for the next one to say.
        let now = self.clock.now() + silence;
        if self.next_due.is_some_and(|due| due <= now) {
            self.let_go_over(now, last + silence, ended);
        }
    }

    fn note_due(&mut self) {
        let due = |queue: &VecDeque<(Timestamp, usize, FrameNo)>| queue.front().map(|first| first.0);
        let [short, long] = [due(&self.over[0]), due(&self.over[1])];
        self.next_due = short.into_iter().chain(long).min();
    }

    /// Takes out of a queue what is gone, once that is most of it: ports that are used over and over leave much behind in a
    /// minute, and more where a capture's clock stands still.
    fn forget_gone(&mut self, queue: usize) {
        if self.over[queue].len() > 1024 + 2 * self.held {
            let slots = &self.slots;
            self.over[queue].retain(|(_, slot, id)| slots.get(*slot).is_some_and(|held| held.id() == Some(*id)));
        }
    }

    /// Lets go what is over, and was silent for long enough at `now` in steady time, which for the frames is `at`.
    fn let_go_over(&mut self, now: Timestamp, at: Timestamp, ended: &mut EndedFlows<A>) {
        for (queue, after) in [(0, LINGER), (1, TIME_WAIT)] {
            while let Some(&(due, slot, id)) = self.over[queue].front() {
                if due > now {
                    break;
                }
                self.over[queue].pop_front();
                let held = self.slots.get_mut(slot).filter(|held| held.id() == Some(id));
                let Some((quiet_since, is_over)) = held.and_then(Slot::quiet) else { continue };
                if let Some(again) = quiet_since.map(|since| since + after).filter(|again| *again > now) {
                    // Something came late, so that the time begins anew.
                    self.over[queue].push_back((again, slot, id));
                } else if is_over {
                    self.end(slot, Ended::Over, at, ended);
                } else {
                    *quiet_since = None;
                }
            }
        }
        self.note_due();
    }

    /// When something came last of the flow in this slot, in steady time, and its last frame.
    ///
    /// The last time of a flow may be that of a clock which has been set back since, or of a frame with a damaged time. Such
    /// a time counts as the one when it is looked at, for as long as no further frame comes.
    fn heard(&self, slot: usize, last: Origin) -> (Timestamp, FrameNo) {
        match self.heard.get(slot) {
            Some(heard) if heard.1 == last.frame => *heard,
            _ => (self.clock.of(last.time), last.frame),
        }
    }

    /// Looks at the next flow, whether it is idle.
    fn let_go_idle(&mut self, at: Timestamp, ended: &mut EndedFlows<A>) {
        let now = self.clock.now();
        self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
        let (Some(held), Some(heard)) = (self.slots.get(self.hand), self.heard.get(self.hand)) else { return };
        let limits = &self.limits;
        if now <= heard.0 + limits.udp_idle.min(limits.tcp_idle) {
            return;
        }
        let lasting = held.udp().is_some_and(|datagrams| datagrams.lasting);
        let short = match held {
            Slot::Tcp(flow) => flow.connection.is_unanswered_syn(),
            Slot::Brief(brief) => brief.is_unanswered(),
            Slot::Free | Slot::Udp(_) => !lasting,
        };
        let limit = if short { limits.udp_idle } else { limits.tcp_idle };
        let Some((last, _)) = held.last() else { return };
        let heard = self.heard(self.hand, last);
        if now.since(heard.0) > limit {
            self.end(self.hand, Ended::Idle, at, ended);
        } else {
            self.heard[self.hand] = heard;
        }
    }

    /// Makes room by letting go the flow that was idle longest among some.
    pub(super) fn evict(&mut self, now: Timestamp, ended: &mut EndedFlows<A>) {
        let mut oldest: Option<((bool, Timestamp), usize)> = None;
        let mut compared = 0;
        for _ in 0..self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some((last, is_conversation)) = self.slots[self.hand].last() else { continue };
            // What was never answered goes before a conversation, so that a flood leaves those alone.
            let rank = (is_conversation, self.heard(self.hand, last).0);
            if oldest.is_none_or(|(least, _)| rank < least) {
                oldest = Some((rank, self.hand));
            }
            compared += 1;
            if compared == EVICTION_SAMPLE {
                break;
            }
        }
        if let Some((_, slot)) = oldest {
            self.evicted += 1;
            self.end(slot, Ended::Evicted, now, ended);
        }
    }
}
