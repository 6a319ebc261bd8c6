//! Rules on QUIC: how connections end, and what the capture or the keys lack.

use super::Severity;
use super::rules::KnownRule;
use crate::dissect::{QuicFault, TlsFault, quic_error_name};
use crate::flow::Direction;

use Severity::{Note, Warning};

const CLOSED: KnownRule = KnownRule {
    id: "quic.closed-with-error",
    severity: Warning,
    title: "an end closes a QUIC connection with an error",
    clause: Some("RFC 9000, 20.1"),
    hint: Some("what the code names is what the sender of it did not like: its own log says more"),
};
const RESET: KnownRule = KnownRule {
    id: "quic.stateless-reset",
    severity: Warning,
    title: "an end has lost a QUIC connection that the other one goes on with",
    clause: Some("RFC 9000, 10.3"),
    hint: Some("it was restarted, or its load balancer has sent the packets to another server"),
};
const NO_VERSION: KnownRule = KnownRule {
    id: "quic.version-not-supported",
    severity: Warning,
    title: "a server speaks none of the versions of QUIC that a client has tried",
    clause: Some("RFC 9000, 6"),
    hint: Some("the flow tells which versions the server names"),
};
const EXPIRED: KnownRule = KnownRule {
    id: "quic.certificate-expired",
    severity: Warning,
    title: "a certificate was not valid any more when it was sent over QUIC",
    clause: Some("RFC 5280, 4.1.2.5"),
    hint: Some("renew it; if it is valid, the clock of the capture is wrong"),
};
const NOT_YET_VALID: KnownRule = KnownRule {
    id: "quic.certificate-not-yet-valid",
    severity: Warning,
    title: "a certificate was not valid yet when it was sent over QUIC",
    clause: Some("RFC 5280, 4.1.2.5"),
    hint: Some("look at the clock of who made it, and at that of the capture"),
};
/// These show what the capture or the key log lacks.
const NOT_AUTHENTIC: KnownRule = KnownRule {
    id: "quic.decryption-failed",
    severity: Note,
    title: "a QUIC packet can't be decrypted with the keys that there are",
    clause: None,
    hint: Some("it may be none of the connection, or damaged; or the key log is that of another connection"),
};
const KEYS_LATE: KnownRule = KnownRule {
    id: "quic.keys-late",
    severity: Note,
    title: "too many QUIC packets had to wait for keys: what was sent before they came is not read",
    clause: None,
    hint: Some("let an end write its key log without delay, on a disk that this host sees at once"),
};
const MISSING: KnownRule = KnownRule {
    id: "quic.packets-missing",
    severity: Note,
    title: "an end acknowledges QUIC packets that the capture does not have",
    clause: Some("RFC 9000, 13.1"),
    hint: Some("what they carried is missing in what is told; the flow counts them"),
};
const CAPPED: KnownRule = KnownRule {
    id: "quic.reassembly-capped",
    severity: Note,
    title: "a hole in a stream of QUIC was given up, because too much was held behind it",
    clause: None,
    hint: Some("--cap out_of_order=NUMBER lets more be held"),
};
const TOO_MANY: KnownRule = KnownRule {
    id: "quic.too-many-streams",
    severity: Note,
    title: "a QUIC connection has more streams open than are read",
    clause: None,
    hint: Some("--cap quic_streams=NUMBER lets more be read"),
};

/// All of them.
pub(super) const RULES: [KnownRule; 10] =
    [CLOSED, RESET, NO_VERSION, EXPIRED, NOT_YET_VALID, NOT_AUTHENTIC, KEYS_LATE, MISSING, CAPPED, TOO_MANY];

/// The rule that a case of it breaks, and what it says of it.
pub(super) fn judge(direction: Direction, fault: QuicFault) -> (KnownRule, String) {
    let sender = direction.sender().name();
    let receiver = direction.receiver().name();
    match fault {
        QuicFault::Closed(code) => {
            let name = quic_error_name(code).unwrap_or_else(|| format!("error 0x{code:x}"));
            (CLOSED, format!("the {sender} closes the connection: {name}"))
        }
        QuicFault::StatelessReset => {
            (RESET, format!("the {sender} knows nothing of the connection any more (stateless reset)"))
        }
        QuicFault::NoVersion => (NO_VERSION, NO_VERSION.title.to_owned()),
        QuicFault::Certificate(TlsFault::NotYetValid) => {
            (NOT_YET_VALID, format!("the certificate of the {sender} was not valid yet at that time"))
        }
        QuicFault::Certificate(_) => {
            (EXPIRED, format!("the certificate of the {sender} was not valid any more at that time"))
        }
        QuicFault::NotAuthentic => {
            (NOT_AUTHENTIC, format!("a packet of the {sender} can't be decrypted with the keys that there are"))
        }
        QuicFault::KeysLate => (KEYS_LATE, format!("too much of the {sender} had to wait for keys, and is not read")),
        QuicFault::Missing => {
            (MISSING, format!("the {receiver} acknowledges packets of the {sender} that were not captured"))
        }
        QuicFault::Capped => (CAPPED, format!("{} (stream of the {sender})", CAPPED.title)),
        QuicFault::TooManyStreams => (TOO_MANY, TOO_MANY.title.to_owned()),
    }
}
