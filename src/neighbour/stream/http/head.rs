//! The parts of a head of HTTP/1: its first line, its lines, and what its status means.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::line::{line, shown};
use crate::neighbour::{Reading, secret};

/// The most header lines that are read.
pub(super) const LINES: usize = 128;

/// Methods, of RFC 9110 and what has come since, WebDAV's and those of UPnP among them.
const METHODS: [&[u8]; 33] = [
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"NOTIFY",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"M-SEARCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"MKCALENDAR",
    b"CHECKOUT",
    b"CHECKIN",
    b"MERGE",
    b"ACL",
    b"BIND",
    b"POLL",
    b"BMOVE",
    b"BPROPPATCH",
    b"BPROPFIND",
    b"RPC_CONNECT",
];

/// Header lines that have a field, in small letters; whether their value is secret.
const HEADERS: [(&str, &str, bool); 30] = [
    ("authorization", "http.authorization", true),
    ("proxy-authorization", "http.proxy_authorization", true),
    ("proxy-authenticate", "http.proxy_authenticate", true),
    ("www-authenticate", "http.www_authenticate", true),
    ("content-type", "http.content_type", false),
    ("content-length", "http.content_length_header", false),
    ("content-encoding", "http.content_encoding", false),
    ("transfer-encoding", "http.transfer_encoding", false),
    ("upgrade", "http.upgrade", false),
    ("user-agent", "http.user_agent", false),
    ("host", "http.host", false),
    ("connection", "http.connection", false),
    ("cookie", "http.cookie", true),
    ("accept", "http.accept", false),
    ("referer", "http.referer", false),
    ("accept-language", "http.accept_language", false),
    ("accept-encoding", "http.accept_encoding", false),
    ("date", "http.date", false),
    ("cache-control", "http.cache_control", false),
    ("server", "http.server", false),
    ("location", "http.location", false),
    ("sec-websocket-accept", "http.sec_websocket_accept", false),
    ("sec-websocket-extensions", "http.sec_websocket_extensions", false),
    ("sec-websocket-key", "http.sec_websocket_key", false),
    ("sec-websocket-protocol", "http.sec_websocket_protocol", false),
    ("sec-websocket-version", "http.sec_websocket_version", false),
    ("set-cookie", "http.set_cookie", true),
    ("last-modified", "http.last_modified", false),
    ("x-forwarded-for", "http.x_forwarded_for", false),
    ("proxy-connection", "", false),
];

/// The header line of this name.
fn known(name: &[u8]) -> Option<&'static (&'static str, &'static str, bool)> {
    HEADERS.iter().find(|(known, ..)| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether the value of a line of this name is secret.
pub(in crate::neighbour::stream) fn is_secret_line(name: &[u8]) -> bool {
    match known(name.trim_ascii()) {
        Some((.., is_secret)) => *is_secret,
        None => name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') && secret::is_secret(name),
    }
}

/// Whether it is an address, which may have secrets in it.
pub(in crate::neighbour::stream) fn holds_uri(name: &[u8]) -> bool {
    [b"referer".as_slice(), b"location", b"content-location", b"refresh", b"link"]
        .iter()
        .any(|known| name.trim_ascii().eq_ignore_ascii_case(known))
}

/// Whether these bytes begin with a request or a response; `None` where more may tell.
pub(in crate::neighbour::stream) fn begins(bytes: &[u8]) -> Option<bool> {
    if bytes.starts_with(b"HTTP/1.") {
        return Some(true);
    }
    if b"HTTP/1.".starts_with(bytes) {
        return None;
    }
    asks(bytes)
}

/// Whether these bytes begin with a request; `None` where more may tell.
pub(in crate::neighbour::stream) fn asks(bytes: &[u8]) -> Option<bool> {
    let (word, is_whole) = match bytes.iter().take(16).position(|byte| *byte == b' ') {
        Some(end) => (bytes.get(..end).unwrap_or_default(), true),
        None => (bytes, false),
    };
    if is_whole {
        // Behind the method stands a target, of which each form begins with what is printed.
        return match (METHODS.contains(&word), bytes.get(word.len() + 1)) {
            (true, Some(byte)) => Some(byte.is_ascii_graphic()),
            (true, None) => None,
            (false, _) => Some(false),
        };
    }
    if METHODS.iter().any(|method| method.starts_with(word)) { None } else { Some(false) }
}

/// What a head says of how it goes on.
#[derive(Debug, Default)]
pub(super) struct Framing {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) coded: bool,
    pub(super) closes: bool,
    pub(super) keeps: bool,
}

/// Where the head ends that begins these bytes: behind the first empty line from `from` on.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let end = at + bytes.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
        match bytes.get(end..)? {
            [b'\n', ..] => return Some(end + 1),
            [b'\r', b'\n', ..] => return Some(end + 2),
            _ => at = end,
        }
    }
}

/// Whether this is the first line of a message.
pub(super) fn first_line(line: &[u8], is_request: bool) -> bool {
    if is_request {
        line.rsplit(|byte| *byte == b' ').next().is_some_and(|version| version.starts_with(b"HTTP/1."))
    } else {
        matches!(line, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9', b' ', a, b, c, ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()))
    }
}

/// Path and query of a target, without scheme and host.
pub(super) fn split(uri: &[u8]) -> (&[u8], Option<&[u8]>) {
    match uri.iter().position(|byte| *byte == b'?') {
        Some(at) => (uri.get(..at).unwrap_or_default(), uri.get(at + 1..)),
        None => (uri, None),
    }
}

/// Reads header lines into what they say of framing, and into fields. Gives the host.
pub(super) fn headers(lines: &[u8], framing: &mut Framing, mut reading: Option<&mut Reading>) -> Option<Vec<u8>> {
    let mut host = None;
    let mut rest = lines;
    for _ in 0..LINES {
        let Some((text, take)) = line(rest).filter(|(text, _)| !text.is_empty()) else { break };
        rest = rest.get(take..).unwrap_or_default();
        let Some(colon) = text.iter().position(|byte| *byte == b':') else { continue };
        let name = text.get(..colon).unwrap_or_default().trim_ascii();
        let value = text.get(colon + 1..).unwrap_or_default().trim_ascii();
        let Some((known, field, is_secret)) = known(name) else { continue };
        let has = |wanted: &str| {
            value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
        };
        match *known {
            "content-length" => framing.length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()),
            "transfer-encoding" => framing.chunked = has("chunked"),
            "content-encoding" => framing.coded = !has("identity"),
            "connection" | "proxy-connection" => {
                framing.closes |= has("close");
                framing.keeps |= has("keep-alive");
            }
            "host" => host = Some(value.to_vec()),
            _ => {}
        }
        let Some(reading) = reading.as_deref_mut().filter(|_| !field.is_empty()) else { continue };
        let shown = match *known {
            _ if *is_secret => Cow::Borrowed(secret::MASK),
            _ if holds_uri(name) => Cow::Owned(secret::uri(value)),
            _ => Cow::Borrowed(value),
        };
        reading.long_text(field, &shown);
        match *known {
            "content-length" => {
                if let Some(length) = framing.length {
                    reading.number("http.content_length", length);
                }
            }
            "content-type" => {
                let _ = write!(reading.info, " ({})", shown_type(value));
            }
            _ => {}
        }
    }
    host
}

/// A media type without its parameters.
fn shown_type(value: &[u8]) -> String {
    shown(value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii())
}

/// What a status means, in Wireshark's words (RFC 9110, section 15, and others).
pub(super) const fn description(status: u16) -> Option<&'static str> {
    Some(match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version not supported",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => return None,
    })
}
