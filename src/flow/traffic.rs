//! The traffic of one direction in numbers, as tcptrace tells them, and who held it up: the sender, the receiver
//! or the network.

use super::durations::Durations;
use super::metrics::Range;
use super::verdict::{Marks, Verdict};
use crate::prefetch::prefetch;
use crate::rare::{Blank, Rare};
use crate::time::{Span, Timestamp};
use crate::wire::{Segment, TcpFlags};

/// How long an acknowledgement is held back at least to count as a delayed one. Stacks delay by 40 ms (Linux),
/// up to 200 ms (others), and at most half a second (RFC 9293, 3.8.6.3).
const DELAYED: Span = Span::from_millis(30);
const DELAYED_AT_MOST: Span = Span::from_millis(500);

/// Counts and times of one direction, beyond [`super::Counters`].
///
/// What needs payload stands in [`DataTraffic`], what most connections lack in [`RareTraffic`]; both are read as if
/// they stood here.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Segments with ACK.
    pub ack_packets: u64,
    /// Segments with ACK that carry nothing else: no payload, SYN, FIN or RST.
    pub pure_acks: u64,
    /// The longest time between two segments.
    pub longest_silence: Span,
    last_packet: Timestamp,
    /// Segments with SYN.
    pub syn_packets: u32,
    /// Segments with FIN.
    pub fin_packets: u32,
    /// Whether `last_packet` is known.
    begun: bool,
    pub(super) data: Rare<DataTraffic>,
}

/// Counts and times of a direction in which payload was sent; part of [`Traffic`].
#[derive(Debug, Clone, Default)]
pub struct DataTraffic {
    /// Segments with payload.
    pub data_packets: u64,
    /// Segments with payload and PSH.
    pub pushed_packets: u64,
    /// Payload sizes of the segments that have one.
    pub segment_size: Range,
    /// Bytes sent and not yet acknowledged, after each segment with data.
    pub bytes_in_flight: Range,
    /// Payload bytes sent before the first was acknowledged.
    pub initial_window_bytes: u64,
    /// Segments with payload sent before the first was acknowledged.
    pub initial_window_packets: u32,
    data_acknowledged: bool,
    /// Whether `small_since` counts.
    small: bool,
    /// When the last small segment was sent, if it has not been acknowledged.
    small_since: Timestamp,
    /// Segments acknowledged together with a later one.
    pub acknowledged_together: u64,
    /// How long something was on its way and not acknowledged.
    pub busy: Span,
    /// How long nothing was on its way, so that the sender had nothing to send.
    pub sender_limited: Span,
    /// Of the first payload and the last, if there was any.
    first_data: Timestamp,
    last_data: Timestamp,
    /// Round trips of segments of the largest size.
    pub full_size_rtt: Durations,
    pub(super) rare: Rare<RareTraffic>,
}

/// Counts and times of what happens seldom; part of [`Traffic`].
#[derive(Debug, Clone, Default)]
pub struct RareTraffic {
    /// Segments with SACK blocks.
    pub sack_packets: u64,
    /// Segments whose SACK option reports data received twice.
    pub dsack_packets: u64,
    /// Segments of which the snap length cut payload.
    pub cut_packets: u64,
    /// Payload bytes that it cut.
    pub cut_bytes: u64,
    /// Times from a segment to its repetition.
    pub retransmitted_after: Durations,
    /// Acknowledgements of segments that were sent more than once, so that they measure no round trip.
    pub ambiguous_acks: u64,
    /// While something was on its way: how long the receiver's window allowed no further segment.
    pub receiver_limited: Span,
    /// While something was on its way: how long a loss was being repaired.
    pub network_limited: Span,
    /// How long small segments waited for a delayed acknowledgement, in all.
    pub delayed_ack_stalled: Span,
    /// Times that a small segment waited for a delayed acknowledgement of the one before (Nagle's algorithm).
    pub delayed_ack_stalls: u32,
    /// Segments with URG.
    pub urgent_packets: u32,
    /// Times that three duplicate acknowledgements in a row came for what this end sent.
    pub triple_duplicate_acks: u32,
    /// The most SACK blocks of one segment.
    pub max_sack_blocks: u8,
    /// How often the segment was sent again that was sent again most.
    pub most_retransmissions: u8,
    /// When a delayed acknowledgement came, and how long it had been waited for.
    released: Option<(Timestamp, Span)>,
}

