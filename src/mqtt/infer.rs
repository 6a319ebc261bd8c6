//! Whether bytes look like MQTT: a packet, a CONNECT, a chain of packets.
//!
//! These are guesses from the bytes alone, for streams whose protocol or packet borders are not known.
//! Which version a stream speaks is told elsewhere.

use super::{Body, FixedHeader, HeaderRead, PacketType, Severity, Version, decode};

/// How sure a guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// It is not.
    No,
    /// It may be; more bytes will tell.
    NeedMore,
    /// It is.
    Yes,
}

/// How much of a body is looked at. The front holds what is regular; a bound makes the work for each
/// byte of a search bounded.
const LOOKED_AT: usize = 256;

/// Whether a packet can begin with this byte, in any version.
#[inline]
pub(super) const fn could_begin(byte: u8) -> bool {
    let flags = byte & 0x0f;
    match PacketType::from_bits(byte >> 4) {
        PacketType::Reserved => false,
        // No QoS 3, and no DUP with QoS 0.
        PacketType::Publish => flags & 0b0110 != 0b0110 && flags & 0b1110 != 0b1000,
        // 3.1 sets DUP on requests that are sent again.
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => flags & 0b0111 == 0b0010,
        _ => flags == 0,
    }
}

/// Whether header and front of the body look like a packet of `version`, or of any version.
///
/// Tells by structure: flags, lengths that fit each other, text that is text, codes that exist. A
/// packet that breaks rules is not plausible, though its sender may have meant it. Takes bounded time.
pub fn plausible(header: FixedHeader, body_prefix: &[u8], version: Option<Version>) -> bool {
    if !header.is_minimal() || !could_begin((header.packet_type as u8) << 4 | header.flags & 0x0f) {
        return false;
    }
    let prefix = body_prefix.get(..LOOKED_AT).unwrap_or(body_prefix);
    if header.packet_type == PacketType::Connect && !NAMES.iter().any(|name| agree(prefix, name)) {
        return false;
    }
    if header.packet_type == PacketType::Publish && !has_text_for_topic(prefix) {
        return false;
    }
    match version {
        Some(Version::V5) => reads_as(header, prefix, Version::V5),
        // The wording of 3.1 lets nearly everything pass; what its clients send fits 3.1.1 as well.
        Some(Version::V31 | Version::V311) => reads_as(header, prefix, Version::V311),
        None => reads_as(header, prefix, Version::V311) || reads_as(header, prefix, Version::V5),
    }
}

/// The protocol names with their lengths, as a CONNECT begins with them.
const NAMES: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];

