//! The walk through a packet that lists its fields: numbers, texts, properties. Which packet has which is not its
//! matter.

use super::{FieldNode, FieldValue, MAX_NODES};
use crate::mqtt::primitive::{Stop, variable_integer};
use crate::mqtt::property::{Properties, Property};
use crate::mqtt::{ControlPacket, PropertyId, PropertyValue, Version};
use crate::text::Secret;

pub(super) const PROPERTY_ID: &str = "property_id";

/// A name of ours, and Wireshark's.
#[derive(Clone, Copy)]
pub(super) struct Name(pub(super) &'static str, pub(super) Option<&'static str>);

/// The names of a length and of what is behind it.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) length: Name,
    pub(super) value: Name,
}

/// The names of what has Wireshark's field for the length named after that for the value.
pub(super) const fn names(
    length: &'static str,
    wireshark_length: &'static str,
    value: &'static str,
    wireshark: &'static str,
) -> Names {
    Names { length: Name(length, Some(wireshark_length)), value: Name(value, Some(wireshark)) }
}

/// Turns the bytes of a field into its value.
pub(super) type Meaning<'a> = fn(&'a [u8]) -> FieldValue<'a>;

pub(super) const fn secret(bytes: &[u8]) -> FieldValue<'_> {
    FieldValue::Secret(Secret::seen(bytes))
}

pub(super) struct Walk<'a> {
    nodes: Vec<FieldNode<'a>>,
    rest: &'a [u8],
    /// Where `rest` begins, from the first byte of the packet.
    at: u32,
    /// Where the packet ends.
    end: u32,
    depth: u8,
    /// Nothing behind this place can be listed.
    ended: bool,
    pub(super) version: Version,
}

impl<'a> Walk<'a> {
    /// Lists all fields of a packet.
    pub(super) fn over(packet: &ControlPacket<'a>) -> Vec<FieldNode<'a>> {
        let header = u32::from(packet.header.length);
        let mut walk = Self {
            nodes: Vec::with_capacity(32),
            rest: packet.raw,
            at: header,
            end: header + packet.header.remaining_length,
            depth: 0,
            ended: false,
            version: packet.version,
        };
        super::packets::header(&mut walk, packet);
        super::packets::body(&mut walk, packet);
        if !walk.ended && !walk.rest.is_empty() {
            walk.take_as(Name(FieldNode::TRAILING, None), FieldValue::Nothing);
        }
        if walk.at < walk.end {
            walk.push(Name(FieldNode::MISSING, None), walk.end - walk.at, FieldValue::Nothing);
        }
        walk.nodes
    }

    /// Lists a field that begins here, without passing over it.
    fn push(&mut self, name: Name, length: u32, value: FieldValue<'a>) {
        let Name(name, wireshark) = name;
        let (offset, depth) = (self.at, self.depth);
        self.nodes.push(FieldNode { name, wireshark, offset, length, mask: None, depth, value, cut: false });
    }

    /// Lists a field of the fixed header.
    pub(super) fn header_field(&mut self, name: Name, offset: u32, length: u32, value: FieldValue<'a>) {
        self.push(name, length, value);
        if let Some(node) = self.nodes.last_mut() {
            node.offset = offset;
        }
    }

    /// Lists bits of the byte that was listed last.
    pub(super) fn bits(&mut self, name: Name, mask: u8, value: FieldValue<'a>) {
        let Some(byte) = self.nodes.iter().rev().find(|node| node.mask.is_none()) else { return };
        let (offset, depth) = (byte.offset, byte.depth + 1);
        let Name(name, wireshark) = name;
        self.nodes.push(FieldNode { name, wireshark, offset, length: 1, mask: Some(mask), depth, value, cut: false });
    }

    /// Lists a single bit.
    pub(super) fn flag(&mut self, name: Name, mask: u8, byte: u8) {
        self.bits(name, mask, FieldValue::Flag(byte & mask != 0));
    }

    /// Lists several bits as a number.
    pub(super) fn bit_number(&mut self, name: Name, mask: u8, byte: u8) {
        self.bits(name, mask, FieldValue::Number(u32::from((byte & mask) >> mask.trailing_zeros())));
    }

    /// Whether a further element of a list can be listed. Of too many the rest is told as one.
    pub(super) fn has_more(&mut self) -> bool {
        if self.ended || self.rest.is_empty() {
            return false;
        }
        if self.nodes.len() < MAX_NODES {
            return true;
        }
        self.take_as(Name(FieldNode::NOT_LISTED, None), FieldValue::Nothing);
        self.ended = true;
        false
    }

    /// Whether bytes of the packet are left, at hand or not.
    pub(super) const fn is_at_end(&self) -> bool {
        self.ended || self.at >= self.end
    }

    /// What is at hand and not listed yet.
    pub(super) const fn ahead(&self) -> &'a [u8] {
        self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
        self.at += count as u32;
    }

