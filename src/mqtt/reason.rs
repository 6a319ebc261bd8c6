//! Names of return codes and reason codes, and which packet may carry which (MQTT 5.0 section 2.4).
use super::{PacketType, Sender, Version};

const CONNACK: u16 = 1 << 2;
const PUBACK_PUBREC: u16 = 0b11 << 4;
const PUBREL_PUBCOMP: u16 = 0b11 << 6;
const SUBACK: u16 = 1 << 9;
const UNSUBACK: u16 = 1 << 11;
const DISCONNECT: u16 = 1 << 14;
const AUTH: u16 = 1 << 15;

/// The name of a return code (CONNACK and SUBACK before 5.0) or reason code (5.0).
///
/// `None` where the packet does not carry that code, or carries none at all.
pub const fn reason_name(packet_type: PacketType, code: u8, version: Version) -> Option<&'static str> {
    match version {
        Version::V31 | Version::V311 => return_code_name(packet_type, code, version),
        Version::V5 => {
            let (name, packets) = reason_code(packet_type, code);
            if packets & (1 << packet_type as u8) == 0 { None } else { Some(name) }
        }
    }
}

/// Whether a packet of this type may carry this code.
pub const fn reason_allowed(packet_type: PacketType, code: u8, version: Version) -> bool {
    reason_name(packet_type, code, version).is_some()
}

/// Who may send a packet with this reason code, which both may send with others (MQTT 5.0, tables 3-4, 3-5, 3-10, 3-11).
pub const fn sender_of_code(packet_type: PacketType, code: u8) -> Sender {
    match (packet_type, code) {
        (PacketType::PubAck | PacketType::PubRec, 0x10)
        | (PacketType::Disconnect, 0x87 | 0x89 | 0x8b | 0x8d | 0x8e | 0x8f | 0x9a..=0xa2)
        | (PacketType::Auth, 0) => Sender::Server,
        (PacketType::Disconnect, 0x04) | (PacketType::Auth, 0x19) => Sender::Client,
        _ => Sender::Either,
    }
}

const fn return_code_name(packet_type: PacketType, code: u8, version: Version) -> Option<&'static str> {
    Some(match (packet_type, code) {
        (PacketType::ConnAck, 0) => "Connection accepted",
        (PacketType::ConnAck, 1) => "Unacceptable protocol version",
        (PacketType::ConnAck, 2) => "Identifier rejected",
        (PacketType::ConnAck, 3) => "Server unavailable",
        (PacketType::ConnAck, 4) => "Bad user name or password",
        (PacketType::ConnAck, 5) => "Not authorized",
        (PacketType::SubAck, 0) => "Granted QoS 0",
        (PacketType::SubAck, 1) => "Granted QoS 1",
        (PacketType::SubAck, 2) => "Granted QoS 2",
        // 3.1 has no way to refuse a subscription.
        (PacketType::SubAck, 0x80) if matches!(version, Version::V311) => "Failure",
        _ => return None,
    })
}

