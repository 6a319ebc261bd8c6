//! A capture file that is written while others are read, or a series of them.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::bail;
use mqttsniff::cage::Needs;
use mqttsniff::capture::save::{self, NotBegun, Packing, Series, Writer};
use mqttsniff::capture::{Frame, FrameHeader, Secrets};
use mqttsniff::render::Count;
use mqttsniff::time::Timestamp;

use super::after::AfterFile;
use super::failure::{Failure, say};
use super::flush::Waiting;

/// The file that is written: under another name until it is whole, so that what stood there is not lost to a failure; or
/// files that grow in their places.
pub(super) struct Target {
    path: PathBuf,
    place: Place,
    /// How each file is written; with the names of the interfaces.
    options: save::Options,
    writer: Option<Writer>,
    waiting: Waiting,
    after: Option<AfterFile>,
    /// Frames in files that are whole.
    frames: u64,
    /// Those that were written to the one at hand.
    begun: u64,
    done: bool,
}

enum Place {
    /// One file; with the name under which it is written until it is whole: none for a pipe or a device, and while
    /// capturing. It is open until the writer has it; standard output always is.
    One { partial: Option<PathBuf>, file: Option<fs::File> },
    /// One after the other.
    Series(Box<Series>),
}

/// Refuses standard output, where that has the rows.
pub(super) fn refuse_stdout(path: &Path) -> anyhow::Result<()> {
    if path == Path::new("-") {
        bail!(Failure::new(
            "--write - would mix the capture with the rows on standard output",
            Some("name a file, or a FIFO made with mkfifo".to_owned()),
        ));
    }
    Ok(())
}

/// Refuses what would not be what its name says, or harm a terminal. `way_out` is a command that compresses.
pub(super) fn refuse_output(path: &Path, way_out: &str) -> anyhow::Result<()> {
    refuse_packing(path, way_out)?;
    if path == Path::new("-") && io::stdout().is_terminal() {
        bail!(Failure::new("a capture is nothing for a terminal", Some("name a file, or pipe it".to_owned())));
    }
    refuse_place(path)?;
    if fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink()) {
        bail!(Failure::new(
            format!("'{}' is a symbolic link, and whoever made it chose what would be replaced", path.display()),
            Some("name the file itself".to_owned()),
        ));
    }
    Ok(())
}

/// Refuses a place where no file can be, before any work is done for it.
fn refuse_place(path: &Path) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    if path.is_dir() {
        bail!(Failure::new(
            format!("'{}' is a directory", path.display()),
            Some("name a file in it, for example with /capture.pcapng behind it".to_owned()),
        ));
    }
    // A name alone stands in the current directory, and its parent is empty.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        bail!(Failure::new(
            format!("can't write to '{}': there is no directory '{}'", path.display(), parent.display()),
            Some(format!("make it: mkdir -p '{}'", parent.display())),
        ));
    }
    Ok(())
}

/// Refuses a name that promises a packing which is not written.
pub(super) fn refuse_packing(path: &Path, way_out: &str) -> anyhow::Result<()> {
    let others = ["lz4", "xz", "bz2"];
    let is_other = path.extension().is_some_and(|end| others.iter().any(|name| end.eq_ignore_ascii_case(name)));
    if is_other || !Packing::of_path(path).is_built() {
        let written = if Packing::Zstd.is_built() { "plain, with gzip or with zstd" } else { "plain or with gzip" };
        bail!(Failure::new(
            format!(
                "'{}' names a compressed file of a kind that is not written: files are written {written}",
                path.display()
            ),
            Some(format!("name it .gz, or write it plain and compress it: {way_out}")),
        ));
    }
    Ok(())
}

/// Refuses to write a file that is read at the same time.
pub(super) fn refuse_own_input(inputs: &[PathBuf], output: &Path) -> anyhow::Result<()> {
    let Ok(written) = fs::canonicalize(output) else { return Ok(()) };
    let same =
        |input: &PathBuf| fs::canonicalize(input).is_ok_and(|input| input == written || is_same_file(&input, &written));
    if inputs.iter().any(same) && output != Path::new("-") {
        bail!(Failure::new(
            format!("'{}' is the input itself, and would be lost", output.display()),
            Some("name another file to write".to_owned()),
        ));
    }
    Ok(())
}

#[cfg(unix)]
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let number = |path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|data| (data.dev(), data.ino()));
    number(a).is_some_and(|first| number(b) == Some(first))
}

#[cfg(not(unix))]
fn is_same_file(_: &Path, _: &Path) -> bool {
    false
}

impl Target {
    /// What [`Target::new`] takes once the cage is closed: the file is open by then, and has yet to be put in its place.
    pub(super) fn needs(path: &Path, needs: &mut Needs) {
        if !is_stream(path) {
            needs.replace(path);
        } else if path != Path::new("-") {
            needs.write.push(path.to_owned());
        }
    }

