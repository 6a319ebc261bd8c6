//! The first bytes of a flow, kept until they tell which protocol it carries.

use super::{
    Decision, DissectOptions, Dissector, FlowFacts, MessageSink, Part, Protocol, dns, framed, http, mqtt, tls,
    websocket,
};
use crate::capture::{Origin, Place};
use crate::flow::{Direction, PerDirection};
use crate::mqtt::{Certainty, FixedHeader, HeaderRead, Sender, Version};
use crate::neighbour::Neighbour;

/// The most bytes of a direction that are kept. A protocol that hides longer than this is not looked for.
const LIMIT: usize = 2048;

/// Judges whether the beginning of a flow belongs to a protocol.
type Recogniser = fn(&Opening<'_>) -> Certainty;

/// The protocols that are recognised, and how; the first that is certain counts.
const TABLE: [(Protocol, Recogniser); 5] = [
    (Protocol::WebSocket, websocket::recognise),
    (Protocol::Mqtt, mqtt::recognise),
    (Protocol::Tls, tls::recognise),
    (Protocol::Http, http::recognise),
    (Protocol::Neighbour(Neighbour::Dns), dns::recognise),
];

/// Which protocol the beginning of a flow belongs to; `None` where more bytes may tell.
pub fn recognise(opening: &Opening<'_>) -> Option<Protocol> {
    let mut undecided = false;
    for (protocol, recognise) in TABLE {
        match recognise(opening) {
            Certainty::Yes => return Some(protocol),
            Certainty::NeedMore => undecided = true,
            Certainty::No => {}
        }
    }
    if undecided {
        return None;
    }
    match framed::recognise(opening) {
        (Certainty::Yes, Some(neighbour)) => Some(Protocol::Neighbour(neighbour)),
        (Certainty::NeedMore, _) => None,
        _ => Some(Protocol::Unknown),
    }
}

/// What the recognisers see of a flow.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The first bytes of both directions, up to the first hole.
    pub bytes: PerDirection<&'a [u8]>,
    /// Whether a hole or the end stands behind them, so that no more will come.
    pub is_cut: PerDirection<bool>,
    /// What is known of the flow.
    pub facts: FlowFacts,
    /// No more bytes will be kept, so that this is all there is to judge.
    pub is_full: bool,
}

