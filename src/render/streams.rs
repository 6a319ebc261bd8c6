//! The streams of one connection on their way to whoever shows them: passwords and authentication data are written
//! over.
//!
//! Where a secret stands is known once its packet is whole, so that bytes of MQTT wait for that. What no packet covers
//! is shown as it is, but for what a client sends before its first packet is whole: that can only be a CONNECT.
//! In the protocols beside MQTT secrets are found as the bytes come.

use std::collections::VecDeque;
use std::ops::Range;

use crate::capture::Origin;
use crate::dissect::{Message, Protocol, UNKNOWN_GAP};
use crate::engine::StreamPart;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::{FieldNode, FieldValue, Fields, PacketType};
use crate::neighbour::Neighbour;
use crate::neighbour::stream::HiddenBytes;

/// The most bytes that wait for their packet to be whole.
const WAITING: usize = 4 << 20;

/// Stands for each byte of a secret.
const MASK: u8 = b'*';

#[derive(Debug)]
struct Waiting {
    direction: Direction,
    /// Where it begins in its direction's stream.
    start: u64,
    part: Part,
    origin: Origin,
}

#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    Gap(u64),
    /// What comes before the stream of packets, with credentials written over already.
    Head(Vec<u8>),
    Lost,
}

impl Part {
    const fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Gap(length) => *length,
            Self::Head(_) => 0,
            Self::Lost => UNKNOWN_GAP,
        }
    }
}

/// Holds the parts of streams back until it is known where secrets stand in them.
#[derive(Debug, Default)]
pub struct MaskedStreams {
    protocol: Option<Protocol>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    offsets: PerDirection<u64>,
    /// Up to where whole packets cover a stream.
    covered: PerDirection<u64>,
    /// A packet of the client was whole.
    introduced: bool,
    secrets: PerDirection<Vec<Range<u64>>>,
    /// What finds the secrets of a protocol beside MQTT.
    beside: Option<HiddenBytes>,
}

impl MaskedStreams {
    /// Takes the next part of a stream.
    pub fn part(&mut self, direction: Direction, part: StreamPart<'_>, origin: Origin) {
        let part = match part {
            StreamPart::Bytes(bytes) => Part::Bytes(bytes.to_vec()),
            StreamPart::Gap(length) => Part::Gap(length),
            StreamPart::Head(bytes) => Part::Head(bytes.to_vec()),
            StreamPart::Lost => Part::Lost,
        };
        let start = self.offsets[direction];
        self.offsets[direction] += part.length();
        if let Part::Bytes(bytes) | Part::Head(bytes) = &part {
            self.waiting_bytes += bytes.len();
        }
        self.waiting.push_back(Waiting { direction, start, part, origin });
    }

    /// A packet of the connection is whole, or cut by the end.
    pub fn message(&mut self, message: &Message<'_>) {
        let direction = message.direction;
        if !message.incomplete {
            let end = message.stream_offset + message.packet.header.packet_length();
            self.covered[direction] = self.covered[direction].max(end);
            self.introduced |= direction == Direction::ToServer;
        }
        // What stands in a CONNECT and is none of its fields may be a password that its flags deny.
        let connect = message.packet.header.packet_type == PacketType::Connect;
        let hides = |name: &str| connect && [FieldNode::NOT_UNDERSTOOD, FieldNode::TRAILING].contains(&name);
        for node in Fields::of(&message.packet).nodes() {
            if matches!(node.value, FieldValue::Secret(_)) || hides(node.name) {
                let from = message.stream_offset + u64::from(node.offset);
                self.secrets[direction].push(from..from + u64::from(node.length));
            }
        }
    }

    /// What the connection carries, as soon as it is known.
    pub fn carries(&mut self, protocol: Option<Protocol>) {
        if self.protocol.is_none() {
            self.protocol = protocol;
            self.beside = match protocol {
                Some(Protocol::Http) => Some(HiddenBytes::of(Neighbour::Http)),
                Some(Protocol::Neighbour(neighbour)) => Some(HiddenBytes::of(neighbour)),
                _ => None,
            };
        }
    }

    /// Hands out what need not wait any more; all of it where no more will come.
    pub fn release<E>(
        &mut self,
        is_end: bool,
        show: &mut dyn FnMut(Direction, StreamPart<'_>, Origin) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(first) = self.waiting.front() {
            let ready = match self.protocol {
                _ if matches!(first.part, Part::Head(_)) => true,
                Some(Protocol::Mqtt) => first.start + first.part.length() <= self.covered[first.direction],
                Some(
                    Protocol::Tls
                    | Protocol::Http
                    | Protocol::WebSocket
                    | Protocol::Unknown
                    | Protocol::MqttSn
                    | Protocol::Quic
                    | Protocol::Neighbour(_),
                ) => true,
                None => false,
            };
            if !ready && !is_end && self.waiting_bytes <= WAITING {
                return Ok(());
            }
            let Some(waiting) = self.waiting.pop_front() else { return Ok(()) };
            let Waiting { direction, start, part, origin } = waiting;
            match part {
                Part::Gap(length) => {
                    self.lost(direction, Some(length));
                    show(direction, StreamPart::Gap(length), origin)?;
                }
                Part::Lost => {
                    self.lost(direction, None);
                    show(direction, StreamPart::Lost, origin)?;
                }
                Part::Head(bytes) => {
                    self.waiting_bytes -= bytes.len();
                    show(direction, StreamPart::Head(&bytes), origin)?;
                }
                Part::Bytes(mut bytes) => {
                    self.waiting_bytes -= bytes.len();
                    self.mask(direction, start, &mut bytes);
                    show(direction, StreamPart::Bytes(&bytes), origin)?;
                }
            }
        }
        Ok(())
    }

    fn lost(&mut self, direction: Direction, length: Option<u64>) {
        if let Some(beside) = &mut self.beside {
            beside.lost(direction, length);
        }
    }

    fn mask(&mut self, direction: Direction, start: u64, bytes: &mut [u8]) {
        if let Some(beside) = &mut self.beside {
            beside.hide(direction, bytes);
        }
        let end = start + bytes.len() as u64;
        if self.protocol == Some(Protocol::Mqtt) && direction == Direction::ToServer && !self.introduced {
            bytes.fill(MASK);
        }
        for secret in &self.secrets[direction] {
            let from = secret.start.max(start).min(end) - start;
            let to = secret.end.max(start).min(end) - start;
            if let Some(covered) = bytes.get_mut(from as usize..to as usize) {
                covered.fill(MASK);
            }
        }
        self.secrets[direction].retain(|secret| secret.end > end);
    }
}
