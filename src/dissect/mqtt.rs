//! MQTT on a connection: packets out of both streams, the version they speak, the topics behind aliases.

mod opening;

pub(super) use opening::recognise;

use super::aliases::Aliases;
use super::{Dissector, FlowFacts, FramedMessage, Message, MessageSink, VersionKnownBy};
use crate::capture::{FrameNo, Origin, Place};
use crate::flow::{Direction, PerDirection};
use crate::mqtt::{
    self, Body, Confidence, FixedHeader, FrameSink, Framed, Framer, FramerLimits, Incomplete, LostSync, PacketType,
    Pending, Piece, PropertyId, Redactor, Sender, Version, VersionEvidence,
};
use crate::prefetch::prefetch;

/// Packets of a connection without CONNECT that are kept back while their version is in doubt, and their
/// bytes. More would delay a live view for nothing: a connection that says so little stays in doubt.
const DOUBTFUL_PACKETS: usize = 16;
const DOUBTFUL_BYTES: usize = 64 << 10;

/// Bytes of a redacted packet's buffer that are kept for the next one.
const KEPT_BYTES: usize = 4096;

/// Ports that are registered for MQTT, or used for it by habit.
const PORTS: [u16; 3] = [1883, 1884, 14567];

/// Whether all properties of a PUBLISH are there, of which `missing` bytes at its end are not.
fn has_all_properties(publish: &mqtt::Publish<'_>, missing: u32) -> bool {
    missing == 0 || publish.payload_length.is_some_and(|payload| missing <= payload)
}

/// MQTT in both directions of one connection.
#[derive(Debug)]
pub struct Mqtt {
    framers: PerDirection<Option<Framer>>,
    limits: FramerLimits,
    from_start: PerDirection<bool>,
    reader: Reader,
}

/// What turns framed packets into messages.
#[derive(Debug)]
struct Reader {
    version: Option<(Version, VersionKnownBy)>,
    evidence: VersionEvidence,
    /// The roles of the ends are proved, by a handshake or by a packet that only one of them sends.
    roles_proved: bool,
    /// The roles are proved, or the ports tell them.
    sender_known: bool,
    /// The roles are the other way round than the caller's directions have them, and whether it knows.
    turned: bool,
    turn_untold: bool,
    /// Made with the first alias.
    aliases: PerDirection<Option<Box<Aliases>>>,
    /// They take more than usual.
    has_many_aliases: bool,
    /// Packets whose version is in doubt, and those behind them.
    doubtful: Option<Box<Doubtful>>,
    /// What replaces everything private before it is decoded, and the body that it works on.
    redactor: Option<Box<(Redactor, Vec<u8>)>>,
    /// How many bytes the streams are ahead that carry these, if any do.
    shift: Option<Box<PerDirection<u64>>>,
}

/// Packets that are kept back.
#[derive(Debug, Default)]
struct Doubtful {
    packets: Vec<Kept>,
    bytes: usize,
}

/// A packet that is kept back.
#[derive(Debug)]
struct Kept {
    direction: Direction,
    header: FixedHeader,
    body: Box<[u8]>,
    place: KeptPosition,
}

/// The frames and pieces of a packet that is kept back.
#[derive(Debug, Clone)]
enum Pieces {
    /// It stood in one segment.
    One([FrameNo; 1], [Piece; 1]),
    Many(Box<(Vec<FrameNo>, Vec<Piece>)>),
}

impl Pieces {
    fn of(frames: &[FrameNo], pieces: &[Piece]) -> Self {
        match (frames, pieces) {
            ([frame], [piece]) => Self::One([*frame], [*piece]),
            _ => Self::Many(Box::new((frames.to_vec(), pieces.to_vec()))),
        }
    }

    fn get(&self) -> (&[FrameNo], &[Piece]) {
        match self {
            Self::One(frame, piece) => (frame, piece),
            Self::Many(all) => (&all.0, &all.1),
        }
    }
}

/// Where a packet stood.
#[derive(Debug, Clone)]
struct KeptPosition {
    stream: Direction,
    origin: Origin,
    started: Origin,
    pieces: Pieces,
    start: u64,
    missing: u32,
    resynced: bool,
}

