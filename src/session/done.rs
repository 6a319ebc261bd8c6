//! Exchanges that are over, for what comes again.

use super::digest::Brief;
use crate::capture::FrameNo;
use crate::time::Timestamp;

/// Exchanges that are over and still known by their identifier, so that what comes again is recognised: as many as
/// clients usually have open at once, since all of these may come again after a reconnect.
const LIMIT: usize = 20;

/// An exchange that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) digest: Brief,
    pub(super) first: FrameNo,
    /// The packet by which it was over.
    pub(super) end: FrameNo,
    /// Its time, where it was sent before the connection at hand: nobody asks for that of others.
    pub(super) ended: Option<Timestamp>,
    pub(super) packet_id: u16,
    /// Further acknowledgements that its receiver owes, because something was sent to it again; saturates.
    pub(super) owed: u16,
    pub(super) refused: bool,
    /// Whether that was on the connection at hand.
    pub(super) ended_here: bool,
    /// Whether its receiver has sent a further PUBREC, which its sender answers.
    pub(super) demanded: bool,
}

/// The same in little room: each connection has up to forty of them, which is most of what is kept of it. That is why a
/// frame has 48 bits.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed)]
struct Kept {
    digest: Brief,
    first: [u8; 6],
    end: [u8; 6],
    packet_id: u16,
    owed: u16,
    /// The flags, from the lowest bit on.
    flags: u8,
}

const REFUSED: u8 = 1;
const ENDED_HERE: u8 = 2;
const HAS_TIME: u8 = 4;
const DEMANDED: u8 = 8;

fn packed(frame: FrameNo) -> [u8; 6] {
    let [a, b, c, d, e, f, ..] = frame.0.to_le_bytes();
    [a, b, c, d, e, f]
}

