//! `mqttsniff redact`: a capture in, one that can be shared out; and the options that redact what other commands show.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::Context as _;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use mqttsniff::cage::Needs;
use mqttsniff::capture::{self, Batch, Fill, Source as _};
use mqttsniff::mqtt::Redactor;
use mqttsniff::redact::{Redaction, RedactionOptions, RedactionStats};
use mqttsniff::render::Count;

use super::cage::Cage;
use super::failure::{Failure, report_problems, say};
use super::output::STDOUT;
use super::progress::Progress;
use super::target::{self, Target};

/// Tokens in place of what is private.
#[derive(Debug, Args)]
#[command(next_help_heading = "Privacy")]
pub(super) struct Tokens {
    /// Show tokens in place of client identifiers, user names, topics and payloads
    ///
    /// In every output. The same text has the same token everywhere, topics level by level, so that subscriptions
    /// still match; tokens are as long as what they stand for, and differ from run to run. Addresses stay, and no capture is
    /// changed, nor what `mqttsniff capture --write` saves: `mqttsniff redact` makes one that can be shared.
    #[arg(long)]
    redact: bool,

    /// Make the tokens with this secret, the same in every run; implies --redact
    ///
    /// The environment variable MQTTSNIFF_REDACT_KEY does the same for --redact, and is in no list of processes.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    redact_key: Option<String>,

    /// The redactor, once it was asked for: its tokens have to be the same wherever they are shown.
    #[arg(skip)]
    redactor: OnceLock<Redactor>,
}

impl Tokens {
    /// What replaces everything private, where that is asked for.
    pub(super) fn redactor(&self) -> Option<Redactor> {
        (self.redact || self.redact_key.is_some())
            .then(|| *self.redactor.get_or_init(|| redactor(self.redact_key.as_deref())))
    }
}

/// The environment variable that holds the secret.
const KEY: &str = "MQTTSNIFF_REDACT_KEY";

fn redactor(secret: Option<&str>) -> Redactor {
    let environment = std::env::var(KEY).ok().filter(|secret| !secret.is_empty());
    secret.or(environment.as_deref()).map_or_else(Redactor::random, Redactor::with_secret)
}

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Redact {
    /// A capture file, or - for standard input
    #[arg(value_name = "IN", help_heading = "Input")]
    input: PathBuf,

    /// The file to write (.pcap or .pcapng), or - for standard output
    ///
    /// As pcap where the name ends in .pcap, else as pcapng; packed where .gz or .zst follows. A file of that name is
    /// replaced once all is written.
    #[arg(value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    /// Leave topics and topic filters as they are
    #[arg(long, help_heading = "Privacy")]
    keep_topics: bool,

    /// Leave hardware and IP addresses as they are
    #[arg(long, help_heading = "Privacy")]
    keep_addresses: bool,

    /// Make the tokens with this secret: the same in every run
    ///
    /// The environment variable MQTTSNIFF_REDACT_KEY does the same, and is in no list of processes.
    #[arg(long = "redact-key", value_name = "TEXT", help_heading = "Privacy",
          value_parser = NonEmptyStringValueParser::new())]
    secret: Option<String>,

    #[command(flatten)]
    cage: Cage,
}

pub(super) fn run(arguments: &Redact) -> anyhow::Result<ExitCode> {
    target::refuse_output(&arguments.output, "mqttsniff redact IN - | gzip")?;
    target::refuse_own_input(std::slice::from_ref(&arguments.input), &arguments.output)?;
    let mut source =
        capture::open(std::slice::from_ref(&arguments.input)).map_err(|problems| match problems.first() {
            Some(problem) => anyhow::Error::new(Failure::from(problem)),
            None => anyhow::anyhow!("the input can't be opened"),
        })?;
    let redactor = redactor(arguments.secret.as_deref()).keeping_topics(arguments.keep_topics);
    let mut options = RedactionOptions::new(redactor);
    options.keep_addresses = arguments.keep_addresses;
    let mut redaction = Redaction::new(options);
    let mut needs = Needs::default();
    Target::needs(&arguments.output, &mut needs);
    let cage = arguments.cage.files(needs)?;
    let mut target = Target::new(&arguments.output)?;
    cage.close()?;
    let mut progress = Progress::new(false);
    let mut batch = Batch::new();
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        for frame in batch.frames() {
            redaction.frame(&frame);
            write(&mut target, &mut redaction)?;
        }
        progress.update(&source.report());
        if fill == Fill::End {
            break;
        }
    }
    redaction.finish();
    write(&mut target, &mut redaction)?;
    let problems = source.report().problems;
    let stats = redaction.stats();
    if stats.frames == 0 && !problems.is_empty() {
        // Nothing was read: nothing is put in the place of what may stand there.
        progress.finish();
        return Ok(report_problems(&problems));
    }
    target.finish()?;
    progress.finish();
    if arguments.output == Path::new("-") {
        say(&summary(stats));
    } else {
        writeln!(io::stdout(), "{}", summary(stats)).context(STDOUT)?;
    }
    if stats.hurried > 0 {
        say(&format!(
            "{} could not wait for the end of what had begun in them, as too much would have been held: MQTT in them \
             is written over",
            Count(stats.hurried, "frame")
        ));
    }
    Ok(report_problems(&problems))
}

/// Writes the frames that are done.
fn write(target: &mut Target, redaction: &mut Redaction) -> anyhow::Result<()> {
    while let Some(frame) = redaction.next_done() {
        target.write(&frame.as_frame(), std::iter::empty())?;
    }
    Ok(())
}

fn summary(stats: RedactionStats) -> String {
    let RedactionStats { frames, messages, addresses, overwritten, .. } = stats;
    let addresses = match addresses {
        1 => "1 address".to_owned(),
        several => format!("{several} addresses"),
    };
    format!(
        "{} written: {} redacted, {addresses} replaced, {} of other payload written over",
        Count(frames, "frame"),
        Count(messages, "MQTT message"),
        Count(overwritten, "byte")
    )
}
