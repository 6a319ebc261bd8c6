//! Packets that wait for their keys, in the order in which they came.

use std::collections::VecDeque;

use super::super::tls::keylog::{Keys, Room};
use super::header::QuicPacketType;
use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};

/// Bytes of a connection that wait, and packets: as TLS has it.
const BYTES: usize = 256 << 10;
const PACKETS: usize = 1024;

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) direction: Direction,
    pub(super) origin: Origin,
    pub(super) kind: QuicPacketType,
    /// All of them: of a part nothing can be opened.
    pub(super) bytes: Box<[u8]>,
    /// Given back when it is dropped.
    _room: Room,
}

/// The kinds of packets that wait for keys.
const KINDS: [QuicPacketType; 3] = [QuicPacketType::ZeroRtt, QuicPacketType::Handshake, QuicPacketType::OneRtt];

/// Which of them a kind is; there are no others that wait.
fn place(kind: QuicPacketType) -> usize {
    KINDS.iter().position(|other| *other == kind).unwrap_or(KINDS.len())
}

#[cfg(test)]
thread_local! {
    /// How many were taken out, to be tried or given up.
    pub(super) static TAKEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// All that waits of a connection.
#[derive(Debug, Default)]
pub(super) struct WaitingPackets {
    /// How many of each of [`KINDS`].
    counts: PerDirection<[u16; 3]>,
    queue: VecDeque<Waiting>,
    bytes: usize,
}

impl WaitingPackets {
    /// The memory of all that waits.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.queue.len() * size_of::<Waiting>()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Keeps a packet, if there is room.
    pub(super) fn keep(
        &mut self,
        (direction, kind): (Direction, QuicPacketType),
        bytes: &[u8],
        origin: Origin,
        keys: &Keys,
    ) -> bool {
        if self.bytes + bytes.len() > BYTES || self.queue.len() >= PACKETS {
            return false;
        }
        let Some(room) = keys.reserve(bytes.len() + size_of::<Waiting>()) else { return false };
        self.push(Waiting { direction, origin, kind, bytes: bytes.into(), _room: room });
        true
    }

    /// Takes the next one.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        let waiting = self.queue.pop_front()?;
        self.bytes -= waiting.bytes.len();
        if let Some(count) = self.counts[waiting.direction].get_mut(place(waiting.kind)) {
            *count -= 1;
        }
        #[cfg(test)]
        TAKEN.set(TAKEN.get() + 1);
        Some(waiting)
    }

    /// Puts one back, behind the others.
    pub(super) fn put_back(&mut self, waiting: Waiting) {
        self.push(waiting);
    }

    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes.len();
        if let Some(count) = self.counts[waiting.direction].get_mut(place(waiting.kind)) {
            *count += 1;
        }
        self.queue.push_back(waiting);
    }

    /// Of which levels some wait.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (Direction, QuicPacketType)> {
        let of = |direction| {
            KINDS.into_iter().zip(self.counts[direction]).map(move |(kind, count)| (direction, kind, count))
        };
        Direction::BOTH
            .into_iter()
            .flat_map(of)
            .filter(|(.., count)| *count > 0)
            .map(|(direction, kind, _)| (direction, kind))
    }
}
