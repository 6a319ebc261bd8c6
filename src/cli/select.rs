//! What is chosen of a capture: by a display filter, and as columns of fields.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::{self, Write};

use anyhow::bail;
use clap::{Args, ValueEnum};
use mqttsniff::Output;
use mqttsniff::capture::FrameNo;
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Columns, Extractor, FieldId, Filter, Names as _, Quote, Registry, Which};
use mqttsniff::flow::Direction;
use mqttsniff::mqtt::{Body, PropertyId, PropertyValue};
use mqttsniff::session::Name;

use super::failure::Failure;

/// The arguments by which frames are chosen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Choice")]
pub(super) struct Selection {
    /// Show only frames that satisfy this display filter: 'mqtt.qos > 0 and ip.addr == 10.0.0.0/8'
    ///
    /// In the language of Wireshark (see docs/filters.md and `mqttsniff fields`). Messages are shown with the frame that
    /// completed them; flows, sessions, deliveries and findings if one of their frames is. Everything is analysed all
    /// the same, so that nothing is told otherwise than without a filter.
    #[arg(short = 'Y', long, value_name = "FILTER")]
    filter: Option<String>,

    /// Print these fields of each frame as columns: frame.number,ip.src,mqtt.topic
    ///
    /// As `tshark -T fields` does, with the same names and values, separated by tabs. `mqttsniff fields` lists them.
    #[arg(long, value_name = "FIELD", value_delimiter = ',', conflicts_with_all = ["json", "format"])]
    fields: Vec<String>,

    /// What separates the columns of --fields [default: a tab]
    #[arg(long, value_name = "CHARACTER", requires = "fields", value_parser = separator)]
    separator: Option<char>,

    /// What separates several values in a column
    #[arg(long, value_name = "CHARACTER", requires = "fields", value_parser = separator, default_value = ",")]
    aggregator: char,

    /// Which of several values a column has
    #[arg(long, value_name = "WHICH", requires = "fields", default_value = "all")]
    occurrence: Occurrence,

    /// What stands around each column
    #[arg(long, value_name = "QUOTE", requires = "fields", default_value = "none")]
    quote: QuoteArgument,

    /// Begin with a line of the fields' names
    #[arg(long, requires = "fields")]
    header: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Occurrence {
    /// All, one behind the other
    All,
    /// The first
    First,
    /// The last
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QuoteArgument {
    /// Nothing
    None,
    /// "
    Double,
    /// '
    Single,
}

/// A character, or a name of one that a shell makes hard to write.
fn separator(text: &str) -> Result<char, String> {
    match text {
        "tab" | "\\t" => Ok('\t'),
        "space" => Ok(' '),
        other => match other.chars().collect::<Vec<_>>().as_slice() {
            [only] => Ok(*only),
            _ => Err(format!("'{other}' is no single character; use tab or space for those")),
        },
    }
}

/// Chooses frames, and prints their fields where that is asked for.
pub(super) struct Chooser {
    filter: Option<Filter>,
    columns: Option<(Columns, Vec<FieldId>)>,
    extractor: Extractor,
    /// Flows of which a frame was chosen.
    flows: BTreeSet<FrameNo>,
    /// The last of them: most frames belong to the flow of the one before.
    latest: Option<FrameNo>,
    clients: HashMap<FrameNo, Name>,
    /// Of each flow the packets whose version is in doubt: their frames, and whether these were chosen. As many at most
    /// as the engine keeps back.
    doubtful: HashMap<FrameNo, VecDeque<(FrameNo, bool)>>,
    /// The frame before the one at hand.
    last: FrameNo,
    line: String,
}

/// What becomes of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is shown.
    Shown,
    /// It is shown if the frame that comes next is.
    Waits,
    /// It is not shown, nor what waits.
    Dropped,
}

impl Selection {
    /// Whether frames have to be told for it.
    pub(super) const fn is_empty(&self) -> bool {
        self.filter.is_none() && self.fields.is_empty()
    }

    /// What chooses, if anything is to be chosen.
    pub(super) fn chooser(&self) -> anyhow::Result<Option<Chooser>> {
        if self.is_empty() {
            return Ok(None);
        }
        let filter = match &self.filter {
            Some(text) => match Filter::parse(text, &Registry) {
                Ok(filter) => Some(filter),
                Err(error) => bail!(Failure::new(error.to_string(), None)),
            },
            None => None,
        };
        let mut ids = Vec::new();
        for name in &self.fields {
            let Some((id, _)) = Registry::find(name) else {
                let near = Registry.nearest(name);
                let hint = if near.is_empty() { "mqttsniff fields lists them".to_owned() } else { near.join(", ") };
                bail!(Failure::new(format!("there is no field '{name}'"), Some(format!("did you mean: {hint}"))));
            };
            ids.push(id);
        }
        let mut wanted: Vec<FieldId> = ids.clone();
        wanted.extend(filter.iter().flat_map(Filter::fields));
        let columns = (!ids.is_empty()).then(|| (self.columns(), ids));
        Ok(Some(Chooser {
            filter,
            columns,
            extractor: Extractor::new(&wanted),
            flows: BTreeSet::new(),
            latest: None,
            clients: HashMap::new(),
            doubtful: HashMap::new(),
            last: FrameNo(0),
            line: String::new(),
        }))
    }

