//! What deviates from the specification in one message.

use std::borrow::Cow;

use super::kind::Kind;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a mistake.
    Warning,
    /// Against the specification.
    Error,
}

/// A kind of deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviationKind {
    /// The message says another length than its datagram has.
    LengthMismatch {
        /// What it says.
        said: u16,
        /// What there is.
        there: u32,
    },
    /// The fields of its type do not fit into the message, or leave bytes over.
    FieldLengths(Kind),
    /// The type is reserved.
    ReservedType(u8),
    /// Flags are set that its type does not use.
    UnusedFlags(Kind, u8),
    /// The type of the topic id is the reserved one.
    ReservedTopicIdType,
    /// A topic id is 0x0000 or 0xffff.
    ReservedTopicId(u16),
    /// A client chose a topic id.
    MessageIdZero(Kind),
    /// A PUBLISH that is not answered has a message id.
    MessageIdUnused(u16),
    /// A CONNECT of another protocol.
    ProtocolId(u8),
    /// A client id is empty or longer than 23 characters.
    ClientIdLength(usize),
    /// A text is not UTF-8.
    NotUtf8,
    /// A topic is registered that has a wildcard in it.
    RegisteredWildcard,
    /// A return code is reserved.
    ReservedReturnCode(u8),
    /// QoS -1 with a topic id that must be registered.
    MinusOneNormalTopic,
    /// QoS -1 where it means nothing.
    MinusOneMisplaced(Kind),
    /// A forwarder's message is in another one of the kind.
    NestedEncapsulation,
    /// Bits of the forwarder's control octet are set that are reserved.
    EncapsulationControl(u8),
}

/// A deviation, and where it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    /// What.
    pub kind: DeviationKind,
    /// Offset from the first byte of the datagram.
    pub offset: u32,
}