/// The name of a reason code and the packets that may carry it, one bit for each type.
const fn reason_code(packet_type: PacketType, code: u8) -> (&'static str, u16) {
    match code {
        0x00 => match packet_type {
            PacketType::Disconnect => ("Normal disconnection", DISCONNECT),
            PacketType::SubAck => ("Granted QoS 0", SUBACK),
            _ => ("Success", CONNACK | PUBACK_PUBREC | PUBREL_PUBCOMP | UNSUBACK | AUTH),
        },
        0x01 => ("Granted QoS 1", SUBACK),
        0x02 => ("Granted QoS 2", SUBACK),
        0x04 => ("Disconnect with Will Message", DISCONNECT),
        0x10 => ("No matching subscribers", PUBACK_PUBREC),
        0x11 => ("No subscription existed", UNSUBACK),
        0x18 => ("Continue authentication", AUTH),
        0x19 => ("Re-authenticate", AUTH),
        0x80 => ("Unspecified error", CONNACK | PUBACK_PUBREC | SUBACK | UNSUBACK | DISCONNECT),
        0x81 => ("Malformed Packet", CONNACK | DISCONNECT),
        0x82 => ("Protocol Error", CONNACK | DISCONNECT),
        0x83 => ("Implementation specific error", CONNACK | PUBACK_PUBREC | SUBACK | UNSUBACK | DISCONNECT),
        0x84 => ("Unsupported Protocol Version", CONNACK),
        0x85 => ("Client Identifier not valid", CONNACK),
        0x86 => ("Bad User Name or Password", CONNACK),
        0x87 => ("Not authorized", CONNACK | PUBACK_PUBREC | SUBACK | UNSUBACK | DISCONNECT),
        0x88 => ("Server unavailable", CONNACK),
        0x89 => ("Server busy", CONNACK | DISCONNECT),
        0x8a => ("Banned", CONNACK),
        0x8b => ("Server shutting down", DISCONNECT),
        // Section 2.4 lists it for DISCONNECT, section 3.14.2.1 does not: accepted.
        0x8c => ("Bad authentication method", CONNACK | DISCONNECT),
        0x8d => ("Keep Alive timeout", DISCONNECT),
        0x8e => ("Session taken over", DISCONNECT),
        0x8f => ("Topic Filter invalid", SUBACK | UNSUBACK | DISCONNECT),
        0x90 => ("Topic Name invalid", CONNACK | PUBACK_PUBREC | DISCONNECT),
        0x91 => ("Packet Identifier in use", PUBACK_PUBREC | SUBACK | UNSUBACK),
        0x92 => ("Packet Identifier not found", PUBREL_PUBCOMP),
        0x93 => ("Receive Maximum exceeded", DISCONNECT),
        0x94 => ("Topic Alias invalid", DISCONNECT),
        0x95 => ("Packet too large", CONNACK | DISCONNECT),
        0x96 => ("Message rate too high", DISCONNECT),
        0x97 => ("Quota exceeded", CONNACK | PUBACK_PUBREC | SUBACK | DISCONNECT),
        0x98 => ("Administrative action", DISCONNECT),
        0x99 => ("Payload format invalid", CONNACK | PUBACK_PUBREC | DISCONNECT),
        0x9a => ("Retain not supported", CONNACK | DISCONNECT),
        0x9b => ("QoS not supported", CONNACK | DISCONNECT),
        0x9c => ("Use another server", CONNACK | DISCONNECT),
        0x9d => ("Server moved", CONNACK | DISCONNECT),
        0x9e => ("Shared Subscriptions not supported", SUBACK | DISCONNECT),
        0x9f => ("Connection rate exceeded", CONNACK | DISCONNECT),
        0xa0 => ("Maximum connect time", DISCONNECT),
        0xa1 => ("Subscription Identifiers not supported", SUBACK | DISCONNECT),
        0xa2 => ("Wildcard Subscriptions not supported", SUBACK | DISCONNECT),
        _ => ("", 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_is_named_by_its_packet_and_version() {
        let name = reason_name;
        assert_eq!(name(PacketType::ConnAck, 5, Version::V311), Some("Not authorized"));
        assert_eq!(name(PacketType::ConnAck, 5, Version::V5), None);
        assert_eq!(name(PacketType::ConnAck, 0x87, Version::V5), Some("Not authorized"));
        assert_eq!(name(PacketType::SubAck, 0, Version::V5), Some("Granted QoS 0"));
        assert_eq!(name(PacketType::Disconnect, 0, Version::V5), Some("Normal disconnection"));
        assert_eq!(name(PacketType::SubAck, 0x80, Version::V31), None);
        assert_eq!(name(PacketType::SubAck, 0x80, Version::V311), Some("Failure"));
        assert_eq!(name(PacketType::PubAck, 0, Version::V311), None);
    }

    #[test]
    fn each_packet_has_as_many_codes_as_its_table() {
        // MQTT 5.0 tables 3-1, 3-4, 3-6, 3-8 and the payload sections of SUBACK and UNSUBACK; 0x8c
        // is one more for DISCONNECT.
        let counts = [
            (PacketType::ConnAck, 22),
            (PacketType::PubAck, 9),
            (PacketType::PubRec, 9),
            (PacketType::PubRel, 2),
            (PacketType::PubComp, 2),
            (PacketType::SubAck, 12),
            (PacketType::UnsubAck, 7),
            (PacketType::Disconnect, 30),
            (PacketType::Auth, 3),
            (PacketType::Publish, 0),
        ];
        for (packet_type, count) in counts {
            let found = (0..=u8::MAX).filter(|&code| reason_allowed(packet_type, code, Version::V5)).count();
            assert_eq!(found, count, "{packet_type}");
        }
    }
}
