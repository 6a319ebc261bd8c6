//! Fields of TLS: of its records, and of what both ends say in the clear. A record that spans several segments has its
//! fields in the last.

use std::borrow::Cow;

use super::FrameRow;
use super::header::Take;
use crate::engine::CarrierLine;
use crate::field::value::Value;

fn numbers<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>, number: impl Fn(&'a CarrierLine) -> Option<u16>) {
    row.view.carried.iter().filter_map(number).map(|number| Value::Unsigned(number.into())).for_each(take);
}

fn record(line: &CarrierLine) -> Option<(u8, u16, u16)> {
    match line {
        CarrierLine::Record { kind, version, length } => Some((*kind, *version, *length)),
        _ => None,
    }
}

pub(in crate::field) fn is_there<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let headers = row.view.carried.iter().filter_map(record).map(|(kind, version, length)| {
        let ([major, minor], [high, low]) = (version.to_be_bytes(), length.to_be_bytes());
        Value::Bytes(Cow::Owned(vec![kind, major, minor, high, low]))
    });
    headers.for_each(take);
}

pub(in crate::field) fn content_type<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    numbers(row, take, |line| record(line).map(|(kind, ..)| kind.into()));
}

pub(in crate::field) fn record_version<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    numbers(row, take, |line| record(line).map(|(_, version, _)| version));
}

pub(in crate::field) fn length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    numbers(row, take, |line| record(line).map(|(.., length)| length));
}

pub(in crate::field) fn handshake_type<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    numbers(row, take, |line| match line {
        CarrierLine::ClientHello(_) => Some(1),
        CarrierLine::ServerHello(_) => Some(2),
        _ => None,
    });
}

/// What both hellos have lists or single ones of.
fn lists<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>, list: impl Fn(&'a CarrierLine) -> &'a [u16]) {
    let all = row.view.carried.iter().flat_map(|line| list(line).iter());
    all.map(|number| Value::Unsigned((*number).into())).for_each(take);
}

pub(in crate::field) fn suite<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    lists(row, take, |line| match line {
        CarrierLine::ClientHello(hello) => &hello.suites,
        CarrierLine::ServerHello(hello) => std::slice::from_ref(&hello.suite),
        _ => &[],
    });
}

pub(in crate::field) fn extension<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    lists(row, take, |line| match line {
        CarrierLine::ClientHello(hello) => &hello.extensions,
        CarrierLine::ServerHello(hello) => &hello.extensions,
        _ => &[],
    });
}

pub(in crate::field) fn server_name<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let hides = row.extractor.redacted;
    let names = row.view.carried.iter().filter_map(|line| match line {
        CarrierLine::ClientHello(hello) => hello.server_name.as_deref(),
        _ => None,
    });
    let shown = names.map(|name| if hides { Cow::Owned(vec![b'*'; name.len()]) } else { Cow::Borrowed(name) });
    shown.map(Value::Text).for_each(take);
}

pub(in crate::field) fn alpn<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let names = row.view.carried.iter().flat_map(|line| match line {
        CarrierLine::ClientHello(hello) => hello.alpn.as_slice(),
        CarrierLine::ServerHello(hello) => hello.alpn.as_slice(),
        _ => &[],
    });
    names.map(|name| Value::Text(Cow::Borrowed(&**name))).for_each(take);
}

pub(in crate::field) fn alert_level<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    numbers(row, take, |line| match line {
        CarrierLine::Alert(level, _) => Some((*level).into()),
        _ => None,
    });
}

pub(in crate::field) fn alert_description<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    numbers(row, take, |line| match line {
        CarrierLine::Alert(_, description) => Some((*description).into()),
        _ => None,
    });
}
