//! Exchanges of QoS 1 and 2: each step missing, twice, early, wrong, and sent again.

use crate::net::*;

/// What is told of a client that publishes, of which `talk` is the rest of the connection.
fn of_client(version: u8, talk: impl FnOnce(&mut Net, usize)) -> Told {
    let mut net = Net::default();
    let client = net.new_client(version, "c");
    talk(&mut net, client);
    net.wait(2000);
    net.up(client, &[0xc0, 0]);
    net.down(client, &[0xd0, 0]);
    net.told()
}

/// What is told of a client whose session goes on on a second connection after a reset.
fn of_two(version: u8, first: impl FnOnce(&mut Net, usize), second: impl FnOnce(&mut Net, usize)) -> Told {
    let mut net = Net::default();
    let begin = Connect { version, id: "c", clean: version == 5, properties: expiry_if(version), ..Connect::default() };
    // Before 5.0 a session that lasts can't be begun anew, but by one that does not last before it.
    if version < 5 {
        let before = net.new_client(version, "c");
        net.up(before, &disconnect(version, 0, &[]));
        net.close(before, 0);
    }
    let old = net.client(&begin.bytes(), &connack(version, false));
    first(&mut net, old);
    net.reset(old, 0);
    net.wait(10);
    let new = net.client(&lasting(version, "c"), &connack(version, true));
    second(&mut net, new);
    net.wait(2000);
    net.up(new, &[0xc0, 0]);
    net.told()
}

fn expiry_if(version: u8) -> Vec<u8> {
    if version == 5 { expiry(u32::MAX) } else { Vec::new() }
}

fn message(version: u8, flags: u8, id: u16) -> Vec<u8> {
    publish(version, flags, id, "t", &format!("message {id}"))
}

#[test]
fn whole_exchanges_are_complete_and_no_fault() {
    for version in VERSIONS {
        let told = of_client(version, |net, c| {
            net.up(c, &message(version, QOS_1, 1));
            net.down(c, &puback(1));
            net.up(c, &message(version, QOS_2, 2));
            net.down(c, &pubrec(2));
            net.up(c, &pubrel(2));
            net.down(c, &pubcomp(2));
            // The identifier is free again.
            net.up(c, &message(version, QOS_1, 2));
            net.down(c, &puback(2));
        });
        assert_eq!(told.outcomes("client"), [("complete", 0); 3]);
        assert_eq!(told.findings(), [""; 0]);
        assert_eq!(told.sessions()[0]["deliveries"]["complete"], 3);
    }
}

#[test]
fn what_is_not_acknowledged_to_the_end_is_open() {
    for steps in 0..3 {
        let told = of_client(4, |net, c| {
            net.up(c, &message(4, QOS_2, 1));
            if steps > 0 {
                net.down(c, &pubrec(1));
            }
            if steps > 1 {
                net.up(c, &pubrel(1));
            }
        });
        assert_eq!(told.outcomes("client"), [("open", 0)]);
        assert_eq!(told.deliveries("client")[0]["steps"].as_array().map_or(0, Vec::len), steps);
        assert_eq!(told.findings(), [""; 0]);
    }
}

#[test]
fn a_second_acknowledgement_is_told_unless_something_was_sent_again() {
    for version in VERSIONS {
        let told = of_client(version, |net, c| {
            net.up(c, &message(version, QOS_1, 1));
            net.down(c, &puback(1));
            net.down(c, &puback(1));
        });
        assert_eq!(told.findings(), ["acknowledged-twice"], "PUBACK");
        let told = of_client(version, |net, c| {
            net.up(c, &message(version, QOS_2, 1));
            net.down(c, &pubrec(1));
            net.down(c, &pubrec(1));
            net.up(c, &pubrel(1));
            net.down(c, &pubcomp(1));
            net.down(c, &pubcomp(1));
        });
        assert_eq!(told.findings(), ["acknowledged-twice"; 2], "PUBREC and PUBCOMP");
        let told = of_client(version, |net, c| {
            net.up(c, &message(version, QOS_1, 1));
            net.up(c, &message(version, QOS_1 | DUP, 1));
            net.down(c, &puback(1));
            net.down(c, &puback(1));
            net.up(c, &message(version, QOS_2, 2));
            net.up(c, &message(version, QOS_2 | DUP, 2));
            net.down(c, &pubrec(2));
            net.down(c, &pubrec(2));
            net.up(c, &pubrel(2));
            net.up(c, &pubrel(2));
            net.down(c, &pubcomp(2));
            net.down(c, &pubcomp(2));
            net.up(c, &pubrel(2));
            net.down(c, &pubcomp(2));
        });
        // The server had to answer each, and the client the second PUBREC (MQTT-4.3.3-4); that the client sent again within the
        // connection by itself is a fault in 5.0 alone.
        assert_eq!(told.findings(), ["resent-on-connection"; 3]);
        let severity = if version == 5 { "error" } else { "note" };
        assert_eq!(told.finding("resent-on-connection")["severity"], severity);
        assert_eq!(told.outcomes("client"), [("complete", 1); 2]);
    }
}

