//! What was known before: findings by what stays when the same traffic is captured again.
//!
//! Time stamps, ports, frame numbers and counts differ from one capture of a test to the next; the rule, its clause,
//! the client and what the message says do not.

use std::collections::BTreeMap;

use super::Finding;
use crate::text::{Escaped, fnv1a};

/// Keys that are kept. A finding beyond them is told as new.
const KEYS: usize = 100_000;

/// Units that stand behind a number and change with its size.
const UNITS: [&str; 12] = ["ns", "µs", "ms", "s", "min", "h", "B", "kB", "MB", "GB", "KiB", "MiB"];

/// What a finding has in common with that of another capture of the same traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// The rule.
    pub rule: String,
    /// The clause that it breaks.
    pub clause: Option<String>,
    /// The client, where its identifier is known.
    pub client_id: Option<String>,
    /// Where it is not: what the flow is for.
    pub service: Option<String>,
    /// The message, with `#` for each number.
    pub message: String,
}

impl FindingKey {
    /// The key of a finding.
    pub fn of(finding: &Finding) -> Self {
        let client_id = finding.client_id.as_ref().map(|id| Escaped(id).to_string());
        let service = match (&client_id, finding.flow) {
            (None, Some(flow)) => Some(service(&finding.id, flow.server.port()).to_owned()),
            _ => None,
        };
        Self {
            rule: finding.id.clone(),
            clause: finding.clause.map(str::to_owned),
            client_id,
            service,
            message: without_numbers(&Escaped(finding.message.as_bytes()).to_string()),
        }
    }

    /// The key as a number in hexadecimal digits, the same in every run; `part` tells those of one key apart.
    pub fn fingerprint(&self, part: &str) -> String {
        let absent = String::new();
        let fields = [
            &self.rule,
            self.clause.as_ref().unwrap_or(&absent),
            self.client_id.as_ref().unwrap_or(&absent),
            self.service.as_ref().unwrap_or(&absent),
            &self.message,
        ];
        let fields = fields.into_iter().map(String::as_str).chain([part]);
        format!("{:016x}", fnv1a(fields.flat_map(|field| field.bytes().chain([0xff]))))
    }
}

/// What a flow is for. MQTT is told by its findings, wherever the server listens; the rest by ports that are assigned.
fn service(rule: &str, port: u16) -> &'static str {
    match port {
        _ if rule.starts_with("mqtt.") => "mqtt",
        1883 => "mqtt",
        8883 => "mqtts",
        80 | 8080 => "http",
        443 => "https",
        53 => "dns",
        _ => "other",
    }
}

/// The text with `#` for each number that stands alone, and for its unit.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_word = false;
    while let Some(c) = rest.chars().next() {
        if in_word || !c.is_ascii_digit() {
            // A hyphen goes on with a word: UTF-8.
            in_word = c.is_alphanumeric() || c == '_' || (in_word && c == '-');
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            continue;
        }
        let hex = rest.strip_prefix("0x").filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
        rest = match hex {
            Some(digits) => digits.trim_start_matches(|c: char| c.is_ascii_hexdigit()),
            None => behind_number(rest),
        };
        rest = behind_unit(rest);
        out.push('#');
        in_word = false;
    }
    out
}

/// What stands behind digits, in which there may be points.
fn behind_number(text: &str) -> &str {
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    while let Some(more) = rest.strip_prefix(['.', ',']).filter(|more| more.starts_with(|c: char| c.is_ascii_digit())) {
        rest = more.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    rest
}

/// What stands behind a unit, if there is one.
fn behind_unit(text: &str) -> &str {
    let Some(unit) = text.strip_prefix(' ') else { return text };
    let end = unit.find(|c: char| !c.is_alphanumeric()).unwrap_or(unit.len());
    match unit.split_at_checked(end) {
        Some((unit, rest)) if UNITS.contains(&unit) => rest,
        _ => text,
    }
}

/// How often a key was known, and how often it was met.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    known: u64,
    met: u64,
}

/// Known findings, and what a run meets of them.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    keys: BTreeMap<FindingKey, Times>,
    beyond: u64,
}

impl Baseline {
    /// These are known, so often each.
    pub fn new(known: impl IntoIterator<Item = (FindingKey, u64)>) -> Self {
        let mut keys: BTreeMap<_, Times> = BTreeMap::new();
        for (key, count) in known {
            keys.entry(key).or_default().known += count;
        }
        Self { keys, beyond: 0 }
    }

    /// Meets a finding. Whether it was known: more of a key than were known are new.
    pub fn meet(&mut self, finding: &Finding) -> bool {
        let key = FindingKey::of(finding);
        if let Some(times) = self.keys.get_mut(&key) {
            times.met += 1;
            return times.met <= times.known;
        }
        if self.keys.len() < KEYS {
            self.keys.insert(key, Times { known: 0, met: 1 });
        } else {
            self.beyond += 1;
        }
        false
    }

