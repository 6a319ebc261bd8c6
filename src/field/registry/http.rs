//! Fields of HTTP/1.x, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    /// A message is told with the frame that completed it and its body.
    "http" = PROTOCOL None "Hypertext Transfer Protocol" => Reading;
    /// Masked.
    "http.authorization" = TEXT None "Authorization" => Reading;
    /// Masked.
    "http.proxy_authorization" = TEXT None "Proxy-Authorization" => Reading;
    /// Masked.
    "http.proxy_authenticate" = TEXT None "Proxy-Authenticate" => Reading;
    /// Masked.
    "http.www_authenticate" = TEXT None "WWW-Authenticate" => Reading;
    "http.content_type" = TEXT None "Content-Type" => Reading;
    "http.content_length_header" = TEXT None "Content-Length" => Reading;
    "http.content_encoding" = TEXT None "Content-Encoding" => Reading;
    "http.transfer_encoding" = TEXT None "Transfer-Encoding" => Reading;
    "http.upgrade" = TEXT None "Upgrade" => Reading;
    "http.user_agent" = TEXT None "User-Agent" => Reading;
    "http.host" = TEXT None "Host" => Reading;
    "http.connection" = TEXT None "Connection" => Reading;
    /// Masked.
    "http.cookie" = TEXT None "Cookie" => Reading;
    "http.accept" = TEXT None "Accept" => Reading;
    "http.referer" = TEXT None "Referer" => Reading;
    "http.accept_language" = TEXT None "Accept-Language" => Reading;
    "http.accept_encoding" = TEXT None "Accept Encoding" => Reading;
    "http.date" = TEXT None "Date" => Reading;
    "http.cache_control" = TEXT None "Cache-Control" => Reading;
    "http.server" = TEXT None "Server" => Reading;
    "http.location" = TEXT None "Location" => Reading;
    "http.sec_websocket_accept" = TEXT None "Sec-WebSocket-Accept" => Reading;
    "http.sec_websocket_extensions" = TEXT None "Sec-WebSocket-Extensions" => Reading;
    "http.sec_websocket_key" = TEXT None "Sec-WebSocket-Key" => Reading;
    "http.sec_websocket_protocol" = TEXT None "Sec-WebSocket-Protocol" => Reading;
    "http.sec_websocket_version" = TEXT None "Sec-WebSocket-Version" => Reading;
    /// Masked.
    "http.set_cookie" = TEXT None "Set-Cookie" => Reading;
    "http.last_modified" = TEXT None "Last-Modified" => Reading;
    "http.x_forwarded_for" = TEXT None "X-Forwarded-For" => Reading;
    "http.content_length" = U64 Decimal "Content length" => Reading;
    "http.request" = BOOL None "Request" => Reading;
    "http.request_number" = U32 Decimal "Request number" => Reading;
    "http.request.method" = TEXT None "Request Method" => Reading;
    /// Values of parameters that look like secrets, user and password are masked.
    "http.request.uri" = TEXT None "Request URI" => Reading;
    /// Without the query.
    "http.request.uri.path" = TEXT None "Request URI Path" => Reading;
    "http.request.uri.query" = TEXT None "Request URI Query" => Reading;
    "http.request.uri.query.parameter" = TEXT None "Request URI Query Parameter" => Reading;
    "http.request.version" = TEXT None "Request Version" => Reading;
    "http.request.full_uri" = TEXT None "Full request URI" => Reading;
    "http.response" = BOOL None "Response" => Reading;
    "http.response_number" = U32 Decimal "Response number" => Reading;
    "http.response.version" = TEXT None "Response Version" => Reading;
    "http.response.code" = U16 Decimal "Status Code" => Reading;
    "http.response.code.desc" = TEXT None "Status Code Description" => Reading;
    "http.response.phrase" = TEXT None "Response Phrase" => Reading;
    "http.request_in" = FRAME None "Request in frame" => Reading;
    /// From the end of the request to that of the response.
    "http.time" = SPAN None "Time since request" => Reading;
    "http.response_for.uri" = TEXT None "Request URI" => Reading;
    /// Not in Wireshark.
    "http.body.length" = U64 Decimal "Body length" => Reading;
    /// JSON, XML, text or bytes; not in Wireshark.
    "http.body.kind" = TEXT None "Body kind" => Reading;
    /// Parts of the message are missing; not in Wireshark.
    "http.cut" = BOOL None "Cut" => Reading;
}
