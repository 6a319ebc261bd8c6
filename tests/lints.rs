//! Each lint fires on a capture that shows its case, and not on one that comes close to it.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;

use common::craft::{CONNACK, packet, text};
use common::timeline::{ACK, CLIENT, FIN, Line, RST, SERVER, Timeline};
use mqttsniff::check::{CheckOptions, Finding, lints};

/// A CONNECT in the making.
struct Connect {
    version: u8,
    flags: u8,
    keep_alive: u16,
    properties: Vec<u8>,
    client_id: Vec<u8>,
    will: Option<(Vec<u8>, Vec<u8>)>,
    fields: Vec<Vec<u8>>,
}

impl Connect {
    /// Of a client that does nothing that a lint minds.
    fn new(client_id: &[u8]) -> Self {
        Self {
            version: 4,
            flags: 2,
            keep_alive: 60,
            properties: Vec::new(),
            client_id: client_id.to_vec(),
            will: None,
            fields: Vec::new(),
        }
    }

    fn v5(client_id: &[u8]) -> Self {
        Self { version: 5, ..Self::new(client_id) }
    }

    fn kept(self) -> Self {
        Self { flags: self.flags & !2, ..self }
    }

    fn will(self, topic: &[u8], payload: &[u8]) -> Self {
        Self { will: Some((topic.to_vec(), payload.to_vec())), flags: self.flags | 4, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let [high, low] = self.keep_alive.to_be_bytes();
        let name = if self.version == 3 { text(b"MQIsdp") } else { text(b"MQTT") };
        let mut body = vec![name, vec![self.version, self.flags, high, low]];
        if self.version == 5 {
            body.push([&[self.properties.len() as u8][..], &self.properties].concat());
        }
        body.push(text(&self.client_id));
        if let Some((topic, payload)) = &self.will {
            if self.version == 5 {
                body.push(vec![0]);
            }
            body.extend([text(topic), text(payload)]);
        }
        body.extend(self.fields.iter().map(|field| text(field)));
        packet(0x10, &body.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// PUBLISH with these flags of the fixed header.
fn publish(flags: u8, topic: &[u8], id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let id = id.map(u16::to_be_bytes);
    packet(0x30 | flags, &[&text(topic), id.as_ref().map_or(&[][..], |id| id), payload])
}

/// PUBLISH of 5.0 without properties.
fn publish5(flags: u8, topic: &[u8], id: Option<u16>, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let id = id.map(u16::to_be_bytes);
    let length = [properties.len() as u8];
    packet(0x30 | flags, &[&text(topic), id.as_ref().map_or(&[][..], |id| id), &length, properties, payload])
}

/// SUBSCRIBE and its SUBACK of 3.1.1.
fn subscribe(id: u16, filters: &[(&[u8], u8, u8)]) -> (Vec<u8>, Vec<u8>) {
    let id = id.to_be_bytes();
    let wanted: Vec<u8> = filters.iter().flat_map(|(filter, qos, _)| [text(filter), vec![*qos]].concat()).collect();
    let codes: Vec<u8> = filters.iter().map(|(.., code)| *code).collect();
    (packet(0x82, &[&id, &wanted]), packet(0x90, &[&id, &codes]))
}

/// A client connects and is let in.
fn join(capture: &mut Timeline, port: u16, connect: &Connect) -> Line {
    let mut line = capture.open(port);
    capture.client(&mut line, &connect.bytes());
    let answer = if connect.version == 5 { packet(0x20, &[&[0, 0, 0]]) } else { CONNACK.to_vec() };
    capture.server(&mut line, &answer);
    line
}

/// A client connects, and that is all.
fn visit(capture: &mut Timeline, port: u16, connect: &Connect) {
    join(capture, port, connect);
}

/// A client takes leave.
fn leave(capture: &mut Timeline, line: &mut Line) {
    capture.client(line, &[0xe0, 0]);
    capture.close(line, CLIENT);
}

fn ask(capture: &mut Timeline, line: &mut Line, filters: &[(&[u8], u8, u8)]) {
    let (request, answer) = subscribe(1, filters);
    capture.client(line, &request);
    capture.server(line, &answer);
}

fn of<'a>(findings: &'a [Finding], id: &str) -> Vec<&'a Finding> {
    assert!(lints::RULES.iter().any(|rule| rule.id == id), "{id} is in the table");
    findings.iter().filter(|finding| finding.id == id).collect()
}

/// How often a lint fires on what this makes.
fn fires(id: &str, make: impl FnOnce(&mut Timeline)) -> usize {
    let mut capture = Timeline::new();
    make(&mut capture);
    let findings = capture.findings(CheckOptions::all());
    let known: BTreeSet<_> = lints::RULES.iter().map(|rule| rule.id).collect();
    for finding in findings.iter().filter(|finding| finding.id.starts_with("lint.")) {
        assert!(known.contains(finding.id.as_str()), "{} is in the table", finding.id);
        assert!(finding.severity < mqttsniff::check::Severity::Error);
        assert!(!finding.message.contains("hunter2"), "{}", finding.message);
    }
    of(&findings, id).len()
}

/// Asserts that a lint fires once on the one, and not on the other.
fn tells(id: &str, wrong: impl FnOnce(&mut Timeline), right: impl FnOnce(&mut Timeline)) {
    assert_eq!(fires(id, wrong), 1, "{id} on what it is for");
    assert_eq!(fires(id, right), 0, "{id} on what is fine");
}

#[test]
fn two_programs_with_one_identifier_drive_each_other_out() {
    let run = |closes: bool| {
        move |capture: &mut Timeline| {
            let mut old: Option<Line> = None;
            for port in 0..6 {
                let mut line = capture.open(40_000 + port);
                if let Some(mut old) = old.take() {
                    if closes {
                        leave(capture, &mut old);
                    }
                    capture.client(&mut line, &Connect::new(b"twin").bytes());
                    if !closes {
                        capture.close(&mut old, SERVER);
                    }
                } else {
                    capture.client(&mut line, &Connect::new(b"twin").bytes());
                }
                capture.server(&mut line, &CONNACK);
                capture.wait(5.0);
                old = Some(line);
            }
        }
    };
    tells("lint.clientid-takeover-loop", run(false), run(true));
}

#[test]
fn a_client_that_connects_all_the_time_makes_a_storm() {
    let run = |pause: f64| {
        move |capture: &mut Timeline| {
            for port in 0..20 {
                let mut line = join(capture, 40_000 + port, &Connect::new(b"nervous"));
                leave(capture, &mut line);
                capture.wait(pause);
            }
        }
    };
    tells("lint.reconnect-storm", run(1.0), run(30.0));
}

#[test]
fn many_clients_that_come_back_at_once_make_a_storm() {
    let run = |spread: f64| {
        move |capture: &mut Timeline| {
            for round in 0..2u16 {
                for client in 0..25u16 {
                    let name = format!("client-{client}");
                    let mut line = join(capture, 40_000 + round * 100 + client, &Connect::new(name.as_bytes()));
                    capture.close(&mut line, SERVER);
                    capture.wait(if round == 0 { 0.0 } else { spread });
                }
                capture.wait(100.0);
            }
        }
    };
    tells("lint.reconnect-storm", run(0.0), run(1.0));
}

#[test]
fn pauses_that_neither_grow_nor_vary_are_no_backoff() {
    let run = |growth: f64, by: usize| {
        move |capture: &mut Timeline| {
            let mut pause = 2.0;
            for port in 0..8 {
                let mut line = join(capture, 40_000 + port, &Connect::new(b"stubborn"));
                capture.close(&mut line, by);
                capture.wait(pause);
                pause *= growth;
            }
        }
    };
    tells("lint.no-backoff", run(1.0, SERVER), run(1.5, SERVER));
}

#[test]
fn syns_in_vain_at_a_fixed_pause_are_no_backoff() {
    let run = |growth: f64| {
        move |capture: &mut Timeline| {
            let mut pause = 2.0;
            for port in 0..8 {
                let mut line = Timeline::line(40_000 + port);
                capture.segment(&mut line, CLIENT, common::timeline::SYN, &[]);
                capture.segment(&mut line, SERVER, RST | ACK, &[]);
                capture.wait(pause);
                pause *= growth;
            }
        }
    };
    tells("lint.no-backoff", run(1.0), run(1.5));
}

#[test]
fn a_timetable_is_no_lack_of_backoff() {
    let timetable = |capture: &mut Timeline| {
        for port in 0..8 {
            let mut line = join(capture, 40_000 + port, &Connect::new(b"punctual"));
            leave(capture, &mut line);
            capture.wait(60.0);
        }
    };
    assert_eq!(fires("lint.no-backoff", timetable), 0);
}

#[test]
fn the_same_connect_after_a_refusal_is_told() {
    let run = |changes: bool| {
        move |capture: &mut Timeline| {
            for port in 0..4u16 {
                let mut line = capture.open(40_000 + port);
                let name = if changes { format!("user{port}") } else { "user".to_owned() };
                let fields = vec![name.into_bytes(), b"hunter2".to_vec()];
                capture.client(&mut line, &Connect { flags: 0xc2, fields, ..Connect::new(b"locked-out") }.bytes());
                capture.server(&mut line, &packet(0x20, &[&[0, 5]]));
                capture.close(&mut line, SERVER);
                capture.wait(f64::from(port) * 10.0);
            }
        }
    };
    tells("lint.retry-after-refusal", run(false), run(true));
}

#[test]
fn keep_alive_is_short_or_long() {
    let run = |keep_alive: u16| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect { keep_alive, ..Connect::new(b"c") });
            leave(capture, &mut line);
        }
    };
    tells("lint.keepalive-short", run(29), run(30));
    tells("lint.keepalive-long", run(1201), run(1200));
    assert_eq!(fires("lint.keepalive-long", run(0)), 1);
    assert_eq!(fires("lint.keepalive-short", run(0)), 0);
}

