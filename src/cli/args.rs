//! The arguments of all commands, as clap reads them. The first line of each comment is the short help, all of
//! it the long one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mqttsniff::render::{Order, PayloadFormat};
use mqttsniff::session::SessionOptions;

use super::cage::Cage;
use super::caps::Caps;
use super::check::Check;
use super::choose::Choice;
use super::decoding::{Decoding, Segments, WiresharkArgument};
use super::diff::Diff;
use super::embed::EmbedKeys;
use super::examples::{
    CAPTURE_EXAMPLES, CHECK_EXAMPLES, COMPLETIONS_EXAMPLES, DIFF_EXAMPLES, EMBED_EXAMPLES, EXPLAIN_EXAMPLES,
    FIELDS_EXAMPLES, FLOW_EXAMPLES, FOLLOW_EXAMPLES, INTERFACES_EXAMPLES, MAN_EXAMPLES, READ_EXAMPLES, REDACT_EXAMPLES,
    SCHEMA_EXAMPLES, STATS_EXAMPLES, TOP_EXAMPLES,
};
use super::explain::Explain;
use super::fields::Fields;
use super::follow::Follow;
use super::parse::{frames, number, order, some_time};
use super::redact::Redact;
use super::resolve::Resolve;
use super::rotation::Rotation;
use super::select::Selection;
use super::sinks::SinkArguments;
use super::stats::Stats;
use super::tail::Tail;
use super::threads::Threads;
use super::watch::Watch;

/// A protocol analyzer for the command line, at home in TCP/IP and MQTT
///
/// Follows each TCP connection from its handshake to its end, puts its stream together again, and reads the MQTT
/// 3.1, 3.1.1 and 5.0 in it: who connected, what was published and acknowledged, what went wrong, at which frame.
/// From capture files of every common kind, or as it happens; as tables, or as JSON Lines.
#[derive(Debug, Parser)]
#[command(name = "mqttsniff", version, max_term_width = 100, help_expected = true, after_help = TOP_EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read capture files
    ///
    /// Shows the flows, the MQTT sessions, the findings and a summary as tables, or with --json everything as JSON
    /// Lines.
    #[command(after_help = READ_EXAMPLES)]
    Read(Read),
    /// Capture from network interfaces
    ///
    /// Shows MQTT messages, findings, and flows and sessions that end, as they happen. Ctrl-C, SIGTERM, --count and --duration end it with the
    /// tables of the flows and sessions and a summary, with the frames in it that the kernel had to drop.
    #[command(after_help = CAPTURE_EXAMPLES)]
    Capture(Capture),
    /// Show one connection frame by frame, or as a plot
    ///
    /// A ladder: who sent what and when, what there is to say of it, the messages that it completes, and of TCP the
    /// states of both ends as the capture proves them. UDP conversations have one as well: MQTT-SN, MQTT over QUIC, DNS and
    /// the like. Or, with --plot, a graph in the terminal or as an SVG file.
    #[command(after_help = FLOW_EXAMPLES, override_usage = "mqttsniff flow [OPTIONS] <FILE>... [N]")]
    Flow(Box<Flow>),
    /// Show what both ends of one connection said
    ///
    /// As messages, as text, as a dump, or as the bytes themselves; those of TCP put together in order, each byte once, those
    /// of UDP datagram by datagram.
    #[command(after_help = FOLLOW_EXAMPLES, override_usage = "mqttsniff follow [OPTIONS] <FILE>... [N]")]
    Follow(Box<Follow>),
    /// Write a capture that can be shared
    ///
    /// Addresses, credentials, client identifiers, topics and payloads are replaced by tokens of the same length, all
    /// checksums are set right, and whatever is not understood is written over. Times, lengths, ports, sequence
    /// numbers and flags stay, and MQTT reads as before.
    #[command(after_help = REDACT_EXAMPLES)]
    Redact(Redact),
    /// Put the keys of TLS connections into a capture
    ///
    /// Writes a pcapng file that holds the frames, and of a key log the secrets of those connections that are in it: so it
    /// can be decrypted wherever it goes, by Wireshark as well, and nothing else can be with it.
    #[command(after_help = EMBED_EXAMPLES)]
    EmbedKeys(EmbedKeys),
    /// Show what captures add up to
    ///
    /// Protocols, packet lengths, traffic over time, endpoints and conversations.
    #[command(after_help = STATS_EXAMPLES)]
    Stats(Box<Stats>),
    /// Check recorded traffic, for CI
    ///
    /// Exits with 0 if nothing was found that is as bad as --fail-on, and with 1 if something was; with 2 if a capture
    /// could not be read to its end. Each capture is checked by itself.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<Check>),
    /// Explain a statement of the MQTT specifications, or a finding
    ///
    /// What it says, why it matters, how it shows in traffic, what excuses it, and an example.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Compare two captures by what the clients in them do
    ///
    /// Connections, subscriptions, messages in their order, topics, latency and the health of TCP, client by client;
    /// times, ports and frame numbers do not matter. Exit status: 0 the same, 1 they differ, 2 an error.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Box<Diff>),
    /// List the fields that filters and columns may name
    ///
    /// With their types and what they are: those of Wireshark, and some that it lacks.
    #[command(after_help = FIELDS_EXAMPLES)]
    Fields(Fields),
    /// List the network interfaces that can be captured from
    ///
    /// With their state and addresses.
    #[command(after_help = INTERFACES_EXAMPLES)]
    Interfaces(Interfaces),
    /// Print the JSON Schema of the output of --json
    ///
    /// Each line of the output is one instance of it.
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Print shell completions
    ///
    /// Write them where the shell looks for them.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = MAN_EXAMPLES)]
    Man,
}

