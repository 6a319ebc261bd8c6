//! What is known of a connection while its packets are held against the statements.
//!
//! It knows the connection alone: what clients and sessions are over several connections is followed elsewhere.

use std::collections::VecDeque;

use super::docket::Entries;
use super::exchanges::Exchanges;
use super::retained::Awaiting;
use super::subscriptions::Subscriptions;
use crate::capture::Origin;
use crate::dissect::Message;
use crate::engine::FlowRef;
use crate::flow::{Direction, KnownBy, PerDirection, Role};
use crate::mqtt::{Body, ConnAck, Connect, PacketType, Properties, PropertyId, PropertyValue, Severity, Version};
use crate::prefetch::prefetch;
use crate::text::kept_name;
use crate::time::Timestamp;

/// What a CONNECT says.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) at: Origin,
    pub(super) clean: bool,
    pub(super) id_length: usize,
    /// A client identifier that every server has to take (MQTT-3.1.3-5).
    pub(super) plain_id: bool,
    pub(super) will: Option<(u8, bool)>,
    pub(super) method: Option<Box<[u8]>>,
    pub(super) wants_response_information: bool,
    pub(super) wants_problems: bool,
    /// The protocol name and level belong to a version that there is.
    pub(super) name_known: bool,
    pub(super) level_known: bool,
    pub(super) malformed: bool,
    pub(super) bridge: bool,
    /// Seconds.
    pub(super) keep_alive: u16,
}

/// What a CONNACK says.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) at: Origin,
    pub(super) code: u8,
    pub(super) present: bool,
    pub(super) maximum_qos: Option<u8>,
    pub(super) retain: bool,
    pub(super) wildcards: bool,
    pub(super) subscription_ids: bool,
    pub(super) shared: bool,
    /// The keep alive that the server sets, in seconds.
    pub(super) keep_alive: Option<u16>,
}

/// What the receiver of a direction allows, as far as it said so.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) said: bool,
    pub(super) packet_size: Option<u32>,
    pub(super) aliases: u16,
}

/// Something that its rule has to see the end of the connection for.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) rule: &'static super::Rule,
    /// The statements that it fulfils, besides the rule's.
    pub(super) keys: &'static [&'static str],
    pub(super) since: Origin,
    pub(super) message: &'static str,
}

/// What every message is judged by, of CONNECT and CONNACK.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Agreed {
    asked: bool,
    /// Clean start or clean session.
    clean: bool,
    /// The CONNECT names an authentication method.
    pub(super) has_method: bool,
    /// The client wants no problem information.
    pub(super) no_problems: bool,
    pub(super) bridge: bool,
    granted: bool,
    /// The code of the CONNACK is 0.
    accepted: bool,
    /// Session Present.
    present: bool,
}

/// What most connections have nothing of.
#[derive(Debug, Default)]
pub(super) struct More {
    pub(super) awaiting: Awaiting,
    /// Messages that were sent for a subscription that took the place of an equal one, the last of them.
    pub(super) copies: VecDeque<super::cross::Key>,
    pub(super) expected: Vec<Expected>,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The capture has it from its first segment.
    pub(super) from_start: bool,
    /// The server's direction of the stream had begun with the last message.
    pub(super) server_was_heard: bool,
    pub(super) version: Version,
    pub(super) agreed: Agreed,
    pub(super) count: PerDirection<u64>,
    /// Bytes of a direction are missing.
    pub(super) lossy: PerDirection<bool>,
    pub(super) last: PerDirection<Option<Origin>>,
    pub(super) asked: Option<Box<Asked>>,
    pub(super) granted: Option<Box<Granted>>,
    pub(super) limits: PerDirection<Limits>,
    /// The highest topic alias that was used.
    pub(super) highest_alias: PerDirection<u16>,
    /// A topic alias was used that is 0, too high, or has no meaning.
    pub(super) bad_alias: PerDirection<bool>,
    /// A new authentication is under way.
    pub(super) authenticates_again: bool,
    /// The first FIN or RST.
    pub(super) closing: Option<(Role, Origin)>,
    pub(super) exchanges: Exchanges,
    /// Made with the first SUBSCRIBE.
    pub(super) subscriptions: Option<Box<Subscriptions>>,
    pub(super) more: Option<Box<More>>,
    pub(super) entries: Option<Box<Entries>>,
    /// Who it is of, where its CONNECT says so.
    pub(super) client: Option<super::clients::Key>,
    /// The session of the client is known from its earlier connections.
    pub(super) known_before: bool,
}

/// The most ends of a connection that are waited for.
const EXPECTED: usize = 16;

