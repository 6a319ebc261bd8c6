//! CONNECT: who wants a connection, and with what will. The password's bytes are never kept.

use super::primitive::{be_u16, u8};
use super::reader::Reader;
use super::version::{BRIDGE_BIT, has_unknown_layout};
use super::{DeviationKind, Field, PacketType, Properties, PropertyHolder, PropertyId, PropertyValue, Version};
use crate::text::Secret;

/// The fields of a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The protocol name, `MQTT` or `MQIsdp`. `None`, as of all that follow, where it was not reached.
    pub protocol_name: Option<&'a [u8]>,
    /// The protocol level as it stands, with a bridge's bit.
    pub level: Option<u8>,
    /// The connect flags.
    pub flags: Option<u8>,
    /// The keep alive time in seconds; 0 means none.
    pub keep_alive: Option<u16>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// The client identifier; it may be empty. `None` where it was not reached.
    pub client_id: Option<&'a [u8]>,
    /// The will; `None` where there is none, or where its topic was not reached.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub username: Option<&'a [u8]>,
    /// That there is a password, and its length.
    pub password: Option<Secret>,
}

/// The message that the server publishes when the client is gone without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// Its QoS, 0 to 2, or the forbidden 3.
    pub qos: u8,
    /// Whether it is to be retained.
    pub retain: bool,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// Its topic name.
    pub topic: &'a [u8],
    /// Its payload; empty where it was not reached.
    pub payload: &'a [u8],
}

const RESERVED: u8 = 0b0000_0001;
const CLEAN_START: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USER_NAME: u8 = 0b1000_0000;

const fn will_qos(flags: u8) -> u8 {
    flags >> 3 & 0b11
}

impl<'a> Connect<'a> {
    /// Whether the client wants no earlier session: Clean Start (5.0) or Clean Session.
    pub const fn clean_start(&self) -> Option<bool> {
        self.has_flag(CLEAN_START)
    }

    /// Whether the flags say that there is a user name.
    pub const fn has_username(&self) -> Option<bool> {
        self.has_flag(USER_NAME)
    }

    /// Whether there is a password; where the capture has not got so far, what the flags say.
    pub fn has_password(&self, is_cut: bool) -> Option<bool> {
        self.has_flag(PASSWORD).map(|announced| self.password.is_some() || (announced && is_cut))
    }

    const fn has_flag(&self, flag: u8) -> Option<bool> {
        match self.flags {
            Some(flags) => Some(flags & flag != 0),
            None => None,
        }
    }

    /// The version that it names.
    pub fn version(&self) -> Option<Version> {
        Version::from_connect(self.protocol_name?, self.level?)
    }

    /// Whether the client says that it is a bridge, by the top bit of the level.
    pub fn bridge(&self) -> bool {
        self.level.is_some_and(|level| level & BRIDGE_BIT != 0)
    }

    /// Reads it as the version that it names, and leaves that version in the reader.
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let name_at = reader.offset();
        let protocol_name = reader.bytes(Field::ProtocolName);
        let level_at = reader.offset();
        let level = reader.field(Field::ProtocolLevel, u8);
        if let (Some(name), Some(level)) = (protocol_name, level) {
            check_protocol(reader, (name, name_at), (level, level_at));
            if has_unknown_layout(name, level) {
                reader.leave_rest();
            }
        }
        let flags_at = reader.offset();
        let said = reader.field(Field::ConnectFlags, u8);
        if let Some(flags) = said {
            check_flags(reader, flags, flags_at);
        }
        let flags = said.unwrap_or(0);
        let keep_alive = reader.field(Field::KeepAlive, be_u16);
        let properties = reader.properties(PropertyHolder::Packet(PacketType::Connect));
        let client_id = client_id(reader, flags);
        let will = if flags & WILL == 0 { None } else { will(reader, flags) };
        let username = if flags & USER_NAME == 0 || left_out(reader, Field::UserName) {
            None
        } else {
            reader.text(Field::UserName)
        };
        let password = if flags & PASSWORD == 0 || left_out(reader, Field::Password) {
            None
        } else {
            reader.bytes(Field::Password).map(Secret::seen)
        };
        Self { protocol_name, level, flags: said, keep_alive, properties, client_id, will, username, password }
    }
}

