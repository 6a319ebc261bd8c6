//! Whatever the segments were, a stream holds the same messages; and any bytes do.

use std::net::IpAddr;

use proptest::prelude::*;

use super::line::LOOKED;
use super::{Beginning, Http, HttpFacts, LONGEST, ReadingSink, Streams, reader, recognise};
use crate::capture::{FrameNo, Origin};
use crate::flow::{Direction, PerDirection, Role};
use crate::mqtt::Certainty;
use crate::neighbour::{Neighbour, Reading};
use crate::time::Timestamp;

/// What was told: of each reading everything but the frames, which are the cuts'.
#[derive(Debug, Default)]
struct Told {
    lines: Vec<String>,
    expected: Vec<(Role, Option<IpAddr>, u16)>,
}

impl ReadingSink for Told {
    fn wants(&self) -> bool {
        true
    }

    fn reading(&mut self, direction: Direction, mut reading: Reading, _: Origin) {
        let of_frames = ["http.request_in", "http.time", "framed.first_frame"];
        reading.values.retain(|(name, _)| !of_frames.contains(name));
        assert!(reading.values.len() < 500 && reading.info.len() < 4096, "{reading:?}");
        self.lines.push(format!("{direction:?} {} {:?}", reading.info, reading.values));
    }

    fn expects_data(&mut self, listener: Role, address: Option<IpAddr>, port: u16) {
        self.expected.push((listener, address, port));
    }
}

const fn at(frame: u64) -> Origin {
    Origin { frame: FrameNo(frame), time: Timestamp::from_secs_nanos(frame as i64, 0) }
}

const WHOLE: PerDirection<bool> = PerDirection { to_server: true, to_client: true };

/// The exchanges of a conversation, each piece cut at these places.
fn play(protocol: Neighbour, talk: &[(Direction, &[u8])], cuts: &[usize]) -> (Vec<String>, usize) {
    let mut told = Told::default();
    let mut streams = Streams::new(reader(protocol).unwrap(), WHOLE);
    let (mut frame, mut held) = (0, 0);
    let mut cuts = cuts.iter().cycle();
    'all: for (direction, bytes) in talk {
        let mut rest = *bytes;
        while !rest.is_empty() {
            let cut = cuts.next().map_or(rest.len(), |cut| (*cut).clamp(1, rest.len()));
            let (piece, behind) = rest.split_at(cut);
            frame += 1;
            streams.data(*direction, piece, at(frame), &mut told);
            held = held.max(streams.message_bytes(*direction));
            rest = behind;
            if streams.is_secured() {
                break 'all;
            }
        }
    }
    streams.end(Direction::ToClient, at(frame + 1), &mut told);
    streams.finish(&mut told);
    // Both directions are in their own order; a cut may let one come before the other.
    told.lines.sort();
    (told.lines, held)
}

const TO: Direction = Direction::ToServer;
const FROM: Direction = Direction::ToClient;

