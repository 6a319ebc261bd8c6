//! `--json-to`: JSON Lines to files, UNIX sockets and syslog, beside what standard output shows.

mod file;
#[cfg(unix)]
mod socket;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use mqttsniff::cage::{Needs, directory_of};
use mqttsniff::check::Severity;
use mqttsniff::neighbour::Names;
use mqttsniff::render::{JsonLines, MessageOptions, Period, Shown};
use mqttsniff::time::Timestamp;
use mqttsniff::{Output, Summary};

use super::args::View;
use super::failure::{Failure, say};
use super::parse::{duration, number, size};
use super::rotation::{self, Bounds, Files};
use super::staged::{HELD, too_many_to_wait};

/// The arguments.
#[allow(clippy::struct_field_names, reason = "the fields are named as their options")]
#[derive(Debug, Default, Args)]
pub(super) struct SinkArguments {
    /// Write JSON Lines there as well: a file, unix:PATH or syslog
    ///
    /// May be given several times. A file is packed where its name ends in .gz or .zst, and may have %Y %m %d %H %M %S and
    /// %n in its name as --write has. unix:PATH connects to a UNIX socket, stream or datagram. syslog writes to /dev/log
    /// (syslog:PATH elsewhere): findings by their severity, all else as information. What a slow or missing reader of a
    /// socket can't take is left out and counted; it never holds up anything.
    #[arg(long, value_name = "DEST", help_heading = "Output", value_parser = destination)]
    json_to: Vec<Destination>,

    /// What goes to --json-to, separated by commas
    ///
    /// Default: what --json shows; to syslog sessions and findings.
    #[arg(long, value_name = "WHAT", help_heading = "Output", value_delimiter = ',', requires = "json_to")]
    json_show: Vec<View>,

    /// Begin another file of --json-to before this one gets larger: 100MB
    #[arg(long, value_name = "SIZE", help_heading = "Output", requires = "json_to", value_parser = size)]
    json_rotate_size: Option<u64>,

    /// Begin another file of --json-to at each multiple of this time: 1h, 1d
    #[arg(long, value_name = "TIME", help_heading = "Output", requires = "json_to", value_parser = duration)]
    json_rotate_time: Option<Duration>,

    /// Keep at most so many files of each --json-to, the oldest is removed
    #[arg(long, value_name = "FILES", help_heading = "Output", requires = "json_to",
          value_parser = number::<u32>(1, u32::MAX.into()))]
    json_keep: Option<u32>,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    File(PathBuf),
    Socket(PathBuf),
    Syslog(PathBuf),
}

/// Where the system's own log takes messages.
const LOG: &str = if cfg!(target_os = "macos") { "/var/run/syslog" } else { "/dev/log" };

fn destination(text: &str) -> Result<Destination, String> {
    match text.split_once(':') {
        Some(("unix" | "syslog", "")) => Err("a path is missing behind the colon".to_owned()),
        Some(("unix", path)) => Ok(Destination::Socket(path.into())),
        Some(("syslog", path)) => Ok(Destination::Syslog(path.into())),
        _ => match text {
            "" => Err("it is empty".to_owned()),
            "-" => Err("standard output is for --json".to_owned()),
            "syslog" => Ok(Destination::Syslog(LOG.into())),
            path => Ok(Destination::File(path.into())),
        },
    }
}

impl SinkArguments {
    /// Whether one of them is to have this.
    pub(super) fn wants(&self, view: View) -> bool {
        !self.json_to.is_empty() && self.json_show.contains(&view)
    }

    fn shown(&self, destination: &Destination) -> Shown {
        let has = |view| self.json_show.contains(&view);
        if self.json_show.is_empty() {
            let all = !matches!(destination, Destination::Syslog(_));
            return Shown {
                sessions: true,
                findings: true,
                messages: all,
                flows: all,
                summary: all,
                ..Shown::default()
            };
        }
        Shown {
            packets: has(View::Packets),
            messages: has(View::Messages),
            flows: has(View::Flows),
            sessions: has(View::Sessions),
            deliveries: has(View::Deliveries),
            topics: has(View::Topics),
            findings: has(View::Findings),
            neighbours: has(View::Neighbours),
            summary: has(View::Summary),
        }
    }

    /// The files that a path stands for.
    fn files(&self, path: &Path) -> anyhow::Result<Files> {
        let (size, time, keep) = (self.json_rotate_size, self.json_rotate_time, self.json_keep);
        let bounds = Bounds { size, time, keep, ..Bounds::default() };
        rotation::files(path, bounds, "--json-keep", "--json-rotate-size 100MB")
    }

