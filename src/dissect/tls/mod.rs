//! TLS: what both ends say in the clear, and with keys the stream that records carry (RFC 5246, RFC 8446).
//!
//! It stands between the streams of a flow and a [`Conversation`] of its own, which reads what was decrypted as if it came
//! from the network as it is. Decrypted bytes have no places: they belong to the frame that completed their record.

pub(in crate::dissect) mod bytes;
pub(in crate::dissect) mod certificate;
pub(in crate::dissect) mod cipher;
mod cleared;
mod connection;
pub(in crate::dissect) mod facts;
pub(in crate::dissect) mod fingerprint;
mod guard;
mod held;
pub(in crate::dissect) mod hello;
pub(in crate::dissect) mod keylog;
pub(in crate::dissect) mod keys;
mod record;
pub(in crate::dissect) mod suite;

pub use certificate::Certificate;
pub use connection::Hello;
pub use facts::{Alert, Pings, TlsFacts, TlsFault, TlsSide, Unread, alert_name};
pub use hello::{ClientHello, ServerHello};
pub use keylog::{KeyLog, KeyLogCounts, Keys};
pub use suite::{suite_name, version_name};

use super::websocket::UNKNOWN_GAP;
use super::{CarrierPart, Conversation, DissectOptions, FlowFacts, MessageSink, Opening, Protocol};
use crate::capture::{Origin, Place};
use crate::flow::{Conversing as _, Direction, PerDirection};
use crate::mqtt::Certainty;
use crate::neighbour::Neighbour;
use cleared::Cleared;
use connection::{Carried, Connection};
use held::Item;
use record::{Header, Out, RecordReader, content, is_header};

/// Whether either direction begins with a TLS record.
pub(super) fn recognise(opening: &Opening<'_>) -> Certainty {
    let verdicts = Direction::BOTH.map(|direction| record(opening.bytes[direction], opening.from_start(direction)));
    if verdicts.contains(&Certainty::Yes) {
        Certainty::Yes
    } else if verdicts.contains(&Certainty::NeedMore) {
        Certainty::NeedMore
    } else {
        Certainty::No
    }
}

fn record(bytes: &[u8], from_start: bool) -> Certainty {
    match *bytes {
        [] => Certainty::No,
        // A stream begins with a handshake record; one that was joined may stand at any record.
        [kind, ..] if from_start && !matches!(kind, content::ALERT | content::HANDSHAKE) => Certainty::No,
        _ if !is_header(bytes) => Certainty::No,
        [_, _, _, _, _, ..] => Certainty::Yes,
        _ => Certainty::NeedMore,
    }
}

/// Whether the opening shows that the roles of the ends are to be exchanged: the client says hello first.
pub(super) fn roles_are_wrong(opening: &Opening<'_>) -> bool {
    let says = |direction, hello| matches!(opening.bytes[direction], [content::HANDSHAKE, 3, _, _, _, kind, ..] if *kind == hello);
    (says(Direction::ToClient, 1) && !says(Direction::ToServer, 1)) || says(Direction::ToServer, 2)
}

/// A flow that carries TLS.
#[derive(Debug)]
pub struct Tls {
    readers: PerDirection<RecordReader>,
    connection: Box<Connection>,
    carried: Stream,
    /// What may come behind it without TLS.
    cleared: Option<Box<Cleared>>,
    /// Whether the frame at hand completed records, and records with application data that was read.
    touched: (bool, bool),
    last: Option<Origin>,
}

/// The stream within.
#[derive(Debug)]
struct Stream {
    inner: Conversation,
    /// Its bytes so far.
    passed: PerDirection<u64>,
    flow: FlowFacts,
    options: DissectOptions,
    /// Whether application data was read in the frame at hand.
    touched: bool,
}

impl Tls {
    /// Bytes of a message within that has begun in this direction.
    pub(super) fn message_bytes(&self, direction: Direction) -> usize {
        let cleared = self.cleared.as_ref().map_or(0, |cleared| cleared.held_bytes(direction));
        self.carried.inner.message_bytes(direction) + cleared
    }

