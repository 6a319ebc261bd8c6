//! The protection of records, taken off: AEAD of TLS 1.2 (RFC 5246, section 6.2.3.3) and 1.3 (RFC 8446, section 5.2), and
//! AES in blocks with a code before (section 6.2.3.2) or around it (RFC 7366).

use std::fmt;

use aes::cipher::consts::U16;
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::{Decryptor, Encryptor};
use ctr::Ctr128BE;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use super::keylog::SecretBytes;
use super::keys::{self, hmac};
use super::suite::{Cipher, Hash, Suite};

const BLOCK: usize = 16;

/// A record that is to be opened.
#[derive(Debug, Clone, Copy)]
pub(in crate::dissect) struct Sealed<'a> {
    /// Its content type, as its header says.
    pub(in crate::dissect) kind: u8,
    /// The version in its header.
    pub(in crate::dissect) version: u16,
    /// What stands behind its header.
    pub(in crate::dissect) body: &'a [u8],
}

/// Opens the records of one direction, until keys change.
pub(in crate::dissect) struct Opener {
    method: Method,
    /// The number of the next record.
    pub(in crate::dissect) sequence: u64,
}

/// Keys are never printed.
impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

enum Method {
    Aead { key: Box<LessSafeKey>, iv: [u8; 12], form: Form },
    Ccm { key: [u8; 32], length: usize, tag: usize, iv: [u8; 12], form: Form },
    Cbc { key: [u8; 32], length: usize, mac: MacKey, vector: Vector, around: bool },
    Null { mac: MacKey },
}

/// The key of a code.
struct MacKey {
    hash: Hash,
    key: [u8; 48],
}

impl MacKey {
    fn code(&self, parts: &[&[u8]]) -> keys::Code {
        hmac(self.hash, self.key.get(..self.hash.length()).unwrap_or_default(), parts)
    }
}

/// Where the first vector of a record comes from.
#[derive(Clone, Copy)]
enum Vector {
    /// It stands before it, from TLS 1.1 on.
    Sent,
    /// It is the last block of the record before.
    Last([u8; BLOCK]),
}

/// What is used once, and what else is authenticated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// TLS 1.2: part of the nonce stands before the record (RFC 5288, RFC 6655).
    Explicit,
    /// TLS 1.2 with ChaCha20-Poly1305 (RFC 7905).
    Mixed,
    /// TLS 1.3.
    Modern,
}

impl Form {
    const fn sent(self) -> usize {
        match self {
            Self::Explicit => 8,
            Self::Mixed | Self::Modern => 0,
        }
    }

    fn nonce(self, iv: &[u8; 12], sequence: u64, body: &[u8]) -> Option<[u8; 12]> {
        let mut nonce = *iv;
        let number = match self {
            Self::Explicit => *body.first_chunk()?,
            Self::Mixed | Self::Modern => sequence.to_be_bytes(),
        };
        // Of an explicit nonce the vector has the first four bytes, and zeros behind.
        nonce.iter_mut().skip(4).zip(number).for_each(|(to, from)| *to ^= from);
        Some(nonce)
    }

    /// The data that is authenticated, and how long it is.
    fn aad(self, sequence: u64, record: &Sealed<'_>, tag: usize) -> Option<([u8; 13], usize)> {
        let mut aad = [0; 13];
        match self {
            Self::Modern => {
                let head = head(record.kind, record.version, record.body.len());
                aad.iter_mut().zip(head).for_each(|(to, from)| *to = from);
                Some((aad, 5))
            }
            Self::Explicit | Self::Mixed => {
                let length = record.body.len().checked_sub(self.sent() + tag)?;
                Some((pseudo_head(sequence, record, length), 13))
            }
        }
    }
}

fn head(kind: u8, version: u16, length: usize) -> [u8; 5] {
    let ([major, minor], [high, low]) = (version.to_be_bytes(), (length as u16).to_be_bytes());
    [kind, major, minor, high, low]
}

/// What is authenticated beside the content up to TLS 1.2.
fn pseudo_head(sequence: u64, record: &Sealed<'_>, length: usize) -> [u8; 13] {
    let mut bytes = [0; 13];
    let number = sequence.to_be_bytes();
    let all = number.into_iter().chain(head(record.kind, record.version, length));
    bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    bytes
}

/// What the ends of a connection of TLS up to 1.2 have agreed on.
#[derive(Debug, Clone, Copy)]
pub(in crate::dissect) struct Agreed {
    pub(in crate::dissect) version: u16,
    pub(in crate::dissect) suite: Suite,
    pub(in crate::dissect) encrypt_then_mac: bool,
    pub(in crate::dissect) client_random: [u8; 32],
    pub(in crate::dissect) server_random: [u8; 32],
}

