//! QUIC with keys and without: MQTT on its streams reads as if it were on TCP, and no key is ever shown.
//!
//! Both ends of the captures are those of scripts/quic-fixtures; their keys protect nothing.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use common::{fixtures, lines, of, records, run, stderr, stdout};
use mqttsniff::capture::{Batch, Fill, FrameHeader, FrameNo, Source as _};
use mqttsniff::check::{CheckOptions, Checks};
use mqttsniff::dissect::{DissectOptions, Keys, Protocol};
use mqttsniff::engine::{Engine, EngineOptions, Event, NoticeKind};
use mqttsniff::flow::Transport;
use serde_json::{Value, json};

/// Captures in which the client says the same, whatever happens below.
const TWINS: [&str; 12] = [
    "aes128",
    "aes256",
    "chacha",
    "retry",
    "version2",
    "compatible",
    "negotiation",
    "key_update",
    "migration",
    "early",
    "loss",
    "reorder",
];

fn path(name: &str) -> PathBuf {
    fixtures().join("quic").join(name)
}

fn file(name: &str) -> String {
    path(&format!("{name}.pcap")).display().to_string()
}

fn keylog(name: &str) -> String {
    path(&format!("{name}.keys")).display().to_string()
}

/// The records of a capture, with its keys.
fn opened(name: &str) -> Vec<Value> {
    records(&path(&format!("{name}.pcap")), &["--keylog", &keylog(name)])
}

/// The only flow of a capture.
fn flow(records: &[Value]) -> Value {
    let flows = of(records, "flow");
    assert_eq!(flows.len(), 1, "{flows:?}");
    flows[0].clone()
}

/// What each flow says in a direction, in its order.
fn said(records: &[Value], from: &str) -> Vec<Vec<Value>> {
    let keys =
        ["version", "type", "length", "packet_id", "qos", "dup", "retain", "topic", "payload", "client_id", "username"];
    let messages = of(records, "message");
    let of_flow = |flow: &Value| {
        let own = messages.iter().filter(|message| message["flow"] == *flow && message["from"] == from);
        own.map(|message| keys.iter().map(|key| message[*key].clone()).collect()).collect()
    };
    of(records, "flow").iter().map(|flow| of_flow(&flow["flow"])).collect()
}

/// Takes away what says when and in which frame.
fn timeless(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_time = |name: &str| {
                name == "time"
                    || name == "start"
                    || name == "end"
                    || name.ends_with("frame")
                    || (name.ends_with("_s") && name != "keep_alive_s")
            };
            fields.retain(|name, _| !is_time(name));
            fields.values_mut().for_each(timeless);
        }
        Value::Array(list) => list.iter_mut().for_each(timeless),
        _ => {}
    }
}

#[test]
fn messages_sessions_and_findings_are_those_of_the_plain_twin() {
    let plain = records(&path("plain.pcap"), &[]);
    let session = |record: &Value| {
        let mut kept = record.clone();
        timeless(&mut kept);
        let fields = kept.as_object_mut().unwrap();
        for gone in ["flow", "transport"] {
            fields.remove(gone);
        }
        kept
    };
    let expected = session(of(&plain, "session")[0]);
    for name in TWINS {
        let inside = opened(name);
        for from in ["client", "server"] {
            let outside = said(&plain, from);
            assert!(outside[0].len() > 8);
            for inside in said(&inside, from) {
                assert_eq!(inside, outside[0], "{name}, {from}");
            }
        }
        assert!(of(&inside, "flow").iter().all(|flow| flow["application"] == "mqtt" && flow["transport"] == "quic"));
        let sessions = of(&inside, "session");
        assert!(!sessions.is_empty() && sessions.iter().all(|session| session["transport"] == "quic"), "{name}");
        assert_eq!(session(sessions[0]), expected, "{name}");
        assert_eq!(of(&inside, "finding"), of(&plain, "finding"), "{name}");
        assert!(of(&inside, "message").iter().all(|message| message["quic_stream"] == 0), "{name}");
    }
}

