//! Fields of Wireshark's analysis of TCP.

use super::{Read::Flag, Read::Header, fields};
use crate::field::extract::analysis;
use crate::flow::WiresharkFlags as Flags;
use crate::wire::Layer::Tcp;

fields! {
    /// There is something to say.
    "tcp.analysis" = LABEL None "SEQ/ACK analysis" => Header(Tcp, analysis::is_there);
    /// There is any of the flags below.
    "tcp.analysis.flags" = LABEL None "TCP Analysis Flags" => Header(Tcp, analysis::has_flags);
    "tcp.analysis.retransmission" = LABEL None "This frame is a (suspected) retransmission"
        => Flag(Flags::RETRANSMISSION);
    "tcp.analysis.fast_retransmission" = LABEL None "This frame is a (suspected) fast retransmission"
        => Flag(Flags::FAST_RETRANSMISSION);
    "tcp.analysis.spurious_retransmission" = LABEL None "This frame is a (suspected) spurious retransmission"
        => Flag(Flags::SPURIOUS_RETRANSMISSION);
    "tcp.analysis.out_of_order" = LABEL None "This frame is a (suspected) out-of-order segment"
        => Flag(Flags::OUT_OF_ORDER);
    "tcp.analysis.lost_segment" = LABEL None "Previous segment(s) not captured (common at capture start)"
        => Flag(Flags::LOST_SEGMENT);
    "tcp.analysis.ack_lost_segment" = LABEL None "ACKed segment that wasn't captured (common at capture start)"
        => Flag(Flags::ACK_LOST_SEGMENT);
    "tcp.analysis.duplicate_ack" = LABEL None "Duplicate ACK" => Flag(Flags::DUPLICATE_ACK);
    "tcp.analysis.keep_alive" = LABEL None "TCP keep-alive segment" => Flag(Flags::KEEP_ALIVE);
    "tcp.analysis.keep_alive_ack" = LABEL None "ACK to a TCP keep-alive segment" => Flag(Flags::KEEP_ALIVE_ACK);
    "tcp.analysis.zero_window" = LABEL None "TCP Zero Window segment" => Flag(Flags::ZERO_WINDOW);
    "tcp.analysis.zero_window_probe" = LABEL None "TCP Zero Window Probe" => Flag(Flags::ZERO_WINDOW_PROBE);
    "tcp.analysis.zero_window_probe_ack" = LABEL None "ACK to a TCP Zero Window Probe"
        => Flag(Flags::ZERO_WINDOW_PROBE_ACK);
    "tcp.analysis.window_update" = LABEL None "TCP window update" => Flag(Flags::WINDOW_UPDATE);
    "tcp.analysis.window_full" = LABEL None "TCP window specified by the receiver is now completely full"
        => Flag(Flags::WINDOW_FULL);
    "tcp.analysis.reused_ports" = LABEL None "A new tcp session is started with the same ports as an earlier session in this trace"
        => Flag(Flags::REUSED_PORTS);
    "tcp.analysis.tfo_syn" = LABEL None "TCP SYN with TFO Cookie" => Flag(Flags::TFO_SYN);
    "tcp.analysis.tfo_ack" = LABEL None "TCP SYN-ACK accepting TFO data" => Flag(Flags::TFO_ACK);
    "tcp.analysis.tfo_ignored" = LABEL None "TCP SYN-ACK ignoring TFO data" => Flag(Flags::TFO_IGNORED);
    /// The frame whose data it acknowledges.
    "tcp.analysis.acks_frame" = FRAME None "This is an ACK to the segment in frame"
        => Header(Tcp, analysis::acks_frame);
    /// The time since that frame.
    "tcp.analysis.ack_rtt" = SPAN None "The RTT to ACK the segment was" => Header(Tcp, analysis::ack_rtt);
    /// The round trip of the handshake.
    "tcp.analysis.initial_rtt" = SPAN None "iRTT" => Header(Tcp, analysis::initial_rtt);
    "tcp.analysis.bytes_in_flight" = U32 Decimal "Bytes in flight" => Header(Tcp, analysis::bytes_in_flight);
    /// Payload since the last PSH, this segment included.
    "tcp.analysis.push_bytes_sent" = U32 Decimal "Bytes sent since last PSH flag"
        => Header(Tcp, analysis::push_bytes);
    "tcp.analysis.rto" = SPAN None "The RTO for this segment was" => Header(Tcp, analysis::rto);
    "tcp.analysis.rto_frame" = FRAME None "RTO based on delta from frame" => Header(Tcp, analysis::rto_frame);
    "tcp.analysis.duplicate_ack_num" = U32 Decimal "Duplicate ACK #" => Header(Tcp, analysis::duplicate_number);
    "tcp.analysis.duplicate_ack_frame" = FRAME None "Duplicate to the ACK in frame"
        => Header(Tcp, analysis::duplicate_frame);
}
