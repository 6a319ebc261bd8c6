//! The types of a filter: those of fields, without what does not matter for what may be compared.

use std::fmt;

use super::ast::Operator;
use super::eval::Node;
use crate::field::{Field, FieldId, Kind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Integer,
    Boolean,
    Float,
    Text,
    Bytes,
    Protocol,
    Ipv4,
    Ipv6,
    Ethernet,
    Time,
    Duration,
    Label,
}

impl Class {
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Protocol => Self::Protocol,
            Kind::Label => Self::Label,
            Kind::Boolean => Self::Boolean,
            Kind::Unsigned(_) | Kind::Signed(_) | Kind::FrameNumber => Self::Integer,
            Kind::Float => Self::Float,
            Kind::Text => Self::Text,
            Kind::Bytes => Self::Bytes,
            Kind::Ipv4 => Self::Ipv4,
            Kind::Ipv6 => Self::Ipv6,
            Kind::Ethernet => Self::Ethernet,
            Kind::Time => Self::Time,
            Kind::Duration => Self::Duration,
        }
    }

    /// Whether it has bytes to cut slices from.
    pub(super) const fn has_bytes(self) -> bool {
        matches!(self, Self::Text | Self::Bytes | Self::Protocol | Self::Ethernet | Self::Ipv4 | Self::Ipv6)
    }

    /// Whether `string()` takes it.
    pub(super) const fn has_text(self) -> bool {
        matches!(self, Self::Integer | Self::Float | Self::Ethernet | Self::Ipv4 | Self::Ipv6)
    }

    pub(super) const fn allows(self, operator: Operator) -> bool {
        match self {
            Self::Integer => true,
            Self::Float => !matches!(operator, Operator::BitAnd),
            Self::Duration => matches!(operator, Operator::Add | Operator::Subtract),
            Self::Bytes | Self::Ethernet | Self::Ipv4 | Self::Ipv6 => matches!(operator, Operator::BitAnd),
            Self::Boolean | Self::Text | Self::Protocol | Self::Time | Self::Label => false,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "a number",
            Self::Boolean => "true or false",
            Self::Float => "a floating point number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Protocol => "a protocol",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Ethernet => "a hardware address",
            Self::Time => "a point in time",
            Self::Duration => "a duration",
            Self::Label => "a label without a value",
        })
    }
}

/// Something with values of a type.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) class: Class,
    pub(super) node: Node,
    /// The field whose values these are, and its type.
    pub(super) field: Option<(FieldId, Kind)>,
}

/// What a literal is to become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) class: Class,
    pub(super) field: Option<(FieldId, Kind)>,
    /// It is an operand of arithmetic: no text, no network.
    pub(super) operand: bool,
}

impl Typed {
    pub(super) const fn new(class: Class, node: Node) -> Self {
        Self { class, node, field: None }
    }

    pub(super) const fn field(id: FieldId, field: &Field) -> Self {
        Self { class: Class::of(field.kind), node: Node::Field(id), field: Some((id, field.kind)) }
    }

    /// What a literal beside it has to be.
    pub(super) const fn target(&self) -> Target {
        Target { class: self.class, field: self.field, operand: false }
    }

    /// What a literal beside it has to be, to calculate with.
    pub(super) const fn operand_target(&self) -> Target {
        Target { class: self.class, field: None, operand: true }
    }
}
