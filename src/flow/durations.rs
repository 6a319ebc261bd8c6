//! Durations that are gathered over the life of a flow or a session, as a distribution.

use std::borrow::Cow;

use crate::prefetch::prefetch;
use crate::time::Span;

/// A distribution of durations in constant memory: exact count, minimum, mean and maximum, and
/// percentiles that are right to within 1/64 of their value; to within 1/32, 1/16 … where the values are so different
/// that they would fall into more than 256 buckets.
#[derive(Debug, Clone, Default)]
pub struct Durations(Noted);

/// Many flows measure one duration or none, for which nothing needs to be allocated, and most others a few.
#[derive(Debug, Clone, Default)]
enum Noted {
    #[default]
    Nothing,
    One(i64),
    /// The first so many of them.
    Few(u8, Box<[i64; FEW]>),
    Many(Box<Many>),
}

/// So many durations are kept as they are: they take less than what counts them.
const FEW: usize = 7;

#[derive(Debug, Clone)]
struct Many {
    count: u64,
    /// The sum, and how often it ran over.
    sum: (u64, u64),
    /// Sum of the squares in square microseconds, for the standard deviation.
    squares: f64,
    min: i64,
    max: i64,
    /// The number of a bucket in the upper bits and a count in the lower ones, sorted. The buckets grow with the
    /// value (64 for each doubling), so a flow's durations fall into a few dozen of them. Where a count is full,
    /// another of the same bucket goes before it.
    buckets: Vec<u32>,
    /// The buckets of the last durations, which are not among those yet: most need not go there for a while.
    fresh: [u16; FRESH],
    fresh_count: u8,
    /// So many bits of a bucket's number are left out.
    coarse: u8,
}

/// The most buckets; with more, each two become one.
const BUCKETS: usize = 256;

/// How many durations are put into their buckets together.
const FRESH: usize = 20;

/// Buckets for each doubling of the value, as a power of two.
const PRECISION_BITS: u32 = 6;

/// The bits of a count; the number of a bucket is less than 64 * 64, and takes the others.
const COUNT_BITS: u32 = 20;
const FULL: u32 = (1 << COUNT_BITS) - 1;

impl Many {
    fn one(nanos: i64) -> Self {
        let bucket = u32::from(bucket_of(nanos as u64)) << COUNT_BITS;
        let squares = square(nanos);
        Self {
            count: 1,
            sum: (nanos as u64, 0),
            squares,
            min: nanos,
            max: nanos,
            buckets: vec![bucket | 1],
            fresh: [0; FRESH],
            fresh_count: 0,
            coarse: 0,
        }
    }

    /// Of some, in the order in which they were noted.
    fn of(noted: &[i64]) -> Self {
        let (first, others) = noted.split_first().unwrap_or((&0, &[]));
        let mut many = Self::one(*first);
        for nanos in others {
            many.record(*nanos);
        }
        many
    }

    fn record(&mut self, nanos: i64) {
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.add(nanos as u64, 0);
        self.squares += square(nanos);
        self.count += 1;
        if usize::from(self.fresh_count) == FRESH {
            self.sort_in();
        }
        self.fresh[usize::from(self.fresh_count)] = bucket_of(nanos as u64);
        self.fresh_count += 1;
    }

    /// Puts the last durations into their buckets.
    #[cold]
    fn sort_in(&mut self) {
        for at in 0..std::mem::take(&mut self.fresh_count) {
            self.count_in(u32::from(self.fresh[usize::from(at)]) >> self.coarse, 1);
        }
        while self.buckets.len() > BUCKETS && u32::from(self.coarse) < PRECISION_BITS {
            self.coarsen();
        }
    }

    /// Makes one bucket of each two.
    fn coarsen(&mut self) {
        self.coarse += 1;
        for entry in std::mem::take(&mut self.buckets) {
            self.count_in(entry >> COUNT_BITS >> 1, entry & FULL);
        }
    }

    /// The duration in the middle of a bucket.
    fn middle_of(&self, bucket: u32) -> i64 {
        let (first, last) = (bucket << self.coarse, ((bucket + 1) << self.coarse) - 1);
        u64::midpoint(bucket_middle(first as u16), bucket_middle(last as u16)) as i64
    }

    /// All buckets with their counts.
    fn sorted(&self) -> Self {
        let mut all = self.clone();
        all.sort_in();
        all
    }

    /// Adds to the sum.
    const fn add(&mut self, low: u64, high: u64) {
        let (sum, over) = self.sum.0.overflowing_add(low);
        self.sum = (sum, self.sum.1.wrapping_add(high).wrapping_add(over as u64));
    }

    fn count_in(&mut self, bucket: u32, count: u32) {
        let key = bucket << COUNT_BITS;
        let at = self.buckets.partition_point(|entry| *entry < key);
        match self.buckets.get_mut(at) {
            Some(entry) if *entry >> COUNT_BITS == bucket && (*entry & FULL) + count <= FULL => *entry += count,
            _ => self.buckets.insert(at, key | count),
        }
    }

