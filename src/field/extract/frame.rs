//! Fields of the frame as a whole.

use std::borrow::Cow;

use super::header::Take;
use super::{FrameRow, visible};
use crate::capture::LinkType;
use crate::dissect::Protocol;
use crate::field::value::Value;
use crate::time::{Span, Timestamp};
use crate::wire::{Layer, Payload};

pub(in crate::field) fn is_there<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Bytes(visible(row, row.view.frame.data)));
}

pub(in crate::field) fn number<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Unsigned(row.view.frame.number.0));
}

pub(in crate::field) fn time<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Time(row.view.frame.header.time));
}

pub(in crate::field) fn time_epoch<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Duration(row.view.frame.header.time.since(Timestamp::from_nanos(0))));
}

fn since(row: &FrameRow<'_>, earlier: Option<Timestamp>) -> Value<'static> {
    let now = row.view.frame.header.time;
    Value::Duration(now.since(earlier.unwrap_or(now)))
}

pub(in crate::field) fn time_delta<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(since(row, row.extractor.clock.previous));
}

pub(in crate::field) fn time_delta_displayed<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let clock = row.extractor.clock;
    take(since(row, if clock.chosen { clock.displayed } else { clock.previous }));
}

pub(in crate::field) fn time_relative<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(since(row, row.extractor.clock.first));
}

pub(in crate::field) fn length<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Unsigned(row.view.frame.header.length.into()));
}

pub(in crate::field) fn captured<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Unsigned(row.view.frame.data.len() as u64));
}

pub(in crate::field) fn interface<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Unsigned(row.view.frame.header.interface.into()));
}

pub(in crate::field) fn comments<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    for comment in row.view.comments {
        take(Value::Text(Cow::Borrowed(comment.as_bytes())));
    }
}

pub(in crate::field) fn no<'a>(_: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Boolean(false));
}

pub(in crate::field) fn zero<'a>(_: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    take(Value::Duration(Span::ZERO));
}

/// Wireshark counts link types in its own way (`WTAP_ENCAP_…` of its wiretap library).
pub(in crate::field) fn encapsulation<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let number = match row.view.frame.header.link {
        LinkType::ETHERNET => 1,
        LinkType::PPP | LinkType::PPP_HDLC => 4,
        LinkType::RAW | LinkType(12 | 14) => 7,
        LinkType::NULL => 15,
        LinkType::LOOP => 12,
        LinkType::IEEE802_11 => 20,
        LinkType::IEEE802_11_RADIOTAP => 23,
        LinkType::LINUX_SLL => 25,
        LinkType::IPV4 => 129,
        LinkType::IPV6 => 130,
        LinkType::PPP_ETHER => 139,
        LinkType::NFLOG => 141,
        LinkType::LINUX_SLL2 => 210,
        // Further types have numbers there, but are not decoded here.
        LinkType(_) => return,
    };
    take(Value::Signed(number));
}

/// The layers as Wireshark names them: with what reads the EtherType, and each IP header within another.
pub(in crate::field) fn protocols<'a>(row: &'a FrameRow<'a>, take: Take<'_, 'a>) {
    let mut names: Vec<&str> = Vec::new();
    let mut layers = row.extractor.layers.kinds().peekable();
    if matches!(row.view.frame.header.link, LinkType::RAW | LinkType(12 | 14)) {
        names.push("raw");
    }
    while let Some((layer, kind, _)) = layers.next() {
        match (layer, kind) {
            (Layer::Vlan, 0x88a8) => names.push("ieee8021ad"),
            (Layer::Ipv6Extension, 0) => names.push("ipv6.hopopts"),
            (Layer::Ipv6Extension, 43) => names.push("ipv6.routing"),
            (Layer::Ipv6Extension, 44) => names.push("ipv6.fraghdr"),
            (Layer::Ipv6Extension, 51) => names.push("ah"),
            (Layer::Ipv6Extension, 60) => names.push("ipv6.dstopts"),
            _ => names.push(layer.name()),
        }
        let typed = matches!(layer, Layer::Ethernet | Layer::Vlan | Layer::LinuxSll | Layer::Null | Layer::Llc);
        let by_type = matches!(
            layers.peek(),
            Some((Layer::Ipv4 | Layer::Ipv6 | Layer::Arp | Layer::Vlan | Layer::Mpls | Layer::Pppoe, ..))
        );
        if typed && layer != Layer::Null && layer != Layer::Llc && by_type {
            names.push("ethertype");
        }
    }
    let carries = match &row.view.packet.payload {
        Payload::Tcp(segment) => !segment.payload.is_empty(),
        Payload::Udp(datagram) => !datagram.payload.is_empty(),
        Payload::Fragment { .. } | Payload::Other(_) => true,
        Payload::Icmp(_) | Payload::Arp(_) | Payload::Nothing => false,
    };
    let carriers = row.view.carriers.iter().filter(|_| carries && !row.view.carried.is_empty());
    names.extend(carriers.map(|carrier| carrier.name()));
    match row.view.protocol {
        _ if row.view.in_handshake => {}
        Some(Protocol::Mqtt) if !row.view.messages.is_empty() || row.extractor.kept.previewed() => names.push("mqtt"),
        Some(Protocol::MqttSn) if !row.view.messages.is_empty() => names.push("mqttsn"),
        Some(Protocol::Tls) if carries => names.push("tls"),
        Some(Protocol::Quic) if carries => names.push("quic"),
        Some(Protocol::Neighbour(_)) if !row.view.readings.is_empty() => {
            names.extend(row.view.readings.first().map(|reading| reading.protocol.name()));
        }
        Some(Protocol::Http) if !row.view.readings.is_empty() => names.push("http"),
        None if carries => names.push("data"),
        // Which of many protocols Wireshark tries on a stream that is none of these can't be said.
        Some(
            Protocol::Mqtt
            | Protocol::Tls
            | Protocol::Http
            | Protocol::WebSocket
            | Protocol::Unknown
            | Protocol::MqttSn
            | Protocol::Quic
            | Protocol::Neighbour(_),
        )
        | None => {}
    }
    take(Value::Text(Cow::Owned(names.join(":").into_bytes())));
}
