use super::super::tls::{Keys, Unread};
use super::super::{DissectOptions, FlowFacts, Message, MessageSink};
use super::waiting::TAKEN;
use super::{Quic, QuicContext, QuicFault};
use crate::capture::{FrameNo, Origin};
use crate::flow::{Direction, ReassemblyLimits};
use crate::mqtt::{LostSync, Version};
use crate::time::Timestamp;

/// There may be as many as may be followed of which nothing came but a first packet: what only answered ones need is made when it is
/// needed.
#[test]
fn a_connection_that_nobody_answers_is_small() {
    assert!(size_of::<Quic>() <= 1664, "{}", size_of::<Quic>());
}

/// Hears of faults only.
#[derive(Default)]
struct Heard(Vec<QuicFault>);

impl MessageSink for Heard {
    fn message(&mut self, _: &Message<'_>) {}
    fn lost_sync(&mut self, _: Direction, _: LostSync, _: Version) {}
    fn cut_header(&mut self, _: Direction, _: u64) {}
    fn quic_fault(&mut self, _: Direction, fault: QuicFault, _: Origin) {
        self.0.push(fault);
    }
}

/// Sends packets of data whose keys may still come; gives how many of those that waited were taken up again.
fn wait_for_keys(quic: &mut Quic, packets: u64, heard: &mut Heard) -> u64 {
    let keys = Keys::default();
    keys.expect_more();
    let options = DissectOptions { keys: Some(keys), ..DissectOptions::default() };
    let context =
        QuicContext { options: &options, reassembly: ReassemblyLimits::default(), flow: FlowFacts::default() };
    let before = TAKEN.get();
    for number in 0..packets {
        let origin = Origin { frame: FrameNo(number + 1), time: Timestamp::default() };
        quic.datagram((&[0x40; 40], 40), Direction::ToServer, origin, context, heard);
    }
    TAKEN.get() - before
}

#[test]
fn what_waits_is_not_tried_again_by_packets_that_unlock_nothing() {
    let (mut quic, mut heard) = (Quic::forced(), Heard::default());
    assert_eq!(wait_for_keys(&mut quic, 1000, &mut heard), 0);
    assert!(quic.waits_for_keys() && heard.0.is_empty());
}

#[test]
fn a_full_queue_is_given_up_once_and_nothing_waits_behind_it() {
    let (mut quic, mut heard) = (Quic::forced(), Heard::default());
    assert_eq!(wait_for_keys(&mut quic, 5000, &mut heard), 1024);
    assert!(!quic.waits_for_keys());
    assert_eq!(heard.0, [QuicFault::KeysLate]);
    assert_eq!((quic.facts().unread, quic.facts().sides.to_server.unread_packets), (Some(Unread::KeysLate), 5000));
}
