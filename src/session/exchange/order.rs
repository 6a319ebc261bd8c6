//! Acknowledgements that come before their message, after all else, or in another order than the messages.

use super::super::delivery::Step;
use super::super::early::Early;
use super::super::incident::{Certainty, IncidentKind};
use super::super::judge::Judge;
use super::{Exchanges, LATE};
use crate::flow::Role;
use crate::mqtt::PacketType;

impl Exchanges {
    /// Leaves acknowledgements that wait for their message with their connection, whose end tells of them.
    pub(in crate::session) fn leave_early(&mut self) -> Option<Self> {
        let early = std::mem::take(&mut self.early);
        (early.len() > 0).then(|| Self { early, ..Self::default() })
    }

    /// Tells the acknowledgements that have waited in vain for their message; all of them where `all` is set. What was
    /// `lost` may be that message.
    pub(in crate::session) fn settle(&mut self, all: bool, lost: bool, judge: &mut Judge<'_>) {
        let mut waiting = std::mem::take(&mut self.early);
        waiting.retain(|((packet_id, packet_type), early)| {
            let waits = !all && judge.at.time.since(early.place.at.time) < LATE;
            if !waits && !lost {
                self.tell_early(*early, *packet_id, *packet_type, judge);
            }
            waits
        });
        self.early = waiting;
    }

    pub(in crate::session) fn tell_early(
        &self,
        early: Early,
        packet_id: u16,
        packet_type: PacketType,
        judge: &mut Judge<'_>,
    ) {
        if !early.known {
            return;
        }
        let Some(by) = judge.receiver else { return };
        let now = early.place.at.frame;
        let open = self.open.get(packet_id).map(|open| open.first.place.at.frame).filter(|first| *first < now);
        let (kind, frames) = match (open, early.done) {
            (Some(first), _) => (IncidentKind::WrongAcknowledgement(packet_type, packet_id), vec![first, now]),
            (None, Some(done)) => (IncidentKind::AcknowledgedTwice(packet_type, packet_id), vec![done, now]),
            (None, None) => (IncidentKind::Unsolicited(packet_type, packet_id), vec![now]),
        };
        judge.tell_at(kind, by, &frames, early.place.at, Certainty::Likely);
    }

    /// Acknowledgements follow the order of the messages (MQTT 5.0, section 4.6).
    pub(in crate::session) fn check_order(&mut self, step: Step, packet_id: u16, by: Role, judge: &mut Judge<'_>) {
        let queue = &mut self.waiting[usize::from(step.packet_type == PacketType::PubRec)];
        let open = &self.open;
        let waits = |number: u64, id: u16| {
            open.get(id).is_some_and(|delivery| {
                delivery.number == number && (id == packet_id || delivery.acknowledged.is_none())
            })
        };
        while let Some((number, id)) = queue.front() {
            if waits(number, id) {
                break;
            }
            queue.pop_front();
        }
        let Some((_, oldest)) = queue.front() else { return };
        if oldest == packet_id {
            queue.pop_front();
        } else if judge.known && step.code < 0x80 {
            let frames = open.get(oldest).map(|delivery| delivery.first.place.at.frame);
            let frames: Vec<_> = frames.into_iter().chain([step.place.at.frame]).collect();
            let kind = IncidentKind::AcknowledgedOutOfOrder(step.packet_type, packet_id);
            judge.tell(kind, by, &frames, Certainty::Likely);
        }
    }
}
