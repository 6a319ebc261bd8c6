//! Assertions of the user's own: what a capture has to show, written in a TOML file, and the verdict on each.
//!
//! The file is described in `docs/assertions.md`. Things are selected by display filters, of which those over records
//! name the fields of the JSON Lines. What the capture can't decide, because bytes are missing or it ends too early, is
//! told as not provable, and is no failure.

mod document;
mod error;
mod expect;
mod flows;
mod order;
mod quoted;
mod report;
mod rule;
mod subject;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

pub use error::AssertionError;
pub use report::{AssertionVerdict, Outcome};

use crate::analysis::{Output, Summary};
use crate::capture::{FrameNo, Origin};
use crate::check::{Finding, Severity};
use crate::dissect::{Message, VersionKnownBy};
use crate::engine::{EngineOptions, FlowRef};
use crate::field::{Extractor, Row};
use crate::flow::{Direction, KnownBy};
use crate::mqtt::{Body, PropertyId, PropertyValue};
use crate::neighbour::Names;
use crate::render::{RecordKind, RecordRow};
use crate::session::{Name, SessionOptions};
use crate::text::kept_name;
use error::{Fault, Text};
use flows::Flows;
use rule::Rule;
use subject::{MessageSubject, Over, Subject};

/// What a file says of a rule that is built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSetting {
    /// The identifier of its findings, or a clause: `mqtt.qos-above-granted`, `MQTT-3.3.1-1`.
    pub id: String,
    /// How bad its findings are; absent where they are switched off.
    pub level: Option<Severity>,
    /// Its place in the file, for [`Assertions::error_at`].
    pub place: Range<usize>,
}

/// The value of a limit.
#[derive(Debug, Clone, PartialEq)]
pub enum LimitValue {
    /// An integer.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// Text, such as a duration.
    Text(String),
}

/// A limit of a rule that is built in, as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitSetting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: LimitValue,
    /// Its place in the file, for [`Assertions::error_at`].
    pub place: Range<usize>,
}

/// The verdicts on all assertions, in the order of the file, and their findings, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Verdicts {
    /// What came of each assertion that is not switched off.
    pub assertions: Vec<AssertionVerdict>,
    /// What breaks them, and what can't be proved.
    pub findings: Vec<Finding>,
}

/// The assertions of a file.
///
/// ```
/// use mqttsniff::assertions::{Assertions, Outcome};
/// use mqttsniff::engine::EngineOptions;
/// use mqttsniff::Analysis;
///
/// let text = r#"
///     [[assert]]
///     name = "each SUBSCRIBE is acknowledged"
///     each = "mqtt.msgtype == SUBSCRIBE"
///     then = "mqtt.msgtype == SUBACK"
///     same = ["tcp.stream", "mqtt.msgid"]
///     within = "1s"
/// "#;
/// let mut assertions = Assertions::parse(text, "rules.toml")?;
/// let options = assertions.engine_options(EngineOptions::default());
/// let mut analysis = Analysis::open_with(&["fixtures/mqtt5_qos.pcap"], options).expect("the capture is there");
/// analysis.follow_sessions(assertions.session_options(Default::default()));
/// let summary = analysis.run(&mut |output| assertions.on_output(output));
/// let verdicts = assertions.finish(&summary);
/// assert_eq!(verdicts.assertions[0].outcome, Outcome::Passed);
/// # Ok::<(), mqttsniff::assertions::AssertionError>(())
/// ```
#[derive(Debug)]
pub struct Assertions {
    text: Text,
    /// What addresses are called.
    names: Names,
    rules: Vec<Rule>,
    settings: Vec<RuleSetting>,
    limits: Vec<LimitSetting>,
    fail_on: Option<Severity>,
    extractor: Extractor,
    /// The last frame that was told.
    last: FrameNo,
    flows: Flows,
    clients: BTreeMap<FrameNo, Name>,
}

