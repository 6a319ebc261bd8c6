//! `mqttsniff explain`, and the statements that `mqttsniff check --coverage` tells of.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::process::{Command, Output};

use mqttsniff::check::Rules;
use mqttsniff::check::conformance::Table;
use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_mqttsniff")).args(arguments).current_dir(root).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_statement_is_explained_for_each_version_that_has_it() {
    let text = printed(&["explain", "mqtt-3.3.2-2"]);
    for part in ["MQTT-3.3.2-2", "rule ", "why ", "how it shows ", "mqtt.topic-wildcard", "obeys ", "breaks "] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains("3.1.1") && text.contains("5.0"));
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn a_finding_is_explained_with_its_statements() {
    let text = printed(&["explain", "mqtt.no-suback"]);
    assert!(text.contains("MQTT-3.8.4-1") && text.contains("V31-SUBACK"), "{text}");
}

#[test]
fn what_there_is_not_is_an_error_with_what_is_near() {
    let output = run(&["explain", "mqtt.nosuback"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("mqtt.no-suback"), "{error}");
}

#[test]
fn each_clause_that_a_rule_names_is_a_statement_of_its_version() {
    let mut unknown = Vec::new();
    for rule in Rules::default().iter() {
        for (clauses, version) in rule.clauses.iter().zip(mqttsniff::mqtt::Version::ALL) {
            let is_known = |clause: &str| Table::get().find(clause).any(|statement| statement.version == version);
            let strange = clauses.iter().filter(|clause| !is_known(clause));
            unknown.extend(strange.map(|clause| format!("{} names {clause}, which {version} does not have", rule.id)));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn coverage_tells_each_statement_of_the_versions_that_were_seen() {
    let text = printed(&["check", "--coverage", "fixtures/mqtt5_qos.pcap"]);
    assert!(text.contains("MQTT 5.0: 320 statements: 0 failed") && !text.contains("MQTT 3.1.1"), "{text}");
    let records = printed(&["check", "--coverage", "--format", "json", "fixtures/mqtt5_qos.pcap"]);
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statements: Vec<_> = records.iter().filter(|record| record["record"] == "statement").collect();
    assert_eq!(statements.len(), 320);
    let of = |id: &str| *statements.iter().find(|record| record["id"] == id).unwrap();
    assert_eq!((&of("MQTT-3.1.0-1")["verdict"], &of("MQTT-3.1.0-1")["passed"]), (&"passed".into(), &2.into()));
    assert_eq!(of("MQTT-3.1.2-12")["verdict"], "not_exercised");
    assert_eq!(of("MQTT-3.1.2-7")["verdict"], "not_judged");
}

#[test]
fn what_a_gap_hides_is_not_provable() {
    // Segments are missing in the middle: what rests on nothing being lost is not called passed.
    let records = printed(&["check", "--coverage", "--format", "json", "fixtures/lab/midstream.pcap"]);
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = records.iter().filter(|record| record["id"] == "MQTT-3.1.0-1");
    assert!(first.clone().count() > 0);
    assert!(first.into_iter().all(|record| record["verdict"] != "passed"), "the connection was joined in its middle");
}
