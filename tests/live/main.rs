//! A real broker and real clients on the loopback interface, captured while they talk.
//!
//! It takes libpcap, the right to capture, and mosquitto with its clients. What is missing is said on standard
//! error, and the tests are skipped.

#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes a clock")]

mod broker;
mod choice;
mod files;
mod rights;
mod sniffer;
mod watch;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use broker::Broker;
use serde_json::Value;
use sniffer::{Sniffer, read};

/// MQTT versions as mosquitto's clients name them, and as the records do.
const VERSIONS: [(&str, &str); 3] = [("mqttv31", "3.1"), ("mqttv311", "3.1.1"), ("mqttv5", "5.0")];

/// The records of a kind.
fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["record"] == kind).collect()
}

/// A record without the fields that a file cannot know, or that name the input.
fn without_source(record: &Value) -> Value {
    let mut record = record.clone();
    let object = record.as_object_mut().unwrap();
    object.remove("source");
    if let Some(losses) = object.get_mut("losses").and_then(Value::as_object_mut) {
        losses.remove("kernel_dropped");
        losses.remove("interface_dropped");
        losses.remove("analysis_dropped");
    }
    record
}

/// All records but for what must differ: the name of the input, and the counters of the kernel.
#[track_caller]
fn assert_reads_back(live: &[Value], file: &Path) {
    let (status, again) = read(file);
    assert_eq!(status, Some(0));
    let live: Vec<_> = live.iter().map(without_source).collect();
    let again: Vec<_> = again.iter().map(without_source).collect();
    for (line, (live, again)) in live.iter().zip(&again).enumerate() {
        assert_eq!(live, again, "record {line} differs between the capture and its file");
    }
    assert_eq!(live.len(), again.len(), "the capture and its file have different numbers of records");
}

/// How many PUBLISH packets tshark finds in a file; `None` where there is no tshark.
fn publishes_by_tshark(file: &Path, port: u16) -> Option<usize> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(["-d", &format!("tcp.port=={port},mqtt"), "-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype"])
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            say_skipped(&format!("the comparison with tshark: it can't be run ({error})"));
            return None;
        }
    };
    assert!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
    let types = String::from_utf8(output.stdout).unwrap();
    Some(types.split([',', '\n']).filter(|packet_type| *packet_type == "3").count())
}

