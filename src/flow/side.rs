//! One end of a TCP connection, as far as the capture proves: what it sent, what it acknowledged, the
//! window it offers. What moves its state is decided in [`super::tcp`].

use std::collections::VecDeque;

use super::metrics::Counters;
use super::state::{Signal, TcpState};
use super::traffic::HeldUp;
use super::trouble::Trouble;
use super::verdict::{RetransmissionKind, Verdict};
use crate::capture::Origin;
use crate::rare::{Blank, Rare};
use crate::time::{Span, Timestamp};
use crate::wire::{Checksum, Segment, SeqNum, TcpOption};

/// How the window field is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowScale {
    /// The handshake was not captured, or not with all of its options.
    #[default]
    Unknown,
    /// Not in use: one of the two SYNs did not offer it.
    Off,
    /// The field is shifted left by this count.
    Shift(u8),
}

impl WindowScale {
    /// The largest shift count (RFC 7323, section 2.3); a larger one counts as 14.
    pub const LIMIT: u8 = 14;

    /// The window in bytes; unscaled where the scale is not known.
    #[inline]
    pub fn apply(self, field: u16) -> u64 {
        match self {
            Self::Unknown | Self::Off => u64::from(field),
            Self::Shift(shift) => u64::from(field) << shift.min(Self::LIMIT),
        }
    }
}

/// What an endpoint offered in its SYN or SYN-ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SynOptions {
    /// Maximum segment size in bytes.
    pub mss: Option<u16>,
    /// Window scale shift count.
    pub window_scale: Option<u8>,
    /// Whether selective acknowledgement is permitted.
    pub sack_permitted: bool,
    /// Whether it sent the timestamps option.
    pub timestamps: bool,
    /// Whether it asked for or used Fast Open.
    pub fast_open: bool,
    /// Whether it offered Multipath TCP.
    pub multipath: bool,
    /// The window field, which is never scaled in a SYN.
    pub window: u16,
    /// The capture lacks the last of its options, so that it may have offered more.
    pub cut: bool,
}

impl SynOptions {
    pub(super) fn read(segment: &Segment<'_>) -> Self {
        let mut offered = Self { window: segment.window, cut: segment.lacks_options(), ..Self::default() };
        for option in segment.options.iter() {
            match option {
                TcpOption::MaximumSegmentSize(mss) => offered.mss = Some(mss),
                TcpOption::WindowScale(shift) => offered.window_scale = Some(shift),
                TcpOption::SackPermitted => offered.sack_permitted = true,
                TcpOption::Timestamps(..) => offered.timestamps = true,
                TcpOption::FastOpen(_) => offered.fast_open = true,
                TcpOption::Multipath(_) => offered.multipath = true,
                TcpOption::NoOperation | TcpOption::Sack(_) | TcpOption::Md5(_) | TcpOption::Other(..) => {}
            }
        }
        offered
    }
}

/// A segment that was sent, remembered until some time after its acknowledgement.
///
/// Packed, for a busy connection keeps dozens of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) seq: SeqNum,
    pub(super) end: SeqNum,
    /// When it was sent last.
    pub(super) time: Timestamp,
    tsval: u32,
    /// 0 where there is none.
    ip_id: u16,
    /// How often it was sent; saturates.
    pub(super) transmissions: u8,
    /// Three bits for each of two kinds, and two signs.
    bits: u8,
}

/// The kind under which it was counted as a repetition of what the capture lacks, because it filled a hole.
pub(super) const UNSEEN: u32 = 0;
/// The kind under which its last repetition was counted, which may still prove to have been needless.
pub(super) const AGAIN: u32 = 3;
/// The network doubled it, so that a duplicate at the receiver says nothing of the sender.
const COPIED: u8 = 1 << 6;
/// It has a TSval.
const TIMED: u8 = 1 << 7;

