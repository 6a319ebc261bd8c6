//! The search for packet borders after they were lost.
//!
//! A place in the stream is taken for a border when packets that look right follow each other from
//! there. The search only finds the place; the framer goes on from it.
//!
//! What it promises: a packet is found that is whole and that another whole one follows without a hole, or that
//! is whole and fills a piece; where the bytes end or a hole comes, also one that begins a piece and shows fields
//! that are no chance, and one that the snap length cut and that ends with its segment. Bytes that do not read as
//! packets up to a border are never told as packets. What it can't promise: the tail of a packet, or the payload of
//! one whose front was not captured, may itself read as whole packets up to the border; nothing in the stream tells
//! them from packets that were sent. So all that proves a find says that it was searched for.

use super::infer::{could_begin, is_telling, plausible};
use super::{FixedHeader, HeaderRead};
use crate::capture::Place;

/// How many bytes are held and searched at a time.
///
/// Rationale: packets of a usual size fit many times over, so that the next two packets are found. A stream that is no MQTT
/// at all holds as much while it is searched, which counts in the engine's limit for all streams together (`HeldLimit`).
const WINDOW: usize = 64 << 10;

/// Bytes taken at a time, so that the window keeps three quarters of what came before.
const STEP: usize = WINDOW / 4;

/// Places that wait for more bytes, at once. Text and random bytes seldom give more than two or three.
const MAX_CANDIDATES: usize = 32;

/// Pieces remembered with their place. A stream that comes byte by byte gets a smaller window.
const MAX_PIECES: usize = 2048;

/// Packets that must follow each other to prove a border.
const CHAIN: u8 = 2;

/// What will do as a find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Find {
    /// Only what is proved.
    Proved,
    /// No more bytes will come: also a packet that began a piece and is whole, or shows fields that are no chance.
    Best,
}

/// A border, and how many packets prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: u64,
    pub(super) packets: u8,
}

/// The bytes since borders were lost, and the places that may be borders.
#[derive(Debug)]
pub(super) struct Search {
    window: Vec<u8>,
    /// Where the window begins in the stream.
    start: u64,
    pieces: std::collections::VecDeque<Piece>,
    /// INVARIANT: every place before it was looked at; `candidates` are those that are still open.
    scanned: u64,
    /// In the order of their places.
    candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    start: u64,
    end: u64,
    place: Place,
}

/// A place that may be a border.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    start: u64,
    /// Where the next packet has to begin.
    next: u64,
    packets: u8,
    proved: bool,
    /// The last packet of it has not ended, and what is there of it leaves little to chance.
    telling: bool,
    /// Where the held bytes must end before another look can tell more.
    look_at: u64,
    /// The end of the piece that begins here. Senders like to begin a segment with a packet.
    piece_end: Option<u64>,
}

impl Search {
    /// A search that begins at this place of the stream.
    pub(super) const fn new(start: u64) -> Self {
        Self {
            window: Vec::new(),
            start,
            pieces: std::collections::VecDeque::new(),
            scanned: start,
            candidates: Vec::new(),
        }
    }

