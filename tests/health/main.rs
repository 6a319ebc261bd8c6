//! What is told of the health of connections: by captures made by hand, and by what the laboratory knows of its own.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

#[path = "../common/mod.rs"]
mod common;

mod network;
mod truth;

use std::collections::BTreeSet;

use common::timeline::{ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Timeline};
use common::{craft, fixtures};
use mqttsniff::check::{CheckOptions, Finding, Health, Severity, health};
use mqttsniff::{Analysis, Output};
use serde_json::Value;

fn found(make: impl FnOnce(&mut Timeline)) -> Vec<Finding> {
    let mut capture = Timeline::new();
    make(&mut capture);
    let mut findings = capture.findings(CheckOptions { lints: false, ..CheckOptions::all() });
    findings.retain(|finding| !finding.id.starts_with("mqtt."));
    let known: BTreeSet<_> = health::RULES.iter().map(|rule| rule.id).collect();
    for finding in &findings {
        assert!(known.contains(finding.id.as_str()), "{} is in the table", finding.id);
        assert!(finding.severity < Severity::Error, "{}", finding.id);
        assert!(finding.frames.is_sorted(), "{}", finding.id);
    }
    findings
}

/// The names of what is found, with their severities.
fn names(make: impl FnOnce(&mut Timeline)) -> Vec<(String, Severity)> {
    found(make).into_iter().map(|finding| (finding.id, finding.severity)).collect()
}

fn one(id: &str, severity: Severity) -> Vec<(String, Severity)> {
    vec![(id.to_owned(), severity)]
}

use Severity::{Note, Warning};

/// Two ends that say something and close.
fn talk(capture: &mut Timeline, port: u16) {
    let mut line = capture.open(port);
    capture.client(&mut line, b"question");
    capture.server(&mut line, b"answer");
    capture.close(&mut line, CLIENT);
}

#[test]
fn a_connection_that_is_well_has_no_findings() {
    assert_eq!(names(|capture| talk(capture, 40_000)), []);
}

