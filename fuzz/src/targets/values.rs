//! Small languages: limits, baselines, values of arguments, topic filters, Sparkplug payloads, tokens.

use mqttsniff::check::Limits;
use mqttsniff::mqtt::topic;
use mqttsniff::render::{read_baseline, write_baseline};
use mqttsniff::sparkplug;
use mqttsniff::text::Escaped;

use crate::REDACTOR;
use crate::people::see;
use crate::script::Script;

/// The arguments of the program have their own floor, which is no part of the library.
#[path = "../../../src/cli/parse.rs"]
#[allow(dead_code, reason = "some are for other options")]
mod parse;

pub(super) const WORDS: &[&str] = &[
    "1883=mqtt",
    "10-20",
    "1.5m",
    "250ms",
    "bytes:desc",
    "frames:asc",
    "$share/g/",
    "/#",
    "/+",
    "+",
    "#",
    "a/b",
    "keepalive_long_s",
    "findings_per_rule",
    "1e400",
    "-1",
    "NaN",
    "inf",
    "18446744073709551616",
    "{\"id\":\"",
    "\"fingerprint\":",
    "\"count\":",
    "\n",
    "=",
    "spBv1.0/",
    "topic_slashes",
];

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let kind = script.byte();
    let rest = script.rest();
    let text = String::from_utf8_lossy(rest);
    let (one, other) = rest.split_at(rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len()));
    match kind % 6 {
        0 => arguments(&text),
        1 => {
            let mut limits = Limits::default();
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            if let Err(error) = limits.set(name, value) {
                see(error.to_string().as_bytes());
            }
        }
        2 => match read_baseline(&text) {
            Ok(baseline) => {
                let mut out = Vec::new();
                write_baseline(&baseline, &mut out).expect("memory takes everything");
            }
            Err(error) => see(error.to_string().as_bytes()),
        },
        3 => topics(one, other.get(1..).unwrap_or_default()),
        4 => {
            if let Some(payload) = sparkplug::Payload::read(rest) {
                assert!(payload.metrics().count() <= rest.len(), "a metric has bytes");
            }
        }
        _ => {
            see(Escaped(rest).to_string().as_bytes());
            let redactor = *REDACTOR;
            assert_eq!(redactor.text(rest).len(), rest.len(), "a token is as long");
            assert_eq!(redactor.topic(rest).len(), rest.len(), "a token is as long");
            assert_eq!(redactor.topic(rest), redactor.topic(rest), "a token is the same");
        }
    }
}

fn arguments(text: &str) {
    let _ = parse::decode_as(text);
    let _ = parse::order(text);
    let _ = parse::duration(text);
    let _ = parse::size(text);
    if let Ok((first, last)) = parse::frames(text) {
        assert!(first <= last);
    }
}

fn topics(filter: &[u8], name: &[u8]) {
    let fault = topic::filter_fault(filter, true);
    let matches = topic::matches(filter, name);
    if fault.is_none() && !topic::has_wildcard(filter) && topic::shared(filter).is_none() {
        assert_eq!(matches, filter == name, "without wildcards it is the topic itself");
    }
    if let Some((at, _)) = fault {
        assert!(at <= filter.len(), "a fault has its place");
    }
}
