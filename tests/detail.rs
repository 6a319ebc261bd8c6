//! Every field of a message with its place, and payloads as what they are.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::craft::{CONNACK, Connection, connect, packet, publish, text};
use common::{captures, fixtures, mqttsniff, stdout};
use serde_json::{Value, json};

/// The messages of a capture with their fields.
fn messages(path: &Path, more: &[&str]) -> Vec<Value> {
    let arguments = ["read", "--json", "--show", "messages", "--detail"];
    let output = mqttsniff().args(arguments).args(more).arg(path).output().unwrap();
    let records = common::lines(&output);
    records.into_iter().filter(|record| record["record"] == "message").collect()
}

fn fixture(name: &str) -> Vec<Value> {
    messages(&fixtures().join(name), &[])
}

/// Calls `see` with each field of a tree and with the place of its byte or bytes.
fn each<'a>(fields: &'a Value, parent: &'a Value, see: &mut impl FnMut(&'a Value, &'a Value)) {
    for field in fields.as_array().unwrap() {
        let place = field.get("in").unwrap_or(parent);
        see(field, place);
        if let Some(children) = field.get("children") {
            each(children, place, see);
        }
    }
}

/// The first field of this name.
#[track_caller]
fn find<'a>(message: &'a Value, name: &str) -> &'a Value {
    let mut found = None;
    each(&message["fields"], &Value::Null, &mut |field, _| {
        if field["name"] == name && found.is_none() {
            found = Some(field);
        }
    });
    found.unwrap_or_else(|| panic!("there is a field {name} in {message}"))
}

/// The bytes of each frame of a classic capture file, or nothing where it is of another kind.
fn frames(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let word = |at: usize| -> Option<[u8; 4]> { bytes.get(at..at + 4)?.try_into().ok() };
    let number = match word(0)? {
        [0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d] => u32::from_be_bytes,
        [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1] => u32::from_le_bytes,
        _ => return None,
    };
    let (mut at, mut found) = (24, Vec::new());
    while let Some(length) = word(at + 8) {
        let Some(frame) = bytes.get(at + 16..at + 16 + number(length) as usize) else { break };
        found.push(frame);
        at += 16 + frame.len();
    }
    Some(found)
}

/// The bytes at these places of the capture, where all places are known.
fn bytes_at(frames: &[&[u8]], place: &Value) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for part in place.as_array()? {
        let frame = frames[part["frame"].as_u64()? as usize - 1];
        let (offset, length) = (part["offset"].as_u64()? as usize, part["length"].as_u64()? as usize);
        out.extend(&frame[offset..offset + length]);
    }
    Some(out)
}

#[test]
fn fields_stand_where_tshark_says() {
    let table = std::fs::read_to_string(fixtures().join("fields.4.0.tsv")).unwrap();
    let mut expected: BTreeMap<&str, BTreeMap<u64, Vec<Vec<&str>>>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let [capture, frame, fields] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let frames = expected.entry(capture).or_default();
        frames.entry(frame.parse().unwrap()).or_default().push(fields.split(' ').collect());
    }
    let mut compared = 0;
    for (capture, mut frames) in expected {
        for message in fixture(&format!("{capture}.pcap")) {
            if message["frames"].as_array().unwrap().len() != 1 {
                continue;
            }
            let frame = message["frame"].as_u64().unwrap();
            let mut found = Vec::new();
            each(&message["fields"], &Value::Null, &mut |field, place| {
                let Some(name) = field["field"].as_str() else { return };
                let (mut offset, mut length) =
                    (place[0]["offset"].as_u64().unwrap(), field["length"].as_u64().unwrap());
                if name == "mqtt.property.content_type" {
                    // Wireshark counts its length in.
                    (offset, length) = (offset - 2, length + 2);
                }
                // Of an empty topic Wireshark has another place: that of the topic that the alias stands for.
                if (name, length) != ("mqtt.topic", 0) {
                    found.push(format!("{}@{offset}+{length}", &name["mqtt.".len()..]));
                }
            });
            let told = frames.get_mut(&frame).filter(|told| !told.is_empty());
            let told = told.unwrap_or_else(|| panic!("{capture}: a message in frame {frame}"));
            let mut told = told.remove(0);
            told.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, told, "{capture}, frame {frame}");
            compared += found.len();
        }
        assert!(frames.values().all(Vec::is_empty), "{capture}: {frames:?}");
    }
    assert!(compared > 4000, "{compared}");
}

