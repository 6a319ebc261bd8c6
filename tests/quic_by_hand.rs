//! QUIC connections that are sealed packet by packet: what programs rarely do, and what nobody should.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};

use common::packets::Version;
use common::quic::{
    DATA_DOWN, DATA_UP, EARLY, HANDSHAKE, HANDSHAKE_DOWN, INITIAL, Sealer, ZERO_RTT, ack, client_hello, crypto,
    encrypted_extensions, key_log, padded, server_hello, stream, varint,
};
use common::{lines, of, packets, run, sensors};
use serde_json::{Value, json};

const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 40_000);
const MOVED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 40_001);
const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 6000);

/// What a stateless reset of the server ends with.
const TOKEN: [u8; 16] = *b"reset-token-0123";

/// Two ends, and the capture of what they say.
struct Talk {
    capture: sensors::Capture,
    log: String,
}

/// One connection of theirs.
struct Connection {
    random: [u8; 32],
    /// The ids of the client, of the server, and that which the client chose first.
    ids: [Vec<u8>; 3],
    client: SocketAddrV4,
    up: Sealer,
    down: Sealer,
    numbers: [u64; 2],
}

impl Talk {
    fn new() -> Self {
        Self { capture: sensors::Capture::default(), log: String::new() }
    }

    /// A connection up to where both have keys for data; `early` is what the client sends before, and whether it is taken.
    fn connect(&mut self, mark: u8, client_id: &[u8], early: Option<(&[u8], bool)>) -> Connection {
        let random = [mark; 32];
        self.log += &key_log(random);
        let original = vec![mark; 8];
        let mut made = Connection {
            random,
            ids: [client_id.to_vec(), vec![mark, 0x5e, 3, 4, 5, 6, 7, 8], original.clone()],
            client: CLIENT,
            up: Sealer::new(&[DATA_UP; 32]),
            down: Sealer::new(&[DATA_DOWN; 32]),
            numbers: [0; 2],
        };
        let hello = padded(&crypto(0, &client_hello(made.random, early.is_some())));
        let ids = (&original[..], client_id);
        self.capture.send(CLIENT, SERVER, &Sealer::initial(&original, true).long(INITIAL, ids, b"", 0, &hello));
        if let Some((payload, _)) = early {
            let early = Sealer::new(&[EARLY; 32]).long(ZERO_RTT, ids, b"", 0, payload);
            self.capture.send(CLIENT, SERVER, &early);
            made.numbers[0] = 1;
        }
        let answer = padded(&[ack(0, 0), crypto(0, &server_hello())].concat());
        let back = (client_id, &made.ids[1][..]);
        let parameters = [&[2, 16][..], &TOKEN].concat();
        let accepted = early.is_some_and(|(_, accepted)| accepted);
        let said = crypto(0, &encrypted_extensions(accepted, &parameters));
        let first = Sealer::initial(&original, false).long(INITIAL, back, b"", 0, &answer);
        let second = Sealer::new(&[HANDSHAKE_DOWN; 32]).long(HANDSHAKE, back, b"", 0, &said);
        self.capture.send(SERVER, CLIENT, &[first, second].concat());
        made
    }

    fn up(&mut self, of: &mut Connection, payload: &[u8]) {
        let packet = of.up.short(&of.ids[1], of.numbers[0], payload);
        of.numbers[0] += 1;
        self.capture.send(of.client, SERVER, &packet);
    }

    fn down(&mut self, of: &mut Connection, payload: &[u8]) {
        let packet = of.down.short(&of.ids[0], of.numbers[1], payload);
        of.numbers[1] += 1;
        self.capture.send(SERVER, of.client, &packet);
    }

    /// A client that connects, on its first stream.
    fn greet(&mut self, of: &mut Connection, number: u64) -> [u64; 2] {
        let (connect, connack) = (packets::connect(Version::V5, number), packets::connack(Version::V5));
        self.up(of, &stream(0, 0, &connect, false));
        self.down(of, &stream(0, 0, &connack, false));
        [connect.len() as u64, connack.len() as u64]
    }

