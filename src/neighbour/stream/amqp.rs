//! AMQP: the header that both versions begin with, and the frames of 0-9-1. Those of 1.0 have a file of their own.

use std::fmt::Write as _;

use super::amqp1;
use super::line::shown;
use super::{LONGEST, Seen, Step, StreamReader, Until};
use crate::flow::{Direction, PerDirection};
use crate::neighbour::kind::Contents;
use crate::neighbour::{Neighbour, Reading, Value, secret};

/// What each frame of 0-9-1 ends with (section 4.2.3).
const END: u8 = 0xce;

/// The type of an argument (section 4.2.1).
#[derive(Debug, Clone, Copy)]
enum Kind {
    Octet,
    Short,
    Long,
    LongLong,
    Text,
    LongText,
    Table,
    Bit,
    /// Credentials.
    Secret,
}

use Kind::{Bit, Long, LongLong, LongText, Octet, Secret, Short, Table, Text};

type Arguments = &'static [(Kind, &'static str)];

macro_rules! arguments {
    ($($kind:ident $name:literal),*) => { &[$(($kind, concat!("amqp.method.arguments.", $name))),*] };
}

const CLOSE: Arguments = arguments![Short "reply_code", Text "reply_text", Short "class_id", Short "method_id"];
const TUNE: Arguments = arguments![Short "channel_max", Long "frame_max", Short "heartbeat"];
const BIND: Arguments =
    arguments![Short "ticket", Text "destination", Text "source", Text "routing_key", Bit "nowait", Table ""];

/// The methods (the XML of AMQP 0-9-1, with RabbitMQ's extensions).
const METHODS: [(u16, u16, &str, Arguments); 63] = [
    (
        10,
        10,
        "Connection.Start",
        arguments![Octet "version_major", Octet "version_minor", Table "", LongText "mechanisms", LongText "locales"],
    ),
    (10, 11, "Connection.Start-Ok", arguments![Table "", Text "mechanism", Secret "response", Text "locale"]),
    (10, 20, "Connection.Secure", arguments![Secret "challenge"]),
    (10, 21, "Connection.Secure-Ok", arguments![Secret "response"]),
    (10, 30, "Connection.Tune", TUNE),
    (10, 31, "Connection.Tune-Ok", TUNE),
    (10, 40, "Connection.Open", arguments![Text "virtual_host"]),
    (10, 41, "Connection.Open-Ok", &[]),
    (10, 50, "Connection.Close", CLOSE),
    (10, 51, "Connection.Close-Ok", &[]),
    (10, 60, "Connection.Blocked", arguments![Text "reason"]),
    (10, 61, "Connection.Unblocked", &[]),
    (10, 70, "Connection.Update-Secret", &[]),
    (10, 71, "Connection.Update-Secret-Ok", &[]),
    (20, 10, "Channel.Open", &[]),
    (20, 11, "Channel.Open-Ok", &[]),
    (20, 20, "Channel.Flow", arguments![Bit "active"]),
    (20, 21, "Channel.Flow-Ok", arguments![Bit "active"]),
    (20, 40, "Channel.Close", CLOSE),
    (20, 41, "Channel.Close-Ok", &[]),
    (
        40,
        10,
        "Exchange.Declare",
        arguments![Short "ticket", Text "exchange", Text "type", Bit "passive", Bit "durable", Bit "auto_delete", Bit "internal", Bit "nowait", Table ""],
    ),
    (40, 11, "Exchange.Declare-Ok", &[]),
    (40, 20, "Exchange.Delete", arguments![Short "ticket", Text "exchange", Bit "if_unused", Bit "nowait"]),
    (40, 21, "Exchange.Delete-Ok", &[]),
    (40, 30, "Exchange.Bind", BIND),
    (40, 31, "Exchange.Bind-Ok", &[]),
    (40, 40, "Exchange.Unbind", BIND),
    (40, 51, "Exchange.Unbind-Ok", &[]),
    (
        50,
        10,
        "Queue.Declare",
        arguments![Short "ticket", Text "queue", Bit "passive", Bit "durable", Bit "exclusive", Bit "auto_delete", Bit "nowait", Table ""],
    ),
    (50, 11, "Queue.Declare-Ok", arguments![Text "queue", Long "message_count", Long "consumer_count"]),
    (
        50,
        20,
        "Queue.Bind",
        arguments![Short "ticket", Text "queue", Text "exchange", Text "routing_key", Bit "nowait", Table ""],
    ),
    (50, 21, "Queue.Bind-Ok", &[]),
    (50, 30, "Queue.Purge", arguments![Short "ticket", Text "queue", Bit "nowait"]),
    (50, 31, "Queue.Purge-Ok", arguments![Long "message_count"]),
    (50, 40, "Queue.Delete", arguments![Short "ticket", Text "queue", Bit "if_unused", Bit "if_empty", Bit "nowait"]),
    (50, 41, "Queue.Delete-Ok", arguments![Long "message_count"]),
    (50, 50, "Queue.Unbind", arguments![Short "ticket", Text "queue", Text "exchange", Text "routing_key", Table ""]),
    (50, 51, "Queue.Unbind-Ok", &[]),
    (60, 10, "Basic.Qos", arguments![Long "prefetch_size", Short "prefetch_count", Bit "global"]),
    (60, 11, "Basic.Qos-Ok", &[]),
    (
        60,
        20,
        "Basic.Consume",
        arguments![Short "ticket", Text "queue", Text "consumer_tag", Bit "no_local", Bit "no_ack", Bit "exclusive", Bit "nowait", Table ""],
    ),
    (60, 21, "Basic.Consume-Ok", arguments![Text "consumer_tag"]),
    (60, 30, "Basic.Cancel", arguments![Text "consumer_tag", Bit "nowait"]),
    (60, 31, "Basic.Cancel-Ok", arguments![Text "consumer_tag"]),
    (
        60,
        40,
        "Basic.Publish",
        arguments![Short "ticket", Text "exchange", Text "routing_key", Bit "mandatory", Bit "immediate"],
    ),
    (60, 50, "Basic.Return", arguments![Short "reply_code", Text "reply_text", Text "exchange", Text "routing_key"]),
    (
        60,
        60,
        "Basic.Deliver",
        arguments![Text "consumer_tag", LongLong "delivery_tag", Bit "redelivered", Text "exchange", Text "routing_key"],
    ),
    (60, 70, "Basic.Get", arguments![Short "ticket", Text "queue", Bit "no_ack"]),
    (
        60,
        71,
        "Basic.Get-Ok",
        arguments![LongLong "delivery_tag", Bit "redelivered", Text "exchange", Text "routing_key", Long "message_count"],
    ),
    (60, 72, "Basic.Get-Empty", &[]),
    (60, 80, "Basic.Ack", arguments![LongLong "delivery_tag", Bit "multiple"]),
    (60, 90, "Basic.Reject", arguments![LongLong "delivery_tag", Bit "requeue"]),
    (60, 100, "Basic.Recover-Async", arguments![Bit "requeue"]),
    (60, 110, "Basic.Recover", arguments![Bit "requeue"]),
    (60, 111, "Basic.Recover-Ok", &[]),
    (60, 120, "Basic.Nack", arguments![LongLong "delivery_tag", Bit "multiple", Bit "requeue"]),
    (85, 10, "Confirm.Select", arguments![Bit "nowait"]),
    (85, 11, "Confirm.Select-Ok", &[]),
    (90, 10, "Tx.Select", &[]),
    (90, 11, "Tx.Select-Ok", &[]),
    (90, 20, "Tx.Commit", &[]),
    (90, 21, "Tx.Commit-Ok", &[]),
    (90, 30, "Tx.Rollback", &[]),
];