#[test]
fn a_second_acknowledgement_is_told_also_after_many_others() {
    let told = of_client(4, |net, c| {
        for id in 1..100 {
            net.up(c, &message(4, QOS_1, id));
            net.down(c, &puback(id));
            if id == 50 {
                net.down(c, &puback(id));
            }
        }
    });
    assert_eq!(told.findings(), ["acknowledged-twice"]);
}

#[test]
fn acknowledgements_of_the_wrong_kind_and_of_nothing_are_told() {
    let told = of_client(4, |net, c| {
        net.up(c, &message(4, QOS_1, 1));
        net.down(c, &pubrec(1));
        net.up(c, &message(4, QOS_2, 2));
        net.down(c, &puback(2));
    });
    assert_eq!(told.findings(), ["wrong-acknowledgement"; 2]);
    let told = of_client(4, |net, c| {
        net.down(c, &puback(7));
        net.down(c, &pubrec(8));
        net.up(c, &pubrel(9));
        net.up(c, &message(4, QOS_2, 2));
        net.down(c, &pubrec(2));
        net.down(c, &pubcomp(2));
    });
    let mut found = told.findings();
    found.sort_unstable();
    assert_eq!(found, ["unsolicited", "unsolicited", "unsolicited", "wrong-acknowledgement"]);
}

#[test]
fn an_acknowledgement_that_is_captured_shortly_before_its_message_is_its() {
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "#", 0);
    let c = net.new_client(4, "c");
    net.down(c, &puback(1));
    net.up(c, &message(4, QOS_1, 1));
    net.down(sub, &publish(4, 0, 0, "t", "message 1"));
    net.wait(2000);
    net.up(c, &[0xc0, 0]);
    let told = net.told();
    assert_eq!((told.outcomes("client"), told.findings()), (vec![("complete", 0)], vec![]));
    assert_eq!(told.received(), [("sub", "message", "c", 1)], "it is followed through the broker all the same");
    assert_eq!(told.sessions()[1]["from_client"]["deliveries"]["unmatched"], 0);
    // Half a second before is too early.
    let told = of_client(4, |net, c| {
        net.down(c, &puback(1));
        net.wait(500);
        net.up(c, &message(4, QOS_1, 1));
        net.down(c, &puback(1));
    });
    assert_eq!((told.outcomes("client"), told.findings()), (vec![("complete", 0)], vec!["unsolicited"]));
}

#[test]
fn an_identifier_that_is_in_use_is_told_whatever_dup_says() {
    for flags in [QOS_1, QOS_1 | DUP] {
        let told = of_client(5, |net, c| {
            net.up(c, &publish(5, QOS_1, 1, "t", "one"));
            net.up(c, &publish(5, flags, 1, "t", "another"));
            net.down(c, &puback(1));
        });
        assert_eq!(told.findings(), ["identifier-in-use"]);
        assert_eq!(told.outcomes("client"), [("superseded", 0), ("complete", 0)]);
    }
    let told = of_client(4, |net, c| {
        net.up(c, &subscribe(4, 1, &[("t", 0)]));
        net.up(c, &message(4, QOS_1, 1));
        net.down(c, &suback(4, 1, &[0]));
        net.down(c, &puback(1));
    });
    assert_eq!(told.findings(), ["identifier-in-use"], "SUBSCRIBE takes identifiers of the same space");
}

