//! One session: from the first message of a client to its end.

use super::super::delivery::Name;
use super::super::incident::Certainty;
use super::exchange::{CONGESTION_WAIT, Open, RETRY, answered, asked};
use super::facts::{SnCounts, SnEnd, SnEndKind, SnState, SnSubscription, SnTopicName};
use super::incident::{Asked, SnIncident, SnIncidentKind};
use super::listing::LISTED_BYTES;
use super::will::WillStep;
use super::{LONGEST_ID, allowed};
use crate::capture::{FrameNo, Origin};
use crate::dissect::SnMessage;
use crate::engine::FlowRef;
use crate::flow::{Direction, PerDirection, Role};
use crate::mqttsn::{Body, Kind, ReturnCode, Sender, TopicIdType};
use crate::time::{Span, Timestamp};

/// The session of a client.
#[derive(Debug)]
pub struct SnSession {
    /// The conversation, the latest if there were several.
    pub flow: FlowRef,
    /// The node behind a forwarder; empty without one.
    pub node: Box<[u8]>,
    /// The conversation before, of a client that came from another address.
    pub previous_flow: Option<FrameNo>,
    /// How often it came from another address.
    pub moves: u32,
    /// The client identifier.
    pub client_id: Option<Name>,
    /// What the CONNECT asked for.
    pub clean_session: Option<bool>,
    /// Whether it said that there is a will.
    pub will: bool,
    /// The will's topic.
    pub will_topic: Option<Name>,
    /// Seconds within which the client is to be heard.
    pub keep_alive: Option<u16>,
    /// The CONNECT.
    pub connect: Option<Origin>,
    /// The CONNACK.
    pub connack: Option<(Origin, ReturnCode)>,
    /// The first message.
    pub first: Origin,
    /// The last one.
    pub last: Origin,
    /// How the client stands to its gateway.
    pub state: SnState,
    /// How often it went to sleep.
    pub sleeps: u32,
    /// How often it woke up for what was kept for it.
    pub wakes: u32,
    /// How long it slept in all.
    pub asleep: Span,
    /// The seconds that it wanted to sleep for last.
    pub sleep_duration: Option<u16>,
    /// The longest time without a message of the client while it was connected.
    pub longest_silence: Option<(Span, Origin)>,
    /// What each side sent, by direction.
    pub counts: PerDirection<SnCounts>,
    /// What ids stand for, as they were told.
    pub topics: Vec<SnTopicName>,
    /// Subscriptions.
    pub subscriptions: Vec<SnSubscription>,
    /// Topics and subscriptions that are not listed.
    pub left_out: u64,
    /// Messages that deviate from the specification.
    pub deviating: u64,
    /// How it ended.
    pub end: SnEnd,
    /// Something may have passed that was not captured.
    pub holes: bool,
    pub(super) listed_bytes: usize,
    will_step: WillStep,
    open: Vec<(Asked, Direction, Open)>,
    /// The last message of the client, and when it went to sleep.
    heard: Option<Timestamp>,
    asleep_since: Option<Timestamp>,
    /// When a type was rejected for congestion.
    congested: Option<(Kind, Origin)>,
}

impl SnSession {
    pub(super) fn new(flow: FlowRef, message: &SnMessage<'_>, lost: bool) -> Self {
        Self {
            flow,
            node: message.node().get(..LONGEST_ID.min(message.node().len())).unwrap_or_default().into(),
            previous_flow: None,
            moves: 0,
            client_id: None,
            clean_session: None,
            will: false,
            will_topic: None,
            keep_alive: None,
            connect: None,
            connack: None,
            first: message.origin,
            last: message.origin,
            state: SnState::Unknown,
            sleeps: 0,
            wakes: 0,
            asleep: Span::ZERO,
            sleep_duration: None,
            longest_silence: None,
            counts: PerDirection::default(),
            topics: Vec::new(),
            subscriptions: Vec::new(),
            left_out: 0,
            deviating: 0,
            end: SnEnd::default(),
            holes: lost,
            listed_bytes: 0,
            will_step: WillStep::Settled,
            open: Vec::new(),
            heard: None,
            asleep_since: None,
            congested: None,
        }
    }