    fn columns(&self) -> Columns {
        Columns {
            separator: self.separator.unwrap_or('\t'),
            aggregator: self.aggregator,
            which: match self.occurrence {
                Occurrence::All => Which::All,
                Occurrence::First => Which::First,
                Occurrence::Last => Which::Last,
            },
            quote: match self.quote {
                QuoteArgument::None => Quote::None,
                QuoteArgument::Double => Quote::Double,
                QuoteArgument::Single => Quote::Single,
            },
            header: self.header,
            ..Columns::default()
        }
    }
}

impl Chooser {
    /// Whether a frame of this flow was chosen.
    pub(super) fn knows(&self, flow: FrameNo) -> bool {
        self.flows.contains(&flow)
    }

    /// What the engine has to tell for it.
    pub(super) fn engine_options(&mut self, options: EngineOptions) -> EngineOptions {
        self.extractor.engine_options(options)
    }

    /// Whether columns are all that is printed.
    pub(super) const fn prints(&self) -> bool {
        self.columns.is_some()
    }

    /// What stands before the first row of columns.
    pub(super) fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some((columns, ids)) = &self.columns else { return Ok(()) };
        self.line.clear();
        columns.begin(ids, &mut self.line);
        out.write_all(self.line.as_bytes())
    }

    /// Judges an output, and prints the columns of a frame that is chosen.
    pub(super) fn judge(&mut self, output: &Output<'_>, out: &mut impl Write) -> io::Result<Fate> {
        let has = |chosen: bool| if chosen { Fate::Shown } else { Fate::Dropped };
        Ok(match output {
            Output::Message(flow, message) => {
                let named = match &message.packet.body {
                    Body::Connect(connect) => connect.client_id.filter(|id| !id.is_empty()),
                    Body::ConnAck(connack) => match connack.properties.get(PropertyId::AssignedClientIdentifier) {
                        Some(PropertyValue::Text(id)) if message.direction == Direction::ToClient => Some(id),
                        _ => None,
                    },
                    _ => None,
                };
                if let Some(id) = named {
                    self.clients.insert(flow.id, id.into());
                }
                if let Some(chosen) = self.settled(flow.id, message.origin.frame) {
                    return Ok(has(chosen));
                }
                let client = self.clients.get(&flow.id).map(|id| &**id);
                self.extractor.on_message(*flow, message, client);
                Fate::Waits
            }
            Output::Preview(flow, message) => {
                let client = self.clients.get(&flow.id).map(|id| &**id);
                self.extractor.on_preview(message, client);
                self.doubtful.entry(flow.id).or_default().push_back((message.origin.frame, false));
                Fate::Dropped
            }
            Output::Packet(view) => {
                let row = self.extractor.row(view);
                let chosen = self.filter.as_ref().is_none_or(|filter| filter.matches(&row));
                if chosen {
                    if let Some((columns, ids)) = &self.columns {
                        self.line.clear();
                        columns.line(ids, &row, &mut self.line);
                        out.write_all(self.line.as_bytes())?;
                    }
                    if let Some(flow) = view.flow {
                        if self.latest.replace(flow.id) != Some(flow.id) {
                            self.flows.insert(flow.id);
                        }
                        let doubtful = if self.doubtful.is_empty() { None } else { self.doubtful.get_mut(&flow.id) };
                        doubtful
                            .into_iter()
                            .flatten()
                            .filter(|(frame, _)| *frame == view.frame.number)
                            .for_each(|(_, chosen)| *chosen = true);
                    }
                    self.extractor.displayed();
                }
                self.last = view.frame.number;
                self.extractor.clear();
                has(chosen)
            }
            Output::Flow(flow, _) => {
                self.clients.remove(&flow.id);
                self.doubtful.remove(&flow.id);
                self.latest = None;
                has(self.flows.remove(&flow.id) || self.filter.is_none())
            }
            Output::Session(session, _) => has(self.filter.is_none() || self.flows.contains(&session.flow.id)),
            // What a message proves is told before the frame that completed it.
            Output::Delivery(delivery) => self.waits_for(delivery.first.place.flow),
            Output::Finding(finding) => finding.flow.map_or(Fate::Shown, |flow| self.waits_for(flow.id)),
            Output::Stream(..) | Output::Topic(..) => Fate::Shown,
        })
    }

    /// Whether the frame of a message was chosen, if that was told before: its version had been in doubt.
    fn settled(&mut self, flow: FrameNo, frame: FrameNo) -> Option<bool> {
        if self.doubtful.is_empty() {
            return None;
        }
        let doubtful = self.doubtful.get_mut(&flow)?;
        let (_, chosen) = *doubtful.front().filter(|(doubted, _)| *doubted == frame)?;
        doubtful.pop_front();
        if doubtful.is_empty() {
            self.doubtful.remove(&flow);
        }
        (frame <= self.last).then_some(chosen)
    }

    fn waits_for(&self, flow: FrameNo) -> Fate {
        if self.filter.is_none() || self.flows.contains(&flow) { Fate::Shown } else { Fate::Waits }
    }
}
