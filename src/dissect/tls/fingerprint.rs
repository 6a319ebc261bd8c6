//! Fingerprints of clients: what they offer, and in which order, tells which software they are.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hello::{ClientHello, extension, is_grease};

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn joined<T>(items: impl IntoIterator<Item = T>, separator: &str, show: impl Fn(T) -> String) -> String {
    items.into_iter().map(show).collect::<Vec<_>>().join(separator)
}

/// JA3: the MD5 digest of version, suites, extensions, groups and formats of points, without GREASE.
pub(in crate::dissect) fn ja3(hello: &ClientHello) -> String {
    hex(&Md5::digest(ja3_text(hello)))
}

fn ja3_text(hello: &ClientHello) -> String {
    let numbers = |list: &[u16]| joined(list.iter().filter(|number| !is_grease(**number)), "-", ToString::to_string);
    let formats = joined(&hello.point_formats, "-", u8::to_string);
    let (suites, extensions, groups) = (numbers(&hello.suites), numbers(&hello.extensions), numbers(&hello.groups));
    format!("{},{suites},{extensions},{groups},{formats}", hello.version)
}

/// What carries a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) enum Carrier {
    Tcp,
    Quic,
}

/// JA4: version, name, counts and ALPN as they are, then digests of the suites and of extensions and signatures.
pub(in crate::dissect) fn ja4(hello: &ClientHello, carrier: Carrier) -> String {
    let kept = |list: &[u16]| list.iter().copied().filter(|number| !is_grease(*number)).collect::<Vec<_>>();
    let digest = |text: &str| {
        if text.is_empty() { "0".repeat(12) } else { hex(Sha256::digest(text).get(..6).unwrap_or_default()) }
    };
    let version = match kept(&hello.versions).into_iter().max().unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    let (mut suites, mut extensions) = (kept(&hello.suites), kept(&hello.extensions));
    let named = if extensions.contains(&extension::SERVER_NAME) { 'd' } else { 'i' };
    let counts = (suites.len().min(99), extensions.len().min(99));
    suites.sort_unstable();
    extensions.retain(|number| !matches!(*number, extension::SERVER_NAME | extension::ALPN));
    extensions.sort_unstable();
    let digits = |list: &[u16]| joined(list, ",", |number| format!("{number:04x}"));
    let mut features = digits(&extensions);
    if !features.is_empty() && !hello.signatures.is_empty() {
        features = format!("{features}_{}", digits(&hello.signatures));
    }
    let alpn = alpn(hello.alpn.first().map_or(&[], |name| name));
    let carrier = if carrier == Carrier::Quic { 'q' } else { 't' };
    let head = format!("{carrier}{version}{named}{:02}{:02}{alpn}", counts.0, counts.1);
    format!("{head}_{}_{}", digest(&digits(&suites)), digest(&features))
}

/// The first and the last character of a protocol's name; of its digits where it is no text.
fn alpn(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [*first, *last].map(char::from).iter().collect();
    }
    hex(name).chars().take(1).chain(hex(name).chars().last()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of JA4's specification.
    #[test]
    fn ja4_is_that_of_its_specification() {
        let hello = ClientHello {
            version: 0x0303,
            versions: vec![0x7a7a, 0x0304, 0x0303],
            suites: vec![
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x0a0a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                0xff01, 0x000b, 0x000a, 0x0015, 0xfafa,
            ],
            signatures: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: vec![Box::from(&b"h2"[..])],
            ..ClientHello::default()
        };
        assert_eq!(ja4(&hello, Carrier::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(ja4(&hello, Carrier::Quic), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    /// The example of JA3's specification.
    #[test]
    fn ja3_is_that_of_its_specification() {
        let hello = ClientHello {
            version: 769,
            suites: vec![0x0a0a, 47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            point_formats: vec![0],
            ..ClientHello::default()
        };
        assert_eq!(ja3_text(&hello), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        assert_eq!(ja3(&hello), "ada70206e40642a3e4461f35503241d5");
    }

    #[test]
    fn a_hello_that_offers_nothing_has_a_fingerprint() {
        assert_eq!(ja4(&ClientHello::default(), Carrier::Tcp), "t00i000000_000000000000_000000000000");
        assert_eq!(alpn(&[0xab, 0xcd]), "ad");
    }
}
