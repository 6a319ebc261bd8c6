//! CONNACK: the answer to a CONNECT. Whether it fits the CONNECT is not known here.

use super::ack::reason_code;
use super::primitive::u8;
use super::reader::Reader;
use super::{DeviationKind, Field, PacketType, Properties, PropertyHolder, PropertyId, Version};

/// The fields of a CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// The acknowledge flags; `None` where they were not reached.
    pub flags: Option<u8>,
    /// The return code (before 5.0) or reason code; `None` where it was not reached.
    pub code: Option<u8>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    /// Whether the server goes on with a session that it has kept; `None` where the flags were not reached.
    pub fn session_present(self) -> Option<bool> {
        self.flags.map(|flags| flags & 1 != 0)
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let at = reader.offset();
        let flags = reader.field(Field::AcknowledgeFlags, u8);
        if flags.is_some_and(|flags| flags > 1) {
            reader.note(at, DeviationKind::ConnAckReservedFlags);
        }
        let code = reason_code(reader);
        // 3.1 has no Session Present; the byte is unused there.
        if code.is_some_and(|code| code != 0)
            && flags.is_some_and(|flags| flags & 1 != 0)
            && reader.version != Version::V31
        {
            reader.note(at, DeviationKind::SessionPresentWithRefusal);
        }
        let properties = reader.properties(PropertyHolder::Packet(PacketType::ConnAck));
        check_server_reference(reader, properties, code.unwrap_or(0));
        Self { flags, code, properties }
    }
}

/// MQTT 5.0 sections 3.2.2.3.16 and 4.11: only these two codes send a client elsewhere.
pub(super) fn check_server_reference(reader: &mut Reader<'_>, properties: Properties<'_>, code: u8) {
    if matches!(code, 0x9c | 0x9d) || properties.is_empty() {
        return;
    }
    if let Some(reference) = properties.iter().find(|property| property.id == PropertyId::ServerReference) {
        reader.note(reference.offset, DeviationKind::ServerReferenceCode);
    }
}
