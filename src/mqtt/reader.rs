//! The walk through a packet's body: it applies parsers, keeps the place, and notes deviations.
//!
//! After a field that could not be read, every further read gives nothing and notes nothing: what lies
//! behind it has no known place. What a field means is left to the packet families.

use nom::Parser;

use super::primitive::{Stop, be_u16, binary, variable_integer};
use super::property::PropertyStop;
use super::utf8::{self, TextFault};
use super::{
    Deviation, DeviationKind, Field, FixedHeader, PacketType, Properties, PropertyHolder, PropertyId, PropertyValue,
    Version, topic,
};

/// A packet may deviate at every byte; nobody reads more than these, and a packet of 256 MB must not
/// turn into gigabytes of findings.
const MAX_DEVIATIONS: usize = 64;

/// What stands in a stretch of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A field of that many bytes, without its length.
    Field(Field),
    /// A property block, without its length.
    Properties,
    /// The message of a PUBLISH.
    Payload,
}

/// A stretch of a packet and what stands in it. Between stretches there are numbers and lengths alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Offset of its first byte from the first byte of the packet.
    pub(super) start: u32,
    /// Offset of the byte behind it.
    pub(super) end: u32,
    pub(super) content: Content,
}

/// The plan of a packet: where everything stands that is more than a number.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) stretches: Vec<Stretch>,
    /// The field within which reading ended, if it did.
    pub(super) cut: Option<Field>,
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of the end of the available bytes from the first byte of the packet.
    end: u32,
    /// Bytes of the packet behind the available ones.
    missing: u32,
    stopped: bool,
    pub(super) header: FixedHeader,
    pub(super) version: Version,
    deviations: Vec<Deviation>,
    /// Drawn only where it is asked for.
    plan: Option<Box<Plan>>,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(header: FixedHeader, body: &'a [u8], version: Version) -> Self {
        let (rest, missing) = match body.split_at_checked(header.remaining_length as usize) {
            Some((whole, _)) => (whole, 0),
            None => (body, header.remaining_length - body.len() as u32),
        };
        let end = u32::from(header.length) + rest.len() as u32;
        Self { rest, end, missing, stopped: false, header, version, deviations: Vec::new(), plan: None }
    }

    /// From here on notes where everything stands.
    pub(super) fn draw_plan(&mut self, plan: Box<Plan>) {
        self.plan = Some(plan);
    }

    /// What was noted of where everything stands.
    pub(super) fn take_plan(&mut self) -> Option<Box<Plan>> {
        self.plan.take()
    }

    /// Notes what the last `length` bytes were.
    #[inline]
    fn drawn(&mut self, length: usize, content: Content) {
        let end = self.offset();
        if let Some(plan) = &mut self.plan {
            plan.stretches.push(Stretch { start: end - length as u32, end, content });
        }
    }

    /// Where the next field begins, from the first byte of the packet.
    #[inline]
    pub(super) fn offset(&self) -> u32 {
        self.end - self.rest.len() as u32
    }

    #[inline]
    pub(super) fn packet_type(&self) -> PacketType {
        self.header.packet_type
    }

    /// Bytes of the packet behind the last field read, captured or not.
    #[inline]
    pub(super) fn left(&self) -> u32 {
        if self.stopped { 0 } else { self.rest.len() as u32 + self.missing }
    }

    /// Whether all of what is left was captured.
    pub(super) fn is_whole(&self) -> bool {
        !self.stopped && self.missing == 0
    }

    /// Whether all bytes of the packet were captured and could be read so far.
    pub(super) fn saw_all(&self) -> bool {
        !self.stopped && self.end == u32::from(self.header.length) + self.header.remaining_length
    }

    pub(super) fn is_v5(&self) -> bool {
        self.version == Version::V5
    }

    /// Whether everything was read so far, and what follows has its place.
    pub(super) const fn may_go_on(&self) -> bool {
        !self.stopped
    }

    /// Whether a further element of a list can be read.
    pub(super) fn has_more(&self) -> bool {
        !self.stopped && !self.rest.is_empty()
    }

    #[cold]
    pub(super) fn note(&mut self, offset: u32, kind: DeviationKind) {
        if self.deviations.len() < MAX_DEVIATIONS {
            self.deviations.push(Deviation { offset, kind });
        }
    }

    /// Notes what ends the reading.
    #[cold]
    pub(super) fn stop(&mut self, kind: DeviationKind) {
        self.note(self.offset(), kind);
        self.give_up();
    }

    /// Reads no further, without a word.
    pub(super) fn leave_rest(&mut self) {
        self.give_up();
    }

    #[cold]
    fn give_up(&mut self) {
        // The place stays where the reading ended.
        self.end -= self.rest.len() as u32;
        self.rest = &[];
        self.stopped = true;
    }

    /// Reads one field; `None` where the packet or what was captured of it ends before.
    #[inline]
    pub(super) fn field<T>(
        &mut self,
        field: Field,
        mut parser: impl Parser<&'a [u8], Output = T, Error = Stop>,
    ) -> Option<T> {
        if self.stopped {
            return None;
        }
        match parser.parse(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Some(value)
            }
            Err(error) => {
                self.ended(field, Stop::from(error));
                None
            }
        }
    }

    #[cold]
    fn ended(&mut self, field: Field, stop: Stop) {
        if let Some(plan) = &mut self.plan {
            plan.cut = Some(field);
        }
        match stop {
            Stop::Short(lacking) if lacking <= self.missing as usize => self.give_up(),
            Stop::Short(_) => self.stop(DeviationKind::FieldPastEnd(field)),
            Stop::Malformed => self.stop(DeviationKind::VariableIntegerMalformed),
        }
    }

    /// Reads bytes behind a two-byte length.
    #[inline]
    pub(super) fn bytes(&mut self, field: Field) -> Option<&'a [u8]> {
        let bytes = self.field(field, binary)?;
        self.drawn(bytes.len(), Content::Field(field));
        Some(bytes)
    }

    /// Reads a text and checks it.
    #[inline]
    pub(super) fn text(&mut self, field: Field) -> Option<&'a [u8]> {
        let bytes = self.bytes(field)?;
        if !utf8::is_plain(bytes) {
            let start = self.offset() - bytes.len() as u32;
            self.check_text(field, bytes, start);
        }
        Some(bytes)
    }

    /// Reads a topic name and checks it, but not whether it is empty.
    #[inline]
    pub(super) fn topic_name(&mut self, field: Field) -> Option<&'a [u8]> {
        let bytes = self.bytes(field)?;
        if !utf8::is_plain_topic(bytes) {
            let start = self.offset() - bytes.len() as u32;
            self.check_topic(field, bytes, start);
        }
        Some(bytes)
    }

    #[cold]
    fn check_topic(&mut self, field: Field, bytes: &[u8], start: u32) {
        self.check_text(field, bytes, start);
        if let Some(at) = bytes.iter().position(|&byte| matches!(byte, b'+' | b'#')) {
            self.note(start + at as u32, DeviationKind::TopicWildcard(field));
        }
    }

    #[cold]
    fn check_text(&mut self, field: Field, bytes: &[u8], start: u32) {
        utf8::faults(bytes, |at, fault| {
            let kind = match fault {
                TextFault::Invalid => DeviationKind::InvalidUtf8(field),
                TextFault::Surrogate => DeviationKind::Utf8Surrogate(field),
                TextFault::Nul => DeviationKind::Utf8Nul(field),
                // 3.1 says nothing about these.
                TextFault::Control | TextFault::NonCharacter | TextFault::ByteOrderMark
                    if self.version == Version::V31 =>
                {
                    return;
                }
                TextFault::Control => DeviationKind::Utf8Control(field),
                TextFault::NonCharacter => DeviationKind::Utf8NonCharacter(field),
                TextFault::ByteOrderMark => DeviationKind::Utf8ByteOrderMark(field),
            };
            self.note(start + at as u32, kind);
        });
    }

    /// Reads a packet identifier.
    #[inline]
    pub(super) fn packet_id(&mut self) -> Option<u16> {
        let offset = self.offset();
        let id = self.field(Field::PacketId, be_u16);
        if id == Some(0) {
            self.note(offset, DeviationKind::PacketIdZero(self.packet_type()));
        }
        id
    }

    /// Reads a topic filter and checks it.
    pub(super) fn filter(&mut self) -> Option<&'a [u8]> {
        use topic::FilterFault as F;

        let filter = self.text(Field::Filter)?;
        let start = self.offset() - filter.len() as u32;
        if let Some((at, fault)) = topic::filter_fault(filter, self.is_v5()) {
            let kind = match fault {
                F::Empty => DeviationKind::FilterEmpty,
                F::Hash => DeviationKind::FilterHash,
                F::Plus => DeviationKind::FilterPlus,
                F::ShareNameEmpty => DeviationKind::ShareNameEmpty,
                F::ShareForm => DeviationKind::ShareForm,
            };
            self.note(start + at as u32, kind);
        }
        Some(filter)
    }

    /// Takes all that is left and available.
    #[inline]
    pub(super) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Takes all that is left and available as the message of a PUBLISH.
    #[inline]
    pub(super) fn payload(&mut self) -> &'a [u8] {
        let payload = self.take_rest();
        self.drawn(payload.len(), Content::Payload);
        payload
    }

    /// Says that the rest, captured or not, belongs to what was read, so that nothing trails.
    #[inline]
    pub(super) fn takes_all(&mut self) {
        self.rest = &[];
        self.missing = 0;
    }

    /// What is available and not yet read, without reading it.
    pub(super) fn ahead(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a property block and checks it. Versions before 5.0 have none.
    #[inline]
    pub(super) fn properties(&mut self, holder: PropertyHolder) -> Properties<'a> {
        // An empty block is by far the most common one.
        match (self.version, self.rest) {
            (Version::V31 | Version::V311, _) => Properties::default(),
            (Version::V5, [0, rest @ ..]) => {
                self.rest = rest;
                Properties::default()
            }
            (Version::V5, _) => self.property_block(holder),
        }
    }

    fn property_block(&mut self, holder: PropertyHolder) -> Properties<'a> {
        let start = self.offset();
        if self.rest.is_empty() && self.missing == 0 && !self.stopped {
            self.stop(DeviationKind::PropertyLengthMissing);
        }
        let Some(length) = self.field(Field::PropertyLength, variable_integer) else { return Properties::default() };
        if !length.minimal {
            self.note(start, DeviationKind::VariableIntegerNotMinimal);
        }
        let offset = self.offset();
        let (block, whole) = if let Some((block, rest)) = self.rest.split_at_checked(length.value as usize) {
            self.rest = rest;
            (block, true)
        } else if let Some(behind) = self.missing.checked_sub(length.value - self.rest.len() as u32) {
            // The capture ends within the block. What follows it is known by its length alone.
            self.missing = behind;
            (self.take_rest(), false)
        } else {
            self.note(start, DeviationKind::PropertyLengthPastEnd);
            self.give_up();
            return Properties::default();
        };
        self.drawn(block.len(), Content::Properties);
        let properties = Properties::new(block, offset);
        self.check_properties(properties, whole, holder);
        properties
    }

    fn check_properties(&mut self, properties: Properties<'_>, whole: bool, holder: PropertyHolder) {
        let mut seen = 0_u64;
        let mut block = properties.iter();
        let bit = |id: PropertyId| 1_u64 << id.code();
        loop {
            let at = block.offset();
            match block.step() {
                None => break,
                Some(Ok((property, minimal))) => {
                    let id = property.id;
                    if !minimal {
                        self.note(at, DeviationKind::VariableIntegerNotMinimal);
                    }
                    if !id.allowed_in(holder) {
                        self.note(at, DeviationKind::PropertyNotAllowed(id));
                    }
                    if seen & bit(id) != 0 && !id.may_repeat_in(holder) {
                        self.note(at, DeviationKind::PropertyDuplicate(self.packet_type(), id));
                    }
                    seen |= bit(id);
                    self.check_value(id, property.value, at);
                }
                // Only the end of a whole block says that something is cut off.
                Some(Err(PropertyStop::IdShort | PropertyStop::ValueShort(_))) if !whole => break,
                Some(Err(stop)) => {
                    let kind = match stop {
                        PropertyStop::IdShort => DeviationKind::PropertyCut(None),
                        PropertyStop::IdMalformed => DeviationKind::VariableIntegerMalformed,
                        PropertyStop::Unknown(code) => DeviationKind::PropertyUnknown(code),
                        PropertyStop::ValueShort(id) | PropertyStop::ValueMalformed(id) => {
                            DeviationKind::PropertyCut(Some(id))
                        }
                    };
                    self.note(at, kind);
                    return;
                }
            }
        }
        let (data, method) = (PropertyId::AuthenticationData, PropertyId::AuthenticationMethod);
        if whole
            && holder == PropertyHolder::Packet(PacketType::Connect)
            && seen & bit(data) != 0
            && seen & bit(method) == 0
        {
            self.note(properties.iter().offset(), DeviationKind::AuthenticationDataWithoutMethod);
        }
    }

    fn check_value(&mut self, id: PropertyId, value: PropertyValue<'_>, at: u32) {
        // The identifier has one byte in its shortest form, the length of a text two.
        let text_at = at + 3;
        let field = Field::Property(id);
        match value {
            PropertyValue::Text(text) if id == PropertyId::ResponseTopic => {
                if text.is_empty() {
                    self.note(at, DeviationKind::TopicEmpty(field));
                } else if !utf8::is_plain_topic(text) {
                    self.check_topic(field, text, text_at);
                }
            }
            PropertyValue::Text(text) => {
                if !utf8::is_plain(text) {
                    self.check_text(field, text, text_at);
                }
            }
            PropertyValue::Pair(name, value) => {
                if !utf8::is_plain(name) {
                    self.check_text(field, name, text_at);
                }
                if !utf8::is_plain(value) {
                    self.check_text(field, value, text_at + name.len() as u32 + 2);
                }
            }
            PropertyValue::Binary(_) => {}
            PropertyValue::Byte(_) | PropertyValue::Integer(_) => {
                if value.number().is_some_and(|number| !id.allows(number)) {
                    self.note(at, DeviationKind::PropertyValue(id));
                }
            }
        }
    }

    /// Notes bytes behind the last field, and gives what was found.
    #[inline]
    pub(super) fn finish(mut self) -> Vec<Deviation> {
        if self.left() > 0 {
            self.note(self.offset(), DeviationKind::TrailingBytes(self.packet_type()));
        }
        self.deviations
    }
}