impl DeviationKind {
    /// One of each, with examples of what they carry.
    pub const ALL: [Self; 17] = [
        Self::LengthMismatch { said: 0, there: 0 },
        Self::FieldLengths(Kind::Connect),
        Self::ReservedType(0x03),
        Self::UnusedFlags(Kind::Connect, 0),
        Self::ReservedTopicIdType,
        Self::ReservedTopicId(0),
        Self::MessageIdZero(Kind::Register),
        Self::MessageIdUnused(1),
        Self::ProtocolId(0),
        Self::ClientIdLength(0),
        Self::NotUtf8,
        Self::RegisteredWildcard,
        Self::ReservedReturnCode(4),
        Self::MinusOneNormalTopic,
        Self::MinusOneMisplaced(Kind::Subscribe),
        Self::NestedEncapsulation,
        Self::EncapsulationControl(0),
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LengthMismatch { .. } => "length-mismatch",
            Self::FieldLengths(_) => "field-lengths",
            Self::ReservedType(_) => "reserved-type",
            Self::UnusedFlags(..) => "unused-flags",
            Self::ReservedTopicIdType => "reserved-topic-id-type",
            Self::ReservedTopicId(_) => "reserved-topic-id",
            Self::MessageIdZero(_) => "message-id-zero",
            Self::MessageIdUnused(_) => "message-id-unused",
            Self::ProtocolId(_) => "protocol-id",
            Self::ClientIdLength(_) => "client-id-length",
            Self::NotUtf8 => "not-utf8",
            Self::RegisteredWildcard => "registered-wildcard",
            Self::ReservedReturnCode(_) => "reserved-return-code",
            Self::MinusOneNormalTopic => "qos-minus-one-topic",
            Self::MinusOneMisplaced(_) => "qos-minus-one-misplaced",
            Self::NestedEncapsulation => "nested-encapsulation",
            Self::EncapsulationControl(_) => "encapsulation-control",
        }
    }

    /// The section that says so.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::LengthMismatch { .. } => "MQTT-SN 1.2, 5.2.1",
            Self::FieldLengths(kind) => kind.section(),
            Self::ReservedType(_) => "MQTT-SN 1.2, 5.2.2",
            Self::UnusedFlags(..) | Self::ReservedTopicIdType | Self::MinusOneMisplaced(_) => "MQTT-SN 1.2, 5.3.4",
            Self::ReservedTopicId(_) => "MQTT-SN 1.2, 5.3.11",
            Self::MessageIdZero(_) => "MQTT-SN 1.2, 5.3.7",
            Self::MessageIdUnused(_) => "MQTT-SN 1.2, 5.4.12",
            Self::ProtocolId(_) => "MQTT-SN 1.2, 5.3.8",
            Self::ClientIdLength(_) => "MQTT-SN 1.2, 5.3.1",
            Self::NotUtf8 => "MQTT-SN 1.2, 5.3.12",
            Self::RegisteredWildcard => "MQTT-SN 1.2, 6.5",
            Self::ReservedReturnCode(_) => "MQTT-SN 1.2, 5.3.10",
            Self::MinusOneNormalTopic => "MQTT-SN 1.2, 6.8",
            Self::NestedEncapsulation | Self::EncapsulationControl(_) => "MQTT-SN 1.2, 5.5",
        }
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::LengthMismatch { .. }
            | Self::FieldLengths(_)
            | Self::ReservedType(_)
            | Self::ReservedTopicIdType
            | Self::ReservedTopicId(_)
            | Self::ProtocolId(_)
            | Self::NotUtf8
            | Self::MinusOneNormalTopic
            | Self::MinusOneMisplaced(_) => Severity::Error,
            Self::MessageIdZero(_)
            | Self::ClientIdLength(_)
            | Self::RegisteredWildcard
            | Self::ReservedReturnCode(_)
            | Self::NestedEncapsulation => Severity::Warning,
            Self::UnusedFlags(..) | Self::MessageIdUnused(_) | Self::EncapsulationControl(_) => Severity::Note,
        }
    }

    /// What is wrong, without the case at hand.
    pub const fn title(self) -> &'static str {
        match self {
            Self::LengthMismatch { .. } => "a message says another length than its datagram has",
            Self::FieldLengths(_) => "the fields of a type do not fit into its message",
            Self::ReservedType(_) => "a message of a reserved type",
            Self::UnusedFlags(..) => "flags are set that the type does not use",
            Self::ReservedTopicIdType => "the reserved type of topic id",
            Self::ReservedTopicId(_) => "a reserved topic id",
            Self::MessageIdZero(_) => "the message id of what is answered is 0",
            Self::MessageIdUnused(_) => "a PUBLISH of QoS 0 or -1 has a message id",
            Self::ProtocolId(_) => "a CONNECT of another protocol",
            Self::ClientIdLength(_) => "a client id that is empty or longer than 23 characters",
            Self::NotUtf8 => "a text that is not UTF-8",
            Self::RegisteredWildcard => "a topic is registered with a wildcard in it",
            Self::ReservedReturnCode(_) => "a reserved return code",
            Self::MinusOneNormalTopic => "QoS -1 with a topic id that must be registered",
            Self::MinusOneMisplaced(_) => "QoS -1 in something else than a client's PUBLISH",
            Self::NestedEncapsulation => "a forwarder's message within another one",
            Self::EncapsulationControl(_) => "reserved bits in a forwarder's control octet",
        }
    }

    /// What is wrong.
    pub fn describe(self) -> Cow<'static, str> {
        match self {
            Self::LengthMismatch { said, there } => {
                format!("it says that it is {said} bytes long, and its datagram has {there}").into()
            }
            Self::FieldLengths(kind) => format!("the fields of {} do not fit into it", kind.name()).into(),
            Self::ReservedType(code) => format!("type 0x{code:02x} is reserved").into(),
            Self::UnusedFlags(kind, bits) => format!("flags 0x{bits:02x}, which {} does not use", kind.name()).into(),
            Self::ReservedTopicId(id) => format!("topic id 0x{id:04x} is reserved").into(),
            Self::MessageIdZero(kind) => format!("{} is to be answered, and its message id is 0", kind.name()).into(),
            Self::MessageIdUnused(id) => format!("message id {id} in a PUBLISH of QoS 0 or -1").into(),
            Self::ProtocolId(id) => format!("protocol id 0x{id:02x} instead of 0x01").into(),
            Self::ClientIdLength(length) => format!("a client id of {length} characters (1 to 23 are allowed)").into(),
            Self::ReservedReturnCode(code) => format!("return code 0x{code:02x} is reserved").into(),
            Self::MinusOneMisplaced(kind) => format!("QoS -1 in {}", kind.name()).into(),
            Self::EncapsulationControl(bits) => format!("reserved bits 0x{bits:02x} in the control octet").into(),
            Self::ReservedTopicIdType
            | Self::NotUtf8
            | Self::RegisteredWildcard
            | Self::MinusOneNormalTopic
            | Self::NestedEncapsulation => self.title().into(),
        }
    }
}
