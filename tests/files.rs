//! Files that go wrong: each with a clear message, what could be read, and the right exit status.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]
#![allow(clippy::disallowed_methods, reason = "waiting for another program takes a clock")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::traffic::Traffic;
use common::{fixtures, lines, of, stderr, stdout};

/// How long to wait for what ought to come within a moment.
const PATIENCE: Duration = Duration::from_secs(20);

fn fixture() -> PathBuf {
    fixtures().join("mqtt5_qos.pcap")
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

/// Looks again and again until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The next line of JSON.
fn record(from: &mut BufReader<ChildStdout>) -> serde_json::Value {
    let mut line = String::new();
    assert!(from.read_line(&mut line).unwrap() > 0, "the output has ended");
    serde_json::from_str(&line).unwrap()
}

/// A device on which nothing can be written, where there is one.
fn full() -> Option<&'static str> {
    let there = Path::new("/dev/full").exists();
    if !there {
        eprintln!("skipped: there is no /dev/full");
    }
    there.then_some("/dev/full")
}

#[test]
fn what_can_not_be_saved_is_told_with_what_was_read() {
    let Some(full) = full() else { return };
    let output = run(&["read", fixture().to_str().unwrap(), "--write", full]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).starts_with("mqttsniff: can't write to '/dev/full': "), "{}", stderr(&output));
    assert!(stdout(&output).contains("52 messages in 2 sessions"), "{}", stdout(&output));
}

#[test]
fn reading_goes_on_where_saving_fails() {
    let Some(full) = full() else { return };
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("long.pcap");
    let (bytes, written) = Traffic { packets: 20_000, ..Traffic::default() }.bytes();
    fs::write(&long, bytes).unwrap();
    let output = run(&["read", "--json", long.to_str().unwrap(), "--write", full]);
    assert_eq!(code(&output), 2);
    let records = lines(&output);
    let frames = of(&records, "summary")[0]["frames"].as_u64().unwrap();
    assert_eq!(frames, written.packets);
    assert!(stderr(&output).starts_with("mqttsniff: can't write to '/dev/full': "), "{}", stderr(&output));
}

#[test]
fn help_that_can_not_be_written_is_an_error_too() {
    let Some(full) = full() else { return };
    for arguments in [&["--help"][..], &["read", "-h"], &["--version"]] {
        let output = program().args(arguments).stdout(File::create(full).unwrap()).output().unwrap();
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).starts_with("mqttsniff: can't write to standard output: "), "{}", stderr(&output));
    }
    assert_eq!(code(&run(&["--nonsense"])), 2);
}

#[test]
fn places_where_no_file_can_be_are_told_before_work_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let missing = directory.path().join("no/such.pcap");
    for (target, message) in [(place, "is a directory"), (missing.to_str().unwrap(), "there is no directory")] {
        for arguments in [&["read", "IN", "--write", "OUT"][..], &["redact", "IN", "OUT"]] {
            let arguments = arguments.iter().map(|argument| match *argument {
                "IN" => fixture().to_str().unwrap().to_owned(),
                "OUT" => target.to_owned(),
                other => other.to_owned(),
            });
            let output = program().args(arguments).output().unwrap();
            assert_eq!((code(&output), stdout(&output)), (2, ""));
            assert!(stderr(&output).contains(message) && stderr(&output).contains("hint: "), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_directory_is_no_capture_by_whatever_way_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let (name, qos) = (directory.path().to_str().unwrap(), "fixtures/mqtt5_qos.pcap");
    let out = directory.path().join("out.pcapng");
    let named: [&[&str]; 11] = [
        &["read", name],
        &["read", qos, name],
        &["read", "--follow", name],
        &["check", name],
        &["check", "--merge", qos, name],
        &["stats", name],
        &["diff", qos, name],
        &["flow", name],
        &["flow", name, "1"],
        &["follow", name, "--client-id", "sub"],
        &["redact", name, out.to_str().unwrap()],
    ];
    let named = named.iter().map(|arguments| run(arguments));
    let given = program().args(["read", "-"]).stdin(File::open(directory.path()).unwrap()).output().unwrap();
    for output in named.chain([given]) {
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(": is a directory\n  hint: "), "{}", stderr(&output));
    }
}

#[test]
fn a_file_that_is_truncated_while_it_is_read_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shrinking.pcap");
    let (bytes, written) = Traffic { packets: 100_000, ..Traffic::default() }.bytes();
    fs::write(&path, &bytes).unwrap();
    // It is stuck at once, as nobody takes what it writes.
    let arguments = ["read", "-j1", "--json", "--show", "packets,summary"];
    let mut child = program().args(arguments).arg(&path).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(record(&mut out)["record"], "begin");
    OpenOptions::new().write(true).open(&path).unwrap().set_len(5_000_000).unwrap();
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert!(summary["frames"].as_u64().unwrap() < written.packets);
    let told = format!(": was truncated while it was read: it had {} bytes", bytes.len());
    assert!(stderr(&output).contains(&told), "{}", stderr(&output));
    assert_eq!((code(&output), summary["complete"].as_bool()), (2, Some(false)));
}

