//! DISCONNECT: the announced end of a connection. Who sent it is not known here.

use super::ack::reason_code;
use super::connack::check_server_reference;
use super::reader::Reader;
use super::{PacketType, Properties, PropertyHolder};

/// The fields of a DISCONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// The reason code; `None` before 5.0 and in the short form, which means normal disconnection.
    pub reason_code: Option<u8>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let mut disconnect = Self { reason_code: None, properties: Properties::default() };
        // MQTT 5.0 section 3.14.2: code and properties may be left out, from the end.
        if reader.is_v5() && reader.left() > 0 {
            disconnect.reason_code = reason_code(reader);
            if reader.left() > 0 {
                disconnect.properties = reader.properties(PropertyHolder::Packet(PacketType::Disconnect));
                if let Some(code) = disconnect.reason_code {
                    check_server_reference(reader, disconnect.properties, code);
                }
            }
        }
        disconnect
    }
}
