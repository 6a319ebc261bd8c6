//! Where reports go: standard output, and files.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mqttsniff::cage::Needs;
use mqttsniff::render::{CheckResult, ReportFormat, Style, write_report};

use super::Check;
use super::arguments::PrintArgument;
use crate::cli::failure::Failure;
use crate::cli::output::{STDOUT, style_of};
use crate::cli::replacement::Replacement;

/// What is to be written where: to paths, then to open files.
pub(super) struct Plan<File = PathBuf> {
    printed: ReportFormat,
    style: Style,
    files: Vec<(ReportFormat, File)>,
}

impl Plan {
    /// What writing them takes once the cage is closed.
    pub(super) fn needs(&self, needs: &mut Needs) {
        self.files.iter().for_each(|(_, path)| Replacement::needs(path, needs));
    }

    /// Opens the files.
    pub(super) fn open(self) -> anyhow::Result<Plan<(PathBuf, Replacement)>> {
        let open = |(format, path): (ReportFormat, PathBuf)| {
            let file = Replacement::open(&path).with_context(|| format!("can't write to {}", path.display()))?;
            anyhow::Ok((format, (path, file)))
        };
        let files = self.files.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Plan { printed: self.printed, style: self.style, files })
    }
}

/// What the arguments ask for; an error where it can't be done.
pub(super) fn plan(arguments: &Check) -> anyhow::Result<Plan> {
    let is_stdout = |path: &Path| path == Path::new("-");
    let (printed, files): (Vec<_>, Vec<_>) = arguments.report.iter().cloned().partition(|(_, path)| is_stdout(path));
    let printed = match (printed.as_slice(), arguments.format) {
        ([], None | Some(PrintArgument::Text)) => ReportFormat::Text,
        ([], Some(PrintArgument::Json)) => ReportFormat::JsonLines,
        ([(format, _)], None) => *format,
        _ => bail!(Failure::new(
            "standard output holds one report",
            Some("write the others to files: --report junit=out.xml".to_owned()),
        )),
    };
    for (index, (_, path)) in files.iter().enumerate() {
        if files.iter().skip(index + 1).any(|(_, other)| other == path) {
            bail!(Failure::new(format!("two reports would be written to {}", path.display()), None));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || path.is_dir() {
            let hint = if path.is_dir() { "it is a directory" } else { "its directory does not exist" };
            bail!(Failure::new(format!("can't write to {}", path.display()), Some(hint.to_owned())));
        }
    }
    Ok(Plan { printed, style: style_of(arguments.color, false), files })
}

/// Writes all reports, those in files first.
pub(super) fn write(plan: Plan<(PathBuf, Replacement)>, result: &CheckResult) -> anyhow::Result<()> {
    for (format, (path, file)) in plan.files {
        let mut bytes = Vec::new();
        write_report(result, format, Style::PLAIN, &mut bytes)?;
        file.write(&bytes).with_context(|| format!("can't write to {}", path.display()))?;
    }
    let mut out = BufWriter::new(io::stdout());
    match write_report(result, plan.printed, plan.style, &mut out).and_then(|()| out.flush()) {
        // Whoever reads no further has changed nothing of what was found: behind `| head` a failure stays one.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context(STDOUT),
    }
}
