//! DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795): one format, three protocols.
//!
//! A message is read as far as it goes, and says where it is cut or breaks off. What it names addresses is read apart from
//! that, and cheaper ([`answers`]).

mod answers;
mod info;
mod name;
mod record;

#[cfg(test)]
mod tests;

pub use answers::{Answer, answers};

use super::{Datagram, Neighbour, Reading};
use name::Name;

/// The port of DNS.
pub const PORT: u16 = 53;

/// The ports of DNS, mDNS and LLMNR.
const PORTS: [(u16, Neighbour); 3] = [(PORT, Neighbour::Dns), (5353, Neighbour::Mdns), (5355, Neighbour::Llmnr)];

/// How long a header is.
const HEADER: usize = 12;

/// The most values that a reading has: no message of a datagram of usual length has more, and one of 64 KiB would have
/// thousands.
const VALUES: usize = 600;

/// Whether answers of one of these three come from this port.
#[inline]
pub const fn is_port(port: u16) -> bool {
    matches!(port, PORT | 5353 | 5355)
}

/// Whether this begins as a message does: something that can be asked for, and no more questions than have room.
pub fn is_message(bytes: &[u8], length: usize) -> bool {
    let Some(header) = bytes.first_chunk().map(Header::of) else { return false };
    // A question takes five bytes at least.
    info::operation(header.opcode()).is_some() && HEADER + usize::from(header.counts[0]) * 5 <= length
}

pub(super) fn read(datagram: &Datagram<'_>) -> Option<Reading> {
    // The ports of one datagram may be of two of them.
    let protocol = PORTS.iter().find(|(port, _)| datagram.is_on(*port)).map(|(_, protocol)| *protocol)?;
    is_message(datagram.bytes, datagram.length as usize).then(|| {
        let mut reading = Reading::new(protocol);
        Reader::new(datagram.bytes, datagram.length as usize, &mut reading).message();
        reading
    })
}

/// Reads a message of a stream, which has its length before it (RFC 1035, section 4.2.2); `bytes` is what there is of it
/// behind that.
pub fn read_of_stream(bytes: &[u8], length: u16) -> Option<Reading> {
    is_message(bytes, length.into()).then(|| {
        let mut reading = Reading::new(Neighbour::Dns);
        reading.number("dns.length", length);
        Reader::new(bytes, length.into(), &mut reading).message();
        reading
    })
}

/// The number of a message and whether it is a response, by which a response finds its question.
pub fn id(bytes: &[u8]) -> Option<(u16, bool)> {
    bytes.first_chunk().map(Header::of).map(|header| (header.id, header.is_response()))
}

/// The header (RFC 1035, section 4.1.1).
#[derive(Debug, Clone, Copy)]
struct Header {
    id: u16,
    flags: u16,
    /// Questions, answers, authorities, additional records.
    counts: [u16; 4],
}

impl Header {
    fn of(bytes: &[u8; HEADER]) -> Self {
        let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Self { id: number(0), flags: number(2), counts: [number(4), number(6), number(8), number(10)] }
    }

    const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    const fn opcode(self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }

    const fn rcode(self) -> u8 {
        (self.flags & 0xf) as u8
    }

    const fn has(self, bit: u16) -> bool {
        self.flags & bit != 0
    }
}

/// A record's frame (RFC 1035, section 4.1.3).
struct Record<'a> {
    name: Name,
    kind: u16,
    class: u16,
    ttl: u32,
    length: u16,
    /// Where its data begins in the message.
    start: usize,
    /// Its data, where all of it is there.
    data: Option<&'a [u8]>,
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// The question at a place: its name, its type and its class, and where what follows begins.
fn question(message: &[u8], at: usize) -> Option<(Name, u16, u16, usize)> {
    let name = name::read(message, at)?;
    let (kind, class) = (number16(message, name.end)?, number16(message, name.end + 2)?);
    let behind = name.end + 4;
    Some((name, kind, class, behind))
}

impl<'a> Record<'a> {
    fn at(message: &'a [u8], at: usize) -> Option<Self> {
        let name = name::read(message, at)?;
        let length = number16(message, name.end + 8)?;
        let start = name.end + 10;
        Some(Self {
            kind: number16(message, name.end)?,
            class: number16(message, name.end + 2)?,
            ttl: number32(message, name.end + 4)?,
            length,
            start,
            data: message.get(start..start + usize::from(length)),
            name,
        })
    }
}

/// Reads one message.
struct Reader<'a, 'b> {
    message: &'a [u8],
    /// How long it is.
    length: usize,
    reading: &'b mut Reading,
}

/// A message ends or breaks off, or has told enough.
struct Stopped;

impl<'a, 'b> Reader<'a, 'b> {
    fn new(message: &'a [u8], length: usize, reading: &'b mut Reading) -> Self {
        Self { message, length, reading }
    }

    fn is_mdns(&self) -> bool {
        self.reading.protocol == Neighbour::Mdns
    }

    fn message(&mut self) {
        let Some(header) = self.message.first_chunk().map(Header::of) else { return };
        self.header(header);
        if self.sections(header).is_err() {
            let why = if self.is_full() {
                " …"
            } else if self.message.len() < self.length {
                " [cut short in the capture]"
            } else {
                " [malformed]"
            };
            self.reading.info.push_str(why);
        }
    }

