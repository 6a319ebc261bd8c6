//! NTP (RFC 5905) with its extensions (RFC 7822), control messages (RFC 9327), and those of private use by their header.

use super::cursor::Cursor;
use super::{Datagram, Neighbour, Reading, Value};
use crate::flow::Role;
use crate::time::Timestamp;

const PORT: u16 = 123;

/// The names of the modes (RFC 5905, section 3).
const MODES: [&str; 8] =
    ["reserved", "symmetric active", "symmetric passive", "client", "server", "broadcast", "control", "private"];

/// What control messages do (RFC 9327, section 2).
const OPERATIONS: [&str; 8] = [
    "unspecified",
    "read status",
    "read variables",
    "write variables",
    "read clock variables",
    "write clock variables",
    "set trap address",
    "trap response",
];

/// The last 16 or 20 bytes are a digest, behind the number of its key: what is longer has extensions before it
/// (RFC 7822, section 3).
const LONGEST_MAC: usize = 24;

/// Extensions of Network Time Security (RFC 8915, section 5): where these are, no digest of the old kind follows.
const SECURED: [u16; 4] = [0x0104, 0x0204, 0x0304, 0x0404];

/// That of a cookie, which proves that a client may ask.
const COOKIES: [u16; 2] = [0x0204, 0x0304];

/// Seconds from 1900, where NTP's time begins, to 1970.
const EPOCH: i64 = 2_208_988_800;

pub(super) fn read(datagram: &Datagram<'_>) -> Option<Reading> {
    let bytes = datagram.bytes;
    let flags = *bytes.first().filter(|_| datagram.is_on(PORT))?;
    let (leap, version, mode) = (flags >> 6, flags >> 3 & 7, flags & 7);
    if !(1..=4).contains(&version) {
        return None;
    }
    let mut reading = Reading::new(Neighbour::Ntp);
    reading.info = format!("NTP Version {version}, {}", MODES[usize::from(mode)]);
    // Between peers there is neither.
    reading.sender = match mode {
        3 => Some(Role::Client),
        4 => Some(Role::Server),
        _ => None,
    };
    reading.number("ntp.flags", flags);
    // In those of private use the first bits are others.
    if mode == 7 {
        reading.flag("ntp.priv.flags.r", leap & 2 != 0);
        reading.number("ntp.priv.flags.more", leap & 1);
    } else {
        reading.number("ntp.flags.li", leap);
    }
    reading.number("ntp.flags.vn", version);
    reading.number("ntp.flags.mode", mode);
    let rest = Cursor(bytes.get(1..)?);
    let whole = match mode {
        6 => control(rest, &mut reading),
        7 => private(rest, &mut reading),
        _ => time_message(flags, rest, &mut reading),
    };
    if bytes.len() < datagram.length as usize {
        reading.info.push_str(" (cut short)");
    } else if whole.is_none() {
        reading.info.push_str(" (too short)");
    }
    Some(reading)
}

fn time_message(flags: u8, mut rest: Cursor<'_>, reading: &mut Reading) -> Option<()> {
    let (leap, version, mode) = (flags >> 6, flags >> 3 & 7, flags & 7);
    let stratum = rest.u8()?;
    reading.number("ntp.stratum", stratum);
    reading.number("ntp.ppoll", rest.u8()?);
    reading.number("ntp.precision", rest.u8()?);
    reading.number("ntp.rootdelay", rest.u32()?);
    reading.number("ntp.rootdispersion", rest.u32()?);
    let reference: [u8; 4] = rest.array()?;
    reading.bytes("ntp.refid", &reference);
    if matches!(mode, 4 | 5) {
        reading.info += &origin(stratum, reference);
        // RFC 5905, section 7.3.
        if leap == 3 {
            reading.info.push_str(", not synchronized");
        }
    }
    // One of zeros is none (RFC 5905, section 6).
    for name in ["ntp.reftime", "ntp.org", "ntp.rec", "ntp.xmt"] {
        let bytes: [u8; 8] = rest.array()?;
        if bytes != [0; 8] {
            reading.put(name, Value::Time(time(bytes)));
        }
    }
    let mut is_secured = false;
    while version == 4 && (rest.0.len() > LONGEST_MAC || is_secured && rest.0.len() >= 4) && !reading.is_full() {
        let mut ahead = rest;
        let (kind, length) = (ahead.u16()?, ahead.u16()?);
        let value = usize::from(length).checked_sub(4).and_then(|length| ahead.take(length))?;
        is_secured |= SECURED.contains(&kind);
        reading.put("ntp.ext", Value::Present);
        reading.number("ntp.ext.type", kind);
        reading.number("ntp.ext.length", length);
        let shown = if COOKIES.contains(&kind) { vec![b'*'; value.len()] } else { value.to_vec() };
        if !shown.is_empty() {
            reading.put("ntp.ext.value", Value::Bytes(shown));
        }
        rest = ahead;
    }
    if let Some(key) = rest.take(4) {
        reading.bytes("ntp.keyid", key);
        if !rest.0.is_empty() {
            reading.bytes("ntp.mac", rest.0);
        }
    }
    Some(())
}

