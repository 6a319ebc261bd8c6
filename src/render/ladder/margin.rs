//! What stands above and below the rungs: who talks to whom with which options, and the numbers.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::datagrams::head_of_datagrams;
use super::line::{Line, wrap};
use super::row::plain;
use super::{Facts, Ladder};
use crate::dissect::{Conversation, Protocol, quic_version_name, version_name};
use crate::flow::{
    CloseKind, Counters, Direction, Flow, KnownBy, Outcome, PerDirection, Range, Role, SynOptions, Transport,
};
use crate::render::ended::{beat_kind, client_id, http_text};
use crate::render::named;
use crate::render::width::{Bytes, Color, Duration, Style};
use crate::time::Span;

/// The column of the client's values.
const CLIENT: usize = 25;

/// A value of each end, by a name.
pub(super) struct Sheet<'a, W> {
    pub(super) style: Style,
    pub(super) width: usize,
    pub(super) out: &'a mut W,
}

impl<W: Write> Sheet<'_, W> {
    /// The column of the server's values.
    fn server(&self) -> usize {
        CLIENT + ((self.width - CLIENT) / 2).min(26)
    }

    pub(super) fn row(&mut self, name: &str, client: &str, server: &str) -> io::Result<()> {
        self.colored(name, client, server, None)
    }

    pub(super) fn colored(&mut self, name: &str, client: &str, server: &str, color: Option<Color>) -> io::Result<()> {
        let mut line = Line::new(self.style, self.width);
        line.paint(color.or(Some(Color::Faint)), name);
        if !client.is_empty() {
            let room = self.server() - CLIENT - 1;
            line.to(CLIENT).paint(color, &crate::render::width::fit(client, room));
        }
        if !server.is_empty() {
            line.to(self.server()).paint(color, server);
        }
        writeln!(self.out, "{}", line.end())
    }

    /// Text that belongs to neither end.
    pub(super) fn wide(&mut self, name: &str, text: &str) -> io::Result<()> {
        for (at, part) in wrap(text, self.width - CLIENT).iter().enumerate() {
            let mut line = Line::new(self.style, self.width);
            line.paint(Some(Color::Faint), if at == 0 { name } else { "" });
            line.to(CLIENT).text(part);
            writeln!(self.out, "{}", line.end())?;
        }
        Ok(())
    }

    fn lines(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        for part in wrap(text, self.width) {
            match color {
                Some(color) => writeln!(self.out, "{}", self.style.paint(color, &part))?,
                None => writeln!(self.out, "{part}")?,
            }
        }
        Ok(())
    }
}

/// What keeps the connection alive while it is idle, and how often it was used for HTTP.
fn idle_lines(flow: &Flow<Conversation>) -> Vec<String> {
    let mut lines = Vec::new();
    let http = http_text(flow);
    if let Some(text) = http.strip_prefix(", ") {
        lines.push(format!("HTTP connection {text}"));
    }
    let Some(idle) = flow.app.idle() else { return lines };
    for direction in Direction::BOTH {
        let from = direction.sender().name();
        if let Some(rhythm) = idle.keep_alives(direction) {
            let every = rhythm.mean().map_or_else(String::new, |mean| format!(", every {}", Duration(mean)));
            lines.push(format!("keep-alives of TCP by the {from}: {}{every}", rhythm.count));
        }
        if let (Some(beats), Some(every)) =
            (idle.beats(direction), idle.beats(direction).and_then(|beats| beats.rhythm.mean()))
        {
            let what = beat_kind(&flow.app, direction, beats);
            let what = what.map_or_else(|| format!("messages of {} bytes (a hint)", beats.length), str::to_owned);
            let (count, silence) = (beats.rhythm.count, Duration(beats.mean_silence()));
            lines.push(format!(
                "heartbeats by the {from}: {count} {what}, every {}, after {silence} of silence",
                Duration(every)
            ));
        }
    }
    lines
}

