//! `--json-to`: the same lines as on standard output, in files, in UNIX sockets and in the log.

#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use common::{fixtures, lines, mqttsniff, of, stderr, stdout};
use serde_json::Value;

/// A capture with findings of several severities.
fn with_findings() -> PathBuf {
    let find = |path: &PathBuf| {
        let shown = mqttsniff().arg("read").arg(path).args(["--json", "--show", "findings"]).output().unwrap();
        let severities: std::collections::BTreeSet<_> =
            lines(&shown).iter().filter_map(|record| record["severity"].as_str().map(ToOwned::to_owned)).collect();
        severities.len() > 1
    };
    common::captures().into_iter().filter(|path| path.to_string_lossy().contains("/lab/")).find(find).unwrap()
}

fn read(input: &Path, more: &[&str]) -> Output {
    mqttsniff().arg("read").arg(input).args(more).output().unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_file_holds_what_json_would_print() {
    let folder = common::folder_for_all();
    let (one, two) = (folder.path().join("one.jsonl"), folder.path().join("two.jsonl"));
    let to = [&one, &two].map(|path| path.to_str().unwrap());
    for input in ["mqtt5_qos.pcap", "lab/byte_writer.pcap"] {
        let input = fixtures().join(input);
        for more in [&[][..], &["--filter", "mqtt.msgtype == 3"], &["--detail"], &["--payload", "hex"]] {
            let expected = read(&input, &[&["--json"], more].concat());
            let tables = read(&input, more);
            let result = read(&input, &[&["--json-to", to[0], "--json-to", to[1]], more].concat());
            assert!(result.status.success(), "{}", stderr(&result));
            assert_eq!(stdout(&result), stdout(&tables), "what is printed does not change");
            assert_eq!(text(&one), stdout(&expected), "{more:?}");
            assert_eq!(text(&two), stdout(&expected), "{more:?}");
        }
    }
    assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_goes_there_is_chosen_apart_from_what_is_shown() {
    let folder = common::folder_for_all();
    let path = folder.path().join("out.jsonl");
    let to = ["--json-to", path.to_str().unwrap(), "--json-show"];
    let input = fixtures().join("mqtt5_qos.pcap");
    for show in ["packets", "deliveries,topics", "findings,sessions", "messages", "flows,summary"] {
        for shown in ["messages", "summary", "packets"] {
            let expected = read(&input, &["--json", "--show", show]);
            let alone = read(&input, &["--show", shown]);
            let result = read(&input, &[&to[..], &[show, "--show", shown]].concat());
            assert!(result.status.success(), "{}", stderr(&result));
            assert_eq!(text(&path), stdout(&expected), "{show} beside {shown}");
            assert_eq!(stdout(&result), stdout(&alone), "{shown} beside {show}");
        }
    }
}

#[test]
fn files_rotate_and_each_is_whole() {
    let folder = common::folder_for_all();
    let input = fixtures().join("mqtt5_qos.pcap");
    let expected = json(stdout(&read(&input, &["--json"])));
    let path = folder.path().join("out.jsonl");
    let result = read(&input, &["--json-to", path.to_str().unwrap(), "--json-rotate-size", "10kB"]);
    assert!(result.status.success(), "{}", stderr(&result));
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 2 && files[0].ends_with("out_00001.jsonl"), "{files:?}");
    let mut together = vec![expected[0].clone()];
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() <= 10_000, "{}", file.display());
        let records = json(&text(file));
        assert_eq!(records[0], expected[0], "each says what is read, and by which schema");
        together.extend_from_slice(&records[1..]);
    }
    assert_eq!(together, expected);
    let kept = folder.path().join("kept-%S.jsonl");
    let ring = ["--json-to", kept.to_str().unwrap(), "--json-rotate-size", "10kB", "--json-keep", "2"];
    assert!(read(&input, &ring).status.success());
    let left = fs::read_dir(folder.path()).unwrap().count() - files.len();
    assert_eq!(left, 2);
}

#[test]
fn a_packed_file_is_read_by_the_tools_for_it() {
    let folder = common::folder_for_all();
    let input = fixtures().join("mqtt5_qos.pcap");
    let expected = read(&input, &["--json"]);
    let path = folder.path().join("out.jsonl.gz");
    assert!(read(&input, &["--json-to", path.to_str().unwrap()]).status.success());
    match std::process::Command::new("gzip").arg("-dc").arg(&path).output() {
        Ok(unpacked) => assert_eq!(String::from_utf8(unpacked.stdout).unwrap(), stdout(&expected)),
        Err(error) => eprintln!("skipped: gzip can't be run, so that it can't unpack what was written ({error})"),
    }
}

#[test]
fn a_stream_socket_gets_all_lines() {
    let folder = common::folder_for_all();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    open_to_all(&path);
    let reader = std::thread::spawn(move || {
        let mut got = String::new();
        listener.accept().unwrap().0.read_to_string(&mut got).unwrap();
        got
    });
    let input = fixtures().join("lab/byte_writer.pcap");
    let result = read(&input, &["--json-to", &format!("unix:{}", path.display()), "--show", "summary"]);
    assert!(result.status.success(), "{}", stderr(&result));
    assert_eq!(reader.join().unwrap(), stdout(&read(&input, &["--json"])));
}

