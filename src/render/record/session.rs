//! The `session` record: one for each MQTT session on a connection, when its flow ends.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::{DurationsRecord, Text, Time, seconds};
use crate::dissect::Conversation;
use crate::flow::{Direction, Flow};
use crate::mqtt::{PacketType, Version, reason_name};
use crate::session::{
    Cause, Counts, Deliveries, End, Limits, NEVER, Name, PacketRef, Session, SubscriptionState, WillState,
};

#[derive(Serialize)]
pub(in crate::render) struct SessionRecord<'a> {
    record: &'static str,
    flow: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    client_id_assigned: bool,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clean_start: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bridge: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    will_topic: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    will: Option<WillRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_s: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<KeepAliveRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_expiry_s: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    session_never_expires: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_flow: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resumes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_over_by: Option<PlaceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connack: Option<ConnAckRecord>,
    first_frame: u64,
    last_frame: u64,
    start: Time,
    end: Time,
    duration_s: f64,
    ended: EndRecord,
    deliveries: TotalsRecord,
    from_client: CountsRecord,
    from_server: CountsRecord,
    subscriptions: Vec<SubscriptionRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriptions_left_out: Option<u64>,
    deviating_messages: u64,
}

/// A packet on a flow.
#[derive(Serialize)]
pub(super) struct PlaceRecord {
    flow: u64,
    frame: u64,
    time: Time,
}

impl From<PacketRef> for PlaceRecord {
    fn from(place: PacketRef) -> Self {
        Self { flow: place.flow.0, frame: place.at.frame.0, time: Time(place.at.time) }
    }
}

#[derive(Serialize)]
struct WillRecord<'a> {
    topic: Text<'a>,
    qos: u8,
    retain: bool,
    payload_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    published: Vec<SightingRecord<'a>>,
}

#[derive(Serialize)]
struct SightingRecord<'a> {
    #[serde(flatten)]
    place: PlaceRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
}

#[derive(Serialize)]
struct KeepAliveRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_silence_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_silence_before_frame: Option<u64>,
    exceeded: u32,
    ping_s: DurationsRecord,
}

#[derive(Serialize)]
struct CauseRecord {
    kind: &'static str,
    certainty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<u64>,
}

impl From<Cause> for CauseRecord {
    fn from(cause: Cause) -> Self {
        Self {
            kind: cause.kind.name(),
            certainty: cause.certainty.name(),
            frame: cause.frame.map(|frame| frame.0),
            flow: cause.flow.map(|flow| flow.0),
        }
    }
}

/// What the receiver of a direction allows.
#[derive(Serialize)]
struct AllowedRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    receive_maximum: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_alias_maximum: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_packet_bytes: Option<u32>,
}

impl AllowedRecord {
    fn of(limits: Limits) -> Option<Self> {
        (limits != Limits::default()).then_some(Self {
            receive_maximum: limits.receive_maximum,
            topic_alias_maximum: limits.topic_alias_maximum,
            maximum_packet_bytes: limits.maximum_packet_size,
        })
    }
}

#[derive(Serialize)]
struct At {
    frame: u64,
    time: Time,
}

#[derive(Serialize)]
struct ConnAckRecord {
    frame: u64,
    time: Time,
    reason_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    session_present: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_s: Option<f64>,
}

#[derive(Serialize)]
struct EndRecord {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseRecord>,
}

#[derive(Serialize)]
struct CountsRecord {
    messages: u64,
    bytes: u64,
    by_type: BTreeMap<&'static str, u64>,
    publish_by_qos: [u64; 3],
    deliveries: DeliveriesRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<AllowedRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    highest_topic_alias: Option<u16>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lossy: bool,
}

/// Exchanges of QoS 1 and 2 in both directions.
#[derive(Serialize)]
struct TotalsRecord {
    complete: u64,
    open: u64,
    duplicate: u64,
}

#[derive(Serialize)]
struct DeliveriesRecord {
    complete: u64,
    open: u64,
    duplicate: u64,
    refused: u64,
    unmatched: u64,
    unresolved: u64,
    most_open: u32,
    acknowledgement_s: DurationsRecord,
}

#[derive(Serialize)]
struct SubscriptionRecord<'a> {
    filter: Text<'a>,
    requested_qos: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_qos: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
    frame: u64,
}

