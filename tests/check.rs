//! `mqttsniff check` as CI uses it: its exit status, what counts, and what it tells.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::craft::{CONNACK, Connection, connect, publish};
use common::{captures, fixtures, lines, run, stderr, stdout};
use mqttsniff::check::Rules;
use serde_json::Value;

const GOOD: &str = "fixtures/mqtt5_qos.pcap";
const BAD: &str = "fixtures/malformed.pcap";
/// One finding of each severity, the error of a rule that is off here.
const WARNED: [&str; 3] = ["fixtures/vectors/L_qos2dup.pcap", "--rule", "mqtt.resent-after-completion=off"];

fn check(arguments: &[&str]) -> std::process::Output {
    run(["check"].iter().chain(arguments))
}

#[track_caller]
fn status(arguments: &[&str]) -> i32 {
    check(arguments).status.code().unwrap()
}

/// The last line on standard output.
#[track_caller]
fn verdict(arguments: &[&str]) -> String {
    stdout(&check(arguments)).lines().last().unwrap().to_owned()
}

fn verdict_record(arguments: &[&str]) -> Value {
    let output = check(&[arguments, &["--format", "json"]].concat());
    let record = lines(&output).pop().unwrap();
    assert_eq!(record["record"], "verdict");
    record
}

fn capture(folder: &Path, name: &str, connection: &Connection) -> String {
    let path = folder.join(name);
    connection.save(&path);
    path.to_str().unwrap().to_owned()
}

/// Leaves out lints, which have something to say of nearly everything that is made by hand.
const ONLY_MQTT: [&str; 2] = ["--rule", "lint.*=off"];

/// Traffic in which one client breaks one rule so many times.
fn flood(times: usize) -> Connection {
    let hello = Connection::open().client(&connect(2, b"many", &[])).server(&CONNACK);
    (0..times).fold(hello, |connection, _| connection.client(&publish(b"a/+", b"x")))
}

#[test]
fn the_exit_status_tells_what_came_of_it() {
    assert_eq!(status(&[GOOD]), 0);
    assert_eq!(verdict(&[GOOD, ONLY_MQTT[0], ONLY_MQTT[1]]), "no error found in 1 capture");
    assert_eq!(status(&[BAD]), 1);
    assert!(verdict(&[BAD]).starts_with("check failed: 12 errors, "), "{}", verdict(&[BAD]));
    assert_eq!(status(&[GOOD, BAD]), 1);
    let both = verdict(&[&[GOOD, BAD][..], &["--rule", "*=note", "--rule", "mqtt.*=error"]].concat());
    assert!(both.starts_with("check failed: 12 errors, ") && both.ends_with(" in 2 captures"), "{both}");
    assert_eq!(status(&[]), 2);
    assert_eq!(status(&[GOOD, "--fail-on", "everything"]), 2);
}

#[test]
fn what_could_not_be_read_is_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixtures().join("mqtt5_qos.pcap")).unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    let cut = cut.to_str().unwrap();
    let output = check(&[cut]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cut short in the middle of a record"), "{}", stderr(&output));
    let last = stdout(&output).lines().last().unwrap();
    assert_eq!(
        last,
        "check incomplete: it could not be read to its end; no error found in 1 capture as far as it was read (1 note)"
    );
    // One that is not there keeps no other from being checked.
    let output = check(&["nowhere.pcap", BAD, "--rule", "*=off", "--rule", "mqtt.*=error"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).ends_with("check failed: 12 errors in 2 captures, and 1 could not be read to the end\n"));
    let record = verdict_record(&["nowhere.pcap", GOOD]);
    assert_eq!(record["result"], "incomplete");
    assert_eq!(record["captures"][0]["complete"], false);
    assert_eq!(record["captures"][1]["complete"], true);
    assert_eq!(record["captures"][1]["messages"], 52);
}

#[test]
fn a_closed_pipe_changes_no_verdict() {
    for (capture, expected) in [(GOOD, 0), (BAD, 1)] {
        // The second is more than a pipe holds.
        for format in ["--format=json", "--report=sarif=-"] {
            let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_mqttsniff"))
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .args(["check", capture, format])
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            assert_eq!((output.status.code(), stderr(&output)), (Some(expected), ""), "{capture} {format}");
        }
    }
}

#[test]
fn that_nothing_was_looked_at_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pcap");
    std::fs::write(&empty, &std::fs::read(fixtures().join("mqtt5_qos.pcap")).unwrap()[..24]).unwrap();
    let output = check(&[empty.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).ends_with("there are no frames in it, so that nothing was checked\n"));
    let output = check(&["fixtures/lab/tls13.pcap"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("no MQTT was found"), "{}", stderr(&output));
    assert_eq!(stderr(&check(&[GOOD, "fixtures/lab/tls13.pcap"])), "");
}

