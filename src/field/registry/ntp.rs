//! Fields of NTP, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "ntp" = PROTOCOL None "Network Time Protocol" => Reading;
    "ntp.flags" = U8 Hex "Flags" => Reading;
    "ntp.flags.li" = U8 Decimal "Leap Indicator" => Reading;
    "ntp.flags.vn" = U8 Decimal "Version number" => Reading;
    "ntp.flags.mode" = U8 Decimal "Mode" => Reading;
    "ntp.stratum" = U8 Decimal "Peer Clock Stratum" => Reading;
    /// As a power of two, in seconds.
    "ntp.ppoll" = I8 Decimal "Peer Polling Interval" => Reading;
    /// As a power of two, in seconds.
    "ntp.precision" = I8 Decimal "Peer Clock Precision" => Reading;
    /// In seconds.
    "ntp.rootdelay" = FLOAT None "Root Delay" => Reading;
    /// In seconds.
    "ntp.rootdispersion" = FLOAT None "Root Dispersion" => Reading;
    "ntp.refid" = BYTES None "Reference ID" => Reading;
    "ntp.reftime" = TIME None "Reference Timestamp" => Reading;
    "ntp.org" = TIME None "Origin Timestamp" => Reading;
    "ntp.rec" = TIME None "Receive Timestamp" => Reading;
    "ntp.xmt" = TIME None "Transmit Timestamp" => Reading;
}
