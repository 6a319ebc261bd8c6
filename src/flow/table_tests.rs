//! Which flow a packet belongs to, and when a flow is let go.

use super::super::names::Belongs;
use super::super::oddity::Oddity;
use super::super::state::TcpState;
use super::*;
use crate::wire::{Checksum, SeqNum, TcpOptions};

const SYN_ACK: TcpFlags = TcpFlags::SYN.with(TcpFlags::ACK);
const FIN: TcpFlags = TcpFlags::FIN.with(TcpFlags::ACK);

/// A table, and what it let go.
struct Fixture {
    table: FlowTable<()>,
    ended: EndedFlows<()>,
    frame: u64,
    millis: i64,
}

impl Fixture {
    fn new(limits: FlowLimits) -> Self {
        Self { table: FlowTable::new(limits), ended: Vec::new(), frame: 0, millis: 0 }
    }

    /// A segment between client and server: the flow it belongs to, by the frame that opened that.
    fn segment(&mut self, from_client: bool, flags: TcpFlags, seq: u32, ack: u32) -> u64 {
        let (client, server) = (end("10.0.0.1:40000"), end("10.0.0.2:1883"));
        let (source, destination) = if from_client { (client, server) } else { (server, client) };
        self.between(source, destination, flags, seq, ack)
    }

    fn between(&mut self, source: SocketAddr, destination: SocketAddr, flags: TcpFlags, seq: u32, ack: u32) -> u64 {
        self.frame += 1;
        self.millis += 1;
        let origin = Origin { frame: FrameNo(self.frame), time: Timestamp::from_nanos(self.millis * 1_000_000) };
        let segment = Segment {
            source: source.port(),
            destination: destination.port(),
            seq: SeqNum(seq),
            ack: SeqNum(ack),
            flags,
            window: 1000,
            urgent: 0,
            checksum_field: 0,
            checksum: Checksum::Good,
            header_length: 20,
            options: TcpOptions(&[]),
            payload: &[],
            payload_length: 0,
        };
        let ip = crate::wire::Ip {
            source: source.ip(),
            destination: destination.ip(),
            ttl: 64,
            traffic_class: 0,
            id: Some(self.frame as u16),
            dont_fragment: true,
            header_checksum: Checksum::Good,
            protocol: 6,
            payload_length: 20,
        };
        let found = self.table.find_segment(source, destination, &segment, origin, &mut self.ended);
        let flow = self.table.get_mut(found).expect("the flow of a segment exists");
        flow.connection.on_segment(found.direction, &segment, &ip, 60, origin);
        let id = flow.id.0;
        self.table.note_progress(found);
        id
    }

    fn handshake(&mut self, isn: u32) -> u64 {
        let id = self.segment(true, TcpFlags::SYN, isn, 0);
        self.segment(false, SYN_ACK, 5000, isn + 1);
        self.segment(true, TcpFlags::ACK, isn + 1, 5001);
        id
    }

    fn close(&mut self, isn: u32) {
        self.segment(true, FIN, isn + 1, 5001);
        self.segment(false, FIN, 5001, isn + 2);
        self.segment(true, TcpFlags::ACK, isn + 2, 5002);
    }

    fn finish(self) -> Vec<(u64, Ended)> {
        self.flows().iter().map(|(flow, why)| (flow.id.0, *why)).collect()
    }

    /// The same with all that is known of the flows.
    fn flows(mut self) -> EndedFlows<()> {
        let now = Timestamp::from_nanos(self.millis * 1_000_000);
        for slot in self.table.left() {
            self.table.finish(slot, now, &mut self.ended);
        }
        self.ended
    }
}

fn end(text: &str) -> SocketAddr {
    text.parse().expect("an address with a port")
}

#[test]
fn a_syn_after_the_close_is_a_new_connection_and_ends_time_wait() {
    let mut fixture = Fixture::new(FlowLimits::default());
    assert_eq!(fixture.handshake(100), 1);
    fixture.close(100);
    assert_eq!(fixture.handshake(90_000), 7);
    let (old, why) = fixture.ended.first().expect("the old connection");
    assert_eq!(*why, Ended::Replaced);
    assert_eq!(old.connection.sides.to_server.state(), TcpState::Closed);
    assert_eq!(fixture.finish(), [(1, Ended::Replaced), (7, Ended::CaptureEnd)]);
}

#[test]
fn a_syn_sent_again_belongs_to_its_connection() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.segment(true, TcpFlags::SYN, 100, 0);
    assert_eq!(fixture.segment(true, TcpFlags::SYN, 100, 0), 1);
    assert_eq!(fixture.handshake(100), 1);
}

