//! Messages in the streams of a connection: cut out of the bytes in order, whatever the segments were, and read.
//!
//! A protocol implements [`StreamReader`], which looks at what stands at the front of a direction and says how far it goes.
//! [`Streams`] holds what is not whole yet, never more than [`LONGEST`] of a direction, and lets bodies pass that nobody
//! needs. What comes of a stream depends on its bytes and holes alone.

mod amqp;
mod amqp1;
mod framed;
mod ftp;
mod hidden;
mod http;
mod line;
mod recognise;
mod smtp;
mod telnet;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

pub use hidden::HiddenBytes;
pub use http::{Http, HttpFacts, Reuse};
pub use recognise::{Beginning, asks_http, begins_http, recognise};

use super::{Neighbour, Reading};
use crate::capture::Origin;
use crate::flow::{Direction, PerDirection, Role};

/// The most bytes of an unfinished message that are held. Heads of HTTP are 8 to 16 KiB at the most servers.
pub const LONGEST: usize = 64 << 10;

/// What is to be done with the front of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is not whole yet; there is nothing to look at before this has come.
    More(Until),
    /// So many bytes are read.
    Take(usize),
    /// So many bytes are read, and as many others follow that are payload; `None` where it goes on to the end.
    Payload {
        /// See there.
        take: usize,
        /// See there.
        length: Option<u64>,
    },
    /// It is no message: the next one has to be looked for.
    Lost,
    /// Nothing more of this direction is read.
    Over,
    /// So many bytes are read, and what comes behind them in both directions is TLS.
    Secured(usize),
}

/// What has to come before another look at the front of a stream can find more than the last one did. A reader that goes through
/// what it sees has to name it, or to remember how far it went: else each byte costs as much as was held before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// Any byte: looking costs little, however much is held.
    #[default]
    Any,
    /// The end of a line, or as many bytes in all.
    Line(usize),
}

impl Until {
    /// The end of a line, however far that is.
    pub const LINE: Self = Self::Line(usize::MAX);

    /// Whether `new` bytes, with which so many are held, are worth a look.
    fn came(self, new: &[u8], held: usize) -> bool {
        match self {
            Self::Any => true,
            Self::Line(most) => held >= most || new.contains(&b'\n'),
        }
    }
}

/// Takes what readers of streams find.
pub trait ReadingSink {
    /// Whether anybody wants to hear of messages; facts are gathered anyway.
    fn wants(&self) -> bool;

    /// A message, and where its last byte came from.
    fn reading(&mut self, direction: Direction, reading: Reading, origin: Origin);

    /// A connection for data is agreed on: who listens at which port, and at which address if that is said.
    fn expects_data(&mut self, _listener: Role, _address: Option<IpAddr>, _port: u16) {}
}

/// Where a reader stands.
pub struct Seen<'a> {
    /// Whose bytes they are.
    pub direction: Direction,
    /// Where the first byte of what stands at the front came from.
    pub started: Origin,
    /// Where the last byte so far came from: if the message is whole, its last.
    pub origin: Origin,
    /// Takes what is found.
    pub sink: &'a mut dyn ReadingSink,
}

impl std::fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("direction", &self.direction).field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Seen<'_> {
    /// Whether readings are wanted.
    pub fn wants(&self) -> bool {
        self.sink.wants()
    }

    /// Tells a message.
    pub fn tell(&mut self, reading: Reading) {
        self.sink.reading(self.direction, reading, self.origin);
    }
}

/// Reads the messages of one protocol in both directions of a connection.
///
/// What it makes of bytes must not depend on how many stand behind them.
pub trait StreamReader: std::fmt::Debug + Send {
    /// Looks at the front of a direction, where a message begins.
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step;

    /// The next bytes of a payload; asked for only where readings are wanted.
    fn payload(&mut self, _bytes: &[u8], _direction: Direction) {}

    /// A payload is over; so many bytes of it are missing, and `cut` if the stream ended within it.
    fn payload_end(&mut self, _missing: u64, _cut: bool, _seen: &mut Seen<'_>) {}

    /// Bytes between messages are missing in this direction.
    fn lost(&mut self, _direction: Direction) {}

    /// Where a message begins in bytes that follow on a loss: its place, or how many bytes may be passed over, and what those
    /// behind them wait for. The first `searched` bytes are known to have no line end, as it was waited for one.
    fn resume(&self, bytes: &[u8], _searched: usize, _direction: Direction) -> Result<usize, (usize, Until)> {
        bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1).ok_or((bytes.len(), Until::Any))
    }

