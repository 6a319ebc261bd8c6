//! One captured frame, and the batch that carries many of them.

use crate::time::Timestamp;

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
#[derive(Debug)]
pub struct Batch {
    /// The bytes that the slots point into. A file reader reads straight into it.
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    comments: Vec<(FrameNo, String)>,
    first: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: Vec::new(), slots: Vec::new(), comments: Vec::new(), first: 1 }
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
        self.bytes.len()
    }

    /// Forgets the frames and their bytes; the next frame keeps counting where these ended.
    pub fn advance(&mut self) {
        self.first += self.slots.len() as u64;
        self.slots.clear();
        self.comments.clear();
        self.bytes.clear();
    }

    /// The number that the next pushed frame gets.
    pub fn next_number(&self) -> FrameNo {
        FrameNo(self.first + self.slots.len() as u64)
    }

    /// Appends a frame, copying its bytes.
    pub fn push(&mut self, header: FrameHeader, data: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(data);
        self.slots.push(Slot { header, start, captured: data.len() as u32 });
    }

    /// The buffer, for a source that reads its input straight into it and then calls
    /// [`Batch::push_range`] for each record that it finds there.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends a frame whose bytes already stand in the buffer.
    ///
    /// A range beyond the buffer is cut to it, so that a reader's mistake cannot become a panic later.
    pub fn push_range(&mut self, header: FrameHeader, range: std::ops::Range<usize>) {
        let end = range.end.min(self.bytes.len());
        let start = range.start.min(end);
        self.slots.push(Slot { header, start: start as u32, captured: (end - start) as u32 });
    }

    /// Remembers a comment that the file holds for the frame pushed last.
    pub fn comment(&mut self, text: String) {
        let number = FrameNo((self.first + self.slots.len() as u64).saturating_sub(1));
        self.comments.push((number, text));
    }

    /// The comments on a frame of this batch, in the order of the file.
    pub fn comments(&self, frame: FrameNo) -> impl Iterator<Item = &str> {
        let from = self.comments.partition_point(|(number, _)| *number < frame);
        self.comments[from..].iter().take_while(move |(number, _)| *number == frame).map(|(_, text)| text.as_str())
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

impl Frame<'_> {
    /// This frame as the origin of what it tells.
    pub fn origin(&self) -> Origin {
        Origin { frame: self.number, time: self.header.time }
    }
}
