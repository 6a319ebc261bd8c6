//! Readers of streams: the same messages however a stream is cut, and no more held than may be.

use mqttsniff::capture::{FrameNo, Origin};
use mqttsniff::flow::{Direction, PerDirection};
use mqttsniff::neighbour::stream::{Beginning, HiddenBytes, LONGEST, ReadingSink, Streams, reader, recognise};
use mqttsniff::neighbour::{Neighbour, Reading};
use mqttsniff::time::Timestamp;

/// What was told, without what says in which frame.
#[derive(Default)]
struct Told(Vec<String>);

impl ReadingSink for Told {
    fn wants(&self) -> bool {
        true
    }

    fn reading(&mut self, direction: Direction, mut reading: Reading, _: Origin) {
        assert!(reading.values.len() < 1000, "{} values of a message", reading.values.len());
        assert!(reading.info.len() < 8192, "a line of {} bytes", reading.info.len());
        reading.values.retain(|(name, _)| !["http.request_in", "http.time", "framed.first_frame"].contains(name));
        self.0.push(format!("{direction:?} {reading:?}"));
    }
}

/// Messages of a stream whose pieces have these lengths, over and over; `hole` is a place where so many bytes are missing.
fn read(protocol: Neighbour, bytes: &[u8], lengths: &[u8], hole: Option<(usize, u64)>) -> Option<Told> {
    let mut told = Told::default();
    let whole = PerDirection { to_server: true, to_client: true };
    let mut streams = Streams::new(reader(protocol)?, whole);
    let direction = if bytes.len() % 2 == 0 { Direction::ToServer } else { Direction::ToClient };
    let (mut at, mut frame) = (0, 0);
    let mut lengths = lengths.iter().cycle();
    while at < bytes.len() && !streams.is_secured() {
        frame += 1;
        let origin = Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
        let mut length = lengths.next().map_or(bytes.len(), |length| usize::from(*length) + 1).min(bytes.len() - at);
        if let Some((place, missing)) = hole {
            if at == place {
                streams.gap(direction, missing, origin, &mut told);
            }
            if at < place {
                length = length.min(place - at);
            }
        }
        let piece = bytes.get(at..at + length).unwrap_or_default();
        streams.data(direction, piece, origin, &mut told);
        assert!(streams.message_bytes(direction) <= LONGEST, "more is held than may be");
        at += length;
    }
    streams.finish(&mut told);
    assert_eq!(streams.message_bytes(direction), 0, "nothing is held at the end");
    Some(told)
}

/// The stream with its secrets written over as its pieces come.
fn hidden(protocol: Neighbour, bytes: &[u8], most: usize, hole: Option<(usize, u64)>) -> Vec<u8> {
    let mut hidden = HiddenBytes::of(protocol);
    let direction = if bytes.len() % 2 == 0 { Direction::ToServer } else { Direction::ToClient };
    let mut shown = bytes.to_vec();
    let (before, behind) = shown.split_at_mut(hole.map_or(bytes.len(), |(place, _)| place));
    before.chunks_mut(most).for_each(|piece| hidden.hide(direction, piece));
    if let Some((_, missing)) = hole {
        hidden.lost(direction, Some(missing));
    }
    behind.chunks_mut(most).for_each(|piece| hidden.hide(direction, piece));
    shown
}

/// The protocol, where a hole is, the lengths of pieces, and the stream.
pub(super) fn run(bytes: &[u8]) {
    let [which, place, missing, first, second, stream @ ..] = bytes else { return };
    let protocol = Neighbour::ALL[usize::from(*which) % Neighbour::ALL.len()];
    let place = usize::from(*place).min(stream.len());
    for hole in [None, Some((place, u64::from(*missing)))] {
        let (whole, cut) =
            (hidden(protocol, stream, usize::MAX, hole), hidden(protocol, stream, usize::from(*first) + 1, hole));
        for ((whole, cut), byte) in whole.iter().zip(&cut).zip(stream) {
            assert!(
                whole == byte || *whole == b'*',
                "{protocol:?}: a secret is written over, and nothing else changed"
            );
            assert!(cut == whole || *cut == b'*', "{protocol:?}: no less is hidden of a stream in pieces");
        }
        let Some(once) = read(protocol, stream, &[], hole) else { return };
        let cut = read(protocol, stream, &[*first, *second], hole);
        assert_eq!(Some(once.0), cut.map(|told| told.0), "{protocol:?}: cut otherwise, and read otherwise");
    }
    for is_all in [false, true] {
        let (to_server, to_client) = stream.split_at(place);
        let from_start = PerDirection { to_server: true, to_client: true };
        let (bytes, port) = (PerDirection { to_server, to_client }, u16::from(*first));
        recognise(&Beginning { bytes, from_start, port, is_all });
    }
}
