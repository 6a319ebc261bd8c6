//! The datagrams between two UDP ports: counts, and nothing of what a connection needs. A capture has more of them than
//! connections, for each question to a name server is one.

use std::net::SocketAddr;

use super::brief::Brief;
use super::endpoint::{Direction, PerDirection, Transport};
use super::followed::{Flow, same};
use super::names::Elsewhere;
use super::record::KnownBy;
use super::waiting::{Conversing, Waiting};
use crate::capture::{FrameNo, Origin};
use crate::time::Timestamp;

/// A UDP conversation that is followed.
#[derive(Debug)]
pub struct Datagrams<A> {
    /// The frame that opened it.
    pub id: FrameNo,
    /// The number that Wireshark gives it (`udp.stream`).
    pub stream: u32,
    /// By what it is known who is the client.
    pub known_by: KnownBy,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
    /// Its first frame.
    pub(super) first: Origin,
    /// Its last frame so far.
    pub(super) last: Origin,
    /// Whether it is followed as long as a connection: whoever speaks a protocol with sleeping clients may be silent for
    /// hours.
    pub lasting: bool,
    /// Whether its ends have said that it is over, so that nothing more is to be expected.
    pub over: bool,
    /// Where it is over: when something came last, in the steady time of the table.
    pub(super) quiet_since: Option<Timestamp>,
    /// Whether another conversation of the same ends has come after it, so that these do not find it any more.
    pub(super) unlisted: bool,
    /// What finds it besides its ends.
    pub(super) elsewhere: Option<Box<Elsewhere>>,
    counts: PerDirection<Count>,
    /// What the floors above keep of it, of the few that they want to follow.
    pub app: Option<Box<A>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    packets: u64,
    /// Of the frames on the wire.
    bytes: u64,
    payload_bytes: u64,
}

impl<A: Default> Datagrams<A> {
    pub(super) fn new(ends: (SocketAddr, SocketAddr), known_by: KnownBy, stream: u32, origin: Origin) -> Self {
        Self {
            id: origin.frame,
            stream,
            known_by,
            client: ends.0,
            server: ends.1,
            first: origin,
            last: origin,
            counts: PerDirection::default(),
            lasting: false,
            over: false,
            quiet_since: None,
            unlisted: false,
            elsewhere: None,
            app: None,
        }
    }

    /// The direction of a datagram from `source`.
    pub fn direction_from(&self, source: SocketAddr) -> Direction {
        let mut paths = self.elsewhere.iter().flat_map(|elsewhere| &elsewhere.paths);
        if same(&source, &self.client) || paths.any(|(client, _)| same(&source, client)) {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }

    /// Whether it has gone on between these ends, the client's first, and nobody has asked yet.
    pub fn take_new_path(&mut self, path: (SocketAddr, SocketAddr)) -> bool {
        self.elsewhere.as_mut().is_some_and(|elsewhere| elsewhere.take_new_path(path))
    }

    /// The pairs of ends that it went on with, the client's first.
    pub fn paths(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        self.elsewhere.iter().flat_map(|elsewhere| elsewhere.paths.iter().copied())
    }

    /// Says who is the client, because `by` says more than what was known; exchanges both ends where they were the other way
    /// round. Returns whether they were exchanged.
    pub fn settle(&mut self, client: Direction, by: KnownBy) -> bool {
        if self.known_by <= by {
            return false;
        }
        self.known_by = by;
        if client == Direction::ToServer {
            return false;
        }
        std::mem::swap(&mut self.client, &mut self.server);
        self.counts.swap();
        true
    }

    /// Its first frame and the last one so far.
    pub const fn span(&self) -> (Origin, Origin) {
        (self.first, self.last)
    }

    /// Datagrams in a direction, and the bytes of their frames on the wire.
    pub fn sent(&self, direction: Direction) -> (u64, u64) {
        let count = self.counts[direction];
        (count.packets, count.bytes)
    }

    /// Whether both ends have sent something.
    pub(super) fn is_conversation(&self) -> bool {
        Direction::BOTH.iter().all(|direction| self.counts[*direction].packets > 0)
    }

    /// Counts a datagram in a frame of `length` bytes.
    pub(super) fn count(&mut self, direction: Direction, payload: u32, length: u32) {
        let count = &mut self.counts[direction];
        count.packets += 1;
        count.bytes += u64::from(length);
        count.payload_bytes += u64::from(payload);
    }

    /// The flow that it is, to be told.
    pub(super) fn into_flow(self) -> Flow<A> {
        let mut flow = Flow::new(Transport::Udp, (self.client, self.server), self.known_by, self.stream, self.first);
        flow.last = self.last;
        flow.app = self.app.map(|app| *app).unwrap_or_default();
        for direction in Direction::BOTH {
            let (counters, count) = (&mut flow.connection.sides[direction].counters, self.counts[direction]);
            counters.packets = count.packets;
            counters.bytes = count.bytes;
            counters.payload_bytes = count.payload_bytes;
            counters.unique_bytes = count.payload_bytes;
        }
        flow
    }
}

impl<A: Conversing> Datagrams<A> {
    /// What it holds back.
    pub fn waiting(&self) -> Waiting {
        self.app.as_ref().map_or_else(Waiting::default, |app| Waiting::of(&**app))
    }
}

/// What is followed in a slot of the table.
#[derive(Debug, Default)]
pub(super) enum Slot<A> {
    #[default]
    Free,
    Tcp(Box<Flow<A>>),
    /// A TCP flow of few segments.
    Brief(Box<Brief<A>>),
    Udp(Box<Datagrams<A>>),
}

impl<A: Default> Slot<A> {
    /// The TCP flow in it.
    #[inline]
    pub(super) fn tcp(&self) -> Option<&Flow<A>> {
        match self {
            Self::Tcp(flow) => Some(flow),
            Self::Free | Self::Udp(_) | Self::Brief(_) => None,
        }
    }

