//! What goes on without TLS behind it: commands of FTP after CCC, the clear command channel (RFC 4217, section 12).
//!
//! That the ends have agreed on it can't be seen without keys. What can is that where a record would begin there is a line.

use super::super::MessageSink;
use super::super::framed::Readings;
use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};
use crate::neighbour::Neighbour;
use crate::neighbour::stream::{self, StreamReader, Streams};

/// The streams behind TLS.
#[derive(Debug)]
pub(super) struct Cleared {
    protocol: Neighbour,
    streams: Streams<Box<dyn StreamReader>>,
    /// Whether TLS is over in a direction.
    begun: PerDirection<bool>,
    /// Whether the frame at hand brought some of it.
    pub(super) touched: bool,
}

impl Cleared {
    /// For a protocol that may come back from TLS; nothing for others.
    pub(super) fn new(protocol: Neighbour, longest: usize) -> Option<Box<Self>> {
        if protocol != Neighbour::Ftp {
            return None;
        }
        let whole = PerDirection { to_server: true, to_client: true };
        let streams = Streams::new(stream::reader(protocol)?, whole).with_limit(longest);
        Some(Box::new(Self { protocol, streams, begun: PerDirection::default(), touched: false }))
    }

    /// Whether this direction is over with TLS.
    pub(super) fn has_begun(&self, direction: Direction) -> bool {
        self.begun[direction]
    }

    /// The protocol, once any of it came.
    pub(super) fn protocol(&self) -> Option<Neighbour> {
        Direction::BOTH.iter().any(|direction| self.begun[*direction]).then_some(self.protocol)
    }

    /// Whether bytes in the place of a record are a line of the protocol; if so, TLS is over in this direction.
    pub(super) fn begins(&mut self, direction: Direction, bytes: &[u8]) -> bool {
        let is_line = match direction {
            // A command is a word of three or four letters (RFC 959, section 4.1).
            Direction::ToServer => {
                let word = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                (3..=4).contains(&word) && matches!(bytes.get(word), None | Some(b' ' | b'\r' | b'\n'))
            }
            // A reply begins with three digits (section 4.2).
            Direction::ToClient => {
                matches!(bytes, [b'1'..=b'6', tens, ones, b' ' | b'-', ..] if tens.is_ascii_digit() && ones.is_ascii_digit())
            }
        };
        self.begun[direction] |= is_line;
        is_line
    }

    pub(super) fn data(&mut self, direction: Direction, bytes: &[u8], origin: Origin, sink: &mut dyn MessageSink) {
        self.touched = true;
        self.streams.data(direction, bytes, origin, &mut Readings(sink));
    }

    pub(super) fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        self.streams.gap(direction, length, origin, &mut Readings(sink));
    }

    pub(super) fn finish(&mut self, sink: &mut dyn MessageSink) {
        self.streams.finish(&mut Readings(sink));
    }

    pub(super) fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        self.streams.shed(&mut Readings(sink))
    }

    /// Bytes of a line of this direction that has begun.
    pub(super) fn held_bytes(&self, direction: Direction) -> usize {
        self.streams.message_bytes(direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_ftp_end_tls() {
        let begins = |direction, bytes: &[u8]| {
            Cleared::new(Neighbour::Ftp, 1000).is_some_and(|mut cleared| cleared.begins(direction, bytes))
        };
        for line in [&b"PWD\r\n"[..], b"PORT 1,2", b"quit\r"] {
            assert!(begins(Direction::ToServer, line), "{line:?}");
        }
        for other in [&b"\x17\x03\x03\0\x10"[..], b"ABCDE", b"AB\r\n ", b"12345"] {
            assert!(!begins(Direction::ToServer, other), "{other:?}");
        }
        assert!(begins(Direction::ToClient, b"200 ok") && begins(Direction::ToClient, b"150-F"));
        assert!(!begins(Direction::ToClient, b"2000 ") && !begins(Direction::ToClient, b"PWD\r\n"));
        assert!(Cleared::new(Neighbour::Smtp, 1000).is_none());
    }
}
