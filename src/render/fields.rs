//! The tree of a message's fields for people: a line for each, with the place of its bytes.

use super::payload::{Hex, InLine, PayloadBytes, PayloadOptions};
use super::width::{Count, Style, wrap};
use crate::dissect::Message;
use crate::mqtt::{Body, FieldNode, FieldValue, Fields, Properties};
use crate::text::Escaped;

/// Columns of the places: `1234567 @1500+1200` fits.
const PLACE: usize = 18;

/// Columns of the names with what stands before them, so that the values stand in a column.
const NAME: usize = 26;

/// Parts of a field that are listed; of more their number is told.
const MAX_PARTS: usize = 8;

/// Bytes of binary data that are shown.
const MAX_BYTES: usize = 16;

/// A line of the tree, and whether it is about something that is wrong.
pub(super) type Row = (String, bool);

/// The lines of a message's tree.
pub(super) fn rows(message: &Message<'_>, options: PayloadOptions, style: Style) -> impl Iterator<Item = Row> {
    let width = style.width.map_or(usize::MAX, |width| width.max(Style::LEAST_WIDTH) - PLACE - 8);
    let fields = Fields::of(&message.packet);
    let count = fields.nodes().len();
    (0..count).flat_map(move |index| {
        let mut lines = Vec::new();
        if let Some(node) = fields.nodes().get(index) {
            let has_bits = node.mask.is_none() && fields.nodes().get(index + 1).is_some_and(|next| next.mask.is_some());
            node_lines(&mut lines, message, node, has_bits, options);
            let indent = 2 * usize::from(node.depth);
            for deviation in fields.deviations_of(index) {
                let clause = deviation.kind.clause(message.packet.version);
                let text = format!("{} [{clause}]", deviation.kind.describe());
                for (number, line) in wrap(&text, width - indent).into_iter().enumerate() {
                    let mark = if number == 0 { '!' } else { ' ' };
                    lines.push((format!("{:PLACE$}  {:indent$}{mark} {line}", "", ""), true));
                }
            }
        }
        lines
    })
}

fn node_lines(
    lines: &mut Vec<Row>,
    message: &Message<'_>,
    node: &FieldNode<'_>,
    has_bits: bool,
    options: PayloadOptions,
) {
    // Bits are where their byte is.
    let mut parts = node.mask.is_none().then(|| message.parts(node.offset, node.length)).into_iter().flatten();
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
    let value = value(message, node, has_bits, options);
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

fn value(message: &Message<'_>, node: &FieldNode<'_>, has_bits: bool, options: PayloadOptions) -> String {
    let mut text = match node.value {
        FieldValue::Nothing if is_group(node) => String::new(),
        // Behind a hole the bytes are there, but a field that began before it is not read across it.
        FieldValue::Nothing if node.name == FieldNode::MISSING && (1..node.length).contains(&message.missing) => {
            let behind = node.length - message.missing;
            format!("{}, then {behind} behind the hole", Count(message.missing.into(), "byte"))
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
        FieldValue::Payload(bytes) => payload(message, node, bytes, options),
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

fn payload(message: &Message<'_>, node: &FieldNode<'_>, bytes: &[u8], options: PayloadOptions) -> String {
    let packet = &message.packet;
    let (topic, properties, length) = match &packet.body {
        Body::Publish(publish) => (message.topic, publish.properties, publish.payload_length),
        Body::Connect(connect) => {
            let will = connect.will.as_ref();
            (will.map(|will| will.topic), will.map_or_else(Properties::default, |will| will.properties), None)
        }
        Body::ConnAck(_)
        | Body::Ack(_)
        | Body::Subscribe(_)
        | Body::SubAck(_)
        | Body::Unsubscribe(_)
        | Body::UnsubAck(_)
        | Body::Ping
        | Body::Disconnect(_)
        | Body::Auth(_)
        | Body::Reserved(_) => (None, Properties::default(), None),
    };
    let length = length.unwrap_or(node.length);
    InLine(PayloadBytes { bytes, length, topic, properties }, options).to_string()
}
