//! The byte stream of one direction: segments in, bytes in order out, each once.
//!
//! In-order bytes are passed on without a copy; only what lies ahead of a hole is kept. Bytes that came
//! first stay: a segment that says otherwise of them changes nothing.

use std::collections::VecDeque;

use crate::capture::{Origin, Place};
use crate::rare::{Blank, Rare};
use crate::time::{Span, Timestamp};
use crate::wire::SeqNum;

/// Takes what the stream yields, in order.
pub trait StreamSink {
    /// The next bytes, and where the first of them stands.
    fn data(&mut self, bytes: &[u8], place: Place);

    /// The next `length` bytes were never captured. `origin` is the frame that showed it.
    fn gap(&mut self, length: u64, origin: Origin);
}

/// How much one direction may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Bytes kept ahead of a hole; with more, the hole is given up.
    pub bytes: usize,
    /// Segments kept ahead of a hole; with more, the hole is given up.
    pub segments: usize,
}

impl Default for ReassemblyLimits {
    /// 1 MiB and 1024 segments: about what a common receiver takes ahead of a hole before its own window ends.
    fn default() -> Self {
        Self { bytes: 1 << 20, segments: 1024 }
    }
}

/// How long a hole is kept open after the receiver acknowledged it.
///
/// The receiver has the bytes, so the capture lost them, unless frames were captured slightly out of order:
/// some capture points are off by up to a few milliseconds between the two directions.
const PATIENCE: Span = Span::from_millis(20);

/// How many segments behind an acknowledged hole end the patience sooner: frames change places with their
/// neighbours, not with those far behind.
const PATIENT_SEGMENTS: u8 = 3;

/// What an allocator takes for a few bytes, besides these.
const ALLOCATION: usize = 16;

#[derive(Debug)]
struct Held {
    seq: SeqNum,
    bytes: Box<[u8]>,
    /// Bytes behind these that were on the wire and not captured.
    cut: u32,
    /// Where the first of them stands.
    place: Place,
}

impl Held {
    fn end(&self) -> SeqNum {
        self.seq.plus(self.bytes.len() as u32).plus(self.cut)
    }
}

/// Puts the segments of one direction in order.
///
/// Call order: [`StreamReassembler::start`] with the SYN, or nothing where it was not captured; then
/// [`StreamReassembler::push`] for each segment with payload and [`StreamReassembler::acknowledged`] for each
/// acknowledgement of the peer; at the end [`StreamReassembler::finish`].
#[derive(Debug, Default)]
pub struct StreamReassembler {
    /// The number of the first byte that was or will be passed on, and of the next one, once they are known.
    begin: SeqNum,
    next: SeqNum,
    begun: bool,
    ahead: Rare<Ahead>,
}

/// What a direction needs once a segment came ahead of a hole.
#[derive(Debug, Default)]
struct Ahead {
    /// INVARIANT: sorted by `seq`; every end is after `next`.
    held: VecDeque<Held>,
    held_bytes: usize,
    /// Since when the byte at `next` has been acknowledged without having been captured.
    hole_acknowledged: Option<Timestamp>,
    /// Segments that came from behind the hole since.
    since_acknowledged: u8,
    /// Overlaps with other bytes that were seen.
    conflicts: u32,
    /// Holes that were given up because the limit was reached.
    capped: u32,
}

impl Blank for Ahead {
    fn blank() -> &'static Self {
        const BLANK: &Ahead = &Ahead {
            held: VecDeque::new(),
            held_bytes: 0,
            hole_acknowledged: None,
            since_acknowledged: 0,
            conflicts: 0,
            capped: 0,
        };
        BLANK
    }
}

impl StreamReassembler {
    /// The stream begins behind this SYN. Has no effect once bytes were passed on.
    pub fn start(&mut self, isn: SeqNum) {
        self.join(isn.plus(1));
    }

    /// The stream is joined at this number, unless its begin is known.
    pub fn join(&mut self, seq: SeqNum) {
        if !self.begun {
            self.begun = true;
            self.begin = seq;
            self.next = seq;
        }
    }

    /// The number of the first byte of the stream, once it is known. What was passed on counts from there, holes
    /// included.
    pub const fn begin(&self) -> Option<SeqNum> {
        if self.begun { Some(self.begin) } else { None }
    }

    /// Whether it ever had a hole.
    pub(super) const fn had_hole(&self) -> bool {
        self.ahead.is_made()
    }

    /// Its begin and how far it has come, if it has begun: all that there is to tell of one without a hole.
    pub(super) fn in_short(&self) -> Option<(SeqNum, SeqNum)> {
        self.begun.then_some((self.begin, self.next))
    }

