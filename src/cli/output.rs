//! Where the results go: JSON Lines, or lines and tables for people.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use mqttsniff::capture::live::LiveOptions;
use mqttsniff::dissect::{DissectOptions, Protocol};
use mqttsniff::engine::EngineOptions;
use mqttsniff::render::{JsonLines, Lines, Shown, Style, Tables};
use mqttsniff::{Output, Summary};

use super::args::{Capture, ColorArgument, Decoding, Output as OutputArguments, TimeArgument, View};
use super::failure::say;

/// Whether frames come from files or as they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Live,
}

/// Takes all results, and remembers the first error of writing them.
pub(super) struct Report {
    renderer: Renderer,
    inputs: Vec<String>,
    mode: Mode,
    shown: Shown,
    error: Option<io::Error>,
}

enum Renderer {
    Json(Box<JsonLines<BufWriter<io::Stdout>>>),
    People { out: BufWriter<io::Stdout>, lines: Lines, tables: Box<Tables> },
}

impl Report {
    /// Opens the output and writes what comes first.
    pub(super) fn begin(arguments: &OutputArguments, inputs: Vec<String>, mode: Mode) -> io::Result<Self> {
        let shown = shown(arguments, mode);
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        let renderer = if arguments.json {
            let mut json = Box::new(JsonLines::new(out, shown));
            json.begin(&inputs)?;
            Renderer::Json(json)
        } else {
            let style = style(arguments, mode);
            Renderer::People { out, lines: Lines::new(style, shown), tables: Box::new(Tables::new(style, shown)) }
        };
        Ok(Self { renderer, inputs, mode, shown, error: None })
    }

    /// Whether frames are to be told one by one.
    pub(super) const fn wants_packets(&self) -> bool {
        self.shown.packets
    }

    /// Whether rows are written while frames are read.
    pub(super) const fn scrolls(&self) -> bool {
        self.shown.packets || self.shown.messages || matches!(self.renderer, Renderer::Json(_))
    }

    /// Takes a result. After an error the rest is passed over: see [`Report::check`].
    pub(super) fn output(&mut self, output: &Output<'_>) {
        if self.error.is_some() {
            return;
        }
        let written = match &mut self.renderer {
            Renderer::Json(json) => json.output(output),
            Renderer::People { out, lines, tables } => {
                tables.output(output);
                match output {
                    // Whoever watches wants to know at once; the table at the end has it again.
                    Output::Finding(finding) if self.mode == Mode::Live && self.shown.findings => {
                        lines.finding(finding, out)
                    }
                    output => lines.output(output, out),
                }
            }
        };
        self.error = written.err();
    }

    /// Passes on what is buffered, and tells the first error there was.
    pub(super) fn check(&mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match &mut self.renderer {
            Renderer::Json(json) => json.flush(),
            Renderer::People { out, .. } => out.flush(),
        }
    }

    /// Writes what comes last.
    pub(super) fn end(&mut self, summary: &Summary) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match &mut self.renderer {
            Renderer::Json(json) => json.end(summary)?,
            Renderer::People { out, lines, tables } => {
                if lines.wrote() {
                    writeln!(out)?;
                }
                tables.print(summary, &self.inputs, out)?;
            }
        }
        hint_at_missing_mqtt(summary);
        Ok(())
    }
}

/// Says why there is no MQTT, where it was looked for.
fn hint_at_missing_mqtt(summary: &Summary) {
    let engine = &summary.engine;
    if engine.messages > 0 || engine.tcp_flows == 0 {
        return;
    }
    let all = engine.tcp_flows;
    let (tls, http) = (engine.flows_of(Protocol::Tls), engine.flows_of(Protocol::Http));
    if tls > 0 {
        say(&format!(
            "no MQTT was found: {tls} of {all} TCP flows carry TLS, and what is inside can't be read\n  \
             hint: capture behind the TLS terminator, or let the broker listen without TLS for the test; if a port \
             only looks like TLS, name what it carries: --decode-as 8883=mqtt"
        ));
    } else if http > 0 {
        say(&format!(
            "no MQTT was found: {http} of {all} TCP flows carry HTTP, which may be MQTT over WebSocket\n  \
             hint: capture a listener for plain MQTT"
        ));
    } else {
        say(&format!(
            "no MQTT was found in {all} TCP flows\n  \
             hint: if one of them carries it nevertheless, name its port: --decode-as 1884=mqtt"
        ));
    }
}

/// What to show: as asked for, or by default.
fn shown(arguments: &OutputArguments, mode: Mode) -> Shown {
    if arguments.show.is_empty() {
        let messages = arguments.json || mode == Mode::Live;
        return Shown { packets: false, messages, flows: true, sessions: true, findings: true, summary: true };
    }
    let has = |view| arguments.show.contains(&view);
    Shown {
        packets: has(View::Packets),
        messages: has(View::Messages),
        flows: has(View::Flows),
        sessions: has(View::Sessions),
        findings: has(View::Findings),
        summary: has(View::Summary),
    }
}

fn style(arguments: &OutputArguments, mode: Mode) -> Style {
    let clock = match arguments.time {
        Some(TimeArgument::Clock) => true,
        Some(TimeArgument::Relative) => false,
        None => mode == Mode::Live,
    };
    style_of(arguments.color, clock)
}

/// The style of standard output.
pub(super) fn style_of(color: ColorArgument, clock: bool) -> Style {
    let color = match color {
        ColorArgument::Always => true,
        ColorArgument::Never => false,
        ColorArgument::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    };
    // COLUMNS counts on a pipe as well, so that a table can be laid out for a page.
    let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    let terminal = || {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        // A terminal that says it has no columns is one that was never told its size.
        Some(if width.0 == 0 { 80 } else { usize::from(width.0) })
    };
    let width = if io::stdout().is_terminal() { terminal().or(named).or(Some(80)) } else { named };
    Style { width, color, clock }
}

/// The options of the engine, as the arguments have them.
pub(super) fn engine_options(decoding: &Decoding, packets: bool) -> EngineOptions {
    EngineOptions {
        packets,
        wireshark: Some(decoding.wireshark_rules.into()),
        ignore_checksums: decoding.ignore_checksums,
        dissect: DissectOptions {
            decode_as: decoding.decode_as.clone(),
            mqtt_version: decoding.mqtt_version.map(Into::into),
            ..DissectOptions::default()
        },
        ..EngineOptions::default()
    }
}

/// The options of a live capture, as the arguments have them.
pub(super) fn live_options(arguments: &Capture) -> LiveOptions {
    let defaults = LiveOptions::default();
    LiveOptions {
        interfaces: arguments.interfaces.clone(),
        filter: arguments.capture_filter.clone(),
        snaplen: arguments.snaplen.unwrap_or(defaults.snaplen),
        promiscuous: arguments.promiscuous,
        buffer_bytes: arguments.buffer << 20,
        ..defaults
    }
}
