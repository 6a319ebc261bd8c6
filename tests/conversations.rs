//! UDP in `mqttsniff flow`, `follow` and `--detail`: MQTT-SN, MQTT over QUIC and the protocols around them are told as MQTT over
//! TCP is, without what only TCP has.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::sensors::{CLIENT, Capture, GATEWAY, faults, forms, message};
use common::{fixtures, lines, mqttsniff, of, records, stderr, stdout};
use serde_json::Value;

/// A capture as a file, with the directory that it goes with.
fn saved(capture: &Capture) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sensors.pcap");
    capture.save(&path);
    (directory, path)
}

fn run(command: &str, path: &Path, more: &[&str]) -> Output {
    mqttsniff().env("COLUMNS", "160").arg(command).arg(path).args(more).output().unwrap()
}

fn shown(command: &str, path: &Path, more: &[&str]) -> String {
    let output = run(command, path, more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    stdout(&output).to_owned()
}

/// A QUIC fixture with its keys.
fn quic(name: &str) -> (PathBuf, String) {
    let directory = fixtures().join("quic");
    (directory.join(format!("{name}.pcap")), directory.join(format!("{name}.keys")).display().to_string())
}

#[test]
fn a_conversation_of_mqtt_sn_has_a_ladder_without_what_only_tcp_has() {
    let (_directory, path) = saved(&forms());
    let text = shown("flow", &path, &["4"]);
    assert!(text.starts_with("Flow 4 (udp.stream 3): 10.9.0.2:40001 → 10.9.0.1:10000\n"), "{text}");
    assert!(text.contains("UDP, MQTT-SN 1.2, client id sensor-1\n"), "{text}");
    for told in [
        "── CONNECT ─",
        "» CONNECT sensor-1 MQTT-SN 1.2 clean keep alive 60 s will",
        "» PUBLISH plant/oven/temperature q0 4 B 21.5",
        "note, frame",
        "from client",
        "datagrams",
    ] {
        assert!(text.contains(told), "{told} in\n{text}");
    }
    for of_tcp in ["ESTABLISHED", "CLOSED", "window", "seq", "RTT", "MSS", "sent again", "state", "UNKNOWN"] {
        assert!(!text.contains(of_tcp), "{of_tcp} in\n{text}");
    }
    // Each frame has its arrow, and what is said by it alone is not said twice.
    let arrows = text.lines().filter(|line| line.contains('▶') || line.contains('◀')).count();
    assert_eq!(arrows, 48);
    assert!(text.contains("◀") && !text.contains("» PINGRESP"), "{text}");
}

#[test]
fn messages_that_had_to_wait_stand_at_their_frames() {
    let mut capture = Capture::default();
    let port = |end: std::net::SocketAddrV4| std::net::SocketAddrV4::new(*end.ip(), 7777);
    // A REGISTER is in doubt until its answer shows what it is, and who asks is not known by the ports.
    let (client, gateway) = (CLIENT, port(GATEWAY));
    capture.send(client, gateway, &message(0x0a, &[&[0, 0, 0, 1], b"plant/oven"]));
    capture.send(gateway, client, &message(0x0b, &[&[0, 17, 0, 1], &[0]]));
    let (_directory, path) = saved(&capture);
    let text = shown("flow", &path, &[]);
    let at = |what: &str| text.lines().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("» REGISTER id=1 plant/oven") < at("» REGACK id=1 topic 17 = plant/oven"), "{text}");
    assert!(at("» REGISTER") - at("    1 0.000000") <= 1 && at("» REGISTER") < at("    2 0.010000"), "{text}");
}

#[test]
fn quic_has_a_ladder_with_its_packets_and_messages() {
    let (path, keys) = quic("aes128");
    let text = shown("flow", &path, &["--keylog", &keys]);
    for told in [
        "Flow 1 (udp.stream 0)",
        "UDP, QUIC 1, MQTT 5.0, client id quic-client\n",
        "connection id",
        "handshake                took ",
        "── 1-RTT, CONNECT ─",
        "packet 4, STREAM(0)",
        "» CONNECT quic-client 5.0 clean keep alive 60 s user user",
        "session                  disconnect by client",
        "in streams",
    ] {
        assert!(text.contains(told), "{told} in\n{text}");
    }
    let without = shown("flow", &path, &[]);
    assert!(without.contains("there are no keys of it; --keylog") && !without.contains('»'), "{without}");
    let (path, keys) = quic("migration");
    assert!(shown("flow", &path, &["--keylog", &keys]).contains("client goes on"), "a migration is told");
}

