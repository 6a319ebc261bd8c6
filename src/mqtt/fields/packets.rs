//! Which packet has which fields, in which order.

use super::FieldValue;
use super::walk::{Name, Names, Walk, names, secret};
use crate::mqtt::version::{BRIDGE_BIT, has_unknown_layout};
use crate::mqtt::{ControlPacket, PacketType, Version, reason_name};

const fn name(ours: &'static str, wireshark: &'static str) -> Name {
    Name(ours, Some(wireshark))
}

const PACKET_ID: Name = name("packet_id", "mqtt.msgid");
const PROPERTIES: Name = name("properties", "mqtt.properties");
const FILTER: Names = names("filter_length", "mqtt.topic_len", "filter", "mqtt.topic");

/// The fixed header.
pub(super) fn header<'a>(walk: &mut Walk<'a>, packet: &ControlPacket<'a>) {
    let header = packet.header;
    let packet_type = header.packet_type;
    let byte = (packet_type as u8) << 4 | header.flags;
    walk.header_field(name("header_flags", "mqtt.hdrflags"), 0, 1, FieldValue::Number(byte.into()));
    let meaning = FieldValue::Code(packet_type as u32, Some(packet_type.name()));
    walk.bits(name("type", "mqtt.msgtype"), 0xf0, meaning);
    if packet_type == PacketType::Publish {
        walk.flag(name("dup", "mqtt.dupflag"), 0x08, byte);
        walk.bit_number(name("qos", "mqtt.qos"), 0x06, byte);
        walk.flag(name("retain", "mqtt.retain"), 0x01, byte);
    } else if packet.version == Version::V31 && packet_type.fixed_flags() == Some(0b0010) {
        // MQTT 3.1 section 2.1: requests have DUP and a QoS.
        walk.flag(name("dup", "mqtt.dupflag"), 0x08, byte);
        walk.bit_number(name("qos", "mqtt.qos"), 0x06, byte);
        walk.bit_number(name("reserved", "mqtt.retain_reserved"), 0x01, byte);
    } else {
        walk.bit_number(name("reserved", "mqtt.hdr_reserved"), 0x0f, byte);
    }
    let length = u32::from(header.length) - 1;
    walk.header_field(name("remaining_length", "mqtt.len"), 1, length, FieldValue::Number(header.remaining_length));
}

/// What is behind the fixed header.
pub(super) fn body<'a>(walk: &mut Walk<'a>, packet: &ControlPacket<'a>) {
    let packet_type = packet.header.packet_type;
    match packet_type {
        PacketType::Connect => connect(walk),
        PacketType::ConnAck => {
            if walk.version == Version::V31 {
                // MQTT 3.1 section 3.2: the byte is not used.
                let unused = name("acknowledge_flags", "mqtt.conack.flags.reserved");
                walk.byte(unused, |flags| FieldValue::Number(flags.into()));
            } else if let Some(flags) =
                walk.byte(name("acknowledge_flags", "mqtt.conack.flags"), |flags| FieldValue::Number(flags.into()))
            {
                walk.bit_number(name("reserved", "mqtt.conack.flags.reserved"), 0xfe, flags);
                walk.flag(name("session_present", "mqtt.conack.flags.sp"), 0x01, flags);
            }
            reason_code(walk, packet_type);
            walk.properties(PROPERTIES);
        }
        PacketType::Publish => {
            walk.prefixed(names("topic_length", "mqtt.topic_len", "topic", "mqtt.topic"), FieldValue::Text);
            if packet.header.qos() > 0 {
                walk.two_bytes(PACKET_ID);
            }
            walk.properties(PROPERTIES);
            walk.take_last(name("payload", "mqtt.msg"), FieldValue::Payload);
        }
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            walk.two_bytes(PACKET_ID);
            reason_and_properties(walk, packet_type);
        }
        PacketType::Subscribe => {
            walk.two_bytes(PACKET_ID);
            walk.properties(PROPERTIES);
            while walk.has_more() {
                subscription(walk);
            }
        }
        PacketType::SubAck => {
            walk.two_bytes(PACKET_ID);
            walk.properties(PROPERTIES);
            reason_codes(walk, packet_type);
        }
        PacketType::Unsubscribe => {
            walk.two_bytes(PACKET_ID);
            walk.properties(PROPERTIES);
            while walk.has_more() {
                walk.prefixed(FILTER, FieldValue::Text);
            }
        }
        PacketType::UnsubAck => {
            walk.two_bytes(PACKET_ID);
            walk.properties(PROPERTIES);
            if walk.version == Version::V5 {
                reason_codes(walk, packet_type);
            }
        }
        PacketType::Disconnect => reason_and_properties(walk, packet_type),
        PacketType::Auth if walk.version == Version::V5 => {
            if !walk.is_at_end() {
                reason_code(walk, packet_type);
                walk.properties(PROPERTIES);
            }
        }
        PacketType::PingReq | PacketType::PingResp => {}
        PacketType::Auth | PacketType::Reserved => walk.stop(),
    }
}

