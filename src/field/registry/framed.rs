//! Fields of messages of protocols that are not known: lines, and bytes behind their length. Wireshark has none of them.

use super::{Read::Reading, fields};

fields! {
    "lines" = PROTOCOL None "Lines of text" => Reading;
    "length16" = PROTOCOL None "Messages behind 16 bits of length" => Reading;
    "length16le" = PROTOCOL None "Messages behind 16 bits of length, the lowest byte first" => Reading;
    "length32" = PROTOCOL None "Messages behind 32 bits of length" => Reading;
    "length32le" = PROTOCOL None "Messages behind 32 bits of length, the lowest byte first" => Reading;
    /// Without the end of the line, or the length before it.
    "framed.length" = U64 Decimal "Length" => Reading;
    /// JSON, XML, text, bytes or empty.
    "framed.kind" = TEXT None "Kind" => Reading;
    /// Where it began in another frame than it ended.
    "framed.first_frame" = FRAME None "First frame" => Reading;
    /// What looks like a secret is masked.
    "framed.text" = TEXT None "Text" => Reading;
    /// The first of them.
    "framed.bytes" = BYTES None "Bytes" => Reading;
    /// Its end is missing.
    "framed.cut" = BOOL None "Cut" => Reading;
}
