//! What sessions hold of exchanges and filters, their lists of those that they once held among it, and what they give up
//! when all together hold too much.
//!
//! One session holds no more than its own limits allow, and an enemy can have a million of them. Who has given something up
//! is not known any more for certain: it is held against nobody what came of it.

use super::broker::Sessions;
use super::client::ClientKey;
use super::connection::{Session, SessionState};
use super::delivery::{Boxes, Deliveries, Delivery, Told};
use super::route::Party;
use super::subscription::{Change, FILTER_COST};
use super::tally::Tally;
use crate::capture::FrameNo;
use crate::dissect::Message;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::Body;
use crate::rare::Rare;

/// What an open exchange takes besides its [`Delivery`]: its places in the index and the queue of its session, and what the
/// rules keep of it.
const EXCHANGE_COST: usize = 192;

/// What a byte of a SUBSCRIBE may take at most: a filter of one byte has four of them, and takes 65.
const SUBSCRIBE_COST: usize = 22;

impl Sessions {
    /// What an open exchange takes, in bytes.
    const fn exchange_cost(&self) -> usize {
        let told = if self.options.routes { size_of::<Told>() + 64 } else { 0 };
        size_of::<Delivery>() + EXCHANGE_COST + told
    }

    /// What a message may add to what is held, at most.
    #[inline]
    pub(super) fn adds(&self, message: &Message<'_>) -> usize {
        match &message.packet.body {
            Body::Publish(_) if message.packet.header.qos() > 0 => {
                let topic = message.topic.filter(|_| self.options.routes);
                self.exchange_cost() + topic.map_or(0, <[u8]>::len)
            }
            Body::Subscribe(_) | Body::Unsubscribe(_) => message.body.len().saturating_mul(SUBSCRIBE_COST),
            _ => 0,
        }
    }

    /// Weighs what all sessions hold; those that hold more than their share give up what is above it.
    #[cold]
    pub(super) fn weigh(&mut self) {
        let cost = self.exchange_cost();
        let open = self.open.values().map(|session| session.weight(cost));
        let waiting = self.clients.waiting().map(|(.., state)| state.weight(cost));
        let Some(share) = self.budget.share(open.chain(waiting)) else { return };
        let heavy = self.open.values().filter(|session| session.weight(cost) > share);
        for flow in heavy.map(|session| session.flow).collect::<Vec<_>>() {
            let Some(session) = self.open.get_mut(flow.id) else { continue };
            let over = self.router.is_some().then_some(&mut self.over);
            let changes = self.router.is_some().then_some(&mut self.changes);
            session.give_up_list(share / 2);
            if session.weight(cost) > share {
                let relief = Relief { share: share - session.listed_bytes(), exchange_cost: cost };
                relief.take(&mut session.state, flow.id, &mut session.deliveries, over, changes);
            }
            self.relieved.push(flow.id);
            self.reliefs += 1;
            self.pass_on_subscriptions(flow);
        }
        let heavy = self.clients.waiting().filter(|(.., state)| state.weight(cost) > share);
        let mut heavy: Vec<(Option<FrameNo>, ClientKey)> = heavy.map(|(flow, key, _)| (flow, key.clone())).collect();
        // So that the output does not depend on the hash.
        heavy.sort_by(|(x, a), (y, b)| (x, a.broker, &a.id).cmp(&(y, b.broker, &b.id)));
        for (_, key) in heavy {
            let Some(state) = self.clients.get_mut(&key).and_then(|client| client.state.as_deref_mut()) else {
                continue;
            };
            let over = self.router.is_some().then_some(&mut self.over);
            let changes = self.router.is_some().then_some(&mut self.changes);
            let relief = Relief { share, exchange_cost: cost };
            relief.take(state, FrameNo(0), &mut PerDirection::default(), over, changes);
            self.reliefs += 1;
            if let Some(router) = &mut self.router {
                let party = Party::Client(key.id);
                self.changes.drain(..).for_each(|(filter, _)| router.unsubscribe(key.broker, &party, &filter));
            }
        }
    }

    /// The flows whose session has given something up since this was called last.
    pub fn take_relieved(&mut self) -> impl Iterator<Item = FrameNo> {
        self.relieved.drain(..)
    }
}

/// What a session may keep.
struct Relief {
    /// Bytes.
    share: usize,
    exchange_cost: usize,
}

impl Relief {
    /// Takes from a session what is above its share: of its exchanges the oldest; its filters all, where they are most of it,
    /// since a message says nothing that matches some of the subscriptions.
    fn take(
        &self,
        state: &mut SessionState,
        flow: FrameNo,
        deliveries: &mut PerDirection<Rare<Deliveries>>,
        mut over: Option<&mut Boxes>,
        changes: Option<&mut Vec<Change>>,
    ) {
        state.known = false;
        if let Some(subscriptions) = state.subscriptions.made().filter(|held| held.filter_bytes() > self.share / 2) {
            subscriptions.forget_all(changes);
        }
        for direction in Direction::BOTH {
            if let Some(exchanges) = state.exchanges[direction].made() {
                let mut tally = Tally { of: &mut deliveries[direction], over: over.as_deref_mut() };
                exchanges.give_up_to(self.share / 4, self.exchange_cost, flow, &mut tally);
            }
        }
    }
}

impl Session {
    /// What it holds of exchanges, filters and its list, in bytes.
    fn weight(&self, exchange_cost: usize) -> usize {
        self.state.weight(exchange_cost) + self.listed_bytes()
    }

    /// What its list takes of the subscriptions that a later connection took.
    pub(super) fn listed_bytes(&self) -> usize {
        self.subscriptions.iter().map(|(filter, _)| filter.len() + FILTER_COST).sum()
    }

    /// Its list goes, if it takes more than so many bytes.
    fn give_up_list(&mut self, bytes: usize) {
        if self.listed_bytes() > bytes {
            self.subscriptions_left_out += std::mem::take(&mut self.subscriptions).len() as u64;
        }
    }
}

impl SessionState {
    /// What it holds of exchanges and filters, in bytes.
    fn weight(&self, exchange_cost: usize) -> usize {
        let weight = |direction: &Direction| self.exchanges[*direction].weight(exchange_cost);
        Direction::BOTH.iter().map(weight).sum::<usize>() + self.subscriptions.filter_bytes()
    }
}
