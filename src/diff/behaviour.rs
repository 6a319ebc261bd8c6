//! What the clients of a capture do, gathered from its messages, sessions and flows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};

use super::{Client, Rename};
use crate::capture::FrameNo;
use crate::dissect::{Conversation, Message};
use crate::engine::FlowRef;
use crate::flow::{Direction, Durations, Flow, PerDirection};
use crate::mqtt::{Body, PacketType, reason_name};
use crate::session::{End, EndKind, Name, Session, SubscriptionState};
use crate::text::{Escaped, kept_name};

/// The most messages whose order is kept, of one capture.
const STEPS: usize = 1_000_000;

/// The most topics that are told apart, of one capture.
const TOPICS: usize = 100_000;

/// The most connections that are kept, of one capture.
const CONNECTIONS: usize = 100_000;

/// A message that an end sent of its own accord.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) packet_type: PacketType,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) code: Option<u8>,
    /// The topic, or the filters.
    pub(super) topic: Option<Name>,
    pub(super) payload: u64,
    pub(super) length: u32,
    pub(super) frame: FrameNo,
}

impl Step {
    /// Whether it is the same message, whatever it says.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.packet_type == other.packet_type
            && self.qos == other.qos
            && self.retain == other.retain
            && self.code == other.code
            && self.topic == other.topic
    }

    /// Whether it says the same.
    pub(super) const fn says_the_same(&self, other: &Self) -> bool {
        self.payload == other.payload && self.length == other.length
    }

    pub(super) fn describe(&self, payloads: bool) -> String {
        // Writing to a String can't fail.
        let mut out = self.packet_type.name().to_owned();
        if let Some(topic) = &self.topic {
            out.push(' ');
            out.push_str(&Escaped(topic).to_string());
        }
        if self.packet_type == PacketType::Publish {
            let _ = write!(out, " QoS {}", self.qos);
            if self.retain {
                out.push_str(" retained");
            }
            if payloads {
                let _ = write!(out, ", {} bytes {:016x}", self.length, self.payload);
            }
        }
        if let Some(code) = self.code.filter(|code| *code > 0) {
            let _ = write!(out, " code {code:#04x}");
        }
        out
    }
}

/// Messages of a topic in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TopicCount {
    pub(super) by_qos: [u64; 3],
    pub(super) retained: u64,
}

