//! The traffic of one direction in numbers, as tcptrace tells them, and who held it up: the sender, the receiver
//! or the network.

use super::metrics::{Durations, Range};
use super::verdict::{Marks, Verdict};
use crate::time::{Span, Timestamp};
use crate::wire::{Segment, TcpFlags};

/// How long an acknowledgement is held back at least to count as a delayed one. Stacks delay by 40 ms (Linux),
/// up to 200 ms (others), and at most half a second (RFC 9293, 3.8.6.3).
const DELAYED: Span = Span::from_millis(30);
const DELAYED_AT_MOST: Span = Span::from_millis(500);

/// Counts and times of one direction, beyond [`super::Counters`].
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Segments with ACK.
    pub ack_packets: u64,
    /// Segments with ACK that carry nothing else: no payload, SYN, FIN or RST.
    pub pure_acks: u64,
    /// Segments with SACK blocks.
    pub sack_packets: u64,
    /// Segments whose SACK option reports data received twice.
    pub dsack_packets: u64,
    /// The most SACK blocks of one segment.
    pub max_sack_blocks: u8,
    /// Segments with payload.
    pub data_packets: u64,
    /// Segments with payload and PSH.
    pub pushed_packets: u64,
    /// Segments with SYN.
    pub syn_packets: u32,
    /// Segments with FIN.
    pub fin_packets: u32,
    /// Segments with URG.
    pub urgent_packets: u32,
    /// Payload sizes of the segments that have one.
    pub segment_size: Range,
    /// Payload bytes sent before the first was acknowledged.
    pub initial_window_bytes: u64,
    /// Segments with payload sent before the first was acknowledged.
    pub initial_window_packets: u32,
    /// Segments of which the snap length cut payload.
    pub cut_packets: u64,
    /// Payload bytes that it cut.
    pub cut_bytes: u64,
    /// The longest time between two segments.
    pub longest_silence: Span,
    /// Times from a segment to its repetition.
    pub retransmitted_after: Durations,
    /// How often the segment was sent again that was sent again most.
    pub most_retransmissions: u8,
    /// Times that three duplicate acknowledgements in a row came for what this end sent.
    pub triple_duplicate_acks: u32,
    /// Segments acknowledged together with a later one.
    pub acknowledged_together: u64,
    /// Acknowledgements of segments that were sent more than once, so that they measure no round trip.
    pub ambiguous_acks: u64,
    /// Round trips of segments of the largest size.
    pub full_size_rtt: Durations,
    /// How long something was on its way and not acknowledged.
    pub busy: Span,
    /// Of that: while the receiver's window allowed no further segment.
    pub receiver_limited: Span,
    /// Of that: while a loss was being repaired.
    pub network_limited: Span,
    /// How long nothing was on its way, so that the sender had nothing to send.
    pub sender_limited: Span,
    /// Times that a small segment waited for a delayed acknowledgement of the one before (Nagle's algorithm).
    pub delayed_ack_stalls: u32,
    /// How long it waited, in all.
    pub delayed_ack_stalled: Span,
    first_data: Option<Timestamp>,
    last_data: Option<Timestamp>,
    last_packet: Option<Timestamp>,
    data_acknowledged: bool,
    /// When the last small segment was sent that has not been acknowledged.
    small_since: Option<Timestamp>,
    /// When a delayed acknowledgement came, and how long it had been waited for.
    released: Option<(Timestamp, Span)>,
}

impl Traffic {
    /// From the first payload to the last.
    pub fn data_span(&self) -> Option<Span> {
        self.first_data.zip(self.last_data).map(|(first, last)| last.since(first))
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
        let bare = !flags.any(TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST)) && segment.payload_length == 0;
        self.ack_packets += u64::from(flags.has(TcpFlags::ACK));
        self.pure_acks += u64::from(flags.has(TcpFlags::ACK) && bare);
        self.syn_packets += u32::from(flags.has(TcpFlags::SYN));
        self.fin_packets += u32::from(flags.has(TcpFlags::FIN));
        self.urgent_packets += u32::from(flags.has(TcpFlags::URG));
        if let Some(blocks) = segment.options.sack() {
            self.sack_packets += 1;
            self.dsack_packets += u64::from(verdict.marks.has(Marks::DSACK));
            self.max_sack_blocks = self.max_sack_blocks.max(blocks.as_slice().len() as u8);
        }
        if let Some(last) = self.last_packet.replace(now) {
            self.longest_silence = self.longest_silence.max(now.since(last));
        }
        if let Some(after) = verdict.retransmission.and_then(|again| again.after) {
            self.retransmitted_after.record(after);
        }
        if segment.payload_length > 0 {
            self.on_data(segment, verdict, now, full, answers_after);
        }
    }

    fn on_data(&mut self, segment: &Segment<'_>, verdict: &Verdict, now: Timestamp, full: u32, answers_after: Span) {
        let length = segment.payload_length;
        let cut = length.saturating_sub(segment.payload.len() as u32);
        self.data_packets += 1;
        self.pushed_packets += u64::from(segment.flags.has(TcpFlags::PSH));
        self.segment_size.record(u64::from(length));
        self.cut_packets += u64::from(cut > 0);
        self.cut_bytes += u64::from(cut);
        self.first_data.get_or_insert(now);
        self.last_data = Some(now);
        if verdict.marks.has(Marks::RETRANSMISSION) {
            return;
        }
        if !self.data_acknowledged {
            self.initial_window_bytes += u64::from(length);
            self.initial_window_packets += 1;
        }
        if let Some((at, waited)) = self.released.take() {
            // It was sent as soon as the acknowledgement came: that is what it had waited for.
            let answer = answers_after.as_nanos().max(0);
            if now.since(at) <= Span::from_nanos(answer + answer / 2 + Span::from_millis(5).as_nanos()) {
                self.delayed_ack_stalls += 1;
                self.delayed_ack_stalled = self.delayed_ack_stalled + waited;
            }
        }
        self.small_since = (length < full).then_some(now);
    }

    /// The peer acknowledged something of what this end sent. `pure` says that it did nothing else.
    pub(super) fn on_acknowledged(&mut self, segments: u64, pure: bool, now: Timestamp) {
        self.data_acknowledged |= self.data_packets > 0;
        self.acknowledged_together += segments.saturating_sub(1);
        self.released = None;
        if let Some(since) = self.small_since.take() {
            let waited = now.since(since);
            if pure && waited >= DELAYED && waited <= DELAYED_AT_MOST {
                self.released = Some((now, waited));
            }
        }
    }

    /// Some time went by while this end had so much on its way.
    pub(super) fn on_time(&mut self, elapsed: Span, held_up: HeldUp) {
        if elapsed <= Span::ZERO {
            return;
        }
        match held_up {
            HeldUp::Idle => self.sender_limited = self.sender_limited + elapsed,
            HeldUp::ByAcknowledgement => self.busy = self.busy + elapsed,
            HeldUp::ByReceiver => {
                self.busy = self.busy + elapsed;
                self.receiver_limited = self.receiver_limited + elapsed;
            }
            HeldUp::ByNetwork => {
                self.busy = self.busy + elapsed;
                self.network_limited = self.network_limited + elapsed;
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
        traffic.on_time(Span::from_millis(-2), HeldUp::ByNetwork);
        assert_eq!(traffic.busy, Span::from_millis(5));
        assert_eq!(traffic.receiver_limited, Span::from_millis(3));
        assert_eq!(traffic.sender_limited, Span::from_millis(5));
    }
}
