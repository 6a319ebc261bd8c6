//! The `delivery` record: one for each message and hop, when it is over; and the `topic` record, one for each topic of a
//! broker, at the end.

use std::net::SocketAddr;

use serde::Serialize;

use super::flow::EndpointRecord;
use super::session::PlaceRecord;
use super::value::{DurationsRecord, RangeRecord, Text, Time, seconds};
use crate::capture::FrameNo;
use crate::mqtt::{PacketType, Version, reason_name};
use crate::neighbour::Names;
use crate::session::{Delivery, Missed, Name, Published, Receipt, Sending, Step, Topic};

/// The most clients that are named in a topic record.
const CLIENTS: usize = 100;

#[derive(Serialize)]
pub(in crate::render) struct DeliveryRecord<'a> {
    record: &'static str,
    flow: u64,
    frame: u64,
    time: Time,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    broker: EndpointRecord,
    version: &'static str,
    qos: u8,
    retain: bool,
    dup: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_length: Option<u32>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_s: Option<f64>,
    resends: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resent: Vec<SendingRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<PublishedRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receivers: Option<Vec<ReceiverRecord<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<Vec<MissedRecord<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receivers_left_out: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subscribers_unknown: bool,
}

#[derive(Serialize)]
struct SendingRecord {
    #[serde(flatten)]
    place: PlaceRecord,
    dup: bool,
}

#[derive(Serialize)]
struct StepRecord {
    #[serde(rename = "type")]
    packet_type: &'static str,
    #[serde(flatten)]
    place: PlaceRecord,
    after_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct PublishedRecord<'a> {
    #[serde(rename = "as")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    #[serde(flatten)]
    place: PlaceRecord,
    after_s: f64,
    copy: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    out_of_order: bool,
}

#[derive(Serialize)]
struct ReceiverRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    #[serde(flatten)]
    place: PlaceRecord,
    qos: u8,
    after_s: f64,
    copies: u32,
}

#[derive(Serialize)]
struct MissedRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    filter: Text<'a>,
    why: &'static str,
    certainty: &'static str,
}

fn text(name: Option<&Name>) -> Option<Text<'_>> {
    name.map(|name| Text(name))
}

impl<'a> DeliveryRecord<'a> {
    pub(in crate::render) fn new(delivery: &'a Delivery, names: &Names) -> Self {
        let first = delivery.first;
        let steps = [delivery.acknowledged, delivery.released, delivery.completed];
        let receipts = delivery.receipts.as_deref();
        Self {
            record: "delivery",
            flow: first.place.flow.0,
            frame: first.place.at.frame.0,
            time: Time(first.place.at.time),
            from: delivery.direction.sender().name(),
            client_id: text(delivery.client_id.as_ref()),
            broker: EndpointRecord::new(delivery.flow.server, names, delivery.flow.id),
            version: delivery.version.as_str(),
            qos: delivery.qos,
            retain: delivery.retain,
            dup: first.dup,
            packet_id: delivery.packet_id,
            topic: text(delivery.topic.as_ref()),
            payload_length: delivery.payload_length,
            outcome: delivery.outcome.name(),
            latency_s: delivery.latency().map(seconds),
            resends: delivery.resends,
            resent: delivery.again.iter().map(SendingRecord::from).collect(),
            steps: steps.into_iter().flatten().map(|step| StepRecord::new(step, delivery)).collect(),
            faults: delivery.faults.names().collect(),
            published: delivery.published.as_ref().map(PublishedRecord::from),
            receivers: receipts.map(|receipts| receipts.got.iter().map(ReceiverRecord::from).collect()),
            missed: receipts
                .filter(|receipts| !receipts.missed.is_empty())
                .map(|receipts| receipts.missed.iter().map(MissedRecord::from).collect()),
            receivers_left_out: receipts.map(|receipts| receipts.left_out).filter(|count| *count > 0),
            subscribers_unknown: receipts.is_some_and(|receipts| receipts.is_unknown),
        }
    }
}

