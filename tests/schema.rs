//! The schema that `mqttsniff schema` prints holds for all that `--json` prints, and is as strict as it can be.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;

use boon::{Compiler, SchemaIndex, Schemas};
use common::{captures, fixtures, run, stdout};
use mqttsniff::capture::interfaces::Interface;
use mqttsniff::flow::{Signal, TcpState};
use mqttsniff::mqtt::{PacketType, PropertyId, Version};
use mqttsniff::neighbour::Neighbour;
use mqttsniff::render::{Counted, JsonLines, Moment, Period, Shown, write_interface};
use mqttsniff::time::Timestamp;
use serde_json::{Value, json};

const RECORDS: [&str; 9] = ["begin", "packet", "message", "flow", "session", "delivery", "topic", "finding", "summary"];

/// The schema, as the program prints it.
fn schema() -> Value {
    serde_json::from_slice(&run(["schema"]).stdout).unwrap()
}

struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", schema()).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn check(&self, line: &Value) -> Result<(), String> {
        self.schemas.validate(line, self.index).map_err(|error| format!("{error:#}\n{line}"))
    }
}

/// The records of all fixtures, each with the name of its fixture.
fn all_records() -> Vec<(String, Vec<Value>)> {
    captures()
        .iter()
        .map(|path| (path.display().to_string(), common::records(path, &[])))
        .inspect(|(name, records)| assert!(records.len() >= 2, "{name}"))
        .collect()
}

/// Calls `see` with every object in a record, but not with what the payload of a message holds.
fn objects<'a>(path: &str, value: &'a Value, see: &mut impl FnMut(&str, &'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            see(path, map);
            for (key, inner) in map.iter().filter(|(key, _)| *key != "json") {
                objects(&format!("{path}/{key}"), inner, see);
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                objects(&format!("{path}/{at}"), inner, see);
            }
        }
        _ => {}
    }
}

#[test]
fn every_line_of_what_differs_is_valid() {
    let validator = Validator::new();
    let mut aspects = BTreeSet::new();
    for (old, new) in [
        ("mqtt5_qos.pcap", "lab/v5_takeover.pcap"),
        ("lab/mqtt_loss_5.pcap", "lab/mqtt_mess.pcap"),
        ("lab/retained.pcap", "lab/subscriptions.pcap"),
        ("lab/mqtt5_qos.pcap", "lab/mqtt311_qos.pcap"),
        ("lab/v5_assigned_id.pcap", "lab/midstream.pcap"),
        ("lab/redelivery.pcap", "lab/persistent_session.pcap"),
    ] {
        let files = [old, new].map(|name| fixtures().join(name));
        let output = common::mqttsniff().args(["diff", "--json", "--payloads"]).args(files).output().unwrap();
        for line in common::lines(&output) {
            validator.check(&line).unwrap_or_else(|error| panic!("{old} {new}: {error}"));
            aspects.extend(line["aspect"].as_str().map(str::to_owned));
        }
    }
    let schema = schema();
    let named = values(&schema, "/$defs/difference/properties/aspect");
    assert_eq!(aspects.iter().map(String::as_str).collect::<BTreeSet<_>>(), named);
}

#[test]
fn every_line_of_what_is_followed_is_valid() {
    let validator = Validator::new();
    for (capture, flow) in [("mqtt5_qos.pcap", "10"), ("lab/websocket.pcap", "1"), ("vectors/S_gap.pcap", "1")] {
        let path = fixtures().join(capture);
        let output = common::mqttsniff().args(["follow", "--json"]).arg(path).arg(flow).output().unwrap();
        let lines = common::lines(&output);
        assert!(lines.iter().any(|line| line["record"] == "stream"), "{capture}");
        for line in lines {
            validator.check(&line).unwrap_or_else(|error| panic!("{capture}: {error}"));
        }
    }
}

#[test]
fn every_line_of_mqtt_sn_is_valid() {
    let validator = Validator::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sensors.pcap");
    for capture in [common::sensors::forms(), common::sensors::faults()] {
        capture.save(&path);
        let mut kinds = BTreeSet::new();
        for record in common::records(&path, &["--sn-topic", "9=known", "--detail"]) {
            validator.check(&record).unwrap_or_else(|error| panic!("{error}"));
            let kind = (record["record"].as_str().unwrap().to_owned(), record["protocol"].as_str().map(str::to_owned));
            let mut changed = record.clone();
            changed["made_up"] = json!(1);
            assert!(validator.check(&changed).is_err(), "{record}");
            kinds.insert(kind);
        }
        for kind in ["message", "session"] {
            assert!(kinds.contains(&(kind.to_owned(), Some("mqtt-sn".to_owned()))), "{kind}");
        }
    }
}

