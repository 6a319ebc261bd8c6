//! What is odd about the segments of one end, beyond its counters: how often, and on which frames it shows first.
//!
//! A judgement needs frames to rest on, and a connection may have thousands of them; so each kind keeps its number, its
//! first frames and its last one.

use super::endpoint::Direction;
use super::side::Side;
use super::tcp::Connection;
use super::verdict::{Marks, RetransmissionKind, Verdict};
use crate::capture::{FrameNo, Origin};
use crate::time::{Span, Timestamp};
use crate::wire::{Ip, Segment, TcpFlags};

/// The most frames that are kept of one kind.
const FRAMES: usize = 4;

/// By how many hops the way of a packet may differ from that of the first before it is odd: routers balance load over
/// ways of about the same length.
pub(super) const HOPS: u8 = 4;

/// A kind of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// Data or FIN sent again.
    Retransmission,
    /// SYN or SYN-ACK sent again.
    HandshakeRetransmission,
    /// A copy that the network made.
    Copy,
    /// Something before it was not captured.
    Gap,
    /// It acknowledges what was not captured.
    AckOfUnseen,
    /// It lies outside of what the peer could accept.
    OutOfWindow,
    /// A RST that lies outside of what the peer accepts.
    ResetOutOfWindow,
    /// A RST inside of the window, and not where the peer expects it.
    ResetChallenged,
    /// Its checksum is wrong, and those of its sender are right as a rule.
    BadChecksum,
    /// Data, or another FIN, beyond the FIN.
    AfterFin,
    /// Data although the peer had reset the connection.
    AfterReset,
    /// Its sender goes on although a RST in its name had ended the connection.
    ResetIgnored,
    /// Flags that no stack sends together.
    Flags,
    /// A SYN with another number inside of a live connection.
    SynInside,
    /// A SYN-ACK that acknowledges another number than the SYN's.
    WrongSynAck,
    /// RFC 9293 has no arrow for it.
    Unexpected,
    /// Its way was longer or shorter by many hops than that of the first packet.
    Hops,
    /// It advertises no window.
    ZeroWindow,
    /// Data in a SYN without the option of Fast Open.
    SynData,
    /// A timestamp, or its echo, far behind what was sent before (RFC 7323, section 5.3).
    OldTimestamp,
}

/// How often an oddity was seen, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighted {
    /// How often.
    pub count: u32,
    /// The first time.
    pub first: Origin,
    /// The last time.
    pub last: Origin,
    frames: [FrameNo; FRAMES],
}

impl Sighted {
    const fn new(at: Origin) -> Self {
        Self { count: 1, first: at, last: at, frames: [at.frame; FRAMES] }
    }

    fn again(&mut self, at: Origin) {
        if let Some(frame) = self.frames.get_mut(self.count as usize) {
            *frame = at.frame;
        }
        self.count = self.count.saturating_add(1);
        self.last = at;
    }

    /// The first frames that show it.
    pub fn frames(&self) -> &[FrameNo] {
        self.frames.get(..self.count as usize).unwrap_or(&self.frames)
    }
}

/// The oddities of one end; there is room for one of each kind.
#[derive(Debug, Clone, Default)]
pub struct Oddities(Vec<(Oddity, Sighted)>);

impl Oddities {
    /// Nothing odd.
    pub(super) const NONE: Self = Self(Vec::new());

    /// What was seen of a kind.
    pub fn get(&self, kind: Oddity) -> Option<&Sighted> {
        self.0.iter().find(|(known, _)| *known == kind).map(|(_, sighted)| sighted)
    }

    /// How often a kind was seen.
    pub fn count(&self, kind: Oddity) -> u32 {
        self.get(kind).map_or(0, |sighted| sighted.count)
    }

    #[cold]
    pub(super) fn note(&mut self, kind: Oddity, at: Origin) {
        if let Some((_, sighted)) = self.0.iter_mut().find(|(known, _)| *known == kind) {
            sighted.again(at);
        } else {
            // Most ends show no more than one or two.
            self.0.reserve_exact(1);
            self.0.push((kind, Sighted::new(at)));
        }
    }
}

