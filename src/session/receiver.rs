//! What is known of those who are to get messages: the clients of a broker, and who of them a message is for.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::delivery::Name;
use super::incident::Certainty;
use super::receipt::{Missed, MissedWhy};
use super::recent::Wanted;
use super::route::{PATIENCE, Party, RECEIVERS, Sent};
use super::tree::{Subscriber, Tree};
use crate::time::{Span, Timestamp};

/// Within this time what comes to a client, and what becomes of it, may be of one cause.
const SHORTLY: Span = Span::from_secs(1);

/// A broker: what its clients have subscribed to, and how it is with them.
#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) tree: Tree,
    pub(super) receivers: BTreeMap<Party, Receiver>,
    /// How many subscriptions of all receivers were left out for lack of room, so that not all who want a message are known.
    pub(super) left_out: u32,
}

impl Broker {
    /// Those who want a message, as they are now: by party, and the shared subscriptions.
    pub(super) fn expected<S: Borrow<Subscriber>>(
        &self,
        sent: &Sent<'_>,
        wanted: &Wanted<S>,
    ) -> (Vec<Expected>, Vec<Expected>) {
        let is_connected =
            |subscriber: &Subscriber| self.receivers.get(&subscriber.party).is_some_and(|receiver| receiver.connected);
        let expected = |subscriber: &Subscriber, connected| Expected {
            party: subscriber.party.clone(),
            filter: Name::clone(&subscriber.filter),
            share: subscriber.share.clone(),
            connected,
            qos: subscriber.qos.min(sent.qos),
            taken: false,
        };
        let direct = wanted.direct.iter().map(S::borrow);
        let direct = direct.map(|subscriber| expected(subscriber, is_connected(subscriber)));
        // A group is connected if any of it is.
        let member = |group: &Vec<S>| {
            let first = group.first()?.borrow();
            let connected = group.iter().map(S::borrow).find(|member| is_connected(member));
            Some(expected(connected.unwrap_or(first), connected.is_some()))
        };
        let mut shares: Vec<_> = wanted.groups.iter().filter_map(member).collect();
        shares.sort_unstable_by(|a, b| (&a.share, &a.filter).cmp(&(&b.share, &b.filter)));
        shares.truncate(RECEIVERS);
        (direct.collect(), shares)
    }

    /// Whether nothing is known of it.
    pub(super) fn is_empty(&self) -> bool {
        self.receivers.is_empty() && self.tree.is_empty()
    }
}

/// What is known of a client as a receiver.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    pub(super) connected: bool,
    /// Its session outlives its connection.
    pub(super) keeps: bool,
    /// When it connected last.
    pub(super) came: Option<Timestamp>,
    /// When it left last.
    pub(super) left: Option<Timestamp>,
    /// When something was last sent to it.
    pub(super) last: Option<Timestamp>,
    pub(super) lossy: bool,
    /// Subscriptions of its session that were left out, one that was asked for again as often as that.
    pub(super) left_out: u32,
    /// Its session is over, since then.
    pub(super) over: Option<Timestamp>,
}

/// Someone who is to get a message.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) party: Party,
    pub(super) filter: Name,
    /// The group of a shared subscription; one of its members gets the message.
    pub(super) share: Option<Name>,
    pub(super) connected: bool,
    pub(super) qos: u8,
    /// Of a shared subscription: one of its members got it.
    pub(super) taken: bool,
}

impl Expected {
    /// Bytes of its filter and its group.
    pub(super) fn names(&self) -> usize {
        self.filter.len() + self.share.as_ref().map_or(0, |share| share.len())
    }

    /// Why it did not get what was published at `at`, as far as that shows after it has `waited` so long.
    pub(super) fn missed(&self, receiver: Option<&Receiver>, at: Timestamp, waited: Span) -> Missed {
        let missed = |why, certainty| Missed {
            client_id: self.party.client_id(),
            filter: Name::clone(&self.filter),
            why,
            certainty,
        };
        let Some(receiver) = receiver else { return missed(MissedWhy::NotProvable, Certainty::Hint) };
        let left_at_once = receiver.left.is_some_and(|left| left >= at && left.since(at) < SHORTLY);
        if !self.connected && self.qos == 0 {
            missed(MissedWhy::Away, Certainty::Likely)
        } else if receiver.lossy {
            missed(MissedWhy::NotProvable, Certainty::Hint)
        } else if !self.connected && receiver.keeps {
            // It came back, and other things were sent to it, but not this.
            let came_before = |came: Timestamp| receiver.last.is_some_and(|last| last.since(came) > SHORTLY);
            if receiver.connected && receiver.came.is_some_and(|came| came > at && came_before(came)) {
                missed(MissedWhy::NotSent, Certainty::Hint)
            } else {
                missed(MissedWhy::Queued, Certainty::Likely)
            }
        } else if !self.connected || left_at_once {
            missed(MissedWhy::Left, Certainty::Likely)
        } else if receiver.last.is_some_and(|last| last.since(at) > SHORTLY) {
            // What came later to the same client shows that this would have been captured as well.
            missed(MissedWhy::NotSent, Certainty::Likely)
        } else if !receiver.connected {
            missed(MissedWhy::Left, Certainty::Hint)
        } else if waited >= PATIENCE {
            missed(MissedWhy::NotSent, Certainty::Hint)
        } else {
            missed(MissedWhy::NotProvable, Certainty::Hint)
        }
    }
}
