//! Display filters: any text, and those that are filters over frames and records.

use std::io::Cursor;

use mqttsniff::capture::File;
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Extractor, Filter, Registry};
use mqttsniff::neighbour::Names;
use mqttsniff::render::{RecordKind, RecordRow};
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Output};

use crate::people::see;

pub(super) const WORDS: &[&str] = &[
    "mqtt.topic",
    "mqtt.msgtype",
    "tcp.port",
    "ip.addr",
    "frame.time",
    "tcp.flags.syn",
    "eth.src",
    "tcp.payload",
    "flow.duration_s",
    "session.ended.kind",
    "finding.id",
    "mqtt.qos",
    "frame.number",
    "tcp.stream",
    "udp.port",
    " and ",
    " or ",
    " not ",
    " xor ",
    " == ",
    " != ",
    " >= ",
    " ~= ",
    " !== ",
    " === ",
    " contains ",
    " matches ",
    " in {",
    "}",
    "..",
    "any ",
    "all ",
    "[0:2]",
    "#1",
    "@",
    "upper(",
    "lower(",
    "len(",
    "count(",
    "string(",
    "max(",
    "abs(",
    ")",
    "\"a.*b\"",
    "r\"\\d+\"",
    "'a'",
    "0x10",
    "1e9",
    "1883",
    "10.0.0.0/8",
    "fe80::1",
    "aa:bb:cc:dd:ee:ff",
    "PUBLISH",
    "CONNECT",
    "True",
    "\"2026-01-01T00:00:00Z\"",
    "& 1",
    " + ",
    " * ",
    "topic_matches",
    "(",
    "\\x00",
];

/// A small capture with a little of everything.
const CAPTURE: &[u8] = include_bytes!("../../../fixtures/vectors/K_viol.pcap");

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Filter::parse(text, &Registry) {
        Ok(filter) => {
            again(&filter, |text| Filter::parse(text, &Registry).ok());
            over_frames(&filter);
        }
        Err(error) => {
            let range = error.range();
            assert!(range.start <= range.end && range.end <= text.len(), "{range:?} of {text:?}");
            see(error.to_string().as_bytes());
        }
    }
    for kind in RecordKind::ALL {
        if let Ok(filter) = Filter::parse(text, &kind) {
            again(&filter, |text| Filter::parse(text, &kind).ok());
            over_records(&filter);
        }
    }
}

/// What is printed reads as the same.
fn again(filter: &Filter, parse: impl Fn(&str) -> Option<Filter>) {
    let printed = filter.to_string();
    let reread = parse(&printed).unwrap_or_else(|| panic!("{printed} is a filter"));
    assert_eq!(reread.to_string(), printed, "it prints as it reads");
    assert!(reread == *filter, "{printed} is the same");
}

fn analysis(options: EngineOptions) -> Analysis {
    let mut analysis = Analysis::new(Box::new(File::from_reader(Cursor::new(CAPTURE), "input")), options);
    analysis.follow_sessions(SessionOptions { routes: true, ..SessionOptions::default() });
    analysis
}

fn over_frames(filter: &Filter) {
    let fields: Vec<_> = filter.fields().collect();
    let mut extractor = Extractor::new(&fields);
    let options = extractor.engine_options(EngineOptions::default());
    analysis(options).run(&mut |output: &Output<'_>| match output {
        Output::Message(flow, message) => extractor.on_message(*flow, message, None),
        Output::Preview(_, message) => extractor.on_preview(message, None),
        Output::Packet(view) => {
            let row = extractor.row(view);
            assert_eq!(filter.matches(&row), filter.matches(&row), "the answer is one");
            extractor.clear();
        }
        _ => {}
    });
}

fn over_records(filter: &Filter) {
    analysis(EngineOptions::default()).run(&mut |output: &Output<'_>| {
        if let Some(row) = RecordRow::of(output, &Names::default()) {
            filter.matches(&row);
        }
    });
}
