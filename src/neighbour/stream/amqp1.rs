//! Frames of AMQP 1.0 (OASIS, part 2.3): which performative, on which channel, with what it says first.

use std::fmt::Write as _;

use super::line::{kept, shown};
use super::{LONGEST, Seen, Step, Until};
use crate::flow::PerDirection;
use crate::neighbour::{Neighbour, Reading, Value};

/// What is looked at of a frame; a transfer may be of megabytes.
const LOOKED_AT: usize = 2048;

/// The performatives and their first fields (part 2.7); empty names are not told.
const PERFORMATIVES: [(u8, &str, &[&str]); 9] = [
    (0x10, "open", &["containerId", "hostname", "maxFrameSize", "channelMax", "idleTimeout"]),
    (0x11, "begin", &["remoteChannel", "nextOutgoingId", "incomingWindow", "outgoingWindow", "handleMax"]),
    (0x12, "attach", &["name", "handle", "role", "sndSettleMode", "rcvSettleMode"]),
    (
        0x13,
        "flow",
        &[
            "nextIncomingId",
            "incomingWindow",
            "nextOutgoingId",
            "outgoingWindow",
            "handle",
            "deliveryCount",
            "linkCredit",
            "available",
            "drain",
            "echo",
        ],
    ),
    (0x14, "transfer", &["handle", "deliveryId", "deliveryTag", "messageFormat", "settled", "more"]),
    (0x15, "disposition", &["role", "first", "last", "settled"]),
    (0x16, "detach", &["handle", "closed"]),
    (0x17, "end", &[]),
    (0x18, "close", &[]),
];

/// Frames of SASL (part 5.3.3). Their fields are credentials or lead to them.
const SASL: [(u8, &str); 5] = [
    (0x40, "sasl.mechanisms"),
    (0x41, "sasl.init"),
    (0x42, "sasl.challenge"),
    (0x43, "sasl.response"),
    (0x44, "sasl.outcome"),
];

/// The names of fields as they are kept.
const FIELDS: [(&str, &str); 27] = [
    ("containerId", "amqp.performative.arguments.containerId"),
    ("hostname", "amqp.performative.arguments.hostname"),
    ("maxFrameSize", "amqp.performative.arguments.maxFrameSize"),
    ("channelMax", "amqp.performative.arguments.channelMax"),
    ("idleTimeout", "amqp.performative.arguments.idleTimeout"),
    ("remoteChannel", "amqp.performative.arguments.remoteChannel"),
    ("nextOutgoingId", "amqp.performative.arguments.nextOutgoingId"),
    ("incomingWindow", "amqp.performative.arguments.incomingWindow"),
    ("outgoingWindow", "amqp.performative.arguments.outgoingWindow"),
    ("handleMax", "amqp.performative.arguments.handleMax"),
    ("name", "amqp.performative.arguments.name"),
    ("handle", "amqp.performative.arguments.handle"),
    ("role", "amqp.performative.arguments.role"),
    ("sndSettleMode", "amqp.performative.arguments.sndSettleMode"),
    ("rcvSettleMode", "amqp.performative.arguments.rcvSettleMode"),
    ("nextIncomingId", "amqp.performative.arguments.nextIncomingId"),
    ("deliveryCount", "amqp.performative.arguments.deliveryCount"),
    ("linkCredit", "amqp.performative.arguments.linkCredit"),
    ("available", "amqp.performative.arguments.available"),
    ("drain", "amqp.performative.arguments.drain"),
    ("echo", "amqp.performative.arguments.echo"),
    ("deliveryId", "amqp.performative.arguments.deliveryId"),
    ("messageFormat", "amqp.performative.arguments.messageFormat"),
    ("settled", "amqp.performative.arguments.settled"),
    ("more", "amqp.performative.arguments.more"),
    ("first", "amqp.performative.arguments.first"),
    ("last", "amqp.performative.arguments.last"),
];

