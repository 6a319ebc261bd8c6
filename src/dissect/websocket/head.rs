//! The heads of HTTP by which both ends agree on WebSocket (RFC 6455, section 4; RFC 9112).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

/// The longest head that is read. Servers take 8 to 16 KiB.
pub(super) const LONGEST: usize = 16 << 10;

/// The most header lines of a head.
const LINES: usize = 100;

/// Bytes of a value that are kept.
const KEPT: usize = 512;

/// Subprotocols of an offer that are kept.
const OFFERS: usize = 32;

/// What a server adds to the key before it answers with the digest (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Lines that hold what is to stay secret.
const SECRET: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "www-authenticate"];

/// A head, as far as it matters to WebSocket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Of a request: its method.
    pub method: Option<Box<str>>,
    /// Of a request: its target without the query, which may hold credentials.
    pub path: Option<Box<str>>,
    /// Of a request: whether a query stands behind the path.
    pub has_query: bool,
    /// Of a response: its status.
    pub status: Option<u16>,
    /// The minor version of HTTP/1.
    pub minor: u8,
    /// Host.
    pub host: Option<Box<[u8]>>,
    /// Origin.
    pub origin: Option<Box<[u8]>>,
    /// User-Agent, of a response Server.
    pub agent: Option<Box<[u8]>>,
    /// Connection.
    pub connection: Option<Box<[u8]>>,
    /// Upgrade.
    pub upgrade: Option<Box<[u8]>>,
    /// Sec-WebSocket-Key.
    pub key: Option<Box<[u8]>>,
    /// Sec-WebSocket-Accept.
    pub accept: Option<Box<[u8]>>,
    /// Sec-WebSocket-Version.
    pub version: Option<Box<[u8]>>,
    /// The names of all Sec-WebSocket-Protocol lines.
    pub protocols: Vec<Box<str>>,
    /// All Sec-WebSocket-Extensions lines, joined.
    pub extensions: Option<Box<str>>,
    /// Content-Length, where it is a number and no transfer coding stands in its place.
    pub(super) content_length: Option<u64>,
    /// The connection is not used again after this.
    pub(super) closes: bool,
}

/// What came of the first bytes of a stream.
#[derive(Debug)]
pub(super) enum HeadRead {
    /// A head of so many bytes.
    Whole(Box<Head>, usize),
    Partial,
    /// No head of HTTP/1.
    Other,
}

impl Head {
    /// Reads the head at the front of these bytes: a request, or a response.
    pub(super) fn read(bytes: &[u8], is_request: bool) -> HeadRead {
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut head = Box::<Self>::default();
        let done = if is_request {
            let mut request = httparse::Request::new(&mut lines);
            request.parse(bytes).inspect(|_| {
                head.method = request.method.map(Into::into);
                let target = request.path.unwrap_or_default();
                let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
                head.path = Some(clip_text(path));
                head.has_query = query.is_some();
                head.minor = request.version.unwrap_or(1);
            })
        } else {
            let mut response = httparse::Response::new(&mut lines);
            response.parse(bytes).inspect(|_| {
                head.status = response.code;
                head.minor = response.version.unwrap_or(1);
            })
        };
        match done {
            Ok(httparse::Status::Complete(length)) => {
                for line in lines.iter().take_while(|line| !line.name.is_empty()) {
                    head.line(line.name, line.value);
                }
                HeadRead::Whole(head, length)
            }
            Ok(httparse::Status::Partial) if bytes.len() < LONGEST => HeadRead::Partial,
            Ok(httparse::Status::Partial) | Err(_) => HeadRead::Other,
        }
    }

    fn line(&mut self, name: &str, value: &[u8]) {
        let value = value.trim_ascii();
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        let slot = match () {
            () if is("host") => &mut self.host,
            () if is("origin") => &mut self.origin,
            () if is("user-agent") || is("server") => &mut self.agent,
            () if is("upgrade") => &mut self.upgrade,
            () if is("sec-websocket-key") => &mut self.key,
            () if is("sec-websocket-accept") => &mut self.accept,
            () if is("sec-websocket-version") => &mut self.version,
            () if is("connection") => {
                self.closes |= has_token(value, "close");
                &mut self.connection
            }
            () if is("sec-websocket-protocol") => {
                let room = OFFERS.saturating_sub(self.protocols.len());
                self.protocols.extend(tokens(value).map(|name| clip_text(&String::from_utf8_lossy(name))).take(room));
                return;
            }
            () if is("sec-websocket-extensions") => {
                let text = String::from_utf8_lossy(value);
                let before = self.extensions.take().unwrap_or_default();
                let joined = if before.is_empty() { text.into_owned() } else { format!("{before}, {text}") };
                self.extensions = Some(clip_text(&joined));
                return;
            }
            () if is("content-length") => {
                self.content_length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                return;
            }
            () if is("transfer-encoding") => {
                self.closes = true;
                return;
            }
            () => return,
        };
        slot.get_or_insert_with(|| value.get(..KEPT).unwrap_or(value).into());
    }

