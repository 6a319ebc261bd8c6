//! The stable names of deviations, by which findings are told and silenced, and a list of all of them.

use super::{DeviationKind, Field, PacketType, PropertyId, Version};

/// Values of what a deviation is about, enough to meet every row of the table of rules.
trait Every: Sized {
    fn every() -> Vec<Self>;
}

impl Every for PacketType {
    fn every() -> Vec<Self> {
        Self::ALL.to_vec()
    }
}

impl Every for PropertyId {
    fn every() -> Vec<Self> {
        Self::ALL.to_vec()
    }
}

impl Every for Option<PropertyId> {
    fn every() -> Vec<Self> {
        std::iter::once(None).chain(PropertyId::ALL.map(Some)).collect()
    }
}

impl Every for Field {
    fn every() -> Vec<Self> {
        Self::NAMED.into_iter().chain(PropertyId::ALL.map(Self::Property)).collect()
    }
}

/// A code or identifier: which one it is does not change the rule.
impl Every for u8 {
    fn every() -> Vec<Self> {
        vec![0]
    }
}

impl Every for u32 {
    fn every() -> Vec<Self> {
        vec![0]
    }
}

macro_rules! push {
    ($out:ident $variant:ident) => {
        $out.push(Self::$variant)
    };
    ($out:ident $variant:ident $one:ty) => {
        $out.extend(<$one>::every().into_iter().map(Self::$variant))
    };
    ($out:ident $variant:ident $one:ty, $other:ty) => {
        for one in <$one>::every() {
            $out.extend(<$other>::every().into_iter().map(|other| Self::$variant(one, other)));
        }
    };
}

macro_rules! names {
    ($($variant:ident $(($($about:ty),*))? => $name:literal, $title:literal;)*) => {
        impl DeviationKind {
            /// A name that stays: `topic-wildcard`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            /// What deviations of this name have in common, in plain words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant { .. } => $title,)* }
            }

            /// A deviation of every name, and of every part of a packet that has a rule of its own.
            pub fn every() -> Vec<Self> {
                let mut out = Vec::new();
                $(push!(out $variant $($($about),*)?);)*
                out
            }
        }
    };
}

names! {
    RemainingLengthMalformed => "remaining-length-malformed", "a remaining length does not end with its fourth byte";
    RemainingLengthNotMinimal => "remaining-length-not-minimal", "a remaining length uses more bytes than needed";
    PacketTypeReserved(PacketType) => "packet-type-reserved", "a packet of a type that the version does not have";
    FixedFlags(PacketType) => "fixed-flags", "flag bits of the fixed header that are not those of the packet type";
    FieldPastEnd(Field) => "field-past-end", "a field runs past the end of its packet";
    TrailingBytes(PacketType) => "trailing-bytes", "bytes follow the last field of a packet";
    VariableIntegerMalformed => "variable-integer-malformed", "a variable byte integer does not end with its fourth byte";
    VariableIntegerNotMinimal => "variable-integer-not-minimal", "a variable byte integer uses more bytes than needed";
    ProtocolName => "protocol-name", "a protocol name that is neither MQTT nor MQIsdp";
    ProtocolLevel => "protocol-level", "a protocol level that is unknown or does not belong to the protocol name";
    ConnectReservedFlag => "connect-reserved-flag", "the reserved bit of the connect flags is set";
    WillQosWithoutWill => "will-qos-without-will", "a will QoS without a will";
    WillRetainWithoutWill => "will-retain-without-will", "will retain without a will";
    WillQos3 => "will-qos-3", "will QoS 3";
    PasswordWithoutUserName => "password-without-user-name", "a password without a user name";
    ConnectPayloadEmpty => "connect-payload-empty", "a CONNECT that ends before its client identifier";
    CredentialsMissing(Field) => "credentials-missing", "a user name or password that is announced and left out";
    ClientIdLength => "client-id-length", "a client identifier that has not 1 to 23 characters";
    ClientIdEmptyWithoutCleanSession => "client-id-empty-without-clean-session", "an empty client identifier without clean session";
    WillNotAscii => "will-not-ascii", "a will message that is not ASCII";
    InvalidUtf8(Field) => "invalid-utf-8", "text that is not UTF-8";
    Utf8Surrogate(Field) => "utf-8-surrogate", "text with an encoded surrogate";
    Utf8Nul(Field) => "utf-8-nul", "text with a null character";
    Utf8Control(Field) => "utf-8-control", "text with a control character";
    Utf8NonCharacter(Field) => "utf-8-non-character", "text with a Unicode non-character";
    Utf8ByteOrderMark(Field) => "utf-8-byte-order-mark", "text that begins with a byte order mark";
    PublishQos3 => "publish-qos-3", "a PUBLISH with QoS 3";
    DupWithQos0 => "dup-with-qos-0", "DUP is set with QoS 0";
    PacketIdZero(PacketType) => "packet-id-zero", "packet identifier 0";
    TopicWildcard(Field) => "topic-wildcard", "a wildcard in a topic name";
    TopicEmpty(Field) => "topic-empty", "an empty topic name";
    TopicTooLong => "topic-too-long", "a topic name of more than 32767 characters";
    PayloadNotUtf8(Field) => "payload-not-utf-8", "a payload that is marked as UTF-8 and is not";
    FilterListEmpty(PacketType) => "filter-list-empty", "SUBSCRIBE or UNSUBSCRIBE without a topic filter";
    FilterEmpty => "filter-empty", "an empty topic filter";
    FilterHash => "filter-hash", "a # that is not alone in the last level of a topic filter";
    FilterPlus => "filter-plus", "a + that is not alone in its level of a topic filter";
    ShareNameEmpty => "share-name-empty", "a shared subscription without a share name";
    ShareForm => "share-form", "a shared subscription with a wildcard in its name or without a topic filter";
    SharedNoLocal => "shared-no-local", "No Local on a shared subscription";
    SubscribeQos3 => "subscribe-qos-3", "a subscription that asks for QoS 3";
    SubscribeReservedBits => "subscribe-reserved-bits", "reserved bits of the subscription options are set";
    RetainHandling3 => "retain-handling-3", "retain handling 3";
    ConnAckReservedFlags => "connack-reserved-flags", "reserved bits of the acknowledge flags are set";
    SessionPresentWithRefusal => "session-present-with-refusal", "a refused connection with session present";
    ReasonCode(PacketType, u8) => "reason-code", "a code that the packet does not have";
    ReasonCodesMissing(PacketType) => "reason-codes-missing", "SUBACK or UNSUBACK without a code";
    PropertyLengthMissing => "property-length-missing", "the property length is missing";
    PropertyLengthPastEnd => "property-length-past-end", "a property length that runs past the end of its packet";
    PropertyUnknown(u32) => "property-unknown", "a property identifier that is not defined";
    PropertyNotAllowed(PropertyId) => "property-not-allowed", "a property that does not belong there";
    PropertyDuplicate(PacketType, PropertyId) => "property-duplicate", "a property that stands there twice";
    PropertyCut(Option<PropertyId>) => "property-cut", "a property that runs past the end of the properties";
    PropertyValue(PropertyId) => "property-value", "a property with a value that is not allowed";
    AuthenticationDataWithoutMethod => "authentication-data-without-method", "authentication data without an authentication method";
    AuthenticationMethodMissing => "authentication-method-missing", "AUTH without an authentication method";
    ServerReferenceCode => "server-reference-code", "a server reference with a code that names no other server";
}