/// Whether a capture has WebSocket: what its clients send is masked on the wire.
fn is_websocket(path: &Path) -> bool {
    let output = mqttsniff().args(["read", "--json", "--show", "flows"]).arg(path).output().unwrap();
    stdout(&output).contains(r#""websocket":{"#)
}

#[test]
fn texts_and_numbers_are_the_bytes_at_their_place() {
    let (mut texts, mut numbers, mut spread) = (0, 0, 0);
    for path in captures() {
        let file = std::fs::read(&path).unwrap();
        let Some(frames) = frames(&file) else { continue };
        let masked = is_websocket(&path);
        for message in messages(&path, &[]).iter().filter(|message| !masked || message["from"] == "server") {
            each(&message["fields"], &Value::Null, &mut |field, place| {
                let whole = field.get("mask").is_none() && field.get("children").is_none();
                let Some(bytes) = bytes_at(&frames, place).filter(|_| whole) else { return };
                match &field["value"] {
                    Value::String(text) => {
                        assert_eq!(bytes, text.as_bytes(), "{}: {field}", path.display());
                        texts += 1;
                        spread += usize::from(place.as_array().unwrap().len() > 1);
                    }
                    Value::Number(number) if [1, 2].contains(&bytes.len()) && bytes[0] < 0x80 => {
                        let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
                        assert_eq!(Some(value), number.as_u64(), "{}: {field}", path.display());
                        numbers += 1;
                    }
                    _ => {}
                }
            });
        }
    }
    assert!(texts > 1000 && numbers > 5000 && spread > 5, "{texts} {numbers} {spread}");
}

#[test]
fn a_field_that_spans_segments_has_all_its_parts() {
    let bytes = publish(b"a/b", &[b'x'; 100]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("split.pcap");
    let start = Connection::open().client(&connect(2, b"me", &[])).server(&CONNACK);
    start.client(&bytes[..6]).client(&bytes[6..40]).client(&bytes[40..]).save(&path);
    let all = messages(&path, &[]);
    let message = &all[2];
    assert_eq!(message["frames"], json!([6, 7, 8]));
    let topic = json!([{"frame": 6, "offset": 58, "length": 2}, {"frame": 7, "offset": 54, "length": 1}]);
    assert_eq!(find(message, "topic")["in"], topic);
    let payload = json!([{"frame": 7, "offset": 55, "length": 33}, {"frame": 8, "offset": 54, "length": 67}]);
    assert_eq!(find(message, "payload")["in"], payload);
    let lines = mqttsniff().env("COLUMNS", "80").args(["read", "--detail", "--show", "summary"]).arg(&path).output();
    let lines = lines.unwrap();
    let shown = stdout(&lines);
    let at = shown.find("           6 @58+2  topic                      a/b\n           7 @54+1\n");
    assert!(at.is_some(), "{shown}");
    assert!(shown.contains("          7 @55+33  payload                    xxxx"), "{shown}");
}

#[test]
fn segments_out_of_order_keep_their_places() {
    let all = fixture("vectors/H2_ooo.pcap");
    let topics: Vec<_> = all
        .iter()
        .filter(|message| message["type"] == "PUBLISH")
        .map(|message| (find(message, "topic")["value"].clone(), find(message, "topic")["in"].clone()))
        .collect();
    // The second segment was captured before the first.
    let place = |frame: u64| json!([{"frame": frame, "offset": 58, "length": 3}]);
    assert_eq!(topics, [(json!("one"), place(8)), (json!("two"), place(7))]);
}

#[test]
fn bytes_of_a_datagram_in_fragments_have_a_frame_and_no_offset() {
    let all = fixture("vectors/lt_frag.pcap");
    let (connect, connack) = (&all[0], &all[1]);
    assert_eq!(find(connect, "client_id_length")["in"], json!([{"frame": 5, "length": 2}]));
    assert_eq!(find(connack, "reason_code")["in"], json!([{"frame": 6, "offset": 57, "length": 1}]));
    let lines = mqttsniff().args(["read", "--detail", "fixtures/vectors/lt_frag.pcap"]).output().unwrap();
    assert!(stdout(&lines).contains("5 @?+2  keep_alive_s"), "{}", stdout(&lines));
}

#[test]
fn what_was_not_captured_is_a_node_of_its_own() {
    let all = fixture("vectors/S_gap.pcap");
    let cut = all.iter().find(|message| message.get("missing_bytes").is_some()).expect("a message with a hole");
    let missing = find(cut, "missing");
    assert!(missing["length"].as_u64().unwrap() > 0, "{missing}");
    let last = cut["fields"].as_array().unwrap().last().unwrap();
    assert_eq!(last["offset"].as_u64().unwrap() + last["length"].as_u64().unwrap(), cut["length"].as_u64().unwrap());
}

#[test]
fn what_is_not_understood_has_its_deviation() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.pcap");
    let broken = packet(0x32, &[&text(b"a/+"), b"\x01"]);
    Connection::open().client(&connect(2, b"me", &[])).server(&CONNACK).client(&broken).save(&path);
    let all = messages(&path, &[]);
    let rest = find(&all[2], "not_understood");
    assert_eq!((&rest["offset"], &rest["length"]), (&json!(7), &json!(1)));
    assert_eq!(rest["deviations"][0]["kind"], "field-past-end");
    assert_eq!(find(&all[2], "topic")["deviations"][0]["kind"], "topic-wildcard");
}

#[test]
fn a_bridge_is_told_by_a_bit_of_its_level() {
    let all = fixture("lab/bridge.pcap");
    let bridge = all.iter().find(|message| message["bridge"] == true).expect("a bridge");
    assert_eq!(bridge["protocol_level"], 132);
    assert_eq!(find(bridge, "protocol_level")["meaning"], "3.1.1");
    assert_eq!(
        find(bridge, "bridge"),
        &json!({"name": "bridge", "offset": 8, "length": 1, "mask": 128, "value": true})
    );
    assert_eq!(find(bridge, "level")["value"], 4);
}

#[test]
fn an_empty_client_id_and_the_one_that_the_server_assigns_are_told() {
    let all = fixture("lab/v5_assigned_id.pcap");
    assert_eq!(all[0]["client_id"], "");
    assert_eq!(find(&all[0], "client_id")["length"], 0);
    let assigned = &all[1]["properties"]["assigned_client_identifier"];
    assert!(assigned.as_str().unwrap().starts_with("auto-"));
    let property = find(&all[1], "assigned_client_identifier");
    assert_eq!(&property["children"][2]["value"], assigned);
    assert_eq!(property["children"][0]["value"], 0x12);
}

#[test]
fn what_a_server_says_of_itself_is_in_record_and_tree() {
    let all = fixture("lab/v5_server_sends.pcap");
    let value = |message: &Value, name: &str| {
        find(message, name)["children"].as_array().unwrap().last().unwrap()["value"].clone()
    };
    let connack = &all[1];
    for (name, expected) in [
        ("reason_string", json!("welcome")),
        ("response_information", json!("resp/")),
        ("retain_available", json!(0)),
        ("maximum_packet_size", json!(65535)),
    ] {
        assert_eq!(connack["properties"][name], expected);
        assert_eq!(value(connack, name), expected);
    }
    let alias = all.iter().find(|message| message["topic"] == "").expect("a PUBLISH with its alias alone");
    assert_eq!(alias["topic_resolved"], "lab/s1/x");
    assert_eq!(find(alias, "topic")["length"], 0);
    assert_eq!(value(alias, "topic_alias"), alias["topic_alias"]);
    let refused = all.iter().find(|message| message["type"] == "PUBREC").expect("a PUBREC");
    assert_eq!(find(refused, "reason_code")["meaning"], "Quota exceeded");
    assert_eq!(value(refused, "reason_string"), "quota exceeded");
    let moved = all.iter().find(|message| message["type"] == "DISCONNECT").expect("a DISCONNECT");
    assert_eq!(value(moved, "server_reference"), "other.example:1883");
}

#[test]
fn user_properties_keep_their_order_and_requests_their_correlation() {
    let all = fixture("lab/v5_properties.pcap");
    assert_eq!(all[0]["properties"]["user_properties"], json!([["who", "sub"], ["who", "again"]]));
    let mut pairs = Vec::new();
    each(&all[0]["fields"], &Value::Null, &mut |field, _| {
        if field["name"] == "user_property" {
            pairs.push([field["children"][2]["value"].clone(), field["children"][4]["value"].clone()]);
        }
    });
    assert_eq!(json!(pairs), all[0]["properties"]["user_properties"]);
    assert_eq!(find(&all[0], "request_response_information")["children"][1]["value"], 1);
    let asked = fixture("lab/v5_request_response.pcap");
    let request =
        asked.iter().find(|message| message["properties"].get("response_topic").is_some()).expect("a request");
    assert_eq!(find(request, "response_topic")["children"][2]["value"], "lab/s1/ans");
    assert_eq!(find(request, "correlation_data")["children"][2]["value"], json!({"base64": "AP8="}));
}

#[test]
fn passwords_and_authentication_data_have_a_length_alone() {
    let all = fixture("lab/bad_credentials.pcap");
    let login = all.iter().find(|message| message["password_present"] == true).expect("a password");
    let password = find(login, "password");
    assert!(password["length"].as_u64().unwrap() > 0 && password.get("value").is_none(), "{password}");
    let auth = fixture("lab/v5_auth.pcap");
    let data = find(&auth[0], "authentication_data")["children"][2].clone();
    assert_eq!((&data["length"], data.get("value")), (&json!(24), None));
}

#[test]
fn detail_shows_messages_though_nobody_asks_for_them() {
    let shown = |arguments: &[&str]| {
        let output = mqttsniff().args(["read", "fixtures/mqtt5_qos.pcap"]).args(arguments).output().unwrap();
        assert!(output.status.success());
        stdout(&output).contains("CONNECT    ")
    };
    assert!(!shown(&[]));
    assert!(shown(&["--detail"]));
    assert!(shown(&["--detail", "--show", "flows"]));
    assert!(
        !stdout(&mqttsniff().args(["read", "--json", "fixtures/mqtt5_qos.pcap"]).output().unwrap())
            .contains("\"fields\"")
    );
}

/// A Sparkplug payload: seq 7, Temp 21.5, metric 2 is 5.
const SPARKPLUG: &[u8] = b"\x12\x0b\x0a\x04Temp\x65\x00\x00\xac\x41\x12\x04\x10\x02\x50\x05\x18\x07";

#[test]
fn payloads_are_shown_as_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("payloads.pcap");
    let connection = Connection::open().client(&connect(2, b"me", &[])).server(&CONNACK);
    let topics: [(&[u8], &[u8]); 5] = [
        (b"spBv1.0/plant/DDATA/edge/dev", SPARKPLUG),
        (b"spBv1.0/plant/DDATA/edge/bad", &SPARKPLUG[..10]),
        (b"json", b"{\"t\": 21.5}"),
        (b"number", b"21.5"),
        (b"binary", b"\x00\x01\x02"),
    ];
    topics.iter().fold(connection, |c, (topic, payload)| c.client(&publish(topic, payload))).save(&path);
    let payloads = |more: &[&str]| -> Vec<Value> {
        messages(&path, more).iter().filter_map(|message| message.get("payload").cloned()).collect()
    };
    let metrics = json!([{"name": "Temp", "value": 21.5}, {"alias": 2, "value": 5}]);
    let sparkplug = json!({"seq": 7, "metric_count": 2, "metrics": metrics});
    assert_eq!(
        payloads(&[]),
        [
            json!({"length": 21, "sparkplug": sparkplug}),
            json!({"length": 10, "base64": "EgsKBFRlbXBlAA=="}),
            json!({"length": 11, "json": {"t": 21.5}}),
            json!({"length": 4, "text": "21.5"}),
            json!({"length": 3, "base64": "AAEC"}),
        ]
    );
    assert_eq!(payloads(&["--payload", "json"])[3], json!({"length": 4, "json": 21.5}));
    assert_eq!(payloads(&["--payload", "text"])[2], json!({"length": 11, "text": "{\"t\": 21.5}"}));
    assert_eq!(payloads(&["--payload", "none"])[2], json!({"length": 11}));
    let clipped = json!({"length": 3, "hex": "0001", "clipped": true});
    assert_eq!(payloads(&["--payload", "hex", "--payload-bytes", "2"])[4], clipped);
    let line = |more: &[&str]| {
        let output = mqttsniff().args(["read", "--show", "messages"]).args(more).arg(&path).output().unwrap();
        stdout(&output).to_owned()
    };
    let auto = line(&[]);
    assert!(auto.contains("21 B  Sparkplug seq 7, 2 metrics: Temp=21.5, #2=5\n"), "{auto}");
    assert!(auto.contains("binary  q0  3 B  0x000102\n"), "{auto}");
    assert!(auto.contains("number  q0  4 B  21.5\n"), "{auto}");
    assert!(line(&["--payload", "base64"]).contains("binary  q0  3 B  AAEC\n"));
    assert!(line(&["--payload", "none"]).contains("binary  q0  3 B\n"));
    assert!(line(&["--payload-bytes", "2"]).contains("number  q0  4 B  21…\n"));
}
