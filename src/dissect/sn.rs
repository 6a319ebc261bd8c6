//! MQTT-SN: which conversations carry it, and which topics its ids stand for.
//!
//! A datagram holds one message, so there is no stream to follow. What is followed is what topic ids mean: that is
//! settled between a client and its gateway (section 6.5), and several clients may share a conversation behind a
//! forwarder (section 5.5).

mod evidence;
mod fields;
mod topics;

pub use evidence::{HeldDatagram, Said, Suspected, looks_like, role_of};
pub use fields::SnFields;
pub use topics::{ClientPlace, SnTopics};

use crate::capture::{Origin, Place};
use crate::flow::Direction;
use crate::mqtt::{Piece, Redactor};
use crate::mqttsn::{Body, Datagram, Packet, TopicIdType, TopicRef};

use super::{Conversation, Protocol, State};

/// How MQTT-SN is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnOptions {
    /// What topic ids stand for that both sides know beforehand (section 6.7).
    pub predefined: Vec<(u16, Vec<u8>)>,
    /// How many bytes of topic names are held, of all clients together.
    pub names_bytes: usize,
}

impl Default for SnOptions {
    /// No id is known beforehand, and names may take 16 MiB.
    fn default() -> Self {
        Self { predefined: Vec::new(), names_bytes: 16 << 20 }
    }
}

/// What came of a datagram.
#[derive(Debug)]
pub enum SnStep {
    /// It is, or may be, of no interest.
    Nothing,
    /// It is a message of a conversation that carries MQTT-SN.
    Message,
    /// It shows that the conversation carries MQTT-SN; it is the last of those that were held back.
    Begins(Vec<HeldDatagram>),
}

impl Conversation {
    /// Takes in a datagram. `forced` is what the user said of its ports.
    pub fn datagram(
        &mut self,
        (bytes, length): (&[u8], u32),
        direction: Direction,
        place: Place,
        said: Said,
        forced: Option<Protocol>,
    ) -> SnStep {
        match &mut self.state {
            State::Other(Protocol::MqttSn) => return SnStep::Message,
            State::Probing(None) => {
                self.state = match forced {
                    Some(Protocol::MqttSn) => {
                        self.state = State::Other(Protocol::MqttSn);
                        return SnStep::Message;
                    }
                    Some(Protocol::Unknown) => State::Other(Protocol::Unknown),
                    _ => State::Suspected(Box::default()),
                };
            }
            State::Probing(Some(_))
            | State::Mqtt(_)
            | State::WebSocket(_)
            | State::Tls(_)
            | State::Quic(_)
            | State::Dns(_)
            | State::Framed(_)
            | State::Other(_)
            | State::Suspected(_) => {}
        }
        let State::Suspected(suspected) = &mut self.state else { return SnStep::Nothing };
        match suspected.take(bytes, length, direction, place, said) {
            None => SnStep::Nothing,
            Some(false) => {
                self.state = State::Other(Protocol::Unknown);
                SnStep::Nothing
            }
            Some(true) => {
                let held = std::mem::take(&mut **suspected).into_held();
                self.state = State::Other(Protocol::MqttSn);
                SnStep::Begins(held)
            }
        }
    }
}

/// By what the name of a topic is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicKnownBy {
    /// It stands in the message.
    Message,
    /// It was registered.
    Registration,
    /// A subscription to it was answered with its id.
    Subscription,
    /// The user named it.
    Option,
}

impl TopicKnownBy {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Registration => "registration",
            Self::Subscription => "subscription",
            Self::Option => "option",
        }
    }
}

/// The name of a topic, and by what it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTopic<'a> {
    /// The name.
    pub name: &'a [u8],
    /// By what.
    pub by: TopicKnownBy,
}

/// An MQTT-SN message in its conversation.
#[derive(Debug, Clone)]
pub struct SnMessage<'a> {
    /// What a forwarder says, and the message.
    pub datagram: Datagram<'a>,
    /// The datagram, as far as it was captured.
    pub bytes: &'a [u8],
    /// How long the datagram is.
    pub length: u32,
    /// From whom to whom.
    pub direction: Direction,
    /// The frame that holds it.
    pub origin: Origin,
    /// Where the datagram begins in that frame; absent where it was put together from fragments.
    pub offset: Option<u32>,
    /// The topic that it is about, where that is known.
    pub topic: Option<KnownTopic<'a>>,
}

