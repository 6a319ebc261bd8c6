//! Rules on a message's way through the broker: what its copies have to have of it.
//!
//! A copy is known by its content: broker, topic and payload. So nothing is said where several publications look alike,
//! and nothing with certainty.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::SocketAddr;

use super::Rule;
use super::connection::Connection;
use super::docket::Docket;
use super::retained::{Kept, Retained};
use super::rules;
use crate::capture::{FrameNo, Origin};
use crate::check::Certainty;
use crate::dissect::Message;
use crate::flow::Direction;
use crate::mqtt::{Body, Properties, PropertyId as P, PropertyValue, Publish, Version};
use crate::time::Span;

/// The most publications that are remembered; with more, those that were first are forgotten.
const PUBLICATIONS: usize = 8192;

/// The most user properties of a publication that are remembered.
const USER_PROPERTIES: usize = 16;

/// How much earlier than the publication its copy may be captured.
const EARLY: Span = Span::from_millis(20);

/// How much an interval in whole seconds and a broker's clock may be off.
const SLACK: f64 = 3.0;

/// How long a SUBSCRIBE may take to the broker.
const SETTLED: Span = Span::from_secs(1);

/// The most copies on a connection that are remembered, to know them when they come again.
const COPIES: usize = 32;

/// What a topic, or a message on it, is known by.
pub(super) type Key = u64;

/// What a broker has to forward as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Carried {
    format: Option<u32>,
    content_type: Option<u64>,
    response_topic: Option<u64>,
    correlation_data: Option<u64>,
    /// In their order.
    users: Vec<u64>,
    /// There are more of them.
    more_users: bool,
    expiry: Option<u32>,
}

/// A message that a client published.
#[derive(Debug)]
struct Publication {
    at: Origin,
    version: Version,
    retain: bool,
    carried: Carried,
    /// Others look the same, and are not.
    ambiguous: bool,
    /// How often it was published.
    count: u32,
    /// Where first.
    first: Origin,
    /// The connection that it was published on last, and whether there are others.
    from: FrameNo,
    several: bool,
}

/// What is known of how a message was published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub(super) first: Origin,
    /// By several connections.
    pub(super) several: bool,
}

/// Publications, by what their copies look like.
#[derive(Debug, Default)]
pub(super) struct Cross {
    publications: HashMap<Key, Publication, foldhash::fast::RandomState>,
    order: VecDeque<Key>,
    pub(super) retained: Retained,
    hasher: foldhash::fast::RandomState,
}

impl Cross {
    /// Follows publications and judges their copies.
    pub(super) fn follow(&mut self, connection: &mut Connection, message: &Message<'_>, docket: &mut Docket<'_>) {
        let broker = docket.flow.server;
        if message.direction == Direction::ToServer && (message.missing > 0 || message.resynced) {
            self.forget();
        }
        if message.missing > 0 || message.resynced {
            return;
        }
        match (&message.packet.body, message.direction) {
            (Body::Connect(connect), Direction::ToServer) => {
                if let Some(will) = connect.will {
                    self.retained.will(self.topic(broker, will.topic));
                }
            }
            (Body::Publish(publish), Direction::ToServer) => {
                self.published(broker, docket.flow.id, message, publish);
            }
            (Body::Publish(publish), Direction::ToClient) => self.copied(connection, message, publish, docket),
            (Body::Ack(ack), Direction::ToClient) if ack.reason_code.is_some_and(|code| code >= 0x80) => {
                self.retained.refused(docket.flow.id, ack.packet_id.unwrap_or(0));
            }
            (Body::SubAck(_), Direction::ToClient) => {
                let hasher = &self.hasher;
                let key = |filter: &[u8]| topic_key(hasher, broker, filter);
                self.retained.subscribed(connection, broker, message.origin, key);
            }
            _ => {}
        }
    }

    /// Something was missed: who knows what was published there, and retained.
    pub(super) fn forget(&mut self) {
        self.retained.forget();
        self.publications.clear();
        self.order.clear();
    }

    fn topic(&self, broker: SocketAddr, name: &[u8]) -> Key {
        topic_key(&self.hasher, broker, name)
    }

    fn content(&self, topic: Key, payload: &[u8]) -> Key {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(topic);
        hasher.write(payload);
        hasher.finish()
    }