    fn sum(&self) -> i128 {
        ((u128::from(self.sum.1) << 64) | u128::from(self.sum.0)) as i128
    }
}

/// In square microseconds.
fn square(nanos: i64) -> f64 {
    (nanos as f64 / 1e3).powi(2)
}

impl Durations {
    /// Asks for the memory that the next duration changes.
    #[inline]
    pub(super) fn prefetch(&self) {
        match &self.0 {
            Noted::Nothing | Noted::One(_) => {}
            Noted::Few(_, noted) => prefetch(noted),
            Noted::Many(many) => {
                prefetch(&many.count);
                prefetch(&many.fresh_count);
            }
        }
    }

    /// None yet.
    pub const fn new() -> Self {
        Self(Noted::Nothing)
    }

    /// Notes a duration; a negative one (the capture's clock went back) is left out.
    pub fn record(&mut self, span: Span) {
        let nanos = span.as_nanos();
        if nanos < 0 {
            return;
        }
        match &mut self.0 {
            Noted::Many(many) => many.record(nanos),
            Noted::Nothing => self.0 = Noted::One(nanos),
            Noted::One(first) => {
                let mut few = Box::new([0; FEW]);
                [few[0], few[1]] = [*first, nanos];
                self.0 = Noted::Few(2, few);
            }
            Noted::Few(count, few) => {
                if let Some(place) = few.get_mut(usize::from(*count)) {
                    *place = nanos;
                    *count += 1;
                } else {
                    let mut many = Box::new(Many::of(few.as_slice()));
                    many.record(nanos);
                    self.0 = Noted::Many(many);
                }
            }
        }
    }

