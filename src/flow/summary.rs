//! A connection in the shorthand of other tools: Wireshark's completeness, Zeek's `conn_state` and `history`.
//!
//! The definitions are theirs, so that people can compare; the evidence is what this crate followed.

use super::endpoint::{Direction, PerDirection};
use super::tcp::Connection;
use super::verdict::{Marks, Verdict};
use crate::rare::{Blank, Rare};
use crate::wire::{Segment, SeqNum, TcpFlags};

/// The most letters of a history that are kept; Zeek's own grow with the logarithm of the counts.
const HISTORY_LIMIT: usize = 64;

/// What the shorthands need beyond the connection itself.
#[derive(Debug, Clone, Default)]
pub struct Shorthand {
    seen: PerDirection<Letters>,
    further: Rare<Further>,
    short: [u8; SHORT],
    /// How many of `short` are in use.
    letters: u8,
    completeness: u8,
}

/// The letters of a history that need no allocation: a connection that begins, talks and ends has ten.
const SHORT: usize = 14;

#[derive(Debug, Clone, Copy, Default)]
struct Letters {
    syn: SeqNum,
    syn_ack: SeqNum,
    fin: SeqNum,
    rst: SeqNum,
    /// Which of the numbers are known, and which letters were given that come once.
    known: u8,
}

impl Letters {
    const SYN: u8 = 1;
    const SYN_ACK: u8 = 2;
    const FIN: u8 = 4;
    const RST: u8 = 8;

    const fn has(self, what: u8) -> bool {
        self.known & what != 0
    }
}

/// The letters that come once, with their bits in [`Letters::known`].
const ONCE: [(u8, char); 4] = [(16, 'a'), (32, 'd'), (64, 'i'), (128, 'q')];

/// What few connections need.
#[derive(Debug, Clone, Default)]
struct Further {
    /// How often each of the letters that come again had its reason, by direction.
    repeats: PerDirection<[u32; 4]>,
    /// The history, once it has more letters than fit in [`Shorthand::short`].
    long: String,
}

impl Blank for Further {
    fn blank() -> &'static Self {
        const BLANK: &Further =
            &Further { repeats: PerDirection { to_server: [0; 4], to_client: [0; 4] }, long: String::new() };
        BLANK
    }
}

/// Letters that come again each time their count grows tenfold.
const LOGARITHMIC: [char; 4] = ['c', 'g', 't', 'w'];

