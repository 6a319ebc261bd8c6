//! `mqttsniff interfaces`: the cards that can be captured from.

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use mqttsniff::capture::interfaces::{self, Interface};
use mqttsniff::text::Escaped;

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
    // The kernel lets a name hold nearly anything.
    let name = |interface: &Interface| Escaped(interface.name.as_bytes()).to_string();
    let widest = list.iter().map(|interface| name(interface).chars().count()).max().unwrap_or(0);
    for interface in list {
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        let description = interface
            .description
            .as_deref()
            .map(|text| format!("  ({})", Escaped(text.as_bytes())))
            .unwrap_or_default();
        let state = state(interface);
        let line = format!("{:<widest$}  {state:<14}  {}{description}", name(interface), addresses.join(" "));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_an_interface_moves_the_terminal() {
        let interface = Interface {
            name: "e\u{1b}[31m".to_owned(),
            description: Some("a\u{9b}b".to_owned()),
            addresses: Vec::new(),
            up: true,
            running: true,
            loopback: false,
            wireless: false,
        };
        let mut out = Vec::new();
        print(&[interface], false, &mut out).expect("memory takes it");
        let text = String::from_utf8(out).expect("it is text");
        assert!(text.starts_with(r"e\u{1b}[31m") && text.trim_end().chars().all(|c| !c.is_control()), "{text:?}");
    }
}