/// The marks that are odd, and as what.
const ODD: [(Marks, Oddity); 9] = [
    (Marks::DUPLICATED_BY_NETWORK, Oddity::Copy),
    (Marks::LOST_SEGMENT, Oddity::Gap),
    (Marks::ACK_OF_UNSEEN, Oddity::AckOfUnseen),
    (Marks::BAD_CHECKSUM, Oddity::BadChecksum),
    (Marks::SYN_INSIDE_CONNECTION, Oddity::SynInside),
    (Marks::RESET_CHALLENGED, Oddity::ResetChallenged),
    (Marks::UNEXPECTED, Oddity::Unexpected),
    (Marks::ZERO_WINDOW, Oddity::ZeroWindow),
    (Marks::RETRANSMISSION_OF_UNSEEN, Oddity::Retransmission),
];

impl Side {
    /// What was odd about its segments.
    pub fn oddities(&self) -> &Oddities {
        &self.trouble.oddities
    }

    /// Keep-alives and window probes that it sent since its peer was heard of last.
    pub fn unanswered_probes(&self) -> Option<&Sighted> {
        self.trouble.probes.as_deref()
    }

    /// How many of its checksums were right, and how many wrong; those that a card fills in later count as neither
    /// where they are recognised.
    pub const fn checksums(&self) -> (u32, u32) {
        self.checksums
    }

    /// The first frame whose checksum is left to the card, or is wrong.
    pub fn first_unsummed(&self) -> Option<Origin> {
        self.unsummed.as_deref().copied()
    }

    /// For how long it advertised no window, in all and at most, if that went on until `now`.
    pub fn zero_window_until(&self, now: Timestamp) -> (Span, Span) {
        let counters = &self.counters;
        let open = counters.zero_since.map_or(Span::ZERO, |since| now.since(since).max(Span::ZERO));
        (counters.zero_window + open, counters.longest_zero_window.max(open))
    }
}

impl Connection {
    /// Bytes of this direction (a SYN or FIN is one) that were sent and not acknowledged.
    pub fn outstanding(&self, direction: Direction) -> u32 {
        let (sender, receiver) = (&self.sides[direction], &self.sides[direction.reverse()]);
        let Some((next, acked)) = sender.next.zip(receiver.acked.or(sender.isn)) else { return 0 };
        next.distance(acked).max(0) as u32
    }

    /// Notes what is odd about a segment that was taken in.
    pub(super) fn note_oddities(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        ip: &Ip,
        verdict: &Verdict,
        origin: Origin,
    ) {
        let marks = verdict.marks;
        let flags = segment.flags;
        self.note_timestamp(direction, segment, origin);
        let (sender, receiver) = self.sides.both_mut(direction);
        if let Some(trouble) = receiver.trouble.made() {
            trouble.probes = None;
        }
        if marks.has(Marks::KEEP_ALIVE) || marks.has(Marks::WINDOW_PROBE) {
            let probes = &mut sender.trouble.probes;
            match probes {
                Some(probes) => probes.again(origin),
                None => *probes = Some(Box::new(Sighted::new(origin))),
            }
        }
        let usual = *sender.hops.get_or_insert(ip.ttl);
        let odd = &mut sender.trouble;
        if usual.abs_diff(ip.ttl) > HOPS {
            odd.oddities.note(Oddity::Hops, origin);
        }
        if is_odd(flags) {
            odd.oddities.note(Oddity::Flags, origin);
        }
        if let Some(repetition) = verdict.retransmission {
            let handshake = repetition.kind == RetransmissionKind::Handshake;
            let kind = if handshake { Oddity::HandshakeRetransmission } else { Oddity::Retransmission };
            odd.oddities.note(kind, origin);
        }
        if !marks.is_empty() {
            for (_, kind) in ODD.into_iter().filter(|(mark, _)| marks.has(*mark)) {
                // Two ends that open at once answer in states of which a capture sees the order only by chance.
                if kind != Oddity::Unexpected || !flags.has(TcpFlags::SYN) {
                    odd.oddities.note(kind, origin);
                }
            }
            if marks.has(Marks::OUT_OF_WINDOW) {
                let reset = flags.has(TcpFlags::RST);
                odd.oddities.note(if reset { Oddity::ResetOutOfWindow } else { Oddity::OutOfWindow }, origin);
            }
            if marks.has(Marks::FAST_OPEN) && !sender.syn.is_some_and(|syn| syn.fast_open || syn.cut) {
                odd.oddities.note(Oddity::SynData, origin);
            }
        }
        if marks.has(Marks::BAD_CHECKSUM) || marks.is_dropped() || flags.has(TcpFlags::RST) {
            return;
        }
        let end = segment.seq_end();
        if let Some(fin) = sender.fin
            && segment.seq_len() > 0
            && end.is_after(fin)
        {
            odd.oddities.note(Oddity::AfterFin, origin);
        }
        if let Some((by, at)) = self.closing.reset
            && by != direction.sender()
            && segment.payload_length > 0
            && at.frame != origin.frame
        {
            odd.oddities.note(Oddity::AfterReset, origin);
        }
        if flags.has(TcpFlags::SYN.with(TcpFlags::ACK)) {
            let (isn, next) = (receiver.isn, receiver.next);
            let fits = isn.is_none_or(|isn| segment.ack.is_after(isn))
                && next.is_none_or(|next| !segment.ack.is_after(next) || marks.has(Marks::ACK_OF_UNSEEN));
            if !fits {
                odd.oddities.note(Oddity::WrongSynAck, origin);
            }
        }
    }

