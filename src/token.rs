//! Tokens: what stands in the place of something private. They are as long as it, and tell nothing of it without
//! the key; the same text gets the same token wherever it stands.
//!
//! What is private in a packet or a frame is not known here.

use std::hash::BuildHasher as _;

/// A key that tokens are made with. Without it a token can't be tried against a dictionary.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(u64, u64);

/// Never shows the key.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The letters of tokens: none has a meaning in a topic, and all are text in every protocol version.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How often a secret is hashed, so that guessing it from tokens takes a while: some milliseconds each.
const STRETCHING: u32 = 1 << 17;

/// Letters and digits up to which a text is permuted, so that different texts never get the same token; `62^10` fits
/// into 64 bits. Of longer ones two alike are not to be expected.
const PERMUTED: usize = 10;

/// Bytes of a text up to which its pattern is looked at.
const PATTERN: usize = 32;

/// Rounds of the Feistel network; NIST SP 800-38G asks for 8 or 10 in its FF modes.
const ROUNDS: u64 = 8;

/// Bytes that begin no character of UTF-8 and no other.
const NEVER_UTF8: u8 = 0xff;

/// What a hash is made for: the same bytes give another number for each.
mod purpose {
    pub(super) const SEED: u64 = 1;
    pub(super) const LETTERS: u64 = 2;
    pub(super) const PATTERN: u64 = 3;
    pub(super) const ROUND: u64 = 4;
    pub(super) const NUMBER: u64 = 5;
}

impl Key {
    /// A key of this run alone.
    pub fn random() -> Self {
        // The standard library seeds its maps from the system's random numbers.
        let state = std::hash::RandomState::new();
        Self(state.hash_one(0_u8), state.hash_one(1_u8))
    }

    /// The key that belongs to a secret: the same tokens in every run.
    pub fn from_secret(secret: &str) -> Self {
        let mut key = Self(0x6d71_7474_736e_6966, 0x6620_7265_6461_6374);
        key = Self(key.hash(0, secret.as_bytes()), key.hash(1, secret.as_bytes()));
        for round in 0..STRETCHING {
            key = Self(key.hash(0, &round.to_le_bytes()), key.hash(1, &round.to_le_bytes()));
        }
        key
    }

    /// A number that belongs to these bytes.
    pub fn number(&self, domain: u64, bytes: &[u8]) -> u64 {
        self.hash(purpose::NUMBER | domain << 8, bytes)
    }

    /// Another number below `size` than `value`, which is below it too; each belongs to one value alone.
    pub fn permute(&self, domain: u64, value: u64, size: u64) -> u64 {
        let side = size.isqrt() + u64::from(size.isqrt().pow(2) < size);
        let square = side * side;
        let mut value = value;
        // One step further in an order that the key gives, which is a single cycle: so nothing stays in its place.
        // What falls between `size` and the square of the side is passed over.
        for _ in 0..square {
            value = self.unmix(domain, (self.mix(domain, value, side) + 1) % square, side);
            if value < size {
                break;
            }
        }
        value
    }

    /// A Feistel network over two digits below `side`.
    fn mix(&self, domain: u64, value: u64, side: u64) -> u64 {
        let (mut left, mut right) = (value / side, value % side);
        for round in 0..ROUNDS {
            (left, right) = (right, (left + self.round(domain, round, right) % side) % side);
        }
        left * side + right
    }

    fn unmix(&self, domain: u64, value: u64, side: u64) -> u64 {
        let (mut left, mut right) = (value / side, value % side);
        for round in (0..ROUNDS).rev() {
            (left, right) = ((right + side - self.round(domain, round, left) % side) % side, left);
        }
        left * side + right
    }

    fn round(&self, domain: u64, round: u64, half: u64) -> u64 {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(domain.to_le_bytes().into_iter().chain(half.to_le_bytes())) {
            *to = from;
        }
        self.hash(purpose::ROUND | round << 8, &bytes)
    }

    /// Writes a token over what ought to be text. It is text of as many characters, and where the bytes break a rule
    /// of text (no UTF-8, NUL, control characters, non-characters) the token breaks it at the same place.
    pub fn text(&self, bytes: &mut [u8]) {
        if bytes.iter().all(|byte| (0x20..=0x7e).contains(byte)) {
            self.plain(bytes);
        } else {
            self.until_different(bytes, odd);
        }
    }

    /// Writes letters and digits over any bytes. With `not_utf8` the first byte is none, and no UTF-8 either.
    pub fn bytes(&self, bytes: &mut [u8], not_utf8: bool) {
        if bytes.iter().all(|byte| (0x20..=0x7e).contains(byte)) {
            self.plain(bytes);
        } else {
            self.until_different(bytes, Letters::fill);
        }
        if not_utf8 && let Some(first) = bytes.first_mut() {
            *first = NEVER_UTF8;
        }
    }