#[test]
fn healthy_captures_pass() {
    for name in
        ["mqtt311_qos", "mqtt31_qos", "paho", "retained", "persistent_session", "v5_topic_alias", "v5_will_delay"]
    {
        let output = check(&[&format!("fixtures/lab/{name}.pcap")]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stdout(&output));
    }
}

#[test]
fn fail_on_says_what_is_bad_enough() {
    let with = |severity| [&WARNED[..], &["--fail-on", severity]].concat();
    assert_eq!(verdict(&WARNED), "no error found in 1 capture (2 warnings, 3 notes)");
    for (severity, expected) in [("error", 0), ("warning", 1), ("note", 1)] {
        assert_eq!(status(&with(severity)), expected, "{severity}");
    }
    assert_eq!(verdict(&with("note")), "check failed: 2 warnings, 3 notes in 1 capture");
    assert_eq!(verdict(&[&with("note")[..], &["--rule", "*=off"]].concat()), "nothing found in 1 capture");
}

#[test]
fn rules_are_set_by_name_clause_and_beginning() {
    let errors = |rules: &[&str]| {
        let arguments: Vec<_> = rules.iter().flat_map(|rule| ["--rule", rule]).chain([BAD]).collect();
        verdict_record(&arguments)["findings"]["error"].as_u64().unwrap()
    };
    assert_eq!(errors(&[]), 12);
    assert_eq!(errors(&["mqtt.publish-qos-3=off"]), 11);
    assert_eq!(errors(&["MQTT-3.3.1-4=warning"]), 11);
    assert_eq!(errors(&["mqtt.*=note"]), 0);
    assert_eq!(errors(&["mqtt.*=note", "mqtt.p*=error"]), 3, "the last that fits decides");
    let silent = verdict_record(&[BAD, "--rule", "mqtt.*=off"]);
    assert_eq!((&silent["result"], &silent["left_out"]), (&"passed".into(), &12.into()));
}

#[test]
fn a_rule_that_does_not_exist_is_refused() {
    let output = check(&[BAD, "--rule", "mqtt.publish-qos3=off"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is no rule or clause 'mqtt.publish-qos3'"), "{}", stderr(&output));
    assert!(stderr(&output).contains("did you mean: mqtt.publish-qos-3"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    for wrong in ["mqtt.publish-qos-3", "mqtt.publish-qos-3=never", "smoke.*=off"] {
        assert_eq!(status(&[BAD, "--rule", wrong]), 2, "{wrong}");
    }
}

#[test]
fn only_what_is_sure_enough_counts() {
    const FLOW_CONTROL: &str = "fixtures/lab/v5_flow_control.pcap";
    assert_eq!(status(&[FLOW_CONTROL]), 1);
    assert_eq!(status(&[FLOW_CONTROL, "--min-certainty", "likely"]), 1);
    assert_eq!(status(&[FLOW_CONTROL, "--min-certainty", "certain"]), 0);
    assert_eq!(status(&[BAD, "--min-certainty", "certain"]), 1);
}

#[test]
fn a_filter_chooses_whose_findings_count() {
    let counts = |filter: &str| verdict_record(&[BAD, "-Y", filter, ONLY_MQTT[0], ONLY_MQTT[1]])["findings"].clone();
    let errors = |filter: &str| counts(filter)["error"].as_u64().unwrap();
    assert_eq!(errors("tcp"), 12);
    assert_eq!(errors("tcp.stream == 3"), 1);
    assert_eq!(errors("tcp.port == 9"), 0);
    assert_eq!(status(&[BAD, "--filter", "tcp.port =="]), 2);
    // Whatever `read` shows counts, and nothing else.
    for filter in ["mqtt.topic contains \"lab\"", "frame.number < 40", "mqtt.qos == 3"] {
        let shown = run(["read", BAD, "--json", "--show", "findings", "-Y", filter]);
        let shown = lines(&shown)
            .iter()
            .filter(|record| record["id"].as_str().is_some_and(|id| id.starts_with("mqtt.")))
            .count() as u64;
        assert_eq!(errors(filter), shown, "{filter}");
    }
}

#[test]
fn each_capture_is_checked_by_itself_unless_merged() {
    let apart = verdict_record(&[GOOD, BAD]);
    assert_eq!(apart["captures"].as_array().unwrap().len(), 2);
    assert_eq!(apart["captures"][0]["frames"], 77);
    let merged = verdict_record(&[GOOD, BAD, "--merge"]);
    assert_eq!(merged["captures"].as_array().unwrap().len(), 1);
    assert_eq!(merged["captures"][0]["frames"], 77 + 120);
}

#[test]
fn a_flood_is_folded_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), "flood.pcap", &flood(500));
    let output = check(&[&path]);
    let text = stdout(&output);
    assert!(text.contains("and 499 more on this flow, up to frame 505"), "{text}");
    assert!(text.lines().count() < 20, "{text}");
    assert!(text.contains("check failed: 500 errors"), "{text}");
    let output = check(&[&path, "--max-findings", "20", "--format", "json", ONLY_MQTT[0], ONLY_MQTT[1]]);
    let records = lines(&output);
    assert_eq!(common::of(&records, "finding").len(), 20);
    let verdict = records.last().unwrap();
    assert_eq!((&verdict["findings"]["error"], &verdict["not_listed"]), (&500.into(), &480.into()));
}

#[test]
fn text_from_the_wire_can_not_harm_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open()
        .client(&connect(2, "e\u{1b}[2J\u{202e}".as_bytes(), &[]))
        .server(&CONNACK)
        .client(&publish(b"a/#", b"x"));
    let path = capture(folder.path(), "evil.pcap", &connection);
    let output = check(&[&path]);
    assert!(stdout(&output).contains("client e\\u{1b}[2J\\u{202e}"), "{}", stdout(&output));
    assert!(!stdout(&output).contains('\u{1b}'));
}

