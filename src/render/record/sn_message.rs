//! The `message` record of MQTT-SN: one for each datagram that holds a message.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use super::fields::FieldsRecord;
use super::value::{Base64, Payload, Text, Time};
use crate::dissect::SnMessage;
use crate::engine::FlowRef;
use crate::mqttsn::{self, Body, Deviation, Flags, Kind, ReturnCode, TopicRef};
use crate::render::MessageOptions;
use crate::render::compact::Name;
use crate::render::payload::{Hex, PayloadBytes, PayloadOptions};

/// An MQTT-SN message, serialized from where it lies.
pub(in crate::render) struct SnMessageRecord<'a> {
    flow: FlowRef,
    message: &'a SnMessage<'a>,
    options: MessageOptions,
}

impl<'a> SnMessageRecord<'a> {
    pub(in crate::render) const fn new(flow: FlowRef, message: &'a SnMessage<'a>, options: MessageOptions) -> Self {
        Self { flow, message, options }
    }

    /// What only messages of its type have.
    fn body<R: SerializeStruct>(&self, record: &mut R) -> Result<(), R::Error> {
        let options = self.options.payload;
        match self.message.packet().body {
            Body::Advertise { gateway_id, duration } => {
                record.serialize_field("gateway_id", &gateway_id)?;
                record.serialize_field("duration_s", &duration)
            }
            Body::SearchGw { radius } => record.serialize_field("radius", &radius),
            Body::GwInfo { gateway_id, address } => {
                record.serialize_field("gateway_id", &gateway_id)?;
                optional(record, "gateway_address", (!address.is_empty()).then_some(Base64(address)))
            }
            Body::Connect { flags, protocol_id, duration, client_id } => {
                record.serialize_field("protocol_id", &protocol_id)?;
                record.serialize_field("client_id", &Text(client_id))?;
                record.serialize_field("clean_session", &flags.clean_session())?;
                record.serialize_field("will_flag", &flags.will())?;
                record.serialize_field("keep_alive_s", &duration)
            }
            Body::Answer(code) => answer(record, code),
            Body::WillTopic(Some((flags, topic))) => {
                record.serialize_field("qos", &flags.qos())?;
                record.serialize_field("retain", &flags.retain())?;
                record.serialize_field("topic", &Text(topic))
            }
            Body::WillTopic(None) => record.serialize_field("will_deleted", &true),
            Body::WillMessage(message) => record.serialize_field("payload", &payload(message, None, None, options)),
            Body::Register { topic_id, message_id, topic } => {
                optional(record, "topic_id", Some(topic_id).filter(|id| *id != 0))?;
                record.serialize_field("message_id", &message_id)?;
                record.serialize_field("topic", &Text(topic))
            }
            Body::TopicAnswer { topic_id, message_id, code } => {
                self.topic(record)?;
                record.serialize_field("topic_id", &topic_id)?;
                record.serialize_field("message_id", &message_id)?;
                answer(record, code)
            }
            Body::Publish { flags, message_id, data, length, .. } => {
                record.serialize_field("dup", &flags.dup())?;
                record.serialize_field("qos", &flags.qos())?;
                record.serialize_field("retain", &flags.retain())?;
                self.topic(record)?;
                self.topic_id(record, flags)?;
                record.serialize_field("message_id", &message_id)?;
                let topic = self.message.topic.map(|topic| topic.name);
                record.serialize_field("payload", &payload(data, Some(length), topic, options))
            }
            Body::MessageId(message_id) => {
                self.topic(record)?;
                record.serialize_field("message_id", &message_id)
            }
            Body::Subscribe { flags, message_id, topic } => {
                if self.message.packet().header.kind == Kind::Subscribe {
                    record.serialize_field("dup", &flags.dup())?;
                    record.serialize_field("qos", &flags.qos())?;
                }
                if let (TopicRef::Name(name), None) = (topic, self.message.topic) {
                    record.serialize_field("topic", &Text(name))?;
                }
                self.topic(record)?;
                self.topic_id(record, flags)?;
                record.serialize_field("message_id", &message_id)
            }
            Body::SubAck { flags, topic_id, message_id, code } => {
                record.serialize_field("qos", &flags.qos())?;
                self.topic(record)?;
                record.serialize_field("topic_id", &topic_id)?;
                record.serialize_field("message_id", &message_id)?;
                answer(record, code)
            }
            Body::PingReq(client_id) => optional(record, "client_id", client_id.map(Text)),
            Body::Disconnect(duration) => optional(record, "duration_s", duration),
            Body::Empty | Body::Unread => Ok(()),
        }
    }

