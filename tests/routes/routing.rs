//! Messages through the broker: whose they are, who got them, who did not and why.

use crate::net::*;

/// After which those who did not get a message are counted.
const LATER: u64 = 12_000;

fn later(net: &mut Net, flows: &[usize]) {
    net.wait(LATER);
    for flow in flows {
        net.up(*flow, &[0xc0, 0]);
        net.down(*flow, &[0xd0, 0]);
    }
}

fn x(version: u8) -> Vec<u8> {
    publish(version, 0, 0, "t", "x")
}

#[test]
fn equal_messages_are_matched_in_their_order() {
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let [a, b] = ["a", "b"].map(|id| net.new_client(4, id));
    net.up(a, &x(4));
    net.up(b, &x(4));
    net.up(a, &x(4));
    (0..3).for_each(|_| net.down(sub, &x(4)));
    let told = net.told();
    assert_eq!(told.received(), [("sub", "message", "a", 1), ("sub", "message", "b", 1), ("sub", "message", "a", 1)]);
    let topic = told.topic("t");
    assert_eq!((&topic["publishers"], &topic["published"], &topic["received"]), (&2.into(), &3.into(), &3.into()));
    assert_eq!((&topic["out_of_order"], &topic["copies"]), (&0.into(), &0.into()));
}

#[test]
fn who_subscribes_later_gets_the_later_one_of_equal_messages() {
    let mut net = Net::default();
    let early = net.subscriber(4, "early", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &x(4));
    net.down(early, &x(4));
    let late = net.subscriber(4, "late", "t", 0);
    net.wait(1000);
    for _ in 0..3 {
        net.up(p, &x(4));
        net.down(early, &x(4));
        net.down(late, &x(4));
    }
    later(&mut net, &[early, late]);
    let told = net.told();
    assert_eq!(told.missed(), []);
    for delivery in told.deliveries("server") {
        assert!(delivery["published"]["after_s"].as_f64().unwrap() < 0.01, "{delivery}");
    }
}

#[test]
fn overlapping_subscriptions_give_one_copy_or_several() {
    for copies in 1..3 {
        let mut net = Net::default();
        let sub = net.subscriber(5, "sub", "t", 0);
        net.subscribed(sub, 5, "#", 1);
        let p = net.new_client(5, "p");
        net.up(p, &x(5));
        (0..copies).for_each(|_| net.down(sub, &x(5)));
        let told = net.told();
        let got = &told.deliveries("client")[0]["receivers"];
        assert_eq!((got.as_array().unwrap().len(), &got[0]["copies"]), (1, &copies.into()));
        assert_eq!(told.topic("t")["copies"], copies - 1);
    }
}

#[test]
fn no_local_and_shared_subscriptions_are_heeded() {
    let mut net = Net::default();
    let own = net.subscriber(5, "own", "t", 0b100);
    let [a, b] = ["a", "b"].map(|id| net.subscriber(5, id, "$share/g/t", 0));
    for member in [a, b] {
        net.up(own, &x(5));
        net.down(member, &x(5));
    }
    later(&mut net, &[own, a, b]);
    let told = net.told();
    assert_eq!(told.missed(), [], "one member of a group gets each message, its publisher none");
    let after = |delivery: &serde_json::Value| delivery["published"]["after_s"].as_f64().unwrap();
    assert!(told.deliveries("server").into_iter().all(|delivery| after(delivery) < 0.01), "each is its own message");
    net.up(own, &publish(5, 0, 0, "t", "for nobody"));
    later(&mut net, &[own, a, b]);
    assert_eq!(net.told().missed(), [("a", "not_sent", "hint")]);
}

