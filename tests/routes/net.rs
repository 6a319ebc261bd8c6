//! Clients and brokers made by hand: several connections, interleaved in time, and packets of each version.

use crate::common::craft::{ACK, PSH, SYN, frame, packet, text};
use crate::common::{of, pcap, records};
use serde_json::Value;

const FIN: u8 = 1;
const RST: u8 = 4;

/// The frames of all connections, in the order of time; each takes a millisecond.
#[derive(Default)]
pub(crate) struct Net {
    frames: Vec<(u64, Vec<u8>)>,
    now: u64,
    flows: Vec<([u16; 2], [u32; 2])>,
}

impl Net {
    /// A connection to the usual port, after its handshake.
    pub(crate) fn open(&mut self) -> usize {
        self.open_to(1883)
    }

    pub(crate) fn open_to(&mut self, port: u16) -> usize {
        let flow = self.joined(port);
        for (from, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            self.segment(flow, from, flags, &[]);
        }
        flow
    }

    /// A connection of which the SYN of this end is not in the capture.
    pub(crate) fn open_without_syn(&mut self, end: usize) -> usize {
        let flow = self.joined(1883);
        for (from, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            self.segment(flow, from, flags, &[]);
            if from == end && flags & SYN != 0 {
                self.lost();
            }
        }
        flow
    }

    /// A connection whose beginning is not in the capture.
    pub(crate) fn joined(&mut self, port: u16) -> usize {
        self.flows.push(([40_000 + self.flows.len() as u16, port], [1000, 5000]));
        self.flows.len() - 1
    }

    /// A client that connects and is let in with these packets.
    pub(crate) fn client(&mut self, connect: &[u8], connack: &[u8]) -> usize {
        let flow = self.open();
        self.up(flow, connect);
        self.down(flow, connack);
        flow
    }

    pub(crate) fn up(&mut self, flow: usize, bytes: &[u8]) {
        self.segment(flow, 0, PSH | ACK, bytes);
    }

    pub(crate) fn down(&mut self, flow: usize, bytes: &[u8]) {
        self.segment(flow, 1, PSH | ACK, bytes);
    }

    /// The last segment was sent, and is not in the capture.
    pub(crate) fn lost(&mut self) {
        self.frames.pop();
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.now += millis;
    }

    /// An end closes, and the other after it.
    pub(crate) fn close(&mut self, flow: usize, by: usize) {
        self.segment(flow, by, FIN | ACK, &[]);
        self.segment(flow, 1 - by, FIN | ACK, &[]);
        self.segment(flow, by, ACK, &[]);
    }

    pub(crate) fn reset(&mut self, flow: usize, by: usize) {
        self.segment(flow, by, RST | ACK, &[]);
    }

    fn segment(&mut self, flow: usize, from: usize, flags: u8, payload: &[u8]) {
        let (ports, next) = &mut self.flows[flow];
        let ack = if flags & ACK == 0 { 0 } else { next[1 - from] };
        self.frames.push((self.now, frame(from, *ports, (next[from], ack), flags, self.frames.len() as u16, payload)));
        next[from] += payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.now += 1;
    }

    /// What the program tells of it.
    pub(crate) fn told(&self) -> Told {
        let frames = self.frames.iter().map(|(millis, frame)| (millis * 1000, frame));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("net.pcap");
        std::fs::write(&path, pcap::file(pcap::ETHERNET, frames)).unwrap();
        Told(records(&path, &[]))
    }
}

/// The records of a capture.
pub(crate) struct Told(Vec<Value>);

impl Told {
    /// Findings about MQTT that are more than a hint, by name.
    pub(crate) fn findings(&self) -> Vec<&str> {
        self.found(|certainty| certainty != "hint")
    }

    pub(crate) fn hints(&self) -> Vec<&str> {
        self.found(|certainty| certainty == "hint")
    }

    fn found(&self, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let all = of(&self.0, "finding").into_iter();
        let all = all.filter(|finding| wanted(finding["certainty"].as_str().unwrap()));
        all.filter_map(|finding| finding["id"].as_str().unwrap().strip_prefix("mqtt.")).collect()
    }

