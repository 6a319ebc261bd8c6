//! Display filters, columns of fields, and the list of fields.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::timeline::{self, Timeline};
use common::{craft, fixtures, lines, mqttsniff, of, records, run, stderr, stdout};

fn read(capture: &str, arguments: &[&str]) -> std::process::Output {
    mqttsniff().arg("read").args(arguments).arg(fixtures().join(capture)).output().unwrap()
}

fn frames(capture: &str, filter: &str) -> Vec<u64> {
    let output = read(capture, &["--filter", filter, "--fields", "frame.number"]);
    stdout(&output).lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_filter_chooses_frames() {
    let all = records(&fixtures().join("mqtt5_qos.pcap"), &[]);
    let syn: Vec<u64> = of(&all, "packet")
        .into_iter()
        .filter(|packet| packet["tcp"]["flags"].as_array().unwrap().iter().any(|flag| flag == "SYN"))
        .map(|packet| packet["frame"].as_u64().unwrap())
        .collect();
    assert_eq!(frames("mqtt5_qos.pcap", "tcp.flags.syn == 1"), syn);
    let publish: BTreeSet<u64> = of(&all, "message")
        .into_iter()
        .filter(|message| message["qos"] == 2)
        .map(|message| message["frame"].as_u64().unwrap())
        .collect();
    let chosen: BTreeSet<u64> = frames("mqtt5_qos.pcap", "mqtt.qos == 2").into_iter().collect();
    assert_eq!(chosen, publish);
    assert_eq!(frames("mqtt5_qos.pcap", "frame.number in {3..5, 70}"), [3, 4, 5, 70]);
}

#[test]
fn what_is_shown_belongs_to_the_frames_that_were_chosen() {
    let shown = lines(&read("malformed.pcap", &["--json", "--filter", "mqtt.qos == 3"]));
    let flows: BTreeSet<_> = shown.iter().filter_map(|record| record["flow"].as_u64()).collect();
    assert_eq!(flows.len(), 1, "{flows:?}");
    let all = records(&fixtures().join("malformed.pcap"), &[]);
    let flow = *flows.first().unwrap();
    for kind in ["flow", "session", "finding"] {
        let of_flow: Vec<_> = of(&all, kind).into_iter().filter(|record| record["flow"] == flow).collect();
        assert_eq!(of(&shown, kind), of_flow, "{kind}");
    }
    let messages: Vec<_> = of(&shown, "message").iter().map(|message| message["frame"].clone()).collect();
    let frames: BTreeSet<u64> = messages.iter().map(|frame| frame.as_u64().unwrap()).collect();
    assert_eq!(frames.len(), 1, "the messages of the frame with QoS 3: {messages:?}");
    // Nothing is told otherwise than without a filter.
    assert_eq!(of(&shown, "summary"), of(&all, "summary"));
}

#[test]
fn rows_that_are_taken_back_do_not_count() {
    let output = read("mqtt5_qos.pcap", &["--show", "messages", "--filter", "mqtt.qos == 2", "--limit", "2"]);
    let text = stdout(&output);
    assert_eq!(text.lines().filter(|line| line.contains("PUBLISH")).count(), 2, "{text}");
    let none = read("mqtt5_qos.pcap", &["--show", "messages", "--filter", "mqtt.qos == 3"]);
    let none = stdout(&none);
    assert!(none.trim_end().ends_with("\n  none") && none.trim_end().lines().count() == 2, "{none}");
}

#[test]
fn packets_whose_version_is_in_doubt_are_in_the_row_of_their_frame() {
    let all = records(&fixtures().join("lab/midstream.pcap"), &[]);
    let messages: Vec<(u64, &str)> = of(&all, "message")
        .into_iter()
        .filter(|message| message["type"] == "PUBLISH" && message["version_known_by"] == "inferred")
        .map(|message| (message["frame"].as_u64().unwrap(), message["topic"].as_str().unwrap()))
        .collect();
    assert!(messages.len() > 5 && messages[0].0 == 1, "{messages:?}");
    let (frame, topic) = messages[2];
    let wanted: BTreeSet<u64> = messages.iter().filter(|(_, of)| *of == topic).map(|(frame, _)| *frame).collect();
    let filter = format!("mqtt.topic == \"{topic}\"");
    let chosen: BTreeSet<u64> = frames("lab/midstream.pcap", &filter).into_iter().collect();
    assert_eq!(chosen, wanted);
    // The message is told after its frame, and with it all the same; no other is.
    let filter = format!("frame.number == {frame}");
    let shown = lines(&read("lab/midstream.pcap", &["--json", "--filter", &filter]));
    let shown: Vec<_> = of(&shown, "message").into_iter().map(|message| message["frame"].as_u64().unwrap()).collect();
    assert!(!shown.is_empty() && shown.iter().all(|shown| *shown == frame), "{shown:?}");
    let twice =
        read("lab/midstream.pcap", &["--filter", "count(mqtt.topic) > 1", "--fields", "frame.number,mqtt.topic"]);
    assert_eq!(stdout(&twice), "", "no packet is in its row twice");
}

#[test]
fn a_message_behind_a_hole_stands_in_the_row_of_the_frame_that_fills_it() {
    let mut timeline = Timeline::new();
    let mut line = timeline.open(40_000);
    timeline.client(&mut line, &craft::connect(2, b"sensor", &[]));
    timeline.server(&mut line, &[0x20, 2, 0, 0]);
    let (first, second) = (craft::publish(b"first", b"1"), craft::publish(b"second", b"2"));
    timeline.displaced(&mut line, timeline::CLIENT, first.len() as i32, 0x18, &second);
    timeline.client(&mut line, &first);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hole.pcap");
    std::fs::write(&path, timeline.pcap()).unwrap();
    let read = |arguments: &[&str]| {
        let output = mqttsniff().arg("read").args(arguments).arg(&path).output().unwrap();
        stdout(&output).to_owned()
    };
    assert_eq!(read(&["-Y", "mqtt.topic == second", "--fields", "frame.number,mqtt.topic"]), "9\tfirst,second\n");
    let chosen = read(&["-Y", "mqtt.topic == second", "--show", "packets,messages"]);
    assert!(chosen.contains("PUBLISH first, PUBLISH second"), "{chosen}");
    // The message itself keeps the frame that brought it.
    let told = chosen.lines().filter(|line| line.contains("client  PUBLISH")).collect::<Vec<_>>();
    assert!(matches!(*told, [one, other] if one.starts_with("      9") && other.starts_with("      8")), "{chosen}");
}

#[test]
fn columns_are_written_as_asked_for() {
    let fields = ["--fields", "frame.number,mqtt.topic,mqtt.qos", "--filter", "frame.number == 22"];
    let line = |more: &[&str]| stdout(&read("mqtt5_qos.pcap", &[&fields[..], more].concat())).to_owned();
    assert_eq!(line(&[]), "22\tlab/s1/q0,lab/s1/q0,lab/s1/q1\t0,0,1\n");
    assert_eq!(line(&["--separator", ";", "--occurrence", "last"]), "22;lab/s1/q1;1\n");
    assert_eq!(
        line(&["--header", "--quote", "double", "--aggregator", "space"]),
        "frame.number\tmqtt.topic\tmqtt.qos\n\"22\"\t\"lab/s1/q0 lab/s1/q0 lab/s1/q1\"\t\"0 0 1\"\n"
    );
}

#[test]
fn fields_are_written_as_csv_under_their_names() {
    let fields = ["--fields", "frame.number,frame.time,mqtt.topic,mqtt.qos", "--filter", "frame.number in {22, 23}"];
    let text = |more: &[&str]| stdout(&read("mqtt5_qos.pcap", &[&fields[..], more].concat())).to_owned();
    let csv = text(&["--format", "csv"]);
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(rows[0], "frame.number,frame.time,mqtt.topic,mqtt.qos");
    assert_eq!(rows[1], r#"22,"Nov 21, 2026 21:23:21.621120000 UTC","lab/s1/q0,lab/s1/q0,lab/s1/q1","0,0,1""#);
    assert_eq!(rows[2], r#"23,"Nov 21, 2026 21:23:21.633828000 UTC",,"#);
    assert_eq!(rows.len(), 3);
    let tsv = text(&["--format", "tsv", "--aggregator", ";", "--occurrence", "last", "--limit", "1"]);
    assert_eq!(
        tsv,
        "frame.number\tframe.time\tmqtt.topic\tmqtt.qos\n22\tNov 21, 2026 21:23:21.621120000 UTC\tlab/s1/q1\t1\n"
    );
}

#[test]
fn fields_are_written_as_typed_json_in_their_order() {
    let fields = "mqtt.topic,frame.number,mqtt.qos,tcp.flags.push,frame.time_relative,tcp.flags,udp";
    let output = read("mqtt5_qos.pcap", &["--fields", fields, "--filter", "frame.number in {22, 23}", "--json"]);
    let rows: Vec<_> = stdout(&output).lines().collect();
    assert_eq!(
        rows[0],
        r#"{"record":"fields","mqtt.topic":["lab/s1/q0","lab/s1/q0","lab/s1/q1"],"frame.number":22,"mqtt.qos":[0,0,1],"tcp.flags.push":true,"frame.time_relative":"0.145765000","tcp.flags":24}"#
    );
    assert_eq!(
        rows[1],
        r#"{"record":"fields","frame.number":23,"tcp.flags.push":false,"frame.time_relative":"0.158473000","tcp.flags":16}"#
    );
    assert_eq!(rows.len(), 2);
    let first =
        read("mqtt5_qos.pcap", &["--fields", fields, "--json", "--occurrence", "first", "--filter", "mqtt.topic"]);
    assert!(lines(&first).iter().all(|row| row["mqtt.topic"].is_string()));
}

#[test]
fn fields_are_the_columns_of_packets() {
    let wanted = "No.=frame.number,frame.time_relative,From=ip.src,mqtt.topic,mqtt.client_id";
    let table = |width: &str| {
        let capture = fixtures().join("mqtt5_qos.pcap");
        let arguments = ["--columns", wanted, "--filter", "mqtt.topic"];
        let output = mqttsniff().arg("read").arg(capture).args(arguments).env("COLUMNS", width).output().unwrap();
        stdout(&output).to_owned()
    };
    for width in [80, 160] {
        let text = table(&width.to_string());
        let rows: Vec<_> = text.trim_end().lines().collect();
        assert!(rows.iter().all(|row| row.chars().count() <= width), "{text}");
        assert!(rows[0].trim_start().starts_with("No."), "{text}");
        for title in ["frame.time_relative", "From", "mqtt.topic"] {
            let at = rows[0].find(title).unwrap_or_else(|| panic!("{title} in {text}"));
            // The rows stand below their titles: a blank before each column.
            assert!(rows.iter().all(|row| row.as_bytes().get(at - 1).is_none_or(|byte| *byte == b' ')), "{text}");
        }
        assert!(rows.iter().any(|row| row.contains("172.29.83.2") && row.contains("lab/s1/q0")), "{text}");
        assert!(rows.len() > 10);
    }
    assert!(table("80").contains('…') && !table("160").lines().nth(1).unwrap().contains('…'));
    let csv =
        read("mqtt5_qos.pcap", &["--columns", wanted, "--filter", "mqtt.topic", "--format", "csv", "--limit", "2"]);
    assert_eq!(
        stdout(&csv),
        "No.,frame.time_relative,From,mqtt.topic,mqtt.client_id\n\
         8,0.035556000,172.29.83.2,lab/s1/#,sub\n17,0.088015000,172.29.83.2,lab/s1/q0,pub\n"
    );
    let json = lines(&read("mqtt5_qos.pcap", &["--columns", wanted, "--filter", "frame.number == 22", "--json"]));
    let packet = of(&json, "packet")[0];
    assert_eq!((&packet["frame"], &packet["columns"]["No."]), (&22.into(), &22.into()));
    assert_eq!(packet["columns"]["mqtt.client_id"].as_array().unwrap().len(), 3);
    // Beside other views.
    let both = read("mqtt5_qos.pcap", &["--columns", "frame.number", "--show", "packets,summary", "--limit", "3"]);
    assert!(stdout(&both).contains("frame.number") && stdout(&both).contains("Summary"));
}

#[test]
fn options_that_would_have_no_effect_are_refused() {
    for arguments in [
        &["--fields", "ip.src", "--json", "--separator", ";"][..],
        &["--fields", "ip.src", "--format", "json", "--aggregator", ";"],
        &["--fields", "ip.src", "--format", "csv", "--header"],
        &["--fields", "ip.src", "--format", "csv", "--quote", "double"],
        &["--fields", "ip.src", "--format", "table"],
        &["--fields", "ip.src", "--show", "packets"],
        &["--fields", "ip.src", "--payload", "hex"],
        &["--fields", "ip.src", "--sort", "frame"],
        &["--fields", "ip.src", "--columns", "ip.src"],
        &["--columns", "ip.src", "--show", "flows"],
        &["--columns", "ip.src", "--sort", "frame"],
        &["--columns", "ip.source"],
        &["--separator", ";"],
        &["--format", "csv", "--show", "messages", "--payload", "hex"],
        &["--format", "csv", "--show", "messages", "--detail"],
        &["--write", "out.pcap", "--redact"],
    ] {
        let output = read("mqtt5_qos.pcap", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !stderr(&output).is_empty(), "{arguments:?}");
    }
    for (command, option) in [
        ("stats", "--redact"),
        ("stats", "--redact-key=x"),
        ("stats", "--wireshark-rules=4.0"),
        ("stats", "--mqtt-version=5.0"),
        ("follow", "--wireshark-rules=4.0"),
    ] {
        let output = mqttsniff().args([command, "fixtures/mqtt5_qos.pcap", option]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command} {option}");
        assert!(stderr(&output).contains("unexpected argument"), "{}", stderr(&output));
    }
    let flow = |more: &[&str]| {
        let arguments = [&["flow", "fixtures/mqtt5_qos.pcap", "1", "--wireshark-rules", "4.0"], more].concat();
        mqttsniff().args(arguments).output().unwrap().status.code()
    };
    assert_eq!((flow(&[]), flow(&["--json"])), (Some(2), Some(0)));
    let plain = mqttsniff().args(["flow", "fixtures/mqtt5_qos.pcap", "1"]).output().unwrap();
    assert!(plain.status.success(), "a default is no option that was given");
}

#[test]
fn the_client_of_a_session_is_a_field_of_all_its_messages() {
    let output =
        read("mqtt5_qos.pcap", &["--fields", "mqtt.client_id", "--filter", "mqtt.msgtype == 3 and tcp.stream == 1"]);
    assert!(stdout(&output).lines().count() > 3);
    assert!(stdout(&output).lines().all(|line| line.split(',').all(|id| id == "pub")), "{}", stdout(&output));
}

#[test]
fn mistakes_are_pointed_at() {
    for (arguments, what, hint) in [
        (&["--filter", "mqtt.qoss == 2"][..], "  ^~~~", "mqtt.qos"),
        (&["--filter", "mqtt.qos == "], "^", "mqttsniff"),
        (&["--fields", "frame.numbr"], "frame.numbr", "frame.number"),
    ] {
        let output = read("mqtt5_qos.pcap", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains(what) && said.contains(hint), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn fields_are_listed_and_searched() {
    let all = mqttsniff().arg("fields").output().unwrap();
    for name in ["frame.number", "ip.src", "tcp.analysis.retransmission", "mqtt.topic", "mqtt.topic.resolved"] {
        assert!(stdout(&all).lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
    }
    let some = mqttsniff().args(["fields", "alias"]).output().unwrap();
    assert!(stdout(&some).lines().all(|line| line.to_lowercase().contains("alias")), "{}", stdout(&some));
    let none = mqttsniff().args(["fields", "nothing-of-this-name"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
}

/// The records of each kind, as they were printed one after the other.
fn by_kind(output: &std::process::Output) -> BTreeMap<String, Vec<String>> {
    let mut kinds = BTreeMap::<String, Vec<String>>::new();
    for line in stdout(output).lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        kinds.entry(record["record"].to_string()).or_default().push(line.to_owned());
    }
    kinds
}

fn assert_same(shown: &std::process::Output, all: &std::process::Output, what: &str) {
    let (shown, all) = (by_kind(shown), by_kind(all));
    assert!(shown.keys().eq(all.keys()), "{what}: {:?} in place of {:?}", shown.keys(), all.keys());
    for (kind, all) in &all {
        let shown = &shown[kind];
        let differs = shown.iter().zip(all).find(|(shown, all)| shown != all);
        assert_eq!(differs, None, "{what}: {kind}");
        assert_eq!(shown.len(), all.len(), "{what}: {kind}");
    }
}

#[test]
fn a_filter_that_chooses_every_frame_changes_no_record() {
    for capture in common::captures() {
        let read = |more: &[&str]| mqttsniff().args(["read", "--json"]).args(more).arg(&capture).output().unwrap();
        let show = format!("{},neighbours", common::ALL);
        for threads in ["-j1", "-j3"] {
            let arguments = ["--show", &show, threads];
            let all = read(&arguments);
            let shown = read(&[&arguments[..], &["--filter", "frame"]].concat());
            assert_same(&shown, &all, &format!("{threads} {}", capture.display()));
        }
    }
}

#[test]
fn a_filter_that_chooses_every_frame_changes_no_kind_of_record_by_itself() {
    for capture in ["mqtt5_qos.pcap", "malformed.pcap", "lab/persistent_session.pcap", "lab/midstream.pcap"] {
        for kind in common::ALL.split(',').chain(["neighbours"]) {
            for threads in ["-j1", "-j3"] {
                let arguments = ["--json", "--show", kind, threads];
                let shown = read(capture, &[&arguments[..], &["--filter", "frame"]].concat());
                assert_same(&shown, &read(capture, &arguments), &format!("{arguments:?} {capture}"));
            }
        }
    }
}

#[test]
fn a_delivery_that_is_told_after_its_flow_is_that_of_a_frame_that_was_chosen() {
    let arguments = ["--json", "--show", "deliveries"];
    let all = lines(&read("mqtt5_qos.pcap", &arguments));
    let flows: BTreeSet<u64> = of(&all, "delivery").iter().map(|delivery| delivery["flow"].as_u64().unwrap()).collect();
    assert!(flows.len() > 1, "{flows:?}");
    for flow in flows {
        let filter = format!("frame.number == {flow}");
        let shown = lines(&read("mqtt5_qos.pcap", &[&arguments[..], &["--filter", &filter]].concat()));
        let of_flow: Vec<_> = of(&all, "delivery").into_iter().filter(|delivery| delivery["flow"] == flow).collect();
        assert_eq!(of(&shown, "delivery"), of_flow, "{filter}");
    }
}

/// A capture of which one frame completes 90,001 messages, and its number.
fn a_frame_of_many_messages() -> (tempfile::NamedTempFile, u64) {
    const PING: [u8; 2] = [0xc0, 0];
    let mut time = Timeline::new();
    // Its window has no scale that is known, so that nothing lies beyond it.
    let mut line = Timeline::line(40_000);
    time.client(&mut line, &craft::connect(2, b"one", &[]));
    time.server(&mut line, &craft::CONNACK);
    let pings = PING.repeat(30_000);
    for at in 0..3 {
        let behind = PING.len() + at * pings.len();
        time.displaced(&mut line, timeline::CLIENT, behind as i32, timeline::ACK, &pings);
    }
    time.segment(&mut line, timeline::CLIENT, timeline::PSH | timeline::ACK, &PING);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), time.pcap()).unwrap();
    (file, 8)
}

#[test]
fn rows_beyond_what_can_wait_are_left_out_and_counted_and_never_shown_unasked() {
    let (capture, last) = a_frame_of_many_messages();
    let folder = common::folder_for_all();
    let copy = folder.path().join("copy.jsonl");
    let path = capture.path().to_str().unwrap();
    let copied = copy.to_str().unwrap();
    let read = |filter: &str| {
        let arguments = ["read", path, "--json", "--show", "messages", "--json-show", "messages", "--json-to", copied];
        run([&arguments[..], &["--filter", filter]].concat())
    };
    let pings = |text: &str| text.lines().filter(|line| line.contains("\"PINGREQ\"")).count() as u64;
    let output = read("frame.number == 1");
    assert_eq!(pings(stdout(&output)), 0, "of another frame");
    assert_eq!(pings(&std::fs::read_to_string(&copy).unwrap()), 0);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "what is not wanted is not missing");

    let output = read(&format!("frame.number == {last}"));
    let shown = pings(stdout(&output));
    assert!(stdout(&output).len() < 17 << 20, "{}", stdout(&output).len());
    let left_out = format!("{} rows left out", 90_001 - shown);
    assert!(shown > 10_000 && stderr(&output).contains(&left_out), "{shown}: {}", stderr(&output));
    assert_eq!(pings(&std::fs::read_to_string(&copy).unwrap()), shown);
    assert!(stderr(&output).contains("--json-to: ") && output.status.code() == Some(2), "{}", stderr(&output));
}
