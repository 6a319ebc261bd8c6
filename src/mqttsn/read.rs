//! From the bytes of a datagram to its message.

use super::deviation::{Deviation, DeviationKind};
use super::kind::Kind;
use super::packet::{Body, Datagram, Encapsulation, Flags, Header, Packet, ReturnCode, TopicIdType, TopicRef};

/// The length octet that says that two more follow (section 5.2.1).
const LONG: u8 = 0x01;

/// How long a client id may be (section 5.3.1).
const CLIENT_ID: usize = 23;

/// Reads a datagram of `wire_length` bytes, of which `bytes` were captured. Nothing where not even a length and a type
/// were captured.
pub fn read(bytes: &[u8], wire_length: u32) -> Option<Datagram<'_>> {
    let outer = header(bytes)?;
    if outer.kind != Kind::Encapsulated {
        let packet = Reader::new(bytes, outer, wire_length, 0).packet();
        return Some(Datagram { encapsulation: None, offset: 0, packet });
    }
    let missing = wire_length.saturating_sub(bytes.len() as u32);
    let parts = encapsulation(bytes, outer).zip(bytes.get(usize::from(outer.length)..));
    let inner = parts.and_then(|(_, inner)| Some((inner, header(inner)?)));
    let (Some(((encapsulation, control), _)), Some((inner, header))) = (parts, inner) else {
        // There is no message in it, or the capture has not enough of it.
        let none = Deviation { kind: DeviationKind::FieldLengths(Kind::Encapsulated), offset: 0 };
        let deviations = if missing > 0 { Vec::new() } else { vec![none] };
        let packet = Packet { header: outer, body: Body::Unread, deviations, missing };
        let encapsulation = parts.map(|((encapsulation, _), _)| encapsulation);
        return Some(Datagram { encapsulation, offset: 0, packet });
    };
    let offset = u32::from(outer.length);
    let mut reader = Reader::new(inner, header, wire_length.saturating_sub(offset), offset);
    if control & !3 != 0 {
        let at = u32::from(outer.octets);
        reader.deviations.push(Deviation { kind: DeviationKind::EncapsulationControl(control & !3), offset: at });
    }
    if header.kind == Kind::Encapsulated {
        reader.note(DeviationKind::NestedEncapsulation, 0);
    }
    Some(Datagram { encapsulation: Some(encapsulation), offset, packet: reader.packet() })
}

/// The header at the beginning of these bytes.
fn header(bytes: &[u8]) -> Option<Header> {
    let (length, octets, code) = match bytes {
        [LONG, high, low, code, ..] => (u16::from_be_bytes([*high, *low]), 4, *code),
        [LONG, ..] => return None,
        [length, code, ..] => (u16::from(*length), 2, *code),
        _ => return None,
    };
    Some(Header { kind: Kind::from_code(code), code, length, octets })
}

/// What a forwarder says, and its control octet.
fn encapsulation(bytes: &[u8], header: Header) -> Option<(Encapsulation<'_>, u8)> {
    let fields = bytes.get(usize::from(header.octets)..usize::from(header.length))?;
    let (control, node) = fields.split_first()?;
    Some((Encapsulation { radius: control & 3, node }, *control))
}

