//! The same capture gives the same output: as a file and as a pipe, with one thread and with many.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use common::traffic::Traffic;

/// What is asked of a capture: all records, the tables, and the check.
const ASKED: [&[&str]; 3] = [&["read", "--json", "--show", common::ALL], &["read"], &["check"]];

/// The same where limits cut what is told. Threads start with the second batch of a capture, which small ones don't have.
const ASKED_WITHIN_LIMITS: &[&str] = &[
    "read",
    "--json",
    "--show",
    common::ALL,
    "--cap",
    "messages=64",
    "--cap",
    "out_of_order=2000",
    "--cap",
    "flows=20",
];

/// How many packets the generated capture has. Unoptimized a million takes more than ten minutes.
const PACKETS: u64 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

/// What standard input is called where it can't be read to its end.
const NAME_OF_PIPE: &str = "standard input";

/// The options for threads that are compared.
const THREADS: [&[&str]; 4] = [&[], &["-j1"], &["-j2"], &["-j8"]];

/// What a run printed.
#[derive(PartialEq, Eq)]
struct Printed {
    status: Option<i32>,
    /// Standard error.
    said: String,
    /// A sum of each line of standard output: of a million packets there is more than can be held.
    lines: Vec<u64>,
}

/// Runs the program on a capture, from its file or through a pipe. Where it names the file, the pipe's name is put.
fn printed(asked: &[&str], more: &[&str], capture: &Path, through_pipe: bool) -> Printed {
    let name = capture.file_name().unwrap().to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    command.args(asked).args(more).arg(if through_pipe { "-" } else { name });
    command.current_dir(capture.parent().unwrap()).env_remove("COLUMNS").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut feeder = None;
    if through_pipe {
        let (bytes, (from, mut to)) = (std::fs::read(capture).unwrap(), std::io::pipe().unwrap());
        command.stdin(from);
        // Odd pieces, so that reads end within records, and an error only where a reader that has enough goes away.
        feeder = Some(std::thread::spawn(move || drop(bytes.chunks(5003).try_for_each(|piece| to.write_all(piece)))));
    }
    let mut child = command.spawn().unwrap();
    // It holds the end of the pipe that the program reads from.
    drop(command);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut lines) = (Vec::new(), Vec::new());
    while out.read_until(b'\n', &mut line).unwrap() > 0 {
        let mut sum = DefaultHasher::new();
        match std::str::from_utf8(&line) {
            Ok(text) if text.contains(name) || text.contains(NAME_OF_PIPE) => {
                unnamed(text, name).hash(&mut sum);
            }
            Ok(text) => text.hash(&mut sum),
            Err(_) => line.hash(&mut sum),
        }
        lines.push(sum.finish());
        line.clear();
    }
    // Standard error is a few lines, which wait in their pipe.
    let end = child.wait_with_output().unwrap();
    if let Some(feeder) = feeder {
        feeder.join().unwrap();
    }
    Printed { status: end.status.code(), said: unnamed(&String::from_utf8_lossy(&end.stderr), name), lines }
}

/// The text with one name for a capture, be it a file or a pipe.
fn unnamed(text: &str, name: &str) -> String {
    text.replace(name, "-").replace(NAME_OF_PIPE, "-")
}

/// Compares all ways to read a capture.
fn compare(asked: &[&[&str]], capture: &Path, threads: &[&[&str]]) {
    for asked in asked {
        let first = printed(asked, threads[0], capture, false);
        assert!(!first.lines.is_empty(), "{asked:?} says nothing of {}", capture.display());
        for more in threads {
            for through_pipe in [false, true] {
                if !through_pipe && more == &threads[0] {
                    continue;
                }
                let other = printed(asked, more, capture, through_pipe);
                let way = format!("{asked:?} {more:?} of {}, through a pipe: {through_pipe}", capture.display());
                assert_eq!(first.status, other.status, "status: {way}");
                assert_eq!(first.said, other.said, "standard error: {way}");
                let differs = first.lines.iter().zip(&other.lines).position(|(one, other)| one != other);
                assert_eq!(differs.map(|at| at + 1), None, "the first line that differs: {way}");
                assert_eq!(first.lines.len(), other.lines.len(), "lines: {way}");
            }
        }
    }
}

