//! The datagram that a frame holds, where it may be a message of MQTT-SN.

use std::net::IpAddr;

use super::cap::Cap;
use super::event::{Event, FlowRef, MessageLine, Notice, NoticeKind, Sink};
use super::options::EngineOptions;
use super::stats::EngineStats;
use crate::capture::{Origin, Place};
use crate::dissect::sn::{self, ClientPlace, HeldDatagram, Said, SnStep, SnTopics};
use crate::dissect::{Conversation, Protocol, SnMessage};
use crate::flow::{Datagrams, Direction, KnownBy, Role};
use crate::mqttsn;

/// Reads the datagrams of one conversation while a frame is at hand.
pub(super) struct SensorReader<'a, S> {
    pub(super) options: &'a EngineOptions,
    pub(super) stats: &'a mut EngineStats,
    pub(super) lines: &'a mut Vec<MessageLine>,
    pub(super) topics: &'a mut SnTopics,
    pub(super) origin: Origin,
    pub(super) sink: &'a mut S,
}

/// Whether a datagram is to be looked at: what no conversation was followed for and does not look like a message is not.
#[inline]
pub(super) fn is_wanted(
    datagrams: &Datagrams<Conversation>,
    bytes: &[u8],
    length: u32,
    options: &EngineOptions,
) -> bool {
    datagrams.app.is_some()
        || sn::looks_like(bytes, length)
        || (!options.dissect.decode_as.is_empty() && forced(datagrams, options) == Some(Protocol::MqttSn))
}

/// What the user said of the ports of a conversation.
pub(super) fn forced(datagrams: &Datagrams<Conversation>, options: &EngineOptions) -> Option<Protocol> {
    let ports = [datagrams.client.port(), datagrams.server.port()];
    let said = options.dissect.decode_as.iter().find(|(port, _)| ports.contains(port));
    said.map(|(_, protocol)| *protocol)
}

impl<S: Sink> SensorReader<'_, S> {
    /// Takes in a datagram; gives the direction that it has, which may be another one than it seemed.
    pub(super) fn datagram(
        &mut self,
        datagrams: &mut Datagrams<Conversation>,
        direction: Direction,
        (bytes, length): (&[u8], u32),
        place: Place,
    ) -> Direction {
        let forced = forced(datagrams, self.options);
        let said = Said {
            ports: [datagrams.client.port(), datagrams.server.port()],
            known_end: self.topics.knows(&datagrams.server) || self.topics.knows(&datagrams.client),
            to_many: [datagrams.client.ip(), datagrams.server.ip()].into_iter().any(is_many),
        };
        let app = datagrams.app.get_or_insert_default();
        match app.datagram((bytes, length), direction, place, said, forced) {
            SnStep::Nothing => direction,
            SnStep::Message => {
                datagrams.lasting = true;
                let held = HeldDatagram { bytes: bytes.into(), length, direction, place };
                let turned = self.settle(datagrams, std::slice::from_ref(&held));
                let direction = if turned { direction.reverse() } else { direction };
                self.message(datagrams, direction, (bytes, length), place);
                direction
            }
            SnStep::Begins(held) => {
                datagrams.lasting = true;
                let turned = self.settle(datagrams, &held);
                let turn = |direction: Direction| if turned { direction.reverse() } else { direction };
                for held in &held {
                    self.message(datagrams, turn(held.direction), (&held.bytes, held.length), held.place);
                }
                turn(direction)
            }
        }
    }

    /// Finds out who is the client; tells whether the ends were exchanged for it.
    fn settle(&mut self, datagrams: &mut Datagrams<Conversation>, held: &[HeldDatagram]) -> bool {
        if datagrams.known_by <= KnownBy::Connect {
            return false;
        }
        let client = held.iter().find_map(|held| match sn::role_of(&mqttsn::read(&held.bytes, held.length)?)? {
            Role::Client => Some(held.direction),
            Role::Server => Some(held.direction.reverse()),
        });
        let Some(client) = client else { return false };
        let turned = datagrams.settle(client, KnownBy::Connect);
        self.topics.note_end(datagrams.server);
        turned
    }

    /// Tells a message.
    fn message(
        &mut self,
        datagrams: &Datagrams<Conversation>,
        direction: Direction,
        (bytes, length): (&[u8], u32),
        Place { origin, offset }: Place,
    ) {
        let redacted = self.options.dissect.redactor.as_ref().map(|redactor| sn::redact(bytes, length, redactor));
        let bytes = redacted.as_deref().unwrap_or(bytes);
        let Some(datagram) = mqttsn::read(bytes, length) else { return };
        let node = datagram.encapsulation.map_or(&[][..], |encapsulation| encapsulation.node);
        let place = ClientPlace { flow: datagrams.id, gateway: datagrams.server, node: node.into() };
        let refused = self.topics.refused();
        self.topics.take(&place, direction, &datagram);
        let flow = FlowRef::of_datagrams(datagrams);
        if self.topics.refused() > refused {
            let count = self.stats.caps.add(Cap::TopicIds);
            if count.is_power_of_two() {
                let kind = NoticeKind::CapReached(Cap::TopicIds, count);
                self.sink.event(&Event::Notice(&Notice { kind, flow: Some(flow), origin }));
            }
        }
        let topic = self.topics.topic(&place, direction, &datagram, sn::short_name(&datagram, bytes));
        self.stats.sn_messages += 1;
        let message = SnMessage { datagram, bytes, length, direction, origin, offset, topic };
        self.sink.event(&Event::SnMessage(flow, &message));
        if self.options.packets && origin.frame == self.origin.frame {
            let packet = message.packet();
            let topic = message.topic.map(|topic| topic.name.to_vec());
            let packet_id = packet.message_id().filter(|id| *id != 0);
            self.lines.push(MessageLine { name: packet.header.kind.name(), topic, packet_id });
        }
    }
}

/// Whether an address is of many: a group, or everybody on a network as far as the address alone tells.
fn is_many(address: IpAddr) -> bool {
    match address {
        // Without the mask of the network, its last address only looks like it.
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast() || address.octets()[3] == 255,
        IpAddr::V6(address) => address.is_multicast(),
    }
}
