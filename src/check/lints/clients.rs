//! How clients come and come again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::told::{ByFlow, ClientKey, FOLLOWED, Lint, NAME, Told, seconds, shown};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::engine::{Event, FlowRef};
use crate::flow::{Outcome, Role};
use crate::mqtt::{Body, Connect};
use crate::session::Name;
use crate::time::{Span, Timestamp};

/// The most moments that are kept of a client.
const MOMENTS: usize = 64;

const TAKEOVER: Lint = Lint::warning(
    "lint.clientid-takeover-loop",
    Certainty::Likely,
    "two programs use the same client identifier, and each drives the other out: give each its own",
);
const STORM: Lint = Lint::warning(
    "lint.reconnect-storm",
    Certainty::Certain,
    "wait longer after each failure, and let chance decide how long",
);
const BACKOFF: Lint = Lint::warning(
    "lint.no-backoff",
    Certainty::Likely,
    "wait longer after each failure, and let chance decide how long",
);
const REFUSED: Lint = Lint::warning(
    "lint.retry-after-refusal",
    Certainty::Certain,
    "what was refused for its contents is refused again: stop, and ask for other credentials or another name",
);

/// What is known of a client.
#[derive(Debug, Default)]
struct Client {
    /// Its connection that is open.
    open: Option<FrameNo>,
    connected: VecDeque<Origin>,
    taken_over: VecDeque<Origin>,
    /// When its last connection failed, and whether the client left by itself.
    ended: Option<Timestamp>,
    pauses: Pauses,
    refusal: Option<(u64, u64, VecDeque<FrameNo>)>,
}

/// Pauses before attempts to connect, the last ones.
#[derive(Debug, Default)]
struct Pauses {
    last: VecDeque<(Span, FrameNo)>,
}

impl Pauses {
    /// Adds a pause; gives their mean and frames if there are so many and they hardly differ.
    fn add(&mut self, pause: Span, at: FrameNo, limits: &Limits) -> Option<(f64, Vec<FrameNo>)> {
        /// An immediate retry measures the machine, not the pause.
        const LEAST: f64 = 0.01;
        let wanted = (limits.backoff_attempts as usize).clamp(2, MOMENTS);
        while self.last.len() >= wanted {
            self.last.pop_front();
        }
        self.last.push_back((pause, at));
        if self.last.len() < wanted {
            return None;
        }
        let all = self.last.iter().map(|(pause, _)| pause.as_secs_f64());
        let mean = all.clone().sum::<f64>() / wanted as f64;
        let spread = all.clone().fold(f64::MIN, f64::max) - all.fold(f64::MAX, f64::min);
        let same = spread <= mean * limits.backoff_vary_percent / 100.0 || mean < LEAST;
        same.then(|| (mean, self.last.iter().map(|(_, frame)| *frame).collect()))
    }
}

/// Clients that came back to a server one soon after another.
#[derive(Debug, Default)]
struct Storm {
    since: Option<Timestamp>,
    clients: HashSet<u64>,
    frames: Vec<FrameNo>,
}

/// Judges how clients connect.
pub(super) struct ClientRule {
    limits: Limits,
    told: Told,
    clients: HashMap<ClientKey, Client>,
    /// So many more clients that find no room are passed over before room is looked for again.
    passed_over: usize,
    /// The client of a connection, and what it said in its CONNECT.
    flows: ByFlow<Option<(Name, u64)>>,
    /// Attempts that did not come so far that a client could say its name.
    attempts: HashMap<(IpAddr, SocketAddr), (Timestamp, Pauses)>,
    storms: HashMap<SocketAddr, Storm>,
}

