//! The streams of a connection: in pieces and out of order, each with a conversation of its own (RFC 9000, sections 2 and 3).
//!
//! MQTT has no standard for it. What is common: the client opens one stream in both directions, which carries all (or, where
//! both ends know more than one, the CONNECT and what belongs to the session), and further ones that carry PUBLISH and
//! SUBSCRIBE of the same session. The first stream with MQTT is told as the session; of the others the messages are told, and
//! marked.

use std::collections::BTreeMap;

use super::super::message::QuicLane;
use super::super::{CarrierPart, Decision};
use super::super::{Conversation, DissectOptions, FlowFacts, Message, MessageSink, Protocol};
use super::facts::{QuicFacts, QuicFault};
use super::numbers::Ranges;
use crate::capture::{Origin, Place};
use crate::flow::{Conversing as _, Direction, PerDirection, ReassemblyLimits, Role, StreamReassembler, StreamSink};
use crate::mqtt::{LostSync, Version};
use crate::wire::SeqNum;

/// How far ahead of what was read bytes are believed to be: no window is larger.
const FARTHEST: u64 = 1 << 30;

/// What ends a stream in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// All of it was sent.
    Fin,
    /// Its sender has given it up.
    Reset,
}

/// One direction of a stream.
#[derive(Debug, Default)]
struct Way {
    order: StreamReassembler,
    /// Bytes that were passed on, holes included.
    passed: u64,
    /// Where it ends, once that is known.
    size: Option<u64>,
    /// The largest number of a packet that brought what was passed on at once.
    number: u64,
    /// Nothing more comes.
    over: bool,
}

/// A stream.
#[derive(Debug, Default)]
struct Stream {
    ways: PerDirection<Way>,
    inner: Conversation,
    /// What it carries is of no interest.
    ignored: bool,
}

/// All streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<u64, Stream>,
    /// Streams that are over, by their numbers without the bits for their kind, for each of the four kinds.
    over: [Ranges; 4],
    /// The one that carries the session.
    control: Option<u64>,
    version: Option<Version>,
    /// How the control stream ended, and by whom.
    pub(super) control_end: Option<(StreamEnd, Role, Origin)>,
    /// Whether the frame at hand brought bytes of a stream that is read.
    pub(super) touched: bool,
    told_capped: bool,
    told_many: bool,
}

/// What a connection lends its streams.
pub(super) struct Lent<'a> {
    pub(super) facts: &'a mut QuicFacts,
    pub(super) options: &'a DissectOptions,
    pub(super) flow: FlowFacts,
    pub(super) origin: Origin,
    pub(super) sink: &'a mut dyn MessageSink,
}

/// The bytes of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) id: u64,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    pub(super) fin: bool,
    /// The number of its packet.
    pub(super) number: u64,
}

