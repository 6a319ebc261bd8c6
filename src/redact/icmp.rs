//! ICMP and ICMPv6: the addresses in their messages, and the packets that errors quote. Of everything else in a
//! message only the first eight bytes stay.

use super::layers::{Copy, ipv4, tcp_options};
use crate::wire::Placed;
use crate::wire::checksum::{field, fold, sum, wide_field};

const TCP: u8 = 6;
const UDP: u8 = 17;

pub(super) fn v4(copy: &mut Copy<'_>, placed: &Placed) {
    let start = placed.start;
    match copy.byte(start) {
        // Redirect names a router.
        5 => {
            copy.v4(start + 4);
            quoted(copy, start + 8);
        }
        3 | 4 | 11 | 12 => quoted(copy, start + 8),
        _ => {}
    }
}

pub(super) fn v6(copy: &mut Copy<'_>, placed: &Placed) {
    let (start, end) = (placed.start, placed.start + placed.captured);
    let inside = |at: usize, length: usize| at + length <= end;
    match copy.byte(start) {
        0..128 => quoted(copy, start + 8),
        // Multicast listener discovery (RFC 2710, RFC 3810).
        130..=132 if inside(start + 8, 16) => copy.v6(start + 8),
        143 => {
            let mut at = start + 8;
            while inside(at, 20) {
                copy.keep(at, 4);
                copy.v6(at + 4);
                let sources = usize::from(copy.be16(at + 2));
                let auxiliary = usize::from(copy.byte(at + 1)) * 4;
                for source in (0..sources).map(|index| at + 20 + index * 16).take_while(|at| inside(*at, 16)) {
                    copy.v6(source);
                }
                at += 20 + sources * 16 + auxiliary;
            }
        }
        // Neighbour discovery (RFC 4861, section 4).
        133 => options(copy, start + 8, end),
        134 => {
            copy.keep(start + 8, 8);
            options(copy, start + 16, end);
        }
        135 | 136 if inside(start + 8, 16) => {
            copy.v6(start + 8);
            options(copy, start + 24, end);
        }
        137 if inside(start + 8, 32) => {
            copy.v6(start + 8);
            copy.v6(start + 24);
            options(copy, start + 40, end);
        }
        _ => {}
    }
}

/// Options of neighbour discovery (RFC 4861, section 4.6).
fn options(copy: &mut Copy<'_>, start: usize, end: usize) {
    let mut at = start;
    while at + 8 <= end {
        let size = usize::from(copy.byte(at + 1)) * 8;
        if size == 0 || at + size > end {
            return;
        }
        copy.keep(at, 2);
        match (copy.byte(at), size) {
            (1 | 2, 8) => copy.mac(at + 2),
            (3, 32) => {
                copy.keep(at, 16);
                copy.v6(at + 16);
            }
            (5, 8) => copy.keep(at, 8),
            _ => {}
        }
        at += size;
    }
}

/// The beginning of a packet that an error quotes: its IP header and that of its transport. The checksum of that one
/// tells of the payload; it is of the copy, or 0 where the packet is not quoted to its end.
fn quoted(copy: &mut Copy<'_>, start: usize) {
    let (protocol, transport, length, addresses) = match copy.byte(start) >> 4 {
        4 => {
            let length = usize::from(copy.byte(start) & 15) * 4;
            if length < 20 || start + length > copy.old.len() {
                return;
            }
            copy.keep(start, length);
            ipv4(copy, start, length);
            header_checksum(copy, start, length);
            let is_first = copy.be16(start + 6).trailing_zeros() >= 13;
            let total = usize::from(copy.be16(start + 2));
            let protocol = if is_first { copy.byte(start + 9) } else { 0 };
            (protocol, start + length, total.saturating_sub(length), start + 12..start + 20)
        }
        6 if start + 40 <= copy.old.len() => {
            copy.keep(start, 8);
            copy.v6(start + 8);
            copy.v6(start + 24);
            (copy.byte(start + 6), start + 40, usize::from(copy.be16(start + 4)), start + 8..start + 40)
        }
        _ => return,
    };
    let checksum_at = match protocol {
        TCP => {
            let header = usize::from(copy.byte(transport + 12) >> 4) * 4;
            copy.keep(transport, header);
            tcp_options(copy, transport + 20, transport + header);
            16
        }
        UDP => {
            copy.keep(transport, 8);
            6
        }
        _ => return,
    };
    copy.clear(transport + checksum_at, 2);
    let addresses = copy.new.get(addresses).map_or(0, sum);
    let Some(whole) = copy.new.get_mut(transport..transport + length) else { return };
    let checksum = !fold(addresses + field(u16::from(protocol)) + wide_field(length as u32) + sum(whole));
    if let Some(place) = whole.get_mut(checksum_at..checksum_at + 2) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The quoted header's checksum is of its old addresses.
fn header_checksum(copy: &mut Copy<'_>, start: usize, length: usize) {
    let Some(header) = copy.new.get_mut(start..start + length) else { return };
    let Some(place) = header.get_mut(10..12) else { return };
    place.fill(0);
    let right = !fold(sum(header));
    if let Some(place) = header.get_mut(10..12) {
        place.copy_from_slice(&right.to_be_bytes());
    }
}