    fn records(&self, more: &[&str]) -> Vec<Value> {
        let directory = tempfile::tempdir().unwrap();
        let (pcap, keys) = (directory.path().join("made.pcap"), directory.path().join("made.keys"));
        self.capture.save(&pcap);
        std::fs::write(&keys, &self.log).unwrap();
        let (pcap, keys) = (pcap.display().to_string(), keys.display().to_string());
        let arguments = ["read", &pcap, "--keylog", &keys, "--json", "--show", common::ALL];
        let told = run(arguments.iter().chain(more));
        assert!(told.status.success(), "{}", common::stderr(&told));
        lines(&told)
    }
}

fn types(records: &[Value], flow: &Value) -> Vec<String> {
    let messages = of(records, "message");
    let own = messages.iter().filter(|message| message["flow"] == *flow);
    own.map(|message| message["type"].as_str().unwrap().to_owned()).collect()
}

fn ids(records: &[Value]) -> Vec<String> {
    of(records, "finding").iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

/// A PUBLISH of QoS 0.
fn publish(number: u64) -> Vec<u8> {
    packets::publish(Version::V5, 0, 0, number, 1, 20)
}

#[test]
fn a_server_that_has_forgotten_says_so_with_its_token() {
    let mut talk = Talk::new();
    let mut connection = talk.connect(1, b"client-1", None);
    talk.greet(&mut connection, 1);
    let reset = [&[0x55; 30][..], &TOKEN].concat();
    talk.capture.send(SERVER, CLIENT, &reset);
    let records = talk.records(&[]);
    let flow = of(&records, "flow")[0];
    assert_eq!(flow["quic"]["close"]["kind"], "stateless_reset");
    assert_eq!(ids(&records), ["quic.stateless-reset"]);
    let ended = &of(&records, "session")[0]["ended"];
    assert_eq!((&ended["kind"], &ended["by"]), (&json!("rst"), &json!("server")));
    let shown = of(&records, "packet");
    assert_eq!(shown.last().unwrap()["info"], "Stateless Reset");
    assert!(!serde_json::to_string(&records).unwrap().contains("reset-token"));
}

#[test]
fn two_connections_share_two_ports_by_their_ids() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    talk.greet(&mut one, 1);
    let mut two = talk.connect(2, b"client-2", None);
    let lengths = talk.greet(&mut two, 2);
    // Both go on.
    let greeted = packets::connect(Version::V5, 1).len() as u64;
    talk.up(&mut one, &stream(0, greeted, &publish(1), false));
    talk.up(&mut two, &stream(0, lengths[0], &publish(2), false));
    talk.down(&mut one, &stream(0, lengths[1], &publish(3), false));
    let records = talk.records(&[]);
    let flows: Vec<_> = of(&records, "flow").iter().map(|flow| flow["flow"].clone()).collect();
    assert_eq!(flows.len(), 2);
    assert_eq!(types(&records, &flows[0]), ["CONNECT", "CONNACK", "PUBLISH", "PUBLISH"]);
    assert_eq!(types(&records, &flows[1]), ["CONNECT", "CONNACK", "PUBLISH"]);
    assert_eq!(of(&records, "session").len(), 2);
}

#[test]
fn the_next_connection_on_the_same_ports_is_another_flow() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"", None);
    let lengths = talk.greet(&mut one, 1);
    talk.up(&mut one, &stream(0, lengths[0], &packets::disconnect(Version::V5), true));
    talk.up(&mut one, &[0x1d, 0, 0]);
    let mut two = talk.connect(2, b"", None);
    talk.greet(&mut two, 1);
    let records = talk.records(&[]);
    let flows: Vec<_> = of(&records, "flow").iter().map(|flow| flow["flow"].clone()).collect();
    assert_eq!(flows.len(), 2);
    assert_eq!(types(&records, &flows[0]), ["CONNECT", "CONNACK", "DISCONNECT"]);
    assert_eq!(types(&records, &flows[1]), ["CONNECT", "CONNACK"]);
}

