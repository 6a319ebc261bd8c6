//! Which segments were sent again, by whom and why: the sender, the network that doubled or reordered
//! them, or nobody because they only fill a hole of the capture.
//!
//! What the segments carry (IP identification, timestamps, SACK) counts before any clock.

use super::endpoint::{Direction, PerDirection};
use super::metrics::RareCounters;
use super::side::{AGAIN, Age, Recovery, RecoveryKind, Sent, Side, Stamp, UNSEEN};
use super::verdict::{Evidence, Marks, Retransmission, RetransmissionKind, Verdict};
use crate::capture::Origin;
use crate::time::Span;
use crate::wire::{Segment, SeqNum, TcpFlags};

/// The least retransmission time-out that a common stack uses (Linux; RFC 6298 would have a second).
const LEAST_TIMEOUT: Span = Span::from_millis(200);

/// How much sooner than that a timer may seem to run out, because the first copy was delayed on its way.
const SHORTER: Span = Span::from_millis(50);

/// How late after an acknowledgement a segment may come that it caused: scheduling of a busy host.
const ANSWER_SLACK: Span = Span::from_millis(10);

/// Takes the segment's place in sequence space into account; `true` if its sender sent it again.
pub(super) fn on_sequence(
    sides: &mut PerDirection<Side>,
    direction: Direction,
    segment: &Segment<'_>,
    stamp: Stamp,
    origin: Origin,
    verdict: &mut Verdict,
) -> bool {
    let (sender, receiver) = sides.both_mut(direction);
    let length = segment.seq_len();
    if length > 0 {
        sender.note_captured(segment.seq, segment.seq_end());
    }
    let Some(next) = sender.next else {
        first_segment(sender, receiver, segment, stamp, origin, verdict);
        return false;
    };
    if verdict.marks.has(Marks::SYN_INSIDE_CONNECTION) {
        return false;
    }
    if is_probe(sender, receiver, segment, next, verdict) {
        sender.note_stamp(stamp, false);
        return false;
    }
    if length == 0 {
        sender.note_stamp(stamp, segment.seq == next && stamp.tsval != sender.newest.tsval);
        return false;
    }
    let end = segment.seq_end();
    if !segment.seq.is_before(next) {
        advance(sender, segment, next, stamp, origin, verdict);
        if sender.take_damaged(segment.seq) {
            // The first copy was captured, but damaged: it is sent again.
            sent_again(sender, receiver, segment, stamp, None, segment.payload_length, origin, verdict);
            return true;
        }
        return false;
    }
    if segment.flags.has(TcpFlags::SYN.with(TcpFlags::ACK)) && !sender.syn_ack_sent {
        // Simultaneous open: the SYN-ACK repeats the number of the SYN, and is no repetition of it.
        sender.syn_ack_sent = true;
        return false;
    }
    let repeated = repeat(sender, receiver, segment, stamp, origin, verdict);
    if end.is_after(next) {
        // New bytes behind old ones: a retransmission that was packed anew.
        let fresh = end.distance(next) as u32 - u32::from(segment.flags.has(TcpFlags::FIN));
        sender.counters.unique_bytes += u64::from(fresh.min(segment.payload_length));
        sender.next = Some(end);
        sender.remember(Sent::first(next, end, origin.time, stamp));
    }
    repeated
}

/// The first segment of an end, which may lie before or behind what its peer has acknowledged already.
fn first_segment(
    sender: &mut Side,
    receiver: &Side,
    segment: &Segment<'_>,
    stamp: Stamp,
    origin: Origin,
    verdict: &mut Verdict,
) {
    let end = segment.seq_end();
    sender.newest = stamp;
    sender.syn_ack_sent = segment.flags.has(TcpFlags::SYN.with(TcpFlags::ACK));
    sender.counters.unique_bytes += u64::from(segment.payload_length);
    let mut next = end;
    if let Some(acked) = receiver.acked {
        if segment.seq.is_after(acked) && segment.seq.distance(acked) < 1 << 30 {
            verdict.marks.add(Marks::LOST_SEGMENT);
            sender.counters.rare.lost_segments += 1;
            sender.trouble.holes.open(acked, segment.seq);
        } else if acked.is_after(end) && acked.distance(end) < 1 << 30 {
            sender.trouble.holes.open(end, acked);
            next = acked;
        }
    }
    sender.next = Some(next);
    if segment.seq_len() > 0 {
        sender.remember(Sent::first(segment.seq, end, origin.time, stamp));
    }
}

