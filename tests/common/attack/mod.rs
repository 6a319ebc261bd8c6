//! Hostile traffic of any size, made by seed: what somebody sends who wants an analyzer to fall over.
//!
//! Each attack writes a capture file as a stream and keeps next to nothing itself, so that many millions of packets can go
//! through a pipe. The same attack, number and seed give the same bytes.

mod wire;

use std::io::{self, Write};

use wire::{
    ACK, FIN, PSH, RST, SERVER, SYN, Wire, checksum, client, connect, packet, publish, segment, text, variable,
};

/// An attack: its name, what it does, and how.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    play: fn(&mut Wire<'_>, u64) -> io::Result<()>,
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "syn-flood", what: "a SYN of another client in each packet", play: syn_flood },
    Attack { name: "half-open", what: "connections that are answered and never opened", play: half_open },
    Attack { name: "ack-flood", what: "an ACK of a connection never seen in each packet", play: ack_flood },
    Attack { name: "reopen", what: "the same ports over and over: SYN, RST", play: reopen },
    Attack { name: "collisions", what: "ends that a hash without a seed throws together", play: collisions },
    Attack { name: "udp-flood", what: "a datagram of another client in each packet", play: udp_flood },
    Attack { name: "tiny-fragments", what: "TCP in fragments of eight bytes", play: tiny_fragments },
    Attack { name: "overlapping-fragments", what: "fragments that contradict each other", play: overlapping_fragments },
    Attack { name: "lone-fragments", what: "beginnings of datagrams that never end", play: lone_fragments },
    Attack { name: "nested-tunnels", what: "IP in IP in IP, as deep as a frame is long", play: nested_tunnels },
    Attack {
        name: "overlapping-segments",
        what: "segments over each other, with other content",
        play: overlapping_segments,
    },
    Attack { name: "holes", what: "every second byte of a stream", play: holes },
    Attack { name: "holes-backwards", what: "the same from the end", play: holes_backwards },
    Attack { name: "out-of-window", what: "segments far away from their stream", play: out_of_window },
    Attack { name: "one-byte-segments", what: "MQTT in segments of one byte", play: one_byte_segments },
    Attack { name: "giant-lengths", what: "thousands of flows that announce 256 MB each", play: giant_lengths },
    Attack { name: "garbage", what: "noise on the port of MQTT, each time on a new connection", play: garbage },
    Attack { name: "empty-properties", what: "PUBLISH with 100,000 empty user properties", play: empty_properties },
    Attack {
        name: "user-properties",
        what: "PUBLISH with 10,000 user properties, each another",
        play: user_properties,
    },
    Attack {
        name: "property-bomb",
        what: "PUBLISH with 20,000 times a property that may stand once",
        play: property_bomb,
    },
    Attack {
        name: "subscribe-bomb",
        what: "SUBSCRIBE with 10,000 filters, and messages for them",
        play: subscribe_bomb,
    },
    Attack { name: "wildcards", what: "filters of all patterns of +, and messages that all match", play: wildcards },
    Attack { name: "deflated", what: "windows to inflate messages, of ever more WebSockets", play: deflated },
    Attack { name: "tls-records", what: "records of TLS without their end, of ever more clients", play: tls_records },
    Attack { name: "topic-explosion", what: "a new topic in each message", play: topic_explosion },
    Attack { name: "topic-levels", what: "topics and filters of 30,000 levels", play: topic_levels },
    Attack { name: "retained", what: "a retained message on another topic each time", play: retained },
    Attack { name: "aliases", what: "65,535 topic aliases, of long topics, on each connection", play: aliases },
    Attack { name: "unacknowledged", what: "messages of QoS 2 that nobody acknowledges", play: unacknowledged },
    Attack {
        name: "unacknowledged-by-many",
        what: "messages of QoS 1 of ever more clients, and late answers",
        play: unacknowledged_by_many,
    },
    Attack {
        name: "filters-of-many",
        what: "short filters by the thousand, of ever more clients",
        play: filters_of_many,
    },
    Attack { name: "acknowledgements", what: "acknowledgements of messages that nobody sent", play: acknowledgements },
    Attack { name: "clients", what: "another client with a will of 16 kB each time, which breaks off", play: clients },
    Attack { name: "take-over", what: "the same client identifier on each connection, none closed", play: take_over },
    Attack { name: "escapes", what: "escape sequences of terminals wherever text may stand", play: escapes },
];

