use super::segment::{Blocks, Seen};
use super::stream::{Room, Stream};
use super::*;
use crate::capture::FrameNo;
use crate::time::Timestamp;
use crate::wire::TcpFlags;

const A: usize = 0;
const B: usize = 1;
const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;

/// A stream into which segments are put one by one; A begins at 1000, B at 5000.
struct Bench {
    stream: Stream,
    rules: WiresharkRules,
    room: Room,
    frame: u64,
    micros: i64,
}

impl Bench {
    fn new(rules: WiresharkRules) -> Self {
        Self { stream: Stream::default(), rules, room: Room::new(1 << 20), frame: 0, micros: 1_000_000 }
    }

    /// After a handshake of two milliseconds.
    fn open(rules: WiresharkRules) -> Self {
        let mut bench = Self::new(rules);
        assert_eq!(bench.put(A, SYN, 1000, 0, 0), "");
        bench.wait(1000);
        assert_eq!(bench.put(B, SYN.with(ACK), 5000, 1001, 0), "");
        bench.wait(1000);
        assert_eq!(bench.put(A, ACK, 1001, 5001, 0), "");
        bench
    }

    fn wait(&mut self, micros: i64) -> &mut Self {
        self.micros += micros;
        self
    }

    fn seen(&mut self, flags: TcpFlags, seq: u32, ack: u32, length: u32) -> Seen {
        self.frame += 1;
        let time = Timestamp::from_nanos(self.micros * 1000);
        Seen {
            seq,
            ack,
            length,
            window: 60_000,
            flags,
            origin: Origin { frame: FrameNo(self.frame), time },
            ipv6: false,
            sack: None,
            scale: None,
            mss: None,
            cookie: false,
            multipath: (0, false),
        }
    }

    fn put_seen(&mut self, from: usize, seen: &Seen) -> WiresharkVerdict {
        self.stream.on_segment(from, seen, self.rules, &mut self.room)
    }

    /// Puts in a segment, and gives the names of its flags.
    fn put(&mut self, from: usize, flags: TcpFlags, seq: u32, ack: u32, length: u32) -> String {
        let seen = self.seen(flags, seq, ack, length);
        names(&self.put_seen(from, &seen))
    }

    fn data(&mut self, from: usize, seq: u32, ack: u32, length: u32) -> String {
        self.put(from, ACK, seq, ack, length)
    }

    fn window(&mut self, from: usize, (seq, ack, length): (u32, u32, u32), window: u32) -> String {
        let seen = Seen { window, ..self.seen(ACK, seq, ack, length) };
        names(&self.put_seen(from, &seen))
    }

    fn sack(&mut self, from: usize, (seq, ack): (u32, u32), window: u32, blocks: &[(u32, u32)]) -> String {
        let sack = Some(Blocks::new(blocks.iter().copied()));
        let seen = Seen { window, sack, ..self.seen(ACK, seq, ack, 0) };
        names(&self.put_seen(from, &seen))
    }
}

fn names(verdict: &WiresharkVerdict) -> String {
    verdict.flags.names().collect::<Vec<_>>().join(",")
}

use WiresharkRules::{Master, V4_0};

#[test]
fn in_master_a_window_update_with_sack_is_a_duplicate() {
    for (rules, expected) in [(V4_0, "window_update"), (Master, "duplicate_ack")] {
        let mut bench = Bench::open(rules);
        bench.data(B, 5001, 1001, 0);
        assert_eq!(bench.sack(B, (5001, 1001), 61_000, &[(1101, 1201)]), expected);
    }
}

#[test]
fn in_master_a_new_sack_block_makes_an_acknowledgement_that_moves_on_a_duplicate() {
    for (rules, expected) in [(V4_0, ""), (Master, "duplicate_ack")] {
        let mut bench = Bench::open(rules);
        bench.data(A, 1001, 5001, 100);
        bench.data(A, 1201, 5001, 100);
        assert_eq!(bench.sack(B, (5001, 1101), 60_000, &[(1201, 1301)]), expected);
    }
}

#[test]
fn in_master_much_selectively_acknowledged_data_makes_a_retransmission_fast() {
    // Two segments of unknown size are 1072 bytes.
    for (rules, sacked, expected) in [
        (V4_0, 1100, "retransmission"),
        (Master, 1072, "retransmission"),
        (Master, 1100, "retransmission,fast_retransmission"),
    ] {
        let mut bench = Bench::new(rules);
        bench.data(A, 1_000_001, 5001, 100);
        bench.data(A, 1_000_201, 5001, sacked);
        bench.sack(B, (5001, 1_000_101), 60_000, &[(1_000_201, 1_000_201 + sacked)]);
        bench.wait(5000);
        assert_eq!(bench.data(A, 1_000_101, 5001, 100), expected);
        bench.wait(20_000);
        assert_eq!(bench.data(A, 1_000_101, 5001, 100), "retransmission", "twenty milliseconds are too many");
    }
}

