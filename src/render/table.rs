//! Flows, sessions, findings and the summary for people, as tables at the end of a run.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use super::delivery::{TOPIC_NUMBERS, TOPIC_TITLES, topic_row};
use super::ended::{carries, client_id, client_name, flow_end, http_text, session_end};
use super::grid::{self, Cells, Rows};
use super::named;
use super::view::{Key, Order, View, record};
use super::width::{Bytes, Color, Count, Duration, Style, wrap};
use super::{Shown, sn};
use crate::analysis::{Output, Summary, Unsaved};
use crate::capture::FrameNo;
use crate::check::Finding;
use crate::dissect::Conversation;
use crate::flow::{Direction, Flow, Transport};
use crate::mqtt::PacketType;
use crate::neighbour::Names;
use crate::session::Session;
use crate::text::{Escaped, Harmless};

/// Columns before the text of a summary row.
const SUMMARY_INDENT: usize = 12;

/// Rows of a table that are kept; a longer list is for JSON, and says so.
const ROWS: usize = 10_000;

/// Rows of a table that are kept of a live capture, which may go on for days: the last ones. Each was told when it ended.
const LIVE_ROWS: usize = 1000;

/// Rows that are kept where they are to be sorted.
const SORTED_ROWS: usize = 1_000_000;

/// Names whose addresses are told below the tables.
const NAMED: usize = 12;

/// Findings of one kind that are listed one by one.
const FINDINGS_OF_A_KIND: usize = 20;

/// Gathers rows and prints them as tables.
#[derive(Debug)]
pub struct Tables {
    style: Style,
    shown: Shown,
    order: Option<Order>,
    limit: usize,
    /// What was named is told to be empty, if it is.
    asked: bool,
    names: Names,
    /// The names that stand in the rows.
    named: BTreeSet<(Arc<str>, IpAddr)>,
    flows: Rows,
    sessions: Rows,
    topics: Rows,
    findings: Rows,
    finding_kinds: std::collections::BTreeMap<String, usize>,
}

impl Tables {
    /// A renderer for tables of this style.
    pub fn new(style: Style, shown: Shown) -> Self {
        Self {
            style,
            shown,
            order: None,
            limit: ROWS,
            asked: false,
            names: Names::default(),
            named: BTreeSet::new(),
            flows: Rows::default(),
            sessions: Rows::default(),
            topics: Rows::default(),
            findings: Rows::default(),
            finding_kinds: std::collections::BTreeMap::new(),
        }
    }

