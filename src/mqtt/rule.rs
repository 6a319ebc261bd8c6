//! The table from deviations to clauses: for each version the number or name of the rule that is
//! broken, and how bad that is. It holds no behaviour.
//!
//! Numbers are the specifications' own (`MQTT-…` of 3.1.1 and 5.0). MQTT 3.1 numbers nothing, and some
//! rules of the others stand in unnumbered text; these have names in capitals, `V31-…` for 3.1 alone.

use super::{DeviationKind, Field, PacketType, PropertyId, Version};

/// How bad a broken rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; not against the rules.
    Note,
    /// Against advice, or against a rule that is widely ignored.
    Warning,
    /// It can be read, but is not allowed.
    ProtocolError,
    /// It cannot be read as the specification has it.
    Malformed,
}

/// A rule of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) clause: &'static str,
    pub(super) severity: Severity,
}

use Severity::{Malformed, Note, ProtocolError, Warning};

const fn rule(clause: &'static str, severity: Severity) -> Rule {
    Rule { clause, severity }
}

impl DeviationKind {
    /// The rule broken. Kinds that a version does not know give the rule of the version that does.
    pub(super) const fn rule(self, version: Version) -> Rule {
        match version {
            Version::V31 => self.rule_31(),
            Version::V311 => self.rule_311(),
            Version::V5 => self.rule_5(),
        }
    }

    const fn rule_31(self) -> Rule {
        match self {
            Self::FixedFlags(PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe) => {
                rule("V31-QOS1-HEADER", Warning)
            }
            Self::FixedFlags(_) => rule("MALFORMED-FIXED-FLAGS", Note),
            Self::FieldPastEnd(Field::WillTopic | Field::WillPayload) => rule("V31-WILL-FIELDS", Malformed),
            Self::FieldPastEnd(_) | Self::FilterListEmpty(_) => rule("MALFORMED-LENGTH-SHORT", Malformed),
            Self::ProtocolName | Self::ProtocolLevel => rule("V31-PROTOCOL-NAME", ProtocolError),
            Self::ConnectReservedFlag | Self::SubscribeReservedBits => rule("V31-UNUSED-BITS", Note),
            Self::WillQos3 => rule("V31-WILL-QOS", ProtocolError),
            Self::PasswordWithoutUserName => rule("V31-PASSWORD-NEEDS-USERNAME", ProtocolError),
            Self::InvalidUtf8(_) => rule("V31-UTF8", Warning),
            Self::Utf8Surrogate(_) => rule("MALFORMED-UTF8-SURROGATE", Warning),
            Self::Utf8Nul(Field::Topic | Field::Filter) => rule("V31-TOPIC-NUL", Warning),
            Self::Utf8Nul(_) => rule("MALFORMED-UTF8-NUL", Warning),
            Self::PublishQos3 | Self::SubscribeQos3 => rule("V31-QOS3", Malformed),
            Self::DupWithQos0 => rule("V31-DUP-QOS0", Warning),
            Self::PacketIdZero(_) => rule("V31-MSGID-ZERO", ProtocolError),
            Self::TopicWildcard(_) => rule("V31-TOPIC-WILDCARD", ProtocolError),
            Self::TopicEmpty(_) | Self::FilterEmpty => rule("V31-TOPIC-EMPTY", ProtocolError),
            Self::FilterHash => rule("V31-FILTER-HASH", ProtocolError),
            Self::FilterPlus => rule("V31-FILTER-PLUS", ProtocolError),
            Self::ConnAckReservedFlags => rule("CONNACK-RESERVED-FLAGS", Note),
            Self::ReasonCode(PacketType::SubAck, _) => rule("V31-SUBACK-CODES", Warning),
            Self::ReasonCode(..) => rule("V31-CONNACK-CODE", ProtocolError),
            _ => self.rule_311(),
        }
    }

