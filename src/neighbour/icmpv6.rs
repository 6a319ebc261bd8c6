//! ICMPv6 (RFC 4443), with neighbor discovery (RFC 4861) and multicast listeners (RFC 2710, RFC 3810).

use std::net::Ipv6Addr;

use super::cursor::Cursor;
use super::packets::{checksum_status, quotation};
use super::reading::{Exchange, Part};
use super::{Neighbour, Reading, Value};
use crate::wire::{self, Icmp, Packet};

const ICMPV6: u8 = 58;

pub(super) fn read(message: &Icmp<'_>, packet: &Packet<'_>) -> Reading {
    let mut reading = Reading::new(Neighbour::Icmpv6);
    reading.info = wire::info(packet);
    fields(message.bytes, checksum_status(message.checksum), &mut reading);
    if let Some(quoted) = &message.quoted {
        reading.info += &quotation(quoted);
        if quoted.protocol == ICMPV6
            && let Some(inner) = message.bytes.get(48..)
        {
            // The line is about the error.
            let length = reading.info.len();
            fields(inner, 2, &mut reading);
            reading.info.truncate(length);
        }
    }
    let part = match message.kind {
        128 => Part::Asks,
        129 => Part::Answers,
        _ => return reading,
    };
    reading.exchange =
        Some(Exchange { part, key: u32::from_be_bytes(message.rest).into(), message: None, about: None });
    reading
}

fn ipv6(rest: &mut Cursor<'_>) -> Option<Ipv6Addr> {
    rest.array::<16>().map(Ipv6Addr::from)
}

/// Reads as far as there is something; what is missing is just not told.
fn fields(bytes: &[u8], status: u8, reading: &mut Reading) -> Option<()> {
    let mut rest = Cursor(bytes);
    let (kind, code, checksum) = (rest.u8()?, rest.u8()?, rest.u16()?);
    reading.number("icmpv6.type", kind);
    reading.number("icmpv6.code", code);
    reading.number("icmpv6.checksum", checksum);
    reading.number("icmpv6.checksum.status", status);
    let word @ [a, b, c, d] = rest.array::<4>()?;
    match kind {
        1 | 3 | 133 | 135 | 137 => reading.bytes("icmpv6.reserved", &word),
        2 => reading.number("icmpv6.mtu", u32::from_be_bytes(word)),
        4 => reading.number("icmpv6.pointer", u32::from_be_bytes(word)),
        128 | 129 => {
            reading.number("icmpv6.echo.identifier", u16::from_be_bytes([a, b]));
            reading.number("icmpv6.echo.sequence_number", u16::from_be_bytes([c, d]));
        }
        // Extended echoes ask for an interface (RFC 8335).
        160 | 161 => {
            reading.number("icmpv6.echo.identifier", u16::from_be_bytes([a, b]));
            reading.number("icmpv6.ext.echo.seq", c);
            if kind == 160 {
                reading.number("icmpv6.ext.echo.req.res", d >> 1);
                reading.flag("icmpv6.ext.echo.req.local", d & 1 != 0);
            } else {
                reading.number("icmpv6.ext.echo.rsp.state", d >> 5);
                reading.number("icmpv6.ext.echo.rsp.res", d >> 3 & 3);
                reading.flag("icmpv6.ext.echo.rsp.active", d & 4 != 0);
                reading.flag("icmpv6.ext.echo.rsp.ipv4", d & 2 != 0);
                reading.flag("icmpv6.ext.echo.rsp.ipv6", d & 1 != 0);
            }
        }
        130..=132 => listener(kind, word, rest, reading)?,
        143 => {
            reading.bytes("icmpv6.reserved", &[a, b]);
            let count = u16::from_be_bytes([c, d]);
            reading.number("icmpv6.mldr.nb_mcast_records", count);
            for _ in 0..count {
                record(&mut rest, reading)?;
            }
        }
        134 => {
            router(word, &mut rest, reading)?;
            options(rest, reading);
        }
        136 => {
            let flags = u32::from_be_bytes(word);
            reading.number("icmpv6.nd.na.flag", flags);
            for (name, bit) in [("icmpv6.nd.na.flag.r", 31), ("icmpv6.nd.na.flag.s", 30), ("icmpv6.nd.na.flag.o", 29)] {
                reading.flag(name, flags >> bit & 1 == 1);
            }
            reading.number("icmpv6.nd.na.flag.rsv", flags & 0x1fff_ffff);
        }
        _ => {}
    }
    match kind {
        133 => {
            options(rest, reading);
        }
        135 | 136 => {
            let name = if kind == 135 { "icmpv6.nd.ns.target_address" } else { "icmpv6.nd.na.target_address" };
            reading.put(name, Value::Ipv6(ipv6(&mut rest)?));
            if kind == 136 {
                let flags = [(a & 0x80, "rtr"), (a & 0x40, "sol"), (a & 0x20, "ovr")];
                let set: Vec<&str> = flags.iter().filter(|(bit, _)| *bit != 0).map(|(_, name)| *name).collect();
                reading.say(format_args!(" ({})", if set.is_empty() { "none".to_owned() } else { set.join(", ") }));
            }
            options(rest, reading);
        }
        137 => {
            reading.put("icmpv6.nd.rd.target_address", Value::Ipv6(ipv6(&mut rest)?));
            let destination = ipv6(&mut rest)?;
            reading.put("icmpv6.rd.na.destination_address", Value::Ipv6(destination));
            reading.say(format_args!(" for {destination}"));
            options(rest, reading);
        }
        _ => {}
    }
    Some(())
}

