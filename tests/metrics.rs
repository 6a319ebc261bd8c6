//! What is written of the metrics, held against those that there are.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

use std::collections::BTreeSet;
use std::path::Path;

use mqttsniff::render::{METRICS, MetricKind};
use serde_json::Value;

fn docs(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The metrics that a text names. Of a histogram its parts stand for it.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let metrics = words.filter(|word| word.starts_with("mqttsniff_") || *word == "process_start_time_seconds");
    let histograms: Vec<_> = METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram).collect();
    metrics
        .map(|word| {
            let part =
                |name: &str| word.strip_prefix(name).is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end));
            histograms.iter().find(|metric| part(metric.name)).map_or(word, |metric| metric.name).to_owned()
        })
        .collect()
}

fn all() -> BTreeSet<String> {
    METRICS.iter().map(|metric| metric.name.to_owned()).collect()
}

#[test]
fn each_metric_has_its_row_in_the_documentation_and_no_other_is_named() {
    let text = docs("metrics.md");
    for metric in METRICS {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { " ".to_owned() } else { format!(" {} ", labels.join(", ")) };
        let help = metric.help.trim_end_matches('.');
        let row = format!("| `{}` | {} |{labels}| {help} |", metric.name, metric.kind.name());
        assert!(text.lines().any(|line| line == row), "docs/metrics.md lacks\n{row}");
        for label in metric.labels {
            assert!(text.contains(&format!("\n| `{label}` | ")), "docs/metrics.md does not explain the label {label}");
        }
    }
    assert_eq!(named(&text), all());
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let dashboard: Value = serde_json::from_str(&docs("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    let mut places = BTreeSet::new();
    for panel in panels {
        let place = &panel["gridPos"];
        assert!(places.insert((place["x"].as_u64().unwrap(), place["y"].as_u64().unwrap())), "two panels at {place}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let metrics = named(query);
            assert!(!metrics.is_empty(), "{query}");
            assert!(metrics.is_subset(&all()), "{query}");
            let count = |c| query.matches(c).count();
            assert!(count('(') == count(')') && count('{') == count('}') && count('[') == count(']'), "{query}");
            shown.extend(metrics);
        }
    }
    shown.extend(named(&dashboard["templating"].to_string()));
    shown.extend(named(&dashboard["annotations"].to_string()));
    // What the kernel received tells what drops are a share of, to those who ask.
    let left_out: Vec<_> = all().difference(&shown).cloned().collect();
    assert_eq!(left_out, ["mqttsniff_kernel_received_frames_total"]);
}
