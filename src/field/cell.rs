//! Values as text in columns, as `tshark -T fields` prints them.

use std::fmt::Write as _;

use super::registry::entry;
use super::value::{Base, Field, FieldId, Kind, Occurrence, Row, Value};
use crate::text::is_harmful;
use crate::time::{Span, Timestamp};

const NANOS: i64 = 1_000_000_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Which of several values of a field a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// All of them.
    #[default]
    All,
    /// The first.
    First,
    /// The last.
    Last,
}

/// What stands around a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quote {
    /// Nothing.
    #[default]
    None,
    /// `"`; those in the cell are doubled where text is escaped, as in CSV.
    Double,
    /// `'`.
    Single,
}

/// How rows of cells are written: the options of `tshark -E`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Between cells.
    pub separator: char,
    /// Between the values of a cell.
    pub aggregator: char,
    /// Which values a cell has.
    pub which: Which,
    /// What stands around it.
    pub quote: Quote,
    /// Whether the first line has the names of the fields.
    pub header: bool,
    /// Whether the output begins with a byte order mark.
    pub bom: bool,
    /// Whether line breaks and tabs within texts are written as `\n` and the like. What can harm a terminal is escaped
    /// in any case.
    pub escape: bool,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            separator: '\t',
            aggregator: ',',
            which: Which::All,
            quote: Quote::None,
            header: false,
            bom: false,
            escape: true,
        }
    }
}

impl Columns {
    /// Appends what stands before the first row.
    pub fn begin(&self, fields: &[FieldId], out: &mut String) {
        if self.bom {
            out.push('\u{feff}');
        }
        if !self.header {
            return;
        }
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                out.push(self.separator);
            }
            out.push_str(entry(*field).field.name);
        }
        out.push('\n');
    }

    /// Appends a row with its line break.
    pub fn line(&self, fields: &[FieldId], row: &dyn Row, out: &mut String) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                out.push(self.separator);
            }
            self.cell(*field, row, out);
        }
        out.push('\n');
    }

    /// Appends a cell. One without a value is empty, and has no quotes.
    pub fn cell(&self, field: FieldId, row: &dyn Row, out: &mut String) {
        let start = out.len();
        let described = &entry(field).field;
        let mut begun = false;
        row.occurrences(field, &mut |Occurrence { value, .. }| {
            if begun {
                match self.which {
                    Which::All => out.push(self.aggregator),
                    Which::First => return,
                    Which::Last => out.truncate(start),
                }
            }
            if !begun || self.which == Which::Last {
                out.push_str(self.quote.text());
            }
            begun = true;
            write_value(described, &value, self.escape, out);
        });
        if begun {
            out.push_str(self.quote.text());
        }
    }
}

impl Quote {
    const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Double => "\"",
            Self::Single => "'",
        }
    }
}

/// The text of a value of a field.
pub fn value_text(field: &Field, value: &Value<'_>) -> String {
    let mut out = String::new();
    write_value(field, value, true, &mut out);
    out
}

fn write_value(field: &Field, value: &Value<'_>, escape: bool, out: &mut String) {
    // Writing to a String can't fail.
    let _ = match value {
        // tshark writes the protocol's line of the tree.
        Value::Header(..) => out.write_str(field.name),
        Value::Bytes(_) | Value::Label if field.kind == Kind::Protocol => out.write_str(field.name),
        Value::Label => out.write_str("1"),
        Value::Boolean(flag) => out.write_str(if *flag { "1" } else { "0" }),
        Value::Unsigned(number) => write_number(field, *number, out),
        Value::Signed(number) => write!(out, "{number}"),
        Value::Float(number) => write!(out, "{number}"),
        Value::Text(text) => {
            write_text(text, escape, out);
            Ok(())
        }
        // As Wireshark has it, to tell a field without bytes from no field.
        Value::Bytes(bytes) if bytes.is_empty() => out.write_str("<MISSING>"),
        Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}")),
        Value::Ipv4(address) => write!(out, "{address}"),
        Value::Ipv6(address) => write!(out, "{address}"),
        Value::Ethernet([a, b, c, d, e, f]) => write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"),
        Value::Time(time) => write_time(*time, out),
        Value::Duration(span) => write_span(*span, out),
    };
}

fn write_number(field: &Field, number: u64, out: &mut String) -> std::fmt::Result {
    match (field.base, field.kind) {
        (Base::Hex | Base::HexDecimal, Kind::Unsigned(bits)) => {
            write!(out, "0x{number:0digits$x}", digits = usize::from(bits).div_ceil(4))
        }
        _ => write!(out, "{number}"),
    }
}

/// Seconds with nine decimals, as whole numbers: no digit is lost.
fn write_span(span: Span, out: &mut String) -> std::fmt::Result {
    let nanos = span.as_nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let (secs, rest) = (nanos.unsigned_abs() / NANOS as u64, nanos.unsigned_abs() % NANOS as u64);
    write!(out, "{sign}{secs}.{rest:09}")
}

