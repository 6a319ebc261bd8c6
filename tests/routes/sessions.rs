//! Sessions over several connections: what goes on, what is lost, who took whose place.

use serde_json::{Value, json};

use crate::common::craft::text;
use crate::net::*;

/// A client that connects twice, with a pause; both let in, the second with this answer as to a session.
fn twice(first: &[u8], leave: &[u8], pause: u64, second: &[u8], version: u8, present: bool) -> Told {
    let mut net = Net::default();
    let old = net.client(first, &connack(version, false));
    if !leave.is_empty() {
        net.up(old, leave);
    }
    net.close(old, 0);
    net.wait(pause);
    net.client(second, &connack(version, present));
    net.told()
}

/// The first CONNECT, a pause, Session Present of the second CONNACK, and the findings and hints.
type Case<'a> = (&'a [u8], u64, bool, &'a [&'a str], &'a [&'a str]);

#[test]
fn session_present_is_judged_by_what_there_was() {
    let keeps = |seconds| {
        Connect { version: 5, id: "c", clean: true, properties: expiry(seconds), ..Connect::default() }.bytes()
    };
    let bye = disconnect(5, 0, &[]);
    let cases: [Case<'_>; 7] = [
        (&keeps(100), 1000, true, &[], &[]),
        (&keeps(100), 1000, false, &["session-lost"], &[]),
        (&keeps(2), 3000, false, &[], &[]),
        (&keeps(2), 3000, true, &[], &["session-unexpected"]),
        (&clean(5, "c"), 1000, false, &[], &[]),
        (&keeps(u32::MAX), 100_000, true, &[], &[]),
        (&keeps(u32::MAX), 100_000, false, &["session-lost"], &[]),
    ];
    for (first, pause, present, findings, hints) in cases {
        let told = twice(first, &bye, pause, &lasting(5, "c"), 5, present);
        assert_eq!((told.findings(), told.hints()), (findings.to_vec(), hints.to_vec()), "{pause} {present}");
        assert_eq!(told.sessions()[1]["resumes"] == true, present);
    }
    for version in [4, 5] {
        let told = twice(&lasting(version, "c"), &[], 10, &clean(version, "c"), version, true);
        assert_eq!(told.findings(), ["session-present-after-clean-start"]);
        let told = twice(&lasting(version, "c"), &[], 10, &lasting(version, "c"), version, false);
        assert_eq!(told.findings(), ["session-lost"]);
    }
    let told = twice(&lasting(3, "c"), &[], 10, &lasting(3, "c"), 3, false);
    assert_eq!(told.findings(), [""; 0], "3.1 does not say it");
    assert_eq!(told.sessions()[1]["resumes"], true);
    let told = twice(&clean(3, "c"), &[], 10, &lasting(3, "c"), 3, false);
    assert_eq!(told.sessions()[1].get("resumes"), None, "there is nothing that could go on");
}

#[test]
fn the_last_word_on_expiry_counts() {
    let ends = Connect { version: 5, id: "c", clean: true, properties: expiry(100), ..Connect::default() }.bytes();
    let told = twice(&ends, &disconnect(5, 0, &expiry(0)), 1000, &lasting(5, "c"), 5, false);
    assert_eq!(told.findings(), [""; 0], "DISCONNECT ended the session");
    // From nothing it can't be raised, so that nothing is kept.
    let told = twice(&clean(5, "c"), &disconnect(5, 0, &expiry(100)), 1000, &lasting(5, "c"), 5, false);
    assert_eq!(told.findings(), ["session-expiry-raised"]);
    let mut net = Net::default();
    let c = net.client(&ends, &connack_with(5, false, 0, &expiry(1)));
    net.up(c, &disconnect(5, 0, &[]));
    net.close(c, 0);
    net.wait(2000);
    net.client(&lasting(5, "c"), &connack(5, false));
    let told = net.told();
    assert_eq!(told.findings(), [""; 0], "the server's word counts");
    assert_eq!(told.sessions()[0]["session_expiry_s"], 1);
}