fn check_protocol(reader: &mut Reader<'_>, (name, name_at): (&[u8], u32), (level, level_at): (u8, u32)) {
    let version = Version::from_connect(name, level);
    match version {
        Some(version) => reader.version = version,
        // The layout follows the level, whatever the name.
        None if level == 5 => reader.version = Version::V5,
        None => {}
    }
    match (name, version) {
        (b"MQIsdp", Some(Version::V31)) | (b"MQTT", Some(Version::V311 | Version::V5)) => {}
        (b"MQIsdp" | b"MQTT", _) => reader.note(level_at, DeviationKind::ProtocolLevel),
        _ => reader.note(name_at, DeviationKind::ProtocolName),
    }
}

fn check_flags(reader: &mut Reader<'_>, flags: u8, at: u32) {
    if flags & RESERVED != 0 {
        reader.note(at, DeviationKind::ConnectReservedFlag);
    }
    if flags & WILL != 0 {
        if will_qos(flags) == 3 {
            reader.note(at, DeviationKind::WillQos3);
        }
    } else if reader.version != Version::V31 {
        // 3.1 ignores these bits where there is no will.
        if will_qos(flags) != 0 {
            reader.note(at, DeviationKind::WillQosWithoutWill);
        }
        if flags & WILL_RETAIN != 0 {
            reader.note(at, DeviationKind::WillRetainWithoutWill);
        }
    }
    if flags & (PASSWORD | USER_NAME) == PASSWORD && !reader.is_v5() {
        reader.note(at, DeviationKind::PasswordWithoutUserName);
    }
}

fn client_id<'a>(reader: &mut Reader<'a>, flags: u8) -> Option<&'a [u8]> {
    if reader.is_whole() && reader.left() == 0 {
        reader.stop(DeviationKind::ConnectPayloadEmpty);
    }
    let at = reader.offset();
    let id = reader.text(Field::ClientId)?;
    match reader.version {
        Version::V31 => {
            let characters = std::str::from_utf8(id).map_or(id.len(), |text| text.chars().count());
            if !(1..=23).contains(&characters) {
                reader.note(at, DeviationKind::ClientIdLength);
            }
        }
        Version::V311 if id.is_empty() && flags & CLEAN_START == 0 => {
            reader.note(at, DeviationKind::ClientIdEmptyWithoutCleanSession);
        }
        Version::V311 | Version::V5 => {}
    }
    Some(id)
}

fn will<'a>(reader: &mut Reader<'a>, flags: u8) -> Option<Will<'a>> {
    let properties = reader.properties(PropertyHolder::Will);
    let topic_at = reader.offset();
    let topic = reader.topic_name(Field::WillTopic)?;
    if topic.is_empty() {
        reader.note(topic_at, DeviationKind::TopicEmpty(Field::WillTopic));
    }
    let payload = reader.bytes(Field::WillPayload);
    if let Some(payload) = payload {
        let at = reader.offset() - payload.len() as u32;
        if reader.version == Version::V31 && !payload.is_ascii() {
            reader.note(at, DeviationKind::WillNotAscii);
        }
        if properties.get(PropertyId::PayloadFormatIndicator) == Some(PropertyValue::Byte(1))
            && std::str::from_utf8(payload).is_err()
        {
            reader.note(at, DeviationKind::PayloadNotUtf8(Field::WillPayload));
        }
    }
    Some(Will {
        qos: will_qos(flags),
        retain: flags & WILL_RETAIN != 0,
        properties,
        topic,
        payload: payload.unwrap_or_default(),
    })
}

/// MQTT 3.1 section 3.1: the remaining length wins over the flags, and a user name or password that is
/// announced may be left out.
fn left_out(reader: &mut Reader<'_>, field: Field) -> bool {
    let left_out = reader.version == Version::V31 && reader.is_whole() && reader.left() == 0;
    if left_out {
        reader.note(reader.offset(), DeviationKind::CredentialsMissing(field));
    }
    left_out
}
