//! Why a filter is refused, and where in its text.

use std::fmt;
use std::ops::Range;

use super::ast::Place;
use crate::text::{columns, is_harmful};

/// What is wrong at a place; [`FilterError`] adds the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why a text is no filter.
///
/// It prints as the message, the filter with the place marked under it, and a hint where there is one:
///
/// ```text
/// "tcp.prot" is no field
///   tcp.prot == 1883
///   ^~~~~~~~
/// nearest: tcp.port, tcp.proc
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    text: String,
    range: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl FilterError {
    pub(super) fn new(text: &str, fault: Fault) -> Self {
        // A place may end inside a character that could not be read.
        let mut from = fault.place.from.min(text.len());
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        let mut to = fault.place.to.clamp(from, text.len());
        while !text.is_char_boundary(to) {
            to += 1;
        }
        Self { text: text.to_owned(), range: from..to, message: fault.message, hint: fault.hint }
    }

    /// The place of the fault in the text of the filter, in bytes; empty at the end of the text where something is missing.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// What is wrong, in a sentence without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What may help: the nearest names, another way to write it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Most characters of a filter that are shown on each side of the fault.
const CONTEXT: usize = 60;

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", printable(&self.message))?;
        // A line break would tear the caret from its place.
        let (before, rest) = self.text.split_at(self.range.start);
        let (fault, after) = rest.split_at(self.range.len());
        let cut = before.chars().count().saturating_sub(CONTEXT);
        let before: String = before.chars().skip(cut).collect();
        let fault: String = fault.chars().take(CONTEXT).collect();
        let after: String = after.chars().take(CONTEXT).collect();
        let [before, fault, after] = [before, fault, after].map(|part| printable(&part));
        writeln!(f, "  {before}{fault}{after}")?;
        write!(
            f,
            "  {:indent$}^{:~<more$}",
            "",
            "",
            indent = columns(&before),
            more = columns(&fault).saturating_sub(1)
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\n{}", printable(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}

/// One character for one character, none of them harmful to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect()
}
