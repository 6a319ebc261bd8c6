//! `mqttsniff explain`: what a statement or a rule says, why it matters, and how it is judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use mqttsniff::check::Rules;
use mqttsniff::check::conformance::{Statement, Table, example};
use mqttsniff::render::Style;

use super::args::ColorArgument;
use super::failure::Failure;
use super::output::{STDOUT, style_of};

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
    let style = style();
    let text = if statements.is_empty() { explain_finding(id, style)? } else { explain(&statements, style) };
    io::stdout().write_all(text.as_bytes()).context(STDOUT)?;
    Ok(ExitCode::SUCCESS)
}

/// The most columns that are used: longer lines are hard to read.
const WIDTH: usize = 100;
const INDENT: usize = 14;

/// The width of the terminal, as far as it is used.
fn style() -> Style {
    let style = style_of(ColorArgument::Never, false);
    Style { width: Some(style.table_width().min(WIDTH)), ..style }
}

/// What is to be said of a statement, once for all versions that say the same.
fn explain(statements: &[&Statement], style: Style) -> String {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Statement>> = BTreeMap::new();
    for statement in statements {
        let key = (statement.rule, statement.detection, statement.severity);
        groups.entry(key).or_default().push(statement);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group.first().map(|statement| statement.version));
    groups.iter().map(|group| explain_group(group, style)).collect::<Vec<_>>().join("\n")
}

fn explain_group(group: &[&Statement], style: Style) -> String {
    let Some(first) = group.first() else { return String::new() };
    let versions: Vec<_> = group.iter().map(|statement| statement.version.to_string()).collect();
    let mut out = format!("{}  (MQTT {})\n\n", first.id, versions.join(", "));
    let mut part = |name: &str, text: &str| put(&mut out, style, name, text);
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
            let step = style.hang(&speak(step), INDENT + 2, INDENT + 6);
            let _ = writeln!(out, "  {:<INDENT$}{step}", if at == 0 { name } else { "" });
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

/// What there is to say under a name, if there is something.
fn put(out: &mut String, style: Style, name: &str, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(out, "  {name:<INDENT$}{}", style.hang(text, INDENT + 2, INDENT + 2));
    }
}

/// What a finding tells, and the statements that it is about.
fn explain_finding(id: &str, style: Style) -> anyhow::Result<String> {
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
    put(&mut out, style, "finding", &rule.title);
    put(&mut out, style, "hint", rule.hint.unwrap_or_default());
    if let Some(rule) = rule.text {
        for (name, text) in [("why", rule.why), ("how it shows", rule.how), ("excused", rule.excuse)] {
            put(&mut out, style, name, text);
        }
    }
    for clause in rule.all_clauses() {
        let statements: Vec<_> = Table::get().find(clause).collect();
        if statements.is_empty() {
            let _ = writeln!(out, "  {:<INDENT$}{clause}", "clause");
        } else {
            let _ = write!(out, "\n{}", explain(&statements, style));
        }
    }
    Ok(out)
}
