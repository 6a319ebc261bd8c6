//! Fields of WebSocket frames. A frame that spans several segments has its fields in the last.

use std::borrow::Cow;

use super::FrameRow;
use super::header::Take;
use crate::dissect::{FrameHeader, Opcode};
use crate::engine::CarrierLine;
use crate::field::value::Value;

fn frames<'a>(row: &'a FrameRow<'a>) -> impl Iterator<Item = (&'a FrameHeader, &'a [u8])> {
    row.view.carried.iter().filter_map(|line| match line {
        CarrierLine::Frame(header, control) => Some((header, &**control)),
        _ => None,
    })
}

fn each<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>, value: impl Fn(&FrameHeader) -> Option<Value<'a>>) {
    frames(row).filter_map(|(header, _)| value(header)).for_each(take);
}

pub(in crate::field) fn is_there<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    // Its bytes are told without the mask, by the fields of what it carries.
    let header = |header: &FrameHeader| {
        let mut bytes = vec![u8::from(header.fin) << 7 | header.reserved << 4 | header.opcode.0];
        let short = match header.payload_length {
            0..126 => header.payload_length as u8,
            126..0x1_0000 => 126,
            _ => 127,
        };
        bytes.push(u8::from(header.key.is_some()) << 7 | short);
        Some(Value::Bytes(Cow::Owned(bytes)))
    };
    each(row, take, header);
}

pub(in crate::field) fn fin<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| Some(Value::Boolean(header.fin)));
}

pub(in crate::field) fn reserved<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| Some(Value::Unsigned(header.reserved.into())));
}

/// Wireshark has it where compression was agreed on; here it is there wherever the bit is.
pub(in crate::field) fn compressed<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| (header.reserved & 4 != 0).then_some(Value::Boolean(true)));
}

pub(in crate::field) fn opcode<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| Some(Value::Unsigned(header.opcode.0.into())));
}

pub(in crate::field) fn mask<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| Some(Value::Boolean(header.key.is_some())));
}

pub(in crate::field) fn masking_key<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| header.key.map(|key| Value::Bytes(Cow::Owned(key.to_vec()))));
}

/// Seven bits, as they stand there: 126 and 127 say that the length is in the field behind.
pub(in crate::field) fn payload_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let short = |header: &FrameHeader| match header.length - if header.key.is_some() { 4 } else { 0 } {
        2 => header.payload_length,
        4 => 126,
        _ => 127,
    };
    each(row, take, |header| Some(Value::Unsigned(short(header))));
}

fn extended(header: &FrameHeader, length: u8) -> Option<Value<'static>> {
    let own = header.length - if header.key.is_some() { 4 } else { 0 };
    (own == length).then_some(Value::Unsigned(header.payload_length))
}

pub(in crate::field) fn payload_length_16<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| extended(header, 4));
}

pub(in crate::field) fn payload_length_64<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |header| extended(header, 10));
}

/// What control frames of a kind carry, from a place on.
fn control<'a>(row: &'a FrameRow<'a>, opcode: Opcode, from: usize) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let redacted = row.extractor.redacted;
    let payloads = frames(row).filter(move |(header, _)| header.opcode == opcode);
    let parts = payloads.filter_map(move |(_, control)| control.get(from..).filter(|part| !part.is_empty()));
    parts.map(move |part| if redacted { Cow::Owned(vec![b'*'; part.len()]) } else { Cow::Borrowed(part) })
}

pub(in crate::field) fn ping<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    control(row, Opcode::PING, 0).map(Value::Bytes).for_each(take);
}

pub(in crate::field) fn pong<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    control(row, Opcode::PONG, 0).map(Value::Bytes).for_each(take);
}

pub(in crate::field) fn close_code<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let closes = frames(row).filter(|(header, _)| header.opcode == Opcode::CLOSE);
    let codes = closes.filter_map(|(_, control)| control.first_chunk().map(|code| u16::from_be_bytes(*code)));
    codes.map(|code| Value::Unsigned(code.into())).for_each(take);
}

pub(in crate::field) fn close_reason<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    control(row, Opcode::CLOSE, 2).map(Value::Text).for_each(take);
}
