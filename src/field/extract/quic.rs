//! Fields of QUIC: of the headers of its packets, and of the frames in those that were opened.

use std::borrow::Cow;

use super::FrameRow;
use super::header::Take;
use crate::dissect::{QuicFrame, QuicPacketType, QuicSeen};
use crate::engine::CarrierLine;
use crate::field::value::Value;

/// The packets of a datagram.
fn packets<'a>(row: &'a FrameRow<'a>) -> impl Iterator<Item = &'a QuicSeen> {
    row.view.carried.iter().filter_map(|line| match line {
        CarrierLine::Quic(seen) => Some(&**seen),
        _ => None,
    })
}

/// What each packet has one of, if it has.
fn each<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>, value: impl Fn(&'a QuicSeen) -> Option<u64>) {
    packets(row).filter_map(value).map(Value::Unsigned).for_each(take);
}

/// What each frame has one of, if it has.
fn of_frames<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>, value: impl Fn(&'a QuicFrame) -> Option<u64>) {
    packets(row).flat_map(|seen| &seen.frames).filter_map(value).map(Value::Unsigned).for_each(take);
}

const fn is_long(seen: &QuicSeen) -> bool {
    seen.version.is_some()
}

/// Whether its header has what only versions have that are read.
const fn is_read(seen: &QuicSeen) -> bool {
    !matches!(seen.kind, QuicPacketType::VersionNegotiation | QuicPacketType::Unknown)
}

pub(in crate::field) fn is_there<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    // Its bytes are protected, and nothing for a filter: the first one of each packet.
    packets(row).map(|seen| Value::Bytes(Cow::Owned(vec![seen.first]))).for_each(take);
}

pub(in crate::field) fn packet_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| Some(seen.packet_length));
}

pub(in crate::field) fn header_form<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| Some(u64::from(seen.first >> 7)));
}

pub(in crate::field) fn fixed_bit<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    // What has no number to be protected is told without it.
    let has = |seen: &&QuicSeen| !matches!(seen.kind, QuicPacketType::VersionNegotiation | QuicPacketType::Retry);
    let bits = packets(row).filter(has).map(|seen| seen.first & 0x40 != 0);
    bits.map(Value::Boolean).for_each(take);
}

/// The number of the type in its long header.
fn type_number(seen: &QuicSeen) -> Option<u64> {
    (is_long(seen) && is_read(seen)).then_some(u64::from(seen.first >> 4 & 3))
}

/// Version 2 has a field of its own, for its numbers are others.
const fn is_version_2(seen: &QuicSeen) -> bool {
    matches!(seen.version, Some(0x6b33_43cf))
}

pub(in crate::field) fn packet_type<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| type_number(seen).filter(|_| !is_version_2(seen)));
}

pub(in crate::field) fn packet_type_v2<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| type_number(seen).filter(|_| is_version_2(seen)));
}

pub(in crate::field) fn version<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| seen.version.map(u64::from));
}

pub(in crate::field) fn supported_version<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let versions = packets(row).flat_map(|seen| &seen.versions);
    versions.map(|version| Value::Unsigned(u64::from(*version))).for_each(take);
}

pub(in crate::field) fn destination_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| is_long(seen).then_some(seen.destination.bytes().len() as u64));
}

pub(in crate::field) fn destination<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let ids = packets(row).map(|seen| seen.destination.bytes()).filter(|id| !id.is_empty());
    ids.map(|id| Value::Bytes(Cow::Borrowed(id))).for_each(take);
}

pub(in crate::field) fn source_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| is_long(seen).then_some(seen.source.bytes().len() as u64));
}

pub(in crate::field) fn source<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let ids = packets(row).map(|seen| seen.source.bytes()).filter(|id| !id.is_empty());
    ids.map(|id| Value::Bytes(Cow::Borrowed(id))).for_each(take);
}

pub(in crate::field) fn token_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| seen.token_length.filter(|_| seen.kind == QuicPacketType::Initial));
}

pub(in crate::field) fn length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| seen.length);
}

/// How many bytes the number has, less one; where the mask is off.
pub(in crate::field) fn number_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| seen.number.map(|_| u64::from(seen.first & 3)));
}

pub(in crate::field) fn number<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    each(row, take, |seen| seen.number);
}

pub(in crate::field) fn is_short<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    packets(row).filter(|seen| !is_long(seen)).map(|_| Value::Label).for_each(take);
}

pub(in crate::field) fn spin_bit<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let bits = packets(row).filter(|seen| !is_long(seen)).map(|seen| seen.first & 0x20 != 0);
    bits.map(Value::Boolean).for_each(take);
}

pub(in crate::field) fn key_phase<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    packets(row).filter_map(QuicSeen::key_phase).map(Value::Boolean).for_each(take);
}

pub(in crate::field) fn frame_type<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    of_frames(row, take, |frame| Some(frame.code()));
}

pub(in crate::field) fn padding_length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    of_frames(row, take, |frame| match frame {
        QuicFrame::Padding(length) => Some(u64::from(*length)),
        _ => None,
    });
}

