//! A connection of few segments in short: what came, in place of what follows from it.
//!
//! Most connections of a scan are refused, or never answered, and a capture that begins in the middle has scraps of many
//! others. What is followed of a connection takes more than a kilobyte, the headers of three segments a fifth of it. So
//! these are put down when nothing more comes for a while, and followed again from the first one where they are asked
//! for: with the next segment, and when the flow is told. That leads to the same, for what follows from segments follows
//! from nothing else.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV4};

use super::datagrams::Slot;
use super::endpoint::{Direction, PerDirection, Transport};
use super::followed::{Flow, same};
use super::reassembly::StreamReassembler;
use super::record::KnownBy;
use super::table::{FlowTable, Found};
use super::waiting::{Conversing, Waiting};
use crate::capture::{FrameNo, Origin};
use crate::prefetch::prefetch;
use crate::time::Timestamp;
use crate::wire::{Checksum, Ip, Segment, SeqNum, TcpFlags, TcpOptions};

/// A connection of so many segments is kept in short.
const SEGMENTS: usize = 3;

/// The most bytes of options of such a segment: those of the SYN that most systems send.
const OPTIONS: usize = 20;

/// The most captured payload of such a segment: nobody looks at it a second time, but its length counts.
const PAYLOAD: usize = 2048;
static SOME_PAYLOAD: [u8; PAYLOAD] = [0; PAYLOAD];

/// What following a connection asks of a segment.
#[derive(Debug, Clone, Copy)]
struct Noted {
    origin: Origin,
    direction: Direction,
    seq: SeqNum,
    ack: SeqNum,
    flags: TcpFlags,
    window: u16,
    urgent: u16,
    checksum_field: u16,
    ip_id: Option<u16>,
    checksum: Checksum,
    header_length: u8,
    ttl: u8,
    options_length: u8,
    options: [u8; OPTIONS],
    captured: u16,
    payload_length: u32,
    frame_length: u32,
}

impl Noted {
    /// None where there is too much of it.
    fn of(direction: Direction, segment: &Segment<'_>, ip: &Ip, frame_length: u32, origin: Origin) -> Option<Self> {
        let mut options = [0; OPTIONS];
        let length = segment.options.0.len();
        options.get_mut(..length)?.copy_from_slice(segment.options.0);
        Some(Self {
            origin,
            direction,
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            window: segment.window,
            urgent: segment.urgent,
            checksum_field: segment.checksum_field,
            ip_id: ip.id,
            checksum: segment.checksum,
            header_length: segment.header_length,
            ttl: ip.ttl,
            options_length: length as u8,
            options,
            captured: u16::try_from(segment.payload.len()).ok().filter(|length| usize::from(*length) <= PAYLOAD)?,
            payload_length: segment.payload_length,
            frame_length,
        })
    }

    /// Lets the flow take it in again.
    fn replay<A>(&self, flow: &mut Flow<A>) {
        let (source, destination) = match self.direction {
            Direction::ToServer => (flow.client, flow.server),
            Direction::ToClient => (flow.server, flow.client),
        };
        let segment = Segment {
            source: source.port(),
            destination: destination.port(),
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.window,
            urgent: self.urgent,
            checksum_field: self.checksum_field,
            checksum: self.checksum,
            header_length: self.header_length,
            options: TcpOptions(self.options.get(..usize::from(self.options_length)).unwrap_or_default()),
            payload: SOME_PAYLOAD.get(..usize::from(self.captured)).unwrap_or_default(),
            payload_length: self.payload_length,
        };
        // Of IP's header a connection asks for the time to live and the identification.
        let ip = Ip {
            source: source.ip(),
            destination: destination.ip(),
            ttl: self.ttl,
            traffic_class: 0,
            id: self.ip_id,
            dont_fragment: false,
            header_checksum: Checksum::Unknown,
            protocol: 6,
            payload_length: u32::from(self.header_length) + self.payload_length,
        };
        let verdict = flow.connection.on_segment(self.direction, &segment, &ip, self.frame_length, self.origin);
        flow.shorthand.on_segment(self.direction, &segment, &verdict);
    }
}

/// All segments of a connection so far.
#[derive(Debug, Clone, Copy, Default)]
struct Log([Option<Noted>; SEGMENTS]);

impl Log {
    fn iter(&self) -> impl Iterator<Item = &Noted> {
        self.0.iter().map_while(Option::as_ref)
    }

    /// Whether there was room for it.
    fn push(&mut self, noted: Noted) -> bool {
        let room = self.0.iter_mut().find(|room| room.is_none());
        room.map(|room| *room = Some(noted)).is_some()
    }

    fn is_full(&self) -> bool {
        self.0[SEGMENTS - 1].is_some()
    }

    /// The first and the last; the clock of a capture may go back, that of a flow does not.
    fn span(&self) -> Option<(Origin, Origin)> {
        let first = self.0[0]?.origin;
        let last = |last: Origin, noted: &Noted| Origin { time: last.time.max(noted.origin.time), ..noted.origin };
        Some((first, self.iter().fold(first, last)))
    }
}