    /// Whether it asks for the upgrade, or grants it.
    pub fn upgrades(&self) -> bool {
        self.upgrade.as_deref().is_some_and(|value| has_token(value, "websocket"))
    }

    /// Whether its Connection line says so too, as it must.
    pub(super) fn connection_upgrades(&self) -> bool {
        self.connection.as_deref().is_some_and(|value| has_token(value, "upgrade"))
    }
}

fn clip_text(text: &str) -> Box<str> {
    let mut end = text.len().min(KEPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}

/// The parts of a list.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

fn has_token(value: &[u8], wanted: &str) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// What a server has to answer to a key.
pub fn accept_of(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    BASE64.encode(digest)
}

/// Whether a key is 16 bytes in base64 (section 4.1).
pub(super) fn is_key(key: &[u8]) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// What both ends agreed on in permessage-deflate (RFC 7692, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deflate {
    /// The client begins each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server does.
    pub server_no_context_takeover: bool,
}

impl Deflate {
    /// As a list of extensions has it, if it has it.
    pub(super) fn of(extensions: &str) -> Option<Self> {
        let named = |extension: &&str| name_of(extension).eq_ignore_ascii_case("permessage-deflate");
        let extension = extensions.split(',').find(named)?;
        let has = |wanted: &str| extension.split(';').skip(1).any(|part| part.trim().eq_ignore_ascii_case(wanted));
        Some(Self {
            client_no_context_takeover: has("client_no_context_takeover"),
            server_no_context_takeover: has("server_no_context_takeover"),
        })
    }
}

fn name_of(extension: &str) -> &str {
    extension.split(';').next().unwrap_or_default().trim()
}

/// Whether each extension of the answer was offered (section 9.1).
pub(super) fn were_offered(agreed: &str, offered: &str) -> bool {
    agreed.split(',').all(|one| offered.split(',').any(|other| name_of(one).eq_ignore_ascii_case(name_of(other))))
}

/// The part of a head that is to be hidden: values of lines with credentials, and the query of the target.
pub fn hidden(head: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut hidden = Vec::new();
    let mut start = 0;
    let mut in_secret = false;
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = line.trim_ascii_end();
        if number == 0 {
            if let Some(at) = text.iter().position(|byte| *byte == b'?') {
                let end = text.iter().rposition(|byte| *byte == b' ').filter(|end| *end > at).unwrap_or(text.len());
                hidden.push(start + at + 1..start + end);
            }
        } else if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            if in_secret {
                hidden.push(start..start + text.len());
            }
        } else if let Some(colon) = text.iter().position(|byte| *byte == b':') {
            let name = text.get(..colon).unwrap_or_default();
            in_secret = SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()));
            if in_secret {
                hidden.push(start + colon + 1..start + text.len());
            }
        }
        start += line.len();
    }
    hidden
}

/// A head in which everything is written over that is not needed to read the rest of the connection.
///
/// What stays are the line ends, the first line but for path and reason, the names of all lines, and the values that
/// agree on WebSocket.
pub fn redacted(head: &[u8], token: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    const KEPT: [&str; 10] = [
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-accept",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "content-length",
        "transfer-encoding",
        "content-type",
    ];
    let mut out = head.to_vec();
    let mut start = 0;
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = line.trim_ascii_end();
        let range = if number == 0 {
            let words: Vec<usize> =
                text.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at).collect();
            match words.as_slice() {
                // A response: its reason.
                [_, second, ..] if text.starts_with(b"HTTP/") => second + 1..text.len(),
                // A request: its target, but for the slash that it begins with.
                [first, .., last] => (first + 2).min(*last)..*last,
                _ => text.len()..text.len(),
            }
        } else {
            match text.iter().position(|byte| *byte == b':') {
                Some(colon) => {
                    let name = text.get(..colon).unwrap_or_default();
                    let known = KEPT.iter().chain(&NAMES).any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
                    if !known {
                        over(&mut out, start..start + colon, token);
                    }
                    let kept = KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()));
                    let value = text.get(colon + 1..).unwrap_or_default();
                    let blanks = value.len() - value.trim_ascii_start().len();
                    if kept { text.len()..text.len() } else { colon + 1 + blanks..text.len() }
                }
                None => 0..text.len(),
            }
        };
        over(&mut out, start + range.start..start + range.end, token);
        start += line.len();
    }
    out
}