impl Assertions {
    /// Reads a file; `path` is what it is called in errors.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, AssertionError> {
        let source = Text::new(path.as_ref(), text);
        let document = document::parse(text).map_err(|fault| source.error(fault))?;
        let of_frames = document.rules.iter().filter(|rule| !matches!(rule.over, Over::Records(_)));
        let mut wanted: Vec<_> = of_frames.flat_map(Rule::fields).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Self {
            text: source,
            names: Names::default(),
            rules: document.rules,
            settings: document.settings,
            limits: document.limits,
            fail_on: document.fail_on,
            extractor: Extractor::new(&wanted),
            last: FrameNo(0),
            flows: Flows::default(),
            clients: BTreeMap::new(),
        })
    }

    /// What the file says of rules that are built in.
    pub fn rules(&self) -> &[RuleSetting] {
        &self.settings
    }

    /// The limits of rules that are built in.
    pub fn limits(&self) -> &[LimitSetting] {
        &self.limits
    }

    /// The severity from which on findings are a failure, where the file says so.
    pub const fn fail_on(&self) -> Option<Severity> {
        self.fail_on
    }

    /// How many assertions there are that are not switched off.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// An error at a place of the file, as that of an unknown rule in [`Assertions::rules`].
    pub fn error_at(&self, place: Range<usize>, message: impl Into<String>, hint: Option<String>) -> AssertionError {
        self.text.error(Fault::new(place, message).hinted(hint))
    }

    /// Switches on what an engine must tell for them.
    pub fn engine_options(&mut self, options: EngineOptions) -> EngineOptions {
        self.names = options.names.clone();
        let EngineOptions { packets, places, previews, wireshark, .. } = options;
        let needed = self.extractor.engine_options(options);
        if self.looks_at(Over::Packets) {
            return needed;
        }
        EngineOptions { packets, places, previews, wireshark, ..needed }
    }

    /// Switches on what sessions must tell for them.
    pub fn session_options(&self, options: SessionOptions) -> SessionOptions {
        let routed = [RecordKind::Delivery, RecordKind::Topic];
        let routes = options.routes || routed.iter().any(|kind| self.looks_at(Over::Records(*kind)));
        SessionOptions { routes, ..options }
    }

    fn looks_at(&self, over: Over) -> bool {
        self.rules.iter().any(|rule| rule.over == over)
    }

    /// Takes the next output of the analysis into account.
    pub fn on_output(&mut self, output: &Output<'_>) {
        match output {
            Output::Message(flow, message) => self.on_message(*flow, message),
            Output::Packet(view) => {
                let (frame, time) = (view.frame.number, view.frame.header.time);
                self.flows.at(time);
                if self.looks_at(Over::Packets) {
                    let row = self.extractor.row(view);
                    let subject = Subject {
                        row: &row,
                        frames: &[frame],
                        at: Origin { frame, time },
                        flow: view.flow,
                        partial: false,
                        joined: false,
                        inferred: false,
                    };
                    take(&mut self.rules, Over::Packets, &subject, &self.flows);
                    self.extractor.clear();
                    self.last = frame;
                }
            }
            Output::Preview(flow, message) => {
                if self.looks_at(Over::Packets) {
                    let client = self.clients.get(&flow.id).map(|id| &**id);
                    self.extractor.on_preview(message, client);
                }
            }
            Output::Session(session, flow) => {
                self.flows.before_end(flow);
                self.on_record(RecordKind::Session, output, &[session.first.frame], session.first, Some(session.flow));
            }
            Output::Flow(flow, why) => {
                let named = FlowRef::of(flow);
                self.flows.at(flow.last.time);
                self.on_record(RecordKind::Flow, output, &[flow.first.frame], flow.first, Some(named));
                let end = self.flows.on_end(flow, *why);
                self.clients.remove(&flow.id);
                for rule in &mut self.rules {
                    rule.flow_ended(&end);
                }
            }
            Output::Delivery(delivery) => {
                let at = delivery.first.place.at;
                self.on_record(RecordKind::Delivery, output, &[at.frame], at, Some(delivery.flow));
            }
            Output::Topic(..) => {
                let at = Origin { frame: FrameNo(0), time: self.flows.latest };
                self.on_record(RecordKind::Topic, output, &[], at, None);
            }
            Output::Finding(finding) => {
                self.flows.on_finding(finding);
                let frame = finding.frames.last().copied().unwrap_or(FrameNo(0));
                let at = Origin { frame, time: finding.time };
                self.on_record(RecordKind::Finding, output, &finding.frames, at, finding.flow);
            }
            Output::SnMessage(_, message) => {
                self.flows.at(message.origin.time);
                // For packets; rules on messages are on those of MQTT.
                if self.looks_at(Over::Packets) {
                    self.extractor.on_sn_message(message);
                }
            }
            Output::SnSession(session) => {
                let first = session.first;
                self.on_record(RecordKind::Session, output, &[first.frame], first, Some(session.flow));
            }
            Output::Neighbour(_) | Output::Stream(..) => {}
        }
    }

    fn on_message(&mut self, flow: FlowRef, message: &Message<'_>) {
        self.flows.at(message.origin.time);
        self.flows.on_message(flow, message);
        let named = match &message.packet.body {
            Body::Connect(connect) => connect.client_id.filter(|id| !id.is_empty()),
            Body::ConnAck(connack) => match connack.properties.get(PropertyId::AssignedClientIdentifier) {
                Some(PropertyValue::Text(id)) if message.direction == Direction::ToClient => Some(id),
                _ => None,
            },
            _ => None,
        };
        if let Some(id) = named {
            self.clients.insert(flow.id, kept_name(id).into());
        }
        let client = self.clients.get(&flow.id).map(|id| &**id);
        self.extractor.on_message(flow, message, client);
        if self.looks_at(Over::Messages) {
            let first = self.flows.first.unwrap_or(message.origin.time);
            let at = message.origin;
            let row = MessageSubject { row: self.extractor.message(), flow, direction: message.direction, at, first };
            let subject = Subject {
                row: &row,
                frames: message.frames,
                at,
                flow: Some(flow),
                partial: message.missing > 0 || message.incomplete,
                joined: false,
                inferred: message.version_known_by == VersionKnownBy::Inferred || message.resynced,
            };
            take(&mut self.rules, Over::Messages, &subject, &self.flows);
        }
        // A message whose version was in doubt was previewed for the row of its frame, which is over.
        if !self.looks_at(Over::Packets) || message.origin.frame <= self.last {
            self.extractor.clear();
        }
    }

    fn on_record(
        &mut self,
        kind: RecordKind,
        output: &Output<'_>,
        frames: &[FrameNo],
        at: Origin,
        flow: Option<FlowRef>,
    ) {
        if !self.looks_at(Over::Records(kind)) {
            return;
        }
        let Some(row) = RecordRow::of(output, &self.names) else { return };
        let row: &dyn Row = &row;
        // A flow tells itself what is missing of it.
        let rests_on_flow = matches!(kind, RecordKind::Session | RecordKind::Delivery);
        let partial = rests_on_flow && flow.is_some_and(|flow| self.flows.lacks(flow));
        let joined = rests_on_flow && flow.is_some_and(|flow| flow.known_by > KnownBy::SynAck);
        let subject = Subject { row, frames, at, flow, partial, joined, inferred: false };
        take(&mut self.rules, Over::Records(kind), &subject, &self.flows);
    }

    /// The capture has ended: the verdicts.
    pub fn finish(mut self, summary: &Summary) -> Verdicts {
        let source = &summary.source;
        let dropped = [source.kernel_dropped, source.interface_dropped, source.analysis_dropped];
        self.flows.any_gap |= dropped.iter().any(|count| count.is_some_and(|count| count > 0));
        self.flows.any_gap |= summary.capped() > 0 || !summary.is_complete();
        let start = Origin { frame: FrameNo(0), time: self.flows.latest };
        let last = summary.engine.last.unwrap_or(start);
        self.flows.latest = self.flows.latest.max(last.time);
        let mut verdicts = Verdicts::default();
        for rule in self.rules {
            verdicts.assertions.push(rule.finish(&self.flows, last, &mut verdicts.findings));
        }
        verdicts.findings.sort_by_key(|finding| finding.time);
        verdicts
    }
}

fn take(rules: &mut [Rule], over: Over, subject: &Subject<'_>, flows: &Flows) {
    for rule in rules.iter_mut().filter(|rule| rule.over == over) {
        rule.take(subject, flows);
    }
}
