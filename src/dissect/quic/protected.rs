//! Packets one by one: their protection is taken off, and their frames do what they say.

use super::super::tls::{Hello, Unread};
use super::frame::{Frames, QuicFrame, acknowledged};
use super::handshake::{self, Parameters, Space, Told};
use super::header::{QuicPacketType, RawPacket};
use super::keys::{PacketKeys, Unmasked};
use super::level::Ready;
use super::seen::{FRAMES, QuicSeen};
use super::streams::{Lent, Piece};
use super::{Quic, QuicClose, QuicCloseKind, QuicContext, QuicFault, note_first, space_of, tell};
use crate::capture::Origin;
use crate::dissect::{CarrierPart, MessageSink};
use crate::flow::{ConnectionId, Direction};
use crate::text::kept_name;

/// Ids with their numbers that are kept of an end, to know which one it retires.
const ISSUED: usize = 64;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It has to wait for keys.
    Blocked,
}

/// The way of a packet through its connection.
pub(super) struct Pass<'a> {
    pub(super) quic: &'a mut Quic,
    pub(super) direction: Direction,
    pub(super) origin: Origin,
    pub(super) context: QuicContext<'a>,
    pub(super) sink: &'a mut dyn MessageSink,
}

impl Pass<'_> {
    /// Takes a packet of a datagram; `fresh` where it did not wait.
    pub(super) fn packet(&mut self, packet: &RawPacket<'_>, datagram: &[u8], fresh: bool) {
        if fresh {
            self.go_on(false);
        }
        if self.process(packet, datagram, fresh) == Outcome::Blocked {
            let kept = self.context.options.keys.as_ref().is_some_and(|keys| {
                self.quic.waiting.keep((self.direction, packet.kind), packet.bytes, self.origin, keys)
            });
            if !kept {
                self.quic.levels.close(packet.kind, self.direction, Unread::KeysLate);
                self.give_up();
                self.unread(Unread::KeysLate, true);
            }
            let seen = self.peek(packet).unwrap_or_else(|| QuicSeen::of(packet));
            tell(self.sink, self.direction, &seen, self.origin);
        } else if fresh {
            // It may be what others waited for.
            self.go_on(false);
        }
    }

    /// There is no room for another that waits: those that do are not read any more, nor what else there is of their levels,
    /// or each packet that follows would find the queue full and all that is in it blocked.
    fn give_up(&mut self) {
        while let Some(waiting) = self.quic.waiting.take() {
            self.quic.levels.close(waiting.kind, waiting.direction, Unread::KeysLate);
            let (quic, context, sink) = (&mut *self.quic, self.context, &mut *self.sink);
            Pass { quic, direction: waiting.direction, origin: waiting.origin, context, sink }
                .unread(Unread::KeysLate, true);
        }
    }

    /// What a packet of early data holds, for the list of packets: what it does has to wait until the server takes it.
    fn peek(&self, packet: &RawPacket<'_>) -> Option<QuicSeen> {
        if packet.kind != QuicPacketType::ZeroRtt || !self.sink.wants_carrier() {
            return None;
        }
        let mut plain = Vec::new();
        let unmasked = self.quic.levels.peek(packet, self.context.options.keys.as_ref(), &mut plain)?;
        let frames = Frames::new(&plain).take(FRAMES).collect();
        Some(QuicSeen { first: unmasked.first, number: Some(unmasked.number), frames, ..QuicSeen::of(packet) })
    }

    /// Reads what waits, as far as that can be read by now.
    pub(super) fn go_on(&mut self, is_end: bool) {
        // A round costs as much as there waits, and most packets bring nothing that would unlock any of it.
        let keys = self.context.options.keys.as_ref();
        let is_blocked = |(direction, kind)| self.quic.levels.is_blocked(kind, direction, keys);
        if !is_end && self.quic.waiting.kinds().all(is_blocked) {
            return;
        }
        // Early data comes before the answer that says whether the server takes it, and what acknowledges it behind both.
        if self.quic.facts.tls.early_data && self.quic.levels.terms.early_accepted.is_none() {
            self.round(Some(QuicPacketType::Handshake), false);
        }
        self.round(None, is_end);
    }

    /// Tries each of those that wait once, or those of one type; at the end those that still can't be read are given up.
    fn round(&mut self, only: Option<QuicPacketType>, is_end: bool) {
        for _ in 0..self.quic.waiting.len() {
            let Some(waiting) = self.quic.waiting.take() else { return };
            let id_length = self.quic.facts.ids[waiting.direction.reverse()].map_or(0, |id| id.bytes().len());
            let length = waiting.bytes.len() as u32;
            let Some(packet) = RawPacket::read(&waiting.bytes, length, id_length) else { continue };
            if only.is_some_and(|only| only != packet.kind) {
                self.quic.waiting.put_back(waiting);
                continue;
            }
            let mut pass = Pass {
                quic: self.quic,
                direction: waiting.direction,
                origin: waiting.origin,
                context: self.context,
                sink: self.sink,
            };
            if pass.process(&packet, &waiting.bytes, false) == Outcome::Done {
                continue;
            }
            if is_end {
                let lacks_hello = pass.quic.levels.terms.client_random.is_none();
                pass.unread(if lacks_hello { Unread::NoHandshake } else { Unread::NoKeys }, false);
            } else {
                self.quic.waiting.put_back(waiting);
            }
        }
    }

    /// A packet that should have been opened could not be.
    fn unread(&mut self, why: Unread, late: bool) {
        let facts = &mut self.quic.facts;
        facts.unread.get_or_insert(why);
        facts.sides[self.direction].unread_packets += 1;
        if late && !std::mem::replace(&mut self.quic.told_failure[self.direction], true) {
            self.sink.quic_fault(self.direction, QuicFault::KeysLate, self.origin);
        }
    }

    fn process(&mut self, packet: &RawPacket<'_>, datagram: &[u8], fresh: bool) -> Outcome {
        let direction = self.direction;
        match packet.kind {
            QuicPacketType::VersionNegotiation => self.quic.on_version_negotiation(packet, direction),
            QuicPacketType::Retry => self.quic.on_retry(packet, direction),
            QuicPacketType::Unknown => {}
            QuicPacketType::Initial => return self.initial(packet),
            QuicPacketType::ZeroRtt | QuicPacketType::Handshake | QuicPacketType::OneRtt => {
                return self.protected(packet, datagram, fresh);
            }
        }
        tell(self.sink, direction, &QuicSeen::of(packet), self.origin);
        Outcome::Done
    }

    /// The first packets, whose keys everybody can make.
    fn initial(&mut self, packet: &RawPacket<'_>) -> Outcome {
        let (direction, time) = (self.direction, self.origin.time);
        self.note_ids(packet);
        let largest = self.quic.numbers[direction][Space::Initial as usize].largest;
        // There are few of these packets, and many connections that never have another.
        let mut plain = Vec::new();
        let mut open = |keys: &PacketKeys| {
            let unmasked = keys.unmask(packet, largest)?;
            keys.open(packet, unmasked, &mut plain).then_some(unmasked)
        };
        let mut opened = self.quic.levels.initial(packet.version, direction).as_ref().and_then(&mut open);
        if opened.is_none() && direction == Direction::ToServer && self.quic.facts.ids.to_client.is_none() {
            // What the server had said to the first one, a Retry, was not captured.
            let keys = PacketKeys::initial(packet.version, packet.destination, direction);
            opened = keys.as_ref().and_then(&mut open);
            if opened.is_some() {
                self.quic.begin(packet.destination);
                self.quic.facts.retry |= !packet.token.is_empty();
            }
        }
        if let Some(unmasked) = opened {
            let facts = &mut self.quic.facts;
            if direction == Direction::ToServer {
                // Behind the answer it acknowledges, or says more.
                facts.hellos += u64::from(facts.answered.is_none());
                if !packet.token.is_empty() {
                    facts.token_length = Some(packet.token.len() as u64);
                }
            } else if facts.answered.is_none() {
                facts.answered = Some(time);
            }
            if direction == Direction::ToClient && facts.ids.to_client.is_none() {
                facts.ids.to_client = Some(packet.source);
                facts.version = Some(packet.version);
                self.issue(direction, 0, packet.source);
            }
            self.opened(packet, unmasked, &plain, false);
        } else {
            let facts = &mut self.quic.facts;
            facts.sides[direction].unread_packets += 1;
            if !facts.is_from_start() {
                facts.unread.get_or_insert(Unread::NoHandshake);
            }
            tell(self.sink, direction, &QuicSeen::of(packet), self.origin);
        }
        Outcome::Done
    }

    /// Notes the ids of the first packets.
    fn note_ids(&mut self, packet: &RawPacket<'_>) {
        let facts = &mut self.quic.facts;
        if self.direction == Direction::ToServer {
            facts.offered_version.get_or_insert(packet.version);
            facts.version.get_or_insert(packet.version);
            // A client that tries another version begins anew, with another id.
            let again = !facts.server_versions.is_empty() && facts.ids.to_client.is_none();
            if facts.original_id.is_none() || (again && facts.version != Some(packet.version)) {
                facts.original_id = Some(packet.destination);
                facts.version = Some(packet.version);
                facts.ids.to_server = Some(packet.source);
                self.quic.begin(packet.destination);
                self.issue(Direction::ToServer, 0, packet.source);
            }
        } else if facts.ids.to_client.is_none() && facts.original_id.is_none() {
            // The client's hello was not captured.
            facts.ids.to_client = Some(packet.source);
            facts.ids.to_server = Some(packet.destination);
            facts.version.get_or_insert(packet.version);
            self.issue(Direction::ToClient, 0, packet.source);
            self.issue(Direction::ToServer, 0, packet.destination);
        }
    }

    /// The end that sends in this direction has given out an id: what is sent to it goes by that.
    fn issue(&mut self, direction: Direction, sequence: u64, id: ConnectionId) {
        let issued = &mut self.quic.issued[direction];
        if issued.iter().any(|(known, _)| *known == sequence) {
            return;
        }
        if issued.len() >= ISSUED {
            issued.remove(0);
        }
        // Most ends of most connections give out one, or eight.
        if issued.is_empty() {
            issued.reserve_exact(1);
        }
        issued.push((sequence, id));
        self.quic.name(direction.reverse(), id);
    }

    /// A packet whose keys come from secrets.
    fn protected(&mut self, packet: &RawPacket<'_>, datagram: &[u8], fresh: bool) -> Outcome {
        let (direction, kind) = (self.direction, packet.kind);
        if fresh && kind == QuicPacketType::OneRtt {
            note_first(&mut self.quic.facts.data_since[direction], self.origin.time);
        }
        let facts = &self.quic.facts;
        let version = if kind == QuicPacketType::OneRtt { facts.version.unwrap_or_default() } else { packet.version };
        if kind != QuicPacketType::OneRtt && facts.ids[direction].is_none() {
            // Its hello was not captured.
            self.quic.facts.ids[direction] = Some(packet.source);
            self.quic.facts.version.get_or_insert(packet.version);
            self.issue(direction, 0, packet.source);
        }
        let keys = self.context.options.keys.as_ref();
        match self.quic.levels.prepare(kind, version, direction, keys) {
            Ready::Yes => {}
            Ready::NotYet if packet.is_whole => return Outcome::Blocked,
            Ready::NotYet => {
                self.unread(Unread::NoKeys, false);
                tell(self.sink, direction, &QuicSeen::of(packet), self.origin);
                return Outcome::Done;
            }
            Ready::Never(why) => {
                self.quic.levels.close(kind, direction, why);
                // What the server did not take was sent again.
                let refused = kind == QuicPacketType::ZeroRtt && self.quic.levels.terms.early_accepted == Some(false);
                let is_reset = self.is_reset(packet, datagram);
                if !refused && !is_reset {
                    self.unread(why, false);
                }
                tell(self.sink, direction, &QuicSeen { is_reset, ..QuicSeen::of(packet) }, self.origin);
                return Outcome::Done;
            }
        }
        let space = space_of(kind);
        let largest = self.quic.numbers[direction][space as usize].largest;
        let mut plain = std::mem::take(&mut self.quic.scratch);
        let opened = if packet.is_whole { self.quic.levels.open(packet, direction, largest, &mut plain) } else { None };
        if let Some((unmasked, updated)) = opened {
            self.quic.facts.decrypted = true;
            self.quic.facts.key_updates[direction] += u64::from(updated);
            self.opened(packet, unmasked, &plain, !fresh);
        } else {
            let is_reset = self.is_reset(packet, datagram);
            if !is_reset {
                self.unread(Unread::WrongKeys, false);
                if packet.is_whole && !std::mem::replace(&mut self.quic.told_failure[direction], true) {
                    self.sink.quic_fault(direction, QuicFault::NotAuthentic, self.origin);
                }
            }
            tell(self.sink, direction, &QuicSeen { is_reset, ..QuicSeen::of(packet) }, self.origin);
        }
        self.quic.scratch = plain;
        Outcome::Done
    }

    /// Whether what looks like a packet says that its sender knows nothing of the connection any more.
    fn is_reset(&mut self, packet: &RawPacket<'_>, datagram: &[u8]) -> bool {
        if packet.kind != QuicPacketType::OneRtt || !self.quic.tokens[self.direction].end(datagram) {
            return false;
        }
        let close = QuicClose {
            kind: QuicCloseKind::StatelessReset,
            by: self.direction.sender(),
            code: 0,
            reason: Box::default(),
            at: self.origin,
        };
        if self.quic.facts.close.is_none() {
            self.quic.facts.close = Some(close);
            self.sink.quic_fault(self.direction, QuicFault::StatelessReset, self.origin);
        }
        true
    }

    /// The content of a packet.
    fn opened(&mut self, packet: &RawPacket<'_>, unmasked: Unmasked, payload: &[u8], waited: bool) {
        let (direction, space) = (self.direction, space_of(packet.kind));
        self.quic.facts.sides[direction].opened_packets += 1;
        let is_new = self.quic.numbers[direction][space as usize].on_packet(unmasked.number);
        let mut seen = QuicSeen { first: unmasked.first, number: Some(unmasked.number), ..QuicSeen::of(packet) };
        let mut after = Vec::new();
        let tells = self.sink.wants_carrier() && !waited;
        for frame in Frames::new(payload) {
            if is_new {
                self.frame(&frame, payload, space, unmasked.number, &mut after);
            }
            if tells && seen.frames.len() < FRAMES {
                if let QuicFrame::Close { reason, .. } = &frame {
                    seen.reason = Some(self.private(part(payload, reason)));
                }
                seen.frames.push(frame);
            }
        }
        if !is_new {
            self.quic.facts.sides[direction].duplicates += 1;
        }
        if tells {
            tell(self.sink, direction, &seen, self.origin);
            for hello in &after {
                let hello = match hello {
                    Told::Client(hello) => Hello::Client(hello),
                    Told::Server(hello) => Hello::Server(hello),
                    _ => continue,
                };
                self.sink.carrier(direction, &CarrierPart::Hello(hello), self.origin);
            }
        }
    }

    /// Text of an end, with a token in its place where that is asked for.
    fn private(&self, text: &[u8]) -> Box<[u8]> {
        match &self.context.options.redactor {
            Some(redactor) => redactor.text(text).into_boxed_slice(),
            None => text.into(),
        }
    }

    fn frame(&mut self, frame: &QuicFrame, payload: &[u8], space: Space, number: u64, after: &mut Vec<Told>) {
        let direction = self.direction;
        match frame {
            QuicFrame::Ack { largest, first, further, .. } => {
                let numbers = &mut self.quic.numbers[direction.reverse()][space as usize];
                let mut any = false;
                for (first, last) in acknowledged(*largest, *first, part(payload, further)) {
                    any |= numbers.on_acknowledged(first, last);
                }
                if (any || numbers.unseen_count > 0) && space == Space::Data {
                    self.lost();
                }
            }
            QuicFrame::Crypto { offset, data } => self.crypto(*offset, part(payload, data), space, after),
            QuicFrame::Stream { kind, id, offset, data } => {
                let bytes = part(payload, data);
                let piece = Piece { id: *id, offset: *offset, bytes, fin: kind & 1 != 0, number };
                let limits = (self.context.reassembly, self.context.options.quic.streams);
                let Quic { streams, facts, .. } = &mut *self.quic;
                let QuicContext { options, flow, .. } = self.context;
                streams.push(
                    direction,
                    piece,
                    limits,
                    &mut Lent { facts, options, flow, origin: self.origin, sink: self.sink },
                );
            }
            QuicFrame::ResetStream { id, .. } => {
                let Quic { streams, facts, .. } = &mut *self.quic;
                let QuicContext { options, flow, .. } = self.context;
                streams.reset(direction, *id, &mut Lent { facts, options, flow, origin: self.origin, sink: self.sink });
            }
            QuicFrame::NewConnectionId { sequence, id, token, .. } => {
                self.quic.facts.further_ids[direction] += 1;
                if let Some(token) = part(payload, token).first_chunk() {
                    self.quic.tokens[direction].add(*token);
                }
                self.issue(direction, *sequence, *id);
            }
            QuicFrame::RetireConnectionId(sequence) => {
                let issued = &mut self.quic.issued[direction.reverse()];
                if let Some(at) = issued.iter().position(|(known, _)| known == sequence) {
                    let (_, id) = issued.remove(at);
                    self.quic.names[direction].push((id, false));
                }
            }
            QuicFrame::Close { frame_type, code, reason } => {
                if self.quic.facts.close.is_none() {
                    let kind = frame_type.map_or(QuicCloseKind::Application, QuicCloseKind::Transport);
                    let reason = self.private(&kept_name(part(payload, reason)));
                    let close = QuicClose { kind, by: direction.sender(), code: *code, reason, at: self.origin };
                    if close.is_error() {
                        self.sink.quic_fault(direction, QuicFault::Closed(*code), self.origin);
                    }
                    self.quic.facts.close = Some(close);
                }
            }
            QuicFrame::HandshakeDone => {
                self.quic.facts.confirmed.get_or_insert(self.origin);
            }
            QuicFrame::Datagram { .. } => self.quic.facts.sides[direction].datagrams += 1,
            QuicFrame::Padding(_)
            | QuicFrame::Ping
            | QuicFrame::StopSending { .. }
            | QuicFrame::NewToken(_)
            | QuicFrame::MaxData(_)
            | QuicFrame::MaxStreamData(..)
            | QuicFrame::MaxStreams(..)
            | QuicFrame::DataBlocked(_)
            | QuicFrame::StreamDataBlocked(..)
            | QuicFrame::StreamsBlocked(..)
            | QuicFrame::PathChallenge(_)
            | QuicFrame::PathResponse(_) => {}
        }
    }

    /// The other end has got packets of data that were not captured: holes in streams will not be filled.
    fn lost(&mut self) {
        let of = self.direction.reverse();
        let Quic { streams, facts, numbers, .. } = &mut *self.quic;
        let QuicContext { options, flow, .. } = self.context;
        let unseen = &numbers[of][Space::Data as usize].unseen;
        let is_lost = |behind: u64| unseen.any_within(behind.saturating_add(1), u64::MAX);
        streams.lost(of, &is_lost, &mut Lent { facts, options, flow, origin: self.origin, sink: self.sink });
    }

    /// Bytes of the handshake.
    fn crypto(&mut self, offset: u64, bytes: &[u8], space: Space, after: &mut Vec<Told>) {
        let direction = self.direction;
        for (kind, body) in self.quic.levels.crypto(direction, space).push(offset, bytes, self.origin) {
            let redactor = self.context.options.redactor.as_ref();
            let Quic { levels, facts, .. } = &mut *self.quic;
            let place = (space, direction);
            let told =
                handshake::on_message((kind, &body), place, self.origin, &mut levels.terms, &mut facts.tls, redactor);
            facts.early_accepted = levels.terms.early_accepted.filter(|_| facts.tls.early_data);
            match told {
                Told::Client(hello) => {
                    if let Some(said) = hello.transport.as_deref() {
                        self.parameters(&Parameters::read(said));
                    }
                    after.push(Told::Client(hello));
                }
                Told::Parameters(said) => self.parameters(&said),
                Told::Faults(faults) => {
                    for fault in faults.into_iter().flatten() {
                        self.sink.quic_fault(direction, QuicFault::Certificate(fault), self.origin);
                    }
                }
                told @ Told::Server(_) => after.push(told),
                Told::Nothing => {}
            }
        }
    }

    fn parameters(&mut self, said: &Parameters) {
        let direction = self.direction;
        if said.idle_timeout.is_some() {
            self.quic.facts.idle_timeout[direction] = said.idle_timeout;
        }
        if let Some(token) = said.reset_token {
            self.quic.tokens[direction].add(token);
        }
        if let Some((id, token)) = said.preferred {
            self.quic.tokens[direction].add(token);
            self.issue(direction, 1, id);
        }
    }
}

/// A part of a payload.
fn part<'a>(payload: &'a [u8], place: &std::ops::Range<u32>) -> &'a [u8] {
    payload.get(place.start as usize..place.end as usize).unwrap_or_default()
}
