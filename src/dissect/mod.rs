//! What the streams of a flow carry: the protocol is recognised by its content, and then read.
//!
//! Each protocol has a file of its own and a row in the table of [`recognise`]; a protocol that is only
//! recognised, and not read, is told by name. Events go to the caller's [`MessageSink`].

mod aliases;
mod carrier;
mod conversing;
mod dns;
mod framed;
mod http;
mod message;
mod mqtt;
mod probe;
mod protocol;
mod quic;
mod rhythm;
mod sink;
pub mod sn;
mod tls;
mod websocket;

pub use carrier::CarrierPart;
pub use message::{FramedMessage, Message, QuicLane, VersionKnownBy};
pub use mqtt::Mqtt;
pub use probe::{Opening, recognise};
pub use protocol::Protocol;
pub use quic::{
    Quic, QuicClose, QuicCloseKind, QuicContext, QuicEnd, QuicFacts, QuicFault, QuicFrame, QuicLimits, QuicMigration,
    QuicPacketType, QuicSeen, QuicSide, may_be_quic, quic_error_name, quic_version_name,
};
pub use rhythm::{Beats, Idle, LONGEST_BEAT, Rhythm};
pub use sink::MessageSink;
pub use sn::{SnMessage, SnOptions};
pub use tls::{
    Alert, Certificate, ClientHello, Hello, KeyLog, KeyLogCounts, Keys, Pings, ServerHello, Tls, TlsFacts, TlsFault,
    TlsSide, Unread, alert_name, suite_name, version_name,
};
pub use websocket::{
    Close, Deflate, FrameHeader, FrameSeen, HandshakePart, Head, Opcode, UNKNOWN_GAP, WebSocket, WebSocketFacts,
    WebSocketFault, WebSocketSide, accept_of, close_code_name, hidden, redacted, unmask,
};

use crate::capture::{Origin, Place};
use crate::flow::{Direction, PerDirection};
use crate::mqtt::{FramerLimits, Redactor, Version};
use crate::neighbour::Neighbour;
use crate::neighbour::stream::HttpFacts;
use framed::Framed;
use probe::Probe;

/// Reads one protocol in both directions of one flow.
///
/// The streams come in order, hole by hole; what is understood goes to the sink at once.
pub trait Dissector {
    /// The next bytes of a direction, and where the first of them stands.
    fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink);

    /// The next `length` bytes of a direction were never captured.
    fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink);

    /// No more will come in either direction.
    fn finish(&mut self, sink: &mut dyn MessageSink);
}

/// What the user said about protocols, and how much may be held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DissectOptions {
    /// Ports whose flows carry this protocol, whatever their bytes look like.
    pub decode_as: Vec<(u16, Protocol)>,
    /// The version of connections whose CONNECT was not captured.
    pub mqtt_version: Option<Version>,
    /// How much of an unfinished packet is held.
    pub framer: FramerLimits,
    /// What replaces everything private in MQTT packets before anyone sees it; `None` to show it.
    pub redactor: Option<Redactor>,
    /// Secrets of TLS connections; `None` to decrypt nothing, whatever keys a capture file holds.
    pub keys: Option<Keys>,
    /// How MQTT-SN is read.
    pub sn: SnOptions,
    /// How much of a QUIC connection is held.
    pub quic: QuicLimits,
}

/// What is known of a flow when its first bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowFacts {
    /// The port of the client.
    pub client_port: u16,
    /// The port of the server.
    pub server_port: u16,
    /// Whether the roles are proved by a handshake.
    pub roles_proved: bool,
    /// Whether a port that is usual for a service tells them.
    pub roles_by_port: bool,
    /// Whether the client's stream is seen from its first byte.
    pub client_from_start: bool,
    /// Whether the server's stream is seen from its first byte.
    pub server_from_start: bool,
}

/// The conversation of one flow: its beginning while its protocol is not known, then its dissector.
#[derive(Debug, Default)]
pub struct Conversation {
    state: State,
    /// Most connections are never idle.
    idle: Option<Box<Idle>>,
}

