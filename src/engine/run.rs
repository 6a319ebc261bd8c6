//! The engine itself: decode a frame, find its flow, follow it, read its streams.

use std::net::SocketAddr;

use super::cap::Cap;
use super::event::{CarrierLine, Coming, Event, FlowRef, MessageLine, Notice, NoticeKind, PacketView, Sink};
use super::held::{EngineHeld, Level, Waits};
use super::idle;
use super::neighbours::{Expected, Neighbours};
use super::options::EngineOptions;
use super::stats::EngineStats;
use super::streams::StreamReader;
use crate::capture::{Batch, Frame, FrameNo, Lost, Origin, Secrets};
use crate::dissect::sn::SnTopics;
use crate::dissect::{Conversation, Protocol, Quic};
use crate::flow::{
    Direction, Ended, EndedFlows, FlowTable, Found, Marks, OpenFlow, PerDirection, Transport, Verdict,
    WiresharkAnalysis, WiresharkVerdict,
};
use crate::time::{Span, Timestamp};
use crate::wire::{DecodeStats, Decoder, Ip, Packet, Payload, Segment, Trace, peek};

/// Follows a capture: call [`Engine::frame`] for each frame in order, then [`Engine::finish`].
///
/// ```
/// use mqttsniff::engine::{Engine, EngineOptions, Event};
/// use mqttsniff::capture::{Batch, FrameHeader, LinkType};
/// use mqttsniff::time::Timestamp;
///
/// let mut batch = Batch::new();
/// let time = Timestamp::from_secs_nanos(1_800_000_000, 0);
/// let bytes = [0x45, 0, 0, 20, 0, 1, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
/// let header = FrameHeader { time, link: LinkType::RAW, length: 20, interface: 0, fcs_length: 0 };
/// batch.push(header, &bytes);
///
/// let mut engine = Engine::new(EngineOptions { packets: true, ..EngineOptions::default() });
/// let mut packets = 0;
/// let mut sink = |event: &Event<'_>| packets += usize::from(matches!(event, Event::Packet(_)));
/// for frame in batch.frames() {
///     engine.frame(&frame, &[], &mut sink);
/// }
/// engine.finish(&mut sink);
/// assert_eq!(packets, 1);
/// ```
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    decoder: Decoder,
    followed: Followed,
    wireshark: Option<Box<WiresharkAnalysis>>,
    trace: Option<Box<Trace>>,
    ahead: [Ahead; RING],
}

/// How many flows give up what they hold at one frame, which may have added no more than 64 KiB.
const SHED_AT_ONCE: usize = 64;

/// How many frames ahead are remembered.
const RING: usize = 32;

/// What is known of the flow of a frame that comes soon.
#[derive(Debug, Clone, Copy, Default)]
enum Ahead {
    #[default]
    Unknown,
    /// The hash of its ends.
    Expected(u32),
    /// The slot that it most likely has.
    At(u32),
}

/// What is followed from frame to frame, apart from fragments.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) flows: FlowTable<Conversation>,
    pub(super) stats: EngineStats,
    ended: EndedFlows<Conversation>,
    pub(super) lines: Vec<MessageLine>,
    /// What ids of MQTT-SN stand for.
    pub(super) topics: SnTopics,
    /// What is held back, and what was by connections that were dropped since.
    pub(super) waits: Waits,
    pub(super) carried: Vec<CarrierLine>,
    /// What is known of the protocols around MQTT.
    pub(super) neighbours: Neighbours,
    /// Connections for data that others have agreed on.
    pub(super) expected: Expected,
    /// The time of the last frame.
    previous: Option<Timestamp>,
    /// What was lost since the last frame.
    untold: Lost,
    /// The last frame before the latest loss; nothing is known of what came just behind it.
    lost_behind: Option<FrameNo>,
}

impl Followed {
    /// The memory of what streams hold back.
    #[inline]
    pub(super) fn holds(&self) -> u64 {
        self.waits.now.without(self.flows.dropped()).memory()
    }

