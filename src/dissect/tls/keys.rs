//! From secrets to keys: the pseudorandom functions of TLS up to 1.2 (RFC 2246, section 5; RFC 5246, section 5) and the
//! key schedule of TLS 1.3 (RFC 8446, section 7).

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use super::keylog::SecretBytes;
use super::suite::Hash;

/// A digest of any of the hash functions.
#[derive(Clone, Copy)]
pub(in crate::dissect) struct Code {
    bytes: [u8; 48],
    length: usize,
}

impl Code {
    pub(in crate::dissect) fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The code of a message that comes in parts (RFC 2104).
pub(in crate::dissect) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Code {
    fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Code {
        let mut code = Code { bytes: [0; 48], length: 0 };
        // A key of any length will do.
        if let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) {
            for part in parts {
                mac.update(part);
            }
            let digest = mac.finalize().into_bytes();
            code.bytes.iter_mut().zip(&digest).for_each(|(to, from)| *to = *from);
            code.length = digest.len();
        }
        code
    }
    match hash {
        Hash::Md5 => run::<Hmac<Md5>>(key, parts),
        Hash::Sha1 => run::<Hmac<Sha1>>(key, parts),
        Hash::Sha256 => run::<Hmac<Sha256>>(key, parts),
        Hash::Sha384 => run::<Hmac<Sha384>>(key, parts),
    }
}

/// Mixes the bytes of `P_hash` into the room (RFC 5246, section 5).
fn mix(hash: Hash, secret: &[u8], seed: &[&[u8]], room: &mut [u8]) {
    let mut a = hmac(hash, secret, seed);
    for part in room.chunks_mut(hash.length()) {
        let parts: Vec<&[u8]> = std::iter::once(a.get()).chain(seed.iter().copied()).collect();
        let block = hmac(hash, secret, &parts);
        part.iter_mut().zip(block.get()).for_each(|(to, from)| *to ^= *from);
        a = hmac(hash, secret, &[a.get()]);
    }
}

/// The key block of a connection of TLS up to 1.2 (RFC 5246, section 6.3).
pub(in crate::dissect) fn key_block(
    version: u16,
    prf: Hash,
    master: &SecretBytes,
    server: &[u8; 32],
    client: &[u8; 32],
) -> [u8; 192] {
    // As long as the longest need: two codes of SHA-384, two keys of 32 bytes, two vectors of 16.
    let mut block = [0; 192];
    let seed: [&[u8]; 3] = [b"key expansion", server, client];
    let master = master.get();
    if version >= 0x0303 {
        mix(prf, master, &seed, &mut block);
    } else {
        // Both halves of the secret, which share a byte where its length is odd (RFC 2246, section 5).
        let half = master.len().div_ceil(2);
        mix(Hash::Md5, master.get(..half).unwrap_or_default(), &seed, &mut block);
        mix(Hash::Sha1, master.get(master.len() - half..).unwrap_or_default(), &seed, &mut block);
    }
    block
}

/// `HKDF-Expand-Label` without a context (RFC 8446, section 7.1). Says whether the secret is as long as it has to be.
pub(in crate::dissect) fn expand(hash: Hash, secret: &[u8], label: &str, room: &mut [u8]) -> bool {
    let length = (room.len() as u16).to_be_bytes();
    let name = [6 + label.len() as u8];
    let info: [&[u8]; 5] = [&length, &name, b"tls13 ", label.as_bytes(), &[0]];
    match hash {
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret).is_ok_and(|hkdf| hkdf.expand_multi_info(&info, room).is_ok()),
        Hash::Md5 | Hash::Sha1 | Hash::Sha256 => {
            Hkdf::<Sha256>::from_prk(secret).is_ok_and(|hkdf| hkdf.expand_multi_info(&info, room).is_ok())
        }
    }
}

/// `HKDF-Extract` with SHA-256 (RFC 5869, section 2.2).
pub(in crate::dissect) fn extract(salt: &[u8], material: &[u8]) -> SecretBytes {
    SecretBytes::new(&Hkdf::<Sha256>::extract(Some(salt), material).0)
}

/// The secret that follows on another one after a key update (RFC 8446, section 7.2).
pub(in crate::dissect) fn next_secret(hash: Hash, secret: &SecretBytes) -> SecretBytes {
    let mut next = [0; 48];
    let room = next.get_mut(..secret.get().len().min(48)).unwrap_or_default();
    expand(hash, secret.get(), "traffic upd", room);
    SecretBytes::new(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("digits");
        digits.chunks(2).map(pair).collect()
    }

    /// RFC 8448, section 3: the server's handshake traffic secret, its key and its vector.
    #[test]
    fn keys_of_tls_1_3_are_those_of_rfc_8448() {
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        assert!(expand(Hash::Sha256, &secret, "key", &mut key) && expand(Hash::Sha256, &secret, "iv", &mut iv));
        assert_eq!(key.to_vec(), hex("3fce516009c21727d0f2e4e86ee403bc"));
        assert_eq!(iv.to_vec(), hex("5d313eb2671276ee13000b30"));
        assert!(!expand(Hash::Sha256, &secret[..20], "key", &mut key), "too short for its hash");
    }

    /// The test vector of P_SHA256 that the working group published (mailing list, 2008).
    #[test]
    fn the_pseudorandom_function_of_tls_1_2_is_the_published_one() {
        let secret = hex("9bbe436ba940f017b17652849a71db35");
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        let mut room = [0; 32];
        mix(Hash::Sha256, &secret, &[b"test label", &seed], &mut room);
        assert_eq!(room.to_vec(), hex("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"));
    }
}
