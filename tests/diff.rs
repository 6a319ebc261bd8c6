//! `mqttsniff diff`: captures against themselves, and against ones that differ in one thing.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::{Path, PathBuf};

use common::craft::{CONNACK, Connection, connect, packet, publish, text};
use common::{captures, fixtures, lines, mqttsniff, of, stderr, stdout};
use serde_json::{Value, json};
use tempfile::TempDir;

fn diff(old: &Path, new: &Path, more: &[&str]) -> (i32, Vec<Value>) {
    let output = mqttsniff().args(["diff", "--json"]).args(more).arg(old).arg(new).output().unwrap();
    (output.status.code().unwrap(), lines(&output))
}

/// The differences of two connections made by hand, each as aspect, what, old and new.
struct Pair {
    status: i32,
    records: Vec<Value>,
    differences: Vec<[String; 4]>,
}

fn saved(directory: &TempDir, name: &str, connection: &Connection) -> PathBuf {
    let path = directory.path().join(name);
    connection.save(&path);
    path
}

fn pair(old: &Connection, new: &Connection, more: &[&str]) -> Pair {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (saved(&directory, "old.pcap", old), saved(&directory, "new.pcap", new));
    let (status, records) = diff(&old, &new, more);
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let differences = of(&records, "difference")
        .into_iter()
        .map(|record| ["aspect", "what", "old", "new"].map(|name| text(record, name)));
    Pair { status, differences: differences.collect(), records }
}

#[track_caller]
fn differs(old: &Connection, new: &Connection, more: &[&str], expected: &[[&str; 4]]) {
    let pair = pair(old, new, more);
    assert_eq!(pair.differences, expected, "{:?}", pair.records);
    assert_eq!(pair.status, i32::from(!expected.is_empty()));
    let comparison = of(&pair.records, "comparison")[0];
    assert_eq!(comparison["same"], expected.is_empty());
    assert_eq!(comparison["differences"], expected.len());
}

/// PUBLISH with QoS 1.
fn publish_1(first: u8, topic: &[u8], id: u8, payload: &[u8]) -> Vec<u8> {
    packet(first, &[&text(topic), &[0, id], payload])
}

/// A client that has been let in.
fn client(id: &[u8]) -> Connection {
    Connection::open().client(&connect(2, id, &[])).server(&CONNACK)
}

/// It publishes on these topics and leaves.
fn publisher(topics: &[(&[u8], &[u8])]) -> Connection {
    let mut connection = client(b"dev");
    for (topic, payload) in topics {
        connection = connection.client(&publish(topic, payload));
    }
    connection.client(&[0xe0, 0])
}

#[test]
fn a_capture_is_the_same_as_itself() {
    let mut with_clients = 0;
    for capture in captures() {
        let (status, records) = diff(&capture, &capture, &["--payloads", "--tolerance", "1"]);
        let comparison = of(&records, "comparison")[0];
        assert_eq!(comparison["same"], true, "{}: {records:?}", capture.display());
        // What could be read of a capture that is cut short is compared all the same.
        let is_cut = ["cut_file.pcap", "trunc.pcap"].iter().any(|name| capture.ends_with(name));
        assert!(status == 0 || (is_cut && status == 2), "{}: {status}", capture.display());
        with_clients += u32::from(comparison["clients_in_both"] != 0);
    }
    assert!(with_clients > 50, "{with_clients}");
}

#[test]
fn the_same_scenario_recorded_again_is_the_same() {
    // Other frames, times and ports; one of them was recorded by another laboratory.
    let lab = fixtures().join("lab");
    for (old, new) in [
        ("formats.pcap", "formats.be.pcap"),
        ("formats.pcap", "formats.ng.pcapng"),
        ("formats.pcap", "formats.raw.pcap"),
        ("../mqtt5_qos.pcap", "mqtt5_qos.pcap"),
    ] {
        let (status, records) = diff(&lab.join(old), &lab.join(new), &[]);
        assert_eq!(status, 0, "{old} {new}: {records:?}");
        assert!(of(&records, "comparison")[0]["clients_in_both"].as_u64() >= Some(1));
    }
}

