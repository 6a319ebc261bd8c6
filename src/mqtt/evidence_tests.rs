//! Version evidence on streams of known version.

use proptest::prelude::*;

use super::test_encoder::{Sample, packet, samples};
use super::{Confidence, FixedHeader, HeaderRead, PacketType, Sender, Version, VersionEvidence};

fn observe(evidence: &mut VersionEvidence, sender: Option<Sender>, bytes: &[u8]) {
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("a whole header") };
    evidence.observe(sender, header, &bytes[usize::from(header.length)..]);
}

fn verdict(packets: &[(u8, &[u8])]) -> Option<(Version, Confidence)> {
    let mut evidence = VersionEvidence::default();
    for (first, body) in packets {
        observe(&mut evidence, None, &packet(*first, body));
    }
    evidence.verdict()
}

#[test]
fn one_telling_packet_is_enough() {
    let strong = |version| Some((version, Confidence::Strong));
    assert_eq!(verdict(&[(0x10, b"\0\x06MQIsdp\x03\x02\0\0\0\x01a")]), strong(Version::V31));
    assert_eq!(verdict(&[(0x20, b"\0\0")]), strong(Version::V311));
    assert_eq!(verdict(&[(0x20, b"\0\0\0")]), strong(Version::V5));
    assert_eq!(verdict(&[(0x30, b"\0\x01a{\"t\":21}")]), strong(Version::V311));
    assert_eq!(verdict(&[(0x30, b"\0\x01a")]), strong(Version::V311));
    assert_eq!(verdict(&[(0x30, b"\0\0\x03\x23\0\x01x")]), strong(Version::V5));
    assert_eq!(verdict(&[(0x40, b"\0\x01\x10")]), strong(Version::V5));
    assert_eq!(verdict(&[(0x82, b"\0\x01\0\x01a\x01")]), strong(Version::V311));
    assert_eq!(verdict(&[(0x82, b"\0\x01\0\0\x01a\x01")]), strong(Version::V5));
    assert_eq!(verdict(&[(0xa2, b"\0\x01\0\0\x01a")]), strong(Version::V5));
    assert_eq!(verdict(&[(0xb0, b"\0\x01")]), strong(Version::V311));
    assert_eq!(verdict(&[(0x90, b"\0\x01\x01")]), strong(Version::V311));
    assert_eq!(verdict(&[(0xf0, b"\x18\x04\x15\0\x01m")]), strong(Version::V5));
    assert_eq!(verdict(&[(0xe0, b"\x04")]), strong(Version::V5));
}

#[test]
fn what_both_versions_say_tells_nothing_or_little() {
    assert_eq!(verdict(&[(0xc0, b""), (0xd0, b""), (0x40, b"\0\x01"), (0xe0, b"")]), None);
    assert_eq!(verdict(&[(0x30, b"\0\x01a\0hello")]), Some((Version::V5, Confidence::Weak)));
    assert_eq!(verdict(&[(0x30, b"\0\x01a\x02\x01\x01hello")]), Some((Version::V5, Confidence::Weak)));
}

#[test]
fn a_zero_before_a_payload_counts_unless_it_may_begin_an_integer() {
    let weak = Some((Version::V5, Confidence::Weak));
    assert_eq!(verdict(&[(0x30, b"\0\x01a\0\xff\xd8\xff\xe0\x00\x10JFIF")]), weak);
    assert_eq!(verdict(&[(0x30, b"\0\x01a\0off")]), weak);
    assert_eq!(verdict(&[(0x30, b"\0\x01a\0")]), weak);
    for integer in [&b"\0\x01a\0\xff"[..], b"\0\x01a\0\x01\xff\x07", b"\0\x01a\0\0\0\0\0\0\x01\x02"] {
        assert_eq!(verdict(&[(0x30, integer)]), None, "{integer:?}");
    }
    // Of a payload that was cut, its length and its front tell.
    let bytes = packet(0x30, &[&b"\0\x01a\0"[..], &"grün".repeat(99).into_bytes()].concat());
    let mut evidence = VersionEvidence::default();
    observe(&mut evidence, None, &bytes[..3 + 4 + 3]);
    assert_eq!(evidence.verdict(), weak);
}

#[test]
fn a_packet_says_whether_it_reads_well_in_two_versions() {
    let mut evidence = VersionEvidence::default();
    let mut ambiguous = |first, body: &[u8]| {
        let bytes = packet(first, body);
        let HeaderRead::Complete(header) = FixedHeader::read(&bytes) else { panic!("a whole header") };
        evidence.observe(None, header, &bytes[usize::from(header.length)..])
    };
    assert!(ambiguous(0x90, b"\0\x01\0\x01"));
    assert!(ambiguous(0x30, b"\0\x01a\0text"));
    assert!(!ambiguous(0x90, b"\0\x01\x01"));
    assert!(!ambiguous(0x30, b"\0\x01atext"));
    assert!(!ambiguous(0x40, b"\0\x01"), "it reads the same");
}

#[test]
fn a_server_that_says_disconnect_speaks_5_0() {
    let mut evidence = VersionEvidence::default();
    observe(&mut evidence, Some(Sender::Client), &[0xe0, 0]);
    assert_eq!(evidence.verdict(), None);
    observe(&mut evidence, Some(Sender::Server), &[0xe0, 0]);
    assert_eq!(evidence.verdict(), Some((Version::V5, Confidence::Strong)));
}

#[test]
fn a_broken_packet_among_many_does_not_change_the_verdict() {
    let mut packets: Vec<(u8, &[u8])> = vec![(0x20, b"\0\0\0"); 8];
    packets.push((0x30, b"\0\x01a\x7f"));
    assert_eq!(verdict(&packets), Some((Version::V5, Confidence::Strong)));
    assert_eq!(verdict(&packets[6..]), Some((Version::V5, Confidence::Weak)));
}

proptest! {
    #[test]
    fn a_strong_verdict_is_never_wrong((version, samples) in samples(1..20), with_connect in any::<bool>()) {
        let mut evidence = VersionEvidence::default();
        for sample in &samples {
            if with_connect || sample.packet_type() != PacketType::Connect {
                observe(&mut evidence, None, &sample.encode(version));
            }
            if let Some((found, Confidence::Strong)) = evidence.verdict() {
                let same = found == version || (found == Version::V311 && version == Version::V31);
                prop_assert!(same, "{found} for {version} after {sample:?}");
            }
        }
        // Where a message was published, something is known.
        if samples.iter().any(|sample| matches!(sample, Sample::Publish { .. })) {
            prop_assert!(evidence.verdict().is_some());
        }
    }
}
