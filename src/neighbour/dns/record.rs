//! What records say: their data by their types.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Reading, Record, info, name, number16, number32};
use crate::neighbour::Value;

pub(super) const A: u16 = 1;
pub(super) const CNAME: u16 = 5;
const SOA: u16 = 6;
pub(super) const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;
pub(super) const OPT: u16 = 41;
pub(super) const SVCB: u16 = 64;
pub(super) const HTTPS: u16 = 65;
const SPF: u16 = 99;

/// What the parameters of a service are called that hold addresses (RFC 9460, section 7.3).
pub(super) const HINTS: (u16, u16) = (4, 6);

/// The types whose data is one name, and what it is called.
const NAMES: [(u16, &str); 11] = [
    (2, "dns.ns"),
    (3, "dns.md"),
    (4, "dns.mf"),
    (CNAME, "dns.cname"),
    (7, "dns.mb"),
    (8, "dns.mg"),
    (9, "dns.mr"),
    (PTR, "dns.ptr.domain_name"),
    (30, "dns.nxt.next_domain_name"),
    (39, "dns.dname"),
    (NSEC, "dns.nsec.next_domain_name"),
];

/// Tells the data of a record, as far as it goes; whether it was all as it should be.
pub(super) fn data(message: &[u8], record: &Record<'_>, reading: &mut Reading) -> bool {
    // Of a record that is cut, what there is.
    let end = (record.start + usize::from(record.length)).min(message.len());
    let mut data = Data { message, at: record.start, end, reading };
    // In an update a record without data stands for all of its type (RFC 2136, section 2.5.2).
    record.length == 0 || data.read(record.kind).is_some()
}

/// The data of a record, from front to back.
struct Data<'a, 'b> {
    message: &'a [u8],
    at: usize,
    end: usize,
    reading: &'b mut Reading,
}