/// `Nov 21, 2026 21:23:21.490440000 UTC`: the day has a blank where it has one digit.
fn write_time(time: Timestamp, out: &mut String) -> std::fmt::Result {
    let text = time.rfc3339();
    let part = |range: std::ops::Range<usize>| std::str::from_utf8(text.get(range).unwrap_or_default()).unwrap_or("");
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"");
    let day = part(8..10).trim_start_matches('0');
    write!(out, "{month} {day:>2}, {} {} UTC", part(0..4), part(11..29))
}

/// Text with what is no UTF-8 replaced, and with what could break the line or the terminal escaped.
fn write_text(text: &[u8], escape: bool, out: &mut String) {
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' if escape => out.push_str("\\n"),
                '\r' if escape => out.push_str("\\r"),
                '\t' if escape => out.push_str("\\t"),
                '\\' if escape => out.push_str("\\\\"),
                '\n' | '\t' => out.push(c),
                c if is_harmful(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Registry;
    use crate::field::value::Names;

    /// A row of one field with these values.
    struct Values(Vec<Value<'static>>);

    impl Row for Values {
        fn occurrences<'a>(&'a self, _: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
            self.0.iter().for_each(|value| take(Occurrence { value: value.clone(), layer: 1 }));
        }
    }

    fn cell(name: &str, value: &Value<'_>) -> String {
        value_text(Registry.field(name).unwrap().1, value)
    }

    #[test]
    fn numbers_have_the_base_and_the_width_of_their_field() {
        assert_eq!(cell("tcp.srcport", &Value::Unsigned(1883)), "1883");
        assert_eq!(cell("ip.checksum", &Value::Unsigned(0x2b)), "0x002b");
        assert_eq!(cell("mqtt.hdrflags", &Value::Unsigned(0x10)), "0x10");
        assert_eq!(cell("ipv6.flow", &Value::Unsigned(0xabcde)), "0x0abcde");
        assert_eq!(cell("tcp.window_size_scalefactor", &Value::Signed(-1)), "-1");
        assert_eq!(cell("tcp.flags.syn", &Value::Boolean(true)), "1");
        assert_eq!(cell("tcp.analysis.keep_alive", &Value::Label), "1");
        assert_eq!(cell("tcp", &Value::Label), "tcp");
    }

    #[test]
    fn times_lose_no_digit() {
        let time = Timestamp::from_secs_nanos(1_793_000_001, 5);
        assert_eq!(cell("frame.time", &Value::Time(time)), "Oct 26, 2026 07:33:21.000000005 UTC");
        let early = Timestamp::from_secs_nanos(86_400, 0);
        assert_eq!(cell("frame.time", &Value::Time(early)), "Jan  2, 1970 00:00:00.000000000 UTC");
        assert_eq!(cell("frame.time_delta", &Value::Duration(Span::from_nanos(-1))), "-0.000000001");
        assert_eq!(cell("tcp.analysis.rto", &Value::Duration(Span::from_nanos(1_200_000_000))), "1.200000000");
    }

    #[test]
    fn bytes_are_hex_and_none_of_them_is_told() {
        let bytes = |bytes: &'static [u8]| cell("mqtt.msg", &Value::Bytes(bytes.into()));
        assert_eq!(bytes(&[0, 0xab]), "00ab");
        assert_eq!(bytes(&[]), "<MISSING>");
    }

    #[test]
    fn text_can_neither_break_a_line_nor_harm_a_terminal() {
        let field = Registry.field("mqtt.topic").unwrap().0;
        let row = Values(vec![Value::Text((&b"a\tb\n\x1b[31m\xff\\"[..]).into())]);
        let mut out = String::new();
        Columns::default().cell(field, &row, &mut out);
        assert_eq!(out, "a\\tb\\n\\u{1b}[31m\u{fffd}\\\\");
        out.clear();
        Columns { escape: false, ..Columns::default() }.cell(field, &row, &mut out);
        assert_eq!(out, "a\tb\n\\u{1b}[31m\u{fffd}\\");
    }

    #[test]
    fn a_cell_has_all_values_or_the_first_or_the_last() {
        let field = Registry.field("ip.ttl").unwrap().0;
        let row = Values([1, 2, 3].map(Value::Unsigned).to_vec());
        let cell = |which| {
            let mut out = String::from("|");
            Columns { which, quote: Quote::Double, ..Columns::default() }.cell(field, &row, &mut out);
            out
        };
        assert_eq!(cell(Which::All), "|\"1,2,3\"");
        assert_eq!(cell(Which::First), "|\"1\"");
        assert_eq!(cell(Which::Last), "|\"3\"");
        assert_eq!(cell(Which::All).matches('"').count(), 2);
    }
}