#[test]
fn json_of_a_conversation_is_what_read_says_of_it() {
    let (_directory, sensors) = saved(&forms());
    let (aes, keys) = quic("aes128");
    let neighbours = fixtures().join("neighbours/datagrams.pcap");
    let cases = [(&sensors, 4, vec![]), (&aes, 1, vec!["--keylog", keys.as_str()]), (&neighbours, 85, vec![])];
    for (path, number, more) in cases {
        let show = format!("{},neighbours", common::ALL);
        let read = mqttsniff().args(["read", "--json", "--show", &show]).args(&more).arg(path).output().unwrap();
        let wanted: Vec<_> = stdout(&read)
            .lines()
            .filter(|line| {
                let record: Value = serde_json::from_str(line).unwrap();
                let frames = ["begin", "summary"].iter().any(|kind| record["record"] == *kind);
                frames || (record["flow"] == number && record["record"] != "delivery")
            })
            .collect();
        let output = run("flow", path, &[&["--json", &number.to_string()], &more[..]].concat());
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), wanted, "{}", path.display());
        assert!(wanted.len() > 10, "{}", path.display());
    }
}

#[test]
fn a_conversation_has_three_names_and_may_be_the_only_flow() {
    let (_directory, path) = saved(&forms());
    let by_number = shown("flow", &path, &["4"]);
    assert_eq!(shown("flow", &path, &["--udp-stream", "3"]), by_number);
    // The client has moved; both of its conversations are its own.
    let by_client = run("flow", &path, &["--client-id", "sensor-1"]);
    assert_eq!(stdout(&by_client), by_number);
    assert!(stderr(&by_client).contains("this is 4, the other is 52"), "{}", stderr(&by_client));
    let which = run("flow", &path, &[]);
    assert_eq!(which.status.code(), Some(2));
    assert!(stderr(&which).contains("which flow?") && stderr(&which).contains("(udp.stream 0)"), "{}", stderr(&which));
    let none = run("flow", &path, &["--udp-stream", "99"]);
    assert!(stderr(&none).contains("no flow has the udp.stream number 99"), "{}", stderr(&none));
    let (only, _) = quic("aes128");
    assert!(shown("flow", &only, &[]).contains("udp.stream 0"));
}

#[test]
fn every_protocol_of_datagrams_tells_its_messages() {
    let path = fixtures().join("neighbours/datagrams.pcap");
    let all = records(&path, &["--show", "flows,neighbours"]);
    let flows: Vec<_> = of(&all, "flow").into_iter().filter(|flow| flow["application"] != Value::Null).collect();
    assert!(flows.len() > 10, "{flows:?}");
    for flow in flows {
        let number = flow["flow"].as_u64().unwrap();
        let infos: Vec<_> = of(&all, "neighbour").into_iter().filter(|said| said["flow"] == number).collect();
        let ladder = shown("flow", &path, &[&number.to_string()]);
        assert_eq!(ladder.matches("» ").count(), infos.len(), "{ladder}");
        let followed = shown("follow", &path, &[&number.to_string()]);
        for said in infos {
            let begin: String = said["info"].as_str().unwrap().chars().take(24).collect();
            assert!(followed.contains(&begin), "{begin} in\n{followed}");
        }
    }
}

#[test]
fn messages_of_protocols_over_tcp_stand_in_the_ladder() {
    let text = shown("flow", &fixtures().join("neighbours/http.pcap"), &["1"]);
    assert!(text.contains("» GET /a?x=1&access_token=*** HTTP/1.1 (host 127.0.0.1)"), "{text}");
    assert!(text.contains("» HTTP/1.1 200 OK (application/json), JSON of 54 bytes"), "{text}");
    let redacted = shown("flow", &fixtures().join("neighbours/http.pcap"), &["1", "--redact"]);
    assert!(redacted.contains("» http") && !redacted.contains("/a?x=1"), "{redacted}");
}

