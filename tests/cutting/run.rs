//! A conversation as segments on the wire, and what the engine makes of them.

use mqttsniff::capture::{Batch, FrameHeader, LinkType};
use mqttsniff::dissect::VersionKnownBy;
use mqttsniff::engine::{Engine, EngineOptions, Event};
use mqttsniff::flow::Direction;
use mqttsniff::mqtt::{FixedHeader, HeaderRead, PacketType, Version};
use mqttsniff::time::Timestamp;
use proptest::sample::Index;

use crate::common::craft::{self, ACK, PSH, SYN};
use crate::talk::{CLIENT, SERVER, Talk};

/// A segment: bytes `from..to` of one end's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) side: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// The fixed header of a packet, and what is behind it.
pub(crate) fn split(bytes: &[u8]) -> (FixedHeader, &[u8]) {
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header: {bytes:?}") };
    (header, &bytes[usize::from(header.length)..])
}

/// The segments in the order in which they are sent: an end's packets in a row are one run of bytes, cut at some
/// of the places. The first run, which holds the CONNECT, is `segments[..first_run]`.
pub(crate) fn cut(talk: &Talk, places: &[(Index, Index)]) -> (Vec<Segment>, usize) {
    let (mut segments, mut first_run) = (Vec::new(), 0);
    let mut next = [0, 0];
    let mut rest = &talk.said[..];
    while let Some(said) = rest.first() {
        let side = said.from;
        let run = rest.iter().take_while(|said| said.from == side).count();
        let from = next[side];
        let to = from + rest[..run].iter().map(|said| said.bytes.len()).sum::<usize>();
        let total = talk.stream(side).len();
        let mut at: Vec<usize> = places
            .iter()
            .map(|place| [place.0, place.1][side].index(total))
            .filter(|at| (from + 1..to).contains(at))
            .collect();
        // What no segment can hold is cut where it is full.
        at.extend((from..to).step_by(1400));
        at.push(to);
        at.sort_unstable();
        at.dedup();
        segments.extend(at.windows(2).map(|pair| Segment { side, from: pair[0], to: pair[1] }));
        if first_run == 0 {
            first_run = segments.len();
        }
        next[side] = to;
        rest = &rest[run..];
    }
    (segments, first_run)
}

/// How the segments are captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capture {
    pub(crate) ports: [u16; 2],
    pub(crate) with_syn: bool,
    /// Payload bytes that are kept of each frame.
    pub(crate) payload_limit: usize,
}

impl Default for Capture {
    fn default() -> Self {
        Self { ports: [40_000, 1883], with_syn: true, payload_limit: usize::MAX }
    }
}

/// A message as it was told.
#[derive(Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) side: usize,
    pub(crate) start: usize,
    pub(crate) length: usize,
    pub(crate) version: Version,
    pub(crate) packet_type: PacketType,
    pub(crate) known_by: VersionKnownBy,
    pub(crate) packet: String,
    pub(crate) topic: Option<Vec<u8>>,
    pub(crate) missing: u32,
    pub(crate) resynced: bool,
    pub(crate) incomplete: bool,
}

/// In one line, for the reader of a failed test.
impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { side, start, length, version, known_by, missing, resynced, incomplete, .. } = self;
        let packet = self.packet.get(..250).unwrap_or(&self.packet);
        write!(f, "{side} @{start} {length} B {version} {known_by:?} missing {missing} resynced {resynced} ")?;
        write!(f, "incomplete {incomplete} topic {:?} {packet}", self.topic.as_deref().map(String::from_utf8_lossy))
    }
}

const HEADERS: usize = 54;
const FIRST: [u32; 2] = [u32::MAX - 300, 77_000];

/// Captures the segments in this order. Each acknowledges what was captured of the other stream without a hole.
pub(crate) fn run(talk: &Talk, segments: &[Segment], capture: Capture) -> Vec<Told> {
    run_late(talk, segments, &[], capture)
}

/// The same, but the capture gets segment `n` as many places late as `late[n]` says: what acknowledges it may come
/// before it.
pub(crate) fn run_late(talk: &Talk, segments: &[Segment], late: &[usize], capture: Capture) -> Vec<Told> {
    let streams = [talk.stream(CLIENT), talk.stream(SERVER)];
    let mut frames = Vec::new();
    if capture.with_syn {
        let [a, b] = [FIRST[0].wrapping_sub(1), FIRST[1] - 1];
        frames.push(craft::frame(CLIENT, capture.ports, (a, 0), SYN, 0, &[]));
        frames.push(craft::frame(SERVER, capture.ports, (b, FIRST[0]), SYN | ACK, 0, &[]));
        frames.push(craft::frame(CLIENT, capture.ports, (FIRST[0], FIRST[1]), ACK, 1, &[]));
    }
    let mut captured: [Vec<(usize, usize)>; 2] = Default::default();
    for (n, segment) in segments.iter().enumerate() {
        let other = 1 - segment.side;
        let acknowledged = FIRST[other].wrapping_add(contiguous(&captured[other], capture.with_syn) as u32);
        let seq = FIRST[segment.side].wrapping_add(segment.from as u32);
        let payload = &streams[segment.side][segment.from..segment.to];
        frames.push(craft::frame(segment.side, capture.ports, (seq, acknowledged), PSH | ACK, 10 + n as u16, payload));
        captured[segment.side].push((segment.from, segment.to));
    }
    let handshake = frames.len() - segments.len();
    let mut order: Vec<_> = frames.into_iter().enumerate().collect();
    order.sort_by_key(|(n, _)| n + n.checked_sub(handshake).and_then(|n| late.get(n)).unwrap_or(&0));
    let frames: Vec<_> = order.into_iter().map(|(_, frame)| frame).collect();
    follow(&frames, capture)
}

/// Where what was captured from the start, or from the first segment on, ends without a hole.
fn contiguous(captured: &[(usize, usize)], from_start: bool) -> usize {
    let mut end = if from_start { 0 } else { captured.first().map_or(0, |first| first.0) };
    let mut sorted = captured.to_vec();
    sorted.sort_unstable();
    for (from, to) in sorted {
        if from <= end {
            end = end.max(to);
        }
    }
    end
}

fn follow(frames: &[Vec<u8>], capture: Capture) -> Vec<Told> {
    let mut batch = Batch::new();
    for (n, frame) in frames.iter().enumerate() {
        let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + n as i64 * 1_000_000);
        let length = frame.len() as u32;
        let header = FrameHeader { time, link: LinkType::ETHERNET, length, interface: 0, fcs_length: 0 };
        batch.push(header, &frame[..frame.len().min(HEADERS.saturating_add(capture.payload_limit))]);
    }
    let mut engine = Engine::new(EngineOptions::default());
    let mut told = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if let Event::Message(_, message) = event {
            let packet = &message.packet;
            told.push(Told {
                side: if message.direction == Direction::ToServer { CLIENT } else { SERVER },
                start: message.stream_offset as usize,
                length: packet.header.packet_length() as usize,
                version: packet.version,
                packet_type: packet.header.packet_type,
                known_by: message.version_known_by,
                packet: format!("{packet:?}"),
                topic: message.topic.map(<[u8]>::to_vec),
                missing: message.missing,
                resynced: message.resynced,
                incomplete: message.incomplete,
            });
        }
    };
    for frame in batch.frames() {
        engine.frame(&frame, &[], &mut sink);
    }
    engine.finish(&mut sink);
    told
}
