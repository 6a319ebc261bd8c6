//! The arguments that say how streams and messages are read, and the engine's options that follow from them.

use clap::{Args, ValueEnum};
use mqttsniff::dissect::{DissectOptions, Protocol};
use mqttsniff::engine::EngineOptions;
use mqttsniff::flow::WiresharkRules;
use mqttsniff::mqtt::Version;

use super::args::Output;
use super::keylog::KeyLogs;
use super::parse::decode_as;
use super::redact::Tokens;
use super::select::Chooser;
use super::sensors::Sensors;

/// How streams are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decoding")]
pub(super) struct Streams {
    /// Read a port as this protocol, whatever it looks like: 1884=mqtt
    ///
    /// Protocols: mqtt, websocket, tls, http, mqtt-sn and quic of UDP, and none to look at no bytes at all; ftp, smtp, telnet, amqp;
    /// lines for text in lines, and length16, length16le, length32, length32le for messages behind their length in bits
    /// (le: the lowest byte first). MQTT and MQTT-SN are recognised by content on any port, and MQTT in WebSocket as well, so
    /// this is for streams that are damaged at their beginning, or that only look like MQTT.
    #[arg(long, value_name = "PORT=PROTOCOL", value_parser = decode_as)]
    pub(super) decode_as: Vec<(u16, Protocol)>,

    /// Also read TCP segments whose checksum is wrong
    ///
    /// By default they count as not arrived, as for the receiver, once the sender's checksums were seen to be right
    /// (before that, the sender's card may be the one that fills them in).
    #[arg(long)]
    pub(super) ignore_checksums: bool,

    #[command(flatten)]
    pub(super) keys: KeyLogs,
}

/// How messages are read and shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decoding")]
pub(super) struct Decoding {
    #[command(flatten)]
    pub(super) streams: Streams,

    /// The MQTT version where no CONNECT was captured
    ///
    /// Without it the version is inferred from the packets themselves, and the output says so. A CONNECT that was
    /// captured always wins.
    #[arg(long, value_name = "VERSION")]
    pub(super) mqtt_version: Option<VersionArgument>,

    #[command(flatten)]
    pub(super) sensors: Sensors,

    #[command(flatten)]
    pub(super) tokens: Tokens,
}

/// What is said of segments.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decoding")]
pub(super) struct Segments {
    /// By which rules to tell what Wireshark says of each TCP segment
    ///
    /// For the fields tcp.analysis of --filter, --fields and --columns, and for --json, where tcp.wireshark holds the
    /// names of Wireshark's tcp.analysis fields. The rules have changed between its releases.
    #[arg(long, value_name = "RELEASE", default_value = "master")]
    wireshark_rules: WiresharkArgument,
}

impl Segments {
    /// The rules, where the output or what is chosen asks what Wireshark says: following each segment a second time by
    /// them is not for nothing.
    pub(super) fn rules(&self, output: &Output, chooser: Option<&Chooser>) -> Option<WiresharkRules> {
        let wanted = output.wants_wireshark() || chooser.is_some_and(Chooser::wants_wireshark);
        wanted.then(|| self.wireshark_rules.into())
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum WiresharkArgument {
    /// The development branch
    Master,
    /// Release 4.0
    #[value(name = "4.0")]
    V4_0,
}

impl From<WiresharkArgument> for WiresharkRules {
    fn from(argument: WiresharkArgument) -> Self {
        match argument {
            WiresharkArgument::Master => Self::Master,
            WiresharkArgument::V4_0 => Self::V4_0,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum VersionArgument {
    /// MQTT 3.1
    #[value(name = "3.1")]
    V31,
    /// MQTT 3.1.1
    #[value(name = "3.1.1")]
    V311,
    /// MQTT 5.0
    #[value(name = "5.0", alias = "5")]
    V5,
}

impl From<VersionArgument> for Version {
    fn from(argument: VersionArgument) -> Self {
        match argument {
            VersionArgument::V31 => Self::V31,
            VersionArgument::V311 => Self::V311,
            VersionArgument::V5 => Self::V5,
        }
    }
}

/// The options of the engine for streams.
pub(super) fn stream_options(streams: &Streams) -> EngineOptions {
    EngineOptions {
        ignore_checksums: streams.ignore_checksums,
        dissect: DissectOptions {
            decode_as: streams.decode_as.clone(),
            keys: Some(streams.keys.keys()),
            ..DissectOptions::default()
        },
        ..EngineOptions::default()
    }
}

/// The same for messages.
pub(super) fn engine_options(decoding: &Decoding) -> EngineOptions {
    let mut options = stream_options(&decoding.streams);
    options.dissect.mqtt_version = decoding.mqtt_version.map(Into::into);
    options.dissect.sn.predefined.clone_from(&decoding.sensors.sn_topic);
    options.dissect.redactor = decoding.tokens.redactor();
    options
}
