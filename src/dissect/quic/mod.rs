//! QUIC, versions 1 and 2 (RFC 9000, RFC 9001, RFC 9369): what both ends say in the clear, and with keys what its streams
//! carry.
//!
//! It takes the datagrams of one connection, whatever their addresses are: who finds the connection by its ids is told of them
//! ([`Quic::take_names`]). Each stream that is read has a conversation of its own.

mod facts;
mod frame;
mod handshake;
mod header;
mod keys;
mod level;
mod numbers;
mod protected;
mod seen;
mod streams;
mod waiting;

#[cfg(test)]
mod tests;

pub use facts::{QuicClose, QuicCloseKind, QuicFacts, QuicFault, QuicMigration, QuicSide, quic_error_name};
pub use frame::QuicFrame;
pub use header::{QuicPacketType, may_be_quic, quic_version_name};
pub use seen::QuicSeen;

use std::net::SocketAddr;

use super::{CarrierPart, Conversation, DissectOptions, FlowFacts, MessageSink, Protocol, State};
use crate::capture::Origin;
use crate::flow::{ConnectionId, Direction, NameChanges, PerDirection, ReassemblyLimits, Role};
use crate::rare::{Rare, blank};
use crate::time::Timestamp;
use handshake::Space;
use header::{LEAST_INITIAL, RawPacket};
use keys::{PacketKeys, is_retry_of};
use level::{Levels, Tokens};
use numbers::Numbers;
use streams::{Lent, StreamEnd, Streams};
use waiting::WaitingPackets;

/// The most versions that are kept of what a server says.
const VERSIONS: usize = 16;

/// How much of a connection is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuicLimits {
    /// Streams at a time; further ones are not read.
    pub streams: usize,
}

impl Default for QuicLimits {
    /// 256 streams: brokers allow less, and most clients open one.
    fn default() -> Self {
        Self { streams: 256 }
    }
}

/// A datagram that came before it was known what it is.
#[derive(Debug)]
struct Early {
    direction: Direction,
    bytes: Box<[u8]>,
    length: u32,
    origin: Origin,
}

/// How many of them are kept, of the two or three that a server's first flight has.
const EARLY: usize = 4;

/// How a connection came to its end, as far as what it carries is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuicEnd {
    /// The stream of the session was ended.
    Fin,
    /// That stream was given up, or an end knows nothing of the connection any more.
    Reset,
    /// The connection was closed.
    Close,
}

/// What a datagram is to be read with.
#[derive(Clone, Copy)]
pub struct QuicContext<'a> {
    /// What the user said.
    pub options: &'a DissectOptions,
    /// How much of a stream is held ahead of a hole.
    pub reassembly: ReassemblyLimits,
    /// What is known of the flow.
    pub flow: FlowFacts,
}

/// A QUIC connection.
#[derive(Debug, Default)]
pub struct Quic {
    facts: QuicFacts,
    /// Whether it is known to be QUIC.
    confirmed: bool,
    /// What a packet said that is not known to be QUIC: who sent it, and its ids.
    suspect: Option<(Direction, ConnectionId, ConnectionId)>,
    /// Datagrams that came before it was known: the server's answer may have been captured before what it answers.
    early: Vec<Early>,
    levels: Levels,
    numbers: PerDirection<[Rare<Numbers>; 3]>,
    tokens: PerDirection<Tokens>,
    /// Ids by their numbers, by the direction in which the end sends that has given them out.
    issued: PerDirection<Vec<(u64, ConnectionId)>>,
    names: NameChanges,
    waiting: WaitingPackets,
    streams: Streams,
    /// Packets since it is known that some are missing.
    missing_since: PerDirection<u32>,
    told_missing: PerDirection<bool>,
    told_failure: PerDirection<bool>,
    scratch: Vec<u8>,
    last: Option<Origin>,
    over: bool,
}

blank!(Numbers);

impl Quic {
    /// What is known of it.
    pub const fn facts(&self) -> &QuicFacts {
        &self.facts
    }

