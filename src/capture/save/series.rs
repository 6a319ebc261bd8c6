//! Files that are made one after the other.
//!
//! None of them replaces a file that is there: the next free name is taken. So a program that is started anew goes on
//! behind what it wrote before, and nobody can choose what is written to by putting a link in its way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::name::Pattern;
use super::rotate::{Limits, Rotation};
use crate::time::Timestamp;

/// The most names that are tried for one file.
const TRIES: u64 = 1_000_000;

/// A file that can't be begun.
#[derive(Debug, thiserror::Error)]
#[error("can't begin '{}'", path.display())]
pub struct NotBegun {
    /// Its name.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub error: io::Error,
}

/// Something that people should know, though writing goes on.
#[derive(Debug, thiserror::Error)]
pub enum Note {
    /// Symbolic links stand where files were to be made.
    #[error("'{}' is a symbolic link, through which nothing is written; {}", path.display(), others(*more))]
    Link {
        /// The first of them.
        path: PathBuf,
        /// How many more there were.
        more: u64,
    },
    /// A file should have been removed.
    #[error("'{}' can't be removed to make room: {error}", path.display())]
    Stays {
        /// Its name.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

fn others(more: u64) -> String {
    match more {
        0 => "another name was taken".to_owned(),
        1 => "nor is it through another one".to_owned(),
        more => format!("nor is it through {more} more"),
    }
}

/// Makes the files, and removes those that are too many.
#[derive(Debug)]
pub struct Series {
    pattern: Pattern,
    rotation: Rotation<Made>,
    /// How many files there were.
    begun: u64,
    /// The number of the next file.
    number: u64,
    /// The last name without a number that tells it apart, and the last number that it got.
    latest: Option<(PathBuf, u64)>,
    growing: Option<Made>,
    notes: Vec<Note>,
}

/// A file that was made here.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    identity: Option<Identity>,
}

type Identity = (u64, u64);

impl Series {
    /// Nothing is made yet.
    pub const fn new(pattern: Pattern, limits: Limits) -> Self {
        let rotation = Rotation::new(limits);
        Self { pattern, rotation, begun: 0, number: 1, latest: None, growing: None, notes: Vec::new() }
    }

    /// How the files are named.
    pub const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// How many files there were, the one that grows among them.
    pub const fn begun(&self) -> u64 {
        self.begun
    }

    /// The file that grows.
    pub fn growing(&self) -> Option<&Path> {
        self.growing.as_ref().map(|made| made.path.as_path())
    }

    /// Whether another file is to be begun for something of this time, with which this one would have so many bytes.
    pub fn cuts(&self, time: Timestamp, bytes: u64) -> bool {
        self.rotation.cuts(time, bytes)
    }

    /// Whether the time of the file that grows is over, by the clock: see [`Rotation::is_over`].
    pub fn is_over(&mut self, now: Timestamp) -> bool {
        self.rotation.is_over(now)
    }

    /// Something was written to the file that grows.
    pub fn count(&mut self) {
        self.rotation.count();
    }

    /// Begins a file for something of this time. Those that are then too many are removed first.
    pub fn begin(&mut self, time: Timestamp) -> Result<File, NotBegun> {
        while let Some(made) = self.rotation.surplus() {
            self.remove(made);
        }
        let (path, file) = self.create(time)?;
        self.growing = Some(Made { identity: file.metadata().ok().and_then(|data| identity(&data)), path });
        self.rotation.begin(time);
        self.begun += 1;
        Ok(file)
    }

    /// The file that grew is whole; its name.
    pub fn end(&mut self) -> Option<PathBuf> {
        let made = self.growing.take()?;
        let path = made.path.clone();
        self.rotation.end(made);
        Some(path)
    }

    /// What people should know, once each.
    pub fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    fn create(&mut self, time: Timestamp) -> Result<(PathBuf, File), NotBegun> {
        let mut apart = if self.pattern.is_numbered() {
            None
        } else {
            let base = self.pattern.name(time, 0, None);
            let latest = self.latest.take().filter(|(latest, _)| *latest == base);
            // Names that are always the same are told apart from the first file on.
            let first = if self.pattern.is_fixed() && self.rotation.limits().rotates() { Some(1) } else { None };
            let apart = latest.map_or(first, |(_, apart)| Some(apart + 1));
            self.latest = Some((base, apart.unwrap_or(1)));
            apart
        };
        let mut links = None;
        let mut tries = 0;
        let created = loop {
            let path = self.pattern.name(time, self.number, apart);
            match create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < TRIES => {
                    if fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink()) {
                        links.get_or_insert((path, 0)).1 += 1;
                    }
                    tries += 1;
                    if self.pattern.is_numbered() {
                        self.number += 1;
                    } else {
                        apart = Some(apart.unwrap_or(1) + 1);
                    }
                }
                Err(error) => break Err(NotBegun { path, error }),
                Ok(file) => break Ok((path, file)),
            }
        };
        if let (Some((_, latest)), Some(apart)) = (&mut self.latest, apart) {
            *latest = apart;
        }
        self.number += 1;
        self.notes.extend(links.map(|(path, all)| Note::Link { path, more: all - 1 }));
        created
    }

    /// Removes a file, if it is still the one that was made here.
    fn remove(&mut self, made: Made) {
        let removed = match fs::symlink_metadata(&made.path) {
            Ok(data) if made.identity.is_some() && identity(&data) != made.identity => return,
            Ok(_) => fs::remove_file(&made.path),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => {}
            // Somebody has moved it away.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.notes.push(Note::Stays { path: made.path, error }),
        }
    }
}

