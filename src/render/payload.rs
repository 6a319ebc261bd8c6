//! Application messages: as what their bytes are shown.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use super::width::{Count, fit};
use crate::mqtt::{Properties, PropertyId, PropertyValue};
use crate::sparkplug;
use crate::text::{Escaped, is_plain};

/// As what payloads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadFormat {
    /// As what they are: JSON, text, Sparkplug B, or bytes.
    #[default]
    Auto,
    /// As text, whatever they are.
    Text,
    /// As JSON, any value of it; what is none as it is.
    Json,
    /// As hexadecimal digits.
    Hex,
    /// As base64.
    Base64,
    /// By their length alone.
    None,
}

/// How payloads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PayloadOptions {
    /// As what.
    pub format: PayloadFormat,
    /// Bytes of a payload that are shown at the most; without it 4 KiB in JSON Lines, and 48 in a line for people.
    pub bytes: Option<usize>,
}

impl PayloadOptions {
    /// 4 KiB: a reading of most sensors is far shorter, and a firmware image is not for reading.
    const RECORD: usize = 4096;
    /// What leaves some of a line for the topic.
    const LINE: usize = 48;
    /// Bytes that are shown of a payload in a line, where each takes two characters.
    const LINE_HEX: usize = 24;
}

/// A payload, with what may tell as what it is meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct PayloadBytes<'a> {
    /// What is available of it.
    pub(super) bytes: &'a [u8],
    /// Its length on the wire.
    pub(super) length: u32,
    /// The topic that it was published to.
    pub(super) topic: Option<&'a [u8]>,
    /// The properties that came with it (5.0).
    pub(super) properties: Properties<'a>,
}

/// What is shown of a payload.
#[derive(Debug)]
pub(super) enum Shown<'a> {
    Nothing,
    Text(Cow<'a, str>),
    /// Valid JSON in one line.
    Json(Cow<'a, str>),
    /// A Sparkplug payload; the metrics that end within so many bytes are shown.
    Sparkplug(sparkplug::Payload<'a>, usize),
    Hex(&'a [u8]),
    Base64(&'a [u8]),
}

impl<'a> PayloadBytes<'a> {
    /// What is shown in a record, and whether that is less than the whole.
    pub(super) fn in_record(self, options: PayloadOptions) -> (Shown<'a>, bool) {
        let limit = options.bytes.unwrap_or(PayloadOptions::RECORD);
        let clipped = self.bytes.len().min(limit) < self.length as usize;
        (self.shown(options.format, limit), clipped && options.format != PayloadFormat::None)
    }

    fn shown(self, format: PayloadFormat, limit: usize) -> Shown<'a> {
        let bytes = self.bytes.get(..limit).unwrap_or(self.bytes);
        let clipped = bytes.len() < self.length as usize;
        match format {
            PayloadFormat::None => Shown::Nothing,
            PayloadFormat::Hex => Shown::Hex(bytes),
            PayloadFormat::Base64 => Shown::Base64(bytes),
            PayloadFormat::Text => Shown::Text(match text_of(bytes, clipped) {
                Some(text) => text.into(),
                None => String::from_utf8_lossy(bytes),
            }),
            PayloadFormat::Auto | PayloadFormat::Json => {
                if let Some(payload) = self.sparkplug() {
                    return Shown::Sparkplug(payload, limit);
                }
                let any_value = format == PayloadFormat::Json;
                match text_of(bytes, clipped).filter(|text| !has_controls(text) || self.said_to_be_text()) {
                    Some(text) => match json_of(text, clipped, any_value) {
                        Some(json) => Shown::Json(json),
                        None => Shown::Text(text.into()),
                    },
                    None => Shown::Base64(bytes),
                }
            }
        }
    }

    /// The payload as Sparkplug, where its topic is one of Sparkplug and all of it is there.
    fn sparkplug(self) -> Option<sparkplug::Payload<'a>> {
        if !self.topic.is_some_and(sparkplug::is_topic) || self.bytes.len() < self.length as usize {
            return None;
        }
        sparkplug::Payload::read(self.bytes)
    }

    /// Whether the sender says that it is text (MQTT 5.0, sections 3.3.2.3.2 and 3.3.2.3.9).
    fn said_to_be_text(self) -> bool {
        self.properties.get(PropertyId::PayloadFormatIndicator) == Some(PropertyValue::Byte(1))
            || matches!(self.properties.get(PropertyId::ContentType),
                Some(PropertyValue::Text(kind)) if kind.starts_with(b"text/"))
    }
}

/// The bytes as text, without half a character at the end where they were clipped.
fn text_of(bytes: &[u8], clipped: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if clipped && error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// Whether there are control characters that no text has: then the bytes are numbers that look like UTF-8.
fn has_controls(text: &str) -> bool {
    // Most text has not even a line break.
    !is_plain_text(text) && text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

/// Whether it is printable ASCII. Without a way out of the loop many bytes are looked at at once.
fn is_plain_text(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & is_plain(byte))
}

/// The text as JSON, if it is a whole object or array. A lone number or word is text: nobody meant it as JSON, unless
/// that is asked for.
fn json_of(text: &str, clipped: bool, any_value: bool) -> Option<Cow<'_, str>> {
    if clipped || (!any_value && !matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'['))) {
        return None;
    }
    // A line break can stand between tokens only, where a space says the same: a record stays in its line.
    let text = text.trim();
    let line: Cow<'_, str> = if !is_plain_text(text) && text.contains(['\n', '\r']) {
        text.replace(['\n', '\r'], " ").into()
    } else {
        text.into()
    };
    // It is read to be judged, not to be kept.
    (is_simple_json(line.as_bytes()) || serde_json::from_str::<IgnoredAny>(&line).is_ok()).then_some(line)
}

