//! Every field of a message with its place: a tree, made on request, as MQTT has it for its packets.
//!
//! Its nodes are those of MQTT. They are counted from the first byte of the datagram, and cover it to its last: what can't be
//! understood, stands behind the message, or was not captured, is a node of its own.

use super::SnMessage;
use crate::mqtt::{FieldNode, FieldValue};
use crate::mqttsn::{Body, Deviation, Encapsulation, Flags, Kind, Packet, ReturnCode, TopicIdType, TopicRef};

/// A field that is part of an octet: its bits, its name, Wireshark's name.
type Bits = (u8, &'static str, Option<&'static str>);

const DUP: Bits = (0x80, "dup", Some("mqttsn.dup"));
const QOS: Bits = (0x60, "qos", Some("mqttsn.qos"));
const RETAIN: Bits = (0x10, "retain", Some("mqttsn.retain"));
const WILL: Bits = (0x08, "will_flag", Some("mqttsn.will"));
const CLEAN: Bits = (0x04, "clean_session", Some("mqttsn.clean.session"));
const TOPIC_ID_TYPE: Bits = (0x03, "topic_id_type", Some("mqttsn.topic.id.type"));

/// The fields of a datagram: a tree, each group before its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnFields<'a> {
    nodes: Vec<FieldNode<'a>>,
    /// INVARIANT: each number is that of a node.
    deviations: Vec<(usize, Deviation)>,
}

impl<'a> SnFields<'a> {
    /// The fields of a message and of what a forwarder puts before it.
    pub fn of(message: &SnMessage<'a>) -> Self {
        let packet = message.packet();
        let mut walk = Walk { bytes: message.bytes, length: message.length, at: 0, depth: 0, nodes: Vec::new() };
        if let Some(encapsulation) = message.datagram.encapsulation
            && message.datagram.offset > 0
        {
            walk.forwarder(encapsulation, message.datagram.offset);
        }
        walk.message(packet);
        let nodes = walk.nodes;
        let deviations = packet.deviations.iter().map(|deviation| (place_of(deviation.offset, &nodes), *deviation));
        Self { deviations: deviations.collect(), nodes }
    }

    /// All nodes; the children of a node stand behind it, one deeper.
    pub fn nodes(&self) -> &[FieldNode<'a>] {
        &self.nodes
    }

    /// What is not as it should be about the node with this number.
    pub fn deviations_of(&self, node: usize) -> impl Iterator<Item = Deviation> {
        self.deviations.iter().filter(move |(of, _)| *of == node).map(|(_, deviation)| *deviation)
    }
}

/// The number of the node that a deviation at this byte is about: the deepest that has it.
fn place_of(at: u32, nodes: &[FieldNode<'_>]) -> usize {
    let holds = |node: &FieldNode<'_>| {
        node.mask.is_none() && (node.offset == at || (node.offset..node.offset + node.length).contains(&at))
    };
    nodes.iter().rposition(holds).or_else(|| nodes.iter().rposition(|node| node.mask.is_none())).unwrap_or(0)
}

struct Walk<'a> {
    /// The datagram, as far as it was captured.
    bytes: &'a [u8],
    /// How long it is.
    length: u32,
    at: u32,
    depth: u8,
    nodes: Vec<FieldNode<'a>>,
}

