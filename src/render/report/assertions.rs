//! The user's own assertions, as reports tell of them.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::capture::FrameNo;
use crate::check::Severity;
use crate::render::Style;
use crate::render::width::Color;
use crate::text::Escaped;

/// What came of an assertion in a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedAssertion {
    /// Its name in the file.
    pub name: String,
    /// The name of its findings.
    pub id: String,
    /// How bad it is if it does not hold.
    pub severity: Severity,
    /// `passed`, `failed`, `not_exercised` or `not_provable`.
    pub outcome: &'static str,
    /// It did not hold.
    pub failed: bool,
    /// What was seen, for people.
    pub observed: Option<String>,
    /// What was expected.
    pub limit: Option<String>,
    /// How often it was put to the test.
    pub exercised: u64,
    /// How often it did not hold.
    pub violations: u64,
    /// How often that can't be told.
    pub not_provable: u64,
    /// The first frames that break it.
    pub frames: Vec<FrameNo>,
    /// What its author says when it fails.
    pub message: Option<String>,
    /// What its author notes on it.
    pub note: Option<String>,
    /// Its line in the file.
    pub line: usize,
}

/// The column in which its name begins.
const NAME: usize = 17;

/// For people: a line for each.
pub(super) fn write_text(assertions: &[CheckedAssertion], style: Style, out: &mut impl Write) -> io::Result<()> {
    for assertion in assertions {
        let color = match assertion.outcome {
            "passed" => Color::Good,
            "failed" => Color::Bad,
            "not_provable" => Color::Odd,
            _ => Color::Faint,
        };
        let outcome = style.paint(color, &format!("{:<13}", assertion.outcome.replace('_', " ")));
        let mut text = Escaped(assertion.name.as_bytes()).to_string();
        let seen = assertion.observed.as_deref().map(|seen| format!("is {}", Escaped(seen.as_bytes())));
        let limit = assertion.limit.as_deref().map(|limit| format!("expected {}", Escaped(limit.as_bytes())));
        let parts: Vec<_> = seen.into_iter().chain(limit).collect();
        if !parts.is_empty() {
            let _ = write!(text, " ({})", parts.join(", "));
        }
        writeln!(out, "  {outcome}  {}", style.hang(&text, NAME, NAME))?;
    }
    Ok(())
}

/// An assertion, as a record.
#[derive(Serialize)]
pub(super) struct AssertionRecord<'a> {
    record: &'static str,
    capture: &'a str,
    id: &'a str,
    name: &'a str,
    severity: &'static str,
    outcome: &'static str,
    exercised: u64,
    violations: u64,
    not_provable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frames: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    line: usize,
}

/// A record for each.
pub(super) fn records<'a>(
    capture: &'a str,
    assertions: &'a [CheckedAssertion],
) -> impl Iterator<Item = AssertionRecord<'a>> {
    assertions.iter().map(move |assertion| AssertionRecord {
        record: "assertion",
        capture,
        id: &assertion.id,
        name: &assertion.name,
        severity: assertion.severity.name(),
        outcome: assertion.outcome,
        exercised: assertion.exercised,
        violations: assertion.violations,
        not_provable: assertion.not_provable,
        observed: assertion.observed.as_deref(),
        expected: assertion.limit.as_deref(),
        frames: assertion.frames.iter().map(|frame| frame.0).collect(),
        note: assertion.note.as_deref(),
        line: assertion.line,
    })
}
