//! Values that several records share: times, text that may not be text, payloads.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::sparkplug::SparkplugRecord;
use crate::flow::{Durations, Range};
use crate::render::compact::Raw;
use crate::render::payload::{Hex, PayloadBytes, PayloadOptions, Shown};
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
pub(in crate::render) struct Text<'a>(pub(in crate::render) &'a [u8]);

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

/// An application message: its length, and its bytes as what they are.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    pub(super) payload: PayloadBytes<'a>,
    pub(super) options: PayloadOptions,
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("length", &self.payload.length)?;
        let (shown, clipped) = self.payload.in_record(self.options);
        match shown {
            Shown::Nothing => {}
            Shown::Text(text) => map.serialize_entry("text", &text)?,
            Shown::Json(json) => map.serialize_entry("json", &Raw(&json))?,
            Shown::Sparkplug(payload, limit) => {
                map.serialize_entry("sparkplug", &SparkplugRecord { payload, limit })?;
            }
            Shown::Hex(bytes) => map.serialize_entry("hex", &format_args!("{}", Hex(bytes)))?,
            Shown::Base64(bytes) => map.serialize_entry("base64", &Encoded(bytes))?,
        }
        if clipped {
            map.serialize_entry("clipped", &true)?;
        }
        map.end()
    }
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
        (range.count > 0).then(|| Self {
            min: Some(range.min.into()),
            mean: rounded(range.mean()),
            max: range.max.into(),
        })
    }

    /// Without its minimum, where that says nothing.
    pub(super) fn without_min(range: &Range) -> Option<Self> {
        (range.count > 0).then(|| Self { min: None, mean: rounded(range.mean()), max: range.max.into() })
    }
}

/// A mean to a thousandth: the rest is noise that makes lines long.
fn rounded(mean: f64) -> f64 {
    (mean * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Properties;
    use crate::render::PayloadFormat;
    use crate::render::buffer::Buffer;
    use crate::render::compact::Compact;

    fn payload(bytes: &[u8], limit: usize) -> String {
        shown(bytes, b"a", PayloadFormat::Auto, limit)
    }

    fn shown(bytes: &[u8], topic: &[u8], format: PayloadFormat, limit: usize) -> String {
        let options = PayloadOptions { format, bytes: Some(limit) };
        let properties = Properties::default();
        let payload = PayloadBytes { bytes, length: bytes.len() as u32, topic: Some(topic), properties };
        let mut out = Buffer::new();
        let payload = Payload { payload, options };
        payload.serialize(&mut Compact::new(&mut out)).expect("no map has keys that are no strings");
        out.text().to_owned()
    }

    #[test]
    fn payloads_are_json_text_or_base64() {
        assert_eq!(payload(b"{\"t\": 21.50,\r\n \"t\": 1}", 99), r#"{"length":22,"json":{"t": 21.50,   "t": 1}}"#);
        assert_eq!(payload(b"21.5", 99), r#"{"length":4,"text":"21.5"}"#);
        assert_eq!(payload(b"{not json", 99), r#"{"length":9,"text":"{not json"}"#);
        assert_eq!(payload(b"\xff\x00", 99), r#"{"length":2,"base64":"/wA="}"#);
        assert_eq!(payload(b"", 99), r#"{"length":0,"text":""}"#);
        assert_eq!(payload(b"a\x01\x02b", 99), r#"{"length":4,"base64":"YQECYg=="}"#);
        assert_eq!(payload(b"a\tb\r\n", 99), r#"{"length":5,"text":"a\tb\r\n"}"#);
    }

    #[test]
    fn a_payload_is_shown_as_asked_for() {
        let bytes = b"7\x01\xff";
        assert_eq!(
            shown(bytes, b"a", PayloadFormat::Text, 9),
            r#"{"length":3,"text":"7\u0001\ufffd"}"#.replace("\\ufffd", "\u{fffd}")
        );
        assert_eq!(shown(bytes, b"a", PayloadFormat::Hex, 9), r#"{"length":3,"hex":"3701ff"}"#);
        assert_eq!(shown(bytes, b"a", PayloadFormat::Hex, 1), r#"{"length":3,"hex":"37","clipped":true}"#);
        assert_eq!(shown(b"21.5", b"a", PayloadFormat::Base64, 9), r#"{"length":4,"base64":"MjEuNQ=="}"#);
        assert_eq!(shown(b"21.5", b"a", PayloadFormat::Json, 9), r#"{"length":4,"json":21.5}"#);
        assert_eq!(shown(b"warm", b"a", PayloadFormat::Json, 9), r#"{"length":4,"text":"warm"}"#);
        assert_eq!(shown(b"21.5", b"a", PayloadFormat::None, 1), r#"{"length":4}"#);
    }

    #[test]
    fn sparkplug_has_its_metrics_as_far_as_they_are_shown() {
        let bytes = b"\x08\x01\x12\x0d\x0a\x04Temp\x20\x09\x65\x00\x00\xac\x41\x12\x06\x10\x02\x1a\x00\x38\x01\x18\x07";
        assert!(shown(bytes, b"spBv1.0/g/DDATA/e/d", PayloadFormat::Auto, 99).contains("base64"), "a time is no text");
        let bytes = b"\x08\x01\x12\x0d\x0a\x04Temp\x20\x09\x65\x00\x00\xac\x41\x12\x04\x10\x02\x38\x01\x18\x07";
        assert_eq!(
            shown(bytes, b"spBv1.0/g/DDATA/e/d", PayloadFormat::Auto, 99),
            r#"{"length":25,"sparkplug":{"timestamp_ms":1,"seq":7,"metric_count":2,"metrics":["#.to_owned()
                + r#"{"name":"Temp","datatype":"Float","value":21.5},{"alias":2,"is_null":true}]}}"#
        );
        assert_eq!(
            shown(bytes, b"spBv1.0/g/DDATA/e/d", PayloadFormat::Auto, 20),
            r#"{"length":25,"sparkplug":{"timestamp_ms":1,"seq":7,"metric_count":2,"metrics":["#.to_owned()
                + r#"{"name":"Temp","datatype":"Float","value":21.5}]},"clipped":true}"#
        );
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
