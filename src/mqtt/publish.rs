//! PUBLISH: an application message. DUP, QoS and RETAIN are in its fixed header; what a topic alias
//! stands for is not known here.

use super::primitive::be_u16;
use super::reader::Reader;
use super::{DeviationKind, Field, PacketType, Properties, PropertyHolder, PropertyId, PropertyValue, Version};

/// The fields of a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The topic name, empty where an alias stands for it (5.0); `None` where it was not reached.
    pub topic: Option<&'a [u8]>,
    /// The packet identifier; `None` at QoS 0.
    pub packet_id: Option<u16>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// The message, as far as it is available.
    pub payload: &'a [u8],
    /// Bytes of the message on the wire; `None` where it was not reached, so that nothing tells where it begins.
    pub payload_length: Option<u32>,
}

/// MQTT 3.1 section 2.5: the longest topic name, in characters.
const LONGEST_TOPIC_31: usize = 32_767;

impl<'a> Publish<'a> {
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let start = reader.offset();
        let topic = reader.topic_name(Field::Topic);
        let packet_id = if reader.header.qos() > 0 { packet_id(reader) } else { None };
        let properties = reader.properties(PropertyHolder::Packet(PacketType::Publish));
        let payload_length = reader.may_go_on().then(|| reader.left());
        let whole = reader.saw_all();
        let payload = reader.payload();
        if topic.is_some_and(<[u8]>::is_empty) {
            empty_topic(reader, properties, whole, start);
        }
        if let Some(topic) = topic.filter(|topic| topic.len() > LONGEST_TOPIC_31 && reader.version == Version::V31) {
            check_length(reader, topic, start);
        }
        if !properties.is_empty()
            && whole
            && properties.get(PropertyId::PayloadFormatIndicator) == Some(PropertyValue::Byte(1))
            && std::str::from_utf8(payload).is_err()
        {
            let at = reader.offset() - payload.len() as u32;
            reader.note(at, DeviationKind::PayloadNotUtf8(Field::Payload));
        }
        reader.takes_all();
        Self { topic, packet_id, properties, payload, payload_length }
    }
}

#[inline]
fn packet_id(reader: &mut Reader<'_>) -> Option<u16> {
    let at = reader.offset();
    let id = reader.field(Field::PacketId, be_u16);
    if id == Some(0) {
        reader.note(at, DeviationKind::PacketIdZero(PacketType::Publish));
    }
    id
}

#[cold]
fn empty_topic(reader: &mut Reader<'_>, properties: Properties<'_>, whole: bool, at: u32) {
    // The alias may lie in what was not captured.
    let alias = properties.get(PropertyId::TopicAlias).is_some() || (reader.is_v5() && !whole);
    if !alias {
        reader.note(at, DeviationKind::TopicEmpty(Field::Topic));
    }
}

#[cold]
fn check_length(reader: &mut Reader<'_>, topic: &[u8], at: u32) {
    let characters = std::str::from_utf8(topic).map_or(topic.len(), |text| text.chars().count());
    if characters > LONGEST_TOPIC_31 {
        reader.note(at, DeviationKind::TopicTooLong);
    }
}
