//! A filter with its fields resolved and its constants converted, and what it says of a row.
//!
//! Values are handed on one by one, so that nothing is collected: what a comparison of numbers or addresses costs is the
//! extraction of its fields.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};

use regex::bytes::Regex;

use super::ast::{Operator, Part};
use super::value::{
    absolute, calculate, compare, contains, is_nonzero, negative, owned, slice, text, with_bytes, with_own_bytes,
};
use crate::field::{FieldId, Occurrence, Row, Value};
use crate::mqtt::topic;

/// Something that is true or false of a row.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Or(Box<[Self]>),
    Xor(Box<[Self]>),
    And(Box<[Self]>),
    Not(Box<Self>),
    /// It has a value.
    Present(Node),
    /// It has a value that is not zero.
    NonZero(Node),
    /// All values of the left side satisfy the test, or any of them; and there is one.
    Compare {
        all: bool,
        left: Node,
        test: Test,
    },
}

/// Something that has values in a row.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Field(FieldId),
    Layers(FieldId, Box<[Part]>),
    Constant(Value<'static>),
    Slice(Box<Self>, Box<[Part]>),
    Negative(Box<Self>),
    Arithmetic(Operator, Box<Self>, Box<Self>),
    /// One value made from one value.
    Map(Function, Box<Self>),
    Count(Box<Self>),
    /// The greatest of all values, or the least.
    Extreme {
        greatest: bool,
        of: Box<[Self]>,
    },
}

/// A function of one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    Upper,
    Lower,
    /// The number of bytes, which a number has by its type.
    Length(Option<u8>),
    Text,
    /// The name of a number.
    Name(&'static [(u64, &'static str)]),
    Absolute,
}

/// What a value is held against.
#[derive(Debug, Clone)]
pub(super) enum Test {
    Order(Order, Right),
    Contains(Right),
    Matches(Regex),
    Topic(Box<[u8]>),
    Member(Box<[(Right, Option<Right>)]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

/// The right side of a comparison.
#[derive(Debug, Clone)]
pub(super) enum Right {
    Constant(Value<'static>),
    /// A network, of which all addresses are equal: the bits of its address and its mask.
    Net4(u32, u32),
    Net6(u128, u128),
    Node(Node),
}

impl Order {
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Self::Less => order == Some(Ordering::Less),
            Self::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        }
    }

    /// The same with its sides exchanged.
    pub(super) const fn mirrored(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
        }
    }
}

impl Plan {
    pub(super) fn matches(&self, row: &dyn Row) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.matches(row)),
            Self::And(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Xor(parts) => parts.iter().filter(|part| part.matches(row)).count() % 2 == 1,
            Self::Not(inner) => !inner.matches(row),
            // A slice beyond the end is empty, and so not there.
            Self::Present(node @ Node::Slice(..)) => some(node, row, false, |value| !is_empty(value)),
            Self::Present(node) => some(node, row, false, |_| true),
            Self::NonZero(node) => some(node, row, false, is_nonzero),
            Self::Compare { all, left, test } => some(left, row, *all, |value| test.holds(value, row, *all)),
        }
    }
}