/// The same byte in each of eight places.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Where the first of the bytes is, from this one on, of which `marks` sets a bit in its place of eight, and `one` says
/// yes. All are ASCII.
#[inline]
fn find(bytes: &[u8], from: usize, marks: impl Fn(u64) -> u64, one: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = marks(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| one(*byte)).unwrap_or(rest.len())
}

/// Whether this is JSON for certain: of no more than 32 levels, in printable ASCII and without escapes, as what devices
/// send. Of anything else it does not know; that is for the one who knows JSON.
fn is_simple_json(json: &[u8]) -> bool {
    /// What may come next.
    #[derive(Clone, Copy, PartialEq)]
    enum Next {
        Value,
        /// A value, or the end of an empty array.
        First,
        Key,
        /// A key, or the end of an empty object.
        FirstKey,
        /// A comma or the end of what it stands in.
        More,
    }
    // Without a way out of the loop many bytes are looked at at once.
    let is_plain = |byte: u8| is_plain(byte) && byte != b'\\';
    if !json.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        return false;
    }
    let digits = |from: usize| {
        // No byte of ASCII carries into the next: digits alone have a 3 above before and after 6 is added.
        let above = |word: u64| (word & eight(0xf0)) ^ eight(0x30);
        find(json, from, |word| above(word) | above(word + eight(6)), |byte| !byte.is_ascii_digit())
    };
    // Where a string ends that begins there.
    let string = |from: usize| {
        let quotes = |word: u64| {
            let other = word ^ eight(b'"');
            // A borrow can mark bytes behind a quote only, and the first counts.
            other.wrapping_sub(eight(1)) & !other & eight(0x80)
        };
        let end = find(json, from + 1, quotes, |byte| byte == b'"');
        (end < json.len()).then_some(end + 1)
    };
    // One bit for each level: 1 for an object.
    let (mut levels, mut depth) = (0u32, 0u32);
    let mut next = Next::Value;
    let mut at = 0;
    loop {
        let Some(&byte) = json.get(at) else { return depth == 0 && next == Next::More };
        let is_value = matches!(next, Next::Value | Next::First);
        match byte {
            b' ' => at += 1,
            b'"' if is_value => {
                let Some(end) = string(at) else { return false };
                (at, next) = (end, Next::More);
            }
            b'"' if matches!(next, Next::Key | Next::FirstKey) => {
                let Some(end) = string(at).filter(|end| json.get(*end) == Some(&b':')) else { return false };
                (at, next) = (end + 1, Next::Value);
            }
            b',' if next == Next::More && depth > 0 => {
                (at, next) = (at + 1, if levels & 1 == 1 { Next::Key } else { Next::Value });
            }
            b'-' | b'0'..=b'9' if is_value => {
                let first = at + usize::from(byte == b'-');
                let mut end = digits(first);
                // No leading zeros (RFC 8259, section 6).
                if end == first || (end > first + 1 && json.get(first) == Some(&b'0')) {
                    return false;
                }
                if json.get(end) == Some(&b'.') {
                    let point = end;
                    end = digits(point + 1);
                    if end == point + 1 {
                        return false;
                    }
                }
                if matches!(json.get(end), Some(b'e' | b'E')) {
                    return false;
                }
                (at, next) = (end, Next::More);
            }
            b'{' | b'[' if is_value && depth < 32 => {
                levels = levels << 1 | u32::from(byte == b'{');
                depth += 1;
                (at, next) = (at + 1, if byte == b'{' { Next::FirstKey } else { Next::First });
            }
            b'}' | b']'
                if depth > 0
                    && (levels & 1 == 1) == (byte == b'}')
                    && matches!(next, Next::More | Next::First | Next::FirstKey) =>
            {
                levels >>= 1;
                depth -= 1;
                (at, next) = (at + 1, Next::More);
            }
            b't' | b'f' | b'n' if is_value => {
                let word = ["true", "false", "null"]
                    .into_iter()
                    .find(|word| json.get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes())));
                let Some(word) = word else { return false };
                (at, next) = (at + word.len(), Next::More);
            }
            _ => return false,
        }
    }
}

