//! Rules on what CONNECT and CONNACK agree upon, and on what one packet may not have because of who sends it.

use super::Rule;
use super::connection::{Asked, Connection, Granted, code, may_tell_problem, number, properties, text};
use super::docket::Docket;
use super::rules;
use crate::check::Certainty;
use crate::dissect::Message;
use crate::flow::{Direction, KnownBy, Role};
use crate::mqtt::{
    Body, Connect, Disconnect, PacketType as T, PropertyId as P, Publish, Sender, Subscribe, Version, sender_of_code,
    topic,
};
use crate::time::Span;

/// How long an answer of the server may take to its client.
const ON_THE_WAY: Span = Span::from_millis(100);

/// A packet, with what a rule needs to speak of it.
struct At<'a, 'b> {
    message: &'a Message<'b>,
    certainty: Certainty,
    /// How sure it is of which end it comes; nothing where that is not known.
    as_sender: Option<Certainty>,
}

/// Judges a message by those before it, which it is not among yet.
pub(super) fn judge(connection: &mut Connection, message: &Message<'_>, docket: &mut Docket<'_>) {
    let certainty = if message.resynced { Certainty::Hint } else { Certainty::Certain };
    let as_sender = match docket.flow.known_by {
        _ if message.resynced => Some(Certainty::Hint),
        KnownBy::Syn | KnownBy::Initial | KnownBy::SynAck | KnownBy::Connect => Some(Certainty::Certain),
        KnownBy::Port => Some(Certainty::Likely),
        // The first that was captured may come from either end.
        KnownBy::FirstFrame => None,
    };
    let at = At { message, certainty, as_sender };
    match &message.packet.body {
        Body::Connect(connect) => judge_connect(connect, &at, docket),
        // What the wrong end sends is told as that.
        Body::ConnAck(_) if message.direction == Direction::ToClient => judge_connack(connection, &at, docket),
        Body::Publish(publish) => judge_publish(connection, publish, &at, docket),
        Body::Subscribe(subscribe) => judge_subscribe(connection, subscribe, &at, docket),
        Body::Disconnect(disconnect) => judge_disconnect(connection, disconnect, &at, docket),
        _ => {}
    }
    if docket.ledger.is_some() {
        // These make no findings.
        judge_size(connection, &at, docket);
        judge_haste(connection, &at, docket);
    }
    if message.packet.version == Version::V5 {
        judge_problems(connection, &at, docket);
        judge_code(&at, docket);
        super::authentication::judge(connection, message, certainty, docket);
    }
}

/// A packet that is too large because of what could have been left out (3.1.2-24 and 3.2.2-15 are told elsewhere).
fn judge_size(connection: &Connection, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let header = at.message.packet.header;
    let Some(maximum) = connection.limits[at.message.direction].packet_size else { return };
    if header.packet_length() <= u64::from(maximum) {
        return;
    }
    let (reason, user) = match header.packet_type {
        T::ConnAck => ("MQTT-3.2.2-19", "MQTT-3.2.2-20"),
        T::PubAck => ("MQTT-3.4.2-2", "MQTT-3.4.2-3"),
        T::PubRec => ("MQTT-3.5.2-2", "MQTT-3.5.2-3"),
        T::PubRel => ("MQTT-3.6.2-2", "MQTT-3.6.2-3"),
        T::PubComp => ("MQTT-3.7.2-2", "MQTT-3.7.2-3"),
        T::SubAck => ("MQTT-3.9.2-1", "MQTT-3.9.2-2"),
        T::UnsubAck => ("MQTT-3.11.2-1", "MQTT-3.11.2-2"),
        T::Disconnect => ("MQTT-3.14.2-3", "MQTT-3.14.2-4"),
        T::Auth => ("MQTT-3.15.2-2", "MQTT-3.15.2-3"),
        _ => return,
    };
    let held = properties(&at.message.packet.body);
    for (id, key) in [(P::ReasonString, reason), (P::UserProperty, user)] {
        if held.get(id).is_some() {
            docket.broken(key, at.message.origin.frame, Certainty::Likely);
        }
    }
}

/// What a client sends before it has its CONNACK is allowed, and may be the cause of what goes wrong later.
fn judge_haste(connection: &Connection, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let early = at.message.direction == Direction::ToServer
        && connection.is_whole()
        && connection.count[Direction::ToClient] == 0
        && connection.count[Direction::ToServer] == 1
        && docket.flow.begin[Direction::ToClient].is_some();
    let may = matches!(at.message.packet.header.packet_type, T::Connect | T::Auth | T::Disconnect | T::Reserved);
    if !early || may {
        return;
    }
    let Some(asked) = connection.asked.as_ref().filter(|asked| asked.method.is_none()) else { return };
    if !asked.malformed {
        // Usual, and no finding: only what comes of it is.
        docket.broken("DATA-BEFORE-CONNACK", at.message.origin.frame, at.certainty.min(Certainty::Likely));
    }
}

