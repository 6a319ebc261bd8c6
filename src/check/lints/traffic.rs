//! What passes on a connection, and how much of it.

use std::collections::{HashMap, VecDeque};

use super::told::{ByFlow, FOLLOWED, Hits, Lint, Told, seconds, shown};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::dissect::Message;
use crate::engine::{Event, FlowRef};
use crate::flow::{Direction, Role};
use crate::mqtt::{Body, Disconnect, PropertyId, PropertyValue, Publish, Version};
use crate::time::{Span, Timestamp};

/// The most different messages of a connection that are compared with each other.
const HEARD: usize = 32;

const TELEMETRY: Lint = Lint::warning(
    "lint.retain-telemetry",
    Certainty::Certain,
    "RETAIN is for state and configuration; of a stream of values the server has to store each",
);
const BURST: Lint = Lint::warning(
    "lint.retained-burst",
    Certainty::Certain,
    "subscribe to less at once, or ask for no retained messages (retain handling 2)",
);
const RATE: Lint = Lint::warning(
    "lint.publish-rate",
    Certainty::Certain,
    "some services take 100 messages a second and drop the rest",
);
const LARGE: Lint = Lint::warning(
    "lint.large-publish",
    Certainty::Certain,
    "some services take 128 KiB; send a reference to large data",
);
const ALIAS: Lint = Lint::note(
    "lint.topic-alias",
    Certainty::Likely,
    "the peer offers topic aliases, which would save the topic's bytes",
);
const ALIAS_REFUSED: Lint = Lint::warning(
    "lint.topic-alias",
    Certainty::Certain,
    "an alias holds for one connection, and up to the peer's maximum",
);
const FLOW_CONTROL: Lint =
    Lint::warning("lint.receive-maximum", Certainty::Certain, "heed the receive maximum that CONNECT or CONNACK tells");
const LOOP: Lint = Lint::warning(
    "lint.bridge-loop",
    Certainty::Likely,
    "let a bridge have one direction for each topic, or mark what it sends (no local, prefixes)",
);

/// What is known of a connection.
#[derive(Debug, Default)]
struct Line {
    /// Publications in the second that began then.
    second: Option<(Timestamp, u64)>,
    rate_told: bool,
    /// Retained messages since the last SUBSCRIBE.
    subscribed: Option<(Origin, u64)>,
    /// Whether the server offers aliases, and messages in a row on one topic that do not use them.
    aliases: bool,
    repeated: Option<(u64, u64)>,
    alias_told: bool,
    /// Messages that came from the server less those that went there, and when the last one passed.
    balance: VecDeque<(u64, i64, Timestamp)>,
}

impl Line {
    /// Counts a message, and gives what there was before.
    fn heard(&mut self, number: u64, change: i64, now: Timestamp) -> Option<(i64, Timestamp)> {
        if let Some((_, more, time)) = self.balance.iter_mut().find(|(known, ..)| *known == number) {
            let before = (*more, *time);
            *more += change;
            *time = now;
            return Some(before);
        }
        if self.balance.len() >= HEARD {
            self.balance.pop_front();
        }
        self.balance.push_back((number, change, now));
        None
    }
}

/// Judges what passes.
pub(super) struct TrafficRule {
    limits: Limits,
    told: Told,
    lines: ByFlow<Line>,
    /// Retained messages by topic.
    retained: HashMap<u64, (Hits, Timestamp)>,
    /// How often a message came back to its broker.
    rounds: HashMap<u64, (u64, Origin, Vec<FrameNo>)>,
}