#[test]
fn the_line_of_a_period_is_valid() {
    let validator = Validator::new();
    let counted = Counted { frames: 7, kernel_dropped: Some(1), interface_dropped: Some(0), ..Counted::default() };
    for so_far in [counted, Counted::default()] {
        let moment = |seconds, so_far| {
            let at = Timestamp::from_secs_nanos(seconds, 0);
            Moment { at, so_far, open_flows: 2, open_sessions: 1 }
        };
        let mut json = JsonLines::new(Vec::new(), Shown::default());
        json.period(&Period::between(&moment(10, Counted::default()), moment(20, so_far))).unwrap();
        let line: Value = serde_json::from_slice(json.get_mut()).unwrap();
        validator.check(&line).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&line["frames"], &line["duration_s"]), (&json!(so_far.frames), &json!(10.0)));
        assert_eq!(line.get("kernel_dropped").is_some(), so_far.kernel_dropped.is_some());
        for place in ["", "/total", "/messages"] {
            let mut changed = line.clone();
            changed.pointer_mut(place).unwrap()["made_up"] = json!(1);
            assert!(validator.check(&changed).is_err(), "{place}");
        }
    }
}

#[test]
fn every_line_of_statistics_is_valid() {
    let validator = Validator::new();
    for capture in ["lab/ipv6.pcap", "formats/H_ooo.pcapng"] {
        let output = common::mqttsniff().args(["stats", "--json"]).arg(fixtures().join(capture)).output().unwrap();
        for line in common::lines(&output) {
            validator.check(&line).unwrap_or_else(|error| panic!("{capture}: {error}"));
        }
    }
}

#[test]
fn every_line_of_a_check_is_valid() {
    let validator = Validator::new();
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known.json");
    let check = |captures: &[std::path::PathBuf], more: &[&str]| {
        let mut command = common::mqttsniff();
        common::lines(&command.args(["check", "--format", "json"]).args(captures).args(more).output().unwrap())
    };
    let all = captures();
    let mut records = check(&all, &[]);
    records.extend(check(&["nowhere.pcap".into()], &[]));
    let baseline = ["--baseline", known.to_str().unwrap()];
    check(&[fixtures().join("malformed.pcap")], &[&baseline[..], &["--update-baseline"]].concat());
    records.extend(check(&all[..1], &baseline));
    // What has no frame to show: that something is not there.
    let rules = folder.path().join("rules.toml");
    let absent = "name = 'none'\nany = 'mqtt.msgtype == AUTH'\n[[assert]]\nname = 'twice'\nexpect = ['count > 0', 'count > 1']\nwhere = 'mqtt.msgtype == AUTH'";
    std::fs::write(&rules, format!("[[assert]]\n{absent}\n")).unwrap();
    let asserted = check(&[fixtures().join("mqtt5_qos.pcap")], &["--assert", rules.to_str().unwrap()]);
    let without = common::of(&asserted, "finding").into_iter().filter(|finding| finding["frames"] == json!([])).count();
    assert_eq!(without, 2, "{asserted:?}");
    records.extend(asserted);
    let verdicts = common::of(&records, "verdict");
    assert_eq!(verdicts.len(), 4);
    assert_eq!(verdicts[0]["captures"].as_array().unwrap().len(), all.len());
    assert!(verdicts[1]["captures"][0]["problems"].is_array() && verdicts[2]["gone"].as_array().unwrap().len() > 12);
    for record in &records {
        validator.check(record).unwrap_or_else(|error| panic!("{error}"));
    }
    for (verdict, place) in [(verdicts[0], ""), (verdicts[0], "/captures/0"), (verdicts[2], "/gone/0")] {
        let mut changed = verdict.clone();
        changed.pointer_mut(place).unwrap()["made_up"] = json!(1);
        assert!(validator.check(&changed).is_err(), "{place}");
    }
}

