//! What is made from the program itself: completions, the manual page, the schema.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Arg, Command, CommandFactory as _};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::args::Arguments;
use super::output::STDOUT;

/// Prints the completions of a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mqttsniff", &mut text);
    io::stdout().write_all(&text).context(STDOUT)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page.
pub(super) fn man() -> anyhow::Result<ExitCode> {
    io::stdout().write_all(manual().as_bytes()).context(STDOUT)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the JSON Schema.
pub(super) fn schema() -> anyhow::Result<ExitCode> {
    io::stdout().write_all(mqttsniff::render::JSON_SCHEMA.as_bytes()).context(STDOUT)?;
    Ok(ExitCode::SUCCESS)
}

/// One page for all commands: what a reader looks for is found by searching in it. `clap_mangen` alone would make
/// a page for each, and refer to them.
fn manual() -> String {
    let mut command = Arguments::command();
    command.build();
    let commands: Vec<&Command> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    let mut page = Roff::new();
    let version = format!("mqttsniff {}", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["MQTTSNIFF", "1", "", version.as_str(), "User Commands"]);
    // Names and options shall not be broken, and a narrow terminal is no place for justified text.
    page.control("nh", []);
    page.control("ad", ["l"]);

    page.control("SH", ["NAME"]);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.text([roman(format!("mqttsniff - {}", lower_first(&about)))]);

    page.control("SH", ["SYNOPSIS"]);
    for (index, sub) in commands.iter().enumerate() {
        if index > 0 {
            page.control("br", []);
        }
        page.text(usage(sub));
    }

    page.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut page, &command.get_long_about().map(ToString::to_string).unwrap_or(about));

    page.control("SH", ["COMMANDS"]);
    for sub in &commands {
        page.control("SS", [format!("mqttsniff {}", sub.get_name()).as_str()]);
        let about = sub.get_long_about().or_else(|| sub.get_about()).map(ToString::to_string).unwrap_or_default();
        paragraphs(&mut page, &about);
        options(&mut page, sub);
        if let Some(text) = sub.get_after_help().or_else(|| sub.get_after_long_help()) {
            after_help(&mut page, &text.to_string());
        }
    }

    page.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in EXIT_STATUS {
        entry(&mut page, vec![bold(*status)], meaning);
    }
    page.control("SH", ["ENVIRONMENT"]);
    for (variable, meaning) in ENVIRONMENT {
        entry(&mut page, vec![bold(*variable)], meaning);
    }
    page.control("SH", ["RIGHTS"]);
    paragraphs(&mut page, RIGHTS);
    page.control("SH", ["SEE ALSO"]);
    let mut see = Vec::new();
    for (name, section) in [("pcap-filter", 7), ("tcpdump", 8), ("tshark", 1), ("jq", 1)] {
        if !see.is_empty() {
            see.push(roman(", "));
        }
        see.extend([bold(name), roman(format!("({section})"))]);
    }
    page.text(see);
    page.to_roff()
}

const EXIT_STATUS: &[(&str, &str)] = &[
    (
        "0",
        "All was read, or the capture ended as asked for: by a signal, --count or --duration; check found \
         nothing. Also if the reader \
         of standard output went away.",
    ),
    ("1", "check found something as bad as --fail-on, or worse; diff found that the captures differ."),
    (
        "2",
        "Bad usage, input that can't be read or is cut short (what could be read is still printed), or a failed write.",
    ),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("COLUMNS", "How wide tables are laid out, where standard output is no terminal."),
    ("NO_COLOR", "If set and not empty, there are no colours, unless --color always is given."),
    (
        "CLICOLOR_FORCE",
        "If set and neither empty nor 0, there are colours without a terminal as well; NO_COLOR comes first.",
    ),
    (
        "MQTTSNIFF_REDACT_KEY",
        "The secret that --redact and the command redact make tokens with, where --redact-key is not given.",
    ),
    (
        "MQTTSNIFF_LIBPCAP",
        "The libpcap to load instead of the system's. Passed over where the program has more rights than its caller.",
    ),
];

const RIGHTS: &str = "\
Reading files takes no rights. Capturing takes CAP_NET_RAW, and CAP_NET_ADMIN for --promiscuous. Give them to the \
program once, rather than running it as root:

  sudo setcap cap_net_raw,cap_net_admin=ep $(command -v mqttsniff)

Once all is open and before the first frame is looked at, root and all capabilities are given up (--user), and on Linux \
Landlock and seccomp take away what is not needed (--cage): other files, sockets, other programs. What could not be applied \
is said. docs/security.md has the details.";

/// `mqttsniff read [OPTIONS] FILE...`
fn usage(command: &Command) -> Vec<Inline> {
    let mut line = vec![bold(format!("mqttsniff {}", command.get_name()))];
    let (required, others): (Vec<&Arg>, Vec<&Arg>) = command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && arg.get_id() != "help")
        .partition(|arg| arg.is_required_set());
    if !others.is_empty() {
        line.extend([roman(" ["), italic("OPTIONS"), roman("]")]);
    }
    for arg in required {
        let name = arg.get_long().unwrap_or_default();
        line.extend([roman(" "), bold(format!("--{name}")), roman(" "), italic(value_name(arg))]);
    }
    for arg in command.get_positionals() {
        let name = value_name(arg);
        let several = arg.get_num_args().is_some_and(|range| range.max_values() > 1) && !name.contains("...");
        let (before, behind) = if arg.is_required_set() { (" ", "") } else { (" [", "]") };
        line.extend([roman(before), italic(name), roman(format!("{}{behind}", if several { "..." } else { "" }))]);
    }
    line
}

