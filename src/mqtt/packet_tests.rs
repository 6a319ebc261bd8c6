//! Decoding against the test encoder, and against bytes of any kind.

use proptest::collection::vec;
use proptest::prelude::*;

use super::test_encoder::{Props, Sample, Value, any_version, packet, sample};
use super::{Body, ControlPacket, FixedHeader, HeaderRead, PacketType, Properties, PropertyValue, Version, decode};

pub(super) fn decoded(bytes: &[u8], version: Version) -> ControlPacket<'_> {
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header") };
    decode(header, &bytes[usize::from(header.length)..], version)
}

#[track_caller]
fn same_properties(found: Properties<'_>, expected: &Props) {
    let found: Vec<_> = found.iter().map(|property| (property.id, property.value)).collect();
    assert_eq!(found.len(), expected.len());
    for ((id, value), (expected_id, expected)) in found.into_iter().zip(expected) {
        assert_eq!(id, *expected_id);
        match (value, expected) {
            (PropertyValue::Byte(_) | PropertyValue::Integer(_), Value::Number(number)) => {
                assert_eq!(value.number(), Some(*number));
            }
            (PropertyValue::Text(bytes) | PropertyValue::Binary(bytes), Value::Bytes(expected)) => {
                assert_eq!(bytes, expected);
            }
            (PropertyValue::Pair(name, text), Value::Pair(expected_name, expected)) => {
                assert_eq!((name, text), (expected_name.as_bytes(), expected.as_bytes()));
            }
            other => panic!("{id:?} {other:?}"),
        }
    }
}

