//! The tree against what decoding found, against the packet's length, and against trees written by hand.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{FieldNode, FieldValue, Fields, MAX_NODES};
use crate::mqtt::packet_tests::decoded;
use crate::mqtt::test_encoder::{any_version, packet, sample};
use crate::mqtt::{Body, ControlPacket, DeviationKind, FixedHeader, HeaderRead, PacketType, Version, decode};

/// Whether a node has no fields of its own, but for bits.
fn is_leaf(nodes: &[FieldNode<'_>], index: usize) -> bool {
    let depth = nodes[index].depth;
    nodes.get(index + 1).is_none_or(|next| next.depth <= depth || next.mask.is_some())
}

/// The leaves lie side by side from the first byte to the last, and the groups around them fit.
#[track_caller]
fn tiles(packet: &ControlPacket<'_>) -> Fields<'static> {
    let fields = Fields::of(packet);
    let nodes = fields.nodes();
    let end = u64::from(packet.header.length) + u64::from(packet.header.remaining_length);
    let mut at = 0u64;
    let mut groups: Vec<(u8, u64)> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let stop = u64::from(node.offset) + u64::from(node.length);
        if let Some(mask) = node.mask {
            assert_eq!((u64::from(node.offset) + 1, node.length), (at, 1), "{node:?} is a part of the byte before it");
            assert_ne!(mask, 0);
            continue;
        }
        while let Some(&(depth, group_end)) = groups.last()
            && depth >= node.depth
        {
            assert_eq!(group_end, at, "a group before {node:?} ends with its last field");
            groups.pop();
        }
        assert!(groups.last().is_none_or(|&(_, group_end)| stop <= group_end), "{node:?} lies in its group");
        assert_eq!(u64::from(node.offset), at, "{node:?} begins where the one before ended: {nodes:#?}");
        if is_leaf(nodes, index) {
            at = stop;
        } else {
            groups.push((node.depth, stop));
        }
    }
    assert_eq!(at, end, "the last leaf ends with the packet: {nodes:#?}");
    for (node, deviation) in &fields.deviations {
        assert!(nodes[*node].mask.is_none(), "{deviation:?}");
    }
    assert_eq!(fields.deviations.len(), packet.deviations.len());
    // Masks of a byte's bits cover it once.
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.mask.is_none()) {
        let bits: Vec<u8> = nodes[index + 1..].iter().map_while(|node| node.mask).collect();
        if !bits.is_empty() {
            assert_eq!(bits.iter().map(|mask| u32::from(*mask)).sum::<u32>(), 0xff, "{node:?}");
        }
    }
    Fields { nodes: Vec::new(), deviations: fields.deviations }
}

fn value<'a>(fields: &Fields<'a>, name: &str) -> Option<FieldValue<'a>> {
    fields.nodes().iter().find(|node| node.name == name && !node.cut).map(|node| node.value)
}

fn texts<'a>(fields: &Fields<'a>, name: &str) -> Vec<&'a [u8]> {
    let named = fields.nodes().iter().filter(|node| node.name == name);
    named.filter_map(|node| if let FieldValue::Text(text) = node.value { Some(text) } else { None }).collect()
}