    /// The flows, and what reads the streams of one of them.
    fn reader<'a, S>(
        &'a mut self,
        options: &'a EngineOptions,
        origin: Origin,
        sink: &'a mut S,
    ) -> (&'a mut FlowTable<Conversation>, StreamReader<'a, S>) {
        let Self { flows, stats, lines, waits, carried, neighbours, expected, .. } = self;
        let Neighbours { readings, questions, .. } = neighbours;
        let reader =
            StreamReader { options, stats, lines, waits, carried, readings, questions, expected, origin, sink };
        (flows, reader)
    }

    /// The slots of QUIC connections of which packets wait for their keys.
    fn slots_of_quic(&self) -> Vec<usize> {
        let waits = |app: &Conversation| app.quic().is_some_and(Quic::waits_for_keys);
        let slots = self.flows.open_flows().filter_map(|(slot, flow)| match flow {
            OpenFlow::Udp(datagrams) => datagrams.app.as_ref().filter(|app| waits(app)).map(|_| slot),
            OpenFlow::Tcp(_) => None,
        });
        slots.collect()
    }

    /// What belongs to the line of one frame is used up.
    fn frame_is_told(&mut self) {
        self.lines.clear();
        self.carried.clear();
        self.neighbours.readings.clear();
    }
}

impl Engine {
    /// An engine that has seen nothing yet.
    pub fn new(mut options: EngineOptions) -> Self {
        // Who uses a port that was named is the client of it.
        options.flows.server_ports.extend(options.dissect.decode_as.iter().map(|(port, _)| *port));
        let mut decoder = Decoder::new(options.fragments);
        decoder.verify_checksums(!options.ignore_checksums);
        let rules = options.wireshark.filter(|_| options.packets);
        Self {
            decoder,
            followed: Followed {
                flows: FlowTable::new(options.flows.clone()),
                stats: EngineStats::default(),
                ended: Vec::new(),
                lines: Vec::new(),
                topics: SnTopics::new(&options.dissect.sn.predefined, options.dissect.sn.names_bytes),
                waits: Waits::default(),
                carried: Vec::new(),
                neighbours: Neighbours::default(),
                expected: Expected::default(),
                previous: None,
                untold: Lost::default(),
                lost_behind: None,
            },
            wireshark: rules.map(|rules| Box::new(WiresharkAnalysis::new(rules, options.flows.flows))),
            trace: (options.packets && options.places).then(Box::default),
            ahead: [Ahead::Unknown; RING],
            options,
        }
    }

    /// Whether all that it tells can be written down in an [`EventLog`](super::EventLog).
    pub const fn is_logged(&self) -> bool {
        !(self.options.packets
            || self.options.streams
            || self.options.carriers
            || self.options.previews
            || self.options.neighbours)
    }

    /// What was counted so far.
    pub const fn stats(&self) -> &EngineStats {
        &self.followed.stats
    }

    /// All that was said to be lost so far: what is counted, and what is to be told before the next frame or at the end.
    pub fn lost_so_far(&self) -> Lost {
        self.followed.stats.lost.and(self.followed.untold)
    }

    /// What decoding has counted so far.
    pub fn decode_stats(&self) -> DecodeStats {
        self.decoder.stats()
    }

    /// How many flows are followed that have not ended.
    pub fn open_flow_count(&self) -> usize {
        self.followed.flows.len()
    }

    /// The flows that are followed and have not ended, each with a number that stays its own until then.
    pub fn open_flows(&self) -> impl Iterator<Item = (usize, OpenFlow<'_, Conversation>)> {
        self.followed.flows.open_flows()
    }

    /// How much it holds, and how much it may.
    pub fn held(&self) -> EngineHeld {
        let Self { options, followed, .. } = self;
        let fragments = self.decoder.fragments();
        let waiting = followed.waits.now.without(followed.flows.dropped());
        let most = followed.waits.most_in_one;
        let of_each = |now, most, limit: usize| Level { now, limit: limit as u64, most_in_one: Some(most) };
        EngineHeld {
            flows: Level::of_all(followed.flows.len(), options.flows.flows.max(1)),
            fragments: Level::of_all(fragments.waiting as usize, options.fragments.datagrams),
            fragment_bytes: Level::of_all(fragments.waiting_bytes as usize, options.fragments.bytes),
            out_of_order_bytes: of_each(waiting.ahead_bytes, most.ahead_bytes, options.reassembly.bytes),
            out_of_order_segments: of_each(waiting.ahead_segments, most.ahead_segments, options.reassembly.segments),
            stream_memory: Level::of_all(followed.holds() as usize, options.held.0),
            message_bytes: of_each(waiting.message_bytes, most.message_bytes, options.dissect.framer.held_bytes),
        }
    }

