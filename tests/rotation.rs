//! Files that are written one after the other: when they end, what they are called, which stay, what is run for each, and
//! what is left of them when something goes wrong.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]
#![allow(clippy::disallowed_methods, reason = "waiting for another program takes a clock")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{fixtures, mqttsniff, stderr, stdout};
use mqttsniff::capture::save::{Options, Writer};
use mqttsniff::capture::{self, Batch, Fill, FrameHeader, LinkType, Source as _};
use mqttsniff::time::Timestamp;

/// How long to wait for what ought to come within a moment, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// 2009-02-13 23:31:30 UTC.
const START: i64 = 1_234_567_890;

/// The frames of a capture: when, and the bytes; and whether it was read without a problem.
fn read(file: &Path) -> (Vec<(i64, Vec<u8>)>, bool) {
    let mut source = capture::open(&[file]).unwrap();
    let (mut batch, mut fill, mut found) = (Batch::new(), Fill::More, Vec::new());
    while fill == Fill::More {
        batch.advance();
        fill = source.fill(&mut batch);
        found.extend(batch.frames().map(|frame| (frame.header.time.as_nanos(), frame.data.to_vec())));
    }
    (found, source.report().problems.is_empty())
}

/// The frames of a capture that has no fault.
fn frames(file: &Path) -> Vec<(i64, Vec<u8>)> {
    let (frames, whole) = read(file);
    assert!(whole, "{}", file.display());
    frames
}

/// A capture of so many frames, one a second, each with bytes of its own.
fn capture_of(count: i64) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = Writer::create(file.path(), Options::of_path(Path::new("a.pcap"))).unwrap();
    for number in 0..count {
        let time = Timestamp::from_secs_nanos(START + number, 0);
        // Nothing that can be packed: splitmix64.
        let noise = |at: i64| {
            let mut word = ((number << 8 | at) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (word ^ word >> 31) as u8
        };
        let data: Vec<u8> = (0..60 + number % 50).map(noise).collect();
        let length = data.len() as u32;
        let header = FrameHeader { time, link: LinkType::ETHERNET, length, interface: 0, fcs_length: 0 };
        let mut batch = Batch::new();
        batch.push(header, &data);
        writer.write(&batch.get(0).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    fs::read(file.path()).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(common::folder_for_all())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A capture to read.
    fn capture(&self, count: i64) -> PathBuf {
        let path = self.path("in");
        fs::write(&path, capture_of(count)).unwrap();
        path
    }

    /// What was written, in the order of names.
    fn written(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
        paths.retain(|path| path.file_name().unwrap() != "in");
        paths.sort();
        paths
    }

    fn names(&self) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        self.written().iter().map(name).collect()
    }
}

fn write(input: &Path, output: &Path, more: &[&str]) -> Output {
    mqttsniff().arg("read").arg(input).args(["--show", "summary", "--write"]).arg(output).args(more).output().unwrap()
}

#[track_caller]
fn write_well(input: &Path, output: &Path, more: &[&str]) {
    let result = write(input, output, more);
    assert!(result.status.success(), "{}", stderr(&result));
    assert_eq!(stderr(&result), "");
}

/// How many frames Wireshark's own tool finds; `None` where there is none, or it can't unpack.
fn by_capinfos(file: &Path) -> Option<usize> {
    let output =
        Command::new("capinfos").args(["-T", "-r", "-c", "-M"]).arg(file).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.trim().rsplit('\t').next().unwrap().parse().unwrap())
}

#[test]
fn the_files_together_are_the_capture() {
    let mut compared = 0;
    for end in ["pcap", "pcapng", "pcap.gz", "pcapng.zst"] {
        if end.ends_with("zst") && !cfg!(feature = "zstd") {
            continue;
        }
        for by in [["--rotate-frames", "300"], ["--rotate-size", "20kB"], ["--rotate-time", "5m"]] {
            let folder = Folder::new();
            let input = folder.capture(4000);
            write_well(&input, &folder.path(&format!("out.{end}")), &by);
            let files = folder.written();
            // What is packed leaves in larger pieces than the size that was asked for.
            assert!(files.len() > if by[0] == "--rotate-size" { 1 } else { 5 }, "{end} {by:?}: {files:?}");
            let together: Vec<_> = files.iter().flat_map(|file| frames(file)).collect();
            assert!(together == frames(&input), "{end} {by:?}");
            for file in &files {
                match by[0] {
                    "--rotate-frames" => assert!(frames(file).len() <= 300),
                    "--rotate-time" => {
                        let periods =
                            frames(file).iter().map(|(time, _)| time / 300_000_000_000).collect::<BTreeSet<_>>();
                        assert_eq!(periods.len(), 1, "{}", file.display());
                    }
                    _ if end.starts_with("pcap.") || end.contains('.') => {}
                    _ => assert!(fs::metadata(file).unwrap().len() <= 20_000),
                }
                if let Some(count) = by_capinfos(file) {
                    assert_eq!(count, frames(file).len(), "{}", file.display());
                    compared += 1;
                }
            }
        }
    }
    if compared == 0 {
        eprintln!("skipped: capinfos is not installed, so that it can't count the frames of the files");
    }
}

