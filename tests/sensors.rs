//! MQTT-SN from a capture to records, lines and tables: names of topics, sessions, findings; beside tshark where that is
//! installed.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use common::sensors::{Capture, faults, forms};
use common::{captures, mqttsniff, of, records, stdout};
use mqttsniff::{Analysis, Output};
use serde_json::{Value, json};

/// A capture as a file, with the directory that it goes with.
fn saved(capture: &Capture) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sensors.pcap");
    capture.save(&path);
    (directory, path)
}

fn told(capture: &Capture, more: &[&str]) -> Vec<Value> {
    let (_directory, path) = saved(capture);
    records(&path, more)
}

fn session<'a>(records: &'a [Value], client: &str) -> &'a Value {
    of(records, "session").into_iter().find(|session| session["client_id"] == client).unwrap()
}

#[test]
fn every_type_is_told_and_every_topic_by_its_name() {
    let records = told(&forms(), &["--sn-topic", "9=plant/known"]);
    let messages = of(&records, "message");
    assert_eq!(messages.len(), 79);
    assert!(messages.iter().all(|message| message["protocol"] == "mqtt-sn" && message["version"] == "1.2"));
    let types: BTreeSet<_> = messages.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types.len(), 27, "{types:?}");
    let publishes: Vec<_> = messages
        .iter()
        .filter(|message| message["type"] == "PUBLISH")
        .map(|message| {
            let text = |name: &str| message[name].as_str().unwrap_or("-").to_owned();
            let from = &text("from")[..1];
            format!("{from} {} {} {} q{}", text("topic"), text("topic_known_by"), text("topic_id_type"), message["qos"])
        })
        .collect();
    let wanted = [
        "c plant/oven/temperature registration normal q0",
        "c plant/oven/temperature registration normal q1",
        "c plant/oven/temperature registration normal q2",
        "c plant/known option predefined q0",
        "c ab message short q0",
        "c - - normal q1",
        "s plant/x/all registration normal q1",
        "s plant/oven/set subscription normal q1",
        "c plant/oven/temperature registration normal q1",
        "c plant/oven/temperature registration normal q1",
        "c plant/oven/temperature registration normal q0",
        "c zz message short q-1",
        "c plant/known option predefined q-1",
        "c fwd/node-a registration normal q0",
        "c fwd/node-b registration normal q0",
    ];
    assert_eq!(publishes, wanted);
    let wrapped: BTreeSet<_> =
        messages.iter().filter_map(|message| message["encapsulated"]["wireless_node_id"].as_str()).collect();
    assert_eq!(wrapped, BTreeSet::from(["1122", "33"]));
}

#[test]
fn gateways_are_servers_and_their_flows_say_what_they_carry() {
    let records = told(&forms(), &[]);
    let flows: Vec<_> = of(&records, "flow").iter().map(|flow| flow["application"].as_str().unwrap()).collect();
    assert_eq!(flows, ["mqtt-sn"; 7]);
    for message in of(&records, "message") {
        let from = match message["type"].as_str().unwrap() {
            "CONNECT" | "SUBSCRIBE" | "SEARCHGW" => "client",
            "CONNACK" | "SUBACK" | "ADVERTISE" | "WILLTOPICREQ" => "server",
            _ => continue,
        };
        assert_eq!(message["from"], from, "{message}");
    }
    let packets = of(&records, "packet");
    let last = packets.last().unwrap();
    assert_eq!((last["info"].as_str(), last["protocols"][3].as_str()), (Some("DISCONNECT"), Some("mqtt-sn")));
}

