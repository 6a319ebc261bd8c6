//! The `message` record: one for each MQTT control packet.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

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
use crate::render::payload::{PayloadBytes, PayloadOptions};

#[derive(Serialize)]
pub(in crate::render) struct MessageRecord<'a> {
    record: &'static str,
    flow: u64,
    frame: u64,
    frames: Frames<'a>,
    time: Time,
    from: &'static str,
    #[serde(rename = "type")]
    packet_type: &'static str,
    version: &'static str,
    version_known_by: &'static str,
    length: u64,
    remaining_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dup: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qos: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_alias: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_resolved: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
    #[serde(flatten)]
    connect: Option<ConnectFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_present: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_codes: Option<&'a [u8]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriptions: Option<SubscriptionList<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<FilterList<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<PropertyMap<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_bytes: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    incomplete: bool,
    #[serde(skip_serializing_if = "is_false")]
    resynced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deviations: Option<DeviationList<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<FieldsRecord<'a>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What only a CONNECT has; its fields stand in the record itself.
#[derive(Serialize)]
struct ConnectFields<'a> {
    protocol_name: Text<'a>,
    protocol_level: u8,
    #[serde(skip_serializing_if = "is_false")]
    bridge: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    clean_start: bool,
    keep_alive_s: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    will: Option<WillRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Text<'a>>,
    password_present: bool,
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

impl<'a> MessageRecord<'a> {
    pub(in crate::render) fn new(flow: FlowRef, message: &'a Message<'a>, options: MessageOptions) -> Self {
        let packet = &message.packet;
        let header = packet.header;
        let mut record = Self {
            record: "message",
            flow: flow.id.0,
            frame: message.origin.frame.0,
            frames: Frames(message.frames),
            time: Time(message.origin.time),
            from: message.direction.sender().name(),
            packet_type: header.packet_type.name(),
            version: packet.version.as_str(),
            version_known_by: message.version_known_by.name(),
            length: header.packet_length(),
            remaining_length: header.remaining_length,
            flags: None,
            dup: None,
            qos: None,
            retain: None,
            topic: None,
            topic_alias: message.topic_alias,
            topic_resolved: None,
            packet_id: None,
            payload: None,
            connect: None,
            session_present: None,
            reason_code: None,
            reason: None,
            reason_codes: None,
            subscriptions: None,
            filters: None,
            properties: None,
            missing_bytes: (message.missing > 0).then_some(message.missing),
            incomplete: message.incomplete,
            resynced: message.resynced,
            deviations: (!packet.deviations.is_empty())
                .then(|| DeviationList { deviations: &packet.deviations, version: packet.version }),
            fields: options.detail.then(|| FieldsRecord::of(message)),
        };
        record.fill(message, options.payload);
        record
    }

    fn fill(&mut self, message: &'a Message<'a>, options: PayloadOptions) {
        let packet = &message.packet;
        let header = packet.header;
        let properties = match &packet.body {
            Body::Publish(publish) => {
                self.dup = Some(header.dup());
                self.qos = Some(header.qos());
                self.retain = Some(header.retain());
                self.topic = publish.topic.map(Text);
                if publish.topic.is_some_and(<[u8]>::is_empty) {
                    self.topic_resolved = message.topic.filter(|topic| !topic.is_empty()).map(Text);
                }
                self.packet_id = publish.packet_id;
                self.payload = publish.payload_length.map(|length| {
                    let (topic, properties) = (message.topic, publish.properties);
                    Payload { payload: PayloadBytes { bytes: publish.payload, length, topic, properties }, options }
                });
                publish.properties
            }
            Body::Ack(ack) => {
                self.packet_id = ack.packet_id;
                self.set_reason(header.packet_type, ack.reason_code, packet.version);
                ack.properties
            }
            Body::Connect(connect) => {
                self.connect = Some(ConnectFields {
                    protocol_name: Text(connect.protocol_name),
                    protocol_level: connect.level,
                    bridge: connect.bridge(),
                    client_id: connect.client_id.map(Text),
                    clean_start: connect.clean_start(),
                    keep_alive_s: connect.keep_alive,
                    will: connect.will.map(|will| WillRecord::new(&will, options)),
                    username: connect.username.map(Text),
                    password_present: connect.password.is_some(),
                });
                connect.properties
            }
            Body::ConnAck(connack) => {
                self.session_present = connack.session_present();
                self.set_reason(PacketType::ConnAck, connack.code, packet.version);
                connack.properties
            }
            Body::Subscribe(subscribe) => {
                self.packet_id = subscribe.packet_id;
                self.subscriptions = Some(SubscriptionList { filters: subscribe.filters, version: packet.version });
                subscribe.properties
            }
            Body::SubAck(suback) => {
                self.packet_id = suback.packet_id;
                self.reason_codes = Some(suback.codes);
                suback.properties
            }
            Body::Unsubscribe(unsubscribe) => {
                self.packet_id = unsubscribe.packet_id;
                self.filters = Some(FilterList(unsubscribe.filters));
                unsubscribe.properties
            }
            Body::UnsubAck(unsuback) => {
                self.packet_id = unsuback.packet_id;
                self.reason_codes = (packet.version == Version::V5).then_some(unsuback.codes);
                unsuback.properties
            }
            Body::Disconnect(disconnect) => {
                self.set_reason(PacketType::Disconnect, disconnect.reason_code, packet.version);
                disconnect.properties
            }
            Body::Auth(auth) => {
                self.set_reason(PacketType::Auth, auth.reason_code, packet.version);
                auth.properties
            }
            Body::Ping => Properties::default(),
            Body::Reserved(_) => {
                self.flags = Some(header.flags);
                Properties::default()
            }
        };
        self.properties = (!properties.is_empty()).then_some(PropertyMap(properties));
    }

    fn set_reason(&mut self, packet_type: PacketType, code: Option<u8>, version: Version) {
        self.reason_code = code;
        self.reason = code.and_then(|code| reason_name(packet_type, code, version));
    }
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
