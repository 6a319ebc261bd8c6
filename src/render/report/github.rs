//! The report as workflow commands of GitHub Actions, which become annotations: one for each rule on each flow.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::CheckResult;
use super::escape::{annotation, annotation_property, composed, plain};
use super::groups;
use crate::check::Severity;

pub(super) fn write(result: &CheckResult, out: &mut impl Write) -> io::Result<()> {
    for capture in &result.captures {
        let file = annotation_property(&plain(capture.file.as_bytes()));
        for problem in capture.problems() {
            let what = annotation(&composed(&problem.what));
            writeln!(out, "::error file={file},title=capture not read to its end::{what}")?;
        }
        let (groups, rest) = groups::of(&capture.findings);
        for group in groups {
            let finding = group.first;
            let clause = finding.clause.map(|clause| format!(" [{clause}]")).unwrap_or_default();
            let title = annotation_property(&plain(format!("{}{clause}", finding.id).as_bytes()));
            let frame = finding.frames.last().map(|frame| format!(",line={frame}")).unwrap_or_default();
            let place = groups::place(finding);
            let place = if place.is_empty() { place } else { format!("{place}: ") };
            let mut text = format!("{place}{}", composed(&finding.message));
            if let Some(hint) = finding.hint {
                text.push_str("\nhint: ");
                text.push_str(hint);
            }
            if let Some(more) = group.more("") {
                let _ = write!(text, "\n{more}");
            }
            let level = level(finding.severity);
            writeln!(out, "::{level} file={file}{frame},title={title}::{}", annotation(&text))?;
        }
        for rest in rest {
            let title = annotation_property(&plain(rest.rule.as_bytes()));
            writeln!(out, "::{} file={file},title={title}::{} more", level(rest.severity), rest.count)?;
        }
    }
    // A line that begins with two colons would be a command; this one never does.
    writeln!(out, "{}", result.verdict_line())
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}
