//! The streams of the flow that a frame belongs to: bytes in order to the conversation, messages out as events.

use std::net::{IpAddr, SocketAddr};

use super::cap::Cap;
use super::dns::{self as names, Questions};
use super::event::{CarrierLine, Event, FlowRef, MessageLine, NeighbourMessage, Notice, NoticeKind, Sink, StreamPart};
use super::held::Waits;
use super::neighbours::{self, Expected};
use super::options::EngineOptions;
use super::stats::EngineStats;
use crate::capture::{Frame, Origin, Place};
use crate::dissect::{
    CarrierPart, Conversation, FlowFacts, FramedMessage, Hello, Message, MessageSink, Protocol, QuicFault, TlsFault,
    WebSocketFault, hidden,
};
use crate::flow::{Direction, Flow, KnownBy, PerDirection, Role, StreamSink};
use crate::mqtt::{Body, LostSync, Version};
use crate::neighbour::{Neighbour, Reading, dns};
use crate::wire::{Segment, TcpFlags};

/// Reads the streams of one flow while a frame is at hand.
pub(super) struct StreamReader<'a, S> {
    pub(super) options: &'a EngineOptions,
    pub(super) stats: &'a mut EngineStats,
    pub(super) lines: &'a mut Vec<MessageLine>,
    pub(super) waits: &'a mut Waits,
    pub(super) carried: &'a mut Vec<CarrierLine>,
    pub(super) readings: &'a mut Vec<Reading>,
    pub(super) questions: &'a mut Questions,
    pub(super) expected: &'a mut Expected,
    pub(super) origin: Origin,
    pub(super) sink: &'a mut S,
}

