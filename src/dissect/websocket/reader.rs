//! The frames of one direction: borders, masks, fragments and compression taken away, the bytes of messages given on.

use super::facts::{Close, FrameSeen, WebSocketFacts, WebSocketFault as Fault, WebSocketSide, may_close_with};
use super::frame::{CONTROL, FrameHeader, LONGEST, Opcode, rotated, unmask};
use super::inflate::{Failure, Inflater};
use super::search::{Looks, Search};
use crate::capture::{Origin, Place};
use crate::dissect::CarrierPart;
use crate::flow::Direction;

/// Stands for a gap of a length that is not known, in places of the inner stream: no packet reaches over it.
pub const UNKNOWN: u64 = 1 << 29;

/// What takes what a reader gives.
pub(super) trait Out {
    /// The next bytes of the inner stream. `shift` is how many bytes the outer stream is ahead of it there.
    fn inner(&mut self, bytes: &[u8], place: Place, shift: u64);
    /// The next bytes of the inner stream are missing; it is not always known how many.
    fn missing(&mut self, length: Option<u64>, origin: Origin);
    /// A part of the outer stream, if [`Out::wants_parts`].
    fn part(&mut self, part: &CarrierPart<'_>, origin: Origin);
    /// Whether parts are asked for.
    fn wants_parts(&self) -> bool;
    /// Something is wrong.
    fn fault(&mut self, fault: Fault, origin: Origin);
}

/// What a reader works with.
pub(super) struct Work<'a> {
    pub(super) direction: Direction,
    pub(super) facts: &'a mut WebSocketFacts,
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) out: &'a mut dyn Out,
}

impl Work<'_> {
    fn side(&mut self) -> &mut WebSocketSide {
        &mut self.facts.sides[self.direction]
    }

    /// Whether compression was agreed on, or may have been: the answer was not captured.
    const fn may_deflate(&self) -> bool {
        self.facts.deflate.is_some() || self.facts.status.is_none()
    }

    fn keeps_window(&self) -> bool {
        let agreed = self.facts.deflate.unwrap_or_default();
        !match self.direction {
            Direction::ToServer => agreed.client_no_context_takeover,
            Direction::ToClient => agreed.server_no_context_takeover,
        }
    }

    fn looks(&self) -> Looks {
        Looks { masked: self.direction == Direction::ToServer, deflate: self.may_deflate() }
    }
}

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    Text,
    /// It can't be said what its bytes mean.
    Unread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    kind: Kind,
    deflated: bool,
}

#[derive(Debug)]
enum State {
    /// Between frames, with the front of a header.
    Header {
        held: [u8; LONGEST],
        length: u8,
    },
    Payload(Payload),
    Lost(Box<Search>),
    /// What follows can't be read.
    Unreadable,
}

const BORDER: State = State::Header { held: [0; LONGEST], length: 0 };

#[derive(Debug, Clone, Copy)]
struct Payload {
    header: FrameHeader,
    passed: u64,
    /// What it is part of; `None` for control frames.
    message: Option<Message>,
}

/// Reads the frames of one direction.
#[derive(Debug)]
pub(super) struct FrameReader {
    state: State,
    /// Bytes of the outer stream so far.
    offset: u64,
    /// Bytes of the inner stream so far.
    inner: u64,
    /// The message that is not over.
    message: Option<Message>,
    /// Whether it is known if one is.
    fragments_known: bool,
    closed: bool,
    inflater: Option<Box<Inflater>>,
    /// What a control frame carries.
    control: Vec<u8>,
}

impl FrameReader {
    /// For a stream that has a frame begin at this place of it.
    pub(super) const fn new(offset: u64) -> Self {
        Self {
            state: BORDER,
            offset,
            inner: 0,
            message: None,
            fragments_known: true,
            closed: false,
            inflater: None,
            control: Vec::new(),
        }
    }

    /// How much memory goes with it.
    pub(super) fn held_bytes(&self) -> usize {
        let search = if let State::Lost(search) = &self.state { search.held_bytes() } else { 0 };
        search + self.control.len() + self.inflater.as_ref().map_or(0, |inflater| inflater.held_bytes())
    }

    /// Lets go what is searched for borders, so that the search begins anew behind it, and what inflates messages. Gives whether
    /// there was such a thing.
    pub(super) fn shed(&mut self, origin: Origin, work: &mut Work<'_>) -> bool {
        if let State::Lost(search) = &mut self.state {
            **search = Search::new(search.end());
        }
        let Some(inflater) = &mut self.inflater else { return false };
        let Some(Message { kind, deflated: true }) = self.message else { return inflater.shed() };
        let has_window = inflater.held_bytes() > 0;
        inflater.lose();
        if has_window && kind == Kind::Binary {
            self.missing(None, origin, work);
        }
        has_window
    }