#[test]
fn a_new_address_behind_a_translator_is_the_same_connection() {
    let mut talk = Talk::new();
    // Without an id of the client, what comes to its new address is found by that alone.
    let mut one = talk.connect(1, b"", None);
    let lengths = talk.greet(&mut one, 1);
    one.client = MOVED;
    talk.up(&mut one, &stream(0, lengths[0], &publish(1), false));
    talk.down(&mut one, &stream(0, lengths[1], &publish(2), false));
    let records = talk.records(&[]);
    let flows = of(&records, "flow");
    assert_eq!(flows.len(), 1);
    assert_eq!(flows[0]["quic"]["migrations"][0]["port"], 40_001);
    assert_eq!(types(&records, &flows[0]["flow"]), ["CONNECT", "CONNACK", "PUBLISH", "PUBLISH"]);
    assert_eq!(flows[0]["client"]["port"], 40_000);
    assert!(flows[0]["from_client"]["packets"].as_u64().unwrap() == 3);
}

#[test]
fn early_data_that_the_server_refuses_is_no_message() {
    for accepted in [true, false] {
        let mut talk = Talk::new();
        let connect = packets::connect(Version::V5, 7);
        let early = stream(0, 0, &connect, false);
        let mut one = talk.connect(1, b"client-1", Some((&early, accepted)));
        if !accepted {
            // It is sent again, and this time it is another client.
            talk.up(&mut one, &stream(0, 0, &packets::connect(Version::V5, 8), false));
        }
        talk.down(&mut one, &stream(0, 0, &packets::connack(Version::V5), false));
        let records = talk.records(&[]);
        let flow = of(&records, "flow")[0];
        assert_eq!(types(&records, &flow["flow"]), ["CONNECT", "CONNACK"]);
        assert_eq!(flow["quic"]["early_data_accepted"], accepted);
        let frame = of(&records, "message")[0]["frame"].as_u64().unwrap();
        assert_eq!(frame, if accepted { 2 } else { 4 });
        assert_eq!(flow["quic"]["from_client"].get("unreadable_packets"), None);
    }
}

#[test]
fn keys_that_changed_twice_out_of_sight_are_found() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    let lengths = talk.greet(&mut one, 1);
    one.up = one.up.next().next();
    talk.up(&mut one, &stream(0, lengths[0], &publish(1), false));
    one.up = one.up.next();
    talk.up(&mut one, &stream(0, lengths[0] + publish(1).len() as u64, &publish(2), false));
    let records = talk.records(&[]);
    let flow = of(&records, "flow")[0];
    assert_eq!(types(&records, &flow["flow"]), ["CONNECT", "CONNACK", "PUBLISH", "PUBLISH"]);
    assert_eq!(flow["quic"]["from_client"]["key_updates"], 2);
}

#[test]
fn a_packet_of_the_phase_before_may_come_late() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    let lengths = talk.greet(&mut one, 1);
    let late = one.up.short(&one.ids[1], one.numbers[0], &stream(0, lengths[0], &publish(1), false));
    one.numbers[0] += 1;
    one.up = one.up.next();
    talk.up(&mut one, &stream(0, lengths[0] + publish(1).len() as u64, &publish(2), false));
    talk.capture.send(CLIENT, SERVER, &late);
    let records = talk.records(&[]);
    assert_eq!(types(&records, &of(&records, "flow")[0]["flow"]), ["CONNECT", "CONNACK", "PUBLISH", "PUBLISH"]);
    assert!(ids(&records).is_empty(), "{:?}", ids(&records));
}

#[test]
fn a_stream_in_pieces_and_twice_gives_each_message_once() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    let lengths = talk.greet(&mut one, 1);
    let all = [publish(1), publish(2)].concat();
    for (from, to) in [(30, all.len()), (0, 10), (5, 40), (0, all.len())] {
        talk.up(&mut one, &stream(0, lengths[0] + from as u64, &all[from..to], false));
    }
    // The same packet again.
    one.numbers[0] -= 1;
    talk.up(&mut one, &stream(0, lengths[0], &all, false));
    let records = talk.records(&[]);
    let flow = of(&records, "flow")[0];
    assert_eq!(types(&records, &flow["flow"]), ["CONNECT", "CONNACK", "PUBLISH", "PUBLISH"]);
    assert_eq!(flow["quic"]["from_client"]["duplicate_packets"], 1);
}