/// A code and properties, which may be left out from the end (MQTT 5.0, sections 3.4.2.1 and 3.14.2).
fn reason_and_properties(walk: &mut Walk<'_>, packet_type: PacketType) {
    if walk.version == Version::V5 && !walk.is_at_end() {
        reason_code(walk, packet_type);
        if !walk.is_at_end() {
            walk.properties(PROPERTIES);
        }
    }
}

fn reason_code(walk: &mut Walk<'_>, packet_type: PacketType) {
    let version = walk.version;
    let wireshark = match (packet_type, version) {
        (PacketType::ConnAck, Version::V31 | Version::V311) => Some("mqtt.conack.val"),
        (PacketType::ConnAck, Version::V5) => Some("mqtt.connack.reason_code"),
        (PacketType::PubAck, _) => Some("mqtt.puback.reason_code"),
        (PacketType::PubRec, _) => Some("mqtt.pubrec.reason_code"),
        (PacketType::PubRel, _) => Some("mqtt.pubrel.reason_code"),
        (PacketType::PubComp, _) => Some("mqtt.pubcomp.reason_code"),
        (PacketType::SubAck, Version::V31 | Version::V311) => Some("mqtt.suback.qos"),
        (PacketType::SubAck, Version::V5) => Some("mqtt.suback.reason_code"),
        (PacketType::UnsubAck, _) => Some("mqtt.unsuback.reason_code"),
        (PacketType::Disconnect, _) => Some("mqtt.disconnect.reason_code"),
        (PacketType::Auth, _) => Some("mqtt.auth.reason_code"),
        (
            PacketType::Reserved
            | PacketType::Connect
            | PacketType::Publish
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::PingReq
            | PacketType::PingResp,
            _,
        ) => None,
    };
    walk.byte(Name("reason_code", wireshark), |code| {
        FieldValue::Code(code.into(), reason_name(packet_type, code, version))
    });
}

/// The codes that fill the rest of a SUBACK or UNSUBACK.
fn reason_codes(walk: &mut Walk<'_>, packet_type: PacketType) {
    while walk.has_more() {
        reason_code(walk, packet_type);
    }
}

fn subscription(walk: &mut Walk<'_>) {
    let one = |walk: &mut Walk<'_>| {
        if walk.prefixed(FILTER, FieldValue::Text).is_some() {
            subscription_options(walk);
        }
    };
    let length = walk.ahead().first_chunk().map_or(0, |length| 3 + usize::from(u16::from_be_bytes(*length)));
    if length > 0 && length <= walk.ahead().len() {
        walk.group(Name("subscription", None), length as u32, one);
    } else {
        one(walk);
    }
}