impl<'a> Data<'a, '_> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.message.get(self.at..self.at + count).filter(|_| self.at + count <= self.end)?;
        self.at += count;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        number16(self.take(2)?, 0)
    }

    fn left(&self) -> usize {
        self.end - self.at
    }

    /// A name, which is told in the line as well.
    fn name(&mut self, field: &'static str) -> Option<()> {
        let name = name::read(self.message, self.at).filter(|name| name.end <= self.end)?;
        self.at = name.end;
        info::said(&mut self.reading.info, &name.text);
        self.reading.text(field, &name.text);
        Some(())
    }

    /// A number that is told in the line as well.
    fn told(&mut self, field: &'static str) -> Option<()> {
        let number = self.number()?;
        self.reading.number(field, number);
        info::said(&mut self.reading.info, number.to_string().as_bytes());
        Some(())
    }

    /// Texts that have their lengths before them.
    fn texts(&mut self, length: &'static str, text: &'static str) -> Option<()> {
        while self.left() > 0 {
            let count = self.byte()?;
            self.reading.number(length, count);
            let bytes = self.take(count.into())?;
            self.reading.text(text, bytes);
            self.stop_if_full()?;
        }
        Some(())
    }

    fn stop_if_full(&self) -> Option<()> {
        (self.reading.values.len() < super::VALUES).then_some(())
    }

    fn read(&mut self, kind: u16) -> Option<()> {
        if let Some((_, field)) = NAMES.iter().find(|(known, _)| *known == kind) {
            self.name(field)?;
        }
        match kind {
            A => {
                let address = Ipv4Addr::from(*self.take(4)?.first_chunk()?);
                info::said(&mut self.reading.info, address.to_string().as_bytes());
                self.reading.put("dns.a", Value::Ipv4(address));
            }
            AAAA => {
                let address = Ipv6Addr::from(*self.take(16)?.first_chunk()?);
                info::said(&mut self.reading.info, address.to_string().as_bytes());
                self.reading.put("dns.aaaa", Value::Ipv6(address));
            }
            MX => {
                self.told("dns.mx.preference")?;
                self.name("dns.mx.mail_exchange")?;
            }
            SRV => {
                self.told("dns.srv.priority")?;
                self.told("dns.srv.weight")?;
                self.told("dns.srv.port")?;
                self.name("dns.srv.target")?;
            }
            TXT => self.texts("dns.txt.length", "dns.txt")?,
            SPF => self.texts("dns.spf.length", "dns.spf")?,
            SOA => self.soa()?,
            NSEC => self.types()?,
            NSEC3 => {
                // Algorithm, flags and iterations, then salt and hash with their lengths (RFC 5155, section 3.2).
                self.take(4)?;
                for _ in 0..2 {
                    let count = self.byte()?;
                    self.take(count.into())?;
                }
                self.types()?;
            }
            SVCB | HTTPS => self.service()?,
            OPT => self.options()?,
            _ => {}
        }
        Some(())
    }

    fn soa(&mut self) -> Option<()> {
        self.name("dns.soa.mname")?;
        let rname = name::read(self.message, self.at).filter(|name| name.end <= self.end)?;
        self.at = rname.end;
        self.reading.text("dns.soa.rname", &rname.text);
        for field in [
            "dns.soa.serial_number",
            "dns.soa.refresh_interval",
            "dns.soa.retry_interval",
            "dns.soa.expire_limit",
            "dns.soa.minimum_ttl",
        ] {
            let number = number32(self.take(4)?, 0)?;
            self.reading.number(field, number);
        }
        Some(())
    }

    /// The types that there are for a name, as bits (RFC 4034, section 4.1.2).
    fn types(&mut self) -> Option<()> {
        while self.left() > 0 {
            let (block, count) = (self.byte()?, self.byte()?);
            for (byte, at) in self.take(count.into())?.iter().zip(0u16..) {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    self.reading.number("dns.resp.type", u16::from(block) << 8 | (at * 8 + bit) & 0xff);
                }
                self.stop_if_full()?;
            }
        }
        Some(())
    }

    /// Where a service is to be had, and how (RFC 9460, section 2.2).
    fn service(&mut self) -> Option<()> {
        let priority = self.number()?;
        self.reading.number("dns.svcb.svcpriority", priority);
        let target = name::read(self.message, self.at).filter(|name| name.end <= self.end)?;
        self.at = target.end;
        self.reading.text("dns.svcb.targetname", &target.text);
        while self.left() > 0 {
            self.reading.put("dns.svcb.svcparam", Value::Present);
            let (key, length) = (self.number()?, self.number()?);
            self.reading.number("dns.svcb.svcparam.key", key);
            self.reading.number("dns.svcb.svcparam.value.length", length);
            let value = self.take(length.into())?;
            self.parameter(key, value)?;
            self.stop_if_full()?;
        }
        Some(())
    }

    fn parameter(&mut self, key: u16, value: &[u8]) -> Option<()> {
        let reading = &mut *self.reading;
        let pairs = || value.chunks_exact(2).filter_map(|pair| number16(pair, 0));
        match key {
            0 => pairs().take(64).for_each(|key| reading.number("dns.svcb.svcparam.mandatory.key", key)),
            1 => {
                let mut rest = value;
                while let [length, behind @ ..] = rest {
                    reading.number("dns.svcb.svcparam.alpn.length", *length);
                    let (name, behind) = behind.split_at_checked((*length).into())?;
                    reading.text("dns.svcb.svcparam.alpn", name);
                    rest = behind;
                    (reading.values.len() < super::VALUES).then_some(())?;
                }
            }
            3 => reading.number("dns.svcb.svcparam.port", number16(value, 0)?),
            key if key == HINTS.0 => {
                for address in value.chunks_exact(4).take(64).filter_map(|bytes| bytes.first_chunk::<4>()) {
                    reading.put("dns.svcb.svcparam.ipv4hint.ip", Value::Ipv4((*address).into()));
                }
            }
            key if key == HINTS.1 => {
                for address in value.chunks_exact(16).take(64).filter_map(|bytes| bytes.first_chunk::<16>()) {
                    reading.put("dns.svcb.svcparam.ipv6hint.ip", Value::Ipv6((*address).into()));
                }
            }
            2 => {}
            5 => reading.put("dns.svcb.svcparam.echconfig", Value::Bytes(value.to_vec())),
            _ => reading.put("dns.svcb.svcparam.value", Value::Bytes(value.to_vec())),
        }
        Some(())
    }

    /// Options of EDNS (RFC 6891, section 6.1.2). What they hold is told of those that hold no secret: a cookie is what an
    /// attacker must not know (RFC 7873, section 4).
    fn options(&mut self) -> Option<()> {
        while self.left() > 0 {
            self.reading.put("dns.opt", Value::Present);
            let (code, length) = (self.number()?, self.number()?);
            self.reading.number("dns.opt.code", code);
            self.reading.number("dns.opt.len", length);
            let value = self.take(length.into())?;
            match code {
                8 => self.subnet(value),
                11 if length == 2 => self.reading.number("dns.opt.edns_tcp_keepalive.timeout", number16(value, 0)?),
                15 => {
                    self.reading.number("dns.opt.ext_error.info_code", number16(value, 0)?);
                    let text = value.get(2..).unwrap_or_default();
                    if !text.is_empty() {
                        self.reading.text("dns.opt.ext_error.extra_text", text);
                    }
                }
                _ => {}
            }
            self.stop_if_full()?;
        }
        Some(())
    }

    /// The network that a question came from (RFC 7871, section 6).
    fn subnet(&mut self, value: &[u8]) {
        let [f0, f1, netmask, scope, address @ ..] = value else { return };
        let family = u16::from_be_bytes([*f0, *f1]);
        self.reading.number("dns.opt.client.family", family);
        self.reading.number("dns.opt.client.netmask", *netmask);
        self.reading.number("dns.opt.client.scope", *scope);
        let mut whole = [0; 16];
        for (to, from) in whole.iter_mut().zip(address) {
            *to = *from;
        }
        let [a, b, c, d, ..] = whole;
        match family {
            1 if address.len() <= 4 => self.reading.put("dns.opt.client.addr4", Value::Ipv4([a, b, c, d].into())),
            2 if address.len() <= 16 => self.reading.put("dns.opt.client.addr6", Value::Ipv6(whole.into())),
            _ => {}
        }
    }
}
