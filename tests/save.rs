//! `read --write`: what a filter lets through as a capture file, with the frames that it needs; converted and merged files.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{fixtures, lines, mqttsniff, of, records, stderr, stdout};
use mqttsniff::capture::{self, Batch, Fill, FrameHeader, Source as _};
use serde_json::Value;

/// A frame as it stands in a file: its header, its bytes, its comments.
type Stored = (FrameHeader, Vec<u8>, Vec<String>);

fn frames(file: &Path) -> Vec<Stored> {
    let mut source = capture::open(&[file]).unwrap();
    let (mut batch, mut fill, mut found) = (Batch::new(), Fill::More, Vec::new());
    while fill == Fill::More {
        batch.advance();
        fill = source.fill(&mut batch);
        found.extend(batch.frames().map(|frame| {
            let comments = batch.comments(frame.number).map(ToOwned::to_owned).collect();
            (frame.header, frame.data.to_vec(), comments)
        }));
    }
    found
}

/// The names of a file's interfaces.
fn interfaces(file: &Path) -> Vec<String> {
    let mut source = capture::open(&[file]).unwrap();
    let (mut batch, mut fill, mut met) = (Batch::new(), Fill::More, 0);
    while fill == Fill::More {
        batch.advance();
        fill = source.fill(&mut batch);
        met = batch.frames().map(|frame| frame.header.interface + 1).max().unwrap_or(0).max(met);
    }
    (0..met).map(|interface| source.interface_name(interface).unwrap_or_default().to_owned()).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(common::folder_for_all())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn write<P: AsRef<std::ffi::OsStr>>(inputs: &[P], output: &Path, more: &[&str]) -> std::process::Output {
    mqttsniff().arg("read").args(inputs).arg("--write").arg(output).args(more).output().unwrap()
}

/// The numbers of the frames of a file that another holds, in that order.
fn numbers(of: &[Stored], within: &[Stored]) -> Vec<usize> {
    let mut at = 0;
    let place = |frame: &Stored| {
        let found = within[at..].iter().position(|other| (other.0.time, &other.1) == (frame.0.time, &frame.1));
        at += found.expect("a frame of the input, behind the one before") + 1;
        at
    };
    of.iter().map(place).collect()
}

#[test]
fn what_a_filter_lets_through_is_written_and_nothing_else() {
    let folder = Folder::new();
    let (input, output) = (fixtures().join("mqtt5_qos.pcap"), folder.path("out.pcapng"));
    let result = write(&[&input], &output, &["--filter", "mqtt.qos == 2", "--fields", "frame.number"]);
    assert!(result.status.success(), "{}", stderr(&result));
    let chosen: Vec<usize> = stdout(&result).lines().map(|line| line.parse().unwrap()).collect();
    assert!(chosen.len() > 1);
    assert_eq!(numbers(&frames(&output), &frames(&input)), chosen);
    assert_eq!(stderr(&result), "");
    assert_eq!(folder.names(), ["out.pcapng"]);
}

#[test]
fn the_frames_that_a_message_needs_are_written_with_it() {
    let folder = Folder::new();
    for (name, filter) in [
        ("lab/byte_writer.pcap", "mqtt.msgtype == 3"),
        ("lab/byte_writer.pcap", "mqtt.msgtype == 1"),
        ("lab/coalesced.pcap", "mqtt.msgtype == 3"),
        ("vectors/lt_frag.pcap", "mqtt.msgtype == 3"),
        ("vectors/A_split_varint.pcap", "mqtt.msgtype == 3"),
    ] {
        let (input, output) = (fixtures().join(name), folder.path("out.pcap"));
        let show = ["--filter", filter, "--json", "--show", "messages"];
        let result = write(&[&input], &output, &show);
        let shown = lines(&result);
        let needed = of(&shown, "message").into_iter().flat_map(|message| message["frames"].as_array().unwrap());
        let needed: Vec<usize> = needed.map(|frame| usize::try_from(frame.as_u64().unwrap()).unwrap()).collect();
        let written = numbers(&frames(&output), &frames(&input));
        assert!(!needed.is_empty() && needed.iter().all(|frame| written.contains(frame)), "{name}: {written:?}");
        // The messages are found in it again.
        let again = records(&output, &[]);
        let short = |messages: &[&Value]| {
            let keys = ["type", "topic", "length", "packet_id", "from"];
            let values = messages.iter().map(|message| keys.map(|key| message[key].clone()));
            values.collect::<Vec<_>>()
        };
        let (before, after) = (short(&of(&shown, "message")), short(&of(&again, "message")));
        assert!(before.iter().all(|message| after.contains(message)), "{name}: {before:?} in {after:?}");
    }
}

#[test]
fn without_a_filter_a_capture_is_converted_with_all_that_it_holds() {
    let folder = Folder::new();
    let input = fixtures().join("vectors/lt_vlan.pcap");
    let commented = folder.path("commented.pcapng");
    // A capture with comments, made by the library.
    let mut options = capture::save::Options::new(capture::save::Format::Pcapng);
    options.interfaces = vec!["eth7".to_owned()];
    let mut writer = capture::save::Writer::create(&commented, options).unwrap();
    let mut source = capture::open(&[&input]).unwrap();
    let mut batch = Batch::new();
    assert_eq!(source.fill(&mut batch), Fill::End);
    for mut frame in batch.frames() {
        frame.header.length += 7;
        frame.header.interface = u32::from(frame.number.0 % 2 == 0);
        let comment = format!("number {}", frame.number);
        writer.write_commented(&frame, [comment.as_str(), "twice"]).unwrap();
    }
    writer.finish().unwrap();

    assert_eq!(interfaces(&commented), ["eth7", ""], "by their first frames");
    let before = frames(&commented);
    assert!(before.iter().any(|frame| frame.0.interface == 1 && frame.2.len() == 2));
    let output = folder.path("out.pcapng");
    assert!(write(&[&commented], &output, &[]).status.success());
    assert_eq!(frames(&output), before, "times, lengths on the wire, interfaces and comments");
    let with_filter = folder.path("filtered.pcapng");
    assert!(write(&[&commented], &with_filter, &["--filter", "frame"]).status.success());
    assert_eq!(frames(&with_filter), before);
    assert_eq!(interfaces(&output), ["eth7", ""]);
    assert_eq!(interfaces(&with_filter), ["eth7", ""]);
    let merged = folder.path("merged.pcapng");
    let other = fixtures().join("formats/H_ooo.pcapng");
    assert!(write(&[&other, &commented], &merged, &[]).status.success());
    assert!(interfaces(&merged).contains(&"eth7".to_owned()), "{:?}", interfaces(&merged));
    let plain = folder.path("out.pcap");
    assert!(write(&[&commented], &plain, &[]).status.success());
    assert_eq!(std::fs::read(&plain).unwrap()[..4], 0xa1b2_3c4d_u32.to_le_bytes(), "a pcap file with nanoseconds");
    let pairs = frames(&plain).into_iter().zip(&before);
    assert!(pairs.clone().all(|(frame, old)| (frame.0.length, frame.1) == (old.0.length, old.1.clone())));
    assert_eq!(pairs.count(), before.len());
}

#[test]
fn several_files_become_one_in_the_order_of_time() {
    let folder = Folder::new();
    let inputs = ["mqtt5_qos.pcap", "lab/paho.pcap"].map(|name| fixtures().join(name));
    let output = folder.path("both.pcapng");
    assert!(write(&inputs, &output, &[]).status.success());
    let written = frames(&output);
    assert_eq!(written.len(), frames(&inputs[0]).len() + frames(&inputs[1]).len());
    assert!(written.is_sorted_by_key(|frame| frame.0.time));
}

#[test]
fn standard_input_is_as_good_as_a_file() {
    let folder = Folder::new();
    let input = fixtures().join("lab/byte_writer.pcap");
    let (of_file, of_pipe) = (folder.path("file.pcapng"), folder.path("pipe.pcapng"));
    write(&[&input], &of_file, &["--filter", "mqtt.msgtype == 3"]);
    let mut command = mqttsniff();
    command.args(["read", "-", "--filter", "mqtt.msgtype == 3", "--write"]).arg(&of_pipe);
    assert!(command.write_stdin(std::fs::read(input).unwrap()).output().unwrap().status.success());
    assert_eq!(frames(&of_pipe), frames(&of_file));
}

#[test]
fn a_file_is_replaced_only_by_a_whole_one() {
    let folder = Folder::new();
    let (output, broken) = (folder.path("out.pcap"), folder.path("broken.pcap"));
    std::fs::write(&output, "what stood there").unwrap();
    std::fs::write(&broken, "no capture, only text").unwrap();
    assert_eq!(write(&[&broken], &output, &[]).status.code(), Some(2));
    assert_eq!(std::fs::read(&output).unwrap(), b"what stood there");
    // Two link types are none of a pcap file: it fails in the middle.
    let inputs = ["lt_raw.pcap", "lt_vlan.pcap"].map(|name| fixtures().join("vectors").join(name));
    let result = write(&inputs, &output, &[]);
    assert_eq!(result.status.code(), Some(2));
    assert!(stderr(&result).contains(".pcapng"), "{}", stderr(&result));
    assert_eq!(std::fs::read(&output).unwrap(), b"what stood there");
    assert!(folder.names().iter().all(|name| !name.contains("partial")), "{:?}", folder.names());
    // A capture of which nothing is chosen is one too.
    assert!(write(&[fixtures().join("mqtt5_qos.pcap")], &output, &["--filter", "udp"]).status.success());
    assert_eq!(frames(&output), []);
}

#[test]
fn a_reader_that_goes_away_does_not_cost_the_file() {
    let folder = Folder::new();
    let output = folder.path("out.pcapng");
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqttsniff"))
        .args(["read", "--json", "--detail", "--filter", "mqtt", "--write"])
        .args([&output, &fixtures().join("lab/v5_flow_control.pcap")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success(), "a closed pipe is no failure");
    let expected = mqttsniff()
        .args(["read", "--filter", "mqtt", "--fields", "frame.number"])
        .arg(fixtures().join("lab/v5_flow_control.pcap"))
        .output()
        .unwrap();
    assert!(frames(&output).len() >= stdout(&expected).lines().count());
}

#[test]
fn what_would_do_harm_is_refused() {
    let folder = Folder::new();
    let input = folder.path("in.pcap");
    std::fs::copy(fixtures().join("mqtt5_qos.pcap"), &input).unwrap();
    let before = std::fs::read(&input).unwrap();
    let refused = |output: &Path, more: &[&str], word: &str| {
        let result = write(&[&input], output, more);
        assert_eq!(result.status.code(), Some(2), "{output:?} {more:?}");
        assert!(stderr(&result).contains(word), "{}", stderr(&result));
        assert!(result.stdout.is_empty());
    };
    refused(&input, &[], "the input itself");
    refused(Path::new("-"), &[], "standard output");
    refused(&folder.path("out.pcap.xz"), &[], "compressed");
    refused(&folder.path("out.pcap"), &["--redact"], "--redact");
    #[cfg(unix)]
    {
        let link = folder.path("link.pcap");
        std::os::unix::fs::symlink(folder.path("elsewhere.pcap"), &link).unwrap();
        refused(&link, &[], "symbolic link");
    }
    assert_eq!(std::fs::read(&input).unwrap(), before);
}

/// What tshark has of the frames that a filter lets through; `None` where there is no tshark.
fn by_tshark(file: &Path, filter: &str) -> Option<String> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-Y", filter, "-T", "fields"]);
    for field in ["frame.time_epoch", "frame.len", "mqtt.msgtype", "mqtt.topic", "mqtt.msgid", "mqtt.qos"] {
        command.args(["-e", field]);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    assert!(output.status.success(), "tshark reads {}", file.display());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn tshark_finds_the_same_messages_in_it() {
    let folder = Folder::new();
    let mut rows = 0;
    for (name, filter) in [
        ("mqtt5_qos.pcap", "mqtt.qos > 0"),
        ("lab/byte_writer.pcap", "mqtt.msgtype == 3"),
        ("lab/byte_writer.pcap", "mqtt.msgtype == 1"),
        ("lab/coalesced.pcap", "mqtt.msgtype == 3"),
        ("lab/coalesced.pcap", "mqtt.msgtype == 4"),
        // Without its CONNECT a SUBSCRIBE of MQTT 5.0 would be read as one of 3.1.1.
        ("lab/paho.pcap", "mqtt.topic or mqtt.msgtype == 1"),
        ("lab/mqtt311_qos.pcap", "mqtt.topic contains \"s1\""),
        ("lab/odd_topics.pcap", "mqtt.msgtype == 3"),
        ("lab/ipv6.pcap", "mqtt.msgtype == 3"),
        ("lab/vlan.pcap", "mqtt.msgtype == 8"),
        ("lab/redelivery.pcap", "mqtt.dupflag == 1"),
        ("vectors/lt_frag.pcap", "mqtt.msgtype == 3"),
    ] {
        for end in ["pcap", "pcapng"] {
            let (input, output) = (fixtures().join(name), folder.path("out").with_extension(end));
            assert!(write(&[&input], &output, &["--filter", filter]).status.success());
            let Some(before) = by_tshark(&input, filter) else {
                eprintln!("skipped: tshark is not installed, so that it can't read what was written");
                return;
            };
            rows += before.lines().count();
            assert_eq!(by_tshark(&output, filter), Some(before), "{name}, {filter}, as {end}");
        }
    }
    assert!(rows > 100, "{rows} rows were compared");
}