/// The tree says what decoding says.
#[track_caller]
fn agrees(packet: &ControlPacket<'_>) {
    let fields = Fields::of(packet);
    let text = |name| match value(&fields, name) {
        Some(FieldValue::Text(text) | FieldValue::Payload(text)) => Some(text),
        _ => None,
    };
    let number = |name| match value(&fields, name) {
        Some(FieldValue::Number(number) | FieldValue::Code(number, _)) => Some(number),
        _ => None,
    };
    let id = |id: Option<u16>| assert_eq!(number("packet_id"), id.map(u32::from));
    let codes = |codes: &[u8]| {
        let found = fields.nodes().iter().filter(|node| node.name == "reason_code");
        assert_eq!(found.count(), codes.len());
    };
    match &packet.body {
        Body::Connect(connect) => {
            assert_eq!(text("client_id"), connect.client_id);
            assert_eq!(text("username"), connect.username);
            assert_eq!(text("will_topic"), connect.will.map(|will| will.topic));
            assert_eq!(value(&fields, "password"), connect.password.map(FieldValue::Secret));
            assert_eq!(number("keep_alive_s"), connect.keep_alive.map(u32::from));
        }
        Body::ConnAck(connack) => {
            assert_eq!(number("acknowledge_flags"), connack.flags.map(u32::from));
            assert_eq!(number("reason_code"), connack.code.map(u32::from));
        }
        Body::Publish(publish) => {
            assert_eq!(text("topic"), publish.topic);
            id(publish.packet_id);
            if packet.missing == 0 {
                assert_eq!(text("payload"), publish.payload_length.map(|_| publish.payload));
            }
        }
        Body::Ack(ack) => {
            id(ack.packet_id);
            assert_eq!(number("reason_code"), ack.reason_code.map(u32::from));
        }
        Body::Subscribe(subscribe) => {
            id(subscribe.packet_id);
            let listed = texts(&fields, "filter");
            assert!(
                subscribe
                    .filters
                    .iter()
                    .map(|wanted| wanted.filter)
                    .eq(listed.iter().copied().take(subscribe.filters.iter().count()))
            );
        }
        Body::SubAck(suback) => {
            id(suback.packet_id);
            codes(suback.codes);
        }
        Body::Unsubscribe(unsubscribe) => {
            id(unsubscribe.packet_id);
            assert!(unsubscribe.filters.iter().eq(texts(&fields, "filter")));
        }
        Body::UnsubAck(unsuback) => {
            id(unsuback.packet_id);
            codes(unsuback.codes);
        }
        Body::Disconnect(disconnect) => assert_eq!(number("reason_code"), disconnect.reason_code.map(u32::from)),
        Body::Auth(auth) => assert_eq!(number("reason_code"), auth.reason_code.map(u32::from)),
        Body::Ping | Body::Reserved(_) => {}
    }
    if packet.missing == 0
        && let Some(fatal) = packet.deviations.iter().find(|deviation| deviation.kind.fatal())
        // A property that can't be read ends its block only.
        && fatal.kind != DeviationKind::VariableIntegerMalformed
    {
        let rest = fields.nodes().iter().rev().find(|node| node.name == FieldNode::NOT_UNDERSTOOD);
        assert_eq!(rest.map(|node| node.offset), Some(fatal.offset), "{fatal:?} {:#?}", fields.nodes());
    }
}

proptest! {
    #[test]
    fn the_leaves_of_a_valid_packet_cover_it_and_say_what_decoding_says(
        (version, sample) in any_version().prop_flat_map(|version| (Just(version), sample(version)))
    ) {
        let bytes = sample.encode(version);
        let packet = decoded(&bytes, version);
        tiles(&packet);
        agrees(&packet);
        let fields = Fields::of(&packet);
        let special = [FieldNode::NOT_UNDERSTOOD, FieldNode::TRAILING, FieldNode::MISSING, FieldNode::NOT_LISTED];
        prop_assert!(!fields.nodes().iter().any(|node| node.cut || special.contains(&node.name)));
    }

    #[test]
    fn the_leaves_cover_a_cut_packet(
        (version, sample) in any_version().prop_flat_map(|version| (Just(version), sample(version))),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = sample.encode(version);
        let HeaderRead::Complete(header) = FixedHeader::read(&bytes) else { panic!("a whole header") };
        let body = &bytes[usize::from(header.length)..];
        let available = cut.index(body.len() + 1);
        let packet = decode(header, &body[..available], version);
        tiles(&packet);
        agrees(&packet);
        let fields = Fields::of(&packet);
        let missing = fields.nodes().last().filter(|node| node.name == FieldNode::MISSING).map_or(0, |node| node.length);
        prop_assert_eq!(missing, packet.missing);
        prop_assert!(!fields.nodes().iter().any(|node| node.name == FieldNode::NOT_UNDERSTOOD));
    }

    #[test]
    fn the_leaves_cover_a_broken_packet(
        (version, sample) in any_version().prop_flat_map(|version| (Just(version), sample(version))),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        read_as in any_version(),
    ) {
        let mut bytes = sample.encode(version);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let HeaderRead::Complete(header) = FixedHeader::read(&bytes) {
            let packet = decode(header, &bytes[usize::from(header.length)..], read_as);
            tiles(&packet);
            agrees(&packet);
        }
    }

    #[test]
    fn the_leaves_cover_bytes_of_any_kind(
        first in any::<u8>(),
        remaining in prop_oneof![0_u32..64, 0_u32..=268_435_455],
        body in vec(prop_oneof![3 => 0_u8..8, 1 => any::<u8>()], 0..80),
        version in any_version(),
    ) {
        let packet_type = PacketType::from_bits(first >> 4);
        let header = FixedHeader { packet_type, flags: first & 0x0f, remaining_length: remaining, length: 2 };
        tiles(&decode(header, &body, version));
    }
}