/// Of the arguments those that stand in the line, as Wireshark writes them.
const IN_LINE: [(&str, &str); 8] = [
    ("amqp.method.arguments.exchange", "x"),
    ("amqp.method.arguments.routing_key", "rk"),
    ("amqp.method.arguments.queue", "q"),
    ("amqp.method.arguments.consumer_tag", "ct"),
    ("amqp.method.arguments.delivery_tag", "dt"),
    ("amqp.method.arguments.virtual_host", "vhost"),
    ("amqp.method.arguments.reply_code", "reply"),
    ("amqp.method.arguments.reply_text", "text"),
];

/// Reads both directions.
#[derive(Debug, Default)]
pub(super) struct Amqp {
    /// Whether it is 1.0, once a header has said so.
    modern: bool,
    /// A frame whose payload passes by.
    open: PerDirection<Option<Reading>>,
    body: PerDirection<Vec<u8>>,
}

impl StreamReader for Amqp {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        if bytes.starts_with(b"AMQP") {
            let Some(version) = bytes.get(4..).and_then(|rest| rest.first_chunk::<4>()) else {
                return Step::More(Until::Any);
            };
            return self.header(*version, seen);
        }
        if b"AMQP".starts_with(bytes) {
            return Step::More(Until::Any);
        }
        if self.modern { amqp1::read(bytes, seen, &mut self.open) } else { self.frame(bytes, seen) }
    }

    fn payload(&mut self, bytes: &[u8], direction: Direction) {
        const LOOKED_AT: usize = 4096;
        let body = &mut self.body[direction];
        let room = LOOKED_AT.saturating_sub(body.len());
        body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn payload_end(&mut self, missing: u64, cut: bool, seen: &mut Seen<'_>) {
        let mut body = std::mem::take(&mut self.body[seen.direction]);
        let Some(mut reading) = self.open[seen.direction].take() else { return };
        if !self.modern {
            let whole = body.last() == Some(&END);
            if whole {
                body.pop();
            }
            let kind = Contents::of(&body, whole);
            if !body.is_empty() && kind != Contents::Bytes {
                let _ = write!(reading.info, ", {}", kind.name());
            }
        }
        if missing > 0 || cut {
            let _ = write!(reading.info, ", {missing} bytes of it missing");
        }
        seen.tell(reading);
    }

    fn lost(&mut self, direction: Direction) {
        self.open[direction] = None;
        self.body[direction] = Vec::new();
    }

    fn resume(&self, bytes: &[u8], _: usize, _: Direction) -> Result<usize, (usize, Until)> {
        if self.modern {
            return Err((bytes.len(), Until::Any));
        }
        // Where a frame ends and one begins that ends as well.
        for (at, byte) in bytes.iter().enumerate() {
            let next = bytes.get(at + 1..).unwrap_or_default();
            if *byte != END || !matches!(next, [] | [1..=3 | 8, ..]) {
                continue;
            }
            let Some(size) =
                next.get(3..7).and_then(|size| size.first_chunk()).map(|size| u32::from_be_bytes(*size) as usize)
            else {
                return Err((at, Until::Any));
            };
            if size > LONGEST / 2 {
                continue;
            }
            match next.get(7 + size) {
                Some(&END) => return Ok(at + 1),
                Some(_) => {}
                None => return Err((at, Until::Any)),
            }
        }
        Err((bytes.len(), Until::Any))
    }

    fn held_bytes(&self) -> usize {
        self.body.to_server.len() + self.body.to_client.len()
    }
}

