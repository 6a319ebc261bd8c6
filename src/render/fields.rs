//! The tree of a message's fields for people: a line for each, with the place of its bytes.

use super::payload::{Hex, PayloadOptions};
use super::tree::Tree;
use super::width::{Count, Style, wrap};
use crate::field::{Registry, value_text};
use crate::mqtt::{FieldNode, FieldValue};
use crate::neighbour::{Reading, Value};
use crate::text::Escaped;

/// Columns of the places: `1234567 @1500+1200` fits.
const PLACE: usize = 18;

/// Columns of the names with what stands before them, so that the values stand in a column.
const NAME: usize = 26;

/// The same for the names of other protocols, which begin with these.
const LONG_NAME: usize = 36;

/// Parts of a field that are listed; of more their number is told.
const MAX_PARTS: usize = 8;

/// Bytes of binary data that are shown.
const MAX_BYTES: usize = 16;

/// A line of the tree, and whether it is about something that is wrong.
pub(super) type Row = (String, bool);

/// The lines of a message's tree.
pub(super) fn rows(tree: Tree<'_>, options: PayloadOptions, style: Style) -> impl Iterator<Item = Row> {
    let width = style.width.map_or(usize::MAX, |width| width.max(Style::LEAST_WIDTH) - PLACE - 8);
    let count = tree.nodes().len();
    (0..count).flat_map(move |index| {
        let mut lines = Vec::new();
        if let Some(node) = tree.nodes().get(index) {
            let has_bits = node.mask.is_none() && tree.nodes().get(index + 1).is_some_and(|next| next.mask.is_some());
            node_lines(&mut lines, &tree, node, has_bits, options);
            let indent = 2 * usize::from(node.depth);
            for deviation in tree.deviations_of(index) {
                let text = format!("{} [{}]", deviation.message, deviation.clause);
                for (number, line) in wrap(&text, width - indent).into_iter().enumerate() {
                    let mark = if number == 0 { '!' } else { ' ' };
                    lines.push((format!("{:PLACE$}  {:indent$}{mark} {line}", "", ""), true));
                }
            }
        }
        lines
    })
}

fn node_lines(lines: &mut Vec<Row>, tree: &Tree<'_>, node: &FieldNode<'_>, has_bits: bool, options: PayloadOptions) {
    // Bits are where their byte is.
    let mut parts = node.mask.is_none().then(|| tree.parts(node.offset, node.length)).into_iter().flatten();
    let place = |part: crate::mqtt::Piece| {
        let frame = part.place.origin.frame;
        match part.place.offset {
            Some(offset) => format!("{frame} @{offset}+{}", part.length),
            None => format!("{frame} @?+{}", part.length),
        }
    };
    let mut name = "  ".repeat(node.depth.into());
    if let Some(mask) = node.mask {
        name.push_str(&bits(mask, node.value));
        name.push(' ');
    }
    name.push_str(node.name);
    let value = value(tree, node, has_bits, options);
    let first = parts.next().map(place).unwrap_or_default();
    lines.push((format!("{first:>PLACE$}  {name:<NAME$} {value}").trim_end().to_owned(), false));
    let more: Vec<_> = parts.by_ref().take(MAX_PARTS - 1).collect();
    lines.extend(more.into_iter().map(|part| (format!("{:>PLACE$}", place(part)), false)));
    let left = parts.count();
    if left > 0 {
        lines.push((format!("{:>PLACE$}", format!("… {left} more")), false));
    }
}

/// The bits of a byte that a field has, with points for the others.
fn bits(mask: u8, value: FieldValue<'_>) -> String {
    let number = match value {
        FieldValue::Number(number) | FieldValue::Code(number, _) => number,
        FieldValue::Flag(flag) => u32::from(flag),
        FieldValue::Nothing
        | FieldValue::Text(_)
        | FieldValue::Bytes(_)
        | FieldValue::Payload(_)
        | FieldValue::Secret(_) => 0,
    };
    let byte = number << mask.trailing_zeros();
    let bit = |at: u32| match (mask >> at & 1, byte >> at & 1) {
        (0, _) => '.',
        (_, 0) => '0',
        _ => '1',
    };
    (0..8).rev().map(bit).collect()
}

fn value(tree: &Tree<'_>, node: &FieldNode<'_>, has_bits: bool, options: PayloadOptions) -> String {
    let mut text = match node.value {
        FieldValue::Nothing if is_group(node) => String::new(),
        // Behind a hole the bytes are there, but a field that began before it is not read across it.
        FieldValue::Nothing if node.name == FieldNode::MISSING && (1..node.length).contains(&tree.hole()) => {
            let behind = node.length - tree.hole();
            format!("{}, then {behind} behind the hole", Count(tree.hole().into(), "byte"))
        }
        FieldValue::Nothing => Count(node.length.into(), "byte").to_string(),
        FieldValue::Number(number) if has_bits => format!("0x{number:02x}"),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => (if flag { "yes" } else { "no" }).to_owned(),
        FieldValue::Code(code, Some(meaning)) => format!("{code} {meaning}"),
        FieldValue::Code(code, None) => code.to_string(),
        FieldValue::Text(text) => Escaped(text).to_string(),
        FieldValue::Bytes([]) => String::new(),
        FieldValue::Bytes(bytes) => {
            let shown = bytes.get(..MAX_BYTES).unwrap_or(bytes);
            format!("0x{}{}", Hex(shown), if shown.len() < bytes.len() { "…" } else { "" })
        }
        FieldValue::Payload(bytes) => tree.payload(node, bytes, options),
        FieldValue::Secret(secret) => format!("({}, not shown)", Count(secret.length() as u64, "byte")),
    };
    if node.cut {
        text.push_str("  (cut)");
    }
    text
}

/// Whether a node is there for those below it.
fn is_group(node: &FieldNode<'_>) -> bool {
    let special = [FieldNode::NOT_UNDERSTOOD, FieldNode::TRAILING, FieldNode::MISSING, FieldNode::NOT_LISTED];
    !node.cut && !special.contains(&node.name)
}

/// The lines of a message of another protocol: its fields by their names, those without a value left out. Where their bytes
/// stand is not known of them.
pub(super) fn rows_of_reading(reading: &Reading) -> impl Iterator<Item = String> {
    reading.values.iter().filter(|(_, value)| *value != Value::Present).map(|(name, value)| {
        let field = Registry::find(name);
        let text = field.map(|(_, field)| value_text(field, &value.into())).unwrap_or_default();
        format!("{:PLACE$}  {name:<LONG_NAME$} {}", "", Escaped(text.as_bytes())).trim_end().to_owned()
    })
}
