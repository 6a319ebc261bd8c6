//! MQTT sessions: what the messages of a connection add up to, from CONNECT to its end.

mod connection;
mod delivery;

pub use connection::{Counts, End, EndKind, Session, SubscriptionState};
pub use delivery::{Deliveries, DeliveryCounts};

use std::collections::HashMap;

use crate::capture::FrameNo;
use crate::dissect::Message;

/// The sessions of all connections that are open.
///
/// Call [`Sessions::on_message`] for each message in order, and [`Sessions::end`] when its flow has ended.
#[derive(Debug, Default)]
pub struct Sessions {
    open: HashMap<FrameNo, Box<Session>, foldhash::fast::RandomState>,
}

impl Sessions {
    /// No sessions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a message of the flow into account.
    pub fn on_message(&mut self, flow: FrameNo, message: &Message<'_>) {
        self.open.entry(flow).or_insert_with(|| Box::new(Session::new(flow, message))).on_message(message);
    }

    /// The session of the flow, if it carries one, so far.
    pub fn get(&self, flow: FrameNo) -> Option<&Session> {
        self.open.get(&flow).map(AsRef::as_ref)
    }

    /// The flow has ended: its session is handed out.
    pub fn end(&mut self, flow: FrameNo) -> Option<Box<Session>> {
        self.open.remove(&flow)
    }
}
