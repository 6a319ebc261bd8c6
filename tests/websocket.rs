//! MQTT inside WebSocket: recognised, read as if it were plain, and judged by the rules of WebSocket.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::Path;

use common::craft::{Connection, connect, packet, publish, text};
use common::websocket::{Deflater, PROTOCOL, client, frame, head, request, response, server};
use common::{fixtures, lines, of, records, run, stderr, stdout};
use serde_json::{Value, json};

const KEY: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// A WebSocket on which both ends have agreed.
fn upgraded() -> Connection {
    Connection::open_to(9001).client(&request(&[PROTOCOL])).server(&response(&[PROTOCOL]))
}

fn connect_packet() -> Vec<u8> {
    connect(2, b"meter", &[])
}

const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// The records of a capture made by hand.
fn told(connection: &Connection, more: &[&str]) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    connection.save(file.path());
    records(file.path(), more)
}

fn types(records: &[Value]) -> Vec<&str> {
    of(records, "message").iter().map(|message| message["type"].as_str().unwrap()).collect()
}

/// The findings on WebSocket.
fn findings(records: &[Value]) -> Vec<&str> {
    let all = of(records, "finding");
    let ids = all.iter().map(|finding| finding["id"].as_str().unwrap());
    ids.filter(|id| id.starts_with("websocket.")).collect()
}

/// What is said in a direction, whatever carries it.
fn said(path: &Path, from: &str) -> Vec<Value> {
    let all = records(path, &[]);
    let keys =
        ["version", "type", "length", "packet_id", "qos", "dup", "retain", "topic", "payload", "client_id", "will"];
    let short = |message: &&Value| keys.iter().map(|key| message[*key].clone()).collect::<Value>();
    let messages = of(&all, "message");
    messages.into_iter().filter(|message| message["from"] == from).map(|message| short(&message)).collect()
}

#[test]
fn mosquitto_says_the_same_over_websocket_as_over_tcp() {
    let [websocket, plain] = ["mosquitto", "plain"].map(|name| fixtures().join(format!("websocket/{name}.pcap")));
    for from in ["client", "server"] {
        let (mut inside, mut outside) = (said(&websocket, from), said(&plain, from));
        assert!(inside.len() > 15);
        // Which of two packets in flight the broker answers first is for it to say.
        inside.sort_by_key(ToString::to_string);
        outside.sort_by_key(ToString::to_string);
        assert_eq!(inside, outside, "{from}");
    }
    let all = records(&websocket, &[]);
    for flow in of(&all, "flow") {
        assert_eq!((&flow["application"], &flow["transport"]), (&json!("mqtt"), &json!("websocket")));
        assert_eq!((&flow["websocket"]["path"], &flow["websocket"]["query_present"]), (&json!("/mqtt"), &json!(true)));
        assert_eq!(flow["websocket"]["subprotocol"], "mqtt");
    }
    for session in of(&all, "session") {
        assert_eq!((&session["transport"], &session["ended"]["kind"]), (&json!("websocket"), &json!("disconnect")));
    }
    assert_eq!(findings(&all), Vec::<&str>::new());
    let text = format!("{all:?}");
    assert!(!text.contains("abc123") && !text.contains("s3cret"), "neither the query nor the password is told");
}

#[test]
fn compressed_messages_are_read_with_and_without_a_kept_window() {
    for (name, kept) in [("deflate", true), ("deflate_no_context", false)] {
        let path = fixtures().join(format!("websocket/{name}.pcap"));
        let all = records(&path, &[]);
        assert_eq!(of(&all, "message").len(), 26, "{name}");
        let long = of(&all, "message").into_iter().find(|message| message["packet_id"] == 99).unwrap().clone();
        assert_eq!(long["payload"]["length"], 2363);
        assert_eq!(long["frames"], json!([35, 36, 38, 39]), "the fragments that brought it");
        let side = &of(&all, "flow")[0]["websocket"]["from_client"];
        assert_eq!((&side["pings"], &side["close"]["code"]), (&json!(1), &json!(1000)));
        assert!(side["inflated_bytes"].as_u64() > side["compressed_bytes"].as_u64());
        let agreed = of(&all, "flow")[0]["websocket"]["extensions"].as_str().unwrap().to_owned();
        assert_eq!(agreed.contains("client_no_context_takeover"), !kept);
    }
}

