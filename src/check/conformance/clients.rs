//! Which clients are known over all their connections: what their sessions began with is in the capture.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;

use crate::capture::FrameNo;

/// The most clients of a generation; with more, those that have not been back for long are forgotten.
const CLIENTS: usize = 1 << 15;

type Map = HashMap<u64, FrameNo, foldhash::fast::RandomState>;

/// A client of a server.
pub(super) type Key = u64;

/// Clients whose session is known from its beginning, with the latest connection of each.
///
/// Two generations take the place of a list by age: what is asked for moves to the younger one, and when that is full
/// the older one goes.
#[derive(Debug, Default)]
pub(super) struct Clients {
    young: Map,
    old: Map,
    hasher: foldhash::fast::RandomState,
}

impl Clients {
    /// The key of a client; an empty identifier is no client's.
    pub(super) fn key(&self, server: SocketAddr, id: &[u8]) -> Option<Key> {
        if id.is_empty() {
            return None;
        }
        let mut hasher = self.hasher.build_hasher();
        std::hash::Hash::hash(&server, &mut hasher);
        hasher.write(id);
        Some(hasher.finish())
    }

    /// The latest connection of a client that is known.
    pub(super) fn latest(&self, client: Key) -> Option<FrameNo> {
        self.young.get(&client).or_else(|| self.old.get(&client)).copied()
    }

    /// The session of a client is known from its beginning, up to this connection.
    pub(super) fn know(&mut self, client: Key, connection: FrameNo) {
        if self.young.len() >= CLIENTS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, connection);
    }

    /// Something was missed, of whatever client.
    pub(super) fn forget_all(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// Something of a client was missed.
    pub(super) fn forget(&mut self, client: Key) {
        self.young.remove(&client);
        self.old.remove(&client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_that_stay_away_are_forgotten() {
        let server = SocketAddr::from(([10, 0, 0, 1], 1883));
        let mut clients = Clients::default();
        let key = |clients: &Clients, id: usize| clients.key(server, id.to_string().as_bytes()).unwrap();
        for id in 0..3 * CLIENTS {
            clients.know(key(&clients, id), FrameNo(id as u64 + 1));
            clients.know(key(&clients, 0), FrameNo(1));
        }
        assert!(clients.young.len() + clients.old.len() <= 2 * CLIENTS);
        assert_eq!(clients.latest(key(&clients, 0)), Some(FrameNo(1)));
        assert_eq!(clients.latest(key(&clients, 1)), None);
        clients.forget(key(&clients, 0));
        assert_eq!(clients.latest(key(&clients, 0)), None);
        assert_eq!(clients.key(server, b""), None);
    }
}
