//! What records say and carry: the handshake, alerts, and application data, in the order in which keys let them be read.

use super::bytes::Fields;
use super::cipher::Sealed;
use super::facts::{Alert, TlsFacts, TlsFault, Unread};
use super::fingerprint::Carrier;
use super::guard::{Guard, Ready, Side, Terms};
use super::held::{Held, Item};
use super::hello;
use super::keylog::{Keys, Label};
use super::record::{Header, content};
use super::suite::{Cipher, Suite};
use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::Redactor;

/// The longest handshake message that is put together; chains of certificates are shorter.
const LONGEST_MESSAGE: usize = 64 << 10;
/// Alerts that are kept.
const ALERTS: usize = 8;
/// Records in a row that may fail before the keys are taken to be wrong.
const FAILURES: u8 = 3;

/// Types of handshake messages (RFC 8446, section 4).
mod message {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const END_OF_EARLY_DATA: u8 = 5;
    pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(super) const CERTIFICATE: u8 = 11;
    pub(super) const FINISHED: u8 = 20;
    pub(super) const KEY_UPDATE: u8 = 24;
}

/// Takes what a connection carries.
pub(super) trait Carried {
    /// The next bytes of application data, which came with a record that ends at `end` of the stream.
    fn data(&mut self, direction: Direction, bytes: &[u8], origin: Origin, end: u64);
    /// The next bytes are missing; it is not always known how many.
    fn missing(&mut self, direction: Direction, length: Option<u64>, origin: Origin);
    /// Something that should be known.
    fn fault(&mut self, direction: Direction, fault: TlsFault, origin: Origin);
    /// A record, as its header stands there.
    fn record(&mut self, direction: Direction, header: Header, origin: Origin);
    /// An alert.
    fn alert(&mut self, alert: Alert);
    /// The hello of an end.
    fn hello(&mut self, direction: Direction, hello: Hello<'_>, origin: Origin);
}

/// A hello of either end.
#[derive(Debug, Clone, Copy)]
pub enum Hello<'a> {
    /// The client's.
    Client(&'a hello::ClientHello),
    /// The server's.
    Server(&'a hello::ServerHello),
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It has to wait.
    Blocked,
}

/// The front of a handshake message that is not whole.
#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    /// Part of it is missing or it is too long.
    broken: bool,
}

/// A connection behind its records.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) facts: TlsFacts,
    terms: Terms,
    sides: PerDirection<Side>,
    messages: PerDirection<Messages>,
    held: Held,
    keys: Option<Keys>,
    redactor: Option<Redactor>,
    scratch: Vec<u8>,
    told_failure: PerDirection<bool>,
}

impl Connection {
    pub(super) fn new(keys: Option<Keys>, redactor: Option<Redactor>) -> Self {
        Self {
            facts: TlsFacts::default(),
            terms: Terms::default(),
            sides: PerDirection::default(),
            messages: PerDirection::default(),
            held: Held::default(),
            keys,
            redactor,
            scratch: Vec::new(),
            told_failure: PerDirection::default(),
        }
    }

    /// Whether the content of protected records may be read, or be readable later.
    pub(super) fn may_decrypt(&self) -> bool {
        let known = |keys: &Keys| self.terms.client_random.is_some_and(|random| keys.knows(&random));
        self.keys.as_ref().is_some_and(|keys| keys.is_growing() || known(keys))
    }

    /// Whether the body of a record is of interest.
    pub(super) fn wants(&self, direction: Direction, header: Header) -> bool {
        match self.sides[direction].guard {
            Guard::Closed => false,
            Guard::Open(_) => true,
            Guard::Clear | Guard::Needs(_) => header.kind != content::APPLICATION || self.may_decrypt(),
        }
    }

