//! Packets of QUIC version 1 that are sealed by hand (RFC 9001, section 5), and the hellos that lead to their keys.
//!
//! The fuzz targets include this file, too.

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// The salt of version 1.
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];

/// The first byte of a long header of each type, with a number of four bytes.
pub(crate) const INITIAL: u8 = 0xc3;
pub(crate) const ZERO_RTT: u8 = 0xd3;
pub(crate) const HANDSHAKE: u8 = 0xe3;

/// A number of variable length, in eight bytes where that is asked for.
pub(crate) fn varint(number: u64) -> Vec<u8> {
    match number {
        0..0x40 => vec![number as u8],
        0x40..0x4000 => (number as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (number as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (number & 0x3fff_ffff_ffff_ffff | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(secret: &Prk, label: &str) -> [u8; N] {
    let label = format!("tls13 {label}");
    let length = (N as u16).to_be_bytes();
    let info: [&[u8]; 4] = [&length, &[label.len() as u8], label.as_bytes(), &[0]];
    let mut out = [0; N];
    if let Ok(made) = secret.expand(&info, Length(N)) {
        let _ = made.fill(&mut out);
    }
    out
}

/// Keys with AES-128-GCM.
pub(crate) struct Sealer {
    secret: Prk,
    header: [u8; 16],
    pub(crate) phase: bool,
}

impl Sealer {
    /// Of a secret of 32 bytes.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let secret = Prk::new_less_safe(HKDF_SHA256, secret);
        Self { header: expand(&secret, "quic hp"), secret, phase: false }
    }

    /// Those of Initial packets.
    pub(crate) fn initial(id: &[u8], client: bool) -> Self {
        let common = Salt::new(HKDF_SHA256, &SALT).extract(id);
        Self::new(&expand::<32>(&common, if client { "client in" } else { "server in" }))
    }

    /// Those of the next phase.
    pub(crate) fn next(self) -> Self {
        let secret = Prk::new_less_safe(HKDF_SHA256, &expand::<32>(&self.secret, "quic ku"));
        Self { secret, header: self.header, phase: !self.phase }
    }

    fn seal(&self, header: &[u8], number_at: usize, number: u64, payload: &[u8]) -> Vec<u8> {
        let key: [u8; 16] = expand(&self.secret, "quic key");
        let mut nonce: [u8; 12] = expand(&self.secret, "quic iv");
        nonce.iter_mut().skip(4).zip(number.to_be_bytes()).for_each(|(to, from)| *to ^= from);
        let mut sealed = payload.to_vec();
        // The sample of the mask begins four bytes behind the number's first.
        sealed.resize(sealed.len().max(4), 0);
        if let Ok(key) = UnboundKey::new(&AES_128_GCM, &key) {
            let nonce = Nonce::assume_unique_for_key(nonce);
            let _ = LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed);
        }
        let mut packet = [header, &sealed].concat();
        if let Ok(key) = HeaderProtectionKey::new(&AES_128, &self.header)
            && let Some(sample) = packet.get(number_at + 4..number_at + 20)
            && let Ok(mask) = key.new_mask(sample)
        {
            packet[0] ^= mask[0] & if header[0] & 0x80 != 0 { 0x0f } else { 0x1f };
            for (byte, mask) in packet[number_at..number_at + 4].iter_mut().zip(&mask[1..]) {
                *byte ^= mask;
            }
        }
        packet
    }

    /// A packet with a long header; `token` is told of Initial packets only.
    pub(crate) fn long(&self, first: u8, ids: (&[u8], &[u8]), token: &[u8], number: u64, payload: &[u8]) -> Vec<u8> {
        let mut header = vec![first, 0, 0, 0, 1];
        for id in [ids.0, ids.1] {
            header.push(id.len() as u8);
            header.extend(id);
        }
        if first & 0x30 == 0 {
            header.extend(varint(token.len() as u64));
            header.extend(token);
        }
        header.extend(varint((4 + payload.len().max(4) + 16) as u64));
        let number_at = header.len();
        header.extend((number as u32).to_be_bytes());
        self.seal(&header, number_at, number, payload)
    }

    /// A packet with a short header.
    pub(crate) fn short(&self, id: &[u8], number: u64, payload: &[u8]) -> Vec<u8> {
        let first = 0x43 | if self.phase { 4 } else { 0 };
        let header = [&[first], id, &(number as u32).to_be_bytes()].concat();
        self.seal(&header, 1 + id.len(), number, payload)
    }
}

/// A datagram that is as long as a client's first one has to be.
pub(crate) fn padded(payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload.resize(payload.len().max(1180), 0);
    payload
}

/// A CRYPTO frame.
pub(crate) fn crypto(offset: u64, bytes: &[u8]) -> Vec<u8> {
    [vec![6], varint(offset), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A STREAM frame with all its fields.
pub(crate) fn stream(id: u64, offset: u64, bytes: &[u8], fin: bool) -> Vec<u8> {
    let kind = 0x0e | u8::from(fin);
    [vec![kind], varint(id), varint(offset), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// An ACK of one range.
pub(crate) fn ack(largest: u64, first: u64) -> Vec<u8> {
    [vec![2], varint(largest), vec![0, 0], varint(first)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0], &(body.len() as u16).to_be_bytes()[..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A ClientHello that offers AES-128-GCM and MQTT, and early data where that is asked for.
pub(crate) fn client_hello(random: [u8; 32], early: bool) -> Vec<u8> {
    let alpn = extension(16, b"\x00\x05\x04mqtt");
    let early = if early { extension(42, &[]) } else { Vec::new() };
    let extensions = [alpn, early].concat();
    let front = [&[3, 3], &random[..], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    message(1, &[front, (extensions.len() as u16).to_be_bytes().to_vec(), extensions].concat())
}

/// A ServerHello that chooses that.
pub(crate) fn server_hello() -> Vec<u8> {
    let extensions = extension(43, &[3, 4]);
    let front = [&[3, 3], &[9; 32][..], &[0, 0x13, 1, 0]].concat();
    message(2, &[front, (extensions.len() as u16).to_be_bytes().to_vec(), extensions].concat())
}

/// What a server says encrypted: the protocol, whether it takes early data, and parameters of its transport.
pub(crate) fn encrypted_extensions(early: bool, parameters: &[u8]) -> Vec<u8> {
    let alpn = extension(16, b"\x00\x05\x04mqtt");
    let early = if early { extension(42, &[]) } else { Vec::new() };
    let all = [alpn, early, extension(57, parameters)].concat();
    message(8, &[(all.len() as u16).to_be_bytes().to_vec(), all].concat())
}

/// The lines of a key log with these secrets, each of 32 times the same byte.
pub(crate) fn key_log(random: [u8; 32]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let names = [
        ("CLIENT_EARLY_TRAFFIC_SECRET", EARLY),
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE_UP),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE_DOWN),
        ("CLIENT_TRAFFIC_SECRET_0", DATA_UP),
        ("SERVER_TRAFFIC_SECRET_0", DATA_DOWN),
    ];
    let lines = names.map(|(name, byte)| format!("{name} {} {}\n", hex(&random), hex(&[byte; 32])));
    lines.concat()
}

/// The bytes of the secrets.
pub(crate) const EARLY: u8 = 0xe1;
pub(crate) const HANDSHAKE_UP: u8 = 0xa1;
pub(crate) const HANDSHAKE_DOWN: u8 = 0xa2;
pub(crate) const DATA_UP: u8 = 0xd1;
pub(crate) const DATA_DOWN: u8 = 0xd2;
