//! When a flow is let go: because it is over, or idle, or because there are too many.

use std::collections::VecDeque;

use super::datagrams::Slot;
use super::state::TcpState;
use super::table::{Ended, EndedFlows, FlowTable, Found, LINGER, TIME_WAIT};
use super::waiting::Conversing;
use crate::capture::{FrameNo, Origin};
use crate::time::Timestamp;

/// Every so many packets one flow is looked at whether it is idle.
const SWEEP_EVERY: u32 = 8;

/// How many flows are compared when one must go.
const EVICTION_SAMPLE: usize = 16;

impl<A: Conversing> FlowTable<A> {
    /// Tells the table that the connection may have come to its end with this segment.
    pub fn note_progress(&mut self, found: Found, now: Timestamp) {
        let Some(flow) = self.slots.get_mut(found.slot).and_then(Slot::tcp_mut) else { return };
        if flow.due || found.challenger || !flow.connection.is_over() {
            return;
        }
        flow.due = true;
        let sides = &flow.connection.sides;
        let waits = sides.to_server.state() == TcpState::TimeWait || sides.to_client.state() == TcpState::TimeWait;
        let (queue, after) = if waits { (1, TIME_WAIT) } else { (0, LINGER) };
        let id = flow.id;
        self.goes_later(queue, now + after, found.slot, id);
    }

    /// A flow that is over may be let go when it is `due`.
    pub(super) fn goes_later(&mut self, queue: usize, due: Timestamp, slot: usize, id: FrameNo) {
        self.over[queue].push_back((due, slot, id));
        self.forget_gone(queue);
        self.note_due();
    }

    /// Lets go what is over or idle at this time.
    #[inline]
    pub(super) fn let_go(&mut self, origin: Origin, ended: &mut EndedFlows<A>) {
        if self.next_due.is_some_and(|due| due <= origin.time) {
            self.let_go_over(origin.time, ended);
        }
        self.packets = self.packets.wrapping_add(1);
        if self.packets.is_multiple_of(SWEEP_EVERY) {
            self.let_go_idle(origin.time, ended);
        }
    }

    fn note_due(&mut self) {
        let due = |queue: &VecDeque<(Timestamp, usize, FrameNo)>| queue.front().map(|first| first.0);
        let [short, long] = [due(&self.over[0]), due(&self.over[1])];
        self.next_due = short.into_iter().chain(long).min();
    }

    /// Takes out of a queue what is gone, once that is most of it: ports that are used over and over leave much behind in a
    /// minute, and more where a capture's clock stands still.
    fn forget_gone(&mut self, queue: usize) {
        if self.over[queue].len() > 1024 + 2 * self.held {
            let slots = &self.slots;
            self.over[queue].retain(|(_, slot, id)| slots.get(*slot).is_some_and(|held| held.id() == Some(*id)));
        }
    }

    /// Lets go what is over, and was silent for long enough.
    fn let_go_over(&mut self, now: Timestamp, ended: &mut EndedFlows<A>) {
        for (queue, after) in [(0, LINGER), (1, TIME_WAIT)] {
            while let Some(&(due, slot, id)) = self.over[queue].front() {
                if due > now {
                    break;
                }
                self.over[queue].pop_front();
                let held = self.slots.get_mut(slot).filter(|held| held.id() == Some(id));
                let flow = match held {
                    Some(Slot::Tcp(flow)) => flow,
                    Some(Slot::Udp(datagrams)) if datagrams.last.time + after > now => {
                        self.over[queue].push_back((datagrams.last.time + after, slot, id));
                        continue;
                    }
                    Some(Slot::Brief(brief)) => {
                        let last = brief.span().map_or(now, |(_, last)| last.time);
                        if last + after > now {
                            self.over[queue].push_back((last + after, slot, id));
                        } else if brief.is_over() {
                            self.end(slot, Ended::Over, now, ended);
                        } else {
                            brief.put_off();
                        }
                        continue;
                    }
                    Some(Slot::Udp(_)) => {
                        self.end(slot, Ended::Over, now, ended);
                        continue;
                    }
                    Some(Slot::Free) | None => continue,
                };
                if flow.last.time + after > now {
                    // Something came late, so that the time begins anew.
                    self.over[queue].push_back((flow.last.time + after, slot, id));
                } else if flow.connection.is_over() {
                    self.end(slot, Ended::Over, now, ended);
                } else {
                    flow.due = false;
                }
            }
        }
        self.note_due();
    }

    /// Looks at the next flow, whether it is idle.
    fn let_go_idle(&mut self, now: Timestamp, ended: &mut EndedFlows<A>) {
        self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
        let (Some(held), Some(awake)) = (self.slots.get(self.hand), self.awake.get_mut(self.hand)) else { return };
        if now <= *awake {
            return;
        }
        let limits = &self.limits;
        let lasting = held.udp().is_some_and(|datagrams| datagrams.lasting);
        let short = match held {
            Slot::Tcp(flow) => flow.connection.is_unanswered_syn(),
            Slot::Brief(brief) => brief.is_unanswered(),
            Slot::Free | Slot::Udp(_) => !lasting,
        };
        let limit = if short { limits.udp_idle } else { limits.tcp_idle };
        let Some((last, _)) = held.last() else { return };
        if now.since(last.time) > limit {
            self.end(self.hand, Ended::Idle, now, ended);
        } else {
            *awake = last.time + limits.udp_idle.min(limits.tcp_idle);
        }
    }

    /// Makes room by letting go the flow that was idle longest among some.
    pub(super) fn evict(&mut self, now: Timestamp, ended: &mut EndedFlows<A>) {
        let mut oldest: Option<((bool, Timestamp), usize)> = None;
        let mut compared = 0;
        for _ in 0..self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some((last, is_conversation)) = self.slots[self.hand].last() else { continue };
            // What was never answered goes before a conversation, so that a flood leaves those alone.
            let rank = (is_conversation, last.time);
            if oldest.is_none_or(|(least, _)| rank < least) {
                oldest = Some((rank, self.hand));
            }
            compared += 1;
            if compared == EVICTION_SAMPLE {
                break;
            }
        }
        if let Some((_, slot)) = oldest {
            self.evicted += 1;
            self.end(slot, Ended::Evicted, now, ended);
        }
    }
}
