//! DNS in a capture: what it says, and what it calls the addresses of everything else.
//!
//! The capture is of dnsmasq, mosquitto and a script; `fixtures/neighbours/names.sh` makes it.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::PathBuf;

use common::{fixtures, lines, of, records, run, stderr, stdout};
use serde_json::Value;

fn capture() -> PathBuf {
    fixtures().join("neighbours/names.pcap")
}

fn read(arguments: &[&str]) -> String {
    let path = capture();
    let output = run(["read", path.to_str().unwrap()].iter().chain(arguments));
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).to_owned()
}

fn shown(arguments: &[&str]) -> Vec<Value> {
    records(&capture(), arguments)
}

#[test]
fn messages_of_dns_read_as_in_wireshark_over_udp_and_tcp() {
    let text = read(&["--show", "neighbours"]);
    for (protocol, info) in [
        ("dns", "Standard query 0x1001 A broker.example OPT"),
        ("dns", "Standard query response 0x1001 A broker.example CNAME edge.example A 10.77.0.1 OPT"),
        ("dns", "Standard query response 0x1004 AAAA sensors.example AAAA fd77::3 OPT"),
        ("dns", "Standard query response 0x1005 SRV _mqtt._tcp.example SRV 1 2 1883 broker.example OPT"),
        ("dns", "Standard query response 0x1008 PTR 3.0.77.10.in-addr.arpa PTR sensors.example OPT"),
        ("dns", "Standard query response 0x1009 No such name A nosuch.example OPT"),
        ("dns", "Standard query response 0x100a Refused NS <Root> OPT"),
        // By TCP, the length of the question in a segment of its own.
        ("dns", "Standard query 0x100b A sensors.example OPT"),
        ("dns", "Standard query response 0x100b A sensors.example A 10.77.0.3 OPT"),
        ("mdns", "Standard query 0x0000 PTR _mqtt._tcp.local, \"QU\" question"),
        ("mdns", "Standard query response 0x0000 A, cache flush 10.77.0.2"),
        ("llmnr", "Standard query 0x0007 A printer"),
    ] {
        let found = text.lines().filter(|line| line.contains(protocol) && line.ends_with(info)).count();
        assert_eq!(found, 1, "{info}\n{text}");
    }
}

#[test]
fn a_response_names_its_question_and_how_long_it_took() {
    let messages = shown(&["--show", "neighbours"]);
    let messages = of(&messages, "neighbour");
    let mut answered = 0;
    for message in messages.iter().filter(|message| message["protocol"] == "dns") {
        let fields = &message["fields"];
        if fields["dns.flags.response"] == true {
            let question = messages.iter().find(|other| other["frame"] == fields["dns.response_to"]).unwrap();
            assert_eq!(question["fields"]["dns.id"], fields["dns.id"]);
            assert!(fields["dns.time"].as_f64().is_some_and(|time| time > 0.0 && time < 1.0));
            answered += 1;
        }
    }
    assert_eq!(answered, 11);
}

