//! What the exchanges of a direction tell, as they come to their end.

use super::delivery::{Boxes, Deliveries, Delivery, DeliveryOutcome};
use crate::rare::Rare;

/// Takes what the exchanges of a direction tell: the counts of the connection, and those that are over.
pub(super) struct Tally<'a> {
    pub(super) of: &'a mut Rare<Deliveries>,
    /// Where deliveries are told, those that are over.
    pub(super) over: Option<&'a mut Boxes>,
}

impl Tally<'_> {
    /// An exchange is over.
    pub(super) fn end(&mut self, mut delivery: Box<Delivery>, outcome: DeliveryOutcome) {
        delivery.outcome = outcome;
        match outcome {
            DeliveryOutcome::Complete => {
                self.of.counts.complete += 1;
                if let Some(latency) = delivery.latency() {
                    self.of.latency.record(latency);
                }
            }
            DeliveryOutcome::Refused => self.of.counts.refused += 1,
            DeliveryOutcome::Superseded | DeliveryOutcome::Unresolved => self.of.counts.unresolved += 1,
            DeliveryOutcome::Sent | DeliveryOutcome::Open | DeliveryOutcome::SessionOver => {}
        }
        if let Some(over) = &mut self.over {
            over.push(delivery);
        }
    }
}
