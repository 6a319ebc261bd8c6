//! How a flow or a session ended, for people: in the tables at the end, and in a line when it happens.

use std::fmt::Write as _;

use super::named;
use super::width::{Bytes, Count, Duration};
use crate::dissect::{Beats, Conversation, Protocol};
use crate::flow::{CloseKind, Direction, Flow, Outcome, Role, Transport};
use crate::mqtt::{PacketType, reason_name};
use crate::neighbour::{Names, Neighbour};
use crate::session::{CauseKind, EndKind, Session, WillFate};
use crate::text::Escaped;

/// What a flow carries, in a word.
pub(super) fn carries(transport: Transport, app: &Conversation) -> &'static str {
    match app.protocol() {
        Some(Protocol::Mqtt) if app.quic().is_some() => "mqtt/quic",
        Some(Protocol::Quic) => "quic",
        Some(protocol @ (Protocol::MqttSn | Protocol::Neighbour(_))) => protocol.name(),
        _ if transport != Transport::Tcp => "udp",
        Some(Protocol::Unknown) | None => "tcp",
        Some(Protocol::Mqtt) if app.tls().is_some() && app.websocket().is_some() => "mqtt/wss",
        Some(Protocol::Mqtt) if app.tls().is_some() => "mqtt/tls",
        Some(Protocol::Mqtt) if app.websocket().is_some() => "mqtt/ws",
        Some(protocol) => protocol.name(),
    }
}

/// The name of a session's client, made harmless.
pub(super) fn client_name(session: &Session) -> String {
    session.client_id.as_deref().map_or_else(|| "(not seen)".to_owned(), client_id)
}

/// A client identifier, made harmless: that it is empty is seen as well.
pub(super) fn client_id(id: &[u8]) -> String {
    if id.is_empty() { "(empty)".to_owned() } else { Escaped(id).to_string() }
}

/// A flow that has ended, in a line.
pub(super) fn flow_text(flow: &Flow<Conversation>, names: &Names) -> String {
    let both = |number: &dyn Fn(Direction) -> u64| Direction::BOTH.into_iter().map(number).sum::<u64>();
    let [client, server] = [flow.client, flow.server].map(|end| named::end(names, end, flow.id));
    let mut text = format!("flow     {client} → {server}  {}", carries(flow.transport, &flow.app));
    if flow.transport == Transport::Tcp {
        let _ = write!(text, "  {}{}", flow_end(flow), http_text(flow));
    }
    let packets = both(&|direction| flow.counters(direction).packets);
    let bytes = both(&|direction| flow.counters(direction).bytes);
    let lasted = Duration(flow.last.time.since(flow.first.time));
    let _ = write!(text, "  {lasted}  {}  {}", Count(packets, "packet"), Bytes(bytes));
    let again = both(&|direction| flow.counters(direction).retransmissions.into());
    if again > 0 {
        let _ = write!(text, "  {again} again");
    }
    text
}

/// Whether an end has closed the connection, or a reset did.
pub(super) fn is_closed(flow: &Flow<Conversation>) -> bool {
    flow.connection.close().is_some() || matches!(flow.connection.outcome(), Outcome::Closed | Outcome::Reset)
}

/// How often a connection was used for HTTP, in a few words; empty for others.
pub(super) fn http_text(flow: &Flow<Conversation>) -> String {
    let Some(facts) = flow.app.http() else { return String::new() };
    let requests = facts.requests.max(facts.responses);
    match facts.kept_alive(is_closed(flow)) {
        Some((true, _)) => format!(", kept alive for {}", Count(requests, "request")),
        Some((false, _)) => ", short-lived".to_owned(),
        None => String::new(),
    }
}

/// What heartbeats are where the protocol is known that has some of their length.
pub(super) fn beat_kind(app: &Conversation, direction: Direction, beats: &Beats) -> Option<&'static str> {
    match (app.protocol(), app.carriers(false), beats.length, direction) {
        (Some(Protocol::Mqtt), [], 2, Direction::ToServer) => Some("PINGREQ"),
        (Some(Protocol::Mqtt), [], 2, Direction::ToClient) => Some("PINGRESP"),
        (Some(Protocol::Neighbour(Neighbour::Amqp)), _, 8, _) => Some("AMQP heartbeat"),
        _ => None,
    }
}

