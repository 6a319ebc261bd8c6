//! The Internet checksum (RFC 1071) and what it says of a captured packet.
//!
//! Sums are kept unfolded and in the machine's byte order, which RFC 1071, section 2 (B) allows.

use super::Checksum;

/// The sum of the bytes as 16-bit words, the last one padded with a zero byte.
#[inline]
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    // Words of eight bytes, each with its carry brought round (RFC 1071, section 2 (A)); two sums, so that one addition
    // need not wait for the other.
    let (pairs, rest) = bytes.as_chunks::<16>();
    let (mut even, mut odd) = (0, 0);
    for pair in pairs {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *pair;
        even = add(even, u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
        odd = add(odd, u64::from_ne_bytes([i, j, k, l, m, n, o, p]));
    }
    let mut total = halves(even) + halves(odd);
    let (words, rest) = rest.as_chunks::<4>();
    for word in words {
        total += u64::from(u32::from_ne_bytes(*word));
    }
    match *rest {
        [a] => total += u64::from(u32::from_ne_bytes([a, 0, 0, 0])),
        [a, b] => total += u64::from(u32::from_ne_bytes([a, b, 0, 0])),
        [a, b, c] => total += u64::from(u32::from_ne_bytes([a, b, c, 0])),
        _ => {}
    }
    total
}

/// Adds with the carry brought round.
#[inline]
const fn add(total: u64, word: u64) -> u64 {
    let (total, over) = total.overflowing_add(word);
    total + over as u64
}

/// Both halves of a sum of words of eight bytes.
#[inline]
const fn halves(total: u64) -> u64 {
    (total & 0xffff_ffff) + (total >> 32)
}

/// The sum of an IPv4 header without options.
#[inline]
pub(super) const fn sum_of_header(header: &[u8; 20]) -> u64 {
    let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3, e0, e1, e2, e3] = *header;
    u32::from_ne_bytes([a0, a1, a2, a3]) as u64
        + u32::from_ne_bytes([b0, b1, b2, b3]) as u64
        + u32::from_ne_bytes([c0, c1, c2, c3]) as u64
        + u32::from_ne_bytes([d0, d1, d2, d3]) as u64
        + u32::from_ne_bytes([e0, e1, e2, e3]) as u64
}

/// The sum of two IPv4 addresses.
#[inline]
pub(super) const fn sum_of_addresses(source: [u8; 4], destination: [u8; 4]) -> u64 {
    u32::from_ne_bytes(source) as u64 + u32::from_ne_bytes(destination) as u64
}

/// The sum of one 16-bit field that has this value on the wire.
#[inline]
pub(crate) const fn field(value: u16) -> u64 {
    value.to_be() as u64
}

/// The sum of a 32-bit field that has this value on the wire.
#[inline]
pub(crate) const fn wide_field(value: u32) -> u64 {
    value.to_be() as u64
}

/// Folds the carries back in (RFC 1071, section 1), in the order of the wire.
#[inline]
pub(crate) const fn fold(total: u64) -> u16 {
    let total = (total & 0xffff_ffff) + (total >> 32);
    let total = (total & 0xffff) + ((total >> 16) & 0xffff) + (total >> 32);
    let total = (total & 0xffff) + (total >> 16);
    let total = (total & 0xffff) + (total >> 16);
    u16::from_be(total as u16)
}

/// Judges a checksum without a pseudo-header (the IPv4 header, ICMP).
pub(super) fn plain(bytes: &[u8]) -> Checksum {
    if fold(sum(bytes)) == 0xffff { Checksum::Good } else { Checksum::Bad }
}

/// Judges a checksum over a pseudo-header and the whole of `bytes`, in which `stored` is the field.
///
/// `addresses` is the sum of both addresses.
#[inline]
pub(super) fn with_pseudo_header(addresses: u64, protocol: u8, bytes: &[u8], stored: u16) -> Checksum {
    let without_length = addresses + field(u16::from(protocol));
    let pseudo = without_length + wide_field(bytes.len() as u32);
    if fold(pseudo + sum(bytes)) == 0xffff {
        return Checksum::Good;
    }
    // What is left for the card to finish: the pseudo-header's sum, not complemented. For a segment that
    // the card is to cut up (large send offload), some systems leave the length out of it.
    if stored == fold(pseudo) || stored == fold(without_length) { Checksum::Offloaded } else { Checksum::Bad }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_up() {
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    }

    #[test]
    fn every_length_agrees_with_the_definition() {
        let bytes: Vec<u8> = (0u32..1600).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in (0..70).chain([1459, 1460, 1599, 1600]) {
            let bytes = &bytes[..length];
            let mut slow = 0u32;
            for pair in bytes.chunks(2) {
                slow += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
                slow = (slow & 0xffff) + (slow >> 16);
            }
            assert_eq!(u32::from(fold(sum(bytes))), slow, "{length} bytes");
        }
    }

    #[test]
    fn carries_are_folded_until_none_is_left() {
        assert_eq!(fold(u64::MAX), 0xffff);
        assert_eq!(fold(0), 0);
        assert_eq!(fold(0xffff_0001_ffff), 0x0001_u16.to_be());
    }

    #[test]
    fn the_sum_of_the_pseudo_header_alone_is_offload() {
        let addresses = sum(&[10, 0, 0, 1]) + sum(&[10, 0, 0, 2]);
        let mut segment = [0u8; 20];
        segment[3] = 7;
        let stored = fold(addresses + field(6) + wide_field(20));
        segment[16..18].copy_from_slice(&stored.to_be_bytes());
        assert_eq!(with_pseudo_header(addresses, 6, &segment, stored), Checksum::Offloaded);
        let finished = !fold(addresses + field(6) + wide_field(20) + field(7));
        segment[16..18].copy_from_slice(&finished.to_be_bytes());
        assert_eq!(with_pseudo_header(addresses, 6, &segment, finished), Checksum::Good);
        segment[19] = 1;
        assert_eq!(with_pseudo_header(addresses, 6, &segment, finished), Checksum::Bad);
    }
}
