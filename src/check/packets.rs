//! Rules on single MQTT packets: each packet that deviates makes one finding, its worst deviation first.

use super::{Certainty, Finding, Rule, Severity, Wanted};
use crate::dissect::{Message, VersionKnownBy};
use crate::engine::Event;
use crate::flow::Direction;
use crate::mqtt::{self, DeviationKind, PacketType, Version};

/// Turns the deviations that decoding noted into findings.
pub(super) struct PacketRule;

impl Rule for PacketRule {
    fn wanted(&self) -> Wanted {
        Wanted::DEVIATIONS
    }

    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let Event::Message(flow, message) = event else { return };
        let packet = &message.packet;
        let version = packet.version;
        // The consequences of a packet that cannot be read on are folded under what made it so.
        let worst = packet
            .deviations
            .iter()
            .max_by_key(|deviation| (deviation.kind.severity(version), std::cmp::Reverse(deviation.offset)));
        let Some(worst) = worst else { return };
        let severity = severity(worst.kind.severity(version));
        let certainty = match message.version_known_by {
            _ if message.resynced => Certainty::Hint,
            // A CONNECT names its version itself, or names none that exists.
            _ if packet.header.packet_type == PacketType::Connect => Certainty::Certain,
            VersionKnownBy::Inferred => Certainty::Likely,
            VersionKnownBy::Connect | VersionKnownBy::Option => Certainty::Certain,
        };
        let more = match packet.deviations.len() {
            1 => String::new(),
            n => format!(", and {} more in it", n - 1),
        };
        let name = packet.header.packet_type.name();
        let text = worst.kind.describe();
        findings.push(Finding {
            id: format!("mqtt.{}", worst.kind.name()),
            severity,
            certainty,
            flow: Some(*flow),
            client_id: None,
            frames: message.frames.to_vec(),
            time: message.origin.time,
            message: format!("{text} ({}'s {name}, byte {}{more})", message.direction.sender().name(), worst.offset),
            clause: Some(clause_of(worst.kind, message)),
            hint: None,
        });
    }
}

/// The clause that a deviation breaks, where it depends on who sent the packet as well.
pub(super) fn clause_of(kind: DeviationKind, message: &Message<'_>) -> &'static str {
    let of_server = message.direction == Direction::ToClient && message.packet.version == Version::V5;
    match kind {
        DeviationKind::PacketIdZero(PacketType::Publish) if of_server => "MQTT-2.2.1-4",
        _ => kind.clause(message.packet.version),
    }
}

/// How bad a broken rule of the specification is for a reader.
pub(super) const fn severity(of: mqtt::Severity) -> Severity {
    match of {
        mqtt::Severity::Malformed | mqtt::Severity::ProtocolError => Severity::Error,
        mqtt::Severity::Warning => Severity::Warning,
        mqtt::Severity::Note => Severity::Note,
    }
}
