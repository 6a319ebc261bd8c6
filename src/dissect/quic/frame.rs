//! The frames within packets (RFC 9000, section 19; RFC 9221).

use std::ops::Range;

use super::header::Cursor;
use crate::flow::ConnectionId;

/// A frame. What it carries is told by its place in the payload of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuicFrame {
    /// So many bytes of it.
    Padding(u32),
    /// PING.
    Ping,
    /// ACK.
    Ack {
        /// The largest number that it acknowledges.
        largest: u64,
        /// How long its sender waited, in units of which it has said how long they are.
        delay: u64,
        /// How many ranges stand behind the first one.
        ranges: u64,
        /// How many below the largest one belong to the first range.
        first: u64,
        /// The ranges behind: a gap and a length each.
        further: Range<u32>,
        /// Counts of marks, where it has them.
        marks: Option<[u64; 3]>,
    },
    /// RESET_STREAM: an end gives up what it sends.
    ResetStream {
        /// The stream.
        id: u64,
        /// Why.
        code: u64,
        /// How long it was.
        size: u64,
    },
    /// STOP_SENDING: an end reads no further.
    StopSending {
        /// The stream.
        id: u64,
        /// Why.
        code: u64,
    },
    /// CRYPTO: bytes of the handshake.
    Crypto {
        /// Where they begin.
        offset: u64,
        /// The bytes.
        data: Range<u32>,
    },
    /// NEW_TOKEN, of so many bytes.
    NewToken(u32),
    /// STREAM.
    Stream {
        /// The type, whose bits tell which fields there are.
        kind: u8,
        /// The stream.
        id: u64,
        /// Where they begin.
        offset: u64,
        /// The bytes.
        data: Range<u32>,
    },
    /// MAX_DATA.
    MaxData(u64),
    /// MAX_STREAM_DATA: the stream and the limit.
    MaxStreamData(u64, u64),
    /// MAX_STREAMS; whether of those in both directions.
    MaxStreams(bool, u64),
    /// DATA_BLOCKED.
    DataBlocked(u64),
    /// STREAM_DATA_BLOCKED: the stream and the limit.
    StreamDataBlocked(u64, u64),
    /// STREAMS_BLOCKED; whether of those in both directions.
    StreamsBlocked(bool, u64),
    /// NEW_CONNECTION_ID. Its token is no matter for output.
    NewConnectionId {
        /// Its number.
        sequence: u64,
        /// Those before are to be retired.
        retire_prior_to: u64,
        /// The id.
        id: ConnectionId,
        /// Where the token stands that a stateless reset would have.
        token: Range<u32>,
    },
    /// RETIRE_CONNECTION_ID.
    RetireConnectionId(u64),
    /// PATH_CHALLENGE.
    PathChallenge([u8; 8]),
    /// PATH_RESPONSE.
    PathResponse([u8; 8]),
    /// CONNECTION_CLOSE.
    Close {
        /// Whether QUIC itself says so, and not what it carries: then the type of the frame that is to blame.
        frame_type: Option<u64>,
        /// Why.
        code: u64,
        /// The same in words.
        reason: Range<u32>,
    },
    /// HANDSHAKE_DONE.
    HandshakeDone,
    /// DATAGRAM (RFC 9221), of so many bytes.
    Datagram {
        /// The type, whose bit tells whether its length stands there.
        kind: u8,
        /// How many bytes.
        length: u32,
    },
}

impl QuicFrame {
    /// Its type.
    pub const fn code(&self) -> u64 {
        match self {
            Self::Padding(_) => 0,
            Self::Ping => 1,
            Self::Ack { marks: None, .. } => 2,
            Self::Ack { .. } => 3,
            Self::ResetStream { .. } => 4,
            Self::StopSending { .. } => 5,
            Self::Crypto { .. } => 6,
            Self::NewToken(_) => 7,
            Self::Stream { kind, .. } | Self::Datagram { kind, .. } => *kind as u64,
            Self::MaxData(_) => 0x10,
            Self::MaxStreamData(..) => 0x11,
            Self::MaxStreams(true, _) => 0x12,
            Self::MaxStreams(false, _) => 0x13,
            Self::DataBlocked(_) => 0x14,
            Self::StreamDataBlocked(..) => 0x15,
            Self::StreamsBlocked(true, _) => 0x16,
            Self::StreamsBlocked(false, _) => 0x17,
            Self::NewConnectionId { .. } => 0x18,
            Self::RetireConnectionId(_) => 0x19,
            Self::PathChallenge(_) => 0x1a,
            Self::PathResponse(_) => 0x1b,
            Self::Close { frame_type: Some(_), .. } => 0x1c,
            Self::Close { .. } => 0x1d,
            Self::HandshakeDone => 0x1e,
        }
    }

