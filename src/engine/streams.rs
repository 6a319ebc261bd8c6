//! The streams of the flow that a frame belongs to: bytes in order to the conversation, messages out as events.

use super::cap::Cap;
use super::event::{Event, FlowRef, MessageLine, Notice, NoticeKind, Sink, StreamPart};
use super::held::Waits;
use super::run::{EngineOptions, EngineStats};
use crate::capture::{Frame, Origin, Place};
use crate::dissect::{Conversation, FlowFacts, Message, MessageSink};
use crate::flow::{Direction, Flow, KnownBy, PerDirection, StreamSink};
use crate::mqtt::{Body, LostSync, Version};
use crate::wire::{Segment, TcpFlags};

/// Reads the streams of one flow while a frame is at hand.
pub(super) struct StreamReader<'a, S> {
    pub(super) options: &'a EngineOptions,
    pub(super) stats: &'a mut EngineStats,
    pub(super) lines: &'a mut Vec<MessageLine>,
    pub(super) waits: &'a mut Waits,
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
        let syn = segment.flags.has(TcpFlags::SYN);
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
        if flow.app.turned_round() {
            flow.turn_round(KnownBy::Connect);
        }
    }

    fn notice(&mut self, kind: NoticeKind, flow: FlowRef) {
        self.sink.event(&Event::Notice(&Notice { kind, flow: Some(flow), origin: self.origin }));
    }

    /// What takes the messages of a flow.
    fn messages(&mut self, flow: FlowRef, origin: Origin) -> Messages<'_, S> {
        Messages { flow, options: self.options, stats: self.stats, lines: self.lines, origin, sink: self.sink }
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
        flow.app.begin(decision, facts, &options.dissect, &mut self.messages(FlowRef::of(flow), self.origin));
        if flow.app.is_ignored() && !self.options.streams {
            flow.streams = PerDirection::default();
        }
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
        if self.streams {
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
struct Messages<'a, S> {
    flow: FlowRef,
    options: &'a EngineOptions,
    stats: &'a mut EngineStats,
    lines: &'a mut Vec<MessageLine>,
    origin: Origin,
    sink: &'a mut S,
}

/// The most messages that are named in the line of one frame.
const LINES_LIMIT: usize = 64;

impl<S: Sink> MessageSink for Messages<'_, S> {
    fn cut_header(&mut self, direction: Direction, at: u64) {
        let kind = NoticeKind::CutHeader(direction, at);
        self.sink.event(&Event::Notice(&Notice { kind, flow: Some(self.flow), origin: self.origin }));
    }

    fn wants_previews(&self) -> bool {
        self.options.previews
    }

    fn preview(&mut self, message: &Message<'_>) {
        self.sink.event(&Event::Preview(self.flow, message));
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
        let in_line = self.options.packets && message.origin.frame == self.origin.frame;
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
