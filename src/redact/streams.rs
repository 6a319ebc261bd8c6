//! The redacted streams: what became of the bytes of each direction of a connection, for the segments that carry
//! them, however often and however cut.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::capture::FrameNo;
use crate::wire::SeqNum;

/// Redacted bytes that are remembered of all streams, for segments that are sent again.
const REMEMBERED_BYTES: usize = 64 << 20;

/// What a remembered message costs beside its bytes.
const ENTRY_COST: usize = 64;

/// From so many waiting segments on, those whose frames are gone are looked for.
const MANY: usize = 1024;

/// A stream: the flow it belongs to and who sends it.
pub(super) type Name = (FrameNo, SocketAddr);

/// A place where bytes of a stream stand: a frame or a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Frame(u64),
    Datagram(u64),
}

/// A segment that waits for its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) target: Target,
    /// Where its payload begins there.
    pub(super) at: usize,
    pub(super) seq: SeqNum,
    pub(super) length: usize,
}

/// Takes what the streams have for the places that wait.
pub(super) trait Places {
    /// Redacted bytes for this place.
    fn put(&mut self, target: Target, at: usize, bytes: &[u8]);
    /// No more comes for this place from one segment.
    fn done(&mut self, target: Target);
    /// Whether the place is still there.
    fn is_there(&self, target: Target) -> bool;
}

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    by_name: HashMap<Name, Stream, foldhash::fast::RandomState>,
    /// What is remembered, oldest first, and its cost. Names of streams that are gone stay until their turn.
    order: VecDeque<(Name, usize)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Stream {
    begin: Option<SeqNum>,
    /// Bytes of the stream of which it is settled what becomes of them.
    settled: u64,
    /// Redacted messages and where they begin, in order.
    known: VecDeque<(u64, Box<[u8]>)>,
    waiting: Vec<Waiting>,
}

impl Stream {
    /// Where a segment's payload begins in the stream, negative before its first byte; `None` before there is one.
    fn offset(&self, waiting: &Waiting) -> Option<i64> {
        let here = self.begin?.plus(self.settled as u32);
        Some(self.settled as i64 + i64::from(waiting.seq.distance(here)))
    }

    /// Whether all bytes of the segment are settled.
    fn is_settled(&self, waiting: &Waiting) -> bool {
        self.offset(waiting).is_some_and(|offset| offset + waiting.length as i64 <= self.settled as i64)
    }
}

/// Puts what is in both a segment and a message into the segment's place.
fn put(offset: i64, waiting: &Waiting, start: u64, bytes: &[u8], places: &mut impl Places) {
    let from = offset.max(start as i64);
    let to = (offset + waiting.length as i64).min(start as i64 + bytes.len() as i64);
    if let Some(common) = bytes.get((from - start as i64).max(0) as usize..(to - start as i64).max(0) as usize)
        && !common.is_empty()
    {
        places.put(waiting.target, waiting.at + (from - offset) as usize, common);
    }
}

impl Streams {
    /// A segment came whose payload has to be replaced.
    pub(super) fn segment(&mut self, name: Name, begin: Option<SeqNum>, waiting: Waiting, places: &mut impl Places) {
        let stream = self.by_name.entry(name).or_default();
        stream.begin = stream.begin.or(begin);
        if let Some(offset) = stream.offset(&waiting) {
            let first = stream.known.partition_point(|(start, bytes)| (start + bytes.len() as u64) as i64 <= offset);
            for (start, bytes) in stream.known.range(first..) {
                if *start as i64 >= offset + waiting.length as i64 {
                    break;
                }
                put(offset, &waiting, *start, bytes, places);
            }
        }
        if stream.is_settled(&waiting) {
            return places.done(waiting.target);
        }
        if stream.waiting.len() >= MANY && stream.waiting.len().is_power_of_two() {
            stream.waiting.retain(|waiting| places.is_there(waiting.target));
        }
        stream.waiting.push(waiting);
    }