impl<'a> SnMessage<'a> {
    /// The message without what is known of it.
    pub const fn packet(&self) -> &Packet<'a> {
        &self.datagram.packet
    }

    /// Where so many bytes from this one of the datagram on came from, as far as they were captured; of no bytes it is the
    /// place where they would stand.
    pub fn part(&self, offset: u32, length: u32) -> Option<Piece> {
        let captured = self.bytes.len() as u32;
        let length = length.min(captured.saturating_sub(offset));
        let place = Place { origin: self.origin, offset: self.offset }.plus(offset as usize);
        (offset < captured || (length == 0 && offset == captured)).then_some(Piece { offset, length, place })
    }

    /// The node behind a forwarder that sent it or gets it; nothing where there is no forwarder.
    pub fn node(&self) -> &'a [u8] {
        self.datagram.encapsulation.map_or(&[], |encapsulation| encapsulation.node)
    }
}

/// The short name in a PUBLISH, SUBSCRIBE or UNSUBSCRIBE that has one: two bytes of the datagram.
pub(crate) fn short_name<'a>(datagram: &Datagram<'_>, bytes: &'a [u8]) -> &'a [u8] {
    let behind = match datagram.packet.body {
        // Behind the flags.
        Body::Publish { flags, .. } if flags.topic_id_type() == TopicIdType::Short => 1,
        // Behind the flags and the message id.
        Body::Subscribe { topic: TopicRef::Short(_), .. } => 3,
        _ => return &[],
    };
    let at = datagram.offset as usize + usize::from(datagram.packet.header.octets) + behind;
    bytes.get(at..at + 2).unwrap_or_default()
}

/// Puts tokens of the same length in the place of what is private in a datagram.
pub(crate) fn redact(bytes: &[u8], length: u32, redactor: &Redactor) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let Some(datagram) = crate::mqttsn::read(bytes, length) else { return out };
    let mut put = |part: &[u8], token: Vec<u8>| {
        // Where a part of the datagram stands in it.
        let start = part.as_ptr().addr().checked_sub(bytes.as_ptr().addr());
        if let Some(place) = start.and_then(|start| out.get_mut(start..start.checked_add(part.len())?)) {
            place.copy_from_slice(&token);
        }
    };
    let data = |part: &[u8]| {
        let mut token = part.to_vec();
        redactor.key().bytes(&mut token, false);
        token
    };
    match datagram.packet.body {
        Body::Connect { client_id, .. } | Body::PingReq(Some(client_id)) => put(client_id, redactor.text(client_id)),
        Body::WillTopic(Some((_, topic)))
        | Body::Register { topic, .. }
        | Body::Subscribe { topic: TopicRef::Name(topic), .. } => put(topic, redactor.topic(topic)),
        Body::WillMessage(payload) | Body::Publish { data: payload, .. } => put(payload, data(payload)),
        // What can't be read may be anything.
        Body::Unread => {
            let at = datagram.offset as usize + usize::from(datagram.packet.header.octets);
            if let Some(rest) = bytes.get(at..) {
                put(rest, data(rest));
            }
        }
        Body::Advertise { .. }
        | Body::SearchGw { .. }
        | Body::GwInfo { .. }
        | Body::Answer(_)
        | Body::WillTopic(None)
        | Body::TopicAnswer { .. }
        | Body::MessageId(_)
        | Body::Subscribe { topic: TopicRef::Id(_) | TopicRef::Short(_), .. }
        | Body::SubAck { .. }
        | Body::PingReq(None)
        | Body::Disconnect(_)
        | Body::Empty => {}
    }
    let short = short_name(&datagram, bytes);
    put(short, redactor.topic(short));
    // Behind its end belongs to no message.
    let end = datagram.offset as usize + usize::from(datagram.packet.header.length);
    if let Some(rest) = bytes.get(end..).filter(|rest| !rest.is_empty()) {
        put(rest, data(rest));
    }
    out
}

#[cfg(test)]
mod tests;
