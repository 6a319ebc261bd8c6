//! Secrets in protocols of lines: what stands behind the name of one.

use std::ops::Range;

use super::super::http::{asks, holds_uri, is_secret_line};
use super::super::line::{code, words};
use super::super::{ftp, smtp};
use super::MASK;
use crate::flow::{Direction, PerDirection};
use crate::neighbour::secret::{moved, text_places, uri_places};

/// Bytes of a line by which it is known where secrets stand in it. Of a longer one with an address all that follows is hidden;
/// a longer text is looked at in pieces.
const LOOKED_AT: usize = 2048;

/// Whose lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Http,
    Ftp,
    Smtp,
    /// A protocol that is not known.
    Text,
    /// The same, whose messages have their length in front of them, in bytes that are no text.
    Messages,
}

#[derive(Debug, Default)]
struct Side {
    /// The line at hand, as far as it came and is looked at.
    line: Vec<u8>,
    /// All of the line from here on is hidden.
    hides_rest: bool,
    /// A line that begins with a blank goes on with the secret of the one before (RFC 9112, section 5.2).
    folds: bool,
}

/// Goes through both directions line by line.
#[derive(Debug)]
pub(super) struct Lines {
    of: Of,
    sides: PerDirection<Side>,
    /// Of SMTP: credentials pass by, or a mail.
    authenticates: bool,
    mail: bool,
}

impl Lines {
    pub(super) fn of(of: Of) -> Self {
        Self { of, sides: PerDirection::default(), authenticates: false, mail: false }
    }

    pub(super) fn hide(&mut self, direction: Direction, bytes: &mut [u8]) {
        let of = self.of;
        let ends_line = |byte: &u8| *byte == b'\n' || (of == Of::Messages && byte.is_ascii_control() && *byte != b'\t');
        for piece in bytes.split_inclusive_mut(ends_line) {
            let ends = piece.last().is_some_and(ends_line);
            let end = piece.len() - usize::from(ends) - usize::from(piece.ends_with(b"\r\n"));
            let (text, _) = piece.split_at_mut(end);
            let mut rest = text;
            while !rest.is_empty() {
                let side = &self.sides[direction];
                let room = LOOKED_AT - side.line.len();
                if room == 0 {
                    if side.hides_rest {
                        rest.fill(MASK);
                    }
                    break;
                }
                let (known, beyond) = rest.split_at_mut(room.min(rest.len()));
                self.hide_in_line(direction, known, ends && beyond.is_empty());
                rest = beyond;
            }
            if ends {
                let line = std::mem::take(&mut self.sides[direction].line);
                self.ended(direction, &line);
                self.sides[direction].hides_rest = false;
            }
        }
    }

    /// The same for the next bytes of a line, for which there is room.
    fn hide_in_line(&mut self, direction: Direction, bytes: &mut [u8], whole: bool) {
        if self.sides[direction].hides_rest {
            bytes.fill(MASK);
            return;
        }
        let mut line = std::mem::take(&mut self.sides[direction].line);
        let before = line.len();
        line.extend_from_slice(bytes);
        let places = self.places(direction, &line, whole);
        for place in &places {
            let place = place.start.max(before) - before..place.end.max(before) - before;
            if let Some(secret) = bytes.get_mut(place) {
                secret.fill(MASK);
            }
        }
        if line.len() == LOOKED_AT {
            let is_open = places.iter().any(|place| place.end == line.len());
            self.sides[direction].hides_rest = is_open || (self.of == Of::Http && has_uri(&line));
            if matches!(self.of, Of::Text | Of::Messages) && !is_open {
                line.drain(..LOOKED_AT / 2);
            }
        }
        self.sides[direction].line = line;
    }

    /// Where secrets stand in a line, which may not be `whole`.
    fn places(&self, direction: Direction, line: &[u8], whole: bool) -> Vec<Range<usize>> {
        match (self.of, direction) {
            (Of::Http, _) => self.places_in_head(direction, line, whole),
            (Of::Ftp, Direction::ToServer) => {
                let word = word(line, 0);
                let is_secret = ftp::is_secret(line.get(word.clone()).unwrap_or_default());
                Vec::from_iter(is_secret.then(|| behind(line, word.end + 1)))
            }
            (Of::Smtp, Direction::ToServer) => self.places_in_command(line, whole),
            // What the server asks in an exchange of credentials is a part of it (RFC 4954, section 4).
            (Of::Smtp, Direction::ToClient) => Vec::from_iter((code(line) == Some(334)).then(|| behind(line, 4))),
            (Of::Ftp, Direction::ToClient) => Vec::new(),
            (Of::Text | Of::Messages, _) => text_places(line),
        }
    }

