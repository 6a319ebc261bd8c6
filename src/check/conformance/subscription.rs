//! One subscription of a connection, and how topics are held against it.

use crate::capture::Origin;
use crate::mqtt::topic;

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Where its filter stands among those of all, and its length.
    pub(super) filter: (u32, u16),
    pub(super) hash: u64,
    pub(super) options: u8,
    pub(super) identifier: Option<u32>,
    /// The answer of the server, once it came.
    pub(super) answer: Option<u8>,
    pub(super) asked: Origin,
    /// Whether the same filter was subscribed to before.
    pub(super) renewed: bool,
    /// When it was taken back.
    pub(super) removed: Option<Origin>,
    /// Retained messages came that it did not want.
    pub(super) disturbed: bool,
    /// Where the pattern begins that topics are held against.
    pub(super) pattern: u16,
    /// With how much of it every topic begins that it matches, and ends: what stands around its wildcards.
    pub(super) fixed: (u16, u16),
    pub(super) wild: bool,
}

impl Subscription {
    pub(super) fn stands(&self) -> bool {
        self.removed.is_none() && self.answer.is_none_or(|answer| answer <= 2)
    }

    pub(super) const fn retain_handling(&self) -> u8 {
        self.options >> 4 & 0b11
    }

    /// Its filter, out of all.
    pub(super) fn filter<'a>(&self, filters: &'a [u8]) -> &'a [u8] {
        let (begin, length) = (self.filter.0 as usize, usize::from(self.filter.1));
        filters.get(begin..begin + length).unwrap_or_default()
    }

    pub(super) fn matches(&self, filters: &[u8], name: &[u8]) -> bool {
        let pattern = self.filter(filters).get(usize::from(self.pattern)..).unwrap_or_default();
        if !self.wild {
            return !name.is_empty() && pattern == name;
        }
        let (front, back) = (usize::from(self.fixed.0), pattern.len() - usize::from(self.fixed.1));
        // Most do not match, and this tells it at once.
        name.starts_with(&pattern[..front]) && name.ends_with(&pattern[back..]) && topic::matches_pattern(pattern, name)
    }
}

/// A filter without `$share/NAME/`.
pub(super) fn pattern(filter: &[u8]) -> &[u8] {
    topic::shared(filter).map_or(filter, |(_, pattern)| pattern)
}

/// How much of a pattern stands before its first wildcard, and behind the last; `a/#` matches `a` as well.
pub(super) fn fixed(pattern: &[u8]) -> (u16, u16) {
    let place = pattern.iter().position(|byte| matches!(byte, b'+' | b'#')).unwrap_or(pattern.len());
    let before = pattern.get(..place).unwrap_or_default();
    let front = before.len() - usize::from(pattern.get(place) == Some(&b'#') && before.ends_with(b"/"));
    let behind = pattern.iter().rev().position(|byte| *byte == b'+').filter(|_| !pattern.contains(&b'#'));
    (front as u16, behind.unwrap_or(0) as u16)
}
