//! Records that wait for secrets, in the order in which they came.

use std::collections::VecDeque;

use super::keylog::{Keys, Room};
use super::record::Header;
use crate::capture::Origin;
use crate::flow::Direction;

/// Bytes of a connection that wait, and pieces of them.
const BYTES: usize = 256 << 10;
const PIECES: usize = 1024;

/// What a direction of a stream brings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    /// A record; `None` where bytes of it are missing. The stream has so many bytes by then.
    Record { header: Header, body: Option<&'a [u8]>, end: u64 },
    /// So many bytes, with borders between records.
    Lost(u64),
}

#[derive(Debug)]
enum Kept {
    Record { header: Header, body: Option<Box<[u8]>>, end: u64 },
    Lost(u64),
}

/// What waits.
#[derive(Debug)]
pub(super) struct Waiting {
    direction: Direction,
    pub(super) origin: Origin,
    kept: Kept,
    /// Given back when it is dropped.
    _room: Room,
}

impl Waiting {
    pub(super) fn item(&self) -> Item<'_> {
        match &self.kept {
            Kept::Record { header, body, end } => Item::Record { header: *header, body: body.as_deref(), end: *end },
            Kept::Lost(bytes) => Item::Lost(*bytes),
        }
    }
}

/// All that waits of a connection.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: VecDeque<Waiting>,
    bytes: usize,
}

impl Held {
    /// Bytes of all that waits.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether anything of a direction waits.
    pub(super) fn has(&self, direction: Direction) -> bool {
        self.queue.iter().any(|waiting| waiting.direction == direction)
    }

    /// Keeps an item, if there is room.
    pub(super) fn keep(&mut self, direction: Direction, item: Item<'_>, origin: Origin, keys: &Keys) -> bool {
        let bytes = match item {
            Item::Record { body, .. } => body.map_or(0, <[u8]>::len),
            Item::Lost(_) => 0,
        };
        if self.bytes + bytes > BYTES || self.queue.len() >= PIECES {
            return false;
        }
        let Some(room) = keys.reserve(bytes + size_of::<Waiting>()) else { return false };
        self.bytes += bytes;
        let kept = match item {
            Item::Record { header, body, end } => Kept::Record { header, body: body.map(Into::into), end },
            Item::Lost(bytes) => Kept::Lost(bytes),
        };
        self.queue.push_back(Waiting { direction, origin, kept, _room: room });
        true
    }

    /// The direction of what stands at this place.
    pub(super) fn direction(&self, at: usize) -> Option<Direction> {
        self.queue.get(at).map(|waiting| waiting.direction)
    }

    /// Takes out what stands at this place.
    pub(super) fn take(&mut self, at: usize) -> Option<Waiting> {
        let waiting = self.queue.remove(at)?;
        if let Item::Record { body: Some(body), .. } = waiting.item() {
            self.bytes -= body.len();
        }
        Some(waiting)
    }

    /// Puts it back.
    pub(super) fn put_back(&mut self, at: usize, waiting: Waiting) {
        if let Item::Record { body: Some(body), .. } = waiting.item() {
            self.bytes += body.len();
        }
        self.queue.insert(at.min(self.queue.len()), waiting);
    }
}
