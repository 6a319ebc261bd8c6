//! What a capture adds up to: protocols, lengths, traffic over time, endpoints and conversations.
//!
//! Frames are counted with their lengths on the wire, as Wireshark's statistics do. Nothing here knows TCP or MQTT.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::dissect::Protocol;
use crate::engine::PacketView;
use crate::time::{Span, Timestamp};
use crate::wire::{Layer, Payload};

/// The most intervals that are kept; with more, they become twice as long.
const INTERVALS: usize = 100_000;

/// The most endpoints, and the most conversations, that are told apart.
const ENDS: usize = 1_000_000;

/// The most ways in which protocols carry each other that are told apart. A network has some dozens; tunnels within tunnels can
/// be nested in more than there are frames.
const PATHS: usize = 10_000;

/// Frames and their bytes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Load {
    fn add(&mut self, length: u32) {
        self.frames += 1;
        self.bytes += u64::from(length);
    }

    fn merge(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

/// What an address sent and got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndLoad {
    /// What it sent.
    pub sent: Load,
    /// What was sent to it.
    pub received: Load,
}

/// What two addresses sent each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// From the first of them to the second.
    pub forth: Load,
    /// From the second to the first.
    pub back: Load,
    /// The first frame.
    pub first: Timestamp,
    /// The last frame.
    pub last: Timestamp,
}

/// The lower ends of the ranges of lengths, as in Wireshark's "Packet Lengths".
pub const LENGTHS: [u32; 10] = [0, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120];

/// Adds frames up.
#[derive(Debug)]
pub struct Statistics {
    interval: Span,
    origin: Option<Timestamp>,
    protocols: BTreeMap<Vec<&'static str>, Load>,
    lengths: [Load; LENGTHS.len()],
    intervals: BTreeMap<i64, Load>,
    endpoints: HashMap<IpAddr, EndLoad, foldhash::fast::RandomState>,
    conversations: HashMap<(IpAddr, IpAddr), Conversation, foldhash::fast::RandomState>,
    left_out: u64,
    paths_left_out: u64,
}

impl Statistics {
    /// Nothing yet; traffic over time is added up over this interval.
    pub fn new(interval: Span) -> Self {
        Self {
            interval: if interval > Span::ZERO { interval } else { Span::from_secs(1) },
            origin: None,
            protocols: BTreeMap::new(),
            lengths: [Load::default(); LENGTHS.len()],
            intervals: BTreeMap::new(),
            endpoints: HashMap::default(),
            conversations: HashMap::default(),
            left_out: 0,
            paths_left_out: 0,
        }
    }

    /// Adds a frame.
    pub fn frame(&mut self, view: &PacketView<'_>) {
        let (time, length) = (view.frame.header.time, view.frame.header.length);
        let carries = match &view.packet.payload {
            Payload::Tcp(segment) => segment.payload_length > 0,
            Payload::Udp(_) => view.protocol.is_some_and(|protocol| protocol != Protocol::Unknown),
            _ => false,
        };
        let carried = view.brought().filter(|_| carries);
        self.path(view.packet.layers.iter().map(Layer::name).chain(carried.map(Protocol::name)), length);
        let range = LENGTHS.partition_point(|from| *from <= length).saturating_sub(1);
        if let Some(load) = self.lengths.get_mut(range) {
            load.add(length);
        }
        self.at(time).add(length);
        let Some(ip) = view.packet.ip else { return };
        let room = self.endpoints.len() + 2 <= ENDS && self.conversations.len() < ENDS;
        let known = self.endpoints.contains_key(&ip.source) && self.endpoints.contains_key(&ip.destination);
        if !room && !known {
            self.left_out += 1;
            return;
        }
        self.endpoints.entry(ip.source).or_default().sent.add(length);
        self.endpoints.entry(ip.destination).or_default().received.add(length);
        let forth = ip.source <= ip.destination;
        let key = if forth { (ip.source, ip.destination) } else { (ip.destination, ip.source) };
        let none = Conversation { forth: Load::default(), back: Load::default(), first: time, last: time };
        let conversation = self.conversations.entry(key).or_insert(none);
        conversation.first = conversation.first.min(time);
        conversation.last = conversation.last.max(time);
        if forth { &mut conversation.forth } else { &mut conversation.back }.add(length);
    }

    /// Adds a frame to each of its protocols, the outermost first. Where there is no room for one, it counts for those around it
    /// alone.
    fn path(&mut self, names: impl Iterator<Item = &'static str>, length: u32) {
        let mut path: Vec<&'static str> = Vec::new();
        for name in names {
            path.push(name);
            let has_room = self.protocols.len() < PATHS;
            match self.protocols.get_mut(&path) {
                Some(load) => load.add(length),
                None if !has_room => {
                    self.paths_left_out += 1;
                    return;
                }
                None => self.protocols.entry(path.clone()).or_default().add(length),
            }
        }
    }

