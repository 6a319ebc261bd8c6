//! The reports of `mqttsniff check`, as the systems that read them do, and its baseline.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use boon::{Compiler, Schemas};
use common::craft::{CONNACK, Connection, connect, publish};
use common::{captures, fixtures, lines, mqttsniff, stderr, stdout};
use roxmltree::Document;
use serde_json::{Value, json};

const GOOD: &str = "fixtures/mqtt5_qos.pcap";
const BAD: &str = "fixtures/malformed.pcap";
const FORMATS: [&str; 7] = ["text", "jsonl", "junit", "sarif", "github", "gitlab", "markdown"];

/// With the rules of MQTT alone: lints have something to say of nearly everything that is made by hand.
fn check(arguments: &[&str]) -> Output {
    let rules = ["check", "--rule", "lint.*=off", "--rule", "tcp.*=off"];
    common::run(rules.iter().chain(arguments))
}

/// A report on standard output.
#[track_caller]
fn report(format: &str, arguments: &[&str]) -> String {
    let option = format!("{format}=-");
    let output = check(&[arguments, &["--report", &option]].concat());
    assert_eq!(stderr(&output), "");
    stdout(&output).to_owned()
}

fn report_json(format: &str, arguments: &[&str]) -> Value {
    serde_json::from_str(&report(format, arguments)).unwrap()
}

/// A capture in which names and topics from the wire are markup in every form of report.
fn evil(folder: &Path) -> String {
    let client = "]]><b>&\"'|`::error::%0A\u{1b}[2J\u{202e}@all\r\n*x*".as_bytes();
    let path = folder.join("evil,name:1 <x>.pcap");
    Connection::open().client(&connect(2, client, &[])).server(&CONNACK).client(&publish(b"a/#", b"x")).save(&path);
    path.to_str().unwrap().to_owned()
}

#[test]
fn reports_go_into_files_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |format: &str| folder.path().join(format).to_str().unwrap().to_owned();
    let options: Vec<String> = FORMATS.iter().map(|format| format!("--report={format}={}", path(format))).collect();
    let arguments: Vec<&str> = options.iter().map(String::as_str).chain([BAD]).collect();
    let output = check(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).ends_with("check failed: 12 errors in 1 capture\n"), "{}", stdout(&output));
    for format in FORMATS {
        let written = std::fs::read_to_string(path(format)).unwrap();
        assert_eq!(written, report(format, &[BAD]), "{format}");
        assert!(written.contains("mqtt.publish-qos-3"), "{format}: {written}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), FORMATS.len(), "nothing else is left there");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in FORMATS {
        let once = report(format, &[BAD, GOOD, "fixtures/lab/v5_flow_control.pcap"]);
        assert_eq!(once, report(format, &[BAD, GOOD, "fixtures/lab/v5_flow_control.pcap"]), "{format}");
    }
}

#[test]
fn a_report_that_can_not_be_written_is_told_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    for wrong in [
        format!("junit={folder}/nowhere/out.xml"),
        format!("junit={folder}"),
        "junit".to_owned(),
        "junit=".to_owned(),
        "html=x".to_owned(),
    ] {
        let output = check(&["not-there.pcap", "--report", &wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(!stderr(&output).contains("not-there"), "{wrong}: {}", stderr(&output));
    }
    assert_eq!(check(&[GOOD, "--report=junit=-", "--report=sarif=-"]).status.code(), Some(2));
    assert_eq!(check(&[GOOD, "--report=junit=-", "--format=json"]).status.code(), Some(2));
    let twice = [format!("junit={folder}/x"), format!("sarif={folder}/x")];
    assert_eq!(check(&[GOOD, "--report", &twice[0], "--report", &twice[1]]).status.code(), Some(2));
}

/// The device is always full.
#[test]
#[cfg(target_os = "linux")]
fn a_report_that_could_not_be_written_is_a_failure() {
    for report in ["--report=junit=/dev/full", "--report=sarif=/dev/full"] {
        let output = check(&[GOOD, report]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).starts_with("mqttsniff: can't write to /dev/full: "), "{}", stderr(&output));
    }
}