#[test]
fn a_retained_message_is_one_with_retain_that_was_not_for_the_subscriber() {
    let retained = publish(5, RETAIN, 0, "t", "x");
    let mut net = Net::default();
    // Retain As Published keeps the flag of live messages.
    let as_published = net.subscriber(5, "rap", "t", 0b1000);
    let p = net.new_client(5, "p");
    net.up(p, &retained);
    net.down(as_published, &retained);
    let late = net.subscriber(5, "late", "t", 0);
    net.down(late, &retained);
    net.wait(LATER);
    net.subscribed(as_published, 5, "t", 0);
    net.down(as_published, &retained);
    // Nobody was seen to publish this, and it is none that is retained.
    net.down(late, &x(5));
    let told = net.told();
    let expected = [("rap", "message"), ("late", "retained"), ("rap", "retained"), ("late", "?")];
    let received: Vec<_> = told.received().into_iter().map(|(to, kind, ..)| (to, kind)).collect();
    assert_eq!(received, expected);
    assert_eq!(told.topic("t")["unknown_publisher"], 1);
}

#[test]
fn who_is_away_gets_messages_later_or_not_at_all() {
    for (qos, why) in [(0, "away"), (QOS_1, "queued")] {
        let mut net = Net::default();
        let sub = net.client(&lasting(4, "sub"), &connack(4, false));
        net.subscribed(sub, 4, "t", 1);
        net.reset(sub, 0);
        let p = net.new_client(4, "p");
        net.up(p, &publish(4, qos, 1, "t", "x"));
        if qos > 0 {
            net.down(p, &puback(1));
        }
        later(&mut net, &[p]);
        net.wait(600_000);
        net.up(p, &[0xc0, 0]);
        let back = net.client(&lasting(4, "sub"), &connack(4, true));
        if qos > 0 {
            net.down(back, &publish(4, QOS_1, 1, "t", "x"));
        }
        let told = net.told();
        assert_eq!(told.missed(), [("sub", why, "likely")]);
        let received = told.received();
        assert_eq!(received.len(), usize::from(qos > 0));
        // However long it waited, it is known whose it is.
        assert!(received.iter().all(|received| *received == ("sub", "message", "p", 1)), "{received:?}");
        assert_eq!(told.topic("t")["unknown_publisher"], 0);
    }
}

#[test]
fn who_does_not_get_a_message_is_told_with_the_reason() {
    // It is connected, and gets others later.
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &x(4));
    later(&mut net, &[sub, p]);
    assert_eq!(net.told().missed(), [("sub", "not_sent", "hint")]);
    net.up(p, &publish(4, 0, 0, "t", "y"));
    net.down(sub, &publish(4, 0, 0, "t", "y"));
    let told = net.told();
    assert_eq!(told.missed(), [("sub", "not_sent", "hint")], "what was told is told");

    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &x(4));
    net.wait(5000);
    net.up(p, &publish(4, 0, 0, "t", "y"));
    net.down(sub, &publish(4, 0, 0, "t", "y"));
    // That it leaves before the count is no reason.
    net.up(sub, &disconnect(4, 0, &[]));
    net.close(sub, 0);
    later(&mut net, &[p]);
    assert_eq!(net.told().missed(), [("sub", "not_sent", "likely")]);

    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &x(4));
    net.close(sub, 0);
    later(&mut net, &[p]);
    assert_eq!(net.told().missed(), [("sub", "left", "likely")]);

    // The capture ends too early.
    let mut net = Net::default();
    net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &x(4));
    assert_eq!(net.told().missed(), [("sub", "not_provable", "hint")]);

    // Some of what was sent is missing.
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &x(4));
    net.down(sub, &x(4));
    net.lost();
    net.wait(3000);
    net.up(p, &publish(4, 0, 0, "t", "y"));
    net.down(sub, &publish(4, 0, 0, "t", "y"));
    later(&mut net, &[sub, p]);
    let told = net.told();
    assert!(told.missed().iter().all(|(_, why, certainty)| (*why, *certainty) == ("not_provable", "hint")));
    assert_eq!(told.missed().len(), 1);
}

#[test]
fn what_the_broker_refuses_or_does_not_acknowledge_it_need_not_pass_on() {
    let mut net = Net::default();
    let sub = net.subscriber(5, "sub", "t", 0);
    let p = net.new_client(5, "p");
    net.up(p, &publish(5, QOS_1, 1, "t", "refused"));
    net.down(p, &coded(&puback(1), 0x87));
    net.up(p, &publish(5, QOS_1, 2, "t", "ignored"));
    later(&mut net, &[sub, p]);
    assert_eq!(net.told().missed(), []);
}

