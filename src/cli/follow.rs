//! `mqttsniff follow`: what both ends of one connection said, as messages, text, a dump or the bytes themselves.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use mqttsniff::cage::directory_of;
use mqttsniff::engine::{EngineOptions, FlowRef, StreamPart};
use mqttsniff::flow::Role;
use mqttsniff::render::{Follow as Streams, FollowFormat, JsonLines, Lines, MaskedStreams, Shown};
use mqttsniff::{Output, Summary};

use super::args::{ColorArgument, EndArgument, TimeArgument};
use super::cage::Cage;
use super::choose::{Choice, watch};
use super::decoding::{Decoding, engine_options};
use super::failure::{Failure, report_problems};
use super::input;
use super::output::{STDOUT, style_of};
use super::progress::Progress;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Follow {
    #[command(flatten)]
    choice: Choice,

    /// How to show what was said [default: messages where it is MQTT, else text]
    #[arg(long = "as", value_name = "FORM", help_heading = "Output")]
    form: Option<FormArgument>,

    /// Show only what this end sends
    #[arg(long, value_name = "END", help_heading = "Output")]
    from: Option<EndArgument>,

    /// Write to a file
    ///
    /// It is created so that only its owner can read it, and must not exist yet.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Print JSON Lines: one object a line
    ///
    /// A stream record for each part of a stream, between begin and summary; with --as messages, message records.
    #[arg(long, help_heading = "Output")]
    json: bool,

    #[command(flatten)]
    decoding: Decoding,

    /// Show times of the clock (UTC) or seconds since the flow's first frame
    #[arg(long, value_name = "KIND", help_heading = "Output")]
    time: Option<TimeArgument>,

    /// Use colours
    ///
    /// auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorArgument,

    #[command(flatten)]
    cage: Cage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormArgument {
    /// MQTT messages, a line each
    Messages,
    /// Text, line by line, with what is no text escaped
    Text,
    /// A dump: offsets, hexadecimal digits and characters
    Hex,
    /// The bytes themselves, and nothing else
    Raw,
}

pub(super) fn run(arguments: &Follow) -> anyhow::Result<ExitCode> {
    let redacts = arguments.decoding.tokens.redactor().is_some();
    if redacts && arguments.form.is_some_and(|form| form != FormArgument::Messages) {
        bail!(Failure::new(
            "--redact replaces what is private in MQTT messages; other forms would show the bytes as they are",
            Some("mqttsniff redact IN OUT makes a capture in which the bytes are replaced".to_owned()),
        ));
    }
    if arguments.form == Some(FormArgument::Raw) && arguments.json {
        bail!(Failure::new("--json shows bytes as text or base64", Some("leave --as raw out".to_owned())));
    }
    let terminal = arguments.output.is_none() && io::stdout().is_terminal();
    if arguments.form == Some(FormArgument::Raw) && terminal {
        bail!(Failure::new(
            "bytes from the wire may do anything to a terminal",
            Some("add --output FILE, pipe it, or use --as hex".to_owned()),
        ));
    }
    let mut needs = arguments.choice.needs();
    needs.write.extend(arguments.output.as_deref().map(directory_of));
    let cage = arguments.cage.files(needs)?;
    let file = arguments.output.as_deref().map(create).transpose()?;
    cage.close()?;
    let (files, wanted) = arguments.choice.find(&arguments.decoding, "follow")?;
    let out: Box<dyn Write> = match file {
        None => Box::new(io::stdout()),
        Some(file) => Box::new(file),
    };
    let mut viewer = Viewer::new(arguments, redacts, BufWriter::with_capacity(1 << 16, out));
    let options = EngineOptions {
        streams: true,
        packets: true,
        ..arguments.choice.resolve.engine(engine_options(&arguments.decoding))
    };
    let mut analysis = input::open(&files, options)?;
    let inputs: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    viewer.begin(&inputs).context(STDOUT)?;
    let mut masked = MaskedStreams::default();
    let mut show = |output: &Output<'_>| mask(&mut masked, output, &mut |output| viewer.take(output));
    let summary = watch(&mut analysis, wanted, arguments.json, Progress::new(false), &mut show)?;
    if let Some(summary) = &summary {
        viewer.end(summary).context(STDOUT)?;
    }
    let problems = summary.map(|summary| summary.source.problems).unwrap_or_default();
    viewer.flush().context(STDOUT)?;
    Ok(report_problems(&problems))
}

/// Shows an output, what streams say only once the secrets in it are written over.
fn mask(
    masked: &mut MaskedStreams,
    output: &Output<'_>,
    show: &mut dyn FnMut(&Output<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let (flow, is_end) = match output {
        Output::Stream(_, direction, part, origin) => {
            masked.part(*direction, *part, *origin);
            return Ok(());
        }
        Output::Packet(view) => {
            masked.carries(view.protocol);
            (view.flow, false)
        }
        Output::Message(flow, message) => {
            masked.message(message);
            (Some(*flow), false)
        }
        Output::Flow(flow, _) => {
            masked.carries(flow.app.protocol());
            (Some(FlowRef::of(flow)), true)
        }
        Output::SnMessage(..)
        | Output::SnSession(_)
        | Output::Neighbour(_)
        | Output::Preview(..)
        | Output::Session(..)
        | Output::Delivery(_)
        | Output::Topic(..)
        | Output::Finding(_) => (None, false),
    };
    if let Some(flow) = flow {
        let mut part = |direction, part: StreamPart<'_>, origin| show(&Output::Stream(flow, direction, part, origin));
        if !matches!(output, Output::Message(..)) {
            masked.release(is_end, &mut part)?;
        }
    }
    show(output)
}

/// A new file that only its owner can read, as captures are: what was said may hold passwords.
fn create(path: &Path) -> anyhow::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("can't write to '{}'", path.display()))
}