#[test]
fn messages_of_datagrams_are_followed_and_their_bytes_if_asked_for() {
    let (_directory, path) = saved(&forms());
    let messages = shown("follow", &path, &["4"]);
    assert!(messages.lines().nth(1).unwrap().contains("client  SEARCHGW") || messages.contains("GWINFO"), "{messages}");
    assert_eq!(messages.lines().count() - 1, 48);
    let server = shown("follow", &path, &["4", "--from", "server"]);
    assert!(server.contains("CONNACK") && !server.contains("  client  "), "{server}");
    let raw = run("follow", &path, &["4", "--as", "raw", "--from", "client"]);
    assert!(raw.stdout.windows(8).any(|part| part == b"sensor-1"), "{raw:?}");
    let hex = shown("follow", &path, &["4", "--as", "hex"]);
    assert!(hex.contains("04 18 0e 10 "), "{hex}");
    let all = lines(&run("follow", &path, &["4", "--json"]));
    let bytes: usize = of(&all, "stream").len();
    assert_eq!(bytes, 48);
    let all = lines(&run("follow", &path, &["4", "--json", "--as", "messages"]));
    assert!(of(&all, "message").iter().all(|message| message["protocol"] == "mqtt-sn" && message["flow"] == 4));
    assert_eq!(of(&all, "message").len(), 48);
}

#[test]
fn quic_is_followed_as_messages_alone() {
    let (path, keys) = quic("streams");
    let text = shown("follow", &path, &["--keylog", &keys]);
    assert!(text.contains("CONNECT"), "{text}");
    let all = lines(&run("follow", &path, &["--json", "--keylog", &keys]));
    assert!(!of(&all, "message").is_empty() && of(&all, "stream").is_empty());
    for form in ["text", "hex", "raw"] {
        let refused = run("follow", &path, &["--as", form, "--keylog", &keys]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(refused.stdout.is_empty() && stderr(&refused).contains("not shown as bytes"), "{refused:?}");
    }
    let without = run("follow", &path, &[]);
    assert!(without.stdout.is_empty() && stderr(&without).contains("--keylog"), "{without:?}");
}

#[test]
fn secrets_in_datagrams_are_written_over_in_every_form() {
    let mut capture = Capture::default();
    let server = std::net::SocketAddrV4::new(*GATEWAY.ip(), 5683);
    capture.send(CLIENT, server, b"\x41\x01\x7d\x35\x20\xb4oven\x4cpassword=abc");
    let (_directory, path) = saved(&capture);
    for form in [&["--as", "text"][..], &["--as", "raw"], &["--json"], &[]] {
        let output = run("follow", &path, form);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        // In base64 asterisks are these letters.
        let masked = if form == ["--json"] { "KioqKio" } else { "oven" };
        assert!(text.contains(masked) && !text.contains("abc"), "{form:?}: {text}");
    }
}

#[test]
fn of_datagrams_only_throughput_is_plotted() {
    let (_directory, path) = saved(&forms());
    let plot = shown("flow", &path, &["4", "--plot", "throughput"]);
    let flow = records(&path, &["--show", "flows"]);
    let flow = of(&flow, "flow").into_iter().find(|flow| flow["flow"] == 4).unwrap();
    assert!(plot.contains(&format!("bytes: {} B", flow["from_client"]["payload_bytes"])), "{plot}");
    for kind in ["sequence", "window", "rtt"] {
        let output = run("flow", &path, &["4", "--plot", kind]);
        assert_eq!(output.status.code(), Some(2), "{kind}");
        assert!(stderr(&output).contains("--plot throughput"), "{}", stderr(&output));
    }
}

/// Calls `see` with each field of a tree and the place of its bytes.
fn each<'a>(fields: &'a Value, parent: &'a Value, see: &mut impl FnMut(&'a Value, &'a Value)) {
    for field in fields.as_array().unwrap() {
        let place = field.get("in").unwrap_or(parent);
        see(field, place);
        if let Some(children) = field.get("children") {
            each(children, place, see);
        }
    }
}

