//! Connections as stories: segments in, states and verdicts out.

use proptest::prelude::*;

#[path = "tcp_stories_tests.rs"]
mod stories;

use super::*;
use crate::capture::FrameNo;
use crate::flow::{CloseKind, Next, Oddity, Outcome, RetransmissionKind};
use crate::wire::{Checksum, TcpOptions};

const CLIENT_ISN: u32 = 0xffff_ff00;
const SERVER_ISN: u32 = 7_000;
const SYN_OPTIONS: [u8; 8] = [2, 4, 5, 0xb4, 1, 3, 3, 7];

/// A connection, with numbers relative to the initial ones.
struct Story {
    connection: Connection,
    frame: u64,
    millis: i64,
    ids: PerDirection<u16>,
    last: Verdict,
    /// Of both SYNs.
    options: &'static [u8],
}

/// One segment of a story: times and numbers are relative.
#[derive(Debug, Clone, Copy)]
struct Line {
    flags: TcpFlags,
    seq: u32,
    ack: u32,
    length: u32,
    window: u16,
    /// Sent again with the same identification, as the network doubles a packet.
    id: Option<u16>,
    checksum: Checksum,
    /// TSval and TSecr.
    stamps: Option<(u32, u32)>,
    /// A SACK block, in relative numbers of the peer.
    sack: Option<(u32, u32)>,
    /// So many bytes of options are in the header, and not in the capture.
    cut: u8,
    /// A SYN without options.
    bare: bool,
}

const LINE: Line = Line {
    flags: TcpFlags::ACK,
    seq: 1,
    ack: 1,
    length: 0,
    window: 500,
    id: None,
    checksum: Checksum::Good,
    stamps: None,
    sack: None,
    cut: 0,
    bare: false,
};
const FIN: TcpFlags = TcpFlags::FIN.with(TcpFlags::ACK);
const SYN_ACK: TcpFlags = TcpFlags::SYN.with(TcpFlags::ACK);
const RST_ACK: TcpFlags = TcpFlags::RST.with(TcpFlags::ACK);

impl Story {
    fn new() -> Self {
        Self {
            connection: Connection::default(),
            frame: 0,
            millis: 0,
            ids: PerDirection { to_server: 100, to_client: 9000 },
            last: Verdict::default(),
            options: &SYN_OPTIONS,
        }
    }

    /// A connection whose handshake is over.
    fn established() -> Self {
        Self::new().shake_hands()
    }

    fn shake_hands(self) -> Self {
        let mut story = self;
        story.client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE });
        story.server(Line { flags: SYN_ACK, seq: 0, ..LINE });
        story.client(LINE);
        story
    }

    fn wait(&mut self, millis: i64) -> &mut Self {
        self.millis += millis;
        self
    }

    fn client(&mut self, line: Line) -> &mut Self {
        self.send(Direction::ToServer, line)
    }

    fn server(&mut self, line: Line) -> &mut Self {
        self.send(Direction::ToClient, line)
    }

    fn send(&mut self, direction: Direction, line: Line) -> &mut Self {
        let (own, peer) = match direction {
            Direction::ToServer => (CLIENT_ISN, SERVER_ISN),
            Direction::ToClient => (SERVER_ISN, CLIENT_ISN),
        };
        self.frame += 1;
        self.millis += 1;
        self.ids[direction] += 1;
        let options = if line.flags.has(TcpFlags::SYN) && !line.bare { self.options } else { &[] };
        let mut options = options.to_vec();
        let mut put = |kind: u8, fields: [u32; 2]| {
            options.extend([kind, 10]);
            options.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
        };
        line.stamps.inspect(|(value, echo)| put(8, [*value, *echo]));
        line.sack.inspect(|(left, right)| put(5, [SeqNum(peer).plus(*left).0, SeqNum(peer).plus(*right).0]));
        let segment = Segment {
            source: 1,
            destination: 2,
            seq: SeqNum(own).plus(line.seq),
            ack: SeqNum(peer).plus(line.ack),
            flags: line.flags,
            window: line.window,
            urgent: 0,
            checksum_field: 1,
            checksum: line.checksum,
            header_length: 20 + options.len() as u8 + line.cut,
            options: TcpOptions(&options),
            payload: &[],
            payload_length: line.length,
        };
        let ip = ip(line.id.unwrap_or(self.ids[direction]));
        let origin = Origin { frame: FrameNo(self.frame), time: Timestamp::from_nanos(self.millis * 1_000_000) };
        self.last = self.connection.on_segment(direction, &segment, &ip, 60 + line.length, origin);
        self
    }

    /// The states that an end went through.
    fn path(&self, role: Role) -> Vec<&'static str> {
        let steps: Vec<_> = self.connection.transitions.iter().filter(|step| step.endpoint == role).collect();
        let first = steps.first().map(|step| step.from.name());
        first.into_iter().chain(steps.iter().map(|step| step.to.name())).collect()
    }

    #[track_caller]
    fn expect(&self, client: &str, server: &str) {
        assert_eq!(self.path(Role::Client).join(" "), client, "the client's states");
        assert_eq!(self.path(Role::Server).join(" "), server, "the server's states");
    }

    /// In which way it closed, and who began.
    fn closed(&self) -> Option<(CloseKind, Option<Role>)> {
        self.connection.close().map(|close| (close.kind, close.initiator))
    }

    fn counters(&self, direction: Direction) -> &crate::flow::Counters {
        self.connection.sides[direction].counters()
    }
}

