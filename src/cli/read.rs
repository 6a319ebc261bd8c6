//! `mqttsniff read`: capture files in, results out.

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use mqttsniff::capture::{Batch, Source, SourceReport};
use mqttsniff::engine::EngineOptions;
use mqttsniff::excerpt::ExcerptLimits;
use mqttsniff::render::Count;
use mqttsniff::time::Timestamp;
use mqttsniff::{Analysis, Output, Reader};

use super::args::Read;
use super::decoding::engine_options;
use super::failure::{Failure, report_problems, say};
use super::input;
use super::output::{Mode, Report};
use super::progress::Progress;
use super::save::Saver;
use super::tail::Watch;
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
        ..arguments.caps.engine(engine_options(&arguments.decoding))
    };
    let options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    let (mut analysis, watch) = if arguments.tail.follow {
        let (growing, watch) = arguments.tail.begin(&arguments.files)?;
        (Analysis::new(Box::new(growing), options), Some(watch))
    } else {
        (input::open(&arguments.files, options)?, None)
    };
    let mode = if watch.is_some() { Mode::Live } else { Mode::Read };
    analysis.follow_sessions(arguments.caps.sessions(arguments.output.session_options()));
    let mut report = Report::begin(&arguments.output, chooser, inputs, mode)?;
    if watch.is_some() {
        // Whoever reads the rows may wait long for the first.
        report.check()?;
    }
    if !report.wants_sessions() {
        analysis.tell_engine_alone();
    }
    let mut progress = Progress::new(report.scrolls());
    let mut view = View {
        report: &mut report,
        progress: &mut progress,
        saver: saver.as_mut(),
        watch,
        ended: Ok(()),
        unsaved: None,
    };
    let read = analysis.read(arguments.threads.get(), &mut view);
    if read.is_break() && view.unsaved.is_none() {
        return view.ended.map(|()| ExitCode::SUCCESS);
    }
    let summary = analysis.finish(&mut |output| view.output(output));
    let (ended, unsaved) = (view.ended, view.unsaved);
    progress.finish();
    // Of what is no capture there is nothing to report but that.
    let is_capture = summary.engine.frames > 0 || summary.source.problems.is_empty();
    let saved = match (saver, &arguments.write, unsaved) {
        (_, _, Some(error)) => {
            Err(error.context(format!("reading ended after {}", Count(summary.engine.frames, "frame"))))
        }
        // Nor is then anything put in the place of what may stand there.
        (Some(saver), Some(path), None) if is_capture => saver.finish().map(|frames| {
            // A script counts for itself.
            if io::stderr().is_terminal() {
                say(&format!("{} written to '{}'", Count(frames, "frame"), path.display()));
            }
        }),
        _ => Ok(()),
    };
    // What was read is shown though it could not be saved.
    let shown =
        ended.and_then(|()| if is_capture || arguments.output.is_json() { report.end(&summary) } else { Ok(()) });
    let status = if shown.is_ok() { report_problems(&summary.source.problems) } else { ExitCode::SUCCESS };
    saved.and(shown).map(|()| status)
}

/// Shows what is read, and saves it where that is asked for.
struct View<'a, 'b> {
    report: &'a mut Report,
    progress: &'a mut Progress,
    saver: Option<&'a mut Saver<'b>>,
    /// Where a file is followed.
    watch: Option<Watch<'a>>,
    /// The first error in showing.
    ended: anyhow::Result<()>,
    /// What can't be saved.
    unsaved: Option<anyhow::Error>,
}

impl Reader for View<'_, '_> {
    fn begins(&mut self, first: Timestamp) {
        self.report.begins(first);
    }

    fn wants_frames(&self) -> bool {
        self.saver.is_some()
    }

    fn frames(&mut self, batch: &Batch, source: &dyn Source) -> ControlFlow<()> {
        if let Some(saver) = &mut self.saver {
            // These are shown all the same; after them it ends.
            self.unsaved = saver.batch(batch, |interface| source.interface_name(interface), usize::MAX).err();
        }
        ControlFlow::Continue(())
    }

    fn output(&mut self, output: &Output<'_>) {
        let chosen = self.report.output(output);
        if let Some(saver) = &mut self.saver {
            saver.output(output, chosen);
        }
    }

    fn pause(&mut self, report: &SourceReport) -> ControlFlow<()> {
        match &mut self.watch {
            Some(watch) => watch.pause(report),
            None => self.progress.update(report),
        }
        match (self.report.check(), &mut self.saver) {
            (shown, None) => return self.stop_at(shown),
            // The file is made whole even if nobody reads the rows any more.
            (Err(error), Some(_)) if self.ended.is_ok() => self.ended = Err(error),
            _ => {}
        }
        if let (None, Some(saver)) = (&self.unsaved, &mut self.saver) {
            self.unsaved = saver.check().err();
        }
        if self.unsaved.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
