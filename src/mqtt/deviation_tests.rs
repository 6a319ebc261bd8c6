//! Each deviation, by a packet that has it: its clause and its place, version by version.

use super::Version;
use super::Version::{V5, V31, V311};
use super::packet_tests::decoded;
use super::test_encoder::packet;

/// First byte, body, version, and the deviations expected: clause and offset.
type Case = (u8, &'static [u8], Version, &'static [(&'static str, u32)]);

#[track_caller]
fn check(cases: &[Case]) {
    for (first, body, version, expected) in cases {
        let bytes = packet(*first, body);
        let found = decoded(&bytes, *version);
        let got: Vec<_> = found.deviations.iter().map(|d| (d.kind.clause(found.version), d.offset)).collect();
        assert_eq!(got, *expected, "{first:#x} {body:?} {version}");
    }
}

#[test]
fn fixed_headers() {
    check(&[
        (0x00, b"", V311, &[("MALFORMED-PACKET-TYPE", 2)]),
        (0x00, b"ab", V5, &[("MALFORMED-PACKET-TYPE", 2)]),
        (0xf0, b"", V31, &[("MALFORMED-PACKET-TYPE", 2)]),
        (0xf0, b"", V5, &[]),
        (0xc1, b"", V31, &[("MALFORMED-FIXED-FLAGS", 0)]),
        (0xc1, b"", V311, &[("MQTT-2.2.2-1", 0)]),
        (0xc1, b"", V5, &[("MQTT-2.1.3-1", 0)]),
        (0x60, b"\0\x01", V31, &[("V31-QOS1-HEADER", 0)]),
        (0x6a, b"\0\x01", V31, &[]),
        (0x6a, b"\0\x01", V311, &[("MQTT-2.2.2-1", 0)]),
        (0x80, b"\0\x01\0\x01a\0", V311, &[("MQTT-2.2.2-1", 0)]),
        (0xa0, b"\0\x01\0\0\x01a", V5, &[("MQTT-2.1.3-1", 0)]),
        (0xc0, b"x", V311, &[("MALFORMED-LENGTH-FIXED", 2)]),
        (0xd0, b"x", V5, &[("MALFORMED-LENGTH-PING", 2)]),
    ]);
    let padded = |version| {
        let found = decoded(&[0xc0, 0x80, 0x00], version);
        found.deviations.iter().map(|d| (d.kind.clause(version), d.offset)).collect::<Vec<_>>()
    };
    assert_eq!(padded(V311), [("NON-MINIMAL-REMAINING-LENGTH", 1)]);
    assert_eq!(padded(V5), [("MQTT-1.5.5-1", 1)]);
}

#[test]
fn connect() {
    check(&[
        (0x10, b"\0\x04MQTX\x04\x02\0\0\0\x01a", V311, &[("CONNECT-VERSION-MISMATCH", 2)]),
        (0x10, b"\0\x04MQTX\x05\x02\0\0\0\0\x01a", V5, &[("MQTT-3.1.2-1", 2)]),
        (0x10, b"\0\x04MQTT\x03\x02\0\0\0\x01a", V311, &[("V31-PROTOCOL-NAME", 8)]),
        (0x10, b"\0\x06MQIsdp\x04\x02\0\0\0\x01a", V31, &[("CONNECT-VERSION-MISMATCH", 10)]),
        (0x10, b"\0\x04MQTT\x09\x02\0\0\0\0\x01a", V5, &[("CONNECT-VERSION-MISMATCH", 8)]),
        (0x10, b"\0\x06MQIsdp\x03\x03\0\0\0\x01a", V31, &[("V31-UNUSED-BITS", 11)]),
        (0x10, b"\0\x04MQTT\x04\x03\0\0\0\x01a", V311, &[("MQTT-3.1.2-3", 9)]),
        (0x10, b"\0\x04MQTT\x04\x0a\0\0\0\x01a", V311, &[("MQTT-3.1.2-13", 9)]),
        (0x10, b"\0\x04MQTT\x04\x22\0\0\0\x01a", V311, &[("MQTT-3.1.2-15", 9)]),
        (0x10, b"\0\x06MQIsdp\x03\x2a\0\0\0\x01a", V31, &[]),
        (0x10, b"\0\x04MQTT\x05\x2a\0\0\0\0\x01a", V5, &[("MQTT-3.1.2-11", 9), ("MQTT-3.1.2-13", 9)]),
        (0x10, b"\0\x04MQTT\x04\x1e\0\0\0\x01a\0\x01t\0\0", V311, &[("MQTT-3.1.2-14", 9)]),
        (0x10, b"\0\x06MQIsdp\x03\x1e\0\0\0\x01a\0\x01t\0\0", V31, &[("V31-WILL-QOS", 11)]),
        (0x10, b"\0\x04MQTT\x05\x1e\0\0\0\0\x01a\0\0\x01t\0\0", V5, &[("MQTT-3.1.2-12", 9)]),
        (0x10, b"\0\x04MQTT\x04\x42\0\0\0\x01a\0\x01p", V311, &[("MQTT-3.1.2-22", 9)]),
        (0x10, b"\0\x06MQIsdp\x03\x42\0\0\0\x01a\0\x01p", V31, &[("V31-PASSWORD-NEEDS-USERNAME", 11)]),
        (0x10, b"\0\x04MQTT\x05\x42\0\0\0\0\x01a\0\x01p", V5, &[]),
        (0x10, b"\0\x04MQTT\x04\x02\0\0", V311, &[("CONNECT-PAYLOAD-EMPTY", 12)]),
        (0x10, b"\0\x04MQTT\x04\x02\0\0\0", V311, &[("MQTT-3.1.3-3", 12)]),
        (0x10, b"\0\x04MQTT\x04\x02\0\0\0\x05a", V311, &[("MQTT-3.1.3-3", 12)]),
        (0x10, b"\0\x04MQTT\x05\x02\0\0", V5, &[("MQTT-2.2.2-1", 12)]),
        (0x10, b"\0\x04MQ", V311, &[("MALFORMED-LENGTH-SHORT", 2)]),
        (0x10, b"\0\x04MQTT\x04\x00\0\0\0\0", V311, &[("MQTT-3.1.3-7", 12)]),
        (0x10, b"\0\x04MQTT\x05\x00\0\0\0\0\0", V5, &[]),
        (0x10, b"\0\x06MQIsdp\x03\x02\0\0\0\0", V31, &[("V31-CLIENTID-LENGTH", 14)]),
        (0x10, b"\0\x06MQIsdp\x03\x02\0\0\0\x18aaaaaaaaaaaaaaaaaaaaaaaa", V31, &[("V31-CLIENTID-LENGTH", 14)]),
        (0x10, b"\0\x06MQIsdp\x03\xc2\0\0\0\x01a\0\x01u", V31, &[("V31-USERNAME-MISSING", 20)]),
        (0x10, b"\0\x04MQTT\x04\xc2\0\0\0\x01a\0\x01u", V311, &[("MQTT-3.1.2-21", 18)]),
        (0x10, b"\0\x04MQTT\x04\x82\0\0\0\x01a", V311, &[("MQTT-3.1.2-19", 15)]),
        (0x10, b"\0\x04MQTT\x05\x82\0\0\0\0\x01a", V5, &[("MQTT-3.1.2-17", 16)]),
        (0x10, b"\0\x04MQTT\x05\x42\0\0\0\0\x01a\0", V5, &[("MQTT-3.1.2-19", 16)]),
        (0x10, b"\0\x04MQTT\x04\x06\0\0\0\x01a\0\x01t", V311, &[("MQTT-3.1.2-9", 18)]),
        (0x10, b"\0\x06MQIsdp\x03\x06\0\0\0\x01a", V31, &[("V31-WILL-FIELDS", 17)]),
        (0x10, b"\0\x06MQIsdp\x03\x06\0\0\0\x01a\0\x01t\0\x01\xe4", V31, &[("V31-WILL-ASCII", 22)]),
        (0x10, b"\0\x04MQTT\x04\x06\0\0\0\x01a\0\0\0\0", V311, &[("MQTT-4.7.3-1", 15)]),
        (0x10, b"\0\x04MQTT\x04\x06\0\0\0\x01a\0\x01+\0\0", V311, &[("MQTT-4.7.1-1", 17)]),
        (0x10, b"\0\x04MQTT\x05\x06\0\0\0\0\x01a\0\0\x01#\0\0", V5, &[("MQTT-4.7.0-1", 19)]),
        (0x10, b"\0\x04MQTT\x05\x06\0\0\0\0\x01a\x02\x01\x01\0\x01t\0\x01\xff", V5, &[("WILL-FORMAT-INVALID", 24)]),
        (0x10, b"\0\x04MQTT\x04\x02\0\0\0\x01ajunk", V311, &[("MALFORMED-LENGTH-TRAILING", 15)]),
    ]);
}

#[test]
fn text() {
    check(&[
        (0x30, b"\0\x02a\xff", V31, &[("V31-UTF8", 5)]),
        (0x30, b"\0\x02a\xff", V311, &[("MQTT-1.5.3-1", 5)]),
        (0x30, b"\0\x02a\xff\0", V5, &[("MQTT-1.5.4-1", 5)]),
        (0x30, b"\0\x03\xed\xa0\x80", V31, &[("MALFORMED-UTF8-SURROGATE", 4)]),
        (0x30, b"\0\x03\xed\xa0\x80", V311, &[("MQTT-1.5.3-1", 4)]),
        (0x30, b"\0\x02a\0", V31, &[("V31-TOPIC-NUL", 5)]),
        (0x30, b"\0\x02a\0", V311, &[("MQTT-1.5.3-2", 5)]),
        (0x30, b"\0\x02a\0\0", V5, &[("MQTT-1.5.4-2", 5)]),
        (0x30, b"\0\x02a\x07", V31, &[]),
        (0x30, b"\0\x02a\x07", V311, &[("UTF8-CONTROL-CHARACTER", 5)]),
        (0x30, b"\0\x03\xef\xbf\xbf", V311, &[("UTF8-NONCHARACTER", 4)]),
        (0x30, b"\0\x04\xef\xbb\xbfa", V311, &[("UTF8-BOM", 4)]),
        (0x10, b"\0\x06MQIsdp\x03\x02\0\0\0\x01\0", V31, &[("MALFORMED-UTF8-NUL", 16)]),
        (0x30, b"\0\x01a\x08\x26\0\x01k\0\x02v\xff", V5, &[("MQTT-1.5.7-1", 13)]),
        (0x30, b"\0\x01a\x04\x03\0\x01\xff", V5, &[("MQTT-3.3.2-19", 9)]),
        (0x30, b"\0\x01a\x04\x08\0\x01\xff", V5, &[("MQTT-3.3.2-13", 9)]),
    ]);
}

#[test]
fn publish() {
    check(&[
        (0x36, b"\0\x01a\0\x01", V31, &[("V31-QOS3", 0)]),
        (0x36, b"\0\x01a\0\x01", V311, &[("MQTT-3.3.1-4", 0)]),
        (0x36, b"\0\x01a\0\x01\0", V5, &[("MQTT-3.3.1-4", 0)]),
        (0x38, b"\0\x01a", V31, &[("V31-DUP-QOS0", 0)]),
        (0x38, b"\0\x01a", V311, &[("MQTT-3.3.1-2", 0)]),
        (0x32, b"\0\x01a\0\0", V31, &[("V31-MSGID-ZERO", 5)]),
        (0x32, b"\0\x01a\0\0", V311, &[("MQTT-2.3.1-1", 5)]),
        (0x32, b"\0\x01a\0\0\0", V5, &[("MQTT-2.2.1-3", 5)]),
        (0x30, b"\0\x03a/+", V31, &[("V31-TOPIC-WILDCARD", 6)]),
        (0x30, b"\0\x03a/#", V311, &[("MQTT-3.3.2-2", 6)]),
        (0x30, b"\0\x03a/#\0", V5, &[("MQTT-3.3.2-2", 6)]),
        (0x30, b"\0\0", V31, &[("V31-TOPIC-EMPTY", 2)]),
        (0x30, b"\0\0", V311, &[("MQTT-4.7.3-1", 2)]),
        (0x30, b"\0\0\0", V5, &[("TOPIC-EMPTY-NO-ALIAS", 2)]),
        (0x30, b"\0\0\x03\x23\0\x01", V5, &[]),
        (0x30, b"\0\x05a", V31, &[("MALFORMED-LENGTH-SHORT", 2)]),
        (0x30, b"\0\x05a", V311, &[("PUBLISH-TOPIC-TOO-LONG", 2)]),
        (0x30, b"\0\x05a", V5, &[("PUBLISH-TOPIC-TOO-LONG", 2)]),
        (0x32, b"\0\x01a\0", V311, &[("MALFORMED-LENGTH-SHORT", 5)]),
        (0x30, b"\0\x01a\x02\x01\x01\xff", V5, &[("PAYLOAD-FORMAT-INVALID", 8)]),
        (0x30, b"\0\x01a\x02\x01\0\xff", V5, &[]),
    ]);
    let mut long = vec![0x80, 0x00];
    long.resize(0x8002, b'a');
    let found = decoded(&packet(0x30, &long), V31).deviations[0];
    assert_eq!((found.kind.clause(V31), found.offset), ("V31-TOPIC-LENGTH", 4));
    assert_eq!(decoded(&packet(0x30, &long), V311).deviations, []);
}

#[test]
fn subscriptions() {
    check(&[
        (0x82, b"\0\x01", V31, &[("MALFORMED-LENGTH-SHORT", 4)]),
        (0x82, b"\0\x01", V311, &[("MQTT-3.8.3-3", 4)]),
        (0x82, b"\0\x01\0", V5, &[("MQTT-3.8.3-2", 5)]),
        (0xa2, b"\0\x01", V311, &[("MQTT-3.10.3-2", 4)]),
        (0xa2, b"\0\x01\0", V5, &[("MQTT-3.10.3-2", 5)]),
        (0x82, b"\0\0\0\x01a\0", V31, &[("V31-MSGID-ZERO", 2)]),
        (0x82, b"\0\0\0\x01a\0", V311, &[("MQTT-2.3.1-1", 2)]),
        (0xa2, b"\0\0\0\0\x01a", V5, &[("MQTT-2.2.1-3", 2)]),
        (0x82, b"\0\x01\0\0\0", V31, &[("V31-TOPIC-EMPTY", 6)]),
        (0xa2, b"\0\x01\0\0", V311, &[("MQTT-4.7.3-1", 6)]),
        (0x82, b"\0\x01\0\x02a#\0", V31, &[("V31-FILTER-HASH", 7)]),
        (0x82, b"\0\x01\0\x02a#\0", V311, &[("MQTT-4.7.1-2", 7)]),
        (0xa2, b"\0\x01\0\0\x02a#", V5, &[("MQTT-4.7.1-1", 8)]),
        (0x82, b"\0\x01\0\x02a+\0", V31, &[("V31-FILTER-PLUS", 7)]),
        (0x82, b"\0\x01\0\x02a+\0", V311, &[("MQTT-4.7.1-3", 7)]),
        (0x82, b"\0\x01\0\0\x02a+\0", V5, &[("MQTT-4.7.1-2", 8)]),
        (0x82, b"\0\x01\0\0\x09$share//a\0", V5, &[("MQTT-4.8.2-1", 14)]),
        (0x82, b"\0\x01\0\0\x08$share/g\0", V5, &[("MQTT-4.8.2-2", 15)]),
        (0x82, b"\0\x01\0\x08$share/g\0", V311, &[]),
        (0x82, b"\0\x01\0\0\x0a$share/g/a\x04", V5, &[("MQTT-3.8.3-4", 17)]),
        (0x82, b"\0\x01\0\x01a\x03", V31, &[("V31-QOS3", 7)]),
        (0x82, b"\0\x01\0\x01a\x03", V311, &[("MQTT-3.8.3-4", 7)]),
        (0x82, b"\0\x01\0\0\x01a\x03", V5, &[("SUBSCRIBE-QOS3", 8)]),
        (0x82, b"\0\x01\0\x01a\x04", V31, &[("V31-UNUSED-BITS", 7)]),
        (0x82, b"\0\x01\0\x01a\x04", V311, &[("MQTT-3.8.3-4", 7)]),
        (0x82, b"\0\x01\0\0\x01a\x40", V5, &[("MQTT-3.8.3-5", 8)]),
        (0x82, b"\0\x01\0\0\x01a\x30", V5, &[("SUBSCRIBE-RETAIN-HANDLING-3", 8)]),
        (0x82, b"\0\x01\0\x01a", V311, &[("MALFORMED-LENGTH-SHORT", 7)]),
        (0xa2, b"\0\x01\0\x09a", V311, &[("MALFORMED-LENGTH-SHORT", 4)]),
    ]);
}

#[test]
fn answers() {
    check(&[
        (0x20, b"\x02\0", V31, &[("CONNACK-RESERVED-FLAGS", 2)]),
        (0x20, b"\x02\0", V311, &[("CONNACK-RESERVED-FLAGS", 2)]),
        (0x20, b"\x02\0\0", V5, &[("MQTT-3.2.2-1", 2)]),
        (0x20, b"\x01\x05", V31, &[]),
        (0x20, b"\x01\x05", V311, &[("MQTT-3.2.2-4", 2)]),
        (0x20, b"\x01\x87\0", V5, &[("MQTT-3.2.2-6", 2)]),
        (0x20, b"\0\x06", V31, &[("V31-CONNACK-CODE", 3)]),
        (0x20, b"\0\x06", V311, &[("MQTT-3.2.2-6", 3)]),
        (0x20, b"\0\x05\0", V5, &[("MQTT-3.2.2-8", 3)]),
        (0x20, b"\0\0", V5, &[("MQTT-2.2.2-1", 4)]),
        (0x20, b"\0\0\0", V311, &[("MALFORMED-LENGTH-FIXED", 4)]),
        (0x20, b"\0\x87\x04\x1c\0\x01h", V5, &[("SERVER-REFERENCE-CODE", 5)]),
        (0x20, b"\0\x9c\x04\x1c\0\x01h", V5, &[]),
        (0x40, b"\0\0", V31, &[("V31-MSGID-ZERO", 2)]),
        (0x40, b"\0\0", V311, &[("PACKET-ID-ZERO", 2)]),
        (0x40, b"\0\0", V5, &[("PACKET-ID-ZERO", 2)]),
        (0x40, b"\0", V311, &[("MALFORMED-LENGTH-SHORT", 2)]),
        (0x40, b"\0\x01\0", V311, &[("MALFORMED-LENGTH-FIXED", 4)]),
        (0x40, b"\0\x01\x92", V5, &[("MQTT-3.4.2-1", 4)]),
        (0x50, b"\0\x01\x92", V5, &[("MQTT-3.5.2-1", 4)]),
        (0x62, b"\0\x01\x10", V5, &[("MQTT-3.6.2-1", 4)]),
        (0x70, b"\0\x01\x10\0", V5, &[("MQTT-3.7.2-1", 4)]),
        (0x70, b"\0\x01\0\0x", V5, &[("MALFORMED-LENGTH-TRAILING", 6)]),
        (0x90, b"\0\x01", V31, &[("ACK-PAYLOAD-EMPTY", 4)]),
        (0x90, b"\0\x01\0", V5, &[("ACK-PAYLOAD-EMPTY", 5)]),
        (0x90, b"\0\x01\x80", V31, &[("V31-SUBACK-CODES", 4)]),
        (0x90, b"\0\x01\x80", V311, &[]),
        (0x90, b"\0\x01\x01\x03", V311, &[("MQTT-3.9.3-2", 5)]),
        (0x90, b"\0\x01\0\x11", V5, &[("MQTT-3.9.3-2", 5)]),
        (0xb0, b"\0\x01\0", V311, &[("MALFORMED-LENGTH-FIXED", 4)]),
        (0xb0, b"\0\x01", V5, &[("MQTT-2.2.2-1", 4)]),
        (0xb0, b"\0\x01\0", V5, &[("ACK-PAYLOAD-EMPTY", 5)]),
        (0xb0, b"\0\x01\0\x01", V5, &[("MQTT-3.11.3-2", 5)]),
        (0xe0, b"\0", V311, &[("MALFORMED-LENGTH-FIXED", 2)]),
        (0xe0, b"\x01", V5, &[("MQTT-3.14.2-1", 2)]),
        (0xe0, b"\x8c", V5, &[]),
        (0xe0, b"\x9c\0x", V5, &[("MALFORMED-LENGTH-TRAILING", 4)]),
        (0xf0, b"\x01\x04\x15\0\x01m", V5, &[("MQTT-3.15.2-1", 2)]),
        (0xf0, b"\x18\0", V5, &[("AUTH-METHOD-MISSING", 3)]),
        (0xf0, b"\x18", V5, &[("MQTT-2.2.2-1", 3)]),
    ]);
}

#[test]
fn properties() {
    check(&[
        (0x30, b"\0\x01a", V5, &[("MQTT-2.2.2-1", 5)]),
        (0x30, b"\0\x01a\x05", V5, &[("MALFORMED-PROPERTY-LENGTH", 5)]),
        (0x30, b"\0\x01a\x80", V5, &[("MALFORMED-VBI", 5)]),
        (0x30, b"\0\x01a\xff\xff\xff\xff\x01", V5, &[("MALFORMED-VBI", 5)]),
        (0x30, b"\0\x01a\x82\0\x01\0", V5, &[("MQTT-1.5.5-1", 5)]),
        (0x30, b"\0\x01a\x03\x81\0\0", V5, &[("MQTT-1.5.5-1", 6)]),
        (0x30, b"\0\x01a\x03\x0b\x81\0", V5, &[("MQTT-1.5.5-1", 6)]),
        (0x30, b"\0\x01a\x05\x0b\xff\xff\xff\xff", V5, &[("PROPERTY-VALUE-TYPE", 6)]),
        (0x30, b"\0\x01a\x02\x04\0", V5, &[("PROPERTY-UNKNOWN", 6)]),
        (0x30, b"\0\x01a\x01\x80", V5, &[("MALFORMED-PROPERTY-LENGTH", 6)]),
        (0x30, b"\0\x01a\x02\x23\0", V5, &[("PROPERTY-VALUE-TYPE", 6)]),
        (0x30, b"\0\x01a\x03\x03\0\x05hello", V5, &[("PROPERTY-VALUE-TYPE", 6)]),
        (0x30, b"\0\x01a\x05\x11\0\0\0\0", V5, &[("PROPERTY-NOT-ALLOWED", 6)]),
        (0x30, b"\0\x01a\x04\x01\0\x01\0", V5, &[("PROPERTY-DUPLICATE", 8)]),
        (0x30, b"\0\x01a\x04\x0b\x01\x0b\x01", V5, &[]),
        (0x82, b"\0\x01\x04\x0b\x01\x0b\x02\0\x01a\0", V5, &[("SUBSCRIPTION-ID-REPEATED", 7)]),
        (0x82, b"\0\x01\x02\x0b\0\0\x01a\0", V5, &[("SUBSCRIPTION-ID-ZERO", 5)]),
        (0x30, b"\0\x01a\x02\x01\x02", V5, &[("PROPERTY-PAYLOAD-FORMAT-RANGE", 6)]),
        (0x30, b"\0\x01a\x03\x23\0\0", V5, &[("MQTT-3.3.2-8", 6)]),
        (0x30, b"\0\x01a\x05\x08\0\x02a#", V5, &[("MQTT-3.3.2-14", 10)]),
        (0x30, b"\0\x01a\x03\x08\0\0", V5, &[("RESPONSE-TOPIC-EMPTY", 6)]),
        (0x20, b"\0\0\x02\x24\x02", V5, &[("PROPERTY-BOOLEAN-RANGE", 5)]),
        (0x20, b"\0\0\x03\x21\0\0", V5, &[("RECEIVE-MAXIMUM-ZERO", 5)]),
        (0x20, b"\0\0\x05\x27\0\0\0\0", V5, &[("MAXIMUM-PACKET-SIZE-ZERO", 5)]),
        (0x10, b"\0\x04MQTT\x05\x02\0\0\x03\x16\0\0\0\x01a", V5, &[("AUTH-DATA-WITHOUT-METHOD", 13)]),
        (0x10, b"\0\x04MQTT\x05\x06\0\0\0\0\x01a\x02\x17\x01\0\x01t\0\0", V5, &[("PROPERTY-NOT-ALLOWED", 17)]),
    ]);
}

#[test]
fn severities_follow_the_version() {
    use super::{DeviationKind, Field, Severity};
    let utf8 = DeviationKind::InvalidUtf8(Field::Topic);
    assert_eq!(utf8.severity(V31), Severity::Warning);
    assert_eq!(utf8.severity(V311), Severity::Malformed);
    assert_eq!(DeviationKind::RemainingLengthNotMinimal.severity(V311), Severity::Note);
    assert_eq!(DeviationKind::RemainingLengthNotMinimal.severity(V5), Severity::Malformed);
    assert_eq!(DeviationKind::RemainingLengthMalformed.clause(V31), "MALFORMED-REMAINING-LENGTH");
}
