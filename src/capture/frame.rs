//! One captured frame, and the batch that carries many of them.

use std::io::{self, Read};

use super::Secrets;
use crate::prefetch::prefetch;
use crate::time::Timestamp;

/// How much of a batch's buffer outlives [`Batch::advance`]: four usual batches of a file.
const KEPT_BYTES: usize = 1 << 20;

/// The number of a frame in a run: 1 for the first, counted over all files and interfaces together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNo(pub u64);

impl std::fmt::Display for FrameNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a record's header says of a frame, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// When the capturing machine saw it.
    pub time: Timestamp,
    /// How its first bytes are to be read.
    pub link: super::LinkType,
    /// Its length on the wire in bytes; at least the captured length.
    pub length: u32,
    /// The interface it came from, counted over all sections and files of the run, from 0.
    pub interface: u32,
    /// How many bytes of frame check sequence stand at its end on the wire.
    pub fcs_length: u8,
}

/// A frame: its header and its captured bytes, borrowed from a [`Batch`].
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Its number in the run.
    pub number: FrameNo,
    /// What its record says.
    pub header: FrameHeader,
    /// The captured bytes, which may be fewer than were on the wire.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// Bytes that were on the wire but were not captured (the snap length).
    pub fn cut(&self) -> u32 {
        self.header.length.saturating_sub(self.data.len() as u32)
    }
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    header: FrameHeader,
    start: u32,
    captured: u32,
}

/// Frames in the order of the capture, with one buffer for all their bytes.
///
/// A [`Source`](super::Source) appends to it, the analysis reads it and calls [`Batch::advance`];
/// the buffers are used again, so that reading allocates nothing per frame.
///
/// A source either copies frames in ([`Batch::push`]), or reads its input straight into the batch
/// ([`Batch::read_from`]), looks at what arrived ([`Batch::bytes`]) and says where the frames are
/// ([`Batch::push_range`]).
#[derive(Debug)]
pub struct Batch {
    /// The bytes that the slots point into, and after them what an earlier use left behind.
    ///
    /// INVARIANT: `held <= bytes.len()`. What lies beyond `held` is never shown; it is kept because a
    /// reader overwrites it next, and clearing it first would cost as much as reading.
    bytes: Vec<u8>,
    held: usize,
    slots: Vec<Slot>,
    comments: Vec<(FrameNo, String)>,
    /// Secrets, and the frame before which they stand.
    secrets: Vec<(FrameNo, Secrets)>,
    first: u64,
    lost: Lost,
}

/// Frames that were on the wire and are in no batch, by who could not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Dropped by the kernel, as nobody fetched them in time. They were never seen, and have no numbers.
    pub kernel: u64,
    /// Dropped by the interface or its driver; likewise.
    pub interface: u64,
    /// Captured, and left out because the analysis had fallen behind. They have numbers, so that those of a capture file
    /// which has them all are the same.
    pub analysis: u64,
}

impl Lost {
    /// All of them together.
    pub const fn total(self) -> u64 {
        self.kernel.saturating_add(self.interface).saturating_add(self.analysis)
    }

    /// Those and these.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            kernel: self.kernel.saturating_add(more.kernel),
            interface: self.interface.saturating_add(more.interface),
            analysis: self.analysis.saturating_add(more.analysis),
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            held: 0,
            slots: Vec::new(),
            comments: Vec::new(),
            secrets: Vec::new(),
            first: 1,
            lost: Lost::default(),
        }
    }
}

impl Batch {
    /// An empty batch whose first frame will be frame 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many bytes its buffer holds.
    pub fn bytes_held(&self) -> usize {
        self.held
    }

    /// Forgets the frames and their bytes; the next frame keeps counting where these ended.
    pub fn advance(&mut self) {
        let next = self.next_number();
        // Those behind the last frame stand before the next one.
        self.secrets.retain(|(number, _)| *number >= next);
        self.first = next.0;
        self.slots.clear();
        self.comments.clear();
        self.held = 0;
        self.lost = Lost::default();
        // One frame of 128 MiB must not keep that much memory for the rest of the run.
        if self.bytes.len() > KEPT_BYTES {
            self.bytes.truncate(KEPT_BYTES);
            self.bytes.shrink_to_fit();
        }
    }

    /// The same for a batch that takes turns with others: the next frame has this number.
    pub fn restart(&mut self, next: FrameNo) {
        self.advance();
        self.secrets.clear();
        self.first = next.0;
    }

