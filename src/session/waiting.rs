//! Messages that wait for their first answer, in the order in which they were sent: most often one.

use std::collections::VecDeque;

/// A message, by its number and its packet identifier.
pub(super) type Sent = (u64, u16);

/// A queue whose first has a place beside it, so that most take no more room than that.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// Where there is none, nothing is behind it.
    first: Option<Sent>,
    #[allow(clippy::box_collection, reason = "most have none, and take a pointer's room for it")]
    behind: Option<Box<VecDeque<Sent>>>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.behind.as_ref().map_or(0, |behind| behind.len())
    }

    #[inline]
    pub(super) const fn front(&self) -> Option<Sent> {
        self.first
    }

    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<Sent> {
        let next = self.behind.as_mut().and_then(|behind| behind.pop_front());
        std::mem::replace(&mut self.first, next)
    }

    #[inline]
    pub(super) fn push_back(&mut self, sent: Sent) {
        match self.first {
            None => self.first = Some(sent),
            Some(_) => self.behind.get_or_insert_default().push_back(sent),
        }
    }

    /// Gives back the memory that it does not need by now.
    pub(super) fn shrink(&mut self) {
        if let Some(behind) = &mut self.behind {
            behind.shrink_to_fit();
        }
    }

    /// Takes out those that `stays` does not hold for.
    pub(super) fn retain(&mut self, stays: impl Fn(Sent) -> bool) {
        if let Some(behind) = &mut self.behind {
            behind.retain(|sent| stays(*sent));
        }
        if self.first.is_some_and(|first| !stays(first)) {
            self.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue() {
        let (mut waiting, mut queue) = (Waiting::default(), VecDeque::new());
        let mut number = 7u32;
        for step in 0..2000_u64 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match number >> 28 {
                0 => {
                    let stays = |(number, _): Sent| number % 3 > 0;
                    waiting.retain(stays);
                    queue.retain(|sent| stays(*sent));
                }
                1..8 => {
                    waiting.push_back((step, step as u16));
                    queue.push_back((step, step as u16));
                }
                _ => assert_eq!(waiting.pop_front(), queue.pop_front()),
            }
            assert_eq!((waiting.front(), waiting.len()), (queue.front().copied(), queue.len()));
        }
    }
}
