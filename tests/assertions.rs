//! Assertions of the user's own on captures of the laboratory: verdicts against what is known of each, and what can't be
//! proved.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

use mqttsniff::Analysis;
use mqttsniff::assertions::{AssertionVerdict, Assertions, Outcome, Verdicts};
use mqttsniff::check::{Certainty, Severity};
use mqttsniff::engine::EngineOptions;
use mqttsniff::session::SessionOptions;

use Outcome::{Failed, NotExercised, NotProvable, Passed};

fn check(capture: &str, text: &str) -> Verdicts {
    let mut assertions = Assertions::parse(text, "rules.toml").unwrap_or_else(|error| panic!("{error}"));
    let options = assertions.engine_options(EngineOptions::default());
    let path = format!("{}/fixtures/{capture}", env!("CARGO_MANIFEST_DIR"));
    let mut analysis = Analysis::open_with(&[path], options).unwrap();
    analysis.follow_sessions(assertions.session_options(SessionOptions::default()));
    let summary = analysis.run(&mut |output| assertions.on_output(output));
    assertions.finish(&summary)
}

/// The verdict on one assertion of these keys, which has to come out like this.
#[track_caller]
fn one(capture: &str, keys: &str, outcome: Outcome) -> (AssertionVerdict, Vec<String>) {
    let verdicts = check(capture, &format!("[[assert]]\nname = 'it'\n{keys}\n"));
    assert_eq!(verdicts.assertions.len(), 1);
    let verdict = verdicts.assertions[0].clone();
    assert_eq!(verdict.outcome, outcome, "{capture}: {keys}: {verdict:?} {:?}", verdicts.findings);
    for finding in &verdicts.findings {
        assert_eq!(finding.id, "assert.it");
        assert_eq!(finding.certainty == Certainty::Hint, finding.message.contains("not provable"), "{finding:?}");
    }
    (verdict, verdicts.findings.into_iter().map(|finding| finding.message).collect())
}

fn frames(verdict: &AssertionVerdict) -> Vec<u64> {
    verdict.frames.iter().map(|frame| frame.0).collect()
}

/// An order of two types of packets on a connection, with further keys.
fn follows(each: &str, then: &str, more: &str) -> String {
    format!("each = 'mqtt.msgtype == {each}'\nthen = 'mqtt.msgtype == {then}'\nsame = ['tcp.stream']\n{more}")
}

#[test]
fn each_and_then() {
    // Five pings, each answered after about 18 ms: what the broker's delay in the laboratory makes it.
    let (verdict, findings) = one("lab/ping.pcap", &follows("PINGREQ", "PINGRESP", "within = '20ms'"), Passed);
    assert_eq!((verdict.exercised, verdict.observed.as_deref()), (5, Some("slowest 18.131 ms")));
    assert_eq!((verdict.limit.as_deref(), findings.len()), (Some("within 20 ms"), 0));
    // Too late, each told at the frame that waited and with the one that came.
    let (verdict, findings) = one("lab/ping.pcap", &follows("PINGREQ", "PINGRESP", "within = '1ms'"), Failed);
    assert_eq!((verdict.violations, findings.len(), verdict.frames.len()), (5, 5, 5));
    assert!(
        findings[0].contains("followed by mqtt.msgtype == PINGRESP only after 17.875 ms, in frame 9"),
        "{findings:?}"
    );
    // Never: the connection was closed.
    let (verdict, findings) = one("lab/ping.pcap", &follows("CONNECT", "SUBACK", ""), Failed);
    assert_eq!((frames(&verdict), findings.len()), (vec![4], 1));
    assert!(findings[0].contains("not followed by mqtt.msgtype == SUBACK"), "{findings:?}");
    one("lab/ping.pcap", &follows("SUBSCRIBE", "SUBACK", ""), NotExercised);
}

#[test]
fn answers_agree_in_what_is_the_same() {
    let keys = |same: &str| {
        format!("each = 'mqtt.msgtype == PUBLISH and mqtt.qos == 1'\nthen = 'mqtt.msgtype == PUBACK'\nsame = {same}")
    };
    let (whole, _) = one("mqtt5_qos.pcap", &keys("['tcp.stream', 'mqtt.msgid']"), Passed);
    assert!(whole.exercised >= 3, "{whole:?}");
    // No PUBACK has the topic of its message.
    let (apart, _) = one("mqtt5_qos.pcap", &keys("['tcp.stream', 'mqtt.topic']"), Failed);
    assert_eq!(apart.violations, whole.exercised);
}

