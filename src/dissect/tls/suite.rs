//! Cipher suites: their names, and what these say of how records are protected.

use std::cmp::Ordering;

/// The names that IANA has registered, in the order of their numbers, which stand before them in hexadecimal.
const NAMES: &str = include_str!("suites.tsv");

/// How records are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) enum Cipher {
    Gcm {
        key: usize,
    },
    ChaCha,
    /// With a tag of so many bytes.
    Ccm {
        key: usize,
        tag: usize,
    },
    /// AES in blocks, with a code of its own.
    Cbc {
        key: usize,
        mac: Hash,
    },
    /// Not encrypted, but with a code.
    Null {
        mac: Hash,
    },
}

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    pub(in crate::dissect) const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// A suite that can be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) struct Suite {
    pub(in crate::dissect) cipher: Cipher,
    /// What keys are derived with, from TLS 1.2 on.
    pub(in crate::dissect) prf: Hash,
}

/// The registered name of a suite.
pub fn suite_name(number: u16) -> Option<&'static str> {
    let mut rest = NAMES;
    loop {
        // The line in the middle, or about there.
        let begin = rest.get(..rest.len() / 2)?.rfind('\n').map_or(0, |end| end + 1);
        let (before, from) = rest.split_at(begin);
        let (line, behind) = from.split_once('\n').unwrap_or((from, ""));
        let (digits, name) = line.split_once('\t')?;
        match u16::from_str_radix(digits, 16).ok()?.cmp(&number) {
            Ordering::Equal => return Some(name),
            Ordering::Greater => rest = before,
            Ordering::Less => rest = behind,
        }
    }
}

impl Suite {
    /// Of a number; `None` where it is not known or can't be decrypted.
    pub(in crate::dissect) fn of(number: u16) -> Option<Self> {
        let name = suite_name(number)?;
        // The names tell it all: TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, TLS_AES_128_CCM_8_SHA256, TLS_PSK_WITH_AES_128_CCM.
        let what = name.split_once("_WITH_").map_or_else(|| name.trim_start_matches("TLS_"), |(_, what)| what);
        let (what, hash) = match what.rsplit_once('_') {
            Some((what, "SHA384")) => (what, Hash::Sha384),
            Some((what, "SHA256")) => (what, Hash::Sha256),
            Some((what, "SHA")) => (what, Hash::Sha1),
            Some((what, "MD5")) => (what, Hash::Md5),
            _ => (what, Hash::Sha256),
        };
        let cipher = match what {
            "AES_128_GCM" => Cipher::Gcm { key: 16 },
            "AES_256_GCM" => Cipher::Gcm { key: 32 },
            "CHACHA20_POLY1305" => Cipher::ChaCha,
            "AES_128_CCM" => Cipher::Ccm { key: 16, tag: 16 },
            "AES_256_CCM" => Cipher::Ccm { key: 32, tag: 16 },
            "AES_128_CCM_8" => Cipher::Ccm { key: 16, tag: 8 },
            "AES_256_CCM_8" => Cipher::Ccm { key: 32, tag: 8 },
            "AES_128_CBC" => Cipher::Cbc { key: 16, mac: hash },
            "AES_256_CBC" => Cipher::Cbc { key: 32, mac: hash },
            "NULL" if number != 0 => Cipher::Null { mac: hash },
            _ => return None,
        };
        // Suites of before TLS 1.2 use SHA-256 with it (RFC 5246, section 5).
        let prf = if hash == Hash::Sha384 { Hash::Sha384 } else { Hash::Sha256 };
        Some(Self { cipher, prf })
    }
}

/// The name of a version.
pub const fn version_name(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_how_records_are_protected() {
        let of = |number| Suite::of(number).map(|suite| (suite.cipher, suite.prf));
        assert_eq!(of(0x1301), Some((Cipher::Gcm { key: 16 }, Hash::Sha256)));
        assert_eq!(of(0x1302), Some((Cipher::Gcm { key: 32 }, Hash::Sha384)));
        assert_eq!(of(0x1303), Some((Cipher::ChaCha, Hash::Sha256)));
        assert_eq!(of(0x1305), Some((Cipher::Ccm { key: 16, tag: 8 }, Hash::Sha256)));
        assert_eq!(of(0xc0a8), Some((Cipher::Ccm { key: 16, tag: 8 }, Hash::Sha256)), "TLS_PSK_WITH_AES_128_CCM_8");
        assert_eq!(of(0xcca8), Some((Cipher::ChaCha, Hash::Sha256)));
        assert_eq!(of(0x002f), Some((Cipher::Cbc { key: 16, mac: Hash::Sha1 }, Hash::Sha256)));
        assert_eq!(of(0xc028), Some((Cipher::Cbc { key: 32, mac: Hash::Sha384 }, Hash::Sha384)));
        assert_eq!(of(0x003d), Some((Cipher::Cbc { key: 32, mac: Hash::Sha256 }, Hash::Sha256)));
        assert_eq!(of(0x002c), Some((Cipher::Null { mac: Hash::Sha1 }, Hash::Sha256)));
        assert_eq!((of(0x0000), of(0x000a), of(0x0005)), (None, None, None), "no code, 3DES, RC4");
        assert_eq!(suite_name(0xc02f), Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    }

    #[test]
    fn each_name_is_found_by_its_number_and_no_other() {
        let known: std::collections::BTreeMap<u16, &str> = NAMES
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(digits, name)| (u16::from_str_radix(digits, 16).expect("a number"), name))
            .collect();
        assert!(known.len() > 300 && known.len() == NAMES.lines().count());
        for number in 0..=u16::MAX {
            assert_eq!(suite_name(number), known.get(&number).copied(), "{number:04x}");
        }
    }
}