const fn unpacked([a, b, c, d, e, f]: [u8; 6]) -> FrameNo {
    FrameNo(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
}

impl Kept {
    fn of(done: Done) -> Self {
        let Done { digest, first, end, ended, packet_id, owed, refused, ended_here, demanded } = done;
        let flag = |so: bool, flag: u8| if so { flag } else { 0 };
        let flags = flag(refused, REFUSED) | flag(ended_here, ENDED_HERE) | flag(ended.is_some(), HAS_TIME);
        let flags = flags | flag(demanded, DEMANDED);
        Self { digest, first: packed(first), end: packed(end), packet_id, owed, flags }
    }

    fn done(self, time: Option<Timestamp>) -> Done {
        let Self { digest, first, end, packet_id, owed, flags } = self;
        let [refused, ended_here, has_time, demanded] =
            [REFUSED, ENDED_HERE, HAS_TIME, DEMANDED].map(|flag| flags & flag != 0);
        let (first, end, ended) = (unpacked(first), unpacked(end), time.filter(|_| has_time));
        Done { digest, first, end, ended, packet_id, owed, refused, ended_here, demanded }
    }
}

/// The last exchanges of a direction that are over.
#[derive(Debug, Clone, Default)]
pub(super) struct DoneOnes {
    ring: Vec<Kept>,
    /// When those were over that were sent before their connection.
    times: Option<Box<[Timestamp; LIMIT]>>,
    /// Where the oldest stands, once there is no more room.
    oldest: u8,
}

impl DoneOnes {
    /// Takes another one; the oldest makes room for it.
    pub(super) fn push(&mut self, done: Done) {
        let place = if self.is_full() { usize::from(self.oldest) } else { self.ring.len() };
        if let Some(ended) = done.ended {
            self.times.get_or_insert_default()[place] = ended;
        }
        match self.ring.len() {
            LIMIT => {
                self.ring[place] = Kept::of(done);
                self.oldest = (self.oldest + 1) % LIMIT as u8;
                return;
            }
            // No more room than that, and little where little happens.
            0 => self.ring.reserve_exact(1),
            16 => self.ring.reserve_exact(LIMIT - 16),
            _ => {}
        }
        self.ring.push(Kept::of(done));
    }

    fn at(&self, place: usize) -> Done {
        self.ring[place].done(self.times.as_ref().map(|times| times[place]))
    }

    /// Takes over those of a later connection.
    pub(super) fn append(&mut self, newer: &Self) {
        let oldest = usize::from(newer.oldest);
        (oldest..newer.ring.len()).chain(0..oldest).for_each(|place| self.push(newer.at(place)));
    }

    /// Where the last one with this identifier stands.
    fn place(&self, packet_id: u16) -> Option<usize> {
        let (newest, oldest) = self.ring.split_at(usize::from(self.oldest));
        let place = |part: &[Kept]| part.iter().rposition(|kept| kept.packet_id == packet_id);
        place(newest).or_else(|| Some(place(oldest)? + newest.len()))
    }

    /// The last one with this identifier.
    pub(super) fn last(&self, packet_id: u16) -> Option<Done> {
        self.place(packet_id).map(|place| self.at(place))
    }

    /// Another acknowledgement of the last one with this identifier, where its receiver owes one.
    pub(super) fn take_owed(&mut self, packet_id: u16) -> bool {
        let Some(kept) = self.place(packet_id).map(|place| &mut self.ring[place]) else { return false };
        let owes = kept.owed > 0;
        kept.owed -= u16::from(owes);
        owes
    }

    /// The receiver of the last one with this identifier owes another acknowledgement.
    pub(super) fn owe(&mut self, packet_id: u16) {
        if let Some(place) = self.place(packet_id) {
            let kept = &mut self.ring[place];
            kept.owed = u16::saturating_add(kept.owed, 1);
        }
    }

    /// The receiver of the last one with this identifier has sent a further PUBREC.
    pub(super) fn demand(&mut self, packet_id: u16) {
        if let Some(place) = self.place(packet_id) {
            self.ring[place].flags |= DEMANDED;
        }
    }

    /// Whether its sender answers a further PUBREC with what it sends now.
    pub(super) fn take_demanded(&mut self, packet_id: u16) -> bool {
        let Some(kept) = self.place(packet_id).map(|place| &mut self.ring[place]) else { return false };
        let was = kept.flags & DEMANDED != 0;
        kept.flags &= !DEMANDED;
        was
    }

    /// Whether earlier ones may have been forgotten.
    pub(super) fn is_full(&self) -> bool {
        self.ring.len() == LIMIT
    }

    /// A new connection goes on with the session.
    pub(super) fn reconnect(&mut self) {
        for kept in &mut self.ring {
            kept.flags &= REFUSED;
        }
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digest;
    use super::*;

    fn done(packet_id: u16, frame: u64) -> Done {
        let digest = Digest::new(Some(u64::from(packet_id) << 40), 7 << 50, Some(9), true).brief();
        let (first, end) = (FrameNo(frame - 1), FrameNo(frame));
        let ended = frame.is_multiple_of(3).then(|| Timestamp::from_nanos(-(frame as i64)));
        Done { digest, first, end, ended, packet_id, owed: 1, refused: true, ended_here: true, demanded: false }
    }

    #[test]
    fn what_is_kept_is_what_was() {
        let mut ones = DoneOnes::default();
        ones.push(done(3, (1 << 48) - 1));
        let kept = ones.last(3).expect("it was kept");
        assert_eq!((kept.first, kept.end), (FrameNo((1 << 48) - 2), FrameNo((1 << 48) - 1)));
        assert_eq!((kept.packet_id, kept.owed, kept.refused, kept.ended_here), (3, 1, true, true));
        assert_eq!(kept.ended, Some(Timestamp::from_nanos(1 - (1 << 48))));
        assert!(kept.digest == done(3, 9).digest && kept.digest != done(4, 9).digest);
        ones.reconnect();
        assert!(ones.last(3).is_some_and(|kept| !kept.ended_here && kept.refused));
    }

    #[test]
    fn the_oldest_makes_room_and_of_several_the_last_is_known() {
        let mut ones = DoneOnes::default();
        let numbers = |ones: &DoneOnes| -> Vec<u64> {
            let mut frames: Vec<_> = (0..100).filter_map(|id| ones.last(id)).map(|done| done.end.0).collect();
            frames.sort_unstable();
            frames
        };
        for frame in 1..=50_u64 {
            assert_eq!(ones.is_full(), frame > LIMIT as u64);
            // Each identifier is used twice in a row.
            ones.push(done((frame / 2) as u16, frame));
            let oldest = frame.saturating_sub(LIMIT as u64) + 1;
            let last_of_each = (oldest..=frame).filter(|number| *number == frame || number % 2 == 1);
            assert_eq!(numbers(&ones), last_of_each.collect::<Vec<_>>());
            let ended = ones.last((frame / 2) as u16).map(|last| last.ended);
            assert_eq!(ended, Some(frame.is_multiple_of(3).then(|| Timestamp::from_nanos(-(frame as i64)))));
        }
        let mut newer = DoneOnes::default();
        (90..93).for_each(|id| newer.push(done(id, u64::from(id))));
        ones.append(&newer);
        assert_eq!(numbers(&ones)[7..], [49, 50, 90, 91, 92]);
        // The other way round all that are there come over, in their order.
        newer.append(&ones);
        assert_eq!(numbers(&newer), numbers(&ones));
        newer.push(done(99, 99));
        assert!(newer.last(92).is_some());
        assert!(ones.take_owed(92) && !ones.take_owed(92) && !ones.take_owed(1));
        ones.owe(92);
        assert!(ones.take_owed(92));
        ones.clear();
        assert!(ones.last(92).is_none() && !ones.is_full());
    }
}
