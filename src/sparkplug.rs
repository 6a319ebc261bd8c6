//! Sparkplug B payloads (Eclipse Sparkplug 3.0, chapter 6): what industrial gateways publish under `spBv1.0/`, in
//! the form of Google's protocol buffers.
//!
//! A payload is read as a whole or not at all: what is not well-formed to its last byte is something else. Nothing is
//! copied, and nothing nested deeper than a metric is looked into.

use std::str;

/// Whether a topic belongs to messages with Sparkplug payloads. The state of a host application is told in JSON.
pub fn is_topic(topic: &[u8]) -> bool {
    topic.strip_prefix(b"spBv1.0/").is_some_and(|rest| !rest.starts_with(b"STATE/") && rest.contains(&b'/'))
}

/// A payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    /// When it was sent, in milliseconds since 1970 (UTC).
    pub timestamp_ms: Option<u64>,
    /// Its sequence number, 0 to 255.
    pub seq: Option<u64>,
    /// What its body is, in words of the sender's.
    pub uuid: Option<&'a str>,
    /// Bytes of the sender's own.
    pub body: Option<&'a [u8]>,
    /// How many metrics it has.
    pub metric_count: usize,
    raw: &'a [u8],
}

/// A metric: the value of something at some time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metric<'a> {
    /// Its name; left out where the alias stands for it.
    pub name: Option<&'a str>,
    /// The number that stands for its name.
    pub alias: Option<u64>,
    /// When the value was taken, in milliseconds since 1970 (UTC).
    pub timestamp_ms: Option<u64>,
    /// The number of its data type; data messages leave it out.
    pub datatype: Option<u32>,
    /// It is not the current value.
    pub is_historical: bool,
    /// It is not to be stored.
    pub is_transient: bool,
    /// There is no value.
    pub is_null: bool,
    /// Its value.
    pub value: Option<Value<'a>>,
}

/// The value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A signed integer, where the data type says that it is one.
    Signed(i64),
    /// An integer as it stands.
    Unsigned(u64),
    /// A number with single precision.
    Float(f32),
    /// A number with double precision.
    Double(f64),
    /// Yes or no.
    Boolean(bool),
    /// A text.
    Text(&'a str),
    /// Bytes: a file, an array.
    Bytes(&'a [u8]),
    /// A data set, a template or an extension, of so many bytes.
    Nested(&'static str, usize),
}

/// Fields of `org.eclipse.tahu.protobuf.Payload` and of its `Metric`.
mod field {
    pub(super) const TIMESTAMP: u32 = 1;
    pub(super) const METRICS: u32 = 2;
    pub(super) const SEQ: u32 = 3;
    pub(super) const UUID: u32 = 4;
    pub(super) const BODY: u32 = 5;
}

impl<'a> Payload<'a> {
    /// Reads a payload, of which all bytes have to be there.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut payload = Self { timestamp_ms: None, seq: None, uuid: None, body: None, metric_count: 0, raw: bytes };
        let mut known = false;
        let mut fields = Fields { rest: bytes };
        while !fields.rest.is_empty() {
            let (number, wire) = fields.next()?;
            match (number, wire) {
                (field::TIMESTAMP, Wire::Varint(time)) => payload.timestamp_ms = Some(time),
                (field::METRICS, Wire::Bytes(metric)) => {
                    Metric::read(metric)?;
                    payload.metric_count += 1;
                }
                (field::SEQ, Wire::Varint(seq)) => payload.seq = Some(seq),
                (field::UUID, Wire::Bytes(uuid)) => payload.uuid = Some(str::from_utf8(uuid).ok()?),
                (field::BODY, Wire::Bytes(body)) => payload.body = Some(body),
                (..=field::BODY, _) => return None,
                // The rest is free for extensions.
                _ => continue,
            }
            known = true;
        }
        known.then_some(payload)
    }

    /// Its metrics in their order, each with the place behind it in the payload.
    pub fn metrics(self) -> impl Iterator<Item = (Metric<'a>, usize)> {
        let mut fields = Fields { rest: self.raw };
        std::iter::from_fn(move || {
            loop {
                if let (field::METRICS, Wire::Bytes(metric)) = fields.next()? {
                    return Some((Metric::read(metric)?, self.raw.len() - fields.rest.len()));
                }
            }
        })
    }
}

impl<'a> Metric<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut metric = Self::default();
        let mut fields = Fields { rest: bytes };
        let mut raw = None;
        while !fields.rest.is_empty() {
            let (number, wire) = fields.next()?;
            match (number, wire) {
                (1, Wire::Bytes(name)) => metric.name = Some(str::from_utf8(name).ok()?),
                (2, Wire::Varint(alias)) => metric.alias = Some(alias),
                (3, Wire::Varint(time)) => metric.timestamp_ms = Some(time),
                (4, Wire::Varint(datatype)) => metric.datatype = Some(u32::try_from(datatype).ok()?),
                (5, Wire::Varint(flag)) => metric.is_historical = flag != 0,
                (6, Wire::Varint(flag)) => metric.is_transient = flag != 0,
                (7, Wire::Varint(flag)) => metric.is_null = flag != 0,
                // Meta data and properties: whole, and not told.
                (8 | 9, Wire::Bytes(nested)) => well_formed(nested)?,
                (10 | 11 | 14, Wire::Varint(_)) | (12, Wire::Fixed32(_)) | (13, Wire::Fixed64(_)) => {
                    raw = Some((number, wire));
                }
                (15, Wire::Bytes(text)) => {
                    str::from_utf8(text).ok()?;
                    raw = Some((number, wire));
                }
                (16, Wire::Bytes(_)) => raw = Some((number, wire)),
                (17..=19, Wire::Bytes(nested)) => {
                    well_formed(nested)?;
                    raw = Some((number, wire));
                }
                _ => return None,
            }
        }
        // The data type may stand behind the value.
        metric.value = raw.map(|(number, wire)| value(number, wire, metric.datatype));
        Some(metric)
    }
}