#[test]
fn a_reader_that_goes_away_is_told_of() {
    let folder = common::folder_for_all();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    open_to_all(&path);
    let reader = std::thread::spawn(move || drop(listener.accept().unwrap().0));
    // More than the socket holds.
    let inputs: Vec<_> =
        common::captures().into_iter().filter(|path| path.to_string_lossy().contains("/lab/")).collect();
    let to = format!("unix:{}", path.display());
    let result = mqttsniff().arg("read").args(&inputs).args(["--json-to", &to, "--show", "summary"]).output().unwrap();
    reader.join().unwrap();
    assert_eq!(result.status.code(), Some(2));
    assert!(stderr(&result).contains("its reader is gone"), "{}", stderr(&result));
    assert!(stderr(&result).contains("could not be passed on"), "{}", stderr(&result));
    assert!(stdout(&result).contains("Summary"));
}

/// Lets everybody write to a socket: where root runs the tests, the program writes as somebody else.
fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

/// What comes to a datagram socket while the program runs.
fn datagrams(path: &Path, run: impl FnOnce() -> Output) -> (Vec<String>, Output) {
    let socket = UnixDatagram::bind(path).unwrap();
    open_to_all(path);
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        let (mut room, mut got) = (vec![0; 1 << 20], Vec::new());
        loop {
            // What was sent before it ended is there.
            let ended = is_done.try_recv().is_ok();
            while let Ok(length) = socket.recv(&mut room) {
                got.push(String::from_utf8(room[..length].to_vec()).unwrap());
            }
            if ended {
                return got;
            }
        }
    });
    let output = run();
    done.send(()).unwrap();
    (reader.join().unwrap(), output)
}

#[test]
fn a_datagram_socket_gets_a_line_in_each() {
    let folder = common::folder_for_all();
    let path = folder.path().join("socket");
    let input = fixtures().join("mqtt5_qos.pcap");
    let to = format!("unix:{}", path.display());
    let (got, result) = datagrams(&path, || read(&input, &["--json-to", &to]));
    assert!(result.status.success(), "{}", stderr(&result));
    assert_eq!(got.concat(), stdout(&read(&input, &["--json"])));
    assert!(got.iter().all(|line| line.ends_with('\n') && line.lines().count() == 1));
}

#[test]
fn the_log_gets_sessions_and_findings_by_their_severity() {
    let folder = common::folder_for_all();
    let path = folder.path().join("log");
    let input = with_findings();
    let to = format!("syslog:{}", path.display());
    let (got, result) = datagrams(&path, || read(&input, &["--json-to", &to]));
    assert!(result.status.success(), "{}", stderr(&result));
    let shown = lines(&read(&input, &["--json", "--show", "sessions,findings"]));
    let expected: Vec<_> = shown.iter().filter(|record| record["record"] != "begin").collect();
    assert!(of(&shown, "finding").len() > 1 && !of(&shown, "session").is_empty());
    assert_eq!(got.len(), expected.len());
    for (message, record) in got.iter().zip(expected) {
        let (header, text) = message.split_once(": ").unwrap();
        let (priority, tag) = header.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert!(tag.starts_with("mqttsniff[") && tag.ends_with(']'), "{tag}");
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *record);
        // The facility is that of daemons.
        let urgency = match record["severity"].as_str() {
            Some("error") => 3,
            Some("warning") => 4,
            Some("note") => 5,
            _ => 6,
        };
        assert_eq!(priority, (3 * 8 + urgency).to_string(), "{message}");
    }
}

#[test]
fn what_can_not_be_opened_is_told_before_anything_is_read() {
    let folder = common::folder_for_all();
    let input = fixtures().join("mqtt5_qos.pcap");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
    let (link, none) = (link.to_str().unwrap(), format!("unix:{}/none", folder.path().display()));
    for (more, word) in [
        (&["--json-to", link][..], "symbolic link"),
        (&["--json-to", &none], "has to be started first"),
        (&["--json-to", "-"], "--json"),
        (&["--json-to", "unix:"], "path is missing"),
        (&["--json-to", "out.jsonl.xz"], "is not written"),
        (&["--json-to", "out.jsonl", "--json-keep", "2"], "--json-rotate-size"),
        (&["--json-rotate-size", "1MB"], "--json-to"),
        (&["--json-show", "flows"], "--json-to"),
    ] {
        let result = read(&input, more);
        assert_eq!(result.status.code(), Some(2), "{more:?}");
        assert!(stderr(&result).contains(word), "{more:?}: {}", stderr(&result));
        assert_eq!(stdout(&result), "");
    }
    assert!(!folder.path().join("elsewhere").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_neither_the_report_nor_the_other_files() {
    let folder = common::folder_for_all();
    let path = folder.path().join("out.jsonl");
    let input = fixtures().join("mqtt5_qos.pcap");
    let result = read(&input, &["--json-to", "/dev/full", "--json-to", path.to_str().unwrap()]);
    assert_eq!(result.status.code(), Some(2));
    assert_eq!(stderr(&result).matches("No space left on device").count(), 1, "{}", stderr(&result));
    assert_eq!(stdout(&result), stdout(&read(&input, &[])));
    assert_eq!(text(&path), stdout(&read(&input, &["--json"])));
}
