//! Through the broker: whose message it is that a client gets, and who of those that subscribed got it.
//!
//! A message that a client publishes is remembered for a while by its topic and payload; what the broker then sends to
//! its subscribers is put down to it, the oldest first, since brokers keep the order (MQTT 5.0, section 4.6). Equal
//! messages can't be told apart, so that they are matched in their order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

use super::delivery::{Boxes, Delivery, DeliveryOutcome, Name, Place};
use super::digest::Digest;
use super::incident::Certainty;
use super::topics::Topics;
use super::tree::{Subscriber, Tree};
use crate::capture::FrameNo;
use crate::time::{Span, Timestamp};

/// How long a message may be on its way through the broker before those who did not get it are counted.
const PATIENCE: Span = Span::from_secs(10);

/// How much earlier than the message of the publisher its copies may be captured.
const EARLY: Span = Span::from_millis(20);

/// The most receivers that are kept of a message.
const RECEIVERS: usize = 1024;

/// A client: by its identifier, or where that was not seen by its connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Party {
    Client(Name),
    Flow(FrameNo),
}

impl Party {
    pub(super) fn client_id(&self) -> Option<Name> {
        match self {
            Self::Client(id) => Some(Name::clone(id)),
            Self::Flow(_) => None,
        }
    }
}

/// What a message that the broker sends is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublishedAs {
    /// A message that a client has just published.
    Message,
    /// The retained message of its topic.
    Retained,
    /// A client's will.
    Will,
}

impl PublishedAs {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Retained => "retained",
            Self::Will => "will",
        }
    }
}

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// As what it was published.
    pub kind: PublishedAs,
    /// Who published it, where that is known.
    pub client_id: Option<Name>,
    /// Where; of a will, its CONNECT.
    pub place: Place,
    /// From there to this sending.
    pub after: Span,
    /// Which copy of it this is for its receiver, from 1.
    pub copy: u32,
    /// It overtook, or was overtaken by, another message of the same publisher to the same topic.
    pub out_of_order: bool,
}

/// A client that got a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its identifier, where that is known.
    pub client_id: Option<Name>,
    /// The first sending to it.
    pub place: Place,
    /// Its QoS.
    pub qos: u8,
    /// From the publisher's sending to this one.
    pub after: Span,
    /// How many copies it got.
    pub copies: u32,
}

/// Why a client that had subscribed did not get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MissedWhy {
    /// Nothing explains it.
    NotSent,
    /// It was not connected; its session keeps the message for it.
    Queued,
    /// It was not connected, and QoS 0 need not be kept.
    Away,
    /// It left before.
    Left,
    /// The capture ended before, or lacks some of what was sent to it.
    NotProvable,
}

impl MissedWhy {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Queued => "queued",
            Self::Away => "away",
            Self::Left => "left",
            Self::NotProvable => "not_provable",
        }
    }
}

/// A client that had subscribed and did not get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its identifier, where that is known.
    pub client_id: Option<Name>,
    /// The filter that wanted it.
    pub filter: Name,
    /// Why, as far as that shows.
    pub why: MissedWhy,
    /// How sure it is that it was not sent.
    pub certainty: Certainty,
}

/// Who got a message, and who did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipts {
    /// Who got it, in the order of the first sendings; of very many only the first.
    pub got: Vec<Receipt>,
    /// Who had subscribed and did not.
    pub missed: Vec<Missed>,
    /// How many more there are than the lists hold.
    pub left_out: u32,
}

/// Someone who is to get a message.
#[derive(Debug)]
struct Expected {
    party: Party,
    filter: Name,
    share: Option<Name>,
    connected: bool,
    qos: u8,
}

/// A message on its way through the broker.
#[derive(Debug)]
struct Publication {
    broker: SocketAddr,
    content: Content,
    topic: Name,
    party: Party,
    place: Place,
    expected: Vec<Expected>,
    got: Vec<(Party, Receipt)>,
    receivers_left_out: u32,
    /// The delivery to the broker, once that is over.
    hop: Option<Box<Delivery>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Content {
    topic: u64,
    payload: u64,
    length: u32,
}

/// What is known of a client as a receiver.
#[derive(Debug, Default)]
struct Receiver {
    connected: bool,
    /// Its session outlives its connection.
    keeps: bool,
    left: Option<Timestamp>,
    /// When something was last sent to it.
    last: Option<Timestamp>,
    lossy: bool,
}

#[derive(Debug, Default)]
struct Broker {
    tree: Tree,
    receivers: BTreeMap<Party, Receiver>,
}

#[derive(Debug)]
struct Retained {
    content: Content,
    client_id: Option<Name>,
    place: Place,
}

/// A PUBLISH at hand.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) broker: SocketAddr,
    pub(super) party: Party,
    pub(super) topic: &'a Name,
    pub(super) digest: Digest,
    pub(super) place: Place,
    pub(super) qos: u8,
    pub(super) retain: bool,
}

