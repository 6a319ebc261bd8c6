//! Traffic that somebody has made to harm: nothing ends by a signal, and memory stays within a bound that does not depend
//! on how much comes.
//!
//! The bound is the kernel's (`ulimit -v`): a program that asks for more is refused, and aborts. How much that is at full
//! size, and how fast, is measured by `scripts/hostile-traffic`: docs/hostile-traffic.md.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::io::{BufWriter, Read as _, Write as _};
use std::process::{Command, Output, Stdio};
use std::thread;

use common::attack::{self, ATTACKS, Attack};
use common::{fixtures, lines, of, pcap, stderr, stdout};
use serde_json::Value;

/// Caps that small traffic reaches.
const CAPS: &str = "flows=500 fragments=50 fragment_bytes=1000000 out_of_order=100000 messages=600000 \
                    stream_memory=2000000 sessions=100 deliveries=500 session_memory=2000000 retained=500 \
                    subscriptions=1000000 topics=500";

/// What the program may hold beside what it needs to run at all, in MiB.
const MEMORY: u64 = 48;

/// Whether the address space of a program can be limited here.
fn limits() -> bool {
    let there = cfg!(target_os = "linux")
        && Command::new("sh").args(["-c", "ulimit -v 1000000"]).status().is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: the address space of a program can't be limited here");
    }
    there
}

/// The most address space that the program takes for next to nothing, in KiB.
fn least() -> u64 {
    let mut kib = 16 << 10;
    loop {
        let path = fixtures().join("mqtt5_qos.pcap");
        let output = limited(kib, &["read", "-j1", "--json", path.to_str().unwrap()]).output().unwrap();
        if output.status.success() {
            return kib;
        }
        kib += 4 << 10;
        assert!(kib < 1 << 20, "a gigabyte is not enough to start: {output:?}");
    }
}