impl Shorthand {
    /// Takes a segment into account.
    pub fn on_segment(&mut self, direction: Direction, segment: &Segment<'_>, verdict: &Verdict) {
        const SPECIAL: TcpFlags = TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST);
        if verdict.marks.is_empty() && segment.flags.has(TcpFlags::ACK) && !segment.flags.any(SPECIAL) {
            let has_data = segment.payload_length > 0;
            self.completeness |= if has_data { 8 } else { 4 };
            self.once(direction, usize::from(has_data));
            return;
        }
        self.note_completeness(segment);
        self.note_history(direction, segment, verdict);
    }

    /// The roles of the two ends are exchanged: what was the client's is the server's.
    pub fn turn_round(&mut self) {
        self.seen.swap();
        let swap = |letter: char| {
            if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
        };
        if let Some(further) = self.further.made() {
            further.repeats.swap();
            further.long = further.long.chars().map(swap).collect();
        }
        for letter in &mut self.short {
            *letter = swap(*letter as char) as u8;
        }
    }

    /// Wireshark's `tcp.completeness`: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
    pub const fn completeness(&self) -> u8 {
        self.completeness
    }

    /// Zeek's history: a letter for each kind of event, in upper case when the client caused it.
    pub fn history(&self) -> &str {
        match self.further.long.as_str() {
            "" => std::str::from_utf8(&self.short[..usize::from(self.letters).min(SHORT)]).unwrap_or_default(),
            long => long,
        }
    }

    fn note_completeness(&mut self, segment: &Segment<'_>) {
        let flags = segment.flags;
        let syn = flags.has(TcpFlags::SYN);
        let ack = flags.has(TcpFlags::ACK);
        if syn {
            self.completeness |= if ack { 2 } else { 1 };
        } else if ack {
            self.completeness |= if segment.payload_length > 0 { 8 } else { 4 };
        }
        if flags.has(TcpFlags::FIN) && ack {
            self.completeness |= 16;
        }
        if flags.has(TcpFlags::RST) {
            self.completeness |= 32;
        }
    }

    fn note_history(&mut self, direction: Direction, segment: &Segment<'_>, verdict: &Verdict) {
        let flags = segment.flags;
        let (syn, ack) = (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK));
        let (fin, rst) = (flags.has(TcpFlags::FIN), flags.has(TcpFlags::RST));
        if verdict.marks.has(Marks::BAD_CHECKSUM) {
            self.repeated(direction, 0);
            return;
        }
        let multiple = syn && (fin || rst);
        if multiple {
            self.once(direction, 3);
        } else if fin && rst {
            self.once(direction, 2);
        }
        if syn || fin || rst {
            self.note_controls(direction, segment);
        }
        if segment.payload_length > 0 {
            if verdict.marks.has(Marks::RETRANSMISSION) || verdict.marks.has(Marks::DUPLICATED_BY_NETWORK) {
                self.repeated(direction, 2);
            } else {
                self.once(direction, 1);
            }
        } else if ack && !syn && !fin && !rst {
            self.once(direction, 0);
        }
        if verdict.marks.has(Marks::ACK_OF_UNSEEN) {
            // The gap is in the peer's stream.
            self.repeated(direction.reverse(), 1);
        }
        if verdict.marks.has(Marks::ZERO_WINDOW) {
            self.repeated(direction, 3);
        }
    }

    /// Letters for SYN, FIN and RST, which come again with another number.
    fn note_controls(&mut self, direction: Direction, segment: &Segment<'_>) {
        let flags = segment.flags;
        let seen = &mut self.seen[direction];
        let fresh = |known: &mut u8, bit, slot: &mut SeqNum, seq| {
            let again = *known & bit != 0 && *slot == seq;
            *known |= bit;
            *slot = seq;
            !again
        };
        let mut letters = [None; 3];
        if flags.has(TcpFlags::SYN.with(TcpFlags::ACK)) {
            letters[0] = fresh(&mut seen.known, Letters::SYN_ACK, &mut seen.syn_ack, segment.seq).then_some('h');
        } else if flags.has(TcpFlags::SYN) {
            letters[0] = fresh(&mut seen.known, Letters::SYN, &mut seen.syn, segment.seq).then_some('s');
        }
        if flags.has(TcpFlags::FIN) {
            letters[1] = fresh(&mut seen.known, Letters::FIN, &mut seen.fin, segment.seq_end()).then_some('f');
        }
        if flags.has(TcpFlags::RST) {
            letters[2] = fresh(&mut seen.known, Letters::RST, &mut seen.rst, segment.seq).then_some('r');
        }
        for letter in letters.into_iter().flatten() {
            self.letter(direction, letter);
        }
    }

    #[inline]
    fn once(&mut self, direction: Direction, which: usize) {
        let (bit, letter) = ONCE[which];
        if self.seen[direction].known & bit == 0 {
            self.seen[direction].known |= bit;
            self.letter(direction, letter);
        }
    }

    fn repeated(&mut self, direction: Direction, which: usize) {
        let count = &mut self.further.repeats[direction][which];
        *count = count.saturating_add(1);
        let count = *count;
        if count == 10u32.pow(count.ilog10()) {
            self.letter(direction, LOGARITHMIC[which]);
        }
    }

    fn letter(&mut self, direction: Direction, letter: char) {
        let letter = match direction {
            Direction::ToServer => letter.to_ascii_uppercase(),
            Direction::ToClient => letter,
        };
        if let Some(slot) = self.short.get_mut(usize::from(self.letters)) {
            *slot = letter as u8;
            self.letters += 1;
        } else if self.history().len() < HISTORY_LIMIT {
            let mut long = self.history().to_owned();
            long.push(letter);
            self.further.long = long;
        }
    }

    /// Zeek's `conn_state`.
    pub fn conn_state(&self, connection: &Connection) -> &'static str {
        let (client, server) = (&self.seen.to_server, &self.seen.to_client);
        let fins = (client.has(Letters::FIN), server.has(Letters::FIN));
        let reset = (client.has(Letters::RST), server.has(Letters::RST));
        let answered = server.has(Letters::SYN_ACK);
        let server_seen = connection.sides.to_client.counters().packets > 0;
        if client.has(Letters::SYN) && !answered && !server.has(Letters::SYN) {
            return match (reset, fins) {
                ((true, _), _) if !server_seen || !reset.1 => "RSTOS0",
                ((_, true), _) => "REJ",
                (_, (true, _)) => "SH",
                _ if server_seen => "OTH",
                _ => "S0",
            };
        }
        if !client.has(Letters::SYN) && answered {
            return match (reset, fins) {
                ((_, true), _) => "RSTRH",
                (_, (false, true)) => "SHR",
                _ => "OTH",
            };
        }
        if !client.has(Letters::SYN) {
            return "OTH";
        }
        // Who ended it first counts.
        let reset_by = connection.closing.reset.map(|(role, _)| role.sends());
        match (fins, reset_by) {
            ((true, true), _) => "SF",
            (_, Some(Direction::ToServer)) => "RSTO",
            (_, Some(Direction::ToClient)) => "RSTR",
            ((true, false), None) => "S2",
            ((false, true), None) => "S3",
            ((false, false), None) => "S1",
        }
    }
}
