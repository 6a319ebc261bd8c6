//! What must not be shown of texts: passwords, and what opens doors as they do.

use std::ops::Range;

/// What stands in its place.
pub(super) const MASK: &[u8] = b"***";

/// Parts of names that say that their value is a secret, in small letters.
const PARTS: [&str; 14] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "auth",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "credential",
    "session",
    "signature",
    "jwt",
    "private",
];

/// Whole names that do.
const NAMES: [&str; 8] = ["key", "sig", "sid", "code", "pw", "pin", "otp", "cookie"];

/// Whether the value of this name is not to be shown.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let text = String::from_utf8_lossy(&name);
    PARTS.iter().any(|part| text.contains(part)) || NAMES.contains(&text.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// A target of HTTP without user and password in it, and without the values of secret parameters.
pub(super) fn uri(text: &[u8]) -> Vec<u8> {
    without(text, &uri_places(text))
}

/// Where these stand in it.
pub(super) fn uri_places(text: &[u8]) -> Vec<Range<usize>> {
    let question = text.iter().position(|byte| *byte == b'?').unwrap_or(text.len());
    let (path, query) = text.split_at(question);
    let mut places = Vec::from_iter(user_place(path));
    if let Some((_, query)) = query.split_first() {
        places.extend(moved(parameter_places(query), question + 1));
    }
    places
}

/// What stands before the `@` in `scheme://user:password@host`.
fn user_place(text: &[u8]) -> Option<Range<usize>> {
    let start = text.windows(3).position(|part| part == b"://")? + 3;
    let authority = text.get(start..)?;
    let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
    let at = authority.get(..end)?.iter().rposition(|byte| *byte == b'@')?;
    Some(start..start + at)
}

/// Parameters of a query or a form, `name=value&…`, with secret values masked.
pub(super) fn parameters(query: &[u8]) -> Vec<u8> {
    without(query, &parameter_places(query))
}

/// Where these values stand.
pub(super) fn parameter_places(query: &[u8]) -> Vec<Range<usize>> {
    let (mut places, mut start) = (Vec::new(), 0);
    for part in query.split(|byte| *byte == b'&') {
        if let Some(equals) = part.iter().position(|byte| *byte == b'=')
            && is_secret(part.get(..equals).unwrap_or_default())
        {
            places.push(start + equals + 1..start + part.len());
        }
        start += part.len() + 1;
    }
    places
}

/// A text of any kind with what looks like a secret masked: what stands behind a name for one and a sign that gives it a value,
/// to the end of the value.
pub(super) fn text(text: &[u8]) -> Vec<u8> {
    without(text, &text_places(text))
}

/// Where such values stand.
pub(super) fn text_places(text: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !is_word(byte) {
            at += 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        at += length;
        let closes = text.get(..at - length).is_some_and(|before| before.ends_with(b"</"));
        if closes || !is_secret(word) {
            continue;
        }
        // `"name" : "value"`, `name=value`, `name value`, `<name>value</name>`.
        let signs = behind.iter().position(|byte| !matches!(byte, b'"' | b'\'' | b':' | b'=' | b' ' | b'\t' | b'>'));
        let signs = signs.unwrap_or(behind.len());
        let (sign, value) = behind.split_at(signs);
        // Behind a blank alone only where it is the command of a line.
        let is_command = at == length || text.get(at - length - 1) == Some(&b'\n');
        let is_sign = sign.iter().any(|byte| !matches!(byte, b' ' | b'\t')) || is_command;
        if sign.is_empty() || value.is_empty() || !is_sign {
            continue;
        }
        let quote = sign.last().copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let mut end = 0;
        while let Some(byte) = value.get(end) {
            let ends = match quote {
                Some(quote) => *byte == quote,
                None if sign.contains(&b'>') => *byte == b'<',
                // A list of words may be what a colon names, as in `Authorization: Basic …`.
                None => matches!(byte, b'\r' | b'\n' | b'&' | b',' | b';' | b'}' | b']'),
            };
            if ends {
                break;
            }
            end += if *byte == b'\\' && quote.is_some() { 2 } else { 1 };
        }
        let start = at + signs;
        at = start + end.min(value.len());
        places.push(start..at);
    }
    places
}

/// The same places of what stands behind so many other bytes.
pub(super) fn moved(places: Vec<Range<usize>>, by: usize) -> impl Iterator<Item = Range<usize>> {
    places.into_iter().map(move |place| place.start + by..place.end + by)
}

/// A text in which a mask stands for each of these places.
fn without(text: &[u8], places: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        out.extend_from_slice(text.get(at..place.start).unwrap_or_default());
        out.extend_from_slice(MASK);
        at = place.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(masked: &[u8]) -> String {
        String::from_utf8(masked.to_vec()).unwrap()
    }

    #[test]
    fn targets_lose_users_and_tokens() {
        for (said, shows) in [
            ("/a/b?c=d", "/a/b?c=d"),
            ("/x?id=1&access_token=abc&b=2", "/x?id=1&access_token=***&b=2"),
            ("/x?Key=abc&keyboard=1", "/x?Key=***&keyboard=1"),
            ("http://joe:pw@host/path?sid=1", "http://***@host/path?sid=***"),
            ("http://host/@home", "http://host/@home"),
            ("*", "*"),
        ] {
            assert_eq!(shown(&uri(said.as_bytes())), shows);
        }
    }

    #[test]
    fn texts_lose_what_names_itself_a_secret() {
        for (said, shows) in [
            (r#"{"user":"joe","password": "x\"y","n":1}"#, r#"{"user":"joe","password": "***","n":1}"#),
            ("login=joe;token=abc;x=1", "login=joe;token=***;x=1"),
            ("<a><password>geheim</password></a>", "<a><password>***</password></a>"),
            ("Authorization: Basic dTpw\r\nx", "Authorization: ***\r\nx"),
            ("PASS geheim", "PASS ***"),
            ("no more passes", "no more passes"),
            ("the session was closed", "the session was closed"),
            ("temperature 21.5", "temperature 21.5"),
        ] {
            assert_eq!(shown(&text(said.as_bytes())), shows);
        }
    }
}