#[test]
fn without_keys_it_is_told_what_both_ends_say_in_the_clear() {
    let all = records(&path("aes128.pcap"), &[]);
    assert!(of(&all, "message").is_empty() && of(&all, "finding").is_empty());
    let flow = flow(&all);
    assert_eq!((&flow["application"], &flow["protocol"]), (&json!("quic"), &json!("udp")));
    assert_eq!(flow["client_known_by"], "initial");
    assert_eq!(flow.get("transport"), None);
    let quic = &flow["quic"];
    assert_eq!((&quic["version"], &quic["server_name"]), (&json!("1"), &json!("broker.example")));
    assert_eq!((&quic["alpn_offered"], quic.get("alpn")), (&json!(["mqtt"]), None));
    assert!(quic["ja4"].as_str().unwrap().starts_with("q13d"), "{quic}");
    assert_eq!((&quic["decrypted"], &quic["not_decrypted"]), (&json!(false), &json!("no_keys")));
    assert!(quic["handshake_s"].as_f64().unwrap() > quic["answer_s"].as_f64().unwrap());
    assert_eq!(quic["client_connection_id"].as_str().unwrap().len(), 16);
    assert!(quic["from_client"]["one_rtt_packets"].as_u64().unwrap() > 10);
    assert_eq!(quic["from_client"]["idle_timeout_s"], json!(60.0));
    let shown = run(["read", &file("aes128")]);
    let shown = format!("{}{}", stdout(&shown), stderr(&shown));
    assert!(shown.contains("QUIC") && shown.contains("--keylog"), "{shown}");
}

#[test]
fn what_the_handshake_was_like_is_told() {
    let quic = |name: &str| flow(&opened(name))["quic"].clone();
    let plainest = quic("aes128");
    assert_eq!((&plainest["alpn"], &plainest["retry"]), (&json!("mqtt"), &json!(false)));
    assert_eq!(plainest["server_certificate"]["subject"], "broker.example");
    assert_eq!(plainest["close"]["kind"], "application");
    assert_eq!((&plainest["close"]["by"], &plainest["close"]["reason"]), (&json!("client"), &json!("done")));
    assert!(plainest["confirmed_frame"].as_u64().is_some());
    assert_eq!(quic("chacha")["cipher"], "TLS_CHACHA20_POLY1305_SHA256");
    assert_eq!(quic("aes256")["cipher"], "TLS_AES_256_GCM_SHA384");
    let retry = quic("retry");
    assert_eq!(retry["retry"], true);
    assert!(retry["token_bytes"].as_u64().unwrap() > 0);
    assert_eq!(quic("version2")["version"], "2");
    let compatible = quic("compatible");
    assert_eq!((&compatible["version"], &compatible["version_offered"]), (&json!("2"), &json!("1")));
    let negotiation = quic("negotiation");
    assert_eq!((&negotiation["version"], &negotiation["version_offered"]), (&json!("1"), &json!("0x1a2a3a4a")));
    assert!(negotiation["server_versions"].as_array().unwrap().contains(&json!("1")));
    let update = quic("key_update");
    assert_eq!((&update["from_client"]["key_updates"], &update["from_server"]["key_updates"]), (&json!(1), &json!(1)));
}

#[test]
fn early_data_is_read_once_the_server_takes_it() {
    let all = opened("early");
    let flows = of(&all, "flow");
    assert_eq!(flows.len(), 2);
    let second = &flows[1]["quic"];
    assert_eq!((&second["early_data"], &second["early_data_accepted"]), (&json!(true), &json!(true)));
    assert_eq!(second["resumed"], true);
    assert!(second["from_client"]["zero_rtt_packets"].as_u64().unwrap() >= 1);
    // Its CONNECT stands in the first frame.
    let connects: Vec<_> = of(&all, "message").into_iter().filter(|message| message["type"] == "CONNECT").collect();
    assert_eq!((&connects[1]["flow"], &connects[1]["frame"]), (&flows[1]["flow"], &flows[1]["first_frame"]));
}

