//! `mqttsniff read`: capture files in, results out.

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use mqttsniff::cage::Needs;
use mqttsniff::capture::{Batch, Source, SourceReport, save};
use mqttsniff::engine::EngineOptions;
use mqttsniff::excerpt::ExcerptLimits;
use mqttsniff::time::Timestamp;
use mqttsniff::{Analysis, Output, Reader};

use super::after::AfterFile;
use super::args::Read;
use super::cage;
use super::clock::clock;
use super::decoding::engine_options;
use super::failure::{FAILED, report as report_error, report_problems, say};
use super::input;
use super::keylog::KeyLogObserver;
use super::output::{Mode, Report};
use super::progress::Progress;
use super::rotation::Files;
use super::save::Saver;
use super::tail::Watch;
use super::target::{self, Target};

pub(super) fn run(arguments: &Read) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.iter().map(|file| file.display().to_string()).collect();
    let mut chooser = arguments.selection.chooser(&arguments.output)?;
    if let Some(path) = &arguments.write {
        refuse(path, arguments)?;
    }
    let after = arguments.rotation.after_file(arguments.write.as_ref())?;
    if arguments.tail.follow {
        // Whoever writes the keys may not be done either.
        arguments.decoding.streams.keys.expect_more();
    }
    let options = EngineOptions {
        packets: arguments.output.wants_packets(),
        neighbours: arguments.output.wants_neighbours(),
        wireshark: arguments.segments.rules(&arguments.output, chooser.as_ref()),
        // Fragments are saved with the datagram that they make.
        places: arguments.write.is_some(),
        ..arguments.caps.engine(arguments.resolve.engine(engine_options(&arguments.decoding)))
    };
    let options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    let names = options.names.clone();
    // Nothing is written before the input is known to be there.
    let (mut analysis, mut watch) = if arguments.tail.follow {
        let (growing, watch) = arguments.tail.begin(&arguments.files)?;
        (Analysis::new(Box::new(growing), options), Some(watch))
    } else {
        (input::open(&arguments.files, options)?, None)
    };
    let mut needs = Needs { read: cage::reopened(&arguments.files), ..Needs::default() };
    if let Some(path) = &arguments.write
        && let Some(one) = arguments.rotation.needs(path, &mut needs)?
    {
        Target::needs(&one, &mut needs);
    }
    arguments.output.sinks.needs(&mut needs)?;
    arguments.output.sinks.opened(&mut needs)?;
    let cage = arguments.cage.files(needs)?;
    let mut saver = match &arguments.write {
        Some(path) => Some(saver(path, arguments, after.clone())?),
        None => None,
    };
    let mode = if watch.is_some() { Mode::Live } else { Mode::Read };
    let mut report = Report::begin(&arguments.output, chooser, inputs, mode)?;
    report.name_addresses(&names);
    cage.close()?;
    if let Some(watch) = &mut watch {
        // Both may start threads, which belong into the cage. Whoever reads the rows may wait long for the first.
        watch.begins()?;
        report.check()?;
    }
    analysis.follow_sessions(arguments.caps.sessions(arguments.output.session_options()));
    if !report.wants_sessions() {
        analysis.tell_engine_alone();
    }
    let mut progress = Progress::new(report.scrolls());
    let mut view = View {
        report: &mut report,
        progress: &mut progress,
        saver: saver.as_mut(),
        may_wait: false,
        keys: arguments.decoding.streams.keys.observer().filter(|_| watch.is_some()),
        watch,
        ended: Ok(()),
        unsaved: None,
    };
    let read = analysis.read(arguments.threads.get(), &mut view);
    if read.is_break() {
        return view.ended.map(|()| ExitCode::SUCCESS);
    }
    let mut summary = analysis.finish(&mut |output| view.output(output));
    let (ended, mut unsaved) = (view.ended, view.unsaved);
    progress.finish();
    // Of what is no capture there is nothing to report but that.
    let is_capture = summary.engine.frames > 0 || summary.source.problems.is_empty();
    // Nor is then anything put in the place of what may stand there.
    if let (Some(saver), true) = (&mut saver, is_capture) {
        if unsaved.is_none() {
            match saver.finish() {
                // A script counts for itself.
                Ok(written) if io::stderr().is_terminal() => say(&written),
                Ok(_) => {}
                Err(error) => unsaved = Some(report_error(&error)),
            }
        }
        summary.unsaved = saver.unsaved();
    }
    drop(saver);
    ended?;
    if is_capture || arguments.output.is_json() {
        report.end(&summary)?;
    }
    let status = report_problems(&summary.source.problems);
    let done = after.is_none_or(AfterFile::finish);
    let other = if done && report.is_whole() { None } else { Some(FAILED.into()) };
    Ok(unsaved.or(other).unwrap_or(status))
}