    const fn rule_311(self) -> Rule {
        match self {
            Self::RemainingLengthNotMinimal => rule("NON-MINIMAL-REMAINING-LENGTH", Note),
            Self::FixedFlags(_) => rule("MQTT-2.2.2-1", Malformed),
            Self::FieldPastEnd(Field::WillTopic | Field::WillPayload) => rule("MQTT-3.1.2-9", Malformed),
            Self::FieldPastEnd(Field::UserName) => rule("MQTT-3.1.2-19", Malformed),
            Self::FieldPastEnd(Field::Password) => rule("MQTT-3.1.2-21", Malformed),
            Self::TrailingBytes(
                PacketType::ConnAck
                | PacketType::PubAck
                | PacketType::PubRec
                | PacketType::PubRel
                | PacketType::PubComp
                | PacketType::UnsubAck
                | PacketType::PingReq
                | PacketType::PingResp
                | PacketType::Disconnect,
            ) => rule("MALFORMED-LENGTH-FIXED", Malformed),
            Self::ProtocolName => rule("CONNECT-VERSION-MISMATCH", ProtocolError),
            Self::WillQosWithoutWill => rule("MQTT-3.1.2-13", ProtocolError),
            Self::WillRetainWithoutWill => rule("MQTT-3.1.2-15", ProtocolError),
            Self::WillQos3 => rule("MQTT-3.1.2-14", Malformed),
            Self::InvalidUtf8(_) | Self::Utf8Surrogate(_) => rule("MQTT-1.5.3-1", Malformed),
            Self::Utf8Nul(_) => rule("MQTT-1.5.3-2", Malformed),
            Self::PacketIdZero(PacketType::Publish | PacketType::Subscribe | PacketType::Unsubscribe) => {
                rule("MQTT-2.3.1-1", ProtocolError)
            }
            Self::TopicWildcard(Field::WillTopic) => rule("MQTT-4.7.1-1", ProtocolError),
            Self::TopicEmpty(_) => rule("MQTT-4.7.3-1", ProtocolError),
            Self::FilterListEmpty(PacketType::Subscribe) => rule("MQTT-3.8.3-3", ProtocolError),
            Self::FilterHash => rule("MQTT-4.7.1-2", ProtocolError),
            Self::FilterPlus => rule("MQTT-4.7.1-3", ProtocolError),
            Self::SubscribeQos3 | Self::SubscribeReservedBits => rule("MQTT-3.8.3-4", Malformed),
            Self::ConnAckReservedFlags => rule("CONNACK-RESERVED-FLAGS", Malformed),
            Self::SessionPresentWithRefusal => rule("MQTT-3.2.2-4", ProtocolError),
            Self::ReasonCode(PacketType::ConnAck, _) => rule("MQTT-3.2.2-6", ProtocolError),
            _ => self.rule_5(),
        }
    }

