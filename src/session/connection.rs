//! The session on one connection: who connected, what was agreed, what passed, how it ended.

use super::allowance::Allowance;
use super::client::ClientKey;
use super::counts::{Counts, Limits};
use super::delivery::{Boxes, Deliveries, Delivery, DeliveryOutcome, Faults, Name, PacketRef, Sending, Told};
use super::details::Details;
use super::digest::Digest;
use super::exchange::Exchanges;
use super::incident::{Certainty, IncidentKind};
use super::judge::Judge;
use super::keep_alive::KeepAlive;
use super::subscription::{Change, Subscriptions};
use super::tally::Tally;
use super::will::WillState;
use crate::capture::Origin;
use crate::dissect::Message;
use crate::engine::FlowRef;
use crate::flow::{Direction, KnownBy, PerDirection, Role};
use crate::mqtt::{Body, ConnAck, Connect, PacketType, Properties, PropertyId, PropertyValue, Version};
use crate::prefetch::prefetch;
use crate::rare::Rare;
use crate::text::kept_name;

/// What two ends keep of each other beyond a connection (MQTT 5.0, section 4.1).
#[derive(Debug, Clone, Default)]
pub struct SessionState {
    /// The client's subscriptions.
    pub subscriptions: Rare<Subscriptions>,
    /// Exchanges by the direction of the PUBLISH.
    pub exchanges: PerDirection<Rare<Exchanges>>,
    /// Whether it is known from its beginning.
    pub(super) known: bool,
}

impl SessionState {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && Direction::BOTH.iter().all(|direction| self.exchanges[*direction].open() == 0)
    }

    /// What a later connection takes; what waits for the other direction stays with this one.
    pub(super) fn hand_over(&mut self) -> Self {
        let mut state = std::mem::take(self);
        if let Some(early) = state.subscriptions.made().and_then(Subscriptions::leave_early) {
            *self.subscriptions = early;
        }
        for direction in Direction::BOTH {
            if let Some(early) = state.exchanges[direction].made().and_then(Exchanges::leave_early) {
                *self.exchanges[direction] = early;
            }
        }
        state
    }

    /// Takes over what was begun on a new connection before the session went on, of which `deliveries` are the counts.
    pub(super) fn absorb(
        &mut self,
        newer: Self,
        deliveries: &mut PerDirection<Rare<Deliveries>>,
        mut over: Option<&mut Boxes>,
        judge: &mut Judge<'_>,
    ) {
        self.subscriptions.absorb(newer.subscriptions.into_inner());
        let PerDirection { to_server, to_client } = newer.exchanges;
        for (direction, begun) in [(Direction::ToServer, to_server), (Direction::ToClient, to_client)] {
            judge.receiver = Some(direction.receiver());
            let tally = &mut Tally { of: &mut deliveries[direction], over: over.as_deref_mut() };
            self.exchanges[direction].absorb(begun.into_inner(), judge, tally);
        }
    }
}

/// The first FIN or RST of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) by: Role,
    pub(super) at: Origin,
}

/// Seconds that stand for a session that never expires.
pub const NEVER: u32 = u32::MAX;

/// A DISCONNECT: who sent it, its code, where.
pub(super) type Disconnected = (Role, Option<u8>, Origin);

