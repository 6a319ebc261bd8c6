//! What is chosen of a capture: by a display filter, and as columns of fields.

use std::collections::{HashMap, VecDeque};

use anyhow::bail;
use clap::{Args, ValueEnum};
use mqttsniff::Output as Told;
use mqttsniff::capture::FrameNo;
use mqttsniff::dissect::sn;
use mqttsniff::engine::{EngineOptions, PacketView};
use mqttsniff::field::{Columns, Extractor, FieldId, Filter, Names as _, Quote, Registry, Which};
use mqttsniff::flow::Direction;
use mqttsniff::mqtt::{Body, PropertyId, PropertyValue};
use mqttsniff::render::{FieldCells, FieldColumn, write_titles};
use mqttsniff::session::Name;
use mqttsniff::text::kept_name;
use mqttsniff::wire::Payload;

use super::args::{FormatArgument, Output, View};
use super::chosen::{ChosenFlows, Known};
use super::failure::{Failure, say};

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

    /// Print these fields of each frame: frame.number,ip.src,mqtt.topic
    ///
    /// As `tshark -T fields` does, with the same names and values, a line for each frame and a tab between fields; with
    /// --format csv as comma-separated values under their names, with --format json an object for each frame.
    /// `mqttsniff fields` lists them.
    #[arg(long, value_name = "FIELD", value_delimiter = ',', conflicts_with_all =
          ["columns", "show", "detail", "payload", "payload_bytes", "sort", "time"])]
    fields: Vec<String>,

    /// Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic
    ///
    /// In place of the columns that packets have else, under their names or under a title that is given with =. With
    /// --format csv as well; with --json a packet has them in `columns`. Shows packets alone unless --show says more.
    #[arg(long, value_name = "[TITLE=]FIELD", value_delimiter = ',', conflicts_with = "sort")]
    columns: Vec<String>,

    /// What separates the values of --fields [default: a tab]
    #[arg(long, value_name = "CHARACTER", requires = "fields", value_parser = separator)]
    separator: Option<char>,

    /// What separates several values of one field [default: a comma]
    #[arg(long, value_name = "CHARACTER", requires = "fields", value_parser = separator)]
    aggregator: Option<char>,

    /// Which of several values of a field to print [default: all]
    #[arg(long, value_name = "WHICH", requires = "fields")]
    occurrence: Option<Occurrence>,

    /// What stands around each value [default: nothing]
    #[arg(long, value_name = "QUOTE", requires = "fields")]
    quote: Option<QuoteArgument>,

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
    /// Double quotes
    Double,
    /// Single quotes
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

/// Chooses frames, and reads their fields where that is asked for.
pub(super) struct Chooser {
    filter: Option<Filter>,
    form: Option<Form>,
    columns: Vec<FieldColumn>,
    /// Their fields.
    ids: Vec<FieldId>,
    style: Columns,
    extractor: Extractor,
    /// Flows of which a frame was chosen.
    flows: ChosenFlows,
    /// How much was not shown though it may belong to a flow that was forgotten.
    unsure: u64,
    clients: HashMap<FrameNo, Name>,
    /// Of each flow the packets whose version is in doubt: their frames, and whether these were chosen. As many at most
    /// as the engine keeps back.
    doubtful: HashMap<FrameNo, VecDeque<(FrameNo, bool)>>,
    /// Of each conversation that may turn out to be MQTT-SN the frames that were chosen: their messages are told then.
    suspected: HashMap<FrameNo, Vec<FrameNo>>,
    /// The frame before the one at hand.
    last: FrameNo,
    /// Rows of fields that may still be printed.
    left: u64,
    line: String,
    cells: FieldCells,
}

/// In which form fields are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As lines of their own, as tshark does.
    Lines,
    /// As lines of comma-separated values, or with another character.
    Separated(char),
    /// As lines of JSON.
    Json,
    /// As the columns of packets.
    Columns,
}

