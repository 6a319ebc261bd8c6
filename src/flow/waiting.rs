//! What the streams of flows hold back: bytes ahead of a hole, and messages that have not ended.

use super::datagrams::Slot;
use super::endpoint::{Direction, Transport};
use super::followed::Flow;
use super::table::{FlowTable, Found};

/// What a stream, or all of them, hold of what was captured and can't be told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Bytes ahead of a hole.
    pub ahead_bytes: u64,
    /// The segments that they came in, or parts of them.
    pub ahead_segments: u64,
    /// Bytes of messages that have begun and not ended.
    pub message_bytes: u64,
    /// What goes with them: where each piece came from; and bytes of which it is not known yet what they are.
    pub other_bytes: u64,
}

impl Waiting {
    /// What the floors above keep of a flow that has no streams of its own.
    pub fn of(app: &impl Conversing) -> Self {
        let both = |bytes: &dyn Fn(Direction) -> usize| Direction::BOTH.into_iter().map(bytes).sum::<usize>() as u64;
        Self {
            ahead_bytes: both(&|direction| app.ahead(direction).0),
            ahead_segments: both(&|direction| app.ahead(direction).1),
            message_bytes: both(&|direction| app.message_bytes(direction)),
            other_bytes: both(&|direction| app.piece_bytes(direction)) + app.shared_bytes() as u64,
        }
    }

    /// The memory of all of it.
    pub const fn memory(self) -> u64 {
        self.ahead_bytes + self.message_bytes + self.other_bytes
    }

    /// Those and these.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            ahead_bytes: self.ahead_bytes + other.ahead_bytes,
            ahead_segments: self.ahead_segments + other.ahead_segments,
            message_bytes: self.message_bytes + other.message_bytes,
            other_bytes: self.other_bytes + other.other_bytes,
        }
    }

    /// Those without these, which are part of them.
    #[must_use]
    pub const fn without(self, part: Self) -> Self {
        Self {
            ahead_bytes: self.ahead_bytes.saturating_sub(part.ahead_bytes),
            ahead_segments: self.ahead_segments.saturating_sub(part.ahead_segments),
            message_bytes: self.message_bytes.saturating_sub(part.message_bytes),
            other_bytes: self.other_bytes.saturating_sub(part.other_bytes),
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self {
            ahead_bytes: self.ahead_bytes.max(other.ahead_bytes),
            ahead_segments: self.ahead_segments.max(other.ahead_segments),
            message_bytes: self.message_bytes.max(other.message_bytes),
            other_bytes: self.other_bytes.max(other.other_bytes),
        }
    }
}

/// What the floors above keep of a flow.
pub trait Conversing: Default {
    /// Bytes that it holds of a message which has begun in this direction and not ended.
    fn message_bytes(&self, direction: Direction) -> usize;

    /// Memory that goes with what it holds of a direction.
    fn piece_bytes(&self, direction: Direction) -> usize;

    /// Bytes that it holds of both directions together.
    fn shared_bytes(&self) -> usize;

    /// Bytes ahead of holes in streams of its own in this direction, and the pieces that they came in.
    fn ahead(&self, direction: Direction) -> (usize, usize);

    /// Whether it may hold any of these: most often it does not, and that is quickly said.
    fn may_hold(&self, direction: Direction) -> bool;

    /// Whether nobody but its next segment changes it.
    fn is_left_alone(&self) -> bool;
}

impl Conversing for () {
    fn message_bytes(&self, _: Direction) -> usize {
        0
    }

    fn piece_bytes(&self, _: Direction) -> usize {
        0
    }

    fn shared_bytes(&self) -> usize {
        0
    }

    fn ahead(&self, _: Direction) -> (usize, usize) {
        (0, 0)
    }

    fn may_hold(&self, _: Direction) -> bool {
        false
    }

    fn is_left_alone(&self) -> bool {
        true
    }
}

impl<A: Conversing> Flow<A> {
    /// What a direction holds back, with what both share.
    #[inline]
    pub fn waiting(&self, direction: Direction) -> Waiting {
        if !self.streams[direction].is_waiting() && !self.app.may_hold(direction) {
            return Waiting::default();
        }
        let own = self.own(direction);
        Waiting { other_bytes: own.other_bytes + self.app.shared_bytes() as u64, ..own }
    }

    #[inline]
    fn own(&self, direction: Direction) -> Waiting {
        let stream = &self.streams[direction];
        // Only what has come in datagrams has streams of its own.
        let app_ahead = match self.transport {
            Transport::Tcp => (0, 0),
            Transport::Udp => self.app.ahead(direction),
        };
        Waiting {
            ahead_bytes: (stream.held_bytes() + app_ahead.0) as u64,
            ahead_segments: (stream.held_segments() + app_ahead.1) as u64,
            message_bytes: self.app.message_bytes(direction) as u64,
            other_bytes: (stream.piece_bytes() + self.app.piece_bytes(direction)) as u64,
        }
    }

    /// What both directions hold back.
    pub fn waiting_in_both(&self) -> Waiting {
        self.waiting(Direction::ToServer).and(self.own(Direction::ToClient))
    }
}

/// How many flows that hold something are compared when one must give it up.
const SAMPLE: usize = 16;

impl<A: Conversing> FlowTable<A> {
    /// A flow that holds much: the one that holds most among some. Each call looks at others.
    pub fn heaviest(&mut self) -> Option<Found> {
        let mut heaviest: Option<(u64, Found)> = None;
        let mut compared = 0;
        for _ in 0..self.slots.len() {
            self.heavy_hand = if self.heavy_hand + 1 < self.slots.len() { self.heavy_hand + 1 } else { 0 };
            let slot = self.heavy_hand;
            let (own, challenger) = match self.slots.get(slot) {
                Some(Slot::Tcp(flow)) => {
                    let challenger = flow.challenger.as_ref().map(|flow| flow.waiting_in_both().memory());
                    (flow.waiting_in_both().memory(), challenger)
                }
                Some(Slot::Brief(brief)) => (brief.waiting().memory(), None),
                Some(Slot::Udp(datagrams)) => (datagrams.waiting().memory(), None),
                Some(Slot::Free) | None => continue,
            };
            let both = [(own, false)].into_iter().chain(challenger.map(|memory| (memory, true)));
            for (memory, challenger) in both.filter(|(memory, _)| *memory > 0) {
                if heaviest.is_none_or(|(most, _)| memory > most) {
                    heaviest = Some((memory, Found { slot, direction: Direction::ToServer, challenger }));
                }
                compared += 1;
            }
            if compared >= SAMPLE {
                break;
            }
        }
        heaviest.map(|(_, found)| found)
    }
}