    /// The topic, as it is known.
    fn topic<R: SerializeStruct>(&self, record: &mut R) -> Result<(), R::Error> {
        let Some(topic) = self.message.topic else { return Ok(()) };
        record.serialize_field("topic", &Text(topic.name))?;
        record.serialize_field("topic_known_by", &Name(topic.by.name()))
    }

    fn topic_id<R: SerializeStruct>(&self, record: &mut R, flags: Flags) -> Result<(), R::Error> {
        optional(record, "topic_id", self.message.packet().topic_id())?;
        record.serialize_field("topic_id_type", &Name(flags.topic_id_type().name()))
    }
}

impl Serialize for SnMessageRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.message;
        let packet = message.packet();
        let mut record = serializer.serialize_struct("message", 16)?;
        record.serialize_field("record", &Name("message"))?;
        record.serialize_field("protocol", &Name("mqtt-sn"))?;
        record.serialize_field("flow", &self.flow.id.0)?;
        record.serialize_field("frame", &message.origin.frame.0)?;
        record.serialize_field("frames", &[message.origin.frame.0])?;
        record.serialize_field("time", &Time(message.origin.time))?;
        record.serialize_field("from", &Name(message.direction.sender().name()))?;
        record.serialize_field("type", &Name(packet.header.kind.name()))?;
        record.serialize_field("type_code", &packet.header.code)?;
        record.serialize_field("version", &Name(mqttsn::VERSION))?;
        record.serialize_field("length", &packet.header.length)?;
        if let Some(encapsulation) = message.datagram.encapsulation {
            record.serialize_field(
                "encapsulated",
                &EncapsulatedRecord { node: encapsulation.node, radius: encapsulation.radius },
            )?;
        }
        self.body(&mut record)?;
        if packet.missing > 0 {
            record.serialize_field("missing_bytes", &packet.missing)?;
        }
        if !packet.deviations.is_empty() {
            record.serialize_field("deviations", &Deviations(&packet.deviations))?;
        }
        if self.options.detail {
            record.serialize_field("fields", &FieldsRecord::of(message))?;
        }
        record.end()
    }
}

/// A field that is left out where it is not known.
fn optional<R: SerializeStruct>(
    record: &mut R,
    name: &'static str,
    value: Option<impl Serialize>,
) -> Result<(), R::Error> {
    value.map_or(Ok(()), |value| record.serialize_field(name, &value))
}

/// A return code, and what it says.
fn answer<R: SerializeStruct>(record: &mut R, code: ReturnCode) -> Result<(), R::Error> {
    record.serialize_field("return_code", &code.0)?;
    optional(record, "reason", code.name())
}

fn payload<'a>(bytes: &'a [u8], length: Option<u32>, topic: Option<&'a [u8]>, options: PayloadOptions) -> Payload<'a> {
    let length = length.unwrap_or(bytes.len() as u32);
    let properties = crate::mqtt::Properties::default();
    Payload { payload: PayloadBytes { bytes, length, topic, properties }, options }
}

/// What a forwarder says of a message.
struct EncapsulatedRecord<'a> {
    node: &'a [u8],
    radius: u8,
}

impl Serialize for EncapsulatedRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("wireless_node_id", &format_args!("{}", Hex(self.node)))?;
        map.serialize_entry("radius", &self.radius)?;
        map.end()
    }
}

struct Deviations<'a>(&'a [Deviation]);

#[derive(Serialize)]
struct DeviationRecord {
    offset: u32,
    kind: &'static str,
    clause: &'static str,
    message: String,
}

impl Serialize for Deviations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|deviation| DeviationRecord {
            offset: deviation.offset,
            kind: deviation.kind.name(),
            clause: deviation.kind.clause(),
            message: deviation.kind.describe().into_owned(),
        }))
    }
}
