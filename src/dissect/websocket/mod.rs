//! WebSocket: the upgrade by HTTP, the frames of both directions, and the stream that they carry (RFC 6455).
//!
//! It stands between the streams of a flow and a [`Conversation`] of its own, which reads what the frames carry as if it
//! came from the network as it is: each byte keeps the place in the frame from which it came. Frames and packets have
//! nothing to do with each other (MQTT 5.0, section 6). What is compressed has no places, but the frame that brought it.

mod facts;
mod faults;
mod frame;
mod handshake;
mod head;
mod inflate;
mod reader;
mod search;

pub use facts::{Close, FrameSeen, HandshakePart, WebSocketFacts, WebSocketFault, WebSocketSide, close_code_name};
pub use frame::{FrameHeader, Opcode, unmask};
pub use head::{Deflate, Head, accept_of, hidden, redacted};
pub use reader::UNKNOWN as UNKNOWN_GAP;

use super::framed::Readings;
use super::{CarrierPart, Conversation, Decision, DissectOptions, FlowFacts, MessageSink, Protocol};
use crate::capture::{Origin, Place};
use crate::flow::{Conversing as _, Direction, PerDirection};
use crate::neighbour::stream::{Http, HttpFacts, Streams};
use faults::Faults;
use handshake::{Handshake, Outcome};
use reader::{FrameReader, Out, UNKNOWN, Work};
pub(super) use search::{recognise, roles_are_wrong};

/// Bytes of a buffer that are kept for the next segment.
const SCRATCH: usize = 16 << 10;

/// What has come so far.
#[derive(Debug)]
enum Stage {
    /// HTTP.
    Handshake(Box<Handshake>),
    /// Frames.
    Frames,
    /// HTTP that is not looked into any further.
    Over,
}

/// A flow that begins with HTTP, or has WebSocket frames.
#[derive(Debug)]
pub struct WebSocket {
    stage: Stage,
    /// The requests and responses, up to where frames begin.
    messages: Box<Streams<Http>>,
    readers: PerDirection<FrameReader>,
    facts: WebSocketFacts,
    faults: Faults,
    inner: Conversation,
    /// How many bytes the stream of the flow is ahead of what comes here, where another layer lies between.
    ahead: PerDirection<u64>,
    /// What is known of the flow.
    flow: FlowFacts,
    scratch: Vec<u8>,
    /// Whether the frame at hand brought HTTP, and frames.
    touched: (bool, bool),
    by_handshake: bool,
    /// Nothing that is read here is carried.
    ignored: bool,
    /// The last origin of anything.
    last: Option<Origin>,
    /// How what is carried is to be read; ports say nothing of it.
    options: DissectOptions,
}

impl WebSocket {
    /// For a flow that begins with HTTP, or has frames if it does not.
    pub(super) fn new(flow: FlowFacts, begins_with_http: bool, options: &DissectOptions) -> Self {
        // Joined at a segment, which most often is where a frame begins; a search finds it if so.
        let reader = || FrameReader::joining(0);
        // A side that was joined somewhere is looked through for a message, where it does not begin with one.
        let whole = PerDirection { to_server: flow.client_from_start, to_client: flow.server_from_start };
        Self {
            messages: Box::new(Streams::new(Http::default(), whole).with_limit(options.framer.held_bytes)),
            stage: if begins_with_http { Stage::Handshake(Box::default()) } else { Stage::Frames },
            readers: PerDirection { to_server: reader(), to_client: reader() },
            facts: WebSocketFacts { upgraded: !begins_with_http, ..WebSocketFacts::default() },
            faults: Faults::default(),
            inner: Conversation::default(),
            ahead: PerDirection::default(),
            flow: FlowFacts { roles_proved: true, client_from_start: false, server_from_start: false, ..flow },
            scratch: Vec::new(),
            touched: (false, false),
            by_handshake: begins_with_http,
            ignored: false,
            last: None,
            options: DissectOptions { decode_as: Vec::new(), ..options.clone() },
        }
    }

