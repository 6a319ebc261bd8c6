//! MQTT conformance: each statement of the specifications, held against the traffic.
//!
//! [`Conformance`] follows each connection by its packets, judges what no other rule judges, and keeps a ledger of how
//! often each statement was put to the test and what came of it. What other rules find, it is told.

mod agreement;
mod answers;
mod authentication;
mod class;
mod clients;
mod closing;
mod connection;
mod cross;
mod docket;
mod examples;
mod exchanges;
mod features;
mod ledger;
mod retained;
mod rules;
mod statement;
mod subscription;
mod subscriptions;
mod websocket;
mod why;

pub use examples::{Example, example};
pub use ledger::{Standing, Verdict};
pub use rules::{RULES, Rule};
pub use statement::{Caveat, Scope, Statement, Table};

use clients::Clients;
use connection::Connection;
use docket::Docket;
use ledger::Ledger;
use subscriptions::{Matched, Scratch};

use super::packets::clause_of;
use super::{Certainty, Finding};
use crate::capture::{FrameNo, Origin};
use crate::dissect::{Message, VersionKnownBy};
use crate::engine::{Event, FlowRef, Notice, NoticeKind};
use crate::flow::{Direction, KnownBy, PerDirection};
use crate::mqtt::{Body, Deviation, PacketType, Version};
use crate::session::{Delivery, Incident, IncidentKind, Open, Session, WillFate};
use crate::time::Timestamp;

/// Holds traffic against the statements.
#[derive(Debug, Default)]
pub struct Conformance {
    open: Open<Connection>,
    clients: Clients,
    cross: Option<cross::Cross>,
    ledger: Option<Ledger>,
    scratch: Scratch,
    /// The latest time so far.
    now: Option<Timestamp>,
}

impl Conformance {
    /// One that keeps a ledger, besides finding what is wrong, if that is asked for.
    ///
    /// `across` tells whether it looks at what several clients show together.
    pub(super) fn new(ledger: bool, across: bool) -> Self {
        Self { ledger: ledger.then(Ledger::default), cross: across.then(cross::Cross::default), ..Self::default() }
    }

    /// Asks for what leads to a connection.
    #[inline]
    pub(super) fn approach(&self, place: u32) {
        self.open.approach(place);
    }

    /// Asks for the memory that a message of the flow needs.
    #[inline]
    pub(super) fn prefetch(&mut self, flow: FrameNo, place: u32) {
        if let Some(connection) = self.open.arrive(flow, place) {
            connection.prefetch();
        }
    }

    /// Asks for what that memory points to.
    #[inline]
    pub(super) fn prefetch_parts(&self, flow: FrameNo) {
        if let Some(connection) = self.open.get(flow) {
            connection.exchanges.prefetch_parts();
            if let Some(entries) = &connection.entries {
                entries.prefetch();
            }
            if let Some(subscriptions) = &connection.subscriptions {
                subscriptions.prefetch();
            }
        }
    }

    /// A connection gives up what it holds of requests and subscriptions; what rests on these is not known any more.
    pub(super) fn relieve(&mut self, flow: FrameNo) {
        let Some(connection) = self.open.get_mut(flow) else { return };
        connection.lossy = PerDirection { to_server: true, to_client: true };
        connection.exchanges.forget();
        if let Some(subscriptions) = &mut connection.subscriptions {
            subscriptions.forget();
        }
    }

    /// How each statement stands, in the order of the table; nothing without a ledger.
    pub fn standings(&self) -> Vec<Standing> {
        self.ledger.as_ref().map(Ledger::standings).unwrap_or_default()
    }