    /// Memory besides that goes with a direction.
    pub(super) fn piece_bytes(&self, direction: Direction) -> usize {
        self.readers[direction].held_bytes() + self.carried.inner.piece_bytes(direction)
    }

    /// Memory of both directions together: records that wait for keys among it.
    pub(super) fn shared_bytes(&self) -> usize {
        self.connection.held_bytes() + self.carried.inner.shared_bytes()
    }

    /// Holds nothing back any more: records do not wait for keys or for their end, nor bytes for a border. Gives how many
    /// records and messages within are cut by it.
    pub(super) fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        self.connection.go_on(true, &mut Told { carried: &mut self.carried, sink });
        let readers = [&mut self.readers.to_server, &mut self.readers.to_client];
        let cut: u64 = readers.into_iter().map(|reader| u64::from(reader.shed())).sum();
        let cut = cut + self.cleared.as_mut().map_or(0, |cleared| cleared.shed(sink));
        cut + self.carried.inner.shed(sink)
    }

    /// For a flow of which `facts` are known.
    pub(super) fn new(facts: FlowFacts, options: &DissectOptions) -> Self {
        let reader = RecordReader::new;
        // Who said hello is the client, and what is carried has no ports of its own.
        let flow = FlowFacts { roles_proved: true, client_from_start: true, server_from_start: true, ..facts };
        // Nor is there another TLS within that could be read: layers must not be as many as traffic likes.
        let inner = DissectOptions { decode_as: Vec::new(), keys: None, ..options.clone() };
        Self {
            readers: PerDirection {
                to_server: reader(facts.client_from_start),
                to_client: reader(facts.server_from_start),
            },
            connection: Box::new(Connection::new(options.keys.clone(), options.redactor)),
            carried: Stream {
                inner: Conversation::default(),
                passed: PerDirection::default(),
                flow,
                options: inner,
                touched: false,
            },
            cleared: None,
            touched: (false, false),
            last: None,
        }
    }

    /// There may be secrets now that were missing: what waits for them is read.
    pub(super) fn keys_came(&mut self, sink: &mut dyn MessageSink) {
        let Some(origin) = self.last.filter(|_| self.connection.held_bytes() > 0) else { return };
        let mut told = Told { carried: &mut self.carried, sink };
        self.connection.go_on(false, &mut told);
        told.decide(origin);
    }

    /// The same for a flow that began with another protocol, whose streams have passed so far. It may come back behind TLS.
    pub(super) fn behind(
        protocol: Neighbour,
        facts: FlowFacts,
        options: &DissectOptions,
        passed: PerDirection<u64>,
    ) -> Self {
        let mut tls = Self::new(facts, options);
        tls.cleared = Cleared::new(protocol, options.framer.held_bytes);
        tls.readers.to_server.passed(passed.to_server);
        tls.readers.to_client.passed(passed.to_client);
        tls
    }

    /// What is known of the connection.
    pub(super) const fn facts(&self) -> &TlsFacts {
        &self.connection.facts
    }

    /// What is carried.
    pub(super) const fn inner(&self) -> &Conversation {
        &self.carried.inner
    }

    /// The innermost protocol, as far as it can be read.
    pub(super) fn protocol(&self) -> Protocol {
        if let Some(cleared) = self.cleared.as_ref().and_then(|cleared| cleared.protocol()) {
            return Protocol::Neighbour(cleared);
        }
        self.carried.inner.protocol().filter(|protocol| *protocol != Protocol::Unknown).unwrap_or(Protocol::Tls)
    }

    /// What lies between TCP and the innermost protocol, in what the frame at hand brought.
    pub(super) fn carriers(&self, brought: bool) -> &'static [Protocol] {
        if self.is_cleared() {
            return if brought && self.touched.0 { &[Protocol::Tls] } else { &[] };
        }
        if self.protocol() == Protocol::Tls {
            return &[];
        }
        match (self.is_in_handshake() && brought, self.carried.inner.carriers(brought)) {
            (true, _) if !self.carried.touched => &[Protocol::Tls],
            (_, [Protocol::Http]) => &[Protocol::Tls, Protocol::Http],
            (_, [Protocol::WebSocket]) => &[Protocol::Tls, Protocol::WebSocket],
            (_, [Protocol::Http, Protocol::WebSocket]) => &[Protocol::Tls, Protocol::Http, Protocol::WebSocket],
            _ => &[Protocol::Tls],
        }
    }

    /// Whether the frame at hand brought only what leads to the innermost protocol.
    pub(super) fn is_in_handshake(&self) -> bool {
        if let Some(cleared) = self.cleared.as_ref().filter(|_| self.is_cleared()) {
            return self.touched.0 && !cleared.touched;
        }
        self.protocol() != Protocol::Tls
            && (self.touched.0 && !self.carried.touched || self.carried.inner.is_in_handshake())
    }

    /// Whether something has come that TLS does not carry any more.
    fn is_cleared(&self) -> bool {
        self.cleared.as_ref().is_some_and(|cleared| cleared.protocol().is_some())
    }

    /// A frame comes.
    pub(super) fn next_frame(&mut self) {
        if let Some(cleared) = &mut self.cleared {
            cleared.touched = false;
        }
        self.touched = (false, false);
        self.carried.touched = false;
        self.carried.inner.next_frame();
    }

    /// It is no TLS.
    pub(super) fn is_ignored(&self) -> bool {
        self.readers.to_server.is_over() && self.readers.to_client.is_over() && !self.is_cleared()
    }

    fn run(
        &mut self,
        direction: Direction,
        origin: Origin,
        sink: &mut dyn MessageSink,
        run: impl FnOnce(&mut RecordReader, &mut dyn Out),
    ) {
        self.last = Some(origin);
        let mut work = Work {
            direction,
            connection: &mut self.connection,
            cleared: self.cleared.as_deref_mut(),
            told: Told { carried: &mut self.carried, sink },
            touched: &mut self.touched.0,
        };
        run(&mut self.readers[direction], &mut work);
    }
}

