use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, proptest};

use super::*;
use crate::capture::FrameNo;
use crate::flow::Role;
use crate::mqttsn;
use crate::time::Timestamp;

/// Its key takes a while to be made.
static REDACTOR: std::sync::LazyLock<Redactor> = std::sync::LazyLock::new(|| Redactor::with_secret("s"));

const UP: Direction = Direction::ToServer;
const DOWN: Direction = Direction::ToClient;

fn at(frame: u64) -> Place {
    let origin = Origin { frame: FrameNo(frame), time: Timestamp::from_secs_nanos(frame as i64, 0) };
    Place { origin, offset: Some(42) }
}

/// What is decided with each datagram, and how many come out.
fn decide(said: Said, datagrams: &[(Direction, &[u8])]) -> Option<(usize, usize)> {
    let mut conversation = Conversation::default();
    for (place, (direction, bytes)) in datagrams.iter().enumerate() {
        let payload = (*bytes, bytes.len() as u32);
        match conversation.datagram(payload, *direction, at(place as u64 + 1), said, None) {
            SnStep::Begins(held) => return Some((place, held.len())),
            SnStep::Message => panic!("it begins first"),
            SnStep::Nothing => {}
        }
    }
    None
}

const UNUSUAL: Said = Said { ports: [40_000, 7777], known_end: false, to_many: false };
const USUAL: Said = Said { ports: [40_000, 1884], known_end: false, to_many: false };

const CONNECT: &[u8] = &[8, 0x04, 0x04, 1, 0, 30, b'm', b'e'];
const REGISTER: &[u8] = &[7, 0x0a, 0, 0, 0, 1, b't'];
const REGACK: &[u8] = &[7, 0x0b, 0, 17, 0, 1, 0];
const PING: &[u8] = &[2, 0x16];
const PONG: &[u8] = &[2, 0x17];
const SEARCH: &[u8] = &[3, 0x01, 1];

#[test]
fn a_connect_is_enough_on_any_port() {
    assert_eq!(decide(UNUSUAL, &[(UP, CONNECT)]), Some((0, 1)));
    let wrong_protocol = &[8, 0x04, 0x04, 2, 0, 30, b'm', b'e'];
    assert_eq!(decide(UNUSUAL, &[(UP, wrong_protocol)]), None);
}

#[test]
fn what_was_held_back_comes_with_the_answer_that_fits() {
    assert_eq!(decide(UNUSUAL, &[(UP, REGISTER)]), None);
    assert_eq!(decide(UNUSUAL, &[(UP, REGISTER), (DOWN, REGACK)]), Some((1, 2)));
    assert_eq!(decide(UNUSUAL, &[(UP, REGISTER), (DOWN, &[7, 0x0b, 0, 17, 0, 9, 0])]), None, "of another id");
}

#[test]
fn a_usual_port_a_group_and_a_known_end_help() {
    assert_eq!(decide(USUAL, &[(UP, PING), (DOWN, PONG)]), Some((1, 2)));
    assert_eq!(
        decide(UNUSUAL, &[(UP, PING), (DOWN, PONG), (UP, PING), (DOWN, PONG)]),
        None,
        "the same again is no news"
    );
    assert_eq!(decide(USUAL, &[(UP, SEARCH)]), None);
    assert_eq!(decide(Said { to_many: true, ..USUAL }, &[(UP, SEARCH)]), Some((0, 1)));
    assert_eq!(decide(Said { known_end: true, ..UNUSUAL }, &[(UP, PING)]), Some((0, 1)));
    // QoS -1 needs no connection.
    assert_eq!(decide(USUAL, &[(UP, &[9, 0x0c, 0x62, b'a', b'b', 0, 0, b'2', b'1'])]), Some((0, 1)));
}

#[test]
fn what_does_not_fit_ends_it_for_good() {
    assert_eq!(decide(UNUSUAL, &[(UP, PING), (DOWN, b"\x05\x16hi"), (UP, CONNECT)]), None);
    assert_eq!(decide(UNUSUAL, &[(UP, &[2, 0x03]), (UP, CONNECT)]), None, "a reserved type");
}

#[test]
fn the_user_is_believed() {
    let mut conversation = Conversation::default();
    let step = conversation.datagram((PING, 2), UP, at(1), UNUSUAL, Some(Protocol::MqttSn));
    assert!(matches!(step, SnStep::Message));
    assert_eq!(conversation.protocol(), Some(Protocol::MqttSn));
    let mut conversation = Conversation::default();
    let step = conversation.datagram((CONNECT, 8), UP, at(1), UNUSUAL, Some(Protocol::Unknown));
    assert!(matches!(step, SnStep::Nothing));
}

