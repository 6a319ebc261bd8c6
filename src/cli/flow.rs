//! `mqttsniff flow`: one connection, as a ladder, a plot or JSON Lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use mqttsniff::Output;
use mqttsniff::capture::{Fill, FrameNo};
use mqttsniff::engine::FlowRef;
use mqttsniff::flow::{Role, Transport};
use mqttsniff::render::{JsonLines, Ladder, Part, Plot, PlotKind, Shown, Style};
use mqttsniff::text::Escaped;

use super::args::{EndArgument, Flow, PlotArgument, TimeArgument};
use super::failure::{Failure, report_problems, say};
use super::input;
use super::output::{STDOUT, style_of};
use super::progress::Progress;

/// Flows and clients that are named in a message: more scroll the message away.
const NAMED: usize = 10;

/// Which flow is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The one that this frame opened.
    Number(u64),
    /// The one with Wireshark's number.
    Stream(u32),
}

impl Wanted {
    fn is(self, flow: FlowRef) -> bool {
        match self {
            Self::Number(number) => flow.id.0 == number,
            Self::Stream(stream) => flow.transport == Transport::Tcp && flow.stream == stream,
        }
    }
}

pub(super) fn run(arguments: &Flow) -> anyhow::Result<ExitCode> {
    let (files, number) = operands(arguments)?;
    let target = arguments.output.as_deref().map(Target::open).transpose()?;
    let wanted = match (number, arguments.stream, &arguments.client_id) {
        (Some(number), ..) => Wanted::Number(number),
        (_, Some(stream), _) => Wanted::Stream(stream),
        (.., Some(client)) => of_client(arguments, &files, client)?,
        (..) => the_only(arguments, &files)?,
    };
    let mut viewer = Viewer::new(arguments, &files, target).context(STDOUT)?;
    let mut analysis = input::open(&files, &arguments.decoding, true)?;
    let mut progress = Progress::new(arguments.json);
    let mut seen = Seen::new(wanted);
    loop {
        let fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |output| seen.take(output, &mut viewer));
        progress.update(|| analysis.source_report());
        seen.check()?;
        // JSON ends with the summary of the whole; people have seen all there is of the flow.
        if fill == Fill::End || (seen.ended && !arguments.json) {
            break;
        }
    }
    let mut problems = Vec::new();
    if !seen.ended || arguments.json {
        let summary = analysis.finish(&mut |output| seen.take(output, &mut viewer));
        progress.finish();
        seen.check()?;
        if let Viewer::Json { lines, .. } = &mut viewer {
            lines.end(&summary).context(STDOUT)?;
        }
        problems = summary.source.problems;
    }
    progress.finish();
    if !seen.ended {
        report_problems(&problems);
        bail!(seen.missing());
    }
    viewer.end(arguments)?;
    Ok(report_problems(&problems))
}

/// The files, and the number behind them where there has to be one.
fn operands(arguments: &Flow) -> anyhow::Result<(Vec<PathBuf>, Option<u64>)> {
    let mut files = arguments.operands.clone();
    if arguments.stream.is_some() || arguments.client_id.is_some() {
        return Ok((files, None));
    }
    let number = files.last().and_then(|last| last.to_str()).and_then(|last| last.parse().ok());
    if number.is_some() {
        files.pop();
        if files.is_empty() {
            bail!(Failure::new(
                "the flow is named, but no capture file",
                Some("mqttsniff flow FILE N; a file whose name is a number is named with a path: ./1".to_owned()),
            ));
        }
    }
    Ok((files, number))
}

/// Reads everything once, without frames, to find out which flows there are.
fn survey(arguments: &Flow, files: &[PathBuf], way_out: &str, sink: &mut dyn FnMut(&Output<'_>)) -> anyhow::Result<()> {
    let pipe = files.iter().find(|file| !fs::metadata(file).is_ok_and(|data| data.is_file()));
    if let Some(pipe) = pipe.filter(|pipe| *pipe == Path::new("-") || pipe.exists()) {
        let name = if *pipe == Path::new("-") { "standard input".to_owned() } else { pipe.display().to_string() };
        bail!(Failure::new(format!("{name} can't be read twice"), Some(way_out.to_owned())));
    }
    let mut analysis = input::open(files, &arguments.decoding, false)?;
    let mut progress = Progress::new(false);
    loop {
        let fill = analysis.fill();
        analysis.analyse(usize::MAX, sink);
        progress.update(|| analysis.source_report());
        if fill == Fill::End {
            break;
        }
    }
    analysis.finish(sink);
    progress.finish();
    Ok(())
}

/// The flow of an MQTT client.
fn of_client(arguments: &Flow, files: &[PathBuf], client: &str) -> anyhow::Result<Wanted> {
    let mut flows: Vec<u64> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    // Redacted, the client goes by its token; whoever knows its name may still use it.
    let token = arguments.decoding.tokens.redactor().map(|redactor| redactor.text(client.as_bytes()));
    let way_out = "save it to a file first, or name the flow by its number";
    survey(arguments, files, way_out, &mut |output| {
        let Output::Session(session, _) = output else { return };
        let Some(id) = &session.client_id else { return };
        if **id == *client.as_bytes() || token.as_deref() == Some(&**id) {
            flows.push(session.flow.id.0);
        } else if others.len() <= NAMED {
            let id = Escaped(id).to_string();
            if !others.contains(&id) {
                others.push(id);
            }
        }
    })?;
    flows.sort_unstable();
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
            "'{}' has {} flows; this is {first}, the others are {}{more}",
            Escaped(client.as_bytes()),
            flows.len(),
            named.join(", ")
        ));
    }
    Ok(Wanted::Number(*first))
}