/// A payload in a line for people, behind its length.
pub(super) struct InLine<'a>(pub(super) PayloadBytes<'a>, pub(super) PayloadOptions);

impl fmt::Display for InLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(payload, options) = *self;
        if payload.bytes.is_empty() {
            return Ok(());
        }
        let limit = options.bytes.unwrap_or(PayloadOptions::LINE);
        let more = |shown: usize| if shown < payload.length as usize { "…" } else { "" };
        let bytes = payload.bytes.get(..limit).unwrap_or(payload.bytes);
        let double = options.bytes.unwrap_or(PayloadOptions::LINE_HEX);
        let twice = payload.bytes.get(..double).unwrap_or(payload.bytes);
        match (payload.shown(options.format, limit), options.format) {
            (Shown::Nothing, _) => Ok(()),
            // Whole characters.
            (Shown::Text(Cow::Borrowed(text)), _) => write!(f, "{}{}", Escaped(text.as_bytes()), more(text.len())),
            // The bytes themselves: escaped they lose nothing.
            (Shown::Text(Cow::Owned(_)) | Shown::Json(_), _) => write!(f, "{}{}", Escaped(bytes), more(bytes.len())),
            (Shown::Base64(_), PayloadFormat::Base64) => {
                write!(f, "{}{}", Base64Display::new(twice, &STANDARD), more(twice.len()))
            }
            (Shown::Hex(_) | Shown::Base64(_), _) => write!(f, "0x{}{}", Hex(twice), more(twice.len())),
            (Shown::Sparkplug(sparkplug, _), _) => sparkplug_line(f, sparkplug, options),
        }
    }
}

/// Metrics that are shown in a line.
const LINE_METRICS: usize = 4;

fn sparkplug_line(f: &mut fmt::Formatter<'_>, payload: sparkplug::Payload<'_>, options: PayloadOptions) -> fmt::Result {
    f.write_str("Sparkplug")?;
    if let Some(seq) = payload.seq {
        write!(f, " seq {seq}")?;
    }
    write!(f, ", {}", Count(payload.metric_count as u64, "metric"))?;
    let mut told = 0;
    for (metric, end) in payload.metrics() {
        if options.bytes.map_or(told == LINE_METRICS, |limit| end > limit) {
            break;
        }
        f.write_str(if told == 0 { ": " } else { ", " })?;
        told += 1;
        match (metric.name, metric.alias) {
            (Some(name), _) => write!(f, "{}", Escaped(name.as_bytes()))?,
            (None, Some(alias)) => write!(f, "#{alias}")?,
            (None, None) => f.write_char('?')?,
        }
        f.write_char('=')?;
        match metric.value {
            None => f.write_str("null")?,
            Some(sparkplug::Value::Signed(value)) => write!(f, "{value}")?,
            Some(sparkplug::Value::Unsigned(value)) => write!(f, "{value}")?,
            Some(sparkplug::Value::Float(value)) => write!(f, "{value}")?,
            Some(sparkplug::Value::Double(value)) => write!(f, "{value}")?,
            Some(sparkplug::Value::Boolean(value)) => write!(f, "{value}")?,
            Some(sparkplug::Value::Text(text)) => {
                f.write_str(&fit(&Escaped(text.as_bytes()).to_string(), PayloadOptions::LINE))?;
            }
            Some(sparkplug::Value::Bytes(bytes)) => write!(f, "({})", Count(bytes.len() as u64, "byte"))?,
            Some(sparkplug::Value::Nested(kind, length)) => write!(f, "({kind}, {length} B)")?,
        }
    }
    if told < payload.metric_count { f.write_str(", …") } else { Ok(()) }
}

