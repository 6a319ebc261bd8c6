//! What is known by topic filter: most clients have one or two, and some have thousands.

use std::collections::BTreeMap;

use super::subscription::SubscriptionState;

/// So many are looked through one by one: that is faster than any index, and smaller.
const FEW: usize = 16;

/// Subscriptions by filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    /// In the order of the filters, as long as there are few.
    few: Vec<(Box<[u8]>, SubscriptionState)>,
    /// Instead of them.
    #[allow(clippy::box_collection, reason = "most have few, and take a pointer's room for it")]
    many: Option<Box<BTreeMap<Box<[u8]>, SubscriptionState>>>,
}

impl Filters {
    pub(super) fn len(&self) -> usize {
        self.many.as_ref().map_or(self.few.len(), |many| many.len())
    }

    fn place(&self, filter: &[u8]) -> Result<usize, usize> {
        self.few.binary_search_by(|(known, _)| known.as_ref().cmp(filter))
    }

    /// Takes one; gives whether there was one with this filter, whose place it takes.
    pub(super) fn insert(&mut self, filter: Box<[u8]>, state: SubscriptionState) -> bool {
        if let Some(many) = &mut self.many {
            return many.insert(filter, state).is_some();
        }
        match self.place(&filter) {
            Ok(at) => {
                self.few[at].1 = state;
                true
            }
            Err(_) if self.few.len() == FEW => {
                let many = self.many.insert(Box::new(std::mem::take(&mut self.few).into_iter().collect()));
                many.insert(filter, state).is_some()
            }
            Err(at) => {
                if self.few.capacity() == self.few.len() {
                    self.few.reserve_exact(self.few.len().max(1));
                }
                self.few.insert(at, (filter, state));
                false
            }
        }
    }

    /// Takes one out; gives whether there was one.
    pub(super) fn remove(&mut self, filter: &[u8]) -> bool {
        match &mut self.many {
            Some(many) => many.remove(filter).is_some(),
            None => self.place(filter).map(|at| self.few.remove(at)).is_ok(),
        }
    }

    /// All of them, by filter.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], SubscriptionState)> {
        let few = self.few.iter().map(|(filter, state)| (filter.as_ref(), *state));
        few.chain(self.many.iter().flat_map(|many| many.iter().map(|(filter, state)| (filter.as_ref(), *state))))
    }

    /// All of them, by filter.
    pub(super) fn into_iter(self) -> impl Iterator<Item = (Box<[u8]>, SubscriptionState)> {
        self.few.into_iter().chain(self.many.into_iter().flat_map(|many| *many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;

    #[test]
    fn few_and_many_hold_the_same() {
        let (mut filters, mut map) = (Filters::default(), BTreeMap::new());
        let mut number = 7u32;
        for step in 0..2000_u64 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let filter = format!("a/{}", number >> 16 & 31).into_bytes();
            if number >> 28 < 10 {
                let state = SubscriptionState { options: 1, answer: Some(1), frame: FrameNo(step) };
                let replaces = map.insert(filter.clone().into_boxed_slice(), state).is_some();
                assert_eq!(filters.insert(filter.into(), state), replaces);
            } else {
                assert_eq!(filters.remove(&filter), map.remove(filter.as_slice()).is_some());
            }
            assert_eq!(filters.len(), map.len());
            assert!(filters.iter().eq(map.iter().map(|(filter, state)| (filter.as_ref(), *state))));
        }
        assert!(filters.many.is_some());
        assert!(filters.into_iter().eq(map));
    }
}
