//! Rules on the end of a connection: who had to close it, and whether it was closed.

use super::connection::{Connection, Expected};
use super::docket::Docket;
use super::rules;
use super::statement::Caveat;
use crate::capture::Origin;
use crate::check::Certainty;
use crate::dissect::Message;
use crate::flow::Role;
use crate::mqtt::{DeviationKind, PacketType, Severity, Version};
use crate::time::{Span, Timestamp};

/// How long a connection that is to be closed may stay open.
const GRACE: Span = Span::from_secs(5);

/// A message that breaks the protocol: its receiver has to close the connection.
pub(super) fn note_error(connection: &mut Connection, message: &Message<'_>) {
    let deviations = &message.packet.deviations;
    if deviations.is_empty() {
        return;
    }
    let version = message.packet.version;
    let worst = deviations.iter().map(|deviation| deviation.kind.severity(version)).max();
    if worst < Some(Severity::ProtocolError) || message.resynced {
        return;
    }
    let flags = |kind: DeviationKind| matches!(kind, DeviationKind::FixedFlags(_));
    match message.direction.sender() {
        Role::Client => {
            let of_flags = version == Version::V311 && deviations.iter().any(|deviation| flags(deviation.kind));
            let of_connect = message.packet.header.packet_type == PacketType::Connect && version != Version::V31;
            let keys: &'static [&'static str] = match (of_flags, of_connect) {
                (true, true) => &["MQTT-2.2.2-2", "MQTT-3.1.4-1"],
                (true, false) => &["MQTT-2.2.2-2"],
                (false, true) => &["MQTT-3.1.4-1"],
                (false, false) => &[],
            };
            let text = "the server goes on although the client has broken the protocol";
            connection.expect_close(rules::OPEN_AFTER_ERROR, keys, message.origin, text);
        }
        // What a client does about it is its own affair (MQTT 5.0, section 4.13.1).
        Role::Server => {}
    }
}

/// Whether the server closes a connection whose client is silent. That it does so late is no more than a hint: when it
/// looks is its own affair.
fn judge_keep_alive(connection: &Connection, docket: &mut Docket<'_>) {
    let Some((Role::Server, at)) = connection.closing else { return };
    let Some((_, periods)) = connection.silence(at.time) else { return };
    let rule = match docket.version {
        Version::V31 => "V31-KEEPALIVE-SERVER",
        Version::V311 => "MQTT-3.1.2-24",
        Version::V5 => "MQTT-3.1.2-22",
    };
    let of_client = connection.granted.as_ref().is_some_and(|granted| granted.keep_alive.is_none());
    for key in [Some(rule), Some("MQTT-3.2.2-22").filter(|_| of_client)].into_iter().flatten() {
        match periods {
            // Servers look at their clients now and then.
            1.4..2.5 => docket.kept(key),
            2.5.. => docket.broken(key, at.frame, Certainty::Hint),
            _ => {}
        }
    }
}

/// The connection is over, or no more is told of it: whether it was closed when it had to be.
pub(super) fn settle(connection: &Connection, last: Origin, now: Timestamp, docket: &mut Docket<'_>) {
    judge_keep_alive(connection, docket);
    for Expected { rule, keys, since, message } in connection.more.iter().flat_map(|more| &more.expected) {
        let clause = rule.clause(docket.version);
        let all = clause.iter().chain(keys.iter());
        // Another end that closes first is fine, and one that did so before.
        let until = connection.closing.map_or(now, |(_, at)| at.time);
        let open = until.since(since.time);
        match (open > GRACE, connection.closing) {
            (false, Some(_)) => all.for_each(|key| docket.kept(key)),
            (false, None) => all.for_each(|key| docket.unprovable(key, Caveat::End)),
            (true, closing) => {
                let frames: Vec<_> = [since.frame].into_iter().chain(closing.map(|(_, at)| at.frame)).collect();
                let text = format!("{message}, for {:.1} s", open.as_secs_f64());
                docket.at.time = until;
                // That nothing more is heard of it may be the capture's doing.
                let heard = closing.is_some() || last.time.since(since.time) > GRACE;
                let certainty = if heard { Certainty::Likely } else { Certainty::Hint };
                docket.breach(rule, &frames, certainty, text);
                for key in *keys {
                    docket.broken(key, since.frame, certainty);
                }
            }
        }
    }
}
