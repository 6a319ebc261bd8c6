//! Fields of frames as columns: in tables, as separated values and as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::buffer::Buffer;
use super::csv;
use super::record::Text;
use super::width::{Style, columns, fit, fit_middle};
use crate::field::Value as FieldValue;
use crate::field::{Base, Columns, Field, FieldId, Kind, Names as _, Occurrence, Registry, Row, Which, value_text};

/// A column that shows a field of each frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldColumn {
    /// What stands above it.
    pub title: String,
    /// The field.
    pub field: FieldId,
}

/// What a frame has in such columns.
#[derive(Debug, Clone, Default)]
pub struct FieldCells {
    texts: Vec<String>,
    values: FieldValues,
}

impl FieldCells {
    /// Reads the columns of a frame; texts are written like this.
    pub fn read(wanted: &[FieldColumn], style: &Columns, row: &dyn Row) -> Self {
        let text = |column: &FieldColumn| {
            let mut text = String::new();
            style.cell(column.field, row, &mut text);
            text
        };
        Self { texts: wanted.iter().map(text).collect(), values: FieldValues::read(wanted, style.which, row) }
    }

    /// The texts, one for each column.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Appends them as a line of separated values (RFC 4180).
    pub fn csv(&self, separator: char, out: &mut String) {
        out.push_str(&csv::joined(&self.texts, separator));
    }

    /// Appends them as a line of JSON: an object with the columns that have a value.
    pub fn json(&self, out: &mut String) {
        #[derive(serde::Serialize)]
        struct FieldsRecord<'a> {
            record: &'static str,
            #[serde(flatten)]
            values: &'a FieldValues,
        }
        let mut line = Buffer::new();
        // Writing to memory can't fail.
        let _ = super::json::write(&FieldsRecord { record: "fields", values: &self.values }, &mut line);
        out.push_str(line.text());
    }

    pub(super) const fn values(&self) -> &FieldValues {
        &self.values
    }
}

/// Appends the titles as a line of separated values.
pub fn write_titles(columns: &[FieldColumn], separator: char, out: &mut String) {
    let titles: Vec<_> = columns.iter().map(|column| column.title.clone()).collect();
    out.push_str(&csv::joined(&titles, separator));
}

/// The values by their titles; those of one title only once.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldValues(Vec<(String, Value)>);

impl FieldValues {
    fn read(wanted: &[FieldColumn], which: Which, row: &dyn Row) -> Self {
        let mut read: Vec<(String, Value)> = Vec::new();
        for column in wanted {
            if read.iter().any(|(title, _)| *title == column.title) {
                continue;
            }
            let field = Registry.describe(column.field);
            let mut values = Vec::new();
            row.occurrences(column.field, &mut |Occurrence { value, .. }| match which {
                Which::All => values.push(json(field, &value)),
                Which::First if !values.is_empty() => {}
                Which::First | Which::Last => values = vec![json(field, &value)],
            });
            let value = match values.len() {
                0 => continue,
                1 => values.swap_remove(0),
                _ => Value::Array(values),
            };
            read.push((column.title.clone(), value));
        }
        Self(read)
    }
}

impl Serialize for FieldValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (title, value) in &self.0 {
            map.serialize_entry(title, value)?;
        }
        map.end()
    }
}

/// A value by its type: numbers, truth values, and text for all that JSON has no type for.
fn json(field: &Field, value: &FieldValue<'_>) -> Value {
    match value {
        FieldValue::Bytes(_) | FieldValue::Header(..) | FieldValue::Label if field.kind == Kind::Protocol => {
            field.name.into()
        }
        FieldValue::Label => true.into(),
        FieldValue::Boolean(flag) => (*flag).into(),
        FieldValue::Unsigned(number) => (*number).into(),
        FieldValue::Signed(number) => (*number).into(),
        FieldValue::Float(number) => (*number).into(),
        FieldValue::Text(text) => serde_json::to_value(Text(text)).unwrap_or_default(),
        FieldValue::Bytes(bytes) if bytes.is_empty() => "".into(),
        FieldValue::Bytes(_)
        | FieldValue::Header(..)
        | FieldValue::Ipv4(_)
        | FieldValue::Ipv6(_)
        | FieldValue::Ethernet(_)
        | FieldValue::Time(_)
        | FieldValue::Duration(_) => value_text(field, value).into(),
    }
}

