//! `mqttsniff embed-keys`: a capture and a key log in, a capture that holds its keys out.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use mqttsniff::capture::save::Format;
use mqttsniff::capture::{self, Batch, Fill, Input, Secrets, Source as _, SourceReport};
use mqttsniff::dissect::DissectOptions;
use mqttsniff::engine::{Engine, EngineOptions, Event};
use mqttsniff::render::Count;

use super::failure::{Failure, report_problems, say};
use super::keylog::{self, KeyLogFile};
use super::output::STDOUT;
use super::progress::Progress;
use super::target::{self, Target};

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct EmbedKeys {
    /// A capture file
    #[arg(value_name = "CAPTURE", help_heading = "Input")]
    input: PathBuf,

    /// The key log (SSLKEYLOGFILE) that has its keys
    #[arg(long = "keylog", value_name = "FILE", help_heading = "Input", value_parser = keylog::open)]
    keys: KeyLogFile,

    /// The file to write (.pcapng)
    ///
    /// A file of that name is replaced once all is written. Whoever has it can read the connections in it.
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,
}

pub(super) fn run(arguments: &EmbedKeys) -> anyhow::Result<ExitCode> {
    let EmbedKeys { input, keys, output } = arguments;
    if input == Path::new("-") {
        bail!(Failure::new(
            "the capture is read twice, which standard input can't be",
            Some("save it to a file before".to_owned()),
        ));
    }
    if Format::of_path(output) == Some(Format::Pcap) {
        bail!(Failure::new(
            format!("'{}' names a pcap file, which can't hold keys", output.display()),
            Some("name it .pcapng".to_owned()),
        ));
    }
    target::refuse_output(output, "gzip or zstd afterwards")?;
    target::refuse_own_input(std::slice::from_ref(input), output)?;
    keys.finish();

    // First it is seen which connections ask for keys.
    let options = DissectOptions { keys: Some(keys.keys.clone()), ..DissectOptions::default() };
    let mut engine = Engine::new(EngineOptions { dissect: options, ..EngineOptions::default() });
    let mut progress = Progress::new(false);
    let report = each_batch(input, &mut progress, |batch, _| {
        for frame in batch.frames() {
            batch.secrets_before(frame.number).for_each(|secrets| engine.learn(secrets));
            engine.frame(&frame, &[], &mut |_: &Event<'_>| {});
        }
        Ok(())
    })?;
    engine.finish(&mut |_: &Event<'_>| {});
    let (used, lines) = (keys.keys.used(), keys.keys.used_lines());
    if used == 0 {
        progress.finish();
        report_problems(&report.problems);
        bail!(Failure::new(
            format!("no connection in '{}' has its keys in the key log", input.display()),
            Some(
                "the key log must be that of its own client or server, and the capture must have the beginning of the \
                 connection"
                    .to_owned()
            ),
        ));
    }

    let secrets = Secrets { kind: Secrets::TLS, bytes: lines };
    let mut target = Target::new(output)?;
    target.put_secrets(secrets);
    let mut named = Vec::new();
    let report = each_batch(input, &mut progress, |batch, source| {
        for frame in batch.frames() {
            let interface = frame.header.interface;
            if !named.contains(&interface) {
                named.push(interface);
                if let Some(name) = source.interface_name(interface) {
                    target.name_interface(interface, name);
                }
            }
            target.write(&frame, batch.comments(frame.number))?;
        }
        Ok(())
    })?;
    target.finish()?;
    progress.finish();
    let told = format!(
        "{} written with the keys of {}",
        Count(engine.stats().frames, "frame"),
        Count(used as u64, "connection")
    );
    if output == Path::new("-") {
        say(&told);
    } else {
        writeln!(io::stdout(), "{told}").context(STDOUT)?;
    }
    Ok(report_problems(&report.problems))
}

/// Reads the capture to its end.
fn each_batch(
    input: &Path,
    progress: &mut Progress,
    mut take: impl FnMut(&Batch, &Input) -> anyhow::Result<()>,
) -> anyhow::Result<SourceReport> {
    let mut source = capture::open(&[input]).map_err(|problems| match problems.first() {
        Some(problem) => anyhow::Error::new(Failure::from(problem)),
        None => anyhow::anyhow!("the input can't be opened"),
    })?;
    let mut batch = Batch::new();
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        take(&batch, &source)?;
        progress.update(&source.report());
        if fill == Fill::End {
            return Ok(source.report());
        }
    }
}
