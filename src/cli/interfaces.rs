//! `mqttsniff interfaces`: the cards that can be captured from.

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use mqttsniff::capture::interfaces::{self, Interface};

use super::args::Interfaces;
use super::failure::Failure;
use super::output::STDOUT;

pub(super) fn run(arguments: &Interfaces) -> anyhow::Result<ExitCode> {
    let list = interfaces::list().map_err(Failure::from)?;
    print(&list, arguments.json, &mut io::stdout().lock()).context(STDOUT)?;
    Ok(ExitCode::SUCCESS)
}

fn print(list: &[Interface], json: bool, out: &mut impl io::Write) -> io::Result<()> {
    if json {
        return list.iter().try_for_each(|interface| mqttsniff::render::write_interface(&mut *out, interface));
    }
    let widest = list.iter().map(|interface| interface.name.len()).max().unwrap_or(0);
    for interface in list {
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        let description = interface.description.as_deref().map(|text| format!("  ({text})")).unwrap_or_default();
        let state = state(interface);
        let line = format!("{:<widest$}  {state:<14}  {}{description}", interface.name, addresses.join(" "));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
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