/// Blanks between columns.
const PADDING: usize = 2;
/// What is left of a column at least.
const LEAST: usize = 5;
/// What is left of a text while others can give way.
const LEAST_TEXT: usize = 8;

/// How wide each column is. Rows are written as they come, so the types of the fields have to say it.
#[derive(Debug)]
pub(super) struct Layout {
    columns: Vec<LaidOut>,
}

#[derive(Debug)]
struct LaidOut {
    title: String,
    width: usize,
    is_number: bool,
    /// Of an address the end tells more than the middle.
    is_address: bool,
}

/// What a column of a type needs at least, and what it may well use.
fn needs(field: &Field) -> (usize, usize) {
    let digits = |bits: u8| match bits {
        0..=8 => 3,
        9..=16 => 5,
        17..=32 => 10,
        _ => 20,
    };
    match field.kind {
        Kind::Protocol => (field.name.len(), field.name.len()),
        Kind::Label | Kind::Boolean => (4, 4),
        Kind::Unsigned(bits) if matches!(field.base, Base::Hex | Base::HexDecimal) => {
            let digits = 2 + usize::from(bits).div_ceil(4);
            (digits, digits)
        }
        Kind::Unsigned(bits) => (digits(bits).min(7), digits(bits)),
        Kind::Signed(bits) => (digits(bits).min(7), digits(bits) + 1),
        Kind::FrameNumber => (7, 7),
        Kind::Float => (8, 12),
        Kind::Text | Kind::Bytes => (12, 24),
        Kind::Ipv4 => (15, 15),
        Kind::Ipv6 => (16, 39),
        Kind::Ethernet => (17, 17),
        Kind::Time => (24, 35),
        Kind::Duration => (12, 14),
    }
}

impl Layout {
    pub(super) fn new(wanted: &[FieldColumn], style: Style) -> Self {
        let fields: Vec<_> = wanted.iter().map(|column| Registry.describe(column.field)).collect();
        let takes_rest = |field: &Field| matches!(field.kind, Kind::Text | Kind::Bytes);
        let gaps = PADDING * wanted.len().saturating_sub(1);
        let all: Vec<_> = wanted
            .iter()
            .zip(&fields)
            .map(|(column, field)| {
                let (least, most) = needs(field);
                (least, most.max(columns(&column.title)))
            })
            .collect();
        let mut widths: Vec<usize> = all.iter().map(|(_, most)| *most).collect();
        if let Some(width) = style.width {
            let room = width.max(Style::LEAST_WIDTH).saturating_sub(gaps);
            widths = all.iter().map(|(least, _)| *least).collect();
            // A text tells something by its beginning, an address does not.
            while widths.iter().sum::<usize>() > room {
                let is_text = |at: &usize| fields.get(*at).is_some_and(|field| takes_rest(field));
                let wider = |at: &usize, least: usize| widths.get(*at).is_some_and(|width| *width > least);
                let text = (0..widths.len()).filter(|at| is_text(at) && wider(at, LEAST_TEXT));
                let any = (0..widths.len()).filter(|at| wider(at, LEAST));
                let widest = text.max_by_key(|at| widths.get(*at)).or_else(|| any.max_by_key(|at| widths.get(*at)));
                let Some(widest) = widest.and_then(|at| widths.get_mut(at)) else { break };
                *widest -= 1;
            }
            let mut spare = room.saturating_sub(widths.iter().sum());
            // What can't be read when cut comes first.
            for rest in [false, true] {
                for ((width, (_, most)), _) in
                    widths.iter_mut().zip(&all).zip(&fields).filter(|(_, field)| takes_rest(field) == rest)
                {
                    let more = most.saturating_sub(*width).min(spare);
                    *width += more;
                    spare -= more;
                }
            }
            let sharers = fields.iter().filter(|field| takes_rest(field)).count();
            for (at, (width, _)) in widths.iter_mut().zip(&fields).filter(|(_, field)| takes_rest(field)).enumerate() {
                *width += spare / sharers + usize::from(at < spare % sharers);
            }
        }
        let laid_out = wanted.iter().zip(fields).zip(widths).map(|((column, field), width)| LaidOut {
            title: column.title.clone(),
            width,
            is_number: match field.kind {
                Kind::Unsigned(_) | Kind::Signed(_) | Kind::Float | Kind::FrameNumber | Kind::Duration => true,
                Kind::Protocol
                | Kind::Label
                | Kind::Boolean
                | Kind::Text
                | Kind::Bytes
                | Kind::Ipv4
                | Kind::Ipv6
                | Kind::Ethernet
                | Kind::Time => false,
            },
            is_address: matches!(field.kind, Kind::Ipv6 | Kind::Ethernet),
        });
        Self { columns: laid_out.collect() }
    }

