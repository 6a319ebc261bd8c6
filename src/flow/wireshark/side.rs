//! What is remembered of one direction of a stream, and the rules that only need that.

use super::segment::{Blocks, Seen, after, before};
use super::stream::Room;
use super::verdict::{Since, WiresharkFlags, WiresharkRules, WiresharkVerdict};
use crate::capture::{FrameNo, Origin};
use crate::time::{Span, Timestamp};
use crate::wire::TcpFlags;

/// The most unacknowledged segments of a direction that are remembered.
const UNACKED_LIMIT: usize = 10_000;

/// Stands in 4.0 for the count of duplicates when the peer has acknowledged what was not seen; being a large
/// number, it also counts as many duplicates.
const UNSEEN: u32 = u32::MAX;

/// A segment that its receiver has not acknowledged yet, or only in part.
#[derive(Debug, Clone, Copy)]
struct Unacked {
    seq: u32,
    end: u32,
    origin: Origin,
}

/// How windows of a direction are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scale {
    /// The handshake was not captured.
    #[default]
    Unknown,
    /// One of the two ends did not offer it.
    Unused,
    /// By so many bits.
    Shift(u8),
}

/// What is remembered of one direction. Numbers are 0 until they are known.
#[derive(Debug)]
pub(super) struct Side {
    /// The first sequence number, and whether it is known.
    pub(super) base: u32,
    pub(super) has_base: bool,
    /// The highest end of a segment, and the frame that brought it there.
    pub(super) next: u32,
    next_origin: Origin,
    /// Whether the segment that brought it there had no data.
    next_was_empty: bool,
    /// The end of what was captured without a hole.
    pub(super) contiguous: u32,
    /// The last acknowledgement number, and when the last segment came.
    pub(super) last_ack: u32,
    last_time: Timestamp,
    /// The window field of the last segment.
    window: u32,
    pub(super) scale: Scale,
    /// Whether it has sent a SYN, and nothing scaled since.
    pub(super) unscaled: bool,
    /// Duplicates of the last acknowledgement, or [`UNSEEN`].
    duplicates: u32,
    /// The frame that brought the last acknowledgement number first.
    first_of_ack: FrameNo,
    /// The flags of the last segment.
    last_flags: WiresharkFlags,
    /// Whether the list of unacknowledged segments may be relied on.
    pub(super) flight_known: bool,
    /// Payload since the last PSH, which is over where the last segment had it.
    pushed: u32,
    push_ended: bool,
    /// Unacknowledged segments, the newest last.
    unacked: Vec<Unacked>,
    /// The blocks of the last SACK option, relative to the first sequence number of the other direction.
    pub(super) sacked: Blocks,
    /// The kinds of Multipath TCP options that the connection had seen with the last segment.
    pub(super) multipath: u8,
    /// The size of the largest segment that it takes.
    pub(super) mss: Option<u16>,
}

impl Default for Side {
    fn default() -> Self {
        let never = Origin { frame: FrameNo(0), time: Timestamp::default() };
        Self {
            base: 0,
            has_base: false,
            next: 0,
            next_origin: never,
            next_was_empty: true,
            contiguous: 0,
            last_ack: 0,
            last_time: never.time,
            window: u32::MAX,
            scale: Scale::Unknown,
            unscaled: false,
            duplicates: 0,
            first_of_ack: never.frame,
            last_flags: WiresharkFlags::default(),
            flight_known: false,
            pushed: 0,
            push_ended: false,
            unacked: Vec::new(),
            sacked: Blocks::default(),
            multipath: 0,
            mss: None,
        }
    }
}

impl Side {
    /// How many unacknowledged segments it holds.
    pub(super) const fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// The first number of its peer's window that it has not opened.
    const fn right_edge(&self) -> Option<u32> {
        let shift = match self.scale {
            Scale::Unknown => return None,
            Scale::Shift(shift) if !self.unscaled => shift,
            Scale::Shift(_) | Scale::Unused => 0,
        };
        Some(self.last_ack.wrapping_add(self.window.wrapping_shl(shift as u32)))
    }

