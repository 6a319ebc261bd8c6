//! Fields of frames against the cells that tshark 4.0 prints for them.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::Path;

use mqttsniff::dissect::Protocol;
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Columns, Extractor, FieldId, Names as _, Quote, Registry, Row, Which};
use mqttsniff::{Analysis, Output};

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn ids(names: &[&str]) -> Vec<FieldId> {
    names.iter().map(|name| Registry::find(name).unwrap_or_else(|| panic!("{name} is a field")).0).collect()
}

/// Calls `take` with each frame of a capture, which is read as Wireshark reads it: port 1883 is MQTT.
fn rows(capture: &str, fields: &[FieldId], client: Option<&[u8]>, take: &mut dyn FnMut(u64, &dyn Row)) {
    let mut extractor = Extractor::new(fields);
    let mut options = EngineOptions::default();
    options.dissect.decode_as = vec![(1883, Protocol::Mqtt)];
    let path = fixtures().join(capture);
    let mut analysis = Analysis::open_with(&[path], extractor.engine_options(options)).unwrap();
    analysis.run(&mut |output: &Output<'_>| match output {
        Output::Message(flow, message) => extractor.on_message(*flow, message, client),
        Output::Preview(_, message) => extractor.on_preview(message, client),
        Output::Packet(view) => {
            take(view.frame.number.0, &extractor.row(view));
            extractor.clear();
        }
        _ => {}
    });
}

/// All rows of a capture as text.
fn text(capture: &str, names: &[&str], columns: &Columns) -> String {
    let (fields, mut out) = (ids(names), String::new());
    columns.begin(&fields, &mut out);
    rows(capture, &fields, Some(b"c1"), &mut |_, row| columns.line(&fields, row, &mut out));
    out
}

/// Frames that fill a hole and complete what had come behind it, which this release of Wireshark then leaves out.
const FILLS_A_HOLE: [(&str, u64); 1] = [("lab/mqtt_mess.pcap", 192)];

#[test]
fn cells_are_those_of_tshark() {
    let table = std::fs::read_to_string(fixtures().join("cells.4.0.tsv")).unwrap();
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap().split_off(2);
    let fields = ids(&names);
    let mut expected: BTreeMap<&str, BTreeMap<u64, Vec<&str>>> = BTreeMap::new();
    for mut line in lines {
        let cells = line.split_off(2);
        assert_eq!(cells.len(), names.len());
        expected.entry(line[0]).or_default().insert(line[1].parse().unwrap(), cells);
    }
    let columns = Columns::default();
    let mut compared = 0;
    for (capture, mut frames) in expected {
        rows(capture, &fields, None, &mut |number, row| {
            let Some(cells) = frames.remove(&number) else { return };
            if FILLS_A_HOLE.contains(&(capture, number)) {
                return;
            }
            for ((field, name), told) in fields.iter().zip(&names).zip(cells) {
                let mut cell = String::new();
                columns.cell(*field, row, &mut cell);
                assert_eq!(cell, told, "{name} in frame {number} of {capture}");
                compared += usize::from(!told.is_empty());
            }
        });
        assert!(frames.is_empty(), "{capture} has frames {frames:?}");
    }
    assert!(compared > 5000, "{compared}");
}

/// What is not asked for is not followed either: a field must not need what only another asks for.
#[test]
fn a_field_alone_is_what_it_is_among_all() {
    let all: Vec<_> = Registry::fields().map(|(id, _)| id).collect();
    for capture in ["mqtt5_qos.pcap", "vectors/W_random.pcap", "lab/midstream.pcap", "lab/ipv6.pcap"] {
        let mut expected = vec![String::new(); all.len()];
        let columns = Columns::default();
        rows(capture, &all, None, &mut |_, row| {
            for (field, text) in all.iter().zip(&mut expected) {
                columns.cell(*field, row, text);
                text.push('\n');
            }
        });
        for (field, text) in all.iter().zip(expected) {
            let mut alone = String::new();
            rows(capture, &[*field], None, &mut |_, row| {
                columns.cell(*field, row, &mut alone);
                alone.push('\n');
            });
            assert_eq!(alone, text, "{} in {capture}", Registry.describe(*field).name);
        }
    }
}