#[test]
fn one_answer_is_for_all_that_wait_or_for_the_oldest() {
    let (all, _) = one("lab/mqtt_loss_5.pcap", &follows("PUBLISH", "DISCONNECT", ""), Passed);
    let (pairs, _) = one("lab/mqtt_loss_5.pcap", &follows("PUBLISH", "DISCONNECT", "pairs = true"), Failed);
    // A DISCONNECT ends each of the two connections.
    assert_eq!((pairs.exercised, pairs.violations), (all.exercised, all.exercised - 2));
    assert!(pairs.violations > 20, "{pairs:?}");
    let verdicts = check(
        "lab/mqtt_loss_5.pcap",
        &format!("[[assert]]\nname = 'it'\n{}", follows("PUBLISH", "DISCONNECT", "pairs = true")),
    );
    assert_eq!(verdicts.findings.len(), 21, "20, and one for the rest");
    assert!(verdicts.findings.iter().any(|finding| finding.message.ends_with("more of the same")));
    assert_eq!(verdicts.assertions[0].frames.len(), 10);
}

#[test]
fn never_before_and_never_after() {
    let keys = |never: &str, word: &str, other: &str| {
        format!("never = 'mqtt.msgtype == {never}'\n{word} = 'mqtt.msgtype == {other}'\nsame = 'tcp.stream'")
    };
    one("mqtt5_qos.pcap", &keys("SUBSCRIBE", "before", "CONNACK"), Passed);
    let (verdict, findings) = one("mqtt5_qos.pcap", &keys("SUBSCRIBE", "before", "PUBLISH"), Failed);
    assert_eq!(frames(&verdict), [8]);
    assert_eq!(findings, ["it: no mqtt.msgtype == PUBLISH came before it"]);
    one("mqtt5_qos.pcap", &keys("PUBLISH", "after", "DISCONNECT"), Passed);
    let (verdict, findings) = one("mqtt5_qos.pcap", &keys("SUBSCRIBE", "after", "CONNACK"), Failed);
    assert_eq!(frames(&verdict), [8]);
    assert!(findings[0].contains("after mqtt.msgtype == CONNACK in frame 6"), "{findings:?}");
    // On another connection it may.
    let (verdict, _) =
        one("mqtt5_qos.pcap", &keys("CONNECT", "after", "SUBACK").replace("same = 'tcp.stream'", ""), Failed);
    assert_eq!(frames(&verdict), [13]);
    one("mqtt5_qos.pcap", &keys("CONNECT", "after", "SUBACK"), Passed);
    // Within a time.
    let within = |time: &str| format!("{}\nwithin = '{time}'", keys("SUBSCRIBE", "after", "CONNACK"));
    one("mqtt5_qos.pcap", &within("1ns"), Passed);
    one("mqtt5_qos.pcap", &within("1min"), Failed);
    one("mqtt5_qos.pcap", &keys("PINGREQ", "before", "CONNACK"), NotExercised);
}

#[test]
fn what_the_capture_lacks_is_not_provable() {
    // One direction was captured.
    let (verdict, findings) = one("lab/one_way_down.pcap", &follows("PUBLISH", "PUBREC", ""), NotProvable);
    assert_eq!((verdict.violations, verdict.not_provable, findings.len()), (0, 6, 1));
    assert!(findings[0].contains("not provable 6 times: the capture lacks bytes"), "{findings:?}");
    // The connection was under way.
    let never = "never = 'mqtt.msgtype == PUBLISH'\nbefore = 'mqtt.msgtype == CONNACK'\nsame = 'tcp.stream'";
    let (_, findings) = one("lab/midstream.pcap", never, NotProvable);
    assert!(findings[0].contains("has not the beginning of the connection"), "{findings:?}");
    one("lab/midstream.pcap", "where = 'mqtt.msgtype == CONNECT'\nexpect = 'count >= 1'", NotProvable);
    one("lab/midstream.pcap", "any = 'mqtt.msgtype == CONNECT'", NotProvable);
    // What did happen is proved all the same.
    one("lab/midstream.pcap", "none = 'mqtt.msgtype == PINGREQ'", Failed);
    one("lab/one_way_down.pcap", "where = 'mqtt.msgtype == PUBLISH'\nexpect = 'count <= 3'", Failed);
    // Bytes are missing in the middle.
    one("vectors/S_gap.pcap", &follows("CONNECT", "PINGRESP", ""), NotProvable);
    one("vectors/S_gap.pcap", &follows("CONNECT", "CONNACK", ""), Passed);
    // The capture ends first: nothing closed the connection.
    let (verdict, findings) = one("lab/bridge.pcap", &follows("CONNECT", "AUTH", ""), Failed);
    // One of its two connections is closed, the other one is not.
    assert_eq!((verdict.violations, verdict.not_provable), (1, 1));
    assert!(findings[1].contains("the capture ends before the connection does"), "{findings:?}");
    let (_, findings) = one("lab/bridge.pcap", &follows("PUBLISH", "AUTH", "within = '1h'"), Failed);
    assert!(findings.iter().any(|text| text.contains("the capture ends before its time is over")), "{findings:?}");
    one("lab/ping.pcap", &follows("CONNECT", "AUTH", "within = '1h'"), Failed);
}

