//! The report as JUnit XML: a suite for each capture, a test for each rule that was on.
//!
//! Valid by the schema of Ant and by that of Jenkins' xUnit plugin. Time and host are attributes that Ant's schema
//! demands: the time is that of the first frame, the host the one that is nobody's.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::escape::{composed, plain, xml};
use super::groups::{self, Group};
use super::{CheckResult, CheckedCapture, CheckedRule};
use crate::check::Severity;
use crate::render::width::Count;

/// The test that a capture was read to its end.
const COMPLETE: &str = "capture.complete";

pub(super) fn write(result: &CheckResult, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>")?;
    for (index, capture) in result.captures.iter().enumerate() {
        suite(result, index, capture, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(result: &CheckResult, index: usize, capture: &CheckedCapture, out: &mut impl Write) -> io::Result<()> {
    let on = || result.rules.iter().filter(|rule| is_on(rule, capture));
    let failed = |rule: &CheckedRule| capture.findings.rule(&rule.info.id).at_least(result.fail_on) > 0;
    let failures = on().filter(|rule| failed(rule)).count();
    let errors = usize::from(!capture.problems().is_empty());
    let name = xml(&plain(capture.name.as_bytes()));
    let first = capture.summary.engine.first.map(|origin| origin.time.to_string());
    // Ant's schema has neither fractions nor a zone.
    let time = first.as_deref().and_then(|time| time.get(..19)).unwrap_or("1970-01-01T00:00:00");
    write!(out, "  <testsuite name=\"{name}\" package=\"mqttsniff\" id=\"{index}\" timestamp=\"{time}\" ")?;
    write!(out, "hostname=\"localhost\" tests=\"{}\" failures=\"{failures}\" ", on().count() + 1)?;
    writeln!(out, "errors=\"{errors}\" time=\"0\">")?;
    writeln!(out, "    <properties/>")?;
    // Where dots are, packages are made.
    let class = name.replace('.', "_");
    write!(out, "    <testcase classname=\"{class}\" name=\"{COMPLETE}\" time=\"0\"")?;
    if capture.problems().is_empty() {
        writeln!(out, "/>")?;
    } else {
        let what: Vec<_> = capture.problems().iter().map(|problem| composed(&problem.what)).collect();
        let what = xml(&what.join("; "));
        writeln!(out, ">\n      <error type=\"{COMPLETE}\" message=\"{what}\"/>\n    </testcase>")?;
    }
    let (groups, rest) = groups::of(&capture.findings);
    for rule in on() {
        let id = &rule.info.id;
        write!(out, "    <testcase classname=\"{class}\" name=\"{}\" time=\"0\"", xml(&plain(id.as_bytes())))?;
        if !failed(rule) {
            writeln!(out, "/>")?;
            continue;
        }
        let count = capture.findings.rule(id).at_least(result.fail_on);
        let title = xml(&plain(rule.info.title.as_bytes()));
        let count = Count(count, "finding");
        write!(out, ">\n      <failure type=\"{}\" message=\"{count}: {title}\">", xml(&plain(id.as_bytes())))?;
        for group in groups.iter().filter(|group| group.first.id == **id && group.first.severity >= result.fail_on) {
            write!(out, "{}", xml(&described(group)))?;
        }
        for rest in rest.iter().filter(|rest| rest.rule == &**id && rest.severity >= result.fail_on) {
            writeln!(out, "and {} more", rest.count)?;
        }
        writeln!(out, "</failure>\n    </testcase>")?;
    }
    // What is not bad enough for a failure is told nevertheless.
    write!(out, "    <system-out>")?;
    for group in groups.iter().filter(|group| group.first.severity < result.fail_on) {
        write!(out, "{}", xml(&described(group)))?;
    }
    for rest in rest.iter().filter(|rest| rest.severity < result.fail_on) {
        writeln!(out, "{}: {} and {} more", rest.severity.name(), rest.rule, rest.count)?;
    }
    writeln!(out, "</system-out>\n    <system-err/>\n  </testsuite>")
}

/// Whether a rule ran: none does on what could not be read at all, and one with findings did.
fn is_on(rule: &CheckedRule, capture: &CheckedCapture) -> bool {
    let read = capture.problems().is_empty() || capture.summary.engine.frames > 0;
    (read && rule.severity().is_some()) || capture.findings.rule(&rule.info.id).at_least(Severity::Note) > 0
}

/// A group in a few lines.
fn described(group: &Group<'_>) -> String {
    let finding = group.first;
    let clause = finding.clause.map(|clause| format!(" [{clause}]")).unwrap_or_default();
    let place = groups::place(finding);
    let message = composed(&finding.message);
    let place = if place.is_empty() { place } else { format!(", {place}") };
    let mut text = format!("{}: {}{clause}{place}: {message}\n", finding.severity.name(), finding.id);
    if let Some(hint) = finding.hint {
        let _ = writeln!(text, "  hint: {hint}");
    }
    if let Some(more) = group.more("") {
        let _ = writeln!(text, "  {more}");
    }
    text
}
