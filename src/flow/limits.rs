//! How many flows are followed, and how long.

use crate::time::Span;

/// How many flows are followed, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLimits {
    /// The most flows at one time; with more, the one that was idle longest among some goes.
    pub flows: usize,
    /// A TCP connection that is not over and silent for this long is let go.
    pub tcp_idle: Span,
    /// A UDP conversation, or a SYN that was never answered, that is silent for this long is let go.
    pub udp_idle: Span,
    /// Ports that are taken for a server's when the handshake was not captured, besides those below 1024.
    pub server_ports: Vec<u16>,
    /// Whether a TCP flow of few segments is kept as these, to take less memory. Such flows are told when they end;
    /// [`FlowTable::open_flows`](super::FlowTable::open_flows) does not show them.
    pub in_short: bool,
}

impl Default for FlowLimits {
    /// A million flows; a day for TCP (keep-alives come after two hours by default, RFC 9293, 3.8.4), three
    /// minutes for UDP (as common connection trackers have it).
    fn default() -> Self {
        Self {
            flows: 1_000_000,
            tcp_idle: Span::from_secs(86_400),
            udp_idle: Span::from_secs(180),
            server_ports: vec![1883, 8883, 1884, 8884, 8080, 8081, 8083, 8084, 9001, 14567],
            in_short: false,
        }
    }
}
