//! One flow as a graph: sequence numbers, windows, throughput or round trips over time, in the terminal
//! and as SVG.

mod axis;
mod canvas;
mod chart;
mod series;
mod svg;
mod text;

use std::net::SocketAddr;

use super::ladder::{Facts, Part, carries};
use super::named;
use super::width::{Bytes, Duration, Style};
use crate::analysis::Output;
use crate::dissect::Conversation;
use crate::engine::PacketView;
use crate::flow::{Direction, Flow, Marks, PerDirection, Role, Transport, Verdict};
use crate::neighbour::Names;
use crate::time::{Span, Timestamp};
use crate::wire::{Payload, Segment, SeqNum, TcpFlags};
use axis::{Axis, Unit};
use chart::{Chart, Curve, Ink, Shape};
use series::{Covered, Keep, Points, Slices, Unwrap};

/// Slices of the throughput in the terminal and in SVG: each is wide enough to be seen.
const SLICES: (usize, usize) = (60, 150);

/// How many times as high as the data the window's edge may lie to be part of the plot. A window that is hardly
/// used would leave nothing of the data but a line at the ground.
const EDGE: i64 = 3;

/// What is plotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlotKind {
    /// Sequence numbers, with acknowledgements, the window, SACK and what was sent again.
    Sequence,
    /// The advertised window and the bytes in flight.
    Window,
    /// Bytes a second.
    Throughput,
    /// Round trips by acknowledgement.
    Rtt,
}

/// What one end sent, and what its peer said of it.
#[derive(Debug, Clone)]
struct Samples {
    sent: Points,
    again: Points,
    late: Points,
    acks: Points,
    edges: Points,
    sacked: Points,
    windows: Points,
    closed: Points,
    filled: Points,
    in_flight: Points,
    rtt: Points,
    all: Slices,
    unique: Slices,
    numbers: Unwrap,
    covered: Covered,
    /// The end of what was sent, and of what was acknowledged.
    reach: Option<i64>,
    acked: Option<i64>,
    payload: u64,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            sent: Points::new(Keep::Hull),
            again: Points::new(Keep::Hull),
            late: Points::new(Keep::Hull),
            acks: Points::new(Keep::Ends),
            edges: Points::new(Keep::Ends),
            sacked: Points::new(Keep::Hull),
            windows: Points::new(Keep::Ends),
            closed: Points::new(Keep::Ends),
            filled: Points::new(Keep::Ends),
            in_flight: Points::new(Keep::Ends),
            rtt: Points::new(Keep::Ends),
            all: Slices::new(),
            unique: Slices::new(),
            numbers: Unwrap::default(),
            covered: Covered::default(),
            reach: None,
            acked: None,
            payload: 0,
        }
    }
}

/// Gathers the values of one flow, and draws them when the flow has ended.
///
/// Give it only what belongs to the flow.
#[derive(Debug)]
pub struct Plot {
    kind: PlotKind,
    asked: Option<Role>,
    part: Part,
    client: Option<SocketAddr>,
    transport: Transport,
    names: Names,
    first: Option<Timestamp>,
    /// When the part begins and ends, in nanoseconds since the first frame.
    span: Option<(i64, i64)>,
    samples: PerDirection<Samples>,
    facts: Facts,
    subtitle: String,
    notes: PerDirection<Vec<String>>,
}

impl Plot {
    /// An empty plot of what one end sends; without one, of what the end sends that sends more.
    pub fn new(kind: PlotKind, from: Option<Role>, part: Part) -> Self {
        Self {
            kind,
            asked: from,
            part,
            client: None,
            transport: Transport::Tcp,
            names: Names::default(),
            first: None,
            span: None,
            samples: PerDirection::default(),
            facts: Facts::default(),
            subtitle: String::new(),
            notes: PerDirection::default(),
        }
    }