/// The value in the field of this number. Signed integers are stored as unsigned ones (section 6.4.16).
fn value(number: u32, wire: Wire<'_>, datatype: Option<u32>) -> Value<'_> {
    match wire {
        Wire::Varint(flag) if number == 14 => Value::Boolean(flag != 0),
        Wire::Varint(integer) => match datatype {
            Some(1) => Value::Signed((integer as i8).into()),
            Some(2) => Value::Signed((integer as i16).into()),
            Some(3) => Value::Signed((integer as i32).into()),
            Some(4) => Value::Signed(integer as i64),
            _ => Value::Unsigned(integer),
        },
        Wire::Fixed32(bits) => Value::Float(f32::from_bits(bits)),
        Wire::Fixed64(bits) => Value::Double(f64::from_bits(bits)),
        Wire::Bytes(bytes) => match number {
            15 => Value::Text(str::from_utf8(bytes).unwrap_or_default()),
            17 => Value::Nested("dataset", bytes.len()),
            18 => Value::Nested("template", bytes.len()),
            19 => Value::Nested("extension", bytes.len()),
            _ => Value::Bytes(bytes),
        },
    }
}

/// The name of a data type (section 6.4.16).
pub const fn datatype_name(datatype: u32) -> Option<&'static str> {
    const NAMES: [&str; 35] = [
        "Unknown",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "UInt8",
        "UInt16",
        "UInt32",
        "UInt64",
        "Float",
        "Double",
        "Boolean",
        "String",
        "DateTime",
        "Text",
        "UUID",
        "DataSet",
        "Bytes",
        "File",
        "Template",
        "PropertySet",
        "PropertySetList",
        "Int8Array",
        "Int16Array",
        "Int32Array",
        "Int64Array",
        "UInt8Array",
        "UInt16Array",
        "UInt32Array",
        "UInt64Array",
        "FloatArray",
        "DoubleArray",
        "BooleanArray",
        "StringArray",
        "DateTimeArray",
    ];
    if (datatype as usize) < NAMES.len() { Some(NAMES[datatype as usize]) } else { None }
}

fn well_formed(bytes: &[u8]) -> Option<()> {
    let mut fields = Fields { rest: bytes };
    while !fields.rest.is_empty() {
        fields.next()?;
    }
    Some(())
}

