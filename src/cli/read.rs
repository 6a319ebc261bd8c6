//! `mqttsniff read`: capture files in, results out.

use std::process::ExitCode;

use anyhow::bail;
use mqttsniff::Analysis;
use mqttsniff::capture::{self, Fill};

use super::args::Read;
use super::failure::{Failure, report_problems, say};
use super::output::{Mode, Report, engine_options};
use super::progress::Progress;

pub(super) fn run(arguments: &Read) -> anyhow::Result<ExitCode> {
    let input = match capture::open(&arguments.files) {
        Ok(input) => input,
        Err(problems) => {
            let Some((last, others)) = problems.split_last() else { bail!("the input can't be opened") };
            for problem in others {
                say(&Failure::from(problem).to_string());
            }
            bail!(Failure::from(last));
        }
    };
    let inputs = arguments.files.iter().map(|file| file.display().to_string()).collect();
    let mut report = Report::begin(&arguments.output, inputs, Mode::Read)?;
    let mut analysis = Analysis::new(Box::new(input), engine_options(&arguments.decoding, report.wants_packets()));
    let mut progress = Progress::new(report.scrolls());
    loop {
        let fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |output| report.output(output));
        progress.update(|| analysis.source_report());
        report.check()?;
        if fill == Fill::End {
            break;
        }
    }
    let summary = analysis.finish(&mut |output| report.output(output));
    progress.finish();
    report.end(&summary)?;
    Ok(report_problems(&summary.source.problems))
}
