//! `mqttsniff capture`: the same as read, while it happens.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::bail;
use mqttsniff::Analysis;
use mqttsniff::capture::live::Live;
use mqttsniff::capture::save::{self, Format};
use mqttsniff::capture::{Fill, LinkType};
use mqttsniff::engine::EngineOptions;
use mqttsniff::excerpt::ExcerptLimits;
use mqttsniff::time::Span;

use super::args::Capture;
use super::decoding::engine_options;
use super::failure::{Failure, report_problems};
use super::observe::Observer;
use super::output::{Mode, Report, live_options};
use super::save::Saver;
use super::stop::stop_at_signals;
use super::target::Target;

/// The longest that a frame waits to be saved: what is not in the file is lost if the machine goes down.
const HELD_S: i64 = 60;

pub(super) fn run(arguments: &Capture) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    stop_at_signals(&stop)?;
    let mut chooser = arguments.selection.chooser(&arguments.output)?;
    let live = Live::open(&live_options(arguments), Arc::clone(&stop)).map_err(Failure::from)?;
    let mut saver = match &arguments.write {
        Some(path) => Some(saver(path, arguments, live.interfaces())?),
        None => None,
    };
    let deadline = arguments.duration.map(|duration| now() + duration);
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
    let mut report = Report::begin(&arguments.output, chooser, arguments.interfaces.clone(), Mode::Live)?;
    report.check()?;
    let mut analysis = Analysis::new(Box::new(live), options);
    analysis.follow_sessions(arguments.caps.sessions(arguments.output.session_options()));
    if !report.wants_sessions() {
        analysis.tell_engine_alone();
    }
    let mut observers = observers(arguments);
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let ended = loop {
        let fill = analysis.fill();
        let taken = analysis.batch().len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if let Some(saver) = &mut saver {
            saver.batch(analysis.batch(), |interface| analysis.interface_name(interface), taken)?;
        }
        if let Some(first) = analysis.batch().get(0) {
            report.begins(first.header.time);
        }
        analysis.analyse(taken, &mut |output| {
            let chosen = report.output(output);
            if let Some(saver) = &mut saver {
                saver.output(output, chosen);
            }
            for observer in &mut observers {
                observer.output(output, chosen);
            }
        });
        if let Some(saver) = &mut saver {
            saver.check()?;
        }
        left -= taken as u64;
        let told = observers.iter_mut().try_for_each(|observer| observer.pause(&analysis));
        if let Err(error) = told.and_then(|()| report.check()) {
            break Err(error);
        }
        if left == 0 || deadline.is_some_and(|deadline| now() >= deadline) {
            stop.store(true, Ordering::Relaxed);
        }
        if fill == Fill::End {
            break Ok(());
        }
    };
    stop.store(true, Ordering::Relaxed);
    // The file is made whole even if nobody reads the rows any more.
    if let Some(saver) = saver {
        saver.finish()?;
    }
    let summary = analysis.finish(&mut |output| {
        let chosen = report.output(output);
        for observer in &mut observers {
            observer.output(output, chosen);
        }
    });
    let finished = observers.iter_mut().try_for_each(|observer| observer.finish(&analysis));
    ended?;
    finished?;
    report.end(&summary)?;
    Ok(report_problems(&summary.source.problems))
}

/// What goes along with this capture.
const fn observers(_: &Capture) -> Vec<Box<dyn Observer>> {
    Vec::new()
}

#[allow(clippy::disallowed_methods, reason = "--duration is a time of the clock")]
fn now() -> Instant {
    Instant::now()
}

fn saver<'a>(path: &'a Path, arguments: &Capture, interfaces: &[(String, LinkType)]) -> anyhow::Result<Saver<'a>> {
    if path == Path::new("-") {
        bail!(Failure::new(
            "--write - would mix the capture with the rows on standard output",
            Some("name a file, or a FIFO made with mkfifo".to_owned()),
        ));
    }
    let format = Format::of_path(path).unwrap_or(Format::Pcapng);
    let link = interfaces.first().map_or(LinkType::ETHERNET, |(_, link)| *link);
    if format == Format::Pcap && interfaces.iter().any(|(_, other)| *other != link) {
        bail!(Failure::new(
            "a pcap file holds one link type, and these interfaces have several",
            Some("name the file .pcapng".to_owned()),
        ));
    }
    let mut options = save::Options::new(format);
    options.nanoseconds = true;
    options.link = link;
    options.interfaces = interfaces.iter().map(|(name, _)| name.clone()).collect();
    if let Some(snaplen) = arguments.snaplen {
        options.snaplen = snaplen;
    }
    let target = Target::growing(path, options)?;
    Ok(if arguments.selection.has_filter() && !arguments.write_all {
        Saver::chosen(target, ExcerptLimits { age: Some(Span::from_secs(HELD_S)), ..ExcerptLimits::default() })
    } else {
        Saver::all(target)
    })
}