    /// Whether a CONNECT with this client identifier begins another session: not where it wakes the client up, or is sent
    /// again.
    pub(super) fn is_over_with(&self, client_id: Option<&Name>) -> bool {
        let same = self.client_id.is_none() || self.client_id.as_ref() == client_id;
        match self.state {
            SnState::Disconnected | SnState::Active => true,
            SnState::Unknown | SnState::Connecting | SnState::Asleep | SnState::Awake => !same,
        }
    }

    /// How many exchanges of QoS 1 and 2 of a direction are not over.
    pub fn open_deliveries(&self, direction: Direction) -> u64 {
        let is = |(asked, by, _): &&(Asked, Direction, Open)| *asked == Asked::Publish && *by == direction;
        self.open.iter().filter(is).count() as u64
    }

    /// Takes a message into account.
    pub(super) fn take(&mut self, message: &SnMessage<'_>, incidents: &mut Vec<SnIncident>) {
        let packet = message.packet();
        let mut case = Case { message, incidents };
        self.counts[message.direction].add(packet);
        self.deviating += u64::from(!packet.deviations.is_empty());
        self.holes |= packet.missing > 0;
        if message.direction == Direction::ToServer {
            self.hear(&mut case);
        }
        self.last = message.origin;
        self.check_sender(&mut case);
        self.check_state(&mut case);
        self.will(&mut case);
        self.change_state(&mut case);
        self.request(&mut case);
        self.answer(&mut case);
        self.list(message);
    }

    /// Tells an incident of this message and those before it.
    fn tell(&self, case: &mut Case<'_, '_>, kind: SnIncidentKind, before: &[Origin], certainty: Certainty) {
        let at = case.message.origin;
        self.tell_at(case.incidents, kind, case.message.direction.sender(), before, at, certainty);
    }

    fn tell_at(
        &self,
        incidents: &mut Vec<SnIncident>,
        kind: SnIncidentKind,
        by: Role,
        before: &[Origin],
        at: Origin,
        certainty: Certainty,
    ) {
        let mut frames: Vec<FrameNo> = before.iter().map(|origin| origin.frame).chain([at.frame]).collect();
        frames.sort_unstable();
        frames.dedup();
        let client_id = self.client_id.clone();
        incidents.push(SnIncident { kind, by, flow: self.flow, client_id, frames, at, certainty });
    }

    /// How sure what rests on the absence of something is.
    const fn sure(&self) -> Certainty {
        if self.holes { Certainty::Hint } else { Certainty::Likely }
    }

    /// The client is heard again: was it silent for too long?
    fn hear(&mut self, case: &mut Case<'_, '_>) {
        let now = case.message.origin;
        let Some(heard) = self.heard.replace(now.time) else { return };
        let silence = now.time.since(heard);
        if let Some(kind) = self.silence(silence) {
            self.tell(case, kind, &[], self.sure());
        }
        let connected = matches!(self.state, SnState::Active);
        if connected && self.longest_silence.is_none_or(|(longest, _)| longest < silence) {
            self.longest_silence = Some((silence, now));
        }
    }

    /// What a silence of the client breaks.
    fn silence(&self, silence: Span) -> Option<SnIncidentKind> {
        match self.state {
            SnState::Active | SnState::Awake => {
                let keep_alive = self.keep_alive.filter(|seconds| *seconds > 0)?;
                (silence > allowed(keep_alive)).then_some(SnIncidentKind::KeepAliveExceeded(silence, keep_alive))
            }
            SnState::Asleep => {
                let duration = self.sleep_duration.filter(|seconds| *seconds > 0)?;
                (silence > allowed(duration)).then_some(SnIncidentKind::SleepExceeded(silence, duration))
            }
            SnState::Unknown | SnState::Connecting | SnState::Disconnected => None,
        }
    }

