//! Sparkplug B: the order of births and deaths (Eclipse Sparkplug 3.0, chapters 5 and 6).

use super::told::{ByFlow, Lint, Told, shown};
use crate::check::{Certainty, Finding, Rule};
use crate::dissect::Message;
use crate::engine::{Event, FlowRef};
use crate::flow::Direction;
use crate::mqtt::{Body, Connect, Publish};
use crate::sparkplug::{Payload, Value};

const SPARKPLUG: Lint =
    Lint::note("lint.sparkplug", Certainty::Certain, "see the Sparkplug 3.0 specification, chapters 5 and 6");

/// What is known of an edge node's connection.
#[derive(Debug, Default)]
struct Line {
    connected: bool,
    /// Whether the will is an NDEATH.
    dies: bool,
    /// Its bdSeq.
    death: Option<u64>,
    born: bool,
    told: u8,
}

/// What is wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    NoDeath,
    NotBorn,
    Retained,
    Sequence(u64, u64),
}

impl Fault {
    const fn bit(self) -> u8 {
        match self {
            Self::NoDeath => 1,
            Self::NotBorn => 2,
            Self::Retained => 4,
            Self::Sequence(..) => 8,
        }
    }
}

/// Judges edge nodes.
#[derive(Default)]
pub(super) struct SparkplugRule {
    told: Told,
    lines: ByFlow<Line>,
}

/// The message type in a topic of Sparkplug.
fn message_type(topic: &[u8]) -> Option<&[u8]> {
    let mut levels = topic.split(|byte| *byte == b'/');
    (levels.next() == Some(b"spBv1.0")).then(|| levels.nth(1)).flatten()
}

/// The number that a birth and its death share.
fn birth_sequence(payload: &[u8]) -> Option<u64> {
    let metric = |name: Option<&str>| name.is_some_and(|name| name == "bdSeq");
    let (found, _) = Payload::read(payload)?.metrics().find(|(found, _)| metric(found.name))?;
    match found.value? {
        Value::Unsigned(number) => Some(number),
        Value::Signed(number) => u64::try_from(number).ok(),
        Value::Float(_)
        | Value::Double(_)
        | Value::Boolean(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Nested(..) => None,
    }
}

impl SparkplugRule {
    fn connect(&mut self, flow: FlowRef, connect: &Connect<'_>) {
        let Some(line) = self.lines.entry(flow.id) else { return };
        line.connected = true;
        let death = connect.will.filter(|will| message_type(will.topic) == Some(b"NDEATH"));
        line.dies = death.is_some();
        line.death = death.and_then(|will| birth_sequence(will.payload));
    }

    fn publish(&mut self, flow: FlowRef, publish: &Publish<'_>, message: &Message<'_>, findings: &mut Vec<Finding>) {
        let Some(topic) = message.topic else { return };
        let Some(kind) = message_type(topic) else { return };
        let Some(line) = self.lines.entry(flow.id) else { return };
        let mut faults = [None; 3];
        let data = matches!(kind, b"NDATA" | b"DBIRTH" | b"DDATA" | b"DDEATH");
        if (data || kind == b"NBIRTH") && message.packet.header.retain() {
            faults[0] = Some(Fault::Retained);
        }
        if kind == b"NBIRTH" {
            line.born = true;
            match (line.death, birth_sequence(publish.payload)) {
                _ if line.connected && !line.dies => faults[1] = Some(Fault::NoDeath),
                (Some(death), Some(birth)) if death != birth => faults[1] = Some(Fault::Sequence(birth, death)),
                _ => {}
            }
        } else if data && line.connected && !line.born {
            faults[2] = Some(Fault::NotBorn);
        }
        let at = message.origin;
        for fault in faults.into_iter().flatten() {
            // Once on a connection is enough, and once for a topic.
            if line.told & fault.bit() != 0 || !self.told.first((flow.server, topic, fault.bit())) {
                continue;
            }
            line.told |= fault.bit();
            findings.push(SPARKPLUG.at(Some(flow), at, &[at.frame], describe(fault, topic)));
        }
    }
}

fn describe(fault: Fault, topic: &[u8]) -> String {
    let name = shown(topic);
    match fault {
        Fault::NoDeath => format!("{name} is published, and the CONNECT has no NDEATH for a will"),
        Fault::NotBorn => format!("{name} is published before the node's NBIRTH"),
        Fault::Retained => format!("{name} is published with RETAIN"),
        Fault::Sequence(birth, death) => format!("{name} has bdSeq {birth}, and the will {death}"),
    }
}

impl Rule for SparkplugRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) if !message.incomplete => match &message.packet.body {
                Body::Connect(connect) => self.connect(*flow, connect),
                Body::Publish(publish) if message.direction == Direction::ToServer => {
                    self.publish(*flow, publish, message, findings);
                }
                Body::Publish(_)
                | Body::ConnAck(_)
                | Body::Ack(_)
                | Body::Subscribe(_)
                | Body::SubAck(_)
                | Body::Unsubscribe(_)
                | Body::UnsubAck(_)
                | Body::Ping
                | Body::Disconnect(_)
                | Body::Auth(_)
                | Body::Reserved(_) => {}
            },
            Event::Flow(flow, _) => {
                self.lines.remove(flow.id);
            }
            Event::Message(..)
            | Event::Packet(_)
            | Event::SnMessage(..)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::Closing(..)
            | Event::Notice(_) => {}
        }
    }
}