impl Sent<'_> {
    fn content(&self) -> Option<Content> {
        Some(Content { topic: self.digest.topic?, payload: self.digest.payload, length: self.digest.length? })
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteLimits {
    pub(super) publications: usize,
    pub(super) retained: usize,
    pub(super) topics: usize,
}

/// Follows messages through all brokers.
#[derive(Debug)]
pub(super) struct Router {
    limits: RouteLimits,
    brokers: HashMap<SocketAddr, Broker, foldhash::fast::RandomState>,
    publications: BTreeMap<u64, Publication>,
    next: u64,
    by_content: HashMap<(SocketAddr, Content), VecDeque<u64>, foldhash::fast::RandomState>,
    retained: HashMap<(SocketAddr, u64), Retained, foldhash::fast::RandomState>,
    pub(super) topics: Topics,
    /// What was given up because there was too much.
    pub(super) capped: u64,
    /// Deliveries to a broker whose receivers are known now.
    pub(super) settled: Boxes,
}

impl Router {
    pub(super) fn new(limits: RouteLimits) -> Self {
        Self {
            limits,
            brokers: HashMap::default(),
            publications: BTreeMap::new(),
            next: 0,
            by_content: HashMap::default(),
            retained: HashMap::default(),
            topics: Topics::new(limits.topics),
            capped: 0,
            settled: Vec::new(),
        }
    }

    /// A client has connected, or is first seen to be.
    pub(super) fn connected(&mut self, broker: SocketAddr, party: &Party, keeps: bool) {
        let receiver = self.brokers.entry(broker).or_default().receivers.entry(party.clone()).or_default();
        receiver.connected = true;
        receiver.keeps = keeps;
        receiver.left = None;
        receiver.lossy = false;
    }

    /// A client's connection has ended.
    pub(super) fn left(&mut self, broker: SocketAddr, party: &Party, now: Timestamp, keeps: bool) {
        let Some(receiver) = self.brokers.get_mut(&broker).and_then(|broker| broker.receivers.get_mut(party)) else {
            return;
        };
        receiver.connected = false;
        receiver.keeps = keeps;
        receiver.left.get_or_insert(now);
    }

    /// Some of what was sent to a client is missing.
    pub(super) fn lossy(&mut self, broker: SocketAddr, party: &Party) {
        if let Some(receiver) = self.brokers.get_mut(&broker).and_then(|broker| broker.receivers.get_mut(party)) {
            receiver.lossy = true;
        }
    }

    /// A client's session is over.
    pub(super) fn forget(&mut self, broker: SocketAddr, party: &Party) {
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.receivers.remove(party);
        }
    }

    /// A subscription was granted.
    pub(super) fn subscribe(&mut self, broker: SocketAddr, subscriber: Subscriber) {
        self.brokers.entry(broker).or_default().tree.insert(subscriber);
    }

    /// A subscription is over.
    pub(super) fn unsubscribe(&mut self, broker: SocketAddr, party: &Party, filter: &[u8]) {
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.tree.remove(party, filter);
        }
    }

    /// A client publishes a message; gives its number.
    pub(super) fn publish(&mut self, sent: &Sent<'_>) -> Option<u64> {
        self.settle(sent.place.at.time);
        self.topics.on_published(sent);
        let content = sent.content()?;
        if sent.retain {
            let key = (sent.broker, content.topic);
            if content.length == 0 {
                self.retained.remove(&key);
            } else if self.retained.len() < self.limits.retained || self.retained.contains_key(&key) {
                let retained = Retained { content, client_id: sent.party.client_id(), place: sent.place };
                self.retained.insert(key, retained);
            } else {
                self.capped += 1;
            }
        }
        while self.publications.len() >= self.limits.publications {
            let Some((number, publication)) = self.publications.pop_first() else { break };
            self.capped += 1;
            self.end(number, publication, sent.place.at.time);
        }
        let broker = self.brokers.entry(sent.broker).or_default();
        let mut expected: Vec<Expected> = Vec::new();
        for subscriber in broker.tree.matching(sent.topic) {
            let own = subscriber.no_local && subscriber.party == sent.party;
            let known = expected.iter().any(|other| {
                (other.party == subscriber.party && other.share.is_none() && subscriber.share.is_none())
                    || (subscriber.share.is_some()
                        && other.share == subscriber.share
                        && other.filter == subscriber.filter)
            });
            if own || known || expected.len() >= RECEIVERS {
                continue;
            }
            let connected = broker.receivers.get(&subscriber.party).is_some_and(|receiver| receiver.connected);
            expected.push(Expected {
                party: subscriber.party.clone(),
                filter: Name::clone(&subscriber.filter),
                share: subscriber.share.clone(),
                connected,
                qos: subscriber.qos.min(sent.qos),
            });
        }
        let number = self.next;
        self.next += 1;
        self.by_content.entry((sent.broker, content)).or_default().push_back(number);
        let publication = Publication {
            broker: sent.broker,
            content,
            topic: Name::clone(sent.topic),
            party: sent.party.clone(),
            place: sent.place,
            expected,
            got: Vec::new(),
            receivers_left_out: 0,
            hop: None,
        };
        self.publications.insert(number, publication);
        Some(number)
    }

    /// The delivery of a message to the broker is over.
    pub(super) fn hop_over(&mut self, number: u64, hop: Box<Delivery>) {
        match self.publications.get_mut(&number) {
            Some(publication) => publication.hop = Some(hop),
            None => self.settled.push(hop),
        }
    }

    /// The broker sends a message to a client; gives whose it is.
    pub(super) fn receive(&mut self, sent: &Sent<'_>) -> Option<Published> {
        let now = sent.place.at.time;
        if let Some(broker) = self.brokers.get_mut(&sent.broker)
            && let Some(receiver) = broker.receivers.get_mut(&sent.party)
        {
            receiver.last = Some(now);
        }
        let published = self.find(sent);
        self.topics.on_received(sent, published.as_ref());
        published
    }

    fn find(&mut self, sent: &Sent<'_>) -> Option<Published> {
        let content = sent.content()?;
        let now = sent.place.at.time;
        let numbers = self.by_content.get(&(sent.broker, content));
        let publications = &self.publications;
        let candidates = numbers.into_iter().flatten().filter(|number| {
            publications.get(number).is_some_and(|publication| {
                now.since(publication.place.at.time) >= Span::ZERO - EARLY && publication.may_go_to(sent)
            })
        });
        let fresh = |number: &&u64| {
            publications
                .get(number)
                .is_some_and(|publication| !publication.got.iter().any(|(party, _)| *party == sent.party))
        };
        let candidates: Vec<u64> = candidates.copied().collect();
        let number = candidates.iter().find(fresh).or(candidates.last()).copied();
        if let Some(number) = number
            && let Some(publication) = self.publications.get_mut(&number)
        {
            return Some(publication.receive(sent, number, &mut self.topics));
        }
        let retained = self.retained.get(&(sent.broker, content.topic)).filter(|held| held.content == content)?;
        Some(Published {
            kind: PublishedAs::Retained,
            client_id: retained.client_id.clone(),
            place: retained.place,
            after: now.since(retained.place.at.time),
            copy: 1,
            out_of_order: false,
        })
    }

    /// Ends the messages that have had time enough.
    fn settle(&mut self, now: Timestamp) {
        while let Some(first) = self.publications.first_entry() {
            let publication = first.get();
            if publication.hop.is_none() || now.since(publication.place.at.time) < PATIENCE {
                break;
            }
            let (number, publication) = first.remove_entry();
            self.end(number, publication, now);
        }
    }

    /// The capture has ended.
    pub(super) fn finish(&mut self, now: Timestamp) {
        while let Some((number, publication)) = self.publications.pop_first() {
            self.end(number, publication, now);
        }
    }

    fn end(&mut self, number: u64, publication: Publication, now: Timestamp) {
        let key = (publication.broker, publication.content);
        if let Some(numbers) = self.by_content.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_content.remove(&key);
            }
        }
        let broker = self.brokers.get(&publication.broker);
        let (hop, receipts) = publication.settle(broker, now);
        let Some(mut hop) = hop else { return };
        let lost = receipts.missed.iter().filter(|missed| missed.why == MissedWhy::NotSent).count();
        self.topics.on_missed(hop.flow.server, hop.topic.as_ref(), lost as u64);
        hop.receipts = Some(Box::new(receipts));
        self.settled.push(hop);
    }
}