impl Streams {
    /// The protocol of the control stream.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.control.map(|_| Protocol::Mqtt)
    }

    /// Bytes of messages that have begun in a direction.
    pub(super) fn message_bytes(&self, direction: Direction) -> usize {
        self.open.values().map(|stream| stream.inner.message_bytes(direction)).sum()
    }

    /// Memory besides that goes with a direction.
    pub(super) fn piece_bytes(&self, direction: Direction) -> usize {
        let of = |stream: &Stream| stream.ways[direction].order.piece_bytes() + stream.inner.piece_bytes(direction);
        // Streams beside the first are held only as long as there is room.
        let beside = self.open.len().saturating_sub(1) * size_of::<Stream>() / 2;
        self.open.values().map(of).sum::<usize>() + beside
    }

    /// Memory of both directions.
    pub(super) fn shared_bytes(&self) -> usize {
        self.open.values().map(|stream| stream.inner.shared_bytes()).sum()
    }

    /// Bytes ahead of holes, and the pieces that they came in.
    pub(super) fn ahead(&self, direction: Direction) -> (usize, usize) {
        let all = self.open.values().map(|stream| &stream.ways[direction].order);
        all.fold((0, 0), |sum, order| (sum.0 + order.held_bytes(), sum.1 + order.held_segments()))
    }

    /// Whether bytes of a stream are of interest.
    fn is_read(id: u64, lent: &Lent<'_>) -> bool {
        // What goes one way only is no stream of MQTT; its kind is in the last bits of its number (RFC 9000, section 2.1).
        if id & 2 != 0 {
            return false;
        }
        let is_mqtt = |name: &[u8]| name.starts_with(b"mqtt");
        if let Some(chosen) = &lent.facts.tls.alpn {
            return is_mqtt(chosen);
        }
        let offered = &lent.facts.tls.alpn_offered;
        offered.is_empty() || offered.iter().any(|name| is_mqtt(name))
    }

    /// Bytes of a stream.
    pub(super) fn push(
        &mut self,
        direction: Direction,
        piece: Piece<'_>,
        limits: (ReassemblyLimits, usize),
        lent: &mut Lent<'_>,
    ) {
        let Piece { id, offset, bytes, fin, number } = piece;
        if !Self::is_read(id, lent) || self.over[(id & 3) as usize].contains(id >> 2) {
            return;
        }
        if !self.open.contains_key(&id) {
            if self.open.len() >= limits.1 {
                lent.facts.streams_left_out += 1;
                if !std::mem::replace(&mut self.told_many, true) {
                    lent.sink.quic_fault(direction, QuicFault::TooManyStreams, lent.origin);
                }
                self.finish_stream(id);
                return;
            }
            lent.facts.streams += 1;
        }
        let stream = self.open.entry(id).or_default();
        let way = &mut stream.ways[direction];
        let end = offset + bytes.len() as u64;
        if way.over || end > way.passed + FARTHEST {
            return;
        }
        if fin {
            way.size = Some(end);
        }
        way.order.join(SeqNum(0));
        let capped = way.order.capped();
        if end > way.passed {
            if offset <= way.passed {
                way.number = way.number.max(number);
                self.touched |= !stream.ignored;
            }
            lent.facts.sides[direction].stream_bytes += end - offset.max(way.passed);
            let place = Place { origin: lent.origin, offset: None };
            let control = self.control == Some(id);
            let mut feed = Feed { id, control, direction, inner: &mut stream.inner, passed: &mut way.passed, lent };
            way.order.push(SeqNum(offset as u32), bytes, 0, place, limits.0, &mut feed);
        }
        if way.order.capped() > capped && !std::mem::replace(&mut self.told_capped, true) {
            lent.sink.quic_fault(direction, QuicFault::Capped, lent.origin);
        }
        self.settle(id, direction, lent);
    }

    /// An end gives up a stream that it has sent so many bytes of.
    pub(super) fn reset(&mut self, direction: Direction, id: u64, lent: &mut Lent<'_>) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        let way = &mut stream.ways[direction];
        if !std::mem::replace(&mut way.over, true) && self.control == Some(id) {
            self.control_end.get_or_insert((StreamEnd::Reset, direction.sender(), lent.origin));
        }
        self.close_if_over(id, lent);
    }

    /// The other end has got packets of a direction that were not captured: what waits behind them is read.
    pub(super) fn lost(&mut self, direction: Direction, is_lost: &dyn Fn(u64) -> bool, lent: &mut Lent<'_>) {
        let waiting = |stream: &Stream| stream.ways[direction].order.is_waiting();
        let ids: Vec<u64> = self.open.iter().filter(|(_, stream)| waiting(stream)).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(stream) = self.open.get_mut(&id) else { continue };
            let way = &mut stream.ways[direction];
            if !is_lost(way.number) {
                continue;
            }
            let control = self.control == Some(id);
            let (ack, origin) = (SeqNum(way.passed as u32).plus(1), lent.origin);
            let mut feed = Feed { id, control, direction, inner: &mut stream.inner, passed: &mut way.passed, lent };
            way.order.acknowledged(ack, origin, &mut feed);
            self.settle(id, direction, lent);
        }
    }

    /// What has come of a stream is judged.
    fn settle(&mut self, id: u64, direction: Direction, lent: &mut Lent<'_>) {
        self.decide(id, lent);
        let Some(stream) = self.open.get_mut(&id) else { return };
        let way = &mut stream.ways[direction];
        if way.size.is_some_and(|size| way.passed >= size) && !std::mem::replace(&mut way.over, true) {
            if self.control == Some(id) {
                self.control_end.get_or_insert((StreamEnd::Fin, direction.sender(), lent.origin));
            }
            self.close_if_over(id, lent);
        }
        if self.control.is_some() {
            // What had come before it was known which stream has the CONNECT.
            let others: Vec<u64> =
                self.open.iter().filter(|(_, other)| other.inner.has_news()).map(|(id, _)| *id).collect();
            for id in others {
                self.decide(id, lent);
            }
        }
    }

    /// Lets a conversation begin once it is known what it is.
    fn decide(&mut self, id: u64, lent: &mut Lent<'_>) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        if stream.ignored || stream.inner.protocol().is_some() {
            return;
        }
        let protocol = if self.control.is_some() {
            // A stream beside the one that carries the session.
            Some(Protocol::Mqtt).filter(|_| stream.inner.has_news())
        } else {
            stream.inner.decide_carried(lent.flow)
        };
        let Some(protocol) = protocol else { return };
        if protocol != Protocol::Mqtt {
            *stream = Stream { ignored: true, ..Stream::default() };
            stream.inner.give_up();
            return;
        }
        let control = *self.control.get_or_insert(id) == id;
        lent.facts.mqtt_streams += 1;
        if lent.sink.wants_carrier() {
            let (sink, origin) = (&mut *lent.sink, lent.origin);
            stream.inner.held(&mut |direction, piece| match piece {
                Ok((bytes, place)) => sink.carrier(direction, &CarrierPart::Inflated(bytes), place.origin),
                Err((length, _)) => sink.carrier(direction, &CarrierPart::Missing(Some(length)), origin),
            });
        }
        let decision = Decision { protocol, turn_round: false };
        let version = self.version.filter(|_| !control);
        stream.inner.begin_versioned(
            decision,
            lent.flow,
            lent.options,
            version,
            &mut Lane { id, control, sink: lent.sink },
        );
        if control {
            self.version = stream.inner.mqtt_version();
        }
    }

    /// Nothing more comes of a stream that is over in both directions.
    fn close_if_over(&mut self, id: u64, lent: &mut Lent<'_>) {
        let is_over = |stream: &Stream| Direction::BOTH.iter().all(|way| stream.ways[*way].over);
        if self.open.get(&id).is_some_and(is_over)
            && let Some(mut stream) = self.open.remove(&id)
        {
            self.finish_stream(id);
            let control = self.control == Some(id);
            stream.finish(id, control, lent);
        }
    }

    fn finish_stream(&mut self, id: u64) {
        if let Some(over) = self.over.get_mut((id & 3) as usize) {
            over.insert(id >> 2, id >> 2);
        }
    }

    /// The version of the session may have become known.
    pub(super) fn note_version(&mut self) {
        if self.version.is_none()
            && let Some(control) = self.control.and_then(|id| self.open.get(&id))
        {
            self.version = control.inner.mqtt_version();
        }
    }

    /// Holds nothing back any more; gives how many messages are cut by it.
    pub(super) fn shed(&mut self, lent: &mut Lent<'_>) -> u64 {
        let mut cut = 0;
        let ids: Vec<u64> = self.open.keys().copied().collect();
        for id in ids {
            let control = self.control == Some(id);
            let Some(stream) = self.open.get_mut(&id) else { continue };
            stream.give_out(id, control, lent);
            cut += stream.inner.shed(&mut Lane { id, control, sink: lent.sink });
            self.decide(id, lent);
            if self.control == Some(id) {
                continue;
            }
            if let Some(mut stream) = self.open.remove(&id) {
                self.finish_stream(id);
                lent.facts.streams_left_out += 1;
                stream.finish(id, false, lent);
            }
        }
        cut
    }

    /// No more will come.
    pub(super) fn finish(&mut self, lent: &mut Lent<'_>) {
        let ids: Vec<u64> = self.open.keys().copied().collect();
        for id in ids {
            let control = self.control == Some(id);
            if let Some(stream) = self.open.get_mut(&id) {
                stream.give_out(id, control, lent);
                stream.inner.no_more();
            }
            self.decide(id, lent);
            let control = self.control == Some(id);
            if let Some(mut stream) = self.open.remove(&id) {
                stream.finish(id, control, lent);
            }
        }
    }
}