/// What a flow carries: `TCP, MQTT 5.0, client id sensor-7`.
pub(in crate::render) fn carries(flow: &Flow<Conversation>, facts: &Facts) -> String {
    let app = &flow.app;
    let transport = if flow.transport == Transport::Udp { "UDP" } else { "TCP" };
    let (mut text, protocol) = (transport.to_owned(), app.protocol());
    if let Some(quic) = app.quic().filter(|_| protocol.is_some()) {
        text.push_str(", QUIC");
        if let Some(version) = quic.facts().version {
            match quic_version_name(version) {
                Some(name) => _ = write!(text, " {name}"),
                None => _ = write!(text, " 0x{version:08x}"),
            }
        }
    }
    if protocol != Some(Protocol::Tls)
        && let Some(facts) = app.tls()
    {
        text.push_str(", ");
        text.push_str(facts.version.and_then(version_name).unwrap_or("TLS"));
    }
    if protocol == Some(Protocol::Mqtt) && app.websocket().is_some() {
        text.push_str(", WebSocket");
    }
    match protocol {
        Some(Protocol::Unknown | Protocol::Quic) | None => {}
        Some(Protocol::Mqtt | Protocol::MqttSn) => {
            text.push_str(if protocol == Some(Protocol::Mqtt) { ", MQTT" } else { ", MQTT-SN 1.2" });
            if let Some(version) = facts.version {
                text.push(' ');
                text.push_str(version.as_str());
            }
            if let Some(id) = &facts.client_id {
                text.push_str(", client id ");
                text.push_str(&client_id(id));
                if facts.client_id_assigned {
                    text.push_str(" (given by the server)");
                }
                if facts.others > 0 {
                    let _ = write!(text, " and others");
                }
            }
        }
        Some(other) => {
            text.push_str(", ");
            text.push_str(&if other == Protocol::WebSocket {
                "WebSocket".to_owned()
            } else {
                other.name().to_uppercase()
            });
        }
    }
    text
}

impl Ladder {
    /// Who talks to whom, since when, and what both ends offered.
    pub(super) fn head(&self, flow: &Flow<Conversation>, out: &mut impl Write) -> io::Result<()> {
        let mut sheet = Sheet { style: self.style, width: self.style.table_width(), out };
        let [client, server] = [flow.client, flow.server].map(|end| named::end_and_name(&self.names, end, flow.id));
        let transport = flow.transport.name();
        let title = format!("Flow {} ({transport}.stream {}): {client} → {server}", flow.id, flow.stream);
        sheet.lines(&title, Some(Color::Title))?;
        sheet.lines(&carries(flow, &self.facts), None)?;
        let known = match flow.known_by {
            KnownBy::Syn | KnownBy::Initial => "",
            KnownBy::SynAck => "; client known by the other end's SYN-ACK",
            KnownBy::Connect if flow.transport == Transport::Udp => "; client known by what it says",
            KnownBy::Connect => "; client known by what it says in MQTT",
            KnownBy::Port => "; client known by the other end's port",
            KnownBy::FirstFrame => "; client known by having sent the first frame, which proves little",
        };
        let lasted = Duration(flow.last.time.since(flow.first.time));
        let frames = format!("frames {} to {}", flow.first.frame, flow.last.frame);
        sheet.lines(&format!("{}, {lasted}, {frames}{known}", flow.first.time), None)?;
        for line in idle_lines(flow) {
            sheet.lines(&line, None)?;
        }
        if flow.reused_ports {
            sheet.lines("Its ports had carried another connection before.", None)?;
        }
        writeln!(sheet.out)?;
        if flow.transport == Transport::Udp {
            return head_of_datagrams(flow, &mut sheet);
        }
        let sides = &flow.connection.sides;
        let offered = (sides.to_server.syn_options(), sides.to_client.syn_options());
        if let (None, None) = offered {
            sheet.wide("handshake", "not captured: options are unknown, and windows are shown unscaled")?;
            return writeln!(sheet.out);
        }
        sheet.colored("", "client", "server", Some(Color::Title))?;
        let mut option = |name: &str, value: &dyn Fn(&SynOptions) -> Option<String>| {
            let told = |options: Option<&SynOptions>| match options {
                Some(options) => {
                    value(options).unwrap_or_else(|| if options.cut { "not captured" } else { "no" }.to_owned())
                }
                None => "not captured".to_owned(),
            };
            sheet.row(name, &told(offered.0), &told(offered.1))
        };
        let yes = |is: bool| is.then(|| "yes".to_owned());
        let any = |has: &dyn Fn(&SynOptions) -> bool| [offered.0, offered.1].into_iter().flatten().any(has);
        option("MSS", &|offer| offer.mss.map(|mss| mss.to_string()))?;
        option("window scale", &|offer| {
            offer.window_scale.map(|shift| format!("{shift} (×{})", 1u32 << shift.min(14)))
        })?;
        option("SACK permitted", &|offer| yes(offer.sack_permitted))?;
        option("timestamps", &|offer| yes(offer.timestamps))?;
        option("Fast Open", &|offer| yes(offer.fast_open))?;
        if any(&|offer| offer.multipath) {
            option("Multipath TCP", &|offer| yes(offer.multipath))?;
        }
        option("initial window", &|offer| Some(offer.window.to_string()))?;
        let handshake = &flow.connection.handshake;
        let mut text = if handshake.complete { "complete" } else { "not complete" }.to_owned();
        if let Some(rtt) = handshake.rtt {
            let _ = write!(text, ", round trip {}", Duration(rtt));
        }
        let again: u32 = Direction::BOTH.iter().map(|end| sides[*end].counters().handshake_retransmissions).sum();
        if again > 0 {
            let _ = write!(text, ", SYN or SYN-ACK sent again {again}×");
        }
        sheet.wide("handshake", &text)?;
        if !sides.to_server.window_scale_known() || !sides.to_client.window_scale_known() {
            sheet.wide("", "the scale is not known for both ends: windows may be larger than shown")?;
        }
        writeln!(sheet.out)
    }

