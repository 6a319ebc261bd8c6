//! Places within the strings of a TOML file: where a byte of a string's value stands in the file.

use std::ops::Range;

/// The range of the file that a range of a string's value comes from; `whole` is the place of the string with its quotes.
pub(super) fn place(file: &str, whole: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
    let raw = file.get(whole.clone()).unwrap_or_default();
    let (quotes, escapes) = match raw {
        _ if raw.starts_with("\"\"\"") => (3, true),
        _ if raw.starts_with("'''") => (3, false),
        _ if raw.starts_with('"') => (1, true),
        _ => (1, false),
    };
    let mut at = quotes;
    if quotes == 3 {
        // A line break right behind the opening quotes is no part of the value.
        let rest = raw.get(3..).unwrap_or_default();
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let end = raw.len().saturating_sub(quotes).max(at);
    let (mut value, mut from) = (0, None);
    while value < inner.end && at < end {
        let (taken, given) = if escapes { step(raw.get(at..end).unwrap_or_default()) } else { (1, 1) };
        if value >= inner.start && given > 0 {
            from.get_or_insert(at);
        }
        at += taken;
        value += given;
    }
    let from = from.unwrap_or(at.min(end));
    whole.start + from..whole.start + at.min(end).max(from)
}

/// How many bytes of the file the next bytes of the value take, and how many those are.
fn step(raw: &str) -> (usize, usize) {
    let mut chars = raw.chars();
    let Some(first) = chars.next() else { return (1, 1) };
    if first != '\\' {
        return (first.len_utf8(), first.len_utf8());
    }
    let digits = |many: usize| {
        let code = raw.get(2..2 + many).and_then(|code| u32::from_str_radix(code, 16).ok());
        (2 + many, code.and_then(char::from_u32).map_or(1, char::len_utf8))
    };
    match chars.next() {
        Some('x') => digits(2),
        Some('u') => digits(4),
        Some('U') => digits(8),
        // At the end of a line: all white space up to the next character is left out.
        Some(c) if c.is_whitespace() => {
            let rest = raw.get(1..).unwrap_or_default();
            (1 + rest.len() - rest.trim_start().len(), 0)
        }
        Some(_) => (2, 1),
        None => (1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of the file the part `inner` of its only string stands for.
    fn found(file: &str, inner: &str) -> String {
        let table = toml::de::DeTable::parse(file).unwrap();
        let (_, value) = table.get_ref().iter().next().unwrap();
        let text = value.get_ref().as_str().unwrap();
        let at = text.find(inner).unwrap();
        file[place(file, &value.span(), &(at..at + inner.len()))].to_owned()
    }

    #[test]
    fn each_kind_of_string_leads_back_to_the_file() {
        assert_eq!(found("a = 'x == \\d y'", "y"), "y");
        assert_eq!(found(r#"a = "x \" \\ é \u00e9 \U0001F600 \t y z""#, "y z"), "y z");
        assert_eq!(found(r#"a = "x \" y""#, "\""), "\\\"");
        assert_eq!(found("a = '''\nx\ny z'''", "y z"), "y z");
        assert_eq!(found("a = \"\"\"\r\nx \\\n   y z\"\"\"", "y z"), "y z");
    }

    #[test]
    fn the_end_of_a_string_lies_before_its_quotes() {
        assert_eq!(place("a = 'xy'", &(4..8), &(2..2)), 7..7);
        assert_eq!(place("a = 'xy'", &(4..8), &(9..12)), 7..7);
        assert_eq!(place("a = ''", &(4..6), &(0..1)), 5..5);
    }
}