    /// The stream that [`StreamReassembler::in_short`] tells of.
    pub(super) fn of_short(short: Option<(SeqNum, SeqNum)>) -> Self {
        let (begin, next) = short.unwrap_or_default();
        Self { begin, next, begun: short.is_some(), ahead: Rare::new() }
    }

    /// Whether anything was passed on or is waited for.
    pub const fn has_started(&self) -> bool {
        self.begun
    }

    /// Whether anything is kept ahead of a hole.
    pub fn is_waiting(&self) -> bool {
        !self.ahead.held.is_empty()
    }

    /// Bytes kept ahead of a hole.
    pub fn held_bytes(&self) -> usize {
        self.ahead.held_bytes
    }

    /// Memory that goes with the bytes kept ahead of a hole.
    pub fn piece_bytes(&self) -> usize {
        self.ahead.held.len() * (size_of::<Held>() + ALLOCATION)
    }

    /// Segments, or parts of them, that are kept ahead of a hole.
    pub fn held_segments(&self) -> usize {
        self.ahead.held.len()
    }

    /// How often bytes came twice with different contents, as far as both copies were at hand.
    pub fn conflicts(&self) -> u32 {
        self.ahead.conflicts
    }

    /// How many holes were given up because a limit was reached.
    pub fn capped(&self) -> u32 {
        self.ahead.capped
    }

    /// Takes payload in: `bytes` from the number `seq` on, of which `cut` more were on the wire.
    pub fn push(
        &mut self,
        seq: SeqNum,
        bytes: &[u8],
        cut: u32,
        place: Place,
        limits: ReassemblyLimits,
        sink: &mut impl StreamSink,
    ) {
        self.join(seq);
        let next = self.next;
        let end = seq.plus(bytes.len() as u32).plus(cut);
        if !end.is_after(next) {
            return;
        }
        if seq.is_after(next) {
            self.hold(seq, bytes, cut, place);
            if self.ahead.hole_acknowledged.is_some() {
                self.ahead.since_acknowledged += 1;
                if self.ahead.since_acknowledged >= PATIENT_SEGMENTS {
                    self.give_up(place.origin, sink);
                }
            }
            while self.ahead.held_bytes > limits.bytes || self.ahead.held.len() > limits.segments {
                self.ahead.capped += 1;
                self.give_up(place.origin, sink);
            }
            return;
        }
        self.pass_on(seq, bytes, cut, place, sink);
        if self.ahead.is_made() {
            self.drain(sink);
        }
    }

    /// The peer acknowledged everything before `ack` at `now`.
    pub fn acknowledged(&mut self, ack: SeqNum, origin: Origin, sink: &mut impl StreamSink) {
        let Some(ahead) = self.ahead.made() else { return };
        if ahead.held.is_empty() || !self.begun || !ack.is_after(self.next) {
            return;
        }
        let since = *ahead.hole_acknowledged.get_or_insert(origin.time);
        if origin.time.since(since) >= PATIENCE {
            self.give_up(origin, sink);
        }
    }

    /// No more will come, or no more may be held: whatever is kept is passed on, the holes before it as gaps.
    pub fn finish(&mut self, origin: Origin, sink: &mut impl StreamSink) {
        while !self.ahead.held.is_empty() {
            self.give_up(origin, sink);
        }
        if let Some(ahead) = self.ahead.made() {
            ahead.held = VecDeque::new();
        }
    }

    /// Passes on a segment that begins at or before the next byte and ends after it.
    fn pass_on(&mut self, seq: SeqNum, bytes: &[u8], cut: u32, place: Place, sink: &mut impl StreamSink) {
        let known = self.next.distance(seq).max(0) as usize;
        if let Some(new) = bytes.get(known..)
            && !new.is_empty()
        {
            sink.data(new, place.plus(known));
        }
        let cut_behind = (known - known.min(bytes.len())) as u32;
        let cut = cut - cut_behind.min(cut);
        if cut > 0 {
            sink.gap(u64::from(cut), place.origin);
        }
        let end = seq.plus(known.max(bytes.len()) as u32).plus(cut);
        self.next = end;
        self.hole_is_over();
    }

    /// What was known of an acknowledged hole counts no more.
    fn hole_is_over(&mut self) {
        if let Some(ahead) = self.ahead.made() {
            ahead.hole_acknowledged = None;
            ahead.since_acknowledged = 0;
        }
    }

    /// Passes on what is kept and has become contiguous.
    fn drain(&mut self, sink: &mut impl StreamSink) {
        while let Some(ahead) = self.ahead.made() {
            let next = self.next;
            if ahead.held.front().is_none_or(|first| first.seq.is_after(next)) {
                return;
            }
            let Some(first) = ahead.held.pop_front() else { return };
            ahead.held_bytes -= first.bytes.len();
            if first.end().is_after(next) {
                self.pass_on(first.seq, &first.bytes, first.cut, first.place, sink);
            }
        }
    }

