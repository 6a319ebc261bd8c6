//! What a line says of a message of MQTT.

use std::fmt::Write as _;

use super::payload::{InLine, PayloadBytes, PayloadFormat, PayloadOptions};
use super::width::Count;
use crate::dissect::Message;
use crate::mqtt::{Body, ControlPacket, PacketType, Version, reason_name};
use crate::text::Escaped;

/// How wide the names of types are, with a blank behind the longest.
const NAME_COLUMNS: usize = "UNSUBSCRIBE ".len();

/// A message in a line: its type, then what matters of it, its payload last.
pub(super) fn message_text(message: &Message<'_>, options: PayloadOptions) -> String {
    let (mut text, payload) = message_parts(message, options);
    text.push_str(&payload);
    text
}

/// The same in two parts, of which the second is the payload.
pub(super) fn message_parts(message: &Message<'_>, options: PayloadOptions) -> (String, String) {
    let packet = &message.packet;
    let name = packet.header.packet_type.name();
    let mut text = format!("{name:<NAME_COLUMNS$}");
    text.push_str(&details(message, packet));
    if message.version_known_by == crate::dissect::VersionKnownBy::Inferred
        && packet.header.packet_type == PacketType::Publish
    {
        let _ = write!(text, "  (read as {})", packet.version.as_str());
    }
    if message.incomplete {
        text.push_str("  (cut by the end of the stream)");
    } else if message.missing > 0 {
        let _ = write!(text, "  ({} missing)", Count(message.missing.into(), "byte"));
    }
    if message.resynced {
        text.push_str("  (found again)");
    }
    let payload = match &packet.body {
        Body::Publish(publish) if !publish.payload.is_empty() && options.format != PayloadFormat::None => {
            let (bytes, topic, properties) = (publish.payload, message.topic, publish.properties);
            let length = publish.payload_length.unwrap_or(0);
            format!("  {}", InLine(PayloadBytes { bytes, length, topic, properties }, options))
        }
        _ => String::new(),
    };
    (text.trim_end().to_owned(), payload)
}

fn details(message: &Message<'_>, packet: &ControlPacket<'_>) -> String {
    let mut out = String::new();
    let reason = |code: u8| {
        let name = reason_name(packet.header.packet_type, code, packet.version);
        name.map_or_else(|| format!("code 0x{code:02x}"), str::to_owned)
    };
    match &packet.body {
        Body::Connect(connect) => {
            let version = packet.version.as_str();
            let _ = match connect.client_id {
                Some(id) => write!(out, "{}  {version}", Quoted(id)),
                None => write!(out, "(client id not captured)  {version}"),
            };
            if let Some(clean) = connect.clean_start() {
                out.push_str(if clean { "  clean" } else { "  resume" });
            }
            if let Some(seconds) = connect.keep_alive {
                let _ = write!(out, "  keep alive {seconds} s");
            }
            if let Some(will) = connect.will {
                let _ = write!(out, "  will {}", Escaped(will.topic));
            }
            if let Some(user) = connect.username {
                let _ = write!(out, "  user {}", Escaped(user));
            }
            if connect.bridge() {
                out.push_str("  bridge");
            }
        }
        Body::ConnAck(connack) => {
            if let Some(code) = connack.code {
                out.push_str(&reason(code));
            }
            if connack.session_present() == Some(true) {
                out.push_str("  session present");
            }
        }
        Body::Publish(publish) => {
            match (message.topic, message.topic_alias) {
                (Some(topic), alias) => {
                    let _ = write!(out, "{}", Escaped(topic));
                    if let Some(alias) = alias {
                        let _ = write!(out, " (alias {alias})");
                    }
                }
                (None, Some(alias)) => {
                    let _ = write!(out, "(unknown alias {alias})");
                }
                (None, None) => {}
            }
            let _ = write!(out, "  q{}", packet.header.qos());
            if let Some(id) = publish.packet_id {
                let _ = write!(out, " id={id}");
            }
            if packet.header.dup() {
                out.push_str(" dup");
            }
            if packet.header.retain() {
                out.push_str(" retain");
            }
            if let Some(length) = publish.payload_length {
                let _ = write!(out, "  {length} B");
            }
        }
        Body::Ack(ack) => {
            let _ = write!(out, "{}", Id(ack.packet_id));
            if let Some(code) = ack.reason_code.filter(|code| *code != 0) {
                let _ = write!(out, "  {}", reason(code));
            }
        }
        Body::Subscribe(subscribe) => {
            let _ = write!(out, "{}", Id(subscribe.packet_id));
            for wanted in subscribe.filters {
                let _ = write!(out, "  {} q{}", Escaped(wanted.filter), wanted.qos());
            }
        }
        Body::Unsubscribe(unsubscribe) => {
            let _ = write!(out, "{}", Id(unsubscribe.packet_id));
            for filter in unsubscribe.filters {
                let _ = write!(out, "  {}", Escaped(filter));
            }
        }
        Body::SubAck(suback) => {
            let codes: Vec<_> = suback.codes.iter().map(|code| reason(*code)).collect();
            let _ = write!(out, "{}  {}", Id(suback.packet_id), codes.join(", "));
        }
        Body::UnsubAck(unsuback) => {
            let _ = write!(out, "{}", Id(unsuback.packet_id));
            if packet.version == Version::V5 {
                let codes: Vec<_> = unsuback.codes.iter().map(|code| reason(*code)).collect();
                let _ = write!(out, "  {}", codes.join(", "));
            }
        }
        Body::Disconnect(disconnect) => {
            if let Some(code) = disconnect.reason_code {
                out.push_str(&reason(code));
            }
        }
        Body::Auth(auth) => {
            if let Some(code) = auth.reason_code {
                out.push_str(&reason(code));
            }
        }
        Body::Ping | Body::Reserved(_) => {}
    }
    out
}

/// A packet identifier, where it was reached.
struct Id(Option<u16>);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(id) => write!(f, "id={id}"),
            None => f.write_str("(cut)"),
        }
    }
}

/// A name from the wire, or a word where it is empty.
struct Quoted<'a>(&'a [u8]);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { f.write_str("(no client id)") } else { Escaped(self.0).fmt(f) }
    }
}
