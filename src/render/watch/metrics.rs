//! Metrics for Prometheus and what reads its text: names by its conventions, and label values from closed lists, so that
//! no traffic can make more series.

use std::fmt::{self, Write as _};

use super::phase::FlowPhase;
use super::snapshot::Snapshot;
use crate::check::Severity;
use crate::dissect::Protocol;
use crate::engine::Cap;
use crate::flow::{Direction, Histogram, RetransmissionKind};
use crate::mqtt::PacketType;
use crate::neighbour::Neighbour;
use crate::time::Timestamp;

/// In which form metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Exposition {
    /// The media type of the form.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, until the program is started anew.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by bucket.
    Histogram,
}

impl MetricKind {
    /// Its name in the text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name; that of a counter ends in `_total`.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells, in a line.
    pub help: &'static str,
    which: Metric,
}

/// Which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Build,
    Started,
    Taken,
    Frames,
    Bytes,
    CutFrames,
    UnreadFrames,
    LastFrame,
    KernelReceived,
    KernelDropped,
    InterfaceDropped,
    AnalysisDropped,
    Flows,
    FlowsEnded,
    Segments,
    Retransmissions,
    Spurious,
    Rtt,
    Sessions,
    SessionsEnded,
    Messages,
    MessageBytes,
    Answers,
    Findings,
    Held,
    HeldLimit,
    HeldMost,
    Capped,
}

use MetricKind::{Counter, Gauge};

const fn info(
    which: Metric,
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricInfo {
    MetricInfo { name, kind, labels, help, which }
}

/// All metrics, in the order in which they are written.
pub const METRICS: &[MetricInfo] = &[
    info(Metric::Build, "mqttsniff_build_info", Gauge, &["version"], "The version that runs; always 1."),
    info(
        Metric::Started,
        "process_start_time_seconds",
        Gauge,
        &[],
        "When the capture was started, in seconds since 1970-01-01 UTC.",
    ),
    info(
        Metric::Taken,
        "mqttsniff_snapshot_timestamp_seconds",
        Gauge,
        &[],
        "When these numbers were taken, in seconds since 1970-01-01 UTC; it stands still if the analysis does.",
    ),
    info(Metric::Frames, "mqttsniff_frames_total", Counter, &[], "Frames that were analysed."),
    info(Metric::Bytes, "mqttsniff_bytes_total", Counter, &[], "Their bytes on the wire."),
    info(
        Metric::CutFrames,
        "mqttsniff_cut_frames_total",
        Counter,
        &[],
        "Frames of which the snap length left out a part.",
    ),
    info(
        Metric::UnreadFrames,
        "mqttsniff_undecodable_frames_total",
        Counter,
        &[],
        "Frames of which a layer could not be read, though all its bytes are there.",
    ),
    info(
        Metric::LastFrame,
        "mqttsniff_last_frame_timestamp_seconds",
        Gauge,
        &[],
        "When the latest frame was captured, in seconds since 1970-01-01 UTC.",
    ),
    info(
        Metric::KernelReceived,
        "mqttsniff_kernel_received_frames_total",
        Counter,
        &[],
        "Frames that passed the capture filter, fetched or dropped, as the kernel counts.",
    ),
    info(
        Metric::KernelDropped,
        "mqttsniff_kernel_dropped_frames_total",
        Counter,
        &[],
        "Frames that the kernel dropped because they were not fetched in time.",
    ),
    info(
        Metric::InterfaceDropped,
        "mqttsniff_interface_dropped_frames_total",
        Counter,
        &[],
        "Frames that the interface or its driver dropped.",
    ),
    info(
        Metric::AnalysisDropped,
        "mqttsniff_analysis_dropped_frames_total",
        Counter,
        &[],
        "Frames that were captured, and left out because the analysis had fallen behind.",
    ),
    info(Metric::Flows, "mqttsniff_flows", Gauge, &["state"], "Flows that are followed, by where they stand."),
    info(
        Metric::FlowsEnded,
        "mqttsniff_flows_ended_total",
        Counter,
        &["protocol"],
        "Flows that have ended, by what they carried.",
    ),
    info(Metric::Segments, "mqttsniff_tcp_segments_total", Counter, &[], "TCP segments."),
    info(
        Metric::Retransmissions,
        "mqttsniff_retransmissions_total",
        Counter,
        &["kind"],
        "TCP segments that their sender sent again, by why.",
    ),
    info(
        Metric::Spurious,
        "mqttsniff_spurious_retransmissions_total",
        Counter,
        &[],
        "Those among them that had been acknowledged before.",
    ),
    info(
        Metric::Rtt,
        "mqttsniff_tcp_rtt_seconds",
        MetricKind::Histogram,
        &[],
        "From a TCP segment to its acknowledgement, as seen from where is captured.",
    ),
    info(
        Metric::Sessions,
        "mqttsniff_sessions",
        Gauge,
        &["version"],
        "MQTT sessions on flows that are followed, by version.",
    ),
    info(Metric::SessionsEnded, "mqttsniff_sessions_ended_total", Counter, &[], "MQTT sessions that have ended."),
    info(
        Metric::Messages,
        "mqttsniff_messages_total",
        Counter,
        &["type", "qos", "from"],
        "MQTT control packets; qos is empty but for PUBLISH.",
    ),
    info(
        Metric::MessageBytes,
        "mqttsniff_message_bytes_total",
        Counter,
        &["from"],
        "Their bytes on the wire, headers of MQTT included.",
    ),
    info(
        Metric::Answers,
        "mqttsniff_mqtt_acknowledgement_seconds",
        MetricKind::Histogram,
        &["type"],
        "From a control packet to its answer, by the type of the answer.",
    ),
    info(Metric::Findings, "mqttsniff_findings_total", Counter, &["id", "severity"], "Findings, by rule."),
    info(Metric::Held, "mqttsniff_held", Gauge, &["cap"], "How much is held of what is capped, of all flows together."),
    info(
        Metric::HeldLimit,
        "mqttsniff_held_limit",
        Gauge,
        &["cap"],
        "How much of it may be held: in all, or in each direction of a flow where mqttsniff_held_most_in_one tells of it.",
    ),
    info(
        Metric::HeldMost,
        "mqttsniff_held_most_in_one",
        Gauge,
        &["cap"],
        "The most that one direction of a flow has held so far.",
    ),
    info(
        Metric::Capped,
        "mqttsniff_capped_total",
        Counter,
        &["cap"],
        "How often each limit on what is held had an effect, so that something was let go.",
    ),
];

/// Writes all metrics.
pub fn write_metrics(snapshot: &Snapshot, exposition: Exposition) -> String {
    let mut out = Text { text: String::with_capacity(16 << 10), exposition };
    for metric in METRICS {
        out.begin(metric);
        samples(metric, snapshot, &mut out);
    }
    if exposition == Exposition::OpenMetrics {
        out.text.push_str("# EOF\n");
    }
    out.text
}

fn seconds(at: Timestamp) -> f64 {
    at.as_nanos() as f64 / 1e9
}

/// The name of who sends in a direction.
const fn from(direction: Direction) -> &'static str {
    direction.sender().name()
}

