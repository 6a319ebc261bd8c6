//! The session on one connection: who connected, what was agreed, what passed, how it ended.

use std::collections::BTreeMap;

use super::delivery::Deliveries;
use crate::capture::{FrameNo, Origin};
use crate::dissect::Message;
use crate::flow::{CloseKind, Connection, Outcome, PerDirection, Role};
use crate::mqtt::{Body, PacketType, PropertyId, PropertyValue, Version};

/// The most bytes of topic filters kept of a session: some ten thousand of usual length, far more than brokers allow.
const FILTER_BYTES: usize = 1 << 20;

/// What an entry costs besides its bytes.
const FILTER_COST: usize = 64;

/// Messages by type in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    by_type: [u64; 16],
    /// PUBLISH by QoS 0, 1, 2, and the forbidden 3.
    pub publish_by_qos: [u64; 4],
    /// Bytes of all messages on the wire.
    pub bytes: u64,
}

impl Counts {
    /// How many of a type.
    pub const fn of(&self, packet_type: PacketType) -> u64 {
        self.by_type[packet_type as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.by_type.iter().sum()
    }
}

/// A subscription as far as it was seen to be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionState {
    /// The QoS asked for.
    pub requested_qos: u8,
    /// What the server answered: a granted QoS, or a failure from 0x80 on; absent where no answer was seen.
    pub answer: Option<u8>,
    /// The frame of the SUBSCRIBE.
    pub frame: FrameNo,
}

/// In which way a session's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndKind {
    /// With a DISCONNECT.
    Disconnect,
    /// The server refused it with its CONNACK.
    Refused,
    /// With a FIN, without DISCONNECT.
    Fin,
    /// With a RST, without DISCONNECT.
    Rst,
    /// Not within the capture.
    Open,
}

impl EndKind {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Refused => "refused",
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Open => "open",
        }
    }
}

/// How a session's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// In which way.
    pub kind: EndKind,
    /// Who ended it.
    pub by: Option<Role>,
    /// The reason or return code, with the type of packet that carries it.
    pub code: Option<(PacketType, u8)>,
    /// The frame that shows it.
    pub at: Option<Origin>,
}

#[derive(Debug, Clone)]
enum Pending {
    Subscribe(Vec<(Box<[u8]>, u8)>, FrameNo),
    Unsubscribe(Vec<Box<[u8]>>),
}

/// The session on one connection.
#[derive(Debug, Clone)]
pub struct Session {
    /// The flow that carries it.
    pub flow: FrameNo,
    /// The version as of the last message.
    pub version: Version,
    /// The client identifier: of the CONNECT, or assigned by the server.
    pub client_id: Option<Box<[u8]>>,
    /// Whether the server assigned it.
    pub client_id_assigned: bool,
    /// The CONNECT.
    pub connect: Option<Origin>,
    /// Clean Start or Clean Session of the CONNECT.
    pub clean_start: Option<bool>,
    /// Whether the client said it is a bridge.
    pub bridge: bool,
    /// Whether a will was given.
    pub will_topic: Option<Box<[u8]>>,
    /// The user name.
    pub username: Option<Box<[u8]>>,
    /// The CONNACK, with its code and Session Present.
    pub connack: Option<(Origin, u8, bool)>,
    /// Keep alive in seconds: the server's where it gave one (5.0), else the client's.
    pub keep_alive: Option<u16>,
    /// The first message.
    pub first: Origin,
    /// The last message.
    pub last: Origin,
    /// Counts by direction.
    pub counts: PerDirection<Counts>,
    /// Exchanges by the direction of the PUBLISH.
    pub deliveries: PerDirection<Deliveries>,
    /// Messages that deviate from the specification.
    pub deviating: u64,
    /// Subscriptions by filter.
    pub subscriptions: BTreeMap<Box<[u8]>, SubscriptionState>,
    /// Subscriptions that are not among them, because there were too many.
    pub subscriptions_left_out: u64,
    filter_bytes: usize,
    pending: BTreeMap<u16, Pending>,
    disconnect: Option<(Role, Option<u8>, Origin)>,
}