    /// What they take once the cage is closed: files of a series are created one by one, sockets connected to anew.
    pub(super) fn needs(&self, needs: &mut Needs) -> anyhow::Result<()> {
        for destination in &self.json_to {
            match destination {
                Destination::File(path) => {
                    if matches!(self.files(path)?, Files::Several(_)) {
                        needs.create_beside(path);
                    }
                }
                Destination::Socket(path) | Destination::Syslog(path) => {
                    needs.unix_sockets = true;
                    // Who connects needs the right to write. One that is not there is told when it is opened.
                    needs.write.extend(path.exists().then(|| path.clone()));
                }
            }
        }
        Ok(())
    }

    /// The files that are opened before the cage is closed, one for each path: whoever opens them needs the right to.
    pub(super) fn opened(&self, needs: &mut Needs) -> anyhow::Result<()> {
        for destination in &self.json_to {
            if let Destination::File(path) = destination
                && let Files::One(path) = self.files(path)?
            {
                needs.write.push(if path.exists() { path } else { directory_of(&path) });
            }
        }
        Ok(())
    }

    /// Opens them all. While capturing, nothing waits for a reader.
    pub(super) fn open(&self, inputs: &[String], messages: MessageOptions, is_live: bool) -> anyhow::Result<Sinks> {
        // What each file and each connection begins with.
        let mut begin = JsonLines::new(Vec::new(), Shown::default());
        begin.begin(inputs)?;
        let begin = begin.get_mut();
        let mut sinks = Vec::new();
        for destination in &self.json_to {
            let outlet: Box<dyn Outlet> = match destination {
                Destination::File(path) => Box::new(file::FileOutlet::open(path, self.files(path)?, begin, is_live)?),
                Destination::Socket(path) => socket_outlet(path, Some(begin), is_live)?,
                Destination::Syslog(path) => socket_outlet(path, None, is_live)?,
            };
            let shown = self.shown(destination);
            let json = JsonLines::new(Vec::new(), shown).with_messages(messages);
            sinks.push(Sink { json, shown, outlet, held: Vec::new(), held_bytes: 0, beyond: 0, left_out: 0 });
        }
        Ok(Sinks { all: sinks, holds: false, latest: Timestamp::default(), is_whole: true })
    }
}

/// A socket; the log where there is nothing to begin with.
#[cfg(unix)]
fn socket_outlet(path: &Path, begin: Option<&[u8]>, is_live: bool) -> anyhow::Result<Box<dyn Outlet>> {
    Ok(Box::new(socket::SocketOutlet::open(path, begin, is_live)?))
}

#[cfg(not(unix))]
fn socket_outlet(path: &Path, _: Option<&[u8]>, _: bool) -> anyhow::Result<Box<dyn Outlet>> {
    anyhow::bail!(Failure::new(format!("this system has no UNIX sockets such as '{}'", path.display()), None))
}

/// How much a line matters, as syslog counts it (RFC 5424, section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Information = 6,
}

impl Urgency {
    const fn of(output: &Output<'_>) -> Self {
        match output {
            Output::Finding(finding) => match finding.severity {
                Severity::Error => Self::Error,
                Severity::Warning => Self::Warning,
                Severity::Note => Self::Notice,
            },
            _ => Self::Information,
        }
    }
}

/// Takes whole lines, and tells people itself of what goes wrong.
trait Outlet {
    /// A line with its end. `time` is how far the capture has come.
    fn line(&mut self, line: &[u8], urgency: Urgency, time: Timestamp);

    /// To be called often, also when there is nothing to write. `now` is what the clock shows.
    fn pause(&mut self, now: Timestamp);

    /// Nothing more comes; whether all was written that was to be written.
    fn finish(&mut self) -> bool;
}

struct Sink {
    json: JsonLines<Vec<u8>>,
    shown: Shown,
    outlet: Box<dyn Outlet>,
    /// Lines that wait for a frame to be chosen, and their bytes.
    held: Vec<(Vec<u8>, Urgency)>,
    held_bytes: usize,
    /// How many there was no room for, of those that wait.
    beyond: u64,
    /// How many of them were wanted.
    left_out: u64,
}

/// All that go along with an output.
pub(super) struct Sinks {
    all: Vec<Sink>,
    /// Whether lines wait for the frame that they belong to.
    holds: bool,
    /// The latest time that was told.
    latest: Timestamp,
    is_whole: bool,
}

impl Sinks {
    /// Whether one of them has something that rests on sessions or findings.
    pub(super) fn wants_sessions(&self) -> bool {
        self.all.iter().any(|sink| {
            let Shown { sessions, deliveries, topics, findings, summary, .. } = sink.shown;
            sessions || deliveries || topics || findings || summary
        })
    }

    /// Shows addresses by these names.
    pub(super) fn name_addresses(&mut self, names: &Names) {
        self.all.iter_mut().for_each(|sink| sink.json.name_addresses(names));
    }