/// A value on the wire, by its wire type.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of a protocol buffers message.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The next field; `None` at the end, and where the bytes are no field.
    fn next(&mut self) -> Option<(u32, Wire<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number))?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(*self.take(8)?.first_chunk()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(*self.take(4)?.first_chunk()?)),
            // Groups were given up before there was Sparkplug.
            _ => return None,
        };
        Some((number, wire))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// One to ten bytes of seven bits, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// timestamp 1700000000000, metric {name "Temp", alias 1, datatype Float, 21.5}, metric {alias 2, Int8, -3},
    /// metric {name "on", Boolean, true}, seq 7; as Google's own library writes it.
    const DATA: &[u8] = b"\x08\x80\xd0\x95\xff\xbc\x31\
        \x12\x0f\x0a\x04Temp\x10\x01\x20\x09\x65\x00\x00\xac\x41\
        \x12\x0a\x10\x02\x20\x01\x50\xfd\xff\xff\xff\x0f\
        \x12\x08\x0a\x02on\x20\x0b\x70\x01\
        \x18\x07";

    #[test]
    fn a_data_message_has_its_metrics_in_order() {
        let payload = Payload::read(DATA).expect("a payload");
        assert_eq!((payload.timestamp_ms, payload.seq, payload.metric_count), (Some(1_700_000_000_000), Some(7), 3));
        let metrics: Vec<_> = payload.metrics().collect();
        let told: Vec<_> = metrics.iter().map(|(metric, _)| (metric.name, metric.alias, metric.value)).collect();
        assert_eq!(
            told,
            [
                (Some("Temp"), Some(1), Some(Value::Float(21.5))),
                (None, Some(2), Some(Value::Signed(-3))),
                (Some("on"), None, Some(Value::Boolean(true))),
            ]
        );
        assert_eq!(metrics.iter().map(|(_, end)| *end).collect::<Vec<_>>(), [24, 36, 46]);
    }

    #[test]
    fn values_of_all_kinds_are_those_that_were_written() {
        // {seq 0, uuid "u", big: Int64 -5, n: String null, s: String "té", d: Double -0.25, b: Bytes 00 ff}, as
        // Google's own library writes it.
        let bytes =
            b"\x08\x80\xd0\x95\xff\xbc\x31\x12\x12\x0a\x03big\x20\x04\x58\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01\
            \x12\x07\x0a\x01n\x20\x0c\x38\x01\x12\x0a\x0a\x01s\x20\x0c\x7a\x03t\xc3\xa9\
            \x12\x0e\x0a\x01d\x20\x0a\x69\x00\x00\x00\x00\x00\x00\xd0\xbf\x12\x0a\x0a\x01b\x20\x11\x82\x01\x02\x00\xff\
            \x18\x00\x22\x01u";
        let payload = Payload::read(bytes).expect("a payload");
        assert_eq!((payload.seq, payload.uuid), (Some(0), Some("u")));
        let values: Vec<_> = payload.metrics().map(|(metric, _)| metric.value).collect();
        assert_eq!(
            values,
            [
                Some(Value::Signed(-5)),
                None,
                Some(Value::Text("té")),
                Some(Value::Double(-0.25)),
                Some(Value::Bytes(b"\x00\xff")),
            ]
        );
        assert!(payload.metrics().nth(1).is_some_and(|(metric, _)| metric.is_null));
    }

    #[test]
    fn a_data_type_may_stand_behind_its_value() {
        let payload = Payload::read(b"\x12\x08\x50\xfd\xff\xff\xff\x0f\x20\x03").expect("a payload");
        assert_eq!(payload.metrics().next().and_then(|(metric, _)| metric.value), Some(Value::Signed(-3)));
    }

    #[test]
    fn what_is_not_whole_to_its_last_byte_is_something_else() {
        for end in 1..DATA.len() {
            // Between two fields a prefix is a payload of its own.
            assert_eq!(Payload::read(&DATA[..end]).is_some(), [7, 24, 36, 46].contains(&end), "{end}");
        }
        assert_eq!(Payload::read(b""), None);
        assert_eq!(Payload::read(b"{\"a\": 1}"), None);
        assert_eq!(Payload::read(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), None, "65 bits");
        assert_eq!(Payload::read(b"\x0a\x00"), None, "the time is no text");
        assert_eq!(Payload::read(b"\x12\x03\x0a\x01\xff"), None, "a name is UTF-8");
        assert_eq!(Payload::read(b"\x30\x01"), None, "nothing of it is known");
    }

    #[test]
    fn topics_of_nodes_and_devices_are_sparkplug_and_those_of_hosts_are_not() {
        assert!(is_topic(b"spBv1.0/plant/DDATA/edge/device"));
        assert!(!is_topic(b"spBv1.0/STATE/scada"));
        assert!(!is_topic(b"spBv1.0/"));
        assert!(!is_topic(b"a/spBv1.0/plant/DDATA/edge"));
    }

    #[test]
    fn data_types_have_the_numbers_of_the_specification() {
        assert_eq!(datatype_name(9), Some("Float"));
        assert_eq!(datatype_name(17), Some("Bytes"));
        assert_eq!(datatype_name(34), Some("DateTimeArray"));
        assert_eq!(datatype_name(35), None);
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_read_or_not(bytes in proptest::collection::vec(prop_oneof![0_u8..0x22, any::<u8>()], 0..60)) {
            if let Some(payload) = Payload::read(&bytes) {
                prop_assert_eq!(payload.metrics().count(), payload.metric_count);
            }
        }
    }
}
