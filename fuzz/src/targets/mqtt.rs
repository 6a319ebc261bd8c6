//! MQTT: where packets begin and end, and what is in them, as each version reads them.

use mqttsniff::capture::{FrameNo, Origin, Place};
use mqttsniff::mqtt::{
    self, Certainty, Fields, FixedHeader, FrameSink, Framed, Framer, FramerLimits, HeaderRead, Incomplete, LostSync,
    Sender, Version, VersionEvidence,
};
use mqttsniff::time::Timestamp;

use crate::REDACTOR;
use crate::people::see;
use crate::script::Script;

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// What a framer found.
#[derive(Debug, Default, PartialEq)]
struct Found {
    /// Of each packet where it begins, its header's first byte, its length, what is there and what is missing.
    packets: Vec<(u64, Vec<u8>, u64, Vec<u8>, u32, bool)>,
    incomplete: Option<(u64, Vec<u8>, u32)>,
    lost: Vec<u64>,
    last: u64,
}

impl FrameSink for Found {
    fn packet(&mut self, framed: Framed<'_>) {
        let length = framed.header.packet_length();
        assert!(framed.start >= self.last, "packets follow each other");
        self.last = framed.start + length;
        assert_eq!(framed.body.len() as u64 + u64::from(framed.holes), u64::from(framed.header.remaining_length));
        assert!(framed.frames.is_sorted_by(|a, b| a < b), "frames ascend");
        let header = framed.header.bytes().collect();
        self.packets.push((framed.start, header, length, framed.body.to_vec(), framed.missing, framed.resynced));
    }

    fn incomplete(&mut self, incomplete: Incomplete<'_>) {
        assert!(self.incomplete.is_none(), "the end comes once");
        self.incomplete = Some((incomplete.start, incomplete.body.to_vec(), incomplete.missing));
    }

    fn lost_sync(&mut self, lost: LostSync) {
        self.lost.push(lost.at);
    }
}

fn place(frame: u64) -> Place {
    let origin = Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
    Place { origin, offset: Some(54) }
}

fn whole(stream: &[u8], limits: FramerLimits) -> Found {
    let (mut framer, mut found) = (Framer::new(limits), Found::default());
    framer.push(stream, place(1), &mut found);
    framer.finish(&mut found);
    found
}

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let (choices, seed) = (script.byte(), script.byte());
    let stream = script.rest();
    let limits = FramerLimits { held_bytes: if choices & 1 == 0 { 1 << 20 } else { 20 } };
    let once = whole(stream, limits);
    let pieces = cut(stream, limits, u32::from(seed));
    // Where borders are lost, what begins a segment counts for more.
    if once.lost.is_empty() {
        assert_eq!(pieces, once, "however the stream is cut");
    } else {
        assert_eq!(pieces.lost.first(), once.lost.first(), "they are lost at the same place");
    }
    holes(stream, limits, u32::from(seed), choices & 2 != 0);
    for (_, header, _, body, ..) in &once.packets {
        if let HeaderRead::Complete(header) = FixedHeader::read(header) {
            VERSIONS.into_iter().for_each(|version| packet(header, body, version));
        }
    }
    guess(stream, &once);
}

fn next(state: &mut u32) -> usize {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 24) as usize
}

fn cut(stream: &[u8], limits: FramerLimits, seed: u32) -> Found {
    let (mut framer, mut found) = (Framer::new(limits), Found::default());
    let (mut rest, mut state, mut frame) = (stream, seed, 0);
    while !rest.is_empty() {
        let (front, behind) = rest.split_at((1 + next(&mut state) % 9).min(rest.len()));
        frame += 1;
        framer.push(front, place(frame), &mut found);
        assert!(framer.held_bytes() <= limits.held_bytes, "it keeps to its limit");
        rest = behind;
    }
    assert_eq!(framer.offset(), stream.len() as u64);
    framer.finish(&mut found);
    assert_eq!(framer.held_bytes(), 0);
    found
}

/// The stream with holes: nothing of what is found matters but that it is in order.
fn holes(stream: &[u8], limits: FramerLimits, seed: u32, joins: bool) {
    let mut framer = if joins { Framer::joining(limits) } else { Framer::new(limits) };
    let (mut rest, mut state, mut frame, mut found) = (stream, seed, 0, Found::default());
    while !rest.is_empty() {
        let (front, behind) = rest.split_at((1 + next(&mut state)).min(rest.len()));
        frame += 1;
        framer.push(front, place(frame), &mut found);
        rest = behind;
        if next(&mut state) % 3 == 0 {
            let length = [1, 2, 3, 100, 70_000, 1 << 32][next(&mut state) % 6];
            framer.gap(length, place(frame).origin, &mut found);
            rest = rest.get(length.min(1000) as usize..).unwrap_or_default();
        }
    }
    framer.finish(&mut found);
}

fn packet(header: FixedHeader, body: &[u8], version: Version) {
    let packet = mqtt::decode(header, body, version);
    for deviation in &packet.deviations {
        see(deviation.kind.describe().as_bytes());
    }
    let fields = Fields::of(&packet);
    for (at, node) in fields.nodes().iter().enumerate() {
        let end = u64::from(node.offset) + u64::from(node.length);
        assert!(end <= header.packet_length(), "a field stands in its packet: {node:?}");
        fields.deviations_of(at).for_each(drop);
    }
    let _ = format!("{packet:?}");
    let mut redacted = body.to_vec();
    REDACTOR.redact(header, &mut redacted, version);
    assert_eq!(redacted.len(), body.len(), "nothing changes its length");
    let again = mqtt::decode(header, &redacted, version);
    let kinds = |packet: &mqtt::ControlPacket<'_>| {
        packet.deviations.iter().map(|deviation| deviation.kind.name()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&again), kinds(&packet), "what is wrong stays wrong: {packet:?}");
}

/// What the beginning of a stream is taken for.
fn guess(stream: &[u8], once: &Found) {
    let first = mqtt::looks_like_mqtt(stream);
    mqtt::looks_like_connect(stream);
    mqtt::mqtt_score(stream);
    if first == Certainty::No {
        // What is no MQTT does not become so by more bytes.
        let longer = [stream, b"\xc0\x00"].concat();
        assert_eq!(mqtt::looks_like_mqtt(&longer), Certainty::No);
    }
    let mut evidence = VersionEvidence::default();
    for (_, header, _, body, ..) in &once.packets {
        if let HeaderRead::Complete(header) = FixedHeader::read(header) {
            evidence.observe(Some(Sender::Client), header, body);
            evidence.verdict();
        }
    }
}
