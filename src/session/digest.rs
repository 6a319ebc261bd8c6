//! By what a message is recognised when it comes again, or comes out of the broker.

use std::hash::BuildHasher as _;

use crate::dissect::Message;
use crate::mqtt::Body;

/// What tells whether two PUBLISH packets are the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    topic: u64,
    payload: u64,
    length: u32,
    /// An alias may hide it.
    has_topic: bool,
    /// It may not have been reached.
    has_length: bool,
    /// Whether all bytes of the payload were there.
    pub(super) whole: bool,
}

/// A digest in half the room, for what is remembered of many messages: such are only compared where the identifier is the
/// same, so that 32 bits of a hash tell enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed)]
pub(super) struct Brief {
    topic: u32,
    payload: u32,
    length: u32,
    /// Which of them are known.
    known: u8,
}

impl Brief {
    const TOPIC: u8 = 1;
    const PAYLOAD: u8 = 2;
    const LENGTH: u8 = 4;

    /// Whether nothing speaks against its being the same message.
    pub(super) const fn may_equal(self, other: Self) -> bool {
        let known = self.known & other.known;
        (known & Self::TOPIC == 0 || self.topic == other.topic)
            && (known & Self::PAYLOAD == 0 || self.payload == other.payload)
            && (known & Self::LENGTH == 0 || self.length == other.length)
    }
}

/// By what equal messages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Content {
    pub(super) topic: u64,
    pub(super) payload: u64,
    pub(super) length: u32,
}

impl Digest {
    /// Of what a message is about, absent where an alias hides it; and of its payload, with its bytes where it was
    /// reached, and whether all of it was there.
    pub(super) fn new(topic: Option<u64>, payload: u64, length: Option<u32>, whole: bool) -> Self {
        let (has_topic, has_length) = (topic.is_some(), length.is_some());
        let (topic, length) = (topic.unwrap_or_default(), length.unwrap_or_default());
        Self { topic, payload, length, has_topic, has_length, whole }
    }

    pub(super) const fn brief(self) -> Brief {
        let Self { topic, payload, length, has_topic, has_length, whole } = self;
        let mut known = if has_topic { Brief::TOPIC } else { 0 };
        known |= if whole { Brief::PAYLOAD } else { 0 };
        known |= if has_length { Brief::LENGTH } else { 0 };
        Brief { topic: (topic >> 32) as u32, payload: (payload >> 32) as u32, length, known }
    }

    pub(super) fn topic(self) -> Option<u64> {
        self.has_topic.then_some(self.topic)
    }

    pub(super) fn length(self) -> Option<u32> {
        self.has_length.then_some(self.length)
    }

    /// Topic and payload, where all of both is known.
    pub(super) fn content(self) -> Option<Content> {
        let length = self.length().filter(|_| self.whole)?;
        Some(Content { topic: self.topic()?, payload: self.payload, length })
    }

    /// Whether nothing speaks against its being the same message.
    pub(super) fn may_equal(self, other: Self) -> bool {
        let agree = |a: Option<u64>, b: Option<u64>| a.is_none() || b.is_none() || a == b;
        agree(self.topic(), other.topic())
            && agree(self.length().map(u64::from), other.length().map(u64::from))
            && (self.payload == other.payload || !self.whole || !other.whole)
    }
}

/// What tells a message from others, or the will of a CONNECT; only where it is needed.
pub(super) fn digest(hash: &foldhash::fast::RandomState, message: &Message<'_>, wanted: bool) -> Option<Digest> {
    match &message.packet.body {
        Body::Publish(publish) if wanted || publish.packet_id.is_some() => Some(Digest::new(
            message.topic.map(|topic| hash.hash_one(topic)),
            hash.hash_one(publish.payload),
            publish.payload_length,
            publish.payload_length == Some(publish.payload.len() as u32),
        )),
        Body::Connect(connect) => connect.will.map(|will| {
            let (topic, payload) = (hash.hash_one(will.topic), hash.hash_one(will.payload));
            Digest::new(Some(topic), payload, Some(will.payload.len() as u32), true)
        }),
        _ => None,
    }
}