fn ip(id: u16) -> Ip {
    Ip {
        source: std::net::Ipv4Addr::LOCALHOST.into(),
        destination: std::net::Ipv4Addr::LOCALHOST.into(),
        ttl: 64,
        traffic_class: 0,
        id: Some(id),
        dont_fragment: true,
        header_checksum: Checksum::Good,
        protocol: 6,
        payload_length: 20,
    }
}

#[test]
fn a_connection_that_closes_in_four_segments_passes_all_states() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE }).server(Line { ack: 11, ..LINE });
    story.client(Line { flags: FIN, seq: 11, ..LINE });
    story.server(Line { ack: 12, ..LINE }).server(Line { flags: FIN, ack: 12, ..LINE });
    story.client(Line { seq: 12, ack: 2, ..LINE });
    story.expect(
        "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        "LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED",
    );
    assert_eq!(story.closed(), Some((CloseKind::FourSegment, Some(Role::Client))));
    assert_eq!(story.connection.outcome(), Outcome::Closed);
    assert!(story.connection.handshake.complete);
    assert_eq!(story.connection.handshake.rtt, Some(Span::from_millis(2)));
}

#[test]
fn a_fin_that_answers_the_fin_closes_in_three_segments() {
    let mut story = Story::established();
    story.server(Line { flags: FIN, ..LINE }).client(Line { flags: FIN, ack: 2, ..LINE });
    story.server(Line { seq: 2, ack: 2, ..LINE });
    story.expect(
        "CLOSED SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED",
        "LISTEN SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
    );
    assert_eq!(story.closed(), Some((CloseKind::ThreeSegment, Some(Role::Server))));
}

#[test]
fn fins_that_cross_are_a_simultaneous_close_by_their_numbers_not_their_order() {
    let mut story = Story::established();
    story.client(Line { flags: FIN, ..LINE }).server(Line { flags: FIN, ..LINE });
    story.client(Line { seq: 2, ack: 2, ..LINE }).server(Line { seq: 2, ack: 2, ..LINE });
    story.expect(
        "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT",
        "LISTEN SYN_RECEIVED ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT",
    );
    assert_eq!(story.closed(), Some((CloseKind::Simultaneous, Some(Role::Client))));
}

#[test]
fn both_ends_may_open_at_once() {
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE }).server(Line { flags: TcpFlags::SYN, seq: 0, ..LINE });
    story.client(Line { flags: SYN_ACK, seq: 0, ..LINE }).server(Line { flags: SYN_ACK, seq: 0, ..LINE });
    assert!(!story.last.marks.has(Marks::UNEXPECTED));
    story.expect("CLOSED SYN_SENT SYN_RECEIVED ESTABLISHED", "CLOSED SYN_SENT SYN_RECEIVED ESTABLISHED");
    assert_eq!(story.counters(Direction::ToClient).retransmissions, 0, "a SYN-ACK repeats the number of the SYN");
}