impl Mqtt {
    /// See [`super::Conversation::prefetch`].
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.framers.to_server);
        prefetch(&self.framers.to_client);
        prefetch(&self.reader.version);
        prefetch(&self.reader.aliases);
        prefetch(&self.reader.doubtful);
    }

    /// Bytes of a packet that has begun in this direction and not ended.
    #[inline]
    pub(super) fn held_bytes(&self, direction: Direction) -> usize {
        self.framers[direction].as_ref().map_or(0, Framer::held_bytes)
    }

    /// Memory besides that its framer takes.
    #[inline]
    pub(super) fn piece_bytes(&self, direction: Direction) -> usize {
        self.framers[direction].as_ref().map_or(0, Framer::piece_bytes)
    }

    /// Bytes of packets whose version is in doubt.
    #[inline]
    fn doubtful_bytes(&self) -> usize {
        self.reader.doubtful.as_ref().map_or(0, |doubtful| doubtful.bytes)
    }

    /// Bytes of packets whose version is in doubt, and of more aliases than usual.
    #[inline]
    pub(super) fn shared_bytes(&self) -> usize {
        let of = |aliases: &Option<Box<Aliases>>| aliases.as_ref().map_or(0, |aliases| aliases.unusual_bytes());
        let aliases = if self.reader.has_many_aliases {
            of(&self.reader.aliases.to_server) + of(&self.reader.aliases.to_client)
        } else {
            0
        };
        aliases + self.doubtful_bytes()
    }

    /// Whether it holds anything of this direction, or of both.
    #[inline]
    pub(super) fn may_hold(&self, direction: Direction) -> bool {
        let is_within = |framer: &Framer| framer.pending() != Pending::Nothing;
        let is_doubtful = self.reader.doubtful.is_some();
        self.framers[direction].as_ref().is_some_and(is_within) || is_doubtful || self.reader.has_many_aliases
    }

    /// Holds nothing back any more; gives how many packets are cut by it.
    pub(super) fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        self.reader.settle_doubts(sink);
        if self.reader.has_many_aliases {
            self.reader.has_many_aliases = false;
            self.reader.aliases.to_server.iter_mut().for_each(|aliases| aliases.forget());
            self.reader.aliases.to_client.iter_mut().for_each(|aliases| aliases.forget());
        }
        Direction::BOTH.map(|way| u64::from(self.framers[way].as_mut().is_some_and(Framer::shed))).into_iter().sum()
    }

    /// For a flow of which `facts` are known.
    pub fn new(facts: FlowFacts, options: &super::DissectOptions) -> Self {
        let version = options.mqtt_version.map(|version| (version, VersionKnownBy::Option));
        Self {
            framers: PerDirection::default(),
            limits: options.framer,
            from_start: PerDirection { to_server: facts.client_from_start, to_client: facts.server_from_start },
            reader: Reader {
                version,
                evidence: VersionEvidence::default(),
                roles_proved: facts.roles_proved,
                sender_known: facts.roles_proved || facts.roles_by_port || PORTS.contains(&facts.server_port),
                turned: false,
                turn_untold: false,
                aliases: PerDirection::default(),
                has_many_aliases: false,
                doubtful: None,
                redactor: options.redactor.map(|redactor| Box::new((redactor, Vec::new()))),
                shift: None,
            },
        }
    }

    /// See [`super::Conversation::carried`].
    pub(super) fn carried(&mut self, direction: Direction, shift: u64) {
        self.reader.shift.get_or_insert_default()[direction] = shift;
    }

    /// The version that the CONNECT has named.
    pub(super) fn version_of_connect(&self) -> Option<Version> {
        self.reader.version.filter(|(_, by)| *by == VersionKnownBy::Connect).map(|(version, _)| version)
    }

    /// A CONNECT has named the version elsewhere.
    pub(super) const fn set_version(&mut self, version: Version) {
        self.reader.version = Some((version, VersionKnownBy::Connect));
    }

    /// See [`super::Conversation::turned_round`].
    pub(super) fn turned_round(&mut self) -> bool {
        let turned = std::mem::take(&mut self.reader.turn_untold);
        if turned {
            self.framers.swap();
            self.from_start.swap();
            self.reader.turned = false;
            for kept in self.reader.doubtful.iter_mut().flat_map(|doubtful| &mut doubtful.packets) {
                kept.place.stream = kept.place.stream.reverse();
            }
        }
        turned
    }
}

