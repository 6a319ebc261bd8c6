//! The documents of rules are those of their tables. `UPDATE=1` writes them anew.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

use std::fmt::Write as _;
use std::path::Path;

use mqttsniff::check::{Limits, RuleText, health, lints};

fn rules_of(rules: &[RuleText]) -> String {
    let mut out = String::new();
    for rule in rules {
        let RuleText { id, severity, title, why, how, excuse } = rule;
        write!(
            out,
            "### `{id}` ({})\n\n{title}. *Why:* {why}.\n*How:* {how}.\n*Not told:* {excuse}.\n\n",
            severity.name()
        )
        .unwrap();
    }
    out
}

/// The limits that these rules name.
fn limits_of(rules: &[RuleText]) -> String {
    let mut out = "| limit | default | meaning |\n|---|---|---|\n".to_owned();
    for (name, default, meaning) in Limits::ALL {
        let named = |rule: &RuleText| rule.how.contains(name) || rule.excuse.contains(name);
        if rules.iter().any(named) || *name == "findings_per_rule" {
            writeln!(out, "| `{name}` | {default} | {} |", meaning.trim().trim_end_matches('.')).unwrap();
        }
    }
    out
}

/// Puts a text between two marks.
fn put(document: &str, mark: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
    let from = document.find(&begin).unwrap() + begin.len();
    let to = document.find(&end).unwrap();
    format!("{}\n{}\n\n{}", &document[..from], text.trim_end(), &document[to..])
}

#[test]
fn the_documents_tell_the_rules() {
    for (name, rules) in [("health.md", health::RULES), ("lints.md", lints::RULES)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        let document = std::fs::read_to_string(&path).unwrap();
        let wanted = put(&put(&document, "rules", &rules_of(rules)), "limits", &limits_of(rules));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        } else {
            assert!(document == wanted, "{name} is not what the tables say: UPDATE=1 cargo test --test rules");
        }
    }
}

#[test]
fn every_limit_is_named_by_a_rule() {
    for (name, ..) in Limits::ALL.iter().filter(|(name, ..)| *name != "findings_per_rule") {
        let named =
            health::RULES.iter().chain(lints::RULES).any(|rule| rule.how.contains(name) || rule.excuse.contains(name));
        assert!(named, "{name}");
    }
}

#[test]
fn no_two_rules_have_one_name() {
    let mut ids: Vec<_> = health::RULES.iter().chain(lints::RULES).map(|rule| rule.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