#[test]
fn fields_stand_where_their_bytes_do_and_those_of_what_is_compressed_nowhere() {
    let all = |name: &str| records(&fixtures().join(name), &["--show", "messages", "--detail"]);
    let plain = all("websocket/mosquitto.pcap");
    let connect = of(&plain, "message")[0];
    let detail = |message: &Value| message["fields"].as_array().unwrap().clone();
    let places = |fields: &[Value]| fields.iter().filter(|field| field["in"][0]["offset"].is_u64()).count();
    let fields = detail(connect);
    // 66 bytes of headers, 6 of the frame's.
    assert_eq!(fields[0]["in"][0], json!({"frame": 8, "offset": 72, "length": 1}), "{fields:?}");
    assert!(places(&fields) > 10);
    let deflated = all("websocket/deflate.pcap");
    let message = of(&deflated, "message").into_iter().find(|message| message["frame"] == 12).unwrap();
    assert_eq!(places(&detail(message)), 0);
    assert_eq!(detail(message)[0]["in"][0]["frame"], 12);
}

#[test]
fn packets_name_what_they_bring() {
    let all = records(&fixtures().join("websocket/mosquitto.pcap"), &[]);
    let protocols = |frame: u64| {
        let packet = of(&all, "packet").into_iter().find(|packet| packet["frame"] == frame).unwrap();
        packet["protocols"].as_array().unwrap().iter().skip(2).map(|name| name.as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(protocols(4), ["tcp", "http"]);
    assert_eq!(protocols(6), ["tcp", "http"]);
    assert_eq!(protocols(7), ["tcp"]);
    assert_eq!(protocols(8), ["tcp", "http", "websocket", "mqtt"]);
}

#[test]
fn what_both_ends_break_is_told_once_with_its_clause() {
    let connect = connect_packet();
    let masked = |first, payload: &[u8]| frame(first, KEY, payload);
    let ping = vec![0xc0, 0];
    let cases: Vec<(&str, Option<&str>, Connection)> = vec![
        (
            "websocket.text-frame",
            Some("MQTT-6.0.0-1"),
            upgraded().client(&client(&connect)).client(&masked(0x81, b"hi")),
        ),
        (
            "websocket.unmasked-frame",
            Some("RFC 6455, 5.1"),
            upgraded().client(&server(&connect)).client(&server(&ping)),
        ),
        (
            "websocket.masked-frame",
            Some("RFC 6455, 5.1"),
            upgraded().client(&client(&connect)).server(&client(&CONNACK)),
        ),
        (
            "websocket.reserved-bits",
            Some("RFC 6455, 5.2"),
            upgraded().client(&client(&connect)).client(&masked(0xc2, &ping)),
        ),
        (
            "websocket.reserved-opcode",
            Some("RFC 6455, 5.2"),
            upgraded().client(&client(&connect)).client(&masked(0x85, b"x")),
        ),
        (
            "websocket.fragmented-control",
            Some("RFC 6455, 5.5"),
            upgraded().client(&client(&connect)).client(&masked(0x09, b"x")),
        ),
        (
            "websocket.long-control",
            Some("RFC 6455, 5.5"),
            upgraded().client(&client(&connect)).client(&masked(0x89, &[b'x'; 126])),
        ),
        (
            "websocket.fragments",
            Some("RFC 6455, 5.4"),
            upgraded().client(&client(&connect)).client(&masked(0x80, &ping)),
        ),
        (
            "websocket.length",
            Some("RFC 6455, 5.2"),
            upgraded().client(&client(&connect)).server(&[0x82, 126, 0, 4, 0x20, 2, 0, 0]),
        ),
        (
            "websocket.close-frame",
            Some("RFC 6455, 5.5.1"),
            upgraded().client(&client(&connect)).client(&masked(0x88, &1005_u16.to_be_bytes())),
        ),
        (
            "websocket.close-frame",
            Some("RFC 6455, 5.5.1"),
            upgraded().client(&client(&connect)).client(&masked(0x88, &[3])),
        ),
        (
            "websocket.data-after-close",
            Some("RFC 6455, 5.5.1"),
            upgraded().client(&client(&connect)).client(&masked(0x88, &1000_u16.to_be_bytes())).client(&client(&ping)),
        ),
        (
            "websocket.subprotocol-not-offered",
            Some("MQTT-6.0.0-3"),
            Connection::open_to(9001)
                .client(&request(&["Sec-WebSocket-Protocol: mqttv3.1"]))
                .server(&response(&[PROTOCOL]))
                .client(&client(&connect)),
        ),
        (
            "websocket.subprotocol-not-chosen",
            Some("MQTT-6.0.0-4"),
            Connection::open_to(9001).client(&request(&[PROTOCOL])).server(&response(&[])).client(&client(&connect)),
        ),
        (
            "websocket.extension-unasked",
            Some("RFC 6455, 9.1"),
            Connection::open_to(9001)
                .client(&request(&[PROTOCOL]))
                .server(&response(&[PROTOCOL, "Sec-WebSocket-Extensions: permessage-deflate"]))
                .client(&client(&connect)),
        ),
    ];
    for (id, clause, connection) in cases {
        let all = told(&connection, &[]);
        assert!(types(&all).contains(&"CONNECT"), "{id}");
        let found: Vec<_> = of(&all, "finding").into_iter().filter(|finding| finding["id"] == id).collect();
        assert_eq!(found.len(), 1, "{id}: {:?}", findings(&all));
        assert_eq!(found[0]["clause"].as_str(), clause, "{id}");
    }
    let wrong = String::from_utf8(response(&[PROTOCOL])).unwrap().replace("s3pPL", "AAAAA");
    let old = String::from_utf8(request(&[PROTOCOL])).unwrap().replace("Version: 13", "Version: 8");
    let both = Connection::open_to(9001).client(old.as_bytes()).server(wrong.as_bytes()).client(&client(&connect));
    assert_eq!(findings(&told(&both, &[])), ["websocket.version", "websocket.accept-wrong"]);
}

#[test]
fn a_websocket_that_obeys_has_no_findings_and_one_that_is_not_mqtt_neither() {
    let good =
        upgraded().client(&client(&connect_packet())).server(&server(&CONNACK)).client(&frame(0x88, KEY, &[3, 232]));
    assert_eq!(findings(&told(&good, &[])), Vec::<&str>::new());
    let chat = Connection::open_to(9001)
        .client(&request(&[]))
        .server(&response(&[]))
        .client(&frame(0x81, KEY, b"hello"))
        .server(&frame(0x81, KEY, b"masked, which it must not be"));
    let all = told(&chat, &[]);
    assert_eq!(findings(&all), Vec::<&str>::new());
    assert_eq!((&of(&all, "flow")[0]["application"], types(&all).len()), (&json!("websocket"), 0));
}

#[test]
fn statements_on_websocket_stand_in_the_coverage() {
    let verdict = |connection: &Connection, id: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        connection.save(file.path());
        let output = run(["check", "--coverage", "--format", "json", file.path().to_str().unwrap()]);
        let all = lines(&output);
        let found = all
            .iter()
            .find(|record| record["id"] == id && record["version"] == "3.1.1" && record["verdict"].is_string());
        found.unwrap_or_else(|| panic!("{id}: {}", stderr(&output)))["verdict"].as_str().unwrap().to_owned()
    };
    let good = upgraded().client(&client(&connect_packet())).server(&server(&CONNACK));
    let joined = Connection::joined(9001).client(&client(&connect_packet())).server(&server(&CONNACK));
    for id in ["MQTT-6.0.0-1", "MQTT-6.0.0-3", "MQTT-6.0.0-4", "WS-FRAME-MASKING", "WS-RESERVED-BITS"] {
        assert_eq!(verdict(&good, id), "passed", "{id}");
    }
    assert_eq!(verdict(&joined, "MQTT-6.0.0-3"), "not_provable");
    let text = upgraded().client(&client(&connect_packet())).client(&frame(0x81, KEY, b"hi"));
    assert_eq!(verdict(&text, "MQTT-6.0.0-1"), "failed");
    let unmasked = upgraded().client(&server(&connect_packet()));
    assert_eq!(verdict(&unmasked, "WS-FRAME-MASKING"), "failed");
    let offered =
        Connection::open_to(9001).client(&request(&[])).server(&response(&[])).client(&client(&connect_packet()));
    assert_eq!(verdict(&offered, "MQTT-6.0.0-3"), "failed");
}

#[test]
fn a_capture_that_joins_in_the_middle_finds_frames_and_who_is_the_client() {
    let publish = publish(b"plant/oven", b"210 degrees");
    // The other way round than ports would have it: only clients mask.
    let joined = Connection::joined(9001).server(&client(&publish)).client(&server(&publish)).server(&client(&publish));
    let all = told(&joined, &[]);
    assert_eq!(types(&all), ["PUBLISH"; 3]);
    let from: Vec<_> = of(&all, "message").iter().map(|message| message["from"].clone()).collect();
    assert_eq!(from, ["client", "server", "client"]);
    assert_eq!(of(&all, "flow")[0]["transport"], "websocket");
    // Within a frame: found from the next one on.
    let cut = &client(&publish)[7..];
    let within = Connection::joined(9001).client(cut).client(&client(&publish)).client(&client(&publish));
    assert_eq!(types(&told(&within, &["--decode-as", "9001=websocket"])), ["PUBLISH"; 2]);
}

#[test]
fn holes_cost_what_was_in_them() {
    let long = publish(b"plant/oven", &[b'a'; 4000]);
    let outer = client(&long);
    let (front, rest) = outer.split_at(1400);
    let (middle, back) = rest.split_at(1400);
    // Within the payload of a frame: the packet is told with what is missing, and the next one as if nothing was.
    let hole = upgraded()
        .client(&client(&connect_packet()))
        .client(front)
        .client(middle)
        .lost()
        .client(back)
        .client(&client(&[0xc0, 0]));
    let all = told(&hole, &[]);
    assert_eq!(types(&all), ["CONNECT", "PUBLISH", "PINGREQ"]);
    let messages = of(&all, "message");
    assert_eq!((&messages[1]["missing_bytes"], &messages[2]["resynced"]), (&json!(1400), &Value::Null));
    assert_eq!(findings(&all), Vec::<&str>::new());
    // A hole with a border in it: searched for.
    let border =
        upgraded().client(&client(&connect_packet())).client(&client(&long)).lost().client(&client(&[0xc0, 0]));
    let all = told(&border, &[]);
    assert_eq!(types(&all), ["CONNECT", "PINGREQ"]);
    assert_eq!(findings(&all), ["websocket.lost-frames"]);
}

/// A compressed conversation in which the second PUBLISH of four is missing.
fn compressed(keeps: bool, bodies: [&[u8]; 4]) -> Vec<Value> {
    let kept = if keeps { "" } else { "; client_no_context_takeover" };
    let extension = format!("Sec-WebSocket-Extensions: permessage-deflate{kept}");
    let mut deflater = Deflater::new(keeps);
    let mut message = |bytes: &[u8]| frame(0xc2, KEY, &deflater.message(bytes));
    let mut connection = Connection::open_to(9001)
        .client(&request(&[PROTOCOL, &extension]))
        .server(&response(&[PROTOCOL, &extension]))
        .client(&message(&connect_packet()));
    for (at, body) in bodies.into_iter().enumerate() {
        connection = connection.client(&message(&publish(b"plant/oven", body)));
        if at == 1 {
            connection = connection.lost();
        }
    }
    told(&connection, &[])
}

#[test]
fn behind_a_hole_compressed_messages_are_read_as_far_as_they_stand_for_themselves() {
    let bodies: [&[u8]; 4] =
        [b"one 111111", b"temperature 20 degrees", b"temperature 21 degrees", b"temperature 22 degrees"];
    let without = compressed(false, bodies);
    assert_eq!(types(&without), ["CONNECT", "PUBLISH", "PUBLISH", "PUBLISH"]);
    assert_eq!(findings(&without), ["websocket.lost-frames"]);
    let with = compressed(true, bodies);
    // The third refers to the one that is missing; nothing is guessed.
    assert_eq!(types(&with), ["CONNECT", "PUBLISH"]);
    assert!(findings(&with).contains(&"websocket.context-lost"), "{:?}", findings(&with));
}

#[test]
fn what_grows_without_measure_is_given_up_and_told() {
    let extension = "Sec-WebSocket-Extensions: permessage-deflate";
    let mut deflater = Deflater::new(true);
    let bomb = frame(0xc2, KEY, &deflater.message(&publish(b"a", &vec![0; 40 << 20])));
    assert!(bomb.len() < 60_000);
    let mut connection =
        Connection::open_to(9001).client(&request(&[PROTOCOL, extension])).server(&response(&[PROTOCOL, extension]));
    for part in bomb.chunks(1400) {
        connection = connection.client(part);
    }
    assert_eq!(findings(&told(&connection, &[])), ["websocket.inflated-too-much"]);
}

#[test]
fn a_refusal_is_told_and_another_try_is_read() {
    let refusal = head(&["HTTP/1.1 401 Unauthorized", "WWW-Authenticate: Basic", "Content-Length: 5"]);
    let refused = Connection::open_to(9001).client(&request(&[PROTOCOL])).server(&[&refusal[..], b"sorry"].concat());
    let all = told(&refused, &[]);
    let finding = of(&all, "finding").into_iter().find(|finding| finding["id"] == "websocket.refused").unwrap();
    assert!(finding["message"].as_str().unwrap().contains("401"), "{finding}");
    assert_eq!(of(&all, "flow")[0]["websocket"]["status"], 401);
    let again = refused
        .client(&request(&[PROTOCOL, "Authorization: Basic dXNlcjpwYXNz"]))
        .server(&response(&[PROTOCOL]))
        .client(&client(&connect_packet()));
    assert_eq!(types(&told(&again, &[])), ["CONNECT"]);
    // Whoever asks for a page has nothing to do with it.
    let page =
        Connection::open_to(9001).client(&head(&["GET / HTTP/1.1", "Host: a"])).server(&head(&["HTTP/1.1 200 OK"]));
    let all = told(&page, &[]);
    assert_eq!(
        (&of(&all, "flow")[0]["application"], &of(&all, "flow")[0]["websocket"]),
        (&json!("http"), &Value::Null)
    );
}

#[test]
fn heads_in_pieces_and_frames_with_the_answer_are_read() {
    let answer = [response(&[PROTOCOL]), frame(0x89, None, b"")].concat();
    let mut connection = Connection::open_to(9001);
    for byte in request(&[PROTOCOL]) {
        connection = connection.client(&[byte]);
    }
    let mut all_at_once = client(&connect_packet());
    // One packet over three frames, and two packets in one.
    let subscribe = packet(0x82, &[&[0, 1], &text(b"plant/#"), &[1]]);
    all_at_once.extend(frame(0x02, KEY, &subscribe[..1]));
    all_at_once.extend(frame(0x00, KEY, &subscribe[1..5]));
    all_at_once.extend(frame(0x89, KEY, b"between"));
    all_at_once.extend(frame(0x80, KEY, &subscribe[5..]));
    all_at_once.extend(client(&[[0xc0, 0], [0xe0, 0]].concat()));
    let all = told(&connection.server(&answer).client(&all_at_once), &[]);
    assert_eq!(types(&all), ["CONNECT", "SUBSCRIBE", "PINGREQ", "DISCONNECT"]);
    assert_eq!(findings(&all), Vec::<&str>::new());
}

#[test]
fn frames_and_heads_can_be_filtered_and_shown() {
    let path = fixtures().join("websocket/deflate.pcap");
    let frames = |filter: &str| {
        let output = run(["read", "--json", "--show", "packets", "--filter", filter, path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        of(&lines(&output), "packet").iter().map(|packet| packet["frame"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // What tshark 4.0 shows for the same filters.
    assert_eq!(frames("websocket.opcode == 9"), [32]);
    assert_eq!(frames("websocket.opcode == 10"), [33]);
    assert_eq!(frames("websocket.payload.close.status_code == 1000"), [54, 55]);
    assert_eq!(frames("websocket && !websocket.fin == 1"), [35, 36, 38, 39]);
    assert_eq!(frames("http.response.code == 101 || http.sec_websocket_protocol == \"mqtt\""), [4, 6]);
    assert_eq!(frames("websocket.payload_length == 126"), [35, 36, 38, 39, 42]);
    assert_eq!(frames("websocket.mask == 1 && mqtt.msgtype == 12"), [51]);
}

#[test]
fn followed_streams_are_those_within_and_hide_secrets() {
    let output = run(["follow", fixtures().join("websocket/mosquitto.pcap").to_str().unwrap(), "1", "--as", "text"]);
    let shown = stdout(&output);
    assert!(shown.contains("GET /mqtt?************ HTTP/1.1") && shown.contains("lab/ws/t0{\"v\":0}"), "{shown}");
    assert!(!shown.contains("s3cret") && shown.contains("meter"), "{shown}");
}

#[test]
fn what_is_compressed_is_written_over_in_a_redacted_capture() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.pcap");
    let path = fixtures().join("websocket/deflate.pcap");
    let output = run(["redact", path.to_str().unwrap(), out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bytes = std::fs::read(&out).unwrap();
    for private in ["lab.example", "deflated", "humidity", "broker is done", "are you there", "127.0.0.1"] {
        assert!(!bytes.windows(private.len()).any(|part| part == private.as_bytes()), "{private}");
    }
    let all = records(&out, &[]);
    let side = &of(&all, "flow")[0]["websocket"]["from_client"];
    assert_eq!((&side["binary_frames"], &side["pings"], &side["close"]["code"]), (&json!(14), &json!(1), &json!(1000)));
    assert!(types(&all).is_empty());
}
