//! `mqttsniff capture`: the same as read, while it happens.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use mqttsniff::cage::Needs;
use mqttsniff::capture::live::Live;
use mqttsniff::capture::save::{self, Format};
use mqttsniff::capture::{Ahead, AheadOptions, Fill, LinkType};
use mqttsniff::engine::EngineOptions;
use mqttsniff::excerpt::ExcerptLimits;
use mqttsniff::time::Span;
use mqttsniff::{Analysis, Output};

use super::after::AfterFile;
use super::args::Capture;
use super::clock::{clock, now};
use super::decoding::engine_options;
use super::failure::{FAILED, Failure, report_problems};
use super::output::{Report, live_options};
use super::rotation::Files;
use super::save::{Saver, Saving};
use super::select::Chooser;
use super::stop::Signals;
use super::target::{self, Target};

/// The longest that a frame waits to be saved: what is not in the file is lost if the machine goes down.
const HELD_S: i64 = 60;

/// A frame that was captured has come to the analysis by then, so that no later one is as old.
const UNDERWAY: Duration = Duration::from_secs(2);

pub(super) fn run(arguments: &Capture) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::listen(&stop)?;
    if let Some(path) = &arguments.write {
        target::refuse_stdout(path)?;
    }
    let mut chooser = arguments.selection.chooser(&arguments.output)?;
    let prints_fields = chooser.as_ref().is_some_and(Chooser::prints);
    let after = arguments.rotation.after_file(arguments.write.as_ref())?;
    let watch = arguments.watch.prepare(&arguments.output, prints_fields)?;
    let identity = arguments.cage.identity()?;
    let live = Live::open(&live_options(arguments), Arc::clone(&stop)).map_err(Failure::from)?;
    let (needs, first) = needs(arguments)?;
    let cage = arguments.cage.capture(identity, needs, first.as_deref())?;
    let saver = match &arguments.write {
        Some(path) => Some(saver(path, arguments, live.interfaces(), after.clone())?),
        None => None,
    };
    arguments.decoding.streams.keys.expect_more();
    let options = EngineOptions {
        packets: arguments.output.wants_packets(),
        neighbours: arguments.output.wants_neighbours(),
        wireshark: arguments.segments.rules(&arguments.output, chooser.as_ref()),
        // Fragments are saved with the datagram that they make.
        places: saver.is_some(),
        ..arguments.caps.engine(arguments.resolve.engine(engine_options(&arguments.decoding)))
    };
    let mut options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    // A page and metrics show flows that have not ended.
    options.flows.in_short = !arguments.watch.wants_sessions();
    let mut report = Report::begin(&arguments.output, chooser, arguments.interfaces.clone(), watch.mode())?;
    report.name_addresses(&options.names);
    // All frames are saved where they are fetched; those that are chosen, once that is known.
    let (saving, mut chosen) = match saver {
        Some(saver) if saver.saves_all() => (Some(Saving::begin(saver)), None),
        saver => (None, saver),
    };
    let (tap, saving) = saving.map_or((None, None), |(tap, saving)| (Some(tap), Some(saving)));
    let ahead =
        AheadOptions { queue_bytes: (arguments.backlog as usize) << 20, frames: arguments.count.unwrap_or(u64::MAX) };
    let mut analysis = Analysis::new(Box::new(Ahead::new(Box::new(live), tap, ahead)), options);
    let sessions = watch.session_options(arguments.output.session_options());
    analysis.follow_sessions(arguments.caps.sessions(sessions));
    if !report.wants_sessions() && !arguments.watch.wants_sessions() {
        analysis.tell_engine_alone();
    }
    // All is open, and no thread was started and no frame looked at.
    cage.close()?;
    signals.begin()?;
    report.check()?;
    let mut keys = arguments.decoding.streams.keys.observer();
    let mut watcher = watch.begin(&arguments.watch, &arguments.output, &arguments.interfaces, &stop)?;
    let deadline = arguments.duration.and_then(|duration| now().checked_add(duration));
    let mut heard = now();
    let mut ended = Ok(());
    // The first error ends the capture. What was captured before is still saved, and told where it can be.
    let note = |result: anyhow::Result<()>, ended: &mut anyhow::Result<()>| {
        if result.is_err() && ended.is_ok() {
            stop.store(true, Ordering::Relaxed);
            *ended = result;
        }
    };
    loop {
        let fill = analysis.fill();
        if let Some(saver) = &mut chosen {
            let saved = saver.batch(analysis.batch(), |interface| analysis.interface_name(interface));
            note(saved, &mut ended);
        }
        if let Some(first) = analysis.batch().get(0) {
            report.begins(first.header.time);
        }
        let mut take = |output: &Output<'_>| {
            let is_chosen = report.output(output);
            if let Some(saver) = &mut chosen {
                saver.output(output, is_chosen);
            }
            watcher.output(output);
        };
        analysis.analyse(usize::MAX, &mut take);
        if !analysis.batch().is_empty() {
            heard = now();
        } else if let Some(silence) = heard.elapsed().checked_sub(UNDERWAY) {
            analysis.time_passes(Span::from_nanos(silence.as_nanos() as i64), &mut take);
        }
        // A connection may be over before its keys are written down.
        if keys.as_mut().is_some_and(|keys| keys.pause(fill == Fill::End)) {
            analysis.keys_came(&mut take);
        }
        if let Some(saver) = &mut chosen {
            note(saver.check().and_then(|()| saver.pause(clock())), &mut ended);
        }
        if let Some(period) = watcher.pause(&analysis) {
            report.period(&period);
        }
        note(report.check(), &mut ended);
        if deadline.is_some_and(|deadline| now() >= deadline) {
            stop.store(true, Ordering::Relaxed);
        }
        if fill == Fill::End {
            break;
        }
    }
    // The file is made whole even if nobody reads the rows any more.
    let mut unsaved = None;
    if let Some(mut saver) = chosen {
        note(saver.finish().map(drop), &mut ended);
        unsaved = saver.unsaved();
    }
    if let Some(saving) = saving {
        let (saved, missing) = saving.end();
        note(saved, &mut ended);
        unsaved = missing;
    }
    let mut summary = analysis.finish(&mut |output| {
        report.output(output);
        watcher.output(output);
    });
    summary.unsaved = unsaved;
    if let Some(period) = watcher.finish(&analysis) {
        report.last_period(&period);
    }
    note(report.end(&summary), &mut ended);
    let done = after.is_none_or(AfterFile::finish);
    let status = report_problems(&summary.source.problems);
    ended.map(|()| if done && report.is_whole() { status } else { FAILED.into() })
}

