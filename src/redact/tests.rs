use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::capture::{Batch, LinkType};
use crate::time::Timestamp;
use crate::wire::{Checksum, Payload};

const CLIENT: [u8; 4] = [10, 0, 0, 7];
const SERVER: [u8; 4] = [192, 0, 2, 9];
const CLIENT_MAC: [u8; 6] = [0, 0x1b, 0x21, 9, 8, 7];
const SERVER_MAC: [u8; 6] = [0, 0x1b, 0x22, 6, 5, 4];

const CONNECT: &[u8] = b"\x10\x1c\0\x04MQTT\x04\xc2\0\x3c\0\x06sensor\0\x02me\0\x04word";
const PUBLISH: &[u8] = b"\x30\x15\0\x08room/one21.5 degree";

/// An IPv4 packet with a right header checksum.
fn ipv4(protocol: u8, fragment: u16, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 77]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    let checksum = !checksum::fold(checksum::sum(&packet));
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn with_checksum(protocol: u8, at: usize, ends: [[u8; 4]; 2], mut bytes: Vec<u8>) -> Vec<u8> {
    let pseudo = checksum::sum(ends.as_flattened())
        + checksum::field(u16::from(protocol))
        + checksum::wide_field(bytes.len() as u32);
    let checksum = !checksum::fold(pseudo + checksum::sum(&bytes));
    bytes[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// A segment of the client.
fn segment(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x9c, 0x40, 0x07, 0x5b];
    bytes.extend(seq.to_be_bytes());
    bytes.extend([0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    with_checksum(6, 16, [CLIENT, SERVER], bytes)
}

fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    with_checksum(17, 6, [CLIENT, SERVER], bytes)
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [SERVER_MAC, CLIENT_MAC].concat();
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

fn tcp_frame(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(6, 0x4000, CLIENT, SERVER, &segment(seq, flags, payload)))
}

fn batch(link: LinkType, frames: &[Vec<u8>], snaplen: usize) -> Batch {
    let mut batch = Batch::new();
    for (index, frame) in (0..).zip(frames) {
        let time = Timestamp::from_nanos(index * 1_000_000);
        let header = FrameHeader { time, link, length: frame.len() as u32, interface: 0, fcs_length: 0 };
        batch.push(header, &frame[..frame.len().min(snaplen)]);
    }
    batch
}

fn redact(batch: &Batch) -> Vec<Vec<u8>> {
    let mut redaction = Redaction::new(RedactionOptions::new(Redactor::random()));
    let mut done = Vec::new();
    for frame in batch.frames() {
        redaction.frame(&frame);
        done.extend(std::iter::from_fn(|| redaction.next_done()).map(|frame| frame.data));
    }
    redaction.finish();
    done.extend(std::iter::from_fn(|| redaction.next_done()).map(|frame| frame.data));
    done
}

/// The messages by type, length and the frame that completed them.
fn messages(batch: &Batch) -> Vec<(&'static str, u64, u64)> {
    let mut engine = Engine::new(EngineOptions::default());
    let mut found = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if let Event::Message(_, message) = event {
            let header = message.packet.header;
            found.push((header.packet_type.name(), header.packet_length(), message.origin.frame.0));
        }
    };
    batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut sink));
    engine.finish(&mut sink);
    found
}

fn holds(frames: &[Vec<u8>], bytes: &[u8]) -> bool {
    frames.iter().any(|frame| frame.windows(bytes.len()).any(|window| window == bytes))
}

/// Redacts, and sees that the messages stay, checksums are right, and no address or text is left.
#[track_caller]
fn check(link: LinkType, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let before = batch(link, frames, usize::MAX);
    let done = redact(&before);
    let after = batch(link, &done, usize::MAX);
    assert_eq!(messages(&after), messages(&before));
    let lengths = |frames: &[Vec<u8>]| frames.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(&done), lengths(frames));
    for text in
        [&b"sensor"[..], b"word", b"room", b"21.5", b"degree", b"SECRET", &CLIENT, &SERVER, &CLIENT_MAC, &SERVER_MAC]
    {
        assert!(!holds(&done, text), "{}", text.escape_ascii());
    }
    let mut decoder = Decoder::default();
    for frame in after.frames() {
        let packet = decoder.decode(&frame);
        let transport = match packet.payload {
            Payload::Tcp(segment) => segment.checksum,
            Payload::Udp(datagram) => datagram.checksum,
            Payload::Icmp(icmp) => icmp.checksum,
            _ => Checksum::Unknown,
        };
        for checksum in [transport, packet.ip.map_or(Checksum::Unknown, |ip| ip.header_checksum)] {
            assert!(matches!(checksum, Checksum::Good | Checksum::Unknown), "{checksum:?} {}", frame.number);
        }
    }
    done
}