#[test]
fn a_fin_that_is_lost_never_moves_its_peer() {
    let mut story = Story::established();
    story.client(Line { flags: FIN, ..LINE });
    story.server(Line { length: 5, ..LINE });
    story.expect("CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1", "LISTEN SYN_RECEIVED ESTABLISHED");
    assert_eq!(story.closed(), Some((CloseKind::HalfOpen, Some(Role::Client))));
}

#[test]
fn an_acknowledgement_that_was_lost_is_taken_back_when_the_fin_is_sent_again() {
    let mut story = Story::established();
    story.client(Line { flags: FIN, ..LINE }).server(Line { flags: FIN, ack: 2, ..LINE });
    story.client(Line { seq: 2, ack: 2, ..LINE });
    assert_eq!(story.connection.sides.to_client.state(), TcpState::Closed);
    story.wait(300).server(Line { flags: FIN, ack: 2, ..LINE });
    assert_eq!(story.connection.sides.to_client.state(), TcpState::LastAck);
    story.client(Line { seq: 2, ack: 2, ..LINE });
    story.expect(
        "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        "LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED",
    );
    assert_eq!(story.counters(Direction::ToClient).retransmissions, 1);
}

#[test]
fn a_server_that_repeats_its_syn_ack_has_not_been_established() {
    let mut story = Story::established();
    story.wait(1000).server(Line { flags: SYN_ACK, seq: 0, ..LINE });
    story.expect("CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED");
    story.client(LINE);
    story.expect("CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED ESTABLISHED");
}

#[test]
fn a_syn_that_meets_nobody_is_refused() {
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE }).server(Line { flags: RST_ACK, seq: 0, ..LINE });
    story.expect("CLOSED SYN_SENT CLOSED", "UNKNOWN CLOSED");
    assert_eq!(story.connection.outcome(), Outcome::Refused);
}

#[test]
fn a_syn_that_nobody_answers_is_unanswered() {
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE });
    story.wait(1000).client(Line { flags: TcpFlags::SYN, seq: 0, ..LINE });
    assert_eq!(story.connection.outcome(), Outcome::Unanswered);
    assert_eq!(story.counters(Direction::ToServer).handshake_retransmissions, 1);
}

#[test]
fn a_rst_outside_of_the_window_resets_nothing() {
    let mut story = Story::established();
    story.client(Line { flags: TcpFlags::RST, seq: 5_000_000, ..LINE });
    story.expect("CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED ESTABLISHED");
    assert!(story.last.marks.has(Marks::OUT_OF_WINDOW));
    story.client(Line { flags: TcpFlags::RST, seq: 1, ..LINE });
    story.expect("CLOSED SYN_SENT ESTABLISHED CLOSED", "LISTEN SYN_RECEIVED ESTABLISHED CLOSED");
    assert_eq!(story.closed(), Some((CloseKind::Reset, Some(Role::Client))));
}

#[test]
fn a_fin_that_crosses_a_rst_was_sent_before_it_came() {
    let mut story = Story::established();
    story.client(Line { flags: FIN, ..LINE }).server(Line { length: 20, ack: 2, ..LINE });
    story.client(Line { flags: TcpFlags::RST, seq: 2, ..LINE });
    story.server(Line { flags: FIN, seq: 21, ack: 2, ..LINE });
    story.expect(
        "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSED",
        "LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED",
    );
}

#[test]
fn a_capture_that_begins_in_the_middle_says_unknown_until_something_is_proved() {
    let mut story = Story::new();
    assert_eq!(story.connection.sides.to_server.state(), TcpState::Unknown);
    story.client(Line { seq: 500, ack: 900, length: 10, ..LINE });
    story.expect("UNKNOWN ESTABLISHED", "");
    let step = story.connection.transitions.first().expect("a step");
    assert_eq!(step.proof, Proof::Assumed);
    story.server(Line { flags: FIN, seq: 900, ack: 510, ..LINE });
    story.client(Line { seq: 510, ack: 901, ..LINE });
    story.expect("UNKNOWN ESTABLISHED CLOSE_WAIT", "UNKNOWN ESTABLISHED FIN_WAIT_1 FIN_WAIT_2");
}

