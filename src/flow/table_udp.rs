//! UDP in the table of flows: a datagram finds its conversation, by its ends or by what it names.

use std::net::SocketAddr;

use super::datagrams::{Datagrams, Slot};
use super::endpoint::{Direction, Transport};
use super::names::Belongs;
use super::table::{EndedFlows, FlowTable, Found, LINGER};
use super::waiting::Conversing;
use crate::capture::Origin;

impl<A: Conversing> FlowTable<A> {
    /// The UDP conversation that `found` names.
    pub fn datagrams(&self, found: Found) -> Option<&Datagrams<A>> {
        self.slots.get(found.slot)?.udp()
    }

    /// The same, to be changed.
    #[inline]
    pub fn datagrams_mut(&mut self, found: Found) -> Option<&mut Datagrams<A>> {
        self.slots.get_mut(found.slot)?.udp_mut()
    }

    /// Counts a datagram with so many bytes of payload, in a frame of `length` bytes; it may open a flow.
    pub fn on_datagram(
        &mut self,
        (source, destination): (SocketAddr, SocketAddr),
        (payload, length): (u32, u32),
        belongs: Belongs,
        origin: Origin,
        ended: &mut EndedFlows<A>,
    ) -> Found {
        self.let_go(origin, ended);
        let slot = match belongs {
            // It may just have been let go.
            Belongs::Named(named) if self.slots.get(named.slot).is_some_and(|slot| slot.udp().is_some()) => {
                self.note_path(named, source, destination);
                named.slot
            }
            _ => {
                let hash = self.index.hash(Transport::Udp, source, destination);
                let known = self.slot_of(hash, Transport::Udp, &source, &destination);
                if let Some(slot) = known.filter(|slot| belongs != Belongs::Anew || !self.unlist(hash, *slot)) {
                    slot
                } else {
                    let (ends, known_by) = self.guess_roles(source, destination);
                    self.open((Transport::Udp, hash), ends, known_by, origin, ended)
                }
            }
        };
        let mut found = Found { slot, direction: Direction::ToServer, challenger: false };
        if let Some(Slot::Udp(datagrams)) = self.slots.get_mut(slot) {
            found.direction = datagrams.direction_from(source);
            datagrams.last = Origin { frame: origin.frame, time: origin.time.max(datagrams.last.time) };
            datagrams.quiet_since = datagrams.quiet_since.map(|since| since.max(self.clock.now()));
            datagrams.count(found.direction, payload, length);
        }
        found
    }

    /// Tells the table that a UDP conversation has come to its end with this datagram.
    pub fn note_over(&mut self, found: Found) {
        let now = self.clock.now();
        let Some(datagrams) = self.datagrams_mut(found).filter(|datagrams| !datagrams.over) else { return };
        datagrams.over = true;
        datagrams.quiet_since = Some(now);
        let id = datagrams.id;
        self.goes_later(0, now + LINGER, found.slot, id);
    }
}