/// The payload of a TCP frame.
fn payload(frame: &[u8]) -> &[u8] {
    &frame[54..]
}

#[test]
fn copies_of_a_segment_agree_however_they_are_cut() {
    let stream = [CONNECT, PUBLISH].concat();
    let other: Vec<u8> = PUBLISH.iter().map(|byte| byte ^ 1).collect();
    let border = CONNECT.len() as u32;
    let frames = [
        tcp_frame(99, 2, b""),
        tcp_frame(100 + 20, 16, &stream[20..40]),
        tcp_frame(100, 16, &stream[..20]),
        tcp_frame(100, 16, &stream[..30]),
        tcp_frame(100 + 40, 16, &stream[40..]),
        tcp_frame(100, 16, &stream),
        // The same numbers with other bytes, which nobody takes.
        tcp_frame(100 + border, 16, &other),
    ];
    let done = check(LinkType::ETHERNET, &frames);
    assert_eq!(messages(&batch(LinkType::ETHERNET, &done, usize::MAX)).len(), 2);
    let whole = payload(&done[5]);
    assert_eq!(payload(&done[1]), &whole[20..40]);
    assert_eq!(payload(&done[2]), &whole[..20]);
    assert_eq!(payload(&done[3]), &whole[..30]);
    assert_eq!(payload(&done[4]), &whole[40..]);
    assert_eq!(payload(&done[6]), &whole[CONNECT.len()..]);
}

#[test]
fn fragments_carry_the_redacted_datagram() {
    let bytes = segment(100, 16, &[CONNECT, PUBLISH].concat());
    let part = |at: usize, to: usize| {
        let more = if to < bytes.len() { 0x2000 } else { 0 };
        ethernet(0x0800, &ipv4(6, more | (at / 8) as u16, CLIENT, SERVER, &bytes[at..to]))
    };
    let frames = [tcp_frame(99, 2, b""), part(40, bytes.len()), part(0, 24), part(24, 40)];
    let done = check(LinkType::ETHERNET, &frames);
    assert_eq!(messages(&batch(LinkType::ETHERNET, &done, usize::MAX)).len(), 2);
    // The ports stand in the second of them.
    assert_eq!(done[2][34..38], frames[2][34..38]);
    // One that never becomes whole keeps nothing of its bytes.
    let done = check(LinkType::ETHERNET, &[part(24, 40), part(40, bytes.len())]);
    assert!(done.iter().all(|frame| frame[34..].iter().all(|byte| *byte == 0)));
}

#[test]
fn tunnels_are_redacted_inside_and_outside() {
    let inner = tcp_frame(100, 16, &[CONNECT, PUBLISH].concat());
    let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &inner].concat();
    let frames = [ethernet(0x0800, &ipv4(17, 0, CLIENT, SERVER, &udp([55555, 4789], &vxlan)))];
    let done = check(LinkType::ETHERNET, &frames);
    assert_eq!(messages(&batch(LinkType::ETHERNET, &done, usize::MAX)).len(), 2);
    let outer = &done[0][34..];
    let pseudo = checksum::sum(&done[0][26..34]) + checksum::field(17) + checksum::wide_field(outer.len() as u32);
    assert_eq!(checksum::fold(pseudo + checksum::sum(outer)), 0xffff);
    let plain = ipv4(4, 0, CLIENT, SERVER, &ipv4(6, 0, CLIENT, SERVER, &segment(100, 16, CONNECT)));
    check(LinkType::RAW, &[plain]);
}

