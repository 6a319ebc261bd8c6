//! The records of one direction: borders found in the stream, also behind bytes that were never captured.

use crate::capture::{Origin, Place};

/// Bytes of a record's header: its content type, a version, its length.
pub(super) const HEADER: usize = 5;
/// The longest body of a record with its expansion by encryption (RFC 5246, section 6.2.3).
pub(super) const LONGEST: usize = (1 << 14) + 2048;
/// Bytes that are searched for a record at a time: the longest one, and the header of the one behind.
const SEARCHED: usize = 2 * (HEADER + LONGEST);

/// Content types (RFC 8446, section 5.1; RFC 6520).
pub(super) mod content {
    pub(crate) const CHANGE_CIPHER: u8 = 20;
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION: u8 = 23;
    pub(crate) const HEARTBEAT: u8 = 24;
}

/// Whether the first bytes of a header are those of one; of a whole header its length as well.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let kind = bytes.first().is_none_or(|kind| (content::CHANGE_CIPHER..=content::HEARTBEAT).contains(kind));
    let major = bytes.get(1).is_none_or(|major| *major == 3);
    let minor = bytes.get(2).is_none_or(|minor| *minor <= 4);
    let length =
        bytes.get(3..HEADER).and_then(<[u8]>::first_chunk).map(|length| usize::from(u16::from_be_bytes(*length)));
    kind && major && minor && length.is_none_or(|length| (1..=LONGEST).contains(&length))
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) version: u16,
    pub(super) length: usize,
}

impl Header {
    fn read(bytes: [u8; HEADER]) -> Option<Self> {
        let [kind, major, minor, high, low] = bytes;
        let length = usize::from(u16::from_be_bytes([high, low]));
        is_header(&bytes).then(|| Self { kind, version: u16::from_be_bytes([major, minor]), length })
    }
}

/// Takes what a reader finds.
pub(super) trait Out {
    /// A record has ended; `None` where bytes of it are missing, or nobody wants them. The stream has so many bytes by then.
    fn record(&mut self, header: Header, body: Option<&[u8]>, origin: Origin, end: u64);
    /// Whether the body of such a record is of interest.
    fn wants(&self, header: Header) -> bool;
    /// Borders between records were lost: so many bytes are missing at least.
    fn lost(&mut self, missing: u64, origin: Origin);
    /// Whether this is a record, where that can be known: where it is authentic.
    fn is_authentic(&mut self, header: Header, body: &[u8]) -> Option<bool>;
    /// What comes is no TLS: the bytes where a header would stand, and those behind.
    fn nonsense(&mut self, held: &[u8], rest: &[u8], origin: Origin);
}

#[derive(Debug)]
enum State {
    /// Between records, with the front of a header.
    Header {
        held: [u8; HEADER],
        length: usize,
    },
    Body {
        header: Header,
        passed: usize,
        buffer: Vec<u8>,
        broken: bool,
    },
    Lost(Box<Search>),
    /// It is no TLS.
    Over,
}

/// What is searched for a record.
#[derive(Debug, Default)]
struct Search {
    bytes: Vec<u8>,
    /// Where pieces of it end, and whence they come.
    pieces: Vec<(usize, Origin)>,
    /// No record begins before.
    from: usize,
}

const BORDER: State = State::Header { held: [0; HEADER], length: 0 };

/// Reads the records of one direction.
#[derive(Debug)]
pub(super) struct RecordReader {
    state: State,
    /// Bytes of the stream so far.
    offset: u64,
}

impl RecordReader {
    /// For a stream that begins with a record, or was joined somewhere.
    pub(super) fn new(from_start: bool) -> Self {
        Self { state: if from_start { BORDER } else { State::Lost(Box::default()) }, offset: 0 }
    }

    /// So many bytes of the stream came before the first record.
    pub(super) const fn passed(&mut self, bytes: u64) {
        self.offset = bytes;
    }

