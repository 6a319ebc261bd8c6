//! The report as SARIF 2.1.0 (OASIS): one run, with all rules, and a result for each finding that is kept.
//!
//! A frame number stands where viewers show a line number: `trace.pcap:50` is frame 50.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::escape::{composed, plain, uri};
use super::{CheckResult, CheckedCapture, CheckedRule, groups};
use crate::check::{Finding, FindingKey, Level, RuleInfo, Severity};
use crate::mqtt::Version;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(result: &CheckResult, out: &mut impl Write) -> io::Result<()> {
    let index: BTreeMap<&str, usize> = result.rules.iter().enumerate().map(|(at, rule)| (&*rule.info.id, at)).collect();
    let mut results = Vec::new();
    for (at, capture) in result.captures.iter().enumerate() {
        let mut met: BTreeMap<FindingKey, u64> = BTreeMap::new();
        for finding in capture.findings.kept() {
            let key = FindingKey::of(finding);
            let times = met.entry(key.clone()).or_default();
            *times += 1;
            let fingerprint = key.fingerprint(&times.to_string());
            results.push(described(finding, capture, at, index.get(&*finding.id).copied(), &fingerprint));
        }
    }
    let artifacts: Vec<_> =
        result.captures.iter().map(|capture| json!({ "location": { "uri": uri(&capture.file) } })).collect();
    let problems: Vec<_> =
        result.captures.iter().enumerate().flat_map(|(at, capture)| notifications(at, capture)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": result.rules.iter().map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": problems.is_empty(),
                "toolExecutionNotifications": problems,
            }],
            "artifacts": artifacts,
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(rule: &CheckedRule) -> Value {
    let info = &rule.info;
    let title = plain(info.title.as_bytes());
    let full = full_description(info);
    let mut text = json!({
        "id": info.id,
        "shortDescription": { "text": title },
        "fullDescription": { "text": full },
        "help": { "text": info.hint.map_or_else(|| full.clone(), |hint| format!("{full} {hint}.")) },
        "defaultConfiguration": {
            "enabled": rule.level != Some(Level::Off),
            "level": rule.severity().unwrap_or(info.severity).name(),
        },
        "properties": { "tags": [info.id.split('.').next().unwrap_or_default()] },
    });
    if let (Some(uri), Some(members)) = (help_uri(info), text.as_object_mut()) {
        members.insert("helpUri".to_owned(), uri.into());
    }
    text
}

/// The title as a sentence, and the clauses of each specification.
fn full_description(info: &RuleInfo) -> String {
    let title = plain(info.title.as_bytes());
    let mut letters = title.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let mut text = format!("{first}{}.", letters.as_str());
    for (version, clauses) in Version::ALL.into_iter().zip(&info.clauses).filter(|(_, clauses)| !clauses.is_empty()) {
        let _ = write!(text, " MQTT {}: {}.", version.as_str(), clauses.join(", "));
    }
    if let Some(reference) = info.reference {
        let _ = write!(text, " {reference}.");
    }
    text
}

/// Where the clauses stand: in the newest specification that has one.
fn help_uri(info: &RuleInfo) -> Option<String> {
    const SPECIFICATIONS: [&str; 3] = [
        "https://public.dhe.ibm.com/software/dw/webservices/ws-mqtt/mqtt-v3r1.html",
        "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html",
        "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html",
    ];
    let newest = SPECIFICATIONS.iter().zip(&info.clauses).rev().find(|(_, clauses)| !clauses.is_empty());
    newest.map(|(uri, _)| (*uri).to_owned()).or_else(|| {
        let number: String = info.reference?.strip_prefix("RFC ")?.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("https://www.rfc-editor.org/rfc/rfc{number}"))
    })
}

fn described(
    finding: &Finding,
    capture: &CheckedCapture,
    artifact: usize,
    rule: Option<usize>,
    fingerprint: &str,
) -> Value {
    let clause = finding.clause.map(|clause| format!(" [{clause}]")).unwrap_or_default();
    let hint = finding.hint.map(|hint| format!(" Hint: {hint}.")).unwrap_or_default();
    let mut logical = Vec::new();
    if let Some(flow) = finding.flow {
        logical.push(json!({ "name": format!("flow {}", flow.id), "kind": "flow" }));
    }
    if let Some(client) = &finding.client_id {
        logical.push(json!({ "name": groups::client(client), "kind": "client" }));
    }
    let frames: Vec<u64> = finding.frames.iter().map(|frame| frame.0).collect();
    let mut place = json!({
        "artifactLocation": { "uri": uri(&capture.file), "index": artifact },
    });
    // SARIF counts lines from 1, as frames are.
    if let (Some(frame), Some(members)) = (frames.last().filter(|frame| **frame > 0), place.as_object_mut()) {
        members.insert("region".to_owned(), json!({ "startLine": frame }));
    }
    let mut location = json!({ "physicalLocation": place });
    if let (false, Some(members)) = (logical.is_empty(), location.as_object_mut()) {
        members.insert("logicalLocations".to_owned(), logical.into());
    }
    let mut text = json!({
        "ruleId": finding.id,
        "level": level(finding.severity),
        "message": { "text": format!("{}{clause}.{hint}", composed(&finding.message)) },
        "locations": [location],
        "partialFingerprints": { "mqttsniffFinding/v1": fingerprint },
        "properties": {
            "certainty": finding.certainty.name(),
            "frames": frames,
            "time": finding.time.to_string(),
        },
    });
    if let Some(members) = text.as_object_mut() {
        if let Some(rule) = rule {
            members.insert("ruleIndex".to_owned(), rule.into());
        }
        if let (Some(clause), Some(properties)) =
            (finding.clause, members.get_mut("properties").and_then(Value::as_object_mut))
        {
            properties.insert("clause".to_owned(), clause.into());
        }
    }
    text
}

/// What kept a capture from being read to its end.
fn notifications(artifact: usize, capture: &CheckedCapture) -> impl Iterator<Item = Value> {
    let uri = uri(&capture.file);
    capture.problems().iter().map(move |problem| {
        json!({
            "level": "error",
            "message": { "text": composed(&format!("{}: {}", problem.input, problem.what)) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri, "index": artifact } } }],
        })
    })
}

/// The levels of SARIF are our own.
const fn level(severity: Severity) -> &'static str {
    severity.name()
}
