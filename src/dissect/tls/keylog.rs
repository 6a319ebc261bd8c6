//! Secrets of TLS connections as programs write them down: the format of `SSLKEYLOGFILE` (RFC 9850).
//!
//! A store is shared by whoever has secrets (a key log, a pcapng file) and by the connections that need them. It never
//! prints one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The random bytes of a client, by which its connection is named.
pub(in crate::dissect) type Random = [u8; 32];

/// The longest secret: a digest of SHA-512.
const LONGEST: usize = 64;
/// The longest line that can hold one, the rest of a longer one is passed over.
const LONGEST_LINE: usize = 512;
/// Connections whose secrets are kept; those that came first are let go for more.
const CONNECTIONS: usize = 1 << 18;
/// Bytes of records that wait for secrets, over all connections that share a store.
const WAITING: usize = 64 << 20;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) enum Label {
    /// The master secret of TLS up to 1.2.
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

const LABELS: [(Label, &str); 6] = [
    (Label::Master, "CLIENT_RANDOM"),
    (Label::ClientEarly, "CLIENT_EARLY_TRAFFIC_SECRET"),
    (Label::ClientHandshake, "CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
    (Label::ServerHandshake, "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
    (Label::ClientTraffic, "CLIENT_TRAFFIC_SECRET_0"),
    (Label::ServerTraffic, "SERVER_TRAFFIC_SECRET_0"),
];

/// Labels of secrets that unlock nothing that is read here.
const OTHERS: [&str; 7] = [
    "EXPORTER_SECRET",
    "EARLY_EXPORTER_SECRET",
    "EARLY_EXPORTER_MASTER_SECRET",
    "ECH_SECRET",
    "ECH_CONFIG",
    "RSA",
    "PMS_CLIENT_RANDOM",
];

/// A secret. Its bytes are never printed.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::dissect) struct SecretBytes {
    bytes: [u8; LONGEST],
    length: u8,
}

impl SecretBytes {
    /// Of bytes, as many as the longest one has.
    pub(in crate::dissect) fn new(bytes: &[u8]) -> Self {
        let mut kept = [0; LONGEST];
        kept.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self { bytes: kept, length: bytes.len().min(LONGEST) as u8 }
    }

    pub(in crate::dissect) fn get(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.length)
    }
}

/// The secrets of a connection.
#[derive(Debug, Clone, Default)]
struct Connection {
    secrets: Vec<(Label, SecretBytes)>,
    /// Whether a connection has asked for one.
    used: bool,
}

#[derive(Debug, Default)]
struct Store {
    connections: HashMap<Random, Connection>,
    order: VecDeque<Random>,
}

/// Secrets by connection, shared: what is added is there for all that hold it.
#[derive(Clone, Default)]
pub struct Keys(Arc<Shared>);

#[derive(Default)]
struct Shared {
    store: RwLock<Store>,
    /// Connections that were let go.
    dropped: AtomicU64,
    /// Whether more may come while connections are under way.
    growing: AtomicBool,
    /// Bytes of records that wait.
    waiting: AtomicUsize,
}

/// Tells how many there are, and none of them.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} connections)", self.connections())
    }
}

/// Two are the same where they share what they hold.
impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Keys {}

impl Keys {
    // A thread that panicked has left nothing half done: each change is one insertion.
    fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.0.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.0.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections have secrets here.
    pub fn connections(&self) -> usize {
        self.read().connections.len()
    }

    /// How many connections were let go, because there were too many.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Says that secrets may come after the records that they are for: those are held back for a while.
    pub fn expect_more(&self) {
        self.0.growing.store(true, Ordering::Relaxed);
    }

    /// Adds all secrets of a whole key log.
    pub fn add(&self, text: &[u8]) -> KeyLogCounts {
        let mut log = KeyLog::default();
        log.push(text, self);
        log.finish(self);
        log.counts
    }

    /// The lines of a key log for the connections that have asked for their secrets.
    ///
    /// Whoever has them can read these connections: they are for a capture file that is to carry them, and for nothing else.
    pub fn used_lines(&self) -> Vec<u8> {
        let store = self.read();
        let mut text = Vec::new();
        for random in &store.order {
            let Some(connection) = store.connections.get(random).filter(|connection| connection.used) else { continue };
            for (label, secret) in &connection.secrets {
                let name = LABELS.iter().find(|(other, _)| other == label).map_or("", |(_, name)| name);
                text.extend_from_slice(name.as_bytes());
                for part in [&random[..], secret.get()] {
                    text.push(b' ');
                    text.extend(
                        part.iter()
                            .flat_map(|byte| [byte >> 4, byte & 15])
                            .map(|digit| b"0123456789abcdef".get(usize::from(digit)).copied().unwrap_or(b'0')),
                    );
                }
                text.push(b'\n');
            }
        }
        text
    }

