//! HTTP/1.x (RFC 9110, RFC 9112): heads, how long bodies are, which request a response answers.
//!
//! A message is told when it is whole, with its body, as Wireshark does. What a body says is not kept but for its kind.

mod head;

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::line::{line, shown};
use super::{Seen, Step, StreamReader, Until};
use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};
use crate::neighbour::kind::Contents;
use crate::neighbour::{Neighbour, Reading, Value, secret};
use head::{Framing, LINES, description, first_line, head_end, headers, split};
pub(super) use head::{asks, begins, holds_uri, is_secret_line};

/// The most requests that wait for their responses. Clients that pipeline send a few.
const WAITING: usize = 64;

/// Bytes of a body that tell what it is.
const LOOKED_AT: usize = 4096;

/// The longest first line that is taken for one behind a loss.
const FIRST_LINE: usize = 4096;

/// The end of a line.
#[derive(Debug, Clone, Copy)]
struct LineEnd {
    at: usize,
    /// Its last word is a version, as that of a request is.
    has_version: bool,
}

impl LineEnd {
    /// That of the line which goes on at this place; the first `searched` bytes have none.
    fn of(bytes: &[u8], at: usize, searched: usize) -> Option<Self> {
        let from = at.max(searched);
        let (_, length) = line(bytes.get(from..)?)?;
        let end = from + length - 1;
        let (text, _) = line(bytes.get(at..=end)?)?;
        Some(Self { at: end, has_version: first_line(text, true) })
    }
}

/// How it came that a connection was used once or several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// It carried several exchanges.
    Exchanges,
    /// Its messages say so.
    Header,
    /// It was closed behind its only exchange, or it was not.
    Close,
}

/// What was seen of the exchanges of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpFacts {
    /// Requests whose head is whole.
    pub requests: u64,
    /// Responses whose head is whole, interim ones left out.
    pub responses: u64,
    /// A message said that the connection is not used again.
    pub closes: bool,
    /// It became a tunnel or another protocol.
    pub left: bool,
}

impl HttpFacts {
    /// Whether the connection was kept alive, and by what that is known; `is_closed` if it is over. `None` where no exchange
    /// was seen.
    pub fn kept_alive(&self, is_closed: bool) -> Option<(bool, Reuse)> {
        let exchanges = self.requests.max(self.responses);
        match exchanges {
            0 => None,
            _ if self.left => None,
            2.. => Some((true, Reuse::Exchanges)),
            _ if self.closes => Some((false, Reuse::Header)),
            _ => Some((!is_closed, Reuse::Close)),
        }
    }
}

/// A request that waits for its response.
#[derive(Debug)]
struct Asked {
    origin: Origin,
    uri: Box<[u8]>,
    is_head: bool,
    is_connect: bool,
}

impl Asked {
    fn into_parts(self) -> (Origin, Box<[u8]>) {
        (self.origin, self.uri)
    }
}

/// What a direction stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Head,
    /// A body of a known length, or up to the end.
    Body,
    /// The line with the length of a chunk (RFC 9112, section 7.1).
    Size,
    Chunk,
    /// The line end behind a chunk.
    ChunkEnd,
    Trailer,
}

/// A message whose body is not over.
#[derive(Debug, Default)]
struct Open {
    part: Part,
    reading: Option<Reading>,
    body: Vec<u8>,
    body_length: u64,
    missing: u64,
    /// The body has a coding that hides what it is.
    coded: bool,
    /// Its length is not known: it goes on to the end of the stream.
    until_end: bool,
    /// Of a response: the request that it answers.
    answers: Option<(Origin, Box<[u8]>)>,
    /// Where the head is known to go on without an end.
    scanned: usize,
}

/// Reads both directions.
#[derive(Debug, Default)]
pub struct Http {
    facts: HttpFacts,
    asked: VecDeque<Asked>,
    open: PerDirection<Open>,
    /// The head at hand has no end.
    head_cut: bool,
}

impl Http {
    /// What was seen so far.
    pub const fn facts(&self) -> &HttpFacts {
        &self.facts
    }

