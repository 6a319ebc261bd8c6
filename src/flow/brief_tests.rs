//! A table that keeps flows in short tells of them what one tells that does not.

use super::super::limits::FlowLimits;
use super::super::table::{EndedFlows, Quoted};
use super::*;
use crate::capture::FrameNo;
use crate::flow::FlowKey;
use crate::time::Span;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

const TIMED: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 5];
const LONG: [u8; 24] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 5, 1, 3, 3, 7, 1, 1, 1, 0];

/// As if so many frames later there were too many flows.
const PUT_DOWN_EVERY: u64 = 2;

/// A table, and what it let go.
struct Followed {
    table: FlowTable<()>,
    ended: EndedFlows<()>,
    told: Vec<String>,
}

impl Followed {
    fn new(in_short: bool, flows: usize) -> Self {
        let limits = FlowLimits {
            in_short,
            flows,
            tcp_idle: Span::from_secs(9),
            udp_idle: Span::from_secs(4),
            ..FlowLimits::default()
        };
        Self { table: FlowTable::new(limits), ended: Vec::new(), told: Vec::new() }
    }

    fn segment(&mut self, segment: &Segment<'_>, ip: &Ip, origin: Origin) -> String {
        let source = SocketAddr::new(ip.source, segment.source);
        let destination = SocketAddr::new(ip.destination, segment.destination);
        let found = self.table.find_segment(source, destination, segment, origin, &mut self.ended);
        let length = 54 + segment.payload_length;
        let mut said = format!("{:?} {}", found.direction, found.challenger);
        if let Some(flow) = self.table.get_mut(found) {
            let verdict = flow.connection.on_segment(found.direction, segment, ip, length, origin);
            flow.shorthand.on_segment(found.direction, segment, &verdict);
            if segment.payload_length > 0 {
                flow.streams[found.direction].join(segment.seq);
            }
            said = format!("{said} {} {verdict:?}", flow.id);
        }
        self.table.note_segment(found, segment, ip, length, origin);
        self.table.note_progress(found);
        if origin.frame.0.is_multiple_of(PUT_DOWN_EVERY) {
            self.table.put_all_down();
        }
        self.tell();
        said
    }

    fn tell(&mut self) {
        self.told.extend(self.ended.drain(..).map(|(flow, why)| format!("{why:?} {flow:?}")));
    }

    fn finish(mut self, now: Timestamp) -> Vec<String> {
        for slot in self.table.left() {
            self.table.finish(slot, now, &mut self.ended);
        }
        self.tell();
        self.told
    }

    fn in_short(&self) -> usize {
        self.table.slots.iter().filter(|slot| matches!(slot, Slot::Brief(_))).count()
    }
}

/// What comes next: between which ends, from which, what, and how much later.
type Step = (u8, bool, u8, u8, u16);

/// Plays the steps to both; returns how many flows were in short at most.
fn play(steps: &[Step], flows: usize) -> usize {
    let (mut short, mut long) = (Followed::new(true, flows), Followed::new(false, flows));
    let mut now = 1_000_000_000;
    let mut most = 0;
    let server = |ends: u8| if ends.is_multiple_of(2) { "10.0.0.9:1883" } else { "[2001:db8::9]:1883" };
    for (frame, &(ends, from_client, what, amount, wait)) in steps.iter().enumerate() {
        let client =
            if ends.is_multiple_of(2) { format!("10.0.0.{ends}:40000") } else { format!("[2001:db8::{ends}]:40000") };
        let client: SocketAddr = client.parse().expect("an address");
        let server: SocketAddr = server(ends).parse().expect("an address");
        let (source, destination) = if from_client { (client, server) } else { (server, client) };
        now += i64::from(wait) * 1_000_000;
        let origin = Origin { frame: FrameNo(frame as u64 + 1), time: Timestamp::from_nanos(now) };
        if what == 255 {
            for followed in [&mut short, &mut long] {
                let key = FlowKey::new(Transport::Tcp, source, destination);
                if let Some(Quoted::Tcp(flow)) = followed.table.find_quoted(&key) {
                    flow.connection.on_packet_too_big(flow.direction_from(source));
                }
            }
            continue;
        }
        let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
        let flags = match what % 8 {
            0 | 1 => syn,
            2 => syn.with(ack),
            3 => TcpFlags::RST.with(ack),
            4 => TcpFlags::FIN.with(ack),
            _ => ack,
        };
        let length = if what % 8 > 5 { u32::from(amount) + 1 } else { 0 };
        let (own, peer) = if from_client { (1000, 5000) } else { (5000, 1000) };
        let payload = vec![0; length as usize * if amount == 7 { 999 } else { 1 }];
        let segment = Segment {
            source: source.port(),
            destination: destination.port(),
            seq: SeqNum(own + u32::from(!flags.has(syn)) + u32::from(amount % 3) * 10),
            ack: SeqNum(peer + 1),
            flags,
            window: 500 + u16::from(amount),
            checksum: if amount == 5 { Checksum::Bad } else { Checksum::Good },
            options: TcpOptions(match amount % 5 {
                0 => &[],
                1 => &LONG[..20],
                2 if amount > 100 => &LONG,
                _ => &TIMED,
            }),
            payload: if amount == 6 { &payload[..payload.len() / 2] } else { &payload },
            payload_length: payload.len() as u32,
            ..SEGMENT
        };
        let ip = Ip {
            source: source.ip(),
            destination: destination.ip(),
            ttl: 60 + amount % 9,
            id: (ends.is_multiple_of(2)).then_some(frame as u16),
            ..IP
        };
        assert_eq!(short.segment(&segment, &ip, origin), long.segment(&segment, &ip, origin), "frame {}", frame + 1);
        most = most.max(short.in_short());
    }
    assert_eq!(long.in_short(), 0);
    let now = Timestamp::from_nanos(now);
    assert_eq!(short.finish(now), long.finish(now));
    most
}

