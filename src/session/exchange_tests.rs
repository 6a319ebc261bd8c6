use std::net::SocketAddr;

use super::*;
use crate::capture::Origin;
use crate::engine::FlowRef;
use crate::flow::{Direction, KnownBy, PerDirection, Transport};
use crate::mqtt::Version;
use crate::rare::Rare;
use crate::session::delivery::Deliveries;
use crate::session::delivery::{Faults, Sending};
use crate::time::Timestamp;

fn at(millis: u64) -> PacketRef {
    let time = Timestamp::from_nanos(0) + Span::from_millis(millis as i64);
    PacketRef { flow: FrameNo(1), at: Origin { frame: FrameNo(millis), time } }
}

fn flow() -> FlowRef {
    let end = |port| SocketAddr::from(([10, 0, 0, 1], port));
    FlowRef {
        id: FrameNo(1),
        stream: 0,
        transport: Transport::Tcp,
        client: end(40_000),
        server: end(1883),
        known_by: KnownBy::Syn,
        begin: PerDirection::default(),
        from_start: PerDirection::default(),
        lacks: PerDirection::default(),
        unacknowledged: PerDirection::default(),
    }
}

fn sent(packet_id: u16, payload: u64, at: PacketRef) -> Box<Delivery> {
    Box::new(Delivery {
        direction: Direction::ToServer,
        version: Version::V311,
        qos: 1,
        retain: false,
        packet_id: Some(packet_id),
        first: Sending { place: at, dup: false },
        resends: 0,
        acknowledged: None,
        released: None,
        completed: None,
        outcome: DeliveryOutcome::Open,
        faults: Faults::default(),
        digest: Digest::new(Some(1), payload, Some(1), true),
        release_flow: None,
        owed: 0,
        demanded: 0,
        number: 0,
        told: Rare::new(),
    })
}

/// Runs exchanges whose session is known or not; gives the incidents.
fn run(known: bool, mut each: impl FnMut(&mut Exchanges, &mut Judge<'_>, &mut Tally<'_>)) -> Vec<IncidentKind> {
    let (mut incidents, mut told) = (Vec::new(), 0);
    let mut judge = Judge {
        incidents: &mut incidents,
        told: &mut told,
        flow: &flow(),
        version: Version::V311,
        at: at(0).at,
        known,
        whole: known,
        receiver: Some(Role::Server),
    };
    let mut deliveries = Rare::<Deliveries>::default();
    let mut exchanges = Exchanges::default();
    each(&mut exchanges, &mut judge, &mut Tally { of: &mut deliveries, over: None });
    incidents.into_iter().map(|incident| incident.kind).collect()
}

#[test]
fn messages_whose_acknowledgements_are_not_captured_take_no_more_and_more_room() {
    let told = run(false, |exchanges, judge, tally| {
        for number in 0..10_000 {
            exchanges.on_publish(sent(number as u16 % 10, number, at(number)), judge, tally);
        }
        assert!(exchanges.waiting[0].len() <= WAITING, "{}", exchanges.waiting[0].len());
        assert_eq!((exchanges.open(), exchanges.in_flight()), (10, 10));
        assert_eq!(tally.of.counts.unresolved, 9_990);
    });
    assert_eq!(told, []);
}

#[test]
fn early_acknowledgements_are_bounded() {
    let told = run(true, |exchanges, judge, tally| {
        for id in 0..1000 {
            exchanges.on_acknowledgement(PacketType::PubAck, id, 0, at(1), judge, tally);
        }
        assert_eq!(exchanges.early.len(), EARLY_LIMIT);
    });
    assert_eq!(told, []);
}

#[test]
fn an_equal_message_on_the_same_connection_is_another() {
    let told = run(true, |exchanges, judge, tally| {
        exchanges.on_publish(sent(1, 7, at(1)), judge, tally);
        exchanges.on_publish(sent(1, 7, at(2)), judge, tally);
    });
    assert_eq!(told, [IncidentKind::IdentifierInUse(1)]);
}

/// The client's stream waits for a lost segment, and the server's goes on meanwhile.
#[test]
fn both_answers_of_qos_2_may_be_told_before_their_message() {
    let told = run(true, |exchanges, judge, tally| {
        exchanges.on_acknowledgement(PacketType::PubRec, 5, 0, at(2), judge, tally);
        exchanges.on_acknowledgement(PacketType::PubComp, 5, 0, at(4), judge, tally);
        let mut message = sent(5, 7, at(1));
        message.qos = 2;
        exchanges.on_publish(message, judge, tally);
        exchanges.on_release(5, at(3), Role::Client, judge, tally);
        assert_eq!((exchanges.open(), tally.of.counts.complete, tally.of.counts.unmatched), (0, 1, 0));
        exchanges.settle(true, false, judge);
    });
    assert_eq!(told, []);
}

/// An exchange that a later connection, of flow 2, begins before its CONNACK.
fn begun(message: Box<Delivery>, judge: &mut Judge<'_>, tally: &mut Tally<'_>) -> Exchanges {
    let mut newer = Exchanges::default();
    newer.on_publish(message, judge, tally);
    newer
}

fn on_flow_2(millis: u64) -> PacketRef {
    PacketRef { flow: FrameNo(2), ..at(millis) }
}