fn judge_connect(connect: &Connect<'_>, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    if let Some(level) = connect.level.filter(|_| connect.bridge()) {
        let message = format!("the protocol level is {level}, of which the high bit says that the client is a bridge");
        docket.breach(rules::BRIDGE_BIT, &[at.message.origin.frame], at.certainty, message);
    }
}

fn judge_connack(connection: &mut Connection, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let frame = at.message.origin.frame;
    let is_5 = at.message.packet.version == Version::V5;
    let Body::ConnAck(connack) = &at.message.packet.body else { return };
    if let Some(first) = &connection.granted {
        let frames = [first.at.frame, frame];
        docket.breach(rules::SECOND_CONNACK, &frames, at.certainty, "the server sends a second CONNACK".to_owned());
        return;
    }
    let Some(code) = connack.code else { return };
    if is_5 && (1..0x80).contains(&code) {
        docket.broken("SUCCESS-WITH-FAILURE-BITS", frame, at.certainty);
    }
    let Some(asked) = &connection.asked else { return };
    let frames = [asked.at.frame, frame];
    judge_answer(asked, code, &frames, docket);
    if is_5 {
        judge_grant(asked, connack, code, &frames, docket);
    }
    if code != 0 {
        let keys: &'static [&'static str] = match (is_5, code) {
            (true, 0x84) => &["MQTT-4.13.2-1", "MQTT-3.1.4-2", "MQTT-3.1.2-2"],
            (true, 0x85) => &["MQTT-4.13.2-1", "MQTT-3.1.4-2", "MQTT-3.1.3-8"],
            (true, 0x87 | 0x8c) => &["MQTT-4.13.2-1", "MQTT-3.1.4-2", "MQTT-4.12.0-1", "MQTT-4.12.0-4"],
            (true, _) => &["MQTT-4.13.2-1", "MQTT-3.1.4-2"],
            (false, 2) => &["MQTT-3.1.3-9"],
            (false, _) => &[],
        };
        let message = "the connection stays open although the server has refused it";
        connection.expect_close(rules::OPEN_AFTER_REFUSAL, keys, at.message.origin, message);
    }
}

/// Whether the server may answer this CONNECT so.
fn judge_answer(asked: &Asked, code: u8, frames: &[crate::capture::FrameNo], docket: &mut Docket<'_>) {
    let accepted = code == 0;
    let version = docket.version;
    if !asked.name_known {
        if accepted {
            let message = "the server accepts a connection with an unknown protocol name".to_owned();
            docket.breach(rules::WRONG_NAME_ACCEPTED, frames, Certainty::Certain, message);
        } else {
            docket.kept("MQTT-3.1.2-1");
        }
    } else if !asked.level_known {
        // 5.0 has its own code for it, and a server of 5.0 may answer in either way.
        if code != 1 && code != 0x84 {
            let message = format!("the server answers an unknown protocol level with code {code}");
            docket.breach(rules::WRONG_LEVEL_ANSWER, frames, Certainty::Certain, message);
        } else {
            docket.kept("MQTT-3.1.2-2");
        }
    } else if asked.malformed {
        if accepted {
            let message = "the server accepts a malformed CONNECT".to_owned();
            docket.breach(rules::MALFORMED_ACCEPTED, frames, Certainty::Certain, message);
        } else {
            docket.kept("MQTT-3.1.4-1");
        }
    } else if version != Version::V5 && asked.id_length == 0 && !asked.clean {
        if code == 2 {
            docket.kept("MQTT-3.1.3-8");
        } else {
            let message =
                format!("the server answers an empty client identifier without clean session with code {code}");
            docket.breach(rules::EMPTY_ID_ANSWER, frames, Certainty::Certain, message);
        }
    }
    if version == Version::V31 && (asked.id_length == 0 || asked.id_length > 23) {
        // Most servers take longer ones, and later versions allow it.
        match code {
            2 => docket.kept("V31-CLIENTID-REJECT"),
            _ => docket.broken("V31-CLIENTID-REJECT", frames[1], Certainty::Certain),
        }
    }
    let refused_id = if version == Version::V5 { 0x85 } else { 2 };
    if asked.plain_id && code == refused_id {
        let message = "the server refuses a client identifier of 1 to 23 letters and digits".to_owned();
        docket.breach(rules::PLAIN_ID_REFUSED, frames, Certainty::Likely, message);
    }
}