/// The session on one connection. What only some have is in its [`Details`], which read as if they were part of it.
///
/// With thousands of connections each message waits for the memory of its session. So what all of them ask stands together,
/// and what follows `flow` is for a few.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Session {
    /// Counts by direction.
    pub counts: PerDirection<Counts>,
    /// The last message.
    pub last: Origin,
    /// What outlives the connection; empty once a later connection has taken it, or this one has ended.
    pub state: SessionState,
    /// What came of the exchanges, by the direction of the PUBLISH.
    pub deliveries: PerDirection<Rare<Deliveries>>,
    pub(super) disconnect: Option<Box<Disconnected>>,
    pub(super) incidents_told: u32,
    /// The version as of the last message.
    pub version: Version,
    /// Whether messages of a direction are missing in the capture.
    pub lossy: PerDirection<bool>,
    /// Bytes are missing, not only unreadable, so that a packet before what was captured may be.
    pub(super) holes: bool,
    /// Whether the connection that takes this one's place was accepted.
    pub(super) replaced: bool,
    /// The capture has the connection from its first segment.
    pub(super) from_start: bool,
    pub(super) late_told: bool,
    pub(super) qos_told: bool,
    /// The client has its CONNACK: it has acknowledged all that the server had sent by then.
    pub(super) aware: bool,
    /// The CONNACK, with its code and Session Present.
    pub connack: Option<(Origin, u8, bool)>,
    /// What the receiver of each direction allows.
    pub limits: PerDirection<Limits>,
    /// Keep alive.
    pub keep_alive: KeepAlive,
    /// The flow that carries it.
    pub flow: FlowRef,
    pub(super) details: Rare<Details>,
    /// The first message.
    pub first: Origin,
    /// Messages that deviate from the specification.
    pub deviating: u64,
    pub(super) closed: Option<Closed>,
    /// The last packet that breaks the protocol, and who sent it.
    pub(super) last_error: Option<(Role, Origin)>,
}

/// What happens while a message is at hand.
pub(super) struct Context<'a> {
    pub(super) judge: Judge<'a>,
    /// Takes the deliveries that are over, where they are told.
    pub(super) over: Option<&'a mut Boxes>,
    /// Takes the subscriptions that change, where somebody wants to know.
    pub(super) changes: Option<&'a mut Vec<Change>>,
    pub(super) digest: Option<Digest>,
    pub(super) topic: Option<Name>,
}

