//! Rules on MQTT-SN: on single messages, and on what happens in sessions.

use super::rules::KnownRule;
use super::{Certainty, Finding, Rule, Severity, Wanted};
use crate::engine::Event;
use crate::flow::Role;
use crate::mqttsn::{self, DeviationKind, Kind, ReturnCode};
use crate::session::sn::{SnIncident, SnIncidentKind};

/// Turns the deviations that reading noted into findings.
pub(super) struct SnPacketRule;

impl Rule for SnPacketRule {
    fn wanted(&self) -> Wanted {
        Wanted::SN_MESSAGES
    }

    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let Event::SnMessage(flow, message) = event else { return };
        let packet = message.packet();
        // What follows from a message that can't be read is folded under what made it so.
        let worst = packet
            .deviations
            .iter()
            .max_by_key(|deviation| (deviation.kind.severity(), std::cmp::Reverse(deviation.offset)));
        let Some(worst) = worst else { return };
        let more = match packet.deviations.len() {
            1 => String::new(),
            n => format!(", and {} more in it", n - 1),
        };
        let (name, text) = (packet.header.kind.name(), worst.kind.describe());
        let sender = message.direction.sender().name();
        findings.push(Finding {
            id: format!("mqttsn.{}", worst.kind.name()),
            severity: severity(worst.kind),
            certainty: Certainty::Certain,
            flow: Some(*flow),
            client_id: None,
            frames: vec![message.origin.frame],
            time: message.origin.time,
            message: format!("{text} ({sender}'s {name}, byte {}{more})", worst.offset),
            clause: Some(worst.kind.clause()),
            hint: None,
        });
    }
}

/// How bad a deviation is for a reader.
pub(super) const fn severity(kind: DeviationKind) -> Severity {
    match kind.severity() {
        mqttsn::Severity::Error => Severity::Error,
        mqttsn::Severity::Warning => Severity::Warning,
        mqttsn::Severity::Note => Severity::Note,
    }
}

const fn known(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    clause: &'static str,
    hint: Option<&'static str>,
) -> KnownRule {
    KnownRule { id, severity, title, clause: Some(clause), hint }
}

const WRONG_SENDER: KnownRule = known(
    "mqttsn.wrong-sender",
    Severity::Error,
    "a message of a type that only the other side sends",
    "MQTT-SN 1.2, 5.4",
    None,
);
const MINUS_ONE_BY_GATEWAY: KnownRule = known(
    "mqttsn.qos-minus-one-by-gateway",
    Severity::Error,
    "a gateway publishes with QoS -1",
    "MQTT-SN 1.2, 5.3.4",
    None,
);
const UNKNOWN_TOPIC_ID: KnownRule = known(
    "mqttsn.unknown-topic-id",
    Severity::Error,
    "a PUBLISH with a topic id that was not registered",
    "MQTT-SN 1.2, 6.6",
    Some("the client has to register the topic name anew; an id that is known beforehand is another topic id type"),
);
const SEVERAL_OUTSTANDING: KnownRule = known(
    "mqttsn.several-outstanding",
    Severity::Error,
    "a request is sent before the one before it is answered",
    "MQTT-SN 1.2, 6.5, 6.6 and 6.9",
    Some("one REGISTER, one PUBLISH of QoS 1 or 2 and one SUBSCRIBE or UNSUBSCRIBE may be under way at a time"),
);
const MESSAGE_ID_REUSED: KnownRule = known(
    "mqttsn.message-id-reused",
    Severity::Error,
    "another message has the message id of one that is not answered",
    "MQTT-SN 1.2, 5.3.7",
    None,
);
const DUP_MISSING: KnownRule = known(
    "mqttsn.dup-missing",
    Severity::Warning,
    "a PUBLISH is sent again without DUP",
    "MQTT-SN 1.2, 5.3.4",
    Some("a network that doubles datagrams looks like this, too"),
);
const PUBLISH_BEFORE_REGACK: KnownRule = known(
    "mqttsn.publish-before-regack",
    Severity::Warning,
    "a gateway publishes with a topic id that the client has not acknowledged yet",
    "MQTT-SN 1.2, 6.10",
    None,
);
const WRONG_ANSWER: KnownRule = known(
    "mqttsn.wrong-answer",
    Severity::Error,
    "an answer is of another type than what it answers",
    "MQTT-SN 1.2, 5.4",
    None,
);
const UNASKED: KnownRule =
    known("mqttsn.unasked-answer", Severity::Note, "an answer to what nobody asked", "MQTT-SN 1.2, 5.3.7", None);
