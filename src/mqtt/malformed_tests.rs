//! Broken packets of every type and version: what is wrong is told with a rule that the version has, and the stream
//! goes on behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::test_encoder::packet;
use super::{
    Body, DeviationKind, FixedHeader, FrameSink, Framed, Framer, FramerLimits, HeaderRead, Incomplete, LostSync,
    LostSyncReason, PacketType, Severity, Version, decode,
};
use crate::capture::{FrameNo, Origin};
use crate::time::Timestamp;

/// Valid packets, one or more of each type that the version has.
fn valid(version: Version) -> Vec<Vec<u8>> {
    let mut all: Vec<(u8, &[u8])> = match version {
        Version::V31 => vec![
            (0x10, b"\0\x06MQIsdp\x03\xce\0\x3c\0\x02ab\0\x01t\0\x01w\0\x01u\0\x01p"),
            (0x20, b"\0\x05"),
            (0x90, b"\0\x01\0\x02"),
            (0xb0, b"\0\x01"),
            (0xe0, b""),
        ],
        Version::V311 => vec![
            (0x10, b"\0\x04MQTT\x04\xce\0\x3c\0\x02ab\0\x01t\0\x01w\0\x01u\0\x01p"),
            (0x20, b"\x01\0"),
            (0x90, b"\0\x01\0\x80"),
            (0xb0, b"\0\x01"),
            (0xe0, b""),
        ],
        Version::V5 => vec![
            (0x10, b"\0\x04MQTT\x05\xce\0\x3c\x03\x21\0\x09\0\x02ab\x02\x01\x01\0\x01t\0\x01w\0\x01u\0\x01p"),
            (0x10, b"\0\x04MQTT\x05\x02\0\x3c\x11\x15\0\x01m\x16\0\x01d\x26\0\x01k\0\x01v\x17\x01\0\x02ab"),
            (0x20, b"\0\0\x0a\x24\x01\x27\0\0\x01\0\x22\0\x07"),
            (0x20, b"\0\x9c\x04\x1c\0\x01h"),
            (0x30, b"\0\x01a\x13\x01\x01\x23\0\x03\x08\0\x01r\x09\0\x01\xff\x0b\x05\x03\0\x01cp"),
            (0x40, b"\0\x01\x10\x04\x1f\0\x01r"),
            (0x50, b"\0\x01\x80\0"),
            (0x62, b"\0\x01\x92\x07\x26\0\x01k\0\x01v"),
            (0x70, b"\0\x01\0"),
            (0x82, b"\0\x01\x02\x0b\x05\0\x0a$share/g/a\x12\0\x01#\x2c"),
            (0x90, b"\0\x01\x04\x1f\0\x01r\0\x80"),
            (0xa2, b"\0\x01\x07\x26\0\x01k\0\x01v\0\x01a"),
            (0xb0, b"\0\x01\0\x11"),
            (0xe0, b"\x9c\x04\x1c\0\x01h"),
            (0xf0, b"\x18\x08\x15\0\x01m\x16\0\x01d"),
        ],
    };
    if version < Version::V5 {
        let shared: [(u8, &[u8]); 8] = [
            (0x31, b"\0\x03a/btext"),
            (0x40, b"\0\x01"),
            (0x50, b"\0\x01"),
            (0x62, b"\0\x01"),
            (0x70, b"\0\x01"),
            (0x82, b"\0\x01\0\x03a/+\x01\0\x01#\x02"),
            (0xa2, b"\0\x01\0\x03a/+"),
            (0x3c, b"\0\x02\xc3\xa4\0\x05hello"),
        ];
        all.extend(shared);
    }
    all.extend([(0xc0, &b""[..]), (0xd0, b"")]);
    all.into_iter().map(|(first, body)| packet(first, body)).collect()
}