#[test]
fn what_is_packed_is_what_its_name_says() {
    let magics: [(&str, &[u8]); 3] =
        [("out.pcap.gz", &[0x1f, 0x8b]), ("out.pcapng.zst", &[0x28, 0xb5, 0x2f, 0xfd]), ("out.pcap", &[0x4d, 0x3c])];
    for (name, magic) in magics {
        if name.ends_with("zst") && !cfg!(feature = "zstd") {
            continue;
        }
        let folder = Folder::new();
        let input = folder.capture(100);
        write_well(&input, &folder.path(name), &[]);
        assert!(fs::read(folder.path(name)).unwrap().starts_with(magic), "{name}");
        assert_eq!(frames(&folder.path(name)), frames(&input));
        assert_eq!(folder.names(), [name]);
        let redacted = folder.path(&format!("redacted-{name}"));
        let done = mqttsniff().arg("redact").arg(fixtures().join("mqtt5_qos.pcap")).arg(&redacted).output().unwrap();
        assert!(done.status.success(), "{}", stderr(&done));
        assert!(fs::read(&redacted).unwrap().starts_with(magic), "{name}");
        assert_eq!(frames(&redacted).len(), 77);
    }
}

#[test]
fn names_have_the_time_of_the_first_frame() {
    let folder = Folder::new();
    let input = folder.capture(100);
    write_well(&input, &folder.path("%Y%m%d-%H%M.pcap"), &["--rotate-time", "1m"]);
    assert_eq!(folder.names(), ["20090213-2331.pcap", "20090213-2332.pcap", "20090213-2333.pcap"]);
    assert_eq!(frames(&folder.written()[0]).len(), 30, "until the full minute");
    // One name for two files: they are told apart.
    let folder = Folder::new();
    let input = folder.capture(100);
    write_well(&input, &folder.path("%H.pcap.gz"), &["--rotate-frames", "40"]);
    assert_eq!(folder.names(), ["23.pcap.gz", "23_00002.pcap.gz", "23_00003.pcap.gz"]);
    // Without rotation there is one.
    let folder = Folder::new();
    let input = folder.capture(100);
    write_well(&input, &folder.path("%n-%S.pcapng"), &[]);
    assert_eq!(folder.names(), ["00001-30.pcapng"]);
    assert_eq!(frames(&folder.written()[0]), frames(&input));
    // A percent sign is one, whether there is one file or several.
    for (more, expected) in [(&[][..], "5%.pcap"), (&["--rotate-frames", "100"], "5%_00001.pcap")] {
        let folder = Folder::new();
        let input = folder.capture(100);
        write_well(&input, &folder.path("5%%.pcap"), more);
        assert_eq!(folder.names(), [expected]);
    }
}

#[test]
fn the_ring_keeps_the_last_files_and_another_run_leaves_them_alone() {
    let folder = Folder::new();
    let input = folder.capture(100);
    let output = folder.path("out.pcap");
    write_well(&input, &output, &["--rotate-frames", "10", "--keep", "3"]);
    assert_eq!(folder.names(), ["out_00008.pcap", "out_00009.pcap", "out_00010.pcap"]);
    let kept: Vec<_> = folder.written().iter().flat_map(|file| frames(file)).collect();
    assert!(kept == frames(&input)[70..]);
    write_well(&input, &output, &["--rotate-frames", "50"]);
    assert_eq!(folder.names()[..2], ["out_00001.pcap", "out_00002.pcap"], "names that are free");
    write_well(&input, &output, &["--rotate-frames", "25", "--keep", "1"]);
    assert_eq!(folder.names().len(), 6, "one of five was kept, nothing else was touched: {:?}", folder.names());
    assert!(kept.len() == 30 && folder.written().iter().any(|file| frames(file)[..] == kept[20..]));
}

