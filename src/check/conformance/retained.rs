//! Rules on retained messages: what a broker keeps of a topic, and to whom it sends that.
//!
//! What was retained before the capture is not known, so only what was published with RETAIN in it counts. A broker may
//! acknowledge a message and drop it all the same, because the client may not publish it: so a rule is sure of what a
//! topic holds only when somebody was sent it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use super::connection::Connection;
use super::cross::Key;
use super::docket::Docket;
use super::rules;
use crate::capture::{FrameNo, Origin};
use crate::check::Certainty;
use crate::dissect::Message;
use crate::mqtt::{Version, topic};
use crate::time::Span;

/// The most topics whose retained message is remembered, and the most bytes of their names.
const TOPICS: usize = 1024;
const BYTES: usize = 1 << 18;

/// The most topics with a will that are remembered; with more, nothing is said of what is stale.
const WILLS: usize = 4096;

/// The most retained messages that a connection waits for, and the most of its filters with wildcards that are held
/// against all topics.
const EXPECTED: usize = 64;
const WILDCARDS: u8 = 16;

/// How long a broker may take to keep a message.
const SETTLED: Span = Span::from_secs(1);

/// How long a retained message may take to a new subscription.
const GRACE: Span = Span::from_secs(10);

/// What was published last with RETAIN on a topic.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) broker: SocketAddr,
    pub(super) name: Box<[u8]>,
    pub(super) content: Key,
    /// It clears the topic.
    pub(super) empty: bool,
    pub(super) expires: bool,
    pub(super) qos: u8,
    pub(super) at: Origin,
    /// The connection that it was published on, and its packet identifier.
    pub(super) from: (FrameNo, u16),
    /// What the topic held before.
    pub(super) previous: Option<Key>,
    /// What was published since without RETAIN.
    pub(super) passed_by: Option<Key>,
    /// A client was sent it.
    pub(super) seen: bool,
}

/// A retained message that a new subscription is to get.
#[derive(Debug)]
pub(super) struct Awaited {
    topic: Key,
    content: Key,
    empty: bool,
    /// When it was published, and when the subscription was granted.
    at: Origin,
    since: Origin,
}

/// What is awaited on a connection.
#[derive(Debug, Default)]
pub(super) struct Awaiting {
    all: Vec<Awaited>,
    wildcards: u8,
}

/// What brokers retain, as far as the capture tells.
#[derive(Debug, Default)]
pub(super) struct Retained {
    topics: HashMap<Key, Kept, foldhash::fast::RandomState>,
    order: VecDeque<Key>,
    bytes: usize,
    /// Topics by what was published last on them: connection and packet identifier.
    from: HashMap<(FrameNo, u16), Key, foldhash::fast::RandomState>,
    /// Topics that a broker may publish on by itself.
    wills: HashSet<Key, foldhash::fast::RandomState>,
}

impl Retained {
    /// Something was missed that clients sent.
    pub(super) fn forget(&mut self) {
        self.topics.clear();
        self.order.clear();
        self.from.clear();
        self.bytes = 0;
    }

    /// A client has a will on this topic.
    pub(super) fn will(&mut self, topic: Key) {
        if self.wills.len() < WILLS {
            self.wills.insert(topic);
        }
    }

