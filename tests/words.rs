//! What the program says to people: errors and their hints, help, the manual page, and lines as wide as the terminal.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::{captures, mqttsniff, run, stderr, stdout};

const QOS: &str = "fixtures/mqtt5_qos.pcap";

/// What is said of arguments that are refused.
#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    stderr(&output).to_owned()
}

#[track_caller]
fn assert_refused(arguments: &[&str], words: &str) {
    let error = refused(arguments);
    assert!(error.contains(words), "{arguments:?}: {error}");
}

/// What a command prints for a page of so many columns.
fn printed(arguments: &[&str], columns: &str) -> String {
    let output = mqttsniff().args(arguments).env("COLUMNS", columns).output().unwrap();
    stdout(&output).to_owned()
}

#[test]
fn numbers_that_are_none_are_refused_in_words() {
    let from_one = "it has to be a whole number from 1 on";
    assert_refused(&["read", QOS, "--limit", "abc"], from_one);
    assert_refused(&["read", QOS, "-j", "0"], from_one);
    assert_refused(&["read", QOS, "--write", "x.pcap", "--rotate-frames", "0"], from_one);
    assert_refused(
        &["read", QOS, "--write", "x.pcap", "--rotate-frames", "9", "--keep", "0"],
        "it has to be a whole number from 1 to 4294967295",
    );
    assert_refused(&["read", QOS, "--payload-bytes", "1GB"], "it has to be a whole number from 0 on");
    assert_refused(&["flow", QOS, "--stream", "first"], "it has to be a whole number from 0 to 4294967295");
    assert_refused(&["flow", QOS, "1", "--plot", "rtt", "--height", "9"], "it has to be a whole number from 10 to 200");
    assert_refused(&["capture", "lo", "--snaplen", "0"], "it has to be a whole number from 1 to 262144");
}

#[test]
fn a_time_of_nothing_is_refused() {
    let words = "it has to be longer than nothing";
    assert_refused(&["stats", QOS, "--interval", "0s"], "it has to be longer than nothing; try 100ms");
    assert_refused(&["capture", "lo", "--duration", "0s"], words);
    assert_refused(&["read", QOS, "--follow", "--duration", "0"], words);
    assert_refused(&["read", QOS, "--follow", "--idle", "0ms"], words);
}

#[test]
fn a_field_that_there_is_not_has_a_hint_that_can_be_followed() {
    assert_refused(&["read", QOS, "--fields", "frame.numbr"], "hint: did you mean: frame.number?");
    for arguments in [["--fields", "foo"], ["--columns", "A=foo"], ["--fields", ""]] {
        let error = refused(&[&["read", QOS][..], &arguments].concat());
        assert!(error.ends_with("hint: `mqttsniff fields` lists them\n"), "{error}");
    }
    let error = refused(&["read", QOS, "--columns", "=frame.number"]);
    assert!(error.contains("there is no title before the ="), "{error}");
}

#[test]
fn standard_input_is_not_compared_with_itself() {
    let output = mqttsniff().args(["diff", "-", "-"]).pipe_stdin(QOS).unwrap().output().unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert!(stderr(&output).contains("standard input can't be read twice\n  hint: "), "{}", stderr(&output));
}

#[test]
fn packet_types_have_both_names_in_filters_and_in_assertions() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    for (own, wiresharks) in [("PUBLISH", "Publish Message"), ("suback", "Subscribe Ack")] {
        let shown = [own, wiresharks].map(|name| {
            let filter = format!("mqtt.msgtype == \"{name}\"");
            let output = run(["read", QOS, "--filter", &filter, "--fields", "frame.number"]);
            assert_eq!(stderr(&output), "");
            stdout(&output).to_owned()
        });
        assert!(shown[0] == shown[1] && !shown[0].is_empty(), "{own}: {shown:?}");
        for name in [own, wiresharks] {
            let text = format!("[[assert]]\nname = 'it'\nwhere = 'mqtt.msgtype == \"{name}\"'\nexpect = 'count > 0'\n");
            std::fs::write(&rules, text).unwrap();
            let output = run(["check", QOS, "--assert", rules.to_str().unwrap()]);
            assert!(stdout(&output).contains("passed         it"), "{name}: {output:?}");
        }
    }
    let bare = run(["read", QOS, "--filter", "mqtt.msgtype in {SUBSCRIBE, SUBACK}", "--fields", "mqtt.msgtype"]);
    assert_eq!(stdout(&bare), "8\n9\n");
}

