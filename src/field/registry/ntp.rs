//! Fields of NTP, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "ntp" = PROTOCOL None "Network Time Protocol" => Reading;
    "ntp.flags" = U8 Hex "Flags" => Reading;
    "ntp.flags.li" = U8 Decimal "Leap Indicator" => Reading;
    "ntp.flags.vn" = U8 Decimal "Version number" => Reading;
    "ntp.flags.mode" = U8 Decimal "Mode" => Reading;
    "ntp.stratum" = U8 Decimal "Peer Clock Stratum" => Reading;
    /// As a power of two, in seconds; a signed number.
    "ntp.ppoll" = U8 Decimal "Peer Polling Interval" => Reading;
    /// As a power of two, in seconds; a signed number: 236 is -20.
    "ntp.precision" = U8 Decimal "Peer Clock Precision" => Reading;
    /// In units of 1/65536 s.
    "ntp.rootdelay" = U32 Decimal "Root Delay" => Reading;
    /// In units of 1/65536 s.
    "ntp.rootdispersion" = U32 Decimal "Root Dispersion" => Reading;
    /// A name where the stratum is 0 or 1, else an address or a digest of one.
    "ntp.refid" = BYTES None "Reference ID" => Reading;
    "ntp.reftime" = TIME None "Reference Timestamp" => Reading;
    "ntp.org" = TIME None "Origin Timestamp" => Reading;
    "ntp.rec" = TIME None "Receive Timestamp" => Reading;
    "ntp.xmt" = TIME None "Transmit Timestamp" => Reading;
    "ntp.keyid" = BYTES None "Key ID" => Reading;
    "ntp.mac" = BYTES None "Message Authentication Code" => Reading;
    "ntp.ext" = LABEL None "Extension" => Reading;
    "ntp.ext.type" = U16 Hex "Field Type" => Reading;
    "ntp.ext.length" = U16 Decimal "Length" => Reading;
    /// With asterisks for cookies.
    "ntp.ext.value" = BYTES None "Value" => Reading;
    "ntp.ctrl.flags2" = U8 Hex "Flags 2" => Reading;
    "ntp.ctrl.flags2.r" = U8 Decimal "Response bit" => Reading;
    "ntp.ctrl.flags2.error" = U8 Decimal "Error bit" => Reading;
    "ntp.ctrl.flags2.more" = U8 Decimal "More bit" => Reading;
    "ntp.ctrl.flags2.opcode" = U8 Decimal "Opcode" => Reading;
    "ntp.ctrl.sequence" = U16 Decimal "Sequence" => Reading;
    "ntp.ctrl.status" = U16 Hex "Status" => Reading;
    "ntp.ctrl.err_status" = U16 Decimal "Error Status Word" => Reading;
    "ntp.ctrl.sys_status.li" = U16 Decimal "Leap Indicator" => Reading;
    "ntp.ctrl.sys_status.clksrc" = U16 Decimal "Clock Source" => Reading;
    "ntp.ctrl.sys_status.count" = U16 Decimal "System Event Counter" => Reading;
    "ntp.ctrl.sys_status.code" = U16 Decimal "System Event Code" => Reading;
    "ntp.ctrl.peer_status.selection" = U16 Decimal "Peer Selection" => Reading;
    "ntp.ctrl.peer_status.count" = U16 Decimal "Peer Event Counter" => Reading;
    "ntp.ctrl.peer_status.code" = U16 Decimal "Peer Event Code" => Reading;
    "ntp.ctrl.data" = LABEL None "Data" => Reading;
    "ntp.ctrl.item" = LABEL None "Item" => Reading;
    "ntp.ctrl.associd" = U16 Decimal "AssociationID" => Reading;
    "ntp.ctrl.offset" = U16 Decimal "Offset" => Reading;
    "ntp.ctrl.count" = U16 Decimal "Count" => Reading;
    "ntp.priv.flags.r" = U8 Decimal "Response bit" => Reading;
    "ntp.priv.flags.more" = U8 Decimal "More bit" => Reading;
    "ntp.priv.auth_seq" = U8 Decimal "Auth, sequence" => Reading;
    "ntp.priv.auth" = U8 Decimal "Auth bit" => Reading;
    "ntp.priv.seq" = U8 Decimal "Sequence number" => Reading;
    "ntp.priv.impl" = U8 Decimal "Implementation" => Reading;
    "ntp.priv.reqcode" = U8 Decimal "Request code" => Reading;
}
