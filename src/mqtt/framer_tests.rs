//! The framer under every cut and hole.

use proptest::collection::vec;
use proptest::prelude::*;

use super::test_encoder::{packet, samples};
use super::{FrameSink, Framed, Framer, FramerLimits, Incomplete, LostSync, LostSyncReason, PacketType, Pending};
use crate::capture::{FrameNo, Origin, Place};
use crate::time::Timestamp;

/// What the sink was told, owned.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Packet { start: u64, packet_type: PacketType, body: Vec<u8>, holes: u32, frames: Vec<u64>, resynced: bool },
    Incomplete { start: u64, body: Vec<u8>, missing: u32, resynced: bool },
    Lost(u64, LostSyncReason),
}

#[derive(Default)]
struct Log(Vec<Seen>);

impl FrameSink for Log {
    fn packet(&mut self, framed: Framed<'_>) {
        assert_eq!(framed.body.len() + framed.holes as usize, framed.header.remaining_length as usize);
        assert!(framed.frames.is_sorted_by(|a, b| a < b), "{:?}", framed.frames);
        assert!(
            framed.frames.last() <= Some(&framed.origin.frame),
            "the last of them completes it: {:?}",
            framed.frames
        );
        check_pieces(framed.pieces, framed.frames, framed.header.packet_length() - u64::from(framed.missing));
        self.0.push(Seen::Packet {
            start: framed.start,
            packet_type: framed.header.packet_type,
            body: framed.body.to_vec(),
            holes: framed.holes,
            frames: framed.frames.iter().map(|frame| frame.0).collect(),
            resynced: framed.resynced,
        });
    }

    fn incomplete(&mut self, incomplete: Incomplete<'_>) {
        self.0.push(Seen::Incomplete {
            start: incomplete.start,
            body: incomplete.body.to_vec(),
            missing: incomplete.missing,
            resynced: incomplete.resynced,
        });
    }

    fn lost_sync(&mut self, lost: LostSync) {
        self.0.push(Seen::Lost(lost.at, lost.reason));
    }
}

/// Pieces are in the order of the packet, and those of its frames.
#[track_caller]
fn check_pieces(pieces: &[super::Piece], frames: &[FrameNo], length: u64) {
    assert!(pieces.is_sorted_by(|a, b| a.offset + a.length <= b.offset), "{pieces:?}");
    assert_eq!(pieces.iter().map(|piece| u64::from(piece.length)).sum::<u64>(), length, "{pieces:?}");
    let mut named: Vec<_> = pieces.iter().map(|piece| piece.place.origin.frame).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named, frames);
}

enum Piece<'a> {
    Bytes(&'a [u8]),
    Gap(u64),
}

use Piece::{Bytes, Gap};

fn origin(frame: usize) -> Origin {
    Origin { frame: FrameNo(frame as u64), time: Timestamp::default() }
}

/// Pieces stand in frames of their own, each a byte further back than in the one before.
fn place(frame: usize) -> Place {
    Place { origin: origin(frame), offset: Some(54 + frame as u32) }
}

