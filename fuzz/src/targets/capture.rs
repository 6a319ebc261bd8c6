//! Capture files of any form: pcap, pcapng, compressed, of other programs.

use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};

use mqttsniff::capture::save::{Format, Options, Writer};
use mqttsniff::capture::{Batch, File, Fill, FrameHeader, Input, Problem, Source};

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Frames that are read of a file, and their bytes: compressed, a few bytes may be as many as one likes.
const FRAMES: usize = 20_000;
const BYTES: usize = 8 << 20;

/// Hands out a few bytes at a time.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let length = room.len().min(self.1);
        self.0.read(&mut room[..length])
    }
}

/// What was read: of each frame its header, and a number for its bytes and comments.
#[derive(Debug, PartialEq)]
struct Seen {
    frames: Vec<(FrameHeader, u64)>,
    problems: Vec<Problem>,
    whole: bool,
}

fn read(source: &mut dyn Source, mut each: impl FnMut(&mqttsniff::capture::Frame<'_>)) -> Seen {
    let (mut batch, mut frames, mut bytes) = (Batch::new(), Vec::new(), 0);
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        for frame in batch.frames() {
            assert_eq!(frame.number.0, frames.len() as u64 + 1, "frames are numbered from 1");
            let mut digest = DefaultHasher::new();
            frame.data.hash(&mut digest);
            batch.comments(frame.number).for_each(|comment| comment.hash(&mut digest));
            assert!(frame.header.length as usize >= frame.data.len(), "no more was captured than was on the wire");
            bytes += frame.data.len();
            frames.push((frame.header, digest.finish()));
            each(&frame);
        }
        if fill == Fill::End {
            return Seen { frames, problems: source.report().problems, whole: true };
        }
        if frames.len() > FRAMES || bytes > BYTES {
            return Seen { frames, problems: Vec::new(), whole: false };
        }
    }
}

fn open(bytes: &[u8]) -> File {
    File::from_reader(Cursor::new(bytes.to_vec()), "input")
}

pub(super) fn run(bytes: &[u8]) {
    let once = read(&mut open(bytes), |_| {});
    if !once.whole {
        return;
    }
    if bytes.len() <= 4096 {
        let slow = File::from_reader(Slow(Cursor::new(bytes.to_vec()), 0), "input");
        let mut slowly = read(&mut { slow }, |_| {});
        if once.frames.is_empty() && slowly.problems.len() == once.problems.len() {
            // What a file may be that is no capture is guessed from what is there so far.
            slowly.problems.clone_from(&once.problems);
        }
        assert_eq!(slowly, once, "however the bytes come");
    }
    let both = read(&mut Input::of_files(vec![open(bytes), open(bytes)]), |_| {});
    assert_eq!(both.frames.len(), 2 * once.frames.len(), "of two files all frames are read");
    save(bytes, &once);
}

/// A writer's bytes.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one thread").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is saved reads as what was read, but for the numbers of interfaces.
fn save(bytes: &[u8], once: &Seen) {
    let file = Shared::default();
    let mut writer =
        Writer::new(Box::new(file.clone()), Options::new(Format::Pcapng)).expect("memory takes everything");
    read(&mut open(bytes), |frame| writer.write(frame).expect("memory takes everything"));
    writer.finish().expect("memory takes everything");
    let saved = file.0.lock().expect("one thread").clone();
    let mut at = 0;
    let again = read(&mut open(&saved), |frame| {
        let (header, _) = once.frames[at];
        at += 1;
        assert_eq!(frame.header.length, header.length, "the length of frame {at}");
        assert_eq!(frame.header.link, header.link, "the link type of frame {at}");
        assert_eq!(frame.header.fcs_length, header.fcs_length, "the check sequence of frame {at}");
        assert_eq!(frame.header.time, header.time, "the time of frame {at}");
    });
    assert_eq!(again.problems, [], "what was saved is whole");
    assert_eq!(again.frames.len(), once.frames.len(), "all frames are saved");
}
