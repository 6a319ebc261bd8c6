//! The fields of MQTT-SN messages.

use super::message::{Kept, KeptValue};
use crate::dissect::SnMessage;
use crate::mqttsn::{Body, Flags, Kind, TopicRef};

impl Kept {
    /// Takes a message of MQTT-SN.
    pub(super) fn take_sensor(&mut self, message: &SnMessage<'_>) {
        self.begin();
        self.bound = true;
        if self.sensors.is_empty() {
            return;
        }
        let mut of = Of { kept: self, message };
        of.message();
    }
}

/// A message whose fields are taken.
struct Of<'k, 'm> {
    kept: &'k mut Kept,
    message: &'m SnMessage<'m>,
}

impl Of<'_, '_> {
    fn put(&mut self, name: &str, value: impl FnOnce(&mut Kept) -> KeptValue) {
        let Some(&(_, id)) = self.kept.sensors.iter().find(|(known, _)| *known == name) else { return };
        let value = value(self.kept);
        self.kept.push(id, self.message.origin.frame, value);
    }

    fn number(&mut self, name: &str, number: impl Into<u64>) {
        let number = number.into();
        self.put(name, |_| KeptValue::Unsigned(number));
    }

    fn flag(&mut self, name: &str, flag: bool) {
        self.put(name, |_| KeptValue::Boolean(flag));
    }

    fn text(&mut self, name: &str, text: &[u8]) {
        self.put(name, |kept| kept.stored(crate::field::value::Kind::Text, text));
    }

    fn topic_type(&mut self, flags: Flags) {
        self.number("mqttsn.topic.id.type", flags.0 & 3);
    }

    fn qos(&mut self, flags: Flags) {
        self.number("mqttsn.qos", flags.0 >> 5 & 3);
    }

    fn message(&mut self) {
        let message = self.message;
        let packet = message.packet();
        let bytes = message.bytes;
        self.put("mqttsn", |kept| kept.stored(crate::field::value::Kind::Bytes, bytes));
        if let Some(encapsulation) = message.datagram.encapsulation {
            // The header of the forwarder is of the same kind.
            self.number("mqttsn.msg.len", message.datagram.offset);
            self.number("mqttsn.msg.type", Kind::Encapsulated.code().unwrap_or_default());
            self.number("mqttsn.control.info", encapsulation.radius);
            let node = encapsulation.node.iter().fold(0u64, |node, byte| (node << 8 | u64::from(*byte)) & 0xffff);
            self.number("mqttsn.wireless.node.id", node);
        }
        self.number("mqttsn.msg.len", packet.header.length);
        self.number("mqttsn.msg.type", packet.header.code);
        if let Some(id) = packet.message_id() {
            self.number("mqttsn.msg.id", id);
        }
        if let Some(code) = packet.return_code() {
            self.number("mqttsn.return.code", code.0);
        }
        if let Some(topic) = message.topic {
            self.text("mqttsn.topic.resolved", topic.name);
        }
        match packet.body {
            Body::Advertise { gateway_id, duration } => {
                self.number("mqttsn.gw.id", gateway_id);
                self.number("mqttsn.adv.interv", duration);
            }
            Body::SearchGw { radius } => self.number("mqttsn.radius", radius),
            Body::GwInfo { gateway_id, .. } => self.number("mqttsn.gw.id", gateway_id),
            Body::Connect { flags, protocol_id, duration, client_id } => {
                self.flag("mqttsn.will", flags.will());
                self.flag("mqttsn.clean.session", flags.clean_session());
                self.number("mqttsn.protocol.id", protocol_id);
                self.number("mqttsn.keep.alive", duration);
                self.text("mqttsn.client.id", client_id);
            }
            Body::WillTopic(Some((flags, topic))) => {
                self.qos(flags);
                self.flag("mqttsn.retain", flags.retain());
                self.text("mqttsn.will.topic", topic);
            }
            Body::WillMessage(will) => self.text("mqttsn.will.msg", will),
            Body::Register { topic_id, topic, .. } => {
                self.number("mqttsn.topic.id", topic_id);
                self.text("mqttsn.topic", topic);
            }
            Body::TopicAnswer { topic_id, .. } => self.number("mqttsn.topic.id", topic_id),
            Body::Publish { flags, topic_id, data, .. } => {
                self.flag("mqttsn.dup", flags.dup());
                self.qos(flags);
                self.flag("mqttsn.retain", flags.retain());
                self.topic_type(flags);
                self.number("mqttsn.topic.id", topic_id);
                self.text("mqttsn.pub.msg", data);
            }
            Body::Subscribe { flags, topic, .. } => {
                if packet.header.kind == Kind::Subscribe {
                    self.flag("mqttsn.dup", flags.dup());
                    self.qos(flags);
                }
                self.topic_type(flags);
                match topic {
                    TopicRef::Name(name) => self.text("mqttsn.topic.name.or.id", name),
                    TopicRef::Short(name) => self.text("mqttsn.topic.name.or.id", &name),
                    TopicRef::Id(id) => self.text("mqttsn.topic.name.or.id", &id.to_be_bytes()),
                }
            }
            Body::SubAck { flags, topic_id, .. } => {
                self.qos(flags);
                self.number("mqttsn.topic.id", topic_id);
            }
            Body::PingReq(Some(client_id)) => self.text("mqttsn.client.id", client_id),
            Body::Disconnect(Some(duration)) => self.number("mqttsn.sleep.timer", duration),
            Body::Answer(_)
            | Body::WillTopic(None)
            | Body::MessageId(_)
            | Body::PingReq(None)
            | Body::Disconnect(None)
            | Body::Empty
            | Body::Unread => {}
        }
    }
}