#[test]
fn a_client_that_connects_anew_takes_over() {
    for (resumed, version) in [(false, 4), (true, 4), (false, 5), (true, 5)] {
        let mut net = Net::default();
        let begin = if version == 5 { lasting(5, "c") } else { lasting(4, "c") };
        let old = net.client(&begin, &connack(version, false));
        net.subscribed(old, version, "t", 1);
        let p = net.new_client(version, "p");
        let new = net.open();
        net.up(new, &if resumed { begin } else { clean(version, "c") });
        net.down(new, &connack(version, resumed));
        // The end of the old connection is captured after the new one has begun.
        net.close(old, 1);
        net.up(p, &publish(version, QOS_1, 1, "t", "x"));
        net.down(p, &puback(1));
        if resumed {
            net.down(new, &publish(version, QOS_1, 1, "t", "x"));
            net.up(new, &puback(1));
        }
        net.wait(12_000);
        net.up(new, &[0xc0, 0]);
        net.down(new, &[0xd0, 0]);
        let told = net.told();
        let sessions = told.sessions();
        assert_eq!(sessions[0]["ended"]["cause"]["kind"], "taken_over");
        assert_eq!(sessions[2]["previous_flow"], sessions[0]["flow"]);
        assert_eq!(sessions[2]["resumes"] == true, resumed);
        assert_eq!(
            told.missed(),
            [],
            "who was taken over is connected, and its old subscriptions end with its session"
        );
        assert_eq!(told.received().len(), usize::from(resumed));
        assert_eq!(told.findings(), [""; 0]);
    }
}

/// Its end is told of after the next connection has taken the session.
#[test]
fn an_acknowledgement_of_nothing_is_told_though_the_client_is_back() {
    for version in [4, 5] {
        let mut net = Net::default();
        let old = net.new_client(version, "c");
        net.up(old, &puback(7));
        net.close(old, 0);
        net.new_client(version, "c");
        let told = net.told();
        assert_eq!(told.findings(), ["unsolicited"], "{version}");
        assert_eq!(told.finding("unsolicited")["flow"], told.sessions()[0]["flow"]);
    }
}

#[test]
fn a_connection_that_is_refused_takes_nothing_over() {
    let mut net = Net::default();
    let old = net.client(
        &Connect {
            version: 5,
            id: "c",
            will: Some(("w", "x", false, 9)),
            clean: true,
            properties: expiry(99),
            ..Connect::default()
        }
        .bytes(),
        &connack(5, false),
    );
    net.subscribed(old, 5, "t", 1);
    let thief = net.open();
    net.up(thief, &lasting(5, "c"));
    net.down(thief, &connack_with(5, false, 0x87, &[]));
    net.close(thief, 1);
    net.wait(3000);
    net.up(old, &[0xc0, 0]);
    net.down(old, &[0xd0, 0]);
    net.reset(old, 0);
    net.wait(30_000);
    net.new_client(5, "other");
    let told = net.told();
    let sessions = told.sessions();
    assert_eq!((sessions[0].get("taken_over_by"), sessions[1].get("resumes")), (None, None));
    assert_eq!(sessions[1]["ended"]["kind"], "refused");
    assert_eq!(sessions[0]["subscriptions"].as_array().map(Vec::len), Some(1));
    assert_ne!(told.fates()[0], "cancelled");
    assert_eq!(told.findings(), [""; 0]);
}

#[test]
fn a_server_that_thinks_before_it_lets_a_client_in_keeps_the_old_connection_rightly() {
    let mut net = Net::default();
    let old = net.new_client(4, "c");
    let new = net.open();
    net.up(new, &clean(4, "c"));
    net.wait(3000);
    net.up(old, &[0xc0, 0]);
    net.down(old, &[0xd0, 0]);
    net.down(new, &connack(4, false));
    assert_eq!(net.told().findings(), [""; 0]);
    net.wait(2000);
    net.up(old, &[0xc0, 0]);
    net.down(old, &[0xd0, 0]);
    assert_eq!(net.told().findings(), ["not-taken-over"]);
}

#[test]
fn an_assigned_identifier_leads_to_the_next_connection() {
    let mut net = Net::default();
    let begin = Connect { version: 5, clean: true, properties: expiry(100), ..Connect::default() };
    let id = [&[0x12, 0, 4], &b"auto"[..]].concat();
    let old = net.client(&begin.bytes(), &connack_with(5, false, 0, &id));
    net.close(old, 0);
    net.client(&lasting(5, "auto"), &connack(5, true));
    let told = net.told();
    let sessions = told.sessions();
    assert_eq!((&sessions[0]["client_id"], &sessions[0]["client_id_assigned"]), (&json!("auto"), &json!(true)));
    assert_eq!((&sessions[1]["previous_flow"], &sessions[1]["resumes"]), (&sessions[0]["flow"], &json!(true)));
}

#[test]
fn equal_identifiers_on_two_brokers_are_two_clients() {
    let mut net = Net::default();
    net.client(&lasting(4, "c"), &connack(4, false));
    let other = net.open_to(1884);
    net.up(other, &lasting(4, "c"));
    net.down(other, &connack(4, false));
    let told = net.told();
    assert!(told.sessions().iter().all(|session| session.get("taken_over_by").is_none()));
    assert!(told.sessions().iter().all(|session| session.get("previous_flow").is_none()));
}

