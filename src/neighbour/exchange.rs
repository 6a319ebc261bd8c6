//! What an answer is told of its question.

use super::{Neighbour, Reading, Value};
use crate::time::Span;

/// The question of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Its frame.
    pub frame: u64,
    /// How long it took.
    pub after: Span,
    /// What it asked for, where the answer does not say.
    pub about: Option<&'a [u8]>,
    /// Whether this is the first answer, or the first sent again.
    pub is_first: bool,
}

/// Adds to a question that it was asked before, in this frame.
pub fn repeated(reading: &mut Reading, frame: u64) {
    if reading.protocol == Neighbour::Coap {
        reading.number("coap.request_first_in", frame);
        reading.say(format_args!(" [Retransmission of {frame}]"));
    }
}

/// Adds to an answer what it answers.
pub fn answered(reading: &mut Reading, question: &Answered<'_>) {
    let Answered { frame, after, about, is_first } = *question;
    match reading.protocol {
        Neighbour::Icmp | Neighbour::Icmpv6 if is_first => {
            let (to, time) = if reading.protocol == Neighbour::Icmp {
                ("icmp.resp_to", "icmp.resptime")
            } else {
                ("icmpv6.resp_to", "icmpv6.resptime")
            };
            reading.number(to, frame);
            // In milliseconds.
            reading.put(time, Value::Float(after.as_nanos() as f64 / 1e6));
            reading.say(format_args!(" (request in {frame})"));
        }
        Neighbour::Coap => {
            if is_first {
                reading.number("coap.response_to", frame);
                reading.put("coap.response_time", Value::Duration(after));
            }
            if let Some(path) = about.filter(|path| !path.is_empty()) {
                reading.text("coap.opt.uri_path_recon", path);
                reading.say(format_args!(", {}", String::from_utf8_lossy(path)));
            }
        }
        _ => {}
    }
}