    /// What was lost between the frames before this batch and its first one.
    pub const fn lost(&self) -> Lost {
        self.lost
    }

    /// So much was lost before the first frame of this batch; if it holds none, before the first of a later one.
    pub const fn set_lost(&mut self, lost: Lost) {
        self.lost = lost;
    }

    /// Its frames get the numbers from this one on. It may hold no comments, which know the numbers of theirs.
    #[cfg(feature = "live")]
    pub(super) fn renumber(&mut self, first: FrameNo) {
        debug_assert!(self.comments.is_empty(), "comments would belong to other frames");
        self.first = first.0;
    }

    /// Keeps the first `count` frames and forgets those behind them.
    pub(super) fn truncate(&mut self, count: usize) {
        self.slots.truncate(count);
        let next = self.next_number();
        self.comments.retain(|(number, _)| *number < next);
    }

    /// The number that the next pushed frame gets.
    pub fn next_number(&self) -> FrameNo {
        FrameNo(self.first + self.slots.len() as u64)
    }

    /// Appends a frame, copying its bytes.
    pub fn push(&mut self, header: FrameHeader, data: &[u8]) {
        let start = self.held;
        self.append(data);
        self.push_range(header, start..self.held);
    }

    /// Appends bytes that are no frame yet.
    pub(super) fn append(&mut self, data: &[u8]) {
        let end = self.held + data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(room) = self.bytes.get_mut(self.held..end) {
            room.copy_from_slice(data);
            self.held = end;
        }
    }

    /// Reads once from `input`, at most `limit` bytes, to the end of the buffer; 0 is the end of the input.
    pub fn read_from(&mut self, input: &mut dyn Read, limit: usize) -> io::Result<usize> {
        let end = self.held.saturating_add(limit);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let Some(room) = self.bytes.get_mut(self.held..end) else { return Ok(0) };
        // A reader that claims more than it was given room for is cut, as std's own readers do.
        let count = input.read(room)?.min(limit);
        self.held += count;
        Ok(count)
    }

    /// The bytes held so far, for a source that reads straight into the batch and then calls
    /// [`Batch::push_range`] for each record that it finds there.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.held).unwrap_or_default()
    }

    /// Where a slice begins in [`Batch::bytes`], if it is one of theirs.
    #[inline]
    pub(crate) fn offset_of(&self, part: &[u8]) -> Option<u32> {
        offset_in(part, self.bytes().as_ptr_range())
    }

    /// Drops the first `count` bytes of a batch that holds no frames yet.
    pub(super) fn drop_front(&mut self, count: usize) {
        debug_assert!(self.slots.is_empty(), "slots would point to other bytes");
        let count = count.min(self.held);
        self.bytes.copy_within(count..self.held, 0);
        self.held -= count;
    }

    /// Appends a frame whose bytes already stand in the buffer.
    ///
    /// A range beyond the buffer is cut to it, so that a reader's mistake cannot become a panic later.
    pub fn push_range(&mut self, header: FrameHeader, range: std::ops::Range<usize>) {
        let end = range.end.min(self.held);
        let start = range.start.min(end);
        self.slots.push(Slot { header, start: start as u32, captured: (end - start) as u32 });
    }

    /// Asks for the memory of the headers of a frame that is looked at soon: another core may have fetched it.
    #[inline]
    pub(crate) fn prefetch(&self, place: usize) {
        const HEADERS: usize = 64;
        const SLOTS: usize = 24;
        if let Some(later) = self.slots.get(place + SLOTS) {
            prefetch(later);
        }
        let Some(slot) = self.slots.get(place) else { return };
        for at in [0, HEADERS] {
            if let Some(byte) = self.bytes.get(slot.start as usize + at) {
                prefetch(byte);
            }
        }
    }

    /// Remembers a comment that the file holds for the frame pushed last.
    pub fn comment(&mut self, text: String) {
        let number = FrameNo((self.first + self.slots.len() as u64).saturating_sub(1));
        self.comments.push((number, text));
    }

    /// Remembers secrets that the file holds at this place, before the frame that is pushed next.
    pub fn secrets(&mut self, secrets: Secrets) {
        self.secrets.push((self.next_number(), secrets));
    }

    /// The secrets that stand right before a frame; before the one behind all others those that stand at the end.
    pub fn secrets_before(&self, frame: FrameNo) -> impl Iterator<Item = &Secrets> {
        let from = self.secrets.partition_point(|(number, _)| *number < frame);
        self.secrets.iter().skip(from).take_while(move |(number, _)| *number == frame).map(|(_, secrets)| secrets)
    }

    /// The comments on a frame of this batch, in the order of the file.
    pub fn comments(&self, frame: FrameNo) -> impl Iterator<Item = &str> {
        let from = self.comments.partition_point(|(number, _)| *number < frame);
        self.comments[from..].iter().take_while(move |(number, _)| *number == frame).map(|(_, text)| text.as_str())
    }

    /// The frame at an index from 0.
    pub fn get(&self, index: usize) -> Option<Frame<'_>> {
        let slot = self.slots.get(index)?;
        let (start, captured) = (slot.start as usize, slot.captured as usize);
        Some(Frame {
            number: FrameNo(self.first + index as u64),
            header: slot.header,
            data: self.bytes.get(start..start + captured)?,
        })
    }

    /// The frames, oldest first.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.slots.iter().enumerate().map(|(index, slot)| Frame {
            number: FrameNo(self.first + index as u64),
            header: slot.header,
            data: &self.bytes[slot.start as usize..(slot.start + slot.captured) as usize],
        })
    }
}