/// What the schemas of Ant and Jenkins have in common, and what CI systems count.
#[track_caller]
fn assert_is_junit(text: &str) {
    let document = Document::parse(text).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    for suite in root.children().filter(roxmltree::Node::is_element) {
        assert_eq!(suite.tag_name().name(), "testsuite");
        let number = |name: &str| suite.attribute(name).unwrap().parse::<usize>().unwrap();
        assert_eq!(suite.attribute("hostname"), Some("localhost"));
        assert_eq!(suite.attribute("timestamp").unwrap().len(), 19);
        let parts: Vec<_> = suite.children().filter(roxmltree::Node::is_element).collect();
        let names: Vec<_> = parts.iter().map(|part| part.tag_name().name()).collect();
        let cases: Vec<_> = parts.iter().filter(|part| part.tag_name().name() == "testcase").collect();
        let around = (&names[..1], &names[names.len() - 2..]);
        assert_eq!(around, (&["properties"][..], &["system-out", "system-err"][..]));
        assert_eq!((number("tests"), cases.len() + 3), (cases.len(), names.len()));
        let with = |name: &str| {
            let has = |case: &&&roxmltree::Node<'_, '_>| case.children().any(|child| child.tag_name().name() == name);
            cases.iter().filter(has).count()
        };
        assert_eq!((number("failures"), number("errors")), (with("failure"), with("error")));
        let unique: BTreeSet<_> = cases.iter().map(|case| case.attribute("name").unwrap()).collect();
        assert_eq!(unique.len(), cases.len());
        assert!(cases.iter().all(|case| case.attribute("classname").is_some_and(|name| !name.contains('.'))));
    }
}

#[test]
fn junit_has_a_suite_for_each_capture_and_a_test_for_each_rule() {
    let text = report("junit", &[BAD, GOOD]);
    assert_is_junit(&text);
    let document = Document::parse(&text).unwrap();
    let suites: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testsuite")).collect();
    let failures = |at: usize| suites[at].attribute("failures").unwrap();
    assert_eq!((failures(0), failures(1)), ("12", "0"));
    let is_off = |id: &str| id.starts_with("lint.") || id.starts_with("tcp.");
    let rules = mqttsniff::check::Rules::default().iter().filter(|rule| !is_off(&rule.id)).count();
    assert_eq!(suites[1].attribute("tests").unwrap(), (rules + 1).to_string());
    let failure = document
        .descendants()
        .find(|node| node.has_tag_name("failure") && node.attribute("type") == Some("mqtt.publish-qos-3"))
        .unwrap();
    assert!(failure.text().unwrap().contains("[MQTT-3.3.1-4], frame 50, flow 47, client m: the QoS is 3"));
    // A rule that is off did not run.
    let text = report("junit", &[GOOD, "--rule", "mqtt.publish-qos-3=off"]);
    assert!(!text.contains("mqtt.publish-qos-3"));
    // What is not bad enough for a failure is told all the same.
    let text = report("junit", &[BAD, "--rule", "*=note"]);
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("failure")).count(), 0);
    let told = document.descendants().find(|node| node.has_tag_name("system-out")).unwrap();
    let lines = told.text().unwrap().lines();
    assert_eq!(lines.filter(|line| line.contains("mqtt.")).count(), 12);
}

#[test]
fn a_capture_that_was_not_read_is_an_error_in_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixtures().join("mqtt5_qos.pcap")).unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    let out = |format: &str| {
        let option = format!("{format}=-");
        let output = check(&[cut.to_str().unwrap(), "nowhere.pcap", "--report", &option]);
        assert_eq!(output.status.code(), Some(2), "{format}");
        stdout(&output).to_owned()
    };
    let junit = out("junit");
    assert_is_junit(&junit);
    let document = Document::parse(&junit).unwrap();
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("error")).count(), 2);
    let last = document.descendants().rfind(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!(last.attribute("tests"), Some("1"), "no rule ran on what was not read");
    let sarif: Value = serde_json::from_str(&out("sarif")).unwrap();
    assert_is_sarif(&sarif);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 2);
    let gitlab: Value = serde_json::from_str(&out("gitlab")).unwrap();
    assert_eq!((gitlab.as_array().unwrap().len(), &gitlab[0]["severity"]), (2, &json!("blocker")));
    assert_eq!(out("github").matches("title=capture not read to its end::").count(), 2);
    assert!(out("markdown").starts_with("## mqttsniff check: incomplete\n"));
}