/// A query, a report or an end of the first version; a longer query is of the second (RFC 3810, section 8.1).
fn listener(kind: u8, [a, b, c, d]: [u8; 4], mut rest: Cursor<'_>, reading: &mut Reading) -> Option<()> {
    let is_second = kind == 130 && rest.0.len() >= 20;
    let delay = u16::from_be_bytes([a, b]);
    if is_second {
        reading.number("icmpv6.mld.maximum_response_code", milliseconds(delay));
    } else {
        reading.number("icmpv6.mld.maximum_response_delay", delay);
    }
    reading.bytes("icmpv6.reserved", &[c, d]);
    let group = ipv6(&mut rest)?;
    reading.put("icmpv6.mld.multicast_address", Value::Ipv6(group));
    if !group.is_unspecified() {
        reading.say(format_args!(" for {group}"));
    }
    if !is_second {
        return Some(());
    }
    let (flags, interval, count) = (rest.u8()?, rest.u8()?, rest.u16()?);
    reading.number("icmpv6.mld.flag", flags);
    reading.flag("icmpv6.mld.flag.s", flags & 8 != 0);
    reading.number("icmpv6.mld.flag.qrv", flags & 7);
    reading.number("icmpv6.mld.flag.reserved", flags >> 4);
    reading.number("icmpv6.mld.qqi", interval);
    reading.number("icmpv6.mld.nb_sources", count);
    sources("icmpv6.mld.source_address", count, &mut rest, reading)
}

/// Large ones have an exponent (RFC 3810, section 5.1.3).
fn milliseconds(code: u16) -> u32 {
    let code = u32::from(code);
    if code < 0x8000 { code } else { (code & 0xfff | 0x1000) << ((code >> 12 & 7) + 3) }
}

fn sources(name: &'static str, count: u16, rest: &mut Cursor<'_>, reading: &mut Reading) -> Option<()> {
    for _ in 0..count {
        let source = ipv6(rest).filter(|_| !reading.is_full())?;
        reading.put(name, Value::Ipv6(source));
    }
    Some(())
}

