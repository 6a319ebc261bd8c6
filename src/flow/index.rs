//! Finds the slot of a flow by its two ends, or of what else is kept by slots: one hash, and mostly one look.
//!
//! A cell is eight bytes and has no key: who asks compares with the flow itself, which is needed anyway.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use super::endpoint::Transport;
use crate::prefetch::prefetch;

/// Slots by hash: open addressing with linear probing.
///
/// INVARIANT: the length of `cells` is a power of two or zero, a quarter of them at least is empty, and between the
/// home of a cell and its place none is.
#[derive(Debug)]
pub(crate) struct Index {
    /// The hash in the upper half and the slot, plus one, in the lower; zero where there is none.
    cells: Vec<u64>,
    held: usize,
    state: foldhash::fast::RandomState,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { cells: Vec::new(), held: 0, state: foldhash::fast::RandomState::default() }
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.held
    }

    /// The hash of two ends, the same in both orders.
    #[inline]
    pub(super) fn hash(&self, transport: Transport, a: SocketAddr, b: SocketAddr) -> u32 {
        let mut hasher = self.state.build_hasher();
        let tcp = u64::from(transport == Transport::Tcp) << 63;
        if let (IpAddr::V4(ip_a), IpAddr::V4(ip_b)) = (a.ip(), b.ip()) {
            let word = |ip: std::net::Ipv4Addr, end: SocketAddr| u64::from(ip.to_bits()) << 16 | u64::from(end.port());
            let (a, b) = (word(ip_a, a), word(ip_b, b));
            hasher.write_u64(a.min(b) | tcp);
            hasher.write_u64(a.max(b));
        } else {
            let word = |end: SocketAddr| match end.ip() {
                IpAddr::V4(ip) => (u128::from(ip.to_bits()), end.port()),
                IpAddr::V6(ip) => (ip.to_bits(), end.port()),
            };
            let (a, b) = (word(a), word(b));
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            hasher.write_u128(low.0);
            hasher.write_u128(high.0);
            hasher.write_u64(u64::from(low.1) << 16 | u64::from(high.1) | tcp);
        }
        (hasher.finish() >> 32) as u32
    }

    /// Asks for the cell of a hash that is looked up soon.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u32) {
        if let Some(cell) = self.cells.get(hash as usize & self.cells.len().wrapping_sub(1)) {
            prefetch(cell);
        }
    }

    /// The slot that a hash most likely leads to.
    #[inline]
    pub(crate) fn likely(&self, hash: u32) -> Option<usize> {
        let mask = self.cells.len().wrapping_sub(1);
        let cells = (0..4).map(|step| (hash as usize).wrapping_add(step) & mask).map_while(|at| self.cells.get(at));
        let cell = cells.copied().take_while(|cell| *cell != 0).find(|cell| (cell >> 32) as u32 == hash)?;
        Some((cell as u32 - 1) as usize)
    }

    /// The slot with this hash that `is` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(usize) -> bool) -> Option<usize> {
        self.place_of(hash, is).map(|(_, slot)| slot)
    }

    #[inline]
    fn place_of(&self, hash: u32, is: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        let mask = self.cells.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(&cell) = self.cells.get(at)
            && cell != 0
        {
            let slot = (cell as u32 - 1) as usize;
            if (cell >> 32) as u32 == hash && is(slot) {
                return Some((at, slot));
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Adds a slot that is not in yet.
    pub(crate) fn insert(&mut self, hash: u32, slot: usize) {
        if self.held * 4 >= self.cells.len() * 3 {
            let more = vec![0; (self.cells.len() * 2).max(16)];
            for cell in std::mem::replace(&mut self.cells, more).into_iter().filter(|cell| *cell != 0) {
                self.put(cell);
            }
        }
        self.put(u64::from(hash) << 32 | u64::from(slot as u32 + 1));
        self.held += 1;
    }

    fn put(&mut self, cell: u64) {
        let mask = self.cells.len() - 1;
        let mut at = (cell >> 32) as usize & mask;
        while self.cells[at] != 0 {
            at = (at + 1) & mask;
        }
        self.cells[at] = cell;
    }

    /// Takes a slot out.
    pub(crate) fn remove(&mut self, hash: u32, slot: usize) {
        let Some((mut hole, _)) = self.place_of(hash, |found| found == slot) else { return };
        self.held -= 1;
        let mask = self.cells.len() - 1;
        let mut at = hole;
        // What was pushed past the hole by it moves up.
        loop {
            at = (at + 1) & mask;
            let cell = self.cells[at];
            if cell == 0 {
                break;
            }
            let home = (cell >> 32) as usize & mask;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = cell;
                hole = at;
            }
        }
        self.cells[hole] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_orders_have_one_hash_and_transports_have_two() {
        let index = Index::new();
        for (a, b) in [("10.0.0.1:1883", "10.0.0.2:40000"), ("[fe80::1]:1883", "[fe80::2]:1883")] {
            let (a, b) = (a.parse().expect("an address"), b.parse().expect("an address"));
            assert_eq!(index.hash(Transport::Tcp, a, b), index.hash(Transport::Tcp, b, a));
            assert_ne!(index.hash(Transport::Tcp, a, b), index.hash(Transport::Udp, a, b));
            assert_ne!(index.hash(Transport::Tcp, a, b), index.hash(Transport::Tcp, a, a));
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_map(steps in proptest::collection::vec((any::<bool>(), 0usize..60), 0..400)) {
            // Few hashes, all near the end, so that runs wrap round and slots share them.
            let hash = |slot: usize| u32::MAX - (slot as u32 % 7);
            let mut index = Index::new();
            let mut map = std::collections::BTreeSet::new();
            for (add, slot) in steps {
                if add && map.insert(slot) {
                    index.insert(hash(slot), slot);
                } else if !add {
                    map.remove(&slot);
                    index.remove(hash(slot), slot);
                }
                prop_assert_eq!(index.len(), map.len());
                for slot in 0..60 {
                    prop_assert_eq!(index.find(hash(slot), |found| found == slot).is_some(), map.contains(&slot));
                }
            }
        }
    }
}