#[test]
fn a_refusal_is_told_once_with_its_frames() {
    let findings = found(|capture| {
        let mut line = Timeline::line(40_000);
        capture.segment(&mut line, CLIENT, SYN, &[]);
        capture.segment(&mut line, SERVER, RST | ACK, &[]);
    });
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].id.as_str(), findings[0].severity), ("tcp.refused", Warning));
    assert_eq!(findings[0].frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_syn_without_answer_is_told_if_the_capture_is_long_enough() {
    let run = |syns: usize, pause: f64| {
        move |capture: &mut Timeline| {
            let line = Timeline::line(40_000);
            for _ in 0..syns {
                let frame = capture.copy(&line, CLIENT, SYN, &[]);
                capture.frame(frame);
                capture.wait(pause);
            }
            talk(capture, 40_001);
        }
    };
    assert_eq!(names(run(3, 1.0)), one("tcp.unanswered", Warning));
    assert_eq!(names(run(1, 3.0)), one("tcp.unanswered", Note));
    assert_eq!(names(run(1, 0.1)), []);
}

#[test]
fn a_single_syn_of_a_capture_with_one_direction_is_no_finding() {
    let one_way = |capture: &mut Timeline| {
        let mut line = Timeline::line(40_000);
        capture.segment(&mut line, CLIENT, SYN, &[]);
        for _ in 0..3 {
            capture.segment(&mut line, CLIENT, PSH | ACK, b"data");
        }
        capture.segment(&mut Timeline::line(40_001), CLIENT, SYN, &[]);
        capture.wait(10.0);
        capture.segment(&mut line, CLIENT, PSH | ACK, b"data");
    };
    assert_eq!(names(one_way), []);
}

#[test]
fn a_handshake_that_never_completes_is_told() {
    let run = |answers: usize| {
        move |capture: &mut Timeline| {
            let mut line = Timeline::line(40_000);
            capture.segment(&mut line, CLIENT, SYN, &[]);
            for _ in 0..answers {
                let frame = capture.copy(&line, SERVER, SYN | ACK, &[]);
                capture.frame(frame);
                capture.wait(1.0);
            }
            talk(capture, 40_001);
        }
    };
    assert_eq!(names(run(3)), one("tcp.handshake-incomplete", Warning));
    assert_eq!(names(run(1)), one("tcp.handshake-incomplete", Note));
}

#[test]
fn a_syn_that_was_lost_is_a_note() {
    let lost = |capture: &mut Timeline| {
        let mut line = Timeline::line(40_000);
        let frame = capture.copy(&line, CLIENT, SYN, &[]);
        capture.frame(frame);
        capture.wait(1.0);
        capture.segment(&mut line, CLIENT, SYN, &[]);
        capture.segment(&mut line, SERVER, SYN | ACK, &[]);
        capture.segment(&mut line, CLIENT, ACK, &[]);
        capture.close(&mut line, CLIENT);
    };
    assert_eq!(names(lost), one("tcp.handshake-retransmission", Note));
}

#[test]
fn a_reset_is_as_bad_as_what_it_cuts() {
    let run = |connect: bool, disconnects: bool, fin: bool, pending: bool| {
        found(move |capture| {
            let mut line = capture.open(40_000);
            if connect {
                capture.client(&mut line, &craft::connect(2, b"c", &[]));
                capture.server(&mut line, &craft::CONNACK);
            } else {
                capture.client(&mut line, b"question");
            }
            if disconnects {
                capture.client(&mut line, &[0xe0, 0]);
            }
            if fin {
                capture.segment(&mut line, SERVER, FIN | ACK, &[]);
                capture.segment(&mut line, CLIENT, ACK, &[]);
            }
            if pending {
                capture.segment(&mut line, CLIENT, PSH | ACK, b"0123456789");
            }
            capture.segment(&mut line, SERVER, RST, &[]);
        })
    };
    let cut = run(true, false, false, true);
    assert_eq!(cut.len(), 1);
    assert_eq!((cut[0].id.as_str(), cut[0].severity), ("tcp.reset", Warning));
    assert!(cut[0].message.contains("10 bytes of the client"), "{}", cut[0].message);
    let quiet = run(false, false, false, false);
    assert!(quiet[0].message.contains("nothing was on its way"), "{}", quiet[0].message);
    assert_eq!(run(true, true, false, false)[0].severity, Note);
    assert_eq!(run(false, false, true, true)[0].severity, Note);
}

#[test]
fn a_reset_that_its_sender_does_not_heed_was_not_its_own() {
    let injected = |capture: &mut Timeline| {
        let mut line = capture.open(40_000);
        capture.client(&mut line, b"one");
        let frame = capture.copy(&line, CLIENT, RST | ACK, &[]);
        capture.frame(frame);
        capture.client(&mut line, b"two");
        capture.close(&mut line, CLIENT);
    };
    assert_eq!(names(injected), one("tcp.reset-ignored", Warning));
}

#[test]
fn retransmissions_are_a_warning_where_they_are_many() {
    let run = |sent: usize, again: usize| {
        move |capture: &mut Timeline| {
            let mut line = capture.open(40_000);
            for number in 0..sent {
                if number < again {
                    let frame = capture.copy(&line, CLIENT, PSH | ACK, &[b'x'; 100]);
                    capture.frame(frame);
                    capture.wait(0.3);
                }
                capture.client(&mut line, &[b'x'; 100]);
            }
            capture.close(&mut line, CLIENT);
        }
    };
    assert_eq!(names(run(100, 10)), one("tcp.retransmission", Warning));
    assert_eq!(names(run(100, 2)), one("tcp.retransmission", Note));
    assert_eq!(names(run(10, 5)), one("tcp.retransmission", Note));
    assert_eq!(names(run(300, 2)), []);
    let all = found(run(100, 10));
    assert_eq!(all[0].frames.len(), 5);
    assert!(all[0].message.contains("sent 10 of 111 segments again"), "{}", all[0].message);
}

#[test]
fn an_end_that_does_not_answer_any_more_is_gone() {
    let run = |probes: usize, answered: bool| {
        move |capture: &mut Timeline| {
            let mut line = capture.open(40_000);
            capture.client(&mut line, b"x");
            for _ in 0..probes {
                capture.wait(10.0);
                capture.displaced(&mut line, CLIENT, -1, ACK, &[]);
                if answered {
                    capture.segment(&mut line, SERVER, ACK, &[]);
                }
            }
        }
    };
    assert_eq!(names(run(3, false)), one("tcp.half-open", Warning));
    assert_eq!(names(run(2, false)), []);
    assert_eq!(names(run(5, true)), []);
}

#[test]
fn data_that_nobody_acknowledges_any_more_shows_an_end_that_is_gone() {
    let gone = |capture: &mut Timeline| {
        let mut line = capture.open(40_000);
        capture.client(&mut line, b"x");
        for pause in [0.3, 0.6, 1.2, 2.4, 4.8] {
            let frame = capture.copy(&line, CLIENT, PSH | ACK, b"is anybody there?");
            capture.frame(frame);
            capture.wait(pause);
        }
        capture.segment(&mut line, CLIENT, RST | ACK, &[]);
    };
    let names = names(gone);
    assert!(names.contains(&("tcp.half-open".to_owned(), Warning)), "{names:?}");
    assert!(!names.iter().any(|(id, _)| id == "tcp.reset"), "the reset only gives it up: {names:?}");
}

#[test]
fn one_end_that_never_closes_is_told_after_a_while() {
    let run = |pause: f64| {
        move |capture: &mut Timeline| {
            let mut line = capture.open(40_000);
            capture.client(&mut line, b"x");
            capture.segment(&mut line, CLIENT, FIN | ACK, &[]);
            capture.segment(&mut line, SERVER, ACK, &[]);
            capture.wait(pause);
            talk(capture, 40_001);
        }
    };
    assert_eq!(names(run(70.0)), one("tcp.half-closed", Note));
    assert_eq!(names(run(50.0)), []);
}

#[test]
fn what_comes_after_the_end_is_told() {
    let after_fin = |capture: &mut Timeline| {
        let mut line = capture.open(40_000);
        capture.client(&mut line, b"x");
        capture.segment(&mut line, CLIENT, FIN | ACK, &[]);
        capture.segment(&mut line, SERVER, ACK, &[]);
        capture.segment(&mut line, CLIENT, PSH | ACK, b"one more thing");
    };
    assert!(names(after_fin).contains(&("tcp.data-after-fin".to_owned(), Warning)));
    let after_reset = |pause: f64| {
        move |capture: &mut Timeline| {
            let mut line = capture.open(40_000);
            capture.client(&mut line, b"x");
            capture.segment(&mut line, SERVER, RST | ACK, &[]);
            capture.wait(pause);
            capture.segment(&mut line, CLIENT, PSH | ACK, b"still here");
        }
    };
    let late = names(after_reset(2.0));
    assert!(late.contains(&("tcp.data-after-reset".to_owned(), Warning)), "{late:?}");
    let crossing = names(after_reset(0.01));
    assert!(!crossing.iter().any(|(id, _)| id == "tcp.data-after-reset"), "{crossing:?}");
}

#[test]
fn odd_flags_are_told() {
    let odd = |capture: &mut Timeline| {
        let mut line = Timeline::line(40_000);
        capture.segment(&mut line, CLIENT, FIN | PSH | 32, &[]);
    };
    assert_eq!(names(odd), one("tcp.odd-flags", Warning));
}

/// A frame whose byte at this place from its end is another.
fn damaged(mut frame: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = frame.len() - from_end;
    frame[at] ^= 0x55;
    frame
}

#[test]
fn damage_is_told_from_checksums_that_a_card_fills_in() {
    let one_in_ten = |capture: &mut Timeline| {
        let mut line = capture.open(40_000);
        for number in 0..20 {
            if number == 15 {
                let frame = capture.copy(&line, CLIENT, PSH | ACK, b"0123456789");
                capture.frame(damaged(frame, 1));
                capture.wait(0.3);
            }
            capture.client(&mut line, b"0123456789");
        }
        capture.close(&mut line, CLIENT);
    };
    let told = names(one_in_ten);
    assert!(told.contains(&("tcp.bad-checksum".to_owned(), Warning)), "{told:?}");
    assert!(!told.iter().any(|(id, _)| id == "capture.checksum-offload"), "{told:?}");
    // The checksum stands four bytes before the payload, and is wrong in all segments of one end.
    let all_of_one = |capture: &mut Timeline| {
        for port in 40_000..40_003 {
            let mut line = Timeline::line(port);
            let mut sent = |capture: &mut Timeline, from, flags, payload: &[u8]| {
                let frame = capture.copy(&line, from, flags, payload);
                let mut scratch = Timeline::new();
                scratch.segment(&mut line, from, flags, payload);
                capture.frame(if from == CLIENT { damaged(frame, payload.len() + 4) } else { frame });
            };
            sent(capture, CLIENT, SYN, &[]);
            sent(capture, SERVER, SYN | ACK, &[]);
            sent(capture, CLIENT, ACK, &[]);
            sent(capture, CLIENT, PSH | ACK, b"data");
            sent(capture, SERVER, ACK, &[]);
        }
    };
    assert_eq!(names(all_of_one), one("capture.checksum-offload", Note));
}

#[test]
fn what_the_capture_lacks_is_told() {
    let lacks = |capture: &mut Timeline| {
        let mut line = capture.open(40_000);
        capture.client(&mut line, b"one");
        Timeline::new().segment(&mut line, CLIENT, PSH | ACK, b"never captured");
        capture.segment(&mut line, SERVER, ACK, &[]);
        capture.client(&mut line, b"three");
        capture.close(&mut line, CLIENT);
    };
    let findings = found(lacks);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].id, "capture.missing-data");
    assert!(findings[0].message.contains("14 bytes of the client"), "{}", findings[0].message);
}

