//! The report as JSON Lines: `begin`, the findings, and the `verdict`.

use std::io::{self, Write};

use serde::Serialize;

use super::{CheckResult, CheckedCapture, assertions, coverage};
use crate::check::{FindingKey, Severity};
use crate::render::record::{FindingCounts, FindingRecord, ProblemRecord};
use crate::render::{JsonLines, Shown};

#[derive(Serialize)]
struct CaptureFinding<'a> {
    #[serde(flatten)]
    finding: FindingRecord<'a>,
    capture: &'a str,
}

#[derive(Serialize)]
struct VerdictRecord<'a> {
    record: &'static str,
    result: &'static str,
    fail_on: &'static str,
    findings: FindingCounts,
    known: u64,
    left_out: u64,
    not_listed: u64,
    captures: Vec<CaptureRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Vec<GoneRecord<'a>>>,
}

#[derive(Serialize)]
struct CaptureRecord<'a> {
    capture: &'a str,
    frames: u64,
    flows: u64,
    messages: u64,
    findings: FindingCounts,
    known: u64,
    complete: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemRecord<'a>>,
}

/// A finding of the baseline that occurred no more.
#[derive(Serialize)]
struct GoneRecord<'a> {
    #[serde(flatten)]
    key: KeyRecord<'a>,
    count: u64,
}

/// A key as it stands in the baseline.
#[derive(Serialize)]
struct KeyRecord<'a> {
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    message: &'a str,
}

impl<'a> From<&'a FindingKey> for KeyRecord<'a> {
    fn from(key: &'a FindingKey) -> Self {
        Self {
            rule: &key.rule,
            clause: key.clause.as_deref(),
            client_id: key.client_id.as_deref(),
            service: key.service.as_deref(),
            message: &key.message,
        }
    }
}

pub(super) fn write(result: &CheckResult, out: &mut impl Write) -> io::Result<()> {
    let mut lines = JsonLines::new(out, Shown::default());
    let source: Vec<String> = result.captures.iter().map(|capture| capture.name.clone()).collect();
    lines.begin(&source)?;
    for capture in &result.captures {
        for finding in capture.findings.kept() {
            lines.record(&CaptureFinding { finding: FindingRecord::new(finding), capture: &capture.name })?;
        }
        for assertion in assertions::records(&capture.name, &capture.assertions) {
            lines.record(&assertion)?;
        }
        for statement in coverage::records(&capture.name, &capture.standings) {
            lines.record(&statement)?;
        }
    }
    lines.record(&verdict(result))?;
    lines.flush()
}

fn counts(by_severity: [u64; 3]) -> FindingCounts {
    let of = |severity: Severity| by_severity.get(severity as usize).copied().unwrap_or(0);
    FindingCounts { error: of(Severity::Error), warning: of(Severity::Warning), note: of(Severity::Note) }
}

fn verdict(result: &CheckResult) -> VerdictRecord<'_> {
    VerdictRecord {
        record: "verdict",
        result: result.verdict().name(),
        fail_on: result.fail_on.name(),
        findings: counts(result.by_severity()),
        known: result.known(),
        left_out: result.left_out(),
        not_listed: result.captures.iter().map(|capture| capture.findings.not_kept()).sum(),
        captures: result.captures.iter().map(capture_record).collect(),
        gone: result
            .gone
            .as_ref()
            .map(|gone| gone.iter().map(|(key, count)| GoneRecord { key: key.into(), count: *count }).collect()),
    }
}

fn capture_record(capture: &CheckedCapture) -> CaptureRecord<'_> {
    let engine = &capture.summary.engine;
    CaptureRecord {
        capture: &capture.name,
        frames: engine.frames,
        flows: engine.flows,
        messages: engine.messages,
        findings: counts(capture.findings.by_severity()),
        known: capture.findings.known(),
        complete: capture.problems().is_empty(),
        problems: capture.problems().iter().map(ProblemRecord::from).collect(),
    }
}