/// What SARIF 2.1.0 demands of the parts that are written, and nothing that it does not have (sections 3.13 to 3.52).
fn sarif_schema() -> Value {
    let text = json!({"type": "object", "additionalProperties": false, "required": ["text"],
        "properties": {"text": {"type": "string", "minLength": 1}}});
    let level = json!({"enum": ["error", "warning", "note"]});
    let artifact = json!({"type": "object", "additionalProperties": false, "required": ["uri"],
        "properties": {"uri": {"type": "string", "format": "uri-reference"}, "index": {"type": "integer", "minimum": 0}}});
    let location = json!({"type": "object", "additionalProperties": false, "required": ["physicalLocation"], "properties": {
        "physicalLocation": {"type": "object", "additionalProperties": false, "required": ["artifactLocation"],
            "properties": {"artifactLocation": artifact,
                "region": {"type": "object", "additionalProperties": false, "required": ["startLine"],
                    "properties": {"startLine": {"type": "integer", "minimum": 1}}}}},
        "logicalLocations": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "kind": {"type": "string"}}}}}});
    let rule = json!({"type": "object", "additionalProperties": false,
        "required": ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration"],
        "properties": {"id": {"type": "string"}, "shortDescription": text, "fullDescription": text, "help": text,
            "helpUri": {"type": "string", "format": "uri"}, "properties": {"type": "object"},
            "defaultConfiguration": {"type": "object", "additionalProperties": false,
                "properties": {"enabled": {"type": "boolean"}, "level": level}}}});
    let result = json!({"type": "object", "additionalProperties": false,
        "required": ["message", "ruleId", "ruleIndex", "level", "locations", "partialFingerprints"],
        "properties": {"ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0}, "level": level,
            "message": text, "locations": {"type": "array", "minItems": 1, "maxItems": 1, "items": location},
            "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
            "properties": {"type": "object"}}});
    let notification = json!({"type": "object", "additionalProperties": false, "required": ["message"],
        "properties": {"message": text, "level": level, "locations": {"type": "array", "items": location}}});
    let invocation = json!({"type": "object", "additionalProperties": false, "required": ["executionSuccessful"],
        "properties": {"executionSuccessful": {"type": "boolean"},
            "toolExecutionNotifications": {"type": "array", "items": notification}}});
    let driver = json!({"type": "object", "additionalProperties": false, "required": ["name"],
        "properties": {"name": {"const": "mqttsniff"}, "version": {"type": "string"},
            "semanticVersion": {"type": "string"},
            "rules": {"type": "array", "uniqueItems": true, "items": rule}}});
    let run = json!({"type": "object", "additionalProperties": false, "required": ["tool", "results"], "properties": {
        "tool": {"type": "object", "additionalProperties": false, "required": ["driver"], "properties": {"driver": driver}},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "invocations": {"type": "array", "items": invocation},
        "artifacts": {"type": "array", "uniqueItems": true, "items": {"type": "object", "additionalProperties": false,
            "properties": {"location": artifact}}},
        "results": {"type": "array", "items": result}}});
    json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["version", "runs"], "properties": {"$schema": {"type": "string", "format": "uri"},
            "version": {"const": "2.1.0"}, "runs": {"type": "array", "minItems": 1, "items": run}}})
}

#[track_caller]
fn assert_is_sarif(log: &Value) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("sarif.json", sarif_schema()).unwrap();
    let index = compiler.compile("sarif.json", &mut schemas).unwrap();
    schemas.validate(log, index).unwrap_or_else(|error| panic!("{error:#}"));
    let run = &log["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"], "the index leads to the rule");
    }
}

#[test]
fn every_fixture_gives_valid_reports() {
    let mut findings = 0;
    for path in captures() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let mut command = mqttsniff();
        command.arg("check").arg(&path).args(["--format", "json", "--fail-on", "note"]);
        for format in ["junit", "sarif", "gitlab"] {
            command.arg("--report").arg(format!("{format}={}", file(format).display()));
        }
        let output = command.output().unwrap();
        let verdict = lines(&output).pop().unwrap();
        let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
        assert_is_junit(&text("junit"));
        let sarif: Value = serde_json::from_str(&text("sarif")).unwrap();
        assert_is_sarif(&sarif);
        let gitlab: Value = serde_json::from_str(&text("gitlab")).unwrap();
        let entries = gitlab.as_array().unwrap();
        let unique: BTreeSet<_> = entries.iter().map(|entry| entry["fingerprint"].as_str().unwrap()).collect();
        assert_eq!(unique.len(), entries.len(), "{}", path.display());
        let count: u64 = verdict["findings"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len() as u64, count, "{}", path.display());
        findings += count;
    }
    assert!(findings > 50, "{findings}");
}

