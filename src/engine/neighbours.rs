//! The protocols around MQTT: which conversation of datagrams is whose, what one says, and which connections are expected.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::options::EngineOptions;
use crate::dissect::{Conversation, Protocol};
use crate::flow::{Datagrams, Direction, Flow};
use crate::neighbour::{self, Datagram, Reading};

/// A conversation whose first datagrams tell nothing is of no protocol that is known by one of them.
const FIRST: u64 = 4;

/// Names a conversation by one of its first datagrams.
#[inline]
pub(super) fn name(datagrams: &mut Datagrams<Conversation>, datagram: &Datagram<'_>) {
    let count = || Direction::BOTH.iter().map(|direction| datagrams.sent(*direction).0).sum::<u64>();
    if datagrams.app.is_none()
        && count() <= FIRST
        && let Some(reading) = neighbour::read_datagram(datagram)
    {
        datagrams.app = Some(Box::new(Conversation::named(Protocol::Neighbour(reading.protocol))));
    }
}

/// What a datagram says, as far as it may be shown.
pub(super) fn read(datagram: &Datagram<'_>, options: &EngineOptions) -> Option<Reading> {
    let reading = neighbour::read_datagram(datagram)?;
    Some(shown(reading, options))
}

/// A message as far as it may be shown.
pub(super) fn shown(reading: Reading, options: &EngineOptions) -> Reading {
    if options.dissect.redactor.is_some() { reading.redacted() } else { reading }
}

/// Ends at which connections are expected that others have agreed on.
#[derive(Debug, Default)]
pub(super) struct Expected(VecDeque<SocketAddr>);

impl Expected {
    /// The most that are remembered; each is used soon, or never.
    const LIMIT: usize = 64;

    #[inline]
    pub(super) fn has_any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn add(&mut self, end: SocketAddr) {
        if !self.0.contains(&end) {
            if self.0.len() == Self::LIMIT {
                self.0.pop_front();
            }
            self.0.push_back(end);
        }
    }

    /// Whether this is such a connection; if so, it is not expected any more.
    pub(super) fn takes<A>(&mut self, flow: &Flow<A>) -> bool {
        let Some(at) = self.0.iter().position(|end| *end == flow.server || *end == flow.client) else { return false };
        self.0.remove(at);
        true
    }
}