/// Reads the frame at the front.
pub(super) fn read(bytes: &[u8], seen: &mut Seen<'_>, open: &mut PerDirection<Option<Reading>>) -> Step {
    let Some([a, b, c, d, offset, kind, high, low]) = bytes.first_chunk::<8>().copied() else {
        return Step::More(Until::Any);
    };
    let size = u32::from_be_bytes([a, b, c, d]) as usize;
    // Part 2.3.1: the header has 8 bytes at least, and the offset counts words.
    if size < 8 || offset < 2 || usize::from(offset) * 4 > size || kind > 1 {
        return Step::Lost;
    }
    let Some(there) = bytes.get(..size.min(LOOKED_AT)) else { return Step::More(Until::Any) };
    let is_long = size > LONGEST;
    let Some(frame) = bytes.get(..size).or(is_long.then_some(there)) else { return Step::More(Until::Any) };
    if !seen.wants() {
        return if is_long {
            Step::Payload { take: there.len(), length: Some((size - there.len()) as u64) }
        } else {
            Step::Take(size)
        };
    }
    let mut reading = Reading::new(Neighbour::Amqp);
    reading.number("amqp.length", size as u64);
    reading.number("amqp.doff", offset);
    reading.number("amqp.type", kind);
    reading.number("amqp.channel", u16::from_be_bytes([high, low]));
    let body = frame.get(usize::from(offset) * 4..).unwrap_or_default();
    if body.is_empty() {
        // A frame without a body keeps the connection alive (part 2.4.5).
        reading.info = "(empty)".into();
    } else {
        performative(body, kind, &mut reading);
    }
    if kind == 0 && !body.is_empty() {
        let _ = write!(reading.info, ", channel {}, {size} bytes", u16::from_be_bytes([high, low]));
    }
    if is_long {
        open[seen.direction] = Some(reading);
        return Step::Payload { take: there.len(), length: Some((size - there.len()) as u64) };
    }
    seen.tell(reading);
    Step::Take(size)
}

fn performative(body: &[u8], kind: u8, reading: &mut Reading) {
    // A described type, its descriptor a small number in every program there is.
    let ([0, 0x53, code, list @ ..] | [0, 0x80, 0, 0, 0, 0, 0, 0, 0, code, list @ ..]) = body else {
        reading.info = "unknown frame".into();
        return;
    };
    let code = *code;
    if kind == 1 {
        reading.number("amqp.sasl.method", code);
        let name = SASL.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
        reading.info = name.map_or_else(|| format!("sasl {code:#x}"), str::to_owned);
        // The mechanism is what may be told of the first (part 5.3.3.2).
        if let (0x41, Some(Item::Text(mechanism))) = (code, items(list).next()) {
            reading.text("amqp.sasl.mechanism", mechanism);
            let _ = write!(reading.info, " {}", shown(mechanism));
        }
        if let (0x44, Some(Item::Number(outcome))) = (code, items(list).next()) {
            reading.number("amqp.sasl.saslCode", outcome);
            reading.info.push_str(if outcome == 0 { " ok" } else { " refused" });
        }
        return;
    }
    reading.number("amqp.performative", code);
    let Some((_, name, arguments)) = PERFORMATIVES.iter().find(|(known, ..)| *known == code) else {
        reading.info = format!("performative {code:#x}");
        return;
    };
    reading.info = (*name).into();
    for (argument, item) in arguments.iter().zip(items(list)) {
        let Some((_, field)) = FIELDS.iter().find(|(known, _)| known == argument) else { continue };
        match item {
            Item::Number(number) => reading.number(field, number),
            Item::Flag(flag) => reading.flag(field, flag),
            Item::Text(text) => {
                reading.put(field, Value::Text(kept(text).to_vec()));
                let _ = write!(reading.info, " {}", shown(text));
            }
            Item::Null | Item::Other => {}
        }
    }
}

/// An item of a list.
enum Item<'a> {
    Null,
    Number(u64),
    Flag(bool),
    Text(&'a [u8]),
    Other,
}

/// The items of a list (part 1.6.22), as far as they are there.
fn items(list: &[u8]) -> impl Iterator<Item = Item<'_>> {
    let mut rest = match *list {
        [0xc0, _, _, ref rest @ ..] | [0xd0, _, _, _, _, _, _, _, _, ref rest @ ..] => rest,
        _ => &[],
    };
    std::iter::from_fn(move || {
        let (&code, behind) = rest.split_first()?;
        // The first half of a constructor says how wide its value is (part 1.2).
        let (width, prefix) = match code >> 4 {
            4 => (0, 0),
            5 => (1, 0),
            6 => (2, 0),
            7 => (4, 0),
            8 => (8, 0),
            9 => (16, 0),
            0xa | 0xc | 0xe => (usize::from(*behind.first()?), 1),
            0xb | 0xd | 0xf => (u32::from_be_bytes(*behind.first_chunk()?) as usize, 4),
            // A described value: its descriptor and it are passed over by who looks no further.
            _ => return None,
        };
        let value = behind.get(prefix..)?.get(..width)?;
        rest = behind.get(prefix + width..)?;
        let number = || value.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        Some(match code {
            0x40 => Item::Null,
            0x41 | 0x42 => Item::Flag(code == 0x41),
            0x56 => Item::Flag(number() != 0),
            0x43 | 0x44 => Item::Number(0),
            0x50 | 0x52 | 0x53 | 0x60 | 0x70 | 0x80 => Item::Number(number()),
            0xa1 | 0xa3 | 0xb1 | 0xb3 => Item::Text(value),
            _ => Item::Other,
        })
    })
}