/// A tree as text: a line for each node.
fn drawn(bytes: &[u8], version: Version) -> Vec<String> {
    let packet = decoded(bytes, version);
    tiles(&packet);
    let fields = Fields::of(&packet);
    let line = |(index, node): (usize, &FieldNode<'_>)| {
        let mask = node.mask.map(|mask| format!(" {mask:#04x}")).unwrap_or_default();
        let value = match node.value {
            FieldValue::Nothing => String::new(),
            FieldValue::Number(number) => format!(" {number}"),
            FieldValue::Flag(flag) => format!(" {flag}"),
            FieldValue::Code(code, meaning) => format!(" {code} {}", meaning.unwrap_or("?")),
            FieldValue::Text(text) => format!(" {}", String::from_utf8_lossy(text)),
            FieldValue::Bytes(bytes) | FieldValue::Payload(bytes) => format!(" {bytes:?}"),
            FieldValue::Secret(secret) => format!(" {secret:?}"),
        };
        let names: Vec<_> = fields.deviations_of(index).map(|deviation| deviation.kind.name()).collect();
        let wrong = if names.is_empty() { String::new() } else { format!(" !{}", names.join(" !")) };
        let (depth, cut) = (". ".repeat(node.depth.into()), if node.cut { " cut" } else { "" });
        format!("{depth}{} {}+{}{mask}{value}{cut}{wrong}", node.name, node.offset, node.length)
    };
    fields.nodes().iter().enumerate().map(line).collect()
}

#[test]
fn a_publish_with_properties_is_listed_to_the_last_bit() {
    let bytes = packet(0x3b, b"\x00\x03a/b\x00\x07\x0c\x23\x00\x05\x26\x00\x01k\x00\x03valhi");
    assert_eq!(
        drawn(&bytes, Version::V5),
        [
            "header_flags 0+1 59",
            ". type 0+1 0xf0 3 PUBLISH",
            ". dup 0+1 0x08 true",
            ". qos 0+1 0x06 1",
            ". retain 0+1 0x01 true",
            "remaining_length 1+1 22",
            "topic_length 2+2 3",
            "topic 4+3 a/b",
            "packet_id 7+2 7",
            "properties 9+13",
            ". property_length 9+1 12",
            ". topic_alias 10+3",
            ". . property_id 10+1 35",
            ". . value 11+2 5",
            ". user_property 13+9",
            ". . property_id 13+1 38",
            ". . name_length 14+2 1",
            ". . name 16+1 k",
            ". . value_length 17+2 3",
            ". . value 19+3 val",
            "payload 22+2 [104, 105]",
        ]
    );
}

#[test]
fn a_bridge_with_will_and_password_shows_its_bits_and_hides_its_password() {
    let bytes = packet(0x10, b"\x00\x04MQTT\x84\xc6\x00\x3c\x00\x00\x00\x01w\x00\x01!\x00\x01u\x00\x03abc");
    let drawn = drawn(&bytes, Version::V311);
    let tail = drawn.iter().position(|line| line.starts_with("protocol_level")).expect("a level");
    assert_eq!(
        drawn[tail..],
        [
            "protocol_level 8+1 132 3.1.1",
            ". bridge 8+1 0x80 true",
            ". level 8+1 0x7f 4",
            "connect_flags 9+1 198",
            ". username_flag 9+1 0x80 true",
            ". password_flag 9+1 0x40 true",
            ". will_retain 9+1 0x20 false",
            ". will_qos 9+1 0x18 0",
            ". will_flag 9+1 0x04 true",
            ". clean_start 9+1 0x02 true",
            ". reserved 9+1 0x01 false",
            "keep_alive_s 10+2 60",
            "client_id_length 12+2 0",
            "client_id 14+0 ",
            "will_topic_length 14+2 1",
            "will_topic 16+1 w",
            "will_payload_length 17+2 1",
            "will_payload 19+1 [33]",
            "username_length 20+2 1",
            "username 22+1 u",
            "password_length 23+2 3",
            "password 25+3 Secret(3 bytes)",
        ]
    );
}

