//! Deviations: what in a packet, looked at by itself, is not as its version's specification wants it.
//!
//! They are facts with a place. Rules that need a second packet, a direction or a session are judged
//! elsewhere; which clause a deviation breaks is in the table of `rule.rs`.

use std::borrow::Cow;

use super::{PacketType, PropertyId, Severity, Version};

/// Something in a packet that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    /// Where, counted from the first byte of the packet.
    pub offset: u32,
    /// What.
    pub kind: DeviationKind,
}

/// A part of a packet, to name it in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the specification's own names
pub enum Field {
    ProtocolName,
    ProtocolLevel,
    ConnectFlags,
    KeepAlive,
    ClientId,
    WillTopic,
    WillPayload,
    UserName,
    Password,
    AcknowledgeFlags,
    ReasonCode,
    Topic,
    PacketId,
    Payload,
    Filter,
    SubscriptionOptions,
    PropertyLength,
    Property(PropertyId),
}

/// The kinds of [`Deviation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviationKind {
    /// The remaining length does not end with its fourth byte. Found by the framer, not by `decode`.
    RemainingLengthMalformed,
    /// The remaining length is longer than it need be.
    RemainingLengthNotMinimal,
    /// A packet type that the version does not have.
    PacketTypeReserved(PacketType),
    /// The low four bits of the first byte are not those of the type.
    FixedFlags(PacketType),
    /// A field runs past the end of the packet, or is not there.
    FieldPastEnd(Field),
    /// Bytes behind the last field.
    TrailingBytes(PacketType),
    /// A variable byte integer with a fifth byte.
    VariableIntegerMalformed,
    /// A variable byte integer that is longer than it need be.
    VariableIntegerNotMinimal,
    /// A protocol name that no version has.
    ProtocolName,
    /// A protocol level that no version has, or that does not belong to the name.
    ProtocolLevel,
    /// Bit 0 of the connect flags is set.
    ConnectReservedFlag,
    /// A will QoS without a will.
    WillQosWithoutWill,
    /// A will retain bit without a will.
    WillRetainWithoutWill,
    /// Will QoS 3.
    WillQos3,
    /// A password without a user name, before 5.0.
    PasswordWithoutUserName,
    /// CONNECT ends before the client identifier.
    ConnectPayloadEmpty,
    /// 3.1: a user name or password is announced and the packet ends before it, which is allowed.
    CredentialsMissing(Field),
    /// 3.1: a client identifier that has not 1 to 23 characters.
    ClientIdLength,
    /// 3.1.1: an empty client identifier without clean session.
    ClientIdEmptyWithoutCleanSession,
    /// 3.1: a will message that is not ASCII.
    WillNotAscii,
    /// Text that is not UTF-8.
    InvalidUtf8(Field),
    /// Text with an encoded surrogate.
    Utf8Surrogate(Field),
    /// Text with U+0000.
    Utf8Nul(Field),
    /// Text with a control character.
    Utf8Control(Field),
    /// Text with a Unicode non-character.
    Utf8NonCharacter(Field),
    /// Text that begins with a byte order mark.
    Utf8ByteOrderMark(Field),
    /// PUBLISH with QoS 3.
    PublishQos3,
    /// DUP on a PUBLISH with QoS 0.
    DupWithQos0,
    /// Packet identifier 0.
    PacketIdZero(PacketType),
    /// A wildcard character in a topic name.
    TopicWildcard(Field),
    /// A topic name without a character, and no alias instead.
    TopicEmpty(Field),
    /// 3.1: a topic name of more than 32767 characters.
    TopicTooLong,
    /// A payload that is said to be UTF-8 and is not.
    PayloadNotUtf8(Field),
    /// SUBSCRIBE or UNSUBSCRIBE without a filter.
    FilterListEmpty(PacketType),
    /// A filter without a character.
    FilterEmpty,
    /// A `#` that is not alone in the last level.
    FilterHash,
    /// A `+` that is not alone in its level.
    FilterPlus,
    /// A shared subscription without a share name.
    ShareNameEmpty,
    /// A shared subscription with a wildcard in its name or without a filter.
    ShareForm,
    /// No Local on a shared subscription.
    SharedNoLocal,
    /// A subscription asks for QoS 3.
    SubscribeQos3,
    /// Reserved bits of the subscription options are set.
    SubscribeReservedBits,
    /// Retain Handling 3.
    RetainHandling3,
    /// CONNACK: reserved bits of the acknowledge flags are set.
    ConnAckReservedFlags,
    /// CONNACK refuses the connection and says Session Present.
    SessionPresentWithRefusal,
    /// A code that this packet does not have.
    ReasonCode(PacketType, u8),
    /// SUBACK or UNSUBACK without a code.
    ReasonCodesMissing(PacketType),
    /// The property length is left out where it may not be.
    PropertyLengthMissing,
    /// The property length runs past the end of the packet.
    PropertyLengthPastEnd,
    /// A property that is not defined; its length is not known, so the block is not read further.
    PropertyUnknown(u32),
    /// A property that does not belong there.
    PropertyNotAllowed(PropertyId),
    /// A property that stands there twice.
    PropertyDuplicate(PacketType, PropertyId),
    /// A property whose identifier or value is cut off by the end of the block, or cannot be read.
    PropertyCut(Option<PropertyId>),
    /// A property with a value that it may not have.
    PropertyValue(PropertyId),
    /// CONNECT: authentication data without a method.
    AuthenticationDataWithoutMethod,
    /// AUTH without an authentication method.
    AuthenticationMethodMissing,
    /// A server reference with a reason code that does not send the client elsewhere.
    ServerReferenceCode,
}