impl Connection {
    /// Asks for the memory that the next message needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.version);
        prefetch(&self.count);
        prefetch(&self.last);
        prefetch(&self.limits);
        prefetch(&self.exchanges);
        prefetch(&self.subscriptions);
        prefetch(&self.client);
    }

    pub(super) fn new(flow: &FlowRef, message: &Message<'_>) -> Self {
        Self {
            server_was_heard: false,
            from_start: flow.known_by <= KnownBy::SynAck,
            version: message.packet.version,
            agreed: Agreed::default(),
            count: PerDirection::default(),
            lossy: PerDirection::default(),
            last: PerDirection::default(),
            asked: None,
            granted: None,
            limits: PerDirection::default(),
            highest_alias: PerDirection::default(),
            bad_alias: PerDirection::default(),
            authenticates_again: false,
            closing: None,
            exchanges: Exchanges::default(),
            subscriptions: None,
            more: None,
            entries: None,
            client: None,
            known_before: false,
        }
    }

    /// Whether it is known from its CONNECT on, so that what was not seen was not there.
    pub(super) const fn is_started(&self) -> bool {
        self.from_start && self.agreed.asked
    }

    /// Whether nothing is missing so far.
    pub(super) const fn is_whole(&self) -> bool {
        !self.lossy.to_server && !self.lossy.to_client
    }

    /// Whether its session began with it, so that no earlier connection has to be known.
    pub(super) const fn is_fresh(&self) -> bool {
        let Agreed { asked, clean, granted, accepted, present, .. } = self.agreed;
        let begins = match self.version {
            // 3.1 does not say whether there was a session.
            Version::V31 => clean,
            Version::V311 | Version::V5 => !present,
        };
        self.from_start && asked && granted && accepted && begins
    }

    /// Whether it is fresh although its client asked for its session, so that the server has none.
    pub(super) const fn begins_anew(&self) -> bool {
        self.is_fresh() && !self.agreed.clean
    }

    /// Whether its session is known from where it began, on this connection or on an earlier one.
    pub(super) fn is_known(&self) -> bool {
        self.is_fresh() || self.known_before
    }

    /// Whether the server has accepted it.
    pub(super) fn accepted(&self) -> bool {
        self.granted
            .as_ref()
            .is_some_and(|granted| granted.code < 0x80 && (granted.code == 0 || self.version == Version::V5))
    }

    /// Since when the client has been silent at a time, and for how many keep alive periods; nothing where there is
    /// none, or it can't be said.
    pub(super) fn silence(&self, now: Timestamp) -> Option<(Origin, f64)> {
        let (asked, granted) = (self.asked.as_ref()?, self.granted.as_ref().filter(|granted| granted.code == 0)?);
        let seconds = granted.keep_alive.unwrap_or(asked.keep_alive);
        let last = self.last[Direction::ToServer].filter(|_| seconds > 0 && self.is_whole())?;
        Some((last, now.since(last.time).as_secs_f64() / f64::from(seconds)))
    }

    /// What it has besides, made where it has none.
    pub(super) fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Waits for the end of the connection.
    pub(super) fn expect_close(
        &mut self,
        rule: &'static super::Rule,
        keys: &'static [&'static str],
        since: Origin,
        message: &'static str,
    ) {
        let all = &mut self.more_mut().expected;
        if all.len() < EXPECTED && !all.iter().any(|expected| std::ptr::eq(expected.rule, rule)) {
            // Most often it is one.
            all.reserve_exact(1);
            all.push(Expected { rule, keys, since, message });
        }
    }

    /// Notes what a message says of the connection, after it was judged.
    pub(super) fn note(&mut self, message: &Message<'_>) {
        let direction = message.direction;
        self.version = message.packet.version;
        self.count[direction] += 1;
        self.last[direction] = Some(message.origin);
        match &message.packet.body {
            // Of what the capture has not got that far, nothing was asked that anybody could judge.
            Body::Connect(connect) if message.missing > 0 && connect.client_id.is_none() => {}
            Body::Connect(connect) if self.asked.is_none() && direction == Direction::ToServer => {
                let asked = self.asked.insert(Box::new(Asked::of(connect, message)));
                self.agreed.asked = true;
                self.agreed.clean = asked.clean;
                self.agreed.has_method = asked.method.is_some();
                self.agreed.no_problems = !asked.wants_problems;
                self.agreed.bridge = asked.bridge;
                if message.packet.version == Version::V5 {
                    self.limits[Direction::ToClient] = Limits::of(connect.properties);
                }
            }
            Body::ConnAck(connack) if self.granted.is_none() && direction == Direction::ToClient => {
                self.granted = Granted::of(connack, message.origin).map(Box::new);
                if let Some(granted) = &self.granted {
                    self.agreed.granted = true;
                    self.agreed.accepted = granted.code == 0;
                    self.agreed.present = granted.present;
                }
                if message.packet.version == Version::V5 {
                    self.limits[Direction::ToServer] = Limits::of(connack.properties);
                }
            }
            Body::Publish(_) => self.note_alias(message),
            _ => {}
        }
    }

    fn note_alias(&mut self, message: &Message<'_>) {
        let Some(alias) = message.topic_alias else { return };
        let direction = message.direction;
        let highest = &mut self.highest_alias[direction];
        *highest = alias.max(*highest);
        self.bad_alias[direction] |= alias == 0 || alias > self.limits[direction].aliases || message.topic.is_none();
    }

    /// Notes what is missing before the message is judged.
    pub(super) fn note_gaps(&mut self, message: &Message<'_>) {
        self.lossy[message.direction] |= message.missing > 0 || message.resynced || message.incomplete;
    }
}

