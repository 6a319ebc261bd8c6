use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::test_encoder::{any_version, packet, sample};
use super::super::{Body, HeaderRead, decode, topic};
use super::*;

fn redactor() -> Redactor {
    // Once, as it takes its time.
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::with_secret("test"));
    *REDACTOR
}

fn header_of(bytes: &[u8]) -> FixedHeader {
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header") };
    header
}

/// The packet with its body redacted.
fn redacted(bytes: &[u8], version: Version) -> Vec<u8> {
    let header = header_of(bytes);
    let mut out = bytes.to_vec();
    redactor().redact(header, &mut out[usize::from(header.length)..], version);
    out
}

/// What of a decoded packet must not change: `Debug` of everything but the bytes of texts, which become lengths.
fn structure(bytes: &[u8], version: Version) -> String {
    let header = header_of(bytes);
    let packet = decode(header, &bytes[usize::from(header.length)..], version);
    let properties = |properties: Properties<'_>| {
        let lengths = |value: PropertyValue<'_>| match value {
            PropertyValue::Byte(number) => format!("{number}"),
            PropertyValue::Integer(number) => format!("{number}"),
            PropertyValue::Text(text) | PropertyValue::Binary(text) => format!("[{}]", text.len()),
            PropertyValue::Pair(name, value) => format!("[{} {}]", name.len(), value.len()),
        };
        let all = properties.iter().map(|property| (property.id, property.offset, lengths(property.value)));
        format!("{:?}", all.collect::<Vec<_>>())
    };
    let length = |bytes: Option<&[u8]>| bytes.map(<[u8]>::len);
    let body = match &packet.body {
        Body::Connect(connect) => {
            let will = connect
                .will
                .map(|will| (will.qos, will.retain, properties(will.properties), will.topic.len(), will.payload.len()));
            format!(
                "{:?}",
                (
                    (connect.protocol_name.map(<[u8]>::len), connect.level, connect.flags, connect.keep_alive),
                    properties(connect.properties),
                    length(connect.client_id),
                    will,
                    length(connect.username),
                    connect.password,
                )
            )
        }
        Body::ConnAck(connack) => format!("{:?} {:?} {}", connack.flags, connack.code, properties(connack.properties)),
        Body::Publish(publish) => format!(
            "{:?}",
            (
                length(publish.topic),
                publish.packet_id,
                properties(publish.properties),
                publish.payload.len(),
                publish.payload_length
            )
        ),
        Body::Ack(ack) => format!("{:?} {:?} {}", ack.packet_id, ack.reason_code, properties(ack.properties)),
        Body::Subscribe(subscribe) => {
            let filters = subscribe.filters.iter().map(|filter| (filter.filter.len(), filter.options));
            let filters: Vec<_> = filters.collect();
            format!("{:?} {} {filters:?}", subscribe.packet_id, properties(subscribe.properties))
        }
        Body::SubAck(suback) => format!("{:?} {}", suback.packet_id, properties(suback.properties)),
        Body::Unsubscribe(unsubscribe) => {
            let filters: Vec<_> = unsubscribe.filters.iter().map(<[u8]>::len).collect();
            format!("{:?} {} {filters:?}", unsubscribe.packet_id, properties(unsubscribe.properties))
        }
        Body::UnsubAck(unsuback) => format!("{:?} {}", unsuback.packet_id, properties(unsuback.properties)),
        Body::Ping => String::new(),
        Body::Disconnect(disconnect) => {
            format!("{:?} {}", disconnect.reason_code, properties(disconnect.properties))
        }
        Body::Auth(auth) => format!("{:?} {}", auth.reason_code, properties(auth.properties)),
        Body::Reserved(bytes) => format!("{}", bytes.len()),
    };
    format!("{:?} {} {} {body} {:?}", packet.header, packet.version, packet.missing, packet.deviations)
}

