//! Through the broker: whose message it is that a client gets, and who of those that subscribed got it.
//!
//! A message that a client publishes is remembered for a while by its topic and payload; what the broker then sends to
//! its subscribers is put down to it, the oldest first, since brokers keep the order (MQTT 5.0, section 4.6). Equal
//! messages can't be told apart, so that they are matched in their order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

use super::delivery::{Boxes, Delivery, Name, PacketRef};
use super::digest::{Content, Digest};
use super::publication::Publication;
use super::receipt::{MissedWhy, Receipts};
pub(super) use super::receipt::{Published, PublishedAs};
use super::receiver::{Broker, Expected};
use super::recent::{Recent, WORTH};
use super::topics::Topics;
use super::tree::{Subscriber, wanted};
use crate::capture::FrameNo;
use crate::engine::{Cap, CapCounts, Level};
use crate::time::{Span, Steady, Timestamp};

/// How long a message may be on its way through the broker before those who did not get it are counted.
pub(super) const PATIENCE: Span = Span::from_secs(10);

/// The most receivers that are kept of a message.
pub(super) const RECEIVERS: usize = 1024;

/// Bytes that the messages on their way may take on the average; many receivers and long topics take more.
const BYTES: usize = 1024;

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

#[derive(Debug)]
struct Retained {
    content: Content,
    client_id: Option<Name>,
    place: PacketRef,
    /// When it was published.
    since: Timestamp,
}

/// A PUBLISH at hand.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) broker: SocketAddr,
    pub(super) party: Party,
    pub(super) topic: &'a Name,
    pub(super) digest: Digest,
    pub(super) place: PacketRef,
    pub(super) qos: u8,
    pub(super) retain: bool,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteLimits {
    pub(super) publications: usize,
    pub(super) retained: usize,
    pub(super) topics: usize,
    /// Bytes.
    pub(super) subscriptions: usize,
}

/// Follows messages through all brokers.
#[derive(Debug)]
pub(super) struct Router {
    limits: RouteLimits,
    brokers: HashMap<SocketAddr, Broker, foldhash::fast::RandomState>,
    /// How many bytes all trees may grow by.
    room: usize,
    recent: Recent,
    publications: BTreeMap<u64, Publication>,
    next: u64,
    /// What the publications take, in bytes.
    cost: usize,
    /// Publications by the time when those who did not get them are counted.
    due: VecDeque<u64>,
    /// Those whose delivery to the broker took long, which are counted later.
    late: VecDeque<u64>,
    /// Receivers whose session is over, by the time when it was.
    over: VecDeque<(Timestamp, SocketAddr, Party)>,
    by_content: HashMap<(SocketAddr, Content), VecDeque<u64>, foldhash::fast::RandomState>,
    retained: HashMap<(SocketAddr, u64), Retained, foldhash::fast::RandomState>,
    /// The time by which messages and receivers wait, whatever the clocks of the capture do.
    clock: Steady,
    pub(super) topics: Topics,
    /// What was given up because there was too much.
    pub(super) caps: CapCounts,
    /// Deliveries to a broker whose receivers are known now.
    pub(super) settled: Boxes,
}

impl Router {
    pub(super) fn new(limits: RouteLimits) -> Self {
        Self {
            limits,
            brokers: HashMap::default(),
            room: limits.subscriptions,
            recent: Recent::default(),
            publications: BTreeMap::new(),
            next: 0,
            cost: 0,
            due: VecDeque::new(),
            late: VecDeque::new(),
            over: VecDeque::new(),
            by_content: HashMap::default(),
            retained: HashMap::default(),
            clock: Steady::default(),
            topics: Topics::new(limits.topics),
            caps: CapCounts::default(),
            settled: Vec::new(),
        }
    }

    /// How many messages are on their way, how many are retained, how many bytes subscriptions take, and how many may be.
    pub(super) fn levels(&self) -> [Level; 3] {
        let Self { publications, retained, limits, .. } = self;
        [
            Level::of_all(publications.len(), limits.publications),
            Level::of_all(retained.len(), limits.retained),
            Level::of_all(limits.subscriptions - self.room, limits.subscriptions),
        ]
    }

    /// The next message has this time. To be told once of each, before all that follows from it.
    pub(super) fn tick(&mut self, time: Timestamp) {
        self.clock.tick(time);
    }

    /// A client has connected, or is first seen to be.
    pub(super) fn connected(&mut self, broker: SocketAddr, party: &Party, keeps: bool, now: Timestamp) {
        let receiver = self.brokers.entry(broker).or_default().receivers.entry(party.clone()).or_default();
        receiver.connected = true;
        receiver.keeps = keeps;
        receiver.came = Some(now);
        receiver.lossy = false;
        receiver.over = None;
    }