#[derive(Debug)]
enum State {
    /// Made with the first bytes: most flows of a scan never have any.
    Probing(Option<Box<Probe>>),
    Mqtt(Box<Mqtt>),
    /// Datagrams that may be MQTT-SN.
    Suspected(Box<sn::Suspected>),
    /// HTTP that may lead to WebSocket, or frames, with a conversation of their own inside.
    WebSocket(Box<WebSocket>),
    /// TLS, with a conversation of its own inside.
    Tls(Box<Tls>),
    /// QUIC, with a conversation for each stream.
    Quic(Box<Quic>),
    /// DNS over TCP.
    Dns(Box<dns::Dns>),
    /// A protocol around MQTT whose messages come in streams.
    Framed(Box<Framed>),
    Other(Protocol),
}

impl Default for State {
    fn default() -> Self {
        Self::Probing(None)
    }
}

/// A part of a stream: bytes and where they came from, or a gap of so many bytes and what showed it.
pub type Part<'a> = Result<(&'a [u8], Place), (u64, Origin)>;

/// What came of the first bytes of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The protocol.
    pub protocol: Protocol,
    /// What only a client sends came from the end that was taken for the server.
    pub turn_round: bool,
}

impl Conversation {
    /// A conversation whose protocol its first datagram tells, and that is not followed.
    pub const fn named(protocol: Protocol) -> Self {
        Self { state: State::Other(protocol), idle: None }
    }

    /// Asks for the memory that the next bytes need; says whether it carries MQTT.
    #[inline]
    pub fn prefetch(&self) -> bool {
        let State::Mqtt(mqtt) = &self.state else { return false };
        mqtt.prefetch();
        true
    }

    /// Whether it carries MQTT as it is, with nothing between that and TCP.
    #[inline]
    pub const fn is_plain_mqtt(&self) -> bool {
        matches!(self.state, State::Mqtt(_))
    }

    /// The protocol, once it is known.
    pub fn protocol(&self) -> Option<Protocol> {
        match &self.state {
            State::Probing(_) | State::Suspected(_) => None,
            State::Mqtt(_) => Some(Protocol::Mqtt),
            State::WebSocket(websocket) => websocket.protocol(),
            State::Tls(tls) => Some(tls.protocol()),
            State::Quic(quic) => quic.protocol(),
            State::Dns(_) => Some(Protocol::Neighbour(Neighbour::Dns)),
            State::Framed(framed) => Some(Protocol::Neighbour(framed.protocol())),
            State::Other(protocol) => Some(*protocol),
        }
    }

