//! The way to the flow of a segment that comes soon, step by step: each step asks for the memory that the next one reads.
//!
//! With thousands of flows each segment is of another one than the last, and finds none of it in the core's cache.

use std::net::SocketAddr;

use super::datagrams::Slot;
use super::endpoint::Transport;
use super::side::Side;
use super::table::FlowTable;
use super::tcp::Connection;
use super::waiting::Conversing;
use crate::capture::FrameNo;
use crate::prefetch::prefetch;

impl<A: Conversing> FlowTable<A> {
    /// A segment between these ends comes soon: the first step on the way to its flow. See [`FlowTable::approach`].
    #[inline]
    pub fn expect(&self, source: SocketAddr, destination: SocketAddr) -> u32 {
        let hash = self.index.hash(Transport::Tcp, source, destination);
        self.index.prefetch(hash);
        hash
    }

    /// The second step: where the flow is.
    #[inline]
    pub fn locate(&self, hash: u32) -> Option<usize> {
        let slot = self.index.likely(hash)?;
        prefetch(self.slots.get(slot)?);
        Some(slot)
    }

    /// The third step: the flow itself.
    #[inline]
    pub fn approach(&self, slot: usize) {
        let flow = match self.slots.get(slot) {
            Some(Slot::Tcp(flow)) => flow,
            Some(Slot::Brief(brief)) => return brief.prefetch(),
            Some(Slot::Free | Slot::Udp(_)) | None => return,
        };
        prefetch(&flow.client);
        prefetch(&flow.last);
        prefetch(&flow.app);
        prefetch(&flow.shorthand);
        prefetch(&flow.streams.to_server);
        prefetch(&flow.streams.to_client);
        flow.connection.approach();
    }

    /// The fourth step: what the flow points to.
    #[inline]
    pub fn arrive(&self, slot: usize) -> Option<(FrameNo, &A)> {
        let flow = self.slots.get(slot)?.tcp()?;
        flow.connection.arrive();
        Some((flow.id, &flow.app))
    }

    /// The fifth step: what that points to.
    #[inline]
    pub fn enter(&self, slot: usize) -> Option<(FrameNo, &A)> {
        let flow = self.slots.get(slot)?.tcp()?;
        flow.connection.sides.to_server.counters.traffic.prefetch_parts();
        flow.connection.sides.to_client.counters.traffic.prefetch_parts();
        Some((flow.id, &flow.app))
    }

    /// The last step: the next segment is most likely of this flow.
    #[inline]
    pub const fn hint(&mut self, slot: usize) {
        self.hint = Some(slot);
    }
}

impl Connection {
    /// Asks for what every segment needs.
    #[inline]
    fn approach(&self) {
        prefetch(&self.last_segment);
        self.sides.to_server.approach();
        self.sides.to_client.approach();
    }

    /// Asks for what that points to.
    #[inline]
    fn arrive(&self) {
        self.sides.to_server.arrive();
        self.sides.to_client.arrive();
    }
}

impl Side {
    #[inline]
    fn approach(&self) {
        prefetch(&self.state);
        prefetch(&self.next);
        prefetch(&self.newest);
        prefetch(&self.sent);
        prefetch(&self.counters.packets);
        prefetch(&self.counters.rtt);
        prefetch(&self.counters.traffic.data);
    }

    #[inline]
    fn arrive(&self) {
        if let (Some(first), Some(last)) = (self.sent.front(), self.sent.back()) {
            prefetch(first);
            prefetch(last);
        }
        if let Some(trouble) = self.trouble.boxed() {
            trouble.prefetch();
        }
        if let Some(rare) = self.counters.rare.boxed() {
            prefetch(&rare.zero_since);
        }
        self.counters.rtt.prefetch();
        self.counters.traffic.prefetch();
    }
}
