//! Conversations that are found by what their datagrams say and not by their ends: QUIC has ids for its connections, so that
//! they live on when an address changes, and so that many may share two ports (RFC 9000, sections 5 and 9).

use std::collections::HashMap;
use std::net::SocketAddr;

use super::datagrams::Slot;
use super::endpoint::{Direction, PerDirection, Transport};
use super::table::{FlowTable, Found};
use super::waiting::Conversing;

/// The longest id (RFC 9000, section 17.2).
const LONGEST: usize = 20;

/// The most ids of a conversation that are known at a time: an end may ask for so many of the other as it likes, and does
/// with few.
const NAMES: usize = 32;

/// The most pairs of ends that a conversation is found by.
const PATHS: usize = 8;

/// The id of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnectionId {
    length: u8,
    bytes: [u8; LONGEST],
}

impl ConnectionId {
    /// Of its bytes, if these are not too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut id = Self { length: bytes.len() as u8, ..Self::default() };
        id.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(id)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The digits of its bytes.
impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A conversation that a datagram names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Its slot.
    pub(super) slot: usize,
    /// Where the datagram goes.
    pub direction: Direction,
}

/// To which conversation a datagram belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Belongs {
    /// To that of its ends.
    #[default]
    Ends,
    /// To this one, whatever its ends are.
    Named(Named),
    /// It begins another one, though its ends have one.
    Anew,
}

/// What finds a conversation besides its ends.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    names: Vec<(SocketAddr, ConnectionId)>,
    /// Client and server.
    pub(super) paths: Vec<(SocketAddr, SocketAddr)>,
    /// How many of these were asked for.
    asked: usize,
}

impl Elsewhere {
    /// Another pair of ends; says whether there was room.
    pub(super) fn add_path(&mut self, ends: (SocketAddr, SocketAddr)) -> bool {
        let room = self.paths.len() < PATHS;
        if room {
            self.paths.push(ends);
        }
        room
    }

    /// Whether these ends are known since this was asked last.
    pub(super) fn take_new_path(&mut self, path: (SocketAddr, SocketAddr)) -> bool {
        let is_new = self.paths.iter().skip(self.asked).any(|known| *known == path);
        self.asked = self.paths.len();
        is_new
    }
}

/// The ids of all conversations, each with who is spoken to by it: who gives out ids sees to it that they differ.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    by_name: HashMap<(SocketAddr, ConnectionId), Named, foldhash::fast::RandomState>,
    /// How many there are of each length, for headers that do not say how long theirs is.
    lengths: [u32; LONGEST + 1],
}

impl NameTable {
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn get(&self, destination: SocketAddr, id: ConnectionId) -> Option<Named> {
        self.by_name.get(&(destination, id)).copied()
    }

    /// What the first of these bytes name, however many these are.
    pub(super) fn begin_of(&self, destination: SocketAddr, bytes: &[u8]) -> Option<Named> {
        let lengths = self.lengths.iter().enumerate().rev().filter(|(_, count)| **count > 0).map(|(length, _)| length);
        lengths.filter_map(|length| ConnectionId::new(bytes.get(..length)?)).find_map(|id| self.get(destination, id))
    }

    pub(super) fn add(&mut self, to: &mut Elsewhere, destination: SocketAddr, id: ConnectionId, named: Named) {
        if id.is_empty() || self.by_name.contains_key(&(destination, id)) {
            return;
        }
        if to.names.len() >= NAMES {
            // Those that came first are most likely not used any more.
            let oldest = to.names.remove(0);
            self.forget(&oldest);
        }
        self.by_name.insert((destination, id), named);
        // Until a connection is answered it has two.
        if to.names.is_empty() {
            to.names.reserve_exact(2);
        }
        to.names.push((destination, id));
        if let Some(count) = self.lengths.get_mut(usize::from(id.length)) {
            *count += 1;
        }
    }

    fn forget(&mut self, key: &(SocketAddr, ConnectionId)) {
        if self.by_name.remove(key).is_some()
            && let Some(count) = self.lengths.get_mut(usize::from(key.1.length))
        {
            *count -= 1;
        }
    }

    /// An id is not used any more.
    pub(super) fn remove(&mut self, of: &mut Elsewhere, id: ConnectionId) {
        while let Some(at) = of.names.iter().position(|(_, known)| *known == id) {
            let key = of.names.remove(at);
            self.forget(&key);
        }
    }

    /// A conversation is over.
    pub(super) fn end(&mut self, of: &Elsewhere) {
        for key in &of.names {
            self.forget(key);
        }
    }
}

impl<A: Conversing> FlowTable<A> {
    /// Whether any conversation has an id.
    #[inline]
    pub fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// The conversation that has this id with who gets the datagram.
    pub fn named(&self, destination: SocketAddr, id: ConnectionId) -> Option<Named> {
        self.names.get(destination, id)
    }

    /// The one whose id stands at the beginning of these bytes.
    pub fn named_by(&self, destination: SocketAddr, bytes: &[u8]) -> Option<Named> {
        self.names.begin_of(destination, bytes)
    }

