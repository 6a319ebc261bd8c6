//! Numbers of packets: what a short form stands for, which were captured, and which the other end has got that were not.

/// The most ranges that are told apart; what lies lower is taken for seen.
const RANGES: usize = 64;

/// The number that the last bits of it stand for, where `largest` is the largest one so far (RFC 9000, A.3).
pub(super) fn whole_number(largest: Option<u64>, truncated: u64, bytes: usize) -> u64 {
    let expected = largest.map_or(0, |largest| largest + 1);
    let window = 1u64 << (8 * bytes);
    let (half, mask) = (window / 2, window - 1);
    let candidate = (expected & !mask) | truncated;
    if candidate + half <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + half && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// Numbers as ranges, each from its first to its last, ascending.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// INVARIANT: ascending, and between two of them at least one number is missing.
    all: Vec<(u64, u64)>,
}

impl Ranges {
    pub(super) fn contains(&self, number: u64) -> bool {
        let at = self.all.partition_point(|(_, last)| *last < number);
        self.all.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Whether there is one from this number on, up to another.
    pub(super) fn any_within(&self, first: u64, last: u64) -> bool {
        let at = self.all.partition_point(|range| range.1 < first);
        self.all.get(at).is_some_and(|range| range.0 <= last)
    }

    /// How many of these numbers are in it.
    fn count_within(&self, first: u64, last: u64) -> u64 {
        let from = self.all.partition_point(|range| range.1 < first);
        let within = self.all.iter().skip(from).take_while(|range| range.0 <= last);
        within.map(|range| range.1.min(last) - range.0.max(first) + 1).sum()
    }

    pub(super) fn insert(&mut self, first: u64, last: u64) {
        let from = self.all.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.all.partition_point(|range| range.0 <= last.saturating_add(1));
        let (mut low, mut high) = (first, last);
        if let (Some(one), Some(other)) = (self.all.get(from), to.checked_sub(1).and_then(|to| self.all.get(to)))
            && from < to
        {
            (low, high) = (low.min(one.0), high.max(other.1));
        }
        self.all.splice(from..to, [(low, high)]);
        if self.all.len() > RANGES
            && let (Some((first, _)), Some((_, last))) = (self.all.first().copied(), self.all.get(1).copied())
        {
            self.all.splice(0..2, [(first, last)]);
        }
    }

    fn remove(&mut self, number: u64) -> bool {
        let at = self.all.partition_point(|(_, last)| *last < number);
        let Some((first, last)) = self.all.get(at).copied().filter(|(first, _)| *first <= number) else { return false };
        let before = (first < number).then(|| (first, number - 1));
        let behind = (number < last).then(|| (number + 1, last));
        self.all.splice(at..=at, before.into_iter().chain(behind));
        if self.all.len() > RANGES {
            // Of the oldest nobody asks any more.
            self.all.remove(0);
        }
        true
    }
}

/// The packets of one direction in one space of numbers (RFC 9000, section 12.3).
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) largest: Option<u64>,
    seen: Ranges,
    /// What was acknowledged and not captured, or could not be read.
    pub(super) unseen: Ranges,
    /// How many these are.
    pub(super) unseen_count: u64,
}

impl Numbers {
    /// A packet was opened. Says whether it is the first with this number.
    pub(super) fn on_packet(&mut self, number: u64) -> bool {
        self.largest = self.largest.max(Some(number));
        if self.seen.contains(number) {
            return false;
        }
        self.seen.insert(number, number);
        // The acknowledgement was captured before it.
        if self.unseen.remove(number) {
            self.unseen_count = self.unseen_count.saturating_sub(1);
        }
        true
    }

    /// The other end has got these. Says whether there are some among them that were not seen and not known of.
    pub(super) fn on_acknowledged(&mut self, first: u64, last: u64) -> bool {
        let length = (last - first).saturating_add(1);
        let known = self.seen.count_within(first, last) + self.unseen.count_within(first, last);
        if known >= length {
            return false;
        }
        // Only the holes between what was seen are put down.
        let mut at = first;
        let holes: Vec<_> = {
            let from = self.seen.all.partition_point(|range| range.1 < first);
            let mut holes = Vec::new();
            for range in self.seen.all.iter().skip(from).take_while(|range| range.0 <= last) {
                if range.0 > at {
                    holes.push((at, range.0 - 1));
                }
                at = range.1.saturating_add(1);
            }
            if at <= last {
                holes.push((at, last));
            }
            holes
        };
        for (first, last) in holes {
            self.unseen.insert(first, last);
        }
        self.unseen_count = self.unseen_count.saturating_add(length - known);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_short_number_is_the_nearest_that_may_come() {
        // RFC 9000, A.3.
        assert_eq!(whole_number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(whole_number(None, 0, 1), 0);
        assert_eq!(whole_number(Some(255), 0, 1), 256);
        assert_eq!(whole_number(Some(256), 255, 1), 255);
    }

    #[test]
    fn what_was_acknowledged_and_not_captured_is_counted_once() {
        let mut numbers = Numbers::default();
        for number in [0, 1, 4, 5] {
            assert!(numbers.on_packet(number));
        }
        assert!(!numbers.on_packet(4));
        assert!(!numbers.on_acknowledged(0, 1));
        assert!(numbers.on_acknowledged(0, 5));
        assert_eq!(numbers.unseen_count, 2);
        assert!(!numbers.on_acknowledged(1, 5));
        assert!(numbers.unseen.any_within(2, 2) && !numbers.unseen.any_within(4, 9));
        // It came later than its acknowledgement.
        assert!(numbers.on_packet(3));
        assert_eq!(numbers.unseen_count, 1);
    }

    proptest! {
        #[test]
        fn ranges_agree_with_a_set(steps in proptest::collection::vec((0u64..90, 0u64..6, any::<bool>()), 0..60)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (first, length, adds) in steps {
                if adds {
                    ranges.insert(first, first + length);
                    set.extend(first..=first + length);
                } else {
                    prop_assert_eq!(ranges.remove(first), set.remove(&first));
                }
                prop_assert!(ranges.all.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
                for number in 0..100 {
                    prop_assert_eq!(ranges.contains(number), set.contains(&number));
                }
                prop_assert_eq!(ranges.count_within(10, 40), set.range(10..=40).count() as u64);
            }
        }

        #[test]
        fn few_ranges_are_held(numbers in proptest::collection::vec(0u64..1 << 62, 0..300)) {
            let mut seen = Numbers::default();
            for number in numbers {
                seen.on_packet(number);
                seen.on_acknowledged(number / 2, number);
                prop_assert!(seen.seen.all.len() <= RANGES && seen.unseen.all.len() <= RANGES);
            }
        }
    }
}