const KEEP_ALIVE: KnownRule = known(
    "mqttsn.keep-alive-exceeded",
    Severity::Warning,
    "a client is silent for longer than its keep alive allows",
    "MQTT-SN 1.2, 6.11 and 7.2",
    Some(
        "the gateway takes it for lost, and publishes its will; a client that wants to be silent says DISCONNECT with a duration",
    ),
);
const SLEEP: KnownRule = known(
    "mqttsn.sleep-exceeded",
    Severity::Warning,
    "a sleeping client is silent for longer than it said",
    "MQTT-SN 1.2, 6.14 and 7.2",
    Some("the gateway takes it for lost, and publishes its will"),
);
const REJECTED: KnownRule =
    known("mqttsn.rejected", Severity::Warning, "a request is rejected", "MQTT-SN 1.2, 5.3.10", None);
const CONGESTION_RETRY: KnownRule = known(
    "mqttsn.congestion-retry",
    Severity::Note,
    "a request is sent again soon after it was rejected for congestion",
    "MQTT-SN 1.2, 7.2",
    Some("T_WAIT is to be more than five minutes"),
);
const UNANSWERED: KnownRule =
    known("mqttsn.unanswered", Severity::Warning, "a request is never answered", "MQTT-SN 1.2, 6.13", None);
const DISCONNECT_UNANSWERED: KnownRule = known(
    "mqttsn.disconnect-unanswered",
    Severity::Note,
    "a DISCONNECT is not answered by the gateway",
    "MQTT-SN 1.2, 6.12",
    None,
);
const SENT_TO_SLEEPER: KnownRule = known(
    "mqttsn.sent-to-sleeper",
    Severity::Error,
    "a gateway sends to a client that sleeps",
    "MQTT-SN 1.2, 6.14",
    Some("what comes for a sleeping client is kept until it says PINGREQ with its client id"),
);
const NOT_CONNECTED: KnownRule = known(
    "mqttsn.not-connected",
    Severity::Error,
    "a client goes on after its connection has ended or was refused",
    "MQTT-SN 1.2, 6.2",
    Some("without a connection only PUBLISH with QoS -1 is allowed"),
);
const WILL_ORDER: KnownRule = known(
    "mqttsn.will-order",
    Severity::Error,
    "a part of the will comes out of turn",
    "MQTT-SN 1.2, 6.2",
    Some(
        "WILLTOPICREQ, WILLTOPIC, WILLMSGREQ, WILLMSG, and then CONNACK; none of them where the CONNECT has no Will flag",
    ),
);
const WILL_INCOMPLETE: KnownRule = known(
    "mqttsn.will-incomplete",
    Severity::Error,
    "a connection with a will is accepted before the will is there",
    "MQTT-SN 1.2, 6.2",
    None,
);

/// All of them.
pub(super) const RULES: [KnownRule; 19] = [
    WRONG_SENDER,
    MINUS_ONE_BY_GATEWAY,
    UNKNOWN_TOPIC_ID,
    SEVERAL_OUTSTANDING,
    MESSAGE_ID_REUSED,
    DUP_MISSING,
    PUBLISH_BEFORE_REGACK,
    WRONG_ANSWER,
    UNASKED,
    KEEP_ALIVE,
    SLEEP,
    REJECTED,
    CONGESTION_RETRY,
    UNANSWERED,
    DISCONNECT_UNANSWERED,
    SENT_TO_SLEEPER,
    NOT_CONNECTED,
    WILL_ORDER,
    WILL_INCOMPLETE,
];

