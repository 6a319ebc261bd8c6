//! `mqttsniff follow`: what both ends of a connection said.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::craft::{self, Connection};
use common::timeline::Timeline;
use common::{fixtures, lines, mqttsniff, of, records, stderr, stdout};
use serde_json::Value;

fn follow(capture: &str, arguments: &[&str]) -> std::process::Output {
    let path = fixtures().join(capture);
    mqttsniff().arg("follow").arg(path).args(arguments).output().unwrap()
}

#[test]
fn mqtt_is_followed_message_by_message() {
    let output = follow("mqtt5_qos.pcap", &["10"]);
    let text = stdout(&output);
    assert!(text.lines().nth(1).unwrap().contains("CONNECT     pub  5.0"), "{text}");
    assert_eq!(
        text.lines().count() - 1,
        of(&records(&fixtures().join("mqtt5_qos.pcap"), &[]), "message")
            .iter()
            .filter(|message| message["flow"] == 10)
            .count()
    );
    let from_server = follow("mqtt5_qos.pcap", &["10", "--from", "server"]);
    assert!(!stdout(&from_server).contains("client"), "{}", stdout(&from_server));
}

#[test]
fn what_comes_before_mqtt_is_followed_as_text() {
    let output = follow("lab/websocket.pcap", &["1", "--as", "text"]);
    let text = stdout(&output);
    assert!(text.starts_with("→ client  frame 4"), "{text}");
    assert!(text.contains("  GET /mqtt HTTP/1.1\n"), "{text}");
    assert!(text.contains("← server  frame 6"), "{text}");
}

/// The seconds in the first line that names this frame.
fn seconds(output: &std::process::Output, frame: &str) -> f64 {
    let text = stdout(output);
    let line = text.lines().find(|line| line.split_whitespace().any(|word| word == frame)).unwrap();
    line.split_whitespace().find(|word| word.contains('.')).unwrap().parse().unwrap()
}

#[test]
fn every_form_counts_from_the_first_frame_of_the_flow() {
    // Flow 10 begins with frame 10, and its CONNECT is in frame 13.
    let path = fixtures().join("mqtt5_qos.pcap");
    let all = records(&path, &[]);
    let flow = of(&all, "flow").into_iter().find(|flow| flow["flow"] == 10).unwrap();
    let connect = of(&all, "message").into_iter().find(|message| message["flow"] == 10).unwrap();
    let second = |record: &Value, name: &str| {
        let time = record[name].as_str().unwrap().trim_end_matches('Z');
        time[time.len() - "00.000000000".len()..].parse::<f64>().unwrap()
    };
    let after = second(connect, "time") - second(flow, "start");
    assert!(after > 0.000_002, "{after}");
    let frame = connect["frame"].to_string();
    for form in ["messages", "text", "hex"] {
        let shown = seconds(&follow("mqtt5_qos.pcap", &["10", "--as", form, "--time", "relative"]), &frame);
        assert!((shown - after).abs() < 0.000_001, "{form}: {shown}, and not {after}");
    }
}

#[test]
fn the_bytes_are_those_of_the_streams() {
    let raw = follow("mqtt5_qos.pcap", &["10", "--as", "raw", "--from", "client"]);
    assert_eq!(&raw.stdout[..8], b"\x10\x10\0\x04MQTT");
    let records = lines(&follow("mqtt5_qos.pcap", &["10", "--json", "--from", "server"]));
    let length: usize = records
        .iter()
        .filter(|record| record["record"] == "stream")
        .map(|record| {
            record["data"].as_str().map_or_else(
                || record["data"]["base64"].as_str().unwrap().trim_end_matches('=').len() * 3 / 4,
                str::len,
            )
        })
        .sum();
    let all = common::records(&fixtures().join("mqtt5_qos.pcap"), &[]);
    let flow = of(&all, "flow").into_iter().find(|flow| flow["flow"] == 10).unwrap();
    assert_eq!(Value::from(length), flow["from_server"]["unique_bytes"]);
}

#[test]
fn holes_are_shown() {
    let output = follow("vectors/S_gap.pcap", &["1", "--as", "hex"]);
    assert!(stdout(&output).contains("[1000 bytes missing in the capture]"), "{}", stdout(&output));
}