fn samples(metric: &MetricInfo, snapshot: &Snapshot, out: &mut Text) {
    let summary = &snapshot.summary;
    let engine = &summary.engine;
    let name = metric.name;
    match metric.which {
        Metric::Build => out.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1),
        Metric::Started => out.sample(name, &[], seconds(snapshot.started)),
        Metric::Taken => out.sample(name, &[], seconds(snapshot.at)),
        Metric::Frames => out.sample(name, &[], engine.frames),
        Metric::Bytes => out.sample(name, &[], engine.bytes),
        Metric::CutFrames => out.sample(name, &[], engine.cut),
        Metric::UnreadFrames => out.sample(name, &[], engine.decode_stopped),
        Metric::LastFrame => {
            if let Some(last) = engine.last {
                out.sample(name, &[], seconds(last.time));
            }
        }
        Metric::KernelReceived => out.known(name, summary.source.kernel_received),
        Metric::KernelDropped => out.known(name, summary.source.kernel_dropped),
        Metric::InterfaceDropped => out.known(name, summary.source.interface_dropped),
        Metric::AnalysisDropped => out.known(name, summary.source.analysis_dropped),
        Metric::Flows => {
            for (phase, count) in FlowPhase::ALL.into_iter().zip(snapshot.flows) {
                out.sample(name, &[("state", phase.name())], count);
            }
        }
        Metric::FlowsEnded => {
            for protocol in [Protocol::Mqtt, Protocol::Tls, Protocol::Http] {
                out.sample(name, &[("protocol", protocol.name())], engine.flows_of(protocol));
            }
            // Other protocols of streams are data like what is not known, as a set of labels must not grow.
            let streams = Neighbour::STREAMS.into_iter().chain([Neighbour::FtpData]).map(Protocol::Neighbour);
            let data = streams.chain([Protocol::Unknown]).map(|protocol| engine.flows_of(protocol)).sum::<u64>();
            out.sample(name, &[("protocol", Protocol::Unknown.name())], data);
            out.sample(name, &[("protocol", "udp")], engine.flows - engine.tcp_flows - engine.over_quic);
        }
        Metric::Segments => out.sample(name, &[], engine.tcp.segments),
        Metric::Retransmissions => {
            for kind in RetransmissionKind::ALL {
                out.sample(name, &[("kind", kind.name())], engine.tcp.retransmissions_of(kind));
            }
        }
        Metric::Spurious => out.sample(name, &[], engine.tcp.spurious),
        Metric::Rtt => out.histogram(name, None, &engine.tcp.rtt),
        Metric::Sessions => {
            for (version, count) in Snapshot::VERSIONS.into_iter().zip(snapshot.sessions) {
                out.sample(name, &[("version", version.as_str())], count);
            }
        }
        Metric::SessionsEnded => out.sample(name, &[], summary.sessions),
        Metric::Messages => messages(name, snapshot, out),
        Metric::MessageBytes => {
            for direction in Direction::BOTH {
                out.sample(name, &[("from", from(direction))], snapshot.tally.message_bytes(direction));
            }
        }
        Metric::Answers => {
            for (packet_type, histogram) in snapshot.answers.iter() {
                out.histogram(name, Some(("type", packet_type.name())), histogram);
            }
        }
        Metric::Findings => {
            for (id, counts) in snapshot.tally.findings() {
                let some = Severity::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
                for (severity, count) in some {
                    out.sample(name, &[("id", id), ("severity", severity.name())], count);
                }
            }
        }
        Metric::Held | Metric::HeldLimit | Metric::HeldMost => {
            for (cap, level) in snapshot.held.levels() {
                let number = match metric.which {
                    Metric::Held => Some(level.now),
                    Metric::HeldLimit => Some(level.limit),
                    _ => level.most_in_one,
                };
                if let Some(number) = number {
                    out.sample(name, &[("cap", cap)], number);
                }
            }
        }
        Metric::Capped => {
            for cap in Cap::ALL {
                out.sample(name, &[("cap", cap.name())], summary.caps.of(cap));
            }
        }
    }
}

