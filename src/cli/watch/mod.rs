//! What a person and a monitoring system see of a capture that goes on for days: `--every`, `--live` and `--metrics`.

mod http;
mod server;
mod terminal;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, ValueEnum};
use mqttsniff::render::{Counted, Keys, Moment, Period, Screen, ScreenView, Snapshot, Style, Tally, Wish};
use mqttsniff::session::SessionOptions;
use mqttsniff::time::Timestamp;
use mqttsniff::{Analysis, Output};

use super::args::{FormatArgument, Output as OutputArguments, View};
use super::clock::{clock, now};
use super::failure::Failure;
use super::output::{Mode, style_of};
use super::parse::duration;
use server::{Listener, Publisher};
use terminal::Terminal;

/// The arguments.
#[derive(Debug, Args)]
#[command(next_help_heading = "Watching")]
pub(super) struct Watch {
    /// Tell every so often what happened: 10s, 1m
    ///
    /// Frames, bytes and messages a second, what was dropped, flows and sessions that are open, findings, and the share of TCP
    /// segments that were sent again: of the time since the last such line. With --json a record named period, which has the
    /// totals as well. With --live it is how often the table is drawn.
    #[arg(long, value_name = "TIME", value_parser = period)]
    every: Option<Duration>,

    /// Show a table that is drawn anew each second, as top does
    ///
    /// Keys: f flows, s sessions, t topics; < and > or the arrows choose the column to sort by, r reverses the order, q ends
    /// the capture with tables and summary, as Ctrl-C does. Topics are followed as with --show topics, at its cost. Where
    /// standard output is no terminal, the lines of --every are printed instead, each ten seconds unless that says
    /// otherwise. Messages are not listed unless --show asks for them, which a terminal has no room for.
    #[arg(long, value_name = "VIEW", num_args = 0..=1, require_equals = true, default_missing_value = "flows",
          conflicts_with_all = ["json", "format", "fields", "columns", "detail"])]
    live: Option<LiveArgument>,

    /// Serve metrics for Prometheus at this address: 127.0.0.1:9464
    ///
    /// Over HTTP, at /metrics; docs/metrics.md lists them. Off by default. There is neither a password nor encryption: an
    /// address that others reach tells them how much traffic there is, but neither topics nor clients.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    metrics: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LiveArgument {
    /// TCP connections and UDP conversations
    Flows,
    /// MQTT sessions
    Sessions,
    /// Topics
    Topics,
}

impl From<LiveArgument> for ScreenView {
    fn from(argument: LiveArgument) -> Self {
        match argument {
            LiveArgument::Flows => Self::Flows,
            LiveArgument::Sessions => Self::Sessions,
            LiveArgument::Topics => Self::Topics,
        }
    }
}

/// The shortest period: nothing is looked at more than ten times a second.
const LEAST_PERIOD: Duration = Duration::from_secs(1);

/// How often a table is drawn.
const DRAWN_EVERY: Duration = Duration::from_secs(1);

/// How often there is a line in its place, where there is no terminal.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// To look at all that is open may take this share of the time: with a million flows it is done less often.
const SHARE: u32 = 20;

fn period(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        period if period < LEAST_PERIOD => Err("a second is the shortest".to_owned()),
        period => Ok(period),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are wanted: 127.0.0.1:9464, [::1]:9464, 0.0.0.0:9464".to_owned())
}

/// What has to be there before rights are given up: a socket that listens.
pub(super) struct Prepared {
    listener: Option<Listener>,
    mode: Mode,
}

impl Watch {
    /// Judges the arguments, and listens.
    pub(super) fn prepare(&self, output: &OutputArguments, prints_fields: bool) -> anyhow::Result<Prepared> {
        let separated = matches!(output.format, Some(FormatArgument::Csv | FormatArgument::Tsv));
        if self.every.is_some() && (separated || prints_fields) {
            bail!(Failure::new(
                "rows of values have no place for the lines of --every",
                Some("use --json, or leave --format and --fields out; --metrics goes with all of them".to_owned()),
            ));
        }
        let mode = match self.live {
            Some(_) if Terminal::is_there() => Mode::Screen,
            Some(_) => Mode::Quiet,
            None => Mode::Live,
        };
        let scrolls = output
            .show
            .iter()
            .any(|view| matches!(view, View::Packets | View::Messages | View::Deliveries | View::Neighbours));
        if mode == Mode::Screen && scrolls {
            bail!(Failure::new(
                "the page of --live has no room for lines of packets, messages and deliveries",
                Some("leave --live out, or --show; --every tells totals among the lines".to_owned()),
            ));
        }
        Ok(Prepared { listener: self.metrics.map(Listener::open).transpose()?, mode })
    }

    /// Whether connections are taken.
    pub(super) const fn listens(&self) -> bool {
        self.metrics.is_some()
    }

    /// Whether sessions and findings have to be followed for it.
    pub(super) const fn wants_sessions(&self) -> bool {
        self.every.is_some() || self.live.is_some() || self.metrics.is_some()
    }
}

impl Prepared {
    /// How results are shown.
    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    /// How sessions are to be followed: a page that can list topics needs them from the start.
    pub(super) fn session_options(&self, options: SessionOptions) -> SessionOptions {
        SessionOptions { routes: options.routes || self.mode == Mode::Screen, ..options }
    }