/// Whether one is the front of the other.
fn agree(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// Whether the topic of a PUBLISH is text as far as it is available; `decode` judges only a whole one, and a long one
/// is what random bytes show first.
fn has_text_for_topic(body: &[u8]) -> bool {
    let Some((length, behind)) = body.split_first_chunk() else { return true };
    let topic = behind.get(..usize::from(u16::from_be_bytes(*length))).unwrap_or(behind);
    let text = match std::str::from_utf8(topic) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && topic.len() == behind.len() => {
            let whole = topic.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.contains(['\0', '+', '#'])
}

/// Whether a packet, as far as it is available, breaks no rule of `version` that counts.
pub(super) fn reads_as(header: FixedHeader, body: &[u8], version: Version) -> bool {
    let mut header = header;
    if version == Version::V311 && header.packet_type != PacketType::Publish {
        // DUP on a request was legal in 3.1.
        header.flags &= 0b0111;
    }
    let packet = decode(header, body, version);
    packet.deviations.iter().all(|deviation| deviation.kind.severity(packet.version) < Severity::ProtocolError)
}

/// Whether a stream that begins with these bytes begins with a CONNECT, whatever its level.
pub fn looks_like_connect(bytes: &[u8]) -> Certainty {
    match bytes.first() {
        None => return Certainty::NeedMore,
        Some(0x10) => {}
        Some(_) => return Certainty::No,
    }
    let header = match FixedHeader::read(bytes) {
        HeaderRead::Complete(header) => header,
        HeaderRead::Partial => return Certainty::NeedMore,
        HeaderRead::Malformed => return Certainty::No,
    };
    let body = bytes.get(usize::from(header.length)..).unwrap_or_default();
    // Name, level, flags, keep alive and the length of the client identifier.
    let (name, least) = if body.get(1) == Some(&6) { (&b"\0\x06MQIsdp"[..], 14) } else { (&b"\0\x04MQTT"[..], 12) };
    if header.remaining_length < least {
        return Certainty::No;
    }
    match body.get(..name.len()) {
        Some(front) if front == name => Certainty::Yes,
        None if name.starts_with(body) => Certainty::NeedMore,
        Some(_) | None => Certainty::No,
    }
}

/// Packets after which a chain needs no further proof.
const ENOUGH_PACKETS: usize = 64;

/// The score from which [`looks_like_mqtt`] says yes.
const ENOUGH: u32 = 4;

/// How a chain of packets that look right ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChainEnd {
    /// With the bytes.
    Whole,
    /// Within a packet, of whose front may be said that it is telling.
    Partial { telling: bool },
    /// At something else.
    Broken,
}

/// What the chain of packets proves that begins with the first byte, and how it ends.
fn chain(bytes: &[u8]) -> (u32, ChainEnd) {
    let mut rest = bytes;
    let mut score = 0;
    for _ in 0..ENOUGH_PACKETS {
        let Some(&first) = rest.first() else { break };
        if !could_begin(first) {
            return (score, ChainEnd::Broken);
        }
        let header = match FixedHeader::read(rest) {
            HeaderRead::Complete(header) => header,
            HeaderRead::Partial => return (score, ChainEnd::Partial { telling: false }),
            HeaderRead::Malformed => return (score, ChainEnd::Broken),
        };
        let body = rest.get(usize::from(header.length)..).unwrap_or_default();
        if !plausible(header, body, None) {
            return (score, ChainEnd::Broken);
        }
        let Some((packet, behind)) = rest.split_at_checked(header.packet_length() as usize) else {
            // It does not end where these bytes end, which would have been half the proof.
            let front = if body.len() > 2 { weight(header, body) / 2 } else { 0 };
            return (score + front, ChainEnd::Partial { telling: is_telling(header, body) });
        };
        score += weight(header, packet.get(usize::from(header.length)..).unwrap_or_default());
        rest = behind;
    }
    (score, ChainEnd::Whole)
}

/// How much the bytes, taken as a chain of packets that begins with the first of them, look like MQTT.
///
/// `None` where the chain breaks. A ping alone gives 1, since two bytes prove little; a PUBLISH with a
/// topic gives 4, a CONNECT 10.
pub fn mqtt_score(bytes: &[u8]) -> Option<u32> {
    let (score, end) = chain(bytes);
    (end != ChainEnd::Broken).then_some(score)
}

/// Whether the first bytes of a stream that was joined in the middle begin with a packet: with a CONNECT, with a whole
/// packet that ends with the bytes or that another one follows, or with one whose fields leave little to chance.
/// Two letters can be a header.
pub fn begins_with_packet(bytes: &[u8]) -> bool {
    let chained = match chain(bytes) {
        (score, ChainEnd::Whole) => score > 0,
        (score, ChainEnd::Partial { telling }) => telling || score >= 2,
        (score, ChainEnd::Broken) => score >= ENOUGH,
    };
    chained || looks_like_connect(bytes) == Certainty::Yes
}

/// What a packet that looks right proves: the more of its bytes have to fit, the more.
fn weight(header: FixedHeader, body: &[u8]) -> u32 {
    match header.packet_type {
        // The name is what proves it.
        PacketType::Connect if body.len() > 5 => 10,
        PacketType::Publish => match decode(header, body, Version::V311).body {
            Body::Publish(publish) if publish.topic.is_some_and(|topic| topic.len() >= 3) => 4,
            _ => 2,
        },
        PacketType::Subscribe | PacketType::Unsubscribe => 4,
        PacketType::SubAck | PacketType::Auth => 3,
        PacketType::PingReq | PacketType::PingResp | PacketType::Disconnect if header.remaining_length == 0 => 1,
        _ => 2,
    }
}

/// Whether the front of a packet that looks right shows fields that text and chance do not: a length that fits into
/// the other one, and text behind it.
pub(super) fn is_telling(header: FixedHeader, body: &[u8]) -> bool {
    match decode(header, body, Version::V311).body {
        Body::Publish(publish) => publish.topic.is_some_and(|topic| !topic.is_empty()),
        _ => body.len() > 2 && weight(header, body) >= ENOUGH,
    }
}

/// Whether a stream that was joined in the middle carries MQTT, by bytes that begin where a packet may.
pub fn looks_like_mqtt(bytes: &[u8]) -> Certainty {
    match mqtt_score(bytes) {
        None => Certainty::No,
        Some(ENOUGH..) => Certainty::Yes,
        Some(_) => Certainty::NeedMore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_plausible(bytes: &[u8]) -> bool {
        let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header") };
        plausible(header, &bytes[usize::from(header.length)..], None)
    }

    #[test]
    fn a_connect_is_known_by_its_first_bytes_and_whatever_its_level() {
        let connect = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
        for cut in 0..8 {
            assert_eq!(looks_like_connect(&connect[..cut]), Certainty::NeedMore, "{cut}");
        }
        assert_eq!(looks_like_connect(connect), Certainty::Yes);
        assert_eq!(looks_like_connect(b"\x10\x0c\x00\x04MQTT\x63"), Certainty::Yes);
        assert_eq!(looks_like_connect(b"\x10\x0f\x00\x06MQIsdp\x03"), Certainty::Yes);
        assert_eq!(looks_like_connect(b"\x10\x0c\x00\x04HTTP"), Certainty::No);
        assert_eq!(looks_like_connect(b"GET / HTTP/1.1"), Certainty::No);
        assert_eq!(looks_like_connect(b"\x10\x03\x00\x04MQTT"), Certainty::No);
    }

    #[test]
    fn structure_tells_packets_from_other_bytes() {
        assert!(is_plausible(b"\xc0\x00"));
        assert!(!is_plausible(b"\xc0\x01\x00"));
        assert!(is_plausible(b"\x40\x02\x00\x01"));
        assert!(!is_plausible(b"\x40\x02\x00\x00"));
        assert!(is_plausible(b"\x30\x05\x00\x03a/b"));
        assert!(is_plausible(b"\x30\x7f\x00\x03a/b"));
        assert!(!is_plausible(b"\x30\x05\x00\x03a/#"));
        assert!(!is_plausible(b"\x30\x05\x00\x09a/b"));
        assert!(is_plausible(b"\x30\x06\x00\x00\x03\x23\x00\x01"));
        assert!(!is_plausible(b"\x00\x00"));
        assert!(!is_plausible(b"\x36\x05\x00\x01a\x00\x01"));
    }

    #[test]
    fn text_is_no_mqtt() {
        for text in ["GET / HTTP/1.1\r\n", "220 mail ESMTP", "0123456789abcdef", "PPPPPPPP", "{\"a\":1}"] {
            assert_eq!(looks_like_mqtt(text.as_bytes()), Certainty::No, "{text}");
        }
    }

    #[test]
    fn a_connect_names_its_protocol_as_far_as_it_goes() {
        assert!(is_plausible(b"\x10\x26\x00\x06MQI"));
        // A property length of 16, and a user property behind it.
        assert!(!is_plausible(b"\x10\x26\x00\x07abcd"));
        assert!(!begins_with_packet(b"\x10\x26\x00\x04M"));
        assert!(begins_with_packet(b"\x10\x26\x00\x04MQTT"));
        // What follows it, or is in it, may be as broken as it likes.
        assert!(begins_with_packet(b"\x10\x0c\x00\x04MQTT\x04\x03\x00\x3c\x00\x00\xff\xff"));
        assert!(begins_with_packet(b"\x30\x05\x00\x03a/b\x00\x00"));
        assert!(begins_with_packet(b"\x30\x80\x10\x00\x02g1xxxx"));
    }

    #[test]
    fn a_long_topic_is_text_as_far_as_it_goes() {
        let publish = |topic: &[u8]| [&b"\x30\xff\x6d\x01\x00"[..], topic].concat();
        assert!(is_plausible(&publish(b"plant/line")));
        assert!(is_plausible(&publish("gr\u{fc}n".as_bytes().get(..3).unwrap())));
        assert!(!is_plausible(&publish(b"plant\xff\xfeline")));
        assert!(!is_plausible(&publish(b"plant/#line")));
        assert!(!is_plausible(&publish(b"pl\0ant")));
    }

    #[test]
    fn letters_that_could_be_a_header_begin_no_packet() {
        for text in ["b", "pc", "bcde", " x", "0", "@", "j)", ""] {
            assert!(!begins_with_packet(text.as_bytes()), "{text}");
        }
        for bytes in
            [&b"\xc0\x00"[..], b"\x40\x02\x00\x01", b"\x30\x7f\x00\x03a/bhello", b"\xd0\x00\x30\x05\x00\x03a/b\xc0"]
        {
            assert!(begins_with_packet(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn one_ping_is_a_weak_sign_and_a_publish_a_strong_one() {
        assert_eq!(looks_like_mqtt(b"\xc0\x00"), Certainty::NeedMore);
        assert_eq!(looks_like_mqtt(b"\xc0\x00\xd0\x00\xc0\x00\xd0\x00"), Certainty::Yes);
        assert_eq!(looks_like_mqtt(b"\x30\x07\x00\x03a/bhi"), Certainty::Yes);
        assert_eq!(looks_like_mqtt(b"\x30\x07\x00\x03a/bhi\x16\x03\x01"), Certainty::No);
    }
}
