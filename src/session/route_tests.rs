use super::*;
use crate::capture::Origin;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], port))
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(0) + Span::from_millis(millis)
}

fn place(millis: i64) -> PacketRef {
    PacketRef { flow: FrameNo(1), at: Origin { frame: FrameNo(1), time: at(millis) } }
}

fn client(name: &str) -> Party {
    Party::Client(name.as_bytes().into())
}

fn sent<'a>(party: &Party, topic: &'a Name, payload: u64, millis: i64) -> Sent<'a> {
    let digest = Digest::new(Some(topic.len() as u64), payload, Some(1), true);
    Sent { broker: address(1883), party: party.clone(), topic, digest, place: place(millis), qos: 0, retain: false }
}

fn router(publications: usize) -> Router {
    Router::new(RouteLimits { publications, retained: 10, topics: 10, subscriptions: 1 << 20 })
}

#[test]
fn nothing_is_left_of_clients_and_brokers_that_are_gone() {
    let mut router = router(100);
    let topic: Name = b"t".as_slice().into();
    for number in 0..1000 {
        let (broker, party) = (address(number), Party::Flow(FrameNo(number.into())));
        let now = at(i64::from(number) * 100);
        router.connected(broker, &party, false, now);
        let filter = Name::clone(&topic);
        router.subscribe(broker, Subscriber { party: party.clone(), filter, share: None, qos: 0, no_local: false });
        router.unsubscribe(broker, &party, &topic);
        router.forget(broker, &party, now);
        router.tick(now);
        router.receive(&sent(&client("c"), &topic, 1, i64::from(number) * 100), None);
    }
    // Those of the last twenty seconds may have missed something.
    assert!(router.brokers.len() <= 202, "{}", router.brokers.len());
    router.tick(at(1_000_000));
    router.settle();
    assert_eq!((router.brokers.len(), router.over.len()), (0, 0));
}

#[test]
fn who_is_back_is_not_let_go() {
    let mut router = router(100);
    router.connected(address(1883), &client("c"), false, at(0));
    router.forget(address(1883), &client("c"), at(1));
    router.connected(address(1883), &client("c"), false, at(2));
    router.tick(at(1_000_000));
    router.settle();
    assert_eq!(router.brokers.len(), 1);
}

#[test]
fn messages_are_bounded_by_number_and_by_bytes() {
    let mut router = router(100);
    let short: Name = b"t".as_slice().into();
    for number in 0..1000 {
        router.publish(&sent(&client("p"), &short, number, 0));
    }
    assert_eq!((router.publications.len(), router.by_content.len(), router.caps.total()), (100, 100, 900));
    let long: Name = vec![b'x'; 60_000].into();
    for number in 0..1000 {
        router.publish(&sent(&client("p"), &long, number, 0));
    }
    assert!(router.cost <= 100 * BYTES + 70_000, "{}", router.cost);
    router.finish(at(0));
    assert_eq!((router.publications.len(), router.by_content.len(), router.cost), (0, 0, 0));
}

#[test]
fn each_client_gets_each_of_equal_messages_once_and_then_copies() {
    let mut router = router(100);
    let topic: Name = b"t".as_slice().into();
    let mut published: Vec<_> = Vec::new();
    for millis in 0..5 {
        router.publish(&sent(&client("p"), &topic, 1, millis));
    }
    for millis in 10..17 {
        published.push(router.receive(&sent(&client("c"), &topic, 1, millis), None).unwrap());
    }
    let told: Vec<_> =
        published.iter().map(|of| (of.place.at.time.since(at(0)).as_nanos() / 1_000_000, of.copy)).collect();
    assert_eq!(told, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (4, 3)]);
    assert!(router.receive(&sent(&client("c"), &topic, 2, 20), None).is_none(), "nobody published that");
    // A copy that is captured long before the message is not its.
    router.publish(&sent(&client("p"), &topic, 3, 1000));
    assert!(router.receive(&sent(&client("c"), &topic, 3, 900), None).is_none());
}

#[test]
fn what_the_broker_did_not_take_waits_for_nobody() {
    let mut router = router(100);
    let topic: Name = b"t".as_slice().into();
    let filter = Name::clone(&topic);
    router.connected(address(1883), &client("c"), true, at(0));
    router.subscribe(address(1883), Subscriber { party: client("c"), filter, share: None, qos: 1, no_local: false });
    router.left(address(1883), &client("c"), at(1), true);
    for payload in 0..3 {
        router.publish(&Sent { qos: 1, ..sent(&client("p"), &topic, payload, 10) });
    }
    router.tick(at(20_000));
    for number in 0..3 {
        router.tell(number);
    }
    assert!(router.publications.is_empty());
    assert_eq!((router.cost, router.by_content.len()), (0, 0));
}

