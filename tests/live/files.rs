//! What a capture leaves behind while it runs, and when it is killed: files that rotate, and lines for others.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::broker_if_possible;
use crate::sniffer::{PATIENCE, Sniffer, read, run};

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The payloads that are published in a file, whether or not it is whole.
fn payloads(file: &Path) -> (Option<i32>, BTreeSet<String>) {
    let (status, records) = read(file);
    let texts = records.iter().filter_map(|record| record["payload"]["text"].as_str().map(ToOwned::to_owned));
    (status, texts.collect())
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether root runs the tests, by whose the folder of its own process is.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

#[test]
fn a_capture_that_is_killed_leaves_whole_files_and_one_that_can_be_read() {
    for end in ["pcap", "pcapng.gz", "pcap.zst"] {
        if end.ends_with("zst") && !cfg!(feature = "zstd") {
            continue;
        }
        let Some(broker) = broker_if_possible("a rotated capture is killed") else { return };
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join(format!("%Y-%n.{end}"));
        // The folder of the test is root's where root runs it, and the user who would follow may not write there.
        let more = ["--write", name.to_str().unwrap(), "--rotate-frames", "10", "--user", "root"];
        let more = if is_root() { &more[..] } else { &more[..4] };
        let mut sniffer = Sniffer::start(&["lo"], broker.port(), more);
        let expected: BTreeSet<_> = (0..6).map(|number| format!("message {number}")).collect();
        for payload in &expected {
            broker.publish("mqttv311", "live/kill", 1, payload);
            sniffer.wait_for("the PUBLISH", |record| record["payload"]["text"] == payload.as_str());
        }
        // Everything is there within a moment, though nothing has ended.
        let saved = || files(folder.path()).iter().flat_map(|file| payloads(file).1).collect::<BTreeSet<_>>();
        wait_until("what was published is in the files", || saved() == expected);
        sniffer.assert_still_capturing();
        sniffer.signal("KILL");
        let _ = sniffer.finish_lines();
        assert_eq!(saved(), expected);
        let files = files(folder.path());
        let (last, finished) = files.split_last().unwrap();
        assert!(finished.len() > 3, "{files:?}");
        for (number, file) in finished.iter().enumerate() {
            assert!(file.to_str().unwrap().ends_with(&format!("-{:05}.{end}", number + 1)));
            assert_eq!(payloads(file).0, Some(0), "{}", file.display());
        }
        // One that is not packed ends behind a frame, as everything was flushed.
        assert_eq!(payloads(last).0, Some(if end == "pcap" { 0 } else { 2 }), "{}", last.display());
    }
}

#[test]
fn a_capture_that_saw_nothing_has_a_file_that_can_be_read() {
    let Some(broker) = broker_if_possible("a capture of nothing is killed") else { return };
    for end in ["pcap", "pcapng"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("nothing.{end}"));
        let mut sniffer = Sniffer::start(&["lo"], broker.port(), &["--write", file.to_str().unwrap()]);
        sniffer.assert_still_capturing();
        sniffer.signal("KILL");
        let _ = sniffer.finish_lines();
        assert_eq!(payloads(&file), (Some(0), BTreeSet::new()));
    }
}

#[test]
fn a_file_ends_at_its_time_though_nothing_arrives() {
    let Some(broker) = broker_if_possible("a file ends at its time") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (done, name) = (folder.path().join("done"), folder.path().join("hour.pcapng.gz"));
    std::fs::create_dir(&done).unwrap();
    let command = format!("cp -t {}", done.display());
    let more = ["--write", name.to_str().unwrap(), "--rotate-time", "1s", "--keep", "100", "--after-file", &command];
    let more: Vec<_> = more.into_iter().chain(is_root().then_some(["--user", "root"]).into_iter().flatten()).collect();
    let mut sniffer = Sniffer::start(&["lo"], broker.port(), &more);
    broker.publish("mqttv5", "live/time", 1, "on time");
    sniffer.wait_for("the DISCONNECT", |record| record["type"] == "DISCONNECT");
    let copied = || files(&done).iter().flat_map(|file| payloads(file).1).collect::<BTreeSet<_>>();
    wait_until("the command has run", || copied().contains("on time"));
    sniffer.assert_still_capturing();
    broker.publish("mqttv5", "live/time", 1, "the last");
    sniffer.wait_for("the last DISCONNECT", |record| record["type"] == "DISCONNECT");
    sniffer.signal("INT");
    let (status, _) = sniffer.finish();
    assert_eq!(status, Some(0));
    // What is still to be done at the end is waited for.
    assert!(copied().contains("the last"), "{:?}", copied());
    assert!(files(&done).iter().all(|file| payloads(file).0 == Some(0)));
}

#[test]
fn a_reader_of_a_socket_may_come_and_go() {
    let Some(broker) = broker_if_possible("--json-to unix:") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("socket"), folder.path().join("out.jsonl"));
    let listener = UnixListener::bind(&path).unwrap();
    let to = format!("unix:{}", path.display());
    let more = ["--json-to", &to, "--json-to", file.to_str().unwrap(), "--payload-bytes", "100"];
    let more: Vec<_> = more.into_iter().chain(is_root().then_some(["--user", "root"]).into_iter().flatten()).collect();
    let first_of = |listener: &UnixListener| {
        let mut lines = BufReader::new(listener.accept().unwrap().0);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["record"], "begin");
        lines
    };
    // What writes to a socket is a thread, and belongs into the cage.
    let short = run(&[&["capture", "lo", "--duration", "1ms"], &*more].concat());
    assert!(!String::from_utf8_lossy(&short.stderr).contains("outside"), "{short:?}");
    drop(first_of(&listener));
    let mut sniffer = Sniffer::start(&["lo"], broker.port(), &more);
    let mut lines = first_of(&listener);
    broker.publish("mqttv5", "live/socket", 0, "one");
    let has = |lines: &mut BufReader<_>, text: &str| {
        let found = lines.lines().map_while(Result::ok).find(|line| line.contains(text));
        assert!(found.is_some(), "{text} did not come");
    };
    has(&mut lines, "\"one\"");
    drop(lines);
    // It is found out by writing.
    let publish_until_connected = std::thread::scope(|scope| {
        let connected = scope.spawn(|| first_of(&listener));
        while !connected.is_finished() {
            broker.publish("mqttv5", "live/socket", 0, "nobody");
        }
        connected.join().unwrap()
    });
    let mut lines = publish_until_connected;
    broker.publish("mqttv5", "live/socket", 0, "again");
    has(&mut lines, "\"again\"");
    // One that does not read holds up nothing.
    sniffer.wait_for("the last PUBLISH", |record| record["payload"]["text"] == "again");
    sniffer.signal("INT");
    let (status, records) = sniffer.finish();
    assert_eq!(status, Some(0));
    let written = std::fs::read_to_string(&file).unwrap();
    let written: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written, records, "the file has what standard output had");
}