    /// A client has published with RETAIN.
    pub(super) fn published(&mut self, topic: Key, mut kept: Kept) {
        if let Some(old) = self.topics.get_mut(&topic) {
            self.from.remove(&old.from);
            self.from.insert(kept.from, topic);
            // The same again changes nothing.
            kept.previous = if old.content == kept.content { old.previous } else { Some(old.content) };
            kept.previous = kept.previous.filter(|previous| *previous != kept.content);
            *old = kept;
            return;
        }
        while self.order.len() >= TOPICS || self.bytes + kept.name.len() > BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.drop(oldest);
        }
        self.from.insert(kept.from, topic);
        self.bytes += kept.name.len();
        self.order.push_back(topic);
        self.topics.insert(topic, kept);
    }

    /// A client has published without RETAIN.
    pub(super) fn passed_by(&mut self, topic: Key, content: Key) {
        if let Some(kept) = self.topics.get_mut(&topic).filter(|kept| kept.content != content) {
            kept.passed_by = Some(content);
        }
    }

    /// The broker has refused a message.
    pub(super) fn refused(&mut self, flow: FrameNo, id: u16) {
        if let Some(topic) = self.from.remove(&(flow, id)) {
            self.order.retain(|other| *other != topic);
            self.drop(topic);
        }
    }

    fn drop(&mut self, topic: Key) {
        if let Some(kept) = self.topics.remove(&topic) {
            self.bytes -= kept.name.len();
            if self.from.get(&kept.from) == Some(&topic) {
                self.from.remove(&kept.from);
            }
        }
    }

    fn may_be_replaced_unseen(&self, topic: Key) -> bool {
        self.wills.len() >= WILLS || self.wills.contains(&topic)
    }

    /// Subscriptions were granted: their retained messages are to come.
    pub(super) fn subscribed(
        &self,
        connection: &mut Connection,
        broker: SocketAddr,
        at: Origin,
        key: impl Fn(&[u8]) -> Key,
    ) {
        if self.topics.is_empty() || connection.granted.as_ref().is_none_or(|granted| !granted.retain) {
            return;
        }
        let Some(held) = &connection.subscriptions else { return };
        let awaiting = &mut connection.more.get_or_insert_default().awaiting;
        let mut wait = |topic: Key, kept: &Kept| {
            let settled = at.time.since(kept.at.time) > SETTLED;
            if settled && !kept.expires && !self.may_be_replaced_unseen(topic) && awaiting.all.len() < EXPECTED {
                let (content, empty) = (kept.content, kept.empty);
                awaiting.all.push(Awaited { topic, content, empty, at: kept.at, since: at });
            }
        };
        let mut wildcards = awaiting.wildcards;
        for filter in held.wanting_retained() {
            if !topic::has_wildcard(filter) {
                let topic = key(filter);
                self.topics.get(&topic).into_iter().for_each(|kept| wait(topic, kept));
            } else if wildcards < WILDCARDS {
                wildcards += 1;
                for (topic, kept) in self.topics.iter().filter(|(_, kept)| kept.broker == broker) {
                    if topic::matches(filter, &kept.name) {
                        wait(*topic, kept);
                    }
                }
            }
        }
        awaiting.wildcards = wildcards;
    }

    /// A message goes to a subscriber: its topic, its content and whether that is empty.
    pub(super) fn copied(
        &mut self,
        connection: &mut Connection,
        (topic, content, empty): (Key, Key, bool),
        message: &Message<'_>,
        docket: &mut Docket<'_>,
    ) {
        let (at, header) = (message.origin, message.packet.header);
        let is_5 = message.packet.version == Version::V5;
        let doubtful = self.may_be_replaced_unseen(topic);
        let kept = self.topics.get_mut(&topic);
        if let Some(kept) = kept {
            kept.seen |= kept.content == content;
        }
        let kept = self.topics.get(&topic);
        let awaited = connection.more.as_mut().and_then(|more| {
            let all = &mut more.awaiting.all;
            let place = all.iter().position(|awaited| awaited.topic == topic)?;
            Some(all.swap_remove(place))
        });
        if let Some(awaited) = awaited
            && awaited.content == content
            && !empty
            && kept.is_some_and(|kept| kept.at.frame == awaited.at.frame)
        {
            let key = if is_5 { "MQTT-3.3.1-9" } else { "MQTT-3.3.1-6" };
            docket.kept(key);
            if header.retain() {
                docket.kept("MQTT-3.3.1-8");
                docket.kept("V31-RETAIN-NEW-SUB");
            } else if !is_5 && connection.is_fresh() {
                let text = "a retained message is sent to a new subscription without RETAIN".to_owned();
                docket.breach(rules::RETAINED_AS_LIVE, &[awaited.at.frame, at.frame], Certainty::Likely, text);
            }
        }
        let matched = docket.matched;
        let bridge = connection.asked.as_ref().is_some_and(|asked| asked.bridge);
        // With Retain As Published it may be any message.
        let as_retained = header.retain() && !header.dup() && !bridge && matched.known && matched.as_published == 0;
        let Some(asked) = matched.asked.filter(|_| as_retained) else { return };
        if is_5 && empty {
            let text = "the server sends an empty message as retained, and such are never kept".to_owned();
            docket.breach(rules::RETAINED_EMPTY, &[at.frame], Certainty::Likely, text);
        } else if is_5 {
            docket.kept("MQTT-3.3.1-7");
        }
        let Some(kept) = kept.filter(|kept| asked.time.since(kept.at.time) > SETTLED && !doubtful) else { return };
        let frames = [kept.at.frame, at.frame];
        let certainty = if kept.seen { Certainty::Likely } else { Certainty::Hint };
        if kept.content == content {
            docket.kept(if is_5 || kept.qos > 0 { "MQTT-3.3.1-5" } else { "MQTT-3.3.1-7" });
            if kept.passed_by.is_some() {
                docket.kept(if is_5 { "MQTT-3.3.1-8" } else { "MQTT-3.3.1-12" });
            }
        } else if kept.previous == Some(content) {
            // With 3.1 a server need not clear what it keeps.
            if message.packet.version == Version::V31 {
                return;
            }
            let (rule, how) = match (kept.empty, kept.qos) {
                (true, _) => (rules::RETAINED_NOT_CLEARED, "cleared"),
                (false, 0) if !is_5 => (rules::RETAINED_NOT_DROPPED, "replaced by a message of QoS 0"),
                (false, _) => (rules::RETAINED_NOT_REPLACED, "replaced"),
            };
            let text = format!("the server sends a retained message that had been {how}");
            docket.breach(rule, &frames, certainty, text);
        } else if kept.passed_by == Some(content) {
            let text = "the server sends as retained what was published without RETAIN".to_owned();
            docket.breach(rules::STORED_UNASKED, &frames, certainty, text);
        }
    }

    /// The connection is over: judges what never came.
    pub(super) fn settle(&self, connection: &Connection, docket: &mut Docket<'_>) {
        let Some(last) = connection.last[crate::flow::Direction::ToClient].filter(|_| connection.is_whole()) else {
            return;
        };
        for awaited in connection.more.iter().flat_map(|more| &more.awaiting.all) {
            let unchanged = |kept: &&Kept| kept.at.frame == awaited.at.frame;
            let Some(kept) = self.topics.get(&awaited.topic).filter(unchanged) else { continue };
            if last.time.since(awaited.since.time) < GRACE {
                continue;
            }
            let is_5 = docket.version == Version::V5;
            if awaited.empty {
                docket.kept(if is_5 { "MQTT-3.3.1-6" } else { "MQTT-3.3.1-10" });
                continue;
            }
            let certainty = if kept.seen { Certainty::Likely } else { Certainty::Hint };
            let text = "a new subscription does not get the retained message".to_owned();
            docket.breach(rules::RETAINED_MISSING, &[awaited.at.frame, awaited.since.frame], certainty, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn kept(content: Key, name: &[u8]) -> Kept {
        let at = Origin { frame: FrameNo(1), time: Timestamp::from_nanos(0) };
        Kept {
            broker: SocketAddr::from(([10, 0, 0, 1], 1883)),
            name: name.into(),
            content,
            empty: false,
            expires: false,
            qos: 0,
            at,
            from: (FrameNo(1), 7),
            previous: None,
            passed_by: None,
            seen: false,
        }
    }

    #[test]
    fn a_topic_remembers_what_it_held_before() {
        let mut retained = Retained::default();
        for content in [1, 2, 2] {
            retained.published(9, kept(content, b"a"));
        }
        assert_eq!(retained.topics[&9].previous, Some(1));
        retained.published(9, kept(1, b"a"));
        assert_eq!(retained.topics[&9].previous, Some(2));
        retained.refused(FrameNo(1), 7);
        assert!(retained.topics.is_empty() && retained.order.is_empty() && retained.from.is_empty());
        assert_eq!(retained.bytes, 0);
    }

    #[test]
    fn what_is_remembered_is_bounded_by_number_and_by_bytes() {
        let mut retained = Retained::default();
        for topic in 0..2 * TOPICS as u64 {
            retained.published(topic, kept(1, b"name"));
        }
        assert_eq!((retained.topics.len(), retained.order.len(), retained.bytes), (TOPICS, TOPICS, 4 * TOPICS));
        for topic in 0..20 {
            retained.published(1 << 32 | topic, kept(1, &vec![b'x'; 65_535]));
        }
        assert!(retained.bytes <= BYTES && retained.topics.len() < 5);
        assert_eq!(retained.topics.len(), retained.order.len());
        assert!(retained.from.len() <= retained.topics.len());
        for topic in 0..2 * WILLS as u64 {
            retained.will(topic);
        }
        assert!(retained.wills.len() <= WILLS && retained.may_be_replaced_unseen(u64::MAX));
    }
}