#[test]
fn statements_that_rest_on_what_is_missing_are_not_provable() {
    let deliveries = "over = 'deliveries'\nall = 'delivery.outcome == complete'";
    one("lab/one_way_down.pcap", deliveries, NotProvable);
    one("lab/v5_server_sends.pcap", deliveries, Failed);
    // The QoS stands in the message itself.
    one("lab/one_way_down.pcap", "over = 'deliveries'\nall = 'delivery.qos == 0'", Failed);
    one("lab/one_way_down.pcap", "over = 'sessions'\nall = 'session.clean_start == 1'", NotProvable);
    // Of a connection that was under way, its end was seen and its beginning was not.
    one("lab/midstream.pcap", "over = 'sessions'\nall = 'session.ended.kind == rst'", Failed);
    one("lab/midstream.pcap", "over = 'sessions'\nall = 'session.keep_alive_s == 60'", NotProvable);
    one("vectors/S_gap.pcap", "over = 'sessions'\nall = 'session.ended.kind == disconnect'", NotProvable);
    one("vectors/S_gap.pcap", "over = 'sessions'\nall = 'session.version == \"5.0\"'", Failed);
}

#[test]
fn numbers() {
    let slow =
        "over = 'deliveries'\nwhere = 'delivery.qos > 0'\nexpect = ['count == 8', 'max(delivery.latency_s) < 500 ms']";
    let (verdict, findings) = one("lab/redelivery.pcap", slow, Failed);
    assert_eq!(verdict.observed.as_deref(), Some("8, 685.379 ms"));
    // The slowest of docs/json.md.
    assert_eq!(frames(&verdict), [25]);
    assert_eq!(findings, ["it: max(delivery.latency_s) < 500 ms does not hold: it is 685.379 ms, of 8 values"]);
    one("lab/redelivery.pcap", &slow.replace("500 ms", "0.7"), Passed);
    // Nothing to calculate with is nothing to judge; that there is nothing is a number.
    let none = "over = 'deliveries'\nwhere = 'delivery.qos > 2'\n";
    one("lab/redelivery.pcap", &format!("{none}expect = 'max(delivery.latency_s) < 1s'"), NotExercised);
    one("lab/redelivery.pcap", &format!("{none}expect = 'count == 0'"), Passed);
    one("lab/redelivery.pcap", &format!("{none}expect = 'count > 0'"), Failed);
    // For each client on its own.
    let per = "where = 'mqtt.msgtype == CONNECT'\nper = 'mqtt.client_id'\nexpect = 'count == 1'";
    let (verdict, findings) = one("lab/redelivery.pcap", per, Failed);
    assert_eq!(verdict.observed.as_deref(), Some("1 to 2"));
    assert_eq!(findings, ["it: count == 1 does not hold: it is 2 (mqtt.client_id stay)"]);
    one("mqtt5_qos.pcap", "where = 'mqtt.msgtype == PUBLISH'\nexpect = 'distinct(mqtt.topic) == 3'", Passed);
    one("lab/ping.pcap", "over = 'packets'\nexpect = ['sum(tcp.len) > 10 B', 'mean(frame.len) < 1 kB']", Passed);
}

#[test]
fn numbers_within_a_time() {
    let most = |most: u32, time: &str| {
        format!("where = 'mqtt.msgtype == PUBLISH'\nexpect = 'count <= {most}'\nper = 'tcp.stream'\nwithin = '{time}'")
    };
    let (verdict, _) = one("lab/mqtt_loss_5.pcap", &most(30, "1s"), Passed);
    let observed: u32 = verdict.observed.unwrap().parse().unwrap();
    let (verdict, findings) = one("lab/mqtt_loss_5.pcap", &most(observed - 1, "1s"), Failed);
    assert!(findings[0].contains(&format!("more than {} within 1 s (tcp.stream", observed - 1)), "{findings:?}");
    assert_eq!(verdict.observed, Some(format!("at least {observed}")));
    one("lab/mqtt_loss_5.pcap", &most(observed, "1s"), Passed);
}

