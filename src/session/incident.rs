//! Incidents: what an end did against the rules, or to the harm of the other, that one packet alone does not show.
//!
//! They are facts with the frames that they rest on. Which clause they break, and how bad that is, is told by the
//! floor above.

use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::flow::Role;
use crate::mqtt::{PacketType, Version};
use crate::time::Span;

/// How sure a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Something to look at.
    Hint,
    /// It rests on an assumption that is most likely true.
    Likely,
    /// The bytes prove it.
    Certain,
}

impl Certainty {
    /// What is likely if so, and no more than a hint otherwise.
    pub(super) const fn if_so(so: bool) -> Self {
        if so { Self::Likely } else { Self::Hint }
    }

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentKind {
    /// The first packet of the client is no CONNECT.
    NoConnectFirst(PacketType),
    /// A second CONNECT on a connection.
    SecondConnect,
    /// The first packet of the server is no CONNACK (nor, with 5.0, AUTH).
    NoConnAckFirst(PacketType),
    /// The server went on after it had refused the connection.
    AfterRefusal(PacketType),
    /// An end sent more after its DISCONNECT.
    AfterDisconnect(PacketType),
    /// A packet that only the other end may send.
    WrongSender(PacketType),
    /// Session Present although the client asked for a new session.
    SessionPresentAfterCleanStart,
    /// The server says that there is no session, though it should have kept it.
    SessionLost,
    /// The server says that there is a session, though the last one was to end with its connection, or had expired by now.
    SessionUnexpected(bool),
    /// DISCONNECT asks for a session that outlives the connection, and CONNECT did not: for how many seconds.
    ExpiryRaised(u32),
    /// The server answered an empty client identifier without assigning one (5.0).
    NoClientIdAssigned,
    /// The server assigned an identifier that another client has, which is connected.
    ClientIdTaken,
    /// A packet identifier is used for another message while it is in use.
    IdentifierInUse(u16),
    /// DUP is set on what was never sent before: its identifier and its QoS.
    DupOnFirst(u16, u8),
    /// A message was sent again with DUP not set.
    ResentWithoutDup(u16),
    /// A packet was sent again on the same connection.
    ResentOnConnection(PacketType, u16),
    /// PUBLISH was sent again after its PUBREL.
    ResentAfterRelease(u16),
    /// A message was sent again although it had been delivered to the end.
    ResentAfterCompletion(u16),
    /// A message was sent again, or released, although its receiver had refused it.
    ResentAfterRefusal(u16),
    /// Messages were sent again in another order than at first.
    ResentOutOfOrder(u16),
    /// An acknowledgement of nothing that was sent.
    Unsolicited(PacketType, u16),
    /// An acknowledgement that came before.
    AcknowledgedTwice(PacketType, u16),
    /// An acknowledgement that does not fit the QoS or the step of its message.
    WrongAcknowledgement(PacketType, u16),
    /// Acknowledgements in another order than the messages.
    AcknowledgedOutOfOrder(PacketType, u16),
    /// More messages open than the receiver allows: how many, and how many it allows.
    ReceiveMaximum(u32, u16),
    /// A topic alias above what the receiver allows.
    AliasAboveMaximum(u16, u16),
    /// A topic alias that was never given a meaning.
    AliasUnknown(u16),
    /// A packet larger than the receiver allows: its length, and what it allows.
    PacketTooLarge(u64, u32),
    /// A SUBACK or UNSUBACK with another number of codes than there were filters.
    CodeCount(PacketType, usize, usize),
    /// A message of a QoS above all that was granted: its QoS, and the highest that was granted.
    QosAboveGranted(u8, u8),
    /// The client sent nothing for that long, and should have within so many seconds.
    KeepAliveExceeded(Span, u16),
    /// The server let a client go on that had been silent for that long.
    KeepAliveNotEnforced(Span, u16),
    /// A client with this identifier connected although one was connected, and the server kept the old connection.
    NotTakenOver,
    /// The will of a client that had taken leave was published.
    WillAfterDisconnect,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// What happened.
    pub kind: IncidentKind,
    /// Who did it.
    pub by: Role,
    /// On which flow.
    pub flow: FlowRef,
    /// The frames that show it, ascending, the one that proves it last.
    pub frames: Vec<FrameNo>,
    /// When it showed.
    pub at: Origin,
    /// The version that the flow speaks.
    pub version: Version,
    /// How sure it is.
    pub certainty: Certainty,
}