impl Dissector for Mqtt {
    fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
        let limits = self.limits;
        let framer = self.framers[direction].get_or_insert_with(|| {
            // A stream that was joined in the middle most often begins with a packet, for it begins with a segment.
            if self.from_start[direction] || mqtt::begins_with_packet(bytes) {
                Framer::new(limits)
            } else {
                Framer::joining(limits)
            }
        });
        framer.push(bytes, place, &mut Packets { direction, reader: &mut self.reader, sink });
    }

    fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        let framer = self.framers[direction].get_or_insert_with(|| Framer::joining(self.limits));
        framer.gap(length, origin, &mut Packets { direction, reader: &mut self.reader, sink });
    }

    fn finish(&mut self, sink: &mut dyn MessageSink) {
        for direction in Direction::BOTH {
            if let Some(framer) = &mut self.framers[direction] {
                framer.finish(&mut Packets { direction, reader: &mut self.reader, sink });
            }
        }
        self.reader.settle_doubts(sink);
    }
}

/// Takes the packets of one direction from the framer.
struct Packets<'a> {
    direction: Direction,
    reader: &'a mut Reader,
    sink: &'a mut dyn MessageSink,
}

impl FrameSink for Packets<'_> {
    fn packet(&mut self, framed: Framed<'_>) {
        self.reader.check_roles(self.direction, framed.header, framed.body);
        let direction = self.reader.direction(self.direction);
        let ambiguous = self.reader.observe(direction, framed.header, framed.body);
        self.reader.check_roles_by_content(self.direction, &framed);
        let direction = self.reader.direction(self.direction);
        if self.reader.is_doubtful(ambiguous) {
            if self.sink.wants_previews() {
                let position = Position::of(self.direction, &framed);
                self.reader.emit(direction, framed.header, framed.body, position, Tell::Preview, self.sink);
            }
            let place = KeptPosition {
                stream: self.direction,
                origin: framed.origin,
                started: framed.started,
                pieces: Pieces::of(framed.frames, framed.pieces),
                start: framed.start,
                missing: framed.missing,
                resynced: framed.resynced,
            };
            self.reader.keep(direction, framed.header, framed.body, place, self.sink);
            return;
        }
        self.reader.settle_doubts(self.sink);
        let position = Position::of(self.direction, &framed);
        self.reader.emit(direction, framed.header, framed.body, position, Tell::Message, self.sink);
    }

    fn incomplete(&mut self, incomplete: Incomplete<'_>) {
        self.reader.settle_doubts(self.sink);
        let Some(header) = incomplete.header else {
            self.sink.cut_header(self.reader.direction(self.direction), incomplete.start);
            return;
        };
        let origin = incomplete.origin;
        let position = Position {
            stream: self.direction,
            origin,
            started: incomplete.started,
            frames: incomplete.frames,
            pieces: incomplete.pieces,
            start: incomplete.start,
            missing: incomplete.missing,
            resynced: incomplete.resynced,
            incomplete: true,
        };
        let direction = self.reader.direction(self.direction);
        self.reader.emit(direction, header, incomplete.body, position, Tell::Message, self.sink);
    }

    fn lost_sync(&mut self, lost: LostSync) {
        self.reader.settle_doubts(self.sink);
        let (version, _) = self.reader.version();
        let direction = self.reader.direction(self.direction);
        // What was lost may have given aliases another meaning.
        self.reader.aliases[direction] = None;
        self.sink.lost_sync(direction, lost, version);
    }
}

/// Where a packet stood, borrowed.
#[derive(Clone, Copy)]
struct Position<'a> {
    stream: Direction,
    origin: Origin,
    started: Origin,
    frames: &'a [FrameNo],
    pieces: &'a [Piece],
    start: u64,
    missing: u32,
    resynced: bool,
    incomplete: bool,
}

impl<'a> Position<'a> {
    const fn of(stream: Direction, framed: &Framed<'a>) -> Self {
        Self {
            stream,
            origin: framed.origin,
            started: framed.started,
            frames: framed.frames,
            pieces: framed.pieces,
            start: framed.start,
            missing: framed.missing,
            resynced: framed.resynced,
            incomplete: false,
        }
    }
}

/// As what a packet is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tell {
    Message,
    /// Its version was in doubt until now.
    Settled,
    /// It changes nothing: the packet comes again.
    Preview,
}

impl Reader {
    /// The direction by the roles that the packets have shown.
    const fn direction(&self, direction: Direction) -> Direction {
        if self.turned { direction.reverse() } else { direction }
    }