#[test]
fn a_segment_with_the_same_identification_is_a_copy_of_the_network() {
    let mut story = Story::established();
    story.client(Line { length: 100, id: Some(400), ..LINE });
    story.client(Line { length: 100, id: Some(400), ..LINE });
    assert!(story.last.marks.has(Marks::DUPLICATED_BY_NETWORK));
    assert_eq!(story.counters(Direction::ToServer).retransmissions, 0);
    story.wait(250).client(Line { length: 100, id: Some(401), ..LINE });
    assert!(story.last.marks.has(Marks::RETRANSMISSION));
    assert_eq!(story.counters(Direction::ToServer).retransmitted_bytes, 100);
}

#[test]
fn a_late_original_is_out_of_order_by_its_identification() {
    let mut story = Story::established();
    story.client(Line { length: 100, id: Some(400), ..LINE });
    story.client(Line { seq: 201, length: 100, id: Some(402), ..LINE });
    assert!(story.last.marks.has(Marks::LOST_SEGMENT));
    story.client(Line { seq: 101, length: 100, id: Some(401), ..LINE });
    assert!(story.last.marks.has(Marks::OUT_OF_ORDER));
    let counters = story.counters(Direction::ToServer);
    assert_eq!((counters.out_of_order, counters.retransmissions), (1, 0));
    assert_eq!(story.connection.sides.to_server.missing_bytes(), 0);
}

#[test]
fn what_is_missing_of_many_gib_stays_what_it_is() {
    const PIECE: u32 = 1 << 20;
    let mut story = Story::established();
    let mut at: u32 = 1;
    let (mut missing, mut late) = (0, 0);
    // 5 GiB, so that the numbers come round, and each number is at one time the highest and the lowest that is known.
    for piece in 0..5 << 10 {
        // A hundred bytes of each 64 MiB are never captured, and a hundred others late.
        let never = if piece % 64 == 1 { 100 } else { 0 };
        missing += u64::from(never);
        let first = at.wrapping_add(never);
        let after = if piece % 64 == 32 {
            story.client(Line { seq: first.wrapping_add(100), length: PIECE, ..LINE });
            story.ids.to_server -= 2;
            story.client(Line { seq: first, length: 100, ..LINE });
            story.ids.to_server += 2;
            late += 1;
            100
        } else {
            story.client(Line { seq: first, length: PIECE, ..LINE });
            0
        };
        at = first.wrapping_add(PIECE).wrapping_add(after);
        story.server(Line { ack: at, ..LINE });
        let side = &story.connection.sides.to_server;
        assert_eq!((side.missing_bytes(), side.unseen_tail_bytes()), (missing, 0), "after {piece} MiB");
        assert_eq!(story.counters(Direction::ToServer).out_of_order, late, "after {piece} MiB");
    }
}

#[test]
fn a_lone_segment_is_probed_first_and_then_times_out_with_back_off() {
    let mut story = Story::established();
    story.client(Line { length: 100, ..LINE });
    let kinds: Vec<_> = [220, 300, 600]
        .into_iter()
        .map(|millis| {
            story.wait(millis).client(Line { length: 100, ..LINE });
            story.last.retransmission.map(|again| again.kind)
        })
        .collect();
    assert_eq!(
        kinds,
        [Some(RetransmissionKind::Timeout), Some(RetransmissionKind::Timeout), Some(RetransmissionKind::Timeout)],
        "without SACK there are no probes"
    );
    let counters = story.counters(Direction::ToServer);
    assert_eq!((counters.retransmissions, counters.timeout_retransmissions), (3, 3));
}

#[test]
fn duplicate_acknowledgements_make_a_retransmission_a_fast_one() {
    let mut story = Story::established();
    for at in 0..5 {
        story.client(Line { seq: 1 + at * 100, length: 100, ..LINE });
    }
    story.server(Line { ack: 101, ..LINE });
    for _ in 0..3 {
        story.server(Line { ack: 101, ..LINE });
        assert!(story.last.marks.has(Marks::DUPLICATE_ACK));
    }
    story.client(Line { seq: 101, length: 100, ..LINE });
    assert_eq!(story.last.retransmission.map(|again| again.kind), Some(RetransmissionKind::Fast));
}