impl Amqp {
    fn header(&mut self, version: [u8; 4], seen: &mut Seen<'_>) -> Step {
        let [a, b, c, d] = version;
        self.modern = (b, c, d) == (1, 0, 0);
        if seen.wants() {
            let mut reading = Reading::new(Neighbour::Amqp);
            reading.text("amqp.init.protocol", b"AMQP");
            if self.modern {
                let what = match a {
                    0 => "AMQP",
                    2 => "TLS",
                    3 => "SASL",
                    _ => "unknown",
                };
                reading.info = format!("Protocol-Header 1-0-0, {what}");
                for (name, value) in [
                    ("amqp.init.id", a),
                    ("amqp.init.version_major", b),
                    ("amqp.init.version_minor", c),
                    ("amqp.init.version_revision", d),
                ] {
                    reading.number(name, value);
                }
            } else {
                reading.info = if (a, b) == (1, 1) {
                    format!("Protocol-Header {c}-{d}")
                } else {
                    format!("Protocol-Header {b}-{c}-{d}")
                };
                reading.number("amqp.init.id_major", a);
                reading.number("amqp.init.id_minor", b);
                reading.number("amqp.init.version_major", c);
                reading.number("amqp.init.version_minor", d);
            }
            seen.tell(reading);
        }
        Step::Take(8)
    }

    fn frame(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let Some(header) = bytes.first_chunk::<7>() else { return Step::More(Until::Any) };
        let [kind, high, low, size @ ..] = *header;
        let (channel, size) = (u16::from_be_bytes([high, low]), u32::from_be_bytes(size));
        if !matches!(kind, 1..=3 | 8) {
            return Step::Lost;
        }
        let mut reading = Reading::new(Neighbour::Amqp);
        reading.number("amqp.type", kind);
        reading.number("amqp.channel", channel);
        reading.number("amqp.length", size);
        if kind == 3 {
            reading.info = format!("Content-Body, {size} bytes");
            self.open[seen.direction] = seen.wants().then_some(reading);
            // The end of the frame goes with it.
            return Step::Payload { take: 7, length: Some(u64::from(size) + 1) };
        }
        let Some(payload) = bytes.get(7..).and_then(|rest| rest.get(..size as usize)) else {
            return if size as usize > LONGEST - 8 { Step::Lost } else { Step::More(Until::Any) };
        };
        match bytes.get(7 + payload.len()) {
            Some(&END) => {}
            Some(_) => return Step::Lost,
            None => return Step::More(Until::Any),
        }
        if seen.wants() {
            match kind {
                1 => method(payload, &mut reading),
                2 => content_header(payload, &mut reading),
                _ => reading.info = "Heartbeat".into(),
            }
            seen.tell(reading);
        }
        Step::Take(8 + payload.len())
    }
}

