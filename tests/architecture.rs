//! The plan of the house: who stands on whom, which room a dependency lives in, who may read a clock.
//!
//! The sources are read as text. That is coarse, and enough: comments are left out, and what is named in any
//! other way than by its path can't be reached.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

use std::collections::BTreeSet;
use std::path::Path;

/// The rooms by floor. Rooms on one floor are strangers.
const FLOORS: [&[&str]; 12] = [
    &["time", "text", "token", "prefetch", "rare", "cage"],
    &["capture"],
    &["wire", "mqtt", "mqttsn", "sparkplug"],
    &["flow"],
    &["neighbour"],
    &["dissect"],
    &["engine"],
    &["session", "redact", "excerpt", "field", "statistics"],
    &["check", "diff"],
    &["analysis", "render"],
    &["assertions"],
    &["cli", "main"],
];

/// Neighbours on one floor of which the first may know the second, and why.
const NEIGHBOURS: [(&str, &str); 2] = [
    // A renderer shows what the front door hands out.
    ("render", "analysis"),
    ("main", "cli"),
];

/// The rooms of each dependency: files and directories under `src/`, by the beginning of their path.
const ROOMS: [(&str, &[&str]); 37] = [
    // TLS is decrypted by these: AES in blocks and by counter, digests, and what derives keys.
    ("aes", &["dissect/tls/"]),
    ("anstream", &["cli/"]),
    ("anyhow", &["cli/", "main.rs"]),
    // The answer to a key of WebSocket is a digest in base64.
    ("base64", &["dissect/websocket/", "render/"]),
    ("cbc", &["dissect/tls/"]),
    ("clap", &["cli/", "main.rs"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("comfy_table", &["render/"]),
    ("ctr", &["dissect/tls/"]),
    ("etherparse", &["wire/"]),
    ("flate2", &["capture/", "dissect/websocket/"]),
    // Keys come from the network: their hash must be seeded and fast wherever there is a table of them.
    (
        "foldhash",
        &[
            "check/conformance/",
            "excerpt/",
            "field/",
            "flow/",
            "redact/",
            "session/",
            "statistics.rs",
            "wire/fragments.rs",
        ],
    ),
    ("hkdf", &["dissect/tls/"]),
    ("hmac", &["dissect/tls/"]),
    ("httparse", &["dissect/websocket/"]),
    // Digits of numbers, of which lines for machines and for people are full; serde_json has it anyway.
    ("itoa", &["render/", "wire/info.rs"]),
    ("landlock", &["cage/"]),
    ("lz4_flex", &["capture/"]),
    // Names of users, and the numbers of system calls.
    ("nix", &["cage/"]),
    ("prefetch_index", &["prefetch.rs"]),
    ("md5", &["dissect/tls/"]),
    ("nom", &["capture/", "mqtt/"]),
    ("pcap", &["capture/live.rs", "capture/live/", "capture/interfaces.rs"]),
    ("regex", &["field/filter/pattern.rs", "field/filter/eval.rs"]),
    // AES-GCM and ChaCha20-Poly1305 at three times the speed that others have, and what masks the headers of QUIC.
    ("ring", &["dissect/quic/keys.rs", "dissect/tls/"]),
    // A terminal's size and modes, and many sockets at a time.
    ("rustix", &["cage/", "cli/terminal.rs", "cli/watch/"]),
    ("ruzstd", &["capture/"]),
    ("seccompiler", &["cage/"]),
    ("serde", &["render/"]),
    ("serde_json", &["render/"]),
    ("sha1", &["dissect/tls/", "dissect/websocket/"]),
    ("sha2", &["dissect/tls/"]),
    ("signal_hook", &["cli/"]),
    ("thiserror", &["cage/", "capture/"]),
    ("toml", &["assertions/"]),
    // What ruzstd packs is larger than what gzip does.
    ("zstd", &["capture/"]),
];

/// Where time is a matter of the clock: the network's and the user's.
const CLOCKS: [&str; 3] = ["capture/live.rs", "capture/live/", "cli/"];

/// A file of the sources.
struct File {
    /// Its path under `src/`.
    path: String,
    /// Its text without comments.
    code: String,
    lines: usize,
}

impl File {
    /// The room it stands in; `lib.rs`, which is the map, stands in none.
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                files.push(File { path, lines: text.lines().count(), code: without_comments(&text) });
            }
        }
    }
    assert!(files.len() > 80, "the sources are there");
    files.retain(|file| file.path != "lib.rs");
    files
}

fn without_comments(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.map(|line| line.split(" // ").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands behind each `word` that begins there and is no part of a longer path or name.
fn behind<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(word).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        let alone = before.is_none_or(|c| !is_word(c) && c != ':' && c != '$');
        alone.then(|| &code[at + word.len()..])
    })
}