/// Says on standard error what is skipped, past the test harness, which would keep it to itself.
fn say_skipped(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// A broker to talk to, if this machine lets live tests run.
fn broker_if_possible(test: &str) -> Option<Broker> {
    let possible = sniffer::capturing_is_possible().and_then(|()| Broker::start());
    possible.map_err(|why| say_skipped(&format!("live test '{test}': {why}"))).ok()
}

#[test]
fn each_version_is_shown_as_it_happens_and_reads_back_the_same() {
    let Some(broker) = broker_if_possible("each version as it happens") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("live.pcap");
    let mut sniffer = Sniffer::start(&["lo"], broker.port(), &["--write", file.to_str().unwrap()]);
    for (name, version) in VERSIONS {
        let topic = format!("live/{name}");
        let mut subscriber = broker.subscribe(name, &topic, 2);
        sniffer.wait_for(&format!("the SUBACK of {name}"), |record| {
            record["type"] == "SUBACK" && record["version"] == version
        });
        for qos in 0..3 {
            let payload = format!("{name} at QoS {qos}");
            broker.publish(name, &topic, qos, &payload);
            for from in ["client", "server"] {
                let publish = sniffer.wait_for(&format!("the PUBLISH from the {from}: {payload}"), |record| {
                    record["type"] == "PUBLISH" && record["from"] == from && record["payload"]["text"] == payload
                });
                assert_eq!(publish["topic"], topic);
                assert_eq!(publish["version"], version);
                assert_eq!(publish["version_known_by"], "connect");
                assert_eq!(publish["qos"], if from == "client" { qos } else { qos.min(2) });
            }
        }
        sniffer.assert_still_capturing();
        subscriber.stop();
    }
    sniffer.signal("INT");
    let (status, records) = sniffer.finish();
    assert_eq!(status, Some(0), "after Ctrl-C");

    let publishes = of_kind(&records, "message").iter().filter(|record| record["type"] == "PUBLISH").count();
    assert_eq!(publishes, 18, "three versions, three QoS, each to the broker and from it");
    let summary = records.last().unwrap();
    assert_eq!(summary["record"], "summary");
    assert_eq!(summary["losses"]["kernel_dropped"], 0);
    assert_eq!(summary["messages"], of_kind(&records, "message").len());
    assert_eq!(summary["flows"], of_kind(&records, "flow").len());
    assert_eq!(of_kind(&records, "finding"), Vec::<&Value>::new());

    assert_reads_back(&records, &file);
    if let Some(by_tshark) = publishes_by_tshark(&file, broker.port()) {
        assert_eq!(by_tshark, publishes);
    }
}

#[test]
fn sigterm_and_a_terminal_that_goes_away_end_with_the_summary() {
    for signal in ["TERM", "HUP"] {
        let Some(broker) = broker_if_possible("the end by a signal") else { return };
        let mut sniffer = Sniffer::start(&["lo"], broker.port(), &[]);
        broker.publish("mqttv5", "live/term", 1, "last words");
        sniffer.wait_for("the PUBACK", |record| record["type"] == "PUBACK");
        sniffer.signal(signal);
        let (status, records) = sniffer.finish();
        assert_eq!(status, Some(0), "{signal}");
        assert_eq!(records.last().unwrap()["record"], "summary");
        assert_eq!(of_kind(&records, "session").len(), 1);
    }
}

#[test]
fn a_count_ends_the_capture_after_exactly_so_many_frames() {
    let Some(broker) = broker_if_possible("--count") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("count.pcap");
    let sniffer = Sniffer::start(&["lo"], broker.port(), &["--count", "7", "--write", file.to_str().unwrap()]);
    broker.publish("mqttv311", "live/count", 2, "more than seven frames");
    let (status, records) = sniffer.finish();
    assert_eq!(status, Some(0));
    assert_eq!(records.last().unwrap()["frames"], 7);
    assert_reads_back(&records, &file);
}

#[test]
fn a_duration_ends_the_capture() {
    let Some(broker) = broker_if_possible("--duration") else { return };
    let began = Instant::now();
    let sniffer = Sniffer::start(&["lo"], broker.port(), &["--duration", "700ms"]);
    broker.publish("mqttv31", "live/duration", 0, "within the time");
    let (status, records) = sniffer.finish();
    assert_eq!(status, Some(0));
    assert!(began.elapsed() >= Duration::from_millis(700), "it ended after {:?}", began.elapsed());
    let summary = records.last().unwrap();
    assert_eq!(summary["record"], "summary");
    assert!(summary["losses"]["kernel_dropped"].is_u64(), "{summary}");
    assert!(of_kind(&records, "message").iter().any(|record| record["type"] == "PUBLISH"));
}

#[test]
fn two_interfaces_go_into_one_pcapng() {
    let Some(broker) = broker_if_possible("two interfaces") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.pcapng");
    let mut sniffer = Sniffer::start(&["lo", "any"], broker.port(), &["--write", file.to_str().unwrap()]);
    broker.publish("mqttv5", "live/two", 1, "seen twice, told once");
    sniffer.wait_for("the PUBLISH", |record| record["type"] == "PUBLISH");
    sniffer.wait_for("the DISCONNECT", |record| record["type"] == "DISCONNECT");
    sniffer.signal("INT");
    let (status, records) = sniffer.finish();
    assert_eq!(status, Some(0));
    let publishes = of_kind(&records, "message").iter().filter(|record| record["type"] == "PUBLISH").count();
    assert_eq!(publishes, 1, "a message that two interfaces saw is one message");
    assert_reads_back(&records, &file);
    if let Some(by_tshark) = publishes_by_tshark(&file, broker.port()) {
        assert!(by_tshark >= 1, "tshark finds the message on at least one of the interfaces");
    }
}

#[test]
fn rows_for_people_come_while_it_happens() {
    let Some(broker) = broker_if_possible("rows for people") else { return };
    let mut sniffer = Sniffer::start_for_people("lo", broker.port());
    // The header of the rows is there once capturing has begun, or with the first row: try until one is seen.
    let began = Instant::now();
    while !sniffer.has_line(|line| line.contains("PUBLISH") && line.contains("live/rows")) {
        assert!(began.elapsed() < sniffer::PATIENCE, "no row after {:?}", began.elapsed());
        broker.publish("mqttv5", "live/rows", 0, "a row");
    }
    sniffer.assert_still_capturing();
    sniffer.signal("INT");
    let (status, lines) = sniffer.finish_lines();
    assert_eq!(status, Some(0));
    assert!(lines.iter().any(|line| line.contains("Summary")), "{lines:#?}");
}

#[test]
fn an_unknown_interface_is_answered_with_those_that_exist() {
    if let Err(why) = sniffer::capturing_is_possible() {
        say_skipped(&format!("live test 'unknown interface': {why}"));
        return;
    }
    let output = sniffer::run(&["capture", "lo0o"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no interface") && errors.contains("there are: lo"), "{errors}");
}