#[test]
fn an_exchange_that_stays_open_does_not_hold_up_the_others() {
    let mut net = Net::default();
    let p = net.new_client(4, "p");
    net.up(p, &publish(4, QOS_1, 1, "t", "open"));
    net.up(p, &publish(4, 0, 0, "t", "y"));
    later(&mut net, &[p]);
    net.up(p, &publish(4, 0, 0, "t", "z"));
    let told = net.told();
    let topic_after = told.deliveries("client");
    assert_eq!(topic_after.len(), 3);
    assert_eq!(told.outcomes("client"), [("open", 0), ("sent", 0), ("sent", 0)]);
}

#[test]
fn messages_that_overtake_each_other_are_told() {
    let message = |payload| publish(4, 0, 0, "t", payload);
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &message("one"));
    net.up(p, &message("two"));
    net.down(sub, &message("two"));
    net.down(sub, &message("one"));
    let told = net.told();
    assert_eq!(told.topic("t")["out_of_order"], 1);
    assert_eq!(told.deliveries("server")[1]["published"]["out_of_order"], true);
    // Of another QoS a message may be faster (MQTT 5.0, section 4.6): one of QoS 2 waits for its PUBREL.
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.new_client(4, "p");
    net.up(p, &publish(4, QOS_2, 1, "t", "one"));
    net.up(p, &message("two"));
    net.down(sub, &message("two"));
    net.down(p, &pubrec(1));
    net.wait(15_000);
    net.up(p, &pubrel(1));
    net.down(p, &pubcomp(1));
    net.down(sub, &message("one"));
    let told = net.told();
    assert_eq!(told.topic("t")["out_of_order"], 0);
    let late = told.deliveries("server")[1];
    assert_eq!(late["published"]["client_id"], "p", "released late");
    assert!(late["published"]["after_s"].as_f64().unwrap() > 15.0);
    assert_eq!(told.missed(), []);
}

#[test]
fn a_message_that_its_publisher_sends_again_may_be_forwarded_twice() {
    let mut net = Net::default();
    let sub = net.subscriber(5, "sub", "t", 0);
    let begin = Connect { version: 5, id: "p", clean: true, properties: expiry(99), ..Connect::default() };
    let p = net.client(&begin.bytes(), &connack(5, false));
    net.up(p, &publish(5, QOS_1, 1, "t", "x"));
    net.down(sub, &x(5));
    net.reset(p, 0);
    let p = net.client(&Connect { clean: false, ..begin }.bytes(), &connack(5, true));
    net.up(p, &publish(5, QOS_1 | DUP, 1, "t", "x"));
    net.down(p, &puback(1));
    net.down(sub, &x(5));
    let told = net.told();
    assert_eq!(told.received(), [("sub", "message", "p", 1), ("sub", "message", "p", 2)]);
    assert_eq!(told.outcomes("client"), [("complete", 1)]);
    assert_eq!(told.topic("t")["published"], 1);
}

#[test]
fn an_alias_stands_for_its_topic() {
    let alias = |topic| publish_with(5, 0, 0, topic, "x", &[0x23, 0, 1]);
    let mut net = Net::default();
    let sub = net.subscriber(5, "sub", "t", 0);
    let p = net.client(&clean(5, "p"), &connack_with(5, false, 0, &[0x22, 0, 5]));
    net.up(p, &alias("t"));
    net.down(sub, &x(5));
    net.up(p, &alias(""));
    net.down(sub, &x(5));
    let told = net.told();
    assert_eq!(told.received(), [("sub", "message", "p", 1); 2]);
    assert_eq!(told.topic("t")["published"], 2);
}

#[test]
fn what_the_broker_says_of_itself_has_no_publisher() {
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "$SYS/#", 0);
    net.down(sub, &publish(4, RETAIN, 0, "$SYS/uptime", "1"));
    net.down(sub, &publish(4, 0, 0, "$SYS/uptime", "2"));
    let told = net.told();
    assert_eq!(told.received(), [("sub", "?", "?", 0); 2]);
    assert_eq!(told.topic("$SYS/uptime")["unknown_publisher"], 2);
}