impl Sent {
    /// A segment that was sent for the first time.
    #[inline]
    pub(super) fn first(seq: SeqNum, end: SeqNum, time: Timestamp, stamp: Stamp) -> Self {
        let mut sent = Self { seq, end, time, tsval: 0, ip_id: 0, transmissions: 1, bits: 0 };
        sent.set_stamp(stamp);
        sent
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp { ip_id: (self.ip_id != 0).then_some(self.ip_id), tsval: (self.bits & TIMED != 0).then_some(self.tsval) }
    }

    #[inline]
    pub(super) fn set_stamp(&mut self, stamp: Stamp) {
        self.ip_id = stamp.ip_id.unwrap_or(0);
        self.tsval = stamp.tsval.unwrap_or(0);
        self.bits = (self.bits & !TIMED) | if stamp.tsval.is_some() { TIMED } else { 0 };
    }

    pub(super) const fn is_copied(&self) -> bool {
        self.bits & COPIED != 0
    }

    pub(super) const fn set_copied(&mut self) {
        self.bits |= COPIED;
    }

    /// The kind at [`UNSEEN`] or [`AGAIN`].
    pub(super) const fn kind(&self, which: u32) -> Option<RetransmissionKind> {
        match (self.bits >> which) & 7 {
            1 => Some(RetransmissionKind::Handshake),
            2 => Some(RetransmissionKind::Fast),
            3 => Some(RetransmissionKind::Timeout),
            4 => Some(RetransmissionKind::TailLossProbe),
            5 => Some(RetransmissionKind::PathMtu),
            6 => Some(RetransmissionKind::FastOpenRefused),
            _ => None,
        }
    }

    pub(super) const fn set_kind(&mut self, which: u32, kind: Option<RetransmissionKind>) {
        let number = match kind {
            None => 0,
            Some(RetransmissionKind::Handshake) => 1,
            Some(RetransmissionKind::Fast) => 2,
            Some(RetransmissionKind::Timeout) => 3,
            Some(RetransmissionKind::TailLossProbe) => 4,
            Some(RetransmissionKind::PathMtu) => 5,
            Some(RetransmissionKind::FastOpenRefused) => 6,
        };
        self.bits = (self.bits & !(7 << which)) | (number << which);
    }

    pub(super) const fn take_kind(&mut self, which: u32) -> Option<RetransmissionKind> {
        let kind = self.kind(which);
        self.set_kind(which, None);
        kind
    }
}

/// What tells two transmissions of the same bytes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stamp {
    /// The IP identification; absent in IPv6, and where it is 0 (the stack does not number).
    pub(super) ip_id: Option<u16>,
    /// TSval.
    pub(super) tsval: Option<u32>,
}

/// How one [`Stamp`] stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Older,
    Same,
    Newer,
    Unknown,
}

impl Stamp {
    /// Whether the packet with this stamp left its sender before or after the one with `other`.
    #[inline]
    pub(super) fn compare(self, other: Self) -> Age {
        let by_clock = match (self.tsval, other.tsval) {
            (Some(a), Some(b)) if a != b => Some(if (a.wrapping_sub(b) as i32) < 0 { Age::Older } else { Age::Newer }),
            _ => None,
        };
        match (self.ip_id, other.ip_id) {
            // The clock's tick is coarser than the counter's, but it cannot be misled by other connections of
            // the host, for which some stacks count with one counter.
            (Some(_), Some(_)) if by_clock.is_some() => by_clock.unwrap_or(Age::Unknown),
            (Some(a), Some(b)) if a == b => Age::Same,
            (Some(a), Some(b)) => {
                if (a.wrapping_sub(b) as i16) < 0 {
                    Age::Older
                } else {
                    Age::Newer
                }
            }
            _ => match by_clock {
                Some(age) => age,
                None if self.tsval.is_some() && self.tsval == other.tsval => Age::Same,
                None => Age::Unknown,
            },
        }
    }
}