    /// What was met, in the order of its keys.
    pub fn met(&self) -> impl Iterator<Item = (&FindingKey, u64)> {
        self.keys.iter().map(|(key, times)| (key, times.met)).filter(|(_, met)| *met > 0)
    }

    /// What was known and is no more, and how often.
    pub fn gone(&self) -> impl Iterator<Item = (&FindingKey, u64)> {
        self.keys
            .iter()
            .map(|(key, times)| (key, times.known.saturating_sub(times.met)))
            .filter(|(_, missing)| *missing > 0)
    }

    /// How many findings had a key that could not be kept, because there were too many.
    pub const fn beyond(&self) -> u64 {
        self.beyond
    }
}

impl std::fmt::Display for FindingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rule)?;
        if let Some(clause) = &self.clause {
            write!(f, " [{clause}]")?;
        }
        match (&self.client_id, &self.service) {
            (Some(client), _) => write!(f, " of client {client}")?,
            (None, Some(service)) => write!(f, " ({service})")?,
            (None, None) => {}
        }
        write!(f, ": {}", self.message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::FrameNo;
    use crate::check::{Certainty, Severity};
    use crate::time::Timestamp;

    fn finding(message: &str, frame: u64) -> Finding {
        Finding {
            id: "mqtt.identifier-in-use".to_owned(),
            severity: Severity::Error,
            certainty: Certainty::Certain,
            flow: None,
            client_id: Some(b"pub".as_slice().into()),
            frames: vec![FrameNo(frame)],
            time: Timestamp::from_nanos(frame as i64),
            message: message.to_owned(),
            clause: Some("MQTT-2.2.1-3"),
            hint: None,
        }
    }

    #[test]
    fn numbers_that_vary_are_no_part_of_a_message() {
        for (text, expected) in [
            ("the client uses packet identifier 17 again", "the client uses packet identifier # again"),
            ("code 0x9a, byte 12", "code #, byte #"),
            ("silent for 1.5 s, and 640 µs", "silent for #, and #"),
            ("silent for 12.0 ms.", "silent for #."),
            ("from 10.0.0.1:40000", "from #:#"),
            ("topic lab/s1/q0 is sent 3 sheep", "topic lab/s1/q0 is sent # sheep"),
            ("not UTF-8, 1-2 times", "not UTF-8, #-# times"),
            ("7", "#"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_number_stands_alone_in_a_key(text in "([a-z ]|[0-9]|0x|[.,:#-]|µs| ms){0,40}") {
            let once = without_numbers(&text);
            prop_assert_eq!(without_numbers(&once), once.clone());
            let mut before = ' ';
            for c in once.chars() {
                prop_assert!(!c.is_ascii_digit() || before.is_alphanumeric() || before == '-', "{} {}", text, once);
                before = c;
            }
        }
    }

    #[test]
    fn more_of_a_key_than_were_known_are_new() {
        let mut baseline = Baseline::new([(FindingKey::of(&finding("identifier 1", 1)), 2)]);
        assert!(baseline.meet(&finding("identifier 2", 70)));
        assert!(baseline.meet(&finding("identifier 3", 71)));
        assert!(!baseline.meet(&finding("identifier 4", 72)));
        assert!(!baseline.meet(&finding("something else", 73)));
        assert_eq!(baseline.gone().count(), 0);
        assert_eq!(baseline.met().map(|(_, met)| met).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn what_occurs_no_more_is_told() {
        let key = FindingKey::of(&finding("identifier 1", 1));
        let mut baseline = Baseline::new([(key.clone(), 3)]);
        baseline.meet(&finding("identifier 9", 5));
        assert_eq!(baseline.gone().collect::<Vec<_>>(), [(&key, 2)]);
    }

    #[test]
    fn fingerprints_tell_keys_apart_and_nothing_else() {
        let key = |message| FindingKey::of(&finding(message, 1));
        assert_eq!(key("identifier 1").fingerprint("1"), key("identifier 2").fingerprint("1"));
        assert_ne!(key("identifier 1").fingerprint("1"), key("identifier 1").fingerprint("2"));
        assert_ne!(key("identifier 1").fingerprint("1"), key("number 1").fingerprint("1"));
        // The bytes are what other runs have written down.
        assert_eq!(key("identifier 1").fingerprint("1").len(), 16);
    }

    #[test]
    fn mqtt_is_mqtt_on_any_port() {
        assert_eq!(service("mqtt.fixed-flags", 40_001), "mqtt");
        assert_eq!(service("tcp.overlap-conflict", 1883), "mqtt");
        assert_eq!(service("tcp.overlap-conflict", 40_001), "other");
    }
}
