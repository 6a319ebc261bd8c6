//! Clients across their connections: who is connected where, whose session goes on, who took whose place.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::connection::{NEVER, Session, SessionState};
use super::delivery::Name;
use crate::capture::FrameNo;
use crate::engine::Level;
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
    /// Something of that connection is missing: its end may have said otherwise.
    pub(super) unsure: bool,
    /// It was let in at another port of the same address since, which may be the same broker.
    pub(super) elsewhere: bool,
}

impl Client {
    /// Its latest connection is over.
    pub(super) fn on_left(&mut self, session: &Session) {
        self.left = session.closed.map(|closed| closed.at.time).or(Some(session.last.time));
        self.expiry = session.expiry.unwrap_or(0);
        self.unsure = session.lacks_any();
    }

    /// Whether the server should still have the session at `now`.
    pub(super) fn is_kept(&self, now: Timestamp) -> bool {
        match (self.expiry, self.left) {
            (0, _) => false,
            (NEVER, _) | (_, None) => true,
            (seconds, Some(left)) => now.since(left) < Span::from_secs(i64::from(seconds)),
        }
    }
}

/// All clients that are known; of those without a connection at most so many.
#[derive(Debug)]
pub(super) struct Clients {
    by_key: HashMap<ClientKey, Client, foldhash::fast::RandomState>,
    /// Those that left a session behind, in the order in which they left.
    parked: VecDeque<(ClientKey, FrameNo)>,
    /// How many sessions wait; `parked` may have more, of clients that came back.
    waiting: usize,
    limit: usize,
    forgotten: u64,
    /// Where clients were let in, the first of them.
    brokers: Vec<SocketAddr>,
}

/// Brokers that are remembered: a host seldom has more than a few listeners, and each client is looked for at all of them.
const BROKERS: usize = 64;

impl Clients {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_key: HashMap::default(),
            parked: VecDeque::new(),
            waiting: 0,
            limit,
            forgotten: 0,
            brokers: Vec::new(),
        }
    }

    /// How many sessions were forgotten because too many waited for their client.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many sessions wait for their client, and how many may.
    pub(super) const fn level(&self) -> Level {
        Level::of_all(self.waiting, self.limit)
    }

    /// The client, new if it was not known.
    pub(super) fn entry(&mut self, key: &ClientKey) -> &mut Client {
        self.by_key.entry(key.clone()).or_default()
    }

    /// A client is let in: of what it has at other ports of the same address nothing is sure any more.
    pub(super) fn let_in_elsewhere(&mut self, key: &ClientKey) {
        if !self.brokers.contains(&key.broker) && self.brokers.len() < BROKERS {
            self.brokers.push(key.broker);
        }
        let others = self.brokers.iter().filter(|other| other.ip() == key.broker.ip() && **other != key.broker);
        for broker in others {
            let other = ClientKey { broker: *broker, id: Name::clone(&key.id) };
            if let Some(client) = self.by_key.get_mut(&other) {
                client.elsewhere = true;
            }
        }
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

    /// Its latest connection has ended; `state` is what outlives it. Gives the state that is forgotten for lack of room.
    pub(super) fn park(
        &mut self,
        key: &ClientKey,
        state: Option<Box<SessionState>>,
    ) -> Option<(ClientKey, Box<SessionState>)> {
        let client = self.by_key.get_mut(key)?;
        let flow = client.flow?;
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

    /// The sessions that wait for their client, each with the latest connection, in no order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (Option<FrameNo>, &ClientKey, &SessionState)> {
        self.by_key.iter().filter_map(|(key, client)| Some((client.flow, key, client.state.as_deref()?)))
    }

    /// All sessions that wait for their client, in the order of their connections; the clients are forgotten.
    pub(super) fn take_waiting(&mut self) -> Vec<(ClientKey, Box<SessionState>)> {
        self.parked.clear();
        self.waiting = 0;
        let waiting = self.by_key.extract_if(|_, client| client.state.is_some());
        let mut waiting: Vec<_> = waiting.filter_map(|(key, client)| Some((client.flow, key, client.state?))).collect();
        // So that the output does not depend on the hash.
        waiting.sort_by(|(x, a, _), (y, b, _)| (x, a.broker, &a.id).cmp(&(y, b.broker, &b.id)));
        waiting.into_iter().map(|(_, key, state)| (key, state)).collect()
    }
}

/// Whether the session that this flow left behind waits still.
fn waits(client: Option<&Client>, flow: FrameNo) -> bool {
    client.is_some_and(|client| client.flow == Some(flow) && client.state.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> ClientKey {
        ClientKey { broker: SocketAddr::from(([10, 0, 0, 2], 1883)), id: number.to_string().as_bytes().into() }
    }

    fn come(clients: &mut Clients, number: u64, flow: u64) -> bool {
        let found = clients.take_state(&key(number)).is_some();
        clients.entry(&key(number)).flow = Some(FrameNo(flow));
        found
    }

    fn leave(clients: &mut Clients, number: u64) -> Option<ClientKey> {
        clients.park(&key(number), Some(Box::default())).map(|(forgotten, _)| forgotten)
    }

    #[test]
    fn the_session_that_waited_longest_is_forgotten_first() {
        let mut clients = Clients::new(2);
        for number in 0..3 {
            come(&mut clients, number, number);
        }
        assert_eq!(leave(&mut clients, 0), None);
        assert_eq!(leave(&mut clients, 1), None);
        assert_eq!(leave(&mut clients, 2), Some(key(0)));
        assert_eq!((clients.forgotten(), clients.by_key.len()), (1, 2));
        assert!(come(&mut clients, 1, 9));
        assert!(!come(&mut clients, 0, 10), "it was forgotten");
    }

    #[test]
    fn a_client_that_comes_and_goes_drives_nobody_out() {
        let mut clients = Clients::new(2);
        come(&mut clients, 0, 0);
        leave(&mut clients, 0);
        for flow in 1..1000 {
            come(&mut clients, 1, flow);
            assert_eq!(leave(&mut clients, 1), None);
        }
        assert!(clients.parked.len() <= 5);
        assert!(come(&mut clients, 0, 1000));
    }

    #[test]
    fn of_a_session_that_ends_with_its_connection_nothing_is_kept() {
        let mut clients = Clients::new(2);
        come(&mut clients, 0, 2);
        clients.park(&key(0), None);
        assert_eq!(clients.by_key.len(), 0);
    }

    #[test]
    fn a_session_is_kept_for_as_long_as_it_was_agreed() {
        let left = Timestamp::from_nanos(0);
        let kept = |expiry, after| {
            let client = Client { left: Some(left), expiry, ..Client::default() };
            client.is_kept(left + Span::from_secs(after))
        };
        assert_eq!([kept(0, 0), kept(10, 9), kept(10, 10)], [false, true, false]);
        assert!(kept(NEVER, i64::from(NEVER) + 10));
    }
}