#[test]
fn the_same_scenario_in_another_version_differs_in_that() {
    let lab = fixtures().join("lab");
    for (old, new) in [("mqtt31_qos.pcap", "mqtt311_qos.pcap"), ("any_sll.pcap", "any_sll2.pcap")] {
        let (status, records) = diff(&lab.join(old), &lab.join(new), &["--ignore", "latency,tcp"]);
        let found: Vec<_> = of(&records, "difference").into_iter().map(|record| &record["what"]).collect();
        assert_eq!((status, found), (1, vec![&json!("version"), &json!("version")]), "{old} {new}");
    }
}

#[test]
fn times_ports_and_identifiers_do_not_matter() {
    let old = client(b"dev").client(&publish_1(0x32, b"a", 1, b"x")).server(&[0x40, 2, 0, 1]).client(&[0xe0, 0]);
    let new = Connection::open_to(1884)
        .client(&connect(2, b"dev", &[]))
        .server(&CONNACK)
        // Pings come as time goes by.
        .client(&[0xc0, 0])
        .server(&[0xd0, 0])
        .client(&publish_1(0x32, b"a", 77, b"x"))
        .server(&[0x40, 2, 0, 77])
        .client(&[0xe0, 0]);
    differs(&old, &new, &["--payloads"], &[]);
}

#[test]
fn a_message_that_is_missing_is_named() {
    let all: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"b", b"1"), (b"b", b"2"), (b"c", b"1")];
    let old = publisher(&all);
    for left_out in 0..all.len() {
        let mut topics = all.to_vec();
        let (topic, _) = topics.remove(left_out);
        let topic = std::str::from_utf8(topic).unwrap();
        let pair = pair(&old, &publisher(&topics), &[]);
        let message = format!("client: message {}", left_out + 2);
        let counts = if topic == "b" { ["2 × QoS 0", "1 × QoS 0"] } else { ["1 × QoS 0", "-"] };
        let expected = [
            ["messages", &message, &format!("PUBLISH {topic} QoS 0"), "-"],
            ["topics", &format!("client: {topic}"), counts[0], counts[1]],
        ];
        assert_eq!(pair.differences, expected);
        let difference = of(&pair.records, "difference")[0];
        // Three frames of the handshake, CONNECT and CONNACK come first.
        assert_eq!((&difference["old_frame"], &difference["new_frame"]), (&json!(6 + left_out), &Value::Null));
        assert_eq!((&difference["client_id"], &difference["certainty"]), (&json!("dev"), &json!("certain")));
        assert_eq!(pair.status, 1);
    }
}

