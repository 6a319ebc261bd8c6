//! One capture file, or a pipe that carries one.
//!
//! It fetches bytes, unpacks them, and hands them to the grammar that their content calls for. Several
//! files at once are the work of [`super::merge`].

use std::io::{self, ErrorKind, IsTerminal as _, Read, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::compressed::{Packing, unpack};
use super::foreign;
use super::grammar::{self, Grammar, MAGIC_LENGTH, Stop};
use super::{Batch, Fill, Problem, Secrets, Source, SourceReport};

/// Bytes asked for at a time. With 256 KiB a batch of frames stays in a core's second-level cache from
/// reading to analysis; larger reads measured slower, smaller ones pay more system calls.
const READ: usize = 256 << 10;
/// Bytes asked for at a time from a packed stream: when a stream turns out to be damaged, the unpacker
/// may keep what it unpacked in that call for itself.
const READ_UNPACKED: usize = 32 << 10;

/// Bytes looked at to guess what a file is that is no capture.
const GUESS_LENGTH: usize = 64;

/// The hint where something was read before the damage.
const READ_BEFORE: Option<&str> = Some("the frames before that were read");
/// The hint where the end is none.
const STILL_WRITTEN: &str =
    "it has grown while it was read, so it is still being written: `mqttsniff read --follow` reads on as it grows";

/// A capture file, read from its begin to its end.
pub struct File {
    name: String,
    input: State,
    /// Whether the input always has more bytes at hand (a regular file), so that waiting for a full
    /// buffer holds back nothing.
    regular: bool,
    /// The file itself, where it is a regular one: others may change it meanwhile.
    handle: Option<Arc<std::fs::File>>,
    /// Set where the input was left before its end, so that half a record there is nobody's fault.
    left: Option<Arc<AtomicBool>>,
    bytes_total: Option<u64>,
    /// What stood before the place where reading began.
    behind: u64,
    bytes_read: Arc<AtomicU64>,
    packing: Packing,
    chunk: usize,
    grammar: Option<Grammar>,
    /// The begin of a record that did not end in the batch before.
    carry: Vec<u8>,
    /// Where in the unpacked file the next batch's first byte stands.
    offset: u64,
    frames: u64,
    problems: Vec<Problem>,
}

enum State {
    /// Not looked at yet: the first bytes are fetched by the first `fill`, as a pipe may have none yet.
    Raw(Box<dyn Read + Send>),
    Reading(Box<dyn Read + Send>),
    Done,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("name", &self.name).field("frames", &self.frames).finish_non_exhaustive()
    }
}

