//! Fields of TFTP, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "tftp" = PROTOCOL None "Trivial File Transfer Protocol" => Reading;
    "tftp.opcode" = U16 Decimal "Opcode" => Reading;
    "tftp.source_file" = TEXT None "Source File" => Reading;
    "tftp.destination_file" = TEXT None "Destination File" => Reading;
    "tftp.request_frame" = FRAME None "Request frame" => Reading;
    "tftp.type" = TEXT None "Type" => Reading;
    "tftp.block" = U16 Decimal "Block" => Reading;
    /// The number where those on the wire do not begin again.
    "tftp.block.full" = U32 Decimal "Full Block Number" => Reading;
    "tftp.error.code" = U16 Decimal "Error code" => Reading;
    "tftp.error.message" = TEXT None "Error message" => Reading;
    "tftp.option.name" = TEXT None "Option name" => Reading;
    "tftp.option.value" = TEXT None "Option value" => Reading;
}
