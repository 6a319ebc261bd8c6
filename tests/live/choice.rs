//! What is chosen of a live capture: by a filter, as fields, as columns, and to be saved.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::sniffer::{PATIENCE, Sniffer, read};
use crate::{broker_if_possible, of_kind};

/// The topics that are published to in a file.
fn topics(file: &Path) -> BTreeSet<String> {
    let (status, records) = read(file);
    assert_eq!(status, Some(0));
    let topics = of_kind(&records, "message").into_iter().filter_map(|message| message["topic"].as_str());
    topics.map(ToOwned::to_owned).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_filter_chooses_what_is_shown_and_saved() {
    let Some(broker) = broker_if_possible("--filter with --write") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (some, all) = (folder.path().join("some.pcapng"), folder.path().join("all.pcapng"));
    // With its CONNECT a stream is known to be MQTT on any port.
    let filter = ["--filter", "mqtt.topic == \"live/chosen\" || mqtt.msgtype == 1", "--write"];
    let start = |more: &[&str]| Sniffer::start(&["lo"], broker.port(), &[&filter, more].concat());
    let mut sniffers = [start(&[some.to_str().unwrap()]), start(&[all.to_str().unwrap(), "--write-all"])];
    // More than one frame holds on loopback.
    let long = "x".repeat(100_000);
    broker.publish("mqttv311", "live/other", 1, "not this one");
    broker.publish("mqttv311", "live/chosen", 1, &long);
    broker.publish("mqttv311", "live/other", 0, "nor this one");
    broker.publish("mqttv311", "live/chosen", 0, "the end");
    for sniffer in &mut sniffers {
        let publish = sniffer.wait_for("the PUBLISH", |record| record["type"] == "PUBLISH");
        assert_eq!(
            (publish["topic"].as_str(), publish["payload"]["length"].as_u64()),
            (Some("live/chosen"), Some(100_000))
        );
        assert!(publish["frames"].as_array().unwrap().len() > 1, "a message of several frames");
        sniffer.wait_for("the last PUBLISH", |record| record["payload"]["text"] == "the end");
    }
    for sniffer in sniffers {
        sniffer.signal("INT");
        let (status, records) = sniffer.finish();
        assert_eq!(status, Some(0));
        let messages = of_kind(&records, "message");
        assert!(messages.iter().all(|message| message["type"] == "CONNECT" || message["topic"] == "live/chosen"));
    }
    assert_eq!(topics(&some), names(&["live/chosen"]));
    assert_eq!(topics(&all), names(&["live/chosen", "live/other"]));
    let (_, records) = read(&some);
    let messages = of_kind(&records, "message");
    let publish = messages.iter().find(|message| message["payload"]["length"] == 100_000).expect("the long one");
    assert_eq!(publish.get("missing_bytes"), None, "all of it is there");
}

#[test]
fn fields_are_printed_as_they_come() {
    let Some(broker) = broker_if_possible("--fields") else { return };
    let more = ["--filter", "mqtt.topic", "--fields", "mqtt.topic,mqtt.qos,mqtt.retain", "--format", "json"];
    let mut sniffer = Sniffer::start_bare(&["lo"], broker.port(), &more);
    let expected = r#"{"record":"fields","mqtt.topic":"live/fields","mqtt.qos":1,"mqtt.retain":false}"#;
    let began = Instant::now();
    while !sniffer.has_line(|line| line == expected) {
        assert!(began.elapsed() < PATIENCE, "no line after {:?}", began.elapsed());
        broker.publish("mqttv5", "live/fields", 1, "a line");
    }
    sniffer.signal("INT");
    let (status, lines) = sniffer.finish_lines();
    assert_eq!(status, Some(0));
    for line in lines {
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["mqtt.topic"], "live/fields");
    }
}

#[test]
fn columns_are_those_of_the_packets() {
    let Some(broker) = broker_if_possible("--columns") else { return };
    let more = ["--filter", "mqtt.topic", "--columns", "From=tcp.srcport,Topic=mqtt.topic", "--format", "csv"];
    let mut sniffer = Sniffer::start_bare(&["lo"], broker.port(), &more);
    let began = Instant::now();
    while !sniffer.has_line(|line| line.ends_with(",live/columns")) {
        assert!(began.elapsed() < PATIENCE, "no row after {:?}", began.elapsed());
        broker.publish("mqttv5", "live/columns", 0, "a row");
    }
    sniffer.signal("INT");
    let (status, lines) = sniffer.finish_lines();
    assert_eq!(status, Some(0));
    assert_eq!(lines[0], "From,Topic");
    assert!(lines[1..].iter().all(|line| line.ends_with(",live/columns")), "{lines:#?}");
}
