//! Renderers: what an analysis tells, as JSON Lines for machines and as tables and lines for people.
//!
//! A renderer writes to any [`std::io::Write`]; it decides nothing about what is told.

mod buffer;
mod cells;
mod compact;
mod csv;
mod delivery;
mod difference;
mod ended;
mod fields;
mod follow;
mod frame;
mod grid;
mod json;
mod ladder;
mod lines;
mod message;
mod named;
mod payload;
mod plot;
mod quic;
mod record;
mod report;
mod rows;
mod screen;
mod sn;
mod sorted;
mod statistics;
mod streams;
mod table;
mod tree;
mod view;
mod watch;
mod width;

pub use cells::{FieldCells, FieldColumn, write_titles};
pub use csv::Csv;
pub use difference::write_comparison;
pub use follow::{Follow, FollowFormat};
pub use json::{JsonLines, write_interface};
pub use ladder::{Ladder, Part};
pub use lines::{Lines, LinesMark};
pub use payload::{PayloadFormat, PayloadOptions};
pub use plot::{Plot, PlotKind};
pub use record::SCHEMA_VERSION;
pub use report::{
    BaselineError, CheckResult, CheckedAssertion, CheckedCapture, CheckedRule, ReportFormat, Verdict, read_baseline,
    write_baseline, write_report, write_rules,
};
pub use rows::{RecordKind, RecordRow};
pub use screen::{Key, Keys, Screen, ScreenView, Wish};
pub use statistics::{Section, write_statistics};
pub use streams::MaskedStreams;
pub use table::Tables;
pub use view::{Order, View};
pub use watch::{
    Counted, Exposition, FlowPhase, METRICS, MetricInfo, MetricKind, Moment, Period, Snapshot, Tally, write_metrics,
};
pub use width::{Count, Style};

/// The JSON Schema of the JSON Lines, as `mqttsniff schema` prints it.
pub const JSON_SCHEMA: &str = include_str!("schema.json");

/// How messages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageOptions {
    /// With all their fields, and the places of these.
    pub detail: bool,
    /// How their payloads are.
    pub payload: PayloadOptions,
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// Frames.
    pub packets: bool,
    /// MQTT messages.
    pub messages: bool,
    /// Flows.
    pub flows: bool,
    /// MQTT sessions.
    pub sessions: bool,
    /// Deliveries.
    pub deliveries: bool,
    /// Topics.
    pub topics: bool,
    /// Findings.
    pub findings: bool,
    /// Messages of the protocols around MQTT.
    pub neighbours: bool,
    /// The summary.
    pub summary: bool,
}
