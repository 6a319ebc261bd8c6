//! Display filters, columns of fields, and the list of fields.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;

use common::{fixtures, lines, mqttsniff, of, records, stderr, stdout};

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
    assert_eq!(stdout(&none).trim(), "", "not even a heading");
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
