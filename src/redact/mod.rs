//! A capture that can be shared: frames in, the same frames out with tokens in place of what is private.
//!
//! A copy of a frame begins without anything of the original. Headers that are understood are copied, addresses in
//! them replaced; MQTT messages are put back redacted, wherever bytes of them stand; checksums are set right. What is
//! not understood is never copied. Lengths, times, ports, sequence numbers and flags stay.
//!
//! What a message is, the engine tells; so the copy reads as the original does.

mod address;
mod carried;
mod checksums;
mod held;
mod icmp;
mod layers;
mod streams;

use std::net::{IpAddr, SocketAddr};

use crate::capture::{Frame, FrameHeader, FrameNo};
use crate::dissect::{CarrierPart, DissectOptions, Message, Protocol};
use crate::engine::{Engine, EngineOptions, Event, FlowRef, PacketView};
use crate::flow::Direction;
use crate::mqtt::{FixedHeader, Redactor};
use crate::wire::{Decoder, Layer, Packet, Payload, Placed, TcpFlags, Trace, checksum};
use address::Addresses;
use carried::Carried;
use checksums::Pseudo;
use held::{Buffer, Held, HeldFrame, Part};
use layers::Copy;
use streams::{Places as _, Streams, Target, Waiting};

/// What stands where bytes of TCP belong to no message that was read: no packet of MQTT, and no part of one.
const NO_PACKET: u8 = 0xff;

/// What is to be redacted, and how.
#[derive(Debug, Clone)]
pub struct RedactionOptions {
    /// Makes the tokens.
    pub redactor: Redactor,
    /// Leaves hardware and IP addresses as they are.
    pub keep_addresses: bool,
    /// How the capture is to be read.
    pub engine: EngineOptions,
}

impl RedactionOptions {
    /// Everything, with the tokens of this redactor.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, keep_addresses: false, engine: EngineOptions::default() }
    }
}

/// What a redaction has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedactionStats {
    /// Frames.
    pub frames: u64,
    /// MQTT messages.
    pub messages: u64,
    /// Different addresses that were replaced.
    pub addresses: u64,
    /// Bytes behind the headers that belong to no message, and were written over.
    pub overwritten: u64,
    /// Frames that a limit kept from waiting until all of their messages were read: what was not is written over.
    pub hurried: u64,
}

/// A frame that is done.
#[derive(Debug)]
pub struct RedactedFrame {
    number: FrameNo,
    header: FrameHeader,
    data: Vec<u8>,
}

impl RedactedFrame {
    /// What its record says.
    pub const fn header(&self) -> FrameHeader {
        self.header
    }

    /// It as a frame.
    pub fn as_frame(&self) -> Frame<'_> {
        Frame { number: self.number, header: self.header, data: &self.data }
    }
}

/// Redacts a capture: call [`Redaction::frame`] for each frame and take those that are done with
/// [`Redaction::next_done`], in their order; then [`Redaction::finish`], and take the rest.
///
/// ```
/// use mqttsniff::capture::{self, Batch, Fill, Source as _};
/// use mqttsniff::mqtt::Redactor;
/// use mqttsniff::redact::{Redaction, RedactionOptions};
///
/// let mut source = capture::open(&["fixtures/mqtt5_qos.pcap"]).expect("the capture is there");
/// let mut redaction = Redaction::new(RedactionOptions::new(Redactor::random()));
/// let (mut batch, mut fill) = (Batch::new(), Fill::More);
/// while fill == Fill::More {
///     batch.advance();
///     fill = source.fill(&mut batch);
///     batch.frames().for_each(|frame| redaction.frame(&frame));
/// }
/// redaction.finish();
/// while let Some(frame) = redaction.next_done() {
///     assert!(!frame.as_frame().data.windows(6).any(|bytes| bytes == b"lab/s1"));
/// }
/// assert_eq!(redaction.stats().messages, 52);
/// ```
#[derive(Debug)]
pub struct Redaction {
    decoder: Decoder,
    trace: Trace,
    engine: Engine,
    work: Work,
    finished: bool,
}

/// What is at hand beside the engine.
#[derive(Debug)]
struct Work {
    addresses: Addresses,
    streams: Streams,
    carried: Carried,
    redactor: Redactor,
    held: Held,
    stats: RedactionStats,
    taken: u64,
    /// Where the payload of the frame's TCP segment stands.
    segment: Option<(Target, usize)>,
}