/// Counts the bytes that pass, for progress.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(room)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl File {
    /// Opens a file by its path; `-` is standard input. Nothing is read yet.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let (file, name) = open(path)?;
        Ok(Self::of_file(file, name))
    }

    fn of_file(file: std::fs::File, name: String) -> Self {
        let meta = file.metadata().ok().filter(std::fs::Metadata::is_file);
        // Standard input may have been read by somebody else before.
        let behind = (&file).stream_position().unwrap_or(0);
        let file = Arc::new(file);
        let mut source = Self::from_reader(Arc::clone(&file), name);
        source.regular = meta.is_some();
        source.handle = meta.is_some().then_some(file);
        source.bytes_total = meta.map(|meta| meta.len().saturating_sub(behind));
        source.behind = behind;
        source
    }

    /// A capture from any reader; `name` is what problems call it.
    pub fn from_reader(reader: impl Read + Send + 'static, name: impl Into<String>) -> Self {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: reader, count: Arc::clone(&bytes_read) };
        Self {
            name: name.into(),
            input: State::Raw(Box::new(counted)),
            regular: false,
            handle: None,
            left: None,
            bytes_total: None,
            behind: 0,
            bytes_read,
            packing: Packing::Plain,
            chunk: READ,
            grammar: None,
            carry: Vec::new(),
            offset: 0,
            frames: 0,
            problems: Vec::new(),
        }
    }

    /// Sets how many bytes are asked for at a time: less where many files are open at once.
    pub(super) fn with_chunk(mut self, bytes: usize) -> Self {
        self.chunk = bytes;
        self
    }

    /// What is missing at the end is no problem once this flag is set.
    pub(super) fn left_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.left = Some(flag);
        self
    }

    /// Whether the input was left before its end.
    fn is_left(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed))
    }

    /// Whether it can be opened a second time: a regular file, not a pipe.
    pub(super) fn is_regular(&self) -> bool {
        self.regular
    }

    /// The name that the user gave.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The decryption secrets met so far.
    pub fn secrets(&self) -> &[Secrets] {
        match &self.grammar {
            Some(Grammar::Pcapng(pcapng)) => pcapng.secrets(),
            _ => &[],
        }
    }

    fn problem(&mut self, what: impl Into<String>, hint: Option<&str>) {
        self.problems.push(Problem { input: self.name.clone(), what: what.into(), hint: hint.map(Into::into) });
    }

    /// The reader of the unpacked content, after a look at the first bytes.
    fn begin(&mut self) -> Option<Box<dyn Read + Send>> {
        match std::mem::replace(&mut self.input, State::Done) {
            State::Done => None,
            State::Reading(reader) => Some(reader),
            State::Raw(raw) => match unpack(raw) {
                Ok((packing, reader)) => {
                    self.packing = packing;
                    if packing != Packing::Plain {
                        self.chunk = self.chunk.min(READ_UNPACKED);
                    }
                    Some(reader)
                }
                Err(error) => {
                    self.failed(&error);
                    None
                }
            },
        }
    }

    fn failed(&mut self, error: &io::Error) {
        let is_cut = error.kind() == ErrorKind::UnexpectedEof;
        if is_cut && (self.is_left() || self.was_truncated()) {
            return;
        }
        match self.packing.name() {
            None if self.frames == 0 => self.problem(format!("can't be read: {error}"), None),
            None => self.problem(format!("can't be read on after {} frames: {error}", self.frames), READ_BEFORE),
            Some(name) => {
                let what = if is_cut {
                    format!("the {name} stream is cut short, after {} frames", self.frames)
                } else {
                    format!("the {name} stream is damaged after {} frames: {error}", self.frames)
                };
                let hint = match self.growth() {
                    Some(STILL_WRITTEN) if is_cut => STILL_WRITTEN,
                    _ => "the frames before that were read; copy or record the file anew",
                };
                self.problem(what, Some(hint));
            }
        }
    }

    /// Tells if the file has become shorter than it was when it was opened. Asked at its end.
    fn was_truncated(&mut self) -> bool {
        let read = self.bytes_read.load(Ordering::Relaxed);
        match self.bytes_total.filter(|total| *total > read && self.handle.is_some()) {
            None => false,
            Some(total) => {
                let what = format!(
                    "was truncated while it was read: it had {total} bytes when it was opened, and ended after {read}, \
                     in which there were {} frames",
                    self.frames
                );
                self.problem(what, Some("whoever wrote it may have begun anew: read it again"));
                true
            }
        }
    }

    /// What can be said of a file that others write to while it is read.
    fn growth(&self) -> Option<&'static str> {
        let length = self.handle.as_ref()?.metadata().ok()?.len();
        (length.saturating_sub(self.behind) > self.bytes_total?).then_some(STILL_WRITTEN)
    }

    /// Lets the grammar read what has arrived from `at` on; `base` is the place of the batch's first byte.
    fn scan(&mut self, batch: &mut Batch, at: &mut usize, base: u64) -> Stop {
        if self.grammar.is_none() {
            let first = batch.bytes().get(*at..).unwrap_or_default();
            match grammar::recognise(first) {
                Some(format) => self.grammar = Some(Grammar::new(format)),
                // The first read may bring very little: wait for enough to make a good guess.
                None => return Stop::Need(GUESS_LENGTH as u64),
            }
        }
        match &mut self.grammar {
            Some(grammar) => {
                let scan = grammar.scan(batch, *at, base);
                *at = scan.at;
                scan.stop
            }
            None => Stop::Need(GUESS_LENGTH as u64),
        }
    }

    /// Reads until the batch is worth handing over, or there is no more to read.
    fn read(&mut self, reader: &mut dyn Read, batch: &mut Batch) -> Outcome {
        let (start, frames_before) = (batch.bytes_held(), batch.len());
        let mut base = self.offset.wrapping_sub(start as u64);
        let mut at = start;
        batch.append(&std::mem::take(&mut self.carry));
        let mut need = 0;
        let end = loop {
            match batch.read_from(reader, self.chunk) {
                Ok(0) => {
                    // With nothing read in this call, what the carried piece needs is not known yet.
                    if let Stop::Need(bytes) = self.scan(batch, &mut at, base) {
                        need = bytes;
                    }
                    break End::Input;
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => break End::Failed(error),
            }
            match self.scan(batch, &mut at, base) {
                Stop::Need(bytes) => need = bytes,
                Stop::Damaged(what) => break End::Damaged(what),
            }
            let rest = batch.bytes_held() - at;
            if self.grammar.is_none() && rest >= GUESS_LENGTH {
                break End::Foreign;
            }
            if batch.len() > frames_before {
                // A pipe hands over what it has; a regular file fills the buffer.
                if !self.regular || batch.bytes_held() - start >= READ.min(self.chunk * 8) {
                    self.carry.extend_from_slice(batch.bytes().get(at..).unwrap_or_default());
                    break End::Batch;
                }
            } else if frames_before == 0 && at > 0 {
                // Blocks without frames are dropped at once, so that any number of them fits.
                batch.drop_front(at);
                base = base.wrapping_add(at as u64);
                at = 0;
            }
        };
        self.frames += (batch.len() - frames_before) as u64;
        self.offset = base.wrapping_add(at as u64);
        Outcome { end, at, need }
    }

    /// The input has ended with bytes that belong to a piece of which `need` bytes were expected.
    fn ended(&mut self, rest: &[u8], need: u64) {
        let length = rest.len() as u64;
        let Some(grammar) = &self.grammar else {
            if rest.is_empty() {
                self.problem("is empty", Some("was the capture stopped before its first byte was written?"));
            } else if rest.len() < MAGIC_LENGTH {
                self.problem(format!("cut short: its {length} bytes are too few for a file header"), None);
            } else {
                let foreign::Guess { what, hint } = foreign::guess(rest);
                self.problem(what, hint);
            }
            return;
        };
        let passing = matches!(grammar, Grammar::Pcapng(pcapng) if pcapng.is_passing());
        if passing || !rest.is_empty() {
            let what = format!(
                "cut short in the middle of a {} after {} frames: it ends at byte {}, at least {} bytes too early",
                grammar.piece(),
                self.frames,
                self.offset + length,
                need.saturating_sub(length).max(1),
            );
            self.problem(what, self.growth().or(READ_BEFORE.filter(|_| self.frames > 0)));
        }
    }
}

