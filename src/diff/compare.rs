//! What differs between two behaviours.

use std::collections::{BTreeMap, BTreeSet};

use super::align::changes;
use super::behaviour::{Answer, Behaviour, Deeds, Step, TopicCount};
use super::{Aspect, Client, Comparison, DiffOptions, Difference};
use crate::capture::FrameNo;
use crate::flow::{Direction, Durations};
use crate::mqtt::PacketType;
use crate::session::{Name, SubscriptionState};
use crate::text::Escaped;
use crate::time::Span;

/// The most differences of one sequence of messages, or in the topics of one direction, that are told one by one.
const TOLD: usize = 10;

/// So many more or less of what comes by chance are the same, whatever the tolerance.
const SLACK: u64 = 3;

/// The fewest values whose median is compared, and whose 99th percentile is.
const FOR_MEDIAN: u64 = 5;
const FOR_TAIL: u64 = 100;

/// Latencies that differ by less are the same, whatever the tolerance.
const SLACK_OF_TIME: Span = Span::from_millis(5);

/// Tells what differs. The behaviours have to be a [`Behaviour::pair`].
pub fn compare(mut old: Behaviour, mut new: Behaviour, options: &DiffOptions) -> Comparison {
    let messages = [old.messages, new.messages];
    let not_kept = [old.not_kept, new.not_kept];
    let (mut olds, mut news) = (old.clients(), new.clients());
    let clients: BTreeSet<Client> = olds.keys().chain(news.keys()).cloned().collect();
    let mut counts = [olds.len() as u64, news.len() as u64, 0];
    let mut out = Vec::new();
    let mut both = Vec::new();
    for client in clients {
        match (olds.remove(&client), news.remove(&client)) {
            (Some(old), Some(new)) => both.push((client, old, new)),
            (old, new) => {
                let mut about = About { client, options, doubtful: false, differences: &mut out };
                let there =
                    |deeds: Option<&Deeds>| deeds.map(|deeds| times(deeds.connections.len() as u64, "connection"));
                let frames = [&old, &new].map(|deeds| deeds.as_ref().and_then(|deeds| deeds.first));
                about.tell(Aspect::Clients, "client".to_owned(), [there(old.as_ref()), there(new.as_ref())], frames);
            }
        }
    }
    counts[2] = both.len() as u64;
    for (client, old, new) in both {
        let doubtful = old.lossy || new.lossy;
        About { client, options, doubtful, differences: &mut out }.compare(&old, &new, not_kept == [0; 2]);
    }
    Comparison { differences: out, clients: counts, messages, not_kept }
}

/// One client, and what differs of it.
struct About<'a> {
    client: Client,
    options: &'a DiffOptions,
    doubtful: bool,
    differences: &'a mut Vec<Difference>,
}