#[test]
fn pings_fit_the_keep_alive_or_not() {
    let run = |pause: f64| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for _ in 0..4 {
                capture.wait(pause);
                capture.client(&mut line, &[0xc0, 0]);
                capture.server(&mut line, &[0xd0, 0]);
            }
        }
    };
    tells("lint.keepalive-mismatch", run(58.0), run(40.0));
    assert_eq!(fires("lint.keepalive-mismatch", run(5.0)), 1);
    let many = |count: usize| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for _ in 0..count {
                capture.wait(30.0);
                capture.client(&mut line, &[0xc0, 0]);
                capture.server(&mut line, &[0xd0, 0]);
            }
        }
    };
    tells("lint.keepalive-short", many(25), many(15));
}

#[test]
fn beginning_anew_with_the_same_subscriptions_is_churn() {
    let run = |filters: [&'static [u8]; 3]| {
        move |capture: &mut Timeline| {
            for (port, filter) in (40_000..).zip(filters) {
                let mut line = join(capture, port, &Connect::new(b"c"));
                ask(capture, &mut line, &[(filter, 0, 0)]);
                leave(capture, &mut line);
                capture.wait(70.0);
            }
        }
    };
    tells("lint.clean-churn", run([b"a", b"a", b"a"]), run([b"a", b"b", b"a"]));
}

