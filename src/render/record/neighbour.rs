//! The `neighbour` record: one for each message of a protocol around MQTT, where these are asked for.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::value::{Text, Time};
use crate::engine::NeighbourMessage;
use crate::field::{Registry, value_text};
use crate::neighbour::{Names, Reading, Value};
use crate::render::compact::Name;
use crate::render::named::Called;

/// A message with its place.
pub(in crate::render) struct NeighbourRecord<'a> {
    message: &'a NeighbourMessage<'a>,
    names: &'a Names,
}

impl<'a> NeighbourRecord<'a> {
    pub(in crate::render) const fn new(message: &'a NeighbourMessage<'a>, names: &'a Names) -> Self {
        Self { message, names }
    }
}

impl Serialize for NeighbourRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NeighbourMessage { flow, source, destination, origin, reading } = self.message;
        let mut record = serializer.serialize_struct("neighbour", 11)?;
        record.serialize_field("record", &Name("neighbour"))?;
        record.serialize_field("frame", &origin.frame.0)?;
        record.serialize_field("time", &Time(origin.time))?;
        if let Some((flow, direction)) = flow {
            record.serialize_field("flow", &flow.id.0)?;
            record.serialize_field("from", &Name(direction.sender().name()))?;
        }
        record.serialize_field("source", &source.to_string())?;
        record.serialize_field("destination", &destination.to_string())?;
        for (field, end) in [("source_name", source), ("destination_name", destination)] {
            // A connection keeps the name that it began with.
            let since = flow.map_or(origin.frame, |(flow, _)| flow.id);
            let name = end.ip().map(|address| Called::of(self.names, address, since)).filter(|name| !name.is_none());
            match name {
                Some(name) => record.serialize_field(field, &name)?,
                None => record.skip_field(field)?,
            }
        }
        said(reading, &mut record)?;
        record.end()
    }
}

/// What a message says, in three fields.
fn said<R: SerializeStruct>(reading: &Reading, record: &mut R) -> Result<(), R::Error> {
    record.serialize_field("protocol", &Name(reading.protocol.name()))?;
    record.serialize_field("info", &reading.info)?;
    record.serialize_field("fields", &FieldsOf(reading))
}

/// The messages that a frame completed.
pub(super) struct Readings<'a>(pub(super) &'a [Reading]);

impl Readings<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Readings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct One<'a>(&'a Reading);
        impl Serialize for One<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut record = serializer.serialize_struct("reading", 3)?;
                said(self.0, &mut record)?;
                record.end()
            }
        }
        serializer.collect_seq(self.0.iter().map(One))
    }
}

/// Fields by their names, each once; several values of one are a list.
struct FieldsOf<'a>(&'a Reading);

impl Serialize for FieldsOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = &self.0.values;
        let mut map = serializer.serialize_map(None)?;
        for (at, (name, value)) in values.iter().enumerate() {
            let is_first = values.get(..at).is_some_and(|before| before.iter().all(|(other, _)| other != name));
            let after = values.get(at + 1..).unwrap_or_default();
            if !is_first || *value == Value::Present {
                continue;
            }
            if after.iter().any(|(other, _)| other == name) {
                map.serialize_entry(name, &All(name, values))?;
            } else {
                map.serialize_entry(name, &One(name, value))?;
            }
        }
        map.end()
    }
}

/// All values of a field.
struct All<'a>(&'static str, &'a [(&'static str, Value)]);

impl Serialize for All<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (name, value) in self.1.iter().filter(|(name, _)| *name == self.0) {
            list.serialize_element(&One(name, value))?;
        }
        list.end()
    }
}

/// A value: numbers and truths as such, times as elsewhere, and the rest as text.
struct One<'a>(&'static str, &'a Value);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Value::Present => serializer.serialize_bool(true),
            Value::Boolean(flag) => serializer.serialize_bool(*flag),
            Value::Unsigned(number) => serializer.serialize_u64(*number),
            Value::Signed(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Text(text) => Text(text).serialize(serializer),
            Value::Time(time) => Time(*time).serialize(serializer),
            Value::Duration(span) => serializer.serialize_f64(span.as_secs_f64()),
            Value::Bytes(_) | Value::Ipv4(_) | Value::Ipv6(_) | Value::Ethernet(_) => {
                let text = Registry::find(self.0).map(|(_, field)| value_text(field, &self.1.into()));
                serializer.serialize_str(&text.unwrap_or_default())
            }
        }
    }
}
