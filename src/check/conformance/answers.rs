//! Rules on requests and their answers.

use super::Rule;
use super::class::Features as F;
use super::connection::Connection;
use super::docket::Docket;
use super::exchanges::{Answered, Before, Open};
use super::rules;
use super::statement::Caveat;
use crate::check::Certainty;
use crate::dissect::Message;
use crate::flow::{Direction, Role};
use crate::mqtt::{Body, PacketType as T, Sender};
use crate::time::Span;

/// How long an end that goes on sending may owe an answer.
const GRACE: Span = Span::from_secs(10);

/// Follows requests and answers; gives what the message is among them.
pub(super) fn follow(connection: &mut Connection, message: &Message<'_>, docket: &mut Docket<'_>) -> F {
    let (direction, at) = (message.direction, message.origin);
    // What the wrong end sends is told as that: it asks for nothing, and answers nothing.
    let sender = message.packet.header.packet_type.sender(message.packet.version);
    if matches!((sender, direction.sender()), (Sender::Client, Role::Server) | (Sender::Server, Role::Client)) {
        return F::default();
    }
    let header = message.packet.header;
    let packet_type = header.packet_type;
    let whole = connection.is_whole();
    // The client asked for its session, and the server has none (MQTT-3.2.2-5).
    let begins_anew = whole && connection.begins_anew();
    let exchanges = &mut connection.exchanges;
    let back = direction.reverse();
    // What an exchange begins with.
    let new = (at, at);
    // What an identifier stood for before says something to the ledger alone.
    let remembers = docket.ledger.is_some();
    let mut features = F::default();
    match &message.packet.body {
        Body::Connect(_) if connection.asked.is_none() => {
            exchanges.ask(direction, T::ConnAck, 0, new, Before::Nothing);
        }
        Body::ConnAck(_) => features = answered(exchanges.answer(back, T::ConnAck, 0, at).as_ref()),
        Body::Publish(publish) => {
            let Some(id) = publish.packet_id.filter(|id| *id != 0) else { return features };
            if exchanges.in_flight(direction, id) {
                exchanges.again(direction, id, at);
                if exchanges.is_received(direction, id) {
                    exchanges.ask(direction, T::PubRec, id, new, Before::Resent);
                }
                return F::Resends;
            }
            // What is sent again on a later connection is open there too.
            features = if header.dup() { F::Resends } else { F::Opens };
            let answer = if header.qos() == 1 { T::PubAck } else { T::PubRec };
            let resent = if header.dup() { Before::Resent } else { Before::Nothing };
            let before = exchanges.before(direction, id).unwrap_or(resent);
            exchanges.ask(direction, answer, id, new, before);
            if header.dup() && direction == Direction::ToServer && begins_anew {
                docket.broken("MQTT-3.2.2-5", at.frame, Certainty::Likely);
            }
        }
        Body::Ack(ack) => {
            let Some(id) = ack.packet_id else { return features };
            let refused = ack.reason_code.is_some_and(|code| code >= 0x80);
            // PUBREL answers the PUBREC of its receiver.
            let fit = exchanges.answer(back, packet_type, id, at);
            features = answered(fit.as_ref());
            let first = fit.map_or(at, |answered| answered.open.first);
            match packet_type {
                T::PubAck | T::PubComp if fit.is_some() => exchanges.finish(back, id, Before::Taken, remembers),
                T::PubRec if refused && fit.is_some() => exchanges.finish(back, id, Before::Refused, remembers),
                T::PubRec if fit.is_some() => {
                    exchanges.ask(direction, T::PubRel, id, (at, first), Before::Nothing);
                }
                T::PubRel => {
                    if fit.is_none() && direction == Direction::ToServer && begins_anew {
                        docket.broken("MQTT-3.2.2-5", at.frame, Certainty::Likely);
                    }
                    exchanges.ask(direction, T::PubComp, id, (at, first), Before::Nothing);
                    if direction == Direction::ToClient
                        && exchanges.unsubscribed.is_some_and(|at| at.time >= first.time)
                    {
                        docket.kept("MQTT-3.10.4-3");
                    }
                    if fit.is_some_and(|answered| answered.later) && direction == Direction::ToServer && whole {
                        let message = format!("the client sends PUBREL {id} before that of an earlier PUBREC");
                        docket.breach_unless_lost(
                            rules::PUBREL_ORDER,
                            Direction::ToClient,
                            &[at.frame],
                            Certainty::Certain,
                            message,
                        );
                    }
                }
                _ => {}
            }
        }
        Body::Subscribe(subscribe) => {
            exchanges.ask(direction, T::SubAck, subscribe.packet_id.unwrap_or(0), new, Before::Nothing);
        }
        Body::Unsubscribe(unsubscribe) => {
            exchanges.ask(direction, T::UnsubAck, unsubscribe.packet_id.unwrap_or(0), new, Before::Nothing);
        }
        Body::SubAck(suback) => {
            features = answered(exchanges.answer(back, packet_type, suback.packet_id.unwrap_or(0), at).as_ref());
        }
        Body::UnsubAck(unsuback) => {
            features = answered(exchanges.answer(back, packet_type, unsuback.packet_id.unwrap_or(0), at).as_ref());
            exchanges.unsubscribed = Some(at);
        }
        Body::Ping if packet_type == T::PingReq => {
            exchanges.ask(direction, T::PingResp, 0, new, Before::Nothing);
        }
        Body::Ping => {
            let fit = exchanges.answer(back, T::PingResp, 0, at);
            features = answered(fit.as_ref());
            if fit.is_none() && whole && connection.is_started() {
                let message = "the server sends PINGRESP, and the client has sent no PINGREQ".to_owned();
                docket.breach_unless_lost(
                    rules::PINGRESP_UNASKED,
                    Direction::ToServer,
                    &[at.frame],
                    Certainty::Likely,
                    message,
                );
            }
        }
        Body::Connect(_) | Body::Disconnect(_) | Body::Auth(_) | Body::Reserved(_) => {}
    }
    features
}