#[test]
fn ever_new_identifiers_leave_sessions_behind() {
    let run = |names: [&'static [u8]; 6], kept: bool| {
        move |capture: &mut Timeline| {
            for (port, name) in (40_000..).zip(names) {
                let connect = Connect::new(name);
                let mut line = join(capture, port, &if kept { connect.kept() } else { connect });
                leave(capture, &mut line);
                capture.wait(70.0);
            }
        }
    };
    let random = [&b"app_3f01a2"[..], b"app_9c77e0", b"app_0d42bb", b"app_7781fe", b"app_c0ffe3", b"app_51d00a"];
    tells("lint.session-leak", run(random, true), run(random, false));
    let mut returns = random;
    returns[4] = random[0];
    assert_eq!(fires("lint.session-leak", run(returns, true)), 0);
}

#[test]
fn secrets_in_names_are_told_and_not_shown() {
    let run = |name: &'static [u8]| move |capture: &mut Timeline| visit(capture, 40_000, &Connect::new(name));
    tells("lint.clientid-secret", run(b"dev?password=hunter2"), run(b"0123456789abcdef0123456789abcdef"));
    tells("lint.clientid-secret", run(&[b'x'; 65]), run(&[b'x'; 64]));
    let topic = |topic: &'static [u8]| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            capture.client(&mut line, &publish(0, topic, None, b"1"));
        }
    };
    assert_eq!(fires("lint.clientid-secret", topic(b"dev/token=abc")), 1);
    assert_eq!(fires("lint.clientid-secret", topic(b"dev/token")), 0);
}

