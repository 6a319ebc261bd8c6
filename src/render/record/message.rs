//! The `message` record: one for each MQTT control packet.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::fields::FieldsRecord;
use super::value::{Base64, Payload, Text, Time};
use crate::capture::FrameNo;
use crate::dissect::Message;
use crate::engine::FlowRef;
use crate::mqtt::{
    Body, Deviation, Filters, PacketType, Properties, PropertyId, PropertyValue, TopicFilters, Version, Will,
    reason_name,
};
use crate::render::MessageOptions;
use crate::render::compact::Name;
use crate::render::payload::{PayloadBytes, PayloadOptions};

/// A message, serialized from where it lies: with what all messages have first, then what its type has.
pub(in crate::render) struct MessageRecord<'a> {
    flow: FlowRef,
    message: &'a Message<'a>,
    options: MessageOptions,
}

impl<'a> MessageRecord<'a> {
    pub(in crate::render) const fn new(flow: FlowRef, message: &'a Message<'a>, options: MessageOptions) -> Self {
        Self { flow, message, options }
    }

    /// What only messages of its type have, up to their properties.
    fn body<R: SerializeStruct>(&self, record: &mut R) -> Result<(), R::Error> {
        let message = self.message;
        let packet = &message.packet;
        let header = packet.header;
        let options = self.options.payload;
        match &packet.body {
            Body::Publish(publish) => {
                record.serialize_field("dup", &header.dup())?;
                record.serialize_field("qos", &header.qos())?;
                record.serialize_field("retain", &header.retain())?;
                optional(record, "topic", publish.topic.map(Text))?;
                optional(record, "topic_alias", message.topic_alias)?;
                if publish.topic.is_some_and(<[u8]>::is_empty) {
                    let topic = message.topic.filter(|topic| !topic.is_empty());
                    optional(record, "topic_resolved", topic.map(Text))?;
                }
                optional(record, "packet_id", publish.packet_id)?;
                if let Some(length) = publish.payload_length {
                    let (bytes, topic, properties) = (publish.payload, message.topic, publish.properties);
                    let payload = PayloadBytes { bytes, length, topic, properties };
                    record.serialize_field("payload", &Payload { payload, options })?;
                }
                Ok(())
            }
            Body::Ack(ack) => {
                optional(record, "packet_id", ack.packet_id)?;
                reason(record, header.packet_type, ack.reason_code, packet.version)
            }
            Body::Connect(connect) => {
                optional(record, "protocol_name", connect.protocol_name.map(Text))?;
                optional(record, "protocol_level", connect.level)?;
                if connect.bridge() {
                    record.serialize_field("bridge", &true)?;
                }
                optional(record, "client_id", connect.client_id.map(Text))?;
                optional(record, "clean_start", connect.clean_start())?;
                optional(record, "keep_alive_s", connect.keep_alive)?;
                optional(record, "will", connect.will.map(|will| WillRecord::new(&will, options)))?;
                optional(record, "username", connect.username.map(Text))?;
                optional(record, "password_present", connect.has_password(packet.missing > 0))
            }
            Body::ConnAck(connack) => {
                optional(record, "session_present", connack.session_present())?;
                reason(record, PacketType::ConnAck, connack.code, packet.version)
            }
            Body::Subscribe(subscribe) => {
                optional(record, "packet_id", subscribe.packet_id)?;
                let list = SubscriptionList { filters: subscribe.filters, version: packet.version };
                record.serialize_field("subscriptions", &list)
            }
            Body::SubAck(suback) => {
                optional(record, "packet_id", suback.packet_id)?;
                record.serialize_field("reason_codes", suback.codes)
            }
            Body::Unsubscribe(unsubscribe) => {
                optional(record, "packet_id", unsubscribe.packet_id)?;
                record.serialize_field("filters", &FilterList(unsubscribe.filters))
            }
            Body::UnsubAck(unsuback) => {
                optional(record, "packet_id", unsuback.packet_id)?;
                optional(record, "reason_codes", (packet.version == Version::V5).then_some(unsuback.codes))
            }
            Body::Disconnect(disconnect) => {
                reason(record, PacketType::Disconnect, disconnect.reason_code, packet.version)
            }
            Body::Auth(auth) => reason(record, PacketType::Auth, auth.reason_code, packet.version),
            Body::Reserved(_) => record.serialize_field("flags", &header.flags),
            Body::Ping => Ok(()),
        }
    }

