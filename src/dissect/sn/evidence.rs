//! Whether the datagrams between two ports are MQTT-SN.
//!
//! The protocol has no port of its own and no mark at the beginning. What tells it is a length that is the datagram's, a
//! type that exists, fields that fit it to the bit, and answers that fit what was asked.

use crate::capture::Place;
use crate::flow::{Direction, Role};
use crate::mqttsn::{Body, Datagram, Kind, Sender, TopicRef, read};

/// So many points are enough.
const ENOUGH: u32 = 6;

/// What a port is worth that is often used for it.
const USUAL: u32 = 2;

/// Ports that are often used for it; the specification has none.
const PORTS: [u16; 4] = [1883, 1884, 10000, 20000];

/// How many datagrams are held back until it is known what they are, and of how many bytes together.
const HELD: usize = 16;
const HELD_BYTES: usize = 4096;

/// The longest address of a gateway that is believed: one of IPv6 with a port.
const LONGEST_ADDRESS: usize = 18;

/// Whether a datagram may be a message of MQTT-SN, by its first bytes: quick, for it is asked of each datagram there is.
#[inline]
pub fn looks_like(bytes: &[u8], length: u32) -> bool {
    let (said, code) = match *bytes {
        [1, high, low, code, ..] => (u32::from(u16::from_be_bytes([high, low])), code),
        [said, code, ..] => (u32::from(said), code),
        _ => return false,
    };
    if code == 0xfe { said < length } else { said == length && code <= 0x1d }
}

/// Who sends such a message, if it is only ever one of the two.
pub fn role_of(datagram: &Datagram<'_>) -> Option<Role> {
    let packet = &datagram.packet;
    match (packet.header.kind.sender(), &packet.body) {
        // Whoever sends what can't be read may be anybody.
        (_, Body::Unread) => None,
        (Sender::Client, _) => Some(Role::Client),
        (Sender::Gateway, _) => Some(Role::Server),
        // A client that answers for a gateway tells its address (section 5.4.3).
        (Sender::Both, Body::GwInfo { address, .. }) => {
            Some(if address.is_empty() { Role::Server } else { Role::Client })
        }
        (Sender::Both, Body::PingReq(Some(_)) | Body::Disconnect(Some(_)) | Body::Register { topic_id: 0, .. }) => {
            Some(Role::Client)
        }
        (Sender::Both, Body::Publish { flags, .. }) if flags.qos() == -1 => Some(Role::Client),
        (Sender::Both, _) => None,
    }
}

/// What is known of a conversation beside its datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// The ports of both ends.
    pub ports: [u16; 2],
    /// One end is known to be a gateway, or a client of one.
    pub known_end: bool,
    /// It goes to all or to a group.
    pub to_many: bool,
}

/// A datagram that is held back.
#[derive(Debug)]
pub struct HeldDatagram {
    /// Its bytes, as far as they were captured.
    pub bytes: Box<[u8]>,
    /// How long it is.
    pub length: u32,
    /// Its direction, as the conversation was named when it came.
    pub direction: Direction,
    /// Where its first byte stands.
    pub place: Place,
}

/// A conversation that may be MQTT-SN.
#[derive(Debug, Default)]
pub struct Suspected {
    held: Vec<HeldDatagram>,
    bytes: usize,
    points: u32,
}

impl Suspected {
    /// What was held back.
    pub fn into_held(self) -> Vec<HeldDatagram> {
        self.held
    }