    /// Sees whether a packet comes from the end that does not send such packets, though no handshake proves the roles.
    fn check_roles(&mut self, direction: Direction, header: FixedHeader, body: &[u8]) {
        if self.roles_proved {
            return;
        }
        // Versions differ only in who may send DISCONNECT and AUTH; 5.0 lets both.
        let sender = header.packet_type.sender(Version::V5);
        if sender == Sender::Either || !mqtt::plausible(header, body, None) {
            return;
        }
        self.roles_proved = true;
        self.comes_from(sender, self.direction(direction));
    }

    /// The same by what a packet holds that only one end may send with it, where nothing else tells who is who. That end may
    /// break this rule, so that what it never sends says more.
    fn check_roles_by_content(&mut self, direction: Direction, framed: &Framed<'_>) {
        if self.sender_known || self.version().0 != Version::V5 || framed.missing > 0 || framed.resynced {
            return;
        }
        let packet = mqtt::decode(framed.header, framed.body, Version::V5);
        let code = match &packet.body {
            Body::Ack(ack) => ack.reason_code,
            Body::Disconnect(disconnect) => disconnect.reason_code,
            Body::Auth(auth) => auth.reason_code,
            _ => None,
        };
        let sender = match (&packet.body, code) {
            _ if !packet.deviations.is_empty() => return,
            (Body::Publish(publish), _) if publish.properties.get(PropertyId::SubscriptionIdentifier).is_some() => {
                Sender::Server
            }
            (_, Some(code)) => mqtt::sender_of_code(framed.header.packet_type, code),
            _ => return,
        };
        if sender != Sender::Either {
            self.comes_from(sender, self.direction(direction));
        }
    }

    /// A packet of this direction is of an end that is known by it.
    fn comes_from(&mut self, sender: Sender, direction: Direction) {
        self.sender_known = true;
        if (sender == Sender::Client) != (direction == Direction::ToServer) {
            self.turned = !self.turned;
            self.turn_untold = !self.turn_untold;
            self.aliases.swap();
            for kept in self.doubtful.iter_mut().flat_map(|doubtful| &mut doubtful.packets) {
                kept.direction = kept.direction.reverse();
            }
        }
    }

    /// Learns the version from a packet; says whether the packet itself reads well in two ways.
    fn observe(&mut self, direction: Direction, header: FixedHeader, body: &[u8]) -> bool {
        if header.packet_type == PacketType::Connect {
            if let Body::Connect(connect) = mqtt::decode(header, body, Version::V311).body
                && let Some(version) = connect.version()
            {
                self.version = Some((version, VersionKnownBy::Connect));
            }
            return false;
        }
        if self.version.is_some_and(|(_, by)| by != VersionKnownBy::Inferred) {
            return false;
        }
        let sender = match direction {
            Direction::ToServer => Sender::Client,
            Direction::ToClient => Sender::Server,
        };
        let ambiguous = self.evidence.observe(self.sender_known.then_some(sender), header, body);
        if let Some((version, Confidence::Strong)) = self.evidence.verdict() {
            self.version = Some((version, VersionKnownBy::Inferred));
        }
        ambiguous
    }

    /// Whether the packet reads differently by version, and which it is is not settled.
    const fn is_doubtful(&self, ambiguous: bool) -> bool {
        self.version.is_none() && (ambiguous || self.doubtful.is_some())
    }

    fn keep(
        &mut self,
        direction: Direction,
        header: FixedHeader,
        body: &[u8],
        place: KeptPosition,
        sink: &mut dyn MessageSink,
    ) {
        let doubtful = self.doubtful.get_or_insert_default();
        doubtful.bytes += body.len();
        if doubtful.packets.is_empty() {
            // Most connections that stay in doubt have said no more than one thing.
            doubtful.packets.reserve_exact(1);
        }
        doubtful.packets.push(Kept { direction, header, body: body.into(), place });
        if doubtful.packets.len() >= DOUBTFUL_PACKETS || doubtful.bytes > DOUBTFUL_BYTES {
            self.settle_doubts(sink);
            // What was told once is not told otherwise later.
            self.version = self.evidence.verdict().map(|(version, _)| (version, VersionKnownBy::Inferred));
        }
    }

    /// Emits what was kept back, with the version that the evidence so far speaks for.
    fn settle_doubts(&mut self, sink: &mut dyn MessageSink) {
        let Some(doubtful) = self.doubtful.take() else { return };
        for kept in doubtful.packets {
            let place = &kept.place;
            let (frames, pieces) = place.pieces.get();
            let position = Position {
                stream: place.stream,
                origin: place.origin,
                started: place.started,
                frames,
                pieces,
                start: place.start,
                missing: place.missing,
                resynced: place.resynced,
                incomplete: false,
            };
            self.emit(kept.direction, kept.header, &kept.body, position, Tell::Settled, sink);
        }
    }

