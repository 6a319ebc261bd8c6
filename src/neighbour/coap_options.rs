//! The options of CoAP (RFC 7252, section 5.10, and those that came later), and what follows them.

use super::coap::LONGEST_PATH;
use super::cursor::{Cursor, number};
use super::{Reading, Value, secret};

/// The names of formats (RFC 7252, section 12.3).
const FORMATS: [(u16, &str); 42] = [
    (0, "text/plain; charset=utf-8"),
    (40, "application/link-format"),
    (41, "application/xml"),
    (42, "application/octet-stream"),
    (47, "application/exi"),
    (50, "application/json"),
    (51, "application/json-patch+json"),
    (52, "application/merge-patch+json"),
    (60, "application/cbor"),
    (61, "application/cwt"),
    (62, "application/multipart-core"),
    (96, "application/cose; cose-type=\"cose-encrypt\""),
    (97, "application/cose; cose-type=\"cose-mac\""),
    (98, "application/cose; cose-type=\"cose-sign\""),
    (101, "application/cose-key"),
    (102, "application/cose-key-set"),
    (110, "application/senml+json"),
    (111, "application/sensml+json"),
    (112, "application/senml+cbor"),
    (113, "application/sensml+cbor"),
    (114, "application/senml-exi"),
    (115, "application/sensml-exi"),
    (256, "application/coap-group+json"),
    (271, "application/dots+cbor"),
    (272, "application/missing-blocks+cbor-seq"),
    (280, "application/pkcs7-mime; smime-type=server-generated-key"),
    (281, "application/pkcs7-mime; smime-type=certs-only"),
    (284, "application/pkcs8"),
    (285, "application/csrattrs"),
    (286, "application/pkcs10"),
    (287, "application/pkix-cert"),
    (310, "application/senml+xml"),
    (311, "application/sensml+xml"),
    (320, "application/senml-etch+json"),
    (322, "application/senml-etch+cbor"),
    (432, "application/td+json"),
    (1542, "application/vnd.oma.lwm2m+tlv"),
    (1543, "application/vnd.oma.lwm2m+json"),
    (10000, "application/vnd.ocf+cbor"),
    (10001, "application/oscore"),
    (11542, "application/vnd.oma.lwm2m+tlv"),
    (11543, "application/vnd.oma.lwm2m+json"),
];

/// The options that are read, and their names.
const NAMES: [(u32, &str); 20] = [
    (1, "If-Match"),
    (3, "Uri-Host"),
    (4, "Etag"),
    (5, "If-None-Match"),
    (6, "Observe"),
    (7, "Uri-Port"),
    (8, "Location-Path"),
    (9, "OSCORE"),
    (11, "Uri-Path"),
    (12, "Content-Format"),
    (14, "Max-age"),
    (15, "Uri-Query"),
    (16, "Hop-Limit"),
    (17, "Accept"),
    (20, "Location-Query"),
    (23, "Block2"),
    (27, "Block1"),
    (28, "Size2"),
    (35, "Proxy-Uri"),
    (39, "Proxy-Scheme"),
];

/// The last of those that are read.
const SIZE1: u32 = 60;

/// Separates options and payload.
pub(super) const MARKER: u8 = 0xff;

/// What the line tells of options and payload.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) host: Vec<u8>,
    pub(super) port: Option<u16>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) format: Option<String>,
    /// Which block it has, or asks for.
    pub(super) block: Option<String>,
    /// The places of blocks of a request and of a response (RFC 7959, section 2.1): the first byte, and whether others follow.
    pub(super) block1: Option<(u64, bool)>,
    /// See there.
    pub(super) block2: Option<(u64, bool)>,
    pub(super) etag: Option<Box<[u8]>>,
    /// It has only a part of what is transferred.
    pub(super) is_part: bool,
    pub(super) payload: Option<&'a [u8]>,
    /// An option can't be read.
    pub(super) is_broken: bool,
}

