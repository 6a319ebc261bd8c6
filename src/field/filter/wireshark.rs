//! Against Wireshark 4.0.17: what it accepts, what it refuses, and which frames it selects (`tests/filters/`).

use std::collections::BTreeSet;

use super::testbed::{Table, TestRow, table};
use super::{Filter, FilterError};

/// Filters that Wireshark 4.0 refuses and that have a meaning here.
const ONLY_HERE: &[&str] = &[
    // A constant on the left, as in later versions.
    "1024 < tcp.port < 2000",
    "1883 == tcp.port",
    "1 < tcp.srcport",
    "1 + tcp.flags == 3",
    "1 + 1 == tcp.flags",
    // "Either", as in later versions.
    "mqtt xor tcp",
    "mqtt ^^ tcp",
    // Sets of anything that has a value, with anything in them.
    "tcp.port in {1000 + 883}",
    "tcp.port + 1 in {1884}",
    "mqtt[0] in {30, 20}",
    "len(mqtt.topic) in {5..10}",
    // Its manual has these, and 4.0.17 stumbles over them.
    "mqtt.topic == \"\\u006cab/s1/q0\"",
    "frame.len > '\\n'",
    // A sum may be beyond what the field can have.
    "tcp.srcport + 65000 == 66883",
    // Functions of slices and of functions; integers of several widths in one list.
    "upper(lower(mqtt.topic)) == \"LAB/S1/Q0\"",
    "len(mqtt.topic[0:2]) == 2",
    "max(tcp.port, frame.number) > 1",
    "min(mqtt.msgtype, tcp.port) == 1",
    // A minus sign before braces.
    "-{tcp.port - 1} == -1882",
    "tcp.flags.syn == true",
    "vals(mqtt.msgtype) == \"Publish Message\"",
    "mqtt.topic topic_matches \"lab/+/q0\"",
];

/// Filters that Wireshark accepts and that are refused here.
const ONLY_THERE: &[&str] = &[
    "abs(mqtt.retain) > tcp.flags.syn",
    "ip.addr & 172.29.83.0/24 == 172.29.83.1",
    // Bytes have one separator and two digits each.
    "tcp.payload contains 172.29.83",
    "eth.addr == 02-00-0-00-83-02",
    "frame.time > \"2026-1-21\"",
    // A number is not true or false; the other way round Wireshark refuses it, too.
    "tcp.port == tcp.flags.syn",
    "tcp.flags.syn == 'a'",
    // The length of its own representation.
    "len(tcp.flags.syn) == 1",
    "len(frame.time) == 1",
    "len(frame.time_delta) == 1",
    // A calculated number has no name.
    "mqtt.msgtype + 1 == \"Publish Ack\"",
    // No backtracking, so no look-around and no back references: the time is linear.
    "mqtt.topic matches \"(?=l)lab\"",
    "mqtt.topic matches \"(a)\\\\1\"",
];

/// Filters that select other frames here.
const OTHERWISE: &[&str] = &[
    // There a negative number wraps around where the field has no sign.
    "ip.ttl > -1",
    // There "ip.src" behind "ip.src#2" has the values of the latter.
    "!(ip.src#2 == 10.0.0.1) && ip.src >= 10.0.0.0/8",
    // 4.0.17 finds every address equal behind "&".
    "ipv6.addr & ffff:: == fd00::",
];

struct Case {
    text: &'static str,
    /// The frames that Wireshark selects, by capture; none where it refuses the filter.
    frames: Option<Vec<BTreeSet<usize>>>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../../../tests/filters/tshark.tsv").lines().skip(1);
    let cases = lines.map(|line| {
        let mut parts = line.split('\t');
        let (verdict, text) = (parts.next().unwrap(), parts.next().unwrap());
        Case { text, frames: (verdict == "accept").then(|| parts.map(numbers).collect()) }
    });
    cases.collect()
}

fn numbers(ranges: &str) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    for range in ranges.split(',').filter(|range| *range != "-") {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        out.extend(first.parse().unwrap()..=last.parse::<usize>().unwrap());
    }
    out
}

fn parsed(table: &Table, text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, table)
}

fn selected(filter: &Filter, rows: &[TestRow]) -> BTreeSet<usize> {
    (1..).zip(rows).filter(|(_, row)| filter.matches(*row)).map(|(number, _)| number).collect()
}

#[test]
fn what_wireshark_accepts_is_accepted_and_what_it_refuses_is_refused() {
    let table = table();
    let mut wrong = Vec::new();
    for Case { text, frames } in cases() {
        let here = parsed(&table, text);
        let expected = if ONLY_HERE.contains(&text) {
            assert!(frames.is_none(), "Wireshark accepts it as well: {text}");
            true
        } else if ONLY_THERE.contains(&text) {
            assert!(frames.is_some(), "Wireshark refuses it as well: {text}");
            false
        } else {
            frames.is_some()
        };
        if here.is_ok() != expected {
            wrong.push(format!("{text}: {}", here.err().map_or("accepted".into(), |error| error.to_string())));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_same_frames_are_selected_as_in_wireshark() {
    let table = table();
    let captures = table.rows();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for Case { text, frames } in cases() {
        let (Ok(filter), Some(frames)) = (parsed(&table, text), frames) else { continue };
        compared += 1;
        let mut same = true;
        for ((capture, rows), theirs) in captures.iter().zip(&frames) {
            let ours = selected(&filter, rows);
            same &= ours == *theirs;
            if ours != *theirs && !OTHERWISE.contains(&text) {
                let (more, less): (Vec<_>, Vec<_>) =
                    (ours.difference(theirs).collect(), theirs.difference(&ours).collect());
                wrong.push(format!("{text} ({capture}): {more:?} too many, {less:?} missing"));
            }
        }
        assert!(!(same && OTHERWISE.contains(&text)), "it selects the same frames: {text}");
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 450, "{compared} filters");
}

#[test]
fn their_canonical_text_is_the_same_filter() {
    let table = table();
    let captures = table.rows();
    for Case { text, .. } in cases() {
        let Ok(filter) = parsed(&table, text) else { continue };
        let printed = filter.to_string();
        let again = parsed(&table, &printed).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(again, filter, "{text}");
        assert_eq!(again.to_string(), printed, "{text}");
        for (_, rows) in &captures {
            assert_eq!(selected(&again, rows), selected(&filter, rows), "{text}");
        }
    }
}
