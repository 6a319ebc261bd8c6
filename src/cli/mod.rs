//! The commands, one file each; their arguments, and what an error looks like.
//!
//! Nothing here knows protocols: commands put together what the library offers.

mod after;
mod args;
mod cage;
mod caps;
mod capture;
mod check;
mod choose;
mod chosen;
mod clock;
mod decoding;
mod diff;
mod embed;
mod examples;
mod explain;
mod failure;
mod fields;
mod flow;
mod flush;
mod follow;
mod generate;
mod input;
mod interfaces;
mod keylog;
mod no_mqtt;
mod order;
mod output;
mod parse;
mod progress;
mod read;
mod redact;
mod replacement;
mod resolve;
mod rotation;
mod save;
mod select;
mod sensors;
mod sinks;
mod staged;
mod stats;
mod stop;
mod tail;
mod target;
mod terminal;
mod threads;
mod watch;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use args::{Arguments, Command};
pub(crate) use failure::report;

/// Parses the arguments and runs the command that they name.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    if let Some(helper) = after::Helper::asked_for(std::env::args_os()) {
        return after::help(&helper);
    }
    let arguments = match Arguments::try_parse() {
        // A help text or the version: output like any other.
        Err(text) if !text.use_stderr() => {
            text.print().context(output::STDOUT)?;
            return Ok(ExitCode::SUCCESS);
        }
        parsed => parsed.unwrap_or_else(|error| error.exit()),
    };
    match arguments.command {
        Command::Read(read) => read::run(&read),
        Command::Capture(capture) => capture::run(&capture),
        Command::Flow(flow) => flow::run(&flow),
        Command::Follow(follow) => follow::run(&follow),
        Command::Redact(redact) => redact::run(&redact),
        Command::EmbedKeys(embed) => embed::run(&embed),
        Command::Stats(stats) => stats::run(&stats),
        Command::Check(check) => check::run(&check),
        Command::Explain(explain) => explain::run(&explain),
        Command::Diff(diff) => diff::run(&diff),
        Command::Fields(fields) => fields::run(&fields),
        Command::Interfaces(interfaces) => interfaces::run(&interfaces),
        Command::Schema => generate::schema(),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man => generate::man(),
    }
}