    /// A client has a new session: subscriptions of the old one that were left out are over.
    pub(super) fn begins_anew(&mut self, broker: SocketAddr, party: &Party) {
        let Some(broker) = self.brokers.get_mut(&broker) else { return };
        if let Some(receiver) = broker.receivers.get_mut(party) {
            broker.left_out -= std::mem::take(&mut receiver.left_out);
        }
    }

    /// A client's connection has ended.
    pub(super) fn left(&mut self, broker: SocketAddr, party: &Party, now: Timestamp, keeps: bool) {
        let Some(receiver) = self.brokers.get_mut(&broker).and_then(|broker| broker.receivers.get_mut(party)) else {
            return;
        };
        receiver.connected = false;
        receiver.keeps = keeps;
        receiver.left = Some(now);
    }

    /// A client that was known by its connection has told its name.
    pub(super) fn rename(&mut self, broker: SocketAddr, before: &Party, party: &Party, now: Timestamp) {
        let receivers = self.brokers.get_mut(&broker).map(|broker| &mut broker.receivers);
        let Some(receiver) = receivers.and_then(|receivers| receivers.get_mut(before)) else { return };
        // What it was to get may come to it by its name.
        receiver.lossy = true;
        let (connected, keeps, came) = (receiver.connected, receiver.keeps, receiver.came);
        if let (true, Some(came)) = (connected, came) {
            self.connected(broker, party, keeps, came);
        }
        self.forget(broker, before, now);
    }

    /// Some of what was sent to a client is missing.
    pub(super) fn lossy(&mut self, broker: SocketAddr, party: &Party) {
        if let Some(receiver) = self.brokers.get_mut(&broker).and_then(|broker| broker.receivers.get_mut(party)) {
            receiver.lossy = true;
        }
    }

    /// A client's session is over; what became of it is known as long as messages to it may be on their way.
    pub(super) fn forget(&mut self, broker: SocketAddr, party: &Party, now: Timestamp) {
        self.clear();
        let now = self.clock.of(now);
        if let Some(receiver) = self.brokers.get_mut(&broker).and_then(|broker| broker.receivers.get_mut(party)) {
            receiver.connected = false;
            receiver.over = Some(now);
            self.over.push_back((now, broker, party.clone()));
        }
    }

    /// Lets go the receivers whose session has been over for long.
    fn clear(&mut self) {
        let now = self.clock.now();
        while self.over.front().is_some_and(|(since, ..)| now.since(*since) > PATIENCE + PATIENCE) {
            let Some((since, address, party)) = self.over.pop_front() else { break };
            let Some(broker) = self.brokers.get_mut(&address) else { continue };
            if broker.receivers.get(&party).is_some_and(|receiver| receiver.over == Some(since)) {
                let left_out = broker.receivers.remove(&party).map_or(0, |receiver| receiver.left_out);
                broker.left_out -= left_out;
            }
            if broker.is_empty() {
                self.brokers.remove(&address);
            }
        }
    }

    /// A subscription was granted.
    pub(super) fn subscribe(&mut self, broker: SocketAddr, subscriber: Subscriber) {
        self.recent.forget(broker);
        let broker = self.brokers.entry(broker).or_default();
        let party = subscriber.party.clone();
        if !broker.tree.insert(subscriber, &mut self.room) {
            self.caps.add(Cap::Subscriptions);
            if let Some(receiver) = broker.receivers.get_mut(&party) {
                // What it gets may be for that.
                receiver.lossy = true;
                receiver.left_out += 1;
                broker.left_out += 1;
            }
        }
    }