    /// Printable ASCII.
    fn plain(&self, bytes: &mut [u8]) {
        let count = bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
        if !(1..=PERMUTED).contains(&count) || bytes.len() > PATTERN {
            return self.until_different(bytes, Letters::fill);
        }
        // The other characters and where they stand tell texts apart as well, so they choose the permutation.
        let mut pattern = [0; PATTERN];
        let mut value = 0;
        for (place, byte) in pattern.iter_mut().zip(&*bytes) {
            match ALPHABET.binary_search(byte) {
                Ok(digit) => value = value * ALPHABET.len() as u64 + digit as u64,
                Err(_) => *place = *byte,
            }
        }
        let domain = self.hash(purpose::PATTERN, pattern.get(..bytes.len()).unwrap_or_default());
        let mut value = self.permute(domain, value, (ALPHABET.len() as u64).pow(count as u32));
        let mut letters = Letters::new(*self, self.hash(purpose::SEED, bytes));
        for byte in bytes.iter_mut().rev() {
            if byte.is_ascii_alphanumeric() {
                *byte = letter(value);
                value /= ALPHABET.len() as u64;
            } else {
                *byte = letters.next();
            }
        }
    }

    /// Writes over the bytes until they are others than before, unless nothing in them may change.
    fn until_different(&self, bytes: &mut [u8], write: impl Fn(&mut Letters, &mut [u8])) {
        /// More attempts than chance needs for even one character of 62.
        const MOST: u64 = 32;
        let seed = self.hash(purpose::SEED, bytes);
        let hash = |key: &Self, bytes: &[u8]| key.hash(purpose::SEED, bytes);
        for attempt in 0..MOST {
            write(&mut Letters::new(*self, seed.wrapping_add(attempt)), bytes);
            // A hash instead of a copy: a payload may be large.
            if hash(self, bytes) != seed {
                return;
            }
        }
    }

    /// SipHash-2-4 (Aumasson and Bernstein, 2012). The standard library has it too, but promises no stable result,
    /// and tokens are to be the same in the next release.
    fn hash(&self, purpose: u64, bytes: &[u8]) -> u64 {
        let (k0, k1) = (self.0, self.1);
        let mut state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let absorb = |state: &mut [u64; 4], word: u64| {
            state[3] ^= word;
            sip_round(state);
            sip_round(state);
            state[0] ^= word;
        };
        absorb(&mut state, purpose);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            absorb(&mut state, word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word)));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(words.remainder()) {
            *to = *from;
        }
        // The length, with the purpose's own eight bytes.
        last[7] = (bytes.len() as u8).wrapping_add(8);
        absorb(&mut state, u64::from_le_bytes(last));
        state[2] ^= 0xff;
        for _ in 0..4 {
            sip_round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

fn letter(number: u64) -> u8 {
    ALPHABET[(number % ALPHABET.len() as u64) as usize]
}

/// Letters without end, drawn by a key from a seed.
struct Letters {
    key: Key,
    seed: u64,
    drawn: u64,
    left: u32,
    counter: u64,
}

impl Letters {
    const fn new(key: Key, seed: u64) -> Self {
        Self { key, seed, drawn: 0, left: 0, counter: 0 }
    }

    fn next(&mut self) -> u8 {
        if self.left == 0 {
            let mut block = [0; 16];
            for (to, from) in
                block.iter_mut().zip(self.seed.to_le_bytes().into_iter().chain(self.counter.to_le_bytes()))
            {
                *to = from;
            }
            self.drawn = self.key.hash(purpose::LETTERS, &block);
            self.counter += 1;
            // Eight letters take 48 of the 64 bits.
            self.left = 8;
        }
        self.left -= 1;
        let drawn = letter(self.drawn);
        self.drawn /= ALPHABET.len() as u64;
        drawn
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next();
        }
    }
}

/// Text with other characters than printable ASCII, or bytes that are no text.
fn odd(letters: &mut Letters, bytes: &mut [u8]) {
    let (valid, surrogate) = match std::str::from_utf8(bytes) {
        Ok(_) => (bytes.len(), false),
        Err(error) => {
            let at = error.valid_up_to();
            (at, matches!(bytes.get(at..), Some([0xed, 0xa0..=0xbf, ..])))
        }
    };
    let (text, rest) = bytes.split_at_mut(valid);
    characters(letters, text);
    for byte in rest.iter_mut().filter(|byte| **byte != 0) {
        *byte = letters.next();
    }
    match rest {
        [first, second, ..] if surrogate => (*first, *second) = (0xed, 0xa0),
        [first, ..] => *first = NEVER_UTF8,
        [] => {}
    }
}

