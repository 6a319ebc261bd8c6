//! One subscription of a connection, and how topics are held against it.

use crate::capture::{FrameNo, Origin};
use crate::mqtt::topic;
use crate::time::Timestamp;

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Where its filter stands among those of all, and its length.
    pub(super) filter: (u32, u16),
    pub(super) options: u8,
    pub(super) identifier: Option<u32>,
    /// The answer of the server, once it came.
    pub(super) answer: Option<u8>,
    pub(super) asked: Origin,
    /// Whether the same filter was subscribed to before.
    pub(super) renewed: bool,
    /// When it was taken back; where it was not, frame 0, which there is none of.
    pub(super) removed: Origin,
    /// Retained messages came that it did not want.
    pub(super) disturbed: bool,
    /// Where the pattern begins that topics are held against.
    pub(super) pattern: u16,
    pub(super) wild: bool,
}

const NEVER: Origin = Origin { frame: FrameNo(0), time: Timestamp::from_nanos(0) };

impl Subscription {
    /// One whose filter, of this place and length, was asked for.
    pub(super) fn new(filter: (u32, u16), options: u8, identifier: Option<u32>, asked: Origin) -> Self {
        Self {
            filter,
            options,
            identifier,
            answer: None,
            asked,
            renewed: false,
            removed: NEVER,
            disturbed: false,
            pattern: 0,
            wild: false,
        }
    }

    /// When it was taken back.
    pub(super) fn removed(&self) -> Option<Origin> {
        (self.removed != NEVER).then_some(self.removed)
    }

    /// It is taken back, unless it was before.
    pub(super) fn remove(&mut self, at: Origin) {
        if self.removed == NEVER {
            self.removed = at;
        }
    }

    pub(super) fn stands(&self) -> bool {
        self.removed == NEVER && self.answer.is_none_or(|answer| answer <= 2)
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
        topic::matches_pattern(pattern, name)
    }
}

/// The first bytes of a topic and the last ones, each as a number; or of a pattern, as far as every topic has them that it
/// matches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edges {
    front: u64,
    back: u64,
    /// Bits of `front` and of `back` that do not count.
    free: (u8, u8),
    /// The place of the subscription whose pattern it is.
    pub(super) place: u16,
}

impl Edges {
    /// Of a pattern with wildcards, of the subscription at this place.
    pub(super) fn of(pattern: &[u8], place: u16) -> Self {
        let (begin, end) = fixed(pattern);
        let free = |bytes: &[u8]| (64 - 8 * bytes.len().min(8)) as u8;
        Self { front: first(begin), back: last(end), free: (free(begin), free(end)), place }
    }

    /// Of a topic.
    pub(super) fn of_topic(name: &[u8]) -> Self {
        Self { front: first(name), back: last(name), free: (0, 0), place: 0 }
    }

    /// Whether a topic may match this pattern, by what stands at its edges.
    #[inline]
    pub(super) const fn may_match(self, topic: Self) -> bool {
        // Without the bits that do not count; of 64 nothing is left.
        let front = (self.front ^ topic.front).checked_shr(self.free.0 as u32);
        let back = (self.back ^ topic.back).checked_shr(self.free.1 as u32);
        matches!((front, back), (None | Some(0), None | Some(0)))
    }
}

/// The first eight bytes, the first of them on top; of less, zeros behind.
fn first(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(eight) => u64::from_be_bytes(*eight),
        None => bytes.iter().rev().fold(0, |all, byte| all >> 8 | u64::from(*byte) << 56),
    }
}

/// The last eight bytes, the last of them on top; of less, zeros behind.
fn last(bytes: &[u8]) -> u64 {
    match bytes.last_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => bytes.iter().fold(0, |all, byte| all >> 8 | u64::from(*byte) << 56),
    }
}

/// A filter without `$share/NAME/`.
pub(super) fn pattern(filter: &[u8]) -> &[u8] {
    topic::shared(filter).map_or(filter, |(_, pattern)| pattern)
}

/// What of a pattern stands before its first wildcard, and behind the last; `a/#` matches `a` as well.
fn fixed(pattern: &[u8]) -> (&[u8], &[u8]) {
    let place = pattern.iter().position(|byte| matches!(byte, b'+' | b'#')).unwrap_or(pattern.len());
    let before = pattern.get(..place).unwrap_or_default();
    let parent = before.strip_suffix(b"/").filter(|_| pattern.get(place) == Some(&b'#'));
    let last = pattern.iter().rposition(|byte| *byte == b'+').filter(|_| !pattern.contains(&b'#'));
    let behind = last.and_then(|last| pattern.get(last + 1..)).unwrap_or_default();
    (parent.unwrap_or(before), behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_a_topic_never_rule_out_what_matches() {
        let texts =
            ["a", "b", "ab", "site/1", "site/1/line", "site/10/line/x", "x/site/1/line/level", "/", "a//b", "abcdefgh"];
        let patterns = texts.iter().flat_map(|text| {
            let behind = |end: &str| format!("{text}{end}");
            [
                behind("/#"),
                behind("/+"),
                behind("/+/level"),
                format!("+/{text}"),
                format!("+/{text}/#"),
                format!("a/+/{text}"),
            ]
        });
        let (mut matching, mut ruled_out) = (0, 0);
        for pattern in patterns.chain(["#".to_owned(), "+".to_owned(), "+/+".to_owned()]) {
            let edges = Edges::of(pattern.as_bytes(), 0);
            for name in
                texts.iter().flat_map(|text| [(*text).to_owned(), format!("{text}/{text}"), format!("a/{text}/level")])
            {
                let may = edges.may_match(Edges::of_topic(name.as_bytes()));
                let does = topic::matches_pattern(pattern.as_bytes(), name.as_bytes());
                assert!(may || !does, "{pattern} {name}");
                matching += usize::from(does);
                ruled_out += usize::from(!may);
            }
        }
        assert!(matching > 100 && ruled_out > 1000, "{matching} {ruled_out}");
    }
}