/// Two ends, the client first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    V4([SocketAddrV4; 2]),
    V6([(Ipv6Addr, u16); 2]),
}

impl Ends {
    fn of(client: SocketAddr, server: SocketAddr) -> Option<Self> {
        let ends = match (client, server) {
            (SocketAddr::V4(client), SocketAddr::V4(server)) => Self::V4([client, server]),
            _ => Self::V6([client, server].map(|end| match end {
                SocketAddr::V4(end) => (end.ip().to_ipv6_mapped(), end.port()),
                SocketAddr::V6(end) => (*end.ip(), end.port()),
            })),
        };
        // Both of one kind, and without what only a local address has.
        (ends.get() == (client, server)).then_some(ends)
    }

    #[inline]
    fn get(&self) -> (SocketAddr, SocketAddr) {
        match *self {
            Self::V4([client, server]) => (client.into(), server.into()),
            Self::V6([client, server]) => (client.into(), server.into()),
        }
    }
}

/// A connection that is kept in short.
#[derive(Debug)]
pub(super) struct Brief<A> {
    ends: Ends,
    stream: u32,
    known_by: KnownBy,
    reused_ports: bool,
    quiet_since: Option<Timestamp>,
    /// Whether both ends are through.
    is_over: bool,
    /// Whether its SYN was not answered.
    is_unanswered: bool,
    is_conversation: bool,
    /// Where streams begin and have come to.
    streams: PerDirection<Option<(SeqNum, SeqNum)>>,
    /// INVARIANT: it has a segment at least.
    log: Log,
    app: A,
}

impl<A> Brief<A> {
    /// Its first frame, and its last so far.
    pub(super) fn span(&self) -> Option<(Origin, Origin)> {
        self.log.span()
    }

    pub(super) const fn is_conversation(&self) -> bool {
        self.is_conversation
    }

    /// Whether both ends are through.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether its SYN was not answered.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.is_unanswered
    }

    /// See [`Flow::quiet_since`].
    pub(super) const fn quiet_since(&mut self) -> &mut Option<Timestamp> {
        &mut self.quiet_since
    }

    #[inline]
    pub(super) fn is_between(&self, a: &SocketAddr, b: &SocketAddr) -> bool {
        let (client, server) = self.ends.get();
        (same(a, &client) && same(b, &server)) || (same(b, &client) && same(a, &server))
    }

    /// Asks for what following it again needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.ends);
        self.log.0.iter().for_each(prefetch);
        prefetch(&self.app);
    }
}

impl<A: Conversing> Brief<A> {
    /// What it holds back.
    pub(super) fn waiting(&self) -> Waiting {
        let both = |bytes: &dyn Fn(Direction) -> usize| Direction::BOTH.into_iter().map(bytes).sum::<usize>() as u64;
        Waiting {
            message_bytes: both(&|direction| self.app.message_bytes(direction)),
            other_bytes: both(&|direction| self.app.piece_bytes(direction)) + self.app.shared_bytes() as u64,
            ..Waiting::default()
        }
    }

    /// The flow in short; gives it back where it can't be told so.
    fn of(flow: &mut Flow<A>, ends: Ends, log: Log) -> Option<Self> {
        // Whatever else has come to the connection is not in its segments.
        let counted = Direction::BOTH.map(|direction| flow.counters(direction).packets);
        let is_all = counted[0] + counted[1] == log.iter().count() as u64
            && log.span() == Some((flow.first, flow.last))
            && ends.get() == (flow.client, flow.server)
            && flow.challenger.is_none()
            && !flow.unseen_since;
        let had_hole = flow.streams.to_server.had_hole() || flow.streams.to_client.had_hole();
        if !is_all || had_hole || !flow.app.is_left_alone() {
            return None;
        }
        let streams =
            PerDirection { to_server: flow.streams.to_server.in_short(), to_client: flow.streams.to_client.in_short() };
        Some(Self {
            ends,
            stream: flow.stream,
            known_by: flow.known_by,
            reused_ports: flow.reused_ports,
            quiet_since: flow.quiet_since,
            is_over: flow.connection.is_over(),
            is_unanswered: flow.connection.is_unanswered_syn(),
            is_conversation: flow.is_conversation(),
            streams,
            log,
            app: std::mem::take(&mut flow.app),
        })
    }

    /// The flow itself, in memory that another has left behind.
    fn into_flow(self, spare: Option<Box<Flow<A>>>) -> Box<Flow<A>> {
        const NOWHERE: Origin = Origin { frame: FrameNo(0), time: Timestamp::from_nanos(0) };
        let (first, last) = self.log.span().unwrap_or((NOWHERE, NOWHERE));
        let (client, server) = self.ends.get();
        let flow = Flow::new(Transport::Tcp, (client, server), self.known_by, self.stream, first);
        let mut flow = put(flow, spare);
        flow.last = last;
        flow.reused_ports = self.reused_ports;
        flow.quiet_since = self.quiet_since;
        flow.streams.to_server = StreamReassembler::of_short(self.streams.to_server);
        flow.streams.to_client = StreamReassembler::of_short(self.streams.to_client);
        flow.app = self.app;
        for noted in self.log.iter() {
            noted.replay(&mut flow);
        }
        flow
    }
}

