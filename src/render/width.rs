//! How wide and how colourful output for people may be, and text that is cut to fit.

use std::fmt::{self, Write as _};

use super::buffer::Buffer;
pub(super) use crate::text::columns;
use crate::text::columns_of;
use crate::time::Timestamp;

/// How output for people looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; `None` where there is none, and nothing needs to be cut.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// Whether times are those of the clock (UTC) instead of seconds since the first frame.
    pub clock: bool,
}

impl Style {
    /// The least width that is laid out for; a narrower terminal wraps.
    pub const LEAST_WIDTH: usize = 60;

    /// Plain text of any length, as for a pipe.
    pub const PLAIN: Self = Self { width: None, color: false, clock: false };

    /// Columns for a table: those of the terminal, or 100 where there is none.
    pub fn table_width(self) -> usize {
        self.width.unwrap_or(100).max(Self::LEAST_WIDTH)
    }

    /// The text in lines that fit the terminal. The first begins behind so many columns, `first`, and the others are
    /// indented; where there is no terminal it is one line.
    pub fn hang(self, text: &str, first: usize, indent: usize) -> String {
        let Some(width) = self.width else { return text.to_owned() };
        let width = width.max(Self::LEAST_WIDTH);
        let (mut out, mut column) = (String::new(), first);
        for (at, word) in text.split(' ').enumerate() {
            let length = columns(word);
            if at > 0 && column + 1 + length > width && column > indent {
                out.truncate(out.trim_end_matches(' ').len());
                let _ = write!(out, "\n{:indent$}", "");
                column = indent;
            } else if at > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out
    }

    /// The text in a colour, if colours may be used.
    pub(super) fn paint(self, color: Color, text: &str) -> String {
        if self.color { format!("\x1b[{}m{text}\x1b[0m", color as u8) } else { text.to_owned() }
    }
}

/// Colours by what they mean; none carries a meaning that the text does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    /// Something is wrong.
    Bad = 31,
    /// Something is fine.
    Good = 32,
    /// Something to look at.
    Odd = 33,
    /// Titles.
    Title = 1,
    /// What is less important.
    Faint = 2,
    /// The titles of a page: light and dark exchanged.
    Reverse = 7,
    /// A curve among others.
    Blue = 34,
    /// A curve among others.
    Magenta = 35,
    /// A curve among others.
    Cyan = 36,
}

/// The text, cut to so many columns with a mark at the end where something is missing.
pub(super) fn fit(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let next = columns_of(c);
        if used + next + 1 > width {
            break;
        }
        used += next;
        out.push(c);
    }
    out.push('…');
    out
}

/// The text, cut to so many columns in its middle. For text of narrow characters, such as addresses.
pub(super) fn fit_middle(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let front = width.saturating_sub(1) / 3;
    let back = width.saturating_sub(1) - front;
    text.chars().take(front).chain(['…']).chain(text.chars().skip(length - back)).collect()
}

/// The text in lines of so many columns, broken at blanks where that is possible.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        while columns(word) > width {
            // A word that is longer than a line, such as a path: it has to be broken somewhere.
            let end = word.char_indices().nth(width).map_or(word.len(), |(end, _)| end);
            let (front, back) = word.split_at(end);
            lines.push(front.to_owned());
            word = back;
        }
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A number of things: `1 flow`, `2 flows`.
#[derive(Debug, Clone, Copy)]
pub struct Count(pub u64, pub &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// A time as the style has it.
pub(super) fn time(style: Style, at: Timestamp, first: Timestamp) -> String {
    let mut out = Buffer::with_room(32);
    put_time(&mut out, style, at, first, 0);
    out.text().to_owned()
}

/// Appends a time as the style has it, at the right of a column that is so wide.
pub(super) fn put_time(out: &mut Buffer, style: Style, at: Timestamp, first: Timestamp, width: usize) {
    if style.clock {
        let text = at.rfc3339();
        let text = text.get(11..23).unwrap_or_default();
        out.blanks(width.saturating_sub(text.len()));
        out.put(text);
        return;
    }
    let span = at.since(first);
    let nanos = span.as_nanos();
    let (micros, rest) = (nanos / 1000, nanos % 1000);
    // A double is near enough to say how these are rounded, but for what lies in the middle.
    if !(0..=1_000_000_000_000_000).contains(&nanos) || rest == 500 {
        // Writing to memory can't fail.
        let _ = write!(out, "{:>width$.6}", span.as_secs_f64());
        return;
    }
    let micros = micros + i64::from(rest > 500);
    let (seconds, decimals) = (micros / 1_000_000, micros % 1_000_000);
    out.number_right(seconds, width.saturating_sub(7));
    // A one before the decimals keeps their zeros.
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(1_000_000 + decimals);
    out.put(b".");
    out.put(digits.get(1..).unwrap_or_default().as_bytes());
}

/// A number of bytes for people: `512 B`, `1.4 kB`.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1000.0;
        for unit in UNITS {
            if value < 999.95 {
                return write!(f, "{value:.1} {unit}");
            }
            value /= 1000.0;
        }
        write!(f, "{value:.1} EB")
    }
}

