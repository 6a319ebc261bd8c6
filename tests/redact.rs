//! Captures that were redacted: nothing private is left in them, and they read as before.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use common::{captures, fixtures, lines, mqttsniff, of, records, run, stderr, stdout};
use mqttsniff::capture::{Batch, Fill, Source as _};
use mqttsniff::field::Registry;
use mqttsniff::neighbour::Neighbour;
use mqttsniff::wire::{Checksum, Decoder, Payload};
use serde_json::{Value, json};

/// What the lab's clients had for passwords, as far as its scenarios say so.
const PASSWORDS: [&str; 2] = ["secret", "wrong"];

/// The capture after `mqttsniff redact`, and what that said.
fn redact(input: &Path, output: &Path, more: &[&str]) -> String {
    let result = mqttsniff().arg("redact").args([input, output]).args(more).output().unwrap();
    // A fixture may be cut short on purpose: what could be read is written.
    assert!(matches!(result.status.code(), Some(0 | 2)), "{}", stderr(&result));
    assert!(output.exists(), "{}", stderr(&result));
    stderr(&result).to_owned()
}

/// What has to stay of the messages.
fn messages(records: &[Value]) -> Vec<Value> {
    let short = |message: &&Value| {
        let keys =
            ["type", "length", "from", "packet_id", "qos", "frame", "flow", "version", "incomplete", "missing_bytes"];
        keys.iter().map(|key| message[*key].clone()).collect::<Value>()
    };
    of(records, "message").iter().map(short).collect()
}

/// The bytes of a text in JSON, or of what is no text.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        other => base64::engine::general_purpose::STANDARD.decode(other["base64"].as_str()?).ok(),
    }
}

/// Whether they tell something by themselves, and not by chance: of one byte again and again there is more in any file.
fn is_telling(bytes: &[u8]) -> bool {
    bytes.iter().collect::<BTreeSet<_>>().len() > 2
}

/// Payloads, client identifiers, user names and levels of topics that are long enough to be told from chance.
fn private(records: &[Value]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    let mut add = |bytes: Option<Vec<u8>>, least: usize| {
        found.extend(bytes.filter(|bytes| bytes.len() >= least && is_telling(bytes)));
    };
    for message in of(records, "message") {
        for payload in [&message["payload"], &message["will"]["payload"]] {
            if payload["clipped"] != json!(true) {
                add(bytes_of(payload).or_else(|| bytes_of(&payload["text"])), 6);
            }
        }
        for text in [&message["client_id"], &message["username"]] {
            add(bytes_of(text), 4);
        }
        let filters = message["subscriptions"].as_array().into_iter().flatten().map(|one| &one["filter"]);
        for topic in filters.chain([&message["topic"], &message["will"]["topic"]]) {
            for level in bytes_of(topic).unwrap_or_default().split(|byte| *byte == b'/') {
                if !level.starts_with(b"$") {
                    add(Some(level.to_vec()), 4);
                }
            }
        }
        for pair in message["properties"]["user_properties"].as_array().into_iter().flatten() {
            for text in pair.as_array().into_iter().flatten() {
                add(bytes_of(text), 4);
            }
        }
    }
    found
}

