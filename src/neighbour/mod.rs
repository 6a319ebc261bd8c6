//! The protocols around MQTT in a trace: what one of their messages says, as a line for people and as fields.
//!
//! Each has a file. A message is read by itself, for whoever looks at frames: nothing is followed here, and no text of the
//! wire is trusted. What is shown is the caller's to escape; secrets are never part of it.

mod body;
mod coap;
mod coap_options;
mod cursor;
mod dhcp;
mod dhcp_options;
pub mod dns;
mod exchange;
mod hidden;
mod icmp;
mod icmpv6;
mod kind;
mod names;
mod ntp;
mod packets;
mod reading;
mod secret;
pub mod stream;
mod tftp;

#[cfg(test)]
mod tests;

pub use body::{Block, Body};
pub use exchange::{Answered, answered, repeated};
pub use hidden::hidden;
pub use kind::Contents;
pub use names::Names;
pub use packets::read_packet;
pub use reading::{Exchange, Part, Reading, Value};
pub use tftp::Transfer;

/// A protocol whose messages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Neighbour {
    /// The Network Time Protocol.
    Ntp,
    /// The Domain Name System.
    Dns,
    /// Multicast DNS.
    Mdns,
    /// Link-local multicast name resolution.
    Llmnr,
    /// The Dynamic Host Configuration Protocol, and BOOTP.
    Dhcp,
    /// The Trivial File Transfer Protocol.
    Tftp,
    /// The Constrained Application Protocol.
    Coap,
    /// The Address Resolution Protocol.
    Arp,
    /// Reverse ARP.
    Rarp,
    /// ICMP for IPv4.
    Icmp,
    /// ICMP for IPv6.
    Icmpv6,
    /// HTTP/1.x.
    Http,
    /// The control connection of FTP.
    Ftp,
    /// A connection for files of FTP, named by what its control connection said.
    FtpData,
    /// The Simple Mail Transfer Protocol.
    Smtp,
    /// Telnet.
    Telnet,
    /// AMQP 0-9-1 or 1.0.
    Amqp,
    /// Lines of text of a protocol that is not known.
    Lines,
    /// Messages behind their length, of two bytes in the order of the network.
    Length16,
    /// Of two bytes, the lowest first.
    Length16Le,
    /// Of four bytes in the order of the network.
    Length32,
    /// Of four bytes, the lowest first.
    Length32Le,
}

impl Neighbour {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Ntp,
        Self::Dns,
        Self::Mdns,
        Self::Llmnr,
        Self::Dhcp,
        Self::Tftp,
        Self::Coap,
        Self::Arp,
        Self::Rarp,
        Self::Icmp,
        Self::Icmpv6,
        Self::Http,
        Self::Ftp,
        Self::FtpData,
        Self::Smtp,
        Self::Telnet,
        Self::Amqp,
        Self::Lines,
        Self::Length16,
        Self::Length16Le,
        Self::Length32,
        Self::Length32Le,
    ];

    /// Those whose messages come in streams, and which a port can be said to carry; HTTP is told of apart.
    pub const STREAMS: [Self; 9] = [
        Self::Ftp,
        Self::Smtp,
        Self::Telnet,
        Self::Amqp,
        Self::Lines,
        Self::Length16,
        Self::Length16Le,
        Self::Length32,
        Self::Length32Le,
    ];

    /// Its name: Wireshark's, where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntp => "ntp",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Llmnr => "llmnr",
            Self::Dhcp => "dhcp",
            Self::Tftp => "tftp",
            Self::Coap => "coap",
            Self::Arp => "arp",
            Self::Rarp => "rarp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Http => "http",
            Self::Ftp => "ftp",
            Self::FtpData => "ftp-data",
            Self::Smtp => "smtp",
            Self::Telnet => "telnet",
            Self::Amqp => "amqp",
            Self::Lines => "lines",
            Self::Length16 => "length16",
            Self::Length16Le => "length16le",
            Self::Length32 => "length32",
            Self::Length32Le => "length32le",
        }
    }
}

/// A datagram, as far as it was captured, and between which ports.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// Its source and its destination.
    pub ports: (u16, u16),
    /// Its payload.
    pub bytes: &'a [u8],
    /// How long its payload is.
    pub length: u32,
}

impl Datagram<'_> {
    /// Whether it comes from or goes to this port.
    fn is_on(&self, port: u16) -> bool {
        self.ports.0 == port || self.ports.1 == port
    }
}

/// Reads a datagram if it is to be this protocol's; `None` if it is not.
type Read = fn(&Datagram<'_>) -> Option<Reading>;

/// The protocols of datagrams; the first that reads one counts.
const DATAGRAMS: [(Neighbour, Read); 5] = [
    (Neighbour::Ntp, ntp::read),
    (Neighbour::Dns, dns::read),
    (Neighbour::Dhcp, dhcp::read),
    (Neighbour::Tftp, tftp::read),
    (Neighbour::Coap, coap::read),
];

/// The message in a datagram; `None` where it is of no protocol that is read here.
///
/// ```
/// use mqttsniff::neighbour::{Datagram, Neighbour, read_datagram};
///
/// let mut bytes = [0; 48];
/// bytes[0] = 0x23;
/// let reading = read_datagram(&Datagram { ports: (40_000, 123), bytes: &bytes, length: 48 }).expect("a request");
/// assert_eq!(reading.protocol, Neighbour::Ntp);
/// assert_eq!(reading.info, "NTP Version 4, client");
/// ```
pub fn read_datagram(datagram: &Datagram<'_>) -> Option<Reading> {
    DATAGRAMS.iter().find_map(|(_, read)| read(datagram))
}

/// The message in a datagram of a conversation that is known to be of this protocol: also where the datagram alone would
/// not show it.
pub fn read_datagram_of(protocol: Neighbour, datagram: &Datagram<'_>) -> Option<Reading> {
    match protocol {
        Neighbour::Coap => coap::read_known(datagram),
        _ => read_datagram(datagram),
    }
}
