//! TLS with keys and without: MQTT inside reads as if it were plain, and no key is ever shown.
//!
//! The captures are of mosquitto and the client of a script; their keys protect nothing.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{fixtures, lines, of, records, run, stderr, stdout};
use mqttsniff::capture::{Batch, Fill, Source as _};
use mqttsniff::dissect::{DissectOptions, Keys};
use mqttsniff::engine::{Engine, EngineOptions, Event};
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    fixtures().join("tls").join(name)
}

fn keylog(name: &str) -> String {
    path(&format!("{name}.keys")).display().to_string()
}

/// The records of a capture, with its keys.
fn opened(name: &str) -> Vec<Value> {
    records(&path(&format!("{name}.pcap")), &["--keylog", &keylog(name)])
}

/// What each connection says in a direction, whatever carries it.
fn said(records: &[Value], from: &str) -> Vec<Vec<Value>> {
    let flows: Vec<_> = of(records, "flow").iter().map(|flow| flow["flow"].clone()).collect();
    let keys = ["version", "type", "length", "packet_id", "qos", "dup", "retain", "topic", "payload", "client_id"];
    let messages = of(records, "message");
    let of_flow = |flow: &Value| {
        let own = messages.iter().filter(|message| message["flow"] == *flow && message["from"] == from);
        own.map(|message| keys.iter().map(|key| message[*key].clone()).collect()).collect()
    };
    flows.iter().map(of_flow).collect()
}

#[test]
fn mosquitto_says_the_same_over_tls_as_over_tcp() {
    let plain = records(&path("plain.pcap"), &[]);
    for name in ["tls13", "tls12_gcm", "tls12_cbc", "tls12_ccm8", "tls12_chacha"] {
        let inside = opened(name);
        for from in ["client", "server"] {
            let (inside, outside) = (said(&inside, from), said(&plain, from));
            assert_eq!(outside.len(), 2);
            for (mut inside, mut outside) in inside.into_iter().zip(outside) {
                assert!(inside.len() >= 8, "{name}");
                // A broker may send a PUBACK before or after what it forwards.
                inside.sort_by_key(Value::to_string);
                outside.sort_by_key(Value::to_string);
                assert_eq!(inside, outside, "{name}, {from}");
            }
        }
        let flows = of(&inside, "flow");
        let resumed: Vec<_> = flows.iter().map(|flow| flow["tls"]["resumed"].as_bool().unwrap()).collect();
        assert_eq!(resumed, [false, true], "{name}");
        assert!(flows.iter().all(|flow| flow["transport"] == "tls" && flow["application"] == "mqtt"));
        assert!(of(&inside, "session").iter().all(|session| session["transport"] == "tls"));
        assert!(of(&inside, "finding").iter().all(|finding| !finding["id"].as_str().unwrap().starts_with("tls.")));
    }
}

#[test]
fn websocket_and_a_shared_key_are_no_hindrance() {
    let plain = said(&records(&path("plain.pcap"), &[]), "client");
    for (name, transport) in [("wss", "tls/websocket"), ("psk", "tls")] {
        let inside = opened(name);
        assert_eq!(said(&inside, "client")[0], plain[0], "{name}");
        assert_eq!(of(&inside, "flow")[0]["transport"], transport);
    }
}

#[test]
fn messages_belong_to_the_frames_that_completed_their_records() {
    let all = opened("tls12_gcm");
    let frames: Vec<u64> = of(&all, "message").iter().map(|message| message["frame"].as_u64().unwrap()).collect();
    assert!(frames.is_sorted() && frames[0] > 4, "{frames:?}");
    let file = path("tls12_gcm.pcap").display().to_string();
    let chosen = [
        "read",
        &file,
        "--keylog",
        &keylog("tls12_gcm"),
        "--filter",
        "tls && mqtt.msgtype == 1",
        "--json",
        "--show",
        "packets",
    ];
    let packets = lines(&run(chosen));
    let packets: Vec<_> = of(&packets, "packet").iter().map(|packet| packet["frame"].clone()).collect();
    let connects = of(&all, "message").into_iter().filter(|message| message["type"] == "CONNECT");
    assert_eq!(packets, connects.map(|message| message["frame"].clone()).collect::<Vec<_>>());
}