/// The rule that an incident breaks.
const fn rule(kind: SnIncidentKind) -> &'static KnownRule {
    match kind {
        SnIncidentKind::WrongSender(_) => &WRONG_SENDER,
        SnIncidentKind::MinusOneByGateway => &MINUS_ONE_BY_GATEWAY,
        SnIncidentKind::UnknownTopicId(_) => &UNKNOWN_TOPIC_ID,
        SnIncidentKind::SeveralOutstanding(..) => &SEVERAL_OUTSTANDING,
        SnIncidentKind::MessageIdReused(..) => &MESSAGE_ID_REUSED,
        SnIncidentKind::DupMissing(_) => &DUP_MISSING,
        SnIncidentKind::PublishBeforeRegAck(_) => &PUBLISH_BEFORE_REGACK,
        SnIncidentKind::WrongAnswer(..) => &WRONG_ANSWER,
        SnIncidentKind::Unasked(..) => &UNASKED,
        SnIncidentKind::KeepAliveExceeded(..) => &KEEP_ALIVE,
        SnIncidentKind::SleepExceeded(..) => &SLEEP,
        SnIncidentKind::Rejected(..) => &REJECTED,
        SnIncidentKind::CongestionRetry(..) => &CONGESTION_RETRY,
        SnIncidentKind::Unanswered(Kind::Disconnect, _) => &DISCONNECT_UNANSWERED,
        SnIncidentKind::Unanswered(..) => &UNANSWERED,
        SnIncidentKind::SentToSleeper(_) => &SENT_TO_SLEEPER,
        SnIncidentKind::NotConnected(_) => &NOT_CONNECTED,
        SnIncidentKind::WillOrder(_) => &WILL_ORDER,
        SnIncidentKind::WillIncomplete => &WILL_INCOMPLETE,
    }
}

/// What is to be said of an incident.
pub(super) fn judge(incident: &SnIncident) -> Finding {
    let rule = rule(incident.kind);
    Finding {
        id: rule.id.to_owned(),
        severity: rule.severity,
        certainty: incident.certainty,
        flow: Some(incident.flow),
        client_id: incident.client_id.clone(),
        frames: incident.frames.clone(),
        time: incident.at.time,
        message: message(incident),
        clause: rule.clause,
        hint: rule.hint,
    }
}

fn message(incident: &SnIncident) -> String {
    let who = match incident.by {
        Role::Client => "the client",
        Role::Server => "the gateway",
    };
    match incident.kind {
        SnIncidentKind::WrongSender(kind) => format!("{who} sends {}, which only the other side does", kind.name()),
        SnIncidentKind::MinusOneByGateway => "the gateway publishes with QoS -1, which only clients do".to_owned(),
        SnIncidentKind::UnknownTopicId(id) => {
            format!("{who} publishes with topic id {id}, which was not registered since the client connected anew")
        }
        SnIncidentKind::SeveralOutstanding(kind, old, new) => {
            let name = kind.name();
            format!("{who} sends {name} {new} while message {old} waits for its answer")
        }
        SnIncidentKind::MessageIdReused(kind, id) => {
            format!("{who} sends another {} with message id {id}, which waits for its answer", kind.name())
        }
        SnIncidentKind::DupMissing(id) => format!("{who} sends PUBLISH {id} again without DUP"),
        SnIncidentKind::PublishBeforeRegAck(id) => {
            format!("{who} publishes with topic id {id} before the client has acknowledged it")
        }
        SnIncidentKind::WrongAnswer(asked, answer) => format!("{who} answers {} with {}", asked.name(), answer.name()),
        SnIncidentKind::Unasked(kind, id) => format!("{who} sends {} {id}, and nothing waits for it", kind.name()),
        SnIncidentKind::KeepAliveExceeded(silence, seconds) => {
            format!("the client is silent for {:.1} s with a keep alive of {seconds} s", silence.as_secs_f64())
        }
        SnIncidentKind::SleepExceeded(silence, seconds) => {
            format!("the client sleeps for {:.1} s and had said {seconds} s", silence.as_secs_f64())
        }
        SnIncidentKind::Rejected(kind, code) => format!("{who} answers with {}: {}", kind.name(), code_name(code)),
        SnIncidentKind::CongestionRetry(kind, waited) => {
            let (name, waited) = (kind.name(), waited.as_secs_f64());
            format!("{who} sends {name} {waited:.1} s after it was rejected for congestion")
        }
        SnIncidentKind::Unanswered(kind, 1) => format!("{who}'s {} is not answered", kind.name()),
        SnIncidentKind::Unanswered(kind, tries) => {
            format!("{who}'s {} is not answered, and was sent {tries} times", kind.name())
        }
        SnIncidentKind::SentToSleeper(kind) => format!("{who} sends {} to a client that sleeps", kind.name()),
        SnIncidentKind::NotConnected(kind) => format!("{who} sends {} and is not connected", kind.name()),
        SnIncidentKind::WillOrder(kind) => format!("{who} sends {} when it is not its turn", kind.name()),
        SnIncidentKind::WillIncomplete => "the gateway accepts the connection before it has the will".to_owned(),
    }
}

fn code_name(code: ReturnCode) -> String {
    code.name().map_or_else(|| format!("code 0x{:02x}", code.0), str::to_owned)
}