/// Writes the capture of an attack, of about this many packets, so many microseconds apart: where that is 0, no time passes.
pub(crate) fn write(attack: &Attack, packets: u64, step_us: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut wire = Wire::begin(out, step_us)?;
    (attack.play)(&mut wire, packets)?;
    Ok(wire.written)
}

fn syn_flood(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    for number in 0..packets {
        let sequence = wire.any() as u32;
        wire.tcp(client(number), SERVER, SYN, (sequence, 0), &[])?;
    }
    Ok(())
}

fn half_open(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    for number in 0..packets / 2 {
        wire.tcp(client(number), SERVER, SYN, (7, 0), &[])?;
        wire.tcp(SERVER, client(number), SYN | ACK, (9, 8), &[])?;
    }
    Ok(())
}

fn ack_flood(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    for number in 0..packets {
        let numbers = wire.any();
        wire.tcp(client(number), SERVER, ACK, (numbers as u32, (numbers >> 32) as u32), &[])?;
    }
    Ok(())
}

fn reopen(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    for number in 0..packets / 2 {
        let sequence = (number as u32).wrapping_mul(100_000);
        wire.tcp(client(0), SERVER, SYN, (sequence, 0), &[])?;
        wire.tcp(SERVER, client(0), RST | ACK, (0, sequence.wrapping_add(1)), &[])?;
    }
    Ok(())
}

fn collisions(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    // Whatever adds or xors the words of both ends without a seed finds all of these in one place: what goes up in one
    // address goes down in the other, and so with the ports.
    for number in 0..packets {
        let (low, high) = (number as u16, (number >> 16) as u8);
        let from = ([198, 18, high, 0], low);
        let to = ([198, 18, !high, 255], !low);
        wire.tcp(from, to, SYN, (0, 0), &[])?;
    }
    Ok(())
}

fn udp_flood(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    for number in 0..packets {
        let from = client(number);
        let datagram = [from.1.to_be_bytes(), 53_u16.to_be_bytes(), [0, 12], [0, 0], [1, 2], [3, 4]].concat();
        wire.ip([from.0, SERVER.0], 17, 0x4000, &datagram)?;
    }
    Ok(())
}

fn tiny_fragments(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.open(client(0))?;
    let mut at = 1;
    let message = publish(0x30, b"tiny", &[], None, &[b'x'; 1000]);
    while wire.written < packets {
        wire.id = wire.id.wrapping_add(1);
        let whole = segment(client(0), SERVER, PSH | ACK, (at, 1), &message);
        at = at.wrapping_add(message.len() as u32);
        let last = whole.len().div_ceil(8) - 1;
        for (number, piece) in whole.chunks(8).enumerate() {
            let more = if number == last { 0 } else { 0x2000 };
            wire.ip([client(0).0, SERVER.0], 6, number as u16 | more, piece)?;
        }
    }
    Ok(())
}

fn overlapping_fragments(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    while wire.written < packets {
        wire.id = wire.id.wrapping_add(1);
        for _ in 0..1000.min(packets - wire.written.min(packets)) {
            let chance = wire.any();
            let (at, length) = (chance as u16 % 8000, 8 + (chance >> 16) as usize % 180 / 8 * 8);
            wire.ip([client(0).0, SERVER.0], 6, 0x2000 | at, &[chance as u8; 200][..length])?;
        }
    }
    Ok(())
}

fn lone_fragments(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    for number in 0..packets {
        wire.id = wire.id.wrapping_add(1);
        wire.ip([client(number * 40_000).0, SERVER.0], 17, 0x2000 | (number as u16 & 0xff), &[0; 1400])?;
    }
    Ok(())
}

fn nested_tunnels(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut inner = segment(client(0), SERVER, SYN, (0, 0), &[]);
    while inner.len() < 60_000 {
        let protocol = if inner.len() < 100 { 6 } else { 4 };
        let mut header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 198, 18, 0, 0, 198, 19, 0, 1];
        header[2..4].copy_from_slice(&(20 + inner.len() as u16).to_be_bytes());
        let checksum = checksum(&[&header]);
        header[10..12].copy_from_slice(&checksum);
        inner.splice(0..0, header);
    }
    for number in 0..packets {
        wire.ip([client(number).0, SERVER.0], 4, 0x4000, &inner)?;
    }
    Ok(())
}

