//! Fields of MQTT that Wireshark does not have: what a session adds to its packets, and each property by its name.

use super::{Read::Message, fields};

fields! {
    /// The client of the session, on every packet of it, as far as the capture tells.
    "mqtt.client_id" = TEXT None "Client identifier" => Message;
    /// to_server or to_client.
    "mqtt.direction" = TEXT None "Direction" => Message;
    /// 3.1, 3.1.1 or 5.0.
    "mqtt.version" = TEXT None "Protocol version" => Message;
    /// The topic of a PUBLISH; behind an alias the one that it stands for.
    "mqtt.topic.resolved" = TEXT None "Topic, resolved" => Message;
    "mqtt.property.payload_format_indicator" = U8 Decimal "Payload Format Indicator" => Message;
    /// In seconds.
    "mqtt.property.message_expiry_interval" = U32 Decimal "Message Expiry Interval" => Message;
    "mqtt.property.response_topic" = TEXT None "Response Topic" => Message;
    "mqtt.property.correlation_data" = BYTES None "Correlation Data" => Message;
    "mqtt.property.subscription_identifier" = U32 Decimal "Subscription Identifier" => Message;
    /// In seconds.
    "mqtt.property.session_expiry_interval" = U32 Decimal "Session Expiry Interval" => Message;
    "mqtt.property.assigned_client_identifier" = TEXT None "Assigned Client Identifier" => Message;
    /// In seconds.
    "mqtt.property.server_keep_alive" = U16 Decimal "Server Keep Alive" => Message;
    "mqtt.property.authentication_method" = TEXT None "Authentication Method" => Message;
    /// That it is there; never what it is.
    "mqtt.property.authentication_data" = LABEL None "Authentication Data" => Message;
    "mqtt.property.request_problem_information" = U8 Decimal "Request Problem Information" => Message;
    /// In seconds.
    "mqtt.property.will_delay_interval" = U32 Decimal "Will Delay Interval" => Message;
    "mqtt.property.request_response_information" = U8 Decimal "Request Response Information" => Message;
    "mqtt.property.response_information" = TEXT None "Response Information" => Message;
    "mqtt.property.server_reference" = TEXT None "Server Reference" => Message;
    "mqtt.property.reason_string" = TEXT None "Reason String" => Message;
    "mqtt.property.receive_maximum" = U16 Decimal "Receive Maximum" => Message;
    "mqtt.property.topic_alias_maximum" = U16 Decimal "Topic Alias Maximum" => Message;
    "mqtt.property.maximum_qos" = U8 Decimal "Maximum Qos" => Message;
    "mqtt.property.retain_available" = U8 Decimal "Retain Available" => Message;
    /// Name and value, joined by an equals sign.
    "mqtt.property.user_property" = TEXT None "User Property" => Message;
    "mqtt.property.maximum_packet_size" = U32 Decimal "Maximum Packet Size" => Message;
    "mqtt.property.wildcard_subscription_available" = U8 Decimal "Wildcard Subscription Available" => Message;
    "mqtt.property.subscription_identifier_available" = U8 Decimal "Subscription Identifier Available" => Message;
    "mqtt.property.shared_subscription_available" = U8 Decimal "Shared Subscription Available" => Message;
}
