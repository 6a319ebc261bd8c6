//! CoAP (RFC 7252): on its port, and elsewhere where a request shows by its content what it is.

use super::coap_options::{self, Facts};
use super::cursor::Cursor;
use super::reading::{Exchange, Part};
use super::{Block, Datagram, Neighbour, Reading};
use crate::flow::Role;

const PORT: u16 = 5683;

/// Below are ports of well-known services, which are no CoAP whatever they look like.
const FREE_PORTS: u16 = 1024;

const TYPES: [&str; 4] = ["CON", "NON", "ACK", "RST"];

/// The longest path and query that goes into the line, and to the answer.
pub(super) const LONGEST_PATH: usize = 255;

/// The names of the codes (RFC 7252, section 12.1, and those that came later).
const CODES: [(u8, &str); 34] = [
    (0, "Empty Message"),
    (1, "GET"),
    (2, "POST"),
    (3, "PUT"),
    (4, "DELETE"),
    (5, "FETCH"),
    (6, "PATCH"),
    (7, "iPATCH"),
    (65, "2.01 Created"),
    (66, "2.02 Deleted"),
    (67, "2.03 Valid"),
    (68, "2.04 Changed"),
    (69, "2.05 Content"),
    (95, "2.31 Continue"),
    (128, "4.00 Bad Request"),
    (129, "4.01 Unauthorized"),
    (130, "4.02 Bad Option"),
    (131, "4.03 Forbidden"),
    (132, "4.04 Not Found"),
    (133, "4.05 Method Not Allowed"),
    (134, "4.06 Not Acceptable"),
    (136, "4.08 Request Entity Incomplete"),
    (137, "4.09 Conflict"),
    (140, "4.12 Precondition Failed"),
    (141, "4.13 Request Entity Too Large"),
    (143, "4.15 Unsupported Content-Format"),
    (150, "4.22 Unprocessable Entity"),
    (157, "4.29 Too Many Requests"),
    (160, "5.00 Internal Server Error"),
    (161, "5.01 Not Implemented"),
    (162, "5.02 Bad Gateway"),
    (163, "5.03 Service Unavailable"),
    (164, "5.04 Gateway Timeout"),
    (165, "5.05 Proxying Not Supported"),
];

/// The beginning of every message (RFC 7252, section 3).
struct Header<'a> {
    kind: u8,
    code: u8,
    id: u16,
    token: &'a [u8],
}

fn header<'a>(rest: &mut Cursor<'a>) -> Option<Header<'a>> {
    let first = rest.u8().filter(|first| first >> 6 == 1 && first & 15 <= 8)?;
    let (code, id) = (rest.u8()?, rest.u16()?);
    Some(Header { kind: first >> 4 & 3, code, id, token: rest.take(usize::from(first & 15))? })
}

pub(super) fn read(datagram: &Datagram<'_>) -> Option<Reading> {
    if datagram.is_on(PORT) || is_request(datagram) { read_known(datagram) } else { None }
}

/// Whether a datagram between other ports is a request for sure: with a path, and no option that no request has.
fn is_request(datagram: &Datagram<'_>) -> bool {
    let [first, code, ..] = *datagram.bytes else { return false };
    let whole = datagram.bytes.len() == datagram.length as usize;
    // A message of MQTT-SN begins with its length.
    let is_likely =
        first >> 6 == 1 && first & 0x20 == 0 && matches!(code, 1..=7) && u32::from(first) != datagram.length;
    if !(whole && is_likely && datagram.ports.0.min(datagram.ports.1) >= FREE_PORTS) {
        return false;
    }
    let mut rest = Cursor(datagram.bytes);
    header(&mut rest).is_some() && coap_options::are_of_request(rest)
}