    /// Whether a record that was found behind a hole is authentic.
    pub(super) fn is_authentic(&mut self, direction: Direction, header: Header, body: &[u8]) -> Option<bool> {
        if self.held.has(direction) {
            return None;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let sealed = Sealed { kind: header.kind, version: header.version, body };
        let side = &mut self.sides[direction];
        let verdict = side.is_authentic(direction, &sealed, &mut scratch, &self.terms, self.keys.as_ref());
        self.scratch = scratch;
        verdict
    }

    /// Takes what the stream of a direction brings.
    pub(super) fn take(&mut self, direction: Direction, item: Item<'_>, origin: Origin, out: &mut dyn Carried) {
        if let Item::Record { header, .. } = item {
            self.count(direction, header, origin);
            out.record(direction, header, origin);
        }
        // What waits comes first.
        if self.held.has(direction) || self.process(direction, item, origin, out) == Outcome::Blocked {
            self.hold(direction, item, origin, out);
        }
        self.go_on(false, out);
    }

    fn hold(&mut self, direction: Direction, item: Item<'_>, origin: Origin, out: &mut dyn Carried) {
        let Some(keys) = self.keys.clone() else { return };
        if self.held.keep(direction, item, origin, &keys) {
            return;
        }
        self.give_up(Unread::KeysLate, out);
        // Nothing waits any more, and nothing is blocked.
        self.process(direction, item, origin, out);
    }

    /// Bytes that wait for keys.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.bytes()
    }

    /// Reads what waited, as far as that can be read by now.
    pub(super) fn go_on(&mut self, is_end: bool, out: &mut dyn Carried) {
        if self.held.is_empty() {
            return;
        }
        let mut at = 0;
        let mut blocked = PerDirection { to_server: false, to_client: false };
        while let Some(direction) = self.held.direction(at) {
            if blocked[direction] {
                at += 1;
                continue;
            }
            let Some(waiting) = self.held.take(at) else { break };
            if self.process(direction, waiting.item(), waiting.origin, out) == Outcome::Blocked {
                blocked[direction] = true;
                self.held.put_back(at, waiting);
                if blocked.to_server && blocked.to_client {
                    break;
                }
            } else if blocked[direction.reverse()] {
                // It may be what the other direction waits for.
                blocked[direction.reverse()] = false;
                at = 0;
            }
        }
        if is_end && !self.held.is_empty() {
            self.give_up(Unread::NoKeys, out);
        }
    }

    /// What waits is not read any more.
    fn give_up(&mut self, why: Unread, out: &mut dyn Carried) {
        while let (Some(direction), Some(waiting)) = (self.held.direction(0), self.held.take(0)) {
            if self.process(direction, waiting.item(), waiting.origin, out) == Outcome::Blocked {
                self.close(direction, why);
                if why == Unread::KeysLate {
                    out.fault(direction, TlsFault::KeysLate, waiting.origin);
                }
                self.process(direction, waiting.item(), waiting.origin, out);
            }
        }
    }

    fn close(&mut self, direction: Direction, why: Unread) {
        self.facts.unread.get_or_insert(why);
        self.sides[direction].guard = Guard::Closed;
    }

    fn process(&mut self, direction: Direction, item: Item<'_>, origin: Origin, out: &mut dyn Carried) -> Outcome {
        match item {
            Item::Lost(bytes) => {
                self.lost(direction, bytes, origin, out);
                Outcome::Done
            }
            Item::Record { header, body, end } => self.record(direction, header, body, origin, end, out),
        }
    }

    fn lost(&mut self, direction: Direction, bytes: u64, origin: Origin, out: &mut dyn Carried) {
        self.messages[direction] = Messages::default();
        let side = &mut self.sides[direction];
        side.lost += bytes;
        match side.guard {
            // A hello that was lost says which keys there are.
            Guard::Clear if self.terms.lacks_hello(direction) => {
                self.close(Direction::ToServer, Unread::NoHandshake);
                self.close(Direction::ToClient, Unread::NoHandshake);
            }
            Guard::Open(_) => {
                out.fault(direction, TlsFault::Lost, origin);
                out.missing(direction, None, origin);
            }
            Guard::Clear | Guard::Needs(_) | Guard::Closed => {}
        }
    }

