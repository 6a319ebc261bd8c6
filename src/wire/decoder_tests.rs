//! Frames made by hand: each builder puts one layer around what is given.

use std::net::IpAddr;

use proptest::prelude::*;

use super::super::checksum::{field, fold, sum};
use super::super::{Arp, Checksum, FragmentNote, Segment, SeqNum};
use super::*;
use crate::capture::{FrameHeader, FrameNo};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const A6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const B6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    let header =
        FrameHeader { time: Timestamp::default(), link, length: data.len() as u32, interface: 0, fcs_length: 0 };
    Frame { number: FrameNo(1), header, data }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn eth(ether_type: u16, inside: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes(), inside])
}

/// An IPv4 packet; `fragment` holds the flags and the offset.
fn ipv4_fragment(protocol: u8, fragment: u16, inside: &[u8]) -> Vec<u8> {
    let mut header = [0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[2..4].copy_from_slice(&(20 + inside.len() as u16).to_be_bytes());
    header[6..8].copy_from_slice(&fragment.to_be_bytes());
    header[12..16].copy_from_slice(&A);
    header[16..20].copy_from_slice(&B);
    let checksum = !fold(sum(&header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    join(&[&header, inside])
}

fn ipv4(protocol: u8, inside: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 0x4000, inside)
}

fn ipv6(next: u8, inside: &[u8]) -> Vec<u8> {
    join(&[&[0x60, 0, 0, 0], &(inside.len() as u16).to_be_bytes(), &[next, 64], &A6, &B6, inside])
}

/// Fills in a checksum with the pseudo-header of A and B.
fn finish(mut bytes: Vec<u8>, addresses: &[&[u8]], protocol: u8, at: usize) -> Vec<u8> {
    let addresses: u64 = addresses.iter().map(|address| sum(address)).sum();
    let total = addresses + field(u16::from(protocol)) + field(bytes.len() as u16) + sum(&bytes);
    bytes[at..at + 2].copy_from_slice(&(!fold(total)).to_be_bytes());
    bytes
}

fn tcp_bytes(payload: &[u8]) -> Vec<u8> {
    let fixed = [0x9c, 0x40, 0x07, 0x5b, 0, 0, 0, 100, 0, 0, 0, 200, 0x80, 0x18, 1, 0, 0, 0, 0, 0];
    join(&[&fixed, &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], payload])
}

fn tcp4(payload: &[u8]) -> Vec<u8> {
    finish(tcp_bytes(payload), &[&A, &B], 6, 16)
}

fn tcp6(payload: &[u8]) -> Vec<u8> {
    finish(tcp_bytes(payload), &[&A6, &B6], 6, 16)
}

fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len() as u16).to_be_bytes();
    join(&[&[0xc0, 0], &destination.to_be_bytes(), &length, &[0, 0], payload])
}

/// The whole TCP/IPv4 packet that the link-layer tests wrap.
fn inner() -> Vec<u8> {
    ipv4(6, &tcp4(b"hello"))
}

#[track_caller]
fn segment<'a>(packet: &Packet<'a>) -> Segment<'a> {
    match packet.payload {
        Payload::Tcp(segment) => segment,
        other => panic!("no TCP but {other:?}, stop {:?}, layers {:?}", packet.stop, names(packet)),
    }
}

fn names(packet: &Packet<'_>) -> String {
    packet.layers.iter().map(Layer::name).collect::<Vec<_>>().join(":")
}

/// Asserts that the frame holds [`inner`] at its bottom, whole and sound, below these layers.
#[track_caller]
fn holds_inner(link: LinkType, bytes: &[u8], layers: &str) {
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(link, bytes));
    let segment = segment(&packet);
    assert_eq!((segment.payload, segment.payload_length), (&b"hello"[..], 5));
    assert_eq!(segment.checksum, Checksum::Good);
    let ip = packet.ip.expect("an IP header");
    assert_eq!((ip.source, ip.destination), (A.into(), B.into()));
    assert_eq!((names(&packet).as_str(), packet.stop), (layers, None));
}

