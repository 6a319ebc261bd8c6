//! Every field of a packet with its place: a tree, made on request from a decoded packet.
//!
//! It reads the bytes with the parsers that decoding uses, in the same order, and judges nothing: what decoding found
//! deviating is put to the field whose bytes it points at. Where decoding stopped, the tree stops as well, and says
//! how many bytes are left. So its leaves cover the packet from its first byte to its last.

mod packets;
mod walk;

#[cfg(test)]
mod tests;

use super::{ControlPacket, Deviation};
use crate::text::Secret;
use walk::Walk;

/// A field of a packet, or a group of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldNode<'a> {
    /// Its name in snake case: `topic`, `remaining_length`, or one of [`FieldNode::NOT_UNDERSTOOD`] and its like.
    pub name: &'static str,
    /// The name of Wireshark's field for it, where there is one.
    pub wireshark: Option<&'static str>,
    /// Its first byte, counted from the first byte of the packet.
    pub offset: u32,
    /// How many bytes it has.
    pub length: u32,
    /// The bits of its byte, where it is a part of one.
    pub mask: Option<u8>,
    /// How deep in the tree it stands, 0 for the fields of the packet itself.
    pub depth: u8,
    /// Its value.
    pub value: FieldValue<'a>,
    /// The rest of it is not at hand.
    pub cut: bool,
}

impl FieldNode<'_> {
    /// The name of bytes behind the point where a packet can't be understood any more.
    pub const NOT_UNDERSTOOD: &'static str = "not_understood";
    /// The name of bytes behind the last field.
    pub const TRAILING: &'static str = "trailing_bytes";
    /// The name of bytes that are not at hand: never captured, behind a hole, or beyond what is held of a packet.
    pub const MISSING: &'static str = "missing";
    /// The name of fields that are not listed because there are too many.
    pub const NOT_LISTED: &'static str = "not_listed";
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A group of fields, or bytes without a meaning.
    Nothing,
    /// A number.
    Number(u32),
    /// A bit.
    Flag(bool),
    /// A number that stands for something; what, if it is defined.
    Code(u32, Option<&'static str>),
    /// What ought to be UTF-8.
    Text(&'a [u8]),
    /// Any bytes.
    Bytes(&'a [u8]),
    /// An application message.
    Payload(&'a [u8]),
    /// A password or authentication data.
    Secret(Secret),
}

/// Fields that are listed of one packet; the rest is one node. Nobody reads more, and a packet may be nothing but
/// topic filters of no character.
const MAX_NODES: usize = 4096;

/// The fields of a packet: a tree, in the order of the packet, each group before its fields.
///
/// ```
/// use mqttsniff::mqtt::{FieldValue, Fields, FixedHeader, HeaderRead, Version, decode};
///
/// let bytes = b"\x30\x05\x00\x01ahi";
/// let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!() };
/// let packet = decode(header, &bytes[2..], Version::V311);
/// let fields = Fields::of(&packet);
/// let topic = fields.nodes().iter().find(|field| field.name == "topic").unwrap();
/// assert_eq!((topic.offset, topic.length, topic.value), (4, 1, FieldValue::Text(b"a")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a> {
    nodes: Vec<FieldNode<'a>>,
    /// INVARIANT: each number is that of a node.
    deviations: Vec<(usize, Deviation)>,
}

impl<'a> Fields<'a> {
    /// The fields of a packet.
    pub fn of(packet: &ControlPacket<'a>) -> Self {
        let nodes = Walk::over(packet);
        let deviations = packet.deviations.iter().map(|deviation| (place_of(*deviation, &nodes), *deviation)).collect();
        Self { nodes, deviations }
    }

    /// All nodes; the children of a node stand behind it, one deeper.
    pub fn nodes(&self) -> &[FieldNode<'a>] {
        &self.nodes
    }

    /// What is not as it should be about the node with this number.
    pub fn deviations_of(&self, node: usize) -> impl Iterator<Item = Deviation> {
        self.deviations.iter().filter(move |(of, _)| *of == node).map(|(_, deviation)| *deviation)
    }
}

/// The number of the node that a deviation is about: the deepest that has its byte, but for single bits.
fn place_of(deviation: Deviation, nodes: &[FieldNode<'_>]) -> usize {
    let at = deviation.offset;
    let whole = |node: &FieldNode<'_>| node.mask.is_none();
    let holds = |node: &FieldNode<'_>| whole(node) && (node.offset..node.offset + node.length).contains(&at);
    let found = nodes
        .iter()
        .rposition(holds)
        .or_else(|| nodes.iter().rposition(|node| whole(node) && node.offset == at))
        .or_else(|| nodes.iter().rposition(whole))
        .unwrap_or(0);
    // What is wrong with a property is told by the place of its identifier, and is about all of it.
    match nodes.get(found) {
        Some(node) if node.name == walk::PROPERTY_ID => found.saturating_sub(1),
        _ => found,
    }
}
