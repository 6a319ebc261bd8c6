//! All rules as a page: `docs/rules.md` is made of it.

use std::io::{self, Write};

use super::escape::markdown;
use crate::check::{RuleInfo, Rules};

const INTRODUCTION: &str = "\
# Rules

What `mqttsniff` finds, by the names that `--rule` takes and findings have as their `id`. This page is made from the
program (`UPDATE=1 cargo test --test generated`).

The severity is that of the worst case: some rules are milder in a version that does not forbid what they are about. A
clause is the number in the specification where it begins with `MQTT-`; in MQTT 3.1, which numbers nothing, and where the
text has no number, it is our own name. [check.md](check.md) tells how to turn rules off, and how to make them worse.
";

/// What the rules of a name are about.
const SUBJECTS: [(&str, &str); 6] = [
    ("capture", "What the capture, or a limit of the analysis, keeps from being seen."),
    ("ip", "Datagrams and their fragments."),
    ("mqtt", "Packets, and their order on a connection and across the connections of a client."),
    ("mqttsn", "Messages of MQTT-SN, and their order between a client and its gateway."),
    ("tcp", "Connections and what they carry."),
    ("websocket", "WebSocket that carries MQTT: how both ends agree on it, and its frames."),
];

/// Writes the page.
pub fn write_rules(rules: &Rules, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{INTRODUCTION}")?;
    let mut subject = "";
    for rule in rules.iter() {
        let of = rule.id.split('.').next().unwrap_or_default();
        if of != subject {
            let separate = if subject.is_empty() { "" } else { "\n" };
            subject = of;
            writeln!(out, "{separate}## {}\n", markdown(subject))?;
            if let Some((_, about)) = SUBJECTS.iter().find(|(name, _)| *name == subject) {
                writeln!(out, "{about}\n")?;
            }
            writeln!(out, "| rule | severity | what | clauses |\n|---|---|---|---|")?;
        }
        row(rule, out)?;
    }
    Ok(())
}

fn row(rule: &RuleInfo, out: &mut impl Write) -> io::Result<()> {
    let title = markdown(&rule.title);
    let hint = rule.hint.map(|hint| format!("; {}", markdown(hint))).unwrap_or_default();
    let mut clauses = Vec::new();
    for (version, of_version) in ["3.1", "3.1.1", "5.0"].iter().zip(&rule.clauses) {
        if !of_version.is_empty() {
            clauses.push(format!("{version}: {}", of_version.join(", ")));
        }
    }
    clauses.extend(rule.reference.map(str::to_owned));
    let (id, severity) = (&rule.id, rule.severity.name());
    writeln!(out, "| `{id}` | {severity} | {title}{hint} | {} |", clauses.join("; "))
}