/// The program with so much address space.
fn limited(kib: u64, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c 0; ulimit -v \"$1\"; shift; exec \"$@\"", "sh", &kib.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_mqttsniff")).args(arguments);
    command.env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the program does with an attack of so many packets, which come through a pipe.
fn play(attack: &'static Attack, packets: u64, step_us: u64, command: &mut Command) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = BufWriter::with_capacity(1 << 16, child.stdin.take().unwrap());
    let writer = thread::spawn(move || {
        // Where the program ends early, that is told by how it ends.
        let _ = attack::write(attack, packets, step_us, &mut input).and_then(|_| input.flush());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn named(name: &str) -> &'static Attack {
    ATTACKS.iter().find(|attack| attack.name == name).unwrap()
}

/// As many packets as go through an unoptimized program in about a second.
fn packets_of(attack: &Attack) -> u64 {
    match attack.name {
        "nested-tunnels" => 100,
        "empty-properties" | "property-bomb" => 30,
        "user-properties" | "subscribe-bomb" | "topic-levels" => 40,
        "filters-of-many" => 600,
        "wildcards" => 150,
        "clients" | "escapes" | "giant-lengths" | "unacknowledged" | "aliases" | "retained" => 2500,
        "garbage" | "take-over" | "topic-explosion" | "overlapping-segments" => 4000,
        _ => 8000,
    }
}

/// The caps as arguments.
fn caps() -> Vec<&'static str> {
    CAPS.split(' ').flat_map(|cap| ["--cap", cap]).collect()
}

#[test]
fn no_attack_takes_more_memory_than_the_caps_allow() {
    if !limits() {
        return;
    }
    let kib = least() + (MEMORY << 10);
    let all = ["read", "-j1", "--json", "--show", "messages,flows,sessions,deliveries,topics,findings,summary"];
    for attack in ATTACKS {
        // With a clock that stands still nothing is ever too old to be kept.
        for step_us in [10, 0] {
            let arguments = [&all[..], &caps(), &["-"]].concat();
            let packets = packets_of(attack) / if step_us == 0 { 2 } else { 1 };
            let output = play(attack, packets, step_us, &mut limited(kib, &arguments));
            let name = attack.name;
            assert!(output.status.success(), "{name}: {:?} {}", output.status, stderr(&output));
            let told = stderr(&output);
            assert!(told.is_empty() || told.starts_with("mqttsniff: no MQTT was found: "), "{name}: {told}");
            let summary: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
            assert_eq!((&summary["record"], &summary["complete"]), (&"summary".into(), &true.into()), "{name}");
            assert!(summary["frames"].as_u64().unwrap() >= packets - 1, "{name}: {summary}");
        }
    }
}

#[test]
fn what_is_given_up_for_a_cap_is_told() {
    let given_up = |name: &str, packets: u64, cap: &str, by: &str| {
        let arguments = ["read", "-j1", "--json", "--show", "deliveries,topics,findings,summary", "--cap", cap, "-"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = play(named(name), packets, 10, &mut command);
        let records = lines(&output);
        let summary = of(&records, "summary")[0];
        assert!(summary["losses"]["capped_by"][by].as_u64().unwrap_or(0) > 0, "{name}: {summary}");
        assert!(!of(&records, "finding").is_empty(), "{name}");
    };
    given_up("syn-flood", 2000, "flows=1000", "flows");
    given_up("half-open", 4000, "flows=1000", "flows");
    given_up("lone-fragments", 500, "fragments=100", "fragments");
    given_up("holes", 2000, "flows=10", "out_of_order");
    given_up("giant-lengths", 2000, "stream_memory=1000000", "messages");
    given_up("overlapping-segments", 2000, "stream_memory=100000", "out_of_order");
    given_up("deflated", 2000, "stream_memory=1000000", "messages");
    given_up("tls-records", 2000, "stream_memory=1000000", "messages");
    given_up("unacknowledged", 5000, "flows=10", "deliveries");
    given_up("unacknowledged-by-many", 2500, "session_memory=1000000", "session_memory");
    given_up("filters-of-many", 500, "session_memory=1000000", "session_memory");
    given_up("topic-explosion", 4000, "topics=1000", "topics");
    given_up("retained", 4000, "retained=1000", "retained");
    given_up("subscribe-bomb", 40, "subscriptions=1000000", "subscriptions");
    given_up("topic-levels", 40, "subscriptions=10000000", "subscriptions");
    // Not for the bytes, but because so many match.
    given_up("wildcards", 150, "subscriptions=100000000", "subscriptions");
}

#[test]
fn streams_that_are_shed_go_on() {
    let arguments =
        ["read", "-j1", "--json", "--show", "messages,flows,findings,summary", "--cap", "stream_memory=200000", "-"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = play(named("giant-lengths"), 4000, 10, &mut command);
    let records = lines(&output);
    let publications: Vec<_> =
        of(&records, "message").into_iter().filter(|message| message["type"] == "PUBLISH").collect();
    // Each is cut by the end of the capture, and still known for what it is.
    assert_eq!(publications.len(), 200);
    assert!(publications.iter().all(|message| message["remaining_length"] == 268_435_455));
    let shed = publications.iter().filter(|message| message.get("topic").is_none()).count();
    assert!((1..200).contains(&shed), "{shed}");
    assert!(of(&records, "finding").iter().all(|finding| finding["id"] != "mqtt.lost-sync"));
}

#[test]
fn an_answer_to_what_was_given_up_is_held_against_nobody() {
    // The first clients are acknowledged after they gave up what they hold, and none of it is wrong.
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    let show = ["read", "-j1", "--json", "--show", "findings,summary", "--cap", "session_memory=1000000", "-"];
    command.args(show).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = play(named("unacknowledged-by-many"), 2500, 10, &mut command);
    let records = lines(&output);
    assert!(of(&records, "summary")[0]["losses"]["capped_by"]["session_memory"].as_u64().unwrap() > 10);
    let ids: Vec<_> =
        of(&records, "finding").iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| id == "capture.cap-reached"), "{ids:?}");
}

#[test]
fn the_same_attack_gives_the_same_output_by_any_seed_of_the_hashes_and_number_of_threads() {
    for attack in ATTACKS {
        let run = |threads: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
            let show =
                ["read", threads, "--json", "--show", "messages,flows,sessions,deliveries,topics,findings,summary"];
            command.args(show).args(caps()).arg("-").stdout(Stdio::piped()).stderr(Stdio::piped());
            play(attack, (packets_of(attack) / 20).max(20), 10, &mut command).stdout
        };
        assert!(run("-j1") == run("-j3"), "{}", attack.name);
    }
}

/// What a terminal acts upon, or what turns the order of text.
fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn nothing_that_came_over_the_wire_or_as_a_name_moves_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    // A file's name may hold nearly everything on Unix, and controls nowhere else.
    let name = if cfg!(unix) { "name\x1b[31m\u{9b}31m\u{202e}.pcap" } else { "name.pcap" };
    let path = directory.path().join(name);
    attack::write(named("escapes"), 40, 10, &mut std::fs::File::create(&path).unwrap()).unwrap();
    let file = path.to_str().unwrap();
    let every = "packets,messages,flows,sessions,deliveries,topics,findings,summary";
    let missing = directory.path().join("\x1b[2Jmissing");
    let missing = missing.to_str().unwrap();
    let reads: &[&[&str]] = &[
        &["read", file],
        &["read", "--detail", "--show", every, file],
        &["read", "--show", every, "--payload", "text", file],
        &["read", "--json", "--show", every, file],
        &["read", "--format", "csv", "--show", "messages", file],
        &["read", "--format", "tsv", "--show", "topics", file],
        &["read", "--format", "csv", "--show", "sessions", file],
        &["read", "--format", "csv", "--show", "deliveries", file],
        &["read", "--fields", "frame.number,mqtt.topic,mqtt.msg_text,mqtt.clientid,mqtt.username", file],
        &["flow", file, "1"],
        &["flow", "--json", file, "1"],
        &["follow", file, "1"],
        &["follow", "--as", "text", file, "1"],
        &["follow", "--as", "hex", file, "1"],
        &["stats", file],
        &["check", file],
        &["check", "--report", "junit=-", file],
        &["check", "--report", "sarif=-", file],
        &["check", "--report", "github=-", file],
        &["check", "--report", "gitlab=-", file],
        &["check", "--report", "jsonl=-", file],
        &["diff", file, file],
        &["read", missing],
        &["read", file, "--write", missing, "--cap", "flows=1"],
        &["read", file, "--filter", "mqtt.topic == \x1b[2J"],
        &["read", file, "--show", "\x1b[2J"],
        &["explain", "\x1b[2J"],
        &["redact", file, &format!("{missing}/x.pcap")],
        &["capture", "\x1b[2J"],
    ];
    for arguments in reads {
        let output = Command::new(env!("CARGO_BIN_EXE_mqttsniff")).args(*arguments).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code <= 2), "{arguments:?}: {output:?}");
        for text in [stdout(&output), stderr(&output)] {
            let harm = text.find(is_harmful).map(|at| text[..at].chars().rev().take(60).collect::<String>());
            assert_eq!(harm, None, "{arguments:?} (what stands before it, backwards)");
        }
    }
    // Of what was escaped nothing is lost.
    let output = Command::new(env!("CARGO_BIN_EXE_mqttsniff")).args(["read", "--json", file]).output().unwrap();
    let topics = lines(&output).into_iter().filter_map(|record| record["topic"].as_str().map(str::to_owned));
    assert!(topics.into_iter().all(|topic| topic == attack::ESCAPES));
}