fn overlapping_segments(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.open(client(0))?;
    while wire.written < packets {
        // The first byte never comes, so that all of it waits.
        let chance = wire.any();
        let (at, length) = (2 + chance as u32 % 1_000_000, 1 + (chance >> 32) as usize % 1000);
        wire.tcp(client(0), SERVER, PSH | ACK, (at, 1), &vec![chance as u8; length])?;
    }
    Ok(())
}

fn holes(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.open(client(0))?;
    for number in 0..packets as u32 {
        wire.tcp(client(0), SERVER, PSH | ACK, (3 + 2 * number, 1), b"x")?;
    }
    Ok(())
}

fn holes_backwards(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    // Windows of a megabyte, each from its end.
    const WINDOW: u64 = 1 << 19;
    wire.open(client(0))?;
    for number in 0..packets {
        let (window, place) = (number / WINDOW, WINDOW.min(packets) - number % WINDOW);
        wire.tcp(client(0), SERVER, PSH | ACK, ((3 + 2 * (window * WINDOW + place)) as u32, 1), b"x")?;
    }
    Ok(())
}

fn out_of_window(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let at = wire.session(0, 4)?;
    while wire.written < packets {
        let far = at.wrapping_add(wire.any() as u32 | 0x0100_0000);
        wire.tcp(client(0), SERVER, PSH | ACK, (far, 1), &[0x30; 100])?;
    }
    Ok(())
}

fn one_byte_segments(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut at = wire.session(0, 4)?;
    let message = publish(0x30, b"slow", &[], None, &vec![b'x'; 20_000]);
    'all: loop {
        for byte in &message {
            if wire.written >= packets {
                break 'all;
            }
            at = wire.send(client(0), at, &[*byte])?;
        }
    }
    Ok(())
}

fn giant_lengths(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    // 256 MB less one byte (section 2.1.4), of which some kilobytes come in each round.
    let flows = (packets / 20).max(1);
    for number in 0..flows {
        let at = wire.session(number, 5)?;
        wire.send(client(number), at, &[&[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't', 0][..], &[b'x'; 991]].concat())?;
    }
    let hello = connect(5, b"client-0").len() as u64;
    let mut round = 0;
    while wire.written < packets {
        for number in 0..flows {
            let digits = number.checked_ilog10().unwrap_or(0);
            let at = 1 + hello + u64::from(digits) + 1000 + round * 1400;
            wire.send(client(number), at as u32, &[b'x'; 1400])?;
        }
        round += 1;
    }
    Ok(())
}

fn garbage(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        wire.open(client(number))?;
        let noise: Vec<u8> = (0..128).flat_map(|_| wire.any().to_le_bytes()).collect();
        wire.send(client(number), 1, &noise)?;
        number += 1;
    }
    Ok(())
}

fn empty_properties(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let list = [38, 0, 0, 0, 0].repeat(100_000);
    wire.talk(packets, 5, |_, _| (publish(0x30, b"t", &[], Some(&list), b""), Vec::new()))
}

fn user_properties(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let pairs =
        (0..10_000).map(|number: u32| [&[38][..], &text(format!("k{number}").as_bytes()), &text(b"v")].concat());
    let list = pairs.collect::<Vec<_>>().concat();
    wire.talk(packets, 5, |_, _| (publish(0x30, b"t", &[], Some(&list), b""), Vec::new()))
}

fn property_bomb(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let list = [2, 0, 0, 0, 1].repeat(20_000);
    wire.talk(packets, 5, |_, _| (publish(0x30, b"t", &[], Some(&list), b""), Vec::new()))
}

fn subscribe_bomb(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.talk(packets, 4, |wire, number| {
        if number % 10 == 0 {
            let filters = (0..10_000).map(|filter| [text(format!("f/{number}/{filter}").as_bytes()), vec![1]].concat());
            let granted = packet(0x90, &[&[0, 1], &[1; 10_000]]);
            (packet(0x82, &[&[0, 1], &filters.collect::<Vec<_>>().concat()]), granted)
        } else {
            let topic = format!("f/{}/{}", number / 10 * 10, wire.any() % 10_000);
            let message = publish(0x30, topic.as_bytes(), &[], None, b"x");
            (message.clone(), message)
        }
    })
}

