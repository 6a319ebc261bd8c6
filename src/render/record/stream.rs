//! The `stream` record: a part of one direction's stream, in its order.

use serde::Serialize;

use super::value::{Base64, Text, Time};
use crate::capture::Origin;
use crate::engine::{FlowRef, StreamPart};
use crate::flow::Direction;

#[derive(Serialize)]
pub(in crate::render) struct StreamRecord<'a> {
    record: &'static str,
    flow: u64,
    frame: u64,
    time: Time,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_bytes: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missing_unknown: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    handshake: bool,
}

/// Text where it is one without control characters but white space, else bytes.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Text(Text<'a>),
    Bytes(Base64<'a>),
}

impl<'a> Data<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let is_text = std::str::from_utf8(bytes)
            .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
        if is_text { Self::Text(Text(bytes)) } else { Self::Bytes(Base64(bytes)) }
    }
}

impl<'a> StreamRecord<'a> {
    pub(in crate::render) fn new(flow: FlowRef, direction: Direction, part: StreamPart<'a>, origin: Origin) -> Self {
        let (data, missing_bytes) = match part {
            StreamPart::Bytes(bytes) | StreamPart::Head(bytes) => (Some(Data::of(bytes)), None),
            StreamPart::Gap(length) => (None, Some(length)),
            StreamPart::Lost => (None, None),
        };
        Self {
            record: "stream",
            flow: flow.id.0,
            frame: origin.frame.0,
            time: Time(origin.time),
            from: direction.sender().name(),
            data,
            missing_bytes,
            missing_unknown: matches!(part, StreamPart::Lost),
            handshake: matches!(part, StreamPart::Head(_)),
        }
    }
}