#[test]
fn a_clock_that_is_set_back_holds_up_neither_messages_nor_receivers() {
    const YEAR: i64 = 365 * 86_400_000;
    let mut router = router(100);
    let topic: Name = b"t".as_slice().into();
    let come = |router: &mut Router, payload: u64, millis: i64| {
        router.tick(at(millis));
        router.publish(&sent(&client("p"), &topic, payload, millis));
        let party = Party::Flow(FrameNo(payload));
        router.connected(address(1883), &party, false, at(millis));
        router.forget(address(1883), &party, at(millis));
        for number in 0..router.next {
            let waits = router.publications.get(&number).is_some_and(|publication| publication.hop.is_none());
            if waits && router.publications[&number].waits {
                router.remove(number);
            }
        }
    };
    come(&mut router, 0, YEAR);
    for second in 0..100 {
        come(&mut router, 1 + second as u64, second * 1000);
    }
    // Those of the last ten seconds, and of the last twenty.
    assert!(router.publications.len() <= 12, "{}", router.publications.len());
    let receivers = router.brokers.get(&address(1883)).map_or(0, |broker| broker.receivers.len());
    assert!(receivers <= 23, "{receivers}");
    // One frame with a damaged time lets nothing go before its time.
    let before = (router.publications.len(), router.brokers[&address(1883)].receivers.len());
    come(&mut router, 1000, YEAR * 3);
    let after = (router.publications.len(), router.brokers[&address(1883)].receivers.len());
    assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
}

fn subscriber(client_id: &str, filter: &str) -> Subscriber {
    let filter = filter.as_bytes().into();
    Subscriber { party: client(client_id), filter, share: None, qos: 1, no_local: false }
}

#[test]
fn what_was_found_out_of_a_topic_holds_until_its_subscriptions_change() {
    let mut router = router(100);
    let topic: Name = b"t".as_slice().into();
    for number in 0..2 * WORTH {
        router.subscribe(address(1883), subscriber(&format!("c{number}"), "t"));
    }
    let mut expected = |change: &dyn Fn(&mut Router)| {
        change(&mut router);
        let number = router.publish(&sent(&client("p"), &topic, 1, 0)).expect("a number");
        router.publications[&number].expected.len()
    };
    assert_eq!(expected(&|_| ()), 2 * WORTH);
    assert_eq!(expected(&|router| assert!(router.recent.get(&sent(&client("p"), &topic, 1, 0)).is_some())), 2 * WORTH);
    assert_eq!(expected(&|router| router.unsubscribe(address(1883), &client("c7"), b"t")), 2 * WORTH - 1);
    assert_eq!(expected(&|router| router.subscribe(address(1883), subscriber("another", "+"))), 2 * WORTH);
}

#[test]
fn who_wants_a_message_is_known_again_when_those_left_out_are_gone() {
    let mut router = Router::new(RouteLimits { publications: 100, retained: 10, topics: 10, subscriptions: 5000 });
    let topic: Name = b"t".as_slice().into();
    let broker = address(1883);
    let is_unknown = |router: &mut Router, millis| {
        router.tick(at(millis));
        let number = router.publish(&sent(&client("p"), &topic, millis as u64, millis)).expect("a number");
        router.publications[&number].is_unknown
    };
    router.connected(broker, &client("greedy"), false, at(0));
    for number in 0..100 {
        router.subscribe(broker, subscriber("greedy", &format!("f/{number}")));
    }
    assert!(router.caps.total() > 10 && is_unknown(&mut router, 1));
    for number in 0..100 {
        router.unsubscribe(broker, &client("greedy"), format!("f/{number}").as_bytes());
    }
    router.forget(broker, &client("greedy"), at(2));
    assert!(is_unknown(&mut router, 3), "a message to it may be on its way");
    router.connected(broker, &client("c"), false, at(4));
    assert!(!is_unknown(&mut router, 60_000));
    router.connected(broker, &client("greedy"), false, at(60_001));
    for number in 0..100 {
        router.subscribe(broker, subscriber("greedy", &format!("f/{number}")));
    }
    assert!(is_unknown(&mut router, 60_002));
    router.begins_anew(broker, &client("greedy"));
    assert!(!is_unknown(&mut router, 60_003));
}

#[test]
fn filters_of_those_who_are_to_get_a_message_count_as_held() {
    let mut router = router(100);
    let topic: Name = b"t".as_slice().into();
    let plain = router.publish(&sent(&client("p"), &topic, 1, 0)).map(|_| router.cost).expect("a cost");
    let filter = format!("{}/#", "t".repeat(10_000));
    router.subscribe(address(1883), subscriber("c", &filter));
    let topic: Name = filter.replace('#', "x").into_bytes().into();
    router.publish(&sent(&client("p"), &topic, 2, 0));
    assert!(router.cost > 2 * plain + 2 * filter.len() - 10, "of topic and filter: {}", router.cost);
}