#[test]
fn keep_alive_is_what_the_server_says_where_it_does() {
    let asks =
        |seconds| Connect { version: 5, id: "c", clean: true, keep_alive: seconds, ..Connect::default() }.bytes();
    let server = |seconds: u8| connack_with(5, false, 0, &[0x13, 0, seconds]);
    for (connect, connack, expected) in [
        (asks(0), connack(5, false), vec![]),
        (asks(10), connack(5, false), vec!["keep-alive-exceeded", "keep-alive-not-enforced"]),
        (asks(60), server(10), vec!["keep-alive-exceeded", "keep-alive-not-enforced"]),
        (asks(10), server(0), vec![]),
    ] {
        let mut net = Net::default();
        let c = net.client(&connect, &connack);
        net.wait(30_000);
        net.up(c, &[0xc0, 0]);
        net.down(c, &[0xd0, 0]);
        assert_eq!(net.told().findings(), expected);
    }
    // Silence at the end of the capture: the connection may have been given up.
    let mut net = Net::default();
    net.client(&asks(10), &connack(5, false));
    net.wait(30_000);
    net.new_client(5, "other");
    let told = net.told();
    let ended = &told.sessions()[0]["ended"];
    assert_eq!((&ended["kind"], &ended["cause"]["certainty"]), (&json!("silence"), &json!("hint")));
    assert_eq!(told.findings(), ["keep-alive-exceeded"]);
}

#[test]
fn a_message_that_takes_long_to_arrive_is_no_silence() {
    let mut net = Net::default();
    let c = net.client(
        &Connect { version: 4, id: "c", clean: true, keep_alive: 5, ..Connect::default() }.bytes(),
        &connack(4, false),
    );
    let long = publish(4, 0, 0, "t", &"x".repeat(100));
    for piece in long.chunks(10) {
        net.wait(2000);
        net.up(c, piece);
    }
    assert_eq!(net.told().findings(), [""; 0]);
}

#[test]
fn connections_that_the_server_closes_at_once_it_closes_for_one_reason() {
    let causes = |ports: [u16; 2]| {
        let mut net = Net::default();
        let flows = ports.map(|port| {
            let flow = net.open_to(port);
            net.up(flow, &clean(4, &format!("client {port}")));
            net.down(flow, &connack(4, false));
            flow
        });
        net.wait(5000);
        for flow in flows {
            net.close(flow, 1);
        }
        net.told().sessions().iter().map(|session| session["ended"]["cause"]["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(causes([1883, 1884]), [Value::Null, Value::Null]);
    let mut net = Net::default();
    let flows = ["a", "b"].map(|id| net.new_client(4, id));
    net.wait(5000);
    for flow in flows {
        net.close(flow, 1);
    }
    let told = net.told();
    assert!(told.sessions().iter().all(|session| session["ended"]["cause"]["kind"] == "server_stopped"));
}

#[test]
fn what_the_server_decides_counts_though_its_connack_is_captured_before_the_connect() {
    let decided = [&[0x12][..], &text(b"given"), &[0x13, 0, 7], &expiry(90)].concat();
    let mut net = Net::default();
    let client = net.open();
    net.down(client, &connack_with(5, false, 0, &decided));
    let connect =
        Connect { version: 5, id: "", clean: true, keep_alive: 60, properties: expiry(1), ..Connect::default() };
    net.up(client, &connect.bytes());
    let told = net.told();
    let session = told.sessions()[0];
    assert_eq!((&session["client_id"], &session["client_id_assigned"]), (&json!("given"), &json!(true)));
    assert_eq!((&session["keep_alive_s"], &session["session_expiry_s"]), (&json!(7), &json!(90)));
    assert_eq!(told.findings(), [""; 0]);
}

/// Without its SYN nothing shows that bytes are missing before the first that was captured.
#[test]
fn what_comes_first_is_the_first_packet_only_behind_a_syn() {
    let talk = |net: &mut Net, client, lost| {
        net.up(client, &clean(4, "c"));
        if lost == Some(0) {
            net.lost();
        }
        net.down(client, &connack(4, false));
        if lost == Some(1) {
            net.lost();
        }
        net.subscribed(client, 4, "t", 0);
    };
    for end in [0, 1] {
        let mut net = Net::default();
        let client = net.open_without_syn(end);
        talk(&mut net, client, Some(end));
        assert_eq!(net.told().findings(), [""; 0], "{end}");
    }
    let mut net = Net::default();
    let client = net.open();
    net.subscribed(client, 4, "t", 0);
    assert_eq!(net.told().findings(), ["no-connect-first", "no-connack-first"]);
}
