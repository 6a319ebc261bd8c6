//! Messages with bytes from the specifications, cut, and odd.

use proptest::prelude::{any, prop, prop_assert, proptest};

use super::*;
use crate::neighbour::Value;

/// A message of these parts.
fn message(id: u16, flags: u16, counts: [u16; 4], parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [id, flags].into_iter().chain(counts) {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(parts.concat());
    bytes
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text
        .split('.')
        .filter(|label| !label.is_empty())
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let frame = [&kind.to_be_bytes()[..], &[0, 1, 0, 0, 1, 44], &(data.len() as u16).to_be_bytes()].concat();
    [name(owner), frame, data.to_vec()].concat()
}

fn asked(owner: &str, kind: u16) -> Vec<u8> {
    [name(owner), kind.to_be_bytes().to_vec(), vec![0, 1]].concat()
}

fn on(port: u16, bytes: &[u8]) -> Option<Reading> {
    read(&Datagram { ports: (port, 40_000), bytes, length: bytes.len() as u32 })
}

fn info(bytes: &[u8]) -> String {
    on(53, bytes).map(|reading| reading.info).unwrap_or_default()
}

fn named(bytes: &[u8]) -> Vec<(String, String, bool)> {
    let mut all = Vec::new();
    answers(bytes, bytes.len(), &mut |answer| {
        all.push((answer.address.to_string(), answer.name.to_string(), answer.is_reverse));
    });
    all
}

fn pair(address: &str, name: &str) -> (String, String, bool) {
    (address.into(), name.into(), false)
}

#[test]
fn a_line_reads_as_in_wireshark() {
    let question = asked("broker.example", 1);
    assert_eq!(info(&message(0x1234, 0x0100, [1, 0, 0, 0], &[&question])), "Standard query 0x1234 A broker.example");
    let answers =
        [record("broker.example", 5, &name("edge.example")), record("edge.example", 1, &[192, 0, 2, 7])].concat();
    assert_eq!(
        info(&message(0x1234, 0x8180, [1, 2, 0, 0], &[&question, &answers])),
        "Standard query response 0x1234 A broker.example CNAME edge.example A 192.0.2.7"
    );
    assert_eq!(
        info(&message(1, 0x8183, [1, 0, 0, 0], &[&question])),
        "Standard query response 0x0001 No such name A broker.example"
    );
    let service = [vec![0, 1, 0, 2, 0x07, 0x5b], name("edge.example")].concat();
    assert_eq!(
        info(&message(
            2,
            0x8180,
            [0, 3, 0, 0],
            &[
                &record("_mqtt._tcp.example", 33, &service),
                &record("example", 15, &[vec![0, 10], name("mail.example")].concat()),
                &record("example", 1234, b"abc"),
            ]
        )),
        "Standard query response 0x0002 SRV 1 2 1883 edge.example MX 10 mail.example Unknown (1234)"
    );
    assert_eq!(info(&message(3, 0x818f, [0; 4], &[])), "Standard query response 0x0003 Unknown error (15)");
}

#[test]
fn in_mdns_the_first_bit_of_a_class_says_more() {
    let question = [name("a.local"), vec![0, 1, 0x80, 1]].concat();
    let answer = [name("a.local"), vec![0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 192, 0, 2, 1]].concat();
    let reading = on(5353, &message(0, 0x8400, [1, 1, 0, 0], &[&question, &answer])).expect("a message");
    assert_eq!(reading.protocol, Neighbour::Mdns);
    assert_eq!(reading.info, "Standard query response 0x0000 A a.local, \"QU\" question A, cache flush 192.0.2.1");
    for (field, value) in [("dns.qry.qu", Value::Boolean(true)), ("dns.resp.class", Value::Unsigned(1))] {
        assert!(reading.values.contains(&(field, value)), "{field}");
    }
}

#[test]
fn what_is_cut_gives_what_could_be_read_and_says_so() {
    let parts =
        [asked("c.example", 1), record("c.example", 1, &[192, 0, 2, 1]), record("c.example", 1, &[192, 0, 2, 2])];
    let whole = message(7, 0x8180, [1, 2, 0, 0], &[&parts.concat()]);
    let cut = &whole[..whole.len() - 2];
    let begin = "Standard query response 0x0007 A c.example A 192.0.2.1 A";
    assert_eq!(info(cut), format!("{begin} [malformed]"));
    let reading = read(&Datagram { ports: (53, 1), bytes: cut, length: whole.len() as u32 }).expect("a message");
    assert_eq!(reading.info, format!("{begin} [cut short in the capture]"));
    assert_eq!(named(cut), [pair("192.0.2.1", "c.example")]);
}

#[test]
fn what_can_not_be_a_message_is_none() {
    assert!(on(53, b"hello, this is no message of DNS").is_none());
    assert!(on(53, &message(1, 0x0100, [9, 0, 0, 0], &[&asked("a", 1)])).is_none());
    assert!(on(53, &[0; 11]).is_none());
    assert!(on(54, &message(1, 0x0100, [1, 0, 0, 0], &[&asked("a", 1)])).is_none());
}

#[test]
fn a_message_of_64_kib_gives_hundreds_of_values_and_a_line() {
    let text: Vec<u8> = [1, b'a'].repeat(30_000);
    let bytes = message(1, 0x8180, [0, 1, 0, 0], &[&record("a.example", 16, &text)]);
    let reading = on(53, &bytes).expect("a message");
    assert!((VALUES..VALUES + 32).contains(&reading.values.len()), "{}", reading.values.len());
    assert!(reading.info.ends_with(" …"), "{}", reading.info);
    let many = record("a.example", 1, &[192, 0, 2, 1]).repeat(2000);
    let reading = on(53, &message(1, 0x8180, [0, 2000, 0, 0], &[&many])).expect("a message");
    assert!(reading.values.len() < VALUES + 32 && reading.info.len() < 4000);
}

#[test]
fn a_cookie_is_no_value() {
    // RFC 7873, appendix B.1.
    let cookie = [0, 10, 0, 8, 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57];
    let reading = on(53, &message(1, 0x0100, [0, 0, 0, 1], &[&record("", 41, &cookie)])).expect("a message");
    assert!(reading.values.contains(&("dns.opt.code", Value::Unsigned(10))));
    assert!(!format!("{reading:?}").contains("100, 196, 171"), "{reading:?}");
}

#[test]
fn addresses_have_the_name_that_was_asked_for() {
    let chain = [
        // An alias may stand behind what it leads to.
        record("b.example", 1, &[192, 0, 2, 7]),
        record("Broker.Example", 5, &name("a.example")),
        record("a.example", 5, &name("b.example")),
        record("b.example", 28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]),
        record("ns.example", 1, &[192, 0, 2, 53]),
    ];
    let bytes = message(1, 0x8180, [1, 5, 0, 0], &[&asked("Broker.Example", 1), &chain.concat()]);
    let broker = "broker.example";
    assert_eq!(
        named(&bytes),
        [pair("192.0.2.7", broker), pair("2001:db8::7", broker), pair("192.0.2.53", "ns.example")]
    );
    // Aliases that lead in a circle end somewhere.
    let circle = [record("a.b", 5, &name("b.a")), record("b.a", 5, &name("a.b")), record("a.b", 1, &[192, 0, 2, 1])];
    assert_eq!(named(&message(1, 0x8180, [0, 3, 0, 0], &[&circle.concat()])).len(), 1);
}

