//! What was found out about topics lately whose subscribers are many, or take long to find.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::delivery::Name;
use super::route::{Party, Sent};
use super::tree::Subscriber;

/// As many as devices that publish to all at one time.
const KEPT: usize = 16;

/// From so much work on it is worth while to remember what was found.
pub(super) const WORTH: usize = 64;

/// The most members of shared subscriptions that are remembered of a topic.
const MEMBERS: usize = 1024;

/// Who wants the messages of a topic.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted<S> {
    /// One subscription of each client.
    pub(super) direct: Vec<S>,
    /// The members of each group, of which one gets it.
    pub(super) groups: Vec<Vec<S>>,
}

impl Wanted<&Subscriber> {
    fn keep(&self) -> Wanted<Subscriber> {
        let all = |some: &Vec<&Subscriber>| some.iter().copied().cloned().collect();
        Wanted { direct: all(&self.direct), groups: self.groups.iter().map(all).collect() }
    }
}

/// It would take too long to find out who wants a message.
#[derive(Debug)]
pub(super) struct TooMany;

#[derive(Debug)]
struct Answer {
    broker: SocketAddr,
    topic: Name,
    /// Who published it, and with which QoS: on these depends which subscriptions count.
    party: Party,
    qos: u8,
    /// None where it would take too long to find out.
    wanted: Option<Wanted<Subscriber>>,
}

/// Answers, the latest last.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Answer>);

impl Recent {
    /// Subscriptions of the broker change: what was found out of them counts no more, and holds no filters.
    pub(super) fn forget(&mut self, broker: SocketAddr) {
        self.0.retain(|answer| answer.broker != broker);
    }

    /// What was found out for such a message.
    pub(super) fn get(&self, sent: &Sent<'_>) -> Option<Result<&Wanted<Subscriber>, TooMany>> {
        let is_of = |answer: &&Answer| {
            answer.broker == sent.broker
                && answer.qos == sent.qos
                && answer.party == sent.party
                && answer.topic == *sent.topic
        };
        let answer = self.0.iter().find(is_of)?;
        Some(answer.wanted.as_ref().ok_or(TooMany))
    }

    /// What was found out now.
    pub(super) fn put(&mut self, sent: &Sent<'_>, wanted: Option<&Wanted<&Subscriber>>) {
        if wanted.is_some_and(|wanted| wanted.groups.iter().map(Vec::len).sum::<usize>() > MEMBERS) {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let (topic, party) = (Name::clone(sent.topic), sent.party.clone());
        let wanted = wanted.map(Wanted::keep);
        self.0.push_back(Answer { broker: sent.broker, topic, party, qos: sent.qos, wanted });
    }
}