    /// The version to read with, and by what it is known.
    fn version(&self) -> (Version, VersionKnownBy) {
        self.version.unwrap_or_else(|| {
            let likely = self.evidence.verdict().map_or(Version::V311, |(version, _)| version);
            (likely, VersionKnownBy::Inferred)
        })
    }

    fn emit(
        &mut self,
        direction: Direction,
        header: FixedHeader,
        body: &[u8],
        position: Position<'_>,
        tell: Tell,
        sink: &mut dyn MessageSink,
    ) {
        let (version, version_known_by) = self.version();
        let mut redactor = self.redactor.take();
        let body = match redactor.as_deref_mut() {
            Some((redactor, redacted)) => {
                redacted.clear();
                redacted.extend_from_slice(body);
                redactor.redact(header, redacted, version);
                redacted.as_slice()
            }
            None => body,
        };
        if tell != Tell::Preview && header.packet_type == PacketType::Connect && !position.incomplete {
            // Aliases live as long as the connection (MQTT 5.0, section 3.3.2.3.4).
            self.aliases = PerDirection::default();
            self.has_many_aliases = false;
        }
        let shift = self.shift.as_ref().map_or(0, |shift| shift[position.stream]);
        let framed = FramedMessage {
            header,
            body,
            version,
            direction,
            stream: position.stream,
            origin: position.origin,
            started: position.started,
            frames: position.frames,
            pieces: position.pieces,
            stream_offset: position.start,
            outer_end: position.start.wrapping_add(header.packet_length()).wrapping_add(shift),
            version_known_by,
            missing: position.missing,
            resynced: position.resynced,
            incomplete: position.incomplete,
            quic: None,
            was_doubtful: tell == Tell::Settled,
        };
        if tell == Tell::Preview || !framed.stands_alone() || !sink.framed(&framed) {
            let mut message = framed.read();
            let aliases = &mut self.aliases[direction];
            self.has_many_aliases |= resolve(&mut message, aliases, tell);
            match tell {
                Tell::Message | Tell::Settled => sink.message(&message),
                Tell::Preview => sink.preview(&message),
            }
        }
        if let Some((_, redacted)) = redactor.as_deref_mut() {
            // One body of a megabyte must not keep as much for as long as the connection lives.
            redacted.shrink_to(KEPT_BYTES);
        }
        self.redactor = redactor;
    }
}

/// Says which topic a PUBLISH is about, and learns what its alias stands for (MQTT 5.0, section 3.3.2.3.4). Gives whether
/// aliases take more than usual by now.
fn resolve<'a>(message: &mut Message<'a>, aliases: &'a mut Option<Box<Aliases>>, tell: Tell) -> bool {
    let Body::Publish(publish) = &message.packet.body else { return false };
    let mut topic_alias = None;
    if !publish.properties.is_empty() {
        let alias = publish.properties.get(PropertyId::TopicAlias).and_then(mqtt::PropertyValue::number);
        topic_alias = alias.and_then(|alias| u16::try_from(alias).ok());
    }
    message.topic = match topic_alias {
        Some(alias) if publish.topic.is_some_and(<[u8]>::is_empty) => {
            let topic = aliases.as_ref().and_then(|aliases| aliases.get(alias));
            let may_be = aliases.as_ref().is_some_and(|aliases| aliases.may_have_forgotten());
            message.topic_forgotten = topic.is_none() && may_be;
            topic
        }
        _ if tell == Tell::Preview => publish.topic.filter(|topic| !topic.is_empty()),
        Some(alias) => {
            publish.topic.inspect(|topic| aliases.get_or_insert_default().set(alias, topic));
            publish.topic
        }
        None if message.packet.version == Version::V5 && !has_all_properties(publish, message.packet.missing) => {
            // The properties are not all there: which alias they set or stand for is not known.
            aliases.get_or_insert_default().forget();
            publish.topic.filter(|topic| !topic.is_empty())
        }
        None => publish.topic,
    };
    message.topic_alias = topic_alias;
    topic_alias.is_some() && aliases.as_ref().is_some_and(|aliases| aliases.unusual_bytes() > 0)
}