    /// The hole before the first kept segment will not be filled any more.
    fn give_up(&mut self, origin: Origin, sink: &mut impl StreamSink) {
        let Some(first) = self.ahead.held.front() else { return };
        let missing = first.seq.distance(self.next).max(0) as u32;
        if missing > 0 {
            sink.gap(u64::from(missing), origin);
            self.next = first.seq;
        }
        self.hole_is_over();
        self.drain(sink);
    }

    /// Keeps what is new of a segment that lies ahead.
    fn hold(&mut self, seq: SeqNum, bytes: &[u8], cut: u32, place: Place) {
        let mut at = seq;
        let end = seq.plus(bytes.len() as u32).plus(cut);
        let ahead = &mut *self.ahead;
        let mut index = ahead.held.partition_point(|held| !held.end().is_after(seq));
        while at.is_before(end) {
            let Some(held) = ahead.held.get(index) else {
                ahead.insert(index, seq, bytes, cut, at, end, place);
                return;
            };
            if held.seq.is_after(at) {
                let stop = if held.seq.is_before(end) { held.seq } else { end };
                ahead.insert(index, seq, bytes, cut, at, stop, place);
                at = stop;
                index += 1;
                continue;
            }
            ahead.conflicts += u32::from(differs(held, seq, bytes));
            at = held.end();
            index += 1;
        }
    }
}

impl Ahead {
    /// Keeps the part `from..to` of a segment.
    #[allow(clippy::too_many_arguments)]
    fn insert(&mut self, index: usize, seq: SeqNum, bytes: &[u8], cut: u32, from: SeqNum, to: SeqNum, place: Place) {
        let start = (from.distance(seq).max(0) as usize).min(bytes.len());
        let stop = (to.distance(seq).max(0) as usize).min(bytes.len());
        let part: Box<[u8]> = bytes.get(start..stop).unwrap_or_default().into();
        let length = to.distance(from).max(0) as u32;
        let cut = cut.min(length - (part.len() as u32).min(length));
        self.held_bytes += part.len();
        self.held.insert(index.min(self.held.len()), Held { seq: from, bytes: part, cut, place: place.plus(start) });
    }
}

