//! Files of a user's own rules, and those that are over a capture.

use std::io::Cursor;

use mqttsniff::assertions::Assertions;
use mqttsniff::capture::File;
use mqttsniff::engine::EngineOptions;
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Output};

use crate::people::see;

pub(super) const WORDS: &[&str] = &[
    "[[assert]]\n",
    "name = \"x\"\n",
    "each = \"mqtt\"\n",
    "then = \"mqtt.msgtype == SUBACK\"\n",
    "within = \"1s\"\n",
    "same = [\"tcp.stream\"]\n",
    "[rules]\n",
    "[limits]\n",
    "fail_on = \"error\"\n",
    "severity = \"warning\"\n",
    "count = { min = 1, max = 2 }\n",
    "expect = \"mqtt.qos > 0\"\n",
    "over = \"flows\"\n",
    "before = \"tcp\"\n",
    "\"MQTT-3.3.1-1\" = \"off\"\n",
    "keepalive_long_s = 10\n",
    "never = \"tcp.flags.reset\"\n",
    "= 1\n",
    "true",
    "\n",
    "clients = [\"a\"]\n",
    "\"\"\"",
    "topic = \"a/#\"\n",
    "{",
    "}",
    "[",
    "]",
    "1.5",
    "\"10ms\"",
    "percent = 99\n",
];

/// A small capture with a little of everything.
const CAPTURE: &[u8] = include_bytes!("../../../fixtures/vectors/F_sub.pcap");

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut assertions = match Assertions::parse(text, "rules.toml") {
        Ok(assertions) => assertions,
        Err(error) => {
            let shown = error.to_string();
            return see(shown.as_bytes());
        }
    };
    let source = Box::new(File::from_reader(Cursor::new(CAPTURE), "input"));
    let mut analysis = Analysis::new(source, assertions.engine_options(EngineOptions::default()));
    analysis.follow_sessions(assertions.session_options(SessionOptions::default()));
    let summary = analysis.run(&mut |output: &Output<'_>| assertions.on_output(output));
    let (count, place) = (assertions.len(), assertions.rules().first().map(|rule| rule.place.clone()));
    if let Some(place) = place {
        see(assertions.error_at(place, "it is wrong", None).to_string().as_bytes());
    }
    let verdicts = assertions.finish(&summary);
    assert!(verdicts.assertions.len() <= count, "each has one verdict");
    assert!(verdicts.findings.is_sorted_by_key(|finding| finding.time), "findings come in the order of time");
}
