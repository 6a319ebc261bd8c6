//! What files are refused, and where; what single rules say of captures.

use super::*;
use crate::analysis::Analysis;

/// The error of a file that has this assertion; lines count from the first of `text`.
fn error(text: &str) -> AssertionError {
    Assertions::parse(text, "rules.toml").expect_err(text)
}

/// The marked part of the line, the message and the hint.
fn refused(text: &str) -> (String, String, String) {
    let error = error(text);
    let shown = error.to_string();
    let marked = shown.lines().nth(2).unwrap().chars().filter(|c| matches!(c, '^' | '~')).count();
    let marked = error.source_line().chars().skip(error.column() - 1).take(marked).collect();
    (marked, error.message().to_owned(), error.hint().unwrap_or_default().to_owned())
}

fn assert_refused(text: &str, marked: &str, message: &str, hint: &str) {
    let found = refused(text);
    assert_eq!(found.0, marked, "{text}: {found:?}");
    assert!(found.1.contains(message), "{text}: {found:?}");
    assert!(found.2.contains(hint), "{text}: {found:?}");
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest() {
    let text = "[[assert]]\nname = 'a'\neach = 'mqtt'\nwihtin = \"1s\"\n";
    let expected =
        "rules.toml:4:1: unknown key \"wihtin\"\n  4 | wihtin = \"1s\"\n    | ^~~~~~\ndid you mean \"within\"?";
    assert_eq!(error(text).to_string(), expected);
    assert_refused("[rule]\na = 1", "rule", "unknown key", "did you mean \"rules\"?");
    assert_refused("fail-on = 'error'", "fail-on", "unknown key", "did you mean \"fail_on\"?");
    assert_refused("qqqqqqqqqq = 1", "qqqqqqqqqq", "unknown key", "keys are assert, rules, limits, fail_on");
}

#[test]
fn what_is_no_toml_is_shown_at_its_place() {
    assert_refused("[[assert]]\nname = \n", "", "this is no TOML", "");
    assert_refused("[[assert]\nname = 'a'", "", "this is no TOML", "");
    assert_refused("[[assert]]\nname = 'a'\nname = 'b'", "name", "duplicate key", "");
    let deep = format!("a = {}1{}", "[".repeat(5000), "]".repeat(5000));
    assert!(error(&deep).message().contains("this is no TOML"), "{}", error(&deep).message());
    assert!(error(&" ".repeat((1 << 20) + 1)).message().contains("1 MiB"));
}

#[test]
fn a_value_of_another_type_is_refused() {
    let assertion = |rest: &str| format!("[[assert]]\nname = 'a'\n{rest}\n");
    assert_refused("assert = 1", "1", "assert is an integer, but has to be a list of tables", "[[assert]]");
    assert_refused("assert = ['a']", "'a'", "has to be a list of tables", "");
    assert_refused("[[assert]]\nname = 1", "1", "name is an integer, but has to be text", "");
    assert_refused(&assertion("none = true"), "true", "none is true or false, but has to be text", "");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\nsame = [1]"), "1", "same is an integer", "");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\nsame = []"), "[]", "same is empty", "");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\nwithin = 1"), "1", "within is an integer", "");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\nwithin = '1'"), "'1'", "is no duration", "1.5s");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\npairs = 1"), "1", "pairs is an integer", "");
    assert_refused(&assertion("none = 'mqtt'\nat_least = -1"), "-1", "not negative", "");
    assert_refused(&assertion("none = 'mqtt'\nrequire = 1"), "1", "true or false", "");
    assert_refused(&assertion("none = 'mqtt'\nseverity = 'warn'"), "'warn'", "is no severity", "");
    assert_refused(&assertion("none = 'mqtt'\nseverity = 'warnin'"), "'warnin'", "no severity", "\"warning\"");
    assert_refused(&assertion("over = 'message'\nnone = 'mqtt'"), "'message'", "over can't be", "\"messages\"");
    assert_refused("[rules]\n\"a.b\" = 1", "1", "a.b is an integer", "");
    assert_refused("[limits]\na = [1]", "[1]", "a is a list", "");
    assert_refused("rules = 1", "1", "has to be a table", "[rules]");
    assert_refused("fail_on = 'off'", "'off'", "fail_on has to be", "[rules]");
}