    /// Takes the next event into account and appends what is to be said.
    pub(super) fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) if message.is_aside() => {
                // In which order it is with the others nobody has said.
                if let Some(connection) = self.open.get_mut(flow.id) {
                    connection.lossy = PerDirection { to_server: true, to_client: true };
                }
            }
            Event::Message(flow, message) => self.on_message(flow, message, findings),
            Event::Closing(flow, by, at) => {
                self.now = self.now.max(Some(at.time));
                if let Some(connection) = self.open.get_mut(flow.id) {
                    connection.closing.get_or_insert((*by, *at));
                }
            }
            Event::Flow(flow, _) => {
                self.now = self.now.max(Some(flow.last.time));
                if let Some(mut connection) = self.open.remove(flow.id) {
                    for direction in Direction::BOTH {
                        let side = &flow.connection.sides[direction];
                        let missing = side.missing_bytes() > 0 || side.unseen_tail_bytes() > 0;
                        connection.lossy[direction] |= missing || side.counters().packets == 0;
                    }
                    if let (Some(ledger), Some(facts)) = (&mut self.ledger, flow.app.websocket()) {
                        websocket::settle(facts, connection.version, flow.id, ledger);
                    }
                    self.settle(*connection, &FlowRef::of(flow), flow.last, findings);
                }
            }
            Event::Notice(notice) => self.on_notice(notice),
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..) => {}
        }
    }

    fn on_notice(&mut self, notice: &Notice) {
        match (notice.kind, notice.flow) {
            (NoticeKind::LostSync(direction, lost, version), Some(flow)) => {
                if let Some(connection) = self.open.get_mut(flow.id) {
                    connection.lossy[direction] = true;
                }
                if lost.reason == crate::mqtt::LostSyncReason::MalformedLength
                    && let Some(ledger) = &mut self.ledger
                {
                    ledger.broken(version, "MALFORMED-REMAINING-LENGTH", notice.origin.frame, Certainty::Certain);
                }
            }
            (NoticeKind::UnseenSince(direction) | NoticeKind::Quic(direction, _), Some(flow))
                if notice.kind.lacks().is_some() =>
            {
                if let Some(connection) = self.open.get_mut(flow.id) {
                    connection.lossy[direction] = true;
                }
            }
            // A client may have come and gone meanwhile, and published.
            (NoticeKind::FramesLost(_), _) => {
                self.clients.forget_all();
                if let Some(cross) = &mut self.cross {
                    cross.forget();
                }
            }
            _ => {}
        }
    }

    fn on_message(&mut self, flow: &FlowRef, message: &Message<'_>, findings: &mut Vec<Finding>) {
        self.now = self.now.max(Some(message.origin.time));
        let client = self.client(flow, message);
        let connection = self.open.get_or_insert_with(flow.id, || Connection::new(flow, message)).0;
        connection.server_was_heard = flow.begin[Direction::ToClient].is_some();
        connection.note_gaps(message);
        let mut entries = connection.entries.take();
        let mut docket = Docket {
            ledger: self.ledger.as_mut(),
            findings,
            entries: &mut entries,
            matched: Matched::default(),
            flow,
            version: message.packet.version,
            at: message.origin,
        };
        docket.tell_deferred(|direction| direction == message.direction, |direction| connection.lossy[direction]);
        note_deviations(message, &mut docket);
        if flow.known_by < KnownBy::FirstFrame {
            closing::note_error(connection, message);
        }
        let mut features = class::Features::default();
        // What is not whole shows too little of itself.
        if !message.incomplete {
            agreement::judge(connection, message, &mut docket);
            features = features.and(answers::follow(connection, message, &mut docket));
            features = features.and(subscriptions::follow(
                connection,
                message,
                &mut self.scratch,
                self.cross.as_ref(),
                &mut docket,
            ));
            if let Some(cross) = &mut self.cross {
                cross.follow(connection, message, &mut docket);
            }
        }
        if let Some(ledger) = &mut docket.ledger {
            ledger.packet(message.packet.version, features::class(connection, message, features));
        }
        connection.entries = entries;
        connection.note(message);
        if let Some((client, known)) = client
            && connection.client.is_none()
        {
            (connection.client, connection.known_before) = (Some(client), known);
        }
        if matches!(message.packet.body, Body::ConnAck(_))
            && let Some(client) = connection.client
            && connection.accepted()
        {
            if connection.is_known() { self.clients.know(client, flow.id) } else { self.clients.forget(client) }
        }
    }

    /// The client of a CONNECT, and whether its session is known from earlier connections.
    fn client(&self, flow: &FlowRef, message: &Message<'_>) -> Option<(clients::Key, bool)> {
        let Body::Connect(connect) = &message.packet.body else { return None };
        let client = self.clients.key(flow.server, connect.client_id?)?;
        let whole = |id: FrameNo| self.open.get(id).is_none_or(Connection::is_whole);
        Some((client, self.clients.latest(client).is_some_and(whole)))
    }

    fn settle(&mut self, mut connection: Connection, flow: &FlowRef, last: Origin, findings: &mut Vec<Finding>) {
        if let Some(client) = connection.client.filter(|_| !connection.is_whole()) {
            self.clients.forget(client);
        }
        let mut entries = connection.entries.take();
        let mut docket = Docket {
            ledger: self.ledger.as_mut(),
            findings,
            entries: &mut entries,
            matched: Matched::default(),
            flow,
            version: connection.version,
            at: last,
        };
        docket.tell_deferred(|_| true, |direction| connection.lossy[direction]);
        answers::settle(&connection, &mut docket);
        subscriptions::settle(&connection, &mut docket);
        if let Some(cross) = &mut self.cross {
            cross.retained.settle(&connection, &mut docket);
        }
        closing::settle(&connection, last, self.now.unwrap_or(last.time), &mut docket);
    }

    /// An incident was judged.
    pub(super) fn on_incident(&mut self, incident: &Incident, finding: &Finding) {
        if self.ledger.is_none() {
            return;
        }
        // 3.1 allows to send again after a time.
        if incident.version == Version::V31 && matches!(incident.kind, IncidentKind::ResentOnConnection(..)) {
            self.ledger.iter_mut().for_each(|ledger| ledger.kept(Version::V31, "V31-RETRY"));
            return;
        }
        let frame = incident.frames.last().copied().unwrap_or(incident.at.frame);
        let by = format!("{}/{}", finding.id, incident.by.name());
        let mut keys: Vec<&str> = finding.clause.into_iter().chain([finding.id.as_str(), by.as_str()]).collect();
        let of_type;
        if let IncidentKind::Unsolicited(packet_type, _) | IncidentKind::AcknowledgedTwice(packet_type, _) =
            incident.kind
        {
            of_type = format!("{}/{packet_type}", finding.id);
            keys.push(&of_type);
        }
        if incident.version == Version::V5
            && matches!(incident.kind, IncidentKind::KeepAliveExceeded(..))
            && self.sets_keep_alive(incident.flow.id)
        {
            keys.extend(OF_SERVER_KEEP_ALIVE);
        }
        let table = Table::get();
        let broken = keys.iter().flat_map(|key| table.broken_by(incident.version, key)).copied().collect();
        if let Some(ledger) = &mut self.ledger {
            break_all(ledger, broken, frame, incident.certainty);
        }
    }

    /// Whether the server of a connection sets the keep alive. A session is told before its flow, so that the connection
    /// is still there.
    fn sets_keep_alive(&self, flow: FrameNo) -> bool {
        let granted = self.open.get(flow).and_then(|connection| connection.granted.as_ref());
        granted.is_some_and(|granted| granted.keep_alive.is_some())
    }

    /// A session has ended: what only its whole course shows.
    pub(super) fn on_session(&mut self, session: &Session) {
        let of_server = self.sets_keep_alive(session.flow.id);
        let Some(ledger) = &mut self.ledger else { return };
        let version = session.version;
        let whole = !session.lossy.to_server && !session.lossy.to_client;
        if session.keep_alive.seconds.is_some_and(|seconds| seconds > 0) && session.connect.is_some() {
            let client: &[&str] = match version {
                Version::V31 => &["V31-KEEPALIVE-CLIENT"],
                Version::V311 => &["MQTT-3.1.2-23"],
                Version::V5 => &["MQTT-3.1.2-20"],
            };
            let set = if of_server { &OF_SERVER_KEEP_ALIVE[..] } else { &[] };
            for key in client.iter().chain(set).filter(|_| session.keep_alive.exceeded == 0) {
                if whole { ledger.kept(version, key) } else { ledger.unprovable(version, key, Caveat::Gap) }
            }
        }
        if session.taken_over.is_some() && !session.outlived_take_over() {
            let key = match version {
                Version::V31 => "V31-TAKEOVER",
                Version::V311 => "MQTT-3.1.4-2",
                Version::V5 => "MQTT-3.1.4-3",
            };
            ledger.kept(version, key);
        }
        if session.will.is_some() {
            note_will(session, ledger);
        }
    }

    /// A delivery is over.
    pub(super) fn on_delivery(&mut self, delivery: &Delivery) {
        let Some(ledger) = &mut self.ledger else { return };
        let version = delivery.version;
        if let Some(published) = &delivery.published {
            let key = if version == Version::V5 { "MQTT-4.6.0-5" } else { "MQTT-4.6.0-6" };
            if published.out_of_order {
                ledger.broken(version, key, delivery.first.place.at.frame, Certainty::Hint);
            } else {
                ledger.kept(version, key);
            }
        }
        if let Some(receipts) = &delivery.receipts {
            for _ in &receipts.got {
                ledger.kept(version, "MQTT-4.5.0-1");
            }
            for _ in &receipts.missed {
                ledger.unprovable(version, "MQTT-4.5.0-1", Caveat::Cross);
            }
        }
    }
}

