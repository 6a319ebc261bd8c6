//! `mqttsniff stats`: what captures add up to.

use std::io::{self, BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mqttsniff::Output;
use mqttsniff::cage::Needs;
use mqttsniff::engine::EngineOptions;
use mqttsniff::render::{JsonLines, Section, Shown, write_statistics};
use mqttsniff::statistics::Statistics;
use mqttsniff::time::Span;

use super::args::ColorArgument;
use super::cage::{self, Cage};
use super::decoding::{Streams, stream_options};
use super::failure::{report_problems, say};
use super::input;
use super::output::{STDOUT, style_of};
use super::parse::{number, some_time};
use super::progress::Progress;
use super::resolve::Resolve;

/// Rows of a table where no limit is given: the busiest are what is asked for as a rule.
const ROWS: usize = 50;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// Capture files, or - for standard input
    #[arg(required = true, value_name = "FILE", help_heading = "Input")]
    files: Vec<PathBuf>,

    /// What to show, separated by commas [default: all]
    #[arg(long, value_name = "WHAT", value_delimiter = ',', help_heading = "Output")]
    show: Vec<SectionArgument>,

    /// Add traffic over time up over this interval: 100ms, 1s, 1m
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = some_time, help_heading = "Output")]
    interval: Duration,

    /// Show at most so many rows of each [default: 50 in tables, all with --json]
    #[arg(long, value_name = "ROWS", value_parser = number::<u64>(1, u64::MAX), help_heading = "Output")]
    limit: Option<u64>,

    /// Print JSON Lines: one object a line
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Use colours
    ///
    /// auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorArgument,

    #[command(flatten)]
    resolve: Resolve,

    #[command(flatten)]
    streams: Streams,

    #[command(flatten)]
    cage: Cage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SectionArgument {
    /// Protocols, each below the one that carries it
    Protocols,
    /// Frames by length
    Lengths,
    /// Traffic over time
    Io,
    /// Addresses, the busiest first
    Endpoints,
    /// Pairs of addresses, the busiest first
    Conversations,
}

impl From<SectionArgument> for Section {
    fn from(argument: SectionArgument) -> Self {
        match argument {
            SectionArgument::Protocols => Self::Protocols,
            SectionArgument::Lengths => Self::Lengths,
            SectionArgument::Io => Self::Io,
            SectionArgument::Endpoints => Self::Endpoints,
            SectionArgument::Conversations => Self::Conversations,
        }
    }
}

pub(super) fn run(arguments: &Stats) -> anyhow::Result<ExitCode> {
    let interval = i64::try_from(arguments.interval.as_nanos()).unwrap_or(i64::MAX);
    let mut statistics = Statistics::new(Span::from_nanos(interval));
    let options = arguments.resolve.engine(stream_options(&arguments.streams));
    let names = options.names.clone();
    let mut analysis = input::open(&arguments.files, EngineOptions { packets: true, ..options })?;
    let needs = Needs { read: cage::reopened(&arguments.files), ..Needs::default() };
    arguments.cage.files(needs)?.close()?;
    // Only the summary behind the records counts them.
    if !arguments.json {
        analysis.tell_engine_alone();
    }
    let mut progress = Progress::new(false);
    let mut add = |output: &Output<'_>| {
        if let Output::Packet(view) = output {
            statistics.frame(view);
        }
    };
    // It never has enough.
    let _ = analysis.read(NonZeroUsize::MIN, &mut progress.with(&mut add));
    let summary = analysis.finish(&mut add);
    progress.finish();
    let sections: Vec<Section> = if arguments.show.is_empty() {
        Section::ALL.to_vec()
    } else {
        arguments.show.iter().map(|section| Section::from(*section)).collect()
    };
    let limit = |default| arguments.limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut out = BufWriter::new(io::stdout());
    if arguments.json {
        let mut json = JsonLines::new(out, Shown { summary: true, ..Shown::default() });
        let inputs: Vec<_> = arguments.files.iter().map(|file| file.display().to_string()).collect();
        json.name_addresses(&names);
        json.begin(&inputs).context(STDOUT)?;
        for section in sections {
            json.statistics(&statistics, section, limit(usize::MAX)).context(STDOUT)?;
        }
        json.end(&summary).context(STDOUT)?;
    } else if summary.engine.frames > 0 || summary.source.problems.is_empty() {
        let style = style_of(arguments.color, false);
        for section in sections {
            write_statistics(&statistics, section, &names, style, limit(ROWS), &mut out).context(STDOUT)?;
        }
        out.flush().context(STDOUT)?;
    }
    if statistics.left_out() > 0 {
        say(&format!("the addresses of {} frames are left out, because there were too many", statistics.left_out()));
    }
    if statistics.paths_left_out() > 0 {
        let frames = statistics.paths_left_out();
        say(&format!(
            "the innermost protocols of {frames} frames are left out, because they are nested in too many ways"
        ));
    }
    Ok(report_problems(&summary.source.problems))
}
