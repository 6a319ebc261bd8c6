//! Where the results go: JSON Lines, or lines and tables for people.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use mqttsniff::capture::FrameNo;
use mqttsniff::capture::live::LiveOptions;
use mqttsniff::check::Finding;
use mqttsniff::neighbour::Names;
use mqttsniff::render::{
    Count, Csv, JsonLines, Lines, LinesMark, MessageOptions, PayloadOptions, Period, Shown, Style, Tables,
    View as RenderView,
};
use mqttsniff::session::Delivery;
use mqttsniff::time::Timestamp;
use mqttsniff::{Output, Summary};

use super::args::{
    Capture, ColorArgument, FormatArgument, Output as OutputArguments, PayloadArgument, TimeArgument, View,
};
use super::failure::{Failure, say};
use super::no_mqtt::hint_at_missing_mqtt;
use super::order::{self, rows_of};
use super::select::{Chooser, Fate};
use super::sinks::Sinks;
use super::staged::{Staged, too_many_to_wait};
use super::terminal;

/// What is said where the results can't be written.
pub(super) const STDOUT: &str = "can't write to standard output";

/// Whether frames come from files or as they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// From files.
    Read,
    /// As they happen.
    Live,
    /// As they happen, without a line for each message unless that is asked for.
    Quiet,
    /// As they happen, on a page of its own: nothing else is written before the end.
    Screen,
}

/// Takes all results, and remembers the first error of writing them.
pub(super) struct Report {
    renderer: Renderer,
    inputs: Vec<String>,
    mode: Mode,
    shown: Shown,
    error: Option<io::Error>,
    /// Where there is no MQTT it is said why. Whoever asked for something else does not miss it.
    misses_mqtt: bool,
    chooser: Option<Box<Chooser>>,
    /// How far the renderer had come when something began to wait.
    mark: Option<Mark>,
    waiting: Vec<Waiting>,
    /// Rows that were asked for, and there was no room to sort them.
    missing: u64,
    /// What the results go to as well.
    sinks: Sinks,
}

/// What waits for the frame that it belongs to.
struct Waiting {
    /// The flow of which a frame has to be chosen; none where it is shown in any case, behind what came before it.
    flow: Option<FrameNo>,
    what: Told,
}

enum Told {
    Finding(Box<Finding>),
    Delivery(Box<Delivery>),
}

/// How far a renderer has come.
#[derive(Clone, Copy)]
enum Mark {
    Json,
    Csv((u64, usize)),
    Lines(LinesMark),
}

enum Renderer {
    Json(Box<JsonLines<Staged>>),
    Csv(Box<Csv<Staged>>),
    People { out: Staged, lines: Box<Lines>, tables: Box<Tables> },
}

impl Report {
    /// Opens the output and writes what comes first.
    pub(super) fn begin(
        arguments: &OutputArguments,
        chooser: Option<Chooser>,
        inputs: Vec<String>,
        mode: Mode,
    ) -> anyhow::Result<Self> {
        let chooser = chooser.map(Box::new);
        // Rows of fields are all that is printed.
        let prints = chooser.as_ref().is_some_and(|chooser| chooser.prints());
        let columns = chooser.as_ref().and_then(|chooser| chooser.columns());
        let shown = match columns {
            _ if prints => Shown::default(),
            Some(_) if arguments.show.is_empty() => Shown { packets: true, ..Shown::default() },
            _ => shown(arguments, mode),
        };
        let messages = message_options(arguments);
        let sinks = arguments.sinks.open(&inputs, messages, mode == Mode::Live)?;
        let out = Staged::new();
        if !prints && arguments.is_json() && (arguments.sort.is_some() || arguments.limit.is_some()) {
            bail!(Failure::new(
                "JSON Lines are written as things happen: they are neither sorted nor limited",
                Some("use --format csv, or jq".to_owned()),
            ));
        }
        let is_bare = arguments.payload == PayloadArgument::Auto && arguments.payload_bytes.is_none();
        if separator(arguments).is_some() && (arguments.detail || !is_bare) {
            bail!(Failure::new(
                "separated values have neither payloads nor the details of messages",
                Some(
                    "use --json; or --fields with mqtt.msg_text and others, which `mqttsniff fields` lists".to_owned()
                ),
            ));
        }
        let renderer = if prints {
            Renderer::rows(out, style(arguments, mode))
        } else if arguments.is_json() {
            let mut json = Box::new(JsonLines::new(out, shown).with_messages(messages));
            json.begin(&inputs).context(STDOUT)?;
            Renderer::Json(json)
        } else if let Some(separator) = separator(arguments) {
            let view = match columns {
                Some(_) if arguments.show.is_empty() => RenderView::Packets,
                _ => view(arguments, mode)?,
            };
            let csv = Csv::new(out, view, separator);
            let mut csv = Box::new(csv.with_order(arguments.sort.clone(), arguments.limit));
            match columns {
                Some(columns) => csv.begin_fields(columns),
                None => csv.begin(),
            }
            .context(STDOUT)?;
            Renderer::Csv(csv)
        } else {
            let style = style(arguments, mode);
            order::refuse_order(arguments)?;
            let asked = !arguments.show.is_empty() || columns.is_some();
            // What happens is told as it happens, unless somebody wants that very list to be sorted.
            let order = arguments.sort.clone().filter(|_| asked);
            let lines = Lines::new(style, shown).with_messages(messages).with_order(order, arguments.limit);
            let lines = lines.asked_for(asked);
            Renderer::People {
                out,
                lines: Box::new(match columns {
                    Some(columns) => lines.with_columns(columns),
                    None => lines,
                }),
                tables: Box::new({
                    let tables = Tables::new(style, shown).with_order(arguments.sort.clone(), arguments.limit);
                    let tables = tables.asked_for(asked);
                    if mode == Mode::Read { tables } else { tables.of_live(arguments.limit) }
                }),
            }
        };
        let (mark, waiting) = (None, Vec::new());
        let asked = |view| arguments.show.is_empty() || arguments.show.contains(&view);
        let misses_mqtt = shown.messages && asked(View::Messages) || shown.sessions && asked(View::Sessions);
        let (error, missing) = (None, 0);
        let mut report =
            Self { renderer, inputs, mode, shown, error, misses_mqtt, chooser, mark, waiting, missing, sinks };
        if let Some(chooser) = &report.chooser {
            report.renderer.out().write_all(chooser.heading().as_bytes()).context(STDOUT)?;
        }
        Ok(report)
    }

