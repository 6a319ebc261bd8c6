//! Keys of packets: from where they come, and how they take the protection off (RFC 9001, section 5; RFC 9369, section 3.3).

use std::fmt;

use ring::aead::quic::{AES_128, AES_256, CHACHA20, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::super::tls::cipher::Opener;
use super::super::tls::keylog::SecretBytes;
use super::super::tls::keys::{expand, extract};
use super::super::tls::suite::{Cipher, Hash, Suite};
use super::header::{RawPacket, V2};
use super::numbers::whole_number;
use crate::flow::{ConnectionId, Direction};

/// RFC 9001, section 5.2, and RFC 9369, section 3.3.1.
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
    0xd9,
];

/// RFC 9001, section 5.8, and RFC 9369, section 3.3.3: a key and what is used once with it, known to everybody.
const RETRY_1: ([u8; 16], [u8; 12]) = (
    [0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e],
    [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb],
);
const RETRY_2: ([u8; 16], [u8; 12]) = (
    [0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92],
    [0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a],
);

/// How far behind the beginning of a number the sample of the protected bytes begins (RFC 9001, section 5.4.2).
const SAMPLE_AT: usize = 4;
const SAMPLE: usize = 16;

/// The suite that Initial packets have.
const INITIAL: Suite = Suite { cipher: Cipher::Gcm { key: 16 }, prf: Hash::Sha256 };

/// The labels of a version.
struct Labels {
    key: &'static str,
    iv: &'static str,
    header: &'static str,
    update: &'static str,
}

const fn labels(version: u32) -> Labels {
    if version == V2 {
        Labels { key: "quicv2 key", iv: "quicv2 iv", header: "quicv2 hp", update: "quicv2 ku" }
    } else {
        Labels { key: "quic key", iv: "quic iv", header: "quic hp", update: "quic ku" }
    }
}

/// What takes the protection off packets of one direction: of one phase of keys and, where they are those of data, of those
/// that follow.
pub(super) struct PacketKeys {
    header: HeaderProtectionKey,
    body: Opener,
    suite: Suite,
    secret: SecretBytes,
    version: u32,
}

/// Keys are never printed.
impl fmt::Debug for PacketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKeys").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A packet whose header is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unmasked {
    /// The first byte, without its mask.
    pub(super) first: u8,
    pub(super) number: u64,
    /// How many bytes the number has.
    pub(super) number_length: usize,
}

impl PacketKeys {
    /// Of a secret.
    pub(super) fn new(suite: Suite, secret: SecretBytes, version: u32) -> Option<Self> {
        let (length, header) = match suite.cipher {
            // AES-CCM has the masks of AES (RFC 9001, section 5.4.3).
            Cipher::Gcm { key: 16 } | Cipher::Ccm { key: 16, .. } => (16, &AES_128),
            Cipher::Gcm { .. } | Cipher::Ccm { .. } => (32, &AES_256),
            Cipher::ChaCha => (32, &CHACHA20),
            Cipher::Cbc { .. } | Cipher::Null { .. } => return None,
        };
        let names = labels(version);
        let mut mask = [0; 32];
        let mask = mask.get_mut(..length)?;
        if !expand(suite.prf, secret.get(), names.header, mask) {
            return None;
        }
        let header = HeaderProtectionKey::new(header, mask).ok()?;
        let body = body(suite, &secret, version)?;
        Some(Self { header, body, suite, secret, version })
    }

    /// Those of Initial packets, which everybody can make of the id that the client has chosen for the server.
    pub(super) fn initial(version: u32, id: ConnectionId, direction: Direction) -> Option<Self> {
        let salt = if version == V2 { &SALT_2 } else { &SALT_1 };
        let secret = extract(salt, id.bytes());
        let label = match direction {
            Direction::ToServer => "client in",
            Direction::ToClient => "server in",
        };
        let mut own = [0; 32];
        expand(Hash::Sha256, secret.get(), label, &mut own).then_some(())?;
        Self::new(INITIAL, SecretBytes::new(&own), version)
    }

    /// Those of the next phase (RFC 9001, section 6.1). The header keeps its own.
    pub(super) fn next(&self) -> Option<NextKeys> {
        self.behind(&self.secret)
    }

