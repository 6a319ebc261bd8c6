//! What a certificate says of whom it is for and when it is valid (RFC 5280). Only these fields are walked to; nothing is
//! verified.

use crate::text::kept_name;
use crate::time::Timestamp;

/// Names that are kept of a certificate.
const NAMES: usize = 16;
/// How deep and how far the extensions are looked through.
const EXTENSIONS: usize = 64;

const INTEGER: u8 = 0x02;
const BIT_STRING_OF_SERIAL: u8 = 0xa0;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const LONG_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const TRUE_OR_FALSE: u8 = 0x01;
const EXTENSION_LIST: u8 = 0xa3;

/// 2.5.4.3, commonName.
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
/// 2.5.29.17, subjectAltName.
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;

/// A certificate, as far as it is of interest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// The common name of its subject.
    pub subject: Option<Box<[u8]>>,
    /// The common name of who signed it.
    pub issuer: Option<Box<[u8]>>,
    /// The names and addresses that it is for.
    pub names: Vec<Box<[u8]>>,
    /// The first second in which it is valid.
    pub not_before: Option<Timestamp>,
    /// The last one.
    pub not_after: Option<Timestamp>,
}

/// Elements one after the other: a tag, a length, a content.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match *length {
            short @ 0..0x80 => (usize::from(short), rest),
            long => {
                // Up to four bytes of length; the form without a length is none of DER.
                let (digits, rest) = rest
                    .split_at_checked(usize::from(long & 0x7f))
                    .filter(|(digits, _)| matches!(digits.len(), 1..=4))?;
                (digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The content of the next element, if it has this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }
}

impl Certificate {
    /// Reads a certificate in DER, as far as it can be read.
    pub(in crate::dissect) fn read(bytes: &[u8]) -> Option<Self> {
        let mut whole = Der(Der(bytes).expect(SEQUENCE)?);
        let mut fields = Der(whole.expect(SEQUENCE)?);
        let (tag, _) = fields.next()?;
        if tag == BIT_STRING_OF_SERIAL {
            fields.expect(INTEGER)?;
        }
        fields.expect(SEQUENCE)?;
        let issuer = common_name(fields.expect(SEQUENCE)?);
        let mut validity = Der(fields.expect(SEQUENCE)?);
        let (not_before, not_after) = (validity.next().and_then(time), validity.next().and_then(time));
        let subject = common_name(fields.expect(SEQUENCE)?);
        let mut certificate = Self { subject, issuer, names: Vec::new(), not_before, not_after };
        fields.expect(SEQUENCE)?;
        while let Some((tag, content)) = fields.next() {
            if tag == EXTENSION_LIST {
                certificate.names = names(content).unwrap_or_default();
            }
        }
        Some(certificate)
    }
}

/// The last common name of a name: the one that is most specific.
fn common_name(name: &[u8]) -> Option<Box<[u8]>> {
    let (mut sets, mut found) = (Der(name), None);
    while let Some(set) = sets.expect(SET) {
        let mut attribute = Der(Der(set).expect(SEQUENCE)?);
        if attribute.expect(OBJECT) == Some(&COMMON_NAME[..]) {
            found = attribute.next().map(|(_, text)| kept_name(text).into());
        }
    }
    found
}

/// The alternative names in a list of extensions.
fn names(content: &[u8]) -> Option<Vec<Box<[u8]>>> {
    let mut list = Der(Der(content).expect(SEQUENCE)?);
    for _ in 0..EXTENSIONS {
        let mut extension = Der(list.expect(SEQUENCE)?);
        let kind = extension.expect(OBJECT)?;
        let (mut tag, mut value) = extension.next()?;
        if tag == TRUE_OR_FALSE {
            (tag, value) = extension.next()?;
        }
        if tag == OCTETS && kind == ALTERNATIVE_NAMES {
            let mut all = Der(Der(value).expect(SEQUENCE)?);
            let names = std::iter::from_fn(|| all.next()).filter_map(|(tag, name)| match tag {
                DNS_NAME => Some(kept_name(name).into()),
                ADDRESS => address(name),
                _ => None,
            });
            return Some(names.take(NAMES).collect());
        }
    }
    None
}

