//! Which bytes of one direction the capture has seen: everything up to a point, except some holes.

use crate::wire::SeqNum;

/// The ranges below the highest number seen that were not captured, oldest first; and how many bytes those had that were
/// given up as missing for good, and are no longer told apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Holes {
    ranges: Vec<(SeqNum, SeqNum)>,
    gone: u64,
}

/// The most holes that are told apart. A direction with more is not a transfer that loses segments but
/// noise; the oldest are then given up as missing for good.
const LIMIT: usize = 256;

/// How many bytes a hole has.
const fn length(from: SeqNum, to: SeqNum) -> u64 {
    let length = to.distance(from);
    if length > 0 { length as u64 } else { 0 }
}

/// What of a range had been seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Bytes of the range that were seen for the first time.
    pub(super) new: u32,
    /// Whether the first byte was seen before.
    pub(super) first_byte_known: bool,
}

impl Holes {
    /// No holes.
    pub(super) const NONE: Self = Self { ranges: Vec::new(), gone: 0 };

    /// Notes that `from..to` was skipped.
    pub(super) fn open(&mut self, from: SeqNum, to: SeqNum) {
        // What is acknowledged step by step, and never seen, is one hole.
        if let Some((_, end)) = self.ranges.last_mut().filter(|(start, end)| *end == from && to.is_after(*start)) {
            *end = to;
            return;
        }
        self.ranges.push((from, to));
        self.keep_to_limit();
    }

    /// Says whether one was given up.
    fn keep_to_limit(&mut self) -> bool {
        let is_over = self.ranges.len() > LIMIT;
        if is_over {
            let (from, to) = self.ranges.remove(0);
            self.gone += length(from, to);
        }
        is_over
    }

    /// Numbers come round after 2^32, so that holes far behind can't be told from holes to come: those before a number are
    /// given up. Numbers are counted from `near`, from which no hole may be 2^31 away; what lies before `first` is forgotten.
    pub(super) fn give_up(&mut self, near: SeqNum, first: i64, before: i64) {
        let Self { ranges, gone } = self;
        ranges.retain_mut(|(from, to)| {
            let start = i64::from(from.distance(near));
            let end = start + length(*from, *to) as i64;
            let (lost_from, lost_to) = (start.max(first), end.min(before));
            *gone += u64::try_from(lost_to - lost_from).unwrap_or(0);
            if start < before {
                *from = near.plus(before as u32);
            }
            end > before
        });
    }

    /// How many bytes those have that were not given up.
    pub(super) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|(from, to)| length(*from, *to)).sum::<u64>()
    }

    /// How many bytes were given up.
    pub(super) const fn bytes_gone(&self) -> u64 {
        self.gone
    }

    /// How many of these stand before `end`.
    pub(super) fn bytes_before(&self, end: SeqNum) -> u64 {
        let before = self.ranges.iter().filter(|(from, _)| from.is_before(end));
        before.map(|(from, to)| if to.is_after(end) { end.distance(*from) } else { to.distance(*from) } as u64).sum()
    }

    /// Fills `from..to`, which lies below the highest number seen, and says what of it is new.
    pub(super) fn fill(&mut self, from: SeqNum, to: SeqNum) -> Seen {
        let mut seen = Seen { new: 0, first_byte_known: true };
        if self.ranges.is_empty() {
            return seen;
        }
        let mut at = 0;
        while let Some(&(start, end)) = self.ranges.get(at) {
            if !to.is_after(start) {
                break;
            }
            if !from.is_before(end) {
                at += 1;
                continue;
            }
            let filled_from = start.max(from);
            let filled_to = if to.is_before(end) { to } else { end };
            seen.new += filled_to.distance(filled_from) as u32;
            seen.first_byte_known &= !(filled_from == from);
            match (filled_from == start, filled_to == end) {
                (true, true) => {
                    self.ranges.remove(at);
                }
                (true, false) => {
                    self.ranges[at].0 = filled_to;
                    at += 1;
                }
                (false, true) => {
                    self.ranges[at].1 = filled_from;
                    at += 1;
                }
                (false, false) => {
                    self.ranges[at].1 = filled_from;
                    self.ranges.insert(at + 1, (filled_to, end));
                    at += 2;
                    if self.keep_to_limit() {
                        at -= 1;
                    }
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_segment_that_fills_a_hole_in_part_leaves_the_rest_open() {
        let mut holes = Holes::default();
        holes.open(SeqNum(100), SeqNum(200));
        assert_eq!(holes.fill(SeqNum(120), SeqNum(150)), Seen { new: 30, first_byte_known: false });
        assert_eq!(holes.fill(SeqNum(90), SeqNum(130)), Seen { new: 20, first_byte_known: true });
        assert_eq!(holes.bytes(), 50);
        assert_eq!(holes.fill(SeqNum(150), SeqNum(300)), Seen { new: 50, first_byte_known: false });
        assert_eq!(holes.bytes(), 0);
    }

    #[test]
    fn one_hole_that_is_cut_into_many_is_no_way_around_the_limit() {
        let mut holes = Holes::default();
        holes.open(SeqNum(0), SeqNum(1 << 20));
        for at in (1..1 << 12).rev() {
            assert_eq!(holes.fill(SeqNum(at * 2), SeqNum(at * 2 + 1)), Seen { new: 1, first_byte_known: false });
            assert!(holes.ranges.len() <= LIMIT);
            if holes.ranges.len() == LIMIT {
                return;
            }
        }
        panic!("the limit was never reached");
    }

    proptest! {
        #[test]
        fn holes_agree_with_a_set_of_bytes(
            base in any::<u32>(),
            opened in proptest::collection::vec((1u32..20, 1u32..20), 1..8),
            filled in proptest::collection::vec((0u32..300, 1u32..60), 0..20),
        ) {
            let mut holes = Holes::default();
            let mut open = std::collections::BTreeSet::new();
            let mut at = 0;
            for (skip, length) in opened {
                at += skip;
                holes.open(SeqNum(base).plus(at), SeqNum(base).plus(at + length));
                open.extend(at..at + length);
                at += length;
            }
            for (from, length) in filled {
                let seen = holes.fill(SeqNum(base).plus(from), SeqNum(base).plus(from + length));
                prop_assert_eq!(seen.first_byte_known, !open.contains(&from));
                let before = open.len();
                open.retain(|byte| !(from..from + length).contains(byte));
                prop_assert_eq!(seen.new as usize, before - open.len());
                prop_assert_eq!(holes.bytes() as usize, open.len());
            }
        }
    }
}
