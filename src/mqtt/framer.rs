//! The framer: finds where control packets begin and end in one direction of a stream.
//!
//! It takes the stream in pieces, with holes, and hands out whole packets. It does not decode them,
//! and knows nothing of the other direction.

use super::resync::{Find, Found, Search};
use super::{FixedHeader, HeaderRead};
use crate::capture::{FrameNo, Origin, Place};

/// How much a [`Framer`] may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramerLimits {
    /// Bytes of a packet's body that are kept; what is longer is cut, and its rest skipped by count.
    pub held_bytes: usize,
}

impl Default for FramerLimits {
    /// 1 MiB: messages of usual size are whole. It bounds one stream; what a thousand of them hold together has a limit of
    /// its own, that of the engine (`HeldLimit`).
    fn default() -> Self {
        Self { held_bytes: 1 << 20 }
    }
}

/// What receives the packets of a [`Framer`].
pub trait FrameSink {
    /// A packet has ended.
    fn packet(&mut self, framed: Framed<'_>);
    /// The stream has ended within a packet.
    fn incomplete(&mut self, incomplete: Incomplete<'_>);
    /// From here on it is not known where packets begin, until one comes that is `resynced`.
    fn lost_sync(&mut self, lost: LostSync);
}

/// Bytes of a packet that stand together in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The first of them, counted from the first byte of the packet.
    pub offset: u32,
    /// How many they are.
    pub length: u32,
    /// Where the first of them came from.
    pub place: Place,
}

/// A packet found in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed<'a> {
    /// Its fixed header.
    pub header: FixedHeader,
    /// The front of its body, as far as it is available without a hole.
    pub body: &'a [u8],
    /// Bytes of its body that are not in `body`.
    pub holes: u32,
    /// Bytes of its body that were never captured.
    pub missing: u32,
    /// Where it begins: bytes of the stream before it.
    pub start: u64,
    /// The frames that delivered bytes of it, ascending; the first 1024.
    pub frames: &'a [FrameNo],
    /// Where its bytes came from, in the order of the packet; the first 1024 pieces.
    pub pieces: &'a [Piece],
    /// The last frame that brought bytes of it: with that it was whole. Where a hole ends it, what showed the hole.
    pub origin: Origin,
    /// Where its first byte came from.
    pub started: Origin,
    /// The fixed header breaks a rule of every version; its length was used all the same.
    pub header_malformed: bool,
    /// It was found by searching: it looks like a packet, and what follows fits.
    pub resynced: bool,
}

/// A packet that the end of the stream has cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete<'a> {
    /// Its fixed header; `None` where that is cut as well.
    pub header: Option<FixedHeader>,
    /// The front of its body, as far as it is available without a hole.
    pub body: &'a [u8],
    /// Bytes of its body that the stream did not bring; 0 where the header is cut.
    pub missing: u32,
    /// Where it begins: bytes of the stream before it.
    pub start: u64,
    /// The frames that delivered bytes of it, ascending; the first 1024.
    pub frames: &'a [FrameNo],
    /// Where its bytes came from, in the order of the packet; the first 1024 pieces.
    pub pieces: &'a [Piece],
    /// The last frame that brought bytes of it.
    pub origin: Origin,
    /// Where its first byte came from.
    pub started: Origin,
    /// It was found by searching.
    pub resynced: bool,
}

/// The place where packet borders were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostSync {
    /// The first byte of the stream that belongs to no known packet.
    pub at: u64,
    /// Why.
    pub reason: LostSyncReason,
    /// The frame that showed it.
    pub origin: Origin,
}

/// Why packet borders were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LostSyncReason {
    /// Bytes that were never captured held a packet border.
    Gap,
    /// A remaining length does not end with its fourth byte.
    MalformedLength,
}

/// What a [`Framer`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// For a new packet: it is at a border.
    Nothing,
    /// For the rest of a fixed header.
    Header,
    /// For the rest of a body: `received` bytes of it have passed, holes included.
    Body {
        /// The packet's header.
        header: FixedHeader,
        /// Bytes of the body that have passed.
        received: u32,
    },
    /// For bytes that look like packets.
    Sync,
}