    pub(super) fn titles(&self) -> String {
        let titles: Vec<_> = self.columns.iter().map(|column| column.title.as_str()).collect();
        self.row(&titles, true)
    }

    /// A row; where there is no terminal nothing is cut.
    pub(super) fn line(&self, cells: &[String], style: Style) -> String {
        let cells: Vec<_> = cells.iter().map(String::as_str).collect();
        self.row(&cells, style.width.is_some())
    }

    fn row(&self, cells: &[&str], cut: bool) -> String {
        let mut line = String::new();
        for (at, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            let cell = match (cut, column.is_address) {
                (false, _) => (*cell).to_owned(),
                (true, true) => fit_middle(cell, column.width),
                (true, false) => fit(cell, column.width),
            };
            let blanks = " ".repeat(column.width.saturating_sub(columns(&cell)));
            if column.is_number {
                line.push_str(&blanks);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&blanks);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    struct Values(Vec<FieldValue<'static>>);

    impl Row for Values {
        fn occurrences<'a>(&'a self, _: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
            self.0.iter().for_each(|value| take(Occurrence { value: value.clone(), layer: 1 }));
        }
    }

    fn column(name: &str) -> FieldColumn {
        FieldColumn { title: name.to_owned(), field: Registry::find(name).unwrap().0 }
    }

    fn line(name: &str, values: &[FieldValue<'static>]) -> String {
        let mut out = String::new();
        FieldCells::read(&[column(name)], &Columns::default(), &Values(values.to_vec())).json(&mut out);
        out.trim_end().to_owned()
    }

    #[test]
    fn values_have_the_types_of_their_fields() {
        assert_eq!(line("ip.ttl", &[FieldValue::Unsigned(64)]), r#"{"record":"fields","ip.ttl":64}"#);
        assert_eq!(
            line("ip.ttl", &[FieldValue::Unsigned(64), FieldValue::Unsigned(1)]),
            r#"{"record":"fields","ip.ttl":[64,1]}"#
        );
        assert_eq!(line("ip.ttl", &[]), r#"{"record":"fields"}"#);
        assert_eq!(
            line("tcp.flags.syn", &[FieldValue::Boolean(false)]),
            r#"{"record":"fields","tcp.flags.syn":false}"#
        );
        assert_eq!(
            line("tcp.analysis.keep_alive", &[FieldValue::Label]),
            r#"{"record":"fields","tcp.analysis.keep_alive":true}"#
        );
        assert_eq!(line("mqtt", &[FieldValue::Label]), r#"{"record":"fields","mqtt":"mqtt"}"#);
        let text = |bytes: &'static [u8]| line("mqtt.topic", &[FieldValue::Text(Cow::Borrowed(bytes))]);
        assert_eq!(text(b"a\\\n\"\x1b"), r#"{"record":"fields","mqtt.topic":"a\\\n\"\u001b"}"#);
        assert_eq!(text(b"\xff"), r#"{"record":"fields","mqtt.topic":{"base64":"/w=="}}"#);
    }

    #[test]
    fn a_field_that_is_named_twice_is_one_key() {
        let twice = [column("ip.ttl"), column("ip.ttl")];
        let mut out = String::new();
        FieldCells::read(&twice, &Columns::default(), &Values(vec![FieldValue::Unsigned(3)])).json(&mut out);
        assert_eq!(out.trim_end(), r#"{"record":"fields","ip.ttl":3}"#);
    }

    #[test]
    fn columns_fit_the_terminal_and_text_takes_what_is_left() {
        let wanted = ["frame.number", "frame.time_relative", "ip.src", "mqtt.topic"].map(column);
        for width in [60, 80, 160] {
            let layout = Layout::new(&wanted, Style { width: Some(width), color: false, clock: false });
            let used: usize = layout.columns.iter().map(|column| column.width).sum::<usize>() + 3 * PADDING;
            assert_eq!(used, width, "{layout:?}");
            assert!(layout.columns[3].width >= 12, "{layout:?}");
        }
        let many: Vec<_> = (0..20).map(|_| column("mqtt.topic")).collect();
        let layout = Layout::new(&many, Style { width: Some(80), color: false, clock: false });
        assert!(layout.columns.iter().all(|column| column.width == LEAST), "{layout:?}");
    }
}
