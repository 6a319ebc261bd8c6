//! The bytes of both streams until it is known whether they are to carry frames.

use super::head::{Head, HeadRead, LONGEST};
use crate::capture::{Origin, Place};
use crate::dissect::Part;
use crate::flow::{Direction, PerDirection};

/// The most bytes of a direction that are held behind its head, and the most pieces. Who sends more does not wait for
/// an answer, or the answer was not captured.
const WAITING: usize = 64 << 10;
const PIECES: usize = 1024;

/// A piece of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
    /// Bytes up to this end of what is held of the direction.
    Bytes {
        to: usize,
        place: Place,
    },
    Gap {
        length: u64,
        origin: Origin,
    },
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// More has to come.
    Open,
    /// The server refused with what this status says, and may be asked again.
    Refused,
    /// From here on there are frames.
    Upgraded,
    /// What there is are frames, as it seems; the answer was not captured.
    Assumed,
    /// Other HTTP.
    Other,
}

/// What is held of a direction.
#[derive(Debug, Default)]
struct Side {
    bytes: Vec<u8>,
    /// How much of it is done with.
    done: usize,
    /// Where the first hole stands.
    hole: Option<usize>,
    head: Option<Box<Head>>,
    /// Where the head ends in `bytes`.
    end: usize,
    /// Where the frame that completed the head came from.
    origin: Option<Origin>,
    /// Bytes of a body that are still to come, and are of no interest.
    skip: u64,
    not_http: bool,
}

/// The first bytes of both streams.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    sides: PerDirection<Side>,
    pieces: Vec<(Direction, Piece)>,
}

impl Handshake {
    /// Bytes that wait for the end of a head, or for the other direction's.
    pub(super) fn held_bytes(&self) -> usize {
        let bytes = self.sides.to_server.bytes.len() + self.sides.to_client.bytes.len();
        bytes + size_of_val(self.pieces.as_slice())
    }

    pub(super) fn data(&mut self, direction: Direction, bytes: &[u8], place: Place) {
        let side = &mut self.sides[direction];
        side.bytes.extend_from_slice(bytes);
        let to = side.bytes.len();
        self.pieces.push((direction, Piece::Bytes { to, place }));
        let body = side.skip.min((to - side.done) as u64);
        side.done += body as usize;
        side.skip -= body;
        // A head ends with an empty line.
        if bytes.contains(&b'\n') || side.bytes.len() - side.done >= LONGEST {
            side.read(direction == Direction::ToServer, place.origin);
        } else if side.head.is_none()
            && side.done < to
            && !could_be_http(side.bytes.get(side.done..).unwrap_or_default())
        {
            side.not_http = true;
        }
    }

    pub(super) fn gap(&mut self, direction: Direction, length: u64, origin: Origin) {
        let side = &mut self.sides[direction];
        side.hole.get_or_insert(side.bytes.len());
        self.pieces.push((direction, Piece::Gap { length, origin }));
    }

    /// A head, and where it came from.
    pub(super) fn head(&self, direction: Direction) -> Option<(&Head, &[u8], Option<Origin>)> {
        let side = &self.sides[direction];
        let head = side.head.as_deref()?;
        Some((head, side.bytes.get(side.done..side.end).unwrap_or_default(), side.origin))
    }

    /// How many bytes of a direction stand before its head.
    pub(super) fn before_head(&self, direction: Direction) -> usize {
        self.sides[direction].done
    }

    /// What became of it so far; `is_end` where no more will come.
    pub(super) fn outcome(&self, is_end: bool) -> Outcome {
        let (client, server) = (&self.sides.to_server, &self.sides.to_client);
        if client.head.as_ref().is_some_and(|head| !head.upgrades()) {
            return Outcome::Other;
        }
        let full = |side: &Side| side.bytes.len() - side.end.max(side.done) > WAITING;
        let is_full = full(client) || full(server) || self.pieces.len() > PIECES;
        if let Some(response) = &server.head {
            return match response.status {
                // The request may have been captured late.
                Some(101) if response.upgrades() => {
                    let waits = client.head.is_none() && client.hole.is_none() && !client.not_http;
                    let some = client.bytes.len() > client.done;
                    if waits && some && !is_full && !is_end { Outcome::Open } else { Outcome::Upgraded }
                }
                Some(101) => Outcome::Other,
                // An interim answer, which another one follows.
                Some(100..200) => Outcome::Open,
                _ if client.head.is_some() => Outcome::Refused,
                _ => Outcome::Other,
            };
        }
        if client.head.is_none() {
            let nothing = client.not_http || (client.hole.is_some() && client.bytes.is_empty());
            // Neither asks for frames nor grants them.
            let never = (nothing || client.bytes.is_empty() || client.hole.is_some())
                && (server.not_http || server.hole.is_some());
            return if client.not_http || never || is_full || is_end { Outcome::Other } else { Outcome::Open };
        }
        let more = client.bytes.len() > client.end || server.not_http;
        let lost = server.hole.is_some() || server.not_http || is_full || is_end;
        match (lost, more) {
            (true, true) => Outcome::Assumed,
            (true, false) if is_end => Outcome::Other,
            (true | false, _) => Outcome::Open,
        }
    }

