//! Everything that the program does with a capture, and what must hold of it however the frames came about.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use mqttsniff::capture::{Fill, SourceReport};
use mqttsniff::check::conformance::Standing;
use mqttsniff::check::{CheckOptions, Collected, Policy, RuleInfo, Rules, Severity};
use mqttsniff::diff::{Behaviour, DiffOptions, compare};
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Columns, Extractor, Registry};
use mqttsniff::flow::{Direction, Transport};
use mqttsniff::neighbour::Names;
use mqttsniff::render::{
    CheckResult, CheckedCapture, CheckedRule, Csv, Follow, FollowFormat, JsonLines, Ladder, Lines, MaskedStreams,
    MessageOptions, Part, PayloadOptions, Plot, PlotKind, ReportFormat, Section, Shown, Style, Tables, View,
    write_comparison, write_report, write_statistics,
};
use mqttsniff::session::SessionOptions;
use mqttsniff::statistics::Statistics;
use mqttsniff::time::Span;
use mqttsniff::{Analysis, Held, Output, Reader, Summary};

use crate::frames::Frames;
use crate::json::Judge;
use crate::people::{Screen, see};

/// How a capture is read.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// By the engine.
    pub engine: EngineOptions,
    /// Sessions; routes are always followed.
    pub sessions: SessionOptions,
}

/// All records.
const ALL: Shown = Shown {
    packets: true,
    messages: true,
    flows: true,
    sessions: true,
    deliveries: true,
    topics: true,
    findings: true,
    summary: true,
    neighbours: true,
};

/// Frames of which all fields are read.
const READ_FIELDS: u64 = 12;

/// Takes frames through everything, in several ways, and compares what comes of them.
pub fn examine(frames: &Frames, setting: &Setting) {
    let cut = [1, 3, 0, 2];
    if is_in_turn(frames, 0) {
        let told = tell(frames, &cut, NonZeroUsize::MIN, setting);
        // Threads take longer to begin than to read so little: one number of them for each number of frames.
        let threads = NonZeroUsize::MIN.saturating_add(1 + frames.list.len() % 3);
        for (turns, threads) in [(&[usize::MAX][..], NonZeroUsize::MIN), (&cut, threads)] {
            let again = tell(frames, turns, threads, setting);
            told.compare(&again, &format!("{threads} threads, batches of {turns:?} frames"));
        }
    }
    if is_in_turn(frames, 1) {
        let whole = show(frames, &[1], setting);
        whole.compare(&show(frames, &[7, 0], setting), "with packets, in other batches");
    }
}

/// Whether frames are taken this way. Who looks for inputs takes each in one way, and so twice as many; what is in the
/// corpus goes all ways.
fn is_in_turn(frames: &Frames, way: usize) -> bool {
    !cfg!(feature = "explore") || frames.list.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() % 2 == way
}

/// An analysis of the frames.
fn analysis(frames: &Frames, turns: &[usize], engine: EngineOptions, setting: &Setting) -> Analysis {
    let mut analysis = Analysis::new(frames.source(turns), engine);
    analysis.follow_sessions(SessionOptions { routes: true, ..setting.sessions });
    analysis.check(CheckOptions { ledger: true, ..CheckOptions::all() });
    analysis
}

fn json(shown: Shown) -> JsonLines<Judge> {
    let messages = MessageOptions { detail: true, payload: PayloadOptions::default() };
    let mut lines = JsonLines::new(Judge::default(), shown).with_messages(messages);
    lines.begin(&["input".to_owned()]).expect("it takes everything");
    lines
}

/// What was told.
struct Told {
    json: u64,
    text: String,
    rest: u64,
}

impl Told {
    fn compare(&self, other: &Self, how: &str) {
        if self.json != other.json {
            let differ = self.text.lines().zip(other.text.lines()).find(|(one, other)| one != other);
            let (one, other) = differ.unwrap_or(("(the end, or what is behind)", "(the end, or what is behind)"));
            panic!("{how}: other JSON:\n{one}\n{other}");
        }
        assert_eq!(self.rest, other.rest, "{how}: other text");
    }
}

/// Takes results without frames, as they come from threads.
struct Listener {
    json: JsonLines<Judge>,
    tables: Tables,
    order: Order,
}

impl Listener {
    fn take(&mut self, output: &Output<'_>) {
        self.order.see(output);
        self.json.output(output).expect("it takes everything");
        self.tables.output(output);
    }

