use std::fs::OpenOptions;
use std::io::Write as _;

use super::super::testing::{fixture, read_good};
use super::*;

/// Waits for what comes next; panics where nothing does.
fn next(growing: &mut Growing) -> (Vec<Vec<u8>>, Fill) {
    let mut batch = Batch::new();
    for _ in 0..300 {
        let fill = growing.fill(&mut batch);
        if !batch.is_empty() || fill == Fill::End {
            return (batch.frames().map(|frame| frame.data.to_vec()).collect(), fill);
        }
    }
    panic!("nothing came in half a minute");
}

/// A new file, a writer of it, and a reader that follows it.
fn followed(begin: &[u8]) -> (tempfile::TempDir, PathBuf, Handle, Growing, Arc<AtomicBool>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("growing.pcap");
    fs::write(&path, begin).unwrap();
    let writer = OpenOptions::new().append(true).open(&path).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let growing = Growing::open(&path, Arc::clone(&stop)).unwrap();
    (directory, path, writer, growing, stop)
}

fn problems(growing: &Growing) -> Vec<String> {
    growing.report().problems.into_iter().map(|problem| problem.what).collect()
}

#[test]
fn frames_come_as_they_are_written_and_half_a_record_waits_for_its_rest() {
    let whole = fixture("H_ooo.pcap");
    let expected: Vec<_> = read_good(&whole).into_iter().map(|frame| frame.data).collect();
    let (_directory, _, mut writer, mut growing, stop) = followed(&whole[..10]);
    let mut frames = Vec::new();
    // A header in two parts, then pieces that end within records.
    writer.write_all(&whole[10..200]).unwrap();
    frames.extend(next(&mut growing).0);
    assert!((1..expected.len()).contains(&frames.len()));
    writer.write_all(&whole[200..500]).unwrap();
    frames.extend(next(&mut growing).0);
    writer.write_all(&whole[500..]).unwrap();
    while frames.len() < expected.len() {
        frames.extend(next(&mut growing).0);
    }
    assert_eq!(frames, expected);
    // What is missing when somebody has had enough is nobody's fault.
    writer.write_all(&whole[24..30]).unwrap();
    stop.store(true, Ordering::Relaxed);
    assert_eq!(next(&mut growing), (Vec::new(), Fill::End));
    assert_eq!(problems(&growing), Vec::<String>::new());
}

#[test]
fn a_file_that_is_truncated_says_so_and_ends() {
    let whole = fixture("H_ooo.pcap");
    let (_directory, _, writer, mut growing, _) = followed(&whole);
    assert_eq!(next(&mut growing).0.len(), 14);
    writer.set_len(0).unwrap();
    assert_eq!(next(&mut growing), (Vec::new(), Fill::End));
    let length = whole.len();
    assert_eq!(
        problems(&growing),
        [format!("was truncated while it was followed: {length} bytes were read, and now it has 0")]
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_is_read_to_its_end_which_may_be_cut() {
    let whole = fixture("H_ooo.pcap");
    let (directory, path, mut writer, mut growing, _) = followed(&whole[..500]);
    let mut frames = next(&mut growing).0.len();
    fs::rename(&path, directory.path().join("older.pcap")).unwrap();
    // Renamed alone, it goes on.
    writer.write_all(&whole[500..1600]).unwrap();
    frames += next(&mut growing).0.len();
    fs::write(&path, b"another").unwrap();
    writer.write_all(&whole[1600..whole.len() - 1]).unwrap();
    loop {
        let (more, fill) = next(&mut growing);
        frames += more.len();
        if fill == Fill::End {
            break;
        }
    }
    assert_eq!(frames, 13);
    let problems = problems(&growing);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("was replaced by another file"), "{problems:?}");
    assert!(problems[1].starts_with("cut short in the middle of a record after 13 frames"), "{problems:?}");
}

#[test]
fn a_compressed_file_is_followed_as_far_as_blocks_are_whole() {
    let plain = fixture("H_ooo.pcap");
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (_directory, _, mut writer, mut growing, stop) = followed(&packed(&plain[..800]));
    let first = next(&mut growing).0.len();
    writer.write_all(&packed(&plain[800..])).unwrap();
    assert_eq!(first + next(&mut growing).0.len(), 14);
    writer.write_all(&packed(&plain)[..20]).unwrap();
    stop.store(true, Ordering::Relaxed);
    assert_eq!(next(&mut growing), (Vec::new(), Fill::End));
    assert_eq!(problems(&growing), Vec::<String>::new());
}
