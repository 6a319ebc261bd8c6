use super::super::LinkType;
use super::super::bytes::Order;
use super::super::testing::{Writer, drain, read, read_good};
use super::super::{File, Source as _};

const LITTLE: Writer = Writer(Order::Little);
const BIG: Writer = Writer(Order::Big);

#[test]
fn sections_of_both_byte_orders_have_their_own_interfaces() {
    let mut file = Vec::new();
    for (writer, link) in [(LITTLE, 1), (BIG, 101)] {
        file.extend(writer.section());
        file.extend(writer.interface(link, 0, &[]));
        file.extend(writer.interface(113, 0, &[writer.option(9, &[9])]));
        file.extend(writer.enhanced(0, 5_000_000, 3, b"abc", &[]));
        file.extend(writer.enhanced(1, 5_000_000_000, 3, b"def", &[]));
    }
    let frames = read_good(&file);
    let seen: Vec<_> = frames.iter().map(|frame| (frame.header.interface, frame.header.link.0)).collect();
    assert_eq!(seen, [(0, 1), (1, 113), (2, 101), (3, 113)]);
    assert!(frames.iter().all(|frame| frame.header.time.as_nanos() == 5_000_000_000));
}

#[test]
fn an_offset_of_the_clock_is_read_in_the_order_of_its_section() {
    for writer in [LITTLE, BIG] {
        let mut file = writer.section();
        file.extend(writer.interface(1, 0, &[writer.option(14, &writer.u64((-3_i64).cast_unsigned()))]));
        file.extend(writer.enhanced(0, 5_000_000, 3, b"abc", &[]));
        assert_eq!(read_good(&file)[0].header.time.as_nanos(), 2_000_000_000);
    }
}

#[test]
fn padding_is_no_part_of_the_data_and_options_follow_it() {
    let mut file = LITTLE.section();
    file.extend(LITTLE.interface(1, 0, &[]));
    for data in [&b""[..], b"a", b"ab", b"abc", b"abcd"] {
        file.extend(LITTLE.enhanced(0, 0, 9, data, &[LITTLE.option(1, data), LITTLE.option(0, &[])]));
    }
    for (length, frame) in read_good(&file).iter().enumerate() {
        assert_eq!(frame.data, &b"abcd"[..length]);
        assert_eq!(frame.comments, [std::str::from_utf8(&frame.data).unwrap()]);
        assert_eq!(frame.header.length, 9);
    }
}

#[test]
fn comments_stay_with_their_frames() {
    let mut file = LITTLE.section();
    file.extend(LITTLE.interface(1, 0, &[]));
    let comment = |text: &str| LITTLE.option(1, text.as_bytes());
    file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[comment("one"), comment("two")]));
    file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[]));
    file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[LITTLE.option(1, b"\xff")]));
    let comments: Vec<_> = read_good(&file).into_iter().map(|frame| frame.comments).collect();
    assert_eq!(comments, [vec!["one".to_owned(), "two".into()], vec![], vec!["\u{fffd}".into()]]);
}

#[test]
fn a_simple_packet_takes_the_time_before_it_and_the_snap_length() {
    let mut file = LITTLE.section();
    file.extend(LITTLE.interface(1, 4, &[]));
    file.extend(LITTLE.enhanced(0, 7, 3, b"abc", &[]));
    file.extend(LITTLE.block(3, &[&LITTLE.u32(60)[..], b"defg"].concat()));
    file.extend(LITTLE.block(3, &[&LITTLE.u32(2)[..], b"hi"].concat()));
    let frames = read_good(&file);
    assert_eq!((frames[1].header.length, frames[1].data.as_slice()), (60, &b"defg"[..]));
    assert_eq!(frames[1].header.time.as_nanos(), 7_000);
    assert_eq!((frames[2].header.length, frames[2].data.as_slice()), (2, &b"hi"[..]));
}

#[test]
fn the_obsolete_packet_block_is_read() {
    let mut body = [&BIG.u16(1)[..], &BIG.u16(0xffff)].concat();
    for field in [0, 5_000_000, 3, 60] {
        body.extend(BIG.u32(field));
    }
    body.extend(b"abc\0");
    body.extend(BIG.option(1, b"old"));
    let mut file = BIG.section();
    file.extend(BIG.interface(1, 0, &[]));
    file.extend(BIG.interface(101, 0, &[]));
    file.extend(BIG.block(2, &body));
    let frames = read_good(&file);
    assert_eq!((frames[0].header.link, frames[0].data.as_slice()), (LinkType::RAW, &b"abc"[..]));
    assert_eq!((frames[0].header.time.as_nanos(), frames[0].header.length), (5_000_000_000, 60));
    assert_eq!(frames[0].comments, ["old"]);
}

#[test]
fn check_sequences_are_told_by_the_interface_and_by_the_packet() {
    let mut file = LITTLE.section();
    for length in [32, 4, 0] {
        file.extend(LITTLE.interface(1, 0, &[LITTLE.option(13, &[length])]));
    }
    for interface in 0..3 {
        file.extend(LITTLE.enhanced(interface, 0, 3, b"abc", &[]));
    }
    file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[LITTLE.option(2, &LITTLE.u32(2 << 5))]));
    let lengths: Vec<_> = read_good(&file).iter().map(|frame| frame.header.fcs_length).collect();
    assert_eq!(lengths, [4, 4, 0, 2]);
}