#[test]
fn several_messages_of_a_frame_are_several_values() {
    let names = ["frame.number", "mqtt.msgtype", "mqtt.msgid"];
    let cell = |columns: &Columns| {
        let all = text("lab/coalesced.pcap", &names, columns);
        all.lines().map(str::to_owned).max_by_key(String::len).unwrap()
    };
    let all = cell(&Columns::default());
    let types: Vec<_> = all.split('\t').nth(1).unwrap().split(',').collect();
    assert!(types.len() > 2, "{all}");
    let with = |which| cell(&Columns { which, ..Columns::default() });
    assert_eq!(Columns::default().which, Which::All);
    assert!(!with(Which::First).contains(','));
    assert!(!with(Which::Last).contains(','));
    let spaced = cell(&Columns { aggregator: ' ', separator: ';', quote: Quote::Double, ..Columns::default() });
    assert!(spaced.contains(&format!("\"{}\"", types.join(" "))), "{spaced}");
}

#[test]
fn a_header_names_the_columns_and_an_empty_cell_has_no_quotes() {
    let columns = Columns { header: true, bom: true, quote: Quote::Single, separator: ',', ..Columns::default() };
    let text = text("mqtt5_qos.pcap", &["frame.number", "mqtt.clientid"], &columns);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("\u{feff}frame.number,mqtt.clientid"));
    assert_eq!(lines.next(), Some("'1',"));
    assert_eq!(lines.nth(2), Some("'4','sub'"));
}

#[test]
fn no_field_tells_a_password() {
    let names: Vec<_> = Registry::fields().map(|(_, field)| field.name).collect();
    let text = text("lab/bad_credentials.pcap", &names, &Columns::default());
    assert!(text.contains("***"));
    for secret in ["wrong", "77726f6e67"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn a_connect_that_goes_on_is_not_told_before_it_is_known_what_is_a_password() {
    let text = text("lab/byte_writer.pcap", &["tcp.len", "tcp.payload", "mqtt.msgtype"], &Columns::default());
    let sent: Vec<_> = text.lines().filter(|line| line.starts_with("1\t")).collect();
    let connect = sent.iter().position(|line| line.ends_with("\t1")).expect("a CONNECT, byte by byte");
    assert!(connect > 10);
    assert!(sent[..connect].iter().all(|line| line.contains("\t2a\t")), "{sent:?}");
    assert!(sent[connect + 1..].iter().any(|line| !line.contains("\t2a\t")));
}

#[test]
fn authentication_data_is_not_told() {
    let names: Vec<_> = Registry::fields().map(|(_, field)| field.name).collect();
    let text = text("lab/v5_auth.pcap", &names, &Columns::default());
    let fields = self::text("lab/v5_auth.pcap", &["mqtt.property.authentication_data"], &Columns::default());
    assert!(fields.contains('1'));
    // `c=biws`, as text and as bytes.
    assert!(!text.contains("biws") && !text.contains("62697773"));
}

#[test]
fn fields_of_a_session_stand_on_each_of_its_messages() {
    let names = ["mqtt.client_id", "mqtt.direction", "mqtt.version", "mqtt.topic.resolved"];
    let text = text("lab/v5_topic_alias.pcap", &names, &Columns::default());
    let with_message: Vec<_> = text.lines().filter(|line| line.contains("c1")).collect();
    assert!(with_message.len() > 10);
    for line in &with_message {
        let cells: Vec<_> = line.split('\t').map(|cell| cell.split(',').collect::<Vec<_>>()).collect();
        assert_eq!(cells[0].len(), cells[1].len());
        assert!(cells[1].iter().all(|direction| ["to_server", "to_client"].contains(direction)), "{line}");
        assert!(cells[2].iter().all(|version| *version == "5.0"), "{line}");
    }
    assert!(with_message.iter().any(|line| line.ends_with("lab/s1/long/name/2")));
}

#[test]
fn a_property_is_found_by_its_name() {
    let names = ["mqtt.property.session_expiry_interval", "mqtt.property.user_property", "mqtt.property.topic_alias"];
    let all = text("lab/v5_properties.pcap", &names, &Columns::default());
    assert_eq!(all.lines().nth(3), Some("30\twho=sub,who=again\t"));
    let aliases = text("lab/v5_topic_alias.pcap", &names, &Columns::default());
    assert!(aliases.lines().any(|line| line == "\t\t2,3,1"), "{aliases}");
}

#[test]
fn states_follow_the_segments() {
    let names = ["tcp.state.client", "tcp.state.server"];
    let text = text("lab/close_4seg.pcap", &names, &Columns::default());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "SYN_SENT\tUNKNOWN");
    assert_eq!(lines[2].split('\t').next(), Some("ESTABLISHED"));
    assert!(lines.last().unwrap().starts_with("TIME_WAIT\t"), "{lines:?}");
}
