//! UNSUBSCRIBE and UNSUBACK. Which code answers which filter is told by their order alone, elsewhere.

use super::primitive::binary;
use super::reader::Reader;
use super::subscribe::codes;
use super::{DeviationKind, PacketType, Properties, PropertyHolder};

/// The fields of an UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// The packet identifier; `None` where it was not reached.
    pub packet_id: Option<u16>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// What is no longer subscribed to.
    pub filters: TopicFilters<'a>,
}

/// The list of topic filters in an UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TopicFilters<'a> {
    raw: &'a [u8],
}

impl<'a> TopicFilters<'a> {
    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The filters in their order, up to the first that is cut off.
    pub const fn iter(self) -> TopicFilterIter<'a> {
        TopicFilterIter { rest: self.raw }
    }
}

impl<'a> IntoIterator for TopicFilters<'a> {
    type Item = &'a [u8];
    type IntoIter = TopicFilterIter<'a>;

    fn into_iter(self) -> TopicFilterIter<'a> {
        self.iter()
    }
}

/// Iterates over the [`TopicFilters`] of an UNSUBSCRIBE.
#[derive(Debug, Clone)]
pub struct TopicFilterIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for TopicFilterIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (rest, filter) = binary(self.rest).ok()?;
        self.rest = rest;
        Some(filter)
    }
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let packet_id = reader.packet_id();
        let properties = reader.properties(PropertyHolder::Packet(PacketType::Unsubscribe));
        let list = reader.ahead();
        if reader.is_whole() && list.is_empty() {
            reader.note(reader.offset(), DeviationKind::FilterListEmpty(PacketType::Unsubscribe));
        }
        while reader.has_more() && reader.filter().is_some() {}
        reader.takes_all();
        Self { packet_id, properties, filters: TopicFilters { raw: list } }
    }
}

/// The fields of an UNSUBACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// The packet identifier; `None` where it was not reached.
    pub packet_id: Option<u16>,
    /// Its properties (5.0).
    pub properties: Properties<'a>,
    /// One code for each filter of the UNSUBSCRIBE, as far as available; none before 5.0.
    pub codes: &'a [u8],
}

impl<'a> UnsubAck<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        let packet_id = reader.packet_id();
        let properties = reader.properties(PropertyHolder::Packet(PacketType::UnsubAck));
        let codes = if reader.is_v5() { codes(reader) } else { &[] };
        Self { packet_id, properties, codes }
    }
}