#[test]
fn by_default_only_warnings_are_told() {
    let mut capture = Timeline::new();
    let mut line = capture.open(40_000);
    let frame = capture.copy(&line, CLIENT, PSH | ACK, b"twice");
    capture.frame(frame);
    capture.wait(0.3);
    capture.client(&mut line, b"twice");
    capture.segment(&mut line, SERVER, RST | ACK, &[]);
    let of = |options: CheckOptions| {
        let findings = capture.findings(options);
        findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    assert_eq!(of(CheckOptions::default()), ["tcp.reset"]);
    assert_eq!(of(CheckOptions { health: Health::Off, ..CheckOptions::default() }), [""; 0]);
    assert_eq!(
        of(CheckOptions { health: Health::All, ..CheckOptions::default() }),
        ["tcp.reset", "tcp.retransmission"]
    );
}

/// What is found of a connection into which one more frame comes.
fn with_one_more(make: impl FnOnce(&Timeline, &common::timeline::Line) -> Vec<u8>) -> Vec<(String, Severity)> {
    names(|capture| {
        let mut line = capture.open(40_000);
        capture.client(&mut line, b"question");
        capture.server(&mut line, b"answer");
        let frame = make(capture, &line);
        capture.frame(frame);
        capture.client(&mut line, b"question");
        capture.close(&mut line, CLIENT);
    })
}

#[test]
fn frames_that_do_not_belong_there_are_told() {
    let numbers = |seq: u32, ack: u32, flags: u8, payload: &[u8]| {
        let payload = payload.to_vec();
        with_one_more(move |_, _| craft::frame(0, [40_000, 1883], (seq, ack), flags, 99, &payload))
    };
    assert_eq!(numbers(900_000_000, 5007, PSH | ACK, b"guess"), one("tcp.out-of-window", Note));
    assert_eq!(numbers(900_000_000, 0, RST, b""), one("tcp.reset-out-of-window", Note));
    assert_eq!(numbers(2_000_000, 0, SYN, b""), one("tcp.handshake-odd", Note));
    let hops = with_one_more(|capture, line| {
        let mut frame = capture.copy(line, CLIENT, ACK, &[]);
        frame[14 + 8] = 50;
        frame
    });
    assert_eq!(hops, one("ip.hops-changed", Note));
}

#[test]
fn copies_of_the_network_are_told() {
    let copied = names(|capture| {
        let mut line = capture.open(40_000);
        for _ in 0..3 {
            let frame = capture.copy(&line, CLIENT, PSH | ACK, b"twice");
            capture.client(&mut line, b"twice");
            capture.frame(frame);
        }
        capture.close(&mut line, CLIENT);
    });
    assert_eq!(copied, one("tcp.duplicated", Note));
}

#[test]
fn a_window_that_stays_closed_is_a_warning() {
    let run = |closed: f64| {
        names(move |capture| {
            let mut line = capture.open(40_000);
            capture.segment(&mut line, CLIENT, PSH | ACK, b"too much");
            // Window 0, with the checksum changed by as much.
            let mut frame = capture.copy(&line, SERVER, ACK, &[]);
            let at = 14 + 20 + 14;
            let old = u32::from(u16::from_be_bytes([frame[at + 2], frame[at + 3]]));
            let sum = old + 0xffff;
            let sum = (sum & 0xffff) + (sum >> 16);
            frame[at..at + 2].fill(0);
            frame[at + 2..at + 4].copy_from_slice(&(sum as u16).to_be_bytes());
            capture.frame(frame);
            capture.wait(closed);
            capture.segment(&mut line, SERVER, ACK, &[]);
            capture.close(&mut line, CLIENT);
        })
    };
    assert_eq!(run(2.0), one("tcp.zero-window", Warning));
    assert_eq!(run(0.5), one("tcp.zero-window", Note));
}

#[test]
fn a_fragment_without_the_others_is_told() {
    let alone = |capture: &mut Timeline| {
        let mut frame = craft::frame(0, [40_000, 1883], (1000, 0), SYN, 7, &[0; 100]);
        frame[14 + 6] = 0x20;
        capture.frame(frame);
    };
    assert_eq!(names(alone), one("ip.fragments-unfinished", Note));
}
