//! Of a flow: its exchanges of HTTP, and what each end sends while it is idle.

use serde::Serialize;

use super::value::seconds;
use crate::dissect::{Beats, Conversation, Rhythm};
use crate::flow::{Direction, Flow};
use crate::neighbour::stream::{HttpFacts, Reuse};
use crate::render::ended::{beat_kind, is_closed};

/// The exchanges of a connection.
#[derive(Serialize)]
pub(super) struct HttpRecord {
    requests: u64,
    responses: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_alive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_alive_known_by: Option<&'static str>,
}

impl HttpRecord {
    pub(super) fn new(facts: &HttpFacts, flow: &Flow<Conversation>) -> Self {
        let kept = facts.kept_alive(is_closed(flow));
        Self {
            requests: facts.requests,
            responses: facts.responses,
            kept_alive: kept.map(|(kept, _)| kept),
            kept_alive_known_by: kept.map(|(_, by)| match by {
                Reuse::Exchanges => "exchanges",
                Reuse::Header => "header",
                Reuse::Close => "close",
            }),
        }
    }
}

/// What is sent so that a connection stays.
#[derive(Serialize)]
pub(super) struct IdleRecord {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keep_alives: Vec<KeepAlivesRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heartbeats: Vec<HeartbeatsRecord>,
}

#[derive(Serialize)]
struct KeepAlivesRecord {
    from: &'static str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_s: Option<f64>,
}

#[derive(Serialize)]
struct HeartbeatsRecord {
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    certainty: &'static str,
    count: u64,
    length_bytes: u32,
    interval_s: f64,
    idle_before_s: f64,
}

impl IdleRecord {
    /// `None` where there is nothing of the kind.
    pub(super) fn new(app: &Conversation) -> Option<Self> {
        let idle = app.idle()?;
        let keep_alives = |direction: Direction| idle.keep_alives(direction).map(|rhythm| (direction, *rhythm));
        let beats = |direction: Direction| Some((direction, idle.beats(direction)?));
        let record = Self {
            keep_alives: Direction::BOTH.into_iter().filter_map(keep_alives).map(KeepAlivesRecord::new).collect(),
            heartbeats: Direction::BOTH
                .into_iter()
                .filter_map(beats)
                .map(|(direction, beats)| HeartbeatsRecord::new(app, direction, beats))
                .collect(),
        };
        (!record.keep_alives.is_empty() || !record.heartbeats.is_empty()).then_some(record)
    }
}

impl KeepAlivesRecord {
    fn new((direction, rhythm): (Direction, Rhythm)) -> Self {
        Self { from: direction.sender().name(), count: rhythm.count, interval_s: rhythm.mean().map(seconds) }
    }
}

impl HeartbeatsRecord {
    fn new(app: &Conversation, direction: Direction, beats: &Beats) -> Self {
        let kind = beat_kind(app, direction, beats);
        Self {
            from: direction.sender().name(),
            kind,
            certainty: if kind.is_some() { "likely" } else { "hint" },
            count: beats.rhythm.count,
            length_bytes: beats.length,
            interval_s: beats.rhythm.mean().map_or(0.0, seconds),
            idle_before_s: seconds(beats.mean_silence()),
        }
    }
}