    fn properties(&self) -> Properties<'a> {
        match &self.message.packet.body {
            Body::Publish(publish) => publish.properties,
            Body::Ack(ack) => ack.properties,
            Body::Connect(connect) => connect.properties,
            Body::ConnAck(connack) => connack.properties,
            Body::Subscribe(subscribe) => subscribe.properties,
            Body::SubAck(suback) => suback.properties,
            Body::Unsubscribe(unsubscribe) => unsubscribe.properties,
            Body::UnsubAck(unsuback) => unsuback.properties,
            Body::Disconnect(disconnect) => disconnect.properties,
            Body::Auth(auth) => auth.properties,
            Body::Ping | Body::Reserved(_) => Properties::default(),
        }
    }
}

impl Serialize for MessageRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.message;
        let packet = &message.packet;
        let header = packet.header;
        // The number of fields is a hint; what matters is that it is not 0.
        let mut record = serializer.serialize_struct("message", 16)?;
        record.serialize_field("record", &Name("message"))?;
        record.serialize_field("flow", &self.flow.id.0)?;
        record.serialize_field("frame", &message.origin.frame.0)?;
        record.serialize_field("frames", &Frames(message.frames))?;
        record.serialize_field("time", &Time(message.origin.time))?;
        record.serialize_field("from", &Name(message.direction.sender().name()))?;
        record.serialize_field("type", &Name(header.packet_type.name()))?;
        record.serialize_field("version", &Name(packet.version.as_str()))?;
        record.serialize_field("version_known_by", &Name(message.version_known_by.name()))?;
        record.serialize_field("length", &header.packet_length())?;
        record.serialize_field("remaining_length", &header.remaining_length)?;
        if let Some(lane) = message.quic {
            record.serialize_field("quic_stream", &lane.stream())?;
            if lane.is_aside() {
                record.serialize_field("beside_session", &true)?;
            }
        }
        self.body(&mut record)?;
        let properties = self.properties();
        if !properties.is_empty() {
            record.serialize_field("properties", &PropertyMap(properties))?;
        }
        if message.missing > 0 {
            record.serialize_field("missing_bytes", &message.missing)?;
        }
        if message.incomplete {
            record.serialize_field("incomplete", &true)?;
        }
        if message.resynced {
            record.serialize_field("resynced", &true)?;
        }
        if !packet.deviations.is_empty() {
            let list = DeviationList { deviations: &packet.deviations, version: packet.version };
            record.serialize_field("deviations", &list)?;
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

/// A reason code, and what it says.
fn reason<R: SerializeStruct>(
    record: &mut R,
    packet_type: PacketType,
    code: Option<u8>,
    version: Version,
) -> Result<(), R::Error> {
    optional(record, "reason_code", code)?;
    optional(record, "reason", code.and_then(|code| reason_name(packet_type, code, version)))
}

#[derive(Serialize)]
struct WillRecord<'a> {
    topic: Text<'a>,
    qos: u8,
    retain: bool,
    payload: Payload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<PropertyMap<'a>>,
}

impl<'a> WillRecord<'a> {
    fn new(will: &Will<'a>, options: PayloadOptions) -> Self {
        Self {
            topic: Text(will.topic),
            qos: will.qos,
            retain: will.retain,
            payload: Payload {
                payload: PayloadBytes {
                    bytes: will.payload,
                    length: will.payload.len() as u32,
                    topic: Some(will.topic),
                    properties: will.properties,
                },
                options,
            },
            properties: (!will.properties.is_empty()).then_some(PropertyMap(will.properties)),
        }
    }
}