#[test]
fn sarif_names_rule_place_and_client() {
    let log = report_json("sarif", &[BAD]);
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == "mqtt.publish-qos-3").unwrap();
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0];
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], BAD);
    assert_eq!(place["physicalLocation"]["region"]["startLine"], 50);
    let logical = json!([{"name": "flow 47", "kind": "flow"}, {"name": "client m", "kind": "client"}]);
    assert_eq!(place["logicalLocations"], logical);
    assert_eq!(result["properties"]["frames"], json!([50]));
    assert_eq!(result["properties"]["certainty"], "certain");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "mqtt.publish-qos-3").unwrap();
    assert!(rule["helpUri"].as_str().unwrap().starts_with("https://docs.oasis-open.org/mqtt/mqtt/v5.0/"));
    assert!(rule["fullDescription"]["text"].as_str().unwrap().contains("MQTT 3.1.1: MQTT-3.3.1-4."));
}

#[test]
fn text_from_the_wire_is_text_in_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = evil(folder.path());
    for format in FORMATS {
        let text = report(format, &[&path]);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{format}: {text:?}");
        assert!(!text.contains('\u{202e}'), "{format}");
    }
    assert_is_junit(&report("junit", &[&path]));
    assert_is_sarif(&report_json("sarif", &[&path]));
    let github = report("github", &[&path]);
    assert_eq!(github.lines().filter(|line| line.starts_with("::")).count(), 2, "{github}");
    assert!(github.contains("evil%2Cname%3A1 <x>.pcap,line="), "{github}");
    let markdown = report("markdown", &[&path]);
    assert!(!markdown.contains("<b>") && !markdown.contains("@all") && !markdown.contains("| `"), "{markdown}");
    let rows: Vec<_> = markdown.lines().filter(|line| line.starts_with("| **error**")).collect();
    let bars = rows[0].replace("\\|", "").matches('|').count();
    assert_eq!((rows.len(), bars), (1, 6), "{markdown}");
}

/// What is escaped twice can't be told from a topic that has backslashes.
#[test]
fn text_from_the_wire_is_escaped_once_in_every_report() {
    for format in FORMATS {
        // JSON and Markdown have an escape of their own, a backslash as well.
        let doubled = !["text", "junit", "github"].contains(&format);
        let (once, twice) = if doubled { (r"topic \\xff\\xfe", r"\\\xff") } else { (r"topic \xff\xfe", r"\\xff") };
        let output = common::run(["check", BAD, "--report", &format!("{format}=-")]);
        let text = stdout(&output);
        assert!(text.contains(once) && !text.contains(twice), "{format}: {text}");
    }
}

/// An assertion that something is there has no frame to show when it is not.
#[test]
fn a_finding_without_a_frame_is_told_in_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(
        &rules,
        "[[assert]]\nname = 'x'\nwhere = 'mqtt.msgtype == AUTH'\nexpect = ['count > 0', 'count > 1']\n\
        [[assert]]\nname = 'y'\nwhere = 'mqtt.msgtype == AUTH'\nnone = 'mqtt'\nrequire = true\n",
    )
    .unwrap();
    let arguments = [GOOD, "--assert", rules.to_str().unwrap()];
    for format in FORMATS {
        let text = report(format, &arguments);
        assert!(text.contains("does not hold"), "{format}: {text}");
        assert!(!text.contains("frame 0") && !text.contains("()"), "{format}: {text}");
        assert!(text.lines().all(|line| line == line.trim_end()), "{format}: {text}");
    }
    assert!(report("text", &arguments).contains("\n           and 1 more\n"));
    let github = report("github", &arguments);
    assert!(github.contains("title=assert.y::") && !github.contains("title=assert.y::: "), "{github}");
    assert_is_junit(&report("junit", &arguments));
    assert_is_sarif(&report_json("sarif", &arguments));
    assert!(
        report_json("gitlab", &arguments)
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["location"]["lines"]["begin"] == 1)
    );
}

#[test]
fn a_client_without_a_name_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.pcap");
    Connection::open().client(&connect(2, b"", &[])).server(&CONNACK).client(&publish(b"a/#", b"x")).save(&path);
    let text = report("text", &[path.to_str().unwrap()]);
    assert!(text.contains("flow 1, client (empty)\n"), "{text}");
    let output = common::run(["flow", path.to_str().unwrap()]);
    assert!(stdout(&output).contains("client id (empty)"), "{}", stdout(&output));
}