/// Reads the fields of one message.
struct Reader<'a> {
    header: Header,
    /// The fields, as far as they were captured and belong to the message.
    fields: &'a [u8],
    /// How many bytes of fields there are by the message's own length and the datagram's.
    length: usize,
    missing: u32,
    /// Where the message begins in its datagram.
    base: u32,
    deviations: Vec<Deviation>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], header: Header, wire_length: u32, base: u32) -> Self {
        let said = u32::from(header.length);
        // What is behind its end belongs to no message.
        let length = said.min(wire_length) as usize;
        let captured = bytes.get(..bytes.len().min(length)).unwrap_or_default();
        let octets = usize::from(header.octets);
        let mut reader = Self {
            header,
            fields: captured.get(octets..).unwrap_or_default(),
            length: length.saturating_sub(octets),
            missing: (length - captured.len()) as u32,
            base,
            deviations: Vec::new(),
        };
        if said != wire_length {
            reader.note(DeviationKind::LengthMismatch { said: header.length, there: wire_length }, 0);
        }
        reader
    }

    /// Notes a deviation at this byte of the message.
    fn note(&mut self, kind: DeviationKind, at: u32) {
        self.deviations.push(Deviation { kind, offset: self.base + at });
    }

    /// The same at this byte of its fields.
    fn note_field(&mut self, kind: DeviationKind, at: u32) {
        self.note(kind, u32::from(self.header.octets) + at);
    }

    fn packet(mut self) -> Packet<'a> {
        let kind = self.header.kind;
        let body = match kind {
            Kind::Reserved => {
                let at = u32::from(self.header.octets) - 1;
                self.note(DeviationKind::ReservedType(self.header.code), at);
                Body::Unread
            }
            _ => self.body(kind).unwrap_or_else(|| {
                if self.fits(kind) && self.missing > 0 {
                    // It is only that the capture has not all of it.
                } else {
                    self.note_field(DeviationKind::FieldLengths(kind), 0);
                }
                Body::Unread
            }),
        };
        Packet { header: self.header, body, deviations: self.deviations, missing: self.missing }
    }

    /// Whether so many bytes of fields are right for the type.
    const fn fits(&self, kind: Kind) -> bool {
        let length = self.length;
        match kind {
            Kind::Advertise => length == 3,
            Kind::SearchGw | Kind::ConnAck | Kind::WillTopicResp | Kind::WillMsgResp => length == 1,
            Kind::GwInfo => length >= 1,
            Kind::WillTopicReq | Kind::WillMsgReq | Kind::PingResp => length == 0,
            Kind::WillTopic | Kind::WillTopicUpd => length != 1,
            Kind::WillMsg | Kind::WillMsgUpd | Kind::PingReq => true,
            // A topic name has one character at least; a payload may be empty.
            Kind::Register | Kind::Publish => length >= 5,
            Kind::RegAck | Kind::PubAck => length == 5,
            Kind::PubRec | Kind::PubRel | Kind::PubComp | Kind::UnsubAck => length == 2,
            Kind::Connect | Kind::Subscribe | Kind::Unsubscribe => length >= 4,
            Kind::SubAck => length == 6,
            Kind::Disconnect => length == 0 || length == 2,
            Kind::Encapsulated | Kind::Reserved => false,
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.fields.get(at).copied()
    }

    fn number(&self, at: usize) -> Option<u16> {
        let bytes = self.fields.get(at..)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*bytes))
    }

    /// The rest, as far as it was captured.
    fn rest(&self, at: usize) -> &'a [u8] {
        self.fields.get(at..).unwrap_or_default()
    }

    /// A text up to the end of the message.
    fn text(&mut self, at: usize) -> &'a [u8] {
        let text = self.rest(at);
        // A text that is cut by the snap length may end within a character.
        let broken = std::str::from_utf8(text).is_err_and(|error| self.missing == 0 || error.error_len().is_some());
        if broken {
            self.note_field(DeviationKind::NotUtf8, at as u32);
        }
        text
    }

    fn client_id(&mut self, at: usize) -> &'a [u8] {
        let id = self.text(at);
        let length = std::str::from_utf8(id).map_or(id.len(), |text| text.chars().count());
        if self.missing == 0 && (length == 0 || length > CLIENT_ID) {
            self.note_field(DeviationKind::ClientIdLength(length), at as u32);
        }
        id
    }

    fn flags(&mut self, at: usize) -> Option<Flags> {
        let flags = Flags(self.byte(at)?);
        let kind = self.header.kind;
        let unused = kind.used_flags().map_or(0, |used| flags.0 & !used);
        if unused != 0 {
            self.note_field(DeviationKind::UnusedFlags(kind, unused), at as u32);
        }
        let has_topic_type = matches!(kind, Kind::Publish | Kind::Subscribe | Kind::Unsubscribe);
        if has_topic_type && flags.topic_id_type() == TopicIdType::Reserved {
            self.note_field(DeviationKind::ReservedTopicIdType, at as u32);
        }
        // Where QoS has no meaning at all, these are unused flags.
        let has_qos = kind.used_flags().is_some_and(|used| used & 0x60 != 0);
        if has_qos && flags.qos() == -1 && kind != Kind::Publish {
            self.note_field(DeviationKind::MinusOneMisplaced(kind), at as u32);
        }
        Some(flags)
    }

    fn code(&mut self, at: usize) -> Option<ReturnCode> {
        let code = ReturnCode(self.byte(at)?);
        if code.name().is_none() {
            self.note_field(DeviationKind::ReservedReturnCode(code.0), at as u32);
        }
        Some(code)
    }

    /// The message id of what is to be answered.
    fn message_id(&mut self, at: usize) -> Option<u16> {
        let id = self.number(at)?;
        if id == 0 {
            self.note_field(DeviationKind::MessageIdZero(self.header.kind), at as u32);
        }
        Some(id)
    }

    fn check_topic_id(&mut self, id: u16, at: u32) {
        if matches!(id, 0 | 0xffff) {
            self.note_field(DeviationKind::ReservedTopicId(id), at);
        }
    }

    fn body(&mut self, kind: Kind) -> Option<Body<'a>> {
        if !self.fits(kind) {
            return None;
        }
        Some(match kind {
            Kind::Advertise => Body::Advertise { gateway_id: self.byte(0)?, duration: self.number(1)? },
            Kind::SearchGw => Body::SearchGw { radius: self.byte(0)? },
            Kind::GwInfo => Body::GwInfo { gateway_id: self.byte(0)?, address: self.rest(1) },
            Kind::Connect => self.connect()?,
            Kind::ConnAck | Kind::WillTopicResp | Kind::WillMsgResp => Body::Answer(self.code(0)?),
            Kind::WillTopicReq | Kind::WillMsgReq | Kind::PingResp => Body::Empty,
            Kind::WillTopic | Kind::WillTopicUpd if self.length == 0 => Body::WillTopic(None),
            Kind::WillTopic | Kind::WillTopicUpd => {
                let flags = self.flags(0)?;
                Body::WillTopic(Some((flags, self.text(1))))
            }
            Kind::WillMsg | Kind::WillMsgUpd => Body::WillMessage(self.rest(0)),
            Kind::Register => {
                let (topic_id, message_id) = (self.number(0)?, self.message_id(2)?);
                let topic = self.text(4);
                if topic.iter().any(|byte| matches!(byte, b'+' | b'#')) {
                    self.note_field(DeviationKind::RegisteredWildcard, 4);
                }
                if topic_id == 0xffff {
                    self.check_topic_id(topic_id, 0);
                }
                Body::Register { topic_id, message_id, topic }
            }
            Kind::RegAck | Kind::PubAck => {
                let (topic_id, message_id) = (self.number(0)?, self.number(2)?);
                let code = self.code(4)?;
                if kind == Kind::RegAck && code == ReturnCode::ACCEPTED {
                    self.check_topic_id(topic_id, 0);
                }
                Body::TopicAnswer { topic_id, message_id, code }
            }
            Kind::Publish => self.publish()?,
            Kind::PubRec | Kind::PubRel | Kind::PubComp | Kind::UnsubAck => Body::MessageId(self.message_id(0)?),
            Kind::Subscribe | Kind::Unsubscribe => self.subscribe()?,
            Kind::SubAck => {
                let flags = self.flags(0)?;
                let (topic_id, message_id) = (self.number(1)?, self.number(3)?);
                if topic_id == 0xffff {
                    self.check_topic_id(topic_id, 1);
                }
                Body::SubAck { flags, topic_id, message_id, code: self.code(5)? }
            }
            Kind::PingReq => Body::PingReq(if self.length == 0 { None } else { Some(self.client_id(0)) }),
            Kind::Disconnect => Body::Disconnect(if self.length == 0 { None } else { Some(self.number(0)?) }),
            Kind::Encapsulated | Kind::Reserved => return None,
        })
    }

    fn connect(&mut self) -> Option<Body<'a>> {
        let flags = self.flags(0)?;
        let protocol_id = self.byte(1)?;
        if protocol_id != 1 {
            self.note_field(DeviationKind::ProtocolId(protocol_id), 1);
        }
        let duration = self.number(2)?;
        Some(Body::Connect { flags, protocol_id, duration, client_id: self.client_id(4) })
    }

    fn publish(&mut self) -> Option<Body<'a>> {
        let flags = self.flags(0)?;
        let (topic_id, message_id) = (self.number(1)?, self.number(3)?);
        match flags.topic_id_type() {
            TopicIdType::Short => {}
            TopicIdType::Normal if flags.qos() == -1 => self.note_field(DeviationKind::MinusOneNormalTopic, 0),
            TopicIdType::Normal | TopicIdType::Predefined | TopicIdType::Reserved => self.check_topic_id(topic_id, 1),
        }
        match (flags.qos(), message_id) {
            (1 | 2, 0) => self.note_field(DeviationKind::MessageIdZero(Kind::Publish), 3),
            (0 | -1, id) if id != 0 => self.note_field(DeviationKind::MessageIdUnused(id), 3),
            _ => {}
        }
        Some(Body::Publish { flags, topic_id, message_id, data: self.rest(5), length: (self.length - 5) as u32 })
    }

    fn subscribe(&mut self) -> Option<Body<'a>> {
        let flags = self.flags(0)?;
        let message_id = self.message_id(1)?;
        let topic = match flags.topic_id_type() {
            TopicIdType::Normal => TopicRef::Name(self.text(3)),
            TopicIdType::Reserved => TopicRef::Name(self.rest(3)),
            TopicIdType::Predefined | TopicIdType::Short if self.length != 5 => return None,
            TopicIdType::Predefined => {
                let id = self.number(3)?;
                self.check_topic_id(id, 3);
                TopicRef::Id(id)
            }
            TopicIdType::Short => TopicRef::Short(*self.rest(3).first_chunk()?),
        };
        Some(Body::Subscribe { flags, message_id, topic })
    }
}
