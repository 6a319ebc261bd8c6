//! A capture that is still being written: a file that grows, or a pipe.
//!
//! A thread reads, and waits for more at the end; so whoever asks for frames is kept no longer than a tenth of a second,
//! whatever the thread waits for. The file is followed by what it is, not by its name: that another takes its place is the
//! end of it.

use std::fs::{self, File as Handle, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::file::{File, open};
use super::{Batch, Fill, FrameNo, Problem, Source, SourceReport};

/// How often it is looked whether there is more. Works on every file system, also where another machine writes; and a
/// system call ten times a second is nothing.
const TICK: Duration = Duration::from_millis(100);
/// For how many looks a file that another has replaced may be silent, before it is over: whoever rotates files writes the
/// last of the old one about when the new one appears.
const SILENT: u32 = 10;
/// How many ticks the thread gets to come to its end, once it is told to: it may hang in a read from a silent pipe.
const PATIENCE: u32 = 5;
/// Batches on their way; two keep both sides busy.
const ON_THE_WAY: usize = 2;

/// A capture that is still being written, from its begin to the moment when it is told to stop.
#[derive(Debug)]
pub struct Growing {
    name: String,
    /// What the thread begins with; it starts with the first fill, so that whatever confines threads can be set up before.
    waiting: Option<Start>,
    pieces: Receiver<Piece>,
    /// Gives emptied batches back.
    emptied: Sender<Batch>,
    stop: Arc<AtomicBool>,
    /// Ours: set when it is dropped.
    closing: Arc<AtomicBool>,
    waited: u32,
    report: SourceReport,
    /// The names of interfaces.
    names: Vec<Option<Box<str>>>,
    over: Arc<OnceLock<Over>>,
}

/// What the thread begins with.
#[derive(Debug)]
struct Start {
    file: Box<File>,
    to: SyncSender<Piece>,
    back: Receiver<Batch>,
}

/// What was read at a time.
struct Piece {
    batch: Batch,
    report: SourceReport,
    /// The names of the interfaces that come with it.
    names: Vec<Option<Box<str>>>,
}

/// Why a file is followed no further, though nobody has asked for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Truncated { read: u64, length: u64 },
    Replaced,
}

impl Growing {
    /// Opens a file by its path, or a pipe; `-` is standard input. Where that is a FIFO this waits for somebody to write to it.
    ///
    /// When `stop` becomes true it ends within about a tenth of a second, and what is missing at its end is no problem.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> Result<Self, Problem> {
        let (handle, name) = open(path)?;
        let over = Arc::new(OnceLock::new());
        let closing = Arc::new(AtomicBool::new(false));
        let left = Arc::new(AtomicBool::new(false));
        let tail = Tail {
            is_file: handle.metadata().is_ok_and(|data| data.is_file()),
            handle,
            path: (name == path.to_string_lossy()).then(|| path.to_owned()),
            read: 0,
            silent: 0,
            flags: [Arc::clone(&stop), Arc::clone(&closing)],
            left: Arc::clone(&left),
            over: Arc::clone(&over),
        };
        let file = File::from_reader(tail, name.clone()).left_by(left);
        let (to, pieces) = mpsc::sync_channel(ON_THE_WAY);
        let (emptied, back) = mpsc::channel();
        Ok(Self {
            name,
            waiting: Some(Start { file: Box::new(file), to, back }),
            pieces,
            emptied,
            stop,
            closing,
            waited: 0,
            report: SourceReport::default(),
            names: Vec::new(),
            over,
        })
    }

    fn start(&mut self) {
        let Some(Start { file, to, back }) = self.waiting.take() else { return };
        let spawned = thread::Builder::new().name("tail".to_owned()).spawn(move || read(*file, &to, &back));
        if let Err(error) = spawned {
            // What it would have read from is gone with it, so that the next fill is the end.
            let what = format!("can't be followed without a thread: {error}");
            self.report.problems.push(Problem { input: self.name.clone(), what, hint: None });
        }
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl Source for Growing {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        self.start();
        match self.pieces.recv_timeout(TICK) {
            Ok(piece) => {
                // Both count frames from the first on.
                let emptied = std::mem::replace(batch, piece.batch);
                // The thread may have ended, and need it no more.
                let _ = self.emptied.send(emptied);
                self.report = piece.report;
                self.names.extend(piece.names);
                Fill::More
            }
            Err(RecvTimeoutError::Timeout) => {
                self.waited += u32::from(self.stop.load(Ordering::Relaxed));
                if self.waited > PATIENCE { Fill::End } else { Fill::More }
            }
            Err(RecvTimeoutError::Disconnected) => Fill::End,
        }
    }

    fn report(&self) -> SourceReport {
        let mut report = self.report.clone();
        if let Some(over) = self.over.get() {
            let (what, hint) = match over {
                Over::Truncated { read, length } => (
                    format!("was truncated while it was followed: {read} bytes were read, and now it has {length}"),
                    "whoever writes it has begun anew: follow it anew",
                ),
                Over::Replaced => (
                    "was replaced by another file while it was followed; it was read to its end".to_owned(),
                    "its writer goes on in the other one: follow that, under the same name",
                ),
            };
            report.problems.insert(0, Problem { input: self.name.clone(), what, hint: Some(hint.to_owned()) });
        }
        report
    }

    fn interface_name(&self, interface: u32) -> Option<&str> {
        self.names.get(interface as usize)?.as_deref()
    }
}

