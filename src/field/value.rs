//! What a field can hold, and what one occurrence of it does.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::time::{Span, Timestamp};

/// The type of a field, as Wireshark has it (`FT_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A protocol, or a branch of the tree: it is there, and has bytes (`FT_PROTOCOL`, `FT_NONE`).
    Protocol,
    /// Something that is there or not, without a value (`FT_NONE`).
    Label,
    /// True or false.
    Boolean,
    /// An unsigned integer of so many bits.
    Unsigned(u8),
    /// A signed integer of so many bits.
    Signed(u8),
    /// A floating point number.
    Float,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A hardware address.
    Ethernet,
    /// A point in time.
    Time,
    /// A duration.
    Duration,
    /// The number of another frame.
    FrameNumber,
}

/// How a number is shown (`BASE_…`), where that matters for text output and for comparison with text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Base {
    /// As its type has it.
    #[default]
    None,
    /// Decimal.
    Decimal,
    /// Hexadecimal with `0x` and as many digits as the type has.
    Hex,
    /// Decimal, with hexadecimal in parentheses in the tree.
    DecimalHex,
    /// Hexadecimal, with decimal in parentheses in the tree.
    HexDecimal,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// It is there.
    Label,
    /// True or false.
    Boolean(bool),
    /// An unsigned integer, a port, the number of a frame.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
    /// A floating point number.
    Float(f64),
    /// Text: bytes that ought to be UTF-8.
    Text(Cow<'a, [u8]>),
    /// Bytes, also those of a protocol.
    Bytes(Cow<'a, [u8]>),
    /// A header and all that follows in what holds it, and how many of these bytes are the header's own.
    Header(Cow<'a, [u8]>, usize),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A hardware address.
    Ethernet([u8; 6]),
    /// A point in time.
    Time(Timestamp),
    /// A duration.
    Duration(Span),
}

/// One occurrence of a field in a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence<'a> {
    /// Its value.
    pub value: Value<'a>,
    /// Which of the layers of its protocol it stands in, from 1 (the outermost).
    pub layer: u8,
}

/// What a filter or a column is evaluated on: a frame, a message, any record.
pub trait Row {
    /// Calls `take` with each occurrence of a field, in their order.
    fn occurrences<'a>(&'a self, field: FieldId, take: &mut dyn FnMut(Occurrence<'a>));
}

/// A field of the registry, by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// A field, as the registry describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in filters: Wireshark's where it has one.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// How it is shown.
    pub base: Base,
    /// Its name for people.
    pub label: &'static str,
    /// What it is, in a sentence; empty where its name says it.
    pub description: &'static str,
}

/// Finds fields by name: the registry, or a small table in a test.
pub trait Names {
    /// The field with exactly this name.
    fn field(&self, name: &str) -> Option<(FieldId, &Field)>;
    /// The fields nearest to a name that is none, the nearest first; at most three.
    fn nearest(&self, name: &str) -> Vec<&'static str>;
    /// The field behind an id.
    fn describe(&self, id: FieldId) -> &Field;
    /// The names that its numbers have, so that a filter can use them: `mqtt.msgtype == "Publish Message"`. For a truth
    /// value these are the names of 0 and 1.
    fn values(&self, _id: FieldId) -> &'static [(u64, &'static str)] {
        &[]
    }
    /// Other names of its numbers that a filter may use as well: those that the output has, `PUBLISH`.
    fn other_values(&self, _id: FieldId) -> &'static [(u64, &'static str)] {
        &[]
    }
}
