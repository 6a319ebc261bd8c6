//! Headers as they should be.

use std::net::IpAddr;

/// The sum of RFC 1071 over `bytes`, begun with `sum`.
pub(super) fn checksum(sum: u32, bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum = words.fold(sum, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// TCP's sum, with its pseudo header (RFC 9293, section 3.1).
pub(super) fn tcp_checksum(source: IpAddr, destination: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let addresses = [octets(source), octets(destination)].concat();
    let sum = u32::from(!checksum(0, &addresses));
    checksum(sum + u32::from(protocol) + segment.len() as u32, segment)
}

/// A packet.
pub(super) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet;
    if source.is_ipv6() {
        packet = vec![0x60, 0, 0, 0];
        packet.extend((payload.len() as u16).to_be_bytes());
        packet.extend([protocol, 64]);
    } else {
        packet = vec![0x45, 0];
        packet.extend((20 + payload.len() as u16).to_be_bytes());
        packet.extend(id.to_be_bytes());
        packet.extend([0, 0, 64, protocol, 0, 0]);
    }
    packet.extend(octets(source));
    packet.extend(octets(destination));
    if source.is_ipv4() {
        let sum = checksum(0, &packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// The front of a frame.
pub(super) fn ethernet(ether_type: u16, vlan: bool) -> Vec<u8> {
    let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if vlan {
        data.extend([0x81, 0, 0, 7]);
    }
    data.extend(ether_type.to_be_bytes());
    data
}