    /// The load of the interval that has this time in it.
    fn at(&mut self, time: Timestamp) -> &mut Load {
        let origin = *self.origin.get_or_insert(time);
        let mut number = time.since(origin).as_nanos().div_euclid(self.interval.as_nanos());
        while self.intervals.len() >= INTERVALS && !self.intervals.contains_key(&number) {
            self.interval = Span::from_nanos(self.interval.as_nanos().saturating_mul(2));
            let mut merged: BTreeMap<i64, Load> = BTreeMap::new();
            for (number, load) in std::mem::take(&mut self.intervals) {
                merged.entry(number.div_euclid(2)).or_default().merge(load);
            }
            self.intervals = merged;
            number = number.div_euclid(2);
        }
        self.intervals.entry(number).or_default()
    }

    /// Each protocol with those below it, outermost first.
    pub fn protocols(&self) -> impl Iterator<Item = (&[&'static str], Load)> {
        self.protocols.iter().map(|(path, load)| (path.as_slice(), *load))
    }

    /// Frames by length: each range from its first length up to the next.
    pub fn lengths(&self) -> impl Iterator<Item = (u32, Option<u32>, Load)> {
        let ends = LENGTHS.iter().skip(1).map(|next| Some(next - 1)).chain([None]);
        LENGTHS.iter().zip(ends).zip(self.lengths).map(|((from, to), load)| (*from, to, load))
    }

    /// How long the intervals are: as asked for, or longer where they were too many.
    pub const fn interval(&self) -> Span {
        self.interval
    }

    /// Traffic over time: the beginning of each interval in which there was some, since the first frame.
    pub fn intervals(&self) -> impl Iterator<Item = (Span, Load)> {
        let length = self.interval.as_nanos();
        self.intervals.iter().map(move |(number, load)| (Span::from_nanos(number.saturating_mul(length)), *load))
    }

    /// Addresses, the busiest first.
    pub fn endpoints(&self) -> Vec<(IpAddr, EndLoad)> {
        let mut ends: Vec<_> = self.endpoints.iter().map(|(address, load)| (*address, *load)).collect();
        ends.sort_by_key(|(address, load)| (std::cmp::Reverse(load.sent.bytes + load.received.bytes), *address));
        ends
    }

    /// Pairs of addresses, the busiest first.
    pub fn conversations(&self) -> Vec<((IpAddr, IpAddr), Conversation)> {
        let mut pairs: Vec<_> = self.conversations.iter().map(|(pair, load)| (*pair, *load)).collect();
        pairs.sort_by_key(|(pair, load)| (std::cmp::Reverse(load.forth.bytes + load.back.bytes), *pair));
        pairs
    }

    /// Frames whose addresses are not told apart, because there were too many.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Frames of which not all protocols are told, because they are nested in too many ways: they count for those further out.
    pub const fn paths_left_out(&self) -> u64 {
        self.paths_left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_when_they_become_too_many() {
        let mut statistics = Statistics::new(Span::from_millis(1));
        let start = Timestamp::from_nanos(0);
        for number in 0..250_000 {
            statistics.at(start + Span::from_millis(number)).add(10);
        }
        assert_eq!(statistics.interval(), Span::from_millis(4));
        assert_eq!(statistics.intervals().map(|(_, load)| load.frames).sum::<u64>(), 250_000);
        assert_eq!(statistics.intervals().next(), Some((Span::ZERO, Load { frames: 4, bytes: 40 })));
    }

    #[test]
    fn protocols_that_are_nested_in_too_many_ways_count_for_what_carries_them() {
        let mut statistics = Statistics::new(Span::from_secs(1));
        for number in 0..20_000_u32 {
            let name = |bit: u32| if number >> bit & 1 == 0 { "IPv4" } else { "IPv6" };
            statistics.path(["Ethernet"].into_iter().chain((0..23).map(name)), 100);
        }
        statistics.path(["Ethernet", "IPv4"].into_iter(), 100);
        let all: Vec<_> = statistics.protocols().collect();
        assert_eq!(all.len(), PATHS);
        let sum =
            |depth: usize| all.iter().filter(|(path, _)| path.len() == depth).map(|(_, load)| load.frames).sum::<u64>();
        assert_eq!((sum(1), sum(2)), (20_001, 20_001));
        let whole = sum(24);
        assert!(whole > 0 && whole + statistics.paths_left_out() == 20_000, "{whole}");
    }

    #[test]
    fn a_time_before_the_first_frame_has_its_interval() {
        let mut statistics = Statistics::new(Span::from_secs(1));
        let start = Timestamp::from_nanos(5_000_000_000);
        statistics.at(start).add(1);
        statistics.at(start + Span::from_millis(-1)).add(1);
        let begins: Vec<_> = statistics.intervals().map(|(begin, _)| begin).collect();
        assert_eq!(begins, [Span::from_secs(-1), Span::ZERO]);
    }
}
