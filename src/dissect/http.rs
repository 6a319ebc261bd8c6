//! HTTP/1.x: recognised by its first line, and looked into as far as it leads to WebSocket.

use super::Opening;
use crate::flow::Direction;
use crate::mqtt::Certainty;

/// What a request or a response begins with.
const BEGINNINGS: [&[u8]; 10] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"CONNECT ", b"OPTIONS ", b"TRACE ", b"PATCH ", b"HTTP/1."];

/// Whether these bytes begin with a request.
pub(super) fn asks(bytes: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning)) && !bytes.starts_with(b"HTTP/1.")
}

/// Whether either direction begins with an HTTP message.
pub(super) fn recognise(opening: &Opening<'_>) -> Certainty {
    let mut verdict = Certainty::No;
    for bytes in Direction::BOTH.map(|direction| opening.bytes[direction]) {
        if BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning)) {
            return Certainty::Yes;
        }
        if !bytes.is_empty() && BEGINNINGS.iter().any(|beginning| beginning.starts_with(bytes)) {
            verdict = Certainty::NeedMore;
        }
    }
    verdict
}
