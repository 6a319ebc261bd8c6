//! What a message breaks of that which the two ends have agreed: silence, sizes, aliases, what was granted.

use super::connection::Session;
use super::incident::{Certainty, IncidentKind};
use super::judge::Judge;
use super::subscription::Answer;
use crate::capture::{FrameNo, Origin};
use crate::dissect::Message;
use crate::flow::{Direction, Role};
use crate::mqtt::PacketType;
use crate::time::{Span, Timestamp};

/// How long a CONNACK may take to its client, where nothing shows that it has come.
const ON_THE_WAY: Span = Span::from_secs(1);

impl Session {
    pub(super) fn check_silence(
        &mut self,
        packet_type: PacketType,
        began: Timestamp,
        origin: Origin,
        judge: &mut Judge<'_>,
    ) {
        let Some(too_long) = self.keep_alive.on_client(packet_type, began, origin) else { return };
        if self.lossy.to_server {
            return;
        }
        let frames = [too_long.since.frame, origin.frame];
        let kind = IncidentKind::KeepAliveExceeded(too_long.silence, too_long.seconds);
        judge.tell(kind, Role::Client, &frames, Certainty::Likely);
        if too_long.server_should_have_closed && self.closed.is_none() {
            let kind = IncidentKind::KeepAliveNotEnforced(too_long.silence, too_long.seconds);
            judge.tell(kind, Role::Server, &frames, Certainty::Likely);
        }
    }

    /// Whether the sender of a message may not have known yet what its peer allows: what the client sends before it has its
    /// CONNACK. That it has shows by an acknowledgement; where none comes, by the time that has gone by.
    pub(super) fn is_unaware(&self, message: &Message<'_>, judge: &Judge<'_>) -> bool {
        let Some((connack, ..)) = self.connack.filter(|_| message.direction == Direction::ToServer) else {
            return false;
        };
        !self.aware && judge.flow.unacknowledged.to_client && message.started.time.since(connack.time) < ON_THE_WAY
    }

    pub(super) fn check_size(&mut self, message: &Message<'_>, judge: &mut Judge<'_>) {
        let length = message.packet.header.packet_length();
        if let Some(maximum) = self.limits[message.direction].maximum_packet_size
            && length > u64::from(maximum)
            && !self.is_unaware(message, judge)
        {
            self.last_error = Some((message.direction.sender(), message.origin));
            let kind = IncidentKind::PacketTooLarge(length, maximum);
            judge.tell(kind, message.direction.sender(), &[message.origin.frame], Certainty::Likely);
        }
    }

    pub(super) fn check_alias(&mut self, message: &Message<'_>, judge: &mut Judge<'_>) {
        let Some(alias) = message.topic_alias else { return };
        let direction = message.direction;
        let highest = &mut self.highest_alias[direction];
        *highest = (*highest).max(Some(alias));
        let frames = [message.origin.frame];
        if let Some(maximum) = self.limits[direction].topic_alias_maximum
            && alias > maximum
        {
            if self.is_unaware(message, judge) {
                return;
            }
            self.last_error = Some((direction.sender(), message.origin));
            let kind = IncidentKind::AliasAboveMaximum(alias, maximum);
            judge.tell(kind, direction.sender(), &frames, Certainty::Likely);
        } else if message.topic.is_none()
            && !message.topic_forgotten
            && self.flow.from_start[direction]
            && !self.lossy[direction]
        {
            self.last_error = Some((direction.sender(), message.origin));
            let kind = IncidentKind::AliasUnknown(alias);
            judge.tell(kind, direction.sender(), &frames, Certainty::Certain);
        }
    }

    pub(super) fn check_granted(&mut self, message: &Message<'_>, judge: &mut Judge<'_>) {
        // Once for a connection: a server that does not heed it does so with each message.
        let (Some(topic), true, false) = (message.topic, judge.known, self.qos_told) else { return };
        let qos = message.packet.header.qos();
        if self.state.subscriptions.may_be_exceeded(qos)
            && let Some(highest) = self.state.subscriptions.highest_qos(topic)
            && qos > highest
        {
            self.qos_told = true;
            let kind = IncidentKind::QosAboveGranted(qos, highest);
            judge.tell(kind, Role::Server, &[message.origin.frame], Certainty::Likely);
        }
    }

    /// The frame of the SUBSCRIBE by which this message comes with RETAIN as it was published.
    pub(super) fn subscribed_as_published(&self, message: &Message<'_>) -> Option<FrameNo> {
        self.state.subscriptions.as_published(message.topic.filter(|_| message.packet.header.retain())?)
    }

    pub(super) fn check_request_id(&self, packet_id: Option<u16>, in_use: bool, origin: Origin, judge: &mut Judge<'_>) {
        let Some(id) = packet_id else { return };
        if judge.known && (in_use || self.state.exchanges.to_server.is_open(id)) {
            let kind = IncidentKind::IdentifierInUse(id);
            judge.tell(kind, Role::Client, &[origin.frame], Certainty::Likely);
        }
    }

    pub(super) fn check_answer(
        &mut self,
        answer: Answer,
        packet_type: PacketType,
        id: u16,
        codes: &[u8],
        origin: Origin,
        judge: &mut Judge<'_>,
    ) {
        if answer != Answer::Unsolicited {
            self.state.subscriptions.note_answer(packet_type, id, origin.frame);
        }
        match answer {
            Answer::Fits => {}
            Answer::Count(filters) => {
                let kind = IncidentKind::CodeCount(packet_type, codes.len(), filters);
                judge.tell(kind, Role::Server, &[origin.frame], Certainty::Certain);
            }
            Answer::Unsolicited => {
                self.state.subscriptions.keep_early(packet_type, id, codes, origin, judge.known);
            }
        }
    }
}
