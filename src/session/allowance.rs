//! How much sessions list of their subscriptions when a later connection takes them, or they end.
//!
//! A client brings its subscriptions along whenever it comes back, and each of its connections lists them all. So two packets
//! could have a mebibyte copied, as often as somebody likes. What is listed has to be earned by messages that come, inflated ones
//! as long as they are then: so neither the time nor the memory for it grows faster than what is read of them anyway.

use super::subscription::{FILTER_COST, SubscriptionState, Subscriptions};

/// What a connection may list without earning it, in bytes: about as much as what else is kept of it.
const FREE: usize = 4 << 10;

/// What each byte of a message earns that is there.
const EACH: usize = 8;

/// The least bytes of a message.
const LEAST: usize = 2;

/// What may be listed before anything was earned: 32 connections of a session that holds as much as it may.
const AT_FIRST: usize = 32 << 20;

/// No more than this is saved up, so that a long capture does not end in a flood.
const MOST: usize = 256 << 20;

/// Subscriptions of a session, and how many more there are.
pub(super) type Listed = (Vec<(Box<[u8]>, SubscriptionState)>, u64);

/// What all sessions together may still list, in bytes.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Default for Allowance {
    fn default() -> Self {
        Self(AT_FIRST)
    }
}

impl Allowance {
    /// A message came with so many bytes behind its header.
    #[inline]
    pub(super) fn earn(&mut self, body: usize) {
        self.0 = self.0.saturating_add(EACH.saturating_mul(LEAST + body)).min(MOST);
    }

    /// What there is room for of these subscriptions, those without an answer last.
    ///
    /// What the connection's own messages are worth at least is not taken from the others, and nobody can take it from them.
    pub(super) fn list(&mut self, held: &Subscriptions, messages: u64) -> Listed {
        let messages = usize::try_from(messages).unwrap_or(usize::MAX);
        let own = FREE.saturating_add(messages.saturating_mul(EACH * LEAST));
        let room = own.saturating_add(self.0);
        let mut spent = 0;
        let fits = |(filter, _): &(&[u8], SubscriptionState)| {
            let after = spent + filter.len() + FILTER_COST;
            let fits = after <= room;
            spent = if fits { after } else { spent };
            fits
        };
        let all = held.granted().chain(held.unanswered()).take_while(fits);
        let listed: Vec<_> = all.map(|(filter, state)| (filter.into(), state)).collect();
        self.0 -= spent.saturating_sub(own);
        let left_out = held.count().saturating_sub(listed.len()) as u64;
        (listed, left_out)
    }
}