/// Takes the next bytes of a key block.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, behind) = rest.split_at_checked(length).unwrap_or_default();
    *rest = behind;
    taken
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut room = [0; N];
    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    room
}

const fn algorithm(cipher: Cipher) -> Option<&'static Algorithm> {
    match cipher {
        Cipher::Gcm { key: 16 } => Some(&AES_128_GCM),
        Cipher::Gcm { .. } => Some(&AES_256_GCM),
        Cipher::ChaCha => Some(&CHACHA20_POLY1305),
        Cipher::Ccm { .. } | Cipher::Cbc { .. } | Cipher::Null { .. } => None,
    }
}

impl Opener {
    /// For a direction of a connection of TLS up to 1.2.
    pub(in crate::dissect) fn classic(agreed: &Agreed, master: &SecretBytes, is_client: bool) -> Option<Self> {
        let Agreed { version, suite, encrypt_then_mac, client_random, server_random } = agreed;
        let block = keys::key_block(*version, suite.prf, master, server_random, client_random);
        let (mac, key, iv) = match suite.cipher {
            Cipher::Gcm { key } | Cipher::Ccm { key, .. } => (0, key, 4),
            Cipher::ChaCha => (0, 32, 12),
            Cipher::Cbc { key, mac } => (mac.length(), key, if *version >= 0x0302 { 0 } else { BLOCK }),
            Cipher::Null { mac } => (mac.length(), 0, 0),
        };
        let mut rest = block.as_slice();
        let mut own = |length: usize| {
            let (client, server) = (take(&mut rest, length), take(&mut rest, length));
            if is_client { client } else { server }
        };
        let (mac_key, key, iv) = (own(mac), own(key), own(iv));
        let form = if suite.cipher == Cipher::ChaCha { Form::Mixed } else { Form::Explicit };
        let code = |hash| MacKey { hash, key: padded(mac_key) };
        let method = match suite.cipher {
            Cipher::Cbc { mac, .. } => Method::Cbc {
                key: padded(key),
                length: key.len(),
                mac: code(mac),
                vector: if *version >= 0x0302 { Vector::Sent } else { Vector::Last(padded(iv)) },
                around: *encrypt_then_mac,
            },
            Cipher::Null { mac } => Method::Null { mac: code(mac) },
            cipher => aead(cipher, key, padded(iv), form)?,
        };
        Some(Self { method, sequence: 0 })
    }

    /// For a secret of TLS 1.3.
    pub(in crate::dissect) fn modern(suite: Suite, secret: &SecretBytes) -> Option<Self> {
        let length = match suite.cipher {
            Cipher::Gcm { key } | Cipher::Ccm { key, .. } => key,
            Cipher::ChaCha => 32,
            Cipher::Cbc { .. } | Cipher::Null { .. } => return None,
        };
        let (mut key, mut iv) = ([0; 32], [0; 12]);
        let key = key.get_mut(..length)?;
        let derived =
            keys::expand(suite.prf, secret.get(), "key", key) && keys::expand(suite.prf, secret.get(), "iv", &mut iv);
        let method = derived.then(|| aead(suite.cipher, key, iv, Form::Modern)).flatten()?;
        Some(Self { method, sequence: 0 })
    }

    /// For packets of QUIC, whose header is what else is authenticated (RFC 9001, section 5.3).
    pub(in crate::dissect) fn of_packets(suite: Suite, key: &[u8], iv: [u8; 12]) -> Option<Self> {
        Some(Self { method: aead(suite.cipher, key, iv, Form::Modern)?, sequence: 0 })
    }

