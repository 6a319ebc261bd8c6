//! Fields of ICMP and ICMPv6.

use std::borrow::Cow;

use super::header::{Header, Take, checksum_number, take_chunk};
use crate::field::value::Value;
use crate::wire::{Layer, Payload};

fn kind(header: &Header<'_>) -> Option<u8> {
    header.data.first().copied()
}

/// Bytes at a place of a message of one of these types.
fn of<'a>(header: &Header<'a>, kinds: &[u8], at: usize, length: usize) -> Option<&'a [u8]> {
    header.bytes(at, length).filter(|_| kind(header).is_some_and(|kind| kinds.contains(&kind)))
}

fn take_of<'a>(header: &Header<'a>, kinds: &[u8], at: usize, length: usize, take: Take<'_, 'a>) {
    if of(header, kinds, at, length).is_some() {
        header.take_number(at, length, take);
    }
}

fn take_little<'a>(header: &Header<'a>, kinds: &[u8], at: usize, take: Take<'_, 'a>) {
    if let Some(&[low, high]) = of(header, kinds, at, 2) {
        take(Value::Unsigned(u16::from_le_bytes([low, high]).into()));
    }
}

fn take_flag<'a>(header: &Header<'a>, kinds: &[u8], at: usize, mask: u8, take: Take<'_, 'a>) {
    if let Some(&[byte]) = of(header, kinds, at, 1) {
        take(Value::Boolean(byte & mask != 0));
    }
}

fn take_ipv6<'a>(header: &Header<'a>, kinds: &[u8], at: usize, take: Take<'_, 'a>) {
    if let Some(raw) = of(header, kinds, at, 16) {
        take_chunk(raw, |raw: [u8; 16]| Value::Ipv6(raw.into()), take);
    }
}

pub(in crate::field) fn checksum_status<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Payload::Icmp(icmp) = &header.view().packet.payload {
        take(Value::Unsigned(checksum_number(icmp.checksum)));
    }
}

/// Echo and its reply; time stamps, information and address masks have the same beginning (RFC 792, RFC 950).
const WITH_IDENTIFIER: [u8; 8] = [0, 8, 13, 14, 15, 16, 17, 18];

pub(in crate::field) fn identifier<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &WITH_IDENTIFIER, 4, 2, take);
}

pub(in crate::field) fn identifier_little<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_little(header, &WITH_IDENTIFIER, 4, take);
}

pub(in crate::field) fn sequence<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &WITH_IDENTIFIER, 6, 2, take);
}

pub(in crate::field) fn sequence_little<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_little(header, &WITH_IDENTIFIER, 6, take);
}

/// RFC 1191, section 4: the next hop's, in "fragmentation needed".
pub(in crate::field) fn next_mtu<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.bytes(0, 2) == Some(&[3, 4]) {
        header.take_number(6, 2, take);
    }
}

pub(in crate::field) fn unused<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let length = match header.bytes(0, 2) {
        Some([3, 4]) => 2,
        Some([3 | 4 | 11, _]) => 4,
        _ => return,
    };
    if let Some(bytes) = header.bytes(4, length) {
        take(Value::Bytes(Cow::Borrowed(bytes)));
    }
}

pub(in crate::field) fn gateway<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(raw) = of(header, &[5], 4, 4) {
        take_chunk(raw, |raw: [u8; 4]| Value::Ipv4(raw.into()), take);
    }
}

pub(in crate::field) fn echo_identifier<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[128, 129], 4, 2, take);
}

pub(in crate::field) fn echo_sequence<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[128, 129], 6, 2, take);
}

pub(in crate::field) fn mtu<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[2], 4, 4, take);
}

pub(in crate::field) fn pointer<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[4], 4, 4, take);
}

pub(in crate::field) fn solicited<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_ipv6(header, &[135], 8, take);
}

pub(in crate::field) fn advertised<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_ipv6(header, &[136], 8, take);
}

pub(in crate::field) fn from_router<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_flag(header, &[136], 4, 0x80, take);
}

