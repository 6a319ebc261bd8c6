//! `mqttsniff follow`: what both ends of one connection or conversation said, as messages, text, a dump or the bytes themselves.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use mqttsniff::cage::directory_of;
use mqttsniff::capture::Origin;
use mqttsniff::dissect::Protocol;
use mqttsniff::engine::{EngineOptions, FlowRef, PacketView, StreamPart};
use mqttsniff::flow::{Direction, Role, Transport};
use mqttsniff::render::{Follow as Streams, FollowFormat, JsonLines, Lines, MaskedStreams, Shown};
use mqttsniff::{Output, Summary};

use super::args::{ColorArgument, EndArgument, TimeArgument};
use super::cage::Cage;
use super::choose::{Choice, watch};
use super::decoding::{Decoding, engine_options};
use super::failure::{Failure, report_problems, say};
use super::input;
use super::output::{STDOUT, style_of};
use super::progress::Progress;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Follow {
    #[command(flatten)]
    choice: Choice,

    /// How to show what was said [default: messages of MQTT, MQTT-SN and datagrams that are read, else text]
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
    /// A stream record for each part of a stream and each datagram, between begin and summary; with --as messages, and of
    /// QUIC, message and neighbour records.
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
    /// Messages, a line each: of MQTT, MQTT-SN and the protocols around them
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
        neighbours: true,
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
    if viewer.is_refused() {
        bail!(Failure::new(
            "it is a QUIC connection: its streams are encrypted each by itself, and not shown as bytes",
            Some("without --as its messages are shown, where --keylog has its keys".to_owned()),
        ));
    }
    if let Some(lack) = viewer.lack() {
        say(lack);
    }
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

/// Shows the flow in one way or another.
struct Viewer {
    kind: Kind,
    /// What the user asked for.
    asked: Option<FormArgument>,
    from: Option<Role>,
    /// It is a QUIC connection, which has many streams: they are shown as the messages in them only.
    is_quic: bool,
    /// A message was told, or would have been if the user had asked for its sender.
    any: bool,
}

enum Kind {
    Json { json: Box<JsonLines<Out>>, messages: bool },
    People { form: Form, lines: Box<Lines>, streams: Box<Streams>, out: Out },
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
        let asked = arguments.form.or_else(|| redacts.then_some(FormArgument::Messages));
        let shown = Shown { messages: true, neighbours: true, ..Shown::default() };
        let kind = if arguments.json {
            let json = Box::new(JsonLines::new(out, Shown { summary: true, ..shown }));
            Kind::Json { json, messages: asked == Some(FormArgument::Messages) }
        } else {
            let style = style_of(arguments.color, arguments.time == Some(TimeArgument::Clock));
            let format = match asked {
                Some(FormArgument::Hex) => FollowFormat::Hex,
                Some(FormArgument::Raw) => FollowFormat::Raw,
                Some(FormArgument::Text | FormArgument::Messages) | None => FollowFormat::Text,
            };
            let form = match asked {
                Some(FormArgument::Messages) => Form::Messages,
                Some(FormArgument::Text | FormArgument::Hex | FormArgument::Raw) => Form::Streams,
                None => Form::Open(Vec::new()),
            };
            let (lines, streams) = (Lines::new(style, shown), Streams::new(style, format, from));
            Kind::People { form, lines: Box::new(lines), streams: Box::new(streams), out }
        };
        Self { kind, asked, from, is_quic: false, any: false }
    }

    fn begin(&mut self, inputs: &[String]) -> io::Result<()> {
        match &mut self.kind {
            Kind::Json { json, .. } => json.begin(inputs),
            Kind::People { .. } => Ok(()),
        }
    }

    fn take(&mut self, output: &Output<'_>) -> io::Result<()> {
        match output {
            Output::Packet(view) => {
                self.starts(view);
                Ok(())
            }
            Output::Message(_, message) => self.message(output, message.direction.sender(), true),
            Output::SnMessage(_, message) => self.message(output, message.direction.sender(), true),
            Output::Neighbour(message) => {
                let Some((flow, direction)) = message.flow else { return Ok(()) };
                // What TCP carries of these protocols is text, as a rule, and read best as that.
                self.message(output, direction.sender(), flow.transport == Transport::Udp)
            }
            Output::Stream(_, direction, part, origin) => self.part(output, *direction, *part, *origin),
            Output::Flow(..) => match &mut self.kind {
                Kind::People { form: Form::Open(kept), out, .. } => out.write_all(kept),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn starts(&mut self, view: &PacketView<'_>) {
        self.is_quic |= view.brought().any(|protocol| protocol == Protocol::Quic);
        match &mut self.kind {
            Kind::People { form, lines, streams, .. } => {
                lines.starts(view.frame.header.time);
                streams.starts(view.frame.header.time);
                if self.is_quic && matches!(form, Form::Open(_)) {
                    *form = Form::Messages;
                }
            }
            Kind::Json { messages, .. } => *messages |= self.is_quic && self.asked.is_none(),
        }
    }

    /// A message; `decides` where nothing else is shown of what has such.
    fn message(&mut self, output: &Output<'_>, sender: Role, decides: bool) -> io::Result<()> {
        let wanted = self.from.is_none_or(|from| from == sender);
        match &mut self.kind {
            Kind::Json { json, messages: true } => {
                self.any = true;
                if wanted { json.output(output) } else { Ok(()) }
            }
            Kind::Json { messages: false, .. } => Ok(()),
            Kind::People { form, lines, out, .. } => {
                if decides && matches!(form, Form::Open(_)) {
                    *form = Form::Messages;
                }
                if !matches!(form, Form::Messages) {
                    return Ok(());
                }
                self.any = true;
                if wanted { lines.output(output, out) } else { Ok(()) }
            }
        }
    }

    fn part(
        &mut self,
        output: &Output<'_>,
        direction: Direction,
        part: StreamPart<'_>,
        origin: Origin,
    ) -> io::Result<()> {
        if self.is_quic {
            return Ok(());
        }
        match &mut self.kind {
            Kind::Json { json, messages } => {
                let wanted = self.from.is_none_or(|from| from == direction.sender());
                if *messages || !wanted { Ok(()) } else { json.output(output) }
            }
            Kind::People { form: Form::Messages, .. } => Ok(()),
            Kind::People { form: Form::Streams, streams, out, .. } => streams.part(direction, part, origin, out),
            Kind::People { form: form @ Form::Open(_), streams, out, .. } => {
                let Form::Open(kept) = form else { return Ok(()) };
                streams.part(direction, part, origin, kept)?;
                if kept.len() > KEPT {
                    out.write_all(kept)?;
                    *form = Form::Streams;
                }
                Ok(())
            }
        }
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        match &mut self.kind {
            Kind::Json { json, .. } => json.end(summary),
            Kind::People { .. } => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Json { json, .. } => json.flush(),
            Kind::People { out, .. } => out.flush(),
        }
    }

    const fn shows_messages(&self) -> bool {
        match &self.kind {
            Kind::Json { messages, .. } => *messages,
            Kind::People { form, .. } => matches!(form, Form::Messages),
        }
    }

    /// Whether bytes were asked for of what is not shown as such.
    const fn is_refused(&self) -> bool {
        self.is_quic && !self.shows_messages()
    }

    /// What to say of a flow that has none of the messages that were to be shown.
    const fn lack(&self) -> Option<&'static str> {
        match (self.shows_messages() && !self.any, self.is_quic) {
            (false, _) => None,
            (true, true) => Some(
                "it is a QUIC connection, and no message of it could be read: --keylog names a file with its keys, and \
                 `mqttsniff flow` shows what can be seen without",
            ),
            (true, false) => Some("no message of it could be read: --as text and --as hex show what was sent"),
        }
    }
}
