//! What ICMP says of flows.

use std::net::{IpAddr, SocketAddr};

use super::event::{FlowRef, NoticeKind, Sink, Undelivered};
use super::run::Pass;
use crate::flow::{FlowKey, Quoted, Transport};
use crate::wire::Icmp;

/// TCP's protocol number.
const TCP: u8 = 6;

/// UDP's.
const UDP: u8 = 17;

impl<S: Sink> Pass<'_, S> {
    /// An ICMP message: what it says of a flow.
    pub(super) fn icmp(&mut self, from: Option<IpAddr>, icmp: &Icmp<'_>) {
        // Echoes and the like quote nothing, and a redirect delivers.
        let undelivered = matches!((icmp.version, icmp.kind), (4, 3 | 4 | 11 | 12) | (6, 1..=4));
        let Some((quoted, ports)) = icmp.quoted.and_then(|quoted| quoted.ports.map(|ports| (quoted, ports))) else {
            return;
        };
        let transport = match quoted.protocol {
            TCP => Transport::Tcp,
            UDP => Transport::Udp,
            _ => return,
        };
        let source = SocketAddr::new(quoted.source, ports.0);
        let key = FlowKey::new(transport, source, SocketAddr::new(quoted.destination, ports.1));
        let Some(flow) = self.followed.flows.find_quoted(&key) else { return };
        let (direction, name) = match flow {
            Quoted::Tcp(flow) => {
                let direction = flow.direction_from(source);
                if matches!((icmp.version, icmp.kind, icmp.code), (4, 3, 4) | (6, 2, _)) {
                    flow.connection.on_packet_too_big(direction);
                }
                (direction, FlowRef::of(flow))
            }
            Quoted::Udp(datagrams) => (datagrams.direction_from(source), FlowRef::of_datagrams(datagrams)),
        };
        if let (true, Some(from)) = (undelivered, from) {
            let Icmp { version, kind, code, .. } = *icmp;
            self.notice(NoticeKind::Undelivered(Undelivered { from, version, kind, code, direction }), Some(name));
        }
    }
}