#[track_caller]
fn same(found: &ControlPacket<'_>, expected: &Sample) {
    assert_eq!(found.header.packet_type, expected.packet_type());
    match (&found.body, expected) {
        (Body::Connect(found), Sample::Connect { clean, keep_alive, props, client_id, will, username, password }) => {
            assert_eq!(
                (found.clean_start(), found.keep_alive, found.bridge()),
                (Some(*clean), Some(*keep_alive), false)
            );
            same_properties(found.properties, props);
            assert_eq!(found.client_id, Some(client_id.as_bytes()));
            assert_eq!(found.username, username.as_ref().map(String::as_bytes));
            assert_eq!(found.password.map(crate::text::Secret::length), password.as_ref().map(Vec::len));
            assert_eq!(found.will.is_some(), will.is_some());
            if let (Some(found), Some((qos, retain, props, topic, payload))) = (found.will, will) {
                assert_eq!((found.qos, found.retain), (*qos, *retain));
                same_properties(found.properties, props);
                assert_eq!((found.topic, found.payload), (topic.as_bytes(), &payload[..]));
            }
        }
        (Body::ConnAck(found), Sample::ConnAck { present, code, props }) => {
            assert_eq!((found.session_present(), found.code), (Some(*present), Some(*code)));
            same_properties(found.properties, props);
        }
        (Body::Publish(publish), Sample::Publish { dup, qos, retain, topic, id, props, payload }) => {
            let header = found.header;
            assert_eq!((header.dup(), header.qos(), header.retain()), (*dup, *qos, *retain));
            assert_eq!(publish.packet_id, (*qos > 0).then_some(*id));
            assert_eq!((publish.topic, publish.payload), (Some(topic.as_bytes()), &payload[..]));
            assert_eq!(publish.payload_length, Some(payload.len() as u32));
            same_properties(publish.properties, props);
        }
        (Body::Ack(found), Sample::Ack { id, code, props, .. }) => {
            assert_eq!((found.packet_id, found.reason_code), (Some(*id), *code));
            same_properties(found.properties, props.as_ref().unwrap_or(&Vec::new()));
        }
        (Body::Subscribe(found), Sample::Subscribe { id, props, filters }) => {
            assert_eq!(found.packet_id, Some(*id));
            same_properties(found.properties, props);
            let found: Vec<_> = found.filters.iter().map(|s| (s.filter, s.options)).collect();
            let expected: Vec<_> = filters.iter().map(|(filter, options)| (filter.as_bytes(), *options)).collect();
            assert_eq!(found, expected);
        }
        (Body::SubAck(found), Sample::SubAck { id, props, codes }) => {
            assert_eq!((found.packet_id, found.codes), (Some(*id), &codes[..]));
            same_properties(found.properties, props);
        }
        (Body::Unsubscribe(found), Sample::Unsubscribe { id, props, filters }) => {
            assert_eq!(found.packet_id, Some(*id));
            same_properties(found.properties, props);
            assert!(found.filters.iter().eq(filters.iter().map(String::as_bytes)));
        }
        (Body::UnsubAck(found), Sample::UnsubAck { id, props, codes }) => {
            assert_eq!((found.packet_id, found.codes), (Some(*id), &codes[..]));
            same_properties(found.properties, props);
        }
        (Body::Ping, Sample::Ping(_)) => {}
        (Body::Disconnect(found), Sample::Disconnect { code, props }) => {
            assert_eq!(found.reason_code, *code);
            same_properties(found.properties, props.as_ref().unwrap_or(&Vec::new()));
        }
        (Body::Auth(found), Sample::Auth { code, props }) => {
            assert_eq!(found.reason_code, Some(*code));
            same_properties(found.properties, props);
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn a_valid_packet_decodes_to_its_fields_without_deviation(
        (version, sample) in any_version().prop_flat_map(|version| (Just(version), sample(version)))
    ) {
        let bytes = sample.encode(version);
        let found = decoded(&bytes, version);
        prop_assert_eq!(&found.deviations, &[]);
        prop_assert_eq!((found.missing, found.version), (0, version));
        same(&found, &sample);
    }

    #[test]
    fn a_cut_packet_gives_no_deviation_and_invents_nothing(
        (version, sample) in any_version().prop_flat_map(|version| (Just(version), sample(version))),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = sample.encode(version);
        let HeaderRead::Complete(header) = FixedHeader::read(&bytes) else { panic!("a whole header") };
        let body = &bytes[usize::from(header.length)..];
        let available = cut.index(body.len() + 1);
        // A CONNECT whose level was cut off can't be known to be of 3.1.
        let found = decode(header, &body[..available], version);
        prop_assert_eq!(&found.deviations, &[]);
        prop_assert_eq!(found.missing as usize, body.len() - available);
        if let (Body::Publish(found), Body::Publish(whole)) = (&found.body, decode(header, body, version).body) {
            prop_assert!(found.topic.is_none() || found.topic == whole.topic);
            prop_assert!(whole.payload.starts_with(found.payload));
            prop_assert!(found.packet_id.is_none() || found.packet_id == whole.packet_id);
            prop_assert!(found.payload_length.is_none() || found.payload_length == whole.payload_length);
        }
    }

    #[test]
    fn no_bytes_whatever_make_it_fail(
        first in any::<u8>(),
        remaining in prop_oneof![0_u32..64, 0_u32..=268_435_455],
        body in vec(prop_oneof![3 => 0_u8..8, 1 => any::<u8>()], 0..80),
        version in any_version(),
    ) {
        let header = FixedHeader {
            packet_type: PacketType::from_bits(first >> 4),
            flags: first & 0x0f,
            remaining_length: remaining,
            length: 2,
        };
        let found = decode(header, &body, version);
        prop_assert!(found.missing <= remaining);
        for deviation in &found.deviations {
            prop_assert!(deviation.offset <= 2 + remaining);
            prop_assert!(!deviation.kind.clause(found.version).is_empty());
            prop_assert!(!deviation.kind.describe().is_empty());
        }
        match found.body {
            Body::Publish(publish) => prop_assert!(publish.payload.len() as u32 <= publish.payload_length.unwrap_or(0)),
            Body::Subscribe(subscribe) => { subscribe.filters.iter().count(); }
            Body::Unsubscribe(unsubscribe) => { unsubscribe.filters.iter().count(); }
            _ => {}
        }
    }

    #[test]
    fn one_changed_byte_never_makes_it_fail(
        (version, sample) in any_version().prop_flat_map(|version| (Just(version), sample(version))),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = sample.encode(version);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let HeaderRead::Complete(header) = FixedHeader::read(&bytes) {
            for version in Version::ALL {
                decode(header, &bytes[usize::from(header.length)..], version);
            }
        }
    }
}

#[test]
fn a_connect_is_read_as_the_version_that_it_names() {
    let five = packet(0x10, b"\0\x04MQTT\x05\x02\0\x3c\x05\x11\0\0\0\x0a\0\x01a");
    let found = decoded(&five, Version::V311);
    assert_eq!(found.version, Version::V5);
    let Body::Connect(connect) = found.body else { panic!("{found:?}") };
    assert_eq!(connect.properties.iter().count(), 1);
    assert_eq!(connect.client_id, Some(&b"a"[..]));
}

#[test]
fn a_bridge_is_known_by_the_top_bit_of_its_level() {
    let bytes = packet(0x10, b"\0\x04MQTT\x84\x02\0\x3c\0\x01a");
    let found = decoded(&bytes, Version::V5);
    let Body::Connect(connect) = &found.body else { panic!("{found:?}") };
    assert!(connect.bridge());
    assert_eq!((found.version, &found.deviations[..]), (Version::V311, &[][..]));
}

#[test]
fn the_payload_of_a_cut_publish_keeps_its_length() {
    let bytes = packet(0x32, b"\0\x01a\0\x07\x03\x23\0\x01hello");
    let HeaderRead::Complete(header) = FixedHeader::read(&bytes) else { panic!("a whole header") };
    for available in 6..header.remaining_length as usize {
        let Body::Publish(publish) = decode(header, &bytes[2..2 + available], Version::V5).body else { panic!() };
        assert_eq!(publish.payload_length, Some(5), "{available}");
        assert_eq!(publish.payload.len(), available.saturating_sub(9));
    }
}

#[test]
fn a_packet_with_endless_faults_gives_a_bounded_list() {
    let mut body = vec![0, 1];
    body.resize(100_000, 0xff);
    assert_eq!(decoded(&packet(0x90, &body), Version::V311).deviations.len(), 64);
}

#[test]
fn a_property_block_that_is_too_long_hides_what_follows() {
    let bytes = packet(0x30, b"\0\x01a\x7fhello");
    let found = decoded(&bytes, Version::V5);
    let Body::Publish(publish) = found.body else { panic!() };
    assert_eq!((publish.topic, publish.payload_length), (Some(&b"a"[..]), None));
    assert!(publish.properties.is_empty());
    assert!(found.deviations[0].kind.fatal());
}

#[test]
fn an_unknown_property_hides_only_its_block() {
    let bytes = packet(0x30, b"\0\x01a\x04\x01\x00\x7e\x00hello");
    let found = decoded(&bytes, Version::V5);
    let Body::Publish(publish) = found.body else { panic!() };
    assert_eq!((publish.payload, publish.properties.iter().count()), (&b"hello"[..], 1));
    assert!(!found.deviations[0].kind.fatal());
}

#[test]
fn of_a_connect_nothing_is_told_that_was_not_captured() {
    let bytes = b"\x10\x15\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01c\x00\x01u\x00\x01p";
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header") };
    for captured in 0..=bytes.len() - 2 {
        let Body::Connect(connect) = decode(header, &bytes[2..2 + captured], Version::V311).body else { panic!() };
        assert_eq!(connect.protocol_name.is_some(), captured >= 6, "{captured}");
        assert_eq!(connect.level, (captured >= 7).then_some(4), "{captured}");
        assert_eq!(connect.clean_start(), (captured >= 8).then_some(true), "{captured}");
        assert_eq!(connect.has_username(), (captured >= 8).then_some(true), "{captured}");
        assert_eq!(connect.has_password(captured < 21), (captured >= 8).then_some(true), "{captured}");
        assert_eq!(connect.keep_alive, (captured >= 10).then_some(60), "{captured}");
        assert_eq!(connect.version().is_some(), captured >= 7, "{captured}");
    }
}
