//! The names of topics, and what clients subscribe to.

use std::collections::HashMap;

use super::told::{ByFlow, FOLLOWED, Hits, Lint, Told, count_of, shown};
use crate::capture::Origin;
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::dissect::{Conversation, Message};
use crate::engine::{Event, FlowRef};
use crate::flow::{Direction, Flow};
use crate::mqtt::{Body, Subscribe, topic};
use crate::session::Session;

/// The most filters that a connection is known to have.
const FILTERS: usize = 4096;

const SLASH: Lint = Lint::note(
    "lint.topic-leading-slash",
    Certainty::Certain,
    "an empty level is a level like any other, and filters have to name it",
);
const CHARACTERS: Lint = Lint::note(
    "lint.topic-characters",
    Certainty::Certain,
    "names of letters, digits and a few signs can be typed, logged and compared everywhere",
);
const CASE: Lint = Lint::note(
    "lint.topic-characters",
    Certainty::Likely,
    "topics that differ in upper and lower case only are different topics",
);
const DEPTH: Lint =
    Lint::note("lint.topic-depth", Certainty::Certain, "some services take at most 7 slashes and 256 bytes");
const DOLLAR: Lint = Lint::warning(
    "lint.topic-dollar",
    Certainty::Certain,
    "topics that begin with $ belong to the server (MQTT 5.0, section 4.7.2)",
);
const WILDCARD: Lint = Lint::warning(
    "lint.wildcard-all",
    Certainty::Certain,
    "who subscribes to everything gets everything that anybody ever publishes: name what is needed",
);
const BATCH: Lint =
    Lint::note("lint.subscribe-batch", Certainty::Certain, "some services take 8 filters at once, and 50 in all");

/// Which lint, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Slash,
    Characters,
    Case,
    Depth,
    Dollar,
}

impl Kind {
    const fn lint(self) -> (&'static Lint, &'static str) {
        match self {
            Self::Slash => (&SLASH, "begins or ends with a slash, or has an empty level"),
            Self::Characters => (&CHARACTERS, "has spaces, control characters or others outside of ASCII"),
            Self::Case => (&CASE, "differs from another in upper and lower case only"),
            Self::Depth => (&DEPTH, "is deeper or longer than some services take"),
            Self::Dollar => (&DOLLAR, "begins with $, and is published by a client"),
        }
    }
}

/// What is to be said of a connection when it ends.
#[derive(Debug, Default)]
struct Pending {
    hits: Vec<(Kind, Hits, String)>,
    filters: u64,
    subscribed: Option<Origin>,
}

impl Pending {
    fn hit(&mut self, kind: Kind, name: &[u8], at: Origin) {
        match self.hits.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, hits, _)) => hits.again(at),
            None => self.hits.push((kind, Hits::new(at), shown(name))),
        }
    }
}

/// Judges topics and filters.
pub(super) struct TopicRule {
    limits: Limits,
    told: Told,
    pending: ByFlow<Pending>,
    /// Topics by how they are written in lower case.
    written: HashMap<u64, u64>,
    lower: Vec<u8>,
}