fn run_with(mut framer: Framer, pieces: &[Piece<'_>]) -> Vec<Seen> {
    let mut log = Log::default();
    for (frame, piece) in pieces.iter().enumerate() {
        match piece {
            Bytes(bytes) => framer.push(bytes, place(frame), &mut log),
            Gap(length) => framer.gap(*length, origin(frame), &mut log),
        }
    }
    framer.finish(&mut log);
    log.0
}

fn run(pieces: &[Piece<'_>]) -> Vec<Seen> {
    run_with(Framer::new(FramerLimits::default()), pieces)
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend(topic.as_bytes());
    body.extend(payload);
    packet(0x30, &body)
}

fn found(start: u64, bytes: &[u8], frames: &[u64], resynced: bool) -> Seen {
    let header = 1 + bytes[1..].iter().take_while(|&&byte| byte > 0x7f).count() + 1;
    Seen::Packet {
        start,
        packet_type: PacketType::from_bits(bytes[0] >> 4),
        body: bytes[header..].to_vec(),
        holes: 0,
        frames: frames.to_vec(),
        resynced,
    }
}

#[test]
fn a_packet_with_a_long_length_may_be_split_at_every_byte() {
    let first = publish("a/b", &[b'x'; 300]);
    let second = publish("a/c", b"y");
    let stream = [first.clone(), second.clone()].concat();
    for cut in 1..first.len() {
        let (left, right) = stream.split_at(cut);
        assert_eq!(
            run(&[Bytes(left), Bytes(right)]),
            [found(0, &first, &[0, 1], false), found(first.len() as u64, &second, &[1], false)],
            "{cut}"
        );
    }
}

#[test]
fn frames_of_a_packet_are_ascending_though_a_hole_was_filled_late() {
    let bytes = publish("a", b"hello");
    let mut framer = Framer::new(FramerLimits::default());
    let mut log = Log::default();
    for (frame, byte) in [7, 3, 9, 9, 5, 7, 8, 1, 2, 4].into_iter().zip(bytes.chunks(1)) {
        framer.push(byte, place(frame), &mut log);
    }
    assert_eq!(log.0, [found(0, &bytes, &[1, 2, 3, 4, 5, 7, 8, 9], false)]);
}

#[test]
fn a_hole_inside_a_body_is_skipped_exactly() {
    let (first, second) = (publish("a/b", &[b'x'; 100]), publish("a/c", b"y"));
    let seen = run(&[Bytes(&first[..50]), Gap(20), Bytes(&first[70..]), Bytes(&second)]);
    let Seen::Packet { body, holes, .. } = &seen[0] else { panic!("{seen:?}") };
    assert_eq!((body, *holes), (&first[2..50].to_vec(), 57));
    assert_eq!(seen[1..], [found(107, &second, &[3], false)]);
}

#[test]
fn a_hole_that_ends_with_the_packet_keeps_the_border() {
    let (first, second) = (publish("a/b", &[b'x'; 100]), publish("a/c", b"y"));
    let seen = run(&[Bytes(&first[..50]), Gap(57), Bytes(&second)]);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1], found(107, &second, &[2], false));
}

#[test]
fn a_packet_whose_end_is_missing_is_completed_by_the_latest_frame() {
    // The second half came first, in a frame that the snap length cut.
    let packet = publish("a/b", &[b'x'; 100]);
    let place = |frame| Place { origin: origin(frame), offset: Some(0) };
    let (mut framer, mut log) = (Framer::new(FramerLimits::default()), Log::default());
    framer.push(&packet[..50], place(2), &mut log);
    framer.push(&packet[50..70], place(1), &mut log);
    framer.gap(packet.len() as u64 - 70, origin(1), &mut log);
    let [Seen::Packet { frames, .. }] = log.0.as_slice() else { panic!("{:?}", log.0) };
    assert_eq!(frames, &[1, 2]);
}

#[test]
fn after_a_hole_over_a_border_the_packets_are_found_again() {
    let packets: Vec<Vec<u8>> = (b'a'..b'h').map(|byte| publish("plant/line", &[byte; 90])).collect();
    let stream = packets.concat();
    let length = packets[0].len();
    // The hole takes the end of the second packet and the front of the third.
    let (from, to) = (length + 60, 2 * length + 10);
    let seen = run(&[Bytes(&stream[..from]), Gap((to - from) as u64), Bytes(&stream[to..])]);
    let at = |n: usize| (n * length) as u64;
    assert_eq!(seen[0], found(0, &packets[0], &[0], false));
    let Seen::Packet { holes, .. } = &seen[1] else { panic!("{seen:?}") };
    assert_eq!(*holes, length as u32 - 60);
    assert_eq!(
        seen[2..],
        [
            Seen::Lost(at(2), LostSyncReason::Gap),
            found(at(3), &packets[3], &[2], true),
            found(at(4), &packets[4], &[2], true),
            found(at(5), &packets[5], &[2], false),
            found(at(6), &packets[6], &[2], false),
        ]
    );
}