impl DeviationKind {
    /// Whether a packet of this version can have it.
    pub const fn occurs_in(self, version: Version) -> bool {
        let five = matches!(version, Version::V5);
        match self {
            Self::CredentialsMissing(_) | Self::ClientIdLength | Self::WillNotAscii | Self::TopicTooLong => {
                matches!(version, Version::V31)
            }
            Self::ClientIdEmptyWithoutCleanSession => matches!(version, Version::V311),
            Self::PasswordWithoutUserName => !five,
            Self::Utf8Control(field) | Self::Utf8NonCharacter(field) | Self::Utf8ByteOrderMark(field) => {
                // 3.1 says nothing of these.
                five || (matches!(version, Version::V311) && !matches!(field, Field::Property(_)))
            }
            // Before 5.0 only these have codes.
            Self::ReasonCode(packet_type, _) => five || matches!(packet_type, PacketType::ConnAck | PacketType::SubAck),
            Self::SessionPresentWithRefusal | Self::WillQosWithoutWill | Self::WillRetainWithoutWill => {
                !matches!(version, Version::V31)
            }
            Self::VariableIntegerMalformed
            | Self::VariableIntegerNotMinimal
            | Self::PayloadNotUtf8(_)
            | Self::ShareNameEmpty
            | Self::ShareForm
            | Self::SharedNoLocal
            | Self::RetainHandling3
            | Self::PropertyLengthMissing
            | Self::PropertyLengthPastEnd
            | Self::PropertyUnknown(_)
            | Self::PropertyNotAllowed(_)
            | Self::PropertyDuplicate(..)
            | Self::PropertyCut(_)
            | Self::PropertyValue(_)
            | Self::AuthenticationDataWithoutMethod
            | Self::AuthenticationMethodMissing
            | Self::ServerReferenceCode
            | Self::FieldPastEnd(Field::Property(_) | Field::PropertyLength)
            | Self::InvalidUtf8(Field::Property(_))
            | Self::Utf8Surrogate(Field::Property(_))
            | Self::Utf8Nul(Field::Property(_))
            | Self::TopicWildcard(Field::Property(_))
            | Self::TopicEmpty(Field::Property(_)) => five,
            Self::RemainingLengthMalformed
            | Self::RemainingLengthNotMinimal
            | Self::PacketTypeReserved(_)
            | Self::FixedFlags(_)
            | Self::FieldPastEnd(_)
            | Self::TrailingBytes(_)
            | Self::ProtocolName
            | Self::ProtocolLevel
            | Self::ConnectReservedFlag
            | Self::WillQos3
            | Self::ConnectPayloadEmpty
            | Self::InvalidUtf8(_)
            | Self::Utf8Surrogate(_)
            | Self::Utf8Nul(_)
            | Self::PublishQos3
            | Self::DupWithQos0
            | Self::PacketIdZero(_)
            | Self::TopicWildcard(_)
            | Self::TopicEmpty(_)
            | Self::FilterListEmpty(_)
            | Self::FilterEmpty
            | Self::FilterHash
            | Self::FilterPlus
            | Self::SubscribeQos3
            | Self::SubscribeReservedBits
            | Self::ConnAckReservedFlags
            | Self::ReasonCodesMissing(_) => true,
        }
    }
}
