//! The front door for files: one of them as it is, or several in order of time as one capture.
//!
//! Only the times in the files count: clocks of different machines are not brought together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::{Path, PathBuf};

use super::{Batch, File, Fill, Problem, Secrets, Source, SourceReport};
use crate::time::Timestamp;

/// Bytes asked for at a time of each file, where there are several: with a hundred files open at once
/// their buffers take some 15 MiB.
const CHUNK: usize = 16 << 10;
/// Bytes read to learn a file's first time.
const PEEK: usize = 4 << 10;
/// How many bytes a batch of merged frames holds before it is handed over.
const BATCH: usize = 256 << 10;
/// How many frames it holds at most, as frames may be empty.
const BATCH_FRAMES: usize = 64 << 10;
/// The most bytes of decryption secrets kept over all files.
const SECRETS_CAP: usize = 16 << 20;

/// Opens capture files by their paths; `-` is standard input. Several are merged by time.
///
/// All of them are opened before any is read, so that a missing one is known at once; the error holds
/// every one that can't be opened. What is wrong inside a file shows later, in [`Source::report`].
pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Input, Vec<Problem>> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let mut stdin_given = false;
    for path in paths.iter().map(AsRef::as_ref) {
        let is_stdin = path == Path::new("-");
        if is_stdin && std::mem::replace(&mut stdin_given, true) {
            problems.push(Problem {
                input: "-".into(),
                what: "standard input can be read only once".into(),
                hint: Some("give `-` once".into()),
            });
            continue;
        }
        match File::open(path) {
            Ok(file) if paths.len() == 1 => files.push(Waiting::Open(file)),
            // Thousands of files must not stay open at once; a pipe can't be opened a second time.
            Ok(file) if file.is_regular() && !is_stdin => {
                files.push(Waiting::Closed { path: path.to_owned(), bytes: file.report().bytes_total });
            }
            Ok(file) => files.push(Waiting::Open(file.with_chunk(CHUNK))),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(Input::new(files)) } else { Err(problems) }
}

/// What [`open`] returns: one file, or several merged by time.
#[derive(Debug)]
pub struct Input(Kind);

#[derive(Debug)]
enum Kind {
    One(Box<File>),
    Many(Box<Merge>),
}

impl Input {
    fn new(mut files: Vec<Waiting>) -> Self {
        match files.pop() {
            Some(Waiting::Open(file)) if files.is_empty() => Self(Kind::One(Box::new(file))),
            last => Self(Kind::Many(Box::new(Merge::new(files.into_iter().chain(last).collect())))),
        }
    }

    /// Several sources merged by time, in the order in which equal times are to stand.
    pub fn of_files(files: Vec<File>) -> Self {
        Self::new(files.into_iter().map(Waiting::Open).collect())
    }

    /// The decryption secrets met so far, over all files.
    pub fn secrets(&self) -> Vec<Secrets> {
        match &self.0 {
            Kind::One(file) => file.secrets().to_vec(),
            Kind::Many(merge) => merge.secrets(),
        }
    }
}

impl Source for Input {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        match &mut self.0 {
            Kind::One(file) => file.fill(batch),
            Kind::Many(merge) => merge.fill(batch),
        }
    }

    fn report(&self) -> SourceReport {
        match &self.0 {
            Kind::One(file) => file.report(),
            Kind::Many(merge) => merge.report(),
        }
    }

    fn may_wait(&self) -> bool {
        match &self.0 {
            Kind::One(file) => file.may_wait(),
            Kind::Many(merge) => merge.may_wait(),
        }
    }

    fn interface_name(&self, interface: u32) -> Option<&str> {
        match &self.0 {
            Kind::One(file) => file.interface_name(interface),
            Kind::Many(merge) => merge.interface_name(interface),
        }
    }
}

/// A file whose turn has not come.
#[derive(Debug)]
enum Waiting {
    Closed { path: PathBuf, bytes: Option<u64> },
    Open(File),
}

/// A file of the merge.
#[derive(Debug)]
enum Slot {
    Waiting(Waiting),
    Reading(Box<Reading>),
    Done,
}

