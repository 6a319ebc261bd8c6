//! Columns of fields: a capture and the names of fields go in, a line for each frame comes out.
//!
//! ```text
//! cargo run --example fields -- fixtures/mqtt5_qos.pcap frame.number tcp.srcport mqtt.topic
//! ```
//!
//! Without names it shows all fields that the program knows, below a line with their names.

use std::io::Write as _;

use mqttsniff::dissect::Protocol;
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Columns, Extractor, Names, Registry};
use mqttsniff::{Analysis, Output};

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let mut options = EngineOptions::default();
    if arguments.next_if_eq("--mqtt").is_some() {
        // As Wireshark does it: by the port, at once.
        options.dissect.decode_as =
            arguments.next().and_then(|port| Some((port.parse().ok()?, Protocol::Mqtt))).into_iter().collect();
    }
    let Some(path) = arguments.next() else {
        eprintln!("usage: fields [--mqtt PORT] FILE [FIELD]...");
        return;
    };
    let names: Vec<_> = arguments.collect();
    let mut fields = Vec::new();
    for name in &names {
        match Registry::find(name) {
            Some((id, _)) => fields.push(id),
            None => eprintln!("no field `{name}`; near to it: {}", Registry.nearest(name).join(", ")),
        }
    }
    if names.is_empty() {
        fields = Registry::fields().map(|(id, _)| id).collect();
    }
    let mut extractor = Extractor::new(&fields);
    let mut analysis = match Analysis::open_with(&[path], extractor.engine_options(options)) {
        Ok(analysis) => analysis,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem:?}");
            }
            return;
        }
    };
    let columns = Columns { header: names.is_empty(), ..Columns::default() };
    let mut text = String::new();
    columns.begin(&fields, &mut text);
    let mut out = std::io::stdout().lock();
    analysis.run(&mut |output: &Output<'_>| match output {
        Output::Message(flow, message) => extractor.on_message(*flow, message, None),
        Output::Preview(_, message) => extractor.on_preview(message, None),
        Output::Packet(view) => {
            columns.line(&fields, &extractor.row(view), &mut text);
            extractor.clear();
            // A closed pipe is no matter here.
            let _ = out.write_all(text.as_bytes());
            text.clear();
        }
        _ => {}
    });
}
