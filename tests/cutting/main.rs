//! Imperfect captures through the whole engine: streams cut anywhere, in any order, with holes, joined in the
//! middle, of one direction, cut by a snap length.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

#[path = "../common/mod.rs"]
mod common;
mod named;
mod promise;
mod run;
mod talk;
mod wrapped;

use mqttsniff::dissect::VersionKnownBy;
use mqttsniff::mqtt::{Sender, Version, decode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use promise::Promise;
use run::{Capture, Segment, Told, cut, run, run_late, split};
use talk::{CLIENT, SERVER, Talk, talk};

fn places() -> impl Strategy<Value = Vec<(Index, Index)>> {
    vec(any::<(Index, Index)>(), 0..14)
}

/// What is told where nothing is wrong with the capture.
fn expected(talk: &Talk, side: usize) -> Vec<Told> {
    let mut start = 0;
    let said = talk.said.iter().filter(|said| said.from == side);
    said.map(|said| {
        let (header, body) = split(&said.bytes);
        start += said.bytes.len();
        Told {
            side,
            start: start - said.bytes.len(),
            length: said.bytes.len(),
            version: talk.version,
            packet_type: header.packet_type,
            known_by: VersionKnownBy::Connect,
            packet: format!("{:?}", decode(header, body, talk.version)),
            topic: said.topic.clone(),
            missing: 0,
            resynced: false,
            incomplete: false,
        }
    })
    .collect()
}

fn of_side(told: &[Told], side: usize) -> Vec<Told> {
    told.iter().filter(|told| told.side == side).cloned().collect()
}

/// All that a side sent, piece by piece.
fn kept(segments: &[Segment], side: usize) -> Vec<Segment> {
    segments.iter().copied().filter(|segment| segment.side == side).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(120), failure_persistence: None, ..ProptestConfig::default() })]

    /// The promise of `flow::reassembly`: whatever comes before the hole in front of it is acknowledged, is put in order.
    #[test]
    fn any_cut_any_order_and_any_repetition_give_the_same_messages(
        talk in talk(),
        places in places(),
        jitter in vec(0_usize..60, 64),
        again in vec((any::<Index>(), any::<Index>(), 0_usize..200, 0_usize..60), 0..10),
    ) {
        let (segments, first_run) = cut(&talk, &places);
        // Nobody answers what was not sent yet: the CONNECT comes first, in any order of its own.
        let key = |n: usize, jitter: usize| (n >= first_run, n * 10 + jitter);
        let mut sent: Vec<_> = segments.iter().enumerate().map(|(n, segment)| (key(n, jitter[n % 64]), *segment)).collect();
        for (at, place, length, late) in again {
            // Sent again with its neighbours, from and up to any place: what is new in it was due by then.
            let n = at.index(segments.len());
            let (segment, end) = (segments[n], segments[n].to);
            let from = place.index(end);
            let to = end.min(from + length + 1);
            sent.push((key(n, late), Segment { side: segment.side, from, to }));
        }
        sent.sort_by_key(|(key, _)| *key);
        let sent: Vec<_> = sent.into_iter().map(|(_, segment)| segment).collect();
        let told = run(&talk, &sent, Capture::default());
        for side in [CLIENT, SERVER] {
            prop_assert_eq!(of_side(&told, side), expected(&talk, side), "{:?}", sent);
        }
    }

    /// The promise of `flow::reassembly` for capture points that are off between the directions: a hole that was
    /// acknowledged is waited for, until the third segment behind it.
    #[test]
    fn acknowledgements_that_are_captured_before_what_they_acknowledge_lose_nothing(
        talk in talk(),
        places in places(),
        late in vec(0_usize..3, 64),
    ) {
        let (segments, first_run) = cut(&talk, &places);
        let late: Vec<_> = (0..segments.len()).map(|n| if n < first_run { 0 } else { late[n % 64] }).collect();
        let told = run_late(&talk, &segments, &late, Capture::default());
        for side in [CLIENT, SERVER] {
            prop_assert_eq!(of_side(&told, side), expected(&talk, side), "{:?} {:?}", segments, late);
        }
    }

    #[test]
    fn one_lost_segment_costs_only_the_messages_it_held_and_what_proves_the_next_border(
        talk in talk(),
        places in places(),
        lost in any::<Index>(),
    ) {
        let (mut segments, _) = cut(&talk, &places);
        segments.remove(lost.index(segments.len()));
        let capture = Capture::default();
        let told = run(&talk, &segments, capture);
        for side in [CLIENT, SERVER] {
            Promise::new(&talk, side, &kept(&segments, side), capture).check(&of_side(&told, side))?;
        }
    }

    #[test]
    fn a_stream_joined_in_the_middle_is_read_from_its_first_border_on(
        talk in talk(),
        places in places(),
        joined in any::<Index>(),
    ) {
        let (segments, _) = cut(&talk, &places);
        let segments = &segments[joined.index(segments.len())..];
        let capture = Capture { with_syn: false, ..Capture::default() };
        let told = run(&talk, segments, capture);
        for side in [CLIENT, SERVER] {
            Promise::new(&talk, side, &kept(segments, side), capture).check(&of_side(&told, side))?;
        }
    }

    /// On ports that say nothing: whoever sent what only clients send is the client, and what is told from then on
    /// is told of the right one. What came before was told as it looked.
    #[test]
    fn the_client_is_found_by_what_only_it_may_send(
        talk in talk(),
        places in places(),
        joined in any::<Index>(),
        ports in Just([50_001, 50_002]).prop_shuffle(),
    ) {
        let (segments, _) = cut(&talk, &places);
        let segments = &segments[joined.index(segments.len())..];
        let capture = Capture { with_syn: false, ports, ..Capture::default() };
        let told = run(&talk, segments, capture);
        let proof = told.iter().position(|told| told.packet_type.sender(Version::V5) != Sender::Either);
        for message in &told {
            match message.packet_type.sender(Version::V5) {
                Sender::Client => prop_assert_eq!(message.side, CLIENT),
                Sender::Server => prop_assert_eq!(message.side, SERVER),
                Sender::Either => {}
            }
        }
        for side in [CLIENT, SERVER] {
            let told = of_side(&told[proof.unwrap_or(told.len())..], side);
            Promise::new(&talk, side, &kept(segments, side), capture).check_truth(&told)?;
        }
    }

    #[test]
    fn one_direction_is_enough(talk in talk(), places in places(), side in 0_usize..2, with_syn in any::<bool>()) {
        let (segments, _) = cut(&talk, &places);
        let segments = kept(&segments, side);
        let capture = Capture { with_syn, ..Capture::default() };
        let told = run(&talk, &segments, capture);
        Promise::new(&talk, side, &segments, capture).check(&of_side(&told, side))?;
        prop_assert_eq!(of_side(&told, 1 - side), vec![]);
    }

    #[test]
    fn a_snap_length_takes_only_the_bytes_it_cuts(talk in talk(), places in places(), payload_limit in 2_usize..120) {
        let (segments, _) = cut(&talk, &places);
        let capture = Capture { payload_limit, ..Capture::default() };
        let told = run(&talk, &segments, capture);
        for side in [CLIENT, SERVER] {
            Promise::new(&talk, side, &kept(&segments, side), capture).check(&of_side(&told, side))?;
        }
    }

    #[test]
    fn all_faults_at_once_invent_nothing(
        talk in talk(),
        places in places(),
        lost in vec(any::<bool>(), 64),
        payload_limit in prop_oneof![Just(usize::MAX), 2_usize..300],
        with_syn in any::<bool>(),
    ) {
        let (mut segments, _) = cut(&talk, &places);
        let mut n = 0;
        segments.retain(|_| { n += 1; !lost[n % 64] });
        let capture = Capture { with_syn, payload_limit, ..Capture::default() };
        let told = run(&talk, &segments, capture);
        for side in [CLIENT, SERVER] {
            Promise::new(&talk, side, &kept(&segments, side), capture).check(&of_side(&told, side))?;
        }
    }
}

/// How many cases: these, or as many as the environment says, to search longer by hand.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