    /// A message was read and redacted, which takes `length` bytes of the stream from `start` on. What lies between
    /// the one before and this one belongs to none.
    pub(super) fn message(
        &mut self,
        name: Name,
        begin: Option<SeqNum>,
        (start, length): (u64, u64),
        bytes: Box<[u8]>,
        places: &mut impl Places,
    ) {
        let stream = self.by_name.entry(name).or_default();
        stream.begin = stream.begin.or(begin);
        for waiting in &stream.waiting {
            if let Some(offset) = stream.offset(waiting) {
                put(offset, waiting, start, &bytes, places);
            }
        }
        let offsets = |stream: &Stream, waiting: &Waiting| stream.offset(waiting);
        let end = start + length;
        let mut waiting = std::mem::take(&mut stream.waiting);
        waiting.retain(|waiting| {
            let settled = offsets(stream, waiting).is_some_and(|offset| offset + waiting.length as i64 <= end as i64);
            if settled {
                places.done(waiting.target);
            }
            !settled
        });
        stream.waiting = waiting;
        stream.settled = stream.settled.max(end);
        let cost = bytes.len() + ENTRY_COST;
        stream.known.push_back((start, bytes));
        self.order.push_back((name, cost));
        self.bytes += cost;
        while self.bytes > REMEMBERED_BYTES {
            let Some((name, cost)) = self.order.pop_front() else { break };
            self.bytes -= cost;
            if let Some(stream) = self.by_name.get_mut(&name) {
                stream.known.pop_front();
            }
        }
    }

    /// Nothing more will be read of the stream.
    pub(super) fn end(&mut self, name: Name, places: &mut impl Places) {
        let Some(stream) = self.by_name.remove(&name) else { return };
        for waiting in stream.waiting {
            places.done(waiting.target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One place for all, and how many are done.
    #[derive(Default)]
    struct Place {
        bytes: HashMap<u64, Vec<u8>>,
        done: Vec<u64>,
    }

    impl Places for Place {
        fn put(&mut self, target: Target, at: usize, bytes: &[u8]) {
            let Target::Frame(frame) = target else { panic!("no datagram") };
            let place = self.bytes.entry(frame).or_insert_with(|| vec![b'.'; 12]);
            place[at..at + bytes.len()].copy_from_slice(bytes);
        }

        fn done(&mut self, target: Target) {
            let Target::Frame(frame) = target else { panic!("no datagram") };
            self.done.push(frame);
        }

        fn is_there(&self, _: Target) -> bool {
            true
        }
    }

    fn name() -> Name {
        (FrameNo(1), "10.0.0.1:1883".parse().unwrap())
    }

    #[test]
    fn segments_get_their_part_however_they_are_cut() {
        let (mut streams, mut place) = (Streams::default(), Place::default());
        let begin = SeqNum(u32::MAX - 2);
        let segment =
            |frame, at: u32, length| Waiting { target: Target::Frame(frame), at: 1, seq: begin.plus(at), length };
        streams.segment(name(), Some(begin), segment(1, 0, 4), &mut place);
        streams.segment(name(), Some(begin), segment(2, 4, 8), &mut place);
        assert!(place.done.is_empty());
        streams.message(name(), Some(begin), (0, 6), Box::from(*b"abcdef"), &mut place);
        assert_eq!((place.done.as_slice(), &place.bytes[&1][..]), (&[1][..], &b".abcd......."[..]));
        // Two bytes that no message has, and a message with a hole at its end.
        streams.message(name(), Some(begin), (8, 4), Box::from(*b"ij"), &mut place);
        assert_eq!((place.done.as_slice(), &place.bytes[&2][..]), (&[1, 2][..], &b".ef..ij....."[..]));
        // Sent again, cut otherwise, and from before the first byte.
        streams.segment(name(), Some(begin), segment(3, 2, 8), &mut place);
        streams.segment(name(), Some(begin), segment(4, u32::MAX, 3), &mut place);
        assert_eq!(place.done, [1, 2, 3, 4]);
        assert_eq!((&place.bytes[&3][..], &place.bytes[&4][..]), (&b".cdef..ij..."[..], &b"..ab........"[..]));
        streams.segment(name(), Some(begin), segment(5, 20, 3), &mut place);
        streams.end(name(), &mut place);
        assert_eq!(place.done, [1, 2, 3, 4, 5]);
    }
}