/// The most frames of a conversation that are remembered until it is known what it is: as many as are held back.
const SUSPECTED: usize = 16;

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
    /// Whether only some frames are let through.
    pub(super) const fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// What chooses, if anything is to be chosen.
    pub(super) fn chooser(&self, output: &Output) -> anyhow::Result<Option<Chooser>> {
        let form = self.form(output)?;
        if self.filter.is_none() && form.is_none() {
            return Ok(None);
        }
        let filter = self.filter.as_deref().map(parse).transpose()?;
        let mut columns = Vec::new();
        for name in self.fields.iter().chain(&self.columns) {
            let (title, name) = match name.split_once('=') {
                Some((title, name)) if form == Some(Form::Columns) => (title, name),
                _ => (name.as_str(), name.as_str()),
            };
            let Some((field, _)) = Registry::find(name) else {
                let hint = match Registry.nearest(name).as_slice() {
                    [] => "`mqttsniff fields` lists them".to_owned(),
                    near => format!("did you mean: {}?", near.join(", ")),
                };
                bail!(Failure::new(format!("there is no field '{name}'"), Some(hint)));
            };
            if title.is_empty() {
                bail!(Failure::new(
                    format!("there is no title before the = of '={name}'"),
                    Some(format!("without the = it is the field's name: {name}")),
                ));
            }
            columns.push(FieldColumn { title: title.to_owned(), field });
        }
        let left = output.limit.unwrap_or(u64::MAX);
        Ok(Some(Chooser::new(filter, form, columns, self.style(), left)))
    }

    /// In which form fields are asked for; options that would have no effect in it are refused.
    fn form(&self, output: &Output) -> anyhow::Result<Option<Form>> {
        if !self.columns.is_empty() {
            if !output.show.is_empty() && !output.show.contains(&View::Packets) {
                bail!(Failure::new(
                    "--columns are those of packets, which --show leaves out",
                    Some("add them: --show packets".to_owned()),
                ));
            }
            return Ok(Some(Form::Columns));
        }
        if self.fields.is_empty() {
            return Ok(None);
        }
        let form = match output.format {
            _ if output.json => Form::Json,
            None => Form::Lines,
            Some(FormatArgument::Json) => Form::Json,
            Some(FormatArgument::Csv) => Form::Separated(','),
            Some(FormatArgument::Tsv) => Form::Separated('\t'),
            Some(FormatArgument::Table) => bail!(Failure::new(
                "--fields prints no table",
                Some("--columns makes them the columns of the table of packets".to_owned()),
            )),
        };
        let of_lines = [
            ("--separator", self.separator.is_some()),
            ("--quote", self.quote.is_some()),
            ("--header", self.header),
            ("--aggregator", self.aggregator.is_some()),
        ];
        // In separated values several values of a field still have to be told apart.
        let refused = match form {
            Form::Lines | Form::Columns => 0,
            Form::Separated(_) => 3,
            Form::Json => 4,
        };
        if let Some((name, _)) = of_lines.iter().take(refused).find(|(_, given)| *given) {
            bail!(Failure::new(
                format!("{name} has no effect on csv, tsv and json, which have rules of their own"),
                Some(format!("leave it out, or --{} with it", if output.json { "json" } else { "format" })),
            ));
        }
        Ok(Some(form))
    }

    fn style(&self) -> Columns {
        Columns {
            separator: self.separator.unwrap_or('\t'),
            aggregator: self.aggregator.unwrap_or(','),
            which: match self.occurrence {
                None | Some(Occurrence::All) => Which::All,
                Some(Occurrence::First) => Which::First,
                Some(Occurrence::Last) => Which::Last,
            },
            quote: match self.quote {
                None | Some(QuoteArgument::None) => Quote::None,
                Some(QuoteArgument::Double) => Quote::Double,
                Some(QuoteArgument::Single) => Quote::Single,
            },
            header: self.header,
            ..Columns::default()
        }
    }
}

/// A display filter from its text.
fn parse(text: &str) -> anyhow::Result<Filter> {
    Filter::parse(text, &Registry).map_err(|error| Failure::new(error.to_string(), None).into())
}

