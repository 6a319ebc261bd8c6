//! Fields of TCP: the header, and what following the connection adds to it.

use std::borrow::Cow;

use super::asterisks;
use super::header::{Header, Take, checksum_number, take_text};
use crate::field::value::Value;
use crate::flow::{Direction, TcpState};
use crate::wire::{Payload, TcpFlags};

/// The control bits and those that are reserved.
fn bits(header: &Header<'_>) -> Option<u64> {
    header.number(12, 2).map(|word| word & 0xfff)
}

fn has(header: &Header<'_>, flag: TcpFlags) -> bool {
    header.segment().is_some_and(|segment| segment.flags.has(flag))
}

pub(in crate::field) fn stream<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(_), Some(flow)) = (header.segment(), header.view().flow) {
        take(Value::Unsigned(flow.stream.into()));
    }
}

pub(in crate::field) fn flow<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(_), Some(flow)) = (header.segment(), header.view().flow) {
        take(Value::Unsigned(flow.id.0));
    }
}

fn state<'a>(header: &Header<'a>, end: Direction, take: Take<'_, 'a>) {
    if let (Some(_), Some(states)) = (header.segment(), header.view().states) {
        let state: TcpState = states[end];
        take(Value::Text(Cow::Borrowed(state.name().as_bytes())));
    }
}

pub(in crate::field) fn client_state<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    state(header, Direction::ToServer, take);
}

pub(in crate::field) fn server_state<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    state(header, Direction::ToClient, take);
}

pub(in crate::field) fn completeness<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(facts) = header.facts() {
        take(Value::Unsigned(facts.completeness.into()));
    }
}

pub(in crate::field) fn length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(segment) = header.segment() {
        take(Value::Unsigned(segment.payload_length.into()));
    }
}

/// In what an error quotes, the number counts from nothing.
pub(in crate::field) fn seq<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    match (header.segment(), header.facts()) {
        (Some(segment), Some(facts)) => take(Value::Unsigned(segment.seq.0.wrapping_sub(facts.base).into())),
        _ => header.take_number(4, 4, take),
    }
}

pub(in crate::field) fn seq_raw<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(segment) = header.segment() {
        take(Value::Unsigned(segment.seq.0.into()));
    }
}

pub(in crate::field) fn next_seq<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(segment), Some(facts)) = (header.segment(), header.facts()) {
        // Both together count once in Wireshark.
        let extra = u32::from(segment.flags.any(TcpFlags::SYN.with(TcpFlags::FIN)));
        let end = segment.seq.0.wrapping_add(segment.payload_length).wrapping_add(extra);
        take(Value::Unsigned(end.wrapping_sub(facts.base).into()));
    }
}

pub(in crate::field) fn ack<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(segment), Some(facts)) = (header.segment(), header.facts()) {
        let base = if segment.flags.has(TcpFlags::ACK) { facts.peer_base } else { 0 };
        take(Value::Unsigned(segment.ack.0.wrapping_sub(base).into()));
    }
}

pub(in crate::field) fn ack_raw<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(segment) = header.segment() {
        take(Value::Unsigned(segment.ack.0.into()));
    }
}

pub(in crate::field) fn header_length<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(first) = header.number(12, 1) {
        take(Value::Unsigned((first >> 4) * 4));
    }
}

pub(in crate::field) fn flags<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(bits) = bits(header) {
        take(Value::Unsigned(bits));
    }
}

/// A letter for each bit, the reserved ones first.
pub(in crate::field) fn flags_text<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let Some(bits) = bits(header) else { return };
    let letters = "RRRACEUAPRSF".chars().enumerate();
    let text: String = letters.map(|(bit, letter)| if bits & (0x800 >> bit) != 0 { letter } else { '·' }).collect();
    take_text(&text, take);
}

pub(in crate::field) fn flag<'a, const BIT: u64>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(bits) = bits(header) {
        take(Value::Boolean(bits & BIT != 0));
    }
}

pub(in crate::field) fn reserved<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    flag::<0xe00>(header, take);
}

pub(in crate::field) fn window<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    header.take_number(14, 2, take);
}

pub(in crate::field) fn window_scaled<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(segment), Some(facts)) = (header.segment(), header.facts()) {
        let shift = if segment.flags.has(TcpFlags::SYN) { 0 } else { facts.scale.max(0) };
        take(Value::Unsigned(u64::from(segment.window) << shift));
    }
}

pub(in crate::field) fn scale<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let (Some(segment), Some(facts)) = (header.segment(), header.facts())
        && !segment.flags.has(TcpFlags::SYN)
    {
        take(Value::Signed(if facts.scale < 0 { facts.scale.into() } else { 1 << facts.scale }));
    }
}

pub(in crate::field) fn checksum<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    header.take_number(16, 2, take);
}

pub(in crate::field) fn checksum_status<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(segment) = header.segment() {
        take(Value::Unsigned(checksum_number(segment.checksum)));
    }
}

pub(in crate::field) fn urgent<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    header.take_number(18, 2, take);
}

pub(in crate::field) fn time_relative<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(facts) = header.facts() {
        take(Value::Duration(facts.since_first));
    }
}

pub(in crate::field) fn time_delta<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    if let Some(facts) = header.facts() {
        take(Value::Duration(facts.since_last));
    }
}

pub(in crate::field) fn payload<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let Payload::Tcp(segment) = header.view().packet.payload else { return };
    // Wireshark takes what a RST carries for its reason (RFC 9293, section 3.5.3), and not for a payload.
    if header.quoted || segment.payload.is_empty() || segment.flags.has(TcpFlags::RST) {
        return;
    }
    if header.row.extractor.redacted || header.facts().is_some_and(|facts| facts.hidden) {
        take(asterisks(segment.payload));
        return;
    }
    let frame = header.view().frame;
    let start = frame.place_of(segment.payload).offset.map_or(0, |offset| offset as usize);
    take(Value::Bytes(header.row.extractor.kept.without_secrets(frame.number, start, segment.payload)));
}

fn label(is: bool, take: Take<'_, '_>) {
    if is {
        take(Value::Label);
    }
}

pub(in crate::field) fn is_syn<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    label(has(header, TcpFlags::SYN) && !has(header, TcpFlags::ACK), take);
}

pub(in crate::field) fn is_syn_ack<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    label(has(header, TcpFlags::SYN.with(TcpFlags::ACK)), take);
}

pub(in crate::field) fn is_fin<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    label(has(header, TcpFlags::FIN), take);
}

pub(in crate::field) fn is_rst<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    label(has(header, TcpFlags::RST), take);
}

pub(in crate::field) fn fin_active<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let closes = header.facts().is_some_and(|facts| facts.closes);
    label(has(header, TcpFlags::FIN) && closes, take);
}

pub(in crate::field) fn fin_passive<'a>(header: &Header<'a>, take: Take<'_, 'a>) {
    let closes = header.facts().is_some_and(|facts| facts.closes);
    label(has(header, TcpFlags::FIN) && !closes, take);
}
