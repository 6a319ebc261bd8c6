//! The report as Markdown, for the page of a job or a comment.

use std::io::{self, Write};

use super::escape::{composed, markdown, plain};
use super::{CheckResult, CheckedCapture, Verdict, groups};
use crate::check::Severity;

/// Known findings that occur no more and are told one by one.
const GONE: usize = 20;

pub(super) fn write(result: &CheckResult, out: &mut impl Write) -> io::Result<()> {
    let title = match result.verdict() {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Incomplete => "incomplete",
    };
    writeln!(out, "## mqttsniff check: {title}\n")?;
    writeln!(out, "{}\n", markdown(&result.verdict_line()))?;
    writeln!(out, "| capture | frames | flows | MQTT messages | errors | warnings | notes | known |")?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    for capture in &result.captures {
        let engine = &capture.summary.engine;
        let [notes, warnings, errors] = capture.findings.by_severity();
        let name = text(&capture.name);
        let read = if capture.problems().is_empty() { "" } else { " (not read to its end)" };
        write!(out, "| {name}{read} | {} | {} | {} ", engine.frames, engine.flows, engine.messages)?;
        writeln!(out, "| {errors} | {warnings} | {notes} | {} |", capture.findings.known())?;
    }
    for capture in &result.captures {
        write_capture(capture, out)?;
    }
    if let Some(gone) = result.gone.as_ref().filter(|gone| !gone.is_empty()) {
        writeln!(out, "\n### In the baseline, and not found any more\n")?;
        for (key, count) in gone.iter().take(GONE) {
            writeln!(out, "- {count} × {}", markdown(&composed(&key.to_string())))?;
        }
        if gone.len() > GONE {
            writeln!(out, "- and {} more", gone.len() - GONE)?;
        }
    }
    Ok(())
}

fn write_capture(capture: &CheckedCapture, out: &mut impl Write) -> io::Result<()> {
    let (groups, rest) = groups::of(&capture.findings);
    if groups.is_empty() && capture.problems().is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### {}\n", text(&capture.name))?;
    for problem in capture.problems() {
        writeln!(out, "Not read to its end: {}\n", markdown(&composed(&problem.what)))?;
    }
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "| | rule | clause | where | what |\n|---|---|---|---|---|")?;
    for group in groups {
        let finding = group.first;
        let more = group.more("").map(|more| format!(" ({more})")).unwrap_or_default();
        let severity = match finding.severity {
            Severity::Error => "**error**",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let [rule, clause] = [text(&finding.id), text(finding.clause.unwrap_or_default())];
        let [place, message] = [markdown(&groups::place(finding)), markdown(&composed(&finding.message))];
        writeln!(out, "| {severity} | {rule} | {clause} | {place} | {message}{more} |")?;
    }
    for rest in rest {
        writeln!(out, "| {} | {} | | | and {} more |", rest.severity.name(), text(rest.rule), rest.count)?;
    }
    Ok(())
}

/// Text from the wire or from a user.
fn text(text: &str) -> String {
    markdown(&plain(text.as_bytes()))
}
