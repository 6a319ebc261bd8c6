//! Lints on messages and their acknowledgements, and on all lints together.

use super::*;

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
    let text = [include_str!("clients.rs"), include_str!("topics.rs"), include_str!("messages.rs")].concat();
    for rule in lints::RULES {
        assert!(text.contains(&format!("\"{}\"", rule.id)), "{}", rule.id);
    }
    assert_eq!(lints::RULES.len(), 41);
}
