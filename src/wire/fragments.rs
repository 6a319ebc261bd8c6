//! IP fragments, kept until their datagram is whole.
//!
//! It knows offsets and bytes, not headers: the caller says which datagram a fragment belongs to, and
//! reads the whole datagram itself.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::net::IpAddr;

use super::FragmentNote;
use crate::time::{Span, Timestamp};

/// How much the fragment store may hold. What comes first goes first when a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// The most datagrams that are put together at a time.
    pub datagrams: usize,
    /// The most bytes of memory for all of them.
    pub bytes: usize,
}

impl Default for FragmentLimits {
    /// 4096 datagrams and 32 MiB: half a thousand of the largest datagrams there can be, and eight times
    /// what the Linux kernel grants itself (`net.ipv4.ipfrag_high_thresh`), since a capture point may see the
    /// traffic of many hosts.
    fn default() -> Self {
        Self { datagrams: 4096, bytes: 32 << 20 }
    }
}

/// What became of the fragments so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentStats {
    /// Fragments that were kept to wait for the rest.
    pub held: u64,
    /// Datagrams that wait for the rest by now.
    pub waiting: u64,
    /// The memory that they take by now.
    pub waiting_bytes: u64,
    /// Datagrams that became whole.
    pub reassembled: u64,
    /// Datagrams given up because the rest did not come in time.
    pub expired: u64,
    /// Datagrams given up because a limit was reached.
    pub evicted: u64,
    /// Fragments that overlap an earlier one with other bytes, or that place the end elsewhere.
    pub conflicts: u64,
    /// Fragments of no use: empty, reaching beyond the largest datagram, or at odds about the end.
    pub refused: u64,
}

/// Which datagram a fragment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// For IPv6 always 0: there only the first fragment's next header counts (RFC 8200, section 4.5).
    pub(super) protocol: u8,
    pub(super) id: u32,
    /// Tells tunnels apart, which may carry the same private addresses.
    pub(super) scope: u64,
}

/// One fragment, captured whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    pub(super) key: FragmentKey,
    pub(super) time: Timestamp,
    /// Where its bytes belong, a multiple of 8.
    pub(super) offset: usize,
    /// Whether it says that more follow.
    pub(super) more: bool,
    /// The protocol number of the datagram, as this fragment tells it.
    pub(super) protocol: u8,
    /// The most bytes that its datagram may have.
    pub(super) largest: usize,
    pub(super) data: &'a [u8],
    /// The length of the frame that brings it, on the wire.
    pub(super) frame_length: u32,
}

/// A datagram that became whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) protocol: u8,
    pub(super) bytes: Vec<u8>,
    /// The lengths of the frames that brought it, the last one left out.
    pub(super) earlier_length: u32,
}

/// A datagram in the making.
///
/// INVARIANT: bit n of `seen` is set exactly when block n (bytes 8n to 8n+7, or to `end`) has arrived;
/// `blocks` counts these bits, and `bytes.len()` is where the farthest fragment ended.
#[derive(Debug)]
struct Partial {
    bytes: Vec<u8>,
    seen: Vec<u64>,
    blocks: usize,
    end: Option<usize>,
    protocol: u8,
    first: Timestamp,
    serial: u64,
    /// The lengths of the frames that brought its fragments so far.
    frames_length: u32,
}

/// Every fragment but the last is a multiple of this long (RFC 791, section 3.2; RFC 8200, section 4.5).
const BLOCK: usize = 8;

/// Buffers kept for the next datagrams, so that steady fragmented traffic allocates nothing.
const SPARES: usize = 16;

/// What an entry costs beside its bytes: map slot, queue slot, allocator overhead.
const ENTRY_COST: usize = 256;

/// The fragments of all datagrams that are not whole yet.
#[derive(Debug)]
pub(super) struct Fragments {
    limits: FragmentLimits,
    stats: FragmentStats,
    partials: HashMap<FragmentKey, Partial, foldhash::fast::RandomState>,
    /// Oldest first, IPv4 and IPv6 apart because they expire differently. Entries of datagrams that are gone
    /// stay until they come to the front, or until they outnumber the others.
    queues: [VecDeque<(FragmentKey, u64)>; 2],
    bytes: usize,
    next_serial: u64,
    spare_bytes: Vec<Vec<u8>>,
    spare_seen: Vec<Vec<u64>>,
}

