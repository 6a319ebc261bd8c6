//! Wills: published, dropped, delayed, called off, and told from what only looks like them.

use crate::net::*;

fn with_will<'a>(version: u8, id: &'a str, will: Will<'a>) -> Connect<'a> {
    let properties = if version == 5 { expiry(100) } else { Vec::new() };
    Connect { version, id, clean: true, will: Some(will), properties, ..Connect::default() }
}

const WILL: Will<'_> = ("w", "gone", false, 0);

/// A client with a will, and a subscriber to it; then what follows.
fn with_subscriber(connect: &Connect<'_>, then: impl FnOnce(&mut Net, usize, usize)) -> Told {
    let version = connect.version;
    let mut net = Net::default();
    let sub = net.subscriber(version, "sub", "#", 0);
    let c = net.client(&connect.bytes(), &connack(version, false));
    net.wait(1000);
    then(&mut net, c, sub);
    net.told()
}

fn gone(version: u8) -> Vec<u8> {
    publish(version, 0, 0, "w", "gone")
}

#[test]
fn a_will_is_published_unless_the_client_takes_leave() {
    for version in VERSIONS {
        let connect = with_will(version, "c", WILL);
        let told = with_subscriber(&connect, |net, c, sub| {
            net.reset(c, 0);
            net.down(sub, &gone(version));
        });
        assert_eq!(told.fates(), ["published"]);
        assert_eq!(told.received(), [("sub", "will", "c", 1)]);
        let told = with_subscriber(&connect, |net, c, _| {
            net.up(c, &disconnect(version, 0, &[]));
            net.close(c, 0);
        });
        assert_eq!((told.fates(), told.hints()), (vec!["discarded"], vec![]));
        let told = with_subscriber(&connect, |net, c, sub| {
            net.up(c, &disconnect(version, 0, &[]));
            net.close(c, 0);
            net.down(sub, &gone(version));
        });
        assert_eq!((told.fates(), told.findings()), (vec!["discarded"], vec!["will-after-disconnect"]));
        let told = with_subscriber(&connect, |net, c, _| net.reset(c, 0));
        assert_eq!(told.fates(), ["not_seen"]);
        assert_eq!(with_subscriber(&connect, |_, _, _| {}).fates(), ["armed"]);
    }
    let told = with_subscriber(&with_will(5, "c", WILL), |net, c, sub| {
        net.up(c, &disconnect(5, 4, &[]));
        net.down(sub, &gone(5));
        net.close(c, 0);
    });
    assert_eq!(told.fates(), ["published"], "0x04 asks for it");
}

#[test]
fn a_delay_lasts_until_the_client_is_back_or_the_session_ends() {
    let connect = with_will(5, "c", ("w", "gone", false, 2));
    let goes_on = Connect { clean: false, will: None, ..connect.clone() };
    let back = |connect: &Connect<'_>, present, sighted| {
        let again = connect.bytes();
        with_subscriber(&with_will(5, "c", ("w", "gone", false, 2)), |net, c, sub| {
            net.close(c, 0);
            net.wait(1000);
            net.client(&again, &connack(5, present));
            if sighted {
                net.down(sub, &gone(5));
            }
            net.wait(2000);
            net.new_client(5, "other");
        })
    };
    assert_eq!(back(&goes_on, true, false).fates(), ["cancelled"]);
    // A new session ends the old one, and so its delay.
    let anew = Connect { clean: true, ..goes_on.clone() };
    assert_eq!(back(&anew, false, true).fates(), ["published"]);
    assert_eq!(back(&anew, false, false).fates(), ["not_seen"]);
    let told = with_subscriber(&connect, |net, c, _| {
        net.close(c, 0);
        net.wait(500);
        net.new_client(5, "other");
    });
    assert_eq!(told.fates(), ["delayed"]);
    // The session ends before.
    let short = Connect { properties: expiry(1), ..with_will(5, "c", ("w", "gone", false, 50)) };
    let told = with_subscriber(&short, |net, c, _| {
        net.close(c, 0);
        net.wait(3000);
        net.new_client(5, "other");
    });
    assert_eq!(told.fates(), ["not_seen"]);
}