    /// Notes all that were noted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Noted::Nothing) => {}
            (Noted::Nothing, noted) => self.0 = noted.clone(),
            (_, Noted::One(nanos)) => self.record(Span::from_nanos(*nanos)),
            (_, Noted::Few(..) | Noted::Many(_)) => {
                let mut many = match std::mem::take(&mut self.0) {
                    Noted::Many(many) => many,
                    noted => Box::new(Self(noted).counted().into_owned()),
                };
                many.merge(&other.counted());
                self.0 = Noted::Many(many);
            }
        }
    }

    /// Those that are kept as they are.
    fn kept(&self) -> &[i64] {
        match &self.0 {
            Noted::Nothing | Noted::Many(_) => &[],
            Noted::One(nanos) => std::slice::from_ref(nanos),
            Noted::Few(count, noted) => noted.get(..usize::from(*count)).unwrap_or_default(),
        }
    }

    /// What counts them, of at least one.
    fn counted(&self) -> Cow<'_, Many> {
        match &self.0 {
            Noted::Many(many) => Cow::Borrowed(many),
            Noted::Nothing | Noted::One(_) | Noted::Few(..) => Cow::Owned(Many::of(self.kept())),
        }
    }

    /// How many were noted.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Noted::Many(many) => many.count,
            Noted::Nothing | Noted::One(_) | Noted::Few(..) => self.kept().len() as u64,
        }
    }

    /// The least.
    pub fn min(&self) -> Option<Span> {
        match &self.0 {
            Noted::Many(many) => Some(Span::from_nanos(many.min)),
            Noted::Nothing | Noted::One(_) | Noted::Few(..) => self.kept().iter().min().copied().map(Span::from_nanos),
        }
    }

    /// The greatest.
    pub fn max(&self) -> Option<Span> {
        match &self.0 {
            Noted::Many(many) => Some(Span::from_nanos(many.max)),
            Noted::Nothing | Noted::One(_) | Noted::Few(..) => self.kept().iter().max().copied().map(Span::from_nanos),
        }
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> Option<Span> {
        let many = match &self.0 {
            Noted::Nothing => return None,
            Noted::One(_) | Noted::Few(..) | Noted::Many(_) => self.counted(),
        };
        Some(Span::from_nanos((many.sum() / i128::from(many.count)) as i64))
    }

    /// The standard deviation (of all that were noted, not of a sample).
    pub fn deviation(&self) -> Option<Span> {
        let many = match &self.0 {
            Noted::Nothing => return None,
            Noted::One(_) => return Some(Span::ZERO),
            Noted::Few(..) | Noted::Many(_) => self.counted(),
        };
        let mean = many.sum() as f64 / 1e3 / many.count as f64;
        let variance = (many.squares / many.count as f64 - mean * mean).max(0.0);
        Some(Span::from_nanos((variance.sqrt() * 1e3) as i64))
    }

    /// The duration that `percent` of all do not exceed (nearest rank).
    pub fn percentile(&self, percent: u32) -> Option<Span> {
        let many = match &self.0 {
            Noted::Nothing => return None,
            Noted::One(nanos) => return Some(Span::from_nanos(*nanos)),
            Noted::Few(..) | Noted::Many(_) => self.counted(),
        };
        let rank = (many.count * u64::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0;
        let many = many.sorted();
        for entry in &many.buckets {
            seen += u64::from(entry & FULL);
            if seen >= rank {
                let middle = many.middle_of(entry >> COUNT_BITS);
                return Some(Span::from_nanos(middle.clamp(many.min, many.max)));
            }
        }
        self.max()
    }
}

impl Many {
    fn merge(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.add(other.sum.0, other.sum.1);
        self.squares += other.squares;
        self.count += other.count;
        let other = other.sorted();
        while self.coarse < other.coarse {
            self.coarsen();
        }
        for entry in other.buckets {
            self.count_in(entry >> COUNT_BITS >> (self.coarse - other.coarse), entry & FULL);
        }
        self.sort_in();
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
    fn values_of_all_sizes_fall_into_few_buckets_and_percentiles_get_coarser() {
        let mut durations = Durations::default();
        for number in 0..40_000 {
            durations.record(Span::from_nanos(1000 + number * number * 37));
        }
        let Noted::Many(many) = &durations.0 else { panic!("many were noted") };
        assert!(many.buckets.len() <= BUCKETS && many.coarse > 0, "{} of {}", many.buckets.len(), many.coarse);
        for percent in [1, 25, 50, 75, 99] {
            let want = 1000 + (400 * i64::from(percent)).pow(2) * 37;
            let got = durations.percentile(percent).expect("not empty").as_nanos();
            assert!((got - want).abs() * 16 <= want, "p{percent}: {got} against {want}");
        }
        let mut merged = Durations::default();
        merged.record(Span::from_nanos(5));
        merged.record(Span::from_nanos(6));
        merged.merge(&durations);
        assert_eq!((merged.count(), merged.percentile(50)), (40_002, durations.percentile(50)));
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
        let buckets = |durations: &Durations| match &durations.0 {
            Noted::Many(many) => many.sorted().buckets,
            Noted::Nothing | Noted::One(_) | Noted::Few(..) => Vec::new(),
        };
        assert_eq!(buckets(&merged), buckets(&together));
        assert!(buckets(&merged).len() > 100);
        assert_eq!((merged.min(), merged.max(), merged.mean()), (together.min(), together.max(), together.mean()));
        let mut fresh = Durations::default();
        fresh.merge(&merged);
        let mut first = of(&mut (1..2));
        first.merge(&of(&mut (2..300)));
        first.merge(&of(&mut (300..=1000)));
        assert_eq!((buckets(&first), first.count()), (buckets(&together), 1000));
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
    fn a_full_bucket_goes_on_in_another() {
        let mut durations = Durations::default();
        for _ in 0..FULL + 10 {
            durations.record(Span::from_nanos(1000));
        }
        for _ in 0..5 {
            durations.record(Span::from_nanos(500));
        }
        let Noted::Many(many) = &durations.0 else { panic!("many were noted") };
        assert_eq!(many.sorted().buckets.len(), 3);
        assert_eq!(many.sorted().buckets.iter().map(|entry| u64::from(entry & FULL)).sum::<u64>(), durations.count());
        assert_eq!(durations.percentile(50), Some(Span::from_nanos(1000)));
        assert!(durations.percentile(0).is_some_and(|least| least < Span::from_nanos(600)));
    }

    #[test]
    fn sums_may_run_over_a_word() {
        let mut durations = Durations::default();
        for _ in 0..4 {
            durations.record(Span::from_nanos(i64::MAX));
        }
        assert_eq!(durations.mean(), Some(Span::from_nanos(i64::MAX)));
    }

    #[test]
    fn few_say_what_the_same_durations_say_where_they_are_counted() {
        let mut durations = Durations::default();
        for (number, micros) in (1..).zip([700, 3, 90_000, 41, 41, 1_000_000, 0, 17, 5]) {
            durations.record(Span::from_nanos(micros * 1001));
            assert_eq!(matches!(durations.0, Noted::Many(_)), number > FEW);
            let counted = Durations(Noted::Many(Box::new(durations.counted().into_owned())));
            let told = |of: &Durations| {
                let ends = [of.min(), of.max(), of.mean(), of.deviation()];
                (of.count(), ends, [0, 1, 50, 99, 100].map(|percent| of.percentile(percent)))
            };
            assert_eq!(durations.count(), number as u64);
            if number > 1 {
                assert_eq!(told(&durations), told(&counted));
            }
            let (mut one, mut other) = (durations.clone(), counted.clone());
            one.merge(&durations);
            other.merge(&counted);
            assert_eq!(told(&one), told(&other));
        }
        assert_eq!(size_of::<Durations>(), 16);
    }

    #[test]
    fn one_value_is_its_own_percentile() {
        let mut durations = Durations::default();
        durations.record(Span::from_nanos(123_456_789));
        assert_eq!(durations.percentile(50), Some(Span::from_nanos(123_456_789)));
        assert_eq!(Durations::default().percentile(50), None);
    }
}