/// The flow, where there is only one.
fn the_only(arguments: &Flow, files: &[PathBuf]) -> anyhow::Result<Wanted> {
    let mut flows: Vec<(u64, String)> = Vec::new();
    let mut count = 0u64;
    let way_out = "name the flow by its number, which is that of the frame that opened it";
    survey(arguments, files, way_out, &mut |output| {
        let Output::Flow(flow, _) = output else { return };
        if flow.transport == Transport::Tcp {
            count += 1;
            flows.push((flow.id.0, describe(FlowRef::of(flow))));
            // Flows are told as they end; those that began first are the ones to name.
            flows.sort_unstable();
            flows.truncate(NAMED);
        }
    })?;
    match flows.as_slice() {
        [] => bail!("there is no TCP connection in the capture"),
        [(only, _)] => Ok(Wanted::Number(*only)),
        several => {
            let lines: Vec<_> = several.iter().map(|(_, line)| line.clone()).collect();
            bail!(Failure::new("which flow?", Some(listing(&lines, count))))
        }
    }
}

fn describe(flow: FlowRef) -> String {
    let transport = flow.transport.name();
    format!("{:>6}  {} → {} ({transport}.stream {})", flow.id, flow.client, flow.server, flow.stream)
}

fn listing(lines: &[String], count: u64) -> String {
    let more = match count - lines.len() as u64 {
        0 => String::new(),
        more => format!("\n    and {more} more; `mqttsniff read FILE` lists them"),
    };
    format!("flows there are:\n    {}{more}", lines.join("\n    "))
}

/// Picks what belongs to the flow, and remembers what is said if there is none.
struct Seen {
    wanted: Wanted,
    ended: bool,
    udp: Option<FlowRef>,
    /// The flow that the wanted number is only a later frame of.
    inside: Option<FlowNo>,
    flows: Vec<String>,
    count: u64,
    error: Option<io::Error>,
}

/// The number of a flow.
type FlowNo = FrameNo;

impl Seen {
    const fn new(wanted: Wanted) -> Self {
        Self { wanted, ended: false, udp: None, inside: None, flows: Vec::new(), count: 0, error: None }
    }

    fn take(&mut self, output: &Output<'_>, viewer: &mut Viewer) {
        let flow = match output {
            Output::Packet(view) => view.flow,
            Output::Message(flow, _) => Some(*flow),
            Output::Session(_, flow) | Output::Flow(flow, _) => Some(FlowRef::of(flow)),
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
        if flow.transport == Transport::Udp {
            self.udp = Some(flow);
            return;
        }
        self.error = viewer.take(output).err();
        self.ended |= matches!(output, Output::Flow(..));
    }

    fn note(&mut self, flow: FlowRef, frame: FrameNo) {
        if flow.id == frame {
            self.count += 1;
            if self.flows.len() < NAMED {
                self.flows.push(describe(flow));
            }
        } else if self.wanted == Wanted::Number(frame.0) {
            self.inside = Some(flow.id);
        }
    }

    fn check(&mut self) -> anyhow::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error).context(STDOUT);
        }
        let Some(flow) = self.udp else { return Ok(()) };
        bail!(Failure::new(
            format!("flow {} is UDP ({} and {}): there is no connection to show", flow.id, flow.client, flow.server),
            Some("mqttsniff read FILE --show packets".to_owned()),
        ));
    }

    fn missing(&self) -> Failure {
        let what = match self.wanted {
            Wanted::Number(number) => format!("frame {number} opened no flow"),
            Wanted::Stream(stream) => format!("no flow has the tcp.stream number {stream}"),
        };
        let hint = match self.inside {
            Some(flow) => format!("it belongs to flow {flow}"),
            None if self.count == 0 => "there is no flow in the capture".to_owned(),
            None => listing(&self.flows, self.count),
        };
        Failure::new(what, Some(hint))
    }
}

/// Shows the flow in one way or another.
enum Viewer {
    Ladder { ladder: Box<Ladder>, out: BufWriter<io::Stdout> },
    Plot { plot: Box<Plot>, style: Style, target: Option<Target> },
    Json { lines: Box<JsonLines<BufWriter<io::Stdout>>>, part: Part, told: u64 },
}

