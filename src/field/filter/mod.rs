//! The language of display filters, as Wireshark 4 has it, and MQTT's topic filters on top.
//!
//! [`Filter::parse`] goes from text to tokens to a tree, resolves the names of fields, converts literals to the types that
//! are wanted and refuses what makes no sense, with the place. What is left is evaluated on one [`Row`] after the other.
//! The language is described in `docs/filters.md`.

mod ast;
mod check;
mod convert;
mod error;
mod eval;
mod function;
mod lexer;
mod literal;
mod parser;
mod pattern;
mod print;
mod types;
mod value;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testbed;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wireshark;

use std::fmt;

pub use error::FilterError;

use super::{FieldId, Names, Row};

/// A display filter.
///
/// It prints in its canonical form, which parses to an equal filter.
#[derive(Debug, Clone)]
pub struct Filter {
    expr: ast::Expr,
    plan: eval::Plan,
    fields: Box<[FieldId]>,
}

impl Filter {
    /// Parses a filter; what stands in it is looked up in `names`.
    pub fn parse(text: &str, names: &dyn Names) -> Result<Self, FilterError> {
        let parsed = parser::parse(text).and_then(|expr| Ok((check::check(&expr, names)?, expr)));
        let (plan, expr) = parsed.map_err(|fault| FilterError::new(text, fault))?;
        let mut fields = Vec::new();
        plan.fields(&mut fields);
        fields.sort_unstable();
        fields.dedup();
        Ok(Self { expr, plan, fields: fields.into() })
    }

    /// Whether a row satisfies it.
    pub fn matches(&self, row: &dyn Row) -> bool {
        self.plan.matches(row)
    }

    /// The fields that it looks at, each once: no others need to be extracted.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> {
        self.fields.iter().copied()
    }
}

/// Equal filters have the same canonical text.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}