/// A packet in every way in which one step breaks it.
fn broken(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (first, body) = (bytes[0], &bytes[2..]);
    let mut all = Vec::new();
    // All flags, and all types: a body that belongs to another one, reserved ones among them.
    all.extend((0..=0xff).map(|first| packet(first, body)));
    // Each field too short, or none at all.
    all.extend((0..body.len()).map(|end| packet(first, &body[..end])));
    // Too long.
    all.extend([&b"\0"[..], b"x", b"\0\x01a", &[0xff; 200]].map(|more| packet(first, &[body, more].concat())));
    for at in 0..body.len() {
        // Each length, code, flag, property and character something else.
        for byte in
            (0..=0x30).chain([0x3f, 0x40, b'#', b'+', b'$', 0x7f, 0x80, 0x81, 0x87, 0x9f, 0xc0, 0xc3, 0xed, 0xff])
        {
            let mut changed = body.to_vec();
            changed[at] = byte;
            all.push(packet(first, &changed));
        }
        // A byte more, a byte less.
        let mut longer = body.to_vec();
        longer.insert(at, 0);
        all.push(packet(first, &longer));
        let mut shorter = body.to_vec();
        shorter.remove(at);
        all.push(packet(first, &shorter));
        // Text that is none, or should not be.
        for text in [&b"\xed\xa0\x80"[..], b"\xff\xfe", b"\0\0", b"\xef\xbb\xbf", b"\xef\xbf\xbf", b"\x01\x02"] {
            let mut changed = body.to_vec();
            let end = (at + text.len()).min(changed.len());
            changed[at..end].copy_from_slice(&text[..end - at]);
            all.push(packet(first, &changed));
        }
    }
    // A length in more bytes than needed.
    if body.len() < 0x80 {
        all.push([&[first, body.len() as u8 | 0x80, 0][..], body].concat());
        all.push([&[first, body.len() as u8 | 0x80, 0x80, 0x80, 0][..], body].concat());
    }
    all
}

fn split(bytes: &[u8]) -> (FixedHeader, &[u8]) {
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header: {bytes:?}") };
    (header, &bytes[usize::from(header.length)..])
}

#[derive(Default)]
struct Starts(Vec<(u64, PacketType, bool)>, Vec<LostSyncReason>);

impl FrameSink for Starts {
    fn packet(&mut self, framed: Framed<'_>) {
        self.0.push((framed.start, framed.header.packet_type, framed.resynced));
    }

    fn incomplete(&mut self, incomplete: Incomplete<'_>) {
        panic!("{incomplete:?}");
    }

    fn lost_sync(&mut self, lost: LostSync) {
        self.1.push(lost.reason);
    }
}

fn frame(bytes: &[u8]) -> Starts {
    let mut framer = Framer::new(FramerLimits::default());
    let mut starts = Starts::default();
    let origin = Origin { frame: FrameNo(1), time: Timestamp::default() };
    framer.push(bytes, crate::capture::Place { origin, offset: None }, &mut starts);
    framer.finish(&mut starts);
    starts
}

