//! The class of a packet, from its fields and from what its connection has agreed upon.

use super::class::{Class, Features as F};
use super::connection::{Connection, code, may_tell_problem, properties};
use crate::dissect::Message;
use crate::flow::Direction;
use crate::mqtt::{Body, Connect, PacketType, PropertyId as P, Publish, Version, topic};

/// The class of a message; `more` is what following its connection says of it.
pub(super) fn class(connection: &Connection, message: &Message<'_>, more: F) -> Class {
    let packet = &message.packet;
    let packet_type = packet.header.packet_type;
    let is_client = message.direction == Direction::ToServer;
    let sound = !message.resynced && !message.incomplete && message.missing == 0;
    let features = more
        .with(F::Client, is_client)
        .with(F::Server, !is_client)
        .with(F::Sound, sound)
        .with(F::Whole, connection.is_whole())
        .with(F::Started, connection.is_started() || (connection.from_start && packet_type == PacketType::Connect))
        .with(F::Fresh, connection.is_known() || begins_session(connection, message))
        .with(F::First, connection.count[message.direction] == 0)
        .with(F::Accepted, connection.accepted());
    let features = match &packet.body {
        Body::Connect(connect) => of_connect(connect, features),
        Body::ConnAck(connack) => of_connack(connection, connack.code, packet.version, features)
            .with(F::Absent, connack.session_present() == Some(false)),
        Body::Publish(publish) => of_publish(connection, message, publish, features),
        Body::Ack(_) | Body::Disconnect(_) | Body::Auth(_) => {
            let code = code(&packet.body);
            features.with(F::Code, code.is_some()).with(F::Failure, code.is_some_and(|code| code >= 0x80))
        }
        Body::Subscribe(subscribe) => of_subscribe(connection, message, subscribe.filters.iter(), features),
        Body::Unsubscribe(unsubscribe) => unsubscribe
            .filters
            .into_iter()
            .fold(features.with(F::Text, true), |features, filter| of_filter(filter, features)),
        Body::SubAck(_) | Body::UnsubAck(_) | Body::Ping | Body::Reserved(_) => features,
    };
    let features = if packet.version == Version::V5 { of_5(connection, message, features) } else { features };
    Class { packet_type, features }
}

/// Whether this is the CONNACK that begins a session.
fn begins_session(connection: &Connection, message: &Message<'_>) -> bool {
    let Body::ConnAck(connack) = &message.packet.body else { return false };
    let asked = connection.asked.as_ref().filter(|_| connection.from_start);
    // Without clean session it depends on an earlier connection whether there has to be one.
    asked.is_some_and(|asked| asked.clean) && connack.session_present() != Some(true)
}

fn of_connect(connect: &Connect<'_>, features: F) -> F {
    let flags = connect.flags.unwrap_or(0);
    let flag = |bit: u8| flags & bit != 0;
    let id = connect.client_id.unwrap_or_default();
    features
        .with(F::Text, true)
        .with(F::Will, flag(0x04))
        .with(F::NoWill, !flag(0x04))
        .with(F::UserName, flag(0x80))
        .with(F::NoUserName, !flag(0x80))
        .with(F::Password, flag(0x40))
        .with(F::NoPassword, !flag(0x40))
        .with(F::EmptyId, id.is_empty())
        .with(F::Clean, connect.clean_start() == Some(true))
        .with(F::Resume, connect.clean_start() == Some(false))
}

/// Of a CONNACK, with what it answers.
fn of_connack(connection: &Connection, code: Option<u8>, version: Version, features: F) -> F {
    let features = features.with(F::Success, code == Some(0)).with(F::Failure, code.is_some_and(|code| code != 0));
    let Some(asked) = &connection.asked else { return features };
    let is_5 = version == Version::V5;
    features
        .with(F::Clean, asked.clean)
        .with(F::Resume, !asked.clean)
        .with(F::EmptyId, asked.id_length == 0)
        .with(F::PlainId, asked.plain_id)
        .with(F::Will, asked.will.is_some())
        .with(F::NoResponseInformation, is_5 && !asked.wants_response_information)
}

fn of_publish(connection: &Connection, message: &Message<'_>, publish: &Publish<'_>, features: F) -> F {
    let header = message.packet.header;
    let direction = message.direction;
    let named = publish.topic.is_some_and(|topic| !topic.is_empty());
    let features = features
        .with(F::Text, named)
        .with(F::Topic, named)
        .with(F::NoTopic, !named)
        .with(F::Qos0, header.qos() == 0)
        .with(F::Qos1, header.qos() == 1)
        .with(F::Qos2, header.qos() == 2)
        .with(F::Dup, header.dup())
        .with(F::Retain, header.retain());
    if message.packet.version != Version::V5 {
        return features;
    }
    let limits = &connection.limits[direction];
    features
        .with(F::Alias, message.topic_alias.is_some())
        .with(F::Aliased, limits.aliases > 0)
        .with(F::NoAlias, limits.said && limits.aliases == 0)
}

