//! What is told of a capture that goes on: counts so far, summaries of periods, metrics for monitoring.
//!
//! Nothing here prints or listens: it is given what an analysis tells and the time of the clock, and gives text.

mod metrics;
mod moment;
mod period;
mod phase;
mod snapshot;
mod tally;

pub use metrics::{Exposition, METRICS, MetricInfo, MetricKind, write_metrics};
pub use moment::{Counted, Moment};
pub use period::Period;
pub(super) use period::{PeriodRecord, findings_text, period_text, rate, throughput};
pub use phase::FlowPhase;
pub use snapshot::Snapshot;
pub use tally::Tally;
