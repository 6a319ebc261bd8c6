//! The protocol versions, and how a CONNECT names them. Guessing a version without a CONNECT is done
//! elsewhere.

use std::fmt;

/// A version of the protocol, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1, called `MQIsdp` on the wire.
    V31,
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

/// Brokers that bridge set this bit of the protocol level, by no specification but by wide custom.
pub(super) const BRIDGE_BIT: u8 = 0x80;

/// Whether a CONNECT names MQTT and a version of it that there is not: nobody knows what it has behind the level.
pub(super) fn has_unknown_layout(name: &[u8], level: u8) -> bool {
    matches!(name, b"MQTT" | b"MQIsdp") && Version::from_connect(name, level).is_none()
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// As the specifications number themselves: `3.1`, `3.1.1` or `5.0`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        }
    }

    /// The version that a CONNECT with this protocol name and level speaks.
    ///
    /// The level decides where name and level do not belong together, since the layout follows it in
    /// practice; the bridge bit is no part of the level. `None` for another name or level.
    pub fn from_connect(name: &[u8], level: u8) -> Option<Self> {
        if !matches!(name, b"MQTT" | b"MQIsdp") {
            return None;
        }
        match level & !BRIDGE_BIT {
            3 => Some(Self::V31),
            4 => Some(Self::V311),
            5 => Some(Self::V5),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_decides_and_the_bridge_bit_is_masked() {
        assert_eq!(Version::from_connect(b"MQIsdp", 3), Some(Version::V31));
        assert_eq!(Version::from_connect(b"MQTT", 0x84), Some(Version::V311));
        assert_eq!(Version::from_connect(b"MQTT", 5), Some(Version::V5));
        assert_eq!(Version::from_connect(b"MQTT", 3), Some(Version::V31));
        assert_eq!(Version::from_connect(b"MQIsdp", 4), Some(Version::V311));
        assert_eq!(Version::from_connect(b"MQTT", 6), None);
        assert_eq!(Version::from_connect(b"mqtt", 4), None);
    }
}
