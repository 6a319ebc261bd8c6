//! A delivery: the way of one message over one hop, from its sender to its receiver, with all that belongs to it.
//!
//! This is what is told of it; how packets are put down to deliveries is in `exchange.rs`, and how the two hops of a
//! message through a broker are joined in `route.rs`.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::digest::Digest;
use super::exchange::EARLY;
use super::receipt::{Published, Receipts};
use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::flow::{Direction, Durations, KnownBy, PerDirection, Transport};
use crate::mqtt::{PacketType, Version};
use crate::rare::{Rare, blank};
use crate::time::Span;

/// The most further sendings that are kept of a delivery.
const SENDINGS: usize = 32;

/// Deliveries on their way from one list to the next, which moves no more than their address.
#[allow(clippy::vec_box, reason = "a delivery is large, and moved several times")]
pub(super) type Boxes = Vec<Box<Delivery>>;

/// Text that several things share: a client identifier, a topic.
pub type Name = Arc<[u8]>;

/// A packet on a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketRef {
    /// The flow.
    pub flow: FrameNo,
    /// The frame that completed the packet.
    pub at: Origin,
}

/// One sending of a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Where.
    pub place: PacketRef,
    /// Whether DUP was set.
    pub dup: bool,
}

/// An acknowledgement, or the release of a message of QoS 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    pub packet_type: PacketType,
    /// Where it was first seen.
    pub place: PacketRef,
    /// Its reason code.
    pub code: u8,
}

/// How far a delivery came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryOutcome {
    /// QoS 0: it was sent, and nobody says that it arrived.
    Sent,
    /// It is not acknowledged to the end.
    Open,
    /// It is acknowledged to the end.
    Complete,
    /// Its receiver refused it, by a code of 0x80 or above.
    Refused,
    /// Its identifier was taken for another message while it was open.
    Superseded,
    /// It came to an end that the capture lacks: its identifier was used again.
    Unresolved,
    /// The session was discarded while it was open.
    SessionOver,
}

impl DeliveryOutcome {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
            Self::Unresolved => "unresolved",
            Self::SessionOver => "session_over",
        }
    }
}

/// What is odd about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Fault {
    /// It was sent again on the same connection.
    ResentOnConnection,
    /// It was sent again with DUP not set.
    ResentWithoutDup,
    /// It was sent again after its PUBREL.
    ResentAfterRelease,
    /// It is a message again that had been delivered to the end under the same identifier.
    ResentAfterCompletion,
    /// DUP is set, and the capture has no earlier sending.
    FirstUnseen,
    /// An acknowledgement came that does not fit it.
    WrongAcknowledgement,
    /// It took an identifier that was in use.
    IdentifierInUse,
}

impl Fault {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::ResentOnConnection,
        Self::ResentWithoutDup,
        Self::ResentAfterRelease,
        Self::ResentAfterCompletion,
        Self::FirstUnseen,
        Self::WrongAcknowledgement,
        Self::IdentifierInUse,
    ];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResentOnConnection => "resent_on_connection",
            Self::ResentWithoutDup => "resent_without_dup",
            Self::ResentAfterRelease => "resent_after_release",
            Self::ResentAfterCompletion => "resent_after_completion",
            Self::FirstUnseen => "first_unseen",
            Self::WrongAcknowledgement => "wrong_acknowledgement",
            Self::IdentifierInUse => "identifier_in_use",
        }
    }
}

/// A set of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults(u8);

impl Faults {
    pub(super) const fn add(&mut self, fault: Fault) {
        self.0 |= 1 << fault as u8;
    }

    /// Whether it is among them.
    pub const fn has(self, fault: Fault) -> bool {
        self.0 & 1 << fault as u8 != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Fault::ALL.into_iter().filter(move |fault| self.has(*fault)).map(Fault::name)
    }
}

/// What is said of a delivery where deliveries are told, besides what its exchange needs.
#[derive(Debug, Clone)]
pub struct Told {
    /// The flow of the first sending.
    pub flow: FlowRef,
    /// The client of the hop, where its identifier is known.
    pub client_id: Option<Name>,
    /// Its topic, where it is kept and known.
    pub topic: Option<Name>,
    /// Bytes of its payload; absent where it was not reached.
    pub payload_length: Option<u32>,
    /// The further sendings; of very many the first, and the latest. They are there also where nothing else is.
    pub again: Vec<Sending>,
    /// To the client: whose message it is. Only where routes are followed.
    pub published: Option<Published>,
    /// To the server: who got it. Only where routes are followed.
    pub receipts: Option<Box<Receipts>>,
    /// The publication that it is.
    pub(super) publication: Option<u64>,
}

impl Told {
    pub(super) const fn new(flow: FlowRef) -> Self {
        Self {
            flow,
            client_id: None,
            topic: None,
            payload_length: None,
            again: Vec::new(),
            published: None,
            receipts: None,
            publication: None,
        }
    }
}

impl Default for Told {
    /// Of a delivery that is not told.
    fn default() -> Self {
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        Self::new(FlowRef {
            id: FrameNo(0),
            stream: 0,
            transport: Transport::Tcp,
            client: nobody,
            server: nobody,
            known_by: KnownBy::FirstFrame,
            begin: PerDirection::default(),
            from_start: PerDirection::default(),
            lacks: PerDirection::default(),
            unacknowledged: PerDirection::default(),
        })
    }
}

