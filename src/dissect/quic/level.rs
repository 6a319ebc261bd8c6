//! The keys of a connection: of each direction at each level, and how they change.

use std::fmt;

use super::super::tls::Unread;
use super::super::tls::cipher::Opener;
use super::super::tls::keylog::{Keys, Label, SecretBytes};
use super::super::tls::suite::Suite;
use super::handshake::{CryptoStream, Space, Terms};
use super::header::{QuicPacketType, RawPacket};
use super::keys::{NextKeys, PacketKeys, Unmasked, open_with};
use crate::flow::{ConnectionId, Direction, PerDirection};
use crate::rare::{Rare, blank};

/// Packets in a row that may fail before the keys of a level that never opened any are taken to be wrong.
const FAILURES: u8 = 8;

/// The most tokens of an end that are known: there is one for each of its ids.
const TOKENS: usize = 32;

/// How many phases of keys may have gone by in what was not captured.
const PHASES: usize = 4;

/// What stateless resets of an end end with. They are secrets of both ends.
#[derive(Default)]
pub(super) struct Tokens(Vec<[u8; 16]>);

/// Tells how many there are, and none of them.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

impl Tokens {
    pub(super) fn add(&mut self, token: [u8; 16]) {
        if self.0.len() >= TOKENS {
            self.0.remove(0);
        }
        self.0.push(token);
    }

    /// Whether a datagram ends with one (RFC 9000, section 10.3.1).
    pub(super) fn end(&self, datagram: &[u8]) -> bool {
        datagram.len() >= 21 && datagram.last_chunk().is_some_and(|last| self.0.contains(last))
    }
}

/// The keys of one direction at one level.
#[derive(Debug, Default)]
enum Guard {
    /// Not made yet.
    #[default]
    Needed,
    Open(Box<PacketKeys>),
    /// They can't be made.
    Closed(Unread),
}

/// Keys that may be there for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    /// They may come.
    NotYet,
    Never(Unread),
}

/// The phases of the keys of data.
#[derive(Default)]
struct Phase {
    /// The bit of the keys in use.
    bit: bool,
    /// The number of the first packet of the phase.
    since: u64,
    /// The keys before these, for packets that come late.
    before: Option<Box<Opener>>,
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phase").field("bit", &self.bit).field("since", &self.since).finish_non_exhaustive()
    }
}

/// What one direction has.
#[derive(Debug, Default)]
struct Side {
    early: Guard,
    handshake: Guard,
    data: Guard,
    phase: Phase,
    /// Packets in a row that could not be opened, of levels that never opened one.
    failures: [u8; 3],
    opened: [bool; 3],
    crypto: [Rare<CryptoStream>; 3],
}

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Levels {
    pub(super) terms: Terms,
    /// The id that the keys of Initial packets come from.
    initial_id: Option<ConnectionId>,
    /// An end that never answered has none of it: there may be many whose first packet nobody answers.
    sides: PerDirection<Rare<Side>>,
}

blank!(Side, CryptoStream);

/// Which place keys of a packet have in the lists of a side.
const fn place(kind: QuicPacketType) -> usize {
    match kind {
        QuicPacketType::ZeroRtt => 0,
        QuicPacketType::Handshake => 1,
        _ => 2,
    }
}

impl Levels {
    /// Initial packets are protected by keys of this id from here on. The client says hello once more: with the same words
    /// after a Retry (RFC 9000, section 17.2.5.3), though some find others.
    pub(super) fn begin(&mut self, id: ConnectionId) {
        self.initial_id = Some(id);
        *self.crypto(Direction::ToServer, Space::Initial) = CryptoStream::default();
    }

    pub(super) const fn initial_id(&self) -> Option<ConnectionId> {
        self.initial_id
    }

    /// The keys of an Initial packet. They are made for each, as there are few, and take more room than all else that is known
    /// of a connection. A server may answer in another version than the client's (RFC 9368).
    pub(super) fn initial(&self, version: u32, direction: Direction) -> Option<PacketKeys> {
        PacketKeys::initial(version, self.initial_id?, direction)
    }