/// What a listener reports of a group (RFC 3810, section 5.2).
fn record(rest: &mut Cursor<'_>, reading: &mut Reading) -> Option<()> {
    /// The groups that go into the line.
    const SHOWN: usize = 200;
    let (kind, words, count, group) = (rest.u8()?, rest.u8()?, rest.u16()?, ipv6(rest)?);
    if reading.is_full() {
        return None;
    }
    reading.put("icmpv6.mldr.mar", Value::Present);
    reading.number("icmpv6.mldr.mar.record_type", kind);
    reading.number("icmpv6.mldr.mar.aux_data_len", words);
    reading.number("icmpv6.mldr.mar.nb_sources", count);
    reading.put("icmpv6.mldr.mar.multicast_address", Value::Ipv6(group));
    if reading.info.len() < SHOWN {
        // RFC 3810, section 5.2.12; to exclude nobody is to listen to all, to include nobody is to leave.
        let what = match (kind, count) {
            (2 | 4, 0) => "join",
            (1 | 3, 0) => "leave",
            (1 | 3, _) => "include sources of",
            (2 | 4, _) => "exclude sources of",
            (5, _) => "allow sources of",
            (6, _) => "block sources of",
            _ => "unknown record for",
        };
        reading.say(format_args!(", {what} {group}"));
    }
    sources("icmpv6.mldr.mar.source_address", count, rest, reading)?;
    let data = rest.take(usize::from(words) * 4)?;
    if !data.is_empty() {
        reading.bytes("icmpv6.mldr.mar.auxiliary_data", data);
    }
    Some(())
}

/// RFC 4861, section 4.2; preferences are of RFC 4191.
fn router([hops, flags, high, low]: [u8; 4], rest: &mut Cursor<'_>, reading: &mut Reading) -> Option<()> {
    reading.number("icmpv6.nd.ra.cur_hop_limit", hops);
    reading.number("icmpv6.nd.ra.flag", flags);
    let names = [
        ("icmpv6.nd.ra.flag.m", 0x80),
        ("icmpv6.nd.ra.flag.o", 0x40),
        ("icmpv6.nd.ra.flag.h", 0x20),
        ("icmpv6.nd.ra.flag.p", 4),
    ];
    for (name, bit) in names {
        reading.flag(name, flags & bit != 0);
    }
    reading.number("icmpv6.nd.ra.flag.prf", flags >> 3 & 3);
    reading.number("icmpv6.nd.ra.flag.rsv", flags & 3);
    let lifetime = u16::from_be_bytes([high, low]);
    reading.number("icmpv6.nd.ra.router_lifetime", lifetime);
    reading.number("icmpv6.nd.ra.reachable_time", rest.u32()?);
    reading.number("icmpv6.nd.ra.retrans_timer", rest.u32()?);
    // RFC 4861, section 4.2: who is a default router for no time is none.
    match lifetime {
        0 => reading.info.push_str(", no default router"),
        _ => reading.say(format_args!(", for {lifetime} s")),
    }
    Some(())
}

/// The options of neighbor discovery (RFC 4861, section 4.6), each with its length in units of 8 bytes.
fn options(mut rest: Cursor<'_>, reading: &mut Reading) -> Option<()> {
    while !rest.0.is_empty() {
        let (kind, units) = (*rest.0.first()?, *rest.0.get(1)?);
        if reading.is_full() {
            return None;
        }
        reading.put("icmpv6.opt", Value::Present);
        reading.number("icmpv6.opt.type", kind);
        reading.number("icmpv6.opt.length", units);
        // RFC 4861, section 4.6: one without a length ends the reading.
        let option = rest.take(usize::from(units) * 8).filter(|option| !option.is_empty())?;
        one(kind, Cursor(option.get(2..)?), reading);
    }
    Some(())
}