    fn check_sender(&self, case: &mut Case<'_, '_>) {
        let packet = case.message.packet();
        let kind = packet.header.kind;
        let wrong = match (kind.sender(), case.message.direction) {
            (Sender::Client, Direction::ToClient) | (Sender::Gateway, Direction::ToServer) => true,
            (Sender::Client | Sender::Gateway | Sender::Both, Direction::ToServer | Direction::ToClient) => false,
        };
        if wrong {
            self.tell(case, SnIncidentKind::WrongSender(kind), &[], Certainty::Likely);
        }
        if case.message.direction == Direction::ToClient
            && matches!(packet.body, Body::Publish { flags, .. } if flags.qos() == -1)
        {
            self.tell(case, SnIncidentKind::MinusOneByGateway, &[], Certainty::Likely);
        }
    }

    /// Whether a message fits the state that the client is in.
    fn check_state(&self, case: &mut Case<'_, '_>) {
        let packet = case.message.packet();
        let kind = packet.header.kind;
        let by_client = case.message.direction == Direction::ToServer;
        let needs_connection = matches!(kind, Kind::Register | Kind::Subscribe | Kind::Unsubscribe)
            || matches!(packet.body, Body::Publish { flags, .. } if flags.qos() != -1)
            || matches!(kind, Kind::WillTopicUpd | Kind::WillMsgUpd);
        if needs_connection && by_client && self.state == SnState::Disconnected {
            self.tell(case, SnIncidentKind::NotConnected(kind), &[], self.sure());
        }
        let delivers = matches!(kind, Kind::Publish | Kind::Register);
        if delivers && !by_client && self.state == SnState::Asleep {
            self.tell(case, SnIncidentKind::SentToSleeper(kind), &[], self.sure());
        }
        if let Body::Publish { flags, topic_id, .. } = packet.body
            && flags.topic_id_type() == TopicIdType::Normal
            && flags.qos() != -1
        {
            let waits = self.open.iter().find_map(|(asked, by, open)| {
                (*asked == Asked::Register && *by == Direction::ToClient).then_some(open.first)
            });
            let registered = self.topics.iter().any(|topic| topic.id == topic_id);
            if let (false, Some(register), false) = (by_client, waits, registered) {
                self.tell(case, SnIncidentKind::PublishBeforeRegAck(topic_id), &[register], Certainty::Likely);
            } else if case.message.topic.is_none()
                && !self.holes
                && self.left_out == 0
                && self.clean_session == Some(true)
                && matches!(self.connack, Some((_, ReturnCode::ACCEPTED)))
            {
                // Without a CONNECT that begins anew, the id may have been registered before.
                self.tell(case, SnIncidentKind::UnknownTopicId(topic_id), &[], Certainty::Likely);
            }
        }
    }

    fn will(&mut self, case: &mut Case<'_, '_>) {
        let packet = case.message.packet();
        match (packet.header.kind, packet.body) {
            (Kind::Connect, Body::Connect { flags, .. }) => {
                self.will_step = if flags.will() { WillStep::Announced } else { WillStep::None };
            }
            (Kind::WillTopicReq | Kind::WillTopic | Kind::WillMsgReq | Kind::WillMsg, body) => {
                // Without a topic there is no will, and no message of it is asked for (section 6.2).
                if !self.will_step.take(packet.header.kind) {
                    let before: Vec<_> = self.connect.into_iter().collect();
                    self.tell(case, SnIncidentKind::WillOrder(packet.header.kind), &before, self.sure());
                } else if body == Body::WillTopic(None) {
                    self.will_step = WillStep::Complete;
                }
            }
            (Kind::ConnAck, Body::Answer(ReturnCode::ACCEPTED)) => {
                let complete = matches!(self.will_step, WillStep::Complete | WillStep::None | WillStep::Settled);
                if !complete && self.connack.is_none() {
                    let before: Vec<_> = self.connect.into_iter().collect();
                    self.tell(case, SnIncidentKind::WillIncomplete, &before, self.sure());
                }
                self.will_step = WillStep::Settled;
            }
            _ => {}
        }
        if let Body::WillTopic(topic) = packet.body {
            let name = topic.map(|(_, name)| name).filter(|name| name.len() <= LISTED_BYTES);
            self.will_topic = name.map(Name::from);
        }
    }

