//! DHCP (RFC 2131) and BOOTP (RFC 951), between the ports of servers and of clients.

use std::net::Ipv4Addr;

use super::cursor::{Cursor, before_zero};
use super::dhcp_options::{self, Facts};
use super::{Datagram, Neighbour, Reading, Value};
use crate::flow::Role;

/// Servers, clients, and what tells only where to boot from (PXE).
const PORTS: [u16; 3] = [67, 68, 4011];

/// Announces options (RFC 2131, section 3).
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// The names of the message types (RFC 2132, section 9.6, and those that came later).
const TYPES: [&str; 19] = [
    "",
    "Discover",
    "Offer",
    "Request",
    "Decline",
    "ACK",
    "NAK",
    "Release",
    "Inform",
    "Force Renew",
    "Lease query",
    "Lease Unassigned",
    "Lease Unknown",
    "Lease Active",
    "Bulk Lease Query",
    "Lease Query Done",
    "Active LeaseQuery",
    "Lease Query Status",
    "TLS",
];

pub(super) fn read(datagram: &Datagram<'_>) -> Option<Reading> {
    let is_on = PORTS.iter().any(|port| datagram.ports.0 == *port || datagram.ports.1 == *port);
    if !is_on || !matches!(datagram.bytes, [1 | 2, ..]) {
        return None;
    }
    let mut rest = Cursor(datagram.bytes);
    let (operation, hardware, length, hops) = (rest.u8()?, rest.u8()?, rest.u8()?, rest.u8()?);
    let (id, seconds, flags) = (rest.u32()?, rest.u16()?, rest.u16()?);
    // Clients of Microsoft have written it in their own byte order; nobody waits for minutes and no second.
    let seconds = if seconds.trailing_zeros() >= 8 { seconds.swap_bytes() } else { seconds };
    let addresses: [Ipv4Addr; 4] = [rest.u32()?.into(), rest.u32()?.into(), rest.u32()?.into(), rest.u32()?.into()];
    let address = rest.take(16)?;
    let mut reading = Reading::new(Neighbour::Dhcp);
    reading.sender = Some(if operation == 1 { Role::Client } else { Role::Server });
    reading.number("dhcp.type", operation);
    reading.number("dhcp.hw.type", hardware);
    reading.number("dhcp.hw.len", length);
    reading.number("dhcp.hops", hops);
    reading.number("dhcp.id", id);
    reading.number("dhcp.secs", seconds);
    reading.number("dhcp.flags", flags);
    reading.flag("dhcp.flags.bc", flags & 0x8000 != 0);
    reading.number("dhcp.flags.reserved", flags & 0x7fff);
    for (name, address) in
        ["dhcp.ip.client", "dhcp.ip.your", "dhcp.ip.server", "dhcp.ip.relay"].into_iter().zip(addresses)
    {
        reading.put(name, Value::Ipv4(address));
    }
    // One of more than 16 bytes has no room here.
    let (own, padding) = address.split_at_checked(length.into()).unwrap_or_default();
    match (hardware, own) {
        (_, []) => {}
        (1 | 6, &[a, b, c, d, e, f]) => reading.put("dhcp.hw.mac_addr", Value::Ethernet([a, b, c, d, e, f])),
        _ => reading.bytes("dhcp.hw.addr", own),
    }
    if !own.is_empty() && !padding.is_empty() {
        reading.bytes("dhcp.hw.addr_padding", padding);
    }
    let mut facts = Facts::default();
    let fields = (rest.take(64), rest.take(128));
    if let (Some(server), Some(file)) = fields {
        let options = rest.0.strip_prefix(&COOKIE);
        let overload = options.map_or(0, dhcp_options::overload);
        for (name, bytes, bit) in [("dhcp.server", server, 2), ("dhcp.file", file, 1)] {
            if overload & bit == 0 {
                reading.text(name, before_zero(bytes));
            }
        }
        match options {
            Some(options) => {
                reading.put("dhcp.cookie", Value::Ipv4(COOKIE.into()));
                dhcp_options::read(options, false, &mut reading, &mut facts);
                // RFC 2131, section 4.1: the file's field comes before the server's.
                for (bytes, bit) in [(file, 1), (server, 2)] {
                    if overload & bit != 0 {
                        dhcp_options::read(bytes, true, &mut reading, &mut facts);
                    }
                }
            }
            None if !rest.0.is_empty() => {
                let vendor = rest.0.get(..64).unwrap_or(rest.0);
                reading.bytes("dhcp.vendor_specific_options", vendor);
            }
            None => {}
        }
    }
    reading.info = line(operation, id, addresses[1], &facts);
    if fields.1.is_none() || facts.is_cut {
        reading.info.push_str(" (cut short)");
    }
    Some(reading)
}