    /// Takes what the analysis tells of the flow.
    pub fn output(&mut self, output: &Output<'_>) {
        match output {
            Output::Packet(view) => self.packet(view),
            Output::Session(session, _) => self.facts = Facts::of(session),
            Output::Flow(flow, _) => self.flow(flow),
            Output::Message(..)
            | Output::SnMessage(..)
            | Output::SnSession(_)
            | Output::Neighbour(_)
            | Output::Preview(..)
            | Output::Stream(..)
            | Output::Delivery(_)
            | Output::Topic(..)
            | Output::Finding(_) => {}
        }
    }

    /// Whose sending is plotted.
    pub fn from(&self) -> Role {
        self.asked.unwrap_or_else(|| {
            let [client, server] = Direction::BOTH.map(|direction| self.samples[direction].payload);
            if server > client { Role::Server } else { Role::Client }
        })
    }

    /// Whether it is of datagrams, which have no sequence numbers, windows and acknowledgements.
    pub const fn is_of_datagrams(&self) -> bool {
        matches!(self.transport, Transport::Udp)
    }

    /// Shows addresses by these names.
    pub fn name_addresses(&mut self, names: &Names) {
        self.names = names.clone();
    }

    /// Whether there is nothing to be seen.
    pub fn is_empty(&self) -> bool {
        let samples = &self.samples[self.from().sends()];
        match self.kind {
            PlotKind::Sequence => samples.sent.count() + samples.again.count() + samples.late.count() == 0,
            PlotKind::Window => samples.windows.count() + samples.in_flight.count() == 0,
            PlotKind::Throughput => samples.all.total() == 0,
            PlotKind::Rtt => samples.rtt.count() == 0,
        }
    }

    /// The plot for a terminal, in so many lines.
    pub fn text(&self, style: Style, height: usize) -> String {
        text::draw(&self.chart(SLICES.0), style, height)
    }

    /// The plot as an SVG document.
    pub fn svg(&self) -> String {
        svg::draw(&self.chart(SLICES.1))
    }

    fn turn_to(&mut self, client: SocketAddr) {
        if self.client.replace(client).is_some_and(|before| before != client) {
            self.samples.swap();
        }
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let (Some(direction), Some(flow)) = (view.direction, view.flow) else { return };
        let held = &view.packet.payload;
        if !matches!((held, view.verdict), (Payload::Tcp(_), Some(_)) | (Payload::Udp(_), _)) {
            return;
        }
        self.turn_to(flow.client);
        self.transport = flow.transport;
        let time = view.frame.header.time;
        let at = time.since(*self.first.get_or_insert(time)).as_nanos().max(0);
        let shown = self.part.holds(view.frame.number);
        if shown {
            let (from, to) = self.span.unwrap_or((at, at));
            self.span = Some((from.min(at), to.max(at)));
        }
        if let Payload::Udp(datagram) = held {
            return self.datagram(direction, datagram.payload_length.into(), at, shown);
        }
        let (Payload::Tcp(segment), Some(verdict)) = (held, view.verdict) else { return };
        let stray = verdict.marks.has(Marks::BAD_CHECKSUM) || verdict.marks.is_dropped();
        if stray {
            return;
        }
        self.sends(direction, segment, verdict, at, shown);
        if !segment.flags.has(TcpFlags::RST) {
            self.says(direction, segment, verdict, at, shown);
        }
    }

    /// What a datagram tells: how much was sent.
    fn datagram(&mut self, direction: Direction, payload: u64, at: i64, shown: bool) {
        let samples = &mut self.samples[direction];
        samples.payload += payload;
        if shown && payload > 0 {
            samples.all.add(at, payload);
            samples.unique.add(at, payload);
        }
    }

