//! MQTT 5.0 properties: their table, and an iterator over the bytes of a property block.
//!
//! The iterator ends where the bytes cannot be understood; saying what is wrong with a block is the
//! reader's work.

use nom::Parser;
use nom::combinator::map;
use nom::sequence::pair;

use super::PacketType;
use super::primitive::{Stop, Variable, be_u16, be_u32, binary, u8, variable_integer};

/// The form of a property's value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyKind {
    /// One byte.
    Byte,
    /// Two-byte integer.
    TwoByteInteger,
    /// Four-byte integer.
    FourByteInteger,
    /// Variable byte integer.
    VariableInteger,
    /// UTF-8 string.
    Text,
    /// Binary data.
    Binary,
    /// A pair of UTF-8 strings.
    Pair,
}

/// Where a property stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyHolder {
    /// In the variable header of a packet of this type.
    Packet(PacketType),
    /// In the will properties of a CONNECT.
    Will,
}

impl PropertyHolder {
    // Type 0 never has properties, so its bit is free for the will.
    const fn bit(self) -> u16 {
        match self {
            Self::Will => 1,
            Self::Packet(PacketType::Reserved) => 0,
            Self::Packet(packet_type) => 1 << packet_type as u8,
        }
    }
}

const WILL: u16 = 1;
const CONNECT: u16 = 1 << 1;
const CONNACK: u16 = 1 << 2;
const PUBLISH: u16 = 1 << 3;
const ACKS: u16 = 0b1111 << 4;
const SUBSCRIBE: u16 = 1 << 8;
const SUBACK: u16 = 1 << 9;
const UNSUBSCRIBE: u16 = 1 << 10;
const UNSUBACK: u16 = 1 << 11;
const DISCONNECT: u16 = 1 << 14;
const AUTH: u16 = 1 << 15;
const ANSWERS: u16 = CONNACK | ACKS | SUBACK | UNSUBACK | DISCONNECT | AUTH;
const ANYWHERE: u16 = ANSWERS | WILL | CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE;

macro_rules! properties {
    ($($variant:ident $code:literal $name:literal $kind:ident $holders:expr;)*) => {
        /// A property that MQTT 5.0 defines (section 2.2.2.2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)] // the specification's own names
        pub enum PropertyId { $($variant = $code,)* }

        impl PropertyId {
            /// All properties, in the order of their codes.
            pub const ALL: [Self; 27] = [$(Self::$variant,)*];

            /// From the identifier on the wire.
            pub const fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The specification's name in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The form of the value.
            pub const fn kind(self) -> PropertyKind {
                match self { $(Self::$variant => PropertyKind::$kind,)* }
            }

            const fn holders(self) -> u16 {
                match self { $(Self::$variant => $holders,)* }
            }
        }
    };
}

properties! {
    PayloadFormatIndicator 0x01 "payload_format_indicator" Byte PUBLISH | WILL;
    MessageExpiryInterval 0x02 "message_expiry_interval" FourByteInteger PUBLISH | WILL;
    ContentType 0x03 "content_type" Text PUBLISH | WILL;
    ResponseTopic 0x08 "response_topic" Text PUBLISH | WILL;
    CorrelationData 0x09 "correlation_data" Binary PUBLISH | WILL;
    SubscriptionIdentifier 0x0b "subscription_identifier" VariableInteger PUBLISH | SUBSCRIBE;
    SessionExpiryInterval 0x11 "session_expiry_interval" FourByteInteger CONNECT | CONNACK | DISCONNECT;
    AssignedClientIdentifier 0x12 "assigned_client_identifier" Text CONNACK;
    ServerKeepAlive 0x13 "server_keep_alive" TwoByteInteger CONNACK;
    AuthenticationMethod 0x15 "authentication_method" Text CONNECT | CONNACK | AUTH;
    AuthenticationData 0x16 "authentication_data" Binary CONNECT | CONNACK | AUTH;
    RequestProblemInformation 0x17 "request_problem_information" Byte CONNECT;
    WillDelayInterval 0x18 "will_delay_interval" FourByteInteger WILL;
    RequestResponseInformation 0x19 "request_response_information" Byte CONNECT;
    ResponseInformation 0x1a "response_information" Text CONNACK;
    ServerReference 0x1c "server_reference" Text CONNACK | DISCONNECT;
    ReasonString 0x1f "reason_string" Text ANSWERS;
    ReceiveMaximum 0x21 "receive_maximum" TwoByteInteger CONNECT | CONNACK;
    TopicAliasMaximum 0x22 "topic_alias_maximum" TwoByteInteger CONNECT | CONNACK;
    TopicAlias 0x23 "topic_alias" TwoByteInteger PUBLISH;
    MaximumQos 0x24 "maximum_qos" Byte CONNACK;
    RetainAvailable 0x25 "retain_available" Byte CONNACK;
    UserProperty 0x26 "user_property" Pair ANYWHERE;
    MaximumPacketSize 0x27 "maximum_packet_size" FourByteInteger CONNECT | CONNACK;
    WildcardSubscriptionAvailable 0x28 "wildcard_subscription_available" Byte CONNACK;
    SubscriptionIdentifierAvailable 0x29 "subscription_identifier_available" Byte CONNACK;
    SharedSubscriptionAvailable 0x2a "shared_subscription_available" Byte CONNACK;
}