fn times(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn number(count: u64) -> Option<String> {
    (count > 0).then(|| count.to_string())
}

impl About<'_> {
    fn tell(&mut self, aspect: Aspect, what: String, sides: [Option<String>; 2], frames: [Option<FrameNo>; 2]) {
        if self.options.ignored.contains(&aspect) {
            return;
        }
        let [old, new] = sides;
        let [old_frame, new_frame] = frames;
        let client = self.client.clone();
        // What TCP did is seen in what was captured.
        let doubtful = self.doubtful && !matches!(aspect, Aspect::Clients | Aspect::Latency | Aspect::Tcp);
        self.differences.push(Difference { client, aspect, what, old, new, old_frame, new_frame, doubtful });
    }

    fn compare(&mut self, old: &Deeds, new: &Deeds, all_kept: bool) {
        self.connections(old, new);
        self.subscriptions(&old.subscriptions, &new.subscriptions);
        for direction in Direction::BOTH {
            if all_kept {
                self.steps(direction, &old.steps[direction], &new.steps[direction]);
            }
            self.answers(direction, &old.answers[direction], &new.answers[direction]);
            let resent = [old, new].map(|deeds| deeds.resent[direction]);
            if self.is_beyond(resent, SLACK) {
                let what = format!("{}: sent again (DUP)", sender(direction));
                self.tell(Aspect::Messages, what, resent.map(|count| Some(count.to_string())), [None; 2]);
            }
        }
        for direction in Direction::BOTH {
            self.topics(direction, &old.topics[direction], &new.topics[direction]);
        }
        self.latency("CONNACK after CONNECT", &old.connected, &new.connected);
        for direction in Direction::BOTH {
            let what = format!("acknowledgement of what the {} sent", sender(direction));
            self.latency(&what, &old.acknowledged[direction], &new.acknowledged[direction]);
        }
        let counters: [(&str, u64, [u64; 2]); 3] = [
            ("retransmissions", SLACK, [old.retransmissions, new.retransmissions]),
            ("resets", 0, [old.resets, new.resets]),
            ("zero windows", SLACK, [old.zero_windows, new.zero_windows]),
        ];
        for (what, slack, values) in counters {
            if self.is_beyond(values, slack) {
                self.tell(Aspect::Tcp, what.to_owned(), values.map(|value| Some(value.to_string())), [None; 2]);
            }
        }
    }

    /// Whether two numbers that chance has a part in are further apart than is tolerated.
    fn is_beyond(&self, [old, new]: [u64; 2], slack: u64) -> bool {
        old.abs_diff(new) > slack && old.max(new) as f64 > self.options.tolerance * old.min(new) as f64
    }

    fn connections(&mut self, old: &Deeds, new: &Deeds) {
        let counts = [old, new].map(|deeds| deeds.connections.len());
        if counts[0] != counts[1] {
            let [old, new] = counts.map(|count| Some(count.to_string()));
            self.tell(Aspect::Connections, "connections".to_owned(), [old, new], [None; 2]);
        }
        let several = counts[0].max(counts[1]) > 1;
        let mut told = BTreeSet::new();
        for (at, (old, new)) in old.connections.iter().zip(&new.connections).enumerate() {
            let names: Vec<_> = old.facts.iter().chain(&new.facts).map(|(name, _)| *name).collect();
            for name in names {
                let find = |facts: &[(&str, String)]| {
                    facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
                };
                let sides = [find(&old.facts), find(&new.facts)];
                // Of each thing the first connection in which it differs is told.
                if sides[0] != sides[1] && told.insert(name) {
                    let what = if several { format!("{name} of connection {}", at + 1) } else { name.to_owned() };
                    self.tell(Aspect::Connections, what, sides, [Some(old.frame), Some(new.frame)]);
                }
            }
        }
    }

    fn subscriptions(
        &mut self,
        old: &BTreeMap<Box<[u8]>, SubscriptionState>,
        new: &BTreeMap<Box<[u8]>, SubscriptionState>,
    ) {
        let show = |state: &SubscriptionState| {
            let asked = format!("QoS {}", state.requested_qos());
            match (state.granted_qos(), state.answer) {
                (Some(granted), _) if granted == state.requested_qos() => asked,
                (Some(granted), _) => format!("{asked}, granted {granted}"),
                (None, Some(code)) => format!("{asked}, refused with {code:#04x}"),
                (None, None) => format!("{asked}, not answered"),
            }
        };
        for filter in old.keys().chain(new.keys().filter(|filter| !old.contains_key(*filter))) {
            let states = [old.get(filter), new.get(filter)];
            let sides = states.map(|state| state.map(show));
            if sides[0] != sides[1] {
                let frames = states.map(|state| state.map(|state| state.frame));
                self.tell(Aspect::Subscriptions, Escaped(filter).to_string(), sides, frames);
            }
        }
    }

    /// The client's messages in their order; the server's in the order of each topic, as those of several publishers may
    /// come in any order.
    fn steps(&mut self, direction: Direction, old: &[Step], new: &[Step]) {
        let mut found = Vec::new();
        match direction {
            Direction::ToServer => {
                let both = [old, new].map(|steps| steps.iter().collect::<Vec<_>>());
                self.sequence(&both[0], &both[1], &mut found);
            }
            Direction::ToClient => {
                let mut by_topic: BTreeMap<(PacketType, Option<&Name>), [Vec<&Step>; 2]> = BTreeMap::new();
                for (side, steps) in [old, new].into_iter().enumerate() {
                    for step in steps {
                        let lists = by_topic.entry((step.packet_type, step.topic.as_ref())).or_default();
                        lists[side].push(step);
                    }
                }
                for [old, new] in by_topic.values() {
                    self.sequence(old, new, &mut found);
                }
                found.sort_by_key(|(_, _, [old, new])| old.or(*new));
            }
        }
        let more = found.len().saturating_sub(TOLD);
        let end = sender(direction);
        for (place, sides, frames) in found.into_iter().take(TOLD) {
            self.tell(Aspect::Messages, format!("{end}: {place}"), sides, frames);
        }
        if more > 0 {
            let what = format!("{end}: {}", times(more as u64, "more difference"));
            self.tell(Aspect::Messages, what, [None, None], [None; 2]);
        }
    }

    fn sequence(&self, old: &[&Step], new: &[&Step], out: &mut Vec<Found>) {
        let payloads = self.options.payloads;
        let strict = |a: &Step, b: &Step| a.is_like(b) && a.says_the_same(b);
        let loose = |a: &Step, b: &Step| a.is_like(b);
        let by = |same: &dyn Fn(&Step, &Step) -> bool| {
            changes(old.len(), new.len(), |a, b| match (old.get(a), new.get(b)) {
                (Some(a), Some(b)) => same(a, b),
                _ => false,
            })
        };
        let mut found = by(&loose);
        let cost = |changes: &[super::align::Change]| {
            changes.iter().map(|change| change.old_count + change.new_count).sum::<usize>()
        };
        if payloads || !found.is_empty() {
            // Payloads tell which of several like messages is missing, where nothing else says otherwise.
            let exact = by(&strict);
            if payloads || cost(&exact) == cost(&found) {
                found = exact;
            }
        }
        for change in found {
            let pairs = change.old_count.max(change.new_count);
            for at in 0..pairs {
                let old = old.get(change.old + at).filter(|_| at < change.old_count);
                let new = new.get(change.new + at).filter(|_| at < change.new_count);
                let differ_in_payload = old.zip(new).is_some_and(|(old, new)| old.is_like(new));
                let place = format!("message {}", change.old.min(change.new) + at + 1);
                let show = |step: &&Step| step.describe(differ_in_payload);
                out.push((
                    place,
                    [old.map(show), new.map(show)],
                    [old.map(|step| step.frame), new.map(|step| step.frame)],
                ));
            }
        }
    }

    fn answers(&mut self, direction: Direction, old: &BTreeMap<Answer, u64>, new: &BTreeMap<Answer, u64>) {
        for answer in old.keys().chain(new.keys().filter(|answer| !old.contains_key(*answer))) {
            let counts = [old, new].map(|answers| answers.get(answer).copied().unwrap_or(0));
            if counts[0] != counts[1] {
                let (packet_type, code, name) = answer;
                let code = if *code == 0 { String::new() } else { format!(" {code:#04x} {name}") };
                let what = format!("{}: {}{}", sender(direction), packet_type.name(), code.trim_end());
                self.tell(Aspect::Messages, what, counts.map(number), [None; 2]);
            }
        }
    }

    fn topics(&mut self, direction: Direction, old: &BTreeMap<Name, TopicCount>, new: &BTreeMap<Name, TopicCount>) {
        let show = |count: &TopicCount| {
            let by_qos = count.by_qos.iter().enumerate().filter(|(_, count)| **count > 0);
            let by_qos: Vec<_> = by_qos.map(|(qos, count)| format!("{count} × QoS {qos}")).collect();
            let retained = if count.retained > 0 { format!(", {} retained", count.retained) } else { String::new() };
            format!("{}{retained}", by_qos.join(", "))
        };
        let mut more = 0;
        let topics = old.keys().chain(new.keys().filter(|topic| !old.contains_key(*topic)));
        for topic in topics.filter(|topic| old.get(*topic) != new.get(*topic)) {
            more += 1;
            if more <= TOLD as u64 {
                let what = format!("{}: {}", sender(direction), Escaped(topic));
                self.tell(Aspect::Topics, what, [old, new].map(|topics| topics.get(topic).map(show)), [None; 2]);
            }
        }
        if more > TOLD as u64 {
            let what = format!("{}: {}", sender(direction), times(more - TOLD as u64, "more topic"));
            self.tell(Aspect::Topics, what, [None, None], [None; 2]);
        }
    }

    fn latency(&mut self, what: &str, old: &Durations, new: &Durations) {
        for (name, percent, fewest) in [("median", 50, FOR_MEDIAN), ("99th percentile", 99, FOR_TAIL)] {
            if old.count().min(new.count()) < fewest {
                continue;
            }
            let (Some(old), Some(new)) = (old.percentile(percent), new.percentile(percent)) else { continue };
            let (low, high) = (old.min(new), old.max(new));
            if high - low > SLACK_OF_TIME && high.as_secs_f64() > self.options.tolerance * low.as_secs_f64() {
                let show = |span: Span| Some(format!("{} ms", (span.as_secs_f64() * 1e5).round() / 100.0));
                self.tell(Aspect::Latency, format!("{what}, {name}"), [show(old), show(new)], [None; 2]);
            }
        }
    }
}

/// A difference in a sequence: its place, how it is on each side, and in which frames.
type Found = (String, [Option<String>; 2], [Option<FrameNo>; 2]);

const fn sender(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "client",
        Direction::ToClient => "server",
    }
}
