//! A look at the ends of a frame that is decoded soon: a hint, not a judgement.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::network::protocol;
use crate::capture::{Frame, LinkType};

const ETHERNET: usize = 14;
const IPV6: usize = 40;

/// Source and destination of a TCP segment in an Ethernet frame without tags; nothing of all others.
#[inline]
pub fn ends(frame: &Frame<'_>) -> Option<(SocketAddr, SocketAddr)> {
    if frame.header.link != LinkType::ETHERNET {
        return None;
    }
    let (ethernet, rest) = frame.data.split_first_chunk::<ETHERNET>()?;
    let ports = |bytes: &[u8]| {
        let [a, b, c, d, ..] = *bytes else { return None };
        Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    };
    match ethernet[12..] {
        [0x08, 0x00] => {
            let ip = rest.first_chunk::<20>()?;
            if ip[9] != protocol::TCP {
                return None;
            }
            let (source, destination) = ports(rest.get(usize::from(ip[0] & 0xf) * 4..)?)?;
            let [.., a0, a1, a2, a3, b0, b1, b2, b3] = *ip;
            let (from, to) = (Ipv4Addr::new(a0, a1, a2, a3), Ipv4Addr::new(b0, b1, b2, b3));
            Some((SocketAddr::from((from, source)), SocketAddr::from((to, destination))))
        }
        [0x86, 0xdd] => {
            let (ip, rest) = rest.split_first_chunk::<IPV6>()?;
            if ip[6] != protocol::TCP {
                return None;
            }
            let (source, destination) = ports(rest)?;
            let (from, to) = (ip[8..].first_chunk::<16>()?, ip[24..].first_chunk::<16>()?);
            let end = |address: &[u8; 16], port| SocketAddr::from((Ipv6Addr::from(*address), port));
            Some((end(from, source), end(to, destination)))
        }
        _ => None,
    }
}
