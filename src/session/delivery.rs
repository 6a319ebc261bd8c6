//! The exchanges by which messages of QoS 1 and 2 are delivered, in one direction of a connection.
//!
//! Packet identifiers are a name space of their own in each direction (MQTT 5.0, section 2.2.1), so there
//! is one of these for each.

use std::collections::BTreeMap;

use crate::flow::Durations;
use crate::mqtt::PacketType;
use crate::time::{Span, Timestamp};

/// The most exchanges followed at once in a direction: there are no more identifiers than this.
const LIMIT: usize = 65_535;

/// How far an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// PUBLISH with QoS 1 was sent.
    Published1,
    /// PUBLISH with QoS 2 was sent.
    Published2,
    /// PUBREC was sent.
    Received,
    /// PUBREL was sent.
    Released,
}

/// What came of the exchanges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Acknowledged to the end.
    pub complete: u64,
    /// Not acknowledged to the end yet.
    pub open: u64,
    /// Sent again while they were open, or with DUP set.
    pub duplicate: u64,
    /// Refused by a reason code of 0x80 or above.
    pub refused: u64,
    /// Acknowledgements that fit no exchange that was seen.
    pub unmatched: u64,
    /// Exchanges whose identifier was used for another message, so that they had come to an end which the capture
    /// lacks.
    pub unresolved: u64,
}

/// How much earlier than its PUBLISH an acknowledgement may be captured, where the two directions are not captured by
/// one clock; and how much later it may be told of, because what was lost before it was waited for.
const EARLY: Span = Span::from_millis(20);

/// The most early acknowledgements kept.
const EARLY_LIMIT: usize = 256;

/// The exchanges of one direction: the PUBLISH goes this way, its acknowledgements the other.
#[derive(Debug, Clone, Default)]
pub struct Deliveries {
    open: BTreeMap<u16, (Step, Timestamp)>,
    /// Acknowledgements that were told before the message they belong to.
    early: BTreeMap<u16, (PacketType, u8, Timestamp)>,
    counts: DeliveryCounts,
    latency: Durations,
}

impl Deliveries {
    /// A PUBLISH with an identifier was sent.
    pub fn on_publish(&mut self, packet_id: u16, qos: u8, dup: bool, time: Timestamp) {
        let step = if qos == 2 { Step::Published2 } else { Step::Published1 };
        match (self.open.contains_key(&packet_id), dup) {
            (_, true) => self.counts.duplicate += 1,
            (true, false) => {
                // An identifier is free again only when its exchange is over (MQTT-2.2.1-4).
                self.counts.unresolved += 1;
                self.open.remove(&packet_id);
            }
            (false, false) => {}
        }
        if self.open.len() < LIMIT {
            self.open.entry(packet_id).or_insert((step, time));
        }
        if let Some((packet_type, reason, at)) = self.early.remove(&packet_id)
            && at.since(time) >= Span::ZERO - EARLY
        {
            self.counts.unmatched -= 1;
            self.on_acknowledgement(packet_type, packet_id, reason, at.max(time));
        }
    }

    /// PUBREL was sent in the same direction as the PUBLISH.
    pub fn on_release(&mut self, packet_id: u16) {
        match self.open.get_mut(&packet_id) {
            Some((step, _)) if *step != Step::Published1 => *step = Step::Released,
            _ => self.counts.unmatched += 1,
        }
    }

    /// PUBACK, PUBREC or PUBCOMP came back.
    pub fn on_acknowledgement(&mut self, packet_type: PacketType, packet_id: u16, reason: u8, time: Timestamp) {
        let Some(&(step, since)) = self.open.get(&packet_id) else {
            self.counts.unmatched += 1;
            if self.early.len() < EARLY_LIMIT {
                self.early.insert(packet_id, (packet_type, reason, time));
            }
            return;
        };
        let refused = reason >= 0x80;
        match (packet_type, step) {
            (PacketType::PubRec, Step::Published2 | Step::Received) if !refused => {
                self.open.insert(packet_id, (Step::Received, since));
            }
            (PacketType::PubAck, Step::Published1)
            | (PacketType::PubComp, Step::Released | Step::Received)
            | (PacketType::PubRec, Step::Published2 | Step::Received) => {
                self.open.remove(&packet_id);
                if refused {
                    self.counts.refused += 1;
                } else {
                    self.counts.complete += 1;
                    self.latency.record(time.since(since));
                }
            }
            _ => self.counts.unmatched += 1,
        }
    }

