//! Numbers that are gathered over the life of a flow: distributions and counters of one direction.

use super::traffic::Traffic;
use crate::time::{Span, Timestamp};

/// A distribution of durations in constant memory: exact count, minimum, mean and maximum, and
/// percentiles that are right to within 1/64 of their value.
#[derive(Debug, Clone, Default)]
pub struct Durations {
    count: u64,
    sum: i128,
    /// Sum of the squares in square microseconds, for the standard deviation.
    squares: f64,
    min: i64,
    max: i64,
    /// `(bucket, count)`, sorted by bucket. The buckets grow with the value (64 for each doubling), so
    /// a flow's durations fall into a few dozen of them.
    buckets: Vec<(u16, u32)>,
}

/// Buckets for each doubling of the value, as a power of two.
const PRECISION_BITS: u32 = 6;

impl Durations {
    /// Notes a duration; a negative one (the capture's clock went back) is left out.
    pub fn record(&mut self, span: Span) {
        let nanos = span.as_nanos();
        if nanos < 0 {
            return;
        }
        self.min = if self.count == 0 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        self.sum += i128::from(nanos);
        self.squares += (nanos as f64 / 1e3).powi(2);
        self.count += 1;
        let bucket = bucket_of(nanos as u64);
        match self.buckets.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(1),
            Err(at) => self.buckets.insert(at, (bucket, 1)),
        }
    }

    /// Notes all that were noted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.squares += other.squares;
        self.count += other.count;
        for &(bucket, count) in &other.buckets {
            match self.buckets.binary_search_by_key(&bucket, |entry| entry.0) {
                Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(count),
                Err(at) => self.buckets.insert(at, (bucket, count)),
            }
        }
    }

    /// How many were noted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The least.
    pub fn min(&self) -> Option<Span> {
        (self.count > 0).then(|| Span::from_nanos(self.min))
    }

    /// The greatest.
    pub fn max(&self) -> Option<Span> {
        (self.count > 0).then(|| Span::from_nanos(self.max))
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> Option<Span> {
        (self.count > 0).then(|| Span::from_nanos((self.sum / i128::from(self.count)) as i64))
    }

    /// The standard deviation (of all that were noted, not of a sample).
    pub fn deviation(&self) -> Option<Span> {
        if self.count == 0 {
            return None;
        }
        let mean = self.sum as f64 / 1e3 / self.count as f64;
        let variance = (self.squares / self.count as f64 - mean * mean).max(0.0);
        Some(Span::from_nanos((variance.sqrt() * 1e3) as i64))
    }

    /// The duration that `percent` of all do not exceed (nearest rank).
    pub fn percentile(&self, percent: u32) -> Option<Span> {
        if self.count == 0 {
            return None;
        }
        let rank = (self.count * u64::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0;
        for &(bucket, count) in &self.buckets {
            seen += u64::from(count);
            if seen >= rank {
                return Some(Span::from_nanos((bucket_middle(bucket) as i64).clamp(self.min, self.max)));
            }
        }
        self.max()
    }
}

fn bucket_of(value: u64) -> u16 {
    let magnitude = 64 - value.leading_zeros();
    if magnitude <= PRECISION_BITS {
        return value as u16;
    }
    let shift = magnitude - PRECISION_BITS - 1;
    // The leading bit is known from the shift, so that the rest numbers the bucket within its doubling.
    let within = (value >> shift) & ((1 << PRECISION_BITS) - 1);
    (((shift + 1) << PRECISION_BITS) as u64 + within) as u16
}

fn bucket_middle(bucket: u16) -> u64 {
    let (octave, within) = (u32::from(bucket) >> PRECISION_BITS, u64::from(bucket) & ((1 << PRECISION_BITS) - 1));
    if octave == 0 {
        return within;
    }
    let shift = octave - 1;
    (((1 << PRECISION_BITS) + within) << shift) + ((1u64 << shift) >> 1)
}

/// Minimum, mean and maximum of a quantity, with a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// How many values.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    sum: u128,
}

impl Range {
    /// Notes a value.
    pub fn record(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.sum += u128::from(value);
        self.count += 1;
    }

    /// The arithmetic mean, 0 where nothing was noted.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }
}

/// What was counted in one direction of a flow. The names are those of the output.
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
    /// RST segments.
    pub resets: u32,
    /// Segments whose TCP checksum is wrong; they count as not arrived.
    pub bad_checksums: u32,
    /// Segments that lie outside of what the peer could accept; they move nothing.
    pub out_of_window: u32,
    /// Advertised windows, scaled where the scale is known, without those of SYN and RST.
    pub window: Range,
    /// Bytes sent and not yet acknowledged, after each segment with data.
    pub bytes_in_flight: Range,
    /// Times from a segment to its acknowledgement, without those sent more than once (Karn).
    pub rtt: Durations,
    /// Further numbers of the direction.
    pub traffic: Traffic,
    /// When the window was first advertised as zero, while it is.
    pub(super) zero_since: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_sixty_fourth() {
        let mut durations = Durations::default();
        for micros in 1..=1000 {
            durations.record(Span::from_nanos(micros * 1000));
        }
        assert_eq!(durations.count(), 1000);
        assert_eq!(durations.min(), Some(Span::from_nanos(1000)));
        assert_eq!(durations.max(), Some(Span::from_nanos(1_000_000)));
        assert_eq!(durations.mean(), Some(Span::from_nanos(500_500)));
        assert_eq!(durations.deviation().map(|span| span.as_nanos() / 100), Some(2886));
        for (percent, want) in [(1, 10_000), (50, 500_000), (99, 990_000), (100, 1_000_000)] {
            let got = durations.percentile(percent).expect("not empty").as_nanos();
            assert!((got - want).abs() * 64 <= want, "p{percent}: {got} against {want}");
        }
    }

    #[test]
    fn merged_is_as_noted_together() {
        let of = |micros: &mut dyn Iterator<Item = i64>| {
            let mut durations = Durations::default();
            micros.for_each(|micros| durations.record(Span::from_nanos(micros * 1000)));
            durations
        };
        let mut merged = of(&mut (1..300));
        merged.merge(&of(&mut (300..=1000)));
        merged.merge(&Durations::default());
        let together = of(&mut (1..=1000));
        assert_eq!(merged.buckets, together.buckets);
        assert_eq!((merged.min(), merged.max(), merged.mean()), (together.min(), together.max(), together.mean()));
        let mut fresh = Durations::default();
        fresh.merge(&merged);
        assert_eq!((fresh.min(), fresh.deviation()), (merged.min(), merged.deviation()));
    }

    #[test]
    fn buckets_cover_every_value_and_keep_their_order() {
        let mut last = 0;
        for shift in 0..63 {
            for value in [1u64 << shift, (1 << shift) + (1 << shift) / 3] {
                let bucket = bucket_of(value);
                assert!(bucket >= last, "{value}");
                last = bucket;
                let middle = bucket_middle(bucket);
                assert!(middle.abs_diff(value) * 64 <= value.max(64), "{value} in the bucket around {middle}");
            }
        }
    }

    #[test]
    fn one_value_is_its_own_percentile() {
        let mut durations = Durations::default();
        durations.record(Span::from_nanos(123_456_789));
        assert_eq!(durations.percentile(50), Some(Span::from_nanos(123_456_789)));
        assert_eq!(Durations::default().percentile(50), None);
    }
}
