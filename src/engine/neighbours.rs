//! The protocols around MQTT: which conversation of datagrams is whose, what one says, and which connections are expected.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::dns::Questions;
use super::event::{Event, FlowRef, NeighbourMessage, Sink};
use super::exchanges::Exchanges;
use super::options::EngineOptions;
use super::sensors;
use crate::capture::Origin;
use crate::dissect::{Conversation, Protocol};
use crate::flow::{Datagrams, Direction, Flow, KnownBy, Role};
use crate::neighbour::{self, Datagram, Neighbour, Reading};
use crate::wire::{Packet, Payload};

/// A conversation whose first datagrams tell nothing is of no protocol that is known by one of them.
const FIRST: u64 = 4;

/// A datagram, its ends, and the frame that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) datagram: Datagram<'a>,
    pub(super) ends: (SocketAddr, SocketAddr),
    pub(super) origin: Origin,
}

/// A message as far as it may be shown.
pub(super) fn shown(reading: Reading, options: &EngineOptions) -> Reading {
    if options.dissect.redactor.is_some() { reading.redacted() } else { reading }
}

/// What is known of these protocols.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// What the frame at hand completed.
    pub(super) readings: Vec<Reading>,
    exchanges: Exchanges,
    /// Questions of DNS that were not answered yet.
    pub(super) questions: Questions,
}

impl Neighbours {
    /// The protocol of a conversation, which may be named by this datagram, one of its first; and the direction of the
    /// datagram, which may be another than it seemed once it is known who is the client.
    #[inline]
    pub(super) fn protocol(
        &mut self,
        datagrams: &mut Datagrams<Conversation>,
        sent: &Sent<'_>,
        direction: Direction,
        options: &EngineOptions,
    ) -> Option<(Neighbour, Direction)> {
        let count = || Direction::BOTH.iter().map(|direction| datagrams.sent(*direction).0).sum::<u64>();
        let mut turned = false;
        // What the user says of a port counts, not how its datagrams look.
        if datagrams.app.is_none() && count() <= FIRST && sensors::forced(datagrams, options).is_none() {
            let (protocol, sender) = match self.exchanges.sender(sent.ends) {
                Some(sender) => (Neighbour::Tftp, Some(sender)),
                None => neighbour::read_datagram(&sent.datagram).map(|reading| (reading.protocol, reading.sender))?,
            };
            datagrams.app = Some(Box::new(Conversation::named(Protocol::Neighbour(protocol))));
            turned = match sender {
                Some(Role::Client) => datagrams.settle(direction, KnownBy::Connect),
                Some(Role::Server) => datagrams.settle(direction.reverse(), KnownBy::Connect),
                None => false,
            };
        }
        match datagrams.app.as_ref()?.protocol()? {
            Protocol::Neighbour(protocol) => Some((protocol, if turned { direction.reverse() } else { direction })),
            _ => None,
        }
    }

    /// Tells what a datagram of a conversation says.
    pub(super) fn on_datagram(
        &mut self,
        sent: &Sent<'_>,
        (protocol, flow, direction): (Neighbour, FlowRef, Direction),
        options: &EngineOptions,
        sink: &mut impl Sink,
    ) {
        let Sent { datagram, ends, origin } = sent;
        self.exchanges.on_request(datagram, *ends, *origin);
        if !options.packets && !options.neighbours {
            return;
        }
        let transfer = if protocol == Neighbour::Tftp { self.exchanges.transfer(*ends) } else { None };
        // What asks for a transfer is not part of it.
        let reading = match transfer.filter(|transfer| transfer.request != origin.frame.0) {
            Some(transfer) => transfer.read(datagram),
            None => neighbour::read_datagram_of(protocol, datagram),
        };
        let Some(mut reading) = reading else { return };
        self.exchanges.on_message(&mut reading, *ends, *origin);
        self.questions.pair(flow.id, datagram.bytes, *origin, &mut reading);
        let reading = shown(reading, options);
        if options.neighbours {
            sink.event(&Event::Neighbour(&NeighbourMessage::in_flow(flow, direction, *origin, &reading)));
        }
        self.readings.extend(options.packets.then_some(reading));
    }

    /// Tells what a packet says that belongs to no flow: ARP and ICMP. There is no text of people in it.
    pub(super) fn on_packet(
        &mut self,
        packet: &Packet<'_>,
        origin: Origin,
        options: &EngineOptions,
        sink: &mut impl Sink,
    ) {
        if !options.packets && !options.neighbours {
            return;
        }
        let Some(mut reading) = neighbour::read_packet(packet) else { return };
        if let Payload::Arp(message) = &packet.payload {
            self.exchanges.on_arp(message, &mut reading, origin);
        }
        if let Some(ip) = packet.ip {
            let end = |address| SocketAddr::new(address, 0);
            self.exchanges.on_message(&mut reading, (end(ip.source), end(ip.destination)), origin);
        }
        if options.neighbours {
            sink.event(&Event::Neighbour(&NeighbourMessage::of_packet(packet, origin, &reading)));
        }
        self.readings.extend(options.packets.then_some(reading));
    }
}

/// Ends at which connections are expected that others have agreed on.
#[derive(Debug, Default)]
pub(super) struct Expected(VecDeque<SocketAddr>);

impl Expected {
    /// The most that are remembered; each is used soon, or never.
    const LIMIT: usize = 64;

    #[inline]
    pub(super) fn has_any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn add(&mut self, end: SocketAddr) {
        if !self.0.contains(&end) {
            if self.0.len() == Self::LIMIT {
                self.0.pop_front();
            }
            self.0.push_back(end);
        }
    }

    /// Whether this is such a connection; if so, it is not expected any more.
    pub(super) fn takes<A>(&mut self, flow: &Flow<A>) -> bool {
        let Some(at) = self.0.iter().position(|end| *end == flow.server || *end == flow.client) else { return false };
        self.0.remove(at);
        true
    }
}
