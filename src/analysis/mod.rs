//! The front door: a source of frames goes in, everything that is known of them comes out.

mod held;
mod threads;

pub use held::Held;
pub use threads::Reader;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use crate::capture::{Batch, Fill, FrameNo, Lost, Origin, Problem, Source, SourceReport};
use crate::check::{CheckOptions, Checks, Finding};
use crate::dissect::{Conversation, Message, Protocol, SnMessage};
use crate::engine::{
    Cap, CapCounts, Coming, Engine, EngineOptions, EngineStats, Event, FlowRef, Level, NeighbourMessage, Notice,
    NoticeKind, PacketView, StreamPart,
};
use crate::flow::{Direction, Ended, Flow, OpenFlow};
use crate::neighbour::Names;
use crate::session::{AnswerTimes, Delivery, Name, Session, SessionOptions, Sessions, SnSession, SnSessions, Topic};
use crate::time::{Span, Timestamp};
use crate::wire::DecodeStats;

/// What an analysis tells, in the order of the frames that prove it.
#[derive(Debug)]
pub enum Output<'a> {
    /// A frame; only if [`EngineOptions::packets`] asks for them.
    Packet(&'a PacketView<'a>),
    /// An MQTT control packet.
    Message(FlowRef, &'a Message<'a>),
    /// A datagram of MQTT-SN.
    SnMessage(FlowRef, &'a SnMessage<'a>),
    /// A message of a protocol around MQTT; only if [`EngineOptions::neighbours`] asks for it.
    Neighbour(&'a NeighbourMessage<'a>),
    /// The same where its version is in doubt, as it reads for now: the message itself comes after its frame; only if
    /// [`EngineOptions::previews`] asks for it.
    Preview(FlowRef, &'a Message<'a>),
    /// The next part of a direction's stream; only if [`EngineOptions::streams`] asks for them.
    Stream(FlowRef, Direction, StreamPart<'a>, Origin),
    /// The MQTT session of a flow that has ended, before the flow itself.
    Session(&'a Session, &'a Flow<Conversation>),
    /// The session of an MQTT-SN client that has ended, before its flow.
    SnSession(&'a SnSession),
    /// A flow that has ended.
    Flow(&'a Flow<Conversation>, Ended),
    /// A delivery that is over; only where routes are followed ([`SessionOptions::routes`]).
    Delivery(&'a Delivery),
    /// A topic of a broker, at the end; only where routes are followed.
    Topic(SocketAddr, &'a Name, &'a Topic),
    /// A finding.
    Finding(&'a Finding),
}

/// What an analysis adds up to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// What the engine counted.
    pub engine: EngineStats,
    /// What decoding could not read.
    pub decode: DecodeStats,
    /// What the source says of itself.
    pub source: SourceReport,
    /// Findings by severity, the mildest first.
    pub findings: [u64; 3],
    /// MQTT sessions.
    pub sessions: u64,
    /// Sessions of MQTT-SN.
    pub sn_sessions: u64,
    /// How often each cap on what is held had an effect.
    pub caps: CapCounts,
    /// Where frames were to be saved and that failed, what became of them. It is for whoever saves them to tell.
    pub unsaved: Option<Unsaved>,
}

/// Frames that were to be saved, where writing has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsaved {
    /// So many were written whole, some to files that were removed since for new ones.
    pub saved: u64,
    /// All the others.
    pub unsaved: u64,
    /// Of packed files more may be saved, and so fewer unsaved: nobody knows what of them was written out.
    pub is_least: bool,
}

impl Summary {
    /// How often a limit was reached, so that something was let go or given up.
    pub fn capped(&self) -> u64 {
        self.engine.forgotten + self.caps.total()
    }

    /// Whether all input was read to its end.
    pub fn is_complete(&self) -> bool {
        self.source.problems.is_empty()
    }
}

/// An analysis from a source of frames to its summary.
///
/// ```
/// use mqttsniff::{Analysis, Output};
///
/// let mut analysis = Analysis::open(&["fixtures/mqtt5_qos.pcap"]).expect("the capture is there");
/// let mut topics = std::collections::BTreeSet::new();
/// let summary = analysis.run(&mut |output: &Output<'_>| {
///     if let Output::Message(_, message) = output {
///         topics.extend(message.topic.map(|topic| String::from_utf8_lossy(topic).into_owned()));
///     }
/// });
/// assert_eq!(summary.engine.messages, 52);
/// assert!(topics.contains("lab/s1/q0"));
/// ```
pub struct Analysis {
    source: Box<dyn Source + Send>,
    engine: Engine,
    above: Above,
    batch: Batch,
}

/// The floors above the engine, and what they have counted.
#[derive(Debug, Default)]
struct Above {
    sessions: Sessions,
    sn: SnSessions,
    checks: Checks,
    findings: [u64; 3],
    session_count: u64,
    sn_session_count: u64,
    /// Neither sessions nor findings are wanted.
    absent: bool,
    /// What caps on sessions, routes and names have cost as far as was told.
    caps: CapCounts,
    /// Their total.
    capped: u64,
    /// Flows that are looked ahead for: by the hash of one, and by the place of its session.
    expected: Option<(FrameNo, u32)>,
    located: Option<(FrameNo, u32)>,
    /// What addresses are called, by the answers of DNS so far.
    names: Names,
    /// The latest time of the capture, once that has ended.
    now: Option<Timestamp>,
}

impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Analysis {
    /// An analysis of capture files; `-` is standard input. Several are read in the order of time, as one.
    pub fn open<P: AsRef<std::path::Path>>(paths: &[P]) -> Result<Self, Vec<Problem>> {
        Self::open_with(paths, EngineOptions::default())
    }

    /// The same with options. An error has a problem for each file that can't be opened.
    pub fn open_with<P: AsRef<std::path::Path>>(paths: &[P], options: EngineOptions) -> Result<Self, Vec<Problem>> {
        let paths: Vec<_> = paths.iter().map(|path| path.as_ref().to_path_buf()).collect();
        Ok(Self::new(Box::new(crate::capture::open(&paths)?), options))
    }

    /// An analysis of any source.
    pub fn new(source: Box<dyn Source + Send>, options: EngineOptions) -> Self {
        let above = Above { names: options.names.clone(), ..Above::default() };
        Self { source, engine: Engine::new(options), above, batch: Batch::new() }
    }

    /// Follows sessions in another way than by default. To be called before the first frame.
    pub fn follow_sessions(&mut self, options: SessionOptions) {
        self.above.sessions = Sessions::new(options);
    }

    /// Judges by other rules than by default. To be called before the first frame.
    pub fn check(&mut self, options: CheckOptions) {
        self.above.checks = Checks::new(options);
    }

    /// Follows no sessions and judges nothing, where nobody wants to know: frames, messages, streams and flows are told, and
    /// the summary counts no sessions and no findings. To be called before the first frame.
    pub const fn tell_engine_alone(&mut self) {
        self.above.absent = true;
    }

    /// What judges, with what it has counted so far.
    pub const fn checks(&self) -> &Checks {
        &self.above.checks
    }

    /// Reads to the end and tells everything.
    pub fn run(&mut self, sink: &mut dyn FnMut(&Output<'_>)) -> Summary {
        // It never has enough.
        let _ = self.read(NonZeroUsize::MIN, &mut &mut *sink);
        self.finish(sink)
    }

    /// Fetches the next frames; see [`Source::fill`]. Those of the last call are gone.
    pub fn fill(&mut self) -> Fill {
        self.batch.advance();
        self.source.fill(&mut self.batch)
    }

    /// The frames that were fetched last.
    pub const fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Analyses the first `limit` of the frames that were fetched last, and tells what they prove.
    pub fn analyse(&mut self, limit: usize, sink: &mut dyn FnMut(&Output<'_>)) {
        let above = &mut self.above;
        self.engine.lost(self.batch.lost());
        for (place, frame) in self.batch.frames().take(limit).enumerate() {
            above.look_ahead(self.engine.look_ahead(&self.batch, place));
            for secrets in self.batch.secrets_before(frame.number) {
                self.engine.learn(secrets);
            }
            let comments: Vec<&str> = self.batch.comments(frame.number).collect();
            self.engine.frame(&frame, &comments, &mut |event: &Event<'_>| above.event(event, sink));
        }
        for secrets in self.batch.secrets_before(self.batch.next_number()) {
            self.engine.learn(secrets);
        }
    }

    /// There may be secrets now that were missing, though no frame has come: what waits for them is read, and told.
    pub fn keys_came(&mut self, sink: &mut dyn FnMut(&Output<'_>)) {
        let above = &mut self.above;
        self.engine.keys_came(&mut |event: &Event<'_>| above.event(event, sink));
    }

    /// No frame has come for so long since the last one: flows that are over are told. See [`Engine::time_passes`].
    pub fn time_passes(&mut self, silence: Span, sink: &mut dyn FnMut(&Output<'_>)) {
        let above = &mut self.above;
        self.engine.time_passes(silence, &mut |event: &Event<'_>| above.event(event, sink));
    }

    /// No more frames: tells what is still open, and the summary.
    pub fn finish(&mut self, sink: &mut dyn FnMut(&Output<'_>)) -> Summary {
        let above = &mut self.above;
        above.now = self.engine.stats().last.map(|last| last.time);
        if let Some(now) = above.now {
            above.checks.capture_ends(now);
        }
        self.engine.lost(untold(&self.source.report(), self.engine.lost_so_far()));
        self.engine.finish(&mut |event: &Event<'_>| above.event(event, sink));
        above.finish(sink);
        self.summary()
    }

    /// What it adds up to so far.
    pub fn summary(&self) -> Summary {
        Summary {
            engine: self.engine.stats().clone(),
            decode: self.engine.decode_stats(),
            source: self.source.report(),
            findings: self.above.findings,
            sessions: self.above.session_count,
            sn_sessions: self.above.sn_session_count,
            caps: self.engine.stats().caps.and(&self.above.caps()),
            unsaved: None,
        }
    }

    /// The flows that are followed and have not ended, each with a number that stays its own until then. Beginning with
    /// the smallest free number, so that a list by number is hardly longer than there are flows.
    pub fn open_flows(&self) -> impl Iterator<Item = (usize, OpenFlow<'_, Conversation>)> {
        self.engine.open_flows()
    }

    /// How many of them there are.
    pub fn open_flow_count(&self) -> usize {
        self.engine.open_flow_count()
    }

    /// The MQTT sessions of connections that have not ended, in no order.
    pub fn open_sessions(&self) -> impl Iterator<Item = &Session> {
        self.above.sessions.open_sessions()
    }

    /// How many of them there are.
    pub fn open_session_count(&self) -> usize {
        self.above.sessions.open_count()
    }

    /// The topics so far, in no order; only where routes are followed ([`SessionOptions::routes`]).
    pub fn open_topics(&self) -> impl Iterator<Item = (SocketAddr, &Name, &Topic)> {
        self.above.sessions.open_topics()
    }

    /// How long MQTT's answers have taken so far.
    pub const fn answer_times(&self) -> &AnswerTimes {
        self.above.sessions.answer_times()
    }

    /// How much is held now of what is capped, and how much may be: for the price of a few sums.
    pub fn held(&self) -> Held {
        let (now, limit) = self.above.names.held();
        let names = Level::of_all(now, limit);
        Held { engine: self.engine.held(), sessions: self.above.sessions.held(), names }
    }

    /// What addresses are called, by the answers of DNS so far; only where [`EngineOptions::names`] asks for it.
    pub const fn names(&self) -> &Names {
        &self.above.names
    }

    /// The name of an interface, by the number in its frames' headers.
    pub fn interface_name(&self, interface: u32) -> Option<&str> {
        self.source.interface_name(interface)
    }

    /// What the source says of itself so far.
    pub fn source_report(&self) -> SourceReport {
        self.source.report()
    }
}

impl Above {
    /// Messages of these flows come soon: asks for the memory that they need.
    #[inline]
    fn look_ahead(&mut self, coming: Coming) {
        if self.absent {
            return;
        }
        if let Some((flow, place)) = self.located.take() {
            self.sessions.prefetch(flow, place);
            self.checks.prefetch(flow, place);
        }
        if let Some((flow, hash)) = self.expected.take()
            && let Some(place) = self.sessions.locate(hash)
        {
            self.checks.approach(place);
            self.located = Some((flow, place));
        }
        self.expected = coming.later.map(|flow| (flow, self.sessions.expect(flow)));
        if let Some(flow) = coming.sooner {
            self.sessions.prefetch_parts(flow);
            self.checks.prefetch_parts(flow);
        }
    }

    /// Takes an event of the engine through the floors above it.
    fn event(&mut self, event: &Event<'_>, sink: &mut dyn FnMut(&Output<'_>)) {
        if let Event::Names(origin, answers) = event {
            self.names.learn(origin.frame, answers);
        }
        if self.absent {
            return pass_on(event, sink);
        }
        self.sessions.on_event(event);
        if self.sessions.capped() + self.names.forgotten() != self.capped {
            self.tell_caps(event, sink);
        }
        let ended = match event {
            Event::Flow(flow, why) if flow.app.protocol() != Some(Protocol::MqttSn) => {
                // A flow that is told before the capture ends is told some time after its last frame.
                self.sessions.end(flow, *why, self.now.unwrap_or(flow.last.time))
            }
            Event::Flow(flow, _) => {
                self.sn.end(flow.id, self.now.unwrap_or(flow.last.time));
                None
            }
            event => {
                pass_on(event, sink);
                None
            }
        };
        match event {
            Event::SnMessage(flow, message) => self.sn.on_message(*flow, message),
            Event::Notice(Notice { kind: NoticeKind::FramesLost(_), .. }) => self.sn.frames_lost(),
            _ => {}
        }
        if self.sn.has_news() {
            self.tell_sn(sink);
        }
        // What is wrong with a session or a flow is told before these themselves.
        if let (Some(session), Event::Flow(flow, _)) = (&ended, event) {
            self.session_count += 1;
            self.tell(Some(session), sink);
            for mut finding in self.checks.on_session(session, flow) {
                self.findings[finding.severity as usize] += 1;
                finding.client_id = finding.client_id.or_else(|| session.client_id.clone());
                sink(&Output::Finding(&finding));
            }
        }
        for mut finding in self.checks.on_event(event) {
            self.findings[finding.severity as usize] += 1;
            finding.client_id = client_of(&self.sessions, &finding, ended.as_deref());
            sink(&Output::Finding(&finding));
        }
        self.tell(None, sink);
        if let Event::Flow(flow, _) = event {
            if let Some(session) = &ended {
                sink(&Output::Session(session, flow));
            }
            pass_on(event, sink);
        }
    }

    /// What caps on what is held above the engine have cost so far.
    fn caps(&self) -> CapCounts {
        self.sessions.caps().with(Cap::Names, self.names.forgotten())
    }

    /// Caps on sessions, routes and names had an effect with this event.
    fn tell_caps(&mut self, event: &Event<'_>, sink: &mut dyn FnMut(&Output<'_>)) {
        for flow in self.sessions.take_relieved() {
            self.checks.relieve(flow);
        }
        let caps = self.caps();
        self.capped = caps.total();
        let before = std::mem::replace(&mut self.caps, caps);
        let origin = match event {
            Event::Message(_, message) => message.origin,
            Event::SnMessage(_, message) => message.origin,
            Event::Closing(.., at) => *at,
            Event::Flow(flow, _) => flow.last,
            Event::Notice(notice) => notice.origin,
            Event::Names(origin, _) => *origin,
            Event::Packet(_) | Event::Neighbour(_) | Event::Preview(..) | Event::Stream(..) | Event::Carrier(..) => {
                return;
            }
        };
        for (cap, count) in caps.iter() {
            // It is told each time that the number doubles.
            if count.checked_ilog2() != before.of(cap).checked_ilog2() {
                let notice = Notice { kind: NoticeKind::CapReached(cap, count), flow: None, origin };
                for finding in self.checks.on_event(&Event::Notice(&notice)) {
                    self.findings[finding.severity as usize] += 1;
                    sink(&Output::Finding(&finding));
                }
            }
        }
    }

    /// Tells what the sessions of MQTT-SN have found, and those that have ended.
    fn tell_sn(&mut self, sink: &mut dyn FnMut(&Output<'_>)) {
        for incident in self.sn.take_incidents() {
            let finding = self.checks.on_sn_incident(&incident);
            self.findings[finding.severity as usize] += 1;
            sink(&Output::Finding(&finding));
        }
        for session in self.sn.take_ended() {
            self.sn_session_count += 1;
            sink(&Output::SnSession(&session));
        }
    }

    /// Tells what the sessions have found; `ended` is the one that has just come to its end.
    fn tell(&mut self, ended: Option<&Session>, sink: &mut dyn FnMut(&Output<'_>)) {
        if !self.sessions.has_news() {
            return;
        }
        let incidents: Vec<_> = self.sessions.take_incidents().collect();
        for incident in incidents {
            let mut finding = self.checks.on_incident(&incident);
            self.findings[finding.severity as usize] += 1;
            finding.client_id = client_of(&self.sessions, &finding, ended);
            sink(&Output::Finding(&finding));
        }
        for delivery in self.sessions.take_deliveries() {
            for finding in self.checks.on_delivery(&delivery) {
                self.findings[finding.severity as usize] += 1;
                let client_id = finding.client_id.clone().or_else(|| delivery.client_id.clone());
                sink(&Output::Finding(&Finding { client_id, ..finding }));
            }
            sink(&Output::Delivery(&delivery));
        }
    }

    /// The capture has ended.
    fn finish(&mut self, sink: &mut dyn FnMut(&Output<'_>)) {
        let Some(now) = self.now.filter(|_| !self.absent) else { return };
        self.sessions.finish(now);
        self.tell(None, sink);
        for (broker, name, topic) in self.sessions.take_topics() {
            for finding in self.checks.on_topic(broker, &name, &topic) {
                self.findings[finding.severity as usize] += 1;
                sink(&Output::Finding(&finding));
            }
            sink(&Output::Topic(broker, &name, &topic));
        }
        for finding in self.checks.finish() {
            self.findings[finding.severity as usize] += 1;
            sink(&Output::Finding(&finding));
        }
    }
}

/// What a source says at its end that was dropped, and said with no batch: a file knows only how much.
fn untold(report: &SourceReport, told: Lost) -> Lost {
    let rest = |all: Option<u64>, told: u64| all.unwrap_or(0).saturating_sub(told);
    Lost {
        kernel: rest(report.kernel_dropped, told.kernel),
        interface: rest(report.interface_dropped, told.interface),
        analysis: rest(report.analysis_dropped, told.analysis),
    }
}

/// Tells what an event is by itself.
fn pass_on(event: &Event<'_>, sink: &mut dyn FnMut(&Output<'_>)) {
    match event {
        Event::Packet(view) => sink(&Output::Packet(view)),
        Event::Message(flow, message) => sink(&Output::Message(*flow, message)),
        Event::SnMessage(flow, message) => sink(&Output::SnMessage(*flow, message)),
        Event::Neighbour(message) => sink(&Output::Neighbour(message)),
        Event::Preview(flow, message) => sink(&Output::Preview(*flow, message)),
        Event::Stream(flow, direction, part, origin) => sink(&Output::Stream(*flow, *direction, *part, *origin)),
        Event::Flow(flow, why) => sink(&Output::Flow(flow, *why)),
        // Whoever asks for carriers drives the engine itself.
        Event::Carrier(..) | Event::Notice(_) | Event::Closing(..) | Event::Names(..) => {}
    }
}

/// The client that a finding is about.
fn client_of(sessions: &Sessions, finding: &Finding, ended: Option<&Session>) -> Option<Name> {
    let flow = finding.flow?.id;
    let session = sessions.get(flow).or(ended.filter(|session| session.flow.id == flow));
    session?.client_id.clone()
}
