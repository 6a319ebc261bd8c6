//! Literals as values of the type that is wanted, with the reason where they are none.

use std::borrow::Cow;

use super::ast::{Operand, OperandKind};
use super::error::Fault;
use super::eval::Right;
use super::lexer::NoInteger;
use super::literal;
use super::types::{Class, Target};
use super::value::{calculate, negative};
use crate::field::{Kind, Names, Value};

/// The right side that a literal is.
pub(super) fn convert(operand: &Operand, target: Target, names: &dyn Names) -> Result<Right, Fault> {
    if let OperandKind::Word(word) = &operand.kind {
        let net = |bits: u32, width: u32| {
            if bits <= width {
                Ok(bits)
            } else {
                Err(Fault::new(operand.place, format!("a prefix has at most {width} bits here")))
            }
        };
        match target.class {
            Class::Ipv4 => {
                if let Some((address, Some(bits))) = literal::ipv4(word) {
                    return Ok(Right::net4(address, net(bits, 32)?));
                }
            }
            Class::Ipv6 => {
                if let Some((address, Some(bits))) = literal::ipv6(word) {
                    return Ok(Right::net6(address, net(bits, 128)?));
                }
            }
            _ => {}
        }
    }
    single(operand, target, names).map(Right::Constant)
}

/// The value that a literal is.
pub(super) fn single(operand: &Operand, target: Target, names: &dyn Names) -> Result<Value<'static>, Fault> {
    let value = match &operand.kind {
        OperandKind::Word(word) => self::word(word, operand, target, names)?,
        OperandKind::Text(text) => self::text(text, operand, target, names)?,
        OperandKind::Char(byte) => match target.class {
            Class::Integer => Value::Unsigned((*byte).into()),
            Class::Text if !target.operand => Value::Text(Cow::Owned(vec![*byte])),
            Class::Bytes | Class::Protocol => Value::Bytes(Cow::Owned(vec![*byte])),
            _ => return Err(wrong(operand, target)),
        },
        OperandKind::Negative(of) => {
            let value = single(of, target, names)?;
            let numeric = matches!(target.class, Class::Integer | Class::Float | Class::Duration);
            let value = numeric.then(|| negative(&value)).flatten();
            return value.ok_or_else(|| Fault::new(operand.place, format!("{} can't be negative", target.class)));
        }
        OperandKind::Arithmetic(operator, left, right) => {
            let part = Target { field: None, operand: true, ..target };
            if !target.class.allows(*operator) {
                return Err(wrong(operand, target));
            }
            let (left, right) = (single(left, part, names)?, single(right, part, names)?);
            let Some(value) = calculate(*operator, &left, &right) else {
                return Err(Fault::new(operand.place, "this calculation has no result"));
            };
            value
        }
        OperandKind::Layered(..) | OperandKind::Slice(..) | OperandKind::Call(..) => {
            return Err(wrong(operand, target));
        }
    };
    in_range(&value, operand, target)?;
    Ok(value)
}

fn word(word: &str, operand: &Operand, target: Target, names: &dyn Names) -> Result<Value<'static>, Fault> {
    let value = match target.class {
        Class::Integer => match literal::unsigned(word) {
            Ok(number) => Some(Value::Unsigned(number)),
            Err(NoInteger::TooBig) => return Err(Fault::new(operand.place, "the number has more than 64 bits")),
            Err(NoInteger::Form) => named(word, target, names).map(Value::Unsigned),
        },
        Class::Boolean => {
            literal::boolean(word).or_else(|| named(word, target, names).map(|number| number != 0)).map(Value::Boolean)
        }
        Class::Float => literal::float(word).map(Value::Float),
        Class::Text if target.operand => None,
        Class::Text => Some(Value::Text(Cow::Owned(word.as_bytes().to_vec()))),
        Class::Bytes | Class::Protocol => literal::bytes(word).map(|bytes| Value::Bytes(Cow::Owned(bytes))),
        Class::Ipv4 => match literal::ipv4(word) {
            Some((_, Some(_))) => return Err(Fault::new(operand.place, "a network can't be calculated with")),
            found => found.map(|(address, _)| Value::Ipv4(address)),
        },
        Class::Ipv6 => match literal::ipv6(word) {
            Some((_, Some(_))) => return Err(Fault::new(operand.place, "a network can't be calculated with")),
            found => found.map(|(address, _)| Value::Ipv6(address)),
        },
        Class::Ethernet => literal::ethernet(word).map(Value::Ethernet),
        Class::Time => literal::time(word).map(Value::Time),
        Class::Duration => literal::duration(word).map(Value::Duration),
        Class::Label => None,
    };
    value.ok_or_else(|| {
        let fault = wrong(operand, target);
        let near = if word.contains('.') && word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.nearest(word)
        } else {
            Vec::new()
        };
        match (suggestion(target, names), near.is_empty()) {
            (Some(names), _) => fault.hint(names),
            (None, false) => fault.hint(format!("nearest: {}", near.join(", "))),
            (None, true) => fault,
        }
    })
}

