//! All sessions of all brokers: what messages and the ends of connections mean beyond their own connection.

use std::collections::hash_map::{Entry, HashMap};
use std::net::SocketAddr;

use super::client::{ClientKey, Clients};
use super::closings::Closings;
use super::connection::{Closed, Context, NEVER, Session, SessionState};
use super::delivery::{Boxes, Delivery, DeliveryOutcome, Name, Place};
use super::digest::{Digest, digest};
use super::incident::{Certainty, Incident, IncidentKind};
use super::judge::Judge;
use super::route::{Party, Published, PublishedAs, RouteLimits, Router, Sent};
use super::topics::Topic;
use super::tree::Subscriber;
use super::will::WillFate;
use super::wills::{Seen, Wills};
use crate::capture::{FrameNo, Origin};
use crate::dissect::{Conversation, Message};
use crate::engine::{Event, FlowRef, NoticeKind};
use crate::flow::{Direction, Ended, Flow, Role};
use crate::mqtt::{Body, LostSyncReason, PacketType, Version, topic};
use crate::time::{Span, Timestamp};

/// What is followed of sessions, and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Follow each message through the broker, and tell deliveries and topics.
    pub routes: bool,
    /// Sessions that wait for their client to come back.
    pub waiting_sessions: usize,
    /// Messages on their way through a broker.
    pub publications: usize,
    /// Retained messages.
    pub retained: usize,
    /// Topics.
    pub topics: usize,
}

impl Default for SessionOptions {
    /// Routes are not followed; a hundred thousand of each, which take some tens of megabytes.
    fn default() -> Self {
        Self { routes: false, waiting_sessions: 100_000, publications: 100_000, retained: 100_000, topics: 100_000 }
    }
}

/// The sessions of the flows that are followed.
pub(super) type OpenSessions = HashMap<FrameNo, Box<Session>, foldhash::fast::RandomState>;

/// All sessions that are open, and what outlives them.
///
/// Call [`Sessions::on_event`] for each event of the engine in order, and [`Sessions::end`] when a flow has ended; then
/// take what they tell.
#[derive(Debug)]
pub struct Sessions {
    open: OpenSessions,
    clients: Clients,
    wills: Wills,
    closings: Closings,
    router: Option<Box<Router>>,
    incidents: Vec<Incident>,
    over: Boxes,
    told: Boxes,
    hash: foldhash::fast::RandomState,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new(SessionOptions::default())
    }
}

impl Sessions {
    /// No sessions yet.
    pub fn new(options: SessionOptions) -> Self {
        let limits =
            RouteLimits { publications: options.publications, retained: options.retained, topics: options.topics };
        Self {
            open: HashMap::default(),
            clients: Clients::new(options.waiting_sessions),
            wills: Wills::default(),
            closings: Closings::default(),
            router: options.routes.then(|| Box::new(Router::new(limits))),
            incidents: Vec::new(),
            over: Vec::new(),
            told: Vec::new(),
            hash: foldhash::fast::RandomState::default(),
        }
    }

