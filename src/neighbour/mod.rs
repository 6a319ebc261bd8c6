//! The protocols around MQTT in a trace: what one of their messages says, as a line for people and as fields.
//!
//! Each has a file. A message is read by itself, for whoever looks at frames: nothing is followed here, and no text of the
//! wire is trusted. What is shown is the caller's to escape; secrets are never part of it.

pub mod dns;
mod names;
mod ntp;
mod reading;

pub use names::Names;
pub use reading::{Reading, Value};

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
}

impl Neighbour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ntp, Self::Dns, Self::Mdns, Self::Llmnr];

    /// Its name: Wireshark's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntp => "ntp",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Llmnr => "llmnr",
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
const DATAGRAMS: [(Neighbour, Read); 2] = [(Neighbour::Ntp, ntp::read), (Neighbour::Dns, dns::read)];

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
