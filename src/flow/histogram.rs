//! Durations counted into a few fixed buckets: what monitoring adds up over machines and over time, which percentiles
//! can't be.

use crate::time::Span;

/// The upper ends of the buckets in nanoseconds: a tenth of a millisecond, as within a rack, up to ten seconds.
const BOUNDS: [i64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// A histogram of durations: its buckets are the same for all, so that histograms can be added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    /// By bucket; the last has what is beyond all bounds.
    counts: [u64; BOUNDS.len() + 1],
    sum_nanos: u128,
}

impl Histogram {
    /// Counts a duration; a negative one (the capture's clock went back) is left out.
    pub fn record(&mut self, span: Span) {
        let nanos = span.as_nanos();
        if nanos < 0 {
            return;
        }
        self.counts[BOUNDS.partition_point(|bound| *bound < nanos)] += 1;
        self.sum_nanos += nanos.unsigned_abs() as u128;
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together, in seconds.
    pub fn sum_s(&self) -> f64 {
        self.sum_nanos as f64 / 1e9
    }

    /// The bounds with the number of durations that do not exceed them; those beyond the last are in [`Self::count`]
    /// alone.
    pub fn cumulative(&self) -> impl Iterator<Item = (Span, u64)> {
        let mut seen = 0;
        BOUNDS.into_iter().zip(self.counts).map(move |(bound, count)| {
            seen += count;
            (Span::from_nanos(bound), seen)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_each_bucket_that_reaches_it() {
        let mut histogram = Histogram::default();
        for nanos in [0, 100_000, 100_001, 10_000_000_000, 10_000_000_001, -1] {
            histogram.record(Span::from_nanos(nanos));
        }
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative[0], (Span::from_nanos(100_000), 2), "a bound belongs to its bucket");
        assert_eq!(cumulative[1].1, 3);
        assert_eq!(cumulative[15], (Span::from_secs(10), 4));
        assert_eq!(histogram.count(), 5, "what went back in time is none");
        assert!((histogram.sum_s() - 20.000_200_002).abs() < 1e-9);
        assert!(cumulative.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
    }
}