    fn change_state(&mut self, case: &mut Case<'_, '_>) {
        let message = case.message;
        let (packet, at) = (message.packet(), message.origin);
        let by_client = message.direction == Direction::ToServer;
        match packet.body {
            Body::Connect { flags, duration, client_id, .. } if by_client => {
                self.wake(at.time);
                if packet.missing == 0 && client_id.len() <= LONGEST_ID {
                    self.client_id = Some(client_id.into());
                }
                self.clean_session = Some(flags.clean_session());
                self.will = flags.will();
                self.keep_alive = Some(duration);
                self.connect.get_or_insert(at);
                self.state = SnState::Connecting;
            }
            Body::Answer(code) if packet.header.kind == Kind::ConnAck => {
                self.connack.get_or_insert((at, code));
                if code == ReturnCode::ACCEPTED {
                    self.state = SnState::Active;
                    self.end = SnEnd::default();
                } else {
                    self.state = SnState::Disconnected;
                    self.end = SnEnd { kind: SnEndKind::Refused, by: Some(Role::Server), at: Some(at) };
                }
            }
            Body::Disconnect(Some(duration)) if by_client => {
                self.sleeps += u32::from(self.state != SnState::Asleep);
                self.sleep_duration = Some(duration);
                self.state = SnState::Asleep;
                self.asleep_since.get_or_insert(at.time);
            }
            Body::Disconnect(_) => {
                let answers = !by_client && matches!(self.state, SnState::Asleep | SnState::Disconnected);
                if !answers && self.state != SnState::Disconnected {
                    self.wake(at.time);
                    self.state = SnState::Disconnected;
                    let by = Some(message.direction.sender());
                    self.end = SnEnd { kind: SnEndKind::Disconnect, by, at: Some(at) };
                }
            }
            Body::PingReq(Some(client_id)) if by_client => {
                if self.client_id.is_none() && client_id.len() <= LONGEST_ID {
                    self.client_id = Some(client_id.into());
                }
                self.wakes += u32::from(self.state != SnState::Awake);
                self.state = SnState::Awake;
            }
            Body::Empty if packet.header.kind == Kind::PingResp && !by_client && self.state == SnState::Awake => {
                self.state = SnState::Asleep;
            }
            _ => {}
        }
    }

    /// The client sleeps no more.
    fn wake(&mut self, now: Timestamp) {
        if let Some(since) = self.asleep_since.take() {
            self.asleep = Span::from_nanos(self.asleep.as_nanos().saturating_add(now.since(since).as_nanos()));
        }
    }

