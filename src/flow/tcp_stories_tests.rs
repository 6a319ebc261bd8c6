//! More stories of connections: how they end, what a capture lacks of them, and what was sent again.

use super::*;
use crate::flow::WindowScale;

#[test]
fn a_rst_in_the_name_of_an_end_that_goes_on_ended_nothing() {
    let goes_on = [
        ("acknowledges what was sent since", Line { ack: 11, ..LINE }),
        ("closes", Line { flags: FIN, ack: 11, ..LINE }),
        ("sends", Line { length: 5, ..LINE }),
    ];
    for (how, line) in goes_on {
        let mut story = Story::established();
        story.server(Line { flags: TcpFlags::RST, ..LINE }).client(Line { length: 10, ..LINE });
        assert!(story.connection.closing.reset.is_some());
        story.server(line);
        assert!(story.connection.closing.reset.is_none(), "the server {how}");
        assert_eq!(story.connection.sides.to_server.state(), TcpState::Established, "the server {how}");
        let odd = |direction: Direction, kind| story.connection.sides[direction].oddities().count(kind);
        assert_eq!(odd(Direction::ToClient, Oddity::ResetIgnored), 1, "the server {how}");
        assert!(!story.last.marks.has(Marks::UNEXPECTED), "the server {how}");
    }
}

#[test]
fn an_acknowledgement_that_a_rst_overtook_does_not_take_it_back() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE });
    story.server(Line { flags: TcpFlags::RST, ..LINE }).server(Line { ack: 11, ..LINE });
    assert_eq!(story.closed(), Some((CloseKind::Reset, Some(Role::Server))));
}

#[test]
fn who_sent_the_rst_is_told_beside_who_began_to_close() {
    let mut story = Story::established();
    story.client(Line { flags: FIN, ..LINE }).server(Line { flags: RST_ACK, ack: 2, ..LINE });
    let close = story.connection.close().expect("it is closed");
    assert_eq!((close.initiator, close.reset_by), (Some(Role::Client), Some(Role::Server)));
}

#[test]
fn who_began_is_not_known_where_the_fin_of_the_other_end_may_be_what_the_capture_lacks() {
    let mut story = Story::established();
    // It acknowledges one number beyond what was captured of the client.
    story.server(Line { flags: FIN, ack: 2, ..LINE }).client(Line { seq: 2, ack: 2, ..LINE });
    assert_eq!(story.closed(), Some((CloseKind::HalfOpen, None)));

    let mut story = Story::new();
    story.server(Line { flags: SYN_ACK, seq: 0, ..LINE }).server(Line { flags: FIN, ack: 20, ..LINE });
    assert_eq!(story.closed(), Some((CloseKind::HalfOpen, None)), "one direction was not captured");
}

#[test]
fn options_that_the_capture_lacks_may_have_been_offered() {
    let scales = |client: u8, server: u8| {
        let mut story = Story::new();
        story.client(Line { flags: TcpFlags::SYN, seq: 0, cut: client, ..LINE });
        story.server(Line { flags: SYN_ACK, seq: 0, cut: server, ..LINE });
        let sides = &story.connection.sides;
        (sides.to_server.scale, sides.to_server.syn_options().map(|options| options.cut))
    };
    assert_eq!(scales(0, 0), (WindowScale::Shift(7), Some(false)));
    assert_eq!(scales(4, 0), (WindowScale::Shift(7), Some(true)), "the scale is among those that were captured");
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, bare: true, cut: 12, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, ..LINE }).client(LINE);
    assert!(Direction::BOTH.iter().all(|direction| !story.connection.sides[*direction].window_scale_known()));
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, bare: true, cut: 12, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, bare: true, ..LINE }).client(LINE);
    assert!(story.connection.sides.to_server.window_scale_known(), "without the server's there is no scaling");
}

#[test]
fn segments_far_away_move_nothing_until_three_agree() {
    let mut story = Story::established();
    let far = Line { seq: 900_000_000, length: 10, ..LINE };
    for count in 0..2 {
        story.client(Line { seq: far.seq + count * 10, ..far });
        assert!(story.last.marks.has(Marks::OUT_OF_WINDOW));
    }
    story.client(Line { seq: far.seq + 20, ..far });
    assert!(story.last.marks.has(Marks::LOST_SEGMENT), "the capture has a large hole");
}

