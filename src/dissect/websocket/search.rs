//! The search for borders between frames after they were lost, and whether a stream that was joined has frames at all.
//!
//! Little of a frame's header can be wrong, so that the packets within are looked at as well: what is taken for a frame
//! is one whose payload reads as whole packets and that begins a segment, if it fills it or another frame follows; two
//! such frames wherever they stand; two frames that fill a segment each, for what is compressed often can't be read; or a
//! row of frames that is too long for chance.

use super::frame::{CONTROL, FrameHeader, Opcode, unmask};
use super::inflate::Inflater;
use crate::capture::Place;
use crate::dissect::{Opening, http};
use crate::flow::Direction;
use crate::mqtt::{self, Certainty, FixedHeader, HeaderRead};

/// How many bytes are held and searched at a time.
const WINDOW: usize = 64 << 10;

/// Pieces remembered with their place.
const MAX_PIECES: usize = 2048;

/// Places that wait for more bytes, at once.
const MAX_CANDIDATES: usize = 16;

/// Frames that follow each other by no chance: of 65536 pairs of bytes about 300 can begin a frame.
const CHAIN: usize = 6;

/// How much of a payload is looked at.
const LOOKED_AT: usize = 1024;

/// What frames of a direction look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks {
    /// Whether they are masked.
    pub(super) masked: bool,
    /// Whether RSV1 may be set.
    pub(super) deflate: bool,
}

/// The bytes since borders were lost.
#[derive(Debug)]
pub(super) struct Search {
    window: Vec<u8>,
    /// Where the window begins in the stream.
    start: u64,
    /// Where the pieces of the window end in the stream, with their places.
    pieces: Vec<(u64, u64, Place)>,
    /// Every place before it was looked at; `candidates` are those that are still open.
    scanned: u64,
    candidates: Vec<u64>,
}

impl Search {
    /// A search that begins at this place of the stream.
    pub(super) const fn new(start: u64) -> Self {
        Self { window: Vec::new(), start, pieces: Vec::new(), scanned: start, candidates: Vec::new() }
    }

    /// Bytes that are searched, and where they came from.
    pub(super) fn held_bytes(&self) -> usize {
        self.window.len() + size_of_val(self.pieces.as_slice()) + size_of_val(self.candidates.as_slice())
    }

    /// Where the next byte stands in the stream.
    pub(super) fn end(&self) -> u64 {
        self.start + self.window.len() as u64
    }

    /// Takes the next bytes, of which at most the last 64 KiB are kept.
    pub(super) fn append(&mut self, bytes: &[u8], place: Place) {
        let skipped = bytes.len().saturating_sub(WINDOW);
        let mine = bytes.get(skipped..).unwrap_or_default();
        if skipped > 0 || self.window.len() + mine.len() > WINDOW || self.pieces.len() >= MAX_PIECES {
            let wanted = (WINDOW / 2).saturating_sub(mine.len());
            let drop = self.window.len() - if skipped > 0 { 0 } else { wanted.min(self.window.len()) };
            self.window.drain(..drop);
            self.start += drop as u64 + skipped as u64;
            self.pieces.retain(|(_, end, _)| *end > self.start);
            if self.pieces.len() >= MAX_PIECES {
                self.pieces.drain(..MAX_PIECES / 2);
                let from = self.pieces.first().map_or(self.start, |(start, ..)| *start);
                self.window.drain(..((from - self.start.min(from)) as usize).min(self.window.len()));
                self.start = self.start.max(from);
            }
            self.scanned = self.scanned.max(self.start);
            self.candidates.retain(|candidate| *candidate >= self.start);
        }
        let start = self.end();
        self.window.extend_from_slice(mine);
        self.pieces.push((start, self.end(), place.plus(skipped)));
    }

    /// A border, if there is one that is proved; with no more to come also one that is likely.
    pub(super) fn find(&mut self, looks: Looks, is_end: bool) -> Option<u64> {
        let mut open = std::mem::take(&mut self.candidates);
        let mut found = None;
        open.retain(|at| {
            let verdict = if found.is_some() { Certainty::No } else { self.judge(*at, looks, is_end) };
            if verdict == Certainty::Yes {
                found = Some(*at);
            }
            verdict == Certainty::NeedMore
        });
        while found.is_none() && self.scanned < self.end() {
            let at = self.scanned;
            self.scanned += 1;
            match self.judge(at, looks, is_end) {
                Certainty::Yes => found = Some(at),
                Certainty::NeedMore if open.len() < MAX_CANDIDATES => open.push(at),
                Certainty::NeedMore | Certainty::No => {}
            }
        }
        self.candidates = open;
        found
    }

    fn judge(&self, at: u64, looks: Looks, is_end: bool) -> Certainty {
        let bytes = self.window.get((at - self.start) as usize..).unwrap_or_default();
        let begins_piece = self.pieces.binary_search_by(|(start, ..)| start.cmp(&at)).is_ok();
        let ends_piece = |end: usize| {
            let end = at + end as u64;
            self.pieces.binary_search_by(|(_, other, _)| other.cmp(&end)).is_ok()
        };
        match frames(bytes, looks, begins_piece, &ends_piece) {
            Certainty::NeedMore if is_end => Certainty::No,
            verdict => verdict,
        }
    }

    /// The held bytes from a place on, with their places.
    pub(super) fn into_pieces(self, from: u64) -> Vec<(Vec<u8>, Place)> {
        let part = |(start, end, place): &(u64, u64, Place)| {
            let at = from.max(*start).max(self.start);
            let range = (at - self.start) as usize..(end - self.start) as usize;
            (self.window.get(range).unwrap_or_default().to_vec(), place.plus((at - start) as usize))
        };
        self.pieces.iter().filter(|(_, end, _)| *end > from).map(part).collect()
    }
}

