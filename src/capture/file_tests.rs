use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use super::super::bytes::Order;
use super::super::testing::{Owned, Trickle, Writer, drain, fixture, read, read_from, read_good};
use super::*;

const LITTLE: Writer = Writer(Order::Little);

/// A pcapng file with most kinds of block.
fn rich() -> Vec<u8> {
    let mut file = LITTLE.section();
    file.extend(LITTLE.interface(1, 0, &[LITTLE.option(9, &[9])]));
    file.extend(LITTLE.block(10, &[&LITTLE.u32(1)[..], &LITTLE.u32(3), b"key"].concat()));
    for index in 0..20_u64 {
        let data = vec![index as u8; index as usize * 7];
        file.extend(LITTLE.enhanced(0, index, 200, &data, &[LITTLE.option(1, b"comment")]));
        file.extend(LITTLE.block(77, &data));
    }
    file.extend(LITTLE.block(3, &[&LITTLE.u32(3)[..], b"abc"].concat()));
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
    let mut encoder = FrameEncoder::with_frame_info(
        FrameInfo::new().block_size(BlockSize::Max64KB).block_checksums(true),
        Vec::new(),
    );
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn skippable_frame() -> Vec<u8> {
    [&0x184d_2a53_u32.to_le_bytes()[..], &5_u32.to_le_bytes(), b"hello"].concat()
}

#[test]
fn the_same_capture_in_every_packing_gives_the_same_frames() {
    let plain = fixture("H_ooo.pcap");
    let expected = read_good(&plain);
    assert_eq!(expected.len(), 14);
    let packed = [
        fixture("H_ooo.pcap.gz"),
        fixture("H_ooo.pcap.zst"),
        gzip(&plain),
        lz4(&plain),
        // Members and frames one after the other, as `cat` and parallel packers leave them.
        [gzip(&plain[..500]), gzip(&plain[500..])].concat(),
        [lz4(&plain[..500]), skippable_frame(), lz4(&plain[500..])].concat(),
    ];
    for (index, bytes) in packed.iter().enumerate() {
        assert_eq!(read_good(bytes), expected, "packing {index}");
        let (frames, report) = read_from(Trickle(Cursor::new(bytes.clone())));
        assert_eq!((frames, report.problems), (expected.clone(), vec![]), "packing {index}");
        assert_eq!(report.bytes_read, bytes.len() as u64);
    }
}

#[test]
fn zstd_frames_one_after_the_other_are_one_stream() {
    let one = fixture("H_ooo.pcap.zst");
    let mut reader = unpack(Cursor::new([&skippable_frame()[..], &one, &skippable_frame(), &one].concat())).unwrap().1;
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    let plain = fixture("H_ooo.pcap");
    assert_eq!(all, [plain.clone(), plain].concat());
}

#[test]
fn pcap_and_pcapng_of_the_same_capture_give_the_same_frames() {
    let (pcap, pcapng) = (read_good(&fixture("H_ooo.pcap")), read_good(&fixture("H_ooo.pcapng")));
    let bytes =
        |frames: &[Owned]| frames.iter().map(|frame| (frame.header.time, frame.data.clone())).collect::<Vec<_>>();
    assert_eq!(bytes(&pcap), bytes(&pcapng));
    assert_eq!(read_good(&fixture("H_ns.pcap")).len(), 14);
}

#[test]
fn a_byte_at_a_time_gives_the_same_frames_as_all_at_once() {
    for bytes in [fixture("H_ooo.pcap"), fixture("H_ooo.pcapng"), rich()] {
        let (frames, report) = read_from(Trickle(Cursor::new(bytes.clone())));
        assert_eq!(report.problems, []);
        assert_eq!(frames, read_good(&bytes));
    }
}

#[test]
fn a_pipe_hands_over_what_it_has() {
    /// Gives one piece, then fails the test if asked for more before the piece was delivered.
    struct Pipe(Vec<Vec<u8>>);
    impl Read for Pipe {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.remove(0);
            room[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }
    let record = LITTLE.record(1, 2, 3, b"abc");
    let header = LITTLE.pcap(0xa1b2_c3d4, 0, 1);
    let (magic, rest) = header.split_at(4);
    let first = [rest, &record[..], &record[..7]].concat();
    let mut file = File::from_reader(Pipe(vec![magic.to_vec(), first, record[7..].to_vec()]), "pipe");
    let mut batch = Batch::new();
    for _ in 0..2 {
        batch.advance();
        assert_eq!(file.fill(&mut batch), Fill::More);
        assert_eq!(batch.len(), 1);
    }
}

/// Frames, and one problem that contains `words`.
#[track_caller]
fn assert_problem(bytes: &[u8], frames: usize, words: &str) {
    let (read, report) = read(bytes);
    assert_eq!(read.len(), frames);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(report.problems[0].what.contains(words), "{:?}", report.problems);
}

#[test]
fn inputs_that_are_no_captures_are_named() {
    assert_problem(b"", 0, "is empty");
    assert_problem(b"\xd4", 0, "too few for a file header");
    assert_problem(b"{\"a\": 1}", 0, "JSON");
    assert_problem(&vec![0x55; 100_000], 0, "text");
    assert_problem(&vec![1; 100_000], 0, "01 01 01 01");
    assert_problem(&gzip(b""), 0, "is empty");
    assert_problem(&gzip(&gzip(b"abc")), 0, "packed twice");
    assert_problem(
        &LITTLE.pcap(0xa1b2_c3d4, 0, 1)[..20],
        0,
        "middle of a file header after 0 frames: it ends at byte 20, at least 4",
    );
    assert_problem(b"\x1f\x8b\x08garbage that is no deflate stream", 0, "gzip stream is");
    assert_problem(b"\x28\xb5\x2f\xfdgarbage", 0, "zstd stream is");
    assert_problem(b"\x04\x22\x4d\x18garbage", 0, "lz4 stream is");
}

#[test]
fn paths_that_cannot_be_read_are_known_when_opening() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(File::open(directory.path()).unwrap_err().what, "is a directory");
    assert_eq!(File::open(&directory.path().join("none")).unwrap_err().what, "no such file");
}

#[test]
fn what_was_unpacked_before_the_stream_ends_is_delivered() {
    // Bytes that hardly pack, so that the streams have several blocks.
    let mut state = 1_u32;
    let mut plain = LITTLE.pcap(0xa1b2_c3d4, 0, 1);
    for index in 0..3000 {
        let data: Vec<u8> = (0..100)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        plain.extend(LITTLE.record(index, 0, 100, &data));
    }
    for packed in [gzip(&plain), lz4(&plain)] {
        let (frames, report) = read(&packed[..packed.len() * 3 / 4]);
        assert!((1500..2300).contains(&frames.len()), "{}", frames.len());
        assert!(report.problems[0].what.contains("stream is cut short, after"), "{:?}", report.problems);
        let mut damaged = packed.clone();
        let middle = packed.len() / 2;
        damaged[middle..middle + 20].fill(0xff);
        let (_, report) = read(&damaged);
        assert_eq!(report.problems.len(), 1);
    }
    // What a single call has unpacked before it meets damage is not lost with it.
    let packed = gzip(&fixture("H_ooo.pcap"));
    for place in 20..packed.len() {
        let mut damaged = packed.clone();
        damaged[place] ^= 0x20;
        let (frames, report) = read(&damaged);
        let (trickled, other) = read_from(Trickle(Cursor::new(damaged)));
        assert_eq!(frames.len(), trickled.len(), "damaged at {place}");
        assert_eq!(report.problems, other.problems, "damaged at {place}");
    }
    let packed = fixture("H_ooo.pcap.zst");
    let (_, report) = read(&packed[..packed.len() - 5]);
    assert!(report.problems[0].what.contains("zstd stream is cut short"), "{:?}", report.problems);
}

#[test]
fn a_cut_anywhere_gives_the_frames_before_it_and_a_problem() {
    for whole in [fixture("H_ooo.pcap"), rich(), fixture("H_ooo.pcap.gz"), fixture("H_ooo.pcap.zst"), lz4(&rich())] {
        let all = read_good(&whole);
        for cut in 0..whole.len() {
            let (frames, report) = read(&whole[..cut]);
            assert_eq!(frames, all[..frames.len()], "cut at {cut}");
            // A cut between two records can't be seen.
            let seen = if report.problems.is_empty() { read_good(&whole[..cut]).len() } else { 0 };
            assert!(report.problems.len() == 1 || seen == frames.len(), "cut at {cut}");
        }
    }
}

#[test]
fn a_cut_within_a_record_is_always_told() {
    let whole = fixture("H_ooo.pcap");
    let mut boundaries = vec![24];
    for frame in read_good(&whole) {
        boundaries.push(boundaries.last().unwrap() + 16 + frame.data.len());
    }
    for cut in 0..whole.len() {
        let (_, report) = read(&whole[..cut]);
        assert_eq!(report.problems.is_empty(), boundaries.contains(&cut), "cut at {cut}");
    }
}

#[test]
fn a_batch_stays_bounded_and_a_longer_record_still_fits() {
    let mut bytes = LITTLE.pcap(0xa1b2_c3d4, 0, 1);
    for length in [1000; 3000].into_iter().chain([3 << 20, 10]) {
        bytes.extend(LITTLE.record(1, 0, length, &vec![7; length as usize]));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("big.pcap");
    std::fs::write(&path, &bytes).unwrap();
    let mut file = File::open(&path).unwrap();
    let mut batch = Batch::new();
    let (mut count, mut longest) = (0, 0);
    loop {
        batch.advance();
        let fill = file.fill(&mut batch);
        count += batch.len();
        if batch.frames().all(|frame| frame.data.len() <= 1000) {
            longest = longest.max(batch.bytes_held());
        }
        if fill == Fill::End {
            break;
        }
    }
    assert_eq!(count, 3002);
    assert!(longest <= 1 << 20, "{longest}");
    assert_eq!(file.report().bytes_total, Some(bytes.len() as u64));
    assert_eq!(file.report().bytes_read, bytes.len() as u64);
}

/// The frames of a pcap file as another parser sees them.
fn oracle(bytes: &[u8]) -> Vec<(u32, u32, u32, Vec<u8>)> {
    use pcap_parser::traits::PcapReaderIterator as _;
    use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError};
    let mut reader = LegacyPcapReader::new(1 << 16, bytes).unwrap();
    let mut frames = Vec::new();
    loop {
        match reader.next() {
            Ok((size, block)) => {
                if let PcapBlockOwned::Legacy(packet) = block {
                    frames.push((packet.ts_sec, packet.ts_usec, packet.origlen, packet.data.to_vec()));
                }
                reader.consume(size);
            }
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(_) => return frames,
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes);
    }

    #[test]
    fn any_bytes_after_a_good_begin_are_read_without_a_panic(
        which in 0..6_usize,
        at in any::<prop::sample::Index>(),
        junk in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let plain = [fixture("H_ooo.pcap"), fixture("H_ooo.pcapng"), rich()];
        let packed = [fixture("H_ooo.pcap.gz"), fixture("H_ooo.pcap.zst"), lz4(&rich())];
        let mut bytes = plain.into_iter().chain(packed).nth(which).unwrap();
        let at = at.index(bytes.len());
        let end = (at + junk.len()).min(bytes.len());
        bytes.splice(at..end, junk);
        let whole = read(&bytes);
        if which < 3 {
            let (frames, report) = read_from(Trickle(Cursor::new(bytes)));
            prop_assert_eq!(frames, whole.0);
            prop_assert_eq!(report.problems, whole.1.problems);
        }
    }

    #[test]
    fn another_parser_sees_the_same_frames(
        big in any::<bool>(),
        records in proptest::collection::vec(
            (any::<u32>(), 0..1_000_000_u32, 0..500_u32, proptest::collection::vec(any::<u8>(), 0..300)), 0..30),
    ) {
        let writer = Writer(if big { Order::Big } else { Order::Little });
        let mut file = writer.pcap(0xa1b2_c3d4, 65_535, 1);
        for (seconds, fraction, more, data) in &records {
            file.extend(writer.record(*seconds, *fraction, data.len() as u32 + more, data));
        }
        let ours: Vec<_> = read_good(&file).into_iter().map(|frame| {
            let nanos = frame.header.time.as_nanos();
            ((nanos / 1_000_000_000) as u32, (nanos / 1000 % 1_000_000) as u32, frame.header.length, frame.data)
        }).collect();
        prop_assert_eq!(ours, oracle(&file));
    }
}

#[test]
fn a_source_that_has_ended_stays_ended() {
    let mut file = File::from_reader(Cursor::new(fixture("H_ooo.pcap")), "test");
    assert_eq!(drain(&mut file).len(), 14);
    assert_eq!(file.fill(&mut Batch::new()), Fill::End);
    assert_eq!(file.report().problems, []);
}
