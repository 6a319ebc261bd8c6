use std::sync::{Arc, Mutex};

use super::super::testing::{Owned, header, read, read_good};
use super::super::{Batch, FrameHeader};
use super::*;

/// A place to write to that can be looked at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn frame_of(number: usize, header: FrameHeader, data: &[u8], write: impl FnOnce(&Frame<'_>)) {
    let mut batch = Batch::new();
    batch.push(header, data);
    let frame = batch.get(0).unwrap();
    assert!(number < 100);
    write(&frame);
}

fn written(options: Options, frames: &[(FrameHeader, &[u8], &[&str])]) -> Vec<Owned> {
    let out = Shared::default();
    let mut writer = Writer::new(Box::new(out.clone()), options).unwrap();
    for (number, (header, data, comments)) in frames.iter().enumerate() {
        frame_of(number, *header, data, |frame| {
            writer.write_commented(frame, comments.iter().copied()).unwrap();
        });
    }
    let counted = writer.bytes_written();
    writer.finish().unwrap();
    let bytes = out.0.lock().unwrap().clone();
    assert!(frames.is_empty() || counted == bytes.len() as u64);
    read_good(&bytes)
}

const TIME: i64 = 1_700_000_000_123_456_789;

#[test]
fn what_is_written_is_read_back() {
    for format in [Format::Pcap, Format::Pcapng] {
        for fcs_length in [0, 4] {
            let header = FrameHeader { length: 60, fcs_length, ..header(TIME) };
            let frames =
                written(Options::new(format), &[(header, b"abc", &[]), (header, b"", &[]), (header, b"abcd", &[])]);
            assert_eq!(frames.len(), 3);
            assert!(frames.iter().all(|frame| frame.header == header), "{frames:?}");
            assert_eq!(frames.iter().map(|frame| frame.data.len()).collect::<Vec<_>>(), [3, 0, 4]);
        }
    }
}

#[test]
fn without_nanoseconds_times_are_cut() {
    for format in [Format::Pcap, Format::Pcapng] {
        let options = Options { nanoseconds: false, ..Options::new(format) };
        assert_eq!(written(options, &[(header(TIME), b"", &[])])[0].header.time.as_nanos(), 1_700_000_000_123_456_000);
    }
}

#[test]
fn pcapng_keeps_interfaces_link_types_and_comments() {
    let options = Options { interfaces: vec!["eth0".into(), "tun0".into()], ..Options::new(Format::Pcapng) };
    let tunnel = FrameHeader { link: LinkType::RAW, interface: 1, ..header(TIME) };
    let ethernet = header(TIME);
    let frames = written(options, &[(tunnel, b"", &["one", "two"]), (ethernet, b"", &[]), (tunnel, b"", &[])]);
    let seen: Vec<_> = frames.iter().map(|frame| (frame.header.link, frame.header.interface)).collect();
    assert_eq!(seen, [(LinkType::RAW, 0), (LinkType::ETHERNET, 1), (LinkType::RAW, 0)]);
    assert_eq!(frames[0].comments, ["one", "two"]);
}

#[test]
fn a_pcap_file_refuses_a_second_link_type() {
    let mut writer = Writer::new(Box::new(io::sink()), Options::new(Format::Pcap)).unwrap();
    frame_of(0, header(0), b"", |frame| writer.write(frame).unwrap());
    frame_of(1, FrameHeader { link: LinkType::RAW, ..header(0) }, b"", |frame| {
        let error = writer.write(frame).unwrap_err();
        assert!(error.to_string().contains(".pcapng"), "{error}");
    });
}

#[test]
fn a_capture_without_frames_is_a_valid_file() {
    for format in [Format::Pcap, Format::Pcapng] {
        assert_eq!(written(Options::new(format), &[]), []);
    }
}

#[test]
fn times_that_a_format_cannot_hold_stop_at_its_ends() {
    let of = |format, nanos| written(Options::new(format), &[(header(nanos), b"", &[])])[0].header.time.as_nanos();
    assert_eq!(of(Format::Pcapng, -5), 0);
    assert_eq!(of(Format::Pcapng, i64::MAX), i64::MAX);
    assert_eq!(of(Format::Pcap, i64::MAX) / 1_000_000_000, 4_294_967_295);
}

#[test]
fn a_comment_too_long_for_its_length_is_cut_at_a_character() {
    let long = "ä".repeat(40_000);
    let frames = written(Options::new(Format::Pcapng), &[(header(0), b"", &[long.as_str()])]);
    assert_eq!(frames[0].comments[0], "ä".repeat(32_767));
}

#[test]
fn the_format_is_told_by_the_end_of_the_name() {
    let of = |name: &str| Format::of_path(Path::new(name));
    assert_eq!(of("a.pcap"), Some(Format::Pcap));
    assert_eq!(of("a.b.PcapNG"), Some(Format::Pcapng));
    assert_eq!(of("a.txt"), None);
    assert_eq!(of("-"), None);
}