/// The same traffic captured another day: other ports, times and frame numbers, with right checksums.
fn another_day(capture: &[u8], server_port: u16) -> Vec<u8> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    let mut out = capture[..24].to_vec();
    // A frame that was not there: ARP, so that it belongs to no flow.
    let mut arp = vec![0xff; 12];
    arp.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend([0; 20]);
    for number in [word(24) + 86_000, 7, arp.len() as u32, arp.len() as u32] {
        out.extend(number.to_le_bytes());
    }
    out.extend(&arp);
    let mut at = 24;
    while at < capture.len() {
        let length = word(at + 8) as usize;
        let mut frame = capture[at + 16..at + 16 + length].to_vec();
        out.extend((word(at) + 86_400).to_le_bytes());
        out.extend(&capture[at + 4..at + 16]);
        if frame[12..14] == [8, 0] && frame[23] == 6 {
            let tcp = 14 + usize::from(frame[14] & 15) * 4;
            for port in [tcp, tcp + 2] {
                let old = u16::from_be_bytes([frame[port], frame[port + 1]]);
                let new = if old == 1883 { server_port } else { old ^ 0x0155 };
                frame[port..port + 2].copy_from_slice(&new.to_be_bytes());
                // RFC 1624: HC' = ~(~HC + ~m + m').
                let sum = u16::from_be_bytes([frame[tcp + 16], frame[tcp + 17]]);
                let mut sum = u32::from(!sum) + u32::from(!old) + u32::from(new);
                sum = (sum & 0xffff) + (sum >> 16);
                sum = (sum & 0xffff) + (sum >> 16);
                frame[tcp + 16..tcp + 18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
            }
        }
        out.extend(frame);
        at += 16 + length;
    }
    out
}