#[test]
fn authentication_data_is_a_secret() {
    let bytes = packet(0xf0, b"\x18\x09\x15\x00\x01m\x16\x00\x02\x01\x02");
    let drawn = drawn(&bytes, Version::V5);
    assert!(drawn.contains(&". . value 11+2 Secret(2 bytes)".to_owned()), "{drawn:#?}");
}

#[test]
fn subscriptions_are_groups_with_their_bits() {
    let drawn_5 = drawn(&packet(0x82, b"\x00\x01\x00\x00\x01#\x2e"), Version::V5);
    assert_eq!(
        drawn_5[4..],
        [
            "packet_id 2+2 1",
            "properties 4+1",
            ". property_length 4+1 0",
            "subscription 5+4",
            ". filter_length 5+2 1",
            ". filter 7+1 #",
            ". subscription_options 8+1 46",
            ". . reserved 8+1 0xc0 0",
            ". . retain_handling 8+1 0x30 2",
            ". . retain_as_published 8+1 0x08 true",
            ". . no_local 8+1 0x04 true",
            ". . qos 8+1 0x03 2",
        ][..]
    );
    let drawn_31 = drawn(&packet(0x8a, b"\x00\x01\x00\x01#\x01"), Version::V31);
    assert_eq!(drawn_31[1..4], [". type 0+1 0xf0 8 SUBSCRIBE", ". dup 0+1 0x08 true", ". qos 0+1 0x06 1"]);
}

#[test]
fn what_is_wrong_stands_at_its_field() {
    // A wildcard in the topic, then nothing for the packet identifier.
    assert_eq!(
        drawn(&packet(0x32, b"\x00\x03a/+\x01"), Version::V311)[7..],
        ["topic 4+3 a/+ !topic-wildcard", "not_understood 7+1 !field-past-end"]
    );
    assert_eq!(drawn(&packet(0x32, b"\x00\x01a"), Version::V311)[8..], ["not_understood 5+0 !field-past-end"]);
    assert_eq!(drawn(&packet(0xc0, b"xy"), Version::V311)[4..], ["trailing_bytes 2+2 !trailing-bytes"][..]);
    let unknown = drawn(&packet(0x30, b"\x00\x01a\x03\x7f\x00\x01\x2a"), Version::V5);
    assert_eq!(
        unknown[8..],
        ["properties 5+4", ". property_length 5+1 3", ". not_understood 6+3 !property-unknown", "payload 9+1 [42]",][..]
    );
    let zero = drawn(&packet(0x20, b"\x00\x00\x03\x21\x00\x00"), Version::V5);
    assert!(zero.contains(&". receive_maximum 5+3 !property-value".to_owned()), "{zero:#?}");
}

#[test]
fn a_field_that_is_cut_says_so_and_what_is_missing_has_a_length() {
    let bytes = packet(0x30, b"\x00\x05a/b/cpayload");
    let HeaderRead::Complete(header) = FixedHeader::read(&bytes) else { panic!("a whole header") };
    let packet = decode(header, &bytes[2..7], Version::V311);
    let fields = Fields::of(&packet);
    let tail: Vec<_> = fields.nodes()[5..].iter().map(|node| (node.name, node.offset, node.length, node.cut)).collect();
    assert_eq!(
        tail,
        [
            ("remaining_length", 1, 1, false),
            ("topic_length", 2, 2, false),
            ("topic", 4, 3, true),
            ("missing", 7, 9, false)
        ]
    );
}

#[test]
fn a_packet_of_endless_fields_gives_a_bounded_tree() {
    let filters = packet(0x82, &[&b"\x00\x01"[..], &b"\x00\x00\x00".repeat(100_000)].concat());
    let codes = packet(0x90, &[&b"\x00\x01"[..], &b"\x00".repeat(100_000)].concat());
    let block = b"\x01\x00".repeat(50_000);
    let properties = packet(0x30, &[&b"\x00\x01a\xa0\x8d\x06"[..], &block, b"!"].concat());
    for (bytes, version) in [(filters, Version::V311), (codes, Version::V311), (properties, Version::V5)] {
        let packet = decoded(&bytes, version);
        tiles(&packet);
        let fields = Fields::of(&packet);
        assert!(fields.nodes().len() < MAX_NODES + 16, "{}", fields.nodes().len());
        assert!(fields.nodes().iter().any(|node| node.name == FieldNode::NOT_LISTED));
    }
}