#[test]
fn a_session_knows_sleep_moves_and_deliveries() {
    let records = told(&forms(), &[]);
    let session = session(&records, "sensor-1");
    assert_eq!(session["moves"], 1);
    assert_eq!((&session["sleeping"]["sleeps"], &session["sleeping"]["wakes"]), (&json!(1), &json!(1)));
    assert_eq!(session["sleeping"]["duration_s"], 3600);
    assert_eq!(session["sleeping"]["asleep_s"], 3600.06);
    assert_eq!(session["deliveries"], json!({"complete": 5, "open": 0, "duplicate": 1}));
    assert_eq!(session["from_client"]["publish_by_qos"], json!([4, 4, 1]));
    assert_eq!(session["ended"]["kind"], "disconnect");
    assert_eq!(session["will_topic"], "sn/will/2");
    let topics: Vec<_> = session["topics"].as_array().unwrap().iter().map(|topic| topic["topic_id"].as_u64()).collect();
    assert_eq!(topics, [Some(17), Some(18), Some(33), Some(44)]);
    let subscriptions = session["subscriptions"].as_array().unwrap();
    assert_eq!(subscriptions.len(), 4);
    assert_eq!(subscriptions[2]["predefined_topic_id"], 9);
    let nodes: Vec<_> =
        of(&records, "session").iter().filter_map(|session| session["wireless_node_id"].as_str()).collect();
    assert_eq!(nodes, ["1122", "33"]);
    let summary = of(&records, "summary")[0];
    assert_eq!((&summary["messages"], &summary["sessions"]), (&json!(0), &json!(0)));
    assert_eq!((&summary["mqtt_sn_messages"], &summary["mqtt_sn_sessions"]), (&json!(79), &json!(4)));
}

#[test]
fn what_goes_well_has_no_findings_but_for_what_was_rejected() {
    let records = told(&forms(), &[]);
    let ids: Vec<_> = of(&records, "finding").iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    let wanted = ["mqttsn.unknown-topic-id", "mqttsn.rejected", "mqttsn.rejected", "mqttsn.congestion-retry"];
    assert_eq!(ids, wanted);
}

#[test]
fn faults_have_findings_with_frames_and_sections() {
    let records = told(&faults(), &[]);
    let found: Vec<_> = of(&records, "finding")
        .iter()
        .map(|finding| {
            assert!(finding["clause"].as_str().unwrap().starts_with("MQTT-SN 1.2, "), "{finding}");
            let frames = finding["frames"].as_array().unwrap();
            (finding["id"].as_str().unwrap().trim_start_matches("mqttsn."), frames.last().unwrap().as_u64().unwrap())
        })
        .collect();
    for wanted in [
        ("unknown-topic-id", 3),
        ("several-outstanding", 4),
        ("rejected", 5),
        ("wrong-answer", 6),
        ("message-id-zero", 7),
        ("reserved-type", 8),
        ("reserved-topic-id-type", 9),
        ("length-mismatch", 10),
        ("reserved-return-code", 11),
        ("keep-alive-exceeded", 12),
        ("wrong-sender", 14),
        ("not-connected", 17),
        ("protocol-id", 18),
        ("rejected", 19),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
    }
}

#[test]
fn people_get_lines_and_tables() {
    let (_directory, path) = saved(&forms());
    let read = |show: &str| {
        let output = mqttsniff().args(["read", "--show", show]).arg(&path).output().unwrap();
        stdout(&output).to_owned()
    };
    let lines = read("messages");
    for wanted in [
        "client  CONNECT       sensor-1  MQTT-SN 1.2  clean  keep alive 60 s  will",
        "server  REGACK        id=1  topic 17 = plant/oven/temperature  accepted",
        "client  PUBLISH       (unknown topic 99)  q1 id=8  7 B",
        "client  PUBLISH       (predefined topic 9)  q-1  9 B",
        "client  DISCONNECT    sleep 3600 s",
        "(node 1122, radius 2)",
    ] {
        assert!(lines.contains(wanted), "{wanted} in\n{lines}");
    }
    let tables = read("sessions,flows,summary");
    for wanted in ["SN 1.2", "disconnect by client, slept once", "mqtt-sn", "79 messages in 4 sessions"] {
        assert!(tables.contains(wanted), "{wanted} in\n{tables}");
    }
}