impl Chooser {
    fn new(filter: Option<Filter>, form: Option<Form>, columns: Vec<FieldColumn>, style: Columns, left: u64) -> Self {
        let ids: Vec<FieldId> = columns.iter().map(|column| column.field).collect();
        let wanted: Vec<FieldId> = ids.iter().copied().chain(filter.iter().flat_map(Filter::fields)).collect();
        Self {
            filter,
            form,
            columns,
            ids,
            style,
            extractor: Extractor::new(&wanted),
            flows: ChosenFlows::default(),
            unsure: 0,
            clients: HashMap::new(),
            doubtful: HashMap::new(),
            suspected: HashMap::new(),
            last: FrameNo(0),
            left,
            line: String::new(),
            cells: FieldCells::default(),
        }
    }

    /// What chooses by a display filter alone.
    pub(super) fn by_filter(text: &str) -> anyhow::Result<Self> {
        Ok(Self::new(Some(parse(text)?), None, Vec::new(), Columns::default(), u64::MAX))
    }

    /// Whether what has waited is shown: a frame of this flow was chosen.
    pub(super) fn admits(&mut self, flow: FrameNo) -> bool {
        let known = self.flows.know(flow);
        self.unsure += u64::from(known == Known::Forgotten);
        known == Known::Chosen
    }

    /// All is told: says what may be missing.
    pub(super) fn finish(&self) {
        if self.unsure > 0 {
            say(&format!(
                "there were too many flows to remember which of those that had ended had a frame that was chosen: of \
                 the deliveries and findings that came later up to {} may be missing",
                self.unsure
            ));
        }
    }

    /// What the engine has to tell for it.
    pub(super) fn engine_options(&mut self, options: EngineOptions) -> EngineOptions {
        self.extractor.engine_options(options)
    }

    /// Whether a field asks what Wireshark says of segments.
    pub(super) const fn wants_wireshark(&self) -> bool {
        self.extractor.wants_wireshark()
    }

    /// Whether lines of fields are all that is printed.
    pub(super) const fn prints(&self) -> bool {
        matches!(self.form, Some(Form::Lines | Form::Separated(_) | Form::Json))
    }

    /// The columns of packets, where these are fields.
    pub(super) fn columns(&self) -> Option<&[FieldColumn]> {
        (self.form == Some(Form::Columns)).then_some(self.columns.as_slice())
    }

    /// What stands before the first line of fields.
    pub(super) fn heading(&self) -> String {
        let mut out = String::new();
        match self.form {
            Some(Form::Lines) => self.style.begin(&self.ids, &mut out),
            Some(Form::Separated(separator)) => write_titles(&self.columns, separator, &mut out),
            Some(Form::Json | Form::Columns) | None => {}
        }
        out
    }

    /// The line of fields of the frame that was chosen last.
    pub(super) fn line(&self) -> Option<&str> {
        self.prints().then_some(self.line.as_str())
    }

    /// The columns of the frame that was chosen last.
    pub(super) fn cells(&self) -> Option<&FieldCells> {
        (self.form == Some(Form::Columns)).then_some(&self.cells)
    }

