//! Who talks with whom: endpoints, the two directions of a flow, and the key that finds it.

use std::net::{IpAddr, SocketAddr};

/// The direction of a segment, by the roles of its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// Both, the client's first.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];

    /// The other direction.
    #[must_use]
    #[inline]
    pub const fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// Who sends in this direction.
    #[inline]
    pub const fn sender(self) -> Role {
        match self {
            Self::ToServer => Role::Client,
            Self::ToClient => Role::Server,
        }
    }

    /// Who receives in this direction.
    #[inline]
    pub const fn receiver(self) -> Role {
        self.reverse().sender()
    }
}

/// The role of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Who opened the connection.
    Client,
    /// Who was there to be connected to.
    Server,
}

impl Role {
    /// `client` or `server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// The direction in which this end sends.
    #[inline]
    pub const fn sends(self) -> Direction {
        match self {
            Self::Client => Direction::ToServer,
            Self::Server => Direction::ToClient,
        }
    }
}

/// A value for each direction; for things that an endpoint has, the direction in which it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerDirection<T> {
    /// The client's.
    pub to_server: T,
    /// The server's.
    pub to_client: T,
}

impl<T> PerDirection<T> {
    /// Exchanges the two, when the ends turn out to have the other roles.
    pub const fn swap(&mut self) {
        std::mem::swap(&mut self.to_server, &mut self.to_client);
    }

    /// The two at once: that of `direction` first, then the other.
    #[inline]
    pub const fn both_mut(&mut self, direction: Direction) -> (&mut T, &mut T) {
        match direction {
            Direction::ToServer => (&mut self.to_server, &mut self.to_client),
            Direction::ToClient => (&mut self.to_client, &mut self.to_server),
        }
    }
}

impl<T> std::ops::Index<Direction> for PerDirection<T> {
    type Output = T;

    #[inline]
    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

impl<T> std::ops::IndexMut<Direction> for PerDirection<T> {
    #[inline]
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

/// The transport of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// `tcp` or `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What finds a flow: its transport and two endpoints, the same for both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    transport: Transport,
    low: (IpAddr, u16),
    high: (IpAddr, u16),
}

impl FlowKey {
    /// The key for a packet from `source` to `destination`, or the other way round.
    pub fn new(transport: Transport, source: SocketAddr, destination: SocketAddr) -> Self {
        let (a, b) = ((source.ip(), source.port()), (destination.ip(), destination.port()));
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self { transport, low, high }
    }

    /// The two ends.
    pub(super) const fn ends(&self) -> (SocketAddr, SocketAddr) {
        (SocketAddr::new(self.low.0, self.low.1), SocketAddr::new(self.high.0, self.high.1))
    }

    /// The transport.
    pub const fn transport(&self) -> Transport {
        self.transport
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_key() {
        let a: SocketAddr = "10.0.0.1:1883".parse().expect("an address");
        let b: SocketAddr = "10.0.0.1:40000".parse().expect("an address");
        assert_eq!(FlowKey::new(Transport::Tcp, a, b), FlowKey::new(Transport::Tcp, b, a));
        assert_ne!(FlowKey::new(Transport::Tcp, a, b), FlowKey::new(Transport::Udp, a, b));
    }

    #[test]
    fn swapping_exchanges_the_roles() {
        let mut pair = PerDirection { to_server: 1, to_client: 2 };
        pair.swap();
        assert_eq!((pair[Direction::ToServer], pair[Direction::ToClient]), (2, 1));
        assert_eq!(pair.both_mut(Direction::ToClient), (&mut 1, &mut 2));
    }
}