    /// Shows addresses by these names.
    pub(super) fn name_addresses(&mut self, names: &Names) {
        self.sinks.name_addresses(names);
        match &mut self.renderer {
            Renderer::Json(json) => json.name_addresses(names),
            Renderer::Csv(_) => {}
            Renderer::People { lines, tables, .. } => {
                lines.name_addresses(names);
                tables.name_addresses(names);
            }
        }
    }

    /// Whether something is shown that rests on sessions or findings, or may.
    pub(super) fn wants_sessions(&self) -> bool {
        let Shown { sessions, deliveries, topics, findings, summary, .. } = self.shown;
        sessions || deliveries || topics || findings || summary || self.chooser.is_some() || self.sinks.wants_sessions()
    }

    /// Whether rows are written while frames are read.
    pub(super) const fn scrolls(&self) -> bool {
        self.shown.packets
            || self.shown.messages
            || self.shown.deliveries
            || self.shown.neighbours
            || matches!(self.renderer, Renderer::Json(_) | Renderer::Csv(_))
    }

    /// The first frame of all was captured then: that is what times are counted from.
    pub(super) fn begins(&mut self, first: Timestamp) {
        self.sinks.begins(first);
        if let Renderer::People { lines, .. } = &mut self.renderer {
            lines.starts(first);
        }
    }

    /// Takes a result, and says whether it is chosen. After an error nothing more is written: see [`Report::check`].
    pub(super) fn output(&mut self, output: &Output<'_>) -> bool {
        let fate = self.chooser.as_mut().map(|chooser| chooser.judge(output));
        if self.error.is_none() {
            self.error = self.take(output, fate).err();
        }
        fate.is_none_or(|fate| fate == Fate::Shown)
    }

    fn take(&mut self, output: &Output<'_>, fate: Option<Fate>) -> io::Result<()> {
        let Some(fate) = fate else {
            self.render(output)?;
            self.renderer.settled();
            return Ok(());
        };
        match (fate, output) {
            (Fate::Dropped, Output::Finding(_) | Output::Delivery(_)) => Ok(()),
            (fate, Output::Finding(finding)) if fate == Fate::Waits || self.is_waiting() => {
                let flow = finding.flow.map(|flow| flow.id).filter(|_| fate == Fate::Waits);
                self.waiting.push(Waiting { flow, what: Told::Finding(Box::new((*finding).clone())) });
                Ok(())
            }
            (fate, Output::Delivery(delivery)) if fate == Fate::Waits || self.is_waiting() => {
                let flow = Some(delivery.first.place.flow).filter(|_| fate == Fate::Waits);
                self.waiting.push(Waiting { flow, what: Told::Delivery(Box::new((*delivery).clone())) });
                Ok(())
            }
            (Fate::Waits, _) => {
                self.mark.get_or_insert(self.renderer.mark());
                self.renderer.out().hold();
                self.sinks.hold();
                let rendered = self.render(output);
                self.renderer.out().pass();
                self.sinks.pass();
                rendered
            }
            (Fate::Shown, Output::Packet(_) | Output::Flow(..)) => {
                self.mark = None;
                self.sinks.keep();
                self.renderer.out().keep()?;
                self.render(output)?;
                self.renderer.settled();
                self.settle()
            }
            (Fate::Dropped, Output::Packet(_) | Output::Flow(..)) => {
                if let Some(mark) = self.mark.take() {
                    self.renderer.back_to(mark);
                }
                self.renderer.out().take_back();
                self.sinks.take_back();
                self.renderer.settled();
                self.settle()
            }
            (Fate::Shown, _) => self.render(output),
            (Fate::Dropped, _) => Ok(()),
        }
    }