/// Keep-alives and window probes: an old byte, or none, just below the next number.
fn is_probe(sender: &mut Side, receiver: &Side, segment: &Segment<'_>, next: SeqNum, verdict: &mut Verdict) -> bool {
    let small = segment.payload_length <= 1 && !segment.flags.any(TcpFlags::SYN.with(TcpFlags::FIN));
    let acknowledged = receiver.acked;
    // Linux probes with the number before the oldest that is not acknowledged, others before the newest.
    let below = segment.seq.plus(1) == next || acknowledged.is_some_and(|acked| segment.seq.plus(1) == acked);
    let closed = receiver.window_field == 0 && receiver.was_seen();
    if small && below && (segment.payload_length == 0 || segment.seq.plus(1) == next) {
        if closed {
            verdict.marks.add(Marks::WINDOW_PROBE);
            sender.counters.rare.window_probes += 1;
            sender.last_was_probe = true;
        } else if acknowledged.is_none_or(|acked| !segment.seq_end().is_after(acked)) {
            verdict.marks.add(Marks::KEEP_ALIVE);
            sender.counters.rare.keep_alives += 1;
            sender.last_was_keep_alive = true;
        } else {
            // One byte that is not acknowledged yet, sent again.
            return false;
        }
        return true;
    }
    if small && segment.payload_length == 1 && closed && segment.seq == next {
        verdict.marks.add(Marks::WINDOW_PROBE);
        sender.counters.rare.window_probes += 1;
        sender.last_was_probe = true;
        // A receiver without room drops the byte (RFC 9293, section 3.8.6.1), which is then sent again with what follows it.
        sender.trouble.probe_end = Some(segment.seq_end());
        return true;
    }
    false
}

/// A segment at or beyond the end of what was captured.
fn advance(
    sender: &mut Side,
    segment: &Segment<'_>,
    next: SeqNum,
    stamp: Stamp,
    origin: Origin,
    verdict: &mut Verdict,
) {
    let next = if segment.seq.is_after(next) { sender.take_probe_byte(next) } else { next };
    if segment.seq.is_after(next) {
        verdict.marks.add(Marks::LOST_SEGMENT);
        sender.counters.rare.lost_segments += 1;
        sender.trouble.holes.open(next, segment.seq);
    } else if stamp.ip_id.is_some() && stamp.ip_id == sender.newest.ip_id {
        sender.ip_id_constant = true;
    }
    sender.note_stamp(stamp, false);
    sender.counters.unique_bytes += u64::from(segment.payload_length);
    sender.next = Some(segment.seq_end());
    sender.remember(Sent::first(segment.seq, segment.seq_end(), origin.time, stamp));
}

/// A segment that begins below the end of what was captured: a copy, a late one, or one sent again.
fn repeat(
    sender: &mut Side,
    receiver: &Side,
    segment: &Segment<'_>,
    mut stamp: Stamp,
    origin: Origin,
    verdict: &mut Verdict,
) -> bool {
    if sender.ip_id_constant {
        stamp.ip_id = None;
    }
    let next = sender.next.unwrap_or(segment.seq);
    let end = segment.seq_end();
    let known_end = if end.is_after(next) { next } else { end };
    let seen = sender.trouble.holes.fill(segment.seq, known_end);
    sender.counters.unique_bytes += u64::from(seen.new.min(segment.payload_length));
    let behind_its_ack = sender.is_behind_its_acknowledgement(receiver, segment, stamp);
    let age = stamp.compare(Stamp { ip_id: sender.newest.ip_id.filter(|_| stamp.ip_id.is_some()), ..sender.newest });
    sender.note_stamp(stamp, false);
    if !seen.first_byte_known {
        if sender.take_damaged(segment.seq) {
            sent_again(sender, receiver, segment, stamp, None, seen.new, origin, verdict);
            return true;
        }
        if behind_its_ack {
            sender.remember(Sent::first(segment.seq, end, origin.time, stamp));
            return false;
        }
        fill_hole(sender, receiver, segment, stamp, age, origin, verdict);
        return false;
    }
    let earlier = sender.sent_at(segment.seq).copied();
    if let Some(earlier) = earlier.filter(|earlier| earlier.end == end)
        && is_copy(stamp, &earlier, origin)
    {
        verdict.marks.add(Marks::DUPLICATED_BY_NETWORK);
        sender.counters.rare.duplicated_by_network += 1;
        if let Some(sent) = sender.sent_at(segment.seq) {
            sent.set_copied();
        }
        return false;
    }
    if age == Age::Older && earlier.is_none_or(|earlier| stamp.compare(earlier.stamp()) == Age::Older) {
        // It left before what was captured in its place: the original, overtaken by its own repetition.
        verdict.marks.add(Marks::OUT_OF_ORDER);
        sender.counters.rare.out_of_order += 1;
        if let Some(earlier) = earlier {
            count_late(sender, &earlier);
        }
        return false;
    }
    sent_again(sender, receiver, segment, stamp, earlier, seen.new, origin, verdict);
    true
}

