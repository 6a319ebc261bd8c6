//! The will of a connection, and what became of it (MQTT 5.0, section 3.1.2.5).

use super::delivery::{Name, PacketRef};
use super::digest::Digest;
use crate::mqtt::{PropertyId, PropertyValue, Will};
use crate::text::kept_name;
use crate::time::{Span, Timestamp};

/// The most sightings that are kept of one will.
const SIGHTINGS: usize = 16;

/// How much earlier than the end of its connection a will may be captured: a server that closes a connection may
/// publish the will first.
const EARLY: Span = Span::from_secs(1);

/// How much later than it is due a will is seen that others have as well, so that it is taken for this one's.
const PROMPT: Span = Span::from_secs(5);

/// A copy of the will on its way to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Where.
    pub place: PacketRef,
    /// The subscriber, where its identifier is known.
    pub client_id: Option<Name>,
    /// No other client that is connected has the same will.
    pub(super) alone: bool,
}

/// What became of a will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WillFate {
    /// The connection is open, as far as the capture goes.
    Armed,
    /// Dropped with the client's DISCONNECT.
    Discarded,
    /// The server refused the connection.
    Refused,
    /// The client came back before its delay was over.
    Cancelled,
    /// Seen on its way to a subscriber.
    Published,
    /// Due, and not seen: nobody may have subscribed to it, or the capture lacks it.
    NotSeen,
    /// Its delay was not over when the capture was, or the flow was let go.
    Delayed,
}

impl WillFate {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Discarded => "discarded",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Published => "published",
            Self::NotSeen => "not_seen",
            Self::Delayed => "delayed",
        }
    }
}

/// The will of a connection.
#[derive(Debug, Clone)]
pub struct WillState {
    /// Its topic.
    pub topic: Name,
    /// Its QoS.
    pub qos: u8,
    /// Whether it is to be retained.
    pub retain: bool,
    /// Bytes of its payload.
    pub payload_length: u32,
    /// Seconds that the server waits with it (5.0).
    pub delay: u32,
    /// Copies of it that were seen on their way to subscribers; of very many only the first.
    pub sightings: Vec<Sighting>,
    /// When somebody published what looks the same.
    pub(super) shadowed: Option<Timestamp>,
    /// When the client came back after this connection, and went on with the session.
    pub(super) back: Option<Timestamp>,
    /// When the session was over because the client began another.
    pub(super) over: Option<Timestamp>,
    pub(super) digest: Digest,
}

impl WillState {
    pub(super) fn new(will: &Will<'_>, digest: Digest) -> Self {
        let delay = will.properties.get(PropertyId::WillDelayInterval).and_then(PropertyValue::number);
        Self {
            topic: kept_name(will.topic).into(),
            qos: will.qos,
            retain: will.retain,
            payload_length: will.payload.len() as u32,
            delay: delay.unwrap_or(0),
            sightings: Vec::new(),
            shadowed: None,
            back: None,
            over: None,
            digest,
        }
    }

    /// A message that looks like it went to a subscriber.
    pub(super) fn on_sighting(&mut self, sighting: Sighting) {
        if self.sightings.len() < SIGHTINGS {
            self.sightings.push(sighting);
        }
    }

    /// The sightings that the end of the connection at `closed` explains.
    pub(super) fn published(&self, closed: Timestamp, session_expiry: u32) -> impl Iterator<Item = &Sighting> {
        let due = self.due(closed, session_expiry);
        self.sightings.iter().filter(move |sighting| {
            let at = sighting.place.at.time;
            // Who came back in time has called it off: what is seen later is of another connection.
            let called_off = self.delay > 0 && self.back.is_some_and(|back| back < due && at >= back);
            !called_off && at.since(closed) >= Span::ZERO - EARLY && (sighting.alone || at.since(due) < PROMPT)
        })
    }

    /// When it is due, if the connection ended at `closed`: after the delay, or with the session where that ends before.
    pub(super) fn due(&self, closed: Timestamp, session_expiry: u32) -> Timestamp {
        let due = closed + Span::from_secs(i64::from(self.delay.min(session_expiry)));
        match self.over {
            Some(over) if over < due => over,
            _ => due,
        }
    }
}
