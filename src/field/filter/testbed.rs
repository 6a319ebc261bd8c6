//! A registry and rows for tests: what tshark 4.0 says of the frames of three captures (`tests/filters/make.py`), and
//! rows written by hand.

use std::borrow::Cow;

use crate::field::{Base, Field, FieldId, Kind, Names, Occurrence, Row, Value};
use crate::time::{Span, Timestamp};

pub(super) struct Table {
    fields: Vec<Field>,
    values: Vec<&'static [(u64, &'static str)]>,
}

/// The fields of `fields.tsv`, and some of types that it has not.
pub(super) fn table() -> Table {
    let mut table = Table { fields: Vec::new(), values: Vec::new() };
    for line in include_str!("../../../tests/filters/fields.tsv").lines() {
        let mut parts = line.split('\t');
        let (name, kind) = (parts.next().unwrap(), kind(parts.next().unwrap()));
        let values: Vec<_> = parts.map(|part| part.split_once('=').unwrap()).collect();
        let values: Vec<_> = values.into_iter().map(|(number, name)| (number.parse().unwrap(), name)).collect();
        table.add(name, kind, values.leak());
    }
    table.add("test.float", Kind::Float, &[]);
    table.add("test.signed", Kind::Signed(16), &[]);
    table.add("test.frame", Kind::FrameNumber, &[]);
    table.add("test.wide", Kind::Unsigned(64), &[]);
    table
}

fn kind(name: &str) -> Kind {
    match name {
        "FT_PROTOCOL" => Kind::Protocol,
        "FT_NONE" => Kind::Label,
        "FT_BOOLEAN" => Kind::Boolean,
        "FT_STRING" => Kind::Text,
        "FT_BYTES" => Kind::Bytes,
        "FT_IPv4" => Kind::Ipv4,
        "FT_IPv6" => Kind::Ipv6,
        "FT_ETHER" => Kind::Ethernet,
        "FT_ABSOLUTE_TIME" => Kind::Time,
        "FT_RELATIVE_TIME" => Kind::Duration,
        _ => {
            let bits = |prefix| name.strip_prefix(prefix).and_then(|bits: &str| bits.parse().ok());
            bits("FT_UINT").map(Kind::Unsigned).or_else(|| bits("FT_INT").map(Kind::Signed)).expect(name)
        }
    }
}

impl Table {
    fn add(&mut self, name: &'static str, kind: Kind, values: &'static [(u64, &'static str)]) {
        self.fields.push(Field { name, kind, base: Base::None, label: name, description: "" });
        self.values.push(values);
    }

    /// The value that a text of `rows.tsv` stands for; `@1+2` are bytes of the frame.
    fn value(&self, id: FieldId, text: &str, frame: &[u8]) -> Value<'static> {
        match self.describe(id).kind {
            Kind::Label => Value::Label,
            Kind::Boolean => Value::Boolean(text != "0"),
            Kind::Unsigned(_) | Kind::FrameNumber => Value::Unsigned(text.parse().unwrap()),
            Kind::Signed(_) => Value::Signed(text.parse().unwrap()),
            Kind::Float => Value::Float(text.parse().unwrap()),
            Kind::Text => Value::Text(Cow::Owned(hex(text))),
            Kind::Protocol | Kind::Bytes => {
                let place = text.strip_prefix('@').and_then(|place| place.split_once('+'));
                Value::Bytes(Cow::Owned(match place {
                    None => hex(text),
                    Some((at, length)) => {
                        let at: usize = at.parse().unwrap();
                        frame[at.min(frame.len())..][..length.parse().unwrap()].to_vec()
                    }
                }))
            }
            Kind::Ipv4 => Value::Ipv4(text.parse().unwrap()),
            Kind::Ipv6 => Value::Ipv6(text.parse().unwrap()),
            Kind::Ethernet => Value::Ethernet(hex(&text.replace(':', "")).try_into().unwrap()),
            Kind::Time => Value::Time(Timestamp::from_nanos(nanos(text))),
            Kind::Duration => Value::Duration(Span::from_nanos(nanos(text))),
        }
    }

    /// A row of fields with their values as `rows.tsv` has them, one word each: `tcp.port=1883 ip.src#2=10.0.0.1`. Bytes
    /// and texts are hexadecimal.
    pub(super) fn row(&self, text: &str) -> TestRow {
        let mut row = TestRow(Vec::new());
        let mut frame = Vec::new();
        for word in text.split(['\t', ' ']) {
            let (name, value) = word.split_once('=').expect(word);
            let (name, layer) = name.split_once('#').unwrap_or((name, "1"));
            let (id, _) = self.field(name).expect(name);
            if name == "frame" {
                frame = hex(value);
            }
            row.0.push((id, layer.parse().unwrap(), self.value(id, value, &frame)));
        }
        row
    }

    /// The rows of each capture, in the order of its frames.
    pub(super) fn rows(&self) -> Vec<(&'static str, Vec<TestRow>)> {
        let mut out: Vec<(&str, Vec<TestRow>)> = Vec::new();
        for line in include_str!("../../../tests/filters/rows.tsv").lines() {
            let (capture, row) = line.split_once('\t').unwrap();
            if out.last().is_none_or(|(last, _)| *last != capture) {
                out.push((capture, Vec::new()));
            }
            out.last_mut().unwrap().1.push(self.row(row));
        }
        out
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect(text)).collect()
}

fn nanos(text: &str) -> i64 {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (seconds, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let nanos = seconds.parse::<i64>().unwrap() * 1_000_000_000 + format!("{decimals:0<9}").parse::<i64>().unwrap();
    if negative { -nanos } else { nanos }
}

impl Names for Table {
    fn field(&self, name: &str) -> Option<(FieldId, &Field)> {
        let at = self.fields.iter().position(|field| field.name == name)?;
        Some((FieldId(at as u16), &self.fields[at]))
    }

    /// Those that begin with the same letters.
    fn nearest(&self, name: &str) -> Vec<&'static str> {
        let same = |other: &str| name.bytes().zip(other.bytes()).take_while(|(left, right)| left == right).count();
        let mut names: Vec<_> = self.fields.iter().map(|field| field.name).filter(|name| same(name) > 4).collect();
        names.sort_by_key(|name| std::cmp::Reverse(same(name)));
        names.truncate(3);
        names
    }

    fn describe(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }

    fn values(&self, id: FieldId) -> &'static [(u64, &'static str)] {
        self.values[usize::from(id.0)]
    }
}

pub(super) struct TestRow(Vec<(FieldId, u8, Value<'static>)>);

impl Row for TestRow {
    fn occurrences<'a>(&'a self, field: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        for (id, layer, value) in &self.0 {
            if *id == field {
                take(Occurrence { value: value.clone(), layer: *layer });
            }
        }
    }
}
