//! To which of the connections that use the same ports a segment belongs: the one that is followed, one that is only
//! suspected, or a new one.

use std::net::SocketAddr;

use super::datagrams::Slot;
use super::state::TcpState;
use super::table::{Ended, EndedFlows, FlowTable};
use super::waiting::Conversing;
use crate::capture::Origin;
use crate::wire::{Segment, TcpFlags};

/// To which connection of a pair of ports a segment belongs.
pub(super) enum Place {
    Current,
    Challenger,
    /// A SYN on the ports of a live connection.
    Suspected,
    New,
}

impl<A: Conversing> FlowTable<A> {
    pub(super) fn place(&self, slot: usize, source: SocketAddr, segment: &Segment<'_>) -> Place {
        let Some(flow) = self.slots.get(slot).and_then(Slot::tcp) else { return Place::Current };
        let (syn, ack) = (segment.flags.has(TcpFlags::SYN), segment.flags.has(TcpFlags::ACK));
        if let Some(challenger) = &flow.challenger {
            let from_client = source == challenger.client;
            let isn = challenger.connection.sides.to_server.isn;
            let again = syn && !ack && from_client && isn == Some(segment.seq);
            let answers = syn && ack && !from_client && isn.map(|isn| isn.plus(1)) == Some(segment.ack);
            let goes_on = !syn
                && from_client
                && !segment.flags.has(TcpFlags::RST)
                && isn.is_some_and(|isn| (0..1 << 16).contains(&segment.seq.distance(isn.plus(1))));
            if again || answers || goes_on {
                return Place::Challenger;
            }
        }
        if !syn {
            return Place::Current;
        }
        let sender = &flow.connection.sides[flow.direction_from(source)];
        if sender.isn == Some(segment.seq) {
            return Place::Current;
        }
        let connection = &flow.connection;
        let either_over = connection.sides.to_server.state().is_over() || connection.sides.to_client.state().is_over();
        let ended = either_over || connection.closing.reset.is_some();
        if ack {
            // The peer's SYN opened the flow, or its handshake is seen in the wrong order; a SYN-ACK with another
            // number belongs to a connection of which the SYN was not captured.
            return match (sender.isn.is_some(), ended) {
                (false, _) => Place::Current,
                (true, true) => Place::New,
                (true, false) => Place::Suspected,
            };
        }
        // Its peer's SYN-ACK was captured before this SYN.
        let late_syn = sender.isn.is_none() && sender.base == Some(segment.seq);
        let peer = &flow.connection.sides[flow.direction_from(source).reverse()];
        let crossing = sender.isn.is_none() && peer.state() == TcpState::SynSent;
        let acknowledged = peer.acked == Some(segment.seq.plus(1)) && peer.isn.is_some();
        if late_syn || crossing || (sender.isn.is_none() && acknowledged) {
            Place::Current
        } else if ended || (sender.state() == TcpState::SynSent && !peer.was_seen()) {
            Place::New
        } else {
            Place::Suspected
        }
    }

    /// Whether the segment proves that the suspected connection is real: a SYN-ACK for it, or its client going on.
    pub(super) fn promotes(&self, slot: usize, source: SocketAddr, segment: &Segment<'_>) -> bool {
        let flow = self.slots.get(slot).and_then(Slot::tcp);
        let challenger = flow.and_then(|flow| flow.challenger.as_deref());
        let old_is_over = flow.is_some_and(|flow| {
            let sides = &flow.connection.sides;
            sides.to_server.state().is_over() || sides.to_client.state().is_over()
        });
        challenger.is_some_and(|challenger| {
            let again = segment.flags.has(TcpFlags::SYN) && source == challenger.client;
            !again || old_is_over
        })
    }

    /// The suspected connection takes the place of the old one.
    pub(super) fn promote(&mut self, slot: usize, origin: Origin, ended: &mut EndedFlows<A>) {
        let Some(challenger) = self.slots.get_mut(slot).and_then(Slot::tcp_mut).and_then(|flow| flow.challenger.take())
        else {
            return;
        };
        let hash = self.index.hash(challenger.transport, challenger.client, challenger.server);
        self.end(slot, Ended::Replaced, origin.time, ended);
        self.held += 1;
        self.free.pop();
        self.slots[slot] = Slot::Tcp(challenger);
        self.awake[slot] = origin.time;
        self.index.insert(hash, slot);
    }
}
