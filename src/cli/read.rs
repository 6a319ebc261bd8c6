//! `mqttsniff read`: capture files in, results out.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use mqttsniff::capture::Fill;
use mqttsniff::engine::EngineOptions;
use mqttsniff::excerpt::ExcerptLimits;
use mqttsniff::render::Count;

use super::args::Read;
use super::decoding::engine_options;
use super::failure::{Failure, report_problems, say};
use super::input;
use super::output::{Mode, Report};
use super::progress::Progress;
use super::save::Saver;
use super::target::{self, Target};

pub(super) fn run(arguments: &Read) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.iter().map(|file| file.display().to_string()).collect();
    // Nothing is written before the input is known to be there.
    let mut chooser = arguments.selection.chooser(&arguments.output)?;
    let mut saver = match &arguments.write {
        Some(path) => Some(saver(path, arguments)?),
        None => None,
    };
    let options = EngineOptions {
        packets: arguments.output.wants_packets(),
        wireshark: Some(arguments.segments.rules()),
        // Fragments are saved with the datagram that they make.
        places: saver.is_some(),
        ..engine_options(&arguments.decoding)
    };
    let options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    let mut analysis = input::open(&arguments.files, options)?;
    analysis.follow_sessions(arguments.output.session_options());
    let mut report = Report::begin(&arguments.output, chooser, inputs, Mode::Read)?;
    let mut progress = Progress::new(report.scrolls());
    let mut ended = Ok(());
    loop {
        let fill = analysis.fill();
        report.frames(analysis.batch());
        if let Some(saver) = &mut saver {
            saver.batch(&analysis, usize::MAX)?;
        }
        analysis.analyse(usize::MAX, &mut |output| {
            let chosen = report.output(output);
            if let Some(saver) = &mut saver {
                saver.output(output, chosen);
            }
        });
        progress.update(|| analysis.source_report());
        match (report.check(), &mut saver) {
            (Err(error), None) => return Err(error),
            // The file is made whole even if nobody reads the rows any more.
            (Err(error), Some(_)) if ended.is_ok() => ended = Err(error),
            _ => {}
        }
        if let Some(saver) = &mut saver {
            saver.check()?;
        }
        if fill == Fill::End {
            break;
        }
    }
    let summary = analysis.finish(&mut |output| {
        let chosen = report.output(output);
        if let Some(saver) = &mut saver {
            saver.output(output, chosen);
        }
    });
    progress.finish();
    // Of what is no capture there is nothing to report but that.
    let is_capture = summary.engine.frames > 0 || summary.source.problems.is_empty();
    // Nor is then anything put in the place of what may stand there.
    if let (Some(saver), Some(path), true) = (saver, &arguments.write, is_capture) {
        let frames = saver.finish()?;
        // A script counts for itself.
        if io::stderr().is_terminal() {
            say(&format!("{} written to '{}'", Count(frames, "frame"), path.display()));
        }
    }
    ended?;
    if is_capture || arguments.output.is_json() {
        report.end(&summary)?;
    }
    Ok(report_problems(&summary.source.problems))
}

fn saver<'a>(path: &'a Path, arguments: &Read) -> anyhow::Result<Saver<'a>> {
    if path == Path::new("-") {
        bail!(Failure::new(
            "--write - would mix the capture with the rows on standard output",
            Some("name a file, or a FIFO made with mkfifo".to_owned()),
        ));
    }
    target::refuse_output(path, "gzip or zstd afterwards")?;
    target::refuse_own_input(&arguments.files, path)?;
    let target = Target::new(path);
    Ok(if arguments.selection.has_filter() {
        Saver::chosen(target, ExcerptLimits::default())
    } else {
        Saver::all(target)
    })
}