#[test]
fn a_bomb_of_compressed_frames_takes_constant_memory() {
    if !limits() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bomb.pcap.gz");
    // One record of a quarter of a MiB, over and over: a thousandth of it when packed.
    let mut record = pcap::record(0, 262_144, 262_144).to_vec();
    record.resize(16 + 262_144, 0);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&pcap::header(pcap::ETHERNET)).unwrap();
    for _ in 0..400 {
        packed.write_all(&record).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 200_000, "{}", packed.len());
    std::fs::write(&path, packed).unwrap();
    let arguments = ["read", "-j1", "--json", "--show", "summary", path.to_str().unwrap()];
    let output = limited(least() + (32 << 10), &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(of(&lines(&output), "summary")[0]["bytes"], 400 * 262_144);
}

#[test]
fn a_window_that_is_only_claimed_takes_no_memory() {
    if !limits() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window.pcap.zst");
    let mut bytes = std::fs::read(fixtures().join("vectors/H_ooo.pcap.zst")).unwrap();
    // A second frame: its window is as long as its content is said to be (RFC 8878, section 3.1.1.1), and one raw block of none.
    bytes.extend(b"\x28\xb5\x2f\xfd\xa0");
    bytes.extend(120_000_000u32.to_le_bytes());
    bytes.extend(b"\x01\x00\x00");
    std::fs::write(&path, bytes).unwrap();
    let output = limited(least() + (32 << 10), &["read", "-j1", path.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{:?} {}", output.status, stderr(&output));
}

#[test]
fn lengths_that_lie_take_no_memory() {
    if !limits() {
        return;
    }
    let header = pcap::header(pcap::ETHERNET);
    let record = |captured| pcap::record(0, captured, captured);
    let block = |kind: u32, length: u32| [kind, length].map(u32::to_le_bytes).concat();
    let section = [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28].map(u32::to_le_bytes).concat();
    // RFC 8878, section 3.1.1.1.2: a window descriptor of 0xff asks for 3.75 TB; 0xa0 for 1 GB.
    let zstd = |window: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, window][..], &[0x01, 0, 0]].concat();
    let lying = [
        ("a record of 4 GB", [&header[..], &record(u32::MAX as usize), &[0; 100]].concat()),
        ("a record of 100 MB", [&header[..], &record(100_000_000), &[0; 100]].concat()),
        ("a block of 4 GB", [&section[..], &block(6, u32::MAX - 3), &[0; 100]].concat()),
        ("a section header of 4 GB", block(0x0a0d_0d0a, u32::MAX - 3)),
        ("secrets of 2 GB", [&section[..], &block(10, 2_000_000_000), &[0; 100]].concat()),
        ("a zstd window of 3.75 TB", zstd(0xff)),
        ("a zstd window of 1 GB", zstd(0xa0)),
    ];
    let kib = least() + (16 << 10);
    for (what, bytes) in lying {
        let mut child = limited(kib, &["read", "-j1", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{what}: {output:?}");
        assert!(stderr(&output).starts_with("mqttsniff: standard input: "), "{what}: {output:?}");
    }
}

#[test]
fn interfaces_options_and_comments_without_end_take_constant_memory() {
    if !limits() {
        return;
    }
    let kib = least() + (64 << 10);
    let section = [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28].map(u32::to_le_bytes).concat();
    let name = [&[2, 0, 200, 0][..], &[b'n'; 200]].concat();
    let interface = [&[1_u32, 224, 1].map(u32::to_le_bytes).concat()[..], &0_u32.to_le_bytes(), &name].concat();
    let interface = [&interface[..], &224_u32.to_le_bytes()].concat();
    let comment = [&[1, 0, 0xf8, 0xff][..], &vec![b'c'; 0xfff8]].concat();
    let options = comment.repeat(20);
    let total = 32 + options.len() as u32;
    let mut packet = [6, total, 0, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
    packet.extend(&options);
    packet.extend(total.to_le_bytes());
    for (what, piece, count) in [("interfaces", interface, 150_000_u32), ("comments", packet, 60)] {
        let mut child =
            limited(kib, &["read", "-j1", "--json", "--show", "summary", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = BufWriter::with_capacity(1 << 16, child.stdin.take().unwrap());
        let section = section.clone();
        let first = [1_u32, 20, 1, 0, 20].map(u32::to_le_bytes).concat();
        let writer = thread::spawn(move || {
            let _ = input.write_all(&section).and_then(|()| input.write_all(&first));
            for _ in 0..count {
                if input.write_all(&piece).is_err() {
                    break;
                }
            }
        });
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        writer.join().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.code().is_some_and(|code| code == 0 || code == 2), "{what}: {output:?}");
        assert!(text.contains("\"record\":\"summary\""), "{what}: {output:?}");
    }
}