fn value_name(arg: &Arg) -> String {
    arg.get_value_names().map_or_else(|| arg.get_id().to_string(), |names| names.join(" "))
}

/// The arguments first, then the options, in the order of `--help`.
fn options(page: &mut Roff, command: &Command) {
    let (positionals, others): (Vec<&Arg>, Vec<&Arg>) = command
        .get_arguments()
        .filter(|arg| arg.get_id() != "help" && !arg.is_hide_set())
        .partition(|arg| arg.is_positional());
    for arg in positionals.into_iter().chain(others) {
        let mut names = Vec::new();
        if let Some(short) = arg.get_short() {
            names.extend([bold(format!("-{short}")), roman(", ")]);
        }
        if let Some(long) = arg.get_long() {
            names.push(bold(format!("--{long}")));
        }
        if arg.is_positional() {
            names.push(italic(value_name(arg)));
        } else if arg.get_action().takes_values() {
            names.extend([roman(" "), italic(value_name(arg))]);
        }
        let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        entry(page, names, &help);
        if !arg.get_action().takes_values() {
            continue;
        }
        let values = arg.get_possible_values();
        let explained = values.iter().any(|value| value.get_help().is_some());
        if explained {
            page.control("RS", []);
            for value in &values {
                let meaning = value.get_help().map(ToString::to_string).unwrap_or_default();
                page.control("TP", ["10"]);
                page.text([bold(value.get_name())]);
                page.text([roman(meaning)]);
            }
            page.control("RE", []);
        } else if !values.is_empty() {
            let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
            inner_paragraph(page, &format!("One of {}.", names.join(", ")));
        }
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !defaults.is_empty() {
            inner_paragraph(page, &format!("Default: {}.", defaults.join(", ")));
        }
    }
}

/// A name and, indented below it, what it means.
fn entry(page: &mut Roff, name: Vec<Inline>, text: &str) {
    page.control("TP", []);
    page.text(name);
    for (index, paragraph) in text.split("\n\n").enumerate() {
        // The first line of clap's help has no full stop, since it also stands alone.
        let stop = if index == 0 && !paragraph.ends_with(['.', ':']) { "." } else { "" };
        if index > 0 {
            page.control("IP", []);
        }
        page.text([roman(format!("{paragraph}{stop}"))]);
    }
}

fn inner_paragraph(page: &mut Roff, text: &str) {
    page.control("IP", []);
    page.text([roman(text)]);
}

/// Paragraphs, and lines that begin with spaces as they are.
fn paragraphs(page: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n") {
        page.control("PP", []);
        if paragraph.starts_with(' ') {
            verbatim(page, paragraph.lines());
        } else {
            let stop = if paragraph.ends_with(['.', ':']) { "" } else { "." };
            page.text([roman(format!("{paragraph}{stop}"))]);
        }
    }
}

/// The examples that stand below the options, under their heading.
fn after_help(page: &mut Roff, text: &str) {
    let (heading, examples) = text.split_once('\n').unwrap_or(("", text));
    page.control("PP", []);
    page.text([roman(heading)]);
    verbatim(page, examples.lines());
}

fn verbatim<'a>(page: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    page.control("RS", ["4"]);
    page.control("nf", []);
    for line in lines {
        page.text([roman(line.trim_start())]);
    }
    page.control("fi", []);
    page.control("RE", []);
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(command: &Command, sink: &mut dyn FnMut(&Command, &Arg)) {
        command.get_arguments().for_each(|arg| sink(command, arg));
        command.get_subcommands().for_each(|sub| all(sub, sink));
    }

    /// `clap_complete` puts what a value means between double quotes as it is, in the scripts for fish and zsh: a quote
    /// ends the string there, and what follows is run.
    #[test]
    fn what_a_value_means_needs_no_quoting_in_a_shell() {
        let mut command = Arguments::command();
        command.build();
        let mut count = 0;
        all(&command, &mut |command, arg| {
            for value in arg.get_possible_values() {
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                let place = format!("{} {}: {}", command.get_name(), arg.get_id(), value.get_name());
                for text in [value.get_name(), &help] {
                    assert!(!text.contains(['"', '\'', '`', '$', '\\', '\n']), "{place}: {text}");
                }
                count += 1;
            }
        });
        assert!(count > 100, "{count} values");
    }

    /// Of options all shells quote the help, but zsh expands what a backtick or a dollar begins once more.
    #[test]
    fn the_help_of_an_option_has_nothing_that_a_shell_expands() {
        let mut command = Arguments::command();
        command.build();
        all(&command, &mut |command, arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.contains(['"', '`', '$', '\\']), "{} {}: {help}", command.get_name(), arg.get_id());
        });
    }
}