#[test]
fn every_line_of_fields_and_columns_is_valid() {
    let validator = Validator::new();
    let fields = mqttsniff::field::Registry::fields().map(|(_, field)| field.name).collect::<Vec<_>>().join(",");
    let mut values = 0;
    for capture in ["mqtt5_qos.pcap", "malformed.pcap", "lab/ipv6.pcap", "lab/qinq.pcap", "lab/pmtu.pcap"] {
        let read =
            |more: &[&str]| common::mqttsniff().arg("read").arg(fixtures().join(capture)).args(more).output().unwrap();
        let rows = common::lines(&read(&["--fields", &fields, "--format", "json"]));
        let packets = common::lines(&read(&["--columns", &fields, "--json"]));
        let packets = common::of(&packets, "packet");
        assert_eq!(rows.len(), packets.len(), "{capture}");
        for (row, packet) in rows.iter().zip(packets) {
            for line in [row, packet] {
                validator.check(line).unwrap_or_else(|error| panic!("{capture}: {error}"));
            }
            let mut columns = packet["columns"].clone();
            columns["record"] = json!("fields");
            assert_eq!(*row, columns, "{capture}");
            assert_eq!(row["frame.number"], packet["frame"]);
            values += row.as_object().unwrap().len();
            let mut wrong = row.clone();
            wrong["ip.src"] = Value::Null;
            assert!(validator.check(&wrong).is_err());
        }
    }
    assert!(values > 10_000, "{values}");
}