/// How far one call of [`File::read`] came.
struct Outcome {
    end: End,
    /// Where in the batch's bytes the first piece begins that was not read.
    at: usize,
    /// How many bytes that piece needs.
    need: u64,
}

/// Why it came no further.
enum End {
    /// The batch is full enough.
    Batch,
    /// The input has ended.
    Input,
    /// It is no capture.
    Foreign,
    /// The grammar can't go on.
    Damaged(String),
    /// Reading failed.
    Failed(io::Error),
}

/// Opens a file or standard input, with what it is called in problems.
pub(super) fn open(path: &Path) -> Result<(std::fs::File, String), Problem> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    if is_stdin && io::stdin().is_terminal() {
        return Err(Problem {
            input: name,
            what: "is a terminal, and a capture can't be typed".into(),
            hint: Some("pipe one in, for example `tcpdump -U -w - | mqttsniff read -`".into()),
        });
    }
    // In a closed cage no directory can be opened, which would look like a right that the user lacks.
    if !is_stdin && path.is_dir() {
        return Err(directory(name));
    }
    let opened = if is_stdin { own_stdin() } else { std::fs::File::open(path) };
    let file = opened.map_err(|error| unreadable(&name, &error))?;
    let meta = file.metadata().map_err(|error| unreadable(&name, &error))?;
    if meta.is_dir() { Err(directory(name)) } else { Ok((file, name)) }
}

