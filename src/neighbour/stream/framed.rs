//! Messages that a stream of no known protocol is made of: lines, or bytes behind their length.
//!
//! These are the two usual cures for messages that TCP glues together and cuts.

use std::fmt::Write as _;

use super::line::{kept, line, shown};
use super::{Seen, Step, StreamReader, Until};
use crate::flow::Direction;
use crate::neighbour::kind::Contents;
use crate::neighbour::{Neighbour, Reading, secret};

/// Lines that end in LF, or CR and LF.
#[derive(Debug)]
pub(super) struct Lines;

impl StreamReader for Lines {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let Some((text, take)) = line(bytes) else { return Step::More(Until::LINE) };
        if seen.wants() {
            let reading = reading(Neighbour::Lines, text, text.len() as u64, seen);
            seen.tell(reading);
        }
        Step::Take(take)
    }

    fn cut(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        if seen.wants() {
            let mut reading = reading(Neighbour::Lines, bytes, bytes.len() as u64, seen);
            reading.info.push_str(", its end missing");
            reading.flag("framed.cut", true);
            seen.tell(reading);
        }
    }
}

/// Messages behind their length, which does not count itself.
#[derive(Debug)]
pub(super) struct Prefixed {
    pub(super) protocol: Neighbour,
    /// How many bytes the length has.
    pub(super) bytes: usize,
    pub(super) little: bool,
}

impl Prefixed {
    /// The length that these bytes begin with.
    fn length(&self, bytes: &[u8]) -> Option<u64> {
        let digits = bytes.get(..self.bytes)?.iter().map(|byte| u64::from(*byte));
        let add = |sum: u64, byte: u64| sum << 8 | byte;
        Some(if self.little { digits.rev().fold(0, add) } else { digits.fold(0, add) })
    }
}

impl StreamReader for Prefixed {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let Some(length) = self.length(bytes) else { return Step::More(Until::Any) };
        let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(self.bytes);
        if whole > super::LONGEST {
            // It is not held; its length is what can be told of it, by the frame that shows it.
            if seen.wants() {
                let mut reading = Reading::new(self.protocol);
                reading.info = format!("{length} bytes, not held");
                reading.number("framed.length", length);
                seen.tell(reading);
            }
            return Step::Payload { take: self.bytes, length: Some(length) };
        }
        let Some(message) = bytes.get(self.bytes..whole) else { return Step::More(Until::Any) };
        if seen.wants() {
            let reading = reading(self.protocol, message, length, seen);
            seen.tell(reading);
        }
        Step::Take(whole)
    }

    fn resume(&self, bytes: &[u8], _: usize, _: Direction) -> Result<usize, (usize, Until)> {
        // Nothing but counting from the beginning shows where one begins.
        Err((bytes.len(), Until::Any))
    }

    fn cut(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        if let (Some(length), true) = (self.length(bytes), seen.wants()) {
            let there = bytes.get(self.bytes..).unwrap_or_default();
            let mut reading = reading(self.protocol, there, length, seen);
            let _ = write!(reading.info, ", {} of them missing", length - there.len() as u64);
            reading.flag("framed.cut", true);
            seen.tell(reading);
        }
    }
}

/// A message of this length, of which these bytes are there.
fn reading(protocol: Neighbour, bytes: &[u8], length: u64, seen: &Seen<'_>) -> Reading {
    let mut reading = Reading::new(protocol);
    let kind = Contents::of(bytes, bytes.len() as u64 == length);
    let what = if length == 0 { "empty" } else { kind.name() };
    reading.info = format!("{length} bytes, {what}");
    reading.number("framed.length", length);
    reading.text("framed.kind", what.as_bytes());
    if seen.started.frame != seen.origin.frame {
        reading.number("framed.first_frame", seen.started.frame.0);
    }
    if kind == Contents::Bytes {
        const SHOWN: usize = 64;
        reading.put("framed.bytes", crate::neighbour::Value::Bytes(bytes.get(..SHOWN).unwrap_or(bytes).to_vec()));
    } else if !bytes.is_empty() {
        let text = secret::text(kept(bytes));
        let _ = write!(reading.info, ": {}", shown(&text));
        reading.text("framed.text", &text);
    }
    reading
}
