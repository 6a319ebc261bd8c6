//! The datagrams of protocols around MQTT: which conversation is whose, and what one of them says.

use super::options::EngineOptions;
use crate::dissect::{Conversation, Protocol};
use crate::flow::{Datagrams, Direction};
use crate::neighbour::{self, Datagram, Reading};

/// A conversation whose first datagrams tell nothing is of no protocol that is known by one of them.
const FIRST: u64 = 4;

/// Names a conversation by one of its first datagrams.
#[inline]
pub(super) fn name(datagrams: &mut Datagrams<Conversation>, datagram: &Datagram<'_>) {
    let count = || Direction::BOTH.iter().map(|direction| datagrams.sent(*direction).0).sum::<u64>();
    if datagrams.app.is_none()
        && count() <= FIRST
        && let Some(reading) = neighbour::read_datagram(datagram)
    {
        datagrams.app = Some(Box::new(Conversation::named(Protocol::Neighbour(reading.protocol))));
    }
}

/// What a datagram says, as far as it may be shown.
pub(super) fn read(datagram: &Datagram<'_>, options: &EngineOptions) -> Option<Reading> {
    let reading = neighbour::read_datagram(datagram)?;
    Some(if options.dissect.redactor.is_some() { reading.redacted() } else { reading })
}