impl TopicRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            told: Told::default(),
            pending: ByFlow::default(),
            written: HashMap::new(),
            lower: Vec::new(),
        }
    }

    fn name(&mut self, flow: FlowRef, name: &[u8], published: bool, at: Origin) {
        let known_dollar = [&b"$SYS/"[..], b"$share/", b"$queue/", b"$exclusive/", b"$delayed/", b"$aws/", b"$iothub/"];
        let service = known_dollar.iter().any(|prefix| name.starts_with(prefix));
        let shared = topic::shared(name).map_or(name, |(_, inner)| inner);
        let slash = shared.starts_with(b"/") || shared.ends_with(b"/") || shared.windows(2).any(|pair| pair == b"//");
        let odd = name.iter().any(|byte| !byte.is_ascii_graphic());
        let slashes = count_of(name, b'/') as u64;
        let deep = slashes > self.limits.topic_slashes || name.len() as u64 > self.limits.topic_bytes;
        let dollar = published && name.starts_with(b"$") && !service;
        let case = published && self.differs_in_case(flow, name);
        let all = [
            (slash, Kind::Slash),
            (odd, Kind::Characters),
            (case, Kind::Case),
            (deep, Kind::Depth),
            (dollar, Kind::Dollar),
        ];
        for (_, kind) in all.into_iter().filter(|(fires, _)| *fires) {
            if let Some(pending) = self.pending.entry(flow.id) {
                pending.hit(kind, name, at);
            }
        }
    }

    fn differs_in_case(&mut self, flow: FlowRef, name: &[u8]) -> bool {
        if !name.iter().any(u8::is_ascii_alphabetic) {
            return false;
        }
        self.lower.clear();
        self.lower.extend(name.iter().map(u8::to_ascii_lowercase));
        let (lower, exact) = (self.told.number((flow.server, &self.lower)), self.told.number((flow.server, name)));
        if self.written.len() >= FOLLOWED && !self.written.contains_key(&lower) {
            return false;
        }
        *self.written.entry(lower).or_insert(exact) != exact
    }

    fn subscribe(
        &mut self,
        flow: FlowRef,
        subscribe: &Subscribe<'_>,
        message: &Message<'_>,
        findings: &mut Vec<Finding>,
    ) {
        let at = message.origin;
        let mut count = 0;
        for wanted in subscribe.filters {
            count += 1;
            if count > FILTERS as u64 {
                break;
            }
            self.name(flow, wanted.filter, false, at);
            let inner = topic::shared(wanted.filter).map_or(wanted.filter, |(_, inner)| inner);
            let everything = matches!(inner, b"#" | b"+/#" | b"/#" | b"$SYS/#");
            if everything && self.told.first(("all", flow.server, flow.client.ip(), wanted.filter)) {
                let text = format!("the client subscribes to {}", shown(wanted.filter));
                findings.push(WILDCARD.at(Some(flow), at, &[at.frame], text));
            }
        }
        if count > self.limits.subscribe_filters && self.told.first(("batch", flow.server, flow.client.ip())) {
            let text = format!("one SUBSCRIBE has {count} filters");
            findings.push(BATCH.at(Some(flow), at, &[at.frame], text));
        }
        if let Some(pending) = self.pending.entry(flow.id) {
            pending.filters += count;
            pending.subscribed.get_or_insert(at);
        }
    }
}

impl Rule for TopicRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) => match &message.packet.body {
                // What the server sends on was published before, or by somebody else.
                Body::Publish(publish) if message.direction == Direction::ToServer => {
                    if let Some(name) = publish.topic.filter(|name| !name.is_empty()) {
                        self.name(*flow, name, true, message.origin);
                    }
                }
                Body::Subscribe(subscribe) => self.subscribe(*flow, subscribe, message, findings),
                Body::Publish(_)
                | Body::Connect(_)
                | Body::ConnAck(_)
                | Body::Ack(_)
                | Body::SubAck(_)
                | Body::Unsubscribe(_)
                | Body::UnsubAck(_)
                | Body::Ping
                | Body::Disconnect(_)
                | Body::Auth(_)
                | Body::Reserved(_) => {}
            },
            Event::Flow(flow, _) => {
                self.pending.remove(flow.id);
            }
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Closing(..)
            | Event::Notice(_) => {}
        }
    }

    fn on_session(&mut self, session: &Session, _flow: &Flow<Conversation>, findings: &mut Vec<Finding>) {
        let flow = session.flow;
        let Some(pending) = self.pending.remove(flow.id) else { return };
        for (kind, hits, name) in pending.hits {
            let (lint, what) = kind.lint();
            let who = session.client_id.as_deref();
            if !self.told.first((lint.id, kind as u8, flow.server, who, flow.client.ip())) {
                continue;
            }
            let more = if hits.count > 1 { format!("; {} such in all", hits.count) } else { String::new() };
            let message = format!("topic {name} {what}{more}");
            findings.push(lint.at(Some(flow), hits.first, &hits.frames, message));
        }
        if let Some(at) = pending.subscribed.filter(|_| pending.filters > self.limits.subscriptions)
            && self.told.first(("subscriptions", flow.server, flow.client.ip()))
        {
            let message = format!("the client asks for {} subscriptions on one connection", pending.filters);
            findings.push(BATCH.at(Some(flow), at, &[at.frame], message));
        }
    }
}
