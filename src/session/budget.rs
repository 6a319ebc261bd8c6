//! One limit for what all sessions hold together, and who gives something up when it is too much.
//!
//! What a session holds changes with each message, and adding it up for all of them each time would cost more than the
//! messages. So what comes is counted, without what goes, and all is weighed when there could be too much by that count.

use crate::engine::Level;

/// A limit in bytes.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    /// What all held when it was weighed last.
    weighed: usize,
    /// What has come since.
    come: usize,
    /// So much may come before it is weighed again.
    allowed: usize,
}

impl Budget {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, weighed: 0, come: 0, allowed: limit / 2 }
    }

    /// So many bytes more are held; gives whether all is to be weighed.
    #[inline]
    pub(super) const fn add(&mut self, bytes: usize) -> bool {
        self.come = self.come.saturating_add(bytes);
        self.come > self.allowed
    }

    /// How much may be held by now, at most.
    pub(super) fn level(&self) -> Level {
        Level::of_all(self.weighed.saturating_add(self.come).min(self.limit), self.limit)
    }

    /// What all hold now, each for itself. Where that is too much it gives how much one may keep: those that hold little
    /// keep it all, so that nobody can make others lose theirs by holding much.
    pub(super) fn share(&mut self, weights: impl Iterator<Item = usize>) -> Option<usize> {
        let mut weights: Vec<usize> = weights.collect();
        let total = weights.iter().fold(0, |sum: usize, weight| sum.saturating_add(*weight));
        self.come = 0;
        // It is weighed again before it can be more than a sixteenth too much.
        let room = |total: usize| (self.limit.saturating_sub(total) / 2).max(self.limit / 16);
        if total <= self.limit {
            (self.weighed, self.allowed) = (total, room(total));
            return None;
        }
        let wanted = self.limit / 4 * 3;
        (self.weighed, self.allowed) = (wanted, room(wanted));
        weights.sort_unstable();
        let mut left = wanted;
        for (place, weight) in weights.iter().enumerate() {
            let share = left / (weights.len() - place);
            if *weight > share {
                return Some(share);
            }
            left -= weight;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_holds_little_keeps_it() {
        let mut budget = Budget::new(1000);
        assert_eq!(budget.share([400, 500].into_iter()), None);
        assert_eq!(budget.share([10, 20, 900, 2000].into_iter()), Some(360), "30 of 750 are for those who keep all");
        assert_eq!(budget.share([300; 10].into_iter()), Some(75));
    }

    #[test]
    fn it_is_weighed_when_there_could_be_too_much() {
        let mut budget = Budget::new(1600);
        assert!(!budget.add(800) && budget.add(1), "half of it may come before");
        assert_eq!(budget.share([600].into_iter()), None);
        assert!(!budget.add(500) && budget.add(1), "half of what is left");
        assert_eq!(budget.share([1590].into_iter()), None);
        assert!(!budget.add(100) && budget.add(1), "a sixteenth of it, where hardly anything is left");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_within_the_limit(weights in proptest::collection::vec(0usize..5000, 0..50), limit in 16usize..20_000) {
            let total: usize = weights.iter().sum();
            match Budget::new(limit).share(weights.iter().copied()) {
                Some(share) => {
                    let kept: usize = weights.iter().map(|weight| share.min(*weight)).sum();
                    prop_assert!(total > limit && kept <= limit / 4 * 3);
                    prop_assert!(kept + weights.len() > limit / 4 * 3, "no more than needed is given up");
                }
                None => prop_assert!(total <= limit),
            }
        }
    }
}
