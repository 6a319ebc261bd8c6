//! What stands on the right of `matches` and `topic_matches`.

use std::fmt::Write;

use regex::bytes::{Regex, RegexBuilder};

use super::ast::{Operand, OperandKind};
use super::error::Fault;
use crate::mqtt::topic::{FilterFault, filter_fault};

/// Upper limits of a compiled pattern, so that `a{1000}{1000}` is refused and not tried.
const SIZE: usize = 1 << 20;
const NESTING: u32 = 64;

/// A regular expression over bytes; letters of ASCII match in either case.
pub(super) fn regex(operand: &Operand) -> Result<Regex, Fault> {
    let OperandKind::Text(text) = &operand.kind else {
        return Err(Fault::new(operand.place, "a regular expression stands in double quotes"));
    };
    let mut pattern = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        pattern.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(pattern, "\\x{byte:02x}");
        }
    }
    let built = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .unicode(false)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(NESTING)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Fault::new(operand.place, "the regular expression is too big"),
        other => {
            // The last line of several is the reason; those before it show the pattern again.
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Fault::new(operand.place, format!("no regular expression: {reason}"))
        }
    })
}

/// A topic filter of MQTT.
pub(super) fn topic(operand: &Operand) -> Result<Box<[u8]>, Fault> {
    let OperandKind::Text(text) = &operand.kind else {
        return Err(Fault::new(operand.place, "a topic filter stands in double quotes"));
    };
    let Some((_, fault)) = filter_fault(text, true) else { return Ok(text.as_slice().into()) };
    let why = match fault {
        FilterFault::Empty => "a topic filter has at least one character",
        FilterFault::Hash => "# stands alone in the last level of a topic filter",
        FilterFault::Plus => "+ stands alone in its level of a topic filter",
        FilterFault::ShareNameEmpty => "a shared subscription needs a name: $share/NAME/FILTER",
        FilterFault::ShareForm => "a shared subscription is $share/NAME/FILTER, without wildcards in its name",
    };
    Err(Fault::new(operand.place, why).hint("section 4.7.1 of the MQTT specification"))
}
