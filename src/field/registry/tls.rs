//! Fields of TLS records, of the hellos of both ends and of alerts.

use super::{Read::Frame, fields};
use crate::field::extract::tls;

fields! {
    /// A TLS record, in the segment that completes it; its bytes are its header.
    "tls" = PROTOCOL None "Transport Layer Security" => Frame(tls::is_there);
    /// 20 change cipher spec, 21 alert, 22 handshake, 23 application data.
    "tls.record.content_type" = U8 Decimal "Content Type" => Frame(tls::content_type);
    "tls.record.version" = U16 Hex "Version" => Frame(tls::record_version);
    "tls.record.length" = U16 Decimal "Length" => Frame(tls::length);
    /// Of the hellos: 1 ClientHello, 2 ServerHello.
    "tls.handshake.type" = U8 Decimal "Handshake Type" => Frame(tls::handshake_type);
    "tls.handshake.ciphersuite" = U16 Hex "Cipher Suite" => Frame(tls::suite);
    "tls.handshake.extension.type" = U16 Decimal "Type" => Frame(tls::extension);
    "tls.handshake.extensions_server_name" = TEXT None "Server Name" => Frame(tls::server_name);
    "tls.handshake.extensions_alpn_str" = TEXT None "ALPN Next Protocol" => Frame(tls::alpn);
    "tls.alert_message.level" = U8 Decimal "Level" => Frame(tls::alert_level);
    "tls.alert_message.desc" = U8 Decimal "Description" => Frame(tls::alert_description);
}
