//! The thresholds of rules, by their names.

use std::fmt;

/// A limit could not be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitError {
    /// There is no limit of that name.
    Unknown(String),
    /// The value is none that the limit may have: a finite number that is not negative, a whole one for counts.
    Value(&'static str, String),
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "there is no limit {}", name.escape_default()),
            Self::Value(name, value) => write!(f, "{} is no value for the limit {name}", value.escape_default()),
        }
    }
}

impl std::error::Error for LimitError {}

/// A value of a limit.
trait Value: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl Value for u64 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for f64 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|value: &Self| value.is_finite() && *value >= 0.0)
    }
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:literal;)*) => {
        /// The thresholds of rules.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Limits {
            $($(#[doc = $doc])* pub $name: $type,)*
        }

        #[allow(clippy::unreadable_literal, reason = "the text of a default is what a user may type")]
        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// The names of all limits, their defaults, and what they mean.
            pub const ALL: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($name), stringify!($default), concat!($($doc),*))),*];

            /// Sets a limit by its name.
            ///
            /// ```
            /// use mqttsniff::check::Limits;
            ///
            /// let mut limits = Limits::default();
            /// limits.set("keepalive_long_s", "3600").expect("there is such a limit");
            /// assert_eq!(limits.keepalive_long_s, 3600);
            /// assert!(limits.set("keepalive_long_s", "-1").is_err());
            /// ```
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
                match name {
                    $(stringify!($name) => {
                        let wrong = || LimitError::Value(stringify!($name), value.to_owned());
                        self.$name = <$type as Value>::read(value).ok_or_else(wrong)?;
                    })*
                    _ => return Err(LimitError::Unknown(name.to_owned())),
                }
                Ok(())
            }
        }
    };
}