impl<'a> SessionRecord<'a> {
    pub(in crate::render) fn new(session: &'a Session, flow: &Flow<Conversation>) -> Self {
        let connected = session.connect.map(|origin| At { frame: origin.frame.0, time: Time(origin.time) });
        let connack = session.connack.map(|(origin, code, session_present)| ConnAckRecord {
            frame: origin.frame.0,
            time: Time(origin.time),
            reason_code: code,
            reason: reason_name(PacketType::ConnAck, code, session.version),
            session_present,
            after_s: session.connect.map(|connect| seconds(origin.time.since(connect.time))),
        });
        let subscriptions = session.subscriptions.iter().map(|(filter, state)| (&**filter, *state));
        Self {
            record: "session",
            flow: session.flow.id.0,
            client_id: session.client_id.as_deref().map(Text),
            client_id_assigned: session.client_id_assigned,
            transport: super::flow::transport(flow),
            version: session.version.as_str(),
            clean_start: session.clean_start,
            bridge: session.bridge,
            username: session.username.as_deref().map(Text),
            will_topic: session.will.as_ref().map(|will| Text(&will.topic)),
            will: session.will.as_ref().map(|will| WillRecord::new(will, session)),
            keep_alive_s: session.keep_alive.seconds,
            keep_alive: KeepAliveRecord::of(session),
            session_expiry_s: session.expiry.filter(|seconds| *seconds != NEVER),
            session_never_expires: session.expiry == Some(NEVER),
            previous_flow: session.previous.map(|flow| flow.0),
            resumes: session.resumes,
            taken_over_by: session.taken_over.map(PlaceRecord::from),
            connected,
            connack,
            first_frame: session.first.frame.0,
            last_frame: session.last.frame.0,
            start: Time(session.first.time),
            end: Time(session.last.time),
            duration_s: seconds(session.last.time.since(session.first.time)),
            ended: EndRecord::new(session.end, session.version),
            deliveries: TotalsRecord::new(session),
            from_client: CountsRecord::new(session, Direction::ToServer),
            from_server: CountsRecord::new(session, Direction::ToClient),
            subscriptions: subscriptions.map(SubscriptionRecord::from).collect(),
            subscriptions_left_out: Some(session.subscriptions_left_out).filter(|count| *count > 0),
            deviating_messages: session.deviating,
        }
    }
}

impl<'a> WillRecord<'a> {
    fn new(will: &'a WillState, session: &'a Session) -> Self {
        let published = session.will_published();
        Self {
            topic: Text(&will.topic),
            qos: will.qos,
            retain: will.retain,
            payload_length: will.payload_length,
            delay_s: Some(will.delay).filter(|delay| *delay > 0),
            fate: session.will_fate.map(crate::session::WillFate::name),
            published: published
                .map(|sighting| SightingRecord {
                    place: sighting.place.into(),
                    client_id: sighting.client_id.as_ref().map(|id: &Name| Text(id)),
                })
                .collect(),
        }
    }
}

impl KeepAliveRecord {
    fn of(session: &Session) -> Option<Self> {
        let keep_alive = &session.keep_alive;
        keep_alive.seconds?;
        Some(Self {
            longest_silence_s: keep_alive.longest_silence.map(|(silence, _)| seconds(silence)),
            longest_silence_before_frame: keep_alive.longest_silence.map(|(_, at)| at.frame.0),
            exceeded: keep_alive.exceeded,
            ping_s: DurationsRecord::of(&keep_alive.ping),
        })
    }
}

impl TotalsRecord {
    fn new(session: &Session) -> Self {
        let (up, down) = (session.deliveries.to_server.counts, session.deliveries.to_client.counts);
        Self {
            complete: up.complete + down.complete,
            open: up.open + down.open,
            duplicate: up.duplicate + down.duplicate,
        }
    }
}

impl EndRecord {
    fn new(end: End, version: Version) -> Self {
        Self {
            kind: end.kind.name(),
            by: end.by.map(crate::flow::Role::name),
            reason_code: end.code.map(|(_, code)| code),
            reason: end.code.and_then(|(packet_type, code)| reason_name(packet_type, code, version)),
            frame: end.at.map(|at| at.frame.0),
            cause: end.cause.map(CauseRecord::from),
        }
    }
}

impl CountsRecord {
    fn new(session: &Session, direction: Direction) -> Self {
        let counts: &Counts = &session.counts[direction];
        let by_type = PacketType::ALL.iter().filter(|packet_type| counts.of(**packet_type) > 0);
        Self {
            messages: counts.total(),
            bytes: counts.bytes,
            by_type: by_type.map(|packet_type| (packet_type.name(), counts.of(*packet_type))).collect(),
            publish_by_qos: [0, 1, 2].map(|qos| counts.publish_of(qos)),
            deliveries: DeliveriesRecord::from(&*session.deliveries[direction]),
            allowed: AllowedRecord::of(session.limits[direction]),
            highest_topic_alias: session.highest_alias[direction],
            lossy: session.lossy[direction],
        }
    }
}

impl From<&Deliveries> for DeliveriesRecord {
    fn from(deliveries: &Deliveries) -> Self {
        let counts = deliveries.counts;
        Self {
            complete: counts.complete,
            open: counts.open,
            duplicate: counts.duplicate,
            refused: counts.refused,
            unmatched: counts.unmatched,
            unresolved: counts.unresolved,
            most_open: deliveries.most_open,
            acknowledgement_s: DurationsRecord::of(&deliveries.latency),
        }
    }
}

impl<'a> From<(&'a [u8], SubscriptionState)> for SubscriptionRecord<'a> {
    fn from((filter, state): (&'a [u8], SubscriptionState)) -> Self {
        Self {
            filter: Text(filter),
            requested_qos: state.requested_qos(),
            granted_qos: state.granted_qos(),
            reason_code: state.answer,
            frame: state.frame.0,
        }
    }
}
