//! Datagrams that may be MQTT-SN: what each says, whether a conversation is one, and what topic ids stand for.

use std::net::{Ipv4Addr, SocketAddr};

use mqttsniff::capture::{FrameNo, Origin, Place};
use mqttsniff::dissect::sn::{self, ClientPlace, HeldDatagram, Said, SnFields, SnStep, SnTopics};
use mqttsniff::dissect::{Conversation, SnMessage};
use mqttsniff::flow::Direction;
use mqttsniff::mqttsn;
use mqttsniff::time::Timestamp;

use crate::people::see;
use crate::script::Script;

/// The most that names may take, here.
const NAMES: usize = 600;

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let choices = script.byte();
    let end = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let said =
        Said { ports: [40_000, 1884 + u16::from(choices & 1)], known_end: choices & 2 != 0, to_many: choices & 4 != 0 };
    let mut topics = SnTopics::new(&[(1, b"known".to_vec())], NAMES);
    let (mut conversation, mut frame) = (Conversation::default(), 0);
    while !script.is_over() {
        frame += 1;
        let (head, more) = (script.word(), script.byte());
        let direction = if head & 0x8000 == 0 { Direction::ToServer } else { Direction::ToClient };
        let data = script.bytes(usize::from(head & 0x7ff));
        let length = data.len() as u32 + u32::from(more >> 6);
        one(data, length);
        let origin = Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
        let at = Place { origin, offset: Some(42) };
        let found = match conversation.datagram((data, length), direction, at, said, None) {
            SnStep::Nothing => Vec::new(),
            SnStep::Message => vec![HeldDatagram { bytes: data.into(), length, direction, place: at }],
            SnStep::Begins(found) => found,
        };
        assert!(found.iter().all(|held| held.place.origin.frame.0 <= frame), "none comes before its frame");
        for held in &found {
            let Some(datagram) = mqttsn::read(&held.bytes, held.length) else { continue };
            let node = datagram.encapsulation.map_or(&[][..], |encapsulation| encapsulation.node);
            let place = ClientPlace { flow: FrameNo(1), gateway: end(1884), node: node.into() };
            topics.take(&place, held.direction, &datagram);
            if let Some(topic) = topics.topic(&place, held.direction, &datagram, b"ab") {
                assert!(topic.name.len() <= 1 << 16);
            }
            assert!(topics.bytes() <= NAMES, "names keep to their cap");
        }
    }
    topics.forget(FrameNo(1));
    assert!(!topics.knows(&end(2)));
}

/// What a datagram says by itself.
fn one(data: &[u8], length: u32) {
    sn::looks_like(data, length);
    let Some(datagram) = mqttsn::read(data, length) else { return };
    sn::role_of(&datagram);
    for deviation in &datagram.packet.deviations {
        see(deviation.kind.describe().as_bytes());
    }
    let _ = format!("{datagram:?}");
    let origin = Origin { frame: FrameNo(1), time: Timestamp::from_nanos(0) };
    let direction = Direction::ToServer;
    let message = SnMessage { datagram, bytes: data, length, direction, origin, offset: Some(42), topic: None };
    let fields = SnFields::of(&message);
    let leaves = fields.nodes().iter().filter(|node| node.depth == 0);
    let mut end = 0;
    for node in leaves {
        assert_eq!(node.offset, end, "fields stand one behind the other");
        end += node.length;
    }
    assert_eq!(end, length.max(data.len() as u32), "fields cover the datagram");
}