/// Nobody reads more frames or pieces of one packet, and a packet may span millions.
const MAX_FRAMES: usize = 1024;

/// Finds packets in one direction of a stream.
///
/// [`Framer::push`] the stream's bytes in order and say [`Framer::gap`] where some are missing; packets
/// go to the sink as soon as they end. At the end call [`Framer::finish`]. Between packets it holds no
/// heap memory, within one at most the held bytes, while searching at most 64 KiB.
#[derive(Debug)]
pub struct Framer {
    /// See [`FramerLimits::held_bytes`]; no packet is longer than 256 MiB.
    held_bytes: u32,
    /// Bytes of the stream so far, holes included.
    offset: u64,
    state: State,
    /// How many of the next packets are part of the chain that proved the borders.
    resynced: u8,
}

#[derive(Debug)]
enum State {
    Border,
    Spanning(Box<Spanning>),
    Lost(Box<Search>),
}

/// A packet of which a part has come.
#[derive(Debug)]
struct Spanning {
    head: [u8; 5],
    head_length: u8,
    header: Option<FixedHeader>,
    /// The front of the body. INVARIANT: complete up to its end, and never longer than the limit.
    body: Vec<u8>,
    /// Bytes of the body that have passed. INVARIANT: `body.len() <= passed < remaining_length`.
    passed: u32,
    /// Bytes of the body that were never captured.
    missing: u32,
    /// Whether no hole has ended `body`.
    open: bool,
    start: u64,
    started: Origin,
    last: Origin,
    frames: Vec<FrameNo>,
    pieces: Vec<Piece>,
}

/// A malformed header.
struct Malformed<'b> {
    /// Where it begins.
    start: u64,
    /// Its bytes of earlier pieces, where it has some.
    held: Option<Box<Spanning>>,
    /// The bytes to search, behind those, and where they stand.
    behind: &'b [u8],
    place: Place,
}

impl Framer {
    /// For a stream that begins with a packet.
    pub const fn new(limits: FramerLimits) -> Self {
        Self { held_bytes: held(limits), offset: 0, state: State::Border, resynced: 0 }
    }

    /// For a stream that was joined in the middle: the first packet has to be found.
    pub fn joining(limits: FramerLimits) -> Self {
        Self { held_bytes: held(limits), offset: 0, state: State::Lost(Box::new(Search::new(0))), resynced: 0 }
    }

    /// What it waits for.
    #[inline]
    pub fn pending(&self) -> Pending {
        match &self.state {
            State::Border => Pending::Nothing,
            State::Spanning(spanning) => match spanning.header {
                None => Pending::Header,
                Some(header) => Pending::Body { header, received: spanning.passed },
            },
            State::Lost(_) => Pending::Sync,
        }
    }

