//! The `session` record of MQTT-SN: one for each session of a client, when it ends.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::{DurationsRecord, Text, Time, seconds};
use crate::capture::Origin;
use crate::flow::{Direction, Role};
use crate::mqttsn::{self, Kind};
use crate::render::payload::Hex;
use crate::session::sn::{SnSession, SnState, SnSubscription, SnTopicName};

#[derive(Serialize)]
pub(in crate::render) struct SnSessionRecord<'a> {
    record: &'static str,
    protocol: &'static str,
    flow: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_flow: Option<u64>,
    #[serde(skip_serializing_if = "is_zero")]
    moves: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    wireless_node_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    clean_session: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    will_topic: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_s: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_silence_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connack: Option<ConnAckRecord>,
    first_frame: u64,
    last_frame: u64,
    start: Time,
    end: Time,
    duration_s: f64,
    state: &'static str,
    ended: EndRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    sleeping: Option<SleepingRecord>,
    deliveries: TotalsRecord,
    from_client: CountsRecord,
    from_server: CountsRecord,
    topics: Vec<TopicNameRecord<'a>>,
    subscriptions: Vec<SubscriptionRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    deviating_messages: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct At {
    frame: u64,
    time: Time,
}

impl From<Origin> for At {
    fn from(origin: Origin) -> Self {
        Self { frame: origin.frame.0, time: Time(origin.time) }
    }
}

#[derive(Serialize)]
struct ConnAckRecord {
    frame: u64,
    time: Time,
    return_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_s: Option<f64>,
}

#[derive(Serialize)]
struct EndRecord {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
}

#[derive(Serialize)]
struct SleepingRecord {
    sleeps: u32,
    wakes: u32,
    asleep_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<u16>,
}

#[derive(Serialize)]
struct TotalsRecord {
    complete: u64,
    open: u64,
    duplicate: u64,
}

#[derive(Serialize)]
struct CountsRecord {
    messages: u64,
    bytes: u64,
    by_type: BTreeMap<&'static str, u64>,
    publish_by_qos: [u64; 3],
    publish_minus_one: u64,
    resent: u64,
    deliveries: DeliveriesRecord,
}

#[derive(Serialize)]
struct DeliveriesRecord {
    complete: u64,
    open: u64,
    duplicate: u64,
    refused: u64,
    acknowledgement_s: DurationsRecord,
}

#[derive(Serialize)]
struct TopicNameRecord<'a> {
    topic_id: u16,
    topic: Text<'a>,
    known_by: &'static str,
}

#[derive(Serialize)]
struct SubscriptionRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predefined_topic_id: Option<u16>,
    requested_qos: i8,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_qos: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_id: Option<u16>,
    frame: u64,
}

impl<'a> SnSessionRecord<'a> {
    pub(in crate::render) fn new(session: &'a SnSession) -> Self {
        let connack = session.connack.map(|(origin, code)| ConnAckRecord {
            frame: origin.frame.0,
            time: Time(origin.time),
            return_code: code.0,
            reason: code.name(),
            after_s: session.connect.map(|connect| seconds(origin.time.since(connect.time))),
        });
        let slept = session.sleeps > 0 || session.wakes > 0 || session.state == SnState::Asleep;
        let (up, down) = (&session.counts.to_server, &session.counts.to_client);
        Self {
            record: "session",
            protocol: "mqtt-sn",
            flow: session.flow.id.0,
            previous_flow: session.previous_flow.map(|flow| flow.0),
            moves: session.moves,
            wireless_node_id: (!session.node.is_empty()).then(|| Hex(&session.node).to_string()),
            client_id: session.client_id.as_deref().map(Text),
            version: mqttsn::VERSION,
            clean_session: session.clean_session,
            will_topic: session.will_topic.as_deref().map(Text),
            keep_alive_s: session.keep_alive,
            longest_silence_s: session.longest_silence.map(|(silence, _)| seconds(silence)),
            connected: session.connect.map(At::from),
            connack,
            first_frame: session.first.frame.0,
            last_frame: session.last.frame.0,
            start: Time(session.first.time),
            end: Time(session.last.time),
            duration_s: seconds(session.last.time.since(session.first.time)),
            state: session.state.name(),
            ended: EndRecord {
                kind: session.end.kind.name(),
                by: session.end.by.map(Role::name),
                frame: session.end.at.map(|at| at.frame.0),
            },
            sleeping: slept.then(|| SleepingRecord {
                sleeps: session.sleeps,
                wakes: session.wakes,
                asleep_s: seconds(session.asleep),
                duration_s: session.sleep_duration,
            }),
            deliveries: TotalsRecord {
                complete: up.complete + down.complete,
                open: session.open_deliveries(Direction::ToServer) + session.open_deliveries(Direction::ToClient),
                duplicate: up.duplicate + down.duplicate,
            },
            from_client: CountsRecord::new(session, Direction::ToServer),
            from_server: CountsRecord::new(session, Direction::ToClient),
            topics: session.topics.iter().map(TopicNameRecord::from).collect(),
            subscriptions: session.subscriptions.iter().map(SubscriptionRecord::from).collect(),
            left_out: Some(session.left_out).filter(|count| *count > 0),
            deviating_messages: session.deviating,
        }
    }
}

impl CountsRecord {
    fn new(session: &SnSession, direction: Direction) -> Self {
        let counts = &session.counts[direction];
        let kinds = Kind::all().chain([Kind::Reserved]).filter(|kind| counts.of(*kind) > 0);
        let [zero, one, two, minus_one] = counts.publish;
        Self {
            messages: counts.total(),
            bytes: counts.bytes,
            by_type: kinds.map(|kind| (kind.name(), counts.of(kind))).collect(),
            publish_by_qos: [zero, one, two],
            publish_minus_one: minus_one,
            resent: counts.resent,
            deliveries: DeliveriesRecord {
                complete: counts.complete,
                open: session.open_deliveries(direction),
                duplicate: counts.duplicate,
                refused: counts.refused,
                acknowledgement_s: DurationsRecord::of(&counts.latency),
            },
        }
    }
}

impl<'a> From<&'a SnTopicName> for TopicNameRecord<'a> {
    fn from(topic: &'a SnTopicName) -> Self {
        Self { topic_id: topic.id, topic: Text(&topic.name), known_by: topic.by.name() }
    }
}

impl<'a> From<&'a SnSubscription> for SubscriptionRecord<'a> {
    fn from(subscription: &'a SnSubscription) -> Self {
        Self {
            filter: subscription.filter.as_deref().map(Text),
            predefined_topic_id: subscription.predefined,
            requested_qos: subscription.requested_qos,
            granted_qos: subscription.answer.map(|(qos, _)| qos),
            return_code: subscription.answer.map(|(_, code)| code.0),
            topic_id: subscription.topic_id,
            frame: subscription.frame.0,
        }
    }
}
