//! DNS over TCP: messages with their lengths before them (RFC 1035, section 4.2.2).

use super::{Dissector, MessageSink, Opening};
use crate::capture::{Origin, Place};
use crate::flow::{Direction, PerDirection};
use crate::mqtt::Certainty;
use crate::neighbour::dns;

const PORT: u16 = 53;

/// How long the header of a message is, with the length before it.
const HEADER: usize = 14;

/// Whether a direction begins with a message, on the port that is kept for them.
pub(super) fn recognise(opening: &Opening<'_>) -> Certainty {
    if opening.facts.server_port != PORT && opening.facts.client_port != PORT {
        return Certainty::No;
    }
    let mut verdict = Certainty::No;
    for direction in Direction::BOTH {
        let bytes = opening.bytes[direction];
        if begins(bytes) {
            return Certainty::Yes;
        }
        let may_come = bytes.len() < HEADER && !opening.is_cut[direction] && opening.from_start(direction);
        if !bytes.is_empty() && may_come {
            verdict = Certainty::NeedMore;
        }
    }
    verdict
}

/// Whether a message begins here with its length.
fn begins(bytes: &[u8]) -> bool {
    let Some((length, message)) = bytes.split_first_chunk() else { return false };
    dns::is_message(message, u16::from_be_bytes(*length).into())
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    /// A message that has begun, with its length before it.
    held: Vec<u8>,
    /// So much of the message at hand is not kept.
    skip: usize,
    /// Something is missing before what comes next, so that nobody knows where a message begins.
    lost: bool,
}

/// The messages of a connection.
#[derive(Debug)]
pub(super) struct Dns {
    halves: PerDirection<Half>,
    /// The most bytes of a message that are kept.
    limit: usize,
}

impl Dns {
    pub(super) fn new(limit: usize) -> Self {
        Self { halves: PerDirection::default(), limit: limit.max(HEADER) }
    }

    pub(super) fn held_bytes(&self, direction: Direction) -> usize {
        self.halves[direction].held.len()
    }

    /// Holds nothing back any more; how many messages are cut by it.
    pub(super) fn shed(&mut self, sink: &mut dyn MessageSink) -> u64 {
        let mut cut = 0;
        for direction in Direction::BOTH {
            let half = &mut self.halves[direction];
            let held = std::mem::take(&mut half.held);
            if let Some((length, message)) = held.split_first_chunk() {
                let length = u16::from_be_bytes(*length);
                half.skip = usize::from(length).saturating_sub(message.len());
                sink.dns(direction, message, length);
                cut += 1;
            } else if !held.is_empty() {
                // Half a length: what follows can't be told any more.
                half.lost = true;
            }
        }
        cut
    }
}