fn answered(answered: Option<&Answered>) -> F {
    let Some(Answered { open, .. }) = answered else { return F::default() };
    match open.before {
        Before::Nothing => F::Answers,
        Before::Resent => F::Answers.and(F::Resends),
        Before::Taken => F::Answers.and(F::Reused),
        Before::Refused => F::Answers.and(F::ReusedRefused),
    }
}

/// What the receiver of a message that it does not acknowledge breaks besides, because of what its identifier stood
/// for before.
const fn because_of(open: &Open) -> Option<&'static str> {
    match (open.answer, open.before) {
        (T::PubAck, Before::Taken) => Some("MQTT-4.3.2-5"),
        (T::PubRec, Before::Taken) => Some("MQTT-4.3.3-12"),
        (T::PubRec, Before::Refused) => Some("MQTT-4.3.3-9"),
        (T::PubRec, Before::Resent) => Some("MQTT-4.3.3-10"),
        _ => None,
    }
}

/// What an answer that never came breaks, and what else fails with it.
fn rule_of(answer: T, owed_by: Role) -> Option<(&'static Rule, &'static [&'static str])> {
    Some(match (answer, owed_by) {
        (T::ConnAck, _) => (rules::NO_CONNACK, &[]),
        (T::SubAck, _) => (rules::NO_SUBACK, &[]),
        (T::UnsubAck, _) => (rules::NO_UNSUBACK, &["MQTT-3.10.4-5"]),
        (T::PingResp, _) => (rules::NO_PINGRESP, &["PINGRESP-TIMEOUT", "V31-PINGRESP-TIMEOUT"]),
        (T::PubAck, Role::Client) => (rules::NO_PUBACK, &["MQTT-3.3.4-1", "MQTT-4.5.0-2"]),
        (T::PubAck, Role::Server) => (rules::NO_PUBACK, &["MQTT-3.3.4-1", "MQTT-3.3.5-2"]),
        (T::PubRec, Role::Client) => (rules::NO_PUBREC, &["MQTT-3.3.4-1", "MQTT-4.5.0-2"]),
        (T::PubRec, Role::Server) => (rules::NO_PUBREC, &["MQTT-3.3.4-1", "MQTT-3.3.5-2"]),
        (T::PubRel, _) => (rules::NO_PUBREL, &["MQTT-4.3.3-13"]),
        (T::PubComp, _) => (rules::NO_PUBCOMP, &["MQTT-4.3.3-13"]),
        _ => return None,
    })
}

/// How long a client may wait for its CONNACK.
const PATIENCE: Span = Span::from_secs(60);

/// Whether a client gives up a connection whose CONNECT is not answered at all.
fn judge_patience(connection: &Connection, open: &Open, docket: &mut Docket<'_>) {
    // That nothing of the server was seen says something only where the capture has its direction.
    if connection.count[Direction::ToClient] > 0 || !connection.server_was_heard {
        return;
    }
    let until = connection.closing.map_or(docket.at, |(_, at)| at);
    let waited = until.time.since(open.at.time);
    if waited >= PATIENCE {
        let text = format!("the client waits {:.1} s for the CONNACK", waited.as_secs_f64());
        docket.breach(rules::CONNACK_TIMEOUT, &[open.at.frame, until.frame], Certainty::Likely, text);
    } else if matches!(connection.closing, Some((Role::Client, _))) {
        rules::CONNACK_TIMEOUT.clause(docket.version).into_iter().for_each(|clause| docket.kept(clause));
    }
}

/// The connection is over: judges what was never answered.
pub(super) fn settle(connection: &Connection, docket: &mut Docket<'_>) {
    for direction in Direction::BOTH {
        let owed_by = direction.receiver();
        let back = direction.reverse();
        let last = connection.last[back];
        for open in connection.exchanges.open(direction) {
            let Open { answer, id, at, first, .. } = open;
            let Some((rule, more)) = rule_of(answer, owed_by) else { continue };
            if answer == T::ConnAck && connection.is_whole() {
                judge_patience(connection, &open, docket);
            }
            let clause = rule.clause(docket.version);
            if !connection.is_whole() || connection.count[back] == 0 || connection.exchanges.forgot {
                if let Some(clause) = clause {
                    docket.unprovable(clause, Caveat::Gap);
                }
                continue;
            }
            let Some(last) = last.filter(|last| last.time.since(at.time) >= GRACE) else {
                if let Some(clause) = clause {
                    docket.unprovable(clause, Caveat::End);
                }
                continue;
            };
            let waited = last.time.since(at.time).as_secs_f64();
            let request = match answer {
                T::ConnAck => "CONNECT".to_owned(),
                T::PingResp => "PINGREQ".to_owned(),
                T::SubAck => format!("SUBSCRIBE {id}"),
                T::UnsubAck => format!("UNSUBSCRIBE {id}"),
                T::PubRel => format!("PUBREC {id}"),
                T::PubComp => format!("PUBREL {id}"),
                _ => format!("PUBLISH {id}"),
            };
            let who = owed_by.name();
            let message = format!("the {who} never answers {request}, though it goes on for {waited:.1} s");
            docket.breach(rule, &[at.frame, last.frame], Certainty::Likely, message);
            let unsubscribed = connection.exchanges.unsubscribed.is_some_and(|at| at.time >= first.time);
            let of_unsubscribe =
                (answer == T::PubRel && owed_by == Role::Server && unsubscribed).then_some("MQTT-3.10.4-3");
            for key in more.iter().copied().chain(because_of(&open)).chain(of_unsubscribe) {
                docket.broken(key, at.frame, Certainty::Likely);
            }
        }
    }
}