#[test]
fn each_time_that_the_timer_runs_out_in_a_row_is_a_step_of_its_back_off() {
    let mut story = Story::established();
    story.client(Line { length: 100, ..LINE }).client(Line { seq: 101, length: 100, ..LINE });
    let mut told = Vec::new();
    for wait in [230, 460, 920] {
        story.wait(wait).client(Line { length: 100, ..LINE });
        told.push(story.last.retransmission.map(|again| (again.kind.name(), again.evidence.name(), again.back_off)));
    }
    assert_eq!(told, [1, 2, 3].map(|step| Some(("timeout", "timing", Some(step)))));
    // What follows in the same recovery is sent because an acknowledgement came.
    story.server(Line { ack: 101, ..LINE }).client(Line { seq: 101, length: 100, ..LINE });
    assert_eq!(story.last.retransmission.map(|again| (again.kind.name(), again.back_off)), Some(("timeout", None)));
}

/// A segment that was lost, or only late, and is sent again after the timer ran out; then `answer` of the server.
fn spurious_after(answer: Line) -> (u32, u32, u32) {
    let mut story = Story::established();
    let stamped = |value| Line { length: 100, stamps: Some((value, 7)), ..LINE };
    story.client(stamped(1000)).client(Line { seq: 101, ..stamped(1000) });
    story.wait(230).client(stamped(1230)).server(answer);
    let counters = story.counters(Direction::ToServer);
    (counters.retransmissions, counters.timeout_retransmissions, counters.spurious_retransmissions)
}

#[test]
fn an_echo_older_than_the_repetition_shows_that_it_was_needless() {
    let answer = |echo| Line { ack: 101, stamps: Some((9, echo)), ..LINE };
    assert_eq!(spurious_after(answer(1000)), (1, 0, 1), "the original arrived");
    assert_eq!(spurious_after(answer(1230)), (1, 1, 0), "the repetition arrived");
    assert_eq!(spurious_after(Line { ack: 101, ..LINE }), (1, 1, 0), "nothing tells");
}

#[test]
fn a_dsack_shows_that_a_repetition_was_needless() {
    let answer = |block| Line { ack: 201, sack: Some(block), ..LINE };
    assert_eq!(spurious_after(answer((1, 101))), (1, 0, 1));
    assert_eq!(spurious_after(answer((101, 201))), (1, 1, 0), "another segment arrived twice");
}

#[test]
fn a_keep_alive_is_no_retransmission() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE }).server(Line { ack: 11, ..LINE });
    story.wait(5000).client(Line { seq: 10, ..LINE });
    assert!(story.last.marks.has(Marks::KEEP_ALIVE));
    story.server(Line { ack: 11, ..LINE });
    assert!(story.last.marks.has(Marks::KEEP_ALIVE_ACK));
    let counters = story.counters(Direction::ToServer);
    assert_eq!((counters.keep_alives, counters.retransmissions), (1, 0));
}

#[test]
fn a_closed_window_is_timed_and_its_probes_are_counted_apart() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE }).server(Line { ack: 11, window: 0, ..LINE });
    assert!(story.last.marks.has(Marks::ZERO_WINDOW));
    story.wait(400).client(Line { seq: 10, ..LINE });
    assert!(story.last.marks.has(Marks::WINDOW_PROBE));
    story.server(Line { ack: 11, window: 0, ..LINE });
    story.wait(597).server(Line { ack: 11, window: 500, ..LINE });
    assert!(story.last.marks.has(Marks::WINDOW_UPDATE));
    let server = story.counters(Direction::ToClient);
    assert_eq!((server.zero_windows, server.zero_window), (2, Span::from_secs(1)));
    assert_eq!(story.counters(Direction::ToServer).window_probes, 1);
}

#[test]
fn a_segment_up_to_the_edge_of_the_window_fills_it() {
    let mut story = Story::established();
    story.client(Line { length: 500 * 128, ..LINE });
    assert!(story.last.marks.has(Marks::WINDOW_FULL));
    assert_eq!(story.last.bytes_in_flight, Some(500 * 128));
}

