use std::sync::mpsc::{self, Receiver, Sender};

use super::super::{FrameHeader, LinkType};
use super::*;
use crate::time::Timestamp;

/// A source that brings a batch of so many frames of 100 bytes each time that it is told to.
struct Told {
    orders: Receiver<usize>,
    lost: u64,
    /// What is lost before the batch at hand.
    loses: Vec<(usize, u64)>,
    calls: usize,
}

impl Source for Told {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        let Ok(frames) = self.orders.recv() else { return Fill::End };
        for index in 0..frames {
            let header = FrameHeader {
                time: Timestamp::from_nanos(index as i64),
                link: LinkType::ETHERNET,
                length: 100,
                interface: 1,
                fcs_length: 0,
            };
            batch.push(header, &[7; 100]);
        }
        if let Some((_, kernel)) = self.loses.iter().find(|(call, _)| *call == self.calls) {
            batch.set_lost(Lost { kernel: *kernel, ..Lost::default() });
            self.lost += kernel;
        }
        self.calls += 1;
        Fill::More
    }

    fn report(&self) -> SourceReport {
        SourceReport { kernel_dropped: Some(self.lost), ..SourceReport::default() }
    }

    fn interface_name(&self, interface: u32) -> Option<&str> {
        (interface == 1).then_some("eth1")
    }
}

/// Tells how many frames were shown with each call, and when it was over.
struct Counting {
    told: Sender<Option<usize>>,
    left: usize,
}