    /// How many connections have asked for their secrets and got one.
    pub fn used(&self) -> usize {
        self.read().connections.values().filter(|connection| connection.used).count()
    }

    fn insert(&self, random: Random, label: Label, secret: SecretBytes) {
        let mut store = self.write();
        let Store { connections, order } = &mut *store;
        let connection = connections.entry(random).or_insert_with(|| {
            order.push_back(random);
            Connection::default()
        });
        match connection.secrets.iter_mut().find(|(other, _)| *other == label) {
            // A client that sends its hello once more after a retry writes the same line again.
            Some((_, known)) => *known = secret,
            None => connection.secrets.push((label, secret)),
        }
        if order.len() > CONNECTIONS
            && let Some(oldest) = order.pop_front()
        {
            connections.remove(&oldest);
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The secret of a connection.
    pub(in crate::dissect) fn get(&self, random: &Random, label: Label) -> Option<SecretBytes> {
        let store = self.read();
        let connection = store.connections.get(random)?;
        let secret = connection.secrets.iter().find(|(other, _)| *other == label).map(|(_, secret)| secret.clone());
        let first = secret.is_some() && !connection.used;
        drop(store);
        if first && let Some(connection) = self.write().connections.get_mut(random) {
            connection.used = true;
        }
        secret
    }

    /// Whether there is any secret of a connection.
    pub(in crate::dissect) fn knows(&self, random: &Random) -> bool {
        self.read().connections.contains_key(random)
    }

    /// Whether more may come.
    pub fn is_growing(&self) -> bool {
        self.0.growing.load(Ordering::Relaxed)
    }

    /// Takes room for so many bytes that wait, if there is.
    pub(in crate::dissect) fn reserve(&self, bytes: usize) -> Option<Room> {
        let taken = self.0.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { keys: self.clone(), bytes };
        (taken + bytes <= WAITING).then_some(room)
    }
}

/// Room that something waiting takes, until it is dropped.
#[derive(Debug)]
pub(in crate::dissect) struct Room {
    keys: Keys,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.keys.0.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What was found in a key log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyLogCounts {
    /// Secrets that were taken.
    pub secrets: u64,
    /// Secrets that unlock nothing that is read here.
    pub others: u64,
    /// Lines that are none of a key log.
    pub unknown: u64,
}

/// A key log that may grow: takes its bytes as they come.
#[derive(Default)]
pub struct KeyLog {
    /// The front of a line that is not over.
    line: Vec<u8>,
    /// The line is too long and passed over.
    too_long: bool,
    counts: KeyLogCounts,
}

/// A line that is not over is a secret, too.
impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLog").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl KeyLog {
    /// What was found so far.
    pub const fn counts(&self) -> KeyLogCounts {
        self.counts
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8], keys: &Keys) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, behind) = rest.split_at(end);
            self.hold(line);
            self.finish(keys);
            rest = behind.get(1..).unwrap_or_default();
        }
        self.hold(rest);
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.line.len() + bytes.len() > LONGEST_LINE {
            self.too_long = true;
            self.line.clear();
        }
        if !self.too_long {
            self.line.extend_from_slice(bytes);
        }
    }

    /// No more will come of the last line.
    pub fn finish(&mut self, keys: &Keys) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            self.counts.unknown += 1;
        } else {
            self.take(&line, keys);
        }
    }

    fn take(&mut self, line: &[u8], keys: &Keys) {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(label) = words.next().filter(|word| word.first() != Some(&b'#')) else { return };
        if OTHERS.iter().any(|other| other.as_bytes() == label) || label.starts_with(b"QUIC_") {
            self.counts.others += 1;
            return;
        }
        let label = LABELS.iter().find(|(_, name)| name.as_bytes() == label).map(|(label, _)| *label);
        let mut random = Random::default();
        let mut secret = [0; LONGEST];
        let known = label.and_then(|label| {
            let exact = unhex(words.next()?, &mut random)? == random.len();
            let length = unhex(words.next()?, &mut secret)?;
            // A master secret has 48 bytes (RFC 5246, section 8.1), the others those of a digest.
            let fits = if label == Label::Master { length == 48 } else { matches!(length, 32 | 48 | 64) };
            (exact && fits && words.next().is_none()).then_some((label, length))
        });
        match known {
            Some((label, length)) => {
                self.counts.secrets += 1;
                keys.insert(random, label, SecretBytes::new(secret.get(..length).unwrap_or_default()));
            }
            None => self.counts.unknown += 1,
        }
    }
}