    /// The innermost protocol, as far as it can be read; `None` before it is known to be QUIC at all.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.confirmed.then(|| self.streams.protocol().unwrap_or(Protocol::Quic))
    }

    /// What lies between UDP and the innermost protocol.
    pub(super) fn carriers(&self) -> &'static [Protocol] {
        if self.streams.protocol().is_some() { &[Protocol::Quic] } else { &[] }
    }

    /// Whether the frame at hand brought nothing of the innermost protocol.
    pub(super) fn is_in_handshake(&self) -> bool {
        self.streams.protocol().is_some() && !self.streams.touched
    }

    pub(super) const fn next_frame(&mut self) {
        self.streams.touched = false;
    }

    /// Bytes of messages that have begun in this direction.
    pub(super) fn message_bytes(&self, direction: Direction) -> usize {
        self.streams.message_bytes(direction)
    }

    /// Memory besides that goes with a direction.
    pub(super) fn piece_bytes(&self, direction: Direction) -> usize {
        self.levels.crypto_bytes(direction) + self.streams.piece_bytes(direction)
    }

    /// Memory of both directions: packets that wait for keys among it.
    pub(super) fn shared_bytes(&self) -> usize {
        let early: usize = self.early.iter().map(|early| early.bytes.len() + size_of::<Early>()).sum();
        self.waiting.bytes() + self.streams.shared_bytes() + early
    }

    /// Bytes ahead of holes in streams.
    pub(super) fn ahead(&self, direction: Direction) -> (usize, usize) {
        self.streams.ahead(direction)
    }

    /// Ids that came up since this was asked last, and those that went.
    pub fn take_names(&mut self) -> Option<NameChanges> {
        let any = !self.names.to_server.is_empty() || !self.names.to_client.is_empty();
        any.then(|| std::mem::take(&mut self.names))
    }

    /// The client has gone on with another address.
    pub fn note_migration(&mut self, client: SocketAddr, at: Origin) {
        // There are no more paths than are followed.
        self.facts.migrations.push(QuicMigration { at, client });
    }

    /// How what it carries came to its end, who began with it, and where.
    pub fn end(&self) -> Option<(QuicEnd, Role, Origin)> {
        let closed = self.facts.close.as_ref().map(|close| {
            let end = if close.kind == QuicCloseKind::StatelessReset { QuicEnd::Reset } else { QuicEnd::Close };
            (end, close.by, close.at)
        });
        let control = self.streams.control_end.map(|(end, by, at)| match end {
            StreamEnd::Fin => (QuicEnd::Fin, by, at),
            StreamEnd::Reset => (QuicEnd::Reset, by, at),
        });
        match (closed, control) {
            (Some(closed), Some(control)) if closed.2.frame < control.2.frame => Some(closed),
            (closed, control) => control.or(closed),
        }
    }

    /// Whether more than the first packets of a client were captured: a server answered, or the client goes on as it does only
    /// then. What is less is like a SYN, and does not last.
    pub fn is_answered(&self) -> bool {
        let [client, server] = [&self.facts.sides.to_server, &self.facts.sides.to_client];
        server.packets() > 0 || client.of(QuicPacketType::Handshake) + client.of(QuicPacketType::OneRtt) > 0
    }

    /// Whether its ends have said that it is over.
    pub const fn is_over(&self) -> bool {
        self.facts.close.is_some()
    }

    /// Whether a client's first packet that does not belong to this connection begins another one between the same ends.
    pub fn is_another(&self, bytes: &[u8], length: u32) -> bool {
        if !self.confirmed || !self.facts.is_from_start() && !self.is_over() {
            return false;
        }
        let Some(packet) = RawPacket::read(bytes, length, 0) else { return false };
        let is_known = self.facts.original_id == Some(packet.destination)
            || self.levels.initial_id() == Some(packet.destination)
            || self.facts.ids.to_client == Some(packet.destination);
        // With a token it may be the answer to a Retry that was not captured.
        let may_go_on = !packet.token.is_empty() && self.facts.ids.to_client.is_none();
        length >= LEAST_INITIAL && !is_known && !may_go_on && opens_itself(&packet)
    }

    /// Takes in a datagram, of which `length` bytes were sent; says whether it is known to be QUIC by now.
    pub fn datagram(
        &mut self,
        (bytes, length): (&[u8], u32),
        direction: Direction,
        origin: Origin,
        context: QuicContext<'_>,
        sink: &mut dyn MessageSink,
    ) -> bool {
        let was_known = self.confirmed;
        self.packets((bytes, length), direction, origin, context, sink);
        if self.confirmed && !was_known {
            for early in std::mem::take(&mut self.early) {
                self.packets((&early.bytes, early.length), early.direction, early.origin, context, sink);
            }
        }
        // What answers an unknown version, or another packet, by its ids may be nothing all the same.
        if !self.confirmed && self.suspect.is_some() && self.early.len() < EARLY {
            self.early.push(Early { direction, bytes: bytes.into(), length, origin });
        }
        self.notice_missing(direction, origin, false, sink);
        self.streams.note_version();
        self.confirmed
    }

    /// Whether packets wait for their keys.
    pub fn waits_for_keys(&self) -> bool {
        self.waiting.len() > 0
    }

    /// There may be secrets now that were missing: what waits for them is read.
    pub fn keys_came(&mut self, origin: Origin, context: QuicContext<'_>, sink: &mut dyn MessageSink) {
        protected::Pass { quic: self, direction: Direction::ToServer, origin, context, sink }.go_on(false);
        self.streams.note_version();
    }

    /// Who is the client turns out to be the other end.
    pub fn turn_round(&mut self) {
        for early in &mut self.early {
            early.direction = early.direction.reverse();
        }
        if let Some((direction, ..)) = &mut self.suspect {
            *direction = direction.reverse();
        }
    }

    /// The packets of a datagram.
    fn packets(
        &mut self,
        (bytes, length): (&[u8], u32),
        direction: Direction,
        origin: Origin,
        context: QuicContext<'_>,
        sink: &mut dyn MessageSink,
    ) {
        self.last = Some(origin);
        let mut rest = (bytes, length);
        let mut number = 0;
        while !rest.0.is_empty() {
            let id_length = self.facts.ids[direction.reverse()].map_or(0, |id| id.bytes().len());
            let Some(packet) = RawPacket::read(rest.0, rest.1, id_length) else { break };
            // Behind the last packet there may be zeros, or anything (RFC 9000, section 12.2).
            let is_padding = packet.first() & 0xc0 == 0 && number > 0;
            if is_padding || !self.confirm(&packet, direction, length) {
                break;
            }
            number += 1;
            self.facts.sides[direction].count(packet.kind);
            let mut pass = protected::Pass { quic: self, direction, origin, context, sink };
            pass.packet(&packet, bytes, true);
            let used = if packet.is_whole { packet.bytes.len() } else { rest.0.len() };
            rest = (rest.0.get(used..).unwrap_or_default(), rest.1.saturating_sub(used as u32));
        }
    }

    /// Whether a packet is one of QUIC: known by now, or shown by this one.
    fn confirm(&mut self, packet: &RawPacket<'_>, direction: Direction, length: u32) -> bool {
        if self.confirmed {
            return true;
        }
        if packet.kind == QuicPacketType::OneRtt {
            return false;
        }
        if packet.kind == QuicPacketType::Initial && length >= LEAST_INITIAL && opens_itself(packet) {
            self.confirmed = true;
            return true;
        }
        // Two that answer each other by their ids; those that are not read show no more (RFC 8999, section 6).
        let (destination, source) = (packet.destination, packet.source);
        match self.suspect {
            Some((other, theirs, its)) if other != direction => {
                self.confirmed =
                    destination == its && (packet.kind != QuicPacketType::VersionNegotiation || source == theirs);
            }
            None if packet.kind != QuicPacketType::VersionNegotiation => {
                self.suspect = Some((direction, destination, source));
                if packet.kind == QuicPacketType::Unknown {
                    self.facts.offered_version.get_or_insert(packet.version);
                    self.facts.version.get_or_insert(packet.version);
                }
            }
            Some(_) | None => {}
        }
        self.confirmed
    }

    /// The user has said that it is QUIC.
    pub(super) fn forced() -> Self {
        Self { confirmed: true, ..Self::default() }
    }

    /// Whether it is known who is the client: the end that the first packet of a client came from.
    pub fn client_sent(&self, bytes: &[u8], length: u32) -> bool {
        RawPacket::read(bytes, length, 0).is_some_and(|packet| {
            packet.kind == QuicPacketType::Initial && length >= LEAST_INITIAL && opens_itself(&packet)
        })
    }

    /// Tells, after a while, that packets are missing: their frames may only have been captured behind their acknowledgement.
    fn notice_missing(&mut self, direction: Direction, origin: Origin, is_end: bool, sink: &mut dyn MessageSink) {
        /// So many datagrams in both directions make it sure that the frames did not just change places.
        const PATIENT: u32 = 8;
        if self.told_missing[direction] && !is_end {
            return;
        }
        let unseen: u64 = self.numbers[direction].iter().map(|numbers| numbers.unseen_count).sum();
        let side = &mut self.facts.sides[direction];
        let unread = side.unread_packets.saturating_add(self.waiting.len() as u64);
        side.missing_packets = unseen.saturating_sub(unread);
        if side.missing_packets == 0 {
            self.missing_since[direction] = 0;
            return;
        }
        self.missing_since[direction] += 1;
        if (self.missing_since[direction] > PATIENT || is_end)
            && !std::mem::replace(&mut self.told_missing[direction], true)
        {
            sink.quic_fault(direction, QuicFault::Missing, origin);
        }
    }

    /// Holds nothing back any more; gives how many messages are cut by it.
    pub(super) fn shed(&mut self, context: QuicContext<'_>, sink: &mut dyn MessageSink) -> u64 {
        self.early = Vec::new();
        let Some(origin) = self.last else { return 0 };
        protected::Pass { quic: self, direction: Direction::ToServer, origin, context, sink }.go_on(true);
        self.levels.shed();
        let Self { streams, facts, .. } = self;
        streams.shed(&mut Lent { facts, options: context.options, flow: context.flow, origin, sink })
    }

    /// No more will come.
    pub(super) fn finish(&mut self, context: QuicContext<'_>, sink: &mut dyn MessageSink) {
        self.early = Vec::new();
        let Some(origin) = self.last else { return };
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        protected::Pass { quic: self, direction: Direction::ToServer, origin, context, sink }.go_on(true);
        for direction in Direction::BOTH {
            self.notice_missing(direction, origin, true, sink);
        }
        self.levels.shed();
        let Self { streams, facts, .. } = self;
        streams.finish(&mut Lent { facts, options: context.options, flow: context.flow, origin, sink });
        if facts.close.is_none() && !facts.server_versions.is_empty() && facts.ids.to_client.is_none() {
            sink.quic_fault(Direction::ToClient, QuicFault::NoVersion, origin);
        }
    }

    /// An id came up: datagrams in this direction go by it.
    fn name(&mut self, direction: Direction, id: ConnectionId) {
        if !id.is_empty() {
            self.names[direction].push((id, true));
        }
    }

    /// A packet without protection that only a server sends.
    fn on_version_negotiation(&mut self, packet: &RawPacket<'_>, direction: Direction) {
        // One that comes when the server has answered already is not heeded (RFC 9000, section 6.2).
        if direction == Direction::ToServer || self.facts.ids.to_client.is_some() {
            return;
        }
        let versions = packet.token.chunks_exact(4).filter_map(|version| version.first_chunk().copied());
        let versions = versions.map(u32::from_be_bytes).take(VERSIONS);
        self.facts.server_versions = versions.collect();
    }

    /// The server asks the client to show that it has its address.
    fn on_retry(&mut self, packet: &RawPacket<'_>, direction: Direction) {
        let Some(original) = self.facts.original_id else { return };
        // A client heeds one only, before anything else, and only if it is authentic (RFC 9000, section 17.2.5.2).
        let first = !self.facts.retry && self.facts.ids.to_client.is_none();
        if direction == Direction::ToServer || !first || !packet.is_whole || !is_retry_of(packet, original) {
            return;
        }
        self.facts.retry = true;
        self.begin(packet.source);
    }

    /// The client begins once more, with this id in the place of that which it had chosen first.
    fn begin(&mut self, id: ConnectionId) {
        self.levels.begin(id);
        self.numbers.to_server[Space::Initial as usize] = Rare::default();
        self.name(Direction::ToServer, id);
    }
}