/// Whether the CONNACK of 5.0 goes with what was asked.
fn judge_grant(
    asked: &Asked,
    connack: &crate::mqtt::ConnAck<'_>,
    code: u8,
    frames: &[crate::capture::FrameNo],
    docket: &mut Docket<'_>,
) {
    let held = connack.properties;
    if held.get(P::ResponseInformation).is_some() && !asked.wants_response_information {
        let message = "CONNACK has response information, and the client did not ask for it".to_owned();
        docket.breach(rules::RESPONSE_INFORMATION, frames, Certainty::Certain, message);
    }
    if held.get(P::AssignedClientIdentifier).is_some() && asked.id_length > 0 {
        let message = "CONNACK assigns a client identifier, and the client has one".to_owned();
        docket.breach(rules::ASSIGNED_UNASKED, frames, Certainty::Certain, message);
    }
    let Some((qos, retain)) = asked.will else { return };
    if code != 0 {
        if retain && code == 0x9a {
            docket.kept("MQTT-3.2.2-13");
        }
        return;
    }
    if let Some(maximum) = number(held, P::MaximumQos).filter(|maximum| u32::from(qos) > *maximum) {
        let message = format!("the server accepts a will of QoS {qos}, and its maximum is {maximum}");
        docket.breach(rules::WILL_QOS_ACCEPTED, frames, Certainty::Certain, message);
    }
    if retain && number(held, P::RetainAvailable) == Some(0) {
        let message = "the server accepts a will to be retained, and does not retain".to_owned();
        docket.breach(rules::WILL_RETAIN_ACCEPTED, frames, Certainty::Certain, message);
    }
}

fn judge_publish(connection: &Connection, publish: &Publish<'_>, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let header = at.message.packet.header;
    let frame = at.message.origin.frame;
    let is_5 = at.message.packet.version == Version::V5;
    match at.message.direction {
        Direction::ToServer if is_5 => {
            if let (true, Some(certainty)) = (publish.properties.get(P::SubscriptionIdentifier).is_some(), at.as_sender)
            {
                let message = "the client's PUBLISH has a subscription identifier".to_owned();
                docket.breach(rules::CLIENT_SUBSCRIPTION_ID, &[frame], certainty, message);
            }
            let Some(granted) = &connection.granted else { return };
            if let Some(maximum) = granted.maximum_qos.filter(|maximum| header.qos() > *maximum) {
                let message = format!("the client sends QoS {}, and the server's maximum is {maximum}", header.qos());
                limit(rules::MAXIMUM_QOS, granted, at, message, docket);
            }
            if header.retain() && !granted.retain {
                let message = "the client sends a message to be retained, and the server does not retain".to_owned();
                limit(rules::RETAIN_UNAVAILABLE, granted, at, message, docket);
            }
        }
        Direction::ToClient if !is_5 && header.retain() && publish.payload_length == Some(0) => {
            // A server sends a bridge messages as they were published.
            if let (false, Some(certainty)) = (connection.agreed.bridge, at.as_sender) {
                let message = "the server sends an empty message as retained, and such are never kept".to_owned();
                docket.breach(rules::RETAINED_EMPTY, &[frame], certainty, message);
            }
        }
        Direction::ToServer | Direction::ToClient => {}
    }
}

fn judge_subscribe(connection: &Connection, subscribe: &Subscribe<'_>, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let Some(granted) = connection.granted.as_ref().filter(|_| at.message.packet.version == Version::V5) else {
        return;
    };
    let wildcard = |filter: &[u8]| topic::has_wildcard(topic::shared(filter).map_or(filter, |(_, pattern)| pattern));
    if !granted.wildcards && subscribe.filters.iter().any(|wanted| wildcard(wanted.filter)) {
        let message = "the client subscribes with wildcards, and the server does not have them".to_owned();
        limit(rules::WILDCARD_UNAVAILABLE, granted, at, message, docket);
    }
    if !granted.subscription_ids && subscribe.properties.get(P::SubscriptionIdentifier).is_some() {
        let message = "the client sends a subscription identifier, and the server does not have them".to_owned();
        limit(rules::SUBSCRIPTION_ID_UNAVAILABLE, granted, at, message, docket);
    }
    if !granted.shared && subscribe.filters.iter().any(|wanted| wanted.filter.starts_with(b"$share/")) {
        let message = "the client asks for a shared subscription, and the server does not have them".to_owned();
        limit(rules::SHARED_UNAVAILABLE, granted, at, message, docket);
    }
}

/// What the client may not have known yet when it sent this.
fn limit(rule: &'static Rule, granted: &Granted, at: &At<'_, '_>, message: String, docket: &mut Docket<'_>) {
    let late = at.message.started.time.since(granted.at.time) > ON_THE_WAY;
    let certainty = if late { Certainty::Likely } else { Certainty::Hint };
    docket.breach(rule, &[granted.at.frame, at.message.origin.frame], certainty.min(at.certainty), message);
}