    /// What came of them so far.
    pub fn counts(&self) -> DeliveryCounts {
        DeliveryCounts { open: self.open.len() as u64, ..self.counts }
    }

    /// Times from the PUBLISH to the last acknowledgement of the completed ones.
    pub const fn latency(&self) -> &Durations {
        &self.latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_nanos(0);

    fn at(millis: i64) -> Timestamp {
        START + Span::from_millis(millis)
    }

    #[test]
    fn a_qos_2_exchange_is_complete_with_pubcomp() {
        let mut deliveries = Deliveries::default();
        deliveries.on_publish(1, 2, false, at(0));
        deliveries.on_acknowledgement(PacketType::PubRec, 1, 0, at(5));
        deliveries.on_release(1);
        assert_eq!(deliveries.counts().open, 1);
        deliveries.on_acknowledgement(PacketType::PubComp, 1, 0, at(9));
        assert_eq!(deliveries.counts(), DeliveryCounts { complete: 1, ..DeliveryCounts::default() });
        assert_eq!(deliveries.latency().max(), Some(Span::from_millis(9)));
    }

    #[test]
    fn a_refused_pubrec_ends_the_exchange() {
        let mut deliveries = Deliveries::default();
        deliveries.on_publish(1, 2, false, at(0));
        deliveries.on_acknowledgement(PacketType::PubRec, 1, 0x97, at(5));
        assert_eq!(deliveries.counts(), DeliveryCounts { refused: 1, ..DeliveryCounts::default() });
    }

    #[test]
    fn a_publish_sent_again_while_it_is_open_is_a_duplicate_of_one_delivery() {
        let mut deliveries = Deliveries::default();
        deliveries.on_publish(7, 1, false, at(0));
        deliveries.on_publish(7, 1, true, at(20));
        deliveries.on_acknowledgement(PacketType::PubAck, 7, 0, at(30));
        assert_eq!(deliveries.counts(), DeliveryCounts { complete: 1, duplicate: 1, ..DeliveryCounts::default() });
    }

    #[test]
    fn an_identifier_used_again_without_dup_is_another_message() {
        let mut deliveries = Deliveries::default();
        deliveries.on_publish(7, 1, false, at(0));
        deliveries.on_publish(7, 1, false, at(20));
        deliveries.on_acknowledgement(PacketType::PubAck, 7, 0, at(30));
        assert_eq!(deliveries.counts(), DeliveryCounts { complete: 1, unresolved: 1, ..DeliveryCounts::default() });
    }

    #[test]
    fn an_acknowledgement_may_be_told_before_its_message() {
        let mut deliveries = Deliveries::default();
        deliveries.on_acknowledgement(PacketType::PubAck, 7, 0, at(30));
        deliveries.on_publish(7, 1, false, at(20));
        assert_eq!(deliveries.counts(), DeliveryCounts { complete: 1, ..DeliveryCounts::default() });
        assert_eq!(deliveries.latency().max(), Some(Span::from_millis(10)));
        deliveries.on_acknowledgement(PacketType::PubAck, 8, 0, at(30));
        deliveries.on_publish(8, 1, false, at(500));
        assert_eq!(deliveries.counts().open, 1, "it belongs to an earlier message");
    }

    #[test]
    fn an_acknowledgement_of_the_wrong_kind_fits_nothing() {
        let mut deliveries = Deliveries::default();
        deliveries.on_publish(7, 1, false, at(0));
        deliveries.on_acknowledgement(PacketType::PubComp, 7, 0, at(1));
        deliveries.on_acknowledgement(PacketType::PubAck, 8, 0, at(1));
        assert_eq!(deliveries.counts(), DeliveryCounts { open: 1, unmatched: 2, ..DeliveryCounts::default() });
    }
}