/// Whether these bytes, which begin a segment or do not, begin with frames; `ends` tells whether so many of them end one.
pub(super) fn frames(bytes: &[u8], looks: Looks, begins: bool, ends: &dyn Fn(usize) -> bool) -> Certainty {
    let (mut at, mut count, mut proved, mut filling) = (0, 0, 0, 0);
    let mut begins_here = begins;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if !could_begin(rest, looks) {
            return Certainty::No;
        }
        let Some(header) = FrameHeader::read(rest) else { return Certainty::NeedMore };
        if !header.is_minimal() || header.is_too_long() {
            return Certainty::No;
        }
        let payload = rest.get(usize::from(header.length)..).unwrap_or_default();
        let Some(payload) = usize::try_from(header.payload_length).ok().and_then(|length| payload.get(..length)) else {
            // What can never be seen whole is not waited for.
            return if header.frame_length() > WINDOW as u64 { Certainty::No } else { Certainty::NeedMore };
        };
        proved += usize::from(header.opcode == Opcode::BINARY && is_packets(&header, payload));
        count += 1;
        at += header.frame_length() as usize;
        let ends_here = ends(at);
        filling += usize::from(begins_here && ends_here);
        begins_here = ends_here;
        if proved > 1 || filling > 1 || (proved == 1 && begins && (count > 1 || ends_here)) || count == CHAIN {
            return Certainty::Yes;
        }
    }
}

/// Whether a frame can begin with these bytes, as far as they are there.
fn could_begin(bytes: &[u8], looks: Looks) -> bool {
    let Some(first) = bytes.first() else { return true };
    let opcode = Opcode(first & 15);
    let reserved = first >> 4 & 7;
    let is_fin = first & 0x80 != 0;
    let bits = reserved == 0 || (reserved == 4 && looks.deflate && matches!(opcode, Opcode::BINARY | Opcode::TEXT));
    let second = bytes.get(1).is_none_or(|second| {
        let short = u64::from(second & 0x7f);
        (second & 0x80 != 0) == looks.masked && (!opcode.is_control() || short <= CONTROL)
    });
    bits && !opcode.is_reserved() && (is_fin || !opcode.is_control()) && second
}

/// Whether a payload reads as whole packets.
fn is_packets(header: &FrameHeader, payload: &[u8]) -> bool {
    let mut front = payload.get(..LOOKED_AT).unwrap_or(payload).to_vec();
    if let Some(key) = header.key {
        unmask(&mut front, key, 0);
    }
    let mut length = payload.len();
    if header.reserved != 0 {
        // It may stand for itself, and then is read as well.
        let mut inflated = Vec::new();
        let whole = header.fin && front.len() == payload.len();
        let mut inflater = Inflater::new(true);
        let mut take = |bytes: &[u8]| {
            let room = LOOKED_AT.saturating_sub(inflated.len());
            inflated.extend(bytes.iter().take(room));
        };
        let mut done = inflater.push(&front, &mut take);
        if whole && done.is_ok() {
            done = inflater.end(false, &mut take);
        }
        if done.is_err() {
            return false;
        }
        length = if whole && inflated.len() < LOOKED_AT { inflated.len() } else { usize::MAX };
        front = inflated;
    }
    let mut at = 0;
    while at < length {
        // Several packets that look right are enough, whatever stands behind them.
        let Some(rest) = front.get(at..).filter(|rest| rest.len() > 1) else { return at > 0 };
        let HeaderRead::Complete(header) = FixedHeader::read(rest) else { return false };
        let body = rest.get(usize::from(header.length)..).unwrap_or_default();
        let body = body.get(..header.remaining_length as usize).unwrap_or(body);
        at = at.saturating_add(header.packet_length() as usize);
        if at > length || !mqtt::plausible(header, body, None) {
            return false;
        }
    }
    at > 0
}

/// Whether a flow that was joined has frames with packets in them. Where it is seen from its beginning, HTTP comes first.
pub(in crate::dissect) fn recognise(opening: &Opening<'_>) -> Certainty {
    joined(opening).0
}

/// The same, with the direction that shows it and whether its frames are masked.
fn joined(opening: &Opening<'_>) -> (Certainty, Option<(Direction, bool)>) {
    let mut verdict = Certainty::No;
    for direction in Direction::BOTH {
        let bytes = opening.bytes[direction];
        if bytes.len() < 2 || opening.from_start(direction) {
            continue;
        }
        let masked = bytes.get(1).is_some_and(|second| second & 0x80 != 0);
        let fits = masked == (direction == Direction::ToServer);
        if !fits && opening.facts.roles_proved {
            continue;
        }
        match frames(bytes, Looks { masked, deflate: false }, true, &|at| at == bytes.len()) {
            Certainty::Yes => return (Certainty::Yes, Some((direction, masked))),
            // What a frame of the client begins with, few others do.
            Certainty::NeedMore if masked && !opening.is_cut[direction] && !opening.is_full => {
                verdict = Certainty::NeedMore;
            }
            Certainty::NeedMore | Certainty::No => {}
        }
    }
    (verdict, None)
}

/// Whether the opening shows that the roles of the ends are to be exchanged: only clients mask, and only they ask.
pub(in crate::dissect) fn roles_are_wrong(opening: &Opening<'_>) -> bool {
    if let (Certainty::Yes, Some((direction, masked))) = joined(opening) {
        return masked != (direction == Direction::ToServer);
    }
    let asks = |direction| http::asks(opening.bytes[direction]);
    asks(Direction::ToClient) && !asks(Direction::ToServer)
}