struct Frames<'a>(&'a [FrameNo]);

impl Serialize for Frames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|frame| frame.0))
    }
}

struct SubscriptionList<'a> {
    filters: Filters<'a>,
    version: Version,
}

#[derive(Serialize)]
struct SubscriptionRecord<'a> {
    filter: Text<'a>,
    qos: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_local: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_as_published: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_handling: Option<u8>,
}

impl Serialize for SubscriptionList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_5 = self.version == Version::V5;
        serializer.collect_seq(self.filters.iter().map(|wanted| SubscriptionRecord {
            filter: Text(wanted.filter),
            qos: wanted.qos(),
            no_local: is_5.then(|| wanted.no_local()),
            retain_as_published: is_5.then(|| wanted.retain_as_published()),
            retain_handling: is_5.then(|| wanted.retain_handling()),
        }))
    }
}

struct FilterList<'a>(TopicFilters<'a>);

impl Serialize for FilterList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}

pub(super) struct DeviationList<'a> {
    pub(super) deviations: &'a [Deviation],
    pub(super) version: Version,
}

#[derive(Serialize)]
struct DeviationRecord {
    offset: u32,
    kind: &'static str,
    clause: &'static str,
    message: String,
}

impl Serialize for DeviationList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.deviations.iter().map(|deviation| DeviationRecord {
            offset: deviation.offset,
            kind: deviation.kind.name(),
            clause: deviation.kind.clause(self.version),
            message: deviation.kind.describe().into_owned(),
        }))
    }
}

/// Properties by name. Those that may stand more than once are arrays, always.
struct PropertyMap<'a>(Properties<'a>);

impl Serialize for PropertyMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (mut pairs, mut identifiers) = (false, false);
        let mut told = 0u64;
        for property in self.0 {
            match property.id {
                PropertyId::UserProperty if !pairs => {
                    pairs = true;
                    map.serialize_entry("user_properties", &UserProperties(self.0))?;
                }
                PropertyId::SubscriptionIdentifier if !identifiers => {
                    identifiers = true;
                    map.serialize_entry("subscription_identifiers", &SubscriptionIdentifiers(self.0))?;
                }
                PropertyId::UserProperty | PropertyId::SubscriptionIdentifier => {}
                // A forbidden repetition is a deviation; a key stands once.
                id if told & (1 << (id.code() & 63)) != 0 => {}
                id => {
                    told |= 1 << (id.code() & 63);
                    match property.value {
                        PropertyValue::Byte(value) => map.serialize_entry(id.name(), &value)?,
                        PropertyValue::Integer(value) => map.serialize_entry(id.name(), &value)?,
                        PropertyValue::Text(text) => map.serialize_entry(id.name(), &Text(text))?,
                        // What a client proves itself with is a secret.
                        PropertyValue::Binary(bytes) if id == PropertyId::AuthenticationData => {
                            map.serialize_entry("authentication_data_length", &bytes.len())?;
                        }
                        PropertyValue::Binary(bytes) => map.serialize_entry(id.name(), &Base64(bytes))?,
                        PropertyValue::Pair(name, value) => {
                            map.serialize_entry(id.name(), &[Text(name), Text(value)])?;
                        }
                    }
                }
            }
        }
        map.end()
    }
}

struct UserProperties<'a>(Properties<'a>);

impl Serialize for UserProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for property in self.0 {
            if let PropertyValue::Pair(name, value) = property.value {
                list.serialize_element(&[Text(name), Text(value)])?;
            }
        }
        list.end()
    }
}

struct SubscriptionIdentifiers<'a>(Properties<'a>);

impl Serialize for SubscriptionIdentifiers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let identifiers = self.0.into_iter().filter(|property| property.id == PropertyId::SubscriptionIdentifier);
        serializer.collect_seq(identifiers.filter_map(|property| property.value.number()))
    }
}
