//! What stands below a level of filters.

use std::collections::HashMap;

type Map = HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>;

/// Levels by their names, with the numbers of their nodes. Most often there is one.
#[derive(Debug, Default)]
pub(super) enum Levels {
    #[default]
    None,
    One(Box<[u8]>, u32),
    Many(Box<Map>),
}

impl Levels {
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn get(&self, level: &[u8]) -> Option<usize> {
        let node = match self {
            Self::None => None,
            Self::One(name, node) => (**name == *level).then_some(*node),
            Self::Many(many) => many.get(level).copied(),
        };
        node.map(|node| node as usize)
    }

    /// Adds one that is not there.
    pub(super) fn insert(&mut self, level: &[u8], node: u32) {
        match std::mem::take(self) {
            Self::None => *self = Self::One(level.into(), node),
            Self::One(name, other) => {
                *self = Self::Many(Box::new([(name, other), (level.into(), node)].into_iter().collect()));
            }
            Self::Many(mut many) => {
                many.insert(level.into(), node);
                *self = Self::Many(many);
            }
        }
    }

    /// Gives all nodes other numbers.
    pub(super) fn renumber(&mut self, mut number: impl FnMut(usize) -> u32) {
        match self {
            Self::None => {}
            Self::One(_, node) => *node = number(*node as usize),
            Self::Many(many) => many.values_mut().for_each(|node| *node = number(*node as usize)),
        }
    }

    pub(super) fn remove(&mut self, level: &[u8]) {
        match self {
            Self::None => {}
            Self::One(name, _) => {
                if **name == *level {
                    *self = Self::None;
                }
            }
            Self::Many(many) => {
                many.remove(level);
                if many.len() == 1 {
                    let last = many.drain().next();
                    *self = last.map_or(Self::None, |(name, node)| Self::One(name, node));
                } else if many.capacity() > 8 * many.len() {
                    many.shrink_to(2 * many.len());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_kept_without_a_table_and_many_give_memory_back() {
        let name = |number: u32| number.to_string().into_bytes();
        let mut levels = Levels::default();
        for number in 0..1000 {
            levels.insert(&name(number), number);
        }
        assert!((0..1000).all(|number| levels.get(&name(number)) == Some(number as usize)));
        for number in 0..990 {
            levels.remove(&name(number));
        }
        assert!(matches!(&levels, Levels::Many(many) if many.capacity() <= 80));
        (990..999).for_each(|number| levels.remove(&name(number)));
        assert!(matches!(levels, Levels::One(_, 999)));
        levels.remove(b"other");
        levels.remove(b"999");
        assert!(levels.is_empty());
        assert_eq!(size_of::<Levels>(), 24);
    }
}