impl std::ops::Deref for Traffic {
    type Target = DataTraffic;

    #[inline]
    fn deref(&self) -> &DataTraffic {
        &self.data
    }
}

impl std::ops::Deref for DataTraffic {
    type Target = RareTraffic;

    #[inline]
    fn deref(&self) -> &RareTraffic {
        &self.rare
    }
}

impl Blank for DataTraffic {
    fn blank() -> &'static Self {
        const BLANK: &DataTraffic = &DataTraffic {
            data_packets: 0,
            pushed_packets: 0,
            segment_size: Range::NOTHING,
            bytes_in_flight: Range::NOTHING,
            initial_window_bytes: 0,
            initial_window_packets: 0,
            data_acknowledged: false,
            small: false,
            small_since: Timestamp::from_nanos(0),
            acknowledged_together: 0,
            busy: Span::ZERO,
            sender_limited: Span::ZERO,
            first_data: Timestamp::from_nanos(0),
            last_data: Timestamp::from_nanos(0),
            full_size_rtt: Durations::new(),
            rare: Rare::new(),
        };
        BLANK
    }
}

impl Blank for RareTraffic {
    fn blank() -> &'static Self {
        const BLANK: &RareTraffic = &RareTraffic {
            sack_packets: 0,
            dsack_packets: 0,
            cut_packets: 0,
            cut_bytes: 0,
            retransmitted_after: Durations::new(),
            ambiguous_acks: 0,
            receiver_limited: Span::ZERO,
            network_limited: Span::ZERO,
            delayed_ack_stalled: Span::ZERO,
            delayed_ack_stalls: 0,
            urgent_packets: 0,
            triple_duplicate_acks: 0,
            max_sack_blocks: 0,
            most_retransmissions: 0,
            released: None,
        };
        BLANK
    }
}

impl Traffic {
    /// Asks for the memory that data changes.
    #[inline]
    pub(super) fn prefetch(&self) {
        if let Some(data) = self.data.boxed() {
            prefetch(&data.data_packets);
            prefetch(&data.bytes_in_flight);
            prefetch(&data.sender_limited);
            prefetch(&data.small);
            prefetch(&data.full_size_rtt);
        }
    }

    /// Asks for what that memory points to.
    #[inline]
    pub(super) fn prefetch_parts(&self) {
        if let Some(data) = self.data.boxed() {
            data.full_size_rtt.prefetch();
        }
    }

    /// From the first payload to the last.
    pub fn data_span(&self) -> Option<Span> {
        (self.data_packets > 0).then(|| self.last_data.since(self.first_data))
    }

    /// When its last payload came, if there was any.
    #[inline]
    pub fn last_data(&self) -> Option<Timestamp> {
        (self.data_packets > 0).then_some(self.data.last_data)
    }

    /// Counts and times of what happens seldom, to be changed.
    pub(super) fn rare_mut(&mut self) -> &mut RareTraffic {
        &mut self.data.rare
    }