impl<'a> Walk<'a> {
    fn captured(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// A field of so many bytes.
    fn field(&mut self, name: &'static str, wireshark: Option<&'static str>, length: u32, value: FieldValue<'a>) {
        let (offset, depth) = (self.at, self.depth);
        self.nodes.push(FieldNode { name, wireshark, offset, length, mask: None, depth, value, cut: false });
        self.at += length;
    }

    fn octet(&mut self, name: &'static str, wireshark: Option<&'static str>, number: u8) {
        self.field(name, wireshark, 1, FieldValue::Number(number.into()));
    }

    fn word(&mut self, name: &'static str, wireshark: Option<&'static str>, number: u16) {
        self.field(name, wireshark, 2, FieldValue::Number(number.into()));
    }

    fn message_id(&mut self, id: u16) {
        self.word("message_id", Some("mqttsn.msg.id"), id);
    }

    fn return_code(&mut self, code: ReturnCode) {
        let value = FieldValue::Code(code.0.into(), code.name());
        self.field("return_code", Some("mqttsn.return.code"), 1, value);
    }

    /// A field up to the end of the message, of which not all may have been captured.
    fn rest(&mut self, name: &'static str, wireshark: &'static str, bytes: &'a [u8], cut: bool, value: FieldValue<'a>) {
        self.field(name, Some(wireshark), bytes.len() as u32, value);
        if let Some(node) = self.nodes.last_mut() {
            node.cut = cut;
        }
    }

    /// The flags, and which bits of them mean something.
    fn flags(&mut self, flags: Flags, used: &[Bits]) {
        let offset = self.at;
        self.octet("flags", None, flags.0);
        let others = !used.iter().fold(0, |all, (mask, ..)| all | mask);
        let unused = (others != 0).then_some((others, "unused", None));
        for (mask, name, wireshark) in used.iter().copied().chain(unused) {
            let number = u32::from(flags.0 & mask) >> mask.trailing_zeros();
            let value = match mask {
                // Two bits that stand for 0, 1, 2 and -1 (section 5.3.4).
                0x60 if number == 3 => FieldValue::Code(3, Some("QoS -1")),
                0x60 => FieldValue::Number(number),
                0x03 if name != "unused" => FieldValue::Code(number, Some(flags.topic_id_type().name())),
                one if one.is_power_of_two() => FieldValue::Flag(number == 1),
                _ => FieldValue::Number(number),
            };
            let (depth, mask) = (self.depth + 1, Some(mask));
            self.nodes.push(FieldNode { name, wireshark, offset, length: 1, mask, depth, value, cut: false });
        }
    }

    /// What begins each message (section 5.2).
    fn header(&mut self, octets: u8, length: u32, (code, name): (u8, Option<&'static str>)) {
        self.field("length", Some("mqttsn.msg.len"), u32::from(octets) - 1, FieldValue::Number(length));
        self.field("type", Some("mqttsn.msg.type"), 1, FieldValue::Code(code.into(), name));
    }

    /// What a forwarder says (section 5.5).
    fn forwarder(&mut self, encapsulation: Encapsulation<'a>, length: u32) {
        let octets = if self.bytes.first() == Some(&1) { 4 } else { 2 };
        self.field("encapsulation", None, length, FieldValue::Nothing);
        (self.at, self.depth) = (0, 1);
        let kind = Kind::Encapsulated;
        self.header(octets, length, (kind.code().unwrap_or_default(), Some(kind.name())));
        let control = self.bytes.get(usize::from(octets)).copied().unwrap_or_default();
        let offset = self.at;
        self.octet("control", Some("mqttsn.control.info"), control);
        let value = FieldValue::Number(encapsulation.radius.into());
        let (name, mask, depth) = ("radius", Some(3), 2);
        self.nodes.push(FieldNode { name, wireshark: None, offset, length: 1, mask, depth, value, cut: false });
        let node = encapsulation.node;
        self.field("wireless_node_id", Some("mqttsn.wireless.node.id"), node.len() as u32, FieldValue::Bytes(node));
        (self.at, self.depth) = (length, 0);
    }

    fn message(&mut self, packet: &Packet<'a>) {
        let (header, begin) = (packet.header, self.at);
        let name = (header.kind != Kind::Reserved).then(|| header.kind.name());
        self.header(header.octets, header.length.into(), (header.code, name));
        self.body(packet);
        let whole = self.length.max(self.captured());
        let end = (begin + u32::from(header.length)).clamp(self.at, whole.max(self.at));
        self.fill(end, FieldNode::NOT_UNDERSTOOD);
        self.fill(whole, FieldNode::TRAILING);
    }

    /// What is between here and there: bytes by this name, and those that were not captured.
    fn fill(&mut self, end: u32, name: &'static str) {
        let there = self.captured().min(end);
        if there > self.at {
            self.field(name, None, there - self.at, FieldValue::Nothing);
        }
        if end > self.at {
            self.field(FieldNode::MISSING, None, end - self.at, FieldValue::Nothing);
        }
    }

    fn body(&mut self, packet: &Packet<'a>) {
        let cut = packet.missing > 0;
        match packet.body {
            Body::Advertise { gateway_id, duration } => {
                self.octet("gateway_id", Some("mqttsn.gw.id"), gateway_id);
                self.word("duration_s", Some("mqttsn.adv.interv"), duration);
            }
            Body::SearchGw { radius } => self.octet("radius", Some("mqttsn.radius"), radius),
            Body::GwInfo { gateway_id, address } => {
                self.octet("gateway_id", Some("mqttsn.gw.id"), gateway_id);
                if !address.is_empty() {
                    self.field("gateway_address", None, address.len() as u32, FieldValue::Bytes(address));
                }
            }
            Body::Connect { flags, protocol_id, duration, client_id } => {
                self.flags(flags, &[WILL, CLEAN]);
                self.octet("protocol_id", Some("mqttsn.protocol.id"), protocol_id);
                self.word("keep_alive_s", Some("mqttsn.keep.alive"), duration);
                self.rest("client_id", "mqttsn.client.id", client_id, cut, FieldValue::Text(client_id));
            }
            Body::Answer(code) => self.return_code(code),
            Body::WillTopic(Some((flags, topic))) => {
                self.flags(flags, &[QOS, RETAIN]);
                self.rest("topic", "mqttsn.will.topic", topic, cut, FieldValue::Text(topic));
            }
            Body::WillMessage(will) => {
                self.rest("payload", "mqttsn.will.msg", will, cut, FieldValue::Payload(will));
            }
            Body::Register { topic_id, message_id, topic } => {
                self.word("topic_id", Some("mqttsn.topic.id"), topic_id);
                self.message_id(message_id);
                self.rest("topic", "mqttsn.topic", topic, cut, FieldValue::Text(topic));
            }
            Body::TopicAnswer { topic_id, message_id, code } => {
                self.word("topic_id", Some("mqttsn.topic.id"), topic_id);
                self.message_id(message_id);
                self.return_code(code);
            }
            Body::Publish { flags, topic_id, message_id, data, .. } => {
                self.flags(flags, &[DUP, QOS, RETAIN, TOPIC_ID_TYPE]);
                if flags.topic_id_type() == TopicIdType::Short {
                    let at = self.at as usize;
                    let name = self.bytes.get(at..at + 2).unwrap_or_default();
                    self.field("topic", Some("mqttsn.topic.id"), 2, FieldValue::Text(name));
                } else {
                    self.word("topic_id", Some("mqttsn.topic.id"), topic_id);
                }
                self.message_id(message_id);
                self.rest("payload", "mqttsn.pub.msg", data, cut, FieldValue::Payload(data));
            }
            Body::MessageId(id) => self.message_id(id),
            Body::Subscribe { flags, message_id, topic } => {
                let all = [DUP, QOS, TOPIC_ID_TYPE];
                // An UNSUBSCRIBE has neither DUP nor QoS (section 5.4.17).
                let used = if packet.header.kind == Kind::Subscribe { &all[..] } else { &all[2..] };
                self.flags(flags, used);
                self.message_id(message_id);
                let wireshark = "mqttsn.topic.name.or.id";
                match topic {
                    TopicRef::Name(name) => self.rest("topic_filter", wireshark, name, cut, FieldValue::Text(name)),
                    TopicRef::Id(id) => self.word("topic_id", Some(wireshark), id),
                    TopicRef::Short(_) => {
                        let at = self.at as usize;
                        let name = self.bytes.get(at..at + 2).unwrap_or_default();
                        self.field("topic", Some(wireshark), 2, FieldValue::Text(name));
                    }
                }
            }
            Body::SubAck { flags, topic_id, message_id, code } => {
                self.flags(flags, &[QOS]);
                self.word("topic_id", Some("mqttsn.topic.id"), topic_id);
                self.message_id(message_id);
                self.return_code(code);
            }
            Body::PingReq(Some(client_id)) => {
                self.rest("client_id", "mqttsn.client.id", client_id, cut, FieldValue::Text(client_id));
            }
            Body::Disconnect(Some(duration)) => self.word("duration_s", Some("mqttsn.sleep.timer"), duration),
            Body::WillTopic(None) | Body::PingReq(None) | Body::Disconnect(None) | Body::Empty | Body::Unread => {}
        }
    }
}