#[test]
fn a_syn_into_a_live_connection_is_new_only_if_it_is_answered() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    assert_eq!(fixture.segment(true, TcpFlags::SYN, 70_000, 0), 4, "suspected");
    assert_eq!(fixture.segment(false, TcpFlags::ACK, 5001, 101), 1, "a challenge (RFC 5961) is of the old one");
    assert_eq!(fixture.segment(true, TcpFlags::ACK, 101, 5001), 1, "which goes on");
    assert_eq!(fixture.finish(), [(1, Ended::CaptureEnd)]);

    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.segment(true, TcpFlags::SYN, 70_000, 0);
    assert_eq!(fixture.segment(false, SYN_ACK, 9000, 70_001), 4);
    assert_eq!(fixture.segment(true, TcpFlags::ACK, 70_001, 9001), 4);
    assert_eq!(fixture.finish(), [(1, Ended::Replaced), (4, Ended::CaptureEnd)]);
}

#[test]
fn a_stray_syn_ack_leaves_a_live_connection_what_it_is() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.segment(false, SYN_ACK, 77_000, 101);
    assert_eq!(fixture.segment(true, TcpFlags::ACK, 101, 5001), 1, "it gets a challenge (RFC 9293, 3.10.7.4)");
    assert_eq!(fixture.segment(false, TcpFlags::ACK, 5001, 101), 1);
    let ended = fixture.flows();
    let [(flow, _)] = &ended[..] else { panic!("one connection: {}", ended.len()) };
    assert_eq!(flow.counters(Direction::ToClient).packets, 3);
    let stray = |direction: Direction| flow.connection.sides[direction].oddities().count(Oddity::SynInside);
    assert_eq!((stray(Direction::ToServer), stray(Direction::ToClient)), (0, 1), "the server's end sent it");
}

#[test]
fn a_syn_ack_that_its_client_acknowledges_is_of_a_new_connection() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    assert_eq!(fixture.segment(false, SYN_ACK, 77_000, 60_001), 4, "its SYN was not captured");
    assert_eq!(fixture.segment(true, TcpFlags::ACK, 60_001, 77_001), 4);
    assert_eq!(fixture.finish(), [(1, Ended::Replaced), (4, Ended::CaptureEnd)]);
}

#[test]
fn after_the_close_the_same_number_may_open_the_next_connection() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.close(100);
    fixture.millis += 50_000;
    assert_eq!(fixture.handshake(100), 7);
    assert_eq!(fixture.finish(), [(1, Ended::Replaced), (7, Ended::CaptureEnd)]);

    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.close(100);
    fixture.segment(true, TcpFlags::SYN, 100, 0);
    assert_eq!(fixture.segment(true, TcpFlags::ACK, 102, 5002), 1, "a late copy of the SYN opens nothing");
    assert_eq!(fixture.finish(), [(1, Ended::CaptureEnd)]);
}

#[test]
fn the_frames_of_a_syn_that_nobody_took_up_are_not_lost() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.segment(true, TcpFlags::SYN, 70_000, 0);
    let ended = fixture.flows();
    let (flow, _) = ended.first().expect("one connection");
    assert_eq!(flow.counters(Direction::ToServer).packets, 3);
}

#[test]
fn a_connection_that_is_over_is_let_go_after_two_segment_lifetimes() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.close(100);
    fixture.millis += 59_000;
    fixture.between(end("10.0.0.9:1"), end("10.0.0.9:2"), TcpFlags::ACK, 1, 1);
    assert!(fixture.ended.is_empty(), "TIME-WAIT is not over");
    fixture.millis += 2_000;
    fixture.between(end("10.0.0.9:1"), end("10.0.0.9:2"), TcpFlags::ACK, 1, 1);
    let (flow, why) = fixture.ended.first().expect("the connection");
    assert_eq!((*why, flow.connection.sides.to_server.state()), (Ended::Over, TcpState::Closed));
}

#[test]
fn with_too_many_flows_the_one_that_was_idle_longest_goes() {
    let mut fixture = Fixture::new(FlowLimits { flows: 3, ..FlowLimits::default() });
    for port in 1..=5u16 {
        let client = SocketAddr::new([10, 0, 0, 1].into(), 40_000 + port);
        fixture.between(client, end("10.0.0.2:1883"), TcpFlags::SYN, 1, 0);
    }
    assert_eq!((fixture.table.len(), fixture.table.evicted()), (3, 2));
    let gone: Vec<_> = fixture.ended.iter().map(|(flow, why)| (flow.id.0, *why)).collect();
    assert_eq!(gone, [(1, Ended::Evicted), (2, Ended::Evicted)]);
}

