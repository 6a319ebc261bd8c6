//! Each example of a statement, played as traffic: what obeys passes, what breaks it fails.
//!
//! The examples stand in `src/check/conformance/examples/`, where `mqttsniff explain` takes them from.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

#[path = "../common/craft.rs"]
#[allow(dead_code)]
mod craft;
mod encode;
mod found;
mod page;
#[path = "../common/pcap.rs"]
#[allow(dead_code)]
mod pcap;
mod script;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use mqttsniff::check::conformance::{Scope, Standing, Table, Verdict};
use mqttsniff::check::{Certainty, CheckOptions, Finding, Severity};
use mqttsniff::mqtt::Version;
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Output};
use script::{Example, examples};

/// What is said of a capture.
struct Judged {
    standings: Vec<Standing>,
    findings: Vec<Finding>,
}

impl Judged {
    fn of(capture: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("example.pcap");
        std::fs::write(&path, capture).unwrap();
        let mut analysis = Analysis::open(&[&path]).unwrap();
        analysis.follow_sessions(SessionOptions { routes: true, ..SessionOptions::default() });
        analysis.check(CheckOptions { ledger: true, across: true, ..CheckOptions::default() });
        let mut findings = Vec::new();
        analysis.run(&mut |output: &Output<'_>| {
            if let Output::Finding(finding) = output {
                findings.push((*finding).clone());
            }
        });
        Self { standings: analysis.checks().standings(), findings }
    }

    fn of_statement(&self, version: Version, id: &str) -> &Standing {
        let is_it = |standing: &&Standing| standing.statement.version == version && standing.statement.id == id;
        self.standings.iter().find(is_it).unwrap_or_else(|| panic!("there is no statement {id} in {version:?}"))
    }

    fn told(&self) -> Vec<String> {
        self.findings
            .iter()
            .map(|finding| format!("{} {:?}: {}", finding.id, finding.certainty, finding.message))
            .collect()
    }
}

/// What an end may do about a mistake of its peer shows only after such a mistake.
const OF_THE_PEER: [(&str, &str); 11] = [
    ("MQTT-3.1.2-1", "mqtt.protocol-name"),
    ("MQTT-3.1.2-2", "mqtt.protocol-level"),
    ("MQTT-3.1.3-8", "mqtt.client-id-empty-without-clean-session"),
    ("MQTT-3.1.3-9", "mqtt.client-id-empty-without-clean-session"),
    ("V31-CLIENTID-REJECT", "mqtt.client-id-length"),
    ("MQTT-3.1.4-1", "mqtt.connect-reserved-flag"),
    ("V31-CONNECT-INVALID", "mqtt.connect-payload-empty"),
    ("MQTT-2.2.2-2", "mqtt.fixed-flags"),
    ("MQTT-4.8.0-1", "mqtt.filter-hash"),
    ("MQTT-4.13.1-1", "mqtt.filter-hash"),
    ("MQTT-3.1.2-22", "mqtt.keep-alive-exceeded"),
];

/// Whether the verdict on an example is the expected one; what is wrong with it otherwise.
fn judge(example: &Example, version: Version) -> Result<(), String> {
    let name = format!("{} in {}", example.id, version);
    let obeying = Judged::of(&wire::play(&example.obeying, version));
    let breaking = Judged::of(&wire::play(&example.breaking, version));
    let good = obeying.of_statement(version, &example.id);
    let bad = breaking.of_statement(version, &example.id);
    if good.verdict != Verdict::Passed {
        return Err(format!("{name}: obeyed, and it is {:?} {good:?}\n    {:?}", good.verdict, obeying.told()));
    }
    let of_peer = |finding: &Finding| OF_THE_PEER.contains(&(example.id.as_str(), finding.id.as_str()));
    let sure = |finding: &Finding| finding.severity == Severity::Error && finding.certainty > Certainty::Hint;
    if obeying.findings.iter().any(|finding| sure(finding) && !of_peer(finding)) {
        return Err(format!("{name}: obeyed, and there are findings: {:?}", obeying.told()));
    }
    if bad.verdict != Verdict::Failed || bad.frames.is_empty() {
        return Err(format!("{name}: broken, and it is {:?} {bad:?}\n    {:?}", bad.verdict, breaking.told()));
    }
    // What is allowed is told by the coverage alone.
    if breaking.findings.is_empty() && bad.statement.severity != "note" {
        return Err(format!("{name}: broken, and no finding says so"));
    }
    Ok(())
}

#[test]
fn examples_are_judged_as_they_say() {
    let only = std::env::var("EXAMPLE").ok();
    let mut wrong = Vec::new();
    for example in examples().iter().filter(|example| only.as_ref().is_none_or(|only| example.id == *only)) {
        for version in &example.versions {
            wrong.extend(judge(example, *version).err());
        }
    }
    assert!(wrong.is_empty(), "{} examples are judged wrongly:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_server_that_keeps_the_old_connection_has_not_taken_it_over() {
    let example = examples()
        .into_iter()
        .find(|example| example.id == "MQTT-3.1.4-2" && example.versions.contains(&Version::V311))
        .unwrap();
    let judged = Judged::of(&wire::play(&example.breaking, Version::V311));
    let standing = judged.of_statement(Version::V311, "MQTT-3.1.4-2");
    assert_eq!((standing.failed, standing.passed), (1, 0), "{standing:?}");
}

#[test]
fn a_will_that_is_not_to_be_retained_says_nothing_of_servers_that_do_not_retain() {
    let of = |retain: &str| {
        let connect = format!("> CONNECT clean id=c will=w:gone{retain}");
        let script = [connect, "< CONNACK retain_available=0".to_owned()];
        Judged::of(&wire::play(&script, Version::V5)).of_statement(Version::V5, "MQTT-3.2.2-13").verdict
    };
    assert_eq!(of(""), Verdict::NotExercised);
    assert_eq!(of(" willretain"), Verdict::Failed);
}

/// Statements of single packets that no packet can break, or of which a packet does not show that it breaks them.
const WITHOUT_EXAMPLE: [(&str, &str); 4] = [
    ("MQTT-2.2.1-2", "two bytes more can't be told from properties or payload"),
    ("MQTT-3.1.3-1", "the order of fields shows only in what they hold"),
    ("MQTT-4.7.3-3", "the length field can't say more"),
    ("V31-PAYLOAD-ORDER", "the order of fields shows only in what they hold"),
];

#[test]
fn each_statement_that_a_packet_shows_has_an_example() {
    let mut with: BTreeMap<Version, BTreeSet<String>> = BTreeMap::new();
    for example in examples() {
        for version in &example.versions {
            with.entry(*version).or_default().insert(example.id.clone());
        }
    }
    let mut without = Vec::new();
    for statement in Table::get().statements() {
        let excused = WITHOUT_EXAMPLE.iter().any(|(id, _)| *id == statement.id);
        let has = with.get(&statement.version).is_some_and(|ids| ids.contains(statement.id));
        if statement.scope == Scope::Packet && statement.id.starts_with("MQTT-") && !has && !excused {
            without.push(format!("{} in {}", statement.id, statement.version));
        }
    }
    let count: usize = with.iter().filter(|(version, _)| **version != Version::V31).map(|(_, ids)| ids.len()).sum();
    assert!(without.is_empty(), "without an example: {}", without.join(", "));
    assert!(count >= 130, "{count} statements have an example");
}
