//! What is made from the program itself: completions, the manual page, the schema.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;

use super::args::Arguments;

/// Prints the completions of a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mqttsniff", &mut text);
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page: the program, then each command.
pub(super) fn man() -> anyhow::Result<ExitCode> {
    let mut command = Arguments::command();
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let man = clap_mangen::Man::new(sub.clone());
        writeln!(text, ".SH \"MQTTSNIFF {}\"", sub.get_name().to_uppercase())?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
    }
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the JSON Schema.
pub(super) fn schema() -> anyhow::Result<ExitCode> {
    io::stdout().write_all(mqttsniff::render::JSON_SCHEMA.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