    /// Goes ahead of the frames: asks for the memory that those behind this one need, step by step.
    ///
    /// `next` is the place of the frame that is taken in next; those behind it are looked at, and no judgement is made.
    /// Gives the flows of those among them that carry MQTT.
    #[inline]
    pub fn look_ahead(&mut self, batch: &Batch, next: usize) -> Coming {
        const FETCH: usize = 36;
        const EXPECT: usize = 24;
        const LOCATE: usize = 18;
        const APPROACH: usize = 12;
        const ARRIVE: usize = 6;
        const ENTER: usize = 3;
        batch.prefetch(next + FETCH);
        let flows = &mut self.followed.flows;
        let ring = &mut self.ahead;
        if let Ahead::At(slot) = ring[next % RING] {
            flows.hint(slot as usize);
        }
        let ends = batch.get(next + EXPECT).and_then(|frame| peek::ends(&frame));
        ring[(next + EXPECT) % RING] = match ends {
            Some((source, destination)) => Ahead::Expected(flows.expect(source, destination)),
            None => Ahead::Unknown,
        };
        let located = &mut ring[(next + LOCATE) % RING];
        if let Ahead::Expected(hash) = *located {
            *located = flows.locate(hash).map_or(Ahead::Unknown, |slot| Ahead::At(slot as u32));
        }
        if let Ahead::At(slot) = ring[(next + APPROACH) % RING] {
            flows.approach(slot as usize);
        }
        let mut coming = Coming::default();
        if let Ahead::At(slot) = ring[(next + ARRIVE) % RING]
            && let Some((flow, conversation)) = flows.arrive(slot as usize)
        {
            coming.later = conversation.prefetch().then_some(flow);
        }
        if let Ahead::At(slot) = ring[(next + ENTER) % RING]
            && let Some((flow, conversation)) = flows.enter(slot as usize)
        {
            coming.sooner = conversation.is_plain_mqtt().then_some(flow);
        }
        coming
    }

    /// Takes in what a capture file holds to decrypt the frames behind.
    pub fn learn(&mut self, secrets: &Secrets) {
        if let (Some(keys), Secrets::TLS) = (&self.options.dissect.keys, secrets.kind) {
            keys.add(&secrets.bytes);
        }
    }

    /// There may be secrets now that were missing, though no frame has come: what waits for them is read, and told.
    pub fn keys_came(&mut self, sink: &mut impl Sink) {
        let Some(origin) = self.followed.stats.last else { return };
        let (flows, mut reader) = self.followed.reader(&self.options, origin, sink);
        flows.connections_mut().for_each(|flow| reader.keys_came(flow));
        for slot in self.followed.slots_of_quic() {
            Pass { options: &self.options, followed: &mut self.followed, origin, sink: &mut *sink }
                .quic_keys_came(slot);
        }
        // There is no frame in whose line they could stand.
        self.followed.frame_is_told();
    }

    /// No frame has come for so long since the last one: flows that are over are told as if one had.
    ///
    /// It is for live captures, which may be silent for hours. What is read from a file has no time but that of its frames.
    pub fn time_passes(&mut self, silence: Span, sink: &mut impl Sink) {
        let (Some(last), Some(before)) = (self.followed.stats.last, self.followed.previous) else { return };
        self.followed.flows.time_passes(before, silence, &mut self.followed.ended);
        Pass { options: &self.options, followed: &mut self.followed, origin: last, sink }.emit_ended();
        // There is no frame in whose line they could stand.
        self.followed.frame_is_told();
    }

    /// Frames were lost before the one that is taken in next, or before the end.
    ///
    /// What rests on what did not come is no proof any more for a flow that is not heard of again.
    pub fn lost(&mut self, lost: Lost) {
        self.followed.untold = self.followed.untold.and(lost);
    }

