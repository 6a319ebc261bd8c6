//! Errors for people: what happened, and the way out.

use std::fmt;
use std::io;
use std::process::ExitCode;

use mqttsniff::capture::Problem;
use mqttsniff::capture::live::OpenError;
use mqttsniff::text::Harmless;

/// The exit status of bad usage, unreadable input and failed writes.
pub(super) const FAILED: u8 = 2;

/// Something that ends the program: what happened, and what to do about it.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>, hint: Option<String>) -> Self {
        Self { what: what.into(), hint }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self { what: error.to_string(), hint: error.hint() }
    }
}

impl From<&Problem> for Failure {
    fn from(problem: &Problem) -> Self {
        Self { what: format!("{}: {}", problem.input, problem.what), hint: problem.hint.clone() }
    }
}

/// Tells the error, unless it is only that nobody reads on, and gives the exit status.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    say(&format!("{error:#}"));
    ExitCode::from(FAILED)
}

/// A line on standard error. That it cannot be written is no reason to fail otherwise.
pub(super) fn say(text: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "mqttsniff: {}", Harmless(text));
}

/// Tells problems that did not keep the rest from being read, and gives the exit status.
pub(super) fn report_problems(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        say(&Failure::from(problem).to_string());
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