#[test]
fn round_trips_are_not_taken_from_what_was_sent_twice() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE }).wait(300).client(Line { length: 10, ..LINE });
    story.wait(20).server(Line { ack: 11, ..LINE });
    assert_eq!(story.last.ack_rtt, None, "Karn");
    story.client(Line { seq: 11, length: 10, ..LINE }).wait(20).server(Line { ack: 21, ..LINE });
    assert_eq!(story.last.ack_rtt, Some(Span::from_millis(21)));
}

#[test]
fn a_timestamp_that_is_long_over_is_odd_and_one_that_was_overtaken_is_not() {
    let count = |value: u32, echo: u32| {
        let mut story = Story::established();
        story.client(Line { length: 10, stamps: Some((5_000_000, 7_000_000)), ..LINE });
        story.server(Line { ack: 11, stamps: Some((7_000_100, 5_000_000)), ..LINE });
        story.client(Line { seq: 11, length: 10, stamps: Some((value, echo)), ..LINE });
        story.connection.sides.to_server.oddities().count(Oddity::OldTimestamp)
    };
    assert_eq!(count(5_000_001, 7_000_100), 0);
    assert_eq!(count(4_999_000, 7_000_000), 0, "overtaken on its way");
    assert_eq!(count(4_000_000, 7_000_100), 1, "older than what it follows");
    assert_eq!(count(5_000_001, 100), 1, "an echo that was never sent");
    assert_eq!(count(5_000_001, 0), 0, "no echo");
}

/// MSS, SACK permitted, window scale.
const WITH_SACK: [u8; 11] = [2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7, 1];

#[test]
fn the_tail_is_probed_before_the_timer_runs_out_and_not_after() {
    let after = |millis: i64| {
        let mut story = Story { options: &WITH_SACK, ..Story::new() }.shake_hands();
        story.client(Line { length: 100, ..LINE }).wait(18).server(Line { ack: 101, ..LINE });
        story.wait(1000).client(Line { seq: 101, length: 100, ..LINE });
        story.wait(millis).client(Line { seq: 101, length: 100, ..LINE });
        story.last.retransmission.map(|again| (again.kind, again.back_off))
    };
    // Two round trips of 19 ms (to the capture point and back 1 ms), and a delayed acknowledgement of 200 ms.
    assert_eq!(after(50), Some((RetransmissionKind::TailLossProbe, None)));
    assert_eq!(after(240), Some((RetransmissionKind::TailLossProbe, None)));
    assert_eq!(after(400), Some((RetransmissionKind::Timeout, Some(1))));
    assert_eq!(after(1000), Some((RetransmissionKind::Timeout, Some(1))));
}

#[test]
fn data_of_a_syn_that_was_taken_without_it_is_sent_again_for_that_reason() {
    let mut story = Story { options: &WITH_SACK, ..Story::new() };
    story.client(Line { flags: TcpFlags::SYN, seq: 0, length: 18, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, ack: 1, ..LINE });
    let mut told = Vec::new();
    for wait in [0, 300, 600] {
        story.wait(wait).client(Line { length: 18, ..LINE });
        told.push(story.last.retransmission.map(|again| again.kind));
    }
    let (refused, timeout) = (RetransmissionKind::FastOpenRefused, RetransmissionKind::Timeout);
    assert_eq!(told, [Some(refused), Some(timeout), Some(timeout)]);
    let counters = story.counters(Direction::ToServer);
    assert_eq!((counters.retransmissions, counters.fast_open_retransmissions), (3, 1));
    story.server(Line { ack: 19, ..LINE });
    assert_eq!(story.last.ack_rtt, None, "Karn");
}

#[test]
fn data_of_a_syn_that_was_taken_with_it_is_sent_again_as_any_other() {
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, length: 18, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, ack: 19, ..LINE });
    story.client(Line { seq: 19, ack: 1, ..LINE }).wait(300).client(Line { length: 18, ..LINE });
    assert_ne!(story.last.retransmission.map(|again| again.kind), Some(RetransmissionKind::FastOpenRefused));
}

