//! Messages and sessions of MQTT-SN for people.

use std::fmt::Write as _;

use super::ended::client_id;
use super::grid::Cells;
use super::payload::{Hex, InLine, PayloadBytes, PayloadFormat, PayloadOptions};
use super::width::{Count, Duration};
use crate::dissect::SnMessage;
use crate::flow::{Direction, Role};
use crate::mqtt::Properties;
use crate::mqttsn::{Body, Flags, Kind, Packet, ReturnCode, TopicIdType, TopicRef};
use crate::session::sn::{SnEndKind, SnSession};
use crate::text::Escaped;

/// How wide the names of types are, with a blank behind the longest.
const NAME_COLUMNS: usize = "WILLTOPICRESP ".len();

/// A message in two parts, of which the second is its payload.
pub(super) fn message_parts(message: &SnMessage<'_>, options: PayloadOptions) -> (String, String) {
    let packet = message.packet();
    let name = packet.header.kind.name();
    let mut text = format!("{name:<NAME_COLUMNS$}");
    details(message, packet, &mut text);
    if packet.header.kind == Kind::Reserved {
        let _ = write!(text, "  type 0x{:02x}", packet.header.code);
    }
    if let Some(encapsulation) = message.datagram.encapsulation {
        let _ = write!(text, "  (node {}, radius {})", Hex(encapsulation.node), encapsulation.radius);
    }
    if packet.missing > 0 {
        let _ = write!(text, "  ({} missing)", Count(packet.missing.into(), "byte"));
    }
    let payload = match packet.body {
        Body::Publish { data, length, .. } => Some((data, length)),
        Body::WillMessage(data) => Some((data, data.len() as u32)),
        _ => None,
    };
    let payload = payload.filter(|(data, _)| !data.is_empty() && options.format != PayloadFormat::None);
    let payload = payload.map_or_else(String::new, |(bytes, length)| {
        let topic = message.topic.map(|topic| topic.name);
        format!("  {}", InLine(PayloadBytes { bytes, length, topic, properties: Properties::default() }, options))
    });
    (text.trim_end().to_owned(), payload)
}

fn details(message: &SnMessage<'_>, packet: &Packet<'_>, out: &mut String) {
    let known = message.topic.map(|topic| Escaped(topic.name));
    // Writing to memory can't fail.
    let _ = match packet.body {
        Body::Advertise { gateway_id, duration } => write!(out, "gateway {gateway_id}  again in {duration} s"),
        Body::SearchGw { radius: 0 } => write!(out, "everywhere"),
        Body::SearchGw { radius } => write!(out, "radius {radius}"),
        Body::GwInfo { gateway_id, address: [] } => write!(out, "gateway {gateway_id}"),
        Body::GwInfo { gateway_id, address } => write!(out, "gateway {gateway_id}  at {}", Hex(address)),
        Body::Connect { flags, duration, client_id, .. } => {
            let clean = if flags.clean_session() { "clean" } else { "resume" };
            let will = if flags.will() { "  will" } else { "" };
            write!(out, "{}  MQTT-SN 1.2  {clean}  keep alive {duration} s{will}", super::ended::client_id(client_id))
        }
        Body::Answer(code) => code_text(out, code),
        Body::WillTopic(Some((flags, topic))) => {
            let retain = if flags.retain() { " retain" } else { "" };
            write!(out, "{}  q{}{retain}", Escaped(topic), flags.qos())
        }
        Body::WillTopic(None) => write!(out, "(no will any more)"),
        Body::WillMessage(message) => write!(out, "{} B", message.len()),
        Body::Register { topic_id, message_id, topic } => {
            let _ = write!(out, "id={message_id}  {}", Escaped(topic));
            if topic_id == 0 { Ok(()) } else { write!(out, "  = topic {topic_id}") }
        }
        Body::TopicAnswer { topic_id, message_id, code } => {
            let _ = write!(out, "id={message_id}  topic {topic_id}");
            if let Some(name) = known {
                let _ = write!(out, " = {name}");
            }
            out.push_str("  ");
            code_text(out, code)
        }
        Body::Publish { flags, topic_id, message_id, length, .. } => {
            topic(out, message, flags, topic_id);
            let _ = write!(out, "  q{}", flags.qos());
            if message_id != 0 {
                let _ = write!(out, " id={message_id}");
            }
            if flags.dup() {
                out.push_str(" dup");
            }
            if flags.retain() {
                out.push_str(" retain");
            }
            write!(out, "  {length} B")
        }
        Body::MessageId(message_id) => {
            let _ = write!(out, "id={message_id}");
            known.map_or(Ok(()), |name| write!(out, "  {name}"))
        }
        Body::Subscribe { flags, message_id, topic: wanted } => {
            let _ = write!(out, "id={message_id}  ");
            match wanted {
                TopicRef::Name(name) => out.push_str(&Escaped(name).to_string()),
                TopicRef::Short(name) => topic(out, message, flags, u16::from_be_bytes(name)),
                TopicRef::Id(id) => topic(out, message, flags, id),
            }
            if packet.header.kind == Kind::Subscribe { write!(out, " q{}", flags.qos()) } else { Ok(()) }
        }
        Body::SubAck { flags, topic_id, message_id, code } => {
            let _ = write!(out, "id={message_id}  ");
            if topic_id != 0 {
                let _ = write!(out, "topic {topic_id}");
            }
            if let Some(name) = known {
                let _ = write!(out, "{}{name}", if topic_id == 0 { "" } else { " = " });
            }
            let _ = write!(out, "  q{}  ", flags.qos());
            code_text(out, code)
        }
        Body::PingReq(Some(client_id)) => write!(out, "{}", Escaped(client_id)),
        Body::Disconnect(Some(duration)) => write!(out, "sleep {duration} s"),
        Body::PingReq(None) | Body::Disconnect(None) | Body::Empty | Body::Unread => Ok(()),
    };
}