fn wildcards(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.talk(packets, 4, |_, number| {
        if number < 64 {
            // 1,024 of the 65,536 patterns of sixteen levels in each packet.
            let level = |pattern: u64, level: u64| if pattern >> level & 1 == 0 { "a" } else { "+" };
            let filters = (number * 1024..(number + 1) * 1024).map(|pattern| {
                let levels: Vec<_> = (0..16).map(|at| level(pattern, at)).collect();
                [text(levels.join("/").as_bytes()), vec![0]].concat()
            });
            let granted = packet(0x90, &[&[0, 1], &[0; 1024]]);
            (packet(0x82, &[&[0, 1], &filters.collect::<Vec<_>>().concat()]), granted)
        } else {
            let message = publish(0x30, ["a"; 16].join("/").as_bytes(), &[], None, b"x");
            (message.clone(), message)
        }
    })
}

fn topic_explosion(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.talk(packets, 4, |_, number| {
        let message = publish(0x30, format!("explosion/of/topics/{number}").as_bytes(), &[], None, b"x");
        (message, Vec::new())
    })
}

fn deflated(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    // The key and its answer are those of RFC 6455, section 1.3.
    const ASK: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let mut number = 0;
    while wire.written < packets {
        let client = client(number);
        wire.open(client)?;
        let at = wire.send(client, 1, ASK)?;
        wire.tcp(SERVER, client, PSH | ACK, (1, at), ANSWER)?;
        // A stored block, and the empty one whose end a sender leaves out (RFC 7692, section 7.2.3.3).
        let hello = connect(4, format!("client-{number}").as_bytes());
        let length = (hello.len() as u16).to_le_bytes();
        let block = [&[0], &length[..], &length.map(|byte| !byte), &hello, &[0]].concat();
        let frame = [&[0xc2, 0x80 | block.len() as u8, 0, 0, 0, 0][..], &block].concat();
        wire.send(client, at, &frame)?;
        number += 1;
    }
    Ok(())
}

fn tls_records(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        wire.open(client(number))?;
        // Handshake of TLS 1.0, 16 KiB long: a ClientHello of 16,380 bytes, and nearly all of it.
        let begin = [0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3];
        wire.send(client(number), 1, &[&begin[..], &[0x55; 16_000]].concat())?;
        number += 1;
    }
    Ok(())
}

fn topic_levels(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.talk(packets, 4, |_, number| {
        let mut deep = "/".repeat(30_000);
        deep.push_str(&number.to_string());
        if number % 2 == 0 {
            (packet(0x82, &[&[0, 1], &text(deep.as_bytes()), &[0]]), packet(0x90, &[&[0, 1, 0]]))
        } else {
            (publish(0x30, deep.as_bytes(), &[], None, b"x"), Vec::new())
        }
    })
}

fn retained(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.talk(packets, 4, |_, number| {
        let topic = format!("retained/{number}");
        (publish(0x31, topic.as_bytes(), &[], None, &[b'x'; 1000]), Vec::new())
    })
}

fn aliases(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        let mut at = wire.session(number, 5)?;
        for alias in 1..=u16::MAX {
            if wire.written >= packets {
                break;
            }
            let topic = [format!("{alias}/").as_bytes(), &[b't'; 2000]].concat();
            let [high, low] = alias.to_be_bytes();
            let message = publish(0x30, &topic, &[], Some(&[35, high, low]), b"x");
            at = wire.send(client(number), at, &message)?;
        }
        number += 1;
    }
    Ok(())
}

fn unacknowledged(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        let mut at = wire.session(number, 4)?;
        for id in 1..=u16::MAX {
            if wire.written >= packets {
                break;
            }
            let message = publish(0x34, format!("t/{id}").as_bytes(), &id.to_be_bytes(), None, b"x");
            at = wire.send(client(number), at, &message)?;
        }
        number += 1;
    }
    Ok(())
}

/// A segment has fifty messages; twenty clients later the broker acknowledges the first of them.
fn unacknowledged_by_many(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut ends = std::collections::VecDeque::new();
    let mut number = 0;
    while wire.written < packets {
        let mut at = wire.session(number, 4)?;
        for first in (1..2000).step_by(50) {
            let message = |id: u16| publish(0x32, b"t", &id.to_be_bytes(), None, b"x");
            at = wire.send(client(number), at, &(first..first + 50).flat_map(message).collect::<Vec<_>>())?;
        }
        ends.push_back((client(number), at));
        number += 1;
        if ends.len() == 20
            && let Some((client, at)) = ends.pop_front()
        {
            let answers: Vec<u8> = (1..=20_u16).flat_map(|id| packet(0x40, &[&id.to_be_bytes()])).collect();
            wire.tcp(SERVER, client, PSH | ACK, (5, at), &answers)?;
        }
    }
    Ok(())
}

