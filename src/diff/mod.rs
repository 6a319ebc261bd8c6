//! Two captures compared by what the clients in them do: connections, subscriptions, messages, latency and the health of
//! their TCP connections. Times, ports, frame numbers and packet identifiers do not matter.
//!
//! A [`Behaviour`] is gathered from each capture, and [`compare`] tells what differs.

mod align;
mod behaviour;
mod compare;

use std::fmt;

pub use behaviour::Behaviour;
pub use compare::compare;

use crate::capture::FrameNo;
use crate::session::Name;
use crate::text::Escaped;

/// Whose behaviour it is: what stays the same from one capture to the next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// A client by its own identifier.
    Named(Name),
    /// All clients whose identifiers were assigned by the server: another one with each connection.
    Assigned,
    /// All clients whose CONNECT was not captured.
    Unknown,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(id) if id.is_empty() => f.write_str("(empty)"),
            Self::Named(id) => Escaped(id).fmt(f),
            Self::Assigned => f.write_str("(assigned)"),
            Self::Unknown => f.write_str("(unknown)"),
        }
    }
}

/// A text in names that another one stands for, so that names which change from run to run can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// What is replaced, wherever it stands.
    pub from: Vec<u8>,
    /// By what.
    pub to: Vec<u8>,
}

impl Rename {
    /// A text with it, if it has a place there.
    fn apply(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut rest = text;
        let mut out = Vec::new();
        while let Some(at) = rest.windows(self.from.len().max(1)).position(|window| window == self.from) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            out.extend_from_slice(&self.to);
            rest = rest.get(at + self.from.len()..).unwrap_or_default();
        }
        (rest.len() < text.len()).then(|| {
            out.extend_from_slice(rest);
            out
        })
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Which clients there are.
    Clients,
    /// How often they connect, with what, and how that ends.
    Connections,
    /// What they subscribe to, and what they are granted.
    Subscriptions,
    /// What they send and get, in its order; how often it is acknowledged, and how.
    Messages,
    /// How many messages of which QoS each topic has.
    Topics,
    /// How long acknowledgements take.
    Latency,
    /// Retransmissions, resets and zero windows.
    Tcp,
}

impl Aspect {
    /// All, in the order in which differences are told.
    pub const ALL: [Self; 7] =
        [Self::Clients, Self::Connections, Self::Subscriptions, Self::Messages, Self::Topics, Self::Latency, Self::Tcp];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Connections => "connections",
            Self::Subscriptions => "subscriptions",
            Self::Messages => "messages",
            Self::Topics => "topics",
            Self::Latency => "latency",
            Self::Tcp => "tcp",
        }
    }
}

/// How captures are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct DiffOptions {
    /// How many times as much latency, and how many times as many retransmissions, resets and zero windows, are still
    /// the same.
    pub tolerance: f64,
    /// Whether messages have to have the same payload.
    pub payloads: bool,
    /// What is not compared.
    pub ignored: Vec<Aspect>,
}

impl Default for DiffOptions {
    /// Twice as much is the same, payloads do not matter, everything is compared.
    fn default() -> Self {
        Self { tolerance: 2.0, payloads: false, ignored: Vec::new() }
    }
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose behaviour.
    pub client: Client,
    /// In what.
    pub aspect: Aspect,
    /// Which thing differs.
    pub what: String,
    /// How it is in the old capture; absent where it is not there.
    pub old: Option<String>,
    /// How it is in the new capture; absent where it is not there.
    pub new: Option<String>,
    /// The frame of the old capture that shows it.
    pub old_frame: Option<FrameNo>,
    /// The frame of the new capture that shows it.
    pub new_frame: Option<FrameNo>,
    /// Whether bytes of the client's connections are missing in one of the captures, so that it may differ in nothing else.
    pub doubtful: bool,
}

/// What comes of comparing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// What differs: client by client, those of all first.
    pub differences: Vec<Difference>,
    /// Clients in the old capture, in the new one, and in both.
    pub clients: [u64; 3],
    /// MQTT control packets in the old capture, and in the new one.
    pub messages: [u64; 2],
    /// Control packets that were counted but not kept, so that their order was not compared: old and new.
    pub not_kept: [u64; 2],
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}