#[test]
fn one_packet_that_fills_its_piece_is_enough() {
    let ping = [0xc0, 0x00];
    let seen = run(&[Bytes(&ping), Gap(5), Bytes(&ping), Bytes(&ping)]);
    assert_eq!(
        seen,
        [
            found(0, &ping, &[0], false),
            Seen::Lost(2, LostSyncReason::Gap),
            found(7, &ping, &[2], true),
            found(9, &ping, &[3], false),
        ]
    );
}

#[test]
fn packets_inside_the_payload_of_one_that_begins_a_piece_are_not_taken() {
    let inner = [publish("in/ner", b"1"), publish("in/ner", b"2"), publish("in/ner", b"3")].concat();
    let outer = [publish("outer", &[&inner[..], &[b'x'; 500]].concat()), publish("outer", b"end")];
    let stream = outer.concat();
    let seen = run(&[Gap(1000), Bytes(&stream[..200]), Bytes(&stream[200..400]), Bytes(&stream[400..])]);
    assert_eq!(
        seen,
        [
            Seen::Lost(0, LostSyncReason::Gap),
            found(1000, &outer[0], &[1, 2, 3], true),
            found(1000 + outer[0].len() as u64, &outer[1], &[3], true),
        ]
    );
}

#[test]
fn a_tail_that_reads_as_a_packet_is_told_as_one_that_was_searched_for() {
    // The payload ends with a ping; its front was not captured, so that nothing tells it from one that was sent.
    let packets = [publish("a/b", b"text\xc0\x00"), publish("a/b", b"next")];
    let stream = packets.concat();
    let (front, rest) = stream.split_at(9);
    let border = packets[0].len() as u64;
    let seen = run(&[Gap(front.len() as u64), Bytes(rest)]);
    assert_eq!(
        seen,
        [
            Seen::Lost(0, LostSyncReason::Gap),
            found(border - 2, &[0xc0, 0x00], &[1], true),
            found(border, &packets[1], &[1], true)
        ]
    );
}

#[test]
fn a_packet_that_the_snap_length_cut_is_found_by_its_length_and_its_fields() {
    let long = publish("plant/line", &[b'x'; 300]);
    let seen = run(&[Gap(50), Bytes(&long[..60]), Gap(long.len() as u64 - 60), Bytes(&[0xc0, 0])]);
    let Seen::Packet { start: 50, resynced: true, body, .. } = &seen[1] else { panic!("{seen:?}") };
    assert_eq!(body, &long[3..60]);
    assert_eq!(seen[2], found(50 + long.len() as u64, &[0xc0, 0], &[3], false));
    // Two letters whose value fits the cut are no packet.
    let seen = run(&[Gap(50), Bytes(b"p\x03"), Gap(3), Bytes(b"more text")]);
    assert_eq!(seen, [Seen::Lost(0, LostSyncReason::Gap)]);
}

#[test]
fn a_packet_that_begins_a_piece_and_goes_on_to_the_end_is_found_by_its_fields() {
    let long = publish("plant/line", &[b'x'; 3000]);
    let seen = run(&[Gap(50), Bytes(&long[..1000]), Bytes(&long[1000..2000])]);
    let missing = long.len() as u32 - 2000;
    assert_eq!(seen[1..], [Seen::Incomplete { start: 50, body: long[3..2000].to_vec(), missing, resynced: true }]);
}

#[test]
fn a_fifth_length_byte_loses_the_border_wherever_it_is_cut() {
    let bad = [0x30, 0xff, 0xff, 0xff, 0xff, 0x01];
    let good = [publish("a/b", b"one"), publish("a/b", b"two")];
    let stream = [&bad[..], &good.concat()].concat();
    for cut in 1..stream.len() {
        let seen = run(&[Bytes(&stream[..cut]), Bytes(&stream[cut..])]);
        assert_eq!(seen[0], Seen::Lost(0, LostSyncReason::MalformedLength), "{cut}");
        let starts: Vec<u64> = seen[1..]
            .iter()
            .map(|seen| if let Seen::Packet { start, .. } = seen { *start } else { panic!("{seen:?}") })
            .collect();
        assert_eq!(starts, [6, 6 + good[0].len() as u64], "{cut}");
    }
}

