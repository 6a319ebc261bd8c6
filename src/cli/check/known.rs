//! The file of known findings: read before the captures, written after them.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use mqttsniff::cage::Needs;
use mqttsniff::check::Baseline;
use mqttsniff::render::{read_baseline, write_baseline};

use super::Check;
use crate::cli::failure::{FAILED, Failure, say};
use crate::cli::replacement::Replacement;

/// A file that is larger is none of ours: so many keys are not kept.
const LARGEST: u64 = 256 << 20;

/// What the file of the arguments knows, if they name one.
pub(super) fn read(arguments: &Check) -> anyhow::Result<Option<Baseline>> {
    let Some(path) = &arguments.baseline else { return Ok(None) };
    let text = match text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && arguments.update_baseline => {
            return Ok(Some(Baseline::default()));
        }
        Err(error) => {
            let hint = (error.kind() == io::ErrorKind::NotFound)
                .then(|| "--update-baseline writes it with all that is found now".to_owned());
            bail!(Failure::new(format!("can't read the baseline {}: {error}", path.display()), hint));
        }
    };
    match read_baseline(&text) {
        Ok(baseline) => Ok(Some(baseline)),
        Err(error) => bail!(Failure::new(
            format!("{} is no baseline: {error}", path.display()),
            Some("remove it and write it anew with --update-baseline".to_owned()),
        )),
    }
}

fn text(path: &Path) -> io::Result<String> {
    let length = fs::metadata(path)?.len();
    if length > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
    }
    fs::read_to_string(path)
}

/// The file, where it is written anew.
fn written(arguments: &Check) -> Option<&Path> {
    arguments.baseline.as_deref().filter(|_| arguments.update_baseline)
}

/// What writing it takes once the cage is closed.
pub(super) fn needs(arguments: &Check, needs: &mut Needs) {
    if let Some(path) = written(arguments) {
        Replacement::needs(path, needs);
    }
}

/// Opens it, to be written.
pub(super) fn open(arguments: &Check) -> anyhow::Result<Option<Replacement>> {
    let open = |path: &Path| Replacement::open(path).with_context(|| failed_write(path));
    written(arguments).map(open).transpose()
}

fn failed_write(path: &Path) -> String {
    format!("can't write to {}", path.display())
}

/// Writes the file anew. What is known by now is no failure any more.
pub(super) fn update(
    file: Replacement,
    arguments: &Check,
    baseline: &Baseline,
    complete: bool,
) -> anyhow::Result<ExitCode> {
    if !complete {
        say("the baseline was not written, because not all could be read");
        return Ok(ExitCode::from(FAILED));
    }
    if baseline.beyond() > 0 {
        say(&format!("the baseline has not all findings: {} were too many of different kinds", baseline.beyond()));
    }
    let mut bytes = Vec::new();
    write_baseline(baseline, &mut bytes)?;
    file.write(&bytes).with_context(|| arguments.baseline.as_deref().map(failed_write).unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}