/// The thread: reads to the end, and hands on what there is.
fn read(mut file: File, to: &SyncSender<Piece>, back: &Receiver<Batch>) {
    let mut next = FrameNo(1);
    let mut named = 0;
    loop {
        let mut batch = back.try_recv().unwrap_or_default();
        batch.restart(next);
        let fill = file.fill(&mut batch);
        next = batch.next_number();
        let met = batch.frames().map(|frame| frame.header.interface.saturating_add(1)).max().unwrap_or(0);
        // The grammar tells 65536 interfaces apart at most.
        let names = (named..met).map(|interface| file.interface_name(interface).map(Into::into)).collect();
        named = named.max(met);
        let sent = to.send(Piece { batch, report: file.report(), names });
        if sent.is_err() || fill == Fill::End {
            return;
        }
    }
}

/// Reads what there is, and waits where there is no more.
struct Tail {
    handle: Handle,
    is_file: bool,
    /// Its name, where it has one.
    path: Option<PathBuf>,
    read: u64,
    /// Looks since something new was there, with another file in its place.
    silent: u32,
    /// Each of them asks for the end.
    flags: [Arc<AtomicBool>; 2],
    /// Told when the end of what is read is not the end of what will be written.
    left: Arc<AtomicBool>,
    over: Arc<OnceLock<Over>>,
}

impl Tail {
    /// Whether to stop, where there is nothing more for now.
    fn is_over(&mut self) -> bool {
        let Ok(data) = self.handle.metadata() else { return false };
        if data.len() < self.read {
            self.left.store(true, Ordering::Relaxed);
            // It is set once, by the end.
            let _ = self.over.set(Over::Truncated { read: self.read, length: data.len() });
            return true;
        }
        let path = self.path.as_deref();
        // A name that is gone may come back, and its file may go on without it.
        let replaced = path.and_then(|path| fs::metadata(path).ok()).is_some_and(|other| !is_same(&data, &other));
        self.silent = if replaced { self.silent + 1 } else { 0 };
        let over = self.silent > SILENT;
        if over {
            let _ = self.over.set(Over::Replaced);
        }
        over
    }
}

impl Read for Tail {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.flags.iter().any(|flag| flag.load(Ordering::Relaxed)) {
                self.left.store(true, Ordering::Relaxed);
                return Ok(0);
            }
            match self.handle.read(room) {
                // The last writer of a pipe has closed it.
                Ok(0) if !self.is_file || room.is_empty() || self.over.get().is_some() => return Ok(0),
                Ok(0) => {
                    if self.is_over() {
                        return Ok(0);
                    }
                    thread::sleep(TICK);
                }
                Ok(count) => {
                    self.read += count as u64;
                    self.silent = 0;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Without a number of the file, its name is all there is.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
#[path = "growing_tests.rs"]
mod tests;
