//! Faults that were found in this program once, each by its name.

use serde_json::{Value, json};

use crate::common::craft::{CONNACK, Connection, connect, packet, publish, text};
use crate::common::{of, records};

fn told(connection: &Connection) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("crafted.pcap");
    connection.save(&path);
    records(&path, &[])
}

/// The messages: who, what, its length, and what is remarkable of it.
fn short(records: &[Value]) -> Vec<String> {
    let line = |m: &&Value| {
        let mut line = format!("{} {} {}", m["from"].as_str().unwrap(), m["type"].as_str().unwrap(), m["length"]);
        for flag in ["incomplete", "resynced"] {
            if m.get(flag).is_some() {
                line = format!("{line} {flag}");
            }
        }
        if let Some(missing) = m.get("missing_bytes") {
            line = format!("{line} missing {missing}");
        }
        line
    };
    of(records, "message").iter().map(line).collect()
}

/// `publish` of 5.0 with these properties.
fn publish_5(topic: &[u8], properties: &[u8], payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[&text(topic), &[properties.len() as u8], properties, payload])
}

#[test]
fn letters_where_a_stream_is_joined_are_no_header() {
    // "pc" could be a PUBCOMP of 99 bytes, which would hide what follows.
    let joined = Connection::joined(1883).client(b"pc").client(b"de").client(&publish(b"a/b", b"1"));
    assert_eq!(short(&told(&joined.client(&publish(b"a/b", b"2")))), ["client PUBLISH 8 resynced", "client PUBLISH 8"]);
}

#[test]
fn two_spaces_are_no_connack_that_turns_the_roles_round() {
    let joined = Connection::joined(1883).client(b"  ").client(b"de").client(&publish(b"a/b", b"1"));
    assert_eq!(short(&told(&joined)), ["client PUBLISH 8 resynced"]);
}

#[test]
fn property_bytes_are_no_connect() {
    // The tail of a CONNACK of 5.0 from its property length on, which is 16, the first byte of a CONNECT.
    let tail = b"\x10\x26\x00\x07aaaaaaa\x00\x04aaaa";
    let joined = Connection::joined(1883).server(&tail[..5]).server(&tail[5..]).server(&[0xb0, 4, 0, 1, 0, 0]);
    assert_eq!(short(&told(&joined)), ["server UNSUBACK 6 resynced"]);
}

#[test]
fn a_flow_on_the_usual_port_is_mqtt_though_a_snap_length_leaves_two_bytes() {
    let open = Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK).client(&[0xc0, 0]);
    let expected = ["client CONNECT 15 missing 13", "server CONNACK 4 missing 2", "client PINGREQ 2"];
    assert_eq!(short(&told(&open.snapped(2))), expected);
}

#[test]
fn a_flow_on_the_usual_port_is_mqtt_though_it_ends_within_its_first_packet() {
    let open = Connection::open().client(&connect(2, b"c", &[])[..5]);
    assert_eq!(short(&told(&open)), ["client CONNECT 15 incomplete missing 10"]);
    // Elsewhere so little proves nothing.
    assert_eq!(short(&told(&Connection::open_to(9999).client(&connect(2, b"c", &[])[..5]))), Vec::<String>::new());
}

#[test]
fn a_suback_that_reads_well_in_two_versions_waits_for_what_tells() {
    let suback = [0x90, 4, 0, 1, 0, 1];
    for (telling, version, codes) in [
        (publish(b"a/b", b"text"), "3.1.1", json!([0, 1])),
        (publish_5(b"a/b", &[2, 0, 0, 0, 9], b"text"), "5.0", json!([1])),
        (vec![0x40, 3, 0, 1, 0x10], "5.0", json!([1])),
    ] {
        let records = told(&Connection::joined(1883).server(&suback).server(&telling));
        let messages = of(&records, "message");
        assert_eq!(messages.len(), 2);
        assert_eq!((&messages[0]["version"], &messages[0]["reason_codes"]), (&json!(version), &codes));
        assert_eq!(messages[0]["version_known_by"], "inferred");
    }
}

#[test]
fn a_client_that_leaves_does_not_speak_5_0_for_being_on_the_wrong_side() {
    // Nothing tells who is who; who sends first is taken for the client, and the other one takes its leave.
    let puback = [0x40, 2, 0, 1];
    let records = told(&Connection::joined(50_000).server(&[puback, puback].concat()).client(&[0xe0, 0]));
    assert_eq!(of(&records, "flow")[0]["client"]["port"], 50_000);
    let messages = of(&records, "message");
    assert_eq!(messages.len(), 3);
    for message in messages {
        assert_eq!(message["version"], "3.1.1", "{message}");
    }
}

#[test]
fn what_is_kept_back_turns_round_with_its_flow() {
    // A PUBLISH whose zero may be a property length waits; then the end that was taken for the server pings.
    let doubtful = packet(0x30, &[&text(b"a/b"), b"\0text"]);
    let joined = Connection::joined(50_000).server(&doubtful).client(&[0xc0, 0]).server(&[0xd0, 0]);
    let expected = ["server PUBLISH 12", "client PINGREQ 2", "server PINGRESP 2"];
    assert_eq!(short(&told(&joined)), expected);
}

#[test]
fn an_alias_that_missing_bytes_may_have_bound_anew_stands_for_nothing() {
    let connect = packet(0x10, &[&text(b"MQTT"), &[5, 2, 0, 60, 0], &text(b"c")]);
    let first = publish_5(b"first", &[0x23, 0, 1], b"x");
    let second = publish_5(b"second", &[0x23, 0, 1], b"y");
    let third = publish_5(b"", &[0x23, 0, 1], b"z");
    let open = || Connection::open().client(&connect).server(&[0x20, 3, 0, 0, 0]);
    let topics = |connection: &Connection| -> Vec<Value> {
        let records = told(connection);
        of(&records, "message")[2..].iter().map(|m| m.get("topic_resolved").unwrap_or(&m["topic"]).clone()).collect()
    };
    assert_eq!(topics(&open().client(&first).client(&third)), ["first", "first"]);
    // The hole takes the properties of the second; the third is told without a topic, not with that of the first.
    let (front, rest) = second.split_at(11);
    let holed = open().client(&first).client(front).client(rest).lost().client(&third);
    assert_eq!(topics(&holed), ["first", "second", ""]);
}

#[test]
fn an_answer_that_is_captured_before_its_connect_is_read_as_its_version() {
    let connect = packet(0x10, &[&text(b"MQTT"), &[5, 2, 0, 60, 0], &text(b"c")]);
    let connack = packet(0x20, &[&[0, 0, 3, 0x21, 0, 9]]);
    let records = told(&Connection::open().server(&connack).client(&connect).server(&publish_5(b"a", &[], b"x")));
    let versions: Vec<_> = of(&records, "message").iter().map(|m| (&m["version"], &m["version_known_by"])).collect();
    let (five, connect) = (&json!("5.0"), &json!("connect"));
    assert_eq!(versions, [(five, &json!("inferred")), (five, connect), (five, connect)]);
    assert_eq!(of(&records, "message")[0]["properties"], json!({"receive_maximum": 9}));
}
