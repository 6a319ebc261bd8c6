//! What is told of the health of connections: by captures made by hand, and by what the laboratory knows of its own.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

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
fn a_clock_that_goes_back_is_told_once() {
    let back = |capture: &mut Timeline| {
        talk(capture, 40_000);
        capture.wait(10.0);
        talk(capture, 40_001);
        capture.set_back(2.0);
        talk(capture, 40_002);
        capture.set_back(1.0);
        talk(capture, 40_003);
    };
    let findings = found(back);
    assert_eq!(findings.iter().filter(|finding| finding.id == "capture.clock-back").count(), 1);
    assert!(findings[0].message.contains("2 times"), "{}", findings[0].message);
}

fn in_vain(capture: &mut Timeline, ports: [u16; 2]) {
    let syn = craft::frame(0, ports, (1000, 0), SYN, 1, &[]);
    let reset = craft::frame(1, ports, (0, 1001), RST | ACK, 2, &[]);
    capture.frame(syn);
    capture.frame(reset);
}

#[test]
fn a_scan_is_one_finding() {
    let scan = |ports: u16| {
        move |capture: &mut Timeline| {
            for port in 1..=ports {
                in_vain(capture, [50_000 + port, port]);
            }
        }
    };
    let many = names(scan(500));
    assert_eq!(many.iter().filter(|(id, _)| id == "net.port-scan").count(), 1);
    assert_eq!(many.iter().filter(|(id, _)| id == "tcp.refused").count(), 19);
    assert!(!names(scan(10)).iter().any(|(id, _)| id == "net.port-scan"));
    // One broker that is down is no scan, however often it is tried.
    let again = |capture: &mut Timeline| {
        for port in 1..=100 {
            in_vain(capture, [50_000 + port, 1883]);
        }
    };
    assert!(!names(again).iter().any(|(id, _)| id == "net.port-scan"));
}

#[test]
fn a_flood_is_one_finding() {
    let flood = |clients: u16| {
        move |capture: &mut Timeline| {
            for port in 0..clients {
                let ports = [20_000 + port, 1883];
                capture.frame(craft::frame(0, ports, (1000, 0), SYN, 1, &[]));
                capture.frame(craft::frame(1, ports, (5000, 1001), SYN | ACK, 2, &[]));
            }
            capture.wait(5.0);
            talk(capture, 40_000);
        }
    };
    let many = names(flood(300));
    assert_eq!(many.iter().filter(|(id, _)| id == "net.syn-flood").count(), 1);
    assert_eq!(many.iter().filter(|(id, _)| id == "tcp.handshake-incomplete").count(), 99);
    assert!(!names(flood(50)).iter().any(|(id, _)| id == "net.syn-flood"));
}

/// An ARP reply: this hardware address (by its last byte) has 10.0.0.9.
fn claim(mac: u8) -> Vec<u8> {
    let sender = [2, 0, 0, 0, 0, mac];
    let head = [&[0xff; 6][..], &sender, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2]].concat();
    [&head[..], &sender, &[10, 0, 0, 9], &[0; 6], &[10, 0, 0, 1]].concat()
}

#[test]
fn two_hosts_with_one_address_are_told_from_one_that_moves() {
    let run = |macs: &'static [u8]| {
        move |capture: &mut Timeline| {
            for mac in macs {
                capture.frame(claim(*mac));
                capture.wait(1.0);
            }
        }
    };
    assert_eq!(names(run(&[1, 1, 1])), []);
    assert_eq!(names(run(&[1, 2, 2])), one("net.address-conflict", Note));
    let turns = names(run(&[1, 2, 1, 2, 1, 2]));
    assert_eq!(turns.iter().filter(|(_, severity)| *severity == Warning).count(), 1, "{turns:?}");
    assert_eq!(turns.len(), 2);
}

#[test]
fn what_a_router_could_not_deliver_is_told_with_its_flow() {
    let findings = found(|capture| {
        let mut line = Timeline::line(40_000);
        let syn = capture.copy(&line, CLIENT, SYN, &[]);
        capture.segment(&mut line, CLIENT, SYN, &[]);
        let quoted = &syn[14..14 + 28];
        let icmp = [&[3, 1, 0, 0, 0, 0, 0, 0][..], quoted].concat();
        let length = (20 + icmp.len()) as u16;
        let mut ip = vec![0x45, 0];
        ip.extend(length.to_be_bytes());
        ip.extend([0, 9, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1]);
        let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0][..], &ip, &icmp].concat();
        capture.frame(frame.clone());
        capture.frame(frame);
    });
    let told: Vec<_> = findings.iter().filter(|finding| finding.id == "net.undelivered").collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].severity, told[0].flow.unwrap().id.0), (Warning, 1));
    assert!(told[0].message.starts_with("10.0.0.254 says of 2 packets of the client"), "{}", told[0].message);
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