/// Puts a flow into memory that another has left behind, if one has.
fn put<A>(flow: Flow<A>, spare: Option<Box<Flow<A>>>) -> Box<Flow<A>> {
    match spare {
        Some(mut spare) => {
            *spare = flow;
            spare
        }
        None => Box::new(flow),
    }
}

/// A flow that is followed as a whole, and may be put down in short.
#[derive(Debug)]
struct Recent {
    slot: usize,
    ends: Ends,
    log: Log,
}

/// So many flows are followed as a whole for a while: most often the answer comes soon. INVARIANT: a power of two.
const RECENT: usize = 256;

/// What the table needs to keep flows in short.
#[derive(Debug)]
pub(super) struct InShort<A> {
    /// By the lower bits of their slots; empty where nothing is kept in short.
    recent: Vec<Option<Recent>>,
    /// Memory for a flow.
    spare: Option<Box<Flow<A>>>,
}

impl<A: Conversing> InShort<A> {
    pub(super) fn new(wanted: bool) -> Self {
        let mut recent = Vec::new();
        if wanted {
            recent.resize_with(RECENT, || None);
        }
        Self { recent, spare: None }
    }

    /// The place for a flow with this slot.
    #[inline]
    fn place(&mut self, slot: usize) -> Option<&mut Option<Recent>> {
        self.recent.get_mut(slot & (RECENT - 1))
    }

    /// A new flow.
    pub(super) fn open(&mut self, flow: Flow<A>) -> Box<Flow<A>> {
        put(flow, self.spare.take())
    }
}

impl<A: Conversing> FlowTable<A> {
    /// This TCP flow is new in its slot.
    pub(super) fn opened(&mut self, slot: usize, (client, server): (SocketAddr, SocketAddr)) {
        let recent = Ends::of(client, server).map(|ends| Recent { slot, ends, log: Log::default() });
        self.follow_for_now(slot, recent);
    }

    /// The flow in this slot is needed as a whole, for now.
    #[inline]
    pub(super) fn visit(&mut self, slot: usize) {
        if let Some(Slot::Brief(_)) = self.slots.get(slot) {
            let recent = self.follow_again(slot).filter(|recent| !recent.log.is_full());
            self.follow_for_now(slot, recent);
        }
    }

    /// The flow in this slot is needed as a whole from now on.
    #[inline]
    pub(super) fn unfold(&mut self, slot: usize) {
        if let Some(Slot::Brief(_)) = self.slots.get(slot) {
            self.follow_again(slot);
        }
    }

    /// This flow changes by something that is no segment of it.
    pub(super) fn is_changed(&mut self, slot: usize) {
        self.unfold(slot);
        if let Some(place) = self.in_short.place(slot) {
            place.take_if(|recent| recent.slot == slot);
        }
    }

    #[inline(never)]
    fn follow_again(&mut self, slot: usize) -> Option<Recent> {
        let held = self.slots.get_mut(slot)?;
        let Slot::Brief(brief) = std::mem::take(held) else { return None };
        let recent = Recent { slot, ends: brief.ends, log: brief.log };
        *held = Slot::Tcp(brief.into_flow(self.in_short.spare.take()));
        Some(recent)
    }

    /// Takes down a segment that its connection has taken in. Without it nothing is kept in short.
    #[inline]
    pub fn note_segment(&mut self, found: Found, segment: &Segment<'_>, ip: &Ip, length: u32, origin: Origin) {
        let Some(place) = self.in_short.place(found.slot) else { return };
        if let Some(recent) = place
            && recent.slot == found.slot
        {
            let noted = Noted::of(found.direction, segment, ip, length, origin).filter(|_| !found.challenger);
            if !noted.is_some_and(|noted| recent.log.push(noted)) {
                *place = None;
            }
        }
    }

    /// Remembers a flow that is followed as a whole for now; the one in whose place it comes is put down in short.
    fn follow_for_now(&mut self, slot: usize, recent: Option<Recent>) {
        let Some(place) = self.in_short.place(slot) else { return };
        let before = std::mem::replace(place, recent);
        if let Some(before) = before.filter(|before| before.slot != slot) {
            self.put_down(before);
        }
    }

    fn put_down(&mut self, Recent { slot, ends, log }: Recent) {
        let Some(held) = self.slots.get_mut(slot) else { return };
        let Some(brief) = held.tcp_mut().and_then(|flow| Brief::of(flow, ends, log)) else { return };
        if let Slot::Tcp(flow) = std::mem::replace(held, Slot::Brief(Box::new(brief))) {
            self.in_short.spare = Some(flow);
        }
    }

    /// Puts down all that can be told in short.
    #[cfg(test)]
    fn put_all_down(&mut self) {
        for at in 0..self.in_short.recent.len() {
            if let Some(recent) = self.in_short.recent[at].take() {
                self.put_down(recent);
            }
        }
    }
}

#[cfg(test)]
#[path = "brief_tests.rs"]
mod tests;