    /// How a message was published, where that is known.
    pub(super) fn known(&self, broker: SocketAddr, name: &[u8], payload: &[u8]) -> Option<Published> {
        let known = self.publications.get(&self.content(self.topic(broker, name), payload))?;
        Some(Published { first: known.first, several: known.several })
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    fn carried(&self, properties: Properties<'_>) -> Carried {
        let mut carried = Carried::default();
        for property in properties {
            let hash = match property.value {
                PropertyValue::Text(bytes) | PropertyValue::Binary(bytes) => self.hash(bytes),
                PropertyValue::Pair(name, value) => self.hasher.hash_one((name, value)),
                _ => 0,
            };
            match property.id {
                P::PayloadFormatIndicator => carried.format = property.value.number(),
                P::ContentType => carried.content_type = Some(hash),
                P::ResponseTopic => carried.response_topic = Some(hash),
                P::CorrelationData => carried.correlation_data = Some(hash),
                P::MessageExpiryInterval => carried.expiry = property.value.number(),
                P::UserProperty if carried.users.len() < USER_PROPERTIES => carried.users.push(hash),
                P::UserProperty => carried.more_users = true,
                _ => {}
            }
        }
        carried
    }

    fn published(&mut self, broker: SocketAddr, flow: FrameNo, message: &Message<'_>, publish: &Publish<'_>) {
        // A resend is the same message.
        let Some(name) = message.topic.filter(|_| !message.packet.header.dup()) else { return };
        let topic = self.topic(broker, name);
        let key = self.content(topic, publish.payload);
        let (header, carried) = (message.packet.header, self.carried(publish.properties));
        let retain = header.retain();
        if retain {
            let kept = Kept {
                broker,
                name: name.into(),
                content: key,
                empty: publish.payload_length == Some(0),
                expires: carried.expiry.is_some(),
                qos: header.qos(),
                at: message.origin,
                from: (flow, publish.packet_id.unwrap_or(0)),
                previous: None,
                passed_by: None,
                seen: false,
            };
            self.retained.published(topic, kept);
        } else {
            self.retained.passed_by(topic, key);
        }
        if let Some(known) = self.publications.get_mut(&key) {
            known.ambiguous |= known.carried != carried || known.retain != retain;
            known.count = known.count.saturating_add(1);
            known.several |= known.from != flow;
            known.from = flow;
            (known.at, known.carried, known.retain) = (message.origin, carried, retain);
            return;
        }
        if self.order.len() == PUBLICATIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.publications.remove(&oldest);
        }
        self.order.push_back(key);
        let (at, version) = (message.origin, message.packet.version);
        let publication = Publication {
            at,
            version,
            retain,
            carried,
            ambiguous: false,
            count: 1,
            first: at,
            from: flow,
            several: false,
        };
        self.publications.insert(key, publication);
    }

    fn copied(
        &mut self,
        connection: &mut Connection,
        message: &Message<'_>,
        publish: &Publish<'_>,
        docket: &mut Docket<'_>,
    ) {
        let Some(name) = message.topic else { return };
        let topic = self.topic(docket.flow.server, name);
        let key = self.content(topic, publish.payload);
        let header = message.packet.header;
        let matched = docket.matched;
        let empty = publish.payload_length == Some(0);
        self.retained.copied(connection, (topic, key, empty), message, docket);
        // What is sent again was judged when it was sent first.
        if header.dup() {
            return;
        }
        let is_it = |known: &&Publication| {
            let as_retained = header.retain() && matched.as_published == 0 && !known.retain;
            message.origin.time.since(known.at.time) >= Span::ZERO - EARLY && !known.ambiguous && !as_retained
        };
        let Some(known) = self.publications.get(&key).filter(is_it) else { return };
        if known.version == Version::V5 && message.packet.version == Version::V5 {
            judge_properties(known, &self.carried(publish.properties), message, docket);
        }
        if known.count == 1 && matched.known {
            judge_subscription(connection, known, key, message, docket);
        }
    }
}

fn topic_key(hasher: &foldhash::fast::RandomState, broker: SocketAddr, name: &[u8]) -> Key {
    let mut hasher = hasher.build_hasher();
    broker.hash(&mut hasher);
    hasher.write(name);
    hasher.finish()
}