    /// The stream has ended within a message.
    fn cut(&mut self, _bytes: &[u8], _seen: &mut Seen<'_>) {}

    /// Memory that it holds.
    fn held_bytes(&self) -> usize {
        0
    }
}

impl<R: StreamReader + ?Sized> StreamReader for Box<R> {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        (**self).read(bytes, seen)
    }

    fn payload(&mut self, bytes: &[u8], direction: Direction) {
        (**self).payload(bytes, direction);
    }

    fn payload_end(&mut self, missing: u64, cut: bool, seen: &mut Seen<'_>) {
        (**self).payload_end(missing, cut, seen);
    }

    fn lost(&mut self, direction: Direction) {
        (**self).lost(direction);
    }

    fn resume(&self, bytes: &[u8], searched: usize, direction: Direction) -> Result<usize, (usize, Until)> {
        (**self).resume(bytes, searched, direction)
    }

    fn cut(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        (**self).cut(bytes, seen);
    }

    fn held_bytes(&self) -> usize {
        (**self).held_bytes()
    }
}

/// The reader of a protocol, if its messages come in streams.
pub fn reader(protocol: Neighbour) -> Option<Box<dyn StreamReader>> {
    Some(match protocol {
        Neighbour::Ftp => Box::<ftp::Ftp>::default(),
        Neighbour::Smtp => Box::<smtp::Smtp>::default(),
        Neighbour::Telnet => Box::<telnet::Telnet>::default(),
        Neighbour::Amqp => Box::<amqp::Amqp>::default(),
        Neighbour::Http => Box::<Http>::default(),
        Neighbour::Lines => Box::new(framed::Lines),
        Neighbour::Length16 => Box::new(framed::Prefixed { protocol, bytes: 2, little: false }),
        Neighbour::Length16Le => Box::new(framed::Prefixed { protocol, bytes: 2, little: true }),
        Neighbour::Length32 => Box::new(framed::Prefixed { protocol, bytes: 4, little: false }),
        Neighbour::Length32Le => Box::new(framed::Prefixed { protocol, bytes: 4, little: true }),
        // One has files in it, DNS is read by itself, and the others come in datagrams.
        Neighbour::FtpData
        | Neighbour::Dns
        | Neighbour::Ntp
        | Neighbour::Mdns
        | Neighbour::Llmnr
        | Neighbour::Dhcp
        | Neighbour::Tftp
        | Neighbour::Coap
        | Neighbour::Arp
        | Neighbour::Rarp
        | Neighbour::Icmp
        | Neighbour::Icmpv6 => return None,
    })
}

/// What a direction is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// The beginning of a message, or within one that is held.
    #[default]
    Message,
    /// A payload of which so much is left, and so much is missing.
    Payload { left: Option<u64>, missing: u64 },
    /// Somewhere.
    Lost,
    /// What nobody reads.
    Over,
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    /// Where what is held began, and where the last byte came from.
    started: Option<Origin>,
    last: Option<Origin>,
    at: At,
    /// What what is held waits for.
    until: Until,
    /// Where borders are lost: so many bytes of what is held have no line end.
    searched: usize,
}

/// Both streams of a connection and who reads them.
#[derive(Debug)]
pub struct Streams<R> {
    reader: R,
    sides: PerDirection<Side>,
    secured: bool,
    /// The most bytes of a direction that it holds.
    longest: usize,
}

impl<R: StreamReader> Streams<R> {
    /// For streams of which nothing was read yet; `whole` are those that begin with a message.
    pub fn new(reader: R, whole: PerDirection<bool>) -> Self {
        let side = |whole| Side { at: if whole { At::Message } else { At::Lost }, ..Side::default() };
        let sides = PerDirection { to_server: side(whole.to_server), to_client: side(whole.to_client) };
        Self { reader, sides, secured: false, longest: LONGEST }
    }

