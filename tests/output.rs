//! What is shown to people is safe and readable: it fits, traffic controls no terminal, secrets stay secret.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::Path;
use std::process::Output;

use common::craft::{CONNACK, Connection, connect, publish};
use common::{captures, mqttsniff, stdout};

/// The ways to show everything: as lines and tables, with colours, and as JSON.
const FORMS: [&[&str]; 5] =
    [&[], &["--color", "always"], &["--json"], &["--detail"], &["--json", "--detail", "--payload", "hex"]];

fn show(path: &Path, form: &[&str], columns: Option<&str>) -> Output {
    let mut command = mqttsniff();
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    command.args(["read", "--show", common::ALL]).args(form).arg(path).output().unwrap()
}

/// Columns of a line on a terminal: characters of East Asian scripts and pictures are two wide.
fn columns(line: &str) -> usize {
    let width = |c: char| match u32::from(c) {
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xff60 | 0x1f300..=0x1faff => {
            2
        }
        _ => 1,
    };
    line.chars().map(width).sum()
}

/// The text without sequences that only choose a colour or a weight.
fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\x1b[") {
        out += before;
        let end = behind.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(behind.len());
        assert_eq!(behind.get(end..=end), Some("m"), "a sequence that is no colour");
        rest = &behind[end + 1..];
    }
    out + rest
}

#[test]
fn no_line_is_wider_than_the_page() {
    for path in captures() {
        // Relative, so that the length of the path to the sources plays no part.
        let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
        for width in ["80", "160"] {
            for form in [&["--detail"][..], &["--color", "always"]] {
                let output = show(path, form, Some(width));
                let text = without_colours(stdout(&output));
                // What is wrong with a file is told whole, whatever the page.
                for line in text.lines().filter(|line| !line.starts_with("  problem ")) {
                    let wide = columns(line);
                    assert!(wide <= width.parse().unwrap(), "{}: {wide} of {width}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn headings_stay_whole_on_a_narrow_page() {
    for width in ["60", "80", "160"] {
        let output = show(Path::new("fixtures/mqtt5_qos.pcap"), &[], Some(width));
        let text = stdout(&output);
        let heading = |name: &str| text.lines().skip_while(|line| *line != name).nth(1).unwrap().to_owned();
        let flows = heading("Flows");
        assert!(flows.starts_with("flow  client"), "{width}: {flows}");
        assert!(heading("MQTT sessions").starts_with("flow  client id"), "{width}: {text}");
    }
}

/// A connection whose names and contents try to control the terminal.
fn hostile() -> Connection {
    let evil = b"\x1b[2J\x1b]0;owned\x07\x08\r\n\t\xc2\x9b31m\xe2\x80\xae\x7f";
    Connection::open()
        .client(&connect(0b1100_0110, evil, &[evil, evil, evil, b"password"]))
        .server(&CONNACK)
        .client(&publish(evil, evil))
        .client(&publish(b"not/utf-8/\xff\x1b[1m", b"\x1b[1m\xff"))
}

#[test]
fn traffic_controls_no_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hostile.pcap");
    hostile().save(&path);
    for form in FORMS {
        for width in [None, Some("80"), Some("300")] {
            let output = show(&path, form, width);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let text = without_colours(stdout(&output));
            assert!(text.contains("owned") || form.contains(&"hex"), "{form:?}: the rest of the topic is shown");
            let control = text.chars().find(|c| *c < ' ' && *c != '\n');
            assert_eq!(control, None, "{form:?} {width:?}: {text:?}");
            if form.first() != Some(&"--json") {
                let odd = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202e}'));
                assert_eq!(odd, None, "{form:?} {width:?}: {text:?}");
            }
        }
    }
}

#[test]
fn a_hostile_topic_makes_no_second_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hostile.pcap");
    hostile().save(&path);
    let messages = mqttsniff().args(["read", "--show", "messages"]).arg(&path).output().unwrap();
    assert_eq!(stdout(&messages).trim_end().lines().count(), 1 + 4, "a heading and four messages: {messages:?}");
    let json = mqttsniff().args(["read", "--json", "--show", "messages"]).arg(&path).output().unwrap();
    assert_eq!(common::lines(&json).len(), 1 + 4);
}

/// How bytes might be written: as they are, in base64, in hexadecimal.
fn spellings(secret: &[u8]) -> [Vec<u8>; 3] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let base64 = secret.chunks_exact(3).flat_map(|three| {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| ALPHABET[bits >> shift & 63])
    });
    let hex = secret.iter().flat_map(|byte| format!("{byte:02x}").into_bytes());
    [secret.to_vec(), base64.collect(), hex.collect()]
}