/// The first names in a path or in a list of paths in braces: of `{a::b, c}` these are `a` and `c`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(list) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut start) = (1, Vec::new(), 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                names.push(name(&list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            names.push(name(&list[start..at]));
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The rooms that a file names.
fn used_rooms(file: &File) -> BTreeSet<String> {
    let mut rooms: BTreeSet<_> = behind(&file.code, "crate::").flat_map(first_names).collect();
    // As many steps up as there are modules above lead out of the room. Tests stand a module deeper.
    if !file.path.ends_with("tests.rs") {
        let depth = file.path.matches('/').count() + usize::from(!file.path.ends_with("/mod.rs"));
        let out = "super::".repeat(depth);
        let code = file.code.split("mod tests {").next().unwrap();
        rooms.extend(behind(code, &out).flat_map(first_names).filter(|name| name != "super"));
    }
    rooms
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// What is wrong with this file's use of other rooms.
fn wrong_ways(file: &File) -> Vec<String> {
    let room = file.room();
    let Some(own) = floor(room) else { return vec![format!("{}: a room without a floor", file.path)] };
    let is_binary = ["cli", "main"].contains(&room);
    let may_use = |used: &str| {
        let below = floor(used).is_some_and(|floor| floor < own);
        // The binary reaches the library by its name, and has but its own rooms under `crate`.
        used == room || (below && !is_binary) || NEIGHBOURS.contains(&(room, used))
    };
    let wrong = used_rooms(file).into_iter().filter(|used| !may_use(used));
    wrong.map(|used| format!("{} may not use {used}", file.path)).collect()
}

#[test]
fn a_file_uses_only_what_stands_on_lower_floors() {
    let wrong: Vec<_> = sources().iter().flat_map(wrong_ways).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// The words in backticks.
fn words_in_ticks(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_has_the_same_floors() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).unwrap();
    let table = page.split_once("| floor | rooms |").unwrap().1;
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.split_once(" | "));
    let told: Vec<_> = rows.map(|(floor, rooms)| (floor.parse().unwrap(), words_in_ticks(rooms))).collect();
    let floors = FLOORS.iter().map(|rooms| rooms.iter().copied().collect());
    assert_eq!(told, (0..).zip(floors).collect::<Vec<(usize, BTreeSet<_>)>>());
}

#[test]
fn only_the_binary_knows_the_command_line() {
    for file in sources().iter().filter(|file| !["cli", "main"].contains(&file.room())) {
        assert_eq!(behind(&file.code, "mqttsniff::").count(), 0, "{} uses its own crate by name", file.path);
    }
}

#[test]
fn the_check_sees_each_way_to_name_a_room() {
    let file = |path: &str, code: &str| File { path: path.into(), code: without_comments(code), lines: 1 };
    let wrong = |path: &str, code: &str| !wrong_ways(&file(path, code)).is_empty();
    assert!(wrong("wire/tcp.rs", "use crate::flow::Flow;"));
    assert!(wrong("wire/tcp.rs", "use crate::mqtt;"), "strangers");
    assert!(wrong("wire/tcp.rs", "use crate::{\n    capture::{Frame, FrameNo},\n    engine::Engine,\n};"));
    assert!(wrong("wire/tcp.rs", "fn f() -> crate::flow::Flow {}"));
    assert!(wrong("wire/tcp.rs", "use super::super::flow::Flow;"));
    assert!(wrong("wire/mod.rs", "use super::flow::Flow;"));
    assert!(wrong("analysis.rs", "use crate::render::Tables;"));
    assert!(wrong("cli/read.rs", "use crate::capture::Frame;"), "not part of the binary");
    assert!(wrong("attic/box.rs", ""));
    assert!(!wrong("wire/tcp.rs", "use crate::time::Span; use crate::capture::{Frame, FrameNo};"));
    assert!(!wrong("wire/tcp.rs", "/// As [`crate::flow`] does.\nuse super::Checksum;"));
    assert!(!wrong("wire/deep/tcp.rs", "use super::super::Checksum;"));
    assert!(!wrong("render/table.rs", "use crate::analysis::Summary;"));
    assert!(!wrong("cli/read.rs", "use mqttsniff::Analysis; use super::args::Read;"));
}

#[test]
fn files_are_short_enough_to_be_read_at_once() {
    let long: Vec<_> = sources().into_iter().filter(|file| file.lines > 600).map(|file| file.path).collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn nothing_but_live_capture_and_the_command_line_reads_a_clock() {
    for file in sources() {
        let mut words = file.code.split(|c| !is_word(c));
        let clock = words.find(|word| ["SystemTime", "Instant"].contains(word));
        let allowed = CLOCKS.iter().any(|place| file.path.starts_with(place));
        assert!(clock.is_none() || allowed, "{} has {clock:?}", file.path);
    }
}

/// Whether the code names the crate, and not a module of the same name.
fn uses_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let rooted = code.contains(&format!("::{path}"))
        && code.match_indices(&format!("::{path}")).any(|(at, _)| {
            // `use ::name::…`, not `other::name::…`.
            code[..at].chars().next_back().is_none_or(|c| !is_word(c))
        });
    let is_module = code.contains(&format!("mod {name};")) || code.contains(&format!("super::{name}"));
    rooted || (!is_module && behind(code, &path).next().is_some()) || code.contains(&format!("use {name};"))
}

#[test]
fn each_dependency_has_its_rooms() {
    let files = sources();
    for (name, rooms) in ROOMS {
        let users: Vec<_> = files.iter().filter(|file| uses_crate(&file.code, name)).collect();
        assert!(!users.is_empty(), "nothing uses {name}");
        for file in users {
            assert!(rooms.iter().any(|room| file.path.starts_with(room)), "{} may not use {name}", file.path);
        }
    }
}

#[test]
fn every_dependency_is_in_the_plan() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    // Those of one system have a section of their own.
    let sections = manifest.split("\n[").filter_map(|section| section.split_once("dependencies]\n"));
    let sections = sections.filter(|(name, _)| name.is_empty() || name.starts_with("target."));
    let entries = sections
        .flat_map(|(_, section)| section.lines())
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "));
    let names: BTreeSet<_> = entries.map(|(name, _)| name.replace('-', "_")).collect();
    assert_eq!(names, ROOMS.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn no_file_allows_unsafe_code() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for file in sources() {
        assert!(!file.code.split(|c| !is_word(c)).any(|word| word == "unsafe"), "{}", file.path);
    }
}