    fn record(
        &mut self,
        direction: Direction,
        header: Header,
        body: Option<&[u8]>,
        origin: Origin,
        end: u64,
        out: &mut dyn Carried,
    ) -> Outcome {
        if matches!(self.sides[direction].guard, Guard::Clear)
            && !self.is_protected_behind_hole(direction, header, body)
        {
            return self.clear(direction, header, body, origin, out);
        }
        if self.terms.is_modern() && header.kind != content::APPLICATION {
            // What is not protected in TLS 1.3: a second hello, alerts, and what is there for the looks of 1.2 only.
            if let (content::ALERT, Some(body)) = (header.kind, body) {
                self.alert(direction, body, origin, out);
            }
            if let (content::HANDSHAKE, Some(body)) = (header.kind, body) {
                self.handshake(direction, body, origin, out);
            }
            return Outcome::Done;
        }
        match self.sides[direction].prepare(direction, &self.terms, self.keys.as_ref()) {
            Ready::Yes => {}
            Ready::NotYet => return Outcome::Blocked,
            Ready::Never(why) => {
                if self.sides[direction].guard.is_early() {
                    // Without their secret early data are passed over, and what follows may be read.
                    self.sides[direction].guard = Guard::Needs(Label::ClientHandshake);
                    self.sides[direction].skips_early = true;
                    return self.record(direction, header, body, origin, end, out);
                }
                self.close(direction, why);
                self.unread(direction, header, origin);
                return Outcome::Done;
            }
        }
        let Some(body) = body else {
            let length = self.sides[direction].content_length(header.length).map(|length| length as u64);
            self.sides[direction].skip();
            self.messages[direction] = Messages::default();
            if header.kind == content::APPLICATION {
                out.missing(direction, length, origin);
            }
            return Outcome::Done;
        };
        let mut plain = std::mem::take(&mut self.scratch);
        let sealed = Sealed { kind: header.kind, version: header.version, body };
        if self.sides[direction].open(direction, &sealed, &mut plain, &self.terms, self.keys.as_ref()) {
            self.facts.decrypted = true;
            self.sides[direction].skips_early = false;
            let (kind, length) = if self.terms.is_modern() {
                // The content type is the last byte that is not zero (RFC 8446, section 5.4).
                let last = plain.iter().rposition(|byte| *byte != 0);
                last.and_then(|last| plain.get(last).map(|kind| (*kind, last))).unwrap_or((content::ALERT, 0))
            } else {
                (header.kind, plain.len())
            };
            self.opened(direction, kind, plain.get(..length).unwrap_or_default(), origin, end, out);
        } else if !self.sides[direction].skips_early {
            self.failed(direction, header, origin, out);
        }
        self.scratch = plain;
        Outcome::Done
    }

    /// Whether the hole before this record has swallowed what says that protection begins (TLS up to 1.2).
    fn is_protected_behind_hole(&mut self, direction: Direction, header: Header, body: Option<&[u8]>) -> bool {
        let side = &mut self.sides[direction];
        if side.lost == 0 || self.terms.is_modern() || self.terms.server_random.is_none() {
            return false;
        }
        side.guard = Guard::Needs(Label::Master);
        let is_protected = header.kind == content::APPLICATION
            || body.is_some_and(|body| self.is_authentic(direction, header, body) == Some(true));
        if !is_protected {
            self.sides[direction].guard = Guard::Clear;
        }
        is_protected
    }

    /// A record that can't be opened with keys that should.
    fn failed(&mut self, direction: Direction, header: Header, origin: Origin, out: &mut dyn Carried) {
        self.facts.sides[direction].unread_records += 1;
        if !std::mem::replace(&mut self.told_failure[direction], true) {
            out.fault(direction, TlsFault::NotAuthentic, origin);
        }
        self.sides[direction].skip();
        if header.kind == content::APPLICATION && self.facts.sides[direction].decrypted_bytes > 0 {
            out.missing(direction, None, origin);
        }
        if self.sides[direction].failures >= FAILURES {
            self.close(direction, Unread::WrongKeys);
        }
    }

    /// A record that nothing protects.
    fn clear(
        &mut self,
        direction: Direction,
        header: Header,
        body: Option<&[u8]>,
        origin: Origin,
        out: &mut dyn Carried,
    ) -> Outcome {
        let Some(body) = body else {
            if header.kind == content::HANDSHAKE {
                self.messages[direction] = Messages::default();
                self.lost(direction, 0, origin, out);
            }
            return Outcome::Done;
        };
        match header.kind {
            content::HANDSHAKE => self.handshake(direction, body, origin, out),
            content::ALERT => self.alert(direction, body, origin, out),
            content::CHANGE_CIPHER | content::APPLICATION => {
                if self.terms.server_random.is_none() {
                    // Early data of a client that was asked to say hello once more is never read by the server.
                    let passed = self.terms.retried || (header.kind == content::CHANGE_CIPHER && self.terms.early_data);
                    if !passed && self.may_decrypt() && self.terms.client_random.is_some() {
                        return Outcome::Blocked;
                    }
                    if self.terms.client_random.is_none() {
                        self.close(direction, Unread::NoHandshake);
                    }
                } else if header.kind == content::CHANGE_CIPHER && !self.terms.is_modern() {
                    self.sides[direction].guard = Guard::Needs(Label::Master);
                }
            }
            _ => {}
        }
        Outcome::Done
    }