impl Field {
    /// All but the properties.
    pub(super) const NAMED: [Self; 17] = [
        Self::ProtocolName,
        Self::ProtocolLevel,
        Self::ConnectFlags,
        Self::KeepAlive,
        Self::ClientId,
        Self::WillTopic,
        Self::WillPayload,
        Self::UserName,
        Self::Password,
        Self::AcknowledgeFlags,
        Self::ReasonCode,
        Self::Topic,
        Self::PacketId,
        Self::Payload,
        Self::Filter,
        Self::SubscriptionOptions,
        Self::PropertyLength,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProtocolName => "protocol name",
            Self::ProtocolLevel => "protocol level",
            Self::ConnectFlags => "connect flags",
            Self::KeepAlive => "keep alive",
            Self::ClientId => "client identifier",
            Self::WillTopic => "will topic",
            Self::WillPayload => "will payload",
            Self::UserName => "user name",
            Self::Password => "password",
            Self::AcknowledgeFlags => "acknowledge flags",
            Self::ReasonCode => "reason code",
            Self::Topic => "topic name",
            Self::PacketId => "packet identifier",
            Self::Payload => "payload",
            Self::Filter => "topic filter",
            Self::SubscriptionOptions => "subscription options",
            Self::PropertyLength => "property length",
            Self::Property(id) => id.name(),
        }
    }
}