#[test]
fn every_field_of_a_plain_segment_is_told() {
    let bytes = eth(0x0800, &inner());
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
    let segment = segment(&packet);
    assert_eq!((segment.source, segment.destination), (40_000, 1883));
    assert_eq!((segment.seq, segment.ack), (SeqNum(100), SeqNum(200)));
    assert_eq!((segment.flags.0, segment.window, segment.header_length), (0x18, 256, 32));
    assert_eq!(segment.options.timestamps(), Some((1, 2)));
    let link = packet.link.expect("addresses");
    assert_eq!((link.source, link.destination), ([2, 0, 0, 0, 0, 1], Some([2, 0, 0, 0, 0, 2])));
    let ip = packet.ip.expect("an IP header");
    assert_eq!((ip.ttl, ip.id, ip.dont_fragment, ip.protocol, ip.payload_length), (64, Some(0x1234), true, 6, 37));
    assert_eq!(ip.header_checksum, Checksum::Good);
}

#[test]
fn ethernet_padding_and_the_frame_check_sequence_are_no_payload() {
    let mut bytes = eth(0x0800, &inner());
    bytes.extend([0xee; 9]);
    holds_inner(LinkType::ETHERNET, &bytes, "eth:ip:tcp");
    // The check sequence must go even where no length field tells it apart.
    let bytes = join(&[&eth(0x88cc, b"lldp"), &[1, 2, 3, 4]]);
    let mut with_fcs = frame(LinkType::ETHERNET, &bytes);
    with_fcs.header.fcs_length = 4;
    assert!(matches!(Decoder::default().decode(&with_fcs).payload, Payload::Other(b"lldp")));
    // Of a frame that was cut, only what was captured of the sequence goes.
    with_fcs.data = &bytes[..bytes.len() - 3];
    assert!(matches!(Decoder::default().decode(&with_fcs).payload, Payload::Other(b"lldp")));
    with_fcs.data = &bytes[..bytes.len() - 5];
    assert!(matches!(Decoder::default().decode(&with_fcs).payload, Payload::Other(b"lld")));
}

#[test]
fn vlan_tags_of_every_kind_are_taken_off() {
    let tagged = [0x81, 0, 0x60, 5, 0x88, 0xa8, 0, 7, 0x91, 0, 0, 8, 0x92, 0, 0xe0, 0, 0x08, 0];
    let bytes = join(&[&[2; 12], &tagged, &inner()]);
    holds_inner(LinkType::ETHERNET, &bytes, "eth:vlan:vlan:vlan:vlan:ip:tcp");
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(&frame(LinkType::ETHERNET, &bytes)).vlan, Some(0), "a priority tag");
    assert_eq!(decoder.decode(&frame(LinkType::ETHERNET, &eth(0x0800, &inner()))).vlan, None);
}

#[test]
fn other_link_layers_carry_the_same_packet() {
    let ip = inner();
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let link = |number, header: &[u8], layers: &str| {
        holds_inner(LinkType(number), &join(&[header, &ip]), layers);
    };
    link(1, &eth(8 + ip.len() as u16, &snap), "eth:llc:ip:tcp");
    link(113, &[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0], "sll:ip:tcp");
    link(113, &[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0, 0, 5, 8, 0], "sll:vlan:ip:tcp");
    link(276, &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0], "sll:ip:tcp");
    link(0, &[2, 0, 0, 0], "null:ip:tcp");
    link(0, &[0, 0, 0, 2], "null:ip:tcp");
    link(108, &[0, 0, 0, 2], "null:ip:tcp");
    for number in [101, 12, 14, 228, 229] {
        link(number, &[], "ip:tcp");
    }
    link(9, &[0xff, 3, 0, 0x21], "ppp:ip:tcp");
    link(9, &[0, 0x21], "ppp:ip:tcp");
    link(9, &[0x21], "ppp:ip:tcp");
    link(50, &[0xff, 3, 0, 0x21], "ppp:ip:tcp");
    link(50, &[0x0f, 0, 8, 0], "ppp:ip:tcp");
    link(51, &[0x11, 0, 0, 1, 0, 2 + ip.len() as u8, 0, 0x21], "pppoes:ppp:ip:tcp");
    link(239, &[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0, 4 + ip.len() as u8, 0, 9, 0], "nflog:ip:tcp");
    link(239, &[2, 0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0, 4 + ip.len() as u8, 0, 9], "nflog:ip:tcp");
    link(284, &join(&[&[2; 12], &[0, 0, 0, 0], &[8, 0]]), "eth:ip:tcp");
}

