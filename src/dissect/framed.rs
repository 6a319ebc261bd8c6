//! Protocols around MQTT whose messages come in streams: their readers, between the flow and whoever wants readings.

use std::net::IpAddr;

use super::tls::Tls;
use super::{DissectOptions, Dissector as _, FlowFacts, MessageSink, Opening};
use crate::capture::{Origin, Place};
use crate::flow::{Direction, PerDirection, Role};
use crate::mqtt::Certainty;
use crate::neighbour::stream::{self, Beginning, ReadingSink, StreamReader, Streams};
use crate::neighbour::{Neighbour, Reading};

/// A flow that carries such a protocol.
#[derive(Debug)]
pub(super) struct Framed {
    protocol: Neighbour,
    streams: Streams<Box<dyn StreamReader>>,
    facts: FlowFacts,
    options: DissectOptions,
    /// Bytes of each direction so far, what is missing among them.
    passed: PerDirection<u64>,
}

/// What the first bytes of a flow are, of these protocols.
pub(super) fn recognise(opening: &Opening<'_>) -> (Certainty, Option<Neighbour>) {
    stream::recognise(&Beginning {
        bytes: opening.bytes,
        from_start: PerDirection {
            to_server: opening.facts.client_from_start,
            to_client: opening.facts.server_from_start,
        },
        port: opening.facts.server_port,
        is_all: opening.is_full || (opening.is_cut.to_server && opening.is_cut.to_client),
    })
}

impl Framed {
    /// For a protocol that is read; `None` for one of which nobody wants to hear, unless flows tell something of it.
    pub(super) fn new(protocol: Neighbour, facts: FlowFacts, options: &DissectOptions, wanted: bool) -> Option<Self> {
        // FTP names other flows, and both may go on with TLS, which a flow must tell in whatever view.
        if !wanted && !matches!(protocol, Neighbour::Ftp | Neighbour::Smtp) {
            return None;
        }
        let reader = stream::reader(protocol)?;
        let whole = PerDirection { to_server: facts.client_from_start, to_client: facts.server_from_start };
        let streams = Streams::new(reader, whole).with_limit(options.framer.held_bytes);
        Some(Self { protocol, streams, facts, options: options.clone(), passed: PerDirection::default() })
    }

    pub(super) const fn protocol(&self) -> Neighbour {
        self.protocol
    }

    pub(super) fn message_bytes(&self, direction: Direction) -> usize {
        self.streams.message_bytes(direction)
    }

    pub(super) fn shared_bytes(&self) -> usize {
        self.streams.shared_bytes()
    }

    pub(super) fn is_over(&self) -> bool {
        self.streams.is_over()
    }

    /// The next bytes. Gives what goes on where both ends have agreed on TLS.
    pub(super) fn data(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        place: Place,
        sink: &mut dyn MessageSink,
    ) -> Option<Box<Tls>> {
        let left = self.streams.data(direction, bytes, place.origin, &mut Readings(sink));
        self.passed[direction] += bytes.len() as u64;
        if !self.streams.is_secured() {
            return None;
        }
        self.passed[direction] -= left as u64;
        let facts = FlowFacts { client_from_start: true, server_from_start: true, ..self.facts };
        let mut tls = Box::new(Tls::behind(self.protocol, facts, &self.options, self.passed));
        let done = bytes.len() - left;
        if left > 0 {
            tls.data(direction, bytes.get(done..).unwrap_or_default(), place.plus(done), sink);
        }
        Some(tls)
    }

    pub(super) fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        self.passed[direction] = self.passed[direction].saturating_add(length);
        self.streams.gap(direction, length, origin, &mut Readings(sink));
    }

    pub(super) fn ended(&mut self, direction: Direction, origin: Origin, sink: &mut dyn MessageSink) {
        self.streams.end(direction, origin, &mut Readings(sink));
    }

    pub(super) fn finish(&mut self, sink: &mut dyn MessageSink) {
        self.streams.finish(&mut Readings(sink));
    }

    pub(super) fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        self.streams.shed(&mut Readings(sink))
    }
}

/// A sink of messages that takes readings.
pub(super) struct Readings<'a>(pub(super) &'a mut dyn MessageSink);

impl ReadingSink for Readings<'_> {
    fn wants(&self) -> bool {
        self.0.wants_readings()
    }

    fn reading(&mut self, direction: Direction, reading: Reading, origin: Origin) {
        self.0.reading(direction, reading, origin);
    }

    fn expects_data(&mut self, listener: Role, address: Option<IpAddr>, port: u16) {
        self.0.expects_data(listener, address, port);
    }
}