    fn request(&mut self, case: &mut Case<'_, '_>) {
        let message = case.message;
        let (packet, at, by) = (message.packet(), message.origin, message.direction);
        let kind = packet.header.kind;
        if kind == Kind::PubRel {
            self.release(case);
            return;
        }
        let disconnects = kind == Kind::Disconnect && by == Direction::ToServer;
        let Some(asks) = asked(packet).or(disconnects.then_some(Asked::Disconnect)) else { return };
        if let Some((rejected, since)) = self.congested.filter(|(rejected, _)| *rejected == kind) {
            let waited = at.time.since(since.time);
            if waited < CONGESTION_WAIT {
                self.tell(case, SnIncidentKind::CongestionRetry(rejected, waited), &[since], Certainty::Likely);
            }
            self.congested = None;
        }
        let new = Open::new(packet, message.bytes, at);
        let place = self.open.iter().position(|(asked, whose, _)| *asked == asks && *whose == by);
        let Some(place) = place else {
            self.open.push((asks, by, new));
            return;
        };
        let Some((.., old)) = self.open.get(place).copied() else { return };
        if old.kind == new.kind && old.digest == new.digest {
            if let Some((.., open)) = self.open.get_mut(place) {
                open.tries += 1;
                open.last = at;
            }
            self.counts[by].resent += 1;
            self.counts[by].duplicate += u64::from(kind == Kind::Publish);
            if let Body::Publish { flags, message_id, .. } = packet.body
                && !flags.dup()
            {
                self.tell(case, SnIncidentKind::DupMissing(message_id), &[old.first], self.sure());
            }
            return;
        }
        // Who has waited in vain goes on with something else.
        let given_up = at.time.since(old.last.time) >= RETRY;
        if given_up {
            self.give_up(&old, by.sender(), at, case.incidents);
        } else if matches!(asks, Asked::Register | Asked::Publish | Asked::Subscribe) {
            let kind = if old.message_id == new.message_id && old.kind == new.kind {
                SnIncidentKind::MessageIdReused(kind, new.message_id)
            } else {
                SnIncidentKind::SeveralOutstanding(kind, old.message_id, new.message_id)
            };
            self.tell(case, kind, &[old.first], self.sure());
        }
        if let Some((.., open)) = self.open.get_mut(place) {
            *open = new;
        }
    }

    /// A PUBREL goes on with the exchange of its PUBLISH.
    fn release(&mut self, case: &mut Case<'_, '_>) {
        let (at, by) = (case.message.origin, case.message.direction);
        let Some(id) = case.message.packet().message_id() else { return };
        let of = |(asked, whose, open): &&mut (Asked, Direction, Open)| {
            *asked == Asked::Publish && *whose == by && open.message_id == id
        };
        if let Some((.., open)) = self.open.iter_mut().find(of) {
            if open.kind == Kind::PubRel {
                open.tries += 1;
                self.counts[by].resent += 1;
            } else {
                (open.kind, open.tries) = (Kind::PubRel, 1);
            }
            open.last = at;
        } else {
            // Without what was before, it is as good as a request.
            let open = Open::new(case.message.packet(), case.message.bytes, at);
            self.open.retain(|(asked, whose, _)| !(*asked == Asked::Publish && *whose == by));
            self.open.push((Asked::Publish, by, Open { qos: 2, ..open }));
        }
    }

    fn answer(&mut self, case: &mut Case<'_, '_>) {
        let message = case.message;
        let (packet, at) = (message.packet(), message.origin);
        let kind = packet.header.kind;
        if packet.body == Body::Unread {
            return;
        }
        let code = packet.return_code();
        if let Some(code) = code.filter(|code| *code != ReturnCode::ACCEPTED) {
            let request = answered(kind).and_then(|asks| self.find(asks, message.direction.reverse()));
            let request = request.filter(|(_, open)| packet.message_id().is_none_or(|id| id == open.message_id));
            let before: Vec<_> = request.map(|(_, open)| open.first).into_iter().collect();
            self.tell(case, SnIncidentKind::Rejected(kind, code), &before, Certainty::Certain);
            let asks = request.map_or(Kind::Publish, |(_, open)| open.kind);
            if code == ReturnCode::CONGESTION {
                self.congested = Some((if kind == Kind::ConnAck { Kind::Connect } else { asks }, at));
            }
        }
        let by = message.direction.reverse();
        let asks = match kind {
            Kind::Disconnect if message.direction == Direction::ToClient => Asked::Disconnect,
            kind => match answered(kind) {
                Some(asks) => asks,
                None => return,
            },
        };
        let Some((place, open)) = self.find(asks, by) else {
            // A rejected PUBLISH of QoS 0 is not waited for.
            let told = matches!(kind, Kind::RegAck | Kind::SubAck | Kind::UnsubAck | Kind::PubRec | Kind::PubComp)
                || (kind == Kind::PubAck && code == Some(ReturnCode::ACCEPTED));
            // An answer that was sent again answers what is over.
            let seen_all = self.connect.is_some() && !self.holes;
            if told && seen_all && self.counts[by].resent == 0 {
                self.tell(case, SnIncidentKind::Unasked(kind, packet.message_id().unwrap_or(0)), &[], Certainty::Hint);
            }
            return;
        };
        if packet.message_id().is_some_and(|id| id != open.message_id) {
            return;
        }
        let fits = match (asks, kind) {
            (Asked::Publish, Kind::PubAck) => open.qos == 1 || code != Some(ReturnCode::ACCEPTED),
            (Asked::Publish, _) => open.qos == 2,
            (Asked::Subscribe, Kind::SubAck) => open.kind == Kind::Subscribe,
            (Asked::Subscribe, _) => open.kind == Kind::Unsubscribe,
            _ => true,
        };
        if !fits {
            self.tell(case, SnIncidentKind::WrongAnswer(open.kind, kind), &[open.first], self.sure());
            return;
        }
        if kind == Kind::PubRec {
            return;
        }
        self.open.remove(place);
        if asks == Asked::Publish {
            let counts = &mut self.counts[by];
            if code.is_some_and(|code| code != ReturnCode::ACCEPTED) {
                counts.refused += 1;
            } else {
                counts.complete += 1;
                counts.latency.record(at.time.since(open.first.time));
            }
        }
    }