    /// The numbers of both directions, how it ended, and the findings.
    pub(super) fn foot(&self, flow: &Flow<Conversation>, out: &mut impl Write) -> io::Result<()> {
        let mut sheet = Sheet { style: self.style, width: self.style.table_width(), out };
        writeln!(sheet.out)?;
        sheet.colored("", "from client", "from server", Some(Color::Title))?;
        let sides = &flow.connection.sides;
        let counters = (sides.to_server.counters(), sides.to_client.counters());
        let both = |value: &dyn Fn(&Counters) -> String| (value(counters.0), value(counters.1));
        let (client, server) = both(&|side| format!("{} ({})", side.packets, Bytes(side.bytes)));
        sheet.row("packets", &client, &server)?;
        let (client, server) = both(&|side| Bytes(side.payload_bytes).to_string());
        sheet.row("payload", &client, &server)?;
        let (client, server) = both(&|side| Bytes(side.unique_bytes).to_string());
        sheet.row("  unique", &client, &server)?;
        let (client, server) = both(&|side| match side.retransmissions {
            0 => "0".to_owned(),
            count => format!("{count} ({})", Bytes(side.retransmitted_bytes)),
        });
        sheet.row("sent again", &client, &server)?;
        for (name, count) in COUNTS {
            let (client, server) = (count(counters.0), count(counters.1));
            if client + server > 0 {
                sheet.row(name, &client.to_string(), &server.to_string())?;
            }
        }
        let missing =
            PerDirection { to_server: sides.to_server.missing_bytes(), to_client: sides.to_client.missing_bytes() };
        if missing.to_server + missing.to_client > 0 {
            let (client, server) = (Bytes(missing.to_server).to_string(), Bytes(missing.to_client).to_string());
            sheet.row("never captured", &client, &server)?;
        }
        let (client, server) = both(&|side| match (side.rtt.percentile(50), side.rtt.percentile(99)) {
            (Some(half), Some(most)) => format!("{} / {}", Duration(half), Duration(most)),
            _ => "-".to_owned(),
        });
        sheet.row("RTT p50 / p99", &client, &server)?;
        let (client, server) = both(&|side| range(&side.window));
        sheet.row("window min / mean / max", &client, &server)?;
        let (client, server) = both(&|side| match side.traffic.bytes_in_flight.count {
            0 => "-".to_owned(),
            _ => format!("{:.0} / {}", side.traffic.bytes_in_flight.mean(), side.traffic.bytes_in_flight.max),
        });
        sheet.row("in flight mean / max", &client, &server)?;
        if counters.0.zero_window > Span::ZERO || counters.1.zero_window > Span::ZERO {
            let (client, server) = both(&|side| Duration(side.zero_window).to_string());
            sheet.row("window closed for", &client, &server)?;
        }
        let states = (sides.to_server.state().name(), sides.to_client.state().name());
        sheet.row("state at the end", states.0, states.1)?;
        sheet.wide("end", &ending(flow))?;
        self.findings(&mut sheet)
    }