impl<S: Sink> StreamReader<'_, S> {
    /// Puts the segment's bytes into its stream, and reads what comes out.
    pub(super) fn streams(
        &mut self,
        flow: &mut Flow<Conversation>,
        direction: Direction,
        segment: &Segment<'_>,
        frame: &Frame<'_>,
    ) {
        if flow.app.is_ignored() && !self.options.streams {
            return;
        }
        if self.expected.has_any() && flow.app.protocol().is_none() && self.expected.takes(flow) {
            flow.app = Conversation::named(Protocol::Neighbour(Neighbour::FtpData));
            return;
        }
        flow.app.next_frame();
        let syn = segment.flags.has(TcpFlags::SYN);
        // What brings no bytes and no end, and nothing waits for, is most often an acknowledgement.
        if segment.payload_length == 0
            && !segment.flags.any(TcpFlags::SYN.with(TcpFlags::FIN))
            && flow.app.is_plain_mqtt()
            && !flow.streams[direction.reverse()].is_waiting()
        {
            return;
        }
        if syn {
            flow.streams[direction].start(segment.seq);
        }
        let before = (flow.streams[direction].capped(), flow.streams[direction].conflicts());
        if segment.payload_length > 0 && !segment.flags.has(TcpFlags::RST) {
            let seq = if syn { segment.seq.plus(1) } else { segment.seq };
            flow.streams[direction].join(seq);
            let cut = segment.payload_length.saturating_sub(segment.payload.len() as u32);
            let (place, limits) = (frame.place_of(segment.payload), self.options.reassembly);
            self.with(flow, direction, |stream, feed| stream.push(seq, segment.payload, cut, place, limits, feed));
        }
        // An acknowledgement matters only to what waits behind a hole.
        if segment.flags.has(TcpFlags::ACK) && flow.streams[direction.reverse()].is_waiting() {
            let (origin, ack) = (self.origin, segment.ack);
            self.with(flow, direction.reverse(), |stream, feed| stream.acknowledged(ack, origin, feed));
        }
        let stream = &flow.streams[direction];
        if stream.capped() > before.0 {
            self.stats.caps.add(Cap::OutOfOrder);
            self.notice(NoticeKind::ReassemblyCapped(direction), FlowRef::of(flow));
        }
        if stream.conflicts() > before.1 {
            self.notice(NoticeKind::ConflictingOverlap(direction), FlowRef::of(flow));
        }
        self.decide(flow);
        if segment.flags.has(TcpFlags::FIN) && !flow.streams[direction].is_waiting() {
            let origin = self.origin;
            let name = FlowRef::of(flow);
            flow.app.ended(direction, origin, &mut self.messages(name, origin));
        }
        if flow.app.is_carrier() && flow.app.is_ignored() && !self.options.streams {
            flow.streams = PerDirection::default();
        }
        if flow.app.turned_round() {
            flow.turn_round(KnownBy::Connect);
        }
    }

    pub(super) fn notice(&mut self, kind: NoticeKind, flow: FlowRef) {
        self.sink.event(&Event::Notice(&Notice { kind, flow: Some(flow), origin: self.origin }));
    }

    /// What takes the messages of a flow.
    pub(super) fn messages(&mut self, flow: FlowRef, origin: Origin) -> Messages<'_, S> {
        Messages {
            flow,
            options: self.options,
            stats: self.stats,
            lines: self.lines,
            carried: self.carried,
            readings: self.readings,
            questions: self.questions,
            expected: self.expected,
            origin,
            sink: self.sink,
        }
    }

    /// Runs the reassembler of a direction with the flow's conversation behind it.
    fn with(
        &mut self,
        flow: &mut Flow<Conversation>,
        direction: Direction,
        run: impl FnOnce(&mut crate::flow::StreamReassembler, &mut Feed<'_, '_, S>),
    ) {
        let before = flow.waiting(direction);
        let streams = self.options.streams;
        let messages = self.messages(FlowRef::of(flow), self.origin);
        let mut feed = Feed { conversation: &mut flow.app, direction, streams, messages };
        run(&mut flow.streams[direction], &mut feed);
        self.waits.came_to(before, flow.waiting(direction));
    }

    /// Lets the conversation begin once its protocol is known.
    fn decide(&mut self, flow: &mut Flow<Conversation>) {
        if flow.app.protocol().is_some() {
            return;
        }
        let Some(decision) = flow.app.decide(facts(flow), &self.options.dissect) else { return };
        if decision.turn_round {
            flow.turn_round(KnownBy::Connect);
        }
        let before = flow.waiting_in_both();
        let facts = facts(flow);
        let options = self.options;
        if options.streams && !matches!(decision.protocol, Protocol::Http | Protocol::WebSocket | Protocol::Tls) {
            self.tell_held(flow);
        }
        flow.app.begin(decision, facts, &options.dissect, &mut self.messages(FlowRef::of(flow), self.origin));
        if flow.app.is_ignored() && !self.options.streams {
            flow.streams = PerDirection::default();
        }
        self.waits.changed(before, flow.waiting_in_both());
    }

    /// All streams together hold too much, and this flow much of it: it holds nothing back any more.
    pub(super) fn shed(&mut self, flow: &mut Flow<Conversation>) {
        let origin = self.origin;
        for direction in Direction::BOTH {
            if flow.streams[direction].is_waiting() {
                self.with(flow, direction, |stream, feed| stream.finish(origin, feed));
                self.stats.caps.add(Cap::OutOfOrder);
                self.notice(NoticeKind::ReassemblyCapped(direction), FlowRef::of(flow));
            }
        }
        let before = flow.waiting_in_both();
        let name = FlowRef::of(flow);
        for _ in 0..flow.app.shed(&mut self.messages(name, origin)) {
            let count = self.stats.caps.add(Cap::Messages);
            if count.is_power_of_two() {
                self.notice(NoticeKind::CapReached(Cap::Messages, count), name);
            }
        }
        self.waits.changed(before, flow.waiting_in_both());
        self.decide(flow);
        if flow.app.turned_round() {
            flow.turn_round(KnownBy::Connect);
        }
        // Nobody knows what a beginning is that does not say so.
        if flow.app.protocol().is_none() {
            let before = flow.waiting_in_both();
            flow.app.give_up();
            self.waits.changed(before, flow.waiting_in_both());
        }
    }

    /// Tells what came before the protocol was known.
    fn tell_held(&mut self, flow: &Flow<Conversation>) {
        let name = FlowRef::of(flow);
        flow.app.held(&mut |direction, piece| {
            let (part, origin) = match piece {
                Ok((bytes, place)) => (StreamPart::Bytes(bytes), place.origin),
                Err((length, origin)) => (StreamPart::Gap(length), origin),
            };
            self.sink.event(&Event::Stream(name, direction, part, origin));
        });
    }

    /// There may be secrets now that were missing: what waits for them is read.
    pub(super) fn keys_came(&mut self, flow: &mut Flow<Conversation>) {
        let before = flow.waiting_in_both();
        let (name, origin) = (FlowRef::of(flow), flow.last);
        flow.app.keys_came(&mut self.messages(name, origin));
        self.waits.changed(before, flow.waiting_in_both());
    }

    /// The flow has ended: what its streams still hold is read.
    pub(super) fn finish(&mut self, flow: &mut Flow<Conversation>) {
        if flow.app.is_ignored() && !self.options.streams {
            return;
        }
        let origin = flow.last;
        for direction in Direction::BOTH {
            self.with(flow, direction, |stream, feed| stream.finish(origin, feed));
        }
        flow.app.no_more();
        self.decide(flow);
        if self.options.streams {
            self.tell_held(flow);
        }
        let before = flow.waiting_in_both();
        flow.app.finish(&mut self.messages(FlowRef::of(flow), origin));
        self.waits.changed(before, flow.waiting_in_both());
    }
}

