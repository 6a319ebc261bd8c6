//! HTTP/1.x: recognised by its first line.

use super::Opening;
use crate::flow::Direction;
use crate::mqtt::Certainty;
use crate::neighbour::stream::{asks_http, begins_http};

/// Ports of HTTP, on which an end that says nothing readable may be within a body.
const PORTS: [u16; 5] = [80, 8000, 8008, 8080, 3128];

/// Whether these bytes begin with a request.
pub(super) fn asks(bytes: &[u8]) -> bool {
    asks_http(bytes)
}

/// Whether either direction begins with an HTTP message.
pub(super) fn recognise(opening: &Opening<'_>) -> Certainty {
    let mut verdict = Certainty::No;
    for direction in Direction::BOTH {
        let bytes = opening.bytes[direction];
        match begins_http(bytes) {
            Some(true) => return Certainty::Yes,
            None if !bytes.is_empty() && !opening.is_cut[direction] => verdict = Certainty::NeedMore,
            // Joined within a body: the next message of the other end will tell.
            _ if !bytes.is_empty()
                && PORTS.contains(&opening.facts.server_port)
                && !opening.from_start(direction)
                && opening.bytes[direction.reverse()].is_empty() =>
            {
                verdict = Certainty::NeedMore;
            }
            None | Some(_) => {}
        }
    }
    verdict
}