impl super::Dissector for Tls {
    fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
        if let Some(cleared) = self.cleared.as_mut().filter(|cleared| cleared.has_begun(direction)) {
            cleared.data(direction, bytes, place.origin, sink);
        } else {
            self.run(direction, place.origin, sink, |reader, work| reader.push(bytes, place, work));
        }
        if sink.wants_carrier() && !self.connection.facts.decrypted && !self.connection.may_decrypt() {
            sink.carrier(direction, &CarrierPart::Raw(bytes), place.origin);
        }
    }

    fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        if let Some(cleared) = self.cleared.as_mut().filter(|cleared| cleared.has_begun(direction)) {
            cleared.gap(direction, length, origin, sink);
        } else {
            self.run(direction, origin, sink, |reader, work| reader.gap(length, origin, work));
        }
        if sink.wants_carrier() && !self.connection.facts.decrypted && !self.connection.may_decrypt() {
            sink.carrier(direction, &CarrierPart::Missing(Some(length)), origin);
        }
    }

    fn finish(&mut self, sink: &mut dyn MessageSink) {
        let Some(origin) = self.last else { return };
        for direction in Direction::BOTH {
            self.run(direction, origin, sink, |reader, work| reader.finish(work));
        }
        let mut told = Told { carried: &mut self.carried, sink };
        self.connection.go_on(true, &mut told);
        told.carried.inner.no_more();
        told.decide(origin);
        self.carried.inner.finish(sink);
        if let Some(cleared) = &mut self.cleared {
            cleared.finish(sink);
        }
    }
}

/// A reader's way to the connection and what it carries.
struct Work<'a> {
    direction: Direction,
    connection: &'a mut Connection,
    cleared: Option<&'a mut Cleared>,
    told: Told<'a>,
    touched: &'a mut bool,
}

impl Out for Work<'_> {
    fn record(&mut self, header: Header, body: Option<&[u8]>, origin: Origin, end: u64) {
        *self.touched = true;
        self.connection.take(self.direction, Item::Record { header, body, end }, origin, &mut self.told);
    }

    fn wants(&self, header: Header) -> bool {
        self.connection.wants(self.direction, header)
    }

    fn lost(&mut self, missing: u64, origin: Origin) {
        self.connection.take(self.direction, Item::Lost(missing), origin, &mut self.told);
    }

    fn is_authentic(&mut self, header: Header, body: &[u8]) -> Option<bool> {
        self.connection.is_authentic(self.direction, header, body)
    }

    fn nonsense(&mut self, held: &[u8], rest: &[u8], origin: Origin) {
        let Some(cleared) = &mut self.cleared else { return };
        if cleared.begins(self.direction, held) {
            // A line may end among the first bytes: they are read as one with those behind.
            cleared.data(self.direction, &[held, rest].concat(), origin, self.told.sink);
        }
    }
}