impl Stream {
    /// What waits ahead of holes is read, in both directions.
    fn give_out(&mut self, id: u64, control: bool, lent: &mut Lent<'_>) {
        for direction in Direction::BOTH {
            let (way, origin) = (&mut self.ways[direction], lent.origin);
            let mut feed = Feed { id, control, direction, inner: &mut self.inner, passed: &mut way.passed, lent };
            way.order.finish(origin, &mut feed);
        }
    }

    fn finish(&mut self, id: u64, control: bool, lent: &mut Lent<'_>) {
        self.give_out(id, control, lent);
        self.inner.finish(&mut Lane { id, control, sink: lent.sink });
    }
}

/// Takes the bytes of one direction in order, and gives them to the conversation.
struct Feed<'a, 'b> {
    id: u64,
    control: bool,
    direction: Direction,
    inner: &'a mut Conversation,
    passed: &'a mut u64,
    lent: &'a mut Lent<'b>,
}

impl Feed<'_, '_> {
    fn tell(&mut self, part: &CarrierPart<'_>, origin: Origin) {
        if self.inner.protocol() == Some(Protocol::Mqtt) && self.lent.sink.wants_carrier() {
            self.lent.sink.carrier(self.direction, part, origin);
        }
    }
}

impl StreamSink for Feed<'_, '_> {
    fn data(&mut self, bytes: &[u8], place: Place) {
        *self.passed += bytes.len() as u64;
        let mut lane = Lane { id: self.id, control: self.control, sink: self.lent.sink };
        self.inner.data(self.direction, bytes, place, &mut lane);
        self.tell(&CarrierPart::Inflated(bytes), place.origin);
    }