#[test]
fn credentials_in_the_clear_are_told() {
    let named = |flags: u8, fields: &[&[u8]]| {
        let fields = fields.iter().map(|field| field.to_vec()).collect();
        Connect { flags: 2 | flags, fields, ..Connect::new(b"c") }
    };
    let with = named(0xc0, &[b"user", b"hunter2"]);
    tells(
        "lint.plaintext-credentials",
        move |capture| visit(capture, 40_000, &with),
        |capture| visit(capture, 40_000, &Connect::new(b"c")),
    );
    let method = |name: &[u8]| {
        let properties = [&[0x15][..], &text(name), &[0x16], &text(b"hunter2")].concat();
        Connect { properties, ..Connect::v5(b"c") }
    };
    let (plain, scram) = (method(b"PLAIN"), method(b"SCRAM-SHA-256"));
    tells(
        "lint.plaintext-credentials",
        move |capture| visit(capture, 40_000, &plain),
        move |capture| visit(capture, 40_000, &scram),
    );
}

#[test]
fn who_is_let_in_without_a_name_is_anonymous() {
    let named = Connect { flags: 0x82, fields: vec![b"user".to_vec()], ..Connect::new(b"c") };
    tells(
        "lint.anonymous",
        |capture| visit(capture, 40_000, &Connect::new(b"c")),
        move |capture| visit(capture, 40_000, &named),
    );
}

#[test]
fn subscriptions_to_everything_are_told() {
    let run = |filter: &'static [u8]| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            ask(capture, &mut line, &[(filter, 0, 0)]);
        }
    };
    for filter in [&b"#"[..], b"+/#", b"$SYS/#", b"$share/g/#"] {
        assert_eq!(fires("lint.wildcard-all", run(filter)), 1);
    }
    for filter in [&b"a/#"[..], b"+", b"$SYS/broker/#", b"$share/g/a/#"] {
        assert_eq!(fires("lint.wildcard-all", run(filter)), 0);
    }
}

#[test]
fn names_of_topics_are_judged() {
    let run = |topic: &'static [u8]| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            capture.client(&mut line, &publish(0, topic, None, b"1"));
            capture.client(&mut line, &publish(0, topic, None, b"2"));
        }
    };
    tells("lint.topic-leading-slash", run(b"/a"), run(b"a/b"));
    assert_eq!(fires("lint.topic-leading-slash", run(b"a//b")), 1);
    tells("lint.topic-characters", run(b"a b"), run(b"a_b-C.1"));
    tells("lint.topic-characters", run("\u{feff}a".as_bytes()), run(b"a"));
    tells("lint.topic-depth", run(b"1/2/3/4/5/6/7/8/9"), run(b"1/2/3/4/5/6/7/8"));
    tells("lint.topic-depth", run(&[b'a'; 257]), run(&[b'a'; 256]));
    tells("lint.topic-dollar", run(b"$mine/x"), run(b"$aws/things/x"));
}

#[test]
fn topics_that_differ_in_case_only_are_told() {
    let run = |topics: [&'static [u8]; 2]| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for topic in topics {
                capture.client(&mut line, &publish(0, topic, None, b"1"));
            }
        }
    };
    tells("lint.topic-characters", run([b"Hall/Temp", b"hall/temp"]), run([b"Hall/Temp", b"Hall/Temp2"]));
}

#[test]
fn retained_telemetry_is_told() {
    let run = |flags: u8, pause: f64| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for value in 0..8u8 {
                capture.client(&mut line, &publish(flags, b"t", None, &[b'0' + value]));
                capture.wait(pause);
            }
        }
    };
    tells("lint.retain-telemetry", run(1, 1.0), run(1, 15.0));
    assert_eq!(fires("lint.retain-telemetry", run(0, 1.0)), 0);
}

