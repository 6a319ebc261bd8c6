//! Display filters over real captures against the frames that Wireshark 4.0 selects with them.
//!
//! `tests/filters/make.py` has asked it; the rows are those of the program itself here.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;

use common::{craft, pcap};
use mqttsniff::dissect::Protocol;
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Extractor, FieldId, Filter, Registry};
use mqttsniff::{Analysis, Output};

/// Filters that only one side accepts, or that select other frames here, and why.
const EXCEPTIONS: &[(&[&str], &str)] = &[
    (
        &[
            "1024 < tcp.port < 2000",
            "1883 == tcp.port",
            "1 < tcp.srcport",
            "1 + tcp.flags == 3",
            "1 + 1 == tcp.flags",
            "mqtt xor tcp",
            "mqtt ^^ tcp",
            "tcp.port in {1000 + 883}",
            "tcp.port + 1 in {1884}",
            "mqtt[0] in {30, 20}",
            "len(mqtt.topic) in {5..10}",
            "upper(lower(mqtt.topic)) == \"LAB/S1/Q0\"",
            "len(mqtt.topic[0:2]) == 2",
            "max(tcp.port, frame.number) > 1",
            "min(mqtt.msgtype, tcp.port) == 1",
            "-{tcp.port - 1} == -1882",
            "tcp.flags.syn == true",
            "vals(mqtt.msgtype) == \"Publish Message\"",
        ],
        "later versions of Wireshark accept it",
    ),
    (&["mqtt.topic == \"\\u006cab/s1/q0\"", "frame.len > '\\n'"], "the manual of 4.0 has it, and 4.0.17 stumbles"),
    (&["tcp.srcport + 65000 == 66883"], "a sum may be beyond what the field can have"),
    (&["mqtt.topic topic_matches \"lab/+/q0\""], "MQTT's own"),
    (&["mqtt.msgtype == Publish"], "packet types have the specification's names as well, in any case of letters"),
    (&["_ws.expert", "_ws.malformed"], "there are no notes of experts here"),
    (&["mqtt.topic matches \"(?=l)lab\"", "mqtt.topic matches \"(a)\\\\1\""], "regular expressions are linear in time"),
    (
        &[
            "tcp.port == tcp.flags.syn",
            "tcp.flags.syn == 'a'",
            "abs(mqtt.retain) > tcp.flags.syn",
            "len(tcp.flags.syn) == 1",
            "len(frame.time) == 1",
            "len(frame.time_delta) == 1",
            "mqtt.msgtype + 1 == \"Publish Ack\"",
            "ip.addr & 172.29.83.0/24 == 172.29.83.1",
            "tcp.payload contains 172.29.83",
            "eth.addr == 02-00-0-00-83-02",
            "frame.time > \"2026-1-21\"",
        ],
        "refused as a slip of the pen",
    ),
    (&["ip.ttl > -1"], "a negative number is less than any length, and does not wrap round"),
    (&["!(ip.src#2 == 10.0.0.1) && ip.src >= 10.0.0.0/8"], "there a field has the values of its layer before it"),
    (&["ipv6.addr & ffff:: == fd00::"], "4.0.17 finds every address equal behind \"&\""),
];

fn ipv4(ends: [[u8; 4]; 2], protocol: u8, payload: &[u8]) -> Vec<u8> {
    [&craft::ipv4(ends, 7, 0, protocol, payload.len()), payload].concat()
}

/// The capture that `make.py` has made: a datagram in a tunnel of IP in IP, and one outside.
fn tunnel() -> Vec<u8> {
    let udp = [&[0x0f, 0xa0, 0x0f, 0xa1, 0, 13, 0, 0], &b"hello"[..]].concat();
    let inner = ipv4([[192, 168, 1, 1], [192, 168, 1, 2]], 17, &udp);
    let frames = [ipv4([[10, 0, 0, 1], [10, 0, 0, 2]], 4, &inner), inner];
    let over_ethernet = |ip: Vec<u8>| [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], &ip[..]].concat();
    let frames = (0..).zip(frames).map(|(at, ip)| (at * 1_000_000 + 500_000, over_ethernet(ip)));
    pcap::file(pcap::ETHERNET, frames)
}