/// A file that is being read, with the frames that were not handed over yet.
#[derive(Debug)]
struct Reading {
    file: File,
    batch: Batch,
    next: usize,
    ended: bool,
    /// The interface numbers of the run for those of the file.
    numbers: Vec<u32>,
}

impl Reading {
    fn new(file: File) -> Self {
        Self { file, batch: Batch::new(), next: 0, ended: false, numbers: Vec::new() }
    }

    /// The time of the next frame, reading on if need be.
    fn peek(&mut self) -> Option<Timestamp> {
        loop {
            if let Some(frame) = self.batch.get(self.next) {
                return Some(frame.header.time);
            }
            if self.ended {
                return None;
            }
            self.batch.advance();
            self.next = 0;
            self.ended = self.file.fill(&mut self.batch) == Fill::End;
        }
    }
}

/// Several files as one capture.
#[derive(Debug)]
struct Merge {
    slots: Vec<Slot>,
    /// The files by the time of their next frame; equal times in the order given.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Whether the first times were learned.
    peeked: bool,
    interfaces: u32,
    /// The names of those that have one.
    names: BTreeMap<u32, Box<str>>,
    /// What the files that are done said of themselves.
    done: SourceReport,
    bytes_total: Option<u64>,
    secrets: Vec<Secrets>,
}

impl Merge {
    fn new(files: Vec<Waiting>) -> Self {
        let bytes_total = files
            .iter()
            .map(|file| match file {
                Waiting::Closed { bytes, .. } => *bytes,
                Waiting::Open(file) => file.report().bytes_total,
            })
            .try_fold(0u64, |sum, bytes| Some(sum.saturating_add(bytes?)));
        Self {
            slots: files.into_iter().map(Slot::Waiting).collect(),
            queue: BinaryHeap::new(),
            peeked: false,
            interfaces: 0,
            names: BTreeMap::new(),
            done: SourceReport::default(),
            bytes_total,
            secrets: Vec::new(),
        }
    }

    /// Learns the first time of every file. A regular file is closed again: a ring buffer's files follow
    /// each other, and few of them are needed at the same time.
    fn peek_all(&mut self) {
        for index in 0..self.slots.len() {
            let time = match self.slots.get_mut(index) {
                Some(Slot::Waiting(Waiting::Closed { path, .. })) => match File::open(path) {
                    Ok(file) => {
                        let mut reading = Reading::new(file.with_chunk(PEEK));
                        let time = reading.peek();
                        if time.is_none() {
                            // Nothing will come of it; its report says why.
                            self.finish(index, &reading.file);
                        }
                        time
                    }
                    Err(problem) => {
                        self.lose(index, problem);
                        None
                    }
                },
                _ => self.start(index),
            };
            if let Some(time) = time {
                self.queue.push(Reverse((time, index)));
            }
        }
    }

    /// Makes a waiting file a reading one, and returns the time of its next frame.
    fn start(&mut self, index: usize) -> Option<Timestamp> {
        let slot = self.slots.get_mut(index)?;
        let file = match std::mem::replace(slot, Slot::Done) {
            Slot::Waiting(Waiting::Open(file)) => file,
            Slot::Waiting(Waiting::Closed { path, .. }) => match File::open(&path) {
                Ok(file) => file.with_chunk(CHUNK),
                Err(problem) => {
                    self.lose(index, problem);
                    return None;
                }
            },
            reading => {
                *slot = reading;
                let Slot::Reading(reading) = slot else { return None };
                return reading.peek();
            }
        };
        let mut reading = Box::new(Reading::new(file));
        let time = reading.peek();
        if time.is_some() {
            *slot = Slot::Reading(reading);
        } else {
            self.finish(index, &reading.file);
        }
        time
    }