#[test]
fn a_burst_of_retained_messages_is_told() {
    let run = |count: u32| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            ask(capture, &mut line, &[(b"t/+", 0, 0)]);
            for number in 0..count {
                capture.server(&mut line, &publish(1, format!("t/{number}").as_bytes(), None, b"1"));
            }
        }
    };
    tells("lint.retained-burst", run(101), run(100));
}

#[test]
fn a_state_that_outlives_its_client_is_a_ghost() {
    let run = |last: Option<&'static [u8]>, connect: fn() -> Connect| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &connect());
            capture.client(&mut line, &publish(1, b"dev/c/status", None, b"online"));
            if let Some(last) = last {
                capture.client(&mut line, &publish(1, b"dev/c/status", None, last));
            }
            leave(capture, &mut line);
            capture.wait(100.0);
            visit(capture, 40_001, &Connect::new(b"other"));
        }
    };
    let plain: fn() -> Connect = || Connect::new(b"c");
    tells("lint.retain-ghost", run(None, plain), run(Some(b"offline"), plain));
    assert_eq!(fires("lint.retain-ghost", run(Some(b""), plain)), 0);
    tells("lint.will-missing", run(None, plain), run(None, || Connect::new(b"c").will(b"dev/c/status", b"offline")));
}

#[test]
fn a_will_that_does_not_come_is_told() {
    let run = |comes: bool, stays: bool| {
        move |capture: &mut Timeline| {
            let mut watcher = join(capture, 40_000, &Connect::new(b"watcher"));
            ask(capture, &mut watcher, &[(b"dev/+", 0, 0)]);
            let mut line = join(capture, 40_001, &Connect::new(b"c").will(b"dev/c", b"gone"));
            capture.wait(1.0);
            capture.segment(&mut line, CLIENT, RST | ACK, &[]);
            if comes {
                capture.server(&mut watcher, &publish(0, b"dev/c", None, b"gone"));
            }
            if !stays {
                leave(capture, &mut watcher);
            }
            capture.wait(20.0);
            visit(capture, 40_002, &Connect::new(b"last"));
        }
    };
    tells("lint.will-not-fired", run(false, true), run(true, true));
    assert_eq!(fires("lint.will-not-fired", run(false, false)), 0);
}

#[test]
fn a_will_that_comes_after_its_client_is_told() {
    let run = |late: bool| {
        move |capture: &mut Timeline| {
            let mut watcher = join(capture, 40_000, &Connect::new(b"watcher"));
            ask(capture, &mut watcher, &[(b"dev/+", 0, 0)]);
            let connect = || Connect::new(b"c").will(b"dev/c", b"gone");
            let mut first = join(capture, 40_001, &connect());
            capture.wait(1.0);
            capture.segment(&mut first, CLIENT, RST | ACK, &[]);
            capture.wait(0.1);
            if !late {
                capture.server(&mut watcher, &publish(0, b"dev/c", None, b"gone"));
            }
            let mut second = join(capture, 40_002, &connect());
            capture.client(&mut second, &publish(0, b"dev/c", None, b"here"));
            capture.server(&mut watcher, &publish(0, b"dev/c", None, b"here"));
            capture.wait(0.2);
            if late {
                capture.server(&mut watcher, &publish(0, b"dev/c", None, b"gone"));
            }
            leave(capture, &mut second);
        }
    };
    tells("lint.will-late", run(true), run(false));
}

#[test]
fn leaving_without_a_word_becomes_a_habit() {
    let run = |says: bool| {
        move |capture: &mut Timeline| {
            for port in 40_000..40_004 {
                let mut line = join(capture, port, &Connect::new(b"c"));
                if says {
                    leave(capture, &mut line);
                } else {
                    capture.close(&mut line, CLIENT);
                }
                capture.wait(70.0);
            }
        }
    };
    tells("lint.no-disconnect", run(false), run(true));
}

#[test]
fn what_is_open_at_the_end_is_told() {
    let run = |acknowledged: bool| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            capture.client(&mut line, &publish(2, b"t", Some(7), b"1"));
            if acknowledged {
                capture.server(&mut line, &[0x40, 2, 0, 7]);
            }
            leave(capture, &mut line);
        }
    };
    tells("lint.unacked-at-end", run(false), run(true));
}

