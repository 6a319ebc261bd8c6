//! What is told of a message on its way through the broker: whose it is, who got it, and who did not.

use super::delivery::{Name, PacketRef};
use super::incident::Certainty;
use crate::time::Span;

/// What a message that the broker sends is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublishedAs {
    /// A message that a client has just published.
    Message,
    /// The retained message of its topic.
    Retained,
    /// A client's will.
    Will,
}

impl PublishedAs {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Retained => "retained",
            Self::Will => "will",
        }
    }
}

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// As what it was published.
    pub kind: PublishedAs,
    /// Who published it, where that is known.
    pub client_id: Option<Name>,
    /// Where; of a will, its CONNECT.
    pub place: PacketRef,
    /// From there to this sending.
    pub after: Span,
    /// Which copy of it this is for its receiver, from 1.
    pub copy: u32,
    /// It overtook, or was overtaken by, another message of the same publisher to the same topic.
    pub out_of_order: bool,
}

/// A client that got a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its identifier, where that is known.
    pub client_id: Option<Name>,
    /// The first sending to it.
    pub place: PacketRef,
    /// Its QoS.
    pub qos: u8,
    /// From the publisher's sending to this one.
    pub after: Span,
    /// How many copies it got.
    pub copies: u32,
}

/// Why a client that had subscribed did not get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MissedWhy {
    /// Nothing explains it.
    NotSent,
    /// It was not connected; its session keeps the message for it.
    Queued,
    /// It was not connected, and QoS 0 need not be kept.
    Away,
    /// It left before.
    Left,
    /// The capture ended before, or lacks some of what was sent to it.
    NotProvable,
}

impl MissedWhy {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Queued => "queued",
            Self::Away => "away",
            Self::Left => "left",
            Self::NotProvable => "not_provable",
        }
    }
}

/// A client that had subscribed and did not get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its identifier, where that is known.
    pub client_id: Option<Name>,
    /// The filter that wanted it.
    pub filter: Name,
    /// Why, as far as that shows.
    pub why: MissedWhy,
    /// How sure it is that it was not sent.
    pub certainty: Certainty,
}

/// Who got a message, and who did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipts {
    /// Who got it, in the order of the first sendings; of very many only the first.
    pub got: Vec<Receipt>,
    /// Who had subscribed and did not.
    pub missed: Vec<Missed>,
    /// How many more there are than the lists hold.
    pub left_out: u32,
    /// Not all who had subscribed are known, for lack of room, or because too many filters match.
    pub is_unknown: bool,
}