/// Whether any, or all, values of a node satisfy a test; never without a value.
fn some(node: &Node, row: &dyn Row, all: bool, mut test: impl FnMut(&Value<'_>) -> bool) -> bool {
    let mut result = None;
    node.each(row, &mut |value| {
        if result != Some(!all) {
            result = Some(test(&value));
        }
    });
    result == Some(true)
}

impl Test {
    fn holds(&self, value: &Value<'_>, row: &dyn Row, all: bool) -> bool {
        match self {
            Self::Order(order, right) => right.holds(*order, value, row, all),
            Self::Contains(Right::Node(node)) => some(node, row, all, |needle| is_in(value, needle)),
            Self::Contains(Right::Constant(needle)) => is_in(value, needle),
            Self::Contains(Right::Net4(..) | Right::Net6(..)) => false,
            // No bytes match nothing, not even `^$`, as in Wireshark; an empty text may.
            Self::Matches(_) if matches!(value, Value::Bytes(bytes) if bytes.is_empty()) => false,
            Self::Matches(regex) => with_bytes(value, |bytes| regex.is_match(bytes)).unwrap_or(false),
            Self::Topic(filter) => with_bytes(value, |name| topic::matches(filter, name)).unwrap_or(false),
            Self::Member(set) => set.iter().any(|(low, high)| match high {
                None => low.holds(Order::Equal, value, row, false),
                Some(high) => {
                    low.holds(Order::GreaterEqual, value, row, false) && high.holds(Order::LessEqual, value, row, false)
                }
            }),
        }
    }
}

fn is_empty(value: &Value<'_>) -> bool {
    with_bytes(value, <[u8]>::is_empty).unwrap_or(false)
}

fn is_in(value: &Value<'_>, needle: &Value<'_>) -> bool {
    with_bytes(value, |bytes| with_bytes(needle, |needle| contains(bytes, needle))).flatten().unwrap_or(false)
}

impl Right {
    fn holds(&self, order: Order, value: &Value<'_>, row: &dyn Row, all: bool) -> bool {
        match (self, value) {
            (Self::Constant(constant), _) => order.holds(compare(value, constant)),
            (Self::Net4(bits, mask), Value::Ipv4(address)) => order.holds(Some((address.to_bits() & mask).cmp(bits))),
            (Self::Net6(bits, mask), Value::Ipv6(address)) => order.holds(Some((address.to_bits() & mask).cmp(bits))),
            (Self::Net4(..) | Self::Net6(..), _) => false,
            (Self::Node(node), _) => some(node, row, all, |other| order.holds(compare(value, other))),
        }
    }

    /// The network of an address; `bits` is at most its width.
    pub(super) fn net4(address: Ipv4Addr, bits: u32) -> Self {
        let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
        Self::Net4(address.to_bits() & mask, mask)
    }

    /// The network of an address; `bits` is at most its width.
    pub(super) fn net6(address: Ipv6Addr, bits: u32) -> Self {
        let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
        Self::Net6(address.to_bits() & mask, mask)
    }
}

impl Node {
    /// Calls `take` with each value.
    pub(super) fn each(&self, row: &dyn Row, take: &mut dyn FnMut(Value<'_>)) {
        match self {
            Self::Field(field) => row.occurrences(*field, &mut |found| take(found.value)),
            Self::Layers(field, layers) => in_layers(*field, layers, row, take),
            Self::Constant(value) => take(borrowed(value)),
            Self::Slice(of, parts) => of.each(row, &mut |value| {
                let _ = with_own_bytes(&value, |bytes| take(Value::Bytes(slice(bytes, parts))));
            }),
            Self::Negative(of) => of.each(row, &mut |value| {
                if let Some(value) = negative(&value) {
                    take(value);
                }
            }),
            Self::Arithmetic(operator, left, right) => left.each(row, &mut |left| {
                right.each(row, &mut |right| {
                    if let Some(value) = calculate(*operator, &left, &right) {
                        take(value);
                    }
                });
            }),
            Self::Map(function, of) => of.each(row, &mut |value| {
                if let Some(value) = function.apply(&value) {
                    take(value);
                }
            }),
            Self::Count(of) => {
                let mut count = 0;
                of.each(row, &mut |_| count += 1);
                // A function of what is not there has no value.
                if count > 0 {
                    take(Value::Unsigned(count));
                }
            }
            Self::Extreme { greatest, of } => {
                let wanted = if *greatest { Ordering::Greater } else { Ordering::Less };
                let mut best: Option<Value<'static>> = None;
                for node in of {
                    node.each(row, &mut |value| {
                        if best.as_ref().is_none_or(|best| compare(&value, best) == Some(wanted)) {
                            best = Some(owned(value));
                        }
                    });
                }
                if let Some(best) = best {
                    take(best);
                }
            }
        }
    }

    /// Notes the fields that it reads.
    fn fields(&self, out: &mut Vec<FieldId>) {
        match self {
            Self::Field(field) | Self::Layers(field, _) => out.push(*field),
            Self::Constant(_) => {}
            Self::Slice(of, _) | Self::Negative(of) | Self::Map(_, of) | Self::Count(of) => of.fields(out),
            Self::Arithmetic(_, left, right) => {
                left.fields(out);
                right.fields(out);
            }
            Self::Extreme { of, .. } => of.iter().for_each(|node| node.fields(out)),
        }
    }
}

impl Plan {
    /// Notes the fields that it reads.
    pub(super) fn fields(&self, out: &mut Vec<FieldId>) {
        let right = |right: &Right, out: &mut Vec<FieldId>| {
            if let Right::Node(node) = right {
                node.fields(out);
            }
        };
        match self {
            Self::Or(parts) | Self::Xor(parts) | Self::And(parts) => parts.iter().for_each(|part| part.fields(out)),
            Self::Not(inner) => inner.fields(out),
            Self::Present(node) | Self::NonZero(node) => node.fields(out),
            Self::Compare { left, test, .. } => {
                left.fields(out);
                match test {
                    Test::Order(_, side) | Test::Contains(side) => right(side, out),
                    Test::Matches(_) | Test::Topic(_) => {}
                    Test::Member(set) => {
                        for (low, high) in set {
                            right(low, out);
                            if let Some(high) = high {
                                right(high, out);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A negative number counts from the innermost layer in which the field stands.
fn in_layers(field: FieldId, layers: &[Part], row: &dyn Row, take: &mut dyn FnMut(Value<'_>)) {
    let mut many = 0;
    row.occurrences(field, &mut |found| many = found.layer.max(many));
    row.occurrences(field, &mut |Occurrence { value, layer }| {
        if layers.iter().any(|part| part.has(layer, many)) {
            take(value);
        }
    });
}

impl Function {
    fn apply<'a>(self, value: &'a Value<'_>) -> Option<Value<'a>> {
        let cased = |change: fn(&u8) -> u8| {
            let bytes = with_bytes(value, |bytes| bytes.iter().map(change).collect::<Vec<_>>());
            bytes.map(|bytes| Value::Text(Cow::Owned(bytes)))
        };
        match self {
            Self::Upper => cased(u8::to_ascii_uppercase),
            Self::Lower => cased(u8::to_ascii_lowercase),
            Self::Length(Some(fixed)) => Some(Value::Unsigned(fixed.into())),
            Self::Length(None) => with_own_bytes(value, |bytes| Value::Unsigned(bytes.len() as u64)),
            Self::Text => text(value).map(|text| Value::Text(Cow::Owned(text.into_bytes()))),
            Self::Name(names) => match value {
                Value::Unsigned(number) => {
                    let (_, name) = names.iter().find(|(value, _)| value == number)?;
                    Some(Value::Text(Cow::Borrowed(name.as_bytes())))
                }
                _ => None,
            },
            Self::Absolute => absolute(value),
        }
    }
}

fn borrowed<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::Text(bytes) => Value::Text(Cow::Borrowed(bytes)),
        Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
        Value::Header(bytes, own) => Value::Header(Cow::Borrowed(bytes), *own),
        other => other.clone(),
    }
}