#[test]
fn ip_version_6_has_four_loopback_families() {
    let ip = ipv6(6, &tcp6(b"hello"));
    for family in [10, 24, 28, 30] {
        for header in [[family, 0, 0, 0], [0, 0, 0, family]] {
            let bytes = join(&[&header, &ip]);
            let mut decoder = Decoder::default();
            assert_eq!(segment(&decoder.decode(&frame(LinkType::NULL, &bytes))).checksum, Checksum::Good);
        }
    }
}

#[test]
fn wlan_data_frames_of_all_directions_carry_the_same_packet() {
    let ip = inner();
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    for (control, extra) in [([8, 0], 0), ([8, 1], 0), ([8, 2], 0), ([8, 3], 6), ([0x88, 1], 2), ([0x88, 0x83], 12)] {
        let header = join(&[&control, &vec![0; 22 + extra]]);
        let bytes = join(&[&header, &snap, &ip]);
        holds_inner(LinkType::IEEE802_11, &bytes, "wlan:llc:ip:tcp");
        // Radiotap with a timer and flags: the check sequence is there.
        let radiotap = [0, 0, 17, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];
        let bytes = join(&[&radiotap, &bytes, &[9; 4]]);
        holds_inner(LinkType::IEEE802_11_RADIOTAP, &bytes, "radiotap:wlan:llc:ip:tcp");
    }
    let protected = join(&[&[8, 0x41], &[0; 22], &snap, &ip]);
    let mut decoder = Decoder::default();
    assert!(matches!(decoder.decode(&frame(LinkType::IEEE802_11, &protected)).payload, Payload::Other(_)));
}