#[test]
fn added_replaced_and_exchanged_messages() {
    let of_topics =
        |topics: &[&'static [u8]]| publisher(&topics.iter().map(|topic| (*topic, b"x".as_slice())).collect::<Vec<_>>());
    let old = of_topics(&[b"a", b"b", b"c"]);
    let ignore = ["--ignore", "topics"];
    let added = ["messages", "client: message 4", "-", "PUBLISH d QoS 0"];
    differs(&old, &of_topics(&[b"a", b"b", b"d", b"c"]), &ignore, &[added]);
    let replaced = ["messages", "client: message 3", "PUBLISH b QoS 0", "PUBLISH d QoS 0"];
    differs(&old, &of_topics(&[b"a", b"d", b"c"]), &ignore, &[replaced]);
    // As many of each, in another order.
    let pair = pair(&old, &of_topics(&[b"b", b"a", b"c"]), &[]);
    assert_eq!(pair.differences.len(), 2, "{:?}", pair.differences);
    assert!(pair.differences.iter().all(|[aspect, ..]| aspect == "messages"));
}

#[test]
fn messages_of_several_publishers_may_come_in_any_order() {
    let subscriber = |topics: &[&[u8]]| {
        let mut connection = client(b"sub");
        for topic in topics {
            connection = connection.server(&publish(topic, b"x"));
        }
        connection
    };
    let old = subscriber(&[b"a", b"b", b"a", b"b"]);
    differs(&old, &subscriber(&[b"b", b"b", b"a", b"a"]), &[], &[]);
    let missing = ["messages", "server: message 2", "PUBLISH a QoS 0", "-"];
    let topic = ["topics", "server: a", "2 × QoS 0", "1 × QoS 0"];
    differs(&old, &subscriber(&[b"b", b"b", b"a"]), &[], &[missing, topic]);
}

#[test]
fn payloads_matter_where_they_are_asked_for() {
    let (old, new) = (publisher(&[(b"a", b"21.5"), (b"b", b"x")]), publisher(&[(b"a", b"22.5"), (b"b", b"x")]));
    differs(&old, &new, &[], &[]);
    let pair = pair(&old, &new, &["--payloads"]);
    let [aspect, what, old, new] = &pair.differences[0];
    assert_eq!((pair.differences.len(), aspect.as_str(), what.as_str()), (1, "messages", "client: message 2"));
    assert!(
        old.starts_with("PUBLISH a QoS 0, 4 bytes ") && new.starts_with("PUBLISH a QoS 0, 4 bytes "),
        "{old} {new}"
    );
    assert_ne!(old, new);
    // What it says is not shown.
    assert!(!format!("{:?}", pair.records).contains("21.5"));
}

#[test]
fn connections_and_subscriptions() {
    let subscribe = |qos: u8| packet(0x82, &[&[0, 1], &text(b"a/#"), &[qos]]);
    let suback = |code: u8| [0x90, 3, 0, 1, code];
    let of_codes = |asked: u8, granted: u8| client(b"dev").client(&subscribe(asked)).server(&suback(granted));
    let row = |old, new| ["subscriptions", "a/#", old, new];
    differs(&of_codes(1, 1), &of_codes(1, 0), &[], &[row("QoS 1", "QoS 1, granted 0")]);
    differs(&of_codes(1, 1), &of_codes(1, 128), &[], &[row("QoS 1", "QoS 1, refused with 0x80")]);
    let messages = ["messages", "client: message 2", "SUBSCRIBE a/# QoS 1", "SUBSCRIBE a/# QoS 2"];
    differs(&of_codes(1, 1), &of_codes(2, 1), &[], &[row("QoS 1", "QoS 2, granted 1"), messages]);

    let connected =
        |flags: u8, answer: u8| Connection::open().client(&connect(flags, b"dev", &[])).server(&[0x20, 2, 0, answer]);
    let expected = [["connections", "clean start", "yes", "no"], ["connections", "session expiry", "0 s", "never"]];
    differs(&connected(2, 0), &connected(0, 0), &[], &expected);
    let refused = ["connections", "answer", "accepted", "Connection Refused: not authorized"];
    let pair = pair(&connected(2, 0), &connected(2, 5), &[]);
    assert_eq!(pair.differences[0][..2], refused[..2], "{:?}", pair.differences);
    differs(&connected(2, 0), &connected(0, 0), &["--ignore", "connections"], &[]);
}

#[test]
fn clients_that_only_one_capture_has() {
    let expected = [["clients", "client", "1 connection", "-"], ["clients", "client", "-", "1 connection"]];
    let (old, new) = (client(b"a-1"), client(b"b-2"));
    differs(&old, &new, &[], &expected);
    differs(&old, &new, &["--rename", "a-1=x", "--rename", "b-2=x"], &[]);
    differs(&old, &new, &["--ignore", "clients"], &[]);
}

#[test]
fn names_that_change_from_run_to_run_are_replaced() {
    let of_run = |topic: &'static [u8]| publisher(&[(topic, b"x")]);
    differs(&of_run(b"run-1/a/run-1"), &of_run(b"run-22/a/run-22"), &["--rename", "run-22=run-1"], &[]);
    let pair = pair(&of_run(b"run-1/a"), &of_run(b"run-2/b"), &["--rename", "run-1=run-2"]);
    assert_eq!(
        pair.differences[0],
        ["messages", "client: message 2", "PUBLISH run-2/a QoS 0", "PUBLISH run-2/b QoS 0"]
    );
}

#[test]
fn resent_messages_and_acknowledgements() {
    let first = publish_1(0x32, b"a", 1, b"x");
    let again = publish_1(0x3a, b"a", 1, b"x");
    let mut resent = client(b"dev").client(&first);
    for _ in 0..4 {
        resent = resent.client(&again);
    }
    let once = client(b"dev").client(&first);
    differs(&once, &resent, &[], &[["messages", "client: sent again (DUP)", "0", "4"]]);
    differs(&once, &client(b"dev").client(&first).client(&again), &[], &[]);
    let acknowledged = client(b"dev").client(&first).server(&[0x40, 2, 0, 1]);
    differs(&once, &acknowledged, &[], &[["messages", "server: PUBACK", "-", "1"]]);
}

#[test]
fn latency_within_the_tolerance_is_the_same() {
    // Each pair of frames takes two milliseconds.
    let after = |pings: usize| {
        let mut connection = client(b"dev");
        for id in 1..=6 {
            connection = connection.client(&publish_1(0x32, b"a", id, b"x"));
            for _ in 0..pings {
                connection = connection.client(&[0xc0, 0]).server(&[0xd0, 0]);
            }
            connection = connection.server(&[0x40, 2, 0, id]);
        }
        connection
    };
    let row = |old, new| ["latency", "acknowledgement of what the client sent, median", old, new];
    let (quick, slow) = (after(5), after(15));
    let pair = pair(&quick, &slow, &[]);
    assert_eq!(pair.differences.len(), 1, "{:?}", pair.differences);
    assert_eq!(pair.differences[0][..2], row("", "")[..2]);
    // 11 and 31 ms, to a sixty-fourth.
    assert!(
        pair.differences[0][2].starts_with('1') && pair.differences[0][3].starts_with('3'),
        "{:?}",
        pair.differences
    );
    differs(&quick, &slow, &["--tolerance", "3"], &[]);
    differs(&quick, &after(6), &["--tolerance", "1"], &[]);
    differs(&quick, &slow, &["--ignore", "latency,tcp"], &[]);
}

#[test]
fn what_was_not_captured_makes_a_difference_doubtful() {
    let whole = publisher(&[(b"a", b"1"), (b"b", b"1"), (b"c", b"1")]);
    let lossy = client(b"dev").client(&publish(b"a", b"1")).client(&publish(b"b", b"1")).lost();
    let lossy = lossy.client(&publish(b"c", b"1")).client(&[0xe0, 0]);
    let pair = pair(&whole, &lossy, &[]);
    let difference = of(&pair.records, "difference")[0];
    assert_eq!((&difference["old"], &difference["certainty"]), (&json!("PUBLISH b QoS 0"), &json!("hint")));
    assert_eq!(pair.status, 1);
}

#[test]
fn tables_for_people() {
    let directory = tempfile::tempdir().unwrap();
    let old = saved(&directory, "old.pcap", &publisher(&[(b"a", b"1"), (b"\x1b[31mb", b"1")]));
    let new = saved(&directory, "new.pcap", &publisher(&[(b"a", b"1")]));
    let output = mqttsniff().arg("diff").arg(&old).arg(&new).output().unwrap();
    let text = stdout(&output);
    assert!(text.starts_with("Differences\nclient id  aspect"), "{text}");
    assert!(text.contains("(frame 7)") && text.contains("\\u{1b}[31mb") && !text.contains('\u{1b}'), "{text}");
    assert!(text.ends_with("2 differences: 1 and 1 client, 1 of them in both; 5 and 4 messages\n"), "{text}");
    let output = mqttsniff().arg("diff").arg(&old).arg(&old).output().unwrap();
    assert_eq!(stdout(&output), "No differences: 1 and 1 client, 1 of them in both; 5 and 5 messages\n");
}

#[test]
fn what_can_not_be_read_is_an_error() {
    let capture = fixtures().join("mqtt5_qos.pcap");
    for arguments in [vec!["diff", "missing.pcap"], vec!["diff", "--tolerance", "0.5"], vec!["diff", "--rename", "x"]] {
        let output = mqttsniff().args(&arguments).arg(&capture).arg(&capture).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
    let output = mqttsniff().args(["diff", "missing.pcap"]).arg(&capture).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert!(stderr(&output).contains("missing.pcap"), "{}", stderr(&output));
}
