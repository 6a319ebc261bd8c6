//! Fields of Telnet, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "telnet" = PROTOCOL None "Telnet" => Reading;
    "telnet.cmd" = U8 Decimal "Command" => Reading;
    "telnet.subcmd" = U8 Decimal "Subcommand" => Reading;
    "telnet.naws_subopt.width" = U16 Decimal "Width" => Reading;
    "telnet.naws_subopt.height" = U16 Decimal "Height" => Reading;
    /// Bytes of text up to the end of a line or a command; not in Wireshark.
    "telnet.data.length" = U64 Decimal "Text length" => Reading;
}