    /// What a segment tells of the stream that it belongs to.
    fn sends(&mut self, direction: Direction, segment: &Segment<'_>, verdict: &Verdict, at: i64, shown: bool) {
        let samples = &mut self.samples[direction];
        let low = samples.numbers.next(verdict.relative_seq);
        let length = i64::from(segment.seq_len());
        let probe = verdict.marks.has(Marks::KEEP_ALIVE) || segment.flags.has(TcpFlags::RST);
        if length == 0 || probe {
            return;
        }
        let high = low + length;
        let payload = u64::from(segment.payload_length);
        // A SYN takes a number, but no byte.
        let start = low + i64::from(segment.flags.has(TcpFlags::SYN));
        let new = samples.covered.add(start, start + payload as i64);
        samples.reach = Some(samples.reach.map_or(high, |reach| reach.max(high)));
        samples.payload += payload;
        if !shown {
            return;
        }
        samples.all.add(at, payload);
        samples.unique.add(at, new);
        let marks = verdict.marks;
        if marks.has(Marks::RETRANSMISSION) || marks.has(Marks::RETRANSMISSION_OF_UNSEEN) {
            samples.again.range(at, low, high);
        } else if marks.has(Marks::OUT_OF_ORDER) || marks.has(Marks::DUPLICATED_BY_NETWORK) {
            samples.late.range(at, low, high);
        } else {
            samples.sent.range(at, low, high);
        }
        if marks.has(Marks::WINDOW_FULL) {
            let in_flight = samples.reach.zip(samples.acked).map_or(length, |(reach, acked)| reach - acked);
            samples.filled.value(at, in_flight);
        }
        samples.note_in_flight(at);
    }

    /// What a segment says of the other stream.
    fn says(&mut self, direction: Direction, segment: &Segment<'_>, verdict: &Verdict, at: i64, shown: bool) {
        let samples = &mut self.samples[direction.reverse()];
        let window = i64::try_from(verdict.window).unwrap_or(i64::MAX);
        if shown {
            samples.windows.value(at, window);
            if verdict.marks.has(Marks::ZERO_WINDOW) {
                samples.closed.value(at, 0);
            }
        }
        let Some(ack) = verdict.relative_ack else { return };
        let ack = samples.numbers.next(ack);
        samples.acked = Some(samples.acked.map_or(ack, |acked| acked.max(ack)));
        if !shown {
            return;
        }
        samples.acks.value(at, samples.acked.unwrap_or(ack));
        samples.edges.value(at, ack.saturating_add(window));
        samples.note_in_flight(at);
        if let Some(rtt) = verdict.ack_rtt {
            samples.rtt.value(at, rtt.as_nanos().max(0));
        }
        let Some(sack) = segment.options.sack() else { return };
        for &(left, right) in sack.as_slice() {
            let place = |edge: SeqNum| ack + i64::from(edge.distance(segment.ack));
            // What lies below the acknowledgement arrived twice: no news.
            if place(right) > ack {
                samples.sacked.range(at, place(left), place(right));
            }
        }
    }

    fn flow(&mut self, flow: &Flow<Conversation>) {
        if self.client.is_some() {
            self.turn_to(flow.client);
        }
        let what = carries(flow, &self.facts);
        let [client, server] = [flow.client, flow.server].map(|end| named::end_and_name(&self.names, end, flow.id));
        self.subtitle = format!("flow {}: client {client}, server {server}, {what}", flow.id);
        for direction in Direction::BOTH {
            let side = &flow.connection.sides[direction];
            let peer = &flow.connection.sides[direction.reverse()];
            let counters = side.counters();
            let notes = &mut self.notes[direction];
            match self.kind {
                PlotKind::Rtt => {
                    let percentile = |percent| counters.rtt.percentile(percent).map(Duration);
                    if let (Some(half), Some(most)) = (percentile(50), percentile(99)) {
                        notes.push(format!("whole flow: p50 {half}, p99 {most}"));
                    }
                    if let Some(rtt) = flow.connection.handshake.rtt {
                        notes.push(format!("handshake: {}", Duration(rtt)));
                    }
                }
                PlotKind::Window | PlotKind::Sequence => {
                    if !peer.window_scale_known() {
                        notes.push("the scale of the window is not known: it may be larger".to_owned());
                    }
                    let closed = peer.counters().zero_window;
                    if self.kind == PlotKind::Window && closed > Span::ZERO {
                        notes.push(format!("the window was closed for {}", Duration(closed)));
                    }
                }
                PlotKind::Throughput => {}
            }
        }
    }

