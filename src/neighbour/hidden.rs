//! Where secrets stand in a datagram, for whoever shows its bytes: the same that are left out of readings. Rather too much is
//! hidden than too little.

use std::ops::Range;

use super::cursor::Cursor;
use super::{Neighbour, coap_options, secret};

/// Where options of DHCP begin, behind the header and the cookie (RFC 2131, section 3), and where names of a server and of a
/// file stand, which may hold further ones.
const DHCP_OPTIONS: usize = 240;
const DHCP_NAMES: Range<usize> = 44..236;

/// Where the extensions of NTP begin (RFC 5905, section 7.3).
const NTP_EXTENSIONS: usize = 48;

/// The places of what must not be shown of a datagram of this protocol.
pub fn hidden(protocol: Neighbour, bytes: &[u8]) -> Vec<Range<usize>> {
    match protocol {
        Neighbour::Coap => coap(bytes).unwrap_or_default(),
        Neighbour::Dhcp => dhcp(bytes),
        Neighbour::Ntp => ntp(bytes),
        _ => Vec::new(),
    }
}

/// Queries and addresses that have a secret in them.
fn coap(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut rest = Cursor(bytes);
    let first = rest.u8()?;
    rest.take(3 + usize::from(first & 15))?;
    let (mut found, mut last) = (Vec::new(), 0);
    while let Some((number, value)) = coap_options::next_value(&mut rest, last) {
        last = number;
        let hides = match number {
            15 | 20 => !secret::parameter_places(value).is_empty(),
            35 => !secret::uri_places(value).is_empty(),
            _ => false,
        };
        if hides {
            let end = bytes.len() - rest.0.len();
            found.push(end - value.len()..end);
        }
    }
    // An option that is cut may be such a one.
    if rest.0.first().is_some_and(|byte| *byte != coap_options::MARKER) {
        found.push(bytes.len() - rest.0.len()..bytes.len());
    }
    Some(found)
}

/// What proves who somebody is, and what relays add (RFC 3118, RFC 3046).
fn dhcp(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), DHCP_OPTIONS);
    while let Some(kind) = bytes.get(at) {
        at += 1;
        let length = match (kind, bytes.get(at)) {
            (0, _) => continue,
            (255, _) | (_, None) => break,
            (_, Some(length)) => usize::from(*length),
        };
        let value = at + 1..(at + 1 + length).min(bytes.len());
        at = value.end;
        match kind {
            // Behind its kind and what keeps it from being played again.
            90 => found.push((value.start + 11).min(value.end)..value.end),
            82 => found.push(value),
            52 => found.push(DHCP_NAMES),
            _ => {}
        }
    }
    found
}

/// Cookies, which prove that a client may ask (RFC 8915, section 5).
fn ntp(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), NTP_EXTENSIONS);
    while let Some([a, b, c, d]) = bytes.get(at..at + 4) {
        let (kind, length) = (u16::from_be_bytes([*a, *b]), usize::from(u16::from_be_bytes([*c, *d])));
        let end = at.saturating_add(length).min(bytes.len());
        if length < 4 {
            break;
        }
        if matches!(kind, 0x0204 | 0x0304) {
            found.push(at + 4..end);
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(protocol: Neighbour, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for place in hidden(protocol, bytes) {
            out[place].fill(b'*');
        }
        out
    }

    #[test]
    fn queries_of_coap_with_a_secret_are_hidden_whole() {
        let bytes = b"\x41\x03\0\x01\x20\xb4oven\x48key=1234\x03a=b\xff{}";
        assert_eq!(masked(Neighbour::Coap, bytes), b"\x41\x03\0\x01\x20\xb4oven\x48********\x03a=b\xff{}");
        let cut = b"\x40\x03\0\x01\xd8\x02key=12";
        assert_eq!(masked(Neighbour::Coap, cut), b"\x40\x03\0\x01********");
        assert!(hidden(Neighbour::Coap, b"\x40").is_empty());
    }

    #[test]
    fn authentication_of_dhcp_and_cookies_of_ntp_are_hidden() {
        let mut dhcp = vec![0; DHCP_OPTIONS];
        dhcp.extend(b"\x00\x35\x01\x01\x5a\x0f\x00\x00\x00........pass\xff");
        assert!(masked(Neighbour::Dhcp, &dhcp).ends_with(b"........****\xff"));
        let mut ntp = vec![0x23; NTP_EXTENSIONS];
        ntp.extend(b"\x01\x04\0\x08uniq\x02\x04\0\x08cook");
        assert!(masked(Neighbour::Ntp, &ntp).ends_with(b"uniq\x02\x04\0\x08****"));
        assert!(hidden(Neighbour::Dns, &ntp).is_empty());
    }
}
