//! Which flow a command is about: by its number, its `tcp.stream` or `udp.stream`, its MQTT client, or because there is only
//! one.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use mqttsniff::cage::Needs;
use mqttsniff::capture::{Fill, FrameNo};
use mqttsniff::engine::{EngineOptions, FlowRef};
use mqttsniff::flow::Transport;
use mqttsniff::mqttsn::Body;
use mqttsniff::neighbour::Names;
use mqttsniff::text::{Escaped, kept_name};
use mqttsniff::{Analysis, Output, Summary};

use super::decoding::{Decoding, engine_options};
use super::failure::{Failure, report_problems, say};
use super::input;
use super::output::STDOUT;
use super::parse::number;
use super::progress::Progress;
use super::resolve::Resolve;
use super::threads::Threads;

/// The files, and the flow in them.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Capture files, or - for standard input; then the number of the flow
    ///
    /// N is the number of the frame that opened the flow, as `mqttsniff read` shows it. It may be left out where there
    /// is only one TCP connection, or none and one UDP conversation. A file whose name is a number is named with a path: ./1
    #[arg(required = true, value_name = "FILE... [N]", help_heading = "Input")]
    operands: Vec<PathBuf>,

    /// The flow, by its number in Wireshark (tcp.stream)
    #[arg(long, value_name = "STREAM", help_heading = "Input", conflicts_with = "client_id",
          value_parser = number::<u32>(0, u32::MAX.into()))]
    stream: Option<u32>,

    /// The UDP conversation, by its number in Wireshark (udp.stream)
    #[arg(long, value_name = "STREAM", help_heading = "Input", conflicts_with_all = ["client_id", "stream"],
          value_parser = number::<u32>(0, u32::MAX.into()))]
    udp_stream: Option<u32>,

    /// The flow of an MQTT or MQTT-SN client, by its client identifier
    ///
    /// Where the client has several flows, the first is shown and the others are named. The files are read twice, so
    /// this works with no pipe.
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    client_id: Option<String>,

    #[command(flatten)]
    pub(super) resolve: Resolve,
}

impl Choice {
    /// What is opened by its name to find the flow, and to show it.
    pub(super) fn needs(&self) -> Needs {
        // A number at the end is the name of a file only where there is such a file.
        Needs {
            read: self.operands.iter().filter(|path| *path != Path::new("-")).cloned().collect(),
            ..Needs::default()
        }
    }

    /// The files, and which flow of them is meant. `command` is the one that asks.
    pub(super) fn find(&self, decoding: &Decoding, command: &str) -> anyhow::Result<(Vec<PathBuf>, Wanted)> {
        let (files, number) = operands(self, command)?;
        let stream = self.stream.map(|stream| (Transport::Tcp, stream));
        let stream = stream.or(self.udp_stream.map(|stream| (Transport::Udp, stream)));
        let wanted = match (number, stream, &self.client_id) {
            (Some(number), ..) => Wanted::Number(number),
            (_, Some((transport, stream)), _) => Wanted::Stream(transport, stream),
            (.., Some(client)) => of_client(decoding, &files, client)?,
            (..) => the_only(decoding, &self.resolve, &files)?,
        };
        Ok((files, wanted))
    }
}

/// Flows and clients that are named in a message: more scroll the message away.
const NAMED: usize = 10;

/// Which flow is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one that this frame opened.
    Number(u64),
    /// The one with Wireshark's number among those of its transport.
    Stream(Transport, u32),
}

impl Wanted {
    fn is(self, flow: FlowRef) -> bool {
        match self {
            Self::Number(number) => flow.id.0 == number,
            Self::Stream(transport, stream) => flow.transport == transport && flow.stream == stream,
        }
    }
}

/// The files, and the number behind them where there has to be one.
fn operands(choice: &Choice, command: &str) -> anyhow::Result<(Vec<PathBuf>, Option<u64>)> {
    let mut files = choice.operands.clone();
    if choice.stream.is_some() || choice.udp_stream.is_some() || choice.client_id.is_some() {
        return Ok((files, None));
    }
    let number = files.last().and_then(|last| last.to_str()).and_then(|last| last.parse().ok());
    if number.is_some() {
        files.pop();
        if files.is_empty() {
            bail!(Failure::new(
                "the flow is named, but no capture file",
                Some(format!("mqttsniff {command} FILE N; a file whose name is a number is named with a path: ./1")),
            ));
        }
    }
    Ok((files, number))
}

