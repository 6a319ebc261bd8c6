//! The datagrams of QUIC: to which connection each belongs, and what its streams bring.

use std::net::SocketAddr;

use super::cap::Cap;
use super::event::{Event, FlowRef, Notice, NoticeKind, Sink};
use super::options::EngineOptions;
use super::run::Pass;
use super::sensors;
use super::streams::{Messages, StreamReader};
use crate::capture::Origin;
use crate::dissect::{Conversation, FlowFacts, Protocol, Quic, QuicContext, may_be_quic};
use crate::flow::{Belongs, ConnectionId, Datagrams, Direction, Flow, Found, KnownBy, PerDirection, Waiting};

/// What the streams of a connection may know of their flow: who is the client has been shown, and what comes first of a stream
/// is its beginning, for it says where it stands.
const fn facts(client_port: u16, server_port: u16) -> FlowFacts {
    FlowFacts {
        client_port,
        server_port,
        roles_proved: true,
        roles_by_port: false,
        client_from_start: true,
        server_from_start: true,
    }
}

fn context(options: &EngineOptions, client: SocketAddr, server: SocketAddr) -> QuicContext<'_> {
    QuicContext { options: &options.dissect, reassembly: options.reassembly, flow: facts(client.port(), server.port()) }
}

impl<S: Sink> Pass<'_, S> {
    /// To which conversation a datagram belongs: where there are connections of QUIC, to that which it names.
    #[inline]
    pub(super) fn belongs(&self, source: SocketAddr, destination: SocketAddr, bytes: &[u8], length: u32) -> Belongs {
        if self.followed.flows.has_names() && !bytes.is_empty() {
            self.named(source, destination, bytes, length)
        } else {
            Belongs::Ends
        }
    }

    fn named(&self, source: SocketAddr, destination: SocketAddr, bytes: &[u8], length: u32) -> Belongs {
        let flows = &self.followed.flows;
        let [first, _, _, _, _, id_length, rest @ ..] = bytes else { return Belongs::Ends };
        if first & 0x80 == 0 {
            let behind = bytes.get(1..).unwrap_or_default();
            return flows.named_by(destination, behind).map_or(Belongs::Ends, Belongs::Named);
        }
        if !may_be_quic(bytes, length) {
            return Belongs::Ends;
        }
        let id = rest.get(..usize::from(*id_length)).and_then(ConnectionId::new);
        if let Some(named) = id.and_then(|id| flows.named(destination, id)) {
            return Belongs::Named(named);
        }
        let other = flows.between(source, destination).and_then(|(app, _)| app.quic());
        if other.is_some_and(|quic| quic.is_another(bytes, length)) { Belongs::Anew } else { Belongs::Ends }
    }

    /// A datagram that may be one of QUIC.
    #[inline]
    pub(super) fn quic(&mut self, found: Found, ends: (SocketAddr, SocketAddr), bytes: &[u8], length: u32) -> Found {
        let Some(datagrams) = self.followed.flows.datagrams_mut(found) else { return found };
        let is_quic = datagrams.app.as_ref().is_some_and(|app| app.quic().is_some());
        if is_quic
            || may_be_quic(bytes, length)
            || (self.options.has_quic_ports() && is_forced(datagrams, self.options))
        {
            self.quic_datagram(found, ends, bytes, length)
        } else {
            found
        }
    }

    fn quic_datagram(&mut self, found: Found, ends: (SocketAddr, SocketAddr), bytes: &[u8], length: u32) -> Found {
        let Some(datagrams) = self.followed.flows.datagrams_mut(found) else { return found };
        let (mut direction, before) = (found.direction, datagrams.waiting());
        let said = sensors::forced(datagrams, self.options);
        let (client, server) = (datagrams.client, datagrams.server);
        let app = datagrams.app.get_or_insert_default();
        let Some(quic) = app.expect_quic(said) else { return found };
        // Who sends the first packet of a client is the client, whatever the ports look like.
        if !quic.facts().is_from_start() && datagrams.known_by > KnownBy::Initial && quic.client_sent(bytes, length) {
            if datagrams.settle(direction, KnownBy::Initial) {
                direction = direction.reverse();
                if let Some(quic) = datagrams.app.as_mut().and_then(|app| app.quic_mut()) {
                    quic.turn_round();
                }
            }
        } else if quic.facts().is_from_start() && ends != (client, server) && ends != (server, client) {
            note_path(datagrams, ends, direction, self.origin);
        }
        let origin = self.origin;
        self.read_quic(found, before, |quic, context, messages| {
            quic.datagram((bytes, length), direction, origin, context, messages)
        });
        Found { direction, ..found }
    }

    /// There may be secrets now that were missing: what waits for them is read.
    pub(super) fn quic_keys_came(&mut self, slot: usize) {
        let found = Found { slot, direction: Direction::ToServer, challenger: false };
        let Some(datagrams) = self.followed.flows.datagrams_mut(found) else { return };
        let (before, origin) = (datagrams.waiting(), datagrams.span().1);
        self.origin = origin;
        self.read_quic(found, before, |quic, context, messages| {
            quic.keys_came(origin, context, messages);
            true
        });
    }

    /// Reads something of a connection, and settles what comes of it; `read` says whether it is known to be QUIC. So much
    /// was held `before`.
    fn read_quic(
        &mut self,
        found: Found,
        before: Waiting,
        read: impl FnOnce(&mut Quic, QuicContext<'_>, &mut Messages<'_, S>) -> bool,
    ) {
        let Some(datagrams) = self.followed.flows.datagrams_mut(found) else { return };
        let (client, server) = (datagrams.client, datagrams.server);
        let name = FlowRef::of_datagrams(datagrams);
        let Some(app) = datagrams.app.as_mut() else { return };
        let ended = app.quic().and_then(Quic::end);
        app.next_frame();
        let mut messages = Messages {
            flow: name,
            options: self.options,
            stats: &mut self.followed.stats,
            lines: &mut self.followed.lines,
            carried: &mut self.followed.carried,
            readings: &mut self.followed.neighbours.readings,
            questions: &mut self.followed.neighbours.questions,
            expected: &mut self.followed.expected,
            origin: self.origin,
            sink: self.sink,
        };
        let Some(quic) = app.quic_mut() else { return };
        let left_out = quic.facts().streams_left_out;
        let context = context(self.options, client, server);
        let is_known = read(quic, context, &mut messages);
        let (names, end, over) = (quic.take_names(), quic.end(), quic.is_over());
        let is_lasting = is_known && quic.is_answered();
        let left_out = quic.facts().streams_left_out - left_out;
        if !is_known {
            app.forget_quic();
        }
        datagrams.lasting |= is_lasting;
        let (after, is_mqtt) = (datagrams.waiting(), app_protocol(datagrams) == Some(Protocol::Mqtt));
        // The name may say more by now than it did before.
        let name = FlowRef::of_datagrams(datagrams);
        // What one may hold is a matter of each of its streams.
        self.followed.waits.changed(before, after);
        if let Some(names) = names {
            self.followed.flows.rename(found, &names);
        }
        for _ in 0..left_out {
            let count = self.followed.stats.caps.add(Cap::QuicStreams);
            if count.is_power_of_two() {
                let kind = NoticeKind::CapReached(Cap::QuicStreams, count);
                self.sink.event(&Event::Notice(&Notice { kind, flow: Some(name), origin: self.origin }));
            }
        }
        if let (true, None, Some((_, by, at))) = (is_mqtt, ended, end) {
            self.sink.event(&Event::Closing(name, by, at));
        }
        if over {
            self.followed.flows.note_over(found);
        }
        self.keep_to_limit();
    }
}

