//! Packets of QUIC in a line, in the way of Wireshark's list of packets.

use std::fmt::{self, Write};

use crate::dissect::{QuicFrame, QuicPacketType, QuicSeen, quic_error_name};
use crate::engine::CarrierLine;
use crate::text::Escaped;

/// The most frames that are named of a packet.
const NAMED: usize = 24;

/// Writes what the packets of a datagram say; says whether there are any.
pub(super) fn write_packets(out: &mut impl Write, carried: &[CarrierLine]) -> Result<bool, fmt::Error> {
    let mut any = false;
    for line in carried {
        let CarrierLine::Quic(seen) = line else { continue };
        if any {
            out.write_str("; ")?;
        }
        any = true;
        packet(out, seen)?;
    }
    Ok(any)
}

/// What kind of packet it is, for an arrow of the ladder.
pub(super) fn packet_title(seen: &QuicSeen) -> &'static str {
    match seen.kind {
        _ if seen.is_reset => "Stateless Reset",
        // Wireshark has a longer name for it.
        QuicPacketType::OneRtt => "1-RTT",
        kind => kind.title(),
    }
}

/// What is in a packet, beside its kind and its ids; nothing where it could not be opened.
pub(super) fn packet_text(seen: &QuicSeen) -> String {
    let mut text = String::new();
    // Writing to memory can't fail.
    if let Some(number) = seen.number.filter(|_| !seen.frames.is_empty()) {
        let _ = write!(text, "packet {number}");
        let _ = frames(&mut text, seen);
    }
    for version in &seen.versions {
        let _ = write!(text, "{}0x{version:08x}", if text.is_empty() { "" } else { ", " });
    }
    text
}

fn packet(out: &mut impl Write, seen: &QuicSeen) -> fmt::Result {
    if seen.is_reset {
        return out.write_str("Stateless Reset");
    }
    out.write_str(seen.kind.title())?;
    if let Some(phase) = seen.key_phase() {
        write!(out, " (KP{})", u8::from(phase))?;
    }
    if !seen.destination.is_empty() {
        write!(out, ", DCID={}", seen.destination)?;
    }
    if !seen.source.is_empty() {
        write!(out, ", SCID={}", seen.source)?;
    }
    if let Some(number) = seen.number {
        write!(out, ", PKN: {number}")?;
    }
    for version in &seen.versions {
        write!(out, ", 0x{version:08x}")?;
    }
    if let (QuicPacketType::Unknown, Some(version)) = (seen.kind, seen.version) {
        write!(out, ", 0x{version:08x}")?;
    }
    frames(out, seen)
}

/// The frames of a packet, each behind a comma.
fn frames(out: &mut impl Write, seen: &QuicSeen) -> fmt::Result {
    for frame in seen.frames.iter().take(NAMED) {
        write!(out, ", {}", frame.title())?;
        match frame {
            QuicFrame::Stream { id, .. } => write!(out, "({id})")?,
            QuicFrame::Close { code, frame_type, .. } => {
                match frame_type.and_then(|_| quic_error_name(*code)) {
                    Some(name) => write!(out, " {name}")?,
                    None => write!(out, " {code}")?,
                }
                if let Some(reason) = seen.reason.as_deref().filter(|reason| !reason.is_empty()) {
                    out.write_str(" \"")?;
                    Escaped(reason).write(out)?;
                    out.write_char('"')?;
                }
            }
            _ => {}
        }
    }
    if seen.frames.len() > NAMED {
        write!(out, ", … ({} frames)", seen.frames.len())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ConnectionId;

    #[test]
    fn a_line_names_ids_numbers_and_frames_and_harms_no_terminal() {
        let id = |bytes: &[u8]| ConnectionId::new(bytes).expect("an id");
        let seen = QuicSeen {
            kind: QuicPacketType::OneRtt,
            first: 0x44,
            version: None,
            destination: id(&[0xab, 0xcd]),
            source: ConnectionId::default(),
            token_length: None,
            length: None,
            packet_length: 40,
            number: Some(7),
            frames: vec![
                QuicFrame::Stream { kind: 8, id: 4, offset: 0, data: 0..3 },
                QuicFrame::Close { frame_type: Some(0), code: 0x0a, reason: 0..4 },
            ],
            reason: Some(Box::from(&b"a\x1b[b"[..])),
            versions: Vec::new(),
            is_reset: false,
        };
        let mut out = String::new();
        let lines = [
            CarrierLine::Quic(Box::new(seen.clone())),
            CarrierLine::Quic(Box::new(QuicSeen { is_reset: true, ..seen })),
        ];
        assert_eq!(write_packets(&mut out, &lines), Ok(true));
        let close = "CC PROTOCOL_VIOLATION \"a\\u{1b}[b\"";
        assert_eq!(out, format!("Protected Payload (KP1), DCID=abcd, PKN: 7, STREAM(4), {close}; Stateless Reset"));
        assert_eq!(write_packets(&mut out, &[]), Ok(false));
    }
}
