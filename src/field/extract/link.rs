//! Fields of Ethernet, VLAN tags and ARP.

use std::borrow::Cow;

use super::header::{Header, Take, take_chunk, take_text};
use super::layers::SERVICE_TAG;
use crate::field::value::Value;
use crate::wire::Layer;

/// Numbers up to this are lengths (IEEE 802.3).
const LARGEST_LENGTH: u64 = 1500;

/// The least length of an Ethernet frame without its check sequence (IEEE 802.3).
const LEAST_FRAME: usize = 60;

fn address<'a>(header: &Header<'a>, at: usize, take: Take<'_, 'a>) {
    if let Some([a, b, c, d, e, f]) = header.bytes(at, 6) {
        take_text(&format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"), take);
    }
}

pub(in crate::field) fn destination_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    address(header, 0, take);
}

pub(in crate::field) fn source_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    address(header, 6, take);
}

pub(in crate::field) fn addresses_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    address(header, 0, take);
    address(header, 6, take);
}

pub(in crate::field) fn ether_type<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(number) = header.number(12, 2).filter(|number| *number > LARGEST_LENGTH) {
        take(Value::Unsigned(number));
    }
}

pub(in crate::field) fn length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(number) = header.number(12, 2).filter(|number| *number <= LARGEST_LENGTH) {
        take(Value::Unsigned(number));
    }
}

/// What stands behind a packet that is shorter than the least frame, if it is nothing but padding.
pub(in crate::field) fn padding<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.length > LEAST_FRAME {
        return;
    }
    let Some(inner) = header.row.extractor.layers.after(header) else { return };
    let start = 14;
    let inside = match (inner.layer, header.number(12, 2)) {
        (Layer::Ipv4, Some(0x0800)) => header.number(start + 2, 2),
        (Layer::Ipv6, Some(0x86dd)) => header.number(start + 4, 2).map(|length| length + 40),
        (Layer::Arp, Some(0x0806)) => Some(28),
        _ => None,
    };
    let Some(inside) = inside.filter(|length| *length > 0) else { return };
    if let Some(padding) = header
        .data
        .get(start + inside as usize..)
        .filter(|padding| !padding.is_empty() && padding.iter().all(|byte| *byte == 0))
    {
        take(Value::Bytes(Cow::Borrowed(padding)));
    }
}

/// The control information of a tag, if it is one of the customer's (or, else, one of the service's).
fn tag(header: &Header<'_>, service: bool) -> Option<u64> {
    if (header.kind == SERVICE_TAG) == service { header.number(0, 2) } else { None }
}

pub(in crate::field) fn customer_tag<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if tag(header, false).is_some() {
        take(header.whole());
    }
}

pub(in crate::field) fn service_tag<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if tag(header, true).is_some() {
        take(header.whole());
    }
}

macro_rules! tags {
    ($($name:ident $service:literal $value:expr;)*) => {
        $(pub(in crate::field) fn $name<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
            if let Some(tag) = tag(header, $service) {
                let value: fn(u64) -> Value<'static> = $value;
                take(value(tag));
            }
        })*
    };
}

tags! {
    tag_id false |tag| Value::Unsigned(tag & 0xfff);
    tag_priority false |tag| Value::Unsigned(tag >> 13);
    tag_dei false |tag| Value::Boolean(tag & 0x1000 != 0);
    service_id true |tag| Value::Unsigned(tag & 0xfff);
    service_priority true |tag| Value::Unsigned(tag >> 13);
    service_dei true |tag| Value::Boolean(tag & 0x1000 != 0);
}

pub(in crate::field) fn tag_type<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if header.kind != SERVICE_TAG {
        header.take_number(2, 2, take);
    }
}

/// Whether addresses are Ethernet's and IPv4's.
fn is_usual(header: &Header<'_>) -> bool {
    header.bytes(4, 2) == Some(&[6, 4])
}

fn mac<'a>(header: &Header<'a>, at: usize, take: Take<'_, 'a>) {
    if let Some(raw) = header.bytes(at, 6).filter(|_| is_usual(header)) {
        take_chunk(raw, Value::Ethernet, take);
    }
}

fn ipv4<'a>(header: &Header<'a>, at: usize, take: Take<'_, 'a>) {
    if let Some(raw) = header.bytes(at, 4).filter(|_| is_usual(header)) {
        take_chunk(raw, |raw: [u8; 4]| Value::Ipv4(raw.into()), take);
    }
}

pub(in crate::field) fn arp_sender_mac<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    mac(header, 8, take);
}

pub(in crate::field) fn arp_sender<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    ipv4(header, 14, take);
}

pub(in crate::field) fn arp_target_mac<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    mac(header, 18, take);
}

pub(in crate::field) fn arp_target<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    ipv4(header, 24, take);
}

/// Shown only where it is so.
pub(in crate::field) fn arp_gratuitous<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if is_usual(header) && header.bytes(14, 4).is_some_and(|sender| header.bytes(24, 4) == Some(sender)) {
        take(Value::Boolean(true));
    }
}
