//! Counts of what an analysis has told, for those who look in while it goes on.

use std::collections::BTreeMap;

use crate::analysis::Output;
use crate::check::Severity;
use crate::dissect::Message;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::{Body, PacketType};

/// The most names of findings that are told apart. There are fewer rules; if that ever changes, what is beyond them is
/// counted as [`Tally::OTHER`], so that no capture makes more series than this.
const IDS: usize = 1000;

/// Values of QoS, the forbidden 3 among them.
const QOS: usize = 4;

/// Messages of one direction.
#[derive(Debug, Clone, Default)]
struct Sent {
    by_type: [u64; PacketType::ALL.len()],
    /// PUBLISH by QoS.
    by_qos: [u64; QOS],
    bytes: u64,
}

/// What was told so far: messages by type, findings by name.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    sent: PerDirection<Sent>,
    findings: BTreeMap<String, [u64; Severity::ALL.len()]>,
}

impl Tally {
    /// Stands for the names of findings beyond those that are told apart.
    pub const OTHER: &str = "other";

    /// Counts what is told.
    pub fn output(&mut self, output: &Output<'_>) {
        match output {
            Output::Message(_, message) => self.message(message),
            Output::Finding(finding) => {
                if let Some(counts) = self.findings.get_mut(&finding.id) {
                    counts[finding.severity as usize] += 1;
                } else {
                    let id = if self.findings.len() < IDS { &finding.id } else { Self::OTHER };
                    self.findings.entry(id.to_owned()).or_default()[finding.severity as usize] += 1;
                }
            }
            Output::Packet(_)
            | Output::SnMessage(..)
            | Output::SnSession(_)
            | Output::Neighbour(_)
            | Output::Preview(..)
            | Output::Stream(..)
            | Output::Session(..)
            | Output::Flow(..)
            | Output::Delivery(_)
            | Output::Topic(..) => {}
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let sent = &mut self.sent[message.direction];
        let header = message.packet.header;
        sent.by_type[header.packet_type as usize] += 1;
        if matches!(message.packet.body, Body::Publish(_)) {
            sent.by_qos[usize::from(header.qos()) % QOS] += 1;
        }
        sent.bytes += header.packet_length();
    }

    /// Messages of a direction.
    pub fn messages(&self, direction: Direction) -> u64 {
        self.sent[direction].by_type.iter().sum()
    }

    /// Their bytes on the wire, those of headers included.
    pub const fn message_bytes(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ToServer => self.sent.to_server.bytes,
            Direction::ToClient => self.sent.to_client.bytes,
        }
    }

    /// Messages of a type in a direction.
    pub fn of_type(&self, direction: Direction, packet_type: PacketType) -> u64 {
        self.sent[direction].by_type[packet_type as usize]
    }

    /// PUBLISH of QoS 0, 1, 2, or the forbidden 3, in a direction.
    pub fn publishes(&self, direction: Direction) -> [u64; QOS] {
        self.sent[direction].by_qos
    }

    /// Findings by name, and of each by severity, the mildest first.
    pub fn findings(&self) -> impl Iterator<Item = (&str, [u64; Severity::ALL.len()])> {
        self.findings.iter().map(|(id, counts)| (id.as_str(), *counts))
    }
}
