//! What holds for all neighbours, whatever the bytes.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::wire::{Checksum, Icmp, Packet, Payload, Quoted};

/// A line is for people: it has an end.
const LONGEST_LINE: usize = 4096;

/// Sees that a reading keeps to its bounds.
fn is_bounded(reading: &Reading, length: usize) {
    assert!(reading.info.len() <= LONGEST_LINE, "{} bytes of line", reading.info.len());
    // What was begun when there was room is finished.
    assert!(reading.values.len() <= Reading::MOST_VALUES + 300, "{} values", reading.values.len());
    let bytes = |value: &Value| match value {
        Value::Text(bytes) | Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    let most = reading.values.iter().map(|(_, value)| bytes(value)).max().unwrap_or(0);
    assert!(most <= length.max(LONGEST_LINE), "{most} bytes in a value of {length}");
}

fn ports() -> impl Strategy<Value = (u16, u16)> {
    let known = prop::sample::select(vec![67, 68, 69, 123, 4011, 5683, 40_000]);
    (known, any::<u16>())
}

proptest! {
    #[test]
    fn any_datagram_is_read_within_bounds_or_not_at_all(
        bytes in prop::collection::vec(any::<u8>(), 0..1500), more in 0_u32..3000, ports in ports(),
    ) {
        let datagram = Datagram { ports, bytes: &bytes, length: bytes.len() as u32 + more };
        for protocol in Neighbour::ALL {
            if let Some(reading) = read_datagram_of(protocol, &datagram) {
                is_bounded(&reading, bytes.len());
            }
        }
    }

    /// Options one behind the other: what a message of 64 kB can have most of.
    #[test]
    fn many_small_parts_do_not_make_a_large_reading(part in prop::collection::vec(any::<u8>(), 1..6), count in 1_usize..12_000) {
        let part = part.repeat(count);
        let mut dhcp = vec![1, 1, 6, 0];
        dhcp.resize(236, 0);
        dhcp.extend([99, 130, 83, 99]);
        let heads = [(67, dhcp), (69, b"\0\x01f\0octet\0".to_vec()), (5683, b"\x40\x01\0\x01".to_vec()), (123, vec![0x23; 48])];
        for (port, head) in heads {
            let bytes = [head, part.clone()].concat();
            let datagram = Datagram { ports: (40_000, port), bytes: &bytes, length: bytes.len() as u32 };
            let reading = read_datagram(&datagram).expect("its head is one");
            is_bounded(&reading, bytes.len());
        }
    }

    #[test]
    fn a_transfer_reads_whatever_comes(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
        let request = Datagram { ports: (1, 69), bytes: b"\0\x01f\0octet\0", length: 10 };
        let mut transfer = Transfer::asked(&request, 1).expect("it asks");
        for bytes in datagrams {
            let mut bytes = [vec![0, 3], bytes].concat();
            bytes[1] = bytes.get(2).map_or(3, |byte| byte % 8);
            if let Some(reading) = transfer.read(&Datagram { ports: (1, 2), bytes: &bytes, length: bytes.len() as u32 }) {
                is_bounded(&reading, bytes.len());
            }
        }
    }

    #[test]
    fn any_icmp_message_is_read_within_bounds(
        kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 4..1500), version in prop::sample::select(vec![4, 6]),
        protocol in prop::sample::select(vec![1, 58, 17]),
    ) {
        let mut bytes = bytes;
        bytes[0] = kind;
        let mut rest = [0; 4];
        rest.iter_mut().zip(bytes.iter().skip(4)).for_each(|(to, from)| *to = *from);
        let address = Ipv4Addr::LOCALHOST.into();
        let quoted = Some(Quoted { source: address, destination: address, protocol, ports: None, seq: None });
        let payload = bytes.get(8..).unwrap_or_default();
        let message =
            Icmp { version, kind, code: bytes[1], rest, checksum: Checksum::Good, quoted, payload, bytes: &bytes };
        let packet = Packet { payload: Payload::Icmp(message), ..Packet::default() };
        is_bounded(&read_packet(&packet).expect("a message"), bytes.len());
    }
}

#[test]
fn names_are_those_of_the_protocols() {
    for protocol in Neighbour::ALL {
        assert_eq!(Reading::new(protocol).values, [(protocol.name(), Value::Present)]);
    }
    assert_eq!(
        Neighbour::ALL.map(|protocol| protocol as usize).to_vec(),
        (0..Neighbour::ALL.len()).collect::<Vec<_>>()
    );
}