/// Judges a copy by what was published, beyond its properties.
fn judge_subscription(
    connection: &mut Connection,
    known: &Publication,
    key: Key,
    message: &Message<'_>,
    docket: &mut Docket<'_>,
) {
    let matched = docket.matched;
    let frames = [known.at.frame, message.origin.frame];
    let retain = message.packet.header.retain();
    let Some(asked) = matched.asked else {
        // Whoever takes back a subscription gets what was published before, at most.
        if matched.removed.is_some_and(|removed| known.at.time.since(removed.time) > Span::from_secs(1)) {
            docket.broken("MQTT-3.10.4-2", message.origin.frame, Certainty::Likely);
        }
        return;
    };
    if known.at.time <= asked.time {
        return;
    }
    let soon = message.origin.time.since(asked.time) <= super::subscriptions::BURST;
    // Later than that it is known by the time alone.
    if retain
        && known.retain
        && soon
        && matched.as_published == 0
        && !connection.agreed.bridge
        && known.at.time.since(asked.time) > SETTLED
    {
        let text = "the server sends a message with RETAIN that was published after its subscription";
        docket.breach_unless_lost(rules::RETAIN_ON_LIVE, Direction::ToServer, &frames, Certainty::Likely, text);
    }
    if message.packet.version == Version::V5 && matched.as_published == matched.standing {
        if retain == known.retain {
            docket.kept("MQTT-3.3.1-13");
        } else {
            let text = format!(
                "the message was published with RETAIN {}, and is sent with RETAIN {} to a subscription that wants it as \
                 published",
                u8::from(known.retain),
                u8::from(retain)
            );
            docket.breach_unless_lost(rules::NOT_AS_PUBLISHED, Direction::ToServer, &frames, Certainty::Likely, text);
        }
    }
    if matched.standing == 1 && matched.renewed && !retain {
        let copies = &mut connection.more_mut().copies;
        if copies.contains(&key) {
            let text = "a message comes twice, and its only subscription took the place of an equal one".to_owned();
            docket.breach_unless_lost(rules::DOUBLED, Direction::ToServer, &frames, Certainty::Likely, text);
        } else {
            docket.kept("MQTT-3.8.4-3");
        }
        if copies.len() == COPIES {
            copies.pop_front();
        }
        copies.push_back(key);
    }
}

fn judge_properties(known: &Publication, sent: &Carried, message: &Message<'_>, docket: &mut Docket<'_>) {
    let published = &known.carried;
    let frames = [known.at.frame, message.origin.frame];
    let mut unchanged = |rule: &'static Rule, published: Option<u64>, sent: Option<u64>, name: &str| {
        if published.is_none() {
            return;
        }
        if published == sent {
            rule.clause(Version::V5).into_iter().for_each(|clause| docket.kept(clause));
        } else {
            let how = if sent.is_none() { "is left out" } else { "is another one" };
            let text = format!("the {name} that the message was published with {how} when it is forwarded");
            docket.breach(rule, &frames, Certainty::Likely, text);
        }
    };
    let wide = |number: Option<u32>| number.map(u64::from);
    unchanged(rules::FORMAT_CHANGED, wide(published.format), wide(sent.format), "payload format indicator");
    unchanged(rules::RESPONSE_TOPIC_CHANGED, published.response_topic, sent.response_topic, "response topic");
    unchanged(rules::CORRELATION_CHANGED, published.correlation_data, sent.correlation_data, "correlation data");
    unchanged(rules::CONTENT_TYPE_CHANGED, published.content_type, sent.content_type, "content type");
    if !published.users.is_empty() && !published.more_users && !sent.more_users {
        judge_users(&published.users, &sent.users, &frames, docket);
    }
    if let Some(expiry) = published.expiry.filter(|_| known.count == 1) {
        judge_expiry(f64::from(expiry), sent.expiry, message.origin.time.since(known.at.time), &frames, docket);
    }
}

/// User properties: all have to be there, in their order; a broker may add some of its own.
fn judge_users(published: &[u64], sent: &[u64], frames: &[FrameNo], docket: &mut Docket<'_>) {
    let count = |list: &[u64], one: &u64| list.iter().filter(|other| *other == one).count();
    if published.iter().any(|one| count(sent, one) < count(published, one)) {
        let text = "user properties that the message was published with are left out when it is forwarded".to_owned();
        docket.breach(rules::USERS_CHANGED, frames, Certainty::Likely, text);
        return;
    }
    docket.kept("MQTT-3.3.2-17");
    let mut rest = sent.iter();
    if published.iter().all(|one| rest.any(|other| other == one)) {
        docket.kept("MQTT-3.3.2-18");
    } else {
        let text = "the user properties of the message are forwarded in another order".to_owned();
        docket.breach(rules::USERS_REORDERED, frames, Certainty::Likely, text);
    }
}

fn judge_expiry(published: f64, sent: Option<u32>, waited: Span, frames: &[FrameNo], docket: &mut Docket<'_>) {
    let waited = waited.as_secs_f64().max(0.0);
    if waited > published + SLACK {
        let text = format!("the message was to expire after {published} s, and is sent after {waited:.1} s");
        docket.breach(rules::EXPIRED_SENT, frames, Certainty::Likely, text);
        return;
    }
    docket.kept("MQTT-3.3.2-5");
    let wanted = (published - waited).max(0.0);
    match sent.map(f64::from) {
        Some(sent) if sent <= published && (sent - wanted).abs() <= SLACK => docket.kept("MQTT-3.3.2-6"),
        sent => {
            let said = sent.map_or_else(|| "no expiry".to_owned(), |sent| format!("an expiry of {sent} s"));
            let text = format!("the message is forwarded with {said}, after {waited:.1} s of {published} s");
            docket.breach(rules::EXPIRY_CHANGED, frames, Certainty::Likely, text);
        }
    }
}
