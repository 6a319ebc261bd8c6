//! Which packet may follow which on a connection, and who may send it.

use super::connection::Session;
use super::incident::{Certainty, IncidentKind};
use super::judge::Judge;
use crate::dissect::Message;
use crate::flow::{Direction, Role};
use crate::mqtt::{Body, PacketType, Sender, Version};

impl Session {
    /// Judges a message by those before it, which this one is not counted among yet.
    pub(super) fn check_order(&mut self, message: &Message<'_>, judge: &mut Judge<'_>) {
        let packet_type = message.packet.header.packet_type;
        let direction = message.direction;
        let by = direction.sender();
        let frames = [message.origin.frame];
        // What was found by searching may not be what it looks like.
        let certainty = if message.resynced { Certainty::Hint } else { Certainty::Certain };
        let is_first = self.counts[direction].is_empty() && message.stream_offset == 0 && !message.resynced;
        let mut told = true;
        let sender = packet_type.sender(message.packet.version);
        let wrong = matches!((sender, by), (Sender::Client, Role::Server) | (Sender::Server, Role::Client));
        if wrong && packet_type.exists_in(message.packet.version) && self.flow.known_by <= crate::flow::KnownBy::Connect
        {
            judge.tell(IncidentKind::WrongSender(packet_type), by, &frames, certainty);
        } else if let Some((who, _, at)) = self.disconnect.as_deref().copied()
            && who == by
        {
            // The order within one direction is exact.
            let frames = [at.frame, message.origin.frame];
            judge.tell(IncidentKind::AfterDisconnect(packet_type), by, &frames, certainty);
        } else if let (Some((at, code, _)), Role::Server) = (self.connack, by)
            && code != 0
        {
            let frames = [at.frame, message.origin.frame];
            judge.tell(IncidentKind::AfterRefusal(packet_type), by, &frames, certainty);
        } else if packet_type == PacketType::Connect && self.connect.is_some() {
            let first = self.connect.map(|at| at.frame);
            let frames: Vec<_> = first.into_iter().chain(frames).collect();
            judge.tell(IncidentKind::SecondConnect, by, &frames, certainty);
        } else if self.flow.from_start[direction] && is_first {
            match (direction, packet_type) {
                // A broken CONNECT may be answered with DISCONNECT (section 4.13).
                (Direction::ToServer, PacketType::Connect)
                | (Direction::ToClient, PacketType::ConnAck | PacketType::Disconnect) => told = false,
                // An authentication goes before the CONNACK (MQTT 5.0, section 4.12).
                (Direction::ToClient, PacketType::Auth) if message.packet.version == Version::V5 => told = false,
                (Direction::ToServer, _) if self.lacks(Direction::ToServer) => told = false,
                (Direction::ToServer, _) => {
                    judge.tell(IncidentKind::NoConnectFirst(packet_type), by, &frames, certainty);
                }
                (Direction::ToClient, _) if self.lacks(Direction::ToClient) => told = false,
                (Direction::ToClient, _) => {
                    judge.tell(IncidentKind::NoConnAckFirst(packet_type), by, &frames, certainty);
                }
            }
        } else {
            told = false;
        }
        if told {
            self.last_error = Some((by, message.origin));
        }
        // The old connection goes on although another has taken its place.
        if self.replaced
            && let Some(over) = self.taken_over
            && by == Role::Server
            && !self.late_told
            && message.origin.time.since(over.at.time) > crate::time::Span::from_secs(1)
            && !matches!(message.packet.body, Body::Disconnect(_))
        {
            self.late_told = true;
            let frames = [over.at.frame, message.origin.frame];
            judge.tell(IncidentKind::NotTakenOver, Role::Server, &frames, Certainty::Likely);
        }
    }
}