/// Findings of all fixtures, as they are told.
fn all_findings() -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    for path in captures() {
        let output = check(&[path.to_str().unwrap(), "--format", "json"]);
        let records = lines(&output);
        found.extend(common::of(&records, "finding").into_iter().map(|finding| (path.clone(), finding.clone())));
    }
    assert!(found.len() > 50);
    found
}

#[test]
fn every_finding_of_the_fixtures_is_of_a_known_rule() {
    let rules = Rules::default();
    let mut seen = BTreeSet::new();
    for (path, finding) in all_findings() {
        let id = finding["id"].as_str().unwrap();
        let rule = rules.get(id).unwrap_or_else(|| panic!("{}: {id} is in no list", path.display()));
        if let Some(clause) = finding["clause"].as_str() {
            assert!(rule.all_clauses().any(|known| known == clause), "{}: {id}: {clause}", path.display());
        }
        seen.insert(id.to_owned());
    }
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn rules_of_the_user_decide_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    let with = |text: &str, more: &[&str]| {
        std::fs::write(&file, text).unwrap();
        check(&[&[GOOD, "--assert", file.to_str().unwrap()], more].concat())
    };
    let holds = "[[assert]]\nname = \"answered\"\neach = 'mqtt.msgtype == SUBSCRIBE'\nthen = 'mqtt.msgtype == SUBACK'\nwithin = \"1s\"\n";
    let breaks = "[[assert]]\nname = \"no QoS 2\"\nover = \"messages\"\nnone = 'mqtt.qos == 2'\n";
    assert_eq!(with(holds, &[]).status.code(), Some(0));
    let both = with(&[holds, breaks].concat(), &["--format", "json"]);
    assert_eq!(both.status.code(), Some(1));
    let records = lines(&both);
    let outcomes: Vec<_> = common::of(&records, "assertion").iter().map(|record| record["outcome"].clone()).collect();
    assert_eq!(outcomes, ["passed", "failed"]);
    // The file may set built-in rules and what is bad enough; the command line decides.
    let strict = "fail_on = \"note\"\n[rules]\n\"*\" = \"off\"\n\"lint.anonymous\" = \"note\"\n";
    assert_eq!(with(strict, &[]).status.code(), Some(1));
    assert_eq!(with(strict, &["--fail-on", "error"]).status.code(), Some(0));
    assert_eq!(with(strict, &["--rule", "lint.anonymous=off"]).status.code(), Some(0));
    for (wrong, place) in [(breaks.replace("none", "nune"), ":4:1:"), ("[limits]\nreconects = 3\n".to_owned(), ":2:")] {
        let output = with(&wrong, &[]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(stderr(&output).contains(place) && stderr(&output).contains("did you mean"), "{}", stderr(&output));
    }
    assert_eq!(status(&[GOOD, "--threshold", "keepalive_long_s=30", "--rule", "lint.keepalive-long=error"]), 1);
    assert_eq!(status(&[GOOD, "--threshold", "keepalive_lng_s=30"]), 2);
}
