//! Fields of IPv6 and its extension headers.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::header::{Header, Take, take_text};
use crate::field::value::Value;

/// Protocol numbers of extension headers (IANA).
const HOP_BY_HOP: u16 = 0;
const ROUTING: u16 = 43;
const FRAGMENT: u16 = 44;
const DESTINATION_OPTIONS: u16 = 60;

fn address(header: &Header<'_>, at: usize) -> Option<Ipv6Addr> {
    header.bytes(at, 16)?.first_chunk().map(|raw: &[u8; 16]| Ipv6Addr::from(*raw))
}

fn source_of(header: &Header<'_>) -> Option<Ipv6Addr> {
    address(header, 8)
}

/// What the header says, be it the last address of a routing header or not.
fn destination_of(header: &Header<'_>) -> Option<Ipv6Addr> {
    address(header, 24)
}

pub(in crate::field) fn source_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(address) = source_of(header) {
        take_text(&address, take);
    }
}

pub(in crate::field) fn destination_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(address) = destination_of(header) {
        take_text(&address, take);
    }
}

pub(in crate::field) fn addresses_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    source_text(header, take);
    destination_text(header, take);
}

/// The hardware address in an interface identifier (RFC 4291, appendix A): `ff:fe` stands in its middle, and its bit
/// for local addresses is turned round. Of hardware addresses that were given locally it would not be set.
fn mac(address: Option<Ipv6Addr>, take: Take<'_, '_>) {
    if let Some([.., a, b, c, 0xff, 0xfe, d, e, f]) = address.map(|address| address.octets())
        && a & 2 != 0
    {
        take(Value::Ethernet([a ^ 2, b, c, d, e, f]));
    }
}

pub(in crate::field) fn source_mac<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    mac(source_of(header), take);
}

pub(in crate::field) fn destination_mac<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    mac(destination_of(header), take);
}

pub(in crate::field) fn both_macs<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    mac(source_of(header), take);
    mac(destination_of(header), take);
}

/// The bytes of an extension header, if it is one of this kind.
fn is_there<'a>(header: &Header<'a>, kind: u16, take: Take<'_, 'a>) {
    let units = if kind == FRAGMENT { Some(0) } else { header.number(1, 1) };
    if let Some(units) = units.filter(|_| header.kind == kind) {
        let length = (units as usize + 1) * 8;
        take(Value::Bytes(Cow::Borrowed(header.data.get(..length).unwrap_or(header.data))));
    }
}

pub(in crate::field) fn fragment<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    is_there(header, FRAGMENT, take);
}

macro_rules! extensions {
    ($($kind:ident $is:ident $next:ident $length:ident $octets:ident;)*) => {
        $(pub(in crate::field) fn $is<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
            is_there(header, $kind, take);
        }

        pub(in crate::field) fn $next<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
            if header.kind == $kind {
                header.take_number(0, 1, take);
            }
        }

        pub(in crate::field) fn $length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
            if header.kind == $kind {
                header.take_number(1, 1, take);
            }
        }

        pub(in crate::field) fn $octets<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
            if let Some(units) = header.number(1, 1).filter(|_| header.kind == $kind) {
                take(Value::Unsigned((units + 1) * 8));
            }
        })*
    };
}

extensions! {
    HOP_BY_HOP hopopts hopopts_next hopopts_length hopopts_octets;
    DESTINATION_OPTIONS dstopts dstopts_next dstopts_length dstopts_octets;
    ROUTING routing routing_next routing_length routing_octets;
}

pub(in crate::field) fn routing_type<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.kind == ROUTING {
        header.take_number(2, 1, take);
    }
}

pub(in crate::field) fn segments_left<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.kind == ROUTING {
        header.take_number(3, 1, take);
    }
}

pub(in crate::field) fn fragment_next<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.kind == FRAGMENT {
        header.take_number(0, 1, take);
    }
}

pub(in crate::field) fn fragment_offset<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(word) = header.number(2, 2).filter(|_| header.kind == FRAGMENT) {
        take(Value::Unsigned(word >> 3));
    }
}

pub(in crate::field) fn fragment_more<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(word) = header.number(2, 2).filter(|_| header.kind == FRAGMENT) {
        take(Value::Boolean(word & 1 != 0));
    }
}

pub(in crate::field) fn fragment_id<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.kind == FRAGMENT {
        header.take_number(4, 4, take);
    }
}
