//! What bytes are: JSON, XML, other text, or none of these.

/// A kind of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// An object or an array of JSON (RFC 8259).
    Json,
    /// A document of XML, by its beginning.
    Xml,
    /// Other text: UTF-8 without control characters.
    Text,
    /// Anything else.
    Bytes,
}

/// How deep JSON may be nested; what is deeper is no message that anybody reads.
const DEPTH: usize = 64;

impl Contents {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }

    /// Of these bytes; `whole` if nothing was cut off behind them.
    pub fn of(bytes: &[u8], whole: bool) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            // Cut within a character.
            Err(error) if !whole && error.error_len().is_none() => {
                std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
            }
            Err(_) => return Self::Bytes,
        };
        let text = text.trim_start_matches('\u{feff}').trim_matches([' ', '\t', '\r', '\n']);
        if is_json(text.as_bytes(), whole) {
            Self::Json
        } else if is_xml(text) {
            Self::Xml
        } else if text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n')) {
            Self::Text
        } else {
            Self::Bytes
        }
    }
}

/// Whether this is an object or an array, or begins one where it is not whole.
fn is_json(bytes: &[u8], whole: bool) -> bool {
    /// What may come next.
    #[derive(Clone, Copy, PartialEq)]
    enum Next {
        Value,
        /// A value, or the end of an array that has just begun.
        FirstItem,
        Key,
        /// A key, or the end of an object that has just begun.
        FirstKey,
        Colon,
        /// A comma or an end.
        Behind,
    }
    if !matches!(bytes.first(), Some(b'{' | b'[')) {
        return false;
    }
    let mut open: Vec<u8> = Vec::new();
    let mut next = Next::Value;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        match (byte, next) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            (b'{' | b'[', Next::Value | Next::FirstItem) if open.len() < DEPTH => {
                open.push(byte);
                next = if byte == b'{' { Next::FirstKey } else { Next::FirstItem };
            }
            (b'}', Next::FirstKey | Next::Behind) if open.last() == Some(&b'{') => {
                open.pop();
                next = Next::Behind;
            }
            (b']', Next::FirstItem | Next::Behind) if open.last() == Some(&b'[') => {
                open.pop();
                next = Next::Behind;
            }
            (b',', Next::Behind) if !open.is_empty() => {
                next = if open.last() == Some(&b'{') { Next::Key } else { Next::Value };
            }
            (b':', Next::Colon) => next = Next::Value,
            (b'"', Next::Value | Next::FirstItem | Next::Key | Next::FirstKey) => {
                match string_end(bytes.get(at..).unwrap_or_default()) {
                    Some(length) => at += length,
                    None => return !whole,
                }
                next = if matches!(next, Next::Key | Next::FirstKey) { Next::Colon } else { Next::Behind };
            }
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n', Next::Value | Next::FirstItem) => {
                let rest = bytes.get(at - 1..).unwrap_or_default();
                let length =
                    rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n'));
                let Some(word) = rest.get(..length.unwrap_or(rest.len())) else { return false };
                let numeric = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
                let is_cut = length.is_none() && !whole;
                let fits = ["true", "false", "null"]
                    .iter()
                    .any(|known| known.as_bytes() == word || (is_cut && known.as_bytes().starts_with(word)));
                if !fits && !word.iter().all(numeric) {
                    return false;
                }
                at += word.len() - 1;
                next = Next::Behind;
            }
            _ => return false,
        }
        if open.is_empty() && next == Next::Behind {
            let rest = bytes.get(at..).unwrap_or_default();
            return rest.iter().all(u8::is_ascii_whitespace);
        }
    }
    !whole
}

/// How many bytes a string takes behind its first quotation mark.
fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Whether this begins with a declaration, or with a tag of a name as XML has them.
fn is_xml(text: &str) -> bool {
    if text.starts_with("<?xml") {
        return true;
    }
    let Some(rest) = text.strip_prefix('<') else { return false };
    // Pages are no XML, or at best by chance.
    if rest.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html")) {
        return false;
    }
    let name = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'))).unwrap_or(rest.len());
    let begins = rest.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let behind = rest.get(name..).unwrap_or_default();
    begins && behind.starts_with(['>', ' ', '/', '\r', '\n', '\t']) && behind.contains('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_told_from_what_looks_like_it() {
        for text in ["{}", "[]", r#"{"a":1,"b":[true,null,-1.5e3,{"c":"\"}"}]}"#, " [1 , 2]\r\n"] {
            assert_eq!(Contents::of(text.as_bytes(), true), Contents::Json, "{text}");
            for cut in 1..text.trim().len() {
                assert_ne!(Contents::of(&text.trim().as_bytes()[..cut], true), Contents::Json, "{text} {cut}");
                assert_eq!(Contents::of(&text.trim().as_bytes()[..cut], false), Contents::Json, "{text} {cut}");
            }
        }
        for text in ["{a:1}", "{\"a\"}", "[1,]", "{\"a\":1,}", "[1] x", "[tru]", "42", "hello", "[}"] {
            assert_eq!(Contents::of(text.as_bytes(), true), Contents::Text, "{text}");
        }
        assert_eq!(Contents::of("[".repeat(100_000).as_bytes(), false), Contents::Text);
    }

    #[test]
    fn xml_is_known_by_its_beginning() {
        for text in ["<?xml version='1.0'?><a/>", "<a>b</a>", "\u{feff}<soap:Envelope xmlns='x'>"] {
            assert_eq!(Contents::of(text.as_bytes(), true), Contents::Xml, "{text}");
        }
        for text in ["<html><p>x", "< 3 > 2", "<14>su: failed", "a<b>"] {
            assert_eq!(Contents::of(text.as_bytes(), true), Contents::Text, "{text}");
        }
        assert_eq!(Contents::of(&[0xff, 0xfe], true), Contents::Bytes);
        assert_eq!(Contents::of(b"a\0b", true), Contents::Bytes);
    }
}