impl PropertyId {
    /// The identifier on the wire.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// Whether the property may stand there.
    pub const fn allowed_in(self, holder: PropertyHolder) -> bool {
        self.holders() & holder.bit() != 0
    }

    /// Whether it may stand there more than once.
    pub const fn may_repeat_in(self, holder: PropertyHolder) -> bool {
        match self {
            Self::UserProperty => true,
            Self::SubscriptionIdentifier => matches!(holder, PropertyHolder::Packet(PacketType::Publish)),
            _ => false,
        }
    }

    /// Whether an integer is a legal value; always true for properties that are no integers.
    pub(super) const fn allows(self, value: u32) -> bool {
        match self {
            Self::SubscriptionIdentifier | Self::ReceiveMaximum | Self::TopicAlias | Self::MaximumPacketSize => {
                value != 0
            }
            _ => !matches!(self.kind(), PropertyKind::Byte) || value <= 1,
        }
    }
}

/// The value of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyValue<'a> {
    /// One byte.
    Byte(u8),
    /// A two-byte, four-byte or variable byte integer.
    Integer(u32),
    /// What ought to be UTF-8.
    Text(&'a [u8]),
    /// Any bytes.
    Binary(&'a [u8]),
    /// A name and its value, which ought to be UTF-8.
    Pair(&'a [u8], &'a [u8]),
}

impl PropertyValue<'_> {
    /// The number, of a byte or an integer.
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::Byte(value) => Some(value as u32),
            Self::Integer(value) => Some(value),
            Self::Text(_) | Self::Binary(_) | Self::Pair(..) => None,
        }
    }
}

/// One property of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    /// Which property.
    pub id: PropertyId,
    /// Its value.
    pub value: PropertyValue<'a>,
    /// Where its identifier stands, counted from the first byte of the packet.
    pub offset: u32,
}

/// A property block, without its length.
///
/// Empty where the packet has none, where the version has none, and where the block was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a> {
    raw: &'a [u8],
    offset: u32,
}

impl<'a> Properties<'a> {
    pub(super) const fn new(raw: &'a [u8], offset: u32) -> Self {
        Self { raw, offset }
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The bytes of the block behind its length, as far as they are available.
    pub const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// The properties in their order, up to the first that cannot be understood.
    pub const fn iter(self) -> PropertyIter<'a> {
        PropertyIter { rest: self.raw, end: self.offset + self.raw.len() as u32 }
    }

    /// The value of the first property with this identifier.
    pub fn get(self, id: PropertyId) -> Option<PropertyValue<'a>> {
        // An identifier has seven bits; the eighth says that another byte follows, though that adds nothing.
        let code = id.code() as u8;
        if !self.raw.iter().any(|byte| byte & 0x7f == code) {
            return None;
        }
        self.iter().find(|property| property.id == id).map(|property| property.value)
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

/// Iterates over a [`Properties`] block.
#[derive(Debug, Clone)]
pub struct PropertyIter<'a> {
    rest: &'a [u8],
    /// Offset of the block's end from the first byte of the packet.
    end: u32,
}

impl<'a> PropertyIter<'a> {
    /// Where the next property begins, from the first byte of the packet.
    pub(super) const fn offset(&self) -> u32 {
        self.end - self.rest.len() as u32
    }

    /// The next property with what the iterator does not tell: whether its integers are minimal.
    #[inline]
    pub(super) fn step(&mut self) -> Option<Result<(Property<'a>, bool), PropertyStop>> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset();
        Some(property(self.rest).map(|(rest, id, value, minimal)| {
            self.rest = rest;
            (Property { id, value, offset }, minimal)
        }))
    }
}

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        let Some(Ok((property, _))) = self.step() else {
            self.rest = &[];
            return None;
        };
        Some(property)
    }
}