#[track_caller]
fn check(bytes: &[u8], version: Version) -> Vec<u8> {
    let out = redacted(bytes, version);
    assert_eq!(out.len(), bytes.len());
    assert_eq!(structure(&out, version), structure(bytes, version), "{bytes:?}\n{out:?}");
    out
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn nothing_private_of_a_connect_is_left() {
    let body = b"\0\x04MQTT\x05\xc6\0\x3c\x30\x15\0\x05SCRAM\x16\0\x06secret\x26\0\x03key\0\x05value\
        \x26\0\x07another\0\x03two\
        \0\x08sensor-7\x0d\x03\0\x04text\x08\0\x03a/b\0\x09will/gone\0\x07farcry\n\0\x05alice\0\x06passwd";
    let bytes = packet(0x10, body);
    let out = check(&bytes, Version::V311);
    let words = [
        "SCRAM", "secret", "key", "value", "another", "two", "sensor-7", "text", "a/b", "will", "gone", "farcry",
        "alice", "passwd",
    ];
    for word in words {
        assert!(holds(&bytes, word), "{word}");
        assert!(!holds(&out, word), "{word}");
    }
    assert!(holds(&out, "MQTT"));
}

/// A property block with its length.
fn block(properties: &[&[u8]]) -> Vec<u8> {
    let bytes = properties.concat();
    [&[bytes.len() as u8][..], &bytes].concat()
}

#[test]
fn nothing_private_is_left_in_any_property() {
    let user = b"\x26\0\x04name\0\x06worths";
    let connack = block(&[b"\x12\0\x05given", b"\x1f\0\x06reason", b"\x1c\0\x05other", b"\x1a\0\x04info", user]);
    let publish = block(&[b"\x03\0\x04kind", b"\x08\0\x0cback/to-here", b"\x09\0\x05corre", user]);
    let auth = block(&[b"\x15\0\x05SCRAM", b"\x16\0\x04data", user]);
    let ack = block(&[b"\x1f\0\x06reason", user]);
    let cases: [(u8, Vec<u8>, &[&str]); 7] = [
        (0x20, [&[0, 0x9c][..], &connack].concat(), &["given", "reason", "other", "info"]),
        (0x30, [&b"\0\x04room"[..], &publish, b"21.5"].concat(), &["room", "kind", "back", "to-here", "corre", "21.5"]),
        (0x40, [&[0, 1, 0][..], &ack].concat(), &["reason"]),
        (0x82, [&[0, 1][..], &block(&[user]), b"\0\x0broom/+/temp\x01"].concat(), &["room", "temp"]),
        (0xa2, [&[0, 1][..], &block(&[user]), b"\0\x0b$share/gr/x"].concat(), &["gr/x"]),
        (0xe0, [&[0x9d][..], &block(&[b"\x1c\0\x05other", user])].concat(), &["other"]),
        (0xf0, [&[0x18][..], &auth].concat(), &["SCRAM", "data"]),
    ];
    for (first, body, words) in cases {
        let bytes = packet(first, &body);
        let header = header_of(&bytes);
        assert_eq!(decode(header, &bytes[usize::from(header.length)..], Version::V5).deviations, [], "{first:#x}");
        let out = check(&bytes, Version::V5);
        for word in words.iter().chain(&["name", "worths"]) {
            assert!(holds(&bytes, word), "{word}");
            assert!(!holds(&out, word), "{first:#x} {word}");
        }
    }
}

#[test]
fn levels_of_topics_keep_their_relations() {
    let redactor = redactor();
    let cases = [
        ("a/b/c", "a/+/c"),
        ("a/b/c", "a/#"),
        ("$SYS/broker/uptime", "$SYS/#"),
        ("$own/x", "$own/+"),
        ("a/b", "$share/group/a/+"),
        ("$SYS/a", "$share/group/$SYS/a"),
        ("//x", "/+/x"),
    ];
    for (name, filter) in cases {
        let (new_name, new_filter) = (redactor.topic(name.as_bytes()), redactor.topic(filter.as_bytes()));
        assert!(topic::matches(&new_filter, &new_name), "{name} {filter}");
        assert_ne!(new_name, name.as_bytes());
        assert!(!topic::matches(&redactor.topic(b"#"), &redactor.topic(b"$own/x")));
    }
    assert_eq!(redactor.topic(b"#"), b"#");
    assert!(redactor.topic(b"$SYS/a").starts_with(b"$SYS/"));
    assert_eq!(redactor.topic(b"x/dev-1")[2..], redactor.text(b"dev-1"));
    assert_eq!(redactor.keeping_topics(true).topic(b"a/b"), b"a/b");
}

#[test]
fn what_was_not_understood_is_written_over() {
    // Behind a fatal deviation, behind the last field, in a reserved type, in an unknown property, behind a cut field.
    let cases: [(&[u8], Version); 8] = [
        (b"\x10\x13\0\x04MQTT\x04\x02\0\x3c\0\x99SECRET!", Version::V311),
        (b"\xc0\x06SECRET", Version::V311),
        (b"\xf0\x06SECRET", Version::V311),
        (b"\x30\x0f\0\x01a\x0b\x7f\x01SECRET\x26\0\x09", Version::V5),
        (b"\x30\x0c\0\x01a\x08\x26\0\x05SECRET", Version::V5),
        (b"\x30\x0b\0\x01a\xf0\x01SECRET", Version::V5),
        (b"\x82\x0b\0\x07\0\x06SECRET\0", Version::V311),
        (b"\x82\x0a\0\x07\0\x06SECRET", Version::V311),
    ];
    for (bytes, version) in cases {
        let out = check(bytes, version);
        assert!(!holds(&out, "SECRET") && holds(bytes, "SECRET"), "{out:?}");
    }
}

#[test]
fn equal_text_gets_equal_tokens_in_every_field() {
    let connect = redacted(&packet(0x10, b"\0\x04MQTT\x04\x02\0\x3c\0\x08sensor-7"), Version::V311);
    let publish = redacted(&packet(0x30, b"\0\x0asensor-7/tsensor-7"), Version::V311);
    let token = &connect[14..];
    assert_eq!(&publish[4..12], token);
    assert_eq!(&publish[14..], token);
}

#[test]
fn a_payload_that_is_wrongly_called_text_goes_on_to_be_wrong() {
    check(b"\x30\x09\0\x01a\x02\x01\x01ab\xff", Version::V5);
    check(b"\x30\x09\0\x01a\x02\x01\x01a\xc3\xa9", Version::V5);
    // MQTT 3.1: a will that is not ASCII.
    check(b"\x10\x19\0\x06MQIsdp\x03\x06\0\x3c\0\x01c\0\x01t\0\x03a\xc3\xa9", Version::V31);
}

proptest! {
    #[test]
    fn structure_and_deviations_stay(
        (version, bytes) in any_version().prop_flat_map(|version| {
            (Just(version), sample(version).prop_map(move |sample| sample.encode(version)))
        }),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        other in any_version(),
        cut in any::<prop::sample::Index>(),
    ) {
        check(&bytes, version);
        check(&bytes, other);
        let front = usize::from(header_of(&bytes).length);
        check(&bytes[..front + cut.index(bytes.len() - front + 1)], version);
        let mut changed = bytes.clone();
        for (place, byte) in changes {
            if bytes.len() > front {
                changed[front + place.index(bytes.len() - front)] = byte;
            }
        }
        check(&changed, version);
        check(&changed, other);
        check(&changed[..front + cut.index(bytes.len() - front + 1)], version);
    }

    #[test]
    fn any_bytes_behind_any_header_keep_their_structure(
        first in any::<u8>(),
        body in vec(any::<u8>(), 0..60),
        version in any_version(),
    ) {
        check(&packet(first, &body), version);
    }

    #[test]
    fn strings_of_few_kinds_of_characters_keep_their_faults(
        topic in vec(prop::sample::select(vec![
            "a", "/", "+", "#", "$", "\0", "\n", "\u{9f}", "é", "\u{feff}", "\u{ffff}", "🦀", "$share/", "€",
        ]), 0..10),
        bad in prop::sample::select(vec![&b""[..], b"\xff", b"\xed\xa0\x80", b"\xc3"]),
        version in any_version(),
    ) {
        let mut text = topic.concat().into_bytes();
        text.extend(bad);
        text.extend(topic.first().map_or("", |text| text).bytes());
        let mut body = vec![0, 1];
        if version == Version::V5 {
            body.push(0);
        }
        body.extend((text.len() as u16).to_be_bytes());
        body.extend(&text);
        check(&packet(0xa2, &body), version);
        body.push(0);
        check(&packet(0x82, &body), version);
        let mut body = (text.len() as u16).to_be_bytes().to_vec();
        body.extend(&text);
        check(&packet(0x30, &body), version);
    }
}