    pub(super) fn findings(&self, sheet: &mut Sheet<'_, impl Write>) -> io::Result<()> {
        for (severity, text) in &self.findings {
            let color = if *severity == "error" { Color::Bad } else { Color::Odd };
            sheet.lines(text, Some(color))?;
        }
        if self.more_findings > 0 {
            sheet.lines(&format!("and {} more findings", self.more_findings), None)?;
        }
        Ok(())
    }
}

/// A count of the segments of one end.
type Count = (&'static str, fn(&Counters) -> u32);

/// The counts that are shown where they are not zero.
const COUNTS: [Count; 21] = [
    ("  fast", |side| side.fast_retransmissions),
    ("  timeout", |side| side.timeout_retransmissions),
    ("  tail loss probe", |side| side.tail_loss_probes),
    ("  path MTU", |side| side.path_mtu_retransmissions),
    ("  Fast Open refused", |side| side.fast_open_retransmissions),
    ("  SYN or SYN-ACK", |side| side.handshake_retransmissions),
    ("  in vain (spurious)", |side| side.spurious_retransmissions),
    ("first copy not captured", |side| side.retransmissions_of_unseen),
    ("out of order", |side| side.out_of_order),
    ("copied by the network", |side| side.duplicated_by_network),
    ("begin behind a gap", |side| side.lost_segments),
    ("ACKs of unseen data", |side| side.acks_of_unseen),
    ("duplicate ACKs", |side| side.duplicate_acks),
    ("keep-alives", |side| side.keep_alives),
    ("zero windows", |side| side.zero_windows),
    ("window probes", |side| side.window_probes),
    ("window updates", |side| side.window_updates),
    ("window filled", |side| side.window_full),
    ("resets", |side| side.resets),
    ("wrong checksums", |side| side.bad_checksums),
    ("outside the window", |side| side.out_of_window),
];

fn range(range: &Range) -> String {
    match range.count {
        0 => "-".to_owned(),
        _ => format!("{} / {:.0} / {}", range.min, range.mean(), range.max),
    }
}

/// How it ended, and who began.
fn ending(flow: &Flow<Conversation>) -> String {
    let outcome = flow.connection.outcome();
    let Some(close) = flow.connection.close() else {
        return match outcome {
            Outcome::Open => "open: nothing in the capture ends it".to_owned(),
            other => plain(other.name()),
        };
    };
    let began =
        close.initiator.map_or("who began was not captured".to_owned(), |role| format!("the {} began", role.name()));
    let initiator = close.initiator.map_or("one end", Role::name);
    let how = match (close.kind, close.reset_by) {
        (CloseKind::FourSegment, _) => format!("with four segments, {began}"),
        (CloseKind::ThreeSegment, _) => format!("with three segments, {began}"),
        (CloseKind::Simultaneous, _) => format!("by both at the same time, the {initiator}'s FIN was captured first"),
        (CloseKind::HalfOpen, _) if close.initiator.is_none() => format!("by one end at least, {began}"),
        (CloseKind::HalfOpen, _) => format!("by the {initiator} only"),
        (CloseKind::Reset, by) => {
            let began = if by == close.initiator { String::new() } else { format!(", {began}") };
            format!("by a RST of the {}{began}", by.map_or("peer", Role::name))
        }
    };
    match outcome {
        Outcome::Open => format!("open; closed {how}"),
        outcome => format!("{} {how}", outcome.name()),
    }
}
