//! What is followed of sessions, how much of it is kept, and how much is held.

use crate::engine::Level;

/// What is followed of sessions, and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Follow each message through the broker, and tell deliveries and topics.
    pub routes: bool,
    /// Sessions that wait for their client to come back.
    pub waiting_sessions: usize,
    /// Messages on their way through a broker.
    pub publications: usize,
    /// Retained messages.
    pub retained: usize,
    /// Bytes of the subscriptions of all brokers, by which the receivers of messages are found.
    pub subscriptions: usize,
    /// Topics.
    pub topics: usize,
    /// Bytes of what all sessions hold: messages that wait for an acknowledgement, and filters.
    pub memory: usize,
}

impl Default for SessionOptions {
    /// Routes are not followed; a hundred thousand of each, which take some tens of megabytes; 64 MiB of subscriptions, 256 MiB of all sessions.
    fn default() -> Self {
        let each = 100_000;
        Self {
            routes: false,
            waiting_sessions: each,
            publications: each,
            retained: each,
            subscriptions: 64 << 20,
            topics: each,
            memory: 256 << 20,
        }
    }
}

/// How much is held of sessions and routes; nothing of deliveries, retained messages, subscriptions and topics
/// where routes are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionsHeld {
    /// Sessions that wait for their client to come back.
    pub sessions: Level,
    /// Messages on their way through a broker.
    pub deliveries: Level,
    /// Retained messages.
    pub retained: Level,
    /// Bytes of subscriptions.
    pub subscriptions: Level,
    /// Topics.
    pub topics: Level,
    /// Bytes of what all sessions hold, at most: not all of what has gone is taken off at once.
    pub memory: Level,
}