/// What a client breaks besides, whose keep alive is the server's.
const OF_SERVER_KEEP_ALIVE: [&str; 2] = ["MQTT-3.1.2-21", "MQTT-3.2.2-21"];

/// What became of a will, as the statements see it.
fn note_will(session: &Session, ledger: &mut Ledger) {
    let version = session.version;
    let publish = if version == Version::V31 { "V31-WILL-PUBLISH" } else { "MQTT-3.1.2-8" };
    match session.will_fate {
        Some(WillFate::Published) => ledger.kept(version, publish),
        Some(WillFate::Discarded) => {
            ledger.kept(version, "MQTT-3.14.4-3");
            ledger.kept(version, publish);
        }
        _ => ledger.unprovable(version, publish, Caveat::Cross),
    }
}

/// Each deviation fails the statements that it breaks.
fn note_deviations(message: &Message<'_>, docket: &mut Docket<'_>) {
    let packet = &message.packet;
    if packet.deviations.is_empty() {
        return;
    }
    let Some(ledger) = &mut docket.ledger else { return };
    let certainty = match message.version_known_by {
        _ if message.resynced => Certainty::Hint,
        VersionKnownBy::Inferred if packet.header.packet_type != PacketType::Connect => Certainty::Likely,
        VersionKnownBy::Inferred | VersionKnownBy::Connect | VersionKnownBy::Option => Certainty::Certain,
    };
    let mut broken = Vec::new();
    for Deviation { kind, .. } in &packet.deviations {
        let name = kind.name();
        let part = format!("{name}/{}", kind.part());
        let in_packet = format!("{part}/{}", packet.header.packet_type);
        for key in [clause_of(*kind, message), name, &part, &in_packet] {
            broken.extend(Table::get().broken_by(packet.version, key));
        }
    }
    break_all(ledger, broken, message.origin.frame, certainty);
}

/// Each statement that breaks with one of these fails once.
fn break_all(ledger: &mut Ledger, mut broken: Vec<usize>, frame: FrameNo, certainty: Certainty) {
    broken.sort_unstable();
    broken.dedup();
    for index in broken {
        ledger.break_one(index, frame, certainty);
    }
}