#[test]
fn in_master_the_byte_of_a_probe_may_be_taken() {
    for (rules, probe_answer) in [(V4_0, "ack_lost_segment,zero_window"), (Master, "zero_window,zero_window_probe_ack")]
    {
        let mut bench = Bench::open(rules);
        bench.data(A, 1001, 5001, 100);
        assert_eq!(bench.window(B, (5001, 1101, 0), 0), "zero_window");
        assert_eq!(bench.data(A, 1101, 5001, 1), "zero_window_probe");
        let mut answer: Vec<_> = bench.window(B, (5001, 1102, 0), 0).split(',').map(str::to_owned).collect();
        answer.sort();
        assert_eq!(answer.join(","), probe_answer);
    }
    let mut bench = Bench::open(Master);
    bench.data(A, 1001, 5001, 100);
    bench.window(B, (5001, 1101, 0), 0);
    bench.data(A, 1101, 5001, 1);
    assert_eq!(bench.data(B, 5001, 1102, 0), "window_update", "the window opens with the byte");
    assert_eq!(bench.data(A, 1102, 5001, 100), "", "and the next data goes on behind it");
}

#[test]
fn one_loss_is_told_once() {
    for rules in [V4_0, Master] {
        let mut bench = Bench::open(rules);
        assert_eq!(bench.data(B, 5001, 1101, 0), "ack_lost_segment", "{rules:?}");
        assert_eq!(bench.data(B, 5001, 1101, 100), "", "{rules:?}");
    }
}

#[test]
fn in_master_data_that_was_seen_behind_a_hole_is_not_lost_when_it_is_acknowledged() {
    let mut bench = Bench::open(Master);
    assert_eq!(bench.data(A, 1101, 5001, 100), "lost_segment");
    assert_eq!(bench.data(A, 1201, 5001, 100), "");
    assert_eq!(bench.data(B, 5001, 1101, 0), "ack_lost_segment");
    assert_eq!(bench.data(B, 5001, 1301, 0), "");
}

#[test]
fn in_master_the_last_of_a_disordered_flight_is_out_of_order_behind_an_empty_segment() {
    for (rules, expected) in [(V4_0, "retransmission"), (Master, "out_of_order")] {
        let mut bench = Bench::open(rules);
        // The highest number comes from a segment without data, and the data behind it.
        assert_eq!(bench.data(A, 1101, 5001, 0), "lost_segment");
        assert_eq!(bench.data(A, 1001, 5001, 100), expected);
    }
}

#[test]
fn in_master_a_clock_that_went_back_does_not_make_a_retransmission() {
    for (rules, expected) in [(V4_0, "retransmission"), (Master, "out_of_order")] {
        let mut bench = Bench::open(rules);
        bench.data(A, 1101, 5001, 100);
        bench.data(B, 5001, 1001, 0);
        bench.wait(-500);
        assert_eq!(bench.data(A, 1001, 5001, 100), expected);
    }
}

#[test]
fn ports_are_used_again_by_a_syn_with_another_number_and_in_master_after_the_end() {
    let fin = TcpFlags::FIN.with(ACK);
    for (rules, same, other_syn_ack) in
        [(V4_0, "retransmission", "lost_segment,reused_ports"), (Master, "reused_ports", "reused_ports")]
    {
        let mut bench = Bench::open(rules);
        assert_eq!(bench.put(A, fin, 1001, 5001, 0), "");
        bench.wait(1_000_000);
        assert_eq!(bench.put(A, SYN, 1000, 0, 0), same, "{rules:?}");
        assert_eq!(bench.put(B, SYN.with(ACK), 700_000, 1001, 0), if rules == V4_0 { other_syn_ack } else { "" });
        let mut bench = Bench::open(rules);
        assert_eq!(bench.put(A, SYN, 9000, 0, 0), "reused_ports");
        let mut bench = Bench::open(rules);
        assert_eq!(bench.put(B, SYN.with(ACK), 700_000, 1001, 0), other_syn_ack, "{rules:?}");
    }
}