/// That no form of what is said on the flow holds the secret.
fn assert_hidden(capture: &std::path::Path, flow: &str, secret: &[u8]) {
    let held = std::fs::read(capture).unwrap();
    let holds = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
    assert!(holds(&held, secret), "the capture holds the secret");
    for form in [&["--as", "text"][..], &["--as", "hex"], &["--as", "raw"], &["--json"], &[]] {
        let output = mqttsniff().arg("follow").arg(capture).arg(flow).args(form).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
        let digits: Vec<_> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        for spelled in [secret, digits.join(" ").as_bytes()] {
            assert!(!holds(&output.stdout, spelled), "{form:?}: {}", stdout(&output));
        }
    }
}

#[test]
fn passwords_are_written_over_in_every_form() {
    let capture = fixtures().join("lab/bad_credentials.pcap");
    assert_hidden(&capture, "10", b"wrong");
    assert_hidden(&capture, "30", b"secret");
    // What stands around the password is still there.
    let output = follow("lab/bad_credentials.pcap", &["30", "--as", "text"]);
    assert!(stdout(&output).contains("user") && stdout(&output).contains("******"), "{}", stdout(&output));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password.pcap");
    let whole = b"\x10\x1b\0\x04MQTT\x04\xc2\0\x0a\0\x02me\0\x01u\0\x06hunter".to_vec();
    let pieces = |packet: &[u8]| {
        let (front, back) = packet.split_at(packet.len() - 3);
        Connection::open().client(front).client(back).server(b"\x20\x02\0\0").save(&path);
    };
    let mut whole = whole;
    whole[1] = whole.len() as u8 - 2;
    pieces(&whole);
    let frames = std::fs::read(&path).unwrap();
    assert!(!frames.windows(6).any(|part| part == b"hunter"), "it spans two segments");
    let output = mqttsniff().arg("follow").arg(&path).args(["--as", "raw"]).output().unwrap();
    assert!(output.stdout.windows(6).any(|part| part == b"******"), "{output:?}");
    // Behind a flag that denies it, and without the packet's end.
    let mut denied = whole.clone();
    denied[9] = 0x82;
    Connection::open().client(&denied).server(b"\x20\x02\0\0").save(&path);
    assert_hidden(&path, "1", b"hunter");
    let mut cut = whole;
    cut[1] += 9;
    Connection::open().client(&cut).server(b"\x20\x02\0\0").save(&path);
    for form in ["text", "hex", "raw"] {
        let output = mqttsniff().arg("follow").arg(&path).args(["--as", form]).output().unwrap();
        assert!(!output.stdout.windows(6).any(|part| part == b"hunter"), "{form} {output:?}");
    }
}

#[test]
fn bytes_and_redaction_exclude_each_other() {
    let output = follow("mqtt5_qos.pcap", &["10", "--as", "hex", "--redact"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("mqttsniff redact"), "{}", stderr(&output));
    let messages = follow("mqtt5_qos.pcap", &["10", "--redact"]);
    assert!(!stdout(&messages).contains("lab/s1"), "{}", stdout(&messages));
}

#[test]
fn clients_whose_long_names_begin_alike_are_told_apart() {
    let mut timeline = Timeline::new();
    let name = |last: &str| "n".repeat(3000) + last;
    for (port, last) in [(40_000, "a"), (40_001, "b")] {
        let mut line = timeline.open(port);
        timeline.client(&mut line, &craft::connect(2, name(last).as_bytes(), &[]));
        timeline.server(&mut line, &craft::CONNACK);
        timeline.client(&mut line, &craft::publish(format!("of-{last}").as_bytes(), &[]));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.pcap");
    std::fs::write(&path, timeline.pcap()).unwrap();
    let follow = |name: &str| {
        let output = mqttsniff().arg("follow").arg(&path).args(["--client-id", name]).output().unwrap();
        (output.status.code(), ["of-a", "of-b"].map(|topic| stdout(&output).contains(topic)))
    };
    assert_eq!(follow(&name("a")), (Some(0), [true, false]));
    assert_eq!(follow(&name("b")), (Some(0), [false, true]));
    assert_eq!(follow(&name("c")), (Some(2), [false, false]));
}