    /// Takes in the next datagram, and says whether it is MQTT-SN: nothing where that is not known yet.
    pub fn take(&mut self, bytes: &[u8], length: u32, direction: Direction, place: Place, said: Said) -> Option<bool> {
        let datagram = if looks_like(bytes, length) { read(bytes, length) } else { None };
        let Some(worth) = datagram.as_ref().and_then(|datagram| self.worth(datagram, direction)) else {
            return Some(false);
        };
        // The same again says nothing new.
        let again = self.held.iter().any(|held| held.direction == direction && *held.bytes == *bytes);
        if !again {
            self.points += worth;
        }
        if self.held.len() >= HELD || self.bytes + bytes.len() > HELD_BYTES {
            return Some(false);
        }
        self.bytes += bytes.len();
        self.held.push(HeldDatagram { bytes: bytes.into(), length, direction, place });
        let usual = said.ports.iter().any(|port| PORTS.contains(port));
        let around = if usual { USUAL } else { 0 }
            + if said.known_end { ENOUGH - 1 } else { 0 }
            + if said.to_many && self.searches() { USUAL } else { 0 };
        (self.points > 0 && self.points + around >= ENOUGH).then_some(true)
    }

    /// Whether a gateway is looked for, or says that it is there.
    fn searches(&self) -> bool {
        self.held.iter().any(|held| matches!(held.bytes.get(1), Some(0..=2)))
    }

    /// What a datagram is worth as evidence; nothing where it is against it.
    fn worth(&self, datagram: &Datagram<'_>, direction: Direction) -> Option<u32> {
        let packet = &datagram.packet;
        let kind = packet.header.kind;
        if kind == Kind::Reserved || (packet.body == Body::Unread && packet.missing == 0) {
            return None;
        }
        // A client that does something wrong does not do it in its first words, as a rule; whoever speaks another
        // protocol does.
        if !packet.deviations.is_empty() {
            return Some(0);
        }
        let answers = |asked: Kind| self.answers(datagram, asked, direction);
        let worth = match packet.body {
            Body::Connect { client_id, .. } => ENOUGH * u32::from(is_printable(client_id)),
            Body::Register { topic, topic_id, .. } => (3 + u32::from(topic_id == 0)) * u32::from(is_printable(topic)),
            Body::Subscribe { topic: TopicRef::Name(topic), .. } => 3 * u32::from(is_printable(topic)),
            Body::Publish { flags, .. } => match flags.qos() {
                -1 => 4,
                0 => 3,
                _ => 2,
            },
            Body::Advertise { .. } | Body::SearchGw { .. } | Body::Subscribe { .. } => 2,
            // An address has 4 or 16 bytes with IP, 8 with ZigBee, and a port maybe.
            Body::GwInfo { address, .. } if address.len() > LONGEST_ADDRESS => 0,
            Body::GwInfo { address, .. } => 1 + u32::from(address.is_empty()) + 2 * u32::from(answers(Kind::SearchGw)),
            Body::TopicAnswer { .. } | Body::SubAck { .. } | Body::MessageId(_) => {
                let asked = match kind {
                    Kind::RegAck => Kind::Register,
                    Kind::SubAck => Kind::Subscribe,
                    Kind::UnsubAck => Kind::Unsubscribe,
                    Kind::PubRel => Kind::PubRec,
                    Kind::PubComp => Kind::PubRel,
                    _ => Kind::Publish,
                };
                1 + 3 * u32::from(answers(asked))
            }
            Body::Empty if kind == Kind::PingResp => 1 + 2 * u32::from(answers(Kind::PingReq)),
            Body::Disconnect(_) => 1 + u32::from(answers(Kind::Disconnect)),
            Body::Empty | Body::Answer(_) | Body::WillTopic(_) | Body::WillMessage(_) | Body::PingReq(_) => 1,
            Body::Unread => 0,
        };
        // A node id before it fits as well.
        Some(worth + u32::from(datagram.encapsulation.is_some_and(|encapsulation| !encapsulation.node.is_empty())))
    }

    /// Whether the other end has asked for this answer.
    fn answers(&self, answer: &Datagram<'_>, asked: Kind, direction: Direction) -> bool {
        self.held.iter().filter(|held| held.direction != direction).any(|held| {
            read(&held.bytes, held.length).is_some_and(|request| {
                request.packet.header.kind == asked && request.packet.message_id() == answer.packet.message_id()
            })
        })
    }
}

/// Whether it is a text that people write.
fn is_printable(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| !text.is_empty() && !text.chars().any(char::is_control))
}
