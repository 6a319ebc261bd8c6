//! The values of a plot, gathered in bounded memory: however many come, a few thousand points are kept that
//! still have every peak.

use crate::wire::SeqNum;

/// Points that are kept before they are thinned: ten times the columns of a large drawing.
const LIMIT: usize = 16_384;

/// Spans of time that are left after thinning. Each keeps at most four points.
const BUCKETS: i64 = 2048;

/// A value, or a range of values, at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Nanoseconds since the start of the flow.
    pub(super) at: i64,
    pub(super) low: i64,
    pub(super) high: i64,
}

/// What is kept of points that lie too close together to be drawn apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The range that they cover together.
    Hull,
    /// The first, the least, the greatest and the last of their values.
    Ends,
}

/// Points in order of time.
#[derive(Debug, Clone)]
pub(super) struct Points {
    items: Vec<Point>,
    keep: Keep,
    bucket: i64,
    count: u64,
}

impl Points {
    pub(super) const fn new(keep: Keep) -> Self {
        Self { items: Vec::new(), keep, bucket: 0, count: 0 }
    }

    /// Adds a value.
    pub(super) fn value(&mut self, at: i64, value: i64) {
        self.range(at, value, value);
    }

    /// Adds a range.
    pub(super) fn range(&mut self, at: i64, low: i64, high: i64) {
        self.count += 1;
        self.items.push(Point { at: at.max(0), low, high });
        if self.items.len() < LIMIT {
            return;
        }
        let span = self.items.iter().map(|point| point.at).max().unwrap_or(0);
        self.bucket = self.bucket.max(span / BUCKETS + 1);
        while self.items.len() > LIMIT / 2 {
            self.thin();
            if self.bucket > span {
                // All in one: nothing is left to be thinned.
                break;
            }
            self.bucket = self.bucket.saturating_mul(2);
        }
    }

    fn thin(&mut self) {
        let mut out: Vec<Point> = Vec::with_capacity(self.items.len() / 2);
        for group in self.items.chunk_by(|a, b| a.at / self.bucket == b.at / self.bucket) {
            let low = group.iter().min_by_key(|point| point.low);
            let high = group.iter().max_by_key(|point| point.high);
            let (Some(first), Some(last), Some(low), Some(high)) = (group.first(), group.last(), low, high) else {
                continue;
            };
            match self.keep {
                Keep::Hull => out.push(Point { at: first.at, low: low.low, high: high.high }),
                Keep::Ends => {
                    let (a, b) = if low.at <= high.at { (low, high) } else { (high, low) };
                    for point in [first, a, b, last] {
                        if out.last() != Some(point) {
                            out.push(*point);
                        }
                    }
                }
            }
        }
        self.items = out;
    }

    /// What was kept.
    pub(super) fn items(&self) -> &[Point] {
        &self.items
    }

    /// How many there were.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }
}

/// Amounts over equal slices of time. When there are too many slices, ten become one.
#[derive(Debug, Clone)]
pub(super) struct Slices {
    width: i64,
    amounts: Vec<u64>,
    total: u64,
}

impl Slices {
    const LIMIT: usize = 20_000;

    /// Slices of a microsecond at first.
    pub(super) const fn new() -> Self {
        Self { width: 1_000, amounts: Vec::new(), total: 0 }
    }

    pub(super) fn add(&mut self, at: i64, amount: u64) {
        let at = at.max(0);
        while at / self.width >= Self::LIMIT as i64 {
            self.width *= 10;
            self.amounts = self.amounts.chunks(10).map(|ten| ten.iter().sum()).collect();
        }
        let slice = (at / self.width) as usize;
        if slice >= self.amounts.len() {
            self.amounts.resize(slice + 1, 0);
        }
        self.amounts[slice] += amount;
        self.total += amount;
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Wider slices of a round length, so that about so many cover the whole time: their length and amounts.
    pub(super) fn about(&self, slices: usize, whole: i64) -> (i64, Vec<u64>) {
        let wanted = (whole.max(1) / slices.max(1) as i64).max(1);
        let mut length = self.width;
        for factor in [2, 5, 10].iter().cycle().scan(self.width, |decade, step| {
            let factor = *decade * step;
            if *step == 10 {
                *decade = decade.saturating_mul(10);
            }
            Some(factor)
        }) {
            if length >= wanted || length > i64::MAX / 100 {
                break;
            }
            length = factor;
        }
        let each = (length / self.width) as usize;
        (length, self.amounts.chunks(each.max(1)).map(|some| some.iter().sum()).collect())
    }
}

/// Makes numbers of 32 bits that wrap into ones that do not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unwrap {
    last: Option<(u32, i64)>,
}

