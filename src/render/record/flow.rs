//! The `flow` record: one for each TCP connection and each UDP conversation, when it ends.

use serde::Serialize;

use super::idle::{HttpRecord, IdleRecord};
use super::quic::QuicRecord;
use super::tls::TlsRecord;
use super::traffic::{LimitsRecord, TrafficRecord};
use super::value::{DurationsRecord, RangeRecord, Time, seconds};
use super::websocket::WebSocketRecord;
use crate::capture::FrameNo;
use crate::dissect::{Conversation, Protocol};
use crate::flow::{Counters, Direction, Ended, Flow, Role, Side, SynOptions, Transition, Transport};
use crate::neighbour::Names;
use crate::render::named::Called;
use crate::time::Span;

#[derive(Serialize)]
pub(in crate::render) struct FlowRecord<'a> {
    record: &'static str,
    flow: u64,
    stream: u32,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket: Option<WebSocketRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quic: Option<QuicRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle: Option<IdleRecord>,
    client: EndpointRecord,
    server: EndpointRecord,
    client_known_by: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reused_ports: bool,
    first_frame: u64,
    last_frame: u64,
    start: Time,
    end: Time,
    duration_s: f64,
    ended: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unseen_since: bool,
    #[serde(flatten)]
    tcp: Option<TcpFields<'a>>,
    from_client: DirectionRecord,
    from_server: DirectionRecord,
}

#[derive(Serialize)]
pub(super) struct EndpointRecord {
    address: std::net::IpAddr,
    #[serde(skip_serializing_if = "Called::is_none")]
    name: Called,
    port: u16,
}

impl EndpointRecord {
    /// An end of a flow that began with this frame.
    pub(super) fn new(address: std::net::SocketAddr, names: &Names, since: FrameNo) -> Self {
        let name = Called::of(names, address.ip(), since);
        Self { address: address.ip(), name, port: address.port() }
    }
}

/// What only TCP has; its fields stand in the record itself.
#[derive(Serialize)]
struct TcpFields<'a> {
    state: StateRecord,
    transitions: Vec<TransitionRecord>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<CloseRecord>,
    handshake: HandshakeRecord,
    completeness: u8,
    conn_state: &'static str,
    history: &'a str,
}

#[derive(Serialize)]
struct StateRecord {
    client: &'static str,
    server: &'static str,
}

#[derive(Serialize)]
struct TransitionRecord {
    frame: u64,
    time: Time,
    endpoint: &'static str,
    from: &'static str,
    to: &'static str,
    on: &'static str,
    proof: &'static str,
}

#[derive(Serialize)]
struct CloseRecord {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiator: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_by: Option<&'static str>,
}

#[derive(Serialize)]
struct HandshakeRecord {
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_s: Option<f64>,
    syn_retransmissions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_options: Option<OptionsRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_options: Option<OptionsRecord>,
}

#[derive(Serialize)]
struct OptionsRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    mss: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_scale: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sack_permitted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamps: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fast_open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipath: Option<bool>,
    window: u16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl From<&SynOptions> for OptionsRecord {
    fn from(options: &SynOptions) -> Self {
        // What is not among the captured ones may be among the others.
        let known = |is: bool| (is || !options.cut).then_some(is);
        Self {
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: known(options.sack_permitted),
            timestamps: known(options.timestamps),
            fast_open: known(options.fast_open),
            multipath: known(options.multipath),
            window: options.window,
            cut: options.cut,
        }
    }
}

#[derive(Serialize)]
struct DirectionRecord {
    packets: u64,
    bytes: u64,
    payload_bytes: u64,
    unique_bytes: u64,
    #[serde(flatten)]
    tcp: Option<TcpCounters>,
}

#[derive(Serialize)]
struct TcpCounters {
    retransmissions: u32,
    retransmitted_bytes: u64,
    fast_retransmissions: u32,
    timeout_retransmissions: u32,
    tail_loss_probes: u32,
    path_mtu_retransmissions: u32,
    fast_open_retransmissions: u32,
    handshake_retransmissions: u32,
    spurious_retransmissions: u32,
    retransmissions_of_unseen: u32,
    out_of_order: u32,
    duplicated_by_network: u32,
    lost_segments: u32,
    missing_bytes: u64,
    unseen_tail_bytes: u64,
    acks_of_unseen: u32,
    duplicate_acks: u32,
    keep_alives: u32,
    keep_alive_acks: u32,
    zero_windows: u32,
    zero_window_s: f64,
    window_probes: u32,
    window_updates: u32,
    window_full: u32,
    resets: u32,
    bad_checksums: u32,
    out_of_window: u32,
    window_scale_known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<RangeRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in_flight: Option<RangeRecord>,
    rtt_s: DurationsRecord,
    traffic: TrafficRecord,
    limits: LimitsRecord,
}

/// What lies between TCP or UDP and what is carried, where something does.
pub(super) fn transport(flow: &Flow<Conversation>) -> Option<&'static str> {
    if flow.app.quic().is_some() && flow.app.protocol() == Some(Protocol::Mqtt) {
        return Some(Protocol::Quic.name());
    }
    let websocket = flow.app.websocket().is_some_and(|facts| facts.upgraded);
    let tls = flow.app.tls().is_some() && flow.app.protocol() != Some(Protocol::Tls);
    match (tls, websocket) {
        (true, true) => Some("tls/websocket"),
        (true, false) => Some(Protocol::Tls.name()),
        (false, true) => Some(Protocol::WebSocket.name()),
        (false, false) => None,
    }
}

