use super::super::testing::{Writer, read, read_good};
use super::*;

const LITTLE: Writer = Writer(Order::Little);
const BIG: Writer = Writer(Order::Big);

#[test]
fn both_byte_orders_and_both_resolutions_give_the_same_frames() {
    for writer in [LITTLE, BIG] {
        for (magic, fraction) in [(0xa1b2_c3d4, 123_456), (0xa1b2_3c4d, 123_456_000)] {
            let mut file = writer.pcap(magic, 65_535, 1);
            file.extend(writer.record(1_700_000_000, fraction, 60, b"abc"));
            file.extend(writer.record(1_700_000_001, 0, 3, b"xyz"));
            let frames = read_good(&file);
            assert_eq!(frames.len(), 2);
            assert_eq!(frames[0].header.time.as_nanos(), 1_700_000_000_123_456_000);
            assert_eq!((frames[0].header.length, frames[0].data.as_slice()), (60, &b"abc"[..]));
            assert_eq!(frames[1].header.link, LinkType::ETHERNET);
            assert_eq!(frames[1].data, b"xyz");
        }
    }
}

#[test]
fn the_modified_format_has_eight_more_bytes_in_each_record_header() {
    for writer in [LITTLE, BIG] {
        let mut file = writer.pcap(0xa1b2_cd34, 65_535, 1);
        for data in [b"one", b"two"] {
            let mut record = writer.record(1, 2, 3, data);
            record.splice(16..16, [9; 8]);
            file.extend(record);
        }
        let frames = read_good(&file);
        assert_eq!(frames.iter().map(|frame| frame.data.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
    }
}

#[test]
fn check_sequence_bits_are_no_part_of_the_link_type() {
    let of = |word| {
        let mut file = LITTLE.pcap(0xa1b2_c3d4, 0, word);
        file.extend(LITTLE.record(1, 2, 3, b"abc"));
        let header = read_good(&file)[0].header;
        (header.link, header.fcs_length)
    };
    // Two units of 16 bits.
    assert_eq!(of(0x2400_0001), (LinkType::ETHERNET, 4));
    // The length is told only where bit 26 says so.
    assert_eq!(of(0x2000_0001), (LinkType::ETHERNET, 0));
    assert_eq!(of(276), (LinkType::LINUX_SLL2, 0));
}

#[test]
fn a_captured_length_beyond_snap_length_and_wire_length_is_believed() {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 2, 1);
    file.extend(LITTLE.record(1, 0, 3, b"abcdef"));
    let frames = read_good(&file);
    assert_eq!((frames[0].header.length, frames[0].data.as_slice()), (6, &b"abcdef"[..]));
}

#[test]
fn a_fraction_of_more_than_a_second_is_added() {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 0, 1);
    file.extend(LITTLE.record(u32::MAX, u32::MAX, 0, b""));
    assert_eq!(read_good(&file)[0].header.time.as_nanos(), 4_294_967_295_000_000_000 + 4_294_967_295_000);
}

#[test]
fn lengths_of_versions_before_2_4_stand_in_either_order() {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 0, 1);
    file[6] = 2;
    let mut record = LITTLE.record(1, 0, 3, b"abc");
    record.splice(8..16, [60, 0, 0, 0, 3, 0, 0, 0]);
    file.extend(record);
    let frames = read_good(&file);
    assert_eq!((frames[0].header.length, frames[0].data.as_slice()), (60, &b"abc"[..]));
}

#[test]
fn a_length_that_cannot_be_is_damage_and_not_an_allocation() {
    for (snaplen, link, captured, good) in [
        (65_535, 1, 300 << 10, true),
        (65_535, 1, 400 << 10, false),
        (0, 1, 16 << 20, true),
        (u32::MAX, 1, (16 << 20) + 1, false),
        (0, 231, 128 << 20, true),
        (0, 231, (128 << 20) + 1, false),
        (0, 1, u32::MAX, false),
    ] {
        let mut file = LITTLE.pcap(0xa1b2_c3d4, snaplen, link);
        file.extend(LITTLE.record(1, 0, 3, b"abc"));
        for field in [1, 0, captured, captured] {
            file.extend(LITTLE.u32(field));
        }
        let (frames, report) = read(&file);
        assert_eq!(frames.len(), 1);
        let what = &report.problems[0].what;
        let expected = if good { "cut short in the middle of a record after 1 frames" } else { "damaged at byte 43" };
        assert!(what.contains(expected), "{captured}: {what}");
    }
}
