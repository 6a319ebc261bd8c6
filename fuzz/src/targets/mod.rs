//! The targets, one file each.

mod assertions;
mod capture;
mod engine;
mod file;
mod filter;
mod frame;
mod mqtt;
mod redact;
mod values;

/// Something that takes any bytes.
#[derive(Debug)]
pub struct Target {
    /// Its name, which its corpus has, too.
    pub name: &'static str,
    /// Reads bytes; a panic is a find.
    pub run: fn(&[u8]),
    /// The most bytes that it is given.
    pub longest: usize,
    /// What it may allocate at once: so many bytes, and so many more for each of its input.
    pub memory: (usize, usize),
    /// What often stands in its input.
    pub words: &'static [&'static str],
}

const MIB: usize = 1 << 20;

/// All targets.
///
/// What they may allocate is what they were seen to take over the corpus, and half as much again.
pub static TARGETS: [Target; 9] = [
    Target { name: "capture", run: capture::run, longest: 1 << 16, memory: (64 * MIB, 64), words: &[] },
    Target { name: "frame", run: frame::run, longest: 1 << 12, memory: (MIB, 64), words: &[] },
    Target { name: "mqtt", run: mqtt::run, longest: 1 << 14, memory: (2 * MIB, 256), words: &["MQTT", "MQIsdp"] },
    Target { name: "engine", run: engine::run, longest: 1 << 12, memory: (64 * MIB, 0), words: &[] },
    Target { name: "file", run: file::run, longest: 1 << 16, memory: (64 * MIB, 1024), words: &["MQTT", "MQIsdp"] },
    Target { name: "filter", run: filter::run, longest: 1 << 12, memory: (16 * MIB, 4096), words: filter::WORDS },
    Target {
        name: "assertions",
        run: assertions::run,
        longest: 1 << 13,
        memory: (16 * MIB, 4096),
        words: assertions::WORDS,
    },
    Target { name: "redact", run: redact::run, longest: 1 << 14, memory: (32 * MIB, 1024), words: &["MQTT"] },
    Target { name: "values", run: values::run, longest: 1 << 12, memory: (8 * MIB, 1024), words: values::WORDS },
];
