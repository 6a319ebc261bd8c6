//! The functions, and what they take.

use super::ast::{Operand, Place};
use super::check::Checker;
use super::convert;
use super::error::Fault;
use super::eval::{Function, Node};
use super::types::{Class, Typed};
use crate::field::Kind;

const NAMES: &str = "len, count, upper, lower, string, vals, max, min, abs";

/// The value of a function of these arguments.
pub(super) fn call(checker: &Checker<'_>, place: Place, name: &str, arguments: &[Operand]) -> Result<Typed, Fault> {
    if matches!(name, "max" | "min") {
        return extreme(checker, place, name, arguments);
    }
    if !matches!(name, "len" | "count" | "upper" | "lower" | "string" | "vals" | "abs") {
        let fault = Fault::new(place, format!("there is no function {name}()"));
        return Err(fault.hint(format!("functions: {NAMES}")));
    }
    let [argument] = arguments else {
        return Err(Fault::new(place, format!("{name}() takes one argument")));
    };
    let Some(typed) = checker.infer(argument)? else { return Err(no_field(checker, argument)) };
    let takes = |good: bool, what: &str| {
        if good {
            return Ok(());
        }
        Err(Fault::new(argument.place, format!("{name}() takes {what}, and {argument} is {}", typed.class)))
    };
    Ok(match name {
        "count" => {
            if !matches!(typed.node, Node::Field(_) | Node::Layers(..)) {
                return Err(Fault::new(argument.place, "count() takes a field"));
            }
            Typed::new(Class::Integer, Node::Count(Box::new(typed.node)))
        }
        "len" => {
            let fixed = match typed.field {
                Some((_, Kind::Unsigned(bits) | Kind::Signed(bits))) => Some(bits.div_ceil(8)),
                Some((_, Kind::FrameNumber)) => Some(4),
                _ => None,
            };
            takes(fixed.is_some() || typed.class.has_bytes(), "what has bytes")?;
            Checker::mapped(Class::Integer, Function::Length(fixed), typed)
        }
        "upper" | "lower" => {
            takes(typed.class == Class::Text, "text")?;
            Checker::mapped(Class::Text, if name == "upper" { Function::Upper } else { Function::Lower }, typed)
        }
        "string" => {
            takes(typed.class.has_text(), "a number or an address")?;
            Checker::mapped(Class::Text, Function::Text, typed)
        }
        "vals" => {
            let names = typed.field.map_or(&[][..], |(id, _)| checker.values(id));
            if names.is_empty() || typed.class != Class::Integer {
                return Err(Fault::new(argument.place, format!("the values of {argument} have no names")));
            }
            Checker::mapped(Class::Text, Function::Name(names), typed)
        }
        _ => {
            takes(matches!(typed.class, Class::Integer | Class::Float | Class::Duration), "a number or a duration")?;
            Checker::mapped(typed.class, Function::Absolute, typed)
        }
    })
}

fn no_field(checker: &Checker<'_>, argument: &Operand) -> Fault {
    match &argument.kind {
        super::ast::OperandKind::Word(word) => checker.unknown(word, argument.place),
        _ => Fault::new(argument.place, "expected a field, and this is a value"),
    }
}

/// The greatest or least of all values of all arguments, which have one type; numbers may be among them.
fn extreme(checker: &Checker<'_>, place: Place, name: &str, arguments: &[Operand]) -> Result<Typed, Fault> {
    let mut typed = Vec::with_capacity(arguments.len());
    for argument in arguments {
        typed.push(checker.infer(argument)?);
    }
    let Some(first) = typed.iter().flatten().next() else {
        return Err(match arguments.first() {
            Some(argument) => no_field(checker, argument),
            None => Fault::new(place, format!("{name}() needs an argument")),
        });
    };
    let (class, target) = (first.class, first.operand_target());
    if class == Class::Label {
        return Err(Fault::new(place, format!("{name}() takes values, and this is {class}")));
    }
    let mut of = Vec::with_capacity(arguments.len());
    for (typed, argument) in typed.into_iter().zip(arguments) {
        of.push(match typed {
            Some(typed) if typed.class == class => typed.node,
            Some(typed) => {
                let message =
                    format!("the arguments of {name}() have one type, and {argument} is {}, not {class}", typed.class);
                return Err(Fault::new(argument.place, message));
            }
            None => Node::Constant(convert::single(argument, target, checker.names)?),
        });
    }
    Ok(Typed::new(class, Node::Extreme { greatest: name == "max", of: of.into() }))
}