/// The way of a message over one hop.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// From whom to whom.
    pub direction: Direction,
    /// The version of the flow.
    pub version: Version,
    /// Its QoS.
    pub qos: u8,
    /// Its RETAIN flag.
    pub retain: bool,
    /// Its identifier; none with QoS 0.
    pub packet_id: Option<u16>,
    /// The first sending that was seen.
    pub first: Sending,
    /// How many further ones there were.
    pub resends: u32,
    /// The receiver's first answer: PUBACK, or PUBREC.
    pub acknowledged: Option<Step>,
    /// PUBREL.
    pub released: Option<Step>,
    /// PUBCOMP.
    pub completed: Option<Step>,
    /// How far it came.
    pub outcome: DeliveryOutcome,
    /// What is odd about it.
    pub faults: Faults,
    pub(super) digest: Digest,
    /// The flow of the latest PUBREL.
    pub(super) release_flow: Option<FrameNo>,
    /// Further acknowledgements that its receiver owes, because it was sent again.
    pub(super) owed: u32,
    /// Further PUBRELs that its sender owes, because PUBREC came again.
    pub(super) demanded: u32,
    /// Its number among those of its direction and session.
    pub(super) number: u64,
    /// It reads as if it were part of it.
    pub(super) told: Rare<Told>,
}

impl Deref for Delivery {
    type Target = Told;

    fn deref(&self) -> &Told {
        &self.told
    }
}

impl DerefMut for Delivery {
    fn deref_mut(&mut self) -> &mut Told {
        &mut self.told
    }
}

impl Delivery {
    /// Whether another sending under the same identifier may be of the same message.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.qos == other.qos && self.digest.may_equal(other.digest)
    }

    /// Takes over all but the first sending of what was taken for another message.
    pub(super) fn merge(&mut self, other: Self) {
        let left_out = other.resends.saturating_sub(other.again.len() as u32);
        let Self { mut told, .. } = other;
        if let Some(told) = told.made() {
            for sending in std::mem::take(&mut told.again) {
                self.add_sending(sending);
            }
            let Told { topic, published, publication, .. } = told;
            self.topic = self.topic.take().or(topic.take());
            self.published = self.published.take().or(published.take());
            self.publication = self.publication.or(*publication);
        }
        self.resends = self.resends.saturating_add(left_out);
        // Its first sending was seen, on the connection before.
        let faults = Fault::ALL.into_iter().filter(|fault| other.faults.has(*fault) && *fault != Fault::FirstUnseen);
        faults.for_each(|fault| self.faults.add(fault));
        self.owed += other.owed;
        match (self.acknowledged, other.acknowledged) {
            (None, answer) => self.acknowledged = answer,
            (Some(_), Some(_)) => self.owed = self.owed.saturating_sub(1),
            (Some(_), None) => {}
        }
        self.released = self.released.or(other.released);
        self.release_flow = other.release_flow.or(self.release_flow);
    }

    /// The flow of the latest sending.
    pub(super) fn last_flow(&self) -> FrameNo {
        self.again.last().unwrap_or(&self.first).place.flow
    }

    pub(super) fn add_sending(&mut self, sending: Sending) {
        self.resends = self.resends.saturating_add(1);
        if self.again.len() < SENDINGS {
            self.again.push(sending);
        } else if let Some(last) = self.again.last_mut() {
            *last = sending;
        }
    }

    /// The packet that ended it.
    pub const fn end(&self) -> Option<Step> {
        match (self.outcome, self.completed) {
            (DeliveryOutcome::Complete | DeliveryOutcome::Refused, Some(step)) => Some(step),
            (DeliveryOutcome::Complete | DeliveryOutcome::Refused, None) => self.acknowledged,
            (
                DeliveryOutcome::Sent
                | DeliveryOutcome::Open
                | DeliveryOutcome::Superseded
                | DeliveryOutcome::Unresolved
                | DeliveryOutcome::SessionOver,
                _,
            ) => None,
        }
    }

    /// From the first sending to the packet that ended it, where it is known when both were.
    pub fn latency(&self) -> Option<Span> {
        let latency = self.end()?.place.at.time.since(self.first.place.at.time);
        (latency >= Span::ZERO - EARLY).then_some(latency)
    }
}

/// What came of the exchanges on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Acknowledged to the end.
    pub complete: u64,
    /// Not acknowledged to the end yet.
    pub open: u64,
    /// Sent with DUP set.
    pub duplicate: u64,
    /// Refused by a reason code of 0x80 or above.
    pub refused: u64,
    /// Acknowledgements that fit no exchange that was seen.
    pub unmatched: u64,
    /// Exchanges whose identifier was used for another message, so that they had come to an end which the capture
    /// lacks.
    pub unresolved: u64,
}

/// What came of the exchanges of one direction of a connection.
#[derive(Debug, Clone, Default)]
pub struct Deliveries {
    /// By outcome.
    pub counts: DeliveryCounts,
    /// From the PUBLISH to the last acknowledgement of the completed ones.
    pub latency: Durations,
    /// The most that were open at once.
    pub most_open: u32,
}

blank!(Deliveries, Told);