    /// A subscription is over.
    pub(super) fn unsubscribe(&mut self, broker: SocketAddr, party: &Party, filter: &[u8]) {
        self.recent.forget(broker);
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.tree.remove(party, filter, &mut self.room);
        }
    }

    /// A client publishes a message; gives its number.
    pub(super) fn publish(&mut self, sent: &Sent<'_>) -> Option<u64> {
        self.settle();
        self.topics.on_published(sent);
        let content = sent.digest.content()?;
        if sent.retain {
            let (place, since) = (sent.place, sent.place.at.time);
            self.retain(sent.broker, Retained { content, client_id: sent.party.client_id(), place, since });
        }
        let room = self.limits.publications;
        while self.publications.len() >= room || self.cost > room.saturating_mul(BYTES) {
            let Some((number, publication)) = self.publications.pop_first() else { break };
            self.caps.add(Cap::Deliveries);
            self.end(number, publication);
        }
        let expected = self.expected(sent);
        let lacks = self.brokers.get(&sent.broker).is_some_and(|broker| broker.left_out > 0);
        let is_unknown = expected.is_none() || lacks;
        if expected.is_none() {
            self.caps.add(Cap::Subscriptions);
        }
        let (expected, shares) = expected.unwrap_or_default();
        let number = self.next;
        self.next += 1;
        self.by_content.entry((sent.broker, content)).or_default().push_back(number);
        let mut publication = Publication {
            broker: sent.broker,
            content,
            topic: Name::clone(sent.topic),
            party: sent.party.clone(),
            place: sent.place,
            came: self.clock.now(),
            qos: sent.qos,
            expected,
            shares,
            got: Vec::new(),
            order: Vec::new(),
            receivers_left_out: 0,
            names: 0,
            is_unknown,
            hop: None,
            taken: None,
            waits: false,
            told: false,
        };
        publication.count_names();
        self.cost += publication.cost();
        self.publications.insert(number, publication);
        self.due.push_back(number);
        Some(number)
    }

    /// Who is to get a message, by party, and the shared subscriptions that are; none where that is not known.
    fn expected(&mut self, sent: &Sent<'_>) -> Option<(Vec<Expected>, Vec<Expected>)> {
        let Some(broker) = self.brokers.get(&sent.broker) else { return Some(Default::default()) };
        if let Some(wanted) = self.recent.get(sent) {
            return wanted.ok().map(|wanted| broker.expected(sent, wanted));
        }
        let matching = broker.tree.matching(sent.topic);
        let is_worth = matching.as_ref().is_none_or(|matching| matching.work >= WORTH);
        let wanted = matching.map(|matching| wanted(matching, sent));
        if is_worth {
            self.recent.put(sent, wanted.as_ref());
        }
        wanted.map(|wanted| broker.expected(sent, &wanted))
    }

    /// The delivery of a message to the broker is over, at `now`.
    pub(super) fn hop_over(&mut self, number: u64, hop: Box<Delivery>, now: Timestamp) {
        match self.publications.get_mut(&number) {
            Some(publication) => {
                // One that is sent again in a new session has two.
                self.settled.extend(publication.hop.replace(hop));
                publication.taken = Some((now, self.clock.of(now)));
                if publication.waits {
                    publication.waits = false;
                    self.late.push_back(number);
                }
            }
            None => self.settled.push(hop),
        }
    }

    /// The broker sends a message to a client; gives whose it is: `will`, unless somebody published it.
    pub(super) fn receive(&mut self, sent: &Sent<'_>, will: Option<Published>) -> Option<Published> {
        let now = sent.place.at.time;
        self.settle();
        let content = sent.digest.content();
        if let Some(broker) = self.brokers.get_mut(&sent.broker)
            && let Some(receiver) = broker.receivers.get_mut(&sent.party)
        {
            receiver.last = Some(now);
            // It may be any message.
            receiver.lossy |= content.is_none();
        }
        let published = content.and_then(|content| self.find(sent, content)).or(will);
        self.topics.on_received(sent, published.as_ref());
        published
    }

    fn find(&mut self, sent: &Sent<'_>, content: Content) -> Option<Published> {
        let now = sent.place.at.time;
        let kept = self.retained.get(&(sent.broker, content.topic));
        // A retained message goes to a new subscriber with RETAIN set (MQTT-3.3.1-8).
        let retained = kept.filter(|held| sent.retain && held.content == content);
        let numbers = self.by_content.get(&(sent.broker, content));
        let fresh = numbers.and_then(|numbers| self.fresh(sent, numbers));
        let again = || {
            let last = *numbers?.back()?;
            let publication = self.publications.get(&last)?;
            (retained.is_none() && publication.may_go_to(sent)).then_some(last)
        };
        if let Some(number) = fresh.or_else(again) {
            return self.deliver(number, sent);
        }
        let retained = retained?;
        Some(Published {
            kind: PublishedAs::Retained,
            client_id: retained.client_id.clone(),
            place: retained.place,
            after: now.since(retained.place.at.time),
            copy: 1,
            out_of_order: false,
        })
    }

    /// The oldest of equal messages that the client has not got yet.
    fn fresh(&self, sent: &Sent<'_>, numbers: &VecDeque<u64>) -> Option<u64> {
        // Those before it subscribed are not for it, where later ones are.
        let last = self.publications.get(numbers.back()?)?;
        let wanted = last.expects(&sent.party) || last.has_untaken_share();
        let get = |number: &u64| self.publications.get(number);
        let is_through =
            |number: &u64| get(number).is_none_or(|publication| publication.is_through(&sent.party, wanted));
        let number = numbers.get(numbers.partition_point(is_through))?;
        let publication = get(number)?;
        let goes = publication.may_go_to(sent) && !publication.has_got(&sent.party);
        goes.then_some(*number)
    }

    fn deliver(&mut self, number: u64, sent: &Sent<'_>) -> Option<Published> {
        let publication = self.publications.get_mut(&number)?;
        self.cost -= publication.cost();
        let published = publication.receive(sent, number, &mut self.topics);
        if publication.told {
            publication.expected.retain(|expected| expected.party != sent.party);
        }
        self.cost += publication.cost();
        let is_over = publication.expected.is_empty() && !publication.has_untaken_share();
        if publication.told && is_over {
            self.remove(number);
        }
        Some(published)
    }

    /// A client's will was published at `now` and is retained, so that later subscribers get it: what it is, and where
    /// its CONNECT is.
    pub(super) fn retain_will(
        &mut self,
        broker: SocketAddr,
        will: Digest,
        party: &Party,
        place: PacketRef,
        now: Timestamp,
    ) {
        let Some(content) = will.content() else { return };
        let held = self.retained.get(&(broker, content.topic));
        if held.is_none_or(|held| held.since <= now) {
            self.retain(broker, Retained { content, client_id: party.client_id(), place, since: now });
        }
    }

    /// A message takes the place of the retained one of its topic; without a payload it takes it away
    /// (MQTT 5.0, section 3.3.1.3).
    fn retain(&mut self, broker: SocketAddr, retained: Retained) {
        let key = (broker, retained.content.topic);
        if retained.content.length == 0 {
            self.retained.remove(&key);
        } else if self.retained.len() < self.limits.retained || self.retained.contains_key(&key) {
            self.retained.insert(key, retained);
        } else {
            self.caps.add(Cap::Retained);
        }
    }

    /// Tells of the messages that have had time enough.
    fn settle(&mut self) {
        let now = self.clock.now();
        while let Some(number) = self.due.front().copied() {
            match self.publications.get_mut(&number) {
                Some(publication) if now.since(publication.came) < PATIENCE => break,
                Some(publication) if publication.hop.is_none() => publication.waits = true,
                Some(publication) if now.since(publication.waits_since()) < PATIENCE => self.late.push_back(number),
                Some(_) => self.tell(number),
                None => {}
            }
            self.due.pop_front();
        }
        while let Some(number) = self.late.front().copied() {
            if self.publications.get(&number).is_some_and(|late| now.since(late.waits_since()) < PATIENCE) {
                break;
            }
            self.late.pop_front();
            self.tell(number);
        }
        self.clear();
    }

    /// Tells who got a message and who did not, and keeps it for those alone who get it later.
    fn tell(&mut self, number: u64) {
        let now = self.clock.now();
        let Some(publication) = self.publications.get_mut(&number) else { return };
        self.cost -= publication.cost();
        let (hop, receipts) = publication.settle(self.brokers.get(&publication.broker), now);
        let mut queued = receipts.missed.iter().filter(|missed| missed.why == MissedWhy::Queued).peekable();
        if queued.peek().is_some() {
            let is_queued = |expected: &Expected| !expected.connected && expected.qos > 0;
            publication.expected.retain(is_queued);
            publication.shares.retain(is_queued);
            publication.count_names();
            publication.told = true;
            self.cost += publication.cost();
        } else {
            self.cost += publication.cost();
            self.remove(number);
        }
        self.settled_with(hop, receipts);
    }

    fn settled_with(&mut self, hop: Option<Box<Delivery>>, receipts: Receipts) {
        let Some(mut hop) = hop else { return };
        let lost = receipts.missed.iter().filter(|missed| missed.why == MissedWhy::NotSent).count();
        self.topics.on_missed(hop.flow.server, hop.topic.as_ref(), lost as u64);
        hop.receipts = Some(Box::new(receipts));
        self.settled.push(hop);
    }

    /// A message is not followed any more.
    fn remove(&mut self, number: u64) {
        if let Some(publication) = self.publications.remove(&number) {
            self.unlink(number, &publication);
        }
    }

    fn unlink(&mut self, number: u64, publication: &Publication) {
        self.cost -= publication.cost();
        let key = (publication.broker, publication.content);
        let Some(numbers) = self.by_content.get_mut(&key) else { return };
        if let Ok(at) = numbers.binary_search(&number) {
            numbers.remove(at);
        }
        if numbers.is_empty() {
            self.by_content.remove(&key);
        }
    }

    /// The capture has ended.
    pub(super) fn finish(&mut self, now: Timestamp) {
        self.clock.tick(now);
        while let Some((number, publication)) = self.publications.pop_first() {
            self.end(number, publication);
        }
    }

    fn end(&mut self, number: u64, mut publication: Publication) {
        self.unlink(number, &publication);
        let (hop, receipts) = publication.settle(self.brokers.get(&publication.broker), self.clock.now());
        self.settled_with(hop, receipts);
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
