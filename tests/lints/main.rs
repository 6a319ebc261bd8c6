//! Each lint fires on a capture that shows its case, and not on one that comes close to it.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod messages;
mod topics;

use std::collections::BTreeSet;

use common::craft::{CONNACK, packet, text};
use common::timeline::{ACK, CLIENT, FIN, Line, RST, SERVER, Timeline};
use mqttsniff::check::{CheckOptions, Finding, lints};

/// A CONNECT in the making.
struct Connect {
    version: u8,
    flags: u8,
    keep_alive: u16,
    properties: Vec<u8>,
    client_id: Vec<u8>,
    will: Option<(Vec<u8>, Vec<u8>)>,
    fields: Vec<Vec<u8>>,
}

impl Connect {
    /// Of a client that does nothing that a lint minds.
    fn new(client_id: &[u8]) -> Self {
        Self {
            version: 4,
            flags: 2,
            keep_alive: 60,
            properties: Vec::new(),
            client_id: client_id.to_vec(),
            will: None,
            fields: Vec::new(),
        }
    }

    fn v5(client_id: &[u8]) -> Self {
        Self { version: 5, ..Self::new(client_id) }
    }

    fn kept(self) -> Self {
        Self { flags: self.flags & !2, ..self }
    }

    fn will(self, topic: &[u8], payload: &[u8]) -> Self {
        Self { will: Some((topic.to_vec(), payload.to_vec())), flags: self.flags | 4, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let [high, low] = self.keep_alive.to_be_bytes();
        let name = if self.version == 3 { text(b"MQIsdp") } else { text(b"MQTT") };
        let mut body = vec![name, vec![self.version, self.flags, high, low]];
        if self.version == 5 {
            body.push([&[self.properties.len() as u8][..], &self.properties].concat());
        }
        body.push(text(&self.client_id));
        if let Some((topic, payload)) = &self.will {
            if self.version == 5 {
                body.push(vec![0]);
            }
            body.extend([text(topic), text(payload)]);
        }
        body.extend(self.fields.iter().map(|field| text(field)));
        packet(0x10, &body.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// PUBLISH with these flags of the fixed header.
fn publish(flags: u8, topic: &[u8], id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let id = id.map(u16::to_be_bytes);
    packet(0x30 | flags, &[&text(topic), id.as_ref().map_or(&[][..], |id| id), payload])
}

/// PUBLISH of 5.0 without properties.
fn publish5(flags: u8, topic: &[u8], id: Option<u16>, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let id = id.map(u16::to_be_bytes);
    let length = [properties.len() as u8];
    packet(0x30 | flags, &[&text(topic), id.as_ref().map_or(&[][..], |id| id), &length, properties, payload])
}

/// SUBSCRIBE and its SUBACK of 3.1.1.
fn subscribe(id: u16, filters: &[(&[u8], u8, u8)]) -> (Vec<u8>, Vec<u8>) {
    let id = id.to_be_bytes();
    let wanted: Vec<u8> = filters.iter().flat_map(|(filter, qos, _)| [text(filter), vec![*qos]].concat()).collect();
    let codes: Vec<u8> = filters.iter().map(|(.., code)| *code).collect();
    (packet(0x82, &[&id, &wanted]), packet(0x90, &[&id, &codes]))
}

/// A client connects and is let in.
fn join(capture: &mut Timeline, port: u16, connect: &Connect) -> Line {
    let mut line = capture.open(port);
    capture.client(&mut line, &connect.bytes());
    let answer = if connect.version == 5 { packet(0x20, &[&[0, 0, 0]]) } else { CONNACK.to_vec() };
    capture.server(&mut line, &answer);
    line
}

/// A client connects, and that is all.
fn visit(capture: &mut Timeline, port: u16, connect: &Connect) {
    join(capture, port, connect);
}

/// A client takes leave.
fn leave(capture: &mut Timeline, line: &mut Line) {
    capture.client(line, &[0xe0, 0]);
    capture.close(line, CLIENT);
}

fn ask(capture: &mut Timeline, line: &mut Line, filters: &[(&[u8], u8, u8)]) {
    let (request, answer) = subscribe(1, filters);
    capture.client(line, &request);
    capture.server(line, &answer);
}

fn of<'a>(findings: &'a [Finding], id: &str) -> Vec<&'a Finding> {
    assert!(lints::RULES.iter().any(|rule| rule.id == id), "{id} is in the table");
    findings.iter().filter(|finding| finding.id == id).collect()
}

/// How often a lint fires on what this makes.
fn fires(id: &str, make: impl FnOnce(&mut Timeline)) -> usize {
    let mut capture = Timeline::new();
    make(&mut capture);
    let findings = capture.findings(CheckOptions::all());
    let known: BTreeSet<_> = lints::RULES.iter().map(|rule| rule.id).collect();
    for finding in findings.iter().filter(|finding| finding.id.starts_with("lint.")) {
        assert!(known.contains(finding.id.as_str()), "{} is in the table", finding.id);
        assert!(finding.severity < mqttsniff::check::Severity::Error);
        assert!(!finding.message.contains("hunter2"), "{}", finding.message);
    }
    of(&findings, id).len()
}

/// Asserts that a lint fires once on the one, and not on the other.
fn tells(id: &str, wrong: impl FnOnce(&mut Timeline), right: impl FnOnce(&mut Timeline)) {
    assert_eq!(fires(id, wrong), 1, "{id} on what it is for");
    assert_eq!(fires(id, right), 0, "{id} on what is fine");
}
