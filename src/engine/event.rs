//! What the engine tells.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::cap::Cap;
use crate::capture::{Frame, FrameNo, Lost, Origin};
use crate::dissect::{
    CarrierPart, ClientHello, Conversation, FrameHeader, FramedMessage, Head, Message, Protocol, QuicFault, QuicSeen,
    ServerHello, SnMessage, TlsFault, WebSocketFault,
};
use crate::flow::{
    Datagrams, Direction, Ended, Flow, KnownBy, PerDirection, Role, TcpState, Transport, Verdict, WiresharkVerdict,
};
use crate::mqtt::{LostSync, Version};
use crate::neighbour::Reading;
use crate::neighbour::dns::Answer;
use crate::time::Span;
use crate::wire::{FragmentNote, Packet, SeqNum, Trace};

/// Takes the events of an [`Engine`](super::Engine), in the order of the frames that caused them.
pub trait Sink {
    /// The next event. What it borrows is gone afterwards.
    fn event(&mut self, event: &Event<'_>);

    /// A message before its fields are read: see [`MessageSink::framed`](crate::dissect::MessageSink::framed).
    fn framed(&mut self, _flow: FlowRef, _message: &FramedMessage<'_>) -> bool {
        false
    }

    /// A flow has ended, and nobody else needs it any more.
    fn ended(&mut self, flow: Box<Flow<Conversation>>, why: Ended) {
        self.event(&Event::Flow(&flow, why));
    }
}

impl<F: FnMut(&Event<'_>)> Sink for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// The flows of messages that come soon, by their numbers: what these need of the core's memory is asked for in two steps,
/// since what the first one brings says where the rest is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coming {
    /// Of one that comes a little later.
    pub later: Option<FrameNo>,
    /// Of one that was told as that before, and comes next but a few.
    pub sooner: Option<FrameNo>,
}

/// A flow as it is named in events.
///
/// What may change while it lasts stands in front, in little more than half a cache line: its ends change with what they are
/// known by only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct FlowRef {
    /// The frame that opened it.
    pub id: FrameNo,
    /// The sequence number of the first byte of each TCP stream, once there is one.
    pub begin: PerDirection<Option<SeqNum>>,
    /// Wireshark's number of it.
    pub stream: u32,
    /// Whether the SYN of each TCP stream was captured, or the first packet of a QUIC connection, so that what comes first of
    /// it is its first byte.
    pub from_start: PerDirection<bool>,
    /// By what it is known which is which.
    pub known_by: KnownBy,
    /// Its transport.
    pub transport: Transport,
    /// What each end has sent by now, as its own numbers and the other's acknowledgements show it, and the capture has not:
    /// lost, or still to come.
    pub lacks: PerDirection<bool>,
    /// Whether something that was captured of each direction was not acknowledged yet, so that its receiver may not know it.
    pub unacknowledged: PerDirection<bool>,
    /// The client.
    pub client: SocketAddr,
    /// The server.
    pub server: SocketAddr,
}

impl FlowRef {
    /// The name of a flow.
    pub fn of(flow: &Flow<Conversation>) -> Self {
        let sides = &flow.connection.sides;
        let streams = |direction: Direction| sides[direction].starts_with_syn() || is_quic_from_start(&flow.app);
        Self {
            id: flow.id,
            stream: flow.stream,
            transport: flow.transport,
            client: flow.client,
            server: flow.server,
            known_by: flow.known_by,
            begin: PerDirection {
                to_server: flow.streams.to_server.begin(),
                to_client: flow.streams.to_client.begin(),
            },
            from_start: PerDirection {
                to_server: streams(Direction::ToServer),
                to_client: streams(Direction::ToClient),
            },
            lacks: PerDirection { to_server: sides.to_server.lacks(), to_client: sides.to_client.lacks() },
            unacknowledged: PerDirection {
                to_server: sides.to_server.is_ahead_of(&sides.to_client),
                to_client: sides.to_client.is_ahead_of(&sides.to_server),
            },
        }
    }

    /// The name of a UDP conversation that is not over.
    pub fn of_datagrams(datagrams: &Datagrams<Conversation>) -> Self {
        let from_start = datagrams.app.as_ref().is_some_and(|app| is_quic_from_start(app));
        Self {
            id: datagrams.id,
            stream: datagrams.stream,
            transport: Transport::Udp,
            client: datagrams.client,
            server: datagrams.server,
            known_by: datagrams.known_by,
            begin: PerDirection::default(),
            from_start: PerDirection { to_server: from_start, to_client: from_start },
            lacks: PerDirection::default(),
            unacknowledged: PerDirection::default(),
        }
    }
}

/// Whether it is a QUIC connection whose streams are seen from their first bytes.
fn is_quic_from_start(app: &Conversation) -> bool {
    app.quic().is_some_and(|quic| quic.facts().is_from_start())
}

/// A message that a frame completed, in a line for the list of packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLine {
    /// What kind of message.
    pub name: &'static str,
    /// Its topic, as bytes from the wire.
    pub topic: Option<Vec<u8>>,
    /// Its packet identifier.
    pub packet_id: Option<u16>,
}