    /// Bytes of a record that has begun, or of what is searched for one.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.state {
            State::Header { .. } | State::Over => 0,
            // Room is made for all of it.
            State::Body { buffer, .. } => buffer.capacity(),
            State::Lost(search) => search.bytes.len() + size_of_val(search.pieces.as_slice()),
        }
    }

    /// Lets go what is searched for a record, so that the search begins anew behind it, and a record that has begun, which is
    /// as one that was not captured whole. Gives whether there was one.
    pub(super) fn shed(&mut self) -> bool {
        match &mut self.state {
            State::Lost(search) => **search = Search::default(),
            State::Body { buffer, broken, .. } if !buffer.is_empty() => {
                *buffer = Vec::new();
                *broken = true;
                return true;
            }
            State::Body { .. } | State::Header { .. } | State::Over => {}
        }
        false
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], place: Place, out: &mut dyn Out) {
        if let State::Lost(search) = &mut self.state {
            search.bytes.extend_from_slice(bytes);
            search.pieces.push((search.bytes.len(), place.origin));
            self.offset += bytes.len() as u64;
            self.search(false, out);
        } else {
            self.read(bytes, place.origin, out);
        }
    }

    /// No more will come.
    pub(super) fn finish(&mut self, out: &mut dyn Out) {
        self.search(true, out);
    }

    /// The next bytes are missing.
    pub(super) fn gap(&mut self, length: u64, origin: Origin, out: &mut dyn Out) {
        let before = self.offset;
        self.offset += length;
        match &mut self.state {
            State::Over => {}
            State::Body { header, passed, broken, buffer } if length <= (header.length - *passed) as u64 => {
                *passed += length as usize;
                *broken = true;
                *buffer = Vec::new();
                if *passed == header.length {
                    let header = *header;
                    self.state = BORDER;
                    out.record(header, None, origin, self.offset);
                }
            }
            State::Body { header, passed, .. } => {
                // Its end is within what is missing.
                let (header, left) = (*header, (header.length - *passed) as u64);
                self.state = State::Lost(Box::default());
                out.record(header, None, origin, before + left);
                out.lost(length - left, origin);
            }
            State::Header { .. } | State::Lost(_) => {
                self.state = State::Lost(Box::default());
                out.lost(length, origin);
            }
        }
    }

    /// Takes bytes while borders are known.
    fn read(&mut self, bytes: &[u8], origin: Origin, out: &mut dyn Out) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.state {
                State::Header { held, length } => {
                    let room = held.get_mut(*length..).unwrap_or_default();
                    let used = rest.len().min(room.len());
                    room.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    *length += used;
                    let (held, known) = (*held, *length);
                    rest = rest.get(used..).unwrap_or_default();
                    self.offset += used as u64;
                    if known < HEADER {
                        continue;
                    }
                    let Some(header) = Header::read(held) else {
                        self.offset += rest.len() as u64;
                        self.state = State::Over;
                        out.nonsense(&held, rest, origin);
                        return;
                    };
                    if let Some((body, behind)) = rest.split_at_checked(header.length) {
                        // Most records stand in one segment.
                        self.offset += body.len() as u64;
                        self.state = BORDER;
                        out.record(header, Some(body), origin, self.offset);
                        rest = behind;
                    } else {
                        self.state = State::Body { header, passed: 0, buffer: Vec::new(), broken: false };
                    }
                }
                State::Body { header, passed, buffer, broken } => {
                    let used = rest.len().min(header.length - *passed);
                    let (part, behind) = rest.split_at_checked(used).unwrap_or((rest, &[]));
                    if !*broken && out.wants(*header) {
                        // The length was seen to be one that a record can have; room is made for it once much of it is there.
                        if buffer.is_empty() && part.len() >= header.length / 16 {
                            buffer.reserve_exact(header.length);
                        }
                        buffer.extend_from_slice(part);
                    }
                    *passed += used;
                    self.offset += used as u64;
                    if *passed == header.length {
                        let (header, buffer) = (*header, std::mem::take(buffer));
                        self.state = BORDER;
                        let body = Some(buffer.as_slice()).filter(|body| body.len() == header.length);
                        out.record(header, body, origin, self.offset);
                    }
                    rest = behind;
                }
                State::Lost(_) | State::Over => {
                    self.offset += rest.len() as u64;
                    return;
                }
            }
        }
    }

    /// Looks for a record, and goes on from it.
    fn search(&mut self, is_end: bool, out: &mut dyn Out) {
        let State::Lost(search) = &mut self.state else { return };
        let Some(start) = search.find(is_end, out) else { return };
        let State::Lost(search) = std::mem::replace(&mut self.state, BORDER) else { return };
        self.offset -= (search.bytes.len() - start) as u64;
        let mut from = start;
        for (to, origin) in search.pieces {
            if let Some(part) = search.bytes.get(from..to).filter(|part| !part.is_empty()) {
                self.read(part, origin, out);
                from = to;
            }
        }
    }
}

impl Search {
    /// Where a record begins, if one is found.
    fn find(&mut self, is_end: bool, out: &mut dyn Out) -> Option<usize> {
        while let Some(rest) = self.bytes.get(self.from..).filter(|rest| !rest.is_empty()) {
            if is_header(rest) {
                match judge(rest, is_end || self.bytes.len() > SEARCHED, out) {
                    Some(true) => return Some(self.from),
                    Some(false) => {}
                    None => return None,
                }
            }
            self.from += 1;
        }
        // Nothing of it is looked at again.
        self.bytes.clear();
        self.pieces.clear();
        self.from = 0;
        None
    }
}