    /// The same that holds no more than this of a direction, if that is less than [`LONGEST`].
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.longest = bytes.clamp(1, LONGEST);
        self
    }

    /// Who reads.
    pub const fn reader(&self) -> &R {
        &self.reader
    }

    /// Bytes of a message of this direction that has begun.
    pub fn message_bytes(&self, direction: Direction) -> usize {
        self.sides[direction].held.len()
    }

    /// Memory besides.
    pub fn shared_bytes(&self) -> usize {
        self.reader.held_bytes()
    }

    /// Both ends go on with TLS.
    pub const fn is_secured(&self) -> bool {
        self.secured
    }

    /// Nothing more of either direction is read.
    pub fn is_over(&self) -> bool {
        Direction::BOTH.iter().all(|direction| self.sides[*direction].at == At::Over)
    }

    /// The next bytes of a direction. Gives how many of them, at the end, stand behind what is read here.
    pub fn data(&mut self, direction: Direction, bytes: &[u8], origin: Origin, sink: &mut dyn ReadingSink) -> usize {
        let side = &mut self.sides[direction];
        side.last = Some(origin);
        if side.held.is_empty() {
            let left = self.pass(direction, bytes, (origin, origin), sink);
            if self.secured {
                return left;
            }
            let side = &mut self.sides[direction];
            if side.at == At::Message || side.at == At::Lost {
                side.held.extend_from_slice(bytes.get(bytes.len() - left..).unwrap_or_default());
            }
            side.started = Some(origin);
            return 0;
        }
        let in_all = side.held.len() + bytes.len();
        if in_all < self.longest && !side.until.came(bytes, in_all) {
            side.held.extend_from_slice(bytes);
            return 0;
        }
        let mut held = std::mem::take(&mut side.held);
        let started = side.started.unwrap_or(origin);
        let before = held.len();
        held.extend_from_slice(bytes);
        let left = self.pass(direction, &held, (started, origin), sink);
        if self.secured {
            return left.min(bytes.len());
        }
        let side = &mut self.sides[direction];
        if held.len() - left >= before {
            side.started = Some(origin);
        }
        held.drain(..held.len() - left);
        // What an unfinished message took is not kept when it has ended.
        if held.is_empty() {
            held = Vec::new();
        }
        if side.at == At::Message || side.at == At::Lost {
            side.held = held;
        }
        0
    }

    /// Reads what can be read, and gives how many bytes are left. Of two origins the first is that of the first byte.
    fn pass(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        (mut started, origin): (Origin, Origin),
        sink: &mut dyn ReadingSink,
    ) -> usize {
        let (mut rest, mut is_lost_here) = (bytes, false);
        loop {
            let front = rest.get(..self.longest).unwrap_or(rest);
            let side = &mut self.sides[direction];
            match side.at {
                At::Over => return 0,
                At::Payload { left, missing } => {
                    let take =
                        left.map_or(rest.len(), |left| rest.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let (body, behind) = rest.split_at(take);
                    if sink.wants() && !body.is_empty() {
                        self.reader.payload(body, direction);
                    }
                    rest = behind;
                    match left.map(|left| left - take as u64) {
                        Some(0) => {
                            side.at = At::Message;
                            let mut seen = Seen { direction, started, origin, sink: &mut *sink };
                            self.reader.payload_end(missing, false, &mut seen);
                        }
                        left => {
                            side.at = At::Payload { left, missing };
                            return 0;
                        }
                    }
                }
                At::Lost => {
                    let mut found = self.reader.resume(front, std::mem::take(&mut side.searched), direction);
                    if found == Ok(0) && std::mem::take(&mut is_lost_here) {
                        // What was no message here is none a second time.
                        let behind = front.get(1..).unwrap_or_default();
                        found = self.reader.resume(behind, 0, direction).map(|at| at + 1);
                        found = found.map_err(|(pass, until)| (pass + 1, until));
                    }
                    match found {
                        Ok(at) => {
                            rest = rest.get(at..).unwrap_or_default();
                            side.at = At::Message;
                        }
                        Err((pass, until)) => {
                            // What is as long as may be held and shows nothing is passed over whole.
                            let pass = if front.len() == self.longest { pass.max(1) } else { pass };
                            rest = rest.get(pass..).unwrap_or_default();
                            if front.len() < self.longest {
                                side.until = until;
                                side.searched = if matches!(until, Until::Line(_)) { rest.len() } else { 0 };
                                return rest.len();
                            }
                        }
                    }
                }
                At::Message if rest.is_empty() => return 0,
                At::Message => {
                    let mut seen = Seen { direction, started, origin, sink: &mut *sink };
                    let step = self.reader.read(front, &mut seen);
                    let take = match step {
                        Step::Take(take) | Step::Secured(take) | Step::Payload { take, .. } => take.min(front.len()),
                        Step::More(until) if front.len() < self.longest => {
                            self.sides[direction].until = until;
                            return rest.len();
                        }
                        Step::More(_) => front.len(),
                        Step::Lost | Step::Over => 0,
                    };
                    rest = rest.get(take..).unwrap_or_default();
                    let side = &mut self.sides[direction];
                    match step {
                        Step::Take(0) | Step::More(_) | Step::Lost => {
                            is_lost_here = take == 0;
                            side.at = At::Lost;
                            self.reader.lost(direction);
                        }
                        Step::Take(_) => {}
                        Step::Payload { length, .. } => side.at = At::Payload { left: length, missing: 0 },
                        Step::Over => side.at = At::Over,
                        Step::Secured(_) => {
                            self.secured = true;
                            return rest.len();
                        }
                    }
                }
            }
            started = origin;
        }
    }

    /// The next `length` bytes of a direction were never captured.
    pub fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn ReadingSink) {
        let side = &mut self.sides[direction];
        let started = side.started.unwrap_or(origin);
        match &mut side.at {
            At::Payload { left: Some(left), missing } => {
                let inside = length.min(*left);
                *left -= inside;
                *missing += inside;
                if *left == 0 {
                    let missing = *missing;
                    side.at = At::Message;
                    self.reader.payload_end(missing, false, &mut Seen { direction, started, origin, sink });
                    if inside < length {
                        self.sides[direction].at = At::Lost;
                        self.reader.lost(direction);
                    }
                }
            }
            At::Payload { left: None, missing } => *missing += length,
            At::Message => {
                let held = std::mem::take(&mut side.held);
                side.at = At::Lost;
                if !held.is_empty() {
                    self.reader.cut(&held, &mut Seen { direction, started, origin, sink });
                }
                self.reader.lost(direction);
            }
            At::Lost => {
                side.held = Vec::new();
                side.searched = 0;
            }
            At::Over => {}
        }
    }

    /// A direction has ended: its FIN came.
    pub fn end(&mut self, direction: Direction, origin: Origin, sink: &mut dyn ReadingSink) {
        let side = &mut self.sides[direction];
        if let At::Payload { left: None, missing } = side.at {
            side.at = At::Over;
            self.reader.payload_end(missing, false, &mut Seen { direction, started: origin, origin, sink });
        }
    }

    /// No more will come in either direction.
    pub fn finish(&mut self, sink: &mut dyn ReadingSink) {
        for direction in Direction::BOTH {
            let side = &mut self.sides[direction];
            let Some(origin) = side.last else { continue };
            let started = side.started.unwrap_or(origin);
            let held = std::mem::take(&mut side.held);
            let at = std::mem::replace(&mut side.at, At::Over);
            let mut seen = Seen { direction, started, origin, sink: &mut *sink };
            match at {
                At::Payload { left, missing } => {
                    self.reader.payload_end(missing.saturating_add(left.unwrap_or(0)), true, &mut seen);
                }
                At::Message if !held.is_empty() => self.reader.cut(&held, &mut seen),
                At::Message | At::Lost | At::Over => {}
            }
        }
    }

    /// What follows is another protocol's: nothing is read any more, and what is held is forgotten.
    pub fn leave(&mut self) {
        for direction in Direction::BOTH {
            let side = &mut self.sides[direction];
            side.held = Vec::new();
            side.at = At::Over;
        }
    }

    /// Holds nothing back any more. Gives how many messages are cut by it.
    pub fn shed(&mut self, sink: &mut dyn ReadingSink) -> u64 {
        let mut cut = 0;
        for direction in Direction::BOTH {
            let side = &mut self.sides[direction];
            let (Some(origin), false) = (side.last, side.held.is_empty()) else { continue };
            let held = std::mem::take(&mut side.held);
            side.searched = 0;
            if side.at == At::Message {
                cut += 1;
                side.at = At::Lost;
                let started = side.started.unwrap_or(origin);
                self.reader.cut(&held, &mut Seen { direction, started, origin, sink: &mut *sink });
                self.reader.lost(direction);
            }
        }
        cut
    }
}