    /// Takes in the next frame; `comments` are those of its file.
    pub fn frame(&mut self, frame: &Frame<'_>, comments: &[&str], sink: &mut impl Sink) {
        let origin = frame.origin();
        self.followed.stats.frames += 1;
        self.followed.stats.bytes += u64::from(frame.header.length);
        self.followed.stats.cut += u64::from(frame.cut() > 0);
        let before = self.followed.previous.replace(origin.time).filter(|before| origin.time < *before);
        if self.followed.untold != Lost::default() {
            let last = FrameNo(origin.frame.0.saturating_sub(1));
            Pass { options: &self.options, followed: &mut self.followed, origin, sink: &mut *sink }.lost(last);
        }
        let stats = &mut self.followed.stats;
        // The clock of a capture may go back; first and last are by time.
        if stats.first.is_none_or(|first| origin.time < first.time) {
            stats.first = Some(origin);
        }
        if stats.last.is_none_or(|last| origin.time >= last.time) {
            stats.last = Some(origin);
        }
        let evicted = self.decoder.fragments_evicted();
        let packet = match &mut self.trace {
            Some(trace) => self.decoder.decode_traced(frame, trace),
            None => self.decoder.decode(frame),
        };
        if packet.stop.is_some_and(|stop| !stop.cut) {
            self.followed.stats.decode_stopped += 1;
        }
        let wireshark = match (&mut self.wireshark, &packet.ip, &packet.payload) {
            (Some(wireshark), Some(ip), Payload::Tcp(segment)) => {
                let verdict = wireshark.on_segment(ip, segment, origin);
                self.followed.stats.forgotten += wireshark.take_forgotten();
                Some(verdict)
            }
            _ => None,
        };
        // The frames of a datagram that came in fragments are all of its flow.
        let length = frame.header.length.saturating_add(packet.earlier_length);
        let mut pass = Pass { options: &self.options, followed: &mut self.followed, origin, sink };
        if let Some(before) = before {
            pass.notice(NoticeKind::ClockBack(before.since(origin.time)), None);
        }
        pass.fragments_evicted(evicted);
        if let Some(note) = packet.fragment_note {
            pass.notice(NoticeKind::Fragments(note), None);
        }
        let found = match (&packet.ip, &packet.payload) {
            (Some(ip), Payload::Tcp(segment)) => Some(pass.segment(ip, segment, length, frame)),
            (Some(ip), Payload::Udp(datagram)) => {
                let source = SocketAddr::new(ip.source, datagram.source);
                let destination = SocketAddr::new(ip.destination, datagram.destination);
                let sizes = (datagram.payload_length, length);
                let belongs = pass.belongs(source, destination, datagram.payload, datagram.payload_length);
                let (flows, ended) = (&mut pass.followed.flows, &mut pass.followed.ended);
                let found = flows.on_datagram((source, destination), sizes, belongs, origin, ended);
                pass.emit_ended();
                let found = pass.quic(found, (source, destination), datagram.payload, datagram.payload_length);
                let place = frame.place_of(datagram.payload);
                Some((pass.datagram(found, datagram, (source, destination), place), None))
            }
            (ip, Payload::Icmp(icmp)) => {
                pass.icmp(ip.as_ref().map(|ip| ip.source), icmp);
                pass.packet_of_no_flow(&packet);
                None
            }
            (_, Payload::Arp(arp)) => {
                // Who asks from 0.0.0.0 only wants to know whether the address is free (RFC 5227, section 2.1.1).
                if !arp.sender.is_unspecified() && matches!(arp.operation, 1 | 2) {
                    pass.notice(NoticeKind::AddressClaimed(arp.sender, arp.sender_mac), None);
                }
                pass.packet_of_no_flow(&packet);
                None
            }
            _ => None,
        };
        if self.options.packets {
            pass.packet(frame, comments, &packet, found, wireshark.as_ref(), self.trace.as_deref());
        }
        self.followed.frame_is_told();
    }

    /// The capture has ended: all flows are told.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        let Some(origin) = self.followed.stats.last else { return };
        let evicted = self.decoder.fragments_evicted();
        let fragments = self.decoder.stats().fragments;
        let mut pass = Pass { options: &self.options, followed: &mut self.followed, origin, sink };
        if pass.followed.untold != Lost::default() {
            pass.lost(FrameNo(u64::MAX));
        }
        // One after the other, so that not all are there as told and as followed at once.
        for slot in pass.followed.flows.left() {
            pass.followed.flows.finish(slot, origin.time, &mut pass.followed.ended);
            pass.emit_ended();
        }
        pass.fragments_evicted(evicted);
        let unfinished = fragments.waiting + fragments.expired + fragments.evicted;
        if unfinished > 0 {
            pass.notice(NoticeKind::FragmentsUnfinished(unfinished), None);
        }
    }
}

/// The way of one frame through the engine.
pub(super) struct Pass<'a, S> {
    pub(super) options: &'a EngineOptions,
    pub(super) followed: &'a mut Followed,
    pub(super) origin: Origin,
    pub(super) sink: &'a mut S,
}

