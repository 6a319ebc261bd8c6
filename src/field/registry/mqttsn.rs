//! Fields of MQTT-SN, by Wireshark's names.

use super::{Read::Message, fields};

fields! {
    /// A message of MQTT-SN.
    "mqttsn" = PROTOCOL None "MQ Telemetry Transport Protocol for Sensor Networks" => Message;
    /// Of what a forwarder puts before a message as well.
    "mqttsn.msg.len" = U16 Decimal "Message Length" => Message;
    /// Of what a forwarder puts before a message as well.
    "mqttsn.msg.type" = U8 Hex "Message Type" => Message;
    "mqttsn.dup" = BOOL None "DUP" => Message;
    /// 3 for QoS -1.
    "mqttsn.qos" = U8 Hex "QoS" => Message;
    "mqttsn.retain" = BOOL None "Retain" => Message;
    "mqttsn.will" = BOOL None "Will" => Message;
    "mqttsn.clean.session" = BOOL None "Clean Session" => Message;
    /// 0 registered, 1 known beforehand, 2 a name of two bytes.
    "mqttsn.topic.id.type" = U8 Hex "Topic ID Type" => Message;
    "mqttsn.return.code" = U8 Hex "Return Code" => Message;
    "mqttsn.gw.id" = U8 Decimal "Gateway ID" => Message;
    "mqttsn.adv.interv" = U16 Decimal "Advertise Interval" => Message;
    "mqttsn.radius" = U8 Decimal "Broadcast Radius" => Message;
    "mqttsn.protocol.id" = U8 Hex "Protocol ID" => Message;
    "mqttsn.topic.id" = U16 Decimal "Topic ID" => Message;
    "mqttsn.msg.id" = U16 Decimal "Message ID" => Message;
    /// Of a REGISTER; see mqttsn.topic.resolved.
    "mqttsn.topic" = TEXT None "Topic Name" => Message;
    /// Of a SUBSCRIBE or UNSUBSCRIBE: a name, or the two bytes of an id.
    "mqttsn.topic.name.or.id" = TEXT None "Topic Name/ID" => Message;
    "mqttsn.sleep.timer" = U16 Decimal "Sleep Timer" => Message;
    "mqttsn.will.topic" = TEXT None "Will Topic" => Message;
    "mqttsn.will.msg" = TEXT None "Will Message" => Message;
    /// The payload of a PUBLISH.
    "mqttsn.pub.msg" = TEXT None "Message" => Message;
    "mqttsn.client.id" = TEXT None "Client ID" => Message;
    "mqttsn.keep.alive" = U16 Decimal "Keep Alive" => Message;
    /// How far a forwarder is to pass a message on.
    "mqttsn.control.info" = U8 Hex "Control" => Message;
    /// The last two bytes at most, as a number.
    "mqttsn.wireless.node.id" = U16 Decimal "Wireless Node ID" => Message;
    /// The topic, by what its id stands for; not in Wireshark.
    "mqttsn.topic.resolved" = TEXT None "Topic, by its id" => Message;
}