    /// Sorted, and with at most so many rows each.
    #[must_use]
    pub fn with_order(mut self, order: Option<Order>, limit: Option<u64>) -> Self {
        self.order = order;
        self.limit = limit.map_or(ROWS, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        self
    }

    /// Whether somebody has named what is shown, and is to be told that there is none of it.
    #[must_use]
    pub const fn asked_for(mut self, asked: bool) -> Self {
        self.asked = asked;
        self
    }

    /// Of a live capture: the last rows are kept, not the first.
    #[must_use]
    pub fn of_live(mut self, limit: Option<u64>) -> Self {
        if self.order.is_none() {
            self.limit = limit.map_or(LIVE_ROWS, |limit| usize::try_from(limit).unwrap_or(usize::MAX).min(ROWS));
            self.flows.newest = true;
            self.sessions.newest = true;
        }
        self
    }

    /// Shows addresses by these names.
    pub fn name_addresses(&mut self, names: &Names) {
        self.names = names.clone();
    }

    /// Keeps a row of what the analysis tells, if it is of a kind that gets one.
    pub fn output(&mut self, output: &Output<'_>) {
        match output {
            Output::Flow(flow, _) if self.shown.flows => {
                let order = self.order_of(output);
                for end in [flow.client, flow.server] {
                    self.note(end.ip(), flow.id);
                }
                keep(&mut self.flows, self.limit, order, |row| flow_row(flow, &self.names, row));
            }
            Output::Session(session, _) if self.shown.sessions => {
                let order = self.order_of(output);
                keep(&mut self.sessions, self.limit, order, |row| session_row(session, row));
            }
            Output::SnSession(session) if self.shown.sessions => {
                let order = self.order_of(output);
                keep(&mut self.sessions, self.limit, order, |row| sn::session_row(session, row));
            }
            Output::Topic(broker, name, topic) if self.shown.topics => {
                let order = self.order_of(output);
                self.note(broker.ip(), FrameNo(u64::MAX));
                keep(&mut self.topics, self.limit, order, |row| topic_row(*broker, name, topic, &self.names, row));
            }
            Output::Finding(finding) if self.shown.findings => {
                let count = match self.finding_kinds.get_mut(&finding.id) {
                    Some(count) => count,
                    None => self.finding_kinds.entry(finding.id.clone()).or_default(),
                };
                *count += 1;
                if *count > FINDINGS_OF_A_KIND {
                    self.findings.left_out += 1;
                } else {
                    let order = self.order_of(output);
                    keep(&mut self.findings, self.limit, order, |row| finding_row(finding, row));
                }
            }
            _ => {}
        }
    }

    /// Remembers the name that an address is shown by.
    fn note(&mut self, address: IpAddr, since: FrameNo) {
        if self.named.len() <= NAMED
            && let Some(name) = named::shown(&self.names, address, since)
        {
            self.named.insert((name, address));
        }
    }

    /// By what its row is sorted, and whether the largest come first; none where rows stay as they come.
    fn order_of(&self, output: &Output<'_>) -> Option<(Key, bool)> {
        let order = self.order.as_ref()?;
        let view = View::of(output).filter(|view| view.has(&order.column))?;
        let record = record(output, super::MessageOptions::default())?;
        Some((Key::of(view.value(&record, &order.column)), order.descending))
    }

    /// Prints the tables, and the summary behind them.
    pub fn print(&mut self, summary: &Summary, inputs: &[String], out: &mut impl Write) -> io::Result<()> {
        let descending = self.order.as_ref().is_some_and(|order| order.descending);
        for rows in [&mut self.flows, &mut self.sessions, &mut self.topics, &mut self.findings] {
            rows.sort(descending, self.limit);
        }
        if self.shown.flows {
            let titles = ["flow", "client", "server", "carries", "packets", "bytes", "again", "rtt", "lasted", "end"];
            grid::print(self.style, "Flows", &titles, &[0, 4, 5, 6, 7, 8], &self.flows, out)?;
        }
        if self.shown.sessions
            && (self.asked || !self.sessions.is_empty() || summary.engine.messages + summary.engine.sn_messages > 0)
        {
            let titles =
                ["flow", "client id", "version", "keep alive", "sent", "received", "open", "ack", "subscribed", "end"];
            grid::print(self.style, "MQTT sessions", &titles, &[0, 3, 4, 5, 6, 7], &self.sessions, out)?;
        }
        if self.shown.topics {
            grid::print(self.style, "Topics", &TOPIC_TITLES, &TOPIC_NUMBERS, &self.topics, out)?;
        }
        if self.shown.findings && (self.asked || !self.findings.is_empty()) {
            let titles = ["severity", "frame", "flow", "who", "clause", "what"];
            grid::print(self.style, "Findings", &titles, &[1, 2], &self.findings, out)?;
        }
        if self.shown.summary {
            self.summary(summary, inputs, out)?;
        }
        out.flush()
    }

    fn summary(&self, summary: &Summary, inputs: &[String], out: &mut impl Write) -> io::Result<()> {
        let engine = &summary.engine;
        writeln!(out, "{}", self.style.paint(Color::Title, "Summary"))?;
        let mut lines: Vec<(&str, String)> = Vec::new();
        lines.push(("source", inputs.join(", ")));
        let span = engine.first.zip(engine.last).map(|(first, last)| last.time.since(first.time));
        let lasted = span.map(|span| format!(" in {}", Duration(span))).unwrap_or_default();
        lines.push(("frames", format!("{} ({}){lasted}", engine.frames, Bytes(engine.bytes))));
        if let Some(first) = engine.first {
            lines.push(("first", first.time.to_string()));
        }
        let udp = engine.flows - engine.tcp_flows;
        let mut kinds = vec![format!("{} TCP", engine.tcp_flows)];
        if udp > 0 {
            kinds.push(format!("{udp} UDP"));
        }
        lines.push(("flows", format!("{} ({})", engine.flows, kinds.join(", "))));
        lines
            .push(("MQTT", format!("{} in {}", Count(engine.messages, "message"), Count(summary.sessions, "session"))));
        if engine.sn_messages > 0 {
            let (messages, sessions) = (Count(engine.sn_messages, "message"), Count(summary.sn_sessions, "session"));
            lines.push(("MQTT-SN", format!("{messages} in {sessions}")));
        }
        if !self.named.is_empty() {
            let named: Vec<_> =
                self.named.iter().take(NAMED).map(|(name, address)| format!("{name} is {address}")).collect();
            let more = if self.named.len() > NAMED { "; --json has all" } else { "" };
            lines.push(("names", format!("{}, by DNS in the capture{more}", named.join(", "))));
        }
        let [notes, warnings, errors] = summary.findings;
        lines.push((
            "findings",
            format!("{}, {}, {}", Count(errors, "error"), Count(warnings, "warning"), Count(notes, "note")),
        ));
        if let Some(losses) = losses(summary) {
            lines.push(("losses", losses));
        }
        for (link_type, frames) in &summary.decode.unsupported_link_types {
            lines.push(("not read", format!("{frames} frames of {link_type}, which is not decoded")));
        }
        if let Some(Unsaved { saved, unsaved, is_least }) = summary.unsaved {
            let (most, least) = if is_least { ("at most ", "at least ") } else { ("", "") };
            lines.push(("unsaved", format!("{most}{}, and {least}{saved} are saved", Count(unsaved, "frame"))));
        }
        for problem in &summary.source.problems {
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            lines.push(("problem", format!("{}: {}{hint}", problem.input, problem.what)));
        }
        for (name, text) in lines {
            let text = Escaped(text.as_bytes()).to_string();
            let color = match name {
                "losses" if text == "none" => Some(Color::Good),
                "problem" | "losses" | "unsaved" => Some(Color::Bad),
                "findings" if errors > 0 => Some(Color::Bad),
                "findings" if warnings > 0 => Some(Color::Odd),
                "findings" => Some(Color::Good),
                _ => None,
            };
            let width = self.style.width.map_or(usize::MAX, |width| width.max(Style::LEAST_WIDTH) - SUMMARY_INDENT);
            for (at, line) in wrap(&text, width).iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                let line = color.map_or_else(|| line.clone(), |color| self.style.paint(color, line));
                writeln!(out, "  {name:<9} {line}")?;
            }
        }
        Ok(())
    }
}