/// What is opened by its name, or connected to, while it captures; and the file that is written from the start.
fn needs(arguments: &Capture) -> anyhow::Result<(Needs, Option<PathBuf>)> {
    let mut needs = Needs { read: live_options(arguments).reads(), ..Needs::default() };
    // Several files are created one by one.
    let first = match &arguments.write {
        Some(path) => arguments.rotation.needs(path, &mut needs)?,
        None => None,
    };
    arguments.output.sinks.needs(&mut needs)?;
    needs.accept |= arguments.watch.listens();
    Ok((needs, first))
}

fn saver(
    path: &Path,
    arguments: &Capture,
    interfaces: &[(String, LinkType)],
    after: Option<AfterFile>,
) -> anyhow::Result<Saver> {
    target::refuse_packing(path, "--after-file xz")?;
    let mut options = save::Options::of_path(path);
    let link = interfaces.first().map_or(LinkType::ETHERNET, |(_, link)| *link);
    if options.format == Format::Pcap && interfaces.iter().any(|(_, other)| *other != link) {
        bail!(Failure::new(
            "a pcap file holds one link type, and these interfaces have several",
            Some("name the file .pcapng".to_owned()),
        ));
    }
    options.nanoseconds = true;
    options.link = link;
    options.interfaces = interfaces.iter().map(|(name, _)| name.clone()).collect();
    if let Some(snaplen) = arguments.snaplen {
        options.snaplen = snaplen;
    }
    let target = match arguments.rotation.files(path)? {
        Files::Several(series) => Target::series(path, *series, options),
        Files::One(path) => Target::growing(&path, options)?,
    };
    let target = target.with_after(after);
    Ok(if arguments.selection.has_filter() && !arguments.write_all {
        Saver::chosen(target, ExcerptLimits { age: Some(Span::from_secs(HELD_S)), ..ExcerptLimits::default() })
    } else {
        Saver::all(target)
    })
}