    fn head(&mut self, head: &[u8], take: usize, seen: &mut Seen<'_>) -> Step {
        let Some((first, length)) = line(head) else { return Step::Lost };
        let lines = head.get(length..).unwrap_or_default();
        let is_response = first.starts_with(b"HTTP/");
        if is_response {
            return self.response(first, lines, take, seen);
        }
        if asks(first) != Some(true) {
            return Step::Lost;
        }
        let mut words = first.splitn(3, |byte| *byte == b' ');
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        // Who writes blanks into a target has the rest of it for a version, as in Wireshark.
        let version = words.next().filter(|version| !version.is_empty());
        self.facts.requests += 1;
        let mut framing = Framing::default();
        let mut reading = seen.wants().then(|| {
            let mut reading = Reading::new(Neighbour::Http);
            reading.info = shown(&[method, b" ", &secret::uri(target), b" ", version.unwrap_or_default()].concat());
            reading.flag("http.request", true);
            reading.number("http.request_number", self.facts.requests);
            reading.text("http.request.method", method);
            let uri = secret::uri(target);
            reading.long_text("http.request.uri", &uri);
            let (path, query) = split(&uri);
            reading.long_text("http.request.uri.path", path);
            if let Some(query) = query {
                reading.long_text("http.request.uri.query", query);
                for parameter in query.split(|byte| *byte == b'&').take(LINES).filter(|part| !part.is_empty()) {
                    reading.long_text("http.request.uri.query.parameter", parameter);
                }
            }
            if let Some(version) = version {
                reading.long_text("http.request.version", version);
            }
            reading
        });
        let host = headers(lines, &mut framing, reading.as_mut());
        let old = version.is_none_or(|version| version.ends_with(b"HTTP/1.0"));
        self.facts.closes |= framing.closes || (old && !framing.keeps);
        let is_connect = method == b"CONNECT";
        let mut uri = secret::uri(target);
        if let Some(reading) = &mut reading {
            if let Some(host) = &host {
                if !is_connect && uri.starts_with(b"/") {
                    uri = [b"http://", host.as_slice(), &uri].concat();
                }
                reading.long_text("http.request.full_uri", &uri);
                if target.starts_with(b"/") && !host.is_empty() {
                    let _ = write!(reading.info, " (host {})", shown(host));
                }
            }
        } else {
            uri = Vec::new();
        }
        if self.asked.len() == WAITING {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked {
            origin: seen.origin,
            uri: super::line::kept(&uri).into(),
            is_head: method == b"HEAD",
            is_connect,
        });
        // A body of a request has a length (RFC 9112, section 6.3).
        self.body(&framing, framing.length.or(Some(0)), take, reading, seen)
    }

