//! What is kept of messages until the frame that completed them is told.

use std::borrow::Cow;
use std::ops::Range;

use crate::capture::FrameNo;
use crate::dissect::{Message, VersionKnownBy};
use crate::field::registry::entry;
use crate::field::value::{FieldId, Kind, Occurrence, Value};
use crate::flow::Direction;
use crate::mqtt::{FieldNode, FieldValue, Fields, PropertyId};

/// What stands for a secret.
const HIDDEN: &[u8] = b"***";

/// A value; texts and bytes stand in a buffer for all.
#[derive(Debug, Clone)]
pub(super) enum KeptValue {
    Label,
    Boolean(bool),
    Unsigned(u64),
    Text(Range<usize>),
    Bytes(Range<usize>),
}

#[derive(Debug)]
struct KeptField {
    id: FieldId,
    frame: FrameNo,
    value: KeptValue,
    /// Of a packet that is told again, once its version is known.
    preview: bool,
    /// Only the row of its frame has it, and not that of the frame with which it is told.
    bound: bool,
}

/// The values of the fields of messages that were asked for.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Fields of packets by Wireshark's names, in the order of the names.
    nodes: Vec<(&'static str, FieldId)>,
    /// Properties that are asked for by their own names, in the order of the codes.
    properties: Vec<(&'static str, FieldId)>,
    packet: Option<FieldId>,
    packet_length: Option<FieldId>,
    segments: Option<FieldId>,
    segment: Option<FieldId>,
    segment_count: Option<FieldId>,
    reassembled_length: Option<FieldId>,
    client_id: Option<FieldId>,
    direction: Option<FieldId>,
    version: Option<FieldId>,
    resolved: Option<FieldId>,
    unknown_version: Option<FieldId>,
    unknown_alias: Option<FieldId>,
    message_text: Option<FieldId>,
    will_text: Option<FieldId>,
    /// Whether secrets must be found in what else is told of the frame.
    hides: bool,
    fields: Vec<KeptField>,
    bytes: Vec<u8>,
    /// Fields of MQTT-SN by Wireshark's names.
    pub(super) sensors: Vec<(&'static str, FieldId)>,
    /// Where the fields of the last message begin.
    last: usize,
    /// What is taken now is a preview; whether any was taken since the last frame.
    previewing: bool,
    previewed: bool,
    /// What is taken belongs to the row of its frame.
    pub(super) bound: bool,
    /// Bytes of secrets, from the front of a frame.
    secrets: Vec<(FrameNo, Range<usize>)>,
}

impl Kept {
    pub(super) fn new(wanted: &[FieldId]) -> Self {
        let mut kept = Self::default();
        for &id in wanted {
            let name = entry(id).field.name;
            match name {
                "mqtt.unknown_version" => kept.unknown_version = Some(id),
                "mqtt.unknown_topic_alias" => kept.unknown_alias = Some(id),
                "mqtt" => kept.packet = Some(id),
                "mqtt.client_id" => kept.client_id = Some(id),
                "mqtt.direction" => kept.direction = Some(id),
                "mqtt.version" => kept.version = Some(id),
                "mqtt.topic.resolved" => kept.resolved = Some(id),
                "mqtt.msg_text" => kept.message_text = Some(id),
                "mqtt.willmsg_text" => kept.will_text = Some(id),
                "tcp.segments" => kept.segments = Some(id),
                "tcp.segment" => kept.segment = Some(id),
                "tcp.segment.count" => kept.segment_count = Some(id),
                "tcp.reassembled.length" => kept.reassembled_length = Some(id),
                "tcp.pdu.size" => kept.packet_length = Some(id),
                "tcp.payload" => kept.hides = true,
                _ if name == "mqttsn" || name.starts_with("mqttsn.") => kept.sensors.push((name, id)),
                _ if name.starts_with("mqtt.") => {
                    let property = name.strip_prefix("mqtt.property.");
                    let known = |name: &&str| PropertyId::ALL.iter().any(|property| property.name() == *name);
                    match property.filter(known) {
                        // Wireshark has fields for these two.
                        Some("topic_alias" | "content_type") | None => kept.nodes.push((name, id)),
                        Some(property) => kept.properties.push((property, id)),
                    }
                }
                _ => {}
            }
        }
        kept.nodes.sort_unstable();
        kept.nodes.dedup();
        kept
    }

    fn looks_at_nodes(&self) -> bool {
        self.hides
            || !self.nodes.is_empty()
            || !self.properties.is_empty()
            || self.message_text.is_some()
            || self.will_text.is_some()
    }

    /// Forgets the messages; the buffers stay.
    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.bytes.clear();
        self.secrets.clear();
        self.last = 0;
        self.previewed = false;
    }

    /// Takes a packet whose version is in doubt.
    pub(super) fn take_preview(&mut self, message: &Message<'_>, client: Option<&[u8]>) {
        self.previewing = true;
        self.take(message, client);
        self.previewing = false;
        self.previewed = true;
    }

    /// Whether the frame at hand has packets whose version is in doubt.
    pub(super) const fn previewed(&self) -> bool {
        self.previewed
    }

    /// The fields of another message come.
    pub(super) fn begin(&mut self) {
        self.last = self.fields.len();
    }

    /// Takes a packet.
    pub(super) fn take(&mut self, message: &Message<'_>, client: Option<&[u8]>) {
        let frame = message.origin.frame;
        // What stood behind a hole is read with the frame that fills it.
        self.bound = message.was_doubtful;
        if self.previewed && !self.previewing && self.fields.iter().any(|field| field.preview && field.frame == frame) {
            // The doubts are over before the frame is: the packets of it that were in doubt come again.
            self.fields.retain(|field| !field.preview);
            self.previewed = false;
        }
        self.begin();
        let header = message.packet.header;
        let length = u64::from(header.length) + u64::from(header.remaining_length);
        if let Some(id) = self.packet {
            let start = self.bytes.len();
            self.bytes.extend(header.bytes());
            self.bytes.extend_from_slice(message.body);
            self.push(id, frame, KeptValue::Bytes(start..self.bytes.len()));
        }
        if let Some(id) = self.packet_length {
            self.push(id, frame, KeptValue::Unsigned(length));
        }
        if message.frames.len() > 1 {
            self.take_segments(message.frames, frame, length);
        }
        if let (Some(id), Some(client)) = (self.client_id, client) {
            self.push_text(id, frame, client);
        }
        if let Some(id) = self.direction {
            let name: &[u8] = match message.direction {
                Direction::ToServer => b"to_server",
                Direction::ToClient => b"to_client",
            };
            self.push_text(id, frame, name);
        }
        if let Some(id) = self.version {
            self.push_text(id, frame, message.packet.version.as_str().as_bytes());
        }
        if let (Some(id), Some(topic)) = (self.resolved, message.topic) {
            self.push_text(id, frame, topic);
        }
        if let Some(id) = self.unknown_version
            && message.version_known_by == VersionKnownBy::Inferred
        {
            self.push(id, frame, KeptValue::Label);
        }
        if let Some(id) = self.unknown_alias
            && message.topic_alias.is_some()
            && message.topic.is_none()
        {
            self.push(id, frame, KeptValue::Label);
        }
        if self.looks_at_nodes() {
            let fields = Fields::of(&message.packet);
            self.take_nodes(message, fields.nodes());
        }
    }

    /// Of a packet that stood in several frames: which.
    fn take_segments(&mut self, frames: &[FrameNo], frame: FrameNo, length: u64) {
        if let Some(id) = self.segments {
            self.push(id, frame, KeptValue::Label);
        }
        if let Some(id) = self.segment {
            for number in frames {
                self.push(id, frame, KeptValue::Unsigned(number.0));
            }
        }
        if let Some(id) = self.segment_count {
            self.push(id, frame, KeptValue::Unsigned(frames.len() as u64));
        }
        if let Some(id) = self.reassembled_length {
            self.push(id, frame, KeptValue::Unsigned(length));
        }
    }

    fn take_nodes(&mut self, message: &Message<'_>, nodes: &[FieldNode<'_>]) {
        let frame = message.origin.frame;
        for (index, node) in nodes.iter().enumerate() {
            if let FieldValue::Secret(_) = node.value
                && self.hides
            {
                let places = message.parts(node.offset, node.length);
                self.secrets.extend(places.map(|part| {
                    // In a datagram that was put together its place is not known: all of that is hidden.
                    let range = part.place.offset.map_or(0..usize::MAX, |start| {
                        let start = start as usize;
                        start..start.saturating_add(part.length as usize)
                    });
                    (part.place.origin.frame, range)
                }));
            }
            if let Some(name) = node.wireshark {
                // Behind an alias stands a topic, which is empty in the packet.
                if name == "mqtt.topic"
                    && node.length == 0
                    && let (Some(topic), Some(_)) = (message.topic, message.topic_alias)
                    && let Some((_, id)) = self.nodes.iter().find(|(known, _)| *known == name)
                {
                    self.push_text(*id, frame, topic);
                } else if let Ok(found) = self.nodes.binary_search_by(|(known, _)| known.cmp(&name))
                    && let Some(&(_, id)) = self.nodes.get(found)
                {
                    self.push_node(id, frame, node);
                }
                let text = match name {
                    "mqtt.msg" => self.message_text,
                    "mqtt.willmsg" => self.will_text,
                    _ => None,
                };
                if let (Some(id), FieldValue::Payload(bytes)) = (text, node.value) {
                    self.push_text(id, frame, bytes);
                }
            } else if let Some(&(_, id)) = self.properties.iter().find(|(name, _)| *name == node.name)
                && let Some(group) = nodes.get(index + 1..)
            {
                self.push_property(id, frame, node, group);
            }
        }
    }

    /// Keeps the value of a property, which stands in the nodes behind its own.
    fn push_property(&mut self, id: FieldId, frame: FrameNo, node: &FieldNode<'_>, behind: &[FieldNode<'_>]) {
        let inside = || behind.iter().take_while(|inner| inner.depth > node.depth);
        let Some(value) = inside().find(|inner| inner.name == "value") else { return };
        let name = inside().find(|inner| inner.name == "name").map(|inner| inner.value);
        if let (Some(FieldValue::Text(name)), FieldValue::Text(value)) = (name, value.value) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(name);
            self.bytes.push(b'=');
            self.bytes.extend_from_slice(value);
            self.push(id, frame, KeptValue::Text(start..self.bytes.len()));
        } else {
            self.push_node(id, frame, value);
        }
    }

    fn push_node(&mut self, id: FieldId, frame: FrameNo, node: &FieldNode<'_>) {
        let kind = entry(id).field.kind;
        let value = match (kind, node.value) {
            (Kind::Label, _) | (_, FieldValue::Nothing) => KeptValue::Label,
            (Kind::Boolean, FieldValue::Number(number) | FieldValue::Code(number, _)) => {
                KeptValue::Boolean(number != 0)
            }
            (_, FieldValue::Number(number) | FieldValue::Code(number, _)) => KeptValue::Unsigned(number.into()),
            (_, FieldValue::Flag(flag)) => KeptValue::Boolean(flag),
            (_, FieldValue::Text(bytes) | FieldValue::Bytes(bytes) | FieldValue::Payload(bytes)) => {
                self.stored(kind, bytes)
            }
            (_, FieldValue::Secret(_)) => self.stored(kind, HIDDEN),
        };
        // A group that could not be read has no value of the field's type.
        if matches!(value, KeptValue::Label) && !matches!(kind, Kind::Label | Kind::Protocol) {
            return;
        }
        self.push(id, frame, value);
    }

    pub(super) fn stored(&mut self, kind: Kind, bytes: &[u8]) -> KeptValue {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let range = start..self.bytes.len();
        if kind == Kind::Text { KeptValue::Text(range) } else { KeptValue::Bytes(range) }
    }

    fn push_text(&mut self, id: FieldId, frame: FrameNo, text: &[u8]) {
        let value = self.stored(Kind::Text, text);
        self.push(id, frame, value);
    }

    pub(super) fn push(&mut self, id: FieldId, frame: FrameNo, value: KeptValue) {
        self.fields.push(KeptField { id, frame, value, preview: self.previewing, bound: self.bound });
    }

    /// The values of a field in the messages that can be read since this frame, which is the one at hand.
    pub(super) fn of_frame<'a>(&'a self, frame: FrameNo, id: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        let fields = self.fields.iter().filter(|field| (!field.bound || field.frame == frame) && field.id == id);
        fields.for_each(|field| take(self.occurrence(field)));
    }

    /// The values of a field in the last message.
    pub(super) fn of_last<'a>(&'a self, id: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        let fields = self.fields.get(self.last..).unwrap_or_default().iter().filter(|field| field.id == id);
        fields.for_each(|field| take(self.occurrence(field)));
    }

    fn occurrence(&self, field: &KeptField) -> Occurrence<'_> {
        let bytes = |range: &Range<usize>| Cow::Borrowed(self.bytes.get(range.clone()).unwrap_or_default());
        let value = match &field.value {
            KeptValue::Label => Value::Label,
            KeptValue::Boolean(flag) => Value::Boolean(*flag),
            KeptValue::Unsigned(number) => Value::Unsigned(*number),
            KeptValue::Text(range) => Value::Text(bytes(range)),
            KeptValue::Bytes(range) => Value::Bytes(bytes(range)),
        };
        Occurrence { value, layer: 1 }
    }

    /// Bytes of a frame, which begin at `start` in it, with asterisks where they are a secret.
    pub(super) fn without_secrets<'a>(&self, frame: FrameNo, start: usize, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut out = Cow::Borrowed(bytes);
        for (_, secret) in self.secrets.iter().filter(|(of, _)| *of == frame) {
            let to = secret.end.saturating_sub(start).min(bytes.len());
            let from = secret.start.saturating_sub(start).min(to);
            if let Some(hidden) = out.to_mut().get_mut(from..to) {
                hidden.fill(b'*');
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::registry::Registry;

    #[test]
    fn properties_by_name_are_told_from_those_that_wireshark_has() {
        let id = |name| Registry::find(name).unwrap().0;
        let kept = Kept::new(&[id("mqtt.property.receive_maximum"), id("mqtt.property.topic_alias"), id("mqtt.topic")]);
        assert_eq!(kept.properties.len(), 1);
        assert_eq!(kept.nodes.len(), 2);
    }

    #[test]
    fn bytes_of_a_secret_are_hidden_wherever_it_begins_and_ends() {
        let frame = FrameNo(7);
        let hidden = |range: Range<usize>| {
            let kept = Kept { secrets: vec![(frame, range), (FrameNo(8), 0..99)], ..Kept::default() };
            String::from_utf8(kept.without_secrets(frame, 10, b"abcdef").into_owned()).unwrap()
        };
        assert_eq!(hidden(12..14), "ab**ef");
        assert_eq!(hidden(0..12), "**cdef");
        assert_eq!(hidden(14..99), "abcd**");
        assert_eq!(hidden(0..usize::MAX), "******");
        assert_eq!(hidden(0..3), "abcdef");
        assert_eq!(hidden(20..30), "abcdef");
    }
}
