//! The headers of a frame with their places, those among them that an ICMP error quotes.

use std::net::{IpAddr, SocketAddr};

use super::FrameRow;
use super::datagrams::{DatagramFacts, Datagrams};
use super::header::Header;
use crate::engine::PacketView;
use crate::wire::{Layer, Payload, Placed};

/// The type of a tag of IEEE 802.1ad.
pub(super) const SERVICE_TAG: u16 = 0x88a8;

/// A header in its place.
#[derive(Debug, Clone, Copy)]
struct Found {
    placed: Placed,
    kind: u16,
    quoted: bool,
    datagram: Option<DatagramFacts>,
}

impl Found {
    /// Whether it is a header of the same protocol: the tags of customers and of services, and each kind of extension
    /// header, are protocols of their own.
    fn is_of(&self, layer: Layer, kind: u16) -> bool {
        self.placed.layer == layer
            && match layer {
                Layer::Vlan => (self.kind == SERVICE_TAG) == (kind == SERVICE_TAG),
                Layer::Ipv6Extension => self.kind == kind,
                _ => true,
            }
    }
}

/// The headers of one frame; the buffer is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Layers(Vec<Found>);

impl Layers {
    /// Takes over the headers of a frame.
    pub(super) fn collect(&mut self, view: &PacketView<'_>) {
        self.0.clear();
        let Some(trace) = view.trace else { return };
        let mut previous: Option<Placed> = None;
        for placed in &trace.layers {
            let kind = match placed.layer {
                Layer::Vlan => tag_type(view, placed),
                Layer::Ipv6Extension => {
                    previous.and_then(|before| next_header(before.layer, bytes(view, &before)?)).unwrap_or(0)
                }
                _ => 0,
            };
            self.0.push(Found { placed: *placed, kind, quoted: false, datagram: None });
            previous = Some(*placed);
        }
        if let (Payload::Icmp(icmp), Some(error)) = (&view.packet.payload, previous)
            && icmp.quoted.is_some()
        {
            self.quote(view, error, icmp.version);
        }
    }

    /// Adds the headers that an error quotes behind its own 8 bytes: IP, and TCP or UDP.
    fn quote(&mut self, view: &PacketView<'_>, error: Placed, version: u8) {
        let behind = |placed: Placed, layer, count: usize| Placed {
            layer,
            start: placed.start + count,
            captured: placed.captured.saturating_sub(count),
            length: placed.length.saturating_sub(count),
            ..placed
        };
        let ip = behind(error, if version == 4 { Layer::Ipv4 } else { Layer::Ipv6 }, 8);
        let Some(header) = bytes(view, &ip) else { return };
        self.0.push(Found { placed: ip, kind: 0, quoted: true, datagram: None });
        let (length, protocol) = match (version, header) {
            (4, [first, _, _, _, _, _, _, _, _, protocol, ..]) => (usize::from(first & 15) * 4, *protocol),
            (6, [_, _, _, _, _, _, next, ..]) => (40, *next),
            _ => return,
        };
        let layer = match protocol {
            6 => Layer::Tcp,
            17 => Layer::Udp,
            _ => return,
        };
        self.0.push(Found { placed: behind(ip, layer, length), kind: 0, quoted: true, datagram: None });
    }

    /// Follows the conversations of all datagrams of the frame.
    pub(super) fn follow(&mut self, view: &PacketView<'_>, datagrams: &mut Datagrams) {
        let mut addresses = None;
        for found in &mut self.0 {
            let Some(header) = bytes(view, &found.placed) else { continue };
            match found.placed.layer {
                Layer::Ipv4 => addresses = pair::<4>(header, 12),
                Layer::Ipv6 => addresses = pair::<16>(header, 8),
                Layer::Udp => {
                    let (Some([source, destination]), Some([high, low, other_high, other_low])) =
                        (addresses, header.first_chunk::<4>())
                    else {
                        continue;
                    };
                    let ends = [
                        SocketAddr::new(source, u16::from_be_bytes([*high, *low])),
                        SocketAddr::new(destination, u16::from_be_bytes([*other_high, *other_low])),
                    ];
                    found.datagram = Some(datagrams.follow(ends, view.frame.header.time, found.quoted));
                }
                _ => {}
            }
        }
    }

    /// Calls `take` with each header, of one layer or of all, and which of its kind it is.
    pub(super) fn each<'a>(&'a self, row: &'a FrameRow<'a>, of: Option<Layer>, mut take: impl FnMut(&Header<'a>, u8)) {
        let wanted = |found: &Found| of.is_none_or(|layer| found.placed.layer == layer);
        for (index, found) in self.0.iter().enumerate().filter(|(_, found)| wanted(found)) {
            let Found { placed, kind, quoted, datagram } = found;
            let Some(data) = bytes(row.view, placed) else { continue };
            let before = self.0.iter().take(index).filter(|found| found.is_of(placed.layer, *kind)).count();
            let header = Header {
                layer: placed.layer,
                kind: *kind,
                data,
                length: placed.length,
                quoted: *quoted,
                datagram: *datagram,
                row,
            };
            take(&header, before as u8 + 1);
        }
    }

    /// The layer behind a header with this first byte, which stands in the same bytes.
    pub(super) fn after(&self, header: &Header<'_>) -> Option<&Placed> {
        let at = self.0.iter().position(|found| {
            found.placed.layer == header.layer
                && bytes(header.row.view, &found.placed).is_some_and(|data| std::ptr::eq(data, header.data))
        })?;
        self.0.get(at + 1).map(|found| &found.placed)
    }

    /// The layers themselves, without those that are quoted.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (Layer, u16, bool)> {
        self.0.iter().map(|found| (found.placed.layer, found.kind, found.quoted))
    }
}

/// The bytes of a header: of the frame, or of the datagram that it completed.
pub(super) fn bytes<'a>(view: &PacketView<'a>, placed: &Placed) -> Option<&'a [u8]> {
    let buffer = match placed.buffer {
        0 => view.frame.data,
        1 => view.trace?.datagram.as_slice(),
        // Datagrams in datagrams are not kept.
        _ => return None,
    };
    buffer.get(placed.start..placed.start.checked_add(placed.captured)?.min(buffer.len()))
}

/// Two addresses, one behind the other.
fn pair<const N: usize>(header: &[u8], at: usize) -> Option<[IpAddr; 2]>
where
    IpAddr: From<[u8; N]>,
{
    let address = |at| header.get(at..)?.first_chunk::<N>().map(|raw| IpAddr::from(*raw));
    Some([address(at)?, address(at + N)?])
}

/// The type that announced a tag: it stands before it.
fn tag_type(view: &PacketView<'_>, tag: &Placed) -> u16 {
    let before = tag.start.checked_sub(2).and_then(|at| view.frame.data.get(at..));
    before.and_then(<[u8]>::first_chunk).map_or(0, |kind| u16::from_be_bytes(*kind))
}

/// Which protocol a header announces.
fn next_header(layer: Layer, header: &[u8]) -> Option<u16> {
    let at = match layer {
        Layer::Ipv6 => 6,
        Layer::Ipv4 => 9,
        Layer::Ipv6Extension => 0,
        _ => return None,
    };
    header.get(at).map(|number| u16::from(*number))
}