impl Redaction {
    /// A redaction that has seen nothing yet.
    pub fn new(options: RedactionOptions) -> Self {
        let RedactionOptions { redactor, keep_addresses, engine } = options;
        let dissect = DissectOptions { redactor: Some(redactor), ..engine.dissect };
        let engine = EngineOptions { packets: true, carriers: true, wireshark: None, dissect, ..engine };
        Self {
            decoder: Decoder::new(engine.fragments),
            trace: Trace::default(),
            work: Work {
                addresses: Addresses::new(redactor.key(), keep_addresses),
                streams: Streams::default(),
                carried: Carried::default(),
                redactor,
                held: Held::default(),
                stats: RedactionStats::default(),
                taken: 0,
                segment: None,
            },
            engine: Engine::new(engine),
            finished: false,
        }
    }

    /// Takes in the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let packet = self.decoder.decode_traced(frame, &mut self.trace);
        self.work.copy(frame, &packet, &self.trace);
        let work = &mut self.work;
        self.engine.frame(frame, &[], &mut |event: &Event<'_>| work.event(event));
        // Of what is no segment of a flow there is nothing to wait for.
        work.settle_segment();
    }

    /// No more frames: whatever waits is done.
    pub fn finish(&mut self) {
        let work = &mut self.work;
        self.engine.finish(&mut |event: &Event<'_>| work.event(event));
        self.finished = true;
    }

    /// The next frame that is done, in the order of the capture.
    pub fn next_done(&mut self) -> Option<RedactedFrame> {
        let HeldFrame { header, buffer, .. } = self.work.held.pop(self.finished)?;
        self.work.taken += 1;
        Some(RedactedFrame { number: FrameNo(self.work.taken), header, data: buffer.new })
    }

    /// What was counted so far.
    pub fn stats(&self) -> RedactionStats {
        let work = &self.work;
        RedactionStats {
            addresses: work.addresses.replaced(),
            hurried: work.held.hurried,
            overwritten: work.stats.overwritten.saturating_sub(work.held.placed) + work.carried.overwritten,
            ..work.stats
        }
    }
}

impl Work {
    /// Makes the copy of a frame, as far as its headers go.
    fn copy(&mut self, frame: &Frame<'_>, packet: &Packet<'_>, trace: &Trace) {
        self.stats.frames += 1;
        let innermost = self.innermost(packet);
        let layers = |buffer: u8| trace.layers.iter().copied().filter(move |placed| placed.buffer == buffer);
        let link = frame.header.link;
        let number = self.held.next_frame();
        let mut buffer = self.buffer(frame.data.to_vec(), layers(0).collect(), link, trace.datagram.is_empty());
        buffer.innermost = innermost.filter(|_| !packet.reassembled);
        let outside = checksums::pseudo_before(&buffer.old, &buffer.new, &buffer.layers);
        let mut segment = payload_place(&buffer).map(|at| (Target::Frame(number), at));
        let has_fragment = trace.fragments.iter().any(|fragment| fragment.buffer == 0);
        self.held.push(HeldFrame { header: frame.header, buffer, waiting: 0, has_fragment });
        for fragment in trace.fragments.iter().filter(|fragment| fragment.buffer == 0) {
            let (start, length, offset) = (fragment.start, fragment.length, fragment.offset);
            self.held.fragment(fragment.datagram, Part { frame: number, start, length, offset });
            if !fragment.completes {
                continue;
            }
            let mut datagram = self.buffer(trace.datagram.clone(), layers(1).collect(), link, false);
            datagram.innermost = innermost;
            datagram.outside = outside;
            let at = payload_place(&datagram);
            let target = Target::Datagram(self.held.datagram(fragment.datagram, datagram));
            match at {
                Some(at) => segment = Some((target, at)),
                None => self.held.done(target),
            }
        }
        self.segment = segment;
        if let Some((target, _)) = segment {
            self.held.waits(target);
        }
    }

    /// The copy of a frame or datagram with its headers.
    fn buffer(&mut self, old: Vec<u8>, layers: Vec<Placed>, link: crate::capture::LinkType, count: bool) -> Buffer {
        let mut new = vec![0; old.len()];
        let mut copy = Copy { old: &old, new: &mut new, addresses: &mut self.addresses };
        let end = layers::headers(&mut copy, &layers, link);
        if count {
            self.stats.overwritten += (old.len() - end) as u64;
        }
        let mut buffer = Buffer { old, new, layers, innermost: None, outside: None };
        if let Some(at) = payload_place(&buffer)
            && let Some(last) = buffer.layers.last()
        {
            let end = last.start + last.captured;
            buffer.new.get_mut(at..end).unwrap_or_default().fill(NO_PACKET);
        }
        buffer
    }