impl Fragments {
    /// A number that is the same for the same key. That two keys share one is not to be expected, also where somebody
    /// would like it: it has a seed.
    pub(super) fn number(&self, key: &FragmentKey) -> u64 {
        self.partials.hasher().hash_one(key)
    }

    pub(super) fn new(limits: FragmentLimits) -> Self {
        Self {
            limits,
            stats: FragmentStats::default(),
            partials: HashMap::default(),
            queues: Default::default(),
            bytes: 0,
            next_serial: 0,
            spare_bytes: Vec::new(),
            spare_seen: Vec::new(),
        }
    }

    pub(super) fn stats(&self) -> FragmentStats {
        FragmentStats { waiting: self.partials.len() as u64, waiting_bytes: self.bytes as u64, ..self.stats }
    }

    /// Gives a buffer back that [`Fragments::add`] handed out.
    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        keep_spare(&mut self.spare_bytes, bytes);
    }

    /// Takes in a fragment; answers with the datagram if this was the last hole.
    pub(super) fn add(&mut self, fragment: Fragment<'_>) -> (Option<Whole>, Option<FragmentNote>) {
        self.expire(fragment.time);
        let mut data = fragment.data;
        if fragment.more {
            // As Linux does for IPv4: what is beyond the last whole block can't have been meant.
            data = data.get(..data.len() / BLOCK * BLOCK).unwrap_or_default();
        }
        let end = fragment.offset + data.len();
        if data.is_empty() {
            self.stats.refused += 1;
            return (None, None);
        }
        if end > fragment.largest {
            self.stats.refused += 1;
            return (None, Some(FragmentNote::TooLong));
        }
        let serial = self.next_serial;
        let partial = match self.partials.entry(fragment.key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let bytes = self.spare_bytes.pop().unwrap_or_default();
                let seen = self.spare_seen.pop().unwrap_or_default();
                let partial = Partial {
                    bytes,
                    seen,
                    blocks: 0,
                    end: None,
                    protocol: fragment.protocol,
                    first: fragment.time,
                    serial,
                    frames_length: 0,
                };
                self.bytes += partial.cost();
                self.next_serial += 1;
                if let Some(queue) = self.queues.get_mut(queue_of(&fragment.key)) {
                    queue.push_back((fragment.key, serial));
                }
                entry.insert(partial)
            }
        };
        if partial.contradicts_end(end, fragment.more) {
            self.stats.refused += 1;
            self.stats.conflicts += 1;
            return (None, Some(FragmentNote::ConflictingEnd));
        }
        let cost_before = partial.cost();
        let earlier_length = partial.frames_length;
        partial.frames_length = earlier_length.saturating_add(fragment.frame_length);
        if !fragment.more {
            partial.end = Some(end);
        }
        if fragment.offset == 0 && partial.seen.first().is_none_or(|bits| bits & 1 == 0) {
            partial.protocol = fragment.protocol;
        }
        let note = partial.fill(fragment.offset, data);
        self.bytes = self.bytes + partial.cost() - cost_before;
        if note == Some(FragmentNote::ConflictingOverlap) {
            self.stats.conflicts += 1;
        }
        if partial.is_whole() {
            self.stats.reassembled += 1;
            let whole = self.remove(&fragment.key).map(|partial| {
                let Partial { bytes, seen, protocol, .. } = partial;
                keep_spare(&mut self.spare_seen, seen);
                Whole { protocol, bytes, earlier_length }
            });
            return (whole, note);
        }
        self.stats.held += 1;
        self.evict();
        (None, note)
    }

    /// Gives up what has waited too long at this time of the capture.
    fn expire(&mut self, now: Timestamp) {
        for index in 0..self.queues.len() {
            while let Some(&(key, serial)) = self.queues.get(index).and_then(VecDeque::front) {
                match self.partials.get(&key) {
                    Some(partial) if partial.serial == serial => {
                        if now.since(partial.first) < lifetime(&key) {
                            break;
                        }
                        self.give_up(&key);
                        self.stats.expired += 1;
                    }
                    _ => {}
                }
                self.queues.get_mut(index).map(VecDeque::pop_front);
            }
        }
    }

    /// See [`FragmentStats::evicted`].
    pub(super) const fn evicted(&self) -> u64 {
        self.stats.evicted
    }

    /// Gives up the oldest datagrams until the limits are kept.
    fn evict(&mut self) {
        while self.partials.len() > self.limits.datagrams || self.bytes > self.limits.bytes {
            let oldest = (0..self.queues.len())
                .filter_map(|index| Some((self.queues.get(index)?.front()?.1, index)))
                .min()
                .and_then(|(_, index)| self.queues.get_mut(index)?.pop_front());
            let Some((key, serial)) = oldest else { break };
            if self.partials.get(&key).is_some_and(|partial| partial.serial == serial) {
                self.give_up(&key);
                self.stats.evicted += 1;
            }
        }
        // Entries of finished datagrams that wait behind an unfinished one must not pile up.
        let live = self.partials.len();
        for queue in &mut self.queues {
            if queue.len() > 2 * live + 64 {
                let partials = &self.partials;
                queue.retain(|(key, serial)| partials.get(key).is_some_and(|partial| partial.serial == *serial));
            }
        }
    }

    fn give_up(&mut self, key: &FragmentKey) {
        if let Some(partial) = self.remove(key) {
            keep_spare(&mut self.spare_bytes, partial.bytes);
            keep_spare(&mut self.spare_seen, partial.seen);
        }
    }

    fn remove(&mut self, key: &FragmentKey) -> Option<Partial> {
        let partial = self.partials.remove(key)?;
        self.bytes = self.bytes.saturating_sub(partial.cost());
        Some(partial)
    }
}