    /// What the floors above keep of the UDP conversation between these ends, and the direction of a datagram from the first.
    pub fn between(&self, source: SocketAddr, destination: SocketAddr) -> Option<(&A, Direction)> {
        let hash = self.index.hash(Transport::Udp, source, destination);
        let is = |slot: usize| {
            self.slots.get(slot).is_some_and(|held| held.is_between(Transport::Udp, &source, &destination))
        };
        let datagrams = self.slots.get(self.index.find(hash, is)?)?.udp()?;
        Some((datagrams.app.as_deref()?, datagrams.direction_from(source)))
    }

    /// Notes the ids that came up in a conversation, and forgets those that went.
    pub fn rename(&mut self, found: Found, changes: &NameChanges) {
        let Some(Slot::Udp(datagrams)) = self.slots.get_mut(found.slot) else { return };
        let (client, server) = (datagrams.client, datagrams.server);
        let elsewhere = datagrams.elsewhere.get_or_insert_default();
        for (direction, destination) in [(Direction::ToServer, server), (Direction::ToClient, client)] {
            for (id, is_new) in &changes[direction] {
                if *is_new {
                    self.names.add(elsewhere, destination, *id, Named { slot: found.slot, direction });
                } else {
                    self.names.remove(elsewhere, *id);
                }
            }
        }
    }

    /// A conversation was found by its id: if its ends are others than before, these find it as well from now on.
    pub(super) fn note_path(&mut self, named: Named, source: SocketAddr, destination: SocketAddr) {
        let hash = self.index.hash(Transport::Udp, source, destination);
        let is = |slot: usize| {
            self.slots.get(slot).is_some_and(|held| held.is_between(Transport::Udp, &source, &destination))
        };
        if self.index.find(hash, is).is_some() {
            return;
        }
        let ends = match named.direction {
            Direction::ToServer => (source, destination),
            Direction::ToClient => (destination, source),
        };
        let Some(Slot::Udp(datagrams)) = self.slots.get_mut(named.slot) else { return };
        // One that others have come after is found by its ids alone.
        if !datagrams.unlisted && datagrams.elsewhere.get_or_insert_default().add_path(ends) {
            self.index.insert(hash, named.slot);
        }
    }

    /// Another conversation comes after this one between the same ends. Says whether it is so.
    pub(super) fn unlist(&mut self, hash: u32, slot: usize) -> bool {
        let Some(Slot::Udp(datagrams)) = self.slots.get_mut(slot) else { return false };
        datagrams.unlisted = true;
        let paths = datagrams.elsewhere.as_mut().map(|elsewhere| std::mem::take(&mut elsewhere.paths));
        self.index.remove(hash, slot);
        for (client, server) in paths.into_iter().flatten() {
            self.index.remove(self.index.hash(Transport::Udp, client, server), slot);
        }
        true
    }
}

/// Ids that came up in a conversation, or went, each with the direction of the datagrams that name it.
pub type NameChanges = PerDirection<Vec<(ConnectionId, bool)>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(bytes: &[u8]) -> ConnectionId {
        ConnectionId::new(bytes).expect("an id")
    }

    #[test]
    fn a_short_header_names_a_connection_by_any_length_in_use() {
        let (mut table, mut one, mut other) = (NameTable::default(), Elsewhere::default(), Elsewhere::default());
        let server: SocketAddr = "10.0.0.1:14567".parse().expect("an address");
        let named = |slot| Named { slot, direction: Direction::ToServer };
        table.add(&mut one, server, id(&[1, 2, 3, 4]), named(1));
        table.add(&mut other, server, id(&[1, 2, 3, 4, 5, 6, 7, 8]), named(2));
        assert_eq!(table.begin_of(server, &[1, 2, 3, 4, 9, 9, 9, 9, 9]), Some(named(1)));
        assert_eq!(table.begin_of(server, &[1, 2, 3, 4, 5, 6, 7, 8, 9]), Some(named(2)));
        assert_eq!(table.begin_of(server, &[1, 2, 3]), None);
        assert_eq!(table.begin_of("10.0.0.2:14567".parse().expect("an address"), &[1, 2, 3, 4]), None);
        table.remove(&mut one, id(&[1, 2, 3, 4]));
        assert_eq!(table.begin_of(server, &[1, 2, 3, 4, 9]), None);
        table.end(&other);
        assert!(table.is_empty() && table.lengths == [0; LONGEST + 1]);
    }

    #[test]
    fn few_ids_of_a_conversation_are_known() {
        let (mut table, mut to) = (NameTable::default(), Elsewhere::default());
        let server: SocketAddr = "10.0.0.1:14567".parse().expect("an address");
        for number in 0u16..1000 {
            let named = Named { slot: 1, direction: Direction::ToServer };
            table.add(&mut to, server, id(&number.to_be_bytes()), named);
        }
        assert_eq!((table.by_name.len(), to.names.len()), (NAMES, NAMES));
        assert_eq!(ConnectionId::new(&[0; 21]), None);
        assert_eq!(id(&[0xab, 1]).to_string(), "ab01");
    }
}