    /// The content of a record that was protected.
    fn opened(
        &mut self,
        direction: Direction,
        kind: u8,
        bytes: &[u8],
        origin: Origin,
        end: u64,
        out: &mut dyn Carried,
    ) {
        match kind {
            content::APPLICATION => {
                self.facts.sides[direction].decrypted_bytes += bytes.len() as u64;
                if !bytes.is_empty() {
                    out.data(direction, bytes, origin, end);
                }
            }
            content::HANDSHAKE => self.handshake(direction, bytes, origin, out),
            content::ALERT => self.alert(direction, bytes, origin, out),
            // Keys were agreed on anew.
            content::CHANGE_CIPHER => self.sides[direction].guard = Guard::Needs(Label::Master),
            _ => {}
        }
    }

    fn alert(&mut self, direction: Direction, body: &[u8], origin: Origin, out: &mut dyn Carried) {
        let [level, description] = *body else { return };
        let alert = Alert { direction, level, description, origin };
        out.alert(alert);
        if self.facts.alerts.len() < ALERTS {
            self.facts.alerts.push(alert);
        }
        // That no more will come, or that the user has cancelled, is no trouble.
        if !matches!(description, 0 | 90) {
            out.fault(direction, TlsFault::Alert { level, description }, origin);
        }
    }

    /// Takes handshake messages out of the bytes of records.
    fn handshake(&mut self, direction: Direction, bytes: &[u8], origin: Origin, out: &mut dyn Carried) {
        let mut messages = std::mem::take(&mut self.messages[direction]);
        if messages.broken {
            self.messages[direction] = messages;
            return;
        }
        messages.bytes.extend_from_slice(bytes);
        let mut rest = Fields(&messages.bytes);
        let mut used = 0;
        while !rest.is_empty() {
            let (Some(kind), Some(length)) = (rest.u8(), rest.u24()) else { break };
            messages.broken = length > LONGEST_MESSAGE;
            let Some(body) = rest.take(length) else { break };
            used += 4 + length;
            self.message(direction, kind, body, origin, out);
        }
        if messages.broken {
            messages.bytes = Vec::new();
        } else {
            messages.bytes.drain(..used.min(messages.bytes.len()));
            messages.bytes.shrink_to(0);
        }
        self.messages[direction] = messages;
    }

    fn message(&mut self, direction: Direction, kind: u8, body: &[u8], origin: Origin, out: &mut dyn Carried) {
        match (kind, direction) {
            (message::CLIENT_HELLO, Direction::ToServer) => {
                if let Some(hello) = hello::client(body) {
                    self.client_hello(&hello, origin);
                    out.hello(direction, Hello::Client(&hello), origin);
                }
            }
            (message::SERVER_HELLO, Direction::ToClient) => {
                if let Some(hello) = hello::server(body) {
                    self.server_hello(&hello, origin, out);
                    out.hello(direction, Hello::Server(&hello), origin);
                }
            }
            (message::ENCRYPTED_EXTENSIONS, Direction::ToClient) if self.terms.is_modern() => {
                let hello::EncryptedExtensions { alpn, early, .. } = hello::encrypted_extensions(body);
                self.facts.alpn = alpn;
                self.terms.early_accepted = Some(early);
                if !early && self.sides.to_server.guard.is_early() {
                    self.sides.to_server.guard = Guard::Needs(Label::ClientHandshake);
                    self.sides.to_server.skips_early = true;
                }
            }
            (message::CERTIFICATE, _) => self.certificate(direction, body, origin, out),
            (message::END_OF_EARLY_DATA, Direction::ToServer) if self.terms.is_modern() => {
                self.sides.to_server.guard = Guard::Needs(Label::ClientHandshake);
            }
            (message::FINISHED, Direction::ToClient)
                if self.sides.to_client.label() == Some(Label::ServerHandshake) =>
            {
                self.sides.to_client.guard = Guard::Needs(Label::ServerTraffic);
            }
            (message::FINISHED, Direction::ToServer)
                if self.sides.to_server.label() == Some(Label::ClientHandshake) =>
            {
                self.sides.to_server.guard = Guard::Needs(Label::ClientTraffic);
            }
            (message::KEY_UPDATE, _) if self.terms.is_modern() => self.sides[direction].update(direction, &self.terms),
            _ => {}
        }
    }

