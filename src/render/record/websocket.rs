//! What a flow says of the WebSocket that carries it.

use serde::Serialize;

use super::value::Text;
use crate::dissect::{WebSocketFacts, WebSocketSide, close_code_name};

#[derive(Serialize)]
pub(super) struct WebSocketRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Text<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    query_present: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocols_offered: Option<&'a [Box<str>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions_offered: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    upgraded: bool,
    from_client: SideRecord<'a>,
    from_server: SideRecord<'a>,
}

#[derive(Serialize)]
struct SideRecord<'a> {
    binary_frames: u64,
    text_frames: u64,
    pings: u64,
    pongs: u64,
    #[serde(skip_serializing_if = "is_zero")]
    compressed_messages: u64,
    #[serde(skip_serializing_if = "is_zero")]
    compressed_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    inflated_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<CloseRecord<'a>>,
}

#[derive(Serialize)]
struct CloseRecord<'a> {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text<'a>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> WebSocketRecord<'a> {
    pub(super) fn new(facts: &'a WebSocketFacts) -> Self {
        Self {
            path: facts.path.as_deref().map(Text),
            query_present: facts.has_query,
            host: facts.host.as_deref().map(Text),
            origin: facts.origin.as_deref().map(Text),
            user_agent: facts.user_agent.as_deref().map(Text),
            server: facts.server.as_deref().map(Text),
            subprotocols_offered: facts.offered.as_deref(),
            subprotocol: facts.subprotocol.as_deref(),
            extensions_offered: facts.extensions_offered.as_deref(),
            extensions: facts.extensions.as_deref(),
            status: facts.status,
            upgraded: facts.upgraded,
            from_client: SideRecord::new(&facts.sides.to_server),
            from_server: SideRecord::new(&facts.sides.to_client),
        }
    }
}

impl<'a> SideRecord<'a> {
    fn new(side: &'a WebSocketSide) -> Self {
        Self {
            binary_frames: side.binary,
            text_frames: side.text,
            pings: side.pings,
            pongs: side.pongs,
            compressed_messages: side.deflated,
            compressed_bytes: side.deflated_bytes,
            inflated_bytes: side.inflated_bytes,
            close: side.close.as_ref().map(|close| CloseRecord {
                frame: close.origin.frame.0,
                code: close.code,
                meaning: close.code.and_then(close_code_name),
                reason: Some(&*close.reason).filter(|reason| !reason.is_empty()).map(Text),
            }),
        }
    }
}