/// Why the sender is sending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecoveryKind {
    Fast,
    Timeout,
}

/// A recovery that lasts until everything that was outstanding at its start is acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovery {
    pub(super) kind: RecoveryKind,
    pub(super) high: SeqNum,
}

/// Something on its way to this end, in the order in which the peer sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) signal: Signal,
    /// The acknowledgement number by which this end proves that it arrived; a pure acknowledgement has none.
    pub(super) proved_by: Option<SeqNum>,
}

/// The most segments remembered in one direction.
///
/// A sender with more in flight than this (5 MB at common segment sizes) loses the round-trip samples of
/// the oldest, nothing else.
const SENT_LIMIT: usize = 4096;

/// How many acknowledged segments stay remembered, to recognise copies that the network delays.
const SENT_AFTER_ACK: usize = 16;

/// One end of a connection.
#[derive(Debug, Clone, Default)]
pub struct Side {
    pub(super) state: TcpState,
    /// Sequence number of its SYN.
    pub(super) isn: Option<SeqNum>,
    /// Base of its relative numbers: the SYN, else the first number seen or acknowledged.
    pub(super) base: Option<SeqNum>,
    /// The number after the highest that it sent; absent until it was seen to send.
    pub(super) next: Option<SeqNum>,
    /// The lowest number that was captured of it, or of the last half a GiB at least, and the number after the highest; `next`
    /// may lie beyond, by acknowledgements.
    pub(super) captured: Option<(SeqNum, SeqNum)>,
    /// The number after its FIN.
    pub(super) fin: Option<SeqNum>,
    /// The highest acknowledgement number that it was seen to be sent.
    pub(super) acknowledged: Option<SeqNum>,
    /// The highest acknowledgement number that it sent.
    pub(super) acked: Option<SeqNum>,
    pub(super) largest_window: u32,
    pub(super) window_field: u16,
    pub(super) scale: WindowScale,
    pub(super) syn: Option<SynOptions>,
    pub(super) newest: Stamp,
    /// The stack puts the same IP identification on different segments, so that it tells nothing.
    pub(super) ip_id_constant: bool,
    /// A tail loss probe was sent since the last progress.
    pub(super) probed: bool,
    /// How often its retransmission timer ran out since the last progress; saturates.
    pub(super) timeouts: u8,
    /// Something arrived from the peer at `last_ack_received`.
    pub(super) ack_received: bool,
    /// It sent a SYN with ACK.
    pub(super) syn_ack_sent: bool,
    pub(super) last_was_keep_alive: bool,
    pub(super) last_was_probe: bool,
    /// A RST is on its way to it, which what it sent has crossed.
    pub(super) reset_due: bool,
    /// The time to live of its first packet.
    pub(super) hops: Option<u8>,
    /// How many of the first of `sent` are known to be acknowledged.
    settled: u16,
    /// How many of its checksums were right, and how many wrong.
    pub(super) checksums: (u32, u32),
    /// Duplicate acknowledgements that it received in a row.
    pub(super) duplicate_acks_received: u32,
    /// When something last arrived from the peer that may have made it send.
    pub(super) last_ack_received: Timestamp,
    /// How long it takes from a packet to this end until its answer passes the capture point; zero if not known.
    pub(super) answers_after: Span,
    pub(super) inbox: Rare<Vec<Arrival>>,
    pub(super) sent: VecDeque<Sent>,
    /// The first frame whose checksum is not right.
    pub(super) unsummed: Option<Box<Origin>>,
    pub(super) trouble: Rare<Trouble>,
    pub(super) counters: Counters,
}

impl Blank for Vec<Arrival> {
    fn blank() -> &'static Self {
        const BLANK: &Vec<Arrival> = &Vec::new();
        BLANK
    }
}

/// How many numbers behind the highest are told apart. They have an order over 2^31, and what comes later than this belongs to
/// no window there can be (RFC 7323, section 2.3).
const KEPT: i64 = 1 << 30;