    /// Lists all that is at hand as one field.
    pub(super) fn take_as(&mut self, name: Name, value: FieldValue<'a>) {
        self.push(name, self.rest.len() as u32, value);
        self.advance(self.rest.len());
    }

    /// Lists all that is at hand as the last field, which may go on in what is missing.
    pub(super) fn take_last(&mut self, name: Name, meaning: Meaning<'a>) {
        if self.ended {
            return;
        }
        self.take_as(name, meaning(self.rest));
        self.ended = true;
        if let Some(node) = self.nodes.last_mut() {
            node.cut = self.at < self.end;
        }
    }

    /// What is left can't be understood.
    pub(super) fn stop(&mut self) {
        if !self.ended {
            self.take_as(Name(FieldNode::NOT_UNDERSTOOD, None), FieldValue::Nothing);
            self.ended = true;
        }
    }

    /// A field of `need` bytes begins here, and so many are not at hand.
    fn lacks(&mut self, name: Name, need: u32) {
        if self.at + need > self.end {
            self.stop();
        } else {
            self.take_cut(name);
        }
    }

    /// Lists what is at hand of a field.
    fn take_cut(&mut self, name: Name) {
        self.ended = true;
        if self.rest.is_empty() {
            return;
        }
        self.take_as(name, FieldValue::Nothing);
        if let Some(node) = self.nodes.last_mut() {
            node.cut = true;
        }
    }

    /// Lists a byte.
    pub(super) fn byte(&mut self, name: Name, value: impl FnOnce(u8) -> FieldValue<'a>) -> Option<u8> {
        if self.ended {
            return None;
        }
        let Some(&byte) = self.rest.first() else {
            self.lacks(name, 1);
            return None;
        };
        self.push(name, 1, value(byte));
        self.advance(1);
        Some(byte)
    }

    /// Lists a two-byte integer.
    pub(super) fn two_bytes(&mut self, name: Name) {
        if self.ended {
            return;
        }
        let Some(bytes) = self.rest.first_chunk() else {
            self.lacks(name, 2);
            return;
        };
        self.push(name, 2, FieldValue::Number(u16::from_be_bytes(*bytes).into()));
        self.advance(2);
    }

