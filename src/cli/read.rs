//! `mqttsniff read`: capture files in, results out.

use std::process::ExitCode;

use mqttsniff::capture::Fill;

use super::args::Read;
use super::failure::report_problems;
use super::input;
use super::output::{Mode, Report, engine_options};
use super::progress::Progress;

pub(super) fn run(arguments: &Read) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.iter().map(|file| file.display().to_string()).collect();
    // Nothing is written before the input is known to be there.
    let mut chooser = arguments.selection.chooser()?;
    let options = engine_options(&arguments.decoding, arguments.output.wants_packets());
    let options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    let mut analysis = input::open_with(&arguments.files, options)?;
    analysis.follow_sessions(arguments.output.session_options());
    let mut report = Report::begin(&arguments.output, chooser, inputs, Mode::Read)?;
    let mut progress = Progress::new(report.scrolls());
    loop {
        let fill = analysis.fill();
        report.frames(analysis.batch());
        analysis.analyse(usize::MAX, &mut |output| report.output(output));
        progress.update(|| analysis.source_report());
        report.check()?;
        if fill == Fill::End {
            break;
        }
    }
    let summary = analysis.finish(&mut |output| report.output(output));
    progress.finish();
    // Of what is no capture there is nothing to report but that.
    if summary.engine.frames > 0 || summary.source.problems.is_empty() || arguments.output.is_json() {
        report.end(&summary)?;
    }
    Ok(report_problems(&summary.source.problems))
}