/// Bytes as hexadecimal digits.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, proptest};

    use super::*;

    fn line(bytes: &[u8], topic: &[u8], options: PayloadOptions) -> String {
        let properties = Properties::default();
        InLine(PayloadBytes { bytes, length: bytes.len() as u32, topic: Some(topic), properties }, options).to_string()
    }

    #[test]
    fn a_line_shows_text_escaped_and_other_bytes_as_digits() {
        let auto = PayloadOptions::default();
        assert_eq!(line(b"21.5\n", b"a", auto), "21.5\\n");
        assert_eq!(line(b"\x01\x02", b"a", auto), "0x0102");
        assert_eq!(line(&[0xff; 30], b"a", auto), format!("0x{}…", "ff".repeat(24)));
        assert_eq!(line(&[b'x'; 50], b"a", auto), format!("{}…", "x".repeat(48)));
        assert_eq!(line(&[b'x'; 50], b"a", PayloadOptions { bytes: Some(50), ..auto }), "x".repeat(50));
        assert_eq!(line("aé€".as_bytes(), b"a", PayloadOptions { bytes: Some(4), ..auto }), "aé…");
        let as_what = |format| line(b"a\x01\xff", b"a", PayloadOptions { format, bytes: None });
        assert_eq!(as_what(PayloadFormat::Text), "a\\u{1}\\xff");
        assert_eq!(as_what(PayloadFormat::Hex), "0x6101ff");
        assert_eq!(as_what(PayloadFormat::Base64), "YQH/");
        assert_eq!(as_what(PayloadFormat::None), "");
    }

    #[test]
    fn sparkplug_is_told_by_its_first_metrics() {
        let bytes =
            b"\x12\x0b\x0a\x04Temp\x65\x00\x00\xac\x41\x12\x04\x10\x02\x50\x05\x12\x05\x0a\x01n\x38\x01\x18\x07";
        let topic = b"spBv1.0/plant/DDATA/edge/dev";
        let auto = PayloadOptions::default();
        assert_eq!(line(bytes, topic, auto), "Sparkplug seq 7, 3 metrics: Temp=21.5, #2=5, n=null");
        assert_eq!(
            line(bytes, topic, PayloadOptions { bytes: Some(13), ..auto }),
            "Sparkplug seq 7, 3 metrics: Temp=21.5, …"
        );
        assert!(line(bytes, b"plant/a", auto).starts_with("0x120b"), "only under its topics");
        assert!(line(b"{\"online\":true}", b"spBv1.0/STATE/host", auto).starts_with("{\"online"));
    }

    proptest! {
        /// What is told in a hurry has to be true: of texts that are JSON but for a byte or two.
        #[test]
        fn simple_json_is_json(
            start in prop::sample::select(vec![
                r#"{"t":21.50,"u":[1,-2,{"x":null}],"n":{},"e":[]}"#, r#"[true, false ,"a b",0,-0.5]"#, r#"{"a" : 1}"#, "[[[[1]]]]",
                r#"{"ts":1700000001567,"dev":"d-000261"}"#, "[01]", "[1.]", "[-]", "[1e5]", "{", "[1,]", r#"{"a":1,}"#, "1 2",
            ]),
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"0-9. \\\\etn-]"), 0..4),
        ) {
            let mut text = start.to_owned();
            let simple = is_simple_json(text.as_bytes());
            prop_assert!(!simple || serde_json::from_str::<IgnoredAny>(&text).is_ok());
            for (at, change) in changes {
                let at = at.index(text.len());
                text.replace_range(at..=at, &change);
                if is_simple_json(text.as_bytes()) {
                    prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
                }
            }
        }
    }

    #[test]
    fn what_devices_send_is_simple_json() {
        for simple in
            [r#"{"t":21.50,"u":[1,-2,{"x":null}],"n":{},"e":[]}"#, "[true, false ,\"a b\",0,-0.5]", "7", "\"x\"", "[]"]
        {
            assert!(is_simple_json(simple.as_bytes()), "{simple}");
        }
        for other in ["", "[", "[1", "{\"a\"}", "[1}", "1 2", "[,1]", "tru", "{\"a\":}", "\"a", "[1 2]"] {
            assert!(!is_simple_json(other.as_bytes()), "{other}");
        }
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert!(!is_simple_json(deep.as_bytes()), "it does not count as deep");
        assert!(json_of(&deep, false, false).is_some(), "but it is JSON");
    }
}