    fn places_in_head(&self, direction: Direction, line: &[u8], whole: bool) -> Vec<Range<usize>> {
        if asks(line) == Some(true) {
            let (method, rest) = words(line);
            let (target, _) = words(rest);
            let is_whole = whole || target.len() < rest.len();
            return moved(in_uri(target, is_whole), method.len() + 1).collect();
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Vec::from_iter(self.sides[direction].folds.then(|| behind(line, 1)));
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Vec::new() };
        let (name, value) = line.split_at(colon);
        let blanks = value.iter().skip(1).take_while(|byte| **byte == b' ').count();
        let start = colon + 1 + blanks;
        if is_secret_line(name) {
            return vec![behind(line, start)];
        }
        if holds_uri(name) {
            return moved(in_uri(line.get(start..).unwrap_or_default(), whole), start).collect();
        }
        Vec::new()
    }

    fn places_in_command(&self, line: &[u8], whole: bool) -> Vec<Range<usize>> {
        if self.mail {
            return Vec::new();
        }
        let command = word(line, 0);
        let name = line.get(command.clone()).unwrap_or_default();
        if self.authenticates && !(whole && smtp::is_command(name)) {
            return vec![behind(line, 0)];
        }
        if name.eq_ignore_ascii_case(b"AUTH") {
            let mechanism = word(line, command.end);
            return vec![behind(line, mechanism.end + 1)];
        }
        Vec::new()
    }

    /// A line is over.
    fn ended(&mut self, direction: Direction, line: &[u8]) {
        // The end of a line may come in two pieces.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let side = &mut self.sides[direction];
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let goes_on = side.folds && matches!(line.first(), Some(b' ' | b'\t'));
        side.folds = self.of == Of::Http && (goes_on || is_secret_line(name));
        if self.of != Of::Smtp {
            return;
        }
        let word = line.get(word(line, 0)).unwrap_or_default();
        match direction {
            Direction::ToServer if self.mail => self.mail = line != b".",
            Direction::ToServer => {
                self.mail = word.eq_ignore_ascii_case(b"DATA");
                self.authenticates =
                    (self.authenticates && !smtp::is_command(word)) || word.eq_ignore_ascii_case(b"AUTH");
            }
            Direction::ToClient => {
                let code = code(line).unwrap_or_default();
                // Replies to what was sent before may still be on their way, but whoever is asked answers.
                self.authenticates = code == 334 || (self.authenticates && code != 235 && code < 400);
                // No mail follows where the server does not want one, or asks for something else.
                self.mail &= code < 400 && code != 334;
            }
        }
    }

    pub(super) fn lost(&mut self, direction: Direction) {
        let line = std::mem::take(&mut self.sides[direction].line);
        let is_open = self.places(direction, &line, false).iter().any(|place| place.end == line.len());
        // What is missing may have begun a secret. A body of HTTP is not to be cut for that.
        let may_be = direction == Direction::ToServer && matches!(self.of, Of::Ftp | Of::Smtp) && !self.mail;
        let side = &mut self.sides[direction];
        side.hides_rest |= may_be || (is_open && !line.is_empty());
    }
}

/// Where the next word from this place on stands, behind blanks.
fn word(line: &[u8], from: usize) -> Range<usize> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let rest = line.get(from..).unwrap_or_default();
    let start = from + rest.iter().take_while(|byte| is_blank(byte)).count();
    let length = line.get(start..).unwrap_or_default().iter().take_while(|byte| !is_blank(byte)).count();
    start..start + length
}

/// Whether a line of a head has an address in it.
fn has_uri(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    asks(line) == Some(true) || holds_uri(name)
}

/// What stands in a line behind so many bytes.
fn behind(line: &[u8], start: usize) -> Range<usize> {
    start.min(line.len())..line.len()
}

/// Where secrets stand in an address that may go on: who comes before the host is known for that by what follows.
fn in_uri(uri: &[u8], whole: bool) -> Vec<Range<usize>> {
    let host = uri.windows(3).position(|part| part == b"://").map(|at| at + 3);
    let mut places = uri_places(uri);
    places.extend(
        host.filter(|host| !whole && !uri.get(*host..).unwrap_or_default().contains(&b'/'))
            .map(|host| behind(uri, host)),
    );
    places
}