    fn finish(mut self, summary: &Summary) -> Told {
        self.json.end(summary).expect("it takes everything");
        let (json, text) = std::mem::take(self.json.get_mut()).finish();
        let mut digest = Digest::default();
        self.tables.print(summary, &["input".to_owned()], &mut digest).expect("it takes everything");
        Told { json, text, rest: digest.finish() }
    }
}

impl Reader for Listener {
    fn output(&mut self, output: &Output<'_>) {
        self.take(output);
    }

    fn pause(&mut self, _: &SourceReport) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }
}

/// Everything but frames and streams.
fn tell(frames: &Frames, turns: &[usize], threads: NonZeroUsize, setting: &Setting) -> Told {
    let shown = Shown { packets: false, ..ALL };
    let mut analysis = analysis(frames, turns, setting.engine.clone(), setting);
    let style = Style { width: Some(80), ..Style::PLAIN };
    let mut listener = Listener { json: json(shown), tables: Tables::new(style, shown), order: Order::default() };
    let _ = analysis.read(threads, &mut listener);
    keeps_caps(analysis.held());
    let summary = analysis.finish(&mut |output: &Output<'_>| listener.take(output));
    keeps_caps(analysis.held());
    listener.finish(&summary)
}

/// No more is held than may be.
fn keeps_caps(held: Held) {
    for (name, level) in held.levels() {
        assert!(level.is_kept(), "{name}: {level:?}");
    }
}

/// Everything there is.
fn show(frames: &Frames, turns: &[usize], setting: &Setting) -> Told {
    let fields: Vec<_> = Registry::fields().map(|(id, _)| id).collect();
    let mut extractor = Extractor::new(&fields);
    let options =
        EngineOptions { packets: true, places: true, streams: true, neighbours: true, ..setting.engine.clone() };
    let options = extractor.engine_options(options);
    let mut analysis = analysis(frames, turns, options, setting);
    let mut all = Everything::new(setting.engine.dissect.redactor.is_some());
    let mut row = String::new();
    let columns = Columns::default();
    loop {
        let fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |output: &Output<'_>| {
            all.take(output);
            match output {
                Output::Message(flow, message) => extractor.on_message(*flow, message, None),
                Output::Preview(_, message) => extractor.on_preview(message, None),
                Output::Packet(view) => {
                    let cells = extractor.row(view);
                    if view.frame.number.0 <= READ_FIELDS {
                        row.clear();
                        columns.line(&fields, &cells, &mut row);
                        see(row.as_bytes());
                    }
                    extractor.displayed();
                    extractor.clear();
                }
                _ => {}
            }
        });
        keeps_caps(analysis.held());
        if fill == Fill::End {
            break;
        }
    }
    let summary = analysis.finish(&mut |output: &Output<'_>| all.take(output));
    let held = analysis.held().engine;
    let left = [held.flows, held.out_of_order_bytes, held.out_of_order_segments, held.message_bytes];
    assert_eq!(left.map(|level| level.now), [0; 4], "at the end nothing is held");
    let standings = analysis.checks().standings();
    all.finish(summary, standings)
}

/// All renderers at once.
struct Everything {
    json: JsonLines<Judge>,
    tables: Tables,
    lines: Lines,
    csv: Vec<Csv<Screen>>,
    /// The first TCP flow has a ladder and plots.
    flow: Option<mqttsniff::capture::FrameNo>,
    ladder: Ladder,
    plots: Vec<Plot>,
    follow: [Follow; 2],
    masked: MaskedStreams,
    statistics: Statistics,
    /// The same twice, and the same with and without some messages.
    behaviours: [(Behaviour, Behaviour); 2],
    messages: u64,
    collected: Collected,
    order: Order,
    screen: Screen,
    digest: Digest,
}