/// The rules that a broken packet can be told by, as the specifications have them: checked against the statements of
/// each version, from which ids and severities were taken.
const RULES: &[(Version, Severity, &[&str])] = &[
    (
        Version::V31,
        Severity::Note,
        &[
            "CONNACK-RESERVED-FLAGS",
            "MALFORMED-FIXED-FLAGS",
            "NON-MINIMAL-REMAINING-LENGTH",
            "V31-UNUSED-BITS",
            "V31-USERNAME-MISSING",
        ],
    ),
    (
        Version::V31,
        Severity::Warning,
        &[
            "MALFORMED-UTF8-NUL",
            "MALFORMED-UTF8-SURROGATE",
            "V31-DUP-QOS0",
            "V31-QOS1-HEADER",
            "V31-SUBACK-CODES",
            "V31-TOPIC-NUL",
            "V31-UTF8",
            "V31-WILL-ASCII",
        ],
    ),
    (
        Version::V31,
        Severity::ProtocolError,
        &[
            "V31-CLIENTID-LENGTH",
            "V31-CONNACK-CODE",
            "V31-FILTER-HASH",
            "V31-FILTER-PLUS",
            "V31-MSGID-ZERO",
            "V31-PASSWORD-NEEDS-USERNAME",
            "V31-PROTOCOL-NAME",
            "V31-TOPIC-EMPTY",
            "V31-TOPIC-WILDCARD",
            "V31-WILL-QOS",
        ],
    ),
    (
        Version::V31,
        Severity::Malformed,
        &[
            "ACK-PAYLOAD-EMPTY",
            "CONNECT-PAYLOAD-EMPTY",
            "MALFORMED-LENGTH-FIXED",
            "MALFORMED-LENGTH-SHORT",
            "MALFORMED-LENGTH-TRAILING",
            "MALFORMED-PACKET-TYPE",
            "V31-QOS3",
            "V31-WILL-FIELDS",
        ],
    ),
    (Version::V311, Severity::Note, &["NON-MINIMAL-REMAINING-LENGTH", "UTF8-BOM"]),
    (Version::V311, Severity::Warning, &["UTF8-CONTROL-CHARACTER", "UTF8-NONCHARACTER"]),
    (
        Version::V311,
        Severity::ProtocolError,
        &[
            "CONNECT-VERSION-MISMATCH",
            "MQTT-2.3.1-1",
            "MQTT-3.1.2-13",
            "MQTT-3.1.2-15",
            "MQTT-3.1.2-22",
            "MQTT-3.10.3-2",
            "MQTT-3.2.2-4",
            "MQTT-3.2.2-6",
            "MQTT-3.3.1-2",
            "MQTT-3.3.2-2",
            "MQTT-3.8.3-3",
            "MQTT-3.9.3-2",
            "MQTT-4.7.1-1",
            "MQTT-4.7.1-2",
            "MQTT-4.7.1-3",
            "MQTT-4.7.3-1",
            "PACKET-ID-ZERO",
        ],
    ),
    (
        Version::V311,
        Severity::Malformed,
        &[
            "ACK-PAYLOAD-EMPTY",
            "CONNACK-RESERVED-FLAGS",
            "CONNECT-PAYLOAD-EMPTY",
            "MALFORMED-LENGTH-FIXED",
            "MALFORMED-LENGTH-SHORT",
            "MALFORMED-LENGTH-TRAILING",
            "MALFORMED-PACKET-TYPE",
            "MQTT-1.5.3-1",
            "MQTT-1.5.3-2",
            "MQTT-2.2.2-1",
            "MQTT-3.1.2-14",
            "MQTT-3.1.2-19",
            "MQTT-3.1.2-21",
            "MQTT-3.1.2-3",
            "MQTT-3.1.2-9",
            "MQTT-3.1.3-3",
            "MQTT-3.3.1-4",
            "MQTT-3.8.3-4",
            "PUBLISH-TOPIC-TOO-LONG",
        ],
    ),
    (Version::V5, Severity::Note, &["UTF8-BOM"]),
    (
        Version::V5,
        Severity::Warning,
        &[
            "PAYLOAD-FORMAT-INVALID",
            "RESPONSE-TOPIC-EMPTY",
            "SERVER-REFERENCE-CODE",
            "UTF8-CONTROL-CHARACTER",
            "UTF8-NONCHARACTER",
            "WILL-FORMAT-INVALID",
        ],
    ),
    (
        Version::V5,
        Severity::ProtocolError,
        &[
            "AUTH-DATA-WITHOUT-METHOD",
            "AUTH-METHOD-MISSING",
            "CONNECT-VERSION-MISMATCH",
            "MAXIMUM-PACKET-SIZE-ZERO",
            "MQTT-2.2.1-3",
            "MQTT-3.1.2-1",
            "MQTT-3.1.2-11",
            "MQTT-3.1.2-13",
            "MQTT-3.10.3-2",
            "MQTT-3.11.3-2",
            "MQTT-3.14.2-1",
            "MQTT-3.15.2-1",
            "MQTT-3.2.2-6",
            "MQTT-3.2.2-8",
            "MQTT-3.3.1-2",
            "MQTT-3.3.2-14",
            "MQTT-3.3.2-2",
            "MQTT-3.3.2-8",
            "MQTT-3.4.2-1",
            "MQTT-3.5.2-1",
            "MQTT-3.6.2-1",
            "MQTT-3.7.2-1",
            "MQTT-3.8.3-2",
            "MQTT-3.8.3-4",
            "MQTT-3.9.3-2",
            "MQTT-4.7.0-1",
            "MQTT-4.7.1-1",
            "MQTT-4.7.1-2",
            "MQTT-4.7.3-1",
            "MQTT-4.8.2-1",
            "MQTT-4.8.2-2",
            "PACKET-ID-ZERO",
            "PROPERTY-BOOLEAN-RANGE",
            "PROPERTY-DUPLICATE",
            "PROPERTY-PAYLOAD-FORMAT-RANGE",
            "RECEIVE-MAXIMUM-ZERO",
            "SUBSCRIBE-QOS3",
            "SUBSCRIBE-RETAIN-HANDLING-3",
            "SUBSCRIPTION-ID-ZERO",
            "TOPIC-EMPTY-NO-ALIAS",
        ],
    ),
    (
        Version::V5,
        Severity::Malformed,
        &[
            "ACK-PAYLOAD-EMPTY",
            "CONNECT-PAYLOAD-EMPTY",
            "MALFORMED-LENGTH-PING",
            "MALFORMED-LENGTH-SHORT",
            "MALFORMED-LENGTH-TRAILING",
            "MALFORMED-PACKET-TYPE",
            "MALFORMED-PROPERTY-LENGTH",
            "MALFORMED-VBI",
            "MQTT-1.5.4-1",
            "MQTT-1.5.4-2",
            "MQTT-1.5.5-1",
            "MQTT-1.5.7-1",
            "MQTT-2.1.3-1",
            "MQTT-2.2.2-1",
            "MQTT-3.1.2-12",
            "MQTT-3.1.2-17",
            "MQTT-3.1.2-19",
            "MQTT-3.1.2-3",
            "MQTT-3.1.2-9",
            "MQTT-3.1.3-3",
            "MQTT-3.2.2-1",
            "MQTT-3.3.1-4",
            "MQTT-3.3.2-13",
            "MQTT-3.3.2-19",
            "MQTT-3.8.3-5",
            "PROPERTY-NOT-ALLOWED",
            "PROPERTY-UNKNOWN",
            "PROPERTY-VALUE-TYPE",
            "PUBLISH-TOPIC-TOO-LONG",
        ],
    ),
];