#[test]
fn every_fixture_reads_the_same_in_all_ways() {
    let threads = THREADS;
    for capture in common::captures() {
        compare(&ASKED, &capture, &threads);
    }
}

#[test]
fn generated_traffic_with_loss_reordering_and_duplicates_reads_the_same_in_all_ways() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("generated.pcap");
    let traffic = Traffic {
        packets: PACKETS,
        connections: PACKETS / 500,
        seed: 7,
        loss: 5,
        retransmission: 10,
        reordering: 10,
        duplicates: 10,
    };
    let mut out = BufWriter::new(File::create(&path).unwrap());
    let written = traffic.write(&mut out).unwrap();
    out.flush().unwrap();
    assert!(written.packets >= PACKETS, "{written:?}");
    compare(&[&ASKED[..], &[ASKED_WITHIN_LIMITS]].concat(), &path, &THREADS);
}

#[test]
fn generated_traffic_has_the_messages_that_were_sent() {
    for seed in [1, 2] {
        // Nothing is lost, so that all of them can be found: what is sent again or comes late counts once.
        let traffic =
            Traffic { seed, loss: 0, retransmission: 20, reordering: 20, duplicates: 20, ..Traffic::default() };
        let (bytes, written) = traffic.bytes();
        let source = mqttsniff::capture::File::from_reader(std::io::Cursor::new(bytes), "generated");
        let mut analysis = mqttsniff::Analysis::new(Box::new(source), mqttsniff::engine::EngineOptions::default());
        let mut damaged = 0;
        let summary = analysis.run(&mut |output: &mqttsniff::Output<'_>| {
            if let mqttsniff::Output::Flow(flow, _) = output {
                let sides = &flow.connection.sides;
                damaged += sides.to_server.counters().bad_checksums + sides.to_client.counters().bad_checksums;
            }
        });
        assert_eq!(summary.engine.frames, written.packets, "seed {seed}");
        assert_eq!(summary.engine.tcp_flows, written.connections, "seed {seed}");
        assert_eq!(summary.engine.messages, written.messages, "seed {seed}");
        assert_eq!(damaged, 0, "seed {seed}");
        assert!(written.messages > written.packets / 2, "there is something to find: {written:?}");
    }
}

#[test]
fn the_same_seed_makes_the_same_traffic() {
    let traffic = Traffic { packets: 500, connections: 10, ..Traffic::default() };
    let (bytes, written) = traffic.bytes();
    assert_eq!((&bytes, written), (&traffic.bytes().0, traffic.bytes().1));
    assert_ne!(bytes, Traffic { seed: 2, ..traffic }.bytes().0);
}

/// A reader that has enough ends the program, whatever the threads are at: `mqttsniff read … | head` does not hang.
#[test]
fn output_that_nobody_reads_any_more_ends_all_threads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("generated.pcap");
    let traffic = Traffic {
        packets: 100_000,
        connections: 50,
        seed: 7,
        loss: 0,
        retransmission: 0,
        reordering: 0,
        duplicates: 0,
    };
    let mut out = BufWriter::new(File::create(&path).unwrap());
    traffic.write(&mut out).unwrap();
    out.flush().unwrap();
    for threads in ["-j1", "-j2", "-j3"] {
        for through_pipe in [false, true] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
            command.args(["read", "--show", "messages", threads]);
            command.arg(if through_pipe { Path::new("-") } else { &path });
            command.stdin(Stdio::null());
            if through_pipe {
                let (from, mut to) = std::io::pipe().unwrap();
                let bytes = std::fs::read(&path).unwrap();
                command.stdin(from);
                std::thread::spawn(move || drop(to.write_all(&bytes)));
            }
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            drop(command);
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let ended = (0..6000).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                child.try_wait().unwrap().is_some()
            });
            child.kill().unwrap();
            assert!(ended, "{threads} does not end, through a pipe: {through_pipe}");
        }
    }
}
