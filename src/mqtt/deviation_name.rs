//! The stable names of deviations, by which findings are told and silenced.

use super::DeviationKind;

impl DeviationKind {
    /// A name that stays: `topic-wildcard`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RemainingLengthMalformed => "remaining-length-malformed",
            Self::RemainingLengthNotMinimal => "remaining-length-not-minimal",
            Self::PacketTypeReserved(..) => "packet-type-reserved",
            Self::FixedFlags(..) => "fixed-flags",
            Self::FieldPastEnd(..) => "field-past-end",
            Self::TrailingBytes(..) => "trailing-bytes",
            Self::VariableIntegerMalformed => "variable-integer-malformed",
            Self::VariableIntegerNotMinimal => "variable-integer-not-minimal",
            Self::ProtocolName => "protocol-name",
            Self::ProtocolLevel => "protocol-level",
            Self::ConnectReservedFlag => "connect-reserved-flag",
            Self::WillQosWithoutWill => "will-qos-without-will",
            Self::WillRetainWithoutWill => "will-retain-without-will",
            Self::WillQos3 => "will-qos-3",
            Self::PasswordWithoutUserName => "password-without-user-name",
            Self::ConnectPayloadEmpty => "connect-payload-empty",
            Self::CredentialsMissing(..) => "credentials-missing",
            Self::ClientIdLength => "client-id-length",
            Self::ClientIdEmptyWithoutCleanSession => "client-id-empty-without-clean-session",
            Self::WillNotAscii => "will-not-ascii",
            Self::InvalidUtf8(..) => "invalid-utf-8",
            Self::Utf8Surrogate(..) => "utf-8-surrogate",
            Self::Utf8Nul(..) => "utf-8-nul",
            Self::Utf8Control(..) => "utf-8-control",
            Self::Utf8NonCharacter(..) => "utf-8-non-character",
            Self::Utf8ByteOrderMark(..) => "utf-8-byte-order-mark",
            Self::PublishQos3 => "publish-qos-3",
            Self::DupWithQos0 => "dup-with-qos-0",
            Self::PacketIdZero(..) => "packet-id-zero",
            Self::TopicWildcard(..) => "topic-wildcard",
            Self::TopicEmpty(..) => "topic-empty",
            Self::TopicTooLong => "topic-too-long",
            Self::PayloadNotUtf8(..) => "payload-not-utf-8",
            Self::FilterListEmpty(..) => "filter-list-empty",
            Self::FilterEmpty => "filter-empty",
            Self::FilterHash => "filter-hash",
            Self::FilterPlus => "filter-plus",
            Self::ShareNameEmpty => "share-name-empty",
            Self::ShareForm => "share-form",
            Self::SharedNoLocal => "shared-no-local",
            Self::SubscribeQos3 => "subscribe-qos-3",
            Self::SubscribeReservedBits => "subscribe-reserved-bits",
            Self::RetainHandling3 => "retain-handling-3",
            Self::ConnAckReservedFlags => "connack-reserved-flags",
            Self::SessionPresentWithRefusal => "session-present-with-refusal",
            Self::ReasonCode(..) => "reason-code",
            Self::ReasonCodesMissing(..) => "reason-codes-missing",
            Self::PropertyLengthMissing => "property-length-missing",
            Self::PropertyLengthPastEnd => "property-length-past-end",
            Self::PropertyUnknown(..) => "property-unknown",
            Self::PropertyNotAllowed(..) => "property-not-allowed",
            Self::PropertyDuplicate(..) => "property-duplicate",
            Self::PropertyCut(..) => "property-cut",
            Self::PropertyValue(..) => "property-value",
            Self::AuthenticationDataWithoutMethod => "authentication-data-without-method",
            Self::AuthenticationMethodMissing => "authentication-method-missing",
            Self::ServerReferenceCode => "server-reference-code",
        }
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
}
