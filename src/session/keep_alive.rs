//! Keep alive: what was agreed, and how long the client was really silent (MQTT 5.0, section 3.1.2.10).

use crate::capture::Origin;
use crate::flow::Durations;
use crate::mqtt::PacketType;
use crate::prefetch::prefetch;
use crate::time::{Span, Timestamp};

/// What a capture point may add to a silence, beside a tenth of it.
const SLACK: Span = Span::from_secs(1);

/// The keep alive of a connection.
#[derive(Debug, Clone, Default)]
#[repr(C)]
pub struct KeepAlive {
    /// From PINGREQ to PINGRESP.
    pub ping: Durations,
    /// The longest time between two packets of the client, and the packet that ended it.
    pub longest_silence: Option<(Span, Origin)>,
    last_packet: Option<Origin>,
    open_ping: Option<Timestamp>,
    /// Seconds: the server's where it gave one (5.0), else the client's. 0 means none, absent that no CONNECT was seen.
    pub seconds: Option<u16>,
    /// How often the client was silent for longer than agreed.
    pub exceeded: u32,
}

/// A silence that was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong {
    pub(super) silence: Span,
    pub(super) seconds: u16,
    pub(super) since: Origin,
    /// Longer than one and a half times what was agreed, after which the server closes.
    pub(super) server_should_have_closed: bool,
}

impl KeepAlive {
    /// Asks for what each packet of the client needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.longest_silence);
        prefetch(&self.open_ping);
    }

    /// The client has sent a packet, which it `began` at that time; gives the silence before, if that was too long.
    pub(super) fn on_client(&mut self, packet_type: PacketType, began: Timestamp, origin: Origin) -> Option<TooLong> {
        if packet_type == PacketType::PingReq {
            self.open_ping = Some(origin.time);
        }
        let since = self.last_packet.replace(origin)?;
        // From the end of a packet to the beginning of the next (MQTT 5.0, section 3.1.2.10).
        let silence = began.since(since.time);
        if self.longest_silence.is_none_or(|(longest, _)| silence > longest) {
            self.longest_silence = Some((silence, origin));
        }
        let too_long = self.judge(since, silence)?;
        self.exceeded += 1;
        Some(too_long)
    }

    /// When the ping was sent that is not answered yet.
    pub(super) const fn pinged_at(&self) -> Option<Timestamp> {
        self.open_ping
    }

    /// The server has answered a ping.
    pub(super) fn on_ping_response(&mut self, now: Timestamp) {
        if let Some(sent) = self.open_ping.take() {
            self.ping.record(now.since(sent));
        }
    }

    /// How long the client has been silent at `now`, since which packet.
    pub(super) fn silence(&self, now: Timestamp) -> Option<(Span, Origin)> {
        self.last_packet.map(|last| (now.since(last.time), last))
    }

    /// The silence that lasts until `now`, if it is too long.
    pub(super) fn until(&self, now: Timestamp) -> Option<TooLong> {
        let (silence, since) = self.silence(now)?;
        self.judge(since, silence)
    }

    /// Whether a silence is so long that a server closes for it; how much earlier it may be by the coarse clocks of
    /// servers: mosquitto looks once a second.
    pub(super) fn ends(&self, silence: Span) -> bool {
        self.seconds.is_some_and(|seconds| {
            seconds > 0 && silence.as_nanos() >= Span::from_millis(i64::from(seconds) * 1500).as_nanos() * 95 / 100
        })
    }

    fn judge(&self, since: Origin, silence: Span) -> Option<TooLong> {
        let seconds = self.seconds.filter(|seconds| *seconds > 0)?;
        let agreed = Span::from_secs(i64::from(seconds));
        let limit = |nanos: i64| Span::from_nanos(nanos + nanos / 10 + SLACK.as_nanos());
        if silence <= limit(agreed.as_nanos()) {
            return None;
        }
        let server_should_have_closed = silence > limit(agreed.as_nanos() / 2 * 3);
        Some(TooLong { silence, seconds, since, server_should_have_closed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;

    fn at(millis: i64) -> Origin {
        Origin { frame: FrameNo(millis as u64), time: Timestamp::from_nanos(0) + Span::from_millis(millis) }
    }

    #[test]
    fn a_silence_is_too_long_only_beyond_what_clocks_may_add() {
        let mut keep_alive = KeepAlive { seconds: Some(10), ..KeepAlive::default() };
        assert_eq!(keep_alive.on_client(PacketType::Connect, at(0).time, at(0)), None);
        assert_eq!(keep_alive.on_client(PacketType::PingReq, at(11_900).time, at(11_900)), None);
        let too_long =
            keep_alive.on_client(PacketType::PingReq, at(24_000).time, at(24_000)).expect("12.1 s are more than 10 s");
        assert!(!too_long.server_should_have_closed);
        let too_long = keep_alive.on_client(PacketType::PingReq, at(42_000).time, at(42_000)).expect("18 s");
        assert!(too_long.server_should_have_closed);
        assert_eq!(keep_alive.longest_silence, Some((Span::from_secs(18), at(42_000))));
        assert_eq!(keep_alive.exceeded, 2);
    }

    #[test]
    fn a_packet_that_takes_long_is_no_silence() {
        let mut keep_alive = KeepAlive { seconds: Some(10), ..KeepAlive::default() };
        keep_alive.on_client(PacketType::Connect, at(0).time, at(0));
        assert_eq!(keep_alive.on_client(PacketType::Publish, at(2_000).time, at(60_000)), None);
        assert_eq!(keep_alive.longest_silence, Some((Span::from_secs(2), at(60_000))));
    }

    #[test]
    fn zero_means_none() {
        let mut keep_alive = KeepAlive { seconds: Some(0), ..KeepAlive::default() };
        keep_alive.on_client(PacketType::Connect, at(0).time, at(0));
        assert_eq!(keep_alive.on_client(PacketType::PingReq, at(9_000_000).time, at(9_000_000)), None);
    }
}
