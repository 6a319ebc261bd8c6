//! Which frames of captures display filters select.
//!
//! ```text
//! cargo run --example filters -- filters.txt fixtures/mqtt5_qos.pcap
//! ```
//!
//! The file has a filter a line. For each capture there is a line for each filter: the number of the filter, counted
//! from 0, and the frames that it selects, or why it is refused.

use mqttsniff::dissect::Protocol;
use mqttsniff::engine::EngineOptions;
use mqttsniff::field::{Extractor, Filter, FilterError, Registry};
use mqttsniff::{Analysis, Output};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(list) = arguments.next() else {
        eprintln!("usage: filters LIST FILE...");
        return;
    };
    let list = match std::fs::read_to_string(&list) {
        Ok(list) => list,
        Err(error) => {
            eprintln!("{list}: {error}");
            return;
        }
    };
    let filters: Vec<_> = list.lines().map(|text| Filter::parse(text, &Registry)).collect();
    let mut fields: Vec<_> = filters.iter().flatten().flat_map(Filter::fields).collect();
    fields.sort_unstable();
    fields.dedup();
    for path in arguments {
        println!("{path}");
        for (at, frames) in selected(&path, &filters, &fields).iter().enumerate() {
            match frames {
                Ok(frames) => println!("{at}\t{}", frames.join(",")),
                Err(error) => println!("{at}\trefused: {}", error.message()),
            }
        }
    }
}

fn selected<'f>(
    path: &str,
    filters: &'f [Result<Filter, FilterError>],
    fields: &[mqttsniff::field::FieldId],
) -> Vec<Result<Vec<String>, &'f FilterError>> {
    let mut frames: Vec<_> = filters.iter().map(|filter| filter.as_ref().map(|_| Vec::new())).collect();
    let mut extractor = Extractor::new(fields);
    let mut options = EngineOptions::default();
    // As Wireshark does it: by the port, at once.
    options.dissect.decode_as = vec![(1883, Protocol::Mqtt)];
    let mut analysis = match Analysis::open_with(&[path], extractor.engine_options(options)) {
        Ok(analysis) => analysis,
        Err(problems) => {
            eprintln!("{path}: {problems:?}");
            return frames;
        }
    };
    analysis.run(&mut |output: &Output<'_>| match output {
        Output::Message(flow, message) => extractor.on_message(*flow, message, None),
        Output::Preview(_, message) => extractor.on_preview(message, None),
        Output::Packet(view) => {
            let row = extractor.row(view);
            for (filter, frames) in filters.iter().zip(&mut frames) {
                if let (Ok(filter), Ok(frames)) = (filter, frames)
                    && filter.matches(&row)
                {
                    frames.push(view.frame.number.0.to_string());
                }
            }
            extractor.clear();
        }
        _ => {}
    });
    frames
}
