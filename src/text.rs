//! Text from the wire: shown without harm to a terminal, kept without loss.
//!
//! What arrives as "a string" in a packet is bytes until proved otherwise. Nothing here decides what
//! a protocol allows; it only shows and carries.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Bytes that ought to be UTF-8, shown so that a terminal can come to no harm.
///
/// Control characters, invalid bytes and the invisible characters that reorder text are written as
/// `\n`, `\xff` or `\u{202e}`; a backslash is doubled, so that the text can be read back without doubt.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl Escaped<'_> {
    /// Writes it, as [`fmt::Display`] does.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let mut rest = chunk.valid();
            loop {
                let plain = rest.bytes().position(|byte| !is_plain(byte) || byte == b'\\').unwrap_or(rest.len());
                let (front, back) = rest.split_at(plain);
                if !front.is_empty() {
                    out.write_str(front)?;
                }
                let Some(c) = back.chars().next() else { break };
                rest = back.get(c.len_utf8()..).unwrap_or_default();
                match c {
                    '\\' => out.write_str("\\\\")?,
                    '\n' => out.write_str("\\n")?,
                    '\r' => out.write_str("\\r")?,
                    '\t' => out.write_str("\\t")?,
                    c if is_harmful(c) => write!(out, "\\u{{{:x}}}", u32::from(c))?,
                    c => out.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// Text of ours that names what is not ours, such as files: what could harm a terminal is shown as by [`Escaped`], and the
/// rest, line breaks and backslashes included, stands as it is.
#[derive(Debug, Clone, Copy)]
pub struct Harmless<'a>(pub &'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' => f.write_char(c),
            c if is_harmful(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
            c => f.write_char(c),
        })
    }
}

/// Whether a byte of UTF-8 is a printable character by itself.
#[inline]
pub(crate) const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Characters that move the cursor, hide or reorder what follows: C0, DEL, C1, the line and paragraph
/// separators, bidirectional controls and other invisible format characters.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How many columns a text takes on a terminal, near enough: wide East Asian characters and emoji take two,
/// combining marks none.
pub(crate) fn columns(text: &str) -> usize {
    // Nearly all that is shown is ASCII, where each character takes one.
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(columns_of).sum()
}

pub(crate) fn columns_of(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// A secret from the wire (a password, authentication data): its length may be told, its bytes never.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    length: usize,
}

impl Secret {
    /// Notes that a secret was seen; the bytes are not kept.
    pub const fn seen(bytes: &[u8]) -> Self {
        Self { length: bytes.len() }
    }

    /// How many bytes it has.
    pub const fn length(self) -> usize {
        self.length
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.length)
    }
}

/// The longest name that is kept as it is.
pub const LONGEST_NAME: usize = 1024;

/// A name from the wire, as it is kept where there may be very many: of one that is longer than [`LONGEST_NAME`] the
/// beginning, and behind it what tells it from others that begin so.
pub fn kept_name(name: &[u8]) -> Cow<'_, [u8]> {
    if name.len() <= LONGEST_NAME {
        return Cow::Borrowed(name);
    }
    // Whoever makes two names that it can't tell apart has them taken for one.
    let whole = fnv1a(name.iter().copied());
    let mut kept = beginning(name, LONGEST_NAME).to_vec();
    kept.extend_from_slice(format!("…{whole:016x}").as_bytes());
    Cow::Owned(kept)
}

/// The beginning of a text, of at most so many bytes. Of UTF-8 it ends with a whole character.
pub fn beginning(text: &[u8], most: usize) -> &[u8] {
    // Continuation bytes are 10xxxxxx, and a character has no more than three of them.
    let is_end = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (most.saturating_sub(3)..=most).rev().find(is_end).unwrap_or(most);
    text.get(..end).unwrap_or(text)
}

/// A hash that is the same in every run, for what nobody gains by a collision of (FNV-1a).
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, hash)
}

/// The longest text that is compared letter by letter: that costs as much as both lengths multiplied.
const LONGEST: usize = 80;

/// How many letters must be put in, taken out or changed to make one text of the other (Levenshtein), as far as they are
/// ASCII; of very long texts `usize::MAX`.
pub fn distance(one: &str, other: &str) -> usize {
    if one.len().max(other.len()) > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.bytes().enumerate() {
        let mut corner = line;
        let mut left = line + 1;
        for (b, cell) in other.bytes().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            left = (corner + usize::from(a != b)).min(left + 1).min(above + 1);
            corner = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_name_the_beginning_is_kept_and_what_tells_it_apart() {
        let long = |end: &str| ["ä".repeat(40_000).as_bytes(), end.as_bytes()].concat();
        assert_eq!(kept_name(&[b'x'; LONGEST_NAME]), &[b'x'; LONGEST_NAME][..]);
        let (one, other) = (long("a"), long("b"));
        let kept = kept_name(&one);
        assert!(kept.len() > LONGEST_NAME && kept.len() < LONGEST_NAME + 20, "{}", kept.len());
        assert!(std::str::from_utf8(&kept).is_ok_and(|kept| kept.starts_with("äää")));
        assert_eq!(kept, kept_name(&one));
        assert_ne!(kept, kept_name(&other));
        assert!(kept_name(&vec![0x80; 65_535]).len() < LONGEST_NAME + 20);
    }

    #[test]
    fn a_beginning_ends_with_a_whole_character() {
        let text = "aä€𐍈".as_bytes();
        let lengths: Vec<usize> = (0..=11).map(|most| beginning(text, most).len()).collect();
        assert_eq!(lengths, [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10]);
        assert_eq!(beginning(&[0x80; 9], 5).len(), 5, "what is no UTF-8 has no characters");
    }

    #[test]
    fn a_letter_more_less_or_other_is_one_away() {
        for (one, other, expected) in
            [("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("", "ab", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
        assert_eq!(distance("a", &"a".repeat(LONGEST + 1)), usize::MAX);
    }

    #[test]
    fn a_name_within_a_message_does_no_harm() {
        let shown = Harmless("can't read 'a\u{1b}[31m\u{202e}\u{9b}b'\n  hint: C:\\x").to_string();
        assert_eq!(shown, "can't read 'a\\u{1b}[31m\\u{202e}\\u{9b}b'\n  hint: C:\\x");
    }

    #[test]
    fn terminal_controls_and_reordering_marks_are_shown_not_sent() {
        let shown = Escaped("a\u{1b}[31mb\u{202e}c\\d\ne\u{85}".as_bytes()).to_string();
        assert_eq!(shown, "a\\u{1b}[31mb\\u{202e}c\\\\d\\ne\\u{85}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_apart_from_text() {
        assert_eq!(Escaped(b"caf\xc3\xa9 \xff\xc3").to_string(), "café \\xff\\xc3");
    }

    #[test]
    fn a_secret_tells_its_length_only() {
        assert_eq!(format!("{:?}", Secret::seen(b"hunter2")), "Secret(7 bytes)");
    }
}
