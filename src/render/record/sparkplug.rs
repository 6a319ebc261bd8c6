//! Sparkplug payloads as they stand in a payload's record.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::value::Base64;
use crate::sparkplug::{Metric, Payload, Value, datatype_name};

/// A payload with the metrics that end within so many bytes of it.
pub(super) struct SparkplugRecord<'a> {
    pub(super) payload: Payload<'a>,
    pub(super) limit: usize,
}

impl Serialize for SparkplugRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload = self.payload;
        let mut map = serializer.serialize_map(None)?;
        if let Some(timestamp) = payload.timestamp_ms {
            map.serialize_entry("timestamp_ms", &timestamp)?;
        }
        if let Some(seq) = payload.seq {
            map.serialize_entry("seq", &seq)?;
        }
        if let Some(uuid) = payload.uuid {
            map.serialize_entry("uuid", uuid)?;
        }
        if let Some(body) = payload.body {
            map.serialize_entry("body_length", &body.len())?;
        }
        map.serialize_entry("metric_count", &payload.metric_count)?;
        map.serialize_entry("metrics", &Metrics(self))?;
        map.end()
    }
}

struct Metrics<'a>(&'a SparkplugRecord<'a>);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (metric, _) in self.0.payload.metrics().take_while(|(_, end)| *end <= self.0.limit) {
            list.serialize_element(&MetricRecord::of(metric))?;
        }
        list.end()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Serialize)]
struct MetricRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datatype: Option<Datatype>,
    #[serde(skip_serializing_if = "is_false")]
    is_historical: bool,
    #[serde(skip_serializing_if = "is_false")]
    is_transient: bool,
    #[serde(skip_serializing_if = "is_false")]
    is_null: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<MetricValue<'a>>,
}

impl<'a> MetricRecord<'a> {
    fn of(metric: Metric<'a>) -> Self {
        Self {
            name: metric.name,
            alias: metric.alias,
            timestamp_ms: metric.timestamp_ms,
            datatype: metric.datatype.map(Datatype),
            is_historical: metric.is_historical,
            is_transient: metric.is_transient,
            is_null: metric.is_null,
            value: metric.value.map(MetricValue),
        }
    }
}

/// The name of a data type; its number in words where it has none.
struct Datatype(u32);

impl Serialize for Datatype {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match datatype_name(self.0) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(&self.0),
        }
    }
}

struct MetricValue<'a>(Value<'a>);

impl Serialize for MetricValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Signed(value) => serializer.serialize_i64(value),
            Value::Unsigned(value) => serializer.serialize_u64(value),
            // JSON has no infinity and nothing that is no number: these are told as text.
            Value::Float(value) if !value.is_finite() => serializer.collect_str(&value),
            Value::Double(value) if !value.is_finite() => serializer.collect_str(&value),
            Value::Float(value) => serializer.serialize_f32(value),
            Value::Double(value) => serializer.serialize_f64(value),
            Value::Boolean(value) => serializer.serialize_bool(value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => Base64(bytes).serialize(serializer),
            Value::Nested(kind, length) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("kind", kind)?;
                map.serialize_entry("length", &length)?;
                map.end()
            }
        }
    }
}
