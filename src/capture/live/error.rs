//! Why capturing from an interface could not begin, and the way out.
//!
//! libpcap tells most of it in words only; the words are sorted here.

use thiserror::Error;

/// Why a live capture could not be opened. The text says what is wrong; [`OpenError::hint`] what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The program was built without the feature `live`.
    #[error("this build can't capture from an interface: it was made without the feature `live`")]
    NotBuilt,
    /// libpcap could not be loaded.
    #[error("libpcap, which captures the frames, is not installed ({reason})")]
    NoLibpcap {
        /// What the system's loader said.
        reason: String,
    },
    /// The system does not let this user capture.
    #[error("no permission to capture on {interface} ({reason})")]
    NoPermission {
        /// The interface that was tried.
        interface: String,
        /// What libpcap said.
        reason: String,
    },
    /// No interface was named.
    #[error("no interface was named")]
    NoInterface {
        /// The ones that exist.
        existing: Vec<String>,
    },
    /// There is no such interface.
    #[error("there is no interface {name:?}")]
    UnknownInterface {
        /// The name as it was given.
        name: String,
        /// The ones that exist, the most similar name first.
        existing: Vec<String>,
    },
    /// libpcap does not understand the filter.
    #[error("the capture filter {filter:?} can't be used: {message}")]
    BadFilter {
        /// The filter as it was given.
        filter: String,
        /// What libpcap said.
        message: String,
    },
    /// Anything else.
    #[error("can't capture on {interface}: {message}")]
    Failed {
        /// The interface that was tried.
        interface: String,
        /// What libpcap or the system said.
        message: String,
    },
}

impl OpenError {
    /// The way out, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotBuilt => Some("build it with `--features live`, or record with tcpdump and use `read`".into()),
            Self::NoLibpcap { .. } => Some(
                "install it (Debian and Ubuntu: `apt-get install -y libpcap0.8`; Fedora: `dnf install libpcap`); \
                 files can be read without it"
                    .into(),
            ),
            Self::NoPermission { .. } => Some(
                "allow it once with `sudo setcap cap_net_raw,cap_net_admin=ep $(command -v mqttsniff)`, \
                 or record with tcpdump and use `read`"
                    .into(),
            ),
            Self::NoInterface { existing } | Self::UnknownInterface { existing, .. } => Some(if existing.is_empty() {
                "this machine shows no interface to this user".into()
            } else {
                format!("there are: {}", existing.join(", "))
            }),
            Self::BadFilter { .. } => Some(
                "a capture filter is in tcpdump's language, for example `tcp port 1883`; see `man pcap-filter`".into(),
            ),
            Self::Failed { .. } => None,
        }
    }

    /// Sorts what libpcap said when it opened an interface.
    #[cfg(feature = "live")]
    pub(super) fn of_message(interface: &str, message: &str) -> Self {
        let interface = interface.to_owned();
        let lower = message.to_ascii_lowercase();
        // EPERM and EACCES in the system's words, and libpcap's own for them.
        if ["not permitted", "permission denied", "don't have permission"].iter().any(|words| lower.contains(words)) {
            return Self::NoPermission { interface, reason: message.to_owned() };
        }
        Self::Failed { interface, message: message.to_owned() }
    }
}

/// Sorts names by their likeness to `wanted`, the most similar first.
#[cfg(feature = "live")]
pub(super) fn nearest_first(wanted: &str, mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| crate::text::distance(wanted, name));
    names
}

#[cfg(all(test, feature = "live"))]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_comes_first() {
        let names = ["lo", "wlan0", "eth1", "enp3s0"].map(String::from).to_vec();
        assert_eq!(nearest_first("eth0", names.clone())[0], "eth1");
        assert_eq!(nearest_first("wlan", names.clone())[0], "wlan0");
        assert_eq!(nearest_first("", names)[0], "lo");
    }

    #[test]
    fn refusals_of_the_system_are_told_from_other_errors() {
        let of = |message| OpenError::of_message("eth0", message);
        assert!(matches!(of("socket: Operation not permitted"), OpenError::NoPermission { .. }));
        let text = "eth0: You don't have permission to perform this capture on that device";
        assert!(matches!(of(text), OpenError::NoPermission { .. }));
        assert!(matches!(of("eth0: That device is not up"), OpenError::Failed { .. }));
        assert!(of("socket: Operation not permitted").hint().unwrap().contains("setcap"));
    }
}