/// Where a server has its time from; or what it says to a client that is to leave it in peace (RFC 5905, section 7.4).
fn origin(stratum: u8, reference: [u8; 4]) -> String {
    let text: String = reference.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    let is_text = !text.is_empty() && text.chars().all(|character| character.is_ascii_graphic());
    let [a, b, c, d] = reference;
    match stratum {
        0 if is_text => format!(", kiss-o'-death {text}"),
        0 => ", stratum unspecified".to_owned(),
        1 if is_text => format!(", stratum 1, reference {text}"),
        // Of an IPv6 address it is a digest (RFC 5905, section 7.3), which looks like this, too.
        2..=15 => format!(", stratum {stratum}, reference {a}.{b}.{c}.{d}"),
        _ => format!(", stratum {stratum}"),
    }
}

/// RFC 9327, section 2.
fn control(mut rest: Cursor<'_>, reading: &mut Reading) -> Option<()> {
    let (flags, sequence, status) = (rest.u8()?, rest.u16()?, rest.u16()?);
    let (association, offset, count) = (rest.u16()?, rest.u16()?, rest.u16()?);
    let (is_response, is_error, operation) = (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x1f);
    reading.number("ntp.ctrl.flags2", flags);
    reading.number("ntp.ctrl.flags2.r", u8::from(is_response));
    reading.number("ntp.ctrl.flags2.error", u8::from(is_error));
    reading.number("ntp.ctrl.flags2.more", flags >> 5 & 1);
    reading.number("ntp.ctrl.flags2.opcode", operation);
    reading.number("ntp.ctrl.sequence", sequence);
    reading.number("ntp.ctrl.status", status);
    match (is_response, is_error, operation) {
        (true, true, _) => reading.number("ntp.ctrl.err_status", status >> 8),
        (true, false, 1..=3) if association == 0 => {
            reading.number("ntp.ctrl.sys_status.li", status >> 14);
            reading.number("ntp.ctrl.sys_status.clksrc", status >> 8 & 0x3f);
            reading.number("ntp.ctrl.sys_status.count", status >> 4 & 15);
            reading.number("ntp.ctrl.sys_status.code", status & 15);
        }
        (true, false, 1..=3) => peer_status(status, reading),
        _ => {}
    }
    reading.number("ntp.ctrl.associd", association);
    reading.number("ntp.ctrl.offset", offset);
    reading.number("ntp.ctrl.count", count);
    let name = OPERATIONS.get(usize::from(operation)).copied().unwrap_or("other operation");
    let part = match (is_response, is_error) {
        (false, _) => "request",
        (true, false) => "response",
        (true, true) => "error",
    };
    reading.say(format_args!(", {name}, {part}, {count} bytes"));
    let data = rest.0.get(..usize::from(count)).unwrap_or(rest.0);
    if !data.is_empty() {
        reading.put("ntp.ctrl.data", Value::Present);
    }
    // The associations, with the state of each.
    if is_response && !is_error && operation == 1 && association == 0 {
        for [a, b, c, d] in data.as_chunks::<4>().0 {
            if reading.is_full() {
                break;
            }
            reading.put("ntp.ctrl.item", Value::Present);
            reading.number("ntp.ctrl.associd", u16::from_be_bytes([*a, *b]));
            let status = u16::from_be_bytes([*c, *d]);
            reading.number("ntp.ctrl.status", status);
            peer_status(status, reading);
        }
    }
    Some(())
}

fn peer_status(status: u16, reading: &mut Reading) {
    reading.number("ntp.ctrl.peer_status.selection", status >> 8 & 7);
    reading.number("ntp.ctrl.peer_status.count", status >> 4 & 15);
    reading.number("ntp.ctrl.peer_status.code", status & 15);
}

/// Of private use by `ntpdc`: there is no specification but ntpd itself.
fn private(mut rest: Cursor<'_>, reading: &mut Reading) -> Option<()> {
    let (sequence, implementation, request) = (rest.u8()?, rest.u8()?, rest.u8()?);
    reading.number("ntp.priv.auth_seq", sequence);
    reading.number("ntp.priv.auth", sequence >> 7);
    reading.number("ntp.priv.seq", sequence & 0x7f);
    reading.number("ntp.priv.impl", implementation);
    reading.number("ntp.priv.reqcode", request);
    reading.say(format_args!(", request code {request}"));
    Some(())
}