/// The frames' bytes, one behind the other, and that no checksum in them is wrong.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut source = mqttsniff::capture::open(&[path.to_path_buf()]).unwrap();
    let (mut batch, mut decoder, mut found) = (Batch::new(), Decoder::default(), Vec::new());
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        for frame in batch.frames() {
            let packet = decoder.decode(&frame);
            let transport = match packet.payload {
                Payload::Tcp(segment) => segment.checksum,
                Payload::Udp(datagram) => datagram.checksum,
                Payload::Icmp(icmp) => icmp.checksum,
                _ => Checksum::Unknown,
            };
            let header = packet.ip.map_or(Checksum::Unknown, |ip| ip.header_checksum);
            for checksum in [transport, header] {
                assert!(matches!(checksum, Checksum::Good | Checksum::Unknown), "{checksum:?} {}", frame.number);
            }
            found.push(frame.data.to_vec());
        }
        if fill == Fill::End {
            return found;
        }
    }
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn every_fixture_reads_as_before_and_holds_nothing_private() {
    let directory = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for capture in captures() {
        let name = capture.display();
        let output = directory.path().join("out.pcapng");
        redact(&capture, &output, &[]);
        let (before, after) = (records(&capture, &[]), records(&output, &[]));
        // What is compressed is written over, and its connection reads as one without messages.
        let compressed = name.to_string().contains("websocket/deflate");
        if !compressed {
            assert_eq!(messages(&after), messages(&before), "{name}");
        }
        for kind in ["flow", "packet"].into_iter().chain((!compressed).then_some("session")) {
            assert_eq!(of(&after, kind).len(), of(&before, kind).len(), "{name}");
        }
        let ends = |records: &[Value]| {
            let end = |flow: &Value, end: &str| (flow[end]["address"].to_string(), flow[end]["port"].to_string());
            let flows = of(records, "flow");
            flows.iter().flat_map(|flow| [end(flow, "client"), end(flow, "server")]).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(ends(&after), ends(&before), "{name}");
        let bytes = std::fs::read(&output).unwrap();
        let secrets = PASSWORDS.map(|password| password.as_bytes().to_vec());
        // The names of extensions stay.
        let kept = |text: &Vec<u8>| holds(b"permessage-deflate", text);
        for text in private(&before).into_iter().chain(secrets).filter(|text| !kept(text)) {
            checked += 1;
            assert!(!holds(&bytes, &text), "{name}: {}", text.escape_ascii());
        }
        frames(&output);
    }
    assert!(checked > 500, "{checked} texts were looked for");
}

#[test]
fn what_is_shown_redacted_holds_nothing_private() {
    for capture in captures() {
        let before = records(&capture, &[]);
        let redacted =
            mqttsniff().args(["read", "--redact", "--json", "--show", common::ALL]).arg(&capture).output().unwrap();
        assert_eq!(messages(&lines(&redacted)), messages(&before), "{}", capture.display());
        // The name of the file is the user's own.
        let (_, records) = stdout(&redacted).split_once('\n').unwrap();
        let tables = mqttsniff().args(["read", "--redact", "--show", common::ALL]).arg(&capture).output().unwrap();
        let tables: Vec<_> = stdout(&tables).lines().filter(|line| !line.trim_start().starts_with("source")).collect();
        let fields = run(["read", "--redact", "--fields", &all_fields(), capture.to_str().unwrap()]).stdout;
        // Words of our own, as names of kinds of messages and of fields, are in every output.
        let ours = run(["schema"]);
        let empty = run(["read", "--json", "--redact", fixtures().join("lab/open_close.pcap").to_str().unwrap()]);
        for text in private(&before) {
            if holds(&ours.stdout, &text) || holds(&empty.stdout, &text) || holds(OUR_WORDS.as_bytes(), &text) {
                continue;
            }
            for output in [records.as_bytes(), tables.join("\n").as_bytes(), &fields] {
                assert!(!holds(output, &text), "{}: {}", capture.display(), text.escape_ascii());
            }
            assert!(!holds(&fields, hex(&text).as_bytes()), "{}: {}", capture.display(), text.escape_ascii());
        }
    }
}

/// Bytes as fields show them, two digits each.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The names of all fields, with commas between them.
fn all_fields() -> String {
    Registry::fields().map(|(_, field)| field.name).collect::<Vec<_>>().join(",")
}

/// Words of the tables that topics of the lab have too.
const OUR_WORDS: &str =
    "permessage-deflate client session message retain subscribe will payload alias topic response request";

#[test]
fn the_same_secret_gives_the_same_file() {
    let directory = tempfile::tempdir().unwrap();
    let capture = fixtures().join("lab/paho.pcap");
    let [a, b, c] = ["a.pcap", "b.pcap", "c.pcap"].map(|name| directory.path().join(name));
    redact(&capture, &a, &["--redact-key", "one"]);
    redact(&capture, &b, &["--redact-key", "one"]);
    redact(&capture, &c, &[]);
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    assert_ne!(std::fs::read(&a).unwrap(), std::fs::read(&c).unwrap());
    // The tokens are those of --redact.
    let shown =
        lines(&mqttsniff().args(["read", "--json", "--redact", "--redact-key", "one"]).arg(&capture).output().unwrap());
    let ids = |records: &[Value]| of(records, "session").iter().map(|one| one["client_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&shown), ids(&records(&a, &[])));
    assert_ne!(ids(&shown), ids(&records(&capture, &[])));
}

#[test]
fn topics_and_addresses_may_be_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (capture, output) = (fixtures().join("lab/subscriptions.pcap"), directory.path().join("out.pcap"));
    let topics = |records: &[Value]| of(records, "message").iter().map(|one| one["topic"].clone()).collect::<Vec<_>>();
    let ends = |records: &[Value]| of(records, "flow").iter().map(|one| one["client"].clone()).collect::<Vec<_>>();
    let before = records(&capture, &[]);
    redact(&capture, &output, &["--keep-topics", "--keep-addresses"]);
    let after = records(&output, &[]);
    assert_eq!(topics(&after), topics(&before));
    assert_eq!(ends(&after), ends(&before));
    redact(&capture, &output, &[]);
    let after = records(&output, &[]);
    assert_ne!(topics(&after), topics(&before));
    assert_ne!(ends(&after), ends(&before));
    frames(&output);
}

#[test]
fn frames_keep_their_number_time_and_length() {
    let directory = tempfile::tempdir().unwrap();
    for capture in captures() {
        let output = directory.path().join("out.pcapng");
        redact(&capture, &output, &[]);
        let (before, after) = (frames_as_they_are(&capture), frames(&output));
        let lengths = |frames: &[Vec<u8>]| frames.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&after), lengths(&before), "{}", capture.display());
        // Packets differ in what they say of addresses alone.
        let packets = |path: &Path| {
            let keys = ["time", "length", "captured_length", "protocols"];
            let records = records(path, &[]);
            let short = |packet: &&Value| {
                let tcp = ["seq", "ack", "flags", "window", "options", "payload_length"];
                let own = keys.iter().map(|key| packet[*key].clone());
                own.chain(tcp.iter().map(|key| packet["tcp"][*key].clone())).collect::<Vec<_>>()
            };
            of(&records, "packet").iter().map(short).collect::<Vec<_>>()
        };
        let protocols_stay = |mut packet: Vec<Value>| {
            // What is no MQTT has no content any more.
            let inner = ["tls", "quic", "http", "data", "websocket"].map(|name| json!(name));
            // So have the datagrams of the protocols around it; ARP and ICMP are layers.
            let layers = ["arp", "icmp", "icmpv6"];
            let names = Neighbour::ALL.iter().map(|neighbour| neighbour.name()).filter(|name| !layers.contains(name));
            let inner: Vec<Value> = inner.into_iter().chain(names.map(|name| json!(name))).collect();
            packet[3].as_array_mut().unwrap().retain(|protocol| !inner.contains(protocol));
            packet
        };
        let all = |path: &Path| packets(path).into_iter().map(protocols_stay).collect::<Vec<_>>();
        assert_eq!(all(&output), all(&capture), "{}", capture.display());
    }
}