/// Reads everything once, without frames, to find out which flows there are.
fn survey(
    options: EngineOptions,
    files: &[PathBuf],
    way_out: &str,
    sink: &mut dyn FnMut(&Output<'_>),
) -> anyhow::Result<()> {
    // What can't be read even once is told when it is opened.
    let pipe = files.iter().find(|file| !fs::metadata(file).is_ok_and(|data| data.is_file() || data.is_dir()));
    if let Some(pipe) = pipe.filter(|pipe| *pipe == Path::new("-") || pipe.exists()) {
        let name = if *pipe == Path::new("-") { "standard input".to_owned() } else { pipe.display().to_string() };
        bail!(Failure::new(format!("{name} can't be read twice"), Some(way_out.to_owned())));
    }
    let mut analysis = input::open(files, options)?;
    let mut progress = Progress::new(false);
    // It never has enough.
    let _ = analysis.read(Threads::default().get(), &mut progress.with(&mut *sink));
    analysis.finish(sink);
    progress.finish();
    Ok(())
}

/// The flow of an MQTT client.
fn of_client(decoding: &Decoding, files: &[PathBuf], client: &str) -> anyhow::Result<Wanted> {
    let mut flows: Vec<u64> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    // Redacted, the client goes by its token; whoever knows its name may still use it.
    let token = decoding.tokens.redactor().map(|redactor| redactor.text(client.as_bytes()));
    let way_out = "save it to a file first, or name the flow by its number";
    survey(engine_options(decoding), files, way_out, &mut |output| {
        let (id, flow) = match output {
            Output::Session(session, _) => (session.client_id.as_deref(), session.flow.id.0),
            Output::SnSession(session) => (session.client_id.as_deref(), session.flow.id.0),
            // A session may have begun between other ends than it ended between.
            Output::SnMessage(flow, message) => match message.packet().body {
                Body::Connect { client_id, .. } => (Some(client_id), flow.id.0),
                _ => return,
            },
            _ => return,
        };
        let Some(id) = id else { return };
        if *id == *kept_name(client.as_bytes()) || token.as_deref().is_some_and(|token| *kept_name(token) == *id) {
            flows.push(flow);
        } else if others.len() <= NAMED {
            let id = Escaped(id).to_string();
            if !others.contains(&id) {
                others.push(id);
            }
        }
    })?;
    flows.sort_unstable();
    // A client of MQTT-SN may have several sessions in one.
    flows.dedup();
    let Some(first) = flows.first() else {
        let more = if others.len() > NAMED { ", …" } else { "" };
        others.truncate(NAMED);
        let hint = if others.is_empty() {
            "no client identifier was captured at all; name the flow by its number".to_owned()
        } else {
            format!("clients there are: {}{more}", others.join(", "))
        };
        bail!(Failure::new(format!("no MQTT client '{}' was captured", Escaped(client.as_bytes())), Some(hint)));
    };
    if flows.len() > 1 {
        let named: Vec<_> = flows.iter().skip(1).take(NAMED).map(ToString::to_string).collect();
        let more = if flows.len() > NAMED + 1 { ", …" } else { "" };
        say(&format!(
            "'{}' has {} flows; this is {first}, the {} {}{more}",
            Escaped(client.as_bytes()),
            flows.len(),
            if flows.len() == 2 { "other is" } else { "others are" },
            named.join(", ")
        ));
    }
    Ok(Wanted::Number(*first))
}

/// The flow, where there is only one.
fn the_only(decoding: &Decoding, resolve: &Resolve, files: &[PathBuf]) -> anyhow::Result<Wanted> {
    let (mut flows, mut conversations) = (Listed::default(), Listed::default());
    let way_out = "name the flow by its number, which is that of the frame that opened it";
    let options = resolve.engine(engine_options(decoding));
    let names = options.names.clone();
    survey(options, files, way_out, &mut |output| {
        let Output::Flow(flow, _) = output else { return };
        let listed = if flow.transport == Transport::Tcp { &mut flows } else { &mut conversations };
        listed.add(FlowRef::of(flow), &names);
    })?;
    // Among a connection and questions to a name server it is the connection that is meant.
    let listed = if flows.count > 0 { flows } else { conversations };
    match listed.first.as_slice() {
        [] => bail!("there is no TCP connection and no UDP conversation in the capture"),
        [(only, _)] => Ok(Wanted::Number(*only)),
        several => {
            let lines: Vec<_> = several.iter().map(|(_, line)| line.clone()).collect();
            bail!(Failure::new("which flow?", Some(listing(&lines, listed.count))))
        }
    }
}

/// Flows of one transport: those that began first, and how many there are.
#[derive(Default)]
struct Listed {
    first: Vec<(u64, String)>,
    count: u64,
}

impl Listed {
    /// Flows are told as they end; those that began first are the ones to name.
    fn add(&mut self, flow: FlowRef, names: &Names) {
        self.count += 1;
        let at = self.first.partition_point(|(number, _)| *number < flow.id.0);
        if at < NAMED {
            self.first.insert(at, (flow.id.0, describe(flow, names)));
            self.first.truncate(NAMED);
        }
    }
}

fn describe(flow: FlowRef, names: &Names) -> String {
    let transport = flow.transport.name();
    let end = |end: SocketAddr| match names.of(end.ip(), flow.id) {
        Some(name) => format!("{end} ({name})"),
        None => end.to_string(),
    };
    format!("{:>6}  {} → {} ({transport}.stream {})", flow.id, end(flow.client), end(flow.server), flow.stream)
}

fn listing(lines: &[String], count: u64) -> String {
    let more = match count - lines.len() as u64 {
        0 => String::new(),
        more => format!("\n    and {more} more; `mqttsniff read FILE` lists them"),
    };
    format!("flows there are:\n    {}{more}", lines.join("\n    "))
}

/// Reads until the flow has ended, or where `whole` is set all there is, and shows what belongs to the flow. Gives the
/// summary, if all was read.
pub(super) fn watch(
    analysis: &mut Analysis,
    wanted: Wanted,
    whole: bool,
    mut progress: Progress,
    show: &mut dyn FnMut(&Output<'_>) -> io::Result<()>,
) -> anyhow::Result<Option<Summary>> {
    let mut seen = Seen::new(wanted, analysis.names().clone());
    loop {
        let fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |output| seen.take(output, show));
        progress.update(&analysis.source_report());
        seen.check()?;
        if fill == Fill::End || (seen.ended && !whole) {
            break;
        }
    }
    let summary = (!seen.ended || whole).then(|| analysis.finish(&mut |output| seen.take(output, show)));
    progress.finish();
    seen.check()?;
    if !seen.ended {
        report_problems(summary.as_ref().map_or(&[], |summary| &summary.source.problems));
        bail!(seen.missing());
    }
    Ok(summary)
}

/// Picks what belongs to the flow, and remembers what is said if there is none.
struct Seen {
    wanted: Wanted,
    /// The flow was told to its end.
    ended: bool,
    /// The flow that the wanted number is only a later frame of.
    inside: Option<FlowNo>,
    flows: Vec<String>,
    count: u64,
    error: Option<io::Error>,
    names: Names,
}

/// The number of a flow.
type FlowNo = FrameNo;

impl Seen {
    const fn new(wanted: Wanted, names: Names) -> Self {
        Self { wanted, ended: false, inside: None, flows: Vec::new(), count: 0, error: None, names }
    }

    /// Passes on what belongs to the flow.
    fn take(&mut self, output: &Output<'_>, view: &mut dyn FnMut(&Output<'_>) -> io::Result<()>) {
        let flow = match output {
            Output::Packet(view) => view.flow,
            Output::Message(flow, _)
            | Output::SnMessage(flow, _)
            | Output::Preview(flow, _)
            | Output::Stream(flow, ..) => Some(*flow),
            Output::Session(_, flow) | Output::Flow(flow, _) => Some(FlowRef::of(flow)),
            Output::Neighbour(message) => message.flow.map(|(flow, _)| flow),
            Output::SnSession(session) => Some(session.flow),
            Output::Finding(finding) => finding.flow,
            Output::Delivery(_) | Output::Topic(..) => None,
        };
        let Some(flow) = flow else { return };
        if let Output::Packet(view) = output {
            self.note(flow, view.frame.number);
        }
        if !self.wanted.is(flow) || self.error.is_some() {
            return;
        }
        self.error = view(output).err();
        self.ended |= matches!(output, Output::Flow(..));
    }

    fn note(&mut self, flow: FlowRef, frame: FrameNo) {
        if flow.id == frame {
            self.count += 1;
            if self.flows.len() < NAMED {
                self.flows.push(describe(flow, &self.names));
            }
        } else if self.wanted == Wanted::Number(frame.0) {
            self.inside = Some(flow.id);
        }
    }

    /// Tells what keeps the flow from being shown.
    fn check(&mut self) -> anyhow::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error).context(STDOUT);
        }
        Ok(())
    }

    /// What to say where there is no such flow.
    fn missing(&self) -> Failure {
        let what = match self.wanted {
            Wanted::Number(number) => format!("frame {number} opened no flow"),
            Wanted::Stream(transport, stream) => {
                format!("no flow has the {}.stream number {stream}", transport.name())
            }
        };
        let hint = match self.inside {
            Some(flow) => format!("it belongs to flow {flow}"),
            None if self.count == 0 => "there is no flow in the capture".to_owned(),
            None => listing(&self.flows, self.count),
        };
        Failure::new(what, Some(hint))
    }
}