    /// What both ends said.
    pub(super) const fn facts(&self) -> &WebSocketFacts {
        &self.facts
    }

    /// The innermost protocol, once it is known.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        match self.stage {
            Stage::Handshake(_) => None,
            Stage::Over => Some(Protocol::Http),
            Stage::Frames if self.ignored => Some(Protocol::WebSocket),
            Stage::Frames => self.inner.protocol(),
        }
    }

    /// What lies between TCP and the innermost protocol, in what the frame at hand brought.
    pub(super) const fn carriers(&self, brought: bool) -> &'static [Protocol] {
        match (&self.stage, self.touched) {
            (_, (true, false)) if brought => &[Protocol::Http],
            (Stage::Handshake(_), _) => &[Protocol::Http],
            (Stage::Over, _) => &[],
            (Stage::Frames, _) => match (self.by_handshake, self.ignored) {
                (true, true) => &[Protocol::Http],
                (true, false) => &[Protocol::Http, Protocol::WebSocket],
                (false, true) => &[],
                (false, false) => &[Protocol::WebSocket],
            },
        }
    }

    /// Whether the frame at hand brought nothing but HTTP.
    pub(super) const fn is_in_handshake(&self) -> bool {
        matches!((&self.stage, self.touched), (Stage::Handshake(_), _) | (_, (true, false)))
    }

    /// See [`Conversation::carried`].
    pub(super) fn carried(&mut self, direction: Direction, ahead: u64) {
        self.ahead[direction] = ahead;
    }

    /// A frame comes.
    pub(super) const fn next_frame(&mut self) {
        self.touched = (false, false);
    }

    pub(super) fn is_ignored(&self) -> bool {
        match self.stage {
            Stage::Over => self.messages.is_over(),
            Stage::Handshake(_) | Stage::Frames => self.ignored,
        }
    }

    pub(super) fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
        self.last = Some(place.origin);
        match &mut self.stage {
            Stage::Handshake(handshake) => {
                self.touched.0 = true;
                self.messages.data(direction, bytes, place.origin, &mut Readings(sink));
                let had_head = handshake.head(direction).is_some();
                handshake.data(direction, bytes, place);
                if let (false, true, Some((head, ..))) = (had_head, sink.wants_carrier(), handshake.head(direction)) {
                    sink.carrier(direction, &CarrierPart::HeadSeen(head), place.origin);
                }
                self.settle(false, place.origin, sink);
            }
            Stage::Frames if self.ignored && !sink.wants_carrier() => {}
            Stage::Frames => self.frames(direction, sink, |reader, work| reader.push(bytes, place, work)),
            Stage::Over => {
                self.messages.data(direction, bytes, place.origin, &mut Readings(sink));
                tell_raw(direction, bytes, place, sink);
            }
        }
    }

    /// See [`Conversation::ended`].
    pub(super) fn ended(&mut self, direction: Direction, origin: Origin, sink: &mut dyn MessageSink) {
        self.messages.end(direction, origin, &mut Readings(sink));
    }

    /// What was seen of exchanges, if anything was.
    pub(super) fn http(&self) -> Option<&HttpFacts> {
        Some(self.messages.reader().facts()).filter(|facts| facts.requests + facts.responses > 0)
    }

    pub(super) fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        self.last = Some(origin);
        match &mut self.stage {
            Stage::Handshake(handshake) => {
                self.messages.gap(direction, length, origin, &mut Readings(sink));
                handshake.gap(direction, length, origin);
                self.settle(false, origin, sink);
            }
            Stage::Frames if self.ignored && !sink.wants_carrier() => {}
            Stage::Frames => self.frames(direction, sink, |reader, work| reader.gap(length, origin, work)),
            Stage::Over => {
                self.messages.gap(direction, length, origin, &mut Readings(sink));
                tell_gap(direction, length, origin, sink);
            }
        }
    }

    pub(super) fn finish(&mut self, sink: &mut dyn MessageSink) {
        if !self.facts.upgraded {
            self.messages.finish(&mut Readings(sink));
        }
        if let (Stage::Handshake(_), Some(origin)) = (&self.stage, self.last) {
            self.settle(true, origin, sink);
        }
        if matches!(self.stage, Stage::Frames) && !self.ignored {
            for direction in Direction::BOTH {
                self.frames(direction, sink, FrameReader::finish);
            }
        }
        self.inner.no_more();
        if let Some(decision) = self.judge() {
            let options = self.options.clone();
            self.begin(decision, &options, sink);
        }
        if matches!(self.stage, Stage::Frames) && self.inner.protocol().is_none() {
            // Nothing was carried, or too little to tell what it is.
            self.faults.settle(self.names_mqtt(), sink);
            self.ignored = true;
        }
        if let Some(redactor) = self.options.redactor {
            for direction in Direction::BOTH {
                if let Some(close) = &mut self.facts.sides[direction].close {
                    close.reason = redactor.text(&close.reason).into();
                }
            }
        }
        self.inner.finish(sink);
    }

    /// Bytes of a message inside that has begun in this direction.
    pub(super) fn message_bytes(&self, direction: Direction) -> usize {
        self.inner.message_bytes(direction) + self.messages.message_bytes(direction)
    }

    /// Memory besides that goes with a direction.
    pub(super) fn piece_bytes(&self, direction: Direction) -> usize {
        self.readers[direction].held_bytes() + self.inner.piece_bytes(direction)
    }

    /// Memory of both directions together.
    pub(super) fn shared_bytes(&self) -> usize {
        let handshake = if let Stage::Handshake(handshake) = &self.stage { handshake.held_bytes() } else { 0 };
        handshake + self.scratch.capacity() + self.inner.shared_bytes() + self.messages.shared_bytes()
    }

    /// Holds nothing back any more: heads that have not ended are given up, what inflates messages, and what the inner stream
    /// waits for. Gives how many messages are cut by it, of those that refer to earlier ones only one for each direction.
    pub(super) fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        if let (Stage::Handshake(_), Some(origin)) = (&self.stage, self.last) {
            self.settle(true, origin, sink);
        }
        let mut cut = 0;
        if let Some(origin) = self.last {
            for direction in Direction::BOTH {
                let shed =
                    &mut |reader: &mut FrameReader, work: &mut Work<'_>| cut += u64::from(reader.shed(origin, work));
                self.frames(direction, sink, shed);
            }
        }
        self.scratch = Vec::new();
        cut + self.messages.shed(&mut Readings(sink)) + self.inner.shed(sink)
    }

    /// Runs the reader of a direction.
    fn frames(
        &mut self,
        direction: Direction,
        sink: &mut dyn MessageSink,
        run: impl FnOnce(&mut FrameReader, &mut Work<'_>),
    ) {
        self.touched.1 = true;
        let ahead = self.ahead[direction];
        let mut out = Within { conversation: &mut self.inner, ahead, faults: &mut self.faults, direction, sink };
        let mut work = Work { direction, facts: &mut self.facts, scratch: &mut self.scratch, out: &mut out };
        run(&mut self.readers[direction], &mut work);
    }

    fn fault(&mut self, direction: Direction, fault: WebSocketFault, origin: Origin, sink: &mut dyn MessageSink) {
        self.faults.tell(direction, fault, origin, sink);
    }

    /// Looks whether the handshake is over.
    fn settle(&mut self, is_end: bool, origin: Origin, sink: &mut dyn MessageSink) {
        loop {
            let Stage::Handshake(handshake) = &mut self.stage else { return };
            match handshake.outcome(is_end) {
                Outcome::Open => {
                    let interim = handshake.head(Direction::ToClient).is_some();
                    if !interim || !self.exchange(sink) {
                        return;
                    }
                }
                Outcome::Refused => {
                    let status = handshake.head(Direction::ToClient).and_then(|(head, ..)| head.status).unwrap_or(0);
                    self.note_request(sink);
                    self.note_response(sink);
                    if self.names_mqtt() {
                        self.faults.settle(true, sink);
                    }
                    self.fault(Direction::ToClient, WebSocketFault::Refused(status), origin, sink);
                    if !self.exchange(sink) {
                        return self.give_up(sink);
                    }
                }
                Outcome::Other => return self.give_up(sink),
                outcome @ (Outcome::Upgraded | Outcome::Assumed) => {
                    self.note_request(sink);
                    self.note_response(sink);
                    return self.upgrade(outcome, sink);
                }
            }
        }
    }

    /// Goes on to the next request or answer. Says whether there can be one.
    fn exchange(&mut self, sink: &mut dyn MessageSink) -> bool {
        let Stage::Handshake(handshake) = &mut self.stage else { return false };
        if sink.wants_carrier() {
            // Behind an interim answer the request still waits for its own.
            let interim = handshake
                .head(Direction::ToClient)
                .and_then(|(head, ..)| head.status)
                .is_some_and(|status| status < 200);
            tell_heads(handshake, if interim { &[Direction::ToClient] } else { &Direction::BOTH }, sink);
        }
        handshake.next()
    }

    /// It is nothing that is read here.
    fn give_up(&mut self, sink: &mut dyn MessageSink) {
        if let Stage::Handshake(handshake) = std::mem::replace(&mut self.stage, Stage::Over)
            && sink.wants_carrier()
        {
            tell_heads(&handshake, &Direction::BOTH, sink);
            handshake.replay(|direction, _, piece| match piece {
                Ok((bytes, place)) => tell_raw(direction, bytes, place, sink),
                Err((length, origin)) => tell_gap(direction, length, origin, sink),
            });
        }
    }

    fn upgrade(&mut self, outcome: Outcome, sink: &mut dyn MessageSink) {
        let Stage::Handshake(handshake) = std::mem::replace(&mut self.stage, Stage::Frames) else { return };
        self.facts.upgraded = true;
        // An answer that was no HTTP may be held as the begin of one.
        self.messages.leave();
        if sink.wants_carrier() {
            tell_heads(&handshake, &Direction::BOTH, sink);
        }
        let whole = PerDirection {
            to_server: !handshake.lacks_head(Direction::ToServer),
            to_client: outcome == Outcome::Upgraded && !handshake.lacks_head(Direction::ToClient),
        };
        self.flow.client_from_start = whole.to_server;
        self.flow.server_from_start = whole.to_client;
        let mut begun = PerDirection { to_server: false, to_client: false };
        for direction in Direction::BOTH {
            // Where nothing was held yet, frames begin behind the head.
            let end = handshake.head(direction).map_or(0, |(_, bytes, _)| bytes.len());
            let at = (handshake.before_head(direction) + end) as u64;
            self.readers[direction] = if whole[direction] { FrameReader::new(at) } else { FrameReader::joining(at) };
        }
        handshake.replay(|direction, start, piece| {
            if !std::mem::replace(&mut begun[direction], true) && !whole[direction] {
                self.readers[direction] = FrameReader::joining(start);
            }
            match piece {
                Ok((bytes, place)) => self.frames(direction, sink, |reader, work| reader.push(bytes, place, work)),
                Err((length, origin)) => {
                    self.frames(direction, sink, |reader, work| reader.gap(length, origin, work));
                }
            }
        });
    }

    /// Takes down what the client asks for.
    fn note_request(&mut self, sink: &mut dyn MessageSink) {
        let Stage::Handshake(handshake) = &self.stage else { return };
        let Some((head, _, Some(origin))) = handshake.head(Direction::ToServer) else { return };
        let head = head.clone();
        let private = |text: Option<Box<[u8]>>| match (&self.options.redactor, text) {
            (Some(redactor), Some(text)) => Some(redactor.text(&text).into_boxed_slice()),
            (_, text) => text,
        };
        self.facts.path = private(head.path.clone().map(str::into_boxed_bytes));
        self.facts.has_query = head.has_query;
        self.facts.host = private(head.host.clone());
        self.facts.origin = private(head.origin.clone());
        self.facts.user_agent = private(head.agent.clone());
        self.facts.extensions_offered.clone_from(&head.extensions);
        let mut faults = Vec::new();
        if !head.protocols.iter().any(|name| &**name == MQTT) {
            faults.push(WebSocketFault::NotOffered { old: head.protocols.iter().any(|name| &**name == OLD) });
        }
        if head.version.as_deref().is_none_or(|version| version != b"13") {
            faults.push(WebSocketFault::Version);
        }
        let lacks = [
            (head.method.as_deref() != Some("GET"), HandshakePart::Method),
            (head.minor == 0, HandshakePart::Http),
            (head.host.is_none(), HandshakePart::Host),
            (!head.connection_upgrades(), HandshakePart::Connection),
            (!head.key.as_deref().is_some_and(head::is_key), HandshakePart::Key),
        ];
        faults.extend(lacks.iter().filter(|(lacks, _)| *lacks).map(|(_, part)| WebSocketFault::Handshake(*part)));
        self.facts.offered = Some(head.protocols);
        for fault in faults {
            self.fault(Direction::ToServer, fault, origin, sink);
        }
    }

    /// Takes down what the server answers.
    fn note_response(&mut self, sink: &mut dyn MessageSink) {
        let Stage::Handshake(handshake) = &self.stage else { return };
        let Some((head, _, Some(origin))) = handshake.head(Direction::ToClient) else { return };
        let key = handshake.head(Direction::ToServer).and_then(|(request, ..)| request.key.clone());
        let head = head.clone();
        self.facts.status = head.status;
        self.facts.server = head.agent.clone().map(|agent| match &self.options.redactor {
            Some(redactor) => redactor.text(&agent).into(),
            None => agent,
        });
        if head.status != Some(101) {
            return;
        }
        self.facts.subprotocol = head.protocols.first().cloned();
        self.facts.extensions.clone_from(&head.extensions);
        self.facts.deflate = head.extensions.as_deref().and_then(Deflate::of);
        let mut faults = Vec::new();
        match (self.facts.subprotocol.as_deref(), self.facts.offered.as_deref()) {
            (Some(MQTT), None) => {}
            (chosen, offered) => {
                if chosen != Some(MQTT) {
                    faults.push(WebSocketFault::NotChosen { other: chosen.is_some() });
                }
                if let (Some(chosen), Some(offered)) = (chosen, offered)
                    && !offered.iter().any(|name| &**name == chosen)
                {
                    faults.push(WebSocketFault::NotAmongOffered);
                }
            }
        }
        match (head.accept.as_deref(), key) {
            (None, _) => faults.push(WebSocketFault::Handshake(HandshakePart::Accept)),
            (Some(accept), Some(key)) if accept != accept_of(&key).as_bytes() => {
                faults.push(WebSocketFault::WrongAccept);
            }
            (Some(_), _) => {}
        }
        if !head.connection_upgrades() {
            faults.push(WebSocketFault::Handshake(HandshakePart::Connection));
        }
        if let (Some(agreed), true) = (&head.extensions, self.facts.offered.is_some())
            && !head::were_offered(agreed, self.facts.extensions_offered.as_deref().unwrap_or_default())
        {
            faults.push(WebSocketFault::ExtensionNotOffered);
        }
        for fault in faults {
            self.fault(Direction::ToClient, fault, origin, sink);
        }
    }

    /// What is decided, if something new can be: what the frames carry, or that there are none.
    pub(super) fn judge(&self) -> Option<Decision> {
        let decided = |protocol| Some(Decision { protocol, turn_round: false });
        if self.ignored || self.inner.protocol().is_some() {
            return None;
        }
        match self.stage {
            Stage::Handshake(_) => None,
            Stage::Over => decided(Protocol::Http),
            Stage::Frames if self.names_mqtt() => {
                self.inner.has_news().then_some(()).and_then(|()| decided(Protocol::Mqtt))
            }
            Stage::Frames => match self.inner.decide_carried(self.flow)? {
                Protocol::Mqtt => decided(Protocol::Mqtt),
                _ => decided(Protocol::WebSocket),
            },
        }
    }

    /// Whether the ends have agreed on MQTT, or may have, by the names that are known.
    fn names_mqtt(&self) -> bool {
        let is_mqtt = |name: &str| name == MQTT || name == OLD;
        match (&self.facts.subprotocol, &self.facts.offered) {
            (Some(name), _) => is_mqtt(name),
            (None, Some(offered)) => offered.iter().any(|name| is_mqtt(name)),
            (None, None) => false,
        }
    }

    /// The protocol is decided.
    pub(super) fn begin(&mut self, decision: Decision, options: &DissectOptions, sink: &mut dyn MessageSink) {
        let mut decision = decision;
        self.faults.settle(decision.protocol == Protocol::Mqtt, sink);
        if decision.protocol != Protocol::Mqtt {
            self.ignored = true;
            decision.protocol = Protocol::Unknown;
        }
        let shift = |direction| self.readers[direction].shift().wrapping_add(self.ahead[direction]);
        let shift = PerDirection { to_server: shift(Direction::ToServer), to_client: shift(Direction::ToClient) };
        self.inner.begin_carried(decision, self.flow, options, shift, sink);
    }
}