#[test]
fn a_filter_chooses_what_is_in_the_files() {
    let folder = Folder::new();
    let (input, filter) = (fixtures().join("lab/byte_writer.pcap"), "mqtt.msgtype == 3");
    let one = folder.path("one.pcapng");
    write_well(&input, &one, &["--filter", filter]);
    let whole = frames(&one);
    fs::remove_file(one).unwrap();
    write_well(&input, &folder.path("out.pcapng"), &["--filter", filter, "--rotate-frames", "7"]);
    assert_eq!(folder.names().len(), whole.len().div_ceil(7));
    assert!(folder.written().iter().flat_map(|file| frames(file)).collect::<Vec<_>>() == whole);
}

#[test]
fn a_command_gets_each_file_when_it_is_whole() {
    let folder = Folder::new();
    let input = folder.capture(100);
    // What is in a name is no matter of the shell's.
    let odd = "it's $(odd); \"%n\".pcapng.gz";
    let (inner, copies) = (folder.path("x"), folder.path("copies"));
    fs::create_dir(&inner).unwrap();
    fs::set_permissions(&inner, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    fs::create_dir(&copies).unwrap();
    let command = format!("cp -t {}", copies.display());
    write_well(&input, &inner.join(odd), &["--rotate-frames", "30", "--after-file", &command]);
    let mut copied: Vec<_> = fs::read_dir(&copies).unwrap().map(|entry| entry.unwrap().path()).collect();
    copied.sort();
    assert_eq!(copied.len(), 4);
    assert!(copied[0].to_str().unwrap().ends_with("it's $(odd); \"00001\".pcapng.gz"));
    assert!(copied.iter().flat_map(|file| frames(file)).collect::<Vec<_>>() == frames(&input));
    // One file, and its name alone.
    let result = mqttsniff()
        .current_dir(folder.0.path())
        .args(["read", "in", "--write=-dash.pcap", "--show", "summary", "--after-file", "gzip"])
        .output()
        .unwrap();
    assert!(result.status.success(), "{}", stderr(&result));
    assert_eq!(folder.names(), ["-dash.pcap.gz"]);
    assert_eq!(frames(&folder.path("-dash.pcap.gz")).len(), 100);
}

#[test]
fn a_command_that_fails_is_told_of_once_for_each_file() {
    let folder = Folder::new();
    let input = folder.capture(30);
    let result =
        write(&input, &folder.path("out.pcap"), &["--rotate-frames", "10", "--after-file", "echo said; false"]);
    assert_eq!(result.status.code(), Some(2));
    for number in 1..=3 {
        let name = format!("out_0000{number}.pcap': exit status");
        assert_eq!(stderr(&result).matches(&name).count(), 1, "{}", stderr(&result));
    }
    assert_eq!(stderr(&result).matches("said").count(), 3 + 3, "what it prints, and its name in each message");
    assert!(!stdout(&result).contains("said"), "standard output is the results'");
    assert!(stdout(&result).contains("frames    30"));
    assert_eq!(folder.names().len(), 3, "the files are there all the same");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let input = folder.capture(30);
    fs::create_dir(folder.path("elsewhere")).unwrap();
    let precious = folder.path("elsewhere/precious");
    fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, folder.path("out_00002.pcap")).unwrap();
    std::os::unix::fs::symlink(folder.path("elsewhere/new"), folder.path("out_00003.pcap")).unwrap();
    let result = write(&input, &folder.path("out.pcap"), &["--rotate-frames", "10"]);
    assert!(result.status.success());
    let said = stderr(&result);
    assert!(said.contains("out_00002.pcap' is a symbolic link, through which nothing is written"), "{said}");
    assert_eq!(said.lines().count(), 1, "once, not for each: {said}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(!folder.path("elsewhere/new").exists());
    for name in ["out_00001.pcap", "out_00004.pcap", "out_00005.pcap"] {
        assert_eq!(frames(&folder.path(name)).len(), 10);
        assert_eq!(fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let folder = Folder::new();
    let input = folder.capture(3);
    for (name, more, word) in [
        ("a.pcap", &["--keep", "3"][..], "nothing says when another begins"),
        ("%q.pcap", &[], "stands for nothing"),
        ("%Y/a.pcap", &["--rotate-frames", "1"], "file's name, not into those of folders"),
        ("none/a.pcap", &["--rotate-frames", "1"], "there is no folder"),
        ("a.pcap", &["--rotate-time", "10ms"], "less than a second"),
        ("a.pcap", &["--rotate-size", "many"], "is no size"),
        ("a.pcap.lz4", &["--rotate-frames", "1"], "is not written"),
        (".", &["--rotate-frames", "1"], "no regular file"),
    ] {
        let result = write(&input, &folder.path(name), more);
        assert_eq!(result.status.code(), Some(2), "{name} {more:?}");
        assert!(stderr(&result).contains(word), "{}", stderr(&result));
    }
    let result = mqttsniff().arg("read").arg(&input).args(["--rotate-size", "1MB"]).output().unwrap();
    assert_eq!(result.status.code(), Some(2));
    assert!(stderr(&result).contains("--write"), "{}", stderr(&result));
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_file_and_not_the_report() {
    let input = fixtures().join("mqtt5_qos.pcap");
    for (more, wanted) in [(&[][..], 77), (&["--filter", "mqtt"], 44)] {
        let result = write(&input, Path::new("/dev/full"), more);
        assert_eq!(result.status.code(), Some(2));
        assert!(stderr(&result).contains("/dev/full': No space left on device"), "{}", stderr(&result));
        assert!(stderr(&result).contains("make room"), "{}", stderr(&result));
        assert!(
            stderr(&result)
                .contains(&format!("of {wanted} frames for '/dev/full' 0 got written, and {wanted} are lost")),
            "{}",
            stderr(&result)
        );
        assert!(
            stdout(&result).contains(&format!("unsaved   {wanted} frames, and 0 are saved")),
            "{}",
            stdout(&result)
        );
        assert!(stdout(&result).contains("frames    77"), "{}", stdout(&result));
    }
}

/// A file system that is soon full.
#[cfg(target_os = "linux")]
struct Tiny(PathBuf);

#[cfg(target_os = "linux")]
impl Tiny {
    /// None, and says so, where nothing can be mounted.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&at).output();
        let is_mounted = mounted.is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: no file system can be mounted here, so that none can fill up");
        }
        is_mounted.then_some(Self(at))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// How many frames are saved, and how many are not, as the summary tells.
#[cfg(target_os = "linux")]
fn told(result: &Output) -> (u64, u64) {
    let line = stdout(result).lines().find(|line| line.trim_start().starts_with("unsaved")).unwrap().to_owned();
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    (numbers[1], numbers[0])
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_did_not_become_whole_is_told_with_all_that_it_lacks() {
    let folder = Folder::new();
    let input = folder.capture(2000);
    let Some(tiny) = Tiny::mount(folder.path("tiny")) else { return };
    for more in [&[][..], &["--filter", "frame.len > 0"]] {
        let result = write(&input, &tiny.0.join("out.pcap"), more);
        assert_eq!(result.status.code(), Some(2));
        assert_eq!(told(&result), (0, 2000), "{}", stdout(&result));
        assert!(stderr(&result).contains("No space left on device"), "{}", stderr(&result));
        assert_eq!(fs::read_dir(&tiny.0).unwrap().count(), 0, "no half of a capture is left");
    }
    // What is packed is in the file as far as it was flushed; more may be.
    let arguments = ["--rotate-frames", "300", "--show", "summary"];
    let result = write(&input, &tiny.0.join("out.pcapng.gz"), &arguments);
    assert_eq!(result.status.code(), Some(2));
    let can: u64 = fs::read_dir(&tiny.0).unwrap().map(|file| read(&file.unwrap().path()).0.len() as u64).sum();
    let (saved, unsaved) = told(&result);
    assert!(saved >= 300 && saved <= can && unsaved == 2000 - saved, "{saved} and {unsaved}, {can} can be read");
    assert!(stdout(&result).contains("at most ") && stdout(&result).contains("and at least "), "{}", stdout(&result));
    assert!(stderr(&result).contains(&format!("at least {saved} got written")), "{}", stderr(&result));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_whole_files_and_one_that_can_be_read() {
    let folder = Folder::new();
    let input = folder.capture(2000);
    let Some(tiny) = Tiny::mount(folder.path("tiny")) else { return };
    let result = write(&input, &tiny.0.join("out.pcap"), &["--rotate-size", "20kB"]);
    assert_eq!(result.status.code(), Some(2));
    assert!(stderr(&result).contains("No space left on device"), "{}", stderr(&result));
    assert!(stderr(&result).contains("out_0000"), "the file that was being written: {}", stderr(&result));
    assert!(stdout(&result).contains("frames    2000"), "{}", stdout(&result));
    let mut written: Vec<_> = fs::read_dir(&tiny.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    written.sort();
    let last = written.pop().unwrap();
    assert!(written.len() >= 2);
    let mut all: Vec<_> = written.iter().flat_map(|file| frames(file)).collect();
    all.extend(read(&last).0);
    assert!(all[..] == frames(&input)[..all.len()]);
    assert_eq!(told(&result), (all.len() as u64, 2000 - all.len() as u64), "{}", stdout(&result));
    let can = format!("{} got written, and {} are lost", all.len(), 2000 - all.len());
    assert!(stderr(&result).contains(&can), "{}", stderr(&result));
    // With a ring it goes on for ever.
    for file in written.iter().chain([&last]) {
        fs::remove_file(file).unwrap();
    }
    write_well(&input, &tiny.0.join("out.pcap"), &["--rotate-size", "20kB", "--keep", "2"]);
}

#[cfg(unix)]
#[test]
fn after_a_kill_every_finished_file_is_whole_and_the_last_can_be_read() {
    for end in ["pcap", "pcapng", "pcap.gz", "pcapng.zst"] {
        if end.ends_with("zst") && !cfg!(feature = "zstd") {
            continue;
        }
        let folder = Folder::new();
        let fifo = folder.path("fifo");
        match Command::new("mkfifo").arg(&fifo).status() {
            Ok(status) if status.success() => {}
            _ => {
                eprintln!("skipped: mkfifo is not installed, so that no capture can be fed");
                return;
            }
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqttsniff"))
            .arg("read")
            .arg(&fifo)
            .args(["--show", "summary", "--rotate-frames", "3000", "--write"])
            .arg(folder.path(&format!("out.{end}")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is killed in the middle of what is fed: the rest has no reader.
        let bytes = capture_of(10_000);
        let mut feed = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        feed.write_all(&bytes).unwrap();
        let began = Instant::now();
        while folder.names().iter().filter(|name| name.starts_with("out_")).count() < 4 {
            assert!(began.elapsed() < PATIENCE, "{end}: {:?}", folder.names());
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(feed);
        let mut files: Vec<_> = folder.written().into_iter().filter(|file| *file != fifo).collect();
        let last = files.pop().unwrap();
        let mut all: Vec<_> = files.iter().flat_map(|file| frames(file)).collect();
        assert_eq!(all.len(), 9000, "{end}");
        let (rest, _) = read(&last);
        all.extend(rest);
        let original = folder.path("original");
        fs::write(&original, &bytes).unwrap();
        assert!(all[..] == frames(&original)[..all.len()], "{end}");
        // The exit status tells whether the last one is cut; what is there is reported.
        let result = mqttsniff().arg("read").arg(&last).args(["--show", "summary"]).output().unwrap();
        let (rest, whole) = read(&last);
        assert_eq!(result.status.code(), Some(if whole { 0 } else { 2 }), "{end}: {}", stderr(&result));
        assert!(
            whole || stderr(&result).contains("cut short") || stderr(&result).contains("empty"),
            "{}",
            stderr(&result)
        );
        assert!(rest.is_empty() || stdout(&result).contains(&format!("frames    {}", rest.len())));
    }
}

#[cfg(unix)]
#[test]
fn what_was_read_of_a_pipe_is_in_the_files_though_more_may_come() {
    let folder = Folder::new();
    for (end, more) in [("pcap", &[][..]), ("pcapng", &[]), ("pcap", &["--filter", "frame.len > 0"])] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqttsniff"))
            .args(["read", "-", "--show", "summary", "--rotate-frames", "4", "--write"])
            .arg(folder.path(&format!("out{}.{end}", more.len())))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The first four frames at once, and then one by one.
        let original = folder.capture(9);
        let bytes = fs::read(&original).unwrap();
        let mut feed = child.stdin.take().unwrap();
        let mut fed = 0;
        for end in (0..9).scan(24, |end, number| {
            *end += 16 + 60 + number;
            Some(*end)
        }) {
            if end > 24 + 3 * 80 {
                feed.write_all(&bytes[fed..end]).unwrap();
                fed = end;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let began = Instant::now();
        loop {
            let all: usize = folder.written().iter().map(|file| read(file).0.len()).sum();
            if all == 9 {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{all} of 9 in {:?}", folder.written());
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(feed);
        let files = folder.written();
        assert_eq!(files.len(), 3);
        let all: Vec<_> = files.iter().flat_map(|file| frames(file)).collect();
        assert!(all == frames(&original), "each file is whole");
        for file in files {
            fs::remove_file(file).unwrap();
        }
    }
}