/// What the laboratory knows of a scenario.
struct Truth {
    name: String,
    retransmissions: u64,
    zero_windows: u64,
    resets: u64,
    /// Packets were lost on their way.
    lossy: bool,
}

fn truths() -> Vec<Truth> {
    let mut all = Vec::new();
    let mut paths: Vec<_> =
        std::fs::read_dir(fixtures().join("lab")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let file = path.file_name().unwrap().to_str().unwrap();
        let Some(name) = file.strip_suffix(".truth.json") else { continue };
        if !path.with_file_name(format!("{name}.pcap")).exists() {
            continue;
        }
        let truth: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let flows = truth["flows"].as_array().unwrap();
        let sides = flows.iter().flat_map(|flow| flow["directions"].as_object().unwrap().values());
        let sum = |pointer: &str| sides.clone().filter_map(|side| side.pointer(pointer)?.as_u64()).sum::<u64>();
        let length =
            |key: &str| flows.iter().filter_map(|flow| flow[key].as_array()).map(Vec::len).sum::<usize>() as u64;
        all.push(Truth {
            name: name.to_owned(),
            retransmissions: sum("/retransmits_visible"),
            zero_windows: sum("/zero_windows"),
            resets: length("resets"),
            lossy: sides.clone().any(|side| side["packets_sent"] != side["packets_delivered"]),
        });
    }
    assert!(all.len() > 50, "the truth is there");
    all
}

fn of_capture(name: &str) -> Vec<Finding> {
    let mut analysis = Analysis::open(&[fixtures().join("lab").join(format!("{name}.pcap"))]).unwrap();
    analysis.check(CheckOptions { lints: false, ..CheckOptions::all() });
    let mut findings = Vec::new();
    analysis.run(&mut |output: &Output<'_>| {
        if let Output::Finding(finding) = output {
            findings.push((*finding).clone());
        }
    });
    findings.retain(|finding| health::RULES.iter().any(|rule| rule.id == finding.id));
    findings
}

#[test]
fn what_the_kernels_did_is_told_and_nothing_else() {
    const AGAIN: [&str; 4] =
        ["tcp.retransmission", "tcp.handshake-retransmission", "tcp.handshake-incomplete", "tcp.unanswered"];
    let mut told = [0; 3];
    for truth in truths() {
        let findings = of_capture(&truth.name);
        let any = |ids: &[&str]| findings.iter().any(|finding| ids.contains(&finding.id.as_str()));
        assert_eq!(any(&AGAIN), truth.retransmissions > 0, "{}: sent again: {findings:?}", truth.name);
        assert_eq!(any(&["tcp.zero-window"]), truth.zero_windows > 0, "{}: windows: {findings:?}", truth.name);
        // A kernel sends a RST also for what comes after a connection is over, which harms nobody.
        let reset = any(&["tcp.reset", "tcp.refused"]);
        assert!(truth.resets > 0 || !reset, "{}: resets: {findings:?}", truth.name);
        let calm = truth.retransmissions + truth.zero_windows + truth.resets == 0 && !truth.lossy;
        let worst = findings.iter().map(|finding| finding.severity).max();
        assert!(!calm || worst < Some(Warning), "{} is well: {findings:?}", truth.name);
        told[0] += usize::from(any(&AGAIN));
        told[1] += usize::from(any(&["tcp.zero-window"]));
        told[2] += usize::from(reset);
    }
    assert_eq!(told, [18, 1, 7], "each kind is there");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_captures_make_no_rule_fail(changes in proptest::collection::vec((0.0..1.0f64, 0u8..=255), 1..60)) {
        let mut bytes = std::fs::read(fixtures().join("lab/mqtt_mess.pcap")).unwrap();
        let length = bytes.len();
        for (place, value) in changes {
            // Behind the header of the file; a record that can't be read ends it, which is a case as well.
            bytes[24 + (place * (length - 25) as f64) as usize] = value;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let mut analysis = Analysis::open(&[file.path()]).unwrap();
        analysis.check(CheckOptions::all());
        analysis.follow_sessions(mqttsniff::session::SessionOptions {
            routes: true,
            ..mqttsniff::session::SessionOptions::default()
        });
        analysis.run(&mut |output: &Output<'_>| {
            if let Output::Finding(finding) = output {
                let judged = finding.id.starts_with("mqtt.") || finding.severity < Severity::Error;
                assert!(judged, "{finding:?}");
                assert!(finding.frames.len() <= 64, "{finding:?}");
            }
        });
    }
}

#[test]
fn every_rule_of_the_table_is_documented_once() {
    let ids: BTreeSet<_> = health::RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), health::RULES.len());
    for rule in health::RULES {
        assert!(rule.severity < Severity::Error, "{}: trouble of a network is no error", rule.id);
        assert!(!rule.why.is_empty() && !rule.how.is_empty() && !rule.excuse.is_empty(), "{}", rule.id);
    }
}
