//! Findings against what the endpoints' kernels recorded.

use super::*;

/// What the laboratory knows of a scenario.
struct Truth {
    name: String,
    retransmissions: u64,
    zero_windows: u64,
    resets: u64,
    /// Packets were lost on their way.
    lossy: bool,
}

fn truths() -> Vec<Truth> {
    let mut all = Vec::new();
    let mut paths: Vec<_> =
        std::fs::read_dir(fixtures().join("lab")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let file = path.file_name().unwrap().to_str().unwrap();
        let Some(name) = file.strip_suffix(".truth.json") else { continue };
        if !path.with_file_name(format!("{name}.pcap")).exists() {
            continue;
        }
        let truth: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let flows = truth["flows"].as_array().unwrap();
        let sides = flows.iter().flat_map(|flow| flow["directions"].as_object().unwrap().values());
        let sum = |pointer: &str| sides.clone().filter_map(|side| side.pointer(pointer)?.as_u64()).sum::<u64>();
        let length =
            |key: &str| flows.iter().filter_map(|flow| flow[key].as_array()).map(Vec::len).sum::<usize>() as u64;
        all.push(Truth {
            name: name.to_owned(),
            retransmissions: sum("/retransmits_visible"),
            zero_windows: sum("/zero_windows"),
            resets: length("resets"),
            lossy: sides.clone().any(|side| side["packets_sent"] != side["packets_delivered"]),
        });
    }
    assert!(all.len() > 50, "the truth is there");
    all
}

fn of_capture(name: &str) -> Vec<Finding> {
    let mut analysis = Analysis::open(&[fixtures().join("lab").join(format!("{name}.pcap"))]).unwrap();
    analysis.check(CheckOptions { lints: false, ..CheckOptions::all() });
    let mut findings = Vec::new();
    analysis.run(&mut |output: &Output<'_>| {
        if let Output::Finding(finding) = output {
            findings.push((*finding).clone());
        }
    });
    findings.retain(|finding| health::RULES.iter().any(|rule| rule.id == finding.id));
    findings
}

#[test]
fn what_the_kernels_did_is_told_and_nothing_else() {
    const AGAIN: [&str; 4] =
        ["tcp.retransmission", "tcp.handshake-retransmission", "tcp.handshake-incomplete", "tcp.unanswered"];
    let mut told = [0; 3];
    for truth in truths() {
        let findings = of_capture(&truth.name);
        let any = |ids: &[&str]| findings.iter().any(|finding| ids.contains(&finding.id.as_str()));
        assert_eq!(any(&AGAIN), truth.retransmissions > 0, "{}: sent again: {findings:?}", truth.name);
        assert_eq!(any(&["tcp.zero-window"]), truth.zero_windows > 0, "{}: windows: {findings:?}", truth.name);
        // A kernel sends a RST also for what comes after a connection is over, which harms nobody.
        let reset = any(&["tcp.reset", "tcp.refused"]);
        assert!(truth.resets > 0 || !reset, "{}: resets: {findings:?}", truth.name);
        let calm = truth.retransmissions + truth.zero_windows + truth.resets == 0 && !truth.lossy;
        let worst = findings.iter().map(|finding| finding.severity).max();
        assert!(!calm || worst < Some(Warning), "{} is well: {findings:?}", truth.name);
        told[0] += usize::from(any(&AGAIN));
        told[1] += usize::from(any(&["tcp.zero-window"]));
        told[2] += usize::from(reset);
    }
    assert_eq!(told, [18, 1, 7], "each kind is there");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_captures_make_no_rule_fail(changes in proptest::collection::vec((0.0..1.0f64, 0u8..=255), 1..60)) {
        let mut bytes = std::fs::read(fixtures().join("lab/mqtt_mess.pcap")).unwrap();
        let length = bytes.len();
        for (place, value) in changes {
            // Behind the header of the file; a record that can't be read ends it, which is a case as well.
            bytes[24 + (place * (length - 25) as f64) as usize] = value;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let mut analysis = Analysis::open(&[file.path()]).unwrap();
        analysis.check(CheckOptions::all());
        analysis.follow_sessions(mqttsniff::session::SessionOptions {
            routes: true,
            ..mqttsniff::session::SessionOptions::default()
        });
        analysis.run(&mut |output: &Output<'_>| {
            if let Output::Finding(finding) = output {
                let judged = finding.id.starts_with("mqtt.") || finding.severity < Severity::Error;
                assert!(judged, "{finding:?}");
                assert!(finding.frames.len() <= 64, "{finding:?}");
            }
        });
    }
}

#[test]
fn every_rule_of_the_table_is_documented_once() {
    let ids: BTreeSet<_> = health::RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), health::RULES.len());
    for rule in health::RULES {
        assert!(rule.severity < Severity::Error, "{}: trouble of a network is no error", rule.id);
        assert!(!rule.why.is_empty() && !rule.how.is_empty() && !rule.excuse.is_empty(), "{}", rule.id);
    }
}