#[test]
fn a_hole_that_the_other_end_has_filled_is_told_and_read_past() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    let lengths = talk.greet(&mut one, 1);
    // One packet is not in the capture.
    one.numbers[0] += 1;
    let behind = lengths[0] + publish(1).len() as u64;
    talk.up(&mut one, &stream(0, behind, &[publish(2), publish(3)].concat(), false));
    for _ in 0..12 {
        let largest = one.numbers[0] - 1;
        talk.down(&mut one, &ack(largest, largest));
    }
    let records = talk.records(&[]);
    let flow = of(&records, "flow")[0];
    assert_eq!(flow["quic"]["from_client"]["missing_packets"], 1);
    assert!(ids(&records).contains(&"quic.packets-missing".to_owned()));
    let published = types(&records, &flow["flow"]).iter().filter(|kind| *kind == "PUBLISH").count();
    assert!(published >= 1, "what stands behind the hole is found");
    let first = of(&records, "message").into_iter().find(|message| message["type"] == "PUBLISH").unwrap();
    assert!(first["frame"].as_u64().unwrap() < 8, "it was not held to the end: {first}");
}

#[test]
fn a_stream_that_is_given_up_ends_its_session() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    talk.greet(&mut one, 1);
    talk.up(&mut one, &[vec![4], varint(0), varint(9), varint(100)].concat());
    let records = talk.records(&[]);
    let ended = &of(&records, "session")[0]["ended"];
    assert_eq!((&ended["kind"], &ended["by"]), (&json!("rst"), &json!("client")));
}

#[test]
fn numbers_without_measure_harm_nobody() {
    let mut talk = Talk::new();
    let mut one = talk.connect(1, b"client-1", None);
    talk.greet(&mut one, 1);
    let far = (1 << 62) - 30;
    talk.up(&mut one, &stream(0, far, b"far away", true));
    talk.up(&mut one, &stream(far & !3, far, b"far away", false));
    talk.down(&mut one, &ack(far, far));
    talk.up(&mut one, &crypto(far, b"far away"));
    talk.up(&mut one, &[vec![2], varint(far), vec![0], varint(far), vec![0]].concat());
    talk.up(&mut one, &[0x1f, 0xff, 0xff]);
    for stream_id in 0..600 {
        talk.up(&mut one, &stream(stream_id * 4, 0, &[0x10], false));
    }
    let records = talk.records(&["--cap", "quic_streams=20"]);
    let flow = of(&records, "flow")[0];
    assert!(flow["quic"]["streams_left_out"].as_u64().unwrap() > 500);
    assert_eq!(types(&records, &flow["flow"])[..2], ["CONNECT", "CONNACK"]);
}

#[test]
fn a_capture_that_begins_with_the_server_knows_who_is_who() {
    let mut talk = Talk::new();
    let original = vec![9; 8];
    let log = key_log([9; 32]);
    // The answer was captured before what it answers, on ports that say nothing.
    let ids = (&b"client-9"[..], &b"server-9"[..]);
    let answer = padded(&[ack(0, 0), crypto(0, &server_hello())].concat());
    talk.capture.send(SERVER, CLIENT, &Sealer::initial(&original, false).long(INITIAL, ids, b"", 0, &answer));
    let hello = padded(&crypto(0, &client_hello([9; 32], false)));
    let first = Sealer::initial(&original, true).long(INITIAL, (&original, b"client-9"), b"", 0, &hello);
    talk.capture.send(CLIENT, SERVER, &first);
    talk.log = log;
    let mut one = Connection {
        random: [9; 32],
        ids: [b"client-9".to_vec(), b"server-9".to_vec(), original],
        client: CLIENT,
        up: Sealer::new(&[DATA_UP; 32]),
        down: Sealer::new(&[DATA_DOWN; 32]),
        numbers: [0; 2],
    };
    talk.greet(&mut one, 1);
    let records = talk.records(&[]);
    let flow = of(&records, "flow")[0];
    assert_eq!((&flow["client"]["port"], &flow["client_known_by"]), (&json!(40_000), &json!("initial")));
    assert_eq!(types(&records, &flow["flow"]), ["CONNECT", "CONNACK"]);
}