impl Facts<'_> {
    /// What a request is for, as far as it says (RFC 7252, section 6.5); the query is not part of it.
    pub(super) fn uri(&self) -> Vec<u8> {
        let mut uri = Vec::new();
        if !self.host.is_empty() {
            uri.extend(b"coap://");
            // That of an IPv6 address has brackets.
            let (open, close): (&[u8], &[u8]) = if self.host.contains(&b':') { (b"[", b"]") } else { (b"", b"") };
            uri.extend([open, &self.host, close].concat());
        }
        if let Some(port) = self.port {
            uri.extend(format!(":{port}").into_bytes());
        }
        uri.extend(&self.path);
        uri
    }
}

/// The name of a format.
pub(super) fn format(number: u64) -> String {
    match FORMATS.iter().find(|(known, _)| u64::from(*known) == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("Unknown Type {number}"),
    }
}

/// An option as it stands there.
struct One<'a> {
    number: u32,
    /// The difference to the number before and the length as they stand in the first byte, and what extends them.
    delta: (u8, Option<u32>),
    length: (u8, Option<u32>),
    value: &'a [u8],
}

/// The next option; `None` at the marker, at the end, and where there can be none.
fn next<'a>(rest: &mut Cursor<'a>, before: u32) -> Option<One<'a>> {
    let mut ahead = *rest;
    let first = ahead.u8().filter(|first| *first != MARKER)?;
    let mut extended = |nibble: u8| match nibble {
        13 => ahead.u8().map(|more| (u32::from(more) + 13, Some(u32::from(more)))),
        14 => ahead.u16().map(|more| (u32::from(more) + 269, Some(u32::from(more)))),
        15 => None,
        plain => Some((u32::from(plain), None)),
    };
    let ((delta, more), (length, longer)) = (extended(first >> 4)?, extended(first & 15)?);
    let value = ahead.take(length as usize)?;
    *rest = ahead;
    Some(One { number: before.saturating_add(delta), delta: (first >> 4, more), length: (first & 15, longer), value })
}

/// The number and the value of the next option, if there is one.
pub(super) fn next_value<'a>(rest: &mut Cursor<'a>, before: u32) -> Option<(u32, &'a [u8])> {
    next(rest, before).map(|one| (one.number, one.value))
}

/// Whether these are the options of a request to the last byte: known ones, and a path that is text.
pub(super) fn are_of_request(mut rest: Cursor<'_>) -> bool {
    let (mut last, mut has_path) = (0, false);
    while let Some(one) = next(&mut rest, last) {
        last = one.number;
        let is_known = matches!(last, 1 | 3..=7 | 9 | 11 | 12 | 15..=17 | 23 | 27 | 28 | 35 | 39 | SIZE1);
        // What is not known here may be ignored only if it says so (RFC 7252, section 5.4.1).
        if !is_known && last & 1 == 1 {
            return false;
        }
        if last == 11 {
            let is_text = std::str::from_utf8(one.value).is_ok_and(|text| !text.chars().any(char::is_control));
            if !is_text || one.value.is_empty() {
                return false;
            }
            has_path = true;
        }
    }
    has_path && (rest.0.is_empty() || matches!(rest.0, [MARKER, _, ..]))
}

pub(super) fn read<'a>(rest: &mut Cursor<'a>, reading: &mut Reading, facts: &mut Facts<'a>) {
    let (mut last, mut count) = (0, 0);
    while let Some(option) = next(rest, last) {
        if reading.is_full() {
            break;
        }
        last = option.number;
        count += 1;
        let name = match NAMES.iter().find(|(known, _)| *known == last) {
            Some((_, name)) => format!("#{count}: {name}"),
            None if last == SIZE1 => format!("#{count}: Size1"),
            // RFC 7252 has room for those every 14.
            None if last.is_multiple_of(14) => format!("#{count}: No-Op"),
            None => format!("#{count}: Unknown Option ({last})"),
        };
        reading.put("coap.opt.name", Value::Text(name.into_bytes()));
        reading.put("coap.opt.desc", Value::Text(description(last).into_bytes()));
        reading.number("coap.opt.delta", option.delta.0);
        reading.number("coap.opt.length", option.length.0);
        if let Some(more) = option.delta.1 {
            reading.number("coap.opt.delta_ext", more);
        }
        if let Some(more) = option.length.1 {
            reading.number("coap.opt.length_ext", more);
        }
        value(last, option.value, reading, facts);
    }
    match *rest.0 {
        // RFC 7252, section 3: nothing behind the marker is an error.
        [MARKER] => {
            reading.number("coap.opt.end_marker", MARKER);
            facts.is_broken = true;
        }
        [MARKER, ref payload @ ..] => {
            reading.number("coap.opt.end_marker", MARKER);
            facts.payload = Some(payload);
        }
        [] => {}
        _ => facts.is_broken = true,
    }
}

