//! The canonical text of a filter: symbols for operators, no parenthesis that is not needed. Parsed again it is the same
//! filter.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{Element, Expr, Extent, Operand, OperandKind, Operator, Part, Quantifier, Relation};
use crate::text::is_harmful;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(parts) => joined(f, parts, " || ", |_| false),
            Self::Xor(parts) => joined(f, parts, " ^^ ", |part| matches!(part, Self::Or(_))),
            Self::And(parts) => joined(f, parts, " && ", |part| matches!(part, Self::Or(_) | Self::Xor(_))),
            Self::Not(inner) => match &**inner {
                Self::Not(_) => write!(f, "!{inner}"),
                Self::Test(operand) if matches!(operand.kind, OperandKind::Word(_)) => write!(f, "!{inner}"),
                _ => write!(f, "!({inner})"),
            },
            Self::Test(operand) => operand.fmt(f),
            Self::Compare { quantifier, first, rest } => {
                write!(f, "{}{first}", prefix(*quantifier))?;
                rest.iter().try_for_each(|(relation, operand)| write!(f, " {relation} {operand}"))
            }
            Self::Member { quantifier, operand, negated, set } => {
                let not = if *negated { "not " } else { "" };
                write!(f, "{}{operand} {not}in {{", prefix(*quantifier))?;
                separated(f, set)?;
                f.write_char('}')
            }
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Expr], sign: &str, looser: fn(&Expr) -> bool) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(sign)?;
        }
        if looser(part) {
            write!(f, "({part})")?;
        } else {
            part.fmt(f)?;
        }
    }
    Ok(())
}

fn separated<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

const fn prefix(quantifier: Option<Quantifier>) -> &'static str {
    match quantifier {
        None => "",
        Some(Quantifier::Any) => "any ",
        Some(Quantifier::All) => "all ",
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::AllEqual => "===",
            Self::AnyNotEqual => "!==",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Contains => "contains",
            Self::Matches => "matches",
            Self::TopicMatches => "topic_matches",
        })
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::BitAnd => "&",
        })
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.low.fmt(f)?;
        self.high.as_ref().map_or(Ok(()), |high| write!(f, " .. {high}"))
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            OperandKind::Word(word) => f.write_str(word),
            OperandKind::Layered(word, parts) => match parts[..] {
                [Part { start: layer @ 0.., extent: Extent::Length(1) }] => write!(f, "{word}#{layer}"),
                _ => write!(f, "{word}#{}", Parts(parts)),
            },
            OperandKind::Text(text) => quoted(f, text),
            OperandKind::Char(byte) => character(f, *byte),
            OperandKind::Slice(of, parts) => {
                grouped(f, of, tight(of))?;
                Parts(parts).fmt(f)
            }
            OperandKind::Call(name, arguments) => {
                write!(f, "{name}(")?;
                separated(f, arguments)?;
                f.write_char(')')
            }
            OperandKind::Negative(of) => {
                f.write_char('-')?;
                grouped(f, of, tight(of))
            }
            OperandKind::Arithmetic(operator, left, right) => {
                let fits = |side: &Self, least: u8| match &side.kind {
                    OperandKind::Arithmetic(inner, ..) => inner.precedence() >= least,
                    _ => true,
                };
                grouped(f, left, fits(left, operator.precedence()))?;
                write!(f, " {operator} ")?;
                grouped(f, right, fits(right, operator.precedence() + 1))
            }
        }
    }
}

/// Whether a sign or a slice binds to the whole of it.
const fn tight(operand: &Operand) -> bool {
    !matches!(operand.kind, OperandKind::Negative(_) | OperandKind::Arithmetic(..))
}

fn grouped(f: &mut Formatter<'_>, operand: &Operand, fits: bool) -> fmt::Result {
    if fits { operand.fmt(f) } else { write!(f, "{{{operand}}}") }
}

struct Parts<'a>(&'a [Part]);

impl Display for Parts<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (at, Part { start, extent }) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_char(',')?;
            }
            match extent {
                Extent::Length(1) => write!(f, "{start}")?,
                Extent::Length(length) => write!(f, "{start}:{length}")?,
                Extent::Through(last) => write!(f, "{start}-{last}")?,
                Extent::Rest => write!(f, "{start}:")?,
            }
        }
        f.write_char(']')
    }
}

fn quoted(f: &mut Formatter<'_>, text: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if is_harmful(c) => escaped(f, c.encode_utf8(&mut [0; 4]).as_bytes())?,
                c => f.write_char(c)?,
            }
        }
        escaped(f, chunk.invalid())?;
    }
    f.write_char('"')
}

fn escaped(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

fn character(f: &mut Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        b'\'' | b'\\' => write!(f, "'\\{}'", char::from(byte)),
        b' '..=b'~' => write!(f, "'{}'", char::from(byte)),
        _ => write!(f, "'\\x{byte:02x}'"),
    }
}