/// Reads hexadecimal digits into the room, and says how many bytes they are.
fn unhex(digits: &[u8], room: &mut [u8]) -> Option<usize> {
    if !digits.len().is_multiple_of(2) || digits.len() / 2 > room.len() {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    for (to, pair) in room.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(digits.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(label: &str, random: u8, secret: u8, length: usize) -> String {
        format!("{label} {} {}\n", format!("{random:02x}").repeat(32), format!("{secret:02X}").repeat(length))
    }

    #[test]
    fn secrets_are_found_by_the_random_of_their_client() {
        let keys = Keys::default();
        let text = line("CLIENT_RANDOM", 1, 0xab, 48)
            + "# a comment\r\n\r\n"
            + &line("SERVER_TRAFFIC_SECRET_0", 2, 7, 32)
            + &line("EXPORTER_SECRET", 2, 8, 32)
            + &line("CLIENT_RANDOM", 3, 1, 47)
            + "CLIENT_RANDOM 00 zz\n"
            + line("CLIENT_TRAFFIC_SECRET_0", 2, 9, 48).trim_end();
        let counts = keys.add(text.as_bytes());
        assert_eq!(counts, KeyLogCounts { secrets: 3, others: 1, unknown: 2 });
        assert_eq!(keys.get(&[1; 32], Label::Master).map(|secret| secret.get().to_vec()), Some(vec![0xab; 48]));
        assert_eq!(keys.get(&[2; 32], Label::ServerTraffic).map(|secret| secret.get().to_vec()), Some(vec![7; 32]));
        assert_eq!(keys.get(&[3; 32], Label::Master), None);
        assert_eq!((keys.connections(), keys.used()), (2, 2));
    }

    #[test]
    fn only_lines_that_were_asked_for_are_given_back() {
        let keys = Keys::default();
        keys.add((line("CLIENT_RANDOM", 1, 0xab, 48) + &line("CLIENT_RANDOM", 2, 0xcd, 48)).as_bytes());
        assert!(keys.used_lines().is_empty());
        assert!(keys.get(&[2; 32], Label::Master).is_some());
        let lines = String::from_utf8(keys.used_lines()).expect("ASCII");
        assert_eq!(
            lines,
            line("CLIENT_RANDOM", 2, 0xcd, 48).to_ascii_lowercase().replace("client_random", "CLIENT_RANDOM")
        );
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let keys = Keys::default();
        let mut log = KeyLog::default();
        let text = line("CLIENT_RANDOM", 1, 0xab, 48);
        log.push(text.as_bytes(), &keys);
        log.push(&text.as_bytes()[..100], &keys);
        let secret = keys.get(&[1; 32], Label::Master).expect("it is there");
        let printed = format!("{keys:?} {log:?} {secret:?} {:?}", keys.reserve(7)).to_ascii_lowercase();
        assert!(!printed.contains("abab") && !printed.contains("171, 171"), "{printed}");
    }

    #[test]
    fn what_waits_is_bounded_over_all_connections() {
        let keys = Keys::default();
        let held = keys.reserve(WAITING);
        assert!(held.is_some() && keys.reserve(1).is_none());
        drop(held);
        assert!(keys.reserve(1).is_some());
    }

    proptest! {
        #[test]
        fn any_cut_of_a_log_gives_the_same_secrets(cuts in proptest::collection::vec(0usize..400, 0..6), noise in any::<Vec<u8>>()) {
            let mut text = line("CLIENT_RANDOM", 1, 0xab, 48).into_bytes();
            text.extend(&noise);
            text.push(b'\n');
            text.extend(line("CLIENT_RANDOM", 2, 0xab, 48).bytes());
            let (whole, pieces) = (Keys::default(), Keys::default());
            let counts = whole.add(&text);
            let mut log = KeyLog::default();
            let mut rest = &text[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                log.push(now, &pieces);
                rest = later;
            }
            log.push(rest, &pieces);
            log.finish(&pieces);
            prop_assert_eq!(log.counts(), counts);
            prop_assert!(whole.knows(&[1; 32]) && whole.knows(&[2; 32]) && pieces.knows(&[2; 32]));
        }
    }
}
