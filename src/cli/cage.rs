//! Rights: whom the program becomes, and what it keeps while it looks at traffic.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use mqttsniff::cage::{self, Gap, Identity, IdentityError, Needs, Origin, TakeError};

use super::failure::{Failure, say};
use super::threads;

/// The arguments.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rights")]
pub(super) struct Cage {
    /// The user to become, where root runs it [default: who called sudo, else nobody]
    ///
    /// A name or a number. Root is given up once what only root can open is open, with all capabilities; files are
    /// written as this user wherever this user may. 'root' keeps the user, and still gives up the capabilities.
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Whether to confine the program to what it needs
    ///
    /// Before the first byte of traffic is looked at, Landlock and seccomp take away what is not needed: other files,
    /// sockets, other programs. docs/security.md has the details.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    cage: CageArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CageArgument {
    /// As far as this system can, and say what is missing
    Auto,
    /// Fail where some of it is missing
    Require,
    /// Not at all: for debuggers and the like; root and capabilities are given up all the same
    Off,
}

/// Rights that are settled, and what is still needed: closed once all is open.
#[must_use]
pub(super) struct Settled<'a> {
    arguments: &'a Cage,
    needs: Needs,
    gaps: Vec<Gap>,
    /// Who is taken only now, as files had to be opened by root.
    later: Option<Identity>,
    live: bool,
}

/// The files that are opened by their names after the cage is closed: several are, one by one. A single one is open.
pub(super) fn reopened(files: &[PathBuf]) -> Vec<PathBuf> {
    let several = if files.len() > 1 { files } else { &[] };
    several.iter().filter(|file| *file != Path::new("-")).cloned().collect()
}

impl Cage {
    /// Who the process is to become; none where it is not root's. To be asked first, so that a name that does not exist
    /// is told before anything is done.
    pub(super) fn identity(&self) -> anyhow::Result<Option<Identity>> {
        let Some(name) = &self.user else {
            let sudo = |name| std::env::var(name).ok();
            return Ok(Identity::default_for(sudo("SUDO_UID").as_deref(), sudo("SUDO_GID").as_deref()));
        };
        match Identity::named(name) {
            Ok(identity) => Ok(Some(identity)),
            Err(error) => {
                let hint = match error {
                    IdentityError::Unknown(_) => "name one of /etc/passwd, or give a number",
                    _ => "leave --user out: the program runs as you",
                };
                bail!(Failure::new(error.to_string(), Some(hint.to_owned())))
            }
        }
    }

    /// For commands that read files: gives up root where the user may do all that is needed. Where not, and nobody was
    /// named, root is kept, since it was asked to do what only root can, and that is said.
    pub(super) fn files(&self, needs: Needs) -> anyhow::Result<Settled<'_>> {
        let mut settled = Settled { arguments: self, needs, gaps: Vec::new(), later: None, live: false };
        if let Some(identity) = self.identity()? {
            if identity.is_root() {
                settled.gaps.extend(cage::drop_capabilities(true));
                return Ok(settled);
            }
            match identity.may(&settled.needs).and_then(|()| identity.take()) {
                Ok(()) => {}
                Err(error) if identity.origin() == Origin::Named => bail!(lacking(&error, &identity)),
                Err(error) => {
                    settled.gaps.push(Gap::Root(format!("{error}; --user names who else, or root on purpose")));
                    settled.gaps.extend(cage::drop_capabilities(true));
                    return Ok(settled);
                }
            }
        }
        settled.gaps.extend(cage::drop_capabilities(false));
        Ok(settled)
    }

    /// For captures, which run for days: root goes, or the capture does not begin. `file` is the one that is written
    /// from the start: root creates it where this user may not.
    pub(super) fn capture(
        &self,
        identity: Option<Identity>,
        needs: Needs,
        file: Option<&Path>,
    ) -> anyhow::Result<Settled<'_>> {
        let mut settled = Settled { arguments: self, needs, gaps: Vec::new(), later: None, live: true };
        let Some(identity) = identity else {
            settled.gaps.extend(cage::drop_capabilities(false));
            return Ok(settled);
        };
        if !identity.is_root() && settled.needs.changes_directories() {
            match identity.may(&settled.needs) {
                // What the system refuses is told when it is tried.
                Ok(()) | Err(TakeError::Refused { .. }) => {}
                Err(error) => bail!(lacking(&error, &identity)),
            }
        }
        let by_itself = file.is_some_and(|file| {
            let mut needs = Needs::default();
            needs.create_beside(file);
            // What is there already is only opened, and has to be this user's.
            needs.write.extend(file.exists().then(|| file.to_owned()));
            // A file that belongs to nobody is open to whatever else runs as nobody: root's is better.
            identity.origin() != Origin::Nobody && identity.may(&needs).is_ok()
        });
        settled.later = Some(identity);
        if by_itself || settled.needs.changes_directories() {
            settled.take()?;
        }
        Ok(settled)
    }
}

impl Settled<'_> {
    /// Gives up what was kept to open files.
    fn take(&mut self) -> anyhow::Result<()> {
        let Some(identity) = self.later.take() else { return Ok(()) };
        if !identity.is_root() {
            match identity.take() {
                Ok(()) => {}
                Err(error) if identity.origin() == Origin::Named => bail!(lacking(&error, &identity)),
                // A container may lack the right to change users; it has its own walls.
                Err(error) => self.gaps.push(Gap::Root(error.to_string())),
            }
        }
        self.gaps.extend(cage::drop_capabilities(false));
        if let Some(error) = identity.is_root().then(|| identity.may(&self.needs).err()).flatten() {
            bail!(lacking(&error, &identity));
        }
        Ok(())
    }

    /// Closes the cage: all is open, and nothing of the traffic was looked at.
    pub(super) fn close(mut self) -> anyhow::Result<()> {
        threads::cores();
        self.take()?;
        if self.arguments.cage != CageArgument::Off {
            self.gaps.append(&mut cage::close(&self.needs));
        }
        // Where no system of the kind has a cage, a word at each file would be no news.
        let told = self.gaps.iter().filter(|gap| self.live || **gap != Gap::System);
        let told = told.map(ToString::to_string).collect::<Vec<_>>().join("; ");
        if self.arguments.cage == CageArgument::Require && !self.gaps.is_empty() {
            let told = if told.is_empty() { Gap::System.to_string() } else { told };
            bail!(Failure::new(told, Some("--cage auto goes on all the same".to_owned())));
        }
        if !told.is_empty() {
            say(&told);
        }
        Ok(())
    }
}

/// What to say where the user lacks a right.
fn lacking(error: &TakeError, identity: &Identity) -> Failure {
    let hint = match error {
        TakeError::Lacks { path, .. } if identity.is_root() => Some(format!(
            "root gives up its capabilities, and has only its own rights then: name the owner of '{}' with --user",
            path.display()
        )),
        TakeError::Lacks { path, .. } => Some(format!(
            "`chown {} '{}'`, or name another user: --user root stays root, without its capabilities",
            identity.name(),
            path.display()
        )),
        _ => None,
    };
    Failure::new(error.to_string(), hint)
}