    /// Also the rules that all versions share.
    const fn rule_5(self) -> Rule {
        match self {
            Self::RemainingLengthMalformed => rule("MALFORMED-REMAINING-LENGTH", Malformed),
            Self::RemainingLengthNotMinimal | Self::VariableIntegerNotMinimal => rule("MQTT-1.5.5-1", Malformed),
            Self::PacketTypeReserved(_) => rule("MALFORMED-PACKET-TYPE", Malformed),
            Self::FixedFlags(_) => rule("MQTT-2.1.3-1", Malformed),
            Self::FieldPastEnd(Field::ClientId) => rule("MQTT-3.1.3-3", Malformed),
            Self::FieldPastEnd(Field::WillTopic | Field::WillPayload) => rule("MQTT-3.1.2-9", Malformed),
            Self::FieldPastEnd(Field::UserName) => rule("MQTT-3.1.2-17", Malformed),
            Self::FieldPastEnd(Field::Password) => rule("MQTT-3.1.2-19", Malformed),
            Self::FieldPastEnd(Field::Topic) => rule("PUBLISH-TOPIC-TOO-LONG", Malformed),
            Self::FieldPastEnd(Field::PropertyLength) | Self::VariableIntegerMalformed => {
                rule("MALFORMED-VBI", Malformed)
            }
            Self::FieldPastEnd(_) => rule("MALFORMED-LENGTH-SHORT", Malformed),
            Self::TrailingBytes(PacketType::PingReq | PacketType::PingResp) => rule("MALFORMED-LENGTH-PING", Malformed),
            Self::TrailingBytes(_) => rule("MALFORMED-LENGTH-TRAILING", Malformed),
            Self::ProtocolName => rule("MQTT-3.1.2-1", ProtocolError),
            Self::ProtocolLevel => rule("CONNECT-VERSION-MISMATCH", ProtocolError),
            Self::ConnectReservedFlag => rule("MQTT-3.1.2-3", Malformed),
            Self::WillQosWithoutWill => rule("MQTT-3.1.2-11", ProtocolError),
            Self::WillRetainWithoutWill => rule("MQTT-3.1.2-13", ProtocolError),
            Self::WillQos3 => rule("MQTT-3.1.2-12", Malformed),
            Self::PasswordWithoutUserName => rule("MQTT-3.1.2-22", ProtocolError),
            Self::ConnectPayloadEmpty => rule("CONNECT-PAYLOAD-EMPTY", Malformed),
            Self::CredentialsMissing(_) => rule("V31-USERNAME-MISSING", Note),
            Self::ClientIdLength => rule("V31-CLIENTID-LENGTH", ProtocolError),
            Self::ClientIdEmptyWithoutCleanSession => rule("MQTT-3.1.3-7", ProtocolError),
            Self::WillNotAscii => rule("V31-WILL-ASCII", Warning),
            Self::InvalidUtf8(field) | Self::Utf8Surrogate(field) => {
                let clause = match field {
                    Field::Property(PropertyId::UserProperty) => "MQTT-1.5.7-1",
                    Field::Property(PropertyId::ResponseTopic) => "MQTT-3.3.2-13",
                    Field::Property(PropertyId::ContentType) => "MQTT-3.3.2-19",
                    _ => "MQTT-1.5.4-1",
                };
                rule(clause, Malformed)
            }
            Self::Utf8Nul(_) => rule("MQTT-1.5.4-2", Malformed),
            Self::Utf8Control(_) => rule("UTF8-CONTROL-CHARACTER", Warning),
            Self::Utf8NonCharacter(_) => rule("UTF8-NONCHARACTER", Warning),
            Self::Utf8ByteOrderMark(_) => rule("UTF8-BOM", Note),
            Self::PublishQos3 => rule("MQTT-3.3.1-4", Malformed),
            Self::DupWithQos0 => rule("MQTT-3.3.1-2", ProtocolError),
            Self::PacketIdZero(PacketType::Publish | PacketType::Subscribe | PacketType::Unsubscribe) => {
                rule("MQTT-2.2.1-3", ProtocolError)
            }
            Self::PacketIdZero(_) => rule("PACKET-ID-ZERO", ProtocolError),
            Self::TopicWildcard(Field::WillTopic) => rule("MQTT-4.7.0-1", ProtocolError),
            Self::TopicWildcard(Field::Property(_)) => rule("MQTT-3.3.2-14", ProtocolError),
            Self::TopicWildcard(_) => rule("MQTT-3.3.2-2", ProtocolError),
            Self::TopicEmpty(Field::Topic) => rule("TOPIC-EMPTY-NO-ALIAS", ProtocolError),
            Self::TopicEmpty(Field::Property(_)) => rule("RESPONSE-TOPIC-EMPTY", Warning),
            Self::TopicEmpty(_) | Self::FilterEmpty => rule("MQTT-4.7.3-1", ProtocolError),
            Self::TopicTooLong => rule("V31-TOPIC-LENGTH", Warning),
            Self::PayloadNotUtf8(Field::WillPayload) => rule("WILL-FORMAT-INVALID", Warning),
            Self::PayloadNotUtf8(_) => rule("PAYLOAD-FORMAT-INVALID", Warning),
            Self::FilterListEmpty(PacketType::Subscribe) => rule("MQTT-3.8.3-2", ProtocolError),
            Self::FilterListEmpty(_) => rule("MQTT-3.10.3-2", ProtocolError),
            Self::FilterHash => rule("MQTT-4.7.1-1", ProtocolError),
            Self::FilterPlus => rule("MQTT-4.7.1-2", ProtocolError),
            Self::ShareNameEmpty => rule("MQTT-4.8.2-1", ProtocolError),
            Self::ShareForm => rule("MQTT-4.8.2-2", ProtocolError),
            Self::SharedNoLocal => rule("MQTT-3.8.3-4", ProtocolError),
            Self::SubscribeQos3 => rule("SUBSCRIBE-QOS3", ProtocolError),
            Self::SubscribeReservedBits => rule("MQTT-3.8.3-5", Malformed),
            Self::RetainHandling3 => rule("SUBSCRIBE-RETAIN-HANDLING-3", ProtocolError),
            Self::ConnAckReservedFlags => rule("MQTT-3.2.2-1", Malformed),
            Self::SessionPresentWithRefusal => rule("MQTT-3.2.2-6", ProtocolError),
            Self::ReasonCode(packet_type, _) => rule(reason_clause(packet_type), ProtocolError),
            Self::ReasonCodesMissing(_) => rule("ACK-PAYLOAD-EMPTY", Malformed),
            Self::PropertyLengthMissing => rule("MQTT-2.2.2-1", Malformed),
            Self::PropertyLengthPastEnd | Self::PropertyCut(None) => rule("MALFORMED-PROPERTY-LENGTH", Malformed),
            Self::PropertyUnknown(_) => rule("PROPERTY-UNKNOWN", Malformed),
            Self::PropertyNotAllowed(_) => rule("PROPERTY-NOT-ALLOWED", Malformed),
            Self::PropertyDuplicate(PacketType::Subscribe, PropertyId::SubscriptionIdentifier) => {
                rule("SUBSCRIPTION-ID-REPEATED", ProtocolError)
            }
            Self::PropertyDuplicate(..) => rule("PROPERTY-DUPLICATE", ProtocolError),
            Self::PropertyCut(Some(_)) => rule("PROPERTY-VALUE-TYPE", Malformed),
            Self::PropertyValue(id) => rule(value_clause(id), ProtocolError),
            Self::AuthenticationDataWithoutMethod => rule("AUTH-DATA-WITHOUT-METHOD", ProtocolError),
            Self::AuthenticationMethodMissing => rule("AUTH-METHOD-MISSING", ProtocolError),
            Self::ServerReferenceCode => rule("SERVER-REFERENCE-CODE", Warning),
        }
    }
}

const fn reason_clause(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::PubAck => "MQTT-3.4.2-1",
        PacketType::PubRec => "MQTT-3.5.2-1",
        PacketType::PubRel => "MQTT-3.6.2-1",
        PacketType::PubComp => "MQTT-3.7.2-1",
        PacketType::SubAck => "MQTT-3.9.3-2",
        PacketType::UnsubAck => "MQTT-3.11.3-2",
        PacketType::Disconnect => "MQTT-3.14.2-1",
        PacketType::Auth => "MQTT-3.15.2-1",
        _ => "MQTT-3.2.2-8",
    }
}

const fn value_clause(id: PropertyId) -> &'static str {
    match id {
        PropertyId::PayloadFormatIndicator => "PROPERTY-PAYLOAD-FORMAT-RANGE",
        PropertyId::ReceiveMaximum => "RECEIVE-MAXIMUM-ZERO",
        PropertyId::MaximumPacketSize => "MAXIMUM-PACKET-SIZE-ZERO",
        PropertyId::SubscriptionIdentifier => "SUBSCRIPTION-ID-ZERO",
        PropertyId::TopicAlias => "MQTT-3.3.2-8",
        _ => "PROPERTY-BOOLEAN-RANGE",
    }
}