impl ClientRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            told: Told::default(),
            clients: HashMap::new(),
            passed_over: 0,
            flows: ByFlow::default(),
            attempts: HashMap::new(),
            storms: HashMap::new(),
        }
    }

    /// Makes room by forgetting who has not been seen for long. That looks at all of them, and is not done for each
    /// client that finds no room.
    fn make_room(&mut self, now: Timestamp) -> bool {
        const LONG: Span = Span::from_secs(3600);
        if self.clients.len() >= FOLLOWED {
            if let Some(left) = self.passed_over.checked_sub(1) {
                self.passed_over = left;
                return false;
            }
            self.passed_over = FOLLOWED / 8;
            self.clients.retain(|_, client| {
                client.open.is_some() && client.connected.back().is_some_and(|last| now.since(last.time) < LONG)
            });
        }
        self.clients.len() < FOLLOWED
    }

    fn connect(&mut self, flow: FlowRef, connect: &Connect<'_>, at: Origin, findings: &mut Vec<Finding>) {
        let Some(id) = connect.client_id.filter(|id| (1..=NAME).contains(&id.len())) else { return };
        let key: ClientKey = (flow.server, id.into());
        let length = connect.password.map(crate::text::Secret::length);
        let said = (id, connect.username, length, connect.flags, connect.keep_alive, connect.level);
        let said = self.told.number(said);
        if let Some(entry) = self.flows.entry(flow.id) {
            *entry = Some((Name::clone(&key.1), said));
        }
        let known = self.clients.contains_key(&key);
        if !known && !self.make_room(at.time) {
            return;
        }
        if known {
            self.storm(flow, at, id, findings);
        }
        let limits = &self.limits;
        let client = self.clients.entry(key).or_default();
        let window = seconds(limits.takeover_window_s);
        if client.open.is_some_and(|open| open != flow.id) {
            push(&mut client.taken_over, at, window);
            if client.taken_over.len() as u64 >= limits.takeovers && self.told.first(("takeover", flow.server, id)) {
                let frames: Vec<_> = client.taken_over.iter().map(|at| at.frame).collect();
                let text = format!(
                    "client {} is connected anew while its last connection is open, {} times in {} s",
                    shown(id),
                    client.taken_over.len(),
                    limits.takeover_window_s
                );
                findings.push(TAKEOVER.at(Some(flow), at, &frames, text));
            }
        }
        push(&mut client.connected, at, seconds(limits.reconnect_window_s));
        let reconnects = (limits.reconnects as usize).min(MOMENTS - 1);
        if client.connected.len() > reconnects && self.told.first(("storm", flow.server, id)) {
            let frames: Vec<_> = client.connected.iter().map(|at| at.frame).collect();
            let text = format!(
                "client {} connects more than {reconnects} times in {} s",
                shown(id),
                limits.reconnect_window_s
            );
            findings.push(STORM.at(Some(flow), at, &frames, text));
        }
        // Only after a failure there is something to wait for.
        if let Some(ended) = client.ended.take() {
            let pause = at.time.since(ended).max(Span::ZERO);
            if let Some((mean, frames)) = client.pauses.add(pause, at.frame, limits)
                && self.told.first(("backoff", flow.server, id))
            {
                let text = format!(
                    "client {} comes back {mean:.2} s after each of {} failures",
                    shown(id),
                    limits.backoff_attempts
                );
                findings.push(BACKOFF.at(Some(flow), at, &frames, text));
            }
        }
        client.open = Some(flow.id);
    }

    /// Many clients come back at once.
    fn storm(&mut self, flow: FlowRef, at: Origin, id: &[u8], findings: &mut Vec<Finding>) {
        /// Servers that are watched.
        const SERVERS: usize = 1024;
        if self.storms.len() >= SERVERS && !self.storms.contains_key(&flow.server) {
            return;
        }
        let number = self.told.number(id);
        let storm = self.storms.entry(flow.server).or_default();
        if storm.since.is_none_or(|since| at.time.since(since) > seconds(self.limits.storm_window_s)) {
            *storm = Storm { since: Some(at.time), ..Storm::default() };
        }
        if (storm.clients.len() as u64) < self.limits.storm_clients && storm.clients.insert(number) {
            storm.frames.push(at.frame);
            storm.frames.truncate(8);
        }
        if storm.clients.len() as u64 >= self.limits.storm_clients && self.told.first(("all", flow.server)) {
            let text = format!(
                "{} clients come back to the server within {} s",
                storm.clients.len(),
                self.limits.storm_window_s
            );
            findings.push(STORM.at(Some(flow), at, &storm.frames, text));
        }
    }

    fn answered(&mut self, flow: FlowRef, code: u8, at: Origin, findings: &mut Vec<Finding>) {
        let Some((id, said)) = self.flows.get_mut(flow.id).and_then(|entry| entry.clone()) else { return };
        let key = (flow.server, Name::clone(&id));
        let Some(client) = self.clients.get_mut(&key) else { return };
        if code == 0 {
            client.refusal = None;
            return;
        }
        client.ended = Some(at.time);
        // 3.1.1: bad user name or password, not authorized. 5.0: those, a client identifier that is not valid, a
        // version that is not supported, banned. All of them last until somebody changes something.
        if !matches!(code, 4 | 5 | 0x84..=0x87 | 0x8a) {
            return;
        }
        let (again, frames) = match &mut client.refusal {
            Some((known, again, frames)) if *known == said => {
                *again += 1;
                frames.push_back(at.frame);
                frames.truncate(8);
                (*again, frames)
            }
            refusal => {
                *refusal = Some((said, 0, VecDeque::from([at.frame])));
                return;
            }
        };
        if again >= self.limits.refusals && self.told.first(("refused", &key)) {
            let frames: Vec<_> = frames.iter().copied().collect();
            let text = format!(
                "client {} sends the same CONNECT again {again} times after it was refused (code {code:#04x})",
                shown(&id)
            );
            findings.push(REFUSED.at(Some(flow), at, &frames, text));
        }
    }

    /// A connection of a client is over, or about to be.
    fn closed(&mut self, flow: FlowRef, at: Timestamp, left: bool) {
        let Some((id, _)) = self.flows.get_mut(flow.id).and_then(|entry| entry.clone()) else { return };
        let Some(client) = self.clients.get_mut(&(flow.server, id)) else { return };
        if client.open != Some(flow.id) {
            return;
        }
        client.open = None;
        if left {
            // It comes back when it has something to say.
            client.ended = None;
            client.pauses = Pauses::default();
        } else {
            client.ended.get_or_insert(at);
        }
    }

    /// TCP could not connect.
    fn failed(&mut self, name: FlowRef, began: Origin, findings: &mut Vec<Finding>) {
        let key = (name.client.ip(), name.server);
        if self.attempts.len() >= FOLLOWED && !self.attempts.contains_key(&key) {
            return;
        }
        let (last, pauses) = self.attempts.entry(key).or_insert((began.time, Pauses::default()));
        let pause = began.time.since(*last);
        if pause <= Span::ZERO {
            return;
        }
        *last = began.time;
        if let Some((mean, frames)) = pauses.add(pause, began.frame, &self.limits)
            && self.told.first(("attempts", key))
        {
            let text = format!(
                "{} tries to connect every {mean:.2} s, though nobody answers or listens ({} times)",
                name.client.ip(),
                self.limits.backoff_attempts
            );
            findings.push(BACKOFF.at(Some(name), began, &frames, text));
        }
    }
}

