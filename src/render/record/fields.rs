//! The tree of a message's fields, each with the places of its bytes.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::value::{Base64, Text};
use crate::mqtt::{FieldNode, FieldValue, Piece};
use crate::render::tree::{Deviating, Tree};

/// The fields of a message.
pub(super) struct FieldsRecord<'a>(Tree<'a>);

impl<'a> FieldsRecord<'a> {
    pub(super) fn of(message: impl Into<Tree<'a>>) -> Self {
        Self(message.into())
    }
}

impl Serialize for FieldsRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Children { tree: &self.0, first: 0, end: self.0.nodes().len() }.serialize(serializer)
    }
}

/// Nodes of one depth with what is below them. A tree is never deeper than its packet's form: three levels.
struct Children<'a> {
    tree: &'a Tree<'a>,
    first: usize,
    end: usize,
}

impl Children<'_> {
    fn nodes(&self) -> &[FieldNode<'_>] {
        self.tree.nodes().get(self.first..self.end).unwrap_or_default()
    }
}

impl Serialize for Children<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut nodes = self.nodes();
        let mut index = self.first;
        while let Some((node, behind)) = nodes.split_first() {
            let below = behind.iter().take_while(|below| below.depth > node.depth).count();
            let children = Children { tree: self.tree, first: index + 1, end: index + 1 + below };
            list.serialize_element(&FieldRecord::of(self.tree, index, node, children))?;
            nodes = behind.get(below..).unwrap_or_default();
            index += 1 + below;
        }
        list.end()
    }
}

#[derive(Serialize)]
struct FieldRecord<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    offset: u32,
    length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<FieldValueRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<bool>,
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    parts: Option<Parts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deviations: Option<OwnDeviations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Children<'a>>,
}

impl<'a> FieldRecord<'a> {
    fn of(tree: &'a Tree<'a>, index: usize, node: &FieldNode<'a>, children: Children<'a>) -> Self {
        let deviations = tree.deviations_of(index);
        Self {
            name: node.name,
            field: node.wireshark,
            offset: node.offset,
            length: node.length,
            mask: node.mask,
            value: FieldValueRecord::of(node.value),
            meaning: match node.value {
                FieldValue::Code(_, meaning) => meaning,
                _ => None,
            },
            cut: node.cut.then_some(true),
            // Bits are where their byte is.
            parts: node.mask.is_none().then_some(Parts { tree, offset: node.offset, length: node.length }),
            deviations: (!deviations.is_empty()).then_some(OwnDeviations(deviations)),
            children: (children.first < children.end).then_some(children),
        }
    }
}

enum FieldValueRecord<'a> {
    Number(u32),
    Flag(bool),
    Text(Text<'a>),
    Bytes(Base64<'a>),
}

impl<'a> FieldValueRecord<'a> {
    /// The value; none of a group, of a secret, and of an application message, which has a place of its own.
    const fn of(value: FieldValue<'a>) -> Option<Self> {
        match value {
            FieldValue::Number(number) | FieldValue::Code(number, _) => Some(Self::Number(number)),
            FieldValue::Flag(flag) => Some(Self::Flag(flag)),
            FieldValue::Text(text) => Some(Self::Text(Text(text))),
            FieldValue::Bytes(bytes) => Some(Self::Bytes(Base64(bytes))),
            FieldValue::Payload(_) | FieldValue::Nothing | FieldValue::Secret(_) => None,
        }
    }
}

impl Serialize for FieldValueRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::Bytes(bytes) => bytes.serialize(serializer),
        }
    }
}

struct OwnDeviations(Vec<Deviating>);

#[derive(Serialize)]
struct DeviationRecord<'a> {
    offset: u32,
    kind: &'static str,
    clause: &'static str,
    message: &'a str,
}

impl Serialize for OwnDeviations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|deviation| DeviationRecord {
            offset: deviation.offset,
            kind: deviation.kind,
            clause: deviation.clause,
            message: &deviation.message,
        }))
    }
}

/// Where the bytes of a field stand.
struct Parts<'a> {
    tree: &'a Tree<'a>,
    offset: u32,
    length: u32,
}

#[derive(Serialize)]
struct PartRecord {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    length: u32,
}

impl From<Piece> for PartRecord {
    fn from(part: Piece) -> Self {
        Self { frame: part.place.origin.frame.0, offset: part.place.offset, length: part.length }
    }
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.tree.parts(self.offset, self.length).map(PartRecord::from))
    }
}