    /// Begins to watch. `stop` ends the capture.
    pub(super) fn begin(
        self,
        arguments: &Watch,
        output: &OutputArguments,
        source: &[String],
        stop: &Arc<AtomicBool>,
    ) -> anyhow::Result<Watcher> {
        let started = clock();
        let publisher = self.listener.map(Listener::serve).transpose()?;
        let page = match arguments.live {
            Some(view) if self.mode == Mode::Screen => Some(Drawn {
                screen: Screen::new(Style { clock: true, ..style_of(output.color, true) }, source, view.into()),
                keys: Keys::default(),
                terminal: Terminal::enter()?,
                size: (0, 0),
                every: arguments.every.unwrap_or(DRAWN_EVERY),
                due: Some(now()),
            }),
            _ => None,
        };
        let every = match self.mode {
            Mode::Screen | Mode::Read => None,
            Mode::Quiet => Some(arguments.every.unwrap_or(TOLD_EVERY)),
            Mode::Live => arguments.every,
        };
        let nothing = Moment { at: started, so_far: Counted::default(), open_flows: 0, open_sessions: 0 };
        Ok(Watcher {
            is_wanted: publisher.is_some() || page.is_some() || every.is_some(),
            periods: every.map(|every| Periods { every, due: now().checked_add(every), before: nothing }),
            tally: Tally::default(),
            started,
            publisher,
            published: None,
            page,
            stop: Arc::clone(stop),
        })
    }
}

/// Watches a capture.
pub(super) struct Watcher {
    is_wanted: bool,
    tally: Tally,
    started: Timestamp,
    periods: Option<Periods>,
    publisher: Option<Publisher>,
    /// When metrics were published last, and how long it took to gather them.
    published: Option<(Instant, Duration)>,
    page: Option<Drawn>,
    stop: Arc<AtomicBool>,
}

struct Periods {
    every: Duration,
    /// None where the clock does not go as far.
    due: Option<Instant>,
    /// The beginning of the period.
    before: Moment,
}

struct Drawn {
    screen: Screen,
    keys: Keys,
    terminal: Terminal,
    size: (usize, usize),
    every: Duration,
    /// None where the clock does not go as far.
    due: Option<Instant>,
}

impl Watcher {
    /// A result of the analysis.
    pub(super) fn output(&mut self, output: &Output<'_>) {
        if self.is_wanted {
            self.tally.output(output);
        }
    }

    /// All that was fetched has been told; gives the period that has ended, if one has. Called at least ten times a second.
    pub(super) fn pause(&mut self, analysis: &Analysis) -> Option<Period> {
        if !self.is_wanted {
            return None;
        }
        self.publish(analysis);
        self.draw(analysis);
        let periods = self.periods.as_mut()?;
        let now = now();
        if periods.due.is_none_or(|due| now < due) {
            return None;
        }
        // A machine that slept has missed some; they are one.
        while let Some(due) = periods.due.filter(|due| *due <= now) {
            periods.due = due.checked_add(periods.every);
        }
        let moment = Moment::of(analysis, &self.tally, clock());
        Some(Period::between(&std::mem::replace(&mut periods.before, moment), moment))
    }

    /// The capture has ended: gives back the terminal, and the rest of the last period.
    pub(super) fn finish(&mut self, analysis: &Analysis) -> Option<Period> {
        self.page = None;
        let periods = self.periods.take()?;
        Some(Period::between(&periods.before, Moment::of(analysis, &self.tally, clock())))
    }

    /// Publishes a snapshot, if somebody asks for one.
    fn publish(&mut self, analysis: &Analysis) {
        let Some(publisher) = self.publisher.as_ref().filter(|publisher| publisher.is_wanted()) else { return };
        let began = now();
        if self.published.is_some_and(|(last, took)| began.saturating_duration_since(last) < took * SHARE) {
            return;
        }
        publisher.publish(Snapshot::of(analysis, &self.tally, self.started, clock()));
        self.published = Some((began, now().saturating_duration_since(began)));
    }

    /// Draws the page anew, if it is time or a key asks for it.
    fn draw(&mut self, analysis: &Analysis) {
        let Some(page) = &mut self.page else { return };
        if self.stop.load(Ordering::Relaxed) {
            // It is given back before anything else is waited for.
            self.page = None;
            return;
        }
        let mut wishes = false;
        for byte in page.terminal.keys() {
            match page.keys.byte(byte).map(|key| page.screen.key(key)) {
                Some(Wish::Quit) => self.stop.store(true, Ordering::Relaxed),
                Some(Wish::Draw) => wishes = true,
                Some(Wish::None) | None => {}
            }
        }
        let size = Terminal::size();
        let resized = std::mem::replace(&mut page.size, size) != size;
        let began = now();
        let is_due = page.due.is_some_and(|due| began >= due);
        if !is_due && !wishes && !resized {
            return;
        }
        let (width, height) = size;
        page.screen.look(analysis, Moment::of(analysis, &self.tally, clock()), height, !is_due);
        if !page.terminal.draw(&page.screen.lines(width, height)) {
            // Nobody sees it any more; the capture goes on to its file and its metrics.
            self.page = None;
            return;
        }
        if is_due {
            let took = now().saturating_duration_since(began);
            page.due = began.checked_add(page.every.max(took.saturating_mul(SHARE)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_no_shorter_than_a_second() {
        assert_eq!(period("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(period("1m"), Ok(Duration::from_secs(60)));
        assert!(period("900ms").is_err_and(|error| error.contains("second")));
        assert!(period("often").is_err());
        assert!(period("10000000000000000000s").is_err_and(|error| error.contains("36500d")));
    }

    #[test]
    fn an_address_has_a_port() {
        assert!(address("127.0.0.1:9464").is_ok() && address("[::1]:9464").is_ok());
        assert!(address("127.0.0.1").is_err_and(|error| error.contains("127.0.0.1:9464")));
        assert!(address("localhost:9464").is_err(), "a name may stand for several");
    }
}