#[test]
fn a_damaged_segment_did_not_arrive_and_its_repetition_is_one() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE }).server(Line { ack: 11, ..LINE });
    story.client(Line { flags: FIN, seq: 11, checksum: Checksum::Bad, ..LINE });
    assert!(story.last.marks.has(Marks::BAD_CHECKSUM));
    assert_eq!(story.connection.sides.to_server.state(), TcpState::Established);
    story.wait(300).client(Line { flags: FIN, seq: 11, ..LINE });
    assert!(story.last.marks.has(Marks::RETRANSMISSION));
    assert_eq!(story.connection.sides.to_server.state(), TcpState::FinWait1);
}

#[test]
fn a_sender_whose_checksums_were_never_right_is_believed() {
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, checksum: Checksum::Bad, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, ..LINE });
    story.expect("CLOSED SYN_SENT", "LISTEN SYN_RECEIVED");
}

#[test]
fn a_checksum_that_is_right_by_chance_proves_nothing() {
    let mut story = Story::established();
    let wrong = Line { length: 10, checksum: Checksum::Bad, ..LINE };
    for at in 0..20 {
        story.client(Line {
            seq: 1 + at * 10,
            checksum: if at == 10 { Checksum::Good } else { Checksum::Bad },
            ..wrong
        });
    }
    assert!(story.counters(Direction::ToServer).bad_checksums <= 1);
    assert_eq!(
        story.counters(Direction::ToServer).unique_bytes,
        200 - 10 * u64::from(story.counters(Direction::ToServer).bad_checksums)
    );
}

/// Any segment, with numbers near each other so that they meet.
fn any_line() -> impl Strategy<Value = (bool, i64, Line)> {
    let flags = prop_oneof![
        4 => Just(TcpFlags::ACK),
        2 => Just(FIN),
        1 => Just(TcpFlags::SYN),
        1 => Just(SYN_ACK),
        1 => Just(TcpFlags::RST),
        1 => Just(RST_ACK),
        1 => (0u16..512).prop_map(TcpFlags),
    ];
    let near = || prop_oneof![8 => 0u32..40, 1 => any::<u32>()];
    let id = proptest::option::of(0u16..20);
    let checksum = prop_oneof![8 => Just(Checksum::Good), 1 => Just(Checksum::Bad)];
    (any::<bool>(), 0i64..2000, flags, near(), near(), 0u32..20, prop_oneof![Just(0u16), 1u16..600], id, checksum)
        .prop_map(|(from_client, wait, flags, seq, ack, length, window, id, checksum)| {
            (from_client, wait, Line { flags, seq, ack, length, window, id, checksum, ..LINE })
        })
}

proptest! {
    #[test]
    fn no_segments_in_any_order_move_a_state_where_rfc_9293_has_no_arrow(
        lines in proptest::collection::vec(any_line(), 0..60),
    ) {
        let mut story = Story::new();
        for (from_client, wait, line) in lines {
            story.wait(wait).send(if from_client { Direction::ToServer } else { Direction::ToClient }, line);
            for role in [Role::Client, Role::Server] {
                let mut state = None;
                for step in story.connection.transitions.iter().filter(|step| step.endpoint == role) {
                    prop_assert_eq!(step.from.on(step.on), Next::To(step.to));
                    // Before its first step an end is unknown, or where the first signal must have found it.
                    prop_assert!(state.is_none_or(|state| state == step.from));
                    state = Some(step.to);
                }
                if let Some(state) = state {
                    prop_assert_eq!(story.connection.sides[role.sends()].state(), state);
                }
            }
        }
        for direction in Direction::BOTH {
            let counters = story.counters(direction);
            let kinds = counters.fast_retransmissions
                + counters.timeout_retransmissions
                + counters.tail_loss_probes
                + counters.path_mtu_retransmissions
                + counters.fast_open_retransmissions
                + counters.handshake_retransmissions
                + counters.spurious_retransmissions;
            prop_assert_eq!(counters.retransmissions, kinds, "the kinds add up");
        }
    }
}
