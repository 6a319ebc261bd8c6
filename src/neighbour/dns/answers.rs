//! What an answer names: addresses, and what was asked for to get them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::name::{self, Name};
use super::record::{A, AAAA, CNAME, HINTS, HTTPS, PTR, SVCB};
use super::{HEADER, Header, Record, is_message, number16, question};
use crate::text::is_harmful;

/// A name for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The address.
    pub address: IpAddr,
    /// Its name, in small letters.
    pub name: Box<str>,
    /// The address was asked for, and not the name: many have such a name that nobody uses.
    pub is_reverse: bool,
}

/// The most answers of one message that are looked at. A datagram of usual length has no room for more.
const RECORDS: u32 = 256;

/// The most aliases that lead from the name that was asked for to the one that has addresses.
const ALIASES: usize = 16;

/// The longest name in letters and dots (RFC 1035, section 2.3.4, without the octets of first length and root).
const LONGEST: usize = 253;

/// Calls for each name of an address in a message, if it is an answer; `length` is how long it is.
pub fn answers(message: &[u8], length: usize, tell: &mut dyn FnMut(Answer)) {
    if !is_message(message, length) {
        return;
    }
    let Some(header) = message.first_chunk().map(Header::of) else { return };
    // A standard query that was answered, and not with an error.
    if !header.is_response() || header.opcode() != 0 || header.rcode() != 0 {
        return;
    }
    let mut at = HEADER;
    for _ in 0..header.counts[0] {
        let Some((.., behind)) = question(message, at) else { return };
        at = behind;
    }
    let count: u32 = header.counts.iter().skip(1).map(|count| u32::from(*count)).sum();
    let mut aliases = Vec::new();
    // An alias may stand behind what it leads to.
    each(message, at, count, &mut |record| {
        if let (CNAME, true) = (record.kind, aliases.len() < ALIASES) {
            let target = name::read(message, record.start).as_ref().and_then(host);
            aliases.extend(host(&record.name).zip(target));
        }
    });
    each(message, at, count, &mut |record| of_record(message, record, &aliases, tell));
}

/// Calls for each record of the Internet from a place on that is there as a whole.
fn each(message: &[u8], mut at: usize, count: u32, take: &mut dyn FnMut(&Record<'_>)) {
    for _ in 0..count.min(RECORDS) {
        let Some(record) = Record::at(message, at).filter(|record| record.data.is_some()) else { return };
        // The first bit is another matter in mDNS (RFC 6762, section 10.2).
        if record.class & 0x7fff == 1 {
            take(&record);
        }
        at = record.start + usize::from(record.length);
    }
}

fn of_record(message: &[u8], record: &Record<'_>, aliases: &[(Box<str>, Box<str>)], tell: &mut dyn FnMut(Answer)) {
    let Some(data) = record.data else { return };
    let mut name_it = |address: IpAddr| {
        if let (true, Some(name)) = (is_named(address), host(&record.name)) {
            tell(Answer { address, name: asked(name, aliases), is_reverse: false });
        }
    };
    match (record.kind, data) {
        (A, &[a, b, c, d]) => name_it(Ipv4Addr::new(a, b, c, d).into()),
        (AAAA, data) => {
            if let Ok(octets) = <[u8; 16]>::try_from(data) {
                name_it(Ipv6Addr::from(octets).into());
            }
        }
        (SVCB | HTTPS, _) => hints(message, record).into_iter().flatten().for_each(name_it),
        (PTR, _) => {
            let address = reversed(&record.name.text).filter(|address| is_named(*address));
            let name = name::read(message, record.start).as_ref().and_then(host);
            if let (Some(address), Some(name)) = (address, name) {
                tell(Answer { address, name, is_reverse: true });
            }
        }
        _ => {}
    }
}

/// The name that was asked for, from which aliases lead to this one.
fn asked(mut name: Box<str>, aliases: &[(Box<str>, Box<str>)]) -> Box<str> {
    for _ in 0..aliases.len() {
        let Some((alias, _)) = aliases.iter().find(|(_, target)| *target == name) else { break };
        name.clone_from(alias);
    }
    name
}

/// The addresses that a record of a service gives so that nobody has to ask for them (RFC 9460, section 7.3).
fn hints(message: &[u8], record: &Record<'_>) -> Option<Vec<IpAddr>> {
    let target = name::read(message, record.start + 2)?;
    let end = record.start + usize::from(record.length);
    let (mut at, mut addresses) = (target.end, Vec::new());
    while at < end && addresses.len() < RECORDS as usize {
        let (key, length) = (number16(message, at)?, usize::from(number16(message, at + 2)?));
        let value = message.get(at + 4..at + 4 + length).filter(|_| at + 4 + length <= end)?;
        if key == HINTS.0 {
            addresses.extend(value.chunks_exact(4).filter_map(|v4| <[u8; 4]>::try_from(v4).ok()).map(IpAddr::from));
        } else if key == HINTS.1 {
            addresses.extend(value.chunks_exact(16).filter_map(|v6| <[u8; 16]>::try_from(v6).ok()).map(IpAddr::from));
        }
        at += 4 + length;
    }
    Some(addresses)
}

/// Whether an address is some host's. Names of advertisements are often answered with none, or with one's own host.
fn is_named(address: IpAddr) -> bool {
    let is_all = matches!(address, IpAddr::V4(Ipv4Addr::BROADCAST));
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_all)
}

/// A name that a host may have. It is shown in the place of an address: it must not look like one, nor like anything else.
fn host(name: &Name) -> Option<Box<str>> {
    if !name.is_good || name.text.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(&name.text).ok()?;
    let is_fit = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.') || (!c.is_ascii() && !is_harmful(c));
    // The last label of a name is never a number (RFC 3696, section 2), and that of an IPv4 address always is one.
    let last = text.rsplit('.').next()?;
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    // A dot within a label would show as one between two.
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    let fits = dots + 1 == usize::from(name.labels) && !is_number && text.chars().all(is_fit);
    fits.then(|| text.to_ascii_lowercase().into())
}

/// The address that a name of reverse lookups stands for (RFC 1035, section 3.5; RFC 3596, section 2.5).
fn reversed(name: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    if let Some(octets) = text.strip_suffix(".in-addr.arpa") {
        let mut address = [0; 4];
        let mut labels = octets.rsplit('.');
        for octet in &mut address {
            *octet = labels.next()?.parse().ok()?;
        }
        return labels.next().is_none().then(|| address.into());
    }
    let digits = text.strip_suffix(".ip6.arpa")?;
    let mut address = 0u128;
    let mut count = 0;
    for label in digits.rsplit('.') {
        let digit = u8::from_str_radix(label, 16).ok().filter(|_| label.len() == 1)?;
        address = address << 4 | u128::from(digit);
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from(address).into())
}