    /// Its name, as Wireshark's list of packets has it.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Padding(_) => "PADDING",
            Self::Ping => "PING",
            Self::Ack { .. } => "ACK",
            Self::ResetStream { .. } => "RS",
            Self::StopSending { .. } => "SS",
            Self::Crypto { .. } => "CRYPTO",
            Self::NewToken(_) => "NT",
            Self::Stream { .. } => "STREAM",
            Self::MaxData(_) => "MD",
            Self::MaxStreamData(..) => "MSD",
            Self::MaxStreams(..) => "MS",
            Self::DataBlocked(_) => "DB",
            Self::StreamDataBlocked(..) => "SDB",
            Self::StreamsBlocked(..) => "SB",
            Self::NewConnectionId { .. } => "NCI",
            Self::RetireConnectionId(_) => "RC",
            Self::PathChallenge(_) => "PC",
            Self::PathResponse(_) => "PR",
            Self::Close { .. } => "CC",
            Self::HandshakeDone => "DONE",
            Self::Datagram { .. } => "DG",
        }
    }

    /// Reads the next frame; `None` where it is none that is known, or not whole.
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        // Types have the shortest form there is (RFC 9000, section 12.4).
        let kind = cursor.varint()?;
        Some(match kind {
            0 => {
                let mut count = 1;
                let mut ahead = *cursor;
                while ahead.u8() == Some(0) {
                    *cursor = ahead;
                    count += 1;
                }
                Self::Padding(count)
            }
            1 => Self::Ping,
            2 | 3 => {
                let (largest, delay) = (cursor.varint()?, cursor.varint()?);
                let (ranges, first) = (cursor.varint()?, cursor.varint()?);
                let start = cursor.at() as u32;
                for _ in 0..ranges {
                    cursor.varint()?;
                    cursor.varint()?;
                }
                let further = start..cursor.at() as u32;
                let marks = if kind == 3 { Some([cursor.varint()?, cursor.varint()?, cursor.varint()?]) } else { None };
                Self::Ack { largest, delay, ranges, first, further, marks }
            }
            4 => Self::ResetStream { id: cursor.varint()?, code: cursor.varint()?, size: cursor.varint()? },
            5 => Self::StopSending { id: cursor.varint()?, code: cursor.varint()? },
            6 => {
                let (offset, length) = (cursor.varint()?, cursor.varint()?);
                Self::Crypto { offset, data: cursor.range(length)? }
            }
            7 => {
                let length = cursor.varint()?;
                Self::NewToken(cursor.range(length)?.len() as u32)
            }
            8..=0x0f => {
                let id = cursor.varint()?;
                let offset = if kind & 4 != 0 { cursor.varint()? } else { 0 };
                let length = if kind & 2 != 0 { cursor.varint()? } else { cursor.left() as u64 };
                Self::Stream { kind: kind as u8, id, offset, data: cursor.range(length)? }
            }
            0x10 => Self::MaxData(cursor.varint()?),
            0x11 => Self::MaxStreamData(cursor.varint()?, cursor.varint()?),
            0x12 | 0x13 => Self::MaxStreams(kind == 0x12, cursor.varint()?),
            0x14 => Self::DataBlocked(cursor.varint()?),
            0x15 => Self::StreamDataBlocked(cursor.varint()?, cursor.varint()?),
            0x16 | 0x17 => Self::StreamsBlocked(kind == 0x16, cursor.varint()?),
            0x18 => {
                let (sequence, retire_prior_to) = (cursor.varint()?, cursor.varint()?);
                Self::NewConnectionId {
                    sequence,
                    retire_prior_to,
                    id: cursor.connection_id()?,
                    token: cursor.range(16)?,
                }
            }
            0x19 => Self::RetireConnectionId(cursor.varint()?),
            0x1a => Self::PathChallenge(*cursor.take(8)?.first_chunk()?),
            0x1b => Self::PathResponse(*cursor.take(8)?.first_chunk()?),
            0x1c | 0x1d => {
                let code = cursor.varint()?;
                let frame_type = if kind == 0x1c { Some(cursor.varint()?) } else { None };
                let length = cursor.varint()?;
                Self::Close { frame_type, code, reason: cursor.range(length)? }
            }
            0x1e => Self::HandshakeDone,
            0x30 | 0x31 => {
                let length = if kind == 0x31 { cursor.varint()? } else { cursor.left() as u64 };
                Self::Datagram { kind: kind as u8, length: cursor.range(length)?.len() as u32 }
            }
            _ => return None,
        })
    }
}

