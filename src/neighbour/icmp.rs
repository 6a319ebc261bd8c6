//! ICMP (RFC 792): echoes, errors with what they quote and what is added to it (RFC 4884), and what only old hosts say.

use std::net::Ipv4Addr;

use super::cursor::Cursor;
use super::packets::{checksum_status, quotation};
use super::reading::{Exchange, Part};
use super::{Neighbour, Reading, Value};
use crate::wire::{self, Icmp, Packet};

/// Quotations are of this protocol, too: only there is it read.
const ICMP: u8 = 1;

pub(super) fn read(message: &Icmp<'_>, packet: &Packet<'_>) -> Reading {
    let mut reading = Reading::new(Neighbour::Icmp);
    reading.info = wire::info(packet);
    fields(message.bytes, checksum_status(message.checksum), &mut reading);
    if let Some(quoted) = &message.quoted {
        reading.info += &quotation(quoted);
        if quoted.protocol == ICMP
            && let Some(inner) = quoted_message(message.bytes)
        {
            let length = reading.info.len();
            fields(inner, 2, &mut reading);
            reading.info.truncate(length);
        }
    }
    let part = match message.kind {
        8 => Part::Asks,
        0 => Part::Answers,
        _ => return reading,
    };
    reading.exchange =
        Some(Exchange { part, key: u32::from_be_bytes(message.rest).into(), message: None, about: None });
    reading
}

/// The ICMP message within the packet that an error quotes.
fn quoted_message(bytes: &[u8]) -> Option<&[u8]> {
    let header = bytes.get(8..)?;
    let length = usize::from(header.first()? & 15) * 4;
    header.get(length..).filter(|message| message.len() >= 4)
}

fn fields(bytes: &[u8], status: u8, reading: &mut Reading) {
    let mut rest = Cursor(bytes);
    let (Some(kind), Some(code), Some(checksum)) = (rest.u8(), rest.u8(), rest.u16()) else { return };
    reading.number("icmp.type", kind);
    reading.number("icmp.code", code);
    reading.number("icmp.checksum", checksum);
    reading.number("icmp.checksum.status", status);
    let Some(word) = rest.array::<4>() else { return };
    let [a, b, c, d] = word;
    match kind {
        3 | 11 | 12 => error(kind, code, word, bytes, reading),
        5 => reading.put("icmp.redir_gw", Value::Ipv4(word.into())),
        0 | 8 | 13..=18 => {
            reading.number("icmp.ident", u16::from_be_bytes([a, b]));
            reading.number("icmp.ident_le", u16::from_le_bytes([a, b]));
            reading.number("icmp.seq", u16::from_be_bytes([c, d]));
            reading.number("icmp.seq_le", u16::from_le_bytes([c, d]));
        }
        // Extended echoes ask for an interface (RFC 8335).
        42 | 43 => {
            reading.number("icmp.ident", u16::from_be_bytes([a, b]));
            reading.number("icmp.ident_le", u16::from_le_bytes([a, b]));
            reading.number("icmp.ext.echo.seq", c);
            if kind == 42 {
                reading.number("icmp.ext.echo.req.res", d >> 1);
                reading.flag("icmp.ext.echo.req.local", d & 1 != 0);
            } else {
                reading.number("icmp.ext.echo.rsp.state", d >> 5);
                reading.number("icmp.ext.echo.rsp.res", d >> 3 & 3);
                reading.flag("icmp.ext.echo.rsp.active", d & 4 != 0);
                reading.flag("icmp.ext.echo.rsp.ipv4", d & 2 != 0);
                reading.flag("icmp.ext.echo.rsp.ipv6", d & 1 != 0);
            }
        }
        9 => routers(word, rest, reading),
        _ => {}
    }
    match kind {
        13 | 14 => {
            let names = ["icmp.originate_timestamp", "icmp.receive_timestamp", "icmp.transmit_timestamp"];
            for name in names {
                let Some(time) = rest.u32() else { return };
                reading.number(name, time);
            }
        }
        17 | 18 => {
            if let Some(mask) = rest.u32() {
                reading.put("icmp.address_mask", Value::Ipv4(mask.into()));
            }
        }
        _ => {}
    }
}

/// Errors have a length of what they quote, where something is added behind it (RFC 4884, section 5).
fn error(kind: u8, code: u8, word: [u8; 4], bytes: &[u8], reading: &mut Reading) {
    let [pointer, length, c, d] = word;
    let is_long = length > 0;
    if kind == 12 {
        reading.number("icmp.pointer", pointer);
    }
    if is_long {
        if kind != 12 {
            reading.bytes("icmp.unused", &[pointer]);
        }
        reading.number("icmp.length", length);
        reading.number("icmp.length.original_datagram", u16::from(length) * 4);
        if (kind, code) != (3, 4) {
            reading.bytes("icmp.unused", &[c, d]);
        }
    } else {
        let start = usize::from(kind == 12);
        let end = if (kind, code) == (3, 4) { 2 } else { 4 };
        reading.bytes("icmp.unused", word.get(start..end).unwrap_or_default());
    }
    // RFC 1191, section 4.
    if (kind, code) == (3, 4) {
        reading.number("icmp.mtu", u16::from_be_bytes([c, d]));
    }
    if is_long && let Some(added) = bytes.get(8 + usize::from(length) * 4..) {
        extensions(added, reading);
    }
}

/// RFC 4884, section 7; labels of MPLS (RFC 4950).
fn extensions(bytes: &[u8], reading: &mut Reading) {
    let mut rest = Cursor(bytes);
    let (Some(version), Some(_checksum)) = (rest.u16(), rest.u16()) else { return };
    if version >> 12 != 2 {
        return;
    }
    reading.put("icmp.ext", Value::Present);
    reading.number("icmp.ext.version", version >> 12);
    reading.number("icmp.ext.res", version & 0xfff);
    while let (Some(length), Some(class), Some(kind)) = (rest.u16(), rest.u8(), rest.u8()) {
        let Some(object) = usize::from(length).checked_sub(4).and_then(|length| rest.take(length)) else { return };
        if reading.is_full() {
            return;
        }
        reading.number("icmp.ext.length", length);
        reading.number("icmp.ext.class", class);
        reading.number("icmp.ext.ctype", kind);
        if (class, kind) != (1, 1) {
            continue;
        }
        for [a, b, c, ttl] in object.as_chunks::<4>().0 {
            let label = u32::from_be_bytes([0, *a, *b, *c]);
            reading.number("icmp.mpls.label", label >> 4);
            reading.number("icmp.mpls.exp", label >> 1 & 7);
            reading.flag("icmp.mpls.s", label & 1 == 1);
            reading.number("icmp.mpls.ttl", *ttl);
            reading.say(format_args!(", MPLS label {}", label >> 4));
            if reading.is_full() {
                return;
            }
        }
    }
}

/// RFC 1256, section 3.
fn routers([count, words, high, low]: [u8; 4], mut rest: Cursor<'_>, reading: &mut Reading) {
    reading.number("icmp.num_addrs", count);
    reading.number("icmp.addr_entry_size", words);
    reading.number("icmp.lifetime", u16::from_be_bytes([high, low]));
    if words != 2 {
        return;
    }
    for _ in 0..count {
        let (Some(address), Some(preference)) = (rest.u32(), rest.u32()) else { return };
        if reading.is_full() {
            return;
        }
        reading.put("icmp.router_address", Value::Ipv4(Ipv4Addr::from(address)));
        reading.put("icmp.pref_level", Value::Signed((preference as i32).into()));
    }
}
