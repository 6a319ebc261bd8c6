//! What must hold of JSON Lines, whatever was captured (`docs/json.md`).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write};

use serde_json::Value;

/// Takes JSON Lines, looks at each, and keeps none.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    line: Vec<u8>,
    digest: DefaultHasher,
    /// The first lines, so that a difference can be seen.
    first: Vec<u8>,
    /// How many there were of messages, flows, sessions and findings.
    counts: [u64; 4],
    last_packet: u64,
    flows: BTreeSet<u64>,
    ended: bool,
}

/// How much is kept to show where two outputs differ.
const SHOWN: usize = 1 << 16;

/// The records that the summary counts.
const COUNTED: [&str; 4] = ["message", "flow", "session", "finding"];

impl Judge {
    /// A number that tells different outputs apart, and the first lines.
    pub(crate) fn finish(self) -> (u64, String) {
        assert!(self.line.is_empty(), "the last line has no end");
        assert!(self.ended, "there is a summary");
        (self.digest.finish(), String::from_utf8_lossy(&self.first).into_owned())
    }

    fn judge(&mut self, line: &[u8]) {
        self.digest.write(line);
        if self.first.len() < SHOWN {
            self.first.extend_from_slice(line);
            self.first.push(b'\n');
        }
        let text = || String::from_utf8_lossy(line);
        let record: Value = serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error} in {}", text()));
        assert!(!self.ended, "nothing comes behind the summary");
        let name = record["record"].as_str().unwrap_or_else(|| panic!("a record has a name: {}", text()));
        if let Some(at) = COUNTED.iter().position(|counted| *counted == name) {
            self.counts[at] += 1;
        }
        no_null(&record, &text);
        match name {
            "packet" => {
                let frame = number(&record, "frame");
                assert_eq!(frame, self.last_packet + 1, "packets come in their order");
                self.last_packet = frame;
            }
            "message" => message(&record),
            "flow" => {
                assert!(self.flows.insert(number(&record, "flow")), "a flow is told once: {}", text());
                flow(&record);
            }
            "summary" => {
                self.ended = true;
                self.summary(&record);
            }
            _ => {}
        }
    }

    fn summary(&self, record: &Value) {
        let [messages, flows, sessions, findings] = self.counts;
        assert_eq!(number(record, "messages"), messages, "messages");
        assert_eq!(number(record, "flows"), flows, "flows");
        assert_eq!(number(record, "sessions"), sessions, "sessions");
        let by_severity = ["error", "warning", "note"].map(|severity| number(&record["findings"], severity));
        assert_eq!(by_severity.iter().sum::<u64>(), findings, "findings");
        if self.last_packet > 0 {
            assert_eq!(number(record, "frames"), self.last_packet, "frames");
        }
    }
}

impl Write for Judge {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.split_last() {
                Some((b'\n', end)) => {
                    let mut line = std::mem::take(&mut self.line);
                    line.extend_from_slice(end);
                    self.judge(&line);
                    line.clear();
                    self.line = line;
                }
                _ => self.line.extend_from_slice(piece),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn number(record: &Value, name: &str) -> u64 {
    record[name].as_u64().unwrap_or_else(|| panic!("{name} is a number in {record}"))
}

/// What is not known is left out.
fn no_null<'a>(value: &Value, text: &impl Fn() -> std::borrow::Cow<'a, str>) {
    match value {
        Value::Null => panic!("absent is not null: {}", text()),
        Value::Array(items) => items.iter().for_each(|item| no_null(item, text)),
        // A payload may be any JSON.
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "json").for_each(|(_, item)| no_null(item, text))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn message(record: &Value) {
    let frames: Vec<u64> = record["frames"].as_array().expect("frames").iter().filter_map(Value::as_u64).collect();
    assert!(frames.is_sorted_by(|a, b| a < b), "frames ascend: {record}");
    let (frame, flow) = (number(record, "frame"), number(record, "flow"));
    assert!(frames.last().is_some_and(|last| frames.len() >= 1024 || *last <= frame), "it was complete then: {record}");
    assert!(frames.first().is_some_and(|first| flow <= *first), "its flow began before: {record}");
    assert!(matches!(record["from"].as_str(), Some("client" | "server")), "{record}");
    assert!(matches!(record["version"].as_str(), Some("3.1" | "3.1.1" | "5.0")), "{record}");
    let (length, remaining) = (number(record, "length"), number(record, "remaining_length"));
    assert!((2..=5).contains(&(length - remaining)), "a fixed header has two to five bytes: {record}");
}

/// The kinds of retransmissions.
const KINDS: [&str; 7] = [
    "fast_retransmissions",
    "timeout_retransmissions",
    "tail_loss_probes",
    "path_mtu_retransmissions",
    "fast_open_retransmissions",
    "handshake_retransmissions",
    "spurious_retransmissions",
];

fn flow(record: &Value) {
    let [first, last] = ["first_frame", "last_frame"].map(|name| number(record, name));
    assert!(first <= last, "{record}");
    assert_eq!(first, number(record, "flow"), "{record}");
    for end in ["from_client", "from_server"] {
        let side = &record[end];
        assert!(number(side, "unique_bytes") <= number(side, "payload_bytes"), "{end} of {record}");
        if record["protocol"] != "tcp" {
            continue;
        }
        let sum: u64 = KINDS.iter().map(|kind| number(side, kind)).sum();
        assert_eq!(sum, number(side, "retransmissions"), "the kinds add up: {end} of {record}");
        let packets = number(side, "packets");
        for part in ["retransmissions", "resets", "keep_alives", "zero_windows", "bad_checksums"] {
            assert!(number(side, part) <= packets, "{part} {end} of {record}");
        }
    }
}