    /// For a stream of which it is not known where frames begin.
    pub(super) fn joining(offset: u64) -> Self {
        Self { state: State::Lost(Box::new(Search::new(offset))), fragments_known: false, ..Self::new(offset) }
    }

    /// How many bytes the outer stream is ahead of the inner one.
    pub(super) const fn shift(&self) -> u64 {
        self.offset.wrapping_sub(self.inner)
    }

    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8], place: Place, work: &mut Work<'_>) {
        if let State::Lost(search) = &mut self.state {
            search.append(bytes, place);
            self.offset += bytes.len() as u64;
            self.resume(false, work);
        } else {
            self.read(bytes, place, work);
        }
    }

    /// Goes on from where the search has found frames, if it has.
    fn resume(&mut self, is_end: bool, work: &mut Work<'_>) {
        let State::Lost(search) = &mut self.state else { return };
        let Some(found) = search.find(work.looks(), is_end) else { return };
        let State::Lost(search) = std::mem::replace(&mut self.state, BORDER) else { return };
        self.offset = found;
        for (bytes, place) in search.into_pieces(found) {
            self.read(&bytes, place, work);
        }
    }

    /// Takes bytes while borders are known: only a gap loses them.
    fn read(&mut self, bytes: &[u8], place: Place, work: &mut Work<'_>) {
        let (mut rest, mut place) = (bytes, place);
        while !rest.is_empty() {
            let used = match &mut self.state {
                State::Header { held, length } => {
                    let before = usize::from(*length);
                    let room = held.get_mut(before..).unwrap_or_default();
                    let more = rest.len().min(room.len());
                    room.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    let (held, known) = (*held, before + more);
                    if let Some(header) = FrameHeader::read(held.get(..known).unwrap_or_default()) {
                        let raw = held.get(..usize::from(header.length)).unwrap_or_default();
                        let used = raw.len().saturating_sub(before);
                        let start = self.offset - before as u64;
                        self.offset += used as u64;
                        let part = CarrierPart::Header { start, bytes: raw };
                        if work.out.wants_parts() {
                            work.out.part(&part, place.origin);
                        }
                        self.begin(header, place.origin, work);
                        used
                    } else {
                        *length = known as u8;
                        self.offset += more as u64;
                        more
                    }
                }
                State::Payload(payload) => {
                    let left = payload.header.payload_length - payload.passed;
                    let payload = *payload;
                    let used = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    self.payload(payload, rest.get(..used).unwrap_or_default(), place, work);
                    used
                }
                State::Lost(_) | State::Unreadable => {
                    self.offset += rest.len() as u64;
                    rest.len()
                }
            };
            rest = rest.get(used..).unwrap_or_default();
            place = place.plus(used);
        }
    }

    /// A header is whole.
    fn begin(&mut self, header: FrameHeader, origin: Origin, work: &mut Work<'_>) {
        let opcode = header.opcode;
        if header.is_too_long() {
            work.out.fault(Fault::ImpossibleLength, origin);
            work.out.missing(None, origin);
            self.inner += UNKNOWN;
            self.state = State::Unreadable;
            return;
        }
        let wrong_mask = header.key.is_some() != (work.direction == Direction::ToServer);
        if wrong_mask {
            let side = work.side();
            side.wrong_masks += 1;
            side.first_wrong_mask.get_or_insert(origin.frame);
            let fault = if work.direction == Direction::ToServer { Fault::Unmasked } else { Fault::Masked };
            work.out.fault(fault, origin);
        }
        if !header.is_minimal() {
            work.out.fault(Fault::PaddedLength, origin);
        }
        let begins = matches!(opcode, Opcode::BINARY | Opcode::TEXT);
        // Compression marks the first frame of a message, and no control frame (RFC 7692, section 6).
        let allowed = if begins && work.may_deflate() { 4 } else { 0 };
        let reserved = header.reserved & !allowed;
        if reserved != 0 {
            let side = work.side();
            side.reserved_bits += 1;
            side.first_reserved.get_or_insert(origin.frame);
            work.out.fault(Fault::ReservedBits(header.reserved), origin);
        }
        if opcode.is_reserved() {
            work.out.fault(Fault::ReservedOpcode(opcode), origin);
        }
        if opcode.is_control() {
            if !header.fin {
                work.out.fault(Fault::FragmentedControl(opcode), origin);
            }
            if header.payload_length > CONTROL {
                work.out.fault(Fault::LongControl(header.payload_length), origin);
            }
        } else if !opcode.is_reserved() {
            if self.closed {
                work.out.fault(Fault::AfterClose, origin);
            }
            self.begin_data(header, reserved, origin, work);
        }
        self.control.clear();
        let message = if opcode.is_control() || opcode.is_reserved() { None } else { self.message };
        self.state = State::Payload(Payload { header, passed: 0, message });
        if header.payload_length == 0 {
            self.end(header, message, origin, work);
        }
    }

    /// A frame of a message begins.
    fn begin_data(&mut self, header: FrameHeader, reserved: u8, origin: Origin, work: &mut Work<'_>) {
        if header.opcode == Opcode::CONTINUATION {
            if self.message.is_none() {
                if self.fragments_known {
                    work.out.fault(Fault::NothingToContinue, origin);
                }
                self.message = Some(Message { kind: Kind::Binary, deflated: false });
            }
        } else {
            if self.message.is_some() && self.fragments_known {
                work.out.fault(Fault::WithinMessage, origin);
            }
            let kind = if header.opcode == Opcode::TEXT { Kind::Text } else { Kind::Binary };
            let deflated = header.reserved & 4 != 0 && work.may_deflate();
            self.message = Some(Message { kind, deflated });
            self.fragments_known = true;
            work.side().deflated += u64::from(deflated);
        }
        if reserved != 0
            && let Some(message) = &mut self.message
        {
            message.kind = Kind::Unread;
        }
        let side = work.side();
        if self.message.is_some_and(|message| message.kind == Kind::Text) {
            side.text += 1;
            side.first_text.get_or_insert(origin.frame);
            work.out.fault(Fault::Text, origin);
        } else {
            side.binary += 1;
        }
    }

    /// The next bytes of a payload, as they stood on the wire.
    fn payload(&mut self, payload: Payload, bytes: &[u8], place: Place, work: &mut Work<'_>) {
        let Payload { header, passed, message } = payload;
        let start = self.offset;
        self.offset += bytes.len() as u64;
        if let State::Payload(payload) = &mut self.state {
            payload.passed += bytes.len() as u64;
        }
        let mut scratch = std::mem::take(work.scratch);
        let plain = match header.key {
            Some(key) => {
                scratch.clear();
                scratch.extend_from_slice(bytes);
                unmask(&mut scratch, key, passed);
                scratch.as_slice()
            }
            None => bytes,
        };
        let key = header.key.map(|key| rotated(key, passed));
        if let Some(Message { kind: Kind::Binary, deflated: false }) = message {
            if work.out.wants_parts() {
                let part = CarrierPart::Payload { start, inner: self.inner, key, bytes: plain };
                work.out.part(&part, place.origin);
            }
            self.inner += plain.len() as u64;
            let shift = self.offset.wrapping_sub(self.inner);
            work.out.inner(plain, place, shift);
        } else {
            let code = if header.opcode == Opcode::CLOSE && passed < 2 { 2 - passed as usize } else { 0 };
            if work.out.wants_parts() {
                let kept = plain.get(..code.min(plain.len())).unwrap_or_default();
                let part = CarrierPart::Aside { start, length: bytes.len() as u64, key, plain: kept };
                work.out.part(&part, place.origin);
            }
            match message {
                None if header.opcode.is_control() => {
                    let room = (CONTROL as usize).saturating_sub(self.control.len());
                    self.control.extend(plain.iter().take(room));
                }
                Some(Message { kind, deflated: true }) => self.inflate(kind, Some(plain), place, work),
                Some(_) | None => {}
            }
        }
        // One segment of a megabyte must not keep as much for as long as the connection lives.
        scratch.shrink_to(super::SCRATCH);
        *work.scratch = scratch;
        if passed + bytes.len() as u64 == header.payload_length {
            self.end(header, message, place.origin, work);
        }
    }

    /// Compressed bytes, or the end of their message.
    fn inflate(&mut self, kind: Kind, bytes: Option<&[u8]>, place: Place, work: &mut Work<'_>) {
        let inflater = self.inflater.get_or_insert_with(|| {
            // Where earlier messages may be missing, what is new can refer to them.
            let whole = work.facts.status.is_some() && !work.facts.sides[work.direction].lossy;
            Box::new(Inflater::new(!whole))
        });
        let was_incomplete = inflater.incomplete;
        let keeps = work.keeps_window();
        let parts = work.out.wants_parts();
        let (inner, offset, out) = (&mut self.inner, self.offset, &mut *work.out);
        let place = Place { offset: None, ..place };
        let mut give = |bytes: &[u8]| {
            if kind == Kind::Binary {
                if parts {
                    out.part(&CarrierPart::Inflated(bytes), place.origin);
                }
                *inner += bytes.len() as u64;
                out.inner(bytes, place, offset.wrapping_sub(*inner));
            }
        };
        let done = match bytes {
            Some(bytes) => inflater.push(bytes, &mut give),
            None => inflater.end(keeps, &mut give),
        };
        let counts = inflater.counts();
        let side = work.side();
        (side.deflated_bytes, side.inflated_bytes) = counts;
        if let Err(failure) = done {
            let fault = match failure {
                Failure::Data => Fault::NotInflated { lost: was_incomplete },
                Failure::TooMuch => Fault::TooMuch,
            };
            work.out.fault(fault, place.origin);
            self.missing(None, place.origin, work);
        }
    }

    fn missing(&mut self, length: Option<u64>, origin: Origin, work: &mut Work<'_>) {
        work.out.missing(length, origin);
        if work.out.wants_parts() {
            work.out.part(&CarrierPart::Missing(length), origin);
        }
        self.inner += length.unwrap_or(UNKNOWN);
    }

    /// A frame has ended.
    fn end(&mut self, header: FrameHeader, message: Option<Message>, origin: Origin, work: &mut Work<'_>) {
        self.state = BORDER;
        match header.opcode {
            Opcode::PING => work.side().pings += 1,
            Opcode::PONG => work.side().pongs += 1,
            Opcode::CLOSE => self.close(origin, work),
            _ => {}
        }
        if header.fin
            && let Some(message) = message
        {
            if message.deflated {
                let place = Place { origin, offset: None };
                self.inflate(message.kind, None, place, work);
            } else if message.kind == Kind::Unread {
                self.missing(None, origin, work);
            }
            self.message = None;
        }
        if work.out.wants_parts() {
            let seen = FrameSeen { header, direction: work.direction, origin, control: &self.control };
            work.out.part(&CarrierPart::Frame(&seen), origin);
        }
    }

    fn close(&mut self, origin: Origin, work: &mut Work<'_>) {
        let (code, reason) = match self.control.as_slice() {
            [] => (None, &[][..]),
            [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
            [_] => {
                work.out.fault(Fault::CloseLength, origin);
                (None, &[][..])
            }
        };
        if let Some(code) = code.filter(|code| !may_close_with(*code)) {
            work.out.fault(Fault::CloseCode(code), origin);
        }
        if std::str::from_utf8(reason).is_err() {
            work.out.fault(Fault::CloseReason, origin);
        }
        let close = Close { code, reason: reason.into(), origin };
        work.side().close.get_or_insert(close);
        self.closed = true;
    }

    /// Says that the next `length` bytes of the stream were never captured.
    pub(super) fn gap(&mut self, length: u64, origin: Origin, work: &mut Work<'_>) {
        if length == 0 {
            return;
        }
        self.resume(true, work);
        let at = self.offset;
        let end = self.offset.saturating_add(length);
        if let State::Payload(payload) = &mut self.state {
            let Payload { header, passed, message } = *payload;
            let left = header.payload_length - passed;
            payload.passed += length.min(left);
            if length <= left {
                work.side().lossy = true;
                self.offset = end;
                match message {
                    Some(Message { kind: Kind::Binary, deflated: false }) => self.missing(Some(length), origin, work),
                    Some(Message { deflated: true, kind }) => {
                        self.inflater.get_or_insert_default().lose();
                        if kind == Kind::Binary {
                            self.missing(None, origin, work);
                        }
                    }
                    Some(_) | None => {}
                }
                if length == left {
                    self.end(header, message, origin, work);
                }
                return;
            }
        }
        let was_lost = matches!(self.state, State::Lost(_));
        self.state = State::Lost(Box::new(Search::new(end)));
        self.offset = end;
        self.message = None;
        self.fragments_known = false;
        work.side().lossy = true;
        if let Some(inflater) = &mut self.inflater {
            inflater.lose();
            // The message that was not over is gone as well.
            let _ = inflater.end(work.keeps_window(), &mut |_| ());
        }
        if !was_lost {
            work.out.fault(Fault::LostFrames(at), origin);
            self.missing(None, origin, work);
        }
    }

    /// Says that the stream has ended.
    pub(super) fn finish(&mut self, work: &mut Work<'_>) {
        self.resume(true, work);
    }
}
