use crate::capture::{Batch, FrameHeader, LinkType};
use crate::engine::{Engine, EngineOptions, Event};
use crate::field::{Columns, Extractor, Registry, Row};
use crate::time::Timestamp;

/// An IPv4 header without options, with a body.
fn ipv4(protocol: u8, last: u8, body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, last, 0, 0, 64, protocol, 0, 0, 10, 0, 0, last, 10, 0, 0, last + 1]);
    packet.extend(body);
    packet
}

/// A TCP header without options, from port 1000 to 2000.
fn tcp(seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![0x03, 0xe8, 0x07, 0xd0];
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

/// The rows of IP packets that come a second apart.
fn rows(packets: &[Vec<u8>], names: &[&str], shown: impl Fn(usize) -> bool) -> Vec<String> {
    let fields: Vec<_> = names.iter().map(|name| Registry::find(name).unwrap().0).collect();
    let mut batch = Batch::new();
    for (second, packet) in packets.iter().enumerate() {
        let time = Timestamp::from_secs_nanos(second as i64, 0);
        let length = packet.len() as u32;
        batch.push(FrameHeader { time, link: LinkType::RAW, length, interface: 0, fcs_length: 0 }, packet);
    }
    let mut extractor = Extractor::new(&fields);
    let options = EngineOptions { ignore_checksums: true, ..EngineOptions::default() };
    let mut engine = Engine::new(extractor.engine_options(options));
    let mut lines = Vec::new();
    let mut sink = |event: &Event<'_>| {
        let Event::Packet(view) = event else { return };
        let mut line = String::new();
        Columns::default().line(&fields, &extractor.row(view), &mut line);
        if shown(lines.len()) {
            extractor.displayed();
        }
        lines.push(line.trim_end_matches('\n').to_owned());
    };
    for frame in batch.frames() {
        engine.frame(&frame, &[], &mut sink);
    }
    lines
}

fn row(packet: Vec<u8>, names: &[&str]) -> String {
    rows(&[packet], names, |_| true).remove(0)
}

#[test]
fn each_header_of_a_tunnel_gives_its_values() {
    let packet = ipv4(4, 1, &ipv4(6, 5, &tcp(1, 0, 2, &[])));
    assert_eq!(row(packet.clone(), &["ip.src", "ip.addr"]), "10.0.0.1,10.0.0.5\t10.0.0.1,10.0.0.2,10.0.0.5,10.0.0.6");

    let mut batch = Batch::new();
    let length = packet.len() as u32;
    let time = Timestamp::from_nanos(0);
    batch.push(FrameHeader { time, link: LinkType::RAW, length, interface: 0, fcs_length: 0 }, &packet);
    let field = Registry::find("ip.src").unwrap().0;
    let mut extractor = Extractor::new(&[field]);
    let mut engine = Engine::new(extractor.engine_options(EngineOptions::default()));
    let mut layers = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if let Event::Packet(view) = event {
            extractor.row(view).occurrences(field, &mut |occurrence| layers.push(occurrence.layer));
        }
    };
    for frame in batch.frames() {
        engine.frame(&frame, &[], &mut sink);
    }
    assert_eq!(layers, [1, 2]);
}

#[test]
fn what_an_error_quotes_has_fields_but_belongs_to_no_connection() {
    let mut error = vec![3, 1, 0, 0, 0, 0, 0, 0];
    error.extend(&ipv4(6, 5, &tcp(77, 0, 2, &[]))[..28]);
    let names = ["ip.src", "tcp.srcport", "tcp.seq", "tcp.stream", "tcp.flags", "icmp.type"];
    assert_eq!(row(ipv4(1, 1, &error), &names), "10.0.0.1,10.0.0.5\t1000\t77\t\t\t3");
}

#[test]
fn a_header_that_is_cut_has_the_fields_that_are_left() {
    let packet = ipv4(6, 1, &tcp(1, 0, 2, &[]));
    for length in 0..packet.len() {
        let names = ["ip.ttl", "ip.dst", "tcp.srcport", "tcp.window_size_value", "frame.len"];
        let line = row(packet[..length].to_vec(), &names);
        assert!(line.ends_with(&format!("\t{length}")), "{line}");
    }
}

#[test]
fn numbers_count_from_the_first_of_their_direction() {
    let names = ["tcp.seq", "tcp.nxtseq", "tcp.ack", "tcp.completeness", "tcp.time_delta"];
    let packets = [
        ipv4(6, 1, &tcp(1000, 0, 0x02, &[])),
        ipv4(6, 1, &tcp(1001, 501, 0x10, &[])),
        ipv4(6, 1, &tcp(1001, 501, 0x18, b"ab")),
        // Another SYN on the same ports.
        ipv4(6, 1, &tcp(9000, 0, 0x02, &[])),
    ];
    let lines = rows(&packets, &names, |_| true);
    assert_eq!(
        lines,
        ["0\t1\t0\t0\t0.000000000", "1\t1\t1\t1\t1.000000000", "1\t3\t1\t5\t1.000000000", "0\t1\t0\t1\t0.000000000",]
    );
}

#[test]
fn a_capture_from_the_middle_begins_with_one() {
    let lines =
        rows(&[ipv4(6, 1, &tcp(1000, 501, 0x18, b"ab"))], &["tcp.seq", "tcp.window_size_scalefactor"], |_| true);
    assert_eq!(lines, ["1\t-1"]);
}

#[test]
fn times_count_from_the_frame_that_was_displayed_last() {
    let packets: Vec<_> = (0..4).map(|_| ipv4(6, 1, &tcp(1, 0, 2, &[]))).collect();
    let lines = rows(&packets, &["frame.time_delta", "frame.time_delta_displayed"], |index| index % 2 == 0);
    assert_eq!(lines[3], "1.000000000\t1.000000000");
    assert_eq!(lines[2], "1.000000000\t2.000000000");
    assert_eq!(lines[0], "0.000000000\t0.000000000");
}
