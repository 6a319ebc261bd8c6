//! Reading a capture while it is being written: `--follow`, and when to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use mqttsniff::capture::{Growing, SourceReport};

use super::clock::now;
use super::failure::{Failure, say};
use super::parse::some_time;
use super::stop::Signals;

/// For how long nothing comes before it is asked whether the file is still there.
const QUIET: Duration = Duration::from_secs(1);

/// The arguments.
#[derive(Debug, Default, Args)]
pub(super) struct Tail {
    /// Read on while the capture is being written
    ///
    /// As `tail -f` does, and shown as by `mqttsniff capture`: rows as they happen, the tables at the end, on Ctrl-C or
    /// SIGTERM. Then half a record at the end is no error. A file is followed by what it is: one that is renamed is
    /// followed on; one that is truncated, or replaced by another, ends it with exit status 2. A pipe ends with its last
    /// writer. What is compressed comes when its compressor has written a whole block, with zstd a window of several MiB
    /// later.
    #[arg(long, help_heading = "Input")]
    pub(super) follow: bool,

    /// Stop following after this time: 30s, 10m, 2h
    #[arg(long, value_name = "TIME", help_heading = "Stop", value_parser = some_time, requires = "follow")]
    duration: Option<Duration>,

    /// Stop following when nothing was written for this time
    #[arg(long, value_name = "TIME", help_heading = "Stop", value_parser = some_time, requires = "follow")]
    idle: Option<Duration>,
}

impl Tail {
    /// Begins to follow the only one of these files.
    pub(super) fn begin<'a>(&self, files: &'a [PathBuf]) -> anyhow::Result<(Growing, Watch<'a>)> {
        let [file] = files else {
            bail!(Failure::new(
                "--follow follows one capture, and several are named",
                Some("follow each by itself".to_owned()),
            ));
        };
        let stop = Arc::new(AtomicBool::new(false));
        let growing = Growing::open(file, Arc::clone(&stop)).map_err(|problem| Failure::from(&problem))?;
        // A FIFO waits for its writer when it is opened, which a signal should end at once.
        let signals = Signals::listen(&stop)?;
        let now = now();
        let watch = Watch {
            file,
            stop,
            signals: Some(signals),
            deadline: self.duration.and_then(|duration| now.checked_add(duration)),
            idle: self.idle,
            read: 0,
            since: now,
            asked: now,
            missing: false,
        };
        Ok((growing, watch))
    }
}

/// Decides when to stop.
pub(super) struct Watch<'a> {
    file: &'a Path,
    stop: Arc<AtomicBool>,
    /// Until all is open.
    signals: Option<Signals>,
    deadline: Option<Instant>,
    idle: Option<Duration>,
    /// What was read until now, and since when no more.
    read: u64,
    since: Instant,
    /// When it was looked last whether the file is still there, and what was found.
    asked: Instant,
    missing: bool,
}

impl Watch<'_> {
    /// All is open, and threads may be started.
    pub(super) fn begins(&mut self) -> anyhow::Result<()> {
        self.signals.take().map_or(Ok(()), Signals::begin)
    }

    /// What was read so far was told.
    pub(super) fn pause(&mut self, report: &SourceReport) {
        let now = now();
        if report.bytes_read != self.read {
            self.read = report.bytes_read;
            self.since = now;
        }
        let is_idle = self.idle.is_some_and(|idle| now - self.since >= idle);
        if is_idle || self.deadline.is_some_and(|deadline| now >= deadline) {
            self.stop.store(true, Ordering::Relaxed);
        }
        if now - self.since.max(self.asked) >= QUIET {
            self.asked = now;
            let missing = self.file != Path::new("-") && !self.file.exists();
            if missing && !self.missing {
                say(&format!(
                    "{}: is not there any more under this name; what is written to it is still read",
                    self.file.display()
                ));
            }
            self.missing = missing;
        }
    }
}