#[test]
fn slow_acknowledgements_are_told() {
    let run = |pause: f64| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for id in 1..=6u8 {
                capture.client(&mut line, &publish(2, b"t", Some(id.into()), b"1"));
                capture.wait(pause);
                capture.server(&mut line, &[0x40, 2, 0, id]);
            }
        }
    };
    tells("lint.slow-ack", run(1.5), run(0.5));
}

#[test]
fn a_message_that_comes_twice_is_told() {
    let run = |copies: usize| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"sub"));
            ask(capture, &mut line, &[(b"t/#", 0, 0), (b"t/+", 0, 0)]);
            let mut publisher = join(capture, 40_001, &Connect::new(b"pub"));
            capture.client(&mut publisher, &publish(0, b"t/1", None, b"once"));
            for _ in 0..copies {
                capture.server(&mut line, &publish(0, b"t/1", None, b"once"));
            }
            capture.wait(30.0);
            leave(capture, &mut line);
        }
    };
    tells("lint.duplicate-delivery", run(2), run(1));
}

#[test]
fn resends_by_a_timer_are_told() {
    let run = |pauses: [f64; 3]| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            capture.client(&mut line, &publish(2, b"t", Some(7), b"1"));
            for pause in pauses {
                capture.wait(pause);
                capture.client(&mut line, &publish(0xa, b"t", Some(7), b"1"));
            }
            capture.server(&mut line, &[0x40, 2, 0, 7]);
            leave(capture, &mut line);
        }
    };
    tells("lint.resend-timer", run([20.0, 20.0, 20.5]), run([1.0, 7.0, 20.0]));
}

#[test]
fn a_resend_without_dup_is_told() {
    let run = |flags: u8| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c").kept());
            capture.client(&mut line, &publish(2, b"t", Some(7), b"1"));
            capture.close(&mut line, CLIENT);
            let mut line = capture.open(40_001);
            capture.client(&mut line, &Connect::new(b"c").kept().bytes());
            capture.server(&mut line, &[0x20, 2, 1, 0]);
            capture.client(&mut line, &publish(flags, b"t", Some(7), b"1"));
            capture.server(&mut line, &[0x40, 2, 0, 7]);
            leave(capture, &mut line);
        }
    };
    tells("lint.dup-not-set", run(2), run(0xa));
}

#[test]
fn a_window_of_open_messages_that_is_full_is_told() {
    let run = |maximum: u8| {
        move |capture: &mut Timeline| {
            let mut line = capture.open(40_000);
            capture.client(&mut line, &Connect::v5(b"c").bytes());
            capture.server(&mut line, &packet(0x20, &[&[0, 0, 3, 0x21, 0, maximum]]));
            for round in 0..3u8 {
                let ids = round * 4 + 1..=round * 4 + 4;
                for id in ids.clone() {
                    capture.client(&mut line, &publish5(2, b"t", Some(id.into()), &[], b"1"));
                }
                for id in ids {
                    capture.server(&mut line, &[0x40, 2, 0, id]);
                }
            }
        }
    };
    tells("lint.receive-maximum", run(4), run(5));
    let refused = |code: u8| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::v5(b"c"));
            capture.server(&mut line, &[0xe0, 1, code]);
            capture.close(&mut line, SERVER);
        }
    };
    tells("lint.receive-maximum", refused(0x93), refused(0x8b));
    tells("lint.topic-alias", refused(0x94), refused(0x8b));
    tells("lint.publish-rate", refused(0x96), refused(0x8b));
}

#[test]
fn aliases_that_are_offered_and_not_used_are_told() {
    let run = |maximum: u8| {
        move |capture: &mut Timeline| {
            let mut line = capture.open(40_000);
            capture.client(&mut line, &Connect::v5(b"c").bytes());
            capture.server(&mut line, &packet(0x20, &[&[0, 0, 3, 0x22, 0, maximum]]));
            for number in 0..50u8 {
                let topic = b"building/one/floor/two/room/three/temperature";
                capture.client(&mut line, &publish5(0, topic, None, &[], &[number]));
                capture.wait(0.1);
            }
        }
    };
    tells("lint.topic-alias", run(10), run(0));
}

#[test]
fn large_packets_are_told() {
    let run = |length: usize| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for part in publish(0, b"t", None, &vec![b'x'; length]).chunks(1400) {
                capture.client(&mut line, part);
            }
        }
    };
    tells("lint.large-publish", run(131_072), run(131_000));
}

