//! `mqttsniff redact`: a capture in, one that can be shared out; and the options that redact what other commands show.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use mqttsniff::capture::save::{self, Format, Writer};
use mqttsniff::capture::{self, Batch, Fill, LinkType, Source as _};
use mqttsniff::mqtt::Redactor;
use mqttsniff::redact::{Redaction, RedactionOptions, RedactionStats};
use mqttsniff::render::Count;

use super::failure::{Failure, report_problems, say};
use super::output::STDOUT;
use super::progress::Progress;

/// Tokens in place of what is private.
#[derive(Debug, Args)]
#[command(next_help_heading = "Privacy")]
pub(super) struct Tokens {
    /// Show tokens in place of client identifiers, user names, topics and payloads
    ///
    /// In every output. The same text has the same token everywhere, topics level by level, so that subscriptions
    /// still match; tokens are as long as what they stand for, and differ from run to run. Addresses stay, and so does
    /// all in a file that is saved while capturing: `mqttsniff redact` makes one that can be shared.
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
    /// As pcap where the name ends in .pcap, else as pcapng. A file of that name is replaced once all is written.
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
}

/// The file that is written: under another name until it is whole, so that what stood there is not lost to a failure.
struct Target<'a> {
    path: &'a Path,
    /// Where it is written until it is whole; none for a pipe or a device.
    partial: Option<PathBuf>,
    writer: Option<Writer>,
    done: bool,
}

/// Refuses what would not be what its name says, or harm a terminal.
fn refuse_output(path: &Path) -> anyhow::Result<()> {
    let compressed = ["gz", "zst", "zstd", "lz4", "xz", "bz2"];
    if path.extension().is_some_and(|end| compressed.iter().any(|name| end.eq_ignore_ascii_case(name))) {
        bail!(Failure::new(
            format!("'{}' names a compressed file, and captures are written plain", path.display()),
            Some("write it plain and compress it, or to standard output: mqttsniff redact IN - | gzip".to_owned()),
        ));
    }
    if path == Path::new("-") && io::stdout().is_terminal() {
        bail!(Failure::new("a capture is nothing for a terminal", Some("name a file, or pipe it".to_owned())));
    }
    if fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink()) {
        bail!(Failure::new(
            format!("'{}' is a symbolic link, and whoever made it chose what would be replaced", path.display()),
            Some("name the file itself".to_owned()),
        ));
    }
    Ok(())
}

pub(super) fn run(arguments: &Redact) -> anyhow::Result<ExitCode> {
    refuse_output(&arguments.output)?;
    refuse_own_input(arguments)?;
    let mut source =
        capture::open(std::slice::from_ref(&arguments.input)).map_err(|problems| match problems.first() {
            Some(problem) => anyhow::Error::new(Failure::from(problem)),
            None => anyhow::anyhow!("the input can't be opened"),
        })?;
    let redactor = redactor(arguments.secret.as_deref()).keeping_topics(arguments.keep_topics);
    let mut options = RedactionOptions::new(redactor);
    options.keep_addresses = arguments.keep_addresses;
    let mut redaction = Redaction::new(options);
    let mut target = Target::new(&arguments.output);
    let mut progress = Progress::new(false);
    let mut batch = Batch::new();
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        for frame in batch.frames() {
            redaction.frame(&frame);
            target.write(&mut redaction)?;
        }
        progress.update(|| source.report());
        if fill == Fill::End {
            break;
        }
    }
    redaction.finish();
    target.write(&mut redaction)?;
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

/// The input is read while the output is written.
fn refuse_own_input(arguments: &Redact) -> anyhow::Result<()> {
    let same = match (fs::canonicalize(&arguments.input), fs::canonicalize(&arguments.output)) {
        (Ok(input), Ok(output)) => input == output || is_same_file(&input, &output),
        _ => false,
    };
    if same && arguments.output != Path::new("-") {
        bail!(Failure::new(
            format!("'{}' is the input itself, and would be lost", arguments.output.display()),
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
    fn new(path: &'a Path) -> Self {
        let is_stream = path == Path::new("-") || fs::metadata(path).is_ok_and(|data| !data.is_file());
        let partial = path.file_name().filter(|_| !is_stream).map(|name| {
            let mut name = name.to_os_string();
            name.push(".partial");
            path.with_file_name(name)
        });
        Self { path, partial, writer: None, done: false }
    }

    /// Writes the frames that are done.
    fn write(&mut self, redaction: &mut Redaction) -> anyhow::Result<()> {
        while let Some(frame) = redaction.next_done() {
            let link = frame.header().link;
            let writer = self.open(link)?;
            writer.write(&frame.as_frame()).with_context(|| failed_write(self.path))?;
        }
        Ok(())
    }

    /// The writer; nothing is written before the input is known to be a capture.
    fn open(&mut self, link: LinkType) -> anyhow::Result<&mut Writer> {
        let writer = if let Some(writer) = self.writer.take() {
            writer
        } else {
            let mut options = save::Options::new(Format::of_path(self.path).unwrap_or(Format::Pcapng));
            options.link = link;
            let path = self.partial.as_deref().unwrap_or(self.path);
            Writer::create(path, options).with_context(|| failed_write(self.path))?
        };
        Ok(self.writer.insert(writer))
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.open(LinkType::ETHERNET)?;
        if let Some(writer) = self.writer.take() {
            writer.finish().with_context(|| failed_write(self.path))?;
        }
        if let Some(partial) = &self.partial {
            fs::rename(partial, self.path).with_context(|| failed_write(self.path))?;
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

fn failed_write(path: &Path) -> String {
    format!("can't write to '{}'", path.display())
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