/// Keeps a row, in its order if it has one.
fn keep(rows: &mut Rows, limit: usize, order: Option<(Key, bool)>, row: impl FnOnce(&mut Cells<'_>)) {
    match order {
        Some((key, descending)) => rows.keep_sorted(limit.min(SORTED_ROWS), key, descending, row),
        None => rows.keep(limit.min(ROWS), row),
    }
}

fn flow_row(flow: &Flow<Conversation>, names: &Names, row: &mut Cells<'_>) {
    let both =
        |number: &dyn Fn(Direction) -> u64| Direction::BOTH.iter().map(|direction| number(*direction)).sum::<u64>();
    let packets = both(&|direction| flow.counters(direction).packets);
    let bytes = both(&|direction| flow.counters(direction).bytes);
    let is_tcp = flow.transport == Transport::Tcp;
    row.number(flow.id.0);
    for end in [flow.client, flow.server] {
        match named::shown(names, end.ip(), flow.id) {
            Some(name) => row.cell(format_args!("{name}:{}", end.port())),
            None => row.cell(end),
        }
    }
    row.text(carries(flow.transport, &flow.app));
    row.number(packets);
    row.cell(Bytes(bytes));
    row.optional(is_tcp.then(|| both(&|direction| u64::from(flow.counters(direction).retransmissions))));
    row.optional(flow.connection.handshake.rtt.filter(|_| is_tcp).map(Duration));
    row.cell(Duration(flow.last.time.since(flow.first.time)));
    row.optional(is_tcp.then(|| flow_end(flow) + &http_text(flow)));
}

fn session_row(session: &Session, row: &mut Cells<'_>) {
    let deliveries = |direction: Direction| session.deliveries[direction].counts;
    let open = deliveries(Direction::ToServer).open + deliveries(Direction::ToClient).open;
    let publishes = |direction: Direction| session.counts[direction].of(PacketType::Publish);
    let ack = session.deliveries[Direction::ToServer].latency.percentile(50);
    let filters: Vec<_> = session.subscriptions.iter().take(8).map(|(filter, _)| Escaped(filter).to_string()).collect();
    let end = session_end(session);
    row.number(session.flow.id.0);
    row.text(&client_name(session));
    row.text(session.version.as_str());
    row.optional(session.keep_alive.seconds.map(|seconds| format!("{seconds} s")));
    row.number(publishes(Direction::ToServer));
    row.number(publishes(Direction::ToClient));
    row.number(open);
    row.optional(ack.map(Duration));
    row.text(&filters.join(" "));
    row.text(&end);
}

fn finding_row(finding: &Finding, row: &mut Cells<'_>) {
    row.text(finding.severity.name());
    row.optional(finding.frames.last());
    row.optional(finding.flow.map(|flow| flow.id));
    row.optional(finding.client_id.as_ref().map(|id| client_id(id)));
    row.text(finding.clause.unwrap_or_default());
    // What is from the wire in it is escaped already.
    row.cell(Harmless(&finding.message));
}

/// What the capture or the analysis lost, if anything.
fn losses(summary: &Summary) -> Option<String> {
    let mut parts = Vec::new();
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    say(summary.source.kernel_dropped.unwrap_or(0), "dropped by the kernel");
    say(summary.source.interface_dropped.unwrap_or(0), "dropped by the interface");
    say(summary.source.analysis_dropped.unwrap_or(0), "captured and not analysed");
    say(summary.engine.cut, "cut by the snap length");
    say(summary.engine.decode_stopped, "not decodable to the end");
    for (cap, count) in summary.caps.iter() {
        say(count, cap.effect());
    }
    say(summary.engine.forgotten, "connections forgotten by Wireshark's view of segments");
    if parts.is_empty() && summary.source.kernel_dropped.is_some() {
        return Some("none".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Certainty, Severity};
    use crate::render::Csv;
    use crate::time::Timestamp;

    #[test]
    fn what_a_finding_says_of_the_wire_is_escaped_once() {
        let finding = Finding {
            id: "x".to_owned(),
            severity: Severity::Note,
            certainty: Certainty::Certain,
            flow: None,
            client_id: Some((&b"\xff"[..]).into()),
            frames: Vec::new(),
            time: Timestamp::from_nanos(0),
            message: format!("the topic {}", Escaped(b"\xff")),
            clause: None,
            hint: None,
        };
        let mut csv = Csv::new(Vec::new(), View::Findings, ',');
        csv.output(&Output::Finding(&finding)).unwrap();
        let mut row = Rows::default();
        row.keep(1, |cells| finding_row(&finding, cells));
        let mut out = Vec::new();
        grid::print(Style::PLAIN, "x", &["a", "b", "c", "d", "e", "f"], &[], &row, &mut out).unwrap();
        for text in [csv.get_mut(), &mut out] {
            let text = String::from_utf8(std::mem::take(text)).unwrap();
            assert!(text.contains(r"the topic \xff") && !text.contains(r"\\"), "{text}");
        }
    }
}