    /// What is put together of the handshake.
    pub(super) fn crypto(&mut self, direction: Direction, space: Space) -> &mut CryptoStream {
        let [initial, handshake, data] = &mut self.sides[direction].crypto;
        match space {
            Space::Initial => initial,
            Space::Handshake => handshake,
            Space::Data => data,
        }
    }

    /// The memory that this takes.
    pub(super) fn crypto_bytes(&self, direction: Direction) -> usize {
        self.sides[direction].crypto.iter().map(|stream| stream.held_bytes()).sum()
    }

    /// Holds nothing of it any more.
    pub(super) fn shed(&mut self) {
        for side in [&mut self.sides.to_server, &mut self.sides.to_client].into_iter().filter_map(Rare::made) {
            side.crypto.iter_mut().filter_map(Rare::made).for_each(CryptoStream::shed);
        }
    }

    fn guard(&mut self, direction: Direction, kind: QuicPacketType) -> &mut Guard {
        let side = &mut *self.sides[direction];
        match kind {
            QuicPacketType::ZeroRtt => &mut side.early,
            QuicPacketType::Handshake => &mut side.handshake,
            _ => &mut side.data,
        }
    }

    /// Makes the keys of a packet of this kind, if what they come from is there.
    pub(super) fn prepare(
        &mut self,
        kind: QuicPacketType,
        version: u32,
        direction: Direction,
        keys: Option<&Keys>,
    ) -> Ready {
        match self.guard(direction, kind) {
            Guard::Open(_) => return Ready::Yes,
            Guard::Closed(why) => return Ready::Never(*why),
            Guard::Needed => {}
        }
        let (suite, secret) = match self.source(kind, direction, keys) {
            Ok(source) => source,
            Err(not) => return not,
        };
        let guard = self.guard(direction, kind);
        *guard = match PacketKeys::new(suite, secret, version) {
            Some(keys) => Guard::Open(Box::new(keys)),
            None => Guard::Closed(Unread::Suite),
        };
        if matches!(guard, Guard::Open(_)) { Ready::Yes } else { Ready::Never(Unread::Suite) }
    }

    /// Whether a packet of this kind would have to wait.
    pub(super) fn is_blocked(&self, kind: QuicPacketType, direction: Direction, keys: Option<&Keys>) -> bool {
        let side = &*self.sides[direction];
        let guard = match kind {
            QuicPacketType::ZeroRtt => &side.early,
            QuicPacketType::Handshake => &side.handshake,
            _ => &side.data,
        };
        matches!(guard, Guard::Needed) && matches!(self.source(kind, direction, keys), Err(Ready::NotYet))
    }

    /// What the keys of a level are made of.
    fn source(
        &self,
        kind: QuicPacketType,
        direction: Direction,
        keys: Option<&Keys>,
    ) -> Result<(Suite, SecretBytes), Ready> {
        let Some(keys) = keys else { return Err(Ready::Never(Unread::NoKeys)) };
        let Some(random) = self.terms.client_random else {
            // It may come late, but nothing can be waited for where there are no keys at all.
            let hopes = keys.is_growing() || keys.connections() > 0;
            return Err(if hopes { Ready::NotYet } else { Ready::Never(Unread::NoHandshake) });
        };
        if !keys.knows(&random) && !keys.is_growing() {
            return Err(Ready::Never(Unread::NoKeys));
        }
        let suite = match (self.terms.server_spoke, self.terms.suite) {
            (true, Some(suite)) => suite,
            (true, None) => return Err(Ready::Never(Unread::Suite)),
            (false, _) => return Err(Ready::NotYet),
        };
        let label = match (kind, direction) {
            (QuicPacketType::ZeroRtt, Direction::ToClient) => return Err(Ready::Never(Unread::NoKeys)),
            (QuicPacketType::ZeroRtt, Direction::ToServer) => match self.terms.early_accepted {
                None => return Err(Ready::NotYet),
                Some(false) => return Err(Ready::Never(Unread::NoKeys)),
                Some(true) => Label::ClientEarly,
            },
            (QuicPacketType::Handshake, Direction::ToServer) => Label::ClientHandshake,
            (QuicPacketType::Handshake, Direction::ToClient) => Label::ServerHandshake,
            (_, Direction::ToServer) => Label::ClientTraffic,
            (_, Direction::ToClient) => Label::ServerTraffic,
        };
        let none = if keys.is_growing() { Ready::NotYet } else { Ready::Never(Unread::NoKeys) };
        keys.get(&random, label).map(|secret| (suite, secret)).ok_or(none)
    }

