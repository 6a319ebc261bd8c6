use std::net::SocketAddr;

use super::*;
use crate::capture::Origin;
use crate::dissect::sn::{ClientPlace, SnTopics, short_name};
use crate::flow::{Direction, KnownBy, PerDirection, Transport};
use crate::mqttsn;

const UP: Direction = Direction::ToServer;
const DOWN: Direction = Direction::ToClient;

fn flow(id: u64, port: u16) -> FlowRef {
    FlowRef {
        id: FrameNo(id),
        stream: 0,
        transport: Transport::Udp,
        client: SocketAddr::from(([10, 0, 0, 2], port)),
        server: SocketAddr::from(([10, 0, 0, 1], 1884)),
        known_by: KnownBy::Connect,
        begin: PerDirection::default(),
        from_start: PerDirection::default(),
        lacks: PerDirection::default(),
        unacknowledged: PerDirection::default(),
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_secs_nanos(1_000_000 + seconds, 0)
}

/// A play of messages, and what came of it.
struct Play {
    sessions: SnSessions,
    topics: SnTopics,
    frame: u64,
}

impl Play {
    fn new() -> Self {
        Self { sessions: SnSessions::default(), topics: SnTopics::new(&[], 1 << 20), frame: 0 }
    }

    fn message(&mut self, flow: FlowRef, direction: Direction, seconds: i64, bytes: &[u8]) {
        self.frame += 1;
        let datagram = mqttsn::read(bytes, bytes.len() as u32).expect("a message");
        let node = datagram.encapsulation.map_or(&[][..], |encapsulation| encapsulation.node);
        let place = ClientPlace { flow: flow.id, gateway: flow.server, node: node.into() };
        self.topics.take(&place, direction, &datagram);
        let topic = self.topics.topic(&place, direction, &datagram, short_name(&datagram, bytes));
        let origin = Origin { frame: FrameNo(self.frame), time: time(seconds) };
        let message = SnMessage { datagram, bytes, length: bytes.len() as u32, direction, origin, offset: None, topic };
        self.sessions.on_message(flow, &message);
    }

    fn end(mut self, seconds: i64) -> (Vec<SnIncidentKind>, Vec<SnSession>) {
        self.sessions.end(FrameNo(1), time(seconds));
        self.sessions.end(FrameNo(2), time(seconds));
        let incidents = self.sessions.take_incidents().into_iter().map(|incident| incident.kind).collect();
        (incidents, self.sessions.take_ended())
    }
}

/// Plays messages in one conversation, a second apart.
fn play(messages: &[(Direction, &[u8])]) -> (Vec<SnIncidentKind>, Vec<SnSession>) {
    let timed: Vec<_> =
        messages.iter().zip(0..).map(|((direction, bytes), second)| (*direction, second, *bytes)).collect();
    play_at(&timed, messages.len() as i64)
}

fn play_at(messages: &[(Direction, i64, &[u8])], end: i64) -> (Vec<SnIncidentKind>, Vec<SnSession>) {
    let mut play = Play::new();
    for (direction, seconds, bytes) in messages {
        play.message(flow(1, 4000), *direction, *seconds, bytes);
    }
    play.end(end)
}

const CONNECT: &[u8] = &[8, 0x04, 0x04, 1, 0, 30, b'm', b'e'];
const WILL_CONNECT: &[u8] = &[8, 0x04, 0x0c, 1, 0, 30, b'm', b'e'];
const CONNACK: &[u8] = &[3, 0x05, 0];
const WILLTOPICREQ: &[u8] = &[2, 0x06];
const WILLTOPIC: &[u8] = &[4, 0x07, 0, b'w'];
const WILLMSGREQ: &[u8] = &[2, 0x08];
const WILLMSG: &[u8] = &[3, 0x09, b'm'];
const REGISTER: &[u8] = &[7, 0x0a, 0, 0, 0, 1, b't'];
const REGACK: &[u8] = &[7, 0x0b, 0, 17, 0, 1, 0];
const PUBLISH: &[u8] = &[8, 0x0c, 0x20, 0, 17, 0, 2, b'x'];
const PUBACK: &[u8] = &[7, 0x0d, 0, 17, 0, 2, 0];
const PINGREQ: &[u8] = &[2, 0x16];
const AWAKE: &[u8] = &[4, 0x16, b'm', b'e'];
const PINGRESP: &[u8] = &[2, 0x17];
const DISCONNECT: &[u8] = &[2, 0x18];
const SLEEP: &[u8] = &[4, 0x18, 0, 100];

#[test]
fn a_session_that_goes_well_has_nothing_to_tell() {
    let (incidents, sessions) = play(&[
        (UP, WILL_CONNECT),
        (DOWN, WILLTOPICREQ),
        (UP, WILLTOPIC),
        (DOWN, WILLMSGREQ),
        (UP, WILLMSG),
        (DOWN, CONNACK),
        (UP, REGISTER),
        (DOWN, REGACK),
        (UP, PUBLISH),
        (DOWN, PUBACK),
        (UP, &[8, 0x0c, 0x40, 0, 17, 0, 3, b'x']),
        (DOWN, &[4, 0x0f, 0, 3]),
        (UP, &[4, 0x10, 0, 3]),
        (DOWN, &[4, 0x0e, 0, 3]),
        (UP, &[8, 0x12, 0x20, 0, 4, b'a', b'/', b'b']),
        (DOWN, &[8, 0x13, 0x20, 0, 18, 0, 4, 0]),
        (DOWN, &[8, 0x0c, 0x20, 0, 18, 0, 9, b'y']),
        (UP, &[7, 0x0d, 0, 18, 0, 9, 0]),
        (UP, DISCONNECT),
        (DOWN, DISCONNECT),
    ]);
    assert_eq!(incidents, []);
    let [session] = &sessions[..] else { panic!("one session") };
    assert_eq!(session.client_id.as_deref(), Some(&b"me"[..]));
    assert_eq!((session.will, session.will_topic.as_deref()), (true, Some(&b"w"[..])));
    assert_eq!((session.counts[UP].complete, session.counts[DOWN].complete), (2, 1));
    assert_eq!((session.counts[UP].total(), session.counts[DOWN].total()), (10, 10));
    assert_eq!(session.end.kind, SnEndKind::Disconnect);
    assert_eq!(session.end.by, Some(crate::flow::Role::Client));
    let topics: Vec<_> = session.topics.iter().map(|topic| (topic.id, &*topic.name)).collect();
    assert_eq!(topics, [(17, &b"t"[..]), (18, b"a/b")]);
    assert_eq!(session.subscriptions[0].answer, Some((1, mqttsn::ReturnCode::ACCEPTED)));
}

#[test]
fn a_client_may_sleep_for_as_long_as_it_said() {
    let messages: &[(Direction, i64, &[u8])] = &[
        (UP, 0, CONNECT),
        (DOWN, 0, CONNACK),
        (UP, 1, SLEEP),
        (DOWN, 1, DISCONNECT),
        (UP, 100, AWAKE),
        (DOWN, 100, &[8, 0x0a, 0, 5, 0, 9, b's', b'l']),
        (UP, 100, &[7, 0x0b, 0, 5, 0, 9, 0]),
        (DOWN, 100, &[8, 0x0c, 0x00, 0, 5, 0, 0, b'y']),
        (DOWN, 101, PINGRESP),
    ];
    let (incidents, sessions) = play_at(messages, 150);
    assert_eq!(incidents, []);
    assert_eq!((sessions[0].sleeps, sessions[0].wakes), (1, 1));
    assert_eq!(sessions[0].end.kind, SnEndKind::Asleep);
    assert_eq!(sessions[0].asleep, Span::from_secs(149));
    // A hundred seconds, and a tenth more.
    let (incidents, sessions) = play_at(messages, 100 + 111);
    assert!(matches!(incidents[..], [SnIncidentKind::SleepExceeded(_, 100)]), "{incidents:?}");
    assert_eq!(sessions[0].end.kind, SnEndKind::Lost);
}

#[test]
fn what_comes_for_a_sleeper_is_to_be_kept() {
    let (incidents, _) = play(&[
        (UP, CONNECT),
        (DOWN, CONNACK),
        (UP, SLEEP),
        (DOWN, DISCONNECT),
        (DOWN, &[8, 0x0c, 1, 0, 5, 0, 0, b'y']),
    ]);
    assert_eq!(incidents, [SnIncidentKind::SentToSleeper(Kind::Publish)]);
}

#[test]
fn a_silence_beyond_the_keep_alive_is_told_with_its_tolerance() {
    let to = |second| [(UP, 0, CONNECT), (DOWN, 0, CONNACK), (UP, second, PINGREQ), (DOWN, second, PINGRESP)];
    assert_eq!(play_at(&to(45), 50).0, [], "half as much more, up to a minute");
    assert!(matches!(play_at(&to(46), 50).0[..], [SnIncidentKind::KeepAliveExceeded(_, 30)]));
    assert_eq!(allowed(60), Span::from_secs(90));
    assert_eq!(allowed(100), Span::from_secs(110));
}

#[test]
fn one_request_of_a_kind_at_a_time() {
    let second: &[u8] = &[8, 0x0c, 0x20, 0, 17, 0, 3, b'x'];
    let begin = [(UP, CONNECT), (DOWN, CONNACK), (UP, REGISTER), (DOWN, REGACK), (UP, PUBLISH)];
    let with = |more: &[(Direction, &[u8])]| play(&[&begin[..], more].concat());
    assert_eq!(with(&[(DOWN, PUBACK), (UP, second), (DOWN, &[7, 0x0d, 0, 17, 0, 3, 0])]).0, []);
    let (incidents, _) = with(&[(UP, second)]);
    assert_eq!(incidents[0], SnIncidentKind::SeveralOutstanding(Kind::Publish, 2, 3));
    let (incidents, _) = with(&[(UP, &[8, 0x0c, 0x20, 0, 17, 0, 2, b'z'])]);
    assert_eq!(incidents[0], SnIncidentKind::MessageIdReused(Kind::Publish, 2));
    let (incidents, sessions) = with(&[(UP, &[8, 0x0c, 0xa0, 0, 17, 0, 2, b'x']), (DOWN, PUBACK)]);
    assert_eq!((incidents.len(), sessions[0].counts[UP].duplicate), (0, 1), "sent again with DUP");
    assert_eq!(with(&[(UP, PUBLISH), (DOWN, PUBACK)]).0, [SnIncidentKind::DupMissing(2)]);
    let (incidents, _) = with(&[(DOWN, &[4, 0x0f, 0, 2])]);
    assert_eq!(incidents[0], SnIncidentKind::WrongAnswer(Kind::Publish, Kind::PubRec));
}

#[test]
fn what_is_never_answered_is_told_once_nobody_waits() {
    let again: &[u8] = &[8, 0x0c, 0xa0, 0, 17, 0, 2, b'x'];
    let messages: &[(Direction, i64, &[u8])] = &[
        (UP, 0, CONNECT),
        (DOWN, 0, CONNACK),
        (UP, 1, REGISTER),
        (DOWN, 1, REGACK),
        (UP, 2, PUBLISH),
        (UP, 12, again),
        (UP, 22, again),
    ];
    assert_eq!(play_at(messages, 30).0, [], "its answer may still come");
    let (incidents, sessions) = play_at(messages, 40);
    assert_eq!(incidents, [SnIncidentKind::Unanswered(Kind::Publish, 3)]);
    assert_eq!(sessions[0].open_deliveries(UP), 1);
}

#[test]
fn ids_are_to_be_registered_after_a_clean_start() {
    let (incidents, _) = play(&[(UP, CONNECT), (DOWN, CONNACK), (UP, PUBLISH), (DOWN, &[7, 0x0d, 0, 17, 0, 2, 2])]);
    let rejected = SnIncidentKind::Rejected(Kind::PubAck, mqttsn::ReturnCode::INVALID_TOPIC_ID);
    assert_eq!(incidents, [SnIncidentKind::UnknownTopicId(17), rejected]);
    // It may have been registered before the capture.
    let resume: &[u8] = &[8, 0x04, 0, 1, 0, 30, b'm', b'e'];
    assert_eq!(play(&[(UP, resume), (DOWN, CONNACK), (UP, PUBLISH), (DOWN, PUBACK)]).0, []);
    assert_eq!(play(&[(UP, PUBLISH), (DOWN, PUBACK)]).0, []);
}

#[test]
fn a_gateway_waits_for_the_client_to_know_an_id() {
    let register: &[u8] = &[7, 0x0a, 0, 5, 0, 9, b's'];
    let publish: &[u8] = &[8, 0x0c, 0, 0, 5, 0, 0, b'y'];
    let regack: &[u8] = &[7, 0x0b, 0, 5, 0, 9, 0];
    let begin = [(UP, CONNECT), (DOWN, CONNACK), (DOWN, register)];
    let (incidents, _) = play(&[&begin[..], &[(DOWN, publish), (UP, regack)]].concat());
    assert_eq!(incidents, [SnIncidentKind::PublishBeforeRegAck(5)]);
    assert_eq!(play(&[&begin[..], &[(UP, regack), (DOWN, publish)]].concat()).0, []);
}

#[test]
fn the_will_comes_in_its_order_and_before_the_connack() {
    assert_eq!(play(&[(UP, WILL_CONNECT), (DOWN, CONNACK)]).0, [SnIncidentKind::WillIncomplete]);
    assert_eq!(
        play(&[(UP, CONNECT), (DOWN, WILLTOPICREQ), (UP, WILLTOPIC), (DOWN, CONNACK)]).0,
        [SnIncidentKind::WillOrder(Kind::WillTopicReq), SnIncidentKind::WillOrder(Kind::WillTopic)]
    );
    let twice = [
        (UP, WILL_CONNECT),
        (DOWN, WILLTOPICREQ),
        (DOWN, WILLTOPICREQ),
        (UP, WILLTOPIC),
        (DOWN, WILLMSGREQ),
        (UP, WILLMSG),
        (DOWN, CONNACK),
    ];
    assert_eq!(play(&twice).0, [], "what is sent again is no mistake");
}

#[test]
fn rejections_are_told_and_what_comes_too_soon_behind_them() {
    let (incidents, sessions) = play(&[(UP, CONNECT), (DOWN, &[3, 0x05, 1]), (UP, CONNECT), (DOWN, CONNACK)]);
    assert!(matches!(incidents[0], SnIncidentKind::Rejected(Kind::ConnAck, mqttsn::ReturnCode::CONGESTION)));
    assert_eq!((sessions.len(), sessions[0].end.kind), (2, SnEndKind::Refused));
    let begin = [(UP, CONNECT), (DOWN, CONNACK), (UP, REGISTER), (DOWN, &[7, 0x0b, 0, 0, 0, 1, 1][..])];
    let (incidents, _) = play(&[&begin[..], &[(UP, REGISTER), (DOWN, REGACK)]].concat());
    assert!(matches!(incidents[1], SnIncidentKind::CongestionRetry(Kind::Register, _)), "{incidents:?}");
}

#[test]
fn who_is_not_connected_may_only_publish_with_qos_minus_one() {
    let end = [(UP, CONNECT), (DOWN, CONNACK), (UP, DISCONNECT), (DOWN, DISCONNECT)];
    let with = |bytes: &'static [u8]| play(&[&end[..], &[(UP, bytes)]].concat()).0;
    assert_eq!(with(&[8, 0x0c, 0x61, 0, 9, 0, 0, b'x']), []);
    assert_eq!(with(&[8, 0x0c, 0x01, 0, 9, 0, 0, b'x']), [SnIncidentKind::NotConnected(Kind::Publish)]);
    assert_eq!(play(&[(UP, CONNECT), (DOWN, CONNACK), (DOWN, SLEEP_OF_GATEWAY)]).0, []);
}

const SLEEP_OF_GATEWAY: &[u8] = &[2, 0x18];

#[test]
fn types_of_the_other_side_are_told() {
    assert_eq!(
        play(&[(UP, CONNECT), (DOWN, CONNACK), (DOWN, &[6, 0x14, 0, 0, 1, b't'])]).0[0],
        SnIncidentKind::WrongSender(Kind::Unsubscribe)
    );
    let minus_one: &[u8] = &[8, 0x0c, 0x61, 0, 9, 0, 0, b'x'];
    assert_eq!(play(&[(UP, CONNECT), (DOWN, CONNACK), (DOWN, minus_one)]).0, [SnIncidentKind::MinusOneByGateway]);
}

#[test]
fn a_client_that_moves_keeps_its_session() {
    let mut play = Play::new();
    for (bytes, direction) in [(CONNECT, UP), (CONNACK, DOWN), (SLEEP, UP), (DISCONNECT, DOWN)] {
        play.message(flow(1, 4000), direction, 0, bytes);
    }
    play.message(flow(2, 5000), UP, 9, AWAKE);
    play.message(flow(2, 5000), DOWN, 9, PINGRESP);
    let (incidents, sessions) = play.end(10);
    assert_eq!(incidents, []);
    let [session] = &sessions[..] else { panic!("one session, not {}", sessions.len()) };
    assert_eq!((session.moves, session.previous_flow, session.flow.id), (1, Some(FrameNo(1)), FrameNo(2)));
    assert_eq!((session.sleeps, session.wakes), (1, 1));
}

#[test]
fn nodes_behind_a_forwarder_have_sessions_of_their_own() {
    let wrap = |node: u8, bytes: &[u8]| [&[4, 0xfe, 0, node][..], bytes].concat();
    let mut play = Play::new();
    for node in [1, 2, 1] {
        play.message(flow(1, 4000), UP, 0, &wrap(node, if node == 1 { PINGREQ } else { CONNECT }));
    }
    let (_, sessions) = play.end(1);
    let nodes: Vec<_> = sessions.iter().map(|session| (&*session.node, session.counts[UP].total())).collect();
    assert_eq!(nodes, [(&[1][..], 2), (&[2], 1)]);
}

#[test]
fn with_lost_frames_nothing_is_sure() {
    let mut play = Play::new();
    play.sessions.frames_lost();
    for (bytes, direction) in
        [(CONNECT, UP), (CONNACK, DOWN), (PUBLISH, UP), (PUBACK, DOWN), (PUBLISH, UP), (PUBLISH, UP)]
    {
        play.message(flow(1, 4000), direction, 0, bytes);
    }
    let incidents = play.sessions.take_incidents();
    let [incident] = &incidents[..] else { panic!("{incidents:?}") };
    assert_eq!((incident.kind, incident.certainty), (SnIncidentKind::DupMissing(2), crate::session::Certainty::Hint));
}
