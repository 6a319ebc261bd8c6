//! Compact JSON, appended to memory: what serde_json writes, byte for byte, but for two things. What JSON lets stand in a
//! string, but a terminal may obey (DEL, C1 controls, characters that reorder text), is escaped; and the text of a [`Raw`]
//! is taken for JSON as it is.
//!
//! Lines of JSON are most of what the program writes: keys are copied without a look at them, and strings are looked at
//! once, many bytes at a time.

use std::fmt::{self, Write as _};

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

use super::buffer::Buffer;
use crate::text::{is_harmful, is_plain};

/// JSON from the wire that was found to be valid and has no line breaks.
pub(super) struct Raw<'a>(pub(super) &'a str);

/// The name by which the writer knows it.
const RAW: &str = "mqttsniff raw JSON";

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(RAW, self.0)
    }
}

/// A name of this program: a string without anything that is to be escaped.
pub(super) struct Name(pub(super) &'static str);

impl Serialize for Name {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("", 0, self.0)
    }
}

/// Appends what is serialized to memory.
pub(super) struct Compact<'a> {
    out: &'a mut Buffer,
    /// The next string is JSON already.
    raw: bool,
}

impl<'a> Compact<'a> {
    pub(super) const fn new(out: &'a mut Buffer) -> Self {
        Self { out, raw: false }
    }

    /// Puts a bracket in the place of the comma behind the last element, or behind the bracket of an empty list.
    fn close(&mut self, bracket: u8) {
        match self.out.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.out.put(&[bracket]),
        }
    }

    #[inline]
    fn string(&mut self, text: &str) {
        self.out.put(b"\"");
        escape(self.out, text);
        self.out.put(b"\"");
    }

    /// A floating-point number: in the fewest digits that tell it from all others, which is for one who knows how.
    fn float(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let mut digits = [0; 64];
        let mut rest = digits.as_mut_slice();
        serde_json::to_writer(&mut rest, value)?;
        let used = 64 - rest.len();
        self.out.put(digits.get(..used).unwrap_or_default());
        Ok(())
    }

    /// A key that is a name of this program.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "where the name is known to the compiler, copying it takes no call")]
    fn key(&mut self, name: &'static str) {
        self.out.put(b"\"");
        self.out.put(name.as_bytes());
        self.out.put(b"\":");
    }

    #[inline]
    fn element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self)?;
        self.out.put(b",");
        Ok(())
    }
}

/// Whether a byte stands in a string as it is.
#[inline]
const fn is_clean(byte: u8) -> bool {
    is_plain(byte) && byte != b'"' && byte != b'\\'
}

/// Whether all bytes do: without a way out of the loop they are looked at at once.
#[inline]
fn all_clean<const N: usize>(bytes: &[u8; N]) -> bool {
    bytes.iter().fold(true, |clean, byte| clean & is_clean(*byte))
}

/// Whether a text stands in a string as it is. The last bytes are looked at twice rather than one by one.
fn is_clean_text(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<16>() {
        return bytes.as_chunks::<16>().0.iter().all(all_clean) && all_clean(last);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => all_clean(first) & all_clean(last),
        _ => bytes.iter().all(|byte| is_clean(*byte)),
    }
}

/// Appends the inside of a string.
#[inline]
fn escape(out: &mut Buffer, text: &str) {
    if is_clean_text(text.as_bytes()) {
        out.put(text.as_bytes());
    } else {
        escape_each(out, text);
    }
}

fn escape_each(out: &mut Buffer, text: &str) {
    let mut rest = text;
    while !is_clean_text(rest.as_bytes()) {
        let front = rest.bytes().position(|byte| !is_clean(byte)).unwrap_or(rest.len());
        let (front, back) = rest.split_at(front);
        out.put(front.as_bytes());
        let Some(c) = back.chars().next() else { return };
        let short = match c {
            '"' | '\\' => Some(c as u8),
            '\u{8}' => Some(b'b'),
            '\u{c}' => Some(b'f'),
            '\n' => Some(b'n'),
            '\r' => Some(b'r'),
            '\t' => Some(b't'),
            _ => None,
        };
        match short {
            Some(short) => out.put(&[b'\\', short]),
            None => tame(out, c),
        }
        rest = back.get(c.len_utf8()..).unwrap_or_default();
    }
    out.put(rest.as_bytes());
}

