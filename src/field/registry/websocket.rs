//! Fields of WebSocket frames, and those of HTTP that lead to them.

use super::{Read::Frame, fields};
use crate::field::extract::websocket;

fields! {
    /// A head of HTTP by which WebSocket is asked for or granted; other HTTP is not read.
    "http" = PROTOCOL None "Hypertext Transfer Protocol" => Frame(websocket::http);
    "http.request.method" = TEXT None "Request Method" => Frame(websocket::method);
    /// Without the query, which may hold credentials.
    "http.request.uri.path" = TEXT None "Request URI Path" => Frame(websocket::path);
    "http.response.code" = U16 Decimal "Status Code" => Frame(websocket::status);
    "http.host" = TEXT None "Host" => Frame(websocket::host);
    "http.user_agent" = TEXT None "User-Agent" => Frame(websocket::user_agent);
    "http.server" = TEXT None "Server" => Frame(websocket::server);
    "http.upgrade" = TEXT None "Upgrade" => Frame(websocket::upgrade);
    "http.connection" = TEXT None "Connection" => Frame(websocket::connection);
    "http.sec_websocket_key" = TEXT None "Sec-WebSocket-Key" => Frame(websocket::key);
    "http.sec_websocket_accept" = TEXT None "Sec-WebSocket-Accept" => Frame(websocket::accept);
    "http.sec_websocket_version" = TEXT None "Sec-WebSocket-Version" => Frame(websocket::version);
    "http.sec_websocket_protocol" = TEXT None "Sec-WebSocket-Protocol" => Frame(websocket::protocol);
    "http.sec_websocket_extensions" = TEXT None "Sec-WebSocket-Extensions" => Frame(websocket::extensions);
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