    /// Whether something before what comes now may still be taken back: what is shown in any case has to stand behind it.
    const fn is_waiting(&self) -> bool {
        self.mark.is_some() || !self.waiting.is_empty()
    }

    /// Shows what has waited for a frame, if it is of a flow of which one was chosen.
    fn settle(&mut self) -> io::Result<()> {
        for Waiting { flow, what } in std::mem::take(&mut self.waiting) {
            let chooser = self.chooser.as_mut();
            if flow.is_none_or(|flow| chooser.is_none_or(|chooser| chooser.admits(flow))) {
                match &what {
                    Told::Finding(finding) => self.render(&Output::Finding(finding))?,
                    Told::Delivery(delivery) => self.render(&Output::Delivery(delivery))?,
                }
            }
        }
        Ok(())
    }

    fn render(&mut self, output: &Output<'_>) -> io::Result<()> {
        self.sinks.output(output);
        if let (Output::Packet(view), Some(chooser)) = (output, &self.chooser) {
            if let Some(line) = chooser.line() {
                return self.renderer.out().write_all(line.as_bytes());
            }
            if let Some(cells) = chooser.cells() {
                return match &mut self.renderer {
                    Renderer::Json(json) => json.packet_with(view, cells),
                    Renderer::Csv(csv) => csv.fields(cells),
                    Renderer::People { out, lines, .. } => lines.fields(cells, out),
                };
            }
        }
        match &mut self.renderer {
            Renderer::Json(json) => json.output(output),
            Renderer::Csv(csv) => csv.output(output),
            Renderer::People { out, lines, tables } => {
                tables.output(output);
                match output {
                    // Whoever watches wants to know at once; the table at the end has it again.
                    _ if self.mode == Mode::Screen => Ok(()),
                    Output::Finding(finding) if self.mode != Mode::Read && self.shown.findings => {
                        lines.finding(finding, out)
                    }
                    Output::Flow(..) | Output::Session(..) if self.mode != Mode::Read => lines.ended(output, out),
                    output => lines.output(output, out),
                }
            }
        }
    }

    /// Tells what happened in a period.
    pub(super) fn period(&mut self, period: &Period) {
        self.sinks.period(period);
        self.tell_period(period);
    }

    fn tell_period(&mut self, period: &Period) {
        if self.error.is_none() {
            self.error = match &mut self.renderer {
                Renderer::Json(json) => json.period(period),
                Renderer::Csv(_) => Ok(()),
                Renderer::People { out, lines, .. } => lines.period(period, out),
            }
            .err();
        }
    }

    /// Tells what happened in the rest of the last period, so that all of them add up to the summary; which for people
    /// says it all.
    pub(super) fn last_period(&mut self, period: &Period) {
        self.sinks.period(period);
        if matches!(self.renderer, Renderer::Json(_)) {
            self.tell_period(period);
        }
    }

    /// Passes on what is buffered, and tells the first error there was.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.sinks.pause();
        match (self.error.take(), &mut self.renderer) {
            (Some(error), _) => Err(error),
            (None, Renderer::Json(json)) => json.flush(),
            (None, Renderer::Csv(csv)) => csv.flush(),
            (None, Renderer::People { out, .. }) => out.flush(),
        }
        .context(STDOUT)
    }

    /// Whether all was written that was asked for, also by --json-to.
    pub(super) fn is_whole(&mut self) -> bool {
        self.sinks.is_whole() && self.missing == 0 && self.renderer.out().left_out() == 0
    }

    /// Writes what comes last.
    pub(super) fn end(&mut self, summary: &Summary) -> anyhow::Result<()> {
        // What was told behind the last frame and the last flow.
        let settled = self.settle().err();
        self.error = self.error.take().or(settled);
        self.sinks.end(summary);
        let written = match (self.error.take(), &mut self.renderer) {
            (Some(error), _) => Err(error),
            (None, Renderer::Json(json)) => json.end(summary),
            (None, Renderer::Csv(csv)) => csv.end().map(|missing| self.missing = missing),
            (None, Renderer::People { out, lines, tables }) => {
                if self.mode != Mode::Screen {
                    self.missing = lines.end(out).context(STDOUT)?;
                }
                let apart = if lines.wrote() { writeln!(out) } else { Ok(()) };
                apart.and_then(|()| tables.print(summary, &self.inputs, out))
            }
        };
        written.context(STDOUT)?;
        if let Some(chooser) = &self.chooser {
            chooser.finish();
        }
        if self.missing > 0 {
            let rows = Count(self.missing, "row");
            say(&format!("there was no room to sort all rows: the last of them are left out, {rows} in all"));
        }
        let left_out = self.renderer.out().left_out();
        if left_out > 0 {
            say(&too_many_to_wait(left_out));
        }
        if self.misses_mqtt {
            hint_at_missing_mqtt(summary);
        }
        Ok(())
    }
}

