//! Lints on clients: who they are, how they connect and how they stay.

use super::*;

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