/// Which frames of a capture each filter selects, read as Wireshark reads it: port 1883 is MQTT.
fn selected(path: &std::path::Path, filters: &[Option<Filter>]) -> Vec<BTreeSet<u64>> {
    let wanted: BTreeSet<FieldId> = filters.iter().flatten().flat_map(Filter::fields).collect();
    let wanted: Vec<_> = wanted.into_iter().collect();
    let mut extractor = Extractor::new(&wanted);
    let mut options = EngineOptions::default();
    options.dissect.decode_as = vec![(1883, Protocol::Mqtt)];
    let mut frames = vec![BTreeSet::new(); filters.len()];
    let mut analysis = Analysis::open_with(&[path], extractor.engine_options(options)).unwrap();
    analysis.run(&mut |output: &Output<'_>| match output {
        Output::Message(flow, message) => extractor.on_message(*flow, message, None),
        Output::Preview(_, message) => extractor.on_preview(message, None),
        Output::Packet(view) => {
            let row = extractor.row(view);
            for (filter, frames) in filters.iter().zip(&mut frames) {
                if filter.as_ref().is_some_and(|filter| filter.matches(&row)) {
                    frames.insert(view.frame.number.0);
                }
            }
            extractor.clear();
        }
        _ => {}
    });
    frames
}

fn numbers(ranges: &str) -> BTreeSet<u64> {
    let mut out = BTreeSet::new();
    for range in ranges.split(',').filter(|range| *range != "-") {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        out.extend(first.parse().unwrap()..=last.parse::<u64>().unwrap());
    }
    out
}

#[test]
fn the_frames_are_those_that_wireshark_selects() {
    let directory = tempfile::tempdir().unwrap();
    let made = directory.path().join("tunnel.pcap");
    std::fs::write(&made, tunnel()).unwrap();
    let captures = [common::fixtures().join("mqtt5_qos.pcap"), common::fixtures().join("lab/ipv6.pcap"), made];

    let lines: Vec<Vec<_>> =
        include_str!("filters/tshark.tsv").lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let filters: Vec<_> = lines.iter().map(|line| Filter::parse(line[1], &Registry).ok()).collect();
    let here: Vec<_> = captures.iter().map(|path| selected(path, &filters)).collect();

    let (mut wrong, mut compared, mut others) = (Vec::new(), 0, BTreeSet::new());
    for (at, line) in lines.iter().enumerate() {
        let (text, accepted) = (line[1], line[0] == "accept");
        let same = filters[at].is_some() == accepted
            && (!accepted || line[2..].iter().zip(&here).all(|(ranges, here)| numbers(ranges) == here[at]));
        compared += usize::from(accepted && same);
        if same {
            continue;
        }
        if EXCEPTIONS.iter().any(|(texts, _)| texts.contains(&text)) {
            others.insert(text);
        } else {
            let frames: Vec<_> = here.iter().map(|here| &here[at]).collect();
            wrong.push(format!("{text}\n  there {line:?}\n  here  {} {frames:?}", filters[at].is_some()));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    let listed = EXCEPTIONS.iter().flat_map(|(texts, _)| *texts).copied().collect();
    assert_eq!(others, listed, "each exception is one");
    assert!(compared > 480, "{compared} filters select the same frames");
}

/// What tshark 4.0.17 accepts of these is accepted, but for what it accepts too much of, and the other way round.
#[test]
fn filters_that_people_use_are_filters() {
    let filters = include_str!("filters/used.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let refused: BTreeSet<_> = filters.filter(|text| Filter::parse(text, &Registry).is_err()).collect();
    let expected = [
        "(tcp",
        "and tcp",
        "eth.dst == Broadcast",
        "frame contains \"\\\"",
        "frame contains 30:0",
        "ip.addr == 10.0.0",
        "ip.addr == 10.0.0.1/33",
        "ip.addr == localhost",
        "mqtt..qos == 1",
        "mqtt.msgtype == 3 mqtt.qos == 1",
        "mqtt.qos =",
        "tcp and",
        "tcp contains 30:",
        "tcp)",
        "tcp.port = 1883",
        "tcp.port == 1883.0",
        "tcp.port == http",
        "tcp.port >= 1883 <= 2000",
        "tcp.port in 1883",
        "tcp.port in {80 443}",
        "tcp.port in {}",
    ];
    assert_eq!(refused, BTreeSet::from(expected));
}