/// First datagrams of other protocols, as their specifications have them.
#[test]
fn other_protocols_are_left_alone() {
    let dns = |id: u16| {
        let mut query = id.to_be_bytes().to_vec();
        query.extend_from_slice(b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01");
        query
    };
    for id in 0..=u16::MAX {
        let query = dns(id);
        assert_eq!(decide(UNUSUAL, &[(UP, &query)]), None, "{id:#x}");
        let mut answer = query.clone();
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        assert_eq!(decide(USUAL, &[(UP, &query), (DOWN, &answer)]), None, "{id:#x}");
    }
    let ntp = [&[0x23, 0, 6, 0xec][..], &[0; 44]].concat();
    let dhcp = [&[1, 1, 6, 0][..], &[0; 258]].concat();
    let coap = [&[0x41, 0x02, 0x12, 0x34, 0x99][..], &[b'x'; 60]].concat();
    let ssdp = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n".to_vec();
    let quic = [&[0xc3, 0, 0, 0, 1, 8][..], &[7; 1194]].concat();
    for other in [ntp, dhcp, coap, ssdp, quic] {
        assert_eq!(decide(Said { to_many: true, ..USUAL }, &[(UP, &other), (DOWN, &other)]), None);
    }
}

#[test]
fn roles_are_told_by_what_only_one_side_sends() {
    let role = |bytes: &[u8]| role_of(&mqttsn::read(bytes, bytes.len() as u32).expect("a message"));
    assert_eq!(role(CONNECT), Some(Role::Client));
    assert_eq!(role(REGISTER), Some(Role::Client), "it asks for an id");
    assert_eq!(role(&[7, 0x0a, 0, 5, 0, 1, b't']), None);
    assert_eq!(role(&[3, 0x05, 0]), Some(Role::Server));
    assert_eq!(role(PING), None);
    assert_eq!(role(&[4, 0x16, b'm', b'e']), Some(Role::Client));
    assert_eq!(role(&[4, 0x18, 0, 9]), Some(Role::Client));
    assert_eq!(role(&[2, 0x18]), None);
}

fn place(flow: u64, node: &[u8]) -> ClientPlace {
    let gateway = SocketAddr::from(([10, 0, 0, 1], 1884));
    ClientPlace { flow: FrameNo(flow), gateway, node: node.into() }
}

/// The topic of each message, in words.
fn topics_of(topics: &mut SnTopics, place: &ClientPlace, messages: &[(Direction, &[u8])]) -> Vec<String> {
    let mut out = Vec::new();
    for (direction, bytes) in messages {
        let datagram = mqttsn::read(bytes, bytes.len() as u32).expect("a message");
        topics.take(place, *direction, &datagram);
        let topic = topics.topic(place, *direction, &datagram, short_name(&datagram, bytes));
        out.push(topic.map_or_else(String::new, |topic| {
            format!("{} by {}", String::from_utf8_lossy(topic.name), topic.by.name())
        }));
    }
    out
}

const CONNACK: &[u8] = &[3, 0x05, 0];
const PUBLISH_17: &[u8] = &[8, 0x0c, 0, 0, 17, 0, 0, b'x'];

#[test]
fn ids_stand_for_what_was_registered_or_subscribed() {
    let mut topics = SnTopics::new(&[(9, b"known/before".to_vec())], 1 << 20);
    let told = topics_of(
        &mut topics,
        &place(1, b""),
        &[
            (UP, CONNECT),
            (DOWN, CONNACK),
            (UP, PUBLISH_17),
            (UP, REGISTER),
            (DOWN, REGACK),
            (UP, PUBLISH_17),
            (UP, &[8, 0x12, 0x20, 0, 2, b'a', b'/', b'b']),
            (DOWN, &[8, 0x13, 0x20, 0, 18, 0, 2, 0]),
            (DOWN, &[8, 0x0c, 0, 0, 18, 0, 0, b'x']),
            (DOWN, &[9, 0x0a, 0, 19, 0, 7, b'g', b'/', b'w']),
            (UP, &[7, 0x0b, 0, 19, 0, 7, 0]),
            (DOWN, &[8, 0x0c, 0, 0, 19, 0, 0, b'x']),
            (UP, &[8, 0x0c, 0x02, b'a', b'b', 0, 0, b'x']),
            (UP, &[8, 0x0c, 0x01, 0, 9, 0, 0, b'x']),
            (UP, &[8, 0x0c, 0x01, 0, 10, 0, 0, b'x']),
        ],
    );
    let wanted = [
        "",
        "",
        "",
        "t by message",
        "t by message",
        "t by registration",
        "a/b by message",
        "a/b by message",
        "a/b by subscription",
        "g/w by message",
        "g/w by message",
        "g/w by registration",
        "ab by message",
        "known/before by option",
        "",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_clean_session_begins_without_names_and_another_keeps_them() {
    let mut topics = SnTopics::new(&[], 1 << 20);
    let resume: &[u8] = &[8, 0x04, 0, 1, 0, 30, b'm', b'e'];
    let first = [(UP, CONNECT), (DOWN, CONNACK), (UP, REGISTER), (DOWN, REGACK), (UP, PUBLISH_17)];
    assert_eq!(topics_of(&mut topics, &place(1, b""), &first)[4], "t by registration");
    // From another address.
    let moved = [(UP, resume), (DOWN, CONNACK), (UP, PUBLISH_17)];
    assert_eq!(topics_of(&mut topics, &place(20, b""), &moved)[2], "t by registration");
    let anew = [(UP, CONNECT), (DOWN, CONNACK), (UP, PUBLISH_17)];
    assert_eq!(topics_of(&mut topics, &place(20, b""), &anew)[2], "");
}

#[test]
fn clients_behind_a_forwarder_have_ids_of_their_own() {
    let mut topics = SnTopics::new(&[], 1 << 20);
    let (one, two) = (place(1, b"\x01"), place(1, b"\x02"));
    let messages = [(UP, REGISTER), (DOWN, REGACK), (UP, PUBLISH_17)];
    assert_eq!(topics_of(&mut topics, &one, &messages)[2], "t by registration");
    assert_eq!(topics_of(&mut topics, &two, &[(UP, PUBLISH_17)])[0], "");
    topics.forget(FrameNo(1));
    assert_eq!(topics_of(&mut topics, &one, &[(UP, PUBLISH_17)])[0], "");
}

#[test]
fn a_rejected_registration_names_nothing() {
    let mut topics = SnTopics::new(&[], 1 << 20);
    let rejected = [(UP, REGISTER), (DOWN, &[7, 0x0b, 0, 17, 0, 1, 1][..]), (UP, PUBLISH_17)];
    assert_eq!(topics_of(&mut topics, &place(1, b""), &rejected)[2], "");
}

#[test]
fn names_take_no_more_than_they_may() {
    let mut topics = SnTopics::new(&[], 2000);
    let place = place(1, b"");
    for id in 1u8..=100 {
        let mut register = vec![0, 0x0a, 0, id, 0, id];
        register.extend_from_slice(&[b'n'; 100]);
        register[0] = register.len() as u8;
        topics_of(&mut topics, &place, &[(DOWN, &register), (UP, &[7, 0x0b, 0, id, 0, id, 0])]);
        assert!(topics.bytes() <= 2000);
    }
    assert!(topics.refused() > 0);
    topics.forget(FrameNo(1));
    assert_eq!(topics.bytes(), 0);
}

#[test]
fn redacting_keeps_lengths_ids_and_what_belongs_together() {
    let redactor = &*REDACTOR;
    let hidden = |bytes: &[u8]| redact(bytes, bytes.len() as u32, redactor);
    let register = hidden(&[13, 0x0a, 0, 0, 0, 1, b'p', b'l', b'a', b'n', b't', b'/', b'1']);
    assert_eq!(register[..6], [13, 0x0a, 0, 0, 0, 1]);
    assert_eq!(register[6..], redactor.topic(b"plant/1"));
    let connect = hidden(CONNECT);
    assert_eq!((&connect[..6], &connect[6..]), (&CONNECT[..6], &redactor.text(b"me")[..]));
    let short = hidden(&[8, 0x0c, 0x02, b'a', b'b', 0, 0, b'x']);
    assert_eq!(short[3..5], redactor.topic(b"ab"));
    assert_eq!(hidden(PING), PING);
}

proptest! {
    #[test]
    fn any_datagrams_keep_names_within_their_limit(
        datagrams in vec((any::<bool>(), vec(any::<u8>(), 2..40)), 0..60),
        fixed in any::<bool>(),
    ) {
        let mut topics = SnTopics::new(&[], 1000);
        for (up, mut bytes) in datagrams {
            if fixed {
                bytes[0] = bytes.len() as u8;
                bytes[1] &= 0x1f;
            }
            let direction = if up { UP } else { DOWN };
            if let Some(datagram) = mqttsn::read(&bytes, bytes.len() as u32) {
                topics.take(&place(1, b""), direction, &datagram);
                let _ = topics.topic(&place(1, b""), direction, &datagram, short_name(&datagram, &bytes));
            }
            prop_assert!(topics.bytes() <= 1000);
            prop_assert!(redact(&bytes, bytes.len() as u32, &REDACTOR).len() == bytes.len());
        }
        topics.forget(FrameNo(1));
        prop_assert!(topics.bytes() == 0);
    }

    #[test]
    fn random_datagrams_on_an_unusual_port_are_not_taken_for_it(
        datagrams in vec((any::<bool>(), vec(any::<u8>(), 0..64)), 1..20),
    ) {
        let datagrams: Vec<_> =
            datagrams.iter().map(|(up, bytes)| (if *up { UP } else { DOWN }, bytes.as_slice())).collect();
        prop_assert!(decide(UNUSUAL, &datagrams).is_none());
    }
}