    fn client_hello(&mut self, hello: &hello::ClientHello, origin: Origin) {
        self.terms.client(hello);
        let facts = &mut self.facts;
        if facts.begun.is_some() {
            return;
        }
        facts.on_client_hello(hello, origin, self.redactor.as_ref(), Carrier::Tcp);
    }

    fn server_hello(&mut self, hello: &hello::ServerHello, origin: Origin, out: &mut dyn Carried) {
        if hello.is_retry() {
            self.facts.retried = true;
            self.terms.retried = true;
            self.terms.early_accepted = Some(false);
            return;
        }
        let offers_early = self.terms.early_data && !self.terms.retried;
        self.terms.server(hello);
        let facts = &mut self.facts;
        facts.version = Some(hello.version);
        facts.suite = Some(hello.suite);
        if hello.version < 0x0303 {
            out.fault(Direction::ToClient, TlsFault::OldVersion(hello.version), origin);
        }
        if !self.terms.is_modern() {
            facts.alpn.clone_from(&hello.alpn);
            facts.resumed = !hello.session.is_empty() && hello.session == self.terms.client_session;
            return;
        }
        facts.resumed = hello.has(hello::extension::PRE_SHARED_KEY);
        self.sides.to_client.guard = Guard::Needs(Label::ServerHandshake);
        let label = if offers_early { Label::ClientEarly } else { Label::ClientHandshake };
        // The client may have been seen to be lost already.
        if !matches!(self.sides.to_server.guard, Guard::Closed) {
            self.sides.to_server.guard = Guard::Needs(label);
        }
    }

    fn certificate(&mut self, direction: Direction, body: &[u8], origin: Origin, out: &mut dyn Carried) {
        let faults = self.facts.on_certificate(direction, body, self.terms.is_modern(), origin, self.redactor.as_ref());
        for fault in faults.into_iter().flatten() {
            out.fault(direction, fault, origin);
        }
    }

    /// Counts a record by what its header says.
    fn count(&mut self, direction: Direction, header: Header, origin: Origin) {
        let guarded = !matches!(self.sides[direction].guard, Guard::Clear);
        let facts = &mut self.facts;
        let protected = if self.terms.is_modern() { header.kind == content::APPLICATION } else { guarded };
        if protected {
            facts.protected[direction].get_or_insert(origin.time);
        }
        let side = &mut facts.sides[direction];
        side.records += 1;
        if header.kind == content::APPLICATION {
            side.application_records += 1;
            side.application_bytes += header.length as u64;
            side.longest_bytes = side.longest_bytes.max(header.length as u64);
            side.first.get_or_insert(origin.time);
            side.last = Some(origin.time);
        }
    }

    /// A record whose content is not known.
    fn unread(&mut self, direction: Direction, header: Header, origin: Origin) {
        if header.kind != content::APPLICATION {
            return;
        }
        if self.terms.suite.and_then(|suite| ping_length(suite, self.terms.version)) == Some(header.length) {
            self.facts.pings.on_record(direction, origin.time);
        }
    }
}

impl Guard {
    const fn is_early(&self) -> bool {
        matches!(self, Self::Needs(Label::ClientEarly))
    }
}

/// How long a record is with two bytes in it, as PINGREQ and PINGRESP have.
const fn ping_length(suite: Suite, version: u16) -> Option<usize> {
    let content = 2;
    Some(match suite.cipher {
        Cipher::Gcm { .. } | Cipher::ChaCha if version >= 0x0304 => content + 1 + 16,
        Cipher::Ccm { tag, .. } if version >= 0x0304 => content + 1 + tag,
        Cipher::Gcm { .. } => 8 + content + 16,
        Cipher::Ccm { tag, .. } => 8 + content + tag,
        Cipher::ChaCha => content + 16,
        // Padding makes it as long as others.
        Cipher::Cbc { .. } | Cipher::Null { .. } => return None,
    })
}
