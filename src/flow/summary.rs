//! A connection in the shorthand of other tools: Wireshark's completeness, Zeek's `conn_state` and `history`.
//!
//! The definitions are theirs, so that people can compare; the evidence is what this crate followed.

use super::endpoint::{Direction, PerDirection};
use super::tcp::Connection;
use super::verdict::{Marks, Verdict};
use crate::wire::{Segment, SeqNum, TcpFlags};

/// The most letters of a history that are kept; Zeek's own grow with the logarithm of the counts.
const HISTORY_LIMIT: usize = 64;

/// What the shorthands need beyond the connection itself.
#[derive(Debug, Clone, Default)]
pub struct Shorthand {
    completeness: u8,
    history: String,
    seen: PerDirection<Letters>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Letters {
    once: u32,
    syn: Option<SeqNum>,
    syn_ack: Option<SeqNum>,
    fin: Option<SeqNum>,
    rst: Option<SeqNum>,
    repeats: [u32; 4],
}

/// Letters that come again each time their count grows tenfold.
const LOGARITHMIC: [char; 4] = ['c', 'g', 't', 'w'];

impl Shorthand {
    /// Takes a segment into account.
    pub fn on_segment(&mut self, direction: Direction, segment: &Segment<'_>, verdict: &Verdict) {
        self.note_completeness(segment);
        self.note_history(direction, segment, verdict);
    }

    /// The roles of the two ends are exchanged: what was the client's is the server's.
    pub fn turn_round(&mut self) {
        self.seen.swap();
        let swap = |letter: char| {
            if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
        };
        self.history = self.history.chars().map(swap).collect();
    }

    /// Wireshark's `tcp.completeness`: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
    pub const fn completeness(&self) -> u8 {
        self.completeness
    }

    /// Zeek's history: a letter for each kind of event, in upper case when the client caused it.
    pub fn history(&self) -> &str {
        &self.history
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
            self.once(direction, 'q');
        } else if fin && rst {
            self.once(direction, 'i');
        }
        let seen = &mut self.seen[direction];
        let fresh = |slot: &mut Option<SeqNum>, seq| slot.replace(seq) != Some(seq);
        let mut letters = [None; 3];
        if syn && ack {
            letters[0] = fresh(&mut seen.syn_ack, segment.seq).then_some('h');
        } else if syn {
            letters[0] = fresh(&mut seen.syn, segment.seq).then_some('s');
        }
        if fin {
            letters[1] = fresh(&mut seen.fin, segment.seq_end()).then_some('f');
        }
        if rst {
            letters[2] = fresh(&mut seen.rst, segment.seq).then_some('r');
        }
        for letter in letters.into_iter().flatten() {
            self.letter(direction, letter);
        }
        if segment.payload_length > 0 {
            if verdict.marks.has(Marks::RETRANSMISSION) || verdict.marks.has(Marks::DUPLICATED_BY_NETWORK) {
                self.repeated(direction, 2);
            } else {
                self.once(direction, 'd');
            }
        } else if ack && !syn && !fin && !rst {
            self.once(direction, 'a');
        }
        if verdict.marks.has(Marks::ACK_OF_UNSEEN) {
            // The gap is in the peer's stream.
            self.repeated(direction.reverse(), 1);
        }
        if verdict.marks.has(Marks::ZERO_WINDOW) {
            self.repeated(direction, 3);
        }
    }

    fn once(&mut self, direction: Direction, letter: char) {
        let bit = 1 << (letter as u32 - 'a' as u32);
        if self.seen[direction].once & bit == 0 {
            self.seen[direction].once |= bit;
            self.letter(direction, letter);
        }
    }

    fn repeated(&mut self, direction: Direction, which: usize) {
        let count = &mut self.seen[direction].repeats[which];
        *count = count.saturating_add(1);
        let count = *count;
        if count == 10u32.pow(count.ilog10()) {
            self.letter(direction, LOGARITHMIC[which]);
        }
    }

    fn letter(&mut self, direction: Direction, letter: char) {
        if self.history.len() < HISTORY_LIMIT {
            self.history.push(match direction {
                Direction::ToServer => letter.to_ascii_uppercase(),
                Direction::ToClient => letter,
            });
        }
    }

    /// Zeek's `conn_state`.
    pub fn conn_state(&self, connection: &Connection) -> &'static str {
        let (client, server) = (&self.seen.to_server, &self.seen.to_client);
        let fins = (client.fin.is_some(), server.fin.is_some());
        let reset = (client.rst.is_some(), server.rst.is_some());
        let answered = server.syn_ack.is_some();
        let server_seen = connection.sides.to_client.counters().packets > 0;
        if client.syn.is_some() && !answered && server.syn.is_none() {
            return match (reset, fins) {
                ((true, _), _) if !server_seen || !reset.1 => "RSTOS0",
                ((_, true), _) => "REJ",
                (_, (true, _)) => "SH",
                _ if server_seen => "OTH",
                _ => "S0",
            };
        }
        if client.syn.is_none() && answered {
            return match (reset, fins) {
                ((_, true), _) => "RSTRH",
                (_, (false, true)) => "SHR",
                _ => "OTH",
            };
        }
        if client.syn.is_none() {
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
