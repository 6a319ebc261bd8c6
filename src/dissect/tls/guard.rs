//! How the records of each direction are protected at the moment, and what takes that off.

use super::cipher::{Agreed, Opener, Sealed};
use super::facts::Unread;
use super::hello::{ClientHello, ServerHello, extension};
use super::keylog::{Keys, Label, Random, SecretBytes};
use super::keys::next_secret;
use super::suite::Suite;
use crate::flow::Direction;

/// The most records that may be missing before one that is tried.
const TRIED: u64 = 1 << 14;
/// Bytes that are decrypted in vain after a hole, at most.
const TRIED_BYTES: u64 = 64 << 20;

/// What the ends have agreed on, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) client_random: Option<Random>,
    pub(super) client_session: Box<[u8]>,
    pub(super) server_random: Option<Random>,
    pub(super) version: u16,
    pub(super) suite: Option<Suite>,
    pub(super) encrypt_then_mac: bool,
    /// The client sends early data, as its hello says.
    pub(super) early_data: bool,
    /// Whether the server takes it, once that is known.
    pub(super) early_accepted: Option<bool>,
    /// The server asked for another hello, so that it did not take it.
    pub(super) retried: bool,
}

impl Terms {
    pub(super) fn client(&mut self, hello: &ClientHello) {
        self.client_random = Some(hello.random);
        self.client_session.clone_from(&hello.session);
        self.early_data = hello.early_data;
        // What is said of the next hello belongs to this one.
        self.server_random = None;
        self.suite = None;
    }

    pub(super) fn server(&mut self, hello: &ServerHello) {
        self.server_random = Some(hello.random);
        self.version = hello.version;
        self.suite = Suite::of(hello.suite);
        self.encrypt_then_mac = hello.has(extension::ENCRYPT_THEN_MAC);
    }

    /// Whether the hello that this direction has is not known.
    pub(super) const fn lacks_hello(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.client_random.is_none(),
            Direction::ToClient => self.server_random.is_none(),
        }
    }

    pub(super) const fn is_modern(&self) -> bool {
        self.version >= 0x0304
    }

    /// What unlocks the records of a direction from here on.
    fn opener(&self, label: Label, secret: &SecretBytes, direction: Direction) -> Option<Opener> {
        let suite = self.suite?;
        if label != Label::Master {
            return Opener::modern(suite, secret);
        }
        let agreed = Agreed {
            version: self.version,
            suite,
            encrypt_then_mac: self.encrypt_then_mac,
            client_random: self.client_random?,
            server_random: self.server_random?,
        };
        Opener::classic(&agreed, secret, direction == Direction::ToServer)
    }
}

/// How the records of a direction are protected.
#[derive(Debug, Default)]
pub(super) enum Guard {
    /// Not at all.
    #[default]
    Clear,
    /// By keys that come from this secret, and were not needed yet.
    Needs(Label),
    /// By these keys.
    Open(Box<Open>),
    /// In a way that can't be taken off.
    Closed,
}

/// Keys that are in use.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) opener: Opener,
    pub(super) label: Label,
    secret: SecretBytes,
}

/// Whether a guard can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    /// Secrets may still come.
    NotYet,
    Never(Unread),
}

/// The guard of a direction, and what was lost of it.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) guard: Guard,
    /// Bytes that were lost with borders between records since the last record that was opened.
    pub(super) lost: u64,
    /// Records in a row that could not be opened.
    pub(super) failures: u8,
    /// Early data is passed over that the server did not take.
    pub(super) skips_early: bool,
    tried: u64,
}

impl Side {
    /// Makes keys of the secret that is needed, if it is there.
    pub(super) fn prepare(&mut self, direction: Direction, terms: &Terms, keys: Option<&Keys>) -> Ready {
        let Guard::Needs(label) = self.guard else {
            return if matches!(self.guard, Guard::Closed) { Ready::Never(Unread::NoKeys) } else { Ready::Yes };
        };
        let (Some(random), Some(_), Some(keys)) = (terms.client_random, terms.server_random, keys) else {
            return Ready::Never(if terms.client_random.is_some() && terms.server_random.is_some() {
                Unread::NoKeys
            } else {
                Unread::NoHandshake
            });
        };
        if terms.suite.is_none() {
            return Ready::Never(Unread::Suite);
        }
        if label == Label::ClientEarly && terms.early_accepted.is_none() {
            return if keys.knows(&random) || keys.is_growing() { Ready::NotYet } else { Ready::Never(Unread::NoKeys) };
        }
        let Some(secret) = keys.get(&random, label) else {
            return if keys.is_growing() { Ready::NotYet } else { Ready::Never(Unread::NoKeys) };
        };
        match terms.opener(label, &secret, direction) {
            Some(opener) => {
                self.guard = Guard::Open(Box::new(Open { opener, label, secret }));
                Ready::Yes
            }
            None => Ready::Never(Unread::Suite),
        }
    }