/// The subprotocol of MQTT (5.0, section 6), and the name that it had before.
const MQTT: &str = "mqtt";
const OLD: &str = "mqttv3.1";

/// Takes what a reader gives on to the conversation within.
struct Within<'a> {
    conversation: &'a mut Conversation,
    ahead: u64,
    faults: &'a mut Faults,
    direction: Direction,
    sink: &'a mut dyn MessageSink,
}

impl Out for Within<'_> {
    fn inner(&mut self, bytes: &[u8], place: Place, shift: u64) {
        self.conversation.carried(self.direction, shift.wrapping_add(self.ahead));
        self.conversation.data(self.direction, bytes, place, self.sink);
    }

    fn missing(&mut self, length: Option<u64>, origin: Origin) {
        self.conversation.gap(self.direction, length.unwrap_or(UNKNOWN), origin, self.sink);
    }

    fn part(&mut self, part: &CarrierPart<'_>, origin: Origin) {
        self.sink.carrier(self.direction, part, origin);
    }

    fn wants_parts(&self) -> bool {
        self.sink.wants_carrier()
    }

    fn fault(&mut self, fault: WebSocketFault, origin: Origin) {
        self.faults.tell(self.direction, fault, origin, self.sink);
    }
}

fn tell_heads(handshake: &Handshake, of: &[Direction], sink: &mut dyn MessageSink) {
    for direction in of {
        if let Some((head, bytes, Some(origin))) = handshake.head(*direction) {
            let start = handshake.before_head(*direction) as u64;
            sink.carrier(*direction, &CarrierPart::Head { start, bytes, head }, origin);
        }
    }
}

fn tell_raw(direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
    if sink.wants_carrier() {
        sink.carrier(direction, &CarrierPart::Raw(bytes), place.origin);
    }
}

fn tell_gap(direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
    if sink.wants_carrier() {
        sink.carrier(direction, &CarrierPart::Missing(Some(length)), origin);
    }
}

impl super::Dissector for WebSocket {
    fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
        Self::data(self, direction, bytes, place, sink);
    }

    fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        Self::gap(self, direction, length, origin, sink);
    }

    fn finish(&mut self, sink: &mut dyn MessageSink) {
        Self::finish(self, sink);
    }
}
