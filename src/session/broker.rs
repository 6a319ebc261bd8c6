//! All sessions of all brokers: what messages and the ends of connections mean beyond their own connection.

use std::net::SocketAddr;

use super::allowance::Allowance;
use super::answers::AnswerTimes;
use super::budget::Budget;
use super::client::Clients;
use super::closings::Closings;
use super::connection::{Context, Session, SessionState};
use super::delivery::{Boxes, Delivery, DeliveryOutcome, Name, PacketRef};
use super::digest::{Digest, digest};
use super::exchange::Exchanges;
use super::incident::Incident;
use super::judge::Judge;
use super::open::Open;
use super::options::{SessionOptions, SessionsHeld};
use super::route::{Party, Published, PublishedAs, RouteLimits, Router, Sent};
use super::subscription::{Change, SubscriptionState};
use super::topics::Topic;
use super::tree::Subscriber;
use super::will::WillFate;
use super::wills::{Seen, Wills};
use crate::capture::{FrameNo, Origin};
use crate::dissect::{Conversation, Message};
use crate::engine::{Cap, CapCounts, Event, FlowRef, Level, NoticeKind};
use crate::flow::{Direction, Ended, Flow, PerDirection, Role};
use crate::mqtt::{Body, LostSyncReason, Version, topic};
use crate::time::Timestamp;

/// All sessions that are open, and what outlives them.
///
/// Call [`Sessions::on_event`] for each event of the engine in order, and [`Sessions::end`] when a flow has ended; then
/// take what they tell.
#[derive(Debug)]
pub struct Sessions {
    pub(super) open: Open<Session>,
    pub(super) clients: Clients,
    pub(super) wills: Wills,
    closings: Closings,
    pub(super) router: Option<Box<Router>>,
    pub(super) incidents: Vec<Incident>,
    pub(super) over: Boxes,
    /// Subscriptions that the message at hand changes.
    pub(super) changes: Vec<Change>,
    told: Boxes,
    /// The first frame behind the latest loss of frames.
    pub(super) lost: Option<FrameNo>,
    answers: AnswerTimes,
    hash: foldhash::fast::RandomState,
    /// Exchanges that were given up because too many were open.
    given_up: u64,
    pub(super) budget: Budget,
    pub(super) allowance: Allowance,
    /// Flows whose session gave something up for it, and how many have.
    pub(super) relieved: Vec<FrameNo>,
    pub(super) reliefs: u64,
    pub(super) options: SessionOptions,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new(SessionOptions::default())
    }
}

impl Sessions {
    /// No sessions yet.
    pub fn new(options: SessionOptions) -> Self {
        let SessionOptions { publications, retained, subscriptions, topics, .. } = options;
        let limits = RouteLimits { publications, retained, topics, subscriptions };
        Self {
            open: Open::default(),
            clients: Clients::new(options.waiting_sessions),
            wills: Wills::default(),
            closings: Closings::default(),
            router: options.routes.then(|| Box::new(Router::new(limits))),
            incidents: Vec::new(),
            over: Vec::new(),
            changes: Vec::new(),
            told: Vec::new(),
            lost: None,
            answers: AnswerTimes::default(),
            hash: foldhash::fast::RandomState::default(),
            given_up: 0,
            budget: Budget::new(options.memory),
            allowance: Allowance::default(),
            relieved: Vec::new(),
            reliefs: 0,
            options,
        }
    }

    /// A message of the flow comes soon. Gives a hash for [`Sessions::locate`].
    #[inline]
    pub fn expect(&self, flow: FrameNo) -> u32 {
        self.open.expect(flow)
    }

    /// A frame later: asks for what leads to the session, and gives its place.
    #[inline]
    pub fn locate(&self, hash: u32) -> Option<u32> {
        self.open.locate(hash).inspect(|place| self.open.approach(*place))
    }

    /// Another frame later: asks for the session at this place.
    #[inline]
    pub fn prefetch(&mut self, flow: FrameNo, place: u32) {
        if let Some(session) = self.open.arrive(flow, place) {
            session.prefetch();
        }
    }

    /// At last: asks for what the session points to.
    #[inline]
    pub fn prefetch_parts(&self, flow: FrameNo) {
        if let Some(session) = self.open.get(flow) {
            session.prefetch_parts();
        }
    }

    /// The session of the flow, if it carries one, so far.
    pub fn get(&self, flow: FrameNo) -> Option<&Session> {
        self.open.get(flow)
    }

    /// The sessions of connections that have not ended.
    pub fn open_sessions(&self) -> impl Iterator<Item = &Session> {
        self.open.values()
    }

