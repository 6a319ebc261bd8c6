//! Fields of SMTP, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "smtp" = PROTOCOL None "Simple Mail Transfer Protocol" => Reading;
    "smtp.req" = BOOL None "Request" => Reading;
    "smtp.rsp" = BOOL None "Response" => Reading;
    "smtp.req.command" = TEXT None "Command" => Reading;
    "smtp.req.parameter" = TEXT None "Request parameter" => Reading;
    "smtp.command_line" = TEXT None "Command Line" => Reading;
    "smtp.response.code" = U32 Decimal "Response code" => Reading;
    "smtp.rsp.parameter" = TEXT None "Response parameter" => Reading;
    /// Not in Wireshark.
    "smtp.mail.length" = U64 Decimal "Mail length" => Reading;
}
