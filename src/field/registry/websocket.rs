//! Fields of WebSocket frames.

use super::{Read::Frame, fields};
use crate::field::extract::websocket;

fields! {
    /// A WebSocket frame, in the segment that completes it; its bytes are the first two.
    "websocket" = PROTOCOL None "WebSocket" => Frame(websocket::is_there);
    /// The last frame of its message.
    "websocket.fin" = BOOL None "Fin" => Frame(websocket::fin);
    "websocket.rsv" = U8 Hex "Reserved" => Frame(websocket::reserved);
    /// RSV1, by which permessage-deflate marks what is compressed.
    "websocket.pmc" = BOOL None "Per-Message Compressed" => Frame(websocket::compressed);
    /// 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    "websocket.opcode" = U8 Decimal "Opcode" => Frame(websocket::opcode);
    "websocket.mask" = BOOL None "Mask" => Frame(websocket::mask);
    /// Its seven bits: 126 and 127 stand for a length in one of the fields behind it.
    "websocket.payload_length" = U8 Decimal "Payload length" => Frame(websocket::payload_length);
    "websocket.payload_length_ext_16" = U16 Decimal "Extended Payload length (16 bits)"
        => Frame(websocket::payload_length_16);
    "websocket.payload_length_ext_64" = U64 Decimal "Extended Payload length (64 bits)"
        => Frame(websocket::payload_length_64);
    "websocket.masking_key" = BYTES None "Masking-Key" => Frame(websocket::masking_key);
    "websocket.payload.ping" = BYTES None "Ping" => Frame(websocket::ping);
    "websocket.payload.pong" = BYTES None "Pong" => Frame(websocket::pong);
    "websocket.payload.close.status_code" = U16 Decimal "Status code" => Frame(websocket::close_code);
    "websocket.payload.close.reason" = TEXT None "Reason" => Frame(websocket::close_reason);
}