fn of_filter(filter: &[u8], features: F) -> F {
    let pattern = topic::shared(filter).map_or(filter, |(_, pattern)| pattern);
    features.with(F::Shared, filter.starts_with(b"$share/")).with(F::Wildcard, topic::has_wildcard(pattern))
}

fn of_subscribe<'a>(
    connection: &Connection,
    message: &Message<'_>,
    filters: impl Iterator<Item = crate::mqtt::Subscription<'a>>,
    features: F,
) -> F {
    let features = filters.fold(features.with(F::Text, true), |features, wanted| of_filter(wanted.filter, features));
    let granted = connection.granted.as_ref().filter(|_| message.packet.version == Version::V5);
    features
        .with(F::NoWildcard, granted.is_some_and(|granted| !granted.wildcards))
        .with(F::NoSubscriptionId, granted.is_some_and(|granted| !granted.subscription_ids))
        .with(F::NoShared, granted.is_some_and(|granted| !granted.shared))
}

/// What 5.0 has besides.
fn of_5(connection: &Connection, message: &Message<'_>, features: F) -> F {
    let packet_type = message.packet.header.packet_type;
    let (asked, granted) = (connection.asked.as_ref(), connection.granted.as_ref());
    let connack_cap = match &message.packet.body {
        Body::ConnAck(connack) => connack.properties.get(P::MaximumQos).is_some(),
        _ => granted.is_some_and(|granted| granted.maximum_qos.is_some()),
    };
    let no_retain = match &message.packet.body {
        Body::ConnAck(connack) => super::connection::number(connack.properties, P::RetainAvailable) == Some(0),
        _ => granted.is_some_and(|granted| !granted.retain),
    };
    let holds_properties = match packet_type {
        PacketType::PingReq | PacketType::PingResp | PacketType::Reserved => false,
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            message.packet.header.remaining_length >= 4
        }
        PacketType::Disconnect | PacketType::Auth => message.packet.header.remaining_length >= 2,
        _ => true,
    };
    let mut features = features
        .with(F::Props, holds_properties)
        .with(F::Sized, connection.limits[message.direction].packet_size.is_some())
        .with(F::QosCapped, connack_cap)
        .with(F::NoRetain, no_retain)
        .with(F::NoProblems, asked.is_some_and(|asked| !asked.wants_problems) && may_tell_problem(packet_type))
        .with(F::Method, asked.is_some_and(|asked| asked.method.is_some()))
        .with(F::NoMethod, asked.is_some_and(|asked| asked.method.is_none()));
    let will = match &message.packet.body {
        Body::Connect(connect) => connect.will.map(|will| will.properties),
        _ => None,
    };
    for block in [Some(properties(&message.packet.body)), will].into_iter().flatten().filter(|block| !block.is_empty())
    {
        for property in block {
            features = features.with(feature_of(property.id), true).with(F::Text, is_text(property.id));
        }
    }
    features
}

const fn feature_of(id: P) -> F {
    match id {
        P::UserProperty => F::UserProperty,
        P::ResponseTopic => F::ResponseTopic,
        P::ContentType => F::ContentType,
        P::PayloadFormatIndicator => F::PayloadFormat,
        P::SubscriptionIdentifier => F::SubscriptionId,
        P::ReasonString => F::ReasonString,
        P::ReceiveMaximum => F::ReceiveMaximum,
        P::MaximumPacketSize => F::MaximumPacketSize,
        P::AuthenticationData => F::AuthenticationData,
        P::ServerReference => F::ServerReference,
        P::SessionExpiryInterval => F::SessionExpiry,
        P::AssignedClientIdentifier => F::AssignedId,
        P::RequestProblemInformation
        | P::RequestResponseInformation
        | P::MaximumQos
        | P::RetainAvailable
        | P::WildcardSubscriptionAvailable
        | P::SubscriptionIdentifierAvailable
        | P::SharedSubscriptionAvailable => F::Switch,
        P::MessageExpiryInterval
        | P::CorrelationData
        | P::ServerKeepAlive
        | P::AuthenticationMethod
        | P::WillDelayInterval
        | P::ResponseInformation
        | P::TopicAliasMaximum
        | P::TopicAlias => F::NONE,
    }
}

const fn is_text(id: P) -> bool {
    use crate::mqtt::PropertyKind as K;
    matches!(id.kind(), K::Text | K::Pair)
}
