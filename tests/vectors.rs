//! Small captures that catch analyzers out: each has one right answer, which is written down here.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::{fixtures, of, records, run, stderr};
use serde_json::{Value, json};

fn vector(name: &str) -> Vec<Value> {
    records(&fixtures().join("vectors").join(name), &[])
}

/// The messages in short: who, what, and of a PUBLISH its topic (an alias resolved), QoS and payload length.
fn told(records: &[Value]) -> Vec<String> {
    let text = |message: &Value| {
        let (from, kind) = (message["from"].as_str().unwrap(), message["type"].as_str().unwrap());
        let mut line = format!("{from} {kind}");
        if let Some(id) = message["packet_id"].as_u64() {
            line = format!("{line} {id}");
        }
        if kind == "PUBLISH" {
            let topic = message.get("topic_resolved").unwrap_or(&message["topic"]).as_str().unwrap();
            line = format!("{line} {topic} q{} {} B", message["qos"], message["payload"]["length"]);
        }
        line
    };
    of(records, "message").into_iter().map(text).collect()
}

/// That nothing was found wrong with any packet, but for what the vector is not about.
fn assert_flawless(records: &[Value]) {
    let mut findings = of(records, "finding");
    // No CONNECT or CONNACK of these vectors allows the aliases that are used, and nobody subscribes.
    let known = ["mqtt.alias-above-maximum", "mqtt.no-subscription"];
    findings.retain(|finding| !known.iter().any(|id| finding["id"] == *id));
    assert_eq!(findings, Vec::<&Value>::new());
    for message in of(records, "message") {
        for flaw in ["deviations", "incomplete", "resynced", "missing_bytes"] {
            assert_eq!(message.get(flaw), None, "{message}");
        }
    }
}

const AFTER_SPLIT: [&str; 4] =
    ["client CONNECT", "server CONNACK", "client PUBLISH a/b q0 300 B", "client PUBLISH after q0 2 B"];

/// Wireshark: "Malformed Packet", and the next PUBLISH is lost with the borders.
#[test]
fn a_remaining_length_that_is_cut_between_its_bytes_is_read() {
    let records = vector("A_split_varint.pcap");
    assert_eq!(told(&records), AFTER_SPLIT);
    assert_flawless(&records);
    let publish = of(&records, "message")[2];
    assert!(publish["frames"].as_array().unwrap().len() >= 2, "{publish}");
}

#[test]
fn a_packet_that_is_cut_after_its_first_byte_is_read() {
    let records = vector("A2_split1.pcap");
    assert_eq!(told(&records), AFTER_SPLIT);
    assert_flawless(&records);
}

/// Wireshark has one table of aliases for both directions, and shows the client's message under the server's topic.
#[test]
fn each_direction_has_its_own_topic_aliases() {
    let records = vector("B_alias_dir.pcap");
    let messages = of(&records, "message");
    let publishes: Vec<_> = told(&records).split_off(2);
    let client = "client PUBLISH client/topic q0 1 B";
    let server = "server PUBLISH server/topic q0 1 B";
    assert_eq!(publishes, [client, server, client, server]);
    for (at, sent) in [(2, "client/topic"), (3, "server/topic"), (4, ""), (5, "")] {
        assert_eq!((&messages[at]["topic"], &messages[at]["topic_alias"]), (&json!(sent), &json!(1)));
    }
    assert_flawless(&records);
}

/// Wireshark, which dissects twice, shows the first messages under the later topic.
#[test]
fn an_alias_that_is_bound_anew_leaves_earlier_messages_alone() {
    let records = vector("C_alias_rebind.pcap");
    let topics: Vec<_> = told(&records).split_off(2);
    assert_eq!(
        topics,
        [
            "client PUBLISH first q0 1 B",
            "client PUBLISH first q0 17 B",
            "client PUBLISH second q0 1 B",
            "client PUBLISH second q0 18 B",
        ]
    );
    assert_flawless(&records);
}