    fn gap(&mut self, length: u64, origin: Origin) {
        *self.passed += length;
        let mut lane = Lane { id: self.id, control: self.control, sink: self.lent.sink };
        self.inner.gap(self.direction, length, origin, &mut lane);
        self.tell(&CarrierPart::Missing(Some(length)), origin);
    }
}

/// Marks the messages of a stream as its own.
struct Lane<'a> {
    id: u64,
    control: bool,
    sink: &'a mut dyn MessageSink,
}

impl Lane<'_> {
    /// The message with the stream that it came on.
    fn marked<'m>(&self, message: &Message<'m>) -> Message<'m> {
        let mut marked = message.clone();
        marked.framed.quic = Some(QuicLane::new(self.id, self.control));
        marked
    }
}

impl MessageSink for Lane<'_> {
    fn message(&mut self, message: &Message<'_>) {
        self.sink.message(&self.marked(message));
    }

    fn wants_previews(&self) -> bool {
        self.sink.wants_previews()
    }

    fn preview(&mut self, message: &Message<'_>) {
        self.sink.preview(&self.marked(message));
    }

    fn lost_sync(&mut self, direction: Direction, lost: LostSync, version: Version) {
        self.sink.lost_sync(direction, lost, version);
    }

    fn cut_header(&mut self, direction: Direction, at: u64) {
        self.sink.cut_header(direction, at);
    }
}