    /// Opens early data before it is known whether the server takes it: its content is put into `out`.
    pub(super) fn peek(&self, packet: &RawPacket<'_>, keys: Option<&Keys>, out: &mut Vec<u8>) -> Option<Unmasked> {
        let secret = keys?.get(&self.terms.client_random?, Label::ClientEarly)?;
        self.terms.offered.iter().find_map(|suite| {
            let keys = PacketKeys::new(*suite, secret.clone(), packet.version)?;
            let unmasked = keys.unmask(packet, None)?;
            keys.open(packet, unmasked, out).then_some(unmasked)
        })
    }

    /// Nothing of this level is waited for any more.
    pub(super) fn close(&mut self, kind: QuicPacketType, direction: Direction, why: Unread) {
        let guard = self.guard(direction, kind);
        if matches!(guard, Guard::Needed) {
            *guard = Guard::Closed(why);
        }
    }

    /// Takes the protection off a packet: its content is put into `out`. Gives what its header says, and whether its sender
    /// went on to new keys with it; nothing where it is not authentic.
    pub(super) fn open(
        &mut self,
        packet: &RawPacket<'_>,
        direction: Direction,
        largest: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Option<(Unmasked, bool)> {
        let side = &mut *self.sides[direction];
        let at = place(packet.kind);
        let guard = match packet.kind {
            QuicPacketType::ZeroRtt => &mut side.early,
            QuicPacketType::Handshake => &mut side.handshake,
            _ => &mut side.data,
        };
        let Guard::Open(keys) = guard else { return None };
        let opened = keys.unmask(packet, largest).and_then(|unmasked| {
            let updated = if packet.kind == QuicPacketType::OneRtt {
                open_data(keys, &mut side.phase, packet, unmasked, out)?
            } else {
                keys.open(packet, unmasked, out).then_some(false)?
            };
            Some((unmasked, updated))
        });
        match (opened.is_some(), side.opened.get_mut(at), side.failures.get_mut(at)) {
            (true, Some(any), _) => *any = true,
            (false, Some(false), Some(failures)) => {
                *failures += 1;
                if *failures >= FAILURES {
                    *guard = Guard::Closed(Unread::WrongKeys);
                }
            }
            _ => {}
        }
        opened
    }
}

/// Opens a packet of data with the keys in use, those before them, or those that follow (RFC 9001, section 6).
fn open_data(
    keys: &mut PacketKeys,
    phase: &mut Phase,
    packet: &RawPacket<'_>,
    unmasked: Unmasked,
    out: &mut Vec<u8>,
) -> Option<bool> {
    let bit = unmasked.first & 4 != 0;
    if bit == phase.bit && keys.open(packet, unmasked, out) {
        return Some(false);
    }
    if bit != phase.bit
        && unmasked.number < phase.since
        && phase.before.as_ref().is_some_and(|before| open_with(before, packet, unmasked, out))
    {
        return Some(false);
    }
    // The first that follow have the other bit; of those behind them nothing was captured in between.
    let mut next: NextKeys = keys.next()?;
    let mut next_bit = !phase.bit;
    for _ in 0..PHASES {
        if next_bit == bit && next.open(packet, unmasked, out) {
            phase.before = Some(Box::new(keys.update(next)));
            phase.bit = bit;
            phase.since = unmasked.number;
            return Some(true);
        }
        next = next.next(keys)?;
        next_bit = !next_bit;
    }
    None
}
