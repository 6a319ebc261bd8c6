//! Redaction: everything private in one control packet is replaced by tokens of the same length, so that the packet
//! still reads the same: types, lengths, numbers, and what deviates from the specification, at the same places.
//!
//! Where things stand is what the reader of packets has noted on its way; all but numbers and lengths counts as
//! private, and so does whatever it could not read.

use super::packet::read;
use super::primitive::variable_integer;
use super::property::PropertyStop;
use super::reader::{Content, Plan, Reader};
use super::{Field, FixedHeader, Properties, PropertyId, PropertyValue, Version};
use crate::token::Key;

/// Replaces what is private. The same text becomes the same token wherever it stands, topics level by level.
///
/// ```
/// use mqttsniff::mqtt::Redactor;
///
/// let redactor = Redactor::with_secret("a secret");
/// let (topic, filter) = (redactor.topic(b"plant/oven/3"), redactor.topic(b"plant/+/3"));
/// assert_eq!(topic.len(), "plant/oven/3".len());
/// assert!(mqttsniff::mqtt::topic::matches(&filter, &topic));
/// assert_eq!(topic.split(|byte| *byte == b'/').next(), Some(&redactor.text(b"plant")[..]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redactor {
    key: Key,
    keep_topics: bool,
}

/// First levels that servers give a meaning to (MQTT 5.0 section 4.7.2; the rest by wide custom). They say which
/// server it is, and not what it is used for.
const RESERVED_LEVELS: [&[u8]; 12] = [
    b"$SYS",
    b"$share",
    b"$queue",
    b"$shared",
    b"$oshare",
    b"$aws",
    b"$dps",
    b"$iothub",
    b"$delayed",
    b"$exclusive",
    b"$CONTROL",
    b"$local",
];

impl Redactor {
    /// With tokens that are of use in this run alone.
    pub fn random() -> Self {
        Self { key: Key::random(), keep_topics: false }
    }

    /// With the same tokens in every run that is given this secret.
    pub fn with_secret(secret: &str) -> Self {
        Self { key: Key::from_secret(secret), keep_topics: false }
    }

    /// Leaves topics and topic filters as they are.
    #[must_use]
    pub const fn keeping_topics(mut self, keep: bool) -> Self {
        self.keep_topics = keep;
        self
    }

    /// The key of its tokens.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The token of a text, such as a client identifier.
    pub fn text(&self, text: &[u8]) -> Vec<u8> {
        let mut token = text.to_vec();
        self.key.text(&mut token);
        token
    }

    /// What becomes of a topic or a topic filter.
    pub fn topic(&self, topic: &[u8]) -> Vec<u8> {
        let mut token = topic.to_vec();
        self.write_topic(&mut token);
        token
    }

    /// Writes tokens over everything private in the body of a packet: `body` is what is available of it, as for
    /// [`decode`](super::decode).
    pub fn redact(&self, header: FixedHeader, body: &mut [u8], version: Version) {
        let (plan, end, version) = {
            let mut reader = Reader::new(header, body, version);
            reader.draw_plan(Box::default());
            let _ = read(&mut reader);
            (reader.take_plan().unwrap_or_default(), reader.offset(), reader.version)
        };
        let Plan { stretches, cut } = *plan;
        let mut work = Work { redactor: self, at: u32::from(header.length), body };
        let mut utf8_said = false;
        for stretch in stretches {
            match stretch.content {
                Content::Properties => utf8_said = work.properties(stretch.start, stretch.end),
                Content::Payload => {
                    let bytes = work.part(stretch.start, stretch.end);
                    let broken = is_broken(bytes, utf8_said);
                    self.key.bytes(bytes, broken);
                }
                Content::Field(Field::WillPayload) => {
                    let bytes = work.part(stretch.start, stretch.end);
                    // MQTT 3.1 section 3.1 wants the will in ASCII.
                    let not_ascii = version == Version::V31 && !bytes.is_ascii();
                    let broken = not_ascii || is_broken(bytes, utf8_said);
                    self.key.bytes(bytes, broken);
                }
                Content::Field(field) => {
                    let bytes = work.part(stretch.start, stretch.end);
                    match field {
                        // Which protocol it is.
                        Field::ProtocolName if matches!(&*bytes, b"MQTT" | b"MQIsdp") => {}
                        Field::Topic | Field::WillTopic | Field::Filter => self.write_topic(bytes),
                        Field::Password => self.key.bytes(bytes, false),
                        Field::ClientId => {
                            // The will has properties of its own, which may be none.
                            utf8_said = false;
                            self.key.text(bytes);
                        }
                        _ => self.key.text(bytes),
                    }
                }
            }
        }
        work.unread(end, cut);
    }

    fn write_topic(&self, topic: &mut [u8]) {
        if self.keep_topics {
            return;
        }
        // Behind `$share/NAME/` a filter begins anew (MQTT 5.0 section 4.8.2).
        let shared = topic.starts_with(b"$share/");
        for (index, level) in topic.split_mut(|byte| *byte == b'/').enumerate() {
            let first = index == 0 || (shared && index == 2);
            let level = match level {
                known if first && RESERVED_LEVELS.contains(&&*known) => continue,
                // A wildcard does not match a topic that begins with this sign (MQTT-4.7.2-1).
                [b'$', rest @ ..] if first => rest,
                level => level,
            };
            for part in level.split_mut(|byte| matches!(byte, b'+' | b'#')) {
                self.key.text(part);
            }
        }
    }
}