fn subscription_options(walk: &mut Walk<'_>) {
    let number = |options: u8| FieldValue::Number(options.into());
    if walk.version < Version::V5 {
        if let Some(options) = walk.byte(name("subscription_options", "mqtt.sub.qos"), number) {
            walk.bit_number(Name("reserved", None), 0xfc, options);
            walk.bit_number(Name("qos", None), 0x03, options);
        }
        return;
    }
    let Some(options) = walk.byte(name("subscription_options", "mqtt.subscription_options"), number) else { return };
    walk.bit_number(name("reserved", "mqtt.subscription_options_reserved"), 0xc0, options);
    walk.bit_number(name("retain_handling", "mqtt.subscription_options_retain"), 0x30, options);
    walk.flag(name("retain_as_published", "mqtt.subscription_options_rap"), 0x08, options);
    walk.flag(name("no_local", "mqtt.subscription_options_nl"), 0x04, options);
    walk.bit_number(name("qos", "mqtt.subscription_options_qos"), 0x03, options);
}

fn connect(walk: &mut Walk<'_>) {
    let protocol = names("protocol_name_length", "mqtt.proto_len", "protocol_name", "mqtt.protoname");
    let protocol_name = walk.prefixed(protocol, FieldValue::Text).unwrap_or_default();
    let level = walk.byte(name("protocol_level", "mqtt.ver"), |level| {
        FieldValue::Code(level.into(), Version::from_connect(protocol_name, level).map(Version::as_str))
    });
    if let Some(level) = level.filter(|level| level & BRIDGE_BIT != 0) {
        walk.flag(Name("bridge", None), BRIDGE_BIT, level);
        walk.bit_number(Name("level", None), !BRIDGE_BIT, level);
    }
    if level.is_some_and(|level| has_unknown_layout(protocol_name, level)) {
        walk.stop();
    }
    let flags = walk.byte(name("connect_flags", "mqtt.conflags"), |flags| FieldValue::Number(flags.into()));
    let flags = flags.inspect(|&flags| {
        walk.flag(name("username_flag", "mqtt.conflag.uname"), 0x80, flags);
        walk.flag(name("password_flag", "mqtt.conflag.passwd"), 0x40, flags);
        walk.flag(name("will_retain", "mqtt.conflag.retain"), 0x20, flags);
        walk.bit_number(name("will_qos", "mqtt.conflag.qos"), 0x18, flags);
        walk.flag(name("will_flag", "mqtt.conflag.willflag"), 0x04, flags);
        walk.flag(name("clean_start", "mqtt.conflag.cleansess"), 0x02, flags);
        walk.flag(name("reserved", "mqtt.conflag.reserved"), 0x01, flags);
    });
    let flags = flags.unwrap_or(0);
    walk.two_bytes(name("keep_alive_s", "mqtt.kalive"));
    walk.properties(PROPERTIES);
    walk.prefixed(names("client_id_length", "mqtt.clientid_len", "client_id", "mqtt.clientid"), FieldValue::Text);
    if flags & 0x04 != 0 {
        walk.properties(name("will_properties", "mqtt.will_properties"));
        let topic = names("will_topic_length", "mqtt.willtopic_len", "will_topic", "mqtt.willtopic");
        walk.prefixed(topic, FieldValue::Text);
        let payload = names("will_payload_length", "mqtt.willmsg_len", "will_payload", "mqtt.willmsg");
        walk.prefixed(payload, FieldValue::Payload);
    }
    // MQTT 3.1 section 3.1: what is announced may be left out.
    let may_end = walk.version == Version::V31;
    if flags & 0x80 != 0 && !(may_end && walk.is_at_end()) {
        let user = names("username_length", "mqtt.username_len", "username", "mqtt.username");
        walk.prefixed(user, FieldValue::Text);
    }
    if flags & 0x40 != 0 && !(may_end && walk.is_at_end()) {
        walk.prefixed(names("password_length", "mqtt.passwd_len", "password", "mqtt.passwd"), secret);
    }
}