#[test]
fn every_line_of_every_fixture_is_valid() {
    let validator = Validator::new();
    let mut kinds = BTreeSet::new();
    for (name, records) in all_records() {
        for record in &records {
            validator.check(record).unwrap_or_else(|error| panic!("{name}: {error}"));
            kinds.insert(record["record"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(kinds, RECORDS.iter().map(ToString::to_string).collect(), "all kinds of records were seen");
}

#[test]
fn messages_with_all_their_fields_are_valid() {
    let validator = Validator::new();
    let mut fields = 0;
    for path in captures() {
        for record in common::records(&path, &["--detail"]) {
            validator.check(&record).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            objects("", &record, &mut |path, map| {
                fields += usize::from(path.starts_with("/fields/"));
                assert!(map.values().all(|value| !value.is_null()), "{path} in {record}");
            });
        }
    }
    assert!(fields > 10_000, "{fields}");
    for payload in ["text", "json", "hex", "base64", "none"] {
        for record in common::records(&fixtures().join("mqtt5_qos.pcap"), &["--payload", payload, "--detail"]) {
            validator.check(&record).unwrap_or_else(|error| panic!("{payload}: {error}"));
        }
    }
}

#[test]
fn a_run_begins_with_begin_and_ends_with_the_summary() {
    for (name, records) in all_records() {
        let kinds: Vec<_> = records.iter().map(|record| record["record"].as_str().unwrap()).collect();
        assert_eq!(kinds.first(), Some(&"begin"), "{name}");
        assert_eq!(kinds.last(), Some(&"summary"), "{name}");
        assert_eq!(kinds.iter().filter(|kind| matches!(**kind, "begin" | "summary")).count(), 2, "{name}");
    }
}

#[test]
fn what_is_not_known_is_left_out_and_never_null() {
    for (name, records) in all_records() {
        for record in &records {
            objects("", record, &mut |path, map| {
                for (key, value) in map {
                    assert!(!value.is_null(), "{name}: {path}/{key} in {record}");
                }
            });
        }
    }
}

#[test]
fn the_summary_counts_the_lines() {
    for (name, records) in all_records() {
        let summary = records.last().unwrap();
        let count = |kind| common::of(&records, kind).len() as u64;
        for (field, kind) in [("frames", "packet"), ("flows", "flow"), ("messages", "message"), ("sessions", "session")]
        {
            assert_eq!(summary[field], count(kind), "{name}: {field}");
        }
        let findings: u64 =
            summary["findings"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(findings, count("finding"), "{name}");
    }
}

#[test]
fn the_kinds_of_retransmissions_add_up() {
    const KINDS: [&str; 7] = [
        "fast_retransmissions",
        "timeout_retransmissions",
        "tail_loss_probes",
        "path_mtu_retransmissions",
        "fast_open_retransmissions",
        "handshake_retransmissions",
        "spurious_retransmissions",
    ];
    let mut sum = 0;
    for (name, records) in all_records() {
        for flow in common::of(&records, "flow").into_iter().filter(|flow| flow["protocol"] == "tcp") {
            for end in ["from_client", "from_server"] {
                let count = |field: &str| flow[end][field].as_u64().unwrap();
                let kinds: u64 = KINDS.iter().map(|kind| count(kind)).sum();
                assert_eq!(count("retransmissions"), kinds, "{name}: {end} of flow {}", flow["flow"]);
                sum += kinds;
            }
        }
    }
    assert!(sum > 20, "some were sent again");
}

#[test]
fn a_made_up_field_is_refused_wherever_it_stands() {
    let validator = Validator::new();
    for name in ["lab/v5_properties.pcap", "vectors/K_viol.pcap", "vectors/trunc.pcap", "vectors/I_corr.pcap"] {
        let mut refused = BTreeSet::new();
        for record in common::records(&fixtures().join(name), &["--detail"]) {
            let mut places = Vec::new();
            objects("", &record, &mut |path, _| places.push(path.to_owned()));
            for place in places {
                // The keys of this one are types, and are tested below.
                if place.ends_with("/by_type") {
                    continue;
                }
                let mut changed = record.clone();
                changed.pointer_mut(&place).unwrap()["made_up"] = json!(1);
                assert!(validator.check(&changed).is_err(), "{name}: {changed}");
                refused.insert(record["record"].as_str().unwrap().to_owned());
            }
        }
        assert!(refused.len() >= 5, "{name}: {refused:?}");
    }
}

#[test]
fn wrong_values_and_misplaced_fields_are_refused() {
    let validator = Validator::new();
    let records = common::records(&fixtures().join("mqtt5_qos.pcap"), &[]);
    let first = |kind: &str, member: &str, value: &str| {
        let found = records.iter().find(|record| record["record"] == kind && record[member] == value);
        found.unwrap_or_else(|| panic!("there is a {kind} with {member} {value}")).clone()
    };
    let connect = first("message", "type", "CONNECT");
    let flow = first("flow", "protocol", "tcp");
    let session = first("session", "client_id", "pub");
    let cases = [
        (&connect, "/type", json!("CONECT")),
        (&connect, "/qos", json!(1)),
        (&connect, "/time", json!("2026-11-21 21:23:21")),
        (&connect, "/frame", json!(0)),
        (&connect, "/keep_alive_s", json!("60")),
        (&connect, "/record", json!("massage")),
        (&connect, "/username", Value::Null),
        (&flow, "/state/client", json!("DONE")),
        (&flow, "/from_client/packets", json!(-1)),
        (&flow, "/transitions/0/on", json!("magic")),
        (&flow, "/protocol", json!("udp")),
        (&session, "/from_client/by_type/PUBLIC", json!(1)),
        (&session, "/ended/kind", json!("tired")),
    ];
    for (record, place, value) in cases {
        let mut changed = record.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value;
        assert!(validator.check(record).is_ok());
        assert!(validator.check(&changed).is_err(), "{place}");
    }
    for field in ["flow", "time", "type", "version_known_by"] {
        let mut changed = connect.clone();
        changed.as_object_mut().unwrap().remove(field).unwrap();
        assert!(validator.check(&changed).is_err(), "without {field}");
    }
}

/// All strings of the `enum` at this place of the schema.
fn values<'a>(schema: &'a Value, place: &str) -> BTreeSet<&'a str> {
    let list = schema.pointer(place).and_then(|value| value["enum"].as_array()).expect(place);
    let values: BTreeSet<_> = list.iter().map(|value| value.as_str().unwrap()).collect();
    assert_eq!(values.len(), list.len(), "{place} has no repetitions");
    values
}

/// What stands between the quotation marks that follow `before` in a source file.
fn named<'a>(source: &'a str, before: &str) -> BTreeSet<&'a str> {
    source.lines().filter_map(|line| line.split_once(before)?.1.split_once('"')).map(|(name, _)| name).collect()
}

#[test]
fn lists_of_values_are_those_of_the_program() {
    let schema = schema();
    assert_eq!(values(&schema, "/$defs/state"), TcpState::ALL.iter().map(|state| state.name()).collect());
    let signals = Signal::ALL.iter().map(|signal| signal.name()).collect();
    assert_eq!(values(&schema, "/$defs/flow/properties/transitions/items/properties/on"), signals);
    assert_eq!(values(&schema, "/$defs/packet_type"), PacketType::ALL.iter().map(|kind| kind.name()).collect());
    assert_eq!(values(&schema, "/$defs/version"), Version::ALL.iter().map(|version| version.as_str()).collect());
    let marks = named(include_str!("../src/flow/verdict.rs"), ", \"");
    assert!(marks.contains("duplicate_ack"));
    assert_eq!(values(&schema, "/$defs/packet/properties/tcp/properties/analysis/items"), marks);
}

#[test]
fn names_in_the_source_have_their_place_in_the_schema() {
    let schema = schema();
    // All names that a file gives, and the lists that have them together.
    let places: [(&str, &[&str]); 14] = [
        (include_str!("../src/mqtt/deviation_name.rs"), &["/message/properties/deviations/items/properties/kind"]),
        (include_str!("../src/wire/packet.rs"), &["/packet/properties/stopped/properties/layer"]),
        (
            include_str!("../src/flow/verdict.rs"),
            &[
                "/packet/properties/tcp/properties/retransmission/properties/kind",
                "/packet/properties/tcp/properties/retransmission/properties/evidence",
            ],
        ),
        (
            include_str!("../src/flow/record.rs"),
            &["/flow/properties/client_known_by", "/flow/properties/outcome", "/flow/properties/close/properties/kind"],
        ),
        (include_str!("../src/flow/tcp.rs"), &["/flow/properties/transitions/items/properties/proof"]),
        (include_str!("../src/flow/summary.rs"), &["/flow/properties/conn_state"]),
        (include_str!("../src/flow/endpoint.rs"), &["/role", "/flow/properties/protocol"]),
        (
            include_str!("../src/session/end.rs"),
            &[
                "/session/properties/ended/properties/kind",
                "/session/properties/ended/properties/cause/properties/kind",
            ],
        ),
        (include_str!("../src/session/will.rs"), &["/session/properties/will/properties/fate"]),
        (
            include_str!("../src/session/delivery.rs"),
            &["/delivery/properties/outcome", "/delivery/properties/faults/items"],
        ),
        (
            include_str!("../src/session/receipt.rs"),
            &["/delivery/properties/published/properties/as", "/delivery/properties/missed/items/properties/why"],
        ),
        (include_str!("../src/session/incident.rs"), &["/certainty"]),
        (include_str!("../src/dissect/message.rs"), &["/message/properties/version_known_by"]),
        (include_str!("../src/check/finding.rs"), &["/finding/properties/severity"]),
    ];
    for (source, lists) in places {
        let listed: BTreeSet<_> = lists.iter().flat_map(|list| values(&schema, &format!("/$defs{list}"))).collect();
        assert_eq!(listed, named(source, "=> \""), "{lists:?}");
    }
    let layers = values(&schema, "/$defs/packet/properties/stopped/properties/layer");
    let carried = named(include_str!("../src/dissect/protocol.rs"), "=> \"");
    assert_eq!(values(&schema, "/$defs/flow/properties/application/anyOf/0"), carried);
    let protocols = layers.union(&carried).copied().collect();
    assert_eq!(values(&schema, "/$defs/packet/properties/protocols/items/anyOf/0"), protocols);
    let neighbours = Neighbour::ALL.iter().map(|neighbour| neighbour.name()).collect();
    assert_eq!(values(&schema, "/$defs/neighbour_protocol"), neighbours);
}

#[test]
fn every_property_of_mqtt_5_has_its_field() {
    let schema = schema();
    let fields: BTreeSet<_> =
        schema["$defs"]["mqtt_properties"]["properties"].as_object().unwrap().keys().cloned().collect();
    let expected: BTreeSet<_> = PropertyId::ALL
        .iter()
        .map(|id| match id {
            // These may stand more than once, and this one is a secret.
            PropertyId::UserProperty | PropertyId::SubscriptionIdentifier => match id.name() {
                "user_property" => "user_properties".to_owned(),
                name => format!("{name}s"),
            },
            PropertyId::AuthenticationData => format!("{}_length", id.name()),
            id => id.name().to_owned(),
        })
        .collect();
    assert_eq!(fields, expected);
}

#[test]
fn every_field_is_described() {
    fn walk(path: &str, schema: &Value) {
        let described = schema["description"].as_str().is_some_and(|text| text.ends_with('.'));
        assert!(described || schema.get("$ref").is_some(), "{path}");
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let described = field["description"].as_str().is_some_and(|text| text.ends_with('.'));
            assert!(described, "{path}: {name}");
            walk(&format!("{path}/{name}"), field);
        }
        if let Some(items) = schema.get("items") {
            walk(&format!("{path}/items"), items);
        }
    }
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    assert!(definitions.len() > 20);
    definitions.iter().for_each(|(name, definition)| walk(name, definition));
}

