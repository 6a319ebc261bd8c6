//! The flows that have not ended, for those who look in while a capture goes on.

use super::datagrams::{Datagrams, Slot};
use super::followed::Flow;
use super::table::FlowTable;

/// A flow that is followed and has not ended.
#[derive(Debug)]
pub enum OpenFlow<'a, A> {
    /// A TCP flow.
    Tcp(&'a Flow<A>),
    /// A UDP conversation.
    Udp(&'a Datagrams<A>),
}

// Derived it would ask for an `A` that can be copied.
impl<A> Clone for OpenFlow<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for OpenFlow<'_, A> {}

impl<A> FlowTable<A> {
    /// The flows that it holds, each with its slot, which stays its own until it ends; without those that are kept
    /// in short ([`FlowLimits::in_short`](super::FlowLimits::in_short)).
    pub fn open_flows(&self) -> impl Iterator<Item = (usize, OpenFlow<'_, A>)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| match slot {
            Slot::Free | Slot::Brief(_) => None,
            Slot::Tcp(flow) => Some((at, OpenFlow::Tcp(flow))),
            Slot::Udp(datagrams) => Some((at, OpenFlow::Udp(datagrams))),
        })
    }

    /// Its TCP connections, for changes; without those that are kept in short, to which nothing comes but segments.
    pub fn connections_mut(&mut self) -> impl Iterator<Item = &mut Flow<A>> {
        self.slots.iter_mut().filter_map(|slot| match slot {
            Slot::Free | Slot::Udp(_) | Slot::Brief(_) => None,
            Slot::Tcp(flow) => Some(&mut **flow),
        })
    }
}