    /// How many of them there are.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// The topics so far, in no order; only where routes are followed.
    pub fn open_topics(&self) -> impl Iterator<Item = (SocketAddr, &Name, &Topic)> {
        self.router.iter().flat_map(|router| router.topics.iter())
    }

    /// How long answers have taken so far.
    pub const fn answer_times(&self) -> &AnswerTimes {
        &self.answers
    }

    /// Whether there are incidents or deliveries to be taken.
    pub fn has_news(&self) -> bool {
        !self.incidents.is_empty() || !self.told.is_empty()
    }

    /// The incidents since this was called last, in the order in which they showed.
    pub fn take_incidents(&mut self) -> impl Iterator<Item = Incident> {
        self.incidents.drain(..)
    }

    /// The deliveries that are over since this was called last; only where routes are followed.
    pub fn take_deliveries(&mut self) -> impl Iterator<Item = Box<Delivery>> {
        self.told.drain(..)
    }

    /// All topics, at the end; only where routes are followed.
    pub fn take_topics(&mut self) -> Vec<(SocketAddr, Name, Topic)> {
        self.router.as_mut().map(|router| router.topics.drain()).unwrap_or_default()
    }

    /// The total of [`Sessions::caps`], for less.
    pub fn capped(&self) -> u64 {
        let routes = self.router.as_ref().map_or(0, |router| router.caps.total() + router.topics.left_out());
        self.clients.forgotten() + self.given_up + self.reliefs + routes
    }

    /// How often a cap was reached, so that something was forgotten.
    pub fn caps(&self) -> CapCounts {
        let counts = CapCounts::default().with(Cap::Sessions, self.clients.forgotten());
        let counts = counts.with(Cap::Deliveries, self.given_up).with(Cap::SessionMemory, self.reliefs);
        self.router.as_ref().map_or(counts, |router| {
            let topics = router.topics.left_out();
            counts.and(&router.caps).with(Cap::Topics, topics)
        })
    }

    /// How much is held, and how much may be.
    pub fn held(&self) -> SessionsHeld {
        let Self { options, router, .. } = self;
        let [deliveries, retained, subscriptions] = router.as_ref().map_or_else(
            || [options.publications, options.retained, options.subscriptions].map(|limit| Level::of_all(0, limit)),
            |router| router.levels(),
        );
        let topics = router.as_ref().map_or(Level::of_all(0, options.topics), |router| router.topics.level());
        SessionsHeld {
            sessions: self.clients.level(),
            deliveries,
            retained,
            subscriptions,
            topics,
            memory: self.budget.level(),
        }
    }