    /// Bytes that it holds of a packet that has not ended.
    #[inline]
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            State::Spanning(spanning) => spanning.body.len(),
            State::Border | State::Lost(_) => 0,
        }
    }

    /// Memory besides: where pieces came from, of which the first is never let go, and what is searched for borders.
    #[inline]
    pub fn piece_bytes(&self) -> usize {
        match &self.state {
            State::Border => 0,
            State::Spanning(spanning) => {
                let (pieces, frames) = (spanning.pieces.len().max(1) - 1, spanning.frames.len().max(1) - 1);
                pieces * size_of::<Piece>() + frames * size_of::<FrameNo>()
            }
            State::Lost(search) => search.held_bytes(),
        }
    }

    /// Lets go what it holds: of a packet that has begun only the rest is counted. Gives whether a packet is cut by it.
    pub fn shed(&mut self) -> bool {
        match &mut self.state {
            State::Border => {}
            State::Spanning(spanning) => {
                let cuts = !spanning.body.is_empty();
                spanning.open &= !cuts;
                spanning.body = Vec::new();
                spanning.frames = spanning.frames.first().copied().into_iter().collect();
                spanning.pieces = spanning.pieces.first().copied().into_iter().collect();
                return cuts;
            }
            State::Lost(search) => **search = Search::new(search.end()),
        }
        false
    }

    /// Bytes of the stream so far, holes included.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes of the stream.
    pub fn push<S: FrameSink>(&mut self, bytes: &[u8], place: Place, sink: &mut S) {
        let end = self.offset + bytes.len() as u64;
        let mut rest = bytes;
        let mut place = place;
        while !rest.is_empty() {
            if let State::Lost(search) = &mut self.state {
                let behind = search.append(rest, place);
                place = place.plus(rest.len() - behind.len());
                rest = behind;
                self.resume(sink, Find::Proved);
            } else if let Err(malformed) = self.synced(rest, place, sink) {
                let mut search = Search::new(malformed.start + 1);
                if let Some(spanning) = malformed.held {
                    spanning.search_behind_first(&mut search);
                }
                self.state = State::Lost(Box::new(search));
                (rest, place) = (malformed.behind, malformed.place);
            } else {
                break;
            }
        }
        self.offset = end;
    }

    /// Says that the next `length` bytes of the stream were never captured; `origin` is what showed it.
    pub fn gap<S: FrameSink>(&mut self, length: u64, origin: Origin, sink: &mut S) {
        if length == 0 {
            return;
        }
        self.resume(sink, Find::Best);
        if let State::Lost(search) = &self.state
            && let Some(found) = search.find_cut(length)
        {
            self.go_on_from(found, sink);
        }
        let end = self.offset.saturating_add(length);
        match std::mem::replace(&mut self.state, State::Border) {
            State::Border => self.lose(self.offset, end, origin, sink),
            State::Lost(_) => self.state = State::Lost(Box::new(Search::new(end))),
            State::Spanning(mut spanning) => match spanning.header {
                None => self.lose(spanning.start, end, origin, sink),
                Some(header) => {
                    let left = u64::from(header.remaining_length - spanning.passed);
                    spanning.open = false;
                    spanning.missing += length.min(left) as u32;
                    if length < left {
                        spanning.passed += length as u32;
                        self.state = State::Spanning(spanning);
                    } else {
                        spanning.seen(origin);
                        self.deliver_spanning(&spanning, header, sink);
                        if length > left {
                            self.lose(self.offset + left, end, origin, sink);
                        }
                    }
                }
            },
        }
        self.offset = end;
    }

    /// Says that the stream has ended.
    pub fn finish<S: FrameSink>(&mut self, sink: &mut S) {
        self.resume(sink, Find::Best);
        if let State::Spanning(spanning) = std::mem::replace(&mut self.state, State::Border) {
            sink.incomplete(Incomplete {
                resynced: self.take_resynced(),
                header: spanning.header,
                body: &spanning.body,
                missing: spanning
                    .header
                    .map_or(0, |header| header.remaining_length - spanning.passed + spanning.missing),
                start: spanning.start,
                frames: &spanning.frames,
                pieces: &spanning.pieces,
                origin: spanning.last,
                started: spanning.started,
            });
        }
    }

    fn lose<S: FrameSink>(&mut self, at: u64, search_from: u64, origin: Origin, sink: &mut S) {
        self.resynced = 0;
        self.state = State::Lost(Box::new(Search::new(search_from)));
        sink.lost_sync(LostSync { at, reason: LostSyncReason::Gap, origin });
    }

    /// Goes on from where the search has found packets, if it has; and again, if the borders are lost
    /// once more within what it holds. Each turn begins behind a packet of the turn before.
    fn resume<S: FrameSink>(&mut self, sink: &mut S, find: Find) {
        while let State::Lost(search) = &mut self.state {
            let Some(found) = search.find(find) else { return };
            self.go_on_from(found, sink);
        }
    }

    /// Goes on from a border that the search has found.
    fn go_on_from<S: FrameSink>(&mut self, found: Found, sink: &mut S) {
        let State::Lost(mut search) = std::mem::replace(&mut self.state, State::Border) else { return };
        self.offset = found.start;
        self.resynced = found.packets;
        let mut lost = None;
        for (bytes, place) in search.pieces_from(found.start) {
            if let Err(malformed) = self.synced(bytes, place, sink) {
                lost = Some(malformed.start + 1);
                break;
            }
        }
        if let Some(at) = lost {
            self.offset = search.end();
            search.restart(at);
            self.state = State::Lost(search);
        }
    }

    /// Takes bytes while the borders are known; ends early with a malformed header.
    #[inline]
    fn synced<'b, S: FrameSink>(&mut self, bytes: &'b [u8], place: Place, sink: &mut S) -> Result<(), Malformed<'b>> {
        let origin = place.origin;
        let mut rest = match self.state {
            State::Border => bytes,
            State::Spanning(_) | State::Lost(_) => self.go_on(bytes, place, sink)?,
        };
        while !rest.is_empty() {
            let header = match FixedHeader::read(rest) {
                HeaderRead::Complete(header) => header,
                HeaderRead::Partial => {
                    self.begin(rest, place.plus(bytes.len() - rest.len()));
                    return Ok(());
                }
                HeaderRead::Malformed => {
                    self.malformed(self.offset, origin, sink);
                    let behind = rest.get(1..).unwrap_or_default();
                    let place = place.plus(bytes.len() - behind.len());
                    return Err(Malformed { start: self.offset, held: None, behind, place });
                }
            };
            let Some((packet, behind)) = rest.split_at_checked(header.packet_length() as usize) else {
                self.begin(rest, place.plus(bytes.len() - rest.len()));
                return Ok(());
            };
            let body = packet.get(usize::from(header.length)..).unwrap_or_default();
            let body = body.get(..self.held_bytes as usize).unwrap_or(body);
            let resynced = self.take_resynced();
            let at = place.plus(bytes.len() - rest.len());
            let piece = Piece { offset: 0, length: packet.len() as u32, place: at };
            sink.packet(Framed {
                header,
                body,
                holes: header.remaining_length - body.len() as u32,
                missing: 0,
                start: self.offset,
                frames: std::slice::from_ref(&origin.frame),
                pieces: std::slice::from_ref(&piece),
                origin,
                started: origin,
                header_malformed: header.breaks_every_version(),
                resynced,
            });
            self.offset += header.packet_length();
            rest = behind;
        }
        Ok(())
    }

    #[cold]
    fn malformed<S: FrameSink>(&mut self, at: u64, origin: Origin, sink: &mut S) {
        self.resynced = 0;
        sink.lost_sync(LostSync { at, reason: LostSyncReason::MalformedLength, origin });
    }

    /// Keeps the front of a packet that does not end within `bytes`.
    fn begin(&mut self, bytes: &[u8], place: Place) {
        let origin = place.origin;
        let mut spanning = Box::new(Spanning {
            head: [0; 5],
            head_length: 0,
            header: None,
            body: Vec::new(),
            passed: 0,
            missing: 0,
            open: true,
            start: self.offset,
            started: origin,
            last: origin,
            frames: Vec::new(),
            pieces: Vec::new(),
        });
        spanning.came_from(Piece { offset: 0, length: bytes.len() as u32, place });
        // The header was read before, so it is not malformed, and the packet does not end here.
        let _ = spanning.take(bytes, self.held_bytes as usize);
        self.offset += bytes.len() as u64;
        self.state = State::Spanning(spanning);
    }

    /// Adds to the packet that has begun; gives the bytes behind its end.
    fn go_on<'b, S: FrameSink>(
        &mut self,
        bytes: &'b [u8],
        place: Place,
        sink: &mut S,
    ) -> Result<&'b [u8], Malformed<'b>> {
        let origin = place.origin;
        let State::Spanning(mut spanning) = std::mem::replace(&mut self.state, State::Border) else {
            return Ok(bytes);
        };
        let held = spanning.head_length;
        let offset = u32::from(held) + spanning.passed;
        match spanning.take(bytes, self.held_bytes as usize) {
            Taken::Malformed => {
                self.malformed(spanning.start, origin, sink);
                spanning.head_length = held;
                Err(Malformed { start: spanning.start, held: Some(spanning), behind: bytes, place })
            }
            Taken::All => {
                spanning.came_from(Piece { offset, length: bytes.len() as u32, place });
                self.offset += bytes.len() as u64;
                self.state = State::Spanning(spanning);
                Ok(&[])
            }
            Taken::Whole(header, behind) => {
                let length = bytes.len() - behind.len();
                spanning.came_from(Piece { offset, length: length as u32, place });
                self.offset += length as u64;
                self.deliver_spanning(&spanning, header, sink);
                Ok(behind)
            }
        }
    }

    fn deliver_spanning<S: FrameSink>(&mut self, spanning: &Spanning, header: FixedHeader, sink: &mut S) {
        let resynced = self.take_resynced();
        sink.packet(Framed {
            header,
            body: &spanning.body,
            holes: header.remaining_length - spanning.body.len() as u32,
            missing: spanning.missing,
            start: spanning.start,
            frames: &spanning.frames,
            pieces: &spanning.pieces,
            origin: spanning.last,
            started: spanning.started,
            header_malformed: header.breaks_every_version(),
            resynced,
        });
    }

    #[inline]
    fn take_resynced(&mut self) -> bool {
        let resynced = self.resynced > 0;
        self.resynced = self.resynced.saturating_sub(1);
        resynced
    }
}