impl<'a> FlowRecord<'a> {
    pub(in crate::render) fn new(flow: &'a Flow<Conversation>, why: Ended, names: &Names) -> Self {
        let is_tcp = flow.transport == Transport::Tcp;
        let tcp = is_tcp.then(|| TcpFields::new(flow));
        let lasted = flow.last.time.since(flow.first.time);
        Self {
            record: "flow",
            flow: flow.id.0,
            stream: flow.stream,
            protocol: flow.transport.name(),
            application: flow
                .app
                .protocol()
                .filter(|protocol| is_tcp || *protocol != Protocol::Unknown)
                .map(Protocol::name),
            transport: transport(flow),
            websocket: flow.app.websocket().map(WebSocketRecord::new),
            tls: flow.app.tls().map(TlsRecord::new),
            quic: flow.app.quic().filter(|_| flow.app.protocol().is_some()).map(|quic| QuicRecord::new(quic.facts())),
            http: flow.app.http().map(|facts| HttpRecord::new(facts, flow)),
            idle: IdleRecord::new(&flow.app),
            client: EndpointRecord::new(flow.client, names, flow.id),
            server: EndpointRecord::new(flow.server, names, flow.id),
            client_known_by: flow.known_by.name(),
            reused_ports: flow.reused_ports,
            first_frame: flow.first.frame.0,
            last_frame: flow.last.frame.0,
            start: Time(flow.first.time),
            end: Time(flow.last.time),
            duration_s: seconds(lasted),
            unseen_since: flow.unseen_since,
            ended: match why {
                Ended::Over => "over",
                Ended::Replaced => "replaced",
                Ended::Idle => "idle",
                Ended::Evicted => "evicted",
                Ended::CaptureEnd => "capture_end",
            },
            tcp,
            from_client: DirectionRecord::new(&flow.connection.sides[Direction::ToServer], is_tcp, lasted),
            from_server: DirectionRecord::new(&flow.connection.sides[Direction::ToClient], is_tcp, lasted),
        }
    }
}

impl<'a> TcpFields<'a> {
    fn new(flow: &'a Flow<Conversation>) -> Self {
        let connection = &flow.connection;
        let sides = &connection.sides;
        let handshake = &connection.handshake;
        let syn_retransmissions =
            Direction::BOTH.iter().map(|direction| sides[*direction].counters().handshake_retransmissions).sum();
        Self {
            state: StateRecord { client: sides.to_server.state().name(), server: sides.to_client.state().name() },
            transitions: connection.transitions.iter().map(TransitionRecord::from).collect(),
            outcome: connection.outcome().name(),
            close: connection.close().map(|close| CloseRecord {
                kind: close.kind.name(),
                initiator: close.initiator.map(Role::name),
                reset_by: close.reset_by.map(Role::name),
            }),
            handshake: HandshakeRecord {
                complete: handshake.complete,
                rtt_s: handshake.rtt.map(seconds),
                syn_retransmissions,
                client_options: sides.to_server.syn_options().map(OptionsRecord::from),
                server_options: sides.to_client.syn_options().map(OptionsRecord::from),
            },
            completeness: flow.shorthand.completeness(),
            conn_state: flow.shorthand.conn_state(connection),
            history: flow.shorthand.history(),
        }
    }
}

impl From<&Transition> for TransitionRecord {
    fn from(transition: &Transition) -> Self {
        Self {
            frame: transition.origin.frame.0,
            time: Time(transition.origin.time),
            endpoint: transition.endpoint.name(),
            from: transition.from.name(),
            to: transition.to.name(),
            on: transition.on.name(),
            proof: transition.proof.name(),
        }
    }
}

impl DirectionRecord {
    fn new(side: &Side, is_tcp: bool, lasted: Span) -> Self {
        let counters = side.counters();
        Self {
            packets: counters.packets,
            bytes: counters.bytes,
            payload_bytes: counters.payload_bytes,
            unique_bytes: counters.unique_bytes,
            tcp: is_tcp.then(|| TcpCounters::new(side, counters, lasted)),
        }
    }
}

impl TcpCounters {
    fn new(side: &Side, counters: &Counters, lasted: Span) -> Self {
        Self {
            retransmissions: counters.retransmissions,
            retransmitted_bytes: counters.retransmitted_bytes,
            fast_retransmissions: counters.fast_retransmissions,
            timeout_retransmissions: counters.timeout_retransmissions,
            tail_loss_probes: counters.tail_loss_probes,
            path_mtu_retransmissions: counters.path_mtu_retransmissions,
            fast_open_retransmissions: counters.fast_open_retransmissions,
            handshake_retransmissions: counters.handshake_retransmissions,
            spurious_retransmissions: counters.spurious_retransmissions,
            retransmissions_of_unseen: counters.retransmissions_of_unseen,
            out_of_order: counters.out_of_order,
            duplicated_by_network: counters.duplicated_by_network,
            lost_segments: counters.lost_segments,
            missing_bytes: side.missing_bytes(),
            unseen_tail_bytes: side.unseen_tail_bytes(),
            acks_of_unseen: counters.acks_of_unseen,
            duplicate_acks: counters.duplicate_acks,
            keep_alives: counters.keep_alives,
            keep_alive_acks: counters.keep_alive_acks,
            zero_windows: counters.zero_windows,
            zero_window_s: seconds(counters.zero_window),
            window_probes: counters.window_probes,
            window_updates: counters.window_updates,
            window_full: counters.window_full,
            resets: counters.resets,
            bad_checksums: counters.bad_checksums,
            out_of_window: counters.out_of_window,
            window_scale_known: side.window_scale_known(),
            window: RangeRecord::of(&counters.window),
            bytes_in_flight: RangeRecord::without_min(&counters.traffic.bytes_in_flight),
            rtt_s: DurationsRecord::of(&counters.rtt),
            traffic: TrafficRecord::new(side, lasted),
            limits: LimitsRecord::from(&counters.traffic),
        }
    }
}
