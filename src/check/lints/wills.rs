//! Wills, and topics that tell whether a client is there.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::told::{ByFlow, Lint, NAME, Told, seconds, shown};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::dissect::{Conversation, Message};
use crate::engine::{Event, FlowRef};
use crate::flow::{Direction, Flow};
use crate::mqtt::{Body, PropertyId, Publish, topic};
use crate::session::{EndKind, Name, Session, WillFate};
use crate::time::{Span, Timestamp};

/// The most subscriptions, births and states that are remembered.
const KEPT: usize = 2048;

const MISSING: Lint = Lint::note(
    "lint.will-missing",
    Certainty::Likely,
    "with a will on that topic the server tells when the client is gone without a word",
);
const NOT_FIRED: Lint = Lint::warning(
    "lint.will-not-fired",
    Certainty::Hint,
    "see whether the server has noticed the end, and whether the will may be published",
);
const LATE: Lint = Lint::warning(
    "lint.will-late",
    Certainty::Likely,
    "a will delay shorter than the pause, or a time in the payload, keeps an old will from hiding the new state",
);
const GHOST: Lint = Lint::note(
    "lint.retain-ghost",
    Certainty::Hint,
    "clear the retained state before leaving, let it expire, or let a will change it",
);

/// A subscription and its time.
#[derive(Debug)]
struct Watcher {
    flow: FrameNo,
    server: SocketAddr,
    filter: Box<[u8]>,
    from: Timestamp,
    until: Option<Timestamp>,
}

/// A client said on the topic of its will that it is there.
#[derive(Debug)]
struct Birth {
    flow: FrameNo,
    server: SocketAddr,
    client: Option<Name>,
    topic: Name,
    at: Origin,
}

/// A state that is retained.
#[derive(Debug)]
struct State {
    flow: FlowRef,
    client: Option<Name>,
    /// What it said first.
    payload: u64,
    at: Origin,
    /// Since when its client is gone.
    gone: Option<Timestamp>,
}

