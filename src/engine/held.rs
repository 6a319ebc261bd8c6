//! How much is held at the moment of what is capped.

use crate::flow::Waiting;

/// How much of something is held, and how much may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// So much is held now, of all flows and brokers together.
    pub now: u64,
    /// So much may be.
    pub limit: u64,
    /// Where the limit is for each direction of a flow by itself: the most that one has held so far.
    pub most_in_one: Option<u64>,
}

impl Level {
    /// Of something that has one limit for all.
    pub const fn of_all(now: usize, limit: usize) -> Self {
        Self { now: now as u64, limit: limit as u64, most_in_one: None }
    }

    /// Whether the limit is kept.
    pub const fn is_kept(&self) -> bool {
        match self.most_in_one {
            Some(most) => most <= self.limit,
            None => self.now <= self.limit,
        }
    }
}

/// The most bytes that all streams together hold back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldLimit(pub usize);

impl Default for HeldLimit {
    /// 256 MiB: as much as 256 streams may hold at most. In traffic that nobody made to harm few hold anything at a time.
    fn default() -> Self {
        Self(256 << 20)
    }
}

/// How much an engine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineHeld {
    /// Flows.
    pub flows: Level,
    /// Datagrams that wait for fragments.
    pub fragments: Level,
    /// The memory that they take, in bytes.
    pub fragment_bytes: Level,
    /// Bytes ahead of a hole in a stream.
    pub out_of_order_bytes: Level,
    /// Segments ahead of a hole in a stream.
    pub out_of_order_segments: Level,
    /// Bytes of messages that have not ended.
    pub message_bytes: Level,
    /// The memory of all that streams hold back.
    pub stream_memory: Level,
}

/// What the streams of all flows hold back, kept as it changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waits {
    pub(super) now: Waiting,
    pub(super) most_in_one: Waiting,
}

impl Waits {
    /// One stream, or the two of a flow, has changed.
    #[inline]
    pub(super) fn changed(&mut self, before: Waiting, after: Waiting) {
        if before != after {
            self.now = self.now.and(after).without(before);
        }
    }

    /// One stream has come to hold so much.
    #[inline]
    pub(super) fn came_to(&mut self, before: Waiting, after: Waiting) {
        if before != after {
            self.changed(before, after);
            self.most_in_one = self.most_in_one.or_more(after);
        }
    }
}