/// A topic, by its name where that is known.
fn topic(out: &mut String, message: &SnMessage<'_>, flags: Flags, id: u16) {
    let _ = match (message.topic, flags.topic_id_type()) {
        (Some(topic), TopicIdType::Normal | TopicIdType::Short) => write!(out, "{}", Escaped(topic.name)),
        (Some(topic), _) => write!(out, "{} (predefined {id})", Escaped(topic.name)),
        (None, TopicIdType::Predefined) => write!(out, "(predefined topic {id})"),
        (None, TopicIdType::Normal) => write!(out, "(unknown topic {id})"),
        (None, TopicIdType::Short | TopicIdType::Reserved) => write!(out, "(topic 0x{id:04x})"),
    };
}

/// Writes what an answer says.
pub(super) fn code_text(out: &mut String, code: ReturnCode) -> std::fmt::Result {
    match code.name() {
        Some(name) => write!(out, "{name}"),
        None => write!(out, "code 0x{:02x}", code.0),
    }
}

/// How a session ended, and how often its client slept.
fn end_text(session: &SnSession) -> String {
    let by = session.end.by.map_or("?", Role::name);
    let end = match session.end.kind {
        SnEndKind::Disconnect => format!("disconnect by {by}"),
        SnEndKind::Refused => {
            let reason = session.connack.and_then(|(_, code)| code.name());
            format!("refused: {}", reason.unwrap_or("unknown code"))
        }
        SnEndKind::Lost => "lost: silent for too long".to_owned(),
        SnEndKind::Replaced => "connected anew".to_owned(),
        SnEndKind::Asleep => "asleep".to_owned(),
        SnEndKind::Open => "open".to_owned(),
    };
    if session.sleeps > 0 { format!("{end}, slept {}", Times(session.sleeps)) } else { end }
}

/// Whose session it was, and how it ended.
pub(super) fn ending(session: &SnSession) -> String {
    let whose = match session.client_id.as_deref() {
        Some(id) => format!("{}: ", client_id(id)),
        None if session.node.is_empty() => String::new(),
        None => format!("node {}: ", Hex(&session.node)),
    };
    format!("{whose}{}", end_text(session))
}

/// A session as a row of the table of MQTT sessions.
pub(super) fn session_row(session: &SnSession, row: &mut Cells<'_>) {
    let id = match session.client_id.as_deref() {
        Some(id) => client_id(id),
        None if session.node.is_empty() => "(not seen)".to_owned(),
        None => format!("(node {})", Hex(&session.node)),
    };
    let end = end_text(session);
    let filters = session.subscriptions.iter().take(8);
    let filters: Vec<_> = filters
        .map(|subscription| match (subscription.filter.as_deref(), subscription.predefined) {
            (Some(filter), _) => Escaped(filter).to_string(),
            (None, id) => format!("(predefined {})", id.unwrap_or(0)),
        })
        .collect();
    let open = session.open_deliveries(Direction::ToServer) + session.open_deliveries(Direction::ToClient);
    row.number(session.flow.id.0);
    row.text(&id);
    row.text("SN 1.2");
    row.optional(session.keep_alive.map(|seconds| format!("{seconds} s")));
    row.number(session.counts.to_server.of(Kind::Publish));
    row.number(session.counts.to_client.of(Kind::Publish));
    row.number(open);
    row.optional(session.counts.to_server.latency.percentile(50).map(Duration));
    row.text(&filters.join(" "));
    row.text(&end);
}

/// How often, in words.
struct Times(u32);

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => f.write_str("once"),
            2 => f.write_str("twice"),
            n => write!(f, "{n} times"),
        }
    }
}
