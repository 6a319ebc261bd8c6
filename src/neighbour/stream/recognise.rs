//! Which protocol the first bytes of a connection belong to.

use super::http;
use super::line::{code, line, words};
use crate::flow::{Direction, PerDirection};
use crate::mqtt::Certainty;
use crate::neighbour::Neighbour;

/// The first bytes of a connection, as far as they came.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// Of both directions, up to the first hole.
    pub bytes: PerDirection<&'a [u8]>,
    /// Whether each of them is the first of its stream.
    pub from_start: PerDirection<bool>,
    /// The port of the server.
    pub port: u16,
    /// No more bytes will come.
    pub is_all: bool,
}

/// So many lines in a row are evidence, and so many messages behind their length.
const LINES: usize = 4;
const MESSAGES: usize = 4;

/// The shortest lines on average that text for machines has.
const MEAN_LINE: usize = 4;

/// The longest message behind its length that is evidence.
const LONGEST_MESSAGE: usize = 1024;

/// Whether these bytes begin with a message of HTTP/1; `None` where more may tell.
pub fn begins_http(bytes: &[u8]) -> Option<bool> {
    http::begins(bytes)
}

/// Whether they begin with a request.
pub fn asks_http(bytes: &[u8]) -> bool {
    http::asks(bytes) == Some(true)
}

/// Judges whether a connection begins with a protocol.
type Recogniser = fn(&Beginning<'_>) -> Certainty;

/// The protocol whose first messages these are; not HTTP, which may lead to others.
pub fn recognise(beginning: &Beginning<'_>) -> (Certainty, Option<Neighbour>) {
    const TABLE: [(Neighbour, Recogniser); 4] =
        [(Neighbour::Amqp, amqp), (Neighbour::Telnet, telnet), (Neighbour::Ftp, ftp), (Neighbour::Smtp, smtp)];
    let mut undecided = false;
    for (protocol, recognise) in TABLE {
        match recognise(beginning) {
            Certainty::Yes => return (Certainty::Yes, Some(protocol)),
            Certainty::NeedMore => undecided = true,
            Certainty::No => {}
        }
    }
    if undecided && !beginning.is_all {
        return (Certainty::NeedMore, None);
    }
    framing(beginning)
}

/// "AMQP" and four bytes of a version (AMQP 0-9-1, section 4.2.2; 1.0, part 2.2).
fn amqp(beginning: &Beginning<'_>) -> Certainty {
    let mut verdict = Certainty::No;
    for direction in Direction::BOTH {
        let bytes = beginning.bytes[direction];
        if bytes.starts_with(b"AMQP") {
            return match bytes.get(4..8) {
                Some([0..=3, 0..=1, ..]) => Certainty::Yes,
                Some(_) => Certainty::No,
                None => Certainty::NeedMore,
            };
        }
        if !bytes.is_empty() && b"AMQP".starts_with(bytes) {
            verdict = Certainty::NeedMore;
        }
        // Joined: a frame with its end, on its port.
        if let ([1..=3 | 8, _, _, size @ ..], 5672) = (bytes, beginning.port)
            && let Some((size, rest)) = size.split_first_chunk()
            && rest.get(u32::from_be_bytes(*size) as usize) == Some(&0xce)
        {
            return Certainty::Yes;
        }
    }
    verdict
}

/// A command of options at the front (RFC 854), or anything on its port.
fn telnet(beginning: &Beginning<'_>) -> Certainty {
    let option = |bytes: &[u8]| matches!(bytes, [255, 250..=254, 0..=50, ..]);
    let both = Direction::BOTH.map(|direction| beginning.bytes[direction]);
    if both.iter().any(|bytes| option(bytes)) || beginning.port == 23 {
        Certainty::Yes
    } else if both.iter().any(|bytes| matches!(bytes, [255] | [255, 250..=254])) {
        Certainty::NeedMore
    } else {
        Certainty::No
    }
}

/// The code of the greeting of a server, and whether its line has ended; `None` where it is none.
fn greeting<'a>(beginning: &Beginning<'a>) -> Option<(u16, &'a [u8])> {
    let (text, _) = line(beginning.bytes.to_client)?;
    code(text).map(|code| (code, text))
}

/// Whether a client has sent one of these commands first.
fn commands(beginning: &Beginning<'_>, known: &[&str]) -> Certainty {
    let bytes = beginning.bytes.to_server;
    match line(bytes) {
        Some((text, _)) => {
            let word = words(text).0;
            let is_known = known.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
            if is_known { Certainty::Yes } else { Certainty::No }
        }
        None if bytes.len() < 64
            && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ' || *byte == b'\r') =>
        {
            Certainty::NeedMore
        }
        None => Certainty::No,
    }
}