/// Whether the packet was doubled on its way and not sent twice.
fn is_copy(stamp: Stamp, earlier: &Sent, origin: Origin) -> bool {
    match (stamp.ip_id, earlier.stamp().ip_id) {
        (Some(a), Some(b)) => a == b && stamp.tsval == earlier.stamp().tsval,
        _ => match (stamp.tsval, earlier.stamp().tsval) {
            // A timestamp clock ticks at least once a millisecond or so in today's stacks, and nothing is sent
            // again sooner than that, except within a machine.
            (Some(a), Some(b)) => a == b,
            // Nothing tells them apart: only a mirror port is this quick.
            _ => origin.time.since(earlier.time) < Span::from_nanos(100_000),
        },
    }
}

/// The original of `repetition` came after it: only now is it known that the one before was sent again.
fn count_late(sender: &mut Side, repetition: &Sent) {
    let Some(sent) =
        sender.sent_at(repetition.seq).filter(|sent| sent.transmissions == 1 || sent.kind(UNSEEN).is_some())
    else {
        return;
    };
    sent.transmissions = sent.transmissions.saturating_add(1);
    let kind = sent.take_kind(UNSEEN);
    let counters = &mut *sender.counters.rare;
    counters.retransmissions_of_unseen -= u32::from(kind.is_some()).min(counters.retransmissions_of_unseen);
    counters.retransmissions += 1;
    counters.retransmitted_bytes += u64::from(repetition.end.distance(repetition.seq).max(0) as u32);
    // What came as the newest data, and still was a repetition, was the tail sent again as a probe.
    count_kind(sender, kind.unwrap_or(RetransmissionKind::TailLossProbe));
}

fn count_kind(sender: &mut Side, kind: RetransmissionKind) {
    *counter_of(&mut sender.counters.rare, kind) += 1;
}

const fn counter_of(counters: &mut RareCounters, kind: RetransmissionKind) -> &mut u32 {
    match kind {
        RetransmissionKind::Handshake => &mut counters.handshake_retransmissions,
        RetransmissionKind::Fast => &mut counters.fast_retransmissions,
        RetransmissionKind::Timeout => &mut counters.timeout_retransmissions,
        RetransmissionKind::TailLossProbe => &mut counters.tail_loss_probes,
        RetransmissionKind::PathMtu => &mut counters.path_mtu_retransmissions,
        RetransmissionKind::FastOpenRefused => &mut counters.fast_open_retransmissions,
    }
}

/// Bytes that had been skipped before.
fn fill_hole(
    sender: &mut Side,
    receiver: &Side,
    segment: &Segment<'_>,
    stamp: Stamp,
    age: Age,
    origin: Origin,
    verdict: &mut Verdict,
) {
    let overtaken = match age {
        Age::Older => true,
        Age::Newer => false,
        // A round trip must pass before a sender can know of a loss; what comes sooner was overtaken.
        Age::Same | Age::Unknown => {
            let later = sender.sent.iter().find(|sent| sent.seq.is_after(segment.seq));
            later.is_none_or(|later| {
                let round_trip = sender.counters.rtt.min().unwrap_or(Span::from_millis(3));
                origin.time.since(later.time) < round_trip
            })
        }
    };
    let mut sent = Sent::first(segment.seq, segment.seq_end(), origin.time, stamp);
    if overtaken {
        verdict.marks.add(Marks::OUT_OF_ORDER);
        sender.counters.rare.out_of_order += 1;
    } else {
        verdict.marks.add(Marks::RETRANSMISSION_OF_UNSEEN);
        sender.counters.rare.retransmissions_of_unseen += 1;
        let (kind, _) = reason(sender, receiver, segment, None, None, origin);
        sent.set_kind(UNSEEN, Some(kind));
        // It was sent twice, so that no round trip may be taken from it.
        sent.transmissions = 2;
    }
    sender.remember(sent);
}

