//! Views as separated values, sorted and limited.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;

use common::{captures, fixtures, mqttsniff, of, records, stderr, stdout};
use mqttsniff::render::View;

const VIEWS: [(&str, View, &str); 7] = [
    ("packets", View::Packets, "packet"),
    ("messages", View::Messages, "message"),
    ("flows", View::Flows, "flow"),
    ("sessions", View::Sessions, "session"),
    ("deliveries", View::Deliveries, "delivery"),
    ("topics", View::Topics, "topic"),
    ("findings", View::Findings, "finding"),
];

/// The rows of separated values, the names first. No cell of the fixtures has a tab in it.
fn rows(capture: &std::path::Path, arguments: &[&str]) -> Vec<Vec<String>> {
    let output = mqttsniff().args(["read", "--format", "tsv"]).args(arguments).arg(capture).output().unwrap();
    stdout(&output).lines().map(|line| line.split('\t').map(ToOwned::to_owned).collect()).collect()
}

#[test]
fn each_view_has_a_row_for_each_record_and_each_column_has_values_somewhere() {
    for (name, view, record) in VIEWS {
        let mut filled = BTreeSet::new();
        for capture in captures() {
            let rows = rows(&capture, &["--show", name]);
            let names = rows.first().unwrap();
            assert_eq!(*names, view.columns().collect::<Vec<_>>(), "{}", capture.display());
            let records = records(&capture, &[]);
            assert_eq!(rows.len() - 1, of(&records, record).len(), "{name} {}", capture.display());
            for row in &rows[1..] {
                assert_eq!(row.len(), names.len(), "{row:?}");
                let values = row.iter().zip(names).filter(|(value, _)| !value.is_empty());
                filled.extend(values.map(|(_, name)| name.clone()));
            }
        }
        let never: Vec<_> = view.columns().filter(|column| !filled.contains(*column)).collect();
        assert_eq!(never, Vec::<&str>::new(), "columns of {name} that no fixture fills");
    }
}

#[test]
fn rows_are_sorted_by_value_and_limited() {
    let capture = fixtures().join("lab/paho.pcap");
    let bytes = |arguments: &[&str]| -> Vec<u64> {
        let rows = rows(&capture, &[&["--show", "flows"][..], arguments].concat());
        let at = rows[0].iter().position(|name| name == "client_bytes").unwrap();
        rows[1..].iter().map(|row| row[at].parse().unwrap()).collect()
    };
    let mut expected = bytes(&[]);
    expected.sort_unstable();
    assert!(expected.len() > 1);
    assert_eq!(bytes(&["--sort", "client_bytes"]), expected);
    expected.reverse();
    assert_eq!(bytes(&["--sort", "client_bytes:desc"]), expected);
    assert_eq!(bytes(&["--sort", "client_bytes:desc", "--limit", "1"]), expected[..1]);
    let table = mqttsniff()
        .args(["read", "--show", "flows", "--sort", "client_bytes:desc", "--limit", "1"])
        .arg(&capture)
        .output()
        .unwrap();
    assert!(stdout(&table).contains("  and 1 more"), "{}", stdout(&table));
}

#[test]
fn values_with_separators_are_quoted() {
    let output = mqttsniff()
        .args(["read", "--format", "csv", "--show", "findings"])
        .arg(fixtures().join("malformed.pcap"))
        .output()
        .unwrap();
    let line = stdout(&output).lines().find(|line| line.contains("publish-qos-3")).unwrap();
    assert!(line.ends_with("\"the QoS is 3 (client's PUBLISH, byte 0)\""), "{line}");
}

#[test]
fn what_makes_no_rows_is_refused_with_a_way_out() {
    for (arguments, hint) in [
        (&["--format", "csv", "--show", "flows,sessions"][..], "name one view"),
        (&["--format", "csv", "--show", "summary"], "--json"),
        (&["--format", "csv", "--show", "topics", "--sort", "outcome"], "it has broker"),
        (&["--json", "--sort", "flow"], "--format csv"),
        (&["--sort", "nothing"], "no view has a column"),
        (&["--sort", "flow:up"], "asc or desc"),
    ] {
        let output = mqttsniff().arg("read").args(arguments).arg(fixtures().join("mqtt5_qos.pcap")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(hint), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
