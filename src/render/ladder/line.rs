//! A line that is put together piece by piece, keeps count of its columns, and never grows beyond its width.

use crate::render::width::{Color, Style, columns, fit};

/// A line in the making.
pub(super) struct Line {
    style: Style,
    width: usize,
    used: usize,
    out: String,
}

impl Line {
    /// An empty line of at most `width` columns.
    pub(super) const fn new(style: Style, width: usize) -> Self {
        Self { style, width, used: 0, out: String::new() }
    }

    /// Spaces up to a column; at least one where something stands there already.
    pub(super) fn to(&mut self, column: usize) -> &mut Self {
        let spaces = if self.used == 0 { column } else { column.saturating_sub(self.used).max(1) };
        self.text(&" ".repeat(spaces))
    }

    /// Text as it is.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let text = fit(text, self.width.saturating_sub(self.used));
        self.used += columns(&text);
        self.out.push_str(&text);
        self
    }

    /// Text in a colour, if there is one.
    pub(super) fn paint(&mut self, color: Option<Color>, text: &str) -> &mut Self {
        let text = fit(text, self.width.saturating_sub(self.used));
        self.used += columns(&text);
        match color {
            Some(color) => self.out.push_str(&self.style.paint(color, &text)),
            None => self.out.push_str(&text),
        }
        self
    }

    /// Text that ends before a column.
    pub(super) fn right(&mut self, column: usize, text: &str) -> &mut Self {
        self.to(column.saturating_sub(columns(text))).text(text)
    }

    /// The line, without spaces at its end.
    pub(super) fn end(&self) -> &str {
        self.out.trim_end()
    }
}

/// The text in lines of at most `width` columns, broken between words where that is possible.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let needed = columns(&line) + columns(word) + usize::from(!line.is_empty());
        if needed > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while columns(&line) > width {
            let head = fit(&line, width + 1);
            // The mark at the end of what was cut is not part of the text.
            let head = head.trim_end_matches('…');
            if head.is_empty() || head.len() >= line.len() {
                break;
            }
            let rest = line.split_off(head.len());
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_grows_beyond_its_width() {
        let mut line = Line::new(Style::PLAIN, 12);
        line.right(6, "123").to(8).text("abcdefgh");
        assert_eq!(line.end(), "   123  abc…");
        let mut line = Line::new(Style { color: true, ..Style::PLAIN }, 3);
        line.paint(Some(Color::Bad), "abcdef");
        assert_eq!(line.end(), "\x1b[31mab…\x1b[0m");
    }

    #[test]
    fn text_is_broken_between_words_and_within_those_that_are_too_long() {
        assert_eq!(wrap("sent again after 204 ms", 10), ["sent again", "after 204", "ms"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert!(wrap("", 4).is_empty());
        assert_eq!(wrap("温度計測", 5), ["温度", "計測"]);
    }
}