#[test]
fn an_open_delivery_is_told_when_a_new_connection_takes_its_identifier() {
    for known in [true, false] {
        let mut over = Vec::new();
        let told = run(known, |exchanges, judge, tally| {
            exchanges.on_publish(sent(1, 7, at(1)), judge, tally);
            let newer = begun(sent(1, 8, on_flow_2(2)), judge, tally);
            let tally = &mut Tally { of: tally.of, over: Some(&mut over) };
            exchanges.absorb(newer, judge, tally);
            assert_eq!((exchanges.open(), exchanges.in_flight(), tally.of.counts.unresolved), (1, 1, 1));
        });
        let outcomes: Vec<_> = over.iter().map(|delivery| (delivery.first.place, delivery.outcome)).collect();
        if known {
            assert_eq!(outcomes, [(at(1), DeliveryOutcome::Superseded)]);
            assert_eq!(told, [IncidentKind::IdentifierInUse(1)]);
        } else {
            assert_eq!(outcomes, [(at(1), DeliveryOutcome::Unresolved)]);
            assert_eq!(told, []);
        }
    }
}

#[test]
fn what_is_sent_again_before_the_connack_is_no_other_message() {
    let told = run(true, |exchanges, judge, tally| {
        exchanges.on_publish(sent(1, 7, at(1)), judge, tally);
        judge.known = false;
        let mut again = sent(1, 7, on_flow_2(2));
        again.first.dup = true;
        let newer = begun(again, judge, tally);
        judge.known = true;
        exchanges.absorb(newer, judge, tally);
        assert_eq!((exchanges.open(), exchanges.in_flight()), (1, 1));
        let open = exchanges.get_mut(1).expect("it is open");
        assert_eq!((open.first.place, open.resends, open.last_flow()), (at(1), 1, FrameNo(2)));
        assert!(open.faults.is_empty());
        exchanges.on_acknowledgement(PacketType::PubAck, 1, 0, on_flow_2(3), judge, tally);
        assert_eq!((exchanges.open(), tally.of.counts.complete, tally.of.counts.unmatched), (0, 1, 0));
    });
    assert_eq!(told, []);
}

#[test]
fn a_release_before_the_connack_is_of_the_session_that_goes_on() {
    let told = run(true, |exchanges, judge, tally| {
        let mut message = sent(5, 7, at(1));
        message.qos = 2;
        exchanges.on_publish(message, judge, tally);
        exchanges.on_acknowledgement(PacketType::PubRec, 5, 0, at(2), judge, tally);
        let mut newer = Exchanges::default();
        judge.known = false;
        newer.on_release(5, on_flow_2(3), Role::Client, judge, tally);
        judge.known = true;
        exchanges.absorb(newer, judge, tally);
        exchanges.on_acknowledgement(PacketType::PubComp, 5, 0, on_flow_2(4), judge, tally);
        assert_eq!((exchanges.open(), tally.of.counts.complete, tally.of.counts.unmatched), (0, 1, 0));
        exchanges.settle(true, false, judge);
    });
    assert_eq!(told, []);
}

#[test]
fn what_was_over_before_the_connack_is_recognised_when_it_comes_again() {
    let told = run(true, |exchanges, judge, tally| {
        let mut newer = begun(sent(1, 7, on_flow_2(1)), judge, tally);
        newer.on_acknowledgement(PacketType::PubAck, 1, 0, on_flow_2(2), judge, tally);
        exchanges.absorb(newer, judge, tally);
        let mut again = sent(1, 7, on_flow_2(3));
        again.first.dup = true;
        exchanges.on_publish(again, judge, tally);
    });
    assert_eq!(told, [IncidentKind::ResentAfterCompletion(1)]);
}

/// The receiver's packets are captured a little earlier than the sender's.
#[test]
fn a_resend_that_is_captured_after_its_acknowledgement_is_no_further_message() {
    for (millis, expected) in [(4, vec![]), (40, vec![IncidentKind::ResentAfterCompletion(1)])] {
        let told = run(true, |exchanges, judge, tally| {
            exchanges.on_publish(sent(1, 7, at(1)), judge, tally);
            exchanges.absorb(Exchanges::default(), judge, tally);
            exchanges.on_acknowledgement(PacketType::PubAck, 1, 0, on_flow_2(3), judge, tally);
            let mut again = sent(1, 7, on_flow_2(millis));
            again.first.dup = true;
            exchanges.on_publish(again, judge, tally);
            assert_eq!((exchanges.open(), tally.of.counts.complete), (expected.len(), 1));
        });
        assert_eq!(told, expected);
    }
}

/// What lacks bytes is told of when the hole is given up, long after it was sent.
#[test]
fn a_message_that_is_not_whole_may_come_long_after_its_acknowledgement() {
    for whole in [false, true] {
        let told = run(true, |exchanges, judge, tally| {
            exchanges.on_acknowledgement(PacketType::PubAck, 5, 0, at(10), judge, tally);
            let mut message = sent(5, 7, at(400));
            message.digest.whole = whole;
            exchanges.on_publish(message, judge, tally);
            let complete = u64::from(!whole);
            assert_eq!((tally.of.counts.complete, tally.of.counts.unmatched), (complete, 1 - complete));
            assert_eq!(tally.of.latency.count(), 0, "it can't be told how long it took");
        });
        let expected = if whole { vec![IncidentKind::Unsolicited(PacketType::PubAck, 5)] } else { vec![] };
        assert_eq!(told, expected);
    }
}

#[test]
fn of_too_many_that_nobody_acknowledges_the_oldest_are_given_up() {
    run(true, |exchanges, judge, tally| {
        let many = OPEN_LIMIT as u16 + 10;
        for id in 1..=many {
            exchanges.on_publish(sent(id, u64::from(id), at(u64::from(id))), judge, tally);
        }
        assert_eq!((exchanges.open(), exchanges.given_up), (OPEN_LIMIT, 10));
        assert_eq!(exchanges.in_flight() as usize, OPEN_LIMIT);
        assert!((1..=10).all(|id| !exchanges.is_open(id)) && exchanges.is_open(11) && exchanges.is_open(many));
        assert_eq!(tally.of.counts.unresolved, 10);
    });
}