/// An acknowledgement: its type, its code and the name of that.
pub(super) type Answer = (PacketType, u8, &'static str);

/// How a connection came and went, each thing by its name.
#[derive(Debug, Clone)]
pub(super) struct ConnectionFacts {
    pub(super) frame: FrameNo,
    pub(super) facts: Vec<(&'static str, String)>,
}

/// What a client does.
#[derive(Debug, Clone, Default)]
pub(super) struct Deeds {
    pub(super) connections: Vec<ConnectionFacts>,
    pub(super) subscriptions: BTreeMap<Box<[u8]>, SubscriptionState>,
    pub(super) steps: PerDirection<Vec<Step>>,
    pub(super) answers: PerDirection<BTreeMap<Answer, u64>>,
    pub(super) topics: PerDirection<BTreeMap<Name, TopicCount>>,
    /// PUBLISH packets with DUP.
    pub(super) resent: PerDirection<u64>,
    pub(super) acknowledged: PerDirection<Durations>,
    pub(super) connected: Durations,
    pub(super) retransmissions: u64,
    pub(super) resets: u64,
    pub(super) zero_windows: u64,
    /// Bytes of its connections are missing.
    pub(super) lossy: bool,
    /// Its first frame.
    pub(super) first: Option<FrameNo>,
}

/// What a connection brought, before it is known whose it is.
#[derive(Debug, Default)]
struct Trace {
    client: Option<Client>,
    deeds: Deeds,
}

/// What the clients of a capture do.
///
/// ```
/// use mqttsniff::diff::{Behaviour, DiffOptions, compare};
/// use mqttsniff::{Analysis, Output};
///
/// let (mut old, mut new) = Behaviour::pair();
/// for behaviour in [&mut old, &mut new] {
///     let mut analysis = Analysis::open(&["fixtures/mqtt5_qos.pcap"]).expect("the capture is there");
///     analysis.run(&mut |output: &Output<'_>| match output {
///         Output::Message(flow, message) => behaviour.on_message(*flow, message),
///         Output::Session(session, _) => behaviour.on_session(session),
///         Output::Flow(flow, _) => behaviour.on_flow(flow),
///         _ => {}
///     });
/// }
/// assert!(compare(old, new, &DiffOptions::default()).is_same());
/// ```
#[derive(Debug)]
pub struct Behaviour {
    hash: RandomState,
    renames: Vec<Rename>,
    names: BTreeSet<Name>,
    /// Connections by the frame that opened them.
    traces: BTreeMap<FrameNo, Trace>,
    kept: usize,
    pub(super) not_kept: u64,
    pub(super) messages: u64,
}

impl Behaviour {
    /// Two that can be compared with each other.
    pub fn pair() -> (Self, Self) {
        Self::pair_with(&[])
    }

    /// The same with other names in topics, topic filters and client identifiers of both.
    pub fn pair_with(renames: &[Rename]) -> (Self, Self) {
        let hash = RandomState::new();
        (Self::new(hash.clone(), renames), Self::new(hash, renames))
    }

    fn new(hash: RandomState, renames: &[Rename]) -> Self {
        let renames = renames.iter().filter(|rename| !rename.from.is_empty()).cloned().collect();
        Self { hash, renames, names: BTreeSet::new(), traces: BTreeMap::new(), kept: 0, not_kept: 0, messages: 0 }
    }

    fn renamed<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut out = Cow::Borrowed(text);
        for rename in &self.renames {
            if let Some(changed) = rename.apply(&out) {
                out = Cow::Owned(changed);
            }
        }
        out
    }

    /// A text that many messages share; none once there are too many.
    fn name(&mut self, text: &[u8]) -> Option<Name> {
        let text = self.renamed(text);
        let text = &*kept_name(&text);
        if let Some(name) = self.names.get(text) {
            return Some(Name::clone(name));
        }
        (self.names.len() < TOPICS).then(|| {
            let name = Name::from(text);
            self.names.insert(Name::clone(&name));
            name
        })
    }

    fn trace(&mut self, flow: FrameNo) -> Option<&mut Trace> {
        if self.traces.len() >= CONNECTIONS && !self.traces.contains_key(&flow) {
            return None;
        }
        Some(self.traces.entry(flow).or_default())
    }

    /// Takes a control packet into account.
    pub fn on_message(&mut self, flow: FlowRef, message: &Message<'_>) {
        self.messages += 1;
        let packet = &message.packet;
        let (packet_type, direction) = (packet.header.packet_type, message.direction);
        let mut step = Step {
            packet_type,
            qos: 0,
            retain: false,
            code: None,
            topic: None,
            payload: 0,
            length: 0,
            frame: message.origin.frame,
        };
        let answer = |code: Option<u8>| {
            let code = code.unwrap_or(0);
            // That all is well has another name with each version.
            let name = reason_name(packet_type, code, packet.version).filter(|_| code > 0);
            Some((packet_type, code, name.unwrap_or_default()))
        };
        let mut resent = false;
        let answer: Option<Answer> = match &packet.body {
            Body::Publish(publish) => {
                resent = packet.header.dup();
                step.qos = packet.header.qos();
                step.retain = packet.header.retain();
                step.topic = message.topic.and_then(|topic| self.name(topic));
                step.payload = self.hash.hash_one(publish.payload);
                step.length = publish.payload_length.unwrap_or(0);
                None
            }
            Body::Ack(ack) => answer(ack.reason_code),
            Body::SubAck(_) | Body::UnsubAck(_) => answer(None),
            Body::Subscribe(subscribe) => {
                let filters = subscribe.filters.iter().map(|one| (one.filter, Some(one.options & 3)));
                step.topic = self.name(&joined(filters));
                None
            }
            Body::Unsubscribe(unsubscribe) => {
                step.topic = self.name(&joined(unsubscribe.filters.iter().map(|filter| (filter, None))));
                None
            }
            Body::Disconnect(disconnect) => {
                step.code = Some(disconnect.reason_code.unwrap_or(0));
                None
            }
            Body::Auth(auth) => {
                step.code = Some(auth.reason_code.unwrap_or(0));
                None
            }
            // Of a CONNECT and its answer the connection tells; pings come as time goes by.
            Body::Connect(_) | Body::Reserved(_) => None,
            Body::ConnAck(_) | Body::Ping => return self.note(flow, message),
        };
        self.note(flow, message);
        let room = self.kept < STEPS;
        let Some(trace) = self.trace(flow.id) else {
            self.not_kept += 1;
            return;
        };
        let deeds = &mut trace.deeds;
        if let Some(answer) = answer {
            *deeds.answers[direction].entry(answer).or_default() += 1;
            return;
        }
        if resent {
            deeds.resent[direction] += 1;
            return;
        }
        if let (PacketType::Publish, Some(topic)) = (packet_type, &step.topic) {
            let count = deeds.topics[direction].entry(Name::clone(topic)).or_default();
            if let Some(of_qos) = count.by_qos.get_mut(usize::from(step.qos)) {
                *of_qos += 1;
            }
            count.retained += u64::from(step.retain);
        }
        if room {
            deeds.steps[direction].push(step);
            self.kept += 1;
        } else {
            self.not_kept += 1;
        }
    }

    /// Notes where a connection begins, and what the capture lacks of it.
    fn note(&mut self, flow: FlowRef, message: &Message<'_>) {
        if let Some(trace) = self.trace(flow.id) {
            trace.deeds.lossy |= message.missing > 0 || message.resynced || message.incomplete;
            trace.deeds.first.get_or_insert(message.origin.frame);
        }
    }

    /// Takes the session of a connection into account, when that has ended.
    pub fn on_session(&mut self, session: &Session) {
        let client = match &session.client_id {
            None => Client::Unknown,
            Some(_) if session.client_id_assigned => Client::Assigned,
            Some(id) => Client::Named(self.renamed(id).into()),
        };
        let subscriptions: Vec<_> =
            session.subscriptions.iter().map(|(filter, state)| (self.renamed(filter).into(), *state)).collect();
        let facts = facts(session, &|text| Escaped(&self.renamed(text)).to_string());
        let Some(trace) = self.trace(session.flow.id) else { return };
        trace.client = Some(client);
        let deeds = &mut trace.deeds;
        for direction in Direction::BOTH {
            deeds.acknowledged[direction].merge(&session.deliveries[direction].latency);
            deeds.lossy |= session.lossy[direction] || session.counts[direction].total() == 0;
        }
        if let (Some(connect), Some((connack, ..))) = (session.connect, session.connack) {
            deeds.connected.record(connack.time.since(connect.time));
        }
        deeds.subscriptions.extend(subscriptions);
        deeds.connections.push(ConnectionFacts { frame: session.first.frame, facts });
    }

    /// Takes a connection into account, when it has ended, after its session.
    pub fn on_flow(&mut self, flow: &Flow<Conversation>) {
        let Some(trace) = self.traces.get_mut(&flow.id) else { return };
        let deeds = &mut trace.deeds;
        for direction in Direction::BOTH {
            let side = &flow.connection.sides[direction];
            let counters = side.counters();
            deeds.retransmissions += u64::from(counters.retransmissions);
            deeds.resets += u64::from(counters.resets);
            deeds.zero_windows += u64::from(counters.zero_windows);
            deeds.lossy |= side.missing_bytes() > 0 || side.unseen_tail_bytes() > 0;
        }
    }

    /// All connections put together by client, in the order of their beginning.
    pub(super) fn clients(&mut self) -> BTreeMap<Client, Deeds> {
        let mut out: BTreeMap<Client, Deeds> = BTreeMap::new();
        for trace in std::mem::take(&mut self.traces).into_values() {
            out.entry(trace.client.unwrap_or(Client::Unknown)).or_default().add(trace.deeds);
        }
        out
    }
}

impl Deeds {
    fn add(&mut self, mut later: Self) {
        self.connections.append(&mut later.connections);
        self.subscriptions.append(&mut later.subscriptions);
        for direction in Direction::BOTH {
            self.steps[direction].append(&mut later.steps[direction]);
            for (answer, count) in &later.answers[direction] {
                *self.answers[direction].entry(*answer).or_default() += count;
            }
            for (topic, count) in std::mem::take(&mut later.topics[direction]) {
                let sum = self.topics[direction].entry(topic).or_default();
                sum.by_qos.iter_mut().zip(count.by_qos).for_each(|(sum, count)| *sum += count);
                sum.retained += count.retained;
            }
            self.resent[direction] += later.resent[direction];
            self.acknowledged[direction].merge(&later.acknowledged[direction]);
        }
        self.connected.merge(&later.connected);
        self.retransmissions += later.retransmissions;
        self.resets += later.resets;
        self.zero_windows += later.zero_windows;
        self.lossy |= later.lossy;
        self.first = self.first.or(later.first);
    }
}

/// Filters in one text, with the QoS that they ask for.
fn joined<'a>(filters: impl Iterator<Item = (&'a [u8], Option<u8>)>) -> Vec<u8> {
    /// Of very long lists the beginning tells enough.
    const LONGEST: usize = 4096;
    let mut out = Vec::new();
    for (filter, qos) in filters {
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(filter);
        if let Some(qos) = qos {
            out.extend_from_slice(format!(" QoS {qos}").as_bytes());
        }
        if out.len() > LONGEST {
            break;
        }
    }
    out
}