/// Seconds and a fraction of them. Those without the first bit are of the era that begins in 2036 (RFC 4330, section 3).
fn time(bytes: [u8; 8]) -> Timestamp {
    let all = u64::from_be_bytes(bytes);
    let (secs, fraction) = ((all >> 32) as i64, all & 0xffff_ffff);
    let era = if all >> 63 == 0 { 1 << 32 } else { 0 };
    Timestamp::from_secs_nanos(secs + era - EPOCH, ((fraction * 1_000_000_000) >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(bytes: &[u8]) -> Datagram<'_> {
        Datagram { ports: (40_000, 123), bytes, length: bytes.len() as u32 }
    }

    fn info(bytes: &[u8]) -> String {
        read(&datagram(bytes)).expect("a message").info
    }

    #[test]
    fn times_are_of_two_eras() {
        // RFC 4330, section 3.
        assert_eq!(time([0x83, 0xaa, 0x7e, 0x80, 0, 0, 0, 0]), Timestamp::from_secs_nanos(0, 0));
        assert_eq!(time([0, 0, 0, 1, 0x80, 0, 0, 0]), Timestamp::from_secs_nanos((1 << 32) + 1 - EPOCH, 500_000_000));
    }

    #[test]
    fn what_is_cut_says_so_and_what_has_no_version_is_no_message() {
        let bytes = [0x23; 48];
        assert_eq!(info(&bytes), "NTP Version 4, client");
        assert_eq!(info(&bytes[..47]), "NTP Version 4, client (too short)");
        let cut = read(&Datagram { length: 48, ..datagram(&bytes[..20]) }).expect("a message");
        assert_eq!(cut.info, "NTP Version 4, client (cut short)");
        assert!(cut.values.contains(&("ntp.stratum", Value::Unsigned(0x23))));
        assert!(read(&datagram(&[0x03; 48])).is_none());
        assert!(read(&Datagram { ports: (1, 2), bytes: &bytes, length: 48 }).is_none());
    }

    #[test]
    fn a_server_says_where_its_time_is_from() {
        let mut bytes = [0; 48];
        bytes[0] = 0x24;
        bytes[1] = 1;
        bytes[12..15].copy_from_slice(b"GPS");
        assert_eq!(info(&bytes), "NTP Version 4, server, stratum 1, reference GPS");
        bytes[..2].copy_from_slice(&[0xe4, 0]);
        bytes[12..16].copy_from_slice(b"RATE");
        assert_eq!(info(&bytes), "NTP Version 4, server, kiss-o'-death RATE, not synchronized");
        bytes[..2].copy_from_slice(&[0x25, 3]);
        bytes[12..16].copy_from_slice(&[10, 0, 0, 1]);
        assert_eq!(info(&bytes), "NTP Version 4, broadcast, stratum 3, reference 10.0.0.1");
        let reading = read(&datagram(&bytes)).expect("a message");
        assert!(reading.values.iter().all(|(name, _)| *name != "ntp.org"), "a time of zeros is none");
    }

    #[test]
    fn digests_and_extensions_are_told_apart() {
        let mut bytes = vec![0x23; 48];
        bytes.extend([0, 0, 0, 7]);
        bytes.extend([1; 16]);
        let signed = read(&datagram(&bytes)).expect("a message");
        assert!(signed.values.contains(&("ntp.keyid", Value::Bytes(vec![0, 0, 0, 7]))));
        assert!(signed.values.contains(&("ntp.mac", Value::Bytes(vec![1; 16]))));
        bytes.truncate(48);
        bytes.extend([1, 4, 0, 36]);
        bytes.extend([9; 32]);
        bytes.extend([2, 4, 0, 20]);
        bytes.extend(b"a cookie's bytes");
        let secured = read(&datagram(&bytes)).expect("a message");
        assert!(secured.values.contains(&("ntp.ext.value", Value::Bytes(vec![9; 32]))));
        assert!(secured.values.contains(&("ntp.ext.value", Value::Bytes(vec![b'*'; 16]))), "a cookie is nobody's");
        assert!(secured.values.iter().all(|(name, _)| *name != "ntp.keyid"));
    }

    #[test]
    fn control_messages_tell_what_they_are_about() {
        assert_eq!(
            info(&[0x16, 2, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]),
            "NTP Version 2, control, read variables, request, 0 bytes"
        );
        let error = [0x16, 0xc2, 0, 5, 1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(info(&error), "NTP Version 2, control, read variables, error, 0 bytes");
        let reading = read(&datagram(&error)).expect("a message");
        assert!(reading.values.contains(&("ntp.ctrl.err_status", Value::Unsigned(1))));
        assert!(info(&error[..9]).ends_with("(too short)"));
        assert_eq!(info(&[0x17, 0, 3, 42]), "NTP Version 2, private, request code 42");
    }
}