#[test]
fn the_identifiers_of_the_two_directions_are_independent() {
    let told = of_client(5, |net, c| {
        net.subscribed(c, 5, "#", 2);
        net.up(c, &publish(5, QOS_2, 1, "up", "x"));
        net.down(c, &publish(5, QOS_2, 1, "down", "y"));
        net.up(c, &pubrec(1));
        net.down(c, &pubrec(1));
        net.up(c, &pubrel(1));
        net.down(c, &pubrel(1));
        net.down(c, &pubcomp(1));
        net.up(c, &pubcomp(1));
    });
    assert_eq!(told.findings(), [""; 0]);
    assert_eq!((told.outcomes("client"), told.outcomes("server")), (vec![("complete", 0)], vec![("complete", 0)]));
}

#[test]
fn dup_on_a_first_sending_is_told_where_the_session_is_known() {
    let dup = |net: &mut Net, c| {
        net.up(c, &message(4, QOS_1 | DUP, 1));
        net.down(c, &puback(1));
    };
    assert_eq!(of_client(4, dup).findings(), ["dup-on-first"]);
    // With 3.1 nothing says whether a session from before the capture goes on.
    for (version, expected) in [(3, 0), (4, 1), (5, 1)] {
        let mut net = Net::default();
        let c = net.client(&lasting(version, "c"), &connack(version, false));
        net.up(c, &message(version, QOS_1 | DUP, 1));
        net.down(c, &puback(1));
        assert_eq!(net.told().findings().len(), expected, "{version}");
    }
    let mut net = Net::default();
    let c = net.joined(1883);
    dup(&mut net, c);
    assert_eq!(net.told().findings(), [""; 0], "a capture that begins later");
}

#[test]
fn a_resend_after_a_reconnect_is_one_delivery() {
    for version in VERSIONS {
        let told = of_two(
            version,
            |net, c| net.up(c, &message(version, QOS_1, 1)),
            |net, c| {
                net.up(c, &message(version, QOS_1 | DUP, 1));
                net.down(c, &puback(1));
            },
        );
        assert_eq!(told.outcomes("client"), [("complete", 1)]);
        assert_eq!((told.findings(), told.hints()), (vec![], vec![]), "{version}");
        let told = of_two(
            version,
            |net, c| net.up(c, &message(version, QOS_1, 1)),
            |net, c| net.up(c, &message(version, QOS_1, 1)),
        );
        assert_eq!(told.findings(), ["resent-without-dup"], "{version}");
        let certainty = &told.finding("resent-without-dup")["certainty"];
        assert_eq!(certainty, "likely", "an equal message would look the same");
    }
}

#[test]
fn an_exchange_goes_on_with_pubrel_after_a_reconnect() {
    let told = of_two(
        5,
        |net, c| {
            net.up(c, &message(5, QOS_2, 1));
            net.down(c, &pubrec(1));
            net.up(c, &pubrel(1));
        },
        |net, c| {
            net.up(c, &pubrel(1));
            net.down(c, &pubcomp(1));
        },
    );
    assert_eq!((told.outcomes("client"), told.findings()), (vec![("complete", 0)], vec![]));
    let told = of_two(
        5,
        |net, c| {
            net.up(c, &message(5, QOS_2, 1));
            net.down(c, &pubrec(1));
            net.up(c, &pubrel(1));
        },
        |net, c| net.up(c, &message(5, QOS_2 | DUP, 1)),
    );
    assert_eq!(told.findings(), ["resent-after-release"]);
}

/// A client with a session that lasts, whose second connection says something before its CONNACK.
fn before_the_connack(early: &[u8], present: bool, rest: impl FnOnce(&mut Net, usize)) -> Told {
    let mut net = Net::default();
    let watch = net.subscriber(4, "watch", "t", 0);
    net.client(&clean(4, "c"), &connack(4, false));
    let old = net.client(&lasting(4, "c"), &connack(4, false));
    net.up(old, &message(4, QOS_2, 1));
    net.down(old, &pubrec(1));
    net.up(old, &message(4, QOS_1, 2));
    net.reset(old, 0);
    net.wait(10);
    let new = net.open();
    net.up(new, &lasting(4, "c"));
    net.up(new, early);
    net.down(new, &connack(4, present));
    rest(&mut net, new);
    for id in [1, 2] {
        net.down(watch, &message(4, 0, id));
    }
    net.wait(2000);
    net.up(new, &[0xc0, 0]);
    net.told()
}

