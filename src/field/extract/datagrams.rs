//! The conversations of UDP as Wireshark numbers them: those of tunnels as well, and of what ICMP errors quote.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::flow::{FlowKey, Transport};
use crate::time::{Span, Timestamp};

/// The most pairs of endpoints that are remembered in each of two generations.
const LIMIT: usize = 65_536;

type Table = HashMap<FlowKey, Conversation, foldhash::fast::RandomState>;

/// What is remembered of all conversations. Of too many, those of which nothing was seen for the longest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    recent: Table,
    earlier: Table,
    numbers: u32,
}

#[derive(Debug, Clone, Copy)]
struct Conversation {
    number: u32,
    /// When the first and the last datagram were seen.
    times: Option<(Timestamp, Timestamp)>,
}

/// What is known of one datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct DatagramFacts {
    /// The number of its conversation.
    pub(super) number: u32,
    /// Since the first one, and since the last; not told of one that is quoted.
    pub(super) times: Option<(Span, Span)>,
}

impl Datagrams {
    /// Follows a datagram; one that is quoted is not sent now.
    pub(super) fn follow(&mut self, ends: [SocketAddr; 2], now: Timestamp, quoted: bool) -> DatagramFacts {
        let [source, destination] = ends;
        let key = FlowKey::new(Transport::Udp, source, destination);
        if !self.recent.contains_key(&key) && self.recent.len() >= LIMIT {
            self.earlier = std::mem::take(&mut self.recent);
        }
        let (earlier, numbers) = (&mut self.earlier, &mut self.numbers);
        let conversation = self.recent.entry(key).or_insert_with(|| {
            earlier.remove(&key).unwrap_or_else(|| {
                let number = *numbers;
                *numbers = numbers.wrapping_add(1);
                Conversation { number, times: None }
            })
        });
        if quoted {
            return DatagramFacts { number: conversation.number, times: None };
        }
        let (first, last) = conversation.times.unwrap_or((now, now));
        conversation.times = Some((first, now));
        DatagramFacts { number: conversation.number, times: Some((now.since(first), now.since(last))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    #[test]
    fn conversations_are_numbered_as_they_come_and_have_their_own_times() {
        let mut all = Datagrams::default();
        let at = Timestamp::from_nanos;
        assert_eq!(all.follow([end(1), end(2)], at(10), false).number, 0);
        assert_eq!(all.follow([end(3), end(4)], at(20), false).number, 1);
        let answer = all.follow([end(2), end(1)], at(40), false);
        assert_eq!((answer.number, answer.times), (0, Some((Span::from_nanos(30), Span::from_nanos(30)))));
        let quoted = all.follow([end(1), end(2)], at(50), true);
        assert_eq!((quoted.number, quoted.times), (0, None));
        let next = all.follow([end(1), end(2)], at(60), false);
        assert_eq!(next.times, Some((Span::from_nanos(50), Span::from_nanos(20))));
    }

    #[test]
    fn what_was_not_seen_for_long_is_forgotten() {
        let mut all = Datagrams::default();
        let at = Timestamp::from_nanos(0);
        for address in 0..2 * LIMIT as u32 {
            let end = SocketAddr::from((std::net::Ipv4Addr::from(address), 1));
            all.follow([end, self::end(9)], at, false);
            assert!(all.recent.len() + all.earlier.len() <= 2 * LIMIT);
        }
        let again = all.follow([SocketAddr::from(([0, 0, 0, 0], 1)), end(9)], at, false);
        assert!(again.number == 0 || again.number == 2 * LIMIT as u32, "{again:?}");
    }
}
