//! From a frame and its messages to the values of fields.
//!
//! Header fields are read from the bytes when they are asked for. What must be followed from frame to frame, and what is
//! gone when an event is over, is kept; but only if a field that needs it was asked for in the beginning.

pub(super) mod analysis;
mod datagrams;
pub(super) mod frame;
mod header;
pub(super) mod ip;
pub(super) mod ipv6;
mod layers;
pub(super) mod link;
mod message;
pub(super) mod options;
pub(super) mod quic;
mod reading;
mod sensor;
mod streams;
pub(super) mod tcp;
pub(super) mod tls;
pub(super) mod udp;
pub(super) mod websocket;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(super) use header::{Header, Take};

use super::registry::{Read, entry};
use super::value::{FieldId, Kind, Occurrence, Row, Value};
use crate::dissect::{Message, SnMessage};
use crate::engine::{EngineOptions, FlowRef, PacketView};
use crate::flow::{WiresharkFlags, WiresharkRules};
use crate::time::Timestamp;
use crate::wire::Payload;
use datagrams::Datagrams;
use layers::Layers;
use message::Kept;
use streams::{Facts, Streams};

/// Reads fields of frames and of messages: those that it was asked for, and no others of messages.
///
/// For each [`Event::Message`](crate::engine::Event::Message) call [`Extractor::on_message`], for each
/// [`Event::Preview`](crate::engine::Event::Preview) [`Extractor::on_preview`], and for each
/// [`Event::Packet`](crate::engine::Event::Packet) [`Extractor::row`] and then [`Extractor::clear`].
///
/// ```
/// use mqttsniff::engine::{EngineOptions, Event};
/// use mqttsniff::field::{Columns, Extractor, Registry};
/// use mqttsniff::{Analysis, Output};
///
/// let fields = ["frame.number", "tcp.dstport", "mqtt.topic"].map(|name| Registry::find(name).expect("a field").0);
/// let mut extractor = Extractor::new(&fields);
/// let columns = Columns::default();
/// let mut text = String::new();
/// let options = extractor.engine_options(EngineOptions::default());
/// let mut analysis = Analysis::open_with(&["fixtures/mqtt5_qos.pcap"], options).expect("the capture is there");
/// analysis.run(&mut |output: &Output<'_>| match output {
///     Output::Message(flow, message) => extractor.on_message(*flow, message, None),
///     Output::Preview(_, message) => extractor.on_preview(message, None),
///     Output::Packet(view) => {
///         columns.line(&fields, &extractor.row(view), &mut text);
///         extractor.clear();
///     }
///     _ => {}
/// });
/// assert!(text.lines().any(|line| line == "8\t1883\tlab/s1/#"), "{text}");
/// ```
#[derive(Debug)]
pub struct Extractor {
    needs: Needs,
    kept: Kept,
    layers: Layers,
    streams: Option<Streams>,
    facts: Option<Facts>,
    datagrams: Option<Datagrams>,
    clock: Clock,
    /// Whether messages are redacted, so that their bytes must not be told either.
    redacted: bool,
}

/// What the fields that are asked for need of the engine.
#[derive(Debug, Clone, Copy, Default)]
struct Needs {
    wireshark: bool,
    layers: bool,
    streams: bool,
    datagrams: bool,
    messages: bool,
}

/// The times that other times are counted from.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    first: Option<Timestamp>,
    /// Of the frame before this one, and before that.
    previous: Option<Timestamp>,
    now: Option<Timestamp>,
    displayed: Option<Timestamp>,
    /// Whether it is told which frames are displayed; else all are.
    chosen: bool,
}

