//! The short way of the usual frame: a whole TCP segment in IPv4 in Ethernet, without tags, options of IP or fragments.
//! It says what the walk from layer to layer says of such a frame; of all others it says nothing.

use std::net::IpAddr;

use super::network::protocol;
use super::{
    Checksum, Ip, Layer, Layers, LinkAddresses, Packet, Payload, Segment, SeqNum, TcpFlags, TcpOptions, checksum,
};
use crate::capture::{Frame, LinkType};

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const TCP: usize = 20;

/// Reads the frame if it is a usual one.
#[inline]
pub(super) fn read<'a>(frame: &Frame<'a>, verify: bool) -> Option<Packet<'a>> {
    if frame.header.link != LinkType::ETHERNET || frame.header.fcs_length != 0 {
        return None;
    }
    let (ethernet, rest) = frame.data.split_first_chunk::<ETHERNET>()?;
    let (ip, rest) = rest.split_first_chunk::<IPV4>()?;
    let (tcp, _) = rest.split_first_chunk::<TCP>()?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, 0x08, 0x00] = *ethernet else { return None };
    let [0x45, class, l0, l1, id0, id1, f0, f1, ttl, protocol::TCP, _, _, a0, a1, a2, a3, b0, b1, b2, b3] = *ip else {
        return None;
    };
    let [sp0, sp1, dp0, dp1, q0, q1, q2, q3, k0, k1, k2, k3, o0, o1, w0, w1, c0, c1, u0, u1] = *tcp;
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    let header_length = usize::from(o0 >> 4) * 4;
    let on_wire = (frame.header.length as usize).max(frame.data.len());
    // No fragment; as long as it says, and no shorter than its headers.
    if f0 & 0x3f != 0 || f1 != 0 || header_length < TCP || total < IPV4 + header_length || ETHERNET + total > on_wire {
        return None;
    }
    let length = total - IPV4;
    let segment = rest.get(..length).unwrap_or(rest);
    let (header, payload) = segment.split_at_checked(header_length)?;
    let header_checksum = match verify {
        false => Checksum::Unknown,
        true if checksum::fold(checksum::sum_of_header(ip)) == 0xffff => Checksum::Good,
        true => return None,
    };
    let stored = u16::from_be_bytes([c0, c1]);
    let checksum = if verify && segment.len() == length {
        let addresses = checksum::sum_of_addresses([a0, a1, a2, a3], [b0, b1, b2, b3]);
        checksum::with_pseudo_header(addresses, protocol::TCP, segment, stored)
    } else {
        Checksum::Unknown
    };
    Some(Packet {
        layers: Layers::TCP_IPV4_ETHERNET,
        link: Some(LinkAddresses { source: [s0, s1, s2, s3, s4, s5], destination: Some([d0, d1, d2, d3, d4, d5]) }),
        vlan: None,
        ip: Some(Ip {
            source: IpAddr::from([a0, a1, a2, a3]),
            destination: IpAddr::from([b0, b1, b2, b3]),
            ttl,
            traffic_class: class,
            id: Some(u16::from_be_bytes([id0, id1])),
            dont_fragment: f0 & 0x40 != 0,
            header_checksum,
            protocol: protocol::TCP,
            payload_length: length as u32,
        }),
        payload: Payload::Tcp(Segment {
            source: u16::from_be_bytes([sp0, sp1]),
            destination: u16::from_be_bytes([dp0, dp1]),
            seq: SeqNum(u32::from_be_bytes([q0, q1, q2, q3])),
            ack: SeqNum(u32::from_be_bytes([k0, k1, k2, k3])),
            flags: TcpFlags(u16::from_be_bytes([o0, o1]) & 0x1ff),
            window: u16::from_be_bytes([w0, w1]),
            urgent: u16::from_be_bytes([u0, u1]),
            checksum_field: stored,
            checksum,
            header_length: header_length as u8,
            options: TcpOptions(header.get(TCP..).unwrap_or_default()),
            payload,
            payload_length: (length - header_length) as u32,
        }),
        reassembled: false,
        earlier_length: 0,
        fragment_note: None,
        stop: None,
    })
}

impl Layers {
    /// Those of the usual frame.
    const TCP_IPV4_ETHERNET: Self = Self::of([Layer::Ethernet, Layer::Ipv4, Layer::Tcp]);
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::*;
    use crate::capture::{FrameHeader, FrameNo};
    use crate::time::Timestamp;
    use proptest::prelude::*;

    /// A segment with right checksums, before something is done to it.
    fn usual(options: usize, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let length = (20 + 20 + options + payload.len()) as u16;
        bytes.extend([0x45, 0]);
        bytes.extend(length.to_be_bytes());
        bytes.extend([0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let sum = !checksum::fold(checksum::sum(&bytes[14..34]));
        bytes[24..26].copy_from_slice(&sum.to_be_bytes());
        bytes.extend([
            0x9c,
            0x40,
            0x07,
            0x5b,
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            2,
            ((20 + options) as u8) << 2,
            0x18,
            1,
            0,
            0,
            0,
            0,
            0,
        ]);
        bytes.resize(54 + options, 1);
        bytes.extend(payload);
        let addresses = checksum::sum(&bytes[26..34]);
        let covered = addresses + checksum::field(6) + checksum::wide_field((bytes.len() - 34) as u32);
        let sum = !checksum::fold(covered + checksum::sum(&bytes[34..]));
        bytes[50..52].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn frame(data: &[u8], length: usize) -> Frame<'_> {
        let header = FrameHeader {
            time: Timestamp::from_nanos(0),
            link: LinkType::ETHERNET,
            length: length as u32,
            interface: 0,
            fcs_length: 0,
        };
        Frame { number: FrameNo(1), header, data }
    }

    #[test]
    fn a_usual_frame_is_read_and_others_are_not() {
        let bytes = usual(12, b"hello");
        let packet = read(&frame(&bytes, bytes.len()), true).expect("it is usual");
        let Payload::Tcp(segment) = packet.payload else { panic!("it is TCP") };
        assert_eq!((segment.payload, segment.checksum, segment.options.0.len()), (&b"hello"[..], Checksum::Good, 12));
        for at in [12, 14, 20, 23] {
            let mut other = bytes.clone();
            other[at] ^= 0x24;
            assert!(read(&frame(&other, other.len()), true).is_none(), "byte {at}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_says_what_the_walk_says(
            options in 0usize..11,
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            padding in 0usize..8,
            cut in prop_oneof![3 => Just(0usize), 1 => 0usize..90],
            unseen in prop_oneof![3 => Just(0usize), 1 => 0usize..20],
            verify in any::<bool>(),
            changes in proptest::collection::vec((0usize..60, any::<u8>()), 0..3),
        ) {
            let mut bytes = usual(options * 4, &payload);
            for (at, byte) in changes {
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
            }
            bytes.resize(bytes.len() + padding, 0);
            let length = bytes.len() + unseen;
            bytes.truncate(bytes.len().saturating_sub(cut));
            let frame = frame(&bytes, length);
            let mut decoder = Decoder::default();
            decoder.verify_checksums(verify);
            if let Some(packet) = read(&frame, verify) {
                let walked = format!("{:?}", decoder.decode_traced(&frame, &mut super::super::Trace::default()));
                prop_assert_eq!(format!("{packet:?}"), walked);
            }
        }
    }
}