#[test]
fn a_bad_filter_is_marked_within_its_string() {
    let assertion = |rest: &str| format!("[[assert]]\nname = 'a'\n{rest}\n");
    assert_refused(&assertion("none = 'mqtt.topc == \"a\"'"), "mqtt.topc", "is no field", "mqtt.topic");
    assert_refused(&assertion("none = \"mqtt.qos > 0 and mqtt.topc == \\\"a\\\"\""), "mqtt.topc", "is no field", "");
    assert_refused(&assertion("none = '''\nmqtt.qos > 0\nand mqtt.topc == \"a\"'''"), "mqtt.topc", "is no field", "");
    assert_refused(&assertion("none = 'mqtt.qos >'"), "'", "in the filter of none", "");
    assert_refused(&assertion("none = 'mqtt.msgtype == SUBSCRIB'"), "SUBSCRIB", "is not a number", "\"CONNECT\"");
    assert_refused(&assertion("none = 'tcp.len > 0'"), "tcp.len", "is no field", "over = \"packets\"");
    assert_refused(&assertion("none = 'session.version == \"5.0\"'"), "session.version", "", "over = \"sessions\"");
    let sessions = "over = 'sessions'\nnone = 'session.end.kind == open'";
    assert_refused(&assertion(sessions), "session.end.kind", "is no field", "session.ended.kind");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\nsame = ['tcp.strem']"), "tcp.strem", "", "tcp.stream");
    assert_refused(&assertion("expect = 'count = 3'"), "count = 3", "compares", "count == 4");
    assert_refused(&assertion("expect = [\"count > 3\", \"\\u0020max(mqtt.lenn) < 3\"]"), "mqtt.lenn", "", "mqtt.len");
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let assertion = |rest: &str| format!("[[assert]]\nname = 'a'\n{rest}\n");
    assert_refused("[[assert]]\nnone = 'mqtt'", "[[assert]]", "needs the key \"name\"", "");
    assert_refused(&assertion("where = 'mqtt'"), "[[assert]]", "asks nothing", "none, all, any");
    assert_refused(&assertion("none = 'mqtt'\nall = 'mqtt'"), "all", "can't stand beside none", "two");
    assert_refused(&assertion("each = 'mqtt'"), "[[assert]]", "each needs the key \"then\"", "");
    assert_refused(&assertion("never = 'mqtt'"), "[[assert]]", "\"before\" or \"after\"", "none");
    assert_refused(&assertion("never = 'mqtt'\nbefore = 'mqtt'\nafter = 'mqtt'"), "after", "beside before", "two");
    let within = "never = 'mqtt'\nbefore = 'mqtt'\nwithin = '1s'";
    assert_refused(&assertion(within), "within", "says nothing beside never", "after");
    assert_refused(&assertion("none = 'mqtt'\nsame = 'tcp.stream'"), "same", "says nothing beside none", "per");
    assert_refused(&assertion("none = 'mqtt'\nper = 'tcp.stream'"), "per", "says nothing", "any and expect");
    assert_refused(&assertion("each = 'mqtt'\nthen = 'mqtt'\nper = 'tcp.stream'"), "per", "", "same");
    assert_refused(&assertion("none = 'mqtt'\nrequire = true\nat_least = 2"), "at_least", "beside require", "");
    assert_refused(&assertion("expect = 'count > 3'\nwithin = '1s'"), "within", "how many there may be", "<=");
    let flows = "over = 'flows'\neach = 'flow.flow'\nthen = 'flow.flow'";
    assert_refused(&assertion(flows), "'flows'", "order in time", "messages or packets");
    let twice = "[[assert]]\nname = 'No QoS 2'\nnone = 'mqtt'\n[[assert]]\nname = \"no qos-2!\"\nnone = 'mqtt'";
    assert_refused(twice, "\"no qos-2!\"", "already, in line 2", "");
    assert_refused("[[assert]]\nname = '!'\nnone = 'mqtt'", "'!'", "letters or digits", "");
}