/// The sender sent it again: count it, and say why.
#[allow(clippy::too_many_arguments)]
fn sent_again(
    sender: &mut Side,
    receiver: &Side,
    segment: &Segment<'_>,
    stamp: Stamp,
    earlier: Option<Sent>,
    new_bytes: u32,
    origin: Origin,
    verdict: &mut Verdict,
) {
    let end = segment.seq_end();
    let after = earlier.map(|earlier| origin.time.since(earlier.time));
    let spurious = segment.payload_length > 0 && receiver.acked.is_some_and(|acked| !end.is_after(acked));
    let (kind, evidence) = reason(sender, receiver, segment, earlier.as_ref(), after, origin);
    let back_off = back_off(sender, receiver, segment, kind, evidence, after, origin);
    let timed = kind == RetransmissionKind::Timeout && back_off.is_some();
    let evidence = if timed { Evidence::Timing } else { evidence };
    let repetition = Retransmission { kind, evidence, spurious, after, back_off };
    if let Some(sent) = sender.sent_at(segment.seq) {
        sent.set_kind(AGAIN, (!spurious).then_some(kind));
        sent.transmissions = sent.transmissions.saturating_add(1);
        sent.time = origin.time;
        sent.set_stamp(stamp);
        let again = sent.transmissions - 1;
        let rare = sender.counters.traffic.rare_mut();
        rare.most_retransmissions = rare.most_retransmissions.max(again);
    }
    if kind == RetransmissionKind::FastOpenRefused {
        // Its first transmission is remembered with the SYN; the next repetition is one of this segment.
        let mut sent = Sent::first(segment.seq, end, origin.time, stamp);
        sent.transmissions = 2;
        sent.set_kind(AGAIN, Some(kind));
        sender.remember(sent);
    }
    // What overlaps it was sent again as well, so that it measures no round trip (Karn).
    for sent in sender.sent.iter_mut().rev().take(64) {
        if sent.seq.is_before(end) && sent.end.is_after(segment.seq) && sent.seq != segment.seq {
            sent.transmissions = sent.transmissions.saturating_add(1);
        }
    }
    verdict.marks.add(Marks::RETRANSMISSION);
    verdict.retransmission = Some(repetition);
    let old_bytes = segment.payload_length.saturating_sub(new_bytes);
    let next = sender.next.unwrap_or(end);
    let beyond = end.distance(next).max(0) as u32;
    let counters = &mut *sender.counters.rare;
    counters.retransmissions += 1;
    counters.retransmitted_bytes += u64::from(old_bytes.saturating_sub(beyond));
    if spurious {
        counters.spurious_retransmissions += 1;
    } else {
        count_kind(sender, kind);
    }
}

/// How often the timer has run out in a row, if that is why it was sent again; what is sent behind the first segment
/// in the same recovery is no step of its own.
fn back_off(
    sender: &mut Side,
    receiver: &Side,
    segment: &Segment<'_>,
    kind: RetransmissionKind,
    evidence: Evidence,
    after: Option<Span>,
    origin: Origin,
) -> Option<u8> {
    let waited = |least: Span| after.is_some_and(|after| after >= least);
    let ran_out = match kind {
        // A SYN-ACK that comes sooner answers a SYN that was sent again.
        RetransmissionKind::Handshake => waited(LEAST_TIMEOUT),
        RetransmissionKind::Timeout => {
            let first = receiver.acked.is_none_or(|acked| segment.seq == acked);
            let unasked = !answers_an_acknowledgement(sender, origin);
            evidence == Evidence::Timing || (first && unasked && waited(retransmission_timeout(sender)))
        }
        RetransmissionKind::Fast
        | RetransmissionKind::TailLossProbe
        | RetransmissionKind::PathMtu
        | RetransmissionKind::FastOpenRefused => false,
    };
    ran_out.then(|| {
        sender.timeouts = sender.timeouts.saturating_add(1);
        sender.timeouts
    })
}