    /// The session of the flow, if it carries one, so far.
    pub fn get(&self, flow: FrameNo) -> Option<&Session> {
        self.open.get(&flow).map(AsRef::as_ref)
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

    /// How often a limit was reached, so that something was forgotten.
    pub fn capped(&self) -> u64 {
        let routes = self.router.as_ref().map_or(0, |router| router.capped + router.topics.left_out());
        self.clients.forgotten() + routes
    }

    /// Takes an event into account.
    pub fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(flow, message) => self.on_message(*flow, message),
            Event::Closing(flow, by, at) => self.on_closing(*flow, *by, *at),
            Event::Notice(notice) => {
                let (Some(flow), direction) = (notice.flow, direction_of(notice.kind)) else { return };
                if let (Some(direction), Some(session)) = (direction, self.open.get_mut(&flow.id)) {
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
            Event::Packet(_) | Event::Stream(..) | Event::Flow(..) => {}
        }
    }

    fn on_closing(&mut self, flow: FlowRef, by: Role, at: Origin) {
        let Some(session) = self.open.get_mut(&flow.id) else { return };
        session.closed.get_or_insert(Closed { by, at });
        if let Some(router) = &mut self.router {
            // A client whose connection was taken over is connected all the same.
            let key = session.client_id.clone().map(|id| ClientKey { broker: flow.server, id });
            let latest = key.and_then(|key| self.clients.get_mut(&key)?.flow);
            if latest.is_none_or(|latest| latest == flow.id) {
                router.left(flow.server, &party(session), at.time, session.expiry.is_some_and(|seconds| seconds > 0));
            }
        }
        if by == Role::Server {
            self.closings.push(at.time, flow.server, flow.id);
        }
    }

    fn on_message(&mut self, flow: FlowRef, message: &Message<'_>) {
        let (session, is_new) = match self.open.entry(flow.id) {
            Entry::Occupied(session) => (session.into_mut(), false),
            Entry::Vacant(place) => (place.insert(Box::new(Session::new(flow, message))), true),
        };
        // Who is the client may have turned out to be the other end.
        session.flow = flow;
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
        let digest = digest(&self.hash, message, self.router.is_some() || !self.wills.is_empty());
        let routed = self.router.is_some() && digest.is_some();
        let topic = message.topic.filter(|_| routed).map(Name::from);
        let over = self.router.is_some().then_some(&mut self.over);
        let mut context = Context { judge, over, digest, topic: topic.clone() };
        session.on_message(message, &mut context);
        session.settle(Some(message.direction), &mut context.judge);
        session.incidents_told = told;
        if connecting {
            self.on_connect(flow, message.origin);
        } else if answering {
            self.on_connack(flow.id, message.origin);
        } else if let (Body::Publish(_), Some(digest)) = (&message.packet.body, digest) {
            self.on_publish(flow, message, digest, topic.as_ref());
        } else if self.router.is_some() {
            self.on_subscription_answer(flow, message);
        }
        self.pass_on(message.origin.time);
    }

    /// A client asks for a connection: it may have another.
    fn on_connect(&mut self, flow: FlowRef, origin: Origin) {
        let Some(session) = self.open.get_mut(&flow.id) else { return };
        if let Some(will) = &session.will {
            self.wills.add(flow, will.digest);
        }
        // Whether there was a session to go on with is told by the CONNACK.
        session.state.known = session.from_start && session.clean_start == Some(true);
        let Some(id) = session.client_id.clone().filter(|id| !id.is_empty()) else { return };
        let key = ClientKey { broker: flow.server, id };
        let previous = self.clients.get_mut(&key).and_then(|client| client.flow);
        session.previous = previous.filter(|previous| *previous != flow.id);
        if let Some(old) = previous.and_then(|previous| self.open.get_mut(&previous))
            && old.closed_at().is_none()
        {
            old.taken_over = Some(Place { flow: flow.id, at: origin });
        }
    }

    /// The server lets a client in, or does not.
    fn on_connack(&mut self, flow: FrameNo, origin: Origin) {
        let Some(mut session) = self.open.remove(&flow) else { return };
        self.accept(&mut session, origin);
        self.open.insert(flow, session);
    }

    fn accept(&mut self, session: &mut Session, origin: Origin) {
        let Some((_, code, present)) = session.connack else { return };
        let previous = session.previous;
        let id = session.flow.id;
        if code != 0 {
            // It took nobody's place.
            if let Some(old) = previous.and_then(|previous| self.open.get_mut(&previous))
                && old.taken_over.is_some_and(|over| over.flow == id)
            {
                old.taken_over = None;
            }
            return;
        }
        let Some(client_id) = session.client_id.clone().filter(|id| !id.is_empty()) else {
            if let Some(router) = &mut self.router {
                router.connected(session.flow.server, &Party::Flow(id), false, origin.time);
            }
            return;
        };
        let key = ClientKey { broker: session.flow.server, id: client_id };
        let waiting = self.clients.take_state(&key);
        let client = self.clients.entry(&key);
        let was_kept = client.is_kept(origin.time);
        let mut ended_with_connection = client.expiry == 0;
        client.flow = Some(id);
        client.left = None;
        client.expiry = session.expiry.unwrap_or(0);
        let mut old_state = waiting.map(|state| *state);
        let mut kept = was_kept;
        let mut accepted_before = old_state.is_some();
        let clean = session.clean_start == Some(true);
        if !clean {
            self.wills.call_off(key.broker, &key.id);
        }
        let came = session.connect.map_or(origin.time, |at| at.time);
        if let Some(old) = previous.and_then(|previous| self.open.get_mut(&previous)) {
            old.freeze();
            kept = old.expiry.is_some_and(|seconds| {
                let left = old.closed_at().unwrap_or(origin.time);
                seconds > 0 && origin.time.since(left) < Span::from_secs(i64::from(seconds))
            });
            ended_with_connection = old.expiry == Some(0);
            old.replaced = true;
            if let Some(will) = &mut old.will {
                // Beginning anew ends the session and so the delay; going on calls the will off (MQTT-3.1.3-9).
                let what = if clean { &mut will.over } else { &mut will.back };
                what.get_or_insert(came);
            }
            accepted_before = old.connack.is_some_and(|(_, code, _)| code == 0);
            let mut state = std::mem::take(&mut old.state);
            state.known &= !old.lossy.to_server && !old.lossy.to_client;
            old_state = Some(state);
        }
        let frames: Vec<_> = session.connect.map(|at| at.frame).into_iter().chain([origin.frame]).collect();
        let mut judge = Judge {
            incidents: &mut self.incidents,
            told: &mut session.incidents_told,
            flow: session.flow,
            version: session.version,
            at: origin,
            known: true,
            whole: true,
            receiver: None,
        };
        // 3.1 does not say whether there was a session.
        let is_31 = session.version == Version::V31;
        let resumes = if is_31 { !clean && kept && old_state.is_some() } else { present };
        if clean && present {
            judge.tell(IncidentKind::SessionPresentAfterCleanStart, Role::Server, &frames, Certainty::Certain);
        } else if !clean && session.version != Version::V31 && accepted_before {
            let ended = Certainty::if_so(ended_with_connection && old_state.as_ref().is_some_and(|state| state.known));
            match (present, kept) {
                (false, true) => judge.tell(IncidentKind::SessionLost, Role::Server, &frames, Certainty::Likely),
                (true, false) => judge.tell(IncidentKind::SessionUnexpected, Role::Server, &frames, ended),
                (true, true) | (false, false) => {}
            }
        }
        let party = Party::Client(Name::clone(&key.id));
        if resumes && !clean {
            session.resumes = true;
            if let Some(mut state) = old_state {
                state.absorb(std::mem::take(&mut session.state));
                session.state = state;
            }
        } else {
            // Only 3.1 does not say that a session from before the capture goes on, and who breaks the rule may do so.
            let is_new = if is_31 { clean || accepted_before } else { !present };
            session.state.known = is_new && session.from_start && session.connect.is_some();
            if let Some(state) = old_state {
                self.discard(key.broker, &party, state, DeliveryOutcome::SessionOver);
            }
        }
        if let Some(router) = &mut self.router {
            let keeps = session.expiry.is_some_and(|seconds| seconds > 0);
            router.connected(key.broker, &party, keeps, origin.time);
            if session.lossy.to_client {
                router.lossy(key.broker, &party);
            }
        }
    }

    /// A session is over, or no longer followed: its deliveries are told, its subscriptions forgotten.
    fn discard(&mut self, broker: SocketAddr, party: &Party, mut state: SessionState, outcome: DeliveryOutcome) {
        let Some(router) = &mut self.router else { return };
        for (filter, _) in state.subscriptions.granted() {
            router.unsubscribe(broker, party, filter);
        }
        for direction in Direction::BOTH {
            for mut delivery in state.exchanges[direction].discard() {
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
        let Some(session) = self.open.get_mut(&flow.id) else { return };
        let (Some(router), Some(topic), Body::Publish(publish)) = (&mut self.router, topic, &message.packet.body)
        else {
            return;
        };
        let place = Place { flow: flow.id, at: message.origin };
        let begins = |delivery: &Delivery| {
            delivery.first.place == place && delivery.resends == 0 && delivery.direction == direction
        };
        let exchanges = &mut session.state.exchanges[direction];
        let party = party_of(session.client_id.as_ref(), flow.id);
        let open = publish.packet_id.and_then(|id| exchanges.get_mut(id)).filter(|delivery| begins(delivery));
        // It may be over at once: with QoS 0, and where its acknowledgement was captured before it.
        let over = self.over.iter_mut().rev();
        let Some(delivery) = open.or_else(|| over.into_iter().find(|delivery| begins(delivery))) else { return };
        let header = message.packet.header;
        let sent =
            Sent { broker: flow.server, party, topic, digest, place, qos: header.qos(), retain: header.retain() };
        match direction {
            Direction::ToServer => delivery.publication = router.publish(&sent),
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

    /// Subscriptions were granted or taken back: the router learns of them.
    ///
    /// The answer may have been captured before the request.
    fn on_subscription_answer(&mut self, flow: FlowRef, message: &Message<'_>) {
        let packet_type = message.packet.header.packet_type;
        let answers = [PacketType::Subscribe, PacketType::SubAck, PacketType::Unsubscribe, PacketType::UnsubAck];
        if !answers.contains(&packet_type) {
            return;
        }
        let (Some(session), Some(router)) = (self.open.get_mut(&flow.id), &mut self.router) else { return };
        let party = party(session);
        for (filter, state) in session.state.subscriptions.take_changes() {
            match state.and_then(|state| state.granted_qos().map(|qos| (state, qos))) {
                Some((state, qos)) => {
                    let share = topic::shared(&filter).map(|(name, _)| Name::from(name));
                    // Brokers do not send a bridge back what came from it.
                    let no_local = session.bridge || (state.no_local() && session.version == Version::V5);
                    let filter = Name::from(filter);
                    router.subscribe(flow.server, Subscriber { party: party.clone(), filter, share, qos, no_local });
                }
                None => router.unsubscribe(flow.server, &party, &filter),
            }
        }
    }

    /// Passes the deliveries that are over to the router, or on.
    fn pass_on(&mut self, now: Timestamp) {
        let Some(router) = &mut self.router else { return };
        for delivery in self.over.drain(..) {
            match delivery.publication {
                Some(number) if delivery.direction == Direction::ToServer => router.hop_over(number, delivery, now),
                _ => self.told.push(delivery),
            }
        }
        self.told.append(&mut router.settled);
    }

    /// The flow has ended at `now`, the latest time of the capture: its session is handed out.
    pub fn end(&mut self, flow: &Flow<Conversation>, why: Ended, now: Timestamp) -> Option<Box<Session>> {
        let mut session = self.open.remove(&flow.id)?;
        let at = session.last;
        let name = session.flow;
        let mut told = session.incidents_told;
        let mut judge = Judge {
            incidents: &mut self.incidents,
            told: &mut told,
            flow: name,
            version: session.version,
            at,
            known: false,
            whole: false,
            receiver: None,
        };
        session.note_missing(&flow.connection);
        session.settle(None, &mut judge);
        session.incidents_told = told;
        if !session.state.is_empty() {
            session.freeze();
        }
        let closed = session.closed.filter(|closed| closed.by == Role::Server);
        let stopped = closed.is_some_and(|closed| self.closings.has_another(closed.at.time, name.server, flow.id));
        session.settle_end(&flow.connection, now, stopped);
        self.tell_end(&mut session, now);
        if let Some(will) = &session.will {
            self.wills.remove(name, will.digest);
            if session.will_fate == Some(WillFate::Delayed)
                && let (Some(at), Some(closed)) = (session.connect, session.will_closed_at())
            {
                let connect = Place { flow: flow.id, at };
                let seen = Seen { connect, client_id: session.client_id.clone(), retain: will.retain };
                self.wills.keep(name.server, will.digest, seen, will.due(closed, session.expiry.unwrap_or(NEVER)), now);
            }
            if let (true, Some(router)) = (will.retain && session.will_is_out(), &mut self.router)
                && let (Some(at), Some(closed)) = (session.connect, session.will_closed_at())
            {
                let place = Place { flow: flow.id, at };
                let due = will.due(closed, session.expiry.unwrap_or(NEVER));
                router.retain_will(name.server, will.digest, &party(&session), place, due);
            }
        }
        self.park(&mut session, why, now);
        self.pass_on(now);
        Some(session)
    }

    /// What shows only at the end of a connection.
    fn tell_end(&mut self, session: &mut Session, now: Timestamp) {
        let mut told = session.incidents_told;
        let mut judge = Judge {
            incidents: &mut self.incidents,
            told: &mut told,
            flow: session.flow,
            version: session.version,
            at: session.last,
            known: false,
            whole: false,
            receiver: None,
        };
        let until = session.closed_at().unwrap_or(now);
        if let Some(too_long) = session.keep_alive.until(until)
            && !session.lossy.to_server
            && session.disconnect.is_none()
            && session.connack.is_some_and(|(_, code, _)| code == 0)
        {
            let kind = IncidentKind::KeepAliveExceeded(too_long.silence, too_long.seconds);
            judge.tell(kind, Role::Client, &[too_long.since.frame], Certainty::Likely);
        }
        if let (Some((Role::Client, None | Some(0), at)), Some(will)) = (session.disconnect, &session.will)
            && let Some(sighting) = will.sightings.iter().find(|seen| seen.alone && seen.place.at.time > at.time)
        {
            let frames = [at.frame, sighting.place.at.frame];
            let prompt = sighting.place.at.time.since(at.time) < Span::from_secs(2) && !session.lossy.to_server;
            judge.tell(IncidentKind::WillAfterDisconnect, Role::Server, &frames, Certainty::if_so(prompt));
        }
        session.incidents_told = told;
    }

    /// Keeps what outlives the connection.
    fn park(&mut self, session: &mut Session, why: Ended, now: Timestamp) {
        let (flow, broker) = (session.flow.id, session.flow.server);
        let party = party(session);
        let state = std::mem::take(&mut session.state);
        let accepted = session.connack.is_none_or(|(_, code, _)| code == 0);
        let keeps = accepted && session.expiry.is_some_and(|seconds| seconds > 0);
        let key = session.client_id.clone().filter(|id| !id.is_empty()).map(|id| ClientKey { broker, id });
        let is_latest = key.as_ref().and_then(|key| self.clients.get_mut(key)).is_some_and(|client| {
            let is_latest = client.flow == Some(flow);
            if is_latest {
                client.left = session.closed.map(|closed| closed.at.time).or(Some(session.last.time));
                client.expiry = session.expiry.unwrap_or(0);
            }
            is_latest
        });
        if let (Some(key), true) = (&key, is_latest) {
            let outcome =
                if why == Ended::CaptureEnd { session.outcome_of_open() } else { session.outcome_when_over() };
            let (parked, rest) = if keeps { (Some(Box::new(state)), None) } else { (None, Some(state)) };
            if let Some((forgotten, state)) = self.clients.park(key, flow, parked) {
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
            let outcome = session.outcome_of_open();
            if key.is_none() || !state.is_empty() {
                self.discard(broker, &party, state, outcome);
            }
            if let (None, Some(router)) = (&key, &mut self.router) {
                router.forget(broker, &party, now);
            }
        }
    }

    /// The capture has ended, and all flows were handed to [`Sessions::end`].
    pub fn finish(&mut self, now: Timestamp) {
        let waiting: Vec<_> = self.clients.drain().collect();
        if self.router.is_some() {
            for mut state in waiting {
                for direction in Direction::BOTH {
                    self.over.extend(state.exchanges[direction].discard());
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

fn party(session: &Session) -> Party {
    party_of(session.client_id.as_ref(), session.flow.id)
}

fn party_of(client_id: Option<&Name>, flow: FrameNo) -> Party {
    match client_id.filter(|id| !id.is_empty()) {
        Some(id) => Party::Client(Name::clone(id)),
        None => Party::Flow(flow),
    }
}

/// The direction in which a notice says that something is missing.
const fn direction_of(kind: NoticeKind) -> Option<Direction> {
    match kind {
        NoticeKind::LostSync(direction, ..)
        | NoticeKind::CutHeader(direction, _)
        | NoticeKind::ReassemblyCapped(direction) => Some(direction),
        NoticeKind::Fragments(_) | NoticeKind::ConflictingOverlap(_) | NoticeKind::FlowEvicted(_) => None,
    }
}