/// Names of lines that say nothing private.
const NAMES: [&str; 14] = [
    "host",
    "origin",
    "user-agent",
    "server",
    "date",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "pragma",
    "www-authenticate",
];

/// Writes a token over a part of a head.
fn over(head: &mut [u8], range: std::ops::Range<usize>, token: &dyn Fn(&[u8]) -> Vec<u8>) {
    if let Some(place) = head.get_mut(range) {
        // A token may be of any bytes; in a head only these are safe.
        let token = token(place);
        for (byte, token) in place.iter_mut().zip(token) {
            *byte = if token.is_ascii_alphanumeric() { token } else { b'x' };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET /mqtt?token=abc HTTP/1.1\r\nHost: broker.example:9001\r\nUpgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: mqttv3.1\r\nSec-WebSocket-Protocol: mqtt, x\r\nSec-WebSocket-Version: 13\r\n\
        Authorization: Basic dTpw\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

    fn whole(bytes: &[u8], is_request: bool) -> Box<Head> {
        match Head::read(bytes, is_request) {
            HeadRead::Whole(head, length) => {
                assert_eq!(length, bytes.len());
                head
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_says_what_it_asks_for() {
        let head = whole(REQUEST, true);
        assert_eq!((head.path.as_deref(), head.has_query), (Some("/mqtt"), true));
        assert_eq!(head.protocols.iter().map(|name| &**name).collect::<Vec<_>>(), ["mqttv3.1", "mqtt", "x"]);
        assert!(head.upgrades() && head.connection_upgrades());
        assert!(is_key(head.key.as_deref().unwrap()));
        assert_eq!(Deflate::of(head.extensions.as_deref().unwrap()), Some(Deflate::default()));
        for cut in 0..REQUEST.len() {
            assert!(matches!(Head::read(&REQUEST[..cut], true), HeadRead::Partial), "{cut}");
        }
        assert!(matches!(Head::read(b"\x10\x0c\0\x04MQTT", true), HeadRead::Other));
        assert!(matches!(Head::read(&[b'G'; LONGEST], true), HeadRead::Other));
    }

    #[test]
    fn the_answer_to_the_key_of_the_specification_is_right() {
        assert_eq!(accept_of(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_response_says_what_is_agreed() {
        let head = whole(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nSec-WebSocket-Extensions: foo, \
              permessage-deflate; server_no_context_takeover; server_max_window_bits=10\r\n\r\n",
            false,
        );
        assert_eq!(head.status, Some(101));
        let agreed = head.extensions.as_deref().unwrap();
        let deflate = Deflate::of(agreed).unwrap();
        assert!(deflate.server_no_context_takeover && !deflate.client_no_context_takeover);
        assert!(were_offered(agreed, "permessage-deflate, foo; a=b") && !were_offered(agreed, "permessage-deflate"));
    }

    #[test]
    fn credentials_are_hidden_and_nothing_else() {
        let mut shown = REQUEST.to_vec();
        for range in hidden(REQUEST) {
            shown[range].fill(b'*');
        }
        let text = String::from_utf8(shown).unwrap();
        assert!(text.starts_with("GET /mqtt?********* HTTP/1.1\r\nHost: broker.example:9001\r\n"), "{text}");
        assert!(text.contains("\r\nAuthorization:***********\r\nSec-") && !text.contains("dTpw"), "{text}");
    }

    #[test]
    fn a_redacted_head_is_as_long_and_agrees_on_the_same() {
        let redacted = redacted(REQUEST, &|text| text.iter().map(|byte| byte ^ 1).collect());
        assert_eq!(redacted.len(), REQUEST.len());
        let (head, before) = (whole(&redacted, true), whole(REQUEST, true));
        assert_eq!(
            (&head.key, &head.protocols, &head.extensions, &head.version),
            (&before.key, &before.protocols, &before.extensions, &before.version)
        );
        for private in ["mqtt?", "abc", "broker", "dTpw"] {
            assert!(!redacted.windows(private.len()).any(|part| part == private.as_bytes()), "{private}");
        }
    }
}