#[derive(Debug, Args)]
pub(super) struct Read {
    /// Capture files, or - for standard input
    ///
    /// pcap and pcapng in all their forms, plain or compressed with gzip, zstd or lz4; the format is recognised
    /// by content. Several files are read in the order of time, as one capture.
    #[arg(required = true, value_name = "FILE", help_heading = "Input")]
    pub(super) files: Vec<PathBuf>,

    /// Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through
    ///
    /// As pcap where the name ends in .pcap, else as pcapng, which keeps comments, interfaces and link types apart; packed
    /// where .gz or .zst follows. Frames without which a message in a chosen frame can't be read are saved too: the segments
    /// and fragments that hold its beginning. Without --filter this converts a capture, and merges several. A file of that
    /// name is replaced once all is written. In the name %Y %m %d %H %M %S stand for the time (UTC) of the first frame, %n
    /// for the number of the file, %% for a percent sign; files with such names, and those of --rotate-size and the like,
    /// replace none.
    #[arg(short, long, value_name = "FILE", help_heading = "Output", conflicts_with_all = ["redact", "redact_key"])]
    pub(super) write: Option<PathBuf>,

    #[command(flatten)]
    pub(super) rotation: Rotation,

    #[command(flatten)]
    pub(super) selection: Selection,

    #[command(flatten)]
    pub(super) decoding: Decoding,

    #[command(flatten)]
    pub(super) segments: Segments,

    #[command(flatten)]
    pub(super) resolve: Resolve,

    #[command(flatten)]
    pub(super) caps: Caps,

    #[command(flatten)]
    pub(super) threads: Threads,

    #[command(flatten)]
    pub(super) tail: Tail,

    #[command(flatten)]
    pub(super) output: Output,

    #[command(flatten)]
    pub(super) cage: Cage,
}

#[allow(clippy::struct_field_names, reason = "the field is named as its option")]
#[derive(Debug, Args)]
pub(super) struct Capture {
    /// Interfaces to capture from; 'any' stands for all of them
    #[arg(required = true, value_name = "INTERFACE", help_heading = "Input")]
    pub(super) interfaces: Vec<String>,

    /// Capture only what this filter lets through: 'tcp port 1883'
    ///
    /// In the language of libpcap and tcpdump (man pcap-filter), for example 'tcp port 1883 and host 10.0.0.5'.
    /// Without it, everything is captured.
    #[arg(short = 'f', long, value_name = "BPF", help_heading = "Input")]
    pub(super) capture_filter: Option<String>,