    pub(crate) fn finding(&self, id: &str) -> &Value {
        let id = format!("mqtt.{id}");
        of(&self.0, "finding").into_iter().find(|finding| finding["id"] == id).unwrap()
    }

    /// Deliveries from an end, in the order of their first sending.
    pub(crate) fn deliveries(&self, from: &str) -> Vec<&Value> {
        let mut all: Vec<_> = of(&self.0, "delivery").into_iter().filter(|delivery| delivery["from"] == from).collect();
        all.sort_by_key(|delivery| delivery["frame"].as_u64());
        all
    }

    /// The outcome and the number of resends of the deliveries from an end.
    pub(crate) fn outcomes(&self, from: &str) -> Vec<(&str, u64)> {
        let all = self.deliveries(from).into_iter();
        all.map(|delivery| (delivery["outcome"].as_str().unwrap(), delivery["resends"].as_u64().unwrap())).collect()
    }

    /// What the deliveries to clients are: to whom, as what, by whom, which copy.
    pub(crate) fn received(&self) -> Vec<(&str, &str, &str, u64)> {
        let all = self.deliveries("server").into_iter();
        all.map(|delivery| {
            let published = &delivery["published"];
            (
                delivery["client_id"].as_str().unwrap_or("?"),
                published["as"].as_str().unwrap_or("?"),
                published["client_id"].as_str().unwrap_or("?"),
                published["copy"].as_u64().unwrap_or(0),
            )
        })
        .collect()
    }

    /// Who did not get the messages of the clients, and why.
    pub(crate) fn missed(&self) -> Vec<(&str, &str, &str)> {
        let all = self.deliveries("client").into_iter();
        all.flat_map(|delivery| delivery["missed"].as_array().map_or(&[][..], Vec::as_slice))
            .map(|missed| {
                let text = |name: &str| missed[name].as_str().unwrap_or("?");
                (text("client_id"), text("why"), text("certainty"))
            })
            .collect()
    }

    /// The sessions in the order of their connections.
    pub(crate) fn sessions(&self) -> Vec<&Value> {
        let mut all = of(&self.0, "session");
        all.sort_by_key(|session| session["flow"].as_u64());
        all
    }

    pub(crate) fn topic(&self, name: &str) -> &Value {
        of(&self.0, "topic").into_iter().find(|topic| topic["topic"] == name).unwrap()
    }

    /// The fates of all wills, in the order of their connections.
    pub(crate) fn fates(&self) -> Vec<&str> {
        let all = self.sessions().into_iter();
        all.filter_map(|session| session["will"]["fate"].as_str()).collect()
    }
}

/// The versions: 3.1, 3.1.1 and 5.0.
pub(crate) const VERSIONS: [u8; 3] = [3, 4, 5];

/// The property block of 5.0, nothing before.
fn block(version: u8, properties: &[u8]) -> Vec<u8> {
    if version < 5 { Vec::new() } else { [&[properties.len() as u8], properties].concat() }
}

/// Properties of four bytes: session expiry.
pub(crate) fn expiry(seconds: u32) -> Vec<u8> {
    [&[0x11], &seconds.to_be_bytes()[..]].concat()
}

/// A will: topic, payload, whether it is retained, and its delay (5.0).
pub(crate) type Will<'a> = (&'a str, &'a str, bool, u32);

#[derive(Clone, Default)]
pub(crate) struct Connect<'a> {
    pub(crate) version: u8,
    pub(crate) id: &'a str,
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<Will<'a>>,
    pub(crate) properties: Vec<u8>,
}