/// The protocol of a conversation, as far as it is known.
fn app_protocol(datagrams: &Datagrams<Conversation>) -> Option<Protocol> {
    datagrams.app.as_ref().and_then(|app| app.protocol())
}

/// A connection has gone on between other ends.
fn note_path(
    datagrams: &mut Datagrams<Conversation>,
    ends: (SocketAddr, SocketAddr),
    direction: Direction,
    origin: Origin,
) {
    let path = if direction == Direction::ToServer { ends } else { (ends.1, ends.0) };
    if datagrams.take_new_path(path)
        && let Some(quic) = datagrams.app.as_mut().and_then(|app| app.quic_mut())
    {
        quic.note_migration(path.0, origin);
    }
}

fn is_forced(datagrams: &Datagrams<Conversation>, options: &EngineOptions) -> bool {
    sensors::forced(datagrams, options) == Some(Protocol::Quic)
}

impl EngineOptions {
    /// Whether the user has named ports of QUIC.
    fn has_quic_ports(&self) -> bool {
        self.dissect.decode_as.iter().any(|(_, protocol)| *protocol == Protocol::Quic)
    }
}

impl<S: Sink> StreamReader<'_, S> {
    /// All streams together hold too much, and those of this connection much of it: they hold nothing back any more.
    pub(super) fn shed_quic(&mut self, datagrams: &mut Datagrams<Conversation>) {
        let (before, name) = (datagrams.waiting(), FlowRef::of_datagrams(datagrams));
        let context = context(self.options, datagrams.client, datagrams.server);
        let Some(app) = datagrams.app.as_mut() else { return };
        let holes: PerDirection<bool> = {
            let waits = |direction| crate::flow::Conversing::ahead(&**app, direction).1 > 0;
            PerDirection { to_server: waits(Direction::ToServer), to_client: waits(Direction::ToClient) }
        };
        let cut = app.shed_quic(context, &mut self.messages(name, self.origin));
        for direction in Direction::BOTH.into_iter().filter(|direction| holes[*direction]) {
            self.stats.caps.add(Cap::OutOfOrder);
            self.notice(NoticeKind::ReassemblyCapped(direction), name);
        }
        for _ in 0..cut {
            let count = self.stats.caps.add(Cap::Messages);
            if count.is_power_of_two() {
                self.notice(NoticeKind::CapReached(Cap::Messages, count), name);
            }
        }
        self.waits.changed(before, datagrams.waiting());
    }

    /// The connection has ended: what its streams still hold is read.
    pub(super) fn finish_quic(&mut self, flow: &mut Flow<Conversation>) {
        let before = flow.waiting_in_both();
        let context = context(self.options, flow.client, flow.server);
        let (name, origin) = (FlowRef::of(flow), flow.last);
        flow.app.finish_quic(context, &mut self.messages(name, origin));
        self.waits.changed(before, flow.waiting_in_both());
    }
}
