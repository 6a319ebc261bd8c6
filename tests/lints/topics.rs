//! Lints on topics, retained messages and wills.

use super::*;

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
