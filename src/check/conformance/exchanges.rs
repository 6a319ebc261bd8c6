//! Requests that wait for their answer on a connection: which answer fits, and what stays unanswered.

use std::collections::VecDeque;

use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::PacketType;
use crate::time::Span;

/// The most requests of a direction that wait; with more, those that were first are forgotten.
const OPEN: usize = 4096;

/// The most answers kept that were captured before their request.
const EARLY: usize = 16;

/// How much later than its answer a request may be captured, because the two directions have no common clock.
const LATE: Span = Span::from_secs(1);

/// A packet that wants an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// What is waited for.
    pub(super) answer: PacketType,
    /// Its packet identifier; 0 where it has none.
    pub(super) id: u16,
    pub(super) at: Origin,
}

/// What an answer is to what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It answers something.
    Answers,
    /// It answers something that is not the oldest of its kind.
    AnswersLater,
    /// Nothing that was seen waits for it.
    Nothing,
}

/// What waits, by the direction of the request.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    open: PerDirection<VecDeque<Open>>,
    early: VecDeque<(PacketType, u16, Origin)>,
    /// Requests were forgotten.
    pub(super) forgot: bool,
}

impl Exchanges {
    /// Whether a message with this identifier is under way in a direction.
    pub(super) fn in_flight(&self, direction: Direction, id: u16) -> bool {
        let acknowledges = |answer| matches!(answer, PacketType::PubAck | PacketType::PubRec | PacketType::PubComp);
        let here = self.open[direction].iter().any(|open| open.id == id && acknowledges(open.answer));
        // Between PUBREC and PUBREL the receiver waits for the sender.
        here || self.open[direction.reverse()].iter().any(|open| open.id == id && open.answer == PacketType::PubRel)
    }

    /// A request was sent in this direction. Gives whether its answer had been captured before.
    pub(super) fn ask(&mut self, direction: Direction, answer: PacketType, id: u16, at: Origin) -> bool {
        let early = self.early.iter().position(|(kind, early, _)| *kind == answer && *early == id);
        if let Some(place) = early.filter(|place| at.time.since(self.early[*place].2.time) < LATE) {
            self.early.remove(place);
            return true;
        }
        let open = &mut self.open[direction];
        if open.len() == OPEN {
            open.pop_front();
            self.forgot = true;
        }
        open.push_back(Open { answer, id, at });
        false
    }

    /// An answer to a request of this direction.
    pub(super) fn answer(&mut self, direction: Direction, answer: PacketType, id: u16, at: Origin) -> Fit {
        let open = &mut self.open[direction];
        let Some(place) = open.iter().position(|open| open.answer == answer && open.id == id) else {
            if self.early.len() == EARLY {
                self.early.pop_front();
            }
            self.early.push_back((answer, id, at));
            return Fit::Nothing;
        };
        let oldest = open.iter().position(|open| open.answer == answer) == Some(place);
        open.remove(place);
        if oldest { Fit::Answers } else { Fit::AnswersLater }
    }

    /// A request of this direction was sent again: it waits from now on.
    pub(super) fn again(&mut self, direction: Direction, id: u16, at: Origin) {
        for open in self.open[direction].iter_mut().filter(|open| open.id == id) {
            open.at = at;
        }
    }

    /// What a direction still waits for.
    pub(super) fn open(&self, direction: Direction) -> impl Iterator<Item = Open> {
        self.open[direction].iter().copied()
    }
}
