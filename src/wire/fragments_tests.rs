use proptest::prelude::*;

use super::*;

fn key(id: u32) -> FragmentKey {
    FragmentKey { source: [10, 0, 0, 1].into(), destination: [10, 0, 0, 2].into(), protocol: 17, id, scope: 0 }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs_nanos(seconds, 0)
}

fn piece(id: u32, offset: usize, more: bool, data: &[u8]) -> Fragment<'_> {
    Fragment { key: key(id), time: at(0), offset, more, protocol: 17, largest: 65_515, data, frame_length: 34 }
}

fn store() -> Fragments {
    Fragments::new(FragmentLimits::default())
}

#[test]
fn two_fragments_in_reverse_order_make_the_datagram() {
    let mut store = store();
    assert!(store.add(piece(1, 16, false, b"end")).0.is_none());
    let (whole, note) = store.add(piece(1, 0, true, b"0123456789abcdef"));
    assert_eq!(whole.expect("a datagram").bytes, b"0123456789abcdefend");
    assert_eq!(note, None);
    assert_eq!((store.stats().held, store.stats().reassembled), (1, 1));
    assert_eq!(store.bytes, 0, "nothing is held any more");
}

#[test]
fn the_bytes_that_came_first_stay() {
    let mut store = store();
    store.add(piece(1, 0, true, b"AAAAAAAABBBBBBBB"));
    let (_, note) = store.add(piece(1, 8, true, b"bbbbbbbbCCCCCCCC"));
    assert_eq!(note, Some(FragmentNote::ConflictingOverlap));
    let (whole, note) = store.add(piece(1, 16, false, b"CCCCCCCCD"));
    assert_eq!(note, Some(FragmentNote::Overlap));
    assert_eq!(whole.expect("a datagram").bytes, b"AAAAAAAABBBBBBBBCCCCCCCCD");
    assert_eq!(store.stats().conflicts, 1);
}

#[test]
fn a_last_fragment_seen_twice_is_harmless() {
    let mut store = store();
    store.add(piece(1, 8, false, b"xyz"));
    assert_eq!(store.add(piece(1, 8, false, b"xyz")).1, Some(FragmentNote::Overlap));
    assert_eq!(store.add(piece(1, 0, true, b"01234567")).0.expect("a datagram").bytes, b"01234567xyz");
}

#[test]
fn a_second_end_elsewhere_is_refused() {
    let mut store = store();
    store.add(piece(1, 8, false, b"xyz"));
    assert_eq!(store.add(piece(1, 8, false, b"xy")).1, Some(FragmentNote::ConflictingEnd));
    assert_eq!(store.add(piece(1, 8, true, b"01234567")).1, Some(FragmentNote::ConflictingEnd));
    let mut store = self::store();
    store.add(piece(1, 8, true, b"01234567"));
    assert_eq!(store.add(piece(1, 0, false, b"0123")).1, Some(FragmentNote::ConflictingEnd));
}

#[test]
fn a_fragment_beyond_the_largest_datagram_is_noted_and_costs_nothing() {
    let mut store = store();
    let (whole, note) = store.add(piece(1, 65_512, false, b"0123456789"));
    assert!(whole.is_none());
    assert_eq!(note, Some(FragmentNote::TooLong));
    assert_eq!(store.bytes, 0);
}

#[test]
fn empty_fragments_are_of_no_use() {
    let mut store = store();
    for more in [true, false] {
        assert!(store.add(piece(1, 8, more, b"")).0.is_none());
        assert!(store.add(piece(1, 8, true, b"1234567")).0.is_none(), "less than a block, and not the last");
    }
    assert_eq!((store.stats().refused, store.partials.len()), (4, 0));
}

#[test]
fn what_does_not_become_whole_in_time_is_given_up() {
    let mut store = store();
    store.add(piece(1, 0, true, b"01234567"));
    let late = Fragment { time: at(30), ..piece(1, 8, false, b"xyz") };
    assert!(store.add(late).0.is_none(), "the first half is gone");
    assert_eq!(store.stats().expired, 1);
    // IPv6 waits twice as long.
    let key = FragmentKey { source: [0u16; 8].into(), ..key(2) };
    store.add(Fragment { key, time: at(30), ..piece(2, 0, true, b"01234567") });
    let (whole, _) = store.add(Fragment { key, time: at(89), ..piece(2, 8, false, b"xyz") });
    assert!(whole.is_some());
}

