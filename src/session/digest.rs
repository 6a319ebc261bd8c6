//! By what a message is recognised when it comes again, or comes out of the broker.

use std::hash::BuildHasher as _;

use crate::dissect::Message;
use crate::mqtt::Body;

/// What tells whether two PUBLISH packets are the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    /// Absent where an alias hides it.
    pub(super) topic: Option<u64>,
    pub(super) payload: u64,
    /// Bytes of the payload; absent where it was not reached.
    pub(super) length: Option<u32>,
    /// Whether all bytes of the payload were there.
    pub(super) whole: bool,
}

/// By what equal messages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Content {
    pub(super) topic: u64,
    pub(super) payload: u64,
    pub(super) length: u32,
}

impl Digest {
    /// Topic and payload, where all of both is known.
    pub(super) fn content(self) -> Option<Content> {
        let length = self.length.filter(|_| self.whole)?;
        Some(Content { topic: self.topic?, payload: self.payload, length })
    }

    /// Whether nothing speaks against its being the same message.
    pub(super) fn may_equal(self, other: Self) -> bool {
        let agree = |a: Option<u64>, b: Option<u64>| a.is_none() || b.is_none() || a == b;
        agree(self.topic, other.topic)
            && agree(self.length.map(u64::from), other.length.map(u64::from))
            && (self.payload == other.payload || !self.whole || !other.whole)
    }
}

/// What tells a message from others, or the will of a CONNECT; only where it is needed.
pub(super) fn digest(hash: &foldhash::fast::RandomState, message: &Message<'_>, wanted: bool) -> Option<Digest> {
    match &message.packet.body {
        Body::Publish(publish) if wanted || publish.packet_id.is_some() => Some(Digest {
            topic: message.topic.map(|topic| hash.hash_one(topic)),
            payload: hash.hash_one(publish.payload),
            length: publish.payload_length,
            whole: publish.payload_length == Some(publish.payload.len() as u32),
        }),
        Body::Connect(connect) => connect.will.map(|will| Digest {
            topic: Some(hash.hash_one(will.topic)),
            payload: hash.hash_one(will.payload),
            length: Some(will.payload.len() as u32),
            whole: true,
        }),
        _ => None,
    }
}