    /// This end sent a segment. `full` is the largest payload that it may send at once; `answers_after` how long
    /// its answers take to pass the capture.
    pub(super) fn on_sent(
        &mut self,
        segment: &Segment<'_>,
        verdict: &Verdict,
        now: Timestamp,
        full: u32,
        answers_after: Span,
    ) {
        let flags = segment.flags;
        let special = flags.any(TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST).with(TcpFlags::URG));
        let ack = u64::from(flags.has(TcpFlags::ACK));
        self.ack_packets += ack;
        if special {
            self.on_special(flags, segment.payload_length);
        } else if segment.payload_length == 0 {
            self.pure_acks += ack;
        }
        if let Some(blocks) = segment.options.sack() {
            let rare = self.rare_mut();
            rare.sack_packets += 1;
            rare.dsack_packets += u64::from(verdict.marks.has(Marks::DSACK));
            rare.max_sack_blocks = rare.max_sack_blocks.max(blocks.as_slice().len() as u8);
        }
        self.end_silence(now);
        if let Some(after) = verdict.retransmission.and_then(|again| again.after) {
            self.rare_mut().retransmitted_after.record(after);
        }
        if segment.payload_length > 0 {
            self.data.on_data(segment, verdict, now, full, answers_after);
        }
    }

    /// The same for a segment with ACK and none of the other flags but PSH, without SACK, that was not sent again.
    #[inline]
    pub(super) fn on_usual(&mut self, segment: &Segment<'_>, now: Timestamp, mss: u32, answers_after: Span) {
        self.ack_packets += 1;
        self.end_silence(now);
        if segment.payload_length == 0 {
            self.pure_acks += 1;
        } else {
            let data = &mut *self.data;
            let full = mss.max(data.segment_size.max);
            data.on_data(segment, &Verdict::default(), now, full, answers_after);
        }
    }

    #[inline]
    fn end_silence(&mut self, now: Timestamp) {
        if self.begun {
            self.longest_silence = self.longest_silence.max(now.since(self.last_packet));
        }
        self.begun = true;
        self.last_packet = now;
    }

    #[cold]
    fn on_special(&mut self, flags: TcpFlags, length: u32) {
        let bare = !flags.any(TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST)) && length == 0;
        self.pure_acks += u64::from(flags.has(TcpFlags::ACK) && bare);
        self.syn_packets += u32::from(flags.has(TcpFlags::SYN));
        self.fin_packets += u32::from(flags.has(TcpFlags::FIN));
        if flags.has(TcpFlags::URG) {
            self.rare_mut().urgent_packets += 1;
        }
    }

    /// The peer acknowledged something of what this end sent. `pure` says that it did nothing else.
    pub(super) fn on_acknowledged(&mut self, segments: u64, pure: bool, now: Timestamp) {
        if let Some(data) = self.data.made() {
            data.on_acknowledged(segments, pure, now);
        } else if segments > 1 {
            self.data.acknowledged_together += segments - 1;
        }
    }

    /// Some time went by, more than none, while this end had so much on its way.
    #[inline]
    pub(super) fn on_time(&mut self, elapsed: Span, held_up: HeldUp) {
        let data = &mut *self.data;
        match held_up {
            HeldUp::Idle => data.sender_limited = data.sender_limited + elapsed,
            HeldUp::ByAcknowledgement => data.busy = data.busy + elapsed,
            HeldUp::ByReceiver => {
                data.busy = data.busy + elapsed;
                data.rare.receiver_limited = data.rare.receiver_limited + elapsed;
            }
            HeldUp::ByNetwork => {
                data.busy = data.busy + elapsed;
                data.rare.network_limited = data.rare.network_limited + elapsed;
            }
        }
    }
}

impl DataTraffic {
    #[inline]
    fn on_data(&mut self, segment: &Segment<'_>, verdict: &Verdict, now: Timestamp, full: u32, answers_after: Span) {
        let length = segment.payload_length;
        let cut = length.saturating_sub(segment.payload.len() as u32);
        if self.data_packets == 0 {
            self.first_data = now;
        }
        self.last_data = now;
        self.data_packets += 1;
        self.pushed_packets += u64::from(segment.flags.has(TcpFlags::PSH));
        self.segment_size.record(u64::from(length));
        if cut > 0 {
            self.rare.cut_packets += 1;
            self.rare.cut_bytes += u64::from(cut);
        }
        if verdict.marks.has(Marks::RETRANSMISSION) {
            return;
        }
        if !self.data_acknowledged {
            self.initial_window_bytes += u64::from(length);
            self.initial_window_packets += 1;
        }
        if let Some(rare) = self.rare.made()
            && let Some((at, waited)) = rare.released.take()
        {
            // It was sent as soon as the acknowledgement came: that is what it had waited for.
            let answer = answers_after.as_nanos().max(0);
            if now.since(at) <= Span::from_nanos(answer + answer / 2 + Span::from_millis(5).as_nanos()) {
                rare.delayed_ack_stalls += 1;
                rare.delayed_ack_stalled = rare.delayed_ack_stalled + waited;
            }
        }
        self.small = length < full;
        self.small_since = now;
    }

