//! What the line about a message says, in Wireshark's words.

use std::fmt::Write as _;

use super::Header;
use super::name::Name;

/// How long a line may become: names of more records are in the fields.
const LONGEST: usize = 2000;

/// The operations that there are (RFC 6895, section 2.2).
pub(super) const fn operation(opcode: u8) -> Option<&'static str> {
    Some(match opcode {
        0 => "Standard query",
        1 => "Inverse query",
        2 => "Server status request",
        4 => "Zone change notification",
        5 => "Dynamic update",
        6 => "DNS Stateful operations (DSO)",
        _ => return None,
    })
}

/// What went wrong (RFC 6895, section 2.3).
const ERRORS: [&str; 12] = [
    "",
    "Format error",
    "Server failure",
    "No such name",
    "Not implemented",
    "Refused",
    "Name exists",
    "RRset exists",
    "RRset does not exist",
    "Not authoritative",
    "Name out of zone",
    "DSO-Type not implemented",
];

/// The types of records by their numbers (RFC 6895, section 3.1, and the registry that it opened).
const TYPES: [(u16, &str); 79] = [
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (22, "NSAP"),
    (23, "NSAP-PTR"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (27, "GPOS"),
    (28, "AAAA"),
    (29, "LOC"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (33, "SRV"),
    (34, "ATMA"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (38, "A6"),
    (39, "DNAME"),
    (40, "SINK"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (49, "DHCID"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (55, "HIP"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (104, "NID"),
    (105, "L32"),
    (106, "L64"),
    (107, "LP"),
    (108, "EUI48"),
    (109, "EUI64"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
    (32769, "DLV"),
];

/// The line's beginning.
pub(super) fn begin(header: Header) -> String {
    let mut text = operation(header.opcode()).unwrap_or_default().to_owned();
    if header.is_response() {
        text.push_str(" response");
    }
    // Writing to a text can't fail.
    let _ = write!(text, " {:#06x}", header.id);
    match ERRORS.get(usize::from(header.rcode())) {
        _ if !header.is_response() || header.rcode() == 0 => {}
        Some(error) => {
            text.push(' ');
            text.push_str(error);
        }
        None => {
            let _ = write!(text, " Unknown error ({})", header.rcode());
        }
    }
    text
}

fn kind(text: &mut String, kind: u16) {
    let known = TYPES.binary_search_by_key(&kind, |(number, _)| *number).ok().and_then(|at| TYPES.get(at));
    // Writing to a text can't fail.
    let _ = match known {
        Some((_, name)) => write!(text, " {name}"),
        None => write!(text, " Unknown ({kind})"),
    };
}

/// A question.
pub(super) fn question(text: &mut String, of: u16, name: &Name) {
    if text.len() < LONGEST {
        kind(text, of);
        said(text, &name.text);
    }
}

/// A record, without what it says; `flush` where it takes the place of others.
pub(super) fn record(text: &mut String, of: u16, flush: bool) {
    if text.len() < LONGEST {
        kind(text, of);
        if flush {
            text.push_str(", cache flush");
        }
    }
}

/// Something that a record says.
pub(super) fn said(text: &mut String, what: &[u8]) {
    if text.len() < LONGEST {
        text.push(' ');
        text.push_str(&String::from_utf8_lossy(what));
    }
}
