//! A script played as TCP connections: the capture that it would give.
//!
//! ```text
//! connected              a client with a new session, and its CONNACK
//! > PUBLISH topic=a      the client sends this packet; < the server does
//! b> PINGREQ             the client of another connection does
//! lost > PUBLISH …       sent, and not in the capture
//! early > PUBLISH …      sent before the last segment of the other end had come
//! port 2883              the port of the servers of connections to come
//! joined                 no handshake of them is in the capture
//! > FIN, < RST           the end of a connection
//! wait 12                nothing happens for 12 seconds
//! ```

use std::collections::BTreeMap;

use mqttsniff::mqtt::Version;

use super::craft::{ACK, PSH, SYN, frame};
use super::encode::packet;
use super::pcap;

const FIN: u8 = 1;
const RST: u8 = 4;

/// How long after each other things happen.
const STEP_MS: u64 = 200;

struct Connection {
    port: u16,
    server: u16,
    next: [u32; 2],
    /// Where the last segment of each end began.
    last: [u32; 2],
}

struct Wire {
    out: Vec<u8>,
    count: u16,
    now_ms: u64,
    connections: BTreeMap<char, Connection>,
    server: u16,
    joined: bool,
}

/// The capture file of a script.
pub(crate) fn play(script: &[String], version: Version) -> Vec<u8> {
    let out = pcap::header(pcap::ETHERNET).to_vec();
    let mut wire = Wire { out, count: 0, now_ms: 0, connections: BTreeMap::new(), server: 1883, joined: false };
    for step in script {
        wire.step(step, version);
    }
    wire.out
}

impl Wire {
    fn step(&mut self, step: &str, version: Version) {
        if let Some(seconds) = step.strip_prefix("wait ") {
            self.now_ms += (seconds.parse::<f64>().expect(step) * 1000.0) as u64;
            return;
        }
        if let Some(port) = step.strip_prefix("port ") {
            self.server = port.parse().expect(step);
            return;
        }
        if step == "joined" {
            self.joined = true;
            return;
        }
        if let Some(name) = step.strip_suffix("connected") {
            let name = name.trim();
            let id = if name.is_empty() { "client" } else { name };
            self.step(&format!("{name}> CONNECT clean id={id}"), version);
            self.step(&format!("{name}< CONNACK"), version);
            return;
        }
        let (lost, step) = step.strip_prefix("lost ").map_or((false, step), |rest| (true, rest));
        let (early, step) = step.strip_prefix("early ").map_or((false, step), |rest| (true, rest));
        let at = step.find(['<', '>']).unwrap_or_else(|| panic!("neither > nor <: {step}"));
        let name = step[..at].chars().next().unwrap_or('a');
        let from = usize::from(step[at..].starts_with('<'));
        let words = step[at + 1..].trim();
        self.open(name);
        let connection = self.connections.get_mut(&name).expect("it is open");
        let known = connection.next[1 - from];
        if early {
            connection.next[1 - from] = connection.last[1 - from];
        }
        match words {
            "FIN" => self.segment(name, from, FIN | ACK, &[], lost),
            "RST" => self.segment(name, from, RST | ACK, &[], lost),
            _ => self.segment(name, from, PSH | ACK, &packet(words, version), lost),
        }
        self.connections.get_mut(&name).expect("it is open").next[1 - from] = known;
    }

    /// The handshake, where it was not made yet.
    fn open(&mut self, name: char) {
        if self.connections.contains_key(&name) {
            return;
        }
        let port = 40_000 + name as u16;
        let connection = Connection { port, server: self.server, next: [1000, 5000], last: [1000, 5000] };
        self.connections.insert(name, connection);
        if self.joined {
            return;
        }
        self.segment(name, 0, SYN, &[], false);
        self.segment(name, 1, SYN | ACK, &[], false);
        self.segment(name, 0, ACK, &[], false);
    }

    fn segment(&mut self, name: char, from: usize, flags: u8, payload: &[u8], lost: bool) {
        let connection = self.connections.get_mut(&name).expect("it is open");
        let ack = if flags & ACK == 0 { 0 } else { connection.next[1 - from] };
        let numbers = (connection.next[from], ack);
        connection.last[from] = connection.next[from];
        connection.next[from] += payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        let frame = frame(from, [connection.port, connection.server], numbers, flags, self.count, payload);
        self.count += 1;
        self.now_ms += STEP_MS;
        if lost {
            return;
        }
        self.out.extend(pcap::record(self.now_ms * 1000, frame.len(), frame.len()));
        self.out.extend(frame);
    }
}
