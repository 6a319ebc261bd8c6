//! Addresses by their names, as far as DNS was captured that names them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::ser::{Serialize, Serializer};

use super::width::columns;
use crate::capture::FrameNo;
use crate::neighbour::Names;

/// The longest name that stands in the place of an address: as many columns as the longest address of IPv6 takes. A longer
/// one would have to be cut, and then it may be any host's.
const LONGEST: usize = 39;

/// A name, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Called(Option<Arc<str>>);

impl Called {
    /// What an address is called in a flow that began with this frame.
    pub(super) fn of(names: &Names, address: IpAddr, since: FrameNo) -> Self {
        Self(names.of(address, since))
    }

    /// What has no address has no name.
    pub(super) const NONE: Self = Self(None);

    pub(super) const fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Serialize for Called {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_deref().unwrap_or_default())
    }
}

/// The name that is shown in the place of an address.
pub(super) fn shown(names: &Names, address: IpAddr, since: FrameNo) -> Option<Arc<str>> {
    names.of(address, since).filter(|name| columns(name) <= LONGEST)
}

/// An address, by its name where it has one.
pub(super) fn host(names: &Names, address: IpAddr, since: FrameNo) -> String {
    shown(names, address, since).map_or_else(|| address.to_string(), |name| name.to_string())
}

/// An end of a flow that began with this frame, by its name where it has one.
pub(super) fn end(names: &Names, end: SocketAddr, since: FrameNo) -> String {
    match shown(names, end.ip(), since) {
        Some(name) => format!("{name}:{}", end.port()),
        None => end.to_string(),
    }
}

/// The same where there is room for both.
pub(super) fn end_and_name(names: &Names, end: SocketAddr, since: FrameNo) -> String {
    match names.of(end.ip(), since) {
        Some(name) => format!("{end} ({name})"),
        None => end.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neighbour::dns::Answer;

    #[test]
    fn a_name_stands_in_the_place_of_an_address_unless_it_is_longer_than_any() {
        let names = Names::new();
        let [one, other, third] = [1, 2, 3].map(|last| SocketAddr::from(([192, 0, 2, last], 1883)));
        let longer = "n".repeat(LONGEST + 1);
        for (end, name) in [(one, "broker.example"), (other, &longer)] {
            names.learn(FrameNo(1), &[Answer { address: end.ip(), name: name.into(), is_reverse: false }]);
        }
        let shown = |ends: SocketAddr| end(&names, ends, FrameNo(2));
        assert_eq!([one, other, third].map(shown), ["broker.example:1883", "192.0.2.2:1883", "192.0.2.3:1883"]);
        assert_eq!(end_and_name(&names, one, FrameNo(2)), "192.0.2.1:1883 (broker.example)");
        assert_eq!(end_and_name(&names, third, FrameNo(2)), "192.0.2.3:1883");
        assert_eq!(host(&names, one.ip(), FrameNo(2)), "broker.example");
    }
}