impl From<&Sending> for SendingRecord {
    fn from(sending: &Sending) -> Self {
        Self { place: sending.place.into(), dup: sending.dup }
    }
}

impl StepRecord {
    fn new(step: Step, delivery: &Delivery) -> Self {
        // PUBREL carries a code as well, which is always told by its receiver's answer.
        let has_code = delivery.version == Version::V5 && step.packet_type != PacketType::PubRel;
        Self {
            packet_type: step.packet_type.name(),
            place: step.place.into(),
            after_s: seconds(step.place.at.time.since(delivery.first.place.at.time)),
            reason_code: has_code.then_some(step.code),
            reason: reason_name(step.packet_type, step.code, delivery.version).filter(|_| has_code),
        }
    }
}

impl<'a> From<&'a Published> for PublishedRecord<'a> {
    fn from(published: &'a Published) -> Self {
        Self {
            kind: published.kind.name(),
            client_id: text(published.client_id.as_ref()),
            place: published.place.into(),
            after_s: seconds(published.after),
            copy: published.copy,
            out_of_order: published.out_of_order,
        }
    }
}

impl<'a> From<&'a Receipt> for ReceiverRecord<'a> {
    fn from(receipt: &'a Receipt) -> Self {
        Self {
            client_id: text(receipt.client_id.as_ref()),
            place: receipt.place.into(),
            qos: receipt.qos,
            after_s: seconds(receipt.after),
            copies: receipt.copies,
        }
    }
}

impl<'a> From<&'a Missed> for MissedRecord<'a> {
    fn from(missed: &'a Missed) -> Self {
        Self {
            client_id: text(missed.client_id.as_ref()),
            filter: Text(&missed.filter),
            why: missed.why.name(),
            certainty: missed.certainty.name(),
        }
    }
}

#[derive(Serialize)]
pub(in crate::render) struct TopicRecord<'a> {
    record: &'static str,
    broker: EndpointRecord,
    topic: Text<'a>,
    published: u64,
    received: u64,
    published_by_qos: [u64; 3],
    #[serde(skip_serializing_if = "Option::is_none")]
    published_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_bytes: Option<RangeRecord>,
    retained: u64,
    received_retained: u64,
    wills: u64,
    copies: u64,
    out_of_order: u64,
    missed: u64,
    unknown_publisher: u64,
    publishers: usize,
    publisher_ids: Vec<OwnedText>,
    receivers: usize,
    receiver_ids: Vec<OwnedText>,
    latency_s: DurationsRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Time>,
}

/// A shared name as text.
struct OwnedText(Name);

impl Serialize for OwnedText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Text(&self.0).serialize(serializer)
    }
}

impl<'a> TopicRecord<'a> {
    pub(in crate::render) fn new(broker: SocketAddr, name: &'a Name, topic: &Topic, names: &Names) -> Self {
        Self {
            record: "topic",
            // A topic is of all connections to its broker: the last name counts.
            broker: EndpointRecord::new(broker, names, FrameNo(u64::MAX)),
            topic: Text(name),
            published: topic.published,
            received: topic.received,
            published_by_qos: topic.published_by_qos,
            published_per_s: topic.rate(),
            payload_bytes: RangeRecord::of(&topic.payload_bytes),
            retained: topic.retained,
            received_retained: topic.received_retained,
            wills: topic.wills,
            copies: topic.copies,
            out_of_order: topic.out_of_order,
            missed: topic.missed,
            unknown_publisher: topic.unknown_publisher,
            publishers: topic.publishers(),
            publisher_ids: topic.publisher_ids().take(CLIENTS).map(OwnedText).collect(),
            receivers: topic.receivers(),
            receiver_ids: topic.receiver_ids().take(CLIENTS).map(OwnedText).collect(),
            latency_s: DurationsRecord::of(&topic.latency),
            first: topic.first.map(Time),
            last: topic.last.map(Time),
        }
    }
}
