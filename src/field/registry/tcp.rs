//! Fields of TCP: the header, and what following the connection adds to it.

use super::{Read::Header, Read::Message, bits, ends, fields, layer};
use crate::field::extract::tcp;
use crate::wire::Layer::Tcp;

fields! {
    /// The TCP header.
    "tcp" = PROTOCOL None "Transmission Control Protocol" => layer(Tcp);
    "tcp.srcport" = U16 Decimal "Source Port" => bits(Tcp, 0, 2);
    "tcp.dstport" = U16 Decimal "Destination Port" => bits(Tcp, 2, 2);
    /// Source and destination port.
    "tcp.port" = U16 Decimal "Source or Destination Port" => ends(Tcp, 0, 2, 2);
    /// The number of the connection, counted from 0.
    "tcp.stream" = U32 Decimal "Stream index" => Header(Tcp, tcp::stream);
    /// What was seen of the connection before: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
    "tcp.completeness" = U8 Decimal "Conversation completeness" => Header(Tcp, tcp::completeness);
    /// Bytes of payload on the wire.
    "tcp.len" = U32 Decimal "TCP Segment Len" => Header(Tcp, tcp::length);
    /// Counted from the first of its direction.
    "tcp.seq" = U32 Decimal "Sequence Number" => Header(Tcp, tcp::seq);
    /// As it stands in the header.
    "tcp.seq_raw" = U32 Decimal "Sequence Number (raw)" => Header(Tcp, tcp::seq_raw);
    /// The sequence number behind the segment.
    "tcp.nxtseq" = U32 Decimal "Next Sequence Number" => Header(Tcp, tcp::next_seq);
    /// Counted from the first of the other direction.
    "tcp.ack" = U32 Decimal "Acknowledgment Number" => Header(Tcp, tcp::ack);
    /// As it stands in the header.
    "tcp.ack_raw" = U32 Decimal "Acknowledgment number (raw)" => Header(Tcp, tcp::ack_raw);
    "tcp.hdr_len" = U8 Decimal "Header Length" => Header(Tcp, tcp::header_length);
    "tcp.flags" = U16 Hex "Flags" => Header(Tcp, tcp::flags);
    /// A letter or a dot for each of them.
    "tcp.flags.str" = TEXT None "TCP Flags" => Header(Tcp, tcp::flags_text);
    "tcp.flags.res" = BOOL None "Reserved" => Header(Tcp, tcp::reserved);
    "tcp.flags.ae" = BOOL None "Accurate ECN" => Header(Tcp, tcp::flag::<0x100>);
    "tcp.flags.cwr" = BOOL None "Congestion Window Reduced" => Header(Tcp, tcp::flag::<0x80>);
    "tcp.flags.ece" = BOOL None "ECN-Echo" => Header(Tcp, tcp::flag::<0x40>);
    "tcp.flags.urg" = BOOL None "Urgent" => Header(Tcp, tcp::flag::<0x20>);
    "tcp.flags.ack" = BOOL None "Acknowledgment" => Header(Tcp, tcp::flag::<0x10>);
    "tcp.flags.push" = BOOL None "Push" => Header(Tcp, tcp::flag::<0x8>);
    "tcp.flags.reset" = BOOL None "Reset" => Header(Tcp, tcp::flag::<0x4>);
    "tcp.flags.syn" = BOOL None "Syn" => Header(Tcp, tcp::flag::<0x2>);
    "tcp.flags.fin" = BOOL None "Fin" => Header(Tcp, tcp::flag::<0x1>);
    /// As it stands in the header.
    "tcp.window_size_value" = U16 Decimal "Window" => Header(Tcp, tcp::window);
    /// With the scale of the handshake.
    "tcp.window_size" = U32 Decimal "Calculated window size" => Header(Tcp, tcp::window_scaled);
    /// -1 where the handshake was not seen, -2 where none was agreed.
    "tcp.window_size_scalefactor" = I32 Decimal "Window size scaling factor" => Header(Tcp, tcp::scale);
    "tcp.checksum" = U16 Hex "Checksum" => Header(Tcp, tcp::checksum);
    /// 0 bad, 1 good, 2 not verified.
    "tcp.checksum.status" = U8 Decimal "Checksum Status" => Header(Tcp, tcp::checksum_status);
    "tcp.urgent_pointer" = U16 Decimal "Urgent Pointer" => Header(Tcp, tcp::urgent);
    /// Since the first segment of the connection.
    "tcp.time_relative" = SPAN None "Time since first frame in this TCP stream" => Header(Tcp, tcp::time_relative);
    "tcp.time_delta" = SPAN None "Time since previous frame in this TCP stream" => Header(Tcp, tcp::time_delta);
    /// Passwords in it are replaced by asterisks.
    "tcp.payload" = BYTES None "TCP payload" => Header(Tcp, tcp::payload);
    /// The length of each MQTT packet that the frame completes.
    "tcp.pdu.size" = U32 Decimal "PDU Size" => Message;
    /// An MQTT packet that the frame completes stood in several frames.
    "tcp.segments" = LABEL None "Reassembled TCP Segments" => Message;
    /// The frames that it stood in; of very many only the first.
    "tcp.segment" = FRAME None "TCP Segment" => Message;
    "tcp.segment.count" = U32 Decimal "Segment count" => Message;
    "tcp.reassembled.length" = U32 Decimal "Reassembled TCP length" => Message;
    "tcp.connection.syn" = LABEL None "Connection establish request (SYN)" => Header(Tcp, tcp::is_syn);
    "tcp.connection.synack" = LABEL None "Connection establish acknowledge (SYN+ACK)" => Header(Tcp, tcp::is_syn_ack);
    "tcp.connection.fin" = LABEL None "Connection finish (FIN)" => Header(Tcp, tcp::is_fin);
    "tcp.connection.rst" = LABEL None "Connection reset (RST)" => Header(Tcp, tcp::is_rst);
    "tcp.connection.fin_active" = LABEL None "This frame initiates the connection closing"
        => Header(Tcp, tcp::fin_active);
    "tcp.connection.fin_passive" = LABEL None "This frame undergoes the connection closing"
        => Header(Tcp, tcp::fin_passive);
    /// The state of the client after the segment (RFC 9293, section 3.3.2).
    "tcp.state.client" = TEXT None "State of the client" => Header(Tcp, tcp::client_state);
    /// The state of the server after the segment.
    "tcp.state.server" = TEXT None "State of the server" => Header(Tcp, tcp::server_state);
    /// The number of the frame that opened the connection: the name of a flow in all output.
    "mqttsniff.flow" = FRAME None "Flow" => Header(Tcp, tcp::flow);
}
