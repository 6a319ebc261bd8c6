//! The cage: what a process keeps once all that it needs is open, before it looks at the first byte of traffic.
//!
//! Traffic is written by strangers. Should a fault in the code that reads it ever let them in, they find a process that
//! is not root, has no capability, opens no file but those that it was told to write, and no socket, and starts no
//! program. Four mechanisms of Linux do it, each of which holds where another has a gap: user and group, capabilities,
//! Landlock for paths, seccomp for system calls. All of them are one way: what was given up can't be had back.
//!
//! The order is [`Identity::take`] (who the process is from here on), then whatever is to be opened as that user, then
//! [`close`]. Both are about the calling thread and the threads that it starts afterwards, so that they have to come
//! before any other thread.
//!
//! On other systems everything here exists too, and says that there is no cage: [`Gap::System`].

use std::path::{Path, PathBuf};

use thiserror::Error;

#[cfg(target_os = "linux")]
mod calls;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod user;

#[cfg(not(target_os = "linux"))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use rights as system;

/// What is still needed once the cage is closed, beyond what is open by then: reading and writing open files and pipes,
/// frames of an open capture, memory, threads and the clock are always left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files that are opened for reading; of a directory all files in it.
    pub read: Vec<PathBuf>,
    /// Files that are opened for writing, and directories in which some are created, before the cage is closed: only
    /// asked for by [`Identity::may`].
    pub write: Vec<PathBuf>,
    /// Directories in which files are created, written, renamed and removed.
    pub create_in: Vec<PathBuf>,
    /// Directories in which a file that is open already is given its name, or removed if it came to nothing.
    pub replace_in: Vec<PathBuf>,
    /// Whether connections are taken from a socket that listens already.
    pub accept: bool,
    /// Whether UNIX sockets are connected to.
    pub unix_sockets: bool,
}

impl Needs {
    /// The file is given its name once it is whole: renaming takes rights on the directory. The file itself has to be
    /// open by then.
    pub fn replace(&mut self, file: &Path) {
        self.replace_in.push(directory_of(file));
    }

    /// Files are created in the directory of this one.
    pub fn create_beside(&mut self, file: &Path) {
        self.create_in.push(directory_of(file));
    }

    /// Whether anything is changed in a directory.
    pub fn changes_directories(&self) -> bool {
        !(self.create_in.is_empty() && self.replace_in.is_empty())
    }
}

/// The directory that a file stands in.
pub fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whom a process that was started by root becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    uid: u32,
    gid: u32,
    origin: Origin,
}

/// Who chose an [`Identity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was named.
    Named,
    /// Whoever called sudo.
    Caller,
    /// The user who owns nothing, as nobody else is known.
    Nobody,
}

/// Why a user can't be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no user of that name or number.
    #[error("there is no user '{0}'")]
    Unknown(String),
    /// Only root may become someone else.
    #[error("only root can become user '{0}'")]
    NotRoot(String),
    /// This system has no users of that kind.
    #[error("users can't be changed on this system")]
    System,
}

/// What keeps a user from being taken on: what was asked for is not what would be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TakeError {
    /// The user lacks a right that is needed later.
    #[error("user '{user}' may not {what} '{}'", path.display())]
    Lacks {
        /// The user.
        user: String,
        /// `read`, `write` or `create files in`.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
    },
    /// The system refused.
    #[error("can't become user '{user}': {reason}")]
    Refused {
        /// The user.
        user: String,
        /// What the system said.
        reason: String,
    },
}

impl Identity {
    /// The user of this name or number, as `--user` has it.
    pub fn named(name: &str) -> Result<Self, IdentityError> {
        system::named(name)
    }

    /// Whom to become where nobody was named: the caller of sudo, whom sudo tells in `SUDO_UID` and `SUDO_GID`, or
    /// `nobody`. None where the process is not root's, which has nothing to give up.
    pub fn default_for(sudo_uid: Option<&str>, sudo_gid: Option<&str>) -> Option<Self> {
        system::default_for(sudo_uid, sudo_gid)
    }

    /// The name, or the number where there is none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who chose it.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether it is root.
    pub const fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether this user could open and create by path what is needed. Asks the kernel, as that user; only root can.
    pub fn may(&self, needs: &Needs) -> Result<(), TakeError> {
        system::may(self, needs)
    }

    /// Becomes this user: real, effective and saved, with the one group and no other; and gives up every capability.
    pub fn take(&self) -> Result<(), TakeError> {
        system::take(self)
    }
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    system::is_root()
}

/// Gives up every capability, and the right to get one by running a program. Root that stays root, since what it was
/// told to read or write is only its own, may pass over the modes of files (`keep_paths`): Landlock says which.
pub fn drop_capabilities(keep_paths: bool) -> Option<Gap> {
    system::drop_capabilities(keep_paths)
}

/// Something that the cage should hold back and does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Gap {
    /// There is no cage on this system.
    #[error("there is no cage on this system: the program keeps the rights that it was started with")]
    System,
    /// Root could not be given up.
    #[error("root is kept: {0}")]
    Root(String),
    /// Capabilities could not be given up.
    #[error("capabilities are kept: {0}")]
    Capabilities(String),
    /// Other threads were there first.
    #[error("threads that were started before the cage was closed are outside of it: {0}")]
    Threads(usize),
    /// Landlock could not be applied.
    #[error("files are not confined: {0}")]
    Files(String),
    /// Seccomp could not be applied.
    #[error("system calls are not confined: {0}")]
    Calls(String),
}

/// Closes the cage: no new privileges, no core file, Landlock, then seccomp. Gives what could not be applied; the rest is.
pub fn close(needs: &Needs) -> Vec<Gap> {
    system::close(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_directory_stands_in_the_current_one() {
        assert_eq!(directory_of(Path::new("x.pcap")), Path::new("."));
        assert_eq!(directory_of(Path::new("a/x.pcap")), Path::new("a"));
        assert_eq!(directory_of(Path::new("/x.pcap")), Path::new("/"));
        let mut needs = Needs::default();
        assert!(!needs.changes_directories());
        needs.create_beside(Path::new("ring/x.pcap"));
        needs.replace(Path::new("y.pcap"));
        assert_eq!((needs.create_in, needs.replace_in), (vec!["ring".into()], vec![".".into()]));
    }
}
