use std::io::Cursor;

use super::super::bytes::Order;
use super::super::testing::{Writer, drain};
use super::*;

const LITTLE: Writer = Writer(Order::Little);

/// A pcap file with a frame at each of these seconds; its data tells the file and the second.
fn capture(name: u8, seconds: &[u32]) -> Vec<u8> {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 0, 1);
    for second in seconds {
        file.extend(LITTLE.record(*second, 0, 2, &[name, *second as u8]));
    }
    file
}

fn merged(files: &[Vec<u8>]) -> (Vec<(char, u8)>, SourceReport) {
    let files = files.iter().map(|bytes| File::from_reader(Cursor::new(bytes.clone()), "test")).collect();
    let mut input = Input::of_files(files);
    let frames = drain(&mut input);
    (frames.iter().map(|frame| (char::from(frame.data[0]), frame.data[1])).collect(), input.report())
}

#[test]
fn equal_times_stand_in_the_order_of_the_files() {
    let (frames, report) = merged(&[capture(b'a', &[1, 3, 3, 5]), capture(b'b', &[1, 2, 3]), capture(b'c', &[0, 9])]);
    assert_eq!(frames, [('c', 0), ('a', 1), ('b', 1), ('b', 2), ('a', 3), ('a', 3), ('b', 3), ('a', 5), ('c', 9)]);
    assert_eq!(report.problems, []);
}

#[test]
fn a_clock_that_goes_back_does_not_change_the_order_in_its_file() {
    let (frames, _) = merged(&[capture(b'a', &[5, 1, 6]), capture(b'b', &[2, 7])]);
    assert_eq!(frames, [('b', 2), ('a', 5), ('a', 1), ('a', 6), ('b', 7)]);
}

#[test]
fn one_bad_file_leaves_the_others_and_is_told() {
    let mut cut = capture(b'b', &[2, 4]);
    cut.pop();
    let (frames, report) = merged(&[capture(b'a', &[1, 3]), cut, b"no capture".to_vec(), Vec::new()]);
    assert_eq!(frames, [('a', 1), ('b', 2), ('a', 3)]);
    let problems: Vec<_> = report.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn interfaces_are_counted_over_the_files() {
    let mut ng = LITTLE.section();
    ng.extend(LITTLE.interface(1, 0, &[]));
    ng.extend(LITTLE.interface(101, 0, &[]));
    ng.extend(LITTLE.enhanced(1, 0, 3, b"abc", &[LITTLE.option(1, b"hello")]));
    ng.extend(LITTLE.enhanced(0, 9_000_000, 3, b"abc", &[]));
    let files = [capture(b'a', &[1]), ng].map(|bytes| File::from_reader(Cursor::new(bytes), "test"));
    let frames = drain(&mut Input::of_files(files.into()));
    let seen: Vec<_> = frames.iter().map(|frame| (frame.header.link.0, frame.header.interface)).collect();
    assert_eq!(seen, [(101, 0), (1, 1), (1, 2)]);
    assert_eq!(frames[0].comments, ["hello"]);
}

#[test]
fn a_ring_of_a_thousand_files_is_one_capture() {
    let directory = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    // Given in the wrong order: the times decide, not the names.
    for index in (0..1500_u32).rev() {
        let path = directory.path().join(format!("ring{index:05}"));
        std::fs::write(&path, capture(b'r', &[index * 2, index * 2 + 1])).unwrap();
        paths.push(path);
    }
    let mut input = open(&paths).unwrap();
    let mut batch = Batch::new();
    let mut times = Vec::new();
    loop {
        batch.advance();
        let fill = input.fill(&mut batch);
        times.extend(batch.frames().map(|frame| frame.header.time.as_nanos() / 1_000_000_000));
        if fill == Fill::End {
            break;
        }
        let Kind::Many(merge) = &input.0 else { panic!("several files are merged") };
        assert!(merge.readings().count() <= 2);
    }
    assert_eq!(times, (0..3000).collect::<Vec<_>>());
    let report = input.report();
    assert_eq!(report.problems, []);
    assert_eq!(Some(report.bytes_read), report.bytes_total);
}

#[test]
fn every_missing_file_is_known_before_any_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good");
    std::fs::write(&good, capture(b'a', &[1])).unwrap();
    let problems = open(&[good.clone(), directory.path().join("x"), directory.path().join("y")]).unwrap_err();
    assert_eq!(problems.len(), 2);
    let one = open(&[good]).unwrap();
    assert!(matches!(one.0, Kind::One(_)));
}

#[test]
fn no_file_at_all_is_an_empty_capture() {
    assert_eq!(drain(&mut Input::of_files(Vec::new())).len(), 0);
}