    fn on_acknowledged(&mut self, segments: u64, pure: bool, now: Timestamp) {
        self.data_acknowledged |= self.data_packets > 0;
        self.acknowledged_together += segments.saturating_sub(1);
        if let Some(rare) = self.rare.made() {
            rare.released = None;
        }
        if std::mem::take(&mut self.small) {
            let waited = now.since(self.small_since);
            if pure && waited >= DELAYED && waited <= DELAYED_AT_MOST {
                self.rare.released = Some((now, waited));
            }
        }
    }
}

/// What a direction waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldUp {
    /// Nothing is on its way.
    Idle,
    /// Something is on its way, and the window allows more.
    ByAcknowledgement,
    /// The window allows no further segment.
    ByReceiver,
    /// A loss is being repaired.
    ByNetwork,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    fn data(length: u32) -> Segment<'static> {
        Segment {
            source: 1,
            destination: 2,
            seq: crate::wire::SeqNum(0),
            ack: crate::wire::SeqNum(0),
            flags: TcpFlags::ACK,
            window: 1,
            urgent: 0,
            checksum_field: 0,
            checksum: crate::wire::Checksum::Good,
            header_length: 20,
            options: crate::wire::TcpOptions(&[]),
            payload: &[],
            payload_length: length,
        }
    }

    #[test]
    fn a_small_segment_that_waits_for_a_delayed_acknowledgement_is_a_stall() {
        let mut traffic = Traffic::default();
        let sent = |traffic: &mut Traffic, millis| {
            traffic.on_sent(&data(10), &Verdict::default(), at(millis), 1460, Span::from_millis(1));
        };
        sent(&mut traffic, 0);
        traffic.on_acknowledged(1, true, at(40));
        sent(&mut traffic, 41);
        traffic.on_acknowledged(1, true, at(45));
        sent(&mut traffic, 46);
        assert_eq!((traffic.delayed_ack_stalls, traffic.delayed_ack_stalled), (1, Span::from_millis(40)));
        traffic.on_acknowledged(1, true, at(90));
        sent(&mut traffic, 900);
        assert_eq!(traffic.delayed_ack_stalls, 1, "it was not the acknowledgement that was waited for");
    }

    #[test]
    fn the_initial_window_ends_with_the_first_acknowledgement() {
        let mut traffic = Traffic::default();
        for millis in 0..3 {
            traffic.on_sent(&data(100), &Verdict::default(), at(millis), 1460, Span::ZERO);
        }
        traffic.on_acknowledged(3, true, at(10));
        traffic.on_sent(&data(100), &Verdict::default(), at(11), 1460, Span::ZERO);
        assert_eq!((traffic.initial_window_packets, traffic.initial_window_bytes), (3, 300));
        assert_eq!(traffic.acknowledged_together, 2);
        assert_eq!(traffic.data_span(), Some(Span::from_millis(11)));
    }

    #[test]
    fn time_is_put_down_to_what_held_the_sender_up() {
        let mut traffic = Traffic::default();
        traffic.on_time(Span::from_millis(5), HeldUp::Idle);
        traffic.on_time(Span::from_millis(3), HeldUp::ByReceiver);
        traffic.on_time(Span::from_millis(2), HeldUp::ByNetwork);
        assert_eq!(traffic.busy, Span::from_millis(5));
        assert_eq!(traffic.receiver_limited, Span::from_millis(3));
        assert_eq!(traffic.sender_limited, Span::from_millis(5));
    }
}