/// Takes values from the front of what is left.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn behind(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(usize::try_from(length).ok()?)
    }
}

/// A method: class, method, arguments (section 4.2.4).
fn method(payload: &[u8], reading: &mut Reading) {
    let mut rest = Rest(payload);
    let (Some(class), Some(method)) = (rest.number(2), rest.number(2)) else {
        reading.info = "Method, cut".into();
        return;
    };
    reading.number("amqp.method.class", class);
    reading.number("amqp.method.method", method);
    let known = METHODS.iter().find(|row| (u64::from(row.0), u64::from(row.1)) == (class, method));
    let Some((_, _, name, arguments)) = known else {
        reading.info = format!("Method {class}.{method}");
        return;
    };
    reading.info = (*name).into();
    let mut bits = None;
    for (kind, field) in *arguments {
        // Bits in a row share bytes.
        if let Bit = kind {
            let (byte, place) = match bits {
                Some((byte, place)) if place < 8 => (byte, place),
                _ => match rest.number(1) {
                    Some(byte) => (byte, 0),
                    None => return,
                },
            };
            bits = Some((byte, place + 1));
            reading.flag(field, byte >> place & 1 == 1);
            continue;
        }
        bits = None;
        if argument(*kind, field, &mut rest, reading).is_none() {
            reading.info.push_str(", cut");
            return;
        }
        let said = IN_LINE.iter().find(|(name, _)| name == field);
        if let (Some((_, short)), Some((_, value))) = (said, reading.values.last()) {
            match value {
                Value::Text(text) => {
                    let _ = write!(reading.info, " {short}={}", shown(text));
                }
                Value::Unsigned(number) => {
                    let _ = write!(reading.info, " {short}={number}");
                }
                _ => {}
            }
        }
    }
}

fn argument(kind: Kind, field: &'static str, rest: &mut Rest<'_>, reading: &mut Reading) -> Option<()> {
    match kind {
        Octet => reading.number(field, rest.number(1)?),
        Short => reading.number(field, rest.number(2)?),
        Long => reading.number(field, rest.number(4)?),
        LongLong => reading.number(field, rest.number(8)?),
        Text => reading.text(field, rest.behind(1)?),
        LongText => reading.put(field, Value::Bytes(super::line::kept(rest.behind(4)?).to_vec())),
        Table => {
            rest.behind(4)?;
        }
        Secret => {
            rest.behind(4)?;
            reading.put(field, Value::Bytes(secret::MASK.to_vec()));
        }
        Bit => {}
    }
    Some(())
}

/// The properties of a content header, by their flags from the highest on (section 4.2.6.1, class basic).
const PROPERTIES: [(&str, Kind); 14] = [
    ("amqp.method.properties.content_type", Text),
    ("amqp.method.properties.content_encoding", Text),
    ("", Table),
    ("amqp.method.properties.delivery_mode", Octet),
    ("amqp.method.properties.priority", Octet),
    ("amqp.method.properties.correlation_id", Text),
    ("amqp.method.properties.reply_to", Text),
    ("amqp.method.properties.expiration", Text),
    ("amqp.method.properties.message_id", Text),
    ("", LongLong),
    ("amqp.method.properties.type", Text),
    ("amqp.method.properties.user_id", Text),
    ("amqp.method.properties.app_id", Text),
    ("amqp.method.properties.cluster_id", Text),
];

fn content_header(payload: &[u8], reading: &mut Reading) {
    reading.info = "Content-Header".into();
    let mut rest = Rest(payload);
    let (Some(class), Some(weight), Some(size), Some(flags)) =
        (rest.number(2), rest.number(2), rest.number(8), rest.number(2))
    else {
        reading.info.push_str(", cut");
        return;
    };
    reading.number("amqp.header.class", class);
    reading.number("amqp.header.weight", weight);
    reading.number("amqp.header.body-size", size);
    reading.number("amqp.header.property-flags", flags);
    let _ = write!(reading.info, ", {size} bytes follow");
    for (place, (field, kind)) in PROPERTIES.iter().enumerate() {
        if flags >> (15 - place) & 1 == 0 || class != 60 {
            continue;
        }
        let read = if field.is_empty() {
            match kind {
                Table => rest.behind(4).map(|_| ()),
                _ => rest.take(8).map(|_| ()),
            }
        } else {
            argument(*kind, field, &mut rest, reading)
        };
        if read.is_none() {
            reading.info.push_str(", cut");
            return;
        }
    }
    let content_type = reading.values.iter().find(|(name, _)| *name == "amqp.method.properties.content_type");
    if let Some((_, Value::Text(text))) = content_type {
        let said = format!(" ({})", shown(text));
        reading.info.push_str(&said);
    }
}