    /// A file that is put in its place once it is whole.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        let partial = path.file_name().filter(|_| !is_stream(path)).map(|name| {
            let mut name = name.to_os_string();
            name.push(".partial");
            path.with_file_name(name)
        });
        let open = |path: &Path| save::create(path).map(Some);
        let file = if path == Path::new("-") { Ok(None) } else { open(partial.as_deref().unwrap_or(path)) };
        let file = file.map_err(|error| failed_write(path, error))?;
        Ok(Self::of(path, Place::One { partial, file }, save::Options::of_path(path)))
    }

    /// A file that grows in its place, as others may follow it.
    pub(super) fn growing(path: &Path, options: save::Options) -> anyhow::Result<Self> {
        refuse_place(path)?;
        let begun = Writer::create(path, options.clone()).and_then(|mut writer| {
            // Nobody knows when the first frame comes.
            writer.begin(options.link, 0, 0)?;
            Ok(writer)
        });
        let writer = begun.map_err(|error| failed_write(path, error))?;
        let mut target = Self::of(path, Place::One { partial: None, file: None }, options);
        target.writer = Some(writer);
        Ok(target)
    }

    /// Puts secrets before the first frame.
    pub(super) fn put_secrets(&mut self, secrets: Secrets) {
        self.options.secrets = Some(secrets);
    }

    /// Files that grow in their places, one after the other. Each is begun by its first frame.
    pub(super) fn series(path: &Path, series: Series, options: save::Options) -> Self {
        Self::of(path, Place::Series(Box::new(series)), options)
    }

    fn of(path: &Path, place: Place, options: save::Options) -> Self {
        let path = path.to_owned();
        Self {
            path,
            place,
            options,
            writer: None,
            waiting: Waiting::default(),
            after: None,
            frames: 0,
            begun: 0,
            done: false,
        }
    }

    /// The same, telling each file that is whole.
    #[must_use]
    pub(super) fn with_after(mut self, after: Option<AfterFile>) -> Self {
        self.after = after;
        self
    }

    /// The file as it was named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of an interface whose frames are still to come.
    pub(super) fn name_interface(&mut self, interface: u32, name: &str) {
        self.options.name_interface(interface, name);
        if let Some(writer) = &mut self.writer {
            writer.name_interface(interface, name);
        }
    }

    /// Writes a frame with its comments.
    pub(super) fn write<'c>(
        &mut self,
        frame: &Frame<'_>,
        comments: impl IntoIterator<Item = &'c str>,
    ) -> anyhow::Result<()> {
        let time = frame.header.time;
        if let (Place::Series(series), Some(writer)) = (&self.place, &self.writer)
            && series.cuts(time, writer.bytes_with(frame))
        {
            self.end()?;
        }
        if self.writer.is_none() {
            self.writer = Some(self.begin(Some(&frame.header))?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write_commented(frame, comments).map_err(|error| failed_write(self.current(), error))?;
        }
        if let Place::Series(series) = &mut self.place {
            series.count();
        }
        self.begun += 1;
        self.waiting.wrote();
        Ok(())
    }

    /// To be called at least ten times a second while capturing, also when nothing arrives: hands to the system what waits,
    /// and ends a file whose time is over. `now` is what the clock shows.
    pub(super) fn pause(&mut self, now: Timestamp) -> anyhow::Result<()> {
        if let Place::Series(series) = &mut self.place
            && series.is_over(now)
        {
            self.end()?;
        }
        if let Some(after) = &self.after {
            after.pass_on();
        }
        if let Some(writer) = &mut self.writer
            && self.waiting.is_due(now, writer.is_packed())
        {
            writer.flush().map_err(|error| failed_write(self.current(), error))?;
        }
        Ok(())
    }

    /// More may be long in coming: what grows in its place is handed to the system now, if that makes it no larger.
    pub(super) fn hand_over(&mut self, now: Timestamp) -> anyhow::Result<()> {
        if let (Some(writer), Place::Series(_) | Place::One { partial: None, .. }) = (&mut self.writer, &self.place)
            && (self.waiting.take(!writer.is_packed()) || self.waiting.is_due(now, true))
        {
            writer.flush().map_err(|error| failed_write(self.current(), error))?;
        }
        Ok(())
    }

    /// The file that is being written, by the name that a user would look for.
    fn current(&self) -> &Path {
        match &self.place {
            Place::Series(series) => series.growing().unwrap_or(&self.path),
            Place::One { .. } => &self.path,
        }
    }

    /// The writer of the next file, and of its first frame if it has one; nothing is written before the input is known to
    /// be a capture.
    fn begin(&mut self, first: Option<&FrameHeader>) -> anyhow::Result<Writer> {
        let mut options = self.options.clone();
        if let Some(first) = first {
            options.link = first.link;
        }
        match &mut self.place {
            Place::One { file, .. } => {
                let out: Box<dyn io::Write + Send> = match file.take() {
                    Some(file) => Box::new(file),
                    None => Box::new(io::stdout()),
                };
                Writer::new(out, options).map_err(|error| failed_write(&self.path, error))
            }
            Place::Series(series) => {
                let begun = series.begin(first.map_or_else(Timestamp::default, |first| first.time));
                for note in series.notes() {
                    say(&note.to_string());
                }
                let file = begun.map_err(|NotBegun { path, error }| failed_write(&path, error))?;
                let link = options.link;
                let writer = Writer::new(Box::new(file), options).and_then(|mut writer| {
                    // Whatever ends the program, this file is a capture.
                    writer.begin(
                        link,
                        first.map_or(0, |first| first.fcs_length),
                        first.map_or(0, |first| first.interface),
                    )?;
                    Ok(writer)
                });
                writer.map_err(|error| failed_write(self.current(), error))
            }
        }
    }

    /// The file that was written is whole.
    fn end(&mut self) -> anyhow::Result<()> {
        if let Some(writer) = &mut self.writer
            && !writer.is_packed()
        {
            // As long as it is there it tells what is in the file.
            writer.flush().map_err(|error| failed_write(self.current(), error))?;
        }
        if let Some(writer) = self.writer.take() {
            self.frames += writer.frames_out();
            let behind = self.begun - writer.frames_out();
            writer.finish().map_err(|error| failed_write(self.current(), error))?;
            self.frames += behind;
        }
        self.begun = 0;
        self.waiting.ended();
        let whole = match &mut self.place {
            Place::One { partial: Some(partial), .. } => {
                fs::rename(partial, &self.path).map_err(|error| failed_write(&self.path, error))?;
                Some(self.path.clone())
            }
            Place::One { partial: None, .. } => Some(self.path.clone()),
            Place::Series(series) => series.end(),
        };
        if let (Some(after), Some(whole)) = (&self.after, whole) {
            after.file(&whole);
        }
        Ok(())
    }

    /// Nothing more is to be written.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        // A file without frames is a capture too, where there is to be one file; its name may depend on its first frame.
        if self.writer.is_none() && matches!(self.place, Place::One { .. }) {
            self.writer = Some(self.begin(None)?);
        }
        if self.writer.is_some() {
            self.end()?;
        }
        if matches!(&self.place, Place::Series(series) if series.begun() == 0) {
            say("no frame was saved, and so no file was begun");
        }
        self.done = true;
        Ok(())
    }

    /// How many frames are saved where writing has failed: so many at least, and whether it may be more.
    pub(super) fn saved(&self) -> (u64, bool) {
        if matches!(self.place, Place::One { partial: Some(_), .. }) {
            // It is not whole, and so it is not put in its place.
            return (0, false);
        }
        let growing = self.writer.as_ref().map_or(0, Writer::frames_out);
        (self.frames + growing, self.options.packing != Packing::Plain)
    }

    /// Where the frames are, for people.
    pub(super) fn places(&self) -> String {
        match &self.place {
            Place::Series(series) => Count(series.begun(), "file").to_string(),
            Place::One { .. } => format!("'{}'", self.path.display()),
        }
    }
}

impl Drop for Target {
    /// Leaves no half of a capture behind.
    fn drop(&mut self) {
        if let (Place::One { partial: Some(partial), .. }, false) = (&self.place, self.done) {
            let _ = fs::remove_file(partial);
        }
    }
}

/// Whether it is written to as it is: standard output, a pipe, a device.
fn is_stream(path: &Path) -> bool {
    path == Path::new("-") || fs::metadata(path).is_ok_and(|data| !data.is_file())
}

/// What is said of a file that can't be written.
pub(super) fn failed_write(path: &Path, error: io::Error) -> anyhow::Error {
    let what = format!("can't write to '{}'", path.display());
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        let hint = "what was written before can be read; make room, or let old files go (--keep, --json-keep)";
        return Failure::new(format!("{what}: {error}"), Some(hint.to_owned())).into();
    }
    // That nobody reads standard output is no failure; that a FIFO has lost its reader is one, as what was to be saved is not.
    if error.kind() == ErrorKind::BrokenPipe && path != Path::new("-") {
        let hint = "whoever read it has ended, or ran into an error of its own";
        return Failure::new(format!("{what}: nobody reads it any more"), Some(hint.to_owned())).into();
    }
    anyhow::Error::new(error).context(what)
}
