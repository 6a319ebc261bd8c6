//! Lines of text protocols.

use super::super::Reading;

#[cfg(test)]
thread_local! {
    /// How many bytes were gone through in search of an end.
    pub(super) static LOOKED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// So many bytes were gone through.
#[cfg(test)]
pub(super) fn looked(bytes: usize) {
    LOOKED.set(LOOKED.get() + bytes as u64);
}

/// Only tests count them.
#[cfg(not(test))]
pub(super) const fn looked(_: usize) {}

/// The line at the front without its end, and how many bytes it takes; `None` where it has not ended.
pub(super) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    looked(end.unwrap_or(bytes.len()));
    let end = end?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// Its first word and what stands behind it.
pub(super) fn words(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    (line.get(..end).unwrap_or(line), line.get(end + 1..).unwrap_or_default())
}

/// The code of a reply of FTP or SMTP: three digits (RFC 959, section 4.2).
pub(super) fn code(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let ends = line.get(3).is_none_or(|byte| matches!(byte, b' ' | b'-'));
    ends.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}

/// As much of a line as stands in the line of the reading.
pub(super) fn shown(line: &[u8]) -> String {
    const SHOWN: usize = 256;
    let cut = line.get(..SHOWN).unwrap_or(line);
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < line.len() {
        text.push('…');
    }
    text
}

/// As much of a text as is kept of a value.
pub(super) fn kept(text: &[u8]) -> &[u8] {
    const KEPT: usize = 4096;
    text.get(..KEPT).unwrap_or(text)
}

impl Reading {
    /// Adds a text of any length, of which no more than can be looked at is kept.
    pub(super) fn long_text(&mut self, name: &'static str, text: &[u8]) {
        self.text(name, kept(text));
    }
}
