//! `mqttsniff stats`: what captures add up to.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::{captures, fixtures, lines, mqttsniff, of, records, stdout};
use serde_json::{Value, json};

fn stats(capture: &std::path::Path, arguments: &[&str]) -> Vec<Value> {
    lines(&mqttsniff().args(["stats", "--json"]).args(arguments).arg(capture).output().unwrap())
}

#[test]
fn each_part_adds_up_to_all_frames() {
    for capture in captures() {
        let packets = records(&capture, &[]);
        let packets = of(&packets, "packet");
        let bytes: u64 = packets.iter().map(|packet| packet["length"].as_u64().unwrap()).sum();
        let stats = stats(&capture, &[]);
        for kind in ["length_range", "interval"] {
            let sum = |field: &str| of(&stats, kind).iter().map(|record| record[field].as_u64().unwrap()).sum::<u64>();
            let context = format!("{kind} {}", capture.display());
            assert_eq!((sum("packets"), sum("bytes")), (packets.len() as u64, bytes), "{context}");
        }
        let with_ip = packets
            .iter()
            .filter(|packet| packet["protocols"].as_array().unwrap().iter().any(|name| name == "ip" || name == "ipv6"));
        let sum = |kind: &str, field: &str| {
            of(&stats, kind).iter().map(|record| record[field]["packets"].as_u64().unwrap()).sum::<u64>()
        };
        let both = sum("conversation", "from_a") + sum("conversation", "from_b");
        assert_eq!((sum("endpoint", "sent"), sum("endpoint", "received")), (both, both), "{}", capture.display());
        assert!(both <= with_ip.count() as u64, "{}", capture.display());
    }
}

#[test]
fn the_numbers_are_those_of_tshark() {
    // tshark 4.0.17: -z io,phs, -z plen,tree, -z io,stat,1, -z conv,ipv6.
    let stats = stats(&fixtures().join("lab/ipv6.pcap"), &[]);
    let protocol = |names: &[&str]| {
        let found = of(&stats, "protocol").into_iter().find(|record| record["protocols"] == json!(names)).unwrap();
        (found["packets"].as_u64().unwrap(), found["bytes"].as_u64().unwrap())
    };
    assert_eq!(protocol(&["eth", "ipv6"]), (115, 17_076));
    assert_eq!(protocol(&["eth", "ipv6", "tcp"]), (114, 16_986));
    let range = of(&stats, "length_range").into_iter().find(|record| record["from_bytes"] == 80).unwrap();
    assert_eq!(range["packets"], 90);
    let intervals: Vec<_> =
        of(&stats, "interval").iter().map(|record| (record["packets"].clone(), record["bytes"].clone())).collect();
    assert_eq!(intervals, [(json!(98), json!(15_545)), (json!(17), json!(1531))]);
    let busiest = of(&stats, "conversation")[0];
    assert_eq!((&busiest["from_a"]["bytes"], &busiest["from_b"]["bytes"]), (&json!(8157), &json!(8829)));
}

#[test]
fn parts_are_chosen_and_limited() {
    let output = mqttsniff()
        .args(["stats", "--show", "endpoints", "--limit", "1"])
        .arg(fixtures().join("lab/ipv6.pcap"))
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(text.starts_with("Endpoints\n") && text.contains("  and 3 more"), "{text}");
    assert!(!text.contains("Protocols"), "{text}");
}
