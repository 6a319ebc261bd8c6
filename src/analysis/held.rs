//! How much an analysis holds, beside what it may.

use crate::engine::{EngineHeld, Level};
use crate::session::SessionsHeld;

/// How much is held of what is capped ([`crate::engine::Cap`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Flows, fragments, and what their streams hold back.
    pub engine: EngineHeld,
    /// Sessions and what goes through brokers.
    pub sessions: SessionsHeld,
    /// Addresses that have names.
    pub names: Level,
}

impl Held {
    /// All levels with their names.
    pub const fn levels(&self) -> [(&'static str, Level); 14] {
        let Self { engine, sessions, names } = self;
        [
            ("flows", engine.flows),
            ("fragments", engine.fragments),
            ("fragment_bytes", engine.fragment_bytes),
            ("out_of_order_bytes", engine.out_of_order_bytes),
            ("out_of_order_segments", engine.out_of_order_segments),
            ("message_bytes", engine.message_bytes),
            ("stream_memory", engine.stream_memory),
            ("sessions", sessions.sessions),
            ("deliveries", sessions.deliveries),
            ("session_memory", sessions.memory),
            ("retained", sessions.retained),
            ("subscriptions", sessions.subscriptions),
            ("topics", sessions.topics),
            ("names", *names),
        ]
    }
}
