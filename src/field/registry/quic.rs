//! Fields of QUIC: of its packets, and of the frames in those that were opened.

use super::{Read::Frame, fields};
use crate::field::extract::quic;

fields! {
    /// A packet of QUIC; its byte is the first one, without its mask where that is off.
    "quic" = PROTOCOL None "QUIC IETF" => Frame(quic::is_there);
    "quic.packet_length" = U32 Decimal "Packet Length" => Frame(quic::packet_length);
    /// 1 for a long header, 0 for a short one.
    "quic.header_form" = U8 Decimal "Header Form" => Frame(quic::header_form);
    "quic.fixed_bit" = BOOL None "Fixed Bit" => Frame(quic::fixed_bit);
    /// 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry; of version 1.
    "quic.long.packet_type" = U8 Decimal "Packet Type" => Frame(quic::packet_type);
    /// 0 Retry, 1 Initial, 2 0-RTT, 3 Handshake; of version 2.
    "quic.long.packet_type_v2" = U8 Decimal "Packet Type" => Frame(quic::packet_type_v2);
    "quic.version" = U32 Hex "Version" => Frame(quic::version);
    "quic.supported_version" = U32 Hex "Supported Version" => Frame(quic::supported_version);
    "quic.dcil" = U8 Decimal "Destination Connection ID Length" => Frame(quic::destination_length);
    "quic.dcid" = BYTES None "Destination Connection ID" => Frame(quic::destination);
    "quic.scil" = U8 Decimal "Source Connection ID Length" => Frame(quic::source_length);
    "quic.scid" = BYTES None "Source Connection ID" => Frame(quic::source);
    "quic.token_length" = U64 Decimal "Token Length" => Frame(quic::token_length);
    "quic.length" = U64 Decimal "Length" => Frame(quic::length);
    /// The bytes of the number less one, where the packet was opened.
    "quic.packet_number_length" = U8 Decimal "Packet Number Length" => Frame(quic::number_length);
    "quic.packet_number" = U64 Decimal "Packet Number" => Frame(quic::number);
    "quic.short" = LABEL None "QUIC Short Header" => Frame(quic::is_short);
    "quic.spin_bit" = BOOL None "Spin Bit" => Frame(quic::spin_bit);
    "quic.key_phase" = BOOL None "Key Phase Bit" => Frame(quic::key_phase);
    "quic.frame_type" = U64 Decimal "Frame Type" => Frame(quic::frame_type);
    "quic.padding_length" = U32 Decimal "Padding Length" => Frame(quic::padding_length);
    "quic.ack.largest_acknowledged" = U64 Decimal "Largest Acknowledged" => Frame(quic::ack_largest);
    "quic.ack.ack_delay" = U64 Decimal "ACK Delay" => Frame(quic::ack_delay);
    "quic.ack.ack_range_count" = U64 Decimal "ACK Range Count" => Frame(quic::ack_ranges);
    "quic.ack.first_ack_range" = U64 Decimal "First ACK Range" => Frame(quic::ack_first);
    "quic.ack.ect0_count" = U64 Decimal "ECT(0) Count" => Frame(quic::ack_ect0);
    "quic.ack.ect1_count" = U64 Decimal "ECT(1) Count" => Frame(quic::ack_ect1);
    "quic.ack.ecn_ce_count" = U64 Decimal "ECN-CE Count" => Frame(quic::ack_ce);
    "quic.rsts.stream_id" = U64 Decimal "Stream ID" => Frame(quic::reset_stream);
    "quic.rsts.application_error_code" = U64 Decimal "Application Error code" => Frame(quic::reset_code);
    "quic.rsts.final_size" = U64 Decimal "Final Size" => Frame(quic::reset_size);
    "quic.ss.stream_id" = U64 Decimal "Stream ID" => Frame(quic::stop_stream);
    "quic.ss.application_error_code" = U64 Decimal "Application Error code" => Frame(quic::stop_code);
    "quic.crypto.offset" = U64 Decimal "Offset" => Frame(quic::crypto_offset);
    "quic.crypto.length" = U64 Decimal "Length" => Frame(quic::crypto_length);
    "quic.nt.length" = U64 Decimal "(Token) Length" => Frame(quic::new_token_length);
    "quic.stream.fin" = BOOL None "Fin" => Frame(quic::stream_fin);
    "quic.stream.stream_id" = U64 Decimal "Stream ID" => Frame(quic::stream_id);
    "quic.stream.offset" = U64 Decimal "Offset" => Frame(quic::stream_offset);
    "quic.stream.length" = U64 Decimal "Length" => Frame(quic::stream_length);
    "quic.md.maximum_data" = U64 Decimal "Maximum Data" => Frame(quic::max_data);
    "quic.msd.stream_id" = U64 Decimal "Stream ID" => Frame(quic::max_stream_data_stream);
    "quic.msd.maximum_stream_data" = U64 Decimal "Maximum Stream Data" => Frame(quic::max_stream_data);
    "quic.ms.max_streams" = U64 Decimal "Max Streams" => Frame(quic::max_streams);
    "quic.sb.stream_data_limit" = U64 Decimal "Stream Data Limit" => Frame(quic::data_limit);
    "quic.sdb.stream_id" = U64 Decimal "Stream ID" => Frame(quic::stream_data_limit_stream);
    "quic.sib.stream_limit" = U64 Decimal "Stream Limit" => Frame(quic::stream_limit);
    "quic.nci.sequence" = U64 Decimal "Sequence" => Frame(quic::new_id_sequence);
    "quic.nci.retire_prior_to" = U64 Decimal "Retire Prior To" => Frame(quic::new_id_retires);
    "quic.nci.connection_id.length" = U8 Decimal "Connection ID Length" => Frame(quic::new_id_length);
    "quic.nci.connection_id" = BYTES None "Connection ID" => Frame(quic::new_id);
    "quic.rci.sequence" = U64 Decimal "Sequence" => Frame(quic::retired_sequence);
    "quic.path_challenge.data" = BYTES None "Data" => Frame(quic::path_challenge);
    "quic.path_response.data" = BYTES None "Data" => Frame(quic::path_response);
    "quic.cc.error_code" = U64 Decimal "Error code" => Frame(quic::close_code);
    "quic.cc.error_code.app" = U64 Decimal "Application Error code" => Frame(quic::close_app_code);
    "quic.cc.error_code.tls_alert" = U8 Decimal "TLS Alert Description" => Frame(quic::close_alert);
    "quic.cc.frame_type" = U64 Decimal "Frame Type" => Frame(quic::close_frame_type);
    "quic.cc.reason_phrase.length" = U64 Decimal "Reason phrase Length" => Frame(quic::close_reason_length);
    "quic.cc.reason_phrase" = TEXT None "Reason phrase" => Frame(quic::close_reason);
    "quic.dg.length" = U64 Decimal "Datagram Length" => Frame(quic::datagram_length);
}
