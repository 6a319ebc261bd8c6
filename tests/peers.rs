//! Faults that other analyzers are known for, each with the right answer. Those that have a capture of their own are
//! in `vectors.rs`.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::craft::{CONNACK, Connection, connect, packet, publish, text};
use common::{fixtures, of, records};
use serde_json::{Value, json};

/// What the program tells of a connection.
fn told(connection: &Connection) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("crafted.pcap");
    connection.save(&path);
    records(&path, &[])
}

fn short(records: &[Value]) -> Vec<String> {
    let line = |m: &&Value| format!("{} {}", m["from"].as_str().unwrap(), m["type"].as_str().unwrap());
    of(records, "message").iter().map(line).collect()
}

/// Wireshark: one "Malformed Packet" and one unknown version for all twelve.
#[test]
fn each_violation_that_a_packet_shows_has_its_clause() {
    let records = records(&fixtures().join("vectors/K_viol.pcap"), &[]);
    let mut found = Vec::new();
    for message in of(&records, "message") {
        for deviation in message["deviations"].as_array().into_iter().flatten() {
            found.push((message["frame"].as_u64().unwrap(), deviation["clause"].as_str().unwrap()));
        }
    }
    let expected = [
        (8, "MQTT-3.3.2-2"),
        (9, "MQTT-3.3.1-4"),
        (10, "MQTT-2.2.2-1"),
        (10, "MQTT-2.3.1-1"),
        (11, "MQTT-2.2.2-1"),
        (13, "MQTT-1.5.3-1"),
        (14, "MALFORMED-PACKET-TYPE"),
    ];
    assert_eq!(found, expected);
    let of_the_stream = of(&records, "finding").into_iter().find(|finding| finding["frames"] == json!([15])).unwrap();
    assert_eq!(of_the_stream["clause"], "MALFORMED-REMAINING-LENGTH");
    assert_eq!(of(&records, "message").iter().filter(|message| message["type"] == "CONNECT").count(), 2);
}

/// An object whose keys are all different, with its values; an array; or anything else.
struct Distinct;

impl<'de> serde::Deserialize<'de> for Distinct {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctKeys)
    }
}

struct DistinctKeys;