#[test]
fn intervals_without_traffic_are_told() {
    let ping = "fixtures/lab/ping.pcap";
    let whole = printed(&["stats", ping, "--show", "io", "--interval", "1s"], "100");
    assert!(!whole.contains('…'), "{whole}");
    let fine = printed(&["stats", ping, "--show", "io", "--interval", "100ms"], "100");
    assert!(fine.lines().any(|line| line.split_whitespace().eq(["…", "0", "0", "B", "0", "B/s"])), "{fine}");
}

#[test]
fn lines_for_people_fit_an_80_column_terminal() {
    let statement = printed(&["explain", "MQTT-3.1.2-24"], "80");
    let fields = printed(&["fields", "topic"], "80");
    let lab: Vec<_> = captures().into_iter().map(|path| path.display().to_string()).collect();
    let check: Vec<_> = ["check"].into_iter().chain(lab.iter().map(String::as_str)).collect();
    let coverage = printed(&["check", QOS, "--coverage"], "80");
    for text in [statement, fields, printed(&check, "80"), coverage] {
        assert!(text.lines().count() > 10, "{text}");
        for line in text.lines().filter(|line| line.chars().count() > 80) {
            // What has no blank can't be broken: names of files, and long words from the wire.
            let longest = line.split_whitespace().map(|word| word.chars().count()).max().unwrap();
            assert!(longest > 40 || line.contains(".pcap: "), "{line}");
        }
    }
    // A line is an entry where another program reads.
    let piped = stdout(&run(["fields", "alias"])).to_owned();
    assert!(piped.lines().all(|line| !line.starts_with(' ')), "{piped}");
}

#[test]
fn help_is_broken_by_the_terminal_alone_and_has_its_arguments_in_order() {
    let help = stdout(&run(["--help"])).to_owned();
    let status = help.split_once("Exit status:").unwrap().1;
    assert!(status.lines().all(|line| line.split_whitespace().count() > 1), "{status}");
    let diff = stdout(&run(["diff", "--help"])).to_owned();
    assert!(diff.find("  <OLD>\n").unwrap() < diff.find("  <NEW>\n").unwrap(), "{diff}");
    assert!(stdout(&run(["flow", "--help"])).contains("10 to 200"));
}

#[test]
fn the_manual_page_tells_how_commands_are_called() {
    let page = stdout(&run(["man"])).to_owned();
    let page = page.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "");
    let usage = page.split_once(".SH SYNOPSIS").unwrap().1.split_once(".SH").unwrap().0.to_owned();
    for line in [
        "mqttsniff read [OPTIONS] FILE...",
        "mqttsniff flow [OPTIONS] FILE... [N]",
        "mqttsniff embed-keys --keylog FILE --output OUT CAPTURE",
        "mqttsniff explain ID",
        "mqttsniff fields [WORD]",
    ] {
        assert!(usage.lines().any(|found| found == line), "{line} is missing in\n{usage}");
    }
    let status = page.split_once(".SH \"EXIT STATUS\"").unwrap().1.split_once(".SH").unwrap().0.to_owned();
    assert!(status.contains("diff found that"), "{status}");
    let environment = page.split_once(".SH ENVIRONMENT").unwrap().1;
    assert!(environment.contains("MQTTSNIFF_REDACT_KEY") && environment.contains("CLICOLOR_FORCE"));
}