    /// Takes the protection off a record. Says whether it is authentic.
    pub(super) fn open(
        &mut self,
        direction: Direction,
        record: &Sealed<'_>,
        out: &mut Vec<u8>,
        terms: &Terms,
        keys: Option<&Keys>,
    ) -> bool {
        let Guard::Open(open) = &mut self.guard else { return false };
        let next = open.opener.sequence;
        let opened = open.opener.open(record, next, out)
            || (self.lost > 0 && self.open_behind_hole(direction, record, out, terms, keys));
        if opened {
            self.failures = 0;
            self.lost = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
        }
        opened
    }

    /// Tries the numbers that the record may have, and the keys that may have come with what was lost.
    fn open_behind_hole(
        &mut self,
        direction: Direction,
        record: &Sealed<'_>,
        out: &mut Vec<u8>,
        terms: &Terms,
        keys: Option<&Keys>,
    ) -> bool {
        let Guard::Open(open) = &mut self.guard else { return false };
        // The shortest records that are protected have a byte of content and a tag of eight.
        let most = (self.lost / 14 + 1).min(TRIED);
        let budget = (TRIED_BYTES.saturating_sub(self.tried)) / (record.body.len() as u64).max(1);
        let mut tries = |opener: &mut Opener, from: u64| {
            let count = most.min(budget);
            let found = (from..from.saturating_add(count)).find(|number| opener.open(record, *number, out));
            self.tried += found.map_or(count, |found| found - from) * record.body.len() as u64;
            found.is_some()
        };
        let from = open.opener.sequence;
        if tries(&mut open.opener, from + 1) {
            return true;
        }
        let (label, secret) = match open.label {
            Label::Master | Label::ClientEarly => return false,
            Label::ClientHandshake => (Label::ClientTraffic, None),
            Label::ServerHandshake => (Label::ServerTraffic, None),
            label @ (Label::ClientTraffic | Label::ServerTraffic) => {
                let Some(suite) = terms.suite else { return false };
                (label, Some(next_secret(suite.prf, &open.secret)))
            }
        };
        let known = || keys.zip(terms.client_random).and_then(|(keys, random)| keys.get(&random, label));
        let Some(secret) = secret.or_else(known) else { return false };
        let Some(mut opener) = terms.opener(label, &secret, direction) else { return false };
        if !tries(&mut opener, 0) {
            return false;
        }
        self.guard = Guard::Open(Box::new(Open { opener, label, secret }));
        true
    }

    /// Whether a record that was found behind a hole is authentic; `None` where that can't be known.
    pub(super) fn is_authentic(
        &mut self,
        direction: Direction,
        record: &Sealed<'_>,
        out: &mut Vec<u8>,
        terms: &Terms,
        keys: Option<&Keys>,
    ) -> Option<bool> {
        if matches!(self.guard, Guard::Needs(_)) && self.prepare(direction, terms, keys) != Ready::Yes {
            return None;
        }
        let Guard::Open(open) = &mut self.guard else { return None };
        let number = open.opener.sequence;
        let is_authentic =
            open.opener.open(record, number, out) || self.open_behind_hole(direction, record, out, terms, keys);
        if let (true, Guard::Open(open)) = (is_authentic, &mut self.guard) {
            // It is read again, as the next one.
            open.opener.sequence = open.opener.sequence.wrapping_sub(1);
        }
        Some(is_authentic)
    }

    /// A record was not captured whole.
    pub(super) fn skip(&mut self) {
        if let Guard::Open(open) = &mut self.guard {
            open.opener.sequence = open.opener.sequence.wrapping_add(1);
        }
    }

    /// How many bytes the content of a record has whose body has so many, where that can be told.
    pub(super) fn content_length(&self, body: usize) -> Option<usize> {
        match &self.guard {
            Guard::Open(open) => open.opener.content_length(body),
            Guard::Clear | Guard::Needs(_) | Guard::Closed => None,
        }
    }

    /// The sender goes on to the next keys of TLS 1.3 (RFC 8446, section 4.6.3).
    pub(super) fn update(&mut self, direction: Direction, terms: &Terms) {
        let (Guard::Open(open), Some(suite)) = (&mut self.guard, terms.suite) else { return };
        let secret = next_secret(suite.prf, &open.secret);
        if let Some(opener) = terms.opener(open.label, &secret, direction) {
            (open.opener, open.secret) = (opener, secret);
        }
    }

    /// With what its keys are made.
    pub(super) fn label(&self) -> Option<Label> {
        match &self.guard {
            Guard::Open(open) => Some(open.label),
            Guard::Clear | Guard::Needs(_) | Guard::Closed => None,
        }
    }
}