#[test]
fn a_client_that_moves_keeps_its_connection() {
    let all = opened("migration");
    let migrations = flow(&all)["quic"]["migrations"].clone();
    assert_eq!(migrations.as_array().unwrap().len(), 1);
    assert_ne!(migrations[0]["port"], flow(&all)["client"]["port"]);
    let frame = migrations[0]["frame"].as_u64().unwrap();
    let messages = of(&all, "message");
    assert!(messages.iter().filter(|message| message["frame"].as_u64().unwrap() > frame).count() > 5);
    // Without keys an id that was given out in secret is that of nobody; one of the handshake would be known.
    let strangers = records(&path("migration.pcap"), &[]);
    assert_eq!(of(&strangers, "flow").len(), 2);
}

#[test]
fn further_streams_are_told_and_judge_nothing() {
    let all = opened("streams");
    let aside: Vec<_> = of(&all, "message").into_iter().filter(|message| message["beside_session"] == true).collect();
    let streams: BTreeSet<_> = aside.iter().map(|message| message["quic_stream"].as_u64().unwrap()).collect();
    assert_eq!(streams, BTreeSet::from([4, 8]));
    let types: Vec<_> = aside.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["SUBSCRIBE", "PUBLISH", "SUBACK", "PUBACK", "PUBLISH", "PUBLISH", "PUBACK"]);
    assert!(aside.iter().all(|message| message["version"] == "5.0" && message["version_known_by"] == "connect"));
    assert_eq!(flow(&all)["quic"]["mqtt_streams"], 3);
    let every = run(["check", &file("streams"), "--keylog", &keylog("streams")]);
    let text = format!("{}{}", stdout(&every), stderr(&every));
    assert!(!text.contains("mqtt.") && !text.contains("MQTT-"), "{text}");
}

#[test]
fn how_it_was_closed_ends_the_session() {
    let all = opened("abort");
    let findings = of(&all, "finding");
    assert_eq!(findings.len(), 1);
    assert_eq!((&findings[0]["id"], &findings[0]["severity"]), (&json!("quic.closed-with-error"), &json!("warning")));
    let session = of(&all, "session")[0];
    assert_eq!((&session["ended"]["kind"], &session["ended"]["by"]), (&json!("close"), &json!("client")));
    let close = &flow(&all)["quic"]["close"];
    assert_eq!((&close["code"], &close["error"]), (&json!(7), &json!("FRAME_ENCODING_ERROR")));
    assert_eq!((&close["frame_type"], &close["reason"]), (&json!(8), &json!("bad frame")));
    let ended = opened("stream_end");
    let session = of(&ended, "session")[0];
    assert_eq!((&session["ended"]["kind"], &session["ended"]["by"]), (&json!("fin"), &json!("client")));
}

#[test]
fn packets_say_what_is_in_them() {
    let shown = run(["read", &file("aes128"), "--keylog", &keylog("aes128"), "--show", "packets", "--json"]);
    let shown = lines(&shown);
    let packets = of(&shown, "packet");
    let info = |at: usize| packets[at]["info"].as_str().unwrap().to_owned();
    assert!(info(0).starts_with("Initial, DCID=") && info(0).ends_with(", PKN: 0, CRYPTO"), "{}", info(0));
    assert!(info(1).contains("; Handshake, DCID="), "{}", info(1));
    assert!(packets[0]["protocols"].as_array().unwrap().contains(&json!("quic")));
    let connect = packets.iter().find(|packet| packet["info"] == "CONNECT").unwrap();
    let layers: Vec<_> = connect["protocols"].as_array().unwrap().iter().rev().take(2).collect();
    assert_eq!(layers, [&json!("mqtt"), &json!("quic")]);
    let chosen = run([
        "read",
        &file("aes128"),
        "--keylog",
        &keylog("aes128"),
        "--filter",
        "quic.stream.stream_id == 0 && mqtt.msgtype == 1",
        "--json",
        "--show",
        "packets",
    ]);
    assert_eq!(of(&lines(&chosen), "packet").len(), 1);
    let named = run([
        "read",
        &file("aes128"),
        "--filter",
        r#"tls.handshake.extensions_server_name == "broker.example""#,
        "--json",
        "--show",
        "packets",
    ]);
    assert_eq!(of(&lines(&named), "packet").len(), 1);
}

