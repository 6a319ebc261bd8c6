//! Numbers that are gathered over the life of a flow: ranges and counters of one direction.

use super::durations::Durations;
use super::traffic::Traffic;
use crate::rare::{Blank, Rare};
use crate::time::{Span, Timestamp};

/// Minimum, mean and maximum of a quantity, with a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// How many values.
    pub count: u64,
    sum: u64,
    /// The least.
    pub min: u32,
    /// The greatest.
    pub max: u32,
}

impl Range {
    /// Of no values.
    pub(super) const NOTHING: Self = Self { count: 0, sum: 0, min: 0, max: 0 };

    /// Notes a value. What is noted are lengths and windows, which stay below 2^32, so that their sum can't run over.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let short = u32::try_from(value).unwrap_or(u32::MAX);
        self.min = if self.count == 0 { short } else { self.min.min(short) };
        self.max = self.max.max(short);
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    /// The arithmetic mean, 0 where nothing was noted.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }
}

/// What was counted in one direction of a flow. The names are those of the output.
///
/// What most directions never count stands in [`RareCounters`], and is read as if it stood here.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Frames.
    pub packets: u64,
    /// Bytes of the frames on the wire.
    pub bytes: u64,
    /// Payload bytes, repetitions included.
    pub payload_bytes: u64,
    /// Distinct payload bytes.
    pub unique_bytes: u64,
    /// Advertised windows, scaled where the scale is known, without those of SYN and RST.
    pub window: Range,
    /// Times from a segment to its acknowledgement, without those sent more than once (Karn).
    pub rtt: Durations,
    /// Further numbers of the direction.
    pub traffic: Traffic,
    /// RST segments.
    pub resets: u32,
    pub(super) rare: Rare<RareCounters>,
}

impl std::ops::Deref for Counters {
    type Target = RareCounters;

    fn deref(&self) -> &RareCounters {
        &self.rare
    }
}

/// Counts of what goes wrong, or happens seldom; part of [`Counters`].
#[derive(Debug, Clone, Default)]
pub struct RareCounters {
    /// Segments that the sender sent again, of any kind below.
    pub retransmissions: u32,
    /// Payload bytes in them that had been sent before.
    pub retransmitted_bytes: u64,
    /// Of those: sent again because later data was acknowledged selectively, or by duplicate ACKs.
    pub fast_retransmissions: u32,
    /// Of those: sent again because a timer ran out.
    pub timeout_retransmissions: u32,
    /// Of those: the tail of a flight sent again as a probe, sooner than the time-out (RFC 8985).
    pub tail_loss_probes: u32,
    /// Of those: sent again in smaller packets, because a router said that they were too big.
    pub path_mtu_retransmissions: u32,
    /// Of these: data of a SYN, which the peer took without it.
    pub fast_open_retransmissions: u32,
    /// Of those: SYN or SYN-ACK sent again.
    pub handshake_retransmissions: u32,
    /// Of those: sent again although the capture shows that it had been acknowledged before.
    pub spurious_retransmissions: u32,
    /// Segments that fill a hole and were sent again, by their IP identification or timestamp, though
    /// the capture never saw the first copy. Not counted in `retransmissions`.
    pub retransmissions_of_unseen: u32,
    /// Segments that were sent earlier than they were captured, by sequence.
    pub out_of_order: u32,
    /// Copies that the network (or a mirror port) made.
    pub duplicated_by_network: u32,
    /// Times that a segment began beyond the end of the last one.
    pub lost_segments: u32,
    /// Times that data was acknowledged that the capture has not.
    pub acks_of_unseen: u32,
    /// Acknowledgements that repeat the last one and carry nothing new.
    pub duplicate_acks: u32,
    /// Keep-alive probes.
    pub keep_alives: u32,
    /// Answers to keep-alive probes.
    pub keep_alive_acks: u32,
    /// Segments that advertise no window.
    pub zero_windows: u32,
    /// For how long no window was advertised, in all.
    pub zero_window: Span,
    /// For how long at once no window was advertised, at most, of the times that are over.
    pub longest_zero_window: Span,
    /// Probes sent while the peer advertised no window.
    pub window_probes: u32,
    /// Segments that only tell a larger window.
    pub window_updates: u32,
    /// Segments that fill the peer's window to its end.
    pub window_full: u32,
    /// Segments whose TCP checksum is wrong; they count as not arrived.
    pub bad_checksums: u32,
    /// Segments that lie outside of what the peer could accept; they move nothing.
    pub out_of_window: u32,
    /// When the window was first advertised as zero, while it is.
    pub(super) zero_since: Option<Timestamp>,
}

impl Blank for RareCounters {
    fn blank() -> &'static Self {
        const BLANK: &RareCounters = &RareCounters {
            retransmissions: 0,
            retransmitted_bytes: 0,
            fast_retransmissions: 0,
            timeout_retransmissions: 0,
            tail_loss_probes: 0,
            path_mtu_retransmissions: 0,
            fast_open_retransmissions: 0,
            handshake_retransmissions: 0,
            spurious_retransmissions: 0,
            retransmissions_of_unseen: 0,
            out_of_order: 0,
            duplicated_by_network: 0,
            lost_segments: 0,
            acks_of_unseen: 0,
            duplicate_acks: 0,
            keep_alives: 0,
            keep_alive_acks: 0,
            zero_windows: 0,
            zero_window: Span::ZERO,
            longest_zero_window: Span::ZERO,
            window_probes: 0,
            window_updates: 0,
            window_full: 0,
            bad_checksums: 0,
            out_of_window: 0,
            zero_since: None,
        };
        BLANK
    }
}