/// A will that was not seen when its session was told.
#[derive(Debug)]
struct Due {
    flow: FlowRef,
    client: Option<Name>,
    topic: Name,
    /// When the connection ended, and by when the will has to come.
    at: Origin,
    by: Timestamp,
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Line {
    client: Option<Name>,
    connect: Option<Origin>,
    will: Option<Name>,
    missing_told: bool,
}

/// Judges wills.
pub(super) struct WillRule {
    limits: Limits,
    told: Told,
    lines: ByFlow<Line>,
    watchers: VecDeque<Watcher>,
    births: VecDeque<Birth>,
    states: HashMap<(SocketAddr, Name), State>,
    due: VecDeque<Due>,
    end: Option<Timestamp>,
}

impl WillRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            told: Told::default(),
            lines: ByFlow::default(),
            watchers: VecDeque::new(),
            births: VecDeque::new(),
            states: HashMap::new(),
            due: VecDeque::new(),
            end: None,
        }
    }

    fn publish(&mut self, flow: FlowRef, publish: &Publish<'_>, message: &Message<'_>, findings: &mut Vec<Finding>) {
        let Some(topic) = message.topic.filter(|topic| topic.len() <= NAME) else { return };
        let at = message.origin;
        let Some(line) = self.lines.entry(flow.id) else { return };
        let is_will = line.will.as_deref() == Some(topic);
        if is_will {
            if self.births.len() >= KEPT {
                self.births.pop_front();
            }
            let (server, client, topic) = (flow.server, line.client.clone(), Name::from(topic));
            self.births.push_back(Birth { flow: flow.id, server, client, topic, at });
        }
        if !message.packet.header.retain() || !is_status(topic) {
            return;
        }
        if let (Some(connect), false, false) = (line.connect, line.will.is_some(), line.missing_told) {
            line.missing_told = true;
            if self.told.first(("missing", flow.server, line.client.as_deref(), flow.client.ip())) {
                let text = format!("the client keeps its state at {}, and its CONNECT has no will", shown(topic));
                findings.push(MISSING.at(Some(flow), at, &[connect.frame, at.frame], text));
            }
        }
        let key = (flow.server, Name::from(topic));
        let expires = publish.properties.get(PropertyId::MessageExpiryInterval).is_some();
        if publish.payload.is_empty() || expires || is_will {
            self.states.remove(&key);
            return;
        }
        let payload = self.told.number(publish.payload);
        let room = self.states.len() < KEPT;
        match self.states.get_mut(&key) {
            // It changes its state, so that the last one may well be that it leaves.
            Some(state) if state.flow.id == flow.id && state.payload != payload => {
                self.states.remove(&key);
            }
            Some(state) if state.flow.id == flow.id => {}
            Some(state) => *state = State { flow, client: line.client.clone(), payload, at, gone: None },
            None if room => {
                self.states.insert(key, State { flow, client: line.client.clone(), payload, at, gone: None });
            }
            None => {}
        }
    }

    fn closed(&mut self, flow: FrameNo, at: Timestamp) {
        for watcher in self.watchers.iter_mut().filter(|watcher| watcher.flow == flow) {
            watcher.until.get_or_insert(at);
        }
        for state in self.states.values_mut().filter(|state| state.flow.id == flow) {
            state.gone.get_or_insert(at);
        }
    }

    /// A will that has to come, if it was not seen before.
    fn awaited(&mut self, session: &Session) {
        let (Some(will), Some(WillFate::NotSeen)) = (&session.will, session.will_fate) else { return };
        let at = match (session.end.kind, session.end.at) {
            (EndKind::Open | EndKind::Refused, _) | (_, None) => return,
            (_, Some(at)) => at,
        };
        let delay = Span::from_secs(will.delay.into());
        let by = at.time + delay + seconds(self.limits.will_slack_s);
        if self.due.len() < KEPT && will.topic.len() <= NAME {
            let (client, topic) = (session.client_id.clone(), Name::clone(&will.topic));
            self.due.push_back(Due { flow: session.flow, client, topic, at, by });
        }
    }

    /// Tells the wills that should have come by now to somebody who is still there.
    fn not_fired(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        while self.due.front().is_some_and(|due| due.by < now) {
            let Some(due) = self.due.pop_front() else { return };
            let waits = |watcher: &&Watcher| {
                watcher.server == due.flow.server
                    && watcher.flow != due.flow.id
                    && watcher.from < due.at.time
                    && watcher.until.is_none_or(|until| until > due.by)
                    && topic::matches(&watcher.filter, &due.topic)
            };
            let Some(watcher) = self.watchers.iter().find(waits) else { continue };
            let text = format!(
                "the will on {} was due, and did not come to who had subscribed {} within {} s",
                shown(&due.topic),
                shown(&watcher.filter),
                self.limits.will_slack_s
            );
            let finding = NOT_FIRED.at(Some(due.flow), due.at, &[watcher.flow, due.at.frame], text);
            findings.push(Finding { client_id: due.client, ..finding });
        }
    }

    /// A will that comes after its client is back and has said so.
    fn late(&mut self, session: &Session, findings: &mut Vec<Finding>) {
        let Some(will) = &session.will else { return };
        for sighting in session.will_published() {
            let at = sighting.place.at;
            let birth = self.births.iter().find(|birth| {
                birth.flow > session.flow.id
                    && birth.server == session.flow.server
                    && birth.client.is_some()
                    && birth.client == session.client_id
                    && birth.topic == will.topic
                    && birth.at.time < at.time
            });
            if let Some(birth) = birth {
                let text = format!(
                    "the will on {} comes {:.1} s after the client is back and has published there",
                    shown(&will.topic),
                    at.time.since(birth.at.time).as_secs_f64()
                );
                findings.push(LATE.at(Some(session.flow), at, &[birth.at.frame, at.frame], text));
                return;
            }
        }
    }
}