impl Everything {
    fn new(redacted: bool) -> Self {
        let style = Style { width: Some(80), ..Style::PLAIN };
        let csv = View::ALL.map(|view| Csv::new(Screen::default(), view, '\t')).into();
        let plots = [PlotKind::Sequence, PlotKind::Window, PlotKind::Throughput, PlotKind::Rtt];
        let mut all = Self {
            json: json(ALL),
            tables: Tables::new(style, ALL),
            lines: Lines::new(style, ALL),
            csv,
            flow: None,
            ladder: Ladder::new(style, Part::ALL),
            plots: plots.map(|kind| Plot::new(kind, None, Part::ALL)).into(),
            follow: [FollowFormat::Text, FollowFormat::Hex].map(|format| Follow::new(style, format, None)),
            masked: MaskedStreams::default(),
            statistics: Statistics::new(Span::from_secs(1)),
            behaviours: [Behaviour::pair(), Behaviour::pair()],
            messages: 0,
            collected: Collected::new(100),
            order: Order::default(),
            screen: Screen::default(),
            digest: Digest::default(),
        };
        // Redacted streams are followed by another way, which hides secrets only.
        if redacted {
            all.follow = [FollowFormat::Text, FollowFormat::Hex].map(|format| Follow::new(Style::PLAIN, format, None));
        }
        all
    }

    fn take(&mut self, output: &Output<'_>) {
        self.render(output).expect("it takes everything");
    }

    fn render(&mut self, output: &Output<'_>) -> io::Result<()> {
        self.order.see(output);
        self.json.output(output)?;
        self.tables.output(output);
        self.lines.output(output, &mut self.screen)?;
        for csv in &mut self.csv {
            csv.output(output)?;
        }
        self.behave(output);
        match output {
            Output::Packet(view) => {
                self.statistics.frame(view);
                if let Some(flow) = view.flow.filter(|flow| flow.transport == Transport::Tcp) {
                    self.flow.get_or_insert(flow.id);
                }
            }
            Output::Finding(finding) => {
                assert!(finding.frames.is_sorted(), "the frames of a finding ascend: {finding:?}");
                self.collected.take((*finding).clone());
            }
            _ => {}
        }
        let of = match output {
            Output::Packet(view) => view.flow.map(|flow| flow.id),
            Output::Message(flow, _) | Output::Preview(flow, _) | Output::Stream(flow, ..) => Some(flow.id),
            Output::SnMessage(flow, _) => Some(flow.id),
            Output::Session(session, _) => Some(session.flow.id),
            Output::Flow(flow, _) => Some(flow.id),
            Output::Finding(finding) => finding.flow.map(|flow| flow.id),
            Output::Neighbour(message) => message.flow.map(|(flow, _)| flow.id),
            Output::SnSession(_) | Output::Delivery(_) | Output::Topic(..) => None,
        };
        if of.is_some() && of == self.flow {
            self.one_flow(output)?;
        }
        Ok(())
    }

    fn behave(&mut self, output: &Output<'_>) {
        let [(old, same), (whole, part)] = &mut self.behaviours;
        for behaviour in [old, same, whole, part] {
            match output {
                Output::Message(flow, message) => {
                    self.messages += 1;
                    // Four are asked in turn, of which the last misses every third.
                    if self.messages % 12 != 0 {
                        behaviour.on_message(*flow, message);
                    }
                }
                Output::Session(session, _) => behaviour.on_session(session),
                Output::Flow(flow, _) if flow.transport == Transport::Tcp => behaviour.on_flow(flow),
                _ => {}
            }
        }
    }

    fn one_flow(&mut self, output: &Output<'_>) -> io::Result<()> {
        self.ladder.output(output, &mut self.screen)?;
        for plot in &mut self.plots {
            plot.output(output);
        }
        match output {
            Output::Packet(view) => self.masked.carries(view.protocol),
            Output::Message(_, message) => self.masked.message(message),
            Output::Stream(_, direction, part, origin) => self.masked.part(*direction, *part, *origin),
            _ => {}
        }
        let is_end = matches!(output, Output::Flow(..));
        let (follow, screen) = (&mut self.follow, &mut self.screen);
        self.masked.release(is_end, &mut |direction, part, origin| {
            follow.iter_mut().try_for_each(|follow| follow.part(direction, part, origin, screen))
        })
    }

    fn finish(mut self, summary: Summary, standings: Vec<Standing>) -> Told {
        self.json.end(&summary).expect("it takes everything");
        let (json, text) = std::mem::take(self.json.get_mut()).finish();
        let rest = self.rest(summary, standings).expect("it takes everything");
        Told { json, text, rest }
    }