    /// Opens a packet of QUIC: its content is put into `out`. Says whether it is authentic.
    pub(in crate::dissect) fn open_packet(&self, number: u64, header: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        match &self.method {
            Method::Aead { key, iv, form } => {
                let Some(nonce) = form.nonce(iv, number, &[]) else { return false };
                out.extend_from_slice(sealed);
                let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), out);
                let Ok(length) = opened.map(|plain| plain.len()) else { return false };
                out.truncate(length);
                true
            }
            Method::Ccm { key, length, tag, iv, form } => {
                let Some(nonce) = form.nonce(iv, number, &[]) else { return false };
                open_ccm(key.get(..*length).unwrap_or_default(), &nonce, header, *tag, sealed, out).is_some()
            }
            // No packet is protected so.
            Method::Cbc { .. } | Method::Null { .. } => false,
        }
    }

    /// Opens a record as the one with this number: its content is put into `out`. Says whether it is authentic.
    pub(in crate::dissect) fn open(&mut self, record: &Sealed<'_>, sequence: u64, out: &mut Vec<u8>) -> bool {
        let opened = self.try_open(record, sequence, out).is_some();
        if opened {
            self.sequence = sequence.wrapping_add(1);
        }
        opened
    }

    /// How many bytes the content of a record has whose body has so many, if all is as usual.
    pub(in crate::dissect) fn content_length(&self, body: usize) -> Option<usize> {
        match &self.method {
            Method::Aead { form, .. } => body.checked_sub(form.sent() + 16 + usize::from(*form == Form::Modern)),
            Method::Ccm { tag, form, .. } => body.checked_sub(form.sent() + tag + usize::from(*form == Form::Modern)),
            Method::Null { mac } => body.checked_sub(mac.hash.length()),
            // Padding hides it.
            Method::Cbc { .. } => None,
        }
    }

    fn try_open(&mut self, record: &Sealed<'_>, sequence: u64, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        match &mut self.method {
            Method::Aead { key, iv, form } => {
                let nonce = form.nonce(iv, sequence, record.body)?;
                let (aad, length) = form.aad(sequence, record, 16)?;
                out.extend_from_slice(record.body.get(form.sent()..)?);
                let aad = Aad::from(aad.get(..length)?);
                let plain = key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, out).ok()?.len();
                out.truncate(plain);
            }
            Method::Ccm { key, length, tag, iv, form } => {
                let nonce = form.nonce(iv, sequence, record.body)?;
                let (aad, aad_length) = form.aad(sequence, record, *tag)?;
                let sealed = record.body.get(form.sent()..)?;
                open_ccm(key.get(..*length)?, &nonce, aad.get(..aad_length)?, *tag, sealed, out)?;
            }
            Method::Cbc { key, length, mac, vector, around } => {
                let mut body = record.body;
                if *around {
                    let (inner, sent) = body.split_at_checked(body.len().checked_sub(mac.hash.length())?)?;
                    if mac.code(&[&pseudo_head(sequence, record, inner.len()), inner]).get() != sent {
                        return None;
                    }
                    body = inner;
                }
                let last = body.last_chunk().copied()?;
                let (first, blocks) = match vector {
                    Vector::Sent => body.split_first_chunk::<BLOCK>().map(|(first, rest)| (*first, rest))?,
                    Vector::Last(last) => (*last, body),
                };
                out.extend_from_slice(blocks);
                let key = key.get(..*length)?;
                if *length == 16 {
                    Decryptor::<Aes128>::new_from_slices(key, &first).ok()?.decrypt_padded::<NoPadding>(out).ok()?;
                } else {
                    Decryptor::<Aes256>::new_from_slices(key, &first).ok()?.decrypt_padded::<NoPadding>(out).ok()?;
                }
                // Each byte of the padding says how many there are before the last.
                let padding = *out.last()?;
                let plain = out.len().checked_sub(usize::from(padding) + 1)?;
                if out.get(plain..)?.iter().any(|byte| *byte != padding) {
                    return None;
                }
                out.truncate(plain);
                if !*around {
                    check_code(mac, sequence, record, out)?;
                }
                if let Vector::Last(kept) = vector {
                    *kept = last;
                }
            }
            Method::Null { mac } => {
                out.extend_from_slice(record.body);
                check_code(mac, sequence, record, out)?;
            }
        }
        Some(())
    }
}

/// Takes the code off the end of a content, if it is right.
fn check_code(mac: &MacKey, sequence: u64, record: &Sealed<'_>, out: &mut Vec<u8>) -> Option<()> {
    let (content, sent) = out.split_at_checked(out.len().checked_sub(mac.hash.length())?)?;
    let is_right = mac.code(&[&pseudo_head(sequence, record, content.len()), content]).get() == sent;
    let length = content.len();
    out.truncate(length);
    is_right.then_some(())
}

fn aead(cipher: Cipher, key: &[u8], iv: [u8; 12], form: Form) -> Option<Method> {
    if let Cipher::Ccm { tag, .. } = cipher {
        return Some(Method::Ccm { key: padded(key), length: key.len(), tag, iv, form });
    }
    let key = UnboundKey::new(algorithm(cipher)?, key).ok()?;
    Some(Method::Aead { key: Box::new(LessSafeKey::new(key)), iv, form })
}

/// Opens what AES-CCM has sealed: the content is put into `out`, if it is authentic.
fn open_ccm(key: &[u8], nonce: &[u8; 12], aad: &[u8], tag: usize, sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (content, sent) = sealed.split_at_checked(sealed.len().checked_sub(tag)?)?;
    out.extend_from_slice(content);
    let code = if key.len() == 16 {
        ccm::<Ctr128BE<Aes128>, Encryptor<Aes128>>(key, nonce, aad, tag, out)
    } else {
        ccm::<Ctr128BE<Aes256>, Encryptor<Aes256>>(key, nonce, aad, tag, out)
    }?;
    (code.get(..tag)? == sent).then_some(())
}

