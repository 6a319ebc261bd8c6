//! The table of flows: finds the flow of a packet, and tells a new connection on the same ports from the old one.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use super::brief::InShort;
use super::datagrams::{Datagrams, Slot};
use super::endpoint::{Direction, FlowKey, Transport};
use super::followed::Flow;
use super::index::Index;
use super::limits::FlowLimits;
use super::names::NameTable;
use super::place::Place;
use super::record::KnownBy;
use super::waiting::{Conversing, Waiting};
use crate::capture::{FrameNo, Origin};
use crate::time::{Span, Steady, Timestamp};
use crate::wire::{Segment, TcpFlags};

/// Two maximum segment lifetimes as Linux has them; RFC 9293 names four minutes, which nobody waits.
pub(super) const TIME_WAIT: Span = Span::from_secs(60);

/// How long a connection stays that is over at both ends without TIME-WAIT, for segments that come late.
pub(super) const LINGER: Span = Span::from_secs(5);

/// The most endpoints that are known to answer.
const SERVERS: usize = 65_536;

/// The most flows that can be told apart by the number of their slot.
const SLOTS: usize = u32::MAX as usize - 1;

/// Why a flow was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It was over, and nothing more came.
    Over,
    /// A new connection took its ports.
    Replaced,
    /// Nothing came for a long time.
    Idle,
    /// There were too many flows.
    Evicted,
    /// The capture ended.
    CaptureEnd,
}

/// Where the packet belongs.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// The slot of its flow, for [`FlowTable::get_mut`].
    pub slot: usize,
    /// Its direction.
    pub direction: Direction,
    /// Whether it belongs to a connection that is only suspected (see [`FlowTable::get_mut`]).
    pub challenger: bool,
}

