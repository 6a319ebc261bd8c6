//! The `packet` record: one for each frame, where packets are asked for.

use serde::ser::{Serialize, Serializer};

use super::neighbour::Readings;
use super::value::{Time, seconds};
use crate::engine::PacketView;
use crate::flow::{Marks, WiresharkVerdict};
use crate::neighbour::Names;
use crate::render::compact::Name;
use crate::render::frame::{Address, Info, Protocols, addresses, began};
use crate::render::named::Called;
use crate::time::Span;
use crate::wire::{Icmp, Payload, Segment, TcpFlags};

#[derive(serde::Serialize)]
pub(in crate::render) struct PacketRecord<'a> {
    record: Name,
    frame: u64,
    time: Time,
    length: u32,
    captured_length: u32,
    #[serde(skip_serializing_if = "is_zero")]
    interface: u32,
    protocols: Protocols<'a>,
    source: Address,
    destination: Address,
    #[serde(skip_serializing_if = "Called::is_none")]
    source_name: Called,
    #[serde(skip_serializing_if = "Called::is_none")]
    destination_name: Called,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    info: Info<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    udp: Option<UdpRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp: Option<IcmpRecord>,
    #[serde(skip_serializing_if = "Readings::is_empty")]
    neighbours: Readings<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<StopRecord>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    comments: &'a [&'a str],
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[derive(serde::Serialize)]
struct TcpRecord {
    source_port: u16,
    destination_port: u16,
    stream: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Name>,
    seq: u32,
    relative_seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_ack: Option<u32>,
    flags: Flags,
    window: u64,
    payload_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_rtt_s: Option<f64>,
    analysis: Analysis,
    #[serde(skip_serializing_if = "Option::is_none")]
    retransmission: Option<RetransmissionRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wireshark: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wireshark_values: Option<WiresharkValues>,
}

struct Flags(TcpFlags);

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.names().map(Name))
    }
}

struct Analysis(Marks);

impl Serialize for Analysis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.collect_seq([(); 0]);
        }
        serializer.collect_seq(self.0.names().map(Name))
    }
}

/// What Wireshark says in numbers; the names are those of its fields, with the unit where they have one.
#[derive(serde::Serialize, PartialEq, Default)]
struct WiresharkValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_ack_num: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_ack_frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acks_frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_rtt_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rto_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rto_frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_rtt_s: Option<f64>,
}

impl WiresharkValues {
    fn new(verdict: &WiresharkVerdict) -> Option<Self> {
        let values = Self {
            duplicate_ack_num: verdict.duplicate_ack.map(|(number, _)| number),
            duplicate_ack_frame: verdict.duplicate_ack.map(|(_, frame)| frame.0).filter(|frame| *frame > 0),
            acks_frame: verdict.acks.map(|since| since.frame.0),
            ack_rtt_s: verdict.acks.map(|since| since.time).filter(|time| *time != Span::ZERO).map(seconds),
            rto_s: verdict.rto.map(|since| seconds(since.time)),
            rto_frame: verdict.rto.map(|since| since.frame.0),
            bytes_in_flight: verdict.bytes_in_flight,
            initial_rtt_s: verdict.initial_rtt.map(seconds),
        };
        (values != Self::default()).then_some(values)
    }
}

#[derive(serde::Serialize)]
struct RetransmissionRecord {
    kind: &'static str,
    evidence: &'static str,
    spurious: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    back_off: Option<u8>,
}

#[derive(serde::Serialize)]
struct UdpRecord {
    source_port: u16,
    destination_port: u16,
    payload_length: u32,
}

#[derive(serde::Serialize)]
struct IcmpRecord {
    version: u8,
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    quoted: Option<QuotedRecord>,
}

/// The packet that an ICMP error quotes.
#[derive(serde::Serialize)]
struct QuotedRecord {
    source: std::net::IpAddr,
    destination: std::net::IpAddr,
    protocol: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u32>,
}

impl From<&Icmp<'_>> for IcmpRecord {
    fn from(icmp: &Icmp<'_>) -> Self {
        let quoted = icmp.quoted.map(|quoted| QuotedRecord {
            source: quoted.source,
            destination: quoted.destination,
            protocol: quoted.protocol,
            source_port: quoted.ports.map(|(source, _)| source),
            destination_port: quoted.ports.map(|(_, destination)| destination),
            seq: quoted.seq.map(|seq| seq.0),
        });
        Self { version: icmp.version, kind: icmp.kind, code: icmp.code, quoted }
    }
}

#[derive(serde::Serialize)]
struct StopRecord {
    layer: &'static str,
    offset: u32,
    reason: &'static str,
    cut: bool,
}

impl<'a> PacketRecord<'a> {
    pub(in crate::render) fn new(view: &'a PacketView<'a>, names: &Names) -> Self {
        let (source, destination) = addresses(view.packet);
        let [source_name, destination_name] = [source, destination].map(|end| end.called(names, began(view)));
        let udp = match view.packet.payload {
            Payload::Udp(datagram) => Some(UdpRecord {
                source_port: datagram.source,
                destination_port: datagram.destination,
                payload_length: datagram.payload_length,
            }),
            _ => None,
        };
        let tcp = match &view.packet.payload {
            Payload::Tcp(segment) => Some(TcpRecord::new(view, segment)),
            _ => None,
        };
        Self {
            record: Name("packet"),
            frame: view.frame.number.0,
            time: Time(view.frame.header.time),
            length: view.frame.header.length,
            captured_length: view.frame.data.len() as u32,
            interface: view.frame.header.interface,
            protocols: Protocols(view),
            source,
            destination,
            source_name,
            destination_name,
            vlan: view.packet.vlan,
            info: Info(view),
            flow: view.flow.map(|flow| flow.id.0),
            tcp,
            udp,
            icmp: match &view.packet.payload {
                Payload::Icmp(icmp) => Some(IcmpRecord::from(icmp)),
                _ => None,
            },
            neighbours: Readings(view.readings),
            stopped: view.packet.stop.map(|stop| StopRecord {
                layer: stop.layer.name(),
                offset: stop.offset,
                reason: stop.reason,
                cut: stop.cut,
            }),
            comments: view.comments,
        }
    }
}

impl TcpRecord {
    fn new(view: &PacketView<'_>, segment: &Segment<'_>) -> Self {
        let verdict = view.verdict.copied().unwrap_or_default();
        let ack = segment.flags.has(TcpFlags::ACK);
        Self {
            source_port: segment.source,
            destination_port: segment.destination,
            stream: view.flow.map_or(0, |flow| flow.stream),
            from: view.direction.map(|direction| Name(direction.sender().name())),
            seq: segment.seq.0,
            relative_seq: verdict.relative_seq,
            ack: ack.then_some(segment.ack.0),
            relative_ack: verdict.relative_ack,
            flags: Flags(segment.flags),
            window: verdict.window,
            payload_length: segment.payload_length,
            bytes_in_flight: verdict.bytes_in_flight,
            ack_rtt_s: verdict.ack_rtt.map(seconds),
            analysis: Analysis(verdict.marks),
            retransmission: verdict.retransmission.map(|again| RetransmissionRecord {
                kind: again.kind.name(),
                evidence: again.evidence.name(),
                spurious: again.spurious,
                after_s: again.after.map(seconds),
                back_off: again.back_off,
            }),
            wireshark: view.wireshark.map(|wireshark| wireshark.flags.names().collect()),
            wireshark_values: view.wireshark.and_then(WiresharkValues::new),
        }
    }
}