/// Every broken packet of every version.
fn all_broken() -> impl Iterator<Item = (Version, Vec<u8>)> {
    Version::ALL.into_iter().flat_map(|version| {
        valid(version).into_iter().flat_map(move |bytes| {
            let (header, body) = split(&bytes);
            assert_eq!(decode(header, body, version).deviations, [], "{bytes:x?} {version}");
            broken(&bytes).into_iter().map(move |broken| (version, broken))
        })
    })
}

#[test]
fn each_fault_is_told_with_a_rule_of_its_version_and_as_bad_as_it_is_there() {
    let expected: BTreeSet<_> =
        RULES.iter().flat_map(|(version, severity, ids)| ids.iter().map(|id| (*version, *id, *severity))).collect();
    let mut found: BTreeMap<(Version, &str, Severity), String> = BTreeMap::new();
    for (version, bytes) in all_broken() {
        let (header, body) = split(&bytes);
        let packet = decode(header, body, version);
        for deviation in &packet.deviations {
            let kind = deviation.kind;
            let rule = (packet.version, kind.clause(packet.version), kind.severity(packet.version));
            found.entry(rule).or_insert_with(|| format!("{kind:?} {bytes:02x?}"));
            assert!(u64::from(deviation.offset) <= header.packet_length(), "{kind:?} {bytes:02x?}");
            assert!(kind.occurs_in(packet.version), "{kind:?} {bytes:02x?}");
        }
    }
    for (rule, example) in &found {
        assert!(expected.contains(rule), "{rule:?} {example}");
    }
    let never: Vec<_> = expected.iter().filter(|rule| !found.contains_key(rule)).collect();
    assert_eq!(never, Vec::<&(Version, &str, Severity)>::new());
}

/// What is told of rules without a packet at hand is what packets give.
#[test]
fn the_rules_of_all_deviations_are_those_that_are_found() {
    let expected: BTreeSet<_> =
        RULES.iter().flat_map(|(version, severity, ids)| ids.iter().map(|id| (*version, *id, *severity))).collect();
    let mut listed = BTreeSet::new();
    for kind in DeviationKind::every() {
        let versions = Version::ALL.into_iter().filter(|version| kind.occurs_in(*version));
        listed.extend(versions.map(|version| (version, kind.clause(version), kind.severity(version))));
    }
    // The framer finds the first, and the others take more than a small fault in a valid packet.
    let others = ["MALFORMED-REMAINING-LENGTH", "MQTT-3.1.3-7", "SUBSCRIPTION-ID-REPEATED", "V31-TOPIC-LENGTH"];
    listed.retain(|(_, clause, _)| !others.contains(clause));
    assert_eq!(listed.difference(&expected).collect::<Vec<_>>(), Vec::<&(Version, &str, Severity)>::new());
    assert_eq!(expected.difference(&listed).collect::<Vec<_>>(), Vec::<&(Version, &str, Severity)>::new());
}