/// Each type in each direction from the start, for a rate needs a series that is there before it grows; but not what the
/// specification forbids, unless it came.
fn messages(name: &str, snapshot: &Snapshot, out: &mut Text) {
    for direction in Direction::BOTH {
        for packet_type in PacketType::ALL {
            let mut sample = |qos: &str, count| {
                out.sample(name, &[("type", packet_type.name()), ("qos", qos), ("from", from(direction))], count);
            };
            if packet_type == PacketType::Publish {
                for (qos, count) in ["0", "1", "2", "3"].into_iter().zip(snapshot.tally.publishes(direction)) {
                    if qos != "3" || count > 0 {
                        sample(qos, count);
                    }
                }
                continue;
            }
            let count = snapshot.tally.of_type(direction, packet_type);
            if packet_type != PacketType::Reserved || count > 0 {
                sample("", count);
            }
        }
    }
}

/// Text that is put together.
struct Text {
    text: String,
    exposition: Exposition,
}

impl Text {
    fn begin(&mut self, metric: &MetricInfo) {
        // In OpenMetrics a counter is named without the ending that its samples have.
        let name = match self.exposition {
            Exposition::Text => metric.name,
            Exposition::OpenMetrics => metric.name.strip_suffix("_total").unwrap_or(metric.name),
        };
        // Writing to a String can't fail.
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {}", metric.help, metric.kind.name());
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        self.text.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.text.push(if at == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            for c in text.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// A number that is left out where nobody knows it: 0 would say that there were none.
    fn known(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.sample(name, &[], value);
        }
    }

    fn histogram(&mut self, name: &str, label: Option<(&str, &str)>, histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let count = histogram.count();
        // OpenMetrics wants bounds to look like floating-point numbers.
        let bounds = histogram.cumulative().map(|(bound, count)| (format!("{:?}", bound.as_secs_f64()), count));
        for (bound, count) in bounds.chain([("+Inf".to_owned(), count)]) {
            let labels: Vec<_> = label.into_iter().chain([("le", bound.as_str())]).collect();
            self.sample(&bucket, &labels, count);
        }
        let labels: Vec<_> = label.into_iter().collect();
        self.sample(&format!("{name}_sum"), &labels, histogram.sum_s());
        self.sample(&format!("{name}_count"), &labels, count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tally::Tally;
    use super::*;
    use crate::analysis::{Analysis, Output};

    fn snapshot() -> Snapshot {
        let mut analysis = Analysis::open(&["fixtures/mqtt5_qos.pcap"]).expect("the capture is there");
        let mut tally = Tally::default();
        let mut take = |output: &Output<'_>| tally.output(output);
        analysis.fill();
        analysis.analyse(usize::MAX, &mut take);
        Snapshot::of(&analysis, &tally, Timestamp::from_secs_nanos(1, 0), Timestamp::from_secs_nanos(3, 500_000_000))
    }

    /// The value of a sample.
    #[track_caller]
    fn value<'a>(text: &'a str, sample: &str) -> &'a str {
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{text}"))
    }

    #[track_caller]
    fn number(text: &str, sample: &str) -> u64 {
        value(text, sample).parse().expect("a whole number")
    }

    #[test]
    fn the_numbers_are_those_of_the_capture() {
        let text = write_metrics(&snapshot(), Exposition::Text);
        let total = |prefix: &str| -> u64 {
            let lines = text.lines().filter(|line| line.starts_with(prefix));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        assert_eq!(total("mqttsniff_messages_total{"), 52);
        assert_eq!(value(&text, "process_start_time_seconds"), "1");
        assert_eq!(value(&text, "mqttsniff_snapshot_timestamp_seconds"), "3.5");
        let messages = |kind: &str, from: &str| {
            number(&text, &format!(r#"mqttsniff_messages_total{{type="{kind}",qos="",from="{from}"}}"#))
        };
        assert_eq!((messages("CONNECT", "client"), messages("CONNECT", "server")), (2, 0));
        let answers =
            |kind: &str| number(&text, &format!(r#"mqttsniff_mqtt_acknowledgement_seconds_count{{type="{kind}"}}"#));
        for kind in ["PUBACK", "PUBREC", "PUBCOMP"] {
            assert!(messages(kind, "client") > 0, "{kind}");
            assert_eq!(answers(kind), messages(kind, "client") + messages(kind, "server"), "{kind}");
        }
        assert_eq!((answers("CONNACK"), answers("SUBACK")), (2, messages("SUBACK", "server")));
        let rtt = number(&text, "mqttsniff_tcp_rtt_seconds_count");
        assert!(rtt > 10 && rtt == number(&text, r#"mqttsniff_tcp_rtt_seconds_bucket{le="+Inf"}"#));
        assert_eq!(number(&text, r#"mqttsniff_flows{state="closed"}"#), total("mqttsniff_flows{"));
        assert!(!text.contains("\nmqttsniff_kernel_dropped_frames_total "), "no kernel was asked");
    }

    #[test]
    fn every_sample_stands_below_its_type_and_once() {
        for exposition in [Exposition::Text, Exposition::OpenMetrics] {
            let text = write_metrics(&snapshot(), exposition);
            let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
            let mut family = String::new();
            for line in text.lines().filter(|line| *line != "# EOF") {
                if let Some(named) = line.strip_prefix("# TYPE ") {
                    named.split(' ').next().unwrap().clone_into(&mut family);
                    assert!(families.insert(family.clone()), "{family} twice");
                } else if !line.starts_with('#') {
                    let (sample, value) = line.rsplit_once(' ').unwrap();
                    assert!(samples.insert(sample.to_owned()), "{sample} twice");
                    assert!(sample.starts_with(&family) && value.parse::<f64>().is_ok(), "{line}");
                }
            }
            assert_eq!(text.ends_with("# EOF\n"), exposition == Exposition::OpenMetrics);
        }
    }

    #[test]
    fn names_follow_the_conventions() {
        for metric in METRICS {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Counter, "{}", metric.name);
            assert!(metric.name.starts_with("mqttsniff_") || metric.name.starts_with("process_"), "{}", metric.name);
            assert!(metric.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", metric.name);
            assert!(metric.help.ends_with('.') && !metric.help.contains(['\\', '\n']), "{}", metric.name);
            assert!(metric.kind != MetricKind::Histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }

    #[test]
    fn what_stands_in_a_label_can_not_leave_it() {
        let mut out = Text { text: String::new(), exposition: Exposition::Text };
        out.sample("m", &[("id", "a\"b\\c\nd")], 1);
        assert_eq!(out.text, "m{id=\"a\\\"b\\\\c\\nd\"} 1\n");
    }

    #[test]
    fn findings_beyond_all_rules_make_no_further_series() {
        let mut analysis = Analysis::open(&["fixtures/malformed.pcap"]).expect("the capture is there");
        let mut tally = Tally::default();
        let _ = analysis.run(&mut |output: &Output<'_>| {
            if let Output::Finding(finding) = output {
                for number in 0..100 {
                    let finding =
                        crate::check::Finding { id: format!("made-up-{}-{number}", finding.id), ..(*finding).clone() };
                    tally.output(&Output::Finding(&finding));
                }
            }
        });
        assert!(tally.findings().count() <= 1001);
        assert!(tally.findings().any(|(id, _)| id == Tally::OTHER));
    }
}