impl Rule for WillRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let (flow, message) = match event {
            Event::Message(flow, message) if !message.incomplete => (*flow, message),
            Event::Closing(flow, _, at) => return self.closed(flow.id, at.time),
            Event::Flow(flow, _) => {
                if self.end.is_none() || flow.connection.closing.begun().is_some() {
                    self.closed(flow.id, flow.last.time);
                }
                self.lines.remove(flow.id);
                return;
            }
            Event::Message(..)
            | Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Notice(_) => return,
        };
        self.not_fired(message.origin.time, findings);
        match &message.packet.body {
            Body::Connect(connect) => {
                let client = connect.client_id.filter(|id| (1..=NAME).contains(&id.len())).map(Name::from);
                if let Some(line) = self.lines.entry(flow.id) {
                    let will = connect.will.map(|will| will.topic.get(..NAME).unwrap_or(will.topic).into());
                    *line = Line { client, connect: Some(message.origin), will, missing_told: false };
                }
            }
            Body::Publish(publish) => match message.direction {
                Direction::ToServer => self.publish(flow, publish, message, findings),
                Direction::ToClient => {
                    let topic = message.topic;
                    self.due.retain(|due| due.flow.server != flow.server || Some(&*due.topic) != topic);
                }
            },
            Body::Subscribe(subscribe) => {
                for wanted in subscribe.filters.iter().take(KEPT).filter(|wanted| wanted.filter.len() <= NAME) {
                    if self.watchers.len() >= KEPT {
                        self.watchers.pop_front();
                    }
                    self.watchers.push_back(Watcher {
                        flow: flow.id,
                        server: flow.server,
                        filter: wanted.filter.into(),
                        from: message.origin.time,
                        until: None,
                    });
                }
            }
            Body::Unsubscribe(_) | Body::Disconnect(_) => {
                // Which of its filters are gone makes no difference for a hint.
                let at = message.origin.time;
                self.watchers.iter_mut().filter(|watcher| watcher.flow == flow.id).for_each(|watcher| {
                    watcher.until.get_or_insert(at);
                });
            }
            Body::ConnAck(_)
            | Body::Ack(_)
            | Body::SubAck(_)
            | Body::UnsubAck(_)
            | Body::Ping
            | Body::Auth(_)
            | Body::Reserved(_) => {}
        }
    }

    fn on_session(&mut self, session: &Session, _flow: &Flow<Conversation>, findings: &mut Vec<Finding>) {
        self.awaited(session);
        self.late(session, findings);
    }

    fn capture_ends(&mut self, now: Timestamp) {
        self.end = Some(now);
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        let Some(end) = self.end else { return };
        self.not_fired(end, findings);
        let least = seconds(self.limits.retain_ghost_s);
        let mut ghosts: Vec<_> = self.states.drain().collect();
        ghosts.sort_by_key(|(_, state)| state.at.frame);
        for ((_, name), state) in ghosts {
            let Some(gone) = state.gone.filter(|gone| end.since(*gone) > least) else { continue };
            let who = state.client.as_deref().map(|id| format!(" {}", shown(id))).unwrap_or_default();
            let text = format!(
                "{} still holds what client{who} retained there, which is gone for {:.0} s",
                shown(&name),
                end.since(gone).as_secs_f64()
            );
            let finding = GHOST.at(Some(state.flow), state.at, &[state.at.frame], text);
            findings.push(Finding { client_id: state.client, ..finding });
        }
    }
}

/// Whether a topic tells whether its client is there, by its name.
fn is_status(topic: &[u8]) -> bool {
    const NAMES: [&[u8]; 9] = [
        b"status",
        b"online",
        b"availability",
        b"available",
        b"lwt",
        b"connected",
        b"connection",
        b"presence",
        b"alive",
    ];
    topic.split(|byte| *byte == b'/').any(|level| NAMES.iter().any(|name| level.eq_ignore_ascii_case(name)))
}