/// Why a property cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PropertyStop {
    /// Its identifier is cut off by the end of the block.
    IdShort,
    /// Its identifier is no variable byte integer.
    IdMalformed,
    /// No property has this identifier, so its length is not known.
    Unknown(u32),
    /// Its value is cut off by the end of the block.
    ValueShort(PropertyId),
    /// Its value is no variable byte integer.
    ValueMalformed(PropertyId),
}

type Step<'a> = (&'a [u8], PropertyId, PropertyValue<'a>, bool);

#[inline]
fn property(input: &[u8]) -> Result<Step<'_>, PropertyStop> {
    let (input, code) = variable_integer(input).map_err(|error| match Stop::from(error) {
        Stop::Short(_) => PropertyStop::IdShort,
        Stop::Malformed => PropertyStop::IdMalformed,
    })?;
    let id = PropertyId::from_code(code.value).ok_or(PropertyStop::Unknown(code.value))?;
    let mut minimal = code.minimal;
    let parsed = match id.kind() {
        PropertyKind::Byte => map(u8, PropertyValue::Byte).parse(input),
        PropertyKind::TwoByteInteger => map(be_u16, |value| PropertyValue::Integer(value.into())).parse(input),
        PropertyKind::FourByteInteger => map(be_u32, PropertyValue::Integer).parse(input),
        PropertyKind::VariableInteger => map(variable_integer, |Variable { value, minimal: shortest }| {
            minimal &= shortest;
            PropertyValue::Integer(value)
        })
        .parse(input),
        PropertyKind::Text => map(binary, PropertyValue::Text).parse(input),
        PropertyKind::Binary => map(binary, PropertyValue::Binary).parse(input),
        PropertyKind::Pair => map(pair(binary, binary), |(name, value)| PropertyValue::Pair(name, value)).parse(input),
    };
    match parsed {
        Ok((rest, value)) => Ok((rest, id, value, minimal)),
        Err(error) => Err(match Stop::from(error) {
            Stop::Short(_) => PropertyStop::ValueShort(id),
            Stop::Malformed => PropertyStop::ValueMalformed(id),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_come_in_order_with_their_offsets() {
        let raw = b"\x01\x01\x26\x00\x01k\x00\x02vw\x23\x00\x07\x0b\x80\x01";
        let all: Vec<_> = Properties::new(raw, 10).iter().collect();
        assert_eq!(
            all,
            [
                Property { id: PropertyId::PayloadFormatIndicator, value: PropertyValue::Byte(1), offset: 10 },
                Property { id: PropertyId::UserProperty, value: PropertyValue::Pair(b"k", b"vw"), offset: 12 },
                Property { id: PropertyId::TopicAlias, value: PropertyValue::Integer(7), offset: 20 },
                Property { id: PropertyId::SubscriptionIdentifier, value: PropertyValue::Integer(128), offset: 23 },
            ]
        );
    }

    #[test]
    fn iteration_ends_at_what_cannot_be_understood() {
        assert_eq!(Properties::new(b"\x01\x00\x7f\x00\x01\x00", 0).iter().count(), 1);
        assert_eq!(Properties::new(b"\x01\x00\x23\x00", 0).iter().count(), 1);
        assert_eq!(Properties::default().iter().count(), 0);
    }

    #[test]
    fn codes_lead_back_to_their_property() {
        for id in PropertyId::ALL {
            assert_eq!(PropertyId::from_code(id.code()), Some(id));
        }
        assert_eq!(PropertyId::from_code(0), None);
        assert_eq!(PropertyId::from_code(256 + 1), None);
    }

    #[test]
    fn a_property_is_allowed_only_where_the_table_says() {
        assert!(PropertyId::WillDelayInterval.allowed_in(PropertyHolder::Will));
        assert!(!PropertyId::WillDelayInterval.allowed_in(PropertyHolder::Packet(PacketType::Connect)));
        assert!(!PropertyId::ReasonString.allowed_in(PropertyHolder::Packet(PacketType::Publish)));
        for bits in 1..16 {
            let holder = PropertyHolder::Packet(PacketType::from_bits(bits));
            let ping = matches!(bits, 12 | 13);
            assert_eq!(PropertyId::UserProperty.allowed_in(holder), !ping, "{bits}");
        }
    }
}