#[test]
fn a_file_that_grows_while_it_is_read_names_the_way_to_follow_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("growing.pcap");
    let (bytes, written) = Traffic { packets: 100_000, ..Traffic::default() }.bytes();
    fs::write(&path, &bytes).unwrap();
    let arguments = ["read", "-j1", "--json", "--show", "packets,summary"];
    let mut child = program().args(arguments).arg(&path).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(record(&mut out)["record"], "begin");
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&bytes[24..30]).unwrap();
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((code(&output), summary["frames"].as_u64()), (2, Some(written.packets)));
    assert!(stderr(&output).contains("cut short in the middle of a record"), "{}", stderr(&output));
    assert!(stderr(&output).contains("`mqttsniff read --follow` reads on as it grows"), "{}", stderr(&output));
}

#[test]
fn standard_input_that_was_read_before_is_not_taken_for_truncated() {
    let mut file = File::open(fixture()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("behind.pcap");
    fs::write(&path, [&[0; 100][..], &fs::read(fixture()).unwrap()].concat()).unwrap();
    file.read_exact(&mut [0; 1]).unwrap();
    let mut input = File::open(&path).unwrap();
    input.read_exact(&mut [0; 100]).unwrap();
    let output = program().args(["read", "-"]).stdin(input).output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (0, ""));
}

#[cfg(unix)]
mod unix {
    use super::*;

    /// A FIFO, or nothing where none can be made.
    fn fifo(at: &Path) -> Option<String> {
        let made = Command::new("mkfifo").arg(at).status().is_ok_and(|status| status.success());
        if !made {
            eprintln!("skipped: mkfifo makes no FIFO here");
        }
        made.then(|| at.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_fifo_whose_writer_dies_within_a_record_is_read_as_far_as_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let Some(path) = fifo(&directory.path().join("fifo")) else { return };
        for more in [&[][..], &["--follow"]] {
            let child = program().args(["read", "--json", &path]).args(more).spawn().unwrap();
            OpenOptions::new()
                .write(true)
                .open(&path)
                .unwrap()
                .write_all(&fs::read(fixture()).unwrap()[..3000])
                .unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!((code(&output), of(&lines(&output), "message").len()), (2, 11), "{output:?}");
            assert!(
                stderr(&output).contains("fifo: cut short in the middle of a record after 23 frames"),
                "{output:?}"
            );
        }
    }

    #[test]
    fn a_fifo_without_a_reader_is_a_failed_write() {
        let directory = tempfile::tempdir().unwrap();
        let Some(path) = fifo(&directory.path().join("fifo")) else { return };
        let long = directory.path().join("long.pcap");
        fs::write(&long, Traffic { packets: 20_000, ..Traffic::default() }.bytes().0).unwrap();
        let child = program().args(["read", "--json", long.to_str().unwrap(), "--write", &path]).spawn().unwrap();
        drop(File::open(&path).unwrap());
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("fifo': nobody reads it any more\n  hint: "), "{}", stderr(&output));
        assert_eq!(of(&lines(&output), "summary").len(), 1);
    }

    /// A capture that is followed: its writer, the program, and its lines after the first. What nobody stops ends by itself.
    fn follow(path: &Path, begin: &[u8], more: &[&str]) -> (File, Child, BufReader<ChildStdout>) {
        fs::write(path, begin).unwrap();
        let writer = OpenOptions::new().append(true).open(path).unwrap();
        let mut child =
            program().args(["read", "--follow", "--json", "--idle", "2m"]).args(more).arg(path).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(record(&mut out)["record"], "begin");
        (writer, child, out)
    }