#[test]
fn refused_and_unanswered_connections_are_kept_in_short() {
    let steps: Vec<Step> =
        (0..40).map(|at| (at / 2, at % 2 == 0 || at % 4 == 3, if at % 4 == 1 { 3 } else { 0 }, 1, 1)).collect();
    assert_eq!(play(&steps, 1000), 20);
}

#[test]
fn a_connection_that_goes_on_is_followed_as_a_whole() {
    let steps: Vec<Step> = (0..9).map(|at| (0, at % 2 == 0, [0, 2, 5, 7][at.min(3)], 1, 1)).collect();
    let mut followed = Followed::new(true, 9);
    assert_eq!(play(&steps, 9), 1);
    let origin = |frame| Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
    let ip = Ip { source: [10, 0, 0, 1].into(), destination: [10, 0, 0, 2].into(), ..IP };
    for frame in 1..6 {
        followed.segment(&Segment { seq: SeqNum(frame as u32), ..SEGMENT }, &ip, origin(frame));
        followed.table.put_all_down();
        assert_eq!(followed.in_short(), usize::from(frame <= 3), "{frame} segments");
    }
}

#[test]
fn what_came_long_ago_is_put_down_for_what_comes() {
    let mut table: FlowTable<()> = FlowTable::new(FlowLimits { in_short: true, ..FlowLimits::default() });
    for at in 0..3 * RECENT as u64 {
        let ip = Ip { source: Ipv6Addr::from(u128::from(at)).into(), destination: Ipv6Addr::LOCALHOST.into(), ..IP };
        let origin = Origin { frame: FrameNo(at + 1), time: Timestamp::from_nanos(at as i64) };
        let (source, destination) = (SocketAddr::new(ip.source, 1), SocketAddr::new(ip.destination, 2));
        let found = table.find_segment(source, destination, &SEGMENT, origin, &mut Vec::new());
        let flow = table.get_mut(found).expect("a flow");
        flow.connection.on_segment(found.direction, &SEGMENT, &ip, 60, origin);
        table.note_segment(found, &SEGMENT, &ip, 60, origin);
    }
    let short = table.slots.iter().filter(|slot| matches!(slot, Slot::Brief(_))).count();
    assert_eq!(short, 2 * RECENT);
}

const SEGMENT: Segment<'static> = Segment {
    source: 1,
    destination: 2,
    seq: SeqNum(1),
    ack: SeqNum(1),
    flags: TcpFlags::ACK,
    window: 1000,
    urgent: 0,
    checksum_field: 7,
    checksum: Checksum::Good,
    header_length: 20,
    options: TcpOptions(&[]),
    payload: &[],
    payload_length: 0,
};

const IP: Ip = Ip {
    source: IpAddr::V4(Ipv4Addr::LOCALHOST),
    destination: IpAddr::V4(Ipv4Addr::LOCALHOST),
    ttl: 64,
    traffic_class: 0,
    id: None,
    dont_fragment: true,
    header_checksum: Checksum::Good,
    protocol: 6,
    payload_length: 20,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_is_told_is_the_same(
        steps in proptest::collection::vec(
            (0u8..12, any::<bool>(), prop_oneof![30 => 0u8..64, 1 => Just(255u8)], any::<u8>(),
                prop_oneof![20 => 0u16..50, 1 => 0u16..6000]),
            0..120,
        ),
        flows in prop_oneof![3 => Just(1000usize), 1 => 2usize..8],
    ) {
        play(&steps, flows);
    }
}