#[test]
fn a_connection_has_the_name_that_was_asked_for_before_it() {
    let all = shown(&["--show", "flows,packets"]);
    let flows = of(&all, "flow");
    let named: Vec<_> = flows
        .iter()
        .filter(|flow| flow["application"] == "mqtt")
        .map(|flow| (flow["server"]["address"].as_str().unwrap(), flow["server"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(named, [("10.77.0.1", "broker.example"), ("10.77.0.1", "other.example")]);
    // Its frames have it to their end, whatever was answered meanwhile.
    for flow in flows.iter().filter(|flow| flow["application"] == "mqtt") {
        let packets = of(&all, "packet");
        let own: Vec<_> = packets.iter().filter(|packet| packet["flow"] == flow["flow"]).collect();
        assert!(own.len() > 10);
        for packet in own {
            let key = if packet["source"] == flow["server"]["address"] { "source_name" } else { "destination_name" };
            assert_eq!(packet[key], flow["server"]["name"], "{packet}");
        }
    }
    // The device that told its own name has it from then on, and in records at the end from the first.
    let client = |flow: &&&Value| flow["client"]["name"] == "sensor.local";
    assert!(flows.iter().filter(client).count() > 10);
    let packets = of(&all, "packet");
    assert_eq!(packets[0]["source_name"], Value::Null);
    assert_eq!(packets.last().unwrap()["source_name"], "sensor.local");
}

#[test]
fn lines_and_tables_show_names_and_the_summary_says_whose() {
    let text = read(&["--show", "packets,flows,topics,summary"]);
    assert!(text.contains("  broker.example:1883  mqtt  "), "{text}");
    assert!(text.contains("  other.example:1883   mqtt  "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("a/b") || line.contains(" a/b ")), "{text}");
    let sixth = text.lines().find(|line| line.trim_start().starts_with("6 ")).unwrap();
    assert!(sixth.contains("  broker.example        "), "{sixth}");
    let names = text.lines().find(|line| line.trim_start().starts_with("names ")).unwrap();
    assert!(names.contains("broker.example is 10.77.0.1, other.example is 10.77.0.1, sensor.local is 10.77.0.2"));
}

#[test]
fn a_flow_is_shown_with_both() {
    let path = capture();
    let path = path.to_str().unwrap();
    let output = run(["flow", path, "--client-id", "broker-"]);
    assert!(stdout(&output).contains(":1883 (broker.example)"), "{}", stdout(&output));
    let output = run(["flow", path]);
    assert!(stderr(&output).contains("10.77.0.1:1883 (other.example)"), "{}", stderr(&output));
    let output = run(["follow", path]);
    assert!(stderr(&output).contains("10.77.0.1:1883 (other.example)"), "{}", stderr(&output));
    let output = run(["follow", path, "--resolve", "none"]);
    assert!(stderr(&output).contains("10.77.0.1:1883 (tcp"), "{}", stderr(&output));
}

#[test]
fn statistics_have_the_last_names() {
    let path = capture();
    let path = path.to_str().unwrap();
    let output = run(["stats", path, "--show", "endpoints,conversations"]);
    assert!(stdout(&output).contains("other.example"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("10.77.0.1"), "{}", stdout(&output));
    let stats = lines(&run(["stats", path, "--json", "--show", "endpoints,conversations"]));
    let endpoints = of(&stats, "endpoint");
    let name = |address: &str| endpoints.iter().find(|end| end["address"] == address).unwrap()["name"].clone();
    assert_eq!(name("10.77.0.1"), "other.example");
    assert_eq!(name("224.0.0.251"), Value::Null);
    let conversations = of(&stats, "conversation");
    assert_eq!(conversations[0]["a_name"], "other.example");
    assert_eq!(conversations[0]["b_name"], "sensor.local");
}

#[test]
fn without_names_and_redacted_there_are_none() {
    let none = read(&["--resolve", "none"]);
    assert!(!none.contains(".example") && none.contains("10.77.0.1:1883"), "{none}");
    for arguments in [&["--resolve", "none"][..], &["--redact"]] {
        let all = shown(&[&["--show", "packets,flows,neighbours,topics"], arguments].concat());
        let is_named = |value: &Value| value.to_string().contains("name\":\"");
        let endpoints = all.iter().filter(|record| record["record"] != "message");
        let named = endpoints
            .filter(|record| ["source_name", "destination_name"].iter().any(|key| !record[*key].is_null()))
            .count();
        assert_eq!(named, 0);
        assert!(of(&all, "flow").iter().all(|flow| !is_named(&flow["client"]) && !is_named(&flow["server"])));
    }
    let redacted = read(&["--redact", "--show", "packets,flows,neighbours"]);
    assert!(!redacted.contains("example") && !redacted.contains("sensor"), "{redacted}");
}

#[test]
fn names_are_the_same_with_any_number_of_threads() {
    let of_threads = |threads| read(&["--json", "-j", threads]);
    let one = of_threads("1");
    assert!(one.contains("\"name\":\"broker.example\""));
    assert_eq!(one, of_threads("2"));
    assert_eq!(one, of_threads("3"));
}

#[test]
fn rules_may_ask_for_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    let rule = "[[assert]]\nname = \"broker\"\nover = \"flows\"\nany = 'flow.server.name == \"broker.example\"'\n";
    std::fs::write(&rules, rule).unwrap();
    let path = capture();
    let check = |more: &[&str]| {
        let arguments = ["check", path.to_str().unwrap(), "--assert", rules.to_str().unwrap()];
        run(arguments.iter().chain(more))
    };
    let output = check(&[]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(check(&["--resolve", "none"]).status.code(), Some(1));
}

#[test]
fn a_cap_on_names_is_kept_and_told() {
    let all = shown(&["--cap", "names=1", "--show", "flows,findings,summary"]);
    let summary = of(&all, "summary")[0];
    assert!(summary["losses"]["capped_by"]["names"].as_u64().unwrap() >= 2, "{summary}");
    let told = of(&all, "finding").iter().filter(|finding| finding["id"] == "capture.cap-reached").count();
    assert!(told >= 1);
}
