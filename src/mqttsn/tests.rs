use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;

fn one(bytes: &[u8]) -> Packet<'_> {
    read(bytes, bytes.len() as u32).expect("a message").packet
}

fn clean(bytes: &[u8]) -> Body<'_> {
    let packet = one(bytes);
    assert_eq!(packet.deviations, [], "{bytes:02x?}");
    assert_eq!(usize::from(packet.header.length), bytes.len());
    packet.body
}

fn kinds(bytes: &[u8]) -> Vec<&'static str> {
    one(bytes).deviations.iter().map(|deviation| deviation.kind.name()).collect()
}

/// The tables of sections 5.4.1 to 5.4.25, byte by byte.
#[test]
fn each_type_is_read_as_its_table_has_it() {
    let connect = Body::Connect { flags: Flags(0x0c), protocol_id: 1, duration: 30, client_id: b"me" };
    let publish = Body::Publish { flags: Flags(0xb2), topic_id: 0x6162, message_id: 7, data: b"x", length: 1 };
    let named = Body::Subscribe { flags: Flags(0x20), message_id: 2, topic: TopicRef::Name(b"a/#") };
    let cases: [(&[u8], Kind, Body<'_>); 31] = [
        (&[5, 0x00, 9, 3, 0x84], Kind::Advertise, Body::Advertise { gateway_id: 9, duration: 900 }),
        (&[3, 0x01, 2], Kind::SearchGw, Body::SearchGw { radius: 2 }),
        (&[3, 0x02, 9], Kind::GwInfo, Body::GwInfo { gateway_id: 9, address: &[] }),
        (&[7, 0x02, 9, 10, 0, 0, 1], Kind::GwInfo, Body::GwInfo { gateway_id: 9, address: &[10, 0, 0, 1] }),
        (&[8, 0x04, 0x0c, 1, 0, 30, b'm', b'e'], Kind::Connect, connect),
        (&[3, 0x05, 0], Kind::ConnAck, Body::Answer(ReturnCode(0))),
        (&[2, 0x06], Kind::WillTopicReq, Body::Empty),
        (&[5, 0x07, 0x30, b'w', b't'], Kind::WillTopic, Body::WillTopic(Some((Flags(0x30), b"wt")))),
        (&[2, 0x07], Kind::WillTopic, Body::WillTopic(None)),
        (&[2, 0x08], Kind::WillMsgReq, Body::Empty),
        (&[4, 0x09, b'w', b'm'], Kind::WillMsg, Body::WillMessage(b"wm")),
        (&[7, 0x0a, 0, 0, 0, 1, b't'], Kind::Register, Body::Register { topic_id: 0, message_id: 1, topic: b"t" }),
        (
            &[7, 0x0b, 0, 17, 0, 1, 0],
            Kind::RegAck,
            Body::TopicAnswer { topic_id: 17, message_id: 1, code: ReturnCode(0) },
        ),
        (&[8, 0x0c, 0xb2, 0x61, 0x62, 0, 7, b'x'], Kind::Publish, publish),
        (
            &[7, 0x0d, 0, 17, 0, 3, 2],
            Kind::PubAck,
            Body::TopicAnswer { topic_id: 17, message_id: 3, code: ReturnCode(2) },
        ),
        (&[4, 0x0e, 0, 5], Kind::PubComp, Body::MessageId(5)),
        (&[4, 0x0f, 0, 5], Kind::PubRec, Body::MessageId(5)),
        (&[4, 0x10, 0, 5], Kind::PubRel, Body::MessageId(5)),
        (&[8, 0x12, 0x20, 0, 2, b'a', b'/', b'#'], Kind::Subscribe, named),
        (
            &[7, 0x12, 0x41, 0, 2, 0, 9],
            Kind::Subscribe,
            Body::Subscribe { flags: Flags(0x41), message_id: 2, topic: TopicRef::Id(9) },
        ),
        (
            &[7, 0x12, 0x02, 0, 2, b'a', b'b'],
            Kind::Subscribe,
            Body::Subscribe { flags: Flags(0x02), message_id: 2, topic: TopicRef::Short(*b"ab") },
        ),
        (
            &[8, 0x13, 0x20, 0, 18, 0, 2, 0],
            Kind::SubAck,
            Body::SubAck { flags: Flags(0x20), topic_id: 18, message_id: 2, code: ReturnCode(0) },
        ),
        (
            &[6, 0x14, 0, 0, 3, b't'],
            Kind::Unsubscribe,
            Body::Subscribe { flags: Flags(0), message_id: 3, topic: TopicRef::Name(b"t") },
        ),
        (&[4, 0x15, 0, 3], Kind::UnsubAck, Body::MessageId(3)),
        (&[2, 0x16], Kind::PingReq, Body::PingReq(None)),
        (&[4, 0x16, b'm', b'e'], Kind::PingReq, Body::PingReq(Some(b"me"))),
        (&[2, 0x17], Kind::PingResp, Body::Empty),
        (&[4, 0x18, 0, 60], Kind::Disconnect, Body::Disconnect(Some(60))),
        (&[5, 0x1a, 0x10, b'w', b't'], Kind::WillTopicUpd, Body::WillTopic(Some((Flags(0x10), b"wt")))),
        (&[3, 0x1b, 3], Kind::WillTopicResp, Body::Answer(ReturnCode(3))),
        (&[3, 0x1c, b'w'], Kind::WillMsgUpd, Body::WillMessage(b"w")),
    ];
    for (bytes, kind, body) in cases {
        assert_eq!(one(bytes).header.kind, kind);
        assert_eq!(clean(bytes), body, "{}", kind.name());
    }
    assert_eq!(clean(&[3, 0x1d, 1]), Body::Answer(ReturnCode::CONGESTION));
    assert_eq!(clean(&[2, 0x18]), Body::Disconnect(None));
}

#[test]
fn codes_names_and_types_belong_together() {
    for code in 0..=255 {
        let kind = Kind::from_code(code);
        assert_eq!(kind.code().is_none(), kind == Kind::Reserved);
        assert!(kind.code().is_none_or(|own| own == code), "{code:#x}");
    }
    assert_eq!((0..=255).filter(|code| Kind::from_code(*code) == Kind::Reserved).count(), 256 - 28);
    assert_eq!(Kind::all().count() + 1, Kind::COUNT);
    assert_eq!(Kind::from_code(0x10).name(), "PUBREL");
    assert_eq!(Kind::Reserved.name(), "RESERVED");
}

#[test]
fn a_length_may_have_three_octets() {
    let mut bytes = vec![1, 1, 44, 0x0c, 0x62, b'a', b'b', 0, 0];
    bytes.resize(300, b'.');
    let Body::Publish { flags, data, length, .. } = clean(&bytes) else { panic!("a PUBLISH") };
    assert_eq!((flags.qos(), data.len(), length), (-1, 291, 291));
    assert_eq!(one(&bytes).header.octets, 4);
    // Nothing forbids the long form for a short message (section 5.2.1).
    assert_eq!(clean(&[1, 0, 4, 0x17]), Body::Empty);
}

#[test]
fn a_forwarder_says_for_whom_a_message_is() {
    let bytes = [6, 0xfe, 0x02, 0xaa, 0xbb, 0xcc, 3, 0x05, 0];
    let datagram = read(&bytes, 9).expect("a message");
    assert_eq!(datagram.encapsulation, Some(Encapsulation { radius: 2, node: &[0xaa, 0xbb, 0xcc] }));
    assert_eq!((datagram.offset, datagram.packet.body), (6, Body::Answer(ReturnCode(0))));
    assert_eq!(datagram.packet.deviations, []);
    // Cut before the message begins.
    let cut = read(&bytes[..7], 9).expect("a message").packet;
    assert_eq!((cut.missing, cut.deviations.len()), (2, 0));
    assert_eq!(kinds(&bytes[..6]), ["field-lengths"]);
    assert_eq!(kinds(&[4, 0xfe, 0xf1, 7, 2, 0x17]), ["encapsulation-control"]);
    assert!(kinds(&[4, 0xfe, 0, 7, 4, 0xfe, 0, 8]).contains(&"nested-encapsulation"));
}

#[test]
fn what_deviates_is_noted_with_its_place() {
    assert_eq!(kinds(&[3, 0x17]), ["length-mismatch"]);
    assert_eq!(kinds(&[2, 0x17, 0]), ["length-mismatch"]);
    assert_eq!(kinds(&[3, 0x17, 0]), ["field-lengths"]);
    assert_eq!(kinds(&[2, 0x03]), ["reserved-type"]);
    assert_eq!(kinds(&[7, 0x04, 0x01, 1, 0, 0, b'a']), ["unused-flags"]);
    assert_eq!(kinds(&[7, 0x04, 0, 2, 0, 0, b'a']), ["protocol-id"]);
    assert_eq!(kinds(&[6, 0x04, 0, 1, 0, 0]), ["client-id-length"]);
    assert_eq!(kinds(&[7, 0x0c, 0x03, 0, 1, 0, 0]), ["reserved-topic-id-type"]);
    assert_eq!(kinds(&[7, 0x0c, 0, 0, 0, 0, 0]), ["reserved-topic-id"]);
    assert_eq!(kinds(&[7, 0x0c, 1, 0xff, 0xff, 0, 0]), ["reserved-topic-id"]);
    assert_eq!(kinds(&[7, 0x0c, 0x20, 0, 1, 0, 0]), ["message-id-zero"]);
    assert_eq!(kinds(&[7, 0x0c, 0, 0, 1, 0, 5]), ["message-id-unused"]);
    assert_eq!(kinds(&[7, 0x0c, 0x60, 0, 1, 0, 0]), ["qos-minus-one-topic"]);
    assert_eq!(kinds(&[6, 0x12, 0x60, 0, 1, b't']), ["qos-minus-one-misplaced"]);
    assert_eq!(kinds(&[7, 0x0a, 0, 0, 0, 1, 0xff]), ["not-utf8"]);
    assert_eq!(kinds(&[7, 0x0a, 0, 0, 0, 1, b'+']), ["registered-wildcard"]);
    assert_eq!(kinds(&[3, 0x05, 4]), ["reserved-return-code"]);
    let long: Vec<u8> = [&[30, 0x16][..], &[b'x'; 28]].concat();
    assert_eq!(kinds(&long), ["client-id-length"]);
    let offsets: Vec<_> = one(&[7, 0x0c, 0, 0, 0, 0, 5]).deviations.iter().map(|deviation| deviation.offset).collect();
    assert_eq!(offsets, [3, 5], "the topic id, then the message id");
    let names: std::collections::BTreeSet<_> = DeviationKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), DeviationKind::ALL.len());
}