impl Renderer {
    /// Rows that are put together elsewhere, and nothing else.
    fn rows(out: Staged, style: Style) -> Self {
        let (lines, tables) = (Lines::new(style, Shown::default()), Tables::new(style, Shown::default()));
        Self::People { out, lines: Box::new(lines), tables: Box::new(tables) }
    }

    fn out(&mut self) -> &mut Staged {
        match self {
            Self::Json(json) => json.get_mut(),
            Self::Csv(csv) => csv.get_mut(),
            Self::People { out, .. } => out,
        }
    }

    fn mark(&self) -> Mark {
        match self {
            Self::Json(_) => Mark::Json,
            Self::Csv(csv) => Mark::Csv(csv.mark()),
            Self::People { lines, .. } => Mark::Lines(lines.mark()),
        }
    }

    /// Says that nobody goes back any more behind what has come.
    fn settled(&mut self) {
        match self {
            Self::Json(_) => {}
            Self::Csv(csv) => csv.settled(),
            Self::People { lines, .. } => lines.settled(),
        }
    }

    fn back_to(&mut self, mark: Mark) {
        match (self, mark) {
            (Self::Csv(csv), Mark::Csv(mark)) => csv.back_to(mark),
            (Self::People { lines, .. }, Mark::Lines(mark)) => lines.back_to(mark),
            (Self::Json(_) | Self::Csv(_) | Self::People { .. }, _) => {}
        }
    }
}

/// What separates values, where values are asked for.
fn separator(arguments: &OutputArguments) -> Option<char> {
    match arguments.format? {
        FormatArgument::Csv => Some(','),
        FormatArgument::Tsv => Some('\t'),
        FormatArgument::Table | FormatArgument::Json => None,
    }
}

/// The one view that is asked for.
fn view(arguments: &OutputArguments, mode: Mode) -> anyhow::Result<RenderView> {
    let asked = match arguments.show.as_slice() {
        [] if mode != Mode::Read => View::Messages,
        [] => View::Flows,
        [only] => *only,
        _ => bail!(Failure::new(
            "separated values have one kind of rows, and several are asked for",
            Some("name one view: --show sessions; or use --json".to_owned()),
        )),
    };
    let Some(view) = rows_of(asked) else {
        bail!(Failure::new("the summary is no list of rows", Some("use --json, or leave --format out".to_owned())))
    };
    arguments.sort.as_ref().map_or(Ok(()), |order| order::refuse(view, &order.column))?;
    Ok(view)
}

/// What to show: as asked for, or by default.
fn shown(arguments: &OutputArguments, mode: Mode) -> Shown {
    if arguments.show.is_empty() {
        let messages = arguments.is_json() || arguments.detail || mode == Mode::Live;
        return Shown { messages, flows: true, sessions: true, findings: true, summary: true, ..Shown::default() };
    }
    let has = |view| arguments.show.contains(&view);
    Shown {
        packets: has(View::Packets),
        messages: has(View::Messages) || arguments.detail,
        flows: has(View::Flows),
        sessions: has(View::Sessions),
        deliveries: has(View::Deliveries),
        topics: has(View::Topics),
        findings: has(View::Findings),
        neighbours: has(View::Neighbours),
        summary: has(View::Summary),
    }
}

fn message_options(arguments: &OutputArguments) -> MessageOptions {
    let payload = PayloadOptions { format: arguments.payload.into(), bytes: arguments.payload_bytes };
    MessageOptions { detail: arguments.detail, payload }
}

fn style(arguments: &OutputArguments, mode: Mode) -> Style {
    let clock = match arguments.time {
        Some(TimeArgument::Clock) => true,
        Some(TimeArgument::Relative) => false,
        None => mode != Mode::Read,
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
    let width = if io::stdout().is_terminal() {
        terminal::size().map(|(columns, _)| columns).or(named).or(Some(80))
    } else {
        named
    };
    Style { width, color, clock }
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