fn directory(name: String) -> Problem {
    let hint = "name the capture files in it, for example with `DIRECTORY/*.pcap`";
    Problem { input: name, what: "is a directory".into(), hint: Some(hint.into()) }
}

/// Standard input as a file of its own: std's handle would copy every byte through its small buffer.
#[cfg(unix)]
fn own_stdin() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd as _;
    io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from)
}

#[cfg(windows)]
fn own_stdin() -> io::Result<std::fs::File> {
    use std::os::windows::io::AsHandle as _;
    io::stdin().as_handle().try_clone_to_owned().map(std::fs::File::from)
}

fn unreadable(name: &str, error: &io::Error) -> Problem {
    let (what, hint) = match error.kind() {
        ErrorKind::NotFound => (
            "no such file".to_owned(),
            Some("check the name; one that does not begin with / is looked for in the current directory".to_owned()),
        ),
        ErrorKind::PermissionDenied => {
            let hint = "captures made as root often belong to root: `sudo chown $USER FILE`, or read it with sudo";
            ("no permission to read it".to_owned(), Some(hint.to_owned()))
        }
        _ => {
            // EMFILE, which std has no kind for; the number is the same on every Unix.
            let hint = "files that overlap in time are open together: raise the limit with `ulimit -n`";
            let too_many = cfg!(unix) && error.raw_os_error() == Some(24);
            (format!("can't be opened: {error}"), too_many.then(|| hint.to_owned()))
        }
    };
    Problem { input: name.to_owned(), what, hint }
}

impl Source for File {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        let Some(mut reader) = self.begin() else { return Fill::End };
        let Outcome { end, at, need } = self.read(&mut *reader, batch);
        match end {
            End::Batch => {
                self.input = State::Reading(reader);
                return Fill::More;
            }
            End::Input if self.is_left() || self.was_truncated() => {}
            End::Input | End::Foreign => self.ended(batch.bytes().get(at..).unwrap_or_default(), need),
            End::Damaged(what) => self.problem(
                format!("damaged at byte {} after {} frames: {what}", self.offset, self.frames),
                Some("what follows is left out, as records can't be found again"),
            ),
            End::Failed(error) => self.failed(&error),
        }
        Fill::End
    }

    fn report(&self) -> SourceReport {
        let mut problems = self.problems.clone();
        let (mut kernel_dropped, mut interface_dropped) = (None, None);
        if let Some(Grammar::Pcapng(pcapng)) = &self.grammar {
            (kernel_dropped, interface_dropped) = pcapng.drops();
            problems.extend(pcapng.oddities().iter().map(|odd| Problem {
                input: self.name.clone(),
                what: format!("{} {}, the first at byte {}", odd.count, odd.what.describe(), odd.first_offset),
                hint: None,
            }));
        }
        SourceReport {
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_total: self.bytes_total,
            kernel_received: None,
            kernel_dropped,
            interface_dropped,
            analysis_dropped: None,
            problems,
        }
    }

    fn may_wait(&self) -> bool {
        !self.regular
    }

    fn interface_name(&self, interface: u32) -> Option<&str> {
        match &self.grammar {
            Some(Grammar::Pcapng(pcapng)) => pcapng.interface_name(interface),
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