/// Creates a file that its owner alone can read. With `create_new` the system itself follows no link at the path.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
fn identity(data: &fs::Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    Some((data.dev(), data.ino()))
}

#[cfg(not(unix))]
const fn identity(_: &fs::Metadata) -> Option<Identity> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2009-02-13 23:31:30 UTC.
    const TIME: Timestamp = Timestamp::from_secs_nanos(1_234_567_890, 0);

    fn series(folder: &Path, name: &str, limits: Limits) -> Series {
        Series::new(Pattern::parse(&folder.join(name)).unwrap(), limits)
    }

    /// Makes so many files, and gives their names.
    fn make(series: &mut Series, count: usize) -> Vec<String> {
        let one = |_| {
            series.begin(TIME).unwrap();
            let path = series.end().unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        (0..count).map(one).collect()
    }

    fn in_folder(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    const BY_SIZE: Limits = Limits { bytes: Some(1), period: None, items: None, keep: None };

    #[test]
    fn names_are_told_apart_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(make(&mut series(folder, "a.pcap", BY_SIZE), 2), ["a_00001.pcap", "a_00002.pcap"]);
        // Another run goes on behind the first.
        assert_eq!(make(&mut series(folder, "a.pcap", BY_SIZE), 2), ["a_00003.pcap", "a_00004.pcap"]);
        assert_eq!(make(&mut series(folder, "%n.pcap", BY_SIZE), 2), ["00001.pcap", "00002.pcap"]);
        assert_eq!(make(&mut series(folder, "%n.pcap", BY_SIZE), 2), ["00003.pcap", "00004.pcap"]);
        let by_hour = ["h23.pcap", "h23_00002.pcap", "h23_00003.pcap"];
        assert_eq!(make(&mut series(folder, "h%H.pcap", BY_SIZE), 3), by_hour);
        assert_eq!(make(&mut series(folder, "h%H.pcap", Limits::default()), 1), ["h23_00004.pcap"]);
    }

    #[test]
    fn a_name_that_comes_back_is_told_apart_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut series = series(folder.path(), "%S.pcap", BY_SIZE);
        for second in [0, 0, 1, 0] {
            series.begin(Timestamp::from_secs_nanos(second, 0)).unwrap();
            series.end();
        }
        assert_eq!(in_folder(folder.path()), ["00.pcap", "00_00002.pcap", "00_00003.pcap", "01.pcap"]);
        assert_eq!(series.begun(), 4);
    }

    #[test]
    fn the_ring_removes_its_oldest_file_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("a_00001.pcap"), "of another run").unwrap();
        let mut series = series(folder, "a.pcap", Limits { keep: Some(2), ..BY_SIZE });
        make(&mut series, 3);
        assert_eq!(in_folder(folder), ["a_00001.pcap", "a_00003.pcap", "a_00004.pcap"]);
        // What took its place is left alone; what has gone is not missed.
        fs::rename(folder.join("a_00003.pcap"), folder.join("moved")).unwrap();
        fs::write(folder.join("a_00003.pcap"), "somebody else's").unwrap();
        fs::remove_file(folder.join("a_00004.pcap")).unwrap();
        make(&mut series, 3);
        // The name that is free again was passed already.
        assert_eq!(in_folder(folder), ["a_00001.pcap", "a_00003.pcap", "a_00006.pcap", "a_00007.pcap", "moved"]);
        assert!(series.notes().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_passed_and_told_of() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("precious"), "precious").unwrap();
        symlink("precious", folder.join("a_00001.pcap")).unwrap();
        symlink("nowhere", folder.join("a_00002.pcap")).unwrap();
        let mut series = series(folder, "a.pcap", BY_SIZE);
        assert_eq!(make(&mut series, 1), ["a_00003.pcap"]);
        let notes: Vec<_> = series.notes().iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("a_00001.pcap' is a symbolic link") && notes[0].contains("another"), "{notes:?}");
        assert_eq!(fs::read_to_string(folder.join("precious")).unwrap(), "precious");
        assert!(!folder.join("nowhere").exists());
        let mode = fs::metadata(folder.join("a_00003.pcap")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = series(&folder.path().join("none"), "a.pcap", BY_SIZE).begin(TIME).unwrap_err();
        assert!(error.to_string().contains("a_00001.pcap") && error.error.kind() == ErrorKind::NotFound);
    }
}