fn address(bytes: &[u8]) -> Option<Box<[u8]>> {
    let text = match bytes.len() {
        4 => std::net::Ipv4Addr::from(*bytes.first_chunk::<4>()?).to_string(),
        16 => std::net::Ipv6Addr::from(*bytes.first_chunk::<16>()?).to_string(),
        _ => return None,
    };
    Some(text.into_bytes().into())
}

/// A time: two digits of the year, of which those from 50 on belong to the last century, or four (section 4.1.2.5).
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = digits.split_at_checked(if tag == LONG_TIME { 4 } else { 2 })?;
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
    };
    let year = match (tag, number(year)?) {
        (UTC_TIME, year @ 0..50) => 2000 + year,
        (UTC_TIME, year) => 1900 + year,
        (LONG_TIME, year) => year,
        _ => return None,
    };
    let mut parts = rest.chunks(2).map(number);
    let mut part = |range: std::ops::RangeInclusive<i64>| parts.next().flatten().filter(|part| range.contains(part));
    let (month, day) = (part(1..=12)?, part(1..=31)?);
    let (hour, minute, second) = (part(0..=23)?, part(0..=59)?, part(0..=59)?);
    // Days since 1970, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    // Certificates without an end name the year 9999, which is beyond what nanoseconds can count.
    let latest = i64::MAX / 1_000_000_000;
    Some(Timestamp::from_secs_nanos(seconds.clamp(-latest, latest), 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = content.len();
        let head =
            if length < 128 { vec![tag, length as u8] } else { vec![tag, 0x82, (length >> 8) as u8, length as u8] };
        [head, content].concat()
    }

    fn name(text: &str) -> Vec<u8> {
        let attribute = element(SEQUENCE, &[&element(OBJECT, &[&COMMON_NAME]), &element(0x0c, &[text.as_bytes()])]);
        element(SEQUENCE, &[&element(SET, &[&attribute])])
    }

    fn example() -> Vec<u8> {
        let validity =
            element(SEQUENCE, &[&element(UTC_TIME, &[b"500101000000Z"]), &element(LONG_TIME, &[b"20500630235959Z"])]);
        let alternatives =
            element(SEQUENCE, &[&element(DNS_NAME, &[b"broker.example"]), &element(ADDRESS, &[&[192, 0, 2, 7]])]);
        let list = element(
            SEQUENCE,
            &[&element(
                SEQUENCE,
                &[
                    &element(OBJECT, &[&ALTERNATIVE_NAMES]),
                    &element(TRUE_OR_FALSE, &[&[0xff]]),
                    &element(OCTETS, &[&alternatives]),
                ],
            )],
        );
        let fields = element(
            SEQUENCE,
            &[
                &element(BIT_STRING_OF_SERIAL, &[&element(INTEGER, &[&[2]])]),
                &element(INTEGER, &[&[1]]),
                &element(SEQUENCE, &[]),
                &name("a CA"),
                &validity,
                &name("broker"),
                &element(SEQUENCE, &[&[0; 200]]),
                &element(EXTENSION_LIST, &[&list]),
            ],
        );
        element(SEQUENCE, &[&fields, &element(SEQUENCE, &[]), &element(3, &[&[0; 80]])])
    }

    #[test]
    fn names_and_times_are_found() {
        let read = Certificate::read(&example()).expect("a certificate");
        assert_eq!(read.subject.as_deref(), Some(&b"broker"[..]));
        assert_eq!(read.issuer.as_deref(), Some(&b"a CA"[..]));
        assert_eq!(read.names, [Box::from(&b"broker.example"[..]), Box::from(&b"192.0.2.7"[..])]);
        assert_eq!(read.not_before, Some(Timestamp::from_secs_nanos(-631_152_000, 0)), "1950");
        assert_eq!(read.not_after, Some(Timestamp::from_secs_nanos(2_540_246_399, 0)), "2050");
    }

    #[test]
    fn a_certificate_without_an_end_has_one_that_can_be_counted() {
        assert!(time((LONG_TIME, b"99991231235959Z")).is_some());
        assert_eq!(time((UTC_TIME, b"501332000000Z")), None);
        assert_eq!(time((UTC_TIME, b"")), None);
    }

    proptest! {
        #[test]
        fn nothing_panics_however_it_is_damaged(cut in 0usize..700, at in 0usize..700, value in any::<u8>()) {
            let mut bytes = example();
            bytes.truncate(cut);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = Certificate::read(&bytes);
        }
    }
}