impl<'de> serde::de::Visitor<'de> for DistinctKeys {
    type Value = Distinct;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Distinct, A::Error> {
        let mut keys = std::collections::BTreeSet::new();
        while let Some((key, _)) = map.next_entry::<String, Distinct>()? {
            if let Some(twice) = keys.replace(key) {
                return Err(serde::de::Error::custom(format!("{twice} twice")));
            }
        }
        Ok(Distinct)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Distinct, A::Error> {
        while list.next_element::<Distinct>()?.is_some() {}
        Ok(Distinct)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_str<E>(self, _: &str) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_unit<E>(self) -> Result<Distinct, E> {
        Ok(Distinct)
    }
}

/// tshark's JSON repeats keys, and where it does not, tears pairs apart; numbers are texts.
#[test]
fn no_key_stands_twice_in_an_object() {
    assert!(serde_json::from_str::<Distinct>(r#"{"a": [{"b": 1, "b": 2}]}"#).is_err(), "this test can fail");
    for name in ["vectors/F_sub.pcap", "vectors/K_viol.pcap", "mqtt5_qos.pcap"] {
        let path = fixtures().join(name);
        let output = common::run(["read", "--json", "--show", common::ALL, path.to_str().unwrap()]);
        for line in common::stdout(&output).lines() {
            serde_json::from_str::<Distinct>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}

/// CONNECT of MQTT 5.0: receive maximum 10, and a will with a delay of 5 s.
fn connect_5() -> Vec<u8> {
    let properties = [&[6][..], &[0x21, 0, 10], &[0x22, 0, 3]].concat();
    let will = [&[5, 0x18, 0, 0, 0, 5][..], &text(b"will/topic"), &text(b"gone")].concat();
    packet(0x10, &[&text(b"MQTT"), &[5, 6, 0, 60], &properties, &text(b"five"), &will])
}

/// Zeek reads the properties of 5.0 as the client identifier, and those of a PUBLISH as payload.
#[test]
fn properties_are_neither_client_identifier_nor_payload() {
    let sent = packet(0x30, &[&text(b"a/b"), &[2, 1, 1], b"hello"]);
    let records = told(&Connection::open().client(&connect_5()).server(&[0x20, 3, 0, 0, 0]).client(&sent));
    let messages = of(&records, "message");
    assert_eq!(messages[0]["client_id"], "five");
    assert_eq!(messages[0]["properties"], json!({"receive_maximum": 10, "topic_alias_maximum": 3}));
    let will = &messages[0]["will"];
    assert_eq!((&will["topic"], &will["properties"]), (&json!("will/topic"), &json!({"will_delay_interval": 5})));
    assert_eq!(messages[2]["payload"], json!({"length": 5, "text": "hello"}));
    assert_eq!(messages[2]["properties"], json!({"payload_format_indicator": 1}));
    assert_eq!(of(&records, "finding"), Vec::<&Value>::new());
}

/// Zeek takes every packet from 2 MiB on for a violation; Suricata gives up at 1 MiB, and books what a client sent
/// and was cut as the server's.
#[test]
fn messages_of_megabytes_are_told_with_their_length_by_whoever_sent_them() {
    for length in [1 << 20, (2 << 20) - 5, (2 << 20) - 4, 3 << 20] {
        let big = publish(b"x", &vec![b'y'; length - 3]);
        assert_eq!(big.len(), length + if length < 2 << 20 { 4 } else { 5 });
        let mut connection = Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK);
        for part in big.chunks(30_000) {
            connection = connection.client(part).server(&[]).server(part).client(&[]);
        }
        let records = told(&connection.client(&[0xc0, 0]).server(&[0xd0, 0]));
        let mut expected = vec!["client CONNECT", "server CONNACK", "client PUBLISH", "server PUBLISH"];
        expected.extend(["client PINGREQ", "server PINGRESP"]);
        assert_eq!(short(&records), expected);
        for message in &of(&records, "message")[2..4] {
            assert_eq!(message["remaining_length"], length);
            assert_eq!(message["payload"]["length"], length - 3);
            assert_eq!(message.get("missing_bytes"), None);
        }
        // The server sends what nobody has subscribed to.
        let findings: Vec<_> = of(&records, "finding").iter().map(|finding| finding["id"].clone()).collect();
        let cut = if length > 1 << 20 { 2 } else { 0 };
        let capped = findings.iter().filter(|id| *id == "capture.cap-reached").count();
        assert_eq!((capped, findings.len()), (cut, cut + 1), "{findings:?}");
        assert!(findings.contains(&Value::from("mqtt.no-subscription")));
    }
}

fn publish_1(id: u8) -> Vec<u8> {
    packet(0x32, &[&text(b"t"), &[0, id], b"x"])
}

/// Zeek and Suricata have one table of packet identifiers for both directions.
#[test]
fn an_identifier_belongs_to_the_direction_of_its_publish() {
    let start = || Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK);
    // Both use identifier 1 at once; only the server's message is acknowledged.
    let open = start().client(&publish_1(1)).server(&publish_1(1)).client(&[0x40, 2, 0, 1]);
    let records = told(&open);
    let session = of(&records, "session")[0];
    assert_eq!(session["from_server"]["deliveries"]["complete"], 1, "{session}");
    assert_eq!(session["from_client"]["deliveries"]["open"], 1, "{session}");
    let records = told(&open.server(&[0x40, 2, 0, 1]));
    let session = of(&records, "session")[0];
    assert_eq!(session["from_client"]["deliveries"]["complete"], 1, "{session}");
    assert_eq!(session["deliveries"], json!({"complete": 2, "open": 0, "duplicate": 0}));
}

/// Zeek has one granted QoS for a SUBACK.
#[test]
fn each_filter_has_its_own_granted_qos() {
    let filters = [(&b"a"[..], 2), (b"b", 1), (b"c", 2)];
    let wanted: Vec<u8> = filters.iter().flat_map(|(filter, qos)| [text(filter), vec![*qos]].concat()).collect();
    let open = Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK);
    let records = told(&open.client(&packet(0x82, &[&[0, 1], &wanted])).server(&[0x90, 5, 0, 1, 1, 0x80, 2]));
    assert_eq!(of(&records, "message")[3]["reason_codes"], json!([1, 0x80, 2]));
    let session = of(&records, "session")[0];
    let granted: Vec<_> = session["subscriptions"].as_array().unwrap().iter().collect();
    let pairs: Vec<_> = granted.iter().map(|s| (s["filter"].as_str().unwrap(), &s["requested_qos"])).collect();
    assert_eq!(pairs, [("a", &json!(2)), ("b", &json!(1)), ("c", &json!(2))]);
    let answers: Vec<_> = granted.iter().map(|s| s.get("granted_qos").cloned()).collect();
    assert_eq!(answers, [Some(json!(1)), None, Some(json!(2))], "{session}");
}

/// Suricata takes a client that was refused for connected.
#[test]
fn a_refused_client_is_not_connected() {
    let records = told(&Connection::open().client(&connect(2, b"c", &[])).server(&[0x20, 2, 0, 5]));
    let session = of(&records, "session")[0];
    assert_eq!((&session["connack"]["reason_code"], &session["ended"]["kind"]), (&json!(5), &json!("refused")));
    assert_eq!(session["ended"]["by"], "server");
}

/// Suricata stops at the first error of a stream, a second CONNECT among them.
#[test]
fn a_second_connect_is_told_and_what_follows_it() {
    let again = connect(2, b"other", &[]);
    let records =
        told(&Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK).client(&again).client(&[0xc0, 0]));
    assert_eq!(short(&records), ["client CONNECT", "server CONNACK", "client CONNECT", "client PINGREQ"]);
    assert_eq!(of(&records, "message")[2]["client_id"], "other");
    assert_eq!(of(&records, "session")[0]["client_id"], "c", "the session is that of the first");
}

/// Suricata reads the fixed flags of a SUBSCRIBE as QoS 1.
#[test]
fn the_flags_of_a_request_are_no_qos() {
    let subscribe = packet(0x82, &[&[0, 1], &text(b"a"), &[0]]);
    let unsubscribe = packet(0xa2, &[&[0, 2], &text(b"a")]);
    let open = Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK);
    let records = told(&open.client(&subscribe).client(&unsubscribe).client(&[0x62, 2, 0, 3]));
    for message in &of(&records, "message")[2..] {
        for flag in ["qos", "dup", "retain", "deviations"] {
            assert_eq!(message.get(flag), None, "{message}");
        }
    }
    assert_eq!(of(&records, "message")[2]["subscriptions"], json!([{"filter": "a", "qos": 0}]));
}