pub(in crate::field) fn was_asked<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_flag(header, &[136], 4, 0x40, take);
}

pub(in crate::field) fn overrides<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_flag(header, &[136], 4, 0x20, take);
}

pub(in crate::field) fn hop_limit<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[134], 4, 1, take);
}

pub(in crate::field) fn lifetime<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[134], 6, 2, take);
}

pub(in crate::field) fn reachable<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[134], 8, 4, take);
}

pub(in crate::field) fn retransmit<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[134], 12, 4, take);
}

/// The options of neighbor discovery (RFC 4861, section 4.6), each with its type and length.
fn options<'a>(header: &Header<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let start = match kind(header).filter(|_| header.layer == Layer::Icmpv6) {
        Some(133) => 8,
        Some(134) => 16,
        Some(135 | 136) => 24,
        Some(137) => 40,
        _ => usize::MAX,
    };
    let mut rest = header.data.get(start..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(*rest.get(1)?) * 8;
        let option = rest.get(..length).filter(|option| !option.is_empty())?;
        rest = rest.get(length..)?;
        Some(option)
    })
}

pub(in crate::field) fn option_types<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    options(header).filter_map(<[u8]>::first).for_each(|kind| take(Value::Unsigned((*kind).into())));
}

pub(in crate::field) fn option_lengths<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    options(header).filter_map(|option| option.get(1)).for_each(|length| take(Value::Unsigned((*length).into())));
}

fn addresses<'a>(header: &Header<'a>, kinds: &[u8], take: Take<'_, 'a>) {
    for option in options(header).filter(|option| option.first().is_some_and(|kind| kinds.contains(kind))) {
        // Link layers with other addresses than Ethernet's are not read.
        if let [_, 1, a, b, c, d, e, f] = *option {
            take(Value::Ethernet([a, b, c, d, e, f]));
        }
    }
}

pub(in crate::field) fn link_addresses<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    addresses(header, &[1, 2], take);
}

pub(in crate::field) fn source_link_address<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    addresses(header, &[1], take);
}

pub(in crate::field) fn target_link_address<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    addresses(header, &[2], take);
}

pub(in crate::field) fn option_mtu<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in options(header) {
        if let [5, 1, _, _, a, b, c, d] = *option {
            take(Value::Unsigned(u32::from_be_bytes([a, b, c, d]).into()));
        }
    }
}

fn prefixes<'a>(header: &Header<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    options(header).filter(|option| option.starts_with(&[3, 4]))
}

pub(in crate::field) fn prefix<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for raw in prefixes(header).filter_map(|option| option.last_chunk::<16>()) {
        take(Value::Ipv6((*raw).into()));
    }
}

pub(in crate::field) fn prefix_length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    prefixes(header).filter_map(|option| option.get(2)).for_each(|length| take(Value::Unsigned((*length).into())));
}

pub(in crate::field) fn records<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_of(header, &[143], 6, 2, take);
}

/// The address records of a listener report (RFC 3810, section 5.2).
fn groups_of<'a>(header: &Header<'a>) -> impl Iterator<Item = &'a [u8; 20]> + use<'a> {
    let count = of(header, &[143], 6, 2).map_or(0, |_| header.number(6, 2).unwrap_or(0));
    let mut rest = header.data.get(8..).unwrap_or_default();
    (0..count).map_while(move |_| {
        let record = rest.first_chunk::<20>()?;
        let [_, words, high, low, ..] = *record;
        let length = 20 + usize::from(u16::from_be_bytes([high, low])) * 16 + usize::from(words) * 4;
        rest = rest.get(length..).unwrap_or_default();
        Some(record)
    })
}

pub(in crate::field) fn record_types<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    groups_of(header).filter_map(|record| record.first()).for_each(|kind| take(Value::Unsigned((*kind).into())));
}

pub(in crate::field) fn groups<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for raw in groups_of(header).filter_map(|record| record.last_chunk::<16>()) {
        take(Value::Ipv6((*raw).into()));
    }
}