#[test]
fn without_keys_it_is_told_what_both_ends_say_in_the_clear() {
    let all = records(&path("tls12_gcm.pcap"), &[]);
    assert!(of(&all, "message").is_empty());
    let tls = &of(&all, "flow")[0]["tls"];
    assert_eq!(tls["version"], "TLS 1.2");
    assert_eq!(tls["cipher"], "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(tls["server_name"], "broker.example");
    assert_eq!(tls["server_certificate"]["subject"], "broker.example");
    assert_eq!(tls["server_certificate"]["names"], serde_json::json!(["broker.example", "127.0.0.1"]));
    assert_eq!((&tls["decrypted"], &tls["not_decrypted"]), (&Value::Bool(false), &Value::from("no_keys")));
    assert_eq!(tls["ja4"].as_str().unwrap().split('_').count(), 3);
    assert!(tls["handshake_s"].as_f64().unwrap() > 0.0);
    let shown = run(["read", &path("tls12_gcm.pcap").display().to_string()]);
    assert!(format!("{}{}", stdout(&shown), stderr(&shown)).contains("--keylog"));
}

#[test]
fn keys_within_a_capture_are_those_of_its_connections_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (log, out) = (directory.path().join("all.keys"), directory.path().join("out.pcapng"));
    let all: String = ["tls13", "psk", "wss"].map(|name| fs::read_to_string(keylog(name)).unwrap()).concat();
    fs::write(&log, all).unwrap();
    let (log, out_name) = (log.display().to_string(), out.display().to_string());
    let embedded = run(["embed-keys", &path("psk.pcap").display().to_string(), "--keylog", &log, "-o", &out_name]);
    assert!(embedded.status.success(), "{}", stderr(&embedded));
    let bytes = fs::read(&out).unwrap();
    let holds = |name: &str| {
        let text = fs::read_to_string(keylog(name)).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with('C')).collect();
        lines.iter().any(|line| bytes.windows(line.len()).any(|window| window == line.as_bytes()))
    };
    assert!(holds("psk") && !holds("tls13") && !holds("wss"));
    assert_eq!(said(&records(&out, &[]), "client"), said(&opened("psk"), "client"));
    // One that has none of them is not written.
    let other = run([
        "embed-keys",
        &path("plain.pcap").display().to_string(),
        "--keylog",
        &log,
        "-o",
        &format!("{out_name}2.pcapng"),
    ]);
    assert_eq!(other.status.code(), Some(2));
    assert!(!Path::new(&format!("{out_name}2.pcapng")).exists());
    // What is redacted holds no keys, and nothing of what they unlock.
    let shared = directory.path().join("shared.pcapng");
    assert!(run(["redact", &out_name, &shared.display().to_string()]).status.success());
    let redacted = fs::read(&shared).unwrap();
    assert!(!redacted.windows(13).any(|window| window == b"CLIENT_RANDOM"));
    assert!(of(&records(&shared, &["--keylog", &log]), "message").is_empty());
}

#[test]
fn no_output_holds_a_key() {
    for name in ["tls13", "tls12_cbc", "psk"] {
        let (file, log) = (path(&format!("{name}.pcap")).display().to_string(), keylog(name));
        let secrets: Vec<String> = fs::read_to_string(&log)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(' ').nth(2))
            .map(str::to_ascii_lowercase)
            .collect();
        assert!(!secrets.is_empty());
        for command in [
            &["read", &file, "--keylog", &log, "--json", "--show", "packets,messages,flows,sessions,findings"][..],
            &["check", &file, "--keylog", &log],
            &["flow", &file, "1", "--keylog", &log],
            &["follow", &file, "1", "--keylog", &log, "--as", "hex"],
        ] {
            let told = run(command);
            let told = format!("{}{}", stdout(&told), stderr(&told)).to_ascii_lowercase().replace([' ', '\n', ':'], "");
            assert!(told.len() > 100, "{command:?}");
            assert!(secrets.iter().all(|secret| !told.contains(&secret[..32])), "{command:?}");
        }
    }
}

/// The messages of a capture without these frames, by frame and type. Keys that come `late` come before that frame; where
/// there is none, when all has been seen and the capture goes on, and then what is told at its end is left out.
fn without(name: &str, lost: &[usize], keys: &Keys, late: Option<usize>) -> Vec<(u64, String)> {
    let options = DissectOptions { keys: Some(keys.clone()), ..DissectOptions::default() };
    let mut engine = Engine::new(EngineOptions { dissect: options, ..EngineOptions::default() });
    let mut source = mqttsniff::capture::open(&[path(&format!("{name}.pcap"))]).unwrap();
    let mut told = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if let Event::Message(_, message) = event {
            told.push((message.origin.frame.0, message.packet.header.packet_type.name().to_owned()));
        }
    };
    let (mut batch, mut number) = (Batch::new(), 0);
    loop {
        let fill = source.fill(&mut batch);
        for frame in batch.frames() {
            number += 1;
            if late == Some(number) {
                keys.add(&fs::read(keylog(name)).unwrap());
            }
            if !lost.contains(&number) {
                engine.frame(&frame, &[], &mut sink);
            }
        }
        batch.advance();
        if fill == Fill::End {
            break;
        }
    }
    if late.is_some_and(|late| late > number) {
        keys.add(&fs::read(keylog(name)).unwrap());
        engine.keys_came(&mut sink);
    } else {
        engine.finish(&mut sink);
    }
    told
}

fn keys(name: &str) -> Keys {
    let keys = Keys::default();
    assert!(keys.add(&fs::read(keylog(name)).unwrap()).secrets > 0);
    keys
}

#[test]
fn keys_that_come_late_unlock_what_waited_for_them() {
    for name in ["tls13", "tls12_gcm", "tls12_cbc", "wss"] {
        let whole = without(name, &[], &keys(name), None);
        assert!(whole.len() > 15, "{name}");
        for late in [5, 9, 14, 20, 27, usize::MAX] {
            let growing = Keys::default();
            growing.expect_more();
            let mut told = without(name, &[], &growing, Some(late));
            told.sort();
            let mut all = whole.clone();
            all.sort();
            assert_eq!(told, all, "{name}, keys at frame {late}");
        }
        // Nobody waits for keys where no more are to come.
        assert!(without(name, &[], &Keys::default(), None).is_empty());
    }
}

#[test]
fn behind_a_lost_segment_reading_goes_on() {
    for name in ["tls13", "tls12_gcm", "tls12_cbc", "tls12_ccm8", "tls12_chacha"] {
        let keys = keys(name);
        let whole = without(name, &[], &keys, None);
        // Of the first connection, behind its handshake.
        let first: Vec<_> = whole.iter().take(whole.len() / 2).collect();
        for (at, (frame, _)) in first.iter().enumerate().skip(2).take(first.len() - 5) {
            let told = without(name, &[*frame as usize], &keys, None);
            let missing = whole.iter().filter(|message| !told.contains(message)).count();
            let own = whole.iter().filter(|(other, _)| other == frame).count();
            assert!(missing >= 1 && missing <= own + 1, "{name}: {missing} missing without frame {frame} ({at})");
        }
    }
}
