//! How long answers take, in all sessions together: what is told of a session at its end is there at once.

use super::connection::Session;
use crate::dissect::Message;
use crate::flow::Histogram;
use crate::mqtt::{Body, PacketType};
use crate::time::Timestamp;

/// From a packet to its answer, by the type of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerTimes([Histogram; Self::TYPES.len()]);

impl AnswerTimes {
    /// The types of answers: CONNACK from CONNECT, PUBACK, PUBREC and PUBCOMP from PUBLISH, and so on.
    pub const TYPES: [PacketType; 7] = [
        PacketType::ConnAck,
        PacketType::PubAck,
        PacketType::PubRec,
        PacketType::PubComp,
        PacketType::SubAck,
        PacketType::UnsubAck,
        PacketType::PingResp,
    ];

    /// Those of each type.
    pub fn iter(&self) -> impl Iterator<Item = (PacketType, &Histogram)> {
        Self::TYPES.into_iter().zip(&self.0)
    }

    /// A message comes, which the session has not taken into account yet: it may be an answer.
    #[inline]
    pub(super) fn note(&mut self, session: &Session, message: &Message<'_>) {
        let packet_type = message.packet.header.packet_type;
        let Some(place) = Self::TYPES.iter().position(|known| *known == packet_type) else { return };
        if let (Some(asked), Some(histogram)) = (asked_at(session, message, packet_type), self.0.get_mut(place)) {
            histogram.record(message.origin.time.since(asked));
        }
    }
}

/// When what this message answers was sent.
fn asked_at(session: &Session, message: &Message<'_>, packet_type: PacketType) -> Option<Timestamp> {
    match &message.packet.body {
        Body::Ack(ack) => {
            let exchanges = &session.state.exchanges[message.direction.reverse()];
            let open = exchanges.get(ack.packet_id?)?;
            let is_answer = match (packet_type, open.qos) {
                (PacketType::PubAck, 1) => true,
                (PacketType::PubRec, 2) => open.acknowledged.is_none(),
                (PacketType::PubComp, 2) => open.acknowledged.is_some(),
                _ => false,
            };
            let sent = open.first.place;
            // What a client left open for an hour before it came back says nothing of how fast the other end answers.
            (is_answer && sent.flow == session.flow.id).then_some(sent.at.time)
        }
        Body::SubAck(suback) => session.state.subscriptions.asked_at(packet_type, suback.packet_id?),
        Body::UnsubAck(unsuback) => session.state.subscriptions.asked_at(packet_type, unsuback.packet_id?),
        Body::ConnAck(_) if session.connack.is_none() => session.connect.map(|at| at.time),
        Body::Ping => session.keep_alive.pinged_at(),
        _ => None,
    }
}