fn text(text: &[u8], operand: &Operand, target: Target, names: &dyn Names) -> Result<Value<'static>, Fault> {
    let string = std::str::from_utf8(text).unwrap_or_default();
    let fault = || {
        let fault = wrong(operand, target);
        match suggestion(target, names) {
            Some(names) => fault.hint(names),
            None => fault,
        }
    };
    if target.operand {
        return Err(Fault::new(operand.place, "text can't be calculated with"));
    }
    match target.class {
        Class::Integer => named(string, target, names).map(Value::Unsigned).ok_or_else(fault),
        Class::Boolean => named(string, target, names).map(|number| Value::Boolean(number != 0)).ok_or_else(fault),
        Class::Text => Ok(Value::Text(Cow::Owned(text.to_vec()))),
        Class::Bytes | Class::Protocol => Ok(Value::Bytes(Cow::Owned(text.to_vec()))),
        Class::Time => literal::time(string).map(Value::Time).ok_or_else(|| wrong(operand, target)),
        Class::Float | Class::Ipv4 | Class::Ipv6 | Class::Ethernet | Class::Duration => {
            Err(wrong(operand, target).hint("it is written without quotes"))
        }
        Class::Label => Err(wrong(operand, target)),
    }
}

/// The number that has this name, in upper or lower case.
fn named(name: &str, target: Target, names: &dyn Names) -> Option<u64> {
    let (field, _) = target.field?;
    let mut known = names.values(field).iter().chain(names.other_values(field));
    known.find(|(_, found)| found.eq_ignore_ascii_case(name)).map(|(number, _)| *number)
}

fn suggestion(target: Target, names: &dyn Names) -> Option<String> {
    const SHOWN: usize = 6;
    let (field, _) = target.field?;
    // What the output shows is what somebody has seen.
    let values = match names.other_values(field) {
        [] => names.values(field),
        shown => shown,
    };
    let shown: Vec<_> = values.iter().take(SHOWN).map(|(_, name)| format!("\"{name}\"")).collect();
    let more = if values.len() > SHOWN { ", …" } else { "" };
    (!values.is_empty()).then(|| format!("its values have the names {}{more}", shown.join(", ")))
}

fn wrong(operand: &Operand, target: Target) -> Fault {
    let fault = Fault::new(operand.place, format!("{operand} is not {}", target.class));
    match target.class {
        Class::Time => fault.hint("such as \"2026-11-21 21:23:21.5\" or \"2026-11-21T21:23:21Z\""),
        Class::Bytes | Class::Protocol => fault.hint("bytes are written 30:0a:ff, text stands in quotes"),
        Class::Duration => fault.hint("seconds with up to nine decimals"),
        Class::Ethernet => fault.hint("such as 00:11:22:33:44:55"),
        Class::Ipv4 => fault.hint("such as 192.0.2.1 or 192.0.2.0/24; names of hosts are not looked up"),
        Class::Ipv6 => fault.hint("such as 2001:db8::1 or 2001:db8::/32"),
        Class::Text => fault.hint("text with other characters than letters and digits stands in double quotes"),
        Class::Integer | Class::Boolean | Class::Float | Class::Label => fault,
    }
}

/// A number that no value of the field can have is a slip of the pen.
fn in_range(value: &Value<'_>, operand: &Operand, target: Target) -> Result<(), Fault> {
    let (&Value::Unsigned(number), Some((_, kind))) = (value, target.field) else { return Ok(()) };
    let bits = match kind {
        Kind::Unsigned(bits) => bits,
        Kind::Signed(bits) => bits.saturating_sub(1),
        Kind::FrameNumber => 32,
        _ => return Ok(()),
    };
    let most = u64::MAX.checked_shr(64 - u32::from(bits.clamp(1, 64))).unwrap_or(u64::MAX);
    if number <= most {
        return Ok(());
    }
    Err(Fault::new(operand.place, format!("{operand} is too big for the field, whose values go up to {most}")))
}
