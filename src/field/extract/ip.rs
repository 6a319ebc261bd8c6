//! Fields of IPv4.

use std::net::{IpAddr, Ipv4Addr};

use super::header::{Header, Take, checksum_number, take_text};
use crate::field::value::Value;
use crate::wire::{Layer, checksum};

pub(in crate::field) fn versions<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    match header.layer {
        Layer::Ipv4 => take(Value::Unsigned(4)),
        Layer::Ipv6 => take(Value::Unsigned(6)),
        _ => {}
    }
}

fn header_bytes(header: &Header<'_>) -> Option<usize> {
    header.data.first().map(|first| usize::from(first & 15) * 4)
}

pub(in crate::field) fn header_length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(length) = header_bytes(header) {
        take(Value::Unsigned(length as u64));
    }
}

pub(in crate::field) fn checksum_status<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let Some(bytes) = header_bytes(header).and_then(|length| header.bytes(0, length)) else { return };
    let status = u64::from(checksum::fold(checksum::sum(bytes)) == 0xffff);
    // A sender whose card fills it in leaves nothing there.
    let left_open = status == 0 && bytes.get(10..12) == Some(&[0, 0]);
    take(Value::Unsigned(if left_open { checksum_number(crate::wire::Checksum::Offloaded) } else { status }));
}

/// Of the outermost datagram that the frame completed, on the header whose fragments these were.
pub(in crate::field) fn reassembled_length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let Some(trace) = header.view().trace.filter(|trace| !trace.datagram.is_empty()) else { return };
    let carrier = trace
        .layers
        .iter()
        .rev()
        .find(|placed| placed.buffer == 0 && matches!(placed.layer, Layer::Ipv4 | Layer::Ipv6));
    let begins = carrier.and_then(|placed| header.view().frame.data.get(placed.start..));
    if !header.quoted && begins.is_some_and(|begins| std::ptr::eq(begins.as_ptr(), header.data.as_ptr())) {
        take(Value::Unsigned(trace.datagram.len() as u64));
    }
}

fn address(header: &Header<'_>, at: usize) -> Option<Ipv4Addr> {
    header.bytes(at, 4)?.first_chunk().map(|raw: &[u8; 4]| Ipv4Addr::from(*raw))
}

fn source_of(header: &Header<'_>) -> Option<Ipv4Addr> {
    address(header, 12)
}

/// The decoder has read the source route of the innermost header.
fn destination_of(header: &Header<'_>) -> Option<Ipv4Addr> {
    let own = address(header, 16)?;
    match header.view().packet.ip {
        Some(ip) if !header.quoted && ip.source == IpAddr::V4(source_of(header)?) => match ip.destination {
            IpAddr::V4(last) if header_bytes(header)? > 20 => Some(last),
            IpAddr::V4(_) | IpAddr::V6(_) => Some(own),
        },
        _ => Some(own),
    }
}

pub(in crate::field) fn destination<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(address) = destination_of(header) {
        take(Value::Ipv4(address));
    }
}

pub(in crate::field) fn addresses<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(source), Some(destination)) = (source_of(header), destination_of(header)) {
        take(Value::Ipv4(source));
        take(Value::Ipv4(destination));
    }
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