#[test]
fn no_output_holds_a_key_and_a_redacted_copy_nothing_at_all() {
    for name in ["aes128", "chacha", "early"] {
        let secrets: Vec<String> = fs::read_to_string(keylog(name))
            .unwrap()
            .lines()
            .filter_map(|line| line.split(' ').nth(2))
            .map(str::to_ascii_lowercase)
            .collect();
        assert!(secrets.len() >= 4);
        for command in [
            &[
                "read",
                &file(name),
                "--keylog",
                &keylog(name),
                "--json",
                "--show",
                "packets,messages,flows,sessions,findings",
            ][..],
            &[
                "read",
                &file(name),
                "--keylog",
                &keylog(name),
                "--fields",
                "frame.number,quic.dcid,quic.nci.connection_id,quic",
            ],
            &["check", &file(name), "--keylog", &keylog(name)],
        ] {
            let told = run(command);
            let told = format!("{}{}", stdout(&told), stderr(&told)).to_ascii_lowercase().replace([' ', '\n', ':'], "");
            assert!(told.len() > 20, "{command:?}");
            assert!(secrets.iter().all(|secret| !told.contains(&secret[..32])), "{command:?}");
            assert!(!told.contains("secret-password"), "{command:?}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let (with_keys, shared) = (directory.path().join("keys.pcapng"), directory.path().join("shared.pcapng"));
    let (with_keys, shared_name) = (with_keys.display().to_string(), shared.display().to_string());
    let embedded = run(["embed-keys", &file("aes128"), "--keylog", &keylog("aes128"), "-o", &with_keys]);
    assert!(embedded.status.success(), "{}", stderr(&embedded));
    assert_eq!(of(&records(with_keys.as_ref(), &[]), "message").len(), 20);
    assert!(run(["redact", &with_keys, &shared_name]).status.success());
    let bytes = fs::read(&shared).unwrap();
    for private in [&b"TRAFFIC_SECRET"[..], b"broker.example"] {
        assert!(!bytes.windows(private.len()).any(|window| window == private));
    }
    let redacted = records(shared.as_ref(), &["--keylog", &keylog("aes128")]);
    assert!(of(&redacted, "message").is_empty());
    assert!(of(&redacted, "flow").iter().all(|flow| flow.get("quic").is_none()));
    // What is only shown has tokens in the place of names.
    let tokens = run([
        "read",
        &file("abort"),
        "--keylog",
        &keylog("abort"),
        "--redact",
        "--json",
        "--show",
        "packets,messages,flows,findings",
    ]);
    let text = stdout(&tokens);
    for private in ["broker.example", "bad frame", "quic-client", "plant/temperature"] {
        assert!(!text.contains(private), "{private}");
    }
}

/// Changes a frame of this number.
type Edit = dyn Fn(usize, &mut Vec<u8>);

/// What is done to the frames of a capture.
#[derive(Default)]
struct Plan<'a> {
    /// Frames that were not captured.
    lost: &'a [usize],
    /// The frame before which the keys come; from the beginning on where nothing is said, and behind the last frame where
    /// there are not so many: then the capture goes on, and nothing more comes.
    late: Option<usize>,
    /// The frames that come in another order, as pairs that change places.
    swapped: &'a [usize],
    /// How many bytes of each frame there are.
    snaplen: Option<usize>,
    /// In what the frames are changed.
    edit: Option<&'a Edit>,
}

struct Outcome {
    messages: Vec<(u64, String)>,
    findings: Vec<String>,
    flows: Vec<Option<Protocol>>,
    unread: u64,
    missing: u64,
}

fn play(name: &str, plan: &Plan<'_>) -> Outcome {
    let keys = Keys::default();
    let log = fs::read(keylog(name)).unwrap();
    if plan.late.is_some() {
        keys.expect_more();
    } else {
        assert!(keys.add(&log).secrets > 0);
    }
    let options = DissectOptions { keys: Some(keys.clone()), ..DissectOptions::default() };
    let mut engine = Engine::new(EngineOptions { dissect: options, ..EngineOptions::default() });
    let mut checks = Checks::new(CheckOptions::all());
    let mut source = mqttsniff::capture::open(&[path(&format!("{name}.pcap"))]).unwrap();
    let mut outcome = Outcome { messages: Vec::new(), findings: Vec::new(), flows: Vec::new(), unread: 0, missing: 0 };
    let mut frames: Vec<(FrameHeader, Vec<u8>)> = Vec::new();
    let mut batch = Batch::new();
    loop {
        let fill = source.fill(&mut batch);
        frames.extend(batch.frames().map(|frame| (frame.header, frame.data.to_vec())));
        batch.advance();
        if fill == Fill::End {
            break;
        }
    }
    for at in plan.swapped {
        frames.swap(at - 1, *at);
    }
    let goes_on = plan.late.is_some_and(|late| late > frames.len());
    let mut sink = |event: &Event<'_>| {
        match event {
            Event::Message(_, message) => {
                outcome.messages.push((message.origin.frame.0, message.packet.header.packet_type.name().to_owned()));
            }
            Event::Flow(flow, _) => {
                assert_eq!(flow.transport, Transport::Udp);
                outcome.flows.push(flow.app.protocol());
                if let Some(quic) = flow.app.quic() {
                    for side in [&quic.facts().sides.to_server, &quic.facts().sides.to_client] {
                        outcome.unread += side.unread_packets;
                        outcome.missing += side.missing_packets;
                    }
                }
            }
            _ => {}
        }
        if matches!(event, Event::Notice(notice) if matches!(notice.kind, NoticeKind::Quic(..))) {
            outcome.findings.extend(checks.on_event(event).map(|finding| finding.id));
        }
    };
    for (at, (mut header, mut data)) in frames.into_iter().enumerate() {
        let number = at + 1;
        if plan.late == Some(number) {
            keys.add(&log);
        }
        if plan.lost.contains(&number) {
            continue;
        }
        if let Some(edit) = plan.edit {
            edit(number, &mut data);
            header.length = data.len() as u32;
        }
        data.truncate(plan.snaplen.unwrap_or(usize::MAX));
        let mut one = Batch::new();
        one.restart(FrameNo(number as u64));
        one.push(header, &data);
        for frame in one.frames() {
            engine.frame(&frame, &[], &mut sink);
        }
    }
    if goes_on {
        keys.add(&log);
        engine.keys_came(&mut sink);
        return outcome;
    }
    engine.finish(&mut sink);
    let held = engine.held();
    assert_eq!((held.stream_memory.now, held.out_of_order_bytes.now), (0, 0), "nothing is held at the end");
    outcome
}

#[test]
fn keys_that_come_late_unlock_what_waited_for_them() {
    for name in ["aes128", "chacha", "early", "key_update", "retry"] {
        let whole = play(name, &Plan::default());
        assert!(whole.messages.len() >= 20 && whole.unread == 0, "{name}");
        for late in [2, 3, 5, 9, 20, usize::MAX] {
            let mut told = play(name, &Plan { late: Some(late), ..Plan::default() }).messages;
            let mut all = whole.messages.clone();
            told.sort();
            all.sort();
            assert_eq!(told, all, "{name}, keys at frame {late}");
        }
    }
}

#[test]
fn neighbours_may_change_places() {
    for name in ["aes128", "version2"] {
        let whole = play(name, &Plan::default());
        for at in 1..20 {
            let told = play(name, &Plan { swapped: &[at], ..Plan::default() });
            let types = |all: &[(u64, String)]| {
                let mut types: Vec<_> = all.iter().map(|(_, name)| name.clone()).collect();
                types.sort();
                types
            };
            assert_eq!(types(&told.messages), types(&whole.messages), "{name}, {at} and {}", at + 1);
            assert_eq!(told.flows, [Some(Protocol::Mqtt)], "{name}, {at}");
        }
    }
}

#[test]
fn what_was_not_captured_is_missed_by_its_acknowledgement() {
    let whole = play("aes128", &Plan::default());
    assert_eq!((whole.missing, whole.findings.len()), (0, 0), "{:?}", whole.findings);
    let behind: Vec<_> = whole.messages.iter().skip(4).map(|(frame, _)| *frame).collect();
    let mut seen = 0;
    for frame in behind.iter().take(6) {
        let told = play("aes128", &Plan { lost: &[*frame as usize], ..Plan::default() });
        let missing = whole.messages.iter().filter(|message| !told.messages.contains(message)).count();
        // What began in the lost frame, and what its hole cuts.
        assert!((1..=3).contains(&missing), "{missing} missing without frame {frame}");
        assert_eq!(told.missing, 1, "frame {frame}");
        assert!(told.findings.contains(&"quic.packets-missing".to_owned()), "{:?}", told.findings);
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn without_its_hellos_a_connection_is_named_and_not_read() {
    let told = play("aes128", &Plan { lost: &[1], ..Plan::default() });
    assert_eq!((told.messages.len(), told.flows), (0, vec![Some(Protocol::Quic)]));
    assert!(told.unread > 10);
    // Short headers alone say nothing.
    let told = play("aes128", &Plan { lost: &[1, 2, 3, 4], ..Plan::default() });
    assert_eq!((told.messages.len(), told.flows), (0, vec![None]));
    let cut = play("aes128", &Plan { snaplen: Some(96), ..Plan::default() });
    assert_eq!(cut.messages.len(), 0);
}

#[test]
fn what_was_damaged_is_not_believed() {
    // The last byte of a packet is one of its tag.
    let flip = |number: usize, data: &mut Vec<u8>| {
        if number == 9 {
            *data.last_mut().unwrap() ^= 1;
        }
    };
    let whole = play("aes128", &Plan::default());
    let told = play("aes128", &Plan { edit: Some(&flip), ..Plan::default() });
    assert!(told.messages.len() < whole.messages.len() && told.messages.len() > whole.messages.len() - 4);
    assert_eq!(told.unread, 1);
    assert!(told.findings.contains(&"quic.decryption-failed".to_owned()), "{:?}", told.findings);
}

#[test]
fn a_port_may_be_said_to_be_none_of_it() {
    let none = run(["read", &file("aes128"), "--keylog", &keylog("aes128"), "--decode-as", "14567=none", "--json"]);
    assert!(of(&lines(&none), "flow")[0].get("application").is_none());
    // A connection that was joined in the middle is named where somebody says so.
    let cut = tempfile::tempdir().unwrap();
    let out = cut.path().join("cut.pcap").display().to_string();
    let saved = run(["read", &file("aes128"), "--filter", "frame.number > 6", "--write", &out, "--json"]);
    assert!(saved.status.success(), "{}", stderr(&saved));
    let said = run(["read", &out, "--decode-as", "14567=quic", "--json"]);
    assert_eq!(of(&lines(&said), "flow")[0]["application"], "quic");
    assert!(of(&records(out.as_ref(), &[]), "flow")[0].get("application").is_none());
}

#[test]
fn too_many_streams_are_counted() {
    let all = run(["read", &file("streams"), "--keylog", &keylog("streams"), "--cap", "quic_streams=1", "--json"]);
    let all = lines(&all);
    assert_eq!(flow(&all)["quic"]["streams_left_out"], 2);
    assert_eq!(of(&all, "summary")[0]["losses"]["capped_by"]["quic_streams"], 2);
    let ids: Vec<_> = of(&all, "finding").iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.contains(&"quic.too-many-streams".to_owned()), "{ids:?}");
    assert_eq!(of(&all, "message").len(), 20);
}
