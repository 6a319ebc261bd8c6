//! Fields of the options of TCP.

use std::borrow::Cow;

use super::header::{Header, Take};
use crate::field::value::Value;

/// The bytes of the options, as far as captured.
fn space<'a>(header: &Header<'a>) -> &'a [u8] {
    let Some(segment) = header.segment() else { return &[] };
    let space = segment.options.0;
    space.get(..usize::from(segment.header_length).saturating_sub(20)).unwrap_or(space)
}

/// Each option with its kind and length.
fn each<'a>(header: &Header<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let mut rest = space(header);
    std::iter::from_fn(move || {
        let length = match rest {
            // The end of the list and the no-operation have no length (RFC 9293, section 3.1).
            [0 | 1, ..] => 1,
            [_, length, ..] if *length >= 2 => usize::from(*length),
            _ => return None,
        };
        let option = rest.get(..length)?;
        rest = rest.get(length..)?;
        // What follows the end of the list is padding; Wireshark takes each byte of it for another end.
        if option == [0] && rest.first().is_some_and(|next| *next != 0) {
            rest = &[];
        }
        Some(option)
    })
}

fn of_kind<'a>(header: &Header<'a>, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    each(header).filter(move |option| option.first() == Some(&kind))
}

fn take_bytes<'a>(bytes: &'a [u8], take: Take<'_, 'a>) {
    take(Value::Bytes(Cow::Borrowed(bytes)));
}

pub(in crate::field) fn all<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let space = space(header);
    if !space.is_empty() {
        take_bytes(space, take);
    }
}

pub(in crate::field) fn kinds<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    each(header).filter_map(<[u8]>::first).for_each(|kind| take(Value::Unsigned((*kind).into())));
}

pub(in crate::field) fn lengths<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    each(header).filter_map(|option| option.get(1)).for_each(|length| take(Value::Unsigned((*length).into())));
}

fn take_all<'a>(header: &Header<'a>, kind: u8, take: Take<'_, 'a>) {
    of_kind(header, kind).for_each(|option| take_bytes(option, take));
}

pub(in crate::field) fn end_of_list<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 0, take);
}

pub(in crate::field) fn no_operation<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 1, take);
}

pub(in crate::field) fn mss<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 2, take);
}

pub(in crate::field) fn mss_value<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 2) {
        if let [_, 4, high, low] = *option {
            take(Value::Unsigned(u16::from_be_bytes([high, low]).into()));
        }
    }
}

pub(in crate::field) fn window_scale<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 3, take);
}

pub(in crate::field) fn shift<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 3) {
        if let [_, 3, shift] = *option {
            take(Value::Unsigned(shift.into()));
        }
    }
}

pub(in crate::field) fn multiplier<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 3) {
        if let [_, 3, shift] = *option {
            // RFC 7323, section 2.3: a shift above 14 is used as 14.
            take(Value::Unsigned(1 << shift.min(14)));
        }
    }
}

pub(in crate::field) fn sack_permitted<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 4, take);
}

pub(in crate::field) fn sack<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 5, take);
}

/// The blocks of all SACK options, counted like acknowledgement numbers.
fn blocks<'a>(header: &Header<'a>) -> impl Iterator<Item = (u32, u32)> + use<'a> {
    let base = header.facts().map_or(0, |facts| facts.peer_base);
    of_kind(header, 5).flat_map(|option| option.get(2..).unwrap_or_default().chunks_exact(8)).filter_map(move |block| {
        let (left, right) = (block.first_chunk()?, block.last_chunk()?);
        Some((u32::from_be_bytes(*left).wrapping_sub(base), u32::from_be_bytes(*right).wrapping_sub(base)))
    })
}

pub(in crate::field) fn left_edges<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    blocks(header).for_each(|(left, _)| take(Value::Unsigned(left.into())));
}

pub(in crate::field) fn right_edges<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    blocks(header).for_each(|(_, right)| take(Value::Unsigned(right.into())));
}

pub(in crate::field) fn block_count<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 5) {
        take(Value::Unsigned((option.len() as u64 - 2) / 8));
    }
}

/// The first block, where it ends at or below the acknowledgement number or within the second (RFC 2883, section 4).
fn duplicate(header: &Header<'_>) -> Option<(u32, u32)> {
    let mut blocks = blocks(header);
    let first = blocks.next()?;
    let base = header.facts().map_or(0, |facts| facts.peer_base);
    let ack = header.segment()?.ack.0.wrapping_sub(base);
    let before = |a: u32, b: u32| (a.wrapping_sub(b) as i32) < 0;
    let below = !before(ack, first.1);
    let within = blocks.next().is_some_and(|second| before(second.0, first.1) && !before(second.1, first.1));
    (below || within).then_some(first)
}

pub(in crate::field) fn duplicate_left<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some((left, _)) = duplicate(header) {
        take(Value::Unsigned(left.into()));
    }
}

pub(in crate::field) fn duplicate_right<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some((_, right)) = duplicate(header) {
        take(Value::Unsigned(right.into()));
    }
}

pub(in crate::field) fn is_duplicate<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if duplicate(header).is_some() {
        take(Value::Label);
    }
}

pub(in crate::field) fn timestamp<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_all(header, 8, take);
}

pub(in crate::field) fn ts_value<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 8) {
        if let [_, 10, a, b, c, d, ..] = *option {
            take(Value::Unsigned(u32::from_be_bytes([a, b, c, d]).into()));
        }
    }
}

pub(in crate::field) fn ts_echo<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 8) {
        if let [_, 10, _, _, _, _, a, b, c, d] = *option {
            take(Value::Unsigned(u32::from_be_bytes([a, b, c, d]).into()));
        }
    }
}

pub(in crate::field) fn md5<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    of_kind(header, 19).filter_map(|option| option.get(2..)).for_each(|digest| take_bytes(digest, take));
}

/// The Fast Open cookies, also those of experiments with the option (RFC 7413, section 4.1.1); empty ones ask for one.
fn cookies<'a>(header: &Header<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    each(header).filter_map(|option| match option {
        [34, _, cookie @ ..] | [254, _, 0xf9, 0x89, cookie @ ..] => Some(cookie),
        _ => None,
    })
}

pub(in crate::field) fn cookie<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    cookies(header).filter(|cookie| !cookie.is_empty()).for_each(|cookie| take_bytes(cookie, take));
}

pub(in crate::field) fn cookie_request<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    cookies(header).filter(|cookie| cookie.is_empty()).for_each(|_| take(Value::Label));
}

pub(in crate::field) fn experiment<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in each(header) {
        if let [253 | 254, _, high, low, ..] = *option {
            take(Value::Unsigned(u16::from_be_bytes([high, low]).into()));
        }
    }
}

pub(in crate::field) fn multipath_subtype<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    for option in of_kind(header, 30) {
        if let Some(first) = option.get(2) {
            take(Value::Unsigned(u64::from(first >> 4)));
        }
    }
}
