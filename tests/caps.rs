//! Caps on what is held: each can be set, and its effect is told as it happens and counted at the end.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::craft::{CONNACK, Connection, connect, packet, publish, text};
use common::{captures, lines, pcap, run, stderr};

/// Runs `read` with a cap over every fixture; gives how often the cap had an effect, and how many findings told it.
fn effect(cap: &str, name: &str, id: &str) -> (u64, u64) {
    let (mut counted, mut told) = (0, 0);
    for path in captures() {
        let path = path.to_str().expect("a name in Unicode");
        let shown = "topics,deliveries,findings,summary";
        for record in lines(&run(["read", "--json", "--show", shown, "--cap", cap, path])) {
            match record["record"].as_str() {
                Some("finding") if record["id"] == id => told += 1,
                Some("summary") => counted += record["losses"]["capped_by"][name].as_u64().unwrap_or(0),
                _ => {}
            }
        }
    }
    (counted, told)
}

#[test]
fn each_cap_has_an_effect_that_is_told_and_counted() {
    for (cap, name, id) in [
        ("flows=1", "flows", "capture.flow-evicted"),
        ("fragment_bytes=1", "fragments", "capture.cap-reached"),
        ("out_of_order=1", "out_of_order", "capture.reassembly-capped"),
        ("messages=2", "messages", "capture.cap-reached"),
        ("deliveries=1", "deliveries", "capture.cap-reached"),
        ("topics=1", "topics", "capture.cap-reached"),
    ] {
        let (counted, told) = effect(cap, name, id);
        assert!(counted > 0 && told > 0 && told <= counted, "{cap}: counted {counted}, told {told}");
    }
}

/// Raw IPv4 packets, each the first fragment of a datagram of its own.
fn fragments(count: u16) -> Vec<u8> {
    let packet = |id: u16| {
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0x20, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet.extend([0; 8]);
        (u64::from(id), packet)
    };
    pcap::file(pcap::RAW, (0..count).map(packet))
}

#[test]
fn datagrams_that_wait_for_fragments_are_capped() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("fragments.pcap");
    std::fs::write(&path, fragments(10)).expect("written");
    let path = path.to_str().expect("a name in Unicode");
    let records = lines(&run(["read", "--json", "--cap", "fragments=3", path]));
    let summary = records.last().expect("a summary");
    assert_eq!(summary["losses"]["capped_by"]["fragments"], 7);
    let told = records.iter().filter(|record| record["id"] == "capture.cap-reached").count();
    assert_eq!(told, 3, "one, two, four");
}

#[test]
fn sessions_that_wait_for_their_client_are_capped() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut arguments = vec!["read".to_owned(), "--json".to_owned(), "--cap".to_owned(), "sessions=2".to_owned()];
    for (number, id) in (0..5_u16).zip([b"a", b"b", b"c", b"d", b"e"]) {
        let path = directory.path().join(format!("{number}.pcap"));
        // Without clean session.
        Connection::open_to(1883 + number).client(&connect(0, id, &[])).server(&CONNACK).save(&path);
        arguments.push(path.to_str().expect("a name in Unicode").to_owned());
    }
    let records = lines(&run(arguments));
    let summary = records.last().expect("a summary");
    assert_eq!(summary["losses"]["capped_by"]["sessions"], 3, "{summary}");
    assert!(records.iter().any(|record| record["id"] == "capture.cap-reached"));
}

#[test]
fn retained_messages_are_capped() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("retained.pcap");
    let mut connection = Connection::open().client(&connect(2, b"a", &[])).server(&CONNACK);
    for topic in [b"a", b"b", b"c", b"a"] {
        let mut publish = publish(topic, b"x");
        publish[0] |= 1;
        connection = connection.client(&publish);
    }
    connection.save(&path);
    let path = path.to_str().expect("a name in Unicode");
    let records = lines(&run(["read", "--json", "--show", "topics,findings,summary", "--cap", "retained=1", path]));
    let summary = records.last().expect("a summary");
    assert_eq!(summary["losses"]["capped_by"]["retained"], 2, "{summary}");
}

#[test]
fn the_topics_of_messages_that_wait_are_memory_of_the_sessions() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("topics.pcap");
    let mut connection = Connection::open().client(&connect(2, b"a", &[])).server(&CONNACK);
    for id in 1..=40_u16 {
        let topic = vec![b'a' + (id % 20) as u8; 50_000];
        connection = connection.client(&packet(0x32, &[&text(&topic), &id.to_be_bytes(), b"x"]));
    }
    connection.save(&path);
    let path = path.to_str().expect("a name in Unicode");
    let given_up = |show: &str| {
        let records = lines(&run(["read", "--json", "--show", show, "--cap", "session_memory=1000000", path]));
        let summary = records.last().expect("a summary");
        summary["losses"]["capped_by"]["session_memory"].as_u64().unwrap_or(0)
    };
    assert!(given_up("deliveries,summary") > 0);
    assert_eq!(given_up("sessions,summary"), 0, "they are not kept where deliveries are not told");
}

#[test]
fn what_is_given_up_for_memory_counts_under_that_cap_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("open.pcap");
    let mut connection = Connection::open().client(&connect(2, b"a", &[])).server(&CONNACK);
    for id in 1..=2000_u16 {
        connection = connection.client(&packet(0x32, &[&text(b"t"), &id.to_be_bytes(), b"x"]));
    }
    connection.save(&path);
    let path = path.to_str().expect("a name in Unicode");
    let records = lines(&run(["read", "--json", "--show", "summary", "--cap", "session_memory=100000", path]));
    let capped = records[1]["losses"]["capped_by"].as_object().expect("caps");
    let reached: Vec<_> = capped.iter().filter(|(_, count)| count.as_u64() > Some(0)).map(|(name, _)| name).collect();
    assert_eq!(reached, ["session_memory"]);
}

#[test]
fn of_long_names_so_much_is_kept_as_tells_them_apart() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("names.pcap");
    let mut seen = Vec::new();
    for end in [b"1", b"2"] {
        let id = [&vec![b'x'; 50_000][..], end].concat();
        // With a user name, and a will.
        let connect = connect(0b1000_0110, &id, &[&[b'w'; 5000], b"", &[b'u'; 3000]]);
        Connection::open().client(&connect).server(&CONNACK).save(&path);
        let path = path.to_str().expect("a name in Unicode");
        let records = lines(&run(["read", "--json", "--show", "messages,sessions", path]));
        let told = |record: &str, field: &str| {
            let record = records.iter().find(|found| found["record"] == record).expect(record);
            record[field].as_str().map(ToOwned::to_owned)
        };
        let kept = told("session", "client_id").expect("it has a name");
        assert!((1024..1100).contains(&kept.len()) && kept.starts_with("xxx"), "{}", kept.len());
        for name in ["username", "will_topic"] {
            assert!(told("session", name).expect(name).len() < 1100);
        }
        assert!(told("message", "client_id").expect("it is told in full").len() > 50_000);
        seen.push(kept);
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn by_default_no_fixture_reaches_a_cap() {
    for id in ["capture.cap-reached", "capture.flow-evicted", "capture.reassembly-capped"] {
        assert_eq!(effect("flows=1000000", "flows", id), (0, 0));
    }
}

#[test]
fn a_wrong_cap_is_refused_with_the_names_there_are() {
    for (cap, want) in [("flow=1", "out_of_order"), ("flows=0", "from 1 on"), ("flows", "such as flows=100000")] {
        let output = run(["read", "x.pcap", "--cap", cap]);
        let said = stderr(&output);
        assert!(output.status.code() == Some(2) && said.contains(want), "{said}");
    }
}