    fn chart(&self, slices: usize) -> Chart {
        let from = self.from();
        let samples = &self.samples[from.sends()];
        let (begin, end) = self.span.unwrap_or((0, 0));
        let seconds = |nanos: i64| Span::from_nanos(nanos).as_secs_f64();
        // What comes last does not stand on the frame.
        let margin = (end - begin) / 100;
        let x = Axis {
            label: "time",
            unit: Unit::Seconds,
            min: seconds(begin),
            max: seconds(end + margin).max(seconds(begin) + 1e-6),
        };
        let to = match from {
            Role::Client => "client to server",
            Role::Server => "server to client",
        };
        let mut chart = Chart {
            title: String::new(),
            subtitle: self.subtitle.clone(),
            x,
            y: Axis { label: "", unit: Unit::Bytes, min: 0.0, max: 1.0 },
            curves: Vec::new(),
            notes: self.notes[from.sends()].clone(),
        };
        match self.kind {
            PlotKind::Sequence => {
                chart.title = format!("Sequence numbers, {to}");
                samples.sequence(&mut chart);
            }
            PlotKind::Window => {
                chart.title = format!("Window and bytes in flight, {to}");
                samples.window(&mut chart);
            }
            PlotKind::Throughput => {
                chart.title = format!("Throughput, {to}");
                let name = if self.is_of_datagrams() { "bytes" } else { "new bytes" };
                samples.throughput(&mut chart, (begin, end), slices, name);
            }
            PlotKind::Rtt => {
                chart.title = format!("Round trips by acknowledgement, {to}");
                chart.y = Axis { label: "round trip", unit: Unit::Seconds, min: 0.0, max: 1.0 };
                chart.curves.push(curve("round trips", Shape::Dots, Ink::Blue, &samples.rtt));
                for point in &mut chart.curves[0].points {
                    point.1 *= 1e-9;
                    point.2 *= 1e-9;
                }
                let most = chart.curves[0].points.iter().map(|point| point.2).fold(0.0, f64::max);
                chart.y.max = above(most.max(1e-6));
            }
        }
        chart
    }
}

impl Samples {
    fn note_in_flight(&mut self, at: i64) {
        if let (Some(reach), Some(acked)) = (self.reach, self.acked) {
            self.in_flight.value(at, (reach - acked).max(0));
        }
    }

    fn sequence(&self, chart: &mut Chart) {
        let data = || [&self.sent, &self.again, &self.late].into_iter().flat_map(Points::items);
        let low = data().map(|point| point.low).min().unwrap_or(0);
        let high = data().map(|point| point.high).max().unwrap_or(1);
        let edge = self.edges.items().iter().map(|point| point.high).max().unwrap_or(0);
        let height = (high - low).max(1);
        let whole_edge = edge - low <= height.saturating_mul(EDGE);
        let top = if whole_edge { high.max(edge) } else { high };
        chart.y = Axis { label: "relative sequence number", unit: Unit::Bytes, min: low as f64, max: 0.0 };
        chart.y.max = low as f64 + above((top - low).max(1) as f64);
        let mut add = |name: &str, shape, ink, points: &Points| {
            if points.count() > 0 {
                chart.curves.push(curve(name, shape, ink, points));
            }
        };
        if self.edges.items().iter().any(|point| point.low <= top) {
            add("window edge", Shape::DottedSteps, Ink::Orange, &self.edges);
        }
        add("acknowledged", Shape::Steps, Ink::Green, &self.acks);
        add("segments", Shape::Strokes, Ink::Blue, &self.sent);
        add("selectively acknowledged", Shape::Marks('s'), Ink::Purple, &self.sacked);
        add("late or copied", Shape::Marks('o'), Ink::Sky, &self.late);
        add("sent again", Shape::Marks('R'), Ink::Red, &self.again);
        for line in &mut chart.curves {
            if matches!(line.shape, Shape::Steps | Shape::DottedSteps) {
                line.count = None;
            }
        }
        if !whole_edge {
            chart.notes.push(format!(
                "the window's edge goes beyond the plot: up to {} above the last byte",
                Bytes(u64::try_from(edge - high).unwrap_or(0))
            ));
        }
    }