/// Decrypts in place by CTR and gives the code of what came out, by CBC-MAC (RFC 3610, with a length field of 3 bytes).
///
/// Put together here of the two modes, that several blocks are decrypted at a time: half as much time as one by one.
fn ccm<S, M>(key: &[u8], nonce: &[u8; 12], aad: &[u8], tag: usize, content: &mut [u8]) -> Option<[u8; BLOCK]>
where
    S: KeyIvInit + StreamCipher,
    M: KeyIvInit + BlockModeEncrypt<BlockSize = U16>,
{
    const AT_ONCE: usize = 32;
    let mut counter = [0; BLOCK];
    counter.first_chunk_mut::<13>()?.copy_from_slice(&[&[2], &nonce[..]].concat());
    let mut stream = S::new_from_slices(key, &counter).ok()?;
    let mut mask = [0; BLOCK];
    stream.apply_keystream(&mut mask);
    stream.apply_keystream(content);

    let mut mac = M::new_from_slices(key, &[0; BLOCK]).ok()?;
    let flags = 64 + 8 * (tag as u8 - 2) / 2 + 2;
    let [_, length @ ..] = (content.len() as u32).to_be_bytes();
    let first = [flags].into_iter().chain(*nonce).chain(length);
    // The length of the associated data stands before it, and zeros behind it.
    let second = (aad.len() as u16).to_be_bytes().into_iter().chain(aad.iter().copied());
    let mut bytes = first.chain(second);
    let mut code = Array::from([0; BLOCK]);
    for _ in 0..=(2 + aad.len()).div_ceil(BLOCK) {
        code = Array::from([0; BLOCK]);
        code.iter_mut().zip(&mut bytes).for_each(|(to, from)| *to = from);
        mac.encrypt_blocks(std::slice::from_mut(&mut code));
    }
    let mut blocks = [Array::from([0; BLOCK]); AT_ONCE];
    for part in content.chunks(AT_ONCE * BLOCK) {
        let count = part.len().div_ceil(BLOCK);
        let blocks = blocks.get_mut(..count)?;
        for (block, bytes) in blocks.iter_mut().zip(part.chunks(BLOCK)) {
            *block = Array::from(bytes.first_chunk().copied().unwrap_or_else(|| padded(bytes)));
        }
        mac.encrypt_blocks(blocks);
        code = *blocks.last()?;
    }
    let mut sum = [0; BLOCK];
    sum.iter_mut().zip(code.iter().zip(mask)).for_each(|(to, (code, mask))| *to = code ^ mask);
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3610 has no vector with a length field of 3 bytes; NIST SP 800-38C, example 3, has: 12 bytes of nonce, a tag of 8.
    #[test]
    fn ccm_is_that_of_the_standard() {
        let key: Vec<u8> = (0x40..0x50).collect();
        let nonce: [u8; 12] = std::array::from_fn(|at| 0x10 + at as u8);
        let aad: Vec<u8> = (0..20).collect();
        let sealed = [
            0xe3, 0xb2, 0x01, 0xa9, 0xf5, 0xb7, 0x1a, 0x7a, 0x9b, 0x1c, 0xea, 0xec, 0xcd, 0x97, 0xe7, 0x0b, 0x61, 0x76,
            0xaa, 0xd9, 0xa4, 0x42, 0x8a, 0xa5, 0x48, 0x43, 0x92, 0xfb, 0xc1, 0xb0, 0x99, 0x51,
        ];
        let mut content = Vec::new();
        assert!(open_ccm(&key, &nonce, &aad, 8, &sealed, &mut content).is_some());
        assert_eq!(content, (0x20..0x38).collect::<Vec<u8>>());
        content.clear();
        assert!(open_ccm(&key, &nonce, &aad[1..], 8, &sealed, &mut content).is_none());
    }

    #[test]
    fn a_record_of_another_number_is_not_authentic() {
        let suite = Suite::of(0x1301).expect("it is known");
        let secret = SecretBytes::new(&[7; 32]);
        let mut opener = Opener::modern(suite, &secret).expect("a key");
        let body = [0; 40];
        let record = Sealed { kind: 23, version: 0x0303, body: &body };
        assert!(!opener.open(&record, 0, &mut Vec::new()));
        assert_eq!(opener.sequence, 0);
        assert!(!format!("{opener:?}").contains("iv"));
    }
}
