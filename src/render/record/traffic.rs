//! The numbers of one direction of a TCP connection that tcptrace tells, and who held it up.

use serde::Serialize;

use super::value::{DurationsRecord, RangeRecord, seconds};
use crate::flow::{Durations, Side, Traffic};
use crate::time::Span;

#[derive(Serialize)]
pub(super) struct TrafficRecord {
    ack_packets: u64,
    pure_acks: u64,
    sack_packets: u64,
    dsack_packets: u64,
    max_sack_blocks: u8,
    data_packets: u64,
    pushed_packets: u64,
    syn_packets: u32,
    fin_packets: u32,
    urgent_packets: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_bytes: Option<RangeRecord>,
    initial_window_packets: u32,
    initial_window_bytes: u64,
    cut_packets: u64,
    cut_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_span_s: Option<f64>,
    longest_silence_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput_bytes_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_deviation_s: Option<f64>,
    full_size_rtt_s: DurationsRecord,
    retransmitted_after_s: DurationsRecord,
    most_retransmissions: u8,
    triple_duplicate_acks: u32,
    acknowledged_together: u64,
    ambiguous_acks: u64,
}

#[derive(Serialize)]
pub(super) struct LimitsRecord {
    busy_s: f64,
    receiver_limited_s: f64,
    network_limited_s: f64,
    sender_limited_s: f64,
    delayed_ack_stalls: u32,
    delayed_ack_stalled_s: f64,
}

impl TrafficRecord {
    /// `lasted` is the time from the first frame of the flow to the last.
    pub(super) fn new(side: &Side, lasted: Span) -> Self {
        let counters = side.counters();
        let traffic = &counters.traffic;
        let elapsed = lasted.as_secs_f64();
        let throughput = (elapsed > 0.0).then(|| (counters.unique_bytes as f64 / elapsed).round());
        let rtt: &Durations = &counters.rtt;
        Self {
            ack_packets: traffic.ack_packets,
            pure_acks: traffic.pure_acks,
            sack_packets: traffic.sack_packets,
            dsack_packets: traffic.dsack_packets,
            max_sack_blocks: traffic.max_sack_blocks,
            data_packets: traffic.data_packets,
            pushed_packets: traffic.pushed_packets,
            syn_packets: traffic.syn_packets,
            fin_packets: traffic.fin_packets,
            urgent_packets: traffic.urgent_packets,
            segment_bytes: RangeRecord::of(&traffic.segment_size),
            initial_window_packets: traffic.initial_window_packets,
            initial_window_bytes: traffic.initial_window_bytes,
            cut_packets: traffic.cut_packets,
            cut_bytes: traffic.cut_bytes,
            data_span_s: traffic.data_span().map(seconds),
            longest_silence_s: seconds(traffic.longest_silence),
            throughput_bytes_per_s: throughput,
            rtt_deviation_s: rtt.deviation().map(seconds),
            full_size_rtt_s: DurationsRecord::of(&traffic.full_size_rtt),
            retransmitted_after_s: DurationsRecord::of(&traffic.retransmitted_after),
            most_retransmissions: traffic.most_retransmissions,
            triple_duplicate_acks: traffic.triple_duplicate_acks,
            acknowledged_together: traffic.acknowledged_together,
            ambiguous_acks: traffic.ambiguous_acks,
        }
    }
}

impl From<&Traffic> for LimitsRecord {
    fn from(traffic: &Traffic) -> Self {
        Self {
            busy_s: seconds(traffic.busy),
            receiver_limited_s: seconds(traffic.receiver_limited),
            network_limited_s: seconds(traffic.network_limited),
            sender_limited_s: seconds(traffic.sender_limited),
            delayed_ack_stalls: traffic.delayed_ack_stalls,
            delayed_ack_stalled_s: seconds(traffic.delayed_ack_stalled),
        }
    }
}