/// Shows what is read, and saves it where that is asked for.
struct View<'a> {
    report: &'a mut Report,
    progress: &'a mut Progress,
    saver: Option<&'a mut Saver>,
    /// The next frames may be long in coming.
    may_wait: bool,
    /// Where a file is followed.
    watch: Option<Watch<'a>>,
    /// The key log, which may grow as the file does.
    keys: Option<KeyLogObserver>,
    /// The first error of showing.
    ended: anyhow::Result<()>,
    /// The exit status of the first error of saving, which was told. What else was asked for is read to the end.
    unsaved: Option<ExitCode>,
}

impl Reader for View<'_> {
    fn begins(&mut self, first: Timestamp) {
        self.report.begins(first);
    }

    fn wants_frames(&self) -> bool {
        self.saver.is_some()
    }

    fn frames(&mut self, batch: &Batch, source: &dyn Source) -> ControlFlow<()> {
        let Some(saver) = &mut self.saver else { return ControlFlow::Continue(()) };
        let saved = saver.batch(batch, |interface| source.interface_name(interface));
        self.may_wait = source.may_wait();
        self.save(saved);
        ControlFlow::Continue(())
    }

    fn output(&mut self, output: &Output<'_>) {
        let chosen = self.report.output(output);
        if let Some(saver) = &mut self.saver {
            saver.output(output, chosen);
        }
    }

    fn looks_for_keys(&self) -> bool {
        self.keys.is_some()
    }

    fn has_keys(&mut self, is_end: bool) -> bool {
        self.keys.as_mut().is_some_and(|keys| keys.pause(is_end))
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
        let mut saved = self.saver.as_mut().map_or(Ok(()), |saver| saver.check());
        match &mut self.saver {
            Some(saver) if self.watch.is_some() => saved = saved.and_then(|()| saver.pause(clock())),
            // Whoever kills it meanwhile loses nothing that was read.
            Some(saver) if self.may_wait => saved = saved.and_then(|()| saver.hand_over(clock())),
            _ => {}
        }
        self.save(saved);
        ControlFlow::Continue(())
    }
}

impl View<'_> {
    /// Saves no more after an error.
    fn save(&mut self, done: anyhow::Result<()>) {
        if let Err(error) = done {
            self.unsaved = Some(report_error(&error));
        }
    }

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
    target::refuse_stdout(path)?;
    // What a name with times and numbers in it lacks, the series tells better.
    match arguments.rotation.files(path)? {
        Files::One(path) => {
            target::refuse_output(&path, "xz afterwards")?;
            target::refuse_own_input(&arguments.files, &path)
        }
        Files::Several(_) => target::refuse_output(path, "xz afterwards"),
    }
}

fn saver(path: &Path, arguments: &Read, after: Option<AfterFile>) -> anyhow::Result<Saver> {
    let target = match arguments.rotation.files(path)? {
        Files::Several(series) => Target::series(path, *series, save::Options::of_path(path)),
        Files::One(path) => Target::new(&path)?,
    };
    let target = target.with_after(after);
    Ok(if arguments.selection.has_filter() {
        Saver::chosen(target, ExcerptLimits::default())
    } else {
        Saver::all(target)
    })
}