impl Side {
    /// Its state.
    pub const fn state(&self) -> TcpState {
        self.state
    }

    /// What it offered in its SYN, if that was captured.
    pub const fn syn_options(&self) -> Option<&SynOptions> {
        self.syn.as_ref()
    }

    /// What was counted of the segments that it sent.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Payload bytes of it that were never captured, between the first and the last that were.
    pub fn missing_bytes(&self) -> u64 {
        let holes = &self.trouble.holes;
        // Numbers that nobody would send may lie too far apart for an order.
        self.captured.map_or(0, |(from, to)| {
            holes.bytes_gone() + holes.bytes_before(to).saturating_sub(holes.bytes_before(from))
        })
    }

    /// Bytes beyond the last captured that its peer acknowledged: what was sent there, a FIN among it, is not known.
    pub fn unseen_tail_bytes(&self) -> u64 {
        let holes = &self.trouble.holes;
        self.captured.map_or(0, |(_, to)| holes.bytes().saturating_sub(holes.bytes_before(to)))
    }

    /// Whether it has sent more, bytes or a FIN, than was captured: its own numbers show it, or what its peer acknowledged.
    pub fn sent_unseen(&self) -> bool {
        let beyond = self.trouble.stood_at.zip(self.next).is_some_and(|(stood, next)| stood.is_after(next));
        beyond || self.unseen_tail_bytes() > 0
    }

    /// Whether the capture lacks some of what it has sent by now: what shows in its own numbers, or in what its peer
    /// acknowledged. That may still come, captured late.
    #[inline]
    pub fn lacks(&self) -> bool {
        self.trouble.is_made() && (self.missing_bytes() > 0 || self.sent_unseen())
    }

    /// Whether it has sent something that its peer was not seen to acknowledge.
    #[inline]
    pub fn is_ahead_of(&self, peer: &Self) -> bool {
        self.next.is_some_and(|next| peer.acked.is_none_or(|acked| next.is_after(acked)))
    }

    /// Whether its windows are told in bytes, because both SYNs were captured.
    pub fn window_scale_known(&self) -> bool {
        self.scale != WindowScale::Unknown
    }

    /// Whether its SYN was captured, so that its stream is known from the first byte.
    pub const fn starts_with_syn(&self) -> bool {
        self.syn.is_some()
    }

    /// Whether it was seen to send anything.
    pub const fn was_seen(&self) -> bool {
        self.next.is_some()
    }

    /// How far beyond the last acknowledgement its peer may send: generous, since a window may have been
    /// larger in segments that were not captured.
    pub(super) fn reach(&self) -> u64 {
        /// Where the scale is unknown, the largest window there can be (RFC 7323, section 2.3).
        const LARGEST: u64 = 1 << 30;
        const SLACK: u64 = 1 << 20;
        match self.scale {
            WindowScale::Unknown => LARGEST,
            WindowScale::Off | WindowScale::Shift(_) => {
                (2 * u64::from(self.largest_window.max(1 << 16)) + SLACK).min(LARGEST)
            }
        }
    }

    /// Whether a segment's wrong checksum means damage on the way.
    ///
    /// It does only for a sender whose checksums are right as a rule: a card that fills them in later leaves
    /// anything there, now and then even what is right by chance.
    pub(super) fn is_damaged(&mut self, segment: &Segment<'_>) -> bool {
        let (good, bad) = &mut self.checksums;
        match segment.checksum {
            Checksum::Good => *good = good.saturating_add(1),
            Checksum::Bad => *bad = bad.saturating_add(1),
            Checksum::Offloaded | Checksum::Unknown => {}
        }
        segment.checksum == Checksum::Bad && segment.checksum_field != 0 && *good > bad.saturating_mul(2)
    }