impl Side {
    /// The byte of a window probe has arrived, for what lies beyond `next` is acknowledged, or follows it. The next number.
    #[cold]
    pub(super) fn take_probe_byte(&mut self, next: SeqNum) -> SeqNum {
        let probe = self.trouble.made().and_then(|trouble| trouble.probe_end.take());
        // It is one byte: another end is of a probe long ago.
        let Some(end) = probe.filter(|end| *end == next.plus(1)) else { return next };
        self.counters.unique_bytes += 1;
        self.next = Some(end);
        end
    }

    /// Whether the segment is the first transmission of what was acknowledged before it was captured: a capture of two
    /// directions may have the acknowledgement first.
    fn is_behind_its_acknowledgement(&self, receiver: &Self, segment: &Segment<'_>, stamp: Stamp) -> bool {
        let acknowledged = receiver.acked.is_some_and(|acked| !segment.seq_end().is_after(acked));
        if !acknowledged || self.sent.iter().any(|sent| sent.seq.is_after(segment.seq)) {
            return false;
        }
        match (self.trouble.unseen_echo, stamp.tsval) {
            // The acknowledgement echoes what came with it, or after it.
            (Some(echo), Some(value)) => (echo.wrapping_sub(value) as i32) >= 0,
            // Nothing else was sent in between that may have been the original.
            _ => stamp.ip_id.zip(self.newest.ip_id).is_some_and(|(id, last)| id == last.wrapping_add(1)),
        }
    }

    /// The peer acknowledged from `edge` to `ack` and echoes a timestamp that is older than the repetition of the
    /// segment at `edge`: the original had arrived (the Eifel detection, RFC 3522).
    #[inline]
    pub(super) fn note_original_arrived(&mut self, edge: SeqNum, ack: SeqNum, echo: Option<u32>) {
        // Most connections repeat nothing, and this is asked at each acknowledgement.
        let Some(echo) = echo.filter(|_| self.counters.retransmissions > 0) else { return };
        if let Some(sent) = self.sent_at(edge)
            && !sent.end.is_after(ack)
            && sent.stamp().tsval.is_some_and(|sent| (echo.wrapping_sub(sent) as i32) < 0)
            && let Some(kind) = sent.take_kind(AGAIN)
        {
            self.count_needless(kind);
        }
    }

    /// Whether the segment holds data that went with the SYN, and that the peer's SYN-ACK did not acknowledge: Fast Open was
    /// refused, or the SYN with the data was lost, and so it is sent in the usual way (RFC 7413, section 4.2.1).
    fn fast_open_refused(&self, receiver: &Self, segment: &Segment<'_>) -> bool {
        let Some(first) = self.isn.map(|isn| isn.plus(1)) else { return false };
        let opening = self.sent.iter().find(|sent| sent.seq.plus(1) == first);
        segment.payload_length > 0
            && receiver.acked == Some(first)
            && opening.is_some_and(|opening| opening.end.is_after(segment.seq))
    }

    /// The peer reports that these bytes arrived twice (DSACK): what was sent again of them was needless.
    pub(super) fn note_arrived_twice(&mut self, left: SeqNum, right: SeqNum) {
        let inside = |sent: &Sent| !sent.seq.is_before(left) && !sent.end.is_after(right) && !sent.is_copied();
        // A report covers one segment as a rule; the bound is for those that do not.
        for _ in 0..8 {
            let found = self.sent.iter_mut().find(|sent| inside(sent) && sent.kind(AGAIN).is_some());
            let Some(kind) = found.and_then(|sent| sent.take_kind(AGAIN)) else { return };
            self.count_needless(kind);
        }
    }

    /// Counts a repetition as spurious that was counted under its kind.
    fn count_needless(&mut self, kind: RetransmissionKind) {
        *counter_of(&mut self.counters.rare, kind) -= 1;
        self.counters.rare.spurious_retransmissions += 1;
    }
}