/// A message without deviations of each shape that there is.
fn samples() -> Vec<Vec<u8>> {
    vec![
        vec![8, 0x04, 0x0c, 1, 0, 30, b'm', b'e'],
        vec![7, 0x0a, 0, 0, 0, 1, b't'],
        vec![8, 0x0c, 0x20, 0, 5, 0, 7, b'x'],
        vec![8, 0x12, 0x20, 0, 2, b'a', b'/', b'#'],
        vec![7, 0x12, 0x41, 0, 2, 0, 9],
        vec![8, 0x13, 0x20, 0, 18, 0, 2, 0],
        vec![6, 0xfe, 0, 1, 2, 3, 7, 0x0d, 0, 17, 0, 3, 0],
        vec![5, 0x07, 0x10, b'w', b't'],
    ]
}

#[test]
fn what_the_snap_length_cuts_off_is_missing_and_no_deviation() {
    for sample in samples() {
        for cut in 0..sample.len() {
            let Some(datagram) = read(&sample[..cut], sample.len() as u32) else {
                assert!(cut < 4, "{sample:02x?} cut at {cut}");
                continue;
            };
            assert_eq!(datagram.packet.deviations, [], "{sample:02x?} cut at {cut}");
            assert_eq!(datagram.packet.missing as usize, sample.len() - cut);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..80), more in 0u32..9) {
        let length = bytes.len() as u32 + more;
        if let Some(datagram) = read(&bytes, length) {
            prop_assert!(datagram.packet.missing <= length);
            for deviation in &datagram.packet.deviations {
                prop_assert!(deviation.offset <= length + 4);
                prop_assert!(!deviation.kind.describe().is_empty());
            }
        } else {
            prop_assert!(bytes.len() < 4);
        }
    }

    #[test]
    fn a_byte_that_is_changed_never_hides_the_length(place in 2usize..8, value in any::<u8>(), which in 0usize..6) {
        let mut bytes = samples().swap_remove(which);
        let place = place % bytes.len();
        if place >= 2 {
            bytes[place] = value;
            prop_assert_eq!(usize::from(one(&bytes).header.length), bytes.len());
        }
    }
}
