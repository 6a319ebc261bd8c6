//! The lines above the table: what all of it comes to, with what was dropped.

use std::fmt::Write as _;

use super::super::watch::{Counted, Moment, Period, findings_text, rate, throughput};
use super::super::width::{Bytes, Color, Count};
use super::flows::short;
use super::{Screen, ScreenView};
use crate::time::Timestamp;

/// How many lines there are.
pub(super) const LINES: usize = 5;

pub(super) fn lines(
    screen: &Screen,
    now: &Moment,
    period: Option<&Period>,
    began: Timestamp,
) -> Vec<(Option<Color>, String)> {
    let so_far = &now.so_far;
    let clock = now.at.rfc3339();
    let clock = std::str::from_utf8(clock.get(11..19).unwrap_or_default()).unwrap_or_default();
    let title = format!("mqttsniff {}  up {}  {clock} UTC", screen.source, short(now.at.since(began)));
    let mut frames = format!("{}, {}  {}", Count(so_far.frames, "frame"), Bytes(so_far.bytes), dropped(so_far));
    let mut messages =
        format!("messages: {} from clients, {} from servers", so_far.messages.to_server, so_far.messages.to_client);
    if let Some(period) = period {
        let counted = period.counted();
        let per_second = |number: u64| rate(period.per_second(number));
        let bytes = throughput(period.per_second(counted.bytes));
        let _ = write!(frames, "  {} frames/s  {bytes}", per_second(counted.frames));
        let (client, server) = (per_second(counted.messages.to_server), per_second(counted.messages.to_client));
        let _ = write!(messages, "  {client}/s and {server}/s");
    }
    if let Some(percent) = so_far.again_percent() {
        let _ = write!(frames, "  {percent:.1} % again");
    }
    let held = format!(
        "{} open, {} ended  {} open, {} ended  {}",
        Count(now.open_flows, "flow"),
        so_far.flows,
        Count(now.open_sessions, "session"),
        so_far.sessions,
        findings_text(so_far.findings)
    );
    let mut views = String::new();
    for view in ScreenView::ALL {
        let name = if view == screen.view { format!("[{}]", view.name()) } else { format!(" {} ", view.name()) };
        views.push_str(&name);
    }
    let _ = write!(views, "  {}  f s t view  < > column  r reverse  q quit", shown(screen));
    let lost = so_far.dropped().is_some_and(|dropped| dropped > 0);
    vec![
        (Some(Color::Title), title),
        (lost.then_some(Color::Bad), frames),
        (None, messages),
        (None, held),
        (Some(Color::Faint), views),
    ]
}

/// What was lost, or that nobody counts it: never a guess.
fn dropped(so_far: &Counted) -> String {
    let mut text = match (so_far.kernel_dropped, so_far.interface_dropped) {
        (None, None) => "drops not counted".to_owned(),
        (kernel, interface) => {
            format!("dropped: kernel {}, interface {}", kernel.unwrap_or(0), interface.unwrap_or(0))
        }
    };
    if let Some(behind @ 1..) = so_far.analysis_dropped {
        let _ = write!(text, ", not analysed {behind}");
    }
    if so_far.capped > 0 {
        let _ = write!(text, ", {} capped", so_far.capped);
    }
    text
}

/// How many rows there are, and how many of them are shown.
fn shown(screen: &Screen) -> String {
    let (shown, all) = (screen.table.rows.len(), screen.table.all);
    if shown == all { format!("{all} shown") } else { format!("{shown} of {all} shown") }
}
