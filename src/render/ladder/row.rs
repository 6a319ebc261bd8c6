//! One frame of the flow, as far as the ladder tells it: the segment, and what there is to say of it in words.

use std::fmt::Write as _;

use crate::dissect::Protocol;
use crate::engine::{CarrierLine, PacketView};
use crate::flow::{Direction, PerDirection, Verdict};
use crate::neighbour::Neighbour;
use crate::render::quic::{packet_text, packet_title};
use crate::render::width::Duration;
use crate::text::Escaped;
use crate::time::{Span, Timestamp};
use crate::wire::{Payload, Segment, SeqNum, TcpFlags};

/// Columns of a note that are kept: more than two lines of a wide terminal say less, not more.
pub(super) const NOTE_COLUMNS: usize = 240;

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteKind {
    /// Something went wrong or another way than it should.
    Odd,
    /// Something worth knowing.
    Plain,
    /// A message of the application.
    Message,
}

/// Something to be said of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) kind: NoteKind,
    pub(super) text: String,
}

/// A frame.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) frame: u64,
    pub(super) time: Timestamp,
    pub(super) direction: Direction,
    pub(super) sent: Sent,
    pub(super) length: u32,
    pub(super) notes: Vec<Note>,
}

/// What a frame holds.
#[derive(Debug, Clone)]
pub(super) enum Sent {
    /// A segment of TCP.
    Segment { flags: TcpFlags, seq: u32, ack: Option<u32>, window: u64 },
    /// A datagram: what it is in a word or two, and shorter.
    Datagram { label: String, short: &'static str },
}

impl Sent {
    /// What stands at the arrow, and what does where there is little room.
    pub(super) fn labels(&self) -> (String, String) {
        match self {
            Self::Segment { flags, .. } => (flag_names(*flags), flag_letters(*flags)),
            Self::Datagram { label, short } => (label.clone(), (*short).to_owned()),
        }
    }

    /// The control bits of a segment.
    pub(super) fn flags(&self) -> TcpFlags {
        match self {
            Self::Segment { flags, .. } => *flags,
            Self::Datagram { .. } => TcpFlags::default(),
        }
    }
}

/// What has to be remembered from one segment to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    duplicate_acks: PerDirection<(Option<u32>, u32)>,
}

impl Row {
    /// The row of a frame; `None` where it holds no TCP segment that could be followed, and no datagram.
    pub(super) fn new(view: &PacketView<'_>, memory: &mut Memory, mut messages: Vec<Note>) -> Option<Self> {
        let direction = view.direction?;
        let (sent, length, mut notes) = match (&view.packet.payload, view.verdict) {
            (Payload::Tcp(segment), Some(verdict)) => {
                let sent = Sent::Segment {
                    flags: segment.flags,
                    seq: verdict.relative_seq,
                    ack: verdict.relative_ack,
                    window: verdict.window,
                };
                (sent, segment.payload_length, notes(segment, direction, verdict, memory))
            }
            (Payload::Udp(datagram), _) => {
                let label = datagram_label(view);
                let short = view.brought().last().map_or("UDP", protocol_short);
                // What is a word and no more has been said by the arrow.
                messages.retain(|note| note.text != label);
                (Sent::Datagram { label, short }, datagram.payload_length, quic_notes(view))
            }
            _ => return None,
        };
        notes.extend(messages);
        for comment in view.comments {
            let text = format!("comment: {}", Escaped(comment.as_bytes()));
            notes.push(Note { kind: NoteKind::Plain, text: crate::render::width::fit(&text, NOTE_COLUMNS) });
        }
        Some(Self { frame: view.frame.number.0, time: view.frame.header.time, direction, sent, length, notes })
    }
}

/// What a datagram is, for its arrow: its messages, the packets of QUIC in it, or its protocol.
fn datagram_label(view: &PacketView<'_>) -> String {
    let packets = view.carried.iter().filter_map(|line| match line {
        CarrierLine::Quic(seen) => Some(packet_title(seen)),
        _ => None,
    });
    let names: Vec<&str> = packets.chain(view.messages.iter().map(|message| message.name)).collect();
    if names.is_empty() {
        return view.brought().last().map_or("UDP", protocol_short).to_owned();
    }
    let mut label: Vec<&str> = Vec::new();
    for name in names {
        if !label.contains(&name) {
            label.push(name);
        }
    }
    label.join(", ")
}

/// What is inside the packets of QUIC of a datagram, in a line.
fn quic_notes(view: &PacketView<'_>) -> Vec<Note> {
    let packets = view.carried.iter().filter_map(|line| match line {
        CarrierLine::Quic(seen) => Some(packet_text(seen)),
        _ => None,
    });
    let texts: Vec<_> = packets.filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return Vec::new();
    }
    let text = crate::render::width::fit(&texts.join("; "), NOTE_COLUMNS);
    vec![Note { kind: NoteKind::Plain, text }]
}