#[test]
fn tunnels_are_followed_to_the_inner_conversation() {
    let ip = inner();
    let ethernet = eth(0x0800, &ip);
    let on = |bytes: Vec<u8>, layers: &str| holds_inner(LinkType::ETHERNET, &bytes, layers);
    let in_ip = |protocol, inside: &[u8]| eth(0x0800, &ipv4(protocol, inside));
    let in_udp = |port, parts: &[&[u8]]| in_ip(17, &udp(port, &join(parts)));
    on(in_ip(4, &ip), "eth:ip:ip:tcp");
    on(eth(0x86dd, &ipv6(4, &ip)), "eth:ipv6:ip:tcp");
    on(in_ip(47, &join(&[&[0, 0, 8, 0], &ip])), "eth:ip:gre:ip:tcp");
    on(in_ip(47, &join(&[&[0xb0, 0, 8, 0], &[0; 12], &ip])), "eth:ip:gre:ip:tcp");
    on(in_ip(47, &join(&[&[0x20, 0, 0x65, 0x58], &[0; 4], &ethernet])), "eth:ip:gre:eth:ip:tcp");
    on(in_ip(47, &join(&[&[0x30, 0x81, 0x88, 0x0b], &[0; 12], &[0x21], &ip])), "eth:ip:gre:ppp:ip:tcp");
    on(in_ip(47, &join(&[&[0, 0, 0x88, 0xbe], &ethernet])), "eth:ip:gre:erspan:eth:ip:tcp");
    on(in_ip(47, &join(&[&[0x10, 0, 0x88, 0xbe], &[0; 4], &[0x10; 8], &ethernet])), "eth:ip:gre:erspan:eth:ip:tcp");
    let third = [0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    on(
        in_ip(47, &join(&[&[0x10, 0, 0x22, 0xeb], &[0; 4], &third, &[0; 8], &ethernet])),
        "eth:ip:gre:erspan:eth:ip:tcp",
    );
    on(in_ip(47, &join(&[&[0, 0, 0x88, 0x3e], &[1, 2, 3, 4], &ip])), "eth:ip:gre:wccp:ip:tcp");
    on(in_ip(47, &join(&[&[0, 0, 0x88, 0x3e], &ip])), "eth:ip:gre:wccp:ip:tcp");
    on(in_udp(4789, &[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet]), "eth:ip:udp:vxlan:eth:ip:tcp");
    on(in_udp(8472, &[&[0x88, 1, 2, 3, 0, 0, 1, 4], &ethernet]), "eth:ip:udp:vxlan:eth:ip:tcp");
    on(in_udp(6081, &[&[2, 0, 0x65, 0x58, 0, 0, 1, 0], &[0; 8], &ethernet]), "eth:ip:udp:geneve:eth:ip:tcp");
    on(in_udp(6081, &[&[0, 0, 8, 0, 0, 0, 1, 0], &ip]), "eth:ip:udp:geneve:ip:tcp");
    on(in_udp(4754, &[&[0x20, 0, 8, 0, 0, 0, 0, 9], &ip]), "eth:ip:udp:gre:ip:tcp");
    on(in_udp(2152, &[&[0x30, 255, 0, 57, 0, 0, 0, 1], &ip]), "eth:ip:udp:gtp:ip:tcp");
    on(in_udp(5247, &[&[0, 0x10, 2, 0, 0, 0, 0, 0], &ethernet]), "eth:ip:udp:capwap:eth:ip:tcp");
    on(eth(0x8847, &join(&[&[0, 1, 0, 64, 0, 2, 1, 64], &ip])), "eth:mpls:ip:tcp");
    on(eth(0x8100, &join(&[&[0, 9, 0x88, 0x47, 0, 2, 1, 64], &ip])), "eth:vlan:mpls:ip:tcp");
    on(eth(0x8848, &join(&[&[0, 2, 1, 64], &[0; 4], &ethernet])), "eth:mpls:eth:ip:tcp");
    on(eth(0x8847, &join(&[&[0, 2, 1, 64], &ethernet])), "eth:mpls:eth:ip:tcp");
    on(eth(0x88e7, &join(&[&[0, 0, 0, 1], &ethernet])), "eth:ieee8021ah:eth:ip:tcp");
    let session = [0x11, 0, 0, 1, 0, 2 + ip.len() as u8, 0, 0x21];
    on(eth(0x8864, &join(&[&session, &ip])), "eth:pppoes:ppp:ip:tcp");
    let over_v6 = udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet]));
    on(eth(0x86dd, &ipv6(17, &over_v6)), "eth:ipv6:udp:vxlan:eth:ip:tcp");
}

#[test]
fn ordinary_udp_on_the_port_of_a_tunnel_stays_udp() {
    for port in [4789, 8472, 6081, 4754, 3544, 2152, 5247] {
        for payload in [&b"\x08\0\0\0\0\0\0\0hello, this is no Ethernet frame"[..], b"", b"\x08", &[0x45; 60], &[0; 60]]
        {
            let bytes = eth(0x0800, &ipv4(17, &udp(port, payload)));
            let mut decoder = Decoder::default();
            let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
            let Payload::Udp(datagram) = packet.payload else { panic!("{port}: {:?}", packet.payload) };
            assert_eq!((datagram.payload, datagram.checksum), (payload, Checksum::Unknown));
            assert_eq!(packet.stop, None);
        }
    }
}

#[test]
fn tunnels_in_tunnels_end_at_the_limit() {
    let mut bytes = inner();
    for _ in 0..60 {
        bytes = ipv4(4, &bytes);
    }
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    assert_eq!(packet.layers.iter().count(), super::super::Layers::LIMIT);
    assert_eq!(packet.stop.expect("a stop").reason, "nested deeper than is followed");
    assert_eq!(decoder.stats().stopped.at(Layer::Ipv4), 1);
}