    /// Those of the phase behind the one with this secret.
    fn behind(&self, secret: &SecretBytes) -> Option<NextKeys> {
        let mut next = [0; 48];
        let room = next.get_mut(..secret.get().len().min(48))?;
        expand(self.suite.prf, secret.get(), labels(self.version).update, room).then_some(())?;
        let secret = SecretBytes::new(room);
        Some(NextKeys { body: body(self.suite, &secret, self.version)?, secret })
    }

    /// Goes on to the next phase; gives what opens packets of this one that come late.
    pub(super) fn update(&mut self, next: NextKeys) -> Opener {
        self.secret = next.secret;
        std::mem::replace(&mut self.body, next.body)
    }

    /// Takes the mask off the header, where enough of the packet is there.
    pub(super) fn unmask(&self, packet: &RawPacket<'_>, largest: Option<u64>) -> Option<Unmasked> {
        let sample = packet.bytes.get(packet.number_at + SAMPLE_AT..)?.get(..SAMPLE)?;
        let [of_first, of_number @ ..] = self.header.new_mask(sample).ok()?;
        let is_long = packet.first() & 0x80 != 0;
        let first = packet.first() ^ (of_first & if is_long { 0x0f } else { 0x1f });
        let number_length = usize::from(first & 3) + 1;
        let bytes = packet.bytes.get(packet.number_at..packet.number_at + number_length)?;
        let truncated =
            bytes.iter().zip(of_number).fold(0, |number, (byte, mask)| number << 8 | u64::from(byte ^ mask));
        Some(Unmasked { first, number: whole_number(largest, truncated, number_length), number_length })
    }

    /// Opens the packet behind its header. Says whether it is authentic.
    pub(super) fn open(&self, packet: &RawPacket<'_>, unmasked: Unmasked, out: &mut Vec<u8>) -> bool {
        open_with(&self.body, packet, unmasked, out)
    }
}

/// Keys that may follow.
pub(super) struct NextKeys {
    body: Opener,
    secret: SecretBytes,
}

impl fmt::Debug for NextKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextKeys")
    }
}

impl NextKeys {
    /// Those behind these, of a connection with such keys.
    pub(super) fn next(&self, of: &PacketKeys) -> Option<Self> {
        of.behind(&self.secret)
    }

    pub(super) fn open(&self, packet: &RawPacket<'_>, unmasked: Unmasked, out: &mut Vec<u8>) -> bool {
        open_with(&self.body, packet, unmasked, out)
    }
}

/// Opens a packet with the keys of one phase.
pub(super) fn open_with(keys: &Opener, packet: &RawPacket<'_>, unmasked: Unmasked, out: &mut Vec<u8>) -> bool {
    let end = packet.number_at + unmasked.number_length;
    let Some((header, sealed)) = packet.bytes.split_at_checked(end) else { return false };
    // What is authenticated is the header as it was before it was masked.
    let mut plain = header.to_vec();
    if let Some(first) = plain.first_mut() {
        *first = unmasked.first;
    }
    let number = unmasked.number.to_be_bytes();
    let digits = number.get(8 - unmasked.number_length..).unwrap_or_default();
    if let Some(place) = plain.get_mut(packet.number_at..) {
        place.copy_from_slice(digits);
    }
    keys.open_packet(unmasked.number, &plain, sealed, out)
}

fn body(suite: Suite, secret: &SecretBytes, version: u32) -> Option<Opener> {
    let length = match suite.cipher {
        Cipher::Gcm { key } | Cipher::Ccm { key, .. } => key,
        Cipher::ChaCha => 32,
        Cipher::Cbc { .. } | Cipher::Null { .. } => return None,
    };
    let names = labels(version);
    let (mut key, mut iv) = ([0; 32], [0; 12]);
    let key = key.get_mut(..length)?;
    let derived = expand(suite.prf, secret.get(), names.key, key) && expand(suite.prf, secret.get(), names.iv, &mut iv);
    derived.then(|| Opener::of_packets(suite, key, iv)).flatten()
}