impl Tap for Counting {
    fn frames(&mut self, batch: &Batch, source: &dyn Source) -> ControlFlow<()> {
        assert_eq!(source.interface_name(1), Some("eth1"));
        self.left = self.left.saturating_sub(batch.len());
        let _ = self.told.send(Some(batch.len()));
        if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn finish(&mut self) {
        let _ = self.told.send(None);
    }
}

struct Setup {
    ahead: Ahead,
    orders: Sender<usize>,
    shown: Receiver<Option<usize>>,
}

fn setup(options: AheadOptions, tap_ends_after: usize, loses: &[(usize, u64)]) -> Setup {
    let (orders, from) = mpsc::channel();
    let (told, shown) = mpsc::channel();
    let source = Box::new(Told { orders: from, lost: 0, loses: loses.to_vec(), calls: 0 });
    let tap = Box::new(Counting { told, left: tap_ends_after });
    Setup { ahead: Ahead::new(source, Some(tap), options), orders, shown }
}

/// All frames that the analysis gets from now on, as their numbers, with what was lost before each batch of them.
fn rest(ahead: &mut Ahead) -> (Vec<u64>, Vec<(usize, Lost)>) {
    let (mut numbers, mut losses, mut batch) = (Vec::new(), Vec::new(), Batch::new());
    loop {
        batch.advance();
        let fill = ahead.fill(&mut batch);
        if batch.lost() != Lost::default() {
            losses.push((numbers.len(), batch.lost()));
        }
        numbers.extend(batch.frames().map(|frame| frame.number.0));
        if fill == Fill::End {
            return (numbers, losses);
        }
    }
}

#[test]
fn nothing_is_fetched_before_it_is_asked_for() {
    let Setup { mut ahead, orders, shown } = setup(AheadOptions::default(), usize::MAX, &[]);
    orders.send(3).unwrap();
    assert!(shown.recv_timeout(Duration::from_millis(30)).is_err());
    let mut batch = Batch::new();
    while batch.is_empty() {
        assert_eq!(ahead.fill(&mut batch), Fill::More);
    }
    assert_eq!(shown.recv().unwrap(), Some(3));
}

#[test]
fn what_has_no_room_is_left_out_in_one_piece_and_the_tap_sees_it_all() {
    // Room for four batches of ten frames.
    let options = AheadOptions { queue_bytes: 4 * 10 * (100 + SLOT_BYTES), ..AheadOptions::default() };
    let Setup { mut ahead, orders, shown } = setup(options, usize::MAX, &[]);
    let mut batch = Batch::new();
    assert_eq!(ahead.fill(&mut batch), Fill::More);
    let order = |batches: usize| {
        // One is in the queue, or left out, before the next is fetched; so the empty one at the end waits for all.
        for frames in std::iter::repeat_n(10, batches).chain([0]) {
            orders.send(frames).unwrap();
            assert_eq!(shown.recv().unwrap(), Some(frames));
        }
    };
    order(7);
    // Three found no room. One batch less leaves the queue still more than half full, two less do not.
    let mut taken = Vec::new();
    for _ in 0..2 {
        batch.advance();
        while batch.is_empty() {
            assert_eq!(ahead.fill(&mut batch), Fill::More);
        }
        taken.extend(batch.frames().map(|frame| frame.number.0));
    }
    assert_eq!(taken, (1..=20).collect::<Vec<_>>());
    order(1);
    drop(orders);
    assert_eq!(shown.iter().collect::<Vec<_>>(), [Some(0), None], "the tap is told of the end");
    let (numbers, losses) = rest(&mut ahead);
    assert_eq!(numbers, (21..=40).chain(71..=80).collect::<Vec<_>>());
    assert_eq!(losses, [(20, Lost { analysis: 30, ..Lost::default() })]);
    assert_eq!(ahead.report().analysis_dropped, Some(30));
}

#[test]
fn what_the_kernel_has_dropped_stands_before_the_frames_that_came_next() {
    let Setup { mut ahead, orders, shown } = setup(AheadOptions::default(), usize::MAX, &[(1, 5), (2, 7), (3, 9)]);
    let mut batch = Batch::new();
    assert_eq!(ahead.fill(&mut batch), Fill::More);
    for frames in [1, 0, 2, 0] {
        orders.send(frames).unwrap();
        assert_eq!(shown.recv().unwrap(), Some(frames));
    }
    drop(orders);
    let (numbers, losses) = rest(&mut ahead);
    assert_eq!(numbers, [1, 2, 3]);
    let kernel = |kernel| Lost { kernel, ..Lost::default() };
    assert_eq!(losses, [(1, kernel(12)), (3, kernel(9))]);
    assert_eq!(ahead.report().kernel_dropped, Some(21));
}

#[test]
fn it_ends_with_the_last_frame_that_is_wanted() {
    let Setup { mut ahead, orders, shown } = setup(AheadOptions { frames: 25, ..Default::default() }, usize::MAX, &[]);
    for _ in 0..5 {
        orders.send(10).unwrap();
    }
    let (numbers, _) = rest(&mut ahead);
    assert_eq!(numbers, (1..=25).collect::<Vec<_>>());
    assert_eq!(shown.iter().collect::<Vec<_>>(), [Some(10), Some(10), Some(5), None]);
}

#[test]
fn a_tap_that_fails_ends_it() {
    let Setup { mut ahead, orders, .. } = setup(AheadOptions::default(), 15, &[]);
    for _ in 0..5 {
        orders.send(10).unwrap();
    }
    let (numbers, _) = rest(&mut ahead);
    // What was fetched is analysed all the same.
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[test]
fn without_a_reader_the_thread_ends() {
    let Setup { mut ahead, orders, shown } = setup(AheadOptions::default(), usize::MAX, &[]);
    let mut batch = Batch::new();
    assert_eq!(ahead.fill(&mut batch), Fill::More);
    drop(ahead);
    orders.send(1).unwrap();
    assert_eq!(shown.iter().collect::<Vec<_>>(), [Some(1), None]);
}

/// Panics with the first frames.
struct Broken;

impl Tap for Broken {
    fn frames(&mut self, _: &Batch, _: &dyn Source) -> ControlFlow<()> {
        panic!("this is the test of it")
    }

    fn finish(&mut self) {}
}

#[test]
fn a_thread_that_breaks_leaves_nobody_waiting() {
    let (orders, from) = mpsc::channel();
    orders.send(3).unwrap();
    let source = Box::new(Told { orders: from, lost: 0, loses: Vec::new(), calls: 0 });
    let mut ahead = Ahead::new(source, Some(Box::new(Broken)), AheadOptions::default());
    assert_eq!(rest(&mut ahead), (Vec::new(), Vec::new()));
}
