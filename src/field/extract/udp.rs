//! Fields of UDP.

use std::borrow::Cow;

use super::asterisks;
use super::header::{Header, Take, checksum_number};
use crate::field::value::Value;
use crate::wire::{Datagram, Payload};

/// What was decoded of the datagram that begins here; of one that is a tunnel there is nothing.
const fn datagram<'a>(header: &Header<'a>) -> Option<&'a Datagram<'a>> {
    match &header.view().packet.payload {
        Payload::Udp(datagram) if !header.quoted => Some(datagram),
        _ => None,
    }
}

pub(in crate::field) fn length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    header.take_number(4, 2, take);
}

pub(in crate::field) fn checksum<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    header.take_number(6, 2, take);
}

pub(in crate::field) fn checksum_status<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let Some(field) = header.number(6, 2) else { return };
    let status = match datagram(header) {
        // No checksum was made.
        _ if field == 0 => 3,
        Some(datagram) => checksum_number(datagram.checksum),
        None => 2,
    };
    take(Value::Unsigned(status));
}

pub(in crate::field) fn stream<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(facts) = header.datagram {
        take(Value::Unsigned(facts.number.into()));
    }
}

pub(in crate::field) fn time_relative<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some((since_first, _)) = header.datagram.and_then(|facts| facts.times) {
        take(Value::Duration(since_first));
    }
}

pub(in crate::field) fn time_delta<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some((_, since_last)) = header.datagram.and_then(|facts| facts.times) {
        take(Value::Duration(since_last));
    }
}

pub(in crate::field) fn payload<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let length = header.number(4, 2).map_or(0, |length| length as usize);
    let end = if length < 8 { header.data.len() } else { length.min(header.data.len()) };
    if let Some(payload) = header.data.get(8..end).filter(|payload| !payload.is_empty()) {
        take(if header.row.extractor.redacted { asterisks(payload) } else { Value::Bytes(Cow::Borrowed(payload)) });
    }
}