/// The frames of a payload, up to the first that can't be read.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    cursor: Cursor<'a>,
    /// Whether it stopped before the end.
    pub(super) stopped: bool,
}

impl<'a> Frames<'a> {
    pub(super) const fn new(payload: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(payload), stopped: false }
    }
}

impl Iterator for Frames<'_> {
    type Item = QuicFrame;

    fn next(&mut self) -> Option<QuicFrame> {
        if self.stopped || self.cursor.left() == 0 {
            return None;
        }
        let frame = QuicFrame::read(&mut self.cursor);
        self.stopped = frame.is_none();
        frame
    }
}

/// The numbers that an ACK acknowledges: ranges from the first to the last, the highest first (RFC 9000, section 19.3.1).
pub(super) fn acknowledged(largest: u64, first: u64, further: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    let mut cursor = Cursor::new(further);
    let mut next = largest.checked_sub(first).map(|low| (low, largest));
    std::iter::from_fn(move || {
        let range = next.take()?;
        next = cursor.varint().zip(cursor.varint()).and_then(|(gap, length)| {
            let high = range.0.checked_sub(gap)?.checked_sub(2)?;
            Some((high.checked_sub(length)?, high))
        });
        Some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_are_read_one_by_one() {
        let payload =
            [0, 0, 0, 1, 6, 0, 2, 0xaa, 0xbb, 0x0a, 4, 3, b'a', b'b', b'c', 0x1d, 5, 2, b'o', b'k', 0x0d, 0, 9, b'z'];
        let mut frames = Frames::new(&payload);
        let all: Vec<_> = frames.by_ref().collect();
        assert_eq!(
            all,
            [
                QuicFrame::Padding(3),
                QuicFrame::Ping,
                QuicFrame::Crypto { offset: 0, data: 7..9 },
                QuicFrame::Stream { kind: 0x0a, id: 4, offset: 0, data: 12..15 },
                QuicFrame::Close { frame_type: None, code: 5, reason: 18..20 },
                QuicFrame::Stream { kind: 0x0d, id: 0, offset: 9, data: 23..24 },
            ]
        );
        assert!(!frames.stopped);
        let mut frames = Frames::new(&[1, 0x1f, 1]);
        assert_eq!((frames.by_ref().count(), frames.stopped), (1, true));
    }

    #[test]
    fn ranges_of_an_acknowledgement_go_down() {
        // 10 to 8, then a gap of 2 (7, 6 and 5 are missing: one more than it says), then 4.
        assert_eq!(acknowledged(10, 2, &[2, 0]).collect::<Vec<_>>(), [(8, 10), (4, 4)]);
        assert_eq!(acknowledged(1, 2, &[]).count(), 0, "below zero");
        assert_eq!(acknowledged(3, 0, &[9, 9]).count(), 1);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_places_are_within(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            for frame in Frames::new(&bytes) {
                match frame {
                    QuicFrame::Crypto { data, .. } | QuicFrame::Stream { data, .. } => {
                        prop_assert!(bytes.get(data.start as usize..data.end as usize).is_some());
                    }
                    QuicFrame::Ack { largest, first, further, .. } => {
                        let further = &bytes[further.start as usize..further.end as usize];
                        for (low, high) in acknowledged(largest, first, further) {
                            prop_assert!(low <= high && high <= largest);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
