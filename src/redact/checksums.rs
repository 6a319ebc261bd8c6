//! Checksums of a buffer whose bytes were changed: computed anew where all they cover is there, otherwise changed by
//! what changed (RFC 1624), so that a right one stays right.

use crate::wire::checksum::{field, fold, sum, wide_field};
use crate::wire::{Layer, Placed};

/// TCP's and UDP's protocol numbers, and that of ICMPv6.
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// The sums of both addresses of a pseudo-header, as they were and as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pseudo {
    pub(super) old: u64,
    pub(super) new: u64,
}

/// Sets all checksums of a buffer right. `layers` are those of this buffer; `innermost` is the pseudo-header of the
/// transport that was found last, as the IP header before it may not have the final destination; `outside` that of a
/// datagram in the buffer.
pub(super) fn set_right(
    old: &[u8],
    new: &mut [u8],
    layers: &[Placed],
    innermost: Option<Pseudo>,
    outside: Option<Pseudo>,
) {
    for (index, placed) in layers.iter().enumerate().rev() {
        let outer = layers.get(..index).unwrap_or_default();
        let is_last = layers.get(index + 1..).is_none_or(<[Placed]>::is_empty);
        let pseudo = innermost.filter(|_| is_last).or_else(|| pseudo_before(old, new, outer)).or(outside);
        let pseudo = pseudo.unwrap_or_default();
        match placed.layer {
            Layer::Ipv4 => {
                let length = usize::from(new.get(placed.start).copied().unwrap_or(0) & 15) * 4;
                let header = Placed { length, captured: placed.captured.min(length), ..*placed };
                set(old, new, header, 10, Pseudo::default(), 0);
            }
            Layer::Tcp => {
                set(old, new, *placed, 16, pseudo, field(u16::from(TCP)) + wide_field(placed.length as u32));
            }
            Layer::Udp => {
                let at = |offset: usize| new.get(placed.start + offset..).and_then(<[u8]>::first_chunk).copied();
                let (Some(length), Some(stored)) = (at(4), at(6)) else { continue };
                let length = match usize::from(u16::from_be_bytes(length)) {
                    0 => placed.length,
                    length => length.min(placed.length),
                };
                let is_v4 = outer.iter().rev().find_map(ip_version).is_none_or(|version| version == 4);
                // None was made. IPv6 allows that for tunnels alone (RFC 6935), whose inside is a layer of its own.
                if stored == [0, 0] && (is_v4 || !is_last) {
                    continue;
                }
                let covered = Placed { length, captured: placed.captured.min(length), ..*placed };
                set(old, new, covered, 6, pseudo, field(u16::from(UDP)) + wide_field(length as u32));
                // 0 would say that there is none (RFC 768).
                if let Some(stored) = new.get_mut(placed.start + 6..placed.start + 8)
                    && stored == [0, 0]
                {
                    stored.fill(0xff);
                }
            }
            Layer::Icmp => set(old, new, *placed, 2, Pseudo::default(), 0),
            Layer::Icmpv6 => {
                set(old, new, *placed, 2, pseudo, field(u16::from(ICMPV6)) + wide_field(placed.length as u32));
            }
            Layer::Gre => {
                let has_checksum = new.get(placed.start..placed.start + 2).is_some_and(|flags| {
                    // The bit, in version 0 (RFC 2784).
                    matches!(flags, [first, second] if first & 0x80 != 0 && second.trailing_zeros() >= 3)
                });
                if has_checksum {
                    set(old, new, *placed, 4, Pseudo::default(), 0);
                }
            }
            _ => {}
        }
    }
}

const fn ip_version(placed: &Placed) -> Option<u8> {
    match placed.layer {
        Layer::Ipv4 => Some(4),
        Layer::Ipv6 => Some(6),
        _ => None,
    }
}

/// The sums of the addresses of the last IP header among the layers.
pub(super) fn pseudo_before(old: &[u8], new: &[u8], layers: &[Placed]) -> Option<Pseudo> {
    let (placed, version) = layers.iter().rev().find_map(|placed| Some((placed, ip_version(placed)?)))?;
    let (from, to) = if version == 4 { (12, 20) } else { (8, 40) };
    let place = placed.start + from..placed.start + to;
    Some(Pseudo { old: sum(old.get(place.clone())?), new: sum(new.get(place)?) })
}

/// Sets the checksum at an offset in the stretch of a layer. `constant` is the sum of what does not change and is
/// not in the stretch.
fn set(old: &[u8], new: &mut [u8], placed: Placed, offset: usize, pseudo: Pseudo, constant: u64) {
    let stretch = placed.start..placed.start + placed.captured;
    let (Some(before), Some(after)) = (old.get(stretch.clone()), new.get_mut(stretch)) else { return };
    let Some(stored) = before.get(offset..offset + 2).and_then(<[u8]>::first_chunk) else { return };
    let stored = u16::from_be_bytes(*stored);
    let Some(place) = after.get_mut(offset..offset + 2) else { return };
    place.fill(0);
    let changed = sum(after) + pseudo.new;
    let checksum = if placed.captured == placed.length {
        !fold(changed + constant)
    } else {
        // The bytes that are there, without the field itself.
        let was = sum(before) + pseudo.old;
        // RFC 1624, equation 3; the field's own old value is in the old sum as well.
        let was = fold(field(fold(was)) + field(!stored));
        !fold(field(!stored) + field(!was) + field(fold(changed)))
    };
    if let Some(place) = after.get_mut(offset..offset + 2) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: Placed = Placed { layer: Layer::Ipv4, buffer: 0, start: 0, captured: 60, length: 60 };
    const SEGMENT: Placed = Placed { layer: Layer::Tcp, buffer: 0, start: 20, captured: 40, length: 40 };

    fn packet() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 60, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet.extend((0..40).map(|n: u8| n.wrapping_mul(7)));
        let unset = packet.clone();
        set_right(&unset, &mut packet, &[IP, SEGMENT], None, None);
        packet
    }

    #[test]
    fn a_whole_packet_gets_right_checksums() {
        let packet = packet();
        assert_eq!(fold(sum(&packet[..20])), 0xffff);
        let pseudo = sum(&packet[12..20]) + field(6) + wide_field(40);
        assert_eq!(fold(pseudo + sum(&packet[20..])), 0xffff);
    }

    #[test]
    fn a_cut_packet_keeps_a_right_checksum_right() {
        let old = packet();
        let mut whole = old.clone();
        whole[12] = 77;
        whole[41] = 3;
        whole[47] = 99;
        set_right(&old, &mut whole, &[IP, SEGMENT], None, None);
        let mut cut = old[..50].to_vec();
        (cut[12], cut[41], cut[47]) = (77, 3, 99);
        let (ip, segment) = (Placed { captured: 50, ..IP }, Placed { captured: 30, ..SEGMENT });
        set_right(&old[..50], &mut cut, &[ip, segment], None, None);
        assert_eq!(cut, whole[..50]);
    }
}
