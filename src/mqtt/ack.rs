//! PUBACK, PUBREC, PUBREL and PUBCOMP, which share one form. What they answer is not known here.

use super::primitive::u8;
use super::reader::Reader;
use super::{DeviationKind, Field, Properties, PropertyHolder, reason_allowed};

/// The fields of a PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The packet identifier; `None` where it was not reached.
    pub packet_id: Option<u16>,
    /// The reason code; `None` before 5.0 and in the short form, which means success.
    pub reason_code: Option<u8>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let packet_id = reader.packet_id();
        let mut ack = Self { packet_id, reason_code: None, properties: Properties::default() };
        // MQTT 5.0 section 3.4.2.1: code and properties may be left out, from the end.
        if reader.is_v5() && reader.left() > 0 {
            ack.reason_code = reason_code(reader);
            if reader.left() > 0 {
                ack.properties = reader.properties(PropertyHolder::Packet(reader.packet_type()));
            }
        }
        ack
    }
}

/// Reads a reason code and checks that the packet may have it.
pub(super) fn reason_code(reader: &mut Reader<'_>) -> Option<u8> {
    let at = reader.offset();
    let code = reader.field(Field::ReasonCode, u8)?;
    check_reason_code(reader, code, at);
    Some(code)
}

/// Notes a code that the packet may not have.
pub(super) fn check_reason_code(reader: &mut Reader<'_>, code: u8, at: u32) {
    let packet_type = reader.packet_type();
    if !reason_allowed(packet_type, code, reader.version) {
        reader.note(at, DeviationKind::ReasonCode(packet_type, code));
    }
}