#[test]
fn a_malformed_packet_with_a_length_is_passed_by_it() {
    let good = publish("a", b"b");
    let stream = [&[0x00, 0x03, 1, 2, 3][..], &[0xc1, 0x00], &good].concat();
    let seen = run(&[Bytes(&stream)]);
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2], found(7, &good, &[0], false));
}

#[test]
fn a_long_packet_is_cut_and_the_next_one_is_found() {
    let (long, next) = (publish("a", &[b'x'; 5000]), publish("b", b"y"));
    let stream = [long.clone(), next.clone()].concat();
    for pieces in [vec![Bytes(&stream)], stream.chunks(700).map(Bytes).collect()] {
        let seen = run_with(Framer::new(FramerLimits { held_bytes: 100 }), &pieces);
        let Seen::Packet { body, holes, .. } = &seen[0] else { panic!("{seen:?}") };
        assert_eq!((&body[..], *holes), (&long[3..103], 5003 - 100));
        let Seen::Packet { body, .. } = &seen[1] else { panic!("{seen:?}") };
        assert_eq!(body, &next[2..]);
    }
}

#[test]
fn the_end_of_the_stream_shows_what_was_begun() {
    let bytes = publish("a", b"hello");
    assert_eq!(
        run(&[Bytes(&bytes[..6])]),
        [Seen::Incomplete { start: 0, body: bytes[2..6].to_vec(), missing: 4, resynced: false }]
    );
    assert_eq!(run(&[Bytes(&bytes[..1])]), [Seen::Incomplete { start: 0, body: vec![], missing: 0, resynced: false }]);
}

#[test]
fn a_stream_joined_in_the_middle_is_searched() {
    let good = [publish("a/b", b"one"), publish("a/b", b"two")];
    let stream = [&b"the tail of something"[..], &good.concat()].concat();
    let seen = run_with(Framer::joining(FramerLimits::default()), &[Bytes(&stream)]);
    assert_eq!(seen, [found(21, &good[0], &[0], true), found(21 + good[0].len() as u64, &good[1], &[0], true)]);
}

#[test]
fn nothing_is_held_between_packets() {
    let mut framer = Framer::new(FramerLimits::default());
    let mut log = Log::default();
    let bytes = publish("a", b"hello");
    framer.push(&bytes[..4], place(0), &mut log);
    assert!(matches!(framer.pending(), Pending::Body { received: 2, .. }));
    framer.push(&bytes[4..], place(1), &mut log);
    assert_eq!(framer.pending(), Pending::Nothing);
    assert_eq!(framer.offset(), bytes.len() as u64);
}

#[test]
fn bytes_that_are_no_mqtt_are_searched_without_end_or_packet() {
    let text = b"0000 @@@@ PPPP bbbb pppp \x10\x20\x82\xc0\xff\xff\xff\x30".repeat(20_000);
    let mut framer = Framer::joining(FramerLimits::default());
    let mut log = Log::default();
    for (frame, piece) in text.chunks(1448).enumerate() {
        framer.push(piece, place(frame), &mut log);
    }
    framer.finish(&mut log);
    assert_eq!(log.0, []);
}