    fn lose(&mut self, index: usize, problem: Problem) {
        self.done.problems.push(problem);
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot::Done;
        }
    }

    /// Keeps what a file that has ended says of itself.
    fn finish(&mut self, index: usize, file: &File) {
        add(&mut self.done, file.report());
        keep(&mut self.secrets, file.secrets());
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot::Done;
        }
    }

    fn secrets(&self) -> Vec<Secrets> {
        let mut all = self.secrets.clone();
        for reading in self.readings() {
            keep(&mut all, reading.file.secrets());
        }
        all
    }

    fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Reading(reading) => Some(&**reading),
            Slot::Waiting(_) | Slot::Done => None,
        })
    }

    /// Hands over the frames of one file until another one's turn comes or the batch is full.
    fn run(&mut self, index: usize, batch: &mut Batch) -> Option<Timestamp> {
        // Opens it if this is the first time that its turn comes.
        self.start(index)?;
        let limit = self.queue.peek().map(|Reverse(next)| *next);
        let Some(Slot::Reading(reading)) = self.slots.get_mut(index) else { return None };
        while let Some(time) = reading.peek() {
            if limit.is_some_and(|limit| limit < (time, index)) || is_full(batch) {
                return Some(time);
            }
            let Some(frame) = reading.batch.get(reading.next) else { break };
            let mut header = frame.header;
            let given = self.interfaces;
            header.interface = number(&mut reading.numbers, &mut self.interfaces, header.interface);
            if self.interfaces > given
                && let Some(name) = reading.file.interface_name(frame.header.interface)
            {
                self.names.insert(header.interface, name.into());
            }
            for secrets in reading.batch.secrets_before(frame.number) {
                batch.secrets(secrets.clone());
            }
            batch.push(header, frame.data);
            for comment in reading.batch.comments(frame.number) {
                batch.comment(comment.to_owned());
            }
            reading.next += 1;
        }
        if let Some(Slot::Reading(reading)) = self.slots.get_mut(index).map(|slot| std::mem::replace(slot, Slot::Done))
        {
            self.finish(index, &reading.file);
        }
        None
    }
}

/// The number in the run of an interface of a file; numbers are given as interfaces are first met.
fn number(numbers: &mut Vec<u32>, given: &mut u32, interface: u32) -> u32 {
    const UNKNOWN: u32 = u32::MAX;
    let index = interface as usize;
    if numbers.len() <= index {
        // The grammar tells 65536 interfaces apart at most, so this stays small.
        numbers.resize(index + 1, UNKNOWN);
    }
    match numbers.get_mut(index) {
        Some(number) => {
            if *number == UNKNOWN {
                *number = *given;
                *given = given.saturating_add(1);
            }
            *number
        }
        None => UNKNOWN,
    }
}

fn is_full(batch: &Batch) -> bool {
    batch.bytes_held() >= BATCH || batch.len() >= BATCH_FRAMES
}

fn add(sum: &mut SourceReport, more: SourceReport) {
    let plus = |a: Option<u64>, b: Option<u64>| a.map_or(b, |a| Some(a.saturating_add(b.unwrap_or(0))));
    sum.bytes_read = sum.bytes_read.saturating_add(more.bytes_read);
    sum.kernel_received = plus(sum.kernel_received, more.kernel_received);
    sum.kernel_dropped = plus(sum.kernel_dropped, more.kernel_dropped);
    sum.interface_dropped = plus(sum.interface_dropped, more.interface_dropped);
    sum.analysis_dropped = plus(sum.analysis_dropped, more.analysis_dropped);
    sum.problems.extend(more.problems);
}

fn keep(kept: &mut Vec<Secrets>, more: &[Secrets]) {
    let mut bytes: usize = kept.iter().map(|secrets| secrets.bytes.len()).sum();
    for secrets in more {
        bytes = bytes.saturating_add(secrets.bytes.len());
        if bytes > SECRETS_CAP {
            return;
        }
        kept.push(secrets.clone());
    }
}

impl Source for Merge {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        if !std::mem::replace(&mut self.peeked, true) {
            self.peek_all();
        }
        while let Some(Reverse((_, index))) = self.queue.pop() {
            if let Some(time) = self.run(index, batch) {
                self.queue.push(Reverse((time, index)));
            }
            if is_full(batch) {
                return Fill::More;
            }
        }
        Fill::End
    }

    fn report(&self) -> SourceReport {
        let mut report = self.done.clone();
        for reading in self.readings() {
            add(&mut report, reading.file.report());
        }
        report.bytes_total = self.bytes_total;
        report
    }

    fn may_wait(&self) -> bool {
        // Only files have a length.
        self.bytes_total.is_none()
    }

    fn interface_name(&self, interface: u32) -> Option<&str> {
        self.names.get(&interface).map(AsRef::as_ref)
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
