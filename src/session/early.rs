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
#[allow(clippy::box_collection, reason = "most never have any, and take a pointer's room for it")]
pub(super) struct EarlyOnes(Option<Box<Vec<One>>>);

type One = ((u16, PacketType), Early);

impl EarlyOnes {
    /// Takes one; gives the one whose place it takes.
    pub(super) fn insert(&mut self, key: (u16, PacketType), early: Early) -> Option<Early> {
        let all = self.0.get_or_insert_default();
        match all.binary_search_by_key(&key, |(other, _)| *other) {
            Ok(at) => Some(std::mem::replace(&mut all[at].1, early)),
            Err(at) => {
                if all.is_empty() {
                    all.reserve_exact(1);
                }
                all.insert(at, (key, early));
                None
            }
        }
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |all| all.len())
    }

    /// All of them, in their order.
    pub(super) fn into_iter(self) -> impl Iterator<Item = One> {
        self.0.into_iter().flat_map(|all| *all)
    }

    /// Forgets those that `stays` does not hold for; it is asked in their order.
    pub(super) fn retain(&mut self, stays: impl FnMut(&One) -> bool) {
        if let Some(all) = &mut self.0 {
            all.retain(stays);
        }
        // Most never have any.
        self.0.take_if(|all| all.is_empty());
    }

    pub(super) fn remove(&mut self, key: (u16, PacketType)) -> Option<Early> {
        let all = self.0.as_mut()?;
        let at = all.binary_search_by_key(&key, |(other, _)| *other).ok()?;
        Some(all.remove(at).1)
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
        assert!(ones.remove((7, PacketType::PubAck)).is_some() && ones.remove((7, PacketType::PubAck)).is_none());
        ones.retain(|(key, _)| *key != (3, PacketType::PubRec));
        assert_eq!(ones.len(), 2);
        assert!(ones.into_iter().map(|(key, early)| (key.0, early.place.at.frame.0)).eq([(3, 4), (9, 3)]));
    }
}