/// Why the sender sent it again.
fn reason(
    sender: &mut Side,
    receiver: &Side,
    segment: &Segment<'_>,
    earlier: Option<&Sent>,
    after: Option<Span>,
    origin: Origin,
) -> (RetransmissionKind, Evidence) {
    if segment.flags.has(TcpFlags::SYN) {
        return (RetransmissionKind::Handshake, Evidence::Sequence);
    }
    if earlier.is_none() && sender.fast_open_refused(receiver, segment) {
        return (RetransmissionKind::FastOpenRefused, Evidence::Sequence);
    }
    let next = sender.next.unwrap_or(segment.seq);
    let end = segment.seq_end();
    let timeout = retransmission_timeout(sender);
    let waited = after.is_none_or(|after| after >= timeout);
    let clocked = answers_an_acknowledgement(sender, origin);
    if sender.trouble.too_big_before.is_some_and(|high| segment.seq.is_before(high)) {
        return (RetransmissionKind::PathMtu, Evidence::Icmp);
    }
    let sacked_above = sender.trouble.sacked_to.is_some_and(|edge| edge.is_after(segment.seq));
    let doubled = sender.duplicate_acks_received >= 3;
    if let Some(recovery) = sender.trouble.recovery
        && segment.seq.is_before(recovery.high)
        && (recovery.kind == RecoveryKind::Timeout || !waited || clocked)
    {
        return match recovery.kind {
            RecoveryKind::Fast => (RetransmissionKind::Fast, Evidence::Recovery),
            RecoveryKind::Timeout => (RetransmissionKind::Timeout, Evidence::Recovery),
        };
    }
    if (sacked_above || doubled) && (clocked || !waited) {
        sender.trouble.recovery = Some(Recovery { kind: RecoveryKind::Fast, high: next });
        let evidence = if sacked_above { Evidence::Sack } else { Evidence::DuplicateAcks };
        return (RetransmissionKind::Fast, evidence);
    }
    let first_time = earlier.is_none_or(|earlier| earlier.transmissions == 1);
    let tail = end == next || segment.seq_end() == next;
    let permits = |side: &Side| side.syn.is_none_or(|syn| syn.sack_permitted || syn.cut);
    let sack = permits(sender) && permits(receiver);
    let in_time = after.is_none_or(|after| after <= latest_probe(sender));
    if tail && sack && first_time && in_time && !sender.probed && sender.trouble.recovery.is_none() && !sacked_above {
        sender.probed = true;
        return (RetransmissionKind::TailLossProbe, Evidence::Timing);
    }
    let too_soon = after.map_or(clocked, |after| after < LEAST_TIMEOUT - SHORTER);
    if too_soon {
        // No timer is this quick, so that the peer has asked for it, in a way that the capture lacks.
        sender.trouble.recovery = Some(Recovery { kind: RecoveryKind::Fast, high: next });
        return (RetransmissionKind::Fast, Evidence::Timing);
    }
    sender.trouble.recovery = Some(Recovery { kind: RecoveryKind::Timeout, high: next });
    (RetransmissionKind::Timeout, Evidence::Timing)
}

/// The time-out that the sender would have by RFC 6298 from the round trips seen here.
fn retransmission_timeout(sender: &Side) -> Span {
    let mean = sender.counters.rtt.mean().unwrap_or(Span::ZERO).as_nanos();
    Span::from_nanos(mean.saturating_add(LEAST_TIMEOUT.as_nanos()))
}

/// When a tail loss probe is sent at the latest (RFC 8985, section 7.2): after two round trips and the time that an
/// acknowledgement may be delayed, and never later than the timer would run out.
fn latest_probe(sender: &Side) -> Span {
    /// The time-out of a sender that has measured no round trip (RFC 6298, section 2.1).
    const INITIAL_TIMEOUT: Span = Span::from_millis(999);
    let Some(longest) = sender.counters.rtt.max() else { return INITIAL_TIMEOUT };
    // The way from the capture point to the sender and back is part of the round trip that it measures.
    let round_trip = longest + sender.answers_after;
    round_trip + round_trip + LEAST_TIMEOUT + SHORTER
}

/// Whether the segment comes as soon after the last acknowledgement as an answer to it would.
fn answers_an_acknowledgement(sender: &Side, origin: Origin) -> bool {
    if !sender.ack_received {
        return false;
    }
    let answer = sender.answers_after.as_nanos().max(0);
    let waited = origin.time.since(sender.last_ack_received).as_nanos();
    waited <= answer.saturating_add(answer / 2).saturating_add(ANSWER_SLACK.as_nanos())
}