#[test]
fn the_stream_goes_on_behind_every_packet_with_a_length() {
    for (version, bytes) in all_broken() {
        let stream = [&bytes, &[0xc0, 0][..]].concat();
        let (header, _) = split(&bytes);
        let Starts(packets, lost) = frame(&stream);
        let expected = [(0, header.packet_type, false), (bytes.len() as u64, PacketType::PingReq, false)];
        assert_eq!((packets, lost), (expected.to_vec(), vec![]), "{bytes:02x?} {version}");
    }
}

#[test]
fn without_a_length_the_stream_goes_on_where_packets_are_found() {
    for version in Version::ALL {
        for bytes in valid(version) {
            // A fifth length byte; what stands behind it can be anything, here the body.
            let broken = [&[bytes[0], 0xff, 0xff, 0xff, 0xff, 0x01][..], &bytes[2..], &[0xc0, 0, 0xd0, 0]].concat();
            let Starts(packets, lost) = frame(&broken);
            assert_eq!(lost, [LostSyncReason::MalformedLength], "{broken:02x?}");
            let end = broken.len() as u64;
            let pings = [(end - 4, PacketType::PingReq, true), (end - 2, PacketType::PingResp, true)];
            assert_eq!(packets, pings, "{broken:02x?}");
        }
    }
}

#[test]
fn what_stands_before_the_first_fault_is_understood() {
    for (version, bytes) in all_broken() {
        let (header, body) = split(&bytes);
        let packet = decode(header, body, version);
        let faultless = packet.deviations.iter().map(|deviation| deviation.offset).filter(|at| *at > 1).min();
        let faultless = faultless.unwrap_or(bytes.len() as u32) as usize - usize::from(header.length);
        let number = |at: usize| (faultless >= at + 2).then(|| u16::from_be_bytes([body[at], body[at + 1]]));
        let packet_id = match &packet.body {
            Body::Ack(ack) => ack.packet_id,
            Body::Subscribe(subscribe) => subscribe.packet_id,
            Body::SubAck(suback) => suback.packet_id,
            Body::Unsubscribe(unsubscribe) => unsubscribe.packet_id,
            Body::UnsubAck(unsuback) => unsuback.packet_id,
            Body::Publish(publish) => {
                if let Some(length) = number(0).map(usize::from).filter(|length| faultless >= 2 + length) {
                    assert_eq!(publish.topic, Some(&body[2..2 + length]), "{bytes:02x?} {version}");
                }
                continue;
            }
            Body::Connect(connect) => {
                if let Some(length) = number(0).map(usize::from).filter(|length| faultless > 2 + length) {
                    assert_eq!(connect.protocol_name, Some(&body[2..2 + length]), "{bytes:02x?} {version}");
                    assert_eq!(
                        connect.level.map(|level| level & 0x7f),
                        Some(body[2 + length] & 0x7f),
                        "{bytes:02x?} {version}"
                    );
                }
                continue;
            }
            Body::ConnAck(_) | Body::Ping | Body::Disconnect(_) | Body::Auth(_) | Body::Reserved(_) => continue,
        };
        if let Some(number) = number(0) {
            assert_eq!(packet_id, Some(number), "{bytes:02x?} {version}");
        }
    }
}

#[test]
fn a_packet_without_a_body_deviates_unless_it_needs_none() {
    for version in Version::ALL {
        for bytes in valid(version) {
            let empty = packet(bytes[0], &[]);
            let (header, body) = split(&empty);
            // MQTT 5.0 sections 3.14.2.1 and 3.15.2.1: no reason code means success.
            let needs_none = match header.packet_type {
                PacketType::PingReq | PacketType::PingResp | PacketType::Disconnect => true,
                PacketType::Auth => version == Version::V5,
                _ => false,
            };
            assert_eq!(decode(header, body, version).deviations.is_empty(), needs_none, "{empty:x?} {version}");
        }
    }
}
