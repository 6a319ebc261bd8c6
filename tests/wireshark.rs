//! What the packet records say in Wireshark's name must be what Wireshark says: by tables for the borders of its
//! rules, and by tshark itself where it is installed.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use common::{captures, fixtures, mqttsniff, run};

/// The flags of each frame that has a TCP segment; what has none is an empty list.
type Flags = BTreeMap<u64, Vec<String>>;

fn packets(file: &Path, options: &[&str]) -> Vec<serde_json::Value> {
    let output = mqttsniff().args(["read", "--json", "--show", "packets"]).args(options).arg(file).output().unwrap();
    let mut records = common::lines(&output);
    records.retain(|record| record["record"] == "packet" && !record["tcp"].is_null());
    records
}

fn ours(file: &Path, rules: &str) -> Flags {
    packets(file, &["--wireshark-rules", rules])
        .iter()
        .map(|record| {
            let names = record["tcp"]["wireshark"].as_array().unwrap();
            let names = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            (record["frame"].as_u64().unwrap(), names)
        })
        .collect()
}

/// A table of the frames that have flags: `7 retransmission,fast_retransmission`.
fn flagged(flags: &Flags) -> Vec<String> {
    flags
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(frame, names)| format!("{frame} {}", names.join(",")))
        .collect()
}

#[track_caller]
fn expect(name: &str, rules: &str, table: &[&str]) {
    let file = fixtures().join("vectors").join(name).with_extension("pcap");
    assert_eq!(flagged(&ours(&file, rules)), table, "{name} by the rules of {rules}");
}

#[test]
fn master_measures_reordering_from_the_peers_last_segment_and_4_0_from_the_highest() {
    expect("M_ooo_ref", "4.0", &["6 lost_segment", "7 out_of_order"]);
    expect("M_ooo_ref", "master", &["6 lost_segment", "7 retransmission"]);
    expect("P_29", "4.0", &["3 lost_segment", "4 out_of_order"]);
    expect("P_29", "master", &["3 lost_segment", "4 retransmission"]);
}

#[test]
fn without_a_round_trip_three_milliseconds_part_reordering_from_retransmission() {
    expect("P_31", "4.0", &["3 lost_segment", "4 retransmission"]);
    expect("P_31", "master", &["3 lost_segment", "4 retransmission"]);
}

#[test]
fn master_never_calls_a_segment_out_of_order_that_was_seen_before() {
    expect("N_seen", "4.0", &["6 out_of_order"]);
    expect("N_seen", "master", &["6 retransmission"]);
}

#[test]
fn a_retransmission_is_fast_for_twenty_milliseconds_after_duplicate_acknowledgements() {
    let before = ["6 lost_segment", "7 duplicate_ack", "9 duplicate_ack", "11 duplicate_ack"];
    let with = |last| [&before[..], &[last]].concat();
    for rules in ["4.0", "master"] {
        expect("O_fast1", rules, &with("12 retransmission,fast_retransmission"));
        expect("O_fast30", rules, &with("12 retransmission"));
    }
}

#[test]
fn windows_probes_keep_alives_and_used_ports_are_told_as_wireshark_tells_them() {
    let both = [
        "4 window_full",
        "5 zero_window",
        "6 zero_window_probe",
        "7 zero_window,zero_window_probe_ack",
        "8 window_update",
        "11 keep_alive",
        "12 keep_alive_ack",
        "13 retransmission,spurious_retransmission",
        "14 ack_lost_segment",
    ];
    let with = |last: &[&'static str]| [&both[..], last].concat();
    // The connection begins anew with the same number after RST: 4.0 does not see that.
    expect("Z_flags", "4.0", &with(&["16 out_of_order", "17 retransmission", "19 reused_ports"]));
    expect("Z_flags", "master", &with(&["16 reused_ports", "19 reused_ports"]));
}

#[test]
fn new_bytes_in_a_retransmission_count_as_not_captured() {
    for rules in ["4.0", "master"] {
        expect("R_repack", rules, &["7 retransmission", "8 ack_lost_segment"]);
    }
}

#[test]
fn arbitrary_segments_cut_to_their_headers_get_the_flags_that_tshark_4_0_gave_them() {
    let table = std::fs::read_to_string(fixtures().join("vectors/W_random.4.0.tsv")).unwrap();
    let table: Vec<_> =
        table.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace('\t', " ")).collect();
    assert!(table.len() > 200);
    assert_eq!(flagged(&ours(&fixtures().join("vectors/W_random.pcap"), "4.0")), table);
}