/// Whether bytes that begin like a header are those of a record; `None` where more of them may tell.
fn judge(bytes: &[u8], no_more: bool, out: &mut dyn Out) -> Option<bool> {
    let undecided = if no_more { Some(false) } else { None };
    let Some(header) = bytes.first_chunk().map(|header| Header::read(*header)) else { return undecided };
    let Some(header) = header else { return Some(false) };
    let Some((body, behind)) = bytes.get(HEADER..).and_then(|rest| rest.split_at_checked(header.length)) else {
        return undecided;
    };
    if !is_header(behind) {
        return Some(false);
    }
    // A record that ends where all ends does not do so by chance.
    Some(out.is_authentic(header, body).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Found {
        records: Vec<(u8, Option<Vec<u8>>, u64)>,
        lost: u64,
        nonsense: bool,
    }

    impl Out for Found {
        fn record(&mut self, header: Header, body: Option<&[u8]>, _: Origin, end: u64) {
            self.records.push((header.kind, body.map(<[u8]>::to_vec), end));
        }

        fn wants(&self, _: Header) -> bool {
            true
        }

        fn lost(&mut self, missing: u64, _: Origin) {
            self.lost += missing;
        }

        fn is_authentic(&mut self, _: Header, _: &[u8]) -> Option<bool> {
            None
        }

        fn nonsense(&mut self, _: &[u8], _: &[u8], _: Origin) {
            self.nonsense = true;
        }
    }

    fn place() -> Place {
        Place { origin: Origin { frame: FrameNo(1), time: Timestamp::default() }, offset: None }
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3, (body.len() >> 8) as u8, body.len() as u8], body].concat()
    }

    fn stream() -> Vec<u8> {
        [record(22, b"hello"), record(20, &[1]), record(23, &[7; 300]), record(23, b"more")].concat()
    }

    #[test]
    fn a_hole_within_a_record_costs_that_record_only() {
        let (mut reader, mut found) = (RecordReader::new(true), Found::default());
        let stream = stream();
        reader.push(&stream[..40], place(), &mut found);
        reader.gap(100, place().origin, &mut found);
        reader.push(&stream[140..], place(), &mut found);
        let told: Vec<_> = found.records.iter().map(|(kind, body, _)| (*kind, body.is_some())).collect();
        assert_eq!((told, found.lost), (vec![(22, true), (20, true), (23, false), (23, true)], 0));
        assert_eq!(found.records[3].2, stream.len() as u64);
    }

    #[test]
    fn behind_a_hole_over_a_border_the_next_record_is_found() {
        let (mut reader, mut found) = (RecordReader::new(true), Found::default());
        let stream = stream();
        reader.push(&stream[..12], place(), &mut found);
        reader.gap(28, place().origin, &mut found);
        reader.push(&stream[40..], place(), &mut found);
        reader.finish(&mut found);
        assert_eq!(found.lost, 28);
        let last = found.records.last().expect("the last record");
        assert_eq!((last.0, last.1.as_deref(), last.2), (23, Some(&b"more"[..]), stream.len() as u64));
    }

    #[test]
    fn what_is_no_tls_is_seen_at_once() {
        let (mut reader, mut found) = (RecordReader::new(true), Found::default());
        reader.push(b"GET / HTTP/1.1\r\n", place(), &mut found);
        assert!(found.nonsense && reader.is_over() && found.records.is_empty());
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_records(cuts in proptest::collection::vec(1usize..40, 0..60)) {
            let stream = stream();
            let (mut reader, mut found) = (RecordReader::new(true), Found::default());
            let mut rest = &stream[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                reader.push(now, place(), &mut found);
                rest = later;
            }
            reader.push(rest, place(), &mut found);
            let (mut whole, mut all) = (RecordReader::new(true), Found::default());
            whole.push(&stream, place(), &mut all);
            prop_assert_eq!(found.records, all.records);
        }

        #[test]
        fn nothing_panics_and_little_is_held(
            pieces in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..80), 0u64..3), 0..60),
            from_start in any::<bool>(),
        ) {
            let (mut reader, mut found) = (RecordReader::new(from_start), Found::default());
            for (bytes, missing) in pieces {
                // Most random bytes are no header; these are, half of the time.
                let bytes = if bytes.len() % 2 == 0 { record(23, &bytes) } else { bytes };
                reader.push(&bytes, place(), &mut found);
                if missing > 0 {
                    reader.gap(missing * 30, place().origin, &mut found);
                }
                if let State::Lost(search) = &reader.state {
                    prop_assert!(search.bytes.len() <= SEARCHED + 100);
                }
            }
            reader.finish(&mut found);
        }
    }
}