impl Publication {
    /// Whether it may be this message that the broker sends.
    fn may_go_to(&self, sent: &Sent<'_>) -> bool {
        // A retained copy goes to who subscribes later; a live one has RETAIN only where it is kept as published.
        !sent.retain || self.expected.iter().any(|expected| expected.party == sent.party || expected.share.is_some())
    }

    fn receive(&mut self, sent: &Sent<'_>, number: u64, topics: &mut Topics) -> Published {
        let after = sent.place.at.time.since(self.place.at.time);
        let before = self.got.iter_mut().find(|(party, _)| *party == sent.party);
        let (copy, out_of_order) = if let Some((_, receipt)) = before {
            receipt.copies += 1;
            (receipt.copies, false)
        } else {
            if self.got.len() < RECEIVERS {
                let client_id = sent.party.client_id();
                let receipt = Receipt { client_id, place: sent.place, qos: sent.qos, after, copies: 1 };
                self.got.push((sent.party.clone(), receipt));
            } else {
                self.receivers_left_out += 1;
            }
            (1, topics.is_overtaken(self.broker, &self.topic, (&self.party, &sent.party, sent.qos), number))
        };
        Published {
            kind: PublishedAs::Message,
            client_id: self.party.client_id(),
            place: self.place,
            after,
            copy,
            out_of_order,
        }
    }

