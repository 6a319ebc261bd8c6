//! What is known by packet identifier: most often one or two things, and 65 535 at most.

use std::collections::BTreeMap;

/// So many are looked through one by one: that is faster than any index, and smaller.
const FEW: usize = 24;

/// Values by packet identifier.
#[derive(Debug, Clone)]
pub(super) struct Ids<T> {
    /// The only one there is.
    one: Option<(u16, T)>,
    /// All of them instead; made when there are two, and left for the next time.
    more: Option<Box<More<T>>>,
}

#[derive(Debug, Clone)]
struct More<T> {
    /// In the order of the identifiers, as long as there are few.
    few: Vec<(u16, T)>,
    /// Instead of them, where it is not empty.
    many: BTreeMap<u16, T>,
}

impl<T> Default for Ids<T> {
    fn default() -> Self {
        Self { one: None, more: None }
    }
}

impl<T> Default for More<T> {
    fn default() -> Self {
        Self { few: Vec::new(), many: BTreeMap::new() }
    }
}

impl<T> Ids<T> {
    pub(super) fn len(&self) -> usize {
        usize::from(self.one.is_some()) + self.more.as_ref().map_or(0, |more| more.len())
    }

    #[inline]
    pub(super) fn get(&self, id: u16) -> Option<&T> {
        match &self.one {
            Some((known, value)) => (*known == id).then_some(value),
            None => self.more.as_ref()?.get(id),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u16) -> Option<&mut T> {
        match &mut self.one {
            Some((known, value)) => (*known == id).then_some(value),
            None => self.more.as_mut()?.get_mut(id),
        }
    }

    pub(super) fn insert(&mut self, id: u16, value: T) {
        match self.one.take() {
            Some((known, _)) if known == id => self.one = Some((id, value)),
            Some((known, first)) => {
                let more = self.more.get_or_insert_default();
                more.insert(known, first);
                more.insert(id, value);
            }
            None => match self.more.as_mut().filter(|more| more.len() > 0) {
                Some(more) => more.insert(id, value),
                None => self.one = Some((id, value)),
            },
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, id: u16) -> Option<T> {
        if self.one.is_some() {
            return self.one.take_if(|(known, _)| *known == id).map(|(_, value)| value);
        }
        self.more.as_mut()?.remove(id)
    }

    /// The least identifier.
    pub(super) fn first(&self) -> Option<u16> {
        self.one.as_ref().map(|(id, _)| *id).or_else(|| self.more.as_ref()?.first())
    }

    /// All of them, in the order of the identifiers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &T)> {
        let more = self.more.iter().flat_map(|more| {
            let few = more.few.iter().map(|(id, value)| (*id, value));
            few.chain(more.many.iter().map(|(id, value)| (*id, value)))
        });
        self.one.iter().map(|(id, value)| (*id, value)).chain(more)
    }

    /// All of them, in the order of the identifiers.
    pub(super) fn into_iter(self) -> impl Iterator<Item = (u16, T)> {
        let more = self.more.into_iter().flat_map(|more| more.few.into_iter().chain(more.many));
        self.one.into_iter().chain(more)
    }
}

impl<T> More<T> {
    fn place(&self, id: u16) -> Result<usize, usize> {
        match self.few.iter().position(|(other, _)| *other >= id) {
            Some(at) if self.few[at].0 == id => Ok(at),
            at => Err(at.unwrap_or(self.few.len())),
        }
    }

    fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }

    fn get(&self, id: u16) -> Option<&T> {
        if self.many.is_empty() { self.place(id).ok().map(|at| &self.few[at].1) } else { self.many.get(&id) }
    }

    fn get_mut(&mut self, id: u16) -> Option<&mut T> {
        if !self.many.is_empty() {
            return self.many.get_mut(&id);
        }
        let at = self.place(id).ok()?;
        Some(&mut self.few[at].1)
    }

    fn insert(&mut self, id: u16, value: T) {
        if !self.many.is_empty() {
            self.many.insert(id, value);
            return;
        }
        match self.place(id) {
            Ok(at) => self.few[at].1 = value,
            Err(_) if self.few.len() == FEW => {
                self.many.extend(std::mem::take(&mut self.few));
                self.many.insert(id, value);
            }
            Err(at) => {
                if self.few.capacity() == 0 {
                    self.few.reserve_exact(2);
                }
                self.few.insert(at, (id, value));
            }
        }
    }

    fn remove(&mut self, id: u16) -> Option<T> {
        if self.many.is_empty() {
            return self.place(id).ok().map(|at| self.few.remove(at).1);
        }
        self.many.remove(&id)
    }

    fn first(&self) -> Option<u16> {
        self.few.first().map(|(id, _)| *id).or_else(|| self.many.keys().next().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_hold_the_same() {
        let (mut ids, mut map) = (Ids::default(), BTreeMap::new());
        let mut number = 7u32;
        for step in 0..4000u32 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The set grows beyond few, and shrinks to none.
            let id = (number >> 16) as u16 % if step % 1000 < 500 { 60 } else { 5 };
            if step % 1000 < 500 && number & 3 > 0 {
                ids.insert(id, step);
                map.insert(id, step);
            } else {
                let id = if step % 1000 < 500 { id } else { step as u16 % 60 };
                assert_eq!(ids.remove(id), map.remove(&id));
            }
            assert_eq!((ids.len(), ids.get(id)), (map.len(), map.get(&id)));
            assert_eq!(ids.get_mut(id).copied(), map.get(&id).copied());
        }
        assert!(ids.len() == 0 && ids.more.as_ref().is_some_and(|more| more.many.is_empty()));
        for id in (0..=FEW as u16).rev() {
            ids.insert(id, 0);
        }
        assert!(ids.more.as_ref().is_some_and(|more| !more.many.is_empty()));
        assert!(ids.iter().map(|(id, _)| id).eq(0..=FEW as u16));
        assert!(ids.into_iter().map(|(id, _)| id).eq(0..=FEW as u16));
    }
}