/// What a quoted packet belongs to.
#[derive(Debug)]
pub enum Quoted<'a, A> {
    /// A TCP flow.
    Tcp(&'a mut Flow<A>),
    /// A UDP conversation.
    Udp(&'a Datagrams<A>),
}

/// Takes flows that were let go.
pub type EndedFlows<A> = Vec<(Box<Flow<A>>, Ended)>;

/// All flows that are followed.
#[derive(Debug)]
pub struct FlowTable<A> {
    pub(super) slots: Vec<Slot<A>>,
    pub(super) free: Vec<usize>,
    pub(super) index: Index,
    /// For each slot when its flow was heard of, and the last frame of it that this rests on.
    pub(super) heard: Vec<(Timestamp, FrameNo)>,
    /// The time by which flows are let go, whatever the clocks of the capture do.
    pub(super) clock: Steady,
    /// When the first of `over` is due.
    pub(super) next_due: Option<Timestamp>,
    /// Connections that are over, in the order in which they may go, and those in TIME-WAIT.
    pub(super) over: [VecDeque<(Timestamp, usize, FrameNo)>; 2],
    streams: [u32; 2],
    /// Endpoints that were seen to answer a SYN: whoever talks to them in mid-stream is their client.
    servers: HashSet<SocketAddr, foldhash::fast::RandomState>,
    pub(super) limits: FlowLimits,
    pub(super) hand: usize,
    /// Where [`FlowTable::heaviest`] looked last.
    pub(super) heavy_hand: usize,
    pub(super) packets: u32,
    pub(super) evicted: u64,
    /// What connections held back that were suspected in vain.
    dropped: Waiting,
    /// Where the flow of the next segment most likely is.
    pub(super) hint: Option<usize>,
    /// How many flows it holds.
    pub(super) held: usize,
    pub(super) names: NameTable,
    pub(super) in_short: InShort<A>,
}

impl<A: Conversing> FlowTable<A> {
    /// An empty table.
    pub fn new(limits: FlowLimits) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: Index::new(),
            heard: Vec::new(),
            clock: Steady::default(),
            next_due: None,
            over: [VecDeque::new(), VecDeque::new()],
            streams: [0; 2],
            servers: HashSet::default(),
            in_short: InShort::new(limits.in_short),
            limits,
            hand: 0,
            heavy_hand: 0,
            packets: 0,
            evicted: 0,
            dropped: Waiting::default(),
            hint: None,
            held: 0,
            names: NameTable::default(),
        }
    }

    /// How many flows were let go because there were too many.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What was held back, until they were dropped, by connections that were suspected in vain.
    pub const fn dropped(&self) -> Waiting {
        self.dropped
    }

    /// How many flows it holds.
    pub const fn len(&self) -> usize {
        self.held
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The TCP flow that `found` names.
    pub fn get_mut(&mut self, found: Found) -> Option<&mut Flow<A>> {
        self.unfold(found.slot);
        let flow = self.slots.get_mut(found.slot)?.tcp_mut()?;
        if found.challenger { flow.challenger.as_deref_mut() } else { Some(flow) }
    }

    /// The flow of a packet that is only quoted, by its source and destination, if it is followed.
    pub fn find_quoted(&mut self, key: &FlowKey) -> Option<Quoted<'_, A>> {
        let (a, b) = key.ends();
        let hash = self.index.hash(key.transport(), a, b);
        let slot = self.slot_of(hash, key.transport(), &a, &b)?;
        self.is_changed(slot);
        match self.slots.get_mut(slot)? {
            Slot::Free | Slot::Brief(_) => None,
            Slot::Tcp(flow) => Some(Quoted::Tcp(flow)),
            Slot::Udp(datagrams) => Some(Quoted::Udp(datagrams)),
        }
    }

    /// The flow of a segment, which is opened if it is the first of a connection.
    pub fn find_segment(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        segment: &Segment<'_>,
        origin: Origin,
        ended: &mut EndedFlows<A>,
    ) -> Found {
        self.let_go(origin, ended);
        if segment.flags.has(TcpFlags::SYN) && segment.flags.has(TcpFlags::ACK) && self.servers.len() < SERVERS {
            self.servers.insert(source);
        }
        if let Some(slot) = self.hint.take()
            && !segment.flags.has(TcpFlags::SYN)
            && let Some(held) = self.slots.get(slot)
            && held.is_between(Transport::Tcp, &source, &destination)
            && held.tcp().is_some_and(|flow| flow.challenger.is_none())
        {
            return self.found(slot, source, origin, false);
        }
        let hash = self.index.hash(Transport::Tcp, source, destination);
        let key = (Transport::Tcp, hash);
        let Some(slot) = self.slot_of(hash, Transport::Tcp, &source, &destination) else {
            let (ends, known_by) = self.roles(source, destination, segment);
            let slot = self.open(key, ends, known_by, origin, ended);
            return self.found(slot, source, origin, false);
        };
        self.visit(slot);
        if !segment.flags.has(TcpFlags::SYN)
            && let Some(flow) = self.slots.get(slot).and_then(Slot::tcp)
            && flow.challenger.is_none()
        {
            return self.found(slot, source, origin, false);
        }
        match self.place(slot, source, segment) {
            Place::Current => self.found(slot, source, origin, false),
            Place::Challenger => {
                if self.promotes(slot, source, segment) {
                    self.promote(slot, origin, ended);
                    self.found(slot, source, origin, false)
                } else {
                    self.found(slot, source, origin, true)
                }
            }
            Place::Suspected => {
                let stream = self.next_stream(Transport::Tcp);
                let (ends, known_by) = self.roles(source, destination, segment);
                if let Some(flow) = self.slots[slot].tcp_mut() {
                    let receiver = flow.direction_from(destination);
                    flow.connection.sides[receiver].trouble.challenge_due = true;
                    self.dropped = self.dropped.and(flow.drop_challenger());
                    let mut challenger = Box::new(Flow::new(Transport::Tcp, ends, known_by, stream, origin));
                    challenger.reused_ports = true;
                    flow.challenger = Some(challenger);
                }
                self.found(slot, source, origin, true)
            }
            Place::New => {
                let (ends, known_by) = self.roles(source, destination, segment);
                self.end(slot, Ended::Replaced, origin.time, ended);
                let slot = self.open(key, ends, known_by, origin, ended);
                if let Some(flow) = self.slots[slot].tcp_mut() {
                    flow.reused_ports = true;
                }
                self.found(slot, source, origin, false)
            }
        }
    }

    /// The capture has ended: all that is followed, in the order in which it began, for [`FlowTable::finish`].
    pub fn left(&self) -> Vec<u32> {
        let id = |(slot, held): (usize, &Slot<A>)| held.id().map(|id| (id, slot as u32));
        let mut slots: Vec<(FrameNo, u32)> = self.slots.iter().enumerate().filter_map(id).collect();
        slots.sort_unstable();
        slots.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Lets one of them go.
    pub fn finish(&mut self, slot: u32, now: Timestamp, ended: &mut EndedFlows<A>) {
        self.end(slot as usize, Ended::CaptureEnd, now, ended);
    }

    /// The slot of the flow between these ends.
    #[inline]
    pub(super) fn slot_of(&self, hash: u32, transport: Transport, a: &SocketAddr, b: &SocketAddr) -> Option<usize> {
        self.index.find(hash, |slot| self.slots.get(slot).is_some_and(|held| held.is_between(transport, a, b)))
    }

    #[inline]
    fn found(&mut self, slot: usize, source: SocketAddr, origin: Origin, challenger: bool) -> Found {
        let mut found = Found { slot, direction: Direction::ToServer, challenger };
        let now = self.clock.now();
        if let Some(flow) = self.get_mut(found) {
            // The clock of a capture may go back; the end of a flow does not.
            flow.last = Origin { frame: origin.frame, time: origin.time.max(flow.last.time) };
            flow.quiet_since = flow.quiet_since.map(|since| since.max(now));
            found.direction = flow.direction_from(source);
        }
        found
    }

    fn next_stream(&mut self, transport: Transport) -> u32 {
        let counter = &mut self.streams[usize::from(transport == Transport::Udp)];
        *counter += 1;
        *counter - 1
    }

    pub(super) fn open(
        &mut self,
        (transport, hash): (Transport, u32),
        ends: (SocketAddr, SocketAddr),
        known_by: KnownBy,
        origin: Origin,
        ended: &mut EndedFlows<A>,
    ) -> usize {
        if self.held >= self.limits.flows.clamp(1, SLOTS) {
            self.evict(origin.time, ended);
        }
        let stream = self.next_stream(transport);
        let held = match transport {
            Transport::Tcp => Slot::Tcp(self.in_short.open(Flow::new(transport, ends, known_by, stream, origin))),
            Transport::Udp => Slot::Udp(Box::new(Datagrams::new(ends, known_by, stream, origin))),
        };
        let heard = (self.clock.now(), origin.frame);
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot] = held;
            self.heard[slot] = heard;
            slot
        } else {
            self.slots.push(held);
            self.heard.push(heard);
            self.slots.len() - 1
        };
        if transport == Transport::Tcp {
            self.opened(slot, ends);
        }
        self.index.insert(hash, slot);
        self.held += 1;
        slot
    }

    /// Takes a flow out of the table.
    pub(super) fn end(&mut self, slot: usize, why: Ended, now: Timestamp, ended: &mut EndedFlows<A>) {
        self.unfold(slot);
        let mut flow = match self.slots.get_mut(slot).map(std::mem::take) {
            None | Some(Slot::Free | Slot::Brief(_)) => return,
            Some(Slot::Tcp(flow)) => flow,
            Some(Slot::Udp(mut datagrams)) => {
                if let Some(elsewhere) = datagrams.elsewhere.take() {
                    self.names.end(&elsewhere);
                    for (client, server) in elsewhere.paths {
                        self.index.remove(self.index.hash(Transport::Udp, client, server), slot);
                    }
                }
                Box::new(datagrams.into_flow())
            }
        };
        self.held -= 1;
        self.free.push(slot);
        self.index.remove(self.index.hash(flow.transport, flow.client, flow.server), slot);
        self.dropped = self.dropped.and(flow.drop_challenger());
        if flow.transport == Transport::Tcp && (why == Ended::Replaced || why == Ended::Over) {
            let time = if why == Ended::Over { flow.last.time + TIME_WAIT } else { now };
            flow.connection.end_time_wait(flow.last, time);
        }
        ended.push((flow, why));
    }

    /// Who is the client of a connection whose first segment this is: client first.
    fn roles(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        segment: &Segment<'_>,
    ) -> ((SocketAddr, SocketAddr), KnownBy) {
        match (segment.flags.has(TcpFlags::SYN), segment.flags.has(TcpFlags::ACK)) {
            (true, false) => ((source, destination), KnownBy::Syn),
            (true, true) => ((destination, source), KnownBy::SynAck),
            (false, _) => self.guess_roles(source, destination),
        }
    }

    pub(super) fn guess_roles(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> ((SocketAddr, SocketAddr), KnownBy) {
        let answers = (self.servers.contains(&source), self.servers.contains(&destination));
        let serves = |end: SocketAddr| end.port() < 1024 || self.limits.server_ports.contains(&end.port());
        let serving = if answers.0 == answers.1 { (serves(source), serves(destination)) } else { answers };
        match serving {
            (true, false) => ((destination, source), KnownBy::Port),
            (false, true) => ((source, destination), KnownBy::Port),
            _ => ((source, destination), KnownBy::FirstFrame),
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