    fn response(&mut self, first: &[u8], lines: &[u8], take: usize, seen: &mut Seen<'_>) -> Step {
        let mut words = first.splitn(3, |byte| *byte == b' ');
        let (version, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let phrase = words.next();
        let Some(status) =
            std::str::from_utf8(status).ok().filter(|code| code.len() == 3).and_then(|code| code.parse::<u16>().ok())
        else {
            return Step::Lost;
        };
        let interim = (100..200).contains(&status) && status != 101;
        let asked = if interim { None } else { self.asked.pop_front() };
        self.facts.responses += u64::from(!interim);
        let mut framing = Framing::default();
        let mut reading = seen.wants().then(|| {
            let mut reading = Reading::new(Neighbour::Http);
            reading.info = shown(first);
            reading.flag("http.response", true);
            reading.number("http.response_number", self.facts.responses + u64::from(interim));
            reading.long_text("http.response.version", version);
            reading.number("http.response.code", status);
            if let Some(name) = description(status) {
                reading.text("http.response.code.desc", name.as_bytes());
            }
            if let Some(phrase) = phrase {
                reading.long_text("http.response.phrase", phrase);
            }
            reading
        });
        headers(lines, &mut framing, reading.as_mut());
        let old = version <= b"HTTP/1.0".as_slice();
        self.facts.closes |= framing.closes || (old && !framing.keeps);
        let (mut is_head, mut tunnels) = (false, false);
        if let Some(asked) = &asked {
            is_head = asked.is_head;
            tunnels = asked.is_connect && (200..300).contains(&status);
        }
        if status == 101 || tunnels {
            self.facts.left = true;
            self.open[seen.direction] = Open { reading, answers: asked.map(Asked::into_parts), ..Open::default() };
            self.told(false, seen);
            return Step::Over;
        }
        // RFC 9112, section 6.3: none behind these, and up to the end where nothing is said.
        let length = match status {
            _ if is_head => Some(0),
            100..200 | 204 | 304 => Some(0),
            _ => framing.length,
        };
        if is_head || length == Some(0) {
            framing.chunked = false;
        }
        self.open[seen.direction].answers = asked.map(Asked::into_parts);
        self.body(&framing, length, take, reading, seen)
    }

    fn body(
        &mut self,
        framing: &Framing,
        length: Option<u64>,
        take: usize,
        reading: Option<Reading>,
        seen: &mut Seen<'_>,
    ) -> Step {
        let open = &mut self.open[seen.direction];
        let answers = open.answers.take();
        *open = Open { reading, coded: framing.coded, answers, ..Open::default() };
        if framing.chunked {
            open.part = Part::Size;
            return Step::Take(take);
        }
        match length {
            Some(0) => {
                self.told(false, seen);
                Step::Take(take)
            }
            length => {
                open.part = Part::Body;
                open.body_length = length.unwrap_or(0);
                open.until_end = length.is_none();
                Step::Payload { take, length }
            }
        }
    }

    /// A message is over.
    fn told(&mut self, cut: bool, seen: &mut Seen<'_>) {
        let open = std::mem::take(&mut self.open[seen.direction]);
        if open.answers.is_none()
            && seen.direction == Direction::ToServer
            && let Some(asked) = self.asked.back_mut()
        {
            asked.origin = seen.origin;
        }
        let Some(mut reading) = open.reading else { return };
        if let Some((origin, uri)) = &open.answers {
            reading.number("http.request_in", origin.frame.0);
            reading.put("http.time", Value::Duration(seen.origin.time.since(origin.time)));
            if !uri.is_empty() {
                reading.text("http.response_for.uri", uri);
            }
        }
        if open.body_length > 0 {
            let whole = open.missing == 0 && !cut && open.body.len() as u64 == open.body_length;
            let kind = if open.coded { Contents::Bytes } else { Contents::of(&open.body, whole) };
            let known = matches!(kind, Contents::Json | Contents::Xml);
            let kind_name = if known { format!("{} of ", kind.name()) } else { String::new() };
            let _ = write!(reading.info, ", {kind_name}{} bytes", open.body_length);
            reading.number("http.body.length", open.body_length);
            if !open.coded && !open.body.is_empty() {
                reading.text("http.body.kind", kind.name().as_bytes());
            }
        }
        if self.head_cut {
            reading.info.push_str(", the rest of the head is missing");
        } else if open.missing > 0 {
            let _ = write!(reading.info, ", {} of them missing", open.missing);
        } else if cut {
            reading.info.push_str(", the end is missing");
        }
        if open.missing > 0 || cut {
            reading.flag("http.cut", true);
        }
        seen.tell(reading);
    }
}

impl StreamReader for Http {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let open = &mut self.open[seen.direction];
        match open.part {
            Part::Head | Part::Body | Part::Chunk => {
                // Empty lines before a request are passed over (RFC 9112, section 2.2).
                if matches!(bytes, [b'\r', b'\n', ..] | [b'\n', ..]) {
                    return Step::Take(if bytes.first() == Some(&b'\r') { 2 } else { 1 });
                }
                match begins(bytes) {
                    Some(true) => {}
                    None => return Step::More(Until::Any),
                    Some(false) => return if bytes == b"\r" { Step::More(Until::Any) } else { Step::Lost },
                }
                let from = open.scanned.saturating_sub(3).min(bytes.len());
                let Some(end) = head_end(bytes, from) else {
                    open.scanned = bytes.len();
                    return Step::More(Until::LINE);
                };
                open.scanned = 0;
                self.head(bytes.get(..end).unwrap_or_default(), end, seen)
            }
            Part::Size => {
                let Some((text, take)) = line(bytes) else { return Step::More(Until::LINE) };
                let digits = text.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
                match size {
                    Some(0) => {
                        open.part = Part::Trailer;
                        Step::Take(take)
                    }
                    Some(size) => {
                        open.part = Part::Chunk;
                        open.body_length = open.body_length.saturating_add(size);
                        Step::Payload { take, length: Some(size) }
                    }
                    None => Step::Lost,
                }
            }
            Part::ChunkEnd => {
                let Some((_, take)) = line(bytes) else { return Step::More(Until::LINE) };
                open.part = Part::Size;
                Step::Take(take)
            }
            Part::Trailer => {
                let Some((text, take)) = line(bytes) else { return Step::More(Until::LINE) };
                if text.is_empty() {
                    self.told(false, seen);
                }
                Step::Take(take)
            }
        }
    }

