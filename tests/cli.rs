//! The program as people and scripts use it: what it reads, what it refuses and how, and its exit status.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use common::craft::{CONNACK, Connection, connect, publish};
use common::{fixtures, lines, mqttsniff, of, run, stderr, stdout};
use serde_json::{Value, json};

const QOS: &str = "fixtures/mqtt5_qos.pcap";

/// All records but the first, which names the source.
fn analysis(output: &Output) -> Vec<Value> {
    let mut records = lines(output);
    assert_eq!(records.remove(0)["record"], "begin");
    records
}

fn read_json(paths: &[&str]) -> Output {
    run(["read", "--json", "--show", common::ALL].iter().chain(paths))
}

#[test]
fn read_shows_flows_sessions_and_a_summary() {
    let output = run(["read", QOS]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for expected in ["Flows\n", "MQTT sessions\n", "Summary\n", "172.29.83.1:1883", "52 messages in 2 sessions"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("PUBLISH"), "messages are shown when they are asked for: {text}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn show_chooses_what_is_shown() {
    let text = |show| stdout(&run(["read", QOS, "--show", show])).to_owned();
    assert_eq!(text("messages").lines().filter(|line| line.contains("PUBLISH ")).count(), 18);
    assert_eq!(text("packets").lines().filter(|line| line.contains("172.29.83.1")).count(), 77);
    assert!(text("summary").starts_with("Summary\n"));
    assert!(text("flows").starts_with("Flows\n"));
    assert!(!text("flows").contains("Summary"));
    let records = lines(&run(["read", QOS, "--json", "--show", "sessions"]));
    let kinds: Vec<_> = records.iter().map(|record| record["record"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["begin", "session", "session"]);
}

/// Runs a command, reads so many lines of its output, closes it, and waits for the end.
fn close_early(arguments: &[&str], wanted: usize) -> (Vec<String>, Output) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqttsniff"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = out.by_ref().take(wanted).map(Result::unwrap).collect();
    drop(out);
    (lines, child.wait_with_output().unwrap())
}

#[test]
fn a_closed_pipe_ends_quietly() {
    // Far more output than a pipe holds.
    let long = ["read", "fixtures/lab/mqtt_mess.pcap", "--show", common::ALL];
    let json = [&long[..], &["--json"]].concat();
    let short = ["read", QOS];
    for arguments in [&long[..], &json, &short, &["schema"], &["man"], &["completions", "zsh"]] {
        for wanted in [0, 1] {
            let (lines, output) = close_early(arguments, wanted);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
            assert_eq!(stderr(&output), "", "{arguments:?}");
            assert_eq!(lines.len(), wanted);
        }
    }
}

/// Reading this fails with these words on standard error, and prints nothing that is not a result.
fn assert_refused(path: &str, words: &str) {
    for form in [&[][..], &["--json"]] {
        let output = run(["read", path].iter().chain(form));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = stderr(&output);
        assert!(error.starts_with("mqttsniff: ") && error.contains(path) && error.contains(words), "{error}");
        let text = stdout(&output);
        assert!(!text.contains("mqttsniff: ") && !text.contains("hint: "), "{text}");
        if form == ["--json"] && !text.is_empty() {
            let summary = lines(&output).pop().unwrap();
            assert_eq!((&summary["frames"], &summary["complete"]), (&json!(0), &json!(false)));
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("text.pcap"), "0000  00 01 02 03\n0004  04 05 06 07\n").unwrap();
    std::fs::write(path("empty.pcap"), "").unwrap();
    assert_refused(&path("missing.pcap"), "no such file");
    assert_refused(&directory.path().display().to_string(), "hint: ");
    assert_refused(&path("text.pcap"), "hint: ");
    assert_refused(&path("empty.pcap"), "hint: ");
}

#[test]
fn one_missing_file_among_several_is_named_and_fails_the_run() {
    let output = run(["read", QOS, "fixtures/there-is-no-such.pcap", "fixtures/lab/ping.pcap"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("fixtures/there-is-no-such.pcap: no such file"), "{output:?}");
    assert!(!stderr(&output).contains("ping"), "{output:?}");
}

#[test]
fn a_text_file_among_several_does_not_keep_the_others_from_being_read() {
    let output = read_json(&[QOS, "fixtures/README.md"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("fixtures/README.md: not a capture file"), "{output:?}");
    let summary = analysis(&output).pop().unwrap();
    assert_eq!((&summary["frames"], &summary["messages"]), (&json!(77), &json!(52)));
    assert_eq!(summary["problems"][0]["input"], "fixtures/README.md");
}

#[test]
fn a_file_that_is_cut_short_is_read_to_its_end_and_fails_the_run() {
    let output = run(["read", "fixtures/lab/cut_file.pcap"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("frames    50"), "{output:?}");
    assert!(stderr(&output).contains("cut short"), "{output:?}");
    assert!(stderr(&output).contains("hint: "), "{output:?}");
}

#[test]
fn bad_usage_exits_with_2_and_says_what_would_be_right() {
    let cases: [(&[&str], &str); 8] = [
        (&["read"], "<FILE>"),
        (&["read", QOS, "--show", "everything"], "packets"),
        (&["read", QOS, "--decode-as", "1884"], "1884=mqtt"),
        (&["read", QOS, "--decode-as", "1884=smoke"], "mqtt, tls, http"),
        (&["read", QOS, "--mqtt-version", "4"], "3.1.1"),
        (&["capture", "lo", "--duration", "soon"], "30s"),
        (&["capture", "lo", "--duration", "10000000000000000000s"], "36500d"),
        (&["stats", QOS, "--interval", "0s"], "100ms"),
    ];
    for (arguments, words) in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{arguments:?}: {output:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_capture_is_not_written_among_the_rows_and_no_input_is_opened_for_it() {
    for arguments in [["read", "nosuch.pcap"], ["capture", "nosuchcard0"]] {
        let output = run([&arguments[..], &["--write", "-"]].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains("--write - would mix"), "{arguments:?}: {output:?}");
        assert!(stderr(&output).contains("mkfifo"), "{arguments:?}: {output:?}");
    }
}

#[test]
fn an_interface_that_does_not_exist_is_refused_with_a_way_out() {
    // Where libpcap or the right to capture is missing, that is what is said.
    let output = run(["capture", "nosuchcard0", "--count", "1", "--duration", "5s"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = stderr(&output);
    let names = error.contains("nosuchcard0") && error.contains("there are: ");
    let out = ["this machine shows no interface", "setcap", "apt-get install", "--features live"];
    assert!(names || out.iter().any(|words| error.contains(words)), "{error}");
    assert!(error.contains("hint: "), "{error}");
    assert_eq!(stdout(&output), "");
}

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let whole = analysis(&read_json(&["fixtures/vectors/H_ooo.pcap"]));
    for name in ["H_ooo.pcap", "H_ooo.pcapng", "H_ooo.pcap.gz", "H_ooo.pcap.zst"] {
        let bytes = std::fs::read(fixtures().join("vectors").join(name)).unwrap();
        let arguments = ["read", "-", "--json", "--show", common::ALL];
        let output = mqttsniff().args(arguments).write_stdin(bytes).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        assert_eq!(lines(&output)[0]["source"], json!(["-"]));
        assert_eq!(analysis(&output), whole, "{name}");
    }
}

/// Cuts a capture file (pcap, little-endian) behind some of its frames.
fn halves(bytes: &[u8], frames: usize) -> [Vec<u8>; 2] {
    let (header, mut rest) = bytes.split_at(24);
    let mut first = header.to_vec();
    for _ in 0..frames {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(16 + length);
        first.extend(record);
        rest = behind;
    }
    assert!(!rest.is_empty());
    [first, [header, rest].concat()]
}

#[test]
fn two_halves_in_the_wrong_order_give_the_same_as_the_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let bytes = std::fs::read(fixtures().join("lab/mqtt_loss_5.pcap")).unwrap();
    let [first, second] = halves(&bytes, 150);
    std::fs::write(path("1.pcap"), first).unwrap();
    std::fs::write(path("2.pcap"), second).unwrap();
    let whole = analysis(&read_json(&["fixtures/lab/mqtt_loss_5.pcap"]));
    assert!(whole.len() > 300);
    // Interfaces are numbered over all files, which is the only difference there may be.
    let together = |paths: &[&str]| {
        let mut records = analysis(&read_json(paths));
        for record in &mut records {
            record.as_object_mut().unwrap().remove("interface");
        }
        records
    };
    assert_eq!(together(&[&path("2.pcap"), &path("1.pcap")]), whole);
    assert_eq!(together(&[&path("1.pcap"), &path("2.pcap")]), whole);
}

#[test]
fn decode_as_reads_a_port_as_what_it_is_told_to_be() {
    let none = run(["read", QOS, "--json", "--decode-as", "1883=none"]);
    assert_eq!(of(&lines(&none), "message").len(), 0);
    // A client that does not begin with CONNECT, on a port that says nothing.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("odd.pcap");
    Connection::open_to(7777).client(&publish(b"odd", b"1")).save(&path);
    let path = path.to_str().unwrap();
    let without = run(["read", path, "--json"]);
    assert_eq!(of(&lines(&without), "message").len(), 0);
    assert!(stderr(&without).contains("--decode-as"), "{without:?}");
    let records = lines(&run(["read", path, "--json", "--decode-as", "7777=mqtt"]));
    assert_eq!(of(&records, "message")[0]["topic"], "odd");
}

#[test]
fn mqtt_version_decides_where_no_connect_was_captured() {
    let file = "fixtures/vectors/D_midstream_v5.pcap";
    let publish = |version: &str| {
        let records = lines(&run(["read", file, "--json", "--mqtt-version", version]));
        of(&records, "message")[0].clone()
    };
    for version in ["5.0", "5"] {
        let message = publish(version);
        assert_eq!((&message["version"], &message["version_known_by"]), (&json!("5.0"), &json!("option")));
        assert_eq!(message["payload"]["length"], 7);
    }
    let message = publish("3.1.1");
    assert_eq!((&message["version"], &message["version_known_by"]), (&json!("3.1.1"), &json!("option")));
    assert_eq!(message["payload"]["length"], 27, "3.1.1 has no properties");
    // A CONNECT says it better.
    let records = lines(&run(["read", QOS, "--json", "--mqtt-version", "3.1.1"]));
    assert_eq!(of(&records, "message")[0]["version_known_by"], "connect");
}

#[test]
fn what_cannot_be_read_inside_is_said() {
    let cases = [("fixtures/lab/tls13.pcap", "TLS")];
    for (file, words) in cases {
        let output = run(["read", file]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let error = stderr(&output);
        assert!(error.contains("no MQTT was found") && error.contains(words) && error.contains("hint: "), "{error}");
    }
}

/// A full disk must not pass for success: CI keeps the output.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_said_and_fails() {
    let runs: [&[&str]; 6] = [
        &["read", QOS],
        &["read", QOS, "--json"],
        &["flow", QOS, "1"],
        &["flow", QOS, "1", "--json"],
        &["flow", QOS, "1", "--plot", "sequence"],
        &["schema"],
    ];
    for arguments in runs {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
        let output = command.args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(stderr(&output).contains("can't write to standard output"), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_publish_cut_before_its_topic_ends_does_not_pretend_to_have_one() {
    let whole = publish(b"topic", b"12");
    let open = || Connection::open().client(&connect(2, b"me", &[])).server(&CONNACK);
    for (cut, topic, payload) in [(6, None, None), (9, Some("topic"), Some(2)), (10, Some("topic"), Some(2))] {
        let bytes = open().client(&whole[..cut]).pcap();
        let records = lines(&mqttsniff().args(["read", "-", "--json"]).write_stdin(bytes).output().unwrap());
        let message = *of(&records, "message").last().unwrap();
        assert_eq!((&message["type"], &message["incomplete"]), (&json!("PUBLISH"), &json!(true)));
        assert_eq!(message["topic"].as_str(), topic, "{cut}");
        assert_eq!(message["payload"]["length"].as_u64(), payload, "{cut}");
    }
}

#[test]
fn a_capture_made_by_hand_is_read_as_it_was_made() {
    let connection = Connection::open().client(&connect(2, b"me", &[])).server(&CONNACK).client(&publish(b"t", b"1"));
    let arguments = ["read", "-", "--json", "--show", common::ALL];
    let output = mqttsniff().args(arguments).write_stdin(connection.pcap()).output().unwrap();
    let records = lines(&output);
    let types: Vec<_> = of(&records, "message").iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["CONNECT", "CONNACK", "PUBLISH"]);
    assert_eq!(of(&records, "packet").iter().filter(|packet| packet["tcp"]["analysis"] == json!([])).count(), 6);
    assert_eq!(of(&records, "finding").len(), 0);
}
