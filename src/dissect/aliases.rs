//! Topics behind aliases.

use std::collections::BTreeMap;

/// Bytes that the aliases of one direction may take; the topic of an alias beyond that is not kept.
const ALIAS_BYTES: usize = 1 << 20;

/// What an alias takes besides its topic: a receiver may allow 65,535 of them, of topics of one byte.
const ALIAS_COST: usize = 48;

/// Aliases that take no more than this are not counted among what streams hold: that is what most connections have.
const USUAL: usize = 4096;

/// The topics that aliases stand for, in one direction (MQTT 5.0, section 3.3.2.3.4).
#[derive(Debug, Default)]
pub(super) struct Aliases {
    topics: BTreeMap<u16, Box<[u8]>>,
    bytes: usize,
    /// An alias that is not here may have been set: for want of room, or by a packet that was not read whole.
    some_forgotten: bool,
}

impl Aliases {
    /// Binds it anew.
    pub(super) fn set(&mut self, alias: u16, topic: &[u8]) {
        if self.get(alias) == Some(topic) {
            return;
        }
        if let Some(old) = self.topics.remove(&alias) {
            self.bytes -= old.len() + ALIAS_COST;
        }
        let takes = topic.len() + ALIAS_COST;
        if self.bytes + takes <= ALIAS_BYTES {
            self.bytes += takes;
            self.topics.insert(alias, topic.into());
        } else {
            self.some_forgotten = true;
        }
    }

    /// The topic, if it is known.
    pub(super) fn get(&self, alias: u16) -> Option<&[u8]> {
        self.topics.get(&alias).map(AsRef::as_ref)
    }

    /// Whether an alias that has no topic here may have one all the same.
    pub(super) const fn may_have_forgotten(&self) -> bool {
        self.some_forgotten
    }

    /// Forgets all of them.
    pub(super) fn forget(&mut self) {
        *self = Self { some_forgotten: true, ..Self::default() };
    }

    /// The bytes that they take, where it is more than usual.
    pub(super) const fn unusual_bytes(&self) -> usize {
        if self.bytes > USUAL { self.bytes } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_short_topics_take_is_bounded_too_and_what_is_forgotten_is_known_to_be() {
        let mut aliases = Aliases::default();
        for alias in 1..=u16::MAX {
            aliases.set(alias, b"t");
            assert!(aliases.get(alias).is_some() || aliases.may_have_forgotten(), "{alias}");
        }
        assert!(aliases.bytes <= ALIAS_BYTES && aliases.topics.len() == ALIAS_BYTES / (1 + ALIAS_COST));
        // A longer one takes the place of the first, as far as there is room.
        aliases.set(1, b"longer");
        assert!(aliases.bytes <= ALIAS_BYTES && aliases.may_have_forgotten());
        aliases.forget();
        assert_eq!((aliases.bytes, aliases.get(2), aliases.may_have_forgotten()), (0, None, true));
        aliases.set(2, b"t");
        assert_eq!((aliases.get(2), aliases.unusual_bytes()), (Some(&b"t"[..]), 0));
        aliases.set(3, &[b't'; USUAL]);
        assert_eq!(aliases.unusual_bytes(), 2 * ALIAS_COST + 1 + USUAL);
    }
}