    /// Forgets an exchange that came to nothing. Says whether another can follow it.
    pub(super) fn next(&mut self) -> bool {
        let (client, server) = self.sides.both_mut(Direction::ToServer);
        let Some(response) = server.head.take() else { return false };
        let interim = response.status.is_some_and(|status| status < 200);
        let body = match response.status {
            Some(100..200 | 204 | 304) => Some(0),
            _ => response.content_length,
        };
        let Some(body) = body.filter(|_| (!response.closes || interim) && server.hole.is_none()) else { return false };
        server.done = server.end;
        let there = body.min((server.bytes.len() - server.done) as u64);
        server.done += there as usize;
        server.skip = body - there;
        let origin = server.origin.take();
        if let Some(origin) = origin {
            server.read(false, origin);
        }
        if !interim {
            client.head = None;
            client.done = client.end;
            if let Some(origin) = client.origin.take() {
                client.read(true, origin);
            }
        }
        true
    }

    /// What is held behind the heads, piece by piece in the order in which it came, each with where it begins in its
    /// stream.
    pub(super) fn replay(&self, mut take: impl FnMut(Direction, u64, Part<'_>)) {
        let mut at = PerDirection { to_server: 0, to_client: 0 };
        let mut gaps = PerDirection { to_server: 0, to_client: 0 };
        for (direction, piece) in &self.pieces {
            let side = &self.sides[*direction];
            let from = if side.head.is_some() { side.end } else { side.done };
            let start = at[*direction];
            match *piece {
                Piece::Bytes { to, place } => {
                    at[*direction] = to;
                    let first = start.max(from);
                    if first < to {
                        let bytes = side.bytes.get(first..to).unwrap_or_default();
                        let offset = first as u64 + gaps[*direction];
                        take(*direction, offset, Ok((bytes, place.plus(first - start))));
                    }
                }
                Piece::Gap { length, origin } => {
                    take(*direction, start as u64 + gaps[*direction], Err((length, origin)));
                    gaps[*direction] = length.saturating_add(gaps[*direction]);
                }
            }
        }
    }

    /// Whether a hole stands in the way of a direction's head, or there was none.
    pub(super) fn lacks_head(&self, direction: Direction) -> bool {
        self.sides[direction].head.is_none()
    }
}

impl Side {
    fn read(&mut self, is_request: bool, origin: Origin) {
        if self.head.is_some() || self.not_http || self.skip > 0 || self.hole.is_some_and(|hole| hole <= self.done) {
            return;
        }
        let held = self.bytes.get(self.done..self.hole.unwrap_or(self.bytes.len())).unwrap_or_default();
        if held.is_empty() {
            return;
        }
        match Head::read(held, is_request) {
            HeadRead::Whole(head, length) => {
                self.end = self.done + length;
                self.origin = Some(origin);
                self.head = Some(head);
            }
            HeadRead::Partial => {}
            HeadRead::Other => self.not_http = true,
        }
    }
}

/// Whether a head can begin with these bytes.
fn could_be_http(bytes: &[u8]) -> bool {
    /// A method, or the name of the protocol, is ASCII; reasons and values may have other bytes (RFC 9110, section 5.5).
    const ASCII: usize = 4;
    bytes.iter().take(32).enumerate().all(|(at, byte)| match byte {
        b' ' | b'\r' | b'\n' | b'\t' => true,
        0x80.. => at >= ASCII,
        byte => byte.is_ascii_graphic(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::WebSocket;
    use super::*;
    use crate::capture::FrameNo;
    use crate::dissect::{DissectOptions, FlowFacts, Message, MessageSink};
    use crate::mqtt::{LostSync, Version};
    use crate::time::Timestamp;

    struct Nobody;

    impl MessageSink for Nobody {
        fn message(&mut self, _: &Message<'_>) {}
        fn lost_sync(&mut self, _: Direction, _: LostSync, _: Version) {}
        fn cut_header(&mut self, _: Direction, _: u64) {}
    }

    #[test]
    fn an_answer_that_is_no_http_is_not_held_for_ever() {
        let facts = FlowFacts { client_from_start: true, server_from_start: true, ..FlowFacts::default() };
        let mut websocket = WebSocket::new(facts, true, &DissectOptions::default());
        let place = Place { origin: Origin { frame: FrameNo(1), time: Timestamp::default() }, offset: Some(0) };
        let request = b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
        websocket.data(Direction::ToServer, request, place, &mut Nobody);
        websocket.data(Direction::ToClient, b"HTTP/1.\x01 what\r\nno answer", place, &mut Nobody);
        websocket.finish(&mut Nobody);
        assert_eq!(Direction::BOTH.map(|direction| websocket.message_bytes(direction)), [0, 0]);
    }

    #[test]
    fn a_head_with_bytes_beyond_ascii_is_one_however_it_is_cut() {
        let head = b"GET / HTTP/1.1\r\nHost: caf\xe9\r\nUpgrade: websocket\r\n\r\n";
        for most in 1..head.len() {
            let mut handshake = Handshake::default();
            let origin = Origin { frame: FrameNo(1), time: Timestamp::default() };
            for piece in head.chunks(most) {
                handshake.data(Direction::ToServer, piece, Place { origin, offset: Some(0) });
            }
            assert!(handshake.head(Direction::ToServer).is_some(), "in pieces of {most}");
        }
        assert!(!could_be_http(b"\xc2\x98\x12") && !could_be_http(b"GET \x01"));
    }
}