#[test]
fn settings_and_limits_are_handed_out_with_their_places() {
    let text = "fail_on = 'warning'\n[rules]\n'mqtt.b' = 'off'\n'MQTT-3.3.1-1' = 'note'\n[limits]\nn = 0x10\nf = 1.5\nt = '1s'\nb = true\n";
    let assertions = Assertions::parse(text, "r.toml").unwrap();
    assert_eq!(assertions.fail_on(), Some(Severity::Warning));
    let rules: Vec<_> = assertions.rules().iter().map(|rule| (rule.id.as_str(), rule.level)).collect();
    assert_eq!(rules, [("mqtt.b", None), ("MQTT-3.3.1-1", Some(Severity::Note))]);
    let limits: Vec<_> = assertions.limits().iter().map(|limit| limit.value.clone()).collect();
    let text = LimitValue::Text("1s".into());
    assert_eq!(limits, [LimitValue::Integer(16), LimitValue::Float(1.5), text, LimitValue::Boolean(true)]);
    let error = assertions.error_at(assertions.rules()[1].place.clone(), "unknown", None);
    assert_eq!((error.line(), error.column()), (4, 1));
    assert!(assertions.is_empty());
}

#[test]
fn an_assertion_that_is_off_is_checked_but_not_there() {
    let text = "[[assert]]\nname = 'a'\nseverity = 'off'\nnone = 'mqtt'\n";
    assert_eq!(Assertions::parse(text, "r").unwrap().len(), 0);
    assert!(Assertions::parse(&text.replace("'mqtt'", "'mqtt.x'"), "r").is_err());
}

/// The verdicts and findings of a file on a capture.
fn verdicts(capture: &str, text: &str) -> Verdicts {
    let mut assertions = Assertions::parse(text, "rules.toml").unwrap_or_else(|error| panic!("{error}"));
    let options = assertions.engine_options(EngineOptions::default());
    let mut analysis = Analysis::open_with(&[format!("fixtures/{capture}")], options).unwrap();
    analysis.follow_sessions(assertions.session_options(SessionOptions::default()));
    let summary = analysis.run(&mut |output| assertions.on_output(output));
    assertions.finish(&summary)
}

#[test]
fn messages_have_the_fields_of_their_connection_as_their_frames_have() {
    // The same question of messages and of frames with one message each.
    for filter in [
        "mqtt.msgtype == CONNECT and tcp.stream == 1",
        "mqtt.msgtype == SUBACK and tcp.srcport == 1883 and tcp.port == 1883",
        "mqtt.msgtype == CONNACK and ip.src == 172.29.0.0/16 and ip.addr != 10.0.0.1",
        "mqtt.msgtype == CONNECT and frame.number < 9 and ip.dst and not ipv6.addr",
        "mqtt.msgtype == CONNECT and tcp.dstport == 1883 and frame.time > \"2026-01-01\" and tcp and frame",
    ] {
        let [messages, packets] = ["messages", "packets"].map(|over| {
            let text =
                format!("[[assert]]\nname = 'a'\nover = '{over}'\nwhere = '{filter}'\nexpect = 'count == 1000'\n");
            verdicts("mqtt5_qos.pcap", &text).assertions[0].observed.clone()
        });
        assert_eq!(messages, packets, "{filter}");
        assert_ne!(messages.as_deref(), Some("0"), "{filter}");
    }
}

#[test]
fn memory_is_kept_for_one_frame_only() {
    let text = "[[assert]]\nname = 'a'\nnone = 'mqtt.topic == \"x\"'\n";
    let mut assertions = Assertions::parse(text, "r").unwrap();
    let mut analysis = Analysis::open(&["fixtures/mqtt5_qos.pcap"]).unwrap();
    let summary = analysis.run(&mut |output| assertions.on_output(output));
    assert!(assertions.clients.is_empty(), "flows that ended are forgotten");
    assert_eq!(assertions.finish(&summary).assertions[0].exercised, 52);
}

