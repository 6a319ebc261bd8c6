//! AUTH (5.0): a step of an extended authentication. Its data is never looked at.

use super::ack::reason_code;
use super::reader::Reader;
use super::{DeviationKind, PacketType, Properties, PropertyHolder, PropertyId};

/// The fields of an AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth<'a> {
    /// The reason code; `None` in the short form, which means success.
    pub reason_code: Option<u8>,
    /// Its properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        // Section 3.15.2.1 allows an AUTH of length 0, although section 3.15.2.2.2 wants a method in
        // every AUTH: the permission wins here.
        if reader.left() == 0 {
            return Self { reason_code: None, properties: Properties::default() };
        }
        let reason_code = reason_code(reader);
        let at = reader.offset();
        let properties = reader.properties(PropertyHolder::Packet(PacketType::Auth));
        if reader.saw_all() && properties.get(PropertyId::AuthenticationMethod).is_none() {
            reader.note(at, DeviationKind::AuthenticationMethodMissing);
        }
        Self { reason_code, properties }
    }
}