fn keep_spare<T>(spares: &mut Vec<Vec<T>>, mut buffer: Vec<T>) {
    if spares.len() < SPARES && buffer.capacity() > 0 {
        buffer.clear();
        spares.push(buffer);
    }
}

impl Partial {
    /// The memory it takes.
    const fn cost(&self) -> usize {
        self.bytes.capacity() + self.seen.capacity() * size_of::<u64>() + ENTRY_COST
    }

    /// Whether a fragment that ends here is at odds with what is known of the end (as in RFC 5722, it is
    /// then of no use; unlike there, the datagram stays).
    fn contradicts_end(&self, end: usize, more: bool) -> bool {
        match self.end {
            Some(known) if more => end > known,
            Some(known) => end != known,
            None => !more && end < self.bytes.len(),
        }
    }

    /// Copies the blocks that have not arrived before, and compares the others.
    fn fill(&mut self, offset: usize, data: &[u8]) -> Option<FragmentNote> {
        let end = offset + data.len();
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        let words = end.div_ceil(BLOCK).div_ceil(64);
        if words > self.seen.len() {
            self.seen.resize(words, 0);
        }
        let mut note = None;
        let target = self.bytes.get_mut(offset..end).unwrap_or_default();
        for (index, (to, from)) in target.chunks_mut(BLOCK).zip(data.chunks(BLOCK)).enumerate() {
            let block = offset / BLOCK + index;
            let Some(bits) = self.seen.get_mut(block / 64) else { break };
            let bit = 1 << (block % 64);
            if *bits & bit == 0 {
                *bits |= bit;
                self.blocks += 1;
                to.copy_from_slice(from);
            } else if to != from {
                note = Some(FragmentNote::ConflictingOverlap);
            } else if note.is_none() {
                note = Some(FragmentNote::Overlap);
            }
        }
        note
    }

    fn is_whole(&self) -> bool {
        self.end.is_some_and(|end| self.blocks == end.div_ceil(BLOCK))
    }
}

const fn queue_of(key: &FragmentKey) -> usize {
    if key.source.is_ipv6() { 1 } else { 0 }
}

/// How long the rest of a datagram is waited for: 30 s as Linux does (`net.ipv4.ipfrag_time`), and 60 s
/// for IPv6 (RFC 8200, section 4.5).
const fn lifetime(key: &FragmentKey) -> Span {
    if key.source.is_ipv6() { Span::from_millis(60_000) } else { Span::from_millis(30_000) }
}

#[cfg(test)]
#[path = "fragments_tests.rs"]
mod tests;