#[test]
fn extension_headers_lead_to_the_segment_and_its_final_destination() {
    let last: [u8; 16] = [0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let tcp = finish(tcp_bytes(b"hi"), &[&A6, &last], 6, 16);
    let hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = join(&[&[51, 2, 0, 1, 0, 0, 0, 0], &last]);
    let authentication = [6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let bytes = eth(0x86dd, &ipv6(0, &join(&[&hop, &destination, &routing, &authentication, &tcp])));
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
    assert_eq!(segment(&packet).checksum, Checksum::Good);
    let ip = packet.ip.expect("an IP header");
    assert_eq!((ip.destination, ip.protocol, ip.payload_length), (IpAddr::from(last), 6, 34));
    assert_eq!(names(&packet), "eth:ipv6:ipv6.ext:ipv6.ext:ipv6.ext:ipv6.ext:tcp");
}

#[test]
fn lengths_of_zero_mean_what_is_there() {
    let mut ip = inner();
    ip[2..4].fill(0);
    ip[10..12].fill(0);
    let bytes = eth(0x0800, &ip);
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
    assert_eq!(segment(&packet).payload, b"hello");
    assert_eq!(packet.ip.expect("an IP header").header_checksum, Checksum::Offloaded);
    let mut ip = ipv6(6, &tcp6(b"hello"));
    ip[4..6].fill(0);
    assert_eq!(segment(&decoder.decode(&frame(LinkType::RAW, &ip))).payload, b"hello");
}

#[test]
fn a_length_beyond_the_frame_is_wrong_and_one_beyond_the_capture_is_cut() {
    let bytes = eth(0x0800, &inner());
    let short = &bytes[..bytes.len() - 2];
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(LinkType::ETHERNET, short));
    let found = segment(&packet);
    assert_eq!((found.payload, found.payload_length, found.checksum), (&b"hel"[..], 5, Checksum::Unknown));
    assert!(!packet.stop.expect("a stop").cut);
    let mut cut = frame(LinkType::ETHERNET, short);
    cut.header.length = bytes.len() as u32;
    let packet = decoder.decode(&cut);
    let found = segment(&packet);
    assert_eq!((found.payload, found.payload_length, packet.stop), (&b"hel"[..], 5, None));
}

#[test]
fn a_tcp_header_is_told_although_its_options_are_cut() {
    let bytes = eth(0x0800, &inner());
    let mut cut = frame(LinkType::ETHERNET, &bytes[..14 + 20 + 24]);
    cut.header.length = bytes.len() as u32;
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&cut);
    let found = segment(&packet);
    assert_eq!((found.seq, found.header_length, found.payload, found.payload_length), (SeqNum(100), 32, &[][..], 5));
    assert!(packet.stop.expect("a stop").cut);
}

#[test]
fn a_tcp_header_length_that_cannot_be_is_a_stop() {
    for offset in [0x40, 0xf0] {
        let mut tcp = tcp4(b"hello");
        tcp[12] = offset;
        let bytes = eth(0x0800, &ipv4(6, &tcp));
        let mut decoder = Decoder::default();
        let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
        assert!(matches!(packet.payload, Payload::Other(_)));
        let stop = packet.stop.expect("a stop");
        assert_eq!((stop.layer, stop.offset, stop.cut), (Layer::Tcp, 34, false));
    }
}

#[test]
fn udp_lengths_rule_over_what_ip_says() {
    let mut decoder = Decoder::default();
    let mut datagram = udp(9, b"abcdef");
    datagram[5] = 11;
    let packet = ipv4(17, &datagram);
    let packet = decoder.decode(&frame(LinkType::RAW, &packet));
    assert!(matches!(packet.payload, Payload::Udp(found) if found.payload == b"abc" && found.payload_length == 3));
    datagram[5] = 7;
    let packet = ipv4(17, &datagram);
    assert_eq!(decoder.decode(&frame(LinkType::RAW, &packet)).stop.expect("a stop").layer, Layer::Udp);
    datagram[5] = 0;
    let packet = ipv4(17, &datagram);
    assert!(
        matches!(decoder.decode(&frame(LinkType::RAW, &packet)).payload, Payload::Udp(found) if found.payload.len() == 6)
    );
    let six = ipv6(17, &udp(9, b"abc"));
    let packet = decoder.decode(&frame(LinkType::RAW, &six));
    assert!(matches!(packet.payload, Payload::Udp(found) if found.checksum == Checksum::Bad), "0 is not allowed");
}

