//! The messages that are found in captures are those that the endpoints logged, packet by packet.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeMap;
use std::fmt;

use common::{fixtures, of, records};
use serde_json::Value;

/// A control packet in the words that the truth and the output have in common.
#[derive(PartialEq)]
struct Line(Vec<(&'static str, Value)>);

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| write!(f, "{name} {value}  "))
    }
}

/// A field by its name in the truth, and by its place in the output.
const FIELDS: [(&str, &str); 15] = [
    ("type", "/type"),
    ("size", "/length"),
    ("mid", "/packet_id"),
    ("qos", "/qos"),
    ("dup", "/dup"),
    ("retain", "/retain"),
    ("topic", "/topic"),
    ("payload_len", "/payload/length"),
    ("client_id", "/client_id"),
    ("clean", "/clean_start"),
    ("keepalive", "/keep_alive_s"),
    ("username", "/username"),
    ("session_present", "/session_present"),
    ("reason", "/reason_code"),
    ("reasons", "/reason_codes"),
];

fn line<'a>(field: impl Fn(usize) -> Option<&'a Value>) -> Line {
    let fields = FIELDS.iter().enumerate();
    Line(fields.filter_map(|(at, (name, _))| Some((*name, field(at)?.clone()))).collect())
}

fn of_truth(packet: &Value) -> Line {
    line(|at| packet.get(FIELDS[at].0))
}

fn of_output(message: &Value) -> Line {
    line(|at| message.pointer(FIELDS[at].1))
}

/// The two ends of a connection as a key: the client, then the server.
fn ends(client: &Value, server: &Value) -> String {
    let end = |value: &Value| match value {
        Value::Array(pair) => (pair[0].clone(), pair[1].clone()),
        other => (other["address"].clone(), other["port"].clone()),
    };
    format!("{:?} {:?}", end(client), end(server))
}

/// What was sent on the connections of a capture, by their two ends: the client's packets, then the server's.
#[derive(Default)]
struct Lists(BTreeMap<String, Vec<[Vec<Line>; 2]>>);

/// What the endpoints of a capture logged.
fn truth(name: &str) -> Value {
    let path = fixtures().join("lab").join(format!("{name}.truth.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl Lists {
    /// What the log of one kind of end says, connection by connection in the order of time.
    fn of_truth(truth: &Value, role: &str) -> Self {
        let mut connections: Vec<_> = truth["mqtt"]["connections"].as_array().unwrap().iter().collect();
        connections.retain(|connection| connection["role"] == role && connection["transport"] == "tcp");
        // A connection within one host passes no point of capture.
        connections.retain(|connection| connection.get("flow").is_some());
        connections.sort_by(|a, b| a["opened"].as_f64().unwrap().total_cmp(&b["opened"].as_f64().unwrap()));
        let mut lists = Self::default();
        for connection in connections {
            let packets = connection["packets"].as_array().unwrap();
            let list = |direction| packets.iter().filter(|packet| packet["dir"] == direction).map(of_truth).collect();
            let (local, remote) = (&connection["local"], &connection["remote"]);
            let (key, value) = match role {
                "client" => (ends(local, remote), [list("tx"), list("rx")]),
                _ => (ends(remote, local), [list("rx"), list("tx")]),
            };
            lists.0.entry(key).or_default().push(value);
        }
        lists
    }

    /// What is found in the capture, flow by flow in the order of time.
    fn of_output(records: &[Value]) -> Self {
        let mut lists = Self::default();
        let mut flows = of(records, "flow");
        flows.sort_by_key(|flow| flow["flow"].as_u64());
        for flow in flows {
            let messages = of(records, "message").into_iter().filter(|message| message["flow"] == flow["flow"]);
            let messages: Vec<_> = messages.collect();
            let list = |from| messages.iter().filter(|message| message["from"] == from).map(|m| of_output(m)).collect();
            let key = ends(&flow["client"], &flow["server"]);
            lists.0.entry(key).or_default().push([list("client"), list("server")]);
        }
        lists
    }
}

/// Compares all connections of a capture and tells how many packets were the same, and how many more were found
/// at the end of what an end received: packets that reached its kernel when the program did not read any more.
fn compare(name: &str) -> (usize, usize) {
    let truth = truth(name);
    let output = Lists::of_output(&records(&fixtures().join("lab").join(format!("{name}.pcap")), &[]));
    let (mut same, mut unread) = (0, 0);
    for role in ["client", "broker"] {
        for (ends, connections) in Lists::of_truth(&truth, role).0 {
            let flows = output.0.get(&ends).unwrap_or_else(|| panic!("{name}: no flow between {ends}"));
            assert_eq!(flows.len(), connections.len(), "{name}: connections between {ends}");
            for (connection, flow) in connections.iter().zip(flows) {
                for (sender, (logged, found)) in ["client", "broker"].iter().zip(connection.iter().zip(flow)) {
                    let received = *sender != role;
                    let read = if received { logged.len().min(found.len()) } else { found.len() };
                    let found_read = &found[..read];
                    assert_eq!(
                        found_read, logged,
                        "{name}: {sender} of {ends}, found on the left, logged on the right"
                    );
                    same += read;
                    unread += found.len() - read;
                }
            }
        }
    }
    (same, unread)
}

/// A test for each capture, with the number of packets in its logs.
macro_rules! captures {
    ($($name:ident $packets:literal $(, $unread:literal unread)?;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(compare(stringify!($name)), ($packets, 0 $(+ $unread)?));
        })*
    };
}

/// The captures of the laboratory.
mod lab {
    use super::compare;

    captures! {
        bridge 13;
        byte_writer 11;
        coalesced 188;
        mqtt311_qos 52;
        mqtt31_qos 52;
        mqtt5_qos 52;
        odd_topics 21;
        other_port 9;
        paho 50;
        persistent_session 35;
        ping 13;
        qos2_interrupted 18;
        redelivery 38;
        retained 32, 1 unread;
        subscriptions 19;
        takeover_311 9;
        v5_assigned_id 5;
        v5_auth 18;
        v5_flow_control 32;
        v5_properties 20;
        v5_reason_codes 13;
        v5_request_response 34;
        v5_server_sends 14;
        v5_session 35;
        v5_subscribe_options 60;
        v5_takeover 5;
        v5_takeover_8e 12;
        v5_topic_alias 28;
        v5_will_delay 13;
        // Loss, disorder, copies, tags and link types change nothing.
        mqtt_loss_5 248;
        mqtt_mess 188;
        ipv6 94;
        vlan 38;
        qinq 38;
        any_sll 24;
        any_sll2 24;
        formats 24;
        bad_credentials 18;
    }
}
