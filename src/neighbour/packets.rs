//! What a packet says that belongs to no flow: ARP, RARP, ICMP and ICMPv6.

use std::net::{IpAddr, SocketAddr};

use super::{Neighbour, Reading, Value, icmp, icmpv6};
use crate::wire::{self, Arp, Packet, Payload, Quoted};

/// The message in a packet of these, of which the wire's own line is the beginning.
///
/// ```
/// use mqttsniff::neighbour::{Neighbour, read_packet};
/// use mqttsniff::wire::{Arp, Packet, Payload};
///
/// let asks = Arp {
///     operation: 1,
///     sender_mac: [2, 0, 0, 0, 0, 1],
///     sender: [10, 0, 0, 2].into(),
///     target_mac: [0; 6],
///     target: [10, 0, 0, 1].into(),
/// };
/// let packet = Packet { payload: Payload::Arp(asks), ..Packet::default() };
/// let reading = read_packet(&packet).expect("a message");
/// assert_eq!((reading.protocol, reading.info.as_str()), (Neighbour::Arp, "Who has 10.0.0.1? Tell 10.0.0.2"));
/// ```
pub fn read_packet(packet: &Packet<'_>) -> Option<Reading> {
    match &packet.payload {
        Payload::Arp(message) => Some(arp(message, packet)),
        Payload::Icmp(message) if message.version == 4 => Some(icmp::read(message, packet)),
        Payload::Icmp(message) => Some(icmpv6::read(message, packet)),
        _ => None,
    }
}

fn arp(message: &Arp, packet: &Packet<'_>) -> Reading {
    // RFC 903: 3 asks for the address of some hardware, 4 answers; the format is that of ARP.
    let protocol = if matches!(message.operation, 3 | 4) { Neighbour::Rarp } else { Neighbour::Arp };
    let mut reading = Reading::new(protocol);
    reading.info = wire::info(packet);
    reading.number("arp.opcode", message.operation);
    reading.put("arp.src.hw_mac", Value::Ethernet(message.sender_mac));
    reading.put("arp.src.proto_ipv4", Value::Ipv4(message.sender));
    reading.put("arp.dst.hw_mac", Value::Ethernet(message.target_mac));
    reading.put("arp.dst.proto_ipv4", Value::Ipv4(message.target));
    let kinds = [
        ("arp.isgratuitous", message.is_gratuitous()),
        ("arp.isprobe", message.is_probe()),
        ("arp.isannouncement", message.is_announcement()),
    ];
    kinds.into_iter().filter(|(_, is_so)| *is_so).for_each(|(name, is_so)| reading.flag(name, is_so));
    reading
}

/// What an error quotes, in words.
pub(super) fn quotation(quoted: &Quoted) -> String {
    let protocol = match quoted.protocol {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        58 => "ICMPv6".to_owned(),
        other => format!("protocol {other}"),
    };
    let end = |address: IpAddr, port: Option<u16>| match port {
        Some(port) => SocketAddr::new(address, port).to_string(),
        None => address.to_string(),
    };
    let (source, destination) = quoted.ports.unzip();
    format!(" for {protocol} {} \u{2192} {}", end(quoted.source, source), end(quoted.destination, destination))
}

/// What the checksum of a message says: 0 bad, 1 good, 2 not verified.
pub(super) const fn checksum_status(checksum: wire::Checksum) -> u8 {
    match checksum {
        wire::Checksum::Bad => 0,
        wire::Checksum::Good => 1,
        wire::Checksum::Offloaded | wire::Checksum::Unknown => 2,
    }
}
