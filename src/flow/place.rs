//! To which of the connections that use the same ports a segment belongs: the one that is followed, one that is only
//! suspected, or a new one.

use std::net::SocketAddr;

use super::datagrams::Slot;
use super::endpoint::Direction;
use super::record::Outcome;
use super::state::TcpState;
use super::table::{Ended, EndedFlows, FlowTable};
use super::tcp::Connection;
use super::waiting::Conversing;
use crate::capture::Origin;
use crate::wire::{Segment, SeqNum, TcpFlags};

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
            let goes_on = !syn && from_client && carries_on(&challenger.connection, Direction::ToServer, segment);
            // What fits the older connection is of that: a stray SYN-ACK has the client's number of that one.
            let goes_on = goes_on && !takes_up(&flow.connection, flow.direction_from(source), segment);
            if again || answers || goes_on {
                return Place::Challenger;
            }
        }
        if !syn {
            return Place::Current;
        }
        let sender = &flow.connection.sides[flow.direction_from(source)];
        let connection = &flow.connection;
        if sender.isn == Some(segment.seq) {
            // After a close that both ends saw through the same number may open the next one; a late copy of the old
            // SYN has its timestamp, and nobody answers it with a SYN-ACK.
            let through = !ack && connection.is_over() && connection.outcome() == Outcome::Closed;
            let newer = match (segment.options.timestamps(), sender.newest.tsval) {
                (Some((value, _)), Some(last)) => (value.wrapping_sub(last) as i32) > 0,
                _ => true,
            };
            return if through && newer { Place::Suspected } else { Place::Current };
        }
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
        self.heard[slot] = (self.clock.now(), origin.frame);
        self.index.insert(hash, slot);
    }
}

/// How far behind a SYN its client can be when it is next seen.
const SOON: std::ops::Range<i32> = 0..1 << 16;

/// Whether a segment without SYN is what the client of a suspected connection sends next: in its numbers, and, where its
/// SYN-ACK was captured, with an acknowledgement of that (RFC 9293, section 3.10.7.3).
fn carries_on(suspected: &Connection, direction: Direction, segment: &Segment<'_>) -> bool {
    let (own, peer) = (&suspected.sides[direction], &suspected.sides[direction.reverse()]);
    let soon = |isn: Option<SeqNum>, number: SeqNum| isn.map(|isn| SOON.contains(&number.distance(isn.plus(1))));
    let acknowledges = segment.flags.has(TcpFlags::ACK) && soon(peer.isn, segment.ack) == Some(true);
    !segment.flags.has(TcpFlags::RST)
        && soon(own.isn, segment.seq) == Some(true)
        && (peer.isn.is_none() || acknowledges)
}

/// Whether a segment fits what both ends of a connection have sent so far.
fn takes_up(connection: &Connection, direction: Direction, segment: &Segment<'_>) -> bool {
    let (own, peer) = (&connection.sides[direction], &connection.sides[direction.reverse()]);
    let near = |known: Option<SeqNum>, number: SeqNum| {
        known.is_some_and(|known| number.distance(known).unsigned_abs() < SOON.end.unsigned_abs())
    };
    segment.flags.has(TcpFlags::ACK) && near(own.next, segment.seq) && near(peer.next, segment.ack)
}