/// What the conversation may know of its flow.
fn facts(flow: &Flow<Conversation>) -> FlowFacts {
    FlowFacts {
        client_port: flow.client.port(),
        server_port: flow.server.port(),
        roles_proved: flow.known_by <= KnownBy::Connect,
        roles_by_port: flow.known_by == KnownBy::Port,
        client_from_start: flow.connection.sides.to_server.starts_with_syn(),
        server_from_start: flow.connection.sides.to_client.starts_with_syn(),
    }
}

/// Takes the bytes of one direction in order, and gives them to the conversation.
struct Feed<'a, 'b, S> {
    conversation: &'a mut Conversation,
    direction: Direction,
    /// The bytes themselves are told as well.
    streams: bool,
    messages: Messages<'b, S>,
}

impl<S: Sink> Feed<'_, '_, S> {
    fn tell(&mut self, part: StreamPart<'_>, origin: Origin) {
        // What is not known yet is told once it is, and what carries another stream tells itself what it carries.
        if self.streams && self.conversation.protocol().is_some() && !self.conversation.is_carrier() {
            self.messages.sink.event(&Event::Stream(self.messages.flow, self.direction, part, origin));
        }
    }
}

impl<S: Sink> StreamSink for Feed<'_, '_, S> {
    fn data(&mut self, bytes: &[u8], place: Place) {
        self.conversation.data(self.direction, bytes, place, &mut self.messages);
        self.tell(StreamPart::Bytes(bytes), place.origin);
    }

    fn gap(&mut self, length: u64, origin: Origin) {
        self.conversation.gap(self.direction, length, origin, &mut self.messages);
        self.tell(StreamPart::Gap(length), origin);
    }
}

/// Takes the messages of one flow, and tells them as events.
pub(super) struct Messages<'a, S> {
    pub(super) flow: FlowRef,
    pub(super) options: &'a EngineOptions,
    pub(super) stats: &'a mut EngineStats,
    pub(super) lines: &'a mut Vec<MessageLine>,
    pub(super) carried: &'a mut Vec<CarrierLine>,
    pub(super) readings: &'a mut Vec<Reading>,
    pub(super) questions: &'a mut Questions,
    pub(super) expected: &'a mut Expected,
    pub(super) origin: Origin,
    pub(super) sink: &'a mut S,
}