#[test]
fn the_rules_of_master_are_the_default() {
    let file = fixtures().join("vectors/M_ooo_ref.pcap");
    assert_eq!(packets(&file, &[]), packets(&file, &["--wireshark-rules", "master"]));
    assert_ne!(packets(&file, &[]), packets(&file, &["--wireshark-rules", "4.0"]));
}

#[test]
fn the_numbers_behind_the_flags_are_there() {
    let records = packets(&fixtures().join("vectors/O_fast30.pcap"), &["--wireshark-rules", "4.0"]);
    let values = |frame: usize| records[frame - 1]["tcp"]["wireshark_values"].clone();
    assert!(values(1).is_null());
    assert_eq!(values(3), serde_json::json!({ "acks_frame": 2, "ack_rtt_s": 0.001, "initial_rtt_s": 0.002 }));
    assert_eq!(values(11)["duplicate_ack_num"], 3);
    assert_eq!(values(11)["duplicate_ack_frame"], 5);
    assert_eq!(values(10)["bytes_in_flight"], 300);
    assert_eq!((&values(12)["rto_s"], &values(12)["rto_frame"]), (&0.0305.into(), &6.into()));
}

const FIELDS: [&str; 18] = [
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "out_of_order",
    "lost_segment",
    "ack_lost_segment",
    "duplicate_ack",
    "keep_alive",
    "keep_alive_ack",
    "zero_window",
    "zero_window_probe",
    "zero_window_probe_ack",
    "window_update",
    "window_full",
    "reused_ports",
    "tfo_syn",
    "tfo_ack",
    "tfo_ignored",
];

#[test]
fn the_schema_names_the_fields_that_are_compared() {
    let schema: serde_json::Value = serde_json::from_slice(&run(["schema"]).stdout).unwrap();
    let named = &schema["$defs"]["packet"]["properties"]["tcp"]["properties"]["wireshark"]["items"]["enum"];
    assert_eq!(*named, serde_json::json!(FIELDS));
}

fn tshark(file: &Path) -> Flags {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-e", "frame.number"]);
    for field in FIELDS {
        command.args(["-e", &format!("tcp.analysis.{field}")]);
    }
    let output = command.env("HOME", "/nonexistent").output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| {
            let mut columns = line.split('\t');
            let frame = columns.next().unwrap().parse().unwrap();
            let set = FIELDS.iter().zip(columns).filter(|(_, value)| !value.is_empty());
            (frame, set.map(|(name, _)| (*name).to_owned()).collect())
        })
        .collect()
}

#[test]
fn every_segment_of_every_fixture_gets_the_flags_of_the_tshark_installed_here() {
    let version = Command::new("tshark").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if !version.contains(" 4.0.") {
        eprintln!("skipped: tshark 4.0 is not installed, so that its flags can't be compared with ours");
        return;
    }
    // Starting tshark takes most of the time.
    let files = captures();
    let compared: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(4));
        let threads: Vec<_> =
            parts.map(|part| scope.spawn(|| part.iter().map(|file| compare(file)).collect())).collect();
        threads.into_iter().flat_map(|thread| -> Vec<_> { thread.join().unwrap() }).collect()
    });
    let frames: usize = compared.iter().map(|(frames, _)| frames).sum();
    let different: Vec<_> = compared.iter().flat_map(|(_, different)| different).collect();
    // A damaged capture may hold a frame that the two decode otherwise, but no rule may differ.
    assert!(frames > 4000 && different.len() * 200 <= frames, "{} of {frames}: {different:#?}", different.len());
}

/// How many frames of a capture have TCP for tshark, and those among them of which the flags differ.
fn compare(file: &Path) -> (usize, Vec<String>) {
    let (theirs, ours) = (tshark(file), ours(file, "4.0"));
    let different = theirs.iter().filter(|(frame, flags)| ours.get(frame) != Some(flags));
    let different =
        different.map(|(frame, flags)| format!("{} {frame}: {flags:?}, ours {:?}", file.display(), ours.get(frame)));
    (theirs.len(), different.collect())
}