fn assert_hidden(path: &Path, secrets: &[&[u8]]) {
    let capture = std::fs::read(path).unwrap();
    for form in FORMS {
        let output = show(path, form, Some("250"));
        assert!(stdout(&output).contains("CONNECT"), "{output:?}");
        for secret in secrets {
            let holds = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
            assert!(holds(&capture, secret), "the capture holds the secret");
            for spelling in spellings(secret) {
                for stream in [&output.stdout, &output.stderr] {
                    assert!(!holds(stream, &spelling), "{form:?}: {}", String::from_utf8_lossy(&spelling));
                }
            }
        }
    }
}

#[test]
fn passwords_are_never_shown() {
    assert_hidden(Path::new("fixtures/lab/bad_credentials.pcap"), &[b"secret", b"wrong"]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password.pcap");
    let whole = connect(0b1100_0010, b"me", &[b"user", b"hunter2hunter2hunter2"]);
    Connection::open().client(&whole).server(&CONNACK).save(&path);
    assert_hidden(&path, &[b"hunter2hunter2hunter2"]);
    // A password that is cut off by the end of the packet, and one behind a flag that denies it.
    let mut cut = whole.clone();
    cut[1] -= 1;
    cut.pop();
    Connection::open().client(&cut).server(&CONNACK).save(&path);
    assert_hidden(&path, &[b"hunter2hunter2hunter"]);
    let mut denied = whole;
    denied[9] = 0b1000_0010;
    Connection::open().client(&denied).server(&CONNACK).save(&path);
    assert_hidden(&path, &[b"hunter2hunter2hunter2"]);
}

#[test]
fn authentication_data_is_never_shown() {
    let name = Path::new("fixtures/lab/v5_auth.pcap");
    let output = show(name, &["--json"], None);
    assert!(stdout(&output).contains("authentication_data_length"));
    assert!(!stdout(&output).contains("\"authentication_data\""));
}

#[test]
fn colours_are_used_when_they_are_asked_for_and_never_on_a_pipe() {
    let coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = mqttsniff();
        command.args(["read", "fixtures/mqtt5_qos.pcap"]).args(arguments).envs(environment.iter().copied());
        stdout(&command.output().unwrap()).contains("\x1b[")
    };
    assert!(!coloured(&[], &[]));
    assert!(!coloured(&["--color", "auto"], &[]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]), "who says it on the command line means it");
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["--json", "--color", "always"], &[]), "JSON has no colours");
}

/// Where nobody asks for sessions and findings they are not followed; what is shown must not depend on that.
#[test]
fn what_is_shown_alone_reads_as_among_all_the_rest() {
    let mut compared = 0;
    for path in captures() {
        let path = path.to_str().unwrap();
        let all = common::run(["read", "--json", "--show", common::ALL, path]);
        for kind in ["packet", "message", "flow"] {
            let alone = common::run(["read", "--json", "--show", &format!("{kind}s"), path]);
            let of = |output: &Output| {
                let record = format!("{{\"record\":\"{kind}\"");
                let lines = stdout(output).lines().filter(|line| line.starts_with(&record));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(of(&alone), of(&all), "{kind} of {path}");
            compared += of(&alone).len();
        }
    }
    assert!(compared > 5_000, "{compared}");
}
