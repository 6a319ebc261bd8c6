//! A message on its way through the broker: who is to get it, and who got it.

use std::net::SocketAddr;

use super::delivery::{Delivery, DeliveryOutcome, Name, PacketRef, Told};
use super::digest::Content;
use super::exchange::EARLY;
use super::receipt::{Published, PublishedAs, Receipt, Receipts};
use super::receiver::{Broker, Expected};
use super::route::{Party, RECEIVERS, Sent};
use super::topics::Topics;
use crate::time::{Span, Timestamp};

/// A message on its way through the broker.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) broker: SocketAddr,
    pub(super) content: Content,
    pub(super) topic: Name,
    pub(super) party: Party,
    pub(super) place: PacketRef,
    /// When it came, in the steady time of the router.
    pub(super) came: Timestamp,
    pub(super) qos: u8,
    /// Who is to get it, by party.
    pub(super) expected: Vec<Expected>,
    /// Shared subscriptions that are to get it.
    pub(super) shares: Vec<Expected>,
    pub(super) got: Vec<(Party, Receipt)>,
    /// `got` by party.
    pub(super) order: Vec<u16>,
    pub(super) receivers_left_out: u32,
    /// Bytes of the filters and groups of those who are to get it: their subscriptions may be over long before.
    pub(super) names: usize,
    /// Some who are to get it may not be known.
    pub(super) is_unknown: bool,
    /// The delivery to the broker, once that is over.
    pub(super) hop: Option<Box<Delivery>>,
    /// When that was, also in steady time.
    pub(super) taken: Option<(Timestamp, Timestamp)>,
    /// It has had time enough, and its delivery to the broker is not over.
    pub(super) waits: bool,
    /// It was told, and waits for those alone whose session keeps it.
    pub(super) told: bool,
}

impl Publication {
    /// Who is to get it has changed.
    pub(super) fn count_names(&mut self) {
        self.names = self.expected.iter().chain(&self.shares).map(Expected::names).sum();
    }

    /// Bytes that it takes, about.
    pub(super) fn cost(&self) -> usize {
        let lists = (self.expected.len() + self.shares.len()) * size_of::<Expected>()
            + self.got.len() * size_of::<(Party, Receipt)>();
        size_of::<Self>() + size_of::<Delivery>() + size_of::<Told>() + self.topic.len() + self.names + lists
    }

    /// Since when the broker is to send it: a message of QoS 2 may have to be released first.
    pub(super) fn since(&self) -> Timestamp {
        self.taken.map_or(self.place.at.time, |taken| taken.0)
    }

    /// The same in steady time.
    pub(super) fn waits_since(&self) -> Timestamp {
        self.taken.map_or(self.came, |taken| taken.1)
    }

    /// Whether the client had subscribed to it.
    pub(super) fn expects(&self, party: &Party) -> bool {
        self.expected.binary_search_by(|expected| expected.party.cmp(party)).is_ok()
    }

    pub(super) fn has_untaken_share(&self) -> bool {
        self.shares.iter().any(|share| !share.taken)
    }

    /// Where the client is among those who got it, or where it would be.
    fn found(&self, party: &Party) -> Result<usize, usize> {
        self.order.binary_search_by(|at| self.got[usize::from(*at)].0.cmp(party))
    }

    pub(super) fn has_got(&self, party: &Party) -> bool {
        self.found(party).is_ok()
    }

    /// Whether nothing more of it goes to the client; `wanted` tells that the client is to get later ones like it.
    pub(super) fn is_through(&self, party: &Party, wanted: bool) -> bool {
        let other = !self.expects(party) && !self.has_untaken_share() && (wanted || self.told);
        other || self.has_got(party)
    }

    /// Whether it may be this message that the broker sends.
    pub(super) fn may_go_to(&self, sent: &Sent<'_>) -> bool {
        let expected = self.expects(&sent.party) || !self.shares.is_empty();
        // A retained copy goes to who subscribes later; a live one has RETAIN only where it is kept as published. What
        // was told is kept for those alone who wait for it.
        let goes = expected || (!sent.retain && !self.told);
        goes && sent.place.at.time.since(self.place.at.time) >= Span::ZERO - EARLY
    }

    pub(super) fn receive(&mut self, sent: &Sent<'_>, number: u64, topics: &mut Topics) -> Published {
        let after = sent.place.at.time.since(self.place.at.time);
        let (copy, out_of_order) = match self.found(&sent.party) {
            Ok(at) => {
                let receipt = &mut self.got[usize::from(self.order[at])].1;
                receipt.copies += 1;
                (receipt.copies, false)
            }
            Err(at) => {
                if self.got.len() < RECEIVERS {
                    let client_id = sent.party.client_id();
                    let receipt = Receipt { client_id, place: sent.place, qos: sent.qos, after, copies: 1 };
                    self.order.insert(at, self.got.len() as u16);
                    self.got.push((sent.party.clone(), receipt));
                } else {
                    self.receivers_left_out += 1;
                }
                if !self.expects(&sent.party)
                    && let Some(share) = self.shares.iter_mut().find(|share| !share.taken)
                {
                    share.taken = true;
                }
                let way = (&self.party, &sent.party, [self.qos, sent.qos]);
                (1, topics.is_overtaken(self.broker, &self.topic, way, number))
            }
        };
        Published {
            kind: PublishedAs::Message,
            client_id: self.party.client_id(),
            place: self.place,
            after,
            copy,
            out_of_order,
        }
    }

    /// Hands out its delivery to the broker, with who got it and who did not until `now`, in steady time.
    pub(super) fn settle(&mut self, broker: Option<&Broker>, now: Timestamp) -> (Option<Box<Delivery>>, Receipts) {
        // What the broker did not take it does not pass on.
        let taken = self.hop.as_ref().is_some_and(|hop| match hop.outcome {
            DeliveryOutcome::Sent | DeliveryOutcome::Complete => true,
            // It may pass a message of QoS 1 on before it acknowledges it, but need not.
            DeliveryOutcome::Open
            | DeliveryOutcome::Refused
            | DeliveryOutcome::Superseded
            | DeliveryOutcome::Unresolved
            | DeliveryOutcome::SessionOver => false,
        });
        let receiver = |expected: &Expected| broker.and_then(|broker| broker.receivers.get(&expected.party));
        let at = self.since();
        let waited = now.since(self.waits_since());
        let direct = self.expected.iter().filter(|expected| !self.has_got(&expected.party));
        // Who of the members of a group got it is not told by the subscriptions.
        let shares = self.shares.iter().filter(|share| !share.taken && self.got.is_empty());
        let missed = direct.chain(shares).filter(|_| taken);
        let missed = missed.map(|expected| expected.missed(receiver(expected), at, waited)).collect();
        let got = self.got.iter().map(|(_, receipt)| receipt.clone()).collect();
        (self.hop.take(), Receipts { got, missed, left_out: self.receivers_left_out, is_unknown: self.is_unknown })
    }
}
