//! SUBSCRIBE and SUBACK. Which code answers which filter is told by their order alone, elsewhere.

use nom::Parser;
use nom::combinator::map;

use super::ack::check_reason_code;
use super::primitive::{binary, u8};
use super::reader::Reader;
use super::{DeviationKind, Field, PacketType, Properties, PropertyHolder, topic};

/// The fields of a SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The packet identifier; `None` where it was not reached.
    pub packet_id: Option<u16>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// What is subscribed to.
    pub filters: Filters<'a>,
}

/// The list of subscriptions in a SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filters<'a> {
    raw: &'a [u8],
}

/// One subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The topic filter.
    pub filter: &'a [u8],
    /// The options as they stand; before 5.0 the requested QoS alone.
    pub options: u8,
}

impl Subscription<'_> {
    /// The requested QoS, 0 to 2, or the forbidden 3.
    pub const fn qos(self) -> u8 {
        self.options & 0b11
    }

    /// Whether the client does not want its own messages (5.0).
    pub const fn no_local(self) -> bool {
        self.options & 0b100 != 0
    }

    /// Whether RETAIN comes as it was published (5.0).
    pub const fn retain_as_published(self) -> bool {
        self.options & 0b1000 != 0
    }

    /// Which retained messages the client wants now (5.0): 0 all, 1 if the subscription is new, 2 none.
    pub const fn retain_handling(self) -> u8 {
        self.options >> 4 & 0b11
    }
}

impl<'a> Filters<'a> {
    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The subscriptions in their order, up to the first that is cut off.
    pub const fn iter(self) -> FilterIter<'a> {
        FilterIter { rest: self.raw }
    }
}

impl<'a> IntoIterator for Filters<'a> {
    type Item = Subscription<'a>;
    type IntoIter = FilterIter<'a>;

    fn into_iter(self) -> FilterIter<'a> {
        self.iter()
    }
}

/// Iterates over the [`Filters`] of a SUBSCRIBE.
#[derive(Debug, Clone)]
pub struct FilterIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for FilterIter<'a> {
    type Item = Subscription<'a>;

    fn next(&mut self) -> Option<Subscription<'a>> {
        let mut subscription = map((binary, u8), |(filter, options)| Subscription { filter, options });
        let (rest, found) = subscription.parse(self.rest).ok()?;
        self.rest = rest;
        Some(found)
    }
}

impl<'a> Subscribe<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let packet_id = reader.packet_id();
        let properties = reader.properties(PropertyHolder::Packet(PacketType::Subscribe));
        let list = reader.ahead();
        if reader.is_whole() && list.is_empty() {
            reader.note(reader.offset(), DeviationKind::FilterListEmpty(PacketType::Subscribe));
        }
        while reader.has_more() {
            let Some(filter) = reader.filter() else { break };
            let at = reader.offset();
            let Some(options) = reader.field(Field::SubscriptionOptions, u8) else { break };
            check_options(reader, Subscription { filter, options }, at);
        }
        reader.takes_all();
        Self { packet_id, properties, filters: Filters { raw: list } }
    }
}

fn check_options(reader: &mut Reader<'_>, subscription: Subscription<'_>, at: u32) {
    // Before 5.0 only the two QoS bits have a meaning.
    let reserved = if reader.is_v5() { 0b1100_0000 } else { 0b1111_1100 };
    if subscription.options & reserved != 0 {
        reader.note(at, DeviationKind::SubscribeReservedBits);
    }
    if subscription.qos() == 3 {
        reader.note(at, DeviationKind::SubscribeQos3);
    }
    if reader.is_v5() {
        if subscription.retain_handling() == 3 {
            reader.note(at, DeviationKind::RetainHandling3);
        }
        if subscription.no_local() && topic::shared(subscription.filter).is_some() {
            reader.note(at, DeviationKind::SharedNoLocal);
        }
    }
}

/// The fields of a SUBACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The packet identifier; `None` where it was not reached.
    pub packet_id: Option<u16>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// One code for each filter of the SUBSCRIBE, as far as available.
    pub codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let packet_id = reader.packet_id();
        let properties = reader.properties(PropertyHolder::Packet(PacketType::SubAck));
        Self { packet_id, properties, codes: codes(reader) }
    }
}

/// Reads the codes that fill the rest of a SUBACK or UNSUBACK.
pub(super) fn codes<'a>(reader: &mut Reader<'a>) -> &'a [u8] {
    let start = reader.offset();
    if reader.is_whole() && reader.left() == 0 {
        reader.note(start, DeviationKind::ReasonCodesMissing(reader.packet_type()));
    }
    let codes = reader.take_rest();
    for (at, &code) in (start..).zip(codes) {
        check_reason_code(reader, code, at);
    }
    reader.takes_all();
    codes
}