#[test]
fn without_a_handshake_the_port_tells_the_server() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.segment(false, TcpFlags::ACK, 1, 1);
    fixture.between(end("10.0.0.1:5555"), end("10.0.0.2:6666"), TcpFlags::ACK, 1, 1);
    fixture.between(end("10.0.0.1:7777"), end("10.0.0.2:8888"), SYN_ACK, 1, 1);
    let known: Vec<_> = fixture.flows().iter().map(|(flow, _)| (flow.server.port(), flow.known_by)).collect();
    assert_eq!(known, [(1883, KnownBy::Port), (6666, KnownBy::FirstFrame), (7777, KnownBy::SynAck)]);
}

#[test]
fn streams_are_numbered_by_transport_in_the_order_of_their_first_frames() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    let origin = Origin { frame: FrameNo(50), time: Timestamp::from_nanos(0) };
    fixture.table.on_datagram(
        (end("10.0.0.1:53"), end("10.0.0.2:9")),
        (8, 50),
        Belongs::Ends,
        origin,
        &mut fixture.ended,
    );
    fixture.between(end("10.0.0.1:5555"), end("10.0.0.2:6666"), TcpFlags::SYN, 1, 0);
    let mut streams: Vec<_> = fixture.flows().iter().map(|(flow, _)| (flow.transport, flow.stream)).collect();
    streams.sort_unstable();
    assert_eq!(streams, [(Transport::Tcp, 0), (Transport::Tcp, 1), (Transport::Udp, 0)]);
}

impl Fixture {
    /// A connection of its own that is opened and closed at this second, by its number.
    fn short(&mut self, number: u16, second: i64) {
        self.millis = second * 1000;
        let (client, server) = (SocketAddr::from(([10, 0, 1, 1], 20_000 + number)), end("10.0.0.2:1883"));
        self.between(client, server, TcpFlags::SYN, 100, 0);
        self.between(server, client, SYN_ACK, 500, 101);
        self.between(client, server, TcpFlags::ACK, 101, 501);
        self.between(client, server, FIN, 101, 501);
        self.between(server, client, FIN, 501, 102);
        self.between(client, server, TcpFlags::ACK, 102, 502);
    }
}

const YEAR: i64 = 365 * 86_400;

#[test]
fn a_clock_that_is_set_back_does_not_keep_what_is_over() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.short(0, YEAR);
    for number in 1..300 {
        fixture.short(number, i64::from(number));
    }
    assert!(fixture.table.len() <= 62, "those of the last minute: {}", fixture.table.len());
    assert!(fixture.ended.iter().all(|(_, why)| *why == Ended::Over));
}

#[test]
fn a_frame_with_a_wild_time_ends_no_waiting() {
    for wild in [YEAR, -YEAR] {
        let mut fixture = Fixture::new(FlowLimits::default());
        for number in 0..30 {
            fixture.short(number, 1000 + i64::from(number));
        }
        fixture.millis = wild * 1000;
        fixture.between(end("10.0.0.9:5000"), end("10.0.0.2:1883"), TcpFlags::SYN, 7, 0);
        fixture.short(30, 1030);
        assert_eq!(fixture.table.len(), 32, "{wild}");
        fixture.short(31, 1200);
        assert_eq!(fixture.table.len(), 2, "{wild}: and it does not wait for more");
    }
}

#[test]
fn a_connection_whose_last_time_is_wild_is_idle_when_nothing_has_come_for_a_day() {
    let mut fixture = Fixture::new(FlowLimits::default());
    fixture.handshake(100);
    fixture.millis = YEAR * 1000;
    fixture.segment(true, TcpFlags::ACK, 101, 5001);
    fixture.millis = 1000;
    let mut ended_at = None;
    for hour in 1..80 {
        fixture.millis = hour * 3_600_000;
        for _ in 0..16 {
            fixture.between(end("10.0.0.9:5000"), end("10.0.0.2:1883"), TcpFlags::ACK, 7, 0);
        }
        ended_at = ended_at.or_else(|| (!fixture.ended.is_empty()).then_some(hour));
    }
    let why: Vec<_> = fixture.ended.iter().map(|(flow, why)| (flow.id.0, *why)).collect();
    assert_eq!(why, [(1, Ended::Idle)]);
    assert!(ended_at.is_some_and(|hour| (24..=50).contains(&hour)), "{ended_at:?}");
}