/// What is to be compared of a connection.
fn facts(session: &Session, shown: &dyn Fn(&[u8]) -> String) -> Vec<(&'static str, String)> {
    let mut out = vec![("version", session.version.as_str().to_owned())];
    let mut fact = |name, value: Option<String>| out.extend(value.map(|value| (name, value)));
    let yes_no = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    // Clean Session before 5.0.
    fact("clean start", session.clean_start.map(yes_no));
    fact("keep alive", session.keep_alive.seconds.map(|seconds| format!("{seconds} s")));
    let expiry = session.expiry.filter(|_| session.connect.is_some());
    fact(
        "session expiry",
        expiry.map(|seconds| match seconds {
            crate::session::NEVER => "never".to_owned(),
            seconds => format!("{seconds} s"),
        }),
    );
    fact("user name", session.username.as_ref().map(|name| shown(name)));
    fact(
        "will",
        session.will.as_ref().map(|will| {
            let retained = if will.retain { " retained" } else { "" };
            format!("{} QoS {}{retained}", shown(&will.topic), will.qos)
        }),
    );
    fact(
        "answer",
        session.connack.map(|(_, code, _)| {
            let name = reason_name(PacketType::ConnAck, code, session.version);
            let name = if code == 0 { Some("accepted") } else { name };
            name.map_or_else(|| format!("code {code:#04x}"), str::to_owned)
        }),
    );
    fact("session present", session.connack.map(|(.., present)| yes_no(present)));
    fact("end", Some(end(session.end)));
    out
}

fn end(end: End) -> String {
    let mut out = match end.kind {
        EndKind::Fin => "FIN",
        EndKind::Rst => "RST",
        EndKind::Close => "closed",
        other => other.name(),
    }
    .to_owned();
    if let Some(by) = end.by {
        out.push_str(" by ");
        out.push_str(by.name());
    }
    if let Some((_, code)) = end.code.filter(|(_, code)| *code > 0) {
        let _ = write!(out, ", code {code:#04x}");
    }
    out
}
