//! Packets that wait for their keys, in the order in which they came.

use std::collections::VecDeque;

use super::super::tls::keylog::{Keys, Room};
use crate::capture::Origin;
use crate::flow::Direction;

/// Bytes of a connection that wait, and packets: as TLS has it.
const BYTES: usize = 256 << 10;
const PACKETS: usize = 1024;

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) direction: Direction,
    pub(super) origin: Origin,
    pub(super) bytes: Box<[u8]>,
    /// How many bytes were sent.
    pub(super) length: u32,
    /// Given back when it is dropped.
    _room: Room,
}

/// All that waits of a connection.
#[derive(Debug, Default)]
pub(super) struct WaitingPackets {
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
        direction: Direction,
        (bytes, length): (&[u8], u32),
        origin: Origin,
        keys: &Keys,
    ) -> bool {
        if self.bytes + bytes.len() > BYTES || self.queue.len() >= PACKETS {
            return false;
        }
        let Some(room) = keys.reserve(bytes.len() + size_of::<Waiting>()) else { return false };
        self.bytes += bytes.len();
        self.queue.push_back(Waiting { direction, origin, bytes: bytes.into(), length, _room: room });
        true
    }

    /// Takes the next one.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        let waiting = self.queue.pop_front()?;
        self.bytes -= waiting.bytes.len();
        Some(waiting)
    }

    /// Puts one back, behind the others.
    pub(super) fn put_back(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes.len();
        self.queue.push_back(waiting);
    }
}