#[test]
fn a_baseline_knows_the_same_traffic_of_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (known, other) = (file("known.json"), file("other.pcap"));
    // What does not begin with CONNECT is MQTT on its own port only.
    for (fixture, server_port) in
        [("malformed.pcap", 1883), ("lab/v5_flow_control.pcap", 21_883), ("vectors/L_qos2dup.pcap", 40_000)]
    {
        let path = format!("fixtures/{fixture}");
        let _ = std::fs::remove_file(&known);
        std::fs::write(&other, another_day(&std::fs::read(fixtures().join(fixture)).unwrap(), server_port)).unwrap();
        let frames = |path: &str| {
            let records = lines(&check(&[path, "--format", "json"]));
            let findings = common::of(&records, "finding");
            findings
                .iter()
                .map(|finding| (finding["id"].to_string(), finding["frames"].to_string()))
                .collect::<Vec<_>>()
        };
        let (then, now) = (frames(&path), frames(&other));
        assert!(!then.is_empty() && then.len() == now.len(), "{fixture}: {then:?} {now:?}");
        assert!(then.iter().zip(&now).all(|(then, now)| then.0 == now.0 && then.1 != now.1), "{fixture}");
        // Written from one, it knows all of the other.
        let output = check(&[&path, "--baseline", &known, "--update-baseline", "--fail-on", "note"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let written = std::fs::read_to_string(&known).unwrap();
        let output = check(&[&other, "--baseline", &known, "--fail-on", "note"]);
        assert_eq!(output.status.code(), Some(0), "{fixture}: {}", stdout(&output));
        assert!(stdout(&output).contains(&format!("known: {} (baseline)\n", then.len())), "{}", stdout(&output));
        assert!(stdout(&output).ends_with("nothing new found in 1 capture\n"), "{}", stdout(&output));
        // And written from the other it is the same, byte by byte.
        check(&[&other, "--baseline", &known, "--update-baseline"]);
        assert_eq!(std::fs::read_to_string(&known).unwrap(), written, "{fixture}");
        // So are the fingerprints by which GitHub and GitLab know findings again.
        let prints = |path: &str| {
            let log = report_json("sarif", &[path]);
            let results = log["runs"][0]["results"].as_array().unwrap().clone();
            results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(prints(&path), prints(&other), "{fixture}");
        assert_eq!(prints(&path).len(), then.len(), "{fixture}: each has its own");
    }
}

#[test]
fn what_the_baseline_does_not_know_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let known = file("known.json");
    let traffic = |name: &str, times: usize| {
        let hello = Connection::open().client(&connect(2, b"pub", &[])).server(&CONNACK);
        (0..times).fold(hello, |connection, _| connection.client(&publish(b"a/+", b"x"))).save(Path::new(&file(name)));
        file(name)
    };
    let (three, five, one) = (traffic("three.pcap", 3), traffic("five.pcap", 5), traffic("one.pcap", 1));
    assert_eq!(check(&[&three, "--baseline", &known, "--update-baseline"]).status.code(), Some(0));
    assert_eq!(check(&[&three, "--baseline", &known]).status.code(), Some(0));
    // More of a kind than there were.
    let output = check(&[&five, "--baseline", &known]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("known: 3 (baseline)\n"), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("check failed: 2 new errors in 1 capture\n"), "{}", stdout(&output));
    assert_eq!(report_json("sarif", &[&five, "--baseline", &known])["runs"][0]["results"].as_array().unwrap().len(), 2);
    // Fewer of a kind than there were: good news.
    let output = check(&[&one, "--baseline", &known]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("note: 2 of the baseline occur no more:\n  2× mqtt.topic-wildcard"));
    let verdict = lines(&check(&[&one, "--baseline", &known, "--format", "json"])).pop().unwrap();
    assert_eq!((&verdict["known"], &verdict["gone"][0]["count"]), (&json!(1), &json!(2)));
    // Of another kind.
    let output = check(&[BAD, "--baseline", &known]);
    assert!(stdout(&output).ends_with("check failed: 12 new errors in 1 capture\n"), "{}", stdout(&output));
    // Several captures are known together.
    let output = check(&[&one, &three, "--baseline", &known]);
    assert!(stdout(&output).contains("check failed: 1 new error in 2 captures"));
}

#[test]
fn a_baseline_is_sorted_json_with_a_version() {
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known.json");
    check(&[BAD, "--baseline", known.to_str().unwrap(), "--update-baseline"]);
    let file: Value = serde_json::from_str(&std::fs::read_to_string(&known).unwrap()).unwrap();
    assert_eq!(file["mqttsniff_baseline"], 1);
    let entries = file["findings"].as_array().unwrap();
    assert_eq!(entries.len(), 12);
    let rules: Vec<_> = entries.iter().map(|entry| entry["rule"].as_str().unwrap()).collect();
    assert!(rules.is_sorted(), "{rules:?}");
    let by_rule: BTreeMap<_, _> = entries.iter().map(|entry| (entry["rule"].as_str().unwrap(), entry)).collect();
    let expected = json!({"rule": "mqtt.publish-qos-3", "clause": "MQTT-3.3.1-4", "client_id": "m",
        "message": "the QoS is # (client's PUBLISH, byte #)", "count": 1});
    assert_eq!(by_rule["mqtt.publish-qos-3"], &expected);
    assert_eq!(by_rule["mqtt.no-connect-first"]["service"], "mqtt");
}

#[test]
fn a_baseline_that_can_not_be_used_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known.json");
    let arguments = [BAD, "--baseline", known.to_str().unwrap()];
    let output = check(&arguments);
    assert_eq!(output.status.code(), Some(2), "it is not there");
    assert!(stderr(&output).contains("--update-baseline writes it"), "{}", stderr(&output));
    for (text, place) in [
        ("{\n  \"mqttsniff_baseline\": 1,\n  oops\n}", "line 3, column 3"),
        ("[]", "line 1, column "),
        ("{\"mqttsniff_baseline\": 99, \"findings\": []}", "version 99"),
    ] {
        std::fs::write(&known, text).unwrap();
        for more in [&[][..], &["--update-baseline"]] {
            let output = check(&[&arguments, more].concat());
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(stderr(&output).contains(place), "{text}: {}", stderr(&output));
            assert_eq!(std::fs::read_to_string(&known).unwrap(), text, "it is left as it is");
        }
    }
    assert_eq!(check(&[BAD, "--update-baseline"]).status.code(), Some(2), "of which file?");
}

#[test]
fn an_incomplete_check_writes_no_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known.json");
    let arguments = [BAD, "nowhere.pcap", "--baseline", known.to_str().unwrap(), "--update-baseline"];
    assert_eq!(check(&arguments).status.code(), Some(2));
    assert!(!known.exists());
}