    fn window(&self, chart: &mut Chart) {
        let all = || [&self.windows, &self.in_flight].into_iter().flat_map(Points::items);
        let top = all().map(|point| point.high).max().unwrap_or(1);
        chart.y = Axis { label: "bytes", unit: Unit::Bytes, min: 0.0, max: above(top.max(1) as f64) };
        let mut line = |name: &str, shape, ink, points: &Points, count: bool| {
            if points.count() > 0 {
                let mut curve = curve(name, shape, ink, points);
                curve.count = curve.count.filter(|_| count);
                chart.curves.push(curve);
            }
        };
        line("window that the receiver offers", Shape::DottedSteps, Ink::Orange, &self.windows, false);
        line("bytes in flight", Shape::Steps, Ink::Blue, &self.in_flight, false);
        line("window filled", Shape::Marks('F'), Ink::Purple, &self.filled, true);
        line("zero window", Shape::Marks('Z'), Ink::Red, &self.closed, true);
    }

    fn throughput(&self, chart: &mut Chart, (begin, end): (i64, i64), slices: usize, name: &str) {
        let (length, all) = self.all.about(slices, end - begin);
        // Both were given values at the same times, so that their slices are the same.
        let (_, unique) = self.unique.about(slices, end - begin);
        let seconds = Span::from_nanos(length).as_secs_f64();
        let rate = |amount: u64| amount as f64 / seconds;
        let at = |slice: usize| slice as f64 * seconds;
        let new = |slice: usize| unique.get(slice).copied().unwrap_or(0);
        let columns = all.iter().enumerate().filter(|(_, amount)| **amount > 0);
        let fresh: Vec<_> = columns.clone().map(|(slice, _)| (at(slice), 0.0, rate(new(slice)))).collect();
        let again: Vec<_> = columns
            .filter(|(slice, amount)| **amount > new(*slice))
            .map(|(slice, amount)| (at(slice), rate(new(slice)), rate(*amount)))
            .collect();
        let top = all.iter().copied().max().unwrap_or(1);
        chart.y = Axis { label: "payload", unit: Unit::BytesPerSecond, min: 0.0, max: above(rate(top).max(1.0)) };
        let begin = Span::from_nanos(begin).as_secs_f64();
        chart.x.min = (begin / seconds).floor() * seconds;
        chart.x.max = chart.x.max.max(chart.x.min + seconds);
        let bytes = |points: u64, name: &str| format!("{name}: {}", Bytes(points));
        let (total, fresh_total) = (self.all.total(), self.unique.total());
        chart.curves.push(Curve {
            name: bytes(fresh_total, name),
            shape: Shape::Columns(seconds, None),
            ink: Ink::Blue,
            points: fresh,
            count: None,
        });
        if !again.is_empty() {
            chart.curves.push(Curve {
                name: bytes(total - fresh_total, "sent again"),
                shape: Shape::Columns(seconds, Some('R')),
                ink: Ink::Red,
                points: again,
                count: None,
            });
        }
        chart.notes.push(format!("each column: {}", Duration(Span::from_nanos(length))));
    }
}

/// A little more, so that the highest value does not touch the frame.
fn above(value: f64) -> f64 {
    value * 1.05
}

fn curve(name: &str, shape: Shape, ink: Ink, points: &Points) -> Curve {
    let items = points.items().iter();
    let points_of = items.map(|point| (Span::from_nanos(point.at).as_secs_f64(), point.low as f64, point.high as f64));
    Curve { name: name.to_owned(), shape, ink, points: points_of.collect(), count: Some(points.count()) }
}