impl Session {
    pub(super) fn new(flow: FrameNo, message: &Message<'_>) -> Self {
        Self {
            flow,
            version: message.packet.version,
            client_id: None,
            client_id_assigned: false,
            connect: None,
            clean_start: None,
            bridge: false,
            will_topic: None,
            username: None,
            connack: None,
            keep_alive: None,
            first: message.origin,
            last: message.origin,
            counts: PerDirection::default(),
            deliveries: PerDirection::default(),
            deviating: 0,
            subscriptions: BTreeMap::new(),
            subscriptions_left_out: 0,
            filter_bytes: 0,
            pending: BTreeMap::new(),
            disconnect: None,
        }
    }

    pub(super) fn on_message(&mut self, message: &Message<'_>) {
        let packet = &message.packet;
        let header = packet.header;
        let direction = message.direction;
        self.version = packet.version;
        self.last = message.origin;
        self.deviating += u64::from(!packet.deviations.is_empty());
        let counts = &mut self.counts[direction];
        counts.by_type[header.packet_type as usize] += 1;
        counts.bytes += header.packet_length();
        if message.incomplete {
            return;
        }
        let time = message.origin.time;
        match &packet.body {
            Body::Publish(publish) => {
                counts.publish_by_qos[usize::from(header.qos() & 3)] += 1;
                if let Some(id) = publish.packet_id {
                    self.deliveries[direction].on_publish(id, header.qos(), header.dup(), time);
                }
            }
            Body::Ack(ack) => {
                let Some(id) = ack.packet_id else { return };
                if header.packet_type == PacketType::PubRel {
                    self.deliveries[direction].on_release(id);
                } else {
                    let reason = ack.reason_code.unwrap_or(0);
                    self.deliveries[direction.reverse()].on_acknowledgement(header.packet_type, id, reason, time);
                }
            }
            Body::Connect(connect) if self.connect.is_none() => {
                self.connect = Some(message.origin);
                self.client_id = connect.client_id.map(Into::into);
                self.clean_start = Some(connect.clean_start());
                self.bridge = connect.bridge();
                self.keep_alive = Some(connect.keep_alive);
                self.username = connect.username.map(Into::into);
                self.will_topic = connect.will.map(|will| will.topic.into());
            }
            Body::ConnAck(connack) if self.connack.is_none() => {
                let (Some(code), Some(session_present)) = (connack.code, connack.session_present()) else { return };
                self.connack = Some((message.origin, code, session_present));
                let assigned = connack.properties.get(PropertyId::AssignedClientIdentifier);
                if let Some(PropertyValue::Text(id)) = assigned {
                    self.client_id = Some(id.into());
                    self.client_id_assigned = true;
                }
                if let Some(seconds) =
                    connack.properties.get(PropertyId::ServerKeepAlive).and_then(PropertyValue::number)
                {
                    self.keep_alive = Some(seconds as u16);
                }
            }
            Body::Subscribe(subscribe) => {
                let mut filters = Vec::new();
                for wanted in subscribe.filters {
                    if self.make_room(wanted.filter) {
                        filters.push((wanted.filter.into(), wanted.qos()));
                    }
                }
                self.wait_for(subscribe.packet_id, Pending::Subscribe(filters, message.origin.frame));
            }
            Body::Unsubscribe(unsubscribe) => {
                let mut filters = Vec::new();
                for filter in unsubscribe.filters {
                    if self.make_room(filter) {
                        filters.push(filter.into());
                    }
                }
                self.wait_for(unsubscribe.packet_id, Pending::Unsubscribe(filters));
            }
            Body::SubAck(suback) => self.on_suback(suback.packet_id, suback.codes),
            Body::UnsubAck(unsuback) => self.on_unsuback(unsuback.packet_id, unsuback.codes),
            Body::Disconnect(disconnect) if self.disconnect.is_none() => {
                self.disconnect = Some((direction.sender(), disconnect.reason_code, message.origin));
            }
            Body::Connect(_)
            | Body::ConnAck(_)
            | Body::Disconnect(_)
            | Body::Ping
            | Body::Auth(_)
            | Body::Reserved(_) => {}
        }
    }