impl Dissector for Dns {
    fn data(&mut self, direction: Direction, mut bytes: &[u8], _place: Place, sink: &mut dyn MessageSink) {
        let limit = self.limit;
        let half = &mut self.halves[direction];
        if half.lost {
            // Most often a segment begins with a message.
            if !begins(bytes) {
                return;
            }
            half.lost = false;
        }
        while !bytes.is_empty() {
            if half.skip > 0 {
                let skipped = half.skip.min(bytes.len());
                half.skip -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            if let (true, Some((length, behind))) = (half.held.is_empty(), bytes.split_first_chunk())
                && let Some((message, behind)) = behind.split_at_checked(u16::from_be_bytes(*length).into())
            {
                sink.dns(direction, message, u16::from_be_bytes(*length));
                bytes = behind;
                continue;
            }
            let length = |held: &[u8]| held.first_chunk().map(|length| u16::from_be_bytes(*length));
            let whole = length(&half.held).map_or(2, |length| 2 + usize::from(length));
            let wanted = whole.min(limit.max(2)) - half.held.len();
            let (taken, behind) = bytes.split_at(wanted.min(bytes.len()));
            half.held.extend_from_slice(taken);
            bytes = behind;
            if let Some(length) = length(&half.held)
                && half.held.len() >= (2 + usize::from(length)).min(limit)
            {
                let held = std::mem::take(&mut half.held);
                let message = held.get(2..).unwrap_or_default();
                half.skip = usize::from(length).saturating_sub(message.len());
                sink.dns(direction, message, length);
            }
        }
    }

    fn gap(&mut self, direction: Direction, _length: u64, _origin: Origin, sink: &mut dyn MessageSink) {
        let half = &mut self.halves[direction];
        let held = std::mem::take(&mut half.held);
        if let Some((length, message)) = held.split_first_chunk() {
            sink.dns(direction, message, u16::from_be_bytes(*length));
        }
        *half = Half { lost: true, ..Half::default() };
    }

    fn finish(&mut self, sink: &mut dyn MessageSink) {
        for direction in Direction::BOTH {
            let held = std::mem::take(&mut self.halves[direction].held);
            if let Some((length, message)) = held.split_first_chunk() {
                sink.dns(direction, message, u16::from_be_bytes(*length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::capture::FrameNo;
    use crate::dissect::{FlowFacts, Message};
    use crate::mqtt::{LostSync, Version};
    use crate::time::Timestamp;

    #[derive(Default)]
    struct Heard(Vec<(Direction, Vec<u8>, u16)>);

    impl MessageSink for Heard {
        fn message(&mut self, _message: &Message<'_>) {}
        fn lost_sync(&mut self, _direction: Direction, _lost: LostSync, _version: Version) {}
        fn cut_header(&mut self, _direction: Direction, _at: u64) {}
        fn dns(&mut self, direction: Direction, message: &[u8], length: u16) {
            self.0.push((direction, message.to_vec(), length));
        }
    }

    fn place() -> Place {
        Place { origin: origin(), offset: None }
    }

    fn origin() -> Origin {
        Origin { frame: FrameNo(1), time: Timestamp::from_secs_nanos(0, 0) }
    }

    /// A question for `a`, with its length.
    const QUESTION: &[u8] = b"\0\x13\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";

    proptest! {
        #[test]
        fn any_cut_of_a_stream_gives_the_same_messages(
            lengths in prop::collection::vec(0usize..40, 1..8),
            cuts in prop::collection::vec(1usize..30, 1..12),
            limit in 14usize..60,
        ) {
            let mut stream = Vec::new();
            let mut expected = Vec::new();
            for (at, length) in lengths.iter().enumerate() {
                let message = vec![at as u8; *length];
                stream.extend((*length as u16).to_be_bytes());
                stream.extend(&message);
                expected.push((*length as u16, message));
            }
            let (mut dns, mut heard) = (Dns::new(limit), Heard::default());
            let (mut rest, mut at) = (stream.as_slice(), 0);
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(cuts[at % cuts.len()].min(rest.len()));
                dns.data(Direction::ToServer, piece, place(), &mut heard);
                prop_assert!(dns.held_bytes(Direction::ToServer) < limit);
                (rest, at) = (behind, at + 1);
            }
            dns.finish(&mut heard);
            prop_assert_eq!(heard.0.len(), expected.len());
            for ((_, message, length), (whole_length, whole)) in heard.0.iter().zip(&expected) {
                prop_assert_eq!(length, whole_length);
                // What is longer than may be held is cut, unless it came in one piece.
                prop_assert!(whole.starts_with(message));
                prop_assert!(message.len() >= whole.len().min(limit - 2));
            }
        }

        #[test]
        fn any_bytes_and_holes_are_taken(pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let (mut dns, mut heard) = (Dns::new(64), Heard::default());
            for (hole, bytes) in &pieces {
                if *hole {
                    dns.gap(Direction::ToClient, 9, origin(), &mut heard);
                }
                dns.data(Direction::ToClient, bytes, place(), &mut heard);
                prop_assert!(dns.held_bytes(Direction::ToClient) <= 64);
            }
            dns.shed(&mut heard);
            prop_assert_eq!(dns.held_bytes(Direction::ToClient), 0);
        }
    }

    #[test]
    fn behind_a_hole_messages_begin_where_a_segment_begins_with_one() {
        let (mut dns, mut heard) = (Dns::new(1000), Heard::default());
        dns.data(Direction::ToServer, &QUESTION[..9], place(), &mut heard);
        dns.gap(Direction::ToServer, 100, origin(), &mut heard);
        dns.data(Direction::ToServer, b"the end of another message", place(), &mut heard);
        dns.data(Direction::ToServer, QUESTION, place(), &mut heard);
        let lengths: Vec<_> = heard.0.iter().map(|(_, message, length)| (message.len(), *length)).collect();
        assert_eq!(lengths, [(7, 19), (19, 19)]);
    }

    #[test]
    fn it_is_recognised_on_its_port_alone() {
        let opening = |port, bytes: &'static [u8]| Opening {
            bytes: PerDirection { to_server: bytes, to_client: b"" },
            is_cut: PerDirection::default(),
            facts: FlowFacts { server_port: port, client_from_start: true, ..FlowFacts::default() },
            is_full: false,
        };
        assert_eq!(recognise(&opening(53, QUESTION)), Certainty::Yes);
        assert_eq!(recognise(&opening(53, &QUESTION[..5])), Certainty::NeedMore);
        assert_eq!(recognise(&opening(54, QUESTION)), Certainty::No);
        assert_eq!(recognise(&opening(53, b"GET / HTTP/1.1\r\nHost: a\r\n")), Certainty::No);
    }
}