    /// Keep at most this many bytes of each frame [default: all]
    #[arg(short, long, value_name = "BYTES", help_heading = "Input",
          value_parser = number::<u32>(1, 262_144))]
    pub(super) snaplen: Option<u32>,

    /// Also capture frames that are for other machines
    ///
    /// Puts the interfaces into promiscuous mode. Off by default.
    #[arg(short, long, help_heading = "Input")]
    pub(super) promiscuous: bool,

    /// The kernel's buffer for each interface, in MiB
    ///
    /// A larger one bridges longer moments in which the program does not get to run.
    #[arg(long, value_name = "MIB", default_value_t = 16, help_heading = "Input",
          value_parser = number::<u32>(1, 1024))]
    pub(super) buffer: u32,

    /// How much may wait for the analysis, in MiB
    ///
    /// Frames are fetched, and saved with --write, as they come. Where the analysis falls further behind than this, frames
    /// are left out of it, counted and told, until it has caught up with half of them; --write saves them all the same.
    #[arg(long, value_name = "MIB", default_value_t = 64, help_heading = "Input",
          value_parser = number::<u32>(1, 65_536))]
    pub(super) backlog: u32,

    /// Stop after this many frames
    #[arg(short, long, value_name = "FRAMES", help_heading = "Stop",
          value_parser = number::<u64>(1, u64::MAX))]
    pub(super) count: Option<u64>,

    /// Stop after this time: 30s, 10m, 2h
    #[arg(short, long, value_name = "TIME", help_heading = "Stop", value_parser = some_time)]
    pub(super) duration: Option<Duration>,

    /// Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through
    ///
    /// As pcap where the name ends in .pcap, else as pcapng; packed where .gz or .zst follows. Frames without which a message
    /// in a chosen frame can't be read are saved too: the segments and fragments that hold its beginning. For them frames may
    /// wait in memory for a minute, or until 64 MiB wait. A file of that name is replaced. In the name %Y %m %d %H %M %S
    /// stand for the time (UTC) of the first frame, %n for the number of the file, %% for a percent sign; files with such
    /// names, and those of --rotate-size and the like, replace none.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(super) write: Option<PathBuf>,

    /// Save all frames, though --filter shows only some of them
    #[arg(long, help_heading = "Output", requires_all = ["write", "filter"])]
    pub(super) write_all: bool,

    #[command(flatten)]
    pub(super) rotation: Rotation,

    #[command(flatten)]
    pub(super) selection: Selection,

    #[command(flatten)]
    pub(super) decoding: Decoding,

    #[command(flatten)]
    pub(super) segments: Segments,

    #[command(flatten)]
    pub(super) resolve: Resolve,

    #[command(flatten)]
    pub(super) caps: Caps,

    #[command(flatten)]
    pub(super) watch: Watch,

    #[command(flatten)]
    pub(super) output: Output,

    #[command(flatten)]
    pub(super) cage: Cage,
}

#[derive(Debug, Args)]
pub(super) struct Flow {
    #[command(flatten)]
    pub(super) choice: Choice,

    /// Show only these frames: 10-20, 10-, -20
    #[arg(long, value_name = "A-B", help_heading = "Input", value_parser = frames, allow_hyphen_values = true)]
    pub(super) frames: Option<(u64, u64)>,