#[test]
fn a_refused_client_has_no_will() {
    let mut net = Net::default();
    let c = net.open();
    net.up(c, &with_will(4, "c", WILL).bytes());
    net.down(c, &connack_with(4, false, 5, &[]));
    net.close(c, 1);
    assert_eq!(net.told().fates(), ["refused"]);
}

#[test]
fn what_a_client_publishes_itself_is_no_will() {
    let told = with_subscriber(&with_will(4, "c", WILL), |net, c, sub| {
        net.up(c, &gone(4));
        net.down(sub, &gone(4));
        net.up(c, &disconnect(4, 0, &[]));
        net.close(c, 0);
    });
    assert_eq!((told.fates(), told.hints()), (vec!["discarded"], vec![]));
    assert_eq!(told.received(), [("sub", "message", "c", 1)]);
}

#[test]
fn a_client_that_goes_on_has_not_left_its_will() {
    // Somebody whom the capture does not have publishes the same text.
    let told = with_subscriber(&with_will(4, "c", WILL), |net, c, sub| {
        net.down(sub, &gone(4));
        net.wait(1000);
        net.up(c, &[0xc0, 0]);
        net.down(c, &[0xd0, 0]);
    });
    assert_eq!(told.fates(), ["armed"]);
    assert_eq!(told.sessions()[1]["ended"]["kind"], "open");
}

#[test]
fn of_equal_wills_that_of_the_client_that_is_gone_is_meant() {
    let will = |id| with_will(4, id, WILL).bytes();
    let mut net = Net::default();
    let sub = net.subscriber(4, "sub", "#", 0);
    let [_, b] = ["a", "b"].map(|id| net.client(&will(id), &connack(4, false)));
    net.wait(1000);
    net.reset(b, 0);
    net.down(sub, &gone(4));
    net.wait(2000);
    net.new_client(4, "other");
    let told = net.told();
    assert_eq!(told.fates(), ["armed", "published"]);
    assert_eq!(told.sessions()[1]["ended"]["kind"], "open", "a is not lost because b is");
    assert_eq!(told.received(), [("sub", "will", "b", 1)]);
}

#[test]
fn a_retained_will_goes_to_later_subscribers() {
    for seen in [true, false] {
        let connect = with_will(4, "c", ("w", "gone", true, 0));
        let told = with_subscriber(&connect, |net, c, sub| {
            net.reset(c, 0);
            if seen {
                net.down(sub, &gone(4));
            }
            net.wait(20_000);
            let late = net.subscriber(4, "late", "w", 0);
            net.down(late, &publish(4, RETAIN, 0, "w", "gone"));
        });
        assert_eq!(told.received().last(), Some(&("late", "retained", "c", 1)), "{seen}");
        assert_eq!(told.fates(), [if seen { "published" } else { "not_seen" }]);
    }
}

#[test]
fn a_delay_may_last_longer_than_its_connection_is_followed() {
    // After a reset a connection is let go in seconds.
    for back in [false, true] {
        let connect = with_will(5, "c", ("w", "gone", false, 60));
        let again = Connect { clean: false, will: None, ..connect.clone() }.bytes();
        let told = with_subscriber(&connect, |net, c, sub| {
            net.reset(c, 0);
            for _ in 0..59 {
                net.wait(1000);
                net.up(sub, &[0xc0, 0]);
                net.down(sub, &[0xd0, 0]);
            }
            if back {
                net.client(&again, &connack(5, true));
            }
            net.wait(1000);
            net.down(sub, &gone(5));
        });
        assert_eq!(told.fates(), ["delayed"], "so much is known when the session is told");
        let expected = if back { ("sub", "?", "?", 0) } else { ("sub", "will", "c", 1) };
        assert_eq!(told.received(), [expected]);
    }
}