fn filters_of_many(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        let at = wire.session(number, 4)?;
        let filters: Vec<u8> =
            (0..4000).flat_map(|number| [text(format!("{number}").as_bytes()), vec![0]].concat()).collect();
        let at = wire.send(client(number), at, &packet(0x82, &[&[0, 1], &filters]))?;
        wire.tcp(SERVER, client(number), PSH | ACK, (5, at), &packet(0x90, &[&[0, 1], &[0; 4000]]))?;
        number += 1;
    }
    Ok(())
}

fn acknowledgements(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    wire.talk(packets, 4, |_, number| {
        let kinds = [0x40, 0x50, 0x62, 0x70];
        let id = ((number % 65_535) as u16 + 1).to_be_bytes();
        (packet(kinds[(number / 65_535 % 4) as usize], &[&id]), Vec::new())
    })
}

fn clients(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        wire.open(client(number))?;
        let name = format!("client-{number}");
        let topic = format!("will/{number}");
        // A session that outlives the connection, and a will of QoS 1 that is retained.
        let hello = packet(
            0x10,
            &[
                &text(b"MQTT"),
                &[4, 0x2c, 0, 60],
                &text(name.as_bytes()),
                &text(topic.as_bytes()),
                &text(&[b'w'; 16_000]),
            ],
        );
        let at = wire.send(client(number), 1, &hello)?;
        wire.tcp(SERVER, client(number), PSH | ACK, (1, at), &[0x20, 2, 0, 0])?;
        wire.tcp(client(number), SERVER, RST | ACK, (at, 5), &[])?;
        number += 1;
    }
    Ok(())
}

fn take_over(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let mut number = 0;
    while wire.written < packets {
        wire.open(client(number))?;
        let at = wire.send(client(number), 1, &connect(4, b"the one"))?;
        wire.tcp(SERVER, client(number), PSH | ACK, (1, at), &[0x20, 2, 0, 0])?;
        number += 1;
    }
    Ok(())
}

/// What a terminal would act upon: it clears, sets the title, names a link, moves up, turns the direction of text, and more.
pub(crate) const ESCAPES: &str =
    "\x1b[2J\x1b]0;title\x07\x1b]8;;http://x\x1b\\\u{9b}31m\u{90}q\u{202e}\u{2066}\r\x08\x7f=cmd|' /C x'!A1\n<b>\"&";

fn escapes(wire: &mut Wire<'_>, packets: u64) -> io::Result<()> {
    let escapes = text(ESCAPES.as_bytes());
    let pair = [&[38][..], &escapes, &escapes].concat();
    let mut number = 0;
    while wire.written < packets {
        let end = client(number);
        wire.open(end)?;
        let properties = [variable(pair.len()), pair.clone()].concat();
        let will = [&properties[..], &escapes, &escapes].concat();
        let hello =
            packet(0x10, &[&text(b"MQTT"), &[5, 0xce, 0, 60], &properties, &escapes, &will, &escapes, &escapes]);
        let mut at = wire.send(end, 1, &hello)?;
        let reason = [&[31][..], &escapes, &pair].concat();
        let answer = packet(0x20, &[&[0, 0], &variable(reason.len()), &reason]);
        wire.tcp(SERVER, end, PSH | ACK, (1, at), &answer)?;
        let back = 1 + answer.len() as u32;
        let subscribe = packet(0x82, &[&[0, 1], &properties, &escapes, &[0]]);
        at = wire.send(end, at, &subscribe)?;
        let content = [&[3][..], &escapes, &[8], &escapes, &[9], &escapes, &pair].concat();
        at = wire.send(end, at, &publish(0x30, ESCAPES.as_bytes(), &[], Some(&content), ESCAPES.as_bytes()))?;
        let over = packet(0xe0, &[&[0x81], &variable(reason.len()), &reason]);
        wire.tcp(SERVER, end, PSH | ACK, (back, at), &over)?;
        wire.tcp(end, SERVER, FIN | ACK, (at, back + over.len() as u32), &[])?;
        number += 1;
    }
    Ok(())
}
