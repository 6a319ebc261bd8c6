//! What the open exchanges of a direction take, topics among it: one may be as long as 65,535 bytes.

use super::super::delivery::Delivery;
use super::{Exchanges, FrameNo, Tally, Waiting};

impl Exchanges {
    /// What they take, in bytes, where each takes so many beside its topic.
    pub(in super::super) fn weight(&self, each: usize) -> usize {
        self.open().saturating_mul(each).saturating_add(self.topic_bytes)
    }

    /// One more is open.
    pub(super) fn put(&mut self, packet_id: u16, delivery: Box<Delivery>) {
        self.topic_bytes += topic_bytes(&delivery);
        self.open.insert(packet_id, delivery);
    }

    /// One is not open any more.
    pub(super) fn take(&mut self, packet_id: u16) -> Option<Box<Delivery>> {
        let delivery = self.open.remove(packet_id)?;
        self.topic_bytes -= topic_bytes(&delivery);
        Some(delivery)
    }

    /// They are to take no more than so many bytes: the oldest go.
    pub(in super::super) fn give_up_to(&mut self, bytes: usize, each: usize, flow: FrameNo, tally: &mut Tally<'_>) {
        while self.open() > 0 && self.weight(each) > bytes {
            self.give_up_one(flow, tally);
        }
        self.waiting.iter_mut().for_each(Waiting::shrink);
    }
}

fn topic_bytes(delivery: &Delivery) -> usize {
    delivery.topic.as_ref().map_or(0, |topic| topic.len())
}