    #[inline]
    pub(super) fn tcp_mut(&mut self) -> Option<&mut Flow<A>> {
        match self {
            Self::Tcp(flow) => Some(flow),
            Self::Free | Self::Udp(_) | Self::Brief(_) => None,
        }
    }

    #[inline]
    pub(super) fn udp(&self) -> Option<&Datagrams<A>> {
        match self {
            Self::Udp(datagrams) => Some(datagrams),
            Self::Free | Self::Tcp(_) | Self::Brief(_) => None,
        }
    }

    #[inline]
    pub(super) fn udp_mut(&mut self) -> Option<&mut Datagrams<A>> {
        match self {
            Self::Udp(datagrams) => Some(datagrams),
            Self::Free | Self::Tcp(_) | Self::Brief(_) => None,
        }
    }

    /// The number of what is in it.
    pub(super) fn id(&self) -> Option<FrameNo> {
        match self {
            Self::Free => None,
            Self::Tcp(flow) => Some(flow.id),
            Self::Brief(brief) => brief.span().map(|(first, _)| first.frame),
            Self::Udp(datagrams) => Some(datagrams.id),
        }
    }

    /// Its last frame, and whether both ends have sent something.
    pub(super) fn last(&self) -> Option<(Origin, bool)> {
        match self {
            Self::Free => None,
            Self::Tcp(flow) => Some((flow.last, flow.is_conversation())),
            Self::Brief(brief) => brief.span().map(|(_, last)| (last, brief.is_conversation())),
            Self::Udp(datagrams) => Some((datagrams.last, datagrams.is_conversation())),
        }
    }

    /// Where it was over and waits to be let go: since when nothing has come, and whether it is over still.
    pub(super) fn quiet(&mut self) -> Option<(&mut Option<Timestamp>, bool)> {
        match self {
            Self::Free => None,
            Self::Tcp(flow) => {
                let is_over = flow.connection.is_over();
                Some((&mut flow.quiet_since, is_over))
            }
            Self::Brief(brief) => {
                let is_over = brief.is_over();
                Some((brief.quiet_since(), is_over))
            }
            Self::Udp(datagrams) => Some((&mut datagrams.quiet_since, true)),
        }
    }

    /// Whether it is what is between these two ends.
    #[inline]
    pub(super) fn is_between(&self, transport: Transport, a: &SocketAddr, b: &SocketAddr) -> bool {
        let is = |client: &SocketAddr, server: &SocketAddr| {
            (same(a, client) && same(b, server)) || (same(b, client) && same(a, server))
        };
        match (self, transport) {
            (Self::Tcp(flow), Transport::Tcp) => is(&flow.client, &flow.server),
            (Self::Brief(brief), Transport::Tcp) => brief.is_between(a, b),
            (Self::Udp(datagrams), Transport::Udp) => {
                (is(&datagrams.client, &datagrams.server) && !datagrams.unlisted)
                    || datagrams.paths().any(|(client, server)| is(&client, &server))
            }
            _ => false,
        }
    }
}