#[test]
fn an_icmp_error_tells_the_flow_it_is_about_and_is_no_tcp() {
    let quoted = &inner()[..28];
    let message = finish(join(&[&[3, 4, 0, 0, 0, 0, 5, 0x78], quoted]), &[], 0, 2);
    // Without a pseudo-header the length is not summed.
    let message = join(&[&message[..2], &[0, 0], &message[4..]]);
    let checksum = (!fold(sum(&message))).to_be_bytes();
    let message = join(&[&message[..2], &checksum, &message[4..]]);
    let bytes = ipv4(1, &message);
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    let Payload::Icmp(icmp) = packet.payload else { panic!("{:?}", packet.payload) };
    assert_eq!((icmp.kind, icmp.code, icmp.rest, icmp.checksum), (3, 4, [0, 0, 5, 0x78], Checksum::Good));
    let quoted = icmp.quoted.expect("a quotation");
    assert_eq!((quoted.source, quoted.destination), (A.into(), B.into()));
    assert_eq!((quoted.ports, quoted.seq), (Some((40_000, 1883)), Some(SeqNum(100))));

    let quoted = &ipv6(60, &join(&[&[6, 0, 0, 0, 0, 0, 0, 0], &tcp6(b"hello")]));
    let message = finish(join(&[&[2, 0, 0, 0, 0, 0, 5, 0], quoted]), &[&A6, &B6], 58, 2);
    let bytes = ipv6(58, &message);
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    let Payload::Icmp(icmp) = packet.payload else { panic!("{:?}", packet.payload) };
    assert_eq!((icmp.version, icmp.checksum), (6, Checksum::Good));
    assert_eq!(icmp.quoted.expect("a quotation").ports, Some((40_000, 1883)));
}

#[test]
fn arp_is_told() {
    let message = join(&[&[0, 1, 8, 0, 6, 4, 0, 1], &[2, 0, 0, 0, 0, 1], &A, &[0; 6], &B]);
    let bytes = eth(0x0806, &join(&[&message, &[0; 18]]));
    let mut decoder = Decoder::default();
    let expected =
        Arp { operation: 1, sender_mac: [2, 0, 0, 0, 0, 1], sender: A.into(), target_mac: [0; 6], target: B.into() };
    assert!(matches!(decoder.decode(&frame(LinkType::ETHERNET, &bytes)).payload, Payload::Arp(arp) if arp == expected));
}

#[test]
fn verifying_can_be_turned_off() {
    let bytes = eth(0x0800, &inner());
    let mut decoder = Decoder::default();
    decoder.verify_checksums(false);
    let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
    assert_eq!(segment(&packet).checksum, Checksum::Unknown);
    assert_eq!(packet.ip.expect("an IP header").header_checksum, Checksum::Unknown);
}

#[test]
fn unknown_link_types_are_counted_by_name() {
    let mut decoder = Decoder::default();
    for link in (1000..1100).chain([1000]) {
        let packet = decoder.decode(&frame(LinkType(link), b"xyz"));
        assert!(matches!(packet.payload, Payload::Other(b"xyz")));
    }
    let stats = decoder.stats();
    assert_eq!(stats.unsupported_link_types.len(), 32);
    assert_eq!((stats.unsupported_link_types[0], stats.other_unsupported), ((LinkType(1000), 2), 68));
}

/// Cuts the inside of an IPv4 packet into two fragments and wraps each.
fn fragments4(protocol: u8, inside: &[u8]) -> [Vec<u8>; 2] {
    let (first, second) = inside.split_at(24);
    [ipv4_fragment(protocol, 0x2000, first), ipv4_fragment(protocol, 3, second)]
}