#[test]
fn a_session_that_goes_on_before_the_connack_loses_nothing() {
    let told = before_the_connack(&[pubrel(1), message(4, QOS_1 | DUP, 2)].concat(), true, |net, c| {
        net.down(c, &pubcomp(1));
        net.down(c, &puback(2));
    });
    assert_eq!(told.outcomes("client"), [("complete", 0), ("complete", 1)]);
    assert_eq!(told.findings(), [""; 0]);
    assert_eq!(told.topic("t")["published"], 2);
    assert_eq!(told.received(), [("watch", "message", "c", 1); 2]);
    let told = before_the_connack(&message(4, QOS_1, 1), true, |net, c| net.down(c, &puback(1)));
    assert_eq!(
        told.outcomes("client"),
        [("superseded", 0), ("open", 0), ("complete", 0)],
        "the old one is told as well"
    );
    assert_eq!(told.findings(), ["identifier-in-use"]);
    let told = before_the_connack(&message(4, QOS_1 | DUP, 2), false, |net, c| net.down(c, &puback(2)));
    let outcomes = [("session_over", 0), ("session_over", 0), ("complete", 0)];
    assert_eq!(told.outcomes("client"), outcomes, "of the session that is gone all is told");
}

#[test]
fn what_is_sent_again_in_another_order_is_told() {
    let told = of_two(
        4,
        |net, c| (1..4).for_each(|id| net.up(c, &message(4, QOS_1, id))),
        |net, c| [2, 1, 3].into_iter().for_each(|id| net.up(c, &message(4, QOS_1 | DUP, id))),
    );
    assert_eq!(told.findings(), ["resent-out-of-order"]);
}

#[test]
fn a_resend_of_what_was_complete_is_a_hint_after_a_reconnect() {
    let complete = |net: &mut Net, c: usize, again: u16| {
        for id in 1..=again {
            net.up(c, &message(5, QOS_1, id));
        }
        for id in 1..=again {
            net.down(c, &puback(id));
        }
    };
    let told = of_client(5, |net, c| {
        complete(net, c, 1);
        net.up(c, &message(5, QOS_1 | DUP, 1));
        net.down(c, &puback(1));
    });
    assert_eq!(told.findings(), ["resent-after-completion"]);
    // The PUBACKs of the lost connection may never have reached the client, however many there were.
    let again = |net: &mut Net, c| (1..=40).for_each(|id| net.up(c, &message(5, QOS_1 | DUP, id)));
    let told = of_two(5, |net, c| complete(net, c, 40), again);
    assert_eq!(told.findings(), [""; 0]);
    assert!(told.hints().contains(&"resent-after-completion"));
}

#[test]
fn a_refusal_ends_an_exchange() {
    let told = of_client(5, |net, c| {
        net.up(c, &message(5, QOS_1, 1));
        net.down(c, &coded(&puback(1), 0x87));
        net.up(c, &message(5, QOS_2, 2));
        net.down(c, &coded(&pubrec(2), 0x97));
    });
    assert_eq!((told.outcomes("client"), told.findings()), (vec![("refused", 0); 2], vec![]));
    let told = of_client(5, |net, c| {
        net.up(c, &message(5, QOS_2, 2));
        net.down(c, &coded(&pubrec(2), 0x97));
        net.up(c, &pubrel(2));
        net.down(c, &coded(&pubcomp(2), 0x92));
    });
    assert_eq!(told.findings(), ["resent-after-refusal"], "the server's PUBCOMP is right");
}

#[test]
fn acknowledgements_out_of_order_are_a_fault_of_clients_alone() {
    for (version, by, severity) in [(3, 0, "note"), (4, 0, "error"), (5, 0, "error"), (4, 1, "note")] {
        let told = of_client(version, |net, c| {
            net.subscribed(c, version, "#", 1);
            for id in 1..3 {
                let message = message(version, QOS_1, id);
                if by == 0 { net.down(c, &message) } else { net.up(c, &message) }
            }
            for id in [2, 1] {
                if by == 0 { net.up(c, &puback(id)) } else { net.down(c, &puback(id)) }
            }
        });
        assert_eq!(told.findings(), ["acknowledged-out-of-order"]);
        assert_eq!(told.finding("acknowledged-out-of-order")["severity"], severity, "{version}");
    }
}

