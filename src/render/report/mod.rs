//! Reports of a check: what was found in captures, and whether that is a failure, for people and for the systems that
//! run it. A file for each form.
//!
//! The same input gives the same bytes: no report knows the time of day or the machine.

mod assertions;
mod baseline;
mod coverage;
mod escape;
mod github;
mod gitlab;
mod groups;
mod jsonl;
mod junit;
mod markdown;
mod rules;
mod sarif;
mod text;

pub use assertions::CheckedAssertion;
pub use baseline::{BaselineError, read_baseline, write_baseline};
pub use rules::write_rules;

use std::io::{self, Write};

use super::Style;
use super::width::Count;
use crate::analysis::Summary;
use crate::capture::Problem;
use crate::check::conformance::Standing;
use crate::check::{Collected, FindingKey, Level, RuleInfo, Severity};

/// A capture that was checked.
#[derive(Debug)]
pub struct CheckedCapture {
    /// As it was named, or the names of all files that were read as one.
    pub name: String,
    /// The file, or the first of several.
    pub file: String,
    /// What the analysis adds up to. Of a file that could not be opened it holds the problem alone.
    pub summary: Summary,
    /// What was found.
    pub findings: Collected,
    /// How each statement of the specifications stands, where that is asked for.
    pub standings: Vec<Standing>,
    /// What came of the user's own assertions.
    pub assertions: Vec<CheckedAssertion>,
}

impl CheckedCapture {
    /// What kept it from being read to its end.
    pub fn problems(&self) -> &[Problem] {
        &self.summary.source.problems
    }
}

/// A rule, and what the user has made of it.
#[derive(Debug, Clone)]
pub struct CheckedRule {
    /// The rule.
    pub info: RuleInfo,
    /// What it is set to, if it is.
    pub level: Option<Level>,
}

impl CheckedRule {
    /// How bad its findings are; `None` where it is off.
    pub const fn severity(&self) -> Option<Severity> {
        match self.level {
            Some(Level::Off) => None,
            Some(Level::As(severity)) => Some(severity),
            None => Some(self.info.severity),
        }
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found that is bad enough.
    Passed,
    /// Something was.
    Failed,
    /// Not all could be read, so that there is no verdict on the rest.
    Incomplete,
}

impl Verdict {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
        }
    }
}

/// What a check has found in all captures.
#[derive(Debug)]
pub struct CheckResult {
    /// The captures, as they were named.
    pub captures: Vec<CheckedCapture>,
    /// All rules, sorted by name.
    pub rules: Vec<CheckedRule>,
    /// From which severity on a finding is a failure.
    pub fail_on: Severity,
    /// With a baseline: its findings that occurred no more, and how often each.
    pub gone: Option<Vec<(FindingKey, u64)>>,
}

impl CheckResult {
    /// Findings by severity in all captures, the mildest first.
    pub fn by_severity(&self) -> [u64; 3] {
        let mut sum = [0; 3];
        for capture in &self.captures {
            for (sum, count) in sum.iter_mut().zip(capture.findings.by_severity()) {
                *sum += count;
            }
        }
        sum
    }

    /// Findings that are bad enough for a failure.
    pub fn failures(&self) -> u64 {
        self.by_severity().iter().skip(self.fail_on as usize).sum()
    }

    /// Findings that the baseline knew.
    pub fn known(&self) -> u64 {
        self.captures.iter().map(|capture| capture.findings.known()).sum()
    }

    /// Findings that the user did not want to be told of.
    pub fn left_out(&self) -> u64 {
        self.captures.iter().map(|capture| capture.findings.left_out()).sum()
    }

    /// What it came to. A failure in what could be read is no less one because there is more.
    pub fn verdict(&self) -> Verdict {
        let whole = self.captures.iter().all(|capture| capture.problems().is_empty());
        match (self.failures(), whole) {
            (0, true) => Verdict::Passed,
            (0, false) => Verdict::Incomplete,
            (_, true | false) => Verdict::Failed,
        }
    }

    /// The verdict in a line.
    pub fn verdict_line(&self) -> String {
        let [notes, warnings, errors] = self.by_severity();
        // With a baseline only what it does not know is counted.
        let counts = match self.gone {
            Some(_) => [(errors, "new error"), (warnings, "new warning"), (notes, "new note")],
            None => [(errors, "error"), (warnings, "warning"), (notes, "note")],
        };
        let parts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| Count(*count, what));
        let list = parts.map(|part| part.to_string()).collect::<Vec<_>>().join(", ");
        let place = format!("in {}", Count(self.captures.len() as u64, "capture"));
        let unread = self.captures.iter().filter(|capture| !capture.problems().is_empty()).count() as u64;
        let unread_text = || match (unread, self.captures.len()) {
            (1, 1) => "it could not be read to its end".to_owned(),
            (unread, _) => format!("{unread} could not be read to the end"),
        };
        let none = match (self.fail_on, &self.gone) {
            (Severity::Error, None) => "no error",
            (Severity::Error, Some(_)) => "no new error",
            (Severity::Warning, None) => "no error or warning",
            (Severity::Warning, Some(_)) => "no new error or warning",
            (Severity::Note, None) => "nothing",
            (Severity::Note, Some(_)) => "nothing new",
        };
        // What does not make a failure is told behind it.
        let mild = if list.is_empty() { String::new() } else { format!(" ({list})") };
        match self.verdict() {
            Verdict::Passed => format!("{none} found {place}{mild}"),
            Verdict::Failed if unread == 0 => format!("check failed: {list} {place}"),
            Verdict::Failed => format!("check failed: {list} {place}, and {}", unread_text()),
            Verdict::Incomplete => {
                format!("check incomplete: {}; {none} found {place} as far as it was read{mild}", unread_text())
            }
        }
    }
}

/// The forms of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// JSON Lines.
    JsonLines,
    /// JUnit XML.
    JUnit,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    GitHub,
    /// Code Quality of GitLab.
    GitLab,
    /// Markdown.
    Markdown,
}

impl ReportFormat {
    /// All forms.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::JsonLines, Self::JUnit, Self::Sarif, Self::GitHub, Self::GitLab, Self::Markdown];

    /// The name by which a user asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::JsonLines => "jsonl",
            Self::JUnit => "junit",
            Self::Sarif => "sarif",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Markdown => "markdown",
        }
    }
}

/// Writes a report.
pub fn write_report(result: &CheckResult, format: ReportFormat, style: Style, out: &mut impl Write) -> io::Result<()> {
    match format {
        ReportFormat::Text => text::write(result, style, out),
        ReportFormat::JsonLines => jsonl::write(result, out),
        ReportFormat::JUnit => junit::write(result, out),
        ReportFormat::Sarif => sarif::write(result, out),
        ReportFormat::GitHub => github::write(result, out),
        ReportFormat::GitLab => gitlab::write(result, out),
        ReportFormat::Markdown => markdown::write(result, out),
    }
}
