//! A file that is written as a whole, in the place of what stood there.

use std::fs;
use std::io::{self, Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use mqttsniff::cage::Needs;
use mqttsniff::capture::save;

/// Opened before the work begins, so that what can't be written is known at once, and needs no rights later.
pub(super) struct Replacement {
    path: PathBuf,
    /// Where it is written until it is whole; none for a pipe or a device.
    partial: Option<PathBuf>,
    file: fs::File,
    done: bool,
}

impl Replacement {
    /// What this takes once the cage is closed.
    pub(super) fn needs(path: &Path, needs: &mut Needs) {
        if is_replaced(path) {
            needs.replace(path);
        } else {
            needs.write.push(path.to_owned());
        }
    }

    /// Opens it. The file is its owner's alone, unless what it replaces can be read by others; and never a symbolic link
    /// to a file, of which whoever made it chose what would be replaced.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if !is_replaced(path) {
            // A link to a pipe or a terminal, as /dev/stdout is, harms nothing.
            let file = fs::OpenOptions::new().write(true).open(path)?;
            let data = file.metadata()?;
            if data.is_file() {
                return Err(Error::new(ErrorKind::InvalidInput, "it is a symbolic link; name the file itself"));
            }
            return Ok(Self { path: path.to_owned(), partial: None, file, done: false });
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let partial = path.with_file_name(name);
        let file = save::create(&partial)?;
        let this = Self { path: path.to_owned(), partial: Some(partial), file, done: false };
        if let Ok(there) = fs::symlink_metadata(path) {
            this.file.set_permissions(there.permissions())?;
        }
        Ok(this)
    }

    /// Writes all of it, and puts it in its place.
    pub(super) fn write(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(partial) = &self.partial {
            fs::rename(partial, &self.path)?;
        }
        self.done = true;
        Ok(())
    }
}

/// Whether there is a file to be replaced, or none yet.
fn is_replaced(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(there) => there.is_file(),
        Err(_) => true,
    }
}

impl Drop for Replacement {
    /// Leaves no half behind where nothing came of it.
    fn drop(&mut self) {
        if let (Some(partial), false) = (&self.partial, self.done) {
            let _ = fs::remove_file(partial);
        }
    }
}
