//! A finding: what was found, where, by which rule, and how sure it is.

use crate::capture::FrameNo;
use crate::engine::FlowRef;
use crate::session::{Certainty, Name};
use crate::time::Timestamp;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a mistake.
    Warning,
    /// Against a rule.
    Error,
}

impl Severity {
    /// All, the mildest first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The stable name of what was found: `mqtt.topic-wildcard`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// The flow.
    pub flow: Option<FlowRef>,
    /// The MQTT client of the flow, where its identifier is known by now.
    pub client_id: Option<Name>,
    /// The frames that it rests on, ascending.
    pub frames: Vec<FrameNo>,
    /// When it showed.
    pub time: Timestamp,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The clause of the specification that says so: `MQTT-3.3.2-2`, `RFC 791`.
    pub clause: Option<&'static str>,
    /// What to do about it.
    pub hint: Option<&'static str>,
}
