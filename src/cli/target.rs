//! A capture file that is written while others are read.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::bail;
use mqttsniff::capture::save::{self, Format, Writer};
use mqttsniff::capture::{Frame, LinkType};

use super::failure::Failure;

/// The file that is written: under another name until it is whole, so that what stood there is not lost to a failure.
pub(super) struct Target<'a> {
    path: &'a Path,
    /// Where it is written until it is whole; none for a pipe or a device, and while capturing.
    partial: Option<PathBuf>,
    writer: Option<Writer>,
    /// Names of interfaces that came before the writer.
    names: Vec<(u32, String)>,
    done: bool,
}

/// Refuses what would not be what its name says, or harm a terminal. `way_out` is a command that compresses.
pub(super) fn refuse_output(path: &Path, way_out: &str) -> anyhow::Result<()> {
    let compressed = ["gz", "zst", "zstd", "lz4", "xz", "bz2"];
    if path.extension().is_some_and(|end| compressed.iter().any(|name| end.eq_ignore_ascii_case(name))) {
        bail!(Failure::new(
            format!("'{}' names a compressed file, and captures are written plain", path.display()),
            Some(format!("write it plain and compress it: {way_out}")),
        ));
    }
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

impl<'a> Target<'a> {
    /// A file that is put in its place once it is whole.
    pub(super) fn new(path: &'a Path) -> Self {
        let is_stream = path == Path::new("-") || fs::metadata(path).is_ok_and(|data| !data.is_file());
        let partial = path.file_name().filter(|_| !is_stream).map(|name| {
            let mut name = name.to_os_string();
            name.push(".partial");
            path.with_file_name(name)
        });
        Self { path, partial, writer: None, names: Vec::new(), done: false }
    }

    /// A file that grows in its place, as others may follow it.
    pub(super) fn growing(path: &'a Path, options: save::Options) -> anyhow::Result<Self> {
        refuse_place(path)?;
        let writer = written(path, Writer::create(path, options))?;
        Ok(Self { path, partial: None, writer: Some(writer), names: Vec::new(), done: false })
    }

    /// The file as it was named.
    pub(super) const fn path(&self) -> &'a Path {
        self.path
    }

    /// The name of an interface whose frames are still to come.
    pub(super) fn name_interface(&mut self, interface: u32, name: &str) {
        match &mut self.writer {
            Some(writer) => writer.name_interface(interface, name),
            None => self.names.push((interface, name.to_owned())),
        }
    }

    /// Writes a frame with its comments.
    pub(super) fn write<'c>(
        &mut self,
        frame: &Frame<'_>,
        comments: impl IntoIterator<Item = &'c str>,
    ) -> anyhow::Result<()> {
        let path = self.path;
        let writer = self.open(frame.header.link)?;
        written(path, writer.write_commented(frame, comments))
    }

    /// The writer; nothing is written before the input is known to be a capture.
    fn open(&mut self, link: LinkType) -> anyhow::Result<&mut Writer> {
        let writer = if let Some(writer) = self.writer.take() {
            writer
        } else {
            let mut options = save::Options::new(Format::of_path(self.path).unwrap_or(Format::Pcapng));
            options.link = link;
            let path = self.partial.as_deref().unwrap_or(self.path);
            let mut writer = written(self.path, Writer::create(path, options))?;
            self.names.drain(..).for_each(|(interface, name)| writer.name_interface(interface, &name));
            writer
        };
        Ok(self.writer.insert(writer))
    }

    /// The file is whole.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.open(LinkType::ETHERNET)?;
        if let Some(writer) = self.writer.take() {
            written(self.path, writer.finish())?;
        }
        if let Some(partial) = &self.partial {
            written(self.path, fs::rename(partial, self.path))?;
        }
        self.done = true;
        Ok(())
    }
}

impl Drop for Target<'_> {
    /// Leaves no half of a capture behind.
    fn drop(&mut self) {
        if let (Some(partial), false) = (&self.partial, self.done) {
            let _ = fs::remove_file(partial);
        }
    }
}

/// Says what could not be written. That nobody reads standard output is no failure; that a FIFO has lost its reader is one,
/// as what was to be saved is not.
fn written<T>(path: &Path, result: io::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| {
        let what = format!("can't write to '{}'", path.display());
        if error.kind() == io::ErrorKind::BrokenPipe && path != Path::new("-") {
            let hint = "whoever read it has ended, or ran into an error of its own";
            return Failure::new(format!("{what}: nobody reads it any more"), Some(hint.to_owned())).into();
        }
        anyhow::Error::new(error).context(what)
    })
}