impl TrafficRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            told: Told::default(),
            lines: ByFlow::default(),
            retained: HashMap::new(),
            rounds: HashMap::new(),
        }
    }

    fn publish(&mut self, flow: FlowRef, publish: &Publish<'_>, message: &Message<'_>, findings: &mut Vec<Finding>) {
        let at = message.origin;
        let header = message.packet.header;
        if header.packet_length() > self.limits.packet_bytes
            && self.told.first(("large", flow.server, flow.client.ip(), message.topic))
        {
            let text = format!("a PUBLISH has {} bytes", header.packet_length());
            findings.push(LARGE.at(Some(flow), at, &[at.frame], text));
        }
        match message.direction {
            Direction::ToServer => {
                self.rate(flow, at, findings);
                if header.retain() && !publish.payload.is_empty() && !header.dup() {
                    self.telemetry(flow, message, findings);
                }
                self.alias(flow, message, findings);
                self.echo(flow, publish, message, findings);
            }
            Direction::ToClient => {
                if header.retain() {
                    self.burst(flow, at, findings);
                }
                let number = self.told.number((message.topic, publish.payload));
                if let Some(line) = self.lines.entry(flow.id).filter(|_| !publish.payload.is_empty()) {
                    line.heard(number, 1, at.time);
                }
            }
        }
    }

    fn rate(&mut self, flow: FlowRef, at: Origin, findings: &mut Vec<Finding>) {
        let limit = self.limits.publish_rate;
        let Some(line) = self.lines.entry(flow.id) else { return };
        match &mut line.second {
            Some((since, count)) if at.time.since(*since) < Span::from_secs(1) => *count += 1,
            second => *second = Some((at.time, 1)),
        }
        let count = line.second.map_or(0, |(_, count)| count);
        if count > limit && !std::mem::replace(&mut line.rate_told, true) {
            let text = format!("the client publishes more than {limit} messages within a second");
            findings.push(RATE.at(Some(flow), at, &[at.frame], text));
        }
    }

    /// Values that come often are no state that has to be kept.
    fn telemetry(&mut self, flow: FlowRef, message: &Message<'_>, findings: &mut Vec<Finding>) {
        let Some(topic) = message.topic else { return };
        let (at, qos) = (message.origin, message.packet.header.qos());
        let key = self.told.number((flow.server, topic));
        let full = self.retained.len() >= FOLLOWED;
        let known = self.retained.get_mut(&key);
        let Some((hits, _)) = known else {
            if !full {
                self.retained.insert(key, (Hits::new(at), at.time));
            }
            return;
        };
        let lasted = at.time.since(hits.first.time);
        // A value that pauses begins anew.
        let pause = seconds(self.limits.retain_interval_s * self.limits.retain_minimum as f64 * 2.0);
        if lasted > pause && hits.count < self.limits.retain_minimum {
            *hits = Hits::new(at);
            return;
        }
        hits.again(at);
        let each = lasted.as_secs_f64() / (hits.count - 1) as f64;
        if hits.count >= self.limits.retain_minimum && each < self.limits.retain_interval_s {
            let (first, frames, count) = (hits.first, hits.frames.clone(), hits.count);
            if self.told.first(("telemetry", flow.server, topic)) {
                let text = format!(
                    "{} is published with RETAIN (QoS {qos}) every {each:.1} s in the mean, {count} times by now",
                    shown(topic)
                );
                findings.push(TELEMETRY.at(Some(flow), first, &frames, text));
            }
        }
    }

    fn burst(&mut self, flow: FlowRef, at: Origin, findings: &mut Vec<Finding>) {
        let limit = self.limits.retained_burst;
        let Some((subscribed, count)) = self.lines.get_mut(flow.id).and_then(|line| line.subscribed.as_mut()) else {
            return;
        };
        *count += 1;
        if *count == limit + 1 {
            let text = format!("more than {limit} retained messages follow one SUBSCRIBE");
            findings.push(BURST.at(Some(flow), at, &[subscribed.frame, at.frame], text));
        }
    }

    /// Aliases that are offered, and not used.
    fn alias(&mut self, flow: FlowRef, message: &Message<'_>, findings: &mut Vec<Finding>) {
        let long = self.limits.alias_topic_bytes as usize;
        let Some(topic) = message.topic.filter(|topic| topic.len() >= long) else { return };
        let number = self.told.number(topic);
        let Some(line) = self.lines.entry(flow.id).filter(|line| line.aliases && !line.alias_told) else { return };
        if message.topic_alias.is_some() {
            line.repeated = None;
            return;
        }
        let count = match line.repeated {
            Some((known, count)) if known == number => count + 1,
            _ => 1,
        };
        line.repeated = Some((number, count));
        if count >= self.limits.alias_repeats {
            line.alias_told = true;
            let at = message.origin;
            let text = format!("the topic {} of {} bytes is written {count} times in a row", shown(topic), topic.len());
            findings.push(ALIAS.at(Some(flow), at, &[at.frame], text));
        }
    }

    /// A client that publishes what it was sent, on the same topic: a bridge whose other end sends it back.
    fn echo(&mut self, flow: FlowRef, publish: &Publish<'_>, message: &Message<'_>, findings: &mut Vec<Finding>) {
        let at = message.origin;
        let number = self.told.number((message.topic, publish.payload));
        let window = seconds(self.limits.loop_window_s);
        if publish.payload.is_empty() || message.packet.header.dup() {
            return;
        }
        let Some(line) = self.lines.entry(flow.id) else { return };
        // Who subscribes to its own topic hears as many as it publishes; in a loop one more comes than went.
        let heard = line.heard(number, -1, at.time);
        if !heard.is_some_and(|(more, time)| more > 0 && at.time.since(time) < window) {
            return;
        }
        if self.rounds.len() >= FOLLOWED {
            self.rounds.retain(|_, (_, first, _)| at.time.since(first.time) < window);
            if self.rounds.len() >= FOLLOWED {
                return;
            }
        }
        let (rounds, first, frames) = self.rounds.entry(number).or_insert((0, at, Vec::new()));
        if at.time.since(first.time) > window {
            (*rounds, *first) = (0, at);
            frames.clear();
        }
        *rounds += 1;
        if frames.len() < 8 {
            frames.push(at.frame);
        }
        if *rounds >= self.limits.loop_rounds {
            let (rounds, frames) = (*rounds, std::mem::take(frames));
            if self.told.first(("loop", flow.server, message.topic)) {
                let name = shown(message.topic.unwrap_or_default());
                let text = format!("a message to {name} came back from where it was sent to, {rounds} times");
                findings.push(LOOP.at(Some(flow), at, &frames, text));
            }
        }
    }

    /// The peer says why it closes.
    fn disconnect(
        &mut self,
        flow: FlowRef,
        disconnect: &Disconnect<'_>,
        message: &Message<'_>,
        findings: &mut Vec<Finding>,
    ) {
        // MQTT 5.0, section 3.14.2.1.
        let (lint, what) = match disconnect.reason_code {
            Some(0x93) => (&FLOW_CONTROL, "more messages are open than it allows (0x93)"),
            Some(0x94) => (&ALIAS_REFUSED, "a topic alias is not valid (0x94)"),
            Some(0x96) => (&RATE, "messages come too fast (0x96)"),
            Some(0x97) => (&RATE, "a quota is used up (0x97)"),
            _ => return,
        };
        let at = message.origin;
        let by: Role = message.direction.sender();
        if self.told.first((lint.id, flow.server, flow.client.ip())) {
            let text = format!("the {} disconnects because {what}", by.name());
            findings.push(lint.at(Some(flow), at, &[at.frame], text));
        }
    }
}