/// Valid UTF-8: each character becomes one of the same length and, where there is a rule about it, of the same kind.
fn characters(letters: &mut Letters, text: &mut [u8]) {
    let mut at = 0;
    while let Some(first) = text.get(at).copied() {
        let length = match first {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        let Some(character) = text.get_mut(at..at + length) else { return };
        let code = std::str::from_utf8(character).ok().and_then(|text| text.chars().next()).map_or(0, u32::from);
        let drawn = 0x80 | letters.next() & 0x3f;
        match character {
            [byte] => match *byte {
                0 => {}
                1..0x20 | 0x7f => *byte = 1,
                _ => *byte = letters.next(),
            },
            [a, b] => (*a, *b) = if code < 0xa0 { (0xc2, 0x80) } else { (0xc4, drawn) },
            // A byte order mark has a meaning at the beginning alone.
            [..] if code == 0xfeff && at == 0 => {}
            [a, b, c] if is_non_character(code) => (*a, *b, *c) = (0xef, 0xb7, 0x90),
            [a, b, c] => (*a, *b, *c) = (0xe4, 0xb8, drawn),
            [a, b, c, d] if is_non_character(code) => (*a, *b, *c, *d) = (0xf0, 0x9f, 0xbf, 0xbe),
            [a, b, c, d] => (*a, *b, *c, *d) = (0xf0, 0xa0, 0x80, drawn),
            _ => {}
        }
        at += length;
    }
}

const fn is_non_character(code: u32) -> bool {
    matches!(code, 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn token(key: Key, text: &[u8]) -> Vec<u8> {
        let mut token = text.to_vec();
        key.text(&mut token);
        token
    }

    #[test]
    fn the_hash_is_siphash_2_4() {
        // The key and messages of the paper's appendix: 00..0f, and the first 8 or 15 bytes of 00, 01, 02 …; here
        // the purpose stands for the first eight.
        let key = Key(u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]), u64::from_le_bytes([8, 9, 10, 11, 12, 13, 14, 15]));
        let purpose = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(key.hash(purpose, &[8, 9, 10, 11, 12, 13, 14]), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn a_secret_gives_the_same_tokens_in_every_release() {
        let key = Key::from_secret("a secret");
        assert_eq!(key, Key::from_secret("a secret"));
        assert_ne!(key, Key::from_secret("another"));
        assert_eq!(token(key, b"sensor-7"), token(key, b"sensor-7"));
        assert_ne!(token(key, b"sensor-7"), token(Key::random(), b"sensor-7"));
        assert!(!format!("{key:?}").contains(&key.0.to_string()));
    }

    #[test]
    fn short_texts_never_share_a_token() {
        let key = Key::random();
        let mut seen = HashSet::new();
        for first in ALPHABET {
            assert!(seen.insert(token(key, &[*first])));
            for second in ALPHABET {
                assert!(seen.insert(token(key, &[*first, *second])));
            }
        }
        let numbered: HashSet<_> = (0..1000).map(|n| token(key, format!("sensor-{n:03}").as_bytes())).collect();
        assert_eq!(numbered.len(), 1000);
    }

    #[test]
    fn a_permutation_moves_everything_and_loses_nothing() {
        let key = Key::random();
        for size in [2, 3, 16, 62, 1000] {
            let images: HashSet<_> = (0..size).map(|value| key.permute(9, value, size)).collect();
            assert_eq!(images.len() as u64, size);
            assert!(images.iter().all(|image| *image < size));
            assert!((0..size).all(|value| key.permute(9, value, size) != value), "{size}");
        }
    }

    #[test]
    fn text_that_breaks_rules_goes_on_to_break_them_at_the_same_places() {
        let key = Key::random();
        let kept = |bytes: &[u8], at: usize, expected: &[u8]| {
            let token = token(key, bytes);
            assert_eq!(&token[at..at + expected.len()], expected, "{token:?}");
            assert_ne!(token, bytes);
        };
        kept(b"ab\0c", 2, b"\0");
        kept(b"ab\nc", 2, b"\x01");
        kept("a\u{9f}b".as_bytes(), 1, "\u{80}".as_bytes());
        kept("a\u{ffff}b".as_bytes(), 1, "\u{fdd0}".as_bytes());
        kept("a\u{10ffff}b".as_bytes(), 1, "\u{1fffe}".as_bytes());
        kept("\u{feff}ab".as_bytes(), 0, "\u{feff}".as_bytes());
        kept(b"ab\xc3\0de", 2, b"\xff\0");
        kept(b"a\xed\xb0\x80b", 1, b"\xed\xa0");
    }

    proptest! {
        #[test]
        fn tokens_of_text_are_text_of_the_same_form(text in "\\PC{0,40}") {
            let key = Key(1, 2);
            let token = String::from_utf8(token(key, text.as_bytes())).unwrap();
            prop_assert_eq!(token.len(), text.len());
            prop_assert_eq!(token.chars().count(), text.chars().count());
            prop_assert!(token.chars().all(char::is_alphanumeric), "{}", token);
            prop_assert!(token != text || text.is_empty());
            if text.is_ascii() {
                prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }

        #[test]
        fn any_bytes_become_letters_and_digits(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let key = Key(1, 2);
            let mut token = bytes.clone();
            key.bytes(&mut token, false);
            prop_assert!(token.iter().all(u8::is_ascii_alphanumeric));
            prop_assert!(token != bytes || bytes.is_empty());
            key.bytes(&mut token, true);
            prop_assert!(token.is_empty() || std::str::from_utf8(&token).is_err());
        }
    }
}