#[test]
fn none_all_and_any() {
    let (verdict, _) = one("mqtt5_qos.pcap", "where = 'mqtt.msgtype == PUBLISH'\nnone = 'mqtt.qos == 2'", Failed);
    assert!(verdict.violations > 0 && verdict.exercised > verdict.violations, "{verdict:?}");
    one("mqtt5_qos.pcap", "all = 'mqtt.version == \"5.0\"'", Passed);
    one("lab/ping.pcap", "all = 'mqtt.version == \"5.0\"'", Failed);
    one("mqtt5_qos.pcap", "any = 'mqtt.msgtype == PUBREC'", Passed);
    let (_, findings) = one("mqtt5_qos.pcap", "any = 'mqtt.msgtype == AUTH'", Failed);
    assert_eq!(findings, ["it: no message with mqtt.msgtype == AUTH"]);
    let each = "where = 'mqtt.client_id'\nany = 'mqtt.msgtype == SUBSCRIBE'\nper = 'mqtt.client_id'";
    let (_, findings) = one("mqtt5_qos.pcap", each, Failed);
    assert_eq!(findings, ["it: no message with mqtt.msgtype == SUBSCRIBE (mqtt.client_id pub)"]);
    one("lab/v5_takeover.pcap", "over = 'flows'\nall = 'flow.handshake.complete == 1'", Passed);
    one("malformed.pcap", "over = 'findings'\nnone = 'finding.id == \"mqtt.second-connect\"'", Failed);
    one("lab/redelivery.pcap", "over = 'topics'\nall = 'topic.published == topic.received'", Passed);
}

#[test]
fn what_has_to_be_put_to_the_test() {
    let keys = "none = 'mqtt.qos == 3'\nwhere = 'mqtt.msgtype == PUBLISH'\n";
    one("lab/ping.pcap", keys, NotExercised);
    let (_, findings) = one("lab/ping.pcap", &format!("{keys}require = true"), Failed);
    assert_eq!(findings, ["it: nothing in the capture puts it to the test"]);
    one("lab/redelivery.pcap", &format!("{keys}at_least = 4"), Passed);
    one("lab/redelivery.pcap", &format!("{keys}at_least = 1000"), Failed);
    one("lab/ping.pcap", &format!("{keys}require = false"), NotExercised);
}

#[test]
fn findings_say_what_their_author_says_and_are_as_bad_as_that() {
    let text = "[[assert]]\nname = 'No pings!'\nnone = 'mqtt.msgtype == PINGREQ'\nseverity = 'warning'\n\
        message = 'pings cost power'\nnote = 'ask Ana'\n";
    let verdicts = check("lab/ping.pcap", text);
    let finding = &verdicts.findings[0];
    assert_eq!((finding.id.as_str(), finding.severity), ("assert.no-pings", Severity::Warning));
    assert_eq!(finding.message, "No pings!: pings cost power (a message with mqtt.msgtype == PINGREQ); ask Ana");
    assert_eq!((finding.flow.unwrap().id.0, finding.certainty), (1, Certainty::Certain));
    let verdict = &verdicts.assertions[0];
    assert_eq!((verdict.line, verdict.note.as_deref()), (2, Some("ask Ana")));
    assert_eq!(verdicts.findings.len() as u64, verdict.violations);
    assert!(verdicts.findings.is_sorted_by_key(|finding| finding.time));
}

/// The TOML texts of a documentation file.
fn examples(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line) {
            (None, "```toml") => open = Some(String::new()),
            (Some(_), "```") => out.extend(open.take()),
            (Some(text), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    out
}

#[test]
fn the_examples_of_the_documentation_hold_what_they_say() {
    let text = std::fs::read_to_string(format!("{}/docs/assertions.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let examples = examples(&text);
    assert_eq!(examples.len(), 2);
    assert_eq!(check("mqtt5_qos.pcap", &examples[0]).assertions[0].outcome, Passed);
    let verdicts = check("mqtt5_qos.pcap", &examples[1]);
    assert!(verdicts.assertions.len() >= 12);
    let failed: Vec<_> = verdicts.assertions.iter().filter(|one| one.outcome == Failed).map(|one| &one.name).collect();
    assert_eq!(failed, ["each client announces itself", "the gateway connects"]);
    // The error that it shows.
    let shown = text.split("```text\n").nth(1).unwrap().split("\n```").next().unwrap();
    let error =
        Assertions::parse("[[assert]]\nname = 'a'\neach = 'mqtt'\nwihtin = \"1s\"\n", "rules.toml").unwrap_err();
    assert_eq!(error.to_string(), shown);
}

#[test]
fn the_same_capture_gives_the_same_verdicts_in_every_format() {
    let text = std::fs::read_to_string(format!("{}/docs/assertions.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let rules = &examples(&text)[1];
    let first = check("lab/formats.pcap", rules);
    assert!(first.assertions.iter().any(|verdict| verdict.exercised > 0));
    assert_eq!(check("lab/formats.ng.pcapng", rules).assertions, first.assertions);
    // That one has nanoseconds.
    let finer = check("lab/formats.be.pcap", rules).assertions;
    let outcomes = |all: &[AssertionVerdict]| all.iter().map(|one| (one.outcome, one.exercised)).collect::<Vec<_>>();
    assert_eq!(outcomes(&finer), outcomes(&first.assertions));
}
