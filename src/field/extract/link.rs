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

/// An address of a message, by its place among the four (RFC 826): hardware and protocol of the sender, then of the target.
fn arp_address<'a>(header: &Header<'a>, nth: usize) -> Option<&'a [u8]> {
    let [hardware, protocol] = *header.bytes(4, 2)? else { return None };
    let sizes = [hardware, protocol, hardware, protocol].map(usize::from);
    header.bytes(8 + sizes.iter().take(nth).sum::<usize>(), *sizes.get(nth)?)
}

/// Hardware addresses of type 6 (IEEE 802) are like those of Ethernet (RFC 5494).
fn has_macs(header: &Header<'_>) -> bool {
    matches!(header.number(0, 2), Some(1 | 6)) && header.bytes(4, 1) == Some(&[6])
}

fn has_ipv4(header: &Header<'_>) -> bool {
    header.number(2, 2) == Some(0x0800) && header.bytes(5, 1) == Some(&[4])
}

macro_rules! arp_addresses {
    ($($name:ident $nth:literal $fits:expr => $value:expr;)*) => {
        $(pub(in crate::field) fn $name<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
            let fits: fn(&Header<'_>) -> bool = $fits;
            if let Some(address) = arp_address(header, $nth).filter(|address| !address.is_empty() && fits(header)) {
                take_chunk(address, $value, take);
            }
        })*
    };
}

arp_addresses! {
    arp_sender_mac 0 has_macs => Value::Ethernet;
    arp_sender 1 has_ipv4 => |raw: [u8; 4]| Value::Ipv4(raw.into());
    arp_target_mac 2 has_macs => Value::Ethernet;
    arp_target 3 has_ipv4 => |raw: [u8; 4]| Value::Ipv4(raw.into());
}

/// Addresses of other kinds are bytes.
fn other<'a>(header: &Header<'a>, nth: usize, is_usual: bool, take: Take<'_, 'a>) {
    if let Some(address) = arp_address(header, nth).filter(|address| !is_usual && !address.is_empty()) {
        take(Value::Bytes(Cow::Borrowed(address)));
    }
}

pub(in crate::field) fn arp_sender_hardware<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    other(header, 0, has_macs(header), take);
}

pub(in crate::field) fn arp_sender_protocol<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    other(header, 1, has_ipv4(header), take);
}

pub(in crate::field) fn arp_target_hardware<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    other(header, 2, has_macs(header), take);
}

pub(in crate::field) fn arp_target_protocol<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    other(header, 3, has_ipv4(header), take);
}

/// Whether all bytes of an address of the message are zeros.
fn is_empty(header: &Header<'_>, nth: usize) -> bool {
    arp_address(header, nth).is_some_and(|address| address.iter().all(|byte| *byte == 0))
}

fn tells_itself(header: &Header<'_>, operations: &[u64]) -> bool {
    header.number(6, 2).is_some_and(|operation| operations.contains(&operation))
        && arp_address(header, 1).is_some_and(|sender| arp_address(header, 3) == Some(sender))
}

/// Shown only where it is so, as are the next two.
pub(in crate::field) fn arp_gratuitous<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if tells_itself(header, &[1, 2]) {
        take(Value::Boolean(true));
    }
}

/// RFC 5227, section 2.1.1.
pub(in crate::field) fn arp_probe<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let is_usual = has_macs(header) && has_ipv4(header);
    let asks = is_usual && header.number(6, 2) == Some(1) && is_empty(header, 1) && is_empty(header, 2);
    if asks && !is_empty(header, 3) {
        take(Value::Boolean(true));
    }
}

/// RFC 5227, section 2.3.
pub(in crate::field) fn arp_announcement<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if tells_itself(header, &[1]) && is_empty(header, 2) {
        take(Value::Boolean(true));
    }
}