impl Rule for ClientRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) if !message.incomplete => match &message.packet.body {
                Body::Connect(connect) => self.connect(*flow, connect, message.origin, findings),
                Body::ConnAck(connack) => {
                    if let Some(code) = connack.code {
                        self.answered(*flow, code, message.origin, findings);
                    }
                }
                Body::Disconnect(_) => {
                    let left = message.direction.sender() == Role::Client;
                    self.closed(*flow, message.origin.time, left);
                }
                Body::Publish(_)
                | Body::Ack(_)
                | Body::Subscribe(_)
                | Body::SubAck(_)
                | Body::Unsubscribe(_)
                | Body::UnsubAck(_)
                | Body::Ping
                | Body::Auth(_)
                | Body::Reserved(_) => {}
            },
            Event::Closing(flow, _, at) => self.closed(*flow, at.time, false),
            Event::Flow(flow, _) => {
                let name = FlowRef::of(flow);
                self.closed(name, flow.last.time, false);
                self.flows.remove(flow.id);
                if matches!(flow.connection.outcome(), Outcome::Refused | Outcome::Unanswered)
                    && flow.connection.handshake.syn.is_some()
                {
                    self.failed(name, flow.first, findings);
                }
            }
            Event::Message(..)
            | Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Notice(_) => {}
        }
    }
}

/// Adds a moment, and forgets those before the window.
fn push(moments: &mut VecDeque<Origin>, at: Origin, window: Span) {
    moments.push_back(at);
    while moments.len() > MOMENTS || moments.front().is_some_and(|first| at.time.since(first.time) > window) {
        moments.pop_front();
    }
}