    fn rest(mut self, summary: Summary, standings: Vec<Standing>) -> io::Result<u64> {
        let style = Style { width: Some(80), ..Style::PLAIN };
        let mut out = Both(&mut self.screen, &mut self.digest);
        self.tables.print(&summary, &["input".to_owned()], &mut out)?;
        for csv in &mut self.csv {
            csv.end()?;
        }
        for plot in &self.plots {
            if !plot.is_empty() {
                out.write_all(plot.text(style, 20).as_bytes())?;
                out.1.write_all(plot.svg().as_bytes())?;
            }
        }
        for section in Section::ALL {
            write_statistics(&self.statistics, section, &Names::default(), style, 20, &mut out)?;
        }
        let [(old, same), (whole, part)] = self.behaviours;
        let options = DiffOptions { payloads: true, ..DiffOptions::default() };
        let comparison = compare(old, same, &options);
        assert!(comparison.is_same(), "nothing differs from itself: {comparison:?}");
        write_comparison(&compare(whole, part, &options), style, &mut out)?;
        let rules = Rules::default();
        let policy = Policy::default();
        let of = |info: &RuleInfo| CheckedRule { info: info.clone(), level: policy.level_of(info) };
        let result = CheckResult {
            captures: vec![CheckedCapture {
                name: "input".to_owned(),
                file: "input".to_owned(),
                summary,
                findings: self.collected,
                standings,
                assertions: Vec::new(),
            }],
            rules: rules.iter().map(of).collect(),
            fail_on: Severity::Warning,
            gone: None,
        };
        // Each tells all rules there are, which takes longer than all the rest.
        let format = ReportFormat::ALL[result.captures[0].summary.engine.frames as usize % ReportFormat::ALL.len()];
        write_report(&result, format, style, &mut out)?;
        out.flush()?;
        Ok(self.digest.finish())
    }
}

/// What is told comes in the order in which frames prove it.
#[derive(Debug, Default)]
struct Order {
    /// The last frame that was told.
    packet: u64,
    /// How far messages of a stream have come; by its flow and its sender, and by its number within QUIC.
    streams: BTreeMap<(u64, SocketAddr, Option<u64>), u64>,
    /// Flows that are over.
    over: BTreeSet<u64>,
    /// Sessions whose flow has not ended.
    sessions: BTreeSet<u64>,
}

impl Order {
    fn see(&mut self, output: &Output<'_>) {
        match output {
            Output::Packet(view) => {
                assert_eq!(view.frame.number.0, self.packet + 1, "frames come in their order");
                self.packet = view.frame.number.0;
            }
            Output::Message(flow, message) => {
                assert!(!self.over.contains(&flow.id.0), "a message of a flow that is over");
                let sender = if message.stream == Direction::ToServer { flow.client } else { flow.server };
                let lane = message.framed.quic.map(|lane| lane.stream());
                let reached = self.streams.entry((flow.id.0, sender, lane)).or_default();
                let at = message.stream_offset;
                assert!(at >= *reached, "messages of a stream come in its order: {at} behind {reached} ({lane:?})");
                *reached = message.stream_offset + 1;
                assert!(message.frames.is_sorted_by(|a, b| a < b), "its frames ascend");
                assert!(message.started.frame <= message.origin.frame || message.frames.len() > 1, "it ends later");
            }
            Output::Stream(flow, ..) | Output::Preview(flow, _) | Output::SnMessage(flow, _) => {
                assert!(!self.over.contains(&flow.id.0), "a stream of a flow that is over");
            }
            Output::Session(session, flow) => {
                assert_eq!(session.flow.id, flow.id, "a session has its flow");
                assert!(self.sessions.insert(flow.id.0), "a flow has one session");
                assert!(!self.over.contains(&flow.id.0), "a session comes before its flow");
            }
            Output::Flow(flow, _) => {
                assert!(self.over.insert(flow.id.0), "a flow ends once");
                self.streams.retain(|(of, ..), _| *of != flow.id.0);
            }
            Output::Neighbour(message) => {
                let reading = message.reading;
                assert!(reading.values.len() <= 4096 && reading.info.len() <= 1 << 16, "a line and some fields");
                // Of a stream it is known some frames late what it carries.
                let in_stream = message.flow.is_some_and(|(flow, _)| flow.transport == Transport::Tcp);
                assert!(in_stream || message.origin.frame.0 > self.packet, "a message comes before its frame");
            }
            Output::SnSession(_) | Output::Delivery(_) | Output::Topic(..) | Output::Finding(_) => {}
        }
    }
}

/// Keeps a number of what is written.
#[derive(Default)]
struct Digest(DefaultHasher);

impl Digest {
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Two at once.
struct Both<'a>(&'a mut Screen, &'a mut Digest);

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