#[test]
fn a_segment_in_two_fragments_is_put_together() {
    let [first, second] = fragments4(6, &tcp4(b"hello"));
    for pair in [[&first, &second], [&second, &first]] {
        let mut decoder = Decoder::default();
        let packet = decoder.decode(&frame(LinkType::RAW, pair[0]));
        assert!(matches!(packet.payload, Payload::Fragment { .. }));
        let packet = decoder.decode(&frame(LinkType::RAW, pair[1]));
        assert!(packet.reassembled);
        assert_eq!(packet.earlier_length, pair[0].len() as u32);
        assert_eq!((segment(&packet).payload, segment(&packet).checksum), (&b"hello"[..], Checksum::Good));
        assert_eq!(packet.ip.expect("an IP header").payload_length, 37);
    }
}

#[test]
fn fragments_within_a_tunnel_whose_packets_are_fragments_are_put_together() {
    let mut decoder = Decoder::default();
    let (mut found, mut earlier) = (0, 0);
    for inner in fragments4(6, &tcp4(b"hello")) {
        let tunnel = join(&[&[0x20, 0, 8, 0, 0, 0, 0, 1], &inner]);
        for outer in fragments4(47, &tunnel) {
            let packet = decoder.decode(&frame(LinkType::RAW, &outer));
            if let Payload::Tcp(segment) = packet.payload {
                assert_eq!((segment.payload, segment.checksum), (&b"hello"[..], Checksum::Good));
                assert_eq!(packet.earlier_length, earlier);
                found += 1;
            }
            earlier += outer.len() as u32;
        }
    }
    assert_eq!(found, 1);
    assert_eq!(decoder.stats().fragments.reassembled, 3);
}

#[test]
fn ipv6_fragments_are_put_together_and_atomic_ones_pass() {
    let tcp = tcp6(b"hello");
    let piece =
        |offset: u16, id: u8, part: &[u8]| ipv6(44, &join(&[&[6, 0], &offset.to_be_bytes(), &[0, 0, 0, id], part]));
    let mut decoder = Decoder::default();
    let last = piece(16, 7, &tcp[16..]);
    assert!(matches!(decoder.decode(&frame(LinkType::RAW, &last)).payload, Payload::Fragment { offset: 16, .. }));
    let atomic = piece(0, 7, &tcp);
    let packet = decoder.decode(&frame(LinkType::RAW, &atomic));
    assert_eq!((segment(&packet).checksum, packet.reassembled), (Checksum::Good, false));
    let first = piece(1, 7, &tcp[..16]);
    let packet = decoder.decode(&frame(LinkType::RAW, &first));
    assert_eq!((segment(&packet).checksum, packet.reassembled), (Checksum::Good, true));
}

#[test]
fn a_fragment_that_was_cut_or_reaches_too_far_is_not_used() {
    let [first, second] = fragments4(6, &tcp4(b"hello"));
    let mut decoder = Decoder::default();
    let mut cut = frame(LinkType::RAW, &first[..first.len() - 1]);
    cut.header.length += 1;
    assert!(decoder.decode(&cut).stop.expect("a stop").cut);
    assert!(matches!(decoder.decode(&frame(LinkType::RAW, &second)).payload, Payload::Fragment { .. }));
    let far = ipv4_fragment(6, 0x1fff, &[0; 16]);
    assert_eq!(decoder.decode(&frame(LinkType::RAW, &far)).fragment_note, Some(FragmentNote::TooLong));
}

#[test]
fn fragments_of_other_networks_with_the_same_addresses_do_not_mix() {
    let [first, second] = fragments4(6, &tcp4(b"hello"));
    let vlan = |id: u8, ip: &[u8]| eth(0x8100, &join(&[&[0, id, 8, 0], ip]));
    let vxlan = |id: u8, ip: &[u8]| {
        let inside = join(&[&[8, 0, 0, 0, 0, 0, id, 0], &eth(0x0800, ip)]);
        eth(0x0800, &ipv4(17, &udp(4789, &inside)))
    };
    let mut decoder = Decoder::default();
    let mut whole = |bytes: &[u8]| decoder.decode(&frame(LinkType::ETHERNET, bytes)).reassembled;
    assert!(!whole(&vlan(1, &first)) && !whole(&vlan(2, &second)) && whole(&vlan(1, &second)));
    assert!(!whole(&vxlan(1, &first)) && !whole(&vxlan(2, &second)) && whole(&vxlan(1, &second)));
}

