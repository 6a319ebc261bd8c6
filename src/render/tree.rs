//! The fields of a message one by one, of MQTT or of MQTT-SN: what lines and records of them are made of.

use std::borrow::Cow;

use super::payload::{InLine, PayloadBytes, PayloadOptions};
use crate::dissect::sn::SnFields;
use crate::dissect::{Message, SnMessage};
use crate::mqtt::{Body, FieldNode, Fields, Piece, Properties};

/// A message with the tree of its fields.
pub(super) enum Tree<'a> {
    Mqtt(&'a Message<'a>, Fields<'a>),
    Sensors(&'a SnMessage<'a>, SnFields<'a>),
}

/// What is not as it should be.
pub(super) struct Deviating {
    pub(super) offset: u32,
    pub(super) kind: &'static str,
    pub(super) clause: &'static str,
    pub(super) message: Cow<'static, str>,
}

impl<'a> From<&'a Message<'a>> for Tree<'a> {
    fn from(message: &'a Message<'a>) -> Self {
        Self::Mqtt(message, Fields::of(&message.packet))
    }
}

impl<'a> From<&'a SnMessage<'a>> for Tree<'a> {
    fn from(message: &'a SnMessage<'a>) -> Self {
        Self::Sensors(message, SnFields::of(message))
    }
}

impl<'a> Tree<'a> {
    /// All nodes; the children of a node stand behind it, one deeper.
    pub(super) fn nodes(&self) -> &[FieldNode<'a>] {
        match self {
            Self::Mqtt(_, fields) => fields.nodes(),
            Self::Sensors(_, fields) => fields.nodes(),
        }
    }

    /// Where so many bytes from this one on came from.
    pub(super) fn parts(&self, offset: u32, length: u32) -> impl Iterator<Item = Piece> {
        let (many, one) = match self {
            Self::Mqtt(message, _) => (Some(message.parts(offset, length)), None),
            Self::Sensors(message, _) => (None, message.part(offset, length)),
        };
        many.into_iter().flatten().chain(one)
    }

    /// What is not as it should be about the node with this number.
    pub(super) fn deviations_of(&self, node: usize) -> Vec<Deviating> {
        match self {
            Self::Mqtt(message, fields) => fields
                .deviations_of(node)
                .map(|deviation| Deviating {
                    offset: deviation.offset,
                    kind: deviation.kind.name(),
                    clause: deviation.kind.clause(message.packet.version),
                    message: deviation.kind.describe(),
                })
                .collect(),
            Self::Sensors(_, fields) => fields
                .deviations_of(node)
                .map(|deviation| Deviating {
                    offset: deviation.offset,
                    kind: deviation.kind.name(),
                    clause: deviation.kind.clause(),
                    message: deviation.kind.describe(),
                })
                .collect(),
        }
    }

    /// The bytes in a hole of the message behind which more of it is there.
    pub(super) fn hole(&self) -> u32 {
        match self {
            Self::Mqtt(message, _) => message.missing,
            Self::Sensors(..) => 0,
        }
    }

    /// An application message in a line.
    pub(super) fn payload(&self, node: &FieldNode<'_>, bytes: &[u8], options: PayloadOptions) -> String {
        let none = Properties::default();
        let (topic, properties, length) = match self {
            Self::Mqtt(message, _) => match &message.packet.body {
                Body::Publish(publish) => (message.topic, publish.properties, publish.payload_length),
                Body::Connect(connect) => {
                    let will = connect.will.as_ref();
                    (will.map(|will| will.topic), will.map_or(none, |will| will.properties), None)
                }
                Body::ConnAck(_)
                | Body::Ack(_)
                | Body::Subscribe(_)
                | Body::SubAck(_)
                | Body::Unsubscribe(_)
                | Body::UnsubAck(_)
                | Body::Ping
                | Body::Disconnect(_)
                | Body::Auth(_)
                | Body::Reserved(_) => (None, none, None),
            },
            Self::Sensors(message, _) => (message.topic.map(|topic| topic.name), none, None),
        };
        let length = length.unwrap_or(node.length);
        InLine(PayloadBytes { bytes, length, topic, properties }, options).to_string()
    }
}
