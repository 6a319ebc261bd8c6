//! Fields of FTP, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "ftp" = PROTOCOL None "File Transfer Protocol (FTP)" => Reading;
    "ftp.request" = BOOL None "Request" => Reading;
    "ftp.response" = BOOL None "Response" => Reading;
    "ftp.request.command" = TEXT None "Request command" => Reading;
    /// Of PASS and ACCT masked.
    "ftp.request.arg" = TEXT None "Request arg" => Reading;
    "ftp.active.cip" = IPV4 None "Active IP address" => Reading;
    "ftp.active.port" = U16 Decimal "Active port" => Reading;
    "ftp.eprt.af" = U8 Decimal "Extended active address family" => Reading;
    "ftp.eprt.ip" = IPV4 None "Extended active IP address" => Reading;
    "ftp.eprt.ipv6" = IPV6 None "Extended active IPv6 address" => Reading;
    "ftp.eprt.port" = U16 Decimal "Extended active port" => Reading;
    "ftp.response.code" = U32 Decimal "Response code" => Reading;
    "ftp.response.arg" = TEXT None "Response arg" => Reading;
    "ftp.passive.ip" = IPV4 None "Passive IP address" => Reading;
    "ftp.passive.port" = U16 Decimal "Passive port" => Reading;
    "ftp.epsv.port" = U16 Decimal "Extended passive port" => Reading;
}
