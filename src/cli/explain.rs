//! `mqttsniff explain`: what a statement or a rule says, why it matters, and how it is judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use mqttsniff::check::Rules;
use mqttsniff::check::conformance::{Statement, Table, example};

use super::failure::Failure;
use super::output::STDOUT;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A statement: MQTT-3.3.2-2; or the name of a finding: mqtt.topic-wildcard
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(arguments: &Explain) -> anyhow::Result<ExitCode> {
    let id = arguments.id.trim();
    let statements: Vec<_> = Table::get().find(id).collect();
    let text = if statements.is_empty() { explain_finding(id)? } else { explain(&statements) };
    io::stdout().write_all(text.as_bytes()).context(STDOUT)?;
    Ok(ExitCode::SUCCESS)
}

const WIDTH: usize = 100;
const INDENT: usize = 14;

/// What is to be said of a statement, once for all versions that say the same.
fn explain(statements: &[&Statement]) -> String {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Statement>> = BTreeMap::new();
    for statement in statements {
        let key = (statement.rule, statement.detection, statement.severity);
        groups.entry(key).or_default().push(statement);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group.first().map(|statement| statement.version));
    groups.iter().map(|group| explain_group(group)).collect::<Vec<_>>().join("\n")
}

fn explain_group(group: &[&Statement]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let versions: Vec<_> = group.iter().map(|statement| statement.version.to_string()).collect();
    let mut out = format!("{}  (MQTT {})\n\n", first.id, versions.join(", "));
    let mut part = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = write!(out, "  {name:<INDENT$}");
            wrap(&mut out, text, INDENT + 2);
        }
    };
    part("rule", first.rule);
    let bound = match first.role {
        "both" => "client and server",
        role => role,
    };
    part("binds", &format!("{bound}, in {}", first.packets.replace(',', ", ")));
    part("severity", &first.severity.replace('-', " "));
    part("why", first.why());
    let judged =
        if first.is_judged() { first.detection.to_owned() } else { format!("not judged. {}", first.detection) };
    part("how it shows", &judged);
    let rules = Rules::default();
    let told: Vec<_> = rules.matching(first.id).map(|rule| &*rule.id).collect();
    part("told as", &told.join(", "));
    let excuses: Vec<_> = first.caveats.iter().map(|caveat| caveat.describe()).collect();
    part("excused", &excuses.join("; "));
    let Some(example) = versions.iter().find_map(|version| example(first.id, version)) else { return out };
    for (name, steps) in [("obeys", &example.obeying), ("breaks", &example.breaking)] {
        for (at, step) in steps.iter().enumerate() {
            let _ = writeln!(out, "  {:<INDENT$}{}", if at == 0 { name } else { "" }, speak(step));
        }
    }
    out
}

/// A step of an example, in words.
fn speak(step: &str) -> String {
    let (step, lost) = step.strip_prefix("lost ").map_or((step, ""), |rest| (rest, "  (not captured)"));
    if let Some(seconds) = step.strip_prefix("wait ") {
        return format!("… {seconds} s later");
    }
    if let Some(name) = step.strip_suffix("connected") {
        let of = if name.is_empty() { String::new() } else { format!(" ({})", name.trim()) };
        return format!("client ↔ server  CONNECT with clean start, CONNACK{of}");
    }
    let Some(at) = step.find(['<', '>']) else { return step.to_owned() };
    let arrow = if step[at..].starts_with('>') { "client → server" } else { "client ← server" };
    let of = if at == 0 { String::new() } else { format!("  ({})", &step[..at]) };
    format!("{arrow}  {}{of}{lost}", step[at + 1..].trim())
}

/// Text in lines, of which all but the first are indented.
fn wrap(out: &mut String, text: &str, indent: usize) {
    let mut column = indent;
    for (at, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

/// What a finding tells, and the statements that it is about.
fn explain_finding(id: &str) -> anyhow::Result<String> {
    let rules = Rules::default();
    let Some(rule) = rules.get(id) else {
        let near = rules.nearest(id);
        let hint = match near.as_slice() {
            [] => "statements are named as in the specification: MQTT-3.3.2-2".to_owned(),
            near => format!("did you mean: {}?", near.join(", ")),
        };
        bail!(Failure::new(format!("there is no statement or rule '{id}'"), Some(hint)));
    };
    let mut out = format!("{}  ({})\n\n", rule.id, rule.severity.name());
    for (name, text) in [("finding", &*rule.title), ("hint", rule.hint.unwrap_or_default())] {
        if !text.is_empty() {
            let _ = write!(out, "  {name:<INDENT$}");
            wrap(&mut out, text, INDENT + 2);
        }
    }
    if let Some(rule) = rule.text {
        for (name, text) in [("why", rule.why), ("how it shows", rule.how), ("excused", rule.excuse)] {
            if !text.is_empty() {
                let _ = write!(out, "  {name:<INDENT$}");
                wrap(&mut out, text, INDENT + 2);
            }
        }
    }
    for clause in rule.all_clauses() {
        let statements: Vec<_> = Table::get().find(clause).collect();
        if statements.is_empty() {
            let _ = writeln!(out, "  {:<INDENT$}{clause}", "clause");
        } else {
            let _ = write!(out, "\n{}", explain(&statements));
        }
    }
    Ok(out)
}