    /// Whether there is room for another filter; if not, it is counted as left out.
    fn make_room(&mut self, filter: &[u8]) -> bool {
        let room = self.filter_bytes + filter.len() + FILTER_COST <= FILTER_BYTES;
        if room {
            self.filter_bytes += filter.len() + FILTER_COST;
        } else {
            self.subscriptions_left_out += 1;
        }
        room
    }

    /// A filter is kept no more.
    fn forget(&mut self, filter: &[u8]) {
        self.filter_bytes = self.filter_bytes.saturating_sub(filter.len() + FILTER_COST);
    }

    fn wait_for(&mut self, packet_id: Option<u16>, pending: Pending) {
        let Some(packet_id) = packet_id else { return };
        if let Some(old) = self.pending.insert(packet_id, pending) {
            self.forget_pending(&old);
        }
    }

    fn forget_pending(&mut self, pending: &Pending) {
        match pending {
            Pending::Subscribe(filters, _) => filters.iter().for_each(|(filter, _)| self.forget(filter)),
            Pending::Unsubscribe(filters) => filters.iter().for_each(|filter| self.forget(filter)),
        }
    }

    fn on_suback(&mut self, packet_id: Option<u16>, codes: &[u8]) {
        let Some(packet_id) = packet_id else { return };
        let Some(pending) = self.pending.remove(&packet_id) else { return };
        let Pending::Subscribe(filters, frame) = pending else {
            self.pending.insert(packet_id, pending);
            return;
        };
        for (at, (filter, requested_qos)) in filters.into_iter().enumerate() {
            let answer = codes.get(at).copied();
            let length = filter.len();
            let state = SubscriptionState { requested_qos, answer, frame };
            if self.subscriptions.insert(filter, state).is_some() {
                self.filter_bytes = self.filter_bytes.saturating_sub(length + FILTER_COST);
            }
        }
    }

    fn on_unsuback(&mut self, packet_id: Option<u16>, codes: &[u8]) {
        let Some(packet_id) = packet_id else { return };
        let Some(pending) = self.pending.remove(&packet_id) else { return };
        let Pending::Unsubscribe(filters) = &pending else {
            self.pending.insert(packet_id, pending);
            return;
        };
        for (at, filter) in filters.iter().enumerate() {
            // Before 5.0 there is one answer for all, and it is yes (MQTT-3.10.4-4).
            if codes.get(at).is_none_or(|code| *code < 0x80) && self.subscriptions.remove(filter).is_some() {
                self.forget(filter);
            }
        }
        self.forget_pending(&pending);
    }

    /// Subscriptions that were asked for and not answered.
    pub fn unanswered_subscriptions(&self) -> impl Iterator<Item = (&[u8], SubscriptionState)> {
        self.pending.values().flat_map(|pending| match pending {
            Pending::Subscribe(filters, frame) => filters
                .iter()
                .map(|(filter, qos)| {
                    (filter.as_ref(), SubscriptionState { requested_qos: *qos, answer: None, frame: *frame })
                })
                .collect(),
            Pending::Unsubscribe(_) => Vec::new(),
        })
    }

    /// How it ended, by its own messages and by what became of its connection.
    pub fn ended(&self, connection: &Connection) -> End {
        if let Some((by, code, at)) = self.disconnect {
            let code = code.map(|code| (PacketType::Disconnect, code));
            return End { kind: EndKind::Disconnect, by: Some(by), code, at: Some(at) };
        }
        if let Some((at, code, _)) = self.connack
            && code != 0
        {
            let code = Some((PacketType::ConnAck, code));
            return End { kind: EndKind::Refused, by: Some(Role::Server), code, at: Some(at) };
        }
        let closing = &connection.closing;
        match (connection.outcome(), connection.close()) {
            (Outcome::Open, None | Some((CloseKind::HalfOpen, _))) if closing.first_fin.is_none() => {
                End { kind: EndKind::Open, by: None, code: None, at: None }
            }
            (_, Some((CloseKind::Reset, _))) if closing.first_fin.is_none() => {
                let (by, at) = closing.reset.unzip();
                End { kind: EndKind::Rst, by, code: None, at }
            }
            _ => {
                let (by, at) = closing.first_fin.unzip();
                let kind = if by.is_some() { EndKind::Fin } else { EndKind::Open };
                End { kind, by, code: None, at }
            }
        }
    }
}