#[test]
fn a_byte_that_probes_a_closed_window_is_sent_again_with_what_follows_it() {
    let probed = || {
        let mut story = Story::established();
        story.client(Line { length: 10, ..LINE }).server(Line { ack: 11, window: 0, ..LINE });
        for _ in 0..3 {
            story.wait(400).client(Line { seq: 11, length: 1, ..LINE });
            assert!(story.last.marks.has(Marks::WINDOW_PROBE));
            story.server(Line { ack: 11, window: 0, ..LINE });
            assert!(story.last.marks.has(Marks::WINDOW_PROBE_ACK));
        }
        story
    };
    let mut story = probed();
    story.server(Line { ack: 11, ..LINE }).client(Line { seq: 11, length: 100, ..LINE });
    assert_eq!((story.last.marks, story.last.retransmission), (Marks::default(), None));
    assert_eq!(story.counters(Direction::ToServer).unique_bytes, 110);

    // The window opens just when the probe comes, and its byte is taken.
    let mut story = probed();
    story.client(Line { seq: 11, length: 1, ..LINE }).server(Line { ack: 12, ..LINE });
    assert!(!story.last.marks.has(Marks::ACK_OF_UNSEEN));
    story.client(Line { seq: 12, length: 100, ..LINE });
    assert_eq!((story.last.marks, story.last.retransmission), (Marks::default(), None));
    assert_eq!(story.counters(Direction::ToServer).unique_bytes, 111);
    let side = &story.connection.sides.to_server;
    assert_eq!((side.missing_bytes(), side.unseen_tail_bytes()), (0, 0));

    // A probe of long ago is of no number that lies half of them all behind it.
    let mut story = probed();
    let mut seq = 11_u32;
    while seq < 0x8000_0000 + 100_000 {
        story.server(Line { ack: seq, ..LINE }).client(Line { seq, length: 0x100_0000, ..LINE });
        seq += 0x100_0000;
    }
    story.server(Line { ack: seq, ..LINE }).client(Line { seq: seq + 1000, length: 100, ..LINE });
    let side = &story.connection.sides.to_server;
    assert_eq!((side.missing_bytes(), story.counters(Direction::ToServer).unique_bytes), (1000, u64::from(seq) + 99));
}

#[test]
fn what_is_captured_behind_its_acknowledgement_was_sent_once() {
    let late = |echo: Option<u32>, value: Option<u32>, id: u16| {
        let mut story = Story::established();
        story.client(Line { length: 10, id: Some(400), stamps: value.map(|_| (1000, 7)), ..LINE });
        story.server(Line { ack: 21, stamps: echo.map(|echo| (9, echo)), ..LINE });
        assert!(story.last.marks.has(Marks::ACK_OF_UNSEEN));
        let stamps = value.map(|value| (value, 7));
        story.client(Line { seq: 11, length: 10, id: Some(id), stamps, ..LINE });
        assert_eq!(story.connection.sides.to_server.missing_bytes(), 0);
        !story.last.marks.has(Marks::RETRANSMISSION_OF_UNSEEN)
    };
    assert!(late(None, None, 401), "by the identification");
    assert!(!late(None, None, 402), "another packet went between");
    assert!(late(Some(1050), Some(1050), 402), "the acknowledgement echoes it");
    assert!(!late(Some(1050), Some(1300), 401), "it was sent after what is acknowledged");
}

#[test]
fn a_rst_inside_of_the_window_is_challenged_where_it_is_not_expected() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE }).server(Line { ack: 11, ..LINE });
    story.server(Line { flags: TcpFlags::RST, seq: 501, ..LINE });
    assert!(story.last.marks.has(Marks::RESET_CHALLENGED) && !story.last.marks.has(Marks::OUT_OF_WINDOW));
    story.client(Line { seq: 11, ..LINE });
    assert_eq!(story.last.marks, Marks::CHALLENGE_ACK);
    story.client(Line { seq: 11, ..LINE });
    assert_eq!(story.last.marks, Marks::default(), "nothing is outstanding (RFC 5681, 2)");
    story.server(Line { flags: TcpFlags::RST, seq: 500 * 128 + 1, ..LINE });
    assert!(story.last.marks.has(Marks::OUT_OF_WINDOW));
    story.expect("CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED ESTABLISHED");
}

