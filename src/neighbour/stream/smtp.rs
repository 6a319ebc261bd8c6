//! SMTP (RFC 5321): commands and replies; of a mail only how long it is.

use std::fmt::Write as _;

use super::line::{code, kept, line, shown, words};
use super::{Seen, Step, StreamReader, Until};
use crate::flow::Direction;
use crate::neighbour::{Neighbour, Reading, secret};

/// Commands that end an exchange of credentials (RFC 4954), if it was not ended by a reply.
const COMMANDS: [&str; 12] =
    ["EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "STARTTLS", "VRFY"];

/// The lines that a mail may end with.
const ENDS: [&[u8]; 2] = [b".\r\n", b".\n"];

/// Whether it is one of these.
pub(super) fn is_command(word: &[u8]) -> bool {
    COMMANDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Reads both directions.
#[derive(Debug, Default)]
pub(super) struct Smtp {
    /// A mail passes by: how many bytes of it came, and whether a line begins.
    mail: Option<(u64, bool)>,
    /// Credentials pass by.
    authenticates: bool,
    wants_tls: bool,
    /// Something of the client is missing, so that its next lines may be a mail's, until one is a command.
    unsure: bool,
    /// Bytes of the chunk that passes by (RFC 3030).
    chunk: u64,
    /// So much of the reply at hand are lines that another one follows.
    goes_on: usize,
}

impl StreamReader for Smtp {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        match seen.direction {
            Direction::ToServer if self.mail.is_some() => self.mail(bytes, seen),
            Direction::ToServer => self.command(bytes, seen),
            Direction::ToClient => self.reply(bytes, seen),
        }
    }

    fn payload_end(&mut self, missing: u64, _: bool, seen: &mut Seen<'_>) {
        told_mail(self.chunk, missing, seen);
    }

    fn lost(&mut self, direction: Direction) {
        if direction == Direction::ToClient {
            self.goes_on = 0;
        } else {
            self.unsure = true;
            if let Some((_, begins)) = &mut self.mail {
                *begins = false;
            }
        }
    }

    fn resume(&self, bytes: &[u8], _: usize, direction: Direction) -> Result<usize, (usize, Until)> {
        if direction == Direction::ToServer && self.mail.is_some() {
            return Ok(0);
        }
        bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1).ok_or((bytes.len(), Until::Any))
    }
}

impl Smtp {
    fn command(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let Some((text, take)) = line(bytes) else { return Step::More(Until::LINE) };
        let (word, parameter) = words(text);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        if is_command(word) {
            self.authenticates = false;
        } else if self.unsure && !is("AUTH") {
            return Step::Take(take);
        }
        self.unsure = false;
        self.wants_tls = is("STARTTLS");
        let mut reading = seen.wants().then(|| {
            let mut reading = Reading::new(Neighbour::Smtp);
            reading.flag("smtp.req", true);
            reading
        });
        if self.authenticates {
            if let Some(mut reading) = reading {
                reading.info = "C: ***".into();
                seen.tell(reading);
            }
            return Step::Take(take);
        }
        let mut masked;
        let mut shown_parameter = parameter;
        if is("AUTH") {
            self.authenticates = true;
            let (mechanism, response) = words(parameter);
            if !response.is_empty() {
                masked = mechanism.to_vec();
                masked.push(b' ');
                masked.extend_from_slice(secret::MASK);
                shown_parameter = &masked;
            }
        }
        if let Some(reading) = &mut reading {
            reading.info = format!("C: {}", shown(word));
            reading.text("smtp.req.command", kept(word));
            let mut whole = word.to_vec();
            if !shown_parameter.is_empty() {
                let _ = write!(reading.info, " {}", shown(shown_parameter));
                reading.long_text("smtp.req.parameter", shown_parameter);
                whole.push(b' ');
                whole.extend_from_slice(shown_parameter);
            }
            reading.long_text("smtp.command_line", &whole);
        }
        if let Some(reading) = reading {
            seen.tell(reading);
        }
        if is("DATA") {
            self.mail = Some((0, true));
        }
        if is("BDAT") {
            let length =
                std::str::from_utf8(words(parameter).0).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
            self.chunk = length;
            if length > 0 {
                return Step::Payload { take, length: Some(length) };
            }
        }
        Step::Take(take)
    }

    /// The lines of a mail, up to the one of a single dot (RFC 5321, section 4.1.1.4).
    fn mail(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let Some((length, begins)) = &mut self.mail else { return Step::Lost };
        if *begins && ENDS.iter().any(|end| bytes.len() < end.len() && end.starts_with(bytes)) {
            return Step::More(Until::Any);
        }
        let ends = ENDS.iter().find(|end| bytes.starts_with(end)).filter(|_| *begins);
        if let Some(end) = ends {
            let length = *length;
            self.mail = None;
            told_mail(length, 0, seen);
            return Step::Take(end.len());
        }
        let take = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        *begins = take.is_some();
        let take = take.unwrap_or(bytes.len());
        *length += take as u64;
        Step::Take(take)
    }

    /// A reply with all its lines (section 4.2.1).
    fn reply(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let goes_on = |text: &[u8]| code(text).is_some() && text.get(3) == Some(&b'-');
        let take = loop {
            let Some((text, length)) = bytes.get(self.goes_on..).and_then(line) else {
                return Step::More(Until::LINE);
            };
            self.goes_on += length;
            if !goes_on(text) {
                break std::mem::take(&mut self.goes_on);
            }
        };
        let mut rest = bytes.get(..take).unwrap_or_default();
        let mut parts: Vec<&[u8]> = Vec::new();
        while let Some((text, length)) = line(rest) {
            parts.push(text);
            rest = rest.get(length..).unwrap_or_default();
        }
        let first = parts.iter().find_map(|text| code(text));
        let Some(code) = first else {
            return Step::Take(take);
        };
        // Replies to what was sent before AUTH may still be on their way.
        if code == 235 || code >= 400 {
            self.authenticates = false;
        }
        // No mail follows where the server does not want one.
        if code >= 400 && matches!(self.mail, Some((0, true))) {
            self.mail = None;
        }
        if seen.wants() {
            let mut reading = Reading::new(Neighbour::Smtp);
            reading.flag("smtp.rsp", true);
            reading.number("smtp.response.code", code);
            reading.info = format!("S: {}", shown(parts.first().copied().unwrap_or_default()));
            for part in parts.iter().take(64) {
                // What the server asks in an exchange of credentials is a part of it.
                let parameter = if code == 334 { secret::MASK } else { part.get(4..).unwrap_or_default() };
                reading.long_text("smtp.rsp.parameter", parameter);
            }
            if parts.len() > 1 {
                let _ = write!(reading.info, " … {} lines", parts.len());
            }
            if code == 334 {
                reading.info = "S: 334 ***".into();
            }
            seen.tell(reading);
        }
        if code == 220 && std::mem::take(&mut self.wants_tls) { Step::Secured(take) } else { Step::Take(take) }
    }
}

/// Tells a mail.
fn told_mail(length: u64, missing: u64, seen: &mut Seen<'_>) {
    if !seen.wants() {
        return;
    }
    let mut reading = Reading::new(Neighbour::Smtp);
    reading.flag("smtp.req", true);
    reading.info = format!("C: a mail of {length} bytes");
    if missing > 0 {
        let _ = write!(reading.info, ", {missing} of them missing");
    }
    reading.number("smtp.mail.length", length);
    seen.tell(reading);
}
