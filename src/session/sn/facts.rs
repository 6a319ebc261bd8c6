//! What there is to say of a session: how it stands, what passed, and how it ended.

use super::super::delivery::Name;
use crate::capture::{FrameNo, Origin};
use crate::dissect::sn::TopicKnownBy;
use crate::flow::{Durations, Role};
use crate::mqttsn::{Body, Kind, Packet, ReturnCode};

/// How a client stands to its gateway (section 6.14, figure 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SnState {
    /// The capture does not say.
    #[default]
    Unknown,
    /// It asked for a connection.
    Connecting,
    /// It is connected.
    Active,
    /// It sleeps.
    Asleep,
    /// It sleeps, and takes what was kept for it.
    Awake,
    /// It is not connected.
    Disconnected,
}

impl SnState {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Connecting => "connecting",
            Self::Active => "active",
            Self::Asleep => "asleep",
            Self::Awake => "awake",
            Self::Disconnected => "disconnected",
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SnEndKind {
    /// With a DISCONNECT.
    Disconnect,
    /// The gateway did not let the client in.
    Refused,
    /// The client was silent for so long that the gateway takes it for lost.
    Lost,
    /// The client connected anew.
    Replaced,
    /// Not within the capture: it sleeps.
    Asleep,
    /// Not within the capture.
    #[default]
    Open,
}

impl SnEndKind {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Replaced => "replaced",
            Self::Asleep => "asleep",
            Self::Open => "open",
        }
    }
}

/// The end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnEnd {
    /// How.
    pub kind: SnEndKind,
    /// Who ended it.
    pub by: Option<Role>,
    /// What shows it.
    pub at: Option<Origin>,
}

/// What one side sent.
#[derive(Debug, Clone, Default)]
pub struct SnCounts {
    by_kind: [u64; Kind::COUNT],
    /// Bytes of messages.
    pub bytes: u64,
    /// PUBLISH by QoS: 0, 1, 2, and -1 last.
    pub publish: [u64; 4],
    /// Exchanges of QoS 1 and 2 that came to their end.
    pub complete: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Requests of any type that were sent again.
    pub resent: u64,
    /// PUBLISH messages among them.
    pub duplicate: u64,
    /// From PUBLISH to the last answer.
    pub latency: Durations,
}

impl SnCounts {
    /// How many of a type.
    pub fn of(&self, kind: Kind) -> u64 {
        self.by_kind.get(kind as usize).copied().unwrap_or(0)
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.by_kind.iter().sum()
    }

    pub(super) fn add(&mut self, packet: &Packet<'_>) {
        if let Some(count) = self.by_kind.get_mut(packet.header.kind as usize) {
            *count += 1;
        }
        self.bytes += u64::from(packet.header.length);
        if let Body::Publish { flags, .. } = packet.body {
            let place = usize::try_from(flags.qos()).unwrap_or(3);
            self.publish[place & 3] += 1;
        }
    }
}

/// A topic that an id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnTopicName {
    /// The id.
    pub id: u16,
    /// Its name.
    pub name: Name,
    /// By what it is known.
    pub by: TopicKnownBy,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnSubscription {
    /// The name or short name; nothing for an id that both sides know beforehand, if it is not known here.
    pub filter: Option<Name>,
    /// That id.
    pub predefined: Option<u16>,
    /// The QoS that was asked for.
    pub requested_qos: i8,
    /// The answer: the QoS that is granted, and the return code.
    pub answer: Option<(i8, ReturnCode)>,
    /// The id of the topic, where it has one.
    pub topic_id: Option<u16>,
    /// By which its answer is known.
    pub(super) message_id: u16,
    /// Of the SUBSCRIBE.
    pub frame: FrameNo,
}
