//! What happens in sessions of MQTT-SN that breaks a rule, or that somebody should know of.

use super::super::delivery::Name;
use super::super::incident::Certainty;
use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::flow::Role;
use crate::mqttsn::{Kind, ReturnCode};
use crate::time::Span;

/// A request that waits for its answer. Each side has one of a kind under way at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// CONNECT.
    Connect,
    /// REGISTER (section 6.5).
    Register,
    /// PUBLISH of QoS 1 or 2 (section 6.6).
    Publish,
    /// SUBSCRIBE or UNSUBSCRIBE (section 6.9).
    Subscribe,
    /// WILLTOPICUPD.
    WillTopic,
    /// WILLMSGUPD.
    WillMessage,
    /// PINGREQ.
    Ping,
    /// DISCONNECT of the client.
    Disconnect,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnIncidentKind {
    /// A message of a type that only the other side sends.
    WrongSender(Kind),
    /// A client published with QoS -1, as a gateway never does; or the gateway did.
    MinusOneByGateway,
    /// A PUBLISH with an id that nobody registered.
    UnknownTopicId(u16),
    /// A request before the one before it was answered.
    SeveralOutstanding(Kind, u16, u16),
    /// Another message with the message id of one that is not answered.
    MessageIdReused(Kind, u16),
    /// A PUBLISH sent again without DUP.
    DupMissing(u16),
    /// The gateway publishes with an id that the client has not accepted yet.
    PublishBeforeRegAck(u16),
    /// An answer of another kind than what it answers.
    WrongAnswer(Kind, Kind),
    /// An answer to what nobody asked.
    Unasked(Kind, u16),
    /// A client was silent for longer than its keep alive allows.
    KeepAliveExceeded(Span, u16),
    /// A sleeping client was silent for longer than it said.
    SleepExceeded(Span, u16),
    /// A request was rejected.
    Rejected(Kind, ReturnCode),
    /// A request was sent again soon after it was rejected for congestion.
    CongestionRetry(Kind, Span),
    /// A request was never answered; it was sent so often.
    Unanswered(Kind, u32),
    /// The gateway sends to a client that sleeps.
    SentToSleeper(Kind),
    /// A client uses a connection that it does not have.
    NotConnected(Kind),
    /// A part of the will that was not asked for, or asked for in vain.
    WillOrder(Kind),
    /// The CONNACK came before the will was complete.
    WillIncomplete,
}

/// Such a thing, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnIncident {
    /// What happened.
    pub kind: SnIncidentKind,
    /// Who did it.
    pub by: Role,
    /// In which conversation.
    pub flow: FlowRef,
    /// The client.
    pub client_id: Option<Name>,
    /// The frames that show it, ascending.
    pub frames: Vec<FrameNo>,
    /// When it showed.
    pub at: Origin,
    /// How sure it is.
    pub certainty: Certainty,
}
