//! Rules on WebSocket, where it carries MQTT: how both ends agree on it, and its frames.

use super::Severity;
use super::rules::KnownRule;
use crate::dissect::{HandshakePart, WebSocketFault, close_code_name};
use crate::flow::Direction;

const fn rule(id: &'static str, severity: Severity, title: &'static str, clause: &'static str) -> KnownRule {
    KnownRule { id, severity, title, clause: Some(clause), hint: None }
}

impl KnownRule {
    const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

use Severity::{Error, Note, Warning};

const NOT_OFFERED: KnownRule = rule(
    "websocket.subprotocol-not-offered",
    Error,
    "a client does not offer the subprotocol mqtt",
    "MQTT-6.0.0-3",
)
.hint(
    "let the client ask for the subprotocol mqtt: brokers may refuse it otherwise, and proxies can't tell what it is",
);
const NOT_CHOSEN: KnownRule = rule(
    "websocket.subprotocol-not-chosen",
    Error,
    "a server does not answer with the subprotocol mqtt",
    "MQTT-6.0.0-4",
)
.hint("browsers close a connection whose server does not name a subprotocol that they offered");
const NOT_AMONG_OFFERED: KnownRule = rule(
    "websocket.subprotocol-unasked",
    Error,
    "a server chooses a subprotocol that the client did not offer",
    "RFC 6455, 4.2.2",
);
const REFUSED: KnownRule =
    rule("websocket.refused", Warning, "a server refuses a WebSocket that was to carry MQTT", "RFC 6455, 4.2.2")
        .hint("look whether path and host are those of the listener, and whether it wants credentials");
const WRONG_ACCEPT: KnownRule =
    rule("websocket.accept-wrong", Error, "a server's answer to the key is not what it has to be", "RFC 6455, 4.2.2")
        .hint("something between the ends may have answered from a cache");
const VERSION: KnownRule =
    rule("websocket.version", Error, "a client asks for another version of WebSocket than 13", "RFC 6455, 4.1");
const HANDSHAKE: KnownRule = rule(
    "websocket.handshake",
    Error,
    "a request for WebSocket, or its answer, lacks what it must have",
    "RFC 6455, 4",
);
const EXTENSION: KnownRule = rule(
    "websocket.extension-unasked",
    Error,
    "a server agrees to an extension that the client did not offer",
    "RFC 6455, 9.1",
);
const TEXT: KnownRule = rule("websocket.text-frame", Error, "text where MQTT wants binary frames", "MQTT-6.0.0-1")
    .hint("let the client send binary frames; what stands in text is not read as MQTT");
const UNMASKED: KnownRule = rule("websocket.unmasked-frame", Error, "a client's frame is not masked", "RFC 6455, 5.1");
const MASKED: KnownRule = rule("websocket.masked-frame", Error, "a server's frame is masked", "RFC 6455, 5.1");
const RESERVED_BITS: KnownRule = rule(
    "websocket.reserved-bits",
    Error,
    "reserved bits are set that no extension gives a meaning to",
    "RFC 6455, 5.2",
);
const RESERVED_OPCODE: KnownRule =
    rule("websocket.reserved-opcode", Error, "a frame of a kind that does not exist", "RFC 6455, 5.2");
const FRAGMENTED_CONTROL: KnownRule =
    rule("websocket.fragmented-control", Error, "a control frame in fragments", "RFC 6455, 5.5");
const LONG_CONTROL: KnownRule =
    rule("websocket.long-control", Error, "a control frame carries more than 125 bytes", "RFC 6455, 5.5");
const FRAGMENTS: KnownRule = rule(
    "websocket.fragments",
    Error,
    "fragments do not follow each other as one message after the other",
    "RFC 6455, 5.4",
);
const LENGTH: KnownRule =
    rule("websocket.length", Error, "the length of a frame is not in its only form", "RFC 6455, 5.2");
const CLOSE: KnownRule =
    rule("websocket.close-frame", Error, "a close frame holds what it must not", "RFC 6455, 5.5.1");
const AFTER_CLOSE: KnownRule = rule("websocket.data-after-close", Error, "data after a close frame", "RFC 6455, 5.5.1");
const NOT_INFLATED: KnownRule =
    rule("websocket.not-inflated", Error, "a compressed message can't be inflated", "RFC 7692, 7.2.2");
/// It shows what the capture lacks.
const CONTEXT_LOST: KnownRule = KnownRule {
    clause: None,
    ..rule(
        "websocket.context-lost",
        Note,
        "compressed messages refer to bytes that were not captured, and can't be read",
        "",
    )
};
const INFLATED_TOO_MUCH: KnownRule = KnownRule {
    clause: None,
    ..rule(
        "websocket.inflated-too-much",
        Warning,
        "far more would come out of compressed messages than went in, and is not read",
        "",
    )
};
const LOST_FRAMES: KnownRule = KnownRule {
    clause: None,
    ..rule(
        "websocket.lost-frames",
        Note,
        "bytes that were not captured hold the border of a frame, so that frames can't be told apart",
        "",
    )
};

/// All of them.
pub(super) const RULES: [KnownRule; 23] = [
    NOT_OFFERED,
    NOT_CHOSEN,
    NOT_AMONG_OFFERED,
    REFUSED,
    WRONG_ACCEPT,
    VERSION,
    HANDSHAKE,
    EXTENSION,
    TEXT,
    UNMASKED,
    MASKED,
    RESERVED_BITS,
    RESERVED_OPCODE,
    FRAGMENTED_CONTROL,
    LONG_CONTROL,
    FRAGMENTS,
    LENGTH,
    CLOSE,
    AFTER_CLOSE,
    NOT_INFLATED,
    CONTEXT_LOST,
    INFLATED_TOO_MUCH,
    LOST_FRAMES,
];

/// The rule that a case of it breaks, and what it says of it.
pub(super) fn judge(direction: Direction, fault: WebSocketFault) -> (KnownRule, String) {
    let sender = direction.sender().name();
    match fault {
        WebSocketFault::NotOffered { old: true } => (
            NOT_OFFERED,
            "the client offers the subprotocol mqttv3.1, which is the old name of mqtt, and not mqtt".into(),
        ),
        WebSocketFault::NotOffered { old: false } => {
            (NOT_OFFERED, "the client does not offer the subprotocol mqtt".into())
        }
        WebSocketFault::NotChosen { other: true } => {
            (NOT_CHOSEN, "the server answers with another subprotocol than mqtt".into())
        }
        WebSocketFault::NotChosen { other: false } => (NOT_CHOSEN, "the server answers without a subprotocol".into()),
        WebSocketFault::NotAmongOffered => {
            (NOT_AMONG_OFFERED, "the server chooses a subprotocol that the client did not offer".into())
        }
        WebSocketFault::Refused(status) => {
            (REFUSED, format!("the server refuses the WebSocket with HTTP status {status}"))
        }
        WebSocketFault::WrongAccept => {
            (WRONG_ACCEPT, "Sec-WebSocket-Accept does not follow from Sec-WebSocket-Key".into())
        }
        WebSocketFault::Version => (VERSION, "the client asks for another version of WebSocket than 13".into()),
        WebSocketFault::Handshake(part) => (HANDSHAKE, lack(sender, part)),
        WebSocketFault::ExtensionNotOffered => {
            (EXTENSION, "the server agrees to an extension that the client did not offer".into())
        }
        WebSocketFault::Text => (TEXT, format!("the {sender} sends text frames; MQTT goes in binary ones")),
        WebSocketFault::Unmasked => (UNMASKED, "the client sends frames that are not masked".into()),
        WebSocketFault::Masked => (MASKED, "the server sends frames that are masked".into()),
        WebSocketFault::ReservedBits(bits) => {
            let names = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")];
            let set: Vec<_> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
            (RESERVED_BITS, format!("the {sender} sets {} where nothing was agreed on for it", set.join(" and ")))
        }
        WebSocketFault::ReservedOpcode(opcode) => {
            (RESERVED_OPCODE, format!("the {sender} sends a frame with the reserved opcode {}", opcode.0))
        }
        WebSocketFault::FragmentedControl(opcode) => (
            FRAGMENTED_CONTROL,
            format!("the {sender} sends a control frame (opcode {}) that is not the last of its message", opcode.0),
        ),
        WebSocketFault::LongControl(length) => {
            (LONG_CONTROL, format!("the {sender} sends a control frame of {length} bytes"))
        }
        WebSocketFault::NothingToContinue => {
            (FRAGMENTS, format!("the {sender} sends a continuation frame, and no message has begun"))
        }
        WebSocketFault::WithinMessage => {
            (FRAGMENTS, format!("the {sender} begins a message before the fragments of another one are over"))
        }
        WebSocketFault::PaddedLength => {
            (LENGTH, format!("the {sender} sends a frame whose length is longer than it has to be"))
        }
        WebSocketFault::ImpossibleLength => {
            (LENGTH, format!("the {sender} sends a frame of 2^63 bytes or more; nothing behind it can be read"))
        }
        WebSocketFault::CloseCode(code) => {
            let name = close_code_name(code).map(|name| format!(" ({name})")).unwrap_or_default();
            (CLOSE, format!("the {sender} closes with the code {code}{name}, which must not be sent"))
        }
        WebSocketFault::CloseLength => (CLOSE, format!("the {sender} sends a close frame with half a code")),
        WebSocketFault::CloseReason => (CLOSE, format!("the {sender} closes for a reason that is no UTF-8")),
        WebSocketFault::AfterClose => (AFTER_CLOSE, format!("the {sender} sends data after its close frame")),
        WebSocketFault::NotInflated { lost: false } => {
            (NOT_INFLATED, format!("a compressed message of the {sender} can't be inflated"))
        }
        WebSocketFault::NotInflated { lost: true } => (
            CONTEXT_LOST,
            format!("compressed messages of the {sender} refer to bytes that were not captured: those can't be read"),
        ),
        WebSocketFault::TooMuch => (
            INFLATED_TOO_MUCH,
            format!(
                "far more would come out of compressed messages of the {sender} than went in; the rest is not read"
            ),
        ),
        WebSocketFault::LostFrames(at) => {
            (LOST_FRAMES, format!("{} (from byte {at} of the {sender}'s stream on)", LOST_FRAMES.title))
        }
    }
}

fn lack(sender: &str, part: HandshakePart) -> String {
    match part {
        HandshakePart::Method => "the client does not ask with GET".to_owned(),
        HandshakePart::Http => "the client asks in a version of HTTP before 1.1".to_owned(),
        HandshakePart::Host => "the client's request has no Host".to_owned(),
        HandshakePart::Connection => format!("the {sender} does not say 'Connection: Upgrade'"),
        HandshakePart::Key => "the client's request has no Sec-WebSocket-Key of 16 bytes".to_owned(),
        HandshakePart::Accept => "the server's answer has no Sec-WebSocket-Accept".to_owned(),
    }
}
