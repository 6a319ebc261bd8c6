//! What is kept of each connection that is open, by the frame that opened it.
//!
//! Each message of a connection asks for it. With thousands of connections neither an index nor what it leads to is in the
//! core's own cache, so that whoever looks ahead goes there in steps, and what was found on the way is remembered.

use std::hash::BuildHasher as _;

use crate::capture::FrameNo;
use crate::flow::Index;
use crate::prefetch::prefetch;

/// So many answers are remembered: what was looked ahead for is asked for again some frames later.
const RECENT: usize = 32;

/// Something of each connection that is open.
#[derive(Debug)]
pub(crate) struct Open<T> {
    places: Index,
    state: foldhash::fast::RandomState,
    /// In boxes, for a session is large and many places may be free; each with its flow.
    held: Vec<(FrameNo, Option<Box<T>>)>,
    free: Vec<u32>,
    /// Flows with their places, each where the number of its first frame says.
    recent: [Option<(FrameNo, u32)>; RECENT],
}

impl<T> Default for Open<T> {
    fn default() -> Self {
        let state = foldhash::fast::RandomState::default();
        Self { places: Index::new(), state, held: Vec::new(), free: Vec::new(), recent: [None; RECENT] }
    }
}

/// There is no such frame.
const NONE: FrameNo = FrameNo(0);

/// Where an answer is remembered.
#[inline]
const fn slot(flow: FrameNo) -> usize {
    flow.0 as usize % RECENT
}

impl<T> Open<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.held.len() - self.free.len()
    }

    /// All, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.held.iter().filter_map(|(_, held)| held.as_deref())
    }

    #[inline]
    fn hash(&self, flow: FrameNo) -> u32 {
        (self.state.hash_one(flow) >> 32) as u32
    }

    #[inline]
    fn place(&self, flow: FrameNo) -> Option<u32> {
        match self.recent[slot(flow)] {
            Some((known, place)) if known == flow => Some(place),
            _ => self.find(flow),
        }
    }

    fn find(&self, flow: FrameNo) -> Option<u32> {
        let is_it = |place: usize| self.held.get(place).is_some_and(|(known, _)| *known == flow);
        self.places.find(self.hash(flow), is_it).map(|place| place as u32)
    }

    /// The first step ahead: a flow is asked for soon. Gives its hash.
    #[inline]
    pub(crate) fn expect(&self, flow: FrameNo) -> u32 {
        let hash = self.hash(flow);
        self.places.prefetch(hash);
        hash
    }

    /// The second one: the place that this hash most likely leads to.
    #[inline]
    pub(crate) fn locate(&self, hash: u32) -> Option<u32> {
        self.places.likely(hash).map(|place| place as u32)
    }

    /// The same where the place is known: who else keeps something of the same flows most often has it at the same place.
    #[inline]
    pub(crate) fn approach(&self, place: u32) {
        if let Some(held) = self.held.get(place as usize) {
            prefetch(held);
        }
    }

    /// The third one: what is kept of the flow, if it is at this place.
    #[inline]
    pub(crate) fn arrive(&mut self, flow: FrameNo, place: u32) -> Option<&T> {
        let (known, held) = self.held.get(place as usize)?;
        if *known != flow {
            return None;
        }
        self.recent[slot(flow)] = Some((flow, place));
        held.as_deref()
    }

    /// What is kept of a flow.
    #[inline]
    pub(crate) fn get(&self, flow: FrameNo) -> Option<&T> {
        self.held.get(self.place(flow)? as usize)?.1.as_deref()
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, flow: FrameNo) -> Option<&mut T> {
        let place = self.place(flow)?;
        self.held.get_mut(place as usize)?.1.as_deref_mut()
    }

    /// The same, made where there is none; and whether it was.
    #[inline]
    pub(crate) fn get_or_insert_with(&mut self, flow: FrameNo, make: impl FnOnce() -> T) -> (&mut T, bool) {
        let known = self.place(flow);
        let place = known.unwrap_or_else(|| self.make_place(flow));
        // Each place that is given out is there.
        (self.held[place as usize].1.get_or_insert_with(|| Box::new(make())), known.is_none())
    }

    #[cold]
    fn make_place(&mut self, flow: FrameNo) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.held.push((flow, None));
            self.held.len() as u32 - 1
        });
        self.held[place as usize].0 = flow;
        self.places.insert(self.hash(flow), place as usize);
        self.recent[slot(flow)] = Some((flow, place));
        place
    }

    /// Lends what is kept of a flow, to be given back before anything else of the flow is asked for.
    pub(crate) fn lend(&mut self, flow: FrameNo) -> Option<Box<T>> {
        let place = self.place(flow)?;
        self.held.get_mut(place as usize)?.1.take()
    }

    /// Takes back what was lent.
    pub(crate) fn give_back(&mut self, flow: FrameNo, lent: Box<T>) {
        if let Some(held) = self.place(flow).and_then(|place| self.held.get_mut(place as usize)) {
            held.1 = Some(lent);
        }
    }

    /// Takes out what is kept of a flow.
    pub(crate) fn remove(&mut self, flow: FrameNo) -> Option<Box<T>> {
        let place = self.place(flow)?;
        self.places.remove(self.hash(flow), place as usize);
        self.recent[slot(flow)] = None;
        self.free.push(place);
        self.held[place as usize].0 = NONE;
        self.held.get_mut(place as usize)?.1.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_gone_although_its_place_is_used_again() {
        let mut open = Open::default();
        // These share their place among the answers of late.
        let (a, b, c) = (FrameNo(1), FrameNo(1 + RECENT as u64), FrameNo(2));
        assert_eq!(open.get_or_insert_with(a, || 'a'), (&mut 'a', true));
        assert_eq!(open.get_or_insert_with(a, || 'x'), (&mut 'a', false));
        assert_eq!(open.get_or_insert_with(b, || 'b'), (&mut 'b', true));
        for (flow, place, kept) in [(a, 0, 'a'), (b, 1, 'b')] {
            let hash = open.expect(flow);
            assert_eq!(open.locate(hash), Some(place));
            assert_eq!(open.arrive(flow, place), Some(&kept));
            assert_eq!(open.arrive(flow, 1 - place), None, "it is not where it was said to be");
        }
        assert_eq!((open.get(a), open.get(b), open.get(c)), (Some(&'a'), Some(&'b'), None));
        assert_eq!(open.remove(b).as_deref(), Some(&'b'));
        assert!(open.remove(b).is_none() && open.arrive(b, 1).is_none());
        assert_eq!((open.get(a), open.get(b)), (Some(&'a'), None));
        open.get_or_insert_with(c, || 'c');
        assert_eq!((open.get(a), open.get(b), open.get(c)), (Some(&'a'), None, Some(&'c')));
        assert_eq!((open.len(), open.values().collect::<String>()), (2, "ac".to_owned()));
    }

    #[test]
    fn what_is_lent_comes_back_to_its_place() {
        let mut open = Open::default();
        open.get_or_insert_with(FrameNo(7), || 1);
        let lent = open.lend(FrameNo(7)).expect("it is there");
        assert!(open.get(FrameNo(7)).is_none() && open.lend(FrameNo(8)).is_none());
        open.give_back(FrameNo(7), lent);
        assert_eq!(open.get(FrameNo(7)), Some(&1));
    }
}