/// Whether a payload that is said to be UTF-8 is not.
fn is_broken(payload: &[u8], utf8_said: bool) -> bool {
    utf8_said && std::str::from_utf8(payload).is_err()
}

/// The body of a packet while it is written over.
struct Work<'r, 'b> {
    redactor: &'r Redactor,
    body: &'b mut [u8],
    /// Offset of the body from the first byte of the packet.
    at: u32,
}

impl Work<'_, '_> {
    /// The bytes between two offsets from the first byte of the packet.
    fn part(&mut self, start: u32, end: u32) -> &mut [u8] {
        let (start, end) = ((start - self.at) as usize, (end - self.at) as usize);
        self.body.get_mut(start..end).unwrap_or_default()
    }

    /// A property block; tells whether it says that the payload is UTF-8.
    fn properties(&mut self, start: u32, end: u32) -> bool {
        let redactor = self.redactor;
        let mut next = start;
        let mut utf8_said = None;
        while next < end {
            let block = self.part(next, end);
            let mut properties = Properties::new(block, next).iter();
            match properties.step() {
                None => break,
                Some(Ok((property, _))) => {
                    let behind = properties.offset();
                    let (id, value) = (property.id, property.value);
                    if id == PropertyId::PayloadFormatIndicator {
                        // The first counts, as it does where the payload is judged.
                        utf8_said.get_or_insert(value == PropertyValue::Byte(1));
                    }
                    match value {
                        PropertyValue::Byte(_) | PropertyValue::Integer(_) => {}
                        PropertyValue::Text(text) => {
                            let start = behind - text.len() as u32;
                            let text = self.part(start, behind);
                            if id == PropertyId::ResponseTopic {
                                redactor.write_topic(text);
                            } else {
                                redactor.key.text(text);
                            }
                        }
                        PropertyValue::Binary(bytes) => {
                            let start = behind - bytes.len() as u32;
                            redactor.key.bytes(self.part(start, behind), false);
                        }
                        PropertyValue::Pair(name, value) => {
                            let value_at = behind - value.len() as u32;
                            let name_end = value_at - 2;
                            let name_at = name_end - name.len() as u32;
                            redactor.key.text(self.part(name_at, name_end));
                            redactor.key.text(self.part(value_at, behind));
                        }
                    }
                    next = behind;
                }
                Some(Err(stop)) => {
                    unread_property(redactor.key, self.part(next, end), stop);
                    break;
                }
            }
        }
        utf8_said == Some(true)
    }

    /// What lies behind the place where reading ended, within this field or between two.
    fn unread(&mut self, from: u32, cut: Option<Field>) {
        let end = self.at + self.body.len() as u32;
        let key = self.redactor.key;
        let rest = self.part(from.min(end), end);
        match cut {
            // Still a variable byte integer without an end.
            Some(Field::PropertyLength) => endless(key, rest),
            Some(
                Field::ProtocolName
                | Field::ClientId
                | Field::WillTopic
                | Field::WillPayload
                | Field::UserName
                | Field::Password
                | Field::Topic
                | Field::Filter,
            ) => key.bytes(rest.get_mut(2..).unwrap_or_default(), false),
            Some(
                Field::ProtocolLevel
                | Field::ConnectFlags
                | Field::KeepAlive
                | Field::AcknowledgeFlags
                | Field::ReasonCode
                | Field::PacketId
                | Field::Payload
                | Field::SubscriptionOptions
                | Field::Property(_),
            )
            | None => key.bytes(rest, false),
        }
    }
}

/// Bytes that go on to be the beginning of a variable byte integer, or one with a fifth byte, and others behind them.
fn endless(key: Key, bytes: &mut [u8]) {
    let (integer, rest) = bytes.split_at_mut(bytes.len().min(4));
    for byte in integer {
        *byte &= 0x80;
    }
    key.bytes(rest, false);
}

/// A property that can't be understood, to the end of its block. It goes on not to be, for the same reason.
fn unread_property(key: Key, bytes: &mut [u8], stop: PropertyStop) {
    let id_length = variable_integer(bytes).map_or(0, |(rest, _)| bytes.len() - rest.len());
    let value = bytes.get_mut(id_length..).unwrap_or_default();
    match stop {
        PropertyStop::IdShort | PropertyStop::IdMalformed => endless(key, value),
        PropertyStop::Unknown(_) => key.bytes(value, false),
        PropertyStop::ValueMalformed(_) | PropertyStop::ValueShort(PropertyId::SubscriptionIdentifier) => {
            endless(key, value);
        }
        PropertyStop::ValueShort(PropertyId::UserProperty) => {
            let name_end = value.first_chunk().map_or(2, |length| 2 + usize::from(u16::from_be_bytes(*length)));
            let (name, text) = value.split_at_mut(name_end.min(value.len()));
            key.text(name.get_mut(2..).unwrap_or_default());
            key.bytes(text.get_mut(2..).unwrap_or_default(), false);
        }
        // A length that reaches beyond the block; of a number nothing but a part is there.
        PropertyStop::ValueShort(_) => key.bytes(value.get_mut(2..).unwrap_or_default(), false),
    }
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