#[test]
fn a_refused_subscription_that_is_ignored_is_told() {
    let run = |code: u8, leaves: bool| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            ask(capture, &mut line, &[(b"t", 1, code)]);
            if !leaves {
                for _ in 0..4 {
                    capture.wait(10.0);
                    capture.client(&mut line, &publish(0, b"x", None, b"1"));
                }
            }
            leave(capture, &mut line);
        }
    };
    tells("lint.subscribe-failed-ignored", run(0x80, false), run(0x80, true));
    tells("lint.qos-downgrade", run(0, false), run(1, false));
    assert_eq!(fires("lint.subscribe-failed-ignored", run(1, false)), 0);
    assert_eq!(fires("lint.qos-downgrade", run(0x80, false)), 0);
}

#[test]
fn a_message_that_goes_round_is_told() {
    let run = |own: bool| {
        move |capture: &mut Timeline| {
            let mut bridge = join(capture, 40_000, &Connect::new(b"bridge"));
            ask(capture, &mut bridge, &[(b"t/#", 0, 0)]);
            let mut publisher = join(capture, 40_001, &Connect::new(b"pub"));
            capture.client(if own { &mut bridge } else { &mut publisher }, &publish(0, b"t/1", None, b"ping"));
            for _ in 0..5 {
                capture.server(&mut bridge, &publish(0, b"t/1", None, b"ping"));
                capture.wait(0.05);
                capture.client(&mut bridge, &publish(0, b"t/1", None, b"ping"));
            }
        }
    };
    tells("lint.bridge-loop", run(false), run(true));
}

#[test]
fn many_subscriptions_are_told() {
    let run = |each: usize, times: usize| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for time in 0..times {
                let names: Vec<_> = (0..each).map(|number| format!("t/{time}/{number}")).collect();
                let filters: Vec<_> = names.iter().map(|name| (name.as_bytes(), 0, 0)).collect();
                ask(capture, &mut line, &filters);
            }
        }
    };
    tells("lint.subscribe-batch", run(9, 1), run(8, 1));
    tells("lint.subscribe-batch", run(8, 7), run(8, 6));
}

#[test]
fn a_client_that_publishes_very_fast_is_told() {
    let run = |count: u32| {
        move |capture: &mut Timeline| {
            let mut line = join(capture, 40_000, &Connect::new(b"c"));
            for number in 0..count {
                capture.client(&mut line, &publish(0, b"t", None, &number.to_be_bytes()));
            }
        }
    };
    tells("lint.publish-rate", run(101), run(100));
}

#[test]
fn a_group_of_which_one_gets_all_is_told() {
    let run = |every: usize| {
        move |capture: &mut Timeline| {
            let mut lines: Vec<_> = (0..2u16)
                .map(|client| {
                    let name = [b"worker", &[b'0' + client as u8][..]].concat();
                    let mut line = join(capture, 40_000 + client, &Connect::new(&name));
                    ask(capture, &mut line, &[(b"$share/g/jobs/#", 0, 0)]);
                    line
                })
                .collect();
            for number in 0..24 {
                let line = &mut lines[usize::from(number % every == 0)];
                capture.server(line, &publish(0, b"jobs/1", None, &[number as u8]));
            }
        }
    };
    tells("lint.shared-imbalance", run(24), run(2));
}

#[test]
fn messages_without_expiry_that_wait_are_told() {
    let run = |properties: &'static [u8]| {
        move |capture: &mut Timeline| {
            let expiry = [0x11, 0, 0, 0x0e, 0x10].to_vec();
            let connect = || Connect { properties: expiry.clone(), ..Connect::v5(b"sleeper") };
            let mut sleeper = join(capture, 40_000, &connect());
            let (mut request, answer) = (vec![0x82, 7, 0, 1, 0], packet(0x90, &[&[0, 1, 0, 1]]));
            request.extend(text(b"t"));
            request.push(1);
            request[1] = request.len() as u8 - 2;
            capture.client(&mut sleeper, &request);
            capture.server(&mut sleeper, &answer);
            leave(capture, &mut sleeper);
            let mut publisher = join(capture, 40_001, &Connect::v5(b"pub"));
            for id in 1..=12u8 {
                capture.client(&mut publisher, &publish5(2, b"t", Some(id.into()), properties, &[id]));
                capture.server(&mut publisher, &[0x40, 2, 0, id]);
                capture.wait(1.0);
            }
            capture.wait(30.0);
            capture.client(&mut publisher, &[0xc0, 0]);
            leave(capture, &mut publisher);
        }
    };
    tells("lint.expiry-absent", run(&[]), run(&[2, 0, 0, 0, 60]));
}

