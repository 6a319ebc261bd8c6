//! The datagrams of protocols around MQTT: which conversation is whose, and what one of them says.

use std::net::SocketAddr;

use super::exchanges::Exchanges;
use super::options::EngineOptions;
use crate::capture::Origin;
use crate::dissect::{Conversation, Protocol};
use crate::flow::{Datagrams, Direction};
use crate::neighbour::{self, Datagram, Neighbour, Reading};
use crate::wire::{Packet, Payload};

/// A conversation whose first datagrams tell nothing is of no protocol that is known by one of them.
const FIRST: u64 = 4;

/// Names a conversation by one of its first datagrams.
#[inline]
pub(super) fn name(
    datagrams: &mut Datagrams<Conversation>,
    datagram: &Datagram<'_>,
    ends: (SocketAddr, SocketAddr),
    exchanges: &mut Exchanges,
) {
    let count = || Direction::BOTH.iter().map(|direction| datagrams.sent(*direction).0).sum::<u64>();
    if datagrams.app.is_some() || count() > FIRST {
        return;
    }
    let protocol = match exchanges.transfer(ends) {
        Some(_) => Some(Neighbour::Tftp),
        None => neighbour::read_datagram(datagram).map(|reading| reading.protocol),
    };
    if let Some(protocol) = protocol {
        datagrams.app = Some(Box::new(Conversation::named(Protocol::Neighbour(protocol))));
    }
}

/// What a datagram of a conversation of this protocol says, as far as it may be shown.
pub(super) fn read(
    protocol: Neighbour,
    datagram: &Datagram<'_>,
    (ends, at): ((SocketAddr, SocketAddr), Origin),
    exchanges: &mut Exchanges,
    options: &EngineOptions,
) -> Option<Reading> {
    let transfer = if protocol == Neighbour::Tftp { exchanges.transfer(ends) } else { None };
    // What asks for a transfer is not part of it.
    let mut reading = match transfer.filter(|transfer| transfer.request != at.frame.0) {
        Some(transfer) => transfer.read(datagram)?,
        None => neighbour::read_datagram_of(protocol, datagram)?,
    };
    exchanges.on_message(&mut reading, ends, at);
    Some(if options.dissect.redactor.is_some() { reading.redacted() } else { reading })
}

/// What a packet says that belongs to no flow: ARP and ICMP. There is no text of people in it.
pub(super) fn read_packet(packet: &Packet<'_>, at: Origin, exchanges: &mut Exchanges) -> Option<Reading> {
    let mut reading = neighbour::read_packet(packet)?;
    if let Payload::Arp(message) = &packet.payload {
        exchanges.on_arp(message, &mut reading, at);
    }
    if let Some(ip) = packet.ip {
        let end = |address| SocketAddr::new(address, 0);
        exchanges.on_message(&mut reading, (end(ip.source), end(ip.destination)), at);
    }
    Some(reading)
}