const fn held(limits: FramerLimits) -> u32 {
    if limits.held_bytes > u32::MAX as usize { u32::MAX } else { limits.held_bytes as u32 }
}

/// What a piece did to a packet that had begun.
enum Taken<'b> {
    /// The packet goes on.
    All,
    /// The packet has ended; these bytes are behind it.
    Whole(FixedHeader, &'b [u8]),
    /// Its header turned out to be malformed.
    Malformed,
}

impl Spanning {
    fn take<'b>(&mut self, bytes: &'b [u8], held_bytes: usize) -> Taken<'b> {
        let mut rest = bytes;
        let header = loop {
            if let Some(header) = self.header {
                break header;
            }
            let Some((&byte, behind)) = rest.split_first() else { return Taken::All };
            let Some(place) = self.head.get_mut(usize::from(self.head_length)) else { return Taken::Malformed };
            *place = byte;
            self.head_length += 1;
            rest = behind;
            match FixedHeader::read(self.head.get(..usize::from(self.head_length)).unwrap_or_default()) {
                HeaderRead::Complete(header) => self.header = Some(header),
                HeaderRead::Partial => {}
                HeaderRead::Malformed => return Taken::Malformed,
            }
        };
        let left = (header.remaining_length - self.passed) as usize;
        let (mine, behind) = rest.split_at_checked(left).unwrap_or((rest, &[]));
        if self.open {
            let room = held_bytes.saturating_sub(self.body.len());
            let kept = mine.get(..room).unwrap_or(mine);
            // No more than a second piece would take by itself, for a header may promise anything.
            self.body.reserve(left.min(2 * kept.len()));
            self.body.extend_from_slice(kept);
        }
        self.passed += mine.len() as u32;
        if self.passed == header.remaining_length { Taken::Whole(header, behind) } else { Taken::All }
    }

    /// Notes which frame is the latest: late ones fill earlier holes, so that they do not always come in order.
    const fn seen(&mut self, origin: Origin) {
        if origin.frame.0 > self.last.frame.0 {
            self.last = origin;
        }
    }

    /// Notes where bytes came from.
    fn came_from(&mut self, piece: Piece) {
        let origin = piece.place.origin;
        self.seen(origin);
        let goes_on = |last: &&mut Piece| {
            last.offset + last.length == piece.offset
                && last.place.offset.is_some()
                && last.place.plus(last.length as usize) == piece.place
        };
        // A segment that was held comes in parts where another one overlaps it.
        if let Some(last) = self.pieces.last_mut().filter(goes_on) {
            last.length += piece.length;
        } else if self.pieces.len() < MAX_FRAMES {
            self.pieces.push(piece);
        }
        if self.frames.len() < MAX_FRAMES
            && let Err(place) = self.frames.binary_search(&origin.frame)
        {
            self.frames.insert(place, origin.frame);
        }
    }

    /// Gives a search the bytes of a header that turned out to be malformed, but for the first.
    fn search_behind_first(&self, search: &mut Search) {
        let held = self.head.get(..usize::from(self.head_length)).unwrap_or_default();
        for piece in &self.pieces {
            let (from, to) = (piece.offset.max(1), piece.offset + piece.length);
            let bytes = held.get(from as usize..to as usize).unwrap_or_default();
            search.append(bytes, piece.place.plus((from - piece.offset) as usize));
        }
    }
}