    /// Remembers a segment that arrived damaged.
    pub(super) fn remember_damaged(&mut self, seq: SeqNum) {
        /// Damage comes one by one; a path that damages more than this at once delivers nothing.
        const LIMIT: usize = 16;
        let damaged = &mut self.trouble.damaged;
        if damaged.len() >= LIMIT {
            damaged.remove(0);
        }
        damaged.push(seq);
    }

    /// Whether a segment that began there arrived damaged before.
    pub(super) fn take_damaged(&mut self, seq: SeqNum) -> bool {
        let Some(trouble) = self.trouble.made() else { return false };
        let at = trouble.damaged.iter().position(|damaged| *damaged == seq);
        at.map(|at| trouble.damaged.remove(at)).is_some()
    }

    /// Remembers a segment.
    #[inline]
    pub(super) fn remember(&mut self, sent: Sent) {
        if self.sent.len() >= self.sent.capacity().min(SENT_LIMIT) {
            self.make_room();
        }
        self.sent.push_back(sent);
    }

    /// Makes room for another segment, in small steps: most connections end with few, and those that go on keep
    /// [`SENT_AFTER_ACK`] and some more.
    #[cold]
    fn make_room(&mut self) {
        if self.sent.len() >= SENT_LIMIT {
            self.sent.pop_front();
            self.settled = self.settled.saturating_sub(1);
            return;
        }
        let more = match self.sent.len() {
            few @ 0..=1 => few + 1,
            some @ 2..=24 => 4.max(some.next_multiple_of(8) - some),
            many => many,
        };
        self.sent.reserve_exact(more.min(SENT_LIMIT - self.sent.len()));
    }

    /// The last transmission of the segment that begins with `seq`.
    pub(super) fn sent_at(&mut self, seq: SeqNum) -> Option<&mut Sent> {
        self.sent.iter_mut().rev().find(|sent| sent.seq == seq)
    }

    /// Puts the time that went by down to what held it up, `receiver` being its peer.
    #[inline]
    pub(super) fn pass_time(&mut self, receiver: &Self, elapsed: Span) {
        // Before the handshake is over and after the FIN an end may not send.
        if matches!(self.state, TcpState::Established | TcpState::CloseWait) {
            let held_up = self.held_up(receiver);
            self.counters.traffic.on_time(elapsed, held_up);
        }
    }

    /// What it waits for, `receiver` being its peer.
    #[inline]
    fn held_up(&self, receiver: &Self) -> HeldUp {
        let (Some(next), Some(acked)) = (self.next, receiver.acked) else { return HeldUp::Idle };
        let in_flight = next.distance(acked);
        if in_flight <= 0 {
            return HeldUp::Idle;
        }
        let window = receiver.scale.apply(receiver.window_field);
        let segment = receiver.syn.and_then(|syn| syn.mss).map_or(536, u64::from);
        if self.trouble.recovery.is_some() {
            HeldUp::ByNetwork
        } else if receiver.scale != WindowScale::Unknown && u64::from(in_flight as u32) + segment > window {
            HeldUp::ByReceiver
        } else {
            HeldUp::ByAcknowledgement
        }
    }

    /// Notes which of its numbers were captured.
    #[inline]
    pub(super) fn note_captured(&mut self, seq: SeqNum, end: SeqNum) {
        let Some((from, to)) = self.captured else {
            self.captured = Some((seq, end));
            return;
        };
        let mut first = i64::from(seq.distance(to).min(from.distance(to)));
        let last = i64::from(end.distance(to).max(0));
        if last - first > KEPT {
            let before = last - KEPT / 2;
            if let Some(trouble) = self.trouble.made() {
                trouble.holes.give_up(to, first, before);
            }
            first = before;
        }
        self.captured = Some((to.plus(first as u32), to.plus(last as u32)));
    }