    /// Probes, windows and acknowledgements: the rules that look at what the segment says of the other direction.
    ///
    /// `excused` is whether Multipath TCP explains a repeated acknowledgement.
    pub(super) fn look(
        &mut self,
        peer: &mut Self,
        seen: &Seen,
        rules: WiresharkRules,
        excused: bool,
        verdict: &mut WiresharkVerdict,
    ) {
        let flags = &mut verdict.flags;
        if seen.has(TcpFlags::ACK) {
            peer.flight_known = true;
        }
        if seen.length == 1 && seen.seq == self.next && peer.window == 0 {
            flags.add(WiresharkFlags::ZERO_WINDOW_PROBE);
            return;
        }
        if seen.window == 0 && !seen.controls() {
            flags.add(WiresharkFlags::ZERO_WINDOW);
        }
        if self.next != 0 && after(seen.seq, self.next) && !seen.has(TcpFlags::RST) {
            flags.add(WiresharkFlags::LOST_SEGMENT);
            self.flight_known = false;
        }
        if seen.length <= 1 && seen.seq == self.next.wrapping_sub(1) && !seen.controls() {
            flags.add(WiresharkFlags::KEEP_ALIVE);
        }
        if seen.length > 0 && !seen.controls() && peer.right_edge() == Some(seen.data_end()) {
            flags.add(WiresharkFlags::WINDOW_FULL);
        }
        if seen.length > 0 || seen.controls() || seen.seq != self.next {
            return;
        }
        // An empty segment where it is expected.
        let (open, same_window) = (seen.window != 0, seen.window == self.window);
        let again = seen.ack == self.last_ack;
        let one_more = rules == WiresharkRules::Master && seen.ack == self.last_ack.wrapping_add(1);
        if open && again {
            if !same_window {
                flags.add(WiresharkFlags::WINDOW_UPDATE);
            } else if peer.last_flags.has(WiresharkFlags::KEEP_ALIVE) {
                flags.add(WiresharkFlags::KEEP_ALIVE_ACK);
            } else if !excused {
                self.duplicates = self.duplicates.wrapping_add(1).max(1);
                self.mark_duplicate(verdict);
            }
        } else if !open && same_window && (again || one_more) && peer.last_flags.has(WiresharkFlags::ZERO_WINDOW_PROBE)
        {
            flags.add(WiresharkFlags::ZERO_WINDOW_PROBE_ACK);
            if !again {
                // The byte of the probe was taken.
                peer.next = seen.ack;
                peer.contiguous = seen.ack;
            }
        }
    }

    fn mark_duplicate(&self, verdict: &mut WiresharkVerdict) {
        verdict.flags.add(WiresharkFlags::DUPLICATE_ACK);
        verdict.duplicate_ack = Some((self.duplicates, self.first_of_ack));
    }

    /// The rule for acknowledgements of what was not captured. Returns whether there was such a thing, be it one
    /// that was told before.
    pub(super) fn look_for_unseen(
        &mut self,
        peer: &mut Self,
        seen: &Seen,
        rules: WiresharkRules,
        flags: &mut WiresharkFlags,
    ) -> bool {
        if seen.ack != self.last_ack {
            self.first_of_ack = seen.origin.frame;
            self.duplicates = 0;
        }
        if peer.contiguous == 0 || !after(seen.ack, peer.contiguous) || !seen.has(TcpFlags::ACK) {
            return false;
        }
        match rules {
            WiresharkRules::V4_0 => {
                // One loss is told once: by taking it for seen, or by a mark in the count of duplicates.
                if after(peer.next, peer.contiguous) {
                    peer.contiguous = peer.next;
                    flags.add(WiresharkFlags::ACK_LOST_SEGMENT);
                } else {
                    if peer.duplicates == 0 {
                        flags.add(WiresharkFlags::ACK_LOST_SEGMENT);
                    }
                    peer.duplicates = UNSEEN;
                }
            }
            WiresharkRules::Master => {
                let answers_probe = seen.ack == self.last_ack.wrapping_add(1)
                    && seen.seq == self.next
                    && peer.last_flags.has(WiresharkFlags::ZERO_WINDOW_PROBE);
                if answers_probe {
                    peer.next = seen.ack;
                    peer.contiguous = seen.ack;
                    flags.add(WiresharkFlags::WINDOW_UPDATE);
                } else {
                    peer.contiguous = peer.end_of_run(seen.ack);
                    flags.add(WiresharkFlags::ACK_LOST_SEGMENT);
                }
            }
        }
        true
    }

    /// The end of the segments without a hole that begin at `ack` and reach the newest; else `ack` itself.
    fn end_of_run(&self, ack: u32) -> u32 {
        let (mut left, mut right) = (0, 0);
        for unacked in self.unacked.iter().rev() {
            if left == right {
                (left, right) = (unacked.seq, unacked.end);
            }
            if before(unacked.seq, ack) {
                continue;
            }
            if unacked.end == left {
                left = unacked.seq;
            } else {
                (left, right) = (unacked.seq, unacked.end);
            }
        }
        if left == ack && after(right, ack) { right } else { ack }
    }

