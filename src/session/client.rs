//! Clients across their connections: who is connected where, whose session goes on, who took whose place.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::connection::{NEVER, SessionState};
use super::delivery::Name;
use crate::capture::FrameNo;
use crate::time::{Span, Timestamp};

/// A client as its broker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    /// The broker's address and port.
    pub(super) broker: SocketAddr,
    pub(super) id: Name,
}

/// What is kept of a client.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Its latest connection.
    pub(super) flow: Option<FrameNo>,
    /// The session that waits for it, while it is not connected.
    pub(super) state: Option<Box<SessionState>>,
    /// When that connection ended, where it has.
    pub(super) left: Option<Timestamp>,
    /// Seconds that the session outlives the connection.
    pub(super) expiry: u32,
}

impl Client {
    /// Whether the server should still have the session at `now`.
    pub(super) fn is_kept(&self, now: Timestamp) -> bool {
        match (self.expiry, self.left) {
            (0, _) => false,
            (NEVER, _) | (_, None) => true,
            (seconds, Some(left)) => now.since(left) < Span::from_secs(i64::from(seconds)),
        }
    }
}

/// All clients that are known, at most so many.
#[derive(Debug)]
pub(super) struct Clients {
    by_key: HashMap<ClientKey, Client, foldhash::fast::RandomState>,
    /// Those that left a session behind, in the order in which they left.
    parked: VecDeque<(ClientKey, FrameNo)>,
    /// How many sessions wait; `parked` may have more, of clients that came back.
    waiting: usize,
    limit: usize,
    forgotten: u64,
}

impl Clients {
    pub(super) fn new(limit: usize) -> Self {
        Self { by_key: HashMap::default(), parked: VecDeque::new(), waiting: 0, limit, forgotten: 0 }
    }

    /// How many sessions were forgotten because too many waited for their client.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The client, new if it was not known.
    pub(super) fn entry(&mut self, key: &ClientKey) -> &mut Client {
        self.by_key.entry(key.clone()).or_default()
    }

    /// The session that waits for the client, if one does.
    pub(super) fn take_state(&mut self, key: &ClientKey) -> Option<Box<SessionState>> {
        let state = self.by_key.get_mut(key)?.state.take();
        self.waiting -= usize::from(state.is_some());
        state
    }

    /// The client, if it is known.
    pub(super) fn get_mut(&mut self, key: &ClientKey) -> Option<&mut Client> {
        self.by_key.get_mut(key)
    }

    /// Its connection has ended; `state` is what outlives it. Gives the state that is forgotten for lack of room.
    pub(super) fn park(
        &mut self,
        key: &ClientKey,
        flow: FrameNo,
        state: Option<Box<SessionState>>,
    ) -> Option<(ClientKey, Box<SessionState>)> {
        let client = self.by_key.get_mut(key)?;
        if client.flow != Some(flow) {
            // A later connection has the session.
            return None;
        }
        let Some(state) = state else {
            self.by_key.remove(key);
            return None;
        };
        client.state = Some(state);
        self.waiting += 1;
        self.parked.push_back((key.clone(), flow));
        if self.parked.len() > 2 * self.limit {
            let by_key = &self.by_key;
            self.parked.retain(|(key, flow)| waits(by_key.get(key), *flow));
        }
        while self.waiting > self.limit {
            let (oldest, flow) = self.parked.pop_front()?;
            if waits(self.by_key.get(&oldest), flow) {
                let state = self.take_state(&oldest)?;
                self.by_key.remove(&oldest);
                self.forgotten += 1;
                return Some((oldest, state));
            }
        }
        None
    }

    /// All sessions that wait for their client.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Box<SessionState>> {
        self.parked.clear();
        // In the order of the clients, so that the output does not depend on the hash.
        let mut clients: Vec<_> = self.by_key.drain().collect();
        clients.sort_by(|(a, x), (b, y)| (x.flow, a.broker, &a.id).cmp(&(y.flow, b.broker, &b.id)));
        clients.into_iter().filter_map(|(_, client)| client.state)
    }
}

/// Whether the session that this flow left behind waits still.
fn waits(client: Option<&Client>, flow: FrameNo) -> bool {
    client.is_some_and(|client| client.flow == Some(flow) && client.state.is_some())
}