/// Where it is written to.
type Out = BufWriter<Box<dyn Write>>;

/// How much of a stream is kept before its first message shows that it is MQTT.
const KEPT: usize = 1 << 16;

/// Shows the connection in one way or another.
enum Viewer {
    Json { json: Box<JsonLines<Out>>, messages: bool, from: Option<Role> },
    People { form: Form, lines: Box<Lines>, streams: Box<Streams>, from: Option<Role>, out: Out },
}

/// What is shown.
enum Form {
    Messages,
    Streams,
    /// Messages, if there are any; until then what would be shown otherwise is kept.
    Open(Vec<u8>),
}

impl Viewer {
    fn new(arguments: &Follow, redacts: bool, out: Out) -> Self {
        let from = arguments.from.map(|end| match end {
            EndArgument::Client => Role::Client,
            EndArgument::Server => Role::Server,
        });
        let form = arguments.form.or_else(|| redacts.then_some(FormArgument::Messages));
        if arguments.json {
            let messages = form == Some(FormArgument::Messages);
            let shown = Shown { messages, summary: true, ..Shown::default() };
            return Self::Json { json: Box::new(JsonLines::new(out, shown)), messages, from };
        }
        let style = style_of(arguments.color, arguments.time == Some(TimeArgument::Clock));
        let format = match form {
            Some(FormArgument::Hex) => FollowFormat::Hex,
            Some(FormArgument::Raw) => FollowFormat::Raw,
            Some(FormArgument::Text | FormArgument::Messages) | None => FollowFormat::Text,
        };
        let form = match form {
            Some(FormArgument::Messages) => Form::Messages,
            Some(FormArgument::Text | FormArgument::Hex | FormArgument::Raw) => Form::Streams,
            None => Form::Open(Vec::new()),
        };
        let lines = Box::new(Lines::new(style, Shown { messages: true, ..Shown::default() }));
        Self::People { form, lines, streams: Box::new(Streams::new(style, format, from)), from, out }
    }

    fn begin(&mut self, inputs: &[String]) -> io::Result<()> {
        match self {
            Self::Json { json, .. } => json.begin(inputs),
            Self::People { .. } => Ok(()),
        }
    }

    fn take(&mut self, output: &Output<'_>) -> io::Result<()> {
        match self {
            Self::Json { json, messages, from } => {
                let (is_message, sender) = match output {
                    Output::Message(_, message) => (true, message.direction.sender()),
                    Output::Stream(_, direction, ..) => (false, direction.sender()),
                    _ => return Ok(()),
                };
                if is_message == *messages && from.is_none_or(|from| from == sender) {
                    json.output(output)?;
                }
                Ok(())
            }
            Self::People { form, lines, streams, from, out } => match (output, &mut *form) {
                (Output::Packet(view), _) => {
                    lines.starts(view.frame.header.time);
                    streams.starts(view.frame.header.time);
                    Ok(())
                }
                (Output::Message(_, message), Form::Messages | Form::Open(_)) => {
                    *form = Form::Messages;
                    if from.is_none_or(|from| from == message.direction.sender()) {
                        lines.output(output, out)?;
                    }
                    Ok(())
                }
                (Output::Stream(_, direction, part, origin), Form::Streams) => {
                    streams.part(*direction, *part, *origin, out)
                }
                (Output::Stream(_, direction, part, origin), Form::Open(kept)) => {
                    streams.part(*direction, *part, *origin, kept)?;
                    if kept.len() > KEPT {
                        out.write_all(kept)?;
                        *form = Form::Streams;
                    }
                    Ok(())
                }
                (Output::Flow(..), Form::Open(kept)) => out.write_all(kept),
                _ => Ok(()),
            },
        }
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        match self {
            Self::Json { json, .. } => json.end(summary),
            Self::People { .. } => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Json { json, .. } => json.flush(),
            Self::People { out, .. } => out.flush(),
        }
    }
}