#[test]
fn the_version_before_the_standard_is_told() {
    let run =
        |version: u8| move |capture: &mut Timeline| visit(capture, 40_000, &Connect { version, ..Connect::new(b"c") });
    tells("lint.old-version", run(3), run(4));
}

/// A payload of Sparkplug with bdSeq, as its fields are numbered in `sparkplug_b.proto`.
fn birth(sequence: u8) -> Vec<u8> {
    let metric = [&[0x0a, 5][..], b"bdSeq", &[0x20, 8, 0x58, sequence]].concat();
    [&[0x08, 1, 0x12, metric.len() as u8][..], &metric].concat()
}

#[test]
fn births_and_deaths_of_sparkplug_are_judged() {
    let run = |will: Option<u8>, messages: &'static [(&'static [u8], u8)], sequence: u8| {
        move |capture: &mut Timeline| {
            let mut connect = Connect::new(b"node");
            if let Some(will) = will {
                connect = connect.will(b"spBv1.0/g/NDEATH/n", &birth(will));
            }
            let mut line = join(capture, 40_000, &connect);
            for (topic, flags) in messages {
                capture.client(&mut line, &publish(*flags, topic, None, &birth(sequence)));
            }
        }
    };
    let born: &[(&[u8], u8)] = &[(b"spBv1.0/g/NBIRTH/n", 0), (b"spBv1.0/g/NDATA/n", 0)];
    tells("lint.sparkplug", run(None, born, 1), run(Some(1), born, 1));
    tells("lint.sparkplug", run(Some(2), born, 1), run(Some(1), born, 1));
    let early: &[(&[u8], u8)] = &[(b"spBv1.0/g/NDATA/n", 0)];
    assert_eq!(fires("lint.sparkplug", run(Some(1), early, 1)), 1);
    let retained: &[(&[u8], u8)] = &[(b"spBv1.0/g/NBIRTH/n", 1)];
    assert_eq!(fires("lint.sparkplug", run(Some(1), retained, 1)), 1);
}

#[test]
fn limits_move_the_line() {
    let mut capture = Timeline::new();
    let mut line = join(&mut capture, 40_000, &Connect::new(b"c"));
    capture.segment(&mut line, CLIENT, FIN | ACK, &[]);
    let mut options = CheckOptions::all();
    assert_eq!(of(&capture.findings(options.clone()), "lint.keepalive-long").len(), 0);
    options.limits.set("keepalive_long_s", "59").unwrap();
    assert_eq!(of(&capture.findings(options.clone()), "lint.keepalive-long").len(), 1);
    options.lints = false;
    assert_eq!(of(&capture.findings(options), "lint.keepalive-long").len(), 0);
}

#[test]
fn very_many_findings_of_a_rule_are_counted() {
    let mut capture = Timeline::new();
    for port in 0..30 {
        let name = format!("client-{port}");
        let keep_alive = 5;
        let mut line = join(&mut capture, 40_000 + port, &Connect { keep_alive, ..Connect::new(name.as_bytes()) });
        leave(&mut capture, &mut line);
    }
    let mut options = CheckOptions::all();
    options.limits.findings_per_rule = 10;
    let findings = capture.findings(options);
    let short = of(&findings, "lint.keepalive-short");
    assert_eq!(short.len(), 11);
    assert!(short[10].message.starts_with("20 more findings"), "{}", short[10].message);
}

#[test]
fn every_lint_of_the_table_has_a_test() {
    let text = include_str!("lints.rs");
    for rule in lints::RULES {
        assert!(text.contains(&format!("\"{}\"", rule.id)), "{}", rule.id);
    }
    assert_eq!(lints::RULES.len(), 41);
}