impl Rule for TrafficRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let (flow, message) = match event {
            Event::Message(flow, message) => (*flow, message),
            Event::Flow(flow, _) => {
                self.lines.remove(flow.id);
                return;
            }
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Closing(..)
            | Event::Notice(_) => return,
        };
        match &message.packet.body {
            Body::Publish(publish) if !message.incomplete => self.publish(flow, publish, message, findings),
            Body::Subscribe(_) => {
                if let Some(line) = self.lines.entry(flow.id) {
                    line.subscribed = Some((message.origin, 0));
                }
            }
            Body::ConnAck(connack) if message.packet.version == Version::V5 => {
                let maximum = connack.properties.get(PropertyId::TopicAliasMaximum).and_then(PropertyValue::number);
                if let Some(line) = self.lines.entry(flow.id) {
                    line.aliases = maximum.is_some_and(|maximum| maximum > 0);
                }
            }
            Body::Disconnect(disconnect) => self.disconnect(flow, disconnect, message, findings),
            Body::Publish(_)
            | Body::Connect(_)
            | Body::ConnAck(_)
            | Body::Ack(_)
            | Body::SubAck(_)
            | Body::Unsubscribe(_)
            | Body::UnsubAck(_)
            | Body::Ping
            | Body::Auth(_)
            | Body::Reserved(_) => {}
        }
    }
}
