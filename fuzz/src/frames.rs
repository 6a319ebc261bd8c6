//! Frames that are at hand, and a source that hands them out in any cut.

use std::io::{self, Cursor};
use std::path::Path;

use mqttsniff::capture::save::{Format, Options, Writer};
use mqttsniff::capture::{Batch, File, Fill, FrameHeader, Source, SourceReport};

/// Frames with their bytes.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    /// Each with its header.
    pub list: Vec<(FrameHeader, Vec<u8>)>,
}

impl Frames {
    /// The first so many frames of a capture file.
    pub fn of_file(bytes: &[u8], most: usize) -> Self {
        let mut file = File::from_reader(Cursor::new(bytes.to_vec()), "input");
        let (mut batch, mut list, mut held) = (Batch::new(), Vec::new(), 0);
        loop {
            batch.advance();
            let fill = file.fill(&mut batch);
            for frame in batch.frames() {
                held += frame.data.len();
                list.push((frame.header, frame.data.to_vec()));
            }
            if fill == Fill::End || list.len() >= most || held > 1 << 22 {
                list.truncate(most);
                return Self { list };
            }
        }
    }

    /// Writes them as a capture file, to be looked at.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut writer = Writer::create(path, Options::new(Format::Pcapng))?;
        let mut batch = Batch::new();
        self.list.iter().for_each(|(header, data)| batch.push(*header, data));
        batch.frames().try_for_each(|frame| writer.write(&frame))?;
        writer.finish()
    }

    /// A source of them that hands out so many at a time, by turns; 0 is none.
    pub fn source(&self, turns: &[usize]) -> Box<Cut> {
        assert!(turns.iter().any(|turn| *turn > 0), "a source must come to its end");
        Box::new(Cut { frames: self.list.clone(), next: 0, turns: turns.to_vec(), turn: 0 })
    }
}

/// Hands out frames in batches of given sizes.
#[derive(Debug)]
pub struct Cut {
    frames: Vec<(FrameHeader, Vec<u8>)>,
    next: usize,
    turns: Vec<usize>,
    turn: usize,
}

impl Source for Cut {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        let turn = self.turns[self.turn % self.turns.len()];
        self.turn += 1;
        let end = self.next.saturating_add(turn).min(self.frames.len());
        for (header, data) in &self.frames[self.next..end] {
            batch.push(*header, data);
        }
        self.next = end;
        if self.next == self.frames.len() { Fill::End } else { Fill::More }
    }

    fn report(&self) -> SourceReport {
        SourceReport::default()
    }
}
