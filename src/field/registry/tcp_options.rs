//! Fields of the options of TCP.

use super::{Read::Header, fields};
use crate::field::extract::options;
use crate::wire::Layer::Tcp;

fields! {
    /// All options with their padding.
    "tcp.options" = BYTES None "TCP Options" => Header(Tcp, options::all);
    "tcp.option_kind" = U8 Decimal "Kind" => Header(Tcp, options::kinds);
    "tcp.option_len" = U8 Decimal "Length" => Header(Tcp, options::lengths);
    "tcp.options.nop" = PROTOCOL None "TCP Option - No-Operation (NOP)" => Header(Tcp, options::no_operation);
    "tcp.options.eol" = PROTOCOL None "TCP Option - End of Option List (EOL)" => Header(Tcp, options::end_of_list);
    "tcp.options.mss" = PROTOCOL None "TCP Option - Maximum segment size" => Header(Tcp, options::mss);
    "tcp.options.mss_val" = U16 Decimal "MSS Value" => Header(Tcp, options::mss_value);
    "tcp.options.wscale" = PROTOCOL None "TCP Option - Window scale" => Header(Tcp, options::window_scale);
    "tcp.options.wscale.shift" = U8 Decimal "Shift count" => Header(Tcp, options::shift);
    "tcp.options.wscale.multiplier" = U16 Decimal "Multiplier" => Header(Tcp, options::multiplier);
    "tcp.options.sack_perm" = PROTOCOL None "TCP Option - SACK permitted" => Header(Tcp, options::sack_permitted);
    "tcp.options.sack" = PROTOCOL None "TCP Option - SACK" => Header(Tcp, options::sack);
    /// Counted like acknowledgement numbers.
    "tcp.options.sack_le" = U32 Decimal "TCP SACK Left Edge" => Header(Tcp, options::left_edges);
    "tcp.options.sack_re" = U32 Decimal "TCP SACK Right Edge" => Header(Tcp, options::right_edges);
    "tcp.options.sack.count" = U8 Decimal "TCP SACK Count" => Header(Tcp, options::block_count);
    /// The first block, where it reports data that came twice (RFC 2883).
    "tcp.options.sack.dsack_le" = U32 Decimal "TCP D-SACK Left Edge" => Header(Tcp, options::duplicate_left);
    "tcp.options.sack.dsack_re" = U32 Decimal "TCP D-SACK Right Edge" => Header(Tcp, options::duplicate_right);
    "tcp.options.sack.dsack" = LABEL None "D-SACK Sequence" => Header(Tcp, options::is_duplicate);
    "tcp.options.timestamp" = PROTOCOL None "TCP Option - Timestamps" => Header(Tcp, options::timestamp);
    "tcp.options.timestamp.tsval" = U32 Decimal "Timestamp value" => Header(Tcp, options::ts_value);
    "tcp.options.timestamp.tsecr" = U32 Decimal "Timestamp echo reply" => Header(Tcp, options::ts_echo);
    "tcp.options.md5.digest" = BYTES None "MD5 digest" => Header(Tcp, options::md5);
    "tcp.options.tfo.cookie" = BYTES None "Fast Open Cookie" => Header(Tcp, options::cookie);
    "tcp.options.tfo.request" = LABEL None "Fast Open Cookie Request" => Header(Tcp, options::cookie_request);
    "tcp.options.experimental.exid" = U16 Hex "Experiment Identifier" => Header(Tcp, options::experiment);
    "tcp.options.mptcp.subtype" = U8 Decimal "Multipath TCP subtype" => Header(Tcp, options::multipath_subtype);
}