fn judge_disconnect(
    connection: &mut Connection,
    disconnect: &Disconnect<'_>,
    at: &At<'_, '_>,
    docket: &mut Docket<'_>,
) {
    let origin = at.message.origin;
    let by = at.message.direction.sender();
    let code = disconnect.reason_code.unwrap_or(0);
    if by == Role::Server && at.message.packet.version == Version::V5 {
        if let (true, Some(certainty)) = (disconnect.properties.get(P::SessionExpiryInterval).is_some(), at.as_sender) {
            let message = "the server's DISCONNECT has a session expiry interval".to_owned();
            docket.breach(rules::SERVER_EXPIRY, &[origin.frame], certainty, message);
        }
        let accepted = connection.granted.as_ref().is_some_and(|granted| granted.code < 0x80);
        if !accepted && connection.is_started() && connection.is_whole() {
            let message = "the server sends DISCONNECT, and has not accepted the connection".to_owned();
            docket.breach_unless_lost(
                rules::DISCONNECT_UNINTRODUCED,
                Direction::ToServer,
                &[origin.frame],
                at.certainty,
                message,
            );
        }
    }
    if by == Role::Server
        && code == 0x8d
        && connection.granted.as_ref().is_some_and(|granted| granted.keep_alive.is_none())
        && let Some((since, periods)) = connection.silence(origin.time)
        && periods < 1.3
    {
        let message = format!("the server closes for keep alive after {periods:.1} periods of the client's");
        docket.breach(rules::CUT_SHORT, &[since.frame, origin.frame], Certainty::Likely, message);
    }
    if code == 0x94 {
        judge_alias_refusal(connection, by, at, docket);
    }
    let keys: &'static [&'static str] = match code {
        0x87 | 0x8c => &["SERVER-CLOSE-AFTER-DISCONNECT", "MQTT-4.13.2-1", "MQTT-4.12.1-2"],
        0x80.. => &["SERVER-CLOSE-AFTER-DISCONNECT", "MQTT-4.13.2-1"],
        _ => &["SERVER-CLOSE-AFTER-DISCONNECT"],
    };
    let message = match by {
        Role::Client => "the connection stays open after the client's DISCONNECT",
        Role::Server => "the connection stays open after the server's DISCONNECT",
    };
    connection.expect_close(rules::OPEN_AFTER_DISCONNECT, keys, origin, message);
}

/// An end that refuses an alias, although all that were used are within its limit.
fn judge_alias_refusal(connection: &Connection, by: Role, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let from = match by {
        Role::Client => Direction::ToClient,
        Role::Server => Direction::ToServer,
    };
    let limits = &connection.limits[from];
    let highest = connection.highest_alias[from];
    if !limits.said || !connection.is_whole() || highest == 0 || connection.bad_alias[from] {
        return;
    }
    let rule = match by {
        Role::Client => rules::ALIAS_REFUSED_BY_CLIENT,
        Role::Server => rules::ALIAS_REFUSED_BY_SERVER,
    };
    let message = format!(
        "the {} refuses a topic alias, though the highest one sent is {highest} and it allows {}",
        by.name(),
        limits.aliases
    );
    docket.breach(rule, &[at.message.origin.frame], Certainty::Likely, message);
}

fn judge_problems(connection: &Connection, at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let packet_type = at.message.packet.header.packet_type;
    let wanted = !connection.agreed.no_problems;
    if wanted || at.message.direction == Direction::ToServer || !may_tell_problem(packet_type) {
        return;
    }
    let held = properties(&at.message.packet.body);
    if let Some(id) = [P::ReasonString, P::UserProperty].into_iter().find(|id| held.get(*id).is_some()) {
        let message =
            format!("{packet_type} has the property {}, and the client wants no problem information", id.name());
        docket.breach(rules::PROBLEM_INFORMATION, &[at.message.origin.frame], at.certainty, message);
    }
}

/// Codes that only one end may send.
fn judge_code(at: &At<'_, '_>, docket: &mut Docket<'_>) {
    let packet_type = at.message.packet.header.packet_type;
    let Some(code) = code(&at.message.packet.body) else { return };
    let by = at.message.direction.sender();
    let is_of_other = matches!(
        (sender_of_code(packet_type, code), by),
        (Sender::Server, Role::Client) | (Sender::Client, Role::Server)
    );
    if let (true, Some(certainty)) = (is_of_other, at.as_sender) {
        let message = format!("the {} sends {packet_type} with code 0x{code:02x}, which only its peer may", by.name());
        docket.breach(rules::CODE_OF_OTHER_END, &[at.message.origin.frame], certainty, message);
    }
}

/// Whether an end names the authentication method of the connection.
pub(super) fn same_method(asked: &Asked, body: &Body<'_>) -> bool {
    text(properties(body), P::AuthenticationMethod) == asked.method
}