/// Whether the bytes that both have are not the same.
fn differs(held: &Held, seq: SeqNum, bytes: &[u8]) -> bool {
    let offset = seq.distance(held.seq);
    let (a, b) = if offset >= 0 {
        (held.bytes.get(offset as usize..).unwrap_or_default(), bytes)
    } else {
        (&*held.bytes, bytes.get(offset.unsigned_abs() as usize..).unwrap_or_default())
    };
    a.iter().zip(b).any(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use proptest::prelude::*;

    /// Gathers the stream; a gap is written as question marks.
    #[derive(Default)]
    struct Gathered(Vec<u8>);

    impl StreamSink for Gathered {
        fn data(&mut self, bytes: &[u8], _: Place) {
            self.0.extend_from_slice(bytes);
        }

        fn gap(&mut self, length: u64, _: Origin) {
            self.0.extend(std::iter::repeat_n(b'?', length as usize));
        }
    }

    fn at(frame: u64) -> Origin {
        Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64 * 1_000_000) }
    }

    fn place(frame: u64) -> Place {
        Place { origin: at(frame), offset: Some(54) }
    }

    fn gather(segments: &[(u32, &[u8], u32)]) -> String {
        let (mut stream, mut sink) = (StreamReassembler::default(), Gathered::default());
        stream.start(SeqNum(u32::MAX - 2));
        for (frame, (offset, bytes, cut)) in segments.iter().enumerate() {
            let seq = SeqNum(u32::MAX - 1).plus(*offset);
            stream.push(seq, bytes, *cut, place(frame as u64), ReassemblyLimits::default(), &mut sink);
        }
        stream.finish(at(99), &mut sink);
        String::from_utf8(sink.0).expect("ASCII")
    }

    #[test]
    fn segments_out_of_order_come_out_in_order() {
        assert_eq!(gather(&[(4, b"efgh", 0), (8, b"ij", 0), (0, b"abcd", 0)]), "abcdefghij");
    }

    #[test]
    fn new_bytes_behind_old_ones_are_passed_on() {
        assert_eq!(gather(&[(0, b"abcd", 0), (0, b"abcdef", 0), (2, b"cdefgh", 0)]), "abcdefgh");
    }

    #[test]
    fn bytes_that_came_first_stay() {
        assert_eq!(gather(&[(4, b"EF", 0), (2, b"cdefgh", 0), (0, b"ab", 0)]), "abcdEFgh");
    }

    #[test]
    fn a_segment_that_was_cut_leaves_a_gap_of_the_right_length() {
        assert_eq!(gather(&[(0, b"ab", 3), (5, b"fg", 0)]), "ab???fg");
        assert_eq!(gather(&[(5, b"fg", 1), (8, b"i", 0), (0, b"abcde", 0)]), "abcdefg?i");
    }

    #[test]
    fn a_hole_that_nobody_fills_becomes_a_gap_at_the_end() {
        assert_eq!(gather(&[(0, b"ab", 0), (4, b"ef", 0)]), "ab??ef");
    }

    #[test]
    fn a_hole_that_the_receiver_acknowledged_is_given_up_after_a_while() {
        let (mut stream, mut sink) = (StreamReassembler::default(), Gathered::default());
        let limits = ReassemblyLimits::default();
        stream.push(SeqNum(0), b"ab", 0, place(1), limits, &mut sink);
        stream.push(SeqNum(4), b"ef", 0, place(2), limits, &mut sink);
        stream.acknowledged(SeqNum(6), at(3), &mut sink);
        assert_eq!(sink.0, b"ab", "the frames may have been captured out of order");
        stream.acknowledged(SeqNum(6), at(30), &mut sink);
        assert_eq!(sink.0, b"ab??ef");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (mut stream, mut sink) = (StreamReassembler::default(), Gathered::default());
        let limits = ReassemblyLimits { bytes: 64, segments: 8 };
        stream.start(SeqNum(0));
        for n in 1..1000u32 {
            stream.push(SeqNum(n * 10), b"0123456", 0, place(u64::from(n)), limits, &mut sink);
            assert!(stream.held_bytes() <= 64 && stream.ahead.held.len() <= 8);
        }
        assert!(stream.capped() > 0);
    }

    /// Sees that bytes stand where the stream says.
    struct Placed<'a> {
        frames: Vec<&'a [u8]>,
        bytes: usize,
    }

    impl StreamSink for Placed<'_> {
        fn data(&mut self, bytes: &[u8], place: Place) {
            let at = place.offset.expect("an offset") as usize - 54;
            assert_eq!(&self.frames[place.origin.frame.0 as usize][at..at + bytes.len()], bytes);
            self.bytes += bytes.len();
        }

        fn gap(&mut self, _: u64, _: Origin) {}
    }

    #[test]
    fn what_was_held_or_trimmed_keeps_its_place() {
        let frames: Vec<(u32, &[u8])> = vec![(4, b"EFGH"), (2, b"cdefghij"), (12, b"mn"), (0, b"abcd"), (8, b"IJKLMN")];
        let mut sink = Placed { frames: frames.iter().map(|(_, bytes)| *bytes).collect(), bytes: 0 };
        let mut stream = StreamReassembler::default();
        stream.start(SeqNum(0));
        for (frame, (offset, bytes)) in frames.iter().enumerate() {
            let seq = SeqNum(1).plus(*offset);
            stream.push(seq, bytes, 0, place(frame as u64), ReassemblyLimits::default(), &mut sink);
        }
        assert_eq!(sink.bytes, 14);
    }

    proptest! {
        #[test]
        fn any_cut_any_order_and_any_repetition_give_the_same_stream(
            stream in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((any::<prop::sample::Index>(), 1usize..60), 0..40),
            order in any::<u64>(),
            isn in any::<u32>(),
        ) {
            let mut segments: Vec<(usize, usize)> = (0..stream.len()).step_by(17).map(|at| (at, (at + 17).min(stream.len()))).collect();
            segments.extend(cuts.iter().map(|(at, length)| {
                let at = at.index(stream.len());
                (at, (at + length).min(stream.len()))
            }));
            let mut state = order | 1;
            for index in (1..segments.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                segments.swap(index, (state >> 33) as usize % (index + 1));
            }
            let frames = segments.iter().map(|(from, to)| &stream[*from..*to]).collect();
            let (mut again, mut placed) = (StreamReassembler::default(), Placed { frames, bytes: 0 });
            again.start(SeqNum(isn));
            for (frame, (from, to)) in segments.iter().enumerate() {
                let seq = SeqNum(isn).plus(1 + *from as u32);
                again.push(seq, &stream[*from..*to], 0, place(frame as u64), ReassemblyLimits::default(), &mut placed);
            }
            prop_assert_eq!(placed.bytes, stream.len());
            let (mut reassembler, mut sink) = (StreamReassembler::default(), Gathered::default());
            reassembler.start(SeqNum(isn));
            for (frame, (from, to)) in segments.iter().enumerate() {
                let seq = SeqNum(isn).plus(1 + *from as u32);
                reassembler.push(seq, &stream[*from..*to], 0, place(frame as u64), ReassemblyLimits::default(), &mut sink);
            }
            prop_assert_eq!(sink.0, stream);
            prop_assert_eq!(reassembler.conflicts(), 0);
            prop_assert_eq!(reassembler.held_bytes(), 0);
        }
    }
}