    fn header(&mut self, header: Header) {
        let reading = &mut *self.reading;
        let is_llmnr = reading.protocol == Neighbour::Llmnr;
        reading.info = info::begin(header);
        reading.number("dns.id", header.id);
        reading.number("dns.flags", header.flags);
        reading.flag("dns.flags.response", header.is_response());
        reading.number("dns.flags.opcode", header.opcode());
        // LLMNR has other bits (RFC 4795, section 2.1.1).
        if is_llmnr {
            reading.flag("dns.flags.conflict", header.has(0x0400));
        } else if header.is_response() {
            reading.flag("dns.flags.authoritative", header.has(0x0400));
        }
        reading.flag("dns.flags.truncated", header.has(0x0200));
        if is_llmnr {
            reading.flag("dns.flags.tentative", header.has(0x0100));
        } else {
            reading.flag("dns.flags.recdesired", header.has(0x0100));
            if header.is_response() {
                reading.flag("dns.flags.recavail", header.has(0x0080));
            }
            reading.flag("dns.flags.z", header.has(0x0040));
            // Of a question it is told only where it is asked for (RFC 6840, section 5.7).
            if header.is_response() || header.has(0x0020) {
                reading.flag("dns.flags.authenticated", header.has(0x0020));
            }
            reading.flag("dns.flags.checkdisable", header.has(0x0010));
        }
        if header.is_response() {
            reading.number("dns.flags.rcode", header.rcode());
        }
        // An update has other sections (RFC 2136, section 2.2).
        let names = if header.opcode() == 5 {
            ["dns.count.zones", "dns.count.prerequisites", "dns.count.updates", "dns.count.add_rr"]
        } else {
            ["dns.count.queries", "dns.count.answers", "dns.count.auth_rr", "dns.count.add_rr"]
        };
        for (name, count) in names.into_iter().zip(header.counts) {
            reading.number(name, count);
        }
    }

    /// Whether enough was told.
    fn is_full(&self) -> bool {
        self.reading.values.len() >= VALUES
    }

    fn sections(&mut self, header: Header) -> Result<(), Stopped> {
        let [questions, records @ ..] = header.counts.map(u32::from);
        let mut at = HEADER;
        for _ in 0..questions {
            at = self.question(at)?;
        }
        for _ in 0..records.iter().sum() {
            at = self.record(at)?;
        }
        Ok(())
    }

    fn question(&mut self, at: usize) -> Result<usize, Stopped> {
        let (name, kind, class, behind) = question(self.message, at).filter(|_| !self.is_full()).ok_or(Stopped)?;
        info::question(&mut self.reading.info, kind, &name);
        let length = name.text.len() as u64;
        self.reading.text("dns.qry.name", &name.text);
        self.reading.number("dns.qry.name.len", length);
        self.reading.number("dns.count.labels", name.labels);
        self.reading.number("dns.qry.type", kind);
        if self.is_mdns() {
            // RFC 6762, section 5.4.
            let unicast = class & 0x8000 != 0;
            self.reading.number("dns.qry.class", class & 0x7fff);
            self.reading.flag("dns.qry.qu", unicast);
            self.reading.info.push_str(if unicast { ", \"QU\" question" } else { ", \"QM\" question" });
        } else {
            self.reading.number("dns.qry.class", class);
        }
        Ok(behind)
    }

    fn record(&mut self, at: usize) -> Result<usize, Stopped> {
        let record = Record::at(self.message, at).filter(|_| !self.is_full()).ok_or(Stopped)?;
        // RFC 6762, section 10.2.
        let flush = self.is_mdns() && record.kind != record::OPT && record.class & 0x8000 != 0;
        info::record(&mut self.reading.info, record.kind, flush);
        self.record_frame(&record, flush);
        let told = record::data(self.message, &record, self.reading);
        if !told || record.data.is_none() {
            return Err(Stopped);
        }
        Ok(record.start + usize::from(record.length))
    }

    fn record_frame(&mut self, record: &Record<'_>, flush: bool) {
        let reading = &mut *self.reading;
        if record.kind == record::SRV {
            let (service, protocol, domain) = record.name.service();
            reading.text("dns.srv.service", service);
            reading.text("dns.srv.proto", protocol);
            reading.text("dns.srv.name", domain);
        } else {
            reading.text("dns.resp.name", &record.name.text);
        }
        reading.number("dns.resp.type", record.kind);
        if record.kind == record::OPT {
            // RFC 6891, section 6.1.3.
            let [extended, version, z @ ..] = record.ttl.to_be_bytes();
            let z = u16::from_be_bytes(z);
            if reading.protocol == Neighbour::Mdns {
                reading.number("dns.rr.udp_payload_size", record.class & 0x7fff);
                reading.flag("dns.resp.cache_flush", record.class & 0x8000 != 0);
            } else {
                reading.number("dns.rr.udp_payload_size", record.class);
            }
            reading.number("dns.resp.ext_rcode", extended);
            reading.number("dns.resp.edns0_version", version);
            reading.number("dns.resp.z", z);
            reading.flag("dns.resp.z.do", z & 0x8000 != 0);
            reading.number("dns.resp.z.reserved", z & 0x7fff);
        } else {
            let class = if reading.protocol == Neighbour::Mdns { record.class & 0x7fff } else { record.class };
            reading.number("dns.resp.class", class);
            if reading.protocol == Neighbour::Mdns {
                reading.flag("dns.resp.cache_flush", flush);
            }
            reading.number("dns.resp.ttl", record.ttl);
        }
        reading.number("dns.resp.len", record.length);
    }
}