/// Functions that tell one number of one kind of frame.
macro_rules! numbers {
    ($($name:ident: $pattern:pat => $value:expr;)*) => {$(
        pub(in crate::field) fn $name<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
            of_frames(row, take, |frame| match frame {
                $pattern => Some($value),
                _ => None,
            });
        }
    )*};
}

numbers! {
    ack_largest: QuicFrame::Ack { largest, .. } => *largest;
    ack_delay: QuicFrame::Ack { delay, .. } => *delay;
    ack_ranges: QuicFrame::Ack { ranges, .. } => *ranges;
    ack_first: QuicFrame::Ack { first, .. } => *first;
    ack_ect0: QuicFrame::Ack { marks: Some([count, ..]), .. } => *count;
    ack_ect1: QuicFrame::Ack { marks: Some([_, count, _]), .. } => *count;
    ack_ce: QuicFrame::Ack { marks: Some([.., count]), .. } => *count;
    reset_stream: QuicFrame::ResetStream { id, .. } => *id;
    reset_code: QuicFrame::ResetStream { code, .. } => *code;
    reset_size: QuicFrame::ResetStream { size, .. } => *size;
    stop_stream: QuicFrame::StopSending { id, .. } => *id;
    stop_code: QuicFrame::StopSending { code, .. } => *code;
    crypto_offset: QuicFrame::Crypto { offset, .. } => *offset;
    crypto_length: QuicFrame::Crypto { data, .. } => data.len() as u64;
    new_token_length: QuicFrame::NewToken(length) => u64::from(*length);
    stream_id: QuicFrame::Stream { id, .. } => *id;
    // What is not there is zero, and not told.
    stream_offset: QuicFrame::Stream { kind: 0x0c..=0x0f, offset, .. } => *offset;
    stream_length: QuicFrame::Stream { kind: 0x0a | 0x0b | 0x0e | 0x0f, data, .. } => data.len() as u64;
    max_data: QuicFrame::MaxData(limit) => *limit;
    max_stream_data_stream: QuicFrame::MaxStreamData(id, _) => *id;
    max_stream_data: QuicFrame::MaxStreamData(_, limit) => *limit;
    max_streams: QuicFrame::MaxStreams(_, limit) => *limit;
    data_limit: QuicFrame::DataBlocked(limit) => *limit;
    stream_data_limit_stream: QuicFrame::StreamDataBlocked(id, _) => *id;
    stream_limit: QuicFrame::StreamsBlocked(_, limit) => *limit;
    new_id_sequence: QuicFrame::NewConnectionId { sequence, .. } => *sequence;
    new_id_retires: QuicFrame::NewConnectionId { retire_prior_to, .. } => *retire_prior_to;
    new_id_length: QuicFrame::NewConnectionId { id, .. } => id.bytes().len() as u64;
    retired_sequence: QuicFrame::RetireConnectionId(sequence) => *sequence;
    close_code: QuicFrame::Close { frame_type: Some(_), code, .. } => *code;
    close_alert: QuicFrame::Close { frame_type: Some(_), code: code @ 0x100..=0x1ff, .. } => *code & 0xff;
    close_app_code: QuicFrame::Close { frame_type: None, code, .. } => *code;
    close_frame_type: QuicFrame::Close { frame_type: Some(kind), .. } => *kind;
    close_reason_length: QuicFrame::Close { reason, .. } => reason.len() as u64;
    datagram_length: QuicFrame::Datagram { kind: 0x31, length } => u64::from(*length);
}

pub(in crate::field) fn stream_fin<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let frames = packets(row).flat_map(|seen| &seen.frames);
    let bits = frames.filter_map(|frame| match frame {
        QuicFrame::Stream { kind, .. } => Some(kind & 1 != 0),
        _ => None,
    });
    bits.map(Value::Boolean).for_each(take);
}

pub(in crate::field) fn new_id<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let frames = packets(row).flat_map(|seen| &seen.frames);
    let ids = frames.filter_map(|frame| match frame {
        QuicFrame::NewConnectionId { id, .. } => Some(id.bytes()),
        _ => None,
    });
    ids.map(|id| Value::Bytes(Cow::Borrowed(id))).for_each(take);
}

/// The eight bytes of a challenge, or of the answer to one.
fn path_data<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>, of: impl Fn(&'a QuicFrame) -> Option<&'a [u8; 8]>) {
    let data = packets(row).flat_map(|seen| &seen.frames).filter_map(of);
    data.map(|data| Value::Bytes(Cow::Borrowed(data))).for_each(take);
}

pub(in crate::field) fn path_challenge<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    path_data(row, take, |frame| match frame {
        QuicFrame::PathChallenge(data) => Some(data),
        _ => None,
    });
}

pub(in crate::field) fn path_response<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    path_data(row, take, |frame| match frame {
        QuicFrame::PathResponse(data) => Some(data),
        _ => None,
    });
}

pub(in crate::field) fn close_reason<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let reasons = packets(row).filter_map(|seen| seen.reason.as_deref()).filter(|reason| !reason.is_empty());
    reasons.map(|reason| Value::Text(Cow::Borrowed(reason))).for_each(take);
}
