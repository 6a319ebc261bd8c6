//! Whether the beginning of a flow is one of MQTT.

use super::PORTS;
use crate::dissect::Opening;
use crate::flow::Direction;
use crate::mqtt::{self, Certainty, FixedHeader};

/// Whether the flow carries MQTT.
///
/// A CONNECT is proof on any port. Without one (the capture began later, or the client is broken) a chain
/// of well-formed packets has to do, of which a usual port needs less.
pub(in crate::dissect) fn recognise(opening: &Opening<'_>) -> Certainty {
    let facts = &opening.facts;
    // A client's port is picked by chance, unless it is not known who the client is.
    let unknown_roles = !facts.roles_proved && facts.server_port >= 1024;
    let usual_port = PORTS.contains(&facts.server_port) || (unknown_roles && PORTS.contains(&facts.client_port));
    let mut verdict = Certainty::No;
    for direction in Direction::BOTH {
        let bytes = opening.bytes[direction];
        if bytes.is_empty() {
            continue;
        }
        let from_start = opening.from_start(direction);
        let connect = mqtt::looks_like_connect(bytes);
        if connect == Certainty::Yes {
            return Certainty::Yes;
        }
        let chain = mqtt::looks_like_mqtt(bytes);
        let judged = match (connect, from_start, usual_port) {
            (Certainty::NeedMore, ..) => Certainty::NeedMore,
            // The first packet of a stream is a CONNECT or its answer: anything else is some other protocol,
            // unless the port says otherwise and the packets do as well.
            (_, true, false) => answer(bytes),
            (_, true, true) if is_odd_connect(bytes) => Certainty::Yes,
            (_, true, true) => match chain {
                Certainty::NeedMore if mqtt::mqtt_score(bytes) >= Some(2) => Certainty::Yes,
                chain => chain,
            },
            (_, false, false) => chain,
            // Joined within a packet: the framer will find the next one, or nothing.
            (_, false, true) if is_another(opening) => Certainty::No,
            (_, false, true) => Certainty::Yes,
        };
        let judged = match judged {
            // No more of it will come. What is there contradicts nothing, and the port speaks for it.
            Certainty::NeedMore if opening.is_cut[direction] => {
                if usual_port && mqtt::mqtt_score(bytes).is_some() {
                    Certainty::Yes
                } else {
                    Certainty::No
                }
            }
            judged => judged,
        };
        match judged {
            Certainty::Yes => return Certainty::Yes,
            Certainty::NeedMore => verdict = Certainty::NeedMore,
            Certainty::No => {}
        }
    }
    if verdict == Certainty::NeedMore && opening.is_full { Certainty::No } else { verdict }
}

/// Whether the bytes are those of another protocol that uses this port.
fn is_another(opening: &Opening<'_>) -> bool {
    [
        crate::dissect::tls::recognise(opening),
        crate::dissect::http::recognise(opening),
        crate::dissect::websocket::recognise(opening),
    ]
    .contains(&Certainty::Yes)
}

/// Whether the stream begins with a packet that has the form of a CONNECT, though it names another protocol.
fn is_odd_connect(bytes: &[u8]) -> bool {
    let mqtt::HeaderRead::Complete(header) = FixedHeader::read(bytes) else { return false };
    let body = bytes.get(usize::from(header.length)..).unwrap_or_default();
    let Some((length, rest)) = body.split_first_chunk() else { return false };
    let name = rest.get(..usize::from(u16::from_be_bytes(*length))).unwrap_or_default();
    bytes.first() == Some(&0x10)
        && header.packet_length() == bytes.len() as u64
        && (1..=16).contains(&name.len())
        && name.iter().all(u8::is_ascii_graphic)
}

/// Whether the stream begins with a CONNACK, which tells MQTT where only the server was captured.
fn answer(bytes: &[u8]) -> Certainty {
    match *bytes {
        [0x20] | [0x20, 2] | [0x20, 2, 0 | 1] => Certainty::NeedMore,
        [0x20, 2, 0 | 1, 0..=5, ..] => Certainty::Yes,
        [0x20, ..] => mqtt::looks_like_mqtt(bytes),
        _ => Certainty::No,
    }
}