impl Opening<'_> {
    /// Whether a direction is seen from its first byte.
    pub const fn from_start(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.facts.client_from_start,
            Direction::ToClient => self.facts.server_from_start,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Piece {
    /// Bytes up to this end of the direction's prefix.
    Data {
        to: u32,
        place: Place,
    },
    Gap {
        length: u64,
        origin: Origin,
    },
}

/// The beginning of a flow whose protocol is not known yet.
#[derive(Debug, Default)]
pub(super) struct Probe {
    bytes: PerDirection<Vec<u8>>,
    /// Whether a hole stands before the first bytes, so that they may begin within a message.
    joined: PerDirection<bool>,
    /// Bytes before the first hole behind them, where there is one.
    before_hole: PerDirection<Option<u32>>,
    pieces: Vec<(Direction, Piece)>,
    /// Whether the streams have ended.
    ended: bool,
}

impl Probe {
    pub(super) fn data(&mut self, direction: Direction, bytes: &[u8], place: Place) {
        let held = &mut self.bytes[direction];
        held.extend_from_slice(bytes);
        self.pieces.push((direction, Piece::Data { to: held.len() as u32, place }));
    }

    pub(super) fn gap(&mut self, direction: Direction, length: u64, origin: Origin) {
        match self.bytes[direction].len() as u32 {
            0 => self.joined[direction] = true,
            held => {
                self.before_hole[direction].get_or_insert(held);
            }
        }
        self.pieces.push((direction, Piece::Gap { length, origin }));
    }

    /// The memory that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        let PerDirection { to_server, to_client } = &self.bytes;
        to_server.len() + to_client.len() + self.pieces.len() * size_of::<(Direction, Piece)>()
    }

    pub(super) const fn has_news(&self) -> bool {
        !self.pieces.is_empty()
    }

    pub(super) const fn no_more(&mut self) {
        self.ended = true;
    }

    pub(super) fn turn_round(&mut self) {
        self.bytes.swap();
        self.joined.swap();
        self.before_hole.swap();
        for (direction, _) in &mut self.pieces {
            *direction = direction.reverse();
        }
    }

    /// What is known of the flow, with what the holes say.
    pub(super) fn facts(&self, facts: FlowFacts) -> FlowFacts {
        FlowFacts {
            client_from_start: facts.client_from_start && !self.joined.to_server,
            server_from_start: facts.server_from_start && !self.joined.to_client,
            ..facts
        }
    }

    /// What came so far, piece by piece.
    pub(super) fn pieces(&self, take: &mut dyn FnMut(Direction, Part<'_>)) {
        let mut done = PerDirection { to_server: 0usize, to_client: 0usize };
        for (direction, piece) in &self.pieces {
            match *piece {
                Piece::Data { to, place } => {
                    let bytes = self.bytes[*direction].get(done[*direction]..to as usize).unwrap_or_default();
                    done[*direction] = to as usize;
                    take(*direction, Ok((bytes, place)));
                }
                Piece::Gap { length, origin } => take(*direction, Err((length, origin))),
            }
        }
    }

    /// Whether a direction begins with HTTP.
    pub(super) fn begins_with_http(&self) -> bool {
        let opening = self.opening(FlowFacts::default());
        http::recognise(&opening) != Certainty::No
    }

    /// What the recognisers see.
    fn opening(&self, facts: FlowFacts) -> Opening<'_> {
        let prefix = |direction: Direction| {
            let bytes = self.bytes[direction].as_slice();
            let end = self.before_hole[direction].map_or(bytes.len(), |end| end as usize);
            bytes.get(..end).unwrap_or(bytes)
        };
        Opening {
            bytes: PerDirection { to_server: prefix(Direction::ToServer), to_client: prefix(Direction::ToClient) },
            is_cut: PerDirection {
                to_server: self.ended || self.before_hole.to_server.is_some(),
                to_client: self.ended || self.before_hole.to_client.is_some(),
            },
            facts,
            is_full: Direction::BOTH.iter().any(|direction| self.bytes[*direction].len() >= LIMIT),
        }
    }

    /// What a stream within another one carries, as far as its first bytes tell: MQTT or nothing that is read here.
    pub(super) fn decide_carried(&self, facts: FlowFacts) -> Option<Protocol> {
        let opening = self.opening(self.facts(facts));
        if opening.bytes.to_server.is_empty() && opening.bytes.to_client.is_empty() {
            return None;
        }
        match mqtt::recognise(&opening) {
            Certainty::Yes => Some(Protocol::Mqtt),
            Certainty::NeedMore if !opening.is_full && !self.ended => None,
            Certainty::NeedMore | Certainty::No => Some(Protocol::Unknown),
        }
    }

    pub(super) fn decide(&self, facts: FlowFacts, options: &DissectOptions) -> Option<Decision> {
        let facts = self.facts(facts);
        let said = options.decode_as.iter().find(|(port, _)| *port == facts.server_port || *port == facts.client_port);
        let turn_round = !facts.roles_proved && self.roles_are_wrong();
        if let Some((_, protocol)) = said {
            let carries = matches!(protocol, Protocol::Http | Protocol::WebSocket);
            let turn_round = if carries {
                !facts.roles_proved && websocket::roles_are_wrong(&self.opening(facts))
            } else if matches!(protocol, Protocol::Neighbour(_)) {
                false
            } else if *protocol == Protocol::Tls {
                !facts.roles_proved && tls::roles_are_wrong(&self.opening(facts))
            } else {
                turn_round
            };
            return Some(Decision { protocol: *protocol, turn_round });
        }
        let opening = self.opening(facts);
        if opening.bytes.to_server.is_empty() && opening.bytes.to_client.is_empty() {
            return None;
        }
        let is_full = opening.is_full;
        match recognise(&opening) {
            Some(Protocol::Mqtt) => Some(Decision { protocol: Protocol::Mqtt, turn_round }),
            Some(protocol @ (Protocol::Http | Protocol::WebSocket)) => {
                let turn_round = !facts.roles_proved && websocket::roles_are_wrong(&opening);
                Some(Decision { protocol, turn_round })
            }
            Some(Protocol::Tls) => {
                let turn_round = !facts.roles_proved && tls::roles_are_wrong(&opening);
                Some(Decision { protocol: Protocol::Tls, turn_round })
            }
            Some(protocol) => Some(Decision { protocol, turn_round: false }),
            None if is_full => Some(Decision { protocol: Protocol::Unknown, turn_round: false }),
            None => None,
        }
    }

    /// Whether an end sent what only the other role sends.
    fn roles_are_wrong(&self) -> bool {
        Direction::BOTH.into_iter().any(|direction| {
            let wrong = match direction {
                Direction::ToServer => Sender::Server,
                Direction::ToClient => Sender::Client,
            };
            let mut rest = self.bytes[direction].as_slice();
            while let HeaderRead::Complete(header) = FixedHeader::read(rest) {
                // The stream may have been joined within a packet: a header alone proves nothing.
                let is_whole = header.packet_length() <= rest.len() as u64;
                if !is_whole || !crate::mqtt::plausible(header, behind(rest, header), None) {
                    return false;
                }
                // Versions differ only in who may send DISCONNECT and AUTH; 5.0 lets both.
                if header.packet_type.sender(Version::V5) == wrong {
                    return true;
                }
                rest = rest.get(header.packet_length() as usize..).unwrap_or_default();
            }
            false
        })
    }

    /// Hands the beginning to the dissector that was chosen, piece by piece as it came.
    pub(super) fn replay(self, dissector: &mut dyn Dissector, sink: &mut dyn MessageSink) {
        let mut done = PerDirection { to_server: 0usize, to_client: 0usize };
        for (direction, piece) in self.pieces {
            match piece {
                Piece::Data { to, place } => {
                    let bytes = self.bytes[direction].get(done[direction]..to as usize).unwrap_or_default();
                    done[direction] = to as usize;
                    dissector.data(direction, bytes, place, sink);
                }
                Piece::Gap { length, origin } => dissector.gap(direction, length, origin, sink),
            }
        }
    }
}

fn behind(bytes: &[u8], header: FixedHeader) -> &[u8] {
    let body = bytes.get(usize::from(header.length)..).unwrap_or_default();
    body.get(..header.remaining_length as usize).unwrap_or(body)
}
