//! `mqttsniff` on the command line: parses the arguments, runs the command, turns its end into an exit status.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(status) => status,
        Err(error) => cli::report(&error),
    }
}
