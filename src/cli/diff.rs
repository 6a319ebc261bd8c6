//! `mqttsniff diff`: two captures compared by what the clients in them do.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use mqttsniff::cage::Needs;
use mqttsniff::capture::Problem;
use mqttsniff::diff::{Aspect, Behaviour, DiffOptions, Rename, compare};
use mqttsniff::render::{JsonLines, Shown, write_comparison};
use mqttsniff::{Analysis, Output};

use super::args::ColorArgument;
use super::cage::Cage;
use super::caps::Caps;
use super::decoding::{Decoding, engine_options};
use super::failure::{Failure, report_problems};
use super::input;
use super::output::{STDOUT, style_of};
use super::progress::Progress;
use super::threads::Threads;

/// The exit status where they differ.
const DIFFERENT: u8 = 1;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The capture to compare with, or - for standard input
    #[arg(value_name = "OLD", help_heading = "Input", display_order = 0)]
    old: PathBuf,

    /// The capture that is compared
    #[arg(value_name = "NEW", help_heading = "Input", display_order = 1)]
    new: PathBuf,

    /// How many times as much latency, and as many retransmissions, resets and zero windows, are still the same
    #[arg(long, value_name = "FACTOR", default_value = "2", value_parser = factor, help_heading = "Comparison")]
    tolerance: f64,

    /// Compare the payloads of messages as well
    #[arg(long, help_heading = "Comparison")]
    payloads: bool,

    /// Replace a text in topics, topic filters and client identifiers of both: run-17=run-18
    ///
    /// For names that change from run to run. May be given several times.
    #[arg(long, value_name = "TEXT=TEXT", value_parser = rename, help_heading = "Comparison")]
    rename: Vec<Rename>,

    /// What not to compare, separated by commas
    #[arg(long, value_name = "ASPECT", value_delimiter = ',', help_heading = "Comparison")]
    ignore: Vec<AspectArgument>,

    /// Print JSON Lines: one object a line
    ///
    /// A difference record for each difference, between begin and comparison.
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Use colours
    ///
    /// auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorArgument,

    #[command(flatten)]
    threads: Threads,

    #[command(flatten)]
    caps: Caps,

    #[command(flatten)]
    decoding: Decoding,

    #[command(flatten)]
    cage: Cage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AspectArgument {
    /// Which clients there are
    Clients,
    /// How often they connect, with what, and how that ends
    Connections,
    /// What they subscribe to, and what they are granted
    Subscriptions,
    /// What is sent, in its order, and how it is acknowledged
    Messages,
    /// How many messages each topic has
    Topics,
    /// How long acknowledgements take
    Latency,
    /// Retransmissions, resets and zero windows
    Tcp,
}

impl From<AspectArgument> for Aspect {
    fn from(argument: AspectArgument) -> Self {
        match argument {
            AspectArgument::Clients => Self::Clients,
            AspectArgument::Connections => Self::Connections,
            AspectArgument::Subscriptions => Self::Subscriptions,
            AspectArgument::Messages => Self::Messages,
            AspectArgument::Topics => Self::Topics,
            AspectArgument::Latency => Self::Latency,
            AspectArgument::Tcp => Self::Tcp,
        }
    }
}

/// A number of times, at least once.
fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor >= 1.0 && factor.is_finite() => Ok(factor),
        _ => Err("a factor is a number from 1 on, such as 1.5".to_owned()),
    }
}

fn rename(text: &str) -> Result<Rename, String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() => Ok(Rename { from: from.into(), to: to.into() }),
        _ => Err("it is a text and what it is replaced by, such as run-17=run-18".to_owned()),
    }
}

pub(super) fn run(arguments: &Diff) -> anyhow::Result<ExitCode> {
    if [&arguments.old, &arguments.new].into_iter().all(|file| file == Path::new("-")) {
        bail!(Failure::new(
            "standard input can't be read twice",
            Some("save one of the captures to a file first".to_owned()),
        ));
    }
    let (mut old, mut new) = Behaviour::pair_with(&arguments.rename);
    let open = |file: &PathBuf| {
        input::open(std::slice::from_ref(file), arguments.caps.engine(engine_options(&arguments.decoding)))
    };
    let (first, second) = (open(&arguments.old)?, open(&arguments.new)?);
    arguments.cage.files(Needs::default())?.close()?;
    let mut problems = gather(first, arguments, &mut old);
    problems.extend(gather(second, arguments, &mut new));
    let options = DiffOptions {
        tolerance: arguments.tolerance,
        payloads: arguments.payloads,
        ignored: arguments.ignore.iter().map(|aspect| Aspect::from(*aspect)).collect(),
    };
    let comparison = compare(old, new, &options);
    let mut out = BufWriter::new(io::stdout());
    if arguments.json {
        let inputs = [&arguments.old, &arguments.new].map(|file| file.display().to_string());
        let mut json = JsonLines::new(out, Shown::default());
        json.begin(&inputs).context(STDOUT)?;
        json.comparison(&comparison).context(STDOUT)?;
    } else {
        write_comparison(&comparison, style_of(arguments.color, false), &mut out).context(STDOUT)?;
        out.flush().context(STDOUT)?;
    }
    if !problems.is_empty() {
        return Ok(report_problems(&problems));
    }
    Ok(if comparison.is_same() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// Reads a capture to its end; what kept it from being read to that is handed back.
fn gather(mut analysis: Analysis, arguments: &Diff, behaviour: &mut Behaviour) -> Vec<Problem> {
    let mut progress = Progress::new(false);
    let mut take = |output: &Output<'_>| match output {
        Output::Message(flow, message) => behaviour.on_message(*flow, message),
        Output::Session(session, _) => behaviour.on_session(session),
        Output::Flow(flow, _) => behaviour.on_flow(flow),
        Output::Packet(_)
        | Output::SnMessage(..)
        | Output::SnSession(_)
        | Output::Neighbour(_)
        | Output::Preview(..)
        | Output::Stream(..)
        | Output::Delivery(_)
        | Output::Topic(..)
        | Output::Finding(_) => {}
    };
    // It never has enough.
    let _ = analysis.read(arguments.threads.get(), &mut progress.with(&mut take));
    let summary = analysis.finish(&mut take);
    progress.finish();
    summary.source.problems
}