impl Connect<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let name: &[u8] = if self.version == 3 { b"MQIsdp" } else { b"MQTT" };
        let will_flags = self.will.map_or(0, |(_, _, retain, _)| 4 | u8::from(retain) << 5);
        let flags = u8::from(self.clean) << 1 | will_flags;
        let mut body = vec![text(name), vec![self.version, flags], self.keep_alive.to_be_bytes().to_vec()];
        body.extend([block(self.version, &self.properties), text(self.id.as_bytes())]);
        if let Some((topic, payload, _, delay)) = self.will {
            let delay = if delay > 0 { [&[0x18], &delay.to_be_bytes()[..]].concat() } else { Vec::new() };
            body.extend([block(self.version, &delay), text(topic.as_bytes()), text(payload.as_bytes())]);
        }
        packet(0x10, &body.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// A client with a new session.
pub(crate) fn clean(version: u8, id: &str) -> Vec<u8> {
    Connect { version, id, clean: true, ..Connect::default() }.bytes()
}

/// A client that goes on with its session, which never expires.
pub(crate) fn lasting(version: u8, id: &str) -> Vec<u8> {
    let properties = if version == 5 { expiry(u32::MAX) } else { Vec::new() };
    Connect { version, id, properties, ..Connect::default() }.bytes()
}

pub(crate) fn connack_with(version: u8, present: bool, code: u8, properties: &[u8]) -> Vec<u8> {
    packet(0x20, &[&[u8::from(present), code], &block(version, properties)])
}

pub(crate) fn connack(version: u8, present: bool) -> Vec<u8> {
    connack_with(version, present, 0, &[])
}

/// PUBLISH: its flags are DUP 8, QoS by 2, RETAIN 1; the identifier is left out with QoS 0.
pub(crate) fn publish(version: u8, flags: u8, id: u16, topic: &str, payload: &str) -> Vec<u8> {
    publish_with(version, flags, id, topic, payload, &[])
}

pub(crate) fn publish_with(version: u8, flags: u8, id: u16, topic: &str, payload: &str, properties: &[u8]) -> Vec<u8> {
    let id = if flags & 6 == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
    packet(0x30 | flags, &[&text(topic.as_bytes()), &id, &block(version, properties), payload.as_bytes()])
}

pub(crate) const QOS_1: u8 = 2;
pub(crate) const QOS_2: u8 = 4;
pub(crate) const DUP: u8 = 8;
pub(crate) const RETAIN: u8 = 1;

pub(crate) fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &[&id.to_be_bytes()])
}

pub(crate) fn pubrec(id: u16) -> Vec<u8> {
    packet(0x50, &[&id.to_be_bytes()])
}

pub(crate) fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, &[&id.to_be_bytes()])
}

pub(crate) fn pubcomp(id: u16) -> Vec<u8> {
    packet(0x70, &[&id.to_be_bytes()])
}

/// An acknowledgement of 5.0 with a code.
pub(crate) fn coded(ack: &[u8], code: u8) -> Vec<u8> {
    packet(ack[0], &[&ack[2..4], &[code]])
}

pub(crate) fn subscribe(version: u8, id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let filters: Vec<u8> =
        filters.iter().flat_map(|(filter, options)| [text(filter.as_bytes()), vec![*options]].concat()).collect();
    packet(0x82, &[&id.to_be_bytes(), &block(version, &[]), &filters])
}

pub(crate) fn suback(version: u8, id: u16, codes: &[u8]) -> Vec<u8> {
    packet(0x90, &[&id.to_be_bytes(), &block(version, &[]), codes])
}

pub(crate) fn disconnect(version: u8, code: u8, properties: &[u8]) -> Vec<u8> {
    if version < 5 { vec![0xe0, 0] } else { packet(0xe0, &[&[code], &block(version, properties)]) }
}

impl Net {
    /// A new client with a session that ends with its connection.
    pub(crate) fn new_client(&mut self, version: u8, id: &str) -> usize {
        self.client(&clean(version, id), &connack(version, false))
    }

    /// A new client that subscribes to this filter with these options.
    pub(crate) fn subscriber(&mut self, version: u8, id: &str, filter: &str, options: u8) -> usize {
        let flow = self.new_client(version, id);
        self.subscribed(flow, version, filter, options);
        flow
    }

    pub(crate) fn subscribed(&mut self, flow: usize, version: u8, filter: &str, options: u8) {
        self.up(flow, &subscribe(version, 99, &[(filter, options)]));
        self.down(flow, &suback(version, 99, &[options & 3]));
    }
}