    /// Keeps the newest stamp, and notes a stack that does not number its packets; `another` says that the packet is
    /// certainly no copy of the last.
    #[inline]
    pub(super) fn note_stamp(&mut self, stamp: Stamp, another: bool) {
        let newest = self.newest;
        if another && stamp.ip_id.is_some() && stamp.ip_id == newest.ip_id {
            self.ip_id_constant = true;
        }
        if stamp.compare(newest) != Age::Older {
            self.newest = stamp;
        }
    }

    /// An acknowledgement up to `ack`, beyond the last one, reached this end.
    #[inline]
    pub(super) fn progress(&mut self, ack: SeqNum, pure: bool, now: Timestamp, verdict: &mut Verdict) {
        verdict.ack_rtt = self.on_acknowledged(ack, pure, now);
        self.duplicate_acks_received = 0;
        self.probed = false;
        self.timeouts = 0;
        if let Some(trouble) = self.trouble.made() {
            if trouble.recovery.is_some_and(|recovery| !ack.is_before(recovery.high)) {
                trouble.recovery = None;
            }
            if trouble.sacked_to.is_some_and(|edge| !edge.is_after(ack)) {
                trouble.sacked_to = None;
            }
        }
    }

    /// An acknowledgement up to `ack`, beyond the last one, reached this end at `now`: the round trip that it measures,
    /// if it does. `pure` says that the segment did nothing else.
    #[inline]
    fn on_acknowledged(&mut self, ack: SeqNum, pure: bool, now: Timestamp) -> Option<Span> {
        let mut sample = None;
        let mut newly = 0;
        let already = self.acknowledged.unwrap_or(ack);
        // Those that were behind the last acknowledgement are behind this one: it reaches further.
        let mut behind = usize::from(self.settled);
        while let Some(sent) = self.sent.get(behind) {
            if sent.end.is_after(ack) {
                break;
            }
            behind += 1;
            newly += u64::from(sent.end.is_after(already));
            // Karn: what was sent twice measures nothing, for it is unknown which copy is acknowledged.
            if sent.end != ack {
                continue;
            }
            if sent.transmissions == 1 {
                sample = Some((now.since(sent.time), u64::from(sent.end.distance(sent.seq) as u32)));
            } else {
                self.counters.traffic.rare_mut().ambiguous_acks += 1;
            }
        }
        self.acknowledged = Some(ack);
        self.counters.traffic.on_acknowledged(newly, pure, now);
        for _ in SENT_AFTER_ACK..behind {
            self.sent.pop_front();
        }
        self.settled = behind.min(SENT_AFTER_ACK) as u16;
        let (sample, length) = sample?;
        self.counters.rtt.record(sample);
        if length >= u64::from(self.counters.traffic.segment_size.max.max(1)) {
            self.counters.traffic.data.full_size_rtt.record(sample);
        }
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ip_identification_tells_a_copy_from_a_late_and_from_a_repeated_segment() {
        let stamp = |id| Stamp { ip_id: Some(id), tsval: None };
        assert_eq!(stamp(5).compare(stamp(5)), Age::Same);
        assert_eq!(stamp(4).compare(stamp(5)), Age::Older);
        assert_eq!(stamp(2).compare(stamp(0xfffe)), Age::Newer);
    }

    #[test]
    fn without_an_identification_the_timestamp_tells() {
        let stamp = |tsval| Stamp { ip_id: None, tsval: Some(tsval) };
        assert_eq!(stamp(5).compare(stamp(5)), Age::Same);
        assert_eq!(stamp(4).compare(stamp(5)), Age::Older);
        assert_eq!(stamp(2).compare(stamp(0xffff_fffe)), Age::Newer);
        assert_eq!(Stamp::default().compare(stamp(1)), Age::Unknown);
    }

    #[test]
    fn a_scale_beyond_the_limit_counts_as_the_limit() {
        assert_eq!(WindowScale::Shift(255).apply(1), 1 << 14);
        assert_eq!(WindowScale::Unknown.apply(65535), 65535);
    }
}