    /// Judges an output, and reads the fields of a frame that is chosen.
    pub(super) fn judge(&mut self, output: &Told<'_>) -> Fate {
        let has = |chosen: bool| if chosen { Fate::Shown } else { Fate::Dropped };
        match output {
            Told::Message(flow, message) => {
                let named = match &message.packet.body {
                    Body::Connect(connect) => connect.client_id.filter(|id| !id.is_empty()),
                    Body::ConnAck(connack) => match connack.properties.get(PropertyId::AssignedClientIdentifier) {
                        Some(PropertyValue::Text(id)) if message.direction == Direction::ToClient => Some(id),
                        _ => None,
                    },
                    _ => None,
                };
                if let Some(id) = named {
                    self.clients.insert(flow.id, kept_name(id).into());
                }
                if let Some(chosen) = self.settled(flow.id, message.origin.frame) {
                    return has(chosen);
                }
                let client = self.clients.get(&flow.id).map(|id| &**id);
                self.extractor.on_message(*flow, message, client);
                Fate::Waits
            }
            Told::SnMessage(flow, message) => {
                if let Some(chosen) = self.settled(flow.id, message.origin.frame) {
                    return has(chosen);
                }
                if message.origin.frame <= self.last {
                    // It was held back until it was known what it is, and its frame is told already.
                    let held = self.suspected.get(&flow.id);
                    return has(self.filter.is_none() || held.is_some_and(|held| held.contains(&message.origin.frame)));
                }
                self.extractor.on_sn_message(message);
                Fate::Waits
            }
            // It is told before the frame that completed it.
            Told::Neighbour(_) => Fate::Waits,
            Told::Preview(flow, message) => {
                let client = self.clients.get(&flow.id).map(|id| &**id);
                self.extractor.on_preview(message, client);
                self.doubtful.entry(flow.id).or_default().push_back((message.origin.frame, false));
                Fate::Dropped
            }
            Told::Packet(view) => {
                let row = self.extractor.row(view);
                let chosen = self.filter.as_ref().is_none_or(|filter| filter.matches(&row));
                if chosen {
                    self.line.clear();
                    if self.left > 0 {
                        self.left -= 1;
                        let (columns, style) = (self.columns.as_slice(), &self.style);
                        match self.form {
                            None => {}
                            Some(Form::Lines) => style.line(&self.ids, &row, &mut self.line),
                            Some(Form::Separated(separator)) => {
                                FieldCells::read(columns, style, &row).csv(separator, &mut self.line);
                            }
                            Some(Form::Json) => FieldCells::read(columns, style, &row).json(&mut self.line),
                            Some(Form::Columns) => self.cells = FieldCells::read(columns, style, &row),
                        }
                    }
                    if let Some(flow) = view.flow {
                        self.flows.note(flow.id);
                        let doubtful = if self.doubtful.is_empty() { None } else { self.doubtful.get_mut(&flow.id) };
                        doubtful
                            .into_iter()
                            .flatten()
                            .filter(|(frame, _)| *frame == view.frame.number)
                            .for_each(|(_, chosen)| *chosen = true);
                    }
                    self.extractor.displayed();
                }
                self.suspect(view, chosen);
                self.last = view.frame.number;
                self.extractor.clear();
                has(chosen)
            }
            Told::Flow(flow, _) => {
                self.clients.remove(&flow.id);
                self.doubtful.remove(&flow.id);
                self.suspected.remove(&flow.id);
                has(self.flows.end(flow.id) || self.filter.is_none())
            }
            Told::Session(session, _) => has(self.is_shown(session.flow.id)),
            Told::SnSession(session) => has(self.is_shown(session.flow.id)),
            // What a message proves is told before the frame that completed it.
            Told::Delivery(delivery) => self.waits_for(delivery.first.place.flow),
            Told::Finding(finding) => finding.flow.map_or(Fate::Shown, |flow| self.waits_for(flow.id)),
            Told::Stream(..) | Told::Topic(..) => Fate::Shown,
        }
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

    /// Remembers whether a frame was chosen that may hold a message of MQTT-SN, until it is known.
    fn suspect(&mut self, view: &PacketView<'_>, chosen: bool) {
        let (Some(flow), Payload::Udp(datagram)) = (view.flow, view.packet.payload) else { return };
        if view.protocol.is_some() {
            self.suspected.remove(&flow.id);
        } else if chosen && sn::looks_like(datagram.payload, datagram.payload_length) {
            let held = self.suspected.entry(flow.id).or_default();
            if held.len() < SUSPECTED {
                held.push(view.frame.number);
            }
        }
    }

    fn is_shown(&self, flow: FrameNo) -> bool {
        self.filter.is_none() || self.flows.know(flow) == Known::Chosen
    }

    fn waits_for(&self, flow: FrameNo) -> Fate {
        if self.is_shown(flow) { Fate::Shown } else { Fate::Waits }
    }
}
