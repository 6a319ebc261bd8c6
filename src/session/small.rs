//! Maps that are small most often.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// With more a map is a tree. A tree has room for eleven from the first on, which is much for one.
const FEW: usize = 16;

/// With so many or fewer a tree is a list again; less than [`FEW`], so that it does not go back and forth.
const FEW_AGAIN: usize = 8;

/// A map in the order of its keys, which takes no more than it holds where that is little.
#[derive(Debug, Clone)]
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
            Self::Few(few) => place(few, key).ok().and_then(|at| few.get(at)).map(|(_, value)| value),
            Self::Many(many) => many.get(key),
        }
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Few(few) => place(few, key).ok().and_then(|at| few.get_mut(at)).map(|(_, value)| value),
            Self::Many(many) => many.get_mut(key),
        }
    }

    /// Takes one; gives the value that had its key.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            Self::Few(few) => match place(few, &key) {
                Ok(at) => Some(std::mem::replace(&mut few[at].1, value)),
                Err(at) if few.len() < FEW => {
                    few.reserve_exact(1);
                    few.insert(at, (key, value));
                    None
                }
                Err(_) => {
                    let mut many: BTreeMap<K, V> = std::mem::take(few).into_iter().collect();
                    many.insert(key, value);
                    *self = Self::Many(many);
                    None
                }
            },
            Self::Many(many) => many.insert(key, value),
        }
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Few(few) => {
                let (_, value) = few.remove(place(few, key).ok()?);
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

    /// All, in the order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_slice(), None),
            Self::Many(many) => (&[][..], Some(many)),
        };
        few.iter().map(|(key, value)| (key, value)).chain(many.into_iter().flatten())
    }

    /// All values, in the order of the keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<K, V> IntoIterator for Small<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Chain<std::vec::IntoIter<(K, V)>, std::collections::btree_map::IntoIter<K, V>>;

    /// All, in the order of the keys.
    fn into_iter(self) -> Self::IntoIter {
        let (few, many) = match self {
            Self::Few(few) => (few, BTreeMap::new()),
            Self::Many(many) => (Vec::new(), many),
        };
        few.into_iter().chain(many)
    }
}

/// Where a key stands among few, or would.
fn place<K: Borrow<Q>, V, Q: Ord + ?Sized>(few: &[(K, V)], key: &Q) -> Result<usize, usize> {
    few.binary_search_by(|(known, _)| known.borrow().cmp(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0u8..40), 0..200)) {
            let (mut small, mut tree) = (Small::default(), BTreeMap::new());
            for (number, (adds, key)) in steps.into_iter().enumerate() {
                if adds {
                    prop_assert_eq!(small.insert(key, number), tree.insert(key, number));
                } else {
                    prop_assert_eq!(small.remove(&key), tree.remove(&key));
                }
                prop_assert_eq!(small.get(&key), tree.get(&key));
                prop_assert_eq!(small.get_mut(&key), tree.get_mut(&key));
                prop_assert_eq!((small.len(), small.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert!(small.values().eq(tree.values()) && small.iter().eq(tree.iter()));
            }
            prop_assert!(small.into_iter().eq(tree));
        }
    }
}