/// Cuts a stream at the given places.
fn cut(stream: &[u8], places: &[prop::sample::Index]) -> Vec<std::ops::Range<usize>> {
    let mut at: Vec<usize> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.dedup();
    at.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

fn without_frames(seen: Vec<Seen>) -> Vec<Seen> {
    seen.into_iter()
        .map(|mut seen| {
            if let Seen::Packet { frames, .. } = &mut seen {
                frames.clear();
            }
            seen
        })
        .collect()
}

proptest! {
    #[test]
    fn any_cut_of_a_stream_gives_the_same_packets(
        (version, samples) in samples(1..8),
        places in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let stream: Vec<u8> = samples.iter().flat_map(|sample| sample.encode(version)).collect();
        let pieces: Vec<_> = cut(&stream, &places).into_iter().map(|range| Bytes(&stream[range])).collect();
        let whole = without_frames(run(&[Bytes(&stream)]));
        prop_assert_eq!(whole.len(), samples.len());
        prop_assert_eq!(without_frames(run(&pieces)), whole);
    }

    #[test]
    fn holes_lose_only_the_packets_they_touch(
        // Lower-case text, so that nothing inside a payload looks like a packet.
        encoded in vec(
            prop_oneof![
                1 => Just(vec![0xc0, 0x00]),
                4 => ("[a-z]{1,9}", "[a-z]{0,300}").prop_map(|(topic, text)| publish(&topic, text.as_bytes())),
            ],
            3..20,
        ),
        places in vec(any::<prop::sample::Index>(), 2..30),
        hole in any::<prop::sample::Index>(),
    ) {
        let stream = encoded.concat();
        let ranges = cut(&stream, &places);
        let lost = ranges[hole.index(ranges.len())].clone();
        let pieces: Vec<_> = ranges
            .into_iter()
            .map(|range| if range == lost { Gap(range.len() as u64) } else { Bytes(&stream[range]) })
            .collect();
        let seen = run(&pieces);
        let mut start = 0;
        let expected: Vec<_> = encoded.iter().map(|bytes| { start += bytes.len(); (start - bytes.len(), bytes) }).collect();
        // Nothing is found that was not sent.
        for packet in &seen {
            if let Seen::Packet { start, body, .. } = packet {
                let sent = expected.iter().find(|(at, _)| *at as u64 == *start);
                let header = if body.len() > 127 { 3 } else { 2 };
                prop_assert!(sent.is_some_and(|(_, bytes)| bytes[header.min(bytes.len())..].starts_with(body)
                    || bytes[3..].starts_with(body)), "{packet:?}");
            }
        }
        // Every packet that the hole has not touched is there whole, but the last one of the stream
        // may be alone behind the hole, which proves nothing.
        let behind = expected.iter().filter(|(at, _)| *at >= lost.end).count();
        for (at, bytes) in &expected {
            let before = at + bytes.len() <= lost.start;
            let after = *at >= lost.end && behind >= 2;
            let whole = seen.iter().any(|seen| matches!(seen,
                Seen::Packet { start, holes: 0, .. } if *start == *at as u64));
            prop_assert!(whole || !(before || after), "lost {at} of {expected:?} with hole {lost:?}: {seen:?}");
        }
    }

    #[test]
    fn no_stream_whatever_makes_it_fail(
        pieces in vec((vec(prop_oneof![any::<u8>(), select_bytes()], 0..60), 0_u64..4), 0..30),
        held_bytes in 0_usize..40,
    ) {
        let pieces: Vec<_> = pieces
            .iter()
            .flat_map(|(bytes, gap)| [Bytes(bytes), Gap(gap.saturating_sub(2) * 7)])
            .collect();
        let total: u64 = pieces.iter().map(|piece| match piece { Bytes(b) => b.len() as u64, Gap(g) => *g }).sum();
        for framer in [Framer::new(FramerLimits { held_bytes }), Framer::joining(FramerLimits { held_bytes })] {
            let mut end = 0;
            for seen in run_with(framer, &pieces) {
                if let Seen::Packet { start, body, .. } = seen {
                    prop_assert!(start >= end && body.len() <= held_bytes);
                    end = start + 2 + body.len() as u64;
                    prop_assert!(end <= total);
                }
            }
        }
    }
}

/// Bytes that make many little packets, and broken lengths.
fn select_bytes() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0xc0, 0x00, 0x30, 0x40, 0x02, 0x01, 0xff, 0xd0])
}

/// Notes where each packet's bytes came from.
#[derive(Default)]
struct Places(Vec<(u64, Vec<super::Piece>)>);