#[test]
fn filters_and_columns_have_the_fields() {
    let (_directory, path) = saved(&forms());
    let read = |more: &[&str]| {
        let output = mqttsniff().arg("read").args(more).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", common::stderr(&output));
        stdout(&output).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let chosen = |filter: &str| {
        let lines = read(&["--json", "--show", "messages", "--filter", filter]);
        lines.iter().filter(|line| line.contains("\"record\":\"message\"")).count()
    };
    assert_eq!(chosen("mqttsn.msg.type == 0x0c"), 15);
    assert_eq!(chosen("mqttsn.qos == 3"), 2);
    assert_eq!(
        chosen("mqttsn.topic.resolved == \"plant/oven/temperature\" && mqttsn.msg.type == \"Publish Message\""),
        6
    );
    assert_eq!(chosen("mqttsn.client.id == \"sensor-1\""), 3);
    let lines = read(&["--fields", "frame.number,mqttsn.msg.id", "--filter", "mqttsn.return.code == 1"]);
    assert_eq!(lines.last().unwrap(), "47\t11");
    let sessions = read(&["--json", "--show", "sessions", "--filter", "mqttsn.wireless.node.id == 0x33"]);
    assert!(sessions.iter().any(|line| line.contains("node-b")));
}

/// A capture that is long enough for threads, file after file of the same.
#[test]
fn threads_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("long.pcap");
    let mut all = forms().pcap(150);
    all.extend_from_slice(&faults().pcap(200)[24..]);
    std::fs::write(&path, all).unwrap();
    let read = |threads: &str| {
        let show = ["read", "--json", "--show", "messages,flows,sessions,findings,summary", "-j", threads];
        mqttsniff().args(show).arg(&path).output().unwrap().stdout
    };
    let one = read("1");
    assert!(one.len() > 1_000_000);
    assert!(one == read("2") && one == read("4"));
}

#[test]
fn nothing_private_is_left_where_it_is_redacted() {
    let (_directory, path) = saved(&forms());
    for more in [&["--json", "--show", common::ALL][..], &["--show", "messages,sessions"]] {
        let output = mqttsniff().args(["read", "--redact"]).args(more).arg(&path).output().unwrap();
        let text = stdout(&output);
        for secret in ["sensor-1", "plant", "temperature", "gone", "node-a", "minus one"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("PUBLISH"));
    }
}

#[test]
fn other_fixtures_have_none_of_it() {
    let mut frames = 0;
    for path in captures() {
        let Ok(mut analysis) = Analysis::open(&[&path]) else { continue };
        analysis.tell_engine_alone();
        let summary = analysis.run(&mut |output: &Output<'_>| {
            assert!(!matches!(output, Output::SnMessage(..)), "{}", path.display());
        });
        frames += summary.engine.frames;
    }
    assert!(frames > 5000, "{frames}");
}

#[test]
fn the_user_may_say_what_a_port_carries() {
    let mut capture = Capture::default();
    let client = std::net::SocketAddrV4::new([10, 9, 0, 2].into(), 4000);
    let gateway = std::net::SocketAddrV4::new([10, 9, 0, 1].into(), 7777);
    capture.send(client, gateway, &[2, 0x16]);
    assert_eq!(of(&told(&capture, &[]), "message").len(), 0);
    assert_eq!(of(&told(&capture, &["--decode-as", "7777=mqtt-sn"]), "message").len(), 1);
    assert_eq!(of(&told(&forms(), &["--decode-as", "10000=none"]), "message").len(), 0);
}

/// The values of fields, frame by frame, as tshark prints them.
fn of_tshark(path: &Path, fields: &[&str]) -> Option<Vec<String>> {
    let version = Command::new("tshark").arg("--version").output().ok()?;
    if !String::from_utf8_lossy(&version.stdout).contains("TShark (Wireshark) 4.") {
        return None;
    }
    let mut command = Command::new("tshark");
    command.args(["-d", "udp.port==10000,mqttsn", "-T", "fields", "-r"]).arg(path);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Flags are left out: Wireshark does not take them apart in all types that have them (sections 5.4.7, 5.4.15, 5.4.16).
#[test]
fn fields_are_those_of_tshark() {
    let fields = [
        "frame.number",
        "mqttsn.msg.len",
        "mqttsn.msg.type",
        "mqttsn.will",
        "mqttsn.clean.session",
        "mqttsn.return.code",
        "mqttsn.gw.id",
        "mqttsn.adv.interv",
        "mqttsn.radius",
        "mqttsn.protocol.id",
        "mqttsn.msg.id",
        "mqttsn.topic",
        "mqttsn.sleep.timer",
        "mqttsn.will.topic",
        "mqttsn.will.msg",
        "mqttsn.client.id",
        "mqttsn.keep.alive",
    ];
    let (_directory, path) = saved(&forms());
    let Some(theirs) = of_tshark(&path, &fields) else {
        let _ = writeln!(std::io::stderr(), "skipped: tshark 4 is not installed, so that fields are not compared");
        return;
    };
    let output = mqttsniff().args(["read", "--fields", &fields.join(",")]).arg(&path).output().unwrap();
    let ours: Vec<_> = stdout(&output).lines().map(str::to_owned).collect();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!((ours.len(), theirs.len()), (79, 79));
}
