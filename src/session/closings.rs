//! When servers closed connections, by which it shows that one closed several at once.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::capture::FrameNo;
use crate::time::{Span, Timestamp};

/// Connections that a server closes within this time, it closes for one reason.
const AT_ONCE: Span = Span::from_millis(20);

/// Closings that are remembered, of all servers.
const CLOSINGS: usize = 1 << 16;

/// The latest connections that were closed by their server.
#[derive(Debug, Default)]
pub(super) struct Closings(VecDeque<(Timestamp, SocketAddr, FrameNo)>);

impl Closings {
    /// A server closes a connection.
    pub(super) fn push(&mut self, at: Timestamp, server: SocketAddr, flow: FrameNo) {
        if self.0.len() == CLOSINGS {
            self.0.pop_front();
        }
        self.0.push_back((at, server, flow));
    }

    /// Whether the server closed another connection at the time when it closed this flow.
    pub(super) fn has_another(&self, closed: Timestamp, server: SocketAddr, flow: FrameNo) -> bool {
        let from = self.0.partition_point(|(at, ..)| at.since(closed) < Span::ZERO - AT_ONCE);
        let around = self.0.range(from..).take_while(|(at, ..)| at.since(closed) <= AT_ONCE);
        around.into_iter().any(|(_, other, other_flow)| *other == server && *other_flow != flow)
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
}