    fn settle(self, broker: Option<&Broker>, now: Timestamp) -> (Option<Box<Delivery>>, Receipts) {
        // What the broker did not take it does not pass on.
        let taken = self.hop.as_ref().is_none_or(|hop| match hop.outcome {
            DeliveryOutcome::Sent | DeliveryOutcome::Complete => true,
            // It may pass a message of QoS 1 on before it acknowledges it, but need not.
            DeliveryOutcome::Open
            | DeliveryOutcome::Refused
            | DeliveryOutcome::Superseded
            | DeliveryOutcome::Unresolved
            | DeliveryOutcome::SessionOver => false,
        });
        let mut missed = Vec::new();
        for expected in self.expected.iter().filter(|_| taken) {
            let got = match &expected.share {
                Some(_) => !self.got.is_empty(),
                None => self.got.iter().any(|(party, _)| *party == expected.party),
            };
            if !got {
                missed.push(self.missed(
                    expected,
                    broker.and_then(|broker| broker.receivers.get(&expected.party)),
                    now,
                ));
            }
        }
        let receipts = Receipts {
            got: self.got.into_iter().map(|(_, receipt)| receipt).collect(),
            missed,
            left_out: self.receivers_left_out,
        };
        (self.hop, receipts)
    }

    fn missed(&self, expected: &Expected, receiver: Option<&Receiver>, now: Timestamp) -> Missed {
        let at = self.place.at.time;
        let (why, certainty) = match receiver {
            _ if !expected.connected && expected.qos == 0 => (MissedWhy::Away, Certainty::Likely),
            Some(receiver) if !expected.connected && receiver.keeps => (MissedWhy::Queued, Certainty::Likely),
            Some(receiver) if receiver.lossy => (MissedWhy::NotProvable, Certainty::Hint),
            None => (MissedWhy::Left, Certainty::Likely),
            Some(receiver) if receiver.left.is_some_and(|left| left.since(at) < Span::from_secs(1)) => {
                (MissedWhy::Left, Certainty::Likely)
            }
            // What came later to the same client shows that this would have been captured as well.
            Some(receiver) if receiver.last.is_some_and(|last| last.since(at) > Span::from_secs(1)) => {
                (MissedWhy::NotSent, Certainty::Likely)
            }
            Some(_) if now.since(at) >= PATIENCE => (MissedWhy::NotSent, Certainty::Hint),
            Some(_) => (MissedWhy::NotProvable, Certainty::Hint),
        };
        Missed { client_id: expected.party.client_id(), filter: Name::clone(&expected.filter), why, certainty }
    }
}
