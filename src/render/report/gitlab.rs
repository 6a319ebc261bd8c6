//! The report as GitLab's Code Quality JSON: an entry for each finding that is kept.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::CheckResult;
use super::escape::{composed, plain};
use super::groups;
use crate::check::{FindingKey, Severity};

#[derive(Serialize)]
struct Entry {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

pub(super) fn write(result: &CheckResult, out: &mut impl Write) -> io::Result<()> {
    let mut entries = Vec::new();
    for capture in &result.captures {
        let path = || plain(capture.file.as_bytes());
        for problem in capture.problems() {
            let key = FindingKey { rule: "capture.complete".to_owned(), ..FindingKey::default() };
            entries.push(Entry {
                description: format!("the capture was not read to its end: {}", composed(&problem.what)),
                check_name: "capture.complete".to_owned(),
                fingerprint: key.fingerprint(&problem.input),
                severity: "blocker",
                location: Location { path: path(), lines: Lines { begin: 1 } },
            });
        }
        let mut met: BTreeMap<FindingKey, u64> = BTreeMap::new();
        for finding in capture.findings.kept() {
            let key = FindingKey::of(finding);
            let times = met.entry(key.clone()).or_default();
            *times += 1;
            let clause = finding.clause.map(|clause| format!(" [{clause}]")).unwrap_or_default();
            let message = composed(&finding.message);
            let place = groups::place(finding);
            let place = if place.is_empty() { place } else { format!(" ({place})") };
            entries.push(Entry {
                description: format!("{message}{clause}{place}"),
                check_name: finding.id.clone(),
                fingerprint: key.fingerprint(&format!("{}:{times}", capture.name)),
                severity: match finding.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                    Severity::Note => "info",
                },
                location: Location {
                    path: path(),
                    lines: Lines { begin: finding.frames.last().map_or(1, |frame| frame.0) },
                },
            });
        }
    }
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}