impl Extractor {
    /// An extractor of these fields.
    pub fn new(wanted: &[FieldId]) -> Self {
        let mut needs = Needs::default();
        for id in wanted {
            let name = entry(*id).field.name;
            needs.layers |= match entry(*id).read {
                Read::Layer(_) | Read::Bits(..) | Read::Ends(..) | Read::Header(..) | Read::Any(_) => true,
                Read::Frame(_) => name == "frame.protocols",
                Read::Flag(_) | Read::Message | Read::Reading => false,
            };
            // Payloads are told without the secrets in them.
            needs.messages |=
                matches!(entry(*id).read, Read::Message) || matches!(name, "frame.protocols" | "tcp.payload");
            needs.wireshark |= name.starts_with("tcp.analysis");
            needs.streams |= follows(name);
            needs.datagrams |= matches!(name, "udp.stream" | "udp.time_relative" | "udp.time_delta");
        }
        Self {
            needs,
            kept: Kept::new(wanted),
            layers: Layers::default(),
            streams: needs.streams.then(Streams::default),
            facts: None,
            datagrams: needs.datagrams.then(Datagrams::default),
            clock: Clock::default(),
            redacted: false,
        }
    }

    /// Whether a field asks what Wireshark says of segments.
    pub const fn wants_wireshark(&self) -> bool {
        self.needs.wireshark
    }

    /// Switches on what an engine must tell for these fields. Where it redacts messages, asterisks stand for the bytes
    /// of segments and datagrams, which would show what was in them.
    pub fn engine_options(&mut self, options: EngineOptions) -> EngineOptions {
        self.redacted = options.dissect.redactor.is_some();
        let wireshark = options.wireshark.or(self.needs.wireshark.then_some(WiresharkRules::V4_0));
        EngineOptions {
            packets: true,
            places: options.places || self.needs.layers,
            previews: true,
            wireshark,
            ..options
        }
    }

    /// Takes the fields of a message that a frame completed; `client` is the client identifier of its session, as far
    /// as it is known.
    ///
    /// Where a message is told after its frame (a capture from the middle of a connection, whose version must be found
    /// out first), its row has the fields of its preview.
    pub fn on_message(&mut self, _flow: FlowRef, message: &Message<'_>, client: Option<&[u8]>) {
        if self.needs.messages {
            self.kept.take(message, client);
        }
    }

    /// Takes the fields of a message of MQTT-SN.
    pub fn on_sn_message(&mut self, message: &SnMessage<'_>) {
        if self.needs.messages {
            self.kept.take_sensor(message);
        }
    }

    /// Takes the fields of a packet whose version is in doubt, as it reads for now; see
    /// [`Event::Preview`](crate::engine::Event::Preview).
    pub fn on_preview(&mut self, message: &Message<'_>, client: Option<&[u8]>) {
        if self.needs.messages {
            self.kept.take_preview(message, client);
        }
    }

    /// The fields of the message that was taken last.
    pub fn message(&self) -> MessageRow<'_> {
        MessageRow { kept: &self.kept }
    }

    /// The fields of a frame. To be called once for each, in their order, after its messages were taken.
    pub fn row<'a>(&'a mut self, view: &'a PacketView<'a>) -> FrameRow<'a> {
        let time = view.frame.header.time;
        self.clock.first.get_or_insert(time);
        self.clock.previous = self.clock.now.replace(time);
        self.layers.collect(view);
        if let Some(datagrams) = &mut self.datagrams {
            self.layers.follow(view, datagrams);
        }
        self.facts = self.streams.as_mut().and_then(|streams| streams.on_packet(view));
        FrameRow { extractor: self, view }
    }

    /// Notes that the frame of the last row is displayed, for times since the last one that was. To be called for all
    /// that are, or never.
    pub fn displayed(&mut self) {
        self.clock.chosen = true;
        self.clock.displayed = self.clock.now;
    }

    /// Forgets the messages that were taken.
    pub fn clear(&mut self) {
        self.kept.clear();
    }
}

/// A frame with its fields.
#[derive(Debug, Clone, Copy)]
pub struct FrameRow<'a> {
    extractor: &'a Extractor,
    view: &'a PacketView<'a>,
}