/// Appends a character, as an escape if it does harm.
fn tame(out: &mut Buffer, c: char) {
    if is_harmful(c) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.put(b"\\u");
            for shift in [12, 8, 4, 0] {
                out.put(&[b"0123456789abcdef"[usize::from(*unit >> shift & 0xf)]]);
            }
        }
    } else {
        out.put(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Appends JSON from the wire. Characters that do harm stand in its strings only, where an escape means the same.
fn copy(out: &mut Buffer, json: &str) {
    let is_plain_ascii = |bytes: &[u8]| bytes.iter().fold(true, |plain, byte| plain & is_plain(*byte));
    if is_plain_ascii(json.as_bytes()) {
        out.put(json.as_bytes());
        return;
    }
    for c in json.chars() {
        // A tab stands between tokens.
        if c == '\t' { out.put(b"\t") } else { tame(out, c) }
    }
}

/// Puts what is displayed into a string.
struct Escape<'a>(&'a mut Buffer);

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

impl Serializer for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.put(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.out.number(value);
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u32(value.into())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u32(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.out.number(value);
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.out.number(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.float(&value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.float(&value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if std::mem::take(&mut self.raw) {
            copy(self.out, value);
        } else {
            self.string(value);
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.put(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    /// A name of this program, with nothing to escape.
    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.out.put(b"\"");
        self.out.put(variant.as_bytes());
        self.out.put(b"\"");
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, name: &'static str, value: &T) -> Result<(), Error> {
        self.raw = name == RAW;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.out.put(b"{");
        self.key(variant);
        value.serialize(&mut *self)?;
        self.out.put(b"}");
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        self.out.put(b"[");
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        self.out.put(b"[");
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.out.put(b"[");
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Self, Error> {
        self.out.put(b"{");
        self.key(variant);
        self.out.put(b"[");
        Ok(self)
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        self.out.put(b"{");
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.out.put(b"{");
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Self, Error> {
        self.out.put(b"{");
        self.key(variant);
        self.out.put(b"{");
        Ok(self)
    }

    fn collect_str<T: ?Sized + fmt::Display>(self, value: &T) -> Result<(), Error> {
        self.out.put(b"\"");
        // Writing to memory can't fail.
        let _ = write!(Escape(self.out), "{value}");
        self.out.put(b"\"");
        Ok(())
    }
}

impl SerializeSeq for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close(b']');
        Ok(())
    }
}

impl SerializeTuple for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close(b']');
        Ok(())
    }
}

impl SerializeTupleStruct for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close(b']');
        Ok(())
    }
}

impl SerializeTupleVariant for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close(b']');
        self.out.put(b"}");
        Ok(())
    }
}

impl SerializeMap for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Error> {
        let at = self.out.len();
        key.serialize(&mut **self)?;
        if self.out.bytes().get(at) != Some(&b'"') {
            return Err(Error::custom("a key has to be a string"));
        }
        self.out.put(b":");
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close(b'}');
        Ok(())
    }
}

impl SerializeStruct for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `key`")]
    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.key(name);
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.close(b'}');
        Ok(())
    }
}

impl SerializeStructVariant for &mut Compact<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.key(name);
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close(b'}');
        self.out.put(b"}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn compact(value: &(impl Serialize + ?Sized)) -> String {
        let mut out = Buffer::new();
        value.serialize(&mut Compact::new(&mut out)).expect("JSON has a form for it");
        out.text().to_owned()
    }

    #[test]
    fn what_a_terminal_may_obey_is_escaped_and_means_the_same() {
        let text = "a\u{1b}\u{7f}\u{9b}31m\u{202e}é\u{e0001}";
        let shown = compact(text);
        assert_eq!(shown, r#""a\u001b\u007f\u009b31m\u202eé\udb40\udc01""#);
        assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
    }

    #[test]
    fn json_from_the_wire_stays_what_it_is_and_does_no_harm() {
        assert_eq!(compact(&Raw(r#"{"t": 21.50,"u":"\u00e9\/"}"#)), r#"{"t": 21.50,"u":"\u00e9\/"}"#);
        assert_eq!(compact(&Raw("{\t\"é\u{202e}\":\t1}")), "{\t\"é\\u202e\":\t1}");
        assert_eq!(compact(&[Raw("1"), Raw("2")]), "[1,2]");
        assert_eq!(compact(&(Raw("1"), "2")), r#"[1,"2"]"#);
    }

    /// One of each form that a record may take.
    #[derive(serde::Serialize)]
    enum Form {
        Unit,
        One(Option<u8>),
        Two(i64, char),
        Named { yes: bool, bytes: [u8; 2] },
    }

    #[derive(serde::Serialize)]
    struct All<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        nothing: Option<u8>,
        text: &'a str,
        empty: [u8; 0],
        no_entries: BTreeMap<String, u8>,
        forms: [Form; 5],
        #[serde(flatten)]
        entries: BTreeMap<&'a str, f64>,
        small: f32,
        none: (),
    }

    proptest! {
        #[test]
        fn it_is_the_json_of_serde_json(text in "[ -~\t\n\r\u{8}\u{c}\u{1}é温😀]{0,40}", number in any::<f64>(), integer in any::<i64>()) {
            let forms = [
                Form::Unit,
                Form::One(None),
                Form::One(Some(integer as u8)),
                Form::Two(integer, '"'),
                Form::Named { yes: integer > 0, bytes: [0, 255] },
            ];
            let record = All {
                nothing: None,
                text: &text,
                empty: [],
                no_entries: BTreeMap::new(),
                forms,
                entries: [(text.as_str(), number), ("whole", integer as f64)].into(),
                small: number as f32,
                none: (),
            };
            prop_assert_eq!(compact(&record), serde_json::to_string(&record).expect("JSON has a form for it"));
        }
    }

    #[test]
    fn a_map_with_other_keys_is_refused() {
        assert!(BTreeMap::from([(1, 2)]).serialize(&mut Compact::new(&mut Buffer::new())).is_err());
    }
}
