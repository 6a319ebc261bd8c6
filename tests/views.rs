//! Views as separated values, sorted and limited.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;

use common::craft::{CONNACK, Connection, connect};
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
        (&["--show", "flows", "--sort", "client_id"], "it has flow"),
        (&["--show", "packets,flows", "--sort", "length"], "it has flow"),
        (&["--sort", "published"], "--show topics"),
        (&["--sort", "nothing"], "no view has a column"),
        (&["--sort", "flow:up"], "asc or desc"),
    ] {
        let output = mqttsniff().arg("read").args(arguments).arg(fixtures().join("mqtt5_qos.pcap")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(hint), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// What is printed for people, without a terminal.
fn shown(capture: &str, arguments: &[&str]) -> String {
    let output = mqttsniff().arg("read").args(arguments).arg(fixtures().join(capture)).output().unwrap();
    assert_eq!(stderr(&output), "", "{arguments:?}");
    stdout(&output).to_owned()
}

#[test]
fn lists_of_lines_are_sorted_as_separated_values_are() {
    for (view, column) in [
        ("packets", "length"),
        ("packets", "length:desc"),
        ("messages", "type"),
        ("messages", "topic:desc"),
        ("deliveries", "latency_s:desc"),
        ("deliveries", "topic"),
    ] {
        for more in [&[][..], &["--limit", "3"], &["--filter", "mqtt"]] {
            let arguments = [&["--show", view, "--sort", column], more].concat();
            let values = rows(&fixtures().join("mqtt5_qos.pcap"), &arguments);
            let frames: Vec<_> = values[1..].iter().map(|row| row[0].clone()).collect();
            let text = shown("mqtt5_qos.pcap", &arguments);
            let lines = text.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("  and "));
            let told: Vec<_> = lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
            assert!(told.len() > 1 && told == frames, "{arguments:?}: {frames:?}\n{text}");
        }
    }
}

#[test]
fn rows_that_wait_for_no_frame_are_not_taken_back_with_those_that_do() {
    for capture in ["mqtt5_qos.pcap", "malformed.pcap", "lab/persistent_session.pcap"] {
        for filter in ["mqtt.msgtype == 1", "mqtt.msgtype == 3", "tcp.flags.syn == 1"] {
            for (view, column) in [("deliveries", "topic"), ("findings", "severity")] {
                let arguments = ["--show", view, "--filter", filter];
                let read = |more: &[&str]| {
                    let output =
                        mqttsniff().arg("read").args(arguments).args(more).arg(fixtures().join(capture)).output();
                    stdout(&output.unwrap()).to_owned()
                };
                let csv = |more: &[&str]| {
                    let mut rows: Vec<_> =
                        read(&[&["--format", "csv"], more].concat()).lines().map(str::to_owned).collect();
                    assert!(!rows.is_empty(), "the titles");
                    rows[1..].sort();
                    rows
                };
                let all = csv(&[]);
                let told = format!("{arguments:?} {capture}");
                assert_eq!(read(&["--json"]).lines().count(), all.len(), "{told}");
                assert_eq!(csv(&["--sort", column]), all, "{told}");
                assert_eq!(csv(&["--limit", "2"]).len(), all.len().min(3), "{told}");
                if view == "deliveries" && all.len() > 1 {
                    let lines = |more: &[&str]| {
                        read(more).lines().filter(|line| !line.is_empty() && !line.starts_with("  and ")).count()
                    };
                    assert_eq!([lines(&[]), lines(&["--sort", column])], [all.len(); 2], "{told}");
                    assert_eq!(lines(&["--limit", "2"]), all.len().min(3), "{told}");
                }
            }
        }
    }
}

#[test]
fn a_list_of_lines_that_is_cut_says_how_many_more_there_are() {
    let text = shown("mqtt5_qos.pcap", &["--show", "messages", "--limit", "2"]);
    assert!(text.contains("\n  and 50 more; `--json` lists all\n"), "{text}");
    let text = shown("mqtt5_qos.pcap", &["--show", "messages", "--limit", "2", "--sort", "frame"]);
    assert!(text.contains("\n  and 50 more; `--json` lists all\n"), "{text}");
    let text = shown("mqtt5_qos.pcap", &["--columns", "frame.number", "--limit", "2"]);
    assert!(text.contains("\n  and 75 more; `--json` lists all\n"), "{text}");
    let text = shown("mqtt5_qos.pcap", &["--show", "packets,messages", "--limit", "2"]);
    assert!(text.contains("\n  and 75 more packets; `--json` lists all\n  and 50 more messages; `--json`"), "{text}");
    // A table that is sorted does not have what goes on beside it wait: the messages have no such column.
    let messages = |arguments: &[&str]| {
        let text = shown("mqtt5_qos.pcap", &[&["--show", "flows", "--detail"], arguments].concat());
        text.split("\nFlows\n").next().unwrap().to_owned()
    };
    assert_eq!(messages(&["--sort", "client"]), messages(&[]));
    let text = shown("mqtt5_qos.pcap", &["--show", "messages", "--limit", "52"]);
    assert!(!text.contains("more;"), "{text}");
}

#[test]
fn what_is_asked_for_and_not_there_is_told_as_none() {
    for view in ["packets", "messages", "sessions", "deliveries", "flows", "findings", "neighbours"] {
        let none = shown("mqtt5_qos.pcap", &["--show", view, "--filter", "frame.number > 1000"]);
        assert!(none.contains("\n  none\n"), "{view}: {none}");
        let limited = shown(
            "mqtt5_qos.pcap",
            &[
                "--show",
                view,
                "--filter",
                "frame.number > 1000",
                "--sort",
                match view {
                    "findings" => "id",
                    _ => "flow",
                },
            ],
        );
        assert!(limited.contains("\n  none\n"), "{view}: {limited}");
    }
    let columns = shown("mqtt5_qos.pcap", &["--columns", "Topic=mqtt.topic", "--filter", "frame.number > 1000"]);
    assert!(columns.contains("\n  none\n"), "{columns}");
    assert!(!shown("mqtt5_qos.pcap", &[]).contains("none"), "where nobody asks for them, findings are passed over");
}

#[test]
fn each_list_has_its_titles() {
    let text = shown("mqtt5_qos.pcap", &["--show", "packets,messages"]);
    let place = |title: &str| text.lines().position(|line| line.ends_with(title)).unwrap_or_else(|| panic!("{text}"));
    let first = text.lines().position(|line| line.contains("client  CONNECT")).unwrap();
    assert_eq!((place("length  info"), place("from    message") + 1), (0, first), "{text}");
}

#[test]
fn packets_have_room_for_what_is_in_them() {
    for (width, least) in [("60", 8), ("80", 24), ("100", 24), ("160", 60)] {
        let output = mqttsniff()
            .env("COLUMNS", width)
            .args(["read", "--show", "packets", "fixtures/mqtt5_qos.pcap"])
            .output()
            .unwrap();
        let titles = stdout(&output).lines().next().unwrap();
        let info = titles.chars().count() - "info".len();
        assert!(width.parse::<usize>().unwrap() - info >= least, "{width}: {titles}");
    }
}

#[test]
fn the_longest_name_of_a_type_has_a_blank_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unsubscribe.pcap");
    let unsubscribe = [0xa2, 5, 0, 2, 0, 1, b'a'];
    Connection::open().client(&connect(2, b"c", &[])).server(&CONNACK).client(&unsubscribe).save(&path);
    let output = mqttsniff().args(["read", "--show", "messages"]).arg(&path).output().unwrap();
    let text = stdout(&output);
    let column = |what: &str| text.lines().find_map(|line| line.find(what)).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(column("id=2  a"), column("c  3.1.1"), "{text}");
}

#[test]
fn who_asks_for_other_protocols_does_not_miss_mqtt() {
    let output = |arguments: &[&str]| {
        let output =
            mqttsniff().arg("read").args(arguments).arg(fixtures().join("lab/close_3seg.pcap")).output().unwrap();
        stderr(&output).contains("no MQTT was found")
    };
    assert!(output(&[]) && output(&["--show", "messages"]));
    assert!(!output(&["--show", "neighbours"]) && !output(&["--show", "neighbours", "--detail"]));
}