impl FrameSink for Places {
    fn packet(&mut self, framed: Framed<'_>) {
        self.0.push((framed.start, framed.pieces.to_vec()));
    }

    fn incomplete(&mut self, incomplete: Incomplete<'_>) {
        self.0.push((incomplete.start, incomplete.pieces.to_vec()));
    }

    fn lost_sync(&mut self, _: LostSync) {}
}

/// Pushes a stream in these pieces, and sees that each byte of a packet stands where its piece says.
#[track_caller]
fn each_byte_has_its_place(mut framer: Framer, pieces: &[Piece<'_>]) -> usize {
    let (mut sink, mut stream) = (Places::default(), Vec::new());
    for (frame, piece) in pieces.iter().enumerate() {
        match piece {
            Bytes(bytes) => {
                framer.push(bytes, place(frame), &mut sink);
                stream.extend(
                    bytes.iter().enumerate().map(|(at, _)| Some((frame as u64, 54 + frame as u32 + at as u32))),
                );
            }
            Gap(length) => {
                framer.gap(*length, origin(frame), &mut sink);
                stream.extend(std::iter::repeat_n(None, *length as usize));
            }
        }
    }
    framer.finish(&mut sink);
    let mut bytes = 0;
    for (start, pieces) in &sink.0 {
        for piece in pieces {
            for at in 0..piece.length {
                let stands = (piece.place.origin.frame.0, piece.place.offset.expect("an offset") + at);
                assert_eq!(stream[*start as usize + (piece.offset + at) as usize], Some(stands), "{piece:?}");
                bytes += 1;
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn each_byte_of_a_packet_has_its_place_in_a_frame(
        (version, samples) in samples(1..6),
        cuts in vec(1_usize..40, 1..30),
    ) {
        let stream: Vec<u8> = samples.iter().flat_map(|sample| sample.encode(version)).collect();
        let (mut rest, mut pieces) = (&stream[..], Vec::new());
        for cut in cuts {
            let (front, back) = rest.split_at(cut.min(rest.len()));
            pieces.push(Bytes(front));
            rest = back;
        }
        pieces.push(Bytes(rest));
        prop_assert_eq!(each_byte_has_its_place(Framer::new(FramerLimits::default()), &pieces), stream.len());
    }
}

#[test]
fn bytes_around_a_hole_and_behind_a_search_keep_their_places() {
    let (first, second) = (publish("a/b", &[b'x'; 100]), publish("a/c", b"y"));
    let framer = || Framer::new(FramerLimits::default());
    let around = [Bytes(&first[..50]), Gap(20), Bytes(&first[70..]), Bytes(&second)];
    assert_eq!(each_byte_has_its_place(framer(), &around), first.len() + second.len() - 20);
    let joined = [&b"the tail"[..], &first, &second].concat();
    let found = [Bytes(&joined[..20]), Bytes(&joined[20..])];
    assert_eq!(each_byte_has_its_place(Framer::joining(FramerLimits::default()), &found), first.len() + second.len());
    // A length that does not end, over several pieces, and packets behind it.
    let broken = [&b"\x30\xff\xff\xff\xff"[..], &first, &second].concat();
    let pieces: Vec<_> = broken.chunks(3).map(Bytes).collect();
    assert_eq!(each_byte_has_its_place(framer(), &pieces), first.len() + second.len());
}

#[test]
fn parts_of_a_frame_that_follow_each_other_are_one_piece() {
    let bytes = publish("a", b"hello");
    let (mut framer, mut sink) = (Framer::new(FramerLimits::default()), Places::default());
    framer.push(&bytes[..3], place(0), &mut sink);
    framer.push(&bytes[3..6], place(1), &mut sink);
    framer.push(&bytes[6..], place(1).plus(3), &mut sink);
    let piece = |offset, length, place| super::Piece { offset, length, place };
    assert_eq!(sink.0, [(0, vec![piece(0, 3, place(0)), piece(3, 7, place(1))])]);
}