#[test]
fn the_record_of_an_interface_is_valid() {
    let mut interface = Interface {
        name: "eth0".to_owned(),
        description: None,
        addresses: vec![[10, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()],
        up: true,
        running: true,
        loopback: false,
        wireless: false,
    };
    let validator = Validator::new();
    for description in [None, Some("Ethernet".to_owned())] {
        interface.description = description;
        let mut line = Vec::new();
        write_interface(&mut line, &interface).unwrap();
        let record: Value = serde_json::from_slice(&line).unwrap();
        validator.check(&record).unwrap();
        assert_eq!(record["description"].as_str(), interface.description.as_deref());
        let mut changed = record.clone();
        changed["made_up"] = json!(1);
        assert!(validator.check(&changed).is_err());
    }
}

/// Names between backticks in a part of a page, without its examples.
fn words(page: &str) -> BTreeSet<&str> {
    let text = page.split("\n```").step_by(2);
    let code = text.flat_map(|text| text.split('`').skip(1).step_by(2));
    code.flat_map(|code| code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect()
}

/// Calls `see` with every field that may stand in a value, and with the definition that it stands in.
fn fields_of<'a>(schema: &'a Value, within: &'a str, value: &'a Value, see: &mut impl FnMut(&'a str, &'a str)) {
    // What holds parts of its own kind is walked once.
    let names: Vec<&str> =
        value["$ref"].as_str().into_iter().filter_map(|name| name.strip_prefix("#/$defs/")).collect();
    for name in names.into_iter().filter(|name| *name != within) {
        fields_of(schema, name, &schema["$defs"][name], see);
    }
    for (name, field) in value["properties"].as_object().into_iter().flatten() {
        see(within, name);
        fields_of(schema, within, field, see);
    }
    let lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|name| value[name].as_array()).flatten();
    let others = ["items", "then", "else"].into_iter().filter_map(|name| value.get(name));
    lists.chain(others).for_each(|inner| fields_of(schema, within, inner, see));
}