/// Who says what.
type Talk = Vec<(Direction, &'static [u8])>;

/// A conversation of each protocol.
fn talks() -> Vec<(Neighbour, Talk)> {
    vec![
        (
            Neighbour::Http,
            vec![
                (TO, b"GET /a?token=geheim&b=c HTTP/1.1\r\nHost: h\r\nCookie: geheim\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n{\"a\":1}"),
                (FROM, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n, w\r\n0\r\nT: 1\r\n\r\n"),
                (FROM, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\r\nSet-Cookie: geheim\r\n\r\n<a>until the end</a>"),
            ],
        ),
        (
            Neighbour::Ftp,
            vec![
                (FROM, b"220-Welcome\r\n to it\r\n220 ready\r\n"),
                (TO, b"USER joe\r\nPASS geheim\r\n"),
                (FROM, b"331 More\r\n230 Fine\r\n"),
                (TO, b"PASV\r\nEPRT |2|::1|5282|\r\n"),
                (FROM, b"227 Entering Passive Mode (127,0,0,1,4,1)\r\n229 (|||1025|)\r\n"),
            ],
        ),
        (
            Neighbour::Smtp,
            vec![
                (FROM, b"220 lab ESMTP\r\n"),
                (TO, b"EHLO me\r\nAUTH LOGIN\r\n"),
                (FROM, b"250-lab\r\n250-AUTH LOGIN\r\n250 SIZE 9\r\n334 geheim\r\n"),
                (TO, b"Z2VoZWlt\r\n"),
                (FROM, b"334 geheim\r\n"),
                (TO, b"Z2VoZWlt\r\n"),
                (FROM, b"235 ok\r\n"),
                (TO, b"MAIL FROM:<a@b>\r\nDATA\r\nSubject: x\r\n\r\n.. dots\r\n.\r\nBDAT 5 LAST\r\n12345QUIT\r\n"),
                (FROM, b"250 ok\r\n354 go\r\n250 ok\r\n250 ok\r\n221 bye\r\n"),
            ],
        ),
        (
            Neighbour::Telnet,
            vec![
                (FROM, b"\xff\xfd\x18\xff\xfb\x01\r\nlogin: "),
                (TO, b"\xff\xfb\x18\xff\xfa\x1f\0\x50\0\x18\xff\xf0joe\r\ngeh\xff\xffeim\r\n\xff\xf6"),
                (FROM, b"\xff\xfa\x18\x01\xff\xf0bye\r\n"),
            ],
        ),
        (
            Neighbour::Amqp,
            vec![
                (TO, b"AMQP\0\0\x09\x01\x08\0\0\0\0\0\0\xce"),
                (TO, b"\x01\0\x01\0\0\0\x0e\0\x3c\0\x28\0\0\x02ex\x03a.b\x01\xce\x03\0\x01\0\0\0\x07{\"a\":1}\xce"),
                (FROM, b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\xce"),
            ],
        ),
        (
            Neighbour::Amqp,
            vec![
                (TO, b"AMQP\0\x01\0\0\0\0\0\x17\x02\0\0\0\0\x53\x10\xc0\x0a\x02\xa1\x03abc\xa1\x01h\x40"),
                (FROM, b"AMQP\x03\x01\0\0\0\0\0\x08\x02\0\0\0"),
            ],
        ),
        (Neighbour::Lines, vec![(TO, b"{\"a\":1}\r\n\npassword: geheim\nplain \xc3\xa9\n"), (FROM, b"no end")]),
        (Neighbour::Length16, vec![(TO, b"\0\x03abc\0\0\0\x02[]"), (FROM, b"\0\x09cut")]),
        (Neighbour::Length32Le, vec![(TO, b"\x03\0\0\0abc\x04\0\0\0<a/>"), (FROM, b"\x01\0\0\0\xff")]),
    ]
}

#[test]
fn every_cut_gives_the_same_messages_and_no_secret() {
    for (protocol, talk) in talks() {
        let (whole, _) = play(protocol, &talk, &[usize::MAX]);
        assert!(whole.len() >= 3, "{protocol:?}: {whole:#?}");
        let longest = talk.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
        for cut in 1..=longest {
            assert_eq!(play(protocol, &talk, &[cut]).0, whole, "{protocol:?} cut every {cut}");
        }
        for line in &whole {
            assert!(!line.contains("geheim") && !line.contains("Z2Vo"), "{line}");
        }
    }
}

#[test]
fn a_hole_in_a_body_leaves_the_next_message_whole() {
    let mut told = Told::default();
    let mut streams = Streams::new(Http::default(), WHOLE);
    streams.data(FROM, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", at(1), &mut told);
    streams.gap(FROM, 80, at(2), &mut told);
    streams.data(FROM, b"0123456789HTTP/1.1 204 No Content\r\n\r\n", at(3), &mut told);
    // A hole that ends within the next head: the one behind it is found by its first line.
    streams.data(FROM, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n01", at(4), &mut told);
    streams.gap(FROM, 20, at(5), &mut told);
    streams.data(FROM, b"ent-Length: 2\r\n\r\nabHTTP/1.1 304 Not Modified\r\n\r\n", at(6), &mut told);
    let info: Vec<&str> = told.lines.iter().map(|line| line.split(" [").next().unwrap()).collect();
    assert_eq!(
        info,
        [
            "ToClient HTTP/1.1 200 OK, 100 bytes, 80 of them missing",
            "ToClient HTTP/1.1 204 No Content",
            "ToClient HTTP/1.1 200 OK, 4 bytes, 2 of them missing",
            "ToClient HTTP/1.1 304 Not Modified",
        ]
    );
    assert_eq!(streams.reader().facts().responses, 4);
}

#[test]
fn ftp_says_where_its_data_will_come_from() {
    let mut told = Told::default();
    let mut streams = Streams::new(reader(Neighbour::Ftp).unwrap(), WHOLE);
    streams.data(TO, b"PORT 10,0,0,1,4,1\r\n", at(1), &mut told);
    streams.data(FROM, b"227 (10,0,0,2,4,2)\r\n229 ok (|||1027|)\r\n", at(2), &mut told);
    let ip = |text: &str| Some(text.parse().unwrap());
    assert_eq!(
        told.expected,
        [(Role::Client, ip("10.0.0.1"), 1025), (Role::Server, ip("10.0.0.2"), 1026), (Role::Server, None, 1027)]
    );
}

#[test]
fn tls_begins_behind_the_answer_that_agrees_to_it() {
    for (protocol, asks, agrees) in
        [(Neighbour::Smtp, &b"STARTTLS\r\n"[..], &b"220 go\r\n"[..]), (Neighbour::Ftp, b"AUTH TLS\r\n", b"234 go\r\n")]
    {
        let mut told = Told::default();
        let mut streams = Streams::new(reader(protocol).unwrap(), WHOLE);
        streams.data(TO, asks, at(1), &mut told);
        assert!(!streams.is_secured());
        let left = streams.data(FROM, &[agrees, b"\x16\x03\x03"].concat(), at(2), &mut told);
        assert_eq!((streams.is_secured(), left), (true, 3), "{protocol:?}");
    }
}

#[test]
fn whether_a_connection_was_kept_alive_is_told_by_what_it_carried() {
    let facts = |requests, closes| HttpFacts { requests, responses: requests, closes, left: false };
    assert_eq!(facts(0, false).kept_alive(true), None);
    assert_eq!(facts(3, true).kept_alive(true).map(|(kept, _)| kept), Some(true));
    assert_eq!(facts(1, true).kept_alive(false).map(|(kept, _)| kept), Some(false));
    assert_eq!(facts(1, false).kept_alive(true).map(|(kept, _)| kept), Some(false));
    assert_eq!(facts(1, false).kept_alive(false).map(|(kept, _)| kept), Some(true));
}

/// What these first bytes of a client are.
fn first(to_server: &[u8], to_client: &[u8], port: u16) -> (Certainty, Option<Neighbour>) {
    recognise(&Beginning { bytes: PerDirection { to_server, to_client }, from_start: WHOLE, port, is_all: false })
}

#[test]
fn protocols_are_recognised_by_what_they_say_first() {
    let yes = |protocol| (Certainty::Yes, Some(protocol));
    for (client, server, port, verdict) in [
        (&b""[..], &b"220 (vsFTPd 3.0)\r\n"[..], 2121, yes(Neighbour::Ftp)),
        (b"", b"220 mail ESMTP\r\n", 2526, yes(Neighbour::Smtp)),
        (b"", b"220 hello\r\n", 4000, (Certainty::NeedMore, None)),
        (b"EHLO me\r\n", b"220 hello\r\n", 4000, yes(Neighbour::Smtp)),
        (b"USER me\r\n", b"220 hello\r\n", 4000, yes(Neighbour::Ftp)),
        (b"\xff\xfd\x18", b"", 2323, yes(Neighbour::Telnet)),
        (b"AMQP\0\0\x09\x01", b"", 1, yes(Neighbour::Amqp)),
        (b"AMQ", b"", 1, (Certainty::NeedMore, None)),
        (b"one line\ntwo lines\nthree lines\n", b"", 1, (Certainty::NeedMore, None)),
        (b"one line\ntwo lines\nthree lines\nfour\n", b"", 1, yes(Neighbour::Lines)),
        (b"\0\x05first\0\x06second\0\x05third\0\x04four\0\x04five\0\x03six", b"", 1, yes(Neighbour::Length16)),
        (b"\x05\0\0\0first\x06\0\0\0second\x05\0\0\0third\x04\0\0\0four", b"", 1, yes(Neighbour::Length32Le)),
        (b"\xff\xff\xff\xff\x01\x02\x03", b"", 1, (Certainty::No, None)),
    ] {
        assert_eq!(first(client, server, port), verdict, "{} {}", client.escape_ascii(), server.escape_ascii());
    }
}

fn any_protocol() -> impl Strategy<Value = Neighbour> {
    let with_reader = Neighbour::ALL.into_iter().filter(|neighbour| reader(*neighbour).is_some());
    prop::sample::select(with_reader.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Pieces of real conversations put together by chance, with bytes between them.
    #[test]
    fn any_bytes_cut_anywhere_give_the_same(
        protocol in any_protocol(),
        parts in prop::collection::vec((any::<bool>(), 0_usize..9, prop::collection::vec(any::<u8>(), 0..12)), 1..6),
        cuts in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let talks = talks();
        let mut talk: Vec<(Direction, Vec<u8>)> = Vec::new();
        for (way, which, junk) in parts {
            let (_, said) = &talks[which % talks.len()];
            let bytes = said[junk.len() % said.len()].1;
            talk.push((if way { TO } else { FROM }, [bytes, junk.as_slice()].concat()));
        }
        // One direction alone, so that nothing depends on which of two comes first.
        for direction in Direction::BOTH {
            let own: Vec<(Direction, &[u8])> =
                talk.iter().filter(|(way, _)| *way == direction).map(|(way, bytes)| (*way, bytes.as_slice())).collect();
            let (whole, _) = play(protocol, &own, &[usize::MAX]);
            let (cut, held) = play(protocol, &own, &cuts);
            prop_assert_eq!(cut, whole);
            prop_assert!(held <= LONGEST);
        }
    }
}

#[test]
fn a_first_line_before_lines_that_are_none_is_passed_over() {
    // It looks like the beginning of a message again and again.
    let talk = b"HTTP/1.1 200\0\x80\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    for cuts in [&[usize::MAX][..], &[1], &[7, 20]] {
        let (told, _) = play(Neighbour::Http, &[(Direction::ToClient, talk)], cuts);
        assert!(matches!(&*told, [only] if only.contains("204")), "{told:?}");
    }
}

#[test]
fn what_never_ends_is_not_held_without_limit() {
    for protocol in Neighbour::ALL {
        let Some(reader) = reader(protocol) else { continue };
        let mut streams = Streams::new(reader, WHOLE);
        let mut told = Told::default();
        let opening: &[u8] = match protocol {
            Neighbour::Http => b"GET / HTTP/1.1\r\nA: ",
            Neighbour::Amqp => b"AMQP\0\0\x09\x01\x01\0\0\x7f\xff\xff\xff",
            Neighbour::Telnet => b"\xff\xfa\x18",
            Neighbour::Length32 | Neighbour::Length16 => b"\x7f\xff\xff\xff",
            _ => b"x",
        };
        streams.data(TO, opening, at(1), &mut told);
        for frame in 2..400 {
            streams.data(TO, &[b'a'; 1000], at(frame), &mut told);
            assert!(streams.message_bytes(TO) <= LONGEST, "{protocol:?}");
            assert!(streams.shared_bytes() <= 16 << 10, "{protocol:?}");
        }
    }
}

#[test]
fn what_goes_on_without_an_end_is_gone_through_once() {
    const LENGTH: usize = 30_000;
    let endless = |begin: &[u8]| [begin, &b"a".repeat(LENGTH)].concat();
    let could_be_requests = [b"\x01".to_vec(), b"GET /".repeat(LENGTH / 5)].concat();
    for (protocol, direction, bytes) in [
        (Neighbour::Ftp, TO, endless(b"")),
        (Neighbour::Lines, TO, endless(b"")),
        (Neighbour::Smtp, TO, endless(b"")),
        (Neighbour::Smtp, FROM, b"250-a\r\n".repeat(LENGTH / 7)),
        (Neighbour::Telnet, TO, [b"\xff\xfa\x18".to_vec(), vec![240; LENGTH]].concat()),
        (Neighbour::Http, FROM, endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")),
        (Neighbour::Http, FROM, endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")),
        (Neighbour::Http, TO, could_be_requests.clone()),
        (Neighbour::Http, TO, [could_be_requests, b" HTTP/1.1\r\n".to_vec()].concat()),
    ] {
        for most in [1, 1000, usize::MAX] {
            let mut streams = Streams::new(reader(protocol).unwrap(), WHOLE);
            let (mut told, before) = (Told::default(), LOOKED.get());
            for (number, piece) in bytes.chunks(most).enumerate() {
                streams.data(direction, piece, at(number as u64 + 1), &mut told);
            }
            let looked = LOOKED.get() - before;
            assert!(
                looked <= 8 * bytes.len() as u64,
                "{protocol:?} {direction:?} in pieces of {most}: {looked} for {}",
                bytes.len()
            );
        }
    }
}