/// Whether an Initial packet opens with the keys of its own id, as the first of a client does.
fn opens_itself(packet: &RawPacket<'_>) -> bool {
    if packet.kind != QuicPacketType::Initial || !packet.is_whole {
        return false;
    }
    let keys = PacketKeys::initial(packet.version, packet.destination, Direction::ToServer);
    let opened = keys.and_then(|keys| {
        let unmasked = keys.unmask(packet, None)?;
        keys.open(packet, unmasked, &mut Vec::new()).then_some(())
    });
    opened.is_some()
}

impl Conversation {
    /// What is known of the QUIC that it is carried by.
    pub fn quic(&self) -> Option<&Quic> {
        match &self.state {
            State::Quic(quic) => Some(quic),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn quic_mut(&mut self) -> Option<&mut Quic> {
        match &mut self.state {
            State::Quic(quic) => Some(quic),
            _ => None,
        }
    }

    /// Gets ready for a datagram that may be the first of a QUIC connection, unless it is known to be something else. `forced`
    /// is what the user said of its ports.
    pub fn expect_quic(&mut self, forced: Option<Protocol>) -> Option<&mut Quic> {
        let is_open = match (&self.state, forced) {
            (State::Quic(_), _) => false,
            (_, Some(Protocol::Quic)) => {
                self.state = State::Quic(Box::new(Quic::forced()));
                false
            }
            (State::Probing(None) | State::Suspected(_) | State::Other(Protocol::Unknown), None) => true,
            _ => return None,
        };
        if is_open {
            self.state = State::Quic(Box::default());
        }
        self.quic_mut()
    }

    /// It was no QUIC after all.
    pub fn forget_quic(&mut self) {
        if matches!(&self.state, State::Quic(quic) if !quic.confirmed && quic.suspect.is_none()) {
            self.state = State::default();
        }
    }
}

/// When the first of both ends has sent data.
fn note_first(place: &mut Option<Timestamp>, time: Timestamp) {
    place.get_or_insert(time);
}

/// Which numbers a packet's is one of.
const fn space_of(kind: QuicPacketType) -> Space {
    match kind {
        QuicPacketType::Initial => Space::Initial,
        QuicPacketType::Handshake => Space::Handshake,
        _ => Space::Data,
    }
}

/// Tells a packet to whoever wants to hear of it.
fn tell(sink: &mut dyn MessageSink, direction: Direction, seen: &QuicSeen, origin: Origin) {
    if sink.wants_carrier() {
        sink.carrier(direction, &CarrierPart::Quic(seen), origin);
    }
}
