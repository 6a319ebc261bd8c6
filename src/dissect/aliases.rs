//! Topics behind aliases.

use std::collections::BTreeMap;

/// Topic bytes that the aliases of one direction may hold; an alias beyond that is taken as unknown.
const ALIAS_BYTES: usize = 1 << 20;

/// The topics that aliases stand for, in one direction (MQTT 5.0, section 3.3.2.3.4).
#[derive(Debug, Default)]
pub(super) struct Aliases {
    topics: BTreeMap<u16, Box<[u8]>>,
    bytes: usize,
}

impl Aliases {
    /// Binds it anew.
    pub(super) fn set(&mut self, alias: u16, topic: &[u8]) {
        if self.get(alias) == Some(topic) {
            return;
        }
        if let Some(old) = self.topics.remove(&alias) {
            self.bytes -= old.len();
        }
        if self.bytes + topic.len() <= ALIAS_BYTES {
            self.bytes += topic.len();
            self.topics.insert(alias, topic.into());
        }
    }

    /// The topic, if it is known.
    pub(super) fn get(&self, alias: u16) -> Option<&[u8]> {
        self.topics.get(&alias).map(AsRef::as_ref)
    }
}