#[test]
fn after_a_gap_nothing_is_more_than_a_hint() {
    let told = of_client(5, |net, c| {
        net.up(c, &publish(5, 0, 0, "lost", "lost"));
        net.lost();
        for id in [1, 1, 2, 2] {
            net.up(c, &message(5, QOS_2 | DUP, id));
        }
        net.up(c, &message(5, QOS_1, 1));
        net.up(c, &pubrel(1));
        net.down(c, &puback(2));
        net.down(c, &puback(7));
    });
    assert_eq!(told.findings(), ["lost-sync"]);
}

#[test]
fn receive_maximum_counts_each_direction_and_connection_on_its_own() {
    let maximum = |number: u8| vec![0x21, 0, number];
    let mut net = Net::default();
    let mut connect = Connect { version: 5, id: "c", clean: true, properties: maximum(1), ..Connect::default() };
    connect.properties.extend(expiry(u32::MAX));
    let allowed = connack_with(5, false, 0, &maximum(2));
    let c = net.client(&connect.bytes(), &allowed);
    net.subscribed(c, 5, "#", 1);
    (1..3).for_each(|id| net.up(c, &message(5, QOS_1, id)));
    net.down(c, &message(5, QOS_1, 1));
    net.reset(c, 0);
    let again = Connect { clean: false, ..connect };
    let c = net.client(&again.bytes(), &connack_with(5, true, 0, &maximum(2)));
    // The two that are open are sent again, and count once.
    (1..3).for_each(|id| net.up(c, &message(5, QOS_1 | DUP, id)));
    net.down(c, &message(5, QOS_1 | DUP, 1));
    assert_eq!(net.told().findings(), [""; 0]);
    net.up(c, &message(5, QOS_1, 3));
    net.down(c, &message(5, QOS_1, 2));
    let told = net.told();
    assert_eq!(told.findings(), ["receive-maximum-exceeded"; 2]);
    assert_eq!(told.finding("receive-maximum-exceeded")["clause"], "MQTT-3.3.4-7");
}

#[test]
fn aliases_above_the_maximum_and_unknown_ones_are_told() {
    let alias = |alias: u8, topic| publish_with(5, 0, 0, topic, "x", &[0x23, 0, alias]);
    let mut net = Net::default();
    let c = net.client(&clean(5, "c"), &connack_with(5, false, 0, &[0x22, 0, 2]));
    net.up(c, &alias(1, "one"));
    net.up(c, &alias(1, ""));
    assert_eq!(net.told().findings(), [""; 0]);
    net.up(c, &alias(2, ""));
    net.up(c, &alias(3, "three"));
    let told = net.told();
    assert_eq!(told.findings(), ["alias-unknown", "alias-above-maximum"]);
    let topics: Vec<_> = told.deliveries("client").iter().map(|delivery| delivery["topic"].clone()).collect();
    assert_eq!(topics, ["one".into(), "one".into(), serde_json::Value::Null, "three".into()]);
}

#[test]
fn bytes_missing_at_the_end_of_a_stream_excuse_acknowledgements() {
    for acknowledgement in [puback(5), suback(4, 5, &[0])] {
        let told = |is_lost: bool| {
            let mut net = Net::default();
            let client = net.new_client(4, "c");
            if is_lost {
                // The server's acknowledgement number shows that there was something, and nothing of it is captured.
                net.up(client, &message(4, QOS_1, 5));
                net.lost();
            }
            net.down(client, &acknowledgement);
            net.told()
        };
        assert_eq!(told(true).findings(), [""; 0]);
        assert_eq!(told(false).findings(), ["unsolicited"], "nothing is missing");
    }
}

#[test]
fn bytes_that_cannot_be_read_excuse_no_acknowledgement() {
    for acknowledgement in [puback(5), suback(4, 5, &[0])] {
        let mut net = Net::default();
        let client = net.new_client(4, "c");
        net.down(client, &acknowledgement);
        // A length of more than four bytes: what follows is not understood, though it is all there.
        net.up(client, &[0x30, 0xff, 0xff, 0xff, 0xff, 0xff]);
        let told = net.told();
        assert!(told.findings().contains(&"unsolicited"), "{:?}", told.findings());
    }
}