/// A protocol in few letters.
const fn protocol_short(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::MqttSn => "MQTT-SN",
        Protocol::Mqtt => "MQTT",
        Protocol::Quic => "QUIC",
        Protocol::Neighbour(Neighbour::Ntp) => "NTP",
        Protocol::Neighbour(Neighbour::Dns) => "DNS",
        Protocol::Neighbour(Neighbour::Mdns) => "mDNS",
        Protocol::Neighbour(Neighbour::Llmnr) => "LLMNR",
        Protocol::Neighbour(Neighbour::Dhcp) => "DHCP",
        Protocol::Neighbour(Neighbour::Tftp) => "TFTP",
        Protocol::Neighbour(Neighbour::Coap) => "CoAP",
        // The others come in no datagrams.
        _ => "UDP",
    }
}

/// What following the connection says of a segment, in words.
fn notes(segment: &Segment<'_>, direction: Direction, verdict: &Verdict, memory: &mut Memory) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |kind, text: String| notes.push(Note { kind, text });
    let marks = verdict.marks;
    if let Some(again) = verdict.retransmission {
        let mut text = format!("sent again: {}", plain(again.kind.name()));
        if let Some(step) = again.back_off.filter(|step| *step > 1) {
            let _ = write!(text, ", the {} in a row", ordinal(step));
        }
        if let Some(after) = again.after.filter(|after| *after > Span::ZERO) {
            let _ = write!(text, ", {} after the last time", Duration(after));
        }
        let _ = write!(text, " (known by {})", evidence(again.evidence.name()));
        if again.spurious {
            text.push_str("; in vain, it had arrived");
        }
        say(NoteKind::Odd, text);
    }
    for name in marks.names() {
        match name {
            "retransmission" if verdict.retransmission.is_some() => {}
            "duplicate_ack" => {
                let (number, count) = &mut memory.duplicate_acks[direction];
                *count = if *number == verdict.relative_ack { *count + 1 } else { 1 };
                *number = verdict.relative_ack;
                say(NoteKind::Odd, format!("duplicate ACK #{count}"));
            }
            "window_update" => say(NoteKind::Plain, format!("window opens to {}", verdict.window)),
            // The blocks below tell it.
            "dsack" => {}
            name => {
                let (kind, text) = words(name);
                say(kind, text);
            }
        }
    }
    if let (Some(sack), Some(ack)) = (segment.options.sack(), verdict.relative_ack) {
        let block = |&(left, right): &(SeqNum, SeqNum)| {
            let place = |edge: SeqNum| i64::from(ack) + i64::from(edge.distance(segment.ack));
            format!("{}–{}", place(left), place(right))
        };
        let mut blocks = sack.as_slice().iter();
        if marks.names().any(|name| name == "dsack")
            && let Some(twice) = blocks.next()
        {
            say(NoteKind::Odd, format!("DSACK {}: arrived twice", block(twice)));
        }
        let blocks: Vec<_> = blocks.map(block).collect();
        if !blocks.is_empty() {
            say(NoteKind::Plain, format!("SACK {}", blocks.join(", ")));
        }
    }
    notes
}