    fn find(&self, asks: Asked, by: Direction) -> Option<(usize, Open)> {
        let place = self.open.iter().position(|(asked, whose, _)| *asked == asks && *whose == by)?;
        Some((place, self.open.get(place)?.2))
    }

    /// A request was not answered, and nobody waits for it any more.
    fn give_up(&self, open: &Open, by: Role, at: Origin, incidents: &mut Vec<SnIncident>) {
        let kind = SnIncidentKind::Unanswered(open.kind, open.tries);
        let certainty = if self.holes || open.tries < 2 { Certainty::Hint } else { Certainty::Likely };
        self.tell_at(incidents, kind, by, &[open.first, open.last], at, certainty);
    }

    /// The client connected anew.
    pub(super) fn replaced(&mut self, at: Origin, incidents: &mut Vec<SnIncident>) {
        if self.end.kind == SnEndKind::Open {
            self.end = SnEnd { kind: SnEndKind::Replaced, by: Some(Role::Client), at: Some(at) };
        }
        self.conclude(at.time, incidents);
    }

    /// Nothing came until now.
    pub(super) fn finish(&mut self, now: Timestamp, incidents: &mut Vec<SnIncident>) {
        let silence = self.heard.map_or(Span::ZERO, |heard| now.since(heard));
        if let Some(kind) = self.silence(silence) {
            self.tell_at(incidents, kind, Role::Client, &[], self.last, self.sure());
            self.end = SnEnd { kind: SnEndKind::Lost, by: None, at: Some(self.last) };
        } else if self.end.kind == SnEndKind::Open && matches!(self.state, SnState::Asleep | SnState::Awake) {
            self.end = SnEnd { kind: SnEndKind::Asleep, by: None, at: Some(self.last) };
        }
        self.conclude(now, incidents);
    }

    fn conclude(&mut self, now: Timestamp, incidents: &mut Vec<SnIncident>) {
        self.wake(now);
        for (_, by, open) in std::mem::take(&mut self.open) {
            // What may still be answered behind the end of the capture is not told.
            if now.since(open.last.time) >= RETRY {
                self.give_up(&open, by.sender(), open.last, incidents);
            }
            if open.kind == Kind::Publish || open.kind == Kind::PubRel {
                self.open.push((Asked::Publish, by, open));
            }
        }
    }
}

/// A message at hand, and where what it breaks is told.
struct Case<'m, 'i> {
    message: &'m SnMessage<'m>,
    incidents: &'i mut Vec<SnIncident>,
}