/// A duration in seconds for people: `640 µs`, `12.5 ms`, `3.2 s`, `2 h 05 min`.
pub(super) struct Duration(pub(super) crate::time::Span);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match seconds {
            s if s.abs() < 0.000_999_5 => write!(f, "{:.0} µs", s * 1e6),
            s if s.abs() < 0.999_5 => write!(f, "{:.1} ms", s * 1e3),
            s if s.abs() < 120.0 => write!(f, "{s:.1} s"),
            s if s.abs() < 7200.0 => write!(f, "{:.0} min {:02.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
            s => write!(f, "{:.0} h {:02.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn text_is_cut_by_columns_not_by_bytes() {
        assert_eq!(fit("temperature", 11), "temperature");
        assert_eq!(fit("temperature", 5), "temp…");
        assert_eq!(fit("温度計測", 5), "温度…");
        assert_eq!(columns("温度"), 4);
        assert_eq!(fit_middle("[fd1a:5eed:b0b::2]:26689", 16), "[fd1a…::2]:26689");
    }

    #[test]
    fn long_text_is_broken_at_blanks() {
        assert_eq!(wrap("the file is cut short", 11), ["the file is", "cut short"]);
        assert_eq!(wrap("a/very/long/path x", 7), ["a/very/", "long/pa", "th x"]);
    }

    #[test]
    fn text_hangs_within_the_terminal_and_is_one_line_without_one() {
        let text = "word ".repeat(30) + "温度 end";
        let narrow = Style { width: Some(60), ..Style::PLAIN };
        let hung = narrow.hang(&text, 20, 10);
        let lines: Vec<_> = hung.lines().collect();
        assert!(columns(lines[0]) + 20 <= 60 && lines[1..].iter().all(|line| columns(line) <= 60), "{hung}");
        assert!(lines.len() == 4 && lines[1..].iter().all(|line| line.starts_with("          word")), "{hung}");
        assert_eq!(lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "), text);
        assert_eq!(Style::PLAIN.hang(&text, 20, 10), text);
    }

    #[test]
    fn times_are_those_of_a_double() {
        let mut out = Buffer::new();
        let (style, first) = (Style::PLAIN, Timestamp::from_nanos(7));
        let edges =
            [0, 1, 499, 500, 501, 999, 1500, 2500, 999_999_499, 999_999_500, 999_999_501, -1, -1500, i64::MAX - 7];
        let many = (0..5000i64).map(|n| n * n * n * 8_123_457 + n % 3);
        for nanos in edges.into_iter().chain(many) {
            out.clear();
            put_time(&mut out, style, Timestamp::from_nanos(nanos + 7), first, 12);
            assert_eq!(out.text(), format!("{:>12.6}", Span::from_nanos(nanos).as_secs_f64()), "{nanos}");
        }
        out.clear();
        put_time(&mut out, Style { clock: true, ..style }, Timestamp::from_nanos(1_500_000_000), first, 13);
        assert_eq!(out.text(), " 00:00:01.500");
    }

    #[test]
    fn numbers_are_rounded_for_reading() {
        assert_eq!(Bytes(999).to_string(), "999 B");
        assert_eq!(Bytes(1_449).to_string(), "1.4 kB");
        assert_eq!(Bytes(999_960).to_string(), "1.0 MB");
        assert_eq!(Duration(Span::from_nanos(640_000)).to_string(), "640 µs");
        assert_eq!(Duration(Span::from_millis(12)).to_string(), "12.0 ms");
        assert_eq!(Duration(Span::from_secs(7_500)).to_string(), "2 h 05 min");
    }
}