#[test]
fn hints_and_reverse_lookups_name_addresses_too() {
    // RFC 9460, appendix D.2, with an address for IPv4: priority, target, parameters.
    let hints = [&[0, 1][..], &name(""), &[0, 3, 0, 2, 1, 0xbb], &[0, 4, 0, 4, 192, 0, 2, 9]].concat();
    let bytes = message(1, 0x8180, [0, 1, 0, 0], &[&record("web.example", 65, &hints)]);
    assert_eq!(named(&bytes), [pair("192.0.2.9", "web.example")]);
    let reverse = [
        record("7.2.0.192.in-addr.arpa", 12, &name("broker.example")),
        // RFC 3596, section 2.5.
        record("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.IP6.ARPA", 12, &name("six.example")),
        record("_mqtt._tcp.local", 12, &name("broker._mqtt._tcp.local")),
        record("300.2.0.192.in-addr.arpa", 12, &name("no.example")),
    ];
    assert_eq!(
        named(&message(1, 0x8180, [0, 4, 0, 0], &[&reverse.concat()])),
        [
            ("192.0.2.7".into(), "broker.example".into(), true),
            ("4321:0:1:2:3:4:567:89ab".into(), "six.example".into(), true),
        ]
    );
}

#[test]
fn what_is_no_answer_or_no_name_of_a_host_names_nothing() {
    let a = |owner: &str| record(owner, 1, &[192, 0, 2, 7]);
    let none = |flags, bytes: &[u8]| assert_eq!(named(&message(1, flags, [0, 1, 0, 0], &[bytes])), [], "{bytes:?}");
    // A question, an error, an update.
    none(0x0100, &a("a.example"));
    none(0x8183, &a("a.example"));
    none(0xa800, &a("a.example"));
    // What looks like an address, what harms a terminal, what is no host's, what has dots that are none.
    for owner in ["10.0.0.1", "a.1", "a\u{1b}[1m.example", "a b.example", "a\u{202e}b.example", "", "<root>"] {
        none(0x8180, &a(owner));
    }
    let dotted = [b"\x03a.b\0".to_vec(), a("a").split_off(3)].concat();
    none(0x8180, &dotted);
    for address in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 251], [255; 4]] {
        none(0x8180, &record("a.example", 1, &address));
    }
    // Another class, and data of another length.
    none(0x8180, &[name("a.example"), vec![0, 1, 0, 3, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]].concat());
    none(0x8180, &record("a.example", 1, &[192, 0, 2]));
    let longest = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
    assert_eq!(named(&message(1, 0x8180, [0, 1, 0, 0], &[&a(&longest)])), [pair("192.0.2.7", &longest)]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_within_bounds(
        mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        counts in prop::array::uniform4(0u8..6),
        flags in prop::sample::select(vec![0x0100u16, 0x8180, 0x8400, 0x2800]),
        port in prop::sample::select(vec![53u16, 5353, 5355]),
        length in 0u32..900,
    ) {
        // A header that goes through, so that what follows is looked at.
        if let Some(header) = bytes.get_mut(2..12) {
            header[..2].copy_from_slice(&flags.to_be_bytes());
            for (place, count) in header[2..].chunks_exact_mut(2).zip(counts) {
                place.copy_from_slice(&[0, count]);
            }
        }
        let reading = read(&Datagram { ports: (1, port), bytes: &bytes, length });
        prop_assert!(reading.is_none_or(|reading| reading.values.len() < VALUES + 128 && reading.info.len() < 8000));
        answers(&bytes, length as usize, &mut |answer| assert!(answer.name.len() <= 253));
        let of_stream = read_of_stream(&bytes, length as u16);
        prop_assert!(of_stream.is_none_or(|reading| reading.values.len() < VALUES + 128));
    }

    #[test]
    fn whatever_is_cut_off_is_only_missing(cut in 0usize..200) {
        let parts = [
            asked("_mqtt._tcp.example", 33),
            record("_mqtt._tcp.example", 33, &[vec![0, 1, 0, 2, 0x07, 0x5b], name("edge.example")].concat()),
            record("edge.example", 1, &[192, 0, 2, 7]),
            record("example", 6, &[name("ns.example"), name("admin.example"), vec![1; 20]].concat()),
            record("example", 16, b"\x05hello\x05world"),
        ];
        let bytes = message(7, 0x8180, [1, 4, 0, 0], &[&parts.concat()]);
        let whole = on(53, &bytes).expect("a message").values;
        let shorter = &bytes[..bytes.len().saturating_sub(cut)];
        let reading = read(&Datagram { ports: (53, 1), bytes: shorter, length: bytes.len() as u32 });
        let values = reading.map(|reading| reading.values).unwrap_or_default();
        prop_assert!(whole.starts_with(&values), "{values:?}");
    }
}