/// Reads what is known to be CoAP.
pub(super) fn read_known(datagram: &Datagram<'_>) -> Option<Reading> {
    let mut rest = Cursor(datagram.bytes);
    let Header { kind, code, id, token } = header(&mut rest)?;
    let class = code >> 5;
    // RFC 7252, section 3: 1, 6 and 7 are reserved.
    if !matches!(class, 0 | 2 | 4 | 5) {
        return None;
    }
    let mut reading = Reading::new(Neighbour::Coap);
    reading.number("coap.version", 1u8);
    reading.number("coap.type", kind);
    reading.number("coap.token_len", token.len() as u64);
    reading.number("coap.code", code);
    reading.number("coap.mid", id);
    if !token.is_empty() {
        reading.bytes("coap.token", token);
    }
    let mut facts = Facts::default();
    coap_options::read(&mut rest, &mut reading, &mut facts);
    let type_name = TYPES.get(usize::from(kind)).copied().unwrap_or_default();
    reading.info = format!("{type_name}, MID:{id}, ");
    match CODES.iter().find(|(known, _)| *known == code) {
        Some((_, name)) => reading.info.push_str(name),
        None => reading.say(format_args!("{class}.{:02}", code & 31)),
    }
    if !token.is_empty() {
        reading.info.push_str(", TKN:");
        for byte in token {
            reading.say(format_args!("{byte:02x}"));
        }
    }
    if let Some(text) = &facts.block {
        reading.say(format_args!(", {text}"));
    }
    // What is behind the captured bytes is payload, if there was none before.
    let behind = (datagram.length as usize).saturating_sub(datagram.bytes.len());
    if let Some(payload) = facts.payload {
        payload_of(&mut reading, &facts, code, payload, behind);
    } else if facts.is_broken || behind > 0 {
        reading.info.push_str(if behind > 0 { " (cut short)" } else { " (malformed options)" });
    }
    let (key, message) = (key(token), Some(id));
    // Either end may be both, one after the other; what comes first tells who began.
    if class == 0 && code > 0 {
        reading.sender = Some(Role::Client);
        let uri = facts.uri();
        if !uri.is_empty() {
            reading.text("coap.opt.uri_path_recon", &uri);
        }
        let about = [uri.as_slice(), &facts.query].concat();
        if !about.is_empty() {
            reading.say(format_args!(", {}", String::from_utf8_lossy(&about)));
        }
        reading.exchange = Some(Exchange { part: Part::Asks, key, message, about: Some(uri.into()) });
    } else if class > 0 {
        reading.sender = Some(Role::Server);
        reading.exchange = Some(Exchange { part: Part::Answers, key, message, about: None });
    }
    Some(reading)
}

/// A token as a number that no other token has: its length counts, too.
fn key(token: &[u8]) -> u128 {
    token.iter().fold(1, |key, byte| key << 8 | u128::from(*byte))
}