    /// Lists bytes behind a two-byte length.
    pub(super) fn prefixed(&mut self, names: Names, meaning: Meaning<'a>) -> Option<&'a [u8]> {
        if self.ended {
            return None;
        }
        let Some(length) = self.rest.first_chunk() else {
            self.lacks(names.length, 2);
            return None;
        };
        let length = u16::from_be_bytes(*length);
        let need = 2 + u32::from(length);
        let Some(bytes) = self.rest.get(2..need as usize) else {
            if self.at + need > self.end {
                self.stop();
            } else {
                self.length(names.length, length);
                self.take_cut(names.value);
            }
            return None;
        };
        self.length(names.length, length);
        self.push(names.value, u32::from(length), meaning(bytes));
        self.advance(bytes.len());
        Some(bytes)
    }

    fn length(&mut self, name: Name, length: u16) {
        self.push(name, 2, FieldValue::Number(length.into()));
        self.advance(2);
    }

    /// Lists a group of so many bytes, with the fields that `fields` lists.
    pub(super) fn group(&mut self, name: Name, length: u32, fields: impl FnOnce(&mut Self)) {
        self.push(name, length, FieldValue::Nothing);
        self.depth += 1;
        fields(self);
        self.depth -= 1;
    }

    /// Lists a property block. Versions before 5.0 have none.
    pub(super) fn properties(&mut self, name: Name) {
        if self.ended || self.version < Version::V5 {
            return;
        }
        let length_name = Name("property_length", Some("mqtt.property_len"));
        let (behind, length) = match variable_integer(self.rest) {
            Ok((behind, length)) => (behind, length.value),
            Err(error) => {
                match Stop::from(error) {
                    Stop::Short(_) => self.lacks(length_name, self.rest.len() as u32 + 1),
                    Stop::Malformed => self.stop(),
                }
                return;
            }
        };
        let prefix = self.rest.len() - behind.len();
        if self.at + prefix as u32 + length > self.end {
            self.stop();
            return;
        }
        let block = behind.get(..length as usize).unwrap_or(behind);
        let whole = block.len() == length as usize;
        self.group(name, (prefix + block.len()) as u32, |walk| {
            walk.push(length_name, prefix as u32, FieldValue::Number(length));
            walk.advance(prefix);
            walk.block(block, whole);
        });
        self.ended = !whole;
    }

    /// Lists the properties of a block.
    fn block(&mut self, block: &'a [u8], whole: bool) {
        let end = self.at + block.len() as u32;
        let mut properties = Properties::new(block, self.at).iter();
        loop {
            let left = (end - self.at) as usize;
            let rest = match self.nodes.len() {
                0..MAX_NODES => match properties.step() {
                    None => return,
                    Some(Ok((property, _))) => {
                        self.property(property, properties.offset());
                        continue;
                    }
                    Some(Err(_)) if whole => Name(FieldNode::NOT_UNDERSTOOD, None),
                    Some(Err(_)) => Name("property", None),
                },
                MAX_NODES.. if left > 0 => Name(FieldNode::NOT_LISTED, None),
                MAX_NODES.. => return,
            };
            self.push(rest, left as u32, FieldValue::Nothing);
            if let Some(node) = self.nodes.last_mut() {
                node.cut = !whole;
            }
            self.advance(left);
            return;
        }
    }

    /// Lists a property, which ends at `end`.
    fn property(&mut self, property: Property<'a>, end: u32) {
        let id = property.id;
        self.group(Name(id.name(), None), end - self.at, |walk| {
            let size = variable_integer(walk.rest).map_or(1, |(behind, _)| walk.rest.len() - behind.len());
            walk.push(Name(PROPERTY_ID, Some("mqtt.property_id")), size as u32, FieldValue::Number(id.code()));
            walk.advance(size);
            let text = match id {
                // Wireshark's field has the length in it.
                PropertyId::ContentType => Names {
                    length: Name("value_length", None),
                    value: Name("value", Some("mqtt.property.content_type")),
                },
                _ => names("value_length", "mqtt.prop_string_len", "value", "mqtt.prop_string"),
            };
            match property.value {
                PropertyValue::Byte(_) | PropertyValue::Integer(_) => {
                    let wireshark = match id {
                        PropertyId::TopicAlias => "mqtt.property.topic_alias",
                        PropertyId::MaximumQos => "mqtt.property.max_qos",
                        _ => "mqtt.prop_number",
                    };
                    let value = FieldValue::Number(property.value.number().unwrap_or(0));
                    walk.push(Name("value", Some(wireshark)), end - walk.at, value);
                    walk.advance((end - walk.at) as usize);
                }
                PropertyValue::Text(_) => {
                    walk.prefixed(text, FieldValue::Text);
                }
                PropertyValue::Binary(_) if id == PropertyId::AuthenticationData => {
                    walk.prefixed(text, secret);
                }
                PropertyValue::Binary(_) => {
                    walk.prefixed(text, FieldValue::Bytes);
                }
                PropertyValue::Pair(..) => {
                    let name = names("name_length", "mqtt.prop_key_len", "name", "mqtt.prop_key");
                    walk.prefixed(name, FieldValue::Text);
                    walk.prefixed(
                        names("value_length", "mqtt.prop_value_len", "value", "mqtt.prop_value"),
                        FieldValue::Text,
                    );
                }
            }
        });
    }
}
