//! TCP as the two kernels recorded it: the states that both ends went through, what was sent again, and why.
//!
//! The truth of each capture was written beside it while it was made: socket state changes and retransmissions are the
//! kernels' own trace points.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeMap;

use common::{fixtures, of, records};
use serde_json::Value;

/// Ends whose states no capture at this place can show, with what is said of them and why it is less.
const BEYOND_THE_CAPTURE: [(&str, &str, &str); 14] = [
    ("cut_file", "client", "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2"), // the last FIN is cut off
    ("cut_file", "server", "LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK"),
    ("fin_blackhole", "client", "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1"), // it gave up without a segment
    ("keepalive_dead", "server", "LISTEN SYN_RECEIVED ESTABLISHED CLOSED"), // the RST never reached it
    ("midstream", "client", "UNKNOWN ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"),
    ("midstream", "server", "UNKNOWN ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED"),
    ("one_way_down", "client", "CLOSED SYN_SENT ESTABLISHED"), // a FIN that only a number could tell of
    ("one_way_down", "server", "LISTEN SYN_RECEIVED ESTABLISHED FIN_WAIT_1"),
    ("one_way_up", "client", "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1"),
    ("one_way_up", "server", "LISTEN SYN_RECEIVED ESTABLISHED"),
    // The next connection on its ports ends TIME-WAIT; the kernel's trace has no event for that.
    ("port_reuse", "server", "LISTEN SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED"),
    ("silent_end", "client", "CLOSED SYN_SENT ESTABLISHED"), // both hosts vanished without a word
    ("silent_end", "server", "LISTEN SYN_RECEIVED ESTABLISHED"),
    ("user_timeout", "client", "CLOSED SYN_SENT ESTABLISHED"), // it gave up without a segment
];

/// A connection of the truth with the record of it.
struct Pair {
    scenario: String,
    truth: Value,
    flow: Value,
    packets: BTreeMap<u64, Value>,
    /// The truth's client is our server, and the other way round.
    turned: bool,
}

/// All connections of all fixtures that have a truth.
fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut truths: Vec<_> = std::fs::read_dir(fixtures().join("lab"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".truth.json"))
        .collect();
    truths.sort();
    assert!(truths.len() > 50, "the truths are there");
    for path in truths {
        let truth: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let scenario = truth["scenario"].as_str().unwrap().to_owned();
        let capture = path.with_file_name(format!("{scenario}.pcap"));
        let all = records(&capture, &[]);
        let mut flows: Vec<_> =
            of(&all, "flow").into_iter().filter(|flow| flow["protocol"] == "tcp").cloned().collect();
        for connection in truth["flows"].as_array().unwrap() {
            let ends = |role: &str| (connection[role]["ip"].clone(), connection[role]["port"].clone());
            let is = |flow: &Value, a: &str, b: &str| {
                let end = |role: &str| (flow[role]["address"].clone(), flow[role]["port"].clone());
                (end("client"), end("server")) == (ends(a), ends(b))
            };
            // Connections that used the same ports are in the order of time in both.
            let at = flows.iter().position(|flow| is(flow, "client", "server") || is(flow, "server", "client"));
            let Some(at) = at else { continue };
            let flow = flows.remove(at);
            let packets = of(&all, "packet")
                .into_iter()
                .filter(|packet| packet["flow"] == flow["flow"])
                .map(|packet| (packet["frame"].as_u64().unwrap(), packet.clone()))
                .collect();
            let turned = is(&flow, "server", "client") && !is(&flow, "client", "server");
            pairs.push(Pair { scenario: scenario.clone(), truth: connection.clone(), flow, packets, turned });
        }
    }
    pairs
}

impl Pair {
    fn role(&self, role: &str) -> &'static str {
        match (role, self.turned) {
            ("client", false) | ("server", true) => "client",
            _ => "server",
        }
    }

    /// The states of an end by our record.
    fn states(&self, role: &str) -> String {
        let steps = self.flow["transitions"].as_array().unwrap().iter();
        let steps: Vec<_> = steps.filter(|step| step["endpoint"] == self.role(role)).collect();
        let first = steps.first().map(|step| step["from"].as_str().unwrap());
        first.into_iter().chain(steps.iter().map(|step| step["to"].as_str().unwrap())).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn both_ends_go_through_the_states_that_their_kernels_recorded() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for pair in pairs() {
        for role in ["client", "server"] {
            let kernel: Vec<_> = pair.truth["states"][role].as_array().unwrap().iter().collect();
            let kernel: Vec<_> = kernel.iter().map(|state| state["state"].as_str().unwrap()).collect();
            // Linux' short name; and where nobody listened there never was an end.
            let kernel = kernel.join(" ").replace("SYN_RCVD", "SYN_RECEIVED");
            let kernel = if kernel.is_empty() { "UNKNOWN CLOSED".to_owned() } else { kernel };
            let excused = BEYOND_THE_CAPTURE.iter().find(|(name, end, _)| *name == pair.scenario && *end == role);
            let ours = pair.states(role);
            asked += 1;
            if ours != kernel && excused.is_none_or(|(.., states)| *states != ours) {
                wrong.push(format!("{} {role}: kernel {kernel}; here {ours}", pair.scenario));
            }
        }
    }
    assert!(asked > 150, "{asked} ends");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_was_sent_again_is_counted_as_the_kernel_did() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for pair in pairs() {
        for (direction, sender) in [("client_to_server", "client"), ("server_to_client", "server")] {
            let kernel = pair.truth["directions"][direction]["retransmits_recognizable"].as_u64().unwrap();
            let ours = pair.flow[format!("from_{}", pair.role(sender))]["retransmissions"].as_u64().unwrap();
            asked += 1;
            if kernel != ours {
                wrong.push(format!("{} {direction}: kernel {kernel}, here {ours}", pair.scenario));
            }
        }
    }
    assert!(asked > 150, "{asked} directions");
    // A segment may come as the newest data first and turn out to be a repetition when its original comes late,
    // packed differently: one in a hundred directions may be off.
    assert!(wrong.len() * 100 <= asked, "{}", wrong.join("\n"));
}

#[test]
fn the_reason_of_a_retransmission_agrees_with_the_kernels_event() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for pair in pairs() {
        for direction in ["client_to_server", "server_to_client"] {
            for event in pair.truth["directions"][direction]["retransmits"].as_array().unwrap() {
                let kernel = match event["kind"].as_str().unwrap() {
                    "syn" | "synack" => "handshake",
                    "rto" => "timeout",
                    "tlp" => "tail_loss_probe",
                    "pmtu or rto" => "path_mtu",
                    other => other,
                };
                let frame = event["packet"].as_array().and_then(|frames| frames.first()).and_then(Value::as_u64);
                let packet = frame.and_then(|frame| pair.packets.get(&frame));
                // Where the capture lacks the first copy, it can't know that this is the second.
                let Some(packet) = packet.filter(|packet| packet["tcp"]["retransmission"].is_object()) else {
                    continue;
                };
                let ours = &packet["tcp"]["retransmission"]["kind"];
                asked += 1;
                if ours != kernel {
                    wrong.push(format!("{} frame {}: kernel {kernel}, here {ours}", pair.scenario, packet["frame"]));
                }
            }
        }
    }
    assert!(asked > 60, "{asked} retransmissions");
    assert!(wrong.len() * 20 <= asked, "{} of {asked}\n{}", wrong.len(), wrong.join("\n"));
}
