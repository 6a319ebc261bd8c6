//! `mqttsniff interfaces`: the cards that can be captured from.

use std::io::{self, Write as _};
use std::process::ExitCode;

use mqttsniff::capture::interfaces::{self, Interface};

use super::args::Interfaces;
use super::failure::Failure;

pub(super) fn run(arguments: &Interfaces) -> anyhow::Result<ExitCode> {
    let list = interfaces::list().map_err(Failure::from)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        for interface in &list {
            mqttsniff::render::write_interface(&mut out, interface)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let widest = list.iter().map(|interface| interface.name.len()).max().unwrap_or(0);
    for interface in &list {
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        let description = interface.description.as_deref().map(|text| format!("  ({text})")).unwrap_or_default();
        let state = state(interface);
        let line = format!("{:<widest$}  {state:<14}  {}{description}", interface.name, addresses.join(" "));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What can be said of its state in two words.
fn state(interface: &Interface) -> String {
    let state = match (interface.up, interface.running) {
        (false, _) => "down",
        (true, false) => "up, no link",
        (true, true) => "up",
    };
    let kind = match (interface.loopback, interface.wireless) {
        (true, _) => ", loopback",
        (_, true) => ", wireless",
        _ => "",
    };
    format!("{state}{kind}")
}
