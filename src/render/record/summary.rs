//! The `begin`, `finding` and `summary` records.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SCHEMA_VERSION;
use super::value::{Text, Time, seconds};
use crate::analysis::{Summary, Unsaved};
use crate::capture::{FrameNo, Problem};
use crate::check::{Finding, Severity};
use crate::engine::Cap;

#[derive(Serialize)]
pub(in crate::render) struct BeginRecord<'a> {
    record: &'static str,
    schema: u32,
    program: &'static str,
    version: &'static str,
    source: &'a [String],
}

impl<'a> BeginRecord<'a> {
    pub(in crate::render) const fn new(source: &'a [String]) -> Self {
        Self {
            record: "begin",
            schema: SCHEMA_VERSION,
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            source,
        }
    }
}

#[derive(Serialize)]
pub(in crate::render) struct FindingRecord<'a> {
    record: &'static str,
    id: &'a str,
    severity: &'static str,
    certainty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Text<'a>>,
    frames: Vec<u64>,
    time: Time,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl<'a> FindingRecord<'a> {
    pub(in crate::render) fn new(finding: &'a Finding) -> Self {
        Self {
            record: "finding",
            id: &finding.id,
            severity: finding.severity.name(),
            certainty: finding.certainty.name(),
            flow: finding.flow.map(|flow| flow.id.0),
            client_id: finding.client_id.as_ref().map(|id| Text(id)),
            frames: finding.frames.iter().map(|FrameNo(frame)| *frame).collect(),
            time: Time(finding.time),
            message: &finding.message,
            clause: finding.clause,
            hint: finding.hint,
        }
    }
}

#[derive(Serialize)]
pub(in crate::render) struct SummaryRecord<'a> {
    record: &'static str,
    frames: u64,
    bytes: u64,
    flows: u64,
    tcp_flows: u64,
    messages: u64,
    sessions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt_sn_messages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt_sn_sessions: Option<u64>,
    findings: FindingCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    losses: Losses,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unsupported_link_types: Vec<LinkTypeCount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsaved: Option<UnsavedRecord>,
    complete: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemRecord<'a>>,
}

#[derive(Serialize)]
pub(in crate::render) struct FindingCounts {
    pub(in crate::render) error: u64,
    pub(in crate::render) warning: u64,
    pub(in crate::render) note: u64,
}

#[derive(Serialize)]
struct Losses {
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis_dropped: Option<u64>,
    snaplen_cut: u64,
    decode_stopped: u64,
    capped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    capped_by: Option<CappedBy>,
}

/// What a limit cost, by what it is a limit of.
#[derive(Serialize)]
struct CappedBy {
    flows_and_holes: u64,
    fragments: u64,
    sessions_and_routes: u64,
    /// The other caps that had an effect.
    #[serde(flatten)]
    others: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct LinkTypeCount {
    link_type: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    frames: u64,
}

#[derive(Serialize)]
struct UnsavedRecord {
    saved: u64,
    unsaved: u64,
}

#[derive(Serialize)]
pub(in crate::render) struct ProblemRecord<'a> {
    input: &'a str,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl<'a> From<&'a Problem> for ProblemRecord<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self { input: &problem.input, what: &problem.what, hint: problem.hint.as_deref() }
    }
}

impl<'a> SummaryRecord<'a> {
    pub(in crate::render) fn new(summary: &'a Summary) -> Self {
        let engine = &summary.engine;
        let source = &summary.source;
        let link_types = summary.decode.unsupported_link_types.iter().map(|(link_type, frames)| LinkTypeCount {
            link_type: link_type.0,
            name: link_type.name(),
            frames: *frames,
        });
        Self {
            record: "summary",
            frames: engine.frames,
            bytes: engine.bytes,
            flows: engine.flows,
            tcp_flows: engine.tcp_flows,
            messages: engine.messages,
            sessions: summary.sessions,
            mqtt_sn_messages: Some(engine.sn_messages).filter(|count| *count > 0),
            mqtt_sn_sessions: Some(summary.sn_sessions).filter(|count| *count > 0),
            findings: FindingCounts {
                error: summary.findings[Severity::Error as usize],
                warning: summary.findings[Severity::Warning as usize],
                note: summary.findings[Severity::Note as usize],
            },
            first: engine.first.map(|origin| Time(origin.time)),
            last: engine.last.map(|origin| Time(origin.time)),
            duration_s: engine.first.zip(engine.last).map(|(first, last)| seconds(last.time.since(first.time))),
            losses: Losses {
                kernel_dropped: source.kernel_dropped,
                interface_dropped: source.interface_dropped,
                analysis_dropped: source.analysis_dropped,
                snaplen_cut: engine.cut,
                decode_stopped: engine.decode_stopped,
                capped: summary.capped(),
                capped_by: (summary.capped() > 0).then(|| {
                    let of = |cap| summary.caps.of(cap);
                    CappedBy {
                        flows_and_holes: of(Cap::Flows) + of(Cap::OutOfOrder) + engine.forgotten,
                        fragments: of(Cap::Fragments),
                        sessions_and_routes: of(Cap::Sessions)
                            + of(Cap::Deliveries)
                            + of(Cap::Retained)
                            + of(Cap::Subscriptions)
                            + of(Cap::Topics),
                        others: summary
                            .caps
                            .iter()
                            .filter(|(cap, _)| *cap != Cap::Fragments)
                            .map(|(cap, count)| (cap.name(), count))
                            .collect(),
                    }
                }),
            },
            unsupported_link_types: link_types.collect(),
            unsaved: summary.unsaved.map(|Unsaved { saved, unsaved, is_least: _ }| UnsavedRecord { saved, unsaved }),
            complete: summary.is_complete(),
            problems: source.problems.iter().map(ProblemRecord::from).collect(),
        }
    }
}