    /// Show at most so many frames
    #[arg(long, value_name = "COUNT", help_heading = "Input", conflicts_with = "plot",
          value_parser = number::<u64>(1, u64::MAX))]
    pub(super) limit: Option<u64>,

    /// Draw a graph instead of the ladder
    #[arg(long, value_name = "KIND", help_heading = "Plot")]
    pub(super) plot: Option<PlotArgument>,

    /// Plot what this end sends [default: whoever sent more]
    #[arg(long, value_name = "END", help_heading = "Plot", requires = "plot")]
    pub(super) from: Option<EndArgument>,

    /// Write the plot as SVG, to standard output with -
    #[arg(long, value_name = "FILE.svg", help_heading = "Plot", requires = "plot")]
    pub(super) output: Option<PathBuf>,

    /// Lines of a plot in the terminal, 10 to 200 [default: all it has, else 24]
    #[arg(long, value_name = "LINES", help_heading = "Plot", requires = "plot", conflicts_with = "output",
          value_parser = number::<u16>(10, 200))]
    pub(super) height: Option<u16>,

    #[command(flatten)]
    pub(super) decoding: Decoding,

    /// Print JSON Lines: one object a line
    ///
    /// Those that `mqttsniff read --json` prints of the flow, its packets and the messages of other protocols among them,
    /// between begin and summary.
    #[arg(long, help_heading = "Output", conflicts_with = "plot")]
    pub(super) json: bool,

    /// By which rules to tell what Wireshark says of each TCP segment
    ///
    /// For --json, where tcp.wireshark holds the names of Wireshark's tcp.analysis fields. The rules have changed between
    /// its releases.
    #[arg(long, value_name = "RELEASE", default_value = "master", requires = "json", help_heading = "Decoding")]
    pub(super) wireshark_rules: WiresharkArgument,

    /// Show times of the clock (UTC) or seconds since the flow's first frame
    #[arg(long, value_name = "KIND", help_heading = "Output")]
    pub(super) time: Option<TimeArgument>,

    /// Use colours
    ///
    /// auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(super) color: ColorArgument,

    #[command(flatten)]
    pub(super) cage: Cage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlotArgument {
    /// Sequence numbers over time, with acknowledgements, window, SACK and what was sent again
    Sequence,
    /// The advertised window and the bytes in flight
    Window,
    /// Bytes a second
    Throughput,
    /// Round trips by acknowledgement
    Rtt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EndArgument {
    /// Who opened the connection
    Client,
    /// Who was connected to
    Server,
}

#[derive(Debug, Args)]
pub(super) struct Interfaces {
    /// Print one JSON object for each interface
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// What to show, separated by commas
    ///
    /// Default for tables: flows, sessions, findings and summary, when capturing messages as well. Default for
    /// --json: the same and messages.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(super) show: Vec<View>,

    /// Print JSON Lines: one object a line
    ///
    /// The records and their fields are described by the schema that `mqttsniff schema` prints.
    #[arg(long)]
    pub(super) json: bool,

    /// Show all fields of each message, and where their bytes stand
    ///
    /// Below each message a line for each field: the frame, the offset of its first byte in the frame and its length
    /// (17 @66+2), then its name and value. With --json the message has the tree in `fields`. Messages of other protocols,
    /// where --show asks for neighbours, have the fields that filters know. Shows messages even if they are not asked for.
    #[arg(long)]
    pub(super) detail: bool,

    /// As what to show the payloads of messages
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(super) payload: PayloadArgument,

    /// Bytes of each payload to show [default: 48 in lines, 4096 with --json]
    #[arg(long, value_name = "BYTES", value_parser = number::<usize>(0, usize::MAX as u64))]
    pub(super) payload_bytes: Option<usize>,

    /// How to write what is shown
    ///
    /// table: lines and tables for people. json: the same as --json. csv and tsv: one view (--show), a line of names and a
    /// line for each row, with the names and units of JSON.
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    pub(super) format: Option<FormatArgument>,

    /// Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc
    ///
    /// Columns are named as in csv. Rows without a value come last. What --show names is sorted, lists of lines (packets,
    /// messages, deliveries, neighbours) when all has been read, and each has to have the column; without --show those of
    /// the tables that have it are. JSON Lines are not sorted.
    #[arg(long, value_name = "COLUMN[:desc]", value_parser = order)]
    pub(super) sort: Option<Order>,

    /// Show at most so many rows of each view
    #[arg(long, value_name = "ROWS", value_parser = number::<u64>(1, u64::MAX))]
    pub(super) limit: Option<u64>,

    /// How tables show times; --json always has both date and time
    #[arg(long, value_name = "KIND")]
    pub(super) time: Option<TimeArgument>,

    /// Use colours
    ///
    /// auto means on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArgument,

    #[command(flatten)]
    pub(super) sinks: SinkArguments,
}

impl Output {
    /// Whether JSON Lines are asked for.
    pub(super) fn is_json(&self) -> bool {
        self.json || self.format == Some(FormatArgument::Json)
    }

    /// Whether this is asked for, here or there.
    fn shows(&self, view: View) -> bool {
        self.show.contains(&view) || self.sinks.wants(view)
    }

    /// Whether frames are to be told one by one, which costs more than all the rest.
    pub(super) fn wants_packets(&self) -> bool {
        self.shows(View::Packets)
    }

    /// Whether messages of the protocols around MQTT are.
    pub(super) fn wants_neighbours(&self) -> bool {
        self.shows(View::Neighbours)
    }

    /// Whether it has what Wireshark says of segments: records do, lines for people do not.
    pub(super) fn wants_wireshark(&self) -> bool {
        !matches!(self.format, None | Some(FormatArgument::Table)) || self.json || self.sinks.wants(View::Packets)
    }

    /// How sessions are to be followed.
    pub(super) fn session_options(&self) -> SessionOptions {
        let routes = self.shows(View::Deliveries) || self.shows(View::Topics);
        SessionOptions { routes, ..SessionOptions::default() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum View {
    /// Every frame
    Packets,
    /// Every MQTT message
    Messages,
    /// TCP connections and UDP conversations
    Flows,
    /// MQTT sessions
    Sessions,
    /// The way of each MQTT message from hop to hop: acknowledgements, resends, publisher and receivers
    Deliveries,
    /// What passed by topic: publishers, subscribers, counts, latency
    Topics,
    /// What is wrong or worth knowing
    Findings,
    /// Messages of the protocols around MQTT: names, addresses, clocks, pages
    Neighbours,
    /// Totals and losses
    Summary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PayloadArgument {
    /// As what it is: JSON, text, Sparkplug B or bytes
    Auto,
    /// As text, whatever it is
    Text,
    /// As JSON, numbers and words as well
    Json,
    /// As hexadecimal digits
    Hex,
    /// As base64
    Base64,
    /// Its length alone
    None,
}

impl From<PayloadArgument> for PayloadFormat {
    fn from(argument: PayloadArgument) -> Self {
        match argument {
            PayloadArgument::Auto => Self::Auto,
            PayloadArgument::Text => Self::Text,
            PayloadArgument::Json => Self::Json,
            PayloadArgument::Hex => Self::Hex,
            PayloadArgument::Base64 => Self::Base64,
            PayloadArgument::None => Self::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArgument {
    /// Lines and tables for people
    Table,
    /// JSON Lines
    Json,
    /// Comma-separated values
    Csv,
    /// Values separated by tabs
    Tsv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TimeArgument {
    /// Seconds since the first frame, or the first of the flow (default when reading)
    Relative,
    /// The time of day in UTC (default when capturing)
    Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorArgument {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