    /// `timeout` sends its signal to the program and to its group, of which that is one: what is told must not be lost by it.
    #[test]
    fn a_signal_that_comes_twice_at_once_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = fs::read(fixture()).unwrap();
        for attempt in 0..5 {
            let path = directory.path().join(format!("growing-{attempt}.pcap"));
            let (_writer, mut child, mut out) = follow(&path, &bytes, &["--show", "flows,summary"]);
            std::thread::sleep(Duration::from_millis(100));
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-s", "TERM", &id, &id]).status().unwrap().success());
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            assert!(rest.lines().last().unwrap().contains("\"record\":\"summary\""), "{rest}");
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
    }

    #[test]
    fn a_signal_ends_a_program_that_waits_for_a_reader() {
        let directory = tempfile::tempdir().unwrap();
        let Some(path) = fifo(&directory.path().join("fifo")) else { return };
        for to in ["--json-to", "--write"] {
            let mut child = program().args(["read", "--follow"]).arg(fixture()).args([to, &path]).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(500));
            assert_eq!(child.try_wait().unwrap(), None);
            signal(&child, "INT");
            until("its end", || child.try_wait().unwrap().is_some());
        }
    }

    #[test]
    fn a_second_signal_ends_a_program_that_is_stuck() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("growing.pcap");
        let bytes = Traffic { packets: 20_000, ..Traffic::default() }.bytes().0;
        // Nobody reads what is told, so that it can't be told.
        let (_writer, mut child, _out) = follow(&path, &bytes, &[]);
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, "TERM");
        std::thread::sleep(Duration::from_millis(200));
        // As `timeout` does it, only slower.
        signal(&child, "TERM");
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(child.try_wait().unwrap(), None);
        signal(&child, "TERM");
        until("its end", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(2));
    }

    #[test]
    fn a_capture_that_grows_is_followed_until_a_signal() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("growing.pcap");
        let bytes = fs::read(fixture()).unwrap();
        for name in ["INT", "TERM"] {
            let (mut writer, child, mut out) = follow(&path, &bytes[..2000], &["--show", "packets,messages,summary"]);
            let mut messages = 0;
            let mut frame = 0;
            // Rows of what is written now are there before anything else is written.
            for end in [4000, 6000, bytes.len() - 5] {
                let before = messages;
                let from = fs::metadata(&path).unwrap().len() as usize;
                writer.write_all(&bytes[from..end]).unwrap();
                while messages < before + 3 || (end == bytes.len() - 5 && frame < 76) {
                    let record = record(&mut out);
                    messages += usize::from(record["record"] == "message");
                    frame = record["frame"].as_u64().unwrap().max(frame);
                }
            }
            signal(&child, name);
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            let output = child.wait_with_output().unwrap();
            // The last record has five bytes less than it should, and that is no error.
            assert_eq!((code(&output), stderr(&output)), (0, ""));
            let summary: serde_json::Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
            assert_eq!((summary["record"].as_str(), summary["frames"].as_u64()), (Some("summary"), Some(76)));
            assert_eq!(summary["complete"], true);
        }
    }

    #[test]
    fn a_key_log_that_grows_with_the_capture_is_followed_too() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["tls/tls13", "quic/aes128"] {
            let [bytes, keys] = ["pcap", "keys"].map(|end| fs::read(fixtures().join(format!("{name}.{end}"))).unwrap());
            let (path, log) = (directory.path().join("growing.pcap"), directory.path().join("keys.log"));
            fs::write(&log, []).unwrap();
            let more = ["--show", "packets,messages,summary", "--keylog", log.to_str().unwrap()];
            // All of the capture is there before any key is.
            let (_writer, child, mut out) = follow(&path, &bytes, &more);
            let plain = run(&["read", "--json", "--show", "packets", path.to_str().unwrap()]);
            let frames = of(&lines(&plain), "packet").len() as u64;
            while record(&mut out)["frame"].as_u64() != Some(frames) {}
            let (last, before) =
                keys.strip_suffix(b"\n").unwrap().rsplit(|byte| *byte == b'\n').next().map_or_else(
                    || panic!("there are several lines"),
                    |last| (last, &keys[..keys.len() - last.len() - 1]),
                );
            // What is written in the meantime is of use at once, its last line, which has no end, when no more comes.
            let mut log = OpenOptions::new().append(true).open(&log).unwrap();
            log.write_all(before).unwrap();
            log.write_all(last).unwrap();
            assert_eq!(record(&mut out)["record"], "message", "{name}");
            signal(&child, "INT");
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!((code(&output), stderr(&output)), (0, ""), "{name}");
            let told = 1 + rest.lines().filter(|line| line.starts_with("{\"record\":\"message\"")).count();
            let known = run(&[
                "read",
                "--json",
                "--show",
                "messages",
                "--keylog",
                fixtures().join(format!("{name}.keys")).to_str().unwrap(),
                path.to_str().unwrap(),
            ]);
            assert_eq!(told, of(&lines(&known), "message").len(), "{name}");
        }
    }

    #[test]
    fn following_ends_where_nothing_more_is_written_or_its_time_is_over() {
        let plain = run(&["read", "--json", fixture().to_str().unwrap()]);
        let rest = |output: &Output| stdout(output).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        for more in [["--idle", "300ms"], ["--duration", "600ms"]] {
            let output = program().args(["read", "--json", "--follow"]).args(more).arg(fixture()).output().unwrap();
            assert_eq!(code(&output), 0);
            assert_eq!(rest(&output), rest(&plain));
        }
    }

    #[test]
    fn a_followed_file_that_is_truncated_or_replaced_ends_it_with_a_message() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("growing.pcap");
        let bytes = fs::read(fixture()).unwrap();
        let end = |child: Child, mut out: BufReader<ChildStdout>, message: &str| {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(code(&output), 2);
            assert!(stderr(&output).contains(message) && stderr(&output).contains("hint: "), "{}", stderr(&output));
            let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
            assert_eq!(summary["frames"], 77);
        };
        let all = &["--show", "messages,summary"];
        let (writer, child, mut out) = follow(&path, &bytes, all);
        assert_eq!(record(&mut out)["record"], "message");
        writer.set_len(10).unwrap();
        end(child, out, "was truncated while it was followed: 9367 bytes were read, and now it has 10");
        let (_writer, child, mut out) = follow(&path, &bytes, all);
        assert_eq!(record(&mut out)["record"], "message");
        fs::rename(&path, directory.path().join("older.pcap")).unwrap();
        fs::write(&path, &bytes).unwrap();
        end(child, out, "was replaced by another file while it was followed");
    }

    #[test]
    fn one_capture_is_followed_and_a_reader_that_leaves_is_no_error() {
        let two = fixture();
        let output = run(&["read", "--follow", two.to_str().unwrap(), two.to_str().unwrap()]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("--follow follows one capture"), "{}", stderr(&output));
        let directory = tempfile::tempdir().unwrap();
        let bytes = fs::read(fixture()).unwrap();
        let (mut writer, mut child, out) = follow(&directory.path().join("growing.pcap"), &bytes[..3000], &[]);
        drop(out);
        writer.write_all(&bytes[3000..]).unwrap();
        until("the end", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }

    #[test]
    fn waiting_takes_next_to_no_time_of_the_processor() {
        let Ok(text) = fs::read_to_string("/proc/self/stat") else {
            eprintln!("skipped: there is no /proc");
            return;
        };
        assert!(text.contains(')'));
        let directory = tempfile::tempdir().unwrap();
        let bytes = fs::read(fixture()).unwrap();
        let (_writer, mut child, mut out) = follow(&directory.path().join("growing.pcap"), &bytes, &[]);
        assert_eq!(record(&mut out)["record"], "message");
        // utime and stime in hundredths of a second (man 5 proc), behind the name in brackets.
        let ticks = |id: u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
            let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        };
        let before = ticks(child.id());
        std::thread::sleep(Duration::from_secs(2));
        let spent = ticks(child.id()) - before;
        child.kill().unwrap();
        child.wait().unwrap();
        // Who does not wait takes two hundred.
        assert!(spent < 50, "{spent}");
    }
}
