//! What is done with values: comparing, searching, calculating.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::ast::{Operator, Part};
use crate::field::Value;
use crate::time::Span;

/// Two values of one type, in order; none for values that can't be compared.
pub(super) fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Unsigned(left), Value::Unsigned(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Ipv4(left), Value::Ipv4(right)) => Some(left.cmp(right)),
        (Value::Ipv6(left), Value::Ipv6(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => match (whole(left), whole(right)) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => with_bytes(left, |left_bytes| {
                with_bytes(right, |right_bytes| match (left, right) {
                    (Value::Text(_), Value::Text(_)) => left_bytes.cmp(right_bytes),
                    // As in Wireshark the longer ones are the greater ones, as they are of numbers.
                    _ => left_bytes.len().cmp(&right_bytes.len()).then_with(|| left_bytes.cmp(right_bytes)),
                })
            })
            .flatten(),
        },
    }
}

/// An integer or a truth value as a number.
fn whole(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Boolean(value) => Some(i128::from(*value)),
        Value::Unsigned(value) => Some(i128::from(*value)),
        Value::Signed(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// A number as the value of a field; none where it is beyond 64 bits.
fn integer<'a>(value: i128) -> Option<Value<'a>> {
    u64::try_from(value).map(Value::Unsigned).or_else(|_| i64::try_from(value).map(Value::Signed)).ok()
}

/// Calls `take` with the bytes of a value that has any.
pub(super) fn with_bytes<T>(value: &Value<'_>, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
    Some(match value {
        Value::Text(bytes) | Value::Bytes(bytes) | Value::Header(bytes, _) => take(bytes),
        Value::Ethernet(bytes) => take(bytes),
        Value::Ipv4(address) => take(&address.octets()),
        Value::Ipv6(address) => take(&address.octets()),
        Value::Label
        | Value::Boolean(_)
        | Value::Unsigned(_)
        | Value::Signed(_)
        | Value::Float(_)
        | Value::Time(_)
        | Value::Duration(_) => return None,
    })
}

/// The same with what a value is itself: of a header without what follows it.
pub(super) fn with_own_bytes<T>(value: &Value<'_>, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
    match value {
        Value::Header(bytes, own) => Some(take(bytes.get(..*own).unwrap_or(bytes))),
        other => with_bytes(other, take),
    }
}

/// Whether `needle` stands in `bytes`; nothing contains an empty one, as in Wireshark.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return false };
    let mut at = bytes;
    while let Some(skip) = at.iter().position(|byte| byte == first) {
        at = &at[skip + 1..];
        if at.starts_with(rest) {
            return true;
        }
    }
    false
}

/// The parts of some bytes, one behind the other, up to the first that does not lie in the bytes: as in Wireshark 4.0.
pub(super) fn slice<'a>(bytes: &'a [u8], parts: &[Part]) -> Cow<'a, [u8]> {
    let inside = |part: &Part| part.within(bytes.len()).and_then(|range| bytes.get(range));
    if let [part] = parts {
        return Cow::Borrowed(inside(part).unwrap_or_default());
    }
    Cow::Owned(parts.iter().map_while(inside).flatten().copied().collect())
}

/// The result of an operator; none where there is none: a division by zero, a number beyond 64 bits.
pub(super) fn calculate<'a>(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Option<Value<'a>> {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return integer(match operator {
            Operator::Add => left.checked_add(right),
            Operator::Subtract => left.checked_sub(right),
            Operator::Multiply => left.checked_mul(right),
            Operator::Divide => left.checked_div(right),
            Operator::Modulo => left.checked_rem(right),
            Operator::BitAnd => Some(left & right),
        }?);
    }
    Some(match (left, right) {
        (Value::Float(left), Value::Float(right)) => Value::Float(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            Operator::Modulo => left % right,
            Operator::BitAnd => return None,
        }),
        (Value::Duration(left), Value::Duration(right)) => {
            let (left, right) = (left.as_nanos(), right.as_nanos());
            Value::Duration(Span::from_nanos(match operator {
                Operator::Add => left.checked_add(right)?,
                Operator::Subtract => left.checked_sub(right)?,
                Operator::Multiply | Operator::Divide | Operator::Modulo | Operator::BitAnd => return None,
            }))
        }
        _ if operator != Operator::BitAnd => return None,
        (Value::Ipv4(left), Value::Ipv4(right)) => Value::Ipv4(Ipv4Addr::from_bits(left.to_bits() & right.to_bits())),
        (Value::Ipv6(left), Value::Ipv6(right)) => Value::Ipv6(Ipv6Addr::from_bits(left.to_bits() & right.to_bits())),
        (Value::Ethernet(left), Value::Ethernet(right)) => {
            Value::Ethernet(std::array::from_fn(|at| left[at] & right[at]))
        }
        // The shorter one gives the length.
        (Value::Bytes(left), Value::Bytes(right)) => {
            Value::Bytes(left.iter().zip(right.iter()).map(|(left, right)| left & right).collect())
        }
        _ => return None,
    })
}

pub(super) fn negative<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    Some(match value {
        Value::Float(value) => Value::Float(-value),
        Value::Duration(value) => Value::Duration(Span::from_nanos(value.as_nanos().checked_neg()?)),
        other => return integer(-whole(other)?),
    })
}

pub(super) fn absolute<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    Some(match value {
        Value::Float(value) => Value::Float(value.abs()),
        Value::Duration(value) => Value::Duration(Span::from_nanos(value.as_nanos().checked_abs()?)),
        other => return integer(whole(other)?.abs()),
    })
}

/// Whether a number or any of the bytes is something else than zero.
pub(super) fn is_nonzero(value: &Value<'_>) -> bool {
    match value {
        Value::Float(value) => *value != 0.0,
        Value::Duration(value) => *value != Span::ZERO,
        other => whole(other).map_or_else(
            || with_bytes(other, |bytes| bytes.iter().any(|&byte| byte != 0)).unwrap_or(false),
            |number| number != 0,
        ),
    }
}

/// A number or an address as text.
pub(super) fn text(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Ipv4(address) => address.to_string(),
        Value::Ipv6(address) => address.to_string(),
        Value::Ethernet([a, b, c, d, e, f]) => format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"),
        Value::Float(value) => value.to_string(),
        other => whole(other)?.to_string(),
    })
}

/// The same value without what it borrows.
pub(super) fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Label => Value::Label,
        Value::Boolean(value) => Value::Boolean(value),
        Value::Unsigned(value) => Value::Unsigned(value),
        Value::Signed(value) => Value::Signed(value),
        Value::Float(value) => Value::Float(value),
        Value::Text(bytes) => Value::Text(Cow::Owned(bytes.into_owned())),
        Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
        Value::Header(bytes, own) => Value::Header(Cow::Owned(bytes.into_owned()), own),
        Value::Ipv4(address) => Value::Ipv4(address),
        Value::Ipv6(address) => Value::Ipv6(address),
        Value::Ethernet(address) => Value::Ethernet(address),
        Value::Time(time) => Value::Time(time),
        Value::Duration(span) => Value::Duration(span),
    }
}
