//! The targets, one file each.

mod assertions;
mod capture;
mod conversation;
mod engine;
mod file;
mod filter;
mod frame;
mod mqtt;
mod neighbours;
mod quic;
mod redact;
mod sensors;
mod streams;
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
    /// Whether it reads captures, so that small fixtures are inputs as well.
    pub captures: bool,
    /// What often stands in its input.
    pub words: &'static [&'static str],
}

const MIB: usize = 1 << 20;

/// A target that reads no captures.
const fn of(name: &'static str, run: fn(&[u8]), longest: usize, memory: (usize, usize)) -> Target {
    Target { name, run, longest, memory, captures: false, words: &[] }
}

/// All targets.
///
/// What they may allocate is more than twice of what they were seen to take.
pub static TARGETS: [Target; 14] = [
    Target { captures: true, ..of("capture", capture::run, 1 << 16, (64 * MIB, 64)) },
    of("frame", frame::run, 1 << 12, (MIB, 64)),
    Target { words: &["MQTT", "MQIsdp"], ..of("mqtt", mqtt::run, 1 << 14, (2 * MIB, 256)) },
    Target { words: conversation::WORDS, ..of("conversation", conversation::run, 1 << 14, (8 * MIB, 256)) },
    of("sensors", sensors::run, 1 << 12, (MIB, 256)),
    of("neighbours", neighbours::run, 1 << 13, (MIB, 256)),
    of("streams", streams::run, 1 << 14, (4 * MIB, 1024)),
    of("engine", engine::run, 1 << 12, (64 * MIB, 0)),
    Target { captures: true, words: &["MQTT", "MQIsdp"], ..of("file", file::run, 1 << 16, (64 * MIB, 1024)) },
    Target { words: filter::WORDS, ..of("filter", filter::run, 1 << 12, (16 * MIB, 4096)) },
    Target { words: assertions::WORDS, ..of("assertions", assertions::run, 1 << 13, (16 * MIB, 4096)) },
    Target { captures: true, ..of("redact", redact::run, 1 << 14, (32 * MIB, 1024)) },
    of("quic", quic::run, 1 << 12, (64 * MIB, 0)),
    Target { words: values::WORDS, ..of("values", values::run, 1 << 12, (8 * MIB, 1024)) },
];