    /// A receiver drops what carries a timestamp older than the last (RFC 7323, section 5.3); what only overtook
    /// another is a little older. What echoes a number that its peer never sent comes from somebody else.
    fn note_timestamp(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin) {
        let Some((value, echo)) = segment.options.timestamps() else { return };
        let (side, peer) = self.sides.both_mut(direction);
        if old_timestamp(side, peer, segment.flags, value, echo) {
            side.trouble.oddities.note(Oddity::OldTimestamp, origin);
        }
    }
}

/// Whether a timestamp, or its echo, is far behind what was sent before.
#[inline]
pub(super) fn old_timestamp(side: &Side, peer: &Side, flags: TcpFlags, value: u32, echo: u32) -> bool {
    /// Ticks, which are mostly milliseconds: more than a network delays a packet.
    const BEHIND: i32 = 120_000;
    let behind = |newest: Option<u32>, value| newest.is_some_and(|newest| newest.wrapping_sub(value) as i32 > BEHIND);
    let echoes = flags.has(TcpFlags::ACK) && echo != 0;
    behind(side.newest.tsval, value) || (echoes && behind(peer.newest.tsval, echo))
}
/// Whether no stack sends these flags together.
fn is_odd(flags: TcpFlags) -> bool {
    let (syn, fin, rst) = (flags.has(TcpFlags::SYN), flags.has(TcpFlags::FIN), flags.has(TcpFlags::RST));
    let nothing = !flags.any(TcpFlags::SYN.with(TcpFlags::RST).with(TcpFlags::ACK));
    // A segment of a connection has ACK (RFC 9293, section 3.4), but for SYN and RST.
    nothing || (syn && (fin || rst)) || (fin && rst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_no_stack_sends_are_odd() {
        let odd = [
            TcpFlags::SYN.with(TcpFlags::FIN),
            TcpFlags::SYN.with(TcpFlags::RST),
            TcpFlags::FIN,
            TcpFlags::FIN.with(TcpFlags::PSH).with(TcpFlags::URG),
            TcpFlags::FIN.with(TcpFlags::RST).with(TcpFlags::ACK),
        ];
        assert!(odd.into_iter().all(is_odd));
        let usual = [
            TcpFlags::SYN,
            TcpFlags::SYN.with(TcpFlags::ACK),
            TcpFlags::ACK,
            TcpFlags::PSH.with(TcpFlags::ACK),
            TcpFlags::FIN.with(TcpFlags::ACK),
            TcpFlags::RST,
            TcpFlags::RST.with(TcpFlags::ACK),
        ];
        assert!(!usual.into_iter().any(is_odd));
    }

    #[test]
    fn the_first_frames_are_kept_and_the_last() {
        let at = |frame| Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
        let mut odd = Oddities::default();
        for frame in 1..=100 {
            odd.note(Oddity::Copy, at(frame));
        }
        let sighted = odd.get(Oddity::Copy).expect("it was seen");
        assert_eq!(sighted.frames(), [1, 2, 3, 4].map(FrameNo));
        assert_eq!((sighted.count, sighted.first, sighted.last), (100, at(1), at(100)));
        assert_eq!(odd.count(Oddity::Gap), 0);
        odd.note(Oddity::Gap, at(7));
        assert_eq!(odd.get(Oddity::Gap).map(|sighted| sighted.frames().len()), Some(1));
    }
}
