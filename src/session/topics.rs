//! What passed by topic: who published, who got it, how much, how fast.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::delivery::Name;
use super::route::{Party, Published, PublishedAs, Sent};
use crate::engine::Level;
use crate::flow::{Durations, Range};
use crate::time::{Span, Timestamp};

/// The most clients that are counted one by one at a topic.
const PARTIES: usize = 1024;

/// Bytes that topics may take on the average.
const BYTES: usize = 2048;

/// Bytes that a client at a topic takes beside its name, about.
const PARTY: usize = 64;

/// A topic of a broker.
#[derive(Debug, Clone, Default)]
pub struct Topic {
    /// Messages that clients published.
    pub published: u64,
    /// Messages that the broker sent to clients.
    pub received: u64,
    /// Messages that clients published, by QoS.
    pub published_by_qos: [u64; 3],
    /// Bytes of the published payloads.
    pub payload_bytes: Range,
    /// Messages published with RETAIN.
    pub retained: u64,
    /// Retained messages that the broker sent.
    pub received_retained: u64,
    /// Wills that the broker sent.
    pub wills: u64,
    /// Further copies that a client got of one message.
    pub copies: u64,
    /// Messages that came to a client in another order than they were published.
    pub out_of_order: u64,
    /// Messages that a client had subscribed to and did not get, though nothing explains it.
    pub missed: u64,
    /// Messages that the broker sent and nobody was seen to publish.
    pub unknown_publisher: u64,
    /// From the publisher's sending to that of the broker.
    pub latency: Durations,
    /// The first message of either kind.
    pub first: Option<Timestamp>,
    /// The last one.
    pub last: Option<Timestamp>,
    publishers: BTreeSet<Party>,
    receivers: BTreeSet<Party>,
    /// The last message that came to a client from a publisher, by the QoS on both ways.
    order: BTreeMap<(Party, Party, [u8; 2]), u64>,
}

impl Topic {
    /// How many clients published to it; of very many only so many as are counted.
    pub fn publishers(&self) -> usize {
        self.publishers.len()
    }

    /// How many clients got something from it.
    pub fn receivers(&self) -> usize {
        self.receivers.len()
    }

    /// The identifiers of those who published to it, as far as they are known.
    pub fn publisher_ids(&self) -> impl Iterator<Item = Name> {
        self.publishers.iter().filter_map(Party::client_id)
    }

    /// The identifiers of those who got something from it, as far as they are known.
    pub fn receiver_ids(&self) -> impl Iterator<Item = Name> {
        self.receivers.iter().filter_map(Party::client_id)
    }

    /// Published messages a second, between the first message and the last.
    pub fn rate(&self) -> Option<f64> {
        let lasted = self.last?.since(self.first?);
        (lasted > Span::ZERO && self.published > 1).then(|| self.published as f64 / lasted.as_secs_f64())
    }

    fn note(&mut self, now: Timestamp) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }
}

fn add(parties: &mut BTreeSet<Party>, party: &Party, room: &mut usize) {
    let takes = takes(party);
    if parties.len() < PARTIES && *room >= takes && !parties.contains(party) {
        parties.insert(party.clone());
        *room -= takes;
    }
}

/// Bytes that a client takes at a topic, about. Its name may stay here alone when it has gone.
fn takes(party: &Party) -> usize {
    let name = match party {
        Party::Client(id) => id.len(),
        Party::Flow(_) => 0,
    };
    PARTY + name
}

/// All topics, at most so many.
#[derive(Debug)]
pub(super) struct Topics {
    by_name: HashMap<(SocketAddr, Name), Topic, foldhash::fast::RandomState>,
    limit: usize,
    /// Bytes that are left for names and clients.
    room: usize,
    left_out: u64,
}

impl Topics {
    pub(super) fn new(limit: usize) -> Self {
        Self { by_name: HashMap::default(), limit, room: limit.saturating_mul(BYTES), left_out: 0 }
    }

    /// Messages of topics that are not counted, because there are too many.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many there are, and how many there may be.
    pub(super) fn level(&self) -> Level {
        Level::of_all(self.by_name.len(), self.limit)
    }

    /// The topic, new if it was not known, and the room that is left.
    fn entry(&mut self, broker: SocketAddr, topic: &Name) -> Option<(&mut Topic, &mut usize)> {
        let key = (broker, Name::clone(topic));
        let takes = size_of::<Topic>() + topic.len();
        let full = self.by_name.len() >= self.limit || self.room < takes;
        match self.by_name.entry(key) {
            Entry::Occupied(known) => Some((known.into_mut(), &mut self.room)),
            Entry::Vacant(_) if full => {
                self.left_out += 1;
                None
            }
            Entry::Vacant(place) => {
                self.room -= takes;
                Some((place.insert(Topic::default()), &mut self.room))
            }
        }
    }

    pub(super) fn on_published(&mut self, sent: &Sent<'_>) {
        let Some((topic, room)) = self.entry(sent.broker, sent.topic) else { return };
        topic.note(sent.place.at.time);
        topic.published += 1;
        if let Some(count) = topic.published_by_qos.get_mut(usize::from(sent.qos)) {
            *count += 1;
        }
        topic.retained += u64::from(sent.retain);
        if let Some(length) = sent.digest.length() {
            topic.payload_bytes.record(length.into());
        }
        add(&mut topic.publishers, &sent.party, room);
    }

    pub(super) fn on_received(&mut self, sent: &Sent<'_>, published: Option<&Published>) {
        let Some((topic, room)) = self.entry(sent.broker, sent.topic) else { return };
        topic.note(sent.place.at.time);
        topic.received += 1;
        add(&mut topic.receivers, &sent.party, room);
        match published {
            Some(published) => match published.kind {
                PublishedAs::Message => {
                    topic.copies += u64::from(published.copy > 1);
                    topic.out_of_order += u64::from(published.out_of_order);
                    if published.copy == 1 {
                        topic.latency.record(published.after);
                    }
                }
                PublishedAs::Retained => topic.received_retained += 1,
                PublishedAs::Will => topic.wills += 1,
            },
            None => topic.unknown_publisher += 1,
        }
    }

    pub(super) fn on_missed(&mut self, broker: SocketAddr, topic: Option<&Name>, count: u64) {
        if let Some((topic, _)) = topic.filter(|_| count > 0).and_then(|topic| self.entry(broker, topic)) {
            topic.missed += count;
        }
    }

    /// Whether a later message of the publisher came to the receiver before this one, which comes now.
    pub(super) fn is_overtaken(
        &mut self,
        broker: SocketAddr,
        topic: &Name,
        (publisher, receiver, qos): (&Party, &Party, [u8; 2]),
        number: u64,
    ) -> bool {
        let Some((topic, room)) = self.entry(broker, topic) else { return false };
        let key = (publisher.clone(), receiver.clone(), qos);
        if !topic.order.contains_key(&key) {
            let takes = takes(publisher) + takes(receiver);
            if topic.order.len() >= PARTIES || *room < takes {
                return false;
            }
            *room -= takes;
        }
        let last = topic.order.entry(key).or_insert(number);
        let overtaken = *last > number;
        *last = (*last).max(number);
        overtaken
    }

    /// All topics so far, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketAddr, &Name, &Topic)> {
        self.by_name.iter().map(|((broker, name), topic)| (*broker, name, topic))
    }

    /// All topics by broker and name.
    pub(super) fn drain(&mut self) -> Vec<(SocketAddr, Name, Topic)> {
        let mut topics: Vec<_> = self.by_name.drain().map(|((broker, name), topic)| (broker, name, topic)).collect();
        topics.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        topics
    }
}