/// What a frame completed of a stream that carries another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierLine {
    /// A head of HTTP.
    Head(Box<Head>),
    /// A WebSocket frame, and what it carries if it is a control frame.
    Frame(FrameHeader, Box<[u8]>),
    /// A TLS record: its content type, its version and the length of its body.
    Record {
        /// See there.
        kind: u8,
        /// See there.
        version: u16,
        /// See there.
        length: u16,
    },
    /// An alert of TLS: its level, and what it says.
    Alert(u8, u8),
    /// A packet of QUIC.
    Quic(Box<QuicSeen>),
    /// A hello of a TLS client.
    ClientHello(Box<ClientHello>),
    /// A hello of a TLS server.
    ServerHello(Box<ServerHello>),
}

/// A frame with all that was found in it.
#[derive(Debug)]
pub struct PacketView<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// The comments that its file holds on it.
    pub comments: &'a [&'a str],
    /// Its layers.
    pub packet: &'a Packet<'a>,
    /// Its flow, where it belongs to one.
    pub flow: Option<FlowRef>,
    /// Its direction in the flow.
    pub direction: Option<Direction>,
    /// The states of both ends of its TCP connection, each by the direction that the end sends in.
    pub states: Option<PerDirection<TcpState>>,
    /// What following the TCP connection says of it.
    pub verdict: Option<&'a Verdict>,
    /// What Wireshark says of it, where that is asked for.
    pub wireshark: Option<&'a WiresharkVerdict>,
    /// Where its layers stand, where that is asked for.
    pub trace: Option<&'a Trace>,
    /// What its flow carries, as far as it is known.
    pub protocol: Option<Protocol>,
    /// What lies between its transport and that, in what it brought.
    pub carriers: &'a [Protocol],
    /// Whether it brought only what leads to that, such as the head of a request.
    pub in_handshake: bool,
    /// What it completed of what lies between.
    pub carried: &'a [CarrierLine],
    /// The messages that it completed.
    pub messages: &'a [MessageLine],
    /// What it completed of the protocols around MQTT.
    pub readings: &'a [Reading],
}

impl PacketView<'_> {
    /// What the frame brought some of behind its transport, the outermost first.
    pub fn brought(&self) -> impl Iterator<Item = Protocol> {
        let innermost = self.protocol.filter(|protocol| !self.in_handshake && *protocol != Protocol::Unknown);
        self.carriers.iter().copied().chain(innermost)
    }
}

/// What an ICMP error says of a packet that it quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undelivered {
    /// Who says it.
    pub from: IpAddr,
    /// 4 or 6.
    pub version: u8,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The direction of the packet that was not delivered.
    pub direction: Direction,
}

/// Something that a reader of the output should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Fragments of a datagram disagree.
    Fragments(FragmentNote),
    /// Packets of a stream of this version can't be found any more.
    LostSync(Direction, LostSync, Version),
    /// A stream ended within the fixed header of a packet, which begins at this byte of it.
    CutHeader(Direction, u64),
    /// A stream had more out of order than may be held, so that a hole was given up.
    ReassemblyCapped(Direction),
    /// Bytes came twice with other contents in a stream.
    ConflictingOverlap(Direction),
    /// A flow was let go because there were too many; so many were by now. Told each time that the number doubles.
    FlowEvicted(u64),
    /// A router or host says by ICMP that it could not deliver a packet of the flow.
    Undelivered(Undelivered),
    /// A host says that an address is its own.
    AddressClaimed(Ipv4Addr, [u8; 6]),
    /// The time of a frame lies so far before that of the one before it.
    ClockBack(Span),
    /// More was to be held than a cap allows; so often by now. Told each time that the number doubles.
    CapReached(Cap, u64),
    /// So many frames were lost by now, on the way to the capture or to the analysis, before this frame; in what ever flow.
    /// Told each time.
    FramesLost(Lost),
    /// Frames were lost since this direction of a flow was last heard of, so that nobody knows whether it went on. Told
    /// when the flow ends. What was lost before shows in the sequence numbers of what comes after.
    UnseenSince(Direction),
    /// So many datagrams never became whole from their fragments; told at the end.
    FragmentsUnfinished(u64),
    /// Something is wrong with the WebSocket frames of this direction, or with how they were agreed on.
    WebSocket(Direction, WebSocketFault),
    /// Something should be known of the TLS that this direction is carried by.
    Tls(Direction, TlsFault),
    /// Something should be known of the QUIC that carries this direction.
    Quic(Direction, QuicFault),
}

impl NoticeKind {
    /// The direction of which it says that something is missing.
    pub const fn lacks(self) -> Option<Direction> {
        match self {
            Self::LostSync(direction, ..)
            | Self::CutHeader(direction, _)
            | Self::ReassemblyCapped(direction)
            | Self::UnseenSince(direction)
            | Self::WebSocket(
                direction,
                WebSocketFault::LostFrames(_) | WebSocketFault::NotInflated { .. } | WebSocketFault::TooMuch,
            )
            | Self::Tls(direction, TlsFault::Lost | TlsFault::NotAuthentic | TlsFault::KeysLate) => Some(direction),
            Self::Quic(direction, fault) if fault.lacks() => Some(direction),
            Self::Fragments(_)
            | Self::ConflictingOverlap(_)
            | Self::FlowEvicted(_)
            | Self::Undelivered(_)
            | Self::AddressClaimed(..)
            | Self::ClockBack(_)
            | Self::CapReached(..)
            | Self::FramesLost(_)
            | Self::FragmentsUnfinished(_)
            | Self::WebSocket(..)
            | Self::Tls(..)
            | Self::Quic(..) => None,
        }
    }
}

