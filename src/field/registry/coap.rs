//! Fields of CoAP, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "coap" = PROTOCOL None "Constrained Application Protocol" => Reading;
    "coap.version" = U8 Decimal "Version" => Reading;
    "coap.type" = U8 Decimal "Type" => Reading;
    "coap.token_len" = U8 Decimal "Token Length" => Reading;
    "coap.token" = BYTES None "Token" => Reading;
    "coap.mid" = U16 Decimal "Message ID" => Reading;
    /// Told with the first answer.
    "coap.response_to" = FRAME None "Request In" => Reading;
    "coap.response_time" = SPAN None "Response Time" => Reading;
    "coap.request_first_in" = FRAME None "Retransmission of request in" => Reading;
    "coap.block_payload" = BYTES None "Block Payload" => Reading;
    "coap.block_length" = U32 Decimal "Block Length" => Reading;
    /// With the block that makes a body whole.
    "coap.blocks" = LABEL None "Blocks" => Reading;
    /// The frames of its blocks.
    "coap.block" = FRAME None "Block" => Reading;
    "coap.block.count" = U32 Decimal "Block count" => Reading;
    "coap.block.reassembled.length" = U32 Decimal "Reassembled CoAP length" => Reading;
    "coap.code" = U8 Decimal "Code" => Reading;
    /// What it is said to be, and how long.
    "coap.payload" = TEXT None "Payload" => Reading;
    "coap.payload_desc" = TEXT None "Payload Desc" => Reading;
    "coap.payload_length" = U32 Decimal "Payload Length" => Reading;
    "coap.opt.name" = TEXT None "Opt Name" => Reading;
    "coap.opt.desc" = TEXT None "Opt Desc" => Reading;
    "coap.opt.delta" = U8 Decimal "Opt Delta" => Reading;
    "coap.opt.delta_ext" = U16 Decimal "Opt Delta extended" => Reading;
    "coap.opt.length" = U8 Decimal "Opt Length" => Reading;
    "coap.opt.length_ext" = U16 Decimal "Opt Length extended" => Reading;
    "coap.opt.end_marker" = U8 Decimal "End of options marker" => Reading;
    "coap.opt.ctype" = TEXT None "Content-type" => Reading;
    "coap.opt.max_age" = U32 Decimal "Max-age" => Reading;
    "coap.opt.proxy_uri" = TEXT None "Proxy-Uri" => Reading;
    "coap.opt.proxy_scheme" = TEXT None "Proxy-Scheme" => Reading;
    "coap.opt.size1" = U32 Decimal "Size1" => Reading;
    "coap.opt.etag" = BYTES None "Etag" => Reading;
    "coap.opt.uri_host" = TEXT None "Uri-Host" => Reading;
    "coap.opt.location_path" = TEXT None "Location-Path" => Reading;
    "coap.opt.uri_port" = U16 Decimal "Uri-Port" => Reading;
    "coap.opt.location_query" = TEXT None "Location-Query" => Reading;
    "coap.opt.uri_path" = TEXT None "Uri-Path" => Reading;
    "coap.opt.uri_path_recon" = TEXT None "Uri-Path" => Reading;
    "coap.opt.observe" = U32 Decimal "Observe" => Reading;
    "coap.opt.hop_limit" = U8 Decimal "Hop Limit" => Reading;
    "coap.opt.accept" = TEXT None "Accept" => Reading;
    "coap.opt.if_match" = BYTES None "If-Match" => Reading;
    "coap.opt.block_number" = U32 Decimal "Block Number" => Reading;
    "coap.opt.block_mflag" = U8 Decimal "More Flag" => Reading;
    "coap.opt.block_size" = U8 Decimal "Encoded Block Size" => Reading;
    /// With asterisks where it may be a secret.
    "coap.opt.uri_query" = TEXT None "Uri-Query" => Reading;
    "coap.opt.unknown" = BYTES None "Unknown" => Reading;
}
