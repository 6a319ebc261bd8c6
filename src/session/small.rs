//! Maps that are small most often.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// With more a map is a tree. A tree has room for eleven from the first on, which is much for one.
const FEW: usize = 8;

/// With so many or fewer a tree is a list again; less than [`FEW`], so that it does not go back and forth.
const FEW_AGAIN: usize = 4;

/// A map in the order of its keys, which takes no more than it holds where that is little.
#[derive(Debug)]
pub(super) enum Small<K, V> {
    /// In the order of the keys.
    Few(Vec<(K, V)>),
    Many(BTreeMap<K, V>),
}

impl<K, V> Default for Small<K, V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: Ord, V> Small<K, V> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Few(few) => few.iter().find(|(known, _)| Borrow::<Q>::borrow(known) == key).map(|(_, value)| value),
            Self::Many(many) => many.get(key),
        }
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Few(few) => {
                few.iter_mut().find(|(known, _)| Borrow::<Q>::borrow(known) == key).map(|(_, value)| value)
            }
            Self::Many(many) => many.get_mut(key),
        }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        match self {
            Self::Few(few) => match few.binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(at) => few[at] = (key, value),
                Err(at) if few.len() < FEW => {
                    few.reserve_exact(1);
                    few.insert(at, (key, value));
                }
                Err(_) => {
                    let mut many: BTreeMap<K, V> = std::mem::take(few).into_iter().collect();
                    many.insert(key, value);
                    *self = Self::Many(many);
                }
            },
            Self::Many(many) => drop(many.insert(key, value)),
        }
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|(known, _)| Borrow::<Q>::borrow(known) == key)?;
                let (_, value) = few.remove(at);
                few.shrink_to_fit();
                Some(value)
            }
            Self::Many(many) => {
                let value = many.remove(key)?;
                if many.len() <= FEW_AGAIN {
                    *self = Self::Few(std::mem::take(many).into_iter().collect());
                }
                Some(value)
            }
        }
    }

    /// All values, in the order of the keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_slice(), None),
            Self::Many(many) => (&[][..], Some(many)),
        };
        few.iter().map(|(_, value)| value).chain(many.into_iter().flat_map(BTreeMap::values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0u8..20), 0..100)) {
            let (mut small, mut tree) = (Small::default(), BTreeMap::new());
            for (number, (adds, key)) in steps.into_iter().enumerate() {
                if adds {
                    small.insert(key, number);
                    tree.insert(key, number);
                } else {
                    prop_assert_eq!(small.remove(&key), tree.remove(&key));
                }
                prop_assert_eq!(small.get(&key), tree.get(&key));
                prop_assert_eq!(small.get_mut(&key), tree.get_mut(&key));
                prop_assert_eq!((small.len(), small.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert!(small.values().eq(tree.values()));
            }
        }
    }
}
