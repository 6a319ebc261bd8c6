//! The fields of messages of the protocols around MQTT.

use std::borrow::Cow;

use crate::field::value::{Occurrence, Value};
use crate::neighbour::{self, Reading};

/// Hands out the values of the field with this name.
pub(super) fn of_frame<'a>(readings: &'a [Reading], name: &str, take: &mut dyn FnMut(Occurrence<'a>)) {
    for (reading, layer) in readings.iter().zip(1..=u8::MAX) {
        let values = reading.values.iter().filter(|(known, _)| *known == name);
        values.for_each(|(_, value)| take(Occurrence { value: value.into(), layer }));
    }
}

impl<'a> From<&'a neighbour::Value> for Value<'a> {
    fn from(value: &'a neighbour::Value) -> Self {
        match value {
            neighbour::Value::Present => Self::Label,
            neighbour::Value::Boolean(flag) => Self::Boolean(*flag),
            neighbour::Value::Unsigned(number) => Self::Unsigned(*number),
            neighbour::Value::Signed(number) => Self::Signed(*number),
            neighbour::Value::Float(number) => Self::Float(*number),
            neighbour::Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            neighbour::Value::Bytes(bytes) => Self::Bytes(Cow::Borrowed(bytes)),
            neighbour::Value::Ipv4(address) => Self::Ipv4(*address),
            neighbour::Value::Ipv6(address) => Self::Ipv6(*address),
            neighbour::Value::Ethernet(address) => Self::Ethernet(*address),
            neighbour::Value::Time(time) => Self::Time(*time),
            neighbour::Value::Duration(span) => Self::Duration(*span),
        }
    }
}