    /// The rules for segments that do not go on where the last one ended: sent again, or out of order.
    ///
    /// `threshold` is the longest time, in nanoseconds, in which a segment counts as out of order.
    pub(super) fn look_for_resent(
        &self,
        peer: &Self,
        seen: &Seen,
        rules: WiresharkRules,
        threshold: u64,
        verdict: &mut WiresharkVerdict,
    ) {
        if seen.length == 0 && seen.extra() == 0 || verdict.flags.has(WiresharkFlags::KEEP_ALIVE) {
            return;
        }
        if seen.length > 0 && peer.last_ack != 0 && !after(seen.data_end(), peer.last_ack) {
            verdict.flags.add(WiresharkFlags::SPURIOUS_RETRANSMISSION);
            verdict.flags.add(WiresharkFlags::RETRANSMISSION);
            return;
        }
        // Data that begins one before the expected goes on after a probe.
        let goes_on = seen.length > 1 && seen.seq == self.next.wrapping_sub(1);
        if self.next == 0 || goes_on || !before(seen.seq, self.next) {
            return;
        }
        let now = seen.origin.time;
        // As unsigned numbers, so that a clock that went backwards counts as very long ago.
        let since_peer = match rules {
            WiresharkRules::V4_0 => now.since(peer.last_time).as_nanos() as u64,
            WiresharkRules::Master => now.since(peer.last_time).as_nanos().max(0) as u64,
        };
        let since = match rules {
            WiresharkRules::V4_0 => now.since(self.next_origin.time).as_nanos() as u64,
            WiresharkRules::Master => since_peer,
        };
        if peer.asks_for(seen, rules, since_peer) {
            verdict.flags.add(WiresharkFlags::FAST_RETRANSMISSION);
            verdict.flags.add(WiresharkFlags::RETRANSMISSION);
        } else if since < threshold && self.looks_reordered(seen, rules) {
            verdict.flags.add(WiresharkFlags::OUT_OF_ORDER);
        } else {
            verdict.flags.add(WiresharkFlags::RETRANSMISSION);
            verdict.rto = self.repeated(seen, rules);
        }
    }

    /// Whether this side, of which the last segment came `since` nanoseconds ago, had asked for the segment.
    fn asks_for(&self, seen: &Seen, rules: WiresharkRules, since: u64) -> bool {
        const SOON: u64 = 20_000_000;
        if since >= SOON {
            return false;
        }
        let (at_hole, insists) = (self.last_ack == seen.seq, self.duplicates >= 2);
        if at_hole && insists {
            return true;
        }
        let blocks = self.sacked.as_slice();
        if rules == WiresharkRules::V4_0 || blocks.is_empty() {
            return false;
        }
        // The numbers of the segment are absolute and those of the blocks relative, so that a segment is seldom
        // found in a block that holds it.
        let inside = |&(left, right): &(u32, u32)| seen.seq >= left && seen.data_end() <= right;
        let size = self.mss.map_or(-1, i64::from);
        let many = i64::from(self.sacked.total() as i32) > 2 * size;
        (at_hole && many && !blocks.iter().all(inside)) || (insists && !blocks.iter().any(inside))
    }

    /// Whether a segment that came soon enough looks as if it was only late.
    fn looks_reordered(&self, seen: &Seen, rules: WiresharkRules) -> bool {
        let at_end = self.next == seen.data_end().wrapping_add(seen.extra());
        match rules {
            WiresharkRules::V4_0 => !at_end,
            WiresharkRules::Master => {
                let known = |unacked: &Unacked| !before(seen.seq, unacked.seq) && !after(seen.data_end(), unacked.end);
                // At the end it may still be the last of several that came behind an empty segment.
                !self.unacked.iter().any(known) && (!at_end || self.next_was_empty)
            }
        }
    }

    /// The segment that `seen` is taken for a repetition of.
    fn repeated(&self, seen: &Seen, rules: WiresharkRules) -> Option<Since> {
        let oldest = self
            .unacked
            .iter()
            .find(|unacked| rules == WiresharkRules::V4_0 || !before(unacked.seq, seen.seq))
            .map_or(self.next_origin, |unacked| unacked.origin);
        Some(since(oldest, seen.origin)).filter(|since| since.time != Span::ZERO && since.frame.0 > 0)
    }