#[test]
fn a_packet_of_an_unknown_interface_is_left_out_and_told() {
    let mut file = LITTLE.section();
    file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[]));
    file.extend(LITTLE.interface(1, 0, &[]));
    file.extend(LITTLE.enhanced(7, 0, 3, b"abc", &[]));
    file.extend(LITTLE.enhanced(0, 0, 3, b"def", &[]));
    let (frames, report) = read(&file);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].data, b"def");
    assert!(report.problems[0].what.starts_with("2 packets name an interface"), "{:?}", report.problems);
    assert!(report.problems[0].what.ends_with("the first at byte 28"), "{:?}", report.problems);
}

#[test]
fn a_packet_longer_than_its_block_is_left_out_and_reading_goes_on() {
    let mut file = LITTLE.section();
    file.extend(LITTLE.interface(1, 0, &[]));
    let mut block = LITTLE.enhanced(0, 0, 3, b"abcd", &[]);
    block[20] = 5;
    file.extend(block);
    file.extend(LITTLE.enhanced(0, 0, 3, b"def", &[]));
    let (frames, report) = read(&file);
    assert_eq!(frames.len(), 1);
    assert!(report.problems[0].what.starts_with("1 packets claim more bytes"), "{:?}", report.problems);
}

#[test]
fn unknown_and_private_blocks_are_passed_over_whatever_their_length() {
    let mut file = LITTLE.section();
    file.extend(LITTLE.interface(1, 0, &[]));
    for kind in [4, 0xbad, 0x4000_0bad, 9, 77] {
        for length in [0, 4, 1_000_000] {
            file.extend(LITTLE.block(kind, &vec![0xaa; length]));
        }
        file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[]));
    }
    assert_eq!(read_good(&file).len(), 5);
}

#[test]
fn lengths_that_do_not_match_are_damage_at_a_place() {
    for kind in [6, 77] {
        let mut file = LITTLE.section();
        file.extend(LITTLE.interface(1, 0, &[]));
        file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[]));
        let begin = file.len();
        file.extend(LITTLE.block(kind, &[0; 40]));
        *file.last_mut().unwrap() = 1;
        file.extend(LITTLE.enhanced(0, 0, 3, b"abc", &[]));
        let (frames, report) = read(&file);
        assert_eq!(frames.len(), 1);
        let what = &report.problems[0].what;
        assert!(what.starts_with("damaged at byte") && what.contains("52 bytes at its begin"), "{what}");
        assert!(kind != 6 || what.contains(&format!("byte {begin} ")), "{what}");
    }
}

#[test]
fn a_section_without_order_mark_or_of_another_version_is_damage() {
    for at in [8, 12] {
        let mut file = LITTLE.section();
        file.extend(LITTLE.section());
        file[28 + at] = 9;
        let (_, report) = read(&file);
        assert!(report.problems[0].what.starts_with("damaged at byte 28"), "{:?}", report.problems);
    }
}

#[test]
fn the_last_statistics_of_each_interface_are_summed_over_sections() {
    let mut file = Vec::new();
    let statistics = |interface, interface_drops, kernel_drops| {
        let mut body = [LITTLE.u32(interface), [0; 4], [0; 4]].concat();
        body.extend(LITTLE.option(5, &LITTLE.u64(interface_drops)));
        body.extend(LITTLE.option(7, &LITTLE.u64(kernel_drops)));
        LITTLE.block(5, &body)
    };
    for _ in 0..2 {
        file.extend(LITTLE.section());
        file.extend(LITTLE.interface(1, 0, &[]));
        file.extend(LITTLE.interface(1, 0, &[]));
        file.extend(statistics(0, 1, 10));
        file.extend(statistics(0, 2, 20));
        file.extend(statistics(1, 3, 30));
    }
    let (_, report) = read(&file);
    assert_eq!((report.kernel_dropped, report.interface_dropped), (Some(100), Some(10)));
    assert_eq!(report.problems, []);
}

#[test]
fn no_statistics_are_not_the_same_as_no_drops() {
    let (_, report) = read(&LITTLE.section());
    assert_eq!((report.kernel_dropped, report.interface_dropped), (None, None));
}

#[test]
fn secrets_are_kept_without_padding_and_up_to_a_cap() {
    let secrets = |length: usize| {
        let body = [&LITTLE.u32(0x544c_534b)[..], &LITTLE.u32(length as u32), &vec![b'k'; length]].concat();
        LITTLE.block(10, &body)
    };
    let mut bytes = LITTLE.section();
    bytes.extend(secrets(5));
    bytes.extend(secrets(10 << 20));
    bytes.extend(secrets(10 << 20));
    let mut file = File::from_reader(std::io::Cursor::new(bytes), "test");
    drain(&mut file);
    let lengths: Vec<_> = file.secrets().iter().map(|secrets| secrets.bytes.len()).collect();
    assert_eq!(lengths, [5, 10 << 20]);
    assert_eq!(format!("{:?}", file.secrets()[0]), "Secrets { kind: 0x544c534b, 5 bytes }");
    assert!(file.report().problems[0].what.contains("decryption secrets"));
}

#[test]
fn more_interfaces_than_are_told_apart_do_not_grow_without_end() {
    let mut file = LITTLE.section();
    let interface = LITTLE.interface(1, 0, &[]);
    for _ in 0..70_000 {
        file.extend(&interface);
    }
    file.extend(LITTLE.enhanced(69_999, 0, 3, b"abc", &[]));
    let (frames, report) = read(&file);
    assert_eq!(frames.len(), 0);
    assert_eq!(report.problems.len(), 2, "{:?}", report.problems);
}
