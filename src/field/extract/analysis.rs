//! Fields of Wireshark's analysis of TCP, where the engine was asked for it.

use super::header::{Header, Take};
use crate::field::value::Value;
use crate::flow::{Since, WiresharkFlags as Flags, WiresharkVerdict};

/// What Wireshark says of the segment that begins here.
const fn verdict<'a>(header: &Header<'a>) -> Option<&'a WiresharkVerdict> {
    if header.quoted { None } else { header.view().wireshark }
}

pub(in crate::field) fn is_there<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if verdict(header).is_some_and(|verdict| *verdict != WiresharkVerdict::default()) {
        take(Value::Label);
    }
}

pub(in crate::field) fn has_flags<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if verdict(header).is_some_and(|verdict| !verdict.flags.without(Flags::FAST_OPEN).is_empty()) {
        take(Value::Label);
    }
}

fn take_frame(since: Option<Since>, take: Take<'_, '_>) {
    if let Some(since) = since {
        take(Value::Unsigned(since.frame.0));
    }
}

/// A time of nothing is not told.
fn take_time(since: Option<Since>, take: Take<'_, '_>) {
    if let Some(since) = since.filter(|since| since.time.as_nanos() != 0) {
        take(Value::Duration(since.time));
    }
}

pub(in crate::field) fn acks_frame<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_frame(verdict(header).and_then(|verdict| verdict.acks), take);
}

pub(in crate::field) fn ack_rtt<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_time(verdict(header).and_then(|verdict| verdict.acks), take);
}

pub(in crate::field) fn rto_frame<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_frame(verdict(header).and_then(|verdict| verdict.rto), take);
}

pub(in crate::field) fn rto<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    take_time(verdict(header).and_then(|verdict| verdict.rto), take);
}

pub(in crate::field) fn initial_rtt<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(time) = verdict(header).and_then(|verdict| verdict.initial_rtt) {
        take(Value::Duration(time));
    }
}

pub(in crate::field) fn bytes_in_flight<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(bytes) = verdict(header).and_then(|verdict| verdict.bytes_in_flight) {
        take(Value::Unsigned(bytes.into()));
    }
}

pub(in crate::field) fn push_bytes<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(bytes) = verdict(header).and_then(|verdict| verdict.push_bytes) {
        take(Value::Unsigned(bytes.into()));
    }
}

pub(in crate::field) fn duplicate_number<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some((number, _)) = verdict(header).and_then(|verdict| verdict.duplicate_ack) {
        take(Value::Unsigned(number.into()));
    }
}

pub(in crate::field) fn duplicate_frame<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some((_, frame)) = verdict(header).and_then(|verdict| verdict.duplicate_ack) {
        take(Value::Unsigned(frame.0));
    }
}
