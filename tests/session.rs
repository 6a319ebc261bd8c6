//! Sessions across connections, deliveries and messages through the broker, against what the endpoints logged.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::{fixtures, of, records};
use serde_json::{Value, json};

fn lab(name: &str) -> Vec<Value> {
    records(&fixtures().join("lab").join(format!("{name}.pcap")), &[])
}

/// The sessions of a client, in the order of their connections.
fn sessions<'a>(records: &'a [Value], client: &str) -> Vec<&'a Value> {
    let mut found: Vec<_> =
        of(records, "session").into_iter().filter(|session| session["client_id"] == client).collect();
    found.sort_by_key(|session| session["flow"].as_u64());
    found
}

fn deliveries<'a>(records: &'a [Value], from: &str) -> Vec<&'a Value> {
    let mut found: Vec<_> = of(records, "delivery").into_iter().filter(|delivery| delivery["from"] == from).collect();
    found.sort_by_key(|delivery| delivery["frame"].as_u64());
    found
}

fn findings(records: &[Value]) -> Vec<(&str, &str)> {
    let of = of(records, "finding").into_iter();
    of.map(|finding| (finding["id"].as_str().unwrap(), finding["clause"].as_str().unwrap_or_default())).collect()
}

/// A connection of the log of the endpoints, with the flow that it is.
struct Logged {
    scenario: String,
    vantage: String,
    connection: Value,
    flow: u64,
}

/// Packets of a kind that the endpoint sent or got.
fn packets<'a>(logged: &'a Logged, direction: &str, kinds: &[&str]) -> Vec<&'a Value> {
    let all = logged.connection["packets"].as_array().unwrap().iter();
    all.filter(|packet| packet["dir"] == direction && kinds.iter().any(|kind| packet["type"] == *kind)).collect()
}

/// Scenarios in which the capture lacks some of what the endpoints did.
const CAPTURE_LACKS: [&str; 5] = ["one_way_down", "snaplen", "midstream", "cut_file", "incomplete_packet"];

