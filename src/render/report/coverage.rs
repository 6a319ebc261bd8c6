//! How the statements of the specifications stand in a capture.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use crate::check::conformance::{Caveat, Standing, Verdict};
use crate::mqtt::Version;
use crate::render::Style;
use crate::render::width::Color;

/// The most frames that are named of a statement in text.
const FRAMES: usize = 5;

/// The column in which a statement's rule begins.
const RULE: usize = 46;

/// Versions of which a statement was put to the test.
fn versions(standings: &[Standing]) -> BTreeSet<Version> {
    let tested =
        |standing: &&Standing| matches!(standing.verdict, Verdict::Passed | Verdict::Failed | Verdict::NotProvable);
    standings.iter().filter(tested).map(|standing| standing.statement.version).collect()
}

/// For people: of each version that was seen a line of counts, then each statement.
pub(super) fn write_text(standings: &[Standing], style: Style, out: &mut impl Write) -> io::Result<()> {
    for version in versions(standings) {
        let of_version: Vec<_> = standings.iter().filter(|standing| standing.statement.version == version).collect();
        let counts = Verdict::ALL.map(|verdict| {
            let count = of_version.iter().filter(|standing| standing.verdict == verdict).count();
            format!("{count} {}", verdict.name())
        });
        let name = format!("MQTT {version}");
        let text = style.hang(&format!(": {} statements: {}", of_version.len(), counts.join(", ")), name.len(), 2);
        writeln!(out, "\n{}{text}", style.paint(Color::Title, &name))?;
        for standing in of_version {
            let statement = standing.statement;
            let color = match standing.verdict {
                Verdict::Failed => Color::Bad,
                Verdict::Passed => Color::Good,
                Verdict::NotProvable => Color::Odd,
                Verdict::NotExercised | Verdict::NotJudged => Color::Faint,
            };
            let verdict = match standing.verdict {
                Verdict::Failed => format!("failed {}×", standing.failed),
                Verdict::Passed => format!("passed {}×", standing.passed),
                Verdict::NotProvable | Verdict::NotExercised | Verdict::NotJudged => standing.verdict.name().to_owned(),
            };
            let verdict = style.paint(color, &format!("{verdict:<14}"));
            // A narrow terminal has room for little beside the name.
            let hang = |text: &str, first| style.hang(text, first, if style.table_width() < 100 { 18 } else { RULE });
            writeln!(
                out,
                "  {verdict}  {:<26}  {}",
                statement.id,
                hang(statement.rule, RULE.max(20 + statement.id.len()))
            )?;
            let detail = detail(standing);
            if !detail.is_empty() {
                writeln!(out, "{:RULE$}{}", "", hang(&detail, RULE))?;
            }
        }
    }
    Ok(())
}

/// How often, where, and why not.
fn detail(standing: &Standing) -> String {
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let mut frames: Vec<_> = standing.frames.iter().take(FRAMES).map(ToString::to_string).collect();
    if standing.frames.len() > FRAMES {
        frames.push("…".to_owned());
    }
    let places = match frames.len() {
        0 => String::new(),
        1 => format!(", frame {}", frames.concat()),
        _ => format!(", frames {}", frames.join(" ")),
    };
    let why = standing.why.map(Caveat::describe).unwrap_or_default();
    match standing.verdict {
        Verdict::Failed if standing.passed == 0 => format!("broken each time{places}"),
        Verdict::Failed => format!("broken{places}; held {}", times(standing.passed)),
        Verdict::NotProvable if standing.suspected > 0 => {
            format!("perhaps broken {}{places}", times(standing.suspected))
        }
        Verdict::NotProvable => format!("tested {}, and {why}", times(standing.unprovable)),
        Verdict::Passed | Verdict::NotExercised | Verdict::NotJudged => String::new(),
    }
}

/// A statement, as a record.
#[derive(Serialize)]
pub(super) struct StatementRecord<'a> {
    record: &'static str,
    capture: &'a str,
    version: &'static str,
    id: &'static str,
    rule: &'static str,
    scope: &'static str,
    verdict: String,
    passed: u64,
    failed: u64,
    suspected: u64,
    not_provable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frames: Vec<u64>,
}

/// A record for each statement of the versions that were seen.
pub(super) fn records<'a>(capture: &'a str, standings: &'a [Standing]) -> impl Iterator<Item = StatementRecord<'a>> {
    let versions = versions(standings);
    let seen = standings.iter().filter(move |standing| versions.contains(&standing.statement.version));
    seen.map(move |standing| StatementRecord {
        record: "statement",
        capture,
        version: standing.statement.version.as_str(),
        id: standing.statement.id,
        rule: standing.statement.rule,
        scope: standing.statement.scope.name(),
        verdict: standing.verdict.name().replace(' ', "_"),
        passed: standing.passed,
        failed: standing.failed,
        suspected: standing.suspected,
        not_provable: standing.unprovable,
        why: standing.why.map(Caveat::describe),
        frames: standing.frames.iter().map(|frame| frame.0).collect(),
    })
}