fn one(kind: u8, mut rest: Cursor<'_>, reading: &mut Reading) -> Option<()> {
    match kind {
        1 | 2 => {
            // Link layers with longer addresses than Ethernet's are not read.
            let [a, b, c, d, e, f] = *rest.0 else { return None };
            let address = Value::Ethernet([a, b, c, d, e, f]);
            reading.put("icmpv6.opt.linkaddr", address.clone());
            let (name, word) =
                if kind == 1 { ("icmpv6.opt.src_linkaddr", "from") } else { ("icmpv6.opt.target_linkaddr", "is at") };
            reading.put(name, address);
            reading.say(format_args!(" {word} {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
        }
        3 => {
            let (length, flags, valid, preferred) = (rest.u8()?, rest.u8()?, rest.u32()?, rest.u32()?);
            reading.number("icmpv6.opt.prefix.length", length);
            reading.number("icmpv6.opt.prefix.flag", flags);
            reading.flag("icmpv6.opt.prefix.flag.l", flags & 0x80 != 0);
            reading.flag("icmpv6.opt.prefix.flag.a", flags & 0x40 != 0);
            reading.flag("icmpv6.opt.prefix.flag.r", flags & 0x20 != 0);
            reading.number("icmpv6.opt.prefix.flag.reserved", flags & 0x1f);
            reading.number("icmpv6.opt.prefix.valid_lifetime", valid);
            reading.number("icmpv6.opt.prefix.preferred_lifetime", preferred);
            rest.u32()?;
            let prefix = ipv6(&mut rest)?;
            reading.put("icmpv6.opt.prefix", Value::Ipv6(prefix));
            reading.say(format_args!(", prefix {prefix}/{length}"));
        }
        5 => {
            rest.u16()?;
            let mtu = rest.u32()?;
            reading.number("icmpv6.opt.mtu", mtu);
            reading.say(format_args!(", MTU {mtu}"));
        }
        7 => {
            rest.u16()?;
            reading.number("icmpv6.opt.advertisement_interval", rest.u32()?);
        }
        8 => {
            rest.u16()?;
            reading.number("icmpv6.opt.home_agent_preference", rest.u16()?);
            reading.number("icmpv6.opt.home_agent_lifetime", rest.u16()?);
        }
        14 => reading.bytes("icmpv6.opt.nonce", rest.0),
        // A route, of which the prefix has as many bytes as it needs (RFC 4191, section 2.3).
        24 => {
            let (length, flags, lifetime) = (rest.u8()?, rest.u8()?, rest.u32()?);
            reading.number("icmpv6.opt.prefix.length", length);
            reading.number("icmpv6.opt.route_info.flag", flags);
            reading.number("icmpv6.opt.route_info.flag.route_preference", flags >> 3 & 3);
            reading.number("icmpv6.opt.route_info.flag.reserved", flags & 0xe7);
            reading.number("icmpv6.opt.route_lifetime", lifetime);
            let mut prefix = [0; 16];
            prefix.iter_mut().zip(rest.0).for_each(|(to, from)| *to = *from);
            reading.put("icmpv6.opt.prefix", Value::Ipv6(prefix.into()));
        }
        // RFC 8106, section 5.
        25 => {
            rest.u16()?;
            reading.number("icmpv6.opt.rdnss.lifetime", rest.u32()?);
            while let Some(server) = ipv6(&mut rest).filter(|_| !reading.is_full()) {
                reading.put("icmpv6.opt.rdnss", Value::Ipv6(server));
            }
        }
        31 => {
            rest.u16()?;
            reading.number("icmpv6.opt.dnssl.lifetime", rest.u32()?);
            let mut name = Vec::new();
            while let Some(length) = rest.u8() {
                if length > 0 {
                    if !name.is_empty() {
                        name.push(b'.');
                    }
                    name.extend(rest.take(length.into())?);
                } else if name.is_empty() || reading.is_full() {
                    return None;
                } else {
                    reading.text("icmpv6.opt.dnssl", &std::mem::take(&mut name));
                }
            }
        }
        // RFC 8910, section 2.3.
        37 => reading.text("icmpv6.opt.captive_portal", super::cursor::before_zero(rest.0)),
        _ => {}
    }
    Some(())
}