#[cfg(unix)]
#[test]
fn a_file_is_its_owners_alone_and_no_link_is_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.pcap");
    Writer::create(&path, Options::new(Format::Pcap)).unwrap().finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // An existing file is emptied first.
    fs::write(&path, [0; 1000]).unwrap();
    Writer::create(&path, Options::new(Format::Pcap)).unwrap().finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 24);
    for target in [path.clone(), directory.path().join("nowhere")] {
        let link = directory.path().join("link.pcap");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let error = Writer::create(&link, Options::new(Format::Pcap)).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 24);
}

const PACKINGS: [Packing; 3] = [Packing::Plain, Packing::Gzip, Packing::Zstd];

#[test]
fn what_is_packed_is_read_back_and_smaller() {
    for packing in PACKINGS.into_iter().filter(|packing| packing.is_built()) {
        for format in [Format::Pcap, Format::Pcapng] {
            let out = Shared::default();
            let options = Options { packing, ..Options::new(format) };
            let mut writer = Writer::new(Box::new(out.clone()), options).unwrap();
            for number in 0..1000 {
                frame_of(0, header(TIME + number), &[7; 100], |frame| writer.write(frame).unwrap());
            }
            let unpacked = writer.bytes_written();
            writer.finish().unwrap();
            let bytes = out.0.lock().unwrap().clone();
            assert_eq!(bytes.len() as u64 == unpacked, packing == Packing::Plain);
            assert!(packing == Packing::Plain || bytes.len() as u64 * 10 < unpacked, "{packing:?}: {}", bytes.len());
            assert_eq!(read_good(&bytes).len(), 1000);
        }
    }
}

#[test]
fn a_file_can_be_read_up_to_its_last_flush_though_it_never_ends() {
    for packing in PACKINGS.into_iter().filter(|packing| packing.is_built()) {
        let out = Shared::default();
        let options = Options { packing, ..Options::new(Format::Pcap) };
        let mut writer = Writer::new(Box::new(out.clone()), options).unwrap();
        for flushed in 1..=3 {
            for number in 0..50_u8 {
                frame_of(0, header(TIME), &[number; 33], |frame| writer.write(frame).unwrap());
            }
            writer.flush().unwrap();
            let bytes = out.0.lock().unwrap().clone();
            let (frames, report) = read(&bytes);
            assert_eq!(frames.len(), 50 * flushed, "{packing:?}");
            // A plain file that is cut between two frames is whole.
            assert_eq!(report.problems.is_empty(), packing == Packing::Plain, "{:?}", report.problems);
        }
    }
}

#[test]
fn how_large_a_file_will_be_is_known_before_a_frame_is_written() {
    for format in [Format::Pcap, Format::Pcapng] {
        let mut writer = Writer::new(Box::new(io::sink()), Options::new(format)).unwrap();
        frame_of(0, header(TIME), b"first", |frame| writer.write(frame).unwrap());
        for data in [&b""[..], b"a", b"abcd", b"abcde"] {
            frame_of(0, header(TIME), data, |frame| {
                let expected = writer.bytes_with(frame);
                writer.write(frame).unwrap();
                assert_eq!(writer.bytes_written(), expected);
            });
        }
    }
}

#[test]
fn how_a_file_is_packed_is_told_by_the_end_of_its_name() {
    let of = |name: &str| {
        let options = Options::of_path(Path::new(name));
        (options.format, options.packing)
    };
    assert_eq!(of("a.pcap.gz"), (Format::Pcap, Packing::Gzip));
    assert_eq!(of("a.PCAPNG.ZST"), (Format::Pcapng, Packing::Zstd));
    assert_eq!(of("a.zstd"), (Format::Pcapng, Packing::Zstd));
    assert_eq!(of("gz"), (Format::Pcapng, Packing::Plain));
    assert_eq!(of(".gz"), (Format::Pcapng, Packing::Plain));
}

#[test]
fn a_file_that_has_begun_is_a_capture_whenever_it_ends() {
    for (format, packing) in [
        (Format::Pcap, Packing::Plain),
        (Format::Pcapng, Packing::Plain),
        (Format::Pcapng, Packing::Gzip),
        #[cfg(feature = "zstd")]
        (Format::Pcap, Packing::Zstd),
    ] {
        let out = Shared::default();
        let options = Options { packing, ..Options::new(format) };
        let mut writer = Writer::new(Box::new(out.clone()), options).unwrap();
        writer.begin(LinkType::ETHERNET, 0, 0).unwrap();
        let begun = out.0.lock().unwrap().clone();
        assert!(begun.len() >= 24, "{format:?}, {packing:?}");
        if packing == Packing::Plain {
            assert!(read_good(&begun).is_empty());
        } else {
            assert!(read(&begun).0.is_empty());
        }
        frame_of(0, header(TIME), b"abc", |frame| writer.write(frame).unwrap());
        writer.finish().unwrap();
        assert_eq!(read_good(&out.0.lock().unwrap()).len(), 1, "there is one header");
    }
}
