//! The file of known findings: JSON that a person can read and a diff can show, sorted, with a version.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::check::{Baseline, FindingKey};

/// The version of the file.
const VERSION: u32 = 1;

/// A file that is no baseline: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineError {
    /// What is wrong.
    pub what: String,
    /// The line, from 1; 0 where it is no matter of a line.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl std::fmt::Display for BaselineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}, column {}: {}", self.column, self.what),
        }
    }
}

impl std::error::Error for BaselineError {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mqttsniff_baseline: u32,
    findings: Vec<Entry>,
}

/// The first member alone, so that a file of another version is told to be that, and not to be wrong.
#[derive(Deserialize)]
struct Head {
    mqttsniff_baseline: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    clause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    service: Option<String>,
    message: String,
    count: u64,
}

/// Reads a baseline.
pub fn read_baseline(text: &str) -> Result<Baseline, BaselineError> {
    // An editor may have put a byte order mark there.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let error = |error: serde_json::Error| {
        let what = error.to_string();
        // The place is told apart from what is wrong.
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what).to_owned();
        BaselineError { what, line: error.line(), column: error.column() }
    };
    let head: Head = serde_json::from_str(text).map_err(error)?;
    if head.mqttsniff_baseline != VERSION {
        let what = format!(
            "it is a baseline of version {}, and this program reads version {VERSION}",
            head.mqttsniff_baseline
        );
        return Err(BaselineError { what, line: 0, column: 0 });
    }
    let file: File = serde_json::from_str(text).map_err(error)?;
    Ok(Baseline::new(file.findings.into_iter().map(|entry| {
        let Entry { rule, clause, client_id, service, message, count } = entry;
        (FindingKey { rule, clause, client_id, service, message }, count)
    })))
}

/// Writes what a run has met as a baseline.
pub fn write_baseline(baseline: &Baseline, out: &mut impl Write) -> io::Result<()> {
    let findings = baseline.met().map(|(key, count)| {
        let FindingKey { rule, clause, client_id, service, message } = key.clone();
        Entry { rule, clause, client_id, service, message, count }
    });
    let file = File { mqttsniff_baseline: VERSION, findings: findings.collect() };
    serde_json::to_writer_pretty(&mut *out, &file)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_baseline_is_told_with_its_place() {
        let error = |text| read_baseline(text).expect_err("no baseline").to_string();
        assert_eq!(error(""), "line 1, column 0: EOF while parsing a value");
        assert_eq!(error("{\n  \"mqttsniff_baseline\": 1,\n  x\n}"), "line 3, column 3: key must be a string");
        assert_eq!(error("{}"), "line 1, column 2: missing field `mqttsniff_baseline`");
        assert!(error("{\"mqttsniff_baseline\": 2, \"other\": 1}").contains("version 2"));
        let entry = "{\"mqttsniff_baseline\": 1, \"findings\": [{\"rule\": \"a\", \"message\": \"b\", \"count\": -1}]}";
        assert!(error(entry).contains("line 1, column "), "{}", error(entry));
    }

    #[test]
    fn an_empty_baseline_knows_nothing() {
        let baseline = read_baseline("\u{feff}{\"mqttsniff_baseline\": 1, \"findings\": []}").expect("a baseline");
        let mut out = Vec::new();
        write_baseline(&baseline, &mut out).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text, "{\n  \"mqttsniff_baseline\": 1,\n  \"findings\": []\n}\n");
    }
}