impl Session {
    /// Asks for the memory that the next message needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        // One of each line, wherever they begin.
        prefetch(&self.counts.to_server);
        prefetch(&self.counts.to_client);
        prefetch(&self.last);
        prefetch(&self.deliveries);
        prefetch(&self.connack);
        self.keep_alive.prefetch();
        prefetch(&self.flow);
    }

    /// Asks for what these parts of it point to.
    #[inline]
    pub(super) fn prefetch_parts(&self) {
        for direction in Direction::BOTH {
            if let Some(exchanges) = self.state.exchanges[direction].boxed() {
                exchanges.prefetch();
            }
            if let Some(deliveries) = self.deliveries[direction].boxed() {
                prefetch(deliveries);
            }
        }
        if let Some(details) = self.details.boxed() {
            prefetch(&details.connect);
        }
        if let Some(subscriptions) = self.state.subscriptions.boxed() {
            subscriptions.prefetch();
        }
    }

    pub(super) fn new(flow: FlowRef, message: &Message<'_>) -> Self {
        Self {
            flow,
            version: message.packet.version,
            lossy: PerDirection::default(),
            holes: false,
            replaced: false,
            from_start: flow.known_by <= KnownBy::SynAck,
            late_told: false,
            qos_told: false,
            aware: false,
            incidents_told: 0,
            first: message.origin,
            last: message.origin,
            counts: PerDirection::default(),
            connack: None,
            limits: PerDirection::default(),
            state: SessionState::default(),
            keep_alive: KeepAlive::default(),
            deliveries: PerDirection::default(),
            deviating: 0,
            closed: None,
            disconnect: None,
            last_error: None,
            details: Rare::new(),
        }
    }

    /// The flow as it is named now: who is the client may have turned out to be the other end.
    pub(super) fn name(&mut self, flow: &FlowRef) {
        let FlowRef { begin, from_start, known_by, lacks, .. } = self.flow;
        if known_by != flow.known_by || from_start != flow.from_start || begin != flow.begin || lacks != flow.lacks {
            self.flow = *flow;
        }
        let unacknowledged = self.flow.unacknowledged;
        debug_assert_eq!(
            self.flow,
            FlowRef { unacknowledged, ..*flow },
            "nothing else of it that is asked for changes"
        );
    }

    /// Whether the session is known from its beginning, and nothing of this connection is missing.
    pub(super) const fn is_known(&self) -> bool {
        self.state.known && !self.lacks_any()
    }

    /// Whether packets of one of the directions are missing. What an end knows of the other shows in its acknowledgements,
    /// so that with its packet it is known whether the capture has what it answers to.
    pub(super) const fn lacks_any(&self) -> bool {
        self.lacks(Direction::ToServer) || self.lacks(Direction::ToClient)
    }

    /// Whether packets of a direction are missing, or may be.
    pub(super) const fn lacks(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.lossy.to_server || self.flow.lacks.to_server,
            Direction::ToClient => self.lossy.to_client || self.flow.lacks.to_client,
        }
    }

    /// Whether both directions of this connection were captured, and nothing of them is missing.
    pub(super) fn is_whole(&self) -> bool {
        Direction::BOTH.iter().all(|direction| !self.counts[*direction].is_empty() && !self.lacks(*direction))
    }

    /// Whether the server let the client in.
    pub(super) fn is_accepted(&self) -> bool {
        self.connack.is_some_and(|(_, code, _)| code == 0)
    }

    /// Whether the server refused the client.
    pub(super) fn is_refused(&self) -> bool {
        self.connack.is_some_and(|(_, code, _)| code != 0)
    }

    /// Whether the session outlives its connection.
    pub(super) fn is_kept(&self) -> bool {
        self.expiry.is_some_and(|seconds| seconds > 0)
    }

    /// The client as its broker knows it, where it has an identifier.
    pub(super) fn client_key(&self) -> Option<ClientKey> {
        let id = self.client_id.clone().filter(|id| !id.is_empty())?;
        Some(ClientKey { broker: self.flow.server, id })
    }

    /// Whether the server went on with this connection although another had taken its place.
    pub const fn outlived_take_over(&self) -> bool {
        self.late_told
    }

    /// Where a packet of this connection stands.
    const fn place(&self, at: Origin) -> PacketRef {
        PacketRef { flow: self.flow.id, at }
    }

    /// Counts a message, and notes what every message tells.
    pub(super) fn count(&mut self, message: &Message<'_>) {
        let packet = &message.packet;
        let header = packet.header;
        self.version = packet.version;
        self.last = message.origin;
        if message.missing > 0 || message.resynced || message.incomplete {
            self.lossy[message.direction] = true;
            self.holes |= !message.resynced;
        }
        let qos = matches!(packet.body, Body::Publish(_)) && !message.incomplete;
        self.counts[message.direction].add(header.packet_type, qos.then_some(header.qos()), header.packet_length());
        if packet.deviations.is_empty() {
            return;
        }
        self.deviating += 1;
        let worst = packet.deviations.iter().map(|deviation| deviation.kind.severity(packet.version)).max();
        if worst >= Some(crate::mqtt::Severity::ProtocolError) {
            self.last_error = Some((message.direction.sender(), message.origin));
        }
    }

    /// Takes a whole message into account.
    pub(super) fn on_message(&mut self, message: &Message<'_>, context: &mut Context<'_>) {
        let packet = &message.packet;
        let (direction, origin) = (message.direction, message.origin);
        let by = direction.sender();
        if direction == Direction::ToServer {
            self.check_silence(packet.header.packet_type, message.started.time, origin, &mut context.judge);
        }
        self.aware |= self.connack.is_some() && !context.judge.flow.unacknowledged.to_client;
        self.check_size(message, &mut context.judge);
        match &packet.body {
            Body::Publish(publish) => self.on_publish(message, publish.packet_id, publish.payload_length, context),
            Body::Ack(ack) => {
                let Some(id) = ack.packet_id else { return };
                self.on_ack(packet.header.packet_type, id, ack.reason_code.unwrap_or(0), direction, origin, context);
            }
            Body::Connect(connect) if self.connect.is_none() => self.on_connect(connect, origin, context),
            Body::ConnAck(connack) if self.connack.is_none() => self.on_connack(connack, origin, context),
            Body::Subscribe(subscribe) => {
                let in_use = self.state.subscriptions.on_subscribe(subscribe, message.missing == 0, origin);
                self.check_request_id(subscribe.packet_id, in_use, origin, &mut context.judge);
                self.answer_early(PacketType::SubAck, subscribe.packet_id, context);
            }
            Body::Unsubscribe(unsubscribe) => {
                let in_use = self.state.subscriptions.on_unsubscribe(unsubscribe, message.missing == 0, origin);
                self.check_request_id(unsubscribe.packet_id, in_use, origin, &mut context.judge);
                self.answer_early(PacketType::UnsubAck, unsubscribe.packet_id, context);
            }
            Body::SubAck(suback) => {
                let Some(id) = suback.packet_id.filter(|_| message.missing == 0) else { return };
                let changes = context.changes.as_deref_mut();
                let answer = self.state.subscriptions.on_suback(id, suback.codes, changes);
                self.check_answer(answer, PacketType::SubAck, id, suback.codes, origin, &mut context.judge);
            }
            Body::UnsubAck(unsuback) => {
                let Some(id) = unsuback.packet_id.filter(|_| message.missing == 0) else { return };
                let has_codes = packet.version == Version::V5;
                let changes = context.changes.as_deref_mut();
                let answer = self.state.subscriptions.on_unsuback(id, unsuback.codes, has_codes, changes);
                self.check_answer(answer, PacketType::UnsubAck, id, unsuback.codes, origin, &mut context.judge);
            }
            Body::Disconnect(disconnect) if self.disconnect.is_none() => {
                self.disconnect = Some(Box::new((by, disconnect.reason_code, origin)));
                if let Some(seconds) = expiry_of(disconnect.properties)
                    && by == Role::Client
                {
                    if self.asked_expiry == Some(0) && seconds > 0 {
                        // A protocol error, so that the server does not heed it (MQTT 5.0, section 3.14.2.2.2).
                        let frames: Vec<_> = self.connect.iter().chain([&origin]).map(|at| at.frame).collect();
                        let kind = IncidentKind::ExpiryRaised(seconds);
                        context.judge.tell(kind, by, &frames, Certainty::Certain);
                        self.last_error = Some((by, origin));
                    } else {
                        self.expiry = Some(seconds);
                    }
                }
            }
            Body::Ping if packet.header.packet_type == PacketType::PingResp => {
                self.keep_alive.on_ping_response(origin.time);
            }
            Body::Connect(_)
            | Body::ConnAck(_)
            | Body::Disconnect(_)
            | Body::Ping
            | Body::Auth(_)
            | Body::Reserved(_) => {}
        }
    }

    fn on_connect(&mut self, connect: &Connect<'_>, origin: Origin, context: &mut Context<'_>) {
        self.connect = Some(origin);
        // What the CONNACK says counts, though it may have been captured before.
        if !self.client_id_assigned {
            self.client_id = connect.client_id.map(|id| kept_name(id).into());
        }
        self.clean_start = connect.clean_start();
        self.bridge = connect.bridge();
        self.keep_alive.seconds = self.keep_alive.seconds.or(connect.keep_alive);
        self.has_username = connect.has_username();
        self.username = connect.username.map(|name| kept_name(name).into());
        self.will = connect.will.zip(context.digest).map(|(will, digest)| Box::new(WillState::new(&will, digest)));
        let is_5 = self.version == Version::V5;
        self.asked_expiry = match (is_5, connect.clean_start()) {
            // What follows the properties was read, so all of them were.
            (true, _) => expiry_of(connect.properties).or(connect.client_id.map(|_| 0)),
            // Before 5.0 a session is either for one connection or for ever.
            (false, clean) => clean.map(|clean| if clean { 0 } else { NEVER }),
        };
        self.expiry = self.expiry.or(self.asked_expiry);
        if is_5 {
            self.limits.to_client = Limits::of(connect.properties);
        }
    }

    fn on_connack(&mut self, connack: &ConnAck<'_>, origin: Origin, context: &mut Context<'_>) {
        let (Some(code), Some(session_present)) = (connack.code, connack.session_present()) else { return };
        // 3.1 has no Session Present; the byte is unused there.
        let session_present = session_present && self.version != Version::V31;
        self.connack = Some((origin, code, session_present));
        let number = |id| connack.properties.get(id).and_then(PropertyValue::number);
        if let Some(PropertyValue::Text(id)) = connack.properties.get(PropertyId::AssignedClientIdentifier) {
            self.client_id = Some(kept_name(id).into());
            self.client_id_assigned = true;
        } else if code == 0
            && self.version == Version::V5
            && self.client_id.as_deref().is_some_and(<[u8]>::is_empty)
            && let Some(connect) = self.connect
        {
            let frames = [connect.frame, origin.frame];
            context.judge.tell(IncidentKind::NoClientIdAssigned, Role::Server, &frames, Certainty::Certain);
        }
        if let Some(seconds) = number(PropertyId::ServerKeepAlive) {
            self.keep_alive.seconds = Some(seconds as u16);
        }
        if let Some(seconds) = number(PropertyId::SessionExpiryInterval) {
            self.expiry = Some(seconds);
        }
        if self.version == Version::V5 {
            self.limits.to_server = Limits::of(connack.properties);
        }
    }

    fn on_publish(
        &mut self,
        message: &Message<'_>,
        packet_id: Option<u16>,
        payload_length: Option<u32>,
        context: &mut Context<'_>,
    ) {
        let (direction, header) = (message.direction, message.packet.header);
        let origin = message.origin;
        let by = direction.sender();
        self.check_alias(message, &mut context.judge);
        if direction == Direction::ToClient && header.qos() > 0 {
            self.check_granted(message, &mut context.judge);
        }
        let Some(digest) = context.digest else { return };
        if packet_id.is_none() && context.over.is_none() {
            // Nobody asks for what is over as soon as it is sent.
            return;
        }
        let mut told = Rare::new();
        if context.over.is_some() {
            *told = Told {
                client_id: self.client_id.clone(),
                topic: context.topic.clone(),
                payload_length,
                ..Told::new(self.flow)
            };
        }
        let delivery = Box::new(Delivery {
            direction,
            version: message.packet.version,
            qos: header.qos(),
            retain: header.retain(),
            packet_id,
            first: Sending { place: self.place(origin), dup: header.dup() },
            resends: 0,
            acknowledged: None,
            released: None,
            completed: None,
            outcome: match (packet_id, header.qos()) {
                (_, 0) => DeliveryOutcome::Sent,
                (Some(_), _) => DeliveryOutcome::Open,
                // What was captured of it ends before its identifier.
                (None, _) => DeliveryOutcome::Unresolved,
            },
            faults: Faults::default(),
            digest,
            release_flow: None,
            owed: 0,
            demanded: 0,
            number: 0,
            told,
        });
        let tally = &mut Tally { of: &mut self.deliveries[direction], over: context.over.as_deref_mut() };
        if packet_id.is_none() {
            if let Some(over) = &mut tally.over {
                over.push(delivery);
            }
            return;
        }
        if direction == Direction::ToServer
            && let Some(id) = packet_id
            && self.state.subscriptions.is_open(id)
            && context.judge.known
        {
            // One name space for all that the client numbers (MQTT-2.2.1-3).
            let kind = IncidentKind::IdentifierInUse(id);
            context.judge.tell(kind, by, &[origin.frame], Certainty::Likely);
        }
        let exchanges = &mut self.state.exchanges[direction];
        context.judge.receiver = Some(direction.receiver());
        let before = exchanges.in_flight();
        exchanges.on_publish(delivery, &mut context.judge, tally);
        let open = exchanges.in_flight();
        if let Some(maximum) = self.limits[direction].receive_maximum
            && open > u32::from(maximum)
            && open > before
            && !self.lacks(direction.reverse())
            && !self.is_unaware(message, &context.judge)
        {
            self.last_error = Some((by, origin));
            let kind = IncidentKind::ReceiveMaximum(open, maximum);
            context.judge.tell(kind, by, &[origin.frame], Certainty::Likely);
        }
    }

    fn on_ack(
        &mut self,
        packet_type: PacketType,
        id: u16,
        code: u8,
        direction: Direction,
        origin: Origin,
        context: &mut Context<'_>,
    ) {
        let place = self.place(origin);
        // PUBREL goes the way of its PUBLISH, the others come back.
        let of = if packet_type == PacketType::PubRel { direction } else { direction.reverse() };
        context.judge.receiver = Some(of.receiver());
        let tally = &mut Tally { of: &mut self.deliveries[of], over: context.over.as_deref_mut() };
        let exchanges = &mut self.state.exchanges[of];
        if packet_type == PacketType::PubRel {
            exchanges.on_release(id, place, direction.sender(), &mut context.judge, tally);
        } else {
            exchanges.on_acknowledgement(packet_type, id, code, place, &mut context.judge, tally);
        }
    }

    /// Tells acknowledgements that waited in vain for their message, after a message of this direction; all of them at
    /// the end, where there is none.
    pub(super) fn settle(&mut self, after: Option<Direction>, judge: &mut Judge<'_>) {
        // What was lost shows with the next message of its direction, however late that is.
        match after {
            Some(direction) => self.settle_exchanges(direction, false, judge),
            None => Direction::BOTH.into_iter().for_each(|direction| self.settle_exchanges(direction, true, judge)),
        }
        if after == Some(Direction::ToClient) {
            return;
        }
        let now = after.is_some().then_some(judge.at.time);
        let Some(subscriptions) = self.state.subscriptions.made().filter(|held| held.has_early()) else { return };
        for early in subscriptions.settle(now).into_iter().filter(|early| early.known && !self.holes) {
            let (kind, frames) = match early.before {
                Some(before) => {
                    let kind = IncidentKind::AcknowledgedTwice(early.packet_type, early.packet_id);
                    (kind, vec![before, early.at.frame])
                }
                None => (IncidentKind::Unsolicited(early.packet_type, early.packet_id), vec![early.at.frame]),
            };
            judge.tell_at(kind, Role::Server, &frames, early.at, Certainty::Likely);
        }
    }

    fn settle_exchanges(&mut self, direction: Direction, all: bool, judge: &mut Judge<'_>) {
        if let Some(exchanges) = self.state.exchanges[direction].made().filter(|exchanges| exchanges.has_early()) {
            judge.receiver = Some(direction.receiver());
            exchanges.settle(all, self.holes, judge);
        }
    }

    /// The answer to a request may have been captured before it.
    fn answer_early(&mut self, packet_type: PacketType, packet_id: Option<u16>, context: &mut Context<'_>) {
        let subscriptions = &mut self.state.subscriptions;
        let Some(id) = packet_id else { return };
        let Some(codes) = subscriptions.take_early(packet_type, id) else { return };
        let changes = context.changes.as_deref_mut();
        if packet_type == PacketType::SubAck {
            subscriptions.on_suback(id, &codes, changes);
        } else {
            subscriptions.on_unsuback(id, &codes, self.version == Version::V5, changes);
        }
    }

    /// Notes what there is of the state, because a later connection takes it or the connection has ended.
    pub(super) fn freeze(&mut self, allowance: &mut Allowance) {
        let held = &self.state.subscriptions;
        let messages = Direction::BOTH.iter().map(|direction| self.counts[*direction].total()).sum();
        let (all, no_room) = allowance.list(held, messages);
        let left_out = held.left_out + no_room;
        if !all.is_empty() || !self.subscriptions.is_empty() || left_out > 0 {
            (self.subscriptions, self.subscriptions_left_out) = (all, left_out);
        }
        for direction in Direction::BOTH {
            let open = self.state.exchanges[direction].open() as u64;
            if open != self.deliveries[direction].counts.open {
                self.deliveries[direction].counts.open = open;
            }
        }
    }
}

fn expiry_of(properties: Properties<'_>) -> Option<u32> {
    properties.get(PropertyId::SessionExpiryInterval).and_then(PropertyValue::number)
}
