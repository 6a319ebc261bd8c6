//! `mqttsniff read`: capture files in, results out.

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use mqttsniff::cage::Needs;
use mqttsniff::capture::{Batch, Source, SourceReport};
use mqttsniff::engine::EngineOptions;
use mqttsniff::excerpt::ExcerptLimits;
use mqttsniff::render::Count;
use mqttsniff::time::Timestamp;
use mqttsniff::{Output, Reader};

use super::args::Read;
use super::cage;
use super::decoding::engine_options;
use super::failure::{Failure, report_problems, say};
use super::input;
use super::output::{Mode, Report};
use super::progress::Progress;
use super::save::Saver;
use super::target::{self, Target};

pub(super) fn run(arguments: &Read) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.iter().map(|file| file.display().to_string()).collect();
    let mut chooser = arguments.selection.chooser(&arguments.output)?;
    if let Some(path) = &arguments.write {
        refuse(path, arguments)?;
    }
    let options = EngineOptions {
        packets: arguments.output.wants_packets(),
        wireshark: Some(arguments.segments.rules()),
        // Fragments are saved with the datagram that they make.
        places: arguments.write.is_some(),
        ..arguments.caps.engine(engine_options(&arguments.decoding))
    };
    let options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    // Nothing is written before the input is known to be there.
    let mut analysis = input::open(&arguments.files, options)?;
    let mut needs = Needs { read: cage::reopened(&arguments.files), ..Needs::default() };
    if let Some(path) = &arguments.write {
        Target::needs(path, &mut needs);
    }
    let cage = arguments.cage.files(needs)?;
    let mut saver = match &arguments.write {
        Some(path) => Some(saver(path, arguments)?),
        None => None,
    };
    cage.close()?;
    analysis.follow_sessions(arguments.caps.sessions(arguments.output.session_options()));
    let mut report = Report::begin(&arguments.output, chooser, inputs, Mode::Read)?;
    if !report.wants_sessions() {
        analysis.tell_engine_alone();
    }
    let mut progress = Progress::new(report.scrolls());
    let mut view = View { report: &mut report, progress: &mut progress, saver: saver.as_mut(), ended: Ok(()) };
    let read = analysis.read(arguments.threads.get(), &mut view);
    if read.is_break() {
        return view.ended.map(|()| ExitCode::SUCCESS);
    }
    let summary = analysis.finish(&mut |output| view.output(output));
    let ended = view.ended;
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

/// Shows what is read, and saves it where that is asked for.
struct View<'a, 'b> {
    report: &'a mut Report,
    progress: &'a mut Progress,
    saver: Option<&'a mut Saver<'b>>,
    /// The first error there was.
    ended: anyhow::Result<()>,
}

impl Reader for View<'_, '_> {
    fn begins(&mut self, first: Timestamp) {
        self.report.begins(first);
    }

    fn wants_frames(&self) -> bool {
        self.saver.is_some()
    }

    fn frames(&mut self, batch: &Batch, source: &dyn Source) -> ControlFlow<()> {
        let Some(saver) = &mut self.saver else { return ControlFlow::Continue(()) };
        let saved = saver.batch(batch, |interface| source.interface_name(interface), usize::MAX);
        self.stop_at(saved)
    }

    fn output(&mut self, output: &Output<'_>) {
        let chosen = self.report.output(output);
        if let Some(saver) = &mut self.saver {
            saver.output(output, chosen);
        }
    }

    fn pause(&mut self, report: &SourceReport) -> ControlFlow<()> {
        self.progress.update(report);
        match (self.report.check(), &mut self.saver) {
            (shown, None) => return self.stop_at(shown),
            // The file is made whole even if nobody reads the rows any more.
            (Err(error), Some(_)) if self.ended.is_ok() => self.ended = Err(error),
            _ => {}
        }
        let saved = self.saver.as_mut().map_or(Ok(()), |saver| saver.check());
        self.stop_at(saved)
    }
}

impl View<'_, '_> {
    /// Reads no further after an error.
    fn stop_at(&mut self, done: anyhow::Result<()>) -> ControlFlow<()> {
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.ended = Err(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Refuses what can't be written, or should not be.
fn refuse(path: &Path, arguments: &Read) -> anyhow::Result<()> {
    if path == Path::new("-") {
        bail!(Failure::new(
            "--write - would mix the capture with the rows on standard output",
            Some("name a file, or a FIFO made with mkfifo".to_owned()),
        ));
    }
    target::refuse_output(path, "gzip or zstd afterwards")?;
    target::refuse_own_input(&arguments.files, path)
}

fn saver<'a>(path: &'a Path, arguments: &Read) -> anyhow::Result<Saver<'a>> {
    let target = Target::new(path)?;
    Ok(if arguments.selection.has_filter() {
        Saver::chosen(target, ExcerptLimits::default())
    } else {
        Saver::all(target)
    })
}