/// Which frame said something, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The frame.
    pub frame: FrameNo,
    /// Its time.
    pub time: Timestamp,
}

/// Where bytes of a stream came from: the frame that delivered them, and the place of the first in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The frame, and when.
    pub origin: Origin,
    /// The first byte, from the front of the frame's captured bytes; absent where a datagram was put together from
    /// fragments, which stood in several frames.
    pub offset: Option<u32>,
}

impl Place {
    /// The place of the byte that stands so many behind.
    #[must_use]
    pub const fn plus(self, bytes: usize) -> Self {
        let offset = match self.offset {
            Some(offset) => Some(offset.saturating_add(bytes as u32)),
            None => None,
        };
        Self { origin: self.origin, offset }
    }
}

impl Frame<'_> {
    /// This frame as the origin of what it tells.
    pub fn origin(&self) -> Origin {
        Origin { frame: self.number, time: self.header.time }
    }

    /// Where a part of a packet stands in this frame, if it is a slice of its bytes.
    ///
    /// A datagram that was put together from fragments is none: it was copied.
    pub fn place_of(&self, part: &[u8]) -> Place {
        Place { origin: self.origin(), offset: offset_in(part, self.data.as_ptr_range()) }
    }
}

/// Where a slice begins in these bytes, if it is one of theirs.
fn offset_in(part: &[u8], whole: std::ops::Range<*const u8>) -> Option<u32> {
    let part = part.as_ptr_range();
    let inside = whole.start <= part.start && part.end <= whole.end;
    if inside { u32::try_from(part.start.addr().wrapping_sub(whole.start.addr())).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    const HEADER: FrameHeader = FrameHeader {
        time: Timestamp::from_nanos(0),
        link: LinkType::ETHERNET,
        length: 3,
        interface: 0,
        fcs_length: 0,
    };

    #[test]
    fn bytes_of_an_earlier_batch_are_never_shown_again() {
        let mut batch = Batch::new();
        batch.read_from(&mut &b"secret"[..], 6).unwrap();
        batch.push_range(HEADER, 0..6);
        batch.advance();
        batch.read_from(&mut &b"abc"[..], 6).unwrap();
        batch.push_range(HEADER, 0..6);
        assert_eq!(batch.get(0).unwrap().data, b"abc");
        assert_eq!(batch.bytes(), b"abc");
        assert_eq!(batch.get(0).unwrap().number, FrameNo(2));
    }

    #[test]
    fn pushing_goes_on_after_what_was_read() {
        let mut batch = Batch::new();
        batch.read_from(&mut &b"ab"[..], 100).unwrap();
        batch.push_range(HEADER, 0..2);
        batch.push(HEADER, b"cd");
        batch.comment("second".into());
        let seen: Vec<_> = batch.frames().map(|frame| frame.data.to_vec()).collect();
        assert_eq!(seen, [b"ab", b"cd"]);
        assert_eq!(batch.comments(FrameNo(2)).collect::<Vec<_>>(), ["second"]);
        assert_eq!(batch.comments(FrameNo(1)).count(), 0);
    }
}