impl DeviationKind {
    /// The clause that the deviation breaks: the specification's own number (`MQTT-2.2.2-2`) or, where
    /// it has none, our name for the rule.
    pub const fn clause(self, version: Version) -> &'static str {
        self.rule(version).clause
    }

    /// How bad it is, as that version's specification has it.
    pub const fn severity(self, version: Version) -> Severity {
        self.rule(version).severity
    }

    /// The field, the packet or the property that it is about; empty where the name says it all.
    pub const fn part(&self) -> &'static str {
        match self {
            Self::FieldPastEnd(field)
            | Self::CredentialsMissing(field)
            | Self::InvalidUtf8(field)
            | Self::Utf8Surrogate(field)
            | Self::Utf8Nul(field)
            | Self::Utf8Control(field)
            | Self::Utf8NonCharacter(field)
            | Self::Utf8ByteOrderMark(field)
            | Self::TopicWildcard(field)
            | Self::TopicEmpty(field)
            | Self::PayloadNotUtf8(field) => field.name(),
            Self::PacketTypeReserved(packet_type)
            | Self::FixedFlags(packet_type)
            | Self::TrailingBytes(packet_type)
            | Self::PacketIdZero(packet_type)
            | Self::FilterListEmpty(packet_type)
            | Self::ReasonCode(packet_type, _)
            | Self::ReasonCodesMissing(packet_type) => packet_type.name(),
            Self::PropertyNotAllowed(property)
            | Self::PropertyDuplicate(_, property)
            | Self::PropertyCut(Some(property))
            | Self::PropertyValue(property) => property.name(),
            _ => "",
        }
    }

    /// Whether the fields behind this point could not be understood.
    pub const fn fatal(self) -> bool {
        matches!(
            self,
            Self::RemainingLengthMalformed
                | Self::PacketTypeReserved(_)
                | Self::FieldPastEnd(_)
                | Self::VariableIntegerMalformed
                | Self::ConnectPayloadEmpty
                | Self::PropertyLengthMissing
                | Self::PropertyLengthPastEnd
        )
    }

    /// What is wrong, in plain words.
    pub fn describe(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::RemainingLengthMalformed => "the remaining length does not end with its fourth byte",
            Self::RemainingLengthNotMinimal => "the remaining length uses more bytes than needed",
            Self::PacketTypeReserved(kind) => return format!("packet type {} is reserved", kind as u8).into(),
            Self::FixedFlags(kind) => return format!("the flag bits are not those of {kind}").into(),
            Self::FieldPastEnd(field) => {
                return format!("the {} runs past the end of the packet", field.name()).into();
            }
            Self::TrailingBytes(kind) => return format!("bytes follow the last field of {kind}").into(),
            Self::VariableIntegerMalformed => "a variable byte integer does not end with its fourth byte",
            Self::VariableIntegerNotMinimal => "a variable byte integer uses more bytes than needed",
            Self::ProtocolName => "the protocol name is neither MQTT nor MQIsdp",
            Self::ProtocolLevel => "the protocol level is unknown or does not belong to the protocol name",
            Self::ConnectReservedFlag => "the reserved bit of the connect flags is set",
            Self::WillQosWithoutWill => "a will QoS is set without a will",
            Self::WillRetainWithoutWill => "will retain is set without a will",
            Self::WillQos3 => "the will QoS is 3",
            Self::PasswordWithoutUserName => "a password is sent without a user name",
            Self::ConnectPayloadEmpty => "the packet ends before the client identifier",
            Self::CredentialsMissing(field) => {
                return format!("the {} is announced and left out", field.name()).into();
            }
            Self::ClientIdLength => "the client identifier has not 1 to 23 characters",
            Self::ClientIdEmptyWithoutCleanSession => "the client identifier is empty and clean session is not set",
            Self::WillNotAscii => "the will message is not ASCII",
            Self::InvalidUtf8(field) => return format!("the {} is not UTF-8", field.name()).into(),
            Self::Utf8Surrogate(field) => return format!("the {} has an encoded surrogate", field.name()).into(),
            Self::Utf8Nul(field) => return format!("the {} has a null character", field.name()).into(),
            Self::Utf8Control(field) => return format!("the {} has a control character", field.name()).into(),
            Self::Utf8NonCharacter(field) => {
                return format!("the {} has a Unicode non-character", field.name()).into();
            }
            Self::Utf8ByteOrderMark(field) => {
                return format!("the {} begins with a byte order mark", field.name()).into();
            }
            Self::PublishQos3 => "the QoS is 3",
            Self::DupWithQos0 => "DUP is set with QoS 0",
            Self::PacketIdZero(_) => "the packet identifier is 0",
            Self::TopicWildcard(field) => return format!("the {} has a wildcard", field.name()).into(),
            Self::TopicEmpty(Field::Topic) => "the topic name is empty and no topic alias stands for it",
            Self::TopicEmpty(field) => return format!("the {} is empty", field.name()).into(),
            Self::TopicTooLong => "the topic name has more than 32767 characters",
            Self::PayloadNotUtf8(field) => {
                return format!("the {} is marked as UTF-8 and is not", field.name()).into();
            }
            Self::FilterListEmpty(kind) => return format!("{kind} has no topic filter").into(),
            Self::FilterEmpty => "the topic filter is empty",
            Self::FilterHash => "a # is not alone in the last level of the topic filter",
            Self::FilterPlus => "a + is not alone in its level of the topic filter",
            Self::ShareNameEmpty => "the shared subscription has no share name",
            Self::ShareForm => "the shared subscription has a wildcard in its name or no topic filter",
            Self::SharedNoLocal => "No Local is set on a shared subscription",
            Self::SubscribeQos3 => "the requested QoS is 3",
            Self::SubscribeReservedBits => "reserved bits of the subscription options are set",
            Self::RetainHandling3 => "retain handling is 3",
            Self::ConnAckReservedFlags => "reserved bits of the acknowledge flags are set",
            Self::SessionPresentWithRefusal => "the connection is refused and session present is set",
            Self::ReasonCode(kind, code) => return format!("{kind} does not have the code 0x{code:02x}").into(),
            Self::ReasonCodesMissing(kind) => return format!("{kind} has no code").into(),
            Self::PropertyLengthMissing => "the property length is missing",
            Self::PropertyLengthPastEnd => "the property length runs past the end of the packet",
            Self::PropertyUnknown(code) => return format!("the property identifier {code} is not defined").into(),
            Self::PropertyNotAllowed(id) => return format!("the property {} does not belong here", id.name()).into(),
            Self::PropertyDuplicate(_, id) => return format!("the property {} stands here twice", id.name()).into(),
            Self::PropertyCut(None) => "a property identifier is cut off by the end of the properties",
            Self::PropertyCut(Some(id)) => {
                return format!("the property {} runs past the end of the properties", id.name()).into();
            }
            Self::PropertyValue(id) => {
                return format!("the property {} has a value that is not allowed", id.name()).into();
            }
            Self::AuthenticationDataWithoutMethod => "authentication data is sent without an authentication method",
            Self::AuthenticationMethodMissing => "the authentication method is missing",
            Self::ServerReferenceCode => "a server reference is sent with a code that names no other server",
        })
    }
}