impl Row for FrameRow<'_> {
    fn occurrences<'a>(&'a self, field: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        let entry = entry(field);
        let kind = entry.field.kind;
        let mut of_layer = |layer, read: &dyn Fn(&Header<'a>, Take<'_, 'a>)| {
            self.extractor.layers.each(self, Some(layer), |header, nth| {
                read(header, &mut |value| take(Occurrence { value, layer: nth }));
            });
        };
        match entry.read {
            Read::Layer(layer) => of_layer(layer, &|header, take| take(header.whole())),
            Read::Bits(layer, bits) => of_layer(layer, &|header, take| header.bits(bits, kind, take)),
            Read::Ends(layer, one, other) => of_layer(layer, &|header, take| {
                header.bits(one, kind, take);
                header.bits(other, kind, take);
            }),
            Read::Header(layer, read) => of_layer(layer, &|header, take| read(header, take)),
            Read::Any(read) => self.extractor.layers.each(self, None, |header, nth| {
                read(header, &mut |value| take(Occurrence { value, layer: nth }));
            }),
            Read::Frame(read) => read(self, &mut |value| take(Occurrence { value, layer: 1 })),
            Read::Flag(flag) => {
                if self.view.wireshark.is_some_and(|verdict| verdict.flags.has(flag)) {
                    take(Occurrence { value: Value::Label, layer: 1 });
                    // Wireshark has this one twice in its tree.
                    if flag == WiresharkFlags::DUPLICATE_ACK {
                        take(Occurrence { value: Value::Label, layer: 1 });
                    }
                }
            }
            Read::Message => self.extractor.kept.of_frame(self.view.frame.number, field, take),
            Read::Reading => reading::of_frame(self.view.readings, entry.field.name, take),
        }
    }
}

/// A message with its fields: those of MQTT, and the flow that it came in.
#[derive(Debug, Clone, Copy)]
pub struct MessageRow<'a> {
    kept: &'a Kept,
}

impl Row for MessageRow<'_> {
    fn occurrences<'a>(&'a self, field: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        self.kept.of_last(field, take);
    }
}

/// Whether a field of TCP depends on what was seen of its connection before.
fn follows(name: &str) -> bool {
    let times = ["tcp.time_relative", "tcp.time_delta", "tcp.completeness"];
    let numbers = ["tcp.seq", "tcp.nxtseq", "tcp.ack", "tcp.window_size", "tcp.window_size_scalefactor"];
    let closing = ["tcp.connection.fin_active", "tcp.connection.fin_passive"];
    // What may be a secret depends on whether the CONNECT is over.
    name == "tcp.payload"
        || name.starts_with("tcp.options.sack")
        || times.iter().chain(&numbers).chain(&closing).any(|known| *known == name)
}

/// Bytes of a frame as a filter may see them: where messages are redacted, with asterisks for what is carried.
fn visible<'a>(row: &FrameRow<'a>, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let carried = match &row.view.packet.payload {
        _ if !row.extractor.redacted => &[],
        Payload::Tcp(segment) => segment.payload,
        Payload::Udp(datagram) => datagram.payload,
        Payload::Arp(_) | Payload::Nothing => &[],
        // They may quote anything.
        Payload::Icmp(_) | Payload::Fragment { .. } | Payload::Other(_) => bytes,
    };
    if carried.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut out = bytes.to_vec();
    let start = carried.as_ptr().addr().checked_sub(bytes.as_ptr().addr());
    match start.and_then(|start| out.get_mut(start..start.checked_add(carried.len())?)) {
        Some(hidden) => hidden.fill(b'*'),
        // It was put together from several frames.
        None => out.fill(b'*'),
    }
    Cow::Owned(out)
}

/// As many asterisks as there are bytes.
fn asterisks<'a>(bytes: &[u8]) -> Value<'a> {
    Value::Bytes(Cow::Owned(vec![b'*'; bytes.len()]))
}

/// A value of a number, as its field's type wants it.
fn number<'a>(kind: Kind, value: u64) -> Value<'a> {
    if kind == Kind::Boolean { Value::Boolean(value != 0) } else { Value::Unsigned(value) }
}