    /// What lies between the transport and [`Conversation::protocol`], the outermost first; `brought` where that is asked
    /// of the frame at hand.
    pub fn carriers(&self, brought: bool) -> &'static [Protocol] {
        match &self.state {
            State::WebSocket(websocket) => websocket.carriers(brought),
            State::Tls(tls) => tls.carriers(brought),
            State::Quic(quic) => quic.carriers(),
            State::Probing(_)
            | State::Suspected(_)
            | State::Mqtt(_)
            | State::Framed(_)
            | State::Dns(_)
            | State::Other(_) => &[],
        }
    }

    /// Whether the frame at hand brought only what leads to [`Conversation::protocol`].
    pub fn is_in_handshake(&self) -> bool {
        match &self.state {
            State::WebSocket(websocket) => websocket.is_in_handshake(),
            State::Tls(tls) => tls.is_in_handshake(),
            State::Quic(quic) => quic.is_in_handshake(),
            State::Probing(_)
            | State::Suspected(_)
            | State::Mqtt(_)
            | State::Framed(_)
            | State::Dns(_)
            | State::Other(_) => false,
        }
    }

    /// What is known of the WebSocket that it is carried by, or of the attempt to get one.
    pub fn websocket(&self) -> Option<&WebSocketFacts> {
        match &self.state {
            State::WebSocket(websocket) => {
                Some(websocket.facts()).filter(|facts| facts.upgraded || facts.status.is_some())
            }
            State::Tls(tls) => tls.inner().websocket(),
            State::Probing(_)
            | State::Suspected(_)
            | State::Mqtt(_)
            | State::Framed(_)
            | State::Dns(_)
            | State::Quic(_)
            | State::Other(_) => None,
        }
    }

    /// What is known of the TLS that it is carried by.
    pub const fn tls(&self) -> Option<&TlsFacts> {
        match &self.state {
            State::Tls(tls) => Some(tls.facts()),
            State::Probing(_)
            | State::Suspected(_)
            | State::Mqtt(_)
            | State::WebSocket(_)
            | State::Quic(_)
            | State::Dns(_)
            | State::Framed(_)
            | State::Other(_) => None,
        }
    }

    /// Whether it tells the parts of its streams itself ([`MessageSink::carrier`]).
    pub const fn is_carrier(&self) -> bool {
        matches!(self.state, State::WebSocket(_) | State::Tls(_))
    }

    /// The next frame of the flow comes.
    #[inline]
    pub fn next_frame(&mut self) {
        match &mut self.state {
            State::WebSocket(websocket) => websocket.next_frame(),
            State::Tls(tls) => tls.next_frame(),
            State::Quic(quic) => quic.next_frame(),
            State::Probing(_)
            | State::Suspected(_)
            | State::Mqtt(_)
            | State::Framed(_)
            | State::Dns(_)
            | State::Other(_) => {}
        }
    }

    /// What came before the protocol was known, piece by piece.
    pub fn held(&self, take: &mut dyn FnMut(Direction, Part<'_>)) {
        if let State::Probing(Some(probe)) = &self.state {
            probe.pieces(take);
        }
    }

    /// Whether its streams are of no further interest.
    pub fn is_ignored(&self) -> bool {
        match &self.state {
            State::WebSocket(websocket) => websocket.is_ignored(),
            State::Tls(tls) => tls.is_ignored(),
            State::Framed(framed) => framed.is_over(),
            State::Other(_) => true,
            State::Probing(_) | State::Suspected(_) | State::Mqtt(_) | State::Dns(_) | State::Quic(_) => false,
        }
    }

    /// The next bytes of a direction.
    pub fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
        match &mut self.state {
            State::Probing(probe) => probe.get_or_insert_default().data(direction, bytes, place),
            State::Mqtt(mqtt) => mqtt.data(direction, bytes, place, sink),
            State::WebSocket(websocket) => websocket.data(direction, bytes, place, sink),
            State::Tls(tls) => tls.data(direction, bytes, place, sink),
            State::Dns(dns) => dns.data(direction, bytes, place, sink),
            State::Framed(framed) => {
                if let Some(tls) = framed.data(direction, bytes, place, sink) {
                    self.state = State::Tls(tls);
                }
            }
            State::Suspected(_) | State::Quic(_) | State::Other(_) => {}
        }
    }

    /// The next `length` bytes of a direction were never captured.
    pub fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        match &mut self.state {
            State::Probing(probe) => probe.get_or_insert_default().gap(direction, length, origin),
            State::Mqtt(mqtt) => mqtt.gap(direction, length, origin, sink),
            State::WebSocket(websocket) => websocket.gap(direction, length, origin, sink),
            State::Tls(tls) => tls.gap(direction, length, origin, sink),
            State::Dns(dns) => dns.gap(direction, length, origin, sink),
            State::Framed(framed) => framed.gap(direction, length, origin, sink),
            State::Suspected(_) | State::Quic(_) | State::Other(_) => {}
        }
    }

    /// A direction has ended with what came last: its FIN is there, and nothing is missing before it.
    pub fn ended(&mut self, direction: Direction, origin: Origin, sink: &mut dyn MessageSink) {
        match &mut self.state {
            State::WebSocket(websocket) => websocket.ended(direction, origin, sink),
            State::Framed(framed) => framed.ended(direction, origin, sink),
            State::Probing(_)
            | State::Mqtt(_)
            | State::Tls(_)
            | State::Suspected(_)
            | State::Dns(_)
            | State::Quic(_)
            | State::Other(_) => {}
        }
    }

    /// What each end sends while nothing is to be said.
    pub fn idle(&self) -> Option<&Idle> {
        self.idle.as_deref()
    }

    /// The same, to be changed.
    pub fn idle_mut(&mut self) -> &mut Idle {
        self.idle.get_or_insert_default()
    }

    /// What is known of its exchanges, if it carries HTTP.
    pub fn http(&self) -> Option<&HttpFacts> {
        match &self.state {
            State::WebSocket(websocket) => websocket.http(),
            State::Tls(tls) => tls.inner().http(),
            State::Quic(_)
            | State::Probing(_)
            | State::Suspected(_)
            | State::Mqtt(_)
            | State::Framed(_)
            | State::Dns(_)
            | State::Other(_) => None,
        }
    }

    /// Whether there are first bytes to be judged; if so, the protocol as far as they tell.
    ///
    /// After a decision the caller exchanges the roles of the flow where it is asked for, and then calls
    /// [`Conversation::begin`].
    pub fn decide(&self, facts: FlowFacts, options: &DissectOptions) -> Option<Decision> {
        match &self.state {
            State::Probing(Some(probe)) if probe.has_news() => probe.decide(facts, options),
            State::WebSocket(websocket) => websocket.judge(),
            _ => None,
        }
    }

    /// Whether there are bytes of which it is not known what they are.
    fn has_news(&self) -> bool {
        matches!(&self.state, State::Probing(Some(probe)) if probe.has_news())
    }

    /// The protocol of a stream within another one, as far as its first bytes tell.
    fn decide_carried(&self, facts: FlowFacts) -> Option<Protocol> {
        match &self.state {
            State::Probing(Some(probe)) if probe.has_news() => probe.decide_carried(facts),
            _ => None,
        }
    }

    /// What it reads is carried by another stream, which is so many bytes ahead of it in this direction.
    fn carried(&mut self, direction: Direction, shift: u64) {
        match &mut self.state {
            State::Mqtt(mqtt) => mqtt.carried(direction, shift),
            State::WebSocket(websocket) => websocket.carried(direction, shift),
            State::Probing(_)
            | State::Suspected(_)
            | State::Tls(_)
            | State::Framed(_)
            | State::Dns(_)
            | State::Quic(_)
            | State::Other(_) => {}
        }
    }

    /// The protocol is decided: what was held back is read. `facts` has the final roles.
    pub fn begin(
        &mut self,
        decision: Decision,
        facts: FlowFacts,
        options: &DissectOptions,
        sink: &mut dyn MessageSink,
    ) {
        if let (true, Some(idle)) = (decision.turn_round, &mut self.idle) {
            idle.swap();
        }
        if let State::WebSocket(websocket) = &mut self.state {
            return websocket.begin(decision, options, sink);
        }
        self.begin_with(decision, facts, options, (None, None), sink);
    }

    /// The same for a stream whose version was named on another one.
    fn begin_versioned(
        &mut self,
        decision: Decision,
        facts: FlowFacts,
        options: &DissectOptions,
        version: Option<Version>,
        sink: &mut dyn MessageSink,
    ) {
        self.begin_with(decision, facts, options, (None, version), sink);
    }

    /// The version that a CONNECT has named.
    fn mqtt_version(&self) -> Option<Version> {
        match &self.state {
            State::Mqtt(mqtt) => mqtt.version_of_connect(),
            _ => None,
        }
    }

    /// The same for a stream within another one.
    fn begin_carried(
        &mut self,
        decision: Decision,
        facts: FlowFacts,
        options: &DissectOptions,
        shift: PerDirection<u64>,
        sink: &mut dyn MessageSink,
    ) {
        self.begin_with(decision, facts, options, (Some(shift), None), sink);
    }

    fn begin_with(
        &mut self,
        decision: Decision,
        facts: FlowFacts,
        options: &DissectOptions,
        (shift, version): (Option<PerDirection<u64>>, Option<Version>),
        sink: &mut dyn MessageSink,
    ) {
        let State::Probing(probe) = &mut self.state else { return };
        let mut probe = probe.take().map(|probe| *probe).unwrap_or_default();
        if decision.turn_round {
            probe.turn_round();
        }
        match decision.protocol {
            Protocol::Mqtt => {
                let mut mqtt = Box::new(Mqtt::new(probe.facts(facts), options));
                if let Some(version) = version {
                    mqtt.set_version(version);
                }
                for (direction, shift) in shift.iter().flat_map(|shift| Direction::BOTH.map(|one| (one, shift[one]))) {
                    mqtt.carried(direction, shift);
                }
                probe.replay(&mut *mqtt, sink);
                self.state = State::Mqtt(mqtt);
            }
            Protocol::Http | Protocol::WebSocket => {
                let facts = probe.facts(facts);
                let mut websocket = Box::new(WebSocket::new(facts, probe.begins_with_http(), options));
                probe.replay(&mut *websocket, sink);
                self.state = State::WebSocket(websocket);
                // What follows on the first bytes at once.
                if let Some(decision) = self.decide(facts, options) {
                    self.begin(decision, facts, options, sink);
                }
            }
            Protocol::Tls => {
                let mut tls = Box::new(Tls::new(probe.facts(facts), options));
                probe.replay(&mut *tls, sink);
                self.state = State::Tls(tls);
            }
            Protocol::Neighbour(Neighbour::Dns) => {
                let mut dns = Box::new(dns::Dns::new(options.framer.held_bytes));
                probe.replay(&mut *dns, sink);
                self.state = State::Dns(dns);
            }
            Protocol::Neighbour(neighbour) => {
                // What only lines are made of is not read where nobody wants the lines.
                match Framed::new(neighbour, probe.facts(facts), options, sink.wants_readings()) {
                    Some(framed) => {
                        self.state = State::Framed(Box::new(framed));
                        probe.replay(self, sink);
                    }
                    None => self.state = State::Other(decision.protocol),
                }
            }
            Protocol::MqttSn | Protocol::Quic | Protocol::Unknown => {
                self.state = State::Other(decision.protocol);
            }
        }
    }

    /// Whether packets have shown, since this was asked last, that the roles of the two ends are the other way round;
    /// it goes on with them so, and the caller has to exchange those of the flow.
    pub fn turned_round(&mut self) -> bool {
        let State::Mqtt(mqtt) = &mut self.state else { return false };
        let turned = mqtt.turned_round();
        if let (true, Some(idle)) = (turned, &mut self.idle) {
            idle.swap();
        }
        turned
    }

    /// Holds nothing back any more, and gives how many messages are cut by it. What is not known yet has to be judged by
    /// what there is: see [`Conversation::decide`].
    pub fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        match &mut self.state {
            State::Mqtt(mqtt) => mqtt.shed(sink),
            State::WebSocket(websocket) => websocket.shed(sink),
            State::Tls(tls) => tls.shed(sink),
            State::Dns(dns) => dns.shed(sink),
            State::Framed(framed) => framed.shed(sink),
            State::Probing(_) => {
                self.no_more();
                0
            }
            // It needs to know more: see `Quic::shed`.
            State::Suspected(_) | State::Quic(_) | State::Other(_) => 0,
        }
    }

    /// There may be secrets now that were missing: what waits for them is read.
    pub fn keys_came(&mut self, sink: &mut dyn MessageSink) {
        if let State::Tls(tls) = &mut self.state {
            tls.keys_came(sink);
        }
    }

    /// No more bytes will come in either direction: what there is has to do for a decision.
    pub const fn no_more(&mut self) {
        if let State::Probing(Some(probe)) = &mut self.state {
            probe.no_more();
        }
    }

    /// The protocol is none of those that are known, if it is not known by now.
    pub fn give_up(&mut self) {
        if let State::Probing(probe) = &mut self.state
            && probe.take().is_some()
        {
            self.state = State::Other(Protocol::Unknown);
        }
    }

    /// No more will come in either direction.
    pub fn finish(&mut self, sink: &mut dyn MessageSink) {
        match &mut self.state {
            State::Mqtt(mqtt) => mqtt.finish(sink),
            State::WebSocket(websocket) => websocket.finish(sink),
            State::Tls(tls) => tls.finish(sink),
            State::Dns(dns) => dns.finish(sink),
            State::Framed(framed) => framed.finish(sink),
            State::Probing(_) | State::Suspected(_) | State::Quic(_) | State::Other(_) => {}
        }
    }

    /// Holds back nothing of the streams that QUIC carries; the rest is as with [`Conversation::shed`].
    pub fn shed_quic(&mut self, context: QuicContext<'_>, sink: &mut dyn MessageSink) -> u64 {
        self.quic_mut().map_or(0, |quic| quic.shed(context, sink))
    }

    /// No more datagrams will come.
    pub fn finish_quic(&mut self, context: QuicContext<'_>, sink: &mut dyn MessageSink) {
        if let Some(quic) = self.quic_mut() {
            quic.finish(context, sink);
        }
    }
}