#[test]
fn the_oldest_datagram_gives_way_when_a_limit_is_reached() {
    let mut store = Fragments::new(FragmentLimits { datagrams: 2, bytes: usize::MAX });
    for id in 1..=3 {
        store.add(piece(id, 0, true, b"01234567"));
    }
    assert_eq!(store.stats().evicted, 1);
    assert!(store.add(piece(2, 8, false, b"x")).0.is_some());
    assert!(store.add(piece(3, 8, false, b"x")).0.is_some());
    assert!(store.add(piece(1, 8, false, b"x")).0.is_none());

    let mut store = Fragments::new(FragmentLimits { datagrams: usize::MAX, bytes: 1 << 20 });
    for id in 0..10_000 {
        store.add(piece(id, 65_000, true, b"01234567"));
        assert!(store.bytes <= 1 << 20);
    }
}

#[test]
fn finished_datagrams_behind_an_unfinished_one_do_not_pile_up() {
    let mut store = store();
    store.add(piece(0, 0, true, b"01234567"));
    for id in 1..10_000 {
        store.add(piece(id, 0, true, b"01234567"));
        assert!(store.add(piece(id, 8, false, b"x")).0.is_some());
    }
    assert!(store.queues[0].len() < 200, "{}", store.queues[0].len());
}

#[test]
fn the_largest_datagram_in_the_smallest_fragments_every_other_first() {
    let bytes: Vec<u8> = (0..65_515u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let mut store = store();
    let starts: Vec<usize> = (0..bytes.len()).step_by(8).collect();
    let order = starts.iter().step_by(2).chain(starts.iter().skip(1).step_by(2).rev());
    let mut whole = None;
    for &offset in order {
        let end = (offset + 8).min(bytes.len());
        whole = store.add(piece(1, offset, end < bytes.len(), &bytes[offset..end])).0.or(whole);
    }
    assert!(whole.expect("a datagram").bytes == bytes);
}

proptest! {
    #[test]
    fn any_order_with_duplicates_gives_the_same_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 9..400),
        cuts in proptest::collection::vec(1usize..8, 1..60),
        order in proptest::collection::vec(any::<u16>(), 60),
        again in proptest::collection::vec(any::<usize>(), 0..20),
    ) {
        let mut pieces = Vec::new();
        let mut offset = 0;
        for blocks in cuts.iter().cycle() {
            let end = (offset + blocks * 8).min(bytes.len());
            pieces.push((offset, end));
            offset = end;
            if end == bytes.len() {
                break;
            }
        }
        let distinct = pieces.clone();
        pieces.extend(again.iter().filter_map(|at| distinct.get(at % distinct.len())).copied());
        let mut ranked: Vec<_> = pieces.iter().enumerate().map(|(at, p)| (order[at % order.len()].rotate_left(at as u32 / 60), *p)).collect();
        ranked.sort_unstable();
        let mut store = Fragments::new(FragmentLimits::default());
        let mut made = Vec::new();
        for (_, (start, end)) in ranked {
            let (whole, note) = store.add(piece(7, start, end < bytes.len(), &bytes[start..end]));
            prop_assert!(!matches!(note, Some(FragmentNote::ConflictingOverlap | FragmentNote::ConflictingEnd | FragmentNote::TooLong)));
            made.extend(whole.map(|whole| whole.bytes));
        }
        if distinct.len() > 1 {
            prop_assert!(!made.is_empty());
        }
        for whole in made {
            prop_assert_eq!(&whole, &bytes);
        }
    }

    #[test]
    fn any_fragments_keep_the_limits(
        fragments in proptest::collection::vec((0u32..4, 0usize..8192, any::<bool>(), 0usize..64, 0i64..100), 0..200),
    ) {
        let limits = FragmentLimits { datagrams: 2, bytes: 100_000 };
        let mut store = Fragments::new(limits);
        for (id, block, more, length, time) in fragments {
            let data = vec![id as u8; length];
            store.add(Fragment { time: at(time), ..piece(id, block * 8, more, &data) });
            prop_assert!(store.partials.len() <= limits.datagrams && store.bytes <= limits.bytes);
            let held: usize = store.partials.values().map(Partial::cost).sum();
            prop_assert_eq!(held, store.bytes);
        }
    }
}
