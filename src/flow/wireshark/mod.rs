//! Wireshark's own verdict on each segment (`tcp.analysis.*`), to be compared with ours.
//!
//! It is a model of a heuristic, not of TCP: segments are taken in the order of the file, those with bad
//! checksums and those outside the window too; what was sent again is told from what was reordered by time;
//! and numbers that are not known yet are 0. Where it is odd, it is so on purpose: the value of this module is
//! that it says what Wireshark says. What we think ourselves is in [`Verdict`](super::Verdict).

mod segment;
mod side;
mod stream;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::HashMap;
use std::net::SocketAddr;

pub use verdict::{Since, WiresharkFlags, WiresharkRules, WiresharkVerdict};

use super::endpoint::{FlowKey, Transport};
use crate::capture::Origin;
use crate::wire::{Ip, Segment};
use segment::Seen;
use stream::{Room, Stream};

/// The most unacknowledged segments that are remembered over all streams: 128 MiB of them.
const UNACKED_IN_ALL: usize = 4 << 20;

type Streams = HashMap<FlowKey, Box<Stream>, foldhash::fast::RandomState>;

/// Wireshark's verdicts over all connections of a capture.
///
/// Wireshark never forgets a connection; here a pair of endpoints is forgotten when so many others were seen
/// since that the limit was reached.
#[derive(Debug)]
pub struct WiresharkAnalysis {
    rules: WiresharkRules,
    /// The streams of which segments were seen lately, and those of the time before. When there are too many,
    /// the former become the latter.
    recent: Streams,
    earlier: Streams,
    limit: usize,
    room: Room,
    forgotten: u64,
}

impl WiresharkAnalysis {
    /// An analysis that has seen nothing, and remembers at most `streams` pairs of endpoints.
    pub fn new(rules: WiresharkRules, streams: usize) -> Self {
        Self {
            rules,
            recent: HashMap::default(),
            earlier: HashMap::default(),
            limit: (streams / 2).max(1),
            room: Room::new(UNACKED_IN_ALL),
            forgotten: 0,
        }
    }

    /// How many pairs of endpoints were forgotten since the last call.
    pub const fn take_forgotten(&mut self) -> u64 {
        std::mem::replace(&mut self.forgotten, 0)
    }

    /// What Wireshark says of the next segment of the capture.
    pub fn on_segment(&mut self, ip: &Ip, segment: &Segment<'_>, origin: Origin) -> WiresharkVerdict {
        let source = SocketAddr::new(ip.source, segment.source);
        let destination = SocketAddr::new(ip.destination, segment.destination);
        let key = FlowKey::new(Transport::Tcp, source, destination);
        let from = usize::from((source.ip(), source.port()) > (destination.ip(), destination.port()));
        let seen = Seen::new(segment, ip.source.is_ipv6(), origin);
        if !self.recent.contains_key(&key) {
            let stream = self.earlier.remove(&key).unwrap_or_default();
            self.make_room();
            self.recent.insert(key, stream);
        }
        match self.recent.get_mut(&key) {
            Some(stream) => stream.on_segment(from, &seen, self.rules, &mut self.room),
            None => WiresharkVerdict::default(),
        }
    }

    fn make_room(&mut self) {
        if self.recent.len() < self.limit {
            return;
        }
        let gone = std::mem::replace(&mut self.earlier, std::mem::take(&mut self.recent));
        self.forgotten += gone.len() as u64;
        for stream in gone.values() {
            self.room.give_back(stream.unacked());
        }
    }
}