/// All connections of clients in all fixtures, with the records of each fixture.
fn all_logged() -> Vec<(Vec<Value>, Vec<Logged>)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(fixtures().join("lab"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".truth.json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| logged(path)).filter(|(_, logged)| !logged.is_empty()).collect()
}

fn logged(path: &Path) -> (Vec<Value>, Vec<Logged>) {
    let truth: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let scenario = truth["scenario"].as_str().unwrap().to_owned();
    if CAPTURE_LACKS.contains(&scenario.as_str()) {
        return (Vec::new(), Vec::new());
    }
    let records = lab(&scenario);
    let mut flows: Vec<_> = of(&records, "flow").into_iter().filter(|flow| flow["application"] == "mqtt").collect();
    flows.sort_by_key(|flow| flow["flow"].as_u64());
    let mut found = Vec::new();
    for connection in truth["mqtt"]["connections"].as_array().into_iter().flatten() {
        let port = &connection["local"][1];
        if connection["role"] != "client" || connection["transport"] != "tcp" {
            continue;
        }
        let Some(at) = flows.iter().position(|flow| flow["client"]["port"] == *port) else { continue };
        let flow = flows.remove(at)["flow"].as_u64().unwrap();
        let vantage = truth["vantage"].as_str().unwrap().to_owned();
        found.push(Logged { scenario: scenario.clone(), vantage, connection: connection.clone(), flow });
    }
    (records, found)
}

#[test]
fn each_session_ends_as_its_client_logged() {
    let mut checked = 0;
    for (records, connections) in all_logged() {
        let sessions: BTreeMap<_, _> =
            of(&records, "session").into_iter().map(|session| (session["flow"].as_u64().unwrap(), session)).collect();
        for logged in &connections {
            let Some(session) = sessions.get(&logged.flow) else { continue };
            let said_by_client = packets(logged, "tx", &["DISCONNECT"]);
            let said_by_server = packets(logged, "rx", &["DISCONNECT"]);
            let refused = packets(logged, "rx", &["CONNACK"]).iter().any(|connack| connack["reason"] != 0);
            let expected = if !said_by_server.is_empty() && said_by_client.is_empty() {
                ("disconnect", "server")
            } else if !said_by_client.is_empty() {
                ("disconnect", "client")
            } else if refused {
                ("refused", "server")
            } else if logged.connection["closed"]["how"] == "EOF" {
                ("fin", "server")
            } else {
                continue;
            };
            let ended = &session["ended"];
            let told = (ended["kind"].as_str().unwrap(), ended["by"].as_str().unwrap_or_default());
            assert_eq!(told, expected, "{} {}", logged.scenario, logged.connection["name"]);
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn each_exchange_is_complete_where_both_ends_say_so() {
    let mut checked = 0;
    for (records, connections) in all_logged() {
        for logged in &connections {
            for (direction, back, from) in [("tx", "rx", "client"), ("rx", "tx", "server")] {
                // What passed the capture and never reached the program is in no log of the client.
                if from == "server" && logged.vantage != "client" {
                    continue;
                }
                let finals = ["PUBACK", "PUBCOMP"];
                let expected = packets(logged, back, &finals).len();
                let told = deliveries(&records, from)
                    .into_iter()
                    .filter(|delivery| ["complete", "refused"].iter().any(|outcome| delivery["outcome"] == *outcome))
                    .flat_map(|delivery| delivery["steps"].as_array().unwrap())
                    .filter(|step| step["flow"] == logged.flow && finals.iter().any(|kind| step["type"] == *kind))
                    .count();
                let context = format!("{} {} {direction}", logged.scenario, logged.connection["name"]);
                assert_eq!(told, expected, "{context}");
                checked += told;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn each_message_is_put_down_to_the_client_that_published_it() {
    let mut checked = 0;
    for (records, connections) in all_logged() {
        let of_client = |logged: &Logged| {
            let session = of(&records, "session").into_iter().find(|session| session["flow"] == logged.flow);
            session.map(|session| session["client_id"].clone())
        };
        let mut publishers: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for logged in &connections {
            for publish in packets(logged, "tx", &["PUBLISH"]) {
                let key = (publish["topic"].to_string(), publish["payload_len"].to_string());
                publishers.entry(key).or_default().insert(of_client(logged).unwrap_or_default().to_string());
            }
        }
        for logged in &connections {
            let got: Vec<_> = packets(logged, "rx", &["PUBLISH"]);
            let told: Vec<_> =
                deliveries(&records, "server").into_iter().filter(|delivery| delivery["flow"] == logged.flow).collect();
            if got.len() != told.len() {
                continue;
            }
            for (publish, delivery) in got.iter().zip(told) {
                let key = (publish["topic"].to_string(), publish["payload_len"].to_string());
                let Some(expected) = publishers.get(&key) else {
                    continue;
                };
                let by = delivery["published"]["client_id"].to_string();
                assert!(expected.contains(&by), "{} {delivery}\n{expected:?}", logged.scenario);
                assert!(delivery["published"]["after_s"].as_f64().unwrap() >= 0.0, "{delivery}");
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn a_resend_after_a_reconnect_is_one_delivery_and_no_fault() {
    let records = lab("redelivery");
    let down = deliveries(&records, "server");
    assert_eq!(down.len(), 4);
    for delivery in down {
        assert_eq!(delivery["outcome"], "complete", "{delivery}");
        assert_eq!(delivery["resends"], 1);
        assert_eq!(delivery["resent"][0]["dup"], true);
        assert_ne!(delivery["resent"][0]["flow"], delivery["flow"], "it was sent again on the next connection");
        assert_eq!(delivery.get("faults"), None);
    }
    assert_eq!(findings(&records), []);
    let stay = sessions(&records, "stay");
    assert_eq!((&stay[0]["deliveries"]["open"], &stay[1]["deliveries"]["open"]), (&json!(4), &json!(0)));
    assert_eq!((&stay[1]["previous_flow"], &stay[1]["resumes"]), (&stay[0]["flow"], &json!(true)));
    // TCP sent nothing again: the resends are MQTT's.
    for flow in of(&records, "flow") {
        assert_eq!(flow["from_server"]["retransmissions"], 0);
    }
}

#[test]
fn an_exchange_of_qos_2_over_two_connections_is_delivered_once() {
    let records = lab("qos2_interrupted");
    let (up, down) = (deliveries(&records, "client"), deliveries(&records, "server"));
    assert_eq!((up.len(), down.len()), (1, 1));
    assert_eq!(up[0]["outcome"], "complete");
    let flows: Vec<_> = up[0]["steps"].as_array().unwrap().iter().map(|step| step["flow"].clone()).collect();
    assert_eq!(flows, [json!(10), json!(23), json!(23)], "PUBREC on the first connection, the rest on the second");
    assert_eq!(up[0]["receivers"].as_array().unwrap().len(), 1);
    assert_eq!(up[0]["receivers"][0]["copies"], 1);
    assert_eq!(down[0]["published"]["frame"], up[0]["frame"]);
}

#[test]
fn messages_for_a_client_that_is_away_are_queued() {
    let records = lab("persistent_session");
    let queued: Vec<_> = deliveries(&records, "client")
        .into_iter()
        .filter(|delivery| delivery["receivers"].as_array().is_some_and(|got| !got.is_empty()))
        .collect();
    assert!(!queued.is_empty());
    let away: Vec<_> = of(&records, "session").into_iter().filter(|session| session["resumes"] == true).collect();
    assert_eq!(away.len(), 1, "one connection goes on with a session");
    assert_eq!(away[0]["connack"]["session_present"], true);
    assert_eq!(away[0]["session_never_expires"], true);
}

#[test]
fn a_connection_that_is_taken_over_names_the_one_that_took_it() {
    for (name, certainty, kind) in [
        ("takeover_311", "likely", "fin"),
        ("v5_takeover", "likely", "fin"),
        ("v5_takeover_8e", "certain", "disconnect"),
    ] {
        let records = lab(name);
        let old = of(&records, "session").into_iter().find(|session| session.get("taken_over_by").is_some()).unwrap();
        let cause = &old["ended"]["cause"];
        assert_eq!((&cause["kind"], &cause["certainty"]), (&json!("taken_over"), &json!(certainty)), "{name}");
        assert_eq!((&old["ended"]["kind"], &old["ended"]["by"]), (&json!(kind), &json!("server")), "{name}");
        assert_eq!(cause["flow"], old["taken_over_by"]["flow"]);
        let new = of(&records, "session").into_iter().find(|session| session["flow"] == cause["flow"]).unwrap();
        assert_eq!((&new["client_id"], &new["previous_flow"]), (&old["client_id"], &old["flow"]), "{name}");
    }
}

/// Only the server's segments were captured; the client may have closed first, and acknowledged everything.
#[test]
fn one_direction_alone_does_not_say_who_closed_or_what_was_delivered() {
    let records = lab("one_way_down");
    let sessions = of(&records, "session");
    assert!(!sessions.is_empty());
    for session in sessions {
        assert_eq!((&session["ended"]["kind"], &session["ended"]["by"]), (&json!("fin"), &Value::Null), "{session}");
    }
    let deliveries: Vec<_> =
        of(&records, "delivery").into_iter().filter(|delivery| delivery["qos"] != json!(0)).collect();
    assert!(!deliveries.is_empty());
    for delivery in deliveries {
        assert_eq!(delivery["outcome"], "unresolved", "{delivery}");
    }
}

#[test]
fn a_will_is_followed_to_its_subscriber() {
    let records = lab("v5_will_delay");
    let will = |client: &str| sessions(&records, client)[0]["will"].clone();
    let (a, b) = (will("a5"), will("b5"));
    assert_eq!((&a["fate"], &a["delay_s"]), (&json!("published"), &json!(1)));
    assert_eq!(a["published"][0]["client_id"], "sub5");
    assert_eq!(b["fate"], "published", "DISCONNECT 0x04 asks for it");
    let down = deliveries(&records, "server");
    let of_a = down.iter().find(|delivery| delivery["topic"] == a["topic"]).unwrap();
    assert_eq!((&of_a["published"]["as"], &of_a["published"]["client_id"]), (&json!("will"), &json!("a5")));
    assert_eq!(of_a["published"]["frame"], sessions(&records, "a5")[0]["connected"]["frame"]);
}

#[test]
fn retained_messages_are_told_from_live_ones() {
    let records = lab("retained");
    let kinds: Vec<_> = deliveries(&records, "server")
        .iter()
        .map(|delivery| (delivery["client_id"].clone(), delivery["published"]["as"].clone()))
        .collect();
    let expected =
        [("early", "retained"), ("early", "message"), ("late", "retained"), ("early", "message"), ("late", "message")];
    assert_eq!(kinds, expected.map(|(client, kind)| (json!(client), json!(kind))));
    let topics = of(&records, "topic");
    assert_eq!(topics.len(), 1);
    assert_eq!(topics[0]["published"], 3);
    assert_eq!(topics[0]["retained"], 3);
    assert_eq!(topics[0]["received"], 5);
    assert_eq!(topics[0]["received_retained"], 2);
    assert_eq!(topics[0]["latency_s"]["samples"], 3, "what was retained says nothing about the broker's speed");
}

#[test]
fn a_receive_maximum_that_is_exceeded_is_told() {
    // The broker of this capture, mosquitto 2.0.11, sends two messages for each acknowledgement.
    let records = lab("v5_flow_control");
    let sub = sessions(&records, "sub5")[0];
    assert_eq!(sub["from_server"]["allowed"]["receive_maximum"], 2);
    assert_eq!(sub["from_server"]["deliveries"]["most_open"], 4);
    let told = findings(&records);
    assert_eq!(told, vec![("mqtt.receive-maximum-exceeded", "MQTT-3.3.4-9"); 3]);
}

#[test]
fn the_cause_of_a_close_is_the_packet_that_broke_the_protocol() {
    let records = lab("malformed");
    let closed: Vec<_> =
        of(&records, "session").into_iter().filter(|session| session["ended"]["by"] == "server").collect();
    assert!(closed.len() >= 8, "{}", closed.len());
    for session in closed {
        assert_eq!(session["ended"]["cause"]["kind"], "protocol_error", "{session}");
    }
}

#[test]
fn a_server_assigned_identifier_names_the_session_from_then_on() {
    let records = lab("v5_assigned_id");
    let assigned: Vec<_> =
        of(&records, "session").into_iter().filter(|session| session["client_id_assigned"] == true).collect();
    assert_eq!(assigned.len(), 1);
    assert!(!assigned[0]["client_id"].as_str().unwrap().is_empty());
    let of_it: Vec<_> = of(&records, "delivery")
        .into_iter()
        .filter(|delivery| delivery["flow"] == assigned[0]["flow"])
        .map(|delivery| delivery["client_id"].clone())
        .collect();
    assert!(of_it.iter().all(|id| *id == assigned[0]["client_id"]), "{of_it:?}");
}

#[test]
fn each_violation_of_the_order_of_packets_has_its_clause() {
    let records = records(&fixtures().join("vectors/K_viol.pcap"), &[]);
    let mut told: Vec<_> = findings(&records);
    told.sort_unstable();
    let expected = [
        ("mqtt.after-refusal", "MQTT-3.1.4-5"),
        ("mqtt.fixed-flags", "MQTT-2.2.2-1"),
        ("mqtt.fixed-flags", "MQTT-2.2.2-1"),
        ("mqtt.invalid-utf-8", "MQTT-1.5.3-1"),
        ("mqtt.malformed-length", "MALFORMED-REMAINING-LENGTH"),
        ("mqtt.no-connect-first", "MQTT-3.1.0-1"),
        ("mqtt.packet-type-reserved", "MALFORMED-PACKET-TYPE"),
        ("mqtt.publish-qos-3", "MQTT-3.3.1-4"),
        ("mqtt.second-connect", "MQTT-3.1.0-2"),
        ("mqtt.topic-wildcard", "MQTT-3.3.2-2"),
        ("mqtt.unsolicited", "MQTT-2.3.1-6"),
        ("mqtt.unsolicited", "MQTT-2.3.1-6"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_message_that_is_sent_again_after_its_end_and_a_silence_are_told() {
    let records = records(&fixtures().join("vectors/L_qos2dup.pcap"), &[]);
    let told: Vec<_> = of(&records, "finding")
        .into_iter()
        .map(|finding| (finding["id"].as_str().unwrap(), finding["frames"].clone()))
        .collect();
    let expected = [
        ("mqtt.resent-after-completion", json!([6, 9, 10])),
        ("mqtt.keep-alive-exceeded", json!([10, 11])),
        ("mqtt.keep-alive-not-enforced", json!([10, 11])),
    ];
    assert_eq!(told, expected);
    let again = deliveries(&records, "client")[1];
    assert_eq!(again["faults"], json!(["resent_after_completion"]));
}