#[test]
fn groups_beyond_the_limit_are_not_provable_and_cost_nothing() {
    use crate::field::{FieldId, Occurrence, Value};

    /// A thing whose every field is its number.
    struct Numbered(u64);

    impl Row for Numbered {
        fn occurrences<'a>(&'a self, _: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
            take(Occurrence { value: Value::Unsigned(self.0), layer: 1 });
        }
    }

    let text = "[[assert]]\nname = 'count'\nexpect = 'count == 1'\nper = 'mqtt.msgid'\n\
        [[assert]]\nname = 'order'\neach = 'mqtt.msgid > 0'\nthen = 'mqtt.msgid == 0'\nsame = 'mqtt.msgid'\n\
        [[assert]]\nname = 'distinct'\nexpect = 'distinct(mqtt.msgid) > 0'\n";
    let mut assertions = Assertions::parse(text, "r").unwrap();
    let many = 70_000;
    for number in 1..=many {
        let at = Origin { frame: FrameNo(number), time: crate::time::Timestamp::from_nanos(number as i64) };
        let row = Numbered(number);
        let subject =
            Subject { row: &row, frames: &[], at, flow: None, partial: false, joined: false, inferred: false };
        take(&mut assertions.rules, Over::Messages, &subject, &assertions.flows);
    }
    let verdicts = assertions.finish(&Summary::default()).assertions;
    let told: Vec<_> = verdicts.iter().map(|verdict| (verdict.outcome, verdict.not_provable)).collect();
    assert_eq!(told[0], (Outcome::NotProvable, many - 4096));
    // What waits beyond the limit, and what waits at the end of a capture that says nothing of it.
    assert_eq!(told[1], (Outcome::NotProvable, many));
    assert_eq!(told[2], (Outcome::NotProvable, 1));
    assert!(verdicts[2].observed.as_deref() == Some("65536"), "{verdicts:?}");
}

proptest::proptest! {
    #[test]
    fn no_file_makes_the_parser_fail_otherwise_than_with_a_place(
        keys in proptest::collection::vec((0usize..KEYWORDS.len(), 0usize..VALUES.len()), 0..8),
        cut in 0usize..400,
    ) {
        let mut text = "[[assert]]\nname = 'é ü'\n".to_owned();
        for (key, value) in keys {
            text.extend([KEYWORDS[key], " = ", VALUES[value], "\n"]);
        }
        let mut cut = text.len().saturating_sub(cut % 40);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        if let Err(error) = Assertions::parse(&text[..cut], "r.toml") {
            let line = text[..cut].split('\n').nth(error.line() - 1);
            proptest::prop_assert_eq!(line.map(|line| line.trim_end_matches('\r')), Some(error.source_line()));
            proptest::prop_assert!(error.column() <= error.source_line().chars().count() + 1);
            proptest::prop_assert_eq!(error.to_string().lines().count(), 3 + usize::from(error.hint().is_some()));
        }
    }
}

const KEYWORDS: [&str; 16] = [
    "name", "over", "where", "none", "all", "any", "expect", "per", "each", "then", "never", "before", "same",
    "within", "at_least", "nothing",
];

const VALUES: [&str; 14] = [
    "'mqtt'",
    "\"mqtt.topic == \\\"\\u00e9\\\"\"",
    "'''\nmqtt.qos >\n 0'''",
    "\"\"\"é \\\n  mqtt.nothing == ü\"\"\"",
    "'count <= 3'",
    "['count > 3', \"p99(mqtt.len) < é\"]",
    "'1s'",
    "'tcp.stream'",
    "['tcp.stream', 'é']",
    "'sessions'",
    "'session.version'",
    "3",
    "[[1]]",
    "{ a = 1 }",
];
