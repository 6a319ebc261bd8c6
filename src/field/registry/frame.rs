//! Fields of a frame as a whole: its record in the capture.

use super::{Read::Frame, fields};
use crate::field::extract::frame;

fields! {
    /// The frame.
    "frame" = PROTOCOL None "Frame" => Frame(frame::is_there);
    /// Counted from 1 over all files of the run.
    "frame.number" = U32 Decimal "Frame Number" => Frame(frame::number);
    /// When the capturing machine saw it, in UTC.
    "frame.time" = TIME None "Arrival Time" => Frame(frame::time);
    /// The same in seconds since 1970.
    "frame.time_epoch" = SPAN None "Epoch Time" => Frame(frame::time_epoch);
    "frame.time_delta" = SPAN None "Time delta from previous captured frame" => Frame(frame::time_delta);
    "frame.time_delta_displayed" = SPAN None "Time delta from previous displayed frame"
        => Frame(frame::time_delta_displayed);
    /// Since the first frame.
    "frame.time_relative" = SPAN None "Time since reference or first frame" => Frame(frame::time_relative);
    "frame.len" = U32 Decimal "Frame length on the wire" => Frame(frame::length);
    /// How many of its bytes the capture has.
    "frame.cap_len" = U32 Decimal "Frame length stored into the capture file" => Frame(frame::captured);
    /// Wireshark's number for the link type.
    "frame.encap_type" = I16 Decimal "Encapsulation type" => Frame(frame::encapsulation);
    /// The interface it came from, counted over all files; Wireshark has it for pcapng only.
    "frame.interface_id" = U32 Decimal "Interface id" => Frame(frame::interface);
    /// The names of its layers, joined by colons.
    "frame.protocols" = TEXT None "Protocols in frame" => Frame(frame::protocols);
    /// What somebody has written into the capture about it.
    "frame.comment" = TEXT None "Comment" => Frame(frame::comments);
    /// Always false: it is a mark of the graphical program.
    "frame.ignored" = BOOL None "Frame is ignored" => Frame(frame::no);
    /// Always false: it is a mark of the graphical program.
    "frame.marked" = BOOL None "Frame is marked" => Frame(frame::no);
    /// Always zero: times are not shifted here.
    "frame.offset_shift" = SPAN None "Time shift for this packet" => Frame(frame::zero);
}