/// What it is, of which exchange, and what it is about.
fn line(operation: u8, id: u32, yours: Ipv4Addr, facts: &Facts) -> String {
    let mut line = match facts.kind.map(|kind| (kind, TYPES.get(usize::from(kind)))) {
        Some((_, Some(name))) => format!("DHCP {name} - Transaction ID 0x{id:x}"),
        Some((kind, None)) => format!("DHCP message type {kind} - Transaction ID 0x{id:x}"),
        None if operation == 1 => format!("Boot Request - Transaction ID 0x{id:x}"),
        None => format!("Boot Reply - Transaction ID 0x{id:x}"),
    };
    let mut add = |text: &str| {
        line.push_str(", ");
        line.push_str(text);
    };
    if operation == 2 && !yours.is_unspecified() {
        add(&format!("address {yours}"));
    }
    if let Some(address) = facts.requested {
        add(&format!("asks for {address}"));
    }
    if let Some(seconds) = facts.lease_s {
        if seconds == u32::MAX { add("for ever") } else { add(&format!("for {seconds} s")) }
    }
    if let Some(server) = facts.server {
        add(&format!("server {server}"));
    }
    if !facts.host.is_empty() {
        add(&format!("host name {}", String::from_utf8_lossy(&facts.host)));
    }
    if !facts.message.is_empty() {
        add(&format!("says: {}", String::from_utf8_lossy(&facts.message)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with these options behind the fixed part.
    pub(crate) fn message(operation: u8, options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![operation, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 3, 0x80, 0];
        bytes.extend([0; 4]);
        bytes.extend([10, 0, 0, 9]);
        bytes.extend([0; 8]);
        bytes.extend([2, 0, 0, 0, 0, 9]);
        bytes.resize(236, 0);
        bytes.extend(COOKIE);
        bytes.extend(options);
        bytes
    }

    fn reading(bytes: &[u8]) -> Option<Reading> {
        read(&Datagram { ports: (67, 68), bytes, length: bytes.len() as u32 })
    }

    #[test]
    fn an_offer_tells_what_is_offered() {
        let offer = reading(&message(2, &[53, 1, 2, 51, 4, 0, 0, 2, 88, 54, 4, 10, 0, 0, 1, 255])).expect("an offer");
        assert_eq!(offer.info, "DHCP Offer - Transaction ID 0x12345678, address 10.0.0.9, for 600 s, server 10.0.0.1");
        assert!(offer.values.contains(&("dhcp.option.ip_address_lease_time", Value::Unsigned(600))));
        assert!(offer.values.contains(&("dhcp.hw.mac_addr", Value::Ethernet([2, 0, 0, 0, 0, 9]))));
        assert!(offer.values.contains(&("dhcp.flags.bc", Value::Boolean(true))));
    }

    #[test]
    fn options_may_stand_in_the_fields_of_the_file_and_of_the_server() {
        let mut bytes = message(1, &[52, 1, 3, 53, 1, 3, 255]);
        bytes[108..114].copy_from_slice(&[12, 3, b'p', b'l', b'c', 255]);
        bytes[44..51].copy_from_slice(&[50, 4, 10, 0, 0, 7, 255]);
        let request = reading(&bytes).expect("a request");
        assert_eq!(request.info, "DHCP Request - Transaction ID 0x12345678, asks for 10.0.0.7, host name plc");
        assert!(request.values.iter().all(|(name, _)| !matches!(*name, "dhcp.file" | "dhcp.server")));
    }

    #[test]
    fn what_is_cut_says_so() {
        let bytes = message(1, &[53, 1, 1, 12, 9, b'a']);
        let cut = reading(&bytes).expect("most of one");
        assert_eq!(cut.info, "DHCP Discover - Transaction ID 0x12345678 (cut short)");
        assert!(reading(&bytes[..60]).is_some_and(|reading| reading.info.ends_with("(cut short)")));
        assert!(reading(&bytes[..40]).is_none());
        assert!(read(&Datagram { ports: (69, 70), bytes: &bytes, length: 300 }).is_none());
        assert!(reading(&[3; 300]).is_none(), "neither asks nor answers");
    }

    #[test]
    fn what_proves_who_one_is_is_never_told() {
        let secret = b"hunter2";
        let mut options = vec![53, 1, 1, 90, 18, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        options.extend(secret);
        options.extend([82, 9, 8, 7]);
        options.extend(secret);
        options.push(255);
        let reading = reading(&message(1, &options)).expect("a message");
        for (name, value) in &reading.values {
            if let Value::Bytes(bytes) | Value::Text(bytes) = value {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{name}");
            }
        }
        assert!(reading.values.iter().any(|(name, _)| *name == "dhcp.option.dhcp_authentication.protocol"));
    }
}
