//! Values that several records share: times, text that may not be text, payloads.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::flow::{Durations, Range};
use crate::time::{Span, Timestamp};

/// A time as RFC 3339 in UTC with nanoseconds.
#[derive(Clone, Copy)]
pub(in crate::render) struct Time(pub(in crate::render) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.0.rfc3339()).unwrap_or_default())
    }
}

/// A duration in seconds.
pub(super) fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}

/// Bytes that ought to be text: a string, or an object with their base64 where they are not UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Base64(self.0).serialize(serializer),
        }
    }
}

/// Bytes that are not text by their nature: an object with their base64.
#[derive(Clone, Copy)]
pub(super) struct Base64<'a>(pub(super) &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &Encoded(self.0))?;
        map.end()
    }
}

struct Encoded<'a>(&'a [u8]);

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

/// How payloads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) struct PayloadOptions {
    /// Bytes of a payload that are shown at the most.
    pub(in crate::render) bytes: usize,
}

impl Default for PayloadOptions {
    /// 4 KiB: a reading of most sensors is far shorter, and a firmware image is not for reading.
    fn default() -> Self {
        Self { bytes: 4096 }
    }
}

/// An application message: its length, and its bytes as JSON, text or base64.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    /// What is available of it.
    pub(super) bytes: &'a [u8],
    /// Its length on the wire.
    pub(super) length: u32,
    pub(super) options: PayloadOptions,
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("length", &self.length)?;
        let shown = self.bytes.get(..self.options.bytes).unwrap_or(self.bytes);
        let clipped = shown.len() < self.length as usize;
        let text = text_of(shown, clipped);
        if let Some(text) = text {
            match json_of(text, clipped) {
                Some(json) => map.serialize_entry("json", &json)?,
                None => map.serialize_entry("text", text)?,
            }
        } else {
            map.serialize_entry("base64", &Encoded(shown))?;
        }
        if clipped {
            map.serialize_entry("clipped", &true)?;
        }
        map.end()
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

/// The text as JSON, if it is a whole object or array. A lone number or word is text: nobody meant it as JSON.
fn json_of(text: &str, clipped: bool) -> Option<Box<RawValue>> {
    if clipped || !matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[')) {
        return None;
    }
    // A line break can stand between tokens only, where a space says the same: a record stays in its line.
    let line = text.trim().replace(['\n', '\r'], " ");
    RawValue::from_string(line).ok()
}

/// A distribution of durations in seconds.
#[derive(serde::Serialize)]
pub(super) struct DurationsRecord {
    samples: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
}

impl DurationsRecord {
    pub(super) fn of(durations: &Durations) -> Self {
        Self {
            samples: durations.count(),
            min: durations.min().map(seconds),
            mean: durations.mean().map(seconds),
            max: durations.max().map(seconds),
            p50: durations.percentile(50).map(seconds),
            p99: durations.percentile(99).map(seconds),
        }
    }
}

/// The spread of a quantity; left out where there were no values.
#[derive(serde::Serialize)]
pub(super) struct RangeRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
    mean: f64,
    max: u64,
}

impl RangeRecord {
    /// With its minimum.
    pub(super) fn of(range: &Range) -> Option<Self> {
        (range.count > 0).then(|| Self { min: Some(range.min), mean: rounded(range.mean()), max: range.max })
    }

    /// Without its minimum, where that says nothing.
    pub(super) fn without_min(range: &Range) -> Option<Self> {
        (range.count > 0).then(|| Self { min: None, mean: rounded(range.mean()), max: range.max })
    }
}

/// A mean to a thousandth: the rest is noise that makes lines long.
fn rounded(mean: f64) -> f64 {
    (mean * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: &[u8], limit: usize) -> String {
        let options = PayloadOptions { bytes: limit };
        let payload = Payload { bytes, length: bytes.len() as u32, options };
        serde_json::to_string(&payload).expect("no map has keys that are no strings")
    }

    #[test]
    fn payloads_are_json_text_or_base64() {
        assert_eq!(payload(b"{\"t\": 21.50,\r\n \"t\": 1}", 99), r#"{"length":22,"json":{"t": 21.50,   "t": 1}}"#);
        assert_eq!(payload(b"21.5", 99), r#"{"length":4,"text":"21.5"}"#);
        assert_eq!(payload(b"{not json", 99), r#"{"length":9,"text":"{not json"}"#);
        assert_eq!(payload(b"\xff\x00", 99), r#"{"length":2,"base64":"/wA="}"#);
        assert_eq!(payload(b"", 99), r#"{"length":0,"text":""}"#);
    }

    #[test]
    fn a_clipped_payload_says_so_and_keeps_whole_characters() {
        assert_eq!(payload("abcé".as_bytes(), 4), r#"{"length":5,"text":"abc","clipped":true}"#);
        assert_eq!(payload(b"[1,2,3]", 3), r#"{"length":7,"text":"[1,","clipped":true}"#);
    }

    #[test]
    fn text_that_is_not_utf_8_keeps_its_bytes() {
        assert_eq!(serde_json::to_string(&Text(b"a\xff")).expect("text"), r#"{"base64":"Yf8="}"#);
    }
}