/// Wireshark and Zeek read 5.0 without its CONNECT as 3.x: properties become payload.
#[test]
fn the_version_is_inferred_where_the_connect_is_missing_and_it_is_said() {
    let records = vector("D_midstream_v5.pcap");
    let messages = of(&records, "message");
    assert_eq!(told(&records), ["client PUBLISH 7 t/x q1 7 B", "server PUBACK 7", "server SUBACK 9"]);
    for message in &messages {
        assert_eq!((&message["version"], &message["version_known_by"]), (&json!("5.0"), &json!("inferred")));
    }
    assert_eq!(messages[0]["payload"]["json"], json!({"a": 1}), "properties are no payload");
    assert_eq!(messages[0]["properties"]["content_type"], "application/json");
    assert_eq!(messages[1]["reason_code"], 0x10);
    assert_eq!(messages[2]["reason_codes"], json!([1]));
    assert_flawless(&records);
}

/// tshark's JSON holds names and values of properties in lists of different lengths.
#[test]
fn filters_and_properties_keep_their_pairs_and_their_order() {
    let records = vector("F_sub.pcap");
    let messages = of(&records, "message");
    assert_eq!(messages[0]["properties"]["user_properties"], json!([["k1", "v1"], ["k2", "v2"]]));
    assert_eq!(messages[0]["properties"]["session_expiry_interval"], 10);
    assert_eq!(messages[0]["properties"]["receive_maximum"], 10);
    let wanted: Vec<_> = messages[2]["subscriptions"].as_array().unwrap().iter().collect();
    assert_eq!((&wanted[0]["filter"], &wanted[0]["qos"]), (&json!("a/#"), &json!(1)));
    assert_eq!((&wanted[1]["filter"], &wanted[1]["qos"]), (&json!("b/+"), &json!(2)));
    assert_eq!(messages[3]["reason_codes"], json!([1, 2]));
    let in_one_segment = ["client PUBLISH p1 q0 1 B", "client PUBLISH 3 p2 q1 1 B", "client PUBLISH 4 p3 q1 1 B"];
    assert_eq!(told(&records).split_off(4), in_one_segment);
    assert_flawless(&records);
}

/// Wireshark's defaults lose a PUBLISH whose segments came out of order.
#[test]
fn segments_out_of_order_lose_nothing() {
    let records = vector("H_ooo.pcap");
    let whole = ["client CONNECT", "server CONNACK", "client PUBLISH big q0 3000 B", "client PUBLISH after q0 1 B"];
    assert_eq!(told(&records), whole);
    assert_flawless(&records);
    // It was whole with the segment that came last.
    let big = records.iter().find(|record| record["topic"] == "big").expect("it is told");
    assert_eq!((&big["frame"], &big["frames"]), (&json!(9), &json!([7, 8, 9])));
    let records = vector("H2_ooo.pcap");
    let whole = ["client CONNECT", "server CONNACK", "client PUBLISH one q0 1 B", "client PUBLISH two q0 1 B"];
    assert_eq!(told(&records), whole);
    assert_flawless(&records);
}

#[test]
fn the_same_capture_in_another_format_gives_the_same_records() {
    let without_source = |name: &str| {
        let mut records = vector(name);
        records[0].as_object_mut().unwrap().remove("source").unwrap();
        records
    };
    let plain = without_source("H_ooo.pcap");
    for name in ["H_ns.pcap", "H_ooo.pcapng", "H_ooo.pcap.gz", "H_ooo.pcap.zst"] {
        assert_eq!(without_source(name), plain, "{name}");
    }
}

#[test]
fn binary_data_stays_bytes() {
    let records = vector("I_corr.pcap");
    let publish = of(&records, "message")[2];
    assert_eq!(publish["properties"]["correlation_data"], json!({"base64": "AP/+AQ=="}));
    assert_eq!(publish["properties"]["response_topic"], "reply/to");
    assert_flawless(&records);
}

