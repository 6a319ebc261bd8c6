//! Fields of MQTT control packets, by Wireshark's names.

use super::{Read::Message, fields};

fields! {
    /// A control packet.
    "mqtt" = PROTOCOL None "MQ Telemetry Transport Protocol" => Message;
    /// The bytes behind the fixed header.
    "mqtt.len" = U64 Decimal "Msg Len" => Message;
    "mqtt.hdrflags" = U8 Hex "Header Flags" => Message;
    /// The number of the control packet type: 1 CONNECT to 15 AUTH.
    "mqtt.msgtype" = U8 Decimal "Message Type" => Message;
    "mqtt.hdr_reserved" = U8 Decimal "Reserved" => Message;
    "mqtt.retain_reserved" = U8 Decimal "Reserved" => Message;
    "mqtt.dupflag" = BOOL None "DUP Flag" => Message;
    "mqtt.qos" = U8 Decimal "QoS Level" => Message;
    "mqtt.retain" = BOOL None "Retain" => Message;
    "mqtt.conack.flags.reserved" = BOOL None "Reserved" => Message;
    "mqtt.conack.flags" = U8 Hex "Acknowledge Flags" => Message;
    "mqtt.conack.flags.sp" = BOOL None "Session Present" => Message;
    /// Before MQTT 5.0.
    "mqtt.conack.val" = U8 Decimal "Return Code" => Message;
    /// The packet identifier.
    "mqtt.msgid" = U16 Decimal "Message Identifier" => Message;
    "mqtt.sub.qos" = U8 Decimal "Requested QoS" => Message;
    /// Before MQTT 5.0: the granted QoS, or 128.
    "mqtt.suback.qos" = U8 Decimal "Granted QoS" => Message;
    "mqtt.topic_len" = U16 Decimal "Topic Length" => Message;
    /// As it stands in the packet; see mqtt.topic.resolved.
    "mqtt.topic" = TEXT None "Topic" => Message;
    "mqtt.willtopic_len" = U16 Decimal "Will Topic Length" => Message;
    "mqtt.willtopic" = TEXT None "Will Topic" => Message;
    "mqtt.willmsg" = BYTES None "Will Message" => Message;
    "mqtt.willmsg_text" = TEXT None "Will Message" => Message;
    "mqtt.willmsg_len" = U16 Decimal "Will Message Length" => Message;
    "mqtt.username_len" = U16 Decimal "User Name Length" => Message;
    "mqtt.username" = TEXT None "User Name" => Message;
    "mqtt.passwd_len" = U16 Decimal "Password Length" => Message;
    /// Never shown: asterisks stand in its place.
    "mqtt.passwd" = TEXT None "Password" => Message;
    /// The application message.
    "mqtt.msg" = BYTES None "Message" => Message;
    "mqtt.msg_text" = TEXT None "Message" => Message;
    "mqtt.proto_len" = U16 Decimal "Protocol Name Length" => Message;
    "mqtt.protoname" = TEXT None "Protocol Name" => Message;
    "mqtt.clientid_len" = U16 Decimal "Client ID Length" => Message;
    /// As it stands in CONNECT; see mqtt.client_id.
    "mqtt.clientid" = TEXT None "Client ID" => Message;
    /// The protocol level.
    "mqtt.ver" = U8 Decimal "Version" => Message;
    "mqtt.conflags" = U8 Hex "Connect Flags" => Message;
    "mqtt.conflag.uname" = BOOL None "User Name Flag" => Message;
    "mqtt.conflag.passwd" = BOOL None "Password Flag" => Message;
    "mqtt.conflag.retain" = BOOL None "Will Retain" => Message;
    "mqtt.conflag.qos" = U8 Decimal "QoS Level" => Message;
    "mqtt.conflag.willflag" = BOOL None "Will Flag" => Message;
    /// Clean Start in MQTT 5.0.
    "mqtt.conflag.cleansess" = BOOL None "Clean Session Flag" => Message;
    "mqtt.conflag.reserved" = BOOL None "(Reserved)" => Message;
    /// In seconds.
    "mqtt.kalive" = U16 Decimal "Keep Alive" => Message;
    "mqtt.subscription_options" = U8 Hex "Subscription Options" => Message;
    "mqtt.subscription_options_qos" = U8 Decimal "QoS" => Message;
    "mqtt.subscription_options_nl" = BOOL None "No Local" => Message;
    "mqtt.subscription_options_rap" = BOOL None "Retain As Published" => Message;
    "mqtt.subscription_options_retain" = U8 Decimal "Retain Handling" => Message;
    "mqtt.subscription_options_reserved" = U8 Hex "Reserved" => Message;
    /// Of MQTT 5.0.
    "mqtt.connack.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.puback.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.pubrec.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.pubrel.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.pubcomp.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.suback.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.unsuback.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.disconnect.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.auth.reason_code" = U8 Decimal "Reason Code" => Message;
    "mqtt.properties" = LABEL None "Properties" => Message;
    "mqtt.will_properties" = LABEL None "Will Properties" => Message;
    "mqtt.property_len" = U64 Decimal "Total Length" => Message;
    "mqtt.property_id" = U8 Hex "ID" => Message;
    /// The value of any property that is a number.
    "mqtt.prop_number" = U32 Decimal "Value" => Message;
    "mqtt.property.content_type" = TEXT None "Content Type" => Message;
    "mqtt.property.max_qos" = U8 Decimal "QoS" => Message;
    "mqtt.property.topic_alias" = U16 Decimal "Topic Alias" => Message;
    "mqtt.prop_unknown" = TEXT None "Unknown Property" => Message;
    "mqtt.prop_string_len" = U32 Decimal "Length" => Message;
    /// The value of any property that is text.
    "mqtt.prop_string" = TEXT None "Value" => Message;
    "mqtt.prop_key_len" = U32 Decimal "Key Length" => Message;
    "mqtt.prop_key" = TEXT None "Key" => Message;
    "mqtt.prop_value_len" = U32 Decimal "Value Length" => Message;
    "mqtt.prop_value" = TEXT None "Value" => Message;
    "mqtt.illegal_topic_length" = LABEL None "Length cannot be 0" => Message;
    "mqtt.unknown_version" = LABEL None "Unknown version (missing the CONNECT packet?)" => Message;
    "mqtt.unknown_topic_alias" = LABEL None "Unknown topic alias" => Message;
}
