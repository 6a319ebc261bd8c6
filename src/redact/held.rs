//! Frames that wait until all of their bytes are redacted, and the datagrams whose fragments stand in them.

use std::collections::{HashMap, VecDeque};

use super::checksums::{Pseudo, set_right};
use super::streams::{Places, Target};
use crate::capture::FrameHeader;
use crate::time::{Span, Steady, Timestamp};
use crate::wire::Placed;

/// Bytes of frames that may wait, both as they were and as they will be, and how many frames. With more the oldest
/// go as they are, which is without anything that was not yet read.
const HELD_BYTES: usize = 128 << 20;
const HELD_FRAMES: usize = 1 << 18;

/// How long a fragment waits for the rest of its datagram, and a little more than the decoder waits.
const PATIENCE: Span = Span::from_millis(61_000);

/// Datagrams from which on those without frames are looked for.
const MANY: usize = 4096;

/// Bytes that are changed: a frame, or a datagram that was put together from fragments.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) old: Vec<u8>,
    pub(super) new: Vec<u8>,
    pub(super) layers: Vec<Placed>,
    pub(super) innermost: Option<Pseudo>,
    pub(super) outside: Option<Pseudo>,
}

impl Buffer {
    fn set_checksums(&mut self) {
        set_right(&self.old, &mut self.new, &self.layers, self.innermost, self.outside);
    }
}

/// A frame that waits.
#[derive(Debug)]
pub(super) struct HeldFrame {
    pub(super) header: FrameHeader,
    pub(super) buffer: Buffer,
    /// How many of its parts are not settled.
    pub(super) waiting: u32,
    pub(super) has_fragment: bool,
}

/// A fragment's place in a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) frame: u64,
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) offset: usize,
}

#[derive(Debug)]
struct Datagram {
    buffer: Buffer,
    parts: Vec<Part>,
}

/// All that waits.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Each with its place in the steady time.
    frames: VecDeque<(HeldFrame, Timestamp)>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    datagrams: HashMap<u64, Datagram, foldhash::fast::RandomState>,
    next_datagram: u64,
    /// Fragments of datagrams that are not whole yet.
    fragments: HashMap<u64, Vec<Part>, foldhash::fast::RandomState>,
    clock: Steady,
    /// Bytes that got their redacted contents.
    pub(super) placed: u64,
    /// Frames that a limit kept from waiting longer.
    pub(super) hurried: u64,
}

impl Held {
    /// The number that the next frame gets.
    pub(super) fn next_frame(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    pub(super) fn push(&mut self, frame: HeldFrame) {
        self.bytes += 2 * frame.buffer.old.len();
        let now = self.clock.tick(frame.header.time);
        self.frames.push_back((frame, now));
    }

    fn frame(&mut self, number: u64) -> Option<&mut HeldFrame> {
        self.frames.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?).map(|(frame, _)| frame)
    }

    /// A part of the frame is yet to be settled.
    pub(super) fn waits(&mut self, target: Target) {
        if let Target::Frame(number) = target
            && let Some(frame) = self.frame(number)
        {
            frame.waiting += 1;
        }
    }

    /// A fragment of a datagram stands in a frame.
    pub(super) fn fragment(&mut self, datagram: u64, part: Part) {
        if self.fragments.len() >= MANY {
            let first = self.first;
            self.fragments.retain(|_, parts| parts.last().is_some_and(|part| part.frame >= first));
        }
        self.fragments.entry(datagram).or_default().push(part);
        self.waits(Target::Frame(part.frame));
    }

    /// The datagram is whole; answers with its number.
    pub(super) fn datagram(&mut self, name: u64, buffer: Buffer) -> u64 {
        if self.datagrams.len() >= MANY {
            let first = self.first;
            self.datagrams.retain(|_, datagram| datagram.parts.last().is_some_and(|part| part.frame >= first));
        }
        let parts = self.fragments.remove(&name).unwrap_or_default();
        let number = self.next_datagram;
        self.next_datagram += 1;
        self.datagrams.insert(number, Datagram { buffer, parts });
        number
    }

    /// The oldest frame, if nothing of it is unsettled any more, or it can't wait longer; all go at the end.
    pub(super) fn pop(&mut self, all: bool) -> Option<HeldFrame> {
        let (bytes, count, now) = (self.bytes, self.frames.len(), self.clock.now());
        let (frame, since) = self.frames.front()?;
        let stale = frame.has_fragment && now.since(*since) > PATIENCE && count > 1;
        if frame.waiting > 0 && !all && !stale && bytes <= HELD_BYTES && count <= HELD_FRAMES {
            return None;
        }
        let hurried = frame.waiting > 0 && !all && !stale;
        self.hurried += u64::from(hurried);
        let (mut frame, _) = self.frames.pop_front()?;
        self.first += 1;
        self.bytes -= 2 * frame.buffer.old.len();
        frame.buffer.set_checksums();
        Some(frame)
    }
}

impl Places for Held {
    fn put(&mut self, target: Target, at: usize, bytes: &[u8]) {
        let buffer = match target {
            Target::Frame(number) => self.frame(number).map(|frame| &mut frame.buffer),
            Target::Datagram(number) => self.datagrams.get_mut(&number).map(|datagram| &mut datagram.buffer),
        };
        if let Some(place) = buffer.and_then(|buffer| buffer.new.get_mut(at..at + bytes.len())) {
            place.copy_from_slice(bytes);
            self.placed += bytes.len() as u64;
        }
    }

    fn done(&mut self, target: Target) {
        match target {
            Target::Frame(number) => {
                if let Some(frame) = self.frame(number) {
                    frame.waiting = frame.waiting.saturating_sub(1);
                }
            }
            Target::Datagram(number) => {
                let Some(mut datagram) = self.datagrams.remove(&number) else { return };
                datagram.buffer.set_checksums();
                for part in datagram.parts {
                    let Some(frame) = self.frame(part.frame) else { continue };
                    frame.waiting = frame.waiting.saturating_sub(1);
                    let bytes = datagram.buffer.new.get(part.offset..).unwrap_or_default();
                    let bytes = bytes.get(..part.length).unwrap_or(bytes);
                    if let Some(place) = frame.buffer.new.get_mut(part.start..part.start + bytes.len()) {
                        place.copy_from_slice(bytes);
                    }
                }
            }
        }
    }

    fn is_there(&self, target: Target) -> bool {
        match target {
            Target::Frame(number) => number >= self.first,
            Target::Datagram(number) => self.datagrams.contains_key(&number),
        }
    }
}
