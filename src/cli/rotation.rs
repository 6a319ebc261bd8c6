//! The options of files that are written for days: when another begins, how many stay, what is done with each.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use mqttsniff::cage::Needs;
use mqttsniff::capture::save::{Limits, Pattern, PatternError, Series};
use mqttsniff::time::{Span, Timestamp};

use super::after::AfterFile;
use super::failure::Failure;
use super::parse::{duration, number, size};

/// The arguments.
#[derive(Debug, Default, Args)]
pub(super) struct Rotation {
    /// Begin another file before this one gets larger: 100MB, 1GiB
    ///
    /// What is packed (.gz, .zst) is measured as it is on the disk, and may get up to 256 kB larger. Files are numbered:
    /// trace.pcapng becomes trace_00001.pcapng and so on. No file that is there is replaced.
    #[arg(long, value_name = "SIZE", help_heading = "Files", requires = "write", value_parser = size)]
    rotate_size: Option<u64>,

    /// Begin another file at each multiple of this time: 15m, 1h, 1d
    ///
    /// With 1h at each full hour, with 1d at midnight, in UTC and by the times of the frames. A file is begun by its first
    /// frame; where nothing comes, there is none.
    #[arg(long, value_name = "TIME", help_heading = "Files", requires = "write", value_parser = duration)]
    rotate_time: Option<Duration>,

    /// Begin another file after so many frames
    #[arg(long, value_name = "FRAMES", help_heading = "Files", requires = "write",
          value_parser = number::<u64>(1, u64::MAX))]
    rotate_frames: Option<u64>,

    /// Keep at most so many files of this run, the oldest is removed
    ///
    /// The one that is being written counts. Files of other runs are left alone.
    #[arg(long, value_name = "FILES", help_heading = "Files", requires = "write",
          value_parser = number::<u32>(1, u32::MAX.into()))]
    keep: Option<u32>,

    /// Run a command for each file that is complete: 'gzip -9'
    ///
    /// The shell gets it with the file's path behind it. Commands are run one after the other, with the rights that
    /// mqttsniff was started with, and never hold up the capture; what is still to be done at the end is waited for.
    #[arg(long, value_name = "COMMAND", help_heading = "Files", requires = "write")]
    after_file: Option<String>,
}

/// The options for rotation, by what they limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) size: Option<u64>,
    pub(super) time: Option<Duration>,
    pub(super) frames: Option<u64>,
    pub(super) keep: Option<u32>,
}

/// What a path stands for.
pub(super) enum Files {
    /// One file: the path, in which two percent signs are one.
    One(PathBuf),
    /// One after the other.
    Several(Box<Series>),
}

impl Rotation {
    /// The files that a path stands for.
    pub(super) fn files(&self, path: &Path) -> anyhow::Result<Files> {
        let Self { rotate_size: size, rotate_time: time, rotate_frames: frames, keep, .. } = *self;
        files(path, Bounds { size, time, frames, keep }, "--keep", "--rotate-size 100MB")
    }

    /// What the files take once the cage is closed, if they are several; else the one that there is.
    pub(super) fn needs(&self, path: &Path, needs: &mut Needs) -> anyhow::Result<Option<PathBuf>> {
        match self.files(path)? {
            Files::One(path) => Ok(Some(path)),
            Files::Several(_) => {
                needs.create_beside(path);
                Ok(None)
            }
        }
    }

    /// Starts what runs commands, if there are any. To be called before rights are given up.
    pub(super) fn after_file(&self, path: Option<&PathBuf>) -> anyhow::Result<Option<AfterFile>> {
        let (Some(command), Some(path)) = (&self.after_file, path) else { return Ok(None) };
        AfterFile::start(command, path.parent().unwrap_or_else(|| Path::new(""))).map(Some)
    }
}

/// The files that a path stands for.
pub(super) fn files(path: &Path, bounds: Bounds, keep: &str, example: &str) -> anyhow::Result<Files> {
    let wrong = |error: PatternError| Failure::new(error.to_string(), Some(PatternError::HINT.to_owned()));
    let pattern = Pattern::parse(path).map_err(wrong)?;
    let limits = Limits {
        bytes: bounds.size,
        period: bounds.time.map(|time| Span::from_nanos(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))),
        items: bounds.frames,
        keep: bounds.keep.map(|keep| keep as usize),
    };
    if !limits.rotates() {
        if bounds.keep.is_some() {
            bail!(Failure::new(
                format!("{keep} is for several files, and nothing says when another begins"),
                Some(format!("say so: {example}")),
            ));
        }
        if pattern.is_fixed() {
            let is_plain = !path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'%'));
            // A path that is no pattern stays as it was written.
            return Ok(Files::One(if is_plain {
                path.to_owned()
            } else {
                pattern.name(Timestamp::default(), 0, None)
            }));
        }
    }
    if bounds.time.is_some_and(|time| time < Duration::from_secs(1)) {
        bail!(Failure::new("files of less than a second are too many", None));
    }
    if fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        bail!(Failure::new(
            format!("'{}' is no regular file, and there can't be several of it", path.display()),
            Some("name a file, or leave the rotation out".to_owned()),
        ));
    }
    // Told now, not at the first frame, which may come much later.
    let folder = if pattern.folder() == Path::new("") { Path::new(".") } else { pattern.folder() };
    if !fs::metadata(folder).is_ok_and(|data| data.is_dir()) {
        let hint = folder
            .to_string_lossy()
            .contains('%')
            .then(|| "times and numbers are put into the file's name, not into those of folders".to_owned());
        bail!(Failure::new(format!("there is no folder '{}'", folder.display()), hint));
    }
    Ok(Files::Several(Box::new(Series::new(pattern, limits))))
}