fn reply_protocol(beginning: &Beginning<'_>, port: bool, said: &[&str], known: &[&str]) -> Certainty {
    let greeted = greeting(beginning);
    if let Some((code, text)) = greeted {
        // 421 where there are too many, 554 where nobody is welcome.
        if !(port || matches!(code, 220 | 120 | 421 | 554)) {
            return Certainty::No;
        }
        let upper = text.to_ascii_uppercase();
        if port || said.iter().any(|said| upper.windows(said.len()).any(|part| part == said.as_bytes())) {
            return Certainty::Yes;
        }
    } else if !beginning.bytes.to_client.is_empty() && !might_greet(beginning.bytes.to_client) {
        return Certainty::No;
    }
    if beginning.bytes.to_server.is_empty() {
        return if greeted.is_some() || !beginning.bytes.to_client.is_empty() {
            Certainty::NeedMore
        } else {
            Certainty::No
        };
    }
    // Without a greeting the port has to help: commands are words like others.
    match commands(beginning, known) {
        Certainty::Yes if greeted.is_some() || port => Certainty::Yes,
        Certainty::NeedMore if greeted.is_some() || port => Certainty::NeedMore,
        _ if beginning.bytes.to_client.is_empty() || greeted.is_some() => Certainty::No,
        _ => Certainty::NeedMore,
    }
}

/// Whether this may become a greeting.
fn might_greet(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take(3).all(u8::is_ascii_digit);
    digits && bytes.get(3).is_none_or(|byte| matches!(byte, b' ' | b'-')) && bytes.len() < 1024
}

fn ftp(beginning: &Beginning<'_>) -> Certainty {
    reply_protocol(beginning, beginning.port == 21, &["FTP"], &["USER", "AUTH", "PASS", "FEAT", "SYST", "OPTS"])
}

fn smtp(beginning: &Beginning<'_>) -> Certainty {
    let port = matches!(beginning.port, 25 | 587 | 2525);
    reply_protocol(beginning, port, &["SMTP"], &["EHLO", "HELO", "LHLO", "MAIL", "STARTTLS"])
}

/// How lengths are written.
const WAYS: [(Neighbour, usize, bool); 4] = [
    (Neighbour::Length32, 4, false),
    (Neighbour::Length32Le, 4, true),
    (Neighbour::Length16, 2, false),
    (Neighbour::Length16Le, 2, true),
];

/// Lines or lengths, only by strong evidence in what both ends have sent.
fn framing(beginning: &Beginning<'_>) -> (Certainty, Option<Neighbour>) {
    let is_all = beginning.is_all;
    let some = Direction::BOTH.map(|direction| beginning.bytes[direction]);
    let some: Vec<&[u8]> = some.into_iter().filter(|bytes| !bytes.is_empty()).collect();
    if some.is_empty()
        || Direction::BOTH.iter().any(|one| !beginning.bytes[*one].is_empty() && !beginning.from_start[*one])
    {
        return (Certainty::No, None);
    }
    let mut undecided = false;
    let mut ways = vec![(Neighbour::Lines, lines(&some))];
    ways.extend(WAYS.map(|(protocol, bytes, little)| (protocol, prefixed(&some, bytes, little))));
    for (protocol, verdict) in ways {
        match verdict {
            Certainty::Yes => return (Certainty::Yes, Some(protocol)),
            Certainty::NeedMore => undecided = true,
            Certainty::No => {}
        }
    }
    (if undecided && !is_all { Certainty::NeedMore } else { Certainty::No }, None)
}

/// So many lines are judged, and no more, that it makes no difference how many have come at once.
fn lines(streams: &[&[u8]]) -> Certainty {
    let (mut count, mut length) = (0, 0);
    let text = |bytes: &[u8]| {
        let plain = bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b' '..=b'~' | 0x80..));
        plain
            && std::str::from_utf8(bytes)
                .is_ok_and(|text| !text.contains(char::is_control) || text.contains(['\t', '\r']))
    };
    for bytes in streams {
        let mut rest = *bytes;
        while let Some((line, take)) = line(rest) {
            if !text(line) {
                return Certainty::No;
            }
            count += 1;
            length += line.len();
            rest = rest.get(take..).unwrap_or_default();
            if count == LINES {
                return if length >= LINES * MEAN_LINE { Certainty::Yes } else { Certainty::No };
            }
        }
        // It may be cut within a character.
        if rest.iter().any(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127)) {
            return Certainty::No;
        }
    }
    Certainty::NeedMore
}

fn prefixed(streams: &[&[u8]], width: usize, little: bool) -> Certainty {
    let mut count = 0;
    let mut bytes_of_all = 0;
    for bytes in streams {
        let mut rest = *bytes;
        while let Some(prefix) = rest.get(..width) {
            let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
            let length = if little { prefix.iter().rev().fold(0, add) } else { prefix.iter().fold(0, add) };
            // An empty message says nothing for it, and of a long one the end can't be seen here.
            if length == 0 || length > LONGEST_MESSAGE {
                return Certainty::No;
            }
            let Some(behind) = rest.get(width + length..) else { break };
            count += 1;
            bytes_of_all += length;
            rest = behind;
            // Of two bytes one says most: by chance a length below some hundred is there once in some hundred times.
            if count == MESSAGES + (4 - width) && bytes_of_all >= 16 {
                return Certainty::Yes;
            }
        }
    }
    Certainty::NeedMore
}