impl Unwrap {
    /// The number that is nearest to the one before.
    pub(super) fn next(&mut self, number: u32) -> i64 {
        let value = match self.last {
            Some((last, value)) => value + i64::from(SeqNum(number).distance(SeqNum(last))),
            // The first may lie just below the base.
            None => i64::from(number as i32),
        };
        self.last = Some((number, value));
        value
    }
}

/// Which bytes of a stream were there, so that those that come again are told from new ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Covered {
    end: Option<i64>,
    /// Ranges below the end that are missing, ascending.
    holes: Vec<(i64, i64)>,
}

impl Covered {
    /// Holes that are remembered. More are those of a capture that has lost too much to tell.
    const HOLES: usize = 1024;

    /// Takes in a range and says how many of its bytes are new.
    pub(super) fn add(&mut self, low: i64, high: i64) -> u64 {
        let end = *self.end.get_or_insert(low);
        let mut new = 0;
        if high > end {
            new += high - low.max(end);
            if low > end {
                self.holes.push((end, low));
                if self.holes.len() > Self::HOLES {
                    self.holes.remove(0);
                }
            }
            self.end = Some(high);
        }
        if low >= end {
            return new as u64;
        }
        let mut left = Vec::with_capacity(self.holes.len() + 1);
        for &(from, to) in &self.holes {
            let (a, b) = (from.max(low), to.min(high));
            if a >= b {
                left.push((from, to));
                continue;
            }
            new += b - a;
            left.extend([(from, a), (b, to)].into_iter().filter(|(from, to)| from < to));
        }
        self.holes = left;
        new as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_points_become_a_few_thousand_and_keep_their_peaks() {
        for keep in [Keep::Hull, Keep::Ends] {
            let mut points = Points::new(keep);
            for at in 0..1_000_000i64 {
                let value = if at == 654_321 { 9999 } else { at % 100 };
                points.value(at * 1000, value);
            }
            assert_eq!(points.count(), 1_000_000);
            assert!(points.items().len() < LIMIT, "{keep:?}");
            assert!(points.items().len() > 1000, "{keep:?}");
            assert_eq!(points.items().iter().map(|point| point.high).max(), Some(9999));
            assert!(points.items().is_sorted_by_key(|point| point.at));
        }
    }

    #[test]
    fn a_clock_that_jumps_back_and_forth_does_no_harm() {
        let mut points = Points::new(Keep::Ends);
        for at in 0..100_000i64 {
            points.value(if at % 2 == 0 { at } else { -at }, at);
        }
        assert!(points.items().len() <= LIMIT);
    }

    #[test]
    fn slices_get_wider_and_lose_nothing() {
        let mut slices = Slices::new();
        for at in 0..100_000i64 {
            slices.add(at * 1_000_000, 7);
        }
        let (length, amounts) = slices.about(50, 100_000_000_000);
        assert_eq!(length, 2_000_000_000);
        assert_eq!(amounts.len(), 50);
        assert_eq!(amounts.iter().sum::<u64>(), 700_000);
        assert_eq!(slices.total(), 700_000);
        assert!(amounts.iter().all(|amount| *amount == 14_000), "{amounts:?}");
    }

    #[test]
    fn sequence_numbers_go_on_beyond_their_wrap() {
        let mut unwrap = Unwrap::default();
        assert_eq!(unwrap.next(u32::MAX - 1), -2);
        assert_eq!(unwrap.next(5), 5);
        let mut value = 0;
        for step in 1..=10u32 {
            value = unwrap.next(step.wrapping_mul(1 << 30));
        }
        assert_eq!(value, 10 << 30);
    }

    #[test]
    fn bytes_that_come_again_are_not_new() {
        let mut covered = Covered::default();
        assert_eq!(covered.add(1, 101), 100);
        assert_eq!(covered.add(201, 301), 100);
        assert_eq!(covered.add(51, 251), 100);
        assert_eq!(covered.add(51, 251), 0);
        assert_eq!(covered.add(1, 401), 100);
    }
}