#[test]
fn fields_of_mqtt_sn_are_the_bytes_at_their_place_and_cover_their_datagram() {
    for capture in [forms(), faults()] {
        let (_directory, path) = saved(&capture);
        let file = std::fs::read(&path).unwrap();
        let mut frames = Vec::new();
        let mut at = 24;
        while let Some(head) = file.get(at..at + 16) {
            let length = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
            frames.push(&file[at + 16..at + 16 + length]);
            at += 16 + length;
        }
        let all = records(&path, &["--show", "messages", "--detail"]);
        let messages = of(&all, "message");
        assert_eq!(messages.len(), frames.len());
        let mut compared = 0;
        for message in messages {
            let frame = frames[message["frame"].as_u64().unwrap() as usize - 1];
            // Ethernet, IPv4 and UDP stand before it.
            let datagram = &frame[42..];
            let mut covered = 0;
            each(&message["fields"], &Value::Null, &mut |field, place| {
                let (offset, length) = (field["offset"].as_u64().unwrap(), field["length"].as_u64().unwrap() as usize);
                assert_eq!(place[0]["offset"].as_u64().unwrap() - 42, offset, "{field}");
                let bytes = &datagram[offset as usize..offset as usize + length];
                if field.get("children").is_none() && field.get("mask").is_none() {
                    covered += length;
                }
                match &field["value"] {
                    Value::String(text) => assert_eq!(bytes, text.as_bytes(), "{field}"),
                    Value::Number(number) if field.get("mask").is_none() && length < 3 => {
                        let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
                        assert_eq!(Some(value), number.as_u64(), "{field}");
                        compared += 1;
                    }
                    _ => {}
                }
            });
            // Bits stand in their octet, whose leaves they are.
            let flags = message["fields"].as_array().unwrap().iter().filter(|field| field["name"] == "flags").count();
            let wrapped = message["fields"][0].get("children").map_or(0, |_| 1);
            assert_eq!(covered + flags + wrapped, datagram.len(), "{message}");
        }
        assert!(compared > 40, "{compared}");
    }
}

#[test]
fn details_of_mqtt_sn_and_neighbours_are_lines_below_their_message() {
    let (_directory, path) = saved(&faults());
    let text = shown("read", &path, &["--show", "messages", "--detail"]);
    for told in [
        "           3 @44+1  flags                      0x20",
        ".01..... qos             1",
        "! the reserved type of topic id [MQTT-SN 1.2, 5.3.4]",
        "client_id                  a-client-id-that-is-far-too-long",
    ] {
        assert!(text.contains(told), "{told} in\n{text}");
    }
    let path = fixtures().join("neighbours/datagrams.pcap");
    let text = shown("read", &path, &["--show", "neighbours", "--detail"]);
    assert!(text.lines().any(|line| line.trim_start().starts_with("coap.mid ")), "{text}");
}

/// The first so many frames of a capture, the last of them so many seconds later than it was.
fn delayed(path: &Path, count: usize, seconds: u32) -> Vec<u8> {
    let file = std::fs::read(path).unwrap();
    let (mut at, mut begin) = (24, 24);
    for _ in 0..count {
        begin = at;
        at += 16 + u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) as usize;
    }
    let time = u32::from_le_bytes(file[begin..begin + 4].try_into().unwrap()) + seconds;
    [&file[..begin], &time.to_le_bytes(), &file[begin + 4..at]].concat()
}

#[test]
fn quic_that_nobody_answers_is_let_go_as_a_syn_is() {
    let (path, _) = quic("aes128");
    let directory = tempfile::tempdir().unwrap();
    let changed = directory.path().join("late.pcap");
    let flows = |bytes: &[u8]| {
        std::fs::write(&changed, bytes).unwrap();
        of(&records(&changed, &[]), "flow").len()
    };
    // What is idle is looked for while others come: datagrams between other ports, which are none of QUIC.
    let others = |seconds| {
        let mut frame = delayed(&path, 1, seconds)[24..].to_vec();
        let udp = 16 + 14 + 20;
        (frame[udp], frame[udp + 1], frame[udp + 8]) = (0x1f, 0x90, 0);
        frame.repeat(5000)
    };
    let first = delayed(&path, 1, 0);
    let again = |seconds| [&first[..], &others(seconds), &delayed(&path, 1, seconds)[24..]].concat();
    assert_eq!((flows(&again(100)), flows(&again(600))), (2, 3));
    // It was answered, and goes on after ten minutes.
    let answered = delayed(&path, 2, 0);
    let third = delayed(&path, 3, 600);
    let late = &third[answered.len()..];
    assert_eq!(flows(&[&answered[..], &others(600), late].concat()), 2);
}