impl Asked {
    fn of(connect: &Connect<'_>, message: &Message<'_>) -> Self {
        let id = connect.client_id.unwrap_or_default();
        let name = connect.protocol_name.unwrap_or_default();
        let name_known = matches!(name, b"MQTT" | b"MQIsdp");
        let level = connect.level.unwrap_or(0) & 0x7f;
        let version = message.packet.version;
        let malformed = |kind: crate::mqtt::DeviationKind| kind.severity(version) == Severity::Malformed;
        Self {
            at: message.origin,
            clean: connect.clean_start() == Some(true),
            id_length: id.len(),
            plain_id: (1..=23).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric),
            will: connect.will.map(|will| (will.qos, will.retain)),
            method: text(connect.properties, PropertyId::AuthenticationMethod),
            wants_response_information: number(connect.properties, PropertyId::RequestResponseInformation) == Some(1),
            wants_problems: number(connect.properties, PropertyId::RequestProblemInformation) != Some(0),
            name_known,
            level_known: matches!((name, level), (b"MQIsdp", 3) | (b"MQTT", 4 | 5)),
            malformed: message.packet.deviations.iter().any(|deviation| malformed(deviation.kind)),
            bridge: connect.bridge(),
            keep_alive: connect.keep_alive.unwrap_or(0),
        }
    }
}

impl Granted {
    fn of(connack: &ConnAck<'_>, at: Origin) -> Option<Self> {
        let has = |id| number(connack.properties, id) != Some(0);
        Some(Self {
            at,
            code: connack.code?,
            present: connack.session_present()?,
            maximum_qos: number(connack.properties, PropertyId::MaximumQos).map(|qos| qos as u8),
            retain: has(PropertyId::RetainAvailable),
            wildcards: has(PropertyId::WildcardSubscriptionAvailable),
            subscription_ids: has(PropertyId::SubscriptionIdentifierAvailable),
            shared: has(PropertyId::SharedSubscriptionAvailable),
            keep_alive: number(connack.properties, PropertyId::ServerKeepAlive).map(|seconds| seconds as u16),
        })
    }
}

impl Limits {
    fn of(properties: Properties<'_>) -> Self {
        Self {
            said: true,
            packet_size: number(properties, PropertyId::MaximumPacketSize),
            aliases: number(properties, PropertyId::TopicAliasMaximum).unwrap_or(0) as u16,
        }
    }
}

/// A property that is a number.
pub(super) fn number(properties: Properties<'_>, id: PropertyId) -> Option<u32> {
    properties.get(id).and_then(PropertyValue::number)
}

/// A property that is text.
pub(super) fn text(properties: Properties<'_>, id: PropertyId) -> Option<Box<[u8]>> {
    match properties.get(id) {
        Some(PropertyValue::Text(text)) => Some(kept_name(text).into()),
        _ => None,
    }
}

/// The properties of a packet; none where its type has none.
pub(super) fn properties<'a>(body: &Body<'a>) -> Properties<'a> {
    match body {
        Body::Connect(body) => body.properties,
        Body::ConnAck(body) => body.properties,
        Body::Publish(body) => body.properties,
        Body::Ack(body) => body.properties,
        Body::Subscribe(body) => body.properties,
        Body::SubAck(body) => body.properties,
        Body::Unsubscribe(body) => body.properties,
        Body::UnsubAck(body) => body.properties,
        Body::Disconnect(body) => body.properties,
        Body::Auth(body) => body.properties,
        Body::Ping | Body::Reserved(_) => Properties::default(),
    }
}

/// The reason code of a packet that has one code.
pub(super) const fn code(body: &Body<'_>) -> Option<u8> {
    match body {
        Body::ConnAck(body) => body.code,
        Body::Ack(body) => body.reason_code,
        Body::Disconnect(body) => body.reason_code,
        Body::Auth(body) => body.reason_code,
        _ => None,
    }
}

/// Whether a packet of this type tells of a problem by its reason code.
pub(super) const fn may_tell_problem(packet_type: PacketType) -> bool {
    !matches!(packet_type, PacketType::Publish | PacketType::ConnAck | PacketType::Disconnect)
}
