//! An MQTT control packet with all that its connection adds to it: where it stood, who sent it, what its
//! topic alias means.

use std::ops::Deref;

use crate::capture::{FrameNo, Origin};
use crate::flow::Direction;
use crate::mqtt::{self, Body, ControlPacket, FixedHeader, PacketType, Piece, Version};

/// By what the protocol version of a connection is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionKnownBy {
    /// The CONNECT names it.
    Connect,
    /// The user named it.
    Option,
    /// The packets can be read in no other way, or most likely in this one.
    Inferred,
}

impl VersionKnownBy {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Option => "option",
            Self::Inferred => "inferred",
        }
    }
}

/// The stream of QUIC that a packet came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicLane(u64);

/// Numbers of streams have 62 bits (RFC 9000, section 2.1).
const ASIDE: u64 = 1 << 63;

impl QuicLane {
    /// Of the number of the stream, and whether it is the one with the CONNECT.
    pub const fn new(stream: u64, control: bool) -> Self {
        Self(stream & !ASIDE | if control { 0 } else { ASIDE })
    }

    /// The number of the stream.
    pub const fn stream(self) -> u64 {
        self.0 & !ASIDE
    }

    /// Whether it is another stream than the one with the CONNECT. Then nobody has said in which order its packets are with
    /// those of the others, nor whether its packet identifiers and topic aliases are its own.
    pub const fn is_aside(self) -> bool {
        self.0 & ASIDE != 0
    }
}

/// A control packet as it was cut out of its stream, with what its connection adds to it: its fields are not read yet.
#[derive(Debug, Clone, Copy)]
pub struct FramedMessage<'a> {
    /// Its fixed header.
    pub header: FixedHeader,
    /// The bytes behind its fixed header, as far as they are available without a hole.
    pub body: &'a [u8],
    /// The version to read it as; a CONNECT is read as the one that it names.
    pub version: Version,
    /// By what the version is known.
    pub version_known_by: VersionKnownBy,
    /// From whom to whom.
    pub direction: Direction,
    /// The direction of the stream in which it stood, as the flow is named by now. It is the other one where this
    /// very packet, or one shortly before it, has shown that the roles are to be exchanged.
    pub stream: Direction,
    /// The frame that completed it.
    pub origin: Origin,
    /// The frame that began it.
    pub started: Origin,
    /// The frames that delivered bytes of it, ascending; of very many only the first.
    pub frames: &'a [FrameNo],
    /// Where its bytes came from, in the order of the packet; of very many pieces only the first.
    ///
    /// What no piece covers is missing.
    pub pieces: &'a [Piece],
    /// Where it begins in its direction's stream, in bytes.
    pub stream_offset: u64,
    /// Where it ends in the stream of the flow, in bytes. That is another stream than its own where one carries the other,
    /// as WebSocket does; then it may be a little less, and never more than was read.
    pub outer_end: u64,
    /// Bytes of it that were never captured; of an incomplete one also those that never came.
    pub missing: u32,
    /// It was found by searching, after bytes that are missing or could not be read.
    pub resynced: bool,
    /// The stream ended in the middle of it.
    pub incomplete: bool,
    /// The stream of QUIC that it came on, if QUIC carries it.
    pub quic: Option<QuicLane>,
    /// Its version was in doubt, so that it is told later than it could be read: then it was told as a preview, where these
    /// are asked for.
    pub was_doubtful: bool,
}

/// A control packet on a connection: read, and with what earlier packets say of it. It has all that it was framed with.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// What was known before its fields were read.
    pub framed: FramedMessage<'a>,
    /// Its fields.
    pub packet: ControlPacket<'a>,
    /// The topic that a PUBLISH is about, its alias resolved; absent where the alias was not seen to be set.
    pub topic: Option<&'a [u8]>,
    /// The topic alias of a PUBLISH.
    pub topic_alias: Option<u16>,
    /// The alias has no topic here, and may have been set all the same, by what was not kept or not read whole.
    pub topic_forgotten: bool,
}

impl<'a> Deref for Message<'a> {
    type Target = FramedMessage<'a>;

    fn deref(&self) -> &FramedMessage<'a> {
        &self.framed
    }
}

impl<'a> FramedMessage<'a> {
    /// Reads its fields. What earlier packets of the connection add is left out: the topic is the one that it names itself.
    #[inline]
    pub fn read(&self) -> Message<'a> {
        let packet = mqtt::decode(self.header, self.body, self.version);
        let topic = match &packet.body {
            Body::Publish(publish) => publish.topic,
            _ => None,
        };
        Message { framed: *self, packet, topic, topic_alias: None, topic_forgotten: false }
    }

    /// Whether [`FramedMessage::read`] gives all of the message, and it changes nothing for those behind it: a whole packet that
    /// neither begins a session nor has to do with topic aliases.
    #[inline]
    pub fn stands_alone(&self) -> bool {
        // A limit may have cut it as well.
        let is_here = self.body.len() == self.header.remaining_length as usize;
        let is_whole = is_here && self.missing == 0 && !self.incomplete;
        match self.header.packet_type {
            PacketType::Connect => false,
            PacketType::Publish if self.version == Version::V5 => is_whole && self.names_topic_alone(),
            _ => is_whole,
        }
    }

    /// Whether a PUBLISH of 5.0 has a topic, and no properties (MQTT 5.0, section 3.3.2).
    fn names_topic_alone(&self) -> bool {
        let Some((length, _)) = self.body.split_first_chunk() else { return false };
        let length = usize::from(u16::from_be_bytes(*length));
        let identifier = if matches!(self.header.qos(), 1 | 2) { 2 } else { 0 };
        length > 0 && self.header.qos() < 3 && self.body.get(2 + length + identifier) == Some(&0)
    }
}

impl<'a> Message<'a> {
    /// Whether it came beside the stream that carries the session: see [`QuicLane::is_aside`].
    pub fn is_aside(&self) -> bool {
        self.quic.is_some_and(QuicLane::is_aside)
    }

    /// Where so many bytes from this one of the packet on came from. Bytes that were not captured are left out; of no
    /// bytes it is the place where they would stand.
    pub fn parts(&self, offset: u32, length: u32) -> impl Iterator<Item = Piece> + use<'a> {
        let end = offset.saturating_add(length);
        let first = self.pieces.partition_point(|piece| {
            let behind = piece.offset + piece.length;
            if length == 0 { behind < offset } else { behind <= offset }
        });
        let pieces = self.pieces.get(first..).unwrap_or_default().iter();
        let reaches = move |piece: &&Piece| piece.offset < end || (length == 0 && piece.offset == end);
        let most = if length == 0 { 1 } else { usize::MAX };
        pieces.take_while(reaches).take(most).map(move |piece| {
            let from = piece.offset.max(offset);
            let to = (piece.offset + piece.length).min(end);
            let place = piece.place.plus((from - piece.offset) as usize);
            Piece { offset: from, length: to - from, place }
        })
    }
}
