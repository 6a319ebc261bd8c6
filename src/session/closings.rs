//! When servers closed connections, by which it shows that one closed several at once.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;

use crate::capture::FrameNo;
use crate::time::{Span, Timestamp};

/// Connections that a server closes within this time, it closes for one reason.
const AT_ONCE: Span = Span::from_millis(20);

/// Closings that are remembered, of all servers.
const CLOSINGS: usize = 1 << 16;

/// The latest connections that were closed by their server.
///
/// They are found by server and time: a clock may stand still, so that all are at once, or go back, so that the order in which
/// they came is not that of their times.
#[derive(Debug, Default)]
pub(super) struct Closings {
    /// In the order in which they came, to know which to forget.
    order: VecDeque<(SocketAddr, Closing)>,
    servers: HashMap<SocketAddr, BTreeSet<Closing>, foldhash::fast::RandomState>,
}

/// When, and which flow.
type Closing = (Timestamp, FrameNo);

impl Closings {
    /// A server closes a connection, which it does once.
    pub(super) fn push(&mut self, at: Timestamp, server: SocketAddr, flow: FrameNo) {
        if !self.servers.entry(server).or_default().insert((at, flow)) {
            return;
        }
        if self.order.len() == CLOSINGS
            && let Some((server, oldest)) = self.order.pop_front()
            && let Some(closings) = self.servers.get_mut(&server)
        {
            closings.remove(&oldest);
            if closings.is_empty() {
                self.servers.remove(&server);
            }
        }
        self.order.push_back((server, (at, flow)));
    }

    /// Whether the server closed another connection at the time when it closed this flow.
    pub(super) fn has_another(&self, closed: Timestamp, server: SocketAddr, flow: FrameNo) -> bool {
        let Some(closings) = self.servers.get(&server) else { return false };
        let at_once = (closed + (Span::ZERO - AT_ONCE), FrameNo(0))..=(closed + AT_ONCE, FrameNo(u64::MAX));
        // A flow is closed once, so that the first or the second is another's.
        closings.range(at_once).any(|(_, other)| *other != flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_server_at_the_same_time_counts() {
        let at = |millis| Timestamp::from_nanos(0) + Span::from_millis(millis);
        let server = |port| SocketAddr::from(([10, 0, 0, 2], port));
        let mut closings = Closings::default();
        for (millis, port, flow) in [(0, 1883, 1), (15, 1884, 2), (100, 1883, 3), (118, 1883, 4)] {
            closings.push(at(millis), server(port), FrameNo(flow));
        }
        assert!(!closings.has_another(at(0), server(1883), FrameNo(1)));
        assert!(!closings.has_another(at(15), server(1884), FrameNo(2)));
        assert!(closings.has_another(at(100), server(1883), FrameNo(3)));
        assert!(closings.has_another(at(118), server(1883), FrameNo(4)));
    }
    #[test]
    fn a_clock_that_stands_still_or_goes_back_changes_no_answer() {
        let at = |millis| Timestamp::from_nanos(0) + Span::from_millis(millis);
        let server = |port| SocketAddr::from(([10, 0, 0, 2], port));
        let mut closings = Closings::default();
        // The times of those of one server go back, of the other's all are the same.
        for flow in 0..100 {
            closings.push(at(10_000 - 50 * flow), server(1), FrameNo(flow as u64));
            closings.push(at(10_000), server(2), FrameNo(1000 + flow as u64));
        }
        for flow in 0..100 {
            assert!(!closings.has_another(at(10_000 - 50 * flow), server(1), FrameNo(flow as u64)), "{flow}");
            assert!(closings.has_another(at(10_000), server(2), FrameNo(1000 + flow as u64)), "{flow}");
        }
        closings.push(at(5050), server(1), FrameNo(500));
        assert!(closings.has_another(at(5050), server(1), FrameNo(99)));
        assert!(closings.has_another(at(5070), server(1), FrameNo(99)), "at the border");
        assert!(!closings.has_another(at(5071), server(1), FrameNo(98)));
    }

    #[test]
    fn what_came_first_is_forgotten_first_and_servers_with_it() {
        let mut closings = Closings::default();
        let server = |number: u32| SocketAddr::from((number.to_be_bytes(), 1883));
        let still = Timestamp::from_nanos(0);
        closings.push(still, server(0), FrameNo(0));
        closings.push(still, server(0), FrameNo(1));
        for flow in 1..CLOSINGS as u32 + 10 {
            closings.push(still, server(flow), FrameNo(u64::from(flow)));
        }
        assert!(!closings.has_another(still, server(0), FrameNo(0)));
        assert_eq!((closings.order.len(), closings.servers.len()), (CLOSINGS, CLOSINGS));
    }
}