    /// The memory that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.window.len() + self.pieces.len() * size_of::<Piece>()
    }

    /// Where the held bytes end.
    pub(super) fn end(&self) -> u64 {
        self.start + self.window.len() as u64
    }

    /// Takes the front of `bytes`, and gives the rest for the next turn.
    pub(super) fn append<'b>(&mut self, bytes: &'b [u8], place: Place) -> &'b [u8] {
        let (mine, rest) = bytes.split_at_checked(STEP).unwrap_or((bytes, &[]));
        if mine.is_empty() {
            return rest;
        }
        if self.window.len() + mine.len() > WINDOW {
            self.forget(self.end() - (WINDOW - STEP) as u64);
        }
        if self.pieces.len() >= MAX_PIECES {
            self.forget(self.pieces.get(MAX_PIECES / 4).map_or(self.start, |piece| piece.start));
        }
        let start = self.end();
        self.window.extend_from_slice(mine);
        self.pieces.push_back(Piece { start, end: self.end(), place });
        rest
    }

    /// Drops what lies before a place.
    fn forget(&mut self, before: u64) {
        let count = before.saturating_sub(self.start) as usize;
        self.window.drain(..count.min(self.window.len()));
        self.start += count as u64;
        while self.pieces.front().is_some_and(|piece| piece.end <= before) {
            self.pieces.pop_front();
        }
        self.candidates.retain(|candidate| candidate.start >= before);
        self.scanned = self.scanned.max(before);
    }

    /// Begins anew at a place within the held bytes.
    pub(super) fn restart(&mut self, at: u64) {
        self.candidates.clear();
        self.scanned = at;
    }

    /// The held bytes from a place on, with their places.
    pub(super) fn pieces_from(&self, from: u64) -> impl Iterator<Item = (&[u8], Place)> {
        self.pieces.iter().filter(move |piece| piece.end > from).map(move |piece| {
            let start = piece.start.max(from);
            let bytes = self.from(start);
            let place = piece.place.plus((start - piece.start) as usize);
            (bytes.get(..(piece.end - start) as usize).unwrap_or(bytes), place)
        })
    }

    fn from(&self, place: u64) -> &[u8] {
        self.window.get(place.saturating_sub(self.start) as usize..).unwrap_or_default()
    }

    /// Looks at the bytes that have come since the last time.
    pub(super) fn find(&mut self, find: Find) -> Option<Found> {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain_mut(|candidate| self.advance(candidate));
        let mut proved = candidates.iter().any(|candidate| candidate.proved);
        let mut piece = self.pieces.partition_point(|piece| piece.end <= self.scanned);
        while !proved && self.scanned < self.end() {
            let place = self.scanned;
            self.scanned += 1;
            while self.pieces.get(piece).is_some_and(|piece| piece.end <= place) {
                piece += 1;
            }
            if !self.from(place).first().is_some_and(|&byte| could_begin(byte)) {
                continue;
            }
            let piece_end = self.pieces.get(piece).filter(|piece| piece.start == place).map(|piece| piece.end);
            let mut candidate = Candidate {
                start: place,
                next: place,
                packets: 0,
                proved: false,
                telling: false,
                look_at: 0,
                piece_end,
            };
            if self.advance(&mut candidate) && (candidates.len() < MAX_CANDIDATES || candidate.proved) {
                proved = candidate.proved;
                candidates.push(candidate);
            }
        }
        self.candidates = candidates;
        self.choose(find)
    }

    /// The border before a packet that began a piece and ends exactly where a gap of `length` bytes behind the held
    /// ones ends: the segment that the snap length cut ends with it. The length alone may fit by chance, so that some
    /// fields have to be there as well.
    pub(super) fn find_cut(&self, length: u64) -> Option<Found> {
        let end = self.end().saturating_add(length);
        let ends_there = |candidate: &&Candidate| {
            let header = match FixedHeader::read(self.from(candidate.next)) {
                HeaderRead::Complete(header) => header,
                HeaderRead::Partial | HeaderRead::Malformed => return false,
            };
            candidate.piece_end.is_some()
                && candidate.next.saturating_add(header.packet_length()) == end
                && (candidate.packets > 0 || candidate.telling)
        };
        let candidate = self.candidates.iter().find(ends_there)?;
        Some(Found { start: candidate.start, packets: candidate.packets + 1 })
    }

    /// Follows the packets from a candidate; false when it can't be a border.
    fn advance(&self, candidate: &mut Candidate) -> bool {
        while !candidate.proved && candidate.look_at <= self.end() {
            let bytes = self.from(candidate.next);
            let header = match FixedHeader::read(bytes) {
                HeaderRead::Complete(header) => header,
                HeaderRead::Partial => return bytes.first().is_none_or(|&byte| could_begin(byte)),
                HeaderRead::Malformed => return false,
            };
            let body = bytes.get(usize::from(header.length)..).unwrap_or_default();
            let next = candidate.next + header.packet_length();
            // A chain that is longer than the window can never be seen whole.
            if next - candidate.start > WINDOW as u64 || !plausible(header, body, None) {
                return false;
            }
            if next > self.end() {
                candidate.telling = is_telling(header, body);
                // Twice as many bytes each time, so that a stream that comes byte by byte costs no more.
                candidate.look_at = next.min(self.end() + body.len().max(16) as u64);
                return true;
            }
            candidate.next = next;
            candidate.packets += 1;
            candidate.proved = candidate.packets == CHAIN || candidate.piece_end == Some(next);
        }
        true
    }

    fn choose(&self, find: Find) -> Option<Found> {
        let found = |candidate: &Candidate| Found { start: candidate.start, packets: candidate.packets.max(1) };
        let proved = self.candidates.iter().find(|candidate| candidate.proved);
        let opens_piece = |candidate: &&Candidate| !candidate.proved && candidate.piece_end.is_some();
        match find {
            Find::Best => {
                let likely = |c: &&Candidate| opens_piece(c) && (c.packets > 0 || c.telling);
                proved.or_else(|| self.candidates.iter().find(likely)).map(found)
            }
            Find::Proved => {
                let proved = proved?;
                // What looks like packets may lie inside the payload of one that began a piece: that one
                // is waited for, as long as it can be held.
                let waiting = self.candidates.iter().find(|c| opens_piece(c) && c.start < proved.start);
                (waiting.is_none() || self.window.len() + STEP > WINDOW).then(|| found(proved))
            }
        }
    }
}