#[test]
fn two_ports_are_two_brokers() {
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "t", 0);
    let p = net.open_to(1884);
    net.up(p, &clean(4, "p"));
    net.down(p, &connack(4, false));
    net.up(p, &x(4));
    net.down(sub, &x(4));
    later(&mut net, &[sub, p]);
    let told = net.told();
    assert_eq!((told.received(), told.missed()), (vec![("sub", "?", "?", 0)], vec![]));
}

#[test]
fn connections_without_connect_are_followed_by_their_flow() {
    let mut net = Net::default();
    let [sub, p] = [net.joined(1883), net.joined(1883)];
    for flow in [sub, p] {
        net.up(flow, &[0xc0, 0]);
        net.down(flow, &[0xd0, 0]);
    }
    net.subscribed(sub, 4, "t", 0);
    net.up(p, &publish(4, QOS_1, 1, "t", "x"));
    net.down(p, &puback(1));
    net.down(sub, &x(4));
    let told = net.told();
    assert_eq!(told.received(), [("?", "message", "?", 1)]);
    assert_eq!(told.deliveries("server")[0]["published"]["frame"], told.deliveries("client")[0]["frame"]);
    assert_eq!(told.findings(), [""; 0]);
}

#[test]
fn thousands_of_equal_messages_to_many_clients_are_matched_at_once() {
    let mut net = Net::default();
    let subs: Vec<_> = (0..8).map(|at| net.subscriber(4, &format!("sub {at}"), "t", 0)).collect();
    let p = net.new_client(4, "p");
    let many = x(4).repeat(500);
    for _ in 0..10 {
        net.up(p, &many);
        for sub in &subs {
            net.down(*sub, &many);
        }
    }
    let told = net.told();
    assert!(told.received().iter().all(|(_, kind, by, copy)| (*kind, *by, *copy) == ("message", "p", 1)));
    assert_eq!(told.received().len(), 40_000);
    assert_eq!(told.topic("t")["out_of_order"], 0);
}

/// The broker's packets are captured a little earlier than the client's.
#[test]
fn a_client_whose_connack_is_captured_before_its_connect_is_known_by_its_name() {
    for version in VERSIONS {
        let mut net = Net::default();
        let late = net.open();
        net.down(late, &connack(version, false));
        net.up(late, &clean(version, "late"));
        net.subscribed(late, version, "t", 0);
        let publisher = net.new_client(version, "p");
        net.up(publisher, &publish(version, 0, 0, "t", "1"));
        net.down(late, &publish(version, 0, 0, "t", "1"));
        net.up(publisher, &publish(version, 0, 0, "t", "2"));
        net.wait(5000);
        net.up(publisher, &publish(version, 0, 0, "t", "3"));
        net.down(late, &publish(version, 0, 0, "t", "3"));
        net.wait(20_000);
        net.up(publisher, &[0xc0, 0]);
        let told = net.told();
        assert_eq!(told.received(), [("late", "message", "p", 1); 2]);
        assert_eq!(told.missed(), [("late", "not_sent", "likely")], "it was connected");
        assert_eq!(told.findings(), [""; 0]);
    }
}

/// What a client is called may show long after its subscriptions.
#[test]
fn who_was_known_by_the_connection_is_nobody_else_once_there_is_a_name() {
    let mut net = Net::default();
    let late = net.open();
    net.subscribed(late, 4, "t", 0);
    let publisher = net.new_client(4, "p");
    net.up(publisher, &publish(4, 0, 0, "t", "1"));
    net.down(late, &publish(4, 0, 0, "t", "1"));
    net.up(late, &clean(4, "late"));
    net.down(late, &connack(4, false));
    net.up(publisher, &publish(4, 0, 0, "t", "2"));
    net.down(late, &publish(4, 0, 0, "t", "2"));
    net.wait(20_000);
    net.up(publisher, &[0xc0, 0]);
    let told = net.told();
    assert_eq!(told.received(), [("?", "message", "p", 1), ("late", "message", "p", 1)]);
    assert_eq!(told.missed(), [], "nobody waits under another name");
}