#[test]
fn mqtt_is_recognised_on_another_port() {
    let records = vector("J_port.pcap");
    assert_eq!(of(&records, "flow")[0]["server"]["port"], 18830);
    assert_eq!(told(&records), ["client CONNECT", "server CONNACK", "client PUBLISH a q0 1 B"]);
    assert_flawless(&records);
}

#[test]
fn a_packet_that_tcp_sent_again_is_told_once() {
    let records = vector("Q_rexmit_pdu.pcap");
    assert_eq!(told(&records), ["client CONNECT", "server CONNACK", "client PUBLISH 1 r q1 1 B", "server PUBACK 1"]);
    let flow = of(&records, "flow")[0];
    assert_eq!(flow["from_client"]["retransmissions"], 1);
    assert_flawless(&records);
}

/// Wireshark never shows the new message, and says "ACKed unseen segment".
#[test]
fn a_retransmission_that_carries_new_bytes_brings_their_message() {
    let records = vector("R_repack.pcap");
    let publishes: Vec<_> = told(&records).split_off(2);
    let expected = ["client PUBLISH aa q0 1 B", "client PUBLISH bb q0 1 B", "client PUBLISH cc q0 1 B"];
    assert_eq!(publishes, expected);
    let flow = of(&records, "flow")[0];
    assert_eq!(flow["from_client"]["retransmissions"], 1);
    assert_eq!(flow["from_client"]["missing_bytes"], 0);
    assert_eq!(flow["from_server"]["acks_of_unseen"], 0);
    assert_flawless(&records);
}

/// Wireshark loses the next message, though the length says where it begins.
#[test]
fn behind_a_hole_in_a_payload_the_next_packet_is_where_the_length_says() {
    let records = vector("S_gap.pcap");
    let messages = of(&records, "message");
    let publishes: Vec<_> = told(&records).split_off(2);
    assert_eq!(publishes, ["client PUBLISH g1 q0 3000 B", "client PUBLISH g2 q0 9 B", "client PUBLISH g3 q0 5 B"]);
    assert!(messages[2]["missing_bytes"].as_u64().is_some_and(|missing| missing > 0 && missing < 3000));
    assert_eq!(messages[2]["payload"]["clipped"], true);
    assert_eq!(messages[3]["payload"], json!({"length": 9, "text": "after-gap"}));
    assert_eq!(messages[3].get("resynced"), None, "it was not searched for");
    assert_eq!(of(&records, "flow")[0]["from_client"]["missing_bytes"], 1000);
}

/// The record without what depends on the number of frames and on the headers below IP.
fn above_the_link(mut record: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| !key.ends_with("frame") && !["flow", "frames", "bytes"].contains(&key.as_str()));
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut record);
    record
}

#[test]
fn link_types_tags_and_fragments_change_neither_flows_nor_messages() {
    let stripped = |name: &str| -> Vec<Value> {
        let records = vector(name).into_iter();
        let kept = records.filter(|record| ["message", "flow", "session"].iter().any(|kind| record["record"] == *kind));
        kept.map(above_the_link).collect()
    };
    let ethernet = stripped("L_qos2dup.pcap");
    assert_eq!(ethernet.len(), 8 + 1 + 1);
    for link in ["null", "raw", "sll", "sll2", "vlan", "qinq"] {
        assert_eq!(stripped(&format!("lt_{link}.pcap")), ethernet, "{link}");
    }
    // There are more packets in this one, each but the last of a datagram without a TCP segment.
    assert_eq!(stripped("lt_frag.pcap"), ethernet);
}

#[test]
fn a_file_that_is_cut_short_gives_what_was_there_and_exits_with_2() {
    let output = run(["read", "fixtures/vectors/trunc.pcap", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let records = common::lines(&output);
    assert_eq!(told(&records), ["client CONNECT", "server CONNACK"]);
    let summary = records.last().unwrap();
    assert_eq!((&summary["frames"], &summary["complete"]), (&json!(6), &json!(false)));
    assert_eq!(summary["problems"].as_array().unwrap().len(), 1);
    assert!(stderr(&output).contains("trunc.pcap: cut short in the middle of a record after 6 frames"), "{output:?}");
}