    /// Remembers the segment.
    pub(super) fn remember(&mut self, seen: &Seen, flags: WiresharkFlags, room: &mut Room) {
        let mut end = seen.data_end();
        if (seen.length > 0 || seen.extra() > 0) && self.unacked.len() < UNACKED_LIMIT && room.take() {
            end = end.wrapping_add(seen.extra());
            self.unacked.push(Unacked { seq: seen.seq, end, origin: seen.origin });
        }
        if self.next == 0 || after(end, self.next.wrapping_add(seen.extra())) {
            self.next_was_empty = seen.length == 0;
        }
        let probes = flags.has(WiresharkFlags::ZERO_WINDOW_PROBE);
        if (self.next == 0 || after(end, self.next)) && !probes {
            self.next = end;
            self.next_origin = seen.origin;
        }
        if (self.contiguous == 0 || seen.seq == self.contiguous) && !probes {
            self.contiguous = self.next;
        }
        self.window = seen.window;
        self.last_ack = seen.ack;
        self.last_time = seen.origin.time;
        self.last_flags = flags;
    }

    /// Forgets what the peer's segment acknowledges, and says which segment it matched.
    pub(super) fn acknowledged(&mut self, seen: &Seen, rules: WiresharkRules, room: &mut Room) -> Option<Origin> {
        let (ack, mut matched) = (seen.ack, None);
        let before_all = self.unacked.len();
        self.unacked.retain_mut(|unacked| {
            let exact = ack == unacked.end;
            let partly = !exact && after(ack, unacked.seq) && !after(ack, unacked.end);
            if partly {
                unacked.seq = ack;
            }
            // The last one to match is the oldest in Wireshark's list.
            if (exact || (partly && rules == WiresharkRules::Master)) && matched.is_none() {
                matched = Some(unacked.origin);
            }
            !exact && after(unacked.end, ack)
        });
        room.give_back(before_all - self.unacked.len());
        matched
    }

    /// Whether there is something to be said of the bytes in flight.
    pub(super) const fn flies(&self, seen: &Seen) -> bool {
        seen.length != 0 && !self.unacked.is_empty() && self.flight_known
    }

    /// The bytes in flight, less those that the peer has reported.
    pub(super) fn bytes_in_flight(&self, peer: &Self, seen: &Seen) -> Option<u32> {
        const MOST: u32 = 2_000_000_000;
        let relative = |number: u32| number.wrapping_sub(self.base);
        let first = self.unacked.iter().map(|unacked| relative(unacked.seq)).min()?;
        let last = self.unacked.iter().map(|unacked| relative(unacked.end)).max()?;
        let flight = last.wrapping_sub(first).wrapping_sub(peer.sacked.total());
        (0 < flight && flight < MOST).then(|| flight - seen.extra()).filter(|flight| *flight > 0)
    }

    /// Counts the payload since the last PSH.
    pub(super) fn push(&mut self, seen: &Seen) -> u32 {
        let before = if self.push_ended { 0 } else { self.pushed };
        self.pushed = before.wrapping_add(seen.length);
        self.push_ended = seen.has(TcpFlags::PSH);
        self.pushed
    }

    /// What a SACK option changes, once the rest is known: it shows duplicates that the rules did not find.
    ///
    /// `noted` says whether anything has been noted of the segment, be it without a flag.
    pub(super) fn look_at_sack(&mut self, seen: &Seen, base: u32, noted: bool, verdict: &mut WiresharkVerdict) {
        let Some(blocks) = seen.sack else { return };
        let old = self.sacked;
        self.sacked = Blocks::new(
            blocks.as_slice().iter().map(|(left, right)| (left.wrapping_sub(base), right.wrapping_sub(base))),
        );
        if verdict.flags.has(WiresharkFlags::WINDOW_UPDATE) {
            verdict.flags.remove(WiresharkFlags::WINDOW_UPDATE);
            self.duplicates += 1;
            self.mark_duplicate(verdict);
        }
        let duplicate_data = match blocks.as_slice() {
            [first, ..] if !after(first.1, seen.ack) => true,
            [first, second, ..] => before(second.0, first.1) && !before(second.1, first.1),
            _ => false,
        };
        let new = self.sacked.as_slice().iter().any(|block| !old.as_slice().contains(block));
        let few = blocks.as_slice().len() < Blocks::LIMIT;
        if new && few && !duplicate_data && noted && verdict.flags.is_empty() {
            self.duplicates = 1;
            self.mark_duplicate(verdict);
        }
    }
}

/// The time from `then` to `now`.
pub(super) fn since(then: Origin, now: Origin) -> Since {
    Since { frame: then.frame, time: now.time.since(then.time) }
}
