//! One flow: its ends, its connection, its streams, and what the floors above keep of it.

use std::net::SocketAddr;

use super::endpoint::{Direction, PerDirection, Transport};
use super::metrics::Counters;
use super::oddity::Oddity;
use super::reassembly::StreamReassembler;
use super::record::KnownBy;
use super::summary::Shorthand;
use super::tcp::Connection;
use super::waiting::{Conversing, Waiting};
use crate::capture::{FrameNo, Origin};
use crate::time::Timestamp;

/// A flow: two endpoints, and all that is known of what passed between them.
#[derive(Debug)]
pub struct Flow<A> {
    /// The frame that opened it; its name in all output.
    pub id: FrameNo,
    /// The number that Wireshark gives it (`tcp.stream`, `udp.stream`).
    pub stream: u32,
    /// The transport.
    pub transport: Transport,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
    /// By what it is known which is which.
    pub known_by: KnownBy,
    /// Whether its ports had carried another connection before.
    pub reused_ports: bool,
    /// Its first frame.
    pub first: Origin,
    /// Its last frame so far.
    pub last: Origin,
    /// The TCP connection; for UDP only its counters are used.
    pub connection: Connection,
    /// Wireshark's and Zeek's shorthands.
    pub shorthand: Shorthand,
    /// The streams of both directions.
    pub streams: PerDirection<StreamReassembler>,
    /// Frames of the capture were lost since its last one, so that nobody knows whether it went on.
    pub unseen_since: bool,
    /// What the floors above keep of it.
    pub app: A,
    /// A SYN on the ports of a live connection, followed apart until an answer proves it.
    pub(super) challenger: Option<Box<Self>>,
    /// Where it is over and waits to be let go: when something came last, in the steady time of the table.
    pub(super) quiet_since: Option<Timestamp>,
}

impl<A: Default> Flow<A> {
    pub(super) fn new(
        transport: Transport,
        ends: (SocketAddr, SocketAddr),
        known_by: KnownBy,
        stream: u32,
        origin: Origin,
    ) -> Self {
        Self {
            id: origin.frame,
            stream,
            transport,
            client: ends.0,
            server: ends.1,
            known_by,
            reused_ports: false,
            first: origin,
            last: origin,
            connection: Connection::default(),
            shorthand: Shorthand::default(),
            streams: PerDirection::default(),
            unseen_since: false,
            app: A::default(),
            challenger: None,
            quiet_since: None,
        }
    }
}

impl<A: Conversing> Flow<A> {
    /// Nobody took the SYN or SYN-ACK up, so it was a stray segment of this connection. Gives what it held back.
    pub(super) fn drop_challenger(&mut self) -> Waiting {
        let Some(challenger) = self.challenger.take() else { return Waiting::default() };
        let opened_by_server = challenger.known_by == KnownBy::SynAck;
        let by = self.direction_from(if opened_by_server { challenger.server } else { challenger.client });
        self.connection.sides[by].trouble.oddities.note(Oddity::SynInside, challenger.first);
        for direction in Direction::BOTH {
            let counted = challenger.counters(direction);
            let to = self.direction_from(match direction {
                Direction::ToServer => challenger.client,
                Direction::ToClient => challenger.server,
            });
            let counters = &mut self.connection.sides[to].counters;
            counters.packets += counted.packets;
            counters.bytes += counted.bytes;
            counters.payload_bytes += counted.payload_bytes;
        }
        challenger.waiting_in_both()
    }
}

impl<A> Flow<A> {
    /// The direction of a packet from `source`.
    pub fn direction_from(&self, source: SocketAddr) -> Direction {
        if same(&source, &self.client) { Direction::ToServer } else { Direction::ToClient }
    }

    /// Exchanges client and server, because `by` says more than what was known. The caller turns its own part.
    ///
    /// Returns whether they were exchanged: not where a handshake or another CONNECT has settled it.
    pub fn turn_round(&mut self, by: KnownBy) -> bool {
        if self.known_by <= by {
            return false;
        }
        std::mem::swap(&mut self.client, &mut self.server);
        self.known_by = by;
        self.connection.turn_round();
        self.streams.swap();
        self.shorthand.turn_round();
        true
    }

    /// Whether both ends have sent something.
    pub(super) fn is_conversation(&self) -> bool {
        Direction::BOTH.iter().all(|direction| self.counters(*direction).packets > 0)
    }

    /// The counters of a direction.
    pub fn counters(&self, direction: Direction) -> &Counters {
        self.connection.sides[direction].counters()
    }
}

/// Whether two addresses are the same; quick for IPv4.
#[inline]
pub(super) fn same(a: &SocketAddr, b: &SocketAddr) -> bool {
    match (a, b) {
        (SocketAddr::V4(a), SocketAddr::V4(b)) => a.port() == b.port() && a.ip().to_bits() == b.ip().to_bits(),
        (SocketAddr::V6(a), SocketAddr::V6(b)) => a.port() == b.port() && a.ip().to_bits() == b.ip().to_bits(),
        _ => false,
    }
}
