//! Requests and their answers.

use std::hash::{DefaultHasher, Hasher};

use super::incident::Asked;
use crate::capture::Origin;
use crate::mqttsn::{Body, Kind, Packet};
use crate::time::Span;

/// What is sent again sooner than this waits for an answer; later it was given up (sections 6.13 and 7.2: T_retry 10 to 15
/// seconds).
pub(super) const RETRY: Span = Span::from_secs(15);

/// How long a client should wait after a rejection for congestion (section 7.2: T_WAIT is more than five minutes).
pub(super) const CONGESTION_WAIT: Span = Span::from_secs(300);

/// A request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Its type, as far as it has come: a PUBREL takes the place of its PUBLISH.
    pub(super) kind: Kind,
    pub(super) message_id: u16,
    pub(super) qos: i8,
    /// What it says, so that the same can be told from another.
    pub(super) digest: u64,
    pub(super) first: Origin,
    pub(super) last: Origin,
    pub(super) tries: u32,
}

impl Open {
    pub(super) fn new(packet: &Packet<'_>, bytes: &[u8], at: Origin) -> Self {
        Self {
            kind: packet.header.kind,
            message_id: packet.message_id().unwrap_or(0),
            qos: packet.flags().map_or(0, crate::mqttsn::Flags::qos),
            digest: digest(packet, bytes),
            first: at,
            last: at,
            tries: 1,
        }
    }
}

/// What a message says, apart from DUP: a check of the same process, and no hash that others choose.
fn digest(packet: &Packet<'_>, bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    match packet.body {
        Body::Publish { flags, topic_id, message_id, data, length } => {
            hasher.write_u8(flags.0 & 0x7f);
            hasher.write_u16(topic_id);
            hasher.write_u16(message_id);
            hasher.write_u32(length);
            hasher.write(data);
        }
        Body::Subscribe { message_id, .. } => {
            hasher.write_u16(message_id);
            let header = usize::from(packet.header.octets);
            // Behind the flags, in which DUP may stand.
            hasher.write(bytes.get(header + 1..).unwrap_or_default());
        }
        _ => hasher.write(bytes),
    }
    hasher.finish()
}

/// Which request a type is.
pub(super) const fn asked(packet: &Packet<'_>) -> Option<Asked> {
    Some(match (packet.header.kind, packet.body) {
        (_, Body::Unread) => return None,
        (Kind::Connect, _) => Asked::Connect,
        (Kind::Register, _) => Asked::Register,
        (Kind::Publish, Body::Publish { flags, .. }) if flags.qos() > 0 => Asked::Publish,
        (Kind::Subscribe | Kind::Unsubscribe, _) => Asked::Subscribe,
        (Kind::WillTopicUpd, _) => Asked::WillTopic,
        (Kind::WillMsgUpd, _) => Asked::WillMessage,
        (Kind::PingReq, _) => Asked::Ping,
        _ => return None,
    })
}

/// Which request a type answers.
pub(super) const fn answered(kind: Kind) -> Option<Asked> {
    Some(match kind {
        Kind::ConnAck => Asked::Connect,
        Kind::RegAck => Asked::Register,
        Kind::PubAck | Kind::PubRec | Kind::PubComp => Asked::Publish,
        Kind::SubAck | Kind::UnsubAck => Asked::Subscribe,
        Kind::WillTopicResp => Asked::WillTopic,
        Kind::WillMsgResp => Asked::WillMessage,
        Kind::PingResp => Asked::Ping,
        _ => return None,
    })
}
