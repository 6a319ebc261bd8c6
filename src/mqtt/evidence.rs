//! Which version a stream speaks, told by packets other than CONNECT.
//!
//! Each packet is read as 3.1.1 and as 5.0; what reads in one way only is evidence. 3.1 and 3.1.1 can't
//! be told apart without a CONNECT, and count as 3.1.1 here.

use super::infer::reads_as;
use super::{Body, FixedHeader, PacketType, Sender, Version, decode};

/// How far a verdict can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// It reads better so, but may be chance.
    Weak,
    /// Packets that keep the rules of one version can't be read as the other.
    Strong,
}

/// Gathers evidence from the packets of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VersionEvidence {
    connect: Option<Version>,
    /// Packets that only 5.0 can read.
    only_5: u32,
    /// Packets that only 3.x can read.
    only_3: u32,
    /// PUBLISH packets that both can read, with something that 5.0 takes for properties.
    properties: u32,
    /// PUBLISH packets that both can read, with a zero that 5.0 takes for "no properties", and that is
    /// unlikely to be the front of an integer.
    zeros: u32,
}

/// How many times one side must outweigh the other where broken packets blur the picture.
const OUTWEIGHS: u32 = 8;

/// Whether a zero before this payload, of `length` bytes in all, more likely says "no properties" than belongs to it.
///
/// Nothing begins with a zero as often as integers do; text never does.
fn stands_alone(payload: &[u8], length: u32) -> bool {
    let text = match std::str::from_utf8(payload) {
        Ok(text) => text,
        // The end may be cut within a character.
        Err(error) if error.error_len().is_none() => {
            payload.get(..error.valid_up_to()).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
        }
        Err(_) => return !is_width(length),
    };
    !text.contains(|c: char| c.is_control() && !c.is_whitespace()) || !is_width(length)
}

/// Whether a zero and `behind` bytes are as long as an integer.
const fn is_width(behind: u32) -> bool {
    matches!(behind, 1 | 3 | 7)
}

impl VersionEvidence {
    /// Takes a packet, of which `body` is what is available, and who sent it if that is known.
    ///
    /// Says whether the packet reads well in both ways, and not as the same: a PUBLISH, and a SUBACK whose first code
    /// may be an empty property length.
    pub fn observe(&mut self, sender: Option<Sender>, header: FixedHeader, body: &[u8]) -> bool {
        if header.packet_type == PacketType::Connect {
            if let Body::Connect(connect) = decode(header, body, Version::V311).body {
                self.connect = connect.version().or(self.connect);
            }
            return false;
        }
        // Before 5.0 only clients say DISCONNECT (MQTT 3.1.1 section 3.14).
        let server_leaves = header.packet_type == PacketType::Disconnect && sender == Some(Sender::Server);
        let as_3 = !server_leaves && reads_as(header, body, Version::V311);
        let as_5 = reads_as(header, body, Version::V5);
        match (as_3, as_5) {
            (true, false) => self.only_3 = self.only_3.saturating_add(1),
            (false, true) => self.only_5 = self.only_5.saturating_add(1),
            (true, true) => {
                self.observe_publish(header, body);
                return matches!(header.packet_type, PacketType::Publish | PacketType::SubAck);
            }
            (false, false) => {}
        }
        false
    }

    fn observe_publish(&mut self, header: FixedHeader, body: &[u8]) {
        if header.packet_type != PacketType::Publish {
            return;
        }
        let packet = decode(header, body, Version::V5);
        if let Body::Publish(publish) = packet.body {
            if !publish.properties.is_empty() {
                self.properties = self.properties.saturating_add(1);
            } else if publish.payload_length.is_some_and(|length| stands_alone(publish.payload, length)) {
                self.zeros = self.zeros.saturating_add(1);
            }
        }
    }

    /// The version, as far as it can be told.
    pub fn verdict(&self) -> Option<(Version, Confidence)> {
        if let Some(version) = self.connect {
            return Some((version, Confidence::Strong));
        }
        let (three, five) = (self.only_3, self.only_5);
        let outweighs = |more: u32, less: u32| more > 0 && more >= less.saturating_mul(OUTWEIGHS);
        if outweighs(five, three) {
            return Some((Version::V5, Confidence::Strong));
        }
        if outweighs(three, five) {
            return Some((Version::V311, Confidence::Strong));
        }
        if five > 0 || three > 0 {
            let version = if five > three { Version::V5 } else { Version::V311 };
            return Some((version, Confidence::Weak));
        }
        match (self.properties, self.zeros) {
            // One payload in thousands happens to look like properties; two in a row are no chance.
            (2.., _) => Some((Version::V5, Confidence::Strong)),
            (1, _) | (0, 1..) => Some((Version::V5, Confidence::Weak)),
            (0, 0) => None,
        }
    }
}