limits! {
    /// Findings of one rule that are told one by one; the rest is counted.
    findings_per_rule: u64 = 1000;
    /// Percent of the segments of an end that were sent again, from which on it is a note.
    retransmission_note_percent: f64 = 1.0;
    /// Percent of the segments of an end that were sent again, from which on it is a warning.
    retransmission_warning_percent: f64 = 5.0;
    /// Segments with data that an end has to have sent before the rate is a warning.
    retransmission_minimum: u64 = 50;
    /// Seconds without a window at once, from which on it is a warning.
    zero_window_warning_s: f64 = 1.0;
    /// Keep-alives or window probes in a row without an answer, from which on the peer counts as gone.
    unanswered_probes: u64 = 3;
    /// Seconds that a SYN has to wait in the capture before it counts as unanswered.
    unanswered_s: f64 = 1.0;
    /// Seconds that a connection has to be closed at one end only.
    half_closed_s: f64 = 60.0;
    /// Ends that one host tries in vain within `scan_window_s` seconds, from which on it is a scan.
    scan_targets: u64 = 20;
    /// Seconds in which the targets of a scan are counted.
    scan_window_s: f64 = 60.0;
    /// Handshakes that are left open at one server within `syn_flood_window_s` seconds, from which on it is a flood.
    syn_flood: u64 = 100;
    /// Seconds in which open handshakes are counted.
    syn_flood_window_s: f64 = 10.0;
    /// Times that a client identifier is taken over within `takeover_window_s` seconds.
    takeovers: u64 = 3;
    /// Seconds in which take-overs are counted.
    takeover_window_s: f64 = 60.0;
    /// Connections of one client within `reconnect_window_s` seconds that are allowed.
    reconnects: u64 = 15;
    /// Seconds in which connections are counted.
    reconnect_window_s: f64 = 60.0;
    /// Clients that connect again within `storm_window_s` seconds after the server closed, from which on it is a storm.
    storm_clients: u64 = 20;
    /// Seconds after an outage in which clients are counted.
    storm_window_s: f64 = 3.0;
    /// Attempts to connect whose pauses are compared.
    backoff_attempts: u64 = 5;
    /// Percent by which pauses may differ and still count as the same.
    backoff_vary_percent: f64 = 10.0;
    /// Times that a CONNECT is sent again unchanged after it was refused.
    refusals: u64 = 2;
    /// Seconds of keep alive below which it is short.
    keepalive_short_s: u64 = 30;
    /// Seconds of keep alive above which it is long.
    keepalive_long_s: u64 = 1200;
    /// Pings for each other packet of a client above which they are too many.
    ping_share: u64 = 10;
    /// Pings from which on their period is judged.
    ping_minimum: u64 = 3;
    /// Percent of the keep alive above which pings are late.
    ping_late_percent: f64 = 90.0;
    /// Percent of the keep alive below which pings are far too many.
    ping_early_percent: f64 = 25.0;
    /// Connections of one client that begin anew with the same subscriptions.
    clean_sessions: u64 = 3;
    /// Sessions that outlive their connections, of ever new client identifiers from one host.
    leaked_sessions: u64 = 5;
    /// Characters of a client identifier above which it is too long.
    client_id_characters: u64 = 64;
    /// Slashes in a topic above which it is too deep.
    topic_slashes: u64 = 7;
    /// Bytes of a topic above which it is too long.
    topic_bytes: u64 = 256;
    /// Seconds that retained messages to one topic have to lie apart in the mean.
    retain_interval_s: f64 = 10.0;
    /// Retained messages to one topic that are compared with `retain_interval_s`.
    retain_minimum: u64 = 5;
    /// Retained messages after one SUBSCRIBE that are allowed.
    retained_burst: u64 = 100;
    /// Seconds that a client has to be gone before the state that it left behind is told.
    retain_ghost_s: f64 = 60.0;
    /// Seconds that a will may come later than it is due.
    will_slack_s: f64 = 5.0;
    /// Connections of one client that end without DISCONNECT.
    no_disconnects: u64 = 3;
    /// Seconds of the median acknowledgement above which it is slow.
    slow_ack_s: f64 = 1.0;
    /// Acknowledgements from which on the median is judged.
    slow_ack_minimum: u64 = 5;
    /// Seconds in which a second copy of a message to a client counts as a duplicate.
    duplicate_window_s: f64 = 1.0;
    /// Copies from which on duplicates are told.
    duplicates: u64 = 1;
    /// Pauses between resends on one connection that are compared.
    resends: u64 = 2;
    /// Percent by which pauses between resends may differ and still be those of a timer.
    resend_vary_percent: f64 = 10.0;
    /// Bytes of a topic that is repeated, from which on an alias would be worth it.
    alias_topic_bytes: u64 = 32;
    /// Messages in a row on one topic without alias, though aliases are offered.
    alias_repeats: u64 = 50;
    /// Bytes of a packet above which some clouds refuse it.
    packet_bytes: u64 = 131072;
    /// Packets of a client after a refused subscription, from which on it goes on as if subscribed.
    failed_subscription_packets: u64 = 3;
    /// Times that a message comes back to its broker from where it went.
    loop_rounds: u64 = 3;
    /// Seconds in which a message has to come back.
    loop_window_s: f64 = 60.0;
    /// Filters of one SUBSCRIBE that are allowed.
    subscribe_filters: u64 = 8;
    /// Subscriptions of one connection that are allowed.
    subscriptions: u64 = 50;
    /// Messages a second that a client may publish.
    publish_rate: u64 = 100;
    /// Percent of the messages of a group above which one member gets too many.
    shared_percent: f64 = 90.0;
    /// Messages of a group from which on its members are compared.
    shared_minimum: u64 = 20;
    /// Messages without expiry that wait for clients that are away.
    queued_messages: u64 = 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_set_by_its_name_to_its_default() {
        let mut limits = Limits::default();
        for (name, default, meaning) in Limits::ALL {
            assert_eq!(limits.set(name, default), Ok(()), "{name}");
            assert!(meaning.trim_end().ends_with('.'), "{name}: {meaning}");
        }
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn a_limit_takes_only_numbers_of_its_kind() {
        let mut limits = Limits::default();
        for value in ["", "-1", "NaN", "inf", "1s"] {
            let error = limits.set("slow_ack_s", value);
            assert_eq!(error, Err(LimitError::Value("slow_ack_s", value.to_owned())));
        }
        assert!(limits.set("reconnects", "1.5").is_err());
        assert_eq!(limits.set("none", "1"), Err(LimitError::Unknown("none".to_owned())));
        assert_eq!(limits.set("slow_ack_s", "0.25"), Ok(()));
        assert!((limits.slow_ack_s - 0.25).abs() < f64::EPSILON);
    }
}
