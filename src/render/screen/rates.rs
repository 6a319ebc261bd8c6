//! How much more there is than at the look before: rates of what is counted.

use std::collections::HashMap;
use std::hash::Hash;

use crate::capture::FrameNo;

/// Two numbers a second.
pub(super) type Rates = [f32; 2];

#[derive(Debug, Clone, Copy)]
struct Seen {
    counts: [u64; 2],
    rates: Option<Rates>,
}

impl Seen {
    /// The rates at this look; `look` has the seconds since the last one and whether it is the same one again.
    fn update(old: Option<&Self>, counts: [u64; 2], look: (Option<f64>, bool)) -> Self {
        let rates = match (look, old) {
            ((_, true), old) => old.and_then(|old| old.rates),
            ((Some(seconds), false), old) if seconds > 0.0 => {
                // What was not there before has sent all it has since then.
                let before = old.map_or([0; 2], |old| old.counts);
                let rate = |place: usize| (counts[place].saturating_sub(before[place]) as f64 / seconds) as f32;
                Some([rate(0), rate(1)])
            }
            _ => None,
        };
        Self { counts, rates }
    }
}

/// What was seen of things that have a slot of their own. Flows are looked at by the hundred thousand: a list costs a
/// tenth of what a table by name would.
#[derive(Debug, Default)]
pub(super) struct BySlot(Vec<Option<(FrameNo, Seen)>>);

impl BySlot {
    pub(super) fn update(
        &mut self,
        slot: usize,
        id: FrameNo,
        counts: [u64; 2],
        look: (Option<f64>, bool),
    ) -> Option<Rates> {
        if slot >= self.0.len() {
            self.0.resize(slot + 1, None);
        }
        let place = self.0.get_mut(slot)?;
        let old = place.as_ref().filter(|(old, _)| *old == id).map(|(_, seen)| seen);
        let seen = Seen::update(old, counts, look);
        // At the same look again the counts stay those that the next rates begin with.
        if !look.1 || old.is_none() {
            *place = Some((id, seen));
        }
        seen.rates
    }
}

/// What was seen of things that have a name. What is gone is forgotten with the next look.
#[derive(Debug)]
pub(super) struct Known<K> {
    seen: HashMap<K, Seen>,
    next: HashMap<K, Seen>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self { seen: HashMap::new(), next: HashMap::new() }
    }
}

impl<K: Hash + Eq> Known<K> {
    pub(super) fn update(&mut self, id: K, counts: [u64; 2], look: (Option<f64>, bool)) -> Option<Rates> {
        let seen = Seen::update(self.seen.get(&id), counts, look);
        if !look.1 {
            self.next.insert(id, seen);
        }
        seen.rates
    }

    /// All has been looked at.
    pub(super) fn end(&mut self, again: bool) {
        if !again {
            std::mem::swap(&mut self.seen, &mut self.next);
            self.next.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_between_two_looks() {
        let mut flows = BySlot::default();
        let (first, next, again) = ((None, false), (Some(2.0), false), (None, true));
        assert_eq!(flows.update(3, FrameNo(1), [100, 0], first), None, "nobody knows since when");
        assert_eq!(flows.update(3, FrameNo(1), [300, 10], next), Some([100.0, 5.0]));
        assert_eq!(flows.update(3, FrameNo(1), [900, 10], again), Some([100.0, 5.0]));
        assert_eq!(flows.update(3, FrameNo(1), [900, 10], next), Some([300.0, 0.0]));
        assert_eq!(flows.update(3, FrameNo(7), [8, 0], next), Some([4.0, 0.0]), "another in its slot is new");
        let mut names = Known::default();
        assert_eq!(names.update("a", [100, 0], first), None);
        names.end(false);
        assert_eq!(names.update("a", [300, 10], next), Some([100.0, 5.0]));
        names.end(false);
        assert_eq!(names.update("a", [900, 10], again), Some([100.0, 5.0]));
        names.end(true);
        assert_eq!(names.update("a", [500, 10], next), Some([100.0, 0.0]));
        names.end(false);
        names.end(false);
        assert_eq!(names.seen.len(), 0, "who is gone is forgotten");
    }
}