/// A session that has ended, in a line.
pub(super) fn session_text(session: &Session) -> String {
    let publishes = |direction: Direction| session.counts[direction].of(PacketType::Publish);
    let open = Direction::BOTH.into_iter().map(|direction| session.deliveries[direction].counts.open).sum::<u64>();
    let mut text = format!("session  {}  {}", client_name(session), session_end(session));
    let (sent, received) = (publishes(Direction::ToServer), publishes(Direction::ToClient));
    let _ = write!(text, "  {sent} sent  {received} received");
    if open > 0 {
        let _ = write!(text, "  {open} open");
    }
    text
}

/// How a TCP flow ended, in a few words.
pub(super) fn flow_end(flow: &Flow<Conversation>) -> String {
    let connection = &flow.connection;
    let by = |role: Role| role.name();
    match (connection.outcome(), connection.close()) {
        (Outcome::Refused, _) => "refused".to_owned(),
        (Outcome::Unanswered, _) => "unanswered".to_owned(),
        (Outcome::Reset, _) => {
            let role = connection.closing.reset.map_or("", |(role, _)| by(role));
            format!("reset by {role}")
        }
        (_, Some((CloseKind::HalfOpen, role))) => format!("half closed by {}", by(role)),
        (Outcome::Closed, Some((CloseKind::Simultaneous, _))) => "closed by both".to_owned(),
        (Outcome::Closed, Some((_, role))) => format!("closed by {}", by(role)),
        (Outcome::Closed, None) => "closed".to_owned(),
        (Outcome::Open, Some((_, role))) => format!("closing, by {}", by(role)),
        (Outcome::Open, None) => {
            let states = (connection.sides.to_server.state().name(), connection.sides.to_client.state().name());
            if states.0 == states.1 {
                format!("open ({})", states.0)
            } else {
                format!("open ({}/{})", states.0, states.1)
            }
        }
    }
}

/// How a session ended, in a few words.
pub(super) fn session_end(session: &Session) -> String {
    let end = session.end;
    // Where the other end was not captured, the first to close is not known.
    let by = end.by.map_or("?", Role::name);
    let reason = end.code.and_then(|(packet_type, code)| reason_name(packet_type, code, session.version));
    let end = match (end.kind, reason) {
        (EndKind::Disconnect, Some(reason)) => format!("disconnect by {by}: {reason}"),
        (EndKind::Disconnect, None) => format!("disconnect by {by}"),
        (EndKind::Refused, reason) => format!("refused: {}", reason.unwrap_or("unknown code")),
        (EndKind::Fin, _) => format!("FIN by {by}"),
        (EndKind::Rst, _) => format!("RST by {by}"),
        (EndKind::Close, _) => format!("closed by {by}"),
        (EndKind::Silence, _) => format!("silence of {by}"),
        (EndKind::Open, _) => "open".to_owned(),
    };
    let end = match session.end.cause.map(|cause| cause.kind) {
        // The code has said it.
        None | Some(CauseKind::NotAccepted) => end,
        Some(cause) => format!("{end} ({})", cause_text(cause)),
    };
    match session.will_fate {
        Some(WillFate::Published) => format!("{end}, will published"),
        Some(WillFate::NotSeen) => format!("{end}, will not seen"),
        Some(WillFate::Delayed) => format!("{end}, will delayed"),
        Some(WillFate::Cancelled) => format!("{end}, will cancelled"),
        Some(WillFate::Armed | WillFate::Discarded | WillFate::Refused) | None => end,
    }
}

/// Why a session ended, in a few words.
const fn cause_text(cause: CauseKind) -> &'static str {
    match cause {
        CauseKind::TakenOver => "taken over",
        CauseKind::KeepAlive => "keep alive exceeded",
        CauseKind::ProtocolError => "after a protocol error",
        CauseKind::ServerProtocolError => "after the server's protocol error",
        CauseKind::NotAccepted => "not accepted",
        CauseKind::NoConnAck => "CONNECT not answered",
        CauseKind::ServerStopped => "server stopped",
        CauseKind::ClientUnreachable => "client unreachable",
        CauseKind::ServerUnreachable => "server unreachable",
        CauseKind::ClientGone => "client gone",
        CauseKind::ServerGone => "server gone",
    }
}
