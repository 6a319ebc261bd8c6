//! The first of very many, without putting all of them in order.

use std::cmp::Ordering;

use super::layout::SortKey;

/// Keeps the first so many items in the order of their keys.
pub(super) struct Best<T> {
    items: Vec<(SortKey, SortKey, T)>,
    room: usize,
    descending: bool,
}

impl<T> Best<T> {
    pub(super) const fn new(room: usize, descending: bool) -> Self {
        Self { items: Vec::new(), room, descending }
    }

    /// An item with its key, and what tells it from others of the same key.
    pub(super) fn push(&mut self, key: SortKey, id: SortKey, item: T) {
        self.items.push((key, id, item));
        // Now and then what can't be among the first goes: that takes a time that grows with the items only.
        if self.items.len() >= self.room.saturating_mul(2).max(256) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let descending = self.descending;
        if self.room == 0 {
            self.items.clear();
        } else if self.room < self.items.len() {
            self.items.select_nth_unstable_by(self.room - 1, |a, b| compare(a, b, descending));
            self.items.truncate(self.room);
        }
    }

    /// Those that are left, in their order.
    pub(super) fn sorted(mut self) -> impl Iterator<Item = T> {
        self.shrink();
        let descending = self.descending;
        self.items.sort_unstable_by(|a, b| compare(a, b, descending));
        self.items.into_iter().map(|(.., item)| item)
    }
}

/// By key, those without one last; then by what they are, so that rows keep their places.
fn compare<T>(a: &(SortKey, SortKey, T), b: &(SortKey, SortKey, T), descending: bool) -> Ordering {
    a.0.compare(&b.0, descending).then_with(|| a.1.compare(&b.1, false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_full_sort(
            numbers in prop::collection::vec(prop::option::of(0..40u32), 0..2000),
            room in 0..300usize,
            descending in any::<bool>(),
        ) {
            let key = |number: Option<u32>| number.map_or(SortKey::None, |number| SortKey::Number(number.into()));
            let mut best = Best::new(room, descending);
            for (at, number) in numbers.iter().enumerate() {
                best.push(key(*number), SortKey::Number(at as f64), at);
            }
            let mut all: Vec<_> = numbers.iter().enumerate().collect();
            all.sort_by(|a, b| key(*a.1).compare(&key(*b.1), descending));
            let all: Vec<_> = all.into_iter().take(room).map(|(at, _)| at).collect();
            prop_assert_eq!(best.sorted().collect::<Vec<_>>(), all);
        }
    }
}