    /// The pseudo-header of the innermost transport.
    fn innermost(&mut self, packet: &Packet<'_>) -> Option<Pseudo> {
        let ip = packet.ip?;
        let mut pseudo = Pseudo::default();
        for address in [ip.source, ip.destination] {
            match address {
                IpAddr::V4(address) => {
                    let mut octets = address.octets();
                    pseudo.old += checksum::sum(&octets);
                    self.addresses.v4(&mut octets);
                    pseudo.new += checksum::sum(&octets);
                }
                IpAddr::V6(address) => {
                    let mut octets = address.octets();
                    pseudo.old += checksum::sum(&octets);
                    self.addresses.v6(&mut octets);
                    pseudo.new += checksum::sum(&octets);
                }
            }
        }
        Some(pseudo)
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Packet(view) => self.segment_of(view),
            Event::Message(flow, message) => self.message(flow, message),
            Event::Flow(flow, _) => {
                let begin = FlowRef::of(flow).begin;
                for (end, begin) in [(flow.client, begin.to_server), (flow.server, begin.to_client)] {
                    let name = (flow.id, end);
                    self.carried.end(name, begin, (&mut self.streams, &mut self.held));
                    self.streams.end(name, &mut self.held);
                }
            }
            Event::Carrier(flow, direction, part) => self.carrier(flow, *direction, part),
            Event::SnMessage(..)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Closing(..)
            | Event::Notice(_) => {}
        }
    }

    /// A part of a stream that carries another one.
    fn carrier(&mut self, flow: &FlowRef, direction: Direction, part: &CarrierPart<'_>) {
        let ends = match direction {
            Direction::ToServer => (flow.client, flow.server),
            Direction::ToClient => (flow.server, flow.client),
        };
        let names = ((flow.id, ends.0), (flow.id, ends.1));
        let to = (&mut self.streams, &mut self.held);
        self.carried.part(names, flow.begin[direction], part, &self.redactor, to);
    }

    /// Finds the stream that the frame's segment belongs to.
    fn segment_of(&mut self, view: &PacketView<'_>) {
        let (Some(flow), Some(ip), Payload::Tcp(segment)) = (view.flow, view.packet.ip, view.packet.payload) else {
            return;
        };
        let (is_mqtt, decided) = (view.protocol == Some(Protocol::Mqtt), view.protocol.is_some());
        if decided && !is_mqtt {
            for end in [flow.client, flow.server] {
                self.streams.end((flow.id, end), &mut self.held);
            }
            return;
        }
        // Such bytes never become part of a stream.
        let is_outside = view.verdict.is_some_and(|verdict| verdict.marks.is_dropped());
        if is_outside || segment.flags.has(TcpFlags::RST) || segment.payload.is_empty() {
            return;
        }
        let Some((target, at)) = self.segment.take() else { return };
        let seq = if segment.flags.has(TcpFlags::SYN) { segment.seq.plus(1) } else { segment.seq };
        let source = SocketAddr::new(ip.source, segment.source);
        let begin = if source == flow.client { flow.begin.to_server } else { flow.begin.to_client };
        let waiting = Waiting { target, at, seq, length: segment.payload.len() };
        self.streams.segment((flow.id, source), begin, waiting, &mut self.held);
    }

    /// Nobody has asked for the frame's segment.
    fn settle_segment(&mut self) {
        if let Some((target, _)) = self.segment.take() {
            self.held.done(target);
        }
    }

    fn message(&mut self, flow: &FlowRef, message: &Message<'_>) {
        self.stats.messages += 1;
        let source = match message.stream {
            Direction::ToServer => flow.client,
            Direction::ToClient => flow.server,
        };
        let header = message.packet.header;
        let mut bytes = Vec::with_capacity(usize::from(header.length) + message.body.len());
        write_header(header, &mut bytes);
        bytes.extend_from_slice(message.body);
        let length = if message.incomplete { bytes.len() as u64 } else { header.packet_length() };
        let place = (message.stream_offset, length);
        let begin = flow.begin[message.stream];
        let name = (flow.id, source);
        if self.carried.message(name, begin, place, &bytes, (&mut self.streams, &mut self.held)) {
            return;
        }
        self.streams.message(name, begin, place, bytes.into(), &mut self.held);
    }
}

/// Where the payload of a buffer's TCP segment begins, if it has any.
fn payload_place(buffer: &Buffer) -> Option<usize> {
    let last = buffer.layers.last().filter(|placed| placed.layer == Layer::Tcp)?;
    let length = usize::from(buffer.old.get(last.start + 12)? >> 4) * 4;
    (last.captured > length).then_some(last.start + length)
}

/// A fixed header of the same length, which need not be the shortest one.
fn write_header(header: FixedHeader, bytes: &mut Vec<u8>) {
    bytes.push((header.packet_type as u8) << 4 | header.flags);
    let mut left = header.remaining_length;
    for place in (0..header.length.saturating_sub(1)).rev() {
        let more = if place > 0 { 0x80 } else { 0 };
        bytes.push(left as u8 & 0x7f | more);
        left >>= 7;
    }
}

#[cfg(test)]
mod tests;
