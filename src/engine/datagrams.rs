//! What a datagram of UDP holds: a message of MQTT-SN or of one of the protocols around MQTT, or bytes that nobody reads.

use std::net::SocketAddr;

use super::dns;
use super::event::{Event, FlowRef, Sink, StreamPart};
use super::neighbours::Sent;
use super::run::Pass;
use super::sensors::{self, SensorReader};
use crate::capture::Place;
use crate::dissect::Protocol;
use crate::flow::Found;
use crate::neighbour;
use crate::wire::Datagram;

impl<S: Sink> Pass<'_, S> {
    /// The payload of a datagram: MQTT-SN, or one of the protocols around MQTT.
    #[inline]
    pub(super) fn datagram(
        &mut self,
        found: Found,
        datagram: &Datagram<'_>,
        ends: (SocketAddr, SocketAddr),
        place: Place,
    ) -> Found {
        let found = self.said(found, datagram, ends, place);
        if self.options.streams {
            self.tell_bytes(found, datagram);
        }
        found
    }

    #[inline]
    fn said(&mut self, found: Found, datagram: &Datagram<'_>, ends: (SocketAddr, SocketAddr), place: Place) -> Found {
        let Some(datagrams) = self.followed.flows.datagrams_mut(found) else { return found };
        let (payload, length) = (datagram.payload, datagram.payload_length);
        let ports = (datagram.source, datagram.destination);
        let whole = neighbour::Datagram { ports, bytes: payload, length };
        let sent = Sent { datagram: whole, ends, origin: self.origin };
        dns::names(datagram.source, payload, length as usize, self.options, self.origin, self.sink);
        let neighbours = &mut self.followed.neighbours;
        if let Some((protocol, direction)) = neighbours.protocol(datagrams, &sent, found.direction, self.options) {
            let flow = (protocol, FlowRef::of_datagrams(datagrams), direction);
            neighbours.on_datagram(&sent, flow, self.options, self.sink);
            return Found { direction, ..found };
        }
        if !sensors::is_wanted(datagrams, payload, length, self.options) {
            return found;
        }
        let mut reader = SensorReader {
            options: self.options,
            stats: &mut self.followed.stats,
            lines: &mut self.followed.lines,
            topics: &mut self.followed.topics,
            origin: self.origin,
            sink: self.sink,
        };
        Found { direction: reader.datagram(datagrams, found.direction, (payload, length), place), ..found }
    }

    /// Tells the bytes of a datagram, with what must not be shown written over. What streams of QUIC carry is told by themselves.
    fn tell_bytes(&mut self, found: Found, datagram: &Datagram<'_>) {
        let Some(datagrams) = self.followed.flows.datagrams(found) else { return };
        let app = datagrams.app.as_ref();
        let protocol = app.and_then(|app| app.protocol());
        if app.is_some_and(|app| app.quic().is_some()) && protocol.is_some() {
            return;
        }
        let (flow, direction, bytes) = (FlowRef::of_datagrams(datagrams), found.direction, datagram.payload);
        let secrets = match protocol {
            Some(Protocol::Neighbour(neighbour)) => neighbour::hidden(neighbour, bytes),
            _ => Vec::new(),
        };
        let mut masked = Vec::new();
        if !secrets.is_empty() {
            masked.extend_from_slice(bytes);
            for secret in secrets {
                masked.get_mut(secret).into_iter().flatten().for_each(|byte| *byte = b'*');
            }
        }
        let bytes = if masked.is_empty() { bytes } else { &masked };
        if !bytes.is_empty() {
            self.sink.event(&Event::Stream(flow, direction, StreamPart::Bytes(bytes), self.origin));
        }
        let missing = u64::from(datagram.payload_length).saturating_sub(bytes.len() as u64);
        if missing > 0 {
            self.sink.event(&Event::Stream(flow, direction, StreamPart::Gap(missing), self.origin));
        }
    }
}
