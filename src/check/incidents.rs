//! Rules on the order of packets: what an incident of a session breaks, and how bad that is.

use super::{Finding, Severity};
use crate::flow::Role;
use crate::mqtt::{PacketType, Version};
use crate::session::{Incident, IncidentKind as K};

/// The rule that an incident breaks.
pub(super) struct Broken {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// The clauses of 3.1, 3.1.1 and 5.0.
    pub(super) clauses: [Option<&'static str>; 3],
    pub(super) hint: Option<&'static str>,
}

const fn broken(
    id: &'static str,
    severity: Severity,
    v31: &'static str,
    v311: &'static str,
    v5: &'static str,
) -> Broken {
    const fn some(clause: &'static str) -> Option<&'static str> {
        if clause.is_empty() { None } else { Some(clause) }
    }
    Broken { id, severity, clauses: [some(v31), some(v311), some(v5)], hint: None }
}

/// What is to be said of an incident.
pub(super) fn judge(incident: &Incident) -> Finding {
    let rule = rule(&incident.kind, incident.by, incident.version);
    let [v31, v311, v5] = rule.clauses;
    let clause = match incident.version {
        Version::V31 => v31,
        Version::V311 => v311,
        Version::V5 => v5,
    };
    Finding {
        id: format!("mqtt.{}", rule.id),
        severity: rule.severity,
        certainty: incident.certainty,
        flow: Some(incident.flow),
        client_id: None,
        message: describe(incident),
        frames: incident.frames.clone(),
        time: incident.at.time,
        clause,
        hint: rule.hint,
    }
}

/// The rule, and how bad it is to break it with the version at hand.
pub(super) fn rule(kind: &K, by: Role, version: Version) -> Broken {
    use Severity::{Error, Note, Warning};
    let client = by == Role::Client;
    match kind {
        K::NoConnectFirst(_) => broken("no-connect-first", Error, "V31-CONNECT-FIRST", "MQTT-3.1.0-1", "MQTT-3.1.0-1"),
        K::SecondConnect => broken("second-connect", Error, "V31-CONNECT-FIRST", "MQTT-3.1.0-2", "MQTT-3.1.0-2"),
        K::NoConnAckFirst(_) => broken("no-connack-first", Error, "V31-CONNACK-ANSWER", "MQTT-3.2.0-1", "MQTT-3.2.0-1"),
        K::AfterRefusal(_) => broken("after-refusal", Error, "", "MQTT-3.1.4-5", "MQTT-3.1.4-6"),
        K::AfterDisconnect(_) => {
            broken("after-disconnect", Error, "V31-DISCONNECT-LAST", "MQTT-3.14.4-2", "MQTT-3.14.4-1")
        }
        K::WrongSender(PacketType::Disconnect) => {
            broken("wrong-sender", Error, "DISCONNECT-SERVER-3X", "DISCONNECT-SERVER-3X", "")
        }
        K::WrongSender(_) => broken("wrong-sender", Error, "WRONG-DIRECTION", "WRONG-DIRECTION", "WRONG-DIRECTION"),
        K::SessionPresentAfterCleanStart => {
            broken("session-present-after-clean-start", Error, "", "MQTT-3.2.2-1", "MQTT-3.2.2-2")
        }
        K::SessionLost => Broken {
            hint: Some("the server was restarted without persistence, or its own limit ended the session"),
            ..broken("session-lost", Warning, "V31-CLEAN-SESSION-0", "MQTT-3.2.2-2", "MQTT-3.1.2-23")
        },
        K::SessionUnexpected(_) => broken("session-unexpected", Warning, "", "MQTT-3.2.2-3", "MQTT-3.2.2-3"),
        K::ExpiryRaised(_) => broken("session-expiry-raised", Error, "", "", "SESSION-EXPIRY-RAISED"),
        K::NoClientIdAssigned => broken("no-client-id-assigned", Error, "", "", "MQTT-3.2.2-16"),
        K::ClientIdTaken => broken("assigned-client-id-taken", Error, "", "", "MQTT-3.2.2-16"),
        K::IdentifierInUse(_) if client => {
            broken("identifier-in-use", Error, "V31-MSGID-UNIQUE", "MQTT-2.3.1-2", "MQTT-2.2.1-3")
        }
        K::IdentifierInUse(_) => broken("identifier-in-use", Error, "V31-MSGID-UNIQUE", "MQTT-2.3.1-4", "MQTT-2.2.1-4"),
        K::DupOnFirst(_, 2) => broken("dup-on-first", Error, "", "MQTT-4.3.3-1", "MQTT-4.3.3-2"),
        K::DupOnFirst(..) => broken("dup-on-first", Error, "", "MQTT-4.3.2-1", "MQTT-4.3.2-2"),
        K::ResentWithoutDup(_) => {
            let severity = if version == Version::V31 { Warning } else { Error };
            broken("resent-without-dup", severity, "V31-DUP-RESEND", "MQTT-3.3.1-1", "MQTT-3.3.1-1")
        }
        K::ResentOnConnection(..) => {
            // Forbidden in 5.0 only; 3.1 wants it.
            let severity = if version == Version::V5 { Error } else { Note };
            broken("resent-on-connection", severity, "V31-RETRY", "RESEND-WITHOUT-RECONNECT", "MQTT-4.4.0-1")
        }
        K::ResentAfterRelease(_) => {
            broken("resent-after-release", Error, "V31-QOS2-FLOW", "MQTT-4.3.3-1", "MQTT-4.3.3-6")
        }
        K::ResentAfterCompletion(_) => Broken {
            hint: Some("the receiver takes it for a new message, so that it may be delivered twice"),
            ..broken("resent-after-completion", Error, "V31-QOS2-FLOW", "MQTT-4.3.3-1", "MQTT-4.4.0-1")
        },
        K::ResentAfterRefusal(_) => broken("resent-after-refusal", Error, "", "", "MQTT-4.4.0-2"),
        K::ResentOutOfOrder(_) => broken("resent-out-of-order", Error, "V31-ORDER", "MQTT-4.6.0-1", "MQTT-4.6.0-1"),
        K::Unsolicited(PacketType::SubAck | PacketType::UnsubAck, _) => {
            broken("unsolicited", Error, "V31-MSGID-MATCH", "MQTT-2.3.1-7", "MQTT-2.2.1-6")
        }
        K::Unsolicited(..) => broken("unsolicited", Error, "V31-MSGID-MATCH", "MQTT-2.3.1-6", "MQTT-2.2.1-5"),
        K::AcknowledgedTwice(..) => {
            broken("acknowledged-twice", Warning, "ACK-DUPLICATE", "ACK-DUPLICATE", "ACK-DUPLICATE")
        }
        K::WrongAcknowledgement(..) => {
            broken("wrong-acknowledgement", Error, "ACK-KIND-MISMATCH", "ACK-KIND-MISMATCH", "ACK-KIND-MISMATCH")
        }
        K::AcknowledgedOutOfOrder(packet_type, _) => {
            // Only the client has to keep this order, and with 3.1 nobody has.
            let severity = if client && version != Version::V31 { Error } else { Note };
            let clause = if *packet_type == PacketType::PubRec { "MQTT-4.6.0-3" } else { "MQTT-4.6.0-2" };
            broken("acknowledged-out-of-order", severity, "", clause, clause)
        }
        K::ReceiveMaximum(..) if client => broken("receive-maximum-exceeded", Error, "", "", "MQTT-3.3.4-7"),
        K::ReceiveMaximum(..) => broken("receive-maximum-exceeded", Error, "", "", "MQTT-3.3.4-9"),
        K::AliasAboveMaximum(_, 0) if client => broken("alias-above-maximum", Error, "", "", "MQTT-3.2.2-18"),
        K::AliasAboveMaximum(..) if client => broken("alias-above-maximum", Error, "", "", "MQTT-3.2.2-17"),
        K::AliasAboveMaximum(_, 0) => broken("alias-above-maximum", Error, "", "", "MQTT-3.1.2-27"),
        K::AliasAboveMaximum(..) => broken("alias-above-maximum", Error, "", "", "MQTT-3.1.2-26"),
        K::AliasUnknown(_) => broken("alias-unknown", Error, "", "", "TOPIC-ALIAS-UNKNOWN"),
        K::PacketTooLarge(..) if client => broken("packet-too-large", Error, "", "", "MQTT-3.2.2-15"),
        K::PacketTooLarge(..) => broken("packet-too-large", Error, "", "", "MQTT-3.1.2-24"),
        K::CodeCount(PacketType::UnsubAck, ..) => broken("code-count", Error, "", "", "MQTT-3.11.3-1"),
        K::CodeCount(..) => broken("code-count", Error, "V31-SUBACK", "MQTT-3.8.4-5", "MQTT-3.8.4-6"),
        K::QosAboveGranted(..) => broken("qos-above-granted", Warning, "V31-QOS-CAP", "MQTT-3.8.4-6", "MQTT-3.8.4-8"),
        K::KeepAliveExceeded(..) => {
            broken("keep-alive-exceeded", Warning, "V31-KEEPALIVE-CLIENT", "MQTT-3.1.2-23", "MQTT-3.1.2-20")
        }
        K::KeepAliveNotEnforced(..) => {
            broken("keep-alive-not-enforced", Note, "V31-KEEPALIVE-SERVER", "MQTT-3.1.2-24", "MQTT-3.1.2-22")
        }
        K::NotTakenOver => broken("not-taken-over", Error, "V31-TAKEOVER", "MQTT-3.1.4-2", "MQTT-3.1.4-3"),
        K::WillAfterDisconnect => Broken {
            hint: Some("the client may have published the same message by itself"),
            ..broken("will-after-disconnect", Error, "V31-WILL-PUBLISH", "MQTT-3.14.4-3", "MQTT-3.14.4-3")
        },
    }
}

fn describe(incident: &Incident) -> String {
    let who = incident.by.name();
    match &incident.kind {
        K::NoConnectFirst(kind) => format!("the connection begins with {kind}, not with CONNECT"),
        K::SecondConnect => "a second CONNECT on the same connection".to_owned(),
        K::NoConnAckFirst(kind) => format!("the server's first packet is {kind}, not CONNACK"),
        K::AfterRefusal(kind) => format!("the server sends {kind} although it has refused the connection"),
        K::AfterDisconnect(kind) => format!("the {who} sends {kind} after its DISCONNECT"),
        K::WrongSender(kind) => format!("the {who} sends {kind}, which only the other end may"),
        K::SessionPresentAfterCleanStart => "session present is set although the client asked for a new one".to_owned(),
        K::SessionLost => "the server has no session any more, though it should have kept the last one".to_owned(),
        K::SessionUnexpected(false) => {
            "the server goes on with a session that was to end with its connection".to_owned()
        }
        K::SessionUnexpected(true) => "the server goes on with a session that had expired".to_owned(),
        K::ExpiryRaised(seconds) => {
            format!(
                "DISCONNECT asks for a session of {seconds} s, and CONNECT asked for one that ends with the connection"
            )
        }
        K::NoClientIdAssigned => "the client has no identifier, and the server assigns none".to_owned(),
        K::ClientIdTaken => "the server assigns an identifier that another client has, which is connected".to_owned(),
        K::IdentifierInUse(id) => format!("the {who} uses packet identifier {id} again while it is in use"),
        K::DupOnFirst(id, _) => {
            format!("DUP is set on a message that was not sent before (the {who}'s identifier {id})")
        }
        K::ResentWithoutDup(id) => format!("the {who} sends message {id} again without DUP"),
        K::ResentOnConnection(kind, id) => format!("the {who} sends {kind} {id} again on the same connection"),
        K::ResentAfterRelease(id) => format!("the {who} sends message {id} again after its PUBREL"),
        K::ResentAfterCompletion(id) => {
            format!("the {who} sends message {id} again although it was acknowledged to the end")
        }
        K::ResentAfterRefusal(id) => format!("the {who} goes on with message {id} although it was refused"),
        K::ResentOutOfOrder(id) => format!("the {who} sends message {id} again in another order than at first"),
        K::Unsolicited(kind, id) => format!("the {who} sends {kind} {id}, and nothing of that identifier is open"),
        K::AcknowledgedTwice(kind, id) => format!("the {who} sends {kind} {id} a second time"),
        K::WrongAcknowledgement(kind, id) => {
            format!("the {who} sends {kind} {id}, which does not fit the QoS or the state of that message")
        }
        K::AcknowledgedOutOfOrder(kind, id) => format!("the {who} sends {kind} {id} before that of an earlier message"),
        K::ReceiveMaximum(open, maximum) => {
            format!("the {who} has {open} messages open, and its peer allows {maximum}")
        }
        K::AliasAboveMaximum(alias, 0) => format!("the {who} uses topic alias {alias}, and its peer allows none"),
        K::AliasAboveMaximum(alias, maximum) => {
            format!("the {who} uses topic alias {alias}, and its peer allows {maximum} at most")
        }
        K::AliasUnknown(alias) => format!("the {who} uses topic alias {alias}, which was not given a topic"),
        K::PacketTooLarge(length, maximum) => {
            format!("the {who} sends a packet of {length} bytes, and its peer allows {maximum}")
        }
        K::CodeCount(kind, codes, filters) => format!("{kind} has {codes} codes for {filters} filters"),
        K::QosAboveGranted(qos, granted) => format!("the server sends QoS {qos} and has granted {granted}"),
        K::KeepAliveExceeded(silence, seconds) => {
            format!("the client sent nothing for {:.1} s, and its keep alive is {seconds} s", silence.as_secs_f64())
        }
        K::KeepAliveNotEnforced(silence, seconds) => format!(
            "the server let a client go on after {:.1} s of silence, and the keep alive is {seconds} s",
            silence.as_secs_f64()
        ),
        K::NotTakenOver => "the server goes on with a connection whose client has connected anew".to_owned(),
        K::WillAfterDisconnect => "the will was published although the client had taken leave".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_bad_a_resend_and_another_order_are_depends_on_the_version_and_the_end() {
        use Severity::{Error, Note, Warning};
        let by_version = |kind: &K, by| Version::ALL.map(|version| rule(kind, by, version).severity);
        let resent = K::ResentOnConnection(PacketType::Publish, 1);
        assert_eq!(by_version(&resent, Role::Client), [Note, Note, Error]);
        assert_eq!(by_version(&K::ResentWithoutDup(1), Role::Server), [Warning, Error, Error]);
        for packet_type in [PacketType::PubAck, PacketType::PubRec] {
            let order = K::AcknowledgedOutOfOrder(packet_type, 1);
            assert_eq!(by_version(&order, Role::Client), [Note, Error, Error]);
            assert_eq!(by_version(&order, Role::Server), [Note; 3]);
        }
    }
}