fn payload_of(reading: &mut Reading, facts: &Facts, code: u8, payload: &[u8], behind: usize) {
    let length = payload.len() + behind;
    // RFC 7252, section 5.5: without a format it is a text where it explains an error, and may be anything else where not.
    let (format, note) = match &facts.format {
        Some(format) => (format.clone(), ""),
        None if code >= 0x80 => (coap_options::format(0), " (no Content-Format)"),
        None => (coap_options::format(42), " (no Content-Format)"),
    };
    // Payload is of a body that a request brings, or a response.
    let place = if code >> 5 == 0 { facts.block1 } else { facts.block2 };
    if let Some((offset, more)) = place {
        let format = facts.format.as_deref().map(Box::from);
        let (length, etag) = (length as u64, facts.etag.clone());
        reading.block = Some(Box::new(Block { offset, length, more, etag, format }));
    }
    if facts.block.is_some() {
        reading.bytes("coap.block_payload", payload);
        reading.number("coap.block_length", length as u64);
    }
    if !facts.is_part {
        let text = format!("Payload Content-Format: {format}{note}, Length: {length}");
        reading.put("coap.payload", super::Value::Text(text.into_bytes()));
        reading.text("coap.payload_desc", format.as_bytes());
        reading.number("coap.payload_length", length as u64);
    }
    match &facts.format {
        Some(format) => reading.say(format_args!(", {format}, {length} bytes")),
        None => reading.say(format_args!(", {length} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neighbour::Value;

    fn datagram(ports: (u16, u16), bytes: &[u8]) -> Datagram<'_> {
        Datagram { ports, bytes, length: bytes.len() as u32 }
    }

    /// RFC 7252, figure 16: a request, and its answer with a payload.
    #[test]
    fn a_request_and_its_answer_have_the_same_key() {
        let request = read(&datagram((40_000, PORT), b"\x41\x01\x7d\x35\x20\xbbtemperature")).expect("a request");
        assert_eq!(request.info, "CON, MID:32053, GET, TKN:20, /temperature");
        let answer = read(&datagram((PORT, 40_000), b"\x61\x45\x7d\x35\x20\xff22.3 C")).expect("an answer");
        assert_eq!(answer.info, "ACK, MID:32053, 2.05 Content, TKN:20, 6 bytes");
        let (asked, answered) = (request.exchange.expect("it asks"), answer.exchange.expect("it answers"));
        assert_eq!((asked.part, answered.part), (Part::Asks, Part::Answers));
        assert_eq!(asked.key, answered.key);
        assert_ne!(key(&[0]), key(&[]), "a token of zeros is a token");
    }

    #[test]
    fn options_tell_what_is_meant() {
        let bytes = b"\x40\x03\0\x01\x37example\x87devices\x04oven\x11\x32\x38key=1234\xc1\x0b\xff{}";
        let reading = read(&datagram((40_000, PORT), bytes)).expect("a request");
        assert_eq!(
            reading.info,
            "CON, MID:1, PUT, Block #0, application/json, 2 bytes, coap://example/devices/oven?key=***"
        );
        assert!(reading.values.contains(&("coap.opt.uri_host", Value::Text(b"example".to_vec()))));
        assert!(reading.values.contains(&("coap.opt.ctype", Value::Text(b"application/json".to_vec()))));
        assert!(reading.values.contains(&("coap.opt.block_size", Value::Unsigned(3))));
        assert!(reading.values.iter().all(|(_, value)| *value != Value::Text(b"key=1234".to_vec())));
    }

    #[test]
    fn on_other_ports_only_a_whole_request_with_a_path_is_one() {
        let request = b"\x41\x01\x7d\x35\x20\xbbtemperature";
        assert!(read(&datagram((40_000, 7000), request)).is_some());
        assert!(read(&datagram((40_000, 53), request)).is_none());
        assert!(read(&datagram((40_000, 7000), b"\x41\x01\x7d\x35\x20")).is_none(), "nothing is asked for");
        assert!(read(&datagram((40_000, 7000), b"\x61\x45\x7d\x35\x20\xff22.3 C")).is_none());
        assert!(read(&datagram((40_000, 7000), b"\x41\x01\x7d\x35\x20\xbbtemperature\xee")).is_none());
        assert!(read_known(&datagram((40_000, 7000), b"\x61\x45\x7d\x35\x20\xff22.3 C")).is_some());
    }

    #[test]
    fn what_is_cut_or_malformed_says_so() {
        let cut = Datagram { length: 90, ..datagram((40_000, PORT), b"\x41\x01\x7d\x35\x20\xbbtempe") };
        assert!(read(&cut).is_some_and(|reading| reading.info.ends_with("(cut short)")));
        let broken = datagram((40_000, PORT), b"\x41\x01\x7d\x35\x20\xf0");
        assert!(read(&broken).is_some_and(|reading| reading.info.ends_with("(malformed options)")));
        assert!(read(&datagram((40_000, PORT), b"\x4f\x01\x7d\x35")).is_none(), "tokens have 8 bytes at most");
        assert!(read(&datagram((40_000, PORT), b"\x40\xff\x7d\x35")).is_none());
    }
}
