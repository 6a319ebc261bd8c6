//! JSON Lines in a file, or in one after the other.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use mqttsniff::capture::save::{self, NotBegun, Packed, Packing, Series};
use mqttsniff::time::Timestamp;

use super::super::failure::{report, say};
use super::super::flush::Waiting;
use super::super::rotation::Files;
use super::super::target::{failed_write, refuse_packing};
use super::{Outlet, Urgency, cannot_open};

/// Lines in files. Each begins with the record that says what is read.
pub(super) struct FileOutlet {
    path: PathBuf,
    packing: Packing,
    begin: Vec<u8>,
    series: Option<Series>,
    out: Option<Packed>,
    /// How many bytes of lines are in the file.
    bytes: u64,
    waiting: Waiting,
    /// Whether files end by the clock, where nothing comes.
    is_live: bool,
    /// After an error nothing more is written.
    failed: bool,
}

impl FileOutlet {
    /// One file is created at once; those of a series each with its first line.
    pub(super) fn open(path: &Path, files: Files, begin: &[u8], is_live: bool) -> anyhow::Result<Self> {
        refuse_packing(path, "xz afterwards")?;
        let (path, series) = match files {
            Files::One(path) => (path, None),
            Files::Several(series) => (path.to_owned(), Some(*series)),
        };
        let path = path.as_path();
        let packing = Packing::of_path(path);
        let mut outlet = Self {
            path: path.to_owned(),
            packing,
            begin: begin.to_owned(),
            series,
            out: None,
            bytes: 0,
            waiting: Waiting::default(),
            is_live,
            failed: false,
        };
        if outlet.series.is_none() {
            let hint = "name a file in a folder that is there, and that may be written to";
            let opened = save::create(path).and_then(|file| outlet.fill(file));
            opened.map_err(|error| cannot_open(&path.display().to_string(), &error, hint))?;
        }
        Ok(outlet)
    }

    /// Goes on in this file.
    fn fill(&mut self, file: std::fs::File) -> io::Result<()> {
        let mut out = Packed::new(Box::new(file), self.packing)?;
        out.write_all(&self.begin)?;
        self.bytes = self.begin.len() as u64;
        self.waiting.wrote();
        self.out = Some(out);
        Ok(())
    }

    fn write(&mut self, line: &[u8], time: Timestamp) -> anyhow::Result<()> {
        if let (Some(series), Some(out)) = (&self.series, &self.out) {
            let bytes = if out.is_packed() { out.bytes_out() } else { self.bytes + line.len() as u64 };
            if series.cuts(time, bytes) {
                self.end()?;
            }
        }
        if let (None, Some(series)) = (&self.out, &mut self.series) {
            let begun = series.begin(time);
            for note in series.notes() {
                say(&note.to_string());
            }
            let file = begun.map_err(|NotBegun { path, error }| failed_write(&path, error))?;
            self.fill(file).map_err(|error| failed_write(self.current(), error))?;
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(line).map_err(|error| failed_write(self.current(), error))?;
        self.bytes += line.len() as u64;
        self.waiting.wrote();
        if let Some(series) = &mut self.series {
            series.count();
        }
        Ok(())
    }

    fn flush(&mut self, now: Timestamp) -> anyhow::Result<()> {
        if self.is_live && self.series.as_mut().is_some_and(|series| series.is_over(now)) {
            self.end()?;
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        if self.waiting.is_due(now, out.is_packed()) {
            out.flush().map_err(|error| failed_write(self.current(), error))?;
        }
        Ok(())
    }

    /// The file is whole.
    fn end(&mut self) -> anyhow::Result<()> {
        if let Some(out) = self.out.take() {
            out.finish().map_err(|error| failed_write(self.current(), error))?;
        }
        self.waiting.ended();
        if let Some(series) = &mut self.series {
            series.end();
        }
        Ok(())
    }

    fn current(&self) -> &Path {
        self.series.as_ref().and_then(Series::growing).unwrap_or(&self.path)
    }

    /// Tells an error, once, and writes no more.
    fn settle(&mut self, done: anyhow::Result<()>) {
        if let Err(error) = done {
            self.failed = true;
            self.out = None;
            let _ = report(&error);
        }
    }
}

impl Outlet for FileOutlet {
    fn line(&mut self, line: &[u8], _: Urgency, time: Timestamp) {
        if !self.failed {
            let done = self.write(line, time);
            self.settle(done);
        }
    }

    fn pause(&mut self, now: Timestamp) {
        if !self.failed {
            let done = self.flush(now);
            self.settle(done);
        }
    }

    fn finish(&mut self) -> bool {
        if !self.failed {
            let done = self.end();
            self.settle(done);
        }
        !self.failed
    }
}
