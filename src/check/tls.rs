//! Rules on TLS: what both ends say in the clear, and what keys can't unlock.

use super::Severity;
use super::rules::KnownRule;
use crate::dissect::{TlsFault, alert_name, version_name};
use crate::flow::Direction;

use Severity::{Note, Warning};

const ALERT: KnownRule = KnownRule {
    id: "tls.alert",
    severity: Warning,
    title: "an end of a TLS connection gives up with an alert",
    clause: Some("RFC 8446, 6.2"),
    hint: Some("what the alert names is what the sender of it did not like: its own log says more"),
};
const OLD_VERSION: KnownRule = KnownRule {
    id: "tls.old-version",
    severity: Warning,
    title: "a connection uses a version of TLS that must not be used any more",
    clause: Some("RFC 8996"),
    hint: Some("let both ends speak TLS 1.2 or 1.3"),
};
const EXPIRED: KnownRule = KnownRule {
    id: "tls.certificate-expired",
    severity: Warning,
    title: "a certificate was not valid any more when it was sent",
    clause: Some("RFC 5280, 4.1.2.5"),
    hint: Some("renew it; if it is valid, the clock of the capture is wrong"),
};
const NOT_YET_VALID: KnownRule = KnownRule {
    id: "tls.certificate-not-yet-valid",
    severity: Warning,
    title: "a certificate was not valid yet when it was sent",
    clause: Some("RFC 5280, 4.1.2.5"),
    hint: Some("look at the clock of who made it, and at that of the capture"),
};
/// These show what the capture or the key log lacks.
const NOT_AUTHENTIC: KnownRule = KnownRule {
    id: "tls.decryption-failed",
    severity: Note,
    title: "a record can't be decrypted with the keys that there are",
    clause: None,
    hint: Some("the key log may be that of another connection, or bytes of the record are not those that were sent"),
};
const KEYS_LATE: KnownRule = KnownRule {
    id: "tls.keys-late",
    severity: Note,
    title: "too much had to wait for keys: what was sent before they came is not read",
    clause: None,
    hint: Some("let the client write its key log without delay, on a disk that this host sees at once"),
};
const LOST: KnownRule = KnownRule {
    id: "tls.lost-records",
    severity: Note,
    title: "bytes that were not captured hold the border of a TLS record; reading goes on where a later one is authentic",
    clause: None,
    hint: None,
};

/// All of them.
pub(super) const RULES: [KnownRule; 7] = [ALERT, OLD_VERSION, EXPIRED, NOT_YET_VALID, NOT_AUTHENTIC, KEYS_LATE, LOST];

/// The rule that a case of it breaks, and what it says of it.
pub(super) fn judge(direction: Direction, fault: TlsFault) -> (KnownRule, String) {
    let sender = direction.sender().name();
    match fault {
        TlsFault::Alert { level, description } => {
            let name = alert_name(description).map_or_else(|| format!("alert {description}"), str::to_owned);
            let level = if level == 1 { "a warning" } else { "a fatal alert" };
            (ALERT, format!("the {sender} sends {level}: {name}"))
        }
        TlsFault::OldVersion(version) => {
            let name = version_name(version).unwrap_or("an unknown version");
            (OLD_VERSION, format!("both ends speak {name}, which must not be used any more"))
        }
        TlsFault::Expired => (EXPIRED, format!("the certificate of the {sender} was not valid any more at that time")),
        TlsFault::NotYetValid => {
            (NOT_YET_VALID, format!("the certificate of the {sender} was not valid yet at that time"))
        }
        TlsFault::NotAuthentic => {
            (NOT_AUTHENTIC, format!("a record of the {sender} can't be decrypted with the keys that there are"))
        }
        TlsFault::KeysLate => (KEYS_LATE, format!("too much of the {sender} had to wait for keys, and is not read")),
        TlsFault::Lost => (LOST, format!("{} (stream of the {sender})", LOST.title)),
    }
}