    fn payload(&mut self, bytes: &[u8], direction: Direction) {
        let open = &mut self.open[direction];
        let room = LOOKED_AT.saturating_sub(open.body.len());
        open.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if open.until_end {
            open.body_length += bytes.len() as u64;
        }
    }

    fn payload_end(&mut self, missing: u64, cut: bool, seen: &mut Seen<'_>) {
        let open = &mut self.open[seen.direction];
        open.missing += missing;
        if open.part == Part::Chunk && !cut {
            open.part = Part::ChunkEnd;
        } else {
            self.told(cut, seen);
        }
    }

    fn lost(&mut self, direction: Direction) {
        self.open[direction] = Open::default();
        // Which response answers which request is not known any more.
        self.asked.clear();
    }

    fn resume(&self, bytes: &[u8], searched: usize, direction: Direction) -> Result<usize, (usize, Until)> {
        let is_request = direction == Direction::ToServer;
        let mut at = 0;
        // The end of the line at hand, if that is known: much may stand in one line that could begin it.
        let mut ends: Option<LineEnd> = None;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let begins = if is_request {
                asks(rest)
            } else if rest.starts_with(b"HTTP/1.") {
                Some(true)
            } else if b"HTTP/1.".starts_with(rest) {
                None
            } else {
                Some(false)
            };
            match begins {
                Some(false) => at += 1,
                None => return Err((at, Until::Any)),
                // A first line is a line, and says its version.
                Some(true) => {
                    let end = ends.filter(|end| end.at >= at).or_else(|| LineEnd::of(bytes, at, searched));
                    ends = end;
                    match end {
                        None if rest.len() < FIRST_LINE => return Err((at, Until::Line(FIRST_LINE))),
                        Some(end)
                            if end.at - at < FIRST_LINE
                                && if is_request { end.has_version } else { first_line(rest, false) } =>
                        {
                            return Ok(at);
                        }
                        // No place before these has an end of a line near enough.
                        None => at = bytes.len() - FIRST_LINE + 1,
                        Some(_) => at += 1,
                    }
                }
            }
        }
        Err((at, Until::Any))
    }

    fn cut(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        match self.open[seen.direction].part {
            Part::Head => {
                let Some((first, _)) = line(bytes).filter(|_| begins(bytes) == Some(true) && seen.wants()) else {
                    return;
                };
                if !first.starts_with(b"HTTP/") && !first_line(first, true) {
                    return;
                }
                // What stands in whole lines.
                let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                self.head_cut = true;
                let step = self.head(bytes.get(..end).unwrap_or_default(), end, seen);
                if matches!(step, Step::Payload { .. }) || self.open[seen.direction].part == Part::Size {
                    self.told(true, seen);
                }
                self.head_cut = false;
            }
            Part::Body | Part::Size | Part::Chunk | Part::ChunkEnd | Part::Trailer => self.told(true, seen),
        }
    }

    fn held_bytes(&self) -> usize {
        let body = |direction: Direction| self.open[direction].body.len();
        self.asked.len() * size_of::<Asked>()
            + self.asked.iter().map(|asked| asked.uri.len()).sum::<usize>()
            + body(Direction::ToServer)
            + body(Direction::ToClient)
    }
}