#[test]
fn an_acknowledgement_that_the_network_doubled_is_no_duplicate_one() {
    let mut story = Story::established();
    story.client(Line { length: 100, ..LINE }).client(Line { seq: 101, length: 100, ..LINE });
    story.server(Line { ack: 101, id: Some(9100), ..LINE });
    for _ in 0..3 {
        story.server(Line { ack: 101, id: Some(9100), ..LINE });
        assert_eq!(story.last.marks, Marks::DUPLICATED_BY_NETWORK);
    }
    story.server(Line { ack: 101, id: Some(9101), ..LINE });
    assert_eq!(story.last.marks, Marks::DUPLICATE_ACK);
    let counters = story.counters(Direction::ToClient);
    assert_eq!((counters.duplicate_acks, counters.duplicated_by_network), (1, 3));
}

#[test]
fn a_stack_that_numbers_its_packets_alike_doubles_nothing() {
    let mut story = Story::established();
    for at in 0..4 {
        story.client(Line { seq: 1 + at * 100, length: 100, ..LINE });
    }
    for ack in [101, 201, 201] {
        story.server(Line { ack, id: Some(9100), ..LINE });
    }
    assert_eq!(story.last.marks, Marks::DUPLICATE_ACK);
}

#[test]
fn what_is_in_flight_counts_before_the_first_acknowledgement() {
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, length: 18, ..LINE });
    assert_eq!(story.last.bytes_in_flight, Some(18), "Fast Open");
}

#[test]
fn what_is_in_flight_is_not_known_where_no_acknowledgement_can_be_captured() {
    let mut story = Story::new();
    story.client(Line { seq: 500, length: 10, ..LINE });
    assert_eq!(story.last.bytes_in_flight, None, "in the middle of a connection");
    story.client(Line { seq: 510, length: 30, ..LINE });
    assert_eq!(story.last.bytes_in_flight, None);
    story.server(Line { ack: 510, ..LINE }).client(Line { seq: 540, length: 1, ..LINE });
    assert_eq!(story.last.bytes_in_flight, Some(31));
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE }).client(Line { length: 5, ..LINE });
    assert_eq!(story.last.bytes_in_flight, None);
}

#[test]
fn numbers_begin_with_the_syn_that_a_syn_ack_acknowledges() {
    for syn_is_late in [false, true] {
        let mut story = Story::new();
        story.server(Line { flags: SYN_ACK, seq: 0, ..LINE });
        assert_eq!(story.last.relative_ack, Some(1));
        if syn_is_late {
            story.client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE });
            assert_eq!(story.last.relative_seq, 0);
        }
        story.client(LINE);
        assert_eq!((story.last.relative_seq, story.last.relative_ack), (1, Some(1)));
    }
}

#[test]
fn the_round_trip_of_a_handshake_is_known_where_it_is_known_what_was_answered() {
    // The first SYN and SYN-ACK are sent again after a second, with other timestamps or none.
    let round_trip = |syns: &[u32], answers: &[(u32, u32)], echo: u32, timed: bool| {
        let stamps = |value: u32, echo: u32| timed.then_some((value, echo));
        let mut story = Story::new();
        for (count, value) in syns.iter().enumerate() {
            story.wait(if count > 0 { 999 } else { 0 });
            story.client(Line { flags: TcpFlags::SYN, seq: 0, stamps: stamps(*value, 0), ..LINE });
        }
        story.wait(19);
        for (count, (value, echo)) in answers.iter().enumerate() {
            story.wait(if count > 0 { 999 } else { 0 });
            story.server(Line { flags: SYN_ACK, seq: 0, stamps: stamps(*value, *echo), ..LINE });
        }
        story.client(Line { stamps: stamps(9000, echo), ..LINE });
        story.connection.handshake.rtt
    };
    let millis = |millis| Some(Span::from_millis(millis));
    assert_eq!(round_trip(&[5], &[(7, 5)], 7, true), millis(21));
    assert_eq!(round_trip(&[5], &[(7, 5)], 7, false), millis(21));
    assert_eq!(round_trip(&[5, 1005], &[(7, 1005)], 7, true), millis(21), "the second SYN was answered");
    assert_eq!(round_trip(&[5, 1005], &[(7, 5)], 7, true), millis(1021), "the first, late");
    assert_eq!(round_trip(&[5, 1005], &[(7, 5)], 7, false), None, "nothing tells");
    assert_eq!(round_trip(&[5], &[(7, 5), (1007, 5)], 1007, true), millis(21), "the second SYN-ACK was answered");
    assert_eq!(round_trip(&[5], &[(7, 5), (1007, 5)], 7, false), None);
}