/// Takes what is carried to the conversation within.
struct Told<'a> {
    carried: &'a mut Stream,
    sink: &'a mut dyn MessageSink,
}

impl Told<'_> {
    /// Lets the conversation within begin once its protocol is known.
    fn decide(&mut self, origin: Origin) {
        let Stream { inner, flow, options, .. } = &mut *self.carried;
        if inner.protocol().is_some() {
            return;
        }
        let Some(decision) = inner.decide(*flow, options) else { return };
        if self.sink.wants_carrier()
            && !inner.is_carrier()
            && !matches!(decision.protocol, Protocol::Http | Protocol::WebSocket)
        {
            let sink = &mut *self.sink;
            inner.held(&mut |direction, piece| match piece {
                Ok((bytes, place)) => sink.carrier(direction, &CarrierPart::Inflated(bytes), place.origin),
                Err(_) => sink.carrier(direction, &CarrierPart::Missing(None), origin),
            });
        }
        inner.begin(decision, *flow, options, self.sink);
    }
}

impl Carried for Told<'_> {
    fn data(&mut self, direction: Direction, bytes: &[u8], origin: Origin, end: u64) {
        let carried = &mut *self.carried;
        carried.touched = true;
        let passed = &mut carried.passed[direction];
        *passed += bytes.len() as u64;
        carried.inner.carried(direction, end.wrapping_sub(*passed));
        carried.inner.data(direction, bytes, Place { origin, offset: None }, self.sink);
        if carried.inner.protocol().is_some() && !carried.inner.is_carrier() && self.sink.wants_carrier() {
            self.sink.carrier(direction, &CarrierPart::Inflated(bytes), origin);
        }
        self.decide(origin);
    }

    fn missing(&mut self, direction: Direction, length: Option<u64>, origin: Origin) {
        let carried = &mut *self.carried;
        let missing = length.unwrap_or(UNKNOWN_GAP);
        carried.passed[direction] += missing;
        carried.inner.gap(direction, missing, origin, self.sink);
        if carried.inner.protocol().is_some() && !carried.inner.is_carrier() && self.sink.wants_carrier() {
            self.sink.carrier(direction, &CarrierPart::Missing(length), origin);
        }
        self.decide(origin);
    }

    fn fault(&mut self, direction: Direction, fault: TlsFault, origin: Origin) {
        self.sink.tls_fault(direction, fault, origin);
    }

    fn record(&mut self, direction: Direction, header: Header, origin: Origin) {
        if self.sink.wants_carrier() {
            let Header { kind, version, length } = header;
            self.sink.carrier(direction, &CarrierPart::Record { kind, version, length: length as u16 }, origin);
        }
    }

    fn alert(&mut self, alert: Alert) {
        if self.sink.wants_carrier() {
            let Alert { direction, level, description, origin } = alert;
            self.sink.carrier(direction, &CarrierPart::Alert { level, description }, origin);
        }
    }

    fn hello(&mut self, direction: Direction, hello: Hello<'_>, origin: Origin) {
        if self.sink.wants_carrier() {
            self.sink.carrier(direction, &CarrierPart::Hello(hello), origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_tls_and_a_connect_is_not() {
        assert_eq!(record(&[22, 3, 1, 2, 0, 1], true), Certainty::Yes);
        assert_eq!(record(&[22, 3], true), Certainty::NeedMore);
        assert_eq!(record(&[0x10, 12, 0, 4], true), Certainty::No);
        assert_eq!(record(&[23, 3, 3, 0, 40], true), Certainty::No);
        assert_eq!(record(&[23, 3, 3, 0, 40], false), Certainty::Yes);
    }
}