/// Such a thing, with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub kind: NoticeKind,
    /// In which flow.
    pub flow: Option<FlowRef>,
    /// The frame that shows it.
    pub origin: Origin,
}

/// The next part of a stream, in its order.
///
/// Of a stream that carries another one (WebSocket) it is what it carries, without masks and compression, behind the heads
/// of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamPart<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A head of HTTP before the stream begins that is read, with credentials written over.
    Head(&'a [u8]),
    /// So many bytes that were never captured.
    Gap(u64),
    /// Bytes that can't be read; how many they are is not known.
    Lost,
}

/// An end of a message of a protocol around MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourEnd {
    /// An address with a port.
    Socket(SocketAddr),
    /// An address; its protocol has no ports.
    Ip(IpAddr),
    /// A hardware address; its protocol has no others.
    Hardware([u8; 6]),
    /// The link layer does not tell.
    Unknown,
}

impl NeighbourEnd {
    /// Its IP address, if it has one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Socket(end) => Some(end.ip()),
            Self::Ip(address) => Some(*address),
            Self::Hardware(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for NeighbourEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(end) => end.fmt(f),
            Self::Ip(address) => address.fmt(f),
            Self::Hardware([a, b, c, d, e, g]) => write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
            Self::Unknown => Ok(()),
        }
    }
}

/// A message of a protocol around MQTT.
#[derive(Debug, Clone, Copy)]
pub struct NeighbourMessage<'a> {
    /// Its flow, and from whom to whom; those of ARP and ICMP belong to none.
    pub flow: Option<(FlowRef, Direction)>,
    /// Who sent it.
    pub source: NeighbourEnd,
    /// For whom it is.
    pub destination: NeighbourEnd,
    /// The frame that completed it.
    pub origin: Origin,
    /// What it says.
    pub reading: &'a Reading,
}

impl<'a> NeighbourMessage<'a> {
    /// One that belongs to a flow.
    pub const fn in_flow(flow: FlowRef, direction: Direction, origin: Origin, reading: &'a Reading) -> Self {
        let (from, to) = match direction.sender() {
            Role::Client => (flow.client, flow.server),
            Role::Server => (flow.server, flow.client),
        };
        let (source, destination) = (NeighbourEnd::Socket(from), NeighbourEnd::Socket(to));
        Self { flow: Some((flow, direction)), source, destination, origin, reading }
    }

    /// One that belongs to no flow, in this packet.
    pub fn of_packet(packet: &Packet<'_>, origin: Origin, reading: &'a Reading) -> Self {
        let hardware = |address: Option<[u8; 6]>| address.map_or(NeighbourEnd::Unknown, NeighbourEnd::Hardware);
        let (source, destination) = match (packet.ip, packet.link) {
            (Some(ip), _) => (NeighbourEnd::Ip(ip.source), NeighbourEnd::Ip(ip.destination)),
            (None, link) => (hardware(link.map(|link| link.source)), hardware(link.and_then(|link| link.destination))),
        };
        Self { flow: None, source, destination, origin, reading }
    }
}

/// An event.
#[derive(Debug)]
pub enum Event<'a> {
    /// A frame; only if packets are asked for.
    Packet(&'a PacketView<'a>),
    /// An MQTT control packet is complete.
    Message(FlowRef, &'a Message<'a>),
    /// A datagram of MQTT-SN.
    SnMessage(FlowRef, &'a SnMessage<'a>),
    /// An MQTT control packet is complete whose version is in doubt, as it reads for now. Once that is settled it is told
    /// as a message, after its frame; only if previews are asked for.
    Preview(FlowRef, &'a Message<'a>),
    /// The next part of a direction's stream, after the messages that it completed; only if streams are asked for.
    ///
    /// These are the bytes of the wire, with all secrets that stand in them.
    Stream(FlowRef, Direction, StreamPart<'a>, Origin),
    /// A part of a stream that carries another one, before the messages that it completes; only if carriers are asked for.
    /// What it shows has all secrets in it, too.
    Carrier(FlowRef, Direction, &'a CarrierPart<'a>),
    /// An end began to close a connection that carries MQTT: its first FIN, or a RST.
    Closing(FlowRef, Role, Origin),
    /// A flow has ended.
    Flow(&'a Flow<Conversation>, Ended),
    /// A message of a protocol around MQTT; only if neighbours are asked for.
    Neighbour(&'a NeighbourMessage<'a>),
    /// What a message of DNS calls addresses, before anything else is told of its frame; only if names are asked for.
    Names(Origin, &'a [Answer]),
    /// Something that should be known.
    Notice(&'a Notice),
}
