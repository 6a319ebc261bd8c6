//! The control connection of FTP (RFC 959), with the commands of RFC 2228 and RFC 2428.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::line::{code, kept, line, shown, words};
use super::{Seen, Step, StreamReader, Until};
use crate::flow::{Direction, Role};
use crate::neighbour::{Neighbour, Reading, Value, secret};

/// Commands whose argument opens doors.
const SECRET: [&str; 4] = ["PASS", "ACCT", "ADAT", "MIC"];

/// Whether the argument of this command opens doors.
pub(super) fn is_secret(command: &[u8]) -> bool {
    SECRET.iter().any(|known| command.eq_ignore_ascii_case(known.as_bytes()))
}

/// Reads commands and replies, line by line.
#[derive(Debug, Default)]
pub(super) struct Ftp {
    /// The client asked for TLS (RFC 4217, section 4).
    wants_tls: bool,
    /// The first code of a reply of several lines.
    open_reply: Option<u16>,
}

impl StreamReader for Ftp {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        let Some((text, take)) = line(bytes) else { return Step::More(Until::LINE) };
        match seen.direction {
            Direction::ToServer => self.command(text, seen),
            Direction::ToClient => {
                if self.reply(text, seen) {
                    return Step::Secured(take);
                }
            }
        }
        Step::Take(take)
    }

    fn lost(&mut self, _: Direction) {
        self.open_reply = None;
    }
}

impl Ftp {
    fn command(&mut self, text: &[u8], seen: &mut Seen<'_>) {
        let (word, argument) = words(text);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        if is("AUTH") {
            self.wants_tls = argument.to_ascii_uppercase().starts_with(b"TLS") || argument.eq_ignore_ascii_case(b"SSL");
        }
        let active = if is("PORT") { six(argument) } else { None };
        let extended = if is("EPRT") { eprt(argument) } else { None };
        match (active, extended) {
            (Some((address, port)), _) => seen.sink.expects_data(Role::Client, Some(address.into()), port),
            (_, Some((address, port))) => seen.sink.expects_data(Role::Client, Some(address), port),
            (None, None) => {}
        }
        if !seen.wants() {
            return;
        }
        let argument = if is_secret(word) && !argument.is_empty() { secret::MASK } else { argument };
        let mut reading = Reading::new(Neighbour::Ftp);
        reading.flag("ftp.request", true);
        reading.flag("ftp.response", false);
        reading.text("ftp.request.command", kept(word));
        reading.info = format!("Request: {}", shown(word));
        if !argument.is_empty() {
            reading.long_text("ftp.request.arg", argument);
            let _ = write!(reading.info, " {}", shown(argument));
        }
        if let Some((address, port)) = active {
            reading.put("ftp.active.cip", Value::Ipv4(address));
            reading.number("ftp.active.port", port);
        }
        if let Some((address, port)) = extended {
            match address {
                IpAddr::V4(address) => {
                    reading.number("ftp.eprt.af", 1u8);
                    reading.put("ftp.eprt.ip", Value::Ipv4(address));
                }
                IpAddr::V6(address) => {
                    reading.number("ftp.eprt.af", 2u8);
                    reading.put("ftp.eprt.ipv6", Value::Ipv6(address));
                }
            }
            reading.number("ftp.eprt.port", port);
        }
        seen.tell(reading);
    }

    /// Reads a line of a reply; says whether TLS follows.
    fn reply(&mut self, text: &[u8], seen: &mut Seen<'_>) -> bool {
        let code = code(text);
        let ends = code.is_some() && text.get(3) != Some(&b'-');
        // Lines within a reply of several may begin with anything (RFC 959, section 4.2).
        let is_inside = self.open_reply.is_some_and(|open| code != Some(open) || !ends);
        match (code, ends) {
            (Some(code), false) if self.open_reply.is_none() => self.open_reply = Some(code),
            _ if is_inside => {}
            _ => self.open_reply = None,
        }
        let argument = text.get(4..).unwrap_or_default();
        let passive = if code == Some(227) { within(argument) } else { None };
        let extended = if code == Some(229) { epsv(argument) } else { None };
        if let Some((address, port)) = passive {
            seen.sink.expects_data(Role::Server, Some(address.into()), port);
        }
        if let Some(port) = extended {
            seen.sink.expects_data(Role::Server, None, port);
        }
        if seen.wants() {
            let mut reading = Reading::new(Neighbour::Ftp);
            reading.flag("ftp.request", false);
            reading.flag("ftp.response", true);
            reading.info = format!("Response: {}", shown(text));
            match code {
                Some(code) => {
                    reading.number("ftp.response.code", code);
                    reading.long_text("ftp.response.arg", argument);
                }
                None => reading.long_text("ftp.response.arg", text),
            }
            if let Some((address, port)) = passive {
                reading.put("ftp.passive.ip", Value::Ipv4(address));
                reading.number("ftp.passive.port", port);
            }
            if let Some(port) = extended {
                reading.number("ftp.epsv.port", port);
            }
            seen.tell(reading);
        }
        ends && code == Some(234) && self.wants_tls
    }
}

/// `h1,h2,h3,h4,p1,p2`.
fn six(text: &[u8]) -> Option<(Ipv4Addr, u16)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut numbers = [0u8; 6];
    let mut parts = text.trim().split(',');
    for number in &mut numbers {
        *number = parts.next()?.trim().parse().ok()?;
    }
    let [a, b, c, d, high, low] = numbers;
    parts.next().is_none().then(|| (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])))
}

/// The same anywhere in a reply, which may have words around it.
fn within(text: &[u8]) -> Option<(Ipv4Addr, u16)> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b',';
    text.split(|byte| !is_part(byte)).find_map(six)
}

/// `|1|132.235.1.2|6275|`, with any sign in the place of the bar (RFC 2428, section 2).
fn eprt(text: &[u8]) -> Option<(IpAddr, u16)> {
    let bar = *text.first()?;
    let mut parts = text.split(|byte| *byte == bar).skip(1);
    let family = parts.next()?;
    let address = std::str::from_utf8(parts.next()?).ok()?;
    let port = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let address = match family {
        b"1" => IpAddr::V4(address.parse::<Ipv4Addr>().ok()?),
        b"2" => IpAddr::V6(address.parse::<Ipv6Addr>().ok()?),
        _ => return None,
    };
    Some((address, port))
}

/// `(|||6446|)` (section 3).
fn epsv(text: &[u8]) -> Option<u16> {
    let start = text.iter().position(|byte| *byte == b'(')?;
    let inside = text.get(start + 1..)?;
    let bar = *inside.first()?;
    let port = inside.split(|byte| *byte == bar).nth(3)?;
    std::str::from_utf8(port).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_as_the_specifications_write_them() {
        let there = Some((Ipv4Addr::new(132, 235, 1, 2), 6275));
        assert_eq!(six(b"132,235,1,2,24,131"), there);
        assert_eq!(within(b"Entering Passive Mode (132,235,1,2,24,131)."), there);
        assert_eq!(within(b"227 132,235,1,2,24,131"), there);
        assert_eq!((six(b"1,2,3,4,5"), six(b"1,2,3,4,5,256"), within(b"no")), (None, None, None));
        // RFC 2428, sections 2 and 3.
        assert_eq!(eprt(b"|1|132.235.1.2|6275|"), Some(("132.235.1.2".parse().unwrap(), 6275)));
        assert_eq!(eprt(b"|2|1080::8:800:200C:417A|5282|"), Some(("1080::8:800:200c:417a".parse().unwrap(), 5282)));
        assert_eq!(epsv(b"Entering Extended Passive Mode (|||6446|)"), Some(6446));
    }
}
