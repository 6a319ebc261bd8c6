//! The arguments of `mqttsniff check`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use mqttsniff::check::{Certainty, Level, Limits, Policy, Rules, Severity};
use mqttsniff::render::ReportFormat;

use super::asserted::{Asserted, nearest_limit};
use crate::cli::args::ColorArgument;
use crate::cli::cage::Cage;
use crate::cli::caps::Caps;
use crate::cli::decoding::Decoding;
use crate::cli::failure::Failure;
use crate::cli::parse::number;
use crate::cli::resolve::Resolve;
use crate::cli::threads::Threads;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// Capture files, or - for standard input
    ///
    /// Each is checked by itself, unless --merge is given.
    #[arg(required = true, value_name = "FILE", help_heading = "Input")]
    pub(super) files: Vec<PathBuf>,

    /// Read the files in the order of time, as one capture
    #[arg(long, help_heading = "Input")]
    pub(super) merge: bool,

    /// Count only findings on flows of which this display filter chooses a frame
    ///
    /// In the language of Wireshark, as for `mqttsniff read`. Findings that are about no flow always count.
    #[arg(short = 'Y', long, value_name = "FILTER", help_heading = "What counts")]
    pub(super) filter: Option<String>,

    /// Fail if a finding is as bad as this, or worse
    ///
    /// error if neither this nor the file of --assert says otherwise.
    #[arg(long, value_name = "SEVERITY", help_heading = "What counts")]
    fail_on: Option<SeverityArgument>,

    /// Turn a rule off, or say how bad it is: mqtt.keep-alive-exceeded=error
    ///
    /// A rule by its name, a clause (MQTT-3.3.2-2), or the beginning of either with * behind it ('tcp.*'). The levels are
    /// off, note, warning and error. Of several that fit a finding the last decides. docs/rules.md lists all rules.
    #[arg(long, value_name = "RULE=LEVEL", value_parser = rule, help_heading = "What counts")]
    rule: Vec<(String, Level)>,

    /// Rules of your own: a TOML file of assertions
    ///
    /// On packets, messages, connections, sessions, deliveries, topics and findings, in the language of the filters; it
    /// may also set rules and limits that are built in. There is one file at most. docs/assertions.md has the details.
    #[arg(long = "assert", value_name = "FILE", help_heading = "What counts")]
    pub(super) assertions: Option<PathBuf>,

    /// Set a limit of a built-in rule: keepalive_long_s=3600
    ///
    /// docs/lints.md and docs/health.md list the limits.
    #[arg(long, value_name = "LIMIT=VALUE", value_parser = threshold, help_heading = "What counts")]
    threshold: Vec<(String, String)>,

    /// How sure a finding must be to count
    #[arg(long, value_name = "CERTAINTY", default_value = "likely", help_heading = "What counts")]
    min_certainty: CertaintyArgument,

    /// Fail only on findings that this file does not know
    ///
    /// A file that --update-baseline wrote. A finding is known by its rule, its clause, the client and its message
    /// without numbers, so that new time stamps, ports and frame numbers make no new finding; if there are more of
    /// them than the file has, the others are new.
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub(super) baseline: Option<PathBuf>,

    /// Write all that is found to the file of --baseline, and call it known
    ///
    /// The file need not exist. It is not written if a capture could not be read to its end.
    #[arg(long, requires = "baseline", help_heading = "What counts")]
    pub(super) update_baseline: bool,

    /// What to print: text for people, or JSON Lines
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub(super) format: Option<PrintArgument>,

    /// Also write a report to a file: junit=out.xml
    ///
    /// FORMAT is text, jsonl, junit, sarif, github (annotations), gitlab (code quality) or markdown. Several may be
    /// asked for. With - as PATH the report is printed, in place of the text.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = report, help_heading = "Output")]
    pub(super) report: Vec<(ReportFormat, PathBuf)>,

    /// Tell how each statement of the MQTT specifications stands: passed, failed, not exercised, not provable
    ///
    /// Of the versions that the capture has. `mqttsniff explain` tells more of each.
    #[arg(long, help_heading = "Output")]
    pub(super) coverage: bool,

    /// Tell at most so many findings of a capture one by one; all are counted
    ///
    /// Some of each rule are told however many there are of others.
    #[arg(long, value_name = "FINDINGS", default_value_t = 1000, help_heading = "Output",
          value_parser = number::<u32>(0, 1_000_000))]
    pub(super) max_findings: u32,

    /// Use colours
    ///
    /// auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(super) color: ColorArgument,

    #[command(flatten)]
    pub(super) threads: Threads,

    #[command(flatten)]
    pub(super) caps: Caps,

    #[command(flatten)]
    pub(super) decoding: Decoding,

    #[command(flatten)]
    pub(super) resolve: Resolve,

    #[command(flatten)]
    pub(super) cage: Cage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PrintArgument {
    /// For people
    Text,
    /// JSON Lines
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SeverityArgument {
    /// Against a rule
    Error,
    /// Probably a mistake
    Warning,
    /// Worth knowing
    Note,
}

impl From<SeverityArgument> for Severity {
    fn from(argument: SeverityArgument) -> Self {
        match argument {
            SeverityArgument::Error => Self::Error,
            SeverityArgument::Warning => Self::Warning,
            SeverityArgument::Note => Self::Note,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CertaintyArgument {
    /// Something to look at
    Hint,
    /// It rests on an assumption that is most likely true
    Likely,
    /// The bytes prove it
    Certain,
}

impl From<CertaintyArgument> for Certainty {
    fn from(argument: CertaintyArgument) -> Self {
        match argument {
            CertaintyArgument::Hint => Self::Hint,
            CertaintyArgument::Likely => Self::Likely,
            CertaintyArgument::Certain => Self::Certain,
        }
    }
}

fn rule(text: &str) -> Result<(String, Level), String> {
    let (name, level) = text.rsplit_once('=').ok_or("expected RULE=LEVEL, for example mqtt.dup-on-first=off")?;
    let level = match level {
        "off" => Level::Off,
        "note" => Level::As(Severity::Note),
        "warning" => Level::As(Severity::Warning),
        "error" => Level::As(Severity::Error),
        other => return Err(format!("'{other}' is not one of off, note, warning, error")),
    };
    Ok((name.to_owned(), level))
}

fn threshold(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected LIMIT=VALUE, for example keepalive_long_s=3600")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn report(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("expected FORMAT=PATH, for example junit=out.xml")?;
    let Some(format) = ReportFormat::ALL.into_iter().find(|known| known.name() == format) else {
        let names: Vec<_> = ReportFormat::ALL.iter().map(|format| format.name()).collect();
        return Err(format!("'{format}' is not one of {}", names.join(", ")));
    };
    if path.is_empty() {
        return Err(format!("{} has no PATH; - is standard output", format.name()));
    }
    Ok((format, PathBuf::from(path)))
}

impl Check {
    /// From which severity on a finding is a failure.
    pub(super) fn fail_on(&self, of_file: Option<Severity>) -> Severity {
        self.fail_on.map(Into::into).or(of_file).unwrap_or(Severity::Error)
    }

    /// What counts, and where built-in rules draw the line. The command line decides over a file of assertions.
    pub(super) fn settings(&self, rules: &Rules, asserted: Option<&Asserted>) -> anyhow::Result<(Policy, Limits)> {
        let mut policy = Policy::default().with_min_certainty(self.min_certainty.into());
        let mut limits = Limits::default();
        if let Some(asserted) = asserted {
            asserted.settle(&mut policy, &mut limits, rules)?;
        }
        for (name, value) in &self.threshold {
            if let Err(error) = limits.set(name, value) {
                bail!(Failure::new(error.to_string(), nearest_limit(&error)));
            }
        }
        for (name, level) in &self.rule {
            if let Err(unknown) = policy.set(name, *level, rules) {
                let hint = match unknown.nearest.as_slice() {
                    [] => "docs/rules.md lists all rules".to_owned(),
                    near => format!("did you mean: {}", near.join(", ")),
                };
                bail!(Failure::new(format!("there is no rule or clause '{}'", unknown.name), Some(hint)));
            }
        }
        Ok((policy, limits))
    }
}