/// Whether a Retry packet answers a client that had chosen `original` (RFC 9001, section 5.8).
pub(super) fn is_retry_of(packet: &RawPacket<'_>, original: ConnectionId) -> bool {
    let (key, nonce) = if packet.version == V2 { RETRY_2 } else { RETRY_1 };
    let Some((front, tag)) = packet.bytes.split_last_chunk::<16>() else { return false };
    let pseudo = [&[original.bytes().len() as u8], original.bytes(), front].concat();
    let Ok(key) = UnboundKey::new(&AES_128_GCM, &key) else { return false };
    let mut tag = *tag;
    let nonce = Nonce::assume_unique_for_key(nonce);
    LessSafeKey::new(key).open_in_place(nonce, Aad::from(pseudo), &mut tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::header::{QuicPacketType, V1};
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("digits");
        digits.chunks(2).map(pair).collect()
    }

    fn id(text: &str) -> ConnectionId {
        ConnectionId::new(&hex(text)).expect("an id")
    }

    /// RFC 9001, A.3, and RFC 9369, A.3: the server's Initial packet.
    #[test]
    fn the_initial_packets_of_the_standards_open() {
        let packets = [
            (
                V1,
                "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5e\
                 de4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d\
                 06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
            ),
            (
                V2,
                "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf87263017915358230\
                 035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a\
                 6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
            ),
        ];
        for (version, text) in packets {
            let bytes = hex(text);
            let packet = RawPacket::read(&bytes, bytes.len() as u32, 0).expect("a packet");
            assert_eq!((packet.kind, packet.version), (QuicPacketType::Initial, version));
            let keys = PacketKeys::initial(version, id("8394c8f03e515708"), Direction::ToClient).expect("keys");
            let unmasked = keys.unmask(&packet, None).expect("it is long enough");
            assert_eq!((unmasked.number, unmasked.number_length), (1, 2), "version {version:x}");
            let mut out = Vec::new();
            assert!(keys.open(&packet, unmasked, &mut out), "version {version:x}");
            // An ACK and a CRYPTO with the ServerHello.
            assert!(out.starts_with(&hex("02000000000600405a020000560303eefce7f7")), "{out:02x?}");
            let other = PacketKeys::initial(version, id("8394c8f03e515709"), Direction::ToClient).expect("keys");
            let unmasked = other.unmask(&packet, None).expect("it is long enough");
            assert!(!other.open(&packet, unmasked, &mut out));
        }
    }

    /// RFC 9001, A.5, and RFC 9369, A.5: a short header, with ChaCha20-Poly1305.
    #[test]
    fn short_headers_of_the_standards_open() {
        let secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
        let suite = Suite::of(0x1303).expect("it is known");
        for (version, text) in
            [(V1, "4cfe4189655e5cd55c41f69080575d7999c25a5bfb"), (V2, "5558b1c60ae7b6b932bc27d786f4bc2bb20f2162ba")]
        {
            let bytes = hex(text);
            let packet = RawPacket::read(&bytes, bytes.len() as u32, 0).expect("a packet");
            let mut keys = PacketKeys::new(suite, SecretBytes::new(&secret), version).expect("keys");
            let unmasked = keys.unmask(&packet, Some(654_360_563)).expect("it is long enough");
            assert_eq!((unmasked.number, unmasked.number_length), (654_360_564, 3));
            let mut out = Vec::new();
            assert!(keys.open(&packet, unmasked, &mut out));
            assert_eq!(out, [1], "a PING");
            let next = keys.next().expect("they follow");
            assert!(!next.open(&packet, unmasked, &mut out));
            if version == V1 {
                let follows = hex("1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9");
                assert_eq!(next.secret.get(), follows);
            }
            let late = keys.update(next);
            assert!(!keys.open(&packet, unmasked, &mut out) && open_with(&late, &packet, unmasked, &mut out));
            assert!(!format!("{keys:?}").contains("secret"));
        }
    }

    /// RFC 9001, A.4, and RFC 9369, A.4.
    #[test]
    fn a_retry_is_one_of_the_id_that_the_client_had_chosen() {
        for text in [
            "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
            "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
        ] {
            let bytes = hex(text);
            let packet = RawPacket::read(&bytes, bytes.len() as u32, 0).expect("a packet");
            assert_eq!((packet.kind, packet.token), (QuicPacketType::Retry, &b"token"[..]));
            assert_eq!(packet.source, id("f067a5502a4262b5"));
            assert!(is_retry_of(&packet, id("8394c8f03e515708")));
            assert!(!is_retry_of(&packet, id("8394c8f03e515709")));
        }
    }
}