/// `2nd`, `11th`, `23rd`.
fn ordinal(number: u8) -> String {
    let ending = match (number % 10, number % 100) {
        (1..=3, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// A mark in words, and whether it tells of trouble. One without words of its own is told by its name.
fn words(name: &str) -> (NoteKind, String) {
    let odd = |text: &str| (NoteKind::Odd, text.to_owned());
    let fine = |text: &str| (NoteKind::Plain, text.to_owned());
    match name {
        "retransmission" => odd("sent again"),
        "retransmission_of_unseen" => odd("sent again; the first copy was not captured"),
        "out_of_order" => odd("out of order: it left before what came ahead of it"),
        "duplicated_by_network" => odd("a copy that the network made"),
        "lost_segment" => odd("something before it was not captured"),
        "ack_lost_segment" => odd("acknowledges what was not captured"),
        "keep_alive" => fine("keep-alive of TCP"),
        "keep_alive_ack" => fine("answers the keep-alive"),
        "zero_window" => odd("zero window: the peer has to wait"),
        "zero_window_probe" => odd("probes the closed window"),
        "zero_window_probe_ack" => odd("answers the probe: still closed"),
        "window_full" => odd("fills the window to its last byte"),
        "reused_ports" => fine("a new connection on ports that were used before"),
        "bad_checksum" => odd("wrong checksum: counts as not arrived"),
        "out_of_window" => odd("outside the window: moves nothing"),
        "reset_challenged" => {
            odd("inside the window, but not where it is expected: resets nothing, asks for a challenge")
        }
        "challenge_ack" => fine("challenges what may not be its peer's (RFC 5961)"),
        "syn_inside_connection" => odd("a SYN inside a live connection"),
        "unexpected" => odd("unexpected: RFC 9293 has no arrow for it"),
        "tfo_syn" => fine("data in the SYN (Fast Open)"),
        other => odd(&plain(other)),
    }
}

fn evidence(name: &str) -> String {
    match name {
        "ip_id" => "the IP identification".to_owned(),
        "timestamp" => "its timestamp".to_owned(),
        "sack" => "SACK".to_owned(),
        "duplicate_acks" => "duplicate ACKs".to_owned(),
        "icmp" => "ICMP".to_owned(),
        "sequence" => "its sequence number".to_owned(),
        "recovery" => "the recovery it belongs to".to_owned(),
        "timing" => "its time".to_owned(),
        other => plain(other),
    }
}

/// A name of the output as words.
pub(super) fn plain(name: &str) -> String {
    name.replace('_', " ")
}

/// The names of the control bits as people write them: `SYN, ACK`.
pub(super) fn flag_names(flags: TcpFlags) -> String {
    if flags == TcpFlags::default() {
        return "no flags".to_owned();
    }
    // ACK stands in nearly every segment; what distinguishes it comes first.
    let mut names: Vec<_> = flags.names().filter(|name| *name != "ACK").collect();
    if flags.has(TcpFlags::ACK) {
        names.push("ACK");
    }
    names.join(", ")
}

/// The control bits by their first letters, for narrow terminals: `SA`.
pub(super) fn flag_letters(flags: TcpFlags) -> String {
    flags.names().filter_map(|name| name.chars().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Evidence, Marks, Retransmission, RetransmissionKind};

    #[test]
    fn flags_are_named_with_ack_last() {
        let flags = |bits| flag_names(TcpFlags(bits));
        assert_eq!(flags(0x12), "SYN, ACK");
        assert_eq!(flags(0x19), "FIN, PSH, ACK");
        assert_eq!(flags(0), "no flags");
        assert_eq!(flag_letters(TcpFlags(0x12)), "SA");
    }

    #[test]
    fn every_mark_has_words() {
        let mut all = Marks::default();
        for bit in [Marks::OUT_OF_ORDER, Marks::ZERO_WINDOW, Marks::UNEXPECTED] {
            all.add(bit);
        }
        assert!(all.names().all(|name| !words(name).1.contains('_')));
    }

    #[test]
    fn what_was_sent_again_says_why_when_and_by_which_evidence() {
        let mut marks = Marks::default();
        marks.add(Marks::RETRANSMISSION);
        let verdict = Verdict {
            marks,
            retransmission: Some(Retransmission {
                kind: RetransmissionKind::Timeout,
                evidence: Evidence::Timing,
                spurious: true,
                after: Some(Span::from_millis(204)),
                back_off: Some(2),
            }),
            ..Verdict::default()
        };
        let segment = segment(&[]);
        let told = notes(&segment, Direction::ToServer, &verdict, &mut Memory::default());
        let texts: Vec<_> = told.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "sent again: timeout, the 2nd in a row, 204.0 ms after the last time (known by its time); in vain, it had arrived"
            ]
        );
    }

    #[test]
    fn duplicate_acknowledgements_are_counted_and_sack_blocks_are_relative() {
        let option = [1, 1, 5, 10, 0, 0, 0, 150, 0, 0, 0, 200];
        let segment = segment(&option);
        let mut marks = Marks::default();
        marks.add(Marks::DUPLICATE_ACK);
        let verdict = Verdict { marks, relative_ack: Some(1), ..Verdict::default() };
        let mut memory = Memory::default();
        let _ = notes(&segment, Direction::ToClient, &verdict, &mut memory);
        let told = notes(&segment, Direction::ToClient, &verdict, &mut memory);
        assert_eq!(told[0].text, "duplicate ACK #2");
        assert_eq!(told[1].text, "SACK 51–101");
    }

    fn segment(options: &[u8]) -> Segment<'_> {
        Segment {
            source: 1,
            destination: 2,
            seq: SeqNum(7),
            ack: SeqNum(100),
            flags: TcpFlags::ACK,
            window: 10,
            urgent: 0,
            checksum_field: 0,
            checksum: crate::wire::Checksum::Unknown,
            header_length: 20,
            options: crate::wire::TcpOptions(options),
            payload: &[],
            payload_length: 0,
        }
    }
}
