//! Why a file of assertions is refused: where, what was expected, and what may have been meant.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::text::{columns, is_harmful};

/// Something that is wrong at a place of the file.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn hinted(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// A file of assertions as it was read, so that what is found wrong later can be shown at its place.
#[derive(Debug, Clone)]
pub(super) struct Text {
    path: PathBuf,
    text: String,
}

impl Text {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(super) fn error(&self, fault: Fault) -> AssertionError {
        let text = &self.text;
        let on_border = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let from = on_border(fault.range.start);
        let to = on_border(fault.range.end.max(from));
        let before = text.get(..from).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(start..).unwrap_or_default();
        let source = rest.lines().next().unwrap_or_default();
        let marked = text.get(from..to).unwrap_or_default().lines().next().unwrap_or_default();
        AssertionError {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: text.get(start..from).unwrap_or_default().chars().count() + 1,
            source: source.to_owned(),
            width: marked.chars().count().max(1),
            message: fault.message,
            hint: fault.hint,
        }
    }
}

/// Why a file of assertions is refused.
///
/// It prints with its place, the line with the fault marked, and a hint where there is one:
///
/// ```text
/// rules.toml:4:1: unknown key "wihtin"
///   4 | wihtin = "1s"
///     | ^~~~~~
/// did you mean "within"?
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionError {
    path: PathBuf,
    line: usize,
    column: usize,
    source: String,
    width: usize,
    message: String,
    hint: Option<String>,
}

impl AssertionError {
    /// The file, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line of the fault, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Its first character in that line, from 1.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// The line itself.
    pub fn source_line(&self) -> &str {
        &self.source
    }

    /// What is wrong, and what was expected.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What may help: the nearest names, another way to write it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Most characters of a line that are shown on each side of the fault.
const CONTEXT: usize = 70;

impl fmt::Display for AssertionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.path.display(), self.line, self.column, printable(&self.message))?;
        let before = self.column - 1;
        let cut = before.saturating_sub(CONTEXT);
        let shown: String = self.source.chars().skip(cut).take(before - cut + CONTEXT).collect();
        let number = self.line.to_string();
        writeln!(f, "  {number} | {}", printable(&shown))?;
        // Some characters take two columns, or none.
        let part =
            |from: usize, many: usize| -> String { printable(&self.source).chars().skip(from).take(many).collect() };
        let indent = columns(&part(cut, before - cut));
        let more = columns(&part(before, self.width.min(CONTEXT))).max(1) - 1;
        write!(f, "  {:gutter$} | {:indent$}^{:~<more$}", "", "", "", gutter = number.len())?;
        match &self.hint {
            Some(hint) => write!(f, "\n{}", printable(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AssertionError {}

/// One character for one character, none of them harmful to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, range: Range<usize>) -> AssertionError {
        Text::new(Path::new("r.toml"), text).error(Fault::new(range, "no").hint("yes"))
    }

    #[test]
    fn the_place_is_marked_in_characters_not_bytes() {
        let text = "a = 1\né = \"ü\" x\n";
        let at_x = text.find('x').unwrap();
        let error = at(text, at_x..at_x + 1);
        assert_eq!((error.line(), error.column()), (2, 9));
        assert_eq!(error.to_string(), "r.toml:2:9: no\n  2 | é = \"ü\" x\n    |         ^\nyes");
    }

    #[test]
    fn a_wide_character_moves_the_mark_by_two_columns() {
        let text = "a = \"日本\" x\n";
        let at_x = text.find('x').unwrap();
        let shown = at(text, at_x..at_x + 1).to_string();
        assert_eq!(shown, "r.toml:1:10: no\n  1 | a = \"日本\" x\n    |            ^\nyes");
    }

    #[test]
    fn a_place_behind_the_end_or_within_a_character_is_moved_to_a_border() {
        assert_eq!(at("é", 1..9).column(), 1);
        assert_eq!((at("a\nb", 99..120).line(), at("a\nb", 99..120).column()), (2, 2));
        assert_eq!(at("", 0..0).to_string(), "r.toml:1:1: no\n  1 | \n    | ^\nyes");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_fault_is_shown() {
        let text = format!("{}!{}", "a".repeat(5000), "b".repeat(5000));
        let shown = at(&text, 5000..5001).to_string();
        assert!(shown.len() < 500, "{shown}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[1].find('!'), lines[2].find('^'));
    }
}