    /// Takes an event into account.
    pub fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(flow, message) if message.is_aside() => self.on_aside(flow, message),
            Event::Message(flow, message) => self.on_message(flow, message),
            Event::Closing(flow, by, at) => self.on_closing(*flow, *by, *at),
            Event::Notice(notice) => {
                if let NoticeKind::FramesLost(_) = notice.kind {
                    self.lost = Some(notice.origin.frame);
                    return self.forget_waiting(notice.origin.time);
                }
                let (Some(flow), direction) = (notice.flow, notice.kind.lacks()) else { return };
                if let (Some(direction), Some(session)) = (direction, self.open.get_mut(flow.id)) {
                    session.lossy[direction] = true;
                    match notice.kind {
                        NoticeKind::LostSync(_, lost, _) if lost.reason == LostSyncReason::MalformedLength => {
                            session.last_error = Some((direction.sender(), notice.origin));
                        }
                        _ => session.holes = true,
                    }
                    if let (Direction::ToClient, Some(router)) = (direction, &mut self.router) {
                        router.lossy(flow.server, &party(session));
                    }
                }
            }
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Flow(..) => {}
        }
    }

    /// Frames were lost: a client whose session waits may have come back and gone again meanwhile.
    fn forget_waiting(&mut self, now: Timestamp) {
        for (key, state) in self.clients.take_waiting() {
            let party = Party::Client(key.id);
            self.discard(key.broker, &party, *state, DeliveryOutcome::Open);
            if let Some(router) = &mut self.router {
                router.forget(key.broker, &party, now);
            }
        }
        self.pass_on(now);
    }

    fn on_closing(&mut self, flow: FlowRef, by: Role, at: Origin) {
        let Some(session) = self.open.get_mut(flow.id) else { return };
        session.on_closing(&flow, by, at);
        if let Some(router) = &mut self.router {
            // A client whose connection was taken over is connected all the same.
            let latest = session.client_key().and_then(|key| self.clients.get_mut(&key)?.flow);
            if latest.is_none_or(|latest| latest == flow.id) {
                router.left(flow.server, &party(session), at.time, session.is_kept());
            }
        }
        if by == Role::Server {
            self.closings.push(at.time, flow.server, flow.id);
        }
    }

    fn on_message(&mut self, flow: &FlowRef, message: &Message<'_>) {
        if let Some(router) = &mut self.router {
            router.tick(message.origin.time);
        }
        let (session, is_new) = self.open.get_or_insert_with(flow.id, || Session::new(*flow, message));
        if is_new && self.lost.is_some_and(|lost| lost > flow.id) {
            // What it began with may be what was lost: within WebSocket the first packet that is read shows no other.
            session.lossy = PerDirection { to_server: true, to_client: true };
        }
        session.name(flow);
        let known = session.is_known() && session.connack.is_some();
        let mut told = session.incidents_told;
        let mut judge = Judge {
            incidents: &mut self.incidents,
            told: &mut told,
            flow,
            version: message.packet.version,
            at: message.origin,
            known,
            whole: session.is_whole(),
            receiver: None,
        };
        session.check_order(message, &mut judge);
        session.count(message);
        let torn = message.missing > 0 || message.resynced || message.incomplete;
        if let (true, Direction::ToClient, Some(router)) = (torn, message.direction, &mut self.router) {
            router.lossy(flow.server, &party(session));
        }
        if message.incomplete {
            session.incidents_told = told;
            return;
        }
        // Who begins with a CONNECT is connected with the CONNACK, by its name.
        let joined = is_new && !matches!(message.packet.body, Body::Connect(_));
        if let (true, Some(router)) = (joined, &mut self.router) {
            router.connected(flow.server, &party(session), false, message.origin.time);
        }
        let connecting = matches!(message.packet.body, Body::Connect(_)) && session.connect.is_none();
        let answering = matches!(message.packet.body, Body::ConnAck(_)) && session.connack.is_none();
        let connack = session.connack;
        let before = (self.router.is_some() && (connecting || answering)).then(|| party(session));
        let digest = digest(&self.hash, message, self.router.is_some() || !self.wills.is_empty());
        let routed = self.router.is_some() && digest.is_some();
        let topic = message.topic.filter(|_| routed).map(Name::from);
        let over = self.router.is_some().then_some(&mut self.over);
        let changes = self.router.is_some().then_some(&mut self.changes);
        self.answers.note(session, message);
        let mut context = Context { judge, over, changes, digest, topic: topic.clone() };
        session.on_message(message, &mut context);
        for direction in Direction::BOTH {
            if let Some(exchanges) = session.state.exchanges[direction].made() {
                let given_up = std::mem::take(&mut exchanges.given_up);
                self.given_up += given_up;
                // An answer to one of those is nothing that was never asked for.
                session.state.known &= given_up == 0;
            }
        }
        session.settle(Some(message.direction), &mut context.judge);
        session.incidents_told = told;
        if let Some(before) = before {
            self.pass_on_name(*flow, &before, message.origin.time);
        }
        if connecting {
            self.on_connect(*flow, message.origin);
            if let Some((at, ..)) = connack {
                // It was captured before the CONNECT.
                self.on_connack(flow.id, at);
            }
        } else if answering {
            self.on_connack(flow.id, message.origin);
        } else if let (Body::Publish(_), Some(digest), true) =
            (&message.packet.body, digest, self.router.is_some() || !self.wills.is_empty())
        {
            self.on_publish(*flow, message, digest, topic.as_ref());
        } else if !self.changes.is_empty() {
            self.pass_on_subscriptions(*flow);
        }
        self.allowance.earn(message.body.len());
        if self.budget.add(self.adds(message)) {
            self.weigh();
        }
        if self.router.is_some() {
            self.pass_on(message.origin.time);
        }
    }

    /// A session is over, or no longer followed: its deliveries are told, its subscriptions forgotten.
    pub(super) fn discard(
        &mut self,
        broker: SocketAddr,
        party: &Party,
        mut state: SessionState,
        outcome: DeliveryOutcome,
    ) {
        let Some(router) = &mut self.router else { return };
        for (filter, _) in state.subscriptions.granted() {
            router.unsubscribe(broker, party, filter);
        }
        for direction in Direction::BOTH {
            let exchanges = state.exchanges[direction].made();
            for mut delivery in exchanges.into_iter().flat_map(Exchanges::discard) {
                delivery.outcome = outcome;
                self.over.push(delivery);
            }
        }
    }

    fn on_publish(&mut self, flow: FlowRef, message: &Message<'_>, digest: Digest, topic: Option<&Name>) {
        let direction = message.direction;
        let now = message.origin.time;
        let sighted = self.wills.look_for(&mut self.open, flow, message, digest);
        if let (Some(seen), Some(router)) = (&sighted, &mut self.router)
            && seen.retain
        {
            let owner = party_of(seen.client_id.as_ref(), seen.connect.flow);
            router.retain_will(flow.server, digest, &owner, seen.connect, now);
        }
        if self.router.is_none() {
            return;
        }
        let again = self.sent_before(flow, message, digest);
        let Some(session) = self.open.get_mut(flow.id) else { return };
        let (Some(router), Some(topic), Body::Publish(publish)) = (&mut self.router, topic, &message.packet.body)
        else {
            return;
        };
        let place = PacketRef { flow: flow.id, at: message.origin };
        let begins = |delivery: &Delivery| {
            delivery.first.place == place && delivery.resends == 0 && delivery.direction == direction
        };
        let party = party_of(session.client_id.as_ref(), flow.id);
        let exchanges = &mut session.state.exchanges[direction];
        let open = publish.packet_id.and_then(|id| exchanges.get_mut(id)).filter(|delivery| begins(delivery));
        // It may be over at once: with QoS 0, and where its acknowledgement was captured before it.
        let over = self.over.iter_mut().rev();
        let Some(delivery) = open.or_else(|| over.into_iter().find(|delivery| begins(delivery))) else { return };
        let header = message.packet.header;
        let sent =
            Sent { broker: flow.server, party, topic, digest, place, qos: header.qos(), retain: header.retain() };
        match direction {
            Direction::ToServer => delivery.publication = again.or_else(|| router.publish(&sent)),
            Direction::ToClient => {
                let will = sighted.map(|seen| Published {
                    kind: PublishedAs::Will,
                    client_id: seen.client_id,
                    place: seen.connect,
                    after: now.since(seen.connect.at.time),
                    copy: 1,
                    out_of_order: false,
                });
                delivery.published = router.receive(&sent, will);
            }
        }
    }

    /// The publication that a client sends again before its CONNACK says that its session goes on.
    fn sent_before(&mut self, flow: FlowRef, message: &Message<'_>, digest: Digest) -> Option<u64> {
        let Body::Publish(publish) = &message.packet.body else { return None };
        let session = self.open.get(flow.id)?;
        if session.connack.is_some() || message.direction == Direction::ToClient {
            return None;
        }
        let client = self.clients.get_mut(&session.client_key()?)?;
        let previous = client.flow.and_then(|flow| self.open.get(flow));
        let state = client.state.as_deref().or(previous.map(|previous| &previous.state))?;
        state.exchanges.to_server.publication_of(publish.packet_id?, message.packet.header.qos(), digest)
    }

    /// Subscriptions were granted or taken back: the router learns of them.
    pub(super) fn pass_on_subscriptions(&mut self, flow: FlowRef) {
        let (Some(session), Some(router)) = (self.open.get(flow.id), &mut self.router) else { return };
        for (filter, state) in self.changes.drain(..) {
            match state.and_then(|state| subscriber(session, &filter, state)) {
                Some(subscriber) => router.subscribe(flow.server, subscriber),
                None => router.unsubscribe(flow.server, &party(session), &filter),
            }
        }
    }

    /// It may have turned out who the client is that was known by its connection: the router learns of it.
    fn pass_on_name(&mut self, flow: FlowRef, before: &Party, now: Timestamp) {
        let (Some(session), Some(router)) = (self.open.get(flow.id), &mut self.router) else { return };
        let party = party(session);
        if party == *before {
            return;
        }
        for (filter, state) in session.state.subscriptions.granted() {
            router.unsubscribe(flow.server, before, filter);
            if let Some(subscriber) = subscriber(session, filter, state) {
                router.subscribe(flow.server, subscriber);
            }
        }
        router.rename(flow.server, before, &party, now);
    }

    /// Passes the deliveries that are over to the router, or on.
    fn pass_on(&mut self, now: Timestamp) {
        let Some(router) = &mut self.router else { return };
        for delivery in self.over.drain(..) {
            match delivery.publication {
                Some(number) => router.hop_over(number, delivery, now),
                _ => self.told.push(delivery),
            }
        }
        self.told.append(&mut router.settled);
    }

    /// The flow has ended at `now`, the latest time of the capture: its session is handed out.
    pub fn end(&mut self, flow: &Flow<Conversation>, why: Ended, now: Timestamp) -> Option<Box<Session>> {
        let mut session = self.open.remove(flow.id)?;
        let at = session.last;
        let name = session.flow;
        let mut told = session.incidents_told;
        let mut judge = Judge {
            incidents: &mut self.incidents,
            told: &mut told,
            flow: &name,
            version: session.version,
            at,
            known: false,
            whole: false,
            receiver: None,
        };
        session.note_missing(&flow.connection);
        session.settle(None, &mut judge);
        if !session.state.is_empty() {
            session.freeze(&mut self.allowance);
        }
        let closed = session.closed.filter(|closed| closed.by == Role::Server);
        let stopped = closed.is_some_and(|closed| self.closings.has_another(closed.at.time, name.server, flow.id));
        session.settle_end(flow, now, stopped);
        session.tell_end(now, &mut judge);
        session.incidents_told = told;
        self.keep_will(&session, now);
        self.park(&mut session, why, now);
        self.pass_on(now);
        Some(session)
    }

    /// Keeps a will that is to be published later, or that the server keeps for later subscribers.
    fn keep_will(&mut self, session: &Session, now: Timestamp) {
        let (flow, Some(will)) = (session.flow, &session.will) else { return };
        self.wills.remove(flow, will.digest);
        let (Some(at), Some(due)) = (session.connect, session.will_due()) else { return };
        let connect = PacketRef { flow: flow.id, at };
        if session.will_fate == Some(WillFate::Delayed) {
            let seen = Seen { connect, client_id: session.client_id.clone(), retain: will.retain };
            self.wills.keep(flow.server, will.digest, seen, due, now);
        } else if let (true, Some(router)) = (will.retain && session.will_is_out(), &mut self.router) {
            router.retain_will(flow.server, will.digest, &party(session), connect, due);
        }
    }

    /// Keeps what outlives the connection.
    fn park(&mut self, session: &mut Session, why: Ended, now: Timestamp) {
        let (flow, broker) = (session.flow.id, session.flow.server);
        let party = party(session);
        let state = std::mem::take(&mut session.state);
        let keeps = !session.is_refused() && session.is_kept();
        let key = session.client_key();
        let is_latest = key.as_ref().and_then(|key| self.clients.get_mut(key)).is_some_and(|client| {
            let is_latest = client.flow == Some(flow);
            if is_latest {
                client.on_left(session);
            }
            is_latest
        });
        if let (Some(key), true) = (&key, is_latest) {
            let outcome =
                if why == Ended::CaptureEnd { session.outcome_of_open() } else { session.outcome_when_over() };
            let (parked, rest) = if keeps { (Some(Box::new(state)), None) } else { (None, Some(state)) };
            if let Some((forgotten, state)) = self.clients.park(key, parked) {
                let party = Party::Client(Name::clone(&forgotten.id));
                self.discard(forgotten.broker, &party, *state, DeliveryOutcome::Open);
                if let Some(router) = &mut self.router {
                    router.forget(forgotten.broker, &party, now);
                }
            }
            if let Some(state) = rest {
                self.discard(broker, &party, state, outcome);
                if let (Some(router), false) = (&mut self.router, outcome == DeliveryOutcome::Open) {
                    router.forget(broker, &party, now);
                }
            }
        } else {
            // Of a connection without a name nothing goes on; or a later one has all there was.
            self.discard(broker, &party, state, session.outcome_of_open());
            if let (None, Some(router)) = (&key, &mut self.router) {
                router.forget(broker, &party, now);
            }
        }
    }

    /// The capture has ended, and all flows were handed to [`Sessions::end`].
    pub fn finish(&mut self, now: Timestamp) {
        if self.router.is_some() {
            for (_, mut state) in self.clients.take_waiting() {
                for direction in Direction::BOTH {
                    let exchanges = state.exchanges[direction].made();
                    self.over.extend(exchanges.into_iter().flat_map(Exchanges::discard));
                }
            }
        }
        self.pass_on(now);
        if let Some(router) = &mut self.router {
            router.finish(now);
            self.told.append(&mut router.settled);
        }
    }
}

/// The subscription of a client, if it was granted.
fn subscriber(session: &Session, filter: &[u8], state: SubscriptionState) -> Option<Subscriber> {
    let qos = state.granted_qos()?;
    let share = topic::shared(filter).map(|(name, _)| Name::from(name));
    // Brokers do not send a bridge back what came from it.
    let no_local = session.bridge || (state.no_local() && session.version == Version::V5);
    Some(Subscriber { party: party(session), filter: filter.into(), share, qos, no_local })
}

pub(super) fn party(session: &Session) -> Party {
    party_of(session.client_id.as_ref(), session.flow.id)
}

fn party_of(client_id: Option<&Name>, flow: FrameNo) -> Party {
    match client_id.filter(|id| !id.is_empty()) {
        Some(id) => Party::Client(Name::clone(id)),
        None => Party::Flow(flow),
    }
}