fn frames_as_they_are(path: &Path) -> Vec<Vec<u8>> {
    let mut source = mqttsniff::capture::open(&[path.to_path_buf()]).unwrap();
    let (mut batch, mut found) = (Batch::new(), Vec::new());
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        found.extend(batch.frames().map(|frame| frame.data.to_vec()));
        if fill == Fill::End {
            return found;
        }
    }
}

#[test]
fn a_flow_is_found_by_its_clients_name_though_it_is_not_shown() {
    let capture = fixtures().join("lab/paho.pcap");
    let capture = capture.to_str().unwrap();
    let all = records(Path::new(capture), &[]);
    let id = of(&all, "session")[0]["client_id"].as_str().unwrap();
    let output = run(["flow", capture, "--redact", "--client-id", id]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("CONNECT") && !stdout(&output).contains(id));
    let shown = lines(&run(["read", "--json", "--redact", "--redact-key", "k", capture]));
    let token = of(&shown, "session")[0]["client_id"].as_str().unwrap();
    let output = run(["flow", capture, "--redact", "--redact-key", "k", "--client-id", token]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn the_input_is_never_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("trace.pcap");
    std::fs::copy(fixtures().join("mqtt5_qos.pcap"), &capture).unwrap();
    let before = std::fs::read(&capture).unwrap();
    let output = mqttsniff().arg("redact").args([&capture, &capture]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is the input itself"), "{}", stderr(&output));
    assert_eq!(std::fs::read(&capture).unwrap(), before);
    let missing = run(["redact", "no-such.pcap", directory.path().join("new.pcap").to_str().unwrap()]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(!directory.path().join("new.pcap").exists());
}

#[test]
fn a_capture_may_come_and_go_through_pipes() {
    let directory = tempfile::tempdir().unwrap();
    let capture = std::fs::read(fixtures().join("mqtt5_qos.pcap")).unwrap();
    let result = mqttsniff().args(["redact", "-", "-"]).write_stdin(capture).output().unwrap();
    assert_eq!(result.status.code(), Some(0), "{}", stderr(&result));
    assert!(stderr(&result).contains("77 frames written: 52 MQTT messages redacted"), "{}", stderr(&result));
    let output = directory.path().join("out.pcapng");
    std::fs::write(&output, &result.stdout).unwrap();
    assert_eq!(of(&records(&output, &[]), "message").len(), 52);
}