/// The most messages that are named in the line of one frame.
const LINES_LIMIT: usize = 64;

impl<S: Sink> MessageSink for Messages<'_, S> {
    fn cut_header(&mut self, direction: Direction, at: u64) {
        let kind = NoticeKind::CutHeader(direction, at);
        self.sink.event(&Event::Notice(&Notice { kind, flow: Some(self.flow), origin: self.origin }));
    }

    fn websocket_fault(&mut self, direction: Direction, fault: WebSocketFault, origin: Origin) {
        let kind = NoticeKind::WebSocket(direction, fault);
        self.sink.event(&Event::Notice(&Notice { kind, flow: Some(self.flow), origin }));
    }

    fn tls_fault(&mut self, direction: Direction, fault: TlsFault, origin: Origin) {
        let kind = NoticeKind::Tls(direction, fault);
        self.sink.event(&Event::Notice(&Notice { kind, flow: Some(self.flow), origin }));
    }

    fn quic_fault(&mut self, direction: Direction, fault: QuicFault, origin: Origin) {
        let flow = Some(self.flow);
        self.sink.event(&Event::Notice(&Notice { kind: NoticeKind::Quic(direction, fault), flow, origin }));
    }

    fn dns(&mut self, direction: Direction, message: &[u8], length: u16) {
        if direction == Direction::ToClient {
            names::names(dns::PORT, message, length.into(), self.options, self.origin, self.sink);
        }
        if !(self.options.packets || self.options.neighbours) {
            return;
        }
        let Some(mut reading) = dns::read_of_stream(message, length) else { return };
        self.questions.pair(self.flow.id, message, self.origin, &mut reading);
        let reading = neighbours::shown(reading, self.options);
        if self.options.neighbours {
            let message = NeighbourMessage::in_flow(self.flow, direction, self.origin, &reading);
            self.sink.event(&Event::Neighbour(&message));
        }
        if self.options.packets && self.readings.len() < LINES_LIMIT {
            self.readings.push(reading);
        }
    }

    fn wants_carrier(&self) -> bool {
        self.options.packets || self.options.streams || self.options.carriers
    }

    fn carrier(&mut self, direction: Direction, part: &CarrierPart<'_>, origin: Origin) {
        if self.options.carriers {
            self.sink.event(&Event::Carrier(self.flow, direction, part));
        }
        if self.options.packets && origin.frame == self.origin.frame && self.carried.len() < LINES_LIMIT {
            match part {
                CarrierPart::HeadSeen(head) => self.carried.push(CarrierLine::Head(Box::new((*head).clone()))),
                CarrierPart::Frame(seen) => self.carried.push(CarrierLine::Frame(seen.header, seen.control.into())),
                CarrierPart::Record { kind, version, length } => {
                    self.carried.push(CarrierLine::Record { kind: *kind, version: *version, length: *length });
                }
                CarrierPart::Alert { level, description } => {
                    self.carried.push(CarrierLine::Alert(*level, *description));
                }
                CarrierPart::Quic(seen) => self.carried.push(CarrierLine::Quic(Box::new((*seen).clone()))),
                CarrierPart::Hello(Hello::Client(hello)) => {
                    self.carried.push(CarrierLine::ClientHello(Box::new((*hello).clone())));
                }
                CarrierPart::Hello(Hello::Server(hello)) => {
                    self.carried.push(CarrierLine::ServerHello(Box::new((*hello).clone())));
                }
                _ => {}
            }
        }
        if !self.options.streams {
            return;
        }
        let masked;
        let told = match part {
            CarrierPart::Head { bytes, .. } => {
                let mut shown = bytes.to_vec();
                for range in hidden(bytes) {
                    if let Some(secret) = shown.get_mut(range) {
                        secret.fill(b'*');
                    }
                }
                masked = shown;
                StreamPart::Head(&masked)
            }
            CarrierPart::Payload { bytes, .. } | CarrierPart::Inflated(bytes) | CarrierPart::Raw(bytes) => {
                StreamPart::Bytes(bytes)
            }
            CarrierPart::Missing(Some(length)) => StreamPart::Gap(*length),
            CarrierPart::Missing(None) => StreamPart::Lost,
            CarrierPart::HeadSeen(_)
            | CarrierPart::Header { .. }
            | CarrierPart::Aside { .. }
            | CarrierPart::Frame(_)
            | CarrierPart::Record { .. }
            | CarrierPart::Alert { .. }
            | CarrierPart::Quic(_)
            | CarrierPart::Hello(_) => return,
        };
        self.sink.event(&Event::Stream(self.flow, direction, told, origin));
    }

    fn wants_readings(&self) -> bool {
        self.options.packets || self.options.neighbours
    }

    fn reading(&mut self, direction: Direction, reading: Reading, origin: Origin) {
        let reading = neighbours::shown(reading, self.options);
        if self.options.neighbours {
            let message = NeighbourMessage::in_flow(self.flow, direction, origin, &reading);
            self.sink.event(&Event::Neighbour(&message));
        }
        if self.options.packets && origin.frame == self.origin.frame && self.readings.len() < LINES_LIMIT {
            self.readings.push(reading);
        }
    }

    fn expects_data(&mut self, listener: Role, address: Option<IpAddr>, port: u16) {
        let end = match listener {
            Role::Client => self.flow.client,
            Role::Server => self.flow.server,
        };
        // Behind a translator an end may give an address that nobody sees.
        for address in [Some(end.ip()), address.filter(|address| *address != end.ip())].into_iter().flatten() {
            self.expected.add(SocketAddr::new(address, port));
        }
    }

    fn wants_previews(&self) -> bool {
        self.options.previews
    }

    fn preview(&mut self, message: &Message<'_>) {
        self.sink.event(&Event::Preview(self.flow, message));
    }

    fn framed(&mut self, message: &FramedMessage<'_>) -> bool {
        // A line of the packet shows some fields.
        let taken = !self.options.packets && self.sink.framed(self.flow, message);
        self.stats.messages += u64::from(taken);
        taken
    }

    fn message(&mut self, message: &Message<'_>) {
        self.stats.messages += 1;
        // What is longer than may be held is cut there.
        if message.packet.missing > 0 && message.body.len() >= self.options.dissect.framer.held_bytes {
            let count = self.stats.caps.add(Cap::Messages);
            if count.is_power_of_two() {
                let kind = NoticeKind::CapReached(Cap::Messages, count);
                let notice = Notice { kind, flow: Some(self.flow), origin: message.origin };
                self.sink.event(&Event::Notice(&notice));
            }
        }
        self.sink.event(&Event::Message(self.flow, message));
        // What stood behind a hole is read with the frame that fills it.
        let in_line = self.options.packets && !(message.was_doubtful && message.origin.frame < self.origin.frame);
        if in_line && self.lines.len() < LINES_LIMIT {
            let packet_id = match &message.packet.body {
                Body::Publish(publish) => publish.packet_id,
                Body::Ack(ack) => ack.packet_id,
                Body::Subscribe(subscribe) => subscribe.packet_id,
                Body::SubAck(suback) => suback.packet_id,
                Body::Unsubscribe(unsubscribe) => unsubscribe.packet_id,
                Body::UnsubAck(unsuback) => unsuback.packet_id,
                Body::Connect(_)
                | Body::ConnAck(_)
                | Body::Ping
                | Body::Disconnect(_)
                | Body::Auth(_)
                | Body::Reserved(_) => None,
            };
            let topic = message.topic.map(<[u8]>::to_vec);
            self.lines.push(MessageLine { name: message.packet.header.packet_type.name(), topic, packet_id });
        }
    }

    fn lost_sync(&mut self, direction: Direction, lost: LostSync, version: Version) {
        let origin = self.origin;
        let notice = Notice { kind: NoticeKind::LostSync(direction, lost, version), flow: Some(self.flow), origin };
        self.sink.event(&Event::Notice(&notice));
    }
}