#[test]
fn what_is_no_mqtt_is_written_over() {
    let quoted = ipv4(17, 0, CLIENT, SERVER, &udp([5000, 53], b"SECRET"));
    let mut icmp = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let checksum = !checksum::fold(checksum::sum(&icmp));
    icmp[2..4].copy_from_slice(&checksum.to_be_bytes());
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &CLIENT_MAC, &CLIENT, &[0; 6], &SERVER, b"SECRET"].concat();
    let mut padded = tcp_frame(5, 16, b"");
    padded.extend(b"SECRET");
    let frames = [
        ethernet(0x0800, &ipv4(17, 0, CLIENT, SERVER, &udp([5000, 53], b"SECRET"))),
        ethernet(0x0800, &ipv4(1, 0, SERVER, CLIENT, &icmp)),
        ethernet(0x0806, &arp),
        ethernet(0x88b5, b"SECRET"),
        ethernet(0x0800, &ipv4(132, 0, CLIENT, SERVER, b"SECRET SCTP")),
        ethernet(0x0800, b"\x35SECRET, no IP"),
        padded,
        b"SECRET".to_vec(),
    ];
    let done = check(LinkType::ETHERNET, &frames);
    // Addresses are the same wherever they stand.
    assert_eq!(done[0][26..30], done[2][28..32]);
    assert_eq!(done[0][26..34], done[1][42 + 12..42 + 20]);
    assert_eq!(done[0][6..12], done[2][22..28]);
    check(LinkType(147), &[b"SECRET of a private link type".to_vec()]);
    // Another protocol on TCP, and one that begins as if it were MQTT.
    let http = b"POST / HTTP/1.1\r\nHost: SECRET\r\n\r\n";
    check(LinkType::ETHERNET, &[tcp_frame(99, 2, b""), tcp_frame(100, 16, http)]);
    let broken = [CONNECT, b"\x30\xff\xff\xff\xffSECRET and more of it", PUBLISH, PUBLISH].concat();
    check(LinkType::ETHERNET, &[tcp_frame(99, 2, b""), tcp_frame(100, 16, &broken)]);
}

#[test]
fn options_and_ipv6_neighbours_keep_no_address() {
    // A TCP MD5 digest, and a neighbour solicitation.
    let mut bytes = segment(100, 16, b"");
    bytes[12] = 0xa0;
    bytes.extend(b"\x13\x12SECRETSECRETSECR\x01\x01");
    let bytes = with_checksum(6, 16, [CLIENT, SERVER], [&bytes[..16], &[0; 2], &bytes[18..]].concat());
    check(LinkType::ETHERNET, &[ethernet(0x0800, &ipv4(6, 0, CLIENT, SERVER, &bytes))]);
    let host = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3];
    let mut packet = vec![0x60, 0, 0, 0, 0, 32, 58, 255];
    packet.extend(host);
    packet.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 1, 2, 3]);
    packet.extend([135, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend(host);
    packet.extend([1, 1]);
    packet.extend(CLIENT_MAC);
    let sum = checksum::sum(&packet[8..]) + checksum::field(58) + checksum::wide_field(32);
    let checksum = !checksum::fold(sum);
    packet[42..44].copy_from_slice(&checksum.to_be_bytes());
    let done = check(LinkType::ETHERNET, &[ethernet(0x86dd, &packet)]);
    assert!(!holds(&done, &host));
    assert_eq!(done[0][22..38], done[0][62..78], "the same host");
    assert_eq!(done[0][22..24], [0xfe, 0x80]);
}

#[test]
fn frames_cut_by_the_snap_length_are_redacted_as_far_as_they_go() {
    let frames =
        [tcp_frame(99, 2, b""), tcp_frame(100, 16, CONNECT), tcp_frame(100 + CONNECT.len() as u32, 16, PUBLISH)];
    for snaplen in 0..90 {
        let before = batch(LinkType::ETHERNET, &frames, snaplen);
        let done = redact(&before);
        for text in [&b"senso"[..], b"room", b"21.5", &CLIENT, &SERVER, &CLIENT_MAC] {
            assert!(!holds(&done, text), "{snaplen} {}", text.escape_ascii());
        }
        assert!(done.iter().zip(before.frames()).all(|(new, old)| new.len() == old.data.len()));
    }
}

proptest! {
    #[test]
    fn no_frame_is_too_odd(
        frames in vec((vec(any::<u8>(), 0..120), 0usize..6, vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)), 1..12),
        link in prop::sample::select(vec![0u16, 1, 9, 12, 101, 105, 113, 119, 127, 192, 239, 276, 281, 282, 285]),
    ) {
        let inner = tcp_frame(100, 16, &[CONNECT, PUBLISH].concat());
        let frames: Vec<_> = frames.into_iter().map(|(random, kind, changes)| {
            let mut frame = match kind {
                0 => random,
                1 => tcp_frame(100, 16, &random),
                2 => inner.clone(),
                3 => inner[14..].to_vec(),
                4 => ethernet(0x0800, &ipv4(6, 0x2000, CLIENT, SERVER, &random)),
                _ => ethernet(0x86dd, &random),
            };
            for (place, byte) in changes {
                if !frame.is_empty() {
                    let at = place.index(frame.len());
                    frame[at] = byte;
                }
            }
            frame
        }).collect();
        let done = redact(&batch(LinkType(link), &frames, 100));
        prop_assert_eq!(done.len(), frames.len());
        for (new, old) in done.iter().zip(&frames) {
            prop_assert_eq!(new.len(), old.len().min(100));
        }
    }
}
