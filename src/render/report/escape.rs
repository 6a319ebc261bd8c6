//! Text for the forms of reports, so that what came from the wire stays text in each of them.

use std::fmt::Write as _;

use crate::render::width::fit;
use crate::text::{Escaped, Harmless};

/// The most columns of a text from the wire in a report for people.
const LONGEST: usize = 400;

/// Text from the wire for people: nothing that moves a cursor or reorders, and not without an end.
pub(super) fn plain(text: &[u8]) -> String {
    short(Escaped(text).to_string())
}

/// Text that is harmless already, not without an end.
pub(super) fn short(text: String) -> String {
    if text.len() > LONGEST { fit(&text, LONGEST) } else { text }
}

/// A sentence of ours, in which text from the wire is escaped already: once more would double its backslashes. What a user
/// wrote may stand in it as well, so that nothing in it moves a cursor or begins another line.
pub(super) fn composed(text: &str) -> String {
    short(Harmless(text).to_string().replace('\n', "\\n"))
}

/// Text in XML. Control characters, which XML can't hold at all, must be gone by now.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML 1.0, 2.2: all others are no characters of it.
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Text in Markdown, where none of it is markup, and in a cell of a table.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Nobody is to be called by the name of a client.
            '@' => out.push_str("&#64;"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The message of a workflow command of GitHub.
pub(super) fn annotation(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command of GitHub.
pub(super) fn annotation_property(text: &str) -> String {
    annotation(text).replace(':', "%3A").replace(',', "%2C")
}

/// A path as a reference in the sense of RFC 3986.
pub(super) fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut out = String::with_capacity(path.len() + 8);
    let first = path.split('/').next().unwrap_or_default();
    if path.starts_with('/') {
        out.push_str("file://");
    } else if first.contains(':') {
        // What stands before a colon would be a scheme.
        out.push_str("./");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'+' | b'=' | b',' => {
                out.push(char::from(byte));
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_xml(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let text = plain(&bytes);
            let document = format!("<a b=\"{0}\">{0}</a>", xml(&text));
            let document = roxmltree::Document::parse(&document).expect("XML");
            let root = document.root_element();
            prop_assert_eq!(root.attribute("b"), Some(&*text));
            prop_assert_eq!(root.text().unwrap_or_default(), &*text);
        }

        #[test]
        fn any_text_is_one_row_of_a_table(text in "\\PC{0,40}") {
            let row = markdown(&text);
            prop_assert!(!row.replace("\\|", "").contains('|'), "{}", row);
            prop_assert!(!row.contains(['\n', '<', '>', '@']), "{}", row);
        }
    }

    #[test]
    fn markup_from_the_wire_is_text() {
        assert_eq!(xml("<a b=\"c\">&'\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\\u{1}");
        assert_eq!(markdown("a|b`c`<img> [x](y) @all\nz"), "a\\|b\\`c\\`&lt;img&gt; \\[x\\](y) &#64;all z");
        assert_eq!(annotation("50 %\n::error::x"), "50 %25%0A::error::x");
        assert_eq!(annotation_property("a,b:c"), "a%2Cb%3Ac");
        assert_eq!(plain(b"a\x1b\xff"), "a\\u{1b}\\xff");
        assert_eq!(composed("a\x1b\\xff\n"), "a\\u{1b}\\xff\\n");
        assert!(plain(&[b'a'; 5000]).chars().count() <= 401);
    }

    #[test]
    fn a_path_is_a_reference() {
        assert_eq!(uri("fixtures/a b.pcap"), "fixtures/a%20b.pcap");
        assert_eq!(uri("/tmp/ü.pcap"), "file:///tmp/%C3%BC.pcap");
        assert_eq!(uri("c:\\x.pcap"), "./c%3A/x.pcap");
        assert_eq!(uri("-"), "-");
    }
}
