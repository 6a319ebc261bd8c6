//! `mqttsniff flow`: one connection or conversation, as a ladder, a plot or JSON Lines.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use mqttsniff::Output;
use mqttsniff::engine::EngineOptions;
use mqttsniff::flow::Role;
use mqttsniff::neighbour::Names;
use mqttsniff::render::{JsonLines, Ladder, Part, Plot, PlotKind, Shown, Style};

use super::args::{EndArgument, Flow, PlotArgument, TimeArgument};
use super::choose::watch;
use super::decoding::engine_options;
use super::failure::{Failure, report_problems};
use super::input;
use super::output::{STDOUT, style_of};
use super::progress::Progress;
use super::replacement::Replacement;
use super::terminal;

pub(super) fn run(arguments: &Flow) -> anyhow::Result<ExitCode> {
    let mut needs = arguments.choice.needs();
    if let Some(path) = arguments.output.as_deref().filter(|path| *path != Path::new("-")) {
        Target::check(path)?;
        Replacement::needs(path, &mut needs);
    }
    let cage = arguments.cage.files(needs)?;
    let target = arguments.output.as_deref().map(Target::open).transpose()?;
    cage.close()?;
    let (files, wanted) = arguments.choice.find(&arguments.decoding, "flow")?;
    let mut viewer = Viewer::new(arguments, &files, target).context(STDOUT)?;
    let options = arguments.choice.resolve.engine(engine_options(&arguments.decoding));
    viewer.name_addresses(&options.names);
    let options =
        EngineOptions { packets: true, neighbours: true, wireshark: Some(arguments.wireshark_rules.into()), ..options };
    let mut analysis = input::open(&files, options)?;
    // JSON ends with the summary of the whole; people have seen all there is of the flow.
    let progress = Progress::new(arguments.json);
    let summary = watch(&mut analysis, wanted, arguments.json, progress, &mut |output| viewer.take(output))?;
    if let (Some(summary), Viewer::Json { lines, .. }) = (&summary, &mut viewer) {
        lines.end(summary).context(STDOUT)?;
    }
    let problems = summary.map(|summary| summary.source.problems).unwrap_or_default();
    viewer.end(arguments)?;
    Ok(report_problems(&problems))
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
                neighbours: true,
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

    fn name_addresses(&mut self, names: &Names) {
        match self {
            Self::Ladder { ladder, .. } => ladder.name_addresses(names),
            Self::Plot { plot, .. } => plot.name_addresses(names),
            Self::Json { lines, .. } => lines.name_addresses(names),
        }
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
                    Output::SnMessage(_, message) => Some(message.origin.frame),
                    Output::Neighbour(message) => Some(message.origin.frame),
                    Output::Session(..)
                    | Output::SnSession(_)
                    | Output::Preview(..)
                    | Output::Delivery(_)
                    | Output::Topic(..)
                    | Output::Stream(..)
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
        if plot.is_of_datagrams() && arguments.plot != Some(PlotArgument::Throughput) {
            bail!(Failure::new(
                "datagrams have no sequence numbers, windows or round trips to plot",
                Some("--plot throughput shows how much is sent".to_owned()),
            ));
        }
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
            let (_, lines) = terminal::size()?;
            u16::try_from(lines.saturating_sub(2)).ok().filter(|height| *height >= 10)
        });
        let text = plot.text(style, height.map_or(24, usize::from));
        io::stdout().write_all(text.as_bytes()).context(STDOUT)
    }
}

/// Where a plot is written to, opened before the work begins.
enum Target {
    Stdout,
    File(PathBuf, Replacement),
}

impl Target {
    /// Refuses a name that says it is something else.
    fn check(path: &Path) -> anyhow::Result<()> {
        let is_svg = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
        if !is_svg {
            bail!(Failure::new(
                format!("'{}': plots are written as SVG", path.display()),
                Some("name a file that ends in .svg, or - for standard output".to_owned()),
            ));
        }
        Ok(())
    }

    fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let file = Replacement::open(path).with_context(|| format!("can't write to '{}'", path.display()))?;
        Ok(Self::File(path.to_owned(), file))
    }

    fn write(self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Stdout => io::stdout().write_all(text.as_bytes()).context(STDOUT),
            Self::File(path, file) => {
                file.write(text.as_bytes()).with_context(|| format!("can't write to '{}'", path.display()))
            }
        }
    }
}