#[test]
fn a_window_is_full_only_to_the_byte_and_by_its_scale() {
    for (scales, window, expected) in [
        ((Some(2), Some(2)), 25, "window_full"),
        ((Some(2), Some(2)), 26, ""),
        ((Some(2), None), 100, "window_full"),
        ((None, Some(2)), 100, "window_full"),
    ] {
        let mut bench = Bench::new(V4_0);
        let syn = Seen { scale: scales.0, ..bench.seen(SYN, 1000, 0, 0) };
        bench.put_seen(A, &syn);
        let syn_ack = Seen { scale: scales.1, ..bench.seen(SYN.with(ACK), 5000, 1001, 0) };
        bench.put_seen(B, &syn_ack);
        bench.data(A, 1001, 5001, 0);
        bench.window(B, (5001, 1001, 1), window);
        assert_eq!(bench.data(A, 1001, 5002, 100), expected, "{scales:?} {window}");
    }
    let mut midstream = Bench::new(V4_0);
    midstream.window(B, (5001, 1001, 1), 100);
    assert_eq!(midstream.data(A, 1001, 5002, 100), "", "the scale is not known");
}

#[test]
fn fast_open_is_told_by_cookie_and_acknowledgement() {
    for (ack, expected) in [(1021, "tfo_ack"), (1001, "tfo_ignored")] {
        let mut bench = Bench::new(Master);
        let syn = Seen { cookie: true, ..bench.seen(SYN, 1000, 0, 20) };
        assert_eq!(names(&bench.put_seen(A, &syn)), "tfo_syn");
        assert_eq!(bench.put(B, SYN.with(ACK), 5000, ack, 0), expected);
    }
}

#[test]
fn in_4_0_multipath_excuses_a_repeated_acknowledgement_after_a_new_kind_of_option() {
    for (rules, expected) in [(V4_0, ""), (Master, "duplicate_ack")] {
        let mut bench = Bench::open(rules);
        let option = Seen { multipath: (1 << 2, true), ..bench.seen(ACK, 5001, 1001, 10) };
        bench.put_seen(B, &option);
        assert_eq!(bench.data(A, 1001, 5001, 0), expected);
        assert_eq!(bench.data(A, 1001, 5001, 0), "duplicate_ack");
    }
}

#[test]
fn unacknowledged_segments_are_remembered_only_while_there_is_room() {
    let mut bench = Bench::new(Master);
    bench.room = Room::new(2);
    for seq in [1001, 1101, 1201] {
        bench.data(A, seq, 5001, 100);
    }
    assert_eq!(bench.stream.unacked(), 2);
    bench.data(B, 5001, 1201, 0);
    assert_eq!(bench.stream.unacked(), 0);
    assert!(bench.room.take() && bench.room.take() && !bench.room.take(), "all of it was given back");
}

#[test]
fn endpoints_that_were_long_not_seen_are_forgotten_and_counted() {
    let mut analysis = WiresharkAnalysis::new(Master, 4);
    let mut frame = 0;
    let mut syn = |analysis: &mut WiresharkAnalysis, port: u16, seq: u32| {
        frame += 1;
        let segment = Segment {
            source: port,
            destination: 1883,
            seq: crate::wire::SeqNum(seq),
            ack: crate::wire::SeqNum(0),
            flags: SYN,
            window: 1000,
            urgent: 0,
            checksum_field: 0,
            checksum: crate::wire::Checksum::Unknown,
            header_length: 20,
            options: crate::wire::TcpOptions::default(),
            payload: &[],
            payload_length: 0,
        };
        let ip = Ip {
            source: "10.0.0.1".parse().expect("an address"),
            destination: "10.0.0.2".parse().expect("an address"),
            ttl: 64,
            traffic_class: 0,
            id: None,
            dont_fragment: true,
            header_checksum: crate::wire::Checksum::Good,
            protocol: 6,
            payload_length: 20,
        };
        let origin = Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
        names(&analysis.on_segment(&ip, &segment, origin))
    };
    syn(&mut analysis, 1, 100);
    for port in 2..=4 {
        syn(&mut analysis, port, 100);
    }
    assert_eq!(syn(&mut analysis, 1, 200), "reused_ports", "of the generation before, it is known");
    assert_eq!(analysis.take_forgotten(), 1, "2 was not seen since");
    for port in 5..=9 {
        syn(&mut analysis, port, 100);
    }
    assert_eq!(syn(&mut analysis, 1, 300), "", "forgotten, it begins as new");
    assert!(analysis.take_forgotten() > 0);
    assert_eq!(analysis.take_forgotten(), 0);
}