/// Frames with many layers, of many link types.
fn samples() -> Vec<(u16, Vec<u8>)> {
    let ethernet = eth(0x0800, &inner());
    let vxlan = udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet]));
    let six = ipv6(0, &join(&[&[60, 0, 1, 4, 0, 0, 0, 0], &[6, 0, 1, 4, 0, 0, 0, 0], &tcp6(b"hello")]));
    vec![
        (1, ethernet.clone()),
        (1, eth(0x8100, &join(&[&[0, 9, 0x88, 0x47, 0, 2, 1, 64], &inner()]))),
        (1, eth(0x86dd, &six)),
        (1, eth(0x0800, &ipv4(47, &join(&[&[0x30, 0, 0x65, 0x58], &[0; 8], &ethernet])))),
        (1, eth(0x0800, &ipv4(17, &vxlan))),
        (113, join(&[&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0], &inner()])),
        (276, join(&[&[0x86, 0xdd], &[0; 18], &six])),
        (127, join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &[8, 1], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &inner()])),
        (239, join(&[&[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0, 4 + inner().len() as u8, 0, 9, 0], &inner()])),
    ]
}

#[test]
fn a_cut_anywhere_leaves_the_layers_before_it_and_a_stop() {
    for (link, bytes) in samples() {
        let mut decoder = Decoder::default();
        let whole: Vec<_> = decoder.decode(&frame(LinkType(link), &bytes)).layers.iter().collect();
        for captured in 0..bytes.len() {
            let mut cut = frame(LinkType(link), &bytes[..captured]);
            cut.header.length = bytes.len() as u32;
            let packet = decoder.decode(&cut);
            let layers: Vec<_> = packet.layers.iter().collect();
            assert!(whole.starts_with(&layers), "{link}, {captured} bytes: {layers:?}");
            match packet.payload {
                Payload::Tcp(segment) => assert_eq!(segment.payload_length, 5),
                // A tunnel's own header is in UDP, which is what is told as long as that is not whole.
                Payload::Udp(_) => assert!(captured < 14 + 20 + 8 + 8),
                _ => assert!(packet.stop.expect("a stop").cut, "{link}, {captured} bytes"),
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_of_any_link_type_are_decoded_without_panic(
        frames in proptest::collection::vec(
            (
                prop::sample::select(vec![
                    0u16, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 119, 127, 163, 192, 228, 229, 239, 276, 281,
                    282, 284, 285, 999,
                ]),
                proptest::collection::vec(any::<u8>(), 0..200),
                0u32..100,
                0u8..5,
            ),
            1..8,
        ),
    ) {
        let mut decoder = Decoder::default();
        for (link, bytes, missing, fcs_length) in &frames {
            let mut frame = frame(LinkType(*link), bytes);
            frame.header.length += missing;
            frame.header.fcs_length = *fcs_length;
            let packet = decoder.decode(&frame);
            let _ = super::super::info(&packet);
        }
    }

    #[test]
    fn any_change_to_a_frame_is_decoded_without_panic(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        captured in any::<prop::sample::Index>(),
    ) {
        let samples = samples();
        let (link, mut bytes) = which.get(&samples).clone();
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        let mut cut = frame(LinkType(link), &bytes[..captured.index(bytes.len() + 1)]);
        cut.header.length = bytes.len() as u32;
        let mut decoder = Decoder::default();
        let packet = decoder.decode(&cut);
        if let Payload::Tcp(segment) = packet.payload {
            prop_assert!(segment.payload.len() as u32 <= segment.payload_length);
        }
        let _ = super::super::info(&packet);
    }
}
