//! Frames of every link type, through the decoder.

use mqttsniff::capture::{Batch, FrameHeader, LinkType};
use mqttsniff::time::{Span, Timestamp};
use mqttsniff::wire::{Decoder, FragmentLimits, Payload, Trace, info};

use crate::people::see;
use crate::script::Script;

const LINKS: [u16; 18] = [1, 1, 1, 0, 9, 50, 51, 101, 101, 105, 108, 113, 127, 228, 229, 231, 239, 276];

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let choices = script.byte();
    let limits = FragmentLimits { datagrams: 3, bytes: 1 << 14 };
    let mut decoders = [Decoder::new(limits), Decoder::new(limits)];
    let mut trace = Trace::default();
    let mut time = Timestamp::from_secs_nanos(1_700_000_000, 0);
    let mut batch = Batch::new();
    while !script.is_over() {
        // Several frames, each with its length: fragments are only met by others.
        let link = LinkType(if choices & 1 == 0 { script.pick(&LINKS) } else { script.word() });
        let (length, lacks) = (script.word() % 1600, script.byte());
        let data = script.bytes(length.into());
        let cut = if lacks < 200 { 0 } else { u32::from(lacks - 199) * 8 };
        time = time + Span::from_millis(i64::from(lacks) * 100);
        let fcs_length = if choices & 2 == 0 { 0 } else { 4 };
        let header = FrameHeader { time, link, length: data.len() as u32 + cut, interface: 0, fcs_length };
        batch.push(header, data);
    }
    for frame in batch.frames() {
        let [plain, traced] = &mut decoders;
        plain.verify_checksums(choices & 4 == 0);
        traced.verify_checksums(choices & 4 == 0);
        let one = plain.decode(&frame);
        let other = traced.decode_traced(&frame, &mut trace);
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "it makes no difference whether places are noted");
        let payload = match &one.payload {
            Payload::Tcp(segment) => {
                assert!(segment.payload.len() as u64 <= u64::from(segment.payload_length), "{segment:?}");
                segment.options.iter().for_each(drop);
                segment.payload
            }
            Payload::Udp(datagram) => datagram.payload,
            _ => &[],
        };
        assert!(payload.len() <= 1 << 16, "no packet is longer");
        see(info(&one).as_bytes());
    }
    let held = decoders[0].fragments();
    assert!(held.waiting <= 3 && held.waiting_bytes <= 1 << 14, "{held:?}");
}
