//! What the streams of flows hold back: bytes ahead of a hole, and messages that have not ended.

use super::endpoint::Direction;
use super::followed::Flow;

/// What a stream, or all of them, hold of what was captured and can't be told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Bytes ahead of a hole.
    pub ahead_bytes: u64,
    /// The segments that they came in, or parts of them.
    pub ahead_segments: u64,
    /// Bytes of messages that have begun and not ended.
    pub message_bytes: u64,
}

impl Waiting {
    /// Those and these.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            ahead_bytes: self.ahead_bytes + other.ahead_bytes,
            ahead_segments: self.ahead_segments + other.ahead_segments,
            message_bytes: self.message_bytes + other.message_bytes,
        }
    }

    /// Those without these, which are part of them.
    #[must_use]
    pub const fn without(self, part: Self) -> Self {
        Self {
            ahead_bytes: self.ahead_bytes.saturating_sub(part.ahead_bytes),
            ahead_segments: self.ahead_segments.saturating_sub(part.ahead_segments),
            message_bytes: self.message_bytes.saturating_sub(part.message_bytes),
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self {
            ahead_bytes: self.ahead_bytes.max(other.ahead_bytes),
            ahead_segments: self.ahead_segments.max(other.ahead_segments),
            message_bytes: self.message_bytes.max(other.message_bytes),
        }
    }
}

/// What the floors above keep of a flow.
pub trait Conversing: Default {
    /// Bytes that it holds of a message which has begun in this direction and not ended.
    fn message_bytes(&self, direction: Direction) -> usize;
}

impl Conversing for () {
    fn message_bytes(&self, _: Direction) -> usize {
        0
    }
}

impl<A: Conversing> Flow<A> {
    /// What a direction holds back.
    #[inline]
    pub fn waiting(&self, direction: Direction) -> Waiting {
        let stream = &self.streams[direction];
        Waiting {
            ahead_bytes: stream.held_bytes() as u64,
            ahead_segments: stream.held_segments() as u64,
            message_bytes: self.app.message_bytes(direction) as u64,
        }
    }

    /// What both directions hold back.
    pub fn waiting_in_both(&self) -> Waiting {
        self.waiting(Direction::ToServer).and(self.waiting(Direction::ToClient))
    }
}
