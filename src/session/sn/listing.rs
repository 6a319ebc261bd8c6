//! The topics and subscriptions of a session.

use super::super::delivery::Name;
use super::facts::{SnSubscription, SnTopicName};
use super::session::SnSession;
use crate::dissect::SnMessage;
use crate::dissect::sn::TopicKnownBy;
use crate::mqttsn::{Body, Kind, ReturnCode, TopicRef};

/// How many topics and subscriptions are listed; more are counted.
const LISTED: usize = 256;

/// How many bytes of names these may have together.
pub(super) const LISTED_BYTES: usize = 4096;

impl SnSession {
    /// Lists topics and subscriptions.
    pub(super) fn list(&mut self, message: &SnMessage<'_>) {
        let packet = message.packet();
        match packet.body {
            Body::TopicAnswer { topic_id, code: ReturnCode::ACCEPTED, .. } if packet.header.kind == Kind::RegAck => {
                self.list_topic(topic_id, message, TopicKnownBy::Registration);
            }
            Body::Subscribe { flags, message_id, topic } if packet.header.kind == Kind::Subscribe => {
                let filter = message.topic.map(|topic| topic.name);
                let filter = filter.or(if let TopicRef::Name(name) = topic { Some(name) } else { None });
                let predefined = if let TopicRef::Id(id) = topic { Some(id) } else { None };
                let same = |old: &SnSubscription| old.filter.as_deref() == filter && old.predefined == predefined;
                let known = self.subscriptions.iter_mut().find(|old| same(old));
                let subscription = SnSubscription {
                    filter: filter.map(Name::from),
                    predefined,
                    requested_qos: flags.qos(),
                    answer: None,
                    topic_id: None,
                    message_id,
                    frame: message.origin.frame,
                };
                if let Some(known) = known {
                    *known = subscription;
                } else if self.has_room(filter.map_or(0, <[u8]>::len), self.subscriptions.len()) {
                    self.subscriptions.push(subscription);
                }
            }
            Body::SubAck { flags, topic_id, message_id, code } => {
                let waits = |old: &&mut SnSubscription| old.message_id == message_id && old.answer.is_none();
                if let Some(subscription) = self.subscriptions.iter_mut().rev().find(waits) {
                    subscription.answer = Some((flags.qos(), code));
                    subscription.topic_id = Some(topic_id).filter(|id| *id != 0);
                }
                if code == ReturnCode::ACCEPTED && topic_id != 0 {
                    self.list_topic(topic_id, message, TopicKnownBy::Subscription);
                }
            }
            _ => {}
        }
    }

    fn list_topic(&mut self, id: u16, message: &SnMessage<'_>, by: TopicKnownBy) {
        let Some(topic) = message.topic.filter(|topic| !topic.name.iter().any(|byte| matches!(byte, b'+' | b'#')))
        else {
            return;
        };
        if let Some(known) = self.topics.iter_mut().find(|known| known.id == id) {
            if *known.name != *topic.name && topic.name.len() <= known.name.len() {
                known.name = topic.name.into();
            }
        } else if self.has_room(topic.name.len(), self.topics.len()) {
            self.topics.push(SnTopicName { id, name: topic.name.into(), by });
        }
    }

    /// Whether one more may be listed.
    fn has_room(&mut self, bytes: usize, listed: usize) -> bool {
        let fits = listed < LISTED && self.listed_bytes + bytes <= LISTED_BYTES;
        if fits {
            self.listed_bytes += bytes;
        } else {
            self.left_out += 1;
        }
        fits
    }
}