impl<S: Sink> Pass<'_, S> {
    pub(super) fn notice(&mut self, kind: NoticeKind, flow: Option<FlowRef>) {
        self.sink.event(&Event::Notice(&Notice { kind, flow, origin: self.origin }));
    }

    /// Frames were lost, behind this one.
    fn lost(&mut self, behind: FrameNo) {
        let stats = &mut self.followed.stats;
        stats.lost = stats.lost.and(std::mem::take(&mut self.followed.untold));
        self.followed.lost_behind = Some(behind);
        let lost = stats.lost;
        self.notice(NoticeKind::FramesLost(lost), None);
    }

    /// So many fragmented datagrams were given up by now, before this frame.
    fn fragments_evicted(&mut self, evicted: u64) {
        let before = self.followed.stats.caps.of(Cap::Fragments);
        if evicted > before {
            self.followed.stats.caps.set(Cap::Fragments, evicted);
            if evicted.checked_ilog2() != before.checked_ilog2() {
                self.notice(NoticeKind::CapReached(Cap::Fragments, evicted), None);
            }
        }
    }

    /// A TCP segment: its flow, its verdict, and what it adds to the streams.
    fn segment(&mut self, ip: &Ip, segment: &Segment<'_>, length: u32, frame: &Frame<'_>) -> (Found, Option<Verdict>) {
        let source = SocketAddr::new(ip.source, segment.source);
        let destination = SocketAddr::new(ip.destination, segment.destination);
        let found =
            self.followed.flows.find_segment(source, destination, segment, self.origin, &mut self.followed.ended);
        self.emit_ended();
        let (flows, mut reader) = self.followed.reader(self.options, self.origin, self.sink);
        let Some(flow) = flows.get_mut(found) else { return (found, None) };
        let connection = &mut flow.connection;
        let silence = idle::silence(connection, segment, self.origin);
        let closing = connection.closing.begun();
        let verdict = connection.on_segment(found.direction, segment, ip, length, self.origin);
        flow.shorthand.on_segment(found.direction, segment, &verdict);
        idle::note(flow, found.direction, segment, (&verdict, silence), self.origin);
        reader.stats.tcp.count(&verdict);
        if !verdict.marks.has(Marks::BAD_CHECKSUM) && !verdict.marks.is_dropped() {
            reader.streams(flow, found.direction, segment, frame);
        }
        if closing.is_none()
            && flow.app.protocol() == Some(Protocol::Mqtt)
            && let Some((by, origin)) = flow.connection.closing.begun()
        {
            reader.sink.event(&Event::Closing(FlowRef::of(flow), by, origin));
        }
        self.followed.flows.note_segment(found, segment, ip, length, self.origin);
        self.followed.flows.note_progress(found);
        self.keep_to_limit();
        (found, Some(verdict))
    }

    /// Sees to it that streams hold no more than they may.
    #[inline]
    pub(super) fn keep_to_limit(&mut self) {
        if self.followed.holds() > self.options.held.0 as u64 {
            self.shed();
        }
    }

    /// What a packet says that belongs to no flow.
    fn packet_of_no_flow(&mut self, packet: &Packet<'_>) {
        self.followed.neighbours.on_packet(packet, self.origin, self.options, self.sink);
    }

    /// Streams hold too much: those that hold most of some give it up, until it is not too much any more.
    #[cold]
    fn shed(&mut self) {
        // One after the other, and not all at one frame: what comes up with one may be held again.
        for _ in 0..SHED_AT_ONCE {
            let before = self.followed.holds();
            if before <= self.options.held.0 as u64 {
                return;
            }
            let Some(found) = self.followed.flows.heaviest() else { return };
            let (flows, mut reader) = self.followed.reader(self.options, self.origin, self.sink);
            if let Some(flow) = flows.get_mut(found) {
                reader.shed(flow);
            } else if let Some(datagrams) = flows.datagrams_mut(found) {
                reader.shed_quic(datagrams);
            }
            // To look for the next one costs something, which is in vain where nothing is given up.
            if self.followed.holds() >= before {
                return;
            }
        }
    }

    /// Tells the flows that the table let go.
    fn emit_ended(&mut self) {
        if self.followed.ended.is_empty() {
            return;
        }
        let mut ended = std::mem::take(&mut self.followed.ended);
        for (mut flow, why) in ended.drain(..) {
            if flow.transport == Transport::Tcp {
                let lost_behind = self.followed.lost_behind;
                let (_, mut reader) = self.followed.reader(self.options, self.origin, self.sink);
                // A later segment of either end shows by its numbers what is missing before it.
                let lost = |at: Origin| lost_behind.is_some_and(|frame| at.frame <= frame);
                flow.unseen_since = lost(flow.last) && !flow.connection.is_over();
                for direction in Direction::BOTH {
                    let unseen = lost(flow.first) && flow.connection.sides[direction].sent_unseen();
                    if flow.unseen_since || unseen {
                        reader.notice(NoticeKind::UnseenSince(direction), FlowRef::of(&flow));
                    }
                }
                reader.finish(&mut flow);
                let protocol = flow.app.protocol().unwrap_or(Protocol::Unknown);
                let carried = protocol == Protocol::Mqtt && flow.app.websocket().is_some();
                self.followed.stats.over_websocket += u64::from(carried);
                self.followed.stats.flows_by_protocol[protocol.index()] += 1;
            } else if flow.app.quic().is_some() {
                self.followed.reader(self.options, self.origin, self.sink).1.finish_quic(&mut flow);
                let protocol = flow.app.protocol().unwrap_or(Protocol::Unknown);
                self.followed.stats.over_quic += u64::from(protocol == Protocol::Mqtt);
                self.followed.stats.flows_by_protocol[protocol.index()] += 1;
            } else if let Some(protocol) = flow.app.protocol() {
                self.followed.stats.flows_by_protocol[protocol.index()] += 1;
                if protocol == Protocol::MqttSn {
                    self.followed.topics.forget(flow.id);
                }
            }
            self.followed.stats.flows += 1;
            self.followed.stats.tcp_flows += u64::from(flow.transport == Transport::Tcp);
            if why == Ended::Evicted {
                self.followed.stats.caps.add(Cap::Flows);
                let evicted = self.followed.flows.evicted();
                if evicted.is_power_of_two() {
                    self.notice(NoticeKind::FlowEvicted(evicted), Some(FlowRef::of(&flow)));
                }
            }
            self.sink.ended(flow, why);
        }
        self.followed.ended = ended;
    }

    fn packet(
        &mut self,
        frame: &Frame<'_>,
        comments: &[&str],
        packet: &Packet<'_>,
        found: Option<(Found, Option<Verdict>)>,
        wireshark: Option<&WiresharkVerdict>,
        trace: Option<&Trace>,
    ) {
        // A connection that is only suspected has no name yet: its packets go by that of the one on its ports.
        let named = found.map(|(found, _)| Found { challenger: false, ..found });
        let datagrams = named.and_then(|named| self.followed.flows.datagrams(named));
        let sensed = datagrams.and_then(|datagrams| datagrams.app.as_ref());
        let (carriers, in_handshake) =
            sensed.map_or((&[][..], false), |app| (app.carriers(true), app.is_in_handshake()));
        let sensed = sensed.and_then(|app| app.protocol());
        let datagrams = datagrams.map(FlowRef::of_datagrams);
        let flow = named.and_then(|named| self.followed.flows.get_mut(named));
        // Nobody knows what people have written into a comment.
        let comments = if self.options.dissect.redactor.is_some() { &[] } else { comments };
        let view = PacketView {
            frame: *frame,
            comments,
            packet,
            protocol: flow.as_ref().map_or(sensed, |flow| flow.app.protocol()),
            carriers: flow.as_ref().map_or(carriers, |flow| flow.app.carriers(true)),
            in_handshake: flow.as_ref().map_or(in_handshake, |flow| flow.app.is_in_handshake()),
            carried: &self.followed.carried,
            states: flow.as_ref().map(|flow| PerDirection {
                to_server: flow.connection.sides.to_server.state(),
                to_client: flow.connection.sides.to_client.state(),
            }),
            flow: flow.map(|flow| FlowRef::of(flow)).or(datagrams),
            direction: found.map(|(found, _)| found.direction),
            verdict: found.as_ref().and_then(|(_, verdict)| verdict.as_ref()),
            wireshark,
            trace,
            messages: &self.followed.lines,
            readings: &self.followed.neighbours.readings,
        };
        self.sink.event(&Event::Packet(&view));
    }
}
