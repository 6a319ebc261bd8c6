//! The report for people: each rule that was broken on each flow once, and the verdict.

use std::io::{self, Write};

use super::escape::{composed, plain};
use super::groups::{self, Group};
use super::{CheckResult, CheckedCapture, Verdict};
use crate::check::Severity;
use crate::render::Style;
use crate::render::width::{Color, Count};

/// Known findings that occur no more and are told one by one.
const GONE: usize = 20;

const INDENT: &str = "           ";

pub(super) fn write(result: &CheckResult, style: Style, out: &mut impl Write) -> io::Result<()> {
    for capture in &result.captures {
        write_capture(capture, style, out)?;
    }
    if let Some(gone) = &result.gone {
        let known = result.known();
        if known > 0 {
            writeln!(out, "known: {known} (baseline)")?;
        }
        if !gone.is_empty() {
            let all: u64 = gone.iter().map(|(_, count)| count).sum();
            writeln!(out, "note: {} of the baseline {} no more:", all, if all == 1 { "occurs" } else { "occur" })?;
            for (key, count) in gone.iter().take(GONE) {
                writeln!(out, "  {count}× {key}")?;
            }
            if gone.len() > GONE {
                writeln!(out, "  and {} more", gone.len() - GONE)?;
            }
        }
    }
    let left_out = result.left_out();
    if left_out > 0 {
        writeln!(out, "left out: {left_out} (--rule or --min-certainty)")?;
    }
    let color = match result.verdict() {
        Verdict::Passed => Color::Good,
        Verdict::Failed | Verdict::Incomplete => Color::Bad,
    };
    writeln!(out, "{}", style.paint(color, &style.hang(&result.verdict_line(), 0, 2)))
}

fn write_capture(capture: &CheckedCapture, style: Style, out: &mut impl Write) -> io::Result<()> {
    let engine = &capture.summary.engine;
    let name = style.paint(Color::Title, &plain(capture.name.as_bytes()));
    let [frames, flows, messages] =
        [Count(engine.frames, "frame"), Count(engine.flows, "flow"), Count(engine.messages, "MQTT message")];
    writeln!(out, "{name}: {frames}, {flows}, {messages}")?;
    for problem in capture.problems() {
        let text = style.hang(&format!("problem: {}", composed(&problem.what)), 2, INDENT.len());
        writeln!(out, "  {}", style.paint(Color::Bad, &text))?;
    }
    let (groups, rest) = groups::of(&capture.findings);
    for group in &groups {
        write_group(group, style, out)?;
    }
    for rest in rest {
        writeln!(out, "  {:<7}  {}: {} more", rest.severity.name(), rest.rule, rest.count)?;
    }
    super::assertions::write_text(&capture.assertions, style, out)?;
    super::coverage::write_text(&capture.standings, style, out)
}

fn write_group(group: &Group<'_>, style: Style, out: &mut impl Write) -> io::Result<()> {
    let finding = group.first;
    let color = match finding.severity {
        Severity::Error => Color::Bad,
        Severity::Warning => Color::Odd,
        Severity::Note => Color::Faint,
    };
    let severity = style.paint(color, &format!("{:<7}", finding.severity.name()));
    let hang = |text: &str| style.hang(text, INDENT.len(), INDENT.len());
    let clause = finding.clause.map(|clause| format!("  [{clause}]")).unwrap_or_default();
    let place = groups::place(finding);
    let place = format!("{}{clause}{}{place}", finding.id, if place.is_empty() { "" } else { "  " });
    writeln!(out, "  {severity}  {}", hang(&place))?;
    writeln!(out, "{INDENT}{}", hang(&composed(&finding.message)))?;
    if let Some(hint) = finding.hint {
        writeln!(out, "{INDENT}{}", hang(&format!("hint: {hint}")))?;
    }
    if let Some(more) = group.more(if finding.flow.is_some() { " on this flow" } else { "" }) {
        writeln!(out, "{INDENT}{more}")?;
    }
    Ok(())
}