/// RFC 7252, section 5.4.6.
fn description(number: u32) -> String {
    let critical = if number & 1 == 1 { "Critical" } else { "Elective" };
    let safe = match number {
        _ if number & 2 == 2 => "Unsafe",
        _ if number & 0x1e == 0x1c => "Safe, NoCacheKey",
        _ => "Safe",
    };
    format!("Type {number}, {critical}, {safe}")
}

fn value(kind: u32, value: &[u8], reading: &mut Reading, facts: &mut Facts<'_>) {
    let unsigned = || number(value.get(..4).unwrap_or(value));
    match kind {
        1 => reading.bytes("coap.opt.if_match", value),
        3 => {
            reading.text("coap.opt.uri_host", value);
            facts.host = value.get(..LONGEST_PATH).unwrap_or(value).to_vec();
        }
        4 => {
            reading.bytes("coap.opt.etag", value);
            // There are no longer ones (RFC 7252, section 5.10).
            facts.etag = value.get(..value.len().min(8)).map(Box::from);
        }
        6 => reading.number("coap.opt.observe", unsigned()),
        7 => {
            let port = unsigned() as u16;
            reading.number("coap.opt.uri_port", port);
            facts.port = Some(port);
        }
        8 => reading.text("coap.opt.location_path", value),
        11 => {
            reading.text("coap.opt.uri_path", value);
            add(&mut facts.path, b'/', value);
        }
        12 => {
            let format = format(unsigned());
            reading.text("coap.opt.ctype", format.as_bytes());
            facts.format = Some(format);
        }
        14 => reading.number("coap.opt.max_age", unsigned()),
        15 => {
            let shown = secret::parameters(value);
            reading.text("coap.opt.uri_query", &shown);
            let separator = if facts.query.is_empty() { b'?' } else { b'&' };
            add(&mut facts.query, separator, &shown);
        }
        16 => reading.number("coap.opt.hop_limit", unsigned() & 0xff),
        17 => reading.text("coap.opt.accept", format(unsigned()).as_bytes()),
        20 => reading.text("coap.opt.location_query", &secret::parameters(value)),
        23 => facts.block2 = Some(block(value, reading, facts)),
        27 => facts.block1 = Some(block(value, reading, facts)),
        SIZE1 => reading.number("coap.opt.size1", unsigned()),
        35 => reading.text("coap.opt.proxy_uri", &secret::uri(value)),
        39 => reading.text("coap.opt.proxy_scheme", value),
        // If-None-Match has no value, that of OSCORE is encrypted, and of Size2 there is no field.
        5 | 9 | 28 => {}
        _ if kind.is_multiple_of(14) => {}
        _ => reading.bytes("coap.opt.unknown", value),
    }
}

fn add(text: &mut Vec<u8>, separator: u8, part: &[u8]) {
    if text.len() < LONGEST_PATH {
        text.push(separator);
        text.extend(part.iter().take(LONGEST_PATH - text.len()));
    }
}

/// RFC 7959, section 2.2.
fn block(value: &[u8], reading: &mut Reading, facts: &mut Facts<'_>) -> (u64, bool) {
    let all = number(value.get(..4).unwrap_or(value));
    let (place, more) = (all >> 4, all >> 3 & 1);
    reading.number("coap.opt.block_number", place);
    reading.number("coap.opt.block_mflag", more);
    reading.number("coap.opt.block_size", all & 7);
    facts.is_part |= place > 0 || more == 1;
    facts.block =
        Some(if more == 0 && place > 0 { format!("End of Block #{place}") } else { format!("Block #{place}") });
    // Of 16 bytes to 1024; where several stand in one message they are of 1024 (RFC 8323, section 6).
    (place << (4 + (all & 7).min(6)), more == 1)
}