    /// The first frame of all was captured then.
    pub(super) fn begins(&mut self, first: Timestamp) {
        self.latest = self.latest.max(first);
    }

    /// Takes a result.
    pub(super) fn output(&mut self, output: &Output<'_>) {
        if self.all.is_empty() || matches!(output, Output::Stream(..)) {
            return;
        }
        let time = match output {
            Output::Packet(view) => view.frame.header.time,
            Output::Message(_, message) => message.origin.time,
            Output::Session(_, flow) | Output::Flow(flow, _) => flow.last.time,
            Output::Finding(finding) => finding.time,
            _ => self.latest,
        };
        self.latest = self.latest.max(time);
        for sink in &mut self.all {
            // A vector takes everything.
            let _ = sink.json.output(output);
            sink.emit(Urgency::of(output), self.latest, self.holds);
        }
    }

    /// Lines wait from now on.
    pub(super) const fn hold(&mut self) {
        self.holds = true;
    }

    /// Lines do not wait; what was held stays held.
    pub(super) const fn pass(&mut self) {
        self.holds = false;
    }

    /// What waits is wanted.
    pub(super) fn keep(&mut self) {
        self.holds = false;
        self.all.iter_mut().for_each(|sink| sink.release(self.latest));
    }

    /// What waits is not wanted.
    pub(super) fn take_back(&mut self) {
        self.holds = false;
        for sink in &mut self.all {
            sink.held.clear();
            sink.held_bytes = 0;
            sink.beyond = 0;
        }
    }

    /// To be called often, also when there is nothing to write.
    pub(super) fn pause(&mut self) {
        if !self.all.is_empty() {
            let now = super::clock::clock();
            self.all.iter_mut().for_each(|sink| sink.outlet.pause(now));
        }
    }

    /// What happened since the last such line, to those that have totals.
    pub(super) fn period(&mut self, period: &Period) {
        for sink in self.all.iter_mut().filter(|sink| sink.shown.summary) {
            let _ = sink.json.period(period);
            sink.emit(Urgency::Information, self.latest, false);
        }
    }

    /// The last line.
    pub(super) fn end(&mut self, summary: &Summary) {
        for sink in &mut self.all {
            let _ = sink.json.end(summary);
            sink.emit(Urgency::Information, self.latest, false);
        }
        self.finish();
    }

    fn finish(&mut self) {
        for mut sink in self.all.drain(..) {
            if sink.left_out > 0 {
                say(&format!("--json-to: {}", too_many_to_wait(sink.left_out)));
            }
            self.is_whole &= sink.outlet.finish() && sink.left_out == 0;
        }
    }

    /// Whether all was written that was to be written.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }
}

impl Drop for Sinks {
    /// Makes files whole also where something else has failed.
    fn drop(&mut self) {
        self.finish();
    }
}

impl Sink {
    /// Hands on what was rendered.
    fn emit(&mut self, urgency: Urgency, time: Timestamp, holds: bool) {
        let line = self.json.get_mut();
        if line.is_empty() {
            return;
        }
        if holds {
            // Nothing comes behind a line that is missing.
            if self.beyond > 0 || self.held_bytes >= HELD {
                self.beyond += 1;
            } else {
                self.held_bytes += line.len();
                self.held.push((line.clone(), urgency));
            }
            line.clear();
            return;
        }
        let line = std::mem::take(line);
        self.outlet.line(&line, urgency, time);
        // The room is used again.
        *self.json.get_mut() = line;
        self.json.get_mut().clear();
    }

    fn release(&mut self, time: Timestamp) {
        for (line, urgency) in self.held.drain(..) {
            self.outlet.line(&line, urgency, time);
        }
        self.held_bytes = 0;
        self.left_out += std::mem::take(&mut self.beyond);
    }
}

/// What can't be opened, with the way out.
fn cannot_open(name: &str, error: &std::io::Error, hint: &str) -> Failure {
    Failure::new(format!("--json-to: can't open '{name}': {error}"), Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_told_by_their_form() {
        let of = |text| destination(text).unwrap();
        assert_eq!(of("a:b.jsonl"), Destination::File("a:b.jsonl".into()));
        assert_eq!(of("./syslog"), Destination::File("./syslog".into()));
        assert_eq!(of("unix:/run/x:y"), Destination::Socket("/run/x:y".into()));
        assert_eq!(of("syslog"), Destination::Syslog(LOG.into()));
        assert_eq!(of("syslog:/tmp/log"), Destination::Syslog("/tmp/log".into()));
        assert!(["", "-", "unix:", "syslog:"].into_iter().all(|text| destination(text).is_err()));
    }
}