impl Viewer {
    fn new(arguments: &Flow, files: &[PathBuf], target: Option<Target>) -> io::Result<Self> {
        let (first, last) = arguments.frames.unwrap_or((0, u64::MAX));
        let part = Part { first, last, limit: arguments.limit.unwrap_or(u64::MAX) };
        let style = style_of(arguments.color, arguments.time == Some(TimeArgument::Clock));
        if let Some(plot) = arguments.plot {
            let kind = match plot {
                PlotArgument::Sequence => PlotKind::Sequence,
                PlotArgument::Window => PlotKind::Window,
                PlotArgument::Throughput => PlotKind::Throughput,
                PlotArgument::Rtt => PlotKind::Rtt,
            };
            let from = arguments.from.map(|end| match end {
                EndArgument::Client => Role::Client,
                EndArgument::Server => Role::Server,
            });
            return Ok(Self::Plot { plot: Box::new(Plot::new(kind, from, part)), style, target });
        }
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        if arguments.json {
            let shown = Shown {
                packets: true,
                messages: true,
                flows: true,
                sessions: true,
                findings: true,
                summary: true,
                ..Shown::default()
            };
            let mut lines = Box::new(JsonLines::new(out, shown));
            let inputs: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            lines.begin(&inputs)?;
            return Ok(Self::Json { lines, part, told: 0 });
        }
        Ok(Self::Ladder { ladder: Box::new(Ladder::new(style, part)), out })
    }

    fn take(&mut self, output: &Output<'_>) -> io::Result<()> {
        match self {
            Self::Ladder { ladder, out } => ladder.output(output, out),
            Self::Plot { plot, .. } => {
                plot.output(output);
                Ok(())
            }
            Self::Json { lines, part, told } => {
                // A message comes before the frame that completed it.
                let frame = match output {
                    Output::Packet(view) => Some(view.frame.number),
                    Output::Message(_, message) => Some(message.origin.frame),
                    Output::Session(..)
                    | Output::Delivery(_)
                    | Output::Topic(..)
                    | Output::Flow(..)
                    | Output::Finding(_) => None,
                };
                if frame.is_some_and(|frame| !part.holds(frame) || *told >= part.limit) {
                    return Ok(());
                }
                *told += u64::from(matches!(output, Output::Packet(_)));
                lines.output(output)
            }
        }
    }

    fn end(self, arguments: &Flow) -> anyhow::Result<()> {
        let (plot, style, target) = match self {
            Self::Plot { plot, style, target } => (plot, style, target),
            Self::Ladder { mut out, .. } => return out.flush().context(STDOUT),
            Self::Json { .. } => return Ok(()),
        };
        if plot.is_empty() {
            let other = match plot.from() {
                Role::Client => "server",
                Role::Server => "client",
            };
            bail!(Failure::new(
                format!("there is nothing to plot of what the {} sent", plot.from().name()),
                Some(format!("--from {other} plots the other direction, --frames more of it")),
            ));
        }
        if let Some(target) = target {
            return target.write(&plot.svg());
        }
        let height = arguments.height.or_else(|| {
            let (_, height) = terminal_size::terminal_size_of(io::stdout())?;
            Some(height.0.saturating_sub(2)).filter(|height| *height >= 10)
        });
        let text = plot.text(style, height.map_or(24, usize::from));
        io::stdout().write_all(text.as_bytes()).context(STDOUT)
    }
}

/// The file that a plot is written to, opened before the work begins.
enum Target {
    Stdout,
    File { path: PathBuf, file: File, new: bool, done: bool },
}

impl Target {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
            bail!(Failure::new(
                format!("'{}': plots are written as SVG", path.display()),
                Some("name a file that ends in .svg, or - for standard output".to_owned()),
            ));
        }
        let new = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("can't write to '{}'", path.display()))?;
        Ok(Self::File { path: path.to_path_buf(), file, new, done: false })
    }

    fn write(mut self, text: &str) -> anyhow::Result<()> {
        match &mut self {
            Self::Stdout => io::stdout().write_all(text.as_bytes()).context(STDOUT)?,
            Self::File { path, file, done, .. } => {
                let failed = || format!("can't write to '{}'", path.display());
                // What stood in the file goes only now that there is something to put in its place. A device has
                // no length to set.
                if file.metadata().is_ok_and(|data| data.is_file()) {
                    file.set_len(0).with_context(failed)?;
                }
                file.write_all(text.as_bytes()).with_context(failed)?;
                *done = true;
            }
        }
        Ok(())
    }
}

impl Drop for Target {
    /// Leaves no empty file behind where nothing came of it.
    fn drop(&mut self) {
        if let Self::File { path, new: true, done: false, .. } = self {
            let _ = fs::remove_file(path);
        }
    }
}