/// The schema is as strict as it can be, and all that is written is valid, so that it has every field there is.
#[test]
fn every_field_stands_in_the_section_of_its_record() {
    // Told once for all records.
    const SHARED: [&str; 5] = ["durations", "range", "endpoint", "base64", "payload"];
    // Named by others: the specification, and tcptrace.
    const ELSEWHERE: [&str; 2] = ["mqtt_properties", "traffic"];
    let page = include_str!("../docs/json.md");
    let everywhere = words(page);
    let schema = schema();
    let mut checked = 0;
    for definition in schema["oneOf"].as_array().unwrap() {
        let name = definition["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap();
        let record = schema["$defs"][name]["properties"]["record"]["const"].as_str().unwrap();
        let sections = page.split("\n## ").skip(1);
        let is_it = |section: &&str| section.lines().next().unwrap().split(", ").any(|title| title == record);
        let section = words(sections.into_iter().find(is_it).unwrap_or_else(|| panic!("a section for {record}")));
        fields_of(&schema, name, &schema["$defs"][name], &mut |within, field| {
            if field == "record" || ELSEWHERE.contains(&within) {
                return;
            }
            let place = if SHARED.contains(&within) { &everywhere } else { &section };
            assert!(place.contains(field), "{field} of {within} is missing in the section of {record}");
            checked += 1;
        });
    }
    assert!(checked > 300, "{checked}");
}

#[test]
fn what_the_schema_command_prints_is_a_schema() {
    let printed = run(["schema"]);
    assert!(printed.status.success());
    assert!(stdout(&printed).ends_with("}\n"));
    let draft = &schema()["$schema"];
    assert_eq!(draft, "https://json-schema.org/draft/2020-12/schema");
}
