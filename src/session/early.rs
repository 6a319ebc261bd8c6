//! Acknowledgements that were captured before their message, because the two directions have no common clock.

use super::delivery::PacketRef;
use crate::capture::FrameNo;
use crate::mqtt::PacketType;

/// An acknowledgement or a PUBREL without its message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Early {
    pub(super) code: u8,
    pub(super) place: PacketRef,
    pub(super) known: bool,
    /// The end of an exchange with this identifier, where there was one.
    pub(super) done: Option<FrameNo>,
}

/// What waits for its message, in the order of identifier and type. PUBREC and PUBCOMP of one message may both wait for
/// it; PUBREL for the session that it goes on with.
#[derive(Debug, Clone, Default)]
pub(super) struct EarlyOnes(pub(super) Vec<((u16, PacketType), Early)>);

impl EarlyOnes {
    /// Takes one; gives the one whose place it takes.
    pub(super) fn insert(&mut self, key: (u16, PacketType), early: Early) -> Option<Early> {
        match self.0.binary_search_by_key(&key, |(other, _)| *other) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, early)),
            Err(at) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (key, early));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, key: (u16, PacketType)) -> Option<Early> {
        let at = self.0.binary_search_by_key(&key, |(other, _)| *other).ok()?;
        Some(self.0.remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::time::Timestamp;

    fn early(frame: u64) -> Early {
        let at = Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(0) };
        Early { code: 0, place: PacketRef { flow: FrameNo(1), at }, known: true, done: None }
    }

    #[test]
    fn they_stand_in_order_and_one_takes_the_place_of_its_like() {
        let mut ones = EarlyOnes::default();
        for (frame, id) in [(1, 7), (2, 3), (3, 9), (4, 3)] {
            let before = ones.insert((id, PacketType::PubAck), early(frame));
            assert_eq!(before.map(|before| before.place.at.frame.0), (frame == 4).then_some(2));
        }
        assert!(ones.insert((3, PacketType::PubRec), early(5)).is_none());
        assert!(ones.0.iter().map(|(key, early)| (key.0, early.place.at.frame.0)).eq([(3, 4), (3, 5), (7, 1), (9, 3)]));
        assert!(ones.remove((7, PacketType::PubAck)).is_some() && ones.remove((7, PacketType::PubAck)).is_none());
    }
}
